"""The sample traces and their gold labels."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cotjudge import evidence, readers
from cotjudge.answer import Answers, CriterionAnswer, Quote
from cotjudge.rubric_file import DEFAULT_RUBRICS, builtin, builtin_ids
from cotjudge.trace import Trace

ROOT = Path(__file__).resolve().parents[1]
LABELS = [
    label
    for line in (ROOT / "data/gold/labels.jsonl").read_text(encoding="utf-8").splitlines()
    if (label := json.loads(line))["path"].startswith("data/samples/")
]
CASES = [(label["id"], rubric_id) for label in LABELS for rubric_id in builtin_ids()]


@pytest.fixture(scope="module")
def traces() -> dict[str, Trace]:
    items = list(readers.read([str(ROOT / "data/samples")]))
    assert all(isinstance(item, Trace) for item in items)
    return {item.trace_id: item for item in items if isinstance(item, Trace)}


def gold(sample: str, rubric_id: str) -> tuple[str, dict[str, Any]]:
    [label] = [label for label in LABELS if label["id"] == sample]
    return label["trace_id"], label["gold"][rubric_id]


def answers_of(raw: dict[str, Any]) -> Answers:
    quotes = raw.get("quotes", {})
    return Answers(
        rationale=raw["reason"],
        criteria={
            name: CriterionAnswer(
                answer=answer, quotes=(Quote(segment=0, text=quotes[name]),) if name in quotes else ()
            )
            for name, answer in raw["criteria"].items()
        },
    )


def test_there_are_samples_enough_in_several_formats_and_each_is_labelled(traces: dict[str, Trace]) -> None:
    """At least sixty traces with reasoning, five files, a label for every one."""
    assert len(traces) >= 60
    assert all(trace.has_reasoning for trace in traces.values())
    assert {label["trace_id"] for label in LABELS} == set(traces)
    assert len({trace.source.path for trace in traces.values()}) >= 5


def test_every_label_of_the_three_rubrics_has_positives_and_the_lengths_vary(traces: dict[str, Trace]) -> None:
    """At least fifteen present each, and reasoning from some fifty words to several hundred."""
    for rubric_id in DEFAULT_RUBRICS:
        counts = Counter(label["gold"][rubric_id]["label"] for label in LABELS)
        assert counts["present"] >= 15
        assert counts["absent"] >= 30
    words = sorted(len(" ".join(t.reasoning or "" for t in trace.turns).split()) for trace in traces.values())
    assert words[0] < 60
    assert words[-1] > 700


@pytest.mark.parametrize(("sample", "rubric_id"), CASES)
def test_a_gold_label_follows_from_its_criteria_and_its_quotes_stand_in_the_trace(
    traces: dict[str, Trace], sample: str, rubric_id: str
) -> None:
    """Gold is held to what a judge is held to: every criterion answered, the rule applied, each quote verified."""
    trace_id, raw = gold(sample, rubric_id)
    rubric, trace = builtin(rubric_id), traces[trace_id]
    assert list(raw["criteria"]) == list(rubric.criteria)
    assert raw["reason"]
    segments = len(evidence.judged_segments(trace, rubric.judges))
    assert rubric.decide(raw["criteria"], segments=segments).label == raw["label"]
    checked = evidence.check(trace, rubric, answers_of(raw))
    assert [e for e in checked.evidence if not e.verified] == []
