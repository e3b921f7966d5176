"""The corpus, file by file: surveyed, cut, written aside, put in place."""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal

import orjson

from cotjudge import readers
from cotjudge.errors import InputError, UsageError
from cotjudge.filtering import columns, cutting, writing
from cotjudge.filtering.condition import Outcome
from cotjudge.filtering.survey import Marks, survey
from cotjudge.readers import containers, registry, remote
from cotjudge.readers.base import Unread
from cotjudge.readers.locations import STDIN, Location, expand
from cotjudge.readers.mapping import Mapping
from cotjudge.readers.opening import Opened, open_location, open_stream

Unjudged = Literal["keep", "drop", "fail"]

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CUTTABLE = "jsonl, json (an array, or values one after the other), csv, tsv and parquet"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done."""

    paths: tuple[str, ...]
    """The corpus, as `cotjudge read` takes it; files on this machine."""
    out: Path
    """The file, or for several files the folder, that is written."""
    manifest: Path
    """Where it is written down what was dropped and why."""
    unjudged: Unjudged = "keep"
    """What becomes of records without a verdict."""
    format: str | None = None
    """The reader for every file; by their content where None."""
    mapping: Mapping | None = None
    """Which fields of a record are what, if it was judged so."""
    dry_run: bool = False
    """Only count."""
    force: bool = False
    """Whether an older output may be replaced."""


@dataclass
class Filtered:
    """What came of it."""

    files: int = 0
    """Files read."""
    records: int = 0
    """Records of those that were cut; a file that is written whole counts none."""
    kept: int = 0
    """Records written."""
    dropped: int = 0
    """Records left out because the condition is true of them."""
    unjudged: int = 0
    """Records without a verdict, kept or dropped as was ordered."""
    whole: int = 0
    """Files in formats that cannot be cut, written whole because nothing in them was to be dropped."""
    formats: set[str] = field(default_factory=set)
    """The formats met."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of the corpus, and where what is left of it goes."""

    path: str
    target: Path
    opened: Opened
    bom: bytes
    ending: str
    """By which the target is packed."""
    is_member: bool

    @property
    def is_raw(self) -> bool:
        """Whether the file on disk can be copied as it is."""
        same = Path(self.path).suffix.lower() == self.ending
        return not self.is_member and (same or not (writing.is_packed(self.ending) or writing.is_packed(self.path)))


def filter_corpus(order: Order, outcome: Outcome) -> Filtered:
    """Write a corpus without the records that a condition is true of; the others as they stood, byte for byte.

    A record with several traces is dropped if one of them is. Nothing is in its place before all of it is written.

    Raises:
        InputError: a path that is missing or in no known format; a file that cannot be cut and would have to be.
        UsageError: the output exists or cannot be written, or records are unjudged and that was to be a failure.
    """
    located = [(argument, location) for argument in order.paths for location in expand([argument])]
    single = _is_single(order, [location for _, location in located])
    _refuse(order, [location for _, location in located], single=single)
    files = survey(readers.read(order.paths, format=order.format, mapping=order.mapping), outcome)
    _check_unjudged(order, files)
    draft = writing.draft_of(order.out)
    draft_manifest = writing.draft_of(order.manifest)
    done = Filtered()
    try:
        with writing.writing(Path(os.devnull) if order.dry_run else draft_manifest) as manifest:
            work = _Work(order, outcome, done, manifest)
            for part in _parts(order, located, draft, single=single):
                work.do(part, files.get(part.path, Marks()))
            work.say_summary()
        if order.unjudged == "fail" and done.unjudged:
            raise _unjudged(done.unjudged)
        if not order.dry_run:
            writing.put_in_place(draft, order.out)
            writing.put_in_place(draft_manifest, order.manifest)
    finally:
        writing.remove(draft)
        writing.remove(draft_manifest)
    return done


def _is_single(order: Order, locations: list[Location]) -> bool:
    """Whether the corpus is one file that comes out as one file."""
    if len(locations) != 1 or len(order.paths) != 1 or Path(order.paths[0]).is_dir():
        return False
    if remote.is_remote(order.paths[0]) or order.paths[0] == STDIN:
        return True
    with closing(_open(locations[0].path, order.mapping)) as opened:
        return not _is_archive(opened, order.format)


def _is_archive(opened: Opened, format_name: str | None) -> bool:
    reader = registry.named(format_name) if format_name is not None else None
    return containers.is_archive(opened.head) and registry.known_archive(opened.head, reader) is None


def _open(path: str, mapping: Mapping | None) -> Opened:
    try:
        return open_location(Location(path, named=True), None, mapping)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _refuse(order: Order, locations: list[Location], *, single: bool) -> None:
    """What would overwrite an input, or what somebody has written."""
    for location in locations:
        if location.path == STDIN or remote.is_remote(location.path) or not Path(location.path).is_file():
            raise UsageError(f"{location.path}: the corpus is read twice; save it to a file first")
        for target in (order.out, order.manifest):
            if target.exists() and target.samefile(location.path):
                raise UsageError(f"{target}: this is a file of the corpus itself; write to another with -o")
    places = {path.resolve() for path in map(Path, order.paths) if path.is_dir()}
    for target in (order.out, order.manifest):
        if any(target.resolve() == place or place in target.resolve().parents for place in places):
            raise UsageError(f"{target}: this lies in the corpus itself; write somewhere else with -o")
        if target.exists() and not order.dry_run and not (order.force and target.is_file()) and not _is_empty(target):
            raise UsageError(f"{target} exists already; name another, remove it, or replace a file with --force")
    if order.out.resolve() == order.manifest.resolve():
        raise UsageError(f"{order.out}: the manifest needs a file of its own; name one with --manifest")
    if single and order.out.is_dir():
        raise UsageError(f"{order.out}: this is a folder, and one file is to be written; name the file")


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _check_unjudged(order: Order, files: dict[str, Marks]) -> None:
    """Said before anything is written, as far as traces tell."""
    traces = sum(marks.unjudged for marks in files.values())
    if order.unjudged == "fail" and traces:
        raise _unjudged(traces)


def _unjudged(count: int) -> UsageError:
    return UsageError(
        f"{count:,} records have no verdict that the condition could be asked of; judge them with `cotjudge score`, or say"
        " --unjudged keep or --unjudged drop"
    )


def _parts(order: Order, located: list[tuple[str, Location]], draft: Path, *, single: bool) -> Iterator[_Part]:
    """Every file of the corpus, each open."""
    taken: dict[Path, str] = {}
    for argument, location in located:
        if single:
            yield from _one(order, location, draft, taken, single=True)
            continue
        inside = Path(argument).is_dir()
        name = os.path.relpath(location.path, argument) if inside else Path(location.path).name
        yield from _one(order, location, draft / name, taken, single=False)


def _one(order: Order, location: Location, target: Path, taken: dict[Path, str], *, single: bool) -> Iterator[_Part]:
    out = order.out if single else target
    with closing(_open(location.path, order.mapping)) as opened:
        if not _is_archive(opened, order.format):
            _take(taken, target, location.path)
            with Path(location.path).open("rb") as raw:
                start = raw.read(3)
            yield _Part(location.path, target, opened, _bom(start), out.suffix.lower(), is_member=False)
            return
        try:
            for member in containers.members(opened.file, opened.head):
                if member.stream is None:
                    raise InputError(f"{member.path}: {member.fault}")
                start = member.stream.peek(3)[:3]
                inner = _inside(member.path.removeprefix(location.path + containers.SEPARATOR), member.path)
                place = target / inner
                _take(taken, place, member.path)
                with closing(open_stream(member.path, member.stream, order.mapping)) as unpacked:
                    yield _Part(member.path, place, unpacked, _bom(start), place.suffix.lower(), is_member=True)
        except Unread as error:
            raise InputError(f"{location.path}: {error}") from None


def _bom(start: bytes) -> bytes:
    return start if start == codecs.BOM_UTF8 else start[:2] if start[:2] in _UTF16 else b""


def _inside(name: str, path: str) -> Path:
    """A member's name as a way that stays in its folder."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0].startswith("/") or ":" in parts[0]:
        raise InputError(f"{path}: a member's name that leads out of the folder; unpack the archive yourself first")
    return Path(*parts)


def _take(taken: dict[Path, str], target: Path, path: str) -> None:
    if target in taken:
        raise InputError(f"{path} and {taken[target]} would be written to one file; filter them one by one")
    taken[target] = path


class _Work:
    """One file after the other."""

    def __init__(self, order: Order, outcome: Outcome, done: Filtered, manifest: BinaryIO) -> None:
        self._order = order
        self._outcome = outcome
        self._done = done
        self._manifest = manifest

    def do(self, part: _Part, marks: Marks) -> None:
        """Write what is left of one file, and what was dropped to the manifest."""
        before = Filtered(**{name: getattr(self._done, name) for name in ("records", "kept", "dropped", "unjudged")})
        cut = self._cutter(part, marks)
        self._done.files += 1
        self._done.formats.add(marks.format or "unread")
        if cut is None:
            self._refuse_cutting(part, marks)
            self._done.whole += 1
        place = Path(os.devnull) if self._order.dry_run else part.target
        with writing.writing(place, "" if cut is None and part.is_raw else part.ending) as target:
            if cut is None:
                self._copy_whole(part, target)
            else:
                try:
                    cut(target)
                except Unread as error:
                    raise InputError(f"{part.path}: {error}; mend or remove the file first") from None
                except cutting.Broken as error:
                    raise InputError(f"{part.path}: {error}; it cannot be cut") from None
        self._say_file(part, marks, before)

    def say_summary(self) -> None:
        """The last line of the manifest."""
        names = ("files", "records", "kept", "dropped", "unjudged", "whole")
        self._say(
            {
                "kind": "summary",
                "condition": self._outcome.condition,
                "judges": self._outcome.judges,
                "unjudged_are": "dropped" if self._order.unjudged == "drop" else "kept",
            }
            | {name: getattr(self._done, name) for name in names}
        )

    def _cutter(self, part: _Part, marks: Marks) -> Callable[[BinaryIO], None] | None:
        """How the file is cut; None where it can only be written whole."""
        if part.bom in _UTF16 or (marks.faults and marks.format == "json"):
            return None
        if marks.format == "parquet":
            return lambda target: self._cut_rows(part, marks, target)
        cutter = cutting.CUTTERS.get(marks.format)
        if cutter is None:
            return None
        if marks.format == "json" and not part.is_member:
            with closing(_open(part.path, self._order.mapping)) as again:
                if cutting.is_one_transcript(again.file.stream):
                    return None
        return lambda target: self._cut(part, marks, cutter, target)

    def _refuse_cutting(self, part: _Part, marks: Marks) -> None:
        if part.is_member and part.bom in _UTF16:
            raise InputError(f"{part.path}: a file in UTF-16 in an archive; unpack it first")
        if marks.dropped or (self._order.unjudged == "drop" and marks.unjudged):
            what = "a file in UTF-16" if part.bom in _UTF16 else f"format {marks.format}"
            raise InputError(f"{part.path}: {what} cannot be cut record by record; those that can: {_CUTTABLE}")

    def _copy_whole(self, part: _Part, target: BinaryIO) -> None:
        if not part.is_raw:
            writing.copy(part.opened.file.stream, target)
            return
        with Path(part.path).open("rb") as raw:
            writing.copy(raw, target)

    def _cut(self, part: _Part, marks: Marks, cutter: cutting.Cutter, target: BinaryIO) -> None:
        drops = self._order.unjudged == "drop"

        def keep(number: int) -> bool:
            return not (marks.is_dropped(number) or (drops and marks.is_unjudged(number)))

        target.write(part.bom)
        current, digest = 0, None
        for number, piece in cutter(part.opened.file.stream, keep):
            if number != current:
                self._end_record(part, marks, current, digest)
                current, digest = number, None if not number or keep(number) else hashlib.sha256()
                self._count(marks, number, kept=digest is None)
            if digest is None:
                target.write(piece)
            else:
                digest.update(piece)
        self._end_record(part, marks, current, digest)

    def _cut_rows(self, part: _Part, marks: Marks, target: BinaryIO) -> None:
        drops = self._order.unjudged == "drop"

        def keep(number: int) -> bool:
            kept = not (marks.is_dropped(number) or (drops and marks.is_unjudged(number)))
            self._count(marks, number, kept=kept)
            if not kept:
                self._say_dropped(part, marks, number, None)
            return kept

        columns.cut(part.path, part.opened.file.spool(), target, keep)

    def _count(self, marks: Marks, number: int, *, kept: bool) -> None:
        if number:
            self._done.records += 1
            self._done.kept += kept
            self._done.dropped += marks.is_dropped(number)
            self._done.unjudged += marks.is_unjudged(number)

    def _end_record(self, part: _Part, marks: Marks, number: int, digest: Any) -> None:
        if digest is not None:
            self._say_dropped(part, marks, number, digest.hexdigest())

    def _say_dropped(self, part: _Part, marks: Marks, number: int, digest: str | None) -> None:
        traces = marks.dropped.get(number, [])
        self._say(
            {
                "kind": "dropped",
                "path": part.path,
                "record": str(number),
                "why": "condition" if traces else "unjudged",
                "traces": [{"trace_id": t} | dict(self._outcome.dropped[t]) for t in traces],
                "sha256": digest,
            }
        )

    def _say_file(self, part: _Part, marks: Marks, before: Filtered) -> None:
        written = not self._order.dry_run
        counts = {n: getattr(self._done, n) - getattr(before, n) for n in ("records", "kept", "dropped", "unjudged")}
        if len(marks.dropped) != counts["dropped"] and (marks.dropped or counts["dropped"]):
            raise InputError(f"{part.path}: the file changed while it was read; run the command again")
        self._say(
            {
                "kind": "file",
                "path": part.path,
                "format": marks.format,
                "sha256": None if part.is_member else writing.digest_of(Path(part.path)),
                "written_sha256": writing.digest_of(part.target) if written else None,
            }
            | counts
        )

    def _say(self, line: dict[str, Any]) -> None:
        self._manifest.write(orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE))
