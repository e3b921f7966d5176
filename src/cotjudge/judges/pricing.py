"""The door to what litellm knows of a model without calling it: its price, its context, how text counts as tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cotjudge.judges import litellm_door

_PER_MILLION = 1e-6
_CL100K = "gpt-4"  # the one tokenizer that litellm ships; for some models (Llama's, say) it would download another


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs."""

    input_usd: float
    """US dollars for one input token that no cache holds."""
    output_usd: float
    """US dollars for one output token."""

    def of(self, input_tokens: float, output_tokens: float) -> float:
        """US dollars for so many tokens."""
        return input_tokens * self.input_usd + output_tokens * self.output_usd


def price(model: str, given: tuple[float, float] | None = None, *, batch: bool = False) -> Price | None:
    """What a model costs, by litellm's table; None where it has no price.

    Args:
        model: litellm's model string.
        given: US dollars for a million input and a million output tokens, which then count instead of the table's.
        batch: the price through the provider's batch interface; half, where the table names none.
    """
    if given is not None:
        full = Price(given[0] * _PER_MILLION, given[1] * _PER_MILLION)
        return Price(full.input_usd / 2, full.output_usd / 2) if batch else full
    entry = _entry(model)
    if entry.get("input_cost_per_token") is None:
        return None
    return Price(_cost(entry, "input", batch=batch), _cost(entry, "output", batch=batch))


def _cost(entry: Mapping[str, Any], side: str, *, batch: bool) -> float:
    full = float(entry.get(f"{side}_cost_per_token") or 0.0)
    if not batch:
        return full
    reduced = entry.get(f"{side}_cost_per_token_batches")
    return full / 2 if reduced is None else float(reduced)


def room(model: str, max_output_tokens: int) -> int | None:
    """How many tokens of prompt fit beside a whole answer, by litellm's table; None where it does not say."""
    context, longest = (_entry(model).get(name) for name in ("max_input_tokens", "max_output_tokens"))
    if not isinstance(context, int):
        return None
    return max(0, context - min(max_output_tokens, longest if isinstance(longest, int) else max_output_tokens))


def thinks(model: str, params: Mapping[str, Any]) -> bool:
    """Whether a model is expected to spend output tokens on reasoning of its own before it answers.

    Args:
        model: litellm's model string.
        params: litellm parameters that it is called with.
    """
    effort = params.get("reasoning_effort")
    if effort is not None or "thinking" in params:
        return effort not in ("none", "disable", "minimal")
    unasked = "claude" not in model  # Claude reasons only where it is told to
    return unasked and bool(_entry(model).get("supports_reasoning"))


def count(text: str) -> int:
    """Tokens of a text by cl100k, which litellm ships: never a download, and near enough for every model's price."""
    return int(litellm_door.load().token_counter(model=_CL100K, text=text))


@lru_cache(maxsize=64)
def _entry(model: str) -> Mapping[str, Any]:
    litellm = litellm_door.load()
    try:
        key = litellm.get_model_info(model)["key"]
    except Exception:  # noqa: BLE001 (litellm raises a bare Exception for a model it has not heard of)
        return {}
    entry: Mapping[str, Any] = litellm.model_cost.get(key, {})
    return entry
