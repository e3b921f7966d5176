"""Journal segments into the database, each line once."""

from __future__ import annotations

import glob
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from cotjudge.store.journal import Journal
from cotjudge.store.warehouse import Warehouse

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

CHILDREN = {
    "segments": {"trace_id"},
    "criteria": {"key", "trace_id", "rubric", "judge", "label", "whole", "current"},
    "evidence": {"key", "trace_id", "rubric", "judge", "label", "whole", "current"},
    "calls": {"key", "trace_id", "rubric", "judge", "run_id"},
}
"""Child tables, and the columns that they take from their parent."""

PARENTS = ("traces", "sources", "verdicts", "failures", "runs", "labels", "dumps")
"""Tables that a line names a row of."""

REPLACED = ("runs", "labels", "dumps")
"""Those of them where a new row can take an old one's place."""

FOUND_OUT = {"sources": {"again"}, "verdicts": {"unverified", "current", "key_number", "slot_number"}}
"""Columns of theirs that a merge fills, from what else is there."""

_BATCH_BYTES = 16 * 2**20
_OBJECT_BYTES = 4 * 2**20
_BACKLOG_BYTES = 4 * 2**20
"""So much at once is merged with all cores: it has waited, or nobody scores beside it."""

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
            if sum(segment.stat().st_size for segment in segments) > _BACKLOG_BYTES:
                connection.execute("RESET threads")
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
    connection.execute("BEGIN")
    read_lines(connection, segments)
    of_ours = " OR ".join(f"{table} IS NOT NULL" for table in PARENTS)
    total, ours = connection.execute(f"SELECT count(*), count(*) FILTER ({of_ours}) FROM lines").fetchall()[0]  # noqa: S608 (our own names)
    insert_new_rows(connection, old="main", into="main.")
    connection.execute(packaged("replace.sql"))
    connection.execute("COMMIT")
    return Merged(lines=ours, unreadable=total - ours)


def read_lines(connection: Connection, segments: list[Path]) -> None:
    """Journal segments as the temporary table `lines`; what cannot be read becomes a row of nulls."""
    longest = max(segment.stat().st_size for segment in segments)
    connection.execute(packaged("numbers.sql"))
    paths = [glob.escape(str(segment.absolute())) for segment in segments]
    connection.execute(
        packaged("lines.sql").replace("{columns}", _columns(connection)), [paths, max(longest + 1, _OBJECT_BYTES)]
    )


def insert_new_rows(connection: Connection, *, old: str, into: str) -> None:
    """The rows of `lines` that are new, into tables; those of runs, labels and dumps into temporary `new_runs` and so on.

    Args:
        connection: where `lines` is. It gets the temporary table `replaced` as well: verdicts that are not current any
            more (`row` is theirs among the old ones), or are not although they are new.
        old: the schema, quoted for SQL, with the rows that are there already.
        into: what stands before a table's name to name the table that takes the new rows.
    """
    connection.execute(packaged("merge.sql").replace("{old}", old).replace("{into}", into))


def _columns(connection: Connection) -> str:
    """What a line holds for each table: a row, or for a child table a list of rows without what they inherit."""
    shapes = []
    for table in (*PARENTS, *CHILDREN):  # of one table after another: `duckdb_columns()` binds every view for an answer
        others = CHILDREN.get(table, FOUND_OUT.get(table, set()))
        columns = connection.execute(f"FROM main.{table} LIMIT 0").description or []
        row = ", ".join(f'"{name}" {type_}' for name, type_, *_ in columns if name not in others)
        shapes.append(f"{table}: 'STRUCT({row}){'[]' * (table in CHILDREN)}'")
    return ", ".join(shapes)


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


def packaged(name: str) -> str:
    """A file beside this one."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
