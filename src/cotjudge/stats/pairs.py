"""Two judges on the same traces, and one judge on the same traces again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

from cotjudge.stats.arrays import bools, mask
from cotjudge.stats.bootstrap import DEFAULT, Resampling, ratio_interval
from cotjudge.stats.interval import Interval, wilson

EXACT_BELOW = 25
"""With fewer discordant pairs McNemar's test is exact; chi-square with continuity correction from there on."""


@dataclass(frozen=True)
class McNemar:
    """McNemar's (1947) test: are two judges right equally often on the same rows?"""

    both: int
    """Rows where both are right."""
    only_first: int
    """Rows where the first alone is."""
    only_second: int
    """Rows where the second alone is."""
    neither: int
    """Rows where none is."""
    p_value: float | None
    """Two-sided; None where the two never differ."""
    exact: bool
    """Whether it comes from the binomial distribution."""


@dataclass(frozen=True)
class Difference:
    """The difference of two shares over the same rows."""

    n: int
    """Rows that both decided."""
    coverage: float | None
    """The share of rows that both decided."""
    first: float | None
    """The first share, 0 to 1."""
    second: float | None
    """The second share, 0 to 1."""
    difference: float | None
    """First less second."""
    interval: Interval | None
    """Of the difference, by a cluster bootstrap."""


@dataclass(frozen=True)
class Flips:
    """How often repeats of one judge contradict each other; None where nothing was repeated."""

    traces: int
    """Traces with at least two labels."""
    not_unanimous: float | None
    """The share of them whose labels are not all the same; grows with the number of repeats."""
    not_unanimous_interval: Interval | None
    """Wilson's, or of a cluster bootstrap where there are clusters."""
    disagreement: float | None
    """The chance that two repeats on a trace differ, the mean over traces; does not grow with their number."""
    disagreement_interval: Interval | None
    """By a bootstrap of traces or clusters."""


def mcnemar(first: npt.ArrayLike, second: npt.ArrayLike, *, decided: npt.ArrayLike | None = None) -> McNemar:
    """Whether one judge is right more often than another.

    Args:
        first: booleans, whether the first judge is right.
        second: the same of the second, for the same rows.
        decided: booleans, true where both decided; by default everywhere.

    Raises:
        ValueError: numbers of rows differ, or something is not boolean.
    """
    a = bools("first", first)
    b = bools("second", second, len(a))
    kept = mask("decided", decided, len(a))
    a, b = a[kept], b[kept]
    both, only_a, only_b, neither = (int(x.sum()) for x in (a & b, a & ~b, ~a & b, ~a & ~b))
    exact = only_a + only_b < EXACT_BELOW
    return McNemar(both, only_a, only_b, neither, _p_value(only_a, only_b, exact=exact), exact)


def difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    decided: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    resampling: Resampling = DEFAULT,
) -> Difference:
    """How much two shares over the same rows differ: accuracies (whether right) or shares of positives.

    Args:
        first: booleans.
        second: booleans, for the same rows.
        decided: booleans, true where both decided; by default everywhere.
        clusters: one key per row; by default each row is its own cluster.
        resampling: level, number and seed of the bootstrap.

    Raises:
        ValueError: numbers of rows differ, or something is not boolean.
    """
    a = bools("first", first)
    b = bools("second", second, len(a))
    kept = mask("decided", decided, len(a))
    n = int(kept.sum())
    gain = (a.astype(float) - b) * kept
    return Difference(
        n=n,
        coverage=n / len(a) if len(a) else None,
        first=float(a[kept].mean()) if n else None,
        second=float(b[kept].mean()) if n else None,
        difference=float(gain.sum() / n) if n else None,
        interval=ratio_interval(gain, kept, clusters=clusters, resampling=resampling) if n else None,
    )


def flips(
    repeats: Sequence[Sequence[str | None]],
    *,
    clusters: npt.ArrayLike | None = None,
    resampling: Resampling = DEFAULT,
) -> Flips:
    """How often a judge contradicts itself. An abstention is a label here: to waver is to flip.

    Args:
        repeats: for each trace its labels, one per repeat; None where a repeat failed.
        clusters: one key per trace; by default each trace is its own cluster.
        resampling: level, number and seed of the bootstrap.

    Raises:
        ValueError: numbers of traces and keys differ.
    """
    votes = [Counter(label for label in labels if label is not None) for labels in repeats]
    repeated = np.array([count.total() > 1 for count in votes], dtype=np.bool_)
    split = np.array([len(count) > 1 for count in votes], dtype=np.bool_) & repeated
    apart = np.array([_apart(count) for count in votes])
    n, flipped = int(repeated.sum()), int(split.sum())
    bootstrapped = [ratio_interval(x, repeated, clusters=clusters, resampling=resampling) for x in (split, apart)]
    return Flips(
        n,
        flipped / n if n else None,
        wilson(flipped, n, resampling.level) if clusters is None else bootstrapped[0],
        float(apart.sum() / n) if n else None,
        bootstrapped[1],
    )


def _apart(votes: Counter[str]) -> float:
    """The share of pairs of votes that differ."""
    pairs = comb(votes.total(), 2)
    return 1 - sum(comb(count, 2) for count in votes.values()) / pairs if pairs else 0.0


def _p_value(only_first: int, only_second: int, *, exact: bool) -> float | None:
    if not only_first + only_second:
        return None
    from statsmodels.stats.contingency_tables import mcnemar as test

    return float(test([[0, only_first], [only_second, 0]], exact=exact, correction=True).pvalue)
