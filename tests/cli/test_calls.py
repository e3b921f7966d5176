"""How many requests a run makes: the number that people pay for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command import Cli, Done

from cotjudge.rubric_file import DEFAULT_RUBRICS
from cotjudge.testing import FakeLLM

pytestmark = pytest.mark.slow  # whole processes, one after another

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples"


@pytest.fixture
def server() -> Iterator[FakeLLM]:
    with FakeLLM() as running:
        yield running


class Scoring:
    """`cotjudge score` on 60 samples, against the fake server."""

    def __init__(self, cli: Cli, server: FakeLLM) -> None:
        self._cli = cli
        self._server = server

    def __call__(self, *more: str | Path, model: str = "openai/fake") -> tuple[Done, int]:
        """What it answered, and how many requests it made."""
        before = self._server.requests
        command = ("score", SAMPLES, "--limit", "60", "--judge", model, "--api-base", self._server.url, "--json")
        done = self._cli.inside(*command, *more)
        return done, self._server.requests - before


@pytest.fixture
def score(cli: Cli, server: FakeLLM) -> Scoring:
    return Scoring(cli, server)


def test_nothing_is_asked_twice_and_only_what_changed_is_asked_again(score: Scoring, tmp_path: Path) -> None:
    """60 traces and 3 rubrics: 180 calls, then none; one changed rubric 60; another model 180."""
    done, calls = score()
    assert (done.code, calls, done.json["judged"]) == (0, 180, 180)
    done, calls = score()
    assert (done.code, calls, done.json["cached"]) == (0, 0, 180)
    changed = tmp_path / "changed.yaml"
    name, *others = DEFAULT_RUBRICS
    text = (ROOT / "rubrics" / f"{name}.yaml").read_text(encoding="utf-8")
    changed.write_text(text.replace("question: ", "question: Once more, ", 1))
    done, calls = score("-r", changed, *(part for other in others for part in ("-r", other)))
    assert (done.code, calls, done.json["cached"]) == (0, 60, 120)
    _, calls = score(model="openai/other")
    assert calls == 180


def test_a_bundle_asks_once_per_trace_and_is_a_judge_of_its_own(score: Scoring) -> None:
    """A third of the calls; it finds nothing of the same model asked rubric by rubric, and the other way round."""
    done, calls = score("--bundle")
    assert (done.code, calls, done.json["judged"], done.json["calls"]) == (0, 60, 180, 60)
    assert score("--bundle")[1] == 0
    assert score()[1] == 180


def test_every_draw_is_a_call(score: Scoring) -> None:
    """Three samples: three calls, one verdict with three votes."""
    done, calls = score("--samples", "3", "--param", "temperature=1", "-r", "attribution")
    assert (done.code, calls, done.json["judged"]) == (0, 180, 60)


def test_a_dry_run_asks_nothing_and_tells_how_many_calls_there_would_be(score: Scoring) -> None:
    """Also what they would cost, where the price is known."""
    done, calls = score("--dry-run", "--param", "price=[1.0, 4.0]")
    assert (done.code, calls) == (0, 0)
    assert (done.json["would_ask"], done.json["calls"]) == (180, 180)
    assert done.json["cost_usd"] > 0
    done, _ = score("--dry-run")
    assert done.json["cost_usd"] is None
    assert "price unknown" in done.err
    bundled, _ = score("--dry-run", "--bundle")
    assert bundled.json["calls"] == 60


def test_a_budget_ends_a_run_that_can_be_gone_on_with(score: Scoring, cli: Cli) -> None:
    """Exit status 3; the bill stays within the budget; a larger one pays only for the rest."""
    priced = ("--param", "price=[10, 10]")
    done, calls = score(*priced, "--budget", "1")
    assert done.code == 3
    assert 0 < calls < 180
    assert 0 < done.json["cost_usd"] <= 1
    assert "budget" in done.err
    done, rest = score(*priced, "--budget", "100")
    assert (done.code, done.json["cached"], rest) == (0, calls, 180 - calls)
    total = cli.inside("sql", "-f", "jsonl", "SELECT count(*) AS calls FROM calls").rows[0]["calls"]
    assert total == 180


def test_a_budget_needs_a_price(score: Scoring) -> None:
    """Nothing is sent to a model whose price nobody knows."""
    done, calls = score("--budget", "1")
    assert (done.code, calls) == (2, 0)
    assert "price=" in done.err


def test_a_cascade_says_what_each_tier_settled_and_what_it_saved(score: Scoring, cli: Cli, server: FakeLLM) -> None:
    """The embedded judge first, a model for what it leaves in doubt."""
    done, calls = score("--param", "price=[1, 4]", model="cascade:lexical,openai/fake")
    assert done.code == 0
    settled = done.json["settled"]
    assert set(settled) == {"lexical", "openai/fake"}
    assert (sum(settled.values()), calls) == (180, 180 - settled["lexical"])
    assert done.json["saved_usd"] > 0
    assert "lexical settled" in done.err
    del cli, server


def test_members_of_a_panel_are_found_again_by_themselves(score: Scoring) -> None:
    """What a panel paid for, its members need not pay again."""
    done, calls = score(model="panel:lexical,openai/one,openai/two")
    assert (done.code, calls, done.json["judged"]) == (0, 360, 180)
    assert score(model="openai/one")[1] == 0
    assert score(model="panel:openai/one,openai/two,openai/three")[1] == 180


def test_named_judges_come_from_the_file_beside_the_command(score: Scoring, cli: Cli) -> None:
    """`cotjudge.toml` in the current folder."""
    (cli.folder / "cotjudge.toml").write_text('[judges.mine]\nmodel = "openai/fake"\nsamples = 1\n')
    done, calls = score(model="mine")
    assert (done.code, calls, done.json["judge"]) == (0, 180, "mine")
    assert score(model="openai/fake")[1] == 0
