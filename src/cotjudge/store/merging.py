"""Journal segments into the database, each line once."""

from __future__ import annotations

import glob
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from cotjudge.store.journal import Journal
from cotjudge.store.warehouse import Warehouse, blueprint

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

_CHILDREN = {
    "segments": {"trace_id"},
    "criteria": {"key", "trace_id", "rubric"},
    "evidence": {"key", "trace_id", "rubric"},
    "calls": {"key", "trace_id", "rubric", "judge", "run_id"},
}
"""Child tables, and the columns that they take from their parent."""

_PARENTS = ("traces", "sources", "verdicts", "failures", "runs", "labels")
_BATCH_BYTES = 16 * 2**20
_OBJECT_BYTES = 4 * 2**20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Merged:
    """What was found in some segments."""

    lines: int
    """Lines merged; those that were there already count too."""
    unreadable: int
    """Lines that are no JSON of ours."""


def drain(warehouse: Warehouse, journal: Journal, *, patience: float | None = None) -> int:
    """Merge a journal's closed segments and delete them.

    Returns:
        Lines merged.

    Raises:
        StoreBusyError: the database stayed in use; what is not merged stays in the journal.
    """
    lines = 0
    for segments in batches(journal.segments(), _BATCH_BYTES):
        torn = sum(_ends_torn(segment) for segment in segments)
        with warehouse.session(write=True, patience=patience) as connection:
            merged = merge(connection, segments)
        lines += merged.lines
        for segment in segments:
            if merged.unreadable > torn:
                kept = journal.set_aside(segment)
                _log.warning("%d unreadable lines are kept in %s", merged.unreadable, kept)
            else:
                segment.unlink()
    return lines


def merge(connection: Connection, segments: list[Path]) -> Merged:
    """Merge segments in one transaction; merging them again changes nothing."""
    longest = max(segment.stat().st_size for segment in segments)
    paths = [glob.escape(str(segment.absolute())) for segment in segments]
    connection.execute("BEGIN")
    connection.execute(_read_lines(), [paths, max(longest + 1, _OBJECT_BYTES)])
    of_ours = " OR ".join(f"{table} IS NOT NULL" for table in _PARENTS)
    total, ours = connection.execute(f"SELECT count(*), count(*) FILTER ({of_ours}) FROM lines").fetchall()[0]  # noqa: S608 (our own names)
    connection.execute(_sql("merge.sql"))
    connection.execute("COMMIT")
    return Merged(lines=ours, unreadable=total - ours)


@cache
def _read_lines() -> str:
    with blueprint() as connection:
        columns = ", ".join(f"{table}: '{_shape(connection, table)}'" for table in (*_PARENTS, *_CHILDREN))
    return _sql("lines.sql").replace("{columns}", columns)


def _shape(connection: Connection, table: str) -> str:
    """What a line holds for a table: a row, or for a child table a list of rows without what they inherit."""
    inherited = _CHILDREN.get(table, set())
    types = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", [table]
    ).fetchall()
    row = ", ".join(f'"{name}" {type_}' for name, type_ in types if name not in inherited)
    return f"STRUCT({row})" + "[]" * (table in _CHILDREN)


def batches(segments: list[Path], limit: int) -> Iterator[list[Path]]:
    """Segments in order, so many at once that they stay under a limit of bytes; at least one."""
    batch: list[Path] = []
    size = 0
    for segment in segments:
        size += segment.stat().st_size
        if batch and size > limit:
            yield batch
            batch, size = [], segment.stat().st_size
        batch.append(segment)
    if batch:
        yield batch


def _ends_torn(segment: Path) -> bool:
    """Whether the last line was cut off by the death of its writer: it never counted as done."""
    with segment.open("rb") as file:
        file.seek(0, 2)
        if not file.tell():
            return False
        file.seek(-1, 2)
        return file.read(1) != b"\n"


def _sql(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
