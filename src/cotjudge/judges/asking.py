"""One conversation with a model: the calls, the tries, the asks, and what they cost."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cotjudge import prompt
from cotjudge.answer import Answers
from cotjudge.errors import BudgetReached, JudgementFailed
from cotjudge.judges import logprobs
from cotjudge.judges.faults import Fault, UnreadableReply, scrub
from cotjudge.judges.instructor_door import ReplyForm
from cotjudge.judges.ledger import Ledger, total
from cotjudge.judges.litellm_door import Completion, Format, Model
from cotjudge.judges.llm_settings import LLMSettings
from cotjudge.judges.means import Means
from cotjudge.judges.retrying import retrying
from cotjudge.rubric import Rubric
from cotjudge.verdict import Call, FailureKind
from cotjudge.windows import tokens

_PLAIN_REFUSAL = re.compile(
    r"^\W*(?:i['’]m (?:very )?(?:sorry|unable|not able)|sorry\b|i (?:apologi[sz]e|can(?:no|['’])t|won['’]t|am (?:unable|not able))\b)",
    re.IGNORECASE,
)
_EXCERPT = 160
_BYTES_PER_TOKEN = 3
_CACHE_WRITE = 1.25  # what Anthropic takes for an input token that it is told to keep


class Question:
    """Rubrics made ready to be asked: all that is the same for every trace.

    Args:
        rubrics: what is asked.
        format: how the provider is told the shape of the reply.
        together: whether they are asked as a bundle; else there is one.
        shots: how many worked examples of each are shown.
        wording: which paraphrase of the prompt.
    """

    def __init__(
        self,
        rubrics: Sequence[Rubric],
        format: Format,  # noqa: A002 (the word used everywhere)
        *,
        together: bool,
        shots: int,
        wording: prompt.Wording = "",
    ) -> None:
        self.rubrics = tuple(rubrics)
        self.format = format
        self.together = together
        self.wording = wording
        self.form = ReplyForm(rubrics, format, together=together)
        schema = self.form.schema_text
        self.text = (
            prompt.bundle_block(rubrics, schema=schema, shots=shots, wording=wording)
            if together
            else prompt.rubric_block(rubrics[0], schema=schema, shots=shots, wording=wording)
        )
        system = prompt.messages("", "", wording=wording)[0]["content"]
        self.tokens = tokens(system) + tokens(self.text) + self.form.told_beside // _BYTES_PER_TOKEN
        """Prompt tokens beside the trace, by a quick upper estimate."""

    def read(self, completion: Completion) -> dict[str, Answers]:
        """The reply as answers: rubric id -> what is said about it.

        Raises:
            UnreadableReply: it does not satisfy the schema.
        """
        answers = self.form.read(completion)
        if completion.tokens:
            for rubric in self.rubrics:
                within = rubric.id if self.together else ""
                if sure := logprobs.probabilities(rubric, completion.text, completion.tokens, within=within):
                    weighed = {"probabilities": sure, "score_kind": "logprobs"}
                    answers[rubric.id] = answers[rubric.id].model_copy(update=weighed)
        return answers


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a conversation."""

    answers: dict[str, Answers]
    """Rubric id -> what is said about it."""
    ledger: Ledger
    """The requests."""
    latency_s: float
    """Seconds from the first request to the usable answer."""


class Asking:
    """One conversation: calls, tries again, asks again, and writes down what it costs.

    Args:
        model: who is asked.
        settings: how.
        question: what.
        means: money and limits.
        seed: this draw's seed.
        mark_cache: whether the provider is told to keep the trace in its cache.
    """

    def __init__(
        self,
        model: Model,
        settings: LLMSettings,
        question: Question,
        means: Means,
        *,
        seed: int | None = None,
        mark_cache: bool = False,
    ) -> None:
        self._model = model
        self._settings = settings
        self._question = question
        self._means = means
        self._pace = means.pace(model.spec)
        self._seed = seed
        self._mark_cache = mark_cache
        self._ledger: list[Call] = []
        self._begun: float | None = None

    async def reply(self, trace_block: str) -> Reply:
        """Ask until the reply can be read.

        Raises:
            Fault: the last try of a call failed.
            JudgementFailed: every reply was unusable.
            BudgetReached: the next call could cost more than is left.
        """
        question = self._question
        messages = prompt.messages(trace_block, question.text, mark_cache=self._mark_cache, wording=question.wording)
        asked = self._question.tokens + tokens(trace_block)
        for asks_left in range(self._settings.reasks, -1, -1):
            completion = await self._call(messages, asked)
            self._judge_ending(completion)
            try:
                answers = self._question.read(completion)
            except UnreadableReply as error:
                if not asks_left:
                    raise self._unreadable(completion, error) from error
                messages = self._question.form.ask_again(messages, completion, error)
                asked += completion.usage.output_tokens + tokens(str(error))
            else:
                self._ledger[-1] = self._ledger[-1].model_copy(update={"outcome": "used"})
                return Reply(answers, tuple(self._ledger), time.perf_counter() - (self._begun or 0.0))
        raise AssertionError("unreachable: the last ask returns or raises")

    async def _call(self, messages: list[prompt.Message], asked: int) -> Completion:
        try:
            completion: Completion = await retrying(self._settings)(self._try, messages, asked)
        except Fault as fault:
            fault.ledger = tuple(self._ledger)
            raise
        except BudgetReached as reached:
            raise BudgetReached(str(reached), total(self._ledger), tuple(self._ledger)) from reached
        self._ledger.append(
            Call(
                model=self._model.spec,
                outcome="unusable",  # until it has been read
                usage=completion.usage,
                latency_s=completion.latency_s,
                created_at=datetime.now(UTC),
            )
        )
        return completion

    async def _try(self, messages: list[prompt.Message], asked: int) -> Completion:
        hold = await self._means.purse.reserve(self._at_most(asked))
        try:
            async with self._pace.turn(asked + self._model.likely_output):
                self._begun = self._begun or time.perf_counter()
                completion = await self._model.complete(messages, self._question.form.response_format, self._seed)
        except BaseException:
            hold.release()
            raise
        hold.settle(completion.usage.cost_usd)
        return completion

    def _at_most(self, asked: int) -> float | None:
        """US dollars that a call can cost: an answer as long as it may be, for a budget is a promise."""
        if self._means.purse.budget_usd is None:
            return None
        if self._mark_cache:
            asked = round(asked * _CACHE_WRITE)
        return self._model.price_of(asked, self._model.most_output)

    def _judge_ending(self, completion: Completion) -> None:
        if completion.refusal:
            raise self._failed("refused", f"the model refuses: {completion.refusal}")
        if completion.finish == "content_filter":
            raise self._failed("refused", "the provider's content filter stopped the answer")
        if completion.finish == "length":
            room = self._settings.max_output_tokens
            raise self._failed("truncated", f"the answer did not fit into max_output_tokens = {room}")

    def _unreadable(self, completion: Completion, error: UnreadableReply) -> JudgementFailed:
        text = " ".join(completion.text.split())
        if _PLAIN_REFUSAL.match(text):
            return self._failed("refused", f"the model refuses: {text}")
        times = 1 + self._settings.reasks
        problem = " ".join(str(error).split())
        return self._failed("unparseable", f"no usable reply in {times} asks: {problem}")

    def _failed(self, kind: FailureKind, reason: str) -> JudgementFailed:
        return JudgementFailed(kind, scrub(reason)[:_EXCERPT], total(self._ledger), tuple(self._ledger))
