from __future__ import annotations

import time
from dataclasses import asdict

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, recall_score, roc_auc_score
from tests.stats.samples import sample

from cotjudge.stats.arrays import Floats, Ints
from cotjudge.stats.bootstrap import Resampling, agreement_intervals, ratio_interval, statistic_interval
from cotjudge.stats.interval import Interval, exact, percentile, wilson
from cotjudge.stats.rankings import RANKING_METRICS, Rankings
from cotjudge.stats.scores import ece, measure


@pytest.mark.parametrize("seed", range(20))
def test_closed_forms_are_the_score_metrics_of_the_libraries(seed: int) -> None:
    """The forms used for resamples give what scikit-learn gives on the same rows."""
    s = sample(seed, digits=1 + seed % 3)
    distinct = np.unique(s.scores)[::-1]
    true, false = ([[(s.scores[of] == v).sum() for v in distinct]] for of in (s.truth, ~s.truth))
    rankings = Rankings(distinct, np.array(true, float), np.array(false, float))
    expected = asdict(measure(s.truth, s.scores))
    assert {name: metric(rankings)[0] for name, metric in RANKING_METRICS.items()} == pytest.approx(expected)


def test_closed_forms_know_what_is_undefined() -> None:
    """With one class only a ranking is nan, with no row all of it is."""
    scores, none, some = np.array([0.9, 0.1]), np.zeros((1, 2)), np.ones((1, 2))
    undefined = [name for name, metric in RANKING_METRICS.items() if np.isnan(metric(Rankings(scores, some, none))[0])]
    assert undefined == ["auroc", "average_precision", "tpr_at_fpr_01", "tpr_at_fpr_05"]
    assert all(np.isnan(metric(Rankings(scores, none, none))[0]) for metric in RANKING_METRICS.values())


@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_are_those_of_measuring_every_resample(clustered: bool) -> None:  # noqa: FBT001
    """Counting cells gives the intervals that drawing rows and comparing them one resample after another gives."""
    s = sample(3, rows=150)
    clusters = np.arange(150) // 5 if clustered else None
    fast = agreement_intervals(s.truth, s.judged, scores=s.scores, clusters=clusters)
    slow = {
        "kappa": lambda rows: cohen_kappa_score(s.truth[rows], s.judged[rows]),
        "recall": lambda rows: recall_score(s.truth[rows], s.judged[rows]),
        "auroc": lambda rows: roc_auc_score(s.truth[rows], s.scores[rows]),
        "ece": lambda rows: ece(s.truth[rows], s.scores[rows]),
    }
    for name, statistic in slow.items():
        quick = fast[name]
        found = statistic_interval(statistic, 150, clusters=clusters, resampling=Resampling(resamples=250, seed=1))
        assert found is not None
        assert quick is not None
        assert (quick.low, quick.high) == pytest.approx((found.low, found.high), abs=0.05), name


def test_a_cluster_is_kept_whole() -> None:
    """A resample holds all rows of a cluster, as often as it was drawn, or none."""
    clusters = np.array(["a", "a", "b", "c", "c", "c"])

    def torn(rows: Ints) -> float:
        drawn = np.bincount(rows, minlength=6)
        return float(any(len(set(drawn[clusters == key])) > 1 for key in "abc"))

    assert statistic_interval(torn, 6, clusters=clusters) == Interval(0.0, 0.0)


def test_clusters_make_intervals_wider() -> None:
    """Rows that repeat each other ten times tell no more than one of them."""
    s = sample(5, rows=60)
    truth, judged, scores = (np.repeat(x, 10) for x in (s.truth, s.judged, s.scores))
    alone = agreement_intervals(truth, judged, scores=scores)
    together = agreement_intervals(truth, judged, scores=scores, clusters=np.repeat(np.arange(60), 10))
    for name, interval in together.items():
        if name != "coverage":
            assert interval is not None
            assert interval.half_width > 1.5 * width(alone[name]), name


def width(interval: Interval | None) -> float:
    """Half of it; it must be there."""
    assert interval is not None
    return interval.half_width


def test_the_seed_decides() -> None:
    """The same seed gives the same intervals, another one others."""
    s = sample(6)
    first, again = (agreement_intervals(s.truth, s.judged, scores=s.scores) for _ in range(2))
    other = agreement_intervals(s.truth, s.judged, scores=s.scores, resampling=Resampling(seed=1))
    assert first == again
    assert first["kappa"] != other["kappa"]


def test_a_lower_level_gives_a_shorter_interval() -> None:
    """An interval of 80% lies within that of 95%."""
    s = sample(7)
    wide = agreement_intervals(s.truth, s.judged)["kappa"]
    short = agreement_intervals(s.truth, s.judged, resampling=Resampling(level=0.8))["kappa"]
    assert width(short) < width(wide)


def test_undecided_rows_have_an_interval_of_coverage() -> None:
    """The coverage varies from resample to resample like any metric, and undecided rows are in no other."""
    s = sample(8, rows=100)
    decided = np.arange(100) % 4 > 0
    found = agreement_intervals(s.truth, s.judged, decided=decided)
    assert found["coverage"] is not None
    assert 0.75 in found["coverage"]
    assert found["coverage"].half_width == pytest.approx(0.085, abs=0.02)


def test_what_is_often_undefined_has_no_interval() -> None:
    """With one positive a third of the resamples have none: recall has no interval, accuracy has one."""
    truth = np.arange(50) == 0
    found = agreement_intervals(truth, truth, scores=truth.astype(float))
    assert (found["recall"], found["auroc"]) == (None, None)
    assert found["accuracy"] == Interval(1.0, 1.0)


def test_without_rows_there_is_no_interval() -> None:
    """Nothing resampled is nothing, for every metric, without a complaint of a library."""
    found = agreement_intervals([], [], scores=[])
    assert len(found) == 16
    assert set(found.values()) == {None}
    assert ratio_interval([]) is None
    assert statistic_interval(lambda _: 1.0, 0) is None


def test_a_row_without_a_score_is_drawn_and_not_ranked() -> None:
    """Missing scores leave the intervals of the other rows' ranking where they were, about."""
    s = sample(9, rows=200)
    missing = np.concatenate([s.scores, [np.nan] * 20])
    truth = np.concatenate([s.truth, [True] * 10, [False] * 10])
    found = agreement_intervals(truth, truth, scores=missing, clusters=np.arange(220) // 2)["auroc"]
    without = agreement_intervals(s.truth, s.truth, scores=s.scores, clusters=np.arange(200) // 2)["auroc"]
    assert found is not None
    assert without is not None
    assert (found.low, found.high) == pytest.approx((without.low, without.high), abs=0.02)


def test_a_mean_has_about_the_interval_of_theory() -> None:
    """The bootstrap interval of a mean is 1.96 standard errors to each side."""
    values = np.random.default_rng(0).normal(3, 1, 400)
    found = ratio_interval(values, resampling=Resampling(resamples=4000))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((values.mean() - 0.098, values.mean() + 0.098), abs=0.01)


def test_resampling_is_fast() -> None:
    """All metrics over 500 rows and 1,000 resamples take under five seconds of one core, with and without clusters."""
    s = sample(0, rows=500, digits=3)
    started = time.process_time()
    for clusters in (None, np.arange(500) // 10):
        agreement_intervals(s.truth, s.judged, scores=s.scores, clusters=clusters)
    assert time.process_time() - started < 5


def test_many_clusters_are_drawn_in_parts() -> None:
    """Where all draws would not fit in memory at once, they come in blocks, and all of them come."""
    many = 5000
    found = ratio_interval(np.arange(many) % 2, clusters=np.arange(many), resampling=Resampling(resamples=2000))
    assert found is not None
    assert 0.5 in found


def test_settings_that_make_no_sense_are_refused() -> None:
    """A level in percent, no resamples, or keys that do not fit the rows are errors."""
    with pytest.raises(ValueError, match="a level between 0 and 1"):
        Resampling(level=95)
    with pytest.raises(ValueError, match="clusters: 1 values for 2 rows"):
        ratio_interval([1, 0], clusters=["a"])


def test_intervals_of_a_share() -> None:
    """Wilson's and Clopper and Pearson's limits of 10 in 100 are the textbook's; of no rows there are none."""
    textbook = {wilson: (0.0552, 0.1744), exact: (0.0490, 0.1762)}
    for interval, limits in textbook.items():
        found = interval(10, 100)
        assert found is not None
        assert (found.low, found.high) == pytest.approx(limits, abs=5e-5)
        assert interval(0, 0) is None
    none = wilson(0, 20)
    assert none is not None
    assert none.low == 0.0
    assert none.high == pytest.approx(0.1611, abs=5e-5)


@pytest.mark.parametrize(("missing", "there"), [(4, True), (6, False)])
def test_a_small_share_of_undefined_resamples_is_forgiven(missing: int, there: bool) -> None:  # noqa: FBT001
    """Up to one in twenty may be undefined."""
    values: Floats = np.linspace(0, 1, 100)
    values[:missing] = np.nan
    assert (percentile(values, 0.95) is not None) is there
