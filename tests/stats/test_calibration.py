from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import confusion_matrix, f1_score, matthews_corrcoef
from tests.stats.samples import sample

from cotjudge.stats.agreement import compare
from cotjudge.stats.calibration import IsotonicMap, Threshold, choose_threshold, fit_isotonic


@pytest.mark.parametrize("seed", range(10))
def test_no_score_cuts_better_than_the_threshold(seed: int) -> None:
    """For MCC and F1 the threshold attains the best that any score attains, as scikit-learn measures it."""
    s = sample(seed)
    best = {
        "mcc": max(matthews_corrcoef(s.truth, s.scores >= cut) for cut in set(s.scores)),
        "f1": max(f1_score(s.truth, s.scores >= cut) for cut in set(s.scores)),
    }
    mcc, f1 = choose_threshold(s.truth, s.scores), choose_threshold(s.truth, s.scores, "f1")
    assert mcc is not None
    assert f1 is not None
    assert (mcc.attained, f1.attained) == pytest.approx((best["mcc"], best["f1"]))
    assert matthews_corrcoef(s.truth, mcc.apply(s.scores)) == pytest.approx(best["mcc"])


@pytest.mark.parametrize("seed", range(10))
def test_a_limit_is_kept_and_used_up(seed: int) -> None:
    """At a false-alarm rate of at most 5% no score has more recall; the same with the two exchanged."""
    s = sample(seed)
    rates = {}
    for cut in sorted(set(s.scores)):
        tn, fp, fn, tp = confusion_matrix(s.truth, s.scores >= cut).ravel().tolist()
        rates[cut] = (fp / (fp + tn), tp / (tp + fn))
    quiet = choose_threshold(s.truth, s.scores, "fpr", 0.05)
    allowed = [recall for fpr, recall in rates.values() if fpr <= 0.05]
    assert (quiet is None) == (not allowed)
    if quiet is not None:
        assert rates[quiet.value] == (pytest.approx(min(0.05, rates[quiet.value][0])), pytest.approx(max(allowed)))
    keen = choose_threshold(s.truth, s.scores, "recall", 0.9)
    assert keen is not None
    assert rates[keen.value][1] >= 0.9
    assert keen.attained == pytest.approx(min(fpr for fpr, recall in rates.values() if recall >= 0.9))


def test_what_cannot_be_chosen_is_none() -> None:
    """With one class only, or where the highest score is a false alarm, there is no threshold."""
    assert choose_threshold([True, True], [0.1, 0.9]) is None
    assert choose_threshold([], []) is None
    assert choose_threshold([True, False], [0.1, 0.9], "fpr", 0.0) is None


def test_a_limit_goes_with_the_objectives_that_have_one() -> None:
    """A missing or an idle limit is an error."""
    for objective, limit in (("mcc", 0.1), ("fpr", None)):
        with pytest.raises(ValueError, match="a limit goes with"):
            choose_threshold([True, False], [0.9, 0.1], objective, limit)  # type: ignore[arg-type]


def test_missing_scores_are_neither_fitted_nor_positive() -> None:
    """Rows without a score are left out of the choice, judged negative, and have no probability."""
    cut = choose_threshold([True, False, True], [0.9, 0.1, None])
    assert cut is not None
    assert (cut.n, cut.value) == (2, 0.9)
    assert cut.apply([0.9, None]).tolist() == [True, False]
    fitted = fit_isotonic([True, False, True], [0.9, 0.1, None])
    assert fitted is not None
    assert np.isnan(fitted.apply([None])).all()


@pytest.mark.parametrize("seed", range(10))
def test_the_map_predicts_what_scikit_learn_predicts(seed: int) -> None:
    """Its knots give the probabilities of `IsotonicRegression`, between and beyond the scores it was fitted on."""
    s = sample(seed)
    scores = s.scores * 0.8 + 0.1
    fitted = fit_isotonic(s.truth, scores)
    assert fitted is not None
    other = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, s.truth)
    asked = np.linspace(0, 1, 201)
    assert fitted.apply(asked) == pytest.approx(other.predict(asked))


def test_the_map_calibrates() -> None:
    """On traces it was not fitted on, scores that were far too high have a smaller Brier score and error after it."""
    random = np.random.default_rng(0)
    scores = random.random(4000)
    truth = random.random(4000) < scores**3
    fitted = fit_isotonic(truth[:2000], scores[:2000])
    assert fitted is not None
    before = compare(truth[2000:], truth[2000:], scores=scores[2000:])
    after = compare(truth[2000:], truth[2000:], scores=fitted.apply(scores[2000:]))
    assert before.brier is not None
    assert after.brier is not None
    assert after.brier < 0.8 * before.brier
    assert after.ece is not None
    assert after.ece < 0.05


def test_of_one_class_there_is_no_map_and_of_one_score_a_flat_one() -> None:
    """Nothing can be learned from positives alone; where all scores are equal every score has the share of positives."""
    assert fit_isotonic([False], [0.5]) is None
    flat = fit_isotonic([True, False, False, False], [0.5] * 4)
    assert flat is not None
    assert flat.apply([0.0, 0.5, 1.0]).tolist() == [0.25] * 3


def test_what_was_fitted_survives_json_and_needs_no_scikit_learn() -> None:
    """Both values come back from JSON equal, and are applied in a process that never loads scikit-learn."""
    s = sample(1)
    cut, fitted = choose_threshold(s.truth, s.scores), fit_isotonic(s.truth, s.scores)
    assert cut is not None
    assert fitted is not None
    assert Threshold.model_validate_json(cut.model_dump_json()) == cut
    assert IsotonicMap.model_validate_json(fitted.model_dump_json()) == fitted
    code = f"""
import sys
from cotjudge.stats.calibration import IsotonicMap, Threshold
print(Threshold.model_validate_json({cut.model_dump_json()!r}).apply([1.0])[0])
print(IsotonicMap.model_validate_json({fitted.model_dump_json()!r}).apply([1.0])[0])
print({{"sklearn", "scipy", "statsmodels", "krippendorff"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True", str(float(fitted.apply([1.0])[0])), "set()"]
