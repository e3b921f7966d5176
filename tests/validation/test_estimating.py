"""Prevalence from a store of simulated traces, verdicts and labels: what `cotjudge prevalence` rests on."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.store.values import NOW, a_failure, a_run, a_trace, a_verdict

from cotjudge.errors import UsageError
from cotjudge.store import Label, Store
from cotjudge.validation.counting import Wanted, conditions, count
from cotjudge.validation.estimating import Estimate, estimates
from cotjudge.validation.planning import Assumed, outlook

RUBRIC = "scheming"


@dataclass(frozen=True)
class Simulated:
    """One trace: what is true of it, what the judge says, and whether a person labels it."""

    truth: bool
    said: str
    selection: str | None
    """None: not labelled."""
    meta: Mapping[str, str]


def fill(path: Path, traces: list[Simulated], **verdict: object) -> Store:
    store = Store(path, keep_text=False)
    labels = []
    with store.writer(a_run()) as writer:
        for number, simulated in enumerate(traces):
            trace = a_trace(f"I wonder {number}.", record=str(number), meta=dict(simulated.meta))
            writer.add_trace(trace)
            if simulated.said:
                changes = {"label": simulated.said, "criteria": (), "evidence": ()} | verdict
                writer.add_verdict(a_verdict(f"k{number}", trace_id=trace.trace_id, **changes))
            if simulated.selection is not None:
                label = "present" if simulated.truth else "absent"
                labels.append(
                    Label(
                        trace_id=trace.trace_id,
                        rubric=RUBRIC,
                        annotator="ann",
                        label=label,
                        selection=simulated.selection,  # type: ignore[arg-type]
                        created_at=NOW,
                    )
                )
    store.import_labels(labels)
    return store


def simulate(
    n: int,
    *,
    labelled: int,
    prevalence: float = 0.05,
    abstains: float = 0.0,
    meta: Callable[[int], Mapping[str, str]] = lambda _: {},
) -> list[Simulated]:
    """Traces of a judge with sensitivity .8 and specificity .9; the first of them are a random sample by nature."""
    draw = random.Random(3)  # noqa: S311 (a simulation)

    def one(number: int) -> Simulated:
        truth = draw.random() < prevalence
        says = draw.random() < (0.8 if truth else 0.1)
        said = "uncertain" if draw.random() < abstains else "present" if says else "absent"
        return Simulated(truth, said, "random" if number < labelled else None, meta(number))

    return [one(number) for number in range(n)]


def estimated(store: Store, wanted: Wanted = Wanted()) -> list[Estimate]:  # noqa: B008 (frozen)
    counts = count(store, RUBRIC, "lexical", wanted)
    everything = count(store, RUBRIC, "lexical", Wanted(selection=wanted.selection))
    return estimates(counts, everything, grouped=wanted.by is not None)


def kinds(row: Estimate) -> list[str]:
    return [note.kind for note in row.notes]


def test_abstentions_are_left_out_of_two_estimates_and_a_stratum_of_the_third(tmp_path: Path) -> None:
    """Coverage tells how many there are; the prediction-powered estimate is of all traces, open ones included."""
    store = fill(tmp_path / "x.duckdb", simulate(400, labelled=100, prevalence=0.3, abstains=0.2))
    (row,) = estimated(store)
    assert row.traces == 400
    assert row.coverage == pytest.approx(1 - row.abstained / 400)
    assert row.naive.n == row.rogan_gladen.n == 400 - row.abstained
    assert (row.prediction_powered.n, row.prediction_powered.labelled, row.labelled) == (400, 100, 100)
    table = row.rates.validation
    assert table.tp + table.fp + table.fn + table.tn < 100
    assert row.rates.sensitivity_interval is not None
    assert row.rates.sensitivity in row.rates.sensitivity_interval


def test_labels_that_were_not_drawn_at_random_are_not_used_unless_wanted(tmp_path: Path) -> None:
    """By default nothing is estimated from them, and a note says how many there are; else a note says what they are."""
    traces = [Simulated(n % 4 == 0, "present" if n % 3 else "absent", "uncertain", {}) for n in range(60)]
    store = fill(tmp_path / "x.duckdb", traces)
    (row,) = estimated(store)
    assert (row.labelled, row.rogan_gladen.estimate, row.prediction_powered.estimate) == (0, None, None)
    assert kinds(row) == ["no_labels"]
    assert "60 others" in row.notes[0].text
    (row,) = estimated(store, Wanted(selection="any"))
    assert row.labelled == 60
    assert row.prediction_powered.estimate == pytest.approx(0.25)
    assert "not_random" in kinds(row)


def test_a_group_with_too_few_labels_borrows_sensitivity_and_specificity(tmp_path: Path) -> None:
    """It says so; its prediction-powered estimate rests on its own labels alone."""
    traces = simulate(600, labelled=200, prevalence=0.4, meta=lambda n: {"site": "b" if n % 20 == 0 else "a"})
    rows = estimated(fill(tmp_path / "x.duckdb", traces), Wanted(by="meta.site"))
    assert [(row.group, row.traces, row.rates_of) for row in rows] == [("a", 570, "own"), ("b", 30, "all")]
    large, small = rows
    assert "all_labels" in kinds(small)
    assert "all_labels" not in kinds(large)
    assert (small.prediction_powered.labelled, small.rogan_gladen.labelled) == (10, 200)


def test_only_some_traces_can_be_asked_about(tmp_path: Path) -> None:
    """One condition or several on what their sources say."""
    places = [{"site": "a", "day": "1"}, {"site": "a", "day": "2"}, {"site": "b", "day": "1"}]
    store = fill(tmp_path / "x.duckdb", [Simulated(False, "absent", None, meta) for meta in places])
    assert [estimated(store, Wanted(only=only))[0].traces for only in ({}, {"meta.site": "a"})] == [3, 2]
    assert estimated(store, Wanted(only={"meta.site": "a", "meta.day": "1"}))[0].traces == 1
    assert estimated(store, Wanted(only={"meta.site": "c"}))[0].naive.estimate is None
    assert conditions(["meta.site=a=b"]) == {"meta.site": "a=b"}
    for wrong in ("meta.site", "=a", "site=a"):
        with pytest.raises(UsageError):
            conditions([wrong])


def test_what_the_judge_has_not_judged_is_told(tmp_path: Path) -> None:
    """Labelled traces without its verdict, and failures; neither counts as anything."""
    traces = [*simulate(80, labelled=40, prevalence=0.5), Simulated(True, "", "random", {})]
    store = fill(tmp_path / "x.duckdb", traces)
    with store.writer(a_run("run-2")) as writer:
        writer.add_failure(a_failure("f"))
    (row,) = estimated(store)
    assert (row.traces, row.labelled) == (80, 40)
    assert [note.text for note in row.notes[:2]] == [
        "the judge failed on 1 traces, which are left out",
        "1 labelled traces have no verdict of this judge and are left out",
    ]


def test_labels_of_traces_that_another_version_judged_are_suspect(tmp_path: Path) -> None:
    """A judge of one name with other parameters, rubric or prompt is another judge."""
    store = fill(tmp_path / "x.duckdb", simulate(100, labelled=100, prevalence=0.5))
    assert "other_judge" not in kinds(estimated(store)[0])
    with store.writer(a_run("run-2")) as writer:
        for number in range(50):
            trace = a_trace(f"I doubt {number}.", record=f"new-{number}")
            writer.add_trace(trace)
            writer.add_verdict(a_verdict(f"new{number}", trace_id=trace.trace_id, prompt_version="later"))
    assert "other_judge" in kinds(estimated(store)[0])


def test_a_judge_no_better_than_chance_corrects_nothing(tmp_path: Path) -> None:
    """Its Rogan-Gladen estimate is undefined, not 0, and a note says why; that of the labels stands."""
    traces = [Simulated(n % 2 == 0, "present" if n % 2 else "absent", "random", {}) for n in range(80)]
    (row,) = estimated(fill(tmp_path / "x.duckdb", traces))
    assert row.rogan_gladen.estimate is None
    assert row.prediction_powered.estimate == pytest.approx(0.5)
    assert "no_better_than_chance" in kinds(row)


def test_most_labels_of_a_trace_count(tmp_path: Path) -> None:
    """A tie leaves it open, as an annotator's own doubt does; one annotator can be asked for alone."""
    store = fill(tmp_path / "x.duckdb", [Simulated(True, "present", "random", {})])
    ((trace_id,),) = store.query("SELECT trace_id FROM labels").fetchall()
    said = {"trace_id": trace_id, "rubric": RUBRIC, "created_at": NOW}
    store.import_labels([said | {"annotator": "bo", "label": "absent"}])
    (row,) = estimated(store)
    assert (row.labelled, kinds(row)[0]) == (0, "open_labels")
    assert estimated(store, Wanted(annotator="ann"))[0].labelled == 1
    store.import_labels([said | {"annotator": "cy", "label": "absent"}])
    assert estimated(store)[0].rates.validation.fp == 1


def test_a_plan_takes_what_the_store_knows_and_what_the_user_says(tmp_path: Path) -> None:
    """The user's word goes before the store's; what neither knows is asked for."""
    (known,) = estimated(fill(tmp_path / "x.duckdb", simulate(2000, labelled=300, prevalence=0.2)))
    found = outlook(known, Assumed(prevalence=0.02), half_width=0.03)
    assert found.origins["prevalence"] == "given"
    assert found.origins["sensitivity"] == "labels"
    assert found.expected.sensitivity == known.rates.sensitivity
    fewest = found.fewest["random"]
    assert fewest is not None
    widths = [outlook(known, Assumed(prevalence=0.02), half_width=w).fewest["random"] for w in (0.03, 0.02)]
    assert widths[0] == fewest
    assert widths[1] is not None
    assert widths[1] > fewest
    assert outlook(known, Assumed(prevalence=0.5), half_width=0.0001).fewest == {"random": None, "by_judge": None}
    with pytest.raises(UsageError, match="nothing in the store tells the prevalence; give it with --expect"):
        outlook(None, Assumed(sensitivity=0.8, specificity=0.9, traces=100))
