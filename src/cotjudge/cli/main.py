"""The command line: its commands, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated

import typer

from cotjudge.cli.terminal import one_line, say
from cotjudge.errors import CotjudgeError

UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer's own click exports only its children
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

_COMMANDS = (
    *(
        "score",
        "sql",
        "export",
        "import_",
        "merge",
        "show",
        "cost",
        "prevalence",
        "stability",
        "prompt",
        "read",
        "rubrics",
        "batch",
        "db",
        "label",
    ),
    *("agree", "compare", "calibrate", "distil", "filter_", "selftest", "doctor"),
)
"""Modules of commands, in the order in which the help lists them: each has a function of its name, or an `app`."""


def build(only: str | None = None) -> typer.Typer:
    """The command line.

    Args:
        only: the one command that will be run; the modules of the others are then left alone, which saves a tenth of a
            second. All of them where absent, or where there is no such command.
    """
    app = typer.Typer(
        name="cotjudge",
        help="Judge chains of thought by rubrics, check the quoted evidence, ask the verdicts in SQL.",
        invoke_without_command=True,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    names = {module.rstrip("_"): module for module in _COMMANDS}
    for name in [only] if only in names else names:
        module = import_module(f"cotjudge.cli.{names[name]}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, names[name]))
    return app


def _print_version(wanted: bool) -> None:  # noqa: FBT001 (typer's callback signature)
    if wanted:
        from importlib.metadata import version

        typer.echo(version("cotjudge"))
        raise typer.Exit


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
        app = build(next(iter(sys.argv[1:]), None))
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
