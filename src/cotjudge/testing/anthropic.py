"""As much of Anthropic's Messages protocol as the fake LLM needs: the same answers in other words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from cotjudge.testing.wire import Response

_STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


def as_completion(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request of this protocol as one for chat completions."""
    system = [{"role": "system", "content": request["system"]}] if request.get("system") else []
    told = request.get("output_format") or (request.get("output_config") or {}).get("format") or {}
    schema = {"json_schema": {"name": "reply", "schema": told["schema"]}} if "schema" in told else {}
    wanted = {"response_format": {"type": "json_schema", **schema}} if schema else {}
    return {**request, "messages": [*system, *request["messages"]], **wanted}


def as_message(response: Response | None) -> Response | None:
    """A response of chat completions in this protocol."""
    if response is None:
        return None
    body = orjson.loads(response.body)
    told = _error(body["error"]) if response.status >= 400 else _message(body)
    return Response(response.status, orjson.dumps(told), response.headers)


def _error(error: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "error", "error": {"type": error["code"], "message": error["message"]}}


def _message(completion: Mapping[str, Any]) -> dict[str, Any]:
    choice, usage = completion["choices"][0], completion["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    return {
        "id": completion["id"],
        "type": "message",
        "role": "assistant",
        "model": completion["model"],
        "content": [{"type": "text", "text": choice["message"]["content"] or choice["message"]["refusal"] or ""}],
        "stop_reason": _STOPS[choice["finish_reason"]],
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage["prompt_tokens"] - cached,
            "output_tokens": usage["completion_tokens"],
            "cache_read_input_tokens": cached,
            "cache_creation_input_tokens": 0,
        },
    }
