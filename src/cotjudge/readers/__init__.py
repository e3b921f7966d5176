"""Dump files to traces: `read` streams them, `formats` says what can be read, `Reader` is what a plug-in provides."""

from cotjudge.readers.base import FormatInfo, Head, OpenedFile, Reader, Skipped, Unread
from cotjudge.readers.dump_file import DumpFile, content_hash, reading_hash
from cotjudge.readers.mapping import Mapping
from cotjudge.readers.reading import UNKNOWN, dumps, read
from cotjudge.readers.registry import formats

__all__ = [
    "UNKNOWN",
    "DumpFile",
    "FormatInfo",
    "Head",
    "Mapping",
    "OpenedFile",
    "Reader",
    "Skipped",
    "Unread",
    "content_hash",
    "dumps",
    "formats",
    "read",
    "reading_hash",
]
