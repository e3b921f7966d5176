"""What a judge is: anything that answers a rubric about a trace, or that has others answer and makes one of it."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cotjudge.answer import Answers
from cotjudge.rubric import Rubric
from cotjudge.trace import Trace
from cotjudge.verdict import Failure, Opinion, ScoreKind, Verdict


class AnyJudge(Protocol):
    """What every judge has, be it one or several."""

    @property
    def spec(self) -> str:
        """The judge as the user named it: `lexical`, `openai/gpt-...`."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything about the judge that can change its answers (JSON values); part of the judgement key."""

    @property
    def prompt_version(self) -> str:
        """Version of its prompt; empty if it has none."""

    @property
    def notice(self) -> str:
        """One line every run with this judge shows the user; empty if there is nothing to say."""

    def rubric_hash(self, rubric: Rubric) -> str:
        """Hash of the part of a rubric this judge reads."""

    async def aclose(self) -> None:
        """Let go of connections."""


class Judge(AnyJudge, Protocol):
    """The port of a judge that answers for itself."""

    def view(self, trace: Trace) -> Trace:
        """The trace as this judge is shown it (redacted, say); its quotes are looked up there."""

    async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
        """Answer a rubric about a trace.

        Raises:
            JudgementFailed: this one judgement could not be had.
            JudgeUnusable: no judgement can be had from this judge.
            BudgetReached: the next call could cost more than is left.
        """


class BundleJudge(Judge, Protocol):
    """A judge that can answer several rubrics in one go."""

    @property
    def bundles(self) -> bool:
        """Whether it is to be asked so."""

    async def answer_together(self, trace: Trace, rubrics: Sequence[Rubric]) -> Mapping[str, Answers]:
        """Answer several rubrics about a trace at once: rubric id -> answers. Raises as `answer` does."""


Consult = Callable[[AnyJudge], Awaitable[Verdict | Failure]]
"""Has a member of a bench judge the trace and the rubric at hand; what it says is kept as its own verdict."""


class Bench(ABC):
    """Several judges that make one: a panel, a cascade.

    Args:
        kind: what comes before the colon of its spec.
        members: the judges it is made of, in order.
        name: what the user calls it; made of the members' names where empty.
    """

    prompt_version = ""

    def __init__(self, kind: str, members: Sequence[AnyJudge], name: str = "") -> None:
        self.kind = kind
        self.members = tuple(members)
        self.spec = name or f"{kind}:{','.join(m.spec for m in members)}"

    @property
    def identity(self) -> Mapping[str, Any]:
        """Its kind, and its members with the versions of their prompts."""
        members = [{**m.identity, "prompt": m.prompt_version} for m in self.members]
        return {"judge": self.kind, "members": members}

    @property
    def notice(self) -> str:
        """What its members have to say."""
        return "; ".join(dict.fromkeys(m.notice for m in self.members if m.notice))

    def rubric_hash(self, rubric: Rubric) -> str:
        """Hash of the parts of a rubric that its members read."""
        joined = " ".join(m.rubric_hash(rubric) for m in self.members)
        return hashlib.blake2b(joined.encode(), digest_size=16).hexdigest()

    async def aclose(self) -> None:
        """Let go of every member's connections."""
        for member in self.members:
            await member.aclose()

    @abstractmethod
    async def deliberate(self, rubric: Rubric, consult: Consult) -> Finding:
        """Consult members and make one of what they say.

        Raises:
            JudgementFailed: too few members could be heard.
            JudgeUnusable: no judgement can be had from a member.
            BudgetReached: the next call could cost more than is left.
        """


@dataclass(frozen=True, slots=True)
class Finding:
    """What a bench comes to."""

    label: str
    """The label; the rubric's `undecided` where votes are tied."""
    score: float | None
    """0 to 1, or None."""
    heard: tuple[Verdict | Failure, ...]
    """What each member consulted said, in order."""
    stands: Verdict
    """The verdict whose criteria, evidence and rationale the bench adopts."""
    votes: bool = True
    """Whether what was heard were votes; the tiers of a cascade do not vote, the last one heard stands."""
    relabels: bool = False
    """Whether the label is the bench's own reading of the one verdict it heard; nothing agrees or settles then."""
    score_kind: ScoreKind | None = None
    """What the score is made of, where that is neither votes nor what the standing verdict's is made of."""


def opinion(outcome: Verdict | Failure) -> Opinion:
    """What a member's verdict or failure is in the eyes of its bench."""
    if isinstance(outcome, Failure):
        reason = f"{outcome.kind}: {outcome.reason}"
        return Opinion(judge=outcome.judge, key=outcome.key, label=None, rationale=reason)
    return Opinion(
        judge=outcome.judge,
        key=outcome.key,
        label=outcome.label,
        score=outcome.score,
        answers={c.criterion: c.answer for c in outcome.criteria},
        rationale=outcome.rationale,
    )
