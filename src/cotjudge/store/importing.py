"""Other databases and exports into this one, by the rules of a merge: each row once, the newest label of an annotator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from cotjudge.errors import InputError, StoreBusyError, StoreError
from cotjudge.store import overlay
from cotjudge.store.export_folder import TABLES, UNIQUE, Manifest, table_columns
from cotjudge.store.merging import batches, merge
from cotjudge.store.refusal import one_line
from cotjudge.store.warehouse import ROW_GROUP_SIZE_WITHOUT_TEXT, SCHEMA_VERSION, Warehouse

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

Gained = dict[str, int]
"""Table -> rows that are new."""

_JOURNAL_BYTES = 16 * 2**20


def import_folder(warehouse: Warehouse, folder: Path) -> Gained:
    """The rows of an export that are not here yet.

    Raises:
        InputError: it is no export, or not a whole one; nothing is kept then.
        StoreError: the database cannot be written.
    """
    manifest = Manifest.read(folder)
    if manifest.schema_version != SCHEMA_VERSION:
        raise InputError(f"{folder}: {_other_version(manifest.schema_version, 'export it again with this cotjudge')}")
    warehouse.create()
    with _writing(warehouse) as connection:
        connection.execute("CREATE TEMP TABLE judge_names (folder VARCHAR, judge VARCHAR)")
        for names in manifest.judges.items():
            connection.execute("INSERT INTO temp.judge_names VALUES (?, ?)", names)
        for table, columns in table_columns().items():
            with _damage(folder, table):
                connection.execute(f"CREATE TEMP VIEW incoming_{table} AS {_select(folder, table, columns)}")
                _check(connection, folder, table, manifest.rows[table])
        return _absorb(connection)


def merge_database(warehouse: Warehouse, path: Path, journals: Path) -> Gained:
    """The rows of another database, and of the journals beside it, that are not here yet; that database stays as it is.

    Raises:
        StoreBusyError: one of the two stayed in use.
        StoreError: one of the two cannot be used, or is of another version.
    """
    with _writing(warehouse) as connection:
        before = _counts(connection)
        _attach(connection, path, warehouse.patience)
        for table in TABLES:
            connection.execute(f"CREATE TEMP VIEW incoming_{table} AS FROM incoming.main.{table}")
        _absorb(connection)
        # Its scorers cannot merge while it is attached here, so what was not in its tables is still in its journals.
        for segments in batches(overlay.segments(journals), _JOURNAL_BYTES):
            _forget(connection)
            merge(connection, segments)
        return _gained(before, _counts(connection))


@contextmanager
def _writing(warehouse: Warehouse) -> Iterator[Connection]:
    """A writing session with all cores, and row groups for many rows at once."""
    with Warehouse(warehouse.path, patience=warehouse.patience, row_group=ROW_GROUP_SIZE_WITHOUT_TEXT).session(
        write=True
    ) as connection:
        connection.execute("RESET threads")
        connection.execute("SET preserve_insertion_order = false")
        yield connection


def _attach(connection: Connection, path: Path, patience: float) -> None:
    """Attach another database for reading, when it is free, and make sure of its version."""
    import duckdb

    with Warehouse(path, patience=patience).session():  # says what is wrong with it, and waits until nobody writes
        pass
    file = str(path.absolute()).replace("'", "''")
    try:
        connection.execute(f"ATTACH '{file}' AS incoming (READ_ONLY)")
    except duckdb.IOException as error:
        raise StoreBusyError(f"{path}: {str(error).splitlines()[0]}; run the same command again") from error
    found = connection.execute("SELECT max(schema_version) FROM incoming.main.store_info").fetchall()[0][0]
    if found != SCHEMA_VERSION:
        remedy = "bring it up to date with `cotjudge db migrate`"
        raise StoreError(f"{path}: {_other_version(found, remedy)}")


def _other_version(found: int | None, remedy: str) -> str:
    if found is not None and found > SCHEMA_VERSION:
        remedy = "upgrade with: pip install --upgrade cotjudge"
    return f"schema version {found}, and this cotjudge merges version {SCHEMA_VERSION}; {remedy}"


def _absorb(connection: Connection) -> Gained:
    before = _counts(connection)
    connection.execute("BEGIN")
    for name in ("absorb.sql", "replace.sql"):
        connection.execute(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
    connection.execute("COMMIT")
    return _gained(before, _counts(connection))


def _counts(connection: Connection) -> Gained:
    return {table: connection.execute(f"SELECT count(*) FROM main.{table}").fetchall()[0][0] for table in TABLES}  # noqa: S608


def _gained(before: Mapping[str, int], after: Mapping[str, int]) -> Gained:
    return {table: after[table] - before[table] for table in TABLES}


def _forget(connection: Connection) -> None:
    """Drop what an earlier merge on this connection left."""
    for (name,) in connection.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall():
        connection.execute(f'DROP TABLE temp."{name}"')


def _check(connection: Connection, folder: Path, table: str, rows: int) -> None:
    """A file that is missing, or one copied twice, must not go by unseen."""
    names = ", ".join(UNIQUE.get(table, ()))
    distinct = f"(SELECT count(*) FROM (SELECT DISTINCT {names} FROM incoming_{table}))" if names else "count(*)"  # noqa: S608
    found, unique = connection.execute(f"SELECT count(*), {distinct} FROM incoming_{table}").fetchall()[0]  # noqa: S608
    if found != rows:
        raise InputError(
            f"{folder}: {table} has {found:,} rows, and manifest.json says {rows:,}; copy the export again"
        )
    if unique != found:
        raise InputError(f"{folder}: {table} has {found - unique:,} rows twice (by {names}); export it again")


def _select(folder: Path, table: str, columns: list[tuple[str, str]]) -> str:
    """SQL for a table of an export; a judge whose name was too long for a folder has it back."""
    files = Manifest.files(folder, table)
    if not files:
        return f"FROM main.{table} WHERE false"
    hive = "false"
    chosen = {name: f'"{name}"' for name, _ in columns}
    if Manifest.is_partitioned(table):
        hive = "true, hive_types = {'rubric': VARCHAR, 'judge': VARCHAR}"
        chosen["judge"] = "coalesce((SELECT n.judge FROM temp.judge_names AS n WHERE n.folder = file.judge), judge)"
    listed = ", ".join(f'{chosen[name]}::{type_} AS "{name}"' for name, type_ in columns)
    return f"SELECT {listed} FROM read_parquet({_texts(files)}, hive_partitioning = {hive}) AS file"  # noqa: S608


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _texts(values: list[str]) -> str:
    return "[" + ", ".join(map(_text, values)) + "]"


@contextmanager
def _damage(folder: Path, what: str) -> Iterator[None]:
    """What DuckDB says about a file that is no parquet of ours."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise InputError(f"{folder}: {what} cannot be read: {one_line(str(error))}") from error
