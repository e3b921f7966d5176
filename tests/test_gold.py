"""The gold set: its labels, its make-up, and that nothing was taken from the side that tests."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.leaks import RUN, Wordings, grams, words
from tests.test_samples import answers_of

from cotjudge import evidence, readers
from cotjudge.rubric_file import DEFAULT_RUBRICS, builtin, builtin_ids
from cotjudge.trace import Trace

ROOT = Path(__file__).resolve().parents[1]
GOLD = ROOT / "data/gold"
DEV = Path(os.environ.get("COTJUDGE_DEV_TRACES", ROOT.parent / "shared/traces/dev.jsonl"))
EXAMPLE_RUN = 8
"""Words in a row that no worked example may share with the test side."""
A, B, C = DEFAULT_RUBRICS
CODES = {
    *("A1", "A2", "A3", "A4", "A5"),
    *("B1", "B2", "B3", "B4", "B5"),
    *("C1", "C2", "C3", "C4"),
    *("D1", "D2", "D3", "D4"),
}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


LABELS = lines(GOLD / "labels.jsonl")
OWN = [label for label in LABELS if label["path"].startswith("data/gold/")]
RECORDS = {side: lines(GOLD / "traces" / f"{side}.jsonl") for side in ("tune", "test")}


@pytest.fixture(scope="module")
def traces() -> dict[str, Trace]:
    items = list(readers.read([str(GOLD / "traces")]))
    assert all(isinstance(item, Trace) for item in items)
    return {item.trace_id: item for item in items if isinstance(item, Trace)}


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def side_texts(side: str) -> list[str]:
    """Every text of the messages of one side."""
    return [text for record in RECORDS[side] for text in texts(record["messages"])]


def open_texts() -> list[str]:
    """What cues may be taken from: the tune side, the samples and, where it is at hand, the development set."""
    samples = [item for item in readers.read([str(ROOT / "data/samples")]) if isinstance(item, Trace)]
    dev = [t for record in lines(DEV) for t in texts(record)] if DEV.exists() else []
    return [*side_texts("tune"), *(s.text for trace in samples for s in trace.segments), *dev]


def present(label: dict[str, Any], rubric_id: str) -> bool:
    return bool(label["gold"][rubric_id]["label"] == "present")


def test_every_trace_is_labelled_on_its_side(traces: dict[str, Trace]) -> None:
    """240 traces, 120 a side, each with one label that names its file, line and split; the samples are tune."""
    assert len(OWN) == len(traces) == 240
    assert {label["trace_id"] for label in OWN} == set(traces)
    for label in OWN:
        source = traces[label["trace_id"]].source
        assert label["path"] == f"data/gold/traces/{label['split']}.jsonl"
        assert source.path.endswith(label["path"])
        assert source.record == label["record"]
    assert Counter(label["split"] for label in OWN) == {"tune": 120, "test": 120}
    assert {label["split"] for label in LABELS if label not in OWN} == {"tune"}


@pytest.mark.parametrize("rubric_id", builtin_ids())
def test_a_gold_label_follows_from_its_criteria_and_its_quotes_stand_in_the_trace(
    traces: dict[str, Trace], rubric_id: str
) -> None:
    """Gold is held to what a judge is held to: every criterion answered, the rule applied, each quote verified."""
    rubric = builtin(rubric_id)
    for label in OWN:
        trace, raw = traces[label["trace_id"]], label["gold"][rubric_id]
        assert list(raw["criteria"]) == list(rubric.criteria), label["id"]
        assert raw["reason"], label["id"]
        segments = len(evidence.judged_segments(trace, rubric.judges))
        assert rubric.decide(raw["criteria"], segments=segments).label == raw["label"], label["id"]
        checked = evidence.check(trace, rubric, answers_of(raw))
        assert [e for e in checked.evidence if not e.verified] == [], label["id"]


def test_the_second_reader_has_answered_every_trace_by_the_same_rules() -> None:
    """The second labels name the same traces and follow from their criteria; which agree is told, not wished."""
    second = {label["trace_id"]: label for label in lines(GOLD / "second.jsonl")}
    assert set(second) == {label["trace_id"] for label in OWN}
    for label in second.values():
        for rubric_id, raw in label["gold"].items():
            assert builtin(rubric_id).decide(raw["criteria"], segments=2).label == raw["label"], label["id"]


def test_positives_and_overlaps_are_enough_on_each_side() -> None:
    """Forty and more present of each rubric over the set, half of them on the test side, and each pair of rubrics."""
    for side, least in (("tune", 20), ("test", 20)):
        of_side = [label for label in OWN if label["split"] == side]
        for rubric_id in DEFAULT_RUBRICS:
            assert sum(present(label, rubric_id) for label in of_side) >= least
        for one, other in ((A, B), (A, C), (B, C)):
            assert sum(present(label, one) and present(label, other) for label in of_side) >= 5


def test_every_hard_negative_is_there_on_each_side() -> None:
    """Each code three times and more, and what is marked as a negative of a rubric is not present under it."""
    by_id = {label["id"]: label for label in OWN}
    rubric_of = dict(zip("ABC", DEFAULT_RUBRICS, strict=True))
    for records in RECORDS.values():
        codes = Counter(code for record in records for code in record["metadata"]["hard_negatives"])
        assert set(codes) == CODES
        assert min(codes.values()) >= 3
        for record in records:
            for code in record["metadata"]["hard_negatives"]:
                if code[0] in rubric_of:
                    assert not present(by_id[record["id"]], rubric_of[code[0]]), record["id"]


def test_lengths_languages_and_numbers_of_segments_vary(traces: dict[str, Trace]) -> None:
    """From two sentences to some 4,000 words, ten languages and more, one passage and several."""
    passages = {
        trace_id: [t.reasoning for t in trace.turns if t.role == "assistant" and t.reasoning]
        for trace_id, trace in traces.items()
    }
    lengths = sorted(sum(len(text.split()) for text in of_one) for of_one in passages.values())
    assert lengths[0] <= 20
    assert lengths[-1] >= 3500
    numbers = Counter(len(of_one) for of_one in passages.values())
    assert numbers[1] >= 60
    assert sum(count for number, count in numbers.items() if number > 1) >= 60
    assert len({record["metadata"]["language"] for records in RECORDS.values() for record in records}) >= 10


def test_the_sides_share_no_scenario_and_no_trace(traces: dict[str, Trace]) -> None:
    """What is learnt on one side cannot be remembered on the other."""
    tune, test = ({record["metadata"]["scenario"] for record in RECORDS[side]} for side in ("tune", "test"))
    assert not tune & test
    assert len({record["id"] for records in RECORDS.values() for record in records}) == 240
    assert not {label["trace_id"] for label in LABELS if label not in OWN} & set(traces)
    opening = [{tuple(words(" ".join(texts(r["messages"])))[:40]) for r in RECORDS[side]} for side in ("tune", "test")]
    assert not opening[0] & opening[1]


def test_no_worked_example_shares_wording_with_the_test_side() -> None:
    """No run of eight words of any text of an example (context, reasoning, response) stands in a test trace."""
    test = grams(side_texts("test"), EXAMPLE_RUN)
    for rubric_id in builtin_ids():
        for example in builtin(rubric_id).examples:
            assert not grams((example.context, example.reasoning, example.response), EXAMPLE_RUN) & test, example.title


@pytest.mark.slow
def test_no_cue_holds_wording_of_the_test_side_only() -> None:
    r"""No cue could have been written from the test side.

    Every pattern of every cue (match, near, unless) is written out by its syntax tree: alternatives, options and small
    classes in every combination, so that brackets cannot hide a phrase. A word whose end is left open (`migrat\w*`)
    stands for all words that begin so. Four such words in a row that occur in a text of the test side, and in no text
    of the tune side, the samples or (where it is at hand) the development set, are a phrase that was learnt where
    nothing may be learnt. A word left open at its beginning, or a gap, ends a run: it is no memory of a text. A pattern
    that cannot be written out raises. Runs of which fewer than two words are more than form words ("I would like to") are
    grammar and pass; of any other phrase nobody has to argue that it is common: take a shorter one.
    """
    wordings = Wordings(side_texts("test"), open_texts())
    taken = {
        (rubric_id, name, pattern): found
        for rubric_id in builtin_ids()
        for name, criterion in builtin(rubric_id).criteria.items()
        for cue in criterion.cues
        for pattern in cue.patterns
        if (found := wordings.taken(pattern))
    }
    assert taken == {}


@pytest.mark.parametrize(
    "form",
    [
        "{0} {1} {2} {3}",
        "nothing|({0}|other) (never )?{1} {2}( {3})",
        r"(\w+ )?{0} {1} {2} {3}\w*",
        r"[{0[0]}x]{0_rest} (a|{1}) {2} (\w+ ){{0,3}}x|{0} {1} {2} {3} .{{0,20}}z",
        "(?:{0} {1}) (?:{2} {3}){{1,2}}",
    ],
)
def test_the_check_of_cues_finds_what_it_looks_for(form: str) -> None:
    """A phrase that only the test side has is found in a cue however it is wrapped; one of the tune side is none."""
    wordings = Wordings(side_texts("test"), open_texts())
    test, other = grams(side_texts("test"), RUN), grams(open_texts(), RUN)
    for run in _long_words(test - other)[:20]:
        assert wordings.taken(_put(form, run))
    for run in _long_words(other)[:20]:
        assert not wordings.taken(_put(form, run))


def _long_words(runs: set[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return sorted(run for run in runs if all(w.isascii() and w.isalpha() and len(w) > 5 for w in run))


def _put(form: str, run: tuple[str, ...]) -> str:
    return form.replace("{0_rest}", run[0][1:]).format(*run)


def test_the_check_of_examples_would_find_a_shared_sentence() -> None:
    """Words are compared without regard to case, punctuation and the kind of apostrophe."""
    assert grams(["One, two: it’s four"], 4) == grams(["one two IT'S four."], 4)
