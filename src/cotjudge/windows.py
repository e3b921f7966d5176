"""Windows: a trace too long for its judge is shown piece by piece, and what is said about them is made one answer.

Nothing of a trace is left out: windows hold whole segments, in order, and overlap; a segment that no window can hold
is cut into overlapping parts where a paragraph, a line, a sentence or a word ends.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from cotjudge import evidence, prompt
from cotjudge.answer import Answers, CriterionAnswer, Quote
from cotjudge.prompt import Piece
from cotjudge.rubric import Criterion, ExtraField, Rubric
from cotjudge.rule import CANNOT_TELL
from cotjudge.trace import Segment, Trace
from cotjudge.verdict import Usage

BYTES_PER_TOKEN = 3
_SHORTEST = 64
"""Bytes of text that a window shows of a segment at least, however small the limit: there is always progress."""
_MANY_PARTS = 999_999
_BETWEEN = len("\n\n")
_NEAR = 2_000
"""Characters before the end of a part that are searched first for a good place to cut."""


def tokens(text: str) -> int:
    """How many tokens a text is at most, roughly: its UTF-8 bytes by three, rounded up.

    Prose in any script takes less with the tokenizers of today; long runs of digits, base64 or rare symbols may take
    more.
    """
    return -(-_size(text) // BYTES_PER_TOKEN)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


# --- cutting


def windows(trace: Trace, *, limit_tokens: int, overlap_tokens: int) -> tuple[Trace, ...]:
    """The trace in windows that a judge can be shown one at a time.

    Args:
        trace: the trace, as it may be shown.
        limit_tokens: how much a window may take (`tokens` of its `prompt.trace_block`, so our own lines count).
            Only a limit that has hardly room for those is passed.
        overlap_tokens: how much of a window's end the next one repeats at most, in whole segments (or, inside a
            segment that is cut, in sentences or words); never more than half a window.

    Returns:
        The trace itself if it fits; else excerpts of it, in order. Segments keep their index; one whose text is part
        of the original's is a `Piece`.
    """
    cutter = _Cutter(trace, limit_tokens * BYTES_PER_TOKEN, overlap_tokens * BYTES_PER_TOKEN)
    sizes = [cutter.measure(segment) for segment in trace.segments]
    if sum(sizes) + cutter.fence <= limit_tokens * BYTES_PER_TOKEN:
        return (trace,)
    packing = _Packing(cutter.room, cutter.overlap)
    for segment, size in zip(trace.segments, sizes, strict=True):
        if size <= cutter.room:
            packing.add(segment, size)
            continue
        if packing.left < max(cutter.room // 2, cutter.least(segment)):
            packing.close()
        for piece, piece_size in cutter.cut(segment, first=packing.left):
            packing.add(piece, piece_size)
    return tuple(trace.excerpt(window) for window in packing.finish())


class _Packing:
    """Segments put into windows, one after another."""

    def __init__(self, room: int, overlap: int) -> None:
        self._room = room
        self._overlap = overlap
        self._done: list[list[Segment]] = []
        self._open: list[tuple[Segment, int]] = []
        self._fresh = False
        self._used = 0

    @property
    def left(self) -> int:
        """Bytes that still fit into the open window."""
        return self._room - self._used

    def add(self, segment: Segment, size: int) -> None:
        """Put a segment into the open window, or into a new one that repeats the end of the last."""
        if self._fresh and size > self.left:
            follows = isinstance(segment, Piece) and segment.number > 1  # repeats some of the part before by itself
            tail = [] if follows else self._tail(size)
            self.close()
            self._open = tail
            self._used = sum(size for _, size in tail)
        self._open.append((segment, size))
        self._used += size
        self._fresh = True

    def _tail(self, size: int) -> list[tuple[Segment, int]]:
        tail: list[tuple[Segment, int]] = []
        room = min(self._overlap, self._room - size)
        for entry in reversed(self._open[1:]):  # never the whole window again
            room -= entry[1]
            if room < 0:
                break
            tail.insert(0, entry)
        return tail

    def close(self) -> None:
        """Begin an empty window."""
        if self._fresh:
            self._done.append([segment for segment, _ in self._open])
        self._open, self._used, self._fresh = [], 0, False

    def finish(self) -> list[list[Segment]]:
        """All windows."""
        self.close()
        return self._done


class _Cutter:
    """Measures segments as they are shown, and cuts those that are too long."""

    def __init__(self, trace: Trace, limit: int, overlap: int) -> None:
        self._marker = trace.trace_id[:16]
        count = len(trace.segments)
        note = _size(prompt.window_note(self._marker, count, count + 1, count)) + _BETWEEN
        self.fence = _size(prompt.fill("trace", marker=self._marker, segments="")) - _BETWEEN
        self.room = max(limit - self.fence - note, _SHORTEST)
        self.overlap = min(overlap, self.room // 2)

    def measure(self, segment: Segment) -> int:
        """Bytes that it takes in a prompt, with the lines of ours about it."""
        return _size(prompt.segment_block(segment, self._marker)) + _BETWEEN

    def least(self, segment: Segment) -> int:
        """Bytes that some of it takes at least."""
        return self._taken(segment, 0, 0) + _SHORTEST

    def cut(self, segment: Segment, *, first: int) -> Iterator[tuple[Piece, int]]:
        """The segment in overlapping parts, with what each takes.

        Args:
            segment: one that takes more than the room of a window.
            first: bytes that the first part may take.
        """
        spans = list(self._spans(segment, first))
        for number, (start, end, size) in enumerate(spans, start=1):
            yield self._piece(segment, start, end, number, len(spans)), size

    def _piece(self, segment: Segment, start: int, end: int, number: int, of: int) -> Piece:
        fields = {name: getattr(segment, name) for name in Segment.model_fields} | {"text": segment.text[start:end]}
        return Piece(**fields, start=start, number=number, of=of)

    def _spans(self, segment: Segment, first: int) -> Iterator[tuple[int, int, int]]:
        text, room, start = segment.text, first, 0
        header = self._taken(segment, 0, 0)
        growth = max(1.0, self.measure(segment) / (header + _size(text)))
        while True:
            end, taken = self._end(segment, start, max(room, self.least(segment)), growth)
            yield start, end, taken
            if end == len(text):
                return
            start, room = _next_start(text, start, end, self.overlap), self.room

    def _end(self, segment: Segment, start: int, room: int, growth: float) -> tuple[int, int]:
        """Where a part that begins here has to end to take no more than the room, and what it takes at most."""
        goal = int((room - self._taken(segment, 0, 0)) / growth)
        while True:
            end = start + _fitting(segment.text, start, goal)
            taken = self._taken(segment, start, end)
            if taken <= room or end == start + 1:
                break
            less = goal - (taken - room)  # enough, unless what is indented or neutralised is all at the end
            goal = max(1, less if less > goal // 2 else goal * room // taken)
        return end if end == len(segment.text) else _good_end(segment.text, start, end), taken

    def _taken(self, segment: Segment, start: int, end: int) -> int:
        return self.measure(self._piece(segment, start, end, _MANY_PARTS, _MANY_PARTS))


def _fitting(text: str, start: int, size: int) -> int:
    """How many characters from here take so many bytes at most; one at least."""
    part = text[start : start + size]
    if part.isascii():
        return len(part)
    kept = part.encode("utf-8", "surrogatepass")[:size].decode("utf-8", "ignore")
    return max(1, len(kept))


# Ends at which a text may be cut, best first.
_ENDS = (
    re.compile(r"\n[ \t\r]*\n"),
    re.compile(r"[\n\r\x85\u2028\u2029]"),
    re.compile(r"[.!?…][\"'”’)\]]{0,3}\s|[。！？]"),
    re.compile(r"\s"),
)


def _good_end(text: str, start: int, end: int) -> int:
    """The last good place to end a part, in its second half; its very end where one word fills all of that."""
    middle = start + (end - start + 1) // 2
    for pattern in _ENDS:
        for earliest in (max(middle, end - _NEAR), middle):
            last = deque(pattern.finditer(text, earliest, end), maxlen=1)
            if last:
                return last[0].end()
    return end


def _next_start(text: str, start: int, end: int, overlap: int) -> int:
    """Where the part after this one begins: at the first good place within the overlap."""
    earliest = max(start + (end - start + 1) // 2, end - overlap)
    while not text[earliest:end].isascii() and _size(text[earliest:end]) > overlap:
        earliest += -(-(end - earliest) // 4)
    for pattern in _ENDS:
        found = pattern.search(text, earliest, end)
        if found is not None and found.end() < end:
            return found.end()
    return earliest


# --- combining


def combine(rubric: Rubric, parts: Sequence[Answers], shown: Sequence[Trace] = ()) -> Answers:
    """One answer out of those about a trace's windows.

    Each criterion says how (`Criterion.across`). Quotes are kept from the windows that gave the answer that counts;
    counter-evidence is kept from all. Of the extra fields, lists are united, a boolean is true if it is so anywhere,
    of integers the largest counts, and choices and texts come from the window in which most of the rubric is met.

    Args:
        rubric: the rubric.
        parts: what was said about each window, in order.
        shown: the windows; with them the rationale names the segments, and a window in which nothing is judged has no
            say in what must hold throughout.
    """
    if len(parts) == 1:
        return parts[0]
    names = [span(window) for window in shown] or [f"window {n} of {len(parts)}" for n in range(1, len(parts) + 1)]
    judged = [not shown or evidence.has_judged_text(shown[nth], rubric.judges) for nth in range(len(parts))]
    said = _Said(rubric, parts, [part for part, has in zip(parts, judged, strict=True) if has] or parts)
    criteria = {name: said.answer(name, criterion) for name, criterion in rubric.criteria.items()}
    draws = min(len(part.further) for part in parts)
    return Answers(
        rationale="\n\n".join(f"[{name}] {part.rationale}" for name, part in zip(names, parts, strict=True)),
        criteria=criteria,
        fields=_fields(rubric, parts),
        usage=reduce(add, (part.usage for part in parts), Usage()),
        latency_s=sum(part.latency_s for part in parts),
        ledger=tuple(call for part in parts for call in part.ledger),
        coverage=min(part.coverage for part in parts),
        windows=len(parts),
        quoted=all(part.quoted for part in parts),
        probabilities=said.probabilities(criteria),
        score_kind=parts[0].score_kind,
        further=tuple(combine(rubric, [part.further[nth] for part in parts], shown) for nth in range(draws)),
    )


def span(window: Trace) -> str:
    """What a window shows, in words: `segments 3-7`, `segment 8, part 2 of 5`."""
    edges = (window.segments[0], window.segments[-1])
    first, last = (f"{s.index} (part {s.number} of {s.of})" if isinstance(s, Piece) else str(s.index) for s in edges)
    return f"segment {first}" if len(window.segments) == 1 else f"segments {first}-{last}"


@dataclass(frozen=True, slots=True)
class _Said:
    """What the windows say."""

    rubric: Rubric
    """About this."""
    parts: Sequence[Answers]
    """All of them."""
    speaking: Sequence[Answers]
    """Those in which there is text to judge."""

    def answer(self, name: str, criterion: Criterion) -> CriterionAnswer:
        """The one answer to a criterion."""
        given = [_given(part, name) for part in self._asked(criterion)]
        counter = _united(_given(part, name).counter for part in self.parts)
        repeated = self._repeated(criterion)
        if repeated and not any(answer.answer == criterion.met for answer in given):
            return CriterionAnswer(answer=criterion.met, quotes=repeated, counter=counter)
        order = _strongest_first(criterion)
        ranks = [order.index(answer.answer) for answer in given]
        winner = order[max(ranks) if criterion.across == "all" else min(ranks)]
        quotes = _united(answer.quotes for answer in given if answer.answer == winner)
        return CriterionAnswer(answer=winner, quotes=quotes, counter=counter)

    def _repeated(self, criterion: Criterion) -> tuple[Quote, ...]:
        """One quote each from the segments in which the criterion `of` is found; none where it is fewer than two."""
        if criterion.of is None:
            return ()
        repeating = self.rubric.criteria[criterion.of]
        given = [_given(part, criterion.of) for part in self.parts]
        by_segment: dict[int, Quote] = {}
        for quote in _united(answer.quotes for answer in given if repeating.is_positive(answer.answer)):
            by_segment.setdefault(quote.segment, quote)
        return tuple(by_segment.values()) if len(by_segment) > 1 else ()

    def _asked(self, criterion: Criterion) -> Sequence[Answers]:
        return self.speaking if criterion.across == "all" else self.parts

    def probabilities(self, criteria: dict[str, CriterionAnswer]) -> dict[str, float]:
        """How probable each criterion is, where windows say: the largest, or for what must hold throughout the least.

        One that is met by repetition only is as probable as the second most probable of what repeats.
        """
        found = {}
        for name, criterion in self.rubric.criteria.items():
            probable = self._probable(name, criterion)
            if criterion.of is not None and criteria[name].answer == criterion.met:
                probable += self._probable(criterion.of, criterion)[-2:-1]
            if probable:
                found[name] = min(probable) if criterion.across == "all" else max(probable)
        return found

    def _probable(self, name: str, criterion: Criterion) -> list[float]:
        return sorted(part.probabilities[name] for part in self._asked(criterion) if name in part.probabilities)


def _given(part: Answers, name: str) -> CriterionAnswer:
    return part.criteria.get(name) or CriterionAnswer(answer=CANNOT_TELL)


def _strongest_first(criterion: Criterion) -> list[str]:
    return [*criterion.choices[:-2], CANNOT_TELL, criterion.negative]


def _united(quotes: Iterable[Iterable[Quote]]) -> tuple[Quote, ...]:
    return tuple(dict.fromkeys(quote for some in quotes for quote in some))


def _fields(rubric: Rubric, parts: Sequence[Answers]) -> dict[str, Any]:
    def met(part: Answers) -> float:
        return rubric.score({name: answer.answer for name, answer in part.criteria.items()}) or 0.0

    best_first = sorted(parts, key=met, reverse=True)  # stable: of equals, the first
    found = {}
    for name, field in rubric.fields.items():
        values = [p.fields[name] for p in (parts if field.type == "list" else best_first) if name in p.fields]
        if values:
            found[name] = _one_value(field, values)
    return found


def _one_value(field: ExtraField, values: Sequence[Any]) -> Any:
    said = [value for value in values if value not in (None, "", [])]
    match field.type:
        case "list":
            return list(dict.fromkeys(item for value in said for item in value))
        case "boolean":
            return any(said) if said else None
        case "integer":
            return max(said, default=None)
        case _:
            return said[0] if said else values[0]
