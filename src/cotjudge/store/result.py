"""What a statement answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cotjudge.errors import QueryError
from cotjudge.store.refusal import WOULD_CHANGE
from cotjudge.store.warehouse import refusals, selection

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

Parameters = Sequence[Any] | Mapping[str, Any] | None

_BATCH = 2_048
_FORMATS = ("parquet", "csv", "json")
_CHANGES = {"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "ALTER", "DROP"}


class Result:
    """The answer to one statement: columns at once, rows as they are asked for.

    The database stays open (and writers wait) until the result is closed: use it in a `with`.

    Args:
        connection: an open connection, closed together with the result.
        path: the database, for messages.
        sql: the statement.
        parameters: its parameters, by position or by name.
        write: whether it may change the database; without it, it is refused before it runs.
        prepare: what makes a further connection to the same file like this one.

    Raises:
        QueryError: DuckDB refuses the statement, or it would change the database.
    """

    columns: tuple[str, ...]
    """Names of the columns; none for a statement that answers nothing."""
    types: tuple[str, ...]
    """DuckDB's type of each column."""
    truncated: bool = False
    """Whether rows were left out, at the limit of a sandbox."""

    def __init__(
        self,
        connection: Connection,
        path: Path,
        sql: str,
        parameters: Parameters = None,
        *,
        write: bool = False,
        prepare: Callable[[Connection], object] = bool,
    ) -> None:
        self._connection = connection
        self._path = path
        self._sql = sql
        self._parameters = parameters or None
        self._prepare = prepare
        try:
            with refusals(path, statement=True):
                if not write:
                    _refuse_changes(connection, sql)
                answer = connection.execute(sql, self._parameters)
        except BaseException:
            self.close()
            raise
        described = (answer.description if answer else None) or []
        self.columns = tuple(column[0] for column in described)
        self.types = tuple(str(column[1]) for column in described)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """The rows, fetched in batches; once."""
        while rows := self._fetch():
            yield from rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left; closes the result."""
        with self:
            return list(self)

    def write(self, path: Path, format: str = "parquet") -> int:  # noqa: A002 (DuckDB's own word)
        """Run the statement once more, straight into a file.

        Args:
            path: the file; one that exists is replaced.
            format: parquet, csv, or json (one object a line).

        Returns:
            Rows written.

        Raises:
            QueryError: the statement is not one that can be written, or the file cannot be.
        """
        if format not in _FORMATS:
            raise QueryError(f"unknown format {format!r}; there are: {', '.join(_FORMATS)}")
        with refusals(self._path, statement=True):
            target = str(path.absolute()).replace("'", "''")
            copy = f"COPY (\n{selection(self._connection, self._sql)}\n) TO '{target}' (FORMAT {format})"
            with self._connection.cursor() as cursor:  # the rows of this result stay where they are
                self._prepare(cursor)
                return int(cursor.execute(copy, self._parameters).fetchall()[0][0])

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def _fetch(self) -> list[tuple[Any, ...]]:
        if not self.columns:
            return []
        with refusals(self._path, statement=True):
            return self._connection.fetchmany(_BATCH)


def _refuse_changes(connection: Connection, sql: str) -> None:
    """The file is open read-only, the overlay over it is not, and DuckDB would tell of views that people take for tables."""
    if any(statement.type.name in _CHANGES for statement in connection.extract_statements(sql)):
        raise QueryError(WOULD_CHANGE)
