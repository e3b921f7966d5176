"""A fake LLM that is a real server: loopback HTTP, OpenAI chat completions, scripted outcomes.

    with FakeLLM(Script(first=("rate_limited",))) as server:
        judge = LLMJudge("openai/fake", LLMSettings(api_base=server.url))

`GET /stats` tells what was asked, `GET /prompts` the last prompts. Files and batches are in `testing.batches`.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import orjson

from cotjudge.testing.anthropic import as_completion, as_message
from cotjudge.testing.batches import Batches
from cotjudge.testing.completions import prompt_text, respond
from cotjudge.testing.decisions import decide, decision_text, is_decision
from cotjudge.testing.prefixes import PrefixCache
from cotjudge.testing.script import Outcome, Script
from cotjudge.testing.wire import Connection, Request, Response
from cotjudge.trace import Value

HOST = "127.0.0.1"


class Received(Value):
    """One request the server got."""

    at: float
    """When, on the monotonic clock."""
    outcome: Outcome
    """What became of it."""
    body: dict[str, Any]
    """The request's JSON."""
    headers: dict[str, str]
    """Its headers, names in lower case."""

    @property
    def text(self) -> str:
        """All text of its messages, or of a decision's input and questions."""
        return decision_text(self.body) if is_decision(self.body) else prompt_text(self.body)


class FakeLLM:
    """The server; a context manager that serves from a thread of its own.

    Args:
        script: what to do with requests; may be exchanged while it serves.
        port: 0 takes a free one.
        keep: how many of the last requests are remembered in `received`.
    """

    def __init__(self, script: Script | None = None, *, port: int = 0, keep: int = 1000) -> None:
        self.script = script or Script()
        self.received: deque[Received] = deque(maxlen=keep)
        self.outcomes: Counter[Outcome] = Counter()
        self.batches = Batches(self._answer_line)
        self._asked: Counter[str] = Counter()
        self._cache = PrefixCache()
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="fake-llm", daemon=True)

    @property
    def url(self) -> str:
        """What litellm calls api_base."""
        return f"http://{HOST}:{self._port}/v1"

    @property
    def requests(self) -> int:
        """How many completions were asked for so far."""
        return self.outcomes.total()

    @property
    def stats(self) -> dict[str, Any]:
        """Requests, how they ended, how many different prompts there were, and how often the commonest came."""
        most = max(self._asked.values(), default=0)
        return {
            "requests": self.requests,
            "outcomes": dict(self.outcomes),
            "distinct_prompts": len(self._asked),
            "most_asked": most,
        }

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fake LLM did not start")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._loop and self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def wait(self) -> None:
        """Serve for as long as the process lives."""
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        open_ones: set[Connection] = set()
        server = await self._loop.create_server(
            lambda: Connection(self._handle, open_ones), HOST, self._port, backlog=1024
        )
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for connection in list(open_ones):
            connection.close()
        await asyncio.sleep(0)  # transports let go of their sockets in the next turn of the loop

    async def _handle(self, request: Request) -> Response | None:
        if self.batches.handles(request):
            return self.batches.handle(request)
        match request.method, request.target.rstrip("/").rpartition("/")[2]:
            case "POST", "completions" | "decisions" | "systemone":
                return await self._complete(request)
            case "POST", "messages":
                return as_message(await self._complete(request))
            case "GET", "stats":
                return Response(200, orjson.dumps(self.stats))
            case "GET", "prompts":
                return Response(200, orjson.dumps([r.text for r in self.received]))
        return Response(404, b'{"error": {"message": "no such path", "type": "invalid_request_error"}}')

    async def _complete(self, request: Request) -> Response | None:
        script = self.script
        body = orjson.loads(request.body)
        outcome, seed = self._receive(body, dict(request.headers))
        await asyncio.sleep(script.latency_s + (script.slow_s if outcome == "slow" else 0))
        if is_decision(body):
            return decide(body, outcome, script, seed)
        return respond(as_completion(body), outcome, script, seed, self._cache)

    def _answer_line(self, body: Mapping[str, Any]) -> Response | None:
        """Answer a request that came in a batch."""
        outcome, seed = self._receive(dict(body), {})
        return respond(body, outcome, self.script, seed)

    def _receive(self, body: dict[str, Any], headers: dict[str, str]) -> tuple[Outcome, str]:
        """Decide how a request ends and from what its answer is drawn, and remember it."""
        asked = decision_text(body) if is_decision(body) else body["messages"]
        prompt_hash = hashlib.blake2b(orjson.dumps(asked), digest_size=16).hexdigest()
        before = self._asked[prompt_hash]
        outcome = self.script.outcome(arrival=self.requests, prompt_hash=prompt_hash, asked_before=before)
        self._asked[prompt_hash] += 1
        self.outcomes[outcome] += 1
        self.received.append(Received(at=time.monotonic(), outcome=outcome, body=body, headers=headers))
        drawn_anew = f"/{body.get('seed', before)}" if body.get("temperature") else ""
        return outcome, prompt_hash + drawn_anew
