from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, chi2

from cotjudge.stats.interval import wilson
from cotjudge.stats.pairs import difference, flips, mcnemar


def right(both: int, only_first: int, only_second: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Two judges with such a table."""
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return first, second


def test_few_discordant_pairs_are_tested_exactly() -> None:
    """Two against nine is a binomial test of one half."""
    found = mcnemar(*right(10, 2, 9, 5))
    assert (found.both, found.only_first, found.only_second, found.neither, found.exact) == (10, 2, 9, 5, True)
    assert found.p_value == pytest.approx(binomtest(2, 11).pvalue)


def test_many_discordant_pairs_are_tested_by_chi_square() -> None:
    """Twenty against forty: chi-square (20 - 1)^2 / 60 with one degree of freedom."""
    found = mcnemar(*right(10, 20, 40, 5))
    assert not found.exact
    assert found.p_value == pytest.approx(chi2.sf(19**2 / 60, 1))


def test_judges_that_never_differ_have_no_p_value() -> None:
    """Without a discordant pair, or without a row, there is nothing to test."""
    assert mcnemar(*right(10, 0, 0, 5)).p_value is None
    assert mcnemar([], []).p_value is None


def test_rows_that_one_left_open_are_not_compared() -> None:
    """Only rows that both decided are in the table, in the shares and in the difference."""
    first, second = right(4, 2, 0, 2)
    decided = [True] * 6 + [False] * 2
    assert mcnemar(first, second, decided=decided).neither == 0
    found = difference(first, second, decided=decided)
    assert (found.n, found.coverage, found.first) == (6, 0.75, 1.0)
    assert found.second == pytest.approx(2 / 3)


def test_a_difference_is_that_of_the_shares_with_about_the_interval_of_theory() -> None:
    """Of 200 rows 20 speak for the first and 10 for the second: 5 points, with 1.96 paired standard errors around."""
    found = difference(*right(150, 20, 10, 20))
    error = np.sqrt((30 - 10**2 / 200) / 200**2)
    assert found.difference == pytest.approx(0.05)
    assert found.first is not None
    assert found.second is not None
    assert found.first - found.second == pytest.approx(0.05)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (0.05 - 1.96 * error, 0.05 + 1.96 * error), abs=0.01
    )


def test_clusters_widen_the_interval_of_a_difference() -> None:
    """Rows of one cluster are drawn together."""
    first, second = (np.repeat(x, 8) for x in right(30, 6, 3, 5))
    alone = difference(first, second).interval
    together = difference(first, second, clusters=np.repeat(np.arange(44), 8)).interval
    assert alone is not None
    assert together is not None
    assert together.half_width > 2 * alone.half_width


def test_without_rows_there_is_no_difference() -> None:
    """No row that both decided: everything but the counts is None."""
    found = difference([], [])
    assert (found.n, found.coverage, found.first, found.second, found.difference, found.interval) == (0, *(None,) * 5)
    undecided = difference([True], [False], decided=[False])
    assert (undecided.coverage, undecided.difference, undecided.interval) == (0.0, None, None)


def test_flips_are_told_by_trace_and_by_pair() -> None:
    """One of three traces is split; two of the three pairs of its repeats differ. A single label is no repeat."""
    repeats: list[list[str | None]] = [["a", "a", "a"], ["a", "b", "a"], ["b", "b", None], ["a", None, None]]
    found = flips(repeats)
    assert found.traces == 3
    assert found.not_unanimous == pytest.approx(1 / 3)
    assert found.disagreement == pytest.approx(2 / 9)
    assert found.not_unanimous_interval == wilson(1, 3)


def test_flips_have_intervals() -> None:
    """Both shares lie within their intervals, which widen with clusters."""
    repeats = [("a", "a")] * 80 + [("a", "b")] * 20
    alone, together = flips(repeats), flips(repeats, clusters=np.arange(100) // 10)
    for found in (alone, together):
        assert found.not_unanimous_interval is not None
        assert found.disagreement_interval is not None
        assert 0.2 in found.not_unanimous_interval
        assert 0.2 in found.disagreement_interval
    assert alone.not_unanimous_interval is not None
    assert together.not_unanimous_interval is not None
    assert together.not_unanimous_interval.half_width > 1.5 * alone.not_unanimous_interval.half_width


def test_an_abstention_is_a_label_that_flips() -> None:
    """Present once and uncertain once is a contradiction."""
    assert flips([["present", "uncertain"]]).not_unanimous == 1.0


def test_without_a_repeat_there_are_no_flips() -> None:
    """Nothing repeated: no shares and no intervals."""
    nothing: tuple[list[list[str | None]], ...] = ([], [["a"]])
    for repeats in nothing:
        found = flips(repeats)
        assert (found.traces, found.not_unanimous, found.disagreement) == (0, None, None)
        assert (found.not_unanimous_interval, found.disagreement_interval) == (None, None)
