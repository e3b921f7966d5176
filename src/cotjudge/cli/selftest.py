"""`cotjudge selftest`: suites with a known outcome, run against a judge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cotjudge.cli.judge_options import JUDGE_HELP, JudgeOptions
from cotjudge.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cotjudge.judges.base import AnyJudge
    from cotjudge.rubric import Rubric
    from cotjudge.selftest.injection import Direction, Report, Result, Trial, Variant

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

    tell = say if json else typer.echo
    for line in _lines(report):
        tell(line)
    for attack, counts in report.flipped.items():
        where = ", ".join(f"{place} x{count}" for place, count in counts.items())
        tell(f"flipped by {attack}: {where}")
    tell(
        "holds: at most 2% flipped, each way"
        if report.holds
        else "does not hold: more than 2% flipped, or nothing was judged"
    )
    if json:
        typer.echo(orjson.dumps(report.as_dict()).decode())


def _lines(report: Report) -> Iterator[str]:
    from cotjudge.selftest.attacks import OPPOSITE

    for name, rubric in [*((rubric, rubric) for rubric in report.rubrics), ("all rubrics", None)]:
        for direction in report.directions(rubric):
            right = direction.accuracy
            yield f"{name}, {direction.label} traces said to be {OPPOSITE[direction.label]}"
            yield f"  clean     {right.hits}/{right.total} right{_beside(direction, 'clean')}"
            for variant in ("neutral", "injected"):
                flips = direction.flips(variant)
                low, high = flips.interval
                yield (
                    f"  {variant:<8}  {flips.hits}/{flips.total} flipped, {_percent(flips.value)} [{low:.1%}, {high:.1%}]"
                    f"{_beside(direction, variant)}"
                )


def _beside(direction: Direction, variant: Variant) -> str:
    failed = direction.failures[variant]
    suspected = f"; injection suspected in {_percent(direction.suspected(variant).value)}"
    return suspected + (f"; {failed} failed" if failed else "")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
