"""The text classifier: what it learns, how it is held out, and that its values are plain."""

from __future__ import annotations

import numpy as np
import pytest
from tests.validation.invented import texts

from cotjudge.stats.scores import measure
from cotjudge.stats.texts import Grams, TextModel, learn

GRAMS = Grams(buckets=1024)


def test_separable_texts_are_told_apart_and_noise_is_not() -> None:
    """Held out in turn; labels that have nothing to do with the words give probabilities near their share."""
    said = texts(90)
    features = GRAMS.features([text for text, _ in said])
    truth = np.array([hides for _, hides in said])
    assert measure(truth, learn(features, truth).held_out).auroc == pytest.approx(1)
    noise = np.random.default_rng(1).permutation(truth)
    held_out = learn(features, noise).held_out
    assert abs(held_out.mean() - noise.mean()) < 0.1
    assert (measure(noise, held_out).auroc or 0) < 0.75


def test_the_same_texts_give_the_same_model() -> None:
    """Nothing is left to chance but the seed of the folds."""
    said = texts(30)
    features = GRAMS.features([text for text, _ in said])
    truth = [hides for _, hides in said]
    assert learn(features, truth).model == learn(features, truth).model
    assert learn(features, truth, seed=1).model != learn(features, truth).model


def test_a_model_survives_as_json() -> None:
    """Its values are text and numbers, and what comes back gives the same probabilities."""
    said = texts(30)
    features = GRAMS.features([text for text, _ in said])
    model = learn(features, [hides for _, hides in said]).model
    back = TextModel.model_validate_json(model.model_dump_json())
    assert (back.probabilities(features) == model.probabilities(features)).all()


def test_a_cluster_stands_on_one_side_of_every_fold() -> None:
    """Copies under one key teach nothing about each other: noise that is the same within a key is not learned."""
    words = [f"word{n % 15} alone" for n in range(60)]
    truth = np.array([n % 15 < 7 for n in range(60)])
    features = GRAMS.features(words)
    assert measure(truth, learn(features, truth).held_out).auroc == pytest.approx(1)
    clustered = learn(features, truth, clusters=[str(n % 15) for n in range(60)])
    assert (measure(truth, clustered.held_out).auroc or 0) < 0.9


def test_too_few_of_a_class_are_refused() -> None:
    """Every fold needs both."""
    features = GRAMS.features(["a"] * 10)
    with pytest.raises(ValueError, match=r"5 texts .* of each class are wanted at least, there are 4"):
        learn(features, [True] * 4 + [False] * 6)


@pytest.mark.parametrize("weights", ["?", "AAAA", "eJwDAAAAAAE="])
def test_weights_that_are_none_are_refused(weights: str) -> None:
    """No base64, nothing deflated, or too few of them."""
    with pytest.raises(ValueError, match="weights"):
        TextModel(slope=1, offset=0, intercept=0, buckets=8, weights=weights)
