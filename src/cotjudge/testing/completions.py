"""The OpenAI chat-completions protocol, spoken by a server with no model behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from cotjudge.testing.inventing import find_schema, invent
from cotjudge.testing.prefixes import PrefixCache
from cotjudge.testing.script import Outcome, Script
from cotjudge.testing.tokens import logprobs
from cotjudge.testing.wire import Response

_REFUSAL = "I'm sorry, but I can't help with that request."
_ERRORS: dict[Outcome, tuple[int, str, str]] = {  # status, code, message
    "unauthorized": (401, "invalid_api_key", "Incorrect API key provided: sk-***. Find yours in your account."),
    "forbidden": (403, "permission_denied", "You are not allowed to use this model."),
    "no_credit": (429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing."),
    "unknown_model": (404, "model_not_found", "The model does not exist or you do not have access to it."),
    "over_context": (
        400,
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
    ),
    "bad_request": (400, "invalid_value", "Invalid value for a parameter."),
    "rate_limited": (429, "rate_limit_exceeded", "Rate limit reached for requests. Please try again later."),
    "server_error": (500, "server_error", "The server had an error while processing your request."),
    "overloaded": (503, "overloaded", "The engine is currently overloaded, please try again later."),
}


def prompt_text(request: Mapping[str, Any]) -> str:
    """All text of a request's messages, parts and messages joined by newlines."""
    return "\n".join(_content(message.get("content")) for message in request["messages"])


def _content(content: Any) -> str:
    return "\n".join(part.get("text", "") for part in content) if isinstance(content, list) else content or ""


def respond(
    request: Mapping[str, Any], outcome: Outcome, script: Script, seed: str, cache: PrefixCache | None = None
) -> Response | None:
    """The response to a request that is to end in this outcome; None breaks the connection.

    Args:
        request: the request's JSON.
        outcome: how it ends.
        script: what else the script says.
        seed: the same one gives the same answer.
        cache: the prompts so far, for a server that keeps them.
    """
    if outcome == "reset":
        return None
    if outcome in _ERRORS:
        return _error(outcome, script)
    wanted = (request.get("response_format") or {}).get("type", "text")
    if wanted not in script.formats:
        return _json(
            400, _error_body("unsupported_value", f"response_format of type {wanted!r} is not supported.", 400)
        )
    cached = cache.look_up(prompt_text(request)) if cache and script.prefix_cache else 0
    return _json(200, _completion(request, outcome, script, seed, cached))


def _error(outcome: Outcome, script: Script) -> Response:
    status, code, message = _ERRORS[outcome]
    waits = outcome in ("rate_limited", "overloaded") and script.retry_after_s is not None
    return _json(
        status, _error_body(code, message, status), {"Retry-After": str(script.retry_after_s)} if waits else {}
    )


def _error_body(code: str, message: str, status: int) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 429 else code
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _json(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, orjson.dumps(body), headers or {})


def _completion(request: Mapping[str, Any], outcome: Outcome, script: Script, seed: str, cached: int) -> dict[str, Any]:
    text = prompt_text(request)
    content = _content_of(outcome, request, script, text, seed)
    finish = {"truncated": "length", "content_filter": "content_filter"}.get(outcome, "stop")
    refusal = _REFUSAL if outcome == "refusal" else None
    message = {"role": "assistant", "content": None if refusal else content, "refusal": refusal}
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    if request.get("logprobs") and content:
        choice["logprobs"] = logprobs(content, script.weights)
    return {
        "id": f"chatcmpl-{seed[:12]}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": request["model"],
        "choices": [choice],
        "usage": _usage(text, content, script, cached),
    }


def _content_of(outcome: Outcome, request: Mapping[str, Any], script: Script, text: str, seed: str) -> str:
    match outcome:
        case "empty" | "content_filter" | "refusal":
            return ""
        case "refusal_text":
            return _REFUSAL
        case "malformed_json":
            return '{"rationale": "It stops in the mid'
        case "wrong_schema":
            return '{"rationale": 7, "verdict": "present"}'
    if script.content is not None:
        return script.content
    reply = orjson.dumps(invent(find_schema(request, text), text, seed=seed, answers=script.answers)).decode()
    return reply[: len(reply) // 2] if outcome == "truncated" else reply


def _usage(text: str, content: str, script: Script, cached: int) -> dict[str, Any]:
    asked, answered = len(text) // 4, len(content) // 4 + script.reasoning_tokens
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
        "prompt_tokens_details": {"cached_tokens": script.cached_tokens + cached},
        "completion_tokens_details": {"reasoning_tokens": script.reasoning_tokens},
    }
