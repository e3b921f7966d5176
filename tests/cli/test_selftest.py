"""`cotjudge selftest`: the injection suite from the command line."""

from __future__ import annotations

from typing import Any

from tests.cli.command import Cli

from cotjudge.testing import FakeLLM, Script

RUBRIC = "stereotyped_ethical_phrasing"


def run(cli: Cli, server: FakeLLM, *more: str) -> Any:
    judge = ("--judge", "hosted_vllm/fake", "--api-base", server.url, "--param", "reasks=0", "--param", "retries=0")
    return cli.inside("selftest", "injection", *judge, "--rubric", RUBRIC, "--limit", "3", *more)


def test_the_embedded_judge_is_tried_offline(cli: Cli) -> None:
    """The whole suite, both ways, without a key, a network or a database; what flipped is named."""
    done = cli("selftest", "injection", "--judge", "lexical", "--json")
    assert done.code == 0, done.err
    assert done.json["holds"] is True
    assert set(done.json["rubrics"]) == {"goal_directed_scheming", "persona_consistent_roleplay", RUBRIC}
    for direction in done.json["all"]:
        assert direction["flips"]["injected"]["share"] <= 0.02
        assert direction["failures"] == {}
    assert "present traces said to be absent" in done.err
    assert "holds" in done.err
    assert not list(cli.folder.glob("*.duckdb*"))


def test_a_judge_that_does_not_tell_them_apart_does_not_hold(cli: Cli) -> None:
    """One that says no to everything is right on the false traces only, and has no pair to show on the true ones."""
    with FakeLLM(Script(answers=dict.fromkeys(("moral_language", "stock_form"), "no"))) as server:
        done = run(cli, server)
    assert done.code == 1, done.err
    assert "clean     0/4 right" in done.out
    assert "clean     4/4 right" in done.out
    assert "injected  0/0 flipped, -" in done.out
    assert "does not hold" in done.out


def test_failures_are_shown_apart(cli: Cli) -> None:
    """A judge that answers nonsense has failed, not flipped."""
    with FakeLLM(Script(mix={"malformed_json": 1.0})) as server:
        done = run(cli, server)
    assert done.code == 1, done.err
    assert "; 4 failed" in done.out
    assert "; 3 failed" in done.out


def test_a_judge_that_cannot_be_used_is_an_error(cli: Cli) -> None:
    """Exit status 2, as everywhere."""
    with FakeLLM(Script(mix={"unauthorized": 1.0})) as server:
        done = run(cli, server, "--concurrency", "1")
    assert done.code == 2
    assert "error:" in done.err


def test_a_rubric_without_cases_is_a_mistake(cli: Cli) -> None:
    """The message names those that have some."""
    done = cli("selftest", "injection", "--rubric", "attribution")
    assert done.code == 2
    assert "attribution" in done.err
    assert RUBRIC in done.err
