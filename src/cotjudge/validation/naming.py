"""Raters by what a user types: an annotator's or a judge's name, `judge:NAME`, `run:ID`, `annotator:NAME`."""

from __future__ import annotations

from typing import Any, Literal

from cotjudge.errors import UsageError
from cotjudge.store import Store
from cotjudge.validation.ratings import Rater

Kind = Literal["judge", "run", "annotator"]

_KNOWN: dict[Kind, str] = {
    "judge": "SELECT DISTINCT judge FROM current_verdicts ORDER BY ALL",
    "run": "SELECT run_id FROM runs ORDER BY started_at DESC",
    "annotator": "SELECT DISTINCT annotator FROM labels ORDER BY ALL",
}
_SHOWN = 8


def rater(store: Store, text: str, plain: tuple[Kind, ...]) -> Rater:
    """The rater that a user means.

    Args:
        store: the database.
        text: `judge:NAME`, `run:ID` (its unique beginning will do), `annotator:NAME`, or one of these without the kind.
        plain: what a text without a kind may be, in this order.

    Raises:
        UsageError: there is none of that name, or more than one run begins so; it says what there is.
        StoreError: there is no such database, or it cannot be used.
    """
    word, _, name = text.partition(":")
    explicit = next((kind for kind in _KNOWN if kind == word), None)
    kinds = plain if explicit is None else (explicit,)
    wanted = text if explicit is None else name
    known = {kind: [str(row[0]) for row in _rows(store, _KNOWN[kind])] for kind in kinds}
    for kind, names in known.items():
        if wanted in names:
            return Rater(kind, wanted)
    begun = [one for one in known.get("run", ()) if wanted and one.startswith(wanted)]
    if len(begun) > 1:
        raise UsageError(f"more than one run begins with {wanted!r}: {_some(begun)}; give more of its id")
    if begun:
        return Rater("run", begun[0])
    there = [f"{kind}s: {_some(names)}" if names else f"no {kind}s" for kind, names in known.items()]
    raise UsageError(f"{text!r} is no {' or '.join(kinds)} in {store.path}; it has {'; '.join(there)}")


def labelled_rubrics(store: Store) -> tuple[str, ...]:
    """Ids of the rubrics that somebody has labelled by."""
    return tuple(row[0] for row in _rows(store, "SELECT DISTINCT rubric FROM labels ORDER BY ALL"))


def rubrics(store: Store, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Ids of the rubrics that have verdicts or labels, or of those the ones wanted.

    Raises:
        UsageError: one that is wanted has neither.
        StoreError: there is no such database, or it cannot be used.
    """
    sql = "SELECT DISTINCT rubric FROM verdicts UNION SELECT DISTINCT rubric FROM labels ORDER BY ALL"
    known = tuple(row[0] for row in _rows(store, sql))
    for rubric in wanted:
        if rubric not in known:
            there = f"; there are {', '.join(known)}" if known else ""
            raise UsageError(f"--rubric {rubric}: no verdict and no label in {store.path} has this rubric{there}")
    return tuple(dict.fromkeys(wanted)) or known


def _some(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.query(sql) as found:
        return list(found.fetchall())
