"""What is still in the journals is read along with the tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from tests.store.values import NOW, a_dump, a_failure, a_run, a_trace, a_verdict, contents, rows_of

from cotjudge.errors import QueryError
from cotjudge.store import Label, Store, lines, overlay
from cotjudge.store.journal import Journal


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / 'we"ird.duckdb')
    with store.writer(a_run()) as writer:
        writer.add_trace(a_trace("old"))
        writer.add_verdict(a_verdict("old"))
    store.import_labels([_label("absent")])
    return store


@pytest.fixture
def journal(store: Store) -> Iterator[Journal]:
    """A living scorer's journal, never merged."""
    journal = Journal.create(store.journals, "run-2")
    journal.append(lines.run_line(a_run("run-2")))
    journal.append(lines.trace_line(a_trace("old"), "run-2", keep_text=True))
    journal.append(lines.trace_line(a_trace("new"), "run-2", keep_text=True))
    journal.append(lines.verdict_line(a_verdict("old", run_id="run-2")))
    journal.append(lines.verdict_line(a_verdict("new", run_id="run-2")))
    journal.append(lines.failure_line(a_failure("failed", run_id="run-2")))
    journal.rotate()
    journal.append(lines.run_line(a_run("run-2", status="finished", finished_at=NOW)))
    journal.append(lines.label_line(_label("present", later=1)))
    journal.append(lines.dump_line(a_dump()))
    journal.append(lines.dump_line(a_dump(traces=7, created_at=NOW + timedelta(minutes=1))))
    yield journal
    journal.close()


@pytest.mark.usefixtures("journal")
def test_a_reader_sees_what_a_merge_would_make(store: Store) -> None:
    """Every table has the same rows before and after the merge, each once."""
    before = contents(store)
    store.connect(write=True).close()
    with duckdb.connect(str(store.path), read_only=True) as file:
        merged = {table: file.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in before}
    assert before == merged
    assert {table: len(rows) for table, rows in before.items()} == {
        "traces": 2,
        "sources": 2,
        "segments": 6,
        "verdicts": 2,
        "criteria": 4,
        "evidence": 4,
        "failures": 1,
        "runs": 2,
        "labels": 1,
        "dumps": 1,
    }
    assert rows_of(store, "SELECT traces FROM dumps") == [(7,)]
    assert rows_of(store, "SELECT label FROM labels") == [("present",)]
    assert contents(store) == before  # the journal is still there: nothing is seen twice


@pytest.mark.usefixtures("journal")
def test_views_look_at_the_journals_too(store: Store) -> None:
    """Ours, and those of the user that are in the file."""
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("CREATE VIEW mine AS SELECT count(*) AS n FROM verdicts")
    assert rows_of(store, "SELECT count(*) FROM current_verdicts WHERE key = 'new'") == [(1,)]
    assert rows_of(store, "SELECT key FROM current_failures") == [("failed",)]
    assert rows_of(store, "FROM mine") == [(2,)]


def test_an_older_label_does_not_replace_a_newer(store: Store) -> None:
    """As in a merge, the newest counts."""
    journal = Journal.create(store.journals, "labels-1")
    journal.append(lines.label_line(_label("present", later=-1)))
    assert rows_of(store, "SELECT label FROM labels") == [("absent",)]
    journal.close()


def test_what_is_written_just_now_is_no_line_yet(store: Store, journal: Journal) -> None:
    """A torn last line is left out, and a folder without lines is no reason for anything."""
    whole = lines.verdict_line(a_verdict("torn"))
    with (journal.folder / "00000009.jsonl").open("wb") as segment:
        segment.write(whole[:-40])
    (store.journals / "empty").mkdir()
    assert rows_of(store, "SELECT key FROM verdicts ORDER BY key") == [("new",), ("old",)]


def test_without_journals_nothing_is_laid(store: Store) -> None:
    """The common case costs a look at the folder."""
    with store.connect() as connection:
        assert not overlay.lay(connection, store.journals)
        assert connection.execute(
            "SELECT count(*) FROM duckdb_views() WHERE temporary AND NOT internal"
        ).fetchall() == [(0,)]


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM verdicts",
        "UPDATE verdicts SET label = 'x'",
        "INSERT INTO labels (label) VALUES ('x')",
        "DROP TABLE verdicts",
        "DROP VIEW verdicts",
        "ALTER TABLE verdicts ADD COLUMN x INTEGER",
        "TRUNCATE verdicts",
        "CREATE TABLE mine (i INTEGER)",
        "CREATE OR REPLACE VIEW current_verdicts AS SELECT 1",
        "MERGE INTO labels USING (SELECT 1 AS i) ON true WHEN MATCHED THEN DELETE",
        "SELECT 1; DELETE FROM verdicts",
    ],
)
def test_an_overlay_is_as_read_only_as_the_file(store: Store, sql: str) -> None:
    """A statement that writes is refused with the same message as without journals."""
    with pytest.raises(QueryError, match="would change the database; allow that with --write"):
        store.query(sql)


@pytest.mark.usefixtures("journal")
def test_an_answer_written_to_a_file_has_the_journals_rows(store: Store, tmp_path: Path) -> None:
    """The file is written by a second connection, which sees the same."""
    with store.query("SELECT key FROM verdicts ORDER BY key") as result:
        assert result.write(tmp_path / "x.parquet") == 2
        assert list(result) == [("new",), ("old",)]
    with store.query("SELECT key FROM verdicts", write=True) as result:
        assert result.write(tmp_path / "y.parquet") == 2


@pytest.mark.usefixtures("journal")
def test_a_second_scorer_knows_what_the_first_has_in_its_journal(store: Store) -> None:
    """It is not asked again, and its trace is not stored again."""
    assert set(store.judged(["rubric-hash"], "judge-hash").verdicts) == {"old", "new"}
    assert a_trace("new").trace_id in store.known_traces()
    assert set(store.verdicts(["new", "none"])) == {"new"}


def _label(label: str, later: int = 0) -> Label:
    return Label(trace_id="t", rubric="scheming", annotator="ann", label=label, created_at=NOW + timedelta(hours=later))
