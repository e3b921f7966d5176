"""The court: puts questions to judges, none of them twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, MutableMapping, Sequence
from typing import Any, cast

from cotjudge.errors import BudgetReached, JudgementFailed
from cotjudge.judgement import Case, Outcome, Question
from cotjudge.judges.base import AnyJudge, Bench, BundleJudge, Judge
from cotjudge.trace import Trace
from cotjudge.verdict import Verdict


class Court:
    """Puts questions to judges: what is known is not asked, what is under way is waited for.

    Args:
        run_id: the run that outcomes belong to.
        keep: told of what each member of a bench says, for that is a judgement of its own.
        known: judgement key -> verdict of members that need not be asked; those used are taken out.
    """

    def __init__(
        self,
        run_id: str,
        *,
        keep: Callable[[Outcome], None] = lambda _outcome: None,
        known: MutableMapping[str, Verdict] | None = None,
    ) -> None:
        self._run_id = run_id
        self._keep = keep
        self._known = {} if known is None else known
        self._under_way: dict[str, asyncio.Future[Outcome | None]] = {}

    async def ask(self, trace: Trace, question: Question, *, segment: int | None = None) -> Outcome:
        """Have one question judged; a judgement that cannot be had comes back as a `Failure`.

        Args:
            trace: the trace.
            question: what is asked, and who.
            segment: index of the one segment to judge by itself; None for the trace.

        Raises:
            JudgeUnusable: no judgement can be had from this judge.
            BudgetReached: the next call could cost more than is left, and nothing was spent on this judgement yet.
        """
        case = Case.of(trace, question, segment, self._run_id)
        while waiting := self._under_way.get(case.key):
            if outcome := await asyncio.shield(waiting):
                return outcome
        mine = self._under_way[case.key] = asyncio.get_running_loop().create_future()
        outcome = None
        try:
            outcome = await self._settle(case)
        finally:
            del self._under_way[case.key]
            mine.set_result(outcome)  # where nothing came of it, whoever waits asks for himself
        return outcome

    async def ask_together(
        self, trace: Trace, questions: Sequence[Question], *, segment: int | None = None
    ) -> list[Outcome]:
        """Have several questions answered in one go, by a judge that bundles.

        Raises:
            JudgeUnusable: no judgement can be had from this judge.
            BudgetReached: the next call could cost more than is left, and nothing was spent on this judgement yet.
        """
        judge = cast("BundleJudge", questions[0].judge)
        cases = [Case.of(trace, question, segment, self._run_id) for question in questions]
        begun = time.monotonic()
        shown = judge.view(cases[0].shown)
        try:
            answers = await judge.answer_together(shown, [question.rubric for question in questions])
        except (JudgementFailed, BudgetReached) as error:
            failed = _as_failed(error)
            bare = JudgementFailed(failed.kind, failed.reason)
            told = (failed, *[bare] * (len(cases) - 1))  # what was spent is told once
            return [case.failed(f, time.monotonic() - begun) for case, f in zip(cases, told, strict=True)]
        return [case.decide(shown, answers[case.question.rubric.id]) for case in cases]

    async def _settle(self, case: Case) -> Outcome:
        judge = case.question.judge
        begun = time.monotonic()
        try:
            if isinstance(judge, Bench):
                finding = await judge.deliberate(case.question.rubric, lambda member: self._consult(case, member))
                return case.found(finding, time.monotonic() - begun)
            answering = cast("Judge", judge)
            shown = answering.view(case.shown)
            answers = await answering.answer(shown, case.question.rubric)
        except (JudgementFailed, BudgetReached) as error:
            return case.failed(_as_failed(error), time.monotonic() - begun)
        return case.decide(shown, answers)

    async def _consult(self, case: Case, member: AnyJudge) -> Outcome:
        question = Question.of(case.question.rubric, member)
        known = self._known.pop(question.key(case.trace, case.segment), None)
        if known is not None:
            return known
        outcome = await self.ask(case.trace, question, segment=case.segment)
        self._keep(outcome)
        return outcome


def _as_failed(error: JudgementFailed | BudgetReached) -> JudgementFailed:
    """A failure to store: also where the budget ended a judgement that had cost something."""
    if isinstance(error, JudgementFailed):
        return error
    if not error.ledger:
        raise error
    return JudgementFailed("budget", str(error), error.usage, error.ledger)


async def all_of(asked: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Await several at once; the first error ends them all and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in asked:
                group.create_task(one)
    except BaseExceptionGroup as errors:
        raise _first(errors) from None


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
