"""Keys stay where they are: what a run leaves behind, prints, sends as text or raises never holds one."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.cli.command import Cli, Done
from tests.judges.asked import RUBRIC, a_trace

from cotjudge.errors import JudgementFailed, JudgeUnusable
from cotjudge.judges import litellm_door
from cotjudge.judges.llm import LLMJudge, LLMSettings
from cotjudge.testing import FakeLLM, Script

pytestmark = pytest.mark.slow

KEY = "sk-secret-0123456789abcdefghijklmnop"
HEADER_KEY = "hdr-secret-9876543210zyxwvutsrqponm"
SECRETS = (KEY, HEADER_KEY, KEY[3:], HEADER_KEY[4:])
HEADERS = f'extra_headers={{"X-Api-Key": "{HEADER_KEY}"}}'


class _Echo(BaseHTTPRequestHandler):
    """A careless provider: every reply is an error that repeats the headers it was sent."""

    status = 400

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        told = f"refused: Authorization: {self.headers['Authorization']}, X-Api-Key: {self.headers['X-Api-Key']}"
        body = orjson.dumps({"error": {"message": told, "type": "invalid_request_error", "code": "invalid_value"}})
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def echoing(status: int) -> Iterator[str]:
    """The careless provider's address."""
    handler = type("Echo", (_Echo,), {"status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join(10)


def found_in(data: bytes | str) -> list[str]:
    raw = data.encode() if isinstance(data, str) else data
    return [secret for secret in SECRETS if secret.encode() in raw]


def assert_left_nothing(folder: Path, done: Done) -> None:
    """No file under the folder and no output holds a secret."""
    assert not found_in(done.out)
    assert not found_in(done.err)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".duckdb" for path in files)
    for path in files:
        assert not found_in(path.read_bytes()), path


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = Cli(tmp_path)
    made.environment["OPENAI_API_KEY"] = KEY
    return made


@pytest.mark.parametrize(("status", "code"), [(400, 1), (401, 2), (403, 2), (500, 1)])
def test_a_provider_that_repeats_a_key_spreads_it_nowhere(status: int, code: int, cli: Cli) -> None:
    """Its message is kept as a failure's reason, or shown as an error, without the key."""
    with echoing(status) as url:
        done = cli(
            "score", cli.dump(), "--judge", "openai/fake", "--api-base", url, "--param", HEADERS,
            "--param", "retries=0", "--db", "v.duckdb", "--json",
        )  # fmt: skip
    assert done.code == code, done.err
    assert_left_nothing(cli.folder, done)
    shown = cli("sql", "--db", "v.duckdb", "SELECT * FROM runs; ")
    assert not found_in(shown.out + shown.err)


def test_a_run_that_goes_well_keeps_no_key(cli: Cli) -> None:
    """Neither in the run's arguments, nor in the judge's identity, nor in the prompts; the headers alone carry it."""
    with FakeLLM() as server:
        done = cli(
            "score", cli.dump(), "--judge", "openai/fake", "--api-base", server.url, "--param", HEADERS,
            "--db", "v.duckdb",
        )  # fmt: skip
        assert done.code == 0, done.err
        received = list(server.received)
    assert_left_nothing(cli.folder, done)
    assert len(received) == 9
    for request in received:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["x-api-key"] == HEADER_KEY
        assert not found_in(request.text)
        assert not found_in(orjson.dumps(request.body))


def test_a_killed_runs_journal_keeps_no_key(cli: Cli) -> None:
    """What is on the disk before anything is merged is as clean as the database."""
    with FakeLLM(Script(latency_s=0.05)) as server:
        process = cli.start(
            "score", cli.dump(count=400), "--judge", "openai/fake", "--api-base", server.url, "--param", HEADERS,
            "--db", "v.duckdb", "--concurrency", "2",
        )  # fmt: skip
        try:
            while server.requests < 20 and process.poll() is None:
                threading.Event().wait(0.02)
        finally:
            process.kill()
            out, err = process.communicate()
    assert server.requests >= 20
    left = [path for path in cli.folder.rglob("*") if path.is_file()]
    assert any("journal" in str(path) for path in left)
    assert_left_nothing(cli.folder, Done(process.returncode, out.decode(), err.decode()))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
async def test_no_exception_and_no_log_line_holds_a_key(
    status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither its text nor its arguments; and nothing is logged by us or by the libraries."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    settings = {"retries": 0, "timeout_s": 5.0, "params": {"extra_headers": {"X-Api-Key": HEADER_KEY}}}
    with echoing(status) as url:
        judge = LLMJudge("openai/fake", LLMSettings.model_validate({"api_base": url, **settings}))
        with pytest.raises((JudgementFailed, JudgeUnusable)) as raised:
            await judge.answer(a_trace(), RUBRIC)
    await litellm_door.aclose()
    await asyncio.sleep(0)
    assert not found_in(f"{raised.value!r} {raised.value} {raised.value.__dict__}")
    assert not found_in(f"{judge.identity} {judge.spec}")
    assert not found_in("\n".join(r.getMessage() for r in caplog.records if r.name.startswith("cotjudge")))
