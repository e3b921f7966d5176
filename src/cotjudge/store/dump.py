"""A dump of which every judgement is there: what a plan would count in it, and how to tell that this still holds."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from pydantic import Field

from cotjudge.trace import Value

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

SEPARATOR = "!/"
"""What stands between an archive and its member in `sources.path`."""


class Found(NamedTuple):
    """What is known of a judgement that exists."""

    label: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Holding:
    """The verdicts of one run, told in two numbers: while they stay the same, none was deleted."""

    verdicts: int = 0
    """How many."""
    checksum: int = 0
    """Sum of `key_number`."""

    def __add__(self, other: Holding) -> Holding:
        """Both together."""
        return Holding(self.verdicts + other.verdicts, self.checksum + other.checksum)

    @classmethod
    def of(cls, key: str) -> Holding:
        """One verdict."""
        digest = hashlib.md5(key.encode(), usedforsecurity=False).digest()
        return cls(1, int.from_bytes(digest[8:12], "little"))


class Judged(NamedTuple):
    """The judgements that exist by one judge and some rubrics."""

    verdicts: dict[str, Found | None]
    """By judgement key."""
    runs: dict[str, Holding]
    """Run -> all that it holds of them."""


class DumpName(Value):
    """Everything that can change what a plan counts in a file, but for what is judged already."""

    path: str
    """The file as the user named it."""
    content_hash: str
    """Hash of its bytes."""
    reading: str
    """Hash of how it is read."""
    asked: str
    """Hash of what is asked."""

    @cached_property
    def key(self) -> str:
        """32 hex digits over all of it."""
        told = [self.path, self.content_hash, self.reading, self.asked]
        return hashlib.blake2b("\0".join(told).encode("utf-8", "replace"), digest_size=16).hexdigest()


class JudgedDump(Value):
    """A file of which every judgement asked for was there when a run ended."""

    name: DumpName
    """Which file, read how, asked what."""
    judge: str
    """The judge as the user named it."""
    traces: int = 0
    """Traces that could be judged."""
    no_reasoning: int = 0
    """Traces that hold nothing a rubric judges."""
    skipped_records: int = 0
    """Records that no trace could be read from."""
    judgements: int = 0
    """Judgements wanted."""
    sources: int = 0
    """Places that its traces were found at."""
    labels: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Rubric id -> label -> traces."""
    silent: dict[str, int] = Field(default_factory=dict)
    """Path -> traces that `no_reasoning` counts."""
    skipped: tuple[dict[str, Any], ...] = ()
    """The first of what was skipped, field by field."""
    verdicts: dict[str, Holding]
    """Run -> what it held, for every run that made one of the file's verdicts."""
    run_id: str
    """The run that read it."""
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    """When that run ended (UTC)."""


_JSON = ("labels", "silent", "skipped", "verdicts")
_NAME = tuple(DumpName.model_fields)
_REST = tuple(name for name in JudgedDump.model_fields if name != "name")


def row_of(dump: JudgedDump) -> dict[str, Any]:
    """A row of `dumps`."""
    name = {field: getattr(dump.name, field) for field in _NAME}
    held = {run: asdict(holding) for run, holding in dump.verdicts.items()}
    return {"dump": dump.name.key} | name | {field: getattr(dump, field) for field in _REST} | {"verdicts": held}


def unchanged(
    connection: Connection,
    paths: Sequence[str],
    *,
    reading: str,
    asked: str,
    judge_hash: str,
    rubric_hashes: Collection[str],
) -> dict[tuple[str, str], JudgedDump]:
    """The dumps whose verdicts and traces are all there still, by path and hash of content.

    Args:
        connection: where the tables are.
        paths: the files that are going to be read.
        reading: how.
        asked: what is asked about them.
        judge_hash: hash of who is asked.
        rubric_hashes: hashes of the rubrics that are asked.
    """
    rows = connection.execute(
        f"SELECT {', '.join((*_NAME, *_REST))} FROM dumps "  # noqa: S608 (our own names)
        "SEMI JOIN (SELECT unnest(?) AS path) USING (path) WHERE reading = ? AND asked = ?",
        [list(paths), reading, asked],
    ).fetchall()
    if not rows:
        return {}
    held = {
        run: Holding(verdicts, checksum)
        for run, verdicts, checksum in connection.execute(
            "SELECT run_id, count(*), sum(key_number)::BIGINT FROM verdicts "
            "WHERE judge_hash = ? AND list_contains(?, rubric_hash) GROUP BY run_id",
            [judge_hash, list(rubric_hashes)],
        ).fetchall()
    }
    found = dict(
        connection.execute(
            "SELECT split_part(path, ?, 1) AS dump, count(*) FROM sources SEMI JOIN traces USING (trace_id) GROUP BY dump",
            [SEPARATOR],
        ).fetchall()
    )
    dumps = map(_dump, rows)
    return {
        (dump.name.path, dump.name.content_hash): dump
        for dump in dumps
        if all(held.get(run) == then for run, then in dump.verdicts.items())
        and found.get(dump.name.path.split(SEPARATOR)[0], 0) >= dump.sources
    }


def _dump(row: tuple[Any, ...]) -> JudgedDump:
    name, rest = row[: len(_NAME)], row[len(_NAME) :]
    fields = dict(zip(_REST, rest, strict=True))
    fields |= {field: orjson.loads(fields[field]) for field in _JSON}
    fields["created_at"] = fields["created_at"].replace(tzinfo=UTC)
    return JudgedDump.model_validate({**fields, "name": dict(zip(_NAME, name, strict=True))})
