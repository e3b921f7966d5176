from __future__ import annotations

import pytest
from tests.cli.command import Cli

MINE = """\
-- How many traces.
-- param rubric = stereotyped_ethical_phrasing: which rubric
SELECT count(*) AS n FROM verdicts WHERE rubric = $rubric;
"""


@pytest.fixture
def judged(cli: Cli) -> Cli:
    """A folder with a database of three judged traces."""
    cli.dump()
    assert cli.inside("score", "d.jsonl").code == 0
    return cli


def test_a_named_query_is_asked_with_its_parameters(judged: Cli) -> None:
    """`@name` with `--param`, in every format."""
    done = judged.inside("sql", "@prevalence", "--param", "by=format", "--param", "least=3", "-f", "jsonl")
    assert (done.code, done.err) == (0, "")
    assert {(row["group"], row["traces"]) for row in done.rows} == {("jsonl", 3)}
    assert judged.inside("sql", "@prevalence", "--param", "by=format", "--param", "least=4", "-f", "jsonl").out == ""


def test_the_list_shows_every_query_and_needs_no_database(cli: Cli) -> None:
    """Name, what it answers, and parameters with their defaults; a query of one's own is marked."""
    (cli.folder / "queries").mkdir()
    (cli.folder / "queries" / "mine.sql").write_text(MINE)
    (cli.folder / "queries" / "bad.sql").write_text("SELECT 1")
    done = cli("sql", "--list")
    assert done.code == 0
    for told in ("@prevalence", "@overlap", "by=model", "@mine", "How many traces. (yours)"):
        assert told in done.out
    assert done.err.startswith("not a query: queries/bad.sql: line 1")


def test_queries_of_ones_own_are_found_in_three_ways(judged: Cli) -> None:
    """A folder `queries`, COTJUDGE_QUERIES, or --queries, the last one first."""
    for name in ("queries", "other", "third"):
        (judged.folder / name).mkdir()
        (judged.folder / name / "mine.sql").write_text(MINE.replace("count(*)", f"'{name}'"))
    assert judged.inside("sql", "@mine", "-f", "jsonl").rows[0] == {"n": "queries"}
    assert judged("sql", "@mine", "-f", "jsonl", COTJUDGE_QUERIES="other").rows[0] == {"n": "other"}
    assert judged.inside("sql", "@mine", "--queries", "third", "-f", "jsonl").rows[0] == {"n": "third"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("@prevalense",), "did you mean prevalence"),
        (("@prevalence", "--param", "bye=model"), "no parameter 'bye' (did you mean by?)"),
        (("@prevalence", "--param", "by=colour"), "by may be model, task"),
        (("@prevalence", "--param", "by"), "--param NAME=VALUE"),
        (("@prevalence", "--param", "by=model", "--param", "by=task"), "given twice"),
        (("@sources_of",), "give trace"),
        (("SELECT 1", "--param", "a=b"), "--param goes with a named query"),
        (("--param", "a=b", "--file", "d.jsonl"), "--param goes with a named query"),
        (("--list", "--queries", "nowhere"), "nowhere: cannot read this folder of queries"),
    ],
)
def test_a_mistake_is_one_line_and_status_two(arguments: tuple[str, ...], told: str, judged: Cli) -> None:
    """Nothing is shown of Python."""
    done = judged.inside("sql", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert told in done.err


def test_an_answer_of_a_named_query_can_be_written_to_a_file(judged: Cli) -> None:
    """The comments at its head and its parameters do not hinder an export."""
    for ending in ("csv", "parquet"):
        done = judged.inside("sql", "@wide", "--param", "limit=2", "-o", f"out.{ending}")
        assert (done.code, "2 rows" in done.err) == (0, True), done.err
