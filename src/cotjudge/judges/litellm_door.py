"""The one door to litellm: a model, called; its answers, prices and failures in our words."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import gc
import logging
import os
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from cotjudge.errors import JudgeUnusable, SettingsError
from cotjudge.judges.faults import Fault, fault_of, secrets_of
from cotjudge.judges.logprobs import Token
from cotjudge.prompt import Message
from cotjudge.verdict import Usage

Format = Literal["json_schema", "json_object", "text"]
"""How a provider is told the shape of the reply, strictest first; `text` only asks for it in the prompt."""

_CALLBACKS = ("callbacks", "input_callback", "success_callback", "failure_callback", "service_callback")
_MARKED_CACHES = frozenset(
    {"anthropic", "azure_ai", "bedrock", "bedrock_converse", "databricks", "openrouter", "vertex_ai"}
)
_ALTERNATIVES = 5
_FIRST_GUESS = 1500
_FEW = 20
_ASYNC_CALLBACKS = ("_async_input_callback", "_async_success_callback", "_async_failure_callback")


@dataclass(frozen=True, slots=True)
class Completion:
    """One answered call."""

    response: Any
    """litellm's ModelResponse."""
    text: str
    """The reply."""
    finish: str
    """stop, length, content_filter ..."""
    refusal: str
    """What the provider's refusal field says; empty without one."""
    usage: Usage
    """What it cost."""
    latency_s: float
    """Seconds until it came."""
    tokens: tuple[Token, ...]
    """The reply's tokens with their log-probabilities, where they were asked for and given."""


class Model:
    """One model behind litellm.

    Args:
        spec: litellm's model string.
        api_base: where it is served, for a server of one's own.
        timeout_s: seconds to wait for an answer.
        params: parameters of every call.
        structured: how to tell the reply's schema; auto leaves it to what is known of the model.
        price: US dollars for a million input and output tokens, where litellm's table is not to be asked.
        logprobs: whether to ask for log-probabilities, of a model that gives them.

    Raises:
        SettingsError: the `llm` extra is not installed.
        JudgeUnusable: the model string names no provider.
    """

    def __init__(
        self,
        spec: str,
        *,
        api_base: str | None,
        timeout_s: float,
        params: Mapping[str, Any],
        structured: Format | Literal["auto"] = "auto",
        price: tuple[float, float] | None = None,
        logprobs: bool = False,
    ) -> None:
        self._litellm = load()
        self.spec = spec
        self._timeout_s = timeout_s
        self._provider = self._find_provider()
        self._arguments = {"model": spec, "timeout": timeout_s, "max_retries": 0, "num_retries": 0, **params}
        self._arguments |= {"drop_params": True}
        if api_base:
            self._arguments |= {"api_base": api_base} | self._placeholder_key()
        self._price = price
        self._info = self._look_up()
        self._entry: Mapping[str, Any] = self._litellm.model_cost.get(self._info.get("key"), {})
        takes = self._litellm.get_supported_openai_params(spec) or ()
        self._formats = list(self._known_formats(takes) if structured == "auto" else (structured,))
        self._logprobs = logprobs and {"logprobs", "top_logprobs"} <= set(takes)
        self._longest_answer = 0
        self._answered = 0

    def _find_provider(self) -> str:
        try:
            return str(self._litellm.get_llm_provider(self.spec)[1])
        except Exception as error:
            raise JudgeUnusable(
                f"{self.spec}: litellm knows no such provider; write PROVIDER/MODEL, such as openai/gpt-5-mini"
            ) from error

    def _missing_keys(self) -> list[str]:
        return list(self._litellm.validate_environment(self.spec)["missing_keys"])

    def _placeholder_key(self) -> dict[str, str]:
        # A server of one's own rarely wants a key, but the OpenAI client refuses to start without one.
        return {"api_key": "none"} if self._provider == "openai" and self._missing_keys() else {}

    def _look_up(self) -> Mapping[str, Any]:
        """What litellm's table says of the model; nothing where it has not heard of it."""
        with contextlib.suppress(Exception):  # litellm raises a bare Exception for a model it has not heard of
            info: Mapping[str, Any] = self._litellm.get_model_info(self.spec)
            return info
        return {}

    def _known_formats(self, takes: Collection[str]) -> tuple[Format, ...]:
        """The formats to try, best first."""
        if "response_format" not in takes:
            return ("text",)
        knows_no_schema = bool(self._entry) and not self._litellm.supports_response_schema(self.spec)
        formats: tuple[Format, ...] = ("json_schema", "json_object", "text")
        return formats[knows_no_schema:]

    # --- what is known of it

    @property
    def priced(self) -> bool:
        """Whether it is known what a call costs."""
        return self._price is not None or "input_cost_per_token" in self._entry

    def price_of(self, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars for a call of so many tokens, none of them cached; None where the price is not known."""
        if self._price:
            return (input_tokens * self._price[0] + output_tokens * self._price[1]) / 1e6
        if not self.priced:
            return None
        parts = self._litellm.cost_per_token(self.spec, prompt_tokens=input_tokens, completion_tokens=output_tokens)
        return float(sum(parts))

    @property
    def room(self) -> int | None:
        """Tokens of prompt that fit beside a whole answer, by litellm's table; None where it does not say."""
        context = self._info.get("max_input_tokens")
        if not isinstance(context, int):
            return None
        return max(0, context - self.most_output)

    @property
    def most_output(self) -> int:
        """Tokens that an answer can take at most."""
        known = (self._arguments.get("max_tokens"), self._info.get("max_output_tokens"))
        return min((n for n in known if isinstance(n, int)), default=_FIRST_GUESS)

    @property
    def likely_output(self) -> int:
        """Tokens that an answer may well take: as many as the longest so far, and while there were few, a guess."""
        guess = _FIRST_GUESS if self._answered < _FEW else 0
        return min(max(self._longest_answer, guess), self.most_output)

    @property
    def takes_cache_marks(self) -> bool:
        """Whether its provider caches what it is told to cache, and only that: Anthropic's models, wherever served."""
        if self._provider not in _MARKED_CACHES or "claude" not in self.spec:
            return False
        return bool(self._litellm.utils.supports_prompt_caching(self.spec))

    @property
    def format(self) -> Format:
        """How a reply's schema is told just now."""
        return self._formats[0]

    def step_down(self, refused: Format) -> bool:
        """Take the next format after the provider refused one; False when there is none left."""
        if self._formats[0] == refused and len(self._formats) > 1:
            del self._formats[0]
        return self._formats[0] != refused

    @property
    def asks_logprobs(self) -> bool:
        """Whether log-probabilities are asked for."""
        return self._logprobs

    def go_without_logprobs(self) -> None:
        """Ask for no log-probabilities any more: the provider refused to give them."""
        self._logprobs = False

    # --- calling it

    async def complete(
        self, messages: list[Message], response_format: Mapping[str, Any] | None, seed: int | None = None
    ) -> Completion:
        """Call the model once.

        Args:
            messages: the conversation.
            response_format: the shape of the reply.
            seed: instead of the seed among its parameters.

        Raises:
            Fault: for whatever the provider or the way to it did wrong.
        """
        asked: dict[str, Any] = {"response_format": response_format} if response_format else {}
        asked |= {"logprobs": True, "top_logprobs": _ALTERNATIVES} if self._logprobs else {}
        asked |= {} if seed is None else {"seed": seed}
        started = time.perf_counter()
        try:
            with _unlogged():
                async with asyncio.timeout(self._timeout_s):
                    response = await self._litellm.acompletion(messages=messages, **self._arguments | asked)
        except TimeoutError as error:
            raise Fault("passing", f"no answer within {self._timeout_s:g} s") from error
        except Exception as error:
            fault = fault_of(error, secrets_of(self._arguments))
            if fault is None:
                raise
            raise fault from error
        return self._completion(response, time.perf_counter() - started)

    def _completion(self, response: Any, latency_s: float) -> Completion:
        if not response.choices:
            raise Fault("passing", "the provider's answer holds no choice")
        choice = response.choices[0]
        fields = choice.message.provider_specific_fields or {}
        return Completion(
            response=response,
            text=choice.message.content or "",
            finish=choice.finish_reason or "",
            refusal=fields.get("refusal") or getattr(choice.message, "refusal", None) or "",
            usage=self._usage(response),
            latency_s=latency_s,
            tokens=_tokens(choice) if self._logprobs else (),
        )

    def _usage(self, response: Any) -> Usage:
        usage = getattr(response, "usage", None)
        cached = getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", None)
        reasoning = getattr(getattr(usage, "completion_tokens_details", None), "reasoning_tokens", None)
        asked: int = getattr(usage, "prompt_tokens", None) or 0
        answered: int = getattr(usage, "completion_tokens", None) or 0
        self._longest_answer = max(self._longest_answer, answered)
        self._answered += 1
        return Usage(
            calls=1,
            input_tokens=asked,
            cached_tokens=cached or 0,
            output_tokens=answered,
            reasoning_tokens=reasoning or 0,
            cost_usd=self._cost(response, asked, answered),
        )

    def _cost(self, response: Any, asked: int, answered: int) -> float | None:
        if self._price or not self.priced:
            return self.price_of(asked, answered)
        cost: float | None = response._hidden_params.get("response_cost")  # noqa: SLF001 (documented by litellm)
        return cost

    def unusable(self, fault: Fault) -> JudgeUnusable:
        """What the user is told when a fault holds for every call."""
        keys = " and ".join(self._missing_keys() or [f"{self._provider.upper()}_API_KEY"])
        advice = {
            "key": f"the key is missing or refused; set {keys}",
            "access": f"the key is not allowed to use this model; check {keys} and the model's name",
            "model": "the provider does not know this model; check its name and --api-base",
            "credit": "the account has no credit left",
            "library": "litellm needs a further library for this provider; install it",
        }
        return JudgeUnusable(f"{self.spec}: {advice[fault.treatment]} (the provider says: {fault.reason})")


def _tokens(choice: Any) -> tuple[Token, ...]:
    content = getattr(getattr(choice, "logprobs", None), "content", None) or ()
    return tuple(Token(_raw(t), t.logprob, {_raw(o): o.logprob for o in t.top_logprobs or ()}) for t in content)


def _raw(token: Any) -> bytes:
    return str(token.token).encode() if token.bytes is None else bytes(token.bytes)


def _complete(litellm: Any) -> None:
    """Build the models of a reply now, rather than at the first reply.

    pydantic warns of one of their fields. litellm silences that by a filter of the process, which is gone where somebody
    resets the filters after the import (pytest does for each test); warnings as errors would then lose every reply.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*`ReadOnly` qualifier")
        for name in ("Message", "Delta", "Choices", "StreamingChoices", "ModelResponse", "ModelResponseStream"):
            getattr(litellm.types.utils, name).model_rebuild()


@cache
def load() -> Any:
    """litellm, imported without a look at the network and told to keep to itself.

    Raises:
        SettingsError: the `llm` extra is not installed.
    """
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    try:
        import litellm
    except ImportError as error:
        raise SettingsError("an LLM judge needs litellm and instructor: pip install 'cotjudge[llm]'") from error
    _complete(litellm)
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    for name in _CALLBACKS + _ASYNC_CALLBACKS:  # traces go to the provider the user named and nowhere else
        setattr(litellm, name, [])
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    gc.freeze()  # half a million objects that stay: every later full collection would walk them all
    atexit.register(gc.unfreeze)  # or DuckDB, imported before, counts its own frozen objects as leaks
    return litellm


def _internal_call() -> contextvars.ContextVar[bool] | None:
    try:
        from litellm._internal_context import is_internal_call
    except ImportError:
        return None
    return is_internal_call


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Spare litellm the payload it builds for callbacks, of which there are none: a sixth of a call's CPU."""
    variable = _internal_call()
    token = variable.set(True) if variable else None
    try:
        yield
    finally:
        if variable and token:
            variable.reset(token)


async def aclose() -> None:
    """Close litellm's connections, which all models share; a later call opens new ones."""
    litellm = load()
    await litellm.close_litellm_async_clients()
    litellm.in_memory_llm_clients_cache.flush_cache()  # which still holds the closed clients
