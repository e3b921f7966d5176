"""`cotjudge stability`: does a judge say the same again?"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotjudge.cli.judge_options import JUDGE_HELP, JudgeOptions
from cotjudge.cli.terminal import one_line, say

if TYPE_CHECKING:
    from cotjudge.judges.base import AnyJudge
    from cotjudge.rubric import Rubric
    from cotjudge.run import Run
    from cotjudge.stats.interval import Interval
    from cotjudge.store import Store
    from cotjudge.trace import Trace
    from cotjudge.validation.stability import Row
    from cotjudge.validation.variants import Design, Make

EXIT_FAILED = 1
NAMED_FLIPS = 10
"""Flipped traces that are named for each row; --json names all."""


def stability(
    paths: Annotated[
        list[str], typer.Argument(metavar="DUMP", help="Dumps: files, folders, globs, or - for standard input.")
    ],
    judge: Annotated[str | None, typer.Option(help=JUDGE_HELP)] = None,
    rubric: Annotated[
        list[str] | None,
        typer.Option("--rubric", "-r", help="Rubric id, rubric file, or `all`; repeatable. Default: the three labels."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=2, max=100, help="How often the same is asked, in all.")] = 3,
    vary: Annotated[
        list[str] | None,
        typer.Option(help="repeats, rubric_order, paraphrase, temperature; repeatable, or with commas. Default: all."),
    ] = None,
    temperature: Annotated[
        list[float] | None,
        typer.Option(min=0, metavar="T", help="A sampling temperature to try; repeatable. Default: 0.7 and 1."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use at most so many traces.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=10_000, help="Judgements under way at once.")] = 64,
    api_base: Annotated[str | None, typer.Option(help="Where an LLM judge is served, for your own server.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", help="NAME=VALUE for an LLM judge (temperature=0.5, seed=7, ...); repeatable."),
    ] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence of the intervals.")] = 0.95,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
    json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Ask a judge the same again, in another order, in other words, at other temperatures, and count flipped labels.

    The judge's own verdicts are kept as ever, those of its variants in a database beside it (NAME.stability.duckdb);
    what is there is not asked again. Exit status: 0 all judged; 1 some judgements failed (run again to retry them).
    """
    from cotjudge import settings, stats
    from cotjudge.errors import UsageError
    from cotjudge.rubric_file import resolve
    from cotjudge.store import Store
    from cotjudge.validation.variants import Wish, design

    wish = Wish(varied=_varied(vary), repeats=repeats)
    if temperature:
        wish = Wish(wish.varied, repeats, tuple(temperature))
    stats.require(("numpy", "scipy", "statsmodels"))
    rubrics = resolve(rubric or [])
    options = JudgeOptions(judge=judge, params=param or (), api_base=api_base, concurrency=concurrency)
    plain = options.make(rubrics)
    planned = design(plain, rubrics, wish, _make(options, rubrics))
    for sentence in planned.left_out:
        say(f"note: left out: {sentence}")
    if not planned.comparisons:
        raise UsageError(f"--vary {', '.join(wish.varied)}: that makes no difference to {plain.spec}; try repeats")
    path = settings.database(db)
    patience = settings.patience_s()
    kept = Store(path, patience=patience)
    beside = Store(path.with_name(f"{path.stem}.stability{path.suffix}"), keep_text=False, patience=patience)
    trial = _Trial(plain, tuple(_traces(paths, rubrics, limit)), rubrics, planned, kept, beside, concurrency)
    say(f"{trial.count:,} judgements by {one_line(plain.spec)} and its variants, less those that are there already")
    runs = asyncio.run(trial.run(paths))
    _tell(trial, runs, level, json=json)
    raise typer.Exit(EXIT_FAILED if any(run.failed for run in runs) else 0)


def _varied(given: list[str] | None) -> Any:
    from cotjudge.errors import UsageError
    from cotjudge.validation.variants import VARIED

    named = [part.strip() for option in given or VARIED for part in option.split(",") if part.strip()]
    unknown = [name for name in named if name not in VARIED]
    if unknown or not named:
        raise UsageError(f"--vary {', '.join(unknown)}: choose from {', '.join(VARIED)}")
    return tuple(dict.fromkeys(named))


def _make(options: JudgeOptions, rubrics: Sequence[Rubric]) -> Make:
    """Makes the user's judge anew, otherwise."""
    from dataclasses import replace

    def make(together: Sequence[Rubric], settings: Any) -> AnyJudge:
        params = (*options.params, *(f"{name}={value}" for name, value in settings.items()))
        return replace(options, params=params, bundle=bool(together)).make(together or rubrics)

    return make


def _traces(paths: list[str], rubrics: Sequence[Rubric], limit: int | None) -> Iterator[Trace]:
    """Traces that can be judged, each once."""
    from cotjudge import readers
    from cotjudge.cli.terminal import skip_line
    from cotjudge.errors import InputError
    from cotjudge.evidence import has_judged_text
    from cotjudge.trace import Trace

    seen: set[str] = set()
    for item in readers.read(paths):
        if len(seen) == limit:
            break
        if not isinstance(item, Trace):
            say(skip_line(item))
        elif item.trace_id not in seen and any(has_judged_text(item, rubric.judges) for rubric in rubrics):
            seen.add(item.trace_id)
            yield item
    if not seen:
        raise InputError("no trace could be read; `cotjudge read PATH` shows what is there")


@dataclass(frozen=True)
class _Trial:
    """What one call of the command was asked to do."""

    plain: AnyJudge
    traces: Sequence[Trace]
    rubrics: Sequence[Rubric]
    design: Design
    kept: Store
    beside: Store
    concurrency: int

    @property
    def count(self) -> int:
        """Judgements there are, at most."""
        return len(self.traces) * len(self.rubrics) * len(self.design.judges)

    async def run(self, paths: list[str]) -> list[Run]:
        """One run for every judge that is compared."""
        from cotjudge import api, scoring
        from cotjudge.cli import progress

        runs = []
        try:
            for judge in self.design.judges:
                begun = api.begin_run(judge, self.rubrics, {"paths": paths, "command": "stability"})
                with progress.watch(None) as observe:
                    runs.append(
                        await scoring.score(
                            self.traces,
                            rubrics=self.rubrics,
                            judge=judge,
                            store=self.store(judge),
                            run=begun,
                            limits=scoring.Limits(concurrency=self.concurrency),
                            observe=observe,
                        )
                    )
        finally:
            for judge in self.design.judges:
                await judge.aclose()
        return runs

    def store(self, judge: AnyJudge) -> Store:
        """Where a judge's verdicts are kept: those of variants must not be taken for another judge's opinion."""
        return self.kept if judge is self.plain else self.beside

    def rows(self, level: float) -> list[Row]:
        """What came of it."""
        from cotjudge.validation.stability import compare, labels

        judges = self.design.judges
        said = {j.spec: labels(self.store(j), self.traces, self.rubrics, j) for j in judges}
        return [
            row for comparison in self.design.comparisons for row in compare(comparison, said, self.traces, level=level)
        ]


# --- what is told


def _tell(trial: _Trial, runs: list[Run], level: float, *, json: bool) -> None:
    from cotjudge.cli.terminal import err, out, reader_may_leave

    rows = trial.rows(level)
    counts = Counter(judged=0, cached=0, failed=0)
    for run in runs:
        counts.update(judged=run.judged, cached=run.cached, failed=run.failed)
    console = err() if json else out()
    with reader_may_leave():
        console.print(_table(rows, level))
        for line in _flips(rows):
            console.print(line)
        if json:
            _write_json(trial, rows, counts, level)
    say(f"{len(trial.traces):,} traces; {', '.join(f'{n:,} {name}' for name, n in counts.items())}")
    if trial.beside.path.exists():
        say(f"the variants' verdicts are in {trial.beside.path}")


def _table(rows: list[Row], level: float) -> Any:
    from rich.table import Table

    table = Table(caption=f"with {level:.4g} intervals")
    for heading in ("rubric", "what was varied"):
        table.add_column(heading, overflow="fold")
    for heading in ("traces", "flipped", "flipped %", "two differ %", "failed"):
        table.add_column(heading, justify="right")
    for row in rows:
        f = row.flips
        table.add_row(
            *(row.rubric, row.name, f"{f.traces:,}", f"{len(row.flipped):,}"),
            _share(f.not_unanimous, f.not_unanimous_interval),
            _share(f.disagreement, f.disagreement_interval),
            f"{row.failed:,}",
        )
    return table


def _share(share: float | None, interval: Interval | None) -> str:
    if share is None:
        return "-"
    within = "" if interval is None else f" [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
    return f"{100 * share:.1f}{within}"


def _flips(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        for flip in row.flipped[:NAMED_FLIPS]:
            said = ", ".join(f"{name}: {label or 'failed'}" for name, label in flip.labels.items())
            where = f"{flip.path}#{flip.record}"
            yield f"{row.rubric}, {row.name}: {flip.trace_id[:8]} ({one_line(where)}): {one_line(said)}"
        if len(row.flipped) > NAMED_FLIPS:
            yield f"{row.rubric}, {row.name}: {len(row.flipped) - NAMED_FLIPS:,} more; --json names all"


def _write_json(trial: _Trial, rows: list[Row], counts: Counter[str], level: float) -> None:
    from dataclasses import asdict

    import orjson

    from cotjudge.cli.terminal import safe

    said = {
        "judge": trial.plain.spec,
        "traces": len(trial.traces),
        "level": level,
        **counts,
        "left_out": trial.design.left_out,
        "rows": [asdict(row) for row in rows],
    }
    typer.echo(safe(orjson.dumps(said).decode()))
