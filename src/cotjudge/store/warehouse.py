"""The DuckDB file, and the one door to duckdb.

A process that has the file open for writing shuts every other process out, and a reader shuts writers out. So every
session is short, and waits for its turn.
"""

from __future__ import annotations

import os
import random
import secrets
import shlex
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from cotjudge.errors import QueryError, StoreError
from cotjudge.store import views
from cotjudge.store.refusal import busy, is_busy, translate

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    Connection = DuckDBPyConnection

SCHEMA_VERSION = 4
"""Version of the tables in schema.sql; a file with a newer one is refused."""

STORAGE_VERSION = "v1.2.0"
"""Oldest DuckDB that can open our files: the 1.4 shell can, and 1.2 is the first with zstd."""

ROW_GROUP_SIZE = 4096
"""Rows that DuckDB rewrites at the end of a session. With its own 122,880, one merge of traces would hold a gigabyte."""

ROW_GROUP_SIZE_WITHOUT_TEXT = 32_768
"""Where no text is stored, or many rows come at one go: questions are twice as fast, and the file a third smaller."""

PATIENCE_S = 30.0
"""A merge holds the file for about a tenth of a second."""

_LONGEST_PAUSE_S = 0.05

_writing: defaultdict[Path, Lock] = defaultdict(Lock)
"""Connections of one process share the file, so its writers take turns by themselves."""


class OutdatedError(StoreError):
    """The file is of an older version, and can be brought to today's."""


class Warehouse:
    """One DuckDB file.

    Args:
        path: the file, as the user named it.
        patience: seconds that a session waits for its turn, unless it says otherwise.
        row_group: rows of the row groups that it writes; more for a load at one go, where no session follows soon.
    """

    def __init__(self, path: Path, *, patience: float = PATIENCE_S, row_group: int = ROW_GROUP_SIZE) -> None:
        self.path = path
        self.patience = patience
        self._row_group = row_group
        self._file = path.absolute()  # `:memory:` and `md:` are file names to us, and the working directory may change

    @property
    def file(self) -> Path:
        """Where the file is, wherever the working directory goes."""
        return self._file

    def create(self) -> None:
        """Create the file with its tables, or verify that it is one of ours.

        Raises:
            OutdatedError: it is of an older version.
            StoreError: it cannot be made or written, is no database, or is of a newer version.
        """
        self._check_writable()
        if not self._file.exists():
            self._build()
        with self.session():
            pass

    @contextmanager
    def session(self, *, write: bool = False, patience: float | None = None) -> Iterator[Connection]:
        """A short connection of ours.

        Raises:
            StoreBusyError: the file stayed in use for so long.
            StoreError: the file cannot be used.
        """
        if write and not self._file.exists():  # deleted under way: what is in the journal is still wanted
            self.create()
        patience = self.patience if patience is None else patience
        turn = _turn(_writing[self._file], self.path, patience) if write else nullcontext()
        with turn, refusals(self.path), self.connect(write=write, patience=patience) as connection:
            yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A writing connection to the file, whatever its version; nobody else has it open, and its log is empty.

        Raises:
            StoreBusyError: the file stayed in use.
            StoreError: the file cannot be used.
        """
        self._check_there()
        self._check_writable()
        turn = _turn(_writing[self._file], self.path, self.patience)
        with turn, refusals(self.path), self._open(write=True, patience=self.patience) as connection:
            connection.execute("CHECKPOINT")
            yield connection

    def connect(self, *, write: bool = False, patience: float | None = None) -> Connection:
        """A connection to a file that is known to be ours; the caller closes it.

        Raises:
            StoreBusyError: the file stayed in use for so long.
            StoreError: the file cannot be used.
        """
        self._check_there()
        connection = self._open(write=write, patience=self.patience if patience is None else patience)
        try:
            self._verify(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self, *, write: bool, patience: float) -> Connection:
        import duckdb

        deadline = time.monotonic() + patience
        pause = _LONGEST_PAUSE_S / 8
        while True:
            try:
                return self._attach() if write else duckdb.connect(str(self._file), read_only=True)
            except duckdb.Error as error:
                if not is_busy(error):
                    raise translate(error, self.path, statement=False) from error
                if time.monotonic() + pause > deadline:
                    raise busy(self.path, error) from error
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 (so that two in a row part)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _attach(self) -> Connection:
        """A writing connection, to the file that is there and not to one that was replaced while it was opened."""
        while True:
            before = _identity(self._file)
            connection = self._attached()
            if before == _identity(self._file):
                return connection
            connection.close()

    def _attached(self) -> Connection:
        """How large its row groups are can be said only where a file is attached."""
        import duckdb

        # A merge is small: DuckDB's helper threads would only take a core from the scoring beside it.
        connection = duckdb.connect(config={"threads": 1})
        try:
            file = str(self._file).replace("'", "''")
            connection.execute(f"ATTACH '{file}' AS store (ROW_GROUP_SIZE {self._row_group})")
            connection.execute("USE store")
        except BaseException:
            connection.close()
            raise
        return connection

    def _verify(self, connection: Connection) -> None:
        found = version_of(connection, self.path)
        if found < SCHEMA_VERSION:
            raise OutdatedError(
                f"{self.path}: the database has schema version {found}, from an older cotjudge, and this one reads "
                f"{SCHEMA_VERSION}; bring it up to date with: cotjudge db migrate --db {shlex.quote(str(self.path))}"
            )

    def _build(self) -> None:
        """Make the file aside and put it in place whole, so that nobody sees half of one."""
        import duckdb

        draft = self._file.with_name(f".{self._file.name}.{secrets.token_hex(4)}.new")
        try:
            with refusals(self.path):
                config: dict[str, str | bool | int | float | list[str]]
                config = {"storage_compatibility_version": STORAGE_VERSION}
                with duckdb.connect(str(draft), config=config) as connection:
                    make_tables(connection)
            _put_in_place(draft, self._file)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot make the database: {error.strerror}") from error
        finally:
            for leftover in (draft, draft.with_name(draft.name + ".wal")):
                leftover.unlink(missing_ok=True)

    def _check_there(self) -> None:
        if self._file.is_dir():
            raise StoreError(f"{self.path}: this is a folder; name a file in it with --db")
        if not self._file.exists():
            raise StoreError(
                f"{self.path}: no such database; make one with `cotjudge score`, or name another with --db"
            )
        if not os.access(self._file, os.R_OK):
            raise StoreError(f"{self.path}: the database may not be read; check its permissions")

    def _check_writable(self) -> None:
        folder = self._file.parent
        if self._file.is_dir():
            raise StoreError(f"{self.path}: this is a folder; name a file in it with --db")
        if not folder.exists():
            raise StoreError(f"{self.path}: the folder {folder} does not exist; make it with: mkdir -p {folder}")
        if not folder.is_dir():
            raise StoreError(f"{self.path}: {folder} is a file and cannot hold a database; name another with --db")
        for place in (folder, self._file):
            if place.exists() and not os.access(place, os.W_OK):
                raise StoreError(
                    f"{self.path}: {place} cannot be written; check its permissions, or name another with --db"
                )


def version_of(connection: Connection, path: Path) -> int:
    """The schema version of an open file.

    Raises:
        StoreError: the file is not one of ours, or newer than we are.
    """
    import duckdb

    try:
        found: int | None = connection.execute("SELECT max(schema_version) FROM store_info").fetchall()[0][0]
    except duckdb.CatalogException:
        raise StoreError(f"{path}: this DuckDB file was not made by cotjudge; name another one with --db") from None
    except duckdb.Error as error:
        raise translate(error, path, statement=False) from error
    if found is None or found > SCHEMA_VERSION:
        raise StoreError(
            f"{path}: the database has schema version {found}, and this cotjudge knows {SCHEMA_VERSION}; "
            "upgrade with: pip install --upgrade cotjudge"
        )
    return found


def blueprint() -> Connection:
    """A fresh database in memory, to ask about its tables; the caller closes it."""
    import duckdb

    connection = duckdb.connect()
    make_tables(connection)
    return connection


def make_tables(connection: Connection) -> None:
    """Create the tables and views of a fresh database."""
    schema = resources.files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
    connection.execute("BEGIN")
    connection.execute(schema)
    connection.execute(views.statements())
    connection.execute(
        "INSERT INTO store_info VALUES (?, ?, ?)",
        [SCHEMA_VERSION, version("cotjudge"), datetime.now(UTC).replace(tzinfo=None)],
    )
    connection.execute("COMMIT")


@contextmanager
def refusals(path: Path, *, statement: bool = False) -> Iterator[None]:
    """DuckDB's exceptions leave this block as ours.

    Args:
        path: the database.
        statement: whether a user's own statement runs in it.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise translate(error, path, statement=statement) from error


def selection(connection: Connection, sql: str) -> str:
    """A statement that selects, without the semicolons and comments behind it.

    Raises:
        QueryError: it is not one statement, or not one that selects.
    """
    import duckdb

    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type.name != "SELECT":
        raise QueryError("only the answer of one SELECT can be written to a file")
    text = sql.encode()  # offsets count bytes
    for offset, kind in reversed(duckdb.tokenize(sql)):
        if kind.name != "comment" and not text.startswith(b";", offset):
            break
        text = text[:offset]
    return text.decode()


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file stands under a name just now."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _turn(lock: Lock, path: Path, patience: float) -> Iterator[None]:
    if not lock.acquire(timeout=patience):
        raise busy(path, TimeoutError())
    try:
        yield
    finally:
        lock.release()


def _put_in_place(draft: Path, file: Path) -> None:
    """Rename, but never over a database that another process has put there meanwhile."""
    try:
        os.link(draft, file)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not file.exists():
            draft.rename(file)
