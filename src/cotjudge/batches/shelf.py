"""The shelf: what is known here of the batches that were sent out, in a folder beside the database.

`<db>.batches/<id>.json` says all that collecting needs; it is put in place whole, before and after each step at the
provider, so that a process killed at any point leaves a batch that the next command can go on with. `<id>.requests`
holds the requests until the provider has them. No key and no password is in either.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import Field, ValidationError

from cotjudge.errors import StoreBusyError, StoreError
from cotjudge.judges.batch_door import Remote
from cotjudge.store import Store
from cotjudge.trace import Value

if sys.platform != "win32":
    import fcntl

PATIENCE_S = 30.0
_PAUSE_S = 0.2

Stage = Literal["prepared", "uploaded", "submitted", "collected", "refused", "dropped"]
"""How far a batch has come: written here; sent as a file; started; its answers are in the database; or it will never
be: the provider did not take it, or it was given up."""

OPEN: frozenset[Stage] = frozenset({"prepared", "uploaded", "submitted"})
"""Stages in which a batch's judgements are under way."""


class Asked(Value):
    """One request of a batch, and what it is to settle."""

    trace_id: str
    """The trace."""
    segment: int | None = None
    """The one segment of it that is judged by itself."""
    keys: dict[str, str]
    """Rubric id -> judgement key; several for a bundle."""


class Batch(Value):
    """One batch."""

    id: str
    """Its name here, and its request file's."""
    stage: Stage = "prepared"
    """How far it has come."""
    run_id: str
    """The run that sent it."""
    submitted_at: datetime
    """When it was written (UTC)."""
    judge: str
    """The judge as the user named it."""
    settings: dict[str, Any]
    """Its settings; no key is among them, and where it is served stands there without a password."""
    judge_identity: dict[str, Any]
    """Everything about the judge that can change its answers."""
    judge_hash: str
    """The judge's share in the judgement keys."""
    prompt_version: str
    """The prompt's."""
    rubrics: dict[str, dict[str, Any]]
    """Rubric id -> the rubric in full, as it was asked, in the order of a bundle."""
    rubric_hashes: dict[str, str]
    """Rubric id -> the rubric's share in the judgement keys."""
    bundle: bool = False
    """Whether one request asks all rubrics."""
    provider: str
    """The provider, as litellm names it."""
    judgements: int
    """Judgements it is to settle."""
    requests: int
    """Requests it is made of."""
    asked: dict[str, Asked] = Field(default_factory=dict)
    """Name of a request -> what it asks; empty once that is settled."""
    input_file: str | None = None
    """The provider's id of the file of requests."""
    remote: Remote | None = None
    """The batch as its provider last described it."""
    judged: int = 0
    """Judgements made of it."""
    failed: int = 0
    """Judgements that could not be had."""
    cost_usd: float | None = None
    """US dollars; None until it is collected, or where the price is not known."""

    @property
    def open(self) -> bool:
        """Whether its judgements are under way."""
        return self.stage in OPEN

    @property
    def status(self) -> str:
        """Its stage, or how it stands with its provider."""
        return self.remote.status if self.stage == "submitted" and self.remote else self.stage

    @property
    def collect_run(self) -> str:
        """Id of the run that collects it: always the same, so that doing it twice is doing it once."""
        return f"{self.id}-collect"


class Shelf:
    """The batches of one database.

    Args:
        store: the database.
        patience: seconds to wait for another process that sends or collects.
    """

    def __init__(self, store: Store, *, patience: float = PATIENCE_S) -> None:
        self.folder = store.path.with_name(store.path.name + ".batches")
        self._patience = patience

    def batches(self) -> list[Batch]:
        """All of them, oldest first.

        Raises:
            StoreError: a file among them cannot be read.
        """
        found = [self._load(path) for path in sorted(self.folder.glob("*.json"))]
        return sorted(found, key=lambda batch: (batch.submitted_at, batch.id))

    def _load(self, path: Path) -> Batch:
        try:
            return Batch.model_validate_json(path.read_bytes())
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise StoreError(
                f"{path}: this is no batch of this version of cotjudge ({where}: {first['msg']}); "
                "move it away, and its judgements will be asked anew"
            ) from None

    def save(self, batch: Batch) -> Batch:
        """Keep a batch as it stands now; on disk when this returns."""
        raw = orjson.dumps(batch.model_dump(mode="json"), option=orjson.OPT_APPEND_NEWLINE)
        path = self.folder / f"{batch.id}.json"
        draft = path.with_suffix(".new")
        try:
            with draft.open("wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror}") from error
        if not batch.open or batch.remote:
            self.requests_file(batch.id).unlink(missing_ok=True)
        return batch

    def requests_file(self, batch_id: str) -> Path:
        """Where a batch's requests wait for being sent."""
        return self.folder / f"{batch_id}.requests"

    def sweep(self) -> None:
        """Remove what was being written when its process died: nobody was told of it yet."""
        for path in (*self.folder.glob("*.requests"), *self.folder.glob("*.new")):
            if not path.with_suffix(".json").exists() or path.suffix == ".new":
                path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else sends or collects meanwhile.

        Raises:
            StoreBusyError: somebody does, and did not end in time.
            StoreError: the folder cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be made: {error.strerror}") from error
        try:
            self._wait_for(lock)
            yield
        finally:
            os.close(lock)

    def _wait_for(self, lock: int) -> None:
        deadline = time.monotonic() + self._patience
        while not _taken(lock):
            if time.monotonic() > deadline:
                raise StoreBusyError(f"{self.folder}: another process sends or collects batches; wait until it ends")
            time.sleep(_PAUSE_S)


def _taken(lock: int) -> bool:
    if sys.platform == "win32":
        return True
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def under_way(store: Store) -> dict[str, str]:
    """Judgement keys that an open batch is to settle -> the batch's name.

    Raises:
        StoreError: the folder of batches cannot be read.
    """
    return {
        key: batch.id
        for batch in Shelf(store).batches()
        if batch.open
        for asked in batch.asked.values()
        for key in asked.keys.values()
    }
