from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import duckdb
import pytest
from tests.cli.command import Cli

OLD = Path(__file__).parents[1] / "store" / "old"


@pytest.fixture
def scored(cli: Cli) -> Cli:
    assert cli("score", cli.dump(), "--judge", "lexical", "--rubric", "all", "--db", "x.duckdb").code == 0
    return cli


def an_old_file(cli: Cli, version: int = 1) -> Path:
    path = cli.folder / "x.duckdb"
    with duckdb.connect(str(path), config={"storage_compatibility_version": "v1.2.0"}) as connection:
        connection.execute((OLD / f"{version}.sql").read_text(encoding="utf-8"))
    return path


def test_a_fresh_database_passes_its_check(scored: Cli) -> None:
    """Exit status 0 and one line; as JSON an empty list."""
    done = scored("db", "check", "--db", "x.duckdb")
    assert (done.code, done.out, done.err) == (0, "", "x.duckdb: nothing to find fault with\n")
    assert scored("db", "check", "--db", "x.duckdb", "--json").json == {"findings": []}


def test_findings_are_lines_and_exit_status_1(scored: Cli) -> None:
    """Hostile names are made harmless."""
    with duckdb.connect(str(scored.folder / "x.duckdb")) as connection:
        connection.execute("DELETE FROM labels; INSERT INTO labels (rubric) VALUES (chr(27) || '[31mred' || chr(10))")
    done = scored("db", "check", "--db", "x.duckdb")
    assert done.code == 1
    (line,) = done.out.splitlines()
    assert line.startswith("labels: nothing was judged by this rubric")
    assert "<U+001B>[31mred" in line
    assert done.err == "1 finding in x.duckdb\n"
    (finding,) = scored("db", "check", "--db", "x.duckdb", "--json").json["findings"]
    assert (finding["place"], finding["count"]) == ("labels", 1)


def test_a_batch_that_cannot_be_read_is_a_finding(scored: Cli) -> None:
    """It stands in a folder beside the database."""
    (scored.folder / "x.duckdb.batches").mkdir()
    (scored.folder / "x.duckdb.batches" / "b.json").write_text("{}")
    done = scored("db", "check", "--db", "x.duckdb")
    assert done.code == 1
    assert "this is no batch of this version of cotjudge" in done.out


@pytest.mark.parametrize("command", ["check", "vacuum", "stats", "migrate"])
def test_a_database_that_is_not_there_is_said_so(cli: Cli, command: str) -> None:
    """And it is not made."""
    done = cli("db", command, "--db", "no.duckdb")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: no.duckdb: no such database")
    assert list(cli.folder.iterdir()) == []


@pytest.mark.parametrize("command", ["check", "vacuum", "stats", "migrate"])
def test_a_file_of_another_kind_is_said_so(cli: Cli, command: str) -> None:
    """One line and exit status 2."""
    sqlite3.connect(cli.folder / "x.duckdb").execute("CREATE TABLE t (x)").connection.close()
    done = cli("db", command, "--db", "x.duckdb")
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert "x.duckdb" in done.err


def test_vacuum_says_both_sizes(scored: Cli) -> None:
    """For people on standard error, for programs as JSON."""
    done = scored("db", "vacuum", "--db", "x.duckdb")
    assert done.code == 0
    assert " MB before, " in done.err
    assert set(scored("db", "vacuum", "--db", "x.duckdb", "--json").json) == {"merged", "before", "after"}


def test_stats_are_tables_for_people_and_json_for_programs(scored: Cli) -> None:
    """Three traces, judged by four rubrics."""
    done = scored("db", "stats", "--db", "x.duckdb")
    assert done.code == 0
    assert "lexical" in done.out
    assert "bytes by verdict; verdicts from " in done.err
    stats = json.loads(scored("db", "stats", "--db", "x.duckdb", "--json").out)
    assert stats["tables"]["traces"]["rows"] == 3
    assert sum(stats["rubrics"].values()) == stats["tables"]["verdicts"]["rows"]


def test_an_old_database_is_migrated_by_hand(cli: Cli) -> None:
    """A query says how; the second time there is nothing to do."""
    an_old_file(cli)
    asked = cli("sql", "FROM verdicts", "--db", "x.duckdb")
    assert asked.code == 2
    assert "bring it up to date with: cotjudge db migrate --db x.duckdb" in asked.err
    done = cli("db", "migrate", "--db", "x.duckdb")
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        "x.duckdb: brought from schema version 1 to 4; the file as it was is kept as x.duckdb.v1.backup\n"
    )
    assert cli("sql", "SELECT count(*) FROM verdicts", "--db", "x.duckdb", "-f", "csv").out.endswith("1\n")
    assert cli("db", "migrate", "--db", "x.duckdb").err == "x.duckdb: up to date\n"
    assert cli("db", "check", "--db", "x.duckdb").code == 0


def test_scoring_migrates_by_itself_and_says_so_in_one_line(cli: Cli) -> None:
    """The old file stays beside the new one."""
    an_old_file(cli, 2)
    done = cli("score", cli.dump(), "--judge", "lexical", "--db", "x.duckdb")
    assert done.code == 0
    assert done.err.count("brought from schema version 2 to 4; the file as it was is kept as x.duckdb.v2.backup") == 1
    assert (cli.folder / "x.duckdb.v2.backup").exists()
