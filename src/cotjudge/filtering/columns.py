"""Rows cut out of a parquet table, through pyarrow (extra `arrow`): types, metadata and compression stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from cotjudge.errors import InputError

_BATCH_ROWS = 1024
_GROUP_BYTES = 64 * 2**20


def cut(path: str, source: BinaryIO, target: BinaryIO, keep: Callable[[int], bool]) -> int:
    """Write the kept rows of a parquet file.

    Args:
        path: the file's name, for messages.
        source: its content, able to seek.
        target: where the kept rows go.
        keep: whether the row of a 1-based number is kept.

    Returns:
        Rows of the source.

    Raises:
        InputError: it is broken, or pyarrow is not there.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise InputError(f"{path}: filtering parquet needs pyarrow: pip install 'cotjudge[arrow]'") from None
    try:
        table = parquet.ParquetFile(source, pre_buffer=False)
        return _copy(table, target, keep, pa, parquet)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: a broken or cut table ({' '.join(str(error).split())})") from None


def _copy(table: Any, target: BinaryIO, keep: Callable[[int], bool], pa: Any, parquet: Any) -> int:
    number = 0
    group: list[Any] = []
    schema = table.schema_arrow
    with parquet.ParquetWriter(target, schema, compression=_codecs(table)) as writer:

        def flush() -> None:
            if any(batch.num_rows for batch in group):
                writer.write_table(pa.Table.from_batches(group, schema))
            group.clear()

        for batch in table.iter_batches(batch_size=_BATCH_ROWS):
            mask = [keep(number + index) for index in range(1, batch.num_rows + 1)]
            number += batch.num_rows
            group.append(batch if all(mask) else batch.filter(pa.array(mask, pa.bool_())))
            if sum(one.nbytes for one in group) > _GROUP_BYTES:
                flush()
        flush()
    return number


def _codecs(table: Any) -> str:
    """The compression of the first column; pyarrow's own where there is no row."""
    metadata = table.metadata
    if not metadata.num_row_groups or not metadata.num_columns:
        return "snappy"
    codec = str(metadata.row_group(0).column(0).compression).lower()
    return "none" if codec == "uncompressed" else codec
