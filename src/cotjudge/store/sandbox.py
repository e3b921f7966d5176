"""A statement of somebody we do not know, run where it can do no harm.

It runs in a process of its own (`python -m cotjudge.store.sandbox`), for DuckDB alone cannot hold it: `memory_limit`
bounds what its buffer manager hands out and not the strings a function builds, an interrupt is noticed between two
steps only, and settings count for a whole process. So there are two fences. Inside: the file read-only, no external
access, no extensions, no Python variables, no temporary files, few threads, the configuration locked, one SELECT, a timer that
interrupts. Outside: the operating system bounds the process's memory, its CPU time and the files it writes (none), and
it is killed when it stays beyond its time.

What is not bounded: reading. A statement may read the whole database again and again until its time is up, and it sees every
row, for there are no rights below those on the file. While it runs, scorers wait with their merges (not with their
work). How many run at once is the caller's to bound. On macOS the system does not enforce the limit of memory, and
DuckDB's own is all there is.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from cotjudge.errors import CotjudgeError, QueryError, StoreBusyError, StoreError
from cotjudge.store import overlay
from cotjudge.store.result import Parameters, Result
from cotjudge.store.screening import screen
from cotjudge.store.warehouse import Warehouse, refusals

if TYPE_CHECKING:
    from cotjudge.store.warehouse import Connection

MB = 2**20


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The limits of one statement."""

    seconds: float = 30
    """How long it may take, its rows included."""
    memory_mb: int = 1024
    """Megabytes that it may take, and its answer as well."""
    threads: int = 2
    """Threads of DuckDB."""
    rows: int = 100_000
    """Rows of its answer; what comes after them is left out."""


_STARTING_S = 20.0
"""For the process to start and open the database, on a busy machine; its own clock begins with the statement."""

_OF_ITS_OWN_MB = 256
"""What Python takes beside DuckDB to hold rows on their way out."""

_BATCH = 1_000
_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TZ")
_ERRORS: dict[str, type[CotjudgeError]] = {kind.__name__: kind for kind in (QueryError, StoreError, StoreBusyError)}
_VALUES = {("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")} | {
    ("decimal", "Decimal"),
    ("uuid", "UUID"),
    ("uuid", "SafeUUID"),
    ("builtins", "bytearray"),
}


class Answer(Result):
    """The answer to a statement that was run elsewhere: all of it is here, and the database is free."""

    def __init__(self, found: dict[str, Any], path: Path) -> None:
        self._path = path
        self._rows = iter([found["rows"]])
        self.columns, self.types, self.truncated = found["columns"], found["types"], found["truncated"]

    def write(self, path: Path, format: str = "parquet") -> int:  # noqa: A002, ARG002 (as Result has them)
        """Refused: nothing in a sandbox writes files.

        Raises:
            QueryError: always.
        """
        raise QueryError("the answer of a statement in a sandbox cannot be written to a file")

    def close(self) -> None:
        """Nothing to let go of."""
        self._rows = iter(())

    def _fetch(self) -> list[tuple[Any, ...]]:
        return next(self._rows, [])


def run(path: Path, journals: Path, sql: str, parameters: Parameters, sandbox: Sandbox, *, patience: float) -> Answer:
    """Run one statement in a process of its own.

    Args:
        path: the database.
        journals: the folder of its journals.
        sql: one statement that selects.
        parameters: its parameters.
        sandbox: its limits.
        patience: seconds to wait for a database in use.

    Raises:
        QueryError: DuckDB refuses the statement, or it passed a limit.
        StoreError: the database cannot be used.
    """
    task = {
        "path": str(path.absolute()),
        "journals": str(journals.absolute()),
        "sql": sql,
        "parameters": parameters,
        "patience": patience,
        "sandbox": asdict(sandbox),
    }
    command = [sys.executable, "-P", "-m", __name__]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"HOME": "/nonexistent"}
    with subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd="/"
    ) as process:
        killer = Timer(_STARTING_S + patience + sandbox.seconds, process.kill)
        killer.start()
        try:
            said = _asked(process, pickle.dumps(task), sandbox.memory_mb * MB)
        finally:
            late = not killer.is_alive()
            killer.cancel()
            process.kill()
    found = _loaded(said)
    if found is None:
        raise too_long(sandbox) if late else too_large(sandbox)
    if "error" in found:
        message = str(found["message"]).replace(str(path.absolute()), path.name)
        raise _ERRORS.get(found["error"], StoreError)(message)
    return Answer(found, path)


def too_long(sandbox: Sandbox) -> QueryError:
    """What to tell about a statement that did not end."""
    return QueryError(f"the statement took longer than {sandbox.seconds:g} s and was ended; ask for less")


def too_large(sandbox: Sandbox) -> QueryError:
    """What to tell about a statement that took all its memory."""
    return QueryError(f"the statement took more than {sandbox.memory_mb} MB of memory and was ended; ask for less")


def _asked(process: subprocess.Popen[bytes], task: bytes, limit: int) -> bytes:
    """What the process answers; nothing if that is too much or it dies."""
    assert process.stdin  # noqa: S101 (for the type checker)
    assert process.stdout  # noqa: S101
    with suppress(BrokenPipeError):
        process.stdin.write(task)
        process.stdin.close()
    said = process.stdout.read(limit + 1)
    return b"" if len(said) > limit else said


class _Plain(pickle.Unpickler):
    """Values that DuckDB makes, and nothing else: who has taken the process over must not have ours as well."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _VALUES:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)


def _loaded(said: bytes) -> dict[str, Any] | None:
    try:
        found = _Plain(io.BytesIO(said)).load()
    except (pickle.UnpicklingError, EOFError, ValueError, AttributeError, IndexError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def _main() -> None:
    """The process: a task on standard input, what was found on standard output."""
    task = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 (from our parent)
    sandbox = Sandbox(**task.pop("sandbox"))
    try:
        found = _found(sandbox=sandbox, **task)
        said = pickle.dumps(found)
    except MemoryError:
        said = pickle.dumps(_failure(too_large(sandbox)))
    except CotjudgeError as error:
        said = pickle.dumps(_failure(error))
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()
    os._exit(0)  # whatever DuckDB's threads are still at


def _found(
    *, path: str, journals: str, sql: str, parameters: Parameters, patience: float, sandbox: Sandbox
) -> dict[str, Any]:
    warehouse = Warehouse(Path(path), patience=patience)
    connection = warehouse.connect()
    with refusals(warehouse.path):
        overlay.lay(connection, Path(journals), sql)
        _lock(connection, sandbox)
    _bound(sandbox)
    with _timed(connection, sandbox, warehouse.path):
        screen(connection, sql)
        result = Result(connection, warehouse.path, sql, parameters)
        rows: list[tuple[Any, ...]] = []
        while len(rows) <= sandbox.rows and (more := connection.fetchmany(_BATCH) if result.columns else []):
            rows += more
    return {
        "columns": result.columns,
        "types": result.types,
        "rows": rows[: sandbox.rows],
        "truncated": len(rows) > sandbox.rows,
    }


def _lock(connection: Connection, sandbox: Sandbox) -> None:
    for setting, value in {
        "memory_limit": f"'{sandbox.memory_mb}MB'",
        "threads": str(max(1, sandbox.threads)),
        "temp_directory": "''",
        "max_temp_directory_size": "'0KB'",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "python_enable_replacements": "false",
        "enable_external_access": "false",
        "lock_configuration": "true",
    }.items():
        connection.execute(f"SET {setting} = {value}")


def _bound(sandbox: Sandbox) -> None:
    """From here on the operating system watches this process."""
    if sys.platform == "win32":
        return
    import resource

    def at_most(kind: int, value: int) -> None:
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (value, value))

    at_most(resource.RLIMIT_CORE, 0)
    at_most(resource.RLIMIT_FSIZE, 0)
    at_most(resource.RLIMIT_CPU, int(sandbox.seconds * (sandbox.threads + 1)) + 10)
    if sys.platform == "linux":
        now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        at_most(resource.RLIMIT_AS, now + (sandbox.memory_mb + _OF_ITS_OWN_MB) * MB)


@contextmanager
def _timed(connection: Connection, sandbox: Sandbox, path: Path) -> Iterator[None]:
    """Interrupts the statement when its time is up, and leaves if it does not listen."""
    import duckdb

    timer = Timer(sandbox.seconds, connection.interrupt)
    deaf = Timer(sandbox.seconds + 2, _leave, [too_long(sandbox)])
    timer.daemon = deaf.daemon = True
    timer.start()
    deaf.start()
    try:
        with refusals(path, statement=True):
            yield
    except (QueryError, StoreError) as error:
        cause = error.__cause__
        if isinstance(cause, duckdb.InterruptException) or "Interrupted" in str(error):
            raise too_long(sandbox) from error
        if isinstance(cause, duckdb.OutOfMemoryException) or "bad_alloc" in str(error) or "allocate" in str(error):
            raise too_large(sandbox) from error
        raise
    finally:
        timer.cancel()
        deaf.cancel()


def _leave(error: CotjudgeError) -> None:
    os.write(1, pickle.dumps(_failure(error)))
    os._exit(0)


def _failure(error: CotjudgeError) -> dict[str, str]:
    return {"error": type(error).__name__, "message": str(error)}


if __name__ == "__main__":
    _main()
