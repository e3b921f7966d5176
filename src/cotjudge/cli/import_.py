"""`cotjudge import`: an export back into a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `cotjudge export --to DIR` wrote.")],
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
) -> None:
    """Read an export into a database; what is there already stays, so a second time changes nothing."""
    from cotjudge import settings
    from cotjudge.cli.merge import gained_line
    from cotjudge.cli.terminal import say
    from cotjudge.store import Store

    store = Store(settings.database(db), patience=settings.patience_s())
    say(gained_line(store.import_export(folder), store.path))
