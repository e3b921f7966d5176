"""A judge whose scores are read another way: by a threshold, or by a map to probabilities, fitted to labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cotjudge.errors import JudgementFailed, SettingsError
from cotjudge.fingerprint import judge_hash
from cotjudge.judges.base import AnyJudge, Bench, Consult, Finding
from cotjudge.judges.profile import CalibratedProfile, Calibration
from cotjudge.rubric import Rubric
from cotjudge.stats.calibration import IsotonicMap
from cotjudge.verdict import Failure, ScoreKind

EVEN = 0.5
"""A probability from here on is the rubric's first label."""


class Calibrated(Bench):
    """Asks one judge and relabels what it says by its score; its own verdict is stored and found again by itself.

    Args:
        judge: the judge that the profile was fitted to.
        profile: how its scores are read.
        name: what the user calls it.

    Raises:
        SettingsError: the judge is not the one that the profile was fitted to.
    """

    def __init__(self, judge: AnyJudge, profile: CalibratedProfile, name: str = "") -> None:
        super().__init__("calibrated", [judge], name or f"calibrated:{profile.name}")
        self._profile = profile
        fitted = (profile.judge_hash, profile.prompt_version)
        if (judge_hash(judge.identity), judge.prompt_version) != fitted:
            raise SettingsError(
                f"calibrated:{profile.name} was fitted to {profile.judge} with other settings or of another version; "
                "give the settings it had, or fit it again with cotjudge calibrate"
            )

    @property
    def identity(self) -> Mapping[str, Any]:
        """The judge, and the content of the profile."""
        return {**super().identity, "profile": self._profile.content_hash}

    def rubric_hash(self, rubric: Rubric) -> str:
        """Hash of the part that the judge reads.

        Raises:
            SettingsError: the profile says nothing of this rubric, or of this version of it.
        """
        known = self._profile.rubrics
        if rubric.id not in known:
            raise SettingsError(
                f"calibrated:{self._profile.name} was not fitted for {rubric.id}; it takes --rubric {', '.join(known)}"
            )
        if self.members[0].rubric_hash(rubric) != known[rubric.id].rubric_hash:
            raise SettingsError(
                f"calibrated:{self._profile.name} was fitted to another version of {rubric.id}; "
                "fit it again with cotjudge calibrate"
            )
        return super().rubric_hash(rubric)

    async def deliberate(self, rubric: Rubric, consult: Consult) -> Finding:
        """Have the judge judge, and read its score.

        Raises:
            JudgementFailed: the judge's judgement could not be had; what it cost stands with the judge's own failure.
        """
        heard = await consult(self.members[0])
        if isinstance(heard, Failure):
            raise JudgementFailed(heard.kind, heard.reason)
        label, score, kind = read(rubric, self._profile.rubrics[rubric.id], heard.score)
        return Finding(
            label=label,
            score=score,
            heard=(heard,),
            stands=heard,
            votes=False,
            relabels=True,
            score_kind=kind,
        )


def read(rubric: Rubric, calibration: Calibration, score: float | None) -> tuple[str, float | None, ScoreKind | None]:
    """A score's label, the score that is told, and what it is made of (None: of what it was made of before).

    Without a score the label is the rubric's `undecided`.
    """
    if score is None:
        return rubric.undecided, None, None
    kind: ScoreKind | None = None
    if isinstance(calibration.map, IsotonicMap):
        score = float(calibration.map.apply([score])[0])
        positive, kind = score >= EVEN, "calibrated"
    else:
        positive = score >= calibration.map.value
    return (rubric.labels[0] if positive else rubric.otherwise), score, kind
