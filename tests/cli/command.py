"""The command line as a user runs it: a real process in an empty folder."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


def _listen_to_interrupts() -> None:
    """A test runner in the background ignores SIGINT, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Done:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of standard output."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def rows(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@contextmanager
def columns(cli: Cli, width: int) -> Iterator[None]:
    """A terminal of this width for `cli.inside`; the console is made once in a process and keeps its width."""
    from cotjudge.cli.terminal import out

    out.cache_clear()
    cli.environment["COLUMNS"], before = str(width), cli.environment["COLUMNS"]
    try:
        yield
    finally:
        cli.environment["COLUMNS"] = before
        out.cache_clear()


class Cli:
    """Runs `cotjudge` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "COLUMNS": "120",
            "OPENAI_API_KEY": "sk-test-not-a-real-key",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }

    def __call__(self, *arguments: str | Path, stdin: str | bytes | None = None, **environment: str) -> Done:
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment | environment,
            input=raw if raw is not None else b"",
            capture_output=True,
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def inside(self, *arguments: str | Path) -> Done:
        """Run it in this process, where litellm is imported only once for all tests."""
        from cotjudge.cli.main import main

        raw, err = io.BytesIO(), io.StringIO()
        out = io.TextIOWrapper(raw, "utf-8")
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["cotjudge", *map(str, arguments)])
            for name, value in self.environment.items():
                patch.setenv(name, value)
            code = main()
            out.flush()
        return Done(code, raw.getvalue().decode(), err.getvalue())

    def start(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Run it in the background."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_listen_to_interrupts,  # noqa: PLW1509 (nothing here holds a lock)
        )

    @staticmethod
    def command(*arguments: str | Path) -> list[str]:
        """The command line."""
        return [sys.executable, "-W", "error", "-m", "cotjudge", *map(str, arguments)]

    def dump(self, name: str = "d.jsonl", count: int = 3) -> Path:
        """A dump of different little traces."""
        lines = [
            json.dumps({"id": i, "reasoning": f"I add {i} and {i}.", "response": str(2 * i)}) for i in range(count)
        ]
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        return path
