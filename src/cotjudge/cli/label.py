"""`cotjudge label`: what people say about traces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotjudge.cli.terminal import one_line, out, say

if TYPE_CHECKING:
    from cotjudge.labels import Matched
    from cotjudge.rubric import Rubric
    from cotjudge.store import Store

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
_NAMED = 3

app = typer.Typer(
    help="Labels by people: import them, give them one by one, count them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Db = Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")]


@app.command("import")
def import_(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="CSV, TSV, JSON lines, a JSON array, or parquet, by the ending.")
    ],
    rubric: Annotated[
        list[str] | None,
        typer.Option("--rubric", "-r", help="Rubric of rows that name none (an id or a file); repeatable for files."),
    ] = None,
    annotator: Annotated[str, typer.Option(help="Who labelled, for rows without an annotator.")] = "",
    map_: Annotated[
        str, typer.Option("--map", help="Columns with other names: `label=verdict,text=cot`; see docs/labels.md.")
    ] = "",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Import the good rows beside bad ones.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the files and import nothing.")] = False,
    db: Db = None,
) -> None:
    """Import labels; each row names its trace by id, by path and record, by text hash, or by its reasoning text.

    Exit status: 0 all rows are good; 2 a row is bad, and nothing was imported (with --skip-bad: the others were).
    """
    from cotjudge import labels
    from cotjudge.rubric_file import resolve

    store = _store(db)
    terms = labels.Terms(resolve(rubric) if rubric else (), annotator)
    renamed = labels.parse_map(map_)
    matched = labels.match((row for file in files for row in labels.rows(file, renamed)), store, terms)
    for fault in matched.faults:
        say(f"error: {one_line(str(fault))}")
    refused = matched.faults and not skip_bad
    if refused:
        say(f"{len(matched.faults):,} bad rows; nothing was imported (--skip-bad imports the others)")
    elif not dry_run and matched.labels:
        store.import_labels(matched.labels)
    if not refused:
        _say_matched(matched, dry_run=dry_run)
    if matched.faults:
        raise typer.Exit(EXIT_USAGE)


@app.command("next")
def next_(
    rubric: Annotated[str, typer.Option("--rubric", "-r", help="The question: a rubric's id, or a rubric file.")],
    annotator: Annotated[str, typer.Option(help="Your name. Default: the user's, of this computer.")] = "",
    judge: Annotated[str | None, typer.Option(help="Only this judge's verdicts tell what is worth a look.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many traces.")] = 20,
    share_random: Annotated[
        float, typer.Option(min=0, max=1, help="Share drawn at random, on which estimates can rest.")
    ] = 0.5,
    overlap: Annotated[
        float, typer.Option(min=0, max=1, help="Share that others have labelled, to measure agreement.")
    ] = 0.3,
    seed: Annotated[int, typer.Option(help="Which random sample; keep it for one corpus.")] = 0,
    blind: Annotated[
        bool | None,
        typer.Option("--blind/--no-blind", help="Never, or from the start, show verdicts. Default: after the label."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Print the queue as JSON lines, and ask nothing.")] = False,
    db: Db = None,
) -> None:
    """Label the traces worth most, one by one; each label is kept at once, and Ctrl-C loses none.

    Exit status: 0; 2 a mistake in what was asked; 130 interrupted.
    """
    import orjson

    from cotjudge import labels
    from cotjudge.cli.annotating import Session
    from cotjudge.errors import UsageError
    from cotjudge.rubric_file import resolve

    found = resolve([rubric])
    if len(found) != 1:
        raise UsageError(f"--rubric {one_line(rubric)}: name one rubric")
    store = _store(db)
    wish = labels.Wish(found[0], annotator.strip() or _user(), judge, count, share_random, overlap, seed)
    chosen = labels.queue(store, wish)
    if list_:
        for trace_id, selection in chosen:
            typer.echo(orjson.dumps({"trace_id": trace_id, "selection": selection}).decode())
        return
    if not chosen:
        say(_why_nothing(store, found[0], wish.annotator))
        return
    session = Session(store, found[0], wish.annotator, judge=judge, blind=blind)
    try:
        session.run(chosen)
    except (KeyboardInterrupt, typer.Abort):
        session.say_given()
        raise typer.Exit(EXIT_INTERRUPTED) from None
    session.say_given()


@app.command("list")
def list_labels(db: Db = None) -> None:
    """Count the labels by rubric, annotator and label."""
    from cotjudge.cli import rows

    sql = (
        "SELECT rubric, annotator, label, count(*) AS labels, count(*) FILTER (selection = 'random') AS random,"
        " max(created_at)::DATE AS newest FROM labels GROUP BY ALL ORDER BY rubric, annotator, labels DESC"
    )
    with _store(db).query(sql) as result:
        rows.show(result, "table")


def _store(db: Path | None) -> Store:
    from cotjudge import settings
    from cotjudge.store import Store

    return Store(settings.database(db), patience=settings.patience_s())


def _user() -> str:
    import getpass

    from cotjudge.errors import UsageError

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise UsageError("who are you? Name yourself with --annotator NAME") from None


def _why_nothing(store: Store, rubric: Rubric, annotator: str) -> str:
    [(traces, kept)] = store.query("SELECT count(*), count(turns) FROM traces").fetchall()
    if traces and not kept:
        return "the texts of these traces were not kept (--no-text), so there is nothing to read and label"
    who = one_line(annotator)
    return f"nothing to label: {who} has labelled every one of {traces:,} traces that {rubric.id} can be asked about"


def _say_matched(matched: Matched, *, dry_run: bool) -> None:
    done = "would be imported" if dry_run else "imported"
    rest = [f"{matched.same:,} there already"] if matched.same else []
    rest += [f"{matched.older:,} older than what is there"] if matched.older else []
    rest += [f"{len(matched.faults):,} bad rows skipped"] if matched.faults else []
    out().print("; ".join([f"{len(matched.labels):,} labels {done}", *rest]))
    if matched.unknown:
        named = ", ".join(matched.unknown[:_NAMED])
        more = f" and {len(matched.unknown) - _NAMED:,} more" if len(matched.unknown) > _NAMED else ""
        say(f"{len(matched.unknown):,} of these traces are not in the database yet: {named}{more}")
