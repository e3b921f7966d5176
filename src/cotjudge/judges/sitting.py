"""One judgement by an LLM: its draws, the windows of a long trace, and one answer made of them for each rubric."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeVar

from cotjudge import prompt
from cotjudge.answer import Answers
from cotjudge.errors import BudgetReached, JudgementFailed
from cotjudge.judges.asking import Asking, Question, Reply
from cotjudge.judges.faults import Fault
from cotjudge.judges.ledger import Ledger, charge, shares, total, wasted
from cotjudge.judges.litellm_door import Format, Model
from cotjudge.judges.llm_settings import LLMSettings
from cotjudge.judges.means import Means
from cotjudge.rubric import Rubric
from cotjudge.trace import Trace
from cotjudge.windows import combine, tokens, windows

OVERLAP = 0.1
"""Share of a window that the next one repeats."""
SMALLEST_WINDOW = 500
"""Tokens. A model that has no room for so much of a trace cannot judge it."""
MARGIN = 0.9
"""Share of a model's room that is used: tokens are estimated, and a provider adds some of its own."""

Parts = dict[str, Answers]
"""Rubric id -> what is said about it."""
_Outcome = TypeVar("_Outcome", Parts, Reply)


class Window:
    """How much of a trace one model is shown at a time.

    Args:
        model: the model.
        tokens: the user's own limit; 0 never cuts, None leaves it to what is known of the model.
    """

    def __init__(self, model: Model, tokens: int | None) -> None:
        self._model = model
        self._set = tokens
        # litellm's table does not know every model and a server may be started with less context than its model
        # has, so what an overlong prompt taught is kept for the rest of the run.
        self._learned: int | None = None

    @property
    def never_cuts(self) -> bool:
        """Whether the user wants whole traces or none."""
        return self._set == 0

    def limit(self, beside: int) -> int | None:
        """Tokens of trace that fit; None where no limit is known.

        Args:
            beside: tokens of the prompt that are not the trace's.
        """
        if self.never_cuts:
            return None
        if self._set is not None:
            known: int | None = self._set
        else:
            room = self._model.room
            known = None if room is None else max(SMALLEST_WINDOW, int((room - beside) * MARGIN))
        limits = [limit for limit in (known, self._learned) if limit is not None]
        return min(limits, default=None)

    def learn(self, limit: int) -> None:
        """So much was answered after more was not."""
        self._learned = min(limit, self._learned or limit)


@dataclass(frozen=True, slots=True)
class Equipment:
    """What every judgement of one LLM judge needs."""

    model: Model
    settings: LLMSettings
    means: Means
    window: Window
    question: Callable[[Sequence[Rubric], Format], Question]
    """Rubrics made ready to be asked."""
    mark_cache: bool
    """Whether the provider is told to keep the trace in its cache."""


class Sitting:
    """One judgement.

    Args:
        equipment: the model and what goes with it.
        trace: the trace, as it may be shown.
        asked: the rubrics in the prompt.
        wanted: those of them whose answers are wanted; they share the cost.
    """

    def __init__(self, equipment: Equipment, trace: Trace, asked: Sequence[Rubric], wanted: Sequence[Rubric]) -> None:
        self._with = equipment
        self._trace = trace
        self._asked = asked
        self._wanted = wanted
        self._blocks: dict[int, str] = {}

    async def answers(self) -> Parts:
        """As many draws as are set: the first with the others as its `further`.

        The first draw goes alone, so that the others find its prompt in the provider's cache. One that fails is left
        out if half of them come back, and what it cost is kept with the others.

        Raises:
            JudgementFailed: the judgement could not be had.
            JudgeUnusable: no judgement can be had from this judge.
            BudgetReached: the next call could cost more than is left.
        """
        samples = self._with.settings.samples
        if samples == 1:
            return await self._draw(0)
        draws = await _first_then_all([partial(self._draw, nth) for nth in range(samples)], all_needed=False)
        came = [draw for draw in draws if not isinstance(draw, JudgementFailed)]
        failed = [draw for draw in draws if isinstance(draw, JudgementFailed)]
        if 2 * len(came) < samples:
            ledger = wasted(call for draw in draws for call in _ledger(draw))
            raise JudgementFailed(failed[0].kind, failed[0].reason, total(ledger), ledger)
        lost = wasted(call for failure in failed for call in failure.ledger)
        first, *rest = came
        return {
            name: answers.model_copy(update={"further": tuple(parts[name] for parts in rest)})
            for name, answers in self._charged(first, lost).items()
        }

    # --- one draw, in windows where need be

    async def _draw(self, nth: int) -> Parts:
        window = self._with.window
        given_up: Ledger = ()
        shorter: int | None = None
        while True:
            known = window.limit(self._beside())
            limit = known if shorter is None else min(shorter, known or shorter)
            parts = self._cut(limit)
            try:
                replies = await self._replies(parts, nth)
            except JudgementFailed as failed:
                given_up += wasted(failed.ledger)
                largest = max(tokens(self._block(part)) for part in parts)
                shorter = min(largest, limit or largest) // 2
                if failed.kind != "over_context" or window.never_cuts or shorter < SMALLEST_WINDOW:
                    raise JudgementFailed(failed.kind, failed.reason, total(given_up), given_up) from failed
            except BudgetReached as reached:
                ledger = (*given_up, *reached.ledger)
                raise BudgetReached(str(reached), total(ledger), ledger) from reached
            else:
                if shorter is not None:
                    window.learn(shorter)
                return self._charged(self._combined(replies, parts), given_up)

    def _beside(self) -> int:
        return self._with.question(self._asked, self._with.model.format).tokens

    def _cut(self, limit: int | None) -> tuple[Trace, ...]:
        if limit is None or tokens(self._block(self._trace)) <= limit:
            return (self._trace,)
        return windows(self._trace, limit_tokens=limit, overlap_tokens=int(limit * OVERLAP))

    def _block(self, part: Trace) -> str:
        if part is not self._trace:
            return prompt.trace_block(part)
        if 0 not in self._blocks:  # the same for every draw
            self._blocks[0] = prompt.trace_block(part)
        return self._blocks[0]

    async def _replies(self, parts: Sequence[Trace], nth: int) -> list[Parts]:
        # The first goes alone: where it does not fit, neither would the others.
        replies = await _first_then_all([partial(self._ask, part, nth) for part in parts], all_needed=True)
        failed = [reply for reply in replies if isinstance(reply, JudgementFailed)]
        came = [reply for reply in replies if isinstance(reply, Reply)]
        if failed:
            ledger = tuple(call for reply in replies for call in reply.ledger)
            raise JudgementFailed(failed[0].kind, failed[0].reason, total(ledger), ledger)
        return [self._shared(reply) for reply in came]

    def _shared(self, reply: Reply) -> Parts:
        parts = zip(self._wanted, shares(reply.ledger, len(self._wanted)), strict=True)
        return {
            rubric.id: reply.answers[rubric.id].model_copy(
                update={"ledger": ledger, "usage": total(ledger), "latency_s": reply.latency_s}
            )
            for rubric, ledger in parts
        }

    def _combined(self, replies: Sequence[Parts], shown: Sequence[Trace]) -> Parts:
        if len(replies) == 1:
            return replies[0]
        return {
            rubric.id: combine(rubric, _weighed_alike([parts[rubric.id] for parts in replies]), shown)
            for rubric in self._wanted
        }

    def _charged(self, parts: Parts, ledger: Ledger) -> Parts:
        each = zip(self._wanted, shares(ledger, len(self._wanted)), strict=True)
        return {rubric.id: charge(parts[rubric.id], share) for rubric, share in each}

    # --- one conversation

    async def _ask(self, part: Trace, nth: int) -> Reply:
        use, seed = self._with, self._with.settings.seed
        seed = seed + nth if seed is not None and nth else None
        block = self._block(part)
        before: Ledger = ()
        while True:
            question, weighed = use.question(self._asked, use.model.format), use.model.asks_logprobs
            try:
                asking = Asking(use.model, use.settings, question, use.means, seed=seed, mark_cache=use.mark_cache)
                reply = await asking.reply(block)
            except Fault as fault:
                before += fault.ledger
                if fault.holds_for_all:
                    raise use.model.unusable(fault) from fault
                if fault.about_logprobs and weighed:
                    use.model.go_without_logprobs()
                elif not (fault.about_format and use.model.step_down(question.format)):
                    raise JudgementFailed(fault.kind, fault.reason, total(before), before) from fault
            else:
                return Reply(reply.answers, (*before, *reply.ledger), reply.latency_s)


def _weighed_alike(parts: Sequence[Answers]) -> Sequence[Answers]:
    """Probabilities of some windows and not of others make no score."""
    if all(part.probabilities for part in parts):
        return parts
    return [part.model_copy(update={"probabilities": {}, "score_kind": "criteria"}) for part in parts]


async def _first_then_all(
    asks: Sequence[Callable[[], Awaitable[_Outcome]]], *, all_needed: bool
) -> list[_Outcome | JudgementFailed]:
    """The first by itself, then the others at once; failures stand where answers would.

    The others are not asked where the first did not fit the context, or failed and all are needed.

    Raises:
        BudgetReached: when all have ended, with what all of them spent.
        JudgeUnusable: no judgement can be had from this judge.
    """
    outcomes: list[_Outcome | JudgementFailed] = []
    try:
        outcomes.append(await asks[0]())
    except JudgementFailed as failed:
        outcomes.append(failed)
        if all_needed or failed.kind == "over_context":
            return outcomes
    ends = await asyncio.gather(*(ask() for ask in asks[1:]), return_exceptions=True)
    broke: list[BudgetReached] = [end for end in ends if isinstance(end, BudgetReached)]
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, JudgementFailed | BudgetReached):
            raise end
        if not isinstance(end, BaseException) or isinstance(end, JudgementFailed):
            outcomes.append(end)
    if broke:
        ledger = wasted(call for one in chain(outcomes, broke) for call in _ledger(one))
        raise BudgetReached(str(broke[0]), total(ledger), ledger)
    return outcomes


def _ledger(outcome: Parts | Reply | JudgementFailed | BudgetReached) -> Ledger:
    if isinstance(outcome, dict):
        return tuple(call for answers in outcome.values() for call in answers.ledger)
    return outcome.ledger
