"""`cotjudge cost`: the ledger, summed up."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from tests.cli.command import Cli
from tests.store.values import NOW, a_failure, a_run, a_verdict

from cotjudge.store import Store
from cotjudge.verdict import Call, Usage


def a_call(**changes: Any) -> Call:
    spent = {"input_tokens": 1000, "cached_tokens": 250, "output_tokens": 40, "reasoning_tokens": 5, "cost_usd": 0.25}
    usage = Usage(calls=1, **{name: changes.pop(name, value) for name, value in spent.items()})
    call = Call(model="openai/small", outcome="used", usage=usage, latency_s=1.5, created_at=NOW)
    return call.model_copy(update=changes)


@pytest.fixture
def billed(cli: Cli) -> Cli:
    """Two runs on two days: a re-ask, a failure, a batch, a bundle of three, a model of unknown price."""
    bundled = {"model": "openai/large", "shared_by": 3}
    unpriced = {"model": "hosted_vllm/mine", "cost_usd": None, "cached_tokens": 0}
    with Store(cli.folder / "cotjudge.duckdb").writer(a_run()) as writer:
        writer.add_verdict(a_verdict("a", judge="openai/small", ledger=(a_call(outcome="unusable"), a_call())))
        writer.add_failure(a_failure("b", judge="openai/small", ledger=(a_call(outcome="unusable"),)))
        writer.add_verdict(a_verdict("c", judge="openai/small", rubric="persona", ledger=(a_call(batch=True),)))
        for rubric in ("scheming", "persona", "values"):
            share = a_call(**bundled, input_tokens=100, cached_tokens=0, cost_usd=2.0)
            writer.add_verdict(a_verdict(f"bundle-{rubric}", judge="openai/large", rubric=rubric, ledger=(share,)))
        writer.finish(a_run(status="finished"))
    with Store(cli.folder / "cotjudge.duckdb").writer(a_run("run-2")) as writer:
        later = NOW + timedelta(days=1)
        mine = a_call(**unpriced, created_at=later)
        writer.add_verdict(a_verdict("d", judge="hosted_vllm/mine", run_id="run-2", ledger=(mine, mine)))
        writer.finish(a_run("run-2", status="finished"))
    return cli


def test_the_ledger_is_summed_by_model(billed: Cli) -> None:
    """The dearest first; calls of unusable answers and of failures are paid for like all others."""
    large, small, mine = billed.inside("cost", "--json").json["rows"]
    assert small == {
        "model": "openai/small",
        "calls": 4,
        "unusable": 2,
        "batch": 1,
        "input_tokens": 4000,
        "cached_tokens": 1000,
        "output_tokens": 160,
        "reasoning_tokens": 20,
        "cost_usd": 1.0,
        "calls_of_unknown_price": 0,
    }
    assert (large["model"], large["cost_usd"], large["input_tokens"]) == ("openai/large", 6.0, 300)
    assert (mine["model"], mine["cost_usd"], mine["calls_of_unknown_price"]) == ("hosted_vllm/mine", None, 2)


def test_a_request_that_judgements_share_is_one_call(billed: Cli) -> None:
    """A bundle of three rubrics is one call, a third of it under each rubric."""
    by_model = {row["model"]: row["calls"] for row in billed.inside("cost", "--json").json["rows"]}
    by_rubric = {row["rubric"]: row["calls"] for row in billed.inside("cost", "--by", "rubric", "--json").json["rows"]}
    assert by_model["openai/large"] == 1
    assert by_rubric == {"scheming": 5.33, "persona": 1.33, "values": 0.33}


def test_the_total_is_the_sum_of_all(billed: Cli) -> None:
    """However the ledger is split, the total is the same."""
    totals = [
        billed.inside("cost", "--by", by, "--json").json["total"] for by in ("model", "judge,rubric", "run", "day")
    ]
    assert totals == [totals[0]] * 4
    assert (totals[0]["calls"], totals[0]["cost_usd"], totals[0]["calls_of_unknown_price"]) == (7, 7.0, 2)


@pytest.mark.parametrize("by", [["--by", "day,run"], ["--by", "day", "--by", "run"], ["--by", " day , run,day"]])
def test_it_can_be_split_by_several_things(billed: Cli, by: list[str]) -> None:
    """By commas or by repeating --by; days are in order."""
    answer = billed.inside("cost", *by, "--json").json
    assert answer["by"] == ["day", "run"]
    assert [(row["day"], row["run"]) for row in answer["rows"]] == [("2026-03-01", "run-1"), ("2026-03-02", "run-2")]


def test_people_see_a_table_with_a_total(billed: Cli) -> None:
    """Cached tokens with their share; what is not known is said, and a sum without it is a lower bound."""
    lines = billed.inside("cost").out.splitlines()
    (small,) = (line for line in lines if "openai/small" in line)
    (mine,) = (line for line in lines if "hosted_vllm" in line)
    (total,) = (line for line in lines if "total" in line)
    assert "1,000 (25%)" in small
    assert "$1.00" in small
    assert "unknown" in mine
    assert ">= $7.00" in total
    assert total.split("│")[5].strip() == "2"


def test_a_spreadsheet_gets_plain_numbers(billed: Cli) -> None:
    """CSV has a header, a row per group, an empty field for a cost that is not known, and no total."""
    header, *rows = csv.reader(io.StringIO(billed.inside("cost", "--by", "model", "--csv").out))
    assert header[:4] == ["model", "calls", "unusable", "batch"]
    assert [row[header.index("cost_usd")] for row in rows] == ["6.0", "1.0", ""]


def test_an_empty_ledger_is_one_clear_line(cli: Cli) -> None:
    """A database of the embedded judge alone has no calls; that is no error."""
    with Store(cli.folder / "cotjudge.duckdb").writer(a_run()) as writer:
        writer.add_verdict(a_verdict("a"))
        writer.finish(a_run(status="finished"))
    done = cli.inside("cost")
    assert (done.code, done.out) == (0, "")
    assert done.err == "no calls in cotjudge.duckdb: nothing has been asked of a model yet\n"
    assert cli.inside("cost", "--json").json["rows"] == []
    assert cli.inside("cost", "--json").json["total"]["calls"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "month"], "--by month: choose from model, judge, rubric, run, day"),
        (["--by", ","], "choose from model"),
        (["--json", "--csv"], "--json and --csv exclude each other"),
        (["--db", "none.duckdb"], "none.duckdb"),
    ],
)
def test_a_mistake_is_named(cli: Cli, arguments: list[str], message: str) -> None:
    """A bad split, two formats at once, a database that is not there: one line, exit code 2."""
    done = cli.inside("cost", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1


def test_nothing_heavy_is_loaded(billed: Cli) -> None:
    """Summing up needs no litellm, which takes seconds to import."""
    import subprocess
    import sys

    script = (
        "import sys; from cotjudge.cli.main import main; sys.argv = ['cotjudge', 'cost']; main();"
        "assert not {'litellm', 'instructor', 'openai'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=billed.folder, env=billed.environment, check=False)
    assert done.returncode == 0
