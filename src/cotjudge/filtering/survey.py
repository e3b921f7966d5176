"""What is to become of each record: the corpus read once, every trace looked up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cotjudge.filtering.condition import Outcome
from cotjudge.readers import Skipped
from cotjudge.trace import Trace

_NO_TRACE, _KEPT, _UNJUDGED, _DROPPED = range(4)
_NUMBER = re.compile(r"\d+")


@dataclass
class Marks:
    """One file's records: a byte for each, and more only for those that are dropped."""

    format: str = ""
    """The reader that read it; empty where nothing could be read."""
    dropped: dict[int, list[str]] = field(default_factory=dict)
    """Record -> its traces that the condition is true of."""
    traces: int = 0
    """Traces found."""
    unjudged: int = 0
    """Traces that the condition could not be asked of."""
    faults: list[str] = field(default_factory=list)
    """Why some of the file was not read to its end."""
    _marks: bytearray = field(default_factory=bytearray)

    def add(self, trace: Trace, outcome: Outcome) -> None:
        """One trace of the file."""
        self.format = trace.source.format
        self.traces += 1
        numbered = _NUMBER.match(trace.source.record)
        number = int(numbered[0]) if numbered else 1
        standing = outcome.standing(trace.trace_id)
        mark = {"keep": _KEPT, "unjudged": _UNJUDGED, "drop": _DROPPED}[standing]
        self.unjudged += mark == _UNJUDGED
        if number >= len(self._marks):
            self._marks.extend(bytes(number + 1 - len(self._marks)))
        self._marks[number] = max(mark, self._marks[number])
        if mark == _DROPPED:
            self.dropped.setdefault(number, []).append(trace.trace_id)

    def is_dropped(self, number: int) -> bool:
        """Whether the condition is true of a trace of this record."""
        return number < len(self._marks) and self._marks[number] == _DROPPED

    def is_unjudged(self, number: int) -> bool:
        """Whether the condition could not be asked of the record: no verdict, or no trace in it."""
        return number >= len(self._marks) or self._marks[number] in (_NO_TRACE, _UNJUDGED)


def survey(items: Iterable[Trace | Skipped], outcome: Outcome) -> dict[str, Marks]:
    """The marks of every file (or archive member), by its path."""
    files: dict[str, Marks] = {}
    for item in items:
        if isinstance(item, Trace):
            files.setdefault(item.source.path, Marks()).add(item, outcome)
        elif not item.record:
            files.setdefault(item.path, Marks()).faults.append(item.reason)
    return files
