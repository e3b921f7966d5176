from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score
from tests.store.values import a_trace, a_verdict
from tests.validation.values import RUBRIC, a_store, annotate, judge, table

from cotjudge.errors import UsageError
from cotjudge.stats.agreement import Agreement
from cotjudge.stats.bootstrap import Resampling
from cotjudge.stats.nominal import NominalAgreement
from cotjudge.validation.agreeing import Wish, agree
from cotjudge.validation.measuring import About, Rows, measure
from cotjudge.validation.ratings import Rater

QUICK = Resampling(resamples=100)
ABOUT = About(RUBRIC, Rater("judge", "j"), Rater("annotator", "gold"))


def _rows(*pairs: tuple[str, str]) -> Rows:
    return Rows(tuple(str(at) for at in range(len(pairs))), *zip(*pairs, strict=True))


PUBLISHED = [
    ((34, 1, 17, 54), {"accuracy": 0.83, "precision": 0.97, "recall": 0.67, "kappa": 0.66, "mcc": 0.69}),
    ((20, 8, 31, 47), {"kappa": 0.25}),
]


@pytest.mark.parametrize(("cells", "wanted"), PUBLISHED)
def test_published_tables_of_two_judges_are_recomputed(
    tmp_path: Path, cells: tuple[int, int, int, int], wanted: dict[str, float]
) -> None:
    """From verdicts and labels in a database to the figures that were printed for two alignment-faking judges."""
    store, ids = a_store(tmp_path / "x.duckdb", sum(cells))
    truth, said = table(ids, *cells)
    annotate(store, "gold", truth)
    judge(store, "lexical", said)
    (found,) = agree(store, Wish(resampling=QUICK)).measured
    assert isinstance(found.agreement, Agreement)
    assert (found.agreement.tp, found.agreement.fp, found.agreement.fn, found.agreement.tn) == cells
    assert {name: round(getattr(found.agreement, name), 2) for name in wanted} == wanted
    for name in wanted:
        assert getattr(found.agreement, name) in (found.intervals[name] or ())
    assert found.words == ("present", "absent")
    assert found.table == ((cells[0], cells[2]), (cells[1], cells[3]))


def test_figures_on_random_ratings_are_the_libraries_own(tmp_path: Path) -> None:
    """Kappa and AUROC from the database equal scikit-learn's."""
    random = np.random.default_rng(5)
    store, ids = a_store(tmp_path / "x.duckdb", 60)
    truth = dict(zip(ids, random.choice(["present", "absent"], 60).tolist(), strict=True))
    scores = dict(zip(ids, random.random(60).round(1).tolist(), strict=True))
    said = {i: "present" if scores[i] > 0.5 else "absent" for i in ids}
    annotate(store, "gold", truth)
    judge(store, "lexical", said, scores=scores)
    (found,) = agree(store, Wish(resampling=QUICK)).measured
    columns = [[of[i] == "present" for i in ids] for of in (truth, said)]
    assert isinstance(found.agreement, Agreement)
    assert found.agreement.kappa == pytest.approx(cohen_kappa_score(*columns))
    assert found.agreement.auroc == pytest.approx(roc_auc_score(columns[0], [scores[i] for i in ids]))
    assert found.agreement.distinct_scores == len({*scores.values()})


def test_uncertain_is_an_abstention() -> None:
    """The rater's counts in the coverage alone; the reference's is no truth, so no metric counts it."""
    rows = _rows(("present", "present"), ("absent", "uncertain"), ("uncertain", "present"), ("absent", "absent"))
    found = measure(ABOUT, rows, resampling=QUICK)
    assert (found.traces, found.unsettled, found.agreement.n) == (4, 1, 2)
    assert found.agreement.coverage == pytest.approx(2 / 3)
    assert found.agreement.accuracy == 1.0
    assert found.words == ("present", "absent", "uncertain")
    assert found.table == ((1, 0, 0), (0, 1, 1), (1, 0, 0))


def test_a_share_without_an_error_is_not_sure() -> None:
    """Where resamples see no error, a share has Wilson's interval; kappa, which has none such, has no interval."""
    found = measure(ABOUT, _rows(*[("present", "present")] * 5, *[("absent", "absent")] * 5), resampling=QUICK)
    accuracy, recall = found.intervals["accuracy"], found.intervals["recall"]
    assert accuracy is not None
    assert recall is not None
    assert (round(accuracy.low, 2), accuracy.high) == (0.72, 1.0)
    assert (round(recall.low, 2), recall.high) == (0.57, 1.0)
    assert found.agreement.kappa == 1.0
    assert found.intervals["kappa"] is None


def test_rows_of_one_cluster_count_once() -> None:
    """Intervals are wider where traces of a scenario stand and fall together."""
    rows = _rows(*[("present", "present")] * 30, *[("absent", "present")] * 10, *[("absent", "absent")] * 40)
    alone = measure(ABOUT, rows, resampling=QUICK)
    together = measure(ABOUT, rows, clusters=[str(at // 10) for at in range(80)], resampling=QUICK)
    wide, narrow = together.intervals["accuracy"], alone.intervals["accuracy"]
    assert (alone.clusters, together.clusters) == (80, 8)
    assert wide is not None
    assert narrow is not None
    assert wide.half_width > narrow.half_width
    perfect = _rows(*[("present", "present")] * 40, *[("absent", "absent")] * 40)
    eight = measure(ABOUT, perfect, clusters=[str(at // 10) for at in range(80)], resampling=QUICK)
    accuracy = eight.intervals["accuracy"]
    assert accuracy is not None
    assert round(accuracy.low, 2) == 0.68  # Wilson's of 8 of 8


def test_labels_without_a_yes_are_compared_as_names() -> None:
    """A rubric with labels of its own has accuracy, kappa, AC1 and alpha, and no recall."""
    rows = _rows(("single", "single"), ("mixed", "single"), ("mixed", "mixed"), ("single", "single"))
    found = measure(ABOUT, rows, labels=("single", "mixed", "unidentified"), resampling=QUICK)
    assert isinstance(found.agreement, NominalAgreement)
    assert found.agreement.labels == ("mixed", "single", "unidentified")
    assert found.agreement.accuracy == 0.75


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[tuple[str, str, str, str]]]:
    """Two judges, three annotators, six traces in two scenarios; asked for, the pairs that a wish gives."""
    scenarios = ["a", "a", "a", "b", "b", None]
    store, ids = a_store(tmp_path_factory.mktemp("crowd") / "x.duckdb", 6, scenario=scenarios)
    everything = dict(zip(ids, ["present", "absent"] * 3, strict=True))
    judge(store, "one", everything, criteria=a_verdict("k").criteria)
    judge(store, "two", dict.fromkeys(ids, "absent"))
    annotate(store, "ann", everything, criteria={"conceals": "no", "adopted": "yes"})
    annotate(store, "bo", dict(zip(ids[:4], ["present", "absent", "absent", "absent"], strict=True)))
    annotate(store, "cy", {a_trace("elsewhere").trace_id: "present"})

    def asked(**wish: object) -> list[tuple[str, str, str, str]]:
        found = agree(store, Wish(resampling=QUICK, **wish))  # type: ignore[arg-type]
        asked.found = found  # type: ignore[attr-defined]
        return [(str(m.about.rater), str(m.about.reference), m.about.criterion, m.about.group) for m in found.measured]

    return asked


def test_every_judge_is_held_against_every_annotator(crowd: Callable[..., list[tuple[str, ...]]]) -> None:
    """Unless something else is asked for; a pair without a trace in common is a note."""
    assert crowd() == [("one", "ann", "", ""), ("one", "bo", "", ""), ("two", "ann", "", ""), ("two", "bo", "", "")]
    found = crowd.found  # type: ignore[attr-defined]
    assert found.notes == tuple(f"{RUBRIC}: {who} and cy have no trace in common" for who in ("one", "two"))
    (people,) = found.annotators
    assert (people.names, people.traces, round(people.alpha, 2)) == (("ann", "bo", "cy"), 4, 0.53)


def test_a_reference_and_judges_are_chosen(crowd: Callable[..., list[tuple[str, ...]]]) -> None:
    """An annotator (then other annotators are held against them, too), a judge, a run; or all pairs."""
    pairs = {pair[:2] for pair in crowd(against="ann")}
    assert pairs == {("one", "ann"), ("two", "ann"), ("bo", "ann")}
    assert crowd(against="ann", judges=("two",)) == [("two", "ann", "", "")]
    assert crowd(against="judge:one") == [("two", "one", "", "")]
    assert crowd(against="run:run-o", judges=("run:run-two",)) == [("run-two", "run-one", "", "")]
    everything = {pair[:2] for pair in crowd(all_pairs=True)}
    assert everything - pairs == {("one", "bo"), ("two", "bo"), ("two", "one")}


def test_groups_and_criteria_have_lines_of_their_own(crowd: Callable[..., list[tuple[str, ...]]]) -> None:
    """After the whole; traces whose source does not say are a group, too; a criterion both answer."""
    found = crowd(judges=("one",), against="ann", by="meta.scenario", criteria=True)
    assert [pair[2:] for pair in found[:4]] == [("", ""), ("", "-"), ("", "a"), ("", "b")]
    assert [pair[2:] for pair in found[4::4]] == [("conceals", ""), ("adopted", "")]
    whole, rest, first, _ = crowd.found.measured[:4]  # type: ignore[attr-defined]
    assert (whole.traces, rest.traces, first.traces) == (6, 1, 3)


def test_only_some_traces_count(crowd: Callable[..., list[tuple[str, ...]]]) -> None:
    """Those of a value, with * for any text; several conditions must all hold."""
    for only, traces in ((("meta.scenario=a",), 3), (("model=*", "meta.scenario=*"), 5), (("path=*.jsonl",), 6)):
        crowd(judges=("one",), against="ann", only=only)
        assert crowd.found.measured[0].traces == traces  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (
            {"against": "dee"},
            r"'dee' is no annotator or judge or run in .*; it has annotators: ann, bo, cy; judges: one",
        ),
        ({"judges": ("three",)}, "'three' is no judge or run"),
        ({"against": "run:run"}, "more than one run begins with 'run': "),
        ({"rubrics": ("other",)}, "--rubric other: no verdict and no label .* there are scheming"),
        ({"only": ("model",)}, "--only model: write KEY=VALUE"),
        ({"only": ("model=gpt",)}, "--only model=gpt: no trace"),
        ({"by": "scenario"}, "'scenario' is nothing to group by"),
        ({"against": "ann", "all_pairs": True}, "--against and --all-pairs exclude each other"),
    ],
)
def test_a_mistake_is_named(crowd: Callable[..., list[tuple[str, ...]]], wish: dict[str, object], message: str) -> None:
    """What is not there, and what there is instead."""
    with pytest.raises(UsageError, match=message):
        crowd(**wish)


def test_a_panel_run_counts_the_panel_and_not_its_members(tmp_path: Path) -> None:
    """Members' verdicts are stored under the same run; the run's word is the panel's."""
    store, ids = a_store(tmp_path / "x.duckdb", 3)
    annotate(store, "gold", dict.fromkeys(ids, "present"))
    judge(store, "panel", dict.fromkeys(ids, "present"), run="r")
    judge(store, "member", dict.fromkeys(ids, "absent"), run="s")
    with store.connect(write=True) as connection:
        connection.execute("UPDATE verdicts SET run_id = 'r'")
    (found,) = agree(store, Wish(judges=("run:r",), resampling=QUICK)).measured
    assert found.agreement.accuracy == 1.0
