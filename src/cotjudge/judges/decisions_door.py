"""litellm's decision endpoints: one call, its probabilities, its price and its failures in our words.

Nine of litellm's providers have one (asked for by name at run time). OpenAI's speaks `POST /v1/decisions` with a list
of questions; the others the System One format, `POST /v1/systemone` and the like, with questions by name. litellm
translates; it sends the model, the text and the questions and nothing else, so sampling parameters do not arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cotjudge.errors import JudgeUnusable
from cotjudge.judges import litellm_door
from cotjudge.judges.faults import Fault, UnreadableReply, fault_of, secrets_of
from cotjudge.judges.predicates import Given
from cotjudge.verdict import Usage

_ANSWER_TOKENS = 16
"""Output tokens a question may cost at most; the endpoints that bill output at all bill a token or two."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One answered call."""

    given: tuple[Given | None, ...]
    """What it says to each question, in order; None where it gives no answer."""
    usage: Usage
    """What it cost."""


class DecisionModel:
    """One model behind a decision endpoint.

    Args:
        spec: litellm's model string.
        api_base: where it is served, for a server of one's own.
        timeout_s: seconds to wait for an answer.
        params: further arguments of every call; of no consequence but for headers and how to sign requests.
        price: US dollars for a million input and output tokens, where litellm's table is not to be asked.

    Raises:
        SettingsError: the `llm` extra is not installed.
        JudgeUnusable: the provider has no decision endpoint, or nothing says where it is.
    """

    def __init__(
        self,
        spec: str,
        *,
        api_base: str | None,
        timeout_s: float,
        params: Mapping[str, Any],
        price: tuple[float, float] | None = None,
    ) -> None:
        self._litellm = litellm_door.load()
        self._spec = spec
        self._timeout_s = timeout_s
        self._price = price
        model, self._provider, key, base = self._whose(api_base)
        self._endpoint = self._find_endpoint(model)
        if self._endpoint.resolve_api_base(base or api_base) is None:
            raise JudgeUnusable(f"{spec}: {self._endpoint.missing_api_base_message(self._provider)}; or use --api-base")
        self._arguments = {"model": spec, "timeout": timeout_s, "max_retries": 0, "num_retries": 0, **params}
        if api_base:
            # A server of one's own rarely wants a key, but litellm refuses to call some providers without one.
            needs_none = self._endpoint.api_key_required and not self._endpoint.resolve_api_key(key)
            self._arguments |= {"api_base": api_base} | ({"api_key": "none"} if needs_none else {})
        self._entry = self._look_up()

    def _whose(self, api_base: str | None) -> tuple[str, str, str | None, str | None]:
        try:
            model, provider, key, base = self._litellm.get_llm_provider(self._spec, api_base=api_base)
        except Exception as error:
            raise JudgeUnusable(f"{self._spec}: litellm knows no such provider; {_ADVICE}{_known()}") from error
        return model, provider, key, base

    def _find_endpoint(self, model: str) -> Any:
        from litellm.types.utils import LlmProviders
        from litellm.utils import ProviderConfigManager

        if self._provider not in {provider.value for provider in LlmProviders}:
            endpoint = None
        else:
            provider = LlmProviders(self._provider)
            endpoint = ProviderConfigManager.get_provider_decisions_config(model=model, provider=provider)
        if endpoint is None:
            raise JudgeUnusable(f"{self._spec}: {self._provider} has no decision endpoint; {_ADVICE}{_known()}")
        try:
            endpoint.canonical_model(model)
        except ValueError as error:
            raise JudgeUnusable(f"{self._spec}: {error}") from error
        return endpoint

    def _look_up(self) -> Mapping[str, Any]:
        try:
            entry: Mapping[str, Any] = self._litellm.get_model_info(self._spec)
        except Exception:  # noqa: BLE001 (litellm raises a bare Exception for a model it has not heard of)
            return {}
        return entry

    @property
    def context_tokens(self) -> int | None:
        """Tokens the model reads at most, by litellm's table; None where it does not say."""
        most = self._entry.get("max_input_tokens")
        return int(most) if most else None

    def most_usd(self, tokens: int, questions: int) -> float | None:
        """What a call can cost at most; None where the price is not known.

        Args:
            tokens: of the text and the questions.
            questions: how many are asked.
        """
        each = self._each()
        return None if each is None else tokens * each[0] + questions * _ANSWER_TOKENS * each[1]

    def _each(self) -> tuple[float, float] | None:
        """US dollars for one input and one output token; None where they are not known."""
        if self._price:
            return self._price[0] / 1e6, self._price[1] / 1e6
        read, written = self._entry.get("input_cost_per_token"), self._entry.get("output_cost_per_token")
        return None if read is None else (read, written or 0.0)

    async def decide(self, text: str, questions: Sequence[Mapping[str, Any]]) -> Decided:
        """Put questions about a text to the model once.

        Raises:
            Fault: for whatever the provider or the way to it did wrong.
            UnreadableReply: the answer is not of the form of a decision.
        """
        try:
            with litellm_door._unlogged():  # noqa: SLF001 (the other half of the same door)
                async with asyncio.timeout(self._timeout_s):
                    response = await self._litellm.adecisions(input=text, questions=questions, **self._arguments)
        except TimeoutError as error:
            raise Fault("passing", f"no answer within {self._timeout_s:g} s") from error
        except Exception as error:
            fault = fault_of(error, secrets_of(self._arguments))
            if fault is None:
                raise
            if fault.worth_retrying and _was_answered(error):
                raise UnreadableReply(fault.reason) from error
            raise fault from error
        return Decided(tuple(map(_given, response.answers)), self._usage(response))

    def _usage(self, response: Any) -> Usage:
        usage = response.usage
        return Usage(
            calls=1,
            input_tokens=usage.input_tokens,
            cached_tokens=usage.input_tokens_details.cached_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.output_tokens_details.reasoning_tokens,
            cost_usd=self._cost(response),
        )

    def _cost(self, response: Any) -> float | None:
        usage, each = response.usage, self._each()
        told = response.hidden_params.get("response_cost")  # by litellm's table, or by the provider's own word
        if told and not self._price:
            return float(told)
        if each is None or not usage.input_tokens:  # an answer that does not tell its tokens has no known price
            return None
        return float(usage.input_tokens * each[0] + usage.output_tokens * each[1])

    def unusable(self, fault: Fault) -> JudgeUnusable:
        """What the user is told when a fault holds for every call."""
        keys = " or ".join(self._endpoint.api_key_env) or f"{self._provider.upper()}_API_KEY"
        advice = {
            "key": f"the key is missing or refused; set {keys}",
            "access": f"the key is not allowed to use this model; check {keys} and the model's name",
            "model": "the provider does not know this model, or not as a decision model; check its name and --api-base",
            "credit": "the account has no credit left",
            "library": "litellm needs a further library for this provider; install it",
        }
        return JudgeUnusable(f"{self._spec}: {advice[fault.treatment]} (the provider says: {fault.reason})")


_ADVICE = "decisions:PROVIDER/MODEL needs one of "


def _known() -> str:
    from litellm.decisions.call import supported_decisions_providers

    return ", ".join(sorted(supported_decisions_providers()))


def _was_answered(error: BaseException) -> bool:
    """Whether there was an answer and litellm could not make sense of it, which it reports like a server's error."""
    link: BaseException | None = error
    while link is not None and not isinstance(link, ValidationError):
        link = link.__cause__ or link.__context__
    return link is not None


def _given(answer: Any) -> Given | None:
    match answer.type:
        case "predicate":
            return float(answer.probability)
        case "choice":
            return {str(item.value): item.probability for item in answer.probabilities}
    return None  # a refusal; litellm makes one of a missing or misplaced answer, too
