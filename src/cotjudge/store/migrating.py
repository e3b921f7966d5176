"""A database of an older version becomes one of today's, and stays as it was under a second name.

The work is done on a copy, which takes the old file's place by a rename: other processes see the one or the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cotjudge.errors import StoreError
from cotjudge.store import replacing, views
from cotjudge.store.migrations import fills
from cotjudge.store.replacing import DRAFT
from cotjudge.store.warehouse import ROW_GROUP_SIZE, SCHEMA_VERSION, Warehouse, blueprint, make_tables, version_of

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

_ASIDE = "cotjudge_before_"
"""What the old tables are called while their rows are taken over."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was done to a file."""

    path: Path
    """The database."""
    before: int
    """Its schema version before."""
    backup: Path
    """The file as it was."""

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.path}: brought from schema version {self.before} to {SCHEMA_VERSION}; "
            f"the file as it was is kept as {self.backup.name}"
        )


def migrate(warehouse: Warehouse) -> Migrated | None:
    """Bring a file to today's version, keeping the old one as `<file>.v1.backup`.

    Returns:
        What was done; None where the file is of today's version.

    Raises:
        StoreBusyError: the file stayed in use.
        StoreError: it cannot be migrated; it is unchanged.
    """
    with warehouse.alone() as connection:
        before = version_of(connection, warehouse.path)
        if before == SCHEMA_VERSION:
            return None
        try:
            with _opened(warehouse.file) as source, replacing.drafting(warehouse.file) as draft:
                replacing.need_room(warehouse.path, 2 * os.fstat(source).st_size)
                replacing.copy(source, draft)
                _rebuild(connection, draft, before, warehouse.path)
                replacing.seal(connection, draft)
                backup = replacing.keep(source, warehouse.file, f"{warehouse.file.name}.v{before}.backup")
                replacing.put_in_place(draft, warehouse.file)
        except OSError as error:
            raise StoreError(
                f"{warehouse.path}: cannot be brought to schema version {SCHEMA_VERSION}: {error.strerror}; "
                "it is unchanged"
            ) from error
    return Migrated(warehouse.path, before, backup)


def fill(connection: Connection) -> None:
    """Fill what lines of an older version left empty, in a database of today's."""
    for script in fills(1):
        connection.execute(script)


def stale_views(connection: Connection) -> dict[str, bool]:
    """Views that are missing (False) or not as today's cotjudge makes them (True), in a file of today's version.

    DuckDB words a view anew when it stores it, so they are compared with those of a fresh file.
    """
    sql = (
        "SELECT view_name, sql, comment FROM duckdb_views() "
        "WHERE NOT internal AND database_name = current_database() ORDER BY ALL"
    )
    found = {name: rest for name, *rest in connection.execute(sql).fetchall()}
    with TemporaryDirectory() as folder:
        fresh = Warehouse(Path(folder) / "fresh.duckdb")
        fresh.create()
        with fresh.session() as there:
            wanted = {name: rest for name, *rest in there.execute(sql).fetchall()}
    return {name: name in found for name in wanted if found.get(name) != wanted[name]}


def renew_views(connection: Connection) -> None:
    """Make the views as today's cotjudge makes them, in a database of today's version."""
    if not stale_views(connection):
        return
    connection.execute("BEGIN")
    for view in _blueprint()[1]:
        connection.execute(f'DROP VIEW IF EXISTS "{view}"')
    connection.execute(views.statements())
    connection.execute("COMMIT")


@contextmanager
def _opened(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _rebuild(connection: Connection, draft: Path, before: int, path: Path) -> None:
    """Today's tables and views in the copy, with the rows of the old ones; what else is in it stays."""
    connection.execute(
        f"ATTACH '{str(draft).replace(chr(39), chr(39) * 2)}' AS {DRAFT} (ROW_GROUP_SIZE {ROW_GROUP_SIZE})"
    )
    connection.execute(f"USE {DRAFT}")
    ours, our_views = _blueprint()
    for (view,) in connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE NOT internal AND database_name = current_database()"
    ).fetchall():
        if view in our_views:
            connection.execute(f'DROP VIEW "{view}"')
    old = _columns(connection, ours)
    for table, columns in old.items():
        own = columns - ours[table]
        if own:
            raise StoreError(
                f"{path}: its table {table} has columns that are not cotjudge's ({', '.join(sorted(own))}); "
                "move them to a table of your own and run the same command again (nothing was changed)"
            )
        connection.execute(f'ALTER TABLE "{table}" RENAME TO "{_ASIDE}{table}"')
    make_tables(connection)
    for table, columns in old.items():
        _take_over(connection, table, columns, path)
    connection.execute("UPDATE store_info SET schema_version = ?", [SCHEMA_VERSION])
    for script in fills(before):
        connection.execute(script)
    connection.execute("USE memory")


def _take_over(connection: Connection, table: str, columns: set[str], path: Path) -> None:
    names = ", ".join(f'"{name}"' for name in sorted(columns))
    connection.execute(f'DELETE FROM "{table}"')  # noqa: S608 (our own names)
    connection.execute(f'INSERT INTO "{table}" BY NAME SELECT {names} FROM "{_ASIDE}{table}"')  # noqa: S608
    counts = connection.execute(
        f'SELECT (SELECT count(*) FROM "{table}"), (SELECT count(*) FROM "{_ASIDE}{table}")'  # noqa: S608
    ).fetchall()[0]
    if counts[0] != counts[1]:
        raise StoreError(f"{path}: {counts[1] - counts[0]} rows of {table} were lost on the way; nothing was changed")
    connection.execute(f'DROP TABLE "{_ASIDE}{table}"')


def _blueprint() -> tuple[dict[str, set[str]], set[str]]:
    """Today's tables with their columns, and today's views."""
    with blueprint() as connection:
        found = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        return _columns(connection), {name for (name,) in found}


def _columns(connection: Connection, among: dict[str, set[str]] | None = None) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() SEMI JOIN duckdb_tables() "
        "USING (database_name, schema_name, table_name) "
        "WHERE database_name = current_database() AND schema_name = 'main' ORDER BY table_oid, column_index"
    ).fetchall():
        if among is None or table in among:
            found.setdefault(table, set()).add(column)
    return found
