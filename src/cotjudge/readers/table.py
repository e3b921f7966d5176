"""Tables in text: CSV and TSV, a record a row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from cotjudge.readers import rows
from cotjudge.readers.base import FormatInfo, Head, OpenedFile, Skipped, Unread
from cotjudge.readers.limits import MAX_FIELD_BYTES
from cotjudge.readers.records import Records
from cotjudge.trace import Trace


class TableReader:
    """Reads a table row by row; memory is bounded by the longest row.

    Args:
        name: the format's name.
        delimiters: what may stand between columns, in order of trust.
        description: what the format is.
    """

    def __init__(self, name: str, delimiters: str, description: str) -> None:
        self._delimiters = delimiters
        self.info = FormatInfo(
            name=name,
            description=description,
            recognised="a first line of two or more column names, and at the beginning as many columns in every row",
            reasoning="by the record's shape: a row is a record, its columns are the fields; `messages` may hold JSON",
            model="by the record's shape",
            task="by the record's shape",
            epoch="by the record's shape",
            meta="by the record's shape",
        )

    def sniff(self, head: Head) -> bool:
        """Whether a header begins here and the rows have as many columns."""
        return b"\0" not in head.data and _delimiter(head, self._delimiters) is not None

    def read(self, file: OpenedFile) -> Iterator[Trace | Skipped]:
        """The traces of every row; a row that does not fit is named."""
        csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD_BYTES))
        records = Records(file.path, self.info.name, file.mapping)
        lines = _Lines(file.stream)
        table = csv.reader(lines, delimiter=self.delimiter_of(file.stream), strict=True)
        try:
            header = _header(table)
            yield from _read_rows(table, lines, header, records)
        except Unread as error:
            yield records.broken("", str(error))
        yield from records.skipped()

    def delimiter_of(self, stream: io.BufferedIOBase) -> str:
        """What divides the columns of the table that begins here."""
        peek = getattr(stream, "peek", None)
        data = peek(1)[:65536] if peek is not None else b""
        return _delimiter(Head(data, whole=False), self._delimiters) or self._delimiters[0]


CSV = TableReader("csv", ",;", "a table with a header, columns divided by commas or semicolons")
TSV = TableReader("tsv", "\t", "a table with a header, columns divided by tabs")


class _Lines:
    """The lines of a stream as text; what is wrong with one is kept for the row it belongs to."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self.fault = ""
        self.text_of_row = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(MAX_FIELD_BYTES + 1)
        if not line:
            raise StopIteration
        if len(line) > MAX_FIELD_BYTES:
            raise Unread(f"a line of more than {MAX_FIELD_BYTES:,} bytes; the rest of the file is not read")
        self.text_of_row += len(line)
        if self.text_of_row > 4 * MAX_FIELD_BYTES:
            raise Unread(f"a row of more than {4 * MAX_FIELD_BYTES:,} bytes; the rest of the file is not read")
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            self.fault = f"not UTF-8: byte 0x{line[error.start]:02x}; convert the file"
            return line.decode("utf-8", "replace")

    def next_row(self) -> str:
        """What was wrong with the row that has just been read."""
        fault, self.fault, self.text_of_row = self.fault, "", 0
        return fault


def _read_rows(
    table: Iterator[list[str]], lines: _Lines, header: list[str], records: Records
) -> Iterator[Trace | Skipped]:
    number = 0
    while True:
        number += 1
        try:
            row = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            lines.next_row()
            yield records.broken(str(number), f"broken table row: {error}")
            continue
        fault = lines.next_row()
        if not row:
            number -= 1  # a blank line is no row
        elif fault or len(row) != len(header):
            reason = fault or f"{len(row)} columns where the header has {len(header)}"
            yield records.broken(str(number), reason)
        else:
            cells = {name: cell or None for name, cell in zip(header, row, strict=True)}
            yield from records.traces(rows.record(cells), str(number))


def _header(table: Iterator[list[str]]) -> list[str]:
    """The names of the columns, each once."""
    try:
        names = next(table, [])
    except csv.Error as error:
        raise Unread(f"broken table header: {error}") from None
    seen: dict[str, int] = {}
    header = []
    for position, name in enumerate(names, start=1):
        name = name.strip() or f"column_{position}"  # noqa: PLW2901  # the name it has from here on
        seen[name] = seen.get(name, 0) + 1
        header.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return header


def _delimiter(head: Head, candidates: str) -> str | None:
    """What divides the columns of a table; None if this is none."""
    text = head.data.decode("utf-8", "replace")
    return next((mark for mark in candidates if _fits(text, mark, whole=head.whole)), None)


def _fits(text: str, delimiter: str, *, whole: bool) -> bool:
    """Whether the first line names columns and most rows have as many; what the end of the head cuts is not counted."""
    counts: list[int] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if not counts and not _is_header(row):
                return False
            if row:
                counts.append(len(row))
        if not whole:
            counts.pop()
    except (csv.Error, IndexError):
        pass  # a row that is cut, or broken
    if len(counts) < 2:
        return len(counts) == 1 and not whole
    good = counts.count(counts[0])
    return good > 1 and good * 2 > len(counts)


def _is_header(names: list[str]) -> bool:
    """Whether these can be names of columns; only the first may be empty, as the one of an index is."""
    return len(names) > 1 and all(name.strip() for name in names[1:]) and all(map(_NAME.fullmatch, names))


_NAME = re.compile(r"[\w .:/()#%?\[\]-]{0,64}")
