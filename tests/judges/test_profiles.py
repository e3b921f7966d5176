"""Judge profiles: what is stored, what is refused, and what is in the judgement key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.store.values import NOW
from tests.test_judgement import RUBRIC, TRACE, answers
from tests.validation.invented import texts

from cotjudge.answer import Answers
from cotjudge.court import Court
from cotjudge.errors import JudgementFailed, SettingsError
from cotjudge.fingerprint import judge_hash
from cotjudge.judgement import Question
from cotjudge.judges import profile, registry
from cotjudge.judges.calibrated import Calibrated
from cotjudge.judges.profile import CalibratedProfile, Calibration, Lesson, StudentProfile
from cotjudge.judges.student import StudentJudge, probed
from cotjudge.stats.calibration import IsotonicMap, Threshold
from cotjudge.stats.texts import Grams, learn
from cotjudge.testing import ScriptedJudge
from cotjudge.verdict import Failure, Verdict

CUT = Threshold(value=0.3, objective="mcc", limit=None, attained=0.5, n=10)
MAP = IsotonicMap(scores=(0.0, 1.0), probabilities=(0.0, 0.4), n=10)
GRAMS = Grams(buckets=512)


def calibrated(judge: ScriptedJudge, read: Threshold | IsotonicMap = CUT, name: str = "x") -> CalibratedProfile:
    return CalibratedProfile(
        name=name,
        version="1",
        figures={},
        created_at=NOW,
        judge=judge.spec,
        judge_hash=judge_hash(judge.identity),
        judge_identity=dict(judge.identity),
        prompt_version="",
        labels="gold",
        rubrics={"r": Calibration(rubric_hash=RUBRIC.question_hash, map=read)},
    )


def student(low: float = 0.1, probe: float | None = None) -> StudentProfile:
    said = texts(30)
    model = learn(GRAMS.features([text for text, _ in said]), [hides for _, hides in said]).model
    lesson = Lesson(
        question_hash=RUBRIC.question_hash,
        low=low,
        high=0.9,
        probe=probed(GRAMS, model) if probe is None else probe,
        model=model,
    )
    return StudentProfile(
        name="s",
        version="1",
        figures={},
        created_at=NOW,
        teacher="lexical",
        sklearn="1",
        grams=GRAMS,
        rubrics={"r": lesson},
    )


@pytest.mark.parametrize("kind", ["calibrated", "student"])
def test_a_profile_comes_back_as_it_was(tmp_path: Path, kind: str) -> None:
    """Saved and loaded it is the same, and its file is JSON that people can read."""
    made = calibrated(ScriptedJudge()) if kind == "calibrated" else student()
    path = profile.save(made, tmp_path / "profiles")
    assert profile.load(tmp_path / "profiles", made.kind, made.name) == made.sealed()
    assert json.loads(path.read_text())["hash"] == made.content_hash
    assert profile.names(tmp_path / "profiles") == (f"{kind}:{made.name}",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": "somebody"}, "hash: the content was changed since the profile was made"),
        ({"name": "y"}, "holds calibrated:y"),
        ({"kind": "oracle"}, "kind: "),
        ({"judge": 7}, "judge: Input should be a valid string"),
        ({"surplus": 1}, "surplus: Extra inputs are not permitted"),
        (None, "cannot be read as a profile"),
    ],
)
def test_a_tampered_profile_is_refused(tmp_path: Path, change: dict[str, object] | None, message: str) -> None:
    """One line that names the file, the field and the cure."""
    path = profile.save(calibrated(ScriptedJudge()), tmp_path)
    path.write_text("{" if change is None else json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SettingsError) as refused:
        profile.load(tmp_path, "calibrated", "x")
    assert message in str(refused.value)
    assert str(path) in str(refused.value)
    assert str(refused.value).endswith("make it again with cotjudge calibrate")
    assert "\n" not in str(refused.value)


def test_tampered_weights_are_refused(tmp_path: Path) -> None:
    """Whether they can still be read or not; a bomb of zeros is not unpacked either."""
    path = profile.save(student(), tmp_path)
    raw = json.loads(path.read_text())
    raw["rubrics"]["r"]["model"]["weights"] = "AAAA"
    path.write_text(json.dumps(raw))
    with pytest.raises(SettingsError, match="weights cannot be read"):
        profile.load(tmp_path, "student", "s")


def test_an_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    """Or says which command makes one."""
    with pytest.raises(SettingsError, match="none yet; cotjudge distil makes one"):
        registry.make("student:who", profiles=tmp_path / "none")
    profile.save(calibrated(ScriptedJudge()), tmp_path)
    profile.save(student(), tmp_path)
    with pytest.raises(SettingsError, match="there are calibrated:x, student:s"):
        registry.make("calibrated:who", profiles=tmp_path)
    with pytest.raises(SettingsError, match="no name of a profile"):
        registry.make("student:../x", profiles=tmp_path)


def test_the_content_of_a_profile_is_in_the_key() -> None:
    """Another threshold, another map, other cut-offs: other judgements; another day changes nothing."""
    judge, other = ScriptedJudge(), CUT.model_copy(update={"value": 0.4})
    profiles = [calibrated(judge), calibrated(judge, other), calibrated(judge, MAP)]
    keys = [Question.of(RUBRIC, Calibrated(judge, p)).key(TRACE) for p in profiles]
    keys += [Question.of(RUBRIC, StudentJudge(student(low))).key(TRACE) for low in (0.1, 0.2)]
    assert len({*keys}) == 5
    later = calibrated(judge).model_copy(update={"created_at": NOW.replace(year=2030)})
    assert Question.of(RUBRIC, Calibrated(judge, later)).key(TRACE) == keys[0]


@pytest.mark.parametrize(
    ("said", "read", "label", "score", "kind"),
    [
        (answers(meant="no"), CUT, "absent", 0.25, "criteria"),
        (answers("no"), CUT, "present", 0.75, "criteria"),
        (answers(meant="cannot_tell"), CUT, "present", 0.625, "criteria"),
        (answers(), MAP, "absent", 0.4, "calibrated"),
    ],
)
async def test_the_score_decides_the_label(
    said: Answers, read: Threshold | IsotonicMap, label: str, score: float, kind: str
) -> None:
    """By the threshold, or by the probability; criteria, evidence and rationale stay the judge's."""
    judge = ScriptedJudge(said)
    own = await Court("run").ask(TRACE, Question.of(RUBRIC, judge))
    verdict = await Court("run").ask(TRACE, Question.of(RUBRIC, Calibrated(judge, calibrated(judge, read))))
    assert isinstance(verdict, Verdict)
    assert isinstance(own, Verdict)
    assert (verdict.label, str(verdict.score_kind)) == (label, kind)
    assert verdict.score == pytest.approx(score)
    assert (verdict.criteria, verdict.evidence, verdict.rationale) == (own.criteria, own.evidence, own.rationale)
    assert (verdict.agreement, verdict.votes, verdict.settled_by, verdict.judge) == (None, {}, "", "calibrated:x")
    assert [o.key for o in verdict.opinions] == [own.key]


async def test_a_verdict_that_is_known_is_not_asked_again() -> None:
    """The judge's own verdict is found by its own key."""
    judge = ScriptedJudge(answers())
    own = await Court("run").ask(TRACE, Question.of(RUBRIC, judge))
    assert isinstance(own, Verdict)
    question = Question.of(RUBRIC, Calibrated(judge, calibrated(judge)))
    assert [q.key(TRACE) for q in question.members()] == [own.key]
    await Court("run", known={own.key: own}).ask(TRACE, question)
    assert len(judge.asked) == 1


async def test_what_the_judge_could_not_judge_fails() -> None:
    """A failure is no label, however scores are read."""
    judge = ScriptedJudge(JudgementFailed("refused", "no"))
    outcome = await Court("run").ask(TRACE, Question.of(RUBRIC, Calibrated(judge, calibrated(judge))))
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.judge) == ("refused", "calibrated:x")


def test_another_judge_than_the_fitted_one_is_refused() -> None:
    """The same name with other settings gives other scores."""
    with pytest.raises(SettingsError, match="was fitted to a with other settings or of another version"):
        Calibrated(ScriptedJudge(spec="b"), calibrated(ScriptedJudge(spec="a")))


def test_a_profile_cannot_be_fitted_to_itself(tmp_path: Path) -> None:
    """A circle is a mistake, and no endless loop."""
    profile.save(calibrated(ScriptedJudge(spec="calibrated:x")), tmp_path)
    with pytest.raises(SettingsError, match="calibrated:x is fitted to itself"):
        registry.make("calibrated:x", profiles=tmp_path)


def test_a_library_that_reads_texts_otherwise_is_noticed() -> None:
    """A stored probability of a fixed text is compared when the student is made."""
    with pytest.raises(SettingsError, match="made by scikit-learn 1, and the one installed reads texts otherwise"):
        StudentJudge(student(probe=0.123))


async def test_a_student_answers_the_same_from_its_file(tmp_path: Path) -> None:
    """Weights come back to the last bit."""
    made = student()
    profile.save(made, tmp_path)
    loaded = registry.make("student:s", profiles=tmp_path)
    assert isinstance(loaded, StudentJudge)
    first, second = [await judge.answer(TRACE, RUBRIC) for judge in (StudentJudge(made), loaded)]
    assert first.direct == second.direct
    assert loaded.notice.startswith("student:s: a classifier of words that learned from lexical")
