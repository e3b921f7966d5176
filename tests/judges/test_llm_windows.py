"""Traces that are too long for the model, judged in windows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from tests.judges.asked import RUBRIC, a_trace, judge_at

from cotjudge import evidence
from cotjudge.errors import BudgetReached, JudgementFailed, JudgeUnusable
from cotjudge.judges import litellm_door
from cotjudge.judges.ledger import total
from cotjudge.judges.litellm_door import Model
from cotjudge.judges.llm import LLMJudge, LLMSettings
from cotjudge.judges.means import Means
from cotjudge.judges.sitting import Window
from cotjudge.testing import FakeLLM, Script
from cotjudge.testing.wire import Request, Response
from cotjudge.trace import Trace

BEGIN = re.compile(r"<trace-\w+>\n(.*?)\n</trace-", re.DOTALL)


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await litellm_door.aclose()


class SmallLLM(FakeLLM):
    """A server whose model has little context: a trace of more characters than that is refused."""

    def __init__(self, characters: int, script: Script | None = None) -> None:
        super().__init__(script)
        self._characters = characters
        self.refused = 0

    async def _complete(self, request: Request) -> Response | None:
        messages = orjson.loads(request.body)["messages"]
        found = BEGIN.search(str(messages[-1]["content"]))
        if found and len(found[1]) > self._characters:
            self.refused += 1
            problem = {"message": "maximum context length exceeded", "code": "context_length_exceeded"}
            return Response(400, orjson.dumps({"error": {**problem, "type": "invalid_request_error", "param": None}}))
        return await super()._complete(request)


def long_trace(lines: int = 1000) -> Trace:
    """A trace of about 20 characters a line."""
    return a_trace("\n".join(f"Line {n} of my thoughts." for n in range(lines)))


async def test_a_trace_longer_than_the_window_is_judged_in_windows() -> None:
    """All of it is seen, the quotes stand in the original, and the requests add up."""
    trace = long_trace()
    with FakeLLM(Script(answers={"conceals": "yes"})) as server:
        answers = await judge_at(server, window_tokens=2000).answer(trace, RUBRIC)
        asked = server.requests
        text = "\n".join(request.text for request in server.received)
    assert answers.windows == asked > 2
    assert all(f"Line {n} of my thoughts." in text for n in range(1000))
    assert answers.usage.calls == asked
    assert answers.usage == total(answers.ledger)
    assert answers.criteria["conceals"].answer == "yes"
    checked = evidence.check(trace, RUBRIC, answers)
    assert all(e.verified for e in checked.evidence if e.criterion == "conceals")


async def test_a_trace_that_fits_is_judged_whole() -> None:
    """One window, one request."""
    with FakeLLM() as server:
        answers = await judge_at(server, window_tokens=50_000).answer(long_trace(), RUBRIC)
        assert server.requests == 1
    assert answers.windows == 1


async def test_a_context_that_proves_too_small_is_learned_for_the_run() -> None:
    """Halved until the windows fit; the next trace is cut at once, and a short one is not cut at all."""
    with SmallLLM(12_000) as server:
        judge = judge_at(server)
        first = await judge.answer(long_trace(), RUBRIC)
        refused = server.refused
        second = await judge.answer(long_trace(1100), RUBRIC)
        short = await judge.answer(a_trace(), RUBRIC)
    assert first.windows > 1
    assert 1 <= refused <= 3
    assert server.refused == refused
    assert second.windows > 1
    assert short.windows == 1


async def test_a_refusal_of_the_length_that_no_window_helps_is_a_failure_and_teaches_nothing() -> None:
    """Windows are not made smaller than 500 tokens; and a provider's hiccup does not cut the traces to come."""
    with SmallLLM(100) as server:
        judge = judge_at(server)
        with pytest.raises(JudgementFailed) as failed:
            await judge.answer(long_trace(), RUBRIC)
        assert 3 <= server.refused <= 6
        server._characters = 10**9
        later = await judge.answer(long_trace(), RUBRIC)
    assert failed.value.kind == "over_context"
    assert later.windows == 1


async def test_a_user_who_wants_no_windows_gets_none() -> None:
    """`window_tokens=0` never cuts: what does not fit is a failure."""
    with SmallLLM(12_000) as server:
        with pytest.raises(JudgementFailed) as failed:
            await judge_at(server, window_tokens=0).answer(long_trace(), RUBRIC)
        assert server.refused == 1
    assert failed.value.kind == "over_context"


async def test_a_window_that_fails_fails_the_judgement_with_all_that_was_spent() -> None:
    """A trace half judged has no verdict; what the other windows cost is kept."""
    with FakeLLM(Script(first=("ok", "refusal"))) as server:
        with pytest.raises(JudgementFailed) as failed:
            await judge_at(server, window_tokens=2000).answer(long_trace(), RUBRIC)
        asked = server.requests
    assert failed.value.kind == "refused"
    assert [call.outcome for call in failed.value.ledger] == ["unusable"] * asked
    assert failed.value.usage == total(failed.value.ledger)


async def test_a_judge_that_proves_unusable_between_windows_ends_the_run() -> None:
    """A key that is refused for the second window is refused for all."""
    with FakeLLM(Script(first=("ok",), mix={"unauthorized": 1.0})) as server, pytest.raises(JudgeUnusable, match="key"):
        await judge_at(server, window_tokens=2000).answer(long_trace(), RUBRIC)


async def test_a_budget_reached_between_windows_tells_what_the_others_cost() -> None:
    """Nothing that was paid for is lost, and nothing is half a verdict."""
    with FakeLLM() as server:
        settings = LLMSettings(api_base=server.url, window_tokens=2000, price=(1, 1), max_output_tokens=1500)
        means = Means(budget_usd=0.012)
        with pytest.raises(BudgetReached) as reached:
            await LLMJudge("openai/fake", settings, means=means).answer(long_trace(), RUBRIC)
        assert reached.value.usage is not None
        assert reached.value.usage.calls == len(reached.value.ledger) == server.requests >= 1
    assert {call.outcome for call in reached.value.ledger} == {"unusable"}
    assert means.purse.spent_usd == pytest.approx(reached.value.usage.cost_usd)


def a_model(spec: str, **params: Any) -> Model:
    """A model as litellm's table has it."""
    return Model(spec, api_base=None, timeout_s=1, params=params)


@pytest.mark.parametrize(
    ("spec", "answer", "set_to", "limit"),
    [
        ("openai/gpt-4o-mini", 8_192, None, int((128_000 - 8_192 - 1000) * 0.9)),
        ("openai/gpt-4o-mini", 90_000, None, int((128_000 - 16_384 - 1000) * 0.9)),
        ("openai/fake", 8_192, None, None),
        ("openai/gpt-4o-mini", 8_192, 700, 700),
        ("openai/gpt-4o-mini", 8_192, 0, None),
    ],
)
def test_the_window_is_what_the_model_has_room_for(
    spec: str, answer: int, set_to: int | None, limit: int | None
) -> None:
    """Its context by litellm's table, less the rest of the prompt and the answer; or what the user says."""
    window = Window(a_model(spec, max_tokens=answer), set_to)
    assert window.limit(1000) == limit


def test_what_was_learned_holds_beside_what_is_known() -> None:
    """The smallest limit counts, and a larger one learned later changes nothing."""
    window = Window(a_model("openai/fake"), None)
    window.learn(4000)
    window.learn(9000)
    assert window.limit(1000) == 4000
