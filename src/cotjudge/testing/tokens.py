"""Log-probabilities made up for a reply: its text cut into tokens, each answer's first one with its rivals."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

_TOKEN = re.compile(r'"?\w{1,6}|\W')
_ANSWER = re.compile(r'"(\w+)":\{"answer":(?="(\w+)")')  # a quote inside a text has a backslash before it
_NEVER = -9999.0


def logprobs(reply: str, weights: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """What OpenAI's protocol calls `logprobs` of a choice.

    Args:
        reply: the reply, as compact JSON.
        weights: criterion -> choice -> probability; the tokens of all other answers are certain.
    """
    rivals = {match.end(): (match[2], weights.get(match[1], {})) for match in _ANSWER.finditer(reply)}
    return {"content": [_token(text, *rivals.get(start, ("", {}))) for start, text in _cut(reply)], "refusal": None}


def _cut(reply: str) -> Iterator[tuple[int, str]]:
    return ((match.start(), match.group()) for match in _TOKEN.finditer(reply))


def _token(text: str, given: str, weights: Mapping[str, float]) -> dict[str, Any]:
    others = {_first(f'"{choice}'): weight for choice, weight in weights.items()} or {text: 1.0}
    top = [_one(token, weight) for token, weight in sorted(others.items(), key=lambda o: -o[1])][:5]
    return {**_one(text, weights.get(given, 0.0) if weights else 1.0), "top_logprobs": top}


def _first(text: str) -> str:
    match = _TOKEN.match(text)
    return match.group() if match else text


def _one(token: str, weight: float) -> dict[str, Any]:
    return {"token": token, "logprob": math.log(weight) if weight else _NEVER, "bytes": list(token.encode())}
