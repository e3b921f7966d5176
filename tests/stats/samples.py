"""Random truths, labels and scores for the tests of statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cotjudge.stats.arrays import Bools, Floats


@dataclass(frozen=True)
class Sample:
    """What a judge said about traces whose truth is known."""

    truth: Bools
    judged: Bools
    scores: Floats


def sample(seed: int, rows: int = 120, digits: int = 2) -> Sample:
    """A judge better than chance, at a random prevalence; scores are rounded, so there are ties."""
    random = np.random.default_rng(seed)
    truth = random.random(rows) < random.uniform(0.1, 0.9)
    scores = np.clip(random.normal(0.4 + 0.2 * truth, 0.25), 0, 1).round(digits)
    return Sample(truth, scores > random.uniform(0.3, 0.7), scores)
