"""`cotjudge sql`: ask the verdicts."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cotjudge.store import Result, Store


class Format(StrEnum):
    """How a result is written."""

    table = "table"
    csv = "csv"
    json = "json"
    jsonl = "jsonl"
    markdown = "markdown"
    parquet = "parquet"


_BY_ENDING = {f".{form}": form for form in Format} | {".ndjson": Format.jsonl, ".md": Format.markdown}


def sql(
    statement: Annotated[
        str | None,
        typer.Argument(
            metavar="[SQL]",
            help="A statement in DuckDB's SQL, @NAME for a named query, or - to read some. Without one: a prompt on a "
            "terminal, else as with -.",
        ),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Run the statements of this file, in order.")] = None,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
    format_: Annotated[
        Format | None, typer.Option("--format", "-f", help="Default: by the ending of -o, else a table.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write to this file.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Allow the statement to change the database.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show the named queries and their parameters.")] = False,
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter of @NAME; repeatable.")
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(help="Folder with .sql files of yours. Default: COTJUDGE_QUERIES, or queries if it is there."),
    ] = None,
) -> None:
    """Ask the verdicts: one statement, those of a file, or a prompt. Nothing can be changed without --write."""
    from cotjudge import settings
    from cotjudge.cli import asking, rows
    from cotjudge.cli.terminal import reader_may_leave
    from cotjudge.errors import UsageError
    from cotjudge.store import Store

    folder = settings.queries(queries)
    if list_:
        asking.show(folder)
        return
    form = format_ or (_BY_ENDING.get(output.suffix) if output else None) or Format.table
    if form is Format.parquet and output is None:
        raise UsageError("parquet is not for a terminal; name a file with -o FILE")
    if statement is not None and file is not None:
        raise UsageError("a statement and --file: give one of them")
    asked, parameters = asking.resolve(statement or "", param or [], folder)
    store = Store(settings.database(db), patience=settings.patience_s())
    if statement is None and file is None and output is None and sys.stdin.isatty():
        _prompt(store, form, folder, write=write)
        return
    is_script = statement in {None, "-"}
    text = _script(file) if is_script else asked
    with reader_may_leave():
        if output is None and is_script:
            _run(store, text, form, write=write)
            return
        with store.query(text, parameters, write=write) as result:
            if output is None:
                rows.show(result, form)
            else:
                _save(result, output, form)


def _script(file: Path | None) -> str:
    """The text of a file, or of standard input."""
    from cotjudge.errors import UsageError

    if file is None and sys.stdin.isatty():
        raise UsageError("no statement; give one, or name a file of them with --file")
    try:
        return (sys.stdin.buffer.read() if file is None else file.read_bytes()).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file or 'standard input'}: not UTF-8 text") from None


def _run(store: Store, text: str, form: Format, *, write: bool) -> None:
    """Run several statements on one connection, so that a temporary table lasts, and show what each answers."""
    from cotjudge.cli import rows
    from cotjudge.cli.statements import split
    from cotjudge.store import Result

    with store.connect(write=write) as connection:
        for statement in split(text).all:
            result = Result(connection, store.path, statement)
            if result.columns and not statement.lstrip().upper().startswith("CREATE"):  # which answers with a count
                rows.show(result, form)


def _prompt(store: Store, form: Format, folder: Path | None, *, write: bool) -> None:
    from cotjudge.cli import asking, prompting, rows
    from cotjudge.cli.terminal import say
    from cotjudge.errors import UsageError

    if not sys.stdout.isatty():
        raise UsageError("no statement; the prompt needs a terminal on both sides")
    if form not in prompting.MODES:
        raise UsageError(f"the prompt answers in: {', '.join(prompting.MODES)}")

    def ask(statement: str, mode: str) -> None:
        text, given = prompting.named(statement) if statement.startswith("@") else (statement, [])
        text, parameters = asking.resolve(text, given, folder)
        with store.query(text, parameters, write=write) as result:
            if result.columns:
                rows.show(result, mode)
            else:
                say("done")

    prompting.interact(store, ask, mode=form, queries=[name.lstrip("@") for name in store.queries(folder)])


def _save(result: Result, output: Path, form: Format) -> None:
    from cotjudge.cli import rows
    from cotjudge.cli.terminal import say
    from cotjudge.errors import UsageError

    try:
        if form is Format.parquet:
            count = result.write(output, "parquet")
        else:
            with output.open("w", encoding="utf-8", newline="") as file:
                count = rows.write(result, file, form)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None
    say(f"{count:,} rows written to {output}")
