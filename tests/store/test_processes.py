"""Several processes on one database: killed, at once, and in each other's way."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import duckdb
import pytest
from tests.store.values import a_reader, a_run, a_scorer, a_verdict, keys_of, python, rows_of, said

from cotjudge.errors import StoreBusyError
from cotjudge.store import Store


def test_kill_9_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    """Every verdict that counted as stored before the kill is judged for the next command."""
    store = Store(tmp_path / "x.duckdb")
    with a_scorer(store.path, "run-1") as scorer:
        stored = said(scorer, 1_500)
        scorer.kill()
        assert scorer.stdout
        stored += scorer.stdout.read().split()
    assert set(stored) <= keys_of(store)
    assert not store.journals.exists()
    assert rows_of(store, "SELECT status, finished_at FROM runs") == [("interrupted", None)]


def test_two_scorers_write_one_database(tmp_path: Path) -> None:
    """Both start on a file that is not there yet; what both have judged is there once."""
    store = Store(tmp_path / "x.duckdb")
    with a_scorer(store.path, "run-1", 0, 1_200) as one, a_scorer(store.path, "run-2", 600, 1_200) as two:
        one.communicate()
        two.communicate()
        assert (one.returncode, two.returncode) == (0, 0)
    assert rows_of(store, "SELECT count(*), count(DISTINCT key) FROM verdicts") == [(1_800, 1_800)]
    assert rows_of(store, "SELECT count(*) FROM criteria") == [(3_600,)]
    assert rows_of(store, "SELECT count(*), count(DISTINCT trace_id) FROM traces") == [(1_800, 1_800)]
    assert rows_of(store, "SELECT count(*) FROM sources") == [(1_800,)]
    assert rows_of(store, "SELECT status FROM runs") == [("finished",)] * 2


def test_a_query_is_answered_while_a_scorer_writes(tmp_path: Path) -> None:
    """Neither side gets in the other's way, and what is stored shows within seconds."""
    store = Store(tmp_path / "x.duckdb")
    with a_scorer(store.path, "run-1") as scorer:
        said(scorer, 1)
        counts = [rows_of(store, "SELECT count(*) FROM verdicts")[0][0]]
        while counts[-1] < 1_000:
            said(scorer, 20)
            counts.append(rows_of(store, "SELECT count(*) FROM verdicts")[0][0])
        assert scorer.poll() is None
    assert counts == sorted(counts)


def test_a_reader_delays_a_writer_and_loses_it_nothing(tmp_path: Path) -> None:
    """While somebody has the file open, verdicts wait in the journal, where queries find them; the scorer ends after."""
    store = Store(tmp_path / "x.duckdb")
    store.ensure()
    added = Event()

    def score() -> None:
        with store.writer(a_run()) as writer:
            for number in range(700):
                writer.add_verdict(a_verdict(f"key-{number}"))
            added.set()

    with a_reader(store.path) as reader, ThreadPoolExecutor() as pool:
        assert said(reader, 1) == ["open"]
        scoring = pool.submit(score)
        added.wait()
        assert rows_of(store, "SELECT count(*) FROM verdicts") == [(700,)]
        assert not scoring.done()
        reader.communicate("\n")
        scoring.result()
    assert len(keys_of(store)) == 700


def test_a_database_that_stays_in_use_leaves_the_journal_to_the_next_command(tmp_path: Path) -> None:
    """The message says where everything is kept and what brings it into the database."""
    store = Store(tmp_path / "x.duckdb", patience=0.1)
    store.ensure()
    with a_reader(store.path) as reader:
        assert said(reader, 1) == ["open"]
        with pytest.raises(StoreBusyError) as refused, store.writer(a_run()) as writer:
            writer.add_verdict(a_verdict("k"))
        assert f"process {reader.pid}" in str(refused.value)
        assert f"kept in {store.journals / 'run-1'}, and the next cotjudge command" in str(refused.value)
        assert rows_of(store, "SELECT count(*) FROM verdicts") == [(1,)]
        assert store.journals.exists()
        assert keys_of(store) == {"k"}  # the next scorer does not ask again either
        reader.communicate("\n")
    assert rows_of(store, "SELECT count(*) FROM verdicts") == [(1,)]
    assert not store.journals.exists()


def test_a_broken_off_run_is_merged_by_a_query_too(tmp_path: Path) -> None:
    """Any later command brings what a dead process left, not only the next scoring."""
    store = Store(tmp_path / "x.duckdb")
    with a_scorer(store.path, "run-1") as scorer:
        stored = said(scorer, 10)
        scorer.kill()
    assert {key for (key,) in rows_of(store, "SELECT key FROM verdicts")} >= set(stored)


def test_three_scorers_and_a_query_after_another(tmp_path: Path) -> None:
    """No query fails, none sees less than the one before, and each sees all that was stored when it was asked."""
    store = Store(tmp_path / "x.duckdb")
    store.ensure()
    with ExitStack() as stack:
        scorers = [stack.enter_context(a_scorer(store.path, f"run-{n}", n * 10_000, 700)) for n in range(3)]
        stored = [_listen(scorer) for scorer in scorers]
        counts = [0]
        while any(scorer.poll() is None for scorer in scorers):
            before = sum(map(len, stored))
            ((count, whole, run_count),) = rows_of(
                store, "SELECT count(*), count(DISTINCT key), (SELECT count(*) FROM runs) FROM current_verdicts"
            )
            assert count == whole >= max(before, counts[-1])
            assert run_count <= 3
            counts.append(count)
        assert [scorer.returncode for scorer in scorers] == [0, 0, 0]
    assert len(set(counts)) > 3
    assert rows_of(store, "SELECT count(*), count(DISTINCT key) FROM verdicts") == [(2_100, 2_100)]


def test_a_reader_that_outstays_a_whole_run_hides_nothing(tmp_path: Path) -> None:
    """The file cannot be merged into from the first verdict to the last; every query sees them all the same."""
    store = Store(tmp_path / "x.duckdb")
    store.ensure()
    with a_reader(store.path) as reader:
        assert said(reader, 1) == ["open"]
        with a_scorer(store.path, "run-1", 0, 300) as scorer:
            for number in range(1, 301):
                said(scorer, 1)
                if number % 60 == 0:
                    assert rows_of(store, "SELECT count(*) FROM verdicts")[0][0] >= number
            scorer.kill()
        assert rows_of(store, "SELECT count(*) FROM verdicts") == [(300,)]
        with duckdb.connect(str(store.path), read_only=True) as file:
            assert file.execute("SELECT count(*) FROM verdicts").fetchall() == [(0,)]
        reader.communicate("\n")
    assert rows_of(store, "SELECT count(*) FROM verdicts") == [(300,)]
    assert not store.journals.exists()


def test_readers_of_one_process_do_not_open_the_file_to_writers(tmp_path: Path) -> None:
    """A file lock is the process's: when one of two connections closes, the other still keeps writers out."""
    store = Store(tmp_path / "x.duckdb")
    store.ensure()
    with store.connect():
        store.connect().close()
        with python("-c", WRITER, store.path) as writer:
            assert "Could not set lock" in writer.communicate()[0]


WRITER = """
import sys, duckdb
try:
    duckdb.connect(sys.argv[1])
except duckdb.IOException as error:
    print(error)
"""


def _listen(scorer: subprocess.Popen[str]) -> list[str]:
    """What the scorer says, from another thread."""
    lines: list[str] = []
    Thread(target=lambda: lines.extend(scorer.stdout or ()), daemon=True).start()
    return lines
