"""Parquet files of others, row by row; DuckDB reads them without pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cotjudge.errors import InputError
from cotjudge.store.refusal import one_line

_BATCH = 2_048


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a parquet file.

    Raises:
        InputError: it is none, or broken.
    """
    import duckdb

    try:
        with duckdb.connect() as connection:
            answer = connection.execute("FROM read_parquet([$path])", {"path": str(path.absolute())})
            names = [column[0] for column in answer.description or ()]
            while rows := connection.fetchmany(_BATCH):
                yield from (dict(zip(names, row, strict=True)) for row in rows)
    except duckdb.Error as error:
        raise InputError(f"{path}: {one_line(str(error))}") from None
