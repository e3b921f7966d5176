"""`cotjudge merge`: several machines, one database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer


def merge(
    databases: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Databases; they stay as they are.")],
    into: Annotated[
        Path, typer.Option("--into", metavar="FILE", help="The database to put them into; made if missing.")
    ],
) -> None:
    """Put several databases into one: each row once, of an annotator's labels the newest, runs and journals included."""
    from cotjudge import settings
    from cotjudge.cli.terminal import say
    from cotjudge.errors import UsageError
    from cotjudge.store import Store

    for path in databases:
        if path.exists() and into.exists() and path.samefile(into):
            raise UsageError(f"{path}: a database cannot be merged into itself; leave it out of the list")
        if not path.is_file():
            raise UsageError(f"{path}: no such database")
    store = Store(into, patience=settings.patience_s())
    for path in databases:
        say(f"{path}: {gained_line(store.merge_database(path), into)}")


def gained_line(gained: Mapping[str, int], path: Path) -> str:
    """What a database gained, on one line."""
    told = [f"{count:,} {table}" for table, count in gained.items() if count]
    return f"new in {path}: {', '.join(told) or 'nothing'}"
