from __future__ import annotations

from dataclasses import asdict

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve
from tests.stats.samples import sample

from cotjudge.stats.agreement import compare, from_table
from cotjudge.stats.arrays import defined
from cotjudge.stats.scores import brier, ece, measure, reliability, roc
from cotjudge.stats.tables import METRICS, Tables

SEEDS = range(20)


def test_the_published_alignment_faking_table_is_recomputed() -> None:
    """TP 34, FP 1, FN 17, TN 54 has the figures that were published with it."""
    found = from_table(34, 1, 17, 54)
    published = {"accuracy": 0.83, "precision": 0.97, "recall": 0.67, "kappa": 0.66, "mcc": 0.69}
    assert {name: round(asdict(found)[name], 2) for name in published} == published


def test_a_second_published_table_is_recomputed() -> None:
    """TP 20, FP 8, FN 31, TN 47 has kappa .25."""
    assert from_table(20, 8, 31, 47).kappa == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_are_measured_as_scikit_learn_and_krippendorff_do(seed: int) -> None:
    """Every metric of a random table is that of the library that defines it, from the raw labels."""
    s = sample(seed)
    found = compare(s.truth, s.judged)
    assert found.n == len(s.truth)
    assert found.kappa == pytest.approx(metrics.cohen_kappa_score(s.truth, s.judged))
    assert found.mcc == pytest.approx(metrics.matthews_corrcoef(s.truth, s.judged))
    assert found.f1 == pytest.approx(metrics.f1_score(s.truth, s.judged))
    assert found.specificity == pytest.approx(metrics.recall_score(s.truth, s.judged, pos_label=False))
    raw = krippendorff.alpha(np.stack([s.truth, s.judged]).astype(float), level_of_measurement="nominal")
    assert found.alpha == pytest.approx(raw)


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_are_measured_as_scikit_learn_does(seed: int) -> None:
    """Areas and the Brier score are scikit-learn's; recall at a false-alarm rate is read off its ROC curve."""
    s = sample(seed)
    found = compare(s.truth, s.judged, scores=s.scores)
    assert found.auroc == pytest.approx(metrics.roc_auc_score(s.truth, s.scores))
    assert found.average_precision == pytest.approx(metrics.average_precision_score(s.truth, s.scores))
    assert found.brier == pytest.approx(metrics.brier_score_loss(s.truth, s.scores))
    fpr, tpr, _ = metrics.roc_curve(s.truth, s.scores)
    assert found.tpr_at_fpr_05 == pytest.approx(max(t for f, t in zip(fpr, tpr, strict=True) if f <= 0.05))
    assert found.distinct_scores == len(set(s.scores.tolist()))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_calibration_error_has_the_bins_of_scikit_learn(seed: int) -> None:
    """Bins, their means and shares are those of `calibration_curve`; the error is their mean distance by rows."""
    s = sample(seed)
    bins = reliability(s.truth, s.scores)
    shares, means = calibration_curve(s.truth, s.scores, n_bins=10)
    assert [b.share for b in bins] == pytest.approx(shares)
    assert [b.mean_score for b in bins] == pytest.approx(means)
    by_rows = sum(b.n * abs(b.share - b.mean_score) for b in bins) / len(s.truth)
    assert ece(s.truth, s.scores) == pytest.approx(by_rows)
    assert all(b.interval is not None and b.share in b.interval for b in bins)


@given(st.tuples(*[st.integers(0, 40)] * 4))
def test_closed_forms_are_the_metrics_of_the_libraries(cells: tuple[int, int, int, int]) -> None:
    """On any table, empty cells included, the forms used for resamples give what `from_table` gives, None as nan."""
    tables = Tables(*(np.array([float(cell)]) for cell in cells))
    expected = asdict(from_table(*cells))
    for name, metric in METRICS.items():
        found = defined(metric(tables)[0])
        assert found == (None if expected[name] is None else pytest.approx(expected[name], abs=1e-9)), name


def test_nothing_is_known_of_no_rows() -> None:
    """Without rows there are counts of 0 and no metric."""
    found = asdict(compare([], [], scores=[]))
    counts = {"n", "tp", "fp", "fn", "tn", "distinct_scores"}
    assert {name: value for name, value in found.items() if value is not None} == dict.fromkeys(counts, 0)
    assert from_table(0, 0, 0, 0) == compare([], [])


def test_without_a_positive_recall_is_undefined() -> None:
    """No true positive: no recall, F1, MCC of a silent judge or ranking; specificity and accuracy stand."""
    found = compare([False] * 4, [False, False, False, True], scores=[0.1, 0.2, 0.3, 0.9])
    assert (found.recall, found.f1, found.mcc, found.auroc, found.average_precision) == (None,) * 5
    assert (found.tpr_at_fpr_01, found.tpr_at_fpr_05) == (None, None)
    assert (found.accuracy, found.specificity, found.precision) == (0.75, 0.75, 0.0)
    assert found.brier == pytest.approx((0.01 + 0.04 + 0.09 + 0.81) / 4)


def test_without_a_negative_specificity_is_undefined() -> None:
    """No true negative: no specificity, MCC or ranking."""
    found = compare([True, True], [True, False], scores=[0.5, 0.5])
    assert (found.specificity, found.mcc, found.auroc) == (None, None, None)
    assert found.recall == 0.5


def test_a_judge_that_never_says_yes_has_no_precision() -> None:
    """No judged positive: no precision and no MCC, but a recall and an F1 of 0, and a kappa of 0."""
    found = compare([True, False, False], [False, False, False])
    assert (found.precision, found.mcc) == (None, None)
    assert (found.recall, found.f1, found.kappa) == (0.0, 0.0, 0.0)


def test_two_raters_with_one_word_have_no_kappa() -> None:
    """If both only ever said one label, kappa and alpha are undefined; AC1 is 1."""
    for label in (True, False):
        found = compare([label] * 3, [label] * 3)
        assert (found.kappa, found.alpha, found.mcc, found.ac1) == (None, None, None, 1.0)


def test_undecided_rows_count_for_coverage_and_scores_only() -> None:
    """An abstention is in no cell of the table, lowers the coverage, and its score still orders it."""
    truth, judged = [True, True, False, False], [True, False, False, True]
    found = compare(truth, judged, scores=[0.9, 0.8, 0.1, 0.2], decided=[True, True, True, False])
    assert (found.n, found.coverage, found.fp) == (3, 0.75, 0)
    assert found.auroc == 1.0


def test_a_row_without_a_score_is_left_out_of_the_ranking() -> None:
    """None is no score; the labels of its row still count."""
    found = compare([True, False, True], [True, False, False], scores=[0.9, 0.1, None])
    assert (found.n, found.auroc, found.distinct_scores) == (3, 1.0, 2)


def test_what_would_be_misread_is_refused() -> None:
    """Labels that are not boolean, rows that do not match and scores out of range are errors."""
    with pytest.raises(ValueError, match="judged: booleans are wanted"):
        compare([True, False], [True, None])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="judged: 1 values for 2 rows"):
        compare([True, False], [True])
    with pytest.raises(ValueError, match="scores: values between 0 and 1"):
        compare([True], [True], scores=[5])
    with pytest.raises(ValueError, match="scores: numbers are wanted"):
        measure([True], [{}])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one value a row"):
        compare([[True]], [[True]])
    with pytest.raises(ValueError, match="a count is negative"):
        from_table(-1, 0, 0, 0)


def test_the_roc_curve_goes_from_nothing_to_everything() -> None:
    """Its first point judges no row positive, its last all; with one class there is no curve."""
    points = roc([True, False, True], [0.9, 0.5, 0.4])
    assert (points[0].threshold, points[0].fpr, points[0].tpr) == (None, 0.0, 0.0)
    assert [(p.threshold, p.fpr, p.tpr) for p in points[1:]] == [(0.9, 0.0, 0.5), (0.5, 1.0, 0.5), (0.4, 1.0, 1.0)]
    assert roc([True], [0.9]) == ()


def test_of_no_rows_there_is_no_calibration() -> None:
    """Brier score and calibration error are None, and the reliability curve is empty."""
    assert (brier([], []), ece([], []), reliability([], [])) == (None, None, ())
