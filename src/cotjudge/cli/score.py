"""`cotjudge score`: judge a dump."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotjudge.cli.judge_options import JUDGE_HELP, JudgeOptions
from cotjudge.cli.read import MAP_HELP
from cotjudge.cli.terminal import err, out, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cotjudge.dumps import Dumps
    from cotjudge.judges.base import AnyJudge
    from cotjudge.rubric import Rubric
    from cotjudge.run import Run
    from cotjudge.scoring import Event, Limits, Observer, Tally
    from cotjudge.store import Store

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_BUDGET = 3
EXIT_INTERRUPTED = 130
WORKERS = 1024
"""Judgements under way at most, where the number of calls at once finds itself."""


class JudgedText(StrEnum):
    """Which text of the model is judged."""

    reasoning = "reasoning"
    response = "response"
    both = "both"


def score(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Dumps: files, folders, globs, or - for standard input.")
    ],
    rubric: Annotated[
        list[str] | None,
        typer.Option("--rubric", "-r", help="Rubric id, rubric file, or `all`; repeatable. Default: the three labels."),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(help=JUDGE_HELP),
    ] = None,
    db: Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Judge at most so many traces.")] = None,
    budget: Annotated[
        float | None,
        typer.Option(min=0, metavar="USD", help="Ask nothing that could make the run cost more; exit status 3."),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Calls to a model at once. Default: as many as it takes without a 429."),
    ] = None,
    rpm: Annotated[int | None, typer.Option(min=1, help="Calls to a model in a minute.")] = None,
    tpm: Annotated[int | None, typer.Option(min=1, help="Tokens to a model in a minute.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="Read every file as this format.")] = None,
    map_: Annotated[str | None, typer.Option("--map", help=MAP_HELP)] = None,
    api_base: Annotated[str | None, typer.Option(help="Where an LLM judge is served, for your own server.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", help="NAME=VALUE for an LLM judge (temperature=0.5, seed=7, ...); repeatable."),
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Draws per judgement; the label of most counts.")] = None,
    bundle: Annotated[bool, typer.Option("--bundle", help="Ask all rubrics in one call.")] = False,
    shots: Annotated[int | None, typer.Option(min=0, help="Worked examples of the rubric in the prompt.")] = None,
    logprobs: Annotated[
        bool, typer.Option("--logprobs", help="Score by the probabilities of the answers, where the model gives them.")
    ] = False,
    per_segment: Annotated[
        bool, typer.Option("--per-segment", help="Judge each passage by itself, too, beside the trace.")
    ] = False,
    window_tokens: Annotated[
        int | None,
        typer.Option(
            min=0, help="Tokens of a trace in one call; 0 never cuts. Default: what the model's context takes."
        ),
    ] = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Mask emails, keys and phone numbers before a trace is sent.")
    ] = False,
    redact_pattern: Annotated[
        list[str] | None, typer.Option(metavar="REGEX", help="Mask this, too (RE2); repeatable.")
    ] = None,
    judge_text: Annotated[
        JudgedText | None,
        typer.Option(help="Judge this text of the model, whatever the rubrics say. Default: theirs, reasoning."),
    ] = None,
    text: Annotated[bool, typer.Option("--text/--no-text", help="Keep the traces' text in the database.")] = True,
    batch: Annotated[
        bool, typer.Option("--batch", help="Hand everything to the provider's batch interface; see `cotjudge batch`.")
    ] = False,
    read_again: Annotated[
        bool, typer.Option("--read-again", help="Read files that are as they were and wholly judged, too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be asked, and its price; ask nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Judge every reasoning trace of a dump; what is judged already is not asked again.

    Exit status: 0 all judged; 1 some judgements failed (run again to retry them); 2 a mistake in what was asked;
    3 the budget is reached (run again with a larger one to go on); 130 interrupted (run again to go on).
    """
    from cotjudge import batches, scoring, settings
    from cotjudge.dumps import Reading
    from cotjudge.errors import SettingsError
    from cotjudge.readers import mapping
    from cotjudge.rubric_file import resolve
    from cotjudge.scoring import Limits, Tally
    from cotjudge.store import Store

    if batch and (limited := [name for name, given in (("--budget", budget), ("--rpm", rpm), ("--tpm", tpm)) if given]):
        raise SettingsError(
            f"{', '.join(limited)} cannot bound what a provider's batch does; --dry-run --batch tells its price"
        )
    rubrics = resolve(rubric or [])
    if judge_text is not None:
        rubrics = tuple(r.judging(judge_text.value) for r in rubrics)
    chosen = JudgeOptions(
        judge=judge,
        params=param or (),
        api_base=api_base,
        samples=samples,
        shots=shots,
        logprobs=logprobs,
        bundle=bundle,
        window_tokens=window_tokens,
        redact=redact,
        redact_patterns=redact_pattern or (),
        budget_usd=budget,
        rpm=rpm,
        tpm=tpm,
        concurrency=concurrency,
        db=db,
    ).make(rubrics)
    reading = Reading(
        paths=tuple(paths), format=format_, mapping=mapping.parse(map_) if map_ else None, again=read_again
    )
    store = Store(settings.database(db), keep_text=text, patience=settings.patience_s())
    under_way = batches.under_way(store)
    limits = Limits(
        traces=limit, concurrency=concurrency or WORKERS, per_segment=per_segment, under_way=under_way.keys()
    )
    dumps = scoring.dumps_of(reading, rubrics=rubrics, judge=chosen, store=store, limits=limits)
    task = _Task(dumps, rubrics, chosen, store, limits, Tally())
    if dry_run:
        raise typer.Exit(_plan(task, batch=batch, json=json))
    raise typer.Exit(_submit(task, json=json) if batch else _score(task, json=json))


@dataclass
class _Task:
    """What one call of the command was asked to do."""

    dumps: Dumps
    rubrics: Sequence[Rubric]
    judge: AnyJudge
    store: Store
    limits: Limits
    tally: Tally

    def count(self) -> int:
        """Judgements there will be, by reading everything once more."""
        from cotjudge.evidence import has_judged_text, judged_segments
        from cotjudge.store import JudgedDump
        from cotjudge.trace import Trace

        total = traces = 0
        for item in self.dumps.items_again():
            if isinstance(item, JudgedDump):
                total += item.judgements
            if traces == self.limits.traces:
                break
            if isinstance(item, Trace):
                fitting = sum(has_judged_text(item, rubric.judges) for rubric in self.rubrics)
                total += fitting
                traces += fitting > 0
                if self.limits.per_segment:
                    total += sum(len(judged_segments(item, rubric.judges)) for rubric in self.rubrics)
        return total

    def new_run(self) -> Run:
        """The run to record."""
        from cotjudge.api import begin_run

        reading = self.dumps.reading
        arguments = {
            "paths": list(reading.paths),
            "format": reading.format,
            "map": dict(reading.mapping.paths) if reading.mapping else None,
            "read_again": reading.again,
            "limit": self.limits.traces,
            "concurrency": self.limits.concurrency,
            "per_segment": self.limits.per_segment,
        }
        return begin_run(self.judge, self.rubrics, arguments)


def _plan(task: _Task, *, batch: bool, json: bool) -> int:
    from cotjudge import scoring
    from cotjudge.cli import dry_run, progress

    forecast = dry_run.Forecast(task.judge, task.store, batch=batch)
    with progress.watch(None) as observe:
        tally = scoring.plan(
            task.dumps.items(),
            rubrics=task.rubrics,
            judge=task.judge,
            store=task.store,
            limits=task.limits,
            observe=observe,
            wanted=forecast.add,
        )
    dry_run.tell(tally, forecast, json=json)
    return 0


def _submit(task: _Task, *, json: bool) -> int:
    from cotjudge.cli import batch, progress

    with progress.watch(None) as observe:
        sent = batch.submit(
            task.dumps.items(),
            rubrics=task.rubrics,
            judge=task.judge,
            store=task.store,
            run=task.new_run(),
            limits=task.limits,
            observe=observe,
        )
    if json:
        from cotjudge.cli import summary

        typer.echo(summary.json_line(sent.run, sent.tally))
    return _exit_status(sent.run, sent.tally)


def _score(task: _Task, *, json: bool) -> int:
    from cotjudge import scoring
    from cotjudge.cli import progress, summary
    from cotjudge.errors import StoreBusyError

    task.store.ensure()
    _ = task.dumps.unchanged  # before the thread that counts, for nobody may look into the file beside a merge
    if task.judge.notice:
        say(f"note: {task.judge.notice}")
    run = task.new_run()
    try:
        with progress.watch(None if "-" in task.dumps.reading.paths else task.count) as observe:
            finished = asyncio.run(_run(task, run, observe))
    except StoreBusyError as busy:  # everything is in the journal: the summary is still owed
        say(f"note: {busy}")
        finished = scoring.ended(run, task.tally, "finished" if task.tally.complete else "interrupted")
    summary.print_table(err() if json else out(), task.rubrics, task.tally)
    summary.say_counts(finished, task.tally, task.store.path)
    if json:
        typer.echo(summary.json_line(finished, task.tally))
    return _exit_status(finished, task.tally)


def _exit_status(run: Run, tally: Tally) -> int:
    if run.status == "interrupted":
        return EXIT_INTERRUPTED
    if not tally.traces and not tally.no_reasoning:
        say("error: no trace could be read; `cotjudge read PATH` shows what is there")
        return EXIT_USAGE
    if run.status == "budget":
        return EXIT_BUDGET
    return EXIT_FAILED if tally.failed else 0


async def _run(task: _Task, run: Run, observe: Observer) -> Run:
    from cotjudge import scoring

    stop = asyncio.Event()
    _stop_on_interrupt(stop)

    def remember(event: Event, tally: Tally) -> None:
        task.tally = tally
        observe(event, tally)

    try:
        return await scoring.score(
            task.dumps.items(),
            rubrics=task.rubrics,
            judge=task.judge,
            store=task.store,
            run=run,
            limits=task.limits,
            observe=remember,
            stop=stop,
        )
    finally:
        await task.judge.aclose()


def _stop_on_interrupt(stop: asyncio.Event) -> None:
    """The first Ctrl-C (or SIGTERM) asks nothing new; the second is an ordinary interrupt."""
    import signal

    loop = asyncio.get_running_loop()

    def first() -> None:
        say("stopping: what is under way gets a few seconds, for it is paid for; Ctrl-C again drops it")
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    try:
        loop.add_signal_handler(signal.SIGINT, first)
        loop.add_signal_handler(signal.SIGTERM, first)
    except NotImplementedError:  # Windows: an interrupt drops what is under way
        return
