"""The trace: one rollout of a model, its turns, and where it was found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field

ReasoningKind = Literal["full", "summary", "redacted", "none"]
Part = Literal["reasoning", "content", "tool_call"]

_VARIANT = ("variant", "condition", "arm")


class Value(BaseModel):
    """Base of every value: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __copy__(self) -> Self:
        """A copy without what was cached: `model_copy(update=...)` must not carry a stale hash along."""
        copy = super().__copy__()
        for name in copy.__dict__.keys() - type(self).model_fields.keys():
            del copy.__dict__[name]
        return copy


class ToolCall(Value):
    """One tool call of an assistant turn."""

    name: str
    """Function name; empty where the record names none."""
    arguments: str = ""
    """Arguments as JSON text (or whatever text the record held)."""
    id: str | None = None
    """The provider's id of the call."""

    def as_text(self) -> str:
        """The call as the judge and the reader see it: `name(arguments)`."""
        return f"{self.name}({self.arguments})"


class Turn(Value):
    """One message of a transcript."""

    role: str
    """Who speaks: system, user, assistant, tool, or the record's own word."""
    reasoning: str | None = None
    """The chain of thought of this message (several blocks joined by a blank line), or None."""
    reasoning_kind: ReasoningKind = "none"
    """full, summary (only a provider's summary is text), redacted (unreadable), or none."""
    content: str = ""
    """The visible text."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Calls made in this message, in order."""
    id: str | None = None
    """The message's own id in the record, where it has one."""


class Source(Value):
    """Where a trace was found."""

    path: str
    """The dump file, as the user named it (`-` for standard input)."""
    record: str
    """Which record of it: a 1-based line number or index, or an archive member's name."""
    format: str = ""
    """The reader that read it."""


class Segment(Value):
    """One passage of a trace that a quote can point into."""

    index: int
    """0-based position among the trace's segments."""
    turn: int
    """0-based index of the turn it belongs to."""
    role: str
    """The turn's role."""
    part: Part
    """reasoning, content or tool_call."""
    text: str
    """The passage, unchanged; evidence offsets count its characters (code points)."""


class Trace(Value):
    """One rollout: its turns and where it came from.

    Two traces with the same turns have the same `trace_id`, wherever they were found.
    """

    turns: tuple[Turn, ...]
    source: Source
    model: str | None = None
    """The model that wrote the assistant turns, as the dump names it."""
    task: str | None = None
    """Task, benchmark or scenario, as the dump names it."""
    epoch: int | None = None
    """Repetition number, where the dump counts repetitions."""
    meta: dict[str, Any] = Field(default_factory=dict)
    """Anything else the record says about the trace (JSON values); never shown to a judge."""

    @cached_property
    def trace_id(self) -> str:
        """32 hex digits: BLAKE2b-128 over everything a judge can see (roles, reasoning, content, calls)."""
        return hashlib.blake2b(self._judged_bytes, digest_size=16).hexdigest()

    @property
    def _judged_bytes(self) -> bytes:
        return orjson.dumps(
            [[t.role, t.reasoning, t.content, [[c.name, c.arguments] for c in t.tool_calls]] for t in self.turns]
        )

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Every passage in reading order: per turn its reasoning, its content, its tool calls."""
        return tuple(
            Segment(index=index, turn=turn, role=self.turns[turn].role, part=part, text=text)
            for index, (turn, part, text) in enumerate(self._passages())
        )

    def _passages(self) -> Iterator[tuple[int, Part, str]]:
        for index, turn in enumerate(self.turns):
            if turn.reasoning:
                yield index, "reasoning", turn.reasoning
            if turn.content:
                yield index, "content", turn.content
            for call in turn.tool_calls:
                yield index, "tool_call", call.as_text()

    @property
    def variant(self) -> str | None:
        """Which variant of the task it is, where the metadata names a `variant`, `condition` or `arm`."""
        return next((str(self.meta[name]) for name in _VARIANT if self.meta.get(name) is not None), None)

    @cached_property
    def has_reasoning(self) -> bool:
        """Whether an assistant turn holds readable reasoning."""
        return any(t.role == "assistant" and t.reasoning for t in self.turns)

    def excerpt(self, shown: Iterable[Segment]) -> Excerpt:
        """The same trace as far as these segments show it."""
        fields = {name: getattr(self, name) for name in Trace.model_fields}
        excerpt = Excerpt.model_construct(**fields, shown=tuple(shown))
        excerpt.__dict__["trace_id"] = self.trace_id  # hashed once
        return excerpt


class Excerpt(Trace):
    """A trace of which only some segments are shown: a window of a long one, one passage by itself, a redacted text.

    Segments keep the index they have in the trace, and `trace_id` is the trace's.
    """

    shown: tuple[Segment, ...]
    """What is shown; a segment's text may be a piece of the original's, or masked."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments shown."""
        return self.shown

    @property
    def has_reasoning(self) -> bool:
        """Whether reasoning of an assistant turn is among them."""
        return any(s.role == "assistant" and s.part == "reasoning" for s in self.shown)


def clean_text(text: str) -> str:
    """Text that every later stage can encode: surrogate pairs joined, lone surrogates replaced by U+FFFD.

    Real dumps hold half an emoji where a string was cut; JSON permits it, UTF-8 does not.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
