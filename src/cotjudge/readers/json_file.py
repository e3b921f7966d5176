"""JSON files of records: an array, a single object, or pretty-printed values one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cotjudge.readers import facts, flat, messages
from cotjudge.readers.base import FormatInfo, Head, OpenedFile, Skipped, Unread
from cotjudge.readers.jsontext import JsonStream
from cotjudge.readers.records import MESSAGE_FIELDS, Records
from cotjudge.trace import Trace


class JsonReader:
    """Reads JSON values one at a time; memory is bounded by the largest record."""

    info = FormatInfo(
        name="json",
        description="a JSON array of records, a single record, or pretty-printed records one after the other",
        recognised="the file begins with `{` or `[` and is not JSONL; an array that begins with a message is one transcript",
        reasoning="by the record's shape",
        model="by the record's shape",
        task="by the record's shape",
        epoch="by the record's shape",
        meta="by the record's shape",
    )

    def sniff(self, head: Head) -> bool:
        """Whether a JSON object, or an array of objects or arrays, begins here."""
        start = head.start
        inner = start[1:].lstrip()[:1]
        return (start[:1] == b"{" and inner in {b'"', b"}"}) or (start[:1] == b"[" and inner in {b"{", b"[", b"]"})

    def read(self, file: OpenedFile) -> Iterator[Trace | Skipped]:
        """The traces of every record."""
        records = Records(file.path, self.info.name, file.mapping)
        text = JsonStream(file.stream)
        try:
            for index, value in enumerate(_records(text), start=1):
                yield from records.traces(value, str(index))
        except Unread as error:
            yield records.broken("", str(error))
        yield from records.skipped()


def elements(text: JsonStream) -> Iterator[Any]:
    """The elements of the array that begins here."""
    text.take("[")
    while text.peek() != "]":
        yield text.value()
        if text.peek() != "]":
            text.take(",")
    text.take("]")


def _records(text: JsonStream) -> Iterator[Any]:
    """The records of an array, and of values one after the other."""
    if text.peek() == "[":
        yield from whole_transcripts(elements(text))
    while text.peek():
        yield text.value()


def whole_transcripts(values: Iterator[Any]) -> Iterator[Any]:
    """The records; an array whose first element is a lone message is one transcript and not many records."""
    for value in values:
        if messages.is_message(value) and not _OF_RECORDS & value.keys():
            yield [value, *values]
        else:
            yield value
            yield from values


_OF_RECORDS = {"stop_reason", "usage", *MESSAGE_FIELDS, *flat.MODEL_ANSWERS, *facts.PROMPT_FIELDS}
"""What a lone message does not have beside its role."""
