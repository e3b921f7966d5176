from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from cotjudge.stats.arrays import Bools, Floats
from cotjudge.stats.corrected import Limits, lang_reiczigel, post_stratified_limits
from cotjudge.stats.interval import Interval
from cotjudge.stats.planning import Expected, plan
from cotjudge.stats.prevalence import Prevalence, Stratum, Validation, naive, ppi, rogan_gladen, stratified
from cotjudge.stats.tables import Tables

PREVALENCES = (0.005, 0.01, 0.03, 0.1, 0.3)
JUDGES = ((0.95, 0.99), (0.9, 0.9), (0.7, 0.99), (0.7, 0.8), (0.5, 0.97))  # sensitivity, specificity
SAMPLES = 3000
TRACES = 2000
HELD = 0.93


class World:
    """Many samples of traces, all with one prevalence and one judge."""

    def __init__(self, prevalence: float, sensitivity: float, specificity: float) -> None:
        self._rates = (prevalence, sensitivity, specificity)
        self._random = np.random.default_rng(7)
        self.positives = self._judge(TRACES)[0]

    def _judge(self, rows: int) -> tuple[Floats, Tables]:
        """The judge's positives among so many traces, and its table on them."""
        prevalence, sensitivity, specificity = self._rates
        true = self._random.binomial(rows, prevalence, SAMPLES)
        tp = self._random.binomial(true, sensitivity)
        fp = self._random.binomial(rows - true, 1 - specificity)
        cells = (tp, fp, true - tp, rows - true - fp)
        return (tp + fp).astype(float), Tables(*(cell.astype(float) for cell in cells))

    def naive(self) -> Limits:
        """Wilson limits of the judge's share."""
        low, high = proportion_confint(self.positives, TRACES, method="wilson")
        return low, high

    def validated(self) -> Limits:
        """Lang and Reiczigel's, from 100 labelled positives and 300 labelled negatives."""
        _, sensitivity, specificity = self._rates
        tp = self._random.binomial(100, sensitivity, SAMPLES).astype(float)
        tn = self._random.binomial(300, specificity, SAMPLES).astype(float)
        return lang_reiczigel(self.positives, TRACES, Tables(tp, 300 - tn, 100 - tp, tn), 0.95)

    def random_labels(self, labels: int) -> Limits:
        """Those of `ppi`, with so many labels of a random sample."""
        more, table = self._judge(labels)
        labelled = np.stack([table.tp + table.fp, table.fn + table.tn])
        yes = self.positives + more
        rows = np.stack([yes, TRACES + labels - yes])
        return post_stratified_limits(rows, labelled, np.stack([table.tp, table.fn]), 0.95)

    def labels_by_judge(self, labels: int) -> Limits:
        """Those of `stratified`, with half the labels among the judge's positives, if there are so many."""
        prevalence, sensitivity, specificity = self._rates
        share = prevalence * sensitivity + (1 - prevalence) * (1 - specificity)
        among_yes = np.minimum(labels // 2, self.positives)
        hits = self._random.binomial(among_yes.astype(int), prevalence * sensitivity / share)
        misses = self._random.binomial(labels // 2, prevalence * (1 - sensitivity) / (1 - share), SAMPLES)
        labelled = np.stack([among_yes, np.full(SAMPLES, labels // 2)])
        rows = np.stack([self.positives, TRACES - self.positives])
        return post_stratified_limits(rows, labelled, np.stack([hits, misses]), 0.95)


def covered(limits: Limits, prevalence: float) -> float:
    """The share of samples whose interval holds the prevalence."""
    return float(((limits[0] <= prevalence) & (prevalence <= limits[1])).mean())


def coverages(prevalence: float, sensitivity: float, specificity: float) -> Mapping[str, float]:
    """Of each interval."""
    world = World(prevalence, sensitivity, specificity)
    limits = {
        "naive": world.naive(),
        "validated": world.validated(),
        "100 random labels": world.random_labels(100),
        "300 random labels": world.random_labels(300),
        "200 labels by judge": world.labels_by_judge(200),
    }
    return {name: covered(found, prevalence) for name, found in limits.items()}


def test_corrected_intervals_hold_the_prevalence_and_naive_ones_do_not() -> None:
    """From 0.5% to 30%, with good and poor judges, the corrected 95% intervals cover 93% or more; the naive fail."""
    found = {(p, *judge): coverages(p, *judge) for p in PREVALENCES for judge in JUDGES}
    failing = [(world, name, c) for world, of in found.items() for name, c in of.items() if name != "naive" if c < HELD]
    assert failing == []
    uncorrected = [of["naive"] for of in found.values()]
    assert np.median(uncorrected) < 0.05
    at_low_prevalence = [of["naive"] for (prevalence, *_), of in found.items() if prevalence <= 0.01]
    assert max(at_low_prevalence) < 0.3


@pytest.mark.parametrize("two_peaked", [False, True])
@pytest.mark.parametrize("prevalence", PREVALENCES)
def test_intervals_from_scores_hold_the_prevalence(prevalence: float, two_peaked: bool) -> None:  # noqa: FBT001
    """Inference from smooth scores, and from ones that are nearly a yes or a no, covers 93% or more with 150 labels."""
    random = np.random.default_rng(13)
    held = 0
    for _ in range(200):
        truth = random.random(2150) < prevalence
        score = 1 / (1 + np.exp(-random.normal(2 * truth - 2, 1)))
        if two_peaked:
            said = np.where(truth, random.random(2150) < 0.9, random.random(2150) < 0.01)
            score = 0.05 + 0.9 * said + random.uniform(-0.05, 0.05, 2150)
        held += prevalence in ppi_interval(truth[:150], score[:150], score[150:])
    assert held / 200 >= HELD


def ppi_interval(truth: Bools, judged: Floats, rest: Floats) -> Interval:
    """Of the tuned estimate; it must be there."""
    found = ppi(truth, judged, rest).interval
    assert found is not None
    return found


def half_width(found: Prevalence) -> float:
    """Of its interval, which must be there."""
    assert found.interval is not None
    return found.interval.half_width


def test_what_is_simulated_is_what_callers_get() -> None:
    """The limits over arrays are those of the public functions."""
    table = Tables(*(np.array([float(x)]) for x in (45, 10, 5, 190)))
    low, high = lang_reiczigel([80], 1000, table, 0.95)
    public = rogan_gladen(80, 1000, Validation(45, 10, 5, 190)).interval
    assert public is not None
    assert (public.low, public.high) == (low[0], high[0])
    low, high = post_stratified_limits([[100], [900]], [[50], [80]], [[45], [2]], 0.95)
    public = stratified([Stratum(100, 50, 45), Stratum(900, 80, 2)]).interval
    assert public is not None
    assert (public.low, public.high) == (low[0], high[0])
    assert half_width(naive(80, 1000)) < half_width(rogan_gladen(80, 1000, Validation(45, 10, 5, 190)))


def test_a_plan_foretells_the_width() -> None:
    """The half width that a plan promises is the mean one of the samples, to a seventh."""
    world = World(0.03, 0.9, 0.97)
    promised = {row.labels: row.half_width for row in plan(Expected(0.03, 0.9, 0.97, TRACES)) if row.design == "random"}
    for labels in (100, 300, 500):
        low, high = world.random_labels(labels)
        assert promised[labels] == pytest.approx(float((high - low).mean() / 2), rel=0.15), labels


def test_labels_drawn_by_the_judge_are_worth_more() -> None:
    """At every number of labels the best split is at least as good as a random draw, and is a split of that number."""
    rows = plan(Expected(0.01, 0.9, 0.97, 5000))
    assert [row.labels for row in rows[::2]] == [50, 100, 200, 300, 500, 1000]
    for drawn, split in zip(rows[::2], rows[1::2], strict=True):
        assert (drawn.design, split.design) == ("random", "by_judge")
        assert split.half_width <= drawn.half_width
        assert split.among_positives + split.among_negatives == split.labels
    assert [row.half_width for row in rows[1::2]] == sorted((row.half_width for row in rows[1::2]), reverse=True)


def test_a_plan_takes_no_more_labels_than_there_are() -> None:
    """Numbers above the traces are left out, and a split takes no more than the judge's positives."""
    rows = plan(Expected(0.02, 0.9, 0.99, 400), (100, 300, 500))
    assert {row.labels for row in rows} == {100, 300}
    assert all(row.among_positives <= 400 * 0.03 for row in rows)


def test_a_plan_for_a_judge_that_says_one_thing_only_is_a_plan_for_labels_alone() -> None:
    """A judge that never says yes, or always, leaves one stratum."""
    for expected in (Expected(0.1, 0, 1, 1000), Expected(0.1, 1, 0, 1000)):
        drawn, split = plan(expected, (200,))
        assert drawn.half_width == pytest.approx(0.042, abs=0.003)
        assert split.half_width == pytest.approx(drawn.half_width)


def test_expectations_that_make_no_sense_are_refused() -> None:
    """A prevalence in percent, or no traces, is an error."""
    for prevalence, unlabelled in ((3, 100), (0.03, 0)):
        with pytest.raises(ValueError, match="shares between 0 and 1"):
            Expected(prevalence, 0.9, 0.9, unlabelled)
