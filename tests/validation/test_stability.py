"""Variants of a judge, and how often their labels differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.judges.asked import RUBRIC, a_trace

from cotjudge import api, prompt, scoring
from cotjudge.answer import Answers, CriterionAnswer, Quote
from cotjudge.fingerprint import judge_hash
from cotjudge.judges import registry
from cotjudge.judges.base import AnyJudge, Bench
from cotjudge.rubric import Rubric
from cotjudge.store import Store
from cotjudge.testing import ScriptedJudge
from cotjudge.trace import Trace
from cotjudge.validation.stability import Row, compare, labels
from cotjudge.validation.variants import Design, Wish, called, design

OTHER = RUBRIC.model_copy(update={"id": "other", "question": "And?"})
TRACES = [a_trace(f"I will hide report {n} from the operator.") for n in range(8)]


def llm(together: Sequence[Rubric] = (), settings: Mapping[str, Any] | None = None) -> AnyJudge:
    return registry.make("openai/x", bundle=together, **(settings or {}))


def names(found: Design) -> list[tuple[str, ...]]:
    return [tuple(comparison.judges) for comparison in found.comparisons]


def answers(trace: Trace, *, present: bool) -> Answers:
    criteria = {name: CriterionAnswer(answer=c.negative) for name, c in RUBRIC.criteria.items()}
    if present:
        quote = Quote(segment=2, text=trace.segments[2].text)
        criteria["conceals"] = CriterionAnswer(answer="yes", quotes=(quote,))
    return Answers(rationale="So.", criteria=criteria)


class Wavering:
    """Says present of every trace at first; of the first two traces something else when it is asked again."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, trace: Trace, rubric: Rubric) -> Answers:
        del rubric
        before = self.asked[trace.trace_id]
        self.asked[trace.trace_id] += 1
        return answers(trace, present=not (before and trace in TRACES[:2]))


async def tried(found: Design, store: Store) -> list[Row]:
    for judge in found.judges:
        run = api.begin_run(judge, [RUBRIC], {})
        await scoring.score(TRACES, rubrics=[RUBRIC], judge=judge, store=store, run=run)
    said = {judge.spec: labels(store, TRACES, [RUBRIC], judge) for judge in found.judges}
    return [row for comparison in found.comparisons for row in compare(comparison, said, TRACES)]


async def test_flips_are_counted_and_named(tmp_path: Path) -> None:
    """Two of eight traces waver between the first and the two later answers; a second trial asks nothing."""
    judge, store = ScriptedJudge(replies := Wavering()), Store(tmp_path / "x.duckdb")
    found = design(judge, [RUBRIC], Wish(("repeats",), repeats=3), llm)
    assert names(found) == [("plain", "repeat 2", "repeat 3")]
    for _ in range(2):
        (row,) = await tried(found, store)
        assert row.flips.not_unanimous == 0.25
        assert row.flips.not_unanimous_interval is not None
        assert 0.25 in row.flips.not_unanimous_interval
        assert row.flips.disagreement == pytest.approx(0.25 * 2 / 3)
        assert [flip.trace_id for flip in row.flipped] == [trace.trace_id for trace in TRACES[:2]]
        assert list(row.flipped[0].labels.values()) == ["present", "absent", "absent"]
        assert replies.asked.total() == 24


async def test_repeats_shadow_nothing(tmp_path: Path) -> None:
    """Every repeat is a judge of its own; the plain judge's verdicts are those it would have given anyway."""
    judge, store = ScriptedJudge(Wavering()), Store(tmp_path / "x.duckdb")
    await tried(design(judge, [RUBRIC], Wish(("repeats",), repeats=2), llm), store)
    plain = store.query("SELECT DISTINCT judge, label FROM current_verdicts ORDER BY ALL").fetchall()
    assert plain == [("scripted", "present"), ("scripted (repeat 2)", "absent"), ("scripted (repeat 2)", "present")]


def test_every_variant_of_an_llm_has_keys_of_its_own() -> None:
    """Repeats, orders, wordings and temperatures differ from the plain judge and from each other."""
    found = design(llm(), [RUBRIC, OTHER], Wish(), llm)
    assert names(found) == [
        ("plain", "repeat 2", "repeat 3"),
        ("together", "together, reversed"),
        ("plain", "together"),
        ("plain", "wording brief", "wording formal"),
        ("plain", "temperature 0.7"),
        ("plain", "temperature 1"),
    ]
    assert len({(judge_hash(j.identity), j.prompt_version) for j in found.judges}) == len(found.judges) == 9
    assert {judge.spec for judge in found.judges} >= {"openai/x", "openai/x (repeat 2)", "openai/x (wording brief)"}
    assert found.left_out == ()


def test_what_makes_no_difference_is_left_out_and_said() -> None:
    """The embedded judge has no prompt and no temperature; a temperature that is the judge's own is none to try."""
    lexical = registry.make("lexical")
    found = design(lexical, [RUBRIC, OTHER], Wish(), lambda _together, _settings: lexical)
    assert [comparison.varied for comparison in found.comparisons] == ["repeats"]
    assert [sentence.partition(":")[0] for sentence in found.left_out] == [
        "rubric_order",
        "paraphrase",
        "temperature 0.7",
        "temperature 1",
    ]
    own = design(llm(), [RUBRIC], Wish(("temperature", "rubric_order"), temperatures=(0.0, 0.5)), llm)
    assert names(own) == [("plain", "temperature 0.5")]
    assert len(own.left_out) == 2


def test_the_members_of_a_panel_are_asked_again_too() -> None:
    """Else a repeated panel would find its members' verdicts in the store, and never flip."""
    panel = registry.make("panel:lexical,openai/x")
    again = called(panel, "repeat 2", repeat=2)
    assert isinstance(panel, Bench)
    assert isinstance(again, Bench)
    assert again.spec == "panel:lexical,openai/x (repeat 2)"
    assert [member.spec for member in again.members] == ["lexical (repeat 2)", "openai/x (repeat 2)"]
    hashes = [judge_hash(judge.identity) for judge in (*panel.members, *again.members)]
    assert len(set(hashes)) == 4


@pytest.mark.parametrize("kind", [{}, {"bundle": True}, {"shots": 1}], ids=str)
def test_a_paraphrase_is_another_prompt_with_the_same_placeholders(kind: dict[str, Any]) -> None:
    """It has a version of its own, and loses nothing of the rubric; the plain prompt's version is what it was."""
    own = prompt.templates(**kind)
    versions = {prompt.version(own)}
    for wording in ("brief", "formal"):
        other = prompt.templates(**kind, wording=wording)
        versions.add(prompt.version(other))
        for name, paraphrase in zip(own, other, strict=True):
            holes = [Counter(set(_holes(prompt.template(each)))) for each in (name, paraphrase)]
            assert holes[0] == holes[1], paraphrase
    assert len(versions) == 3


def _holes(text: str) -> list[str]:
    import re

    return re.findall(r"\$[a-z_]+", text)
