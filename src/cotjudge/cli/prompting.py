"""The interactive prompt of `cotjudge sql`: history, completion, statements over several lines.

It holds no database open: every statement opens it, answers and lets go, so that scorers are never kept waiting and
every answer is fresh.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cotjudge.cli.statements import split
from cotjudge.cli.terminal import one_line, out, safe, say

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent, Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyBindings

    from cotjudge.store import Store

MODES = ("table", "csv", "jsonl", "markdown")
COMMANDS = {
    ".tables": "the tables and views, each with what it holds",
    ".schema NAME": "the columns of a table or view, with their comments",
    ".mode MODE": f"how answers are written: {', '.join(MODES)}",
    "@NAME name=value": "a named query, with its parameters; `cotjudge sql --list` shows them",
    ".help": "this list",
    ".quit": "leave; so does Ctrl-D",
}
KEYWORDS = (
    *("SELECT", "FROM", "WHERE", "GROUP BY ALL", "ORDER BY", "LIMIT", "JOIN", "USING", "LEFT JOIN", "HAVING", "AS"),
    *("DISTINCT", "COUNT(*)", "AVG", "SUM", "ROUND", "FILTER", "QUALIFY", "OVER", "PARTITION BY", "UNNEST", "WITH"),
    *("AND", "OR", "NOT", "IN", "IS NULL", "IS NOT NULL", "LIKE", "ILIKE", "BETWEEN", "CASE WHEN", "THEN", "ELSE"),
    *("END", "ASC", "DESC", "UNION ALL", "EXCEPT", "EXCLUDE", "REPLACE", "PIVOT", "SUMMARIZE", "DESCRIBE", "EXPLAIN"),
)

Ask = Callable[[str, str], None]
"""Runs one statement and shows its answer in a mode."""


def interact(store: Store, ask: Ask, *, mode: str, queries: Sequence[str] = ()) -> None:
    """Read statements from the terminal until the user leaves.

    Args:
        store: the database, for completion, `.tables` and `.schema`.
        ask: runs one statement and shows its answer.
        mode: how answers are shown at first.
        queries: names of queries that may be asked as `@name`.
    """
    session = _session(_Words(_names(store), queries))
    say(f"{store.path}: statements end with `;`, .help lists the rest, Ctrl-D leaves")
    while True:
        try:
            text = session.prompt("cotjudge> ").strip()
        except KeyboardInterrupt:  # Ctrl-C drops the line
            continue
        except EOFError:
            return
        if text.startswith("."):
            command, _, argument = text.rstrip("; ").partition(" ")
            if command in (".quit", ".exit"):
                return
            mode = _obey(store, command, argument.strip(), mode)
        else:
            _ask_each(ask, text, mode)


def named(text: str) -> tuple[str, list[str]]:
    """`@name` and its `NAME=VALUE` of a line.

    Raises:
        UsageError: a quotation mark that is not closed.
    """
    import shlex

    from cotjudge.errors import UsageError

    try:
        name, *given = shlex.split(text)
    except ValueError:
        raise UsageError("a quotation mark is not closed") from None
    return name, given


def _ask_each(ask: Ask, text: str, mode: str) -> None:
    """Run every statement of a text until one is refused."""
    from cotjudge.errors import CotjudgeError

    try:
        for statement in split(text).all:
            ask(statement, mode)
    except CotjudgeError as error:
        say(f"error: {one_line(str(error))}")
    except KeyboardInterrupt:
        say("cancelled")
    except RuntimeError as error:  # what DuckDB makes of Ctrl-C
        if "interrupt" not in str(error).lower():
            raise
        say("cancelled")


def _obey(store: Store, command: str, argument: str, mode: str) -> str:
    """Do what a line that begins with a dot says; returns the mode from now on."""
    from cotjudge.errors import CotjudgeError

    try:
        match command:
            case ".help":
                _list(COMMANDS.items())
            case ".tables":
                _list(_tables(store))
            case ".schema" if argument:
                _list(_columns(store, argument))
            case ".mode" if argument in MODES:
                return argument
            case ".mode" | ".schema":
                say(f"error: {command} needs {'a mode: ' + ', '.join(MODES) if command == '.mode' else 'a name'}")
            case _:
                say(f"error: no command {one_line(command, 40)}; there are: {', '.join(COMMANDS)}")
    except CotjudgeError as error:
        say(f"error: {one_line(str(error))}")
    return mode


def _list(lines: Iterable[tuple[str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("", "", box=None, show_header=False)
    for name, what in lines:
        table.add_row(Text(one_line(name), style="bold"), Text(one_line(what)))
    out().print(table)


def _tables(store: Store) -> list[tuple[str, str]]:
    return _pairs(
        store,
        "SELECT name, coalesce(max(comment), '') FROM ("
        "SELECT table_name AS name, comment FROM duckdb_tables() WHERE NOT internal AND NOT temporary "
        "UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE NOT internal AND NOT temporary) GROUP BY name ORDER BY name",
    )


def _columns(store: Store, table: str) -> list[tuple[str, str]]:
    from cotjudge.errors import UsageError

    found = _pairs(
        store,
        "SELECT any_value(column_name || ' ' || data_type), coalesce(max(comment), '') FROM duckdb_columns() "
        "WHERE NOT internal AND lower(table_name) = lower($name) GROUP BY column_name ORDER BY min(column_index)",
        name=table,
    )
    if not found:
        raise UsageError(f"no table or view {one_line(table, 60)}; .tables lists them")
    return found


def _names(store: Store) -> list[tuple[str, str]]:
    """Every table, view and column: what can be completed, and what it is."""
    from cotjudge.errors import CotjudgeError

    sql = (
        "SELECT DISTINCT column_name, 'column' FROM duckdb_columns() WHERE NOT internal "
        "UNION SELECT table_name, 'table' FROM duckdb_tables() WHERE NOT internal AND NOT temporary "
        "UNION SELECT view_name, 'view' FROM duckdb_views() WHERE NOT internal AND NOT temporary"
    )
    try:
        return _pairs(store, sql)
    except CotjudgeError as error:  # it may be there by the first statement
        say(f"error: {one_line(str(error))}")
        return []


def _pairs(store: Store, sql: str, **parameters: str) -> list[tuple[str, str]]:
    return [(str(name), str(what)) for name, what in store.query(sql, parameters or None).fetchall()]


class _Words:
    """What can be completed at a place of a text."""

    def __init__(self, names: Sequence[tuple[str, str]], named: Sequence[str]) -> None:
        rank = {"table": 0, "view": 1, "column": 2}
        self._words = [
            *((name, what) for name, what in sorted(names, key=lambda n: (rank[n[1]], n[0])) if safe(name) == name),
            *((word, "SQL") for word in KEYWORDS),
        ]
        self._tables = [(name, what) for name, what in self._words if what in ("table", "view")]
        self._named = [(f"@{name}", "query") for name in named]

    def at(self, before: str) -> Iterator[tuple[str, str, int]]:
        """(word, what it is, characters of it that are written already) for the text before the cursor."""
        line = before.lstrip()
        if line.startswith("."):
            command, space, argument = line.partition(" ")
            if not space:
                yield from _matching([(c.split()[0], what) for c, what in COMMANDS.items() if c[0] == "."], command)
            elif command == ".mode":
                yield from _matching([(m, "mode") for m in MODES], argument)
            elif command == ".schema":
                yield from _matching(self._tables, argument)
            return
        word = before[len(before.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@-")) :]
        if word.startswith("@"):
            yield from _matching(self._named, word)
        elif word:
            yield from _matching(self._words, word.rpartition("-")[2])


def _matching(words: Sequence[tuple[str, str]], begun: str) -> Iterator[tuple[str, str, int]]:
    for word, what in words:
        if word.lower().startswith(begun.lower()):
            yield word, what, len(begun)


def _session(words: _Words) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.lexers import PygmentsLexer
    from pygments.lexers.sql import SqlLexer  # type: ignore[import-untyped]

    class Completing(Completer):
        def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002
            for word, what, begun in words.at(document.text_before_cursor):
                yield Completion(word, start_position=-begun, display_meta=what)

    return PromptSession(
        history=_history(),
        completer=Completing(),
        complete_while_typing=False,
        lexer=PygmentsLexer(SqlLexer),
        multiline=True,
        prompt_continuation="     ...> ",
        key_bindings=_keys(),
    )


def _keys() -> KeyBindings:
    """Enter ends what is whole and begins a new line where it is not."""
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_whole(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys


def is_whole(text: str) -> bool:
    """Whether a text can be run as it stands: a command, a named query, or statements that all have their semicolon."""
    return text.lstrip().startswith((".", "@")) or not split(text).rest


def _history() -> History:
    """What was asked before: in the user's state folder, for nobody else to read."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    file = history_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        file.chmod(0o600)
    except OSError:  # a home that cannot be written is no reason not to answer
        return InMemoryHistory()
    return FileHistory(str(file))


def history_file() -> Path:
    """`$XDG_STATE_HOME/cotjudge/sql_history`, else below `~/.local/state`."""
    state = os.environ.get("XDG_STATE_HOME") or ""
    home = Path(state) if Path(state).is_absolute() else Path("~/.local/state").expanduser()
    return home / "cotjudge" / "sql_history"
