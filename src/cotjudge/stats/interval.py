"""A confidence interval, and those of a plain share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cotjudge.stats.arrays import Floats

UNDEFINED_SHARE = 0.05
"""The greatest share of resamples in which a statistic may be undefined and still have an interval."""


@dataclass(frozen=True)
class Interval:
    """A two-sided confidence interval."""

    low: float
    """Its lower end."""
    high: float
    """Its upper end."""

    @property
    def half_width(self) -> float:
        """Half the distance between its ends."""
        return (self.high - self.low) / 2

    def __contains__(self, value: float | None) -> bool:
        return value is not None and self.low <= value <= self.high


def wilson(count: float, n: float, level: float = 0.95) -> Interval | None:
    """The Wilson (1927) score interval of a share.

    Args:
        count: rows that have the property.
        n: rows in all.
        level: confidence, between 0 and 1.

    Returns:
        The interval; None where there are no rows.
    """
    return _share(count, n, level, "wilson")


def exact(count: float, n: float, level: float = 0.95) -> Interval | None:
    """The Clopper-Pearson (1934) interval of a share: never too short, somewhat too long.

    Args:
        count: rows that have the property; may be fractional, as an effective count is.
        n: rows in all; likewise.
        level: confidence, between 0 and 1.

    Returns:
        The interval; None where there are no rows.
    """
    return _share(count, n, level, "beta")


def percentile(values: Floats, level: float) -> Interval | None:
    """The percentile interval of a statistic's values in resamples (Efron 1979).

    Args:
        values: one per resample; nan where the statistic is undefined.
        level: confidence, between 0 and 1.

    Returns:
        The interval; None where the statistic is undefined in more than `UNDEFINED_SHARE` of the resamples.
    """
    known = values[~np.isnan(values)]
    if not known.size or known.size < (1 - UNDEFINED_SHARE) * values.size:
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _share(count: float, n: float, level: float, method: str) -> Interval | None:
    if n <= 0:
        return None
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(count, n, alpha=1 - level, method=method)
    # At a share of 0 or 1 the limit is that share, but for a rounding error.
    return Interval(min(float(low), count / n), max(float(high), count / n))
