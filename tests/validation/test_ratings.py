from __future__ import annotations

from pathlib import Path

import pytest
from tests.store.values import NOW, a_run, a_trace, a_verdict

from cotjudge.errors import UsageError
from cotjudge.store import Label, Store
from cotjudge.validation.ratings import Rater, Rating, raters, ratings, values

RUBRIC = "scheming"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "x.duckdb")
    trace = a_trace(model="m", meta={"scenario": "a/b", "n.m": 3})
    with store.writer(a_run()) as writer:
        writer.add_trace(trace)
        writer.add_verdict(a_verdict("k", trace_id=trace.trace_id))
        writer.add_verdict(a_verdict("s", trace_id=trace.trace_id, segment=1))
    labelled = {"trace_id": trace.trace_id, "rubric": RUBRIC, "annotator": "ann", "label": "absent", "created_at": NOW}
    store.import_labels([Label.model_validate(labelled | {"criteria": {"conceals": "no"}})])
    return store


def test_a_judge_and_an_annotator_say_the_same_kind_of_thing(store: Store) -> None:
    """Label, score where there is one, answers; a segment judged by itself is no word about the trace."""
    (trace_id,) = values(store, "path")
    judged = ratings(store, RUBRIC, Rater("judge", "lexical"))
    assert judged == {trace_id: Rating("present", 0.75, {"conceals": "cannot_tell", "adopted": "yes"})}
    assert ratings(store, RUBRIC, Rater("run", "run-1")) == judged
    assert ratings(store, RUBRIC, Rater("annotator", "ann")) == {trace_id: Rating("absent", None, {"conceals": "no"})}
    assert ratings(store, "another", Rater("judge", "lexical")) == {}


def test_raters_are_listed_with_how_much_they_said(store: Store) -> None:
    """Judges and annotators of a rubric."""
    assert raters(store, RUBRIC) == {Rater("annotator", "ann"): 1, Rater("judge", "lexical"): 1}


def test_a_trace_is_grouped_by_what_its_source_says(store: Store) -> None:
    """A column, or any key of the metadata, with dots and slashes in it."""
    assert list(values(store, "model").values()) == ["m"]
    assert list(values(store, "meta.scenario").values()) == ["a/b"]
    assert list(values(store, "meta.n.m").values()) == ["3"]
    assert list(values(store, "meta.none").values()) == [None]


@pytest.mark.parametrize("by", ["scenario", "meta.", "trace_id; DROP TABLE x"])
def test_what_nobody_can_group_by_is_refused(store: Store, by: str) -> None:
    """One line that says what there is."""
    with pytest.raises(UsageError, match=r"take one of model, task, .* or meta\.KEY"):
        values(store, by)
