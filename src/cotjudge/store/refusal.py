"""What DuckDB's refusals mean to a user: each of its exceptions as one of ours, on one line."""

from __future__ import annotations

import re
from pathlib import Path

from cotjudge.errors import CotjudgeError, QueryError, StoreBusyError, StoreError

# Whose fault an exception is when a user's own statement raised it; elsewhere every one is the store's.
KINDS: dict[str, type[CotjudgeError]] = {
    "BinderException": QueryError,
    "CatalogException": QueryError,
    "ConnectionException": StoreError,
    "ConstraintException": QueryError,
    "ConversionException": QueryError,
    "DataError": QueryError,
    "DatabaseError": QueryError,
    "DependencyException": QueryError,
    "Error": QueryError,
    "FatalException": StoreError,
    "HTTPException": QueryError,
    "IOException": QueryError,
    "IntegrityError": QueryError,
    "InternalError": QueryError,
    "InternalException": QueryError,
    "InterruptException": QueryError,
    "InvalidInputException": QueryError,
    "InvalidTypeException": QueryError,
    "NotImplementedException": QueryError,
    "NotSupportedError": QueryError,
    "OperationalError": QueryError,
    "OutOfMemoryException": QueryError,
    "OutOfRangeException": QueryError,
    "ParserException": QueryError,
    "PermissionException": QueryError,
    "ProgrammingError": QueryError,
    "ResourceInUseException": StoreError,
    "SequenceException": QueryError,
    "SerializationException": StoreError,
    "SyntaxException": QueryError,
    "TransactionException": StoreError,
    "TypeMismatchException": QueryError,
    "Warning": QueryError,
}

WOULD_CHANGE = "the statement would change the database; allow that with --write"

_HELD = re.compile(r"Conflicting lock is held in (.+) \(PID (\d+)\)")
_BUSY = ("Could not set lock", "with a different configuration", "Unique file handle conflict")

# Fragments of DuckDB's messages about the file itself -> what to say and do.
_ABOUT_THE_FILE = (
    (
        ("not a valid DuckDB database",),
        "this file is not a DuckDB database; name another one with --db, or move this one away",
    ),
    (
        ("Corrupt database", "Could not read enough bytes", "does not match stored checksum", "checkpoint was corrupt"),
        "the database is damaged; move it away (or put a copy back) and run the same command again",
    ),
    (
        ("with version number", "newer DuckDB version", "newer version of DuckDB"),
        "the database was written by a newer DuckDB; upgrade with: pip install --upgrade duckdb",
    ),
    (
        ("No space left", "Disk quota exceeded", "File too large", "enough free space"),
        "the disk is full; what is not merged yet is kept in the journal: make room and run the same command again",
    ),
)


def is_busy(error: BaseException) -> bool:
    """Whether another process (or another connection of ours) holds the file."""
    return any(sign in str(error) for sign in _BUSY)


def busy(path: Path, error: BaseException) -> StoreBusyError:
    """What to tell about a file that stayed in use."""
    held = _HELD.search(str(error))
    by = f"{held[1]} (process {held[2]})" if held else "another program, or another part of this one"
    return StoreBusyError(f"{path}: the database is kept open by {by}; close it there and run the same command again")


def translate(error: BaseException, path: Path, *, statement: bool) -> CotjudgeError:
    """One of our errors for one of DuckDB's.

    Args:
        error: what DuckDB raised.
        path: the database.
        statement: whether a user's own statement raised it.
    """
    text = str(error)
    if is_busy(error):
        return busy(path, error)
    for signs, meaning in _ABOUT_THE_FILE:
        if any(sign in text for sign in signs):
            return StoreError(f"{path}: {meaning}")
    kind = _kind(error) if statement else StoreError
    if kind is StoreError:
        return StoreError(f"{path}: {one_line(text)}")
    if "attached in read-only mode" in text:
        return QueryError(WOULD_CHANGE)
    if "'pytz'" in text:
        return QueryError("a time with a zone needs `pip install pytz`, or cast it: now()::TIMESTAMP")
    return kind(one_line(text))


def one_line(text: str) -> str:
    """DuckDB's message without the line of its caret."""
    lines = [line.strip() for line in text.splitlines()]
    return " ".join(line for line in lines if line.strip("^~ ")) or "DuckDB gave no reason"


def _kind(error: BaseException) -> type[CotjudgeError]:
    """The nearest class we know; Python's own errors come from values it cannot hold."""
    return next((KINDS[c.__name__] for c in type(error).__mro__ if c.__name__ in KINDS), QueryError)
