"""Statements of strangers: each is refused or ended with one clear line, within its limits."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.store.values import a_reader, a_run, a_verdict, said

from cotjudge.errors import QueryError, StoreError
from cotjudge.store import Sandbox, Store

TIGHT = Sandbox(seconds=1, memory_mb=256, threads=1, rows=100)
STARTING_S = 6
"""For the process to start on a busy machine."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("secret-place") / "x.duckdb")
    with store.writer(a_run()) as writer:
        for number in range(3):
            writer.add_verdict(a_verdict(f"key-{number}"))
    return store


def test_a_statement_is_answered(store: Store) -> None:
    """Columns, types, rows and parameters as without a sandbox, values of every kind."""
    sql = (
        "SELECT key, score, created_at, [1.5::DECIMAL(3, 1)] AS l, {'a': 1} AS s FROM current_verdicts WHERE key = $key"
    )
    with store.query(sql, {"key": "key-1"}) as plain, store.query(sql, {"key": "key-1"}, sandbox=TIGHT) as caged:
        assert (caged.columns, caged.types, list(caged)) == (plain.columns, plain.types, list(plain))
        assert not caged.truncated


def test_rows_beyond_the_limit_are_left_out_and_it_is_said(store: Store) -> None:
    """An endless answer is cut, not waited for."""
    result = store.query("FROM range(1_000_000_000_000)", sandbox=TIGHT)
    assert result.truncated
    assert len(result.fetchall()) == TIGHT.rows


def test_journals_are_read_along(store: Store) -> None:
    """The sandbox sees what a running scorer has not merged yet."""
    with a_reader(store.path) as reader:
        said(reader, 1)
        with store.writer(a_run("run-2")) as writer:
            writer.add_verdict(a_verdict("fresh"))
            found = store.query("SELECT key FROM verdicts WHERE key = 'fresh'", sandbox=TIGHT).fetchall()
            reader.communicate("\n")
    assert found == [("fresh",)]


HARMFUL = [
    ("FROM read_csv('/etc/passwd')", "read_csv"),
    ("FROM read_text('/etc/passwd')", "read_text"),
    ("FROM read_blob('x.duckdb')", "read_blob"),
    ("FROM system.main.\"READ_TEXT\"('/etc/passwd')", "read_text"),
    ("SELECT (SELECT content FROM read_text('/etc/passwd')) FROM verdicts", "read_text"),
    ("WITH a AS (FROM glob('/**')) FROM a", "glob"),
    ("FROM query('FROM read_text(''/etc/passwd'')')", "query"),
    ("FROM '/etc/passwd'", "no files"),
    ("DESCRIBE '/etc/passwd'", "no files"),
    ("FROM 'https://example.org/x.parquet'", "no files"),
    ("FROM 's3://bucket/x.parquet'", "no files"),
    ("FROM sniff_csv('/etc/passwd')", "sniff_csv"),
    ("FROM duckdb_secrets()", "duckdb_secrets"),
    ("FROM duckdb_settings()", "duckdb_settings"),
    ("FROM duckdb_databases", "duckdb_databases"),
    ("FROM duckdb_databases()", "duckdb_databases"),
    ("FROM pragma_database_list", "pragma_database_list"),
    ("SELECT getenv('HOME')", "getenv"),
    ("SELECT current_setting('allowed_paths')", "current_setting"),
    ("COPY verdicts TO '/tmp/stolen.csv'", "only a SELECT"),
    ("COPY verdicts FROM '/etc/passwd'", "only a SELECT"),
    ("ATTACH '/tmp/other.duckdb'", "only a SELECT"),
    ("EXPORT DATABASE '/tmp/stolen'", "only a SELECT"),
    ("INSTALL httpfs", "only a SELECT"),
    ("LOAD httpfs", "only a SELECT"),
    ("SET enable_external_access = true", "only a SELECT"),
    ("SET memory_limit = '100GB'", "only a SELECT"),
    ("PRAGMA database_list", "only a SELECT"),
    ("CALL pragma_version()", "only a SELECT"),
    ("CREATE TABLE t AS SELECT 1", "only a SELECT"),
    ("CREATE TEMP TABLE t AS SELECT 1", "only a SELECT"),
    ("DELETE FROM verdicts", "only a SELECT"),
    ("PREPARE p AS SELECT 1", "only a SELECT"),
    ("EXPLAIN ANALYZE COPY verdicts TO '/tmp/stolen.csv'", "only a SELECT"),
    ("SELECT 1; SELECT 2", "one statement"),
    ("FROM sql", "does not exist"),
    ("FROM task", "does not exist"),
]
"""Statements, and what their refusal says."""

GREEDY = [
    "SELECT count(*) FROM range(1_000_000_000_000) WHERE hash(range) = 1",
    "SELECT count(*) FROM range(1_000_000) a, range(1_000_000) b WHERE hash(a.range + b.range) = 1",
    "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r",
    "SELECT repeat('x', 4_000_000_000)",
    "SELECT list_aggregate(range(1_000_000_000), 'sum')",
    "SELECT string_agg(repeat('y', 1_000_000), '') FROM range(100_000)",
    "SELECT repeat('x', 100_000_000) FROM range(100)",
    "SELECT list(range) FROM range(1_000_000_000)",
    "SELECT length(lpad('x', 2_000_000_000, 'y'))",
    "SELECT sum(length(repeat(range::VARCHAR, 1_000_000))) FROM range(1_000_000)",
    "FROM range(100_000_000) a ORDER BY hash(range) LIMIT 1 OFFSET 90_000_000",
]
"""Statements that would never end, or take all the memory there is."""


@pytest.mark.parametrize(("sql", "reason"), HARMFUL)
def test_nothing_outside_the_database_is_reached(store: Store, sql: str, reason: str) -> None:
    """Files, settings, extensions, our own variables: refused in one line that does not tell where the database is."""
    with pytest.raises(QueryError, match=reason) as refused:
        store.query(sql, sandbox=TIGHT)
    assert "\n" not in str(refused.value)
    assert "secret-place" not in str(refused.value)


@pytest.mark.parametrize("sql", GREEDY)
def test_what_takes_too_much_is_ended(store: Store, sql: str) -> None:
    """One line says which limit it was, soon after the limit."""
    begun = time.monotonic()
    with pytest.raises(QueryError, match=r"took longer than 1 s|took more than 256 MB") as ended:
        store.query(sql, sandbox=TIGHT)
    assert "\n" not in str(ended.value)
    assert time.monotonic() - begun < TIGHT.seconds + STARTING_S


def test_a_sandbox_does_not_write(store: Store, tmp_path: Path) -> None:
    """Neither the database nor an answer to a file."""
    with pytest.raises(QueryError, match="cannot change"):
        store.query("DELETE FROM verdicts", write=True, sandbox=TIGHT)
    with pytest.raises(QueryError, match="cannot be written"):
        store.query("SELECT 1", sandbox=TIGHT).write(tmp_path / "x.parquet")


def test_a_missing_database_is_told_by_its_name(tmp_path: Path) -> None:
    """As without a sandbox, the folder left out."""
    with pytest.raises(StoreError, match=r"x\.duckdb: no such database") as refused:
        Store(tmp_path / "x.duckdb").query("SELECT 1", sandbox=TIGHT)
    assert str(tmp_path) not in str(refused.value)
