"""What judging would cost, before anything is sent: calls, tokens and price."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from cotjudge import prompt
from cotjudge.answer import reply_model
from cotjudge.judges import pricing
from cotjudge.judges.llm_settings import LLMSettings
from cotjudge.judges.sitting import OVERLAP, SMALLEST_WINDOW
from cotjudge.rubric import Rubric
from cotjudge.trace import Trace, Value
from cotjudge.windows import BYTES_PER_TOKEN, windows

COUNTED_FIRST = 200
COUNTED_LATER = 100
"""The tokens of the first 200 traces are counted, and of every hundredth later; the rest go by their length."""

RATIONALE_TOKENS = 100
CRITERION_TOKENS = 45
COUNTER_TOKENS = 30
FIELD_TOKENS = 12
THINKING_TOKENS = 1000
"""What an answer is assumed to take where no earlier one tells: a rationale of two to four sentences; an answer and a
short quote for each criterion, with counter-evidence a second one; the extra fields; a model's own reasoning."""

_MARGIN = 0.9  # of a model's room, as the judge has it
_MOST_BYTES = 4  # of a character
_CALL_TOKENS = 8  # what the chat format adds
_HEADER_CHARS = 62  # of a segment in the prompt
_FENCE_CHARS = 70  # around a trace
_COUNTED_CHARS = 50_000  # of one trace: a tokenizer can be slow on text that is none

Cut = Callable[[Trace, Sequence[Rubric]], Sequence[Trace]]
"""How a judge would cut a trace into windows to ask these rubrics about it."""


class Estimate(Value):
    """What judging would cost."""

    judgements: int
    """Judgements still to be made."""
    calls: int
    """Requests they take, if every answer can be used at once."""
    input_tokens: int
    """Prompt tokens."""
    output_tokens: int
    """Completion tokens."""
    cost_usd: float | None
    """US dollars without any discount for cached prompts; None where the price is not known."""
    price_known: bool
    """Whether it is."""
    basis: str
    """What the numbers rest on, in one line."""

    def __add__(self, other: Estimate) -> Estimate:
        known = self.cost_usd is not None and other.cost_usd is not None
        bases = dict.fromkeys(basis for basis in (self.basis, other.basis) if basis)
        return Estimate(
            judgements=self.judgements + other.judgements,
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=(self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
            price_known=self.price_known and other.price_known,
            basis="; ".join(bases),
        )


class Estimator:
    """Adds up what an LLM judge would be asked.

    Args:
        model: litellm's model string.
        settings: how it would be asked.
        bundle: the rubrics of every call, where they are asked together.
        seen: mean output tokens of its earlier answers, for one judgement and call; None without any.
        cut: how it would cut a long trace; by default as an LLM judge does that has learned nothing yet.
        batch: whether it would be asked through the provider's batch interface.

    Raises:
        SettingsError: the `llm` extra is not installed.
    """

    def __init__(
        self,
        model: str,
        settings: LLMSettings,
        bundle: Sequence[Rubric] = (),
        seen: float | None = None,
        *,
        cut: Cut | None = None,
        batch: bool = False,
    ) -> None:
        self._settings = settings
        self._bundle = tuple(bundle)
        self._seen = seen
        self._model = model
        self._cut = cut or self._windows
        self._price = pricing.price(model, settings.price, batch=batch)
        self._thinking = THINKING_TOKENS if pricing.thinks(model, settings.params) else 0
        self._question_tokens: dict[tuple[str, ...], int] = {}
        self._judgements = 0
        self._calls = 0
        self._output = 0.0
        self._traces = 0
        self._input = 0.0  # tokens known; those of traces whose tokens are not counted come by their length:
        self._length = 0
        self._sampled_traces = 0
        self._sampled_tokens = 0
        self._sampled_length = 0

    def add(self, trace: Trace, rubrics: Sequence[Rubric]) -> None:
        """A trace, and the rubrics it is still to be judged by."""
        if not rubrics:
            return
        self._judgements += len(rubrics)
        self._traces += 1
        ratio = self._sample(trace) if self._is_sampled() else None
        whole = _length(trace)
        for asked in [self._bundle] if self._bundle else [(rubric,) for rubric in rubrics]:
            windows = self._cut(trace, asked)
            length = whole if len(windows) == 1 else sum(map(_length, windows))
            self._ask(asked, len(windows) * self._settings.samples)
            if ratio is None:
                self._length += length * self._settings.samples
            else:
                self._input += ratio * length * self._settings.samples

    def _ask(self, asked: Sequence[Rubric], calls: int) -> None:
        self._calls += calls
        self._input += calls * self._question(asked)
        self._output += calls * self._answer(asked)

    def _is_sampled(self) -> bool:
        return self._traces <= COUNTED_FIRST or self._traces % COUNTED_LATER == 0

    def _sample(self, trace: Trace) -> float:
        """Count a trace's tokens; returns how many they are for a character of its length."""
        block = prompt.trace_block(trace)[:_COUNTED_CHARS]
        length = min(_length(trace), _COUNTED_CHARS)
        tokens = pricing.count(block)
        self._sampled_traces += 1
        self._sampled_tokens += tokens
        self._sampled_length += length
        return tokens / length

    def _question(self, asked: Sequence[Rubric]) -> int:
        """Tokens of all that stands before and after the trace; the schema of the answer is billed however it is told."""
        key = tuple(rubric.content_hash for rubric in asked)
        if key not in self._question_tokens:
            schema = orjson.dumps([reply_model(rubric).model_json_schema() for rubric in asked]).decode()
            shots = self._settings.shots
            single = len(asked) == 1 and not self._bundle
            block = prompt.rubric_block(asked[0], shots=shots) if single else prompt.bundle_block(asked, shots=shots)
            self._question_tokens[key] = pricing.count(prompt.template("system") + block + schema) + _CALL_TOKENS
        return self._question_tokens[key]

    def _windows(self, trace: Trace, asked: Sequence[Rubric]) -> Sequence[Trace]:
        limit = self._settings.window_tokens
        if limit is None:
            room = pricing.room(self._model, self._settings.max_output_tokens)
            limit = 0 if room is None else max(SMALLEST_WINDOW, int((room - self._question(asked)) * _MARGIN))
        # Most traces plainly fit, whatever they are written in; measuring each one as the judge does takes far longer.
        if not limit or _length(trace) * _MOST_BYTES <= limit * BYTES_PER_TOKEN:
            return (trace,)
        return windows(trace, limit_tokens=limit, overlap_tokens=int(limit * OVERLAP))

    def _answer(self, asked: Sequence[Rubric]) -> float:
        if self._seen is not None:
            return min(self._seen * len(asked), self._settings.max_output_tokens)
        return min(self._thinking + sum(map(_answer_tokens, asked)), self._settings.max_output_tokens)

    def result(self) -> Estimate:
        """The estimate so far."""
        ratio = self._sampled_tokens / self._sampled_length if self._sampled_length else 0.0
        inputs, outputs = round(self._input + self._length * ratio), round(self._output)
        return Estimate(
            judgements=self._judgements,
            calls=self._calls,
            input_tokens=inputs,
            output_tokens=outputs,
            cost_usd=self._price.of(inputs, outputs) if self._price else None,
            price_known=self._price is not None,
            basis=self._basis(ratio) if self._calls else "",
        )

    def _basis(self, ratio: float) -> str:
        counted = f"{self._sampled_traces:,} of {self._traces:,} traces"
        inputs = f"input tokens by cl100k from {counted} ({ratio:.3f} a character)"
        each = f"{self._output / self._calls:,.0f} a call"
        if self._seen is not None:
            outputs = f"output tokens as in earlier answers ({each})"
        else:
            thinking = f", {THINKING_TOKENS:,} of it for reasoning" if self._thinking else ""
            outputs = f"output tokens assumed ({each}{thinking})"
        return f"{inputs}; {outputs}; every answer usable at once, no prompt from a cache"


def _length(trace: Trace) -> int:
    """Characters that a trace takes in the prompt, nearly."""
    return sum(len(segment.text) + _HEADER_CHARS for segment in trace.segments) + _FENCE_CHARS


def _answer_tokens(rubric: Rubric) -> int:
    each = CRITERION_TOKENS + COUNTER_TOKENS * rubric.counter_evidence
    return RATIONALE_TOKENS + each * len(rubric.criteria) + FIELD_TOKENS * len(rubric.fields)
