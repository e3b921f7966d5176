"""A new file in the place of the old one: made aside, whole and on disk before a rename puts it there.

Whoever replaces a database holds its lock meanwhile. A process killed at any moment leaves either the old file or the
new one, and perhaps a draft that the next replacement removes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cotjudge.errors import StoreError

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

DRAFT = "draft"
"""The catalog that is going to be the database."""

_CHUNK = 16 * 2**20
_SPARE = 2**20


def draft_of(file: Path) -> Path:
    """Where the file that replaces this one is made."""
    return file.with_name(f".{file.name}.draft")


@contextmanager
def drafting(file: Path) -> Iterator[Path]:
    """The draft's path, free now and removed afterwards unless it has been put in place."""
    draft = draft_of(file)
    _remove(draft)
    try:
        yield draft
    finally:
        _remove(draft)


def need_room(path: Path, size: int) -> None:
    """Refuse before anything is written.

    Raises:
        StoreError: the disk has not so many bytes left.
    """
    free = shutil.disk_usage(path.absolute().parent).free
    if free < size + _SPARE:
        raise StoreError(
            f"{path}: the disk has {megabytes(free)} left and a new file beside the old one needs "
            f"{megabytes(size + _SPARE)}; make room and run the same command again (nothing was changed)"
        )


def megabytes(size: float) -> str:
    """A size for people."""
    return f"{size / 2**20:,.1f} MB"


def copy(source: int, target: Path) -> None:
    """Copy an open file whole, and onto the disk.

    By descriptor, because closing any descriptor of a file gives up the locks that this process has on it.
    """
    with target.open("xb") as copied:
        offset = 0
        while chunk := os.pread(source, _CHUNK, offset):
            copied.write(chunk)
            offset += len(chunk)
        copied.flush()
        os.fsync(copied.fileno())


def keep(source: int, file: Path, name: str) -> Path:
    """Keep a file under a second name as well, beside any earlier one that has it.

    Args:
        source: the file, open.
        file: its path.
        name: the wanted name.

    Returns:
        The second path.
    """
    for number in range(1, 10_000):
        kept = file.with_name(name if number == 1 else f"{name}.{number}")
        try:
            os.link(file, kept)
        except FileExistsError:
            if kept.samefile(file):  # from a process that was killed right after
                return kept
        except OSError:  # a file system without hard links
            if not kept.exists():
                return _copied(source, kept)
        else:
            return kept
    raise StoreError(f"{file}: there are ten thousand backups called {name}; remove some")


def _copied(source: int, kept: Path) -> Path:
    need_room(kept, os.fstat(source).st_size)
    part = kept.with_name(f".{kept.name}.part")
    part.unlink(missing_ok=True)
    copy(source, part)
    part.replace(kept)
    return kept


def seal(connection: Connection, draft: Path) -> None:
    """Write all of the draft to disk and let go of it.

    Raises:
        StoreError: something of it is left in a log beside it.
    """
    connection.execute(f"CHECKPOINT {DRAFT}")
    connection.execute(f"DETACH {DRAFT}")
    log = _log(draft)
    if log.exists() and log.stat().st_size:
        raise StoreError(f"{draft}: the new file could not be written whole; the old one is unchanged")
    with draft.open("rb") as file:
        os.fsync(file.fileno())


def put_in_place(draft: Path, file: Path) -> None:
    """Replace the file, and onto the disk with it."""
    draft.chmod(file.stat().st_mode & 0o7777)
    draft.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(draft: Path) -> None:
    for path in (draft, _log(draft)):
        path.unlink(missing_ok=True)


def _log(draft: Path) -> Path:
    return draft.with_name(draft.name + ".wal")
