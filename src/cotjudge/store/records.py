"""Verdicts as flat records for other tools: Inspect's `precomputed_scores`, and one row per trace for data sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cotjudge.errors import UsageError

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

Record = dict[str, Any]

_VALUES = {"present": 1.0, "uncertain": 0.5, "absent": 0.0}
"""Numbers for labels, so that Inspect's `mean()` and `accuracy()` give the share of positives."""

_BATCH = 2_048

_PRECOMPUTED = """
SELECT
    coalesce(s.meta ->> 'id', s.record) AS id, s.epoch, s.path, s.record, v.trace_id, v.key, v.rubric, v.judge, v.label,
    v.score, v.severity, v.rationale, v.injection_suspected, coalesce(e.quotes, []) AS quotes
FROM current_verdicts AS v JOIN sources AS s ON s.trace_id = v.trace_id LEFT JOIN (
    SELECT key, list({'criterion': criterion, 'quote': quote, 'turn': turn} ORDER BY ordinal) AS quotes
    FROM evidence WHERE verified AND stance = 'for' GROUP BY key
) AS e ON e.key = v.key
WHERE v.rubric = $rubric AND v.judge = $judge AND v.segment IS NULL AND ($path IS NULL OR s.path = $path)
ORDER BY id, s.epoch, s.path, s.record
"""

_ABOUT_A_TRACE = """
    t.trace_id, coalesce(s.path, '') AS path, coalesce(s.record, '') AS record, coalesce(s.n_sources, 0) AS n_sources,
    coalesce(s.model, '') AS model, coalesce(s.task, '') AS task, coalesce(s.variant, '') AS variant, s.epoch,
    coalesce(s.meta::VARCHAR, '{}') AS meta, t.n_turns, t.n_segments, t.reasoning_chars, t.has_reasoning,
    coalesce(t.reasoning_kind, '') AS reasoning_kind, coalesce(t.text_hash, '') AS text_hash
"""

_FIRST_SOURCE = """
SELECT *, count(*) OVER (PARTITION BY trace_id) AS n_sources FROM sources
QUALIFY row_number() OVER (PARTITION BY trace_id ORDER BY path, record) = 1
"""

_JUDGED = """
SELECT v.*, coalesce(e.quotes, []) AS quotes FROM current_verdicts AS v LEFT JOIN (
    SELECT key, list(quote ORDER BY ordinal) AS quotes FROM evidence WHERE verified AND stance = 'for' GROUP BY key
) AS e USING (key)
WHERE v.judge = $judge AND v.segment IS NULL
"""

_REASONING = """
SELECT trace_id, string_agg(text, chr(10) || chr(10) ORDER BY segment) AS reasoning FROM segments
WHERE role = 'assistant' AND part = 'reasoning' GROUP BY trace_id
"""


def precomputed(
    connection: Connection, *, rubric: str | None = None, judge: str | None = None, path: str | None = None
) -> Iterator[Record]:
    """Records that Inspect's `precomputed_scores` reads: one for each sample and epoch.

    Args:
        connection: where the tables are.
        rubric: the rubric; may be left out where there is one.
        judge: the judge; may be left out where there is one.
        path: only samples found in this dump.

    Raises:
        UsageError: several to choose from, none at all, or one sample with different traces.
    """
    chosen = {"rubric": _choose(connection, "rubric", rubric), "judge": _choose(connection, "judge", judge)}
    labels = connection.execute(
        "SELECT DISTINCT label FROM current_verdicts WHERE rubric = $rubric AND judge = $judge", chosen
    ).fetchall()
    numbers = all(label in _VALUES for (label,) in labels)
    before: Record | None = None
    for row in _rows(connection, _PRECOMPUTED, chosen | {"path": path}):
        if before and (before["id"], before["epoch"]) == (row["id"], row["epoch"]):
            if before["trace_id"] != row["trace_id"]:
                raise UsageError(
                    f"sample {row['id']!r} has more than one trace ({before['path']}#{before['record']} and "
                    f"{row['path']}#{row['record']}); choose one dump with --source PATH"
                )
            continue
        before = row
        yield _score(row, numbers=numbers)


def _score(row: Record, *, numbers: bool) -> Record:
    told = ("rubric", "judge", "score", "severity", "injection_suspected", "quotes", "trace_id", "key")
    epoch = {"epoch": row["epoch"]} if row["epoch"] is not None else {}
    return {
        "id": row["id"],
        **epoch,
        "value": _VALUES[row["label"]] if numbers else row["label"],
        "answer": row["label"],
        "explanation": row["rationale"] or "",
        "metadata": {name: row[name] for name in told},
    }


def flat(connection: Connection, *, judge: str | None = None) -> Iterator[Record]:
    """One record for each trace, with a label, a score, a severity, a rationale and quotes for each rubric.

    A reader that guesses a column's type from the first records guesses right: texts are never null, lists are JSON
    text, a number that can be missing is there in one of the first records, and a column without any is left out.

    Args:
        connection: where the tables are.
        judge: the judge; may be left out where there is one.

    Raises:
        UsageError: several judges to choose from, or none.
    """
    judge = _choose(connection, "judge", judge)
    rubrics = [
        name
        for (name,) in connection.execute(
            "SELECT DISTINCT rubric FROM current_verdicts WHERE judge = ? AND segment IS NULL ORDER BY rubric", [judge]
        ).fetchall()
    ]
    each = [column for number, name in enumerate(rubrics) for column in _of_rubric(number, name)]
    connection.execute(
        f"CREATE TEMP TABLE flat AS SELECT {_ABOUT_A_TRACE}, j.* EXCLUDE (trace_id) "  # noqa: S608 (quoted names)
        f"FROM traces AS t LEFT JOIN ({_FIRST_SOURCE}) AS s ON s.trace_id = t.trace_id "
        f"LEFT JOIN (SELECT trace_id, {', '.join(each)} FROM ({_JUDGED}) GROUP BY trace_id) AS j ON j.trace_id = t.trace_id",
        {"judge": judge} | {f"r{number}": name for number, name in enumerate(rubrics)},
    )
    optional = ["epoch", *(f"score_{name}" for name in rubrics)]
    found = ", ".join(f"min(trace_id) FILTER ({_quoted(name)} IS NOT NULL)" for name in optional)
    witnesses = dict(zip(optional, connection.execute(f"SELECT {found} FROM temp.flat").fetchall()[0], strict=True))  # noqa: S608
    empty = [_quoted(name) for name, witness in witnesses.items() if witness is None]
    texts = [_quoted(f"{what}_{name}") for name in rubrics for what in ("label", "severity", "rationale", "quotes")]
    filled = ", ".join(f"coalesce({name}, '') AS {name}" for name in texts)
    without = f"EXCLUDE ({', '.join(empty)})" if empty else ""
    sql = (
        f"SELECT f.* {without} REPLACE ({filled}), "  # noqa: S608 (quoted names)
        f"coalesce(r.reasoning, '') AS reasoning FROM temp.flat AS f LEFT JOIN ({_REASONING}) AS r USING (trace_id) "
        "ORDER BY list_contains($first, trace_id) DESC, trace_id"
    )
    yield from _rows(connection, sql, {"first": sorted({w for w in witnesses.values() if w})})


def _of_rubric(number: int, name: str) -> Iterator[str]:
    """SQL for a rubric's columns."""
    only = f"FILTER (rubric = $r{number})"
    for what in ("label", "severity", "rationale", "score"):
        yield f"any_value({what}) {only} AS {_quoted(f'{what}_{name}')}"
    yield f"any_value(to_json(quotes)::VARCHAR) {only} AS {_quoted(f'quotes_{name}')}"


def _choose(connection: Connection, what: str, given: str | None) -> str:
    """The rubric or judge that is meant."""
    found = [
        str(name)
        for (name,) in connection.execute(
            f"SELECT DISTINCT {what} FROM verdicts WHERE segment IS NULL ORDER BY 1"  # noqa: S608 (our own name)
        ).fetchall()
    ]
    if not found:
        raise UsageError("the database has no verdicts on whole traces; make some with `cotjudge score`")
    if given is None and len(found) == 1:
        return found[0]
    if given not in found:
        problem = f"several {what}s" if given is None else f"no verdicts of {what} {given!r}"
        raise UsageError(f"{problem}; choose one with --{what}: {', '.join(found)}")
    return given


def _rows(connection: Connection, sql: str, parameters: dict[str, Any]) -> Iterator[Record]:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or []]
    while rows := cursor.fetchmany(_BATCH):
        yield from (dict(zip(names, row, strict=True)) for row in rows)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
