"""The embedded judge: the rubric's own cues, found in linear time, without a key and without a network.

A cue is looked for sentence by sentence. A match does not count where its guard says so: in quoted words, under a
negation, in a question, in an option that is turned down. The cues that do count add up per criterion: a sum of 1 meets
it, half of that leaves it open (or gives a weaker choice, where there is one). Nothing else is decided here: quotes are
checked and the rubric's rule gives the label, as with every judge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Literal, TypeVar

from cotjudge.answer import Answers, CriterionAnswer, Quote
from cotjudge.cues import Passage, PatternSet, counts
from cotjudge.evidence import MODEL_ROLE, judged_segments
from cotjudge.rubric import Criterion, Cue, ExtraField, JudgedText, Rubric
from cotjudge.rule import CANNOT_TELL
from cotjudge.trace import Excerpt, Segment, Trace

VERSION = "1"
"""Raised whenever the same cues may give other answers."""

QUOTE_LENGTH = 400
"""Longest quote in characters; a longer sentence is cut around the match."""

QUOTES = 3
"""Most quotes given for one answer."""

MATCHES = 500
"""Most matches of one pattern that are looked at in one segment; it keeps hostile text cheap."""

Scope = Literal["judged", "model", "any"]
Passages = Mapping[int, Passage]
"""Segment's index -> its text, cut into sentences where need be."""
T = TypeVar("T")


class LexicalJudge:
    """Answers from the cues of a rubric; a screen and a floor.

    What is read of a trace or prepared from a rubric is kept for the next question about it.
    """

    spec = "lexical"
    prompt_version = ""
    notice = "lexical: a word-level screen and a floor under other judges, not a judge to quote"

    def __init__(self) -> None:
        self._screens: dict[str, _Screen] = {}
        self._read: dict[str, Passages] = {}

    @property
    def identity(self) -> Mapping[str, Any]:
        """Kind and version; there are no parameters."""
        return {"kind": "lexical", "version": VERSION}

    def rubric_hash(self, rubric: Rubric) -> str:
        """The whole rubric, cues included."""
        return rubric.content_hash

    def view(self, trace: Trace) -> Trace:
        """The trace as it is."""
        return trace

    async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
        """Answer from the cues; does no I/O and always succeeds."""
        screen = self._screens.get(rubric.content_hash)
        if screen is None:
            screen = _keep(self._screens, rubric.content_hash, _Screen(rubric))
        passages = None if isinstance(trace, Excerpt) else self._read.get(trace.trace_id)
        if passages is None:
            passages = {s.index: Passage(s.text) for s in trace.segments}
            if not isinstance(trace, Excerpt):  # which has its trace's id, and less of its text
                _keep(self._read, trace.trace_id, passages)
        return screen.answer(trace, passages)

    async def aclose(self) -> None:
        """There is nothing to let go of."""


def _keep(cache: dict[str, T], key: str, value: T, size: int = 32) -> T:
    if len(cache) >= size:
        del cache[next(iter(cache))]
    cache[key] = value
    return value


@dataclass(frozen=True, slots=True)
class _Hit:
    """A match that counts, in its sentence."""

    segment: int
    sentence: str
    start: int
    end: int

    def quote(self) -> Quote:
        """The sentence, cut at white space around the match if long."""
        text = self.sentence
        if len(text) > QUOTE_LENGTH:
            first = max(0, min(self.start, (self.start + self.end - QUOTE_LENGTH) // 2))
            text = text[first : first + QUOTE_LENGTH]
            text = text[text.find(" ") + 1 if first else 0 :]
        return Quote(segment=self.segment, text=text.strip())


@dataclass(frozen=True, slots=True)
class _Search:
    """A cue with its patterns as numbers of a pattern set."""

    cue: Cue
    scope: Scope
    match: int
    near: int | None
    unless: int | None


_Match = tuple[int, int, int, int]
"""Segment, sentence, first byte, byte past the last."""

Fired = list[tuple[Cue, list[_Hit]]]


class _Screen:
    """A rubric prepared for looking through traces."""

    def __init__(self, rubric: Rubric) -> None:
        self._rubric = rubric
        self._fields = {name: _unknown(extra) for name, extra in rubric.fields.items()}
        numbers: defaultdict[Scope, dict[str, int]] = defaultdict(dict)
        self._searches = {
            name: [_search(cue, cue.within or c.evidence, numbers[cue.within or c.evidence]) for cue in c.cues]
            for name, c in rubric.criteria.items()
        }
        self._sets = {scope: PatternSet(tuple(known)) for scope, known in numbers.items()}

    def answer(self, trace: Trace, passages: Passages) -> Answers:
        found = {
            scope: _Found(patterns, _in_scope(trace, scope, self._rubric.judges), passages)
            for scope, patterns in self._sets.items()
        }
        fired: dict[str, Fired] = {
            name: [
                (s.cue, hits)
                for s in searches
                if s.match in found[s.scope].matching and (hits := found[s.scope].hits(s))
            ]
            for name, searches in self._searches.items()
        }
        return Answers(
            rationale=_rationale(fired),
            criteria={name: _weigh(c, fired[name]) for name, c in self._rubric.criteria.items()},
            fields=dict(self._fields),
        )


def _search(cue: Cue, scope: Scope, numbers: dict[str, int]) -> _Search:
    def number(patterns: tuple[str, ...]) -> int | None:
        either = "|".join(f"(?:{pattern})" for pattern in patterns)
        return numbers.setdefault(either, len(numbers)) if patterns else None

    return _Search(cue, scope, number(cue.match) or 0, number(cue.near), number(cue.unless))


def _in_scope(trace: Trace, scope: Scope, judges: JudgedText) -> tuple[Segment, ...]:
    match scope:
        case "any":
            return trace.segments
        case "model":
            return tuple(s for s in trace.segments if s.role == MODEL_ROLE)
        case "judged":
            return judged_segments(trace, judges)


class _Found:
    """What the patterns of a set match in some segments; where exactly is found out when a cue asks."""

    def __init__(self, patterns: PatternSet, scope: tuple[Segment, ...], passages: Passages) -> None:
        self._patterns = patterns
        self._passages = passages
        self.matching: defaultdict[int, list[int]] = defaultdict(list)
        """Pattern -> the segments in which it matches."""
        self._located: dict[int, list[_Match]] = {}
        self._hits: dict[tuple[int, int | None, int | None, str], list[_Hit]] = {}
        for segment in scope:
            for pattern in patterns.matching(passages[segment.index].data):
                self.matching[pattern].append(segment.index)

    def hits(self, search: _Search) -> list[_Hit]:
        """The first matches of each segment that count; none where the cue as a whole does not hold."""
        key = (search.match, search.near, search.unless, search.cue.guard)
        hits = self._hits.get(key)
        if hits is None:
            hits = self._hits[key] = list(self._counting(search))
        return hits if len({hit.segment for hit in hits}) >= search.cue.segments else []

    def _counting(self, search: _Search) -> Iterator[_Hit]:
        near, unless = self._around(search.near), self._around(search.unless)
        found: Counter[int] = Counter()
        for place, number, start, end in self._locate(search.match):
            wanted = found[place] < QUOTES and (search.near is None or (place, number) in near)
            if wanted and (place, number) not in unless:
                passage = self._passages[place]
                match = passage.around(number, start, end)
                if counts(search.cue.guard, *match, passage.text(number + 1)):
                    found[place] += 1
                    yield _Hit(place, *match)

    def _around(self, pattern: int | None) -> set[tuple[int, int]]:
        """Sentences in which a pattern matches, and their neighbours."""
        matches = self._locate(pattern) if pattern is not None else ()
        return {(place, number + step) for place, number, _, _ in matches for step in (-1, 0, 1)}

    def _locate(self, pattern: int) -> list[_Match]:
        located = self._located.get(pattern)
        if located is None:
            located = self._located[pattern] = [
                (place, self._passages[place].sentence(start), start, end)
                for place in self.matching.get(pattern, ())
                for start, end in self._words(pattern, self._passages[place].data)
            ]
        return located

    def _words(self, pattern: int, data: bytes) -> Iterator[tuple[int, int]]:
        """The matches that begin where a word begins, without white space before it."""
        for start, end in islice(self._patterns.spans(pattern, data), MATCHES):
            first = end - len(data[start:end].lstrip())
            if first < end and not (first and data[first - 1 : first + 1].isalnum()):
                yield first, end


def _weigh(criterion: Criterion, fired: Fired) -> CriterionAnswer:
    if not fired:
        return _no(criterion.negative)
    answer = _choice(criterion, sum(cue.weight for cue, _ in fired))
    return CriterionAnswer(
        answer=answer,
        quotes=_quotes(fired, 1) if criterion.is_positive(answer) else (),
        counter=_quotes(fired, -1),
    )


@cache
def _no(negative: str) -> CriterionAnswer:
    return CriterionAnswer(answer=negative)


def _choice(criterion: Criterion, total: float) -> str:
    """The strongest choice at a sum of 1, the weaker ones at even steps below, `cannot_tell` half a step below those."""
    positive = criterion.choices[:-2]
    step = 1 / len(positive)
    for number, choice in enumerate(positive):
        if total >= 1 - number * step - 1e-9:
            return choice
    return CANNOT_TELL if total >= step / 2 - 1e-9 else criterion.negative


def _quotes(fired: Fired, sign: int) -> tuple[Quote, ...]:
    """The sentences that speak for (1) or against (-1), of the heaviest cues first."""
    speaking = sorted((pair for pair in fired if pair[0].weight * sign > 0), key=lambda pair: -abs(pair[0].weight))
    sentences = dict.fromkeys(hit for _, hits in speaking for hit in hits[:QUOTES])
    return tuple({(hit.segment, hit.sentence): hit.quote() for hit in islice(sentences, QUOTES)}.values())


def _rationale(fired: Mapping[str, Fired]) -> str:
    parts = [f"{name}: {', '.join(_words(pairs))}" for name, pairs in fired.items() if pairs]
    return "Cues found: " + "; ".join(parts) if parts else "No cue was found."


def _words(fired: Fired) -> Iterator[str]:
    for cue, hits in fired:
        words = hits[0].sentence[hits[0].start : hits[0].end]
        yield f"{' '.join(words[:60].split())!r} ({cue.weight:+g})"


def _unknown(extra: ExtraField) -> Any:
    """A field's value where nobody looked: the choice that says so if there is one, else nothing."""
    if extra.type == "choice":
        return next((c for c in ("unclear", "unknown", CANNOT_TELL) if c in extra.choices), None)
    return {"text": "", "list": []}.get(extra.type)
