"""Evidence: a judge's quotes are looked up in the trace; what is not there is not evidence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, cached_property, lru_cache
from typing import Any

from cotjudge.addressing import addresses_judge
from cotjudge.answer import Answers, CriterionAnswer, Quote
from cotjudge.rubric import Criterion, JudgedText, Rubric
from cotjudge.rule import CANNOT_TELL
from cotjudge.trace import Part, Segment, Trace, Value
from cotjudge.verdict import CriterionVerdict, Evidence, Match, Stance

MODEL_ROLE = "assistant"

_JUDGED_PARTS: dict[JudgedText, frozenset[Part]] = {
    "reasoning": frozenset({"reasoning"}),
    "response": frozenset({"content", "tool_call"}),
    "both": frozenset({"reasoning", "content", "tool_call"}),
}


class Checked(Value):
    """Answers after their quotes were looked up."""

    criteria: tuple[CriterionVerdict, ...]
    """One per criterion of the rubric, in its order; none where the judge gave the label itself."""
    evidence: tuple[Evidence, ...]
    """Every quote given, verified or not."""

    @property
    def answers(self) -> dict[str, str]:
        """Criterion id -> the answer that counts."""
        return {c.criterion: c.answer for c in self.criteria}

    @property
    def injection_suspected(self) -> bool:
        """Whether a quote talked to the judge."""
        return any(e.addresses_judge for e in self.evidence)


def judged_parts(judges: JudgedText) -> frozenset[Part]:
    """The parts of the model's turns that such a rubric judges."""
    return _JUDGED_PARTS[judges]


def judged_segments(trace: Trace, judges: JudgedText) -> tuple[Segment, ...]:
    """The segments a rubric judges: what the model itself wrote, of the wanted parts."""
    parts = _JUDGED_PARTS[judges]
    return tuple(s for s in trace.segments if s.role == MODEL_ROLE and s.part in parts)


def has_judged_text(trace: Trace, judges: JudgedText) -> bool:
    """Whether there is anything for such a rubric to judge."""
    if judges != "response" and trace.has_reasoning:
        return True
    return judges != "reasoning" and bool(judged_segments(trace, judges))


def check(trace: Trace, rubric: Rubric, answers: Answers) -> Checked:
    """Look every quote up in the trace.

    A positive answer without one verified quote becomes `cannot_tell` (unless the rubric leaves the quote
    optional and none was given, or the judge is of a kind that quotes nothing); quotes that are not found,
    stand where they may not, or talk to the judge are kept, marked unverified.
    """
    if answers.direct is not None:
        return Checked(criteria=(), evidence=())  # nothing was answered: not even `cannot_tell`
    texts = _Texts(trace, rubric.judges)
    criteria: list[CriterionVerdict] = []
    evidence: list[Evidence] = []
    for name, criterion in rubric.criteria.items():
        given = answers.criteria.get(name, CriterionAnswer(answer=CANNOT_TELL))
        supporting = [texts.look_up(name, criterion, "for", quote) for quote in given.quotes]
        evidence += supporting
        evidence += (texts.look_up(name, criterion, "against", quote) for quote in given.counter)
        if answers.quoted:
            criteria.append(_weigh(name, criterion, given.answer, supporting))
        else:
            criteria.append(CriterionVerdict(criterion=name, answer=given.answer, given=given.answer))
    return Checked(criteria=tuple(criteria), evidence=tuple(evidence))


def _weigh(name: str, criterion: Criterion, given: str, quotes: list[Evidence]) -> CriterionVerdict:
    note = ""
    if criterion.is_positive(given) and not any(q.verified for q in quotes):
        if quotes:
            note = quotes[0].note
        elif criterion.quote == "required":
            note = "no quote given"
    return _verdict(name, given, note)


@lru_cache(maxsize=1024)  # most criteria of most traces are a plain no
def _verdict(name: str, given: str, note: str) -> CriterionVerdict:
    return CriterionVerdict(criterion=name, answer=CANNOT_TELL if note else given, given=given, note=note)


class _Texts:
    """A trace's segments, folded at most once each, by where a criterion's quotes may stand."""

    def __init__(self, trace: Trace, judges: JudgedText) -> None:
        self._all = tuple(_Text(segment) for segment in trace.segments)
        model = tuple(t for t in self._all if t.segment.role == MODEL_ROLE)
        judged = tuple(t for t in model if t.segment.part in _JUDGED_PARTS[judges])
        self._allowed = {"judged": judged, "model": model, "any": self._all}

    def look_up(self, name: str, criterion: Criterion, stance: Stance, quote: Quote) -> Evidence:
        where = criterion.evidence if stance == "for" else "any"
        found = self._find(quote, self._allowed[where])
        if addresses_judge(quote.text):
            note = "the quote talks to the judge"
        elif found is not None:
            note = ""
        elif self._find(quote, self._all) is not None:
            note = f"found only outside the {where} text"
        else:
            note = "not found in the trace"
        place = {} if found is None else found
        return Evidence(
            criterion=name,
            stance=stance,
            quote=quote.text,
            verified=not note,
            addresses_judge=note == "the quote talks to the judge",
            note=note,
            **place,
        )

    def _find(self, quote: Quote, texts: tuple[_Text, ...]) -> dict[str, Any] | None:
        claimed_first = sorted(texts, key=lambda t: t.segment.index != quote.segment)
        for match, needle in _needles(quote.text):
            for text in claimed_first:
                span = text.span(match, needle)
                if span:
                    s = text.segment
                    return {
                        "match": match,
                        "segment": s.index,
                        "turn": s.turn,
                        "part": s.part,
                        "start": span[0],
                        "end": span[1],
                    }
        return None


class _Text:
    """One segment, exact and folded."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment

    @cached_property
    def _folded(self) -> tuple[str, list[int]]:
        return _fold(self.segment.text)

    def span(self, match: Match, needle: str) -> tuple[int, int] | None:
        """Offsets of the needle in the segment's own characters."""
        if match == "exact":
            start = self.segment.text.find(needle)
            return None if start < 0 else (start, start + len(needle))
        folded, offsets = self._folded
        start = folded.find(needle)
        return None if start < 0 else (offsets[start], offsets[start + len(needle) - 1] + 1)


def _needles(quote: str) -> Iterator[tuple[Match, str]]:
    """Forms of a quote to look for, most faithful first."""
    if not quote.strip():
        return
    yield "exact", quote
    folded = _fold(quote)[0].strip()
    for form in dict.fromkeys((folded, folded.strip("'\" "))):
        if form:
            yield "normalised", form


_FOLD = {ord(c): "'" for c in "‘’‚‛′´`"} | {ord(c): '"' for c in "“”„‟″«»"} | {ord(c): "-" for c in "‐‑‒–—―−"}
_PLAIN = re.compile(r"[!-&(-_a-~]+")  # printable ASCII that folds to itself


def _fold(text: str) -> tuple[str, list[int]]:
    """The text with white space, compatibility forms, quotation marks and dashes folded.

    Returns:
        The folded text, and for each of its characters the offset it came from.
    """
    out: list[str] = []
    offsets: list[int] = []
    position = 0
    while position < len(text):
        plain = _PLAIN.match(text, position)
        if plain:
            out.append(plain.group())
            offsets.extend(range(position, plain.end()))
            position = plain.end()
            continue
        folded = _fold_char(text[position])
        if folded and (folded != " " or not (out and out[-1].endswith(" "))):
            out.append(folded)
            offsets.extend([position] * len(folded))
        position += 1
    return "".join(out), offsets


@cache
def _fold_char(char: str) -> str:
    if char.isspace():
        return " "
    if unicodedata.category(char) in ("Cf", "Cc") or unicodedata.name(char, "").startswith("VARIATION SELECTOR"):
        return ""
    return unicodedata.normalize("NFKD", char.translate(_FOLD)).translate(_FOLD)
