"""The result files of a batch: one line a request, in any order, by the names we gave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from cotjudge.judges.batch_door import Provider, Remote
from cotjudge.judges.batch_judge import Reply

_UNANSWERED = {
    "completed": "the provider's results hold no line for this request",
    "expired": "the batch expired before this request was answered",
    "cancelled": "the batch was cancelled before this request was answered",
}
_STATUS = {"batch_expired": 503, "rate_limit_exceeded": 429, "token_limit_exceeded": 429}


async def replies(provider: Provider, remote: Remote) -> dict[str, Reply]:
    """What came of each request: its name -> its reply. One that is in neither file is left out.

    Raises:
        Fault: the provider does not give its files.
    """
    found: dict[str, Reply] = {}
    for file in (remote.error_file, remote.output_file):  # an answer goes before an error
        if file is not None:
            found.update(_read(await provider.content(file), remote.seconds))
    return found


def unanswered(remote: Remote) -> Reply:
    """What came of a request that is in neither file."""
    why = remote.problem and f"the provider refused the batch: {remote.problem}"
    return Reply(503, problem=why or _UNANSWERED.get(remote.status, _UNANSWERED["completed"]))


def _read(content: bytes, seconds: float) -> Iterator[tuple[str, Reply]]:
    for raw in content.splitlines():
        try:
            line = orjson.loads(raw)
        except orjson.JSONDecodeError:  # torn on the way: as if it were not there
            continue
        if isinstance(line, dict) and isinstance(line.get("custom_id"), str):
            yield line["custom_id"], _reply(line, seconds)


def _reply(line: Mapping[str, Any], seconds: float) -> Reply:
    response = line.get("response")
    body = response.get("body") if isinstance(response, dict) else None
    status = response.get("status_code") if isinstance(response, dict) else None
    if status == 200 and isinstance(body, dict):
        return Reply(200, body=body, seconds=seconds)
    error = line.get("error") or (body.get("error") if isinstance(body, dict) else None)
    error = error if isinstance(error, dict) else {"message": str(error or "the provider gave no answer")}
    known = _STATUS.get(str(error.get("code")), 500)
    message = str(error.get("message") or error.get("code"))
    return Reply(status if isinstance(status, int) else known, problem=message, seconds=seconds)
