"""The one door to litellm's files and batches: requests go up in a file, and results come down, for half the price.

A batch's requests must be in the provider's own words, for nobody translates them on the way: `body` says a call of
litellm's as its provider wants it, `response` reads what the provider answered as litellm would have.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args
from urllib.parse import urlsplit, urlunsplit

from cotjudge.errors import JudgeUnusable, SettingsError
from cotjudge.judges.faults import Fault, fault_of
from cotjudge.judges.litellm_door import load
from cotjudge.trace import Value

PROVIDERS = ("openai", "azure", "hosted_vllm", "litellm_proxy")
"""Providers whose batches litellm takes up and gives back in the form of OpenAI's."""

ENDPOINTS = {"azure": "/chat/completions"}
OPENAI_ENDPOINT = "/v1/chat/completions"

Status = Literal["validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled"]
ENDED: frozenset[Status] = frozenset({"completed", "failed", "expired", "cancelled"})
"""States in which a batch stays."""

_TRIES = 4
_SERVED_BY_ONESELF = {"hosted_vllm": "HOSTED_VLLM_API_BASE", "litellm_proxy": "LITELLM_PROXY_API_BASE"}
_OURS = frozenset({"api_base", "api_key", "drop_params", "max_retries", "num_retries", "timeout"})


class Remote(Value):
    """A batch, as its provider sees it."""

    id: str
    """The provider's id."""
    status: Status
    """What became of it so far."""
    input_file: str
    """Id of the file of requests."""
    output_file: str | None = None
    """Id of the file of answers, once there is one."""
    error_file: str | None = None
    """Id of the file of errors, if there is one."""
    total: int = 0
    """Requests."""
    completed: int = 0
    """Of these, answered."""
    failed: int = 0
    """Of these, not to be answered."""
    problem: str = ""
    """Why all of it failed, if it did."""
    seconds: float = 0.0
    """From its creation to its end; 0 where that is not known."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ENDED


class Provider:
    """The batches of one model's provider.

    Args:
        spec: litellm's model string.
        api_base: where it is served, for a server of one's own.
        first_wait_s: the first pause before another try; it doubles.

    Raises:
        SettingsError: this provider's batches cannot be used, or nobody says where they are.
    """

    def __init__(self, spec: str, *, api_base: str | None = None, first_wait_s: float = 1.0) -> None:
        self.spec = spec
        self._litellm = load()
        self._first_wait_s = first_wait_s
        try:
            self.model, self.name, key, base = self._litellm.get_llm_provider(spec, api_base=api_base)
        except Exception as error:
            raise JudgeUnusable(
                f"{spec}: litellm knows no such provider; write PROVIDER/MODEL, such as openai/gpt-5-mini"
            ) from error
        if self.name not in PROVIDERS:
            raise SettingsError(
                f"{spec}: --batch works with {', '.join(PROVIDERS)}, not with {self.name}; leave --batch out"
            )
        if self.name in _SERVED_BY_ONESELF and not base:
            # litellm would take such a batch to OpenAI: traces go to the provider the user named and nowhere else
            raise SettingsError(f"{spec}: say where it is served, with --api-base or {_SERVED_BY_ONESELF[self.name]}")
        self._where = {"custom_llm_provider": self.name, "max_retries": 0} | self._address(base, key)
        # litellm makes a client for every such call and closes none of them: none may keep its connection
        self._where |= {"extra_headers": {"Connection": "close"}}

    def _address(self, base: str | None, key: str | None) -> dict[str, Any]:
        # A server of one's own must not be sent OpenAI's key, and the client refuses to start without any.
        own = self.name in _SERVED_BY_ONESELF
        wants_no_key = bool(base) and self.name == "openai" and self._litellm.validate_environment(self.spec)
        if own or (wants_no_key and wants_no_key["missing_keys"]):
            key = key or "none"
        return {name: value for name, value in (("api_base", base), ("api_key", key)) if value}

    @property
    def endpoint(self) -> str:
        """The path of a chat completion, in this provider's words."""
        return ENDPOINTS.get(self.name, OPENAI_ENDPOINT)

    @property
    def priced(self) -> Literal["batch", "half", "unknown"]:
        """What litellm's table has for a batch: its price, the normal price (of which a batch costs half), nothing."""
        info = self._entry()
        if "input_cost_per_token_batches" in info:
            return "batch"
        return "half" if "input_cost_per_token" in info else "unknown"

    def _entry(self) -> Mapping[str, Any]:
        with contextlib.suppress(Exception):  # litellm raises a bare Exception for a model it has not heard of
            entry: Mapping[str, Any] = self._litellm.model_cost.get(self._litellm.get_model_info(self.spec)["key"], {})
            return entry
        return {}

    def body(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call of `litellm.acompletion` as the body that this provider would be sent.

        Raises:
            JudgeUnusable: litellm cannot say it.
        """
        given = {name: value for name, value in call.items() if name not in _OURS and name != "model"}
        messages = given.pop("messages")
        try:
            options = self._litellm.utils.get_optional_params(
                model=self.model, custom_llm_provider=self.name, drop_params=True, messages=messages, **given
            )
            said: dict[str, Any] = self._translation().transform_request(
                model=self.model, messages=messages, optional_params=options, litellm_params={}, headers={}
            )
        except Exception as error:
            raise JudgeUnusable(f"{self.spec}: litellm cannot put this into a batch: {error}") from error
        said |= said.pop("extra_body", None) or {}
        said.pop("stream", None)  # a batch streams nothing
        return said

    def _translation(self) -> Any:
        provider = self._litellm.types.utils.LlmProviders(self.name)
        return self._litellm.utils.ProviderConfigManager.get_provider_chat_config(self.model, provider)

    def response(self, body: Mapping[str, Any]) -> Any:
        """A chat completion of a result file as litellm's own response, at the price of a batch.

        Raises:
            Fault: it is no chat completion.
        """
        litellm = self._litellm
        try:
            response = litellm.utils.convert_to_model_response_object(
                response_object=dict(body), model_response_object=litellm.ModelResponse(), hidden_params={}
            )
        except Exception as error:
            raise Fault("passing", f"the batch's answer is no chat completion: {type(error).__name__}") from error
        response._hidden_params["response_cost"] = self._cost(response)  # noqa: SLF001 (where litellm keeps it)
        return response

    def _cost(self, response: Any) -> float | None:
        usage = getattr(response, "usage", None)
        if usage is None or self.priced == "unknown":
            return None
        return float(sum(self._litellm.cost_calculator.batch_cost_calculator(usage, self.model, self.name)))

    def fault(self, status: int, message: str) -> Fault:
        """What an error line of a batch comes to."""
        error = self._litellm.exceptions.APIError(status, message, self.name, self.model)
        return fault_of(error) or Fault("passing", message)

    async def upload(self, name: str, content: bytes) -> str:
        """Send a file of requests; its id.

        Raises:
            Fault: the provider did not take it.
        """
        litellm = self._litellm
        file = (f"{name}.jsonl", content, "application/jsonl")
        made = await self._tried(lambda: litellm.create_file(file=file, purpose="batch", **self._where))
        return str(made.id)

    async def create(self, file: str, label: str, *, broken_off: bool = False) -> Remote:
        """Start a batch over a file that was sent, once only: where one is there already, that one is taken.

        Args:
            file: id of the file.
            label: the batch's name here, which it carries with it.
            broken_off: whether it may have been started before.

        Raises:
            Fault: the provider did not take it.
        """
        litellm = self._litellm
        asked = {"completion_window": "24h", "endpoint": self.endpoint, "input_file_id": file}

        def once() -> Any:
            nonlocal broken_off
            found = self._find(file) if broken_off else None
            broken_off = True  # a connection that breaks does not say how far we came
            return found or litellm.create_batch(**asked, metadata={"cotjudge": label}, **self._where)

        return _remote(await self._tried(once))

    def _find(self, file: str) -> Any:
        """The batch over this file, if there is one among the newest hundred."""
        listed = self._litellm.list_batches(limit=100, **self._where)
        return next((batch for batch in listed.data if batch.input_file_id == file), None)

    async def retrieve(self, batch_id: str) -> Remote:
        """How a batch stands.

        Raises:
            Fault: the provider does not say.
        """
        litellm = self._litellm
        return _remote(await self._tried(lambda: litellm.retrieve_batch(batch_id=batch_id, **self._where)))

    async def content(self, file: str) -> bytes:
        """A file of results.

        Raises:
            Fault: the provider does not give it.
        """
        litellm = self._litellm
        got = await self._tried(lambda: litellm.file_content(file_id=file, **self._where))
        return bytes(got.content)

    async def cancel(self, batch_id: str) -> Remote:
        """Stop a batch; what is answered already is kept, and paid for.

        Raises:
            Fault: the provider does not.
        """
        litellm = self._litellm
        return _remote(await self._tried(lambda: litellm.cancel_batch(batch_id=batch_id, **self._where)))

    async def _tried(self, call: Callable[[], Any]) -> Any:
        """Call in a thread: the asynchronous clients that litellm makes here are nobody's to close."""
        for tries_left in range(_TRIES - 1, -1, -1):
            try:
                with _faults():
                    return await asyncio.to_thread(call)
            except Fault as fault:
                if not (tries_left and fault.worth_retrying):
                    raise
                pause = fault.retry_after_s or self._first_wait_s * 2 ** (_TRIES - 1 - tries_left)
                await asyncio.sleep(min(pause, 60.0))
        raise AssertionError("unreachable: the last try returns or raises")


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    """Litellm's exceptions leave this block as ours."""
    try:
        yield
    except Exception as error:
        fault = fault_of(error)
        if fault is None:
            raise
        raise fault from error


def _remote(batch: Any) -> Remote:
    counts = batch.request_counts
    problems = [str(error.message or error.code) for error in getattr(batch.errors, "data", None) or ()]
    end = batch.completed_at or batch.expired_at or batch.cancelled_at or batch.failed_at
    return Remote(
        id=batch.id,
        status=batch.status if batch.status in get_args(Status) else "in_progress",
        input_file=batch.input_file_id,
        output_file=batch.output_file_id,
        error_file=batch.error_file_id,
        total=counts.total if counts else 0,
        completed=counts.completed if counts else 0,
        failed=counts.failed if counts else 0,
        problem="; ".join(problems)[:300],
        seconds=max(0.0, float(end - batch.created_at)) if end else 0.0,
    )


def without_credentials(url: str | None) -> str | None:
    """An address without user, password, query and fragment."""
    if url is None:
        return None
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
