"""Providers' prompt caches, log-probabilities, and what must not leave the house."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.judges.asked import RUBRIC, SPECS, a_trace, judge_at

from cotjudge import prompt
from cotjudge.errors import BudgetReached, JudgementFailed, JudgeUnusable, SettingsError
from cotjudge.judges import litellm_door
from cotjudge.judges.litellm_door import Model
from cotjudge.judges.llm import LLMJudge, LLMSettings
from cotjudge.judges.means import Means
from cotjudge.testing import FakeLLM, Script
from cotjudge.testing.wire import Request, Response
from cotjudge.windows import tokens

CLAUDE = "anthropic/claude-sonnet-4-5"
LONG = a_trace("I weigh what to say to the operator. " * 100)


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await litellm_door.aclose()


@pytest.fixture
def claude_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anthropic's client refuses to start without a key."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-not-a-key")


def claude_at(server: FakeLLM, **settings: Any) -> LLMJudge:
    """A judge that speaks Anthropic's own protocol with the server."""
    return judge_at(server, CLAUDE, api_base=server.url.removesuffix("/v1"), **settings)


class Watched(FakeLLM):
    """A server that remembers every path asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_for: list[str] = []

    async def _handle(self, request: Request) -> Response | None:
        self.asked_for.append(request.target)
        return await super()._handle(request)


# --- caches


@pytest.mark.usefixtures("claude_key")
async def test_anthropic_is_told_to_keep_the_trace() -> None:
    """The trace ends with a mark and the rubric follows in a part of its own; cached tokens are recorded."""
    other = RUBRIC.model_copy(update={"title": "Another", "question": "And this?"})
    with FakeLLM(Script(prefix_cache=True)) as server:
        judge = claude_at(server)
        first = await judge.answer(LONG, RUBRIC)
        second = await judge.answer(LONG, other)
        one, two = (request.body["messages"][0]["content"] for request in server.received)
        assert {request.headers["x-api-key"] for request in server.received} == {"sk-ant-not-a-key"}
    assert one[0]["cache_control"] == {"type": "ephemeral"}
    assert one[0] == two[0]
    assert one[0]["text"].endswith(">")
    assert "Another" in two[1]["text"]
    assert "cache_control" not in two[1]
    assert first.usage.cached_tokens == 0
    assert second.usage.cached_tokens > 0.5 * len(one[0]["text"]) / 4
    assert second.usage.input_tokens > second.usage.cached_tokens
    assert first.usage.cost_usd
    assert second.usage.cost_usd
    assert second.usage.cost_usd < first.usage.cost_usd


@pytest.mark.usefixtures("claude_key")
async def test_a_budget_allows_for_the_writing_of_a_cache() -> None:
    """What Anthropic takes for an input token that it keeps is a quarter more, and so is what is held for it."""
    with FakeLLM(Script(first=("rate_limited", "reset", "malformed_json"))) as server:
        base = server.url.removesuffix("/v1")
        judge = LLMJudge(CLAUDE, LLMSettings(api_base=base, first_wait_s=0.01), means=(rich := Means(budget_usd=1)))
        answers = await judge.answer(LONG, RUBRIC)
        asked = judge._question((RUBRIC,), "json_schema").tokens + tokens(prompt.trace_block(LONG))
        budget = 1.01 * (asked * 3e-6 + LLMSettings().max_output_tokens * 15e-6)
        before = server.requests
        with pytest.raises(BudgetReached):
            await LLMJudge(CLAUDE, LLMSettings(api_base=base), means=Means(budget_usd=budget)).answer(LONG, RUBRIC)
        assert server.requests == before
        unmarked = LLMSettings(api_base=base, cache_prefix=False)
        await LLMJudge(CLAUDE, unmarked, means=Means(budget_usd=budget)).answer(LONG, RUBRIC)
    assert [call.outcome for call in answers.ledger] == ["unusable", "used"]
    assert rich.purse.spent_usd == pytest.approx(answers.usage.cost_usd)


@pytest.mark.usefixtures("claude_key")
async def test_a_cache_that_would_not_be_read_is_not_written() -> None:
    """Writing costs a quarter more: none where the user says so, none for a bundle that is asked once."""
    with FakeLLM() as server:
        base = server.url.removesuffix("/v1")
        await claude_at(server, cache_prefix=False).answer(LONG, RUBRIC)
        await LLMJudge(CLAUDE, LLMSettings(api_base=base), bundle=[RUBRIC]).answer(LONG, RUBRIC)
        await LLMJudge(CLAUDE, LLMSettings(api_base=base, samples=2), bundle=[RUBRIC]).answer(LONG, RUBRIC)
        marked = ["cache_control" in json.dumps(request.body) for request in server.received]
    assert marked == [False, False, True, True]


@pytest.mark.parametrize("spec", [*SPECS, "openai/gpt-4o-mini"])
async def test_who_caches_by_itself_is_sent_plain_text(spec: str) -> None:
    """The whole trace is the same beginning of both prompts, as one string."""
    other = RUBRIC.model_copy(update={"title": "Another"})
    with FakeLLM(Script(prefix_cache=True)) as server:
        judge = judge_at(server, spec)
        await judge.answer(LONG, RUBRIC)
        second = await judge.answer(LONG, other)
        one, two = (request.body["messages"][-1]["content"] for request in server.received)
    assert isinstance(one, str)
    shared = one.index(RUBRIC.title)
    assert one[:shared] == two[:shared]
    assert one[:shared].endswith("\n# ")
    assert second.usage.cached_tokens > 500


@pytest.mark.parametrize(
    ("spec", "takes"),
    [
        (CLAUDE, True),
        ("bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0", True),
        ("vertex_ai/claude-sonnet-4-5", True),
        ("openrouter/anthropic/claude-sonnet-4.5", True),
        ("openai/gpt-4o-mini", False),
        ("gemini/gemini-2.5-flash", False),
        ("anthropic/claude-99", False),
        ("openai/fake", False),
    ],
)
def test_marks_go_to_anthropics_models_wherever_they_are_served(spec: str, takes: bool) -> None:  # noqa: FBT001
    """By litellm's table; others cache by themselves, or would stumble over the mark."""
    assert Model(spec, api_base=None, timeout_s=1, params={}).takes_cache_marks is takes


# --- log-probabilities

WEIGHTS = {
    "conceals": {"yes": 0.8, "no": 0.1, "cannot_tell": 0.1},
    "acted": {"yes": 0.3, "no": 0.7},
    "role": {"some": 0.6, "main": 0.4},
}
GIVEN = {"conceals": "yes", "acted": "no", "role": "some", "instructed": "no"}


@pytest.mark.parametrize("spec", SPECS)
async def test_log_probabilities_of_the_answers_become_probabilities(spec: str) -> None:
    """Asked for when set, and read from the tokens of each criterion's answer."""
    with FakeLLM(Script(weights=WEIGHTS, answers=GIVEN)) as server:
        answers = await judge_at(server, spec, logprobs=True).answer(a_trace(), RUBRIC)
        assert server.received[0].body["logprobs"] is True
        assert server.received[0].body["top_logprobs"] == 5
    assert answers.score_kind == "logprobs"
    expected = {"conceals": 0.8 + 0.1 / 2, "acted": 0.3, "instructed": 0.0, "role": 0.4 + 0.6 / 2}
    assert answers.probabilities == pytest.approx(expected)


async def test_a_window_without_log_probabilities_leaves_the_score_to_the_answers() -> None:
    """Probabilities of some windows and not of others would make no score of the trace."""

    class Forgetful(Watched):
        async def _handle(self, request: Request) -> Response | None:
            nth = self.requests  # taken before the answer: windows are asked side by side
            response = await super()._handle(request)
            if response is None or nth != 1:
                return response
            body = json.loads(response.body)
            body["choices"][0]["logprobs"] = None
            return Response(200, json.dumps(body).encode())

    long = a_trace("I weigh what to say. " * 300)
    with Forgetful() as server:
        judge = judge_at(server, logprobs=True, window_tokens=700)
        mixed, whole = await judge.answer(long, RUBRIC), await judge.answer(long, RUBRIC)
    assert mixed.windows == whole.windows > 1
    assert (mixed.score_kind, mixed.probabilities) == ("criteria", {})
    assert (whole.score_kind, set(whole.probabilities)) == ("logprobs", set(RUBRIC.criteria))


async def test_log_probabilities_are_not_asked_for_unless_set() -> None:
    """The default request is as before."""
    with FakeLLM() as server:
        answers = await judge_at(server).answer(a_trace(), RUBRIC)
        assert not {"logprobs", "top_logprobs"} & set(server.received[0].body)
    assert (answers.score_kind, answers.probabilities) == ("criteria", {})


@pytest.mark.usefixtures("claude_key")
async def test_a_model_that_gives_none_is_not_asked_for_them() -> None:
    """The score is then made of the answers, and says so."""
    with FakeLLM() as server:
        answers = await claude_at(server, logprobs=True).answer(a_trace(), RUBRIC)
        assert "logprobs" not in server.received[0].body
    assert answers.score_kind == "criteria"


async def test_a_server_that_refuses_them_is_asked_without() -> None:
    """One refused request, and the judge remembers."""

    class Refusing(Watched):
        async def _handle(self, request: Request) -> Response | None:
            if b'"top_logprobs"' not in request.body:
                return await super()._handle(request)
            self.asked_for.append("refused")
            return Response(400, b'{"error": {"message": "logprobs are not supported", "code": "unsupported"}}')

    with Refusing() as server:
        judge = judge_at(server, logprobs=True)
        for _ in "ab":
            assert (await judge.answer(a_trace(), RUBRIC)).score_kind == "criteria"
        assert server.asked_for.count("refused") == 1


# --- what must not leave the house

SECRET = "zq81-not-like-a-key"  # noqa: S105 (made up)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "HF_TOKEN", "MY_SECRET"])
@pytest.mark.parametrize(
    "said", [f"bad key {SECRET} given", "bad key sk-proj-abcdef123456 given", "Bearer abc.def is no good"]
)
async def test_no_reason_tells_a_secret(monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    """Neither what looks like a key nor the value of a variable that holds one, in a failure or a complaint."""
    monkeypatch.setenv(name, SECRET)
    refusal = json.dumps(f"I'm sorry, {said}")
    with FakeLLM(Script(content=refusal[1:-1])) as server:
        with pytest.raises(JudgementFailed) as failed:
            await judge_at(server, reasks=0).answer(a_trace(), RUBRIC)
        server.script = Script(first=("unauthorized",) * 9)
        with pytest.raises(JudgeUnusable) as unusable:
            await judge_at(server).answer(a_trace(), RUBRIC)
    for text in (failed.value.reason, str(failed.value), str(unusable.value)):
        assert not any(secret in text for secret in (SECRET, "sk-proj-abcdef123456", "abc.def"))
    assert "***" in failed.value.reason


async def test_a_redacted_trace_leaves_without_what_is_private() -> None:
    """Offsets hold: a quote from the masked text is found in the view, at the same place as in the trace."""
    trace = a_trace("I mail anna@example.org from box 12-A, and hide the report from the operator.")
    with FakeLLM() as server:
        judge = judge_at(server, redact=[r"box \d+-[A-Z]"])
        await judge.answer(trace, RUBRIC)
        await judge.answer(judge.view(trace), RUBRIC)
        sent = [request.text for request in server.received]
    assert sent[0] == sent[1]
    assert not any(private in sent[0] for private in ("anna@example.org", "12-A"))
    view = judge.view(trace)
    assert [len(s.text) for s in view.segments] == [len(s.text) for s in trace.segments]
    assert judge.view(view) is view
    assert judge_at(server).view(trace) is trace


def test_a_bad_pattern_is_named() -> None:
    """The mistake is told before anything is asked."""
    with pytest.raises(SettingsError, match=r"\(unclosed"):
        LLMJudge("openai/x", LLMSettings(redact=("(unclosed",)))


CALLBACKS = """
import asyncio, sys
from tests.judges.asked import RUBRIC, a_trace
from cotjudge.judges import litellm_door
from cotjudge.judges.llm import LLMJudge, LLMSettings
async def main():
    judge = LLMJudge("openai/gpt-4o-mini", LLMSettings(api_base=sys.argv[1]))
    for n in range(3):
        await judge.answer(a_trace(f"Trace {n}."), RUBRIC)
    await asyncio.sleep(0.2)
    await judge.aclose()
asyncio.run(main())
litellm = litellm_door.load()
print(litellm.telemetry, litellm.callbacks, litellm.success_callback, litellm.failure_callback)
"""


def test_nobody_else_is_told_whatever_the_environment_says() -> None:
    """Keys of an observability service in the environment send nothing there; telemetry is off."""
    with Watched() as elsewhere, FakeLLM() as server:
        told = elsewhere.url.removesuffix("/v1")
        watchers = {"LANGFUSE_PUBLIC_KEY": "pk-lf-1", "LANGFUSE_SECRET_KEY": "sk-lf-1", "LANGFUSE_HOST": told}
        watchers |= {"OTEL_EXPORTER_OTLP_ENDPOINT": told, "HELICONE_API_KEY": "x", "LITELLM_LOG": "DEBUG"}
        watchers |= {"LANGSMITH_API_KEY": "x", "LANGSMITH_BASE_URL": told, "LANGSMITH_TRACING": "true"}
        done = subprocess.run(
            [sys.executable, "-c", CALLBACKS, server.url],
            check=True, capture_output=True, text=True, timeout=100, env={**os.environ, **watchers},
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "False [] [] []"
        assert "hide the report" not in done.stdout + done.stderr
        assert server.requests == 3
        assert elsewhere.asked_for == []
