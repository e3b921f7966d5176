"""`cotjudge db`: care for the database over time."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotjudge.cli.terminal import one_line, out, reader_may_leave, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cotjudge.store import Store

EXIT_FOUND = 1

app = typer.Typer(
    help="Care for the database: check it, make it small, measure it, bring an old one up to date.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Db = Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on one line.")]


@app.command()
def check(db: Db = None, json: Json = False) -> None:
    """Look for what cannot be in a sound database, one line for each finding; changes nothing.

    It reads every block, compares the tables with each other and the spans with the texts, and looks at the journals
    and the batches beside the file. Exit status: 0 nothing was found, 1 something was, 2 the file cannot be opened.
    """
    from cotjudge.rubric_file import builtin_ids

    store = _store(db)
    findings = [(f.place, f.what, f.count, f.examples) for f in store.check(rubrics=builtin_ids())]
    findings += [(store.path.name + ".batches", what, 1, ()) for what in _batch_faults(store)]
    with reader_may_leave():
        if json:
            names = ("place", "what", "count", "examples")
            typer.echo(_dumped({"findings": [dict(zip(names, finding, strict=True)) for finding in findings]}))
        else:
            for place, what, count, examples in findings:
                some = f" ({count:,}: {', '.join(examples)}{', …' * (count > len(examples))})" if examples else ""
                typer.echo(one_line(f"{place}: {what}{some}"))
    if findings:
        say(f"{len(findings):,} {'finding' if len(findings) == 1 else 'findings'} in {store.path}")
        raise typer.Exit(EXIT_FOUND)
    say(f"{store.path}: nothing to find fault with")


@app.command()
def vacuum(db: Db = None, json: Json = False) -> None:
    """Merge the journals that dead processes left, and rewrite the file without free space; not while somebody scores."""
    store = _store(db)
    done = store.vacuum()
    if json:
        typer.echo(_dumped(dataclasses.asdict(done)))
    else:
        merged = f"{done.merged:,} journal lines merged, " if done.merged else ""
        say(f"{store.path}: {merged}{_size(done.before)} before, {_size(done.after)} now")


@app.command()
def stats(db: Db = None, json: Json = False) -> None:
    """Rows and bytes by table, bytes by verdict, verdicts by judge and rubric, and the time they span."""
    store = _store(db)
    found = store.stats()
    with reader_may_leave():
        if json:
            raw = dataclasses.asdict(found)
            raw |= {"tables": {t.name: {"rows": t.rows, "bytes": t.bytes} for t in found.tables}}
            raw |= {name: time and time.isoformat() for name, time in (("first", found.first), ("last", found.last))}
            typer.echo(_dumped(raw))
            return
        _table("table", "rows", "size", rows=[(t.name, f"{t.rows:,}", _size(t.bytes)) for t in found.tables])
        for title, counts in (("judge", found.judges), ("rubric", found.rubrics)):
            if counts:
                _table(title, "verdicts", rows=[(name, f"{count:,}") for name, count in counts.items()])
    per_verdict = f", {found.bytes_per_verdict:,.0f} bytes by verdict" if found.bytes_per_verdict else ""
    span = f"; verdicts from {found.first:%Y-%m-%d %H:%M} to {found.last:%Y-%m-%d %H:%M} UTC" if found.first else ""
    journals = f", {_size(found.journal_bytes)} in journals" if found.journal_bytes else ""
    say(
        f"{store.path}: schema version {found.schema_version}, {_size(found.file_bytes)} ({_size(found.free_bytes)} of it "
        f"free){journals}{per_verdict}{span}"
    )


@app.command()
def migrate(db: Db = None) -> None:
    """Bring a database of an older cotjudge up to date; the file as it was is kept beside it.

    `cotjudge score` does so by itself. The work is done on a copy: killed at any moment, it leaves the old file or the
    new one.
    """
    store = _store(db)
    done = store.migrate()
    say(str(done) if done else f"{store.path}: up to date")


def _store(db: Path | None) -> Store:
    from cotjudge import settings
    from cotjudge.store import Store

    return Store(settings.database(db), patience=settings.patience_s())


def _batch_faults(store: Store) -> Iterator[str]:
    """What is wrong with the batches beside the database."""
    from cotjudge.batches.shelf import Shelf
    from cotjudge.errors import StoreError

    try:
        batches = Shelf(store).batches()
    except StoreError as error:
        yield str(error)
        return
    waiting = [batch.id for batch in batches if batch.open]
    if waiting:
        say(f"note: {len(waiting):,} batches are under way; see: cotjudge batch status")


def _table(name: str, *others: str, rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column(name, overflow="fold")
    for other in others:
        table.add_column(other, justify="right", no_wrap=True)
    for first, *rest in rows:
        table.add_row(one_line(first), *rest)
    out().print(table)
    out().print()


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def _dumped(value: dict[str, Any]) -> str:
    import orjson

    return orjson.dumps(value).decode()
