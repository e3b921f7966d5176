from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from sklearn import metrics

from cotjudge.stats.nominal import ac1, alpha, compare_labels

WORDS = np.array(["single", "mixed", "none"])


def test_ac1_of_gwets_own_example() -> None:
    """The table of 100 abstracts that Gwet ships with irrCAC has AC1 .84933."""
    # By hand: agreement (13 + 20 + 56) / 100 = .89; mean shares of the classes .13, .255, .615;
    # chance = (.13 * .87 + .255 * .745 + .615 * .385) / (3 - 1) = .53985 / 2 = .269925;
    # AC1 = (.89 - .269925) / (1 - .269925) = .620075 / .730075 = .849330.
    assert ac1(np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]])) == pytest.approx(0.8493305, abs=1e-7)


def test_ac1_does_not_fall_with_prevalence_as_kappa_does() -> None:
    """The paradox Gwet's coefficient is made for: 118 of 125 agree, kappa is near 0, AC1 is not."""
    # By hand: table (118, 5; 2, 0): agreement .944; mean share of the first class (123 + 120) / 250 = .972;
    # chance = 2 * .972 * .028 = .054432; AC1 = (.944 - .054432) / .945568 = .940777.
    table = np.array([[118, 5], [2, 0]])
    assert ac1(table) == pytest.approx(0.940777, abs=1e-6)
    first, second = ["no"] * 123 + ["yes"] * 2, ["no"] * 118 + ["yes"] * 5 + ["no"] * 2
    found = compare_labels(first, second)
    assert found.ac1 == pytest.approx(0.940777, abs=1e-6)
    assert found.kappa is not None
    assert found.kappa < 0.0


@pytest.mark.parametrize("seed", range(10))
def test_labels_of_any_number_are_compared_as_the_libraries_do(seed: int) -> None:
    """Kappa and accuracy are scikit-learn's, alpha is krippendorff's, from the raw labels."""
    random = np.random.default_rng(seed)
    first = random.choice(WORDS, 60)
    second = np.where(random.random(60) < 0.6, first, random.choice(WORDS, 60))
    found = compare_labels(first.tolist(), second.tolist())
    assert found.kappa == pytest.approx(metrics.cohen_kappa_score(first, second))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(first, second))
    raw = krippendorff.alpha(np.stack([first, second]), value_domain=WORDS, level_of_measurement="nominal")
    assert found.alpha == pytest.approx(raw)
    assert found.labels == ("mixed", "none", "single")


def test_alpha_of_krippendorffs_own_example() -> None:
    """Four observers, twelve units, missing values: alpha is .743 (Krippendorff 2011, example C)."""
    observers = (
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    )
    columns = zip(*(line.split() for line in observers), strict=True)
    units = [[None if label == "." else label for label in unit] for unit in columns]
    assert alpha(units) == pytest.approx(0.743, abs=0.0005)


def test_an_abstention_is_no_label() -> None:
    """Rows that a rater left open, or did not see, lower the coverage and nothing else."""
    found = compare_labels(["a", "b", "uncertain", None], ["a", "b", "a", "b"])
    assert (found.n, found.coverage, found.accuracy, found.kappa) == (2, 0.5, 1.0, 1.0)


def test_labels_that_could_have_been_given_count_for_ac1() -> None:
    """AC1's chance depends on how many labels there are, used or not."""
    same = compare_labels(["a", "a"], ["a", "a"], labels=("a", "b"))
    assert (same.ac1, same.kappa, same.alpha) == (1.0, None, None)
    assert compare_labels(["a", "a"], ["a", "a"]).ac1 is None


def test_nothing_is_known_of_no_labels() -> None:
    """Without a row that both decided there is no metric, and no library complains."""
    found = compare_labels([], [])
    assert (found.n, found.coverage, found.accuracy, found.kappa, found.ac1, found.alpha) == (0, *(None,) * 5)
    assert alpha([]) is None
    assert alpha([["a", None], ["b", None]]) is None
    assert alpha([["a", "a"], ["a"]]) is None
