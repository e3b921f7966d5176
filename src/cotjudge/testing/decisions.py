"""The decision protocols, spoken by a server with no model behind it: OpenAI's, and System One's of all others.

A predicate's probability is drawn from the prompt's hash, or given by `Script.answers`: criterion -> `yes`, `no`,
`cannot_tell`, one of its choices, or the probability itself ("0.55").
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import orjson

from cotjudge.testing.completions import respond
from cotjudge.testing.script import Outcome, Script
from cotjudge.testing.wire import Response

Question = Mapping[str, Any]
_WORDS = {"yes": 0.95, "no": 0.05, "cannot_tell": 0.5}


def is_decision(request: Mapping[str, Any]) -> bool:
    """Whether a request is of this protocol."""
    return "questions" in request


def decision_text(request: Mapping[str, Any]) -> str:
    """All text of a request: what is to be judged, and the questions' instructions."""
    return "\n".join([_input(request), *(q["instructions"] for q in _questions(request).values())])


def _input(request: Mapping[str, Any]) -> str:
    return str(request["input"] if "input" in request else request["state"])


def _questions(request: Mapping[str, Any]) -> Mapping[str, Question]:
    raw = request["questions"]
    return raw if isinstance(raw, dict) else {q["name"]: q for q in raw}


def decide(request: Mapping[str, Any], outcome: Outcome, script: Script, seed: str) -> Response | None:
    """The response to a request that is to end in this outcome; None breaks the connection.

    An answer that is empty or refuses leaves every question without a probability.
    """
    answered = {"ok", "slow", "empty", "refusal", "refusal_text", "content_filter"}
    if outcome in answered:
        return Response(200, orjson.dumps(_decision(request, script, seed, silent=outcome not in ("ok", "slow"))))
    if outcome in ("malformed_json", "truncated"):
        whole = orjson.dumps(_decision(request, script, seed, silent=False))
        return Response(200, whole[: len(whole) // 2])
    if outcome == "wrong_schema":
        return Response(200, b'{"answers": 7}')
    return respond(request, outcome, script, seed)


def _decision(request: Mapping[str, Any], script: Script, seed: str, *, silent: bool) -> dict[str, Any]:
    openai = "input" in request
    questions = _questions(request)
    draw = random.Random(seed)  # noqa: S311 (a fake answer, not a secret)
    found = {name: _probabilities(q, script.answers.get(name), draw) for name, q in questions.items()}
    answers: Any
    if openai:
        answers = [_refused(name) if silent else _openai(name, questions[name], p) for name, p in found.items()]
    else:
        answers = {} if silent else {name: _systemone(questions[name], p) for name, p in found.items()}
    return {"model": request["model"], "answers": answers, "usage": _usage(request, script, openai=openai)}


def _choices(question: Question) -> list[str]:
    if question["type"] != "choice":
        return ["yes", "no"]
    return list(question["criteria"]) if "criteria" in question else [c["value"] for c in question["choices"]]


def _probabilities(question: Question, wanted: str | None, draw: random.Random) -> dict[str, float]:
    """Choice -> probability; they add up to 1."""
    choices = _choices(question)
    drawn = draw.random()
    if wanted in choices[1:] and len(choices) > 2:
        choices = [wanted, *(c for c in choices if c != wanted)]
        first = 0.95
    elif wanted == choices[0]:
        first = 0.95
    else:
        first = drawn if wanted is None else _WORDS[wanted] if wanted in _WORDS else float(wanted)
    rest = (1.0 - first) / (len(choices) - 1)
    return {choice: first if choice == choices[0] else rest for choice in choices}


def _refused(name: str) -> dict[str, Any]:
    return {"type": "refusal", "name": name}


def _openai(name: str, question: Question, found: dict[str, float]) -> dict[str, Any]:
    if question["type"] == "predicate":
        return {"type": "predicate", "name": name, "probability": found["yes"]}
    likeliest = max(found, key=found.__getitem__)
    listed = [{"value": choice, "probability": p} for choice, p in found.items()]
    return {
        "type": "choice",
        "name": name,
        "choice": likeliest,
        "probabilities": listed,
        "confidence": found[likeliest],
    }


def _systemone(question: Question, found: dict[str, float]) -> dict[str, Any]:
    if question["type"] == "noul":
        return {"type": "noul", "noul": found["yes"]}
    likeliest = max(found, key=found.__getitem__)
    return {"type": "choice", "choice": likeliest, "confidence": found[likeliest], "probabilities": found}


def _usage(request: Mapping[str, Any], script: Script, *, openai: bool) -> dict[str, Any]:
    asked, answered = len(decision_text(request)) // 4, len(_questions(request)) + script.reasoning_tokens
    plain = {"input_tokens": asked, "output_tokens": answered}
    if not openai:
        return plain | {"cached_tokens": script.cached_tokens}
    return plain | {
        "total_tokens": asked + answered,
        "input_tokens_details": {"cached_tokens": script.cached_tokens},
        "output_tokens_details": {"reasoning_tokens": script.reasoning_tokens},
    }
