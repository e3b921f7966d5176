"""The OpenAI batch protocol for the fake LLM: files go up, batches run over them, results come down.

    with FakeLLM() as server:
        server.batches.script = BatchScript(polls=2, missing=1)

Every line of a file is answered as the same request would be by itself, so the server's `Script` (its mix of outcomes
included) holds for lines, too: errors land in the error file, the rest, shuffled, in the output file.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from cotjudge.testing.completions import respond
from cotjudge.testing.script import Outcome, Script
from cotjudge.testing.wire import Request, Response
from cotjudge.trace import Value

_PATH = re.compile(r"/(?P<kind>files|batches)(?:/(?P<id>[^/?]+))?(?:/(?P<part>content|cancel))?/?(?:\?.*)?$")
_NAME = re.compile(rb'\bname="([^"]*)"')
_EXPIRED = "This request could not be executed before the completion window expired."
Answer = Callable[[Mapping[str, Any]], Response | None]


class BatchScript(Value):
    """What becomes of batches."""

    polls: Annotated[int, Field(ge=0)] = 0
    """How often the status is asked for before a batch has ended."""
    end: Literal["completed", "expired", "failed"] = "completed"
    """How it ends: all answered; only the first half answered in time; refused at validation."""
    missing: Annotated[int, Field(ge=0)] = 0
    """Lines that are in neither result file."""
    torn: bool = False
    """Whether the output file ends in the middle of a line more."""
    refuse: Outcome | None = None
    """An error that every upload, and everything else about files and batches, is answered with."""
    lost_creations: Annotated[int, Field(ge=0)] = 0
    """Batches that are created although the connection breaks before the client is told."""
    seed: int = 0
    """Another seed, another order of the results."""


@dataclass
class _Batch:
    id: str
    input_file: str
    made_at: int
    metadata: Mapping[str, str]
    endpoint: str
    polls_left: int
    status: str = "validating"
    files: dict[str, str | None] = field(default_factory=lambda: {"output": None, "error": None})
    counts: dict[str, int] = field(default_factory=lambda: {"total": 0, "completed": 0, "failed": 0})
    errors: list[dict[str, str]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.input_file,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.files["output"],
            "error_file_id": self.files["error"],
            "created_at": self.made_at,
            "completed_at": int(time.time()) if self.status == "completed" else None,
            "request_counts": self.counts,
            "metadata": self.metadata,
        }


class Batches:
    """The files and batches of a fake LLM.

    Args:
        answer: answers one request of a batch; None is a broken connection.
    """

    def __init__(self, answer: Answer) -> None:
        self.script = BatchScript()
        self.files: dict[str, bytes] = {}
        """File id -> content, uploads and results."""
        self.created: list[str] = []
        """Ids of the batches created, in order."""
        self._answer = answer
        self._batches: dict[str, _Batch] = {}
        self._lost = 0

    def lines(self, batch_id: str) -> list[dict[str, Any]]:
        """The requests of a batch."""
        return [orjson.loads(line) for line in self.files[self._batches[batch_id].input_file].splitlines()]

    def handles(self, request: Request) -> bool:
        """Whether a request is about files or batches."""
        return _PATH.search(request.target) is not None

    def handle(self, request: Request) -> Response | None:
        """Answer one; None breaks the connection."""
        if self.script.refuse:
            return respond({}, self.script.refuse, Script(), "")
        found = _PATH.search(request.target)
        assert found is not None  # noqa: S101 (asked before)
        kind, id_, part = found["kind"], found["id"], found["part"]
        if kind == "files":
            return self._file(id_, part) if id_ else self._upload(request)
        if id_ is None:
            return self._create(request) if request.method == "POST" else self._listed()
        return self._batch(id_, cancel=part == "cancel")

    def _upload(self, request: Request) -> Response:
        parts = dict(_form(request))
        id_ = f"file-{len(self.files) + 1:04}"
        self.files[id_] = parts[b"file"]
        return _json(self._described(id_, parts.get(b"purpose", b"").decode()))

    def _file(self, id_: str, part: str | None) -> Response:
        if id_ not in self.files:
            return _missing(f"No such File object: {id_}")
        return Response(200, self.files[id_]) if part else _json(self._described(id_, "batch"))

    def _described(self, id_: str, purpose: str) -> dict[str, Any]:
        size = len(self.files[id_])
        made = {"created_at": int(time.time()), "filename": f"{id_}.jsonl", "bytes": size}
        return {"id": id_, "object": "file", "purpose": purpose, "status": "processed", **made}

    def _create(self, request: Request) -> Response | None:
        asked = orjson.loads(request.body)
        if asked["input_file_id"] not in self.files:
            return _missing(f"No such File object: {asked['input_file_id']}")
        batch = _Batch(
            id=f"batch_{len(self.created) + 1:04}",
            input_file=asked["input_file_id"],
            made_at=int(time.time()),
            metadata=asked.get("metadata") or {},
            endpoint=asked["endpoint"],
            polls_left=self.script.polls,
        )
        self._batches[batch.id] = batch
        self.created.append(batch.id)
        if self._lost < self.script.lost_creations:
            self._lost += 1
            return None
        return _json(batch.shown())

    def _listed(self) -> Response:
        data = [batch.shown() for batch in reversed(self._batches.values())]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
        return _json({"object": "list", "data": data, "has_more": False, **ends})

    def _batch(self, id_: str, *, cancel: bool) -> Response:
        batch = self._batches.get(id_)
        if batch is None:
            return _missing(f"No batch found with id '{id_}'.")
        if batch.status in ("validating", "in_progress"):
            if cancel:
                self._run(batch, "cancelled")
            elif batch.polls_left:
                batch.polls_left -= 1
                batch.status = "in_progress"
            else:
                self._run(batch, self.script.end)
        return _json(batch.shown())

    def _run(self, batch: _Batch, end: str) -> None:
        batch.status = end
        lines = [orjson.loads(line) for line in self.files[batch.input_file].splitlines()]
        batch.counts["total"] = len(lines)
        if end == "failed":
            batch.errors.append({"code": "invalid_json_line", "message": "Line 1 is no valid request."})
            return
        in_time = len(lines) if end == "completed" else len(lines) // 2
        output, error = self._answered(lines[:in_time])
        if end == "expired":
            late = {"code": "batch_expired", "message": _EXPIRED}
            error += [_result(line["custom_id"], None, late) for line in lines[in_time:]]
        batch.counts |= {"completed": len(output), "failed": len(error)}
        for _ in range(min(self.script.missing, len(output))):
            output.pop()
        self._keep(batch, "output", output, torn=b'{"id": "batch_req_x", "cust' if self.script.torn else b"")
        self._keep(batch, "error", error)

    def _answered(self, lines: list[dict[str, Any]]) -> tuple[list[bytes], list[bytes]]:
        output: list[bytes] = []
        error: list[bytes] = []
        for line in lines:
            response = self._answer(line["body"])
            if response is None:
                broken = {"code": "server_error", "message": "The request was not executed."}
                error.append(_result(line["custom_id"], None, broken))
            else:
                found = output if response.status == 200 else error
                found.append(_result(line["custom_id"], response, None))
        random.Random(self.script.seed).shuffle(output)  # noqa: S311 (an order, not a secret)
        return output, error

    def _keep(self, batch: _Batch, which: str, lines: list[bytes], torn: bytes = b"") -> None:
        if lines or torn:
            id_ = batch.files[which] = f"file-{len(self.files) + 1:04}-{which}"
            self.files[id_] = b"".join(line + b"\n" for line in lines) + torn


def _form(request: Request) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a multipart form, by name."""
    boundary = request.headers["content-type"].partition("boundary=")[2].strip('"')
    for part in request.body.split(b"--" + boundary.encode())[1:-1]:
        head, _, body = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name:
            yield name[1], body.removesuffix(b"\r\n")


def _result(custom_id: str, response: Response | None, error: Mapping[str, str] | None) -> bytes:
    body = {"status_code": response.status, "body": orjson.loads(response.body)} if response else None
    return orjson.dumps({"id": f"batch_req_{custom_id}", "custom_id": custom_id, "response": body, "error": error})


def _json(body: Any) -> Response:
    return Response(200, orjson.dumps(body))


def _missing(message: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": "id", "code": None}
    return Response(404, orjson.dumps({"error": error}))
