"""`cotjudge export`: the verdicts for other tools."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

import typer


class Shape(StrEnum):
    """What the records of `-o` look like."""

    precomputed = "precomputed"
    hf = "hf"


def export(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Every table as parquet, in this folder.")
    ] = None,
    format_: Annotated[
        Shape | None,
        typer.Option(
            "--format",
            "-f",
            help="JSON lines: precomputed (what Inspect's precomputed_scores reads) or hf (one record a trace, for "
            "Hugging Face's datasets).",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the JSON lines here, not to standard output.")
    ] = None,
    rubric: Annotated[str | None, typer.Option("--rubric", "-r", help="precomputed: the rubric.")] = None,
    judge: Annotated[str | None, typer.Option(help="JSON lines: the judge, where there are several.")] = None,
    source: Annotated[str | None, typer.Option(metavar="PATH", help="precomputed: only samples of this dump.")] = None,
    text: Annotated[
        bool, typer.Option("--text/--no-text", help="--to: with the traces' text; quotes always go along.")
    ] = True,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
) -> None:
    """Write the database as parquet files that `cotjudge import` reads back, or its verdicts as JSON lines."""
    from cotjudge import settings
    from cotjudge.cli.terminal import reader_may_leave, say
    from cotjudge.errors import UsageError
    from cotjudge.store import Store

    if (to is None) == (format_ is None):
        raise UsageError("name a folder with --to DIR, or a format with --format precomputed or hf")
    if to is not None and (output or rubric or judge or source):
        raise UsageError("--to writes everything; -o, --rubric, --judge and --source belong to --format")
    store = Store(settings.database(db), patience=settings.patience_s())
    if to is not None:
        manifest = store.export(to, keep_text=text)
        say(f"{manifest.rows['verdicts']:,} verdicts on {manifest.rows['traces']:,} traces written to {to}")
        return
    if format_ is Shape.hf and (rubric or source):
        raise UsageError("--format hf has every rubric and every trace; --rubric and --source belong to precomputed")
    records = (
        store.flat_records(judge=judge)
        if format_ is Shape.hf
        else store.precomputed_scores(rubric=rubric, judge=judge, path=source)
    )
    if output is None:
        with reader_may_leave():
            _write(records, sys.stdout.buffer)
        return
    say(f"{_save(records, output):,} records written to {output}")


def _save(records: Iterator[dict[str, Any]], output: Path) -> int:
    """Write a file whole or not at all."""
    from cotjudge.errors import UsageError

    draft = output.with_name(f".{output.name}.{secrets.token_hex(4)}.new")
    try:
        with draft.open("wb") as file:
            count = _write(records, file)
        draft.replace(output)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return count


def _write(records: Iterator[dict[str, Any]], file: IO[bytes]) -> int:
    import orjson

    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007 (counted here, told by the caller)
        file.write(orjson.dumps(record, default=str, option=orjson.OPT_APPEND_NEWLINE))
    file.flush()
    return count
