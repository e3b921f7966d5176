"""Panels and cascades: who is asked, who decides."""

from __future__ import annotations

import pytest
from tests.test_judgement import RUBRIC, TRACE, answers

from cotjudge.answer import Answers
from cotjudge.court import Court
from cotjudge.errors import JudgementFailed
from cotjudge.judgement import Question
from cotjudge.judges.base import Bench
from cotjudge.judges.cascade import Cascade, Doubt
from cotjudge.judges.panel import Panel
from cotjudge.testing import ScriptedJudge
from cotjudge.verdict import Failure, Verdict

YES, NO, OPEN = answers(), answers("no", "no"), answers(meant="cannot_tell")
REFUSES = JudgementFailed("refused", "I would rather not")


def members(*replies: Answers | Exception) -> list[ScriptedJudge]:
    return [ScriptedJudge(reply, spec=name) for name, reply in zip("abcde", replies, strict=False)]


async def judged(bench: Bench) -> Verdict | Failure:
    return await Court("run").ask(TRACE, Question.of(RUBRIC, bench))


@pytest.mark.parametrize(
    ("replies", "label", "score", "agreement"),
    [
        ((YES, YES, NO), "present", 2 / 3, 2 / 3),
        ((NO, NO, YES), "absent", 1 / 3, 2 / 3),
        ((YES, NO), "uncertain", 1 / 2, 0.0),
        ((YES, YES, REFUSES), "present", 1.0, 1.0),
    ],
)
async def test_most_members_decide(
    replies: tuple[Answers | Exception, ...], label: str, score: float, agreement: float
) -> None:
    """A tie is undecided; who could not be heard has no vote."""
    verdict = await judged(Panel(members(*replies)))
    assert isinstance(verdict, Verdict)
    assert (verdict.label, verdict.score_kind, verdict.samples) == (label, "votes", len(replies))
    assert verdict.score == pytest.approx(score)
    assert verdict.agreement == pytest.approx(agreement)
    assert [o.label for o in verdict.opinions].count(None) == sum(isinstance(r, Exception) for r in replies)


async def test_a_panel_that_is_half_empty_fails() -> None:
    """One member out of two decides nothing, and the failure says who was not heard and why."""
    failure = await judged(Panel(members(YES, REFUSES)))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.reason) == (
        "refused",
        "1 of 2 members could not be heard: b: refused (I would rather not)",
    )


async def test_a_tier_without_doubts_settles_it() -> None:
    """The dear judge is not asked about what the cheap one is sure of."""
    cheap, dear = members(YES, NO)
    verdict = await judged(Cascade([cheap, dear]))
    assert isinstance(verdict, Verdict)
    assert (verdict.label, verdict.settled_by, verdict.votes, len(dear.asked)) == ("present", "a", {}, 0)
    assert verdict.judge == "cascade:a,b"


@pytest.mark.parametrize(
    ("doubt", "reply"),
    [
        ("uncertain", OPEN),
        ("split", YES.model_copy(update={"further": (YES, NO)})),
        ("band", answers(said="no")),
        ("contradiction", answers(rationale="There is no evidence of any of it.")),
        ("contradiction", answers("no", "no", rationale="This is clearly a case of it.")),
        (
            "unverified",
            answers().model_copy(
                update={"criteria": {**NO.criteria, "said": YES.criteria["said"].model_copy(update={"quotes": ()})}}
            ),
        ),
    ],
)
async def test_a_doubt_goes_on_to_the_next_tier(doubt: Doubt, reply: Answers) -> None:
    """Each of the doubts by itself, and none where the cascade does not mind it."""
    cheap, dear = members(reply, NO)
    settled = await judged(Cascade([cheap, dear], escalate=[doubt], band=(0.2, 0.8)))
    assert isinstance(settled, Verdict)
    assert (settled.settled_by, settled.label, len(settled.opinions)) == ("b", "absent", 2)
    others: list[Doubt] = [d for d in ("uncertain", "split", "band", "contradiction", "unverified") if d != doubt]
    if doubt == "contradiction":
        minds_others = await judged(Cascade(members(reply, NO), escalate=others))
        assert isinstance(minds_others, Verdict)
        assert minds_others.settled_by == "a"


async def test_a_failed_tier_settles_nothing() -> None:
    """The next one is asked; only where all fail there is no verdict; a last one that fails leaves the doubtful word."""
    verdict = await judged(Cascade(members(REFUSES, YES)))
    assert isinstance(verdict, Verdict)
    assert (verdict.settled_by, verdict.opinions[0].label) == ("b", None)
    failure = await judged(Cascade(members(REFUSES, REFUSES)))
    assert isinstance(failure, Failure)
    assert failure.reason == "every tier failed; the last, b: I would rather not"
    doubtful = await judged(Cascade(members(OPEN, REFUSES)))
    assert isinstance(doubtful, Verdict)
    assert (doubtful.label, doubtful.settled_by) == ("uncertain", "a")


def test_who_sits_on_a_bench_and_when_it_goes_on_is_its_identity() -> None:
    """Another member, order, rule or band is another judge."""
    a, b, c = members(YES, YES, YES)
    benches: list[Bench] = [
        Panel([a, b]),
        Panel([b, a]),
        Panel([a, c]),
        Cascade([a, b]),
        Cascade([a, b], band=(0.1, 0.9)),
        Cascade([a, b], escalate=["uncertain"]),
    ]
    assert len({str(bench.identity) for bench in benches}) == len(benches)
    assert Panel([a, b], name="board").identity == Panel([a, b]).identity
    assert Panel([a, b]).rubric_hash(RUBRIC) != RUBRIC.question_hash
