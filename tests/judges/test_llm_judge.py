"""What the LLM judge is before it is asked anything: its identity, its settings, its imports."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from tests.judges.asked import RUBRIC, a_trace

from cotjudge import prompt
from cotjudge.errors import JudgeUnusable, SettingsError
from cotjudge.judges import litellm_door
from cotjudge.judges.base import Judge
from cotjudge.judges.llm import LLMJudge, LLMSettings
from cotjudge.judges.llm_settings import RESERVED
from cotjudge.rubric import Example


def test_it_is_a_judge() -> None:
    """LLMJudge implements the port, and names itself as the user did."""
    judge: Judge = LLMJudge("openai/gpt-5-mini")
    assert judge.spec == "openai/gpt-5-mini"
    assert judge.notice == ""
    assert judge.prompt_version == prompt.version()
    assert judge.rubric_hash(RUBRIC) == RUBRIC.question_hash


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.7},
        {"temperature": None},
        {"seed": 1},
        {"structured": "json_object"},
        {"params": {"reasoning_effort": "low"}},
        {"samples": 3},
        {"shots": 2},
        {"logprobs": True},
        {"window_tokens": 5000},
        {"window_tokens": 0},
        {"redact": ()},
        {"redact": ("x",)},
    ],
)
def test_what_can_change_an_answer_changes_the_identity(settings: dict[str, Any]) -> None:
    """The judgement key sees the model and every parameter the model sees."""
    plain = LLMJudge("openai/x").identity
    assert LLMJudge("openai/x", LLMSettings(**settings)).identity != plain
    assert LLMJudge("openai/y").identity != plain


@pytest.mark.parametrize(
    "settings",
    [
        {"api_base": "http://127.0.0.1:1/v1"},
        {"timeout_s": 1},
        {"retries": 0},
        {"reasks": 0},
        {"max_output_tokens": 10},
        {"first_wait_s": 0, "longest_wait_s": 0},
        {"price": (1, 2)},
        {"cache_prefix": False},
        {"samples": 1, "shots": 0, "logprobs": False, "window_tokens": None, "redact": None},
        {"params": {"extra_headers": {"Authorization": "Bearer sk-secret"}, "user": "me", "metadata": {}}},
    ],
)
def test_what_cannot_change_an_answer_leaves_the_identity_alone(settings: dict[str, Any]) -> None:
    """Serving the same model elsewhere, or waiting longer for it, asks nothing anew."""
    assert LLMJudge("openai/x", LLMSettings(**settings)).identity == LLMJudge("openai/x").identity


def test_the_identity_of_a_plain_judge_is_what_it_was() -> None:
    """Verdicts stored before there were samples, shots or windows stay valid: new settings show only when set."""
    assert LLMJudge("openai/x").identity == {
        "judge": "llm",
        "model": "openai/x",
        "temperature": 0.0,
        "seed": None,
        "structured": "auto",
        "params": {},
    }


def test_a_bundle_is_a_judge_of_its_own() -> None:
    """Its rubrics and their order are part of its identity, and its prompt has a version of its own."""
    other = RUBRIC.model_copy(update={"id": "other", "question": "And?"})
    judges = [LLMJudge("openai/x", bundle=b) for b in ((), (RUBRIC,), (RUBRIC, other), (other, RUBRIC))]
    assert len({str(judge.identity) for judge in judges}) == 4
    assert judges[1].identity["bundle"] == [RUBRIC.question_hash]
    assert judges[1].prompt_version != judges[0].prompt_version


def test_examples_count_only_where_they_are_shown() -> None:
    """With shots, the worked examples shown are part of the rubric's hash, and their templates of the version."""
    plain, shown = LLMJudge("openai/x"), LLMJudge("openai/x", LLMSettings(shots=1))
    example = {"title": "t", "reasoning": "r", "label": "present", "answers": {"conceals": "yes"}, "why": "w"}
    other = RUBRIC.model_copy(update={"examples": (Example.model_validate(example),)})
    assert plain.rubric_hash(RUBRIC) == plain.rubric_hash(other) == RUBRIC.question_hash
    assert shown.rubric_hash(RUBRIC) != shown.rubric_hash(other)
    assert shown.prompt_version != plain.prompt_version


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_parameter_that_is_the_judges_own_business_is_refused(name: str) -> None:
    """Keys come from the environment, and nobody swaps the messages or slips in a callback."""
    with pytest.raises(SettingsError, match=rf"params: {name} cannot be set here"):
        LLMJudge("openai/x", LLMSettings(params={name: "x"}))


async def test_a_model_without_a_provider_is_one_clear_line(capfd: pytest.CaptureFixture[str]) -> None:
    """Litellm's list of providers and its call for feedback stay unprinted."""
    with pytest.raises(JudgeUnusable, match="nonesuch: litellm knows no such provider; write PROVIDER/MODEL"):
        await LLMJudge("nonesuch").answer(a_trace(), RUBRIC)
    assert capfd.readouterr() == ("", "")


async def test_a_missing_key_is_one_clear_line_that_names_it() -> None:
    """Without a key nothing is sent, and the message says what to set."""
    with pytest.raises(JudgeUnusable, match=r"^openai/gpt-5-mini: the key is missing or refused; set OPENAI_API_KEY "):
        await LLMJudge("openai/gpt-5-mini").answer(a_trace(), RUBRIC)


def test_litellm_keeps_to_itself() -> None:
    """No callbacks, no feedback banner, no look at the network for prices."""
    litellm = litellm_door.load()
    assert litellm.suppress_debug_info is True
    assert not any((litellm.callbacks, litellm.success_callback, litellm.failure_callback, litellm.input_callback))
    assert not any((litellm._async_success_callback, litellm._async_failure_callback))


def test_litellm_still_has_the_switch_that_spares_its_logging() -> None:
    """The context variable is not documented; when it goes, calls cost a sixth more and this test says so."""
    litellm_door.load()
    assert litellm_door._internal_call() is not None


IMPORTS = (
    "import sys, cotjudge.judges.llm, cotjudge.testing; print(*{'litellm', 'instructor', 'openai'} & {*sys.modules})"
)
WITHOUT = """
import sys, asyncio
sys.modules[{missing!r}] = None
from cotjudge.judges.llm import LLMJudge
from cotjudge.errors import SettingsError
try:
    LLMJudge("openai/x").warm()
except SettingsError as error:
    print(error)
"""


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_importing_the_judge_imports_no_library() -> None:
    """Litellm and instructor come when the first question does."""
    assert _python(IMPORTS) == ""


@pytest.mark.parametrize("missing", ["litellm", "instructor"])
def test_without_the_extra_the_error_names_the_install_command(missing: str) -> None:
    """Asking for an LLM judge without the extra is a setting to mend."""
    assert _python(WITHOUT.format(missing=missing)) == (
        "an LLM judge needs litellm and instructor: pip install 'cotjudge[llm]'"
    )


AT_EXIT = """
import duckdb
from cotjudge.judges import litellm_door
duckdb.connect().execute("SELECT 1").fetchall()
litellm_door.load()
"""


def test_nothing_is_said_at_the_end() -> None:
    """What is done to spare the garbage collector is undone before DuckDB looks for leaks."""
    done = subprocess.run([sys.executable, "-c", AT_EXIT], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")
