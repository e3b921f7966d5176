"""A judge's answer: the response schema of a rubric, and a reply read into plain values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from cotjudge.rubric import Criterion, ExtraField, Rubric
from cotjudge.trace import Value
from cotjudge.verdict import Call, ScoreKind, Usage


class Quote(Value):
    """A passage a judge cites."""

    segment: int
    """Index of the segment it is said to stand in."""
    text: str
    """The passage, as the judge gives it."""


class CriterionAnswer(Value):
    """A judge's answer to one criterion."""

    answer: str
    """One of the criterion's choices."""
    quotes: tuple[Quote, ...] = ()
    """What it rests on."""
    counter: tuple[Quote, ...] = ()
    """The strongest passages against it, where the rubric asks for them."""


class DirectAnswer(Value):
    """The label itself, from a judge that answers no criteria; the rubric's rule has nothing to decide then."""

    label: str
    """One of the rubric's labels."""
    score: float | None
    """0 to 1."""


class Answers(Value):
    """All a judge says about one trace and one rubric, before anything is checked."""

    rationale: str
    """Its short reasoning."""
    criteria: dict[str, CriterionAnswer]
    """Criterion id -> answer; one left out counts as `cannot_tell`."""
    fields: dict[str, Any] = Field(default_factory=dict)
    """The rubric's extra fields."""
    usage: Usage = Usage()
    """What it cost."""
    latency_s: float = 0.0
    """Seconds."""
    ledger: tuple[Call, ...] = ()
    """Its requests, one by one."""
    coverage: float = 1.0
    """Share of the judged text's characters that the judge saw, of what it was given."""
    windows: int = 1
    """Windows that the trace was judged in."""
    quoted: bool = True
    """Whether this judge gives quotes at all; where it does not, a positive answer needs none."""
    probabilities: dict[str, float] = Field(default_factory=dict)
    """Criterion -> probability (0 to 1) that it is met, where the judge gives one; the score is made of them then."""
    score_kind: ScoreKind = "criteria"
    """Where the probabilities come from; `criteria` without them."""
    direct: DirectAnswer | None = None
    """The label itself, from a judge that answers no criteria; `criteria` and `probabilities` are empty then."""
    further: tuple[Answers, ...] = ()
    """Further draws of the same question."""


class _Reply(BaseModel):
    """Base of the models a reply is parsed into: strict about names, so a schema can be exact."""

    model_config = ConfigDict(extra="forbid")


class _QuoteReply(_Reply):
    segment: int = Field(description="number of the segment the quote stands in")
    text: str = Field(description="verbatim passage, copied character by character")


@lru_cache(maxsize=64)
def _reply_model(rubric_json: str, suffix: str) -> type[BaseModel]:
    rubric = Rubric.model_validate_json(rubric_json)
    criteria = _model(
        f"Criteria{suffix}",
        {
            name: (_criterion_model(f"{name}{suffix}", c, counter=rubric.counter_evidence), ...)
            for name, c in rubric.criteria.items()
        },
    )
    parts: dict[str, Any] = {
        "rationale": (str, Field(description="the reasoning behind the answers, two to four sentences, written first")),
        "criteria": (criteria, ...),
    }
    if rubric.fields:
        fields = {name: (_field_type(f), Field(description=f.description)) for name, f in rubric.fields.items()}
        parts["fields"] = (_model(f"Fields{suffix}", fields), ...)
    return _model(f"Reply_{rubric.id}", parts)


def reply_model(rubric: Rubric) -> type[BaseModel]:
    """The pydantic model an LLM's reply to this rubric must satisfy: rationale first, then criteria, then fields.

    The same rubric gives the same class every time, so its JSON schema is built once.
    """
    return _reply_model(rubric.model_dump_json(), "")


def bundle_model(rubrics: Sequence[Rubric]) -> type[BaseModel]:
    """The pydantic model of a reply to several rubrics: one member per rubric id, each like its own reply, in order.

    The same rubrics give the same class every time.
    """
    return _bundle_model(tuple((rubric.id, rubric.model_dump_json()) for rubric in rubrics))


@lru_cache(maxsize=64)
def _bundle_model(rubrics: tuple[tuple[str, str], ...]) -> type[BaseModel]:
    # Suffixed, so that no two rubrics have models of one name in the schema.
    return _model("Replies", {name: (_reply_model(as_json, f"_{name}"), ...) for name, as_json in rubrics})


def _model(name: str, parts: dict[str, Any]) -> type[BaseModel]:
    # A rubric may name a thing `copy` or `model_dump`, which pydantic keeps for itself: such a field goes by an alias.
    taken = [part for part in parts if hasattr(_Reply, part) or part.startswith("model_")]
    for part in taken:
        kind, field = parts[part]
        description = None if field is ... else field.description
        parts[part] = (kind, Field(alias=part, description=description))
    return create_model(
        name, __base__=_Reply, **{f"aliased_{part}" if part in taken else part: parts[part] for part in parts}
    )


def _criterion_model(name: str, criterion: Criterion, *, counter: bool) -> type[BaseModel]:
    quotes = Field(description="at least one for every answer but the negative one; empty otherwise")
    parts: dict[str, Any] = {
        "answer": (Literal[criterion.choices], Field(description=criterion.text)),
        "quotes": (list[_QuoteReply], quotes),
    }
    if counter:
        parts["counter"] = (list[_QuoteReply], Field(description="the strongest passages against this answer"))
    return _model(f"Answer_{name}", parts)


def _field_type(field: ExtraField) -> Any:
    match field.type:
        case "choice":
            return Literal[field.choices]
        case "boolean":
            return bool | None
        case "integer":
            return int | None
        case "list":
            return list[str]
        case _:
            return str


def to_answers(reply: BaseModel) -> Answers:
    """A parsed reply as plain values, without usage."""
    return _answers(reply.model_dump(by_alias=True))


def bundle_answers(reply: BaseModel) -> dict[str, Answers]:
    """A parsed reply to a bundle as plain values: rubric id -> answers, without usage."""
    return {name: _answers(raw) for name, raw in reply.model_dump(by_alias=True).items()}


def _answers(raw: dict[str, Any]) -> Answers:
    return Answers(rationale=raw["rationale"], criteria=raw["criteria"], fields=raw.get("fields", {}))
