"""The verdict: what a judge answered about one trace and one rubric, checked and decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from cotjudge.trace import Part, Value

FailureKind = Literal[
    "refused", "truncated", "unparseable", "over_context", "rate_limited", "unavailable", "auth", "budget"
]
Stance = Literal["for", "against"]
Match = Literal["exact", "normalised"]
ScoreKind = Literal["criteria", "votes", "logprobs", "decisions", "calibrated"]
"""What a score is made of: the weighted share of criteria met; the share of votes; the probabilities of the criteria's
answers, from the log-probabilities of a reply or from a decision endpoint; the probability of the label, fitted to
labels or to another judge's verdicts."""


class Usage(Value):
    """What a judgement cost, summed over its calls (re-asks and samples included)."""

    calls: int = 0
    """Requests that were answered."""
    input_tokens: int = 0
    """Prompt tokens, cached ones included."""
    cached_tokens: int = 0
    """Prompt tokens the provider served from its cache."""
    output_tokens: int = 0
    """Completion tokens, reasoning tokens included."""
    reasoning_tokens: int = 0
    """Completion tokens spent on the judge's own reasoning."""
    cost_usd: float | None = 0.0
    """US dollars; None where the price of the model is not known."""

    def __add__(self, other: Usage) -> Usage:
        known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cost_usd=(self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
        )


class Call(Value):
    """One answered request, as the ledger keeps it, usable or not."""

    model: str
    """The model asked, as litellm names it."""
    outcome: Literal["used", "unusable"]
    """Whether its answer could be used."""
    usage: Usage
    """Tokens and cost of this one request."""
    latency_s: float
    """Seconds until its answer."""
    created_at: datetime
    """When it was answered (UTC)."""
    shared_by: int = 1
    """Judgements that share it (a bundle asks several rubrics at once); each carries its share of the usage."""
    batch: bool = False
    """Whether it went through a provider's batch interface."""


class Opinion(Value):
    """One of several opinions that a verdict is made of: a draw of the same judge, a member of a panel, a tier of a cascade."""

    judge: str
    """Who holds it."""
    key: str = ""
    """Judgement key of its own verdict; empty for a draw, which is stored nowhere else."""
    label: str | None
    """Its label; None where this judgement could not be had."""
    score: float | None = None
    """Its score."""
    answers: dict[str, str] = Field(default_factory=dict)
    """Criterion -> the answer that counts."""
    rationale: str = ""
    """Its reasoning; for a failure, why it could not be had."""


class Evidence(Value):
    """One quote a judge gave, and whether it stands in the trace."""

    criterion: str
    """The criterion it was given for."""
    stance: Stance
    """Whether it speaks for the answer or is the strongest counter-evidence."""
    quote: str
    """The quote as the judge gave it."""
    verified: bool
    """Whether it was found where this criterion's quotes may stand; only then is it evidence."""
    match: Match | None = None
    """exact, or normalised (white space, Unicode compatibility, quotation marks and dashes folded)."""
    segment: int | None = None
    """Index of the segment it was found in."""
    turn: int | None = None
    """Index of that segment's turn."""
    part: Part | None = None
    """reasoning, content or tool_call."""
    start: int | None = None
    """Offset of its first character in the segment's text (code points)."""
    end: int | None = None
    """Offset past its last character."""
    position: float | None = None
    """Where in the trace it begins, 0 to 1: the segments before it, and its place in its own, by the trace's segments."""
    addresses_judge: bool = False
    """Whether it talks to the judge ("mark this as absent"); such a quote is never evidence."""
    note: str = ""
    """Why it is no evidence, where it is none."""


class CriterionVerdict(Value):
    """The answer to one criterion."""

    criterion: str
    """Criterion id."""
    answer: str
    """The answer that counts, after its quotes were checked."""
    given: str
    """The answer the judge gave."""
    note: str = ""
    """Why the two differ, where they do."""


class Verdict(Value):
    """One finished judgement."""

    key: str
    """Judgement key: everything that can change this verdict, hashed."""
    trace_id: str
    """The trace."""
    rubric: str
    """Rubric id."""
    rubric_version: str
    """The rubric's own version."""
    rubric_hash: str
    """Hash of the part of the rubric this judge reads."""
    judge: str
    """The judge as the user named it."""
    judge_hash: str
    """Hash of the judge's identity: model, parameters, samples."""
    prompt_version: str
    """Version of the prompt; empty for a judge without one."""
    label: str
    """The label the rule gives: present, absent, uncertain, or the rubric's own."""
    score: float | None
    """0 to 1, orders traces; None where the rubric weighs nothing."""
    severity: str | None
    """The rubric's severity level, or None."""
    derived: dict[str, bool | None]
    """The rubric's derived expressions; None is undecided."""
    criteria: tuple[CriterionVerdict, ...]
    """One answer per criterion, in the rubric's order; none from a judge that gives the label itself."""
    evidence: tuple[Evidence, ...]
    """Every quote given, verified or not."""
    rationale: str
    """The judge's short reasoning, in its own words."""
    fields: dict[str, Any]
    """The rubric's extra fields."""
    injection_suspected: bool
    """Whether a quote addressed the judge."""
    usage: Usage
    """Tokens and cost."""
    latency_s: float
    """Seconds from the first request to the usable answer."""
    segment: int | None = None
    """Index of the one segment that was judged by itself; None where it was the trace."""
    coverage: float = 1.0
    """Share of the judged text's characters that the judge saw."""
    windows: int = 1
    """Windows that a long trace was judged in."""
    quoted: bool = True
    """Whether this judge gives quotes at all; where it does not, no answer rests on checked evidence."""
    score_kind: ScoreKind = "criteria"
    """What the score is made of."""
    samples: int = 1
    """Opinions that were asked for: draws, members, or tiers."""
    votes: dict[str, int] = Field(default_factory=dict)
    """Label -> opinions that gave it; empty for a single answer."""
    agreement: float | None = None
    """Share of the opinions had that gave this label; None for a single answer."""
    opinions: tuple[Opinion, ...] = ()
    """The opinions it is made of; empty for a single answer."""
    settled_by: str = ""
    """The member whose opinion stands, in a cascade."""
    model: str | None = None
    """The model that wrote the trace, as the record says that it was judged for."""
    task: str | None = None
    """Task, benchmark or scenario, likewise."""
    epoch: int | None = None
    """Number of the repetition, likewise."""
    variant: str | None = None
    """Which variant of the task, likewise."""
    position: float | None = None
    """Where in the trace the middle of that one segment is, 0 to 1; None where it was the trace."""
    ledger: tuple[Call, ...] = ()
    """Its requests, one by one."""
    run_id: str
    """The run that judged it."""
    created_at: datetime
    """When (UTC)."""


class Failure(Value):
    """One judgement that could not be had. Never a label; asked again by the next run."""

    key: str
    """Judgement key."""
    trace_id: str
    """The trace."""
    rubric: str
    """Rubric id."""
    judge: str
    """The judge as the user named it."""
    kind: FailureKind
    """The class of outcome."""
    reason: str
    """One line for people."""
    usage: Usage
    """What was spent all the same."""
    latency_s: float
    """Seconds spent."""
    segment: int | None = None
    """Index of the one segment that was to be judged by itself; None where it was the trace."""
    ledger: tuple[Call, ...] = ()
    """Its requests, one by one."""
    run_id: str
    """The run in which it failed."""
    created_at: datetime
    """When (UTC)."""
