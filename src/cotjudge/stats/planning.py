"""How many gold labels buy how narrow an interval of a prevalence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from cotjudge.stats.arrays import Floats
from cotjudge.stats.corrected import post_stratified_limits

Design = Literal["random", "by_judge"]
"""Labels drawn from all traces (for `ppi`), or so many from the judge's positives and its negatives (`stratified`)."""

LADDER = (50, 100, 200, 300, 500, 1000)
"""Numbers of labels that are tried by default."""

_SPLITS = np.linspace(0.05, 0.95, 37)  # shares of the labels that go to the judge's positives


@dataclass(frozen=True)
class Plan:
    """What a number of labels would buy."""

    design: Design
    """How they are drawn."""
    labels: int
    """How many in all."""
    among_positives: int
    """How many of them among the judge's positives (the number to expect, where they are drawn from all)."""
    among_negatives: int
    """How many among its negatives."""
    half_width: float
    """Half the width to expect of the prevalence's interval."""


@dataclass(frozen=True)
class Expected:
    """What is expected of the traces and the judge."""

    prevalence: float
    """The share of traces that have the property, 0 to 1."""
    sensitivity: float
    """The share of true positives judged so, 0 to 1."""
    specificity: float
    """The share of true negatives judged so, 0 to 1."""
    unlabelled: int
    """Traces that are judged."""

    def __post_init__(self) -> None:
        shares = (self.prevalence, self.sensitivity, self.specificity)
        if not all(0 <= share <= 1 for share in shares) or self.unlabelled < 1:
            raise ValueError(f"shares between 0 and 1 and at least one trace are wanted, not {self}")

    @property
    def positive_share(self) -> float:
        """The share of traces the judge is expected to call positive."""
        return self.prevalence * self.sensitivity + (1 - self.prevalence) * (1 - self.specificity)


def plan(expected: Expected, labels: Sequence[int] = LADDER, *, level: float = 0.95) -> tuple[Plan, ...]:
    """What each number of labels would buy, drawn at random and drawn by the judge's labels (at its best split).

    The widths are those of `prevalence.ppi` and `prevalence.stratified` at the counts to expect; a single sample may
    turn out a third wider or narrower, most of all where fewer than five positives are to be expected in it.

    Args:
        expected: what is expected of the traces and the judge.
        labels: numbers of labels to try; those above the number of traces are left out.
        level: confidence of the interval, between 0 and 1.
    """
    affordable = [n for n in labels if 0 < n <= expected.unlabelled]
    return tuple(row for n in affordable for row in (_random(expected, n, level), _by_judge(expected, n, level)))


def _random(expected: Expected, n: int, level: float) -> Plan:
    positives = n * expected.positive_share
    return _plan("random", n, positives, float(_half_width(expected, positives, n - positives, level)))


def _by_judge(expected: Expected, n: int, level: float) -> Plan:
    room = expected.unlabelled * expected.positive_share
    most, least = min(n, room), max(0.0, n - (expected.unlabelled - room))
    as_drawn = n * expected.positive_share
    splits = np.append(np.clip(np.round(_SPLITS * n), least, most), as_drawn)
    widths = _half_width(expected, splits, n - splits, level)
    best = int(np.argmin(widths))
    return _plan("by_judge", n, float(splits[best]), float(widths[best]))


def _plan(design: Design, n: int, positives: float, half_width: float) -> Plan:
    return Plan(design, n, round(positives), n - round(positives), half_width)


def _half_width(expected: Expected, positives: npt.ArrayLike, negatives: npt.ArrayLike, level: float) -> Floats:
    """Of the interval at the counts to expect, labels among the judge's positives and negatives being given."""
    share, prevalence = expected.positive_share, expected.prevalence
    hit = prevalence * expected.sensitivity / share if share else 0.0
    missed = prevalence * (1 - expected.sensitivity) / (1 - share) if share < 1 else 0.0
    labelled = np.stack([np.asarray(positives, float), np.asarray(negatives, float)])
    shape = (2, *(1 for _ in labelled.shape[1:]))
    rows = np.broadcast_to(
        np.reshape([expected.unlabelled * share, expected.unlabelled * (1 - share)], shape), labelled.shape
    )
    low, high = post_stratified_limits(rows, labelled, labelled * np.reshape([hit, missed], shape), level)
    return (high - low) / 2
