"""How well a score orders traces and how far it is a probability: areas, curves, Brier score, calibration error.

A row without a score (nan) is left out. Rows on which the judge abstained are not: their score orders them too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cotjudge.stats.arrays import Bools, Floats, Ints, Numbers, bools, probabilities
from cotjudge.stats.interval import Interval, wilson

BINS = 10
"""Bins of equal width on [0, 1], as in Guo et al. 2017; a score on an edge belongs to the bin below it."""

LOW_FPR, HIGH_FPR = 0.01, 0.05
"""The false-alarm rates at which recall is told."""


@dataclass(frozen=True)
class RocPoint:
    """One point of a ROC curve."""

    threshold: float | None
    """Scores from here on are positive; None where no score is."""
    fpr: float
    """The share of negatives above it."""
    tpr: float
    """The share of positives above it."""


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of a reliability curve."""

    mean_score: float
    """The mean of its scores."""
    share: float
    """The share of its rows that are true."""
    interval: Interval | None
    """The Wilson interval of that share."""
    n: int
    """Its rows."""


@dataclass(frozen=True)
class ScoreMetrics:
    """What scores are worth; None where undefined (one class only, no rows)."""

    auroc: float | None
    """Area under the ROC curve: how often a positive outranks a negative, ties counted half."""
    average_precision: float | None
    """Area under the precision-recall curve, as steps."""
    tpr_at_fpr_01: float | None
    """The best recall with at most 1% of negatives above the threshold; under 100 negatives, with none."""
    tpr_at_fpr_05: float | None
    """The same at 5%."""
    brier: float | None
    """Mean squared distance of score and truth (Brier 1950)."""
    ece: float | None
    """Expected calibration error over `BINS` bins (Naeini et al. 2015, Guo et al. 2017)."""


def measure(truth: npt.ArrayLike, scores: Numbers) -> ScoreMetrics:
    """All metrics of scores at once.

    Args:
        truth: booleans.
        scores: in [0, 1]; nan or None where there is none.

    Raises:
        ValueError: numbers of rows differ, or a score is out of range.
    """
    y, s = scored(truth, scores)
    if not has_both(y):
        return ScoreMetrics(None, None, None, None, _brier(y, s), _ece(y, s))
    return ScoreMetrics(*_ranking(y, s), _brier(y, s), _ece(y, s))


def brier(truth: npt.ArrayLike, scores: Numbers) -> float | None:
    """The Brier score: mean squared distance of score and truth; None without a row."""
    return _brier(*scored(truth, scores))


def ece(truth: npt.ArrayLike, scores: Numbers) -> float | None:
    """The expected calibration error: mean distance of a bin's mean score and its share of positives.

    Bins are `BINS` of equal width (see there); empty ones count nothing. None without a row.
    """
    return _ece(*scored(truth, scores))


def roc(truth: npt.ArrayLike, scores: Numbers) -> tuple[RocPoint, ...]:
    """The ROC curve, from no row judged positive to all; no points where there is one class only."""
    y, s = scored(truth, scores)
    if not has_both(y):
        return ()
    fpr, tpr, thresholds = _curve(y, s)
    cuts = [None if np.isinf(t) else float(t) for t in thresholds]
    return tuple(RocPoint(t, float(f), float(p)) for t, f, p in zip(cuts, fpr, tpr, strict=True))


def reliability(
    truth: npt.ArrayLike, scores: Numbers, *, bins: int = BINS, level: float = 0.95
) -> tuple[ReliabilityBin, ...]:
    """The reliability curve: what share of the rows scored so is true; empty bins are left out."""
    y, s = scored(truth, scores)
    n, score, true = (sums.tolist() for sums in _binned(y, s, bins))
    return tuple(
        ReliabilityBin(score[i] / n[i], true[i] / n[i], wilson(true[i], n[i], level), int(n[i]))
        for i in range(bins)
        if n[i]
    )


def scored(truth: npt.ArrayLike, scores: Numbers) -> tuple[Bools, Floats]:
    """The rows that have a score.

    Raises:
        ValueError: numbers of rows differ, or a score is out of range.
    """
    y = bools("truth", truth)
    s = probabilities("scores", scores, len(y))
    return y[~np.isnan(s)], s[~np.isnan(s)]


def has_both(truth: Bools) -> bool:
    """Whether there are positives and negatives."""
    return bool(truth.any() and not truth.all())


def bins_of(scores: Floats, bins: int) -> Ints:
    """The number of each score's bin, from 0."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], scores)


def _ranking(y: Bools, s: Floats) -> tuple[float, float, float, float]:
    from sklearn.metrics import auc, average_precision_score

    fpr, tpr, _ = _curve(y, s)
    low, high = (float(tpr[fpr <= limit].max()) for limit in (LOW_FPR, HIGH_FPR))
    return float(auc(fpr, tpr)), float(average_precision_score(y, s)), low, high


def _curve(y: Bools, s: Floats) -> tuple[Floats, Floats, Floats]:
    from sklearn.metrics import roc_curve

    fpr, tpr, thresholds = roc_curve(y, s, drop_intermediate=False)
    return fpr, tpr, thresholds


def _brier(y: Bools, s: Floats) -> float | None:
    if not y.size:
        return None
    from sklearn.metrics import brier_score_loss

    return float(brier_score_loss(y.astype(int), s, pos_label=1))


def _ece(y: Bools, s: Floats) -> float | None:
    n, score, true = _binned(y, s, BINS)
    return float(np.abs(score - true).sum() / n.sum()) if y.size else None


def _binned(y: Bools, s: Floats, bins: int) -> tuple[Floats, Floats, Floats]:
    """Rows, sums of scores and positives of each bin; scikit-learn's `calibration_curve` tells no numbers of rows."""
    place = bins_of(s, bins)
    n, score, true = (np.bincount(place, of, minlength=bins).astype(float) for of in (np.ones(len(s)), s, y))
    return n, score, true
