"""Paths to traces: every named file is looked at first, then all are read one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import BinaryIO, NamedTuple

from cotjudge.errors import InputError
from cotjudge.readers import containers, limits, registry
from cotjudge.readers.base import Head, OpenedFile, Reader, Skipped, Unread
from cotjudge.readers.dump_file import DumpFile
from cotjudge.readers.locations import Location, expand
from cotjudge.readers.mapping import Mapping
from cotjudge.readers.opening import Opened, open_location, open_stream
from cotjudge.trace import Trace


class _How(NamedTuple):
    """How the files of one call are read."""

    reader: Reader | None
    """The one the user asked for."""
    mapping: Mapping | None
    stdin: BinaryIO | None

    def reader_of(self, head: Head) -> Reader | None:
        """The reader of a file that begins so."""
        return self.reader or registry.reader_of(head, records=self.mapping is not None)

    def is_archive(self, head: Head) -> bool:
        """Whether a file is read member by member: an archive that is no format of its own."""
        return containers.is_archive(head) and registry.known_archive(head, self.reader) is None


def read(
    paths: Sequence[str],
    *,
    format: str | None = None,  # noqa: A002  # the word users know
    mapping: Mapping | None = None,
    stdin: BinaryIO | None = None,
) -> Iterator[Trace | Skipped]:
    """The traces of dump files, and what in them could not be read.

    Args:
        paths: files, globs, directories (read recursively, in order of name), addresses (`s3://`, `https://`; extra
            `remote`), or `-` for standard input; gzip, zstandard, xz and bzip2 are unpacked, and the members of ZIP
            and tar archives read as `archive!/member`.
        format: the name of a format (see `formats`); by default each file's content tells.
        mapping: which fields of a record are what; then only files of records are read.
        stdin: what `-` reads; by default standard input.

    Returns:
        Traces in the order of the dumps; a `Skipped` for each record, or file of a directory, that was not read.

    Raises:
        InputError: at the call, before anything is read: a path is not there, or a file that the user named is
            unreadable, empty or in no known format.
        SettingsError: the environment sets a limit that is no number.
    """
    return (item for file in dumps(paths, format=format, mapping=mapping, stdin=stdin) for item in file.items())


def dumps(
    paths: Sequence[str],
    *,
    format: str | None = None,  # noqa: A002  # the word users know
    mapping: Mapping | None = None,
    stdin: BinaryIO | None = None,
) -> list[DumpFile]:
    """The files that `read` reads, each by itself; looked at, and not read yet.

    Raises:
        InputError: as `read` does.
        SettingsError: as `read` does.
    """
    limits.check()
    how = _How(registry.named(format) if format is not None else None, mapping, stdin)
    if mapping is not None and how.reader is not None and not registry.reads_records(how.reader):
        raise InputError(f"format {format!r} has no records that a mapping could apply to; leave one of the two out")
    locations = expand(paths)
    kept = [_check(location, how) if location.named else None for location in locations]
    return [
        DumpFile(location.path, partial(_read, location, opened, how))
        for location, opened in zip(locations, kept, strict=True)
    ]


def _check(location: Location, how: _How) -> Opened | None:
    """Look at a named file; what cannot be opened twice is returned open."""
    try:
        opened = open_location(location, how.stdin, how.mapping)
        fault = _fault(opened.head, how)
    except OSError as error:
        raise InputError(f"{location.path}: cannot be read: {error.strerror or error}") from None
    if opened.once and fault is None:
        return opened
    opened.close()
    if fault is not None:
        raise InputError(f"{location.path}: {fault}{_known_formats(fault)}")
    return None


def _read(location: Location, opened: Opened | None, how: _How) -> Iterator[Trace | Skipped]:
    try:
        opened = opened or open_location(location, how.stdin, how.mapping)
    except OSError as error:
        yield _file_skipped(location.path, f"cannot be read: {error.strerror or error}")
        return
    with closing(opened):
        yield from _read_members(opened, how) if how.is_archive(opened.head) else _read_opened(opened, how)


def _read_opened(opened: Opened, how: _How) -> Iterator[Trace | Skipped]:
    fault = _fault(opened.head, how)
    reader = how.reader_of(opened.head)
    if fault is not None or reader is None:
        yield _file_skipped(opened.file.path, fault or UNKNOWN)
    else:
        yield from _read_guarded(opened.file, reader)


def _read_members(archive: Opened, how: _How) -> Iterator[Trace | Skipped]:
    """What the members of an archive hold; an archive inside it is not followed."""
    path = archive.file.path
    try:
        for member in containers.members(archive.file, archive.head):
            if member.stream is None:
                yield _file_skipped(member.path, member.fault)
                continue
            with closing(open_stream(member.path, member.stream, how.mapping)) as opened:
                if how.is_archive(opened.head):
                    yield _file_skipped(member.path, "an archive in an archive: unpack it first")
                else:
                    yield from _read_opened(opened, how)
    except Unread as error:
        yield _file_skipped(path, str(error))
    except OSError as error:
        yield _file_skipped(path, f"cannot be read to its end: {error.strerror or error}")


def _read_guarded(file: OpenedFile, reader: Reader) -> Iterator[Trace | Skipped]:
    """What the reader yields; what it raises, as a `Skipped` for the rest of the file."""
    try:
        yield from reader.read(file)
    except Unread as error:
        yield _file_skipped(file.path, str(error))
    except OSError as error:
        yield _file_skipped(file.path, f"cannot be read to its end: {error.strerror or error}")
    except Exception as error:  # a dump must not stop the run, whatever is in it  # noqa: BLE001
        what = f"{type(error).__name__}: {error}"
        yield _file_skipped(file.path, f"the {reader.info.name} reader stumbled ({what}); please report it")


def _fault(head: Head, how: _How) -> str | None:
    if not head.start and (head.whole or head.fault):
        return head.fault or "is empty"
    if how.reader_of(head) is None and not how.is_archive(head):
        return UNKNOWN
    return None


def _known_formats(fault: str) -> str:
    if fault != UNKNOWN:
        return ""
    return "".join(f"\n  {info.name:<18} {info.description}: {info.recognised}" for info in registry.formats())


def _file_skipped(path: str, reason: str) -> Skipped:
    return Skipped(path=path, record="", reason=" ".join(reason.split()))


UNKNOWN = "in no format that a reader knows"
"""Why a file is not read that is none of ours."""
