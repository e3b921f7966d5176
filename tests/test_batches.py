"""Batches against the fake server, litellm and all: nothing is lost, nothing is asked twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.judges.asked import RUBRIC, a_trace, judge_at

from cotjudge import batches, scoring
from cotjudge.api import begin_run
from cotjudge.batches import Shelf, Submitted, stored, under_way
from cotjudge.batches.submitting import Sizes
from cotjudge.errors import JudgeUnusable, SettingsError, StoreBusyError, StoreError
from cotjudge.judges import litellm_door
from cotjudge.judges.lexical import LexicalJudge
from cotjudge.judges.llm import LLMJudge, LLMSettings
from cotjudge.rubric import Rubric
from cotjudge.run import Run
from cotjudge.scoring import Limits
from cotjudge.store import Store
from cotjudge.testing import FakeLLM, Outcome, Script
from cotjudge.testing.batches import BatchScript
from cotjudge.trace import Source, Trace, Turn

pytestmark = pytest.mark.slow  # whole processes, one after another

SECOND = RUBRIC.model_copy(update={"id": "second", "question": "And does it hide it well?"})


def traces(count: int) -> list[Trace]:
    return [a_trace(f"I will hide report number {number} from the operator.") for number in range(count)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "v.duckdb")


@pytest.fixture
def server() -> Iterator[FakeLLM]:
    with FakeLLM(Script(answers={"conceals": "yes"})) as serving:
        yield serving


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await litellm_door.aclose()


async def submit(
    store: Store,
    judge: Any,
    items: Sequence[Trace],
    rubrics: Sequence[Rubric] = (RUBRIC,),
    sizes: Sizes | None = None,
    limits: Limits | None = None,
) -> Submitted:
    return await batches.submit(
        items,
        rubrics=rubrics,
        judge=judge,
        store=store,
        run=begin_run(judge, rubrics, {}),
        sizes=sizes,
        limits=limits,
    )


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    return store.query(sql).fetchall()


async def score(store: Store, judge: Any, items: Sequence[Trace], rubrics: Sequence[Rubric] = (RUBRIC,)) -> Run:
    limits = Limits(under_way=under_way(store))
    run = begin_run(judge, rubrics, {})
    return await scoring.score(items, rubrics=rubrics, judge=judge, store=store, run=run, limits=limits)


async def test_what_is_submitted_is_collected_as_if_it_had_been_asked(store: Store, server: FakeLLM) -> None:
    """Every judgement of a batch becomes a verdict with checked evidence, its tokens, and its run."""
    done = await submit(store, judge_at(server), traces(3), (RUBRIC, SECOND))
    assert (done.judgements, len(done.batches), done.run.status) == (6, 1, "submitted")
    assert server.requests == 0  # nothing has been asked one by one
    [collected] = await batches.collect(store)
    assert (collected.tally.judged, collected.tally.failed) == (6, 0)
    assert rows(store, "SELECT count(*), count(DISTINCT trace_id), count(DISTINCT rubric) FROM verdicts") == [(6, 3, 2)]
    assert rows(store, "SELECT bool_and(verified) FROM evidence WHERE criterion = 'conceals'") == [(True,)]
    assert rows(store, "SELECT DISTINCT run_id FROM verdicts") == [(collected.run.run_id,)]
    assert rows(store, "SELECT count(*), bool_and(batch), min(input_tokens) > 0 FROM calls") == [(6, True, True)]
    assert dict(rows(store, "SELECT run_id, status FROM runs")) == {
        done.run.run_id: "submitted",
        collected.run.run_id: "finished",
    }


async def test_a_verdict_is_the_same_with_and_without_a_batch(tmp_path: Path, server: FakeLLM) -> None:
    """A batch changes the price and the time, not the judgement; so its verdicts are cached for every later run."""
    by_batch, by_call = Store(tmp_path / "batch.duckdb"), Store(tmp_path / "call.duckdb")
    await submit(by_batch, judge_at(server), traces(4))
    await batches.collect(by_batch)
    await score(by_call, judge_at(server), traces(4))
    same = (
        "SELECT key, label, score, severity, rationale, judge_hash, prompt_version, coverage FROM verdicts ORDER BY key"
    )
    assert rows(by_batch, same) == rows(by_call, same)
    evidence = "SELECT * FROM evidence ORDER BY ALL"
    assert rows(by_batch, evidence) == rows(by_call, evidence)
    again = await score(by_batch, judge_at(server), traces(4))
    assert (again.judged, again.cached) == (0, 4)


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        ("openai/fake", {"seed": 7, "params": {"top_p": 0.5, "unheard_of": 1}}),
        ("openai/gpt-4o-mini", {"logprobs": True}),
        ("openai/gpt-5-mini", {"params": {"reasoning_effort": "low"}}),
        ("hosted_vllm/fake", {"structured": "json_object", "redact": ()}),
    ],
)
async def test_a_request_in_a_batch_is_what_would_have_been_sent(
    store: Store, server: FakeLLM, spec: str, settings: dict[str, Any]
) -> None:
    """The body is litellm's translation for this provider, word for word."""
    trace = a_trace("I will write to jane.doe@example.com that all is well.")
    await judge_at(server, spec, **settings).answer(trace, RUBRIC)
    sent = server.received[-1].body
    done = await submit(store, judge_at(server, spec, **settings), [trace])
    [line] = server.batches.lines(server.batches.created[0])
    assert line["body"] == {name: value for name, value in sent.items() if name != "stream"}
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert list(done.batches[0].asked) == [line["custom_id"]]


async def test_what_is_under_way_is_not_asked_again(store: Store, server: FakeLLM) -> None:
    """Neither by a second submission nor by a run without batches, until the batch has been collected."""
    server.batches.script = BatchScript(polls=3)
    first = await submit(store, judge_at(server), traces(3))
    again = await submit(store, judge_at(server), traces(5))
    assert (again.judgements, again.tally.under_way, again.run.status) == (2, 3, "submitted")
    nothing = await submit(store, judge_at(server), traces(5))
    assert (nothing.judgements, nothing.batches, nothing.run.status) == (0, [], "finished")
    run = await score(store, judge_at(server), traces(6))
    assert (run.judged, run.status) == (1, "finished")
    assert set(under_way(store).values()) == {first.batches[0].id, again.batches[0].id}
    assert len(server.batches.created) == 2


async def test_collecting_twice_changes_nothing(store: Store, server: FakeLLM) -> None:
    """A second collection finds nothing to do; one that has not heard of the first adds no row."""
    await submit(store, judge_at(server), traces(3))
    [batch] = await batches.refresh(store)
    await batches.collect(store)
    tables = ("verdicts", "criteria", "evidence", "calls", "failures", "runs")
    before = {table: rows(store, f"SELECT count(*) FROM {table}") for table in tables}
    assert await batches.collect(store) == []
    Shelf(store).save(batch)  # as if the process had been killed between the last verdict and its note of it
    [again] = await batches.collect(store)
    assert again.tally.judged == 3
    assert {table: rows(store, f"SELECT count(*) FROM {table}") for table in tables} == before


async def test_every_line_has_its_own_end(store: Store) -> None:
    """Errors, refusals, cut-off and unreadable answers, and missing lines are failures of their kind, never labels."""
    mix: dict[Outcome, float] = dict.fromkeys(
        ("refusal", "truncated", "malformed_json", "over_context", "rate_limited", "server_error", "unauthorized"), 0.1
    )
    with FakeLLM(Script(mix=mix)) as server:
        server.batches.script = BatchScript(missing=2, torn=True)
        await submit(store, judge_at(server), traces(80))
        [collected] = await batches.collect(store)
        ended = dict(server.outcomes)
        kinds = dict(rows(store, "SELECT kind, count(*) FROM failures GROUP BY 1"))
        judged = rows(store, "SELECT count(*) FROM verdicts")[0][0]
        answered = rows(store, "SELECT count(*) FROM calls")[0][0]
        assert set(ended) == {"ok", *mix}
        assert judged + sum(kinds.values()) == 80
        assert collected.batch.judged == judged
        assert kinds["auth"] == ended["unauthorized"]
        assert kinds["rate_limited"] == ended["rate_limited"]
        assert kinds["over_context"] == ended["over_context"]
        # two lines, whatever they held, are missing
        lost = 80 - sum(ended.values()) + 2
        named = ended["refusal"] + ended["truncated"] + ended["malformed_json"] + ended["ok"]
        assert kinds["refused"] + kinds["truncated"] + kinds["unparseable"] + judged == named - lost
        assert kinds["unavailable"] == ended["server_error"] + lost
        assert answered == named - lost  # what was answered is paid for, usable or not
        assert rows(store, "SELECT bool_and(reason <> '') FROM failures") == [(True,)]
        server.script = Script()
        again = await submit(store, judge_at(server), traces(80))
        assert again.judgements == 80 - judged  # failures are asked again


async def test_a_batch_costs_half(store: Store, server: FakeLLM) -> None:
    """The batch price of litellm's table where it knows one, half of a price given, and no price is no cost of nothing."""
    for spec, settings in (("openai/gpt-4o-mini", {}), ("openai/fake", {"price": (2.0, 4.0)}), ("openai/fake-2", {})):
        await submit(store, judge_at(server, spec, **settings), traces(1))
    done = {c.batch.judge: c for c in await batches.collect(store)}
    spent = {
        judge: (asked, answered, cost)
        for judge, asked, answered, cost in rows(
            store, "SELECT judge, input_tokens, output_tokens, cost_usd FROM calls"
        )
    }
    asked, answered, cost = spent["openai/gpt-4o-mini"]
    assert cost == pytest.approx(asked * 0.075e-6 + answered * 0.3e-6)
    asked, answered, cost = spent["openai/fake"]
    assert cost == pytest.approx(asked * 1e-6 + answered * 2e-6)
    assert spent["openai/fake-2"][2] is None
    assert [done[judge].priced for judge in spent] == ["batch", "given", "unknown"]


@pytest.mark.parametrize("end", ["expired", "failed"])
async def test_a_batch_that_does_not_complete_is_collected_for_what_it_has(
    store: Store, server: FakeLLM, end: Any
) -> None:
    """Half of an expired batch is answered; of one that was refused nothing; the rest is asked again."""
    server.batches.script = BatchScript(end=end)
    await submit(store, judge_at(server), traces(6))
    [collected] = await batches.collect(store)
    assert (collected.tally.judged, collected.tally.failed) == ((3, 3) if end == "expired" else (0, 6))
    [(reason,)] = rows(store, "SELECT DISTINCT reason FROM failures")
    assert ("completion window" if end == "expired" else "Line 1 is no valid request") in reason
    assert rows(store, "SELECT DISTINCT kind FROM failures") == [("unavailable",)]
    assert under_way(store) == {}


async def test_a_cancelled_batch_is_collected_for_what_it_has(store: Store, server: FakeLLM) -> None:
    """What was answered before is paid for, and so it is kept."""
    server.batches.script = BatchScript(polls=99)
    done = await submit(store, judge_at(server), traces(4))
    [batch] = await batches.cancel(store, [done.batches[0].id])
    assert batch.status == "cancelled"
    [collected] = await batches.collect(store)
    assert (collected.tally.judged, collected.tally.failed) == (2, 2)
    assert rows(store, "SELECT DISTINCT reason FROM failures") == [
        ("the batch was cancelled before this request was answered",)
    ]


async def test_a_batch_the_provider_has_lost_can_be_given_up(store: Store, server: FakeLLM) -> None:
    """It says so, changes nothing by itself, and `cancel` frees the judgements."""
    done = await submit(store, judge_at(server), traces(2))
    server.batches._batches.clear()
    name = done.batches[0].id
    with pytest.raises(JudgeUnusable, match=f"cotjudge batch cancel {name}"):
        await batches.refresh(store)
    assert len(under_way(store)) == 2
    [batch] = await batches.cancel(store, [name])
    assert (batch.stage, under_way(store)) == ("dropped", {})
    assert (await submit(store, judge_at(server), traces(2))).judgements == 2


async def test_waiting_goes_on_until_all_have_ended(store: Store, server: FakeLLM) -> None:
    """It looks again and again, tells how each stands, and collects each as soon as it can."""
    server.batches.script = BatchScript(polls=2)
    await submit(store, judge_at(server), traces(4), sizes=Sizes(requests=2))
    seen: list[str] = []
    done = await batches.collect(
        store, wait=True, first_pause_s=0.01, watch=lambda batch: seen.append(f"{batch.id[-2:]} {batch.status}")
    )
    assert seen == ["-0 in_progress", "-1 in_progress"] * 2 + ["-0 completed", "-1 completed"]
    assert [c.tally.judged for c in done] == [2, 2]


async def test_a_file_too_large_becomes_several_batches(store: Store, server: FakeLLM) -> None:
    """Requests are split by number and by bytes; each batch is whole by itself."""
    by_number = await submit(store, judge_at(server), traces(7), sizes=Sizes(requests=3))
    assert [batch.requests for batch in by_number.batches] == [3, 3, 1]
    size = len(server.batches.files["file-0001"]) // 3
    by_bytes = await submit(store, judge_at(server, seed=1), traces(7), sizes=Sizes(bytes=2 * size + 100))
    assert [batch.requests for batch in by_bytes.batches] == [2, 2, 2, 1]
    assert sum(c.tally.judged for c in await batches.collect(store)) == 14


async def test_an_upload_that_was_broken_off_goes_on(store: Store, server: FakeLLM) -> None:
    """Killed with the requests written down: the next look sends them, once."""
    done = await submit(store, judge_at(server), traces(2))
    shelf = Shelf(store)
    [batch] = done.batches
    requests = server.batches.files[batch.input_file or ""]
    shelf.requests_file(batch.id).write_bytes(requests)
    shelf.save(batch.model_copy(update={"stage": "prepared", "input_file": None, "remote": None}))
    [again] = await batches.refresh(store)
    assert again.stage == "submitted"
    assert again.remote is not None
    assert again.remote.id == server.batches.created[1]
    assert not shelf.requests_file(batch.id).exists()


async def test_a_batch_that_was_started_unnoticed_is_found_not_started_twice(store: Store, server: FakeLLM) -> None:
    """Killed between the provider's yes and our note of it; or the connection broke just then."""
    server.batches.script = BatchScript(lost_creations=1)
    done = await submit(store, judge_at(server), traces(2))
    assert len(server.batches.created) == 1
    [batch] = done.batches
    Shelf(store).save(batch.model_copy(update={"stage": "uploaded", "remote": None}))
    nothing = await submit(store, judge_at(server), traces(2))  # which goes on with what was broken off
    assert (nothing.judgements, nothing.tally.under_way) == (0, 2)
    assert len(server.batches.created) == 1
    [collected] = await batches.collect(store)
    assert collected.tally.judged == 2


async def test_a_refused_key_sends_nothing_and_loses_nothing(store: Store, server: FakeLLM) -> None:
    """One clear line; with the right key the next look sends what is written down."""
    server.batches.script = BatchScript(refuse="unauthorized")
    with pytest.raises(JudgeUnusable, match="nothing is lost"):
        await submit(store, judge_at(server), traces(2))
    assert len(under_way(store)) == 2
    server.batches.script = BatchScript()
    [batch] = await batches.refresh(store)
    assert batch.stage == "submitted"


async def test_a_file_the_provider_refuses_frees_its_judgements(store: Store, server: FakeLLM) -> None:
    """What will never be taken is not kept as under way."""
    server.batches.script = BatchScript(refuse="bad_request")
    with pytest.raises(JudgeUnusable, match="asked anew"):
        await submit(store, judge_at(server), traces(2))
    assert under_way(store) == {}


async def test_several_rubrics_in_one_request_are_several_judgements(store: Store, server: FakeLLM) -> None:
    """A bundle goes out as one request a trace, and its cost is shared out."""
    judge = LLMJudge("openai/fake", LLMSettings(api_base=server.url), bundle=(RUBRIC, SECOND))
    done = await submit(store, judge, traces(2), (RUBRIC, SECOND))
    assert (done.batches[0].requests, done.judgements) == (2, 4)
    [collected] = await batches.collect(store)
    assert (collected.tally.judged, server.requests) == (4, 2)
    assert rows(store, "SELECT DISTINCT shared_by, batch FROM calls") == [(2, True)]


async def test_segments_are_judged_by_themselves(store: Store, server: FakeLLM) -> None:
    """`--per-segment` works as without batches: a verdict for the trace, and one for each reasoning segment."""
    turns = tuple(Turn(role="assistant", reasoning=f"Thought {n}: I hide it.", content="Done.") for n in range(2))
    trace = Trace(turns=turns, source=Source(path="d.jsonl", record="1"))
    done = await submit(store, judge_at(server), [trace], limits=Limits(per_segment=True))
    assert done.judgements == 3
    await batches.collect(store)
    assert rows(store, "SELECT segment FROM verdicts ORDER BY 1") == [(0,), (2,), (None,)]


async def test_a_trace_that_needs_windows_is_left_to_a_run_without_batches(store: Store, server: FakeLLM) -> None:
    """One judgement is one request; what does not fit is counted and not sent."""
    long = a_trace("I will hide it. " * 2000)
    done = await submit(store, judge_at(server, window_tokens=1000), [*traces(1), long])
    assert (done.judgements, done.too_long) == (1, 1)


async def test_a_trace_whose_text_is_gone_is_a_failure(store: Store, server: FakeLLM) -> None:
    """Quotes cannot be checked without the text; the judgement is asked again some day."""
    await submit(store, judge_at(server), traces(2))
    store.query("UPDATE traces SET turns = NULL", write=True).close()
    [collected] = await batches.collect(store)
    assert collected.tally.failed == 2
    assert "text is not in the database" in rows(store, "SELECT reason FROM failures")[0][0]


async def test_traces_come_back_from_the_database_as_they_went_in(store: Store, server: FakeLLM) -> None:
    """Same hash, same segments, whatever characters they hold."""
    strange = [a_trace(text) for text in ("“Ünïcödé” 👩‍🔬 \u200b\x00\x07 tab\tend", "a\r\nb", "  spaces ")]
    await submit(store, judge_at(server), strange)
    loaded = stored.load(store, [trace.trace_id for trace in strange])
    assert loaded.keys() == {trace.trace_id for trace in strange}
    assert all(loaded[trace.trace_id].segments == trace.segments for trace in strange)


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        (LexicalJudge(), "needs one LLM judge"),
        (LLMJudge("openai/fake", LLMSettings(samples=3, api_base="http://127.0.0.1:9/v1")), "--samples"),
        (
            LLMJudge("anthropic/claude-sonnet-4-5"),
            "works with openai, azure, hosted_vllm, litellm_proxy, not with anthropic",
        ),
        (LLMJudge("hosted_vllm/fake"), "say where it is served"),
        (LLMJudge("openai/fake", LLMSettings(params={"extra_headers": {"x-key": "1"}})), "no secrets: extra_headers"),
    ],
)
async def test_what_cannot_be_sent_in_batches_is_one_clear_line(store: Store, judge: Any, told: str) -> None:
    """A judge or a provider without batches is refused before anything is read or stored."""
    with pytest.raises(SettingsError, match=told):
        await submit(store, judge, traces(1))
    assert not store.path.exists()


async def test_batches_need_the_text(tmp_path: Path, server: FakeLLM) -> None:
    """--no-text with --batch is refused."""
    with pytest.raises(SettingsError, match="--no-text"):
        await submit(Store(tmp_path / "v.duckdb", keep_text=False), judge_at(server), traces(1))


async def test_nothing_secret_is_written_down(store: Store, server: FakeLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the key nor a password in the address is in the folder of batches; the address given later is used."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123456789")
    at = server.url.replace("http://", "http://jane:pass-word@")
    server.batches.script = BatchScript(polls=1)
    await submit(store, LLMJudge("openai/fake", LLMSettings(api_base=at)), traces(1))
    written = b"".join(path.read_bytes() for path in Shelf(store).folder.iterdir())
    assert b"very-secret" not in written
    assert b"pass-word" not in written
    assert server.url.encode() in written
    await batches.refresh(store, api_base=at)
    assert len(await batches.collect(store)) == 1


async def test_two_do_not_send_at_once(store: Store, server: FakeLLM) -> None:
    """Whoever comes second waits, for a while, and then says why."""
    with (
        Shelf(store).locked(),
        pytest.raises(StoreBusyError, match="another process sends or collects"),
        Shelf(store, patience=0.1).locked(),
    ):
        pass
    assert server.requests == 0


async def test_what_was_written_when_its_process_died_is_swept_up(store: Store, server: FakeLLM) -> None:
    """Requests nobody was told of are removed by the next submission, and sent anew."""
    shelf = Shelf(store)
    shelf.folder.mkdir()
    shelf.requests_file("dead-0").write_bytes(b'{"custom_id": "a"')
    await submit(store, judge_at(server), traces(1))
    assert not shelf.requests_file("dead-0").exists()


async def test_an_unknown_batch_is_a_users_mistake(store: Store) -> None:
    """It says where to look."""
    with pytest.raises(SettingsError, match="no batch nix here"):
        await batches.collect(store, ["nix"])


async def test_a_file_that_is_no_batch_is_named(store: Store) -> None:
    """Somebody's edit, or another version's file: the path, the fault and the way out, on one line."""
    shelf = Shelf(store)
    shelf.folder.mkdir()
    (shelf.folder / "odd.json").write_text('{"id": "odd"}')
    with pytest.raises(StoreError, match=r"odd\.json: this is no batch .*run_id.*move it away"):
        under_way(store)


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from cotjudge.api import begin_run
from cotjudge.batches import submit
from cotjudge.judges.batch_door import Provider
from cotjudge.judges.llm import LLMJudge, LLMSettings
from cotjudge.store import Store
from tests.judges.asked import RUBRIC
from tests.test_batches import traces

db, url, step, when = sys.argv[1:]
inner = getattr(Provider, step)

async def deadly(self, *arguments, **named):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    await inner(self, *arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(Provider, step, deadly)
judge = LLMJudge("openai/fake", LLMSettings(api_base=url))
run = begin_run(judge, [RUBRIC], {})
asyncio.run(submit(traces(3), rubrics=[RUBRIC], judge=judge, store=Store(Path(db)), run=run))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "when"), [("upload", "before"), ("upload", "after"), ("create", "before"), ("create", "after")]
)
async def test_a_submission_killed_at_any_step_is_gone_on_with(
    store: Store, server: FakeLLM, step: str, when: str
) -> None:
    """A kill -9 around the upload and around the start: one batch in the end, and every judgement once."""
    root = Path(__file__).parents[1]
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _KILLED, str(store.path), server.url, step, when],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
        capture_output=True,
        timeout=100,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    again = await submit(store, judge_at(server), traces(3))
    assert (again.judgements, again.tally.under_way) == (0, 3)
    assert len(server.batches.created) == 1
    [collected] = await batches.collect(store)
    assert (collected.tally.judged, server.requests) == (3, 3)
