"""litellm's files and batches, for real, against the fake server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cotjudge.errors import JudgeUnusable, SettingsError
from cotjudge.judges.batch_door import PROVIDERS, Provider, without_credentials
from cotjudge.judges.faults import Fault
from cotjudge.testing import FakeLLM, Outcome
from cotjudge.testing.batches import BatchScript

LINE = b'{"custom_id": "a", "body": {"model": "fake", "messages": [{"role": "user", "content": "Hi"}]}}\n'
SPECS = ("openai/fake", "hosted_vllm/fake", "litellm_proxy/fake", "azure/fake")


@pytest.fixture
def server() -> Iterator[FakeLLM]:
    with FakeLLM() as serving:
        yield serving


@pytest.fixture(autouse=True)
def _azure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_API_VERSION", "2024-10-21")
    monkeypatch.setenv("AZURE_API_KEY", "none")


def at(server: FakeLLM, spec: str = SPECS[0]) -> Provider:
    return Provider(spec, api_base=server.url, first_wait_s=0.01)


@pytest.mark.parametrize("spec", SPECS)
async def test_every_provider_takes_a_batch_up_and_gives_it_back(server: FakeLLM, spec: str) -> None:
    """A file goes up, a batch runs over it, and its results come down."""
    provider = at(server, spec)
    assert provider.name in PROVIDERS
    file = await provider.upload("one", LINE)
    assert server.batches.files[file] == LINE
    made = await provider.create(file, "one")
    assert (made.status, made.ended, made.input_file) == ("validating", False, file)
    ended = await provider.retrieve(made.id)
    assert (ended.status, ended.ended, ended.total, ended.completed) == ("completed", True, 1, 1)
    assert ended.output_file
    assert b'"custom_id":"a"' in await provider.content(ended.output_file)


async def test_a_batch_started_before_is_found(server: FakeLLM) -> None:
    """By its file: two batches never run over one."""
    provider = at(server)
    first = await provider.create(await provider.upload("one", LINE), "one")
    other = await provider.create(await provider.upload("two", LINE), "two", broken_off=True)
    assert other.id != first.id
    assert (await provider.create(first.input_file, "one", broken_off=True)).id == first.id
    assert len(server.batches.created) == 2


@pytest.mark.parametrize(
    ("outcome", "treatment"),
    [("unauthorized", "key"), ("forbidden", "access"), ("bad_request", "bad_request"), ("server_error", "passing")],
)
async def test_what_goes_wrong_is_a_fault(server: FakeLLM, outcome: Outcome, treatment: str) -> None:
    """No exception of litellm's leaves the door; passing trouble is tried again first."""
    server.batches.script = BatchScript(refuse=outcome)
    for call in (at(server).upload("one", LINE), at(server).retrieve("batch_1"), at(server).content("file-1")):
        with pytest.raises(Fault) as fault:
            await call
        assert fault.value.treatment == treatment


async def test_a_batch_nobody_knows_is_a_fault_of_its_own(server: FakeLLM) -> None:
    """A 404 is told apart from trouble on the way."""
    with pytest.raises(Fault) as fault:
        await at(server).retrieve("batch_1")
    assert fault.value.treatment == "model"


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "This model's maximum context length is 8192 tokens.", "over_context"),
        (400, "Your request was flagged by our content policy.", "refused"),
        (401, "Incorrect API key provided", "auth"),
        (429, "Rate limit reached", "rate_limited"),
        (500, "The server had an error", "unavailable"),
    ],
)
def test_an_error_line_is_classified_like_an_error(server: FakeLLM, status: int, message: str, kind: str) -> None:
    """The status and the message of a line say what the same call would have raised."""
    assert at(server).fault(status, message).kind == kind


def test_a_provider_without_batches_is_refused() -> None:
    """The line names those with."""
    with pytest.raises(SettingsError, match="openai, azure, hosted_vllm, litellm_proxy, not with anthropic"):
        Provider("anthropic/claude-sonnet-4-5")
    with pytest.raises(JudgeUnusable, match="litellm knows no such provider"):
        Provider("nonsense")


def test_a_server_of_ones_own_is_never_sent_to_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left alone, litellm falls back to OpenAI's address and key: without an address it is refused, and the key stays here."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    with pytest.raises(SettingsError, match="HOSTED_VLLM_API_BASE"):
        Provider("hosted_vllm/fake")
    where: dict[str, Any] = Provider("hosted_vllm/fake", api_base="http://127.0.0.1:9/v1")._where
    assert where["api_base"] == "http://127.0.0.1:9/v1"
    assert where["api_key"] not in ("", None, "sk-openai")


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("http://jane:secret@host:8000/v1?key=abc#x", "http://host:8000/v1"),
        ("https://api.example.com/v1", "https://api.example.com/v1"),
        (None, None),
    ],
)
def test_an_address_is_kept_without_credentials(url: str | None, bare: str | None) -> None:
    """User, password and query stay out of what is written down."""
    assert without_credentials(url) == bare
