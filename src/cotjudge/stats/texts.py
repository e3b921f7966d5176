"""A small text classifier: hashed n-grams and logistic regression, kept as plain values.

What is learned is an array of weights and three numbers, which are stored as text and applied to one text at a time.
Probabilities are calibrated on texts that the regression had not seen (Platt 2000, by cross-validation).
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cotjudge.stats.arrays import Bools, Floats, Ints, bools, groups
from cotjudge.stats.scores import has_both

FOLDS = 5
"""Parts of the cross-validation."""

MOST_BUCKETS = 1 << 22
"""The most features there can be."""

_STRENGTH = 10.0  # inverse of the regularisation; 1 to 100 make little difference on data/gold
_FREE = 1e6  # as good as none

Matrix = Any
"""A sparse matrix of scipy, texts x buckets."""


class Grams(BaseModel):
    """What is counted in a text: words and pairs of words, and the letters within words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    buckets: int = Field(default=1 << 16, ge=2, le=MOST_BUCKETS)
    """Features in all, half for words and half for letters; n-grams share them by their hash."""
    words: tuple[int, int] = (1, 2)
    """Fewest and most words of an n-gram."""
    letters: tuple[int, int] = (3, 4)
    """Fewest and most letters of an n-gram."""

    def features(self, texts: Sequence[str]) -> Matrix:
        """Each text's n-grams, counted and brought to length one; texts x buckets."""
        from scipy.sparse import hstack

        return hstack([vectorizer.transform(texts) for vectorizer in _vectorizers(self)]).tocsr()


class TextModel(BaseModel):
    """What was learned: from a text's features to a probability."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float
    """From a margin to log-odds: the factor."""
    offset: float
    """From a margin to log-odds: what is added."""
    intercept: float
    """The margin of an empty text."""
    buckets: int = Field(ge=2, le=MOST_BUCKETS)
    """How many weights there are."""
    weights: str
    """The weights: little-endian 32-bit floats, deflated, in base64."""

    @model_validator(mode="after")
    def _holds_weights(self) -> TextModel:
        try:
            found = len(self.array)
        except (binascii.Error, zlib.error, ValueError) as error:
            raise ValueError(f"weights cannot be read: {error}") from None
        if found != self.buckets:
            raise ValueError(f"{found} weights for {self.buckets} buckets")
        return self

    @property
    def array(self) -> npt.NDArray[np.float32]:
        """The weights."""
        return _unpacked(self.weights, self.buckets)

    def probabilities(self, features: Matrix) -> Floats:
        """The probability of each row of features."""
        return _logistic((features @ self.array + self.intercept) * self.slope + self.offset)


@dataclass(frozen=True)
class Learned:
    """A model and what it is worth."""

    model: TextModel
    """Fitted on all texts."""
    held_out: Floats
    """The probability of each text from models, and calibrations, that had not seen it."""


def learn(features: Matrix, truth: npt.ArrayLike, *, clusters: npt.ArrayLike | None = None, seed: int = 0) -> Learned:
    """Fit the classifier and calibrate it.

    Args:
        features: texts x buckets.
        truth: booleans, one per text.
        clusters: one key per text; texts of one key are on one side of every fold. By default each is its own.
        seed: how texts are dealt to folds.

    Raises:
        ValueError: too few texts or clusters of one class for `FOLDS` folds.
    """
    y = bools("truth", truth, features.shape[0])
    folds = _folds(y, groups(clusters, len(y))[0], seed)
    margins, held_out = np.empty(len(y)), np.empty(len(y))
    for train, held in folds:
        margins[held] = _regression(features[train], y[train]).decision_function(features[held])
    for train, held in folds:
        slope, offset = _platt(margins[train], y[train])
        held_out[held] = _logistic(slope * margins[held] + offset)
    return Learned(_model(_regression(features, y), *_platt(margins, y)), held_out)


def version() -> str:
    """The version of scikit-learn."""
    import sklearn

    return str(sklearn.__version__)


@lru_cache(maxsize=32)
def _unpacked(weights: str, buckets: int) -> npt.NDArray[np.float32]:
    raw = zlib.decompressobj().decompress(base64.b64decode(weights, validate=True), 4 * buckets + 4)
    return np.frombuffer(raw, "<f4")


@lru_cache(maxsize=8)
def _vectorizers(grams: Grams) -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import HashingVectorizer

    half = grams.buckets // 2
    return (
        HashingVectorizer(ngram_range=grams.words, n_features=half),
        HashingVectorizer(analyzer="char_wb", ngram_range=grams.letters, n_features=grams.buckets - half),
    )


def _folds(y: Bools, group: Ints, seed: int) -> list[tuple[Ints, Ints]]:
    from sklearn.model_selection import StratifiedGroupKFold

    fewest = min(len(set(group[y].tolist())), len(set(group[~y].tolist())))
    if fewest < FOLDS:
        raise ValueError(f"{FOLDS} texts (or clusters) of each class are wanted at least, there are {fewest}")
    dealt = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(np.zeros(len(y)), y, group)
    folds = [(train, held) for train, held in dealt if len(held)]
    if not all(has_both(y[train]) for train, _ in folds):
        raise ValueError(
            "the clusters cannot be dealt to folds with both classes in each; take a smaller kind of cluster"
        )
    return folds


def _regression(features: Matrix, y: Bools) -> Any:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_STRENGTH, class_weight="balanced", solver="liblinear", random_state=0, max_iter=1000)
    return model.fit(features, y)


def _platt(margins: Floats, y: Bools) -> tuple[float, float]:
    """Slope and offset from margins to log-odds, by Platt's (2000) targets, which never are 0 or 1."""
    from sklearn.linear_model import LogisticRegression

    positive, negative = int(y.sum()), int((~y).sum())
    target = np.where(y, (positive + 1) / (positive + 2), 1 / (negative + 2))
    twice = np.concatenate([margins, margins])[:, None]
    sides = np.repeat([True, False], len(y))
    fitted = LogisticRegression(C=_FREE, max_iter=1000).fit(twice, sides, np.concatenate([target, 1 - target]))
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def _model(regression: Any, slope: float, offset: float) -> TextModel:
    weights = np.ascontiguousarray(regression.coef_[0], dtype="<f4")
    packed = base64.b64encode(zlib.compress(weights.tobytes(), 9)).decode()
    return TextModel(
        slope=slope, offset=offset, intercept=float(regression.intercept_[0]), buckets=len(weights), weights=packed
    )


def _logistic(log_odds: Floats) -> Floats:
    odds: Floats = 1 / (1 + np.exp(-np.clip(log_odds, -500, 500)))
    return odds
