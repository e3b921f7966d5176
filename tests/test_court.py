"""The court: nobody is asked the same thing twice."""

from __future__ import annotations

import asyncio

import pytest
from tests.store.values import NOW
from tests.test_judgement import RUBRIC, TRACE

from cotjudge.answer import Answers
from cotjudge.court import Court
from cotjudge.errors import BudgetReached, JudgementFailed, JudgeUnusable
from cotjudge.judgement import Outcome, Question
from cotjudge.judges.panel import Panel
from cotjudge.rubric import Rubric
from cotjudge.testing import ScriptedJudge
from cotjudge.trace import Trace
from cotjudge.verdict import Call, Failure, Usage, Verdict

SPENT = Call(model="m", outcome="unusable", usage=Usage(calls=1), latency_s=1, created_at=NOW)


class Slow(ScriptedJudge):
    async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
        answer = await super().answer(trace, rubric)
        await asyncio.sleep(0.01)
        return answer


async def test_identical_questions_under_way_are_asked_once() -> None:
    """Whoever comes while the answer is on its way gets the same one."""
    judge, court = Slow(), Court("run")
    question = Question.of(RUBRIC, judge)
    outcomes = await asyncio.gather(*(court.ask(TRACE, question) for _ in range(5)))
    assert len(judge.asked) == 1
    assert len({id(outcome) for outcome in outcomes}) == 1


async def test_who_waited_for_one_that_was_given_up_asks_for_himself() -> None:
    """A cancelled judgement takes nobody with it."""
    judge, court = Slow(), Court("run")
    question = Question.of(RUBRIC, judge)
    first = asyncio.create_task(court.ask(TRACE, question))
    await asyncio.sleep(0)
    second = asyncio.create_task(court.ask(TRACE, question))
    await asyncio.sleep(0)
    first.cancel()
    assert isinstance(await second, Verdict)
    assert len(judge.asked) == 2
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_members_are_judgements_of_their_own() -> None:
    """What each member of a panel says is kept, with its own key; the panel's verdict refers to them and costs nothing."""
    kept: list[Outcome] = []
    panel = Panel([ScriptedJudge(spec="a"), ScriptedJudge(spec="b")])
    verdict = await Court("run", keep=kept.append).ask(TRACE, Question.of(RUBRIC, panel))
    assert isinstance(verdict, Verdict)
    assert [outcome.judge for outcome in kept] == ["a", "b"]
    assert [o.key for o in verdict.opinions] == [outcome.key for outcome in kept]
    assert (verdict.judge, verdict.usage) == ("panel:a,b", Usage())
    assert [q.key(TRACE) for q in Question.of(RUBRIC, panel).members()] == [outcome.key for outcome in kept]


async def test_a_member_whose_verdict_is_known_is_not_asked() -> None:
    """Adding a judge to a panel asks only that one."""
    kept: list[Outcome] = []
    a, b = ScriptedJudge(spec="a"), ScriptedJudge(spec="b")
    before = await Court("earlier").ask(TRACE, Question.of(RUBRIC, a))
    assert isinstance(before, Verdict)
    a.asked.clear()
    court = Court("run", keep=kept.append, known={before.key: before})
    verdict = await court.ask(TRACE, Question.of(RUBRIC, Panel([a, b])))
    assert isinstance(verdict, Verdict)
    assert (a.asked, [o.judge for o in kept], len(verdict.opinions)) == ([], ["b"], 2)


async def test_a_failure_is_data_and_an_unusable_judge_is_not() -> None:
    """One judgement that cannot be had is a row; a judge that can answer nothing ends the run."""
    failed = await Court("run").ask(TRACE, Question.of(RUBRIC, ScriptedJudge(JudgementFailed("refused", "no"))))
    assert isinstance(failed, Failure)
    assert failed.kind == "refused"
    with pytest.raises(JudgeUnusable):
        await Court("run").ask(TRACE, Question.of(RUBRIC, ScriptedJudge(JudgeUnusable("no key"))))


async def test_a_budget_that_ends_a_judgement_under_way_leaves_what_was_spent() -> None:
    """Money spent on a judgement that could not be finished is a failure with its ledger; else there is nothing to keep."""
    spent = BudgetReached("budget of $1 reached", Usage(calls=1), (SPENT,))
    outcome = await Court("run").ask(TRACE, Question.of(RUBRIC, ScriptedJudge(spent)))
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.ledger, outcome.usage.calls) == ("budget", (SPENT,), 1)
    with pytest.raises(BudgetReached):
        await Court("run").ask(TRACE, Question.of(RUBRIC, ScriptedJudge(BudgetReached("budget of $1 reached"))))
