"""Many weightings of the same scores at once: the metrics of `scores` in closed form, for resamples.

As `tables` is to the libraries' metrics of a 2x2 table; a test holds each of these equal to scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cotjudge.stats.arrays import Floats
from cotjudge.stats.scores import BINS, HIGH_FPR, LOW_FPR, bins_of
from cotjudge.stats.tables import ratio


@dataclass(frozen=True)
class Rankings:
    """How many positives and negatives each score has, in many resamples."""

    scores: Floats
    """The distinct scores, falling."""
    positives: Floats
    """True rows: resamples x scores."""
    negatives: Floats
    """The others: resamples x scores."""

    @property
    def n(self) -> Floats:
        """Rows of each resample."""
        total: Floats = self.positives.sum(axis=1) + self.negatives.sum(axis=1)
        return total

    @property
    def tpr(self) -> Floats:
        """The share of positives at each score and above; nan without one of both classes."""
        return _rates(self.positives, self.negatives)

    @property
    def fpr(self) -> Floats:
        """The share of negatives at each score and above; nan without one of both classes."""
        return _rates(self.negatives, self.positives)


def auroc(r: Rankings) -> Floats:
    """The area under the ROC curve, by trapezoids."""
    tpr, fpr = _from_zero(r.tpr), _from_zero(r.fpr)
    area: Floats = (np.diff(fpr) * (tpr[:, 1:] + tpr[:, :-1]) / 2).sum(axis=1)
    return area + _undefined(r)


def average_precision(r: Rankings) -> Floats:
    """The area under the precision-recall curve, by steps."""
    tp, fp = np.cumsum(r.positives, axis=1), np.cumsum(r.negatives, axis=1)
    precision = np.nan_to_num(ratio(tp, tp + fp))
    area: Floats = (np.diff(_from_zero(r.tpr)) * precision).sum(axis=1)
    return area + _undefined(r)


def brier(r: Rankings) -> Floats:
    """The Brier score."""
    return ratio(r.positives @ (1 - r.scores) ** 2 + r.negatives @ r.scores**2, r.n)


def ece(r: Rankings) -> Floats:
    """The expected calibration error over `scores.BINS` bins."""
    excess = (r.positives + r.negatives) * r.scores - r.positives
    return ratio(np.abs(excess @ np.eye(BINS)[bins_of(r.scores, BINS)]).sum(axis=1), r.n)


def tpr_at(r: Rankings, limit: float) -> Floats:
    """The best recall at a false-alarm rate of at most `limit`."""
    best: Floats = np.where(r.fpr <= limit, r.tpr, 0).max(axis=1, initial=0)
    return best + _undefined(r)


RANKING_METRICS: Mapping[str, Callable[[Rankings], Floats]] = {
    "auroc": auroc,
    "average_precision": average_precision,
    "tpr_at_fpr_01": lambda r: tpr_at(r, LOW_FPR),
    "tpr_at_fpr_05": lambda r: tpr_at(r, HIGH_FPR),
    "brier": brier,
    "ece": ece,
}
"""The metrics of scores by the name of their field in `Agreement`."""


def _rates(counts: Floats, others: Floats) -> Floats:
    both = np.where(others.sum(axis=1) > 0, counts.sum(axis=1), 0)
    return ratio(np.cumsum(counts, axis=1), both[:, None])


def _from_zero(rates: Floats) -> Floats:
    return np.concatenate([np.zeros((len(rates), 1)), rates], axis=1)


def _undefined(r: Rankings) -> Floats:
    """Nan where there is one class only, 0 elsewhere."""
    both = (r.positives.sum(axis=1) > 0) & (r.negatives.sum(axis=1) > 0)
    return np.where(both, 0.0, np.nan)
