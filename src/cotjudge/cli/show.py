"""`cotjudge show`: one trace in the terminal, its evidence highlighted, its verdicts below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotjudge.cli.terminal import one_line, out, safe

if TYPE_CHECKING:
    from rich.text import Text

    from cotjudge.store import Store

STYLES = ("black on yellow", "black on cyan", "black on green", "black on magenta", "white on blue", "white on red")
ID_LENGTH = 32


def show(
    trace_id: Annotated[str, typer.Argument(help="A trace's id, or the first characters of it.")],
    rubric: Annotated[list[str] | None, typer.Option("--rubric", "-r", help="Only this rubric; repeatable.")] = None,
    judge: Annotated[str | None, typer.Option(help="Only this judge.")] = None,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
) -> None:
    """Show a trace: its turns, the verified quotes marked by letter and colour, and every verdict on it."""
    from cotjudge import settings
    from cotjudge.store import Store

    store = Store(settings.database(db), patience=settings.patience_s())
    full_id = _full_id(store, trace_id)
    console = out()
    for line in page(store, full_id, rubrics=rubric, judge=judge):
        console.print(line, soft_wrap=True)


def page(
    store: Store, trace_id: str, *, rubrics: list[str] | None = None, judge: str | None = None, blind: bool = False
) -> Iterator[Any]:
    """A trace and what was said of it, line by line.

    Args:
        store: the database.
        trace_id: the whole id.
        rubrics: only verdicts on these.
        judge: only verdicts of this judge.
        blind: no verdict and no quote, so that whoever reads it makes up their own mind.
    """
    verdicts = [] if blind else _chosen(store, trace_id, rubrics, judge)
    evidence = _evidence(store, [v["key"] for v in verdicts])
    yield from _heading(store, trace_id)
    yield from _turns(store, trace_id, evidence)
    if not blind:
        yield from _verdicts(store, verdicts, evidence)


def opinions(store: Store, trace_id: str, *, rubrics: list[str], judge: str | None = None) -> Iterator[Any]:
    """What was said of a trace, with the quotes that it rests on, without the trace."""
    from rich.text import Text

    verdicts = _chosen(store, trace_id, rubrics, judge)
    keys = [v["key"] for v in verdicts]
    yield from _verdicts(store, verdicts, _evidence(store, keys))
    quotes = "SELECT * FROM evidence WHERE key IN (SELECT unnest($keys)) AND stance = 'for' ORDER BY key, ordinal"
    for row in _rows(store, quotes, keys=keys) if keys else ():
        checked = "" if row["verified"] else f" (not verified: {row['note']})"
        yield Text(one_line(f"  {row['criterion']}: \u201c{row['quote']}\u201d{checked}"), style="dim")


def _chosen(store: Store, trace_id: str, rubrics: list[str] | None, judge: str | None) -> list[dict[str, Any]]:
    verdicts = _rows(
        store, "SELECT * FROM verdicts WHERE trace_id = $id ORDER BY rubric, judge, created_at", id=trace_id
    )
    return [v for v in verdicts if (not rubrics or v["rubric"] in rubrics) and judge in (None, v["judge"])]


def _full_id(store: Store, prefix: str) -> str:
    from cotjudge.errors import UsageError

    found = _rows(store, "SELECT trace_id FROM traces WHERE starts_with(trace_id, $prefix) LIMIT 2", prefix=prefix)
    if not found:
        raise UsageError(f'no trace {one_line(prefix)!r} in {store.path}; `cotjudge sql "FROM traces"` lists them')
    if len(found) > 1 and len(prefix) < ID_LENGTH:
        raise UsageError(f"more than one trace begins with {one_line(prefix)!r}; give more characters of its id")
    return str(found[0]["trace_id"])


@dataclass(frozen=True, slots=True)
class _Mark:
    """One verified quote: where it stands, and by which letter and colour it is shown."""

    letter: str
    style: str
    key: str
    criterion: str
    segment: int
    start: int
    end: int


def _evidence(store: Store, keys: list[str]) -> list[_Mark]:
    rows = _rows(
        store,
        "SELECT * FROM evidence WHERE key IN (SELECT unnest($keys)) AND verified AND stance = 'for' ORDER BY key, ordinal",
        keys=keys,
    )
    letters: dict[tuple[str, str], int] = {}
    marks = []
    for row in rows:
        number = letters.setdefault((row["key"], row["criterion"]), len(letters))
        letter = ascii_uppercase[number % 26] + (str(number // 26) if number >= 26 else "")
        style = STYLES[number % len(STYLES)]
        marks.append(
            _Mark(letter, style, row["key"], row["criterion"], row["segment"], row["start_char"], row["end_char"])
        )
    return marks


def _heading(store: Store, trace_id: str) -> Iterator[Text]:
    from rich.text import Text

    yield Text(f"trace {trace_id}", style="bold")
    for source in _rows(store, "SELECT * FROM sources WHERE trace_id = $id ORDER BY path, record", id=trace_id):
        about = [f"{name} {source[name]}" for name in ("model", "task", "epoch") if source[name] is not None]
        yield Text(one_line(f"found in {source['path']}, record {source['record']}; {', '.join(about)}"), style="dim")


def _turns(store: Store, trace_id: str, marks: list[_Mark]) -> Iterator[Text]:
    from rich.text import Text

    segments = _rows(store, "SELECT * FROM segments WHERE trace_id = $id ORDER BY segment", id=trace_id)
    for segment in segments:
        part = segment["part"].replace("_", " ")
        title = f"\n── segment {segment['segment']} · turn {segment['turn']} · {segment['role']} · {part} "
        yield Text(safe(title), style="bold magenta" if part == "reasoning" else "bold")
        if segment["text"] is None:
            yield Text(f"({segment['chars']:,} characters; the text was not kept)", style="dim")
        else:
            yield _marked(segment["text"], [m for m in marks if m.segment == segment["segment"]])


def _marked(text: str, marks: list[_Mark]) -> Text:
    """The segment with its quotes coloured, each opened by its letter; overlaps show the last colour."""
    from rich.text import Text

    shown = Text()
    cuts = sorted({0, len(text), *(m.start for m in marks), *(m.end for m in marks)})
    for start, end in pairwise(cuts):
        covering = [m for m in marks if m.start <= start and end <= m.end]
        for mark in covering:
            if mark.start == start:
                shown.append(f"[{mark.letter}]", style=f"bold {mark.style}")
        shown.append(safe(text[start:end]), style=covering[-1].style if covering else "")
    return shown


def _verdicts(store: Store, verdicts: list[dict[str, Any]], marks: list[_Mark]) -> Iterator[Any]:
    from rich.table import Table
    from rich.text import Text

    if not verdicts:
        yield Text("\nno verdict on this trace", style="dim")
    for verdict in verdicts:
        score = "" if verdict["score"] is None else f", score {verdict['score']:.2f}"
        severity = f", {verdict['severity']}" if verdict["severity"] else ""
        yield Text(safe(f"\n{verdict['rubric']}: {verdict['label']}{severity}{score}"), style="bold")
        yield Text(one_line(f"by {verdict['judge']}, rubric version {verdict['rubric_version']}"), style="dim")
        if verdict["injection_suspected"]:
            yield Text("a quote talks to the judge: injection suspected", style="bold red")
        yield Text(safe(verdict["rationale"]))
        table = Table("", "criterion", "answer", "quotes", box=None, padding=(0, 1))
        for row in _rows(store, "SELECT * FROM criteria WHERE key = $key", key=verdict["key"]):
            table.add_row(*_criterion_cells(row, [m for m in marks if m.key == verdict["key"]]))
        yield table


def _criterion_cells(row: dict[str, Any], marks: list[_Mark]) -> tuple[Text, ...]:
    from rich.text import Text

    mine = [m for m in marks if m.criterion == row["criterion"]]
    answer = row["answer"] if row["answer"] == row["given"] else f"{row['answer']} (the judge said {row['given']})"
    letter = Text(mine[0].letter, style=f"bold {mine[0].style}") if mine else Text("")
    quotes = f"{len(mine)} verified" if mine else row["note"] or ""
    return letter, Text(safe(row["criterion"])), Text(safe(answer)), Text(one_line(quotes))


def _rows(store: Store, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    with store.query(sql, parameters) as result:
        return [dict(zip(result.columns, row, strict=True)) for row in result]
