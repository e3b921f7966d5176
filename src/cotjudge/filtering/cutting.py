"""Files cut into records, byte for byte: what is not dropped is written as it stood.

A cutter yields `(number, bytes)`: a record's own bytes under its number (1-based, as the readers count them), in as
many pieces as it likes, and under number 0 what belongs to no record (a header, brackets, the commas between those
records that are kept).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator

from cotjudge.readers.json_file import elements, whole_transcripts
from cotjudge.readers.jsontext import JsonStream
from cotjudge.readers.limits import CHUNK_BYTES, MAX_FIELD_BYTES
from cotjudge.readers.table import CSV, TSV

Keep = Callable[[int], bool]
Pieces = Iterator[tuple[int, bytes]]
Cutter = Callable[[io.BufferedIOBase, Keep], Pieces]


class Broken(ValueError):
    """Why a file cannot be cut."""


def lines(stream: io.BufferedIOBase, _: Keep) -> Pieces:
    """JSON lines: a record is its line with its line end; a blank line is none."""
    number = 0
    begins = True
    while piece := stream.readline(CHUNK_BYTES):
        ends = piece.endswith(b"\n")
        number += begins
        yield (0 if begins and ends and piece.isspace() else number), piece
        begins = ends


def json_values(stream: io.BufferedIOBase, keep: Keep) -> Pieces:
    """The elements of a JSON array, and JSON values one after the other.

    Of an array each kept element but the first is written with the comma and the white space that stood before it.

    Raises:
        Broken: the brackets do not fit.
    """
    text = _Bytes(stream)
    number = 0
    lead = text.space()
    if text.peek() == b"[":
        text.take()
        yield 0, lead + b"["
        first = before = text.space()
        written = False
        while text.peek() != b"]":
            number += 1
            if keep(number):
                yield 0, before if written else first
                written = True
            for piece in text.value():
                yield number, piece
            after = text.space()
            if text.peek() == b",":
                text.take()
                before = after + b"," + text.space()
            elif text.peek() == b"]":
                first = after
            else:
                raise Broken(f"neither a comma nor a bracket after element {number:,}")
        text.take()
        yield 0, (first if number else b"") + b"]"
        lead = text.space()
    while text.peek():
        number += 1
        if keep(number):
            yield 0, lead
        for piece in text.value():
            yield number, piece
        lead = text.space()
    yield 0, lead


def is_one_transcript(stream: io.BufferedIOBase) -> bool:
    """Whether a JSON array is one transcript, its elements messages and no records."""
    text = JsonStream(stream)
    if text.peek() != "[":
        return False
    first = next(elements(text), None)
    return isinstance(first, dict) and next(whole_transcripts(iter([first]))) is not first


def csv_rows(stream: io.BufferedIOBase, _: Keep) -> Pieces:
    """The rows of a CSV table; a row may have several lines."""
    return _rows(stream, CSV.delimiter_of(stream))


def tsv_rows(stream: io.BufferedIOBase, _: Keep) -> Pieces:
    """The rows of a TSV table."""
    return _rows(stream, TSV.delimiter_of(stream))


CUTTERS: dict[str, Cutter] = {"jsonl": lines, "json": json_values, "csv": csv_rows, "tsv": tsv_rows}
"""Formats whose records can be cut out, by the reader's name; parquet is in `columns`."""


def _rows(stream: io.BufferedIOBase, delimiter: str) -> Pieces:
    """Numbers as `readers.table` gives them: a broken row counts, a blank line does not."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD_BYTES))
    taken: list[bytes] = []

    def decoded() -> Iterator[str]:
        while line := stream.readline():
            taken.append(line)
            yield line.decode("utf-8", "replace")

    table = csv.reader(decoded(), delimiter=delimiter, strict=True)
    number = -1  # the header is row 0
    while True:
        row: list[str] | None = None
        try:
            row = next(table)
        except StopIteration:
            if taken:  # not reached: csv gives what it took
                yield 0, b"".join(taken)
            return
        except csv.Error:
            pass
        blank = row == [] and number >= 0
        number += not blank
        yield (0 if blank else number), b"".join(taken)
        taken.clear()


_SPACE = re.compile(rb"[ \t\r\n]*")
_STRUCTURE = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')
_SCALAR_ENDS = re.compile(rb"[\s,\[\]{}]")


class _Bytes:
    """JSON text as bytes: where a value ends, without making anything of it."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self._chunk = b""
        self._at = 0

    def peek(self) -> bytes:
        """The next byte; empty at the end."""
        if self._at >= len(self._chunk):
            self._fill()
        return self._chunk[self._at : self._at + 1]

    def take(self) -> None:
        """Step over the next byte."""
        self._at += 1

    def space(self) -> bytes:
        """Step over white space; returns it."""
        found = b""
        while self.peek():
            match = _SPACE.match(self._chunk, self._at)
            end = match.end() if match else self._at
            found += self._chunk[self._at : end]
            self._at = end
            if end < len(self._chunk):
                break
        return found

    def value(self) -> Iterator[bytes]:
        """The bytes of the value that begins here.

        Raises:
            Broken: there is none, or it does not end.
        """
        begins = self.peek()
        if begins in (b"{", b"[", b'"'):
            return self._nested()
        if not begins or begins in b",]}":
            raise Broken("a value is missing")
        return self._scalar()

    def _scalar(self) -> Iterator[bytes]:
        while self.peek():
            match = _SCALAR_ENDS.search(self._chunk, self._at)
            end = match.start() if match else len(self._chunk)
            yield self._chunk[self._at : end]
            self._at = end
            if match:
                return

    def _nested(self) -> Iterator[bytes]:
        depth = 0
        in_string = False
        start = position = self._at
        while True:
            match = (_IN_STRING if in_string else _STRUCTURE).search(self._chunk, position)
            if match is None:
                yield self._chunk[start:]
                position = max(0, position - len(self._chunk))  # an escaped character may begin the next chunk
                self._fill()
                start = 0
                if not self._chunk:
                    raise Broken("the file ends within a value")
                continue
            position = match.end()
            mark = match.group()
            if mark == b"\\":
                position += 1
            elif mark == b'"':
                in_string = not in_string
            else:
                depth += 1 if mark in b"{[" else -1
            if depth == 0 and not in_string:
                yield self._chunk[start:position]
                self._at = position
                return

    def _fill(self) -> None:
        self._chunk = self._stream.read1(CHUNK_BYTES)
        self._at = 0
