"""What the fake LLM is told to do, request by request."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, get_args

from pydantic import Field

from cotjudge.trace import Value

Outcome = Literal[
    "ok",
    "malformed_json",
    "wrong_schema",
    "empty",
    "refusal",
    "refusal_text",
    "content_filter",
    "truncated",
    "unauthorized",
    "forbidden",
    "no_credit",
    "unknown_model",
    "over_context",
    "bad_request",
    "rate_limited",
    "server_error",
    "overloaded",
    "slow",
    "reset",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""Every way a request can end."""


class Script(Value):
    """What the fake LLM does with the requests it gets."""

    first: tuple[Outcome, ...] = ()
    """Outcomes of the first requests, in order of arrival; after them `mix` decides."""
    mix: dict[Outcome, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """Outcome -> share of requests that get it; the rest is `ok`."""
    answers: dict[str, str] = Field(default_factory=dict)
    """Criterion -> choice that a valid answer gives it; the others are drawn from the prompt's hash."""
    content: str | None = None
    """Text that `ok` answers with, instead of an answer made from the schema."""
    latency_s: Annotated[float, Field(ge=0)] = 0.0
    """Seconds before any answer."""
    slow_s: Annotated[float, Field(ge=0)] = 30.0
    """Seconds that `slow` takes on top."""
    retry_after_s: float | None = 0.05
    """Retry-After of `rate_limited` and `overloaded`; None sends none."""
    formats: tuple[str, ...] = ("json_schema", "json_object", "text")
    """Types of response_format the server knows; another gets a 400."""
    reasoning_tokens: Annotated[int, Field(ge=0)] = 0
    """Reasoning tokens every answer claims."""
    cached_tokens: Annotated[int, Field(ge=0)] = 0
    """Cached prompt tokens every answer claims."""
    prefix_cache: bool = False
    """Whether prompts that begin like earlier ones claim cached tokens for that, as a provider's cache would."""
    weights: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Criterion -> choice -> probability, for requests that ask for log-probabilities; other answers are certain."""
    seed: int = 0
    """Another seed, another draw from `mix`."""

    def outcome(self, *, arrival: int, prompt_hash: str, asked_before: int) -> Outcome:
        """What happens to one request.

        Args:
            arrival: how many requests came before it.
            prompt_hash: hash of its messages.
            asked_before: how many of those had the same messages, so that a retry draws anew.
        """
        if arrival < len(self.first):
            return self.first[arrival]
        draw = _share(f"{self.seed}/{asked_before}/{prompt_hash}")
        for outcome, share in self.mix.items():
            draw -= share
            if draw < 0:
                return outcome
        return "ok"


def _share(text: str) -> float:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64
