"""What a judge said and what people said about the same traces, counted by the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cotjudge.errors import UsageError
from cotjudge.store import Store
from cotjudge.validation.ratings import expression

Class = Literal["yes", "no", "undecided"]
"""What a label says of the one that is counted: it is that label, it is another one, or it leaves the question open."""

Selection = Literal["random", "any"]
"""Which labels are used: of traces drawn at random, or all."""

_COUNTED = """
WITH said AS (
    SELECT trace_id, {value} AS value FROM sources WHERE NOT again {only}
), gold AS (
    SELECT
        trace_id, bool_or(selection = 'random') AS random,
        count(*) FILTER (label = $positive) AS yes,
        count(*) FILTER (label <> $positive AND label <> $undecided) AS no,
        CASE WHEN yes > no THEN 'yes' WHEN no > yes THEN 'no' ELSE 'undecided' END AS class
    FROM labels WHERE rubric = $rubric AND ($annotator IS NULL OR annotator = $annotator) GROUP BY trace_id
), judged AS (
    SELECT
        trace_id, concat_ws(' ', judge_hash, rubric_hash, prompt_version) AS version,
        CASE label WHEN $positive THEN 'yes' WHEN $undecided THEN 'undecided' ELSE 'no' END AS class
    FROM current_verdicts WHERE rubric = $rubric AND judge = $judge AND segment IS NULL
)
SELECT said.value, judged.class, gold.class, coalesce(gold.random, false), judged.version, count(*)
FROM judged FULL JOIN gold USING (trace_id) {join} said USING (trace_id)
GROUP BY ALL ORDER BY ALL
"""

_FAILED = """
WITH said AS (SELECT trace_id FROM sources WHERE NOT again {only})
SELECT count(DISTINCT trace_id) FROM current_failures {join} said USING (trace_id)
WHERE rubric = $rubric AND judge = $judge AND segment IS NULL
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which traces, labels and groups are counted."""

    positive: str = "present"
    """The label whose share is looked for."""
    annotator: str | None = None
    """Whose labels; everybody's where None: of several on one trace most count, a tie is undecided."""
    selection: Selection = "random"
    """Which labels."""
    by: str | None = None
    """What traces are grouped by: model, task, epoch, variant, path, format, or `meta.KEY`."""
    only: Mapping[str, str] = field(default_factory=dict)
    """What the source of a trace must say: the same names, each with its value. All traces where there is nothing."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Traces of which the same is known."""

    group: str | None
    """The group's value; None where the source does not say, or nothing is grouped by."""
    judged: Class | None
    """What the judge said; None where it has no verdict."""
    gold: Class | None
    """What people said; None where nobody did, or their labels are not used."""
    random: bool
    """Whether a label of theirs is of the random sample."""
    unused: bool
    """Whether they are labelled, but not as was wanted."""
    version: str
    """What the verdicts are made by beside the judge's name: parameters, rubric and prompt."""
    traces: int
    """How many."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything that one judge and the people said under one rubric."""

    rubric: str
    """The rubric's id."""
    judge: str
    """The judge as the user named it."""
    cells: tuple[Cell, ...]
    """The traces."""
    failed: int = 0
    """Traces on which the judge failed, in all groups."""


def count(store: Store, rubric: str, judge: str, wanted: Wanted, *, undecided: str = "uncertain") -> Counts:
    """Count the traces that one judge judged, or people labelled, under a rubric.

    Args:
        store: the database.
        rubric: id of the rubric.
        judge: the judge as the user named it.
        wanted: which traces, labels and groups.
        undecided: the rubric's word for an open question.

    Raises:
        UsageError: there is nothing of that name to group by.
        StoreError: there is no such database, or it cannot be used.
    """
    value, parameters = expression(wanted.by, "by") if wanted.by else ("NULL::VARCHAR", {})
    only, of_only = _only(wanted.only)
    join = "JOIN" if only else "LEFT JOIN"
    named = {"rubric": rubric, "judge": judge}
    said = {"positive": wanted.positive, "undecided": undecided, "annotator": wanted.annotator}
    with store.query(_COUNTED.format(value=value, only=only, join=join), named | said | parameters | of_only) as found:
        cells = tuple(_cell(row, wanted.selection) for row in found.fetchall())
    with store.query(_FAILED.format(only=only, join=join), named | of_only) as found:
        ((failed,),) = found.fetchall()
    return Counts(rubric, judge, cells, failed)


def judges(store: Store) -> list[tuple[str, str]]:
    """Every rubric and judge with a verdict on a whole trace.

    Raises:
        StoreError: there is no such database, or it cannot be used.
    """
    with store.query("SELECT DISTINCT rubric, judge FROM current_verdicts WHERE segment IS NULL ORDER BY ALL") as found:
        return [(rubric, judge) for rubric, judge in found.fetchall()]


def labels(store: Store, rubric: str) -> dict[tuple[str, str], int]:
    """(annotator, label) -> how many under a rubric.

    Raises:
        StoreError: there is no such database, or it cannot be used.
    """
    sql = "SELECT annotator, label, count(*) FROM labels WHERE rubric = ? GROUP BY ALL ORDER BY ALL"
    with store.query(sql, [rubric]) as found:
        return {(annotator, label): n for annotator, label, n in found.fetchall()}


def words(store: Store, rubric: str) -> list[str]:
    """The labels that judges have given under a rubric.

    Raises:
        StoreError: there is no such database, or it cannot be used.
    """
    with store.query("SELECT DISTINCT label FROM current_verdicts WHERE rubric = ? ORDER BY ALL", [rubric]) as found:
        return [label for (label,) in found.fetchall()]


def conditions(given: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE, as typed, made into what `Wanted.only` wants.

    Raises:
        UsageError: one of them has no key or no value, or a key that is nothing to group by.
    """
    parted = [option.partition("=") for option in given]
    for option, (key, equals, _) in zip(given, parted, strict=True):
        if not key or not equals:
            raise UsageError(f"--only {option!r} is not KEY=VALUE, such as model=gpt-x or meta.domain=retail")
        expression(key)
    return {key: value for key, _, value in parted}


def _only(only: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The condition on a source, and its parameters."""
    parts: list[str] = []
    parameters: dict[str, Any] = {}
    for nth, (key, value) in enumerate(only.items()):
        what, of_key = expression(key, f"only_key_{nth}")
        parts.append(f"AND ({what}) = $only_{nth}")
        parameters |= {f"only_{nth}": value, **of_key}
    return " ".join(parts), parameters


def _cell(row: Sequence[Any], selection: Selection) -> Cell:
    group, judged, gold, random, version, traces = row
    used = gold if random or selection == "any" else None
    return Cell(group, judged, used, random, gold is not None and used is None, version or "", traces)
