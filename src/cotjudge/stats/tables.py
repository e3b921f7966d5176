"""Many 2x2 tables at once: the metrics of `agreement` in closed form, for resamples and candidate thresholds.

The libraries take one table a call (about a millisecond); a bootstrap has thousands. So the same metrics stand here
over arrays of counts, and a test holds each of them equal to the library's on random tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cotjudge.stats.arrays import Floats


@dataclass(frozen=True)
class Tables:
    """Counts of 2x2 tables, arrays of one shape."""

    tp: Floats
    """True and judged so."""
    fp: Floats
    """Judged so, not true."""
    fn: Floats
    """True, not judged so."""
    tn: Floats
    """Neither."""

    @property
    def n(self) -> Floats:
        """Rows of each table."""
        return self.tp + self.fp + self.fn + self.tn


def accuracy(t: Tables) -> Floats:
    """The share of rows on which truth and judge agree."""
    return ratio(t.tp + t.tn, t.n)


def precision(t: Tables) -> Floats:
    """The share of judged positives that are true."""
    return ratio(t.tp, t.tp + t.fp)


def recall(t: Tables) -> Floats:
    """The share of true positives that are judged so."""
    return ratio(t.tp, t.tp + t.fn)


def specificity(t: Tables) -> Floats:
    """The share of true negatives that are judged so."""
    return ratio(t.tn, t.tn + t.fp)


def f1(t: Tables) -> Floats:
    """The harmonic mean of precision and recall; undefined without a true positive to find."""
    return np.where(t.tp + t.fn > 0, ratio(2 * t.tp, 2 * t.tp + t.fp + t.fn), np.nan)


def kappa(t: Tables) -> Floats:
    """Cohen's (1960) kappa."""
    judged, true = t.tp + t.fp, t.tp + t.fn
    return ratio(2 * (t.tp * t.tn - t.fp * t.fn), judged * (t.n - true) + true * (t.n - judged))


def mcc(t: Tables) -> Floats:
    """Matthews' (1975) correlation coefficient; undefined where a rater never changes."""
    judged, true = t.tp + t.fp, t.tp + t.fn
    spread = np.sqrt(judged * (t.n - judged)) * np.sqrt(true * (t.n - true))
    return ratio(t.tp * t.tn - t.fp * t.fn, spread)


def ac1(t: Tables) -> Floats:
    """Gwet's (2008) AC1 for two raters and two classes."""
    positive = ratio(2 * t.tp + t.fp + t.fn, 2 * t.n)
    chance = 2 * positive * (1 - positive)
    return ratio(accuracy(t) - chance, 1 - chance)


def alpha(t: Tables) -> Floats:
    """Krippendorff's nominal alpha for two raters and no missing value."""
    positive = 2 * t.tp + t.fp + t.fn
    return 1 - ratio((t.fp + t.fn) * 2 * (2 * t.n - 1), 2 * positive * (2 * t.n - positive))


METRICS: Mapping[str, Callable[[Tables], Floats]] = {
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "specificity": specificity,
    "kappa": kappa,
    "mcc": mcc,
    "ac1": ac1,
    "alpha": alpha,
}
"""The metrics of a table by the name of their field in `Agreement`."""


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """A quotient, nan where it divides by nothing."""
    top, bottom = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    quotient: Floats = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=quotient, where=bottom > 0)
    return quotient
