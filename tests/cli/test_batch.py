"""`cotjudge score --batch` and `cotjudge batch`, as a user runs them."""

from __future__ import annotations

import signal

import pytest
from tests.cli.command import Cli

from cotjudge.testing import FakeLLM, Script
from cotjudge.testing.batches import BatchScript

pytestmark = pytest.mark.slow  # whole processes, one after another

SCORE = ("score", "d.jsonl", "--judge", "openai/gpt-4o-mini", "--batch")


def test_submit_leave_come_back_and_collect(cli: Cli) -> None:
    """Three rubrics on three traces are nine requests in one file, and nine verdicts in the end, at half the price."""
    cli.dump()
    with FakeLLM() as server:
        server.batches.script = BatchScript(polls=1)
        sent = cli.inside(*SCORE, "--api-base", server.url)
        assert sent.code == 0, sent.err
        assert "9 sent now in 1 batch\n" in sent.err
        assert "cotjudge batch collect" in sent.err
        again = cli.inside(*SCORE, "--api-base", server.url)
        assert "9 under way in batches, 0 sent now" in again.err
        [early] = cli.inside("batch", "status", "--json").rows
        assert (early["stage"], early["status"], early["judgements"]) == ("submitted", "in_progress", 9)
        assert "1 can be collected" in cli.inside("batch", "status").err
        done = cli.inside("batch", "collect", "--json")
        assert done.code == 0
        assert (done.json["status"], done.json["judged"], done.json["failed"]) == ("collected", 9, 0)
        assert done.json["cost_usd"] > 0
        assert "at litellm's batch prices" in done.err
        assert "nothing to collect" in cli.inside("batch", "collect").err
        assert len(server.batches.created) == 1
    [row] = cli.inside("sql", "SELECT count(*) AS n, bool_and(batch) AS b FROM calls", "--format", "jsonl").rows
    assert row == {"n": 9, "b": True}


def test_failures_in_a_batch_are_an_exit_status_of_one(cli: Cli) -> None:
    """They are named by kind, and `score` asks them again."""
    cli.dump(count=1)
    with FakeLLM(Script(mix={"refusal": 1.0})) as server:
        assert cli.inside(*SCORE, "--api-base", server.url).code == 0
        done = cli.inside("batch", "collect")
    assert done.code == 1
    assert "3 refused" in done.err


def test_a_cancelled_batch_is_shown_as_such(cli: Cli) -> None:
    """`cancel` tells the provider, and what was answered can be collected."""
    cli.dump()
    with FakeLLM() as server:
        server.batches.script = BatchScript(polls=9)
        cli.inside(*SCORE, "--api-base", server.url)
        [row] = cli.inside("batch", "status", "--json").rows
        assert "cancelled" in cli.inside("batch", "cancel", row["id"]).out
        assert cli.inside("batch", "collect", "--json").json["judged"] == 4


def test_without_batches_there_is_nothing_to_tell(cli: Cli) -> None:
    """No database, no batches: a line, not an error; an unknown name is a mistake."""
    assert "no batches here" in cli.inside("batch", "status").err
    assert "nothing to collect" in cli.inside("batch", "collect").err
    unknown = cli.inside("batch", "collect", "nix")
    assert (unknown.code, "no batch nix here" in unknown.err) == (2, True)


def test_an_interrupted_wait_loses_nothing(cli: Cli) -> None:
    """Ctrl-C while it waits is 130 and one line; the next collection finds all of it."""
    cli.dump()
    with FakeLLM() as server:
        server.batches.script = BatchScript(polls=1)
        cli.inside(*SCORE, "--api-base", server.url)
        with cli.start("batch", "collect", "--wait") as waiting:
            assert waiting.stderr is not None
            assert b"in_progress" in waiting.stderr.readline()
            waiting.send_signal(signal.SIGINT)
            _, told = waiting.communicate(timeout=30)
        assert (waiting.returncode, told) == (130, b"interrupted: nothing is lost; the same command goes on\n")
        assert cli.inside("batch", "collect", "--json").json["judged"] == 9
