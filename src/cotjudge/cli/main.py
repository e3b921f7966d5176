"""The command line: its commands, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cotjudge.cli import (
    batch,
    cost,
    db,
    doctor,
    export,
    filter_,
    import_,
    label,
    merge,
    prompt,
    read,
    rubrics,
    score,
    selftest,
    show,
    sql,
)
from cotjudge.cli.terminal import one_line, say
from cotjudge.errors import CotjudgeError

UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer's own click exports only its children
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="cotjudge",
    help="Judge chains of thought by rubrics, check the quoted evidence, ask the verdicts in SQL.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("score")(score.score)
app.command("sql")(sql.sql)
app.command("export")(export.export)
app.command("import")(import_.import_)
app.command("merge")(merge.merge)
app.command("show")(show.show)
app.command("cost")(cost.cost)
app.command("prompt")(prompt.prompt)
app.command("read")(read.read)
app.add_typer(rubrics.app, name="rubrics")
app.add_typer(batch.app, name="batch")
app.add_typer(db.app, name="db")
app.add_typer(label.app, name="label")
app.command("filter")(filter_.filter_)
app.add_typer(selftest.app, name="selftest")
app.command("doctor")(doctor.doctor)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 (typer's callback signature)
    if wanted:
        from importlib.metadata import version

        typer.echo(version("cotjudge"))
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 (handled by its callback)
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run() -> None:
    """Entry point: run a command; every mistake a user can make ends in one clear line and an exit code."""
    sys.exit(main())


def main() -> int:
    """Run the command of `sys.argv`; returns its exit status."""
    try:
        return int(typer.main.get_command(app).main(standalone_mode=False) or 0)
    except UsageError as error:
        context = getattr(error, "ctx", None)
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        say(f"error: {one_line(message)} (see `{context.command_path if context else 'cotjudge'} --help`)")
        return EXIT_USAGE
    except CotjudgeError as error:
        say(f"error: {error}")
        return EXIT_USAGE
    except (typer.Abort, KeyboardInterrupt):
        say("interrupted")
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    run()
