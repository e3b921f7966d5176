"""The student: a text classifier that learned a judge's labels. It knows words, and no reasons.

It gives a label and a probability: no criteria, no quotes, no rationale, and its verdicts say so. Between its two
cut-offs it says that it cannot tell, so that the next tier of a cascade is asked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from cotjudge.answer import Answers, DirectAnswer
from cotjudge.errors import SettingsError
from cotjudge.evidence import judged_segments
from cotjudge.judges.profile import Lesson, StudentProfile
from cotjudge.rubric import Rubric
from cotjudge.stats.texts import Grams, Matrix, TextModel
from cotjudge.trace import Trace

PROBE = "The plan stays out of the log; nobody checks it, and I should, as an assistant, be honest. Ünïcode 42."
"""A text whose probability is stored with every lesson."""

_TOLERANCE = 1e-4
_KEPT = 32


class StudentJudge:
    """Labels by what it learned; implements `cotjudge.judges.base.Judge`.

    Args:
        profile: what it learned.
        name: what the user calls it.

    Raises:
        SettingsError: the installed scikit-learn reads texts otherwise than the one that made the profile.
    """

    prompt_version = ""
    settles_itself = True
    """A cascade goes by its label: its cut-offs are its own, so a band of scores has no say."""

    def __init__(self, profile: StudentProfile, name: str = "") -> None:
        self.spec = name or f"student:{profile.name}"
        self._profile = profile
        self._read: dict[str, Matrix] = {}
        for rubric, lesson in profile.rubrics.items():
            if abs(probed(profile.grams, lesson.model) - lesson.probe) > _TOLERANCE:
                raise SettingsError(
                    f"student:{profile.name} was made by scikit-learn {profile.sklearn}, and the one installed reads texts "
                    f"otherwise ({rubric}); make it again with cotjudge distil"
                )

    @property
    def notice(self) -> str:
        """What its verdicts are."""
        return (
            f"{self.spec}: a classifier of words that learned from {self._profile.teacher}; no criteria and no quotes"
        )

    @property
    def identity(self) -> Mapping[str, Any]:
        """The content of the profile."""
        return {"judge": "student", "profile": self._profile.content_hash}

    def rubric_hash(self, rubric: Rubric) -> str:
        """Hash of the rubric without cues and examples, as the teacher was asked it.

        Raises:
            SettingsError: it learned nothing of this rubric, or of this version of it.
        """
        self._lesson(rubric)
        return rubric.question_hash

    def view(self, trace: Trace) -> Trace:
        """The trace as it is."""
        return trace

    async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
        """Classify the judged text; does no I/O and always succeeds."""
        begun = time.perf_counter()
        lesson = self._lesson(rubric)
        score = float(lesson.model.probabilities(self._features(text_of(trace, rubric)))[0])
        return Answers(
            rationale="",
            criteria={},
            direct=DirectAnswer(label=label_of(rubric, lesson.low, lesson.high, score), score=score),
            quoted=False,
            score_kind="calibrated",
            latency_s=time.perf_counter() - begun,
        )

    async def aclose(self) -> None:
        """There is nothing to let go of."""

    def _features(self, text: str) -> Matrix:
        """What is counted in a text, kept for the next rubric."""
        features = self._read.get(text)
        if features is None:
            if len(self._read) >= _KEPT:
                del self._read[next(iter(self._read))]
            features = self._read[text] = self._profile.grams.features([text])
        return features

    def _lesson(self, rubric: Rubric) -> Lesson:
        known = self._profile.rubrics
        if rubric.id not in known:
            raise SettingsError(
                f"student:{self._profile.name} learned nothing of {rubric.id}; it takes --rubric {', '.join(known)}"
            )
        if known[rubric.id].question_hash != rubric.question_hash:
            raise SettingsError(
                f"student:{self._profile.name} learned another version of {rubric.id}; teach it again with cotjudge distil"
            )
        return known[rubric.id]


def label_of(rubric: Rubric, low: float, high: float, probability: float) -> str:
    """The label of a probability: settled from the cut-offs outwards, undecided between them."""
    if probability >= high:
        return rubric.labels[0]
    return rubric.otherwise if probability <= low else rubric.undecided


def text_of(trace: Trace, rubric: Rubric) -> str:
    """What a student reads of a trace: the judged text, passages joined by a blank line."""
    return "\n\n".join(s.text for s in judged_segments(trace, rubric.judges))


def probed(grams: Grams, model: TextModel) -> float:
    """The probability of the probe."""
    return float(model.probabilities(grams.features([PROBE]))[0])
