"""One judgement: its key, the evidence checked, the rule applied, the verdict or the failure that comes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cotjudge import evidence, fingerprint, voting
from cotjudge.answer import Answers
from cotjudge.errors import JudgementFailed
from cotjudge.evidence import Checked
from cotjudge.judges.base import AnyJudge, Bench, Finding, opinion
from cotjudge.rubric import Decision, Rubric
from cotjudge.rule import CANNOT_TELL
from cotjudge.trace import Trace
from cotjudge.verdict import Evidence, Failure, Opinion, Usage, Verdict

Outcome = Verdict | Failure
"""What comes of a judgement."""


@dataclass(frozen=True, slots=True)
class Question:
    """A rubric as one judge will be asked it: all of the judgement key that does not depend on the trace."""

    rubric: Rubric
    rubric_hash: str
    judge: AnyJudge
    judge_hash: str

    @classmethod
    def of(cls, rubric: Rubric, judge: AnyJudge) -> Question:
        """The question a rubric puts to a judge."""
        return cls(rubric, judge.rubric_hash(rubric), judge, fingerprint.judge_hash(judge.identity))

    def key(self, trace: Trace, segment: int | None = None) -> str:
        """The judgement key of this question about a trace, or about one segment of it by itself."""
        return fingerprint.judgement_key(
            trace_id=trace.trace_id,
            rubric_hash=self.rubric_hash,
            judge_hash=self.judge_hash,
            prompt_version=self.judge.prompt_version,
            segment=segment,
        )

    def members(self) -> Iterator[Question]:
        """The same rubric as each member of a bench will be asked it, members of members included."""
        if isinstance(self.judge, Bench):
            for member in self.judge.members:
                question = Question.of(self.rubric, member)
                yield question
                yield from question.members()


@dataclass(frozen=True, slots=True)
class Case:
    """One trace, or one segment of it by itself, before one judge with one rubric."""

    trace: Trace
    question: Question
    segment: int | None
    key: str
    run_id: str

    @classmethod
    def of(cls, trace: Trace, question: Question, segment: int | None, run_id: str) -> Case:
        """The case with its key."""
        return cls(trace, question, segment, question.key(trace, segment), run_id)

    @property
    def shown(self) -> Trace:
        """What there is to judge: the trace, or the one segment."""
        if self.segment is None:
            return self.trace
        return self.trace.excerpt(s for s in self.trace.segments if s.index == self.segment)

    def decide(self, shown: Trace, answers: Answers) -> Verdict:
        """Check a judge's quotes in what it was shown, and let the rubric's rule decide.

        Of several draws each is decided by itself; the label of most counts, and the first draw that gave it speaks.
        """
        rubric = self.question.rubric
        draws = (answers, *answers.further)
        readings = [_Reading(shown, rubric, draw) for draw in draws]
        labels = [reading.label for reading in readings]
        label = voting.majority(rubric, labels)
        chosen = voting.speaker(label, labels)
        reading, spoken = readings[chosen], draws[chosen]
        several = len(draws) > 1
        return self._verdict(
            label=label,
            score=reading.score if not several or reading.score is None else voting.share(rubric, labels),
            severity=reading.decision.severity if label == reading.label else None,
            derived=reading.decision.derived,
            criteria=reading.checked.criteria,
            evidence=tuple(map(self._placed, reading.checked.evidence)),
            rationale=spoken.rationale,
            fields=spoken.fields,
            injection_suspected=any(r.checked.injection_suspected for r in readings),
            usage=sum((draw.usage for draw in draws), start=Usage()),
            latency_s=max(draw.latency_s for draw in draws),
            coverage=self._coverage() * spoken.coverage,
            windows=spoken.windows,
            quoted=spoken.quoted,
            score_kind="votes" if several else spoken.score_kind,
            samples=len(draws),
            votes=dict(Counter(labels)) if several else {},
            agreement=voting.agreement(label, labels) if several else None,
            opinions=tuple(r.opinion(self.question.judge.spec) for r in readings) if several else (),
            ledger=tuple(call for draw in draws for call in draw.ledger),
        )

    def found(self, finding: Finding, latency_s: float) -> Verdict:
        """The verdict of a bench. What it cost stands with its members' verdicts."""
        stands = finding.stands
        labels = [o.label for o in finding.heard if isinstance(o, Verdict)]
        own = stands.label == finding.label
        return self._verdict(
            label=finding.label,
            score=finding.score,
            severity=stands.severity if own else None,
            derived=stands.derived,
            criteria=stands.criteria,
            evidence=stands.evidence,
            rationale=stands.rationale,
            fields=stands.fields,
            injection_suspected=any(o.injection_suspected for o in finding.heard if isinstance(o, Verdict)),
            usage=Usage(),
            latency_s=latency_s,
            coverage=stands.coverage,
            windows=stands.windows,
            quoted=stands.quoted,
            score_kind="votes"
            if finding.votes and finding.score is not None
            else finding.score_kind or stands.score_kind,
            samples=len(finding.heard),
            votes=dict(Counter(labels)) if finding.votes else {},
            agreement=None if finding.relabels else voting.agreement(finding.label, labels),
            opinions=tuple(map(opinion, finding.heard)),
            settled_by="" if finding.votes or finding.relabels else stands.judge,
        )

    def failed(self, failed: JudgementFailed, latency_s: float) -> Failure:
        """The failure to store."""
        return Failure(
            key=self.key,
            trace_id=self.trace.trace_id,
            rubric=self.question.rubric.id,
            judge=self.question.judge.spec,
            kind=failed.kind,
            reason=failed.reason,
            usage=failed.usage or Usage(),
            latency_s=latency_s,
            segment=self.segment,
            ledger=failed.ledger,
            run_id=self.run_id,
            created_at=datetime.now(UTC),
        )

    def _verdict(self, **fields: object) -> Verdict:
        question = self.question
        return Verdict.model_validate(
            {
                "key": self.key,
                "trace_id": self.trace.trace_id,
                "rubric": question.rubric.id,
                "rubric_version": question.rubric.version,
                "rubric_hash": question.rubric_hash,
                "judge": question.judge.spec,
                "judge_hash": question.judge_hash,
                "prompt_version": question.judge.prompt_version,
                "segment": self.segment,
                "position": None if self.segment is None else (self.segment + 0.5) / len(self.trace.segments),
                **{name: getattr(self.trace, name) for name in ("model", "task", "epoch", "variant")},
                "run_id": self.run_id,
                "created_at": datetime.now(UTC),
                **fields,
            }
        )

    def _placed(self, found: Evidence) -> Evidence:
        """A quote with its place in the whole trace, whatever part of it the judge was shown."""
        segments = self.trace.segments
        if found.segment is None or found.start is None or found.segment >= len(segments):
            return found
        within = found.start / max(len(segments[found.segment].text), 1)
        return found.model_copy(update={"position": (found.segment + within) / len(segments)})

    def _coverage(self) -> float:
        if self.segment is None:
            return 1.0
        judges = self.question.rubric.judges
        total, seen = (sum(len(s.text) for s in evidence.judged_segments(t, judges)) for t in (self.trace, self.shown))
        return seen / total if total else 0.0


class _Reading:
    """One draw, checked and decided."""

    def __init__(self, shown: Trace, rubric: Rubric, answers: Answers) -> None:
        self.checked: Checked = evidence.check(shown, rubric, answers)
        segments = len(evidence.judged_segments(shown, rubric.judges))
        direct = answers.direct
        self.decision: Decision = (
            rubric.decide(self.checked.answers, segments=segments)
            if direct is None
            else Decision(label=direct.label, score=direct.score, severity=None, derived=dict.fromkeys(rubric.derived))
        )
        self._answers = answers
        self._rubric = rubric

    @property
    def label(self) -> str:
        return self.decision.label

    @property
    def score(self) -> float | None:
        """The rule's score; made of probabilities where the judge gives them and its quotes held."""
        given = self._answers.probabilities
        if not given:
            return self.decision.score
        credit = {}
        for c in self.checked.criteria:
            criterion = self._rubric.criteria[c.criterion]
            stood = c.answer == c.given and c.criterion in given
            credit[c.criterion] = given[c.criterion] if stood else criterion.credit(c.answer or CANNOT_TELL)
        return self._rubric.weighted(credit)

    def opinion(self, judge: str) -> Opinion:
        """What a bench would call it."""
        return Opinion(
            judge=judge,
            label=self.label,
            score=self.score,
            answers=self.checked.answers,
            rationale=self._answers.rationale,
        )


def decide(
    trace: Trace, question: Question, answers: Answers, *, key: str, run_id: str, segment: int | None = None
) -> Verdict:
    """Check a judge's quotes and let the rubric's rule decide.

    Args:
        trace: what the judge was shown.
        question: what it was asked.
        answers: what it said.
        key: the judgement key.
        run_id: the run that the verdict belongs to.
        segment: the one segment that was judged by itself.
    """
    return Case(trace, question, segment, key, run_id).decide(trace, answers)
