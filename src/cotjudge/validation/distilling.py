"""Teaching a text classifier what a judge said: from verdicts that are stored, told against traces it had not seen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cotjudge.errors import NotFitted
from cotjudge.evidence import MODEL_ROLE, judged_parts
from cotjudge.judgement import Question
from cotjudge.judges.profile import Lesson
from cotjudge.judges.student import probed
from cotjudge.rubric import Rubric
from cotjudge.stats.arrays import Bools, Floats
from cotjudge.stats.texts import FOLDS, Grams, learn
from cotjudge.store import Store
from cotjudge.validation import given
from cotjudge.validation.figures import agreement, share
from cotjudge.validation.ratings import Rater, ratings

FEWEST = 10
"""Different texts of each label that a student needs at least; with so few it is poor all the same."""

CUTS = ((0.02, 0.98), (0.05, 0.95), (0.1, 0.9), (0.2, 0.8), (0.3, 0.7), (0.5, 0.5))
"""The cut-offs that are tried out beside the chosen ones."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a student is taught."""

    grams: Grams
    """What is counted in a text."""
    only: tuple[str, ...] = ()
    """KEY=VALUE of traces to learn from; all where empty."""
    cut: tuple[float, float] = (0.1, 0.9)
    """Up to the first probability it settles for the rubric's `otherwise`, from the second on for the first label."""
    labels: str | None = None
    """The annotator whose labels it is checked against, too."""
    cluster: str | None = None
    """A key (see `ratings.values`) of which one value's traces stand on one side of every fold."""
    seed: int = 0
    """How texts are dealt to folds."""


@dataclass(frozen=True, slots=True)
class Taught:
    """One rubric, learned and examined."""

    lesson: Lesson
    """What goes into the profile."""
    figures: dict[str, Any]
    """Texts, agreement on held-out texts with the `teacher` and the `labels`, and `cuts`."""


def teach(store: Store, question: Question, course: Course) -> Taught:
    """Teach one rubric.

    Raises:
        NotFitted: the rubric has more than a yes and a no, or the teacher said too little of one of them.
        UsageError: an option that is no KEY=VALUE.
        StoreError: the database cannot be used.
    """
    rubric = question.rubric
    if not given.is_binary(rubric):
        raise NotFitted(f"{rubric.id}: a student cannot tell more than two labels apart")
    texts = _texts(store, question, course)
    decided = np.array([t.label != rubric.undecided for t in texts], dtype=np.bool_)
    truth = np.array([t.label == rubric.labels[0] for t in texts], dtype=np.bool_)
    _enough(rubric, question.judge.spec, truth, decided)
    features = course.grams.features([t.text for t in texts])
    keys = given.clusters(store, course.cluster, [t.ids[0] for t in texts])
    known = np.flatnonzero(decided)
    try:
        learned = learn(features[known], truth[known], clusters=[keys[i] for i in known], seed=course.seed)
    except ValueError as error:
        raise NotFitted(f"{rubric.id}: {error}") from None
    chances = learned.model.probabilities(features)  # what the teacher left open was not learned from
    chances[known] = learned.held_out
    low, high = course.cut
    lesson = Lesson(
        question_hash=rubric.question_hash,
        low=low,
        high=high,
        probe=probed(course.grams, learned.model),
        model=learned.model,
    )
    return Taught(lesson, _figures(store, rubric, course, texts, _Exam(truth, decided, chances, keys)))


@dataclass(frozen=True, slots=True)
class _Text:
    """A judged text, and all traces that have it."""

    text: str
    label: str
    ids: tuple[str, ...]


def _texts(store: Store, question: Question, course: Course) -> list[_Text]:
    """Different texts with the label that the teacher gave most of its traces; texts on which it is torn are left out."""
    rubric, judge = question.rubric, question.judge
    every = given.verdicts(store, rubric.id, judge.spec)
    said = {i: g.label for i, g in every.items() if g.rubric_hash == question.rubric_hash}
    if not said:
        why = "for another version of the rubric" if every else "at all"
        raise NotFitted(f"{rubric.id}: no verdict of {judge.spec} is stored {'but ' * bool(every)}{why}")
    stored = _stored(store, rubric, judge.spec)
    ids = [i for i in said if stored.get(i)]
    if course.only:
        ids = given.selected(store, ids, course.only)
    if not ids:
        raise NotFitted(f"{rubric.id}: none of the traces that {judge.spec} judged is there with its text")
    same: defaultdict[str, list[str]] = defaultdict(list)
    for i in ids:
        same[" ".join(stored[i].casefold().split())].append(i)
    texts = []
    for found in same.values():
        (label, votes), *others = Counter(said[i] for i in found).most_common(2)
        if not others or others[0][1] < votes:
            texts.append(_Text(stored[found[0]], label, tuple(found)))
    return texts


def _stored(store: Store, rubric: Rubric, judge: str) -> dict[str, str]:
    """The judged text of every trace that the judge judged, as `student.text_of` makes it."""
    sql = r"""
        SELECT trace_id, string_agg(text, E'\n\n' ORDER BY segment) FROM segments
        WHERE role = $role AND list_contains($parts, part) AND trace_id IN (
            SELECT trace_id FROM current_verdicts WHERE rubric = $rubric AND judge = $judge AND segment IS NULL
        ) GROUP BY trace_id HAVING count(text) = count(*)
    """
    parameters = {
        "role": MODEL_ROLE,
        "parts": sorted(judged_parts(rubric.judges)),
        "rubric": rubric.id,
        "judge": judge,
    }
    with store.query(sql, parameters) as found:
        return dict(found.fetchall())


def _enough(rubric: Rubric, teacher: str, truth: Bools, decided: Bools) -> None:
    positive, negative = int((truth & decided).sum()), int((~truth & decided).sum())
    if min(positive, negative) < max(FEWEST, FOLDS):
        raise NotFitted(
            f"{rubric.id}: {teacher} said {rubric.labels[0]} of {positive} different texts and {rubric.otherwise} of "
            f"{negative}; a student needs {FEWEST} of each at least"
        )


@dataclass(frozen=True, slots=True)
class _Exam:
    """What the teacher said, and how likely the student, not having seen it, takes it for the rubric's first label."""

    truth: Bools
    decided: Bools
    chances: Floats
    clusters: Sequence[str]

    def agreement(self, truth: Bools, rows: Bools, cut: tuple[float, float]) -> dict[str, Any]:
        chances, (low, high) = self.chances[rows], cut
        settled = (chances <= low) | (chances >= high)
        together = [key for key, row in zip(self.clusters, rows, strict=True) if row]
        return agreement(truth[rows], chances >= high, settled, chances, together)

    def cut(self, cut: tuple[float, float]) -> dict[str, Any]:
        """What a cascade of student and teacher comes to, beside the teacher alone."""
        low, high = cut
        present = self.chances >= high
        absent = (self.chances <= low) & ~present
        theirs = self.truth & self.decided
        lost, made_up = int((theirs & absent).sum()), int((present & ~theirs).sum())
        return {
            "low": low,
            "high": high,
            "settled": share(int((present | absent).sum()), len(self.truth)),
            "recall_lost": share(lost, int(theirs.sum())),
            "precision_lost": share(made_up, int(theirs.sum()) - lost + made_up),
        }


def _figures(store: Store, rubric: Rubric, course: Course, texts: Sequence[_Text], exam: _Exam) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "traces": sum(len(t.ids) for t in texts),
        "texts": len(texts),
        "teacher_undecided": int((~exam.decided).sum()),
        "teacher": exam.agreement(exam.truth, exam.decided, course.cut),
    }
    if course.labels is not None:
        labels = _labels(store, rubric, course.labels, texts)
        rows = np.array([label is not None for label in labels], dtype=np.bool_)
        figures["labels"] = exam.agreement(np.array([label is True for label in labels]), rows, course.cut)
    figures["cuts"] = [exam.cut(cut) for cut in sorted({*CUTS, course.cut}, key=lambda c: (c[0], -c[1]))]
    return figures


def _labels(store: Store, rubric: Rubric, annotator: str, texts: Sequence[_Text]) -> list[bool | None]:
    """The annotator's word on each text: that on the first of its traces that has one."""
    words: Mapping[str, bool] = {
        i: r.label == rubric.labels[0]
        for i, r in ratings(store, rubric.id, Rater("annotator", annotator)).items()
        if r.label in (rubric.labels[0], rubric.otherwise)
    }
    return [next((words[i] for i in t.ids if i in words), None) for t in texts]
