"""What can go wrong with a call, in our words: every exception of litellm's, classified once."""

from __future__ import annotations

import email.utils
import os
import re
import time
from collections.abc import Collection, Mapping
from typing import Any, Literal

from cotjudge.judges.ledger import Ledger
from cotjudge.verdict import FailureKind

Treatment = Literal[
    "key", "access", "model", "credit", "library", "limited", "passing", "refused", "bad_request", "over_context"
]
"""The first five hold for every call alike; `limited` and `passing` are worth another try."""

TREATMENTS: dict[str, Treatment] = {
    "AuthenticationError": "key",
    "PermissionDeniedError": "access",
    "NotFoundError": "model",
    "LiteLLMUnknownProvider": "model",
    "ModelNotMappedError": "model",
    "PaymentRequiredError": "credit",
    "BudgetExceededError": "credit",
    "RateLimitError": "limited",
    "Timeout": "passing",
    "TimeoutError": "passing",
    "APIConnectionError": "passing",
    "ServiceUnavailableError": "passing",
    "BadGatewayError": "passing",
    "InternalServerError": "passing",
    "MidStreamFallbackError": "passing",
    "APIError": "passing",
    "MockException": "passing",
    "OpenAIError": "passing",
    "APIResponseValidationError": "passing",
    "JSONSchemaValidationError": "passing",
    "ContextWindowExceededError": "over_context",
    "ContentPolicyViolationError": "refused",
    "RejectedRequestError": "refused",
    "GuardrailRaisedException": "refused",
    "BlockedPiiEntityError": "refused",
    "ModifyResponseException": "refused",
    "SensitiveDataRouteException": "refused",
    "BadRequestError": "bad_request",
    "InvalidRequestError": "bad_request",
    "UnprocessableEntityError": "bad_request",
    "UnsupportedParamsError": "bad_request",
    "ImageFetchError": "bad_request",
    "VectorStoreSearchError": "bad_request",
}
"""Exception class of litellm, by name -> what to make of it; subclasses not named here follow their base."""

_TELLING: tuple[tuple[frozenset[Treatment], re.Pattern[str], Treatment], ...] = (
    (
        frozenset({"bad_request", "passing"}),
        re.compile(
            r"context[_ ](?:length|window|size)|maximum context|prompt is too long|input is too long"
            r"|too many (?:input )?tokens|exceeds? the (?:available|maximum)[^.]*tokens",
            re.IGNORECASE,
        ),
        "over_context",
    ),
    (
        frozenset({"bad_request", "passing"}),
        re.compile(
            r"missing credentials|missing .{0,30}api[ _]key|api[ _]key (?:is )?(?:missing|required|not set)"
            r"|_KEY is not set|unable to locate credentials",
            re.IGNORECASE,
        ),
        "key",
    ),
    (frozenset({"passing"}), re.compile(r"^No module named"), "library"),
    (frozenset({"bad_request"}), re.compile(r"LLM Provider NOT provided"), "model"),
    (
        frozenset({"bad_request", "access"}),
        re.compile(
            r"content[_ ](?:policy|filter|management)|moderation|flagged|safety (?:system|filter)", re.IGNORECASE
        ),
        "refused",
    ),
    (
        frozenset({"limited"}),
        re.compile(
            r"insufficient[_ ](?:quota|balance|funds|credit)|exceeded your current quota|billing", re.IGNORECASE
        ),
        "credit",
    ),
)
_KINDS: dict[Treatment, FailureKind] = {
    "limited": "rate_limited",
    "refused": "refused",
    "over_context": "over_context",
    "key": "auth",
    "access": "auth",
}
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|key|gsk|xai|hf|glpat|npm|r8|nvapi|pplx)[-_][\w*-]{6,}|\b(?:AIza|AKIA|ASIA|gh[pousr]_)[\w*-]{6,}"
    r"|\beyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?|\bBearer \S+",
)
_SECRET_VARIABLE = re.compile(r"_(?:API_KEY|KEY|TOKEN|SECRET|PASSWORD)$")
_SHORTEST_SECRET = 6
_PREFIX = re.compile(r"^(?:litellm\.)?\w*(?:Error|Exception|Timeout): |^\w*Exception - ")
_MESSAGE = re.compile(r'"message": ?"((?:[^"\\]|\\.)+)"')


class Fault(Exception):
    """A call that gave no answer.

    Args:
        treatment: what to make of it.
        reason: what the provider said, in one line without keys.
        retry_after_s: how long it asked us to wait, if it did.
    """

    def __init__(self, treatment: Treatment, reason: str, retry_after_s: float | None = None) -> None:
        self.treatment = treatment
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.ledger: Ledger = ()
        """The answered requests before it in the same judgement."""
        super().__init__(reason)

    @property
    def kind(self) -> FailureKind:
        """The class of failure a judgement that ends with it has."""
        return _KINDS.get(self.treatment, "unavailable")

    @property
    def worth_retrying(self) -> bool:
        """Whether the same call may go well a little later."""
        return self.treatment in ("limited", "passing")

    @property
    def holds_for_all(self) -> bool:
        """Whether no other call to this model would fare better."""
        return self.treatment in ("key", "access", "model", "credit", "library")

    @property
    def about_format(self) -> bool:
        """Whether the provider stumbled over the response format we asked for."""
        telling = re.search(r"response_?format|json_?(?:schema|object)|structured|guided", self.reason, re.IGNORECASE)
        return self.treatment == "bad_request" and telling is not None

    @property
    def about_logprobs(self) -> bool:
        """Whether the provider stumbled over being asked for log-probabilities."""
        return self.treatment == "bad_request" and re.search("log_?prob", self.reason, re.IGNORECASE) is not None


class UnreadableReply(Exception):
    """A reply that does not satisfy the schema; its text says why."""


def fault_of(error: Exception, secrets: Collection[str] = ()) -> Fault | None:
    """Classify an exception that a call raised; None for one that is no provider's and so a bug.

    Args:
        error: the exception.
        secrets: values that its message may repeat and the fault must not.
    """
    names = [cls.__name__ for cls in type(error).__mro__]
    treatment = next((TREATMENTS[name] for name in names if name in TREATMENTS), None)
    if treatment is None:
        return None
    if treatment in ("bad_request", "passing"):  # litellm sorts some 403, 429 and 5xx under these, too
        treatment = _by_status(getattr(error, "status_code", None), treatment)
    reason = one_line(error, secrets)
    for among, telling, better in _TELLING:
        if treatment in among and telling.search(reason):
            treatment = better
    return Fault(treatment, reason, _retry_after(error))


_STATUS: dict[int, Treatment] = {
    401: "key", 402: "credit", 403: "access", 404: "model", 408: "passing", 409: "passing", 413: "over_context",
    425: "passing", 429: "limited",
}  # fmt: skip


def _by_status(status: int | None, otherwise: Treatment) -> Treatment:
    if status is None:
        return otherwise
    return _STATUS.get(status, "passing" if status >= 500 else "bad_request")


def one_line(error: Exception, secrets: Collection[str] = ()) -> str:
    """An exception's message on one line, without litellm's prefixes and without anything like a key."""
    message = str(getattr(error, "message", None) or error).partition("Traceback (most recent call last)")[0]
    text = " ".join(message.split())
    while (shorter := _PREFIX.sub("", text)) != text:
        text = shorter
    quoted = _MESSAGE.search(text)
    return scrub(quoted[1] if quoted else text, secrets)[:300].strip() or type(error).__name__


def secrets_of(arguments: Mapping[str, Any]) -> frozenset[str]:
    """Values among a call's arguments that may be keys: what its headers hold, and a key itself."""
    headers = [arguments.get(name) for name in ("extra_headers", "headers")]
    values = [value for group in headers if isinstance(group, Mapping) for value in group.values()]
    return frozenset(v for v in [*values, arguments.get("api_key")] if isinstance(v, str))


def scrub(text: str, secrets: Collection[str] = ()) -> str:
    """A text without anything that looks like a key, and without the value of any variable that holds a secret."""
    values = {value for name, value in os.environ.items() if _SECRET_VARIABLE.search(name.upper())}
    for value in sorted(values.union(secrets), key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:  # a shorter one ("none") is no secret, and a word of its own
            text = text.replace(value, "***")
    return _SECRET.sub("***", text)


def _retry_after(error: BaseException) -> float | None:
    # litellm drops the header from its own exceptions; the ones they were made of still have it.
    link: BaseException | None = error
    while link is not None:
        headers = getattr(getattr(link, "response", None), "headers", None) or {}
        if "retry-after-ms" in headers:
            return _seconds(headers["retry-after-ms"], 1000)
        if "retry-after" in headers:
            return _seconds(headers["retry-after"], 1)
        link = link.__cause__ or link.__context__
    return None


def _seconds(header: str, per_second: float) -> float | None:
    try:
        return max(0.0, float(header) / per_second)
    except ValueError:
        return _until(header)


def _until(http_date: str) -> float | None:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(http_date).timestamp() - time.time())
    except ValueError:
        return None
