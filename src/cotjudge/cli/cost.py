"""`cotjudge cost`: what the judges were paid."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cotjudge.store import Store

BY = {
    "model": "model",
    "judge": "judge",
    "rubric": "rubric",
    "run": "run_id",
    "day": "strftime(created_at, '%Y-%m-%d')",
}
"""What the ledger can be split by -> its expression over the table `calls`."""

# A request that several judgements share (--bundle) has a row for each of them, with its share of tokens and cost.
_SUMS = """
    sum(1.0 / shared_by) AS calls,
    coalesce(sum(1.0 / shared_by) FILTER (outcome = 'unusable'), 0.0) AS unusable,
    coalesce(sum(1.0 / shared_by) FILTER (batch), 0.0) AS batch,
    sum(input_tokens) AS input_tokens,
    sum(cached_tokens) AS cached_tokens,
    sum(output_tokens) AS output_tokens,
    sum(reasoning_tokens) AS reasoning_tokens,
    sum(cost_usd) AS cost_usd,
    coalesce(sum(1.0 / shared_by) FILTER (cost_usd IS NULL), 0.0) AS calls_of_unknown_price"""
_SHARED = ("calls", "unusable", "batch", "calls_of_unknown_price")
_HEADINGS = ("calls", "unusable", "batch", "unpriced", "input", "cached", "output", "reasoning", "cost")

Row = dict[str, Any]


def cost(
    by: Annotated[
        list[str] | None, typer.Option("--by", help=f"Split by {', '.join(BY)}; repeatable, or with commas.")
    ] = None,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
    csv_: Annotated[bool, typer.Option("--csv", help="Comma-separated values, without the total.")] = False,
) -> None:
    """Sum up the ledger: calls, tokens and cost, those of unusable answers included; by model unless --by says else."""
    from cotjudge import settings
    from cotjudge.cli.terminal import reader_may_leave, say
    from cotjudge.errors import UsageError
    from cotjudge.store import Store

    if json and csv_:
        raise UsageError("--json and --csv exclude each other")
    names = _names(by or ["model"])
    store = Store(settings.database(db), patience=settings.patience_s())
    rows, total = _ledger(store, names)
    with reader_may_leave():
        if json:
            _write_json(names, rows, total)
        elif csv_:
            _write_csv(names, rows, total)
        elif rows:
            _print_table(names, rows, total)
    if not rows:
        say(f"no calls in {store.path}: nothing has been asked of a model yet")


def _names(by: Sequence[str]) -> list[str]:
    from cotjudge.errors import UsageError

    names = list(dict.fromkeys(part.strip() for given in by for part in given.split(",") if part.strip()))
    unknown = [name for name in names if name not in BY]
    if unknown or not names:
        raise UsageError(f"--by {', '.join(unknown)}: choose from {', '.join(BY)}")
    return names


def _ledger(store: Store, names: list[str]) -> tuple[list[Row], Row]:
    """The sums by the names, days in order and else the dearest first, and the sum of all."""
    groups = ", ".join(f"{BY[name]} AS {name}_" for name in names)
    keys = ", ".join(f"{name}_" for name in names)
    days = "day_, " if "day" in names else ""
    result = store.query(
        f"SELECT {keys}, {_SUMS}, grouping({names[0]}_) AS is_total FROM (SELECT *, {groups} FROM calls)"  # noqa: S608
        f" GROUP BY GROUPING SETS (({keys}), ()) ORDER BY is_total, {days}cost_usd DESC NULLS LAST, calls DESC, {keys}"
    )
    columns = [*names, *result.columns[len(names) :]]
    rows = [_row(dict(zip(columns, row, strict=True))) for row in result.fetchall()]
    total = rows.pop()
    return rows, {name: value for name, value in total.items() if name not in names}


def _row(raw: Row) -> Row:
    del raw["is_total"]
    for name in _SHARED:
        share = round(raw[name] or 0.0, 2)
        raw[name] = int(share) if share.is_integer() else share
    return raw | {name: int(value or 0) for name, value in raw.items() if name.endswith("_tokens")}


def _write_json(names: list[str], rows: list[Row], total: Row) -> None:
    import orjson

    from cotjudge.cli.terminal import safe

    sys.stdout.write(safe(orjson.dumps({"by": names, "rows": rows, "total": total}).decode()) + "\n")


def _write_csv(names: list[str], rows: list[Row], total: Row) -> None:
    from cotjudge.cli.terminal import safe

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*names, *total])
    writer.writerows(["" if value is None else safe(str(value)) for value in row.values()] for row in rows)


def _print_table(names: list[str], rows: list[Row], total: Row) -> None:
    from rich.table import Table
    from rich.text import Text

    from cotjudge.cli.terminal import one_line, out

    table = Table(show_footer=len(rows) > 1)
    footers = ["total", *[""] * (len(names) - 1)]
    for name, footer in zip(names, footers, strict=True):
        table.add_column(name, footer=footer, overflow="fold", min_width=5)
    footed = _cells(total)
    shown = [at for at, cell in enumerate(footed) if not cell.startswith("0") or _HEADINGS[at] in _ALWAYS]
    for at in shown:
        table.add_column(_HEADINGS[at], footer=footed[at], justify="right", no_wrap=True)
    for row in rows:
        cells = _cells(row)
        table.add_row(*(Text(one_line(str(row[name]))) for name in names), *(cells[at] for at in shown))
    out().print(table)


_ALWAYS = ("calls", "input", "output", "cost")
"""Columns that are shown even where all of them are zero: a narrow terminal has no room for the others then."""


def _cells(row: Row) -> list[str]:
    cached = f"{row['cached_tokens']:,}"
    if row["input_tokens"]:
        cached += f" ({row['cached_tokens'] / row['input_tokens']:.0%})"
    return [
        *(f"{row[name]:,}" for name in ("calls", "unusable", "batch", "calls_of_unknown_price", "input_tokens")),
        cached,
        *(f"{row[name]:,}" for name in ("output_tokens", "reasoning_tokens")),
        _price(row),
    ]


def _price(row: Row) -> str:
    from cotjudge.judges.purse import usd

    unknown = row["calls_of_unknown_price"]
    if not unknown:
        return usd(row["cost_usd"] or 0.0)
    if row["cost_usd"] is None:
        return "unknown"
    return f">= {usd(row['cost_usd'])}"
