from __future__ import annotations

import os
import subprocess
from pathlib import Path

import duckdb
import pytest
from tests.store.test_migrations import VERSIONS, a_file
from tests.store.values import NOW, a_run, a_scorer, a_trace, a_verdict, contents, said

from cotjudge.errors import StoreBusyError, StoreError
from cotjudge.store import Store


def a_sound_store(path: Path) -> Store:
    store = Store(path)
    run = a_run()
    with store.writer(run) as writer:
        writer.add_trace(a_trace())
        writer.add_verdict(a_verdict("k"))
        writer.finish(run.model_copy(update={"status": "finished", "finished_at": NOW}))
    store.import_labels([{"trace_id": "t", "rubric": "scheming", "annotator": "a", "label": "absent"}])
    return store


def found(store: Store) -> set[str]:
    return {f"{finding.place}: {finding.what}" for finding in store.check()}


def test_a_sound_database_has_no_findings(tmp_path: Path) -> None:
    """What our own writer stores passes, and the check changes nothing."""
    store = a_sound_store(tmp_path / "x.duckdb")
    before = store.path.read_bytes()
    assert store.check() == []
    assert store.path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.duckdb"]


DAMAGES = [
    ("INSERT INTO verdicts FROM verdicts", "verdicts: key is there more than once"),
    ("INSERT INTO traces FROM traces", "traces: trace is there more than once"),
    ("INSERT INTO segments FROM segments", "segments: segment is there more than once"),
    ("INSERT INTO sources FROM sources", "sources: place is there more than once"),
    ("INSERT INTO criteria FROM criteria", "criteria: answer is there more than once"),
    ("INSERT INTO evidence FROM evidence", "evidence: quote is there more than once"),
    ("INSERT INTO runs FROM runs", "runs: run is there more than once"),
    ("INSERT INTO labels FROM labels", "labels: label is there more than once"),
    ("DELETE FROM traces", "verdicts: trace is not stored"),
    ("DELETE FROM traces", "segments: trace is not stored"),
    ("DELETE FROM traces", "sources: trace is not stored"),
    ("DELETE FROM verdicts", "criteria: verdict is not stored"),
    ("DELETE FROM verdicts", "evidence: verdict is not stored"),
    ("INSERT INTO calls (key) VALUES ('x')", "calls: neither a verdict nor a failure has this key"),
    ("INSERT INTO failures (key) VALUES ('x')", "failures: trace is not stored"),
    ("INSERT INTO failures (key, run_id) VALUES ('x', 'r'), ('x', 'r')", "failures: failure is there more than once"),
    ("INSERT INTO calls (key) VALUES ('k'), ('k')", "calls: call is there more than once"),
    ("DELETE FROM runs", "verdicts: run is not stored"),
    ("INSERT INTO dumps (dump) VALUES ('d'), ('d')", "dumps: dump is there more than once"),
    ("INSERT INTO dumps (dump, run_id) VALUES ('d', 'r')", "dumps: run is not stored"),
    ("DELETE FROM segments WHERE segment = 0", "traces: has another number of segments than it says"),
    ("UPDATE evidence SET end_char = 999 WHERE verified", "evidence: verified quote points outside its segment"),
    ("UPDATE evidence SET segment = 99 WHERE verified", "evidence: verified quote points outside its segment"),
    ("UPDATE evidence SET start_char = 3 WHERE verified", "evidence: verified quote does not stand where it points"),
    ("UPDATE labels SET rubric = 'no such'", "labels: nothing was judged by this rubric, and cotjudge has none of that name"),
    ("UPDATE runs SET status = 'running'", "runs: still said to be running, but its process is gone"),
    ("DROP TABLE calls", "calls: the table is missing; put a backup back, or score again into a new file"),
    ("ALTER TABLE labels DROP COLUMN note", "labels: its column note is missing"),
    ("ALTER TABLE labels ALTER note TYPE BLOB", "labels: its column note is BLOB, not VARCHAR"),
    ("DROP VIEW current_failures", "current_failures: the view is missing; make the views anew with: cotjudge db migrate"),
    ("CREATE OR REPLACE VIEW current_failures AS FROM failures",
     "current_failures: the view is not today's; make the views anew with: cotjudge db migrate"),
    ("UPDATE verdicts SET windows = NULL",
     "verdicts: columns of today are empty, as an older cotjudge left them; fill them with: cotjudge db migrate"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "said_"), DAMAGES)
def test_whatever_cannot_be_is_found(tmp_path: Path, damage: str, said_: str) -> None:
    """Each damage, done in SQL, has its line."""
    store = a_sound_store(tmp_path / "x.duckdb")
    with duckdb.connect(str(store.path)) as connection:
        connection.execute(damage)
    assert said_ in found(store)


def test_what_migrate_can_mend_it_mends(tmp_path: Path) -> None:
    """Views made anew, columns of today filled."""
    store = a_sound_store(tmp_path / "x.duckdb")
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("DROP VIEW current_failures; UPDATE verdicts SET windows = NULL")
    assert store.migrate() is None
    assert store.check() == []


def test_a_finding_counts_its_rows_and_names_some(tmp_path: Path) -> None:
    """Three examples are enough."""
    store = a_sound_store(tmp_path / "x.duckdb")
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("INSERT INTO failures (key) SELECT 'k' || i FROM range(1000) r(i)")
    (finding,) = store.check()
    assert (finding.place, finding.count, finding.examples) == ("failures", 1000, ("k0", "k1", "k10"))


def test_journals_and_leftovers_beside_the_file_are_found(tmp_path: Path) -> None:
    """What waits to be merged, what could not be read, what a killed process was making."""
    store = a_sound_store(tmp_path / "x.duckdb")
    (store.journals / "dead").mkdir(parents=True)
    (store.journals / "dead" / "00000001.jsonl").write_text("{}\n")
    (store.journals / "unreadable-dead-00000002.jsonl").write_text("what\n")
    (tmp_path / ".x.duckdb.draft").touch()
    assert {finding.place for finding in store.check()} == {
        "x.duckdb.journal/dead",
        "x.duckdb.journal/unreadable-dead-00000002.jsonl",
        ".x.duckdb.draft",
    }


def test_a_block_that_cannot_be_read_is_found(tmp_path: Path) -> None:
    """DuckDB compares checksums only of what a query needs; the check reads all of it."""
    store = a_sound_store(tmp_path / "x.duckdb")
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT repeat(uuid()::VARCHAR, 10) AS noise FROM range(5000)")
    with duckdb.connect(str(store.path), read_only=True) as connection:
        ((block,),) = connection.execute(
            "SELECT max(block_id) FROM pragma_storage_info('mine') WHERE segment_type = 'VARCHAR'"
        ).fetchall()
    content = bytearray(store.path.read_bytes())
    at = 3 * 4096 + block * 262_144 + 100_000
    content[at : at + 8] = b"\x5a" * 8
    store.path.write_bytes(content)
    (finding,) = store.check()
    assert finding.place == "mine"
    assert "cannot be read" in finding.what


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_database_is_one_finding(tmp_path: Path, version: int) -> None:
    """It says how to bring it up to date; then it is sound."""
    store = Store(a_file(tmp_path / "x.duckdb", version))
    (finding,) = store.check()
    assert f"schema version {version}" in finding.what
    assert "cotjudge db migrate" in finding.what
    store.migrate()
    assert store.check() == []


def test_a_vacuum_gives_space_back_and_keeps_every_row(tmp_path: Path) -> None:
    """Our tables, the users' own, and what was in journals."""
    store = a_sound_store(tmp_path / "x.duckdb")
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("CREATE TABLE gone AS SELECT uuid() AS x FROM range(200_000)")
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 7 AS x; CREATE VIEW my_view AS SELECT x FROM mine")
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("DROP TABLE gone")
    before = contents(store)
    (store.journals / "dead").mkdir(parents=True)
    (store.journals / "dead" / "00000001.jsonl").write_text('{"verdicts": {"key": "k7"}}\n')
    done = store.vacuum()
    assert done.merged == 1
    assert done.after < done.before
    assert done.after == store.path.stat().st_size
    assert store.query("SELECT * FROM my_view").fetchall() == [(7,)]
    after = contents(store)
    assert [row[0] for row in after["verdicts"]] == ["k", "k7"]
    assert after | {"verdicts": []} == before | {"verdicts": []}
    assert [path.name for path in tmp_path.iterdir()] == ["x.duckdb"]


def test_a_vacuumed_file_is_as_old_duckdbs_like_it_and_takes_new_rows(tmp_path: Path) -> None:
    """Its storage version stays, its columns are compressed as before, and runs go on."""
    store = a_sound_store(tmp_path / "x.duckdb")
    store.vacuum()
    tags = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE path = ?"
    with duckdb.connect(str(store.path), read_only=True) as connection:
        assert connection.execute(tags, [str(store.path)]).fetchall()[0][0].startswith("v1.2")
    with store.writer(a_run("run-2")) as writer:
        writer.add_verdict(a_verdict("k2"))
    assert len(contents(store)["verdicts"]) == 2


def test_nobody_vacuums_while_somebody_scores(tmp_path: Path) -> None:
    """The scoring is named; when it has ended, the vacuum goes."""
    store = a_sound_store(tmp_path / "x.duckdb")
    with a_scorer(store.path, "run-7") as scorer:
        assert len(said(scorer, 3)) == 3
        with pytest.raises(StoreBusyError, match=r"1 scoring at work \(run-7\); vacuum when that has ended"):
            store.vacuum()
    store.vacuum()
    assert store.check() == []


def test_a_writer_that_waits_for_a_vacuum_writes_into_the_new_file(tmp_path: Path) -> None:
    """A file that was replaced while it was opened is opened again: nothing goes into the old one."""
    store = a_sound_store(tmp_path / "x.duckdb")
    with a_scorer(store.path, "run-8", 0, 50) as scorer:
        for _ in range(20):
            try:
                store.vacuum()
            except StoreBusyError:
                continue
        scorer.wait()
    store.vacuum()
    assert len(contents(store)["verdicts"]) == 51


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk can be made by root only")
def test_a_vacuum_without_room_changes_nothing(tmp_path: Path) -> None:
    """The message says how much is needed."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", folder], check=False).returncode:
        pytest.skip("a small disk can be made by root only")
    try:
        store = a_sound_store(folder / "x.duckdb")
        (folder / "ballast").write_bytes(b"x" * (4 * 2**20 - store.path.stat().st_size - 500_000))
        with pytest.raises(StoreError, match="make room and run the same command again"):
            store.vacuum()
        assert store.check() == []
    finally:
        subprocess.run(["umount", folder], check=True)


def test_stats_tell_rows_sizes_and_spans(tmp_path: Path) -> None:
    """By table, by judge, by rubric; the parts of the tables are not more than the file."""
    store = a_sound_store(tmp_path / "x.duckdb")
    stats = store.stats()
    rows = {table.name: table.rows for table in stats.tables}
    assert (rows["verdicts"], rows["criteria"], rows["calls"]) == (1, 2, 0)
    assert 0 < sum(table.bytes for table in stats.tables) <= stats.file_bytes
    assert stats.judges == {"lexical": 1}
    assert stats.rubrics == {"scheming": 1}
    assert stats.first == stats.last is not None
    assert stats.bytes_per_verdict == stats.file_bytes
    assert stats.journal_bytes == 0


def test_stats_of_an_empty_database(tmp_path: Path) -> None:
    """Nothing is divided by nothing."""
    store = Store(tmp_path / "x.duckdb")
    store.ensure()
    stats = store.stats()
    assert stats.bytes_per_verdict is None
    assert stats.first is None
