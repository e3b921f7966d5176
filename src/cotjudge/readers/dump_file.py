"""One file that is meant: what it holds, and by what its content is told again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import NamedTuple

import orjson

from cotjudge.readers import limits, registry, remote
from cotjudge.readers.base import Skipped
from cotjudge.readers.locations import STDIN
from cotjudge.readers.mapping import Mapping
from cotjudge.trace import Trace


class DumpFile(NamedTuple):
    """A file, an archive, an address or standard input, not read yet."""

    path: str
    """As the user named it."""
    items: Callable[[], Iterator[Trace | Skipped]]
    """Reads it."""

    def content_hash(self) -> str | None:
        """BLAKE2b-128 over its bytes as they are on disk; None where they cannot be read twice, or are elsewhere."""
        return content_hash(self.path)


def content_hash(path: str) -> str | None:
    """BLAKE2b-128 over a plain file's bytes; None for anything else."""
    if path == STDIN or remote.is_remote(path) or not Path(path).is_file():
        return None
    try:
        with Path(path).open("rb", buffering=0) as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        return None


def reading_hash(format_name: str | None, mapping: Mapping | None) -> str:
    """32 hex digits over all that decides what is read from given bytes, our own code included."""
    told = [
        format_name,
        mapping.paths if mapping is not None else None,
        version("cotjudge"),
        _code_hash(),
        sorted((point.name, point.value, _version_of(point.dist)) for point in entry_points(group=registry.GROUP)),
        limits.max_member_bytes(),
        limits.max_ratio(),
    ]
    return hashlib.blake2b(orjson.dumps(told), digest_size=16).hexdigest()


def _version_of(distribution: object) -> str:
    return str(getattr(distribution, "version", ""))


@cache
def _code_hash() -> str:
    """A version number says nothing in a checkout, where readers change under the same one."""
    digest = hashlib.blake2b(digest_size=16)
    ours = resources.files("cotjudge")
    modules = [*ours.joinpath("readers").iterdir(), ours.joinpath("trace.py"), ours.joinpath("evidence.py")]
    for module in sorted(modules, key=lambda entry: entry.name):
        if module.name.endswith(".py"):
            digest.update(module.read_bytes())
    return digest.hexdigest()
