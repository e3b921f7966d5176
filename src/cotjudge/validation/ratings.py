"""What a judge or an annotator said, by trace, as the statistics want it.

A rater is a judge or an annotator; of either the newest word about a whole trace counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from cotjudge.errors import UsageError
from cotjudge.store import Store

COLUMNS = ("model", "task", "epoch", "variant", "path", "format")
"""What a trace's source says in a column of its own; anything else is `meta.KEY`."""

_KINDS = {
    "judge": """
        SELECT v.trace_id, v.label, v.score, c.answers FROM current_verdicts AS v LEFT JOIN (
            SELECT key, json_group_object(criterion, answer) AS answers FROM criteria
            WHERE current AND whole AND rubric = $rubric AND judge = $name GROUP BY key
        ) AS c ON c.key = v.key
        WHERE v.rubric = $rubric AND v.judge = $name AND v.segment IS NULL
    """,
    "run": """
        SELECT v.trace_id, v.label, v.score, c.answers FROM verdicts AS v LEFT JOIN (
            SELECT key, json_group_object(criterion, answer) AS answers FROM criteria
            WHERE whole AND rubric = $rubric GROUP BY key
        ) AS c ON c.key = v.key
        WHERE v.rubric = $rubric AND v.run_id = $name AND v.segment IS NULL
            AND v.judge = (SELECT judge FROM runs WHERE run_id = $name)
    """,
    "annotator": """
        SELECT trace_id, label, NULL AS score, criteria AS answers FROM labels
        WHERE rubric = $rubric AND annotator = $name
    """,
}


@dataclass(frozen=True, slots=True)
class Rater:
    """Somebody, or some run, that has labelled traces."""

    kind: Literal["judge", "run", "annotator"]
    """What they are. A run counts for the verdicts that it made itself, current or not; not for those of its members."""
    name: str
    """The judge's spec, the run's id, or the annotator's name."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Rating:
    """What one rater said about one trace."""

    label: str
    """present, absent, uncertain, or the rubric's own label."""
    score: float | None
    """0 to 1; None where there is none, as with annotators."""
    criteria: Mapping[str, str]
    """Criterion -> answer, as far as answers were given."""


def ratings(store: Store, rubric: str, rater: Rater) -> dict[str, Rating]:
    """What a rater said under a rubric, by trace id.

    Raises:
        StoreError: there is no such database, or it cannot be used.
    """
    with store.query(_KINDS[rater.kind], {"rubric": rubric, "name": rater.name}) as found:
        return {
            trace_id: Rating(label, score, orjson.loads(answers) if answers else {})
            for trace_id, label, score, answers in found.fetchall()
        }


def raters(store: Store, rubric: str) -> dict[Rater, int]:
    """Every judge and every annotator that has labelled whole traces under a rubric, with how many.

    Raises:
        StoreError: there is no such database, or it cannot be used.
    """
    sql = """
        SELECT 'judge', judge, count(*) FROM current_verdicts WHERE rubric = $rubric AND segment IS NULL GROUP BY judge
        UNION ALL
        SELECT 'annotator', annotator, count(*) FROM labels WHERE rubric = $rubric GROUP BY annotator
        ORDER BY ALL
    """
    with store.query(sql, {"rubric": rubric}) as found:
        return {Rater(kind, name): count for kind, name, count in found.fetchall()}


def values(store: Store, by: str) -> dict[str, str | None]:
    """What the first source of every trace says about one thing, as text: for groups and for clusters.

    Args:
        store: the database.
        by: model, task, epoch, variant, path, format, or `meta.KEY`.

    Returns:
        Trace id -> value; None where its source does not say.

    Raises:
        UsageError: it is none of these.
        StoreError: there is no such database, or it cannot be used.
    """
    what, parameters = expression(by)
    with store.query(f"SELECT trace_id, {what} FROM sources WHERE NOT again", parameters) as found:  # noqa: S608 (own words)
        return dict(found.fetchall())


def expression(by: str, parameter: str = "pointer") -> tuple[str, dict[str, Any]]:
    """What `values` looks up, as SQL over the table `sources`.

    Args:
        by: model, task, epoch, variant, path, format, or `meta.KEY`.
        parameter: what the parameter of a `meta.KEY` is called.

    Returns:
        The expression, and its parameters.

    Raises:
        UsageError: it is none of these.
    """
    if by in COLUMNS:
        return f"{by}::VARCHAR", {}
    kind, _, key = by.partition(".")
    if kind != "meta" or not key:
        raise UsageError(f"{by!r} is nothing to group by; take one of {', '.join(COLUMNS)}, or meta.KEY")
    pointer = "/" + key.replace("~", "~0").replace("/", "~1")
    return f"json_extract(meta, ${parameter}) ->> '$'", {parameter: pointer}
