from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.validation.values import RUBRIC, a_store, annotate, judge

from cotjudge.errors import UsageError
from cotjudge.stats.bootstrap import Resampling
from cotjudge.store import Store
from cotjudge.validation.comparing import Comparison, Wish, compare, verdict

QUICK = Resampling(resamples=200)
TRACES = 60


@pytest.fixture
def store(judged: Path, tmp_path: Path) -> Store:
    """A database of one's own, to be changed."""
    return Store(shutil.copytree(judged, tmp_path / "own") / "x.duckdb")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A poor judge, a better one, one that is as poor in other places, labels, and a run that judged nothing."""
    store, ids = a_store(
        tmp_path_factory.mktemp("judged") / "x.duckdb", TRACES, scenario=[at // 10 for at in range(TRACES)]
    )
    truth = ["present" if at % 2 else "absent" for at in range(TRACES)]
    other = {"present": "absent", "absent": "present"}
    poor = [other[label] if at < 20 else label for at, label in enumerate(truth)]
    better = [other[label] if at < 2 else label for at, label in enumerate(truth)]
    elsewhere = [other[label] if at >= 42 else label for at, label in enumerate(truth)]
    better[59] = "uncertain"
    annotate(store, "gold", dict(zip(ids, truth, strict=True)))
    annotate(store, "few", dict(zip(ids[:3], truth[:3], strict=True)))
    for name, said in (("poor", poor), ("better", better), ("elsewhere", elsewhere)):
        judge(store, name, dict(zip(ids, said, strict=True)), run=f"{name}-1")
    judge(store, "poor", {}, run="poor-2", cached=TRACES)
    return store.path.parent


def _one(store: Store, first: str, second: str, **wish: str) -> Comparison:
    (found,) = compare(store, Wish(first=first, second=second, resampling=QUICK, **wish)).compared  # type: ignore[arg-type]
    return found


def test_a_better_judge_is_said_to_be_better(store: Store) -> None:
    """By the annotator who labelled most, with the paired difference, its interval and McNemar's test."""
    found = _one(store, "poor-1", "better-1")
    assert found.against is not None
    gain = found.against.accuracy
    assert (found.traces, gain.n, found.against.annotator) == (TRACES, TRACES - 1, "gold")
    assert gain.difference == pytest.approx(18 / 59)
    assert gain.interval is not None
    assert gain.interval.low > 0
    assert (found.against.test.only_first, found.against.test.only_second) == (0, 18)
    assert found.against.coverage == pytest.approx((1.0, 59 / 60))
    assert verdict(found) == (
        "Against the labels of gold, B is better: accuracy 0.66 (A) and 0.97 (B) on 59 traces that both decided."
    )
    assert verdict(_one(store, "judge:better", "judge:poor")).startswith("Against the labels of gold, B is worse")


def test_what_cannot_be_told_is_said(store: Store) -> None:
    """No difference worth the name, few labels, or none at all."""
    assert verdict(_one(store, "poor", "elsewhere")).startswith("It cannot be told from the labels of gold whether")
    assert verdict(_one(store, "poor", "better", labels="few")).startswith("It cannot be told from the labels of few")
    with store.connect(write=True) as connection:
        connection.execute("DELETE FROM labels")
    found = _one(store, "poor", "better")
    assert found.against is None
    assert verdict(found) == "Nobody has labelled these traces, so it cannot be told whether B is better."


def test_flips_are_listed_with_both_rationales(store: Store) -> None:
    """Where the second is newly wrong first; with the label and why."""
    found = _one(store, "better", "elsewhere")
    assert sum(sum(row) for row in found.table) == TRACES
    assert sum(found.table[i][i] for i in range(3)) == TRACES - len(found.flips)
    newly = [(flip.first == flip.truth, flip.second == flip.truth) for flip in found.flips]
    assert newly == sorted(newly, reverse=True)
    flip = found.flips[0]
    assert (flip.first_rationale, flip.second_rationale) == (
        f"better says {flip.first}",
        f"elsewhere says {flip.second}",
    )


def test_shares_are_compared_where_both_decided(store: Store) -> None:
    """The share of present by the second less that by the first."""
    share = _one(store, "poor", "better").shares
    assert list(share) == ["present"]
    assert (share["present"].n, share["present"].difference) == (TRACES - 1, 0.0)


def test_clusters_make_the_interval_wider(store: Store) -> None:
    """Traces of one scenario are drawn together, and the sentence rests on the interval then."""
    alone, together = (_one(store, "poor", "better", cluster=key).against for key in ("", "meta.scenario"))
    assert alone is not None
    assert together is not None
    assert alone.accuracy.interval is not None
    assert together.accuracy.interval is not None
    assert together.accuracy.interval.half_width > alone.accuracy.interval.half_width


def test_a_run_that_judged_nothing_is_its_judge(store: Store) -> None:
    """Its verdicts were there already: a note says so, and what the judge says now stands for it."""
    found = compare(store, Wish(first="better-1", second="poor-2", resampling=QUICK))
    assert found.notes == (
        "run poor-2 judged nothing itself (60 of 60 judgements were there already), so what poor says now stands for it",
    )
    assert str(found.compared[0].second) == "poor"


def test_a_run_tells_what_it_does_not_count(store: Store) -> None:
    """Where a part of its judgements was there already."""
    ids = [row[0] for row in store.query("SELECT trace_id FROM traces LIMIT 2").fetchall()]
    judge(store, "poor", dict.fromkeys(ids, "present"), run="poor-3", cached=58, at=5)
    found = compare(store, Wish(first="better-1", second="poor-3", resampling=QUICK))
    assert found.notes == (
        "run poor-3 counts only the 2 verdicts that it made itself; 58 were there already (judge:poor counts all)",
    )
    assert found.compared[0].traces == 2
    assert compare(store, Wish(first="poor-1", second="judge:poor", resampling=QUICK)).compared[0].traces == TRACES


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("poor-1", "poor-1", "are the same"),
        ("poor-2", "judge:poor", "come down to the same verdicts, those of judge:poor"),
        ("poor-1", "poor-2", "made the very verdicts that count for judge:poor"),
        ("poor", "nobody", "'nobody' is no run or judge or annotator"),
        ("po", "better", "more than one run begins with 'po'"),
    ],
)
def test_a_mistake_is_named(store: Store, first: str, second: str, message: str) -> None:
    """Two names for the same verdicts would agree for ever; that is no finding."""
    with pytest.raises(UsageError, match=message):
        compare(store, Wish(first=first, second=second, resampling=QUICK))


def test_rubrics_without_a_trace_in_common_are_noted(store: Store) -> None:
    """If they were asked for."""
    judge(store, "third", {"0" * 32: "present"})
    found = compare(store, Wish(first="poor-1", second="judge:third", rubrics=(RUBRIC,), resampling=QUICK))
    assert found.compared == ()
    assert found.notes == (f"{RUBRIC}: poor-1 and third have no trace in common",)
