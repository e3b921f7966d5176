from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from tests.store.values import a_run, a_trace, a_verdict, keys_of

from cotjudge.errors import QueryError, StoreBusyError, StoreError
from cotjudge.store import Store
from cotjudge.store.refusal import KINDS, is_busy, translate


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


def a_text(path: Path) -> Path:
    path.write_text("trace,label\n" * 2000)
    return path


def an_empty_file(path: Path) -> Path:
    path.touch()
    return path


def a_damaged_database(path: Path) -> Path:
    Store(path).ensure()
    content = bytearray(path.read_bytes())
    content[4096:12288] = b"\x5a" * 8192
    path.write_bytes(content)
    return path


def half_a_database(path: Path) -> Path:
    Store(path).ensure()
    path.write_bytes(path.read_bytes()[:20_000])
    return path


def another_database(path: Path) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE prices AS SELECT 1 AS price")
    return path


def a_newer_database(path: Path) -> Path:
    Store(path).ensure()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE store_info SET schema_version = 1000")
    return path


def under_a_file(path: Path) -> Path:
    path.touch()
    return path / "x.duckdb"


CASES: list[tuple[Callable[[Path], Path], str]] = [
    (a_folder, "this is a folder"),
    (a_text, "this file is not a DuckDB database"),
    (an_empty_file, "this file is not a DuckDB database"),
    (a_damaged_database, "the database is damaged"),
    (half_a_database, "the database is damaged"),
    (another_database, "was not made by cotjudge"),
    (a_newer_database, "schema version 1000, and this cotjudge knows 4; upgrade"),
]


@pytest.mark.parametrize(("make", "said"), CASES)
def test_a_file_that_cannot_be_used_is_told_in_one_line_and_left_alone(
    tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    """The message names the file and what to do; the file stays as it is."""
    path = make(tmp_path / "x.duckdb")
    before = path.read_bytes() if path.is_file() else None
    store = Store(path)
    for use in (store.ensure, lambda: store.query("FROM verdicts").fetchall(), lambda: store.writer(a_run())):
        with pytest.raises(StoreError, match=said) as refused:
            use()
        assert str(path) in str(refused.value)
        assert "\n" not in str(refused.value)
    assert before == (path.read_bytes() if path.is_file() else None)
    assert [p.name for p in tmp_path.iterdir()] == ["x.duckdb"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no/such/x.duckdb", "does not exist; make it with: mkdir -p"),
        ("a-file/x.duckdb", "a-file is a file and cannot hold a database"),
    ],
)
def test_a_place_that_cannot_hold_a_database_is_named(tmp_path: Path, path: str, said: str) -> None:
    """A missing folder, or a file where a folder should be."""
    (tmp_path / "a-file").touch()
    with pytest.raises(StoreError, match=said):
        Store(tmp_path / path).ensure()


@pytest.mark.skipif(not os.access("/proc", os.R_OK), reason="no folder here that even root cannot write to")
def test_a_read_only_folder_is_named() -> None:
    """/proc takes no files, not even from root."""
    with pytest.raises(StoreError, match="/proc"):
        Store(Path("/proc/x.duckdb")).ensure()


@pytest.mark.parametrize("name", [":memory:", "md:somebody", "a [b]*?.duckdb", "it's; DROP.duckdb", "ünï 文.duckdb"])
def test_any_name_is_the_name_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """No name means a database in memory, in a cloud, or a pattern of segments to merge."""
    monkeypatch.chdir(tmp_path)
    store = Store(Path(name))
    with store.writer(a_run()) as writer:
        writer.add_verdict(a_verdict("k"))
    assert keys_of(store) == {"k"}
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_the_file_is_of_a_version_that_older_duckdbs_open(tmp_path: Path) -> None:
    """Written by DuckDB 2, opened by the 1.4 shell: the storage version stays what the file was made with."""
    store = Store(tmp_path / "x.duckdb")
    with store.writer(a_run()) as writer:
        writer.add_verdict(a_verdict("k"))
    found = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = current_database()"
    ((version,),) = store.query(found).fetchall()
    assert version.startswith("v1.2")


def test_making_a_database_never_replaces_one(tmp_path: Path) -> None:
    """Of two processes that make the same database at once, the second takes the first one's."""
    store = Store(tmp_path / "x.duckdb")
    with store.writer(a_run()) as writer:
        writer.add_verdict(a_verdict("k"))
    store._warehouse._build()
    assert keys_of(store) == {"k"}
    assert [p.name for p in tmp_path.iterdir()] == ["x.duckdb"]


def test_every_exception_of_duckdb_is_one_of_ours() -> None:
    """A class that a new DuckDB brings fails here first, and not at a user's."""
    theirs = {name for name, value in vars(duckdb).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert theirs - KINDS.keys() == set()


@pytest.mark.parametrize("name", sorted(KINDS))
def test_outside_a_statement_every_refusal_is_the_stores(name: str) -> None:
    """What goes wrong while merging is never the user's statement."""
    error = type(name, (Exception,), {})("first\n\nLINE 1: x\n        ^")
    outside = translate(error, Path("x.duckdb"), statement=False)
    assert type(outside) is StoreError
    assert str(outside) == "x.duckdb: first LINE 1: x"
    inside = translate(error, Path("x.duckdb"), statement=True)
    assert type(inside) is KINDS[name]


def test_a_subclass_that_is_not_listed_counts_as_its_base() -> None:
    """The nearest known class of an exception decides."""
    error = type("BrandNew", (duckdb.TransactionException,), {})("no")
    assert type(translate(error, Path("x"), statement=True)) is StoreError
    assert type(translate(OverflowError("a date too far"), Path("x"), statement=True)) is QueryError


def test_a_busy_database_names_who_holds_it() -> None:
    """The program and its process id come from DuckDB's message, where it tells them."""
    told = duckdb.IOException(
        'IO Error: Could not set lock on file "/x": Conflicting lock is held in /usr/bin/duckdb (PID 42). See also ...'
    )
    assert is_busy(told)
    error = translate(told, Path("x.duckdb"), statement=True)
    assert type(error) is StoreBusyError
    assert str(error) == (
        "x.duckdb: the database is kept open by /usr/bin/duckdb (process 42); close it there and run the same command again"
    )


def test_writers_of_one_process_take_turns(tmp_path: Path) -> None:
    """DuckDB would let connections of one process write side by side; a merge must be alone with the file."""
    store = Store(tmp_path / "x.duckdb")
    store.ensure()
    another = Store(tmp_path / "x.duckdb", patience=0.1)
    label = {"trace_id": "t", "rubric": "r", "annotator": "a", "label": "absent"}
    with store._warehouse.session(write=True), pytest.raises(StoreBusyError, match="another part of this one"):
        another._warehouse.session(write=True).__enter__()
    assert another.import_labels([label]) == 1


def test_a_time_that_python_cannot_show_says_what_to_do() -> None:
    """Without pytz, DuckDB cannot hand a time with a zone to Python."""
    error = duckdb.InvalidInputException("Required module 'pytz' failed to import, due to the following exception ...")
    told = translate(error, Path("x"), statement=True)
    assert str(told) == "a time with a zone needs `pip install pytz`, or cast it: now()::TIMESTAMP"


@contextmanager
def a_small_disk(folder: Path) -> Iterator[Path]:
    """A file system of two megabytes; only root can make one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk can be made by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk can be made by root only")
def test_a_full_disk_stops_the_run_and_loses_nothing_it_has_taken(tmp_path: Path) -> None:
    """One clear line, and after making room everything that was taken is in the database."""
    taken = set()

    def score(store: Store) -> None:
        noise = os.urandom(20_000).hex()
        with store.writer(a_run()) as writer:
            for number in range(1_000):
                writer.add_trace(a_trace(f"{number} {noise}", record=str(number)))
                writer.add_verdict(a_verdict(f"key-{number}"))
                taken.add(f"key-{number}")

    with a_small_disk(tmp_path / "small") as folder:
        store = Store(folder / "x.duckdb")
        ballast = folder / "ballast"
        store.ensure()
        ballast.write_bytes(b"x" * 1_000_000)
        with pytest.raises(StoreError, match="the disk is full") as refused:
            score(store)
        assert "make room" in str(refused.value)
        assert "run the same command again" in str(refused.value)
        ballast.unlink()
        assert taken
        assert keys_of(store) == taken
