"""How the LLM judge asks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cotjudge.prompt import Wording
from cotjudge.trace import Value

RESERVED = frozenset({
    "api_base", "api_key", "base_url", "callbacks", "failure_callback", "fallbacks", "max_retries", "messages",
    "mock_response", "model", "n", "num_retries", "response_format", "stream", "success_callback", "timeout", "tools",
})  # fmt: skip
"""litellm parameters that are the judge's own business and may not stand in `LLMSettings.params`."""


class LLMSettings(Value):
    """How the LLM judge asks; what can change an answer is part of the judge's identity."""

    api_base: str | None = None
    """Where the model is served, for a server of one's own; never part of the identity."""
    temperature: float | None = 0.0
    """Sampling temperature; None sends none. A model that takes none is not sent one."""
    max_output_tokens: Annotated[int, Field(gt=0)] = 8192
    """Room for the answer, a reasoning model's own reasoning included. A reply that needs more is a failure."""
    seed: int | None = None
    """Sampling seed, for providers that take one."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Further litellm parameters (`reasoning_effort`, `top_p`, ...); part of the identity. Keys come from the environment."""
    structured: Literal["auto", "json_schema", "json_object", "text"] = "auto"
    """How the provider is told the reply's schema; auto takes the strictest way it knows."""
    samples: Annotated[int, Field(ge=1)] = 1
    """Draws of one answer; the label that most of them give counts. With a seed, draw i is sent seed + i."""
    shots: Annotated[int, Field(ge=0)] = 0
    """How many of a rubric's worked examples the prompt shows."""
    wording: Wording = ""
    """Which paraphrase of the prompt is sent (`brief`, `formal`); it is there to see how far a judge depends on it."""
    logprobs: bool = False
    """Whether the score is made of the log-probabilities of the answers, for models that give them."""
    window_tokens: Annotated[int, Field(ge=0)] | None = None
    """Tokens of trace that are judged at a time, by a quick upper estimate; a longer trace is judged in windows. None:
    what the model's context has room for by litellm's table, the whole trace where the table has none. 0: never cut."""
    redact: tuple[str, ...] | None = None
    """Whether emails, keys and phone numbers are masked before a trace is sent, and regular expressions (RE2) of what
    else is; None masks nothing."""
    price: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]] | None = None
    """US dollars for a million input and a million output tokens, for a model that litellm's table does not price, or
    not as you pay; never part of the identity."""
    cache_prefix: bool = True
    """Whether a provider that has to be told what to cache (Anthropic's models) is told to keep the trace; writing its
    cache costs a quarter more, so it is a loss where a trace is asked about only once. Never part of the identity."""
    timeout_s: Annotated[float, Field(gt=0)] = 300.0
    """Seconds to wait for one answer."""
    reasks: Annotated[int, Field(ge=0)] = 2
    """How often an unusable answer is asked again, with what was wrong with it."""
    retries: Annotated[int, Field(ge=0)] = 5
    """How often a call is tried again after 429, 5xx, a timeout or a broken connection."""
    first_wait_s: Annotated[float, Field(ge=0)] = 1.0
    """Upper bound of the first pause between tries; doubles each time. A Retry-After is honoured instead."""
    longest_wait_s: Annotated[float, Field(ge=0)] = 60.0
    """The longest pause; a provider that asks for a longer one fails the judgement at once."""
