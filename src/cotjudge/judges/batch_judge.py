"""The LLM judge in two halves, a batch apart: what it would ask, and what it makes of the answer.

Both halves are the LLM judge itself, with its call of litellm cut in two. So whatever it does on the way to that call
and back from it (redaction, worked examples, bundles, log-probabilities) holds for batches, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cotjudge import prompt
from cotjudge.answer import Answers
from cotjudge.errors import JudgementFailed, SettingsError
from cotjudge.judges.batch_door import Provider
from cotjudge.judges.faults import Fault
from cotjudge.judges.ledger import Ledger
from cotjudge.judges.litellm_door import Model
from cotjudge.judges.llm import LLMJudge, LLMSettings
from cotjudge.rubric import Rubric
from cotjudge.trace import Trace

__all__ = ["BatchJudge", "Reply", "refuse"]

_SECRET = re.compile(r"headers$|_(?:key|token|secret|password|credentials)$")


def refuse(judge: object) -> LLMJudge:
    """The judge, if a provider's batches can ask it.

    Raises:
        SettingsError: they cannot.
    """
    if not isinstance(judge, LLMJudge):
        raise SettingsError("--batch needs one LLM judge, such as --judge openai/gpt-5-mini; leave --batch out")
    if judge.settings.samples > 1:
        raise SettingsError("--batch asks each judgement once; leave out --batch, or --samples")
    secret = sorted(name for name in judge.settings.params if _SECRET.search(name))
    if secret:
        raise SettingsError(
            f"--batch keeps the judge's parameters until it collects, and no secrets: {secret[0]} cannot be among them"
        )
    return judge


class Reply:
    """What came of one request of a batch.

    Args:
        status: HTTP status; 200 for an answer.
        body: the chat completion, for an answer.
        problem: what went wrong, for anything else.
        seconds: how long the batch took.
    """

    def __init__(
        self, status: int, *, body: Mapping[str, Any] | None = None, problem: str = "", seconds: float = 0.0
    ) -> None:
        self.status = status
        self.body = body
        self.problem = problem
        self.seconds = seconds


class BatchJudge:
    """One LLM judge, whose calls go through batches; implements `cotjudge.judges.base.BundleJudge` for one reply at a time.

    Args:
        spec: litellm's model string.
        settings: how to ask.
        provider: the provider's batches.
        bundle: rubrics asked together, as the LLM judge takes them.
    """

    notice = ""

    def __init__(self, spec: str, settings: LLMSettings, *, provider: Provider, bundle: Sequence[Rubric] = ()) -> None:
        self.spec = spec
        self.reply: Reply | None = None
        """What the next question is answered with."""
        self._provider = provider
        half = settings.price and tuple(price / 2 for price in settings.price)
        once = settings.model_copy(update={"reasks": 0, "retries": 0, "price": half})
        self._judge = _SplicedJudge(spec, once, bundle=bundle)

    @property
    def identity(self) -> Mapping[str, Any]:
        """The LLM judge's: a batch changes the price, not the answer."""
        return self._judge.identity

    @property
    def prompt_version(self) -> str:
        """The LLM judge's."""
        return self._judge.prompt_version

    @property
    def bundles(self) -> bool:
        """Whether several rubrics are asked in one request."""
        return self._judge.bundles

    def rubric_hash(self, rubric: Rubric) -> str:
        """The LLM judge's."""
        return self._judge.rubric_hash(rubric)

    def view(self, trace: Trace) -> Trace:
        """The LLM judge's."""
        return self._judge.view(trace)

    async def request(self, trace: Trace, rubrics: Sequence[Rubric]) -> dict[str, Any] | None:
        """The body of the request that asks about a trace; None where the judge would need several.

        Raises:
            JudgeUnusable: no request can be made for this model.
        """
        shown = self.view(trace)
        self._judge.splice.put(None)
        try:
            await self._judge.answer_together(shown, rubrics)
        except _WouldCall as would:
            call = would.arguments
            return self._provider.body(call) if _shows_all(call["messages"], shown) else None
        raise AssertionError("unreachable: the judge answers nothing without a call")

    async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
        """What the reply at hand says; raises as the LLM judge does, but never that it is unusable."""
        return (await self.answer_together(trace, [rubric]))[rubric.id]

    async def answer_together(self, trace: Trace, rubrics: Sequence[Rubric]) -> Mapping[str, Answers]:
        """What the reply at hand says to several rubrics."""
        reply = self.reply
        assert reply is not None  # noqa: S101 (whoever asks puts a reply first)
        try:
            self._judge.splice.put(self._response(reply))
            answers = await self._judge.answer_together(trace, rubrics)
        except Fault as fault:
            raise JudgementFailed(fault.kind, fault.reason) from fault
        except JudgementFailed as failed:
            failed.ledger = _in_batch(failed.ledger, reply.seconds)
            raise
        return {
            name: a.model_copy(update={"ledger": _in_batch(a.ledger, reply.seconds), "latency_s": reply.seconds})
            for name, a in answers.items()
        }

    def _response(self, reply: Reply) -> Any:
        if reply.body is None or reply.status != 200:
            raise self._provider.fault(reply.status, reply.problem or "the batch holds no answer")
        return self._provider.response(reply.body)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._judge.aclose()


def _in_batch(ledger: Ledger, seconds: float) -> Ledger:
    return tuple(call.model_copy(update={"batch": True, "latency_s": seconds}) for call in ledger)


def _shows_all(messages: Sequence[prompt.Message], shown: Trace) -> bool:
    """Whether the whole trace is asked about, not one window of it."""
    text = "\n".join(_text(message.get("content")) for message in messages)
    return prompt.trace_block(shown) in text


def _text(content: object) -> str:
    return "\n".join(str(part.get("text", "")) for part in content) if isinstance(content, list) else str(content or "")


class _WouldCall(Exception):
    """litellm would be called now."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        super().__init__("a call")


class _Splice:
    """litellm, but for the call itself: that one ends here, or has been answered."""

    def __init__(self, litellm: Any) -> None:
        self._litellm = litellm
        self._response: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._litellm, name)

    def put(self, response: Any) -> None:
        """Answer the next call so; None tells what it would be instead."""
        self._response = response

    async def acompletion(self, **arguments: Any) -> Any:
        """What is put, once."""
        response, self._response = self._response, None
        if response is None:
            raise _WouldCall(arguments)
        return response


class _SplicedJudge(LLMJudge):
    """The LLM judge over a splice."""

    def __init__(self, spec: str, settings: LLMSettings, *, bundle: Sequence[Rubric] = ()) -> None:
        from cotjudge.judges.litellm_door import load

        super().__init__(spec, settings, bundle=bundle)
        self.splice = _Splice(load())

    def _loaded(self) -> Model:
        model = super()._loaded()
        model._litellm = self.splice  # noqa: SLF001 (our own model's, and the point of this class)
        return model
