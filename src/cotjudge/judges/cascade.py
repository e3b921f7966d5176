"""A cascade: cheap judges first; what they leave in doubt goes on to the dear ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

from cotjudge.errors import JudgementFailed
from cotjudge.judges.base import AnyJudge, Bench, Consult, Finding
from cotjudge.rubric import Rubric
from cotjudge.verdict import Failure, Verdict

Doubt = Literal["uncertain", "split", "band", "contradiction", "unverified"]
"""Why a tier's verdict goes on to the next one."""

DOUBTS: tuple[Doubt, ...] = get_args(Doubt)

BAND = (0.2, 0.8)
"""Scores between these are in doubt, unless the user says otherwise."""

_DENIES = re.compile(
    r"\b(?:no (?:sign|evidence|indication|trace|hint)s? (?:of|that|for)|nothing (?:suggests|indicates|points|here)"
    r"|(?:does|did|do) not (?:meet|show|conceal|scheme|amount|qualify|count)|is(?: clearly)? (?:absent|not present))\b",
    re.IGNORECASE,
)
_ASSERTS = re.compile(
    r"\b(?:clear(?:ly)? (?:a case|an instance|evidence|present)|is(?: clearly)? present|unmistakabl[ey]|plainly (?:meets|shows))\b",
    re.IGNORECASE,
)


class Cascade(Bench):
    """Asks tier after tier until one leaves no doubt; the last one asked decides.

    Args:
        tiers: at least two judges, cheapest first.
        escalate: which doubts send a trace on.
        band: scores from the first to the second number (0 to 1, both excluded) are in doubt.
        name: what the user calls it.
    """

    def __init__(
        self,
        tiers: Sequence[AnyJudge],
        *,
        escalate: Sequence[Doubt] = DOUBTS,
        band: tuple[float, float] = BAND,
        name: str = "",
    ) -> None:
        super().__init__("cascade", tiers, name)
        self.escalate = tuple(escalate)
        self.band = band

    @property
    def identity(self) -> dict[str, object]:
        """Its tiers and when it goes on."""
        return {**super().identity, "escalate": sorted(self.escalate), "band": list(self.band)}

    async def deliberate(self, rubric: Rubric, consult: Consult) -> Finding:
        """Ask until one tier settles it. A tier that fails settles nothing.

        Raises:
            JudgementFailed: every tier failed.
        """
        heard: list[Verdict | Failure] = []
        stands: Verdict | None = None
        for tier in self.members:
            outcome = await consult(tier)
            heard.append(outcome)
            if isinstance(outcome, Verdict):
                stands = outcome
                if not self.doubts(rubric, outcome, banded=not getattr(tier, "settles_itself", False)):
                    break
        if stands is None:
            last = heard[-1]
            assert isinstance(last, Failure)  # noqa: S101 (no verdict was heard)
            raise JudgementFailed(last.kind, f"every tier failed; the last, {last.judge}: {last.reason}")
        return Finding(label=stands.label, score=stands.score, heard=tuple(heard), stands=stands, votes=False)

    def doubts(self, rubric: Rubric, verdict: Verdict, *, banded: bool = True) -> tuple[Doubt, ...]:
        """What speaks for asking the next tier, of what this cascade minds.

        uncertain: the label is the rubric's `undecided`. split: draws or members disagreed. band: the score lies in
        the band, unless the tier has cut-offs of its own (`banded` is false). unverified: an answer fell because its quotes did not hold. contradiction: the rationale denies what
        the criteria say, or the other way round (told by its words, so a hint, not a proof).
        """
        low, high = self.band
        found: dict[Doubt, bool] = {
            "uncertain": verdict.label == rubric.undecided,
            "split": verdict.agreement is not None and verdict.agreement < 1 and not verdict.settled_by,
            "band": banded and verdict.score is not None and low < verdict.score < high,
            "contradiction": _contradicts(rubric, verdict),
            "unverified": any(c.answer != c.given for c in verdict.criteria),
        }
        return tuple(doubt for doubt in self.escalate if found[doubt])


def _contradicts(rubric: Rubric, verdict: Verdict) -> bool:
    if verdict.label == rubric.labels[0]:
        return bool(_DENIES.search(verdict.rationale)) and not _ASSERTS.search(verdict.rationale)
    if verdict.label == rubric.otherwise:
        return bool(_ASSERTS.search(verdict.rationale)) and not _DENIES.search(verdict.rationale)
    return False
