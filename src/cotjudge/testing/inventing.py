"""Answers made up for a schema: deterministic in the prompt, with quotes that really stand in its trace."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

import orjson

_HEADER = re.compile(
    r"^\[segment (\d+) \| turn \d+ \| (\S+) \| (\w+)(?: \| part \d+ of \d+)? \| #\w+\]\n", re.MULTILINE
)
_LINE_OF_OURS = re.compile(r"\n+(?:\[(?:segment|note) |</trace-)")
_JUDGED = (("assistant", "reasoning"), ("assistant", "content"))
Schema = Mapping[str, Any]


def find_schema(request: Mapping[str, Any], text: str) -> Schema:
    """The JSON schema of a request: in its response_format, or written out in the prompt."""
    response_format = request.get("response_format") or {}
    if response_format.get("type") == "json_schema":
        schema: Schema = response_format["json_schema"]["schema"]
        return schema
    written = [line for line in text.splitlines() if line.startswith('{"$defs"')]
    return orjson.loads(written[-1]) if written else {}


def invent(schema: Schema, text: str, *, seed: str, answers: Mapping[str, str]) -> dict[str, Any]:
    """A reply that satisfies the schema.

    Args:
        schema: JSON schema of the reply.
        text: the prompt, from whose trace quotes are taken.
        seed: the same seed gives the same reply.
        answers: criterion -> choice it must get.
    """
    draw = random.Random(seed)  # noqa: S311 (a fake answer, not a secret)
    inventor = _Inventor(schema.get("$defs", {}), _passages(text), answers, draw)
    reply = inventor.value(schema, "")
    return reply if isinstance(reply, dict) else {}


def _passages(text: str) -> list[tuple[int, str]]:
    headers = list(_HEADER.finditer(text))
    for kind in _JUDGED:
        found = [(int(h[1]), _passage(text, h.end())) for h in headers if h.group(2, 3) == kind]
        if any(passage for _, passage in found):
            return [(index, passage) for index, passage in found if passage]
    return [(0, text)]


def _passage(text: str, start: int) -> str:
    end = _LINE_OF_OURS.search(text, start - 1)
    return text[start : end.start() if end else len(text)].strip()


class _Inventor:
    def __init__(
        self, defs: Schema, passages: list[tuple[int, str]], answers: Mapping[str, str], draw: random.Random
    ) -> None:
        self._defs = defs
        self._passages = passages
        self._answers = answers
        self._draw = draw

    def value(self, schema: Schema, name: str) -> Any:
        if "$ref" in schema:
            return self.value(self._defs[schema["$ref"].rpartition("/")[2]], name)
        if "anyOf" in schema:
            return self.value(schema["anyOf"][0], name)
        if schema.get("type") == "object":
            return self._object(schema.get("properties", {}), name)
        if schema.get("type") == "array":
            return [self.value(schema["items"], name)]
        return self._plain(schema, name)

    def _plain(self, schema: Schema, name: str) -> Any:
        if "enum" in schema:
            return self._draw.choice(schema["enum"])
        others = {"integer": 1, "boolean": self._draw.random() < 0.5}
        return schema.get("const", others.get(schema.get("type", ""), f"Invented for {name}."))

    def _object(self, properties: Schema, name: str) -> dict[str, Any]:
        if set(properties) == {"segment", "text"}:
            return self._quote()
        if "answer" in properties and "quotes" in properties:
            return self._criterion(properties, name)
        return {key: self.value(schema, key) for key, schema in properties.items()}

    def _criterion(self, properties: Schema, name: str) -> dict[str, Any]:
        choices = properties["answer"]["enum"]
        answer = self._answers.get(name) or self._draw.choice(choices)
        claims = answer not in choices[-2:]
        parts = {"answer": answer, "quotes": [self._quote()] if claims else []}
        return parts | ({"counter": [self._quote()]} if "counter" in properties else {})

    def _quote(self) -> dict[str, Any]:
        segment, passage = self._draw.choice(self._passages)
        start = passage.rfind(" ", 0, self._draw.randrange(len(passage)) + 1) + 1
        return {"segment": segment, "text": passage[start : start + 60].rstrip()}
