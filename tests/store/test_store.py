from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.store.values import JUDGE_HASH, NOW, a_failure, a_run, a_trace, a_verdict, contents, keys_of, rows_of

from cotjudge.errors import InputError, StoreError
from cotjudge.store import Found, Holding, Judged, Label, Store, lines
from cotjudge.store.journal import Journal
from cotjudge.store.merging import batches
from cotjudge.trace import Source, ToolCall, Trace, Turn
from cotjudge.verdict import Call, Usage

HOSTILE = [
    "'); DROP TABLE verdicts; --",
    'quotes " and \\ and \\" and \\u0000',
    "NUL \x00 in the middle",
    "ANSI \x1b[31mred\x1b[0m and bell \x07",
    "emoji 👩‍👩‍👧‍👦 and ﷽ and \u202eright to left",
    "lines\nof\r\ntext\u2028and\u2029more\x85",
    "{{template}} $1 ? %s {columns}",
    "\ufeff\ufffe\uffff\U0010ffff",
    "",
]


def stored(path: Path, *values: Any, keep_text: bool = True) -> Store:
    """A store that a run has written these traces, verdicts and failures to."""
    store = Store(path / "x.duckdb", keep_text=keep_text)
    run = a_run()
    add = {"Trace": "add_trace", "Verdict": "add_verdict", "Failure": "add_failure"}
    with store.writer(run) as writer:
        for value in values:
            getattr(writer, add[type(value).__name__])(value)
        writer.finish(run.model_copy(update={"status": "finished", "finished_at": NOW, "judged": 3}))
    return store


def test_a_verdict_comes_back_as_it_went_in(tmp_path: Path) -> None:
    """Every field of a verdict, its criteria and its evidence has its column."""
    store = stored(tmp_path, a_trace(), a_verdict("k"))
    trace_id = a_trace().trace_id
    naive = NOW.replace(tzinfo=None)
    inherited = ("lexical", "present", True, True)
    found = contents(store)
    (verdict,) = found["verdicts"]
    assert verdict == (
        *("k", trace_id, "scheming", "1", "rubric-hash", "lexical", "judge-hash", "", "present", 0.75, "acted"),
        *('{"acted":null}', "Because.", '{"whose_goal":"own","steps":["a","b"]}', False),
        *(2, 300, 100, 40, 5, 0.25, 1.5, None, 1.0, 1, True, "criteria", 1, "{}", None, "[]", ""),
        *("m", "t", 1, "v", None, "run-1", naive, 1, True),
        *rows_of(store, "SELECT key_number, slot_number FROM verdicts")[0],
    )
    assert found["criteria"] == [
        ("k", trace_id, "scheming", *inherited, 0, "conceals", "cannot_tell", "yes", "not found in the trace"),
        ("k", trace_id, "scheming", *inherited, 1, "adopted", "yes", "yes", ""),
    ]
    unfound, quote = found["evidence"]
    assert unfound[3:] == (
        *(*inherited, 0, "conceals", "for", "hide it", False, None, None, None, None, None, None, None, False),
        "not found in the trace",
    )
    assert quote[3:] == (
        *(*inherited, 1, "adopted", "against", "wonder", True, "exact", 1, 1, "reasoning", 2, 8),
        *((1 + 2 / 9) / 3, False, ""),
    )


def test_every_call_is_in_the_ledger(tmp_path: Path) -> None:
    """Of verdicts and of failures, each with its judgement; a verdict that another run had already keeps its cost."""
    used = Call(
        model="m", outcome="used", usage=Usage(calls=1, input_tokens=7, cost_usd=0.5), latency_s=2, created_at=NOW
    )
    unusable = used.model_copy(update={"outcome": "unusable", "usage": Usage(calls=1, cost_usd=None)})
    first = a_verdict("k", ledger=(unusable, used))
    failure = a_failure("f").model_copy(update={"ledger": (unusable,)})
    store = stored(tmp_path, first, failure, a_verdict("k", run_id="run-2", ledger=(used,)))
    columns = "key, run_id, ordinal, rubric, judge, model, outcome, input_tokens, cost_usd, batch, shared_by"
    assert store.query(f"SELECT {columns} FROM calls ORDER BY ALL").fetchall() == [
        ("f", "run-1", 0, "scheming", "lexical", "m", "unusable", 0, None, False, 1),
        ("k", "run-1", 0, "scheming", "lexical", "m", "unusable", 0, None, False, 1),
        ("k", "run-1", 1, "scheming", "lexical", "m", "used", 7, 0.5, False, 1),
        ("k", "run-2", 0, "scheming", "lexical", "m", "used", 7, 0.5, False, 1),
    ]


def test_a_quote_can_be_cut_out_of_its_segment_in_sql(tmp_path: Path) -> None:
    """Offsets count code points in the database as in Python, wide characters included."""
    text = "👩‍👧 ﷽ é́ I wonder."
    at = text.index("wonder")
    trace = a_trace(text)
    evidence = a_verdict("k").evidence[1].model_copy(update={"start": at, "end": at + 6})
    store = stored(tmp_path, trace, a_verdict("k", trace_id=trace.trace_id, evidence=(evidence,)))
    cut = "SELECT text[start_char + 1 : end_char] FROM evidence JOIN segments USING (trace_id, segment)"
    assert rows_of(store, cut) == [("wonder",)]


def test_a_trace_is_stored_once_with_every_place_it_was_found_in(tmp_path: Path) -> None:
    """The same text in two records is one trace with two sources."""
    store = stored(tmp_path, a_trace(record="1"), a_trace(record="2"), a_trace(record="2"))
    assert rows_of(store, "SELECT count(*) FROM traces") == [(1,)]
    assert rows_of(store, "SELECT record FROM sources ORDER BY ALL") == [("1",), ("2",)]
    segments = rows_of(store, "SELECT segment, turn, role, part, text, chars FROM segments ORDER BY segment")
    assert segments == [
        (0, 0, "user", "content", "Go on.", 6),
        (1, 1, "assistant", "reasoning", "I wonder.", 9),
        (2, 1, "assistant", "content", "Done.", 5),
    ]


def test_a_later_run_writes_no_trace_again(tmp_path: Path) -> None:
    """What is known is not even written to the journal; a new place of a known trace is."""
    stored(tmp_path, a_trace(record="1"))
    store = Store(tmp_path / "x.duckdb")
    assert a_trace().trace_id in store.known_traces()
    assert a_trace("New.").trace_id not in store.known_traces()
    assert (len(store.known_traces()), len(store.known_sources())) == (1, 1)
    assert (a_trace().trace_id, "dump.jsonl", "1") in store.known_sources()
    with store.writer(a_run("run-2")) as writer:
        before = writer._journal.size
        writer.add_trace(a_trace(record="1"))
        assert writer._journal.size == before
        writer.add_trace(a_trace(record="2"))
    assert rows_of(store, "SELECT record, run_id FROM sources ORDER BY ALL") == [("1", "run-1"), ("2", "run-2")]


def test_without_text_only_hashes_lengths_and_sources_are_kept(tmp_path: Path) -> None:
    """`--no-text` keeps no word of a trace."""
    store = stored(tmp_path, a_trace("A secret."), keep_text=False)
    assert rows_of(store, "SELECT turns, n_turns, n_segments, reasoning_chars, has_reasoning FROM traces") == [
        (None, 2, 3, 9, True)
    ]
    assert rows_of(store, "SELECT text, chars FROM segments WHERE part = 'reasoning'") == [(None, 9)]
    assert b"secret" not in store.path.read_bytes()


@pytest.mark.parametrize("kinds", [["none", "redacted", "summary", "full"], ["none", "redacted"], ["none"]])
def test_a_trace_is_as_readable_as_its_best_reasoning(tmp_path: Path, kinds: list[Any]) -> None:
    """`reasoning_kind` of a trace is the best of its assistant turns'."""
    turns = tuple(Turn(role="assistant", content=f"{i}", reasoning_kind=kind) for i, kind in enumerate(kinds))
    store = stored(tmp_path, Trace(turns=turns, source=Source(path="p", record="1")))
    assert rows_of(store, "SELECT reasoning_kind FROM traces") == [(kinds[-1],)]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_unchanged(tmp_path: Path, text: str) -> None:
    """Whatever a trace, a judge or a dump says is data, byte for byte."""
    turn = Turn(role=text, reasoning=text or None, content=text, tool_calls=(ToolCall(name=text, arguments=text),))
    trace = Trace(turns=(turn,), source=Source(path=text, record=text), model=text, task=text, meta={text: text})
    evidence = a_verdict("k").evidence[1].model_copy(update={"quote": text})
    verdict = a_verdict("k", rationale=text, fields={text: text}, evidence=(evidence,))
    store = stored(tmp_path, trace, verdict, a_failure("f", reason=text))
    ((turns,),) = rows_of(store, "SELECT turns FROM traces")
    assert orjson.loads(turns) == [turn.model_dump(mode="json")]
    ((*source, meta),) = rows_of(store, "SELECT path, record, model, task, meta FROM sources")
    assert (source, orjson.loads(meta)) == ([text] * 4, {text: text})
    assert {t for (t,) in rows_of(store, "SELECT text FROM segments")} == {s.text for s in trace.segments}
    assert rows_of(store, "SELECT quote FROM evidence") == [(text,)]
    ((rationale, fields),) = rows_of(store, "SELECT rationale, fields FROM verdicts")
    assert (rationale, orjson.loads(fields)) == (text, {text: text})
    assert rows_of(store, "SELECT reason FROM failures") == [(text,)]


def test_metadata_beyond_json_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    """Half an emoji, integers beyond 64 bits, NaN, and nesting without end do not stop a run."""
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    meta = {"half": "\ud83d", "big": 2**80, "nan": float("nan"), "inf": float("inf"), "deep": deep, "time": NOW, "n": 1}
    store = stored(tmp_path, a_trace(meta=meta), a_trace("Another.", record="2"))
    found = rows_of(
        store, "SELECT meta->>'half', meta->>'big', meta->>'nan', meta->>'n' FROM sources WHERE record = '1'"
    )
    assert found == [("\ufffd", str(2**80), None, "1")]
    assert rows_of(store, "SELECT count(*) FROM traces") == [(2,)]


def test_a_line_longer_than_duckdbs_limit_is_merged(tmp_path: Path) -> None:
    """DuckDB reads JSON objects up to 16 MB unless it is told otherwise; traces can be longer."""
    text = "x" * 20_000_000
    store = stored(tmp_path, a_trace(text), a_verdict("k"))
    assert rows_of(store, "SELECT max(chars), max(length(text)) FROM segments") == [(len(text), len(text))]
    assert keys_of(store) == {"k"}


def test_times_are_stored_in_utc(tmp_path: Path) -> None:
    """A time in another zone is the same moment in the database."""
    there = dt.timezone(dt.timedelta(hours=5))
    store = stored(tmp_path, a_verdict("k", created_at=NOW.astimezone(there)))
    assert rows_of(store, "SELECT created_at FROM verdicts") == [(NOW.replace(tzinfo=None),)]


def test_merging_twice_is_merging_once(tmp_path: Path) -> None:
    """A segment that is merged again (its deletion did not happen) changes nothing."""
    store = Store(tmp_path / "x.duckdb")
    ended = a_run(status="finished", finished_at=NOW)
    values = [
        lines.run_line(a_run()),
        lines.trace_line(a_trace(), "run-1", keep_text=True),
        lines.verdict_line(a_verdict("k")),
        lines.verdict_line(a_verdict("k")),
        lines.failure_line(a_failure("f")),
        lines.failure_line(a_failure("f")),
        lines.label_line(Label(trace_id="t", rubric="r", annotator="gold", label="absent", created_at=NOW)),
        lines.run_line(ended),
    ]
    store.ensure()

    def merge_orphan() -> dict[str, list[tuple[Any, ...]]]:
        journal = Journal.create(store.journals, "run-1")
        for value in values:
            journal.append(value)
        journal.close()
        assert store.recover() == len(values)
        return contents(store)

    first = merge_orphan()
    assert [len(rows) for rows in first.values()] == [1, 1, 3, 1, 2, 2, 1, 1, 1, 0]
    values[1] = lines.trace_line(a_trace(), "run-2", keep_text=True)  # seen by another run meanwhile
    assert merge_orphan() == first


def test_a_torn_last_line_is_dropped_and_the_rest_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The line a killed process was writing never counted; it takes no other line with it."""
    store = Store(tmp_path / "x.duckdb")
    store.ensure()
    journal = Journal.create(store.journals, "run-1")
    journal.append(lines.verdict_line(a_verdict("whole")))
    journal.append(lines.verdict_line(a_verdict("torn"))[:-200])
    journal.close()
    assert keys_of(store) == {"whole"}
    assert not store.journals.exists()
    assert not caplog.records


@pytest.mark.parametrize("torn", [b"", b"\n", b'{"verdicts": {"key": "torn'])
def test_a_segment_with_nothing_whole_in_it_is_done_with(tmp_path: Path, torn: bytes) -> None:
    """A process may die between making a segment and writing its first line."""
    store = Store(tmp_path / "x.duckdb")
    store.ensure()
    journal = Journal.create(store.journals, "run-1")
    (journal.folder / "00000001.jsonl").write_bytes(torn)
    journal.close()
    assert store.recover() == 0
    assert not store.journals.exists()


def test_many_segments_are_merged_a_few_at_a_time(tmp_path: Path) -> None:
    """A backlog goes into the database in transactions of bounded size, in order."""
    segments = [tmp_path / f"{number}.jsonl" for number in range(5)]
    for segment, size in zip(segments, (40, 60, 1, 500, 10), strict=True):
        segment.write_bytes(b"x" * size)
    assert [[int(s.stem) for s in batch] for batch in batches(segments, 100)] == [[0, 1], [2], [3], [4]]


def test_unreadable_lines_are_kept_for_people(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged line in the middle is not thrown away: its segment is set aside, and the log says where."""
    store = Store(tmp_path / "x.duckdb")
    store.ensure()
    journal = Journal.create(store.journals, "run-1")
    for line in (lines.verdict_line(a_verdict("a")), b"\x00\x00\xff\n", b"[1]\n", lines.verdict_line(a_verdict("b"))):
        journal.append(line)
    journal.close()
    with caplog.at_level(logging.WARNING):
        assert keys_of(store) == {"a", "b"}
    (kept,) = store.journals.iterdir()
    assert kept.name == "unreadable-run-1-00000001.jsonl"
    assert str(kept) in caplog.text
    assert store.recover() == 0


def test_a_failure_is_current_until_there_is_a_verdict(tmp_path: Path) -> None:
    """`failures` is a history; `current_failures` is what the next run will ask again."""
    again = a_failure("b", run_id="run-2", kind="truncated", created_at=NOW + dt.timedelta(hours=1))
    store = stored(tmp_path, a_failure("a"), a_failure("b"), again, a_verdict("a"))
    assert len(rows_of(store, "FROM failures")) == 3
    assert rows_of(store, "SELECT key, kind FROM current_failures") == [("b", "truncated")]


def test_the_newest_verdict_of_a_judge_is_the_current_one(tmp_path: Path) -> None:
    """A verdict under an older rubric or prompt stays, but is not current."""
    later = NOW + dt.timedelta(days=1)
    old = a_verdict("old", rubric_hash="older")
    store = stored(tmp_path, old, a_verdict("new", created_at=later), a_verdict("other", judge="llm"))
    assert rows_of(store, "SELECT key FROM current_verdicts ORDER BY key") == [("new",), ("other",)]


def test_judged_gives_the_keys_and_labels_of_one_judge_and_some_rubrics(tmp_path: Path) -> None:
    """Another judge's or another rubric's verdicts are not this question's."""
    store = stored(
        tmp_path,
        a_verdict("a"),
        a_verdict("b", label="absent"),
        a_verdict("c", judge_hash="another"),
        a_verdict("d", rubric_hash="another"),
    )
    judged = store.judged(["rubric-hash", "unknown"], JUDGE_HASH)
    assert judged.verdicts == {"a": Found("present", "run-1"), "b": Found("absent", "run-1")}
    assert judged.runs == {"run-1": Holding.of("a") + Holding.of("b")}
    assert store.judged([], JUDGE_HASH) == Judged({}, {})


def test_asking_what_is_judged_makes_no_database(tmp_path: Path) -> None:
    """A dry run leaves no files."""
    assert keys_of(Store(tmp_path / "x.duckdb")) == set()
    assert list(tmp_path.iterdir()) == []


def test_a_run_says_how_it_ended(tmp_path: Path) -> None:
    """Its row is written when it begins and replaced when it ends."""
    store = stored(tmp_path)
    naive = NOW.replace(tzinfo=None)
    assert rows_of(store, "SELECT run_id, started_at, finished_at, status, judged FROM runs") == [
        ("run-1", naive, naive, "finished", 3)
    ]


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt, "interrupted"), (ValueError, "stopped")])
def test_a_run_that_does_not_say_so_was_stopped(tmp_path: Path, error: type[BaseException], status: str) -> None:
    """An exception that leaves the writer's block ends the run in the database too."""
    store = Store(tmp_path / "x.duckdb")

    def score() -> None:
        with store.writer(a_run()) as writer:
            writer.add_verdict(a_verdict("k"))
            raise error

    with pytest.raises(error):
        score()
    assert rows_of(store, "SELECT status FROM runs") == [(status,)]
    assert keys_of(store) == {"k"}


def test_a_database_deleted_under_way_is_made_again(tmp_path: Path) -> None:
    """What was not merged yet is not lost with the file."""
    store = Store(tmp_path / "x.duckdb")
    with store.writer(a_run()) as writer:
        store.path.unlink()
        writer.add_verdict(a_verdict("k"))
    assert keys_of(store) == {"k"}


def test_an_error_of_the_merging_thread_reaches_the_scorer(tmp_path: Path) -> None:
    """A database that breaks under way stops the run with one clear line, and the journal stays."""
    store = Store(tmp_path / "x.duckdb")

    def score() -> None:
        with store.writer(a_run()) as writer:
            store.path.write_text("overwritten " * 1000)
            writer.add_verdict(a_verdict("k"))
            while True:  # until the thread has merged
                writer.add_failure(a_failure("f"))

    with pytest.raises(StoreError, match="not a DuckDB database"):
        score()
    store.path.unlink()
    store.ensure()
    assert keys_of(store) == {"k"}


def test_the_newest_label_of_an_annotator_counts(tmp_path: Path) -> None:
    """Importing labels again changes nothing; an older one never replaces a newer one."""
    store = Store(tmp_path / "x.duckdb")
    label = {"trace_id": "t", "rubric": "r", "annotator": "ann", "label": "absent", "created_at": NOW}
    newer = label | {"label": "present", "criteria": {"acted": "yes"}, "created_at": NOW + dt.timedelta(hours=1)}
    for rows in ([label], [label, newer, label | {"annotator": "bob"}], [label]):
        assert store.import_labels(rows) == len(rows)
    found = rows_of(store, "SELECT annotator, label, criteria->>'acted' FROM labels ORDER BY annotator")
    assert found == [("ann", "present", "yes"), ("bob", "absent", None)]
    assert not store.journals.exists()


def test_a_bad_label_names_its_row_and_field(tmp_path: Path) -> None:
    """Nothing is kept of an import with a fault."""
    store = Store(tmp_path / "x.duckdb")
    good = Label(trace_id="t", rubric="r", annotator="a", label="absent")
    with pytest.raises(InputError, match=r"label 2: annotator: Field required; label: Field required; lable: "):
        store.import_labels([good, {"trace_id": "t", "rubric": "r", "lable": "absent"}])
    assert not store.path.exists()
