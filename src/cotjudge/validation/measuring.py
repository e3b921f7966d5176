"""Two raters' words about the same traces, measured: one is the reference, the other is held against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cotjudge.stats.agreement import Agreement, compare
from cotjudge.stats.bootstrap import DEFAULT, Resampling, agreement_intervals, label_intervals
from cotjudge.stats.interval import Interval, wilson
from cotjudge.stats.nominal import NominalAgreement, compare_labels
from cotjudge.validation.ratings import Rater

ABSTENTIONS = frozenset({"uncertain", "cannot_tell"})
"""Words that decide nothing."""

_POSITIVE = {"present": "absent", "yes": "no"}
_ORDER = {word: place for place, word in enumerate(("present", "absent", "yes", "no", "main", "some", "none"))}


@dataclass(frozen=True, slots=True)
class Rows:
    """What two raters said of the traces that both spoke about."""

    trace_ids: tuple[str, ...]
    """The traces."""
    reference: tuple[str, ...]
    """What the reference says of each."""
    said: tuple[str, ...]
    """What the rater says of it."""
    scores: tuple[float | None, ...] | None = None
    """The rater's scores, 0 to 1; None where it gives none."""

    def chosen(self, keep: Sequence[bool]) -> Rows:
        """Some of the rows."""
        ids, reference, said = (
            tuple(value for value, kept in zip(column, keep, strict=True) if kept)
            for column in (self.trace_ids, self.reference, self.said)
        )
        scores = self.scores and tuple(score for score, kept in zip(self.scores, keep, strict=True) if kept)
        return Rows(ids, reference, said, scores)

    @property
    def settled(self) -> Rows:
        """The rows where the reference decides; the others have no truth to be held against."""
        return self.chosen([label not in ABSTENTIONS for label in self.reference])


@dataclass(frozen=True, slots=True)
class About:
    """What was compared."""

    rubric: str
    """Rubric id."""
    rater: Rater
    """Who is held against the reference."""
    reference: Rater
    """Who counts as right."""
    criterion: str = ""
    """The criterion whose answers were compared; empty where it was the label."""
    group: str = ""
    """The group of traces; empty for all of them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How far a rater agrees with a reference."""

    about: About
    """What was compared."""
    agreement: Agreement | NominalAgreement
    """The metrics; the first kind where the answer is a yes or a no."""
    intervals: Mapping[str, Interval | None]
    """Metric -> its interval."""
    words: tuple[str, ...]
    """The labels or answers, in the order of the table."""
    table: tuple[tuple[int, ...], ...]
    """Traces by the reference's word (rows) and the rater's (columns), abstentions included."""
    clusters: int
    """Clusters that the intervals rest on."""
    rows: Rows
    """What it was computed from."""

    @property
    def traces(self) -> int:
        """Traces that both spoke about."""
        return len(self.rows.trace_ids)

    @property
    def unsettled(self) -> int:
        """Traces of them that the reference does not decide; no metric counts them."""
        return sum(label in ABSTENTIONS for label in self.rows.reference)


def measure(
    about: About,
    rows: Rows,
    *,
    labels: Iterable[str] = (),
    clusters: Sequence[str] | None = None,
    resampling: Resampling = DEFAULT,
) -> Measured:
    """Measure one rater against another.

    Args:
        about: what is compared.
        rows: what they said, one trace a row.
        labels: those that could have been given, where known.
        clusters: one key per row; by default each row is its own cluster.
        resampling: level, number and seed of the bootstrap.
    """
    words = in_order({*labels, *rows.reference, *rows.said})
    keep = [label not in ABSTENTIONS for label in rows.reference]
    settled = rows.chosen(keep)
    keys = None if clusters is None else [key for key, kept in zip(clusters, keep, strict=True) if kept]
    positive = positive_of(words)
    agreement: Agreement | NominalAgreement
    if positive:
        agreement, intervals = _binary(settled, positive, keys, resampling)
    else:
        agreement, intervals = _nominal(settled, words, keys, resampling)
    counts = Counter(zip(rows.reference, rows.said, strict=True))
    table = tuple(tuple(counts[a, b] for b in words) for a in words)
    size = len(settled.trace_ids) if keys is None else len(set(keys))
    return Measured(about, agreement, intervals, words, table, size, rows)


def positive_of(words: Iterable[str]) -> str:
    """The word that means yes, where the words are those of a yes or a no; else nothing."""
    decided = {*words} - ABSTENTIONS
    return next((yes for yes, no in _POSITIVE.items() if decided and decided <= {yes, no}), "")


def truth_of(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the reference says yes, row by row."""
    positive = positive_of(rows.reference)
    return np.array([label == positive for label in rows.reference], dtype=np.bool_)


def in_order(words: set[str]) -> tuple[str, ...]:
    """Positive words first, abstentions last."""
    if positive := positive_of(words):
        words |= {positive, _POSITIVE[positive]}
    return tuple(sorted(words, key=lambda word: (word in ABSTENTIONS, _ORDER.get(word, len(_ORDER)), word)))


def _binary(
    rows: Rows, positive: str, keys: list[str] | None, resampling: Resampling
) -> tuple[Agreement, dict[str, Interval | None]]:
    truth, said = (np.array([x == positive for x in column], np.bool_) for column in (rows.reference, rows.said))
    decided = np.array([x not in ABSTENTIONS for x in rows.said], np.bool_)
    agreement = compare(truth, said, scores=rows.scores, decided=decided)
    intervals = agreement_intervals(
        truth, said, scores=rows.scores, decided=decided, clusters=keys, resampling=resampling
    )
    bases = {
        "coverage": np.ones(len(truth), np.bool_),
        "accuracy": decided,
        "precision": decided & said,
        "recall": decided & truth,
        "specificity": decided & ~truth,
    }
    return agreement, _mended(agreement, intervals, bases, keys, resampling.level)


def _nominal(
    rows: Rows, words: tuple[str, ...], keys: list[str] | None, resampling: Resampling
) -> tuple[NominalAgreement, dict[str, Interval | None]]:
    labels = [word for word in words if word not in ABSTENTIONS]
    agreement = compare_labels(rows.reference, rows.said, labels=labels, abstentions=ABSTENTIONS)
    intervals = label_intervals(rows.reference, rows.said, labels=labels, clusters=keys, resampling=resampling)
    decided = np.array([x not in ABSTENTIONS for x in rows.said], np.bool_)
    bases = {"coverage": np.ones(len(decided), np.bool_), "accuracy": decided}
    return agreement, _mended(agreement, intervals, bases, keys, resampling.level)


def _mended(
    agreement: Agreement | NominalAgreement,
    intervals: Mapping[str, Interval | None],
    bases: Mapping[str, np.ndarray[tuple[int], np.dtype[np.bool_]]],
    keys: list[str] | None,
    level: float,
) -> dict[str, Interval | None]:
    """The intervals of a bootstrap, but where it has seen no error, or is undefined too often.

    A share gets Wilson's there; with clusters, each counts as one row: rows of a cluster may all be right for one
    reason. Any other metric gets none: that every resample gives the same value does not make it sure.
    """
    found = {name: None if x is None or x.low == x.high else x for name, x in intervals.items()}
    for name, base in bases.items():
        share = getattr(agreement, name)
        if share is not None and found[name] is None:
            size = int(base.sum()) if keys is None else len({keys[at] for at in np.flatnonzero(base)})
            found[name] = wilson(share * size, size, level)
    return found
