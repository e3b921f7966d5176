from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from tests.store.values import NOW, a_run, a_trace, a_verdict, rows_of

from cotjudge.store import Label, Store
from cotjudge.store.views import VIEWS
from cotjudge.store.warehouse import blueprint
from cotjudge.trace import Source, Trace
from cotjudge.verdict import CriterionVerdict

SCHEMING, ROLEPLAY, PHRASING = "goal_directed_scheming", "persona_consistent_roleplay", "stereotyped_ethical_phrasing"
LATER = NOW + dt.timedelta(days=1)


def found_at(trace: Trace, path: str, record: str, **changes: Any) -> Trace:
    """The same trace, found elsewhere."""
    return trace.model_copy(update={"source": Source(path=path, record=record, format="openai")} | changes)


def of(trace: Trace, rubric: str, label: str, **changes: Any) -> Any:
    """A verdict without quotes; its key is made of all that tells it from others."""
    told = (trace.trace_id, rubric, label, *(str(value) for value in changes.values()))
    plain = {"severity": None, "criteria": (), "evidence": (), "score": 0.5}
    plain |= {name: getattr(trace, name) for name in ("model", "task", "epoch", "variant")}
    if (segment := changes.get("segment")) is not None:
        plain["position"] = (segment + 0.5) / len(trace.segments)
    return a_verdict("/".join(told), trace_id=trace.trace_id, rubric=rubric, label=label, **(plain | changes))


def stored(path: Path, traces: list[Trace], *verdicts: Any, version: str = "1", run_id: str = "run-1") -> Store:
    store = Store(path / "x.duckdb")
    run = a_run(run_id, version=version)
    with store.writer(run) as writer:
        for trace in traces:
            writer.add_trace(trace)
        for verdict in verdicts:
            writer.add_verdict(verdict.model_copy(update={"run_id": run_id}))
        writer.finish(run.model_copy(update={"status": "finished", "finished_at": NOW}))
    return store


def test_every_view_has_a_file_and_every_file_is_a_view() -> None:
    """A view that is not in the list is in no database."""
    files = {path.stem for path in Path(__file__).parents[2].glob("src/cotjudge/store/views/*.sql")}
    with blueprint() as connection:
        made = connection.execute(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal"  # 1.4 numbers those anew that were altered
        ).fetchall()
    assert sorted(name for (name,) in made) == sorted(VIEWS)
    assert files == set(VIEWS)


@pytest.mark.parametrize("setup", [{"rubric_hash": "b"}, {"judge_hash": "b"}, {"prompt_version": "b"}])
def test_the_newest_verdict_is_current_whatever_of_the_setup_has_changed(setup: dict[str, str], tmp_path: Path) -> None:
    """Rubric, judge and prompt are what makes a second verdict on the same trace, and the older one is no longer shown."""
    trace = a_trace()
    old, new = of(trace, SCHEMING, "present"), of(trace, SCHEMING, "absent", created_at=LATER, **setup)
    store = stored(tmp_path, [trace], new, old)
    assert rows_of(store, "SELECT label FROM current_verdicts") == [("absent",)]


def test_the_newest_verdict_is_current_after_an_upgrade_of_cotjudge(tmp_path: Path) -> None:
    """Our own share in a verdict is in its key and in no column but the version of the run."""
    trace = a_trace()
    stored(tmp_path, [trace], of(trace, SCHEMING, "present"))
    newer = of(trace, SCHEMING, "absent", created_at=LATER)
    store = stored(tmp_path, [], newer, version="2", run_id="run-2")
    assert rows_of(store, "SELECT label FROM current_verdicts") == [("absent",)]
    assert rows_of(store, "SELECT count(*) FROM verdicts") == [(2,)]


def test_a_judge_with_two_setups_keeps_what_only_the_older_one_judged(tmp_path: Path) -> None:
    """Newest is meant per trace, and per segment: a new setup does not hide what it has not judged."""
    one, other = a_trace("One."), a_trace("Other.")
    store = stored(
        tmp_path,
        [one, other],
        of(one, SCHEMING, "present"),
        of(one, SCHEMING, "absent", rubric_hash="b", created_at=LATER),
        of(one, SCHEMING, "uncertain", segment=1),
        of(other, SCHEMING, "present"),
        of(other, ROLEPLAY, "present"),
    )
    found = rows_of(store, "SELECT rubric, label, segment FROM current_verdicts ORDER BY ALL")
    assert found == [
        (SCHEMING, "absent", None),
        (SCHEMING, "present", None),
        (SCHEMING, "uncertain", 1),
        (ROLEPLAY, "present", None),
    ]


def test_wide_verdicts_has_one_row_per_trace_and_judge(tmp_path: Path) -> None:
    """Found twice, judged by two: two rows, each with the labels of its judge and the source found first, whole."""
    trace = a_trace(record="1")
    again = found_at(trace, "a.jsonl", "9", model="m")
    store = stored(
        tmp_path,
        [trace, again],
        of(trace, SCHEMING, "present", severity="acted"),
        of(trace, "my_rubric", "yes"),
        of(trace, SCHEMING, "absent", judge="llm"),
        of(trace, SCHEMING, "absent", segment=0),
    )
    found = rows_of(
        store,
        f"SELECT judge, {SCHEMING}, {SCHEMING}_severity, {ROLEPLAY}, labels['my_rubric'], sources, path, record, model "
        "FROM wide_verdicts ORDER BY judge",
    )
    assert found == [
        ("lexical", "present", "acted", None, "yes", 2, "dump.jsonl", "1", None),
        ("llm", "absent", None, None, None, 2, "dump.jsonl", "1", None),
    ]


def test_a_source_of_the_wide_view_is_one_source(tmp_path: Path) -> None:
    """Where the first source says nothing, a later one does not fill the gap: no row mixes two records."""
    trace = a_trace()
    later = found_at(trace, "z.jsonl", "1", model="m", task="t")
    store = stored(tmp_path, [trace, later], of(trace, SCHEMING, "absent"))
    assert rows_of(store, "SELECT path, model, task FROM wide_verdicts") == [("dump.jsonl", None, None)]


def test_overlap_has_eight_cells_of_what_is_decided(tmp_path: Path) -> None:
    """Empty cells are there with a zero, and a trace with one uncertain label is in none."""
    a, b, c = (a_trace(text) for text in "abc")
    labels = ((a, ("present", "absent", "absent")), (b, ("absent",) * 3), (c, ("uncertain", "absent", "present")))
    verdicts = [
        of(trace, rubric, label)
        for trace, said in labels
        for rubric, label in zip((SCHEMING, ROLEPLAY, PHRASING), said, strict=True)
    ]
    store = stored(tmp_path, [a, b, c], *verdicts)
    assert rows_of(store, "SELECT count(*), sum(traces), sum(share) FROM overlap") == [(8, 2, 1.0)]
    found = rows_of(
        store, "SELECT scheming, roleplay, phrasing, decided, undecided FROM overlap WHERE traces > 0 ORDER BY 1"
    )
    assert found == [(False, False, False, 2, 1), (True, False, False, 2, 1)]


def test_prevalence_counts_a_trace_once_under_each_value(tmp_path: Path) -> None:
    """Two records of one trace in the same model are one; of two tasks they count in both; shares leave uncertain out."""
    one, two, three = (
        a_trace(text, record=text, model="m", task="t", meta={"number": 1, "deep": {"x": 1}}) for text in "abc"
    )
    again = found_at(one, "dump.jsonl", "7", task="u", meta={})
    verdicts = [
        of(t, SCHEMING, label) for t, label in zip((one, two, three), ("present", "absent", "uncertain"), strict=True)
    ]
    store = stored(tmp_path, [one, two, three, again], *verdicts)
    found = rows_of(
        store,
        'SELECT "by", value, traces, present, absent, uncertain, share FROM prevalence_by '
        "WHERE \"by\" NOT IN ('epoch', 'variant', 'format') ORDER BY ALL",
    )
    assert found == [
        ("meta.number", "1", 3, 1, 1, 1, 0.5),
        ("model", "m", 3, 1, 1, 1, 0.5),
        ("task", "t", 3, 1, 1, 1, 0.5),
        ("task", "u", 1, 1, 0, 0, 1.0),
    ]


def test_disagreements_are_between_judges_and_with_labels(tmp_path: Path) -> None:
    """A pair comes once; uncertain is a difference and no opposition; agreement is none."""
    trace = a_trace()
    store = stored(
        tmp_path,
        [trace],
        of(trace, SCHEMING, "present"),
        of(trace, SCHEMING, "uncertain", judge="llm"),
        of(trace, ROLEPLAY, "absent"),
        of(trace, ROLEPLAY, "absent", judge="llm"),
    )
    store.import_labels(
        [Label(trace_id=trace.trace_id, rubric=SCHEMING, annotator="ann", label="absent", created_at=NOW)]
    )
    found = rows_of(store, "SELECT kind, one, one_label, other, other_label, opposed FROM disagreements ORDER BY ALL")
    assert found == [
        ("judges", "lexical", "present", "llm", "uncertain", False),
        ("label", "lexical", "present", "ann", "absent", True),
        ("label", "llm", "uncertain", "ann", "absent", False),
    ]


def test_needs_review_says_why(tmp_path: Path) -> None:
    """Every reason that holds is named, and a verdict without one is not there."""
    trace = a_trace()
    bad_quote = a_verdict("q").evidence[:1]
    store = stored(
        tmp_path,
        [trace],
        of(trace, SCHEMING, "uncertain", agreement=0.5, injection_suspected=True, evidence=bad_quote),
        of(trace, ROLEPLAY, "present", agreement=1.0),
        of(trace, PHRASING, "present", evidence=bad_quote),
    )
    found = rows_of(store, "SELECT rubric, reasons FROM needs_review ORDER BY ALL")
    assert found == [(SCHEMING, ["uncertain", "split", "unverified", "injection"]), (PHRASING, ["unverified"])]


def main_grounds(*grounds: str) -> tuple[CriterionVerdict, ...]:
    answers = {ground: "main" if ground in grounds else "none" for ground in ("goal", "persona")}
    return tuple(CriterionVerdict(criterion=c, answer=a, given=a) for c, a in answers.items())


def test_harm_stands_with_what_accounts_for_it(tmp_path: Path) -> None:
    """A plan with two main grounds is in both rows, one with none is unidentified, one not asked about says so."""
    a, b, c = (a_trace(text) for text in "abc")
    store = stored(
        tmp_path,
        [a, b, c],
        of(a, SCHEMING, "present", severity="acted"),
        of(a, "attribution", "mixed", criteria=main_grounds("goal", "persona")),
        of(b, SCHEMING, "present", severity="planned"),
        of(b, "attribution", "unidentified", criteria=main_grounds()),
        of(c, SCHEMING, "absent", severity="contemplated"),
    )
    found = rows_of(store, "SELECT ground, traces, acted, planned, contemplated FROM harm_by_source ORDER BY ALL")
    assert found == [
        ("goal", 1, 1, 0, 0),
        ("not attributed", 1, 0, 0, 1),
        ("persona", 1, 1, 0, 0),
        ("unidentified", 1, 0, 1, 0),
    ]
    summary = rows_of(
        store, "SELECT ground, traces, main, alone, none, share_main FROM attribution_summary ORDER BY ALL"
    )
    assert summary == [("goal", 2, 1, 0, 1, 0.5), ("persona", 2, 1, 0, 1, 0.5)]


def test_drift_is_by_segments_where_they_were_judged_and_else_by_quotes(tmp_path: Path) -> None:
    """Segment verdicts have a share; quotes of present traces only a place; a rubric has one of the two."""
    trace = a_trace()
    quote = a_verdict("q").evidence[1].model_copy(update={"stance": "for"})
    store = stored(
        tmp_path,
        [trace],
        of(trace, ROLEPLAY, "present", segment=0),
        of(trace, ROLEPLAY, "absent", segment=2),
        of(trace, ROLEPLAY, "present", evidence=(quote,)),
        of(trace, SCHEMING, "present", evidence=(quote,)),
        of(trace, PHRASING, "absent", evidence=(quote,)),
    )
    found = rows_of(store, "SELECT rubric, basis, decile, n, share, share_of_n FROM drift_by_position ORDER BY ALL")
    assert found == [
        (SCHEMING, "evidence", 5, 1, None, 1.0),
        (ROLEPLAY, "segments", 2, 1, 1.0, 0.5),
        (ROLEPLAY, "segments", 9, 1, 0.0, 0.5),
    ]
