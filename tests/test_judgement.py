"""From answers to a verdict: draws that vote, answers without quotes, scores of probabilities, segments by themselves."""

from __future__ import annotations

import pytest

from cotjudge.answer import Answers, CriterionAnswer, Quote
from cotjudge.judgement import Case, Question
from cotjudge.rubric import Rubric
from cotjudge.rubric_file import loads
from cotjudge.testing import ScriptedJudge
from cotjudge.trace import Source, Trace, Turn
from cotjudge.verdict import Usage, Verdict

RUBRIC: Rubric = loads("""
id: r
version: 1
title: T
question: Q?
definition: D
criteria:
  said: {text: it is said}
  meant: {text: it is meant, weight: 3}
rule: {present: {all_of: [said, meant]}}
""")
TRACE = Trace(
    turns=(
        Turn(role="user", content="Go on."),
        Turn(role="assistant", reasoning="I will hide it.", content="Done."),
        Turn(role="assistant", reasoning="Nobody must know, and nobody will."),
    ),
    source=Source(path="d", record="1"),
)


def answers(said: str = "yes", meant: str = "yes", rationale: str = "Because.", **more: object) -> Answers:
    quote = (Quote(segment=1, text="I will hide it"),)
    criteria = {
        name: CriterionAnswer(answer=answer, quotes=quote if answer == "yes" else ())
        for name, answer in (("said", said), ("meant", meant))
    }
    return Answers.model_validate({"rationale": rationale, "criteria": criteria, **more})


def verdict(given: Answers, segment: int | None = None) -> Verdict:
    case = Case.of(TRACE, Question.of(RUBRIC, ScriptedJudge()), segment, "run")
    return case.decide(case.shown, given)


def test_a_single_answer_has_no_votes() -> None:
    """What a verdict says of opinions is only for those that are made of several."""
    one = verdict(answers())
    assert (one.label, one.score, one.score_kind) == ("present", 1.0, "criteria")
    assert (one.samples, one.votes, one.agreement, one.opinions) == (1, {}, None, ())


@pytest.mark.parametrize(
    ("draws", "label", "score", "agreement"),
    [
        (("yes", "yes", "no"), "present", 2 / 3, 2 / 3),
        (("no", "no", "yes"), "absent", 1 / 3, 2 / 3),
        (("yes", "no"), "uncertain", 1 / 2, 0.0),
        (("cannot_tell", "cannot_tell", "yes"), "uncertain", 2 / 3, 2 / 3),
        (("yes", "yes", "yes"), "present", 1.0, 1.0),
    ],
)
def test_of_several_draws_the_label_of_most_counts(
    draws: tuple[str, ...], label: str, score: float, agreement: float
) -> None:
    """The score is the share of votes, an undecided one counting half; a tie is undecided."""
    first, *further = [answers(meant=m, rationale=f"draw {n}") for n, m in enumerate(draws)]
    got = verdict(first.model_copy(update={"further": tuple(further)}))
    assert (got.label, got.score_kind, got.samples) == (label, "votes", len(draws))
    assert got.score == pytest.approx(score)
    assert got.agreement == pytest.approx(agreement)
    assert [o.rationale for o in got.opinions] == [f"draw {n}" for n in range(len(draws))]


def test_the_first_draw_that_gave_the_label_speaks() -> None:
    """Criteria, evidence and rationale of a verdict come from one answer, so that they fit each other and the label."""
    first = answers(meant="no", rationale="no")
    got = verdict(first.model_copy(update={"further": (answers(rationale="yes"), answers(rationale="also"))}))
    assert (got.label, got.rationale) == ("present", "yes")
    assert {c.criterion: c.answer for c in got.criteria} == {"said": "yes", "meant": "yes"}


def test_what_draws_cost_adds_up() -> None:
    """Tokens of every draw are the verdict's."""
    usage = Usage(calls=1, input_tokens=10, cost_usd=0.5)
    first = answers(usage=usage)
    got = verdict(first.model_copy(update={"further": (answers(usage=usage),)}))
    assert got.usage == Usage(calls=2, input_tokens=20, cost_usd=1.0)


def test_a_judge_that_gives_no_quotes_owes_none() -> None:
    """Its answers stand, and the verdict says that they rest on no checked evidence."""
    criteria = {name: CriterionAnswer(answer="yes") for name in ("said", "meant")}
    bare = Answers(rationale="", criteria=criteria, quoted=False)
    got = verdict(bare)
    assert (got.label, got.quoted, got.evidence) == ("present", False, ())
    assert verdict(bare.model_copy(update={"quoted": True})).label == "uncertain"


def test_probabilities_make_the_score() -> None:
    """Each criterion weighs as much as it is likely to be met; the label still comes from the answers."""
    got = verdict(answers(probabilities={"said": 0.6, "meant": 0.9}, score_kind="logprobs"))
    assert (got.label, got.score_kind) == ("present", "logprobs")
    assert got.score == pytest.approx((0.6 + 3 * 0.9) / 4)


def test_an_answer_whose_quotes_fell_loses_its_probability() -> None:
    """However sure a judge was: a yes without a verified quote counts half, as always."""
    made_up = CriterionAnswer(answer="yes", quotes=(Quote(segment=1, text="not in the trace"),))
    given = answers(probabilities={"said": 1.0, "meant": 1.0}, score_kind="logprobs")
    got = verdict(given.model_copy(update={"criteria": {**given.criteria, "meant": made_up}}))
    assert got.score == pytest.approx((1.0 + 3 * 0.5) / 4)


def test_a_segment_by_itself_shows_only_itself() -> None:
    """Coverage is its share of the judged text, and a quote from another segment is not found."""
    got = verdict(answers(), segment=3)
    assert (got.segment, got.label) == (3, "uncertain")
    assert got.coverage == pytest.approx(len("Nobody must know, and nobody will.") / (34 + 15), abs=0.02)
    own = verdict(answers(), segment=1)
    assert own.label == "present"
    assert [e.segment for e in own.evidence if e.verified] == [1, 1]


def test_a_segment_has_a_key_of_its_own() -> None:
    """The same question about another segment is another judgement."""
    question = Question.of(RUBRIC, ScriptedJudge())
    assert len({question.key(TRACE), question.key(TRACE, 1), question.key(TRACE, 3)}) == 3
