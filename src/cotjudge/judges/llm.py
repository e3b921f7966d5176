"""The LLM judge: any model litellm knows, asked for a schema-bound answer."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast
from weakref import WeakValueDictionary

from cotjudge import prompt
from cotjudge.answer import Answers
from cotjudge.errors import JudgeUnusable, SettingsError
from cotjudge.judges import instructor_door, litellm_door
from cotjudge.judges.asking import Question
from cotjudge.judges.litellm_door import Format, Model
from cotjudge.judges.llm_settings import RESERVED, LLMSettings
from cotjudge.judges.means import Means
from cotjudge.judges.sitting import Equipment, Sitting, Window
from cotjudge.redaction import Redactor
from cotjudge.rubric import Rubric
from cotjudge.trace import Trace

__all__ = ["LLMJudge", "LLMSettings"]

_SAYS_NOTHING_TO_THE_MODEL = frozenset({"extra_headers", "headers", "metadata", "user"})


class LLMJudge:
    """A judge that asks an LLM through litellm; implements `cotjudge.judges.base.BundleJudge`.

    Args:
        model: any litellm model string, such as `openai/gpt-5-mini`.
        settings: how to ask.
        means: money and limits, shared with the other judges of a run; without a budget and adaptive by default.
        bundle: rubrics to be asked together in every call; each is asked by itself where there are none.
        name: what the user calls the judge; the model string where empty.

    Raises:
        SettingsError: `params` names a parameter that is the judge's own business, or `redact` holds a bad pattern.
    """

    def __init__(
        self,
        model: str,
        settings: LLMSettings | None = None,
        *,
        means: Means | None = None,
        bundle: Sequence[Rubric] = (),
        name: str = "",
    ) -> None:
        self.spec = name or model
        self.model = model
        self.settings = settings or LLMSettings()
        taken = sorted(RESERVED & set(self.settings.params))
        if taken:
            raise SettingsError(f"params: {', '.join(taken)} cannot be set here; keys come from the environment")
        self._means = means or Means()
        self.bundle = tuple(bundle)
        self._redactor = None if self.settings.redact is None else Redactor(self.settings.redact)
        self._redacted: WeakValueDictionary[int, Trace] = WeakValueDictionary()
        self._equipment: Equipment | None = None
        self._loading = threading.Lock()
        self._questions: dict[tuple[tuple[str, ...], Format], Question] = {}

    @property
    def prompt_version(self) -> str:
        """Hash over the prompt's templates."""
        s = self.settings
        return prompt.version(prompt.templates(shots=s.shots, bundle=self.bundles, wording=s.wording))

    @property
    def bundles(self) -> bool:
        """Whether it asks its rubrics together."""
        return bool(self.bundle)

    @property
    def notice(self) -> str:
        """One line on settings that defeat each other; empty if there is nothing to say."""
        s = self.settings
        temperature = s.params.get("temperature", s.temperature)
        if s.samples > 1 and temperature == 0 and s.seed is None:
            return f"{s.samples} samples at temperature 0 will hardly differ; --param temperature=0.7"
        return ""

    @property
    def identity(self) -> Mapping[str, Any]:
        """The model and the parameters that can change its answers.

        Not where it is served, what it costs or time limits, and not the room for an answer: one that does not fit
        is a failure, not another answer. What is left as it is by default is left out: verdicts stored before there
        was such a setting stay valid.
        """
        s = self.settings
        params = {name: value for name, value in s.params.items() if name not in _SAYS_NOTHING_TO_THE_MODEL}
        return {
            "judge": "llm",
            "model": self.model,
            "temperature": s.temperature,
            "seed": s.seed,
            "structured": s.structured,
            "params": params,
            **{name: value for name, value in self._uncommon().items() if value is not None},
        }

    def _uncommon(self) -> dict[str, Any]:
        s = self.settings
        return {
            "samples": s.samples if s.samples > 1 else None,
            "shots": s.shots or None,
            "logprobs": s.logprobs or None,
            "window_tokens": s.window_tokens,
            "redact": self._redactor.version if self._redactor else None,
            "bundle": [self.rubric_hash(rubric) for rubric in self.bundle] or None,
        }

    def rubric_hash(self, rubric: Rubric) -> str:
        """Hash of the rubric without cues, which the prompt does not show, and without examples unless it is to."""
        if not self.settings.shots:
            return rubric.question_hash
        examples = (example.model_dump_json() for example in prompt.worked_examples(rubric, self.settings.shots))
        return hashlib.blake2b("\0".join([rubric.question_hash, *examples]).encode(), digest_size=16).hexdigest()

    def warm(self) -> None:
        """Import the libraries (seconds of CPU); call it in a thread while other work goes on.

        Raises:
            SettingsError: the `llm` extra is not installed.
            JudgeUnusable: the model string names no provider.
        """
        self._loaded()

    def _loaded(self) -> Model:
        with self._loading:
            if self._equipment is None:
                self._equipment = self._equip()
            return self._equipment.model

    def _equip(self) -> Equipment:
        s = self.settings
        instructor_door.load()
        model = Model(
            self.model,
            api_base=s.api_base,
            timeout_s=s.timeout_s,
            params=self._parameters(),
            structured=s.structured,
            price=s.price,
            logprobs=s.logprobs,
        )
        if self._means.purse.budget_usd is not None and not model.priced:
            raise JudgeUnusable(
                f"{self.model}: a budget needs a price, and litellm's table has none for this model; "
                "give it in US dollars for a million tokens with --param price=[IN,OUT]"
            )
        return Equipment(
            model=model,
            settings=s,
            means=self._means,
            window=Window(model, s.window_tokens),
            question=self._question,
            mark_cache=s.cache_prefix and model.takes_cache_marks and self._asks_again,
        )

    @property
    def _asks_again(self) -> bool:
        """Whether a trace may well be asked about more than once; else its place in a cache is paid for in vain."""
        return not self.bundle or self.settings.samples > 1

    def _parameters(self) -> dict[str, Any]:
        s = self.settings
        given = {"temperature": s.temperature, "max_tokens": s.max_output_tokens, "seed": s.seed}
        return {name: value for name, value in given.items() if value is not None} | s.params

    def view(self, trace: Trace) -> Trace:
        """The trace as the model is shown it: redacted, if that is set."""
        if self._redactor is None or self._redacted.get(id(trace)) is trace:
            return trace
        view = self._redactor.view(trace)
        self._redacted[id(view)] = view
        return view

    async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
        """Answer a rubric about a trace.

        Raises:
            JudgementFailed: this one judgement could not be had.
            JudgeUnusable: the key is refused, the model unknown or the account empty.
            BudgetReached: the next call could cost more than is left.
            SettingsError: the `llm` extra is not installed.
        """
        return (await self.answer_together(trace, (rubric,)))[rubric.id]

    async def answer_together(self, trace: Trace, rubrics: Sequence[Rubric]) -> Mapping[str, Answers]:
        """Answer several rubrics about a trace: rubric id -> answers. Raises as `answer` does.

        A judge that bundles puts its whole bundle into every prompt, whichever rubrics are wanted: what stands
        beside a rubric may change its answer. Those wanted share the cost.
        """
        if self._equipment is None:
            await asyncio.to_thread(self._loaded)
        equipment = cast("Equipment", self._equipment)
        shown = self.view(trace)
        if self.bundle:
            return await Sitting(equipment, shown, self.bundle, rubrics).answers()
        answers: dict[str, Answers] = {}
        for rubric in rubrics:
            answers |= await Sitting(equipment, shown, (rubric,), (rubric,)).answers()
        return answers

    def _question(self, rubrics: Sequence[Rubric], format: Format) -> Question:  # noqa: A002 (the word used everywhere)
        key = (tuple(rubric.content_hash for rubric in rubrics), format)
        if key not in self._questions:
            s = self.settings
            asked = Question(rubrics, format, together=self.bundles, shots=s.shots, wording=s.wording)
            self._questions[key] = asked
        return self._questions[key]

    async def aclose(self) -> None:
        """Let go of connections."""
        if self._equipment is not None:
            await litellm_door.aclose()
