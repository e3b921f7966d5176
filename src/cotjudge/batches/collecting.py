"""Coming back: how batches stand, and what has come of them into the database, once each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from cotjudge.batches import stored
from cotjudge.batches.providers import provider_of, unusable
from cotjudge.batches.results import replies, unanswered
from cotjudge.batches.shelf import Asked, Batch, Shelf
from cotjudge.batches.submitting import resume
from cotjudge.court import Court
from cotjudge.errors import SettingsError
from cotjudge.judgement import Outcome, Question
from cotjudge.judges.batch_door import Provider, Remote
from cotjudge.judges.batch_judge import BatchJudge, Reply
from cotjudge.judges.faults import Fault
from cotjudge.judges.llm import LLMSettings
from cotjudge.rubric import Rubric
from cotjudge.run import Run
from cotjudge.scoring import Tally, ended
from cotjudge.store import Store
from cotjudge.trace import Trace
from cotjudge.verdict import Failure, Usage, Verdict

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 300.0
CHUNK = 256
"""Traces that are read from the database in one go."""

Watcher = Callable[[Batch], None]
"""Told of each batch whenever something new is known of it."""


@dataclass(frozen=True, slots=True)
class Collected:
    """One batch that was collected just now."""

    batch: Batch
    """The batch."""
    run: Run
    """The run that collected it, ended."""
    tally: Tally
    """What came of it."""
    priced: str
    """Where its price comes from: batch (litellm's table), half (of the normal price), given (--param price), unknown."""


async def refresh(store: Store, ids: Collection[str] = (), *, api_base: str | None = None) -> list[Batch]:
    """Ask the providers how the open batches stand; one whose sending was broken off is sent.

    Args:
        store: the database.
        ids: which batches; empty for all.
        api_base: where the model is served, instead of where it was.

    Returns:
        The batches, oldest first, collected ones included.

    Raises:
        SettingsError: there is no such batch.
        JudgeUnusable: a provider does not say.
    """
    shelf = Shelf(store)
    if not shelf.folder.exists():
        return _chosen([], ids)
    with shelf.locked():
        return [await _refreshed(shelf, batch, api_base) for batch in _chosen(shelf.batches(), ids)]


def _chosen(batches: Sequence[Batch], ids: Collection[str]) -> list[Batch]:
    known = {batch.id for batch in batches}
    unknown = [id_ for id_ in ids if id_ not in known]
    if unknown:
        raise SettingsError(f"no batch {unknown[0]} here; `cotjudge batch status` lists those there are")
    return [batch for batch in batches if not ids or batch.id in ids]


async def _refreshed(shelf: Shelf, batch: Batch, api_base: str | None) -> Batch:
    batch = await resume(shelf, batch, api_base)
    if batch.stage != "submitted" or batch.remote is None or batch.remote.ended:
        return batch
    provider = await asyncio.to_thread(provider_of, batch.judge, batch.settings, api_base)
    try:
        remote = await provider.retrieve(batch.remote.id)
    except Fault as fault:
        advice = f"if the provider has lost it: cotjudge batch cancel {batch.id}"
        raise unusable(batch, "looked up", fault, advice) from fault
    return shelf.save(batch.model_copy(update={"remote": remote}))


async def collect(
    store: Store,
    ids: Collection[str] = (),
    *,
    wait: bool = False,
    api_base: str | None = None,
    watch: Watcher = lambda _batch: None,
    first_pause_s: float = FIRST_PAUSE_S,
) -> list[Collected]:
    """Bring what has come of the batches that have ended into the database; what is there already stays as it is.

    Args:
        store: the database.
        ids: which batches; empty for all.
        wait: whether to come back until none is open any more; an interrupt loses nothing.
        api_base: where the model is served, instead of where it was.
        watch: told how each open batch stands, each time it was looked up.
        first_pause_s: the first pause between looking up; it grows by half to five minutes.

    Raises:
        SettingsError: there is no such batch.
        JudgeUnusable: a provider does not give what it has.
        StoreError: the database cannot be written.
    """
    done: list[Collected] = []
    pause = first_pause_s
    while True:
        batches = await refresh(store, ids, api_base=api_base)
        for batch in batches:
            if batch.open:
                watch(batch)
        done += [c for batch in batches if _ready(batch) if (c := await _collect(store, batch, api_base)) is not None]
        if not wait or not any(batch.open and not _ready(batch) for batch in batches):
            return done
        await asyncio.sleep(pause)
        pause = min(1.5 * pause, LONGEST_PAUSE_S)


def _ready(batch: Batch) -> bool:
    return batch.stage == "submitted" and batch.remote is not None and batch.remote.ended


async def _collect(store: Store, batch: Batch, api_base: str | None) -> Collected | None:
    """Collect one that has ended; None where another process was first."""
    shelf = Shelf(store)
    with shelf.locked():
        if not any(known.id == batch.id and known.open for known in shelf.batches()):
            return None
        assert batch.remote is not None  # noqa: S101 (it has ended, so the provider told)
        provider = await asyncio.to_thread(provider_of, batch.judge, batch.settings, api_base)
        try:
            answered = await replies(provider, batch.remote)
        except Fault as fault:
            advice = f"try again, or give it up with: cotjudge batch cancel {batch.id}"
            raise unusable(batch, "downloaded", fault, advice) from fault
        run, tally = await _keep(store, batch, provider, batch.remote, answered)
        spent = tally.usage
        update = {"stage": "collected", "asked": {}, "judged": tally.judged, "failed": tally.failed}
        batch = shelf.save(batch.model_copy(update=update | {"cost_usd": spent.cost_usd}))
    return Collected(batch, run, tally, "given" if batch.settings.get("price") else provider.priced)


async def _keep(
    store: Store, batch: Batch, provider: Provider, remote: Remote, answered: Mapping[str, Reply]
) -> tuple[Run, Tally]:
    """Judge every reply, and keep what comes of it; safe to be done twice."""
    run = Run(
        run_id=batch.collect_run,
        started_at=datetime.now(UTC),
        version=version("cotjudge"),
        arguments={"batch": batch.id, "submitted_by": batch.run_id},
        judge=batch.judge,
        judge_identity=batch.judge_identity,
        rubrics={name: Rubric.model_validate(raw).content_hash for name, raw in batch.rubrics.items()},
    )
    tally = Tally(judgements=batch.judgements)
    hearing = _Hearing(batch, provider, run.run_id)
    missing = unanswered(remote)
    with store.writer(run) as writer:
        for chunk in _chunks(list(batch.asked.items())):
            traces = await asyncio.to_thread(stored.load, store, [asked.trace_id for _, asked in chunk])
            tally.traces += len(traces)
            for name, asked in chunk:
                reply = answered.get(name, missing)
                for outcome in await hearing.outcomes(traces.get(asked.trace_id), asked, reply):
                    if isinstance(outcome, Verdict):
                        writer.add_verdict(outcome)
                    else:
                        writer.add_failure(outcome)
                    _count(tally, outcome)
        tally.all_read = True
        run = ended(run, tally, "finished")
        writer.finish(run)
    return run, tally


def _chunks(items: Sequence[tuple[str, Asked]]) -> Iterator[Sequence[tuple[str, Asked]]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def _count(tally: Tally, outcome: Outcome) -> None:
    tally.usage += outcome.usage
    tally.by_judge[outcome.judge] += outcome.usage
    if isinstance(outcome, Failure):
        tally.failed += 1
        tally.failures[outcome.rubric][outcome.kind] += 1
        return
    tally.judged += 1
    if outcome.segment is None:
        tally.labels[outcome.rubric][outcome.label] += 1


class _Hearing:
    """Judges replies as the court does, by the rubrics and the judge of the day they were asked."""

    def __init__(self, batch: Batch, provider: Provider, run_id: str) -> None:
        rubrics = {name: Rubric.model_validate(raw) for name, raw in batch.rubrics.items()}
        settings = LLMSettings.model_validate(batch.settings)
        bundle = tuple(rubrics.values()) if batch.bundle else ()
        self._batch = batch
        self._judge = _AsAsked(batch, settings, provider, bundle)
        self._questions = {
            name: Question(rubric, batch.rubric_hashes[name], self._judge, batch.judge_hash)
            for name, rubric in rubrics.items()
        }
        self._court = Court(run_id)
        self._run_id = run_id

    async def outcomes(self, trace: Trace | None, asked: Asked, reply: Reply) -> list[Outcome]:
        """What a reply comes to: one outcome a rubric."""
        if trace is None:
            return [self._without_trace(asked, rubric_id, key) for rubric_id, key in asked.keys.items()]
        self._judge.reply = reply
        questions = [self._questions[rubric_id] for rubric_id in asked.keys]
        if self._batch.bundle:
            return await self._court.ask_together(trace, questions, segment=asked.segment)
        return [await self._court.ask(trace, questions[0], segment=asked.segment)]

    def _without_trace(self, asked: Asked, rubric_id: str, key: str) -> Failure:
        return Failure(
            key=key,
            trace_id=asked.trace_id,
            rubric=rubric_id,
            judge=self._batch.judge,
            kind="unavailable",
            reason="the trace's text is not in the database any more, so the answer cannot be checked",
            usage=Usage(),
            latency_s=0.0,
            segment=asked.segment,
            run_id=self._run_id,
            created_at=datetime.now(UTC),
        )


class _AsAsked(BatchJudge):
    """The batch's judge, under the prompt it was asked with, whatever this version of cotjudge would ask now."""

    def __init__(self, batch: Batch, settings: LLMSettings, provider: Provider, bundle: Sequence[Rubric]) -> None:
        whole = settings.model_copy(update={"window_tokens": 0})  # each request held a whole trace
        super().__init__(batch.judge, whole, provider=provider, bundle=bundle)
        self._asked_with = batch.prompt_version

    @property
    def prompt_version(self) -> str:
        """The version of the prompt that was sent."""
        return self._asked_with


async def cancel(store: Store, ids: Collection[str], *, api_base: str | None = None) -> list[Batch]:
    """Stop batches; what they have answered already can be collected. One the provider does not know is given up.

    Raises:
        SettingsError: there is no such batch.
        JudgeUnusable: a provider does not do it.
    """
    shelf = Shelf(store)
    batches = _chosen(shelf.batches(), ids)
    if not batches:
        return []
    with shelf.locked():
        return [await _cancelled(shelf, batch, api_base) for batch in batches]


async def _cancelled(shelf: Shelf, batch: Batch, api_base: str | None) -> Batch:
    if not batch.open:
        return batch
    provider = await asyncio.to_thread(provider_of, batch.judge, batch.settings, api_base)
    given_up = {"stage": "dropped", "asked": {}}
    if batch.remote is None:
        return shelf.save(batch.model_copy(update=given_up))
    try:
        remote = await provider.cancel(batch.remote.id)
    except Fault as fault:
        if fault.treatment == "model":  # a 404: the provider knows no such batch
            return shelf.save(batch.model_copy(update=given_up))
        raise unusable(batch, "cancelled", fault, "try again") from fault
    return shelf.save(batch.model_copy(update={"remote": remote}))
