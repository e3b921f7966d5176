"""Dumps as scoring takes them: a file that is as it was, and of which everything is judged, is not read again."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from cotjudge import fingerprint, readers
from cotjudge.judgement import Question
from cotjudge.readers import DumpFile, Skipped
from cotjudge.store import DumpName, Found, Holding, JudgedDump, Store
from cotjudge.trace import Trace, Value

KEPT_SKIPS = 21
"""So many skips of a file are kept with their reasons: all that a second run would name, and one more."""


class Begun(Value):
    """From here on, what is read is of this file."""

    name: DumpName | None
    """None where the file cannot be told again: standard input, an address."""


Item = Trace | Skipped | Begun | JudgedDump
"""What scoring is given: what was read, where a file begins, and a file in place of its traces."""


class Reading(Value):
    """What is read, and how."""

    paths: tuple[str, ...]
    """Files, folders, globs, addresses, `-`."""
    format: str | None = None
    """Read every file as this format."""
    mapping: readers.Mapping | None = None
    """Which fields of a record are what."""
    again: bool = False
    """Read what is unchanged and judged, too."""

    def files(self) -> list[DumpFile]:
        """Every file meant.

        Raises:
            InputError: as `readers.read`.
        """
        return readers.dumps(self.paths, format=self.format, mapping=self.mapping)


class Dumps:
    """The files of one call, and which of them need not be read.

    Args:
        reading: what is read.
        questions: what is asked about each trace.
        store: where verdicts are.
        per_segment: whether segments are judged by themselves.
        look_up: whether a file may be left unread.
        by_file: whether files are told apart at all; without it, only what is in them comes.

    Raises:
        InputError: as `readers.read`.
    """

    def __init__(
        self,
        reading: Reading,
        questions: Sequence[Question],
        store: Store,
        *,
        per_segment: bool = False,
        look_up: bool = True,
        by_file: bool = True,
    ) -> None:
        self.reading = reading
        self._files = reading.files()
        self._questions = questions
        self._store = store
        self._how = readers.reading_hash(reading.format, reading.mapping)
        self._asked = _asked_hash(questions, per_segment=per_segment)
        self._look_up = look_up and by_file and not reading.again
        self._by_file = by_file

    @cached_property
    def unchanged(self) -> Mapping[tuple[str, str], JudgedDump]:
        """Files by path and hash of content; looked up in the database when first asked for."""
        if not self._look_up:
            return {}
        return self._store.unchanged(
            [file.path for file in self._files],
            reading=self._how,
            asked=self._asked,
            judge_hash=self._questions[0].judge_hash,
            rubric_hashes=[question.rubric_hash for question in self._questions],
        )

    def items(self) -> Iterator[Item]:
        """What is to be judged, file by file; to be taken once, for some files can be opened only once."""
        return self._items(self._files)

    def items_again(self) -> Iterator[Item]:
        """The same once more, beside the first."""
        return self._items(self.reading.files())

    def _items(self, files: list[DumpFile]) -> Iterator[Item]:
        for file in files:
            if self._by_file:
                content = file.content_hash()
                if content is not None and (dump := self.unchanged.get((file.path, content))):
                    yield dump
                    continue
                yield Begun(name=self._name(file, content))
            yield from file.items()

    def _name(self, file: DumpFile, content: str | None) -> DumpName | None:
        if content is None:
            return None
        return DumpName(path=file.path, content_hash=content, reading=self._how, asked=self._asked)


def _asked_hash(questions: Sequence[Question], *, per_segment: bool) -> str:
    """32 hex digits over all that decides which judgements a trace wants, and their keys."""
    told = sorted(
        (q.rubric.id, q.rubric.judges, q.rubric_hash, q.judge_hash, q.judge.prompt_version) for q in questions
    )
    whole = [told, fingerprint.METHOD_VERSION, per_segment]
    return hashlib.blake2b(orjson.dumps(whole), digest_size=16).hexdigest()


@dataclass(slots=True)
class Account:
    """What is counted of one file while it is read, as a second run would count it."""

    name: DumpName
    traces: int = 0
    no_reasoning: int = 0
    skipped_records: int = 0
    judgements: int = 0
    sources: int = 0
    silent: Counter[str] = field(default_factory=Counter)
    kept: list[dict[str, Any]] = field(default_factory=list)
    found: Counter[tuple[str | None, Found]] = field(default_factory=Counter)
    """Rubric id (None where a segment was judged by itself), and what is known -> judgements."""
    waiting: defaultdict[str | None, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Rubric id (or None) -> keys of judgements that were not there yet."""
    spoiled: bool = False
    """Whether the next run could find something else in it, or ask for more."""
    _record: tuple[str, str] = ("", "")
    _ids: set[str] = field(default_factory=set)

    def skip(self, skipped: Skipped) -> None:
        """Something of it was not read; a whole file, or the rest of one, perhaps for a reason that passes."""
        self.spoiled = self.spoiled or not (skipped.record or skipped.reason == readers.UNKNOWN)
        self.skipped_records += skipped.count
        if len(self.kept) < KEPT_SKIPS:
            self.kept.append(skipped.model_dump())

    def place(self, trace: Trace) -> None:
        """A trace was found in it; the same one twice in a record is one place."""
        record = (trace.source.path, trace.source.record)
        if record != self._record:
            self._record = record
            self._ids.clear()
        if trace.trace_id not in self._ids:
            self._ids.add(trace.trace_id)
            self.sources += 1

    def silence(self, trace: Trace) -> None:
        """A trace of it holds nothing to judge."""
        self.no_reasoning += 1
        self.silent[trace.source.path] += 1

    def judged_by(
        self, verdicts: Mapping[str, Found | None], runs: Mapping[str, Holding], *, judge: str, run_id: str
    ) -> JudgedDump | None:
        """The file as one that need not be read again; None where a judgement is missing, or the file has changed.

        Args:
            verdicts: judgements that are there now, by key.
            runs: what each run holds.
            judge: who was asked.
            run_id: the run that ends.
        """
        found = self.found.copy()
        for rubric, keys in self.waiting.items():
            for key in keys:
                verdict = verdicts.get(key)
                if verdict is None:
                    return None
                found[rubric, verdict] += 1
        made_by = {verdict.run_id for _, verdict in found}
        if self.spoiled or not made_by <= runs.keys() or readers.content_hash(self.name.path) != self.name.content_hash:
            return None
        labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for (rubric, verdict), count in found.items():
            if rubric is not None:
                labels[rubric][verdict.label] += count
        return JudgedDump(
            name=self.name,
            judge=judge,
            traces=self.traces,
            no_reasoning=self.no_reasoning,
            skipped_records=self.skipped_records,
            judgements=self.judgements,
            sources=self.sources,
            labels={rubric: dict(counts) for rubric, counts in labels.items()},
            silent=dict(self.silent),
            skipped=tuple(self.kept),
            verdicts={run: runs[run] for run in sorted(made_by)},
            run_id=run_id,
        )
