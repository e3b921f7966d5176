"""Named queries: one `.sql` file each, ours in `queries/`, a user's in a folder of their own.

    -- How often each label is present, by model, task or metadata.
    -- param by = model [model, task, meta.*]: what is grouped by
    -- param least = 1: fewest traces of a row
    SELECT ... WHERE "by" = $by AND traces >= $least;

The first line says what it answers. Then come the parameters: without `= DEFAULT` one must be given, `[...]` lists the
values that it may have (with `*` for anything), and one whose default is a number must be a number. The rest is one
statement, with `$name` where a parameter's value stands; a value is never SQL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from cotjudge.errors import QueryError

_PARAMETER = re.compile(
    r"--\s*param\s+(?P<name>[A-Za-z_]\w*)\s*"
    r"(?:=\s*(?P<default>(?:'[^']*'|[^'\s:\[][^:\[]*?)?)\s*)?"
    r"(?:\[(?P<choices>[^]]+)\]\s*)?:\s*(?P<text>\S.*)"
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a named query."""

    name: str
    """Its name, as in `$name` and `--param name=value`."""
    default: str | None
    """Its value where none is given; None where one must be given."""
    choices: tuple[str, ...]
    """Values it may have, `*` standing for anything; none where all are allowed."""
    text: str
    """What it is, in a line."""

    def value(self, given: str) -> str | int | float:
        """The value for SQL: a number where the default is one.

        Raises:
            ValueError: it may not have this value; the message says which it may.
        """
        if self.choices and not any(fnmatchcase(given, choice) for choice in self.choices):
            raise ValueError(f"{self.name} may be {', '.join(self.choices)}, not {given!r}")
        if self.default is None or not _NUMBER.fullmatch(self.default):
            return given
        try:
            return float(given) if "." in self.default else int(given)
        except ValueError:
            kind = "a number" if "." in self.default else "a whole number"
            raise ValueError(f"{self.name} must be {kind}, not {given!r}") from None


@dataclass(frozen=True)
class NamedQuery:
    """A statement with a name."""

    name: str
    """What follows `@`: the file's name without its ending."""
    description: str
    """What it answers, in a line."""
    parameters: tuple[Parameter, ...]
    """Its parameters, in the file's order."""
    sql: str
    """The file."""
    path: str
    """Where the file is, for messages."""
    own: bool
    """Whether it is the user's."""

    def bind(self, given: Mapping[str, str]) -> dict[str, Any]:
        """A value for every parameter.

        Raises:
            QueryError: a parameter that it does not have, one that is missing, or a value that cannot be.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        faults = [f"no parameter {name!r}{_nearest(name, known)}" for name in given if name not in known]
        bound: dict[str, Any] = {}
        for name, parameter in known.items():
            value = given.get(name, parameter.default)
            if value is None:
                faults.append(f"give {name} ({parameter.text}) with --param {name}=VALUE")
                continue
            try:
                bound[name] = parameter.value(value)
            except ValueError as error:
                faults.append(str(error))
        if faults:
            takes = f"; it takes {', '.join(known)}" if known else "; it takes no parameters"
            raise QueryError(f"@{self.name}: {'; '.join(faults)}{takes}")
        return bound


def queries(folder: Path | None = None) -> dict[str, NamedQuery | QueryError]:
    """Every named query by name, in order; a user's stands before ours of the same name.

    Args:
        folder: the user's folder.

    Returns:
        Name -> the query, or what is wrong with its file.

    Raises:
        QueryError: the folder cannot be read.
    """
    found = {path.name.removesuffix(".sql"): _tried(path, own=False) for path in _ours()}
    if folder is not None:
        try:
            files = [path for path in folder.iterdir() if path.suffix == ".sql" and path.is_file()]
        except OSError as error:
            raise QueryError(f"{folder}: cannot read this folder of queries: {error.strerror}") from None
        found |= {path.stem: _tried(path, own=True) for path in files}
    return dict(sorted(found.items()))


def query(name: str, folder: Path | None = None) -> NamedQuery:
    """The query of that name, known to be one statement that uses the parameters it declares.

    Args:
        name: its name, with or without `@`.
        folder: the user's folder.

    Raises:
        QueryError: there is none, or its file is no query.
    """
    name = name.removeprefix("@")
    known = queries(folder)
    found = known.get(name)
    if found is None:
        raise QueryError(f"no query named @{name}{_nearest(name, known)}; cotjudge sql --list shows all")
    if isinstance(found, QueryError):
        raise found
    _check(found)
    return found


def parse(text: str, *, name: str, path: str, own: bool) -> NamedQuery:
    """A named query from its file.

    Raises:
        QueryError: the file does not begin with a description, or a parameter's line cannot be read.
    """
    first, *rest = text.removeprefix("\ufeff").splitlines() or [""]
    description = first.removeprefix("--").strip()
    if not first.startswith("--") or not description:
        raise QueryError(f"{path}: line 1: begin with what it answers, as: -- How many verdicts there are")
    parameters: list[Parameter] = []
    for number, line in enumerate(rest, 2):
        if not line.startswith("--"):
            break
        if not re.match(r"--\s*param\b", line):
            continue
        match = _PARAMETER.fullmatch(line.strip())
        if not match:
            raise QueryError(f"{path}: line {number}: write a parameter as: -- param NAME = DEFAULT [a, b]: what it is")
        if match["name"] in {parameter.name for parameter in parameters}:
            raise QueryError(f"{path}: line {number}: the parameter {match['name']} is there twice; delete one")
        parameters.append(_parameter(match, f"{path}: line {number}"))
    return NamedQuery(name=name, description=description, parameters=tuple(parameters), sql=text, path=path, own=own)


def _parameter(match: re.Match[str], place: str) -> Parameter:
    default = match["default"]
    parameter = Parameter(
        name=match["name"],
        default=default if default is None else default.strip().strip("'"),
        choices=tuple(choice.strip() for choice in (match["choices"] or "").split(",") if choice.strip()),
        text=match["text"].strip(),
    )
    if parameter.default is not None:
        try:
            parameter.value(parameter.default)
        except ValueError as error:
            raise QueryError(f"{place}: the default of {error}") from None
    return parameter


def _check(found: NamedQuery) -> None:
    """Whether the file is one statement with the parameters it declares."""
    import duckdb

    try:
        statements = duckdb.extract_statements(found.sql)
    except duckdb.Error as error:
        raise QueryError(f"{found.path}: {' '.join(str(error).split())}") from None
    if len(statements) != 1:
        raise QueryError(f"{found.path}: a named query is one statement, and this file has {len(statements)}")
    used, declared = set(statements[0].named_parameters), {parameter.name for parameter in found.parameters}
    if missing := sorted(used - declared):
        raise QueryError(
            f"{found.path}: ${missing[0]} is not declared; add a line: -- param {missing[0]} = DEFAULT: what it is"
        )
    if idle := sorted(declared - used):
        raise QueryError(f"{found.path}: the parameter {idle[0]} is declared and not used; delete its line")


def _ours() -> list[Traversable]:
    folder = resources.files(__package__).joinpath("queries")
    return [path for path in folder.iterdir() if path.name.endswith(".sql")]


def _tried(path: Traversable, *, own: bool) -> NamedQuery | QueryError:
    try:
        return parse(path.read_text(encoding="utf-8"), name=path.name.removesuffix(".sql"), path=str(path), own=own)
    except OSError as error:
        return QueryError(f"{path}: cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return QueryError(f"{path}: is no UTF-8 text")
    except QueryError as error:
        return error


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    return f" (did you mean {' or '.join(near)}?)" if near else ""
