from __future__ import annotations

import numpy as np
import pytest

from cotjudge.stats.cautions import Labels
from cotjudge.stats.interval import wilson
from cotjudge.stats.prevalence import Stratum, Validation, naive, ppi, rogan_gladen, stratified


def kinds(found: object) -> list[str]:
    """The kinds of an estimate's cautions."""
    return [caution.kind for caution in found.cautions]  # type: ignore[attr-defined]


def test_the_naive_share_has_a_wilson_interval_and_says_what_it_is() -> None:
    """It is the share of positives, and warns that it is not corrected; of no rows it is None."""
    found = naive(30, 200)
    assert (found.estimate, found.interval) == (0.15, wilson(30, 200))
    assert kinds(found) == ["uncorrected"]
    assert (naive(0, 0).estimate, naive(0, 0).interval) == (None, None)


def test_the_corrected_prevalence_of_a_worked_example() -> None:
    """The formulas of Rogan and Gladen and of Lang and Reiczigel, worked by hand, give these figures."""
    # 80 of 1,000 judged positive; sensitivity 45/50 = .9, specificity 190/200 = .95:
    # (.08 + .95 - 1) / (.9 + .95 - 1) = .03 / .85 = .035294.
    # Adjusted with z = 1.96: (80 + 1.9207) / 1003.8415 = .081607; 46/52 = .884615; 191/202 = .945545; Youden .830160;
    # theta = .027152 / .830160 = .032707; variances .0000746607 + .0019629 * .032707^2 + .000254902 * .967293^2
    # = .000315268, root .0177558, reach 1.96 * .0177558 / .830160 = .041920;
    # shift 2 * 3.841459 * (.032707 * .0019629 - .967293 * .000254902) = -.001401; limits .031306 -+ .041920.
    found = rogan_gladen(80, 1000, Validation(tp=45, fp=10, fn=5, tn=190))
    assert found.estimate == pytest.approx(0.035294, abs=1e-6)
    assert found.interval is not None
    assert found.interval.low == 0.0
    assert found.interval.high == pytest.approx(0.073226, abs=2e-5)
    assert (found.n, found.labelled, kinds(found)) == (1000, 250, [])


def test_the_corrected_prevalence_stays_a_share() -> None:
    """Fewer positives than false alarms alone would give is 0, more than the sensitivity allows is 1."""
    table = Validation(tp=45, fp=10, fn=5, tn=190)
    none, all_ = rogan_gladen(10, 1000, table), rogan_gladen(990, 1000, table)
    assert (none.estimate, all_.estimate) == (0.0, 1.0)
    for found in (none, all_):
        assert found.interval is not None
        assert 0.0 <= found.interval.low <= found.interval.high <= 1.0


def test_a_judge_no_better_than_chance_corrects_nothing() -> None:
    """Where sensitivity and specificity sum to 1 or less there is no estimate, and a caution tells why."""
    found = rogan_gladen(80, 1000, Validation(tp=20, fp=40, fn=30, tn=60))
    assert (found.estimate, found.interval, kinds(found)) == (None, None, ["no_better_than_chance"])


def test_without_rows_or_labels_of_a_class_nothing_is_corrected() -> None:
    """No traces, or no labelled positive or negative: no estimate and no interval."""
    for found in (
        rogan_gladen(0, 0, Validation(45, 10, 5, 190)),
        rogan_gladen(8, 100, Validation(0, 10, 0, 190)),
        rogan_gladen(8, 100, Validation(45, 0, 5, 0)),
        stratified([]),
        stratified([Stratum(10, 0, 0), Stratum(90, 0, 0)]),
        ppi([], [], [True, False]),
    ):
        assert (found.estimate, found.interval) == (None, None)


def test_strata_are_weighted_by_their_size() -> None:
    """Ten percent of traces with nine in ten, eighty with one in forty, ten of abstentions with a half: 16%."""
    strata = [Stratum(100, 50, 45), Stratum(800, 80, 2), Stratum(100, 40, 20)]
    found = stratified(strata)
    assert found.estimate == pytest.approx(0.1 * 0.9 + 0.8 * 0.025 + 0.1 * 0.5)
    assert found.interval is not None
    assert found.estimate in found.interval
    assert (found.n, found.labelled, kinds(found)) == (1000, 170, [])


def test_without_a_positive_among_the_labels_the_interval_is_not_empty() -> None:
    """Zero of 300 labels says no more than that the prevalence is probably under about 1.2%."""
    found = stratified([Stratum(2000, 300, 0)])
    assert found.estimate == 0.0
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((0.0, 0.0122), abs=1e-4)
    assert kinds(found) == ["too_small"]


def judged_traces(seed: int, rows: int, prevalence: float = 0.2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, a label right four times in five or so, and a score."""
    random = np.random.default_rng(seed)
    truth = random.random(rows) < prevalence
    label = np.where(truth, random.random(rows) < 0.8, random.random(rows) < 0.1)
    return truth, label, np.clip(random.normal(0.3 + 0.4 * truth, 0.15), 0, 1)


def test_tuned_inference_from_labels_is_post_stratification() -> None:
    """PPI++'s own formula, with its best lambda, gives the estimate that strata give."""
    truth, label, _ = judged_traces(0, 2200)
    gold, judged, rest = truth[:200], label[:200], label[200:]
    found = ppi(gold, judged, rest)
    assert found.power is not None
    assert 0 < found.power < 1
    by_formula = found.power * rest.mean() + (gold - found.power * judged).mean()
    assert found.estimate == pytest.approx(by_formula)
    assert found.interval is not None
    assert found.estimate in found.interval


def test_a_good_score_narrows_the_interval() -> None:
    """Inference from scores is narrower than from the gold labels alone (power 0), and agrees with them."""
    truth, _, score = judged_traces(1, 3300)
    tuned, alone = (ppi(truth[:300], score[:300], score[300:], power=power) for power in (None, 0.0))
    assert alone.estimate == pytest.approx(truth[:300].mean())
    assert tuned.interval is not None
    assert alone.interval is not None
    assert tuned.interval.half_width < 0.85 * alone.interval.half_width
    assert truth.mean() in tuned.interval


def test_a_useless_score_does_no_harm() -> None:
    """A score without relation to the truth gets next to no weight; with weight 1 the interval is wider."""
    truth, _, _ = judged_traces(2, 3300)
    noise = np.random.default_rng(3).random(3300)
    tuned, full = (ppi(truth[:300], noise[:300], noise[300:], power=power) for power in (None, 1.0))
    assert tuned.power == pytest.approx(0, abs=0.1)
    assert tuned.interval is not None
    assert full.interval is not None
    assert tuned.interval.half_width < full.interval.half_width


def test_labels_alone_are_enough() -> None:
    """Without unlabelled traces, or with a judge that always says the same, the gold labels decide."""
    truth, label, score = judged_traces(4, 100)
    for found in (ppi(truth, label, []), ppi(truth, score, []), ppi(truth, [0.5] * 100, [0.5] * 900)):
        assert found.estimate == pytest.approx(truth.mean())
        assert found.interval is not None
        assert found.estimate in found.interval
        assert found.power == 0.0


def test_scores_without_a_positive_label_leave_an_interval() -> None:
    """With zero positives in 200 labels the scores are cut, and the interval is about the exact one of zero in 200."""
    _, _, score = judged_traces(5, 2200)
    found = ppi([False] * 200, score[:200], score[200:])
    assert (found.estimate, found.power) == (0.0, None)
    assert found.interval is not None
    assert 0.0183 <= found.interval.high < 0.03
    assert kinds(found) == ["too_small", "too_small"]


def test_two_scores_are_two_labels() -> None:
    """A judge that only ever says .05 and .95 is one that says no and yes, but for the weight of its labels."""
    truth, label, _ = judged_traces(8, 1200, prevalence=0.02)
    said = np.where(label, 0.95, 0.05)
    scored, labelled = (ppi(truth[:200], x[:200], x[200:]) for x in (said, label))
    assert (scored.estimate, scored.interval) == (labelled.estimate, labelled.interval)


def test_a_labelled_sample_that_is_not_random_is_noticed() -> None:
    """What is said of the sample becomes a caution, and so does a judge that speaks otherwise of it than of the rest."""
    truth, label, score = judged_traces(6, 2300)
    told = ppi(truth[:300], label[:300], label[300:], labels=Labels(random=False, same_judge=False))
    assert kinds(told) == ["not_random", "other_judge"]
    for said in (label, score):
        order = np.argsort(-said.astype(float), kind="stable")
        picked = np.concatenate([order[:150], order[-150:]])
        rest = np.setdiff1d(order, picked)
        assert kinds(ppi(truth[picked], said[picked], said[rest])) == ["not_random"]
        assert kinds(ppi(truth[:300], said[:300], said[300:])) == []


def test_small_samples_are_cautioned() -> None:
    """Few labels of a class, or in a stratum that has more, are named with their number."""
    found = rogan_gladen(80, 1000, Validation(tp=9, fp=10, fn=1, tn=190))
    assert [c.text for c in found.cautions] == ["only 10 labelled positives: sensitivity is hardly known"]
    strata = stratified([Stratum(10, 10, 9), Stratum(800, 12, 0)])
    assert [c.text for c in strata.cautions] == ["only 12 of 800 traces of a stratum are labelled"]


def test_a_missing_label_is_refused() -> None:
    """A judge's abstention has no place in inference from scores; it must be given one."""
    with pytest.raises(ValueError, match="judged: a value is missing"):
        ppi([True, False], [0.5, None], [0.5])
