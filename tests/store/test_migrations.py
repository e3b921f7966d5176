"""Databases of older versions, brought to today's."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.store.values import a_run, a_verdict, keys_of, rows_of, said

from cotjudge.errors import StoreBusyError, StoreError
from cotjudge.store import Store
from cotjudge.store.lines import text_hash
from cotjudge.store.warehouse import SCHEMA_VERSION

OLD = Path(__file__).parent / "old"
VERSIONS = sorted(int(path.stem) for path in OLD.glob("*.sql"))
TABLES = ("traces", "segments", "sources", "verdicts", "criteria", "evidence", "failures", "runs", "labels")

DYING = """
import os, signal, sys
from pathlib import Path
from cotjudge.store import Store

path, left = Path(sys.argv[1]), int(sys.argv[2])

def die(event, arguments):
    global left
    if event in {"os.link", "os.rename", "os.remove", "os.chmod", "open"} and str(arguments[0]).startswith(str(path.parent)):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
Store(path).ensure()
print("done", flush=True)
"""


def a_file(path: Path, version: int) -> Path:
    """A database as that version made it."""
    with duckdb.connect(str(path), config={"storage_compatibility_version": "v1.2.0"}) as connection:
        connection.execute((OLD / f"{version}.sql").read_text(encoding="utf-8"))
    return path


def version_of(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute("SELECT max(schema_version) FROM store_info").fetchall()[0][0])


def shape(path: Path) -> list[tuple[Any, ...]]:
    """Every column, in order, and every view, with what is said about them."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            "SELECT table_name, column_index, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal "
            "UNION ALL SELECT view_name, 0, sql, '', comment FROM duckdb_views() WHERE NOT internal "
            "UNION ALL SELECT table_name, 0, sql, '', comment FROM duckdb_tables() ORDER BY ALL"
        ).fetchall()


def rows(path: Path, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()


def columns(path: Path, table: str) -> str:
    with duckdb.connect(str(path), read_only=True) as connection:
        return ", ".join(row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall())


def test_every_version_before_todays_has_a_file_here() -> None:
    """Whoever raises the schema version leaves the schema before it as a fixture."""
    assert list(range(1, SCHEMA_VERSION)) == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_migrated_file_is_like_a_fresh_one(tmp_path: Path, version: int) -> None:
    """Tables, columns and their order, types, comments, views: nobody can tell the two apart."""
    old = a_file(tmp_path / "old.duckdb", version)
    Store(old).ensure()
    Store(tmp_path / "new.duckdb").ensure()
    assert shape(old) == shape(tmp_path / "new.duckdb")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "new.duckdb",
        "old.duckdb",
        f"old.duckdb.v{version}.backup",
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_row_and_no_value_is_lost(tmp_path: Path, version: int) -> None:
    """Every column that the old tables had holds what it held; the backup is the old file."""
    old = a_file(tmp_path / "x.duckdb", version)
    names = {table: columns(old, table) for table in TABLES}
    before = {table: rows(old, table) for table in TABLES}
    content = old.read_bytes()
    Store(old).ensure()
    assert {table: rows(old, table, names[table]) for table in TABLES} == before
    backup = tmp_path / f"x.duckdb.v{version}.backup"
    assert backup.read_bytes() == content
    assert rows(old, "store_info", "schema_version, created_at") == [
        (SCHEMA_VERSION, rows(backup, "store_info", "created_at")[0][0])
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_new_columns_are_filled_as_far_as_it_is_known(tmp_path: Path, version: int) -> None:
    """The hash of a text that is there, the variant of a task, one window and one opinion where there was no other."""
    path = a_file(tmp_path / "x.duckdb", version)
    Store(path).ensure()
    assert rows(path, "traces", "trace_id, text_hash") == [
        ("t1", text_hash("I wonder.\n\nGröße 🎈")),
        ("t2", None),
        ("t3", hashlib.sha256(b"").hexdigest()),
    ]
    assert rows(path, "sources", "trace_id, variant") == [("t1", "B"), ("t2", "3"), ("t3", None)]
    assert rows(path, "labels", "selection") == [("",)]
    assert rows(path, "verdicts", "windows, quoted, score_kind, samples, votes, agreement, opinions, settled_by") == [
        (version, True, "criteria", 1, "{}", None, "[]", "")
    ]
    assert rows(path, "runs", "cached_tokens") == [(104,)]
    assert len(rows(path, "calls")) == (version > 1)
    assert Store(path).verdicts(["k1"])["k1"].windows == version


@pytest.mark.parametrize("version", VERSIONS)
def test_a_migrated_file_takes_what_a_new_run_stores(tmp_path: Path, version: int) -> None:
    """The first writing use migrates, says so in one line, and goes on."""
    store = Store(a_file(tmp_path / "x.duckdb", version))
    with store.writer(a_run("r2")) as writer:
        writer.add_verdict(a_verdict("k9"))
    assert keys_of(store) == {"k9"}
    assert rows_of(store, "SELECT count(*) FROM verdicts") == [(2,)]
    assert version_of(store.path) == SCHEMA_VERSION


def test_it_is_said_once_where_the_old_file_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line on standard error, through the log; the second time there is nothing to say."""
    store = Store(a_file(tmp_path / "x.duckdb", 1))
    store.ensure()
    store.ensure()
    (line,) = caplog.messages
    assert line.startswith(f"{store.path}: brought from schema version 1 to {SCHEMA_VERSION}; ")
    assert line.endswith("the file as it was is kept as x.duckdb.v1.backup")
    assert store.migrate() is None


def test_reading_an_old_file_says_what_to_do_and_changes_nothing(tmp_path: Path) -> None:
    """A question is no reason to rewrite a file."""
    store = Store(a_file(tmp_path / "it is.duckdb", 1))
    content = store.path.read_bytes()
    with pytest.raises(StoreError, match="bring it up to date with: cotjudge db migrate --db '") as refused:
        rows_of(store, "FROM verdicts")
    assert "\n" not in str(refused.value)
    assert store.path.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["it is.duckdb"]


def test_what_is_the_users_own_in_the_file_stays(tmp_path: Path) -> None:
    """Tables, views and macros beside ours survive, and a view over our tables sees the new ones."""
    path = a_file(tmp_path / "x.duckdb", 1)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 7 AS x")
        connection.execute("CREATE VIEW labels_of AS SELECT label FROM current_verdicts")
        connection.execute("CREATE MACRO twice(x) AS 2 * x")
    Store(path).ensure()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("SELECT twice(x), label FROM mine, labels_of").fetchall() == [(14, "present")]


def test_a_table_with_a_column_of_the_users_own_is_not_touched(tmp_path: Path) -> None:
    """What would be lost is named instead."""
    path = a_file(tmp_path / "x.duckdb", 2)
    with duckdb.connect(str(path)) as connection:
        connection.execute("ALTER TABLE verdicts ADD COLUMN opinion_of_mine VARCHAR")
    content = path.read_bytes()
    with pytest.raises(
        StoreError, match="its table verdicts has columns that are not cotjudge's \\(opinion_of_mine\\)"
    ):
        Store(path).ensure()
    assert path.read_bytes() == content
    assert [found.name for found in tmp_path.iterdir()] == ["x.duckdb"]


def test_an_earlier_backup_is_never_overwritten(tmp_path: Path) -> None:
    """A second backup gets a number."""
    path = a_file(tmp_path / "x.duckdb", 1)
    earlier = tmp_path / "x.duckdb.v1.backup"
    earlier.write_text("precious")
    migrated = Store(path).migrate()
    assert migrated
    assert migrated.backup.name == "x.duckdb.v1.backup.2"
    assert earlier.read_text() == "precious"
    assert version_of(migrated.backup) == 1


def test_what_a_crash_left_in_duckdbs_log_is_in_the_backup_too(tmp_path: Path) -> None:
    """A file with a log beside it is one file before anything else happens."""
    path = a_file(tmp_path / "x.duckdb", 1)
    statement = "INSERT INTO labels (trace_id, rubric) VALUES ('t9', 'r')"
    crash = f"import duckdb, os; c = duckdb.connect({str(path)!r}); c.execute({statement!r}); os._exit(0)"
    subprocess.run([sys.executable, "-c", crash], check=True)
    assert (tmp_path / "x.duckdb.wal").exists()
    Store(path).ensure()
    for file in (path, tmp_path / "x.duckdb.v1.backup"):
        assert len(rows(file, "labels")) == 2
    assert not (tmp_path / "x.duckdb.wal").exists()


@pytest.mark.slow
@pytest.mark.parametrize("step", range(14))
def test_a_process_killed_at_any_step_leaves_the_old_file_or_the_new_one(tmp_path: Path, step: int) -> None:
    """Killed before each of its steps on the disk; the next use finishes the work and loses nothing."""
    path = a_file(tmp_path / "x.duckdb", 1)
    done = subprocess.run([sys.executable, "-c", DYING, path, str(step)], capture_output=True, text=True, check=False)
    if done.stdout:
        pytest.skip("it had fewer steps")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert version_of(path) in {1, SCHEMA_VERSION}
    Store(path).ensure()
    assert version_of(path) == SCHEMA_VERSION
    assert len(rows(path, "verdicts")) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.duckdb", "x.duckdb.v1.backup"]
    assert version_of(tmp_path / "x.duckdb.v1.backup") == 1


def test_of_two_processes_one_migrates_and_the_other_goes_on(tmp_path: Path) -> None:
    """Three at once: one backup, and every one of them stores what it has."""
    path = a_file(tmp_path / "x.duckdb", 1)
    values = Path(__file__).with_name("values.py")
    scorers = [
        subprocess.Popen(
            [sys.executable, values, path, f"run-{number}", str(10 * number), "10"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    said_ = [scorer.communicate()[1] for scorer in scorers]
    assert [scorer.returncode for scorer in scorers] == [0, 0, 0], said_
    assert len([line for line in "".join(said_).splitlines() if "brought from schema version 1" in line]) == 1
    assert len(rows(path, "verdicts")) == 31
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.duckdb", "x.duckdb.v1.backup"]


def test_a_journal_of_an_older_version_is_merged_into_the_migrated_file(tmp_path: Path) -> None:
    """Its lines lack columns, which are filled like those of rows."""
    path = a_file(tmp_path / "x.duckdb", 1)
    journal = tmp_path / "x.duckdb.journal" / "r2"
    journal.mkdir(parents=True)
    (journal / "00000001.jsonl").write_text(
        '{"verdicts": {"key": "k7", "trace_id": "t1", "label": "absent", "cached_tokens": 5, "run_id": "r2"}}\n'
    )
    Store(path).ensure()
    assert rows(path, "verdicts", "key, windows, votes") == [("k1", 1, "{}"), ("k7", 1, "{}")]


def test_a_file_in_use_is_not_migrated(tmp_path: Path) -> None:
    """Somebody reads it elsewhere: the message says who."""
    path = a_file(tmp_path / "x.duckdb", 1)
    holding = f"import duckdb; c = duckdb.connect({str(path)!r}, read_only=True); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert said(reader, 1) == ["open"]
        with pytest.raises(StoreBusyError, match=f"process {reader.pid}"):
            Store(path, patience=0.1).migrate()
        reader.communicate("\n")
    assert version_of(path) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk can be made by root only")
def test_a_disk_without_room_is_named_before_anything_is_written(tmp_path: Path) -> None:
    """The message says how much is needed."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", folder], check=False).returncode:
        pytest.skip("a small disk can be made by root only")
    try:
        path = a_file(folder / "x.duckdb", 1)
        (folder / "ballast").write_bytes(b"x" * (4 * 2**20 - path.stat().st_size - 500_000))
        with pytest.raises(StoreError, match=r"the disk has 0\.. MB left and a new file beside the old one needs"):
            Store(path).ensure()
        assert sorted(p.name for p in folder.iterdir()) == ["ballast", "x.duckdb"]
        assert version_of(path) == 1
    finally:
        subprocess.run(["umount", folder], check=True)
