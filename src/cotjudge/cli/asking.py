"""Named queries on the command line: `cotjudge sql --list`, `cotjudge sql @NAME --param NAME=VALUE`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotjudge.errors import QueryError, UsageError

if TYPE_CHECKING:
    from cotjudge.store.named import NamedQuery, Parameter


def resolve(text: str, given: Sequence[str], folder: Path | None) -> tuple[str, dict[str, Any] | None]:
    """A statement and its parameters; `@name` is the named query, anything else stands as it is.

    Args:
        text: what the user asked.
        given: `NAME=VALUE`, each.
        folder: the folder with the user's queries.

    Raises:
        UsageError: a parameter without `=`, or twice, or for a statement without a name.
        QueryError: there is no such query, or it does not take such parameters.
    """
    from cotjudge.store import Store

    values: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--param {pair}: write it as --param NAME=VALUE")
        if name in values:
            raise UsageError(f"--param {name} is given twice")
        values[name] = value
    name = text.strip()
    if not name.startswith("@"):
        if values:
            raise UsageError("--param goes with a named query, as in: cotjudge sql @prevalence --param by=model")
        return text, None
    return Store.named(name, values, folder=folder)


def show(folder: Path | None) -> None:
    """Print every named query with its parameters; what is wrong with a file goes to standard error."""
    from rich.table import Table
    from rich.text import Text

    from cotjudge.cli.terminal import one_line, out, say
    from cotjudge.store import Store

    table = Table("query", "answers", "parameters")
    faults: list[QueryError] = []
    for name, found in Store.queries(folder).items():
        if isinstance(found, QueryError):
            faults.append(found)
            continue
        answers = Text(one_line(found.description) + _whose(found))
        parameters = "\n".join(one_line(_described(parameter)) for parameter in found.parameters)
        table.add_row(Text(one_line(f"@{name}")), answers, Text(parameters))
    out().print(table)
    for fault in faults:
        say(f"not a query: {one_line(str(fault))}")


def _whose(found: NamedQuery) -> str:
    return " (yours)" if found.own else ""


def _described(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f"={parameter.default or repr('')}"
    return f"{parameter.name}{default}: {parameter.text}"
