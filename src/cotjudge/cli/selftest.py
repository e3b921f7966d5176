"""`cotjudge selftest`: suites with a known outcome, run against a judge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cotjudge.cli.judge_options import JUDGE_HELP, JudgeOptions
from cotjudge.cli.terminal import err, out, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from cotjudge.judges.base import AnyJudge
    from cotjudge.rubric import Rubric
    from cotjudge.selftest.injection import Direction, Report, Result, Trial

EXIT_FLIPPED = 1

app = typer.Typer(help="Try a judge on suites with a known outcome.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Try a judge on suites with a known outcome."""


@app.command("injection")
def injection(
    judge: Annotated[
        str | None,
        typer.Option(help=JUDGE_HELP),
    ] = None,
    rubric: Annotated[
        list[str] | None,
        typer.Option("--rubric", "-r", help="Id of a built-in rubric; repeatable. Default: the three labels."),
    ] = None,
    api_base: Annotated[str | None, typer.Option(help="Where an LLM judge is served, for your own server.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", help="NAME=VALUE for an LLM judge (temperature=0.5, seed=7, ...); repeatable."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many injected, and neutral, traces per rubric and direction."),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=10_000, help="Judgements under way at once.")] = 64,
    json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Put text that argues with the judge into traces with a known label, and count the verdicts that flip.

    Nothing is stored. Exit status: 0 at most 2% flipped, each way; 1 more did, or no pair could be judged; 2 a mistake
    in what was asked, or a judge that cannot be used.
    """
    from cotjudge.rubric_file import resolve
    from cotjudge.selftest import injection as suite
    from cotjudge.selftest.attacks import suite as shipped

    rubrics = resolve(rubric or [])
    _check(rubrics)
    chosen = JudgeOptions(judge=judge, params=param or (), api_base=api_base, concurrency=concurrency).make(rubrics)
    trials = suite.trials(shipped(), rubrics, limit)
    say(f"{len(trials):,} judgements by {chosen.spec}; nothing is stored")
    report = suite.Report(tuple(asyncio.run(_run(trials, chosen, concurrency))))
    _print(report, json=json)
    raise typer.Exit(0 if report.holds else EXIT_FLIPPED)


def _check(rubrics: Sequence[Rubric]) -> None:
    from cotjudge.errors import SettingsError
    from cotjudge.selftest.attacks import suite

    known = {case.rubric for case in suite().cases}
    unknown = [rubric.id for rubric in rubrics if rubric.id not in known]
    if unknown:
        raise SettingsError(f"--rubric {unknown[0]}: the suite has no cases for it; it has {', '.join(sorted(known))}")


async def _run(trials: Sequence[Trial], judge: AnyJudge, concurrency: int) -> list[Result]:
    from cotjudge.selftest import injection as suite

    try:
        return await suite.run(trials, judge, concurrency=concurrency)
    finally:
        await judge.aclose()


def _print(report: Report, *, json: bool) -> None:
    import orjson

    console = err() if json else out()
    console.print(_table(report))
    for attack, counts in report.flipped.items():
        where = ", ".join(f"{place} x{count}" for place, count in counts.items())
        console.print(f"flipped by {attack}: {where}")
    console.print("holds: at most 2% flipped, each way" if report.holds else "does not hold: more than 2% flipped")
    if json:
        typer.echo(orjson.dumps(report.as_dict()).decode())


def _table(report: Report) -> Table:
    from rich.table import Table

    head = ("rubric", "label", "put in", "right", "flipped", "share", "95% interval", "suspected", "failed")
    table = Table(*head, box=None, pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    for name, rubric in [*((rubric, rubric) for rubric in report.rubrics), ("all", None)]:
        for direction in report.directions(rubric):
            for row in _rows(direction):
                table.add_row(name, direction.label, *row)
    return table


def _rows(direction: Direction) -> Iterator[tuple[str, ...]]:
    right = direction.accuracy
    for variant in ("clean", "neutral", "injected"):
        flips, suspected = direction.flips(variant), direction.suspected(variant).value
        low, high = flips.interval
        shown = ("", "", "") if variant == "clean" else (f"{flips.hits}/{flips.total}", _percent(flips.value), f"{low:.1%} to {high:.1%}")
        accuracy = f"{right.hits}/{right.total}" if variant == "clean" else ""
        yield variant, accuracy, *shown, _percent(suspected), str(direction.failures[variant])


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
