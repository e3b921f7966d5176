from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.store.values import a_run, a_trace, a_verdict

from cotjudge import labels
from cotjudge.errors import InputError, UsageError
from cotjudge.labels import Terms, Wish, match, queue, rows
from cotjudge.rubric_file import builtin
from cotjudge.store import Label, Store, text_hash

RUBRIC = builtin("goal_directed_scheming")
TRACE_ID = a_trace().trace_id


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "s.duckdb")
    with store.writer(a_run()) as writer:
        writer.add_trace(a_trace())
        writer.add_trace(a_trace("Twice.", record="2"))
        writer.add_trace(a_trace("Twice.", record="3").model_copy(update={"turns": a_trace("Twice.").turns[1:]}))
    return store


def imported(store: Store, path: Path, text: str, **terms: str) -> labels.Matched:
    path.write_text(text, encoding="utf-8")
    return match(rows(str(path)), store, Terms((RUBRIC,), **terms))


@pytest.mark.parametrize(
    "named",
    [
        {"trace_id": TRACE_ID},
        {"path": "dump.jsonl", "record": "1"},
        {"path": "dump.jsonl", "record": 1},
        {"text_hash": text_hash("I wonder.")},
        {"text": "I wonder."},
        {"text": "  I wonder.\n"},
    ],
)
def test_a_row_names_its_trace_in_one_of_four_ways(store: Store, tmp_path: Path, named: dict[str, str]) -> None:
    """By id, by source, by the hash of the reasoning, or by the reasoning itself."""
    matched = imported(store, tmp_path / "l.jsonl", json.dumps(named | {"label": "Present"}), annotator="ada")
    assert not matched.faults
    assert [(label.trace_id, label.label, label.annotator) for label in matched.labels] == [
        (TRACE_ID, "present", "ada")
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"label": "present"}, "names no trace"),
        ({"trace_id": "xyz", "label": "present"}, "32 hex digits"),
        ({"path": "no.jsonl", "record": "1", "label": "present"}, "not in the database"),
        ({"text": "Never seen.", "label": "present"}, "not in the database"),
        ({"text": "Twice.", "label": "present"}, "fits 2 traces"),
        ({"text_hash": "12", "label": "present"}, "64 hex digits"),
        ({"trace_id": TRACE_ID, "label": "maybe"}, "it can be present, absent, uncertain"),
        ({"trace_id": TRACE_ID}, "label says nothing"),
        ({"trace_id": TRACE_ID, "label": "present", "rubric": "nope"}, "--rubric FILE"),
        ({"trace_id": TRACE_ID, "label": "present", "criteria": {"nope": "yes"}}, "no criterion 'nope'"),
        ({"trace_id": TRACE_ID, "label": "present", "criterion.conceals": "often"}, "it can be yes, no, cannot_tell"),
        ({"trace_id": TRACE_ID, "label": "present", "criteria": "[1"}, "criteria is no JSON"),
        ({"trace_id": TRACE_ID, "label": "present", "selection": "lucky"}, "selection 'lucky'"),
        ({"trace_id": TRACE_ID, "label": "present", "created_at": "soon"}, "created_at 'soon' is no time"),
    ],
)
def test_a_bad_row_is_named_with_what_to_do(store: Store, tmp_path: Path, row: dict[str, str], reason: str) -> None:
    """One line with the file, the row, and the reason."""
    matched = imported(store, tmp_path / "l.jsonl", "\n" + json.dumps(row) + "\n", annotator="ada")
    assert not matched.labels
    [fault] = matched.faults
    assert str(fault).startswith(f"{tmp_path / 'l.jsonl'}: row 2: ")
    assert reason in str(fault)


def test_nobody_labels_without_a_name(store: Store, tmp_path: Path) -> None:
    """A label without an annotator is refused."""
    matched = imported(store, tmp_path / "l.csv", f"trace_id,label\n{TRACE_ID},present\n")
    assert "--annotator" in str(matched.faults[0])


def test_two_rows_that_contradict_one_another_are_refused_unless_their_times_tell(store: Store, tmp_path: Path) -> None:
    """Of two labels by one annotator the newer counts; without times neither can."""
    text = f"trace_id,label,created_at\n{TRACE_ID},present,{{}}\n{TRACE_ID},absent,{{}}\n"
    assert "row 1" in str(imported(store, tmp_path / "l.csv", text.format("", ""), annotator="a").faults[0])
    matched = imported(store, tmp_path / "l.csv", text.format("2026-01-02", "2026-01-01T00:00:00+02:00"), annotator="a")
    assert [label.label for label in matched.labels] == ["present"]
    assert matched.labels[0].created_at == datetime(2026, 1, 2, tzinfo=UTC)


def test_what_is_there_is_not_imported_again(store: Store, tmp_path: Path) -> None:
    """The same rows a second time are no labels; an older one than what is there is none either."""
    text = f"trace_id,label,annotator\n{TRACE_ID},present,ada\n{'0' * 32},absent,ada\n"
    first = imported(store, tmp_path / "l.csv", text)
    assert first.unknown == ("0" * 32,)
    store.import_labels(first.labels)
    again = imported(store, tmp_path / "l.csv", text)
    assert (again.labels, again.same) == ((), 2)
    older = f"trace_id,label,annotator,created_at\n{TRACE_ID},absent,ada,2001-01-01\n"
    assert imported(store, tmp_path / "o.csv", older).older == 1


def test_the_gold_file_of_the_repository_imports(tmp_path: Path) -> None:
    """Rows that hold several rubrics' labels, on traces that need not be stored."""
    gold = Path(__file__).resolve().parents[1] / "data" / "gold" / "labels.jsonl"
    matched = match(rows(str(gold)), Store(tmp_path / "none.duckdb"), Terms())
    assert not matched.faults
    assert Counter(label.rubric for label in matched.labels)[RUBRIC.id] == 312
    assert {label.annotator for label in matched.labels} == {"gold"}
    assert matched.labels[0].criteria["acted"] == "yes"
    assert matched.labels[0].note


def test_parquet_and_json_are_read_too(store: Store, tmp_path: Path) -> None:
    """The same row in each kind of file; columns with other names are mapped."""
    store.query(f"SELECT '{TRACE_ID}' AS id, 'present' AS verdict, {{'conceals': 'yes'}} AS criteria").write(
        tmp_path / "l.parquet"
    )
    (tmp_path / "l.json").write_text(
        json.dumps([{"id": TRACE_ID, "verdict": "present", "criteria": {"conceals": "yes"}}])
    )
    for name in ("l.parquet", "l.json"):
        found = rows(str(tmp_path / name), labels.parse_map("trace_id=id, label=verdict"))
        [label] = match(found, store, Terms((RUBRIC,), "ada")).labels
        assert (label.label, label.criteria) == ("present", {"conceals": "yes"})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, of an unknown kind, broken, or without the column that was mapped."""
    for name, content in (("a.xlsx", "x"), ("b.json", "{"), ("c.parquet", "no"), ("d.csv", "x\ny\n")):
        (tmp_path / name).write_text(content)
        with pytest.raises(InputError, match=name):
            list(rows(str(tmp_path / name), {"label": "verdict"}))
    with pytest.raises(InputError, match="no such file"):
        list(rows(str(tmp_path / "gone.csv")))


@pytest.mark.parametrize("text", ["label", "label=", "nope=x"])
def test_a_faulty_map_is_refused(text: str) -> None:
    """With what it should be."""
    with pytest.raises(UsageError, match="--map"):
        labels.parse_map(text)


@pytest.fixture
def crowd(tmp_path: Path) -> Store:
    """200 traces: every fourth uncertain, one injected, one whose draws disagree."""
    store = Store(tmp_path / "crowd.duckdb")
    with store.writer(a_run()) as writer:
        for index in range(200):
            trace = a_trace(f"Thought {index}.", record=str(index))
            writer.add_trace(trace)
            changes = {
                "label": "uncertain" if index % 4 == 0 else "absent",
                "score": 0.0,
                "evidence": (),
                "agreement": 1.0,
            }
            changes |= {"agreement": 0.6} if index == 1 else {"injection_suspected": True} if index == 2 else {}
            writer.add_verdict(a_verdict(f"k{index}", trace_id=trace.trace_id, rubric=RUBRIC.id, **changes))
    return store


def test_the_queue_mixes_a_random_sample_with_what_is_worth_a_look(crowd: Store) -> None:
    """Half is random, the other half is doubted; the same wish gives the same queue."""
    wish = Wish(RUBRIC, "ada", count=20)
    chosen = queue(crowd, wish)
    reasons = Counter(reason for _, reason in chosen)
    assert reasons["random"] == 10
    assert reasons["uncertain"] >= 8
    assert set(reasons) <= {"random", "uncertain", "split", "injection"}
    assert chosen == queue(crowd, wish)
    assert chosen != queue(crowd, Wish(RUBRIC, "ada", count=20, seed=1))


def test_no_verdict_has_a_say_in_the_random_sample(crowd: Store, tmp_path: Path) -> None:
    """The random sample of the same traces without any verdict is the same, in the same order."""
    bare = Store(tmp_path / "bare.duckdb")
    with bare.writer(a_run()) as writer:
        for index in range(200):
            writer.add_trace(a_trace(f"Thought {index}.", record=str(index)))
    samples = [
        [trace for trace, reason in queue(store, Wish(RUBRIC, "ada", count=60, share_random=0.5)) if reason == "random"]
        for store in (crowd, bare)
    ]
    assert samples[0] == samples[1][: len(samples[0])]
    label_of = dict(crowd.query("SELECT trace_id, label FROM verdicts").fetchall())
    everything = queue(crowd, Wish(RUBRIC, "ada", count=200, share_random=1))
    uncertain = [label_of[trace] == "uncertain" for trace, reason in everything if reason == "random"]
    assert 0.1 < sum(uncertain) / len(uncertain) < 0.4  # a quarter of all


def test_a_doubted_label_takes_no_trace_from_the_random_sample(crowd: Store) -> None:
    """A trace of the sample that somebody labelled for another reason is still due."""
    first, _ = queue(crowd, Wish(RUBRIC, "ada", count=1, share_random=1))[0]
    crowd.import_labels([Label(trace_id=first, rubric=RUBRIC.id, annotator="gold", label="absent")])
    assert queue(crowd, Wish(RUBRIC, "ada", count=1, share_random=1, overlap=0)) == [(first, "random")]


def test_annotators_share_some_traces_and_never_see_their_own_again(crowd: Store) -> None:
    """A second annotator gets the share of overlap from what the first labelled, with the first one's reason."""
    first = queue(crowd, Wish(RUBRIC, "ada", count=20))
    crowd.import_labels(
        [
            Label.model_validate(
                {"trace_id": t, "rubric": RUBRIC.id, "annotator": "ada", "label": "absent", "selection": reason}
            )
            for t, reason in first
        ]
    )
    mine = queue(crowd, Wish(RUBRIC, "ada", count=20))
    assert not {t for t, _ in mine} & {t for t, _ in first}
    second = queue(crowd, Wish(RUBRIC, "bo", count=20, overlap=0.3))
    shared = [(t, reason) for t, reason in second if t in dict(first)]
    assert len(shared) == 6
    assert all(dict(first)[t] == reason for t, reason in shared)
    assert len({t for t, _ in second}) == 20


def test_the_queue_ends_with_every_trace_once(crowd: Store) -> None:
    """Asked for more than there are, it gives each trace once."""
    chosen = queue(crowd, Wish(RUBRIC, "ada", count=1000))
    assert len(chosen) == len({t for t, _ in chosen}) == 200
