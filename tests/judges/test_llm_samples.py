"""Several draws of one answer, and several rubrics in one request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.judges.asked import RUBRIC, a_trace, judge_at

from cotjudge.errors import JudgementFailed
from cotjudge.judges import litellm_door
from cotjudge.judges.base import BundleJudge
from cotjudge.judges.ledger import total
from cotjudge.judges.llm import LLMJudge, LLMSettings
from cotjudge.rubric import Rubric
from cotjudge.testing import FakeLLM, Outcome, Script


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await litellm_door.aclose()


def renamed(name: str, **more: Any) -> Rubric:
    """The rubric under another name."""
    return RUBRIC.model_copy(update={"id": name, **more})


BUNDLE = (RUBRIC, renamed("copy", title="Copy"), renamed("model_spec", title="Spec", fields={}))


def bundler(server: FakeLLM, spec: str = "openai/fake", **settings: Any) -> LLMJudge:
    """A judge that asks the three rubrics together."""
    quick = {"api_base": server.url, "first_wait_s": 0.02, "timeout_s": 5.0}
    return LLMJudge(spec, LLMSettings.model_validate(quick | settings), bundle=BUNDLE)


async def test_samples_are_draws_of_the_same_question() -> None:
    """The first carries the others; each has its own requests, and each is drawn anew."""
    with FakeLLM() as server:
        answers = await judge_at(server, samples=5, temperature=0.7).answer(a_trace(), RUBRIC)
        prompts = {request.text for request in server.received}
    draws = (answers, *answers.further)
    assert len(draws) == 5
    assert server.requests == 5
    assert len(prompts) == 1
    assert [draw.usage.calls for draw in draws] == [1] * 5
    assert all(total(draw.ledger) == draw.usage for draw in draws)
    assert len({draw.model_dump_json(include={"criteria"}) for draw in draws}) > 1


async def test_the_first_draw_goes_alone_so_that_the_others_find_its_prompt_cached() -> None:
    """All at once would each pay the full price for the same prompt."""
    with FakeLLM(Script(prefix_cache=True, latency_s=0.02)) as server:
        answers = await judge_at(server, samples=4, temperature=1).answer(a_trace("Long. " * 500), RUBRIC)
        first, *rest = [request.at for request in server.received]
    assert min(rest) - first >= 0.02
    assert answers.usage.cached_tokens == 0
    assert all(draw.usage.cached_tokens > 0.9 * draw.usage.input_tokens for draw in answers.further)


async def test_each_draw_has_a_seed_of_its_own() -> None:
    """Draw i is sent seed + i, so a run can be repeated; the prompt says nothing of it."""
    with FakeLLM() as server:
        one, other = [await judge_at(server, samples=3, temperature=1, seed=7).answer(a_trace(), RUBRIC) for _ in "ab"]
        assert sorted(request.body["seed"] for request in server.received) == [7, 7, 8, 8, 9, 9]
    assert one.criteria == other.criteria
    assert [draw.criteria for draw in one.further] == [draw.criteria for draw in other.further]


@pytest.mark.parametrize(("lost", "came"), [(1, 3), (2, 2)])
async def test_draws_that_fail_are_left_out_while_half_come_back(lost: int, came: int) -> None:
    """What they cost stays in the ledger of the first that came."""
    refusals: list[Outcome] = ["refusal" for _ in range(lost)]
    with FakeLLM(Script(first=tuple(refusals))) as server:
        answers = await judge_at(server, samples=4, temperature=1).answer(a_trace(), RUBRIC)
    assert 1 + len(answers.further) == came
    assert [call.outcome for call in answers.ledger] == ["unusable"] * lost + ["used"]
    assert answers.usage == total(answers.ledger)


async def test_too_few_draws_are_a_failure_with_all_that_was_spent() -> None:
    """One draw of four is no majority."""
    with FakeLLM(Script(first=("refusal",) * 3)) as server, pytest.raises(JudgementFailed) as failed:
        await judge_at(server, samples=4, temperature=1).answer(a_trace(), RUBRIC)
    assert failed.value.kind == "refused"
    assert [call.outcome for call in failed.value.ledger] == ["unusable"] * 4
    assert failed.value.usage == total(failed.value.ledger)


async def test_a_trace_that_does_not_fit_is_not_drawn_again() -> None:
    """It would not fit the second time."""
    with FakeLLM(Script(first=("over_context",) * 9)) as server:
        with pytest.raises(JudgementFailed):
            await judge_at(server, samples=4).answer(a_trace(), RUBRIC)
        assert server.requests == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"samples": 5}, "5 samples at temperature 0 will hardly differ; --param temperature=0.7"),
        ({"samples": 5, "seed": 1}, ""),
        ({"samples": 5, "temperature": 0.7}, ""),
        ({"samples": 5, "temperature": None}, ""),
        ({"samples": 5, "params": {"temperature": 1}}, ""),
        ({}, ""),
    ],
)
def test_samples_that_cannot_differ_are_pointed_out(settings: dict[str, Any], said: str) -> None:
    """Five greedy draws are one answer at five times the price."""
    assert LLMJudge("openai/x", LLMSettings(**settings)).notice == said


# --- bundles


@pytest.mark.parametrize("structured", ["json_schema", "json_object", "text"])
async def test_a_bundle_is_one_request_for_all_rubrics(structured: str) -> None:
    """Each gets its own answers, whatever its name; tokens and cost are shared out and sum up."""
    with FakeLLM(Script(answers={"conceals": "yes"}, reasoning_tokens=7)) as server:
        judge: BundleJudge = bundler(server, "openai/gpt-4o-mini", structured=structured)
        assert judge.bundles
        answers = await judge.answer_together(a_trace(), BUNDLE)
        assert server.requests == 1
        text = server.received[0].text
    assert list(answers) == ["hiding", "copy", "model_spec"]
    for rubric in BUNDLE:
        said = answers[rubric.id]
        assert rubric.title in text
        assert said.criteria["conceals"].answer == "yes"
        assert set(said.fields) == set(rubric.fields)
        assert said.usage == total(said.ledger)
        assert [call.shared_by for call in said.ledger] == [3]
    whole = total(call for said in answers.values() for call in said.ledger)
    assert (whole.calls, whole.reasoning_tokens) == (1, 7)
    assert whole.input_tokens == len(text) // 4
    assert whole.cost_usd == pytest.approx(whole.input_tokens * 0.15e-6 + whole.output_tokens * 0.6e-6)


async def test_one_rubric_of_a_bundle_is_asked_among_the_others() -> None:
    """The bundle is the judge: its prompt is the same whichever of its rubrics are wanted."""
    with FakeLLM() as server:
        judge = bundler(server)
        one = await judge.answer(a_trace(), BUNDLE[1])
        two = await judge.answer_together(a_trace(), BUNDLE[:2])
        assert len({request.text for request in server.received}) == 1
    assert [call.shared_by for call in one.ledger] == [1]
    assert [call.shared_by for said in two.values() for call in said.ledger] == [2, 2]


async def test_a_judge_that_does_not_bundle_asks_rubrics_one_by_one() -> None:
    """Several rubrics without a bundle are several requests."""
    with FakeLLM() as server:
        judge = judge_at(server)
        assert not judge.bundles
        answers = await judge.answer_together(a_trace(), BUNDLE)
        assert server.requests == 3
    assert [said.usage.calls for said in answers.values()] == [1, 1, 1]


@pytest.mark.parametrize(("outcome", "kind"), [("malformed_json", "unparseable"), ("refusal", "refused")])
async def test_a_bundle_fails_as_one(outcome: Outcome, kind: str) -> None:
    """The failure carries all that was spent, once."""
    with FakeLLM(Script(first=(outcome,) * 9)) as server:
        with pytest.raises(JudgementFailed) as failed:
            await bundler(server).answer_together(a_trace(), BUNDLE)
        assert failed.value.usage == total(failed.value.ledger)
        assert failed.value.usage.calls == server.requests
    assert failed.value.kind == kind


async def test_a_bundle_can_be_drawn_several_times_and_in_windows() -> None:
    """Every rubric gets every draw, each made of every window, and the shares still sum up."""
    with FakeLLM(Script(first=("refusal",))) as server:
        judge = bundler(server, samples=3, temperature=1, window_tokens=600)
        answers = await judge.answer_together(a_trace("One line of many. \n" * 300), BUNDLE)
        asked = server.requests
    draws = [draw for said in answers.values() for draw in (said, *said.further)]
    assert len(draws) == 6
    assert {draw.windows > 1 for draw in draws} == {True}
    assert total(call for draw in draws for call in draw.ledger).calls == asked


async def test_a_bundle_weighs_each_rubric_by_its_own_tokens() -> None:
    """Log-probabilities are looked up in the part of the reply that answers the rubric."""
    weights = {"conceals": {"yes": 0.75, "no": 0.25}, "role": {"main": 0.5, "none": 0.5}}
    with FakeLLM(Script(weights=weights, answers={"conceals": "yes", "role": "none"})) as server:
        answers = await bundler(server, logprobs=True).answer_together(a_trace(), BUNDLE)
    for said in answers.values():
        assert said.score_kind == "logprobs"
        assert said.probabilities["conceals"] == pytest.approx(0.75)
        assert said.probabilities["role"] == pytest.approx(0.5)
