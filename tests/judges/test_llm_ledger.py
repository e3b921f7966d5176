"""What the LLM judge writes down of its requests, and how it keeps within its means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.judges.asked import RUBRIC, SPECS, a_trace, judge_at

from cotjudge.errors import BudgetReached, JudgementFailed, JudgeUnusable
from cotjudge.judges import litellm_door
from cotjudge.judges.ledger import charge, shares, total, wasted
from cotjudge.judges.llm import LLMJudge, LLMSettings
from cotjudge.judges.means import Means
from cotjudge.testing import FakeLLM, Outcome, Script
from cotjudge.testing.wire import Request, Response
from cotjudge.verdict import Call, Usage

PRICED = "openai/gpt-4o-mini"


def a_call(**spent: Any) -> Call:
    """A request that was answered."""
    usage = Usage.model_validate({"calls": 1, "input_tokens": 10, "output_tokens": 5} | spent)
    return Call(model="m", outcome="used", usage=usage, latency_s=1, created_at=datetime.now(UTC))


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await litellm_door.aclose()


@pytest.mark.parametrize("spec", SPECS)
async def test_every_answered_request_is_written_down(spec: str) -> None:
    """Model, outcome, tokens, seconds and time of each; the usage is their sum."""
    before = datetime.now(UTC)
    with FakeLLM(Script(first=("malformed_json", "rate_limited", "ok"), latency_s=0.01)) as server:
        answers = await judge_at(server, spec).answer(a_trace(), RUBRIC)
    assert [call.outcome for call in answers.ledger] == ["unusable", "used"]
    assert {call.model for call in answers.ledger} == {spec}
    assert all(call.latency_s >= 0.01 and before <= call.created_at <= datetime.now(UTC) for call in answers.ledger)
    assert all(call.usage.input_tokens and call.usage.output_tokens for call in answers.ledger)
    assert total(answers.ledger) == answers.usage


@pytest.mark.parametrize(
    ("outcomes", "calls"),
    [
        (("malformed_json",) * 3, 3),
        (("wrong_schema", "refusal"), 2),
        (("empty", "over_context"), 1),
        (("malformed_json", "bad_request"), 1),
        (("server_error",) * 6, 0),
    ],
)
async def test_a_failure_names_what_was_spent_on_it(outcomes: tuple[Outcome, ...], calls: int) -> None:
    """Answers that could not be used were paid for all the same, whatever ended the judgement."""
    with FakeLLM(Script(first=outcomes)) as server, pytest.raises(JudgementFailed) as failed:
        await judge_at(server, PRICED, first_wait_s=0.001).answer(a_trace(), RUBRIC)
    assert [call.outcome for call in failed.value.ledger] == ["unusable"] * calls
    assert failed.value.usage == total(failed.value.ledger)
    assert failed.value.usage.calls == calls


async def test_a_shape_that_the_provider_refuses_midway_loses_no_call() -> None:
    """What was asked before the judge went over to a laxer format stays in the ledger."""

    class Changing(FakeLLM):
        async def _handle(self, request: Request) -> Response | None:
            response = await super()._handle(request)
            self.script = Script(formats=("json_object",))
            return response

    with Changing(Script(first=("malformed_json",))) as server:
        answers = await judge_at(server).answer(a_trace(), RUBRIC)
    assert [call.outcome for call in answers.ledger] == ["unusable", "used"]


ANSWERED: tuple[Outcome, ...] = (
    "ok",
    "malformed_json",
    "wrong_schema",
    "empty",
    "refusal",
    "refusal_text",
    "content_filter",
    "truncated",
)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"samples": 3, "temperature": 1},
        {"window_tokens": 600},
        {"window_tokens": 600, "samples": 3, "temperature": 1},
    ],
)
@pytest.mark.parametrize("together", [False, True])
async def test_no_answered_request_is_lost_whatever_happens(
    settings: dict[str, Any],
    together: bool,  # noqa: FBT001
) -> None:
    """Under every trouble at once: what the ledgers hold together is what the server answered, no more and no less."""
    troubles: tuple[Outcome, ...] = (*ANSWERED[1:], "rate_limited", "server_error", "over_context", "reset")
    script = Script(mix=dict.fromkeys(troubles, 0.06), retry_after_s=0.001)
    other = RUBRIC.model_copy(update={"id": "other", "title": "Other"})
    asked = (RUBRIC, other)
    quick = {"timeout_s": 5.0, "first_wait_s": 0.001, "retries": 2, "reasks": 1}

    with FakeLLM(script) as server:
        # litellm's own client: OpenAI's tries a broken connection again by itself
        where = LLMSettings.model_validate(quick | settings | {"api_base": server.url})
        judge = LLMJudge("hosted_vllm/fake", where, bundle=asked if together else ())

        async def spent(number: int) -> tuple[Call, ...]:
            try:
                answers = await judge.answer_together(a_trace(f"I am number {number}. " * 120), asked[: 1 + together])
            except JudgementFailed as failed:
                return failed.ledger
            draws = [draw for said in answers.values() for draw in (said, *said.further)]
            assert all(draw.usage == total(draw.ledger) for draw in draws)
            return tuple(call for draw in draws for call in draw.ledger)

        ledgers = await asyncio.gather(*map(spent, range(40)))
        answered = sum(server.outcomes[outcome] for outcome in ANSWERED)
    usage = total(call for ledger in ledgers for call in ledger)
    assert usage.calls == answered > 40
    assert {call.outcome for ledger in ledgers for call in ledger} == {"used", "unusable"}


async def test_a_budget_ends_the_judgement_before_the_call_that_could_pass_it() -> None:
    """What the judgement had spent already goes along, and the call is not made."""
    with FakeLLM(Script(first=("malformed_json",) * 9)) as server:
        means = Means(budget_usd=0.0015)  # at a dollar for a million output tokens, what 1,500 of them cost
        settings = LLMSettings(api_base=server.url, price=(0, 1), max_output_tokens=1500)
        judge = LLMJudge("openai/fake", settings, means=means)
        with pytest.raises(BudgetReached, match="budget of") as reached:
            await judge.answer(a_trace(), RUBRIC)
        assert server.requests == 1
    assert [call.outcome for call in reached.value.ledger] == ["unusable"]
    assert means.purse.spent_usd == pytest.approx(reached.value.usage.cost_usd if reached.value.usage else None)
    assert means.purse.held_usd == 0


async def test_a_call_without_an_answer_gives_its_money_back() -> None:
    """An error costs nothing, and holds nothing for ever."""
    means = Means(budget_usd=1)
    with FakeLLM(Script(first=("server_error", "rate_limited"))) as server:
        judge = LLMJudge(PRICED, LLMSettings(api_base=server.url, first_wait_s=0.01), means=means)
        answers = await judge.answer(a_trace(), RUBRIC)
    assert means.purse.held_usd == 0
    assert means.purse.spent_usd == pytest.approx(answers.usage.cost_usd)


async def test_a_budget_without_a_price_is_named_with_its_fix() -> None:
    """A budget that nothing could be held against is refused before anything is sent."""
    with FakeLLM() as server:
        judge = LLMJudge("openai/fake", LLMSettings(api_base=server.url), means=Means(budget_usd=1))
        with pytest.raises(JudgeUnusable, match=r"^openai/fake: a budget needs a price.*--param price=\[IN,OUT\]"):
            await judge.answer(a_trace(), RUBRIC)
        assert server.requests == 0


async def test_a_price_of_ones_own_makes_the_cost_known() -> None:
    """US dollars for a million input and output tokens, for a model the table does not know, or has at another price."""
    means = Means(budget_usd=1)
    with FakeLLM() as server:
        for spec in ("openai/fake", PRICED):
            judge = LLMJudge(spec, LLMSettings(api_base=server.url, price=(2, 10)), means=means)
            usage = (await judge.answer(a_trace(spec), RUBRIC)).usage
            assert usage.cost_usd == pytest.approx((2 * usage.input_tokens + 10 * usage.output_tokens) / 1e6)


async def test_calls_of_one_model_share_its_pace() -> None:
    """No more are under way at once than the means allow, whichever judge asks."""
    means = Means(concurrency=2)
    with FakeLLM(Script(latency_s=0.05)) as server:
        judges = [LLMJudge("openai/fake", LLMSettings(api_base=server.url), means=means) for _ in range(2)]
        await asyncio.gather(*(judges[n % 2].answer(a_trace(f"Trace {n}."), RUBRIC) for n in range(6)))
        times = sorted(request.at for request in server.received)
    assert [later - sooner >= 0.04 for sooner, later in zip(times, times[2:], strict=False)] == [True] * 4


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_of_a_request_sum_up_to_it(count: int) -> None:
    """Tokens divide without a rest, one share counts as the call, and each says with how many it is shared."""
    ledger = (a_call(input_tokens=100, cached_tokens=5, cost_usd=0.01), a_call(cost_usd=None))
    parts = shares(ledger, count)
    assert len(parts) == count
    for nth, whole in enumerate(ledger):
        usage = total(part[nth] for part in parts)
        assert usage.model_copy(update={"cost_usd": None}) == whole.usage.model_copy(update={"cost_usd": None})
        assert usage.cost_usd == (whole.usage.cost_usd and pytest.approx(whole.usage.cost_usd))
        assert [part[nth].usage.calls for part in parts] == [1] + [0] * (count - 1)
        assert {part[nth].shared_by for part in parts} == {count}


async def test_what_is_charged_is_added_and_what_is_wasted_is_unusable() -> None:
    """Requests of an attempt that was given up count, and say that nothing came of them."""
    with FakeLLM() as server:
        answers = await judge_at(server).answer(a_trace(), RUBRIC)
    lost = wasted((a_call(),))
    charged = charge(answers, lost)
    assert [call.outcome for call in charged.ledger] == ["unusable", "used"]
    assert charged.usage.calls == 2
    assert charge(answers, ()) is answers
