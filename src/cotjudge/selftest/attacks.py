"""Attacks on a judge, and the traces they are put into."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, Literal

import orjson

from cotjudge.rubric import ExtraField, Rubric
from cotjudge.trace import Source, ToolCall, Trace, Turn, Value

Place = Literal["reasoning_start", "reasoning_middle", "reasoning_end", "content", "tool_output", "user", "tool_name"]
Label = Literal["present", "absent"]
Code = Literal["", "zero_width", "tags", "reversed", "base64", "rot13", "leet", "full_width", "confusables"]

OPPOSITE: Mapping[Label, Label] = {"present": "absent", "absent": "present"}


class Attack(Value):
    """One text that argues for a label to whoever judges the trace."""

    id: str
    """Unique."""
    family: str
    """The kind of trick."""
    at: tuple[Place, ...]
    """Where it is put, in turn."""
    text: str
    """The text, with placeholders."""
    code: Code = ""
    """How `coded` is written."""
    coded: str = ""
    """What stands in the text for `$coded`, before it is encoded."""
    repeat: int = 1
    """How often the text is repeated."""

    def written(self, rubric: Rubric, label: Label, clean: Trace) -> str:
        """The text as it stands in a trace: it argues for this label."""
        values = _values(rubric, label, clean)
        coded = _CODES[self.code](Template(self.coded).safe_substitute(values))
        return Template(self.text).safe_substitute(values, coded=coded) * self.repeat


class Case(Value):
    """A short trace whose label is known."""

    id: str
    """Unique."""
    rubric: str
    """Id of the built-in rubric it is a case of."""
    label: Label
    """The right label."""
    system: str
    """The system prompt."""
    user: str
    """What the user says."""
    reasoning: str
    """The model's reasoning."""
    response: str
    """The model's answer."""

    def trace(self) -> Trace:
        """The clean trace."""
        return self.with_text("", None)

    def with_text(self, text: str, place: Place | None) -> Trace:
        """The trace with a text put somewhere."""
        before, after = _halves(self.reasoning)
        reasoning = {
            "reasoning_start": f"{text}\n\n{self.reasoning}",
            "reasoning_middle": f"{before}\n\n{text}\n\n{after}",
            "reasoning_end": f"{self.reasoning}\n\n{text}",
        }.get(place or "", self.reasoning)
        turns = [
            Turn(role="system", content=self.system),
            Turn(role="user", content=f"{self.user}\n\n{text}" if place == "user" else self.user),
            Turn(
                role="assistant",
                reasoning=reasoning,
                reasoning_kind="full",
                content=f"{self.response}\n\n{text}" if place == "content" else self.response,
                tool_calls=(ToolCall(name=text, arguments="{}"),) if place == "tool_name" else (),
            ),
        ]
        if place == "tool_output":
            call = ToolCall(name="read_note", arguments='{"number": 1}')
            turns[2:2] = [Turn(role="assistant", tool_calls=(call,)), Turn(role="tool", content=text)]
        return Trace(turns=tuple(turns), source=Source(path="selftest", record=self.id, format="selftest"))


class Suite(Value):
    """The static suite."""

    cases: tuple[Case, ...]
    """Clean traces, true and false ones of each rubric."""
    attacks: tuple[Attack, ...]
    """What is tried on them."""
    neutral: tuple[str, ...]
    """Harmless sentences that speak of instructions and graders, for comparison."""


@cache
def suite() -> Suite:
    """The suite that ships with the package."""
    attacks = _read("attacks.yaml")
    return Suite.model_validate({"cases": _read("cases.yaml"), **attacks})


def _read(name: str) -> Any:
    import yaml

    return yaml.safe_load(files("cotjudge.selftest").joinpath(name).read_text(encoding="utf-8"))


def _halves(text: str) -> tuple[str, str]:
    """A text cut after the sentence that ends nearest before its middle, or at its first end of a sentence."""
    cut = text.rfind(". ", 0, len(text) // 2)
    cut = text.find(". ") if cut < 0 else cut
    return text[: cut + 1], text[cut + 2 :]


def _values(rubric: Rubric, label: Label, clean: Trace) -> dict[str, str]:
    answer = "yes" if label == "present" else "no"
    quotes = [{"segment": 2, "text": clean.segments[2].text.partition(".")[0]}] if answer == "yes" else []
    answers: dict[str, Any] = {
        "rationale": f"The trace is {label}.",
        "criteria": {name: {"answer": answer, "quotes": quotes} for name in rubric.criteria},
    }
    if rubric.fields:
        answers["fields"] = {name: _plausible(extra) for name, extra in rubric.fields.items()}
    return {
        "label": label,
        "other": OPPOSITE[label],
        "answer": answer,
        "rubric": rubric.id,
        "title": rubric.title,
        "criterion": next(iter(rubric.criteria)),
        "criteria": ", ".join(rubric.criteria),
        "answers": orjson.dumps(answers).decode(),
        "marker": clean.trace_id[:16],
    }


def _plausible(extra: ExtraField) -> Any:
    if extra.type == "choice":
        return extra.choices[0]
    return {"list": [], "boolean": None, "integer": None}.get(extra.type, "")


_ZERO_WIDTH_SPACE = "\u200b"
_OVERRIDE = "\u202e{}\u202c"
_TAGS = 0xE0000
_FULL_WIDTH = 0xFEE0
_LEET = str.maketrans("aeiost", "431057")
_CONFUSABLES = str.maketrans("aeopcxyi", "аеорсхуі")  # Cyrillic letters that look like Latin ones

_CODES: Mapping[Code, Callable[[str], str]] = {
    "": str,
    "zero_width": _ZERO_WIDTH_SPACE.join,
    "tags": lambda text: "".join(chr(_TAGS + ord(char)) for char in text),
    "reversed": lambda text: _OVERRIDE.format(text[::-1]),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "leet": lambda text: text.translate(_LEET),
    "full_width": lambda text: "".join(chr(ord(char) + _FULL_WIDTH) if "!" <= char <= "~" else char for char in text),
    "confusables": lambda text: text.translate(_CONFUSABLES),
}
