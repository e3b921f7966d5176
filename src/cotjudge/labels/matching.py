"""Rows of a file to labels: the trace found, the words checked against the rubric."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from cotjudge.errors import RubricError
from cotjudge.labels.rows import Row
from cotjudge.rubric import Rubric
from cotjudge.rubric_file import resolve
from cotjudge.store import Label, Selection, Store, text_hash

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_HASH = re.compile(r"[0-9a-f]{64}")
_NOTES = ("note", "reason", "comment")
_NESTED = ("gold", "labels")
_CRITERION = "criterion."
_SHOWN = 200

# A dump that was scored from another folder, or by its whole path, is found by the end of its path.
_BY_END = """
SELECT DISTINCT given.path, given.record, sources.trace_id
FROM sources JOIN (SELECT unnest($paths, max_depth := 2)) AS given
    ON sources.record = given.record AND ends_with(sources.path, '/' || given.path)
ORDER BY ALL
"""

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that gives no label."""

    path: str
    """The file."""
    number: int
    """The row."""
    reason: str
    """What is wrong and what to do."""

    def __str__(self) -> str:
        return f"{self.path}: row {self.number}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for rows that do not say it themselves."""

    rubrics: tuple[Rubric, ...] = ()
    """Rubrics named by the user; if it is one, that of rows without a rubric."""
    annotator: str = ""
    """Who labelled, for rows without an annotator."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What some rows came to."""

    labels: tuple[Label, ...]
    """New or changed labels."""
    faults: tuple[Fault, ...]
    """Rows that give none."""
    same: int
    """Labels that the database has already, word for word."""
    older: int
    """Labels of which the database has a newer one."""
    unknown: tuple[str, ...]
    """Trace ids among the labels whose trace is not stored (yet)."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """One label as a row gives it: a nested row gives several."""

    row: Row
    fields: Mapping[str, Any]


class _Wrong(ValueError):
    """What is wrong with a row."""


def match(rows: Iterable[Row], store: Store, terms: Terms) -> Matched:
    """Find each row's trace and check its words.

    A row names its trace by `trace_id` (which need not be stored yet), by `path` and `record`, by `text_hash`, or by
    the reasoning `text` itself. A row may hold several rubrics' labels: `{"gold": {RUBRIC: {"label": ...}}}`.

    Raises:
        StoreError: the database cannot be read.
    """
    faults: list[Fault] = []
    claims: list[_Claim] = []
    for row in rows:
        if row.fault:
            faults.append(Fault(row.path, row.number, row.fault))
        else:
            claims += _claims(row)
    names = {id(claim): _name(claim.fields) for claim in claims}
    found = _found(store, {name for name in names.values() if name})
    words = _Words(terms)
    labels: dict[Key, tuple[Label, _Claim]] = {}
    for claim in claims:
        try:
            label = words.label(claim, _trace(names[id(claim)], found))
            _add(labels, label, claim)
        except _Wrong as wrong:
            faults.append(Fault(claim.row.path, claim.row.number, str(wrong)))
    return _against_stored(store, labels, sorted(faults, key=lambda f: (f.path, f.number)))


def _claims(row: Row) -> Iterator[_Claim]:
    nested = next((name for name in _NESTED if isinstance(row.fields.get(name), dict)), None)
    if nested is None or "label" in row.fields:
        yield _Claim(row, row.fields)
        return
    shared = {name: value for name, value in row.fields.items() if name != nested}
    by = {"annotator": "gold"} if nested == "gold" else {}
    for rubric, said in row.fields[nested].items():
        inner = said if isinstance(said, dict) else {"label": said}
        yield _Claim(row, by | shared | inner | {"rubric": rubric})


def _name(fields: Mapping[str, Any]) -> Key:
    """By what a row names its trace; empty if by nothing."""
    if given := _text(fields, "trace_id"):
        return "trace_id", given.lower()
    path, record = _text(fields, "path"), _text(fields, "record")
    if path and record:
        return "source", path, record
    if given := _text(fields, "text_hash"):
        return "text_hash", given.lower()
    text = fields.get("text")
    return ("text_hash", text_hash(text), text_hash(text.strip())) if isinstance(text, str) and text.strip() else ()


def _found(store: Store, names: set[Key]) -> dict[Key, list[str]]:
    """The traces that each name fits."""
    found: dict[Key, list[str]] = defaultdict(list)
    if not store.path.exists():
        return found
    ids = [name[1] for name in names if name[0] == "trace_id"]
    for (trace_id,) in _ask(
        store, "SELECT trace_id FROM traces SEMI JOIN (SELECT unnest($ids) AS trace_id) USING (trace_id)", ids=ids
    ):
        found["trace_id", trace_id].append(trace_id)
    paths = [{"path": name[1], "record": name[2]} for name in names if name[0] == "source"]
    sql = "SELECT DISTINCT path, record, trace_id FROM sources SEMI JOIN (SELECT unnest($paths, max_depth := 2)) USING (path, record) ORDER BY ALL"
    for path, record, trace_id in _ask(store, sql, paths=paths) if paths else ():
        found["source", path, record].append(trace_id)
    rest = [p for p in paths if ("source", p["path"], p["record"]) not in found]
    for path, record, trace_id in _ask(store, _BY_END, paths=rest) if rest else ():
        found["source", path, record].append(trace_id)
    by_hash = defaultdict(list)
    hashes = sorted({digest for name in names if name[0] == "text_hash" for digest in name[1:]})
    sql = "SELECT text_hash, trace_id FROM traces SEMI JOIN (SELECT unnest($hashes) AS text_hash) USING (text_hash) ORDER BY ALL"
    for digest, trace_id in _ask(store, sql, hashes=hashes) if hashes else ():
        by_hash[digest].append(trace_id)
    for name in names:
        if name[0] == "text_hash":
            found[name] = next((by_hash[digest] for digest in name[1:] if digest in by_hash), [])
    return found


def _trace(name: Key, found: Mapping[Key, list[str]]) -> tuple[str, bool]:
    """The trace that a name means, and whether it is stored."""
    if not name:
        raise _Wrong("names no trace; give trace_id, or path and record, or text_hash, or text")
    fits = found.get(name, [])
    if name[0] == "trace_id":
        if not _TRACE_ID.fullmatch(name[1]):
            raise _Wrong(f"trace_id {name[1][:_SHOWN]!r} is none: it has 32 hex digits")
        return name[1], bool(fits)
    if len(fits) > 1:
        raise _Wrong(f"{_described(name)} fits {len(fits)} traces ({', '.join(fits[:3])}); give its trace_id")
    if not fits:
        raise _Wrong(f"{_described(name)} is not in the database; score that dump first, or give its trace_id")
    return fits[0], True


def _described(name: Key) -> str:
    if name[0] == "source":
        return f"{name[1]!r} record {name[2]!r}"
    given = name[1][:_SHOWN]
    if len(name) == 2 and not _HASH.fullmatch(name[1]):
        raise _Wrong(f"text_hash {given!r} is none: it has 64 hex digits")
    return f"a trace with reasoning of hash {given}"


class _Words:
    """The words of a label, checked against its rubric."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._rubrics: dict[str, Rubric | None] = {rubric.id: rubric for rubric in terms.rubrics}

    def label(self, claim: _Claim, trace: tuple[str, bool]) -> Label:
        """The label of a row.

        Raises:
            _Wrong: a field that no label can have.
        """
        fields = claim.fields
        rubric = self._rubric(_text(fields, "rubric"))
        annotator = _text(fields, "annotator") or self._terms.annotator
        if not annotator:
            raise _Wrong("nobody is named as annotator; add a column annotator, or --annotator NAME")
        selection = _text(fields, "selection").lower()
        if selection not in get_args(Selection):
            raise _Wrong(f"selection {selection[:_SHOWN]!r}: there are {', '.join(filter(None, get_args(Selection)))}")
        row = {
            "trace_id": trace[0],
            "rubric": rubric.id,
            "annotator": annotator,
            "label": _one_of("label", _text(fields, "label"), rubric.labels),
            "criteria": _criteria(fields, rubric),
            "note": next((said for name in _NOTES if (said := _text(fields, name))), ""),
            "source": claim.row.path,
            "selection": selection,
            "created_at": _time(fields.get("created_at")),
        }
        return Label.model_validate(row)

    def _rubric(self, name: str) -> Rubric:
        if not name:
            if len(self._terms.rubrics) != 1:
                raise _Wrong("names no rubric; add a column rubric, or --rubric ID")
            return self._terms.rubrics[0]
        if name not in self._rubrics:
            try:
                [self._rubrics[name]] = resolve([name])
            except (RubricError, ValueError):
                self._rubrics[name] = None
        rubric = self._rubrics[name]
        if rubric is None:
            raise _Wrong(f"unknown rubric {name[:_SHOWN]!r}; name its file with --rubric FILE")
        return rubric


def _criteria(fields: Mapping[str, Any], rubric: Rubric) -> dict[str, str]:
    given = fields.get("criteria")
    if isinstance(given, str) and given.strip():
        import orjson

        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError as error:
            raise _Wrong(f"criteria is no JSON: {error}") from None
    if given and not isinstance(given, dict):
        raise _Wrong("criteria is no JSON object of criterion and answer")
    answers = dict(given or {}) | {
        name.removeprefix(_CRITERION): value for name, value in fields.items() if name.startswith(_CRITERION)
    }
    checked = {}
    for name, answer in answers.items():
        if answer is None or not str(answer).strip():
            continue
        if name not in rubric.criteria:
            raise _Wrong(f"{rubric.id} has no criterion {str(name)[:_SHOWN]!r}; it has {', '.join(rubric.criteria)}")
        checked[str(name)] = _one_of(f"criterion {name}", str(answer), rubric.criteria[name].choices)
    return checked


def _one_of(what: str, given: str, choices: Sequence[str]) -> str:
    word = given.strip().lower()
    if word not in choices:
        said = f"{given[:_SHOWN]!r}" if given else "nothing"
        raise _Wrong(f"{what} says {said}; it can be {', '.join(choices)}")
    return word


def _time(given: Any) -> datetime:
    """A time with its zone; UTC where none is named, now where there is no time."""
    if given is None or given == "":
        return datetime.now(UTC)
    try:
        found = given if isinstance(given, datetime) else datetime.fromisoformat(str(given).strip())
    except ValueError:
        raise _Wrong(f"created_at {str(given)[:_SHOWN]!r} is no time; write it as 2026-03-01T12:30:00+00:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value).strip()


def _add(labels: dict[Key, tuple[Label, _Claim]], label: Label, claim: _Claim) -> None:
    """Keep a label; of two by one annotator the one with the newer time counts."""
    key = (label.trace_id, label.rubric, label.annotator)
    if key not in labels:
        labels[key] = label, claim
        return
    other, by = labels[key]
    if _said(label) == _said(other):
        return
    if not (claim.fields.get("created_at") and by.fields.get("created_at")):
        raise _Wrong(f"{label.annotator} says something else of the same trace in row {by.row.number}; leave one out")
    if label.created_at >= other.created_at:
        labels[key] = label, claim


def _said(label: Label) -> tuple[Any, ...]:
    return label.label, dict(label.criteria), label.note, label.selection


def _against_stored(store: Store, labels: Mapping[Key, tuple[Label, _Claim]], faults: list[Fault]) -> Matched:
    """Leave out what the database has already."""
    import orjson

    stored: dict[Key, tuple[tuple[Any, ...], datetime]] = {}
    known: set[str] = set()
    ids = sorted({key[0] for key in labels})
    if ids and store.path.exists():
        sql = "SELECT {} FROM {} SEMI JOIN (SELECT unnest($ids) AS trace_id) USING (trace_id)"
        known = {trace_id for (trace_id,) in _ask(store, sql.format("trace_id", "traces"), ids=ids)}
        columns = "trace_id, rubric, annotator, label, criteria, note, selection, created_at"
        for *key, label, criteria, note, selection, created_at in _ask(store, sql.format(columns, "labels"), ids=ids):
            said = (label, orjson.loads(criteria or "{}"), note or "", selection or "")
            stored[tuple(key)] = said, created_at.replace(tzinfo=UTC)
    new: list[Label] = []
    same = older = 0
    for name, (label, claim) in labels.items():
        there = stored.get(name)
        if there and there[0] == _said(label):
            same += 1
        elif there and claim.fields.get("created_at") and label.created_at < there[1]:
            older += 1
        else:
            new.append(label)
    unknown = tuple(sorted({label.trace_id for label in new} - known))
    return Matched(tuple(new), tuple(faults), same, older, unknown)


def _ask(store: Store, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    return store.query(sql, parameters).fetchall()
