"""Files of labels to rows: CSV, TSV, JSON lines, a JSON array, parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotjudge.errors import InputError, UsageError
from cotjudge.store import Store

FIELDS = (
    "trace_id",
    "path",
    "record",
    "text_hash",
    "text",
    "rubric",
    "label",
    "annotator",
    "note",
    "criteria",
    "selection",
    "created_at",
)
"""What a row may say; `criterion.NAME` gives one criterion's answer."""

_MAX_CELL = 16 * 2**20  # as the readers'


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file of labels."""

    path: str
    """The file, as the user named it."""
    number: int
    """1-based: a line of JSON lines, else a row (the header is none)."""
    fields: Mapping[str, Any]
    """What it says, under the names of `FIELDS` where they were mapped."""
    fault: str = ""
    """Why it cannot be read."""


def parse_map(text: str) -> dict[str, str]:
    """`label=verdict,text=cot` as target -> column.

    Raises:
        UsageError: a part without `=`, or an unknown target.
    """
    found = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        target, equals, column = (p.strip() for p in part.partition("="))
        if not equals or not column:
            raise UsageError(f"--map {part!r}: write TARGET=COLUMN, as in label=verdict")
        if target not in FIELDS and not target.startswith("criterion."):
            raise UsageError(f"--map {part!r}: no target {target!r}; there are: {', '.join(FIELDS)}, criterion.NAME")
        found[target] = column
    return found


def rows(path: str, renamed: Mapping[str, str] | None = None) -> Iterator[Row]:
    """The rows of a file, read by its ending.

    Args:
        path: the file.
        renamed: target -> column, as `parse_map` gives it.

    Raises:
        InputError: it is not there, of an unknown kind, broken as a whole, or without a mapped column.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{path}: no such file")
    kind = _KINDS.get(file.suffix.lower())
    if kind is None:
        raise InputError(f"{path}: labels are read from {', '.join(_KINDS)}; give the file one of these endings")
    try:
        for number, fields, fault in kind(path):
            missing = [column for column in (renamed or {}).values() if number == 1 and column not in fields]
            if missing and not fault:
                raise InputError(f"{path}: no column {missing[0]!r} (--map); there are: {', '.join(map(str, fields))}")
            yield Row(path, number, _renamed(fields, renamed or {}), fault)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


_Raw = Iterator[tuple[int, dict[str, Any], str]]


def _renamed(fields: dict[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    taken = set(renamed.values())
    kept = {name: value for name, value in fields.items() if name not in taken and name not in renamed}
    return kept | {target: fields.get(column) for target, column in renamed.items()}


def _csv(path: str) -> _Raw:
    return _table(path, ",")


def _tsv(path: str) -> _Raw:
    return _table(path, "\t")


def _table(path: str, delimiter: str) -> _Raw:
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL))
    with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
        table = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = [name.strip() for name in next(table, [])]
        except csv.Error as error:
            raise InputError(f"{path}: broken header: {error}") from None
        number = 0
        while True:
            number += 1
            try:
                row = next(table)
            except StopIteration:
                return
            except csv.Error as error:
                yield number, {}, f"broken row: {error}"
                continue
            if not row:
                number -= 1
            elif len(row) != len(header):
                yield number, {}, f"{len(row)} columns where the header has {len(header)}"
            else:
                yield number, dict(zip(header, row, strict=True)), ""


def _lines(path: str) -> _Raw:
    import orjson

    with Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.isspace():
                continue
            try:
                value = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
            except orjson.JSONDecodeError as error:
                yield number, {}, f"no JSON: {error}"
            else:
                yield number, *_object(value)


def _json(path: str) -> _Raw:
    import orjson

    try:
        values = orjson.loads(Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InputError(f"{path}: no JSON: {error}; JSON lines end in .jsonl") from None
    for number, value in enumerate(values if isinstance(values, list) else [values], 1):
        yield number, *_object(value)


def _object(value: Any) -> tuple[dict[str, Any], str]:
    return (value, "") if isinstance(value, dict) else ({}, "no JSON object; a row is one object")


def _parquet(path: str) -> _Raw:
    for number, row in enumerate(Store.parquet_rows(Path(path)), 1):
        yield number, row, ""


_KINDS = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _lines,
    ".ndjson": _lines,
    ".json": _json,
    ".parquet": _parquet,
}
