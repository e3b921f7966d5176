"""A panel: several judges asked independently; most of them decide."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cotjudge import voting
from cotjudge.errors import JudgementFailed
from cotjudge.judges.base import AnyJudge, Bench, Consult, Finding
from cotjudge.rubric import Rubric
from cotjudge.verdict import Failure, Verdict


class Panel(Bench):
    """Asks every member and takes the label of most; a tie is the rubric's `undecided`.

    The score is the share of votes. Each member's verdict is a judgement of its own, stored and found again by itself.

    Args:
        members: at least two judges, in order.
        name: what the user calls it.
    """

    def __init__(self, members: Sequence[AnyJudge], name: str = "") -> None:
        super().__init__("panel", members, name)

    async def deliberate(self, rubric: Rubric, consult: Consult) -> Finding:
        """Ask all at once.

        Raises:
            JudgementFailed: half of the members or more could not be heard; the kind is the first one's.
        """
        heard = tuple(await asyncio.gather(*(consult(member) for member in self.members)))
        verdicts = [outcome for outcome in heard if isinstance(outcome, Verdict)]
        if 2 * len(verdicts) <= len(heard):
            raise _unheard([outcome for outcome in heard if isinstance(outcome, Failure)], len(heard))
        labels = [verdict.label for verdict in verdicts]
        label = voting.majority(rubric, labels)
        stands = verdicts[voting.speaker(label, labels)]
        score = None if stands.score is None else voting.share(rubric, labels)
        return Finding(label=label, score=score, heard=heard, stands=stands)


def _unheard(failures: Sequence[Failure], members: int) -> JudgementFailed:
    reasons = "; ".join(f"{f.judge}: {f.kind} ({f.reason})" for f in failures)
    return JudgementFailed(failures[0].kind, f"{len(failures)} of {members} members could not be heard: {reasons}")
