"""The fake LLM: a real server that does what its script says."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.judges.asked import RUBRIC, a_trace, judge_at

from cotjudge.answer import reply_model
from cotjudge.errors import JudgementFailed
from cotjudge.judges import litellm_door
from cotjudge.testing import OUTCOMES, FakeLLM, Script, ScriptedJudge
from cotjudge.testing.completions import respond
from cotjudge.testing.inventing import find_schema, invent


def ask(url: str, text: str = "hello", **body: Any) -> dict[str, Any]:
    """One completion, without any library."""
    body |= {"model": "fake", "messages": [{"role": "user", "content": text}]}
    answer: dict[str, Any] = httpx.post(f"{url}/chat/completions", json=body, timeout=10).json()
    return answer


def get(url: str, path: str) -> Any:
    """One of the server's own pages."""
    return httpx.get(url.removesuffix("/v1") + path, timeout=10).json()


def test_it_counts_and_remembers_what_it_was_asked() -> None:
    """Requests, their outcomes and their prompts can be read while it serves."""
    with FakeLLM(keep=2) as server:
        for text in ("a", "b", "b"):
            ask(server.url, text)
        stats = get(server.url, "/stats")
        prompts = get(server.url, "/prompts")
    assert stats == {"requests": 3, "outcomes": {"ok": 3}, "distinct_prompts": 2, "most_asked": 2}
    assert prompts == ["b", "b"]


def test_a_mix_is_drawn_from_the_prompt_and_the_try_not_from_the_order() -> None:
    """The same prompts end alike in any order, and a retry draws anew."""
    script = Script(mix={"server_error": 0.3, "malformed_json": 0.2}, seed=3)
    draws = {
        (text, before): script.outcome(arrival=9, prompt_hash=text, asked_before=before)
        for text in map(str, range(500))
        for before in (0, 1)
    }
    shares = [sum(o == outcome for o in draws.values()) / 1000 for outcome in ("server_error", "malformed_json", "ok")]
    assert shares == pytest.approx([0.3, 0.2, 0.5], abs=0.05)
    assert any(draws[text, 0] != draws[text, 1] for text, _ in draws)


def test_every_outcome_has_a_response() -> None:
    """No outcome of the list is forgotten; only reset breaks the connection."""
    request = {"model": "fake", "messages": [{"role": "user", "content": "hello"}]}
    silent = [outcome for outcome in OUTCOMES if respond(request, outcome, Script(), "seed") is None]
    assert silent == ["reset"]


def test_an_invented_reply_satisfies_the_schema_and_is_the_same_every_time() -> None:
    """Answers are valid by construction and deterministic in the seed."""
    model = reply_model(RUBRIC)
    schema = model.model_json_schema()
    replies = [invent(schema, "text", seed=str(seed), answers={"conceals": "yes"}) for seed in (*range(50), 0)]
    for reply in replies:
        parsed = model.model_validate(reply)
        assert parsed.model_dump()["criteria"]["conceals"]["answer"] == "yes"
    assert replies[0] == replies[-1]
    assert len({json.dumps(reply) for reply in replies}) > 40


def test_a_request_without_a_schema_gets_an_empty_object() -> None:
    """Nothing asked for, nothing invented."""
    assert invent(find_schema({}, "no schema here"), "", seed="", answers={}) == {}


def test_it_runs_as_a_process_of_its_own() -> None:
    """It prints its URL and serves many at a time until it is killed."""
    command = [sys.executable, "-m", "cotjudge.testing.fake_llm", "--latency", "0.01", "--mix", "empty=1.0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda text: ask(url, text), map(str, range(40))))
        assert get(url, "/stats")["outcomes"] == {"empty": 40}
        process.terminate()
    assert {answer["choices"][0]["message"]["content"] for answer in answers} == {""}


async def test_a_mixed_bag_of_outcomes_loses_nothing_and_never_becomes_an_answer() -> None:
    """Under every trouble at once each judgement ends either in answers or in a failure with a kind."""
    mix = dict.fromkeys(("malformed_json", "rate_limited", "server_error", "refusal", "truncated"), 0.12)
    kinds: dict[str, int] = {}
    with FakeLLM(Script.model_validate({"mix": mix, "retry_after_s": 0.001})) as server:
        judge = judge_at(server, "hosted_vllm/fake", first_wait_s=0.001)
        for index in range(60):
            try:
                answers = await judge.answer(a_trace(f"Trace {index}."), RUBRIC)
                kind = "ok" if set(answers.criteria) == set(RUBRIC.criteria) else "odd"
            except JudgementFailed as failed:
                kind = failed.kind
            kinds[kind] = kinds.get(kind, 0) + 1
        await litellm_door.aclose()
    assert kinds["ok"] > 20
    assert {"ok", "refused", "truncated"} <= set(kinds) <= {"ok", "refused", "truncated", "unparseable"}


async def test_a_scripted_judge_says_what_it_was_given() -> None:
    """One reply for all, one per rubric or a function; an exception as a reply is raised."""
    trace = a_trace()
    answers = await ScriptedJudge().answer(trace, RUBRIC)
    assert {a.answer for a in answers.criteria.values()} == {"no", "none"}
    judge = ScriptedJudge({"hiding": JudgementFailed("refused", "no")})
    with pytest.raises(JudgementFailed):
        await judge.answer(trace, RUBRIC)
    assert judge.asked == [(trace.trace_id, "hiding")]
    assert await ScriptedJudge(lambda _trace, _rubric: answers).answer(trace, RUBRIC) is answers
    await judge.aclose()
    assert judge.closed


def test_filters_of_warnings_that_are_reset_after_the_import_lose_no_reply() -> None:
    """Pytest resets them for each test, and ours are errors: what litellm silences at import must not come back."""
    code = (
        "import warnings\n"
        "from cotjudge.judges.litellm_door import load\n"
        "with warnings.catch_warnings():\n    litellm = load()\n"
        "warnings.simplefilter('error')\n"
        "litellm.ModelResponse(choices=[litellm.Choices(message=litellm.Message(content='x'))])\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
