"""`cotjudge prevalence`: shares corrected for the judge's errors, from the command line."""

from __future__ import annotations

import pytest
from tests.cli.command import Cli
from tests.validation.test_estimating import fill, simulate

LABELLED = 400
TRACES = 3000


@pytest.fixture
def labelled(cli: Cli) -> Cli:
    """A corpus in which 5% of the traces have the property and the judge says 13%."""
    fill(cli.folder / "cotjudge.duckdb", simulate(TRACES, labelled=LABELLED, meta=lambda n: {"site": "ab"[n % 2]}))
    return cli


def test_the_corrected_intervals_hold_the_truth_and_the_naive_one_does_not(labelled: Cli) -> None:
    """From 3,000 verdicts with false alarms and 400 random labels, end to end."""
    truth = sum(trace.truth for trace in simulate(TRACES, labelled=LABELLED)) / TRACES
    (row,) = labelled.inside("prevalence", "--json").json["rows"]
    naive, *corrected = (row[name]["interval"] for name in ("naive", "rogan_gladen", "prediction_powered"))
    assert naive["low"] > 2 * truth
    for interval in corrected:
        assert interval["low"] <= truth <= interval["high"]
    assert (row["traces"], row["coverage"], row["labelled"]) == (TRACES, 1.0, LABELLED)


def test_people_see_two_tables_and_notes(labelled: Cli) -> None:
    """Shares with intervals, the judge's sensitivity and specificity with theirs; doubts on standard error."""
    done = labelled.inside("prevalence", "--by", "meta.site")
    assert done.code == 0, done.err
    assert "powered %" in done.out
    assert "sensitivity" in done.out
    assert "meta.site" in done.out
    assert done.err.startswith("note: ")
    assert all(line.startswith("note: ") for line in done.err.splitlines())


def test_a_plan_is_a_table(labelled: Cli) -> None:
    """From the store's figures; the fewest labels for a width on a line of their own."""
    done = labelled.inside("prevalence", "--plan", "--width", "0.03")
    assert done.code == 0, done.err
    assert "(from labels)" in done.out
    assert "labels drawn at random" in done.out


def test_a_plan_can_be_had_before_there_is_a_store(cli: Cli) -> None:
    """Where everything is expected by the user."""
    expected = ("--expect", "0.01", "--sensitivity", "0.8", "--specificity", "0.97", "--traces", "10000")
    (plan,) = cli.inside("prevalence", "--plan", *expected, "--json").json["plans"]
    assert {row["design"] for row in plan["plans"]} == {"random", "by_judge"}
    assert plan["origins"]["prevalence"] == "given"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--judge", "other"], "--judge other: not in cotjudge.duckdb; there is lexical"),
        (["--rubric", "other"], "--rubric other: not in cotjudge.duckdb; there is scheming"),
        (["--labels", "bo"], "--labels bo: not in cotjudge.duckdb; there is ann"),
        (["--by", "site"], "'site' is nothing to group by"),
        (["--only", "meta.site"], "--only 'meta.site' is not KEY=VALUE"),
        (["-r", "scheming", "--positive", "goal"], "--positive goal: scheming has the labels absent, present"),
        (["--expect", "0.1"], "--expect: only with --plan"),
        (["--plan", "--by", "model"], "--plan and --by exclude each other"),
        (["--db", "none.duckdb"], "none.duckdb"),
    ],
)
def test_a_mistake_is_named(labelled: Cli, arguments: list[str], message: str) -> None:
    """One line that says what there is instead, exit code 2."""
    done = labelled.inside("prevalence", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
