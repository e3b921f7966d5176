"""Percentile intervals by a bootstrap that resamples whole clusters (Davison & Hinkley 1997, section 3.8).

Rows that share a prompt, a scenario or a model are not independent; resampling them one by one makes intervals too
short. A resample is a count of draws for every cluster, so the cells of a table, and the positives and negatives at
each score, are counted in all resamples at once. A percentile interval cannot see what never occurred: with no error in
the sample it is a point. For a share of independent rows the Wilson interval (`interval.wilson`) is the better one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cotjudge.stats.arrays import Bools, Floats, Ints, Numbers, bools, floats, groups, mask, probabilities
from cotjudge.stats.interval import Interval, percentile
from cotjudge.stats.rankings import RANKING_METRICS, Rankings
from cotjudge.stats.squares import METRICS as SQUARE_METRICS
from cotjudge.stats.tables import METRICS, Tables, ratio

_AT_ONCE = 4_000_000  # draw counts held at a time: 32 MB

Statistic = Callable[[Ints], float | None]
"""A statistic of rows: gets their numbers (a row drawn twice comes twice), gives a value or None if undefined."""


@dataclass(frozen=True)
class Resampling:
    """How resamples are drawn and read."""

    level: float = 0.95
    """Confidence of the interval, between 0 and 1."""
    resamples: int = 1000
    """How many are drawn."""
    seed: int = 0
    """Where the random numbers start: the same seed gives the same interval."""

    def __post_init__(self) -> None:
        if not 0 < self.level < 1 or self.resamples < 1:
            raise ValueError(f"a level between 0 and 1 and at least one resample are wanted, not {self}")


DEFAULT = Resampling()


def agreement_intervals(
    truth: npt.ArrayLike,
    judged: npt.ArrayLike,
    *,
    scores: Numbers | None = None,
    decided: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    resampling: Resampling = DEFAULT,
) -> dict[str, Interval | None]:
    """Intervals of the metrics of an `Agreement`.

    Args:
        truth: as for `agreement.compare`, like the next three.
        judged: booleans.
        scores: in [0, 1], or nan.
        decided: booleans.
        clusters: one key per row; rows of one key are drawn together. By default each row is its own cluster.
        resampling: level, number and seed.

    Returns:
        Field of `Agreement` -> its interval, None where it is undefined in too many resamples; the metrics of scores
        only if there are scores.

    Raises:
        ValueError: as `agreement.compare`.
    """
    true = bools("truth", truth)
    said = bools("judged", judged, len(true))
    kept = mask("decided", decided, len(true))
    grouping = groups(clusters, len(true))
    values = _table_values(true, said, kept, grouping, resampling)
    if scores is not None:
        values |= _score_values(true, probabilities("scores", scores, len(true)), grouping, resampling)
    return {name: percentile(found, resampling.level) for name, found in values.items()}


def label_intervals(
    first: Sequence[str],
    second: Sequence[str],
    *,
    labels: Sequence[str],
    clusters: npt.ArrayLike | None = None,
    resampling: Resampling = DEFAULT,
) -> dict[str, Interval | None]:
    """Intervals of the metrics of a `NominalAgreement`.

    Args:
        first: one rater's labels.
        second: the other's, for the same rows.
        labels: the labels taken into account; a row with another one (an abstention) counts in the coverage only.
        clusters: one key per row; by default each row is its own cluster.
        resampling: level, number and seed.

    Returns:
        Field of `NominalAgreement` -> its interval, None where it is undefined in too many resamples.

    Raises:
        ValueError: numbers of rows differ.
    """
    many, number = len(labels), {label: i for i, label in enumerate(labels)}
    pairs = list(zip(first, second, strict=True))
    cell = [number[a] * many + number[b] if a in number and b in number else many * many for a, b in pairs]
    kinds = np.array(cell, dtype=np.intp)
    blocks = _counts(kinds, many * many + 1, groups(clusters, len(pairs)), resampling)
    counts = np.concatenate([np.empty((0, many * many + 1)), *blocks])
    squares = counts[:, :-1].reshape(-1, many, many)
    values = {"coverage": ratio(squares.sum(axis=(1, 2)), counts.sum(axis=1))}
    values |= {name: metric(squares) for name, metric in SQUARE_METRICS.items()}
    return {name: percentile(found, resampling.level) for name, found in values.items()}


def ratio_interval(
    numerator: npt.ArrayLike,
    denominator: npt.ArrayLike | None = None,
    *,
    clusters: npt.ArrayLike | None = None,
    resampling: Resampling = DEFAULT,
) -> Interval | None:
    """The interval of a sum over a sum of rows; of a mean, where no denominator is given.

    Args:
        numerator: one number per row.
        denominator: one number per row, by default 1.
        clusters: one key per row; by default each row is its own cluster.
        resampling: level, number and seed.

    Raises:
        ValueError: numbers of rows differ.
    """
    top = floats("numerator", numerator)
    bottom = np.ones(len(top)) if denominator is None else floats("denominator", denominator, len(top))
    group, size = groups(clusters, len(top))
    sums = np.stack([np.bincount(group, column, minlength=size) for column in (top, bottom)], axis=1)
    drawn = [block @ sums for block in _draws(size, np.ones(size), resampling)]
    tops, bottoms = np.concatenate([np.empty((0, 2)), *drawn]).T
    return percentile(ratio(tops, bottoms), resampling.level)


def statistic_interval(
    statistic: Statistic, rows: int, *, clusters: npt.ArrayLike | None = None, resampling: Resampling = DEFAULT
) -> Interval | None:
    """The interval of any statistic, called once for each resample.

    Args:
        statistic: from the numbers of rows to a value.
        rows: how many rows there are.
        clusters: one key per row; by default each row is its own cluster.
        resampling: level, number and seed.
    """
    group, size = groups(clusters, rows)
    found = [
        statistic(np.repeat(np.arange(rows), draws.astype(np.intp)[group]))
        for block in _draws(size, np.ones(size), resampling)
        for draws in block
    ]
    return percentile(np.array([np.nan if value is None else value for value in found]), resampling.level)


def _draws(total: int, weights: Floats, resampling: Resampling) -> Iterator[Floats]:
    """How often each thing is drawn when `total` are: blocks of resamples x things."""
    random = np.random.default_rng(resampling.seed)
    block = max(1, _AT_ONCE // max(1, len(weights)))
    for start in range(0, resampling.resamples if total else 0, block):
        size = min(block, resampling.resamples - start)
        yield random.multinomial(total, weights / total, size=size).astype(np.float64)


def _counts(kinds: Ints, many: int, grouping: tuple[Ints, int], resampling: Resampling) -> Iterator[Floats]:
    """How many rows of each kind there are in each resample: blocks of resamples x kinds."""
    group, size = grouping
    if size == len(kinds):  # each row alone: rows of a kind are as good as one another, so kinds are drawn
        yield from _draws(size, np.bincount(kinds, minlength=many).astype(np.float64), resampling)
        return
    by_cluster = np.bincount(group * many + kinds, minlength=size * many).reshape(size, many).astype(np.float64)
    for block in _draws(size, np.ones(size), resampling):
        yield block @ by_cluster


def _table_values(
    true: Bools, said: Bools, kept: Bools, grouping: tuple[Ints, int], resampling: Resampling
) -> dict[str, Floats]:
    cell = np.where(kept, np.where(true, np.where(said, 0, 2), np.where(said, 1, 3)), 4)
    counts = np.concatenate([np.empty((0, 5)), *_counts(cell, 5, grouping, resampling)])
    tables = Tables(*counts.T[:4])
    values = {name: metric(tables) for name, metric in METRICS.items()}
    return {"coverage": ratio(tables.n, counts.sum(axis=1)), **values}


def _score_values(true: Bools, scores: Floats, grouping: tuple[Ints, int], resampling: Resampling) -> dict[str, Floats]:
    distinct = np.unique(scores[~np.isnan(scores)])[::-1]
    many = len(distinct)
    place = np.where(np.isnan(scores), many, np.searchsorted(-distinct, -scores))
    blocks = _counts(place + (many + 1) * ~true, 2 * (many + 1), grouping, resampling)
    rankings = [Rankings(distinct, block[:, :many], block[:, many + 1 : -1]) for block in blocks]
    return {
        name: np.concatenate([np.empty(0), *(metric(one) for one in rankings)])
        for name, metric in RANKING_METRICS.items()
    }
