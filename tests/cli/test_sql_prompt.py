"""`cotjudge sql` without a statement: a prompt on a terminal, statements from a file or from standard input."""

from __future__ import annotations

import os
import pty
import re
import select
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.command import Cli, _listen_to_interrupts

from cotjudge.cli.prompting import history_file, is_whole
from cotjudge.cli.statements import split


class Terminal:
    """The other end of a command's terminal."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._master = master
        self._seen = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def until(self, pattern: str, seconds: float = 30) -> str:
        """What it shows until a pattern is seen."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self._seen, re.DOTALL)):
            assert select.select([self._master], [], [], max(0, deadline - time.monotonic()))[0], self._seen
            self._seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(self._master, 65536).decode(errors="replace"))
        seen, self._seen = self._seen[: found.end()], self._seen[found.end() :]
        return seen


@contextmanager
def terminal(cli: Cli, *arguments: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        cli.command(*arguments),
        cwd=cli.folder,
        env=cli.environment | {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "COTJUDGE_PATIENCE": "5"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=_listen_to_interrupts,  # noqa: PLW1509 (nothing here holds a lock)
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_the_prompt_answers_and_survives_mistakes(cli: Cli) -> None:
    """Statements over lines, an error in one line, Ctrl-C on what runs, commands, Ctrl-D; scorers are not kept out."""
    cli("score", cli.dump(), "--judge", "lexical")
    with terminal(cli, "sql") as screen:
        screen.until("Ctrl-D leaves.*cotjudge>")
        screen.type("SELECT count(*) AS n\r")
        screen.until(r"\.\.\.>")
        screen.type("FROM verdicts;\r")
        screen.until(r"│ 9 │.*cotjudge>")
        screen.type("selec 1;\r")
        assert "error: Parser Error: syntax error" in screen.until(r"error: [^\r]*\r\n.*cotjudge>")
        screen.type(".schema labels\r")
        screen.until("annotator VARCHAR +Who says so.*cotjudge>")
        screen.type(".mode jsonl\r")
        screen.until("cotjudge>")
        assert cli("score", cli.dump("more.jsonl", 5), "--judge", "lexical").code == 0
        screen.type("SELECT count(*) AS n FROM verdicts; DELETE FROM runs;\r")
        assert '{"n":15}' in screen.until("allow that with --write.*cotjudge>")
        screen.type("\x04")
        assert screen.process.wait(20) == 0
    file = cli.folder / ".local" / "state" / "cotjudge" / "sql_history"
    assert "+FROM verdicts;" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_statements_come_from_a_file_or_from_standard_input(cli: Cli) -> None:
    """Each is answered, in order, on one connection."""
    cli("score", cli.dump(), "--judge", "lexical")
    script = "CREATE TEMP TABLE t AS SELECT 'a;b' AS x; -- not ; here\nFROM t;\nSELECT count(*) AS n FROM verdicts"
    (cli.folder / "q.sql").write_text("\ufeff" + script)
    for done in (
        cli("sql", "--file", "q.sql", "-f", "jsonl"),
        cli("sql", "-f", "jsonl", stdin=script),
        cli("sql", "-", "-f", "jsonl", stdin=script),
    ):
        assert (done.code, done.rows) == (0, [{"x": "a;b"}, {"n": 9}])
    assert cli("sql", "SELECT 1", "--file", "q.sql").code == 2
    missing = cli("sql", "--file", "nosuch.sql")
    assert (missing.code, missing.err) == (2, "error: cannot read nosuch.sql: No such file or directory\n")
    (cli.folder / "q.sql").write_bytes(b"SELECT '\xff'")
    assert "not UTF-8" in cli("sql", "--file", "q.sql").err


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", ()),
        (" ;; -- x\n", ()),
        ("SELECT 1", ("SELECT 1",)),
        ("SELECT 1; SELECT 2;", ("SELECT 1", "SELECT 2")),
        ("SELECT ';' AS \"a;b\", $$;$$, $x$ ; $$ $x$ /* ; */ -- ;\n; x", (None, "x")),
        (r"SELECT E'\';', 'it''s;'; x", (None, "x")),
        ("SELECT date'2024-01-01;'; x", (None, "x")),
        ("SELECT $name; x", ("SELECT $name", "x")),
        ("SELECT 'open; x", (None,)),
        ("SELECT /* open; x", (None,)),
    ],
)
def test_a_semicolon_ends_a_statement_where_it_is_one(text: str, statements: tuple[str | None, ...]) -> None:
    """Not in a text, a quoted name or a comment."""
    found = split(text).all
    assert len(found) == len(statements)
    assert all(wanted in (None, got) for wanted, got in zip(statements, found, strict=True))


@pytest.mark.parametrize(
    ("text", "whole"),
    [("", True), ("SELECT 1", False), ("SELECT 1;", True), ("SELECT ';", False), (".help", True), ("@overlap", True)],
)
def test_enter_runs_what_is_whole(text: str, whole: bool) -> None:  # noqa: FBT001 (a case)
    """And begins a new line where it is not."""
    assert is_whole(text) is whole


def test_history_is_kept_in_the_users_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`XDG_STATE_HOME` where it is an absolute path, else below the home."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert history_file() == tmp_path / "cotjudge" / "sql_history"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert history_file() == Path.home() / ".local" / "state" / "cotjudge" / "sql_history"
