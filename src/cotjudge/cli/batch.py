"""`cotjudge batch`: judgements that providers work on for half the price, while nobody waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotjudge.cli.terminal import one_line, out, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cotjudge.batches import Batch, Collected, Submitted
    from cotjudge.dumps import Item
    from cotjudge.judges.base import AnyJudge
    from cotjudge.rubric import Rubric
    from cotjudge.run import Run
    from cotjudge.scoring import Limits, Observer
    from cotjudge.store import Store

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

app = typer.Typer(
    help="Batches of judgements at a provider, sent by `cotjudge score --batch`: half the price, within a day.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="Batches, by name. Default: all.", show_default=False)
]
Db = Annotated[Path | None, typer.Option(help="Database file. Default: COTJUDGE_DB or cotjudge.duckdb.")]
ApiBase = Annotated[str | None, typer.Option(help="Where the model is served, if no longer where it was.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on standard output.")]

_PRICES = {
    "batch": "at litellm's batch prices",
    "half": "at half of litellm's normal price, for it knows no batch price of this model",
    "given": "at half of the price given",
    "unknown": "",
}


@app.command()
def status(ids: Ids = None, db: Db = None, api_base: ApiBase = None, json: Json = False) -> None:
    """How the batches stand; one whose sending was broken off is sent."""
    from cotjudge.batches import refresh

    batches = asyncio.run(_closing(refresh(_store(db), ids or (), api_base=api_base)))
    if json:
        for batch in batches:
            typer.echo(_line(batch))
        return
    if not batches:
        say("no batches here; `cotjudge score --batch` sends some")
        return
    _print(batches)
    ready = sum(batch.stage == "submitted" and batch.remote is not None and batch.remote.ended for batch in batches)
    if ready:
        say(f"{ready:,} can be collected: cotjudge batch collect")


@app.command()
def collect(
    ids: Ids = None,
    db: Db = None,
    wait: Annotated[bool, typer.Option("--wait", help="Come back until all have ended; Ctrl-C loses nothing.")] = False,
    api_base: ApiBase = None,
    json: Json = False,
) -> None:
    """Bring what the batches came to into the database; doing it twice changes nothing.

    Exit status: 0; 1 some judgements failed (`cotjudge score` asks them again); 2 a mistake, or the provider does not
    answer; 130 interrupted.
    """
    from cotjudge import batches

    store = _store(db)
    try:
        done = asyncio.run(_closing(batches.collect(store, ids or (), wait=wait, api_base=api_base, watch=_tell)))
    except KeyboardInterrupt:
        say("interrupted: nothing is lost; the same command goes on")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    for collected in done:
        _say_collected(collected)
        if json:
            typer.echo(_line(collected.batch))
    if not done:
        say("nothing to collect")
    raise typer.Exit(EXIT_FAILED if any(collected.batch.failed for collected in done) else 0)


@app.command()
def cancel(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Batches, by name.")],
    db: Db = None,
    api_base: ApiBase = None,
) -> None:
    """Stop batches; what was answered by then is paid for and can be collected."""
    from cotjudge import batches

    _print(asyncio.run(_closing(batches.cancel(_store(db), ids, api_base=api_base))))


def submit(
    items: Iterable[Item],
    *,
    rubrics: Sequence[Rubric],
    judge: AnyJudge,
    store: Store,
    run: Run,
    limits: Limits,
    observe: Observer,
) -> Submitted:
    """`cotjudge score --batch`: send what is not judged yet, and say what was sent.

    Raises:
        SettingsError: this judge, or this provider, takes no batches.
        JudgeUnusable: the provider does not take them.
        StoreError: the database cannot be written.
    """
    from cotjudge import batches

    sending = batches.submit(items, rubrics=rubrics, judge=judge, store=store, run=run, limits=limits, observe=observe)
    done: Submitted = asyncio.run(_closing(sending))
    tally = done.tally
    say(
        f"{tally.traces:,} traces read; {tally.cached:,} judgements there already, {tally.under_way:,} under way in "
        f"batches, {done.judgements:,} sent now in {len(done.batches):,} batch{'es' * (len(done.batches) != 1)}"
    )
    if done.too_long:
        say(f"{done.too_long:,} judgements are too long for one request; the same command without --batch makes them")
    if done.batches:
        say("come back with: cotjudge batch status, cotjudge batch collect")
    return done


def _store(db: Path | None) -> Store:
    from cotjudge import settings
    from cotjudge.store import Store

    return Store(settings.database(db), patience=settings.patience_s())


async def _closing(work: Any) -> Any:
    """Do it, and let go of connections."""
    import sys

    try:
        return await work
    finally:
        if "litellm" in sys.modules:  # nothing to close where there was nothing to ask
            from cotjudge.judges import litellm_door

            await litellm_door.aclose()


def _tell(batch: Batch) -> None:
    remote = batch.remote
    done = f", {remote.completed + remote.failed:,} of {remote.total:,} done" if remote and remote.total else ""
    say(f"{batch.id}: {batch.status}{done}")


def _print(batches: Sequence[Batch]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("batch", "judge", "sent", "status", "requests", "done", "judged", "failed")
    table.columns[0].no_wrap = True  # it is what one types
    table.columns[1].overflow = "fold"
    for batch in batches:
        remote = batch.remote
        done = f"{remote.completed + remote.failed:,}" if remote else ""
        settled = (f"{batch.judged:,}", f"{batch.failed:,}") if batch.stage == "collected" else ("", "")
        texts = (batch.id, one_line(batch.judge), f"{batch.submitted_at:%Y-%m-%d %H:%M}", batch.status)
        table.add_row(*map(Text, (*texts, f"{batch.requests:,}", done, *settled)))
    out().print(table)


def _say_collected(collected: Collected) -> None:
    batch, tally = collected.batch, collected.tally
    cost = "cost unknown" if batch.cost_usd is None else f"${batch.cost_usd:.4f}"
    price = _PRICES[collected.priced] if batch.cost_usd is not None else ""
    say(
        f"{batch.id}: {batch.judged:,} judged, {batch.failed:,} failed; "
        f"{tally.usage.input_tokens + tally.usage.output_tokens:,} tokens, {cost}{' ' + price if price else ''}"
    )
    if batch.failed:
        kinds: Counter[str] = sum(tally.failures.values(), start=Counter())
        by_kind = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        say(f"failed: {by_kind}; `cotjudge score` asks them again")


def _line(batch: Batch) -> str:
    """One batch as JSON on one line."""
    import orjson

    names = ("id", "judge", "provider", "run_id", "requests", "judgements", "judged", "failed", "cost_usd")
    raw: dict[str, Any] = {name: getattr(batch, name) for name in names}
    raw |= {"stage": batch.stage, "status": batch.status, "submitted_at": batch.submitted_at.isoformat()}
    raw["rubrics"] = list(batch.rubrics)
    raw["remote"] = batch.remote.model_dump(mode="json") if batch.remote else None
    return one_line(orjson.dumps(raw).decode())
