"""Fitting a judge's scores to labels: on one side of the traces, checked on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cotjudge.errors import NotFitted
from cotjudge.judgement import Question
from cotjudge.judges.calibrated import read
from cotjudge.judges.profile import Calibration
from cotjudge.rubric import Rubric
from cotjudge.stats.arrays import Bools
from cotjudge.stats.calibration import IsotonicMap, Objective, Threshold, choose_threshold, fit_isotonic
from cotjudge.store import Store
from cotjudge.validation import given
from cotjudge.validation.figures import agreement
from cotjudge.validation.given import Given, Split
from cotjudge.validation.ratings import Rater, ratings


@dataclass(frozen=True, slots=True)
class Aim:
    """What is fitted."""

    objective: Objective | None = "mcc"
    """What a threshold is chosen for; None fits an isotonic map."""
    limit: float | None = None
    """The rate to keep, for `fpr` and `recall`."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """One rubric, fitted and checked."""

    calibration: Calibration
    """What goes into the profile."""
    figures: dict[str, Any]
    """Both sides: `tune` and `check`, each with agreement `before` and `after`."""


def fit(store: Store, question: Question, annotator: str, split: Split, aim: Aim) -> Fitted:
    """Fit one rubric's scores of a judge to an annotator's labels, and check what came of it.

    Raises:
        NotFitted: the rubric has more than a yes and a no, or there is too little to fit to.
        UsageError: the sides cannot be told apart.
        StoreError: the database cannot be used.
    """
    rubric = question.rubric
    if not given.is_binary(rubric):
        raise NotFitted(f"{rubric.id}: a score cannot tell more than two labels apart")
    said = _said(store, question)
    labels = {i: r.label for i, r in ratings(store, rubric.id, Rater("annotator", annotator)).items()}
    ids = [i for i in said if labels.get(i) in (rubric.labels[0], rubric.otherwise)]
    if not ids:
        raise NotFitted(f"{rubric.id}: no trace with a verdict of {question.judge.spec} has a label of {annotator}")
    tune, check = (_Side.of(store, split, rubric, side, said, labels) for side in split.sides(store, ids))
    calibration = Calibration(rubric_hash=question.rubric_hash, map=_map(tune, aim, rubric))
    figures = {name: side.figures(calibration) for name, side in (("tune", tune), ("check", check))}
    return Fitted(calibration, figures)


def _said(store: Store, question: Question) -> dict[str, Given]:
    """What this judge, as it is, said about this rubric, as it is."""
    rubric, judge = question.rubric.id, question.judge
    every = given.verdicts(store, rubric, judge.spec)
    same = (question.rubric_hash, question.judge_hash, judge.prompt_version)
    said = {i: g for i, g in every.items() if (g.rubric_hash, g.judge_hash, g.prompt_version) == same}
    if not every:
        raise NotFitted(f"{rubric}: no verdict of {judge.spec} is stored; cotjudge score makes them")
    if not said:
        raise NotFitted(
            f"{rubric}: the verdicts of {judge.spec} were given with other settings or for another version of the "
            "rubric; give the settings a name in cotjudge.toml and calibrate that, or run cotjudge score again"
        )
    return said


@dataclass(frozen=True, slots=True)
class _Side:
    rubric: Rubric
    truth: Bools
    said: Sequence[Given]
    clusters: Sequence[str] | None

    @classmethod
    def of(
        cls,
        store: Store,
        split: Split,
        rubric: Rubric,
        ids: Sequence[str],
        said: dict[str, Given],
        labels: dict[str, str],
    ) -> _Side:
        truth = np.array([labels[i] == rubric.labels[0] for i in ids], dtype=np.bool_)
        together = given.clusters(store, split.cluster, ids) if split.cluster else None
        return cls(rubric, truth, [said[i] for i in ids], together)

    @property
    def scores(self) -> list[float | None]:
        return [s.score for s in self.said]

    def figures(self, calibration: Calibration) -> dict[str, Any]:
        before = [(s.label, s.score) for s in self.said]
        after = [read(self.rubric, calibration, s.score)[:2] for s in self.said]
        return {"before": self._agreement(before), "after": self._agreement(after)}

    def _agreement(self, said: Sequence[tuple[str, float | None]]) -> dict[str, Any]:
        judged = np.array([label == self.rubric.labels[0] for label, _ in said], dtype=np.bool_)
        decided = np.array([label != self.rubric.undecided for label, _ in said], dtype=np.bool_)
        return agreement(self.truth, judged, decided, [score for _, score in said], self.clusters)


def _map(tune: _Side, aim: Aim, rubric: Rubric) -> Threshold | IsotonicMap:
    fitted: Threshold | IsotonicMap | None = (
        fit_isotonic(tune.truth, tune.scores)
        if aim.objective is None
        else choose_threshold(tune.truth, tune.scores, aim.objective, aim.limit)
    )
    if fitted is not None:
        return fitted
    scored = np.array([score is not None for score in tune.scores], dtype=np.bool_)
    positive, negative = int((tune.truth & scored).sum()), int((~tune.truth & scored).sum())
    if positive and negative:
        raise NotFitted(f"{rubric.id}: no threshold keeps {aim.objective}={aim.limit}")
    raise NotFitted(
        f"{rubric.id}: the tune side has {positive} traces labelled {rubric.labels[0]} and {negative} labelled "
        f"{rubric.otherwise} with a score; both are needed"
    )
