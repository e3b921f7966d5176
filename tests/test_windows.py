"""Windows of a long trace: nothing is lost, every one fits, and what is said about them becomes one answer."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.judges.asked import RUBRIC, a_trace

from cotjudge import evidence, prompt
from cotjudge.answer import Answers, CriterionAnswer, Quote
from cotjudge.prompt import Piece
from cotjudge.rubric import Rubric
from cotjudge.rubric_file import builtin
from cotjudge.trace import Source, Trace, Turn
from cotjudge.verdict import Call, Usage
from cotjudge.windows import combine, span, tokens, windows

SENTENCE = "The keeper counts the boats, and I hide one of them. "


def a_long_trace(*reasonings: str) -> Trace:
    """A trace with one turn for each passage."""
    turns = tuple(Turn(role="assistant", reasoning=text, reasoning_kind="full") for text in reasonings)
    return Trace(turns=turns, source=Source(path="d", record="1"))


# --- cutting


def test_tokens_are_estimated_from_bytes() -> None:
    """Three bytes a token, rounded up, whatever the script."""
    assert [tokens(text) for text in ("", "a", "abc", "abcd", "我想", "é")] == [0, 1, 1, 2, 2, 1]


def test_a_trace_that_fits_is_left_alone() -> None:
    """The very trace comes back, to the last token."""
    trace = a_trace()
    exactly = tokens(prompt.trace_block(trace))
    assert windows(trace, limit_tokens=exactly, overlap_tokens=10) == (trace,)
    assert windows(trace, limit_tokens=exactly, overlap_tokens=10)[0] is trace
    assert len(windows(trace, limit_tokens=exactly - 1, overlap_tokens=10)) > 1


def test_windows_are_of_whole_segments_and_overlap() -> None:
    """As many segments as fit, and the next window begins with the last of them."""
    trace = a_long_trace(*(f"{n} {SENTENCE}" for n in range(12)))
    found = windows(trace, limit_tokens=300, overlap_tokens=70)
    assert len(found) > 2
    for before, after in pairwise(found):
        assert before.segments[-1] in after.segments
        assert before.segments[0] not in after.segments
    assert all(segment is trace.segments[segment.index] for window in found for segment in window.segments)
    assert all(window.trace_id == trace.trace_id for window in found)


def test_no_overlap_where_none_is_wanted() -> None:
    """Each segment is shown once."""
    trace = a_long_trace(*(f"{n} {SENTENCE}" for n in range(12)))
    found = windows(trace, limit_tokens=300, overlap_tokens=0)
    assert [s.index for window in found for s in window.segments] == list(range(12))


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (f"{SENTENCE * 5}\n\n" * 40, "\n\n"),
        (f"{SENTENCE * 5}\n" * 40, "\n"),
        (SENTENCE * 200, ". "),
        ("我想隐藏这个报告。" * 300, "。"),
        ("word " * 2000, " "),
    ],
)
def test_a_long_segment_is_cut_where_something_ends(text: str, ends: str) -> None:
    """At the end of a paragraph, else of a line, of a sentence, of a word; and it is said which part it is."""
    trace = a_long_trace("short", text, "short")
    pieces = [s for w in windows(trace, limit_tokens=1000, overlap_tokens=100) for s in w.segments if s.index == 1]
    assert all(isinstance(piece, Piece) for piece in pieces)
    assert [(p.number, p.of) for p in pieces if isinstance(p, Piece)] == [
        (n, len(pieces)) for n in range(1, len(pieces) + 1)
    ]
    assert all(piece.text.endswith(ends) for piece in pieces[:-1])
    for before, after in pairwise(piece for piece in pieces if isinstance(piece, Piece)):
        assert 0 <= before.start + len(before.text) - after.start <= 300


def test_a_quote_from_a_part_is_found_in_the_whole() -> None:
    """Offsets are the original's, for the answers are checked against the whole trace."""
    trace = a_long_trace("\n".join(f"Line {n} says nothing." for n in range(900)) + "\nI hide it.\n")
    last = windows(trace, limit_tokens=500, overlap_tokens=50)[-1].segments[-1]
    quote = Quote(segment=last.index, text="I hide it.")
    answers = Answers(rationale="", criteria={"conceals": CriterionAnswer(answer="yes", quotes=(quote,))})
    found = evidence.check(trace, RUBRIC, answers).evidence[0]
    assert trace.segments[0].text[found.start : found.end] == "I hide it."


TEXTS = st.one_of(
    st.text(max_size=400),
    st.builds(
        lambda parts, times: "".join(parts) * times,
        st.lists(
            st.sampled_from([SENTENCE, "\n", "\n\n", "<|x|>", "[segment 1", "\u200b", "字。", "word ", "x" * 90, "é"]),
            min_size=1,
            max_size=6,
        ),
        st.integers(1, 60),
    ),
)


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5), st.integers(150, 600), st.integers(0, 500))
def test_nothing_is_lost_and_every_window_fits(texts: list[str], limit: int, overlap: int) -> None:
    """Every character is in some window, in order, under its own index; no window passes the limit."""
    trace = a_long_trace(*texts)
    found = windows(trace, limit_tokens=limit, overlap_tokens=overlap)
    assert all(tokens(prompt.trace_block(window)) <= limit for window in found)
    shown = [segment for window in found for segment in window.segments]
    assert {segment.index for segment in shown} == {segment.index for segment in trace.segments}
    for original in trace.segments:
        whole = [s for s in shown if s.index == original.index and not isinstance(s, Piece)]
        assert all(segment is original for segment in whole)
        parts = {s.number: s for s in shown if s.index == original.index and isinstance(s, Piece)}
        assert bool(whole) != bool(parts)
        if parts:
            assert list(parts) == sorted(parts)
            assert _covers(list(parts.values()), original.text)
    for window in found:
        order = [(s.index, s.number if isinstance(s, Piece) else 0) for s in window.segments]
        assert order == sorted(set(order))


def _covers(parts: list[Piece], text: str) -> bool:
    """Whether the parts are the text's own, and no character between them is left out."""
    assert all(part.text == text[part.start : part.start + len(part.text)] for part in parts)
    assert all(before.start < after.start <= before.start + len(before.text) for before, after in pairwise(parts))
    return parts[0].start == 0 and parts[-1].start + len(parts[-1].text) == len(text)


@pytest.mark.parametrize("text", [SENTENCE * 75_000, "x" * 4_000_000, "\n" * 2_000_000, "< " * 1_000_000])
def test_cutting_takes_time_in_proportion_to_the_trace(text: str) -> None:
    """Four megabytes are a matter of a second, not of minutes."""
    trace = a_long_trace(text)
    started = time.process_time()
    found = windows(trace, limit_tokens=20_000, overlap_tokens=2_000)
    assert len(found) > 10
    assert time.process_time() - started < 8


def test_a_limit_without_room_still_makes_progress() -> None:
    """A limit that our own lines take up is passed by as little as can be, and the cutting ends."""
    trace = a_long_trace(SENTENCE * 20)
    found = windows(trace, limit_tokens=1, overlap_tokens=1)
    pieces = [segment for window in found for segment in window.segments if isinstance(segment, Piece)]
    assert _covers(pieces, SENTENCE * 20)


def test_a_window_is_named_by_its_segments() -> None:
    """First and last segment, and which part of one that is cut."""
    trace = a_trace(SENTENCE * 200)
    names = [span(window) for window in windows(trace, limit_tokens=1500, overlap_tokens=0)]
    assert names[0] == "segments 0-2 (part 1 of 3)"
    assert names[1] == "segment 2 (part 2 of 3)"
    assert span(trace) == "segments 0-3"


# --- combining

PERSONA = builtin("persona_consistent_roleplay")
COUNTERED = RUBRIC.model_copy(update={"counter_evidence": True})


def said(answers: dict[str, str], quotes: dict[str, list[tuple[int, str]]] | None = None, **parts: object) -> Answers:
    """What was said about one window."""
    given = quotes or {}
    return Answers.model_validate(
        {
            "rationale": "r",
            "criteria": {
                name: {"answer": answer, "quotes": [{"segment": s, "text": t} for s, t in given.get(name, [])]}
                for name, answer in answers.items()
            },
            **parts,
        }
    )


@pytest.mark.parametrize(
    ("given", "any_", "all_"),
    [
        (["yes", "no"], "yes", "no"),
        (["no", "cannot_tell"], "cannot_tell", "no"),
        (["yes", "cannot_tell"], "yes", "cannot_tell"),
        (["no", "no"], "no", "no"),
        (["yes", "yes"], "yes", "yes"),
    ],
)
def test_windows_are_combined_as_the_criterion_says(given: list[str], any_: str, all_: str) -> None:
    """Presence needs one window; what must hold throughout needs all; the order of windows plays no part."""
    for order in (given, given[::-1]):
        answers = combine(PERSONA, [said({"persona": answer, "unbroken": answer}) for answer in order])
        assert answers.criteria["persona"].answer == any_
        assert answers.criteria["unbroken"].answer == all_
        assert answers.criteria["known_trope"].answer == "cannot_tell"


def test_of_graded_choices_the_strongest_counts() -> None:
    """A main one before some before cannot_tell before none."""
    order = ["none", "cannot_tell", "some", "main"]
    for weaker, stronger in pairwise(order):
        assert combine(RUBRIC, [said({"role": stronger}), said({"role": weaker})]).criteria["role"].answer == stronger


def test_a_window_without_judged_text_has_no_say_in_what_must_hold_throughout() -> None:
    """Where the model says nothing, no character can be broken."""
    trace = a_trace()
    shown = [trace.excerpt(trace.segments[:2]), trace.excerpt(trace.segments[2:])]
    parts = [said({"unbroken": "no", "persona": "no"}), said({"unbroken": "yes", "persona": "no"})]
    assert combine(PERSONA, parts, shown).criteria["unbroken"].answer == "yes"
    assert combine(PERSONA, parts, shown).criteria["persona"].answer == "no"
    assert combine(PERSONA, parts, [shown[0], shown[0]]).criteria["unbroken"].answer == "no"


@pytest.mark.parametrize(
    ("voice", "segments", "answer"),
    [
        (("yes", "yes"), (2, 5), "yes"),
        (("yes", "yes"), (2, 2), "no"),
        (("yes", "no"), (2, 5), "no"),
    ],
)
def test_what_repeats_in_two_windows_repeats(voice: tuple[str, str], segments: tuple[int, int], answer: str) -> None:
    """A voice found in different segments of two windows is consistent, though no window holds both."""
    parts = [
        said({"adopted_voice": v, "consistent": "no"}, {"adopted_voice": [(s, f"a keeper {s}")]})
        for v, s in zip(voice, segments, strict=True)
    ]
    found = combine(PERSONA, parts).criteria["consistent"]
    assert found.answer == answer
    assert [q.segment for q in found.quotes] == (list(segments) if answer == "yes" else [])


def test_the_two_criteria_of_the_built_in_rubric_say_how_they_are_combined() -> None:
    """Consistency is repetition and an unbroken character holds throughout; all else is presence."""
    across = {name: (c.across, c.of) for name, c in PERSONA.criteria.items() if c.across != "any"}
    assert across == {"consistent": ("repeats", "adopted_voice"), "unbroken": ("all", None)}


def test_quotes_are_those_of_the_answer_that_counts_and_counter_evidence_is_kept() -> None:
    """Overlapping windows quote the same passage once; a contrary passage is never lost."""
    against = CriterionAnswer(answer="no", counter=(Quote(segment=9, text="I told."),))
    parts = [
        said({"conceals": "yes"}, {"conceals": [(2, "I hide"), (3, "it")]}),
        said({"conceals": "yes"}, {"conceals": [(3, "it"), (4, "again")]}),
        Answers(rationale="", criteria={"conceals": against}),
        said({"conceals": "cannot_tell"}, {"conceals": [(8, "perhaps")]}),
    ]
    found = combine(COUNTERED, parts).criteria["conceals"]
    assert [(q.segment, q.text) for q in found.quotes] == [(2, "I hide"), (3, "it"), (4, "again")]
    assert found.counter == against.counter


def test_fields_come_from_where_the_most_is_found() -> None:
    """Texts and choices from the window that meets most of the rubric, lists united, booleans or'ed, integers at most."""
    rubric = Rubric.model_validate(
        RUBRIC.model_dump()
        | {
            "fields": {
                "whom": {"description": "d", "type": "choice", "choices": ["user", "nobody"]},
                "phrase": {"description": "d"},
                "noticed": {"description": "d", "type": "boolean"},
                "times": {"description": "d", "type": "integer"},
                "steps": {"description": "d", "type": "list"},
                "left": {"description": "d"},
            }
        }
    )
    quiet = {"whom": "nobody", "phrase": "", "noticed": False, "times": 3, "steps": ["wait"]}
    loud = {"whom": "user", "phrase": "hush", "noticed": None, "times": None, "steps": ["lie", "wait"]}
    parts = [said({"conceals": "no"}, fields=quiet), said({"conceals": "yes"}, fields=loud)]
    united = {"whom": "user", "phrase": "hush", "noticed": False, "times": 3, "steps": ["wait", "lie"]}
    assert combine(rubric, parts).fields == united


def test_costs_are_added_and_rationales_headed_by_their_window() -> None:
    """One answer carries what all of them cost and say; the least coverage is the whole's."""
    call = Call(
        model="m",
        outcome="used",
        usage=Usage(calls=1, input_tokens=5),
        latency_s=1.0,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    part = said({"conceals": "no"}, usage=call.usage, latency_s=1.0, ledger=(call,), coverage=0.5)
    trace = a_trace()
    shown = [trace.excerpt(trace.segments[:2]), trace.excerpt(trace.segments[2:])]
    found = combine(RUBRIC, [part, part.model_copy(update={"coverage": 1.0})], shown)
    assert (found.usage.calls, found.usage.input_tokens, found.latency_s) == (2, 10, 2.0)
    assert (len(found.ledger), found.windows, found.coverage) == (2, 2, 0.5)
    assert found.rationale == "[segments 0-1] r\n\n[segments 2-3] r"
    assert combine(RUBRIC, [part, part]).rationale == "[window 1 of 2] r\n\n[window 2 of 2] r"
    assert combine(RUBRIC, [part]) is part


def test_probabilities_follow_the_answers() -> None:
    """The largest for presence, the least for what must hold throughout, the second of what repeats."""
    quotes = [{"adopted_voice": [(2, "a")]}, {"adopted_voice": [(5, "b")]}]
    numbers = [
        {"persona": 0.9, "unbroken": 0.8, "consistent": 0.1, "adopted_voice": 0.7},
        {"persona": 0.2, "unbroken": 0.6, "consistent": 0.2, "adopted_voice": 0.9},
    ]
    parts = [
        said({"adopted_voice": "yes", "consistent": "no"}, q, probabilities=p, score_kind="logprobs")
        for q, p in zip(quotes, numbers, strict=True)
    ]
    found = combine(PERSONA, parts)
    assert found.probabilities == {"persona": 0.9, "adopted_voice": 0.9, "consistent": 0.7, "unbroken": 0.6}
    assert found.score_kind == "logprobs"


def test_draws_are_combined_draw_by_draw() -> None:
    """The second draws of all windows make the second draw of the trace."""
    parts = [said({"conceals": "no"}, further=(said({"conceals": second}),)) for second in ("yes", "no")]
    found = combine(RUBRIC, parts)
    assert [found.criteria["conceals"].answer, found.further[0].criteria["conceals"].answer] == ["no", "yes"]
