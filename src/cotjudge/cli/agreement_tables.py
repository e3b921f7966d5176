"""What `cotjudge agree` shows: a block for each pair of raters, a line for each group and criterion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from cotjudge.cli.terminal import one_line

if TYPE_CHECKING:
    from rich.table import Table

    from cotjudge.validation.agreeing import Agreements, Annotators
    from cotjudge.validation.measuring import Measured

WIDE = 110
"""Columns from which on more intervals find room."""
GAP = 3
"""Columns between blocks."""


def lines(found: Agreements, width: int) -> Iterator[Any]:
    """Everything there is to show, from top to bottom."""
    for _, pair in groupby(found.measured, lambda m: (m.about.rubric, m.about.rater, m.about.reference)):
        yield from _pair(list(pair), width)
    if found.annotators:
        yield _annotators(found.annotators)


def _pair(measured: Sequence[Measured], width: int) -> Iterator[Any]:
    """The whole in full; the parts in one line each."""
    from rich.text import Text

    from cotjudge.validation.wording import counted, groups, title

    whole, *parts = measured
    yield Text(one_line(title(whole)), style="bold")
    yield Text(one_line(counted(whole)), style="dim")
    yield ""
    blocks = [_confusion(whole), *(_metrics(rows) for rows in groups(whole))]
    for row in _beside(blocks, width):
        yield row
        yield ""
    groups_of_label = [m for m in parts if not m.about.criterion]
    of_criteria = [m for m in parts if m.about.criterion]
    if groups_of_label:
        yield _parts("group", groups_of_label, width)
        yield ""
    if of_criteria:
        yield _parts("criterion", of_criteria, width)
        yield ""


def _beside(blocks: list[Table], width: int) -> Iterator[Table]:
    """Blocks side by side, as many as there is room for."""
    from rich.measure import Measurement
    from rich.table import Table

    from cotjudge.cli.terminal import out

    rows: list[list[Table]] = [[]]
    room = width
    for block in blocks:
        size = Measurement.get(out(), out().options.update_width(width), block).maximum + GAP
        if rows[-1] and size - GAP > room:
            rows.append([])
            room = width
        rows[-1].append(block)
        room -= size
    for row in rows:
        side_by_side = Table.grid(padding=(0, GAP, 0, 0))
        side_by_side.add_row(*row)
        yield side_by_side


def _confusion(measured: Measured) -> Table:
    from rich.text import Text

    table = _plain()
    reference, rater = (one_line(str(x), 16) for x in (measured.about.reference, measured.about.rater))
    table.add_column(Text(f"{reference} \\ {rater}"), no_wrap=True)
    for word in measured.words:
        table.add_column(Text(one_line(word, 14)), justify="right", no_wrap=True)
    for word, counts in zip(measured.words, measured.table, strict=True):
        table.add_row(Text(one_line(word, 14)), *(f"{count:,}" for count in counts))
    return table


def _metrics(rows: list[tuple[str, str, str]]) -> Table:
    table = _plain()
    table.add_column("metric", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("95% interval", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _parts(what: str, measured: list[Measured], width: int) -> Table:
    """One line each: of groups, or of criteria and their groups."""
    from rich.text import Text

    from cotjudge.validation.wording import ends, number

    fields = {"accuracy": "acc.", "precision": "prec.", "recall": "recall", "kappa": "kappa", "ac1": "AC1"}
    if any(getattr(m.agreement, "auroc", None) is not None for m in measured):
        fields["auroc"] = "AUROC"
    told = ("kappa", "recall", "precision") if width >= WIDE else ("kappa",)
    table = _plain(0)
    table.add_column(what, overflow="fold")
    for heading in ("n", "cov."):
        table.add_column(heading, justify="right", no_wrap=True)
    for field, heading in fields.items():
        table.add_column(heading, justify="right", no_wrap=True)
        if field in told:
            table.add_column("95%", no_wrap=True)
    for one in measured:
        cells = [f"{one.agreement.n:,}", number(one.agreement.coverage)]
        for field in fields:
            cells.append(number(getattr(one.agreement, field, None)))
            if field in told:
                cells.append(ends(one.intervals.get(field)))
        table.add_row(Text(_name(one)), *cells)
    return table


def _name(measured: Measured) -> str:
    about = measured.about
    if not about.criterion:
        return one_line(about.group, 60)
    return f"  {one_line(about.group, 60)}" if about.group else one_line(about.criterion)


def _annotators(found: Sequence[Annotators]) -> Table:
    from rich.text import Text

    from cotjudge.validation.wording import ends, number

    table = _plain()
    table.title = "All annotators together"
    table.title_justify = "left"
    for heading in ("rubric", "annotators"):
        table.add_column(heading, overflow="fold")
    table.add_column("traces", justify="right")
    table.add_column("alpha", justify="right", no_wrap=True)
    table.add_column("95% interval", no_wrap=True)
    for one in found:
        names = Text(one_line(", ".join(one.names)))
        table.add_row(Text(one_line(one.rubric)), names, f"{one.traces:,}", number(one.alpha), ends(one.interval))
    return table


def _plain(space: int = 1) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, space, 0, 0), show_edge=False)
