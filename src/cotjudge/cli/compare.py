"""`cotjudge compare`: two runs or judges on the same traces, and which is better."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotjudge.cli.terminal import one_line, safe

if TYPE_CHECKING:
    from rich.table import Table

    from cotjudge.stats.pairs import Difference
    from cotjudge.validation.comparing import AgainstLabels, Comparison, Comparisons, Flip

LONGEST = 1_500
"""Characters of a rationale that are shown in the terminal."""


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A run's id (its beginning will do), or judge:NAME.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one: is it better?")],
    rubric: Annotated[
        list[str] | None, typer.Option("--rubric", "-r", help="Only this rubric; repeatable. Default: all.")
    ] = None,
    labels: Annotated[
        str, typer.Option(metavar="ANNOTATOR", help="Who counts as right. Default: who labelled most of the traces.")
    ] = "",
    cluster: Annotated[
        str, typer.Option(metavar="KEY", help="What is drawn together in the bootstrap: task, meta.scenario, ...")
    ] = "",
    show: Annotated[int, typer.Option(min=0, help="How many flipped traces to show with their rationales.")] = 5,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object on one line, with every flipped trace.")
    ] = False,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
) -> None:
    """Compare two runs or judges on the traces that both judged: what changed, and is B better by the labels?

    Differences are B less A, with 95% intervals. Exit status: 0; 2 a mistake in what was asked.
    """
    from cotjudge import settings, stats
    from cotjudge.cli.terminal import out, reader_may_leave, say
    from cotjudge.store import Store

    stats.require()
    from cotjudge.validation.comparing import Wish
    from cotjudge.validation.comparing import compare as compared

    store = Store(settings.database(db), patience=settings.patience_s())
    wish = Wish(first=first, second=second, rubrics=tuple(rubric or ()), labels=labels, cluster=cluster)
    found = compared(store, wish)
    for note in found.notes:
        say(f"note: {one_line(note)}")
    with reader_may_leave():
        if json:
            _write_json(found)
        else:
            for comparison in found.compared:
                for line in _lines(comparison, show):
                    out().print(line)
    if not found.compared:
        say("they have no trace in common under any rubric")


def _lines(of: Comparison, show: int) -> Iterator[Any]:
    from rich.text import Text

    from cotjudge.validation.comparing import verdict

    yield Text(one_line(f"{of.rubric}: A = {of.first}, B = {of.second}"), style="bold")
    yield Text(f"{of.traces:,} traces judged by both, {len(of.flips):,} flipped", style="dim")
    yield ""
    yield _differences(of)
    if of.against:
        yield from _tested(of.against)
    yield Text(one_line(verdict(of)))
    yield ""
    if of.flips:
        yield _table(of)
        yield ""
    for flip in of.flips[:show]:
        yield from _flip(flip, of)
    if show and len(of.flips) > show:
        yield Text(f"{len(of.flips) - show:,} more flipped traces (--show, or --json for all)", style="dim")
        yield ""


def _differences(of: Comparison) -> Table:
    from rich.text import Text

    table = _plain("", "A", "B", "B - A", "95% interval", "n", "coverage")
    for word, found in of.shares.items():
        table.add_row(Text(one_line(f"share {word}")), *_cells(found))
    if of.against:
        table.add_row(Text(one_line(f"accuracy by {of.against.annotator}")), *_cells(of.against.accuracy))
    return table


def _cells(found: Difference) -> tuple[str, ...]:
    """A, B and so on; a difference of B less A has B first."""
    from cotjudge.validation.wording import ends, number

    gain = number(found.difference)
    signed = f"+{gain}" if found.difference is not None and found.difference > 0 else gain
    coverage = number(found.coverage)
    return number(found.second), number(found.first), signed, ends(found.interval), f"{found.n:,}", coverage


def _tested(of: AgainstLabels) -> Iterator[Any]:
    from rich.text import Text

    test = of.test
    p = "not defined: they are never right apart" if test.p_value is None else f"p = {test.p_value:.3g}"
    yield Text(f"right alone: A {test.only_first:,}, B {test.only_second:,}; McNemar {p}", style="dim")
    if of.coverage and of.coverage[0] != of.coverage[1]:
        yield Text(f"of the labelled traces A decided {of.coverage[0]:.1%}, B {of.coverage[1]:.1%}", style="dim")


def _table(of: Comparison) -> Table:
    from rich.text import Text

    table = _plain("A \\ B", *(one_line(word, 14) for word in of.words))
    for word, counts in zip(of.words, of.table, strict=True):
        table.add_row(Text(one_line(word, 14)), *(f"{count:,}" for count in counts))
    return table


def _flip(flip: Flip, of: Comparison) -> Iterator[Any]:
    """One trace, what both said, and why, side by side."""
    from rich.table import Table
    from rich.text import Text

    truth = f"; {of.against.annotator}: {flip.truth}" if of.against and flip.truth else ""
    yield Text(one_line(f"{flip.trace_id}{truth}"), style="bold")
    both = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=True)
    for name, label in (("A", flip.first), ("B", flip.second)):
        both.add_column(Text(one_line(f"{name}: {label}")), ratio=1, overflow="fold")
    both.add_row(*(Text(_cut(why)) for why in (flip.first_rationale, flip.second_rationale)))
    yield both
    yield ""


def _cut(rationale: str) -> str:
    text = safe(rationale).strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _plain(first: str, *others: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column(Text(first), overflow="fold")
    for heading in others:
        table.add_column(Text(heading), justify="right", no_wrap=True)
    return table


def _write_json(found: Comparisons) -> None:
    import orjson

    answer = {"comparisons": [_one(comparison) for comparison in found.compared], "notes": found.notes}
    sys.stdout.write(safe(orjson.dumps(answer).decode()) + "\n")


def _one(of: Comparison) -> dict[str, Any]:
    from dataclasses import asdict

    from cotjudge.validation.comparing import verdict

    return {
        "rubric": of.rubric,
        "a": {"kind": of.first.kind, "name": of.first.name},
        "b": {"kind": of.second.kind, "name": of.second.name},
        "traces": of.traces,
        "shares": {word: _difference(found) for word, found in of.shares.items()},
        "against": of.against
        and {
            "annotator": of.against.annotator,
            "labelled": of.against.labelled,
            "accuracy": _difference(of.against.accuracy),
            "coverage": of.against.coverage and dict(zip(("a", "b"), of.against.coverage, strict=True)),
            "mcnemar": _mcnemar(of.against),
        },
        "verdict": verdict(of),
        "words": of.words,
        "table": of.table,
        "flips": [_in_letters(asdict(flip)) for flip in of.flips],
    }


def _difference(found: Difference) -> dict[str, Any]:
    """Of two shares; the second stands first in a difference of B less A."""
    interval = found.interval and [found.interval.low, found.interval.high]
    told = {"a": found.second, "b": found.first, "difference": found.difference, "interval": interval}
    return told | {"n": found.n, "coverage": found.coverage}


def _mcnemar(of: AgainstLabels) -> dict[str, Any]:
    test = of.test
    counts = {"both": test.both, "only_a": test.only_first, "only_b": test.only_second, "neither": test.neither}
    return counts | {"p_value": test.p_value, "exact": test.exact}


def _in_letters(flip: dict[str, Any]) -> dict[str, Any]:
    names = {"first": "a", "second": "b", "first_rationale": "a_rationale", "second_rationale": "b_rationale"}
    return {names.get(name, name): value for name, value in flip.items()}
