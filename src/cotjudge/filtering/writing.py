"""What is written: beside its place first, compressed by the ending of its name, put in place whole."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from cotjudge.errors import InputError, UsageError

_CHUNK = 2**20


def draft_of(place: Path) -> Path:
    """A name beside a place, for what will stand there."""
    return place.with_name(f".{place.name}.{secrets.token_hex(4)}.new")


@contextmanager
def writing(path: Path, ending: str = "") -> Iterator[BinaryIO]:
    """A new file, packed as an ending says: .gz, .zst, .xz, .bz2; any other: not packed.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            raw = stack.enter_context(path.open("wb"))
            yield stack.enter_context(_packed(ending, raw)) if is_packed(ending) else raw
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


def put_in_place(draft: Path, place: Path) -> None:
    """Rename, over an older file but never over a folder that holds something.

    Raises:
        UsageError: it cannot be.
    """
    try:
        if draft.is_dir() and place.is_dir():
            place.rmdir()
        draft.replace(place)
    except OSError as error:
        raise UsageError(f"cannot write {place}: {error.strerror or error}") from None


def remove(draft: Path) -> None:
    """Take a draft away, if it is still there."""
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, as hex.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def copy(source: io.BufferedIOBase | BinaryIO, target: BinaryIO) -> None:
    """All that is left of a stream."""
    shutil.copyfileobj(source, target, _CHUNK)


def is_packed(name: str) -> bool:
    """Whether a name, or its ending, is that of a packed file."""
    return name.lower().endswith(_PACKED)


_PACKED = (".gz", ".zst", ".xz", ".bz2")


def _packed(ending: str, raw: BinaryIO) -> BinaryIO:
    if ending == ".zst":
        import zstandard

        return cast("BinaryIO", zstandard.ZstdCompressor().stream_writer(raw, closefd=False))
    if ending == ".gz":
        return cast("BinaryIO", gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0))
    return cast("BinaryIO", lzma.LZMAFile(raw, "wb") if ending == ".xz" else bz2.BZ2File(raw, "wb"))
