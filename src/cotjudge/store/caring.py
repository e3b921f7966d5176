"""Care over time: is the database sound, how large is it, and make it small again."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotjudge.errors import StoreBusyError, StoreError
from cotjudge.store import replacing
from cotjudge.store.journal import is_owned
from cotjudge.store.migrating import stale_views
from cotjudge.store.refusal import one_line
from cotjudge.store.replacing import DRAFT
from cotjudge.store.warehouse import STORAGE_VERSION, OutdatedError, Warehouse, blueprint

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

_ROW_GROUP = 122_880
"""DuckDB's own: what it compresses and skips together."""

_STEP = 2048
_TEXT_AT_ONCE = 256 * 2**20
"""So many characters of traces are held in memory for one row group."""

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that should not be."""

    place: str
    """A table, or a file beside the database."""
    what: str
    """What is wrong with it, and the fix where there is one."""
    count: int = 1
    """Rows or files that it is true of."""
    examples: tuple[str, ...] = ()
    """A few of them."""


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What a vacuum came to."""

    merged: int
    """Journal lines merged."""
    before: int
    """Bytes of the file before."""
    after: int
    """Bytes of the file now."""


@dataclass(frozen=True, slots=True)
class TableStats:
    """One table."""

    name: str
    """Its name."""
    rows: int
    """Rows in the file; what is in journals does not count yet."""
    bytes: int
    """Its share of the file's blocks."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What is in a database, and how large it is."""

    schema_version: int
    """Version of its tables."""
    file_bytes: int
    """The file."""
    journal_bytes: int
    """The journals beside it, which are not merged yet."""
    free_bytes: int
    """Blocks of the file that hold nothing; a vacuum gives them back."""
    bytes_per_verdict: float | None
    """The file's bytes by its verdicts; None where there are none."""
    tables: tuple[TableStats, ...]
    """Every table of ours."""
    judges: dict[str, int]
    """Judge -> verdicts."""
    rubrics: dict[str, int]
    """Rubric -> verdicts."""
    first: datetime | None
    """When the oldest verdict was made (UTC)."""
    last: datetime | None
    """When the newest was."""


def check(warehouse: Warehouse, journals: Path, *, rubrics: Collection[str] = ()) -> list[Finding]:
    """Look for what cannot be in a sound database; changes nothing.

    Args:
        warehouse: the database.
        journals: the folder of its journals.
        rubrics: ids of rubrics that are known elsewhere.

    Raises:
        StoreBusyError: the file stayed in use.
        StoreError: there is no such database, or it is newer than we are.
    """
    alive, findings = _journals(journals)
    findings += _leftovers(warehouse.file)
    try:
        with warehouse.session() as connection:
            shape = list(_shape(connection))
            findings += shape
            findings += _unreadable(connection)
            if not any(finding.place in _tables() for finding in shape):
                findings += _rows(connection, {"rubrics": sorted(rubrics), "alive": sorted(alive)})
    except OutdatedError as error:
        findings.append(Finding("store_info", str(error).removeprefix(f"{warehouse.path}: ")))
    return findings


def vacuum(warehouse: Warehouse, journals: Path, merged: int = 0) -> Vacuumed:
    """Rewrite the file without what is free in it; the old one stays until the new one is on disk.

    Args:
        warehouse: the database.
        journals: the folder of its journals; those of dead processes have been merged.
        merged: lines that were.

    Raises:
        StoreBusyError: somebody writes or reads.
        StoreError: the disk has no room, or does not take it; the file is unchanged.
    """
    alive, _ = _journals(journals)
    if alive:
        raise StoreBusyError(
            f"{warehouse.path}: {len(alive):,} scoring at work ({', '.join(sorted(alive)[:_EXAMPLES])}); "
            "vacuum when that has ended"
        )
    with warehouse.session():
        pass  # of today's version, or refused
    before = warehouse.file.stat().st_size
    try:
        with warehouse.alone() as connection, replacing.drafting(warehouse.file) as draft:
            replacing.need_room(warehouse.path, before)
            _rewrite(connection, draft, warehouse.path)
            replacing.seal(connection, draft)
            replacing.put_in_place(draft, warehouse.file)
    except OSError as error:
        raise StoreError(f"{warehouse.path}: cannot be rewritten: {error.strerror}; it is unchanged") from error
    return Vacuumed(merged, before, warehouse.file.stat().st_size)


def stats(warehouse: Warehouse, journals: Path) -> Stats:
    """What is in a database, and how large it is.

    Raises:
        StoreError: there is no such database, or it cannot be used.
    """
    with warehouse.session() as connection:
        tables = tuple(_table_stats(connection))
        verdicts = next(table.rows for table in tables if table.name == "verdicts")
        (version, first, last), (block, free) = (
            _one(
                connection,
                "SELECT max(schema_version), (SELECT min(created_at) FROM verdicts), "
                "(SELECT max(created_at) FROM verdicts) FROM store_info",
            ),
            _one(
                connection,
                "SELECT block_size, free_blocks FROM pragma_database_size() WHERE database_name = current_database()",
            ),
        )
        by = {
            name: dict(
                connection.execute(f"SELECT {name}, count(*) FROM verdicts GROUP BY ALL ORDER BY ALL").fetchall()  # noqa: S608 (our own names)
            )
            for name in ("judge", "rubric")
        }
    size = warehouse.file.stat().st_size
    return Stats(
        schema_version=version,
        file_bytes=size,
        journal_bytes=sum(path.stat().st_size for path in journals.rglob("*.jsonl")),
        free_bytes=block * free,
        bytes_per_verdict=size / verdicts if verdicts else None,
        tables=tables,
        judges=by["judge"],
        rubrics=by["rubric"],
        first=first,
        last=last,
    )


def _one(connection: Connection, sql: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = connection.execute(sql).fetchall()[0]
    return row


def _tables() -> tuple[str, ...]:
    with blueprint() as connection:
        return tuple(
            name
            for (name,) in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY table_oid").fetchall()
        )


def _table_stats(connection: Connection) -> Iterator[TableStats]:
    """Rows, and bytes: a block that several tables share counts for each with its part."""
    names = _tables()
    blocks: dict[int, set[str]] = {}
    for name in names:
        for (block,) in connection.execute(
            "SELECT DISTINCT block_id FROM (SELECT block_id FROM pragma_storage_info($name) UNION ALL "
            "SELECT unnest(additional_block_ids) FROM pragma_storage_info($name)) WHERE block_id >= 0",
            {"name": name},
        ).fetchall():
            blocks.setdefault(block, set()).add(name)
    (size,) = _one(connection, "SELECT block_size FROM pragma_database_size() WHERE database_name = current_database()")
    for name in names:
        (rows,) = _one(connection, f'SELECT count(*) FROM "{name}"')  # noqa: S608 (our own names)
        share = sum(size / len(sharers) for sharers in blocks.values() if name in sharers)
        yield TableStats(name, rows, round(share))


def _shape(connection: Connection) -> Iterator[Finding]:
    """Tables, columns and views that are not as a fresh file has them."""
    columns = (
        "SELECT table_name, column_name, data_type FROM duckdb_columns() SEMI JOIN duckdb_tables() "
        "USING (database_name, schema_name, table_name) WHERE database_name = current_database()"
    )
    with blueprint() as fresh:
        wanted = {(table, column): type_ for table, column, type_ in fresh.execute(columns).fetchall()}
    found = {(table, column): type_ for table, column, type_ in connection.execute(columns).fetchall()}
    for table in dict.fromkeys(table for table, _ in wanted):
        if not any(name == table for name, _ in found):
            yield Finding(table, "the table is missing; put a backup back, or score again into a new file")
            continue
        for name, column in (pair for pair in wanted if pair[0] == table):
            if (name, column) not in found:
                yield Finding(table, f"its column {column} is missing")
            elif found[name, column] != wanted[name, column]:
                yield Finding(table, f"its column {column} is {found[name, column]}, not {wanted[name, column]}")
    for view, there in stale_views(connection).items():
        state = "is not today's" if there else "is missing"
        yield Finding(view, f"the view {state}; make the views anew with: cotjudge db migrate")


def _unreadable(connection: Connection) -> Iterator[Finding]:
    """Read every block of every table: DuckDB compares its checksum."""
    import duckdb

    for (table,) in connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'"
    ).fetchall():
        quoted = '"' + table.replace('"', '""') + '"'
        try:
            connection.execute(f"SELECT bit_xor(hash(row)) FROM {quoted} AS row").fetchall()  # noqa: S608 (quoted)
        except duckdb.Error as error:
            yield Finding(table, f"cannot be read: {one_line(str(error))}")


def _rows(connection: Connection, known: dict[str, list[str]]) -> Iterator[Finding]:
    import duckdb

    for place, what, sql in _checks():
        used = {name: value for name, value in known.items() if f"${name}" in sql}
        try:
            count, examples = connection.execute(
                f"SELECT count(*), min(found.name::VARCHAR, {_EXAMPLES}) FROM ({sql}) AS found(name)",  # noqa: S608 (our own file)
                used,
            ).fetchall()[0]
        except duckdb.Error as error:
            yield Finding(place, f"cannot be checked: {one_line(str(error))}")
            continue
        if count:
            yield Finding(place, what, count, tuple(examples or ()))


def _checks() -> Iterator[tuple[str, str, str]]:
    """Table, what is wrong, and the statement that finds it."""
    script = resources.files(__package__).joinpath("checks.sql").read_text(encoding="utf-8")
    for part in script.split("\n-- ")[2:]:
        title, _, sql = part.partition("\n")
        place, _, what = title.partition(": ")
        yield place, what, sql.rstrip().removesuffix(";")


def _journals(root: Path) -> tuple[set[str], list[Finding]]:
    """Runs whose process is at work, and what is wrong in the folder of journals."""
    alive: set[str] = set()
    findings: list[Finding] = []
    if not root.is_dir():
        return alive, findings
    for entry in sorted(root.iterdir()):
        if entry.is_dir():
            if is_owned(entry):
                alive.add(entry.name)
            else:
                segments = list(entry.glob("*.jsonl"))
                size = sum(segment.stat().st_size for segment in segments)
                findings.append(
                    Finding(
                        f"{root.name}/{entry.name}",
                        f"{replacing.megabytes(size)} of a process that is gone wait to be merged: cotjudge db vacuum",
                    )
                )
        elif entry.name.startswith("unreadable-"):
            findings.append(
                Finding(f"{root.name}/{entry.name}", "has lines that could not be read; look at them, then remove it")
            )
    return alive, findings


def _leftovers(file: Path) -> Iterator[Finding]:
    for path in sorted(file.parent.glob(f".{glob.escape(file.name)}.*")):
        if path.name.endswith((".new", ".draft", ".part", ".wal")):
            yield Finding(path.name, "was left by a process that was killed; remove it if none is at work")


def _rewrite(connection: Connection, draft: Path, path: Path) -> None:
    """Everything in the file, the users' own tables too, into a draft with large row groups."""
    (old,) = _one(connection, "SELECT current_database()")
    target = str(draft).replace("'", "''")
    connection.execute(f"SET threads = {os.cpu_count() or 1}")
    connection.execute(
        f"ATTACH '{target}' AS {DRAFT} (STORAGE_VERSION '{STORAGE_VERSION}', ROW_GROUP_SIZE {_group_size(connection)})"
    )
    connection.execute(f'COPY FROM DATABASE "{old}" TO {DRAFT}')
    counts = {name: _counts(connection, name) for name in (old, DRAFT)}
    if counts[old] != counts[DRAFT]:
        raise StoreError(f"{path}: the new file would not hold what the old one holds; it is unchanged")


def _group_size(connection: Connection) -> int:
    """DuckDB's own, or smaller where the text of so many traces would not fit in memory."""
    (mean,) = _one(
        connection,
        "SELECT (SELECT sum(chars) FROM segments) / greatest((SELECT count(*) FROM traces), 1)",
    )
    fitting = int(_TEXT_AT_ONCE / max(mean or 1, 1))
    return max(_STEP, min(_ROW_GROUP, fitting // _STEP * _STEP))


def _counts(connection: Connection, catalog: str) -> dict[tuple[str, ...], int]:
    """Rows of every table, and the names of everything else."""
    found: dict[tuple[str, ...], int] = {}
    for schema, table in connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ?", [catalog]
    ).fetchall():
        quoted = ".".join('"' + name.replace('"', '""') + '"' for name in (catalog, schema, table))
        (found["table", schema, table],) = _one(connection, f"SELECT count(*) FROM {quoted}")  # noqa: S608 (quoted)
    for kind in ("view", "index", "sequence"):
        plural = "indexes" if kind == "index" else f"{kind}s"
        internal = " AND NOT internal" if kind == "view" else ""
        for schema, name in connection.execute(
            f"SELECT schema_name, {kind}_name FROM duckdb_{plural}() WHERE database_name = ?{internal}",  # noqa: S608
            [catalog],
        ).fetchall():
            found[kind, schema, name] = 1
    return found
