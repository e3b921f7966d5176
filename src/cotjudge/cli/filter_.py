"""`cotjudge filter`: a corpus without the records that a condition over verdicts picks out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cotjudge.cli.read import MAP_HELP
from cotjudge.cli.terminal import one_line, out, say


class Unjudged(StrEnum):
    """What becomes of records without a verdict."""

    keep = "keep"
    drop = "drop"
    fail = "fail"


def filter_(
    corpus: Annotated[list[str], typer.Argument(metavar="CORPUS", help="Dumps: files, folders, globs, archives.")],
    drop: Annotated[
        str,
        typer.Option(
            "--drop",
            metavar="SQL",
            help="Drop where this is true: \"goal_directed_scheming = 'present'\"; see docs/filter.md.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="File to write; for a folder, several files or an archive a folder.")
    ],
    judge: Annotated[str | None, typer.Option(help="Whose verdicts count, where several judges answered.")] = None,
    unjudged: Annotated[
        Unjudged, typer.Option("--unjudged", help="Records without a verdict: keep, drop, or fail and write nothing.")
    ] = Unjudged.keep,
    manifest: Annotated[
        Path | None, typer.Option(help="What was dropped and why, as JSON lines. Default: OUTPUT.manifest.jsonl.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count and write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that an earlier filter wrote.")] = False,
    format_: Annotated[str | None, typer.Option("--format", help="Read every file as this format.")] = None,
    map_: Annotated[str | None, typer.Option("--map", help=MAP_HELP)] = None,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
) -> None:
    """Write the records of a corpus that a condition is not true of, unchanged byte for byte, in the corpus's format.

    Exit status: 0; 2 a mistake, and nothing was written.
    """
    from cotjudge import filtering, settings
    from cotjudge.readers import mapping
    from cotjudge.store import Store

    store = Store(settings.database(db), patience=settings.patience_s())
    outcome = filtering.judge_by(store, drop, judge=judge)
    order = filtering.Order(
        paths=tuple(corpus),
        out=output,
        manifest=manifest or output.with_name(f"{output.name}.manifest.jsonl"),
        unjudged=unjudged.value,
        format=format_,
        mapping=mapping.parse(map_) if map_ else None,
        dry_run=dry_run,
        force=force,
    )
    done = filtering.filter_corpus(order, outcome)
    would = "would be " if dry_run else ""
    out().print(
        one_line(
            f"{done.records:,} records in {done.files:,} files: {done.kept:,} {would}kept, "
            f"{done.records - done.kept:,} {would}dropped"
        )
    )
    if done.unjudged:
        fate = "dropped" if unjudged is Unjudged.drop else "kept"
        say(f"{done.unjudged:,} records have no verdict on this and were {fate} (--unjudged keep, drop or fail)")
    if done.whole:
        say(f"{done.whole:,} files are in formats that are written whole; nothing in them was to be dropped")
    if not dry_run:
        say(f"written to {order.out}; what was dropped and why: {order.manifest}")
