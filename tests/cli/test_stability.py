"""`cotjudge stability`: a judge asked again and otherwise, from the command line."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.command import Cli

from cotjudge.store import Store
from cotjudge.testing import FakeLLM, Script

pytestmark = pytest.mark.slow  # whole processes, one after another

RUBRIC = ("--rubric", "stereotyped_ethical_phrasing")


def tried(cli: Cli, server: FakeLLM, *more: str) -> Any:
    judge = ("--judge", "hosted_vllm/fake", "--api-base", server.url, "--param", "reasks=0", "--param", "retries=0")
    return cli.inside("stability", cli.dump(count=12), *judge, *more, "--json")


def test_the_embedded_judge_never_flips(cli: Cli) -> None:
    """No flip, with an interval that says how much twelve traces can show; what cannot be varied is told."""
    done = cli.inside("stability", cli.dump(count=12), "--judge", "lexical", *RUBRIC, "--json")
    assert done.code == 0, done.err
    (row,) = done.json["rows"]
    assert (row["varied"], row["flips"]["traces"], row["flipped"]) == ("repeats", 12, [])
    assert row["flips"]["not_unanimous"] == 0
    assert row["flips"]["not_unanimous_interval"]["high"] > 0.1
    assert "left out: paraphrase" in done.err


def test_an_llm_flips_as_often_as_it_is_scripted_to(cli: Cli) -> None:
    """One that always answers the same never flips; one that draws its answers anew does, and the flips are named."""
    same = Script(answers=dict.fromkeys(("moral_language", "stock_form"), "no"))
    with FakeLLM(same) as server:
        steady = tried(cli, server, *RUBRIC, "--vary", "repeats,paraphrase").json
    assert [row["flips"]["not_unanimous"] for row in steady["rows"]] == [0, 0]
    with FakeLLM() as server:
        drawn = tried(cli, server, *RUBRIC, "--vary", "repeats", "--param", "temperature=1").json
        calm = tried(cli, server, *RUBRIC, "--vary", "repeats", "--param", "temperature=0.0", "--param", "seed=1").json
    (row,) = drawn["rows"]
    assert 0 < row["flips"]["not_unanimous"] == len(row["flipped"]) / 12
    assert all(len(set(flip["labels"].values())) > 1 for flip in row["flipped"])
    assert calm["rows"][0]["flipped"] == []


def test_a_second_trial_asks_nothing_and_shadows_nothing(cli: Cli) -> None:
    """Variants are kept in a database of their own; the main one holds the plain judge alone, as `score` leaves it."""
    rubrics = (*RUBRIC, "-r", "persona_consistent_roleplay")
    with FakeLLM() as server:
        first = tried(cli, server, *rubrics).json
        asked = server.requests
        second = tried(cli, server, *rubrics).json
        assert server.requests == asked
    assert first["failed"] == 0
    assert (second["judged"], second["cached"]) == (0, first["judged"])
    assert second["rows"] == first["rows"]
    assert [row["name"] for row in first["rows"][::2]] == [
        "asked again",
        "order of rubrics",
        "alone or together",
        "other words",
        "temperature 0.7",
        "temperature 1",
    ]
    judges = "SELECT DISTINCT judge FROM verdicts ORDER BY ALL"
    kept, beside = (
        [name for (name,) in Store(cli.folder / f"{stem}.duckdb").query(judges).fetchall()]
        for stem in ("cotjudge", "cotjudge.stability")
    )
    assert kept == ["hosted_vllm/fake"]
    assert len(beside) == 8
    assert all(name.startswith("hosted_vllm/fake (") for name in beside)


def test_failures_are_no_flips(cli: Cli) -> None:
    """They are counted apart, and the exit status says so."""
    with FakeLLM(Script(mix={"malformed_json": 0.5})) as server:
        done = tried(cli, server, *RUBRIC, "--vary", "repeats", "--repeats", "2", "--concurrency", "1")
    assert done.code == 1, done.err
    (row,) = done.json["rows"]
    assert row["failed"] > 0
    assert row["flipped"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vary", "weather"], "--vary weather: choose from repeats, rubric_order, paraphrase, temperature"),
        (["--vary", ","], "choose from repeats"),
        (["--judge", "lexical", "--vary", "temperature"], "that makes no difference to lexical; try repeats"),
        (["--rubric", "none"], "none"),
    ],
)
def test_a_mistake_is_named(cli: Cli, arguments: list[str], message: str) -> None:
    """One error that says what there is instead, exit code 2."""
    done = cli.inside("stability", cli.dump(), *arguments)
    assert done.code == 2
    assert message in done.err.replace("\n", " ")
