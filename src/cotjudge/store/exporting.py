"""The tables as parquet files that pandas, polars, duckdb and `datasets` read without us.

`verdicts`, `criteria` and `evidence` have a file for each rubric and judge, in folders named Hive's way
(`verdicts/rubric=scheming/judge=lexical/data_0.parquet`); the other tables are a file each.
"""

from __future__ import annotations

import secrets
import shutil
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from cotjudge.errors import StoreError, UsageError
from cotjudge.store.export_folder import MANIFEST, PARTITIONED, Manifest, owned, table_columns
from cotjudge.store.warehouse import SCHEMA_VERSION, refusals

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

_LONGEST_FOLDER = 200
"""A file system's names end at 255 bytes; `judge=` stands before this one."""

_TEXT = {"traces": "turns", "segments": "text"}
_ROW_GROUP = 8192
"""Rows of 8 kB of text that are held while one is written."""


def export(connection: Connection, folder: Path, *, keep_text: bool = True) -> Manifest:
    """Write every table into a folder; an export that is there already is replaced when the new one is whole.

    Args:
        connection: where the tables are.
        folder: made where it is missing.
        keep_text: whether the traces' text goes along; quotes and rationales always do.

    Raises:
        UsageError: the folder holds something that is no export, or cannot be written.
    """
    folder = folder.absolute()
    _check_free(folder)
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.new")
    try:
        draft.mkdir(parents=True)
        with refusals(folder):
            manifest = _write(connection, draft, keep_text=keep_text)
        (draft / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        _put_in_place(draft, folder)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}") from None
    except StoreError as error:
        raise UsageError(f"cannot write the export: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def _check_free(folder: Path) -> None:
    if not folder.name:
        raise UsageError(f"{folder}: name a folder for the export")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder}: this is a file; name a folder for the export")
    if any(folder.iterdir()):
        try:
            Manifest.read(folder)
        except UsageError:
            raise UsageError(f"{folder}: the folder is not empty and holds no export; name another one") from None


def _write(connection: Connection, folder: Path, *, keep_text: bool) -> Manifest:
    rows: dict[str, int] = {}
    judges: dict[str, str] = dict(
        connection.execute(
            f"SELECT DISTINCT {_folder_name('judge')}, judge FROM verdicts WHERE {_folder_name('judge')} <> judge"  # noqa: S608
        ).fetchall()
    )
    for table, columns in table_columns().items():
        select = _select(table, columns, keep_text=keep_text)
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0]  # noqa: S608 (our own names)
        if table in PARTITIONED:
            target, options = folder / table, ", PARTITION_BY (rubric, judge)"
        else:
            target, options = folder / f"{table}.parquet", ""
        if count or not options:
            name = str(target.absolute()).replace("'", "''")
            copy = (
                f"COPY ({select}) TO '{name}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}{options})"
            )
            written = connection.execute(copy).fetchall()[0][0]
            if written != count:
                raise StoreError(f"{table} has {count} rows, and {written} were written: a key is in `verdicts` twice")
        rows[table] = count
    return Manifest(
        schema_version=SCHEMA_VERSION,
        cotjudge_version=version("cotjudge"),
        created_at=datetime.now(UTC),
        text=keep_text,
        rows=rows,
        judges=judges,
    )


def _select(table: str, columns: list[tuple[str, str]], *, keep_text: bool) -> str:
    """A table in types that every reader of parquet knows: JSON as text."""
    chosen = []
    for name, type_ in columns:
        if name == _TEXT.get(table) and not keep_text:
            chosen.append(f'NULL::VARCHAR AS "{name}"')
        elif name == "judge" and table in PARTITIONED:
            chosen.append(f"{_folder_name('t.judge')} AS judge")
        else:
            chosen.append(f't."{name}"' + ("::VARCHAR" * (type_ == "JSON")) + f' AS "{name}"')
    return f"SELECT {', '.join(chosen)} FROM {table} AS t"  # noqa: S608 (our own names)


def _folder_name(judge: str) -> str:
    """SQL for a judge's name as a folder's: its own, or its beginning and its hash where that is too long.

    DuckDB writes every character of it that could mean something to a file system as `%XX`.
    """
    short = f"regexp_replace({judge}, '[^A-Za-z0-9._-]+', '_', 'g')[:60] || '~' || md5({judge})[:12]"
    return f"CASE WHEN octet_length(url_encode({judge})::BLOB) > {_LONGEST_FOLDER} THEN {short} ELSE {judge} END"


def _put_in_place(draft: Path, folder: Path) -> None:
    """Nothing but what an export puts there is ever removed from a folder."""
    if not folder.exists():
        draft.rename(folder)
        return
    for old in owned(folder):
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)
    for new in reversed(owned(draft)):
        if new.exists():
            new.rename(folder / new.name)
