"""The judge that asks a decision endpoint: a probability per criterion, for a fraction of an LLM's price.

It gives no rationale and no quotes, so nothing of what it says can be checked against the trace; its verdicts say so
(`quoted` is False). Good as the first tier of a cascade.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cotjudge import windows
from cotjudge.answer import Answers
from cotjudge.errors import BudgetReached, JudgementFailed, SettingsError
from cotjudge.judges import litellm_door, predicates
from cotjudge.judges.decisions_door import Decided, DecisionModel
from cotjudge.judges.faults import Fault, UnreadableReply
from cotjudge.judges.ledger import total, wasted
from cotjudge.judges.llm_settings import RESERVED, LLMSettings
from cotjudge.judges.means import Means
from cotjudge.judges.predicates import Predicates
from cotjudge.judges.retrying import retrying
from cotjudge.judges.sitting import OVERLAP
from cotjudge.redaction import Redactor
from cotjudge.rubric import ExtraField, Rubric
from cotjudge.trace import Trace
from cotjudge.verdict import Call, FailureKind, Usage

_SAYS_NOTHING_TO_THE_MODEL = frozenset({"extra_headers", "headers", "metadata", "user"})
_EXCERPT = 160


class DecisionsJudge:
    """A judge that asks a decision endpoint through litellm; implements `cotjudge.judges.base.Judge`.

    Args:
        model: litellm's model string, such as `perplexity/pplx-decider-latest`.
        settings: how to ask. Of no consequence here: `temperature`, `max_output_tokens`, `seed`, `structured`,
            `samples`, `shots`, `wording`, `logprobs` and `cache_prefix`, which a decision endpoint does not take.
        means: the money and limits it shares with other judges.
        name: what the user calls it.

    Raises:
        SettingsError: no model, `params` names a parameter that is the judge's own business, or a bad `redact`.
    """

    notice = "decisions: no rationale and no quotes; its verdicts rest on probabilities alone"

    def __init__(
        self, model: str, settings: LLMSettings | None = None, *, means: Means | None = None, name: str = ""
    ) -> None:
        if not model.strip():
            raise SettingsError("--judge decisions: names no model; use decisions:PROVIDER/MODEL")
        self.spec = name or f"decisions:{model}"
        self.settings = settings or LLMSettings()
        taken = sorted(RESERVED & set(self.settings.params))
        if taken:
            raise SettingsError(f"params: {', '.join(taken)} cannot be set here; keys come from the environment")
        self._name = model
        self._means = means or Means()
        self._redactor = None if self.settings.redact is None else Redactor(self.settings.redact)
        self._model: DecisionModel | None = None
        self._loading = threading.Lock()
        self._predicates: dict[str, Predicates] = {}

    @property
    def prompt_version(self) -> str:
        """Hash over the templates of its questions."""
        return predicates.version()

    @property
    def identity(self) -> Mapping[str, Any]:
        """The model, its parameters, how probabilities become answers, how a trace is cut and masked."""
        s = self.settings
        params = {name: value for name, value in s.params.items() if name not in _SAYS_NOTHING_TO_THE_MODEL}
        return {
            "judge": "decisions",
            "model": self._name,
            "params": params,
            "sure": predicates.SURE,
            "window_tokens": s.window_tokens,
            "redact": self._redactor.version if self._redactor else None,
        }

    def rubric_hash(self, rubric: Rubric) -> str:
        """Hash of the rubric without cues and examples, which the questions do not show."""
        return rubric.question_hash

    def view(self, trace: Trace) -> Trace:
        """The trace as it is sent: with private text masked, where the settings say so."""
        return self._redactor.view(trace) if self._redactor else trace

    def warm(self) -> None:
        """Import the libraries (seconds of CPU); call it in a thread while other work goes on.

        Raises:
            SettingsError: the `llm` extra is not installed.
            JudgeUnusable: the provider has no decision endpoint, or nothing says where it is.
        """
        self._loaded()

    def _loaded(self) -> DecisionModel:
        with self._loading:
            if self._model is None:
                s = self.settings
                self._model = DecisionModel(
                    self._name, api_base=s.api_base, timeout_s=s.timeout_s, params=s.params, price=s.price
                )
            return self._model

    async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
        """Answer a rubric about a trace; one that the model's context has no room for is judged in windows.

        Raises:
            JudgementFailed: this one judgement could not be had.
            JudgeUnusable: the provider has no decision endpoint, the key is refused, the model unknown or the account empty.
            BudgetReached: the next call could cost more than is left.
            SettingsError: the `llm` extra is not installed.
        """
        model = self._model
        if model is None:
            model = await asyncio.to_thread(self._loaded)
        asked = self._predicates.setdefault(rubric.question_hash, Predicates(rubric))
        deciding = _Deciding(model, self.settings, self._means, self._name, rubric, asked)
        return await deciding.answers(self._windows(self.view(trace), model, asked))

    def _windows(self, shown: Trace, model: DecisionModel, asked: Predicates) -> tuple[Trace, ...]:
        limit = self.settings.window_tokens
        if limit is None and model.context_tokens:
            limit = max(1, model.context_tokens - asked.tokens)
        if not limit:
            return (shown,)
        return windows.windows(shown, limit_tokens=limit, overlap_tokens=int(limit * OVERLAP))

    async def aclose(self) -> None:
        """Let go of connections."""
        if self._model is not None:
            await litellm_door.aclose()


class _Deciding:
    """One judgement under way: its calls, the tries, and what they cost."""

    def __init__(
        self,
        model: DecisionModel,
        settings: LLMSettings,
        means: Means,
        name: str,
        rubric: Rubric,
        asked: Predicates,
    ) -> None:
        self._model = model
        self._settings = settings
        self._means = means
        self._name = name
        self._rubric = rubric
        self._asked = asked
        self._ledger: list[Call] = []

    async def answers(self, shown: tuple[Trace, ...]) -> Answers:
        """Judge every window and make one of them."""
        try:
            parts = [await self._window(window) for window in shown]
        except Fault as fault:
            if fault.holds_for_all:
                raise self._model.unusable(fault) from fault
            raise self._failed(fault.kind, fault.reason) from fault
        except BudgetReached as reached:
            ledger = wasted(self._ledger)
            raise BudgetReached(str(reached), total(ledger), ledger) from reached
        combined = windows.combine(self._rubric, parts, shown)
        return combined.model_copy(update={"rationale": ""})  # which would name the windows, and say nothing of them

    async def _window(self, window: Trace) -> Answers:
        text, begun, started = self._asked.input(window), len(self._ledger), time.perf_counter()
        for asks_left in range(self._settings.reasks, -1, -1):
            try:
                decided: Decided = await retrying(self._settings)(self._call, text)
                criteria, met = self._asked.read(self._answered(decided))
            except UnreadableReply as error:
                self._write_off()
                if not asks_left:
                    times = 1 + self._settings.reasks
                    raise self._failed("unparseable", f"no usable reply in {times} asks: {error}") from error
            else:
                ledger = tuple(self._ledger[begun:])
                return Answers(
                    rationale="",
                    criteria=criteria,
                    fields={name: _unknown(field) for name, field in self._rubric.fields.items()},
                    usage=total(ledger),
                    latency_s=time.perf_counter() - started,
                    ledger=ledger,
                    quoted=False,
                    probabilities=met,
                    score_kind="decisions",
                )
        raise AssertionError("unreachable: the last ask returns or raises")

    async def _call(self, text: str) -> Decided:
        tokens = windows.tokens(text) + self._asked.question_tokens
        async with self._means.pace(self._name).turn(tokens):
            hold = await self._means.purse.reserve(self._model.most_usd(tokens, len(self._asked.questions)))
            started = time.perf_counter()
            try:
                decided = await self._model.decide(text, self._asked.questions)
                hold.settle(decided.usage.cost_usd)
            except UnreadableReply:
                hold.settle(None)
                self._book(
                    Usage(calls=1, cost_usd=None), started
                )  # litellm lets nothing of it through, not even tokens
                raise
            finally:
                hold.release()
            self._book(decided.usage, started)
            return decided

    def _book(self, usage: Usage, started: float) -> None:
        latency_s = time.perf_counter() - started
        now = datetime.now(UTC)
        self._ledger.append(Call(model=self._name, outcome="used", usage=usage, latency_s=latency_s, created_at=now))

    def _write_off(self) -> None:
        self._ledger[-1:] = wasted(self._ledger[-1:])

    def _answered(self, decided: Decided) -> list[predicates.Given]:
        given = [g for g in decided.given if g is not None]
        if len(given) < len(self._asked.questions):
            silent = [q["name"] for q, g in zip(self._asked.questions, decided.given, strict=True) if g is None]
            raise self._failed("refused", f"the model gives no answer to {', '.join(silent)}")
        return given

    def _failed(self, kind: FailureKind, reason: str) -> JudgementFailed:
        ledger = wasted(self._ledger)
        return JudgementFailed(kind, " ".join(reason.split())[:_EXCERPT], total(ledger), ledger)


def _unknown(field: ExtraField) -> Any:
    """A field's value where nobody was asked."""
    return {"text": "", "list": []}.get(field.type)
