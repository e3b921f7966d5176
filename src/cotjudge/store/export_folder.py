"""What an export's folder looks like, for those who write one and those who read one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cotjudge.errors import InputError
from cotjudge.store.warehouse import blueprint

MANIFEST = "manifest.json"

PARTITIONED = ("verdicts", "criteria", "evidence")
"""Tables with a folder of files for each rubric and judge."""

UNIQUE: dict[str, tuple[str, ...]] = {
    "traces": ("trace_id",),
    "segments": ("trace_id", "segment"),
    "sources": ("trace_id", "path", "record"),
    "verdicts": ("key",),
    "criteria": ("key", "ordinal"),
    "evidence": ("key", "ordinal"),
    "failures": ("key", "run_id"),
    "calls": ("key", "run_id", "ordinal"),
    "runs": ("run_id",),
    "labels": ("trace_id", "rubric", "annotator"),
    "dumps": ("dump",),
}
"""Table -> the columns that tell its rows apart."""

TABLES = tuple(UNIQUE)
"""Every table that is exported, imported and merged."""


class Manifest(BaseModel):
    """`manifest.json`: what an export holds. It is written last: a folder without one is not whole."""

    model_config = ConfigDict(frozen=True)

    format: str = "cotjudge export"
    """What this folder is."""
    schema_version: int
    """Version of the tables."""
    cotjudge_version: str
    """Version of cotjudge that wrote it."""
    created_at: datetime
    """When it did (UTC)."""
    text: bool
    """Whether the traces' text is in it."""
    rows: dict[str, int]
    """Table -> its rows."""
    judges: dict[str, str] = Field(default_factory=dict)
    """Name in a folder -> the judge, for judges whose own name is too long for a folder."""

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of an export.

        Raises:
            InputError: the folder holds none, or one that is damaged.
        """
        path = folder / MANIFEST
        try:
            manifest = cls.model_validate_json(path.read_bytes())
        except OSError:
            raise InputError(
                f"{folder}: no export (it has no {MANIFEST}); make one with `cotjudge export --to`"
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(f"{path}: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from None
        missing = set(TABLES) - set(manifest.rows)
        if manifest.format != cls.model_fields["format"].default or missing:
            raise InputError(f"{path}: not written by `cotjudge export --to`, or by a version that lacked a table")
        return manifest

    @staticmethod
    def is_partitioned(table: str) -> bool:
        """Whether a table has a folder for each rubric and judge."""
        return table in PARTITIONED

    @classmethod
    def files(cls, folder: Path, table: str) -> list[str]:
        """A table's files; none where it has no rows."""
        if cls.is_partitioned(table):
            return sorted(str(path.absolute()) for path in (folder / table).glob("rubric=*/judge=*/*.parquet"))
        path = folder / f"{table}.parquet"
        return [str(path.absolute())] if path.is_file() else []


def table_columns() -> dict[str, list[tuple[str, str]]]:
    """Table -> the name and DuckDB's type of each of its columns."""
    sql = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index"
    with blueprint() as connection:
        return {table: connection.execute(sql, [table]).fetchall() for table in TABLES}


def owned(folder: Path) -> list[Path]:
    """Everything in a folder that an export puts there."""
    names = [f"{table}.parquet" for table in TABLES if table not in PARTITIONED]
    return [folder / name for name in (MANIFEST, *PARTITIONED, *names)]
