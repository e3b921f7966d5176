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
    for kind in plain if explicit is None else (explicit,):
        if found := _find(store, kind, text if explicit is None else name):
            return found
    raise UsageError(_nobody(store, text, plain if explicit is None else (explicit,)))


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


def _find(store: Store, kind: Kind, name: str) -> Rater | None:
    known = [str(row[0]) for row in _rows(store, _KNOWN[kind])]
    if name in known:
        return Rater(kind, name)
    begun = [one for one in known if name and one.startswith(name)] if kind == "run" else []
    if len(begun) > 1:
        raise UsageError(f"more than one run begins with {name!r}: {_some(begun)}; give more of its id")
    return Rater("run", begun[0]) if begun else None


def _nobody(store: Store, text: str, kinds: tuple[Kind, ...]) -> str:
    there = []
    for kind in kinds:
        known = [str(row[0]) for row in _rows(store, _KNOWN[kind])]
        there.append(f"{kind}s: {_some(known)}" if known else f"no {kind}s")
    return f"{text!r} is no {' or '.join(kinds)} in {store.path}; it has {'; '.join(there)}"


def _some(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.query(sql) as found:
        return list(found.fetchall())
