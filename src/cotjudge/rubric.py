"""The rubric: what is asked about a trace, and how the answers decide.

`cotjudge.rubric_file` reads one from YAML; here is what it means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, StringConstraints

from cotjudge import rule
from cotjudge.rule import CANNOT_TELL, Expression, Facts
from cotjudge.trace import Value

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
JudgedText = Literal["reasoning", "response", "both"]

_REMEMBERED = 4096
"""How many decisions of a rubric are kept before all are forgotten."""


class Cue(Value):
    """A phrase by which the embedded judge recognises a criterion.

    Patterns are RE2 syntax, matched without regard to case, from the beginning of a word; of a list, any may
    match.
    """

    match: Annotated[tuple[Text, ...], Field(min_length=1)]
    """What is looked for."""
    weight: float = 1.0
    """What the cue adds, once per trace (negative: speaks against); a criterion is met at a sum of 1."""
    near: tuple[Text, ...] = ()
    """Counts only where one of these also matches, in the same sentence or a neighbouring one."""
    unless: tuple[Text, ...] = ()
    """Does not count where one of these matches, in the same sentence or a neighbouring one."""
    guard: Literal["none", "wording", "claim", "plan"] = "claim"
    """What does not count, each level adding to the one before: nothing; quoted words (wording); what is negated
    or asked (claim); what is weighed and turned down (plan)."""
    segments: Annotated[int, Field(ge=1)] = 1
    """In how many separate segments it must be found."""
    within: Literal["judged", "model", "any"] | None = None
    """Where it is looked for; the criterion's own `evidence` where absent."""

    @property
    def patterns(self) -> tuple[str, ...]:
        """Every pattern of the cue."""
        return (*self.match, *self.near, *self.unless)


class Criterion(Value):
    """One observable question about a trace."""

    text: Text
    """What must be observable for the first choice."""
    guidance: str = ""
    """What tips it either way, for the judge."""
    choices: tuple[Name, ...] = ("yes", "no", CANNOT_TELL)
    """Answers, strongest first; the last is always `cannot_tell`, the one before it the negative."""
    weight: float = 1.0
    """Share in the score; negative counts against, 0 leaves it out."""
    evidence: Literal["judged", "model", "any"] = "judged"
    """Where its quotes may stand: the judged text, anything the model wrote, or any turn."""
    quote: Literal["required", "optional"] = "required"
    """Whether a positive answer without a quote is downgraded to `cannot_tell`."""
    across: Literal["any", "all", "repeats"] = "any"
    """How the windows of a long trace are made one answer. any: the strongest answer of a window, `cannot_tell`
    before the negative. all: the weakest, the negative before `cannot_tell` (for what holds only if it holds
    throughout). repeats: as any, and met where the windows together quote two different segments for `of`."""
    of: Name | None = None
    """The criterion whose repetition meets this one; with `across: repeats`."""
    cues: tuple[Cue, ...] = ()
    """What the embedded judge looks for."""

    @property
    def met(self) -> str:
        """The answer that counts as met."""
        return self.choices[0]

    @property
    def negative(self) -> str:
        """The answer that says: not at all."""
        return self.choices[-2]

    def credit(self, answer: str) -> float:
        """How far an answer meets the criterion, 0 to 1; `cannot_tell` is one half."""
        if answer == CANNOT_TELL:
            return 0.5
        last = len(self.choices) - 2
        return 1.0 - self.choices.index(answer) / last

    def is_positive(self, answer: str) -> bool:
        """Whether an answer claims something, and so owes a quote."""
        return answer not in (self.negative, CANNOT_TELL)


class ExtraField(Value):
    """A fact recorded beside the label; it decides nothing."""

    description: Text
    """What to record."""
    type: Literal["text", "choice", "boolean", "integer", "list"] = "text"
    """Its type; `list` is a list of texts."""
    choices: tuple[Text, ...] = ()
    """The values of a `choice`."""


class Example(Value):
    """A worked example, written for the rubric."""

    title: Text
    """What it shows."""
    context: str = ""
    """Prompt or system text before the reasoning, if it matters."""
    reasoning: Text
    """The model's reasoning."""
    response: str = ""
    """The model's answer, if it matters."""
    label: Name
    """The label the rule gives."""
    answers: dict[Name, str]
    """Criterion -> answer; criteria left out are the negative answer."""
    why: Text
    """Why, in a sentence."""


class Rubric(Value):
    """A question about traces, its criteria, and the rule that turns answers into a label."""

    id: Name
    """Name used on the command line and in the database."""
    version: Annotated[Text, Field(coerce_numbers_to_str=True)]
    """The author's version; part of the content hash like everything else."""
    title: Text
    """A human title."""
    question: Text
    """The one question the rubric answers."""
    definition: Text
    """What is meant, in prose."""
    judges: JudgedText = "reasoning"
    """Which text of the model is judged."""
    criteria: dict[Name, Criterion]
    """Criteria by id, in the order they are asked."""
    counter_evidence: bool = False
    """Whether the judge is also asked for the strongest quote against each answer."""
    derived: dict[Name, Any] = Field(default_factory=dict)
    """Named expressions stored beside the label, and usable in the rule."""
    rule: dict[Name, Any]
    """Label -> expression; the first that is true is the label."""
    otherwise: Name = "absent"
    """The label when every expression is false."""
    undecided: Name = "uncertain"
    """The label when an expression hangs on a `cannot_tell`."""
    severity: dict[Name, Any] = Field(default_factory=dict)
    """Level -> expression; the first that is true is the severity."""
    exclusions: tuple[Text, ...] = ()
    """What does not count."""
    hard_negatives: tuple[Text, ...] = ()
    """What looks like it and is not."""
    fields: dict[Name, ExtraField] = Field(default_factory=dict)
    """Facts recorded beside the label."""
    examples: tuple[Example, ...] = ()
    """Worked examples."""

    @cached_property
    def content_hash(self) -> str:
        """32 hex digits over everything in the file but comments, layout and key order."""
        return _digest(self.model_dump(mode="json"))

    @cached_property
    def question_hash(self) -> str:
        """Like `content_hash`, without cues and examples: all that a judge reading only the question sees."""
        raw = self.model_dump(mode="json", exclude={"examples": True, "criteria": {"__all__": {"cues"}}})
        return _digest(raw)

    def judging(self, text: JudgedText) -> Rubric:
        """The same rubric, put to another text of the model; a different question, so with other hashes."""
        return self.model_copy(update={"judges": text})

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label the rule can give, in the rule's order."""
        return tuple(dict.fromkeys((*self.rule, self.otherwise, self.undecided)))

    @cached_property
    def _expressions(self) -> dict[str, dict[str, Expression]]:
        parts = {"derived": self.derived, "rule": self.rule, "severity": self.severity}
        return {part: {name: rule.parse(raw) for name, raw in raws.items()} for part, raws in parts.items()}

    def decide(self, answers: Mapping[str, str], *, segments: int) -> Decision:
        """Turn answers into label, score, severity and derived values.

        Args:
            answers: criterion id -> answer, after evidence was checked; one left out is `cannot_tell`.
            segments: number of reasoning segments of the trace.
        """
        asked: tuple[int | str, ...] = (segments, *(answers.get(name, CANNOT_TELL) for name in self.criteria))
        decision = self._decisions.get(asked)
        if decision is None:
            if len(self._decisions) >= _REMEMBERED:
                self._decisions.clear()
            decision = self._decisions[asked] = self._decide(answers, segments)
        return decision

    @cached_property
    def _decisions(self) -> dict[tuple[int | str, ...], Decision]:
        """What was decided already: the same answers are given again and again."""
        return {}

    def _decide(self, answers: Mapping[str, str], segments: int) -> Decision:
        facts = self._facts(answers, segments)
        return Decision(
            label=self._label(facts),
            score=self.score(answers),
            severity=next((level for level, e in self._expressions["severity"].items() if e.value(facts)), None),
            derived={name: e.value(facts) for name, e in self._expressions["derived"].items()},
        )

    def _facts(self, answers: Mapping[str, str], segments: int) -> Facts:
        met = {name: criterion.met for name, criterion in self.criteria.items()}
        return Facts(answers=answers, met=met, derived=self._expressions["derived"], segments=segments)

    def _label(self, facts: Facts) -> str:
        for label, expression in self._expressions["rule"].items():
            value = expression.value(facts)
            if value is None:
                return self.undecided
            if value:
                return label
        return self.otherwise

    def score(self, answers: Mapping[str, str]) -> float | None:
        """Weighted share of criteria met, 0 to 1; None where the rubric weighs nothing."""
        return self.weighted({name: c.credit(answers.get(name, CANNOT_TELL)) for name, c in self.criteria.items()})

    def weighted(self, credit: Mapping[str, float]) -> float | None:
        """A score from how far each criterion is met.

        Args:
            credit: criterion -> 0 to 1.

        Returns:
            0 to 1; None where the rubric weighs nothing.
        """
        total = sum(c.weight for c in self.criteria.values() if c.weight > 0)
        if not total:
            return None
        gained = sum(c.weight * credit[name] for name, c in self.criteria.items() if c.weight)
        return min(1.0, max(0.0, gained / total))


class Decision(Value):
    """What the rule makes of a set of answers."""

    label: str
    """The label."""
    score: float | None
    """0 to 1, orders traces; None where the rubric weighs nothing."""
    severity: str | None
    """The first level that holds, or None."""
    derived: dict[str, bool | None]
    """Each derived expression; None is undecided."""


def _digest(raw: Any) -> str:
    canonical = orjson.dumps(raw, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(canonical, digest_size=16).hexdigest()
