"""What a dry run says judging would cost."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from tests.judges.asked import RUBRIC

from cotjudge import prompt
from cotjudge.estimate import COUNTED_FIRST, THINKING_TOKENS, Estimate, Estimator
from cotjudge.judges import pricing
from cotjudge.judges.llm_settings import LLMSettings
from cotjudge.rubric import Rubric
from cotjudge.trace import Source, Trace, Turn

PRICED = "openai/gpt-4o-mini"
UNPRICED = "openai/fake"
VOCABULARY = (
    "I",
    "should",
    "not",
    "tell",
    "them",
    "that",
    "the",
    "report",
    "was",
    "changed,",
    "because",
    "17",
    "files.",
)
OTHER = RUBRIC.model_copy(update={"id": "other", "title": "Another one"})

_connections: list[Any] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo"):
        _connections.append(arguments)


sys.addaudithook(_note)


def a_trace(words: int = 40, seed: int = 1) -> Trace:
    dice = random.Random(seed)  # noqa: S311 (no secret)
    text = " ".join(dice.choices(VOCABULARY, k=words))
    turns = (
        Turn(role="user", content="Send the report."),
        Turn(role="assistant", reasoning=text, reasoning_kind="full", content="Done."),
    )
    return Trace(turns=turns, source=Source(path="dump.jsonl", record=str(seed)))


def a_trace_of(reasoning: str) -> Trace:
    turn = Turn(role="assistant", reasoning=reasoning, reasoning_kind="full")
    return Trace(turns=(turn,), source=Source(path="dump.jsonl", record="1"))


def estimated(
    traces: Sequence[Trace],
    rubrics: Sequence[Rubric] = (RUBRIC,),
    *,
    model: str = PRICED,
    seen: float | None = None,
    bundle: Sequence[Rubric] = (),
    how: dict[str, Any] | None = None,
    **settings: Any,
) -> Estimate:
    estimator = Estimator(model, LLMSettings.model_validate(settings), bundle, seen, **(how or {}))
    for trace in traces:
        estimator.add(trace, rubrics)
    return estimator.result()


def counted(traces: Sequence[Trace], rubric: Rubric = RUBRIC) -> int:
    """Tokens of what would really be sent, without the answer's schema."""
    total = 0
    for trace in traces:
        sent = prompt.messages(prompt.trace_block(trace), prompt.rubric_block(rubric))
        total += sum(pricing.count(message["content"]) for message in sent)
    return total


# --- input


def test_the_prompts_tokens_are_those_that_would_be_sent() -> None:
    """For a few traces every token is counted: the prompt's, and the schema of the answer."""
    traces = [a_trace(words, words) for words in (10, 100, 1000)]
    schema = estimated([a_trace()]).input_tokens - counted([a_trace()])
    assert 0 < schema < 2500
    assert estimated(traces).input_tokens == pytest.approx(counted(traces) + 3 * schema, rel=0.02)


def test_many_traces_go_by_their_length() -> None:
    """Of a thousand traces two hundred and a few are counted; the sum is within two per cent of the truth."""
    traces = [a_trace(random.Random(seed).randint(5, 400), seed) for seed in range(1000)]  # noqa: S311 (no secret)
    estimate = estimated(traces)
    schema = estimated([a_trace()]).input_tokens - counted([a_trace()])
    assert estimate.input_tokens - 1000 * schema == pytest.approx(counted(traces), rel=0.02)
    assert f"from {COUNTED_FIRST + 8} of 1,000 traces" in estimate.basis


def test_text_that_is_dear_in_tokens_is_estimated_dear() -> None:
    """The ratio of tokens to characters is found in the traces, not assumed."""
    plain = estimated([a_trace()])
    reasoning = "報告書は変更された。" * 20
    dear = estimated([a_trace_of(reasoning)])
    assert dear.input_tokens > plain.input_tokens + 100


def test_a_huge_trace_is_not_tokenised_whole() -> None:
    """Its first 50,000 characters tell the ratio."""
    start, end = (
        estimated([a_trace_of(text)], window_tokens=0).input_tokens
        for text in ("a b " * 50_000, "a b " * 13_000 + "報" * 148_000)
    )
    assert end == start


@pytest.mark.parametrize(
    "model", ["hosted_vllm/meta-llama/Llama-3-8b", "command-r-plus", "replicate/meta/llama-2-70b-chat"]
)
def test_no_tokenizer_is_downloaded(model: str) -> None:
    """Some models' tokenizers litellm would fetch from the network; the one it ships counts for all."""
    del _connections[:]
    assert estimated([a_trace()], model=model).input_tokens == estimated([a_trace()]).input_tokens
    assert _connections == []


# --- calls


def test_every_rubric_is_a_call() -> None:
    """Two rubrics for three traces: six judgements, six calls."""
    estimate = estimated([a_trace(seed=n) for n in range(3)], (RUBRIC, OTHER))
    assert (estimate.judgements, estimate.calls) == (6, 6)


def test_a_bundle_is_one_call_for_all_its_rubrics() -> None:
    """The trace is sent once; the answer is as long as all answers together."""
    apart = estimated([a_trace(2000)], (RUBRIC, OTHER), seen=100)
    together = estimated([a_trace(2000)], (RUBRIC, OTHER), bundle=(RUBRIC, OTHER), seen=100)
    assert (together.judgements, together.calls) == (2, 1)
    assert together.input_tokens < 0.75 * apart.input_tokens
    assert together.output_tokens == apart.output_tokens == 200


def test_a_bundle_is_asked_whole_even_where_one_verdict_is_missing() -> None:
    """The judge asks all its rubrics together or not at all."""
    whole = estimated([a_trace()], (RUBRIC, OTHER), bundle=(RUBRIC, OTHER))
    partly = estimated([a_trace()], (OTHER,), bundle=(RUBRIC, OTHER))
    assert (partly.calls, partly.input_tokens, partly.judgements) == (1, whole.input_tokens, 1)


def test_samples_multiply_everything_but_judgements() -> None:
    """Five draws are five calls, and five times the tokens."""
    once, five = estimated([a_trace()]), estimated([a_trace()], samples=5)
    assert (five.judgements, five.calls) == (1, 5)
    assert five.input_tokens == pytest.approx(5 * once.input_tokens, abs=5)
    assert five.output_tokens == 5 * once.output_tokens


def test_windows_are_calls_of_their_own() -> None:
    """A trace cut in three is asked about three times; the rubric is sent with each window, the trace once."""
    trace = a_trace(3000)
    (_, reasoning, _) = trace.segments
    third = len(reasoning.text) // 3
    pieces = [reasoning.text[n * third : (n + 1) * third] for n in range(3)]
    windows = [trace.excerpt([reasoning.model_copy(update={"text": piece})]) for piece in pieces]
    whole = estimated([trace])
    cut = estimated([trace], how={"cut": lambda *_: windows})
    rubric = estimated([a_trace(0)]).input_tokens
    assert cut.calls == 3
    assert cut.input_tokens == pytest.approx(whole.input_tokens + 2 * rubric, rel=0.05)


@pytest.mark.parametrize(
    ("window_tokens", "model", "calls"), [(None, PRICED, 1), (None, "openai/gpt-4", 2), (0, PRICED, 1)]
)
def test_the_models_context_decides_how_often_a_trace_is_asked_about(
    window_tokens: int | None, model: str, calls: int
) -> None:
    """By litellm's table, less the room for the answer; 0 never cuts."""
    trace = a_trace(2_000)
    estimate = estimated([trace], model=model, window_tokens=window_tokens)
    assert estimate.calls == calls


def test_the_users_own_window_decides() -> None:
    """A smaller window means more calls."""
    many, few = (estimated([a_trace(3_000)], window_tokens=size).calls for size in (1_000, 3_000))
    assert many > few > 1


def test_a_passage_by_itself_costs_what_it_is_long() -> None:
    """With --per-segment an excerpt is asked about, and only it counts."""
    trace = a_trace(3000)
    assert estimated([trace.excerpt(trace.segments[:1])]).input_tokens < estimated([trace]).input_tokens / 2


def test_worked_examples_are_paid_for() -> None:
    """--shots makes every prompt longer."""
    example = {
        "title": "Hidden",
        "reasoning": "I will keep it from them.",
        "label": "present",
        "answers": {"conceals": "yes"},
        "why": "It says so.",
    }
    raw = RUBRIC.model_dump(mode="json") | {"examples": [example]}
    rubric = Rubric.model_validate(raw)
    plain, shown = estimated([a_trace()], (rubric,)), estimated([a_trace()], (rubric,), shots=1)
    assert shown.input_tokens > plain.input_tokens + 20


def test_nothing_to_ask_costs_nothing() -> None:
    """A trace whose verdicts are all there does not count."""
    estimate = estimated([a_trace()], ())
    assert estimate.model_dump(exclude={"basis"}) == {
        "judgements": 0,
        "calls": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": 0.0,
        "price_known": True,
    }


# --- output


def test_earlier_answers_tell_how_long_answers_are() -> None:
    """Where the store knows, nothing is assumed."""
    estimate = estimated([a_trace()], seen=321.5)
    assert estimate.output_tokens == 322
    assert "as in earlier answers (322 a call)" in estimate.basis


def test_without_earlier_answers_the_length_is_assumed_from_the_rubric() -> None:
    """A longer rubric has longer answers, and the estimate says that it is an assumption."""
    short = RUBRIC.model_copy(update={"criteria": dict(list(RUBRIC.criteria.items())[:1]), "fields": {}})
    assert estimated([a_trace()], (short,)).output_tokens < estimated([a_trace()]).output_tokens
    assert "assumed" in estimated([a_trace()]).basis


def test_no_answer_is_longer_than_there_is_room() -> None:
    """max_output_tokens bounds what is assumed and what was seen."""
    assert estimated([a_trace()], max_output_tokens=50).output_tokens == 50
    assert estimated([a_trace()], seen=9999, max_output_tokens=50).output_tokens == 50


@pytest.mark.parametrize(
    ("model", "params", "thinks"),
    [
        ("openai/gpt-5-mini", {}, True),
        ("openai/gpt-5-mini", {"reasoning_effort": "minimal"}, False),
        ("anthropic/claude-sonnet-4-5", {}, False),
        ("anthropic/claude-sonnet-4-5", {"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        (PRICED, {}, False),
        (UNPRICED, {}, False),
        (UNPRICED, {"reasoning_effort": "high"}, True),
    ],
)
def test_a_model_that_reasons_is_expected_to(model: str, params: dict[str, Any], *, thinks: bool) -> None:
    """Reasoning is billed as output: it is assumed for models that do it unasked, and for those told to."""
    plain = estimated([a_trace()], model=PRICED).output_tokens
    assert estimated([a_trace()], model=model, params=params).output_tokens == plain + THINKING_TOKENS * thinks


# --- price


def test_the_price_is_by_litellms_table() -> None:
    """Tokens times what the table says, in and out."""
    import litellm

    entry = litellm.model_cost["gpt-4o-mini"]
    estimate = estimated([a_trace()])
    assert estimate.price_known
    assert estimate.cost_usd == pytest.approx(
        estimate.input_tokens * entry["input_cost_per_token"] + estimate.output_tokens * entry["output_cost_per_token"]
    )


def test_a_model_without_a_price_is_of_unknown_price_not_free() -> None:
    """Calls and tokens are told, the price is None."""
    estimate = estimated([a_trace()], model=UNPRICED)
    assert (estimate.calls, estimate.cost_usd, estimate.price_known) == (1, None, False)


def test_a_price_that_the_user_names_counts() -> None:
    """It goes before the table's, and stands in where the table has none."""
    for model in (PRICED, UNPRICED):
        estimate = estimated([a_trace()], model=model, price=(2.0, 10.0))
        assert estimate.cost_usd == pytest.approx(estimate.input_tokens * 2e-6 + estimate.output_tokens * 1e-5)


def test_a_batch_is_half_the_price() -> None:
    """By the table's own price for batches where it has one, by half where the price is the user's."""
    for price in (None, (2.0, 10.0)):
        full, half = (estimated([a_trace()], how={"batch": batch}, price=price).cost_usd for batch in (False, True))
        assert full is not None
        assert half == pytest.approx(full / 2)


def test_estimates_add_up() -> None:
    """A panel costs what its members cost together; one unknown price makes the sum unknown."""
    known, unknown = estimated([a_trace()]), estimated([a_trace()], model=UNPRICED)
    assert known.cost_usd is not None
    twice, mixed = known + known, known + unknown
    assert (twice.calls, twice.cost_usd, twice.basis) == (2, 2 * known.cost_usd, known.basis)
    assert (mixed.calls, mixed.cost_usd, mixed.price_known) == (2, None, False)


def test_the_room_in_a_model_is_by_litellms_table() -> None:
    """Its context less a whole answer, which is no longer than the model can give; None where the table is silent."""
    assert pricing.room(PRICED, 8_192) == 128_000 - 8_192
    assert pricing.room("openai/gpt-4", 100_000) == 8_192 - 4_096
    assert pricing.room(UNPRICED, 8_192) is None
