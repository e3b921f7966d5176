"""How often a judge contradicts itself: labels of one trace by judges that ought to say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cotjudge.judgement import Question
from cotjudge.judges.base import AnyJudge
from cotjudge.rubric import Rubric
from cotjudge.stats.bootstrap import Resampling
from cotjudge.stats.pairs import Flips, flips
from cotjudge.store import Store
from cotjudge.trace import Trace
from cotjudge.validation.variants import Comparison, Varied

Labels = Mapping[str, Mapping[str, str]]
"""Rubric id -> trace id -> label, of one judge."""


@dataclass(frozen=True)
class Flipped:
    """A trace whose label did not stand."""

    trace_id: str
    """The trace."""
    path: str
    """The dump it is from."""
    record: str
    """Its place there."""
    labels: Mapping[str, str | None]
    """Name in the comparison -> the label; None where that judgement failed."""


@dataclass(frozen=True)
class Row:
    """One rubric in one comparison."""

    rubric: str
    """The rubric's id."""
    varied: Varied
    """What was varied."""
    name: str
    """The same for people."""
    compared: tuple[str, ...]
    """Names of the judges compared."""
    flips: Flips
    """How often labels differ, with intervals."""
    failed: int
    """Judgements that could not be had; they are no flips."""
    flipped: tuple[Flipped, ...]
    """The traces whose labels differ."""


def labels(store: Store, traces: Sequence[Trace], rubrics: Sequence[Rubric], judge: AnyJudge) -> Labels:
    """What a judge said of these traces, by the keys of its judgements; what failed or was not asked is not there.

    Raises:
        StoreError: the database cannot be read.
    """
    questions = [Question.of(rubric, judge) for rubric in rubrics]
    judged = store.judged([q.rubric_hash for q in questions], questions[0].judge_hash).verdicts
    found: dict[str, dict[str, str]] = {}
    for question in questions:
        keys = {trace.trace_id: question.key(trace) for trace in traces}
        found[question.rubric.id] = {t: made.label for t, key in keys.items() if (made := judged.get(key)) is not None}
    return found


def compare(
    comparison: Comparison, said: Mapping[str, Labels], traces: Sequence[Trace], *, level: float = 0.95
) -> Iterator[Row]:
    """A row for each rubric.

    Args:
        comparison: who is compared.
        said: spec of each judge -> its labels.
        traces: the traces, in order.
        level: confidence of the intervals, between 0 and 1.
    """
    by_name = {name: said[judge.spec] for name, judge in comparison.judges.items()}
    for rubric in next(iter(by_name.values())):
        asked = [trace for trace in traces if any(trace.trace_id in given[rubric] for given in by_name.values())]
        rows = [{name: given[rubric].get(t.trace_id) for name, given in by_name.items()} for t in asked]
        yield Row(
            rubric=rubric,
            varied=comparison.varied,
            name=comparison.name,
            compared=tuple(by_name),
            flips=_flips([list(row.values()) for row in rows], level),
            failed=sum(label is None for row in rows for label in row.values()),
            flipped=tuple(
                Flipped(trace.trace_id, trace.source.path, trace.source.record, row)
                for trace, row in zip(asked, rows, strict=True)
                if len({label for label in row.values() if label is not None}) > 1
            ),
        )


def _flips(repeats: Sequence[Sequence[str | None]], level: float) -> Flips:
    """As `stats.pairs.flips`; a bootstrap in which nothing varies has no interval, rather than one of no width."""
    found = flips(repeats, resampling=Resampling(level=level))
    interval = found.disagreement_interval
    return replace(found, disagreement_interval=interval if interval and interval.half_width > 0 else None)
