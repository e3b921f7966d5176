"""The condition: an SQL expression over one row per trace, evaluated on every judged trace.

It is an expression and nothing else. DuckDB's own parser says what it is made of; subqueries, stars, windows and
parameters are refused, so that it reads the columns below and no table, no file.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from cotjudge.errors import QueryError, UsageError
from cotjudge.store import Store

Standing = Literal["drop", "keep", "unjudged"]

_PARTS = {"": "label", "_score": "score", "_severity": "severity", "_agreement": "agreement"}
_TYPES = {"_score": "DOUBLE", "_agreement": "DOUBLE"}
_REFUSED = {"SUBQUERY": "a subquery", "STAR": "a star", "PARAMETER": "a parameter", "WINDOW": "a window function"}
_LINE = re.compile(r" LINE \d+:.*", re.DOTALL)
_NEWEST = """
SELECT * FROM current_verdicts
WHERE segment IS NULL AND ($judge IS NULL OR judge = $judge) AND list_contains($rubrics, rubric)
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the condition says of every judged trace."""

    condition: str
    """The expression."""
    judges: tuple[str, ...]
    """Whose verdicts it was asked of: one a rubric."""
    dropped: Mapping[str, Mapping[str, Any]]
    """Traces it is true of -> the columns that it reads, by name."""
    judged: array[int]
    """The others that it could be asked of: the first 64 bits of each id, ascending."""

    def standing(self, trace_id: str) -> Standing:
        """What becomes of a trace."""
        if trace_id in self.dropped:
            return "drop"
        digest = int(trace_id[:16], 16)
        at = bisect_left(self.judged, digest)
        return "keep" if at < len(self.judged) and self.judged[at] == digest else "unjudged"


@dataclass(frozen=True, slots=True)
class _Column:
    """One column that a condition can name."""

    name: str
    rubric: str
    sql: str
    type: str


def judge_by(store: Store, condition: str, *, judge: str | None = None) -> Outcome:
    """Ask a condition of every trace that has verdicts.

    The columns: RUBRIC (its label), RUBRIC_score, RUBRIC_severity, RUBRIC_agreement, and RUBRIC_FIELD for every extra
    field, of each rubric that has verdicts on whole traces.

    Args:
        store: the database.
        condition: an SQL expression that is true or false.
        judge: whose verdicts; needed where several judges answered a rubric that the condition names.

    Raises:
        QueryError: it is no such expression, or names a column that there is not.
        UsageError: no judge, or more than one, answered.
        StoreError: the database cannot be read.
    """
    columns = _columns(store)
    used = {}
    for name in _names(store, condition):
        if name.lower() not in columns:
            there = ", ".join(c.name for c in columns.values()) or "none, for no trace is judged yet"
            raise QueryError(f"--drop: no column {name!r}; there are: {there}")
        used[name.lower()] = columns[name.lower()]
    if not used:
        raise QueryError("--drop: the condition names no column, so it says the same of every trace")
    _check_type(store, condition, list(used.values()))
    rubrics = sorted({column.rubric for column in used.values()})
    judges = _judges(store, rubrics, judge)
    parameters = {"judge": judge, "rubrics": rubrics}
    wide = _wide(list(used.values()), rubrics)
    shown = ", ".join(_quoted(c.name) for c in used.values())
    complete = " AND ".join(_quoted("has " + rubric) for rubric in rubrics)
    true_of = f"{wide} SELECT trace_id, {shown} FROM wide WHERE (\n{condition}\n)"  # noqa: S608 (parsed above; quoted names)
    others = (
        f"{wide} SELECT ('0x' || substr(trace_id, 1, 16))::UBIGINT AS digest FROM wide"  # noqa: S608 (as above)
        f" WHERE coalesce(NOT (\n{condition}\n), {complete}) ORDER BY digest"
    )
    names = [c.name for c in used.values()]
    with _blaming_the_condition():
        with store.query(true_of, parameters) as result:
            dropped = {trace_id: dict(zip(names, values, strict=True)) for trace_id, *values in result}
        with store.query(others, parameters) as result:
            judged = array("Q", (digest for (digest,) in result))
    return Outcome(condition, judges, dropped, judged)


@contextmanager
def _blaming_the_condition() -> Iterator[None]:
    """What DuckDB has against a statement is said of the condition, without the lines of ours around it."""
    try:
        yield
    except QueryError as error:
        raise QueryError(f"--drop: {_LINE.sub('', str(error))}") from None


def _names(store: Store, condition: str) -> list[str]:
    """The columns that an expression names, as written.

    Raises:
        QueryError: it is more, or less, than an expression.
    """
    [(raw,)] = store.query("SELECT json_serialize_sql($sql)::VARCHAR", {"sql": f"SELECT (\n{condition}\n)"}).fetchall()
    parsed = orjson.loads(raw)
    if parsed["error"]:
        raise QueryError(f"--drop: {' '.join(str(parsed['error_message']).split())} in {condition!r}")
    statements = parsed["statements"]
    node = statements[0]["node"] if len(statements) == 1 else {}
    plain = node.get("type") == "SELECT_NODE" and len(node["select_list"]) == 1
    if not plain or node["from_table"]["type"] != "EMPTY" or node["where_clause"] or node["modifiers"]:
        raise QueryError(f"--drop: {condition!r} is not one condition")
    found: dict[str, None] = {}
    for part in _walk(node["select_list"]):
        if part.get("class") in _REFUSED:
            raise QueryError(
                f"--drop: {_REFUSED[part['class']]} cannot stand in the condition, only columns of the trace"
            )
        if part.get("class") == "COLUMN_REF":
            found[".".join(part["column_names"])] = None
    return list(found)


def _walk(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _walk(inner)


def _columns(store: Store) -> dict[str, _Column]:
    """Every column that there is, by its name in lower case."""
    rubrics = [
        rubric for (rubric,) in _ask(store, "SELECT DISTINCT rubric FROM verdicts WHERE segment IS NULL ORDER BY ALL")
    ]
    columns = [
        _Column(f"{rubric}{ending}", rubric, part, _TYPES.get(ending, "VARCHAR"))
        for rubric in rubrics
        for ending, part in _PARTS.items()
    ]
    fields = _ask(
        store,
        "SELECT DISTINCT rubric, unnest(json_keys(fields)) AS field FROM verdicts"
        " WHERE segment IS NULL AND fields IS NOT NULL ORDER BY ALL",
    )
    columns += [
        _Column(f"{rubric}_{field}", rubric, f"fields ->> {_literal(field)}", "VARCHAR") for rubric, field in fields
    ]
    named: dict[str, _Column] = {}
    for column in columns:
        named.setdefault(column.name.lower(), column)  # a rubric's own columns before its fields
    return named


def _check_type(store: Store, condition: str, columns: list[_Column]) -> None:
    """Ask it of one empty row: whatever DuckDB has to say about it, it says about the condition alone."""
    row = ", ".join(f"NULL::{c.type} AS {_quoted(c.name)}" for c in columns)
    sql = f"SELECT (\n{condition}\n) FROM (SELECT {row})"  # noqa: S608 (parsed before; quoted names)
    with _blaming_the_condition(), store.query(sql) as result:
        found = result.types[0]
        list(result)
    if found != "BOOLEAN":
        raise QueryError(
            f"--drop: the condition is a {found}, not true or false; write, say, {columns[0].name} = 'present'"
        )


def _judges(store: Store, rubrics: list[str], judge: str | None) -> tuple[str, ...]:
    rows = _ask(
        store,
        "SELECT rubric, list(DISTINCT judge ORDER BY judge) FROM verdicts"
        " WHERE segment IS NULL AND list_contains($rubrics, rubric) GROUP BY rubric ORDER BY rubric",
        {"rubrics": rubrics},
    )
    for rubric, judges in rows:
        if judge is None and len(judges) > 1:
            raise UsageError(
                f"several judges answered {rubric} ({', '.join(judges)}); say whose verdicts count with --judge"
            )
        if judge is not None and judge not in judges:
            raise UsageError(f"no verdict on {rubric} by the judge {judge!r}; there are some by {', '.join(judges)}")
    return (judge,) if judge else tuple(sorted({judges[0] for _, judges in rows}))


def _wide(columns: list[_Column], rubrics: list[str]) -> str:
    """One row per trace: a column per name, and whether each rubric has a verdict."""
    parts = [f"any_value({c.sql}) FILTER (rubric = {_literal(c.rubric)}) AS {_quoted(c.name)}" for c in columns] + [
        f"bool_or(rubric = {_literal(rubric)}) AS {_quoted('has ' + rubric)}" for rubric in rubrics
    ]
    return f"WITH newest AS ({_NEWEST}), wide AS (SELECT trace_id, {', '.join(parts)} FROM newest GROUP BY trace_id)"  # noqa: S608 (quoted names)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _ask(store: Store, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    return store.query(sql, parameters).fetchall()
