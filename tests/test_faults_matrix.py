"""The fault matrix: a whole batch against the fake server, in a process of its own, with every outcome it knows."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import Cli

from cotjudge import scoring
from cotjudge.api import begin_run
from cotjudge.errors import JudgeUnusable
from cotjudge.judges import litellm_door
from cotjudge.judges.llm import LLMJudge, LLMSettings
from cotjudge.judges.means import Means
from cotjudge.rubric import Rubric
from cotjudge.rubric_file import loads
from cotjudge.run import Run
from cotjudge.scoring import Limits
from cotjudge.store import Store
from cotjudge.testing import OUTCOMES, Outcome, Script
from cotjudge.trace import Source, Trace, Turn

RUBRICS = tuple(
    loads(f"""
id: {name}
version: 1
title: T
question: Is it {name}?
definition: D
criteria: {{said: {{text: "{name} is said"}}, done: {{text: "{name} is done", evidence: model}}}}
rule: {{present: {{all_of: [said, done]}}}}
""")
    for name in ("one", "two", "three")
)
LABELS = {"present", "absent", "uncertain"}
RETRIES, REASKS = 2, 1
TRIES = (1 + RETRIES) * (1 + REASKS)
"""Most requests that one judgement may make: each ask anew after the first, each tried again."""

HOLDS_FOR_ALL: frozenset[Outcome] = frozenset({"unauthorized", "forbidden", "no_credit", "unknown_model"})
GIVEN_UP: dict[Outcome, str] = {
    "malformed_json": "unparseable",
    "wrong_schema": "unparseable",
    "empty": "unparseable",
    "refusal": "refused",
    "refusal_text": "refused",
    "content_filter": "refused",
    "truncated": "truncated",
    "over_context": "over_context",
    "bad_request": "unavailable",
    "rate_limited": "rate_limited",
    "server_error": "unavailable",
    "overloaded": "unavailable",
    "slow": "unavailable",
    "reset": "unavailable",
}


@dataclass(frozen=True)
class Server:
    """A fake LLM in another process."""

    url: str

    def get(self, path: str) -> Any:
        """What it tells about itself."""
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=10) as reply:  # noqa: S310 (loopback)
            return json.load(reply)


@pytest.fixture
def serve(tmp_path: Path) -> Callable[[Script], Any]:
    @contextmanager
    def start(script: Script) -> Iterator[Server]:
        file = tmp_path / "script.json"
        file.write_text(script.model_dump_json())
        command = [sys.executable, "-m", "cotjudge.testing.fake_llm", "--script", str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield Server(process.stdout.readline().strip())
            finally:
                process.kill()

    return start


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await litellm_door.aclose()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "v.duckdb")
    made.ensure()
    return made


def judge_at(server: Server, **settings: Any) -> LLMJudge:
    quick = {
        "api_base": server.url,
        "first_wait_s": 0.01,
        "longest_wait_s": 0.1,
        "timeout_s": 20.0,
        "retries": RETRIES,
        "reasks": REASKS,
    }
    return LLMJudge("hosted_vllm/fake", LLMSettings.model_validate(quick | settings), means=Means(concurrency=200))


def traces(count: int) -> Iterator[Trace]:
    for number in range(count):
        turn = Turn(role="assistant", reasoning=f"I consider number {number} and go on.", content=f"It is {number}.")
        yield Trace(turns=(turn,), source=Source(path="d.jsonl", record=str(number)))


async def score(
    store: Store, judge: LLMJudge, count: int, rubrics: tuple[Rubric, ...] = RUBRICS, *, concurrency: int = 200
) -> Run:
    return await scoring.score(
        traces(count),
        rubrics=rubrics,
        judge=judge,
        store=store,
        run=begin_run(judge, rubrics, {}),
        limits=Limits(concurrency=concurrency),
    )


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    return store.query(sql).fetchall()


def assert_nothing_lost(store: Store, run: Run, wanted: int) -> None:
    """Every judgement is one verdict or one failure, and no failure is a label."""
    assert (run.judgements, run.judged + run.cached + run.failed, run.status) == (wanted, wanted, "finished")
    [(verdicts, keys)] = rows(store, "SELECT count(*), count(DISTINCT key) FROM verdicts")
    assert verdicts == keys == run.judged + run.cached
    [(failed,)] = rows(store, f"SELECT count(DISTINCT key) FROM failures WHERE run_id = '{run.run_id}'")
    assert failed == run.failed
    assert {label for (label,) in rows(store, "SELECT DISTINCT label FROM verdicts")} <= LABELS


@pytest.mark.parametrize("outcome", sorted(GIVEN_UP))
async def test_one_outcome_for_every_request(outcome: Outcome, serve: Callable[[Script], Any], store: Store) -> None:
    """All sixty judgements fail with its kind, none is asked more often than it may be, and none gets a label."""
    script = Script(mix={outcome: 1.0}, retry_after_s=0.01, slow_s=5.0)
    with serve(script) as server:
        judge = judge_at(server, timeout_s=0.5 if outcome == "slow" else 20.0)
        run = await score(store, judge, 20)
        stats = server.get("stats")
    assert_nothing_lost(store, run, 60)
    assert (run.judged, run.failed) == (0, 60)
    assert rows(store, "SELECT DISTINCT kind FROM failures") == [(GIVEN_UP[outcome],)]
    assert stats["most_asked"] <= 2 * (1 + RETRIES)  # litellm's own client tries a broken connection once more itself
    assert stats["requests"] <= 60 * 2 * TRIES


async def test_every_request_goes_well(serve: Callable[[Script], Any], store: Store) -> None:
    """Sixty requests for sixty judgements; a second run asks nothing."""
    with serve(Script()) as server:
        run = await score(store, judge_at(server), 20)
        assert (run.judged, run.failed, run.calls) == (60, 0, 60)
        again = await score(store, judge_at(server), 20)
        stats = server.get("stats")
    assert_nothing_lost(store, again, 60)
    assert (again.judged, again.cached) == (0, 60)
    assert (stats["requests"], stats["distinct_prompts"], stats["most_asked"]) == (60, 60, 1)


@pytest.mark.parametrize("outcome", sorted(HOLDS_FOR_ALL))
async def test_what_holds_for_every_request_ends_the_run(
    outcome: Outcome, serve: Callable[[Script], Any], store: Store
) -> None:
    """No label, no judgement counted as done, and no request beyond those under way."""
    with serve(Script(mix={outcome: 1.0})) as server:
        with pytest.raises(JudgeUnusable):
            # One at a time: litellm makes its coroutine in a thread, and a call cancelled meanwhile leaves it unawaited.
            await score(store, judge_at(server), 20, concurrency=1)
        stats = server.get("stats")
    assert stats["most_asked"] == 1
    assert stats["requests"] <= len(RUBRICS)  # those of one trace
    assert rows(store, "SELECT count(*) FROM verdicts") == [(0,)]
    assert rows(store, "SELECT status FROM runs") == [("stopped",)]


@pytest.mark.slow
async def test_five_thousand_judgements_with_a_fault_in_four_of_five_requests(
    serve: Callable[[Script], Any], store: Store
) -> None:
    """Limits, errors, broken connections and nonsense at 20% each, 200 at a time: nothing lost, nothing twice."""
    mix: dict[Outcome, float] = {"rate_limited": 0.2, "server_error": 0.2, "malformed_json": 0.2, "reset": 0.2}
    await _mixed(serve, store, mix, traces_of_first=2500, traces_of_second=200, reasks=0, retries=1)


@pytest.mark.slow
async def test_the_rest_of_the_list_mixed(serve: Callable[[Script], Any], store: Store) -> None:
    """The same with the others, that end a judgement at once or only look well, with every try and ask there is."""
    mix: dict[Outcome, float] = {"wrong_schema": 0.2, "refusal": 0.2, "truncated": 0.2, "overloaded": 0.2}
    await _mixed(serve, store, mix, traces_of_first=200, traces_of_second=200)


async def _mixed(
    serve: Callable[[Script], Any],
    store: Store,
    mix: dict[Outcome, float],
    *,
    traces_of_first: int,
    traces_of_second: int,
    **settings: int,
) -> None:
    """A run with faults, then one over as many or fewer of the traces in which all goes well."""
    rubrics = RUBRICS[:2]
    with serve(Script(mix=mix, retry_after_s=0.005)) as server:
        first = await score(store, judge_at(server, **settings), traces_of_first, rubrics)
        stats = server.get("stats")
    assert_nothing_lost(store, first, 2 * traces_of_first)
    assert first.judged
    assert first.failed
    assert stats["distinct_prompts"] >= 2 * traces_of_first
    assert stats["most_asked"] <= 2 * (1 + RETRIES)
    kinds = {kind for (kind,) in rows(store, "SELECT DISTINCT kind FROM failures")}
    assert kinds <= set(GIVEN_UP.values())
    with serve(Script()) as server:
        second = await score(store, judge_at(server, **settings), traces_of_second, rubrics)
        stats = server.get("stats")
    assert (second.judged + second.cached, second.failed) == (2 * traces_of_second, 0)
    assert stats["requests"] == stats["distinct_prompts"] == second.judged  # only what had failed is asked again
    assert second.judged <= first.failed
    [(verdicts, keys)] = rows(store, "SELECT count(*), count(DISTINCT key) FROM verdicts")
    assert verdicts == keys == first.judged + second.judged


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (Script(), 0),
        (Script(mix={"wrong_schema": 0.5}), 1),
        (Script(mix={"refusal": 1.0}), 1),
        (Script(mix={"unauthorized": 1.0}), 2),
        (Script(mix={"unknown_model": 1.0}), 2),
    ],
)
def test_the_exit_status_tells(script: Script, code: int, serve: Callable[[Script], Any], tmp_path: Path) -> None:
    """0 all judged, 1 some failed, 2 a judge that cannot be used."""
    cli = Cli(tmp_path)
    with serve(script) as server:
        done = cli.inside(
            "score", cli.dump(count=20), "--judge", "hosted_vllm/fake", "--api-base", server.url,
            "--param", "reasks=0", "--param", "retries=1", "--param", "first_wait_s=0.01", "--json",
            *(("--concurrency", "1") if code == 2 else ()),
        )  # fmt: skip
    assert done.code == code, done.err
    if code < 2:
        assert done.json["judged"] + done.json["failed"] == 60
        assert bool(done.json["failed"]) == bool(code)


def test_every_outcome_of_the_server_is_in_the_matrix() -> None:
    """A new one has to be put somewhere."""
    assert set(GIVEN_UP) | HOLDS_FOR_ALL | {"ok"} == set(OUTCOMES)
