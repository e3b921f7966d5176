"""From a judge's score to a decision or a probability, chosen on a tune side and kept as plain values.

What is fitted is small, frozen and serialisable (`model_dump_json`, `model_validate_json`), and is applied without
scikit-learn. Fit on traces that are not those the result is told on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from cotjudge.stats import tables
from cotjudge.stats.arrays import Bools, Floats, Numbers, floats
from cotjudge.stats.scores import has_both, scored
from cotjudge.stats.tables import Tables

Objective = Literal["mcc", "f1", "fpr", "recall"]
"""What a threshold is chosen for: the best MCC or F1; the best recall at a false-alarm rate of at most `limit`; the
fewest false alarms at a recall of at least `limit`."""


class Threshold(BaseModel):
    """A cut through the scores: from it on they are positive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    """The lowest score that is positive."""
    objective: Objective
    """What it was chosen for."""
    limit: float | None
    """The rate that had to be kept, for `fpr` and `recall`."""
    attained: float
    """What it attains on the tune side: MCC, F1, recall (for `fpr`) or false-alarm rate (for `recall`)."""
    n: int
    """Rows of the tune side that have a score."""

    def apply(self, scores: Numbers) -> Bools:
        """Which scores are positive; nan is not."""
        return floats("scores", scores) >= self.value


class IsotonicMap(BaseModel):
    """A never-falling map from score to probability, straight between its knots and flat beyond them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scores: tuple[float, ...]
    """Where the knots stand, rising."""
    probabilities: tuple[float, ...]
    """The probability at each knot, never falling."""
    n: int
    """Rows of the tune side that have a score."""

    def apply(self, scores: Numbers) -> Floats:
        """The probabilities of scores; nan stays nan."""
        return np.interp(floats("scores", scores), self.scores, self.probabilities)


def choose_threshold(
    truth: npt.ArrayLike, scores: Numbers, objective: Objective = "mcc", limit: float | None = None
) -> Threshold | None:
    """The best of the scores given as the lowest positive one; of equals the highest.

    Args:
        truth: booleans.
        scores: in [0, 1]; rows of nan or None are left out.
        objective: what to choose for.
        limit: the rate to keep, for `fpr` and `recall`.

    Returns:
        The threshold; None where there is one class only, or no score keeps the limit.

    Raises:
        ValueError: the limit is missing or not wanted, numbers of rows differ, or a score is out of range.
    """
    if (limit is not None) != (objective in ("fpr", "recall")):
        raise ValueError(f"a limit goes with the objectives fpr and recall: objective {objective}, limit {limit}")
    y, s = scored(truth, scores)
    if not has_both(y):
        return None
    cuts, cut_tables = _cuts(y, s)
    value = _OBJECTIVES[objective](cut_tables, 0.0 if limit is None else limit)
    if np.isnan(value).all():
        return None
    best = int(np.nanargmax(value))
    attained = -value[best] if objective == "recall" else value[best]
    return Threshold(value=cuts[best], objective=objective, limit=limit, attained=attained, n=len(y))


def fit_isotonic(truth: npt.ArrayLike, scores: Numbers) -> IsotonicMap | None:
    """Fit the map (Zadrozny & Elkan 2002), through scikit-learn.

    Args:
        truth: booleans.
        scores: in [0, 1]; rows of nan or None are left out.

    Returns:
        The map; None where there is one class only. A few dozen rows fit it badly: look at its Brier score elsewhere.

    Raises:
        ValueError: numbers of rows differ, or a score is out of range.
    """
    y, s = scored(truth, scores)
    if not has_both(y):
        return None
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(s, y)
    return IsotonicMap(scores=fitted.X_thresholds_.tolist(), probabilities=fitted.y_thresholds_.tolist(), n=len(y))


def _cuts(y: Bools, s: Floats) -> tuple[Floats, Tables]:
    """Every distinct score, highest first, and the table that comes of cutting there."""
    distinct, place = np.unique(-s, return_inverse=True)
    tp, fp = (np.cumsum(np.bincount(place, of), dtype=float) for of in (y, ~y))
    return -distinct, Tables(tp, fp, tp[-1] - tp, fp[-1] - fp)


def _recall_within(t: Tables, limit: float) -> Floats:
    return np.where(1 - tables.specificity(t) <= limit + _ROUNDING, tables.recall(t), np.nan)


def _quiet_beyond(t: Tables, limit: float) -> Floats:
    return np.where(tables.recall(t) >= limit - _ROUNDING, tables.specificity(t) - 1, np.nan)


_ROUNDING = 1e-12

_OBJECTIVES: dict[Objective, Callable[[Tables, float], Floats]] = {
    "mcc": lambda t, _: tables.mcc(t),
    "f1": lambda t, _: tables.f1(t),
    "fpr": _recall_within,
    "recall": _quiet_beyond,
}
