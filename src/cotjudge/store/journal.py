"""The journal: what a process has paid for is on disk before it counts.

Every writing process has a folder of its own, `<database>.journal/<owner>/`, with a `lock` file that it holds for as
long as it lives and numbered segments of JSON lines. A line goes straight to the operating system, so that a
`kill -9` right after `append` loses nothing. A folder whose lock can be had has lost its owner; whoever has the lock
may merge its segments and remove it.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

from cotjudge.errors import StoreError

if sys.platform != "win32":
    import fcntl

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Journal:
    """One owner's folder of segments, owned by this process until it is closed.

    Safe for one thread that appends and another that rotates and discards.
    """

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self.lines = 0
        """Lines in the current segment."""
        self.size = 0
        """Bytes in the current segment."""
        self._lock = lock
        self._file: int | None = None
        self._torn = False
        self._guard = Lock()

    @classmethod
    def create(cls, root: Path, owner: str) -> Journal:
        """A new journal under a database's journal folder.

        Raises:
            StoreError: the folder cannot be made, or `owner` is writing already.
        """
        folder = root / owner
        for _ in range(100):  # an orphan's heir may remove the folder before we have locked it
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(f"{folder}: cannot make the journal's folder: {error.strerror}") from error
            journal = cls.adopt(folder)
            if journal:
                return journal
        raise StoreError(f"{folder}: another process writes this journal")

    @classmethod
    def adopt(cls, folder: Path) -> Journal | None:
        """The journal in this folder, if nobody owns it."""
        try:
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{folder}: cannot open the journal's lock: {error.strerror}") from error
        if _try_lock(lock, folder) and _still_there(lock, folder):
            return cls(folder, lock)
        os.close(lock)
        return None

    def append(self, line: bytes) -> None:
        """Write one line, its newline included; it is the operating system's when this returns.

        Raises:
            StoreError: it could not be written whole; what was appended before is kept.
        """
        with self._guard:
            try:
                if self._file is None:
                    self._file = self._new_segment()
                data = b"\n" + line if self._torn else line
                _write_all(self._file, data)
            except OSError as error:
                self._cut_torn_line()
                raise self._not_written(error) from error
            self._torn = False
            self.lines += 1
            self.size += len(data)

    def rotate(self) -> None:
        """Close the current segment, on disk for good; the next line starts a new one.

        Raises:
            StoreError: the disk did not take it.
        """
        with self._guard:
            file, self._file = self._file, None
            self.lines = self.size = 0
            self._torn = False
        if file is None:
            return
        try:
            os.fdatasync(file) if sys.platform == "linux" else os.fsync(file)
        except OSError as error:
            raise self._not_written(error) from error
        finally:
            os.close(file)

    def segments(self) -> list[Path]:
        """The closed segments on disk, oldest first."""
        with self._guard:
            found = sorted(self.folder.glob("*.jsonl"))
            return found if self._file is None else found[:-1]

    def set_aside(self, segment: Path) -> Path:
        """Keep a segment with unreadable lines for people to look at."""
        kept = self.folder.parent / f"unreadable-{self.folder.name}-{segment.name}"
        return segment.rename(kept)

    def close(self) -> bool:
        """Give the journal up; removes its folder if every segment was merged.

        Returns:
            Whether nothing is left to merge.
        """
        try:
            self.rotate()
            merged = not self.segments()
            if merged:
                shutil.rmtree(self.folder, ignore_errors=True)
                with suppress(OSError):  # others' journals are still in it
                    self.folder.parent.rmdir()
        finally:
            os.close(self._lock)
        return merged

    def _new_segment(self) -> int:
        last = max((int(p.stem) for p in self.folder.glob("*.jsonl")), default=0)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        return os.open(self.folder / f"{last + 1:08}.jsonl", flags, 0o666)

    def _cut_torn_line(self) -> None:
        """A line that did not fit must not run into the next one."""
        if self._file is None:
            return
        try:
            os.ftruncate(self._file, self.size)
        except OSError:
            self._torn = True

    def _not_written(self, error: OSError) -> StoreError:
        why = "the disk is full" if error.errno in _FULL else "the disk does not take what is written"
        return StoreError(
            f"{self.folder}: {why} ({error.strerror}). Everything judged before is kept; "
            "make room and run the same command again to go on"
        )


def orphans(root: Path) -> Iterator[Journal]:
    """Journals whose owner is gone, each owned by the caller from now on."""
    try:
        folders = sorted(p for p in root.iterdir() if p.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise StoreError(f"{root}: cannot read the journal's folder: {error.strerror}") from error
    for folder in folders:
        journal = Journal.adopt(folder)
        if journal:
            yield journal


def is_owned(folder: Path) -> bool:
    """Whether a living process writes the journal in this folder."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(lock, folder)
    finally:
        os.close(lock)


def _try_lock(lock: int, folder: Path) -> bool:
    if sys.platform == "win32":
        raise StoreError("scoring needs the file locks of Linux or macOS; on Windows, run it under WSL")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StoreError(
            f"{folder}: this file system has no file locks ({error.strerror}); keep the database on one that has"
        ) from error
    return True


def _still_there(lock: int, folder: Path) -> bool:
    """Whether the locked file is still the folder's: its last owner may have removed it in between."""
    try:
        return os.path.samestat(os.fstat(lock), (folder / "lock").stat())
    except FileNotFoundError:
        return False


def _write_all(file: int, line: bytes) -> None:
    view = memoryview(line)
    while view:
        view = view[os.write(file, view) :]
