"""Sending judgements out as batches: planned, written down, uploaded, started, each step on disk before the next."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import IO

import orjson

from cotjudge.batches.providers import provider_of, submission_failed
from cotjudge.batches.shelf import Asked, Batch, Shelf, under_way
from cotjudge.dumps import Item
from cotjudge.errors import SettingsError
from cotjudge.fingerprint import judge_hash
from cotjudge.judgement import Question
from cotjudge.judges import batch_judge
from cotjudge.judges.batch_door import Provider, without_credentials
from cotjudge.judges.batch_judge import BatchJudge
from cotjudge.judges.faults import Fault
from cotjudge.judges.llm import LLMJudge
from cotjudge.rubric import Rubric
from cotjudge.run import Run
from cotjudge.scoring import READ_AHEAD, Ask, Job, Limits, Observer, Plan, Tally, ended
from cotjudge.store import Store, Writer
from cotjudge.trace import Trace

MOST_REQUESTS = 50_000
"""Requests that a provider takes in one batch."""

MOST_BYTES = 180 * 2**20
"""Bytes of one file of requests; providers take 200 MB."""

__all__ = ["MOST_BYTES", "MOST_REQUESTS", "Submitted", "resume", "submit"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large one batch may be."""

    requests: int = MOST_REQUESTS
    bytes: int = MOST_BYTES


@dataclass(slots=True)
class Submitted:
    """What was sent out."""

    run: Run
    """The run, ended."""
    tally: Tally
    """What was found on the way; `judged` and `failed` stay 0."""
    batches: list[Batch] = field(default_factory=list)
    """The batches that were started."""
    judgements: int = 0
    """Judgements that they are to settle."""
    too_long: int = 0
    """Judgements that one request does not hold, for their trace is judged in windows; left to a run without batches."""


async def submit(
    items: Iterable[Item],
    *,
    rubrics: Sequence[Rubric],
    judge: object,
    store: Store,
    run: Run,
    limits: Limits | None = None,
    sizes: Sizes | None = None,
    observe: Observer = lambda _event, _tally: None,
) -> Submitted:
    """Send out every judgement that is neither there nor under way; half-sent batches of earlier runs go first.

    Args:
        items: traces and skipped records, as `readers.read` or `Dumps.items` yields them; consumed in a thread.
        rubrics: what is asked about each trace.
        judge: who is asked; an LLM judge.
        store: the database; traces are kept there with their text, for collecting needs it.
        run: the run to record; it ends as `submitted`, or as `finished` where nothing was to be sent.
        limits: how many traces, and whether segments are judged by themselves.
        sizes: how large one batch may be.
        observe: told of every trace and every skipped record.

    Raises:
        SettingsError: this judge, or this provider, takes no batches, or the text is not kept.
        JudgeUnusable: the provider does not take the batch; what it has not refused can be sent again.
        StoreError: the database, or the folder of batches beside it, cannot be written.
    """
    llm = batch_judge.refuse(judge)
    if not store.keep_text:
        raise SettingsError("--batch reads the traces again from the database when it collects: leave out --no-text")
    provider = await asyncio.to_thread(provider_of, llm.model, llm.settings)
    shelf = Shelf(store)
    with shelf.locked():
        shelf.sweep()
        for batch in shelf.batches():
            await resume(shelf, batch)
        sender = _Sender(shelf, provider, llm, rubrics, run, sizes or Sizes())
        with store.writer(run) as writer:
            plan = _plan(rubrics, llm, store, replace(limits or Limits(), under_way=under_way(store)), observe)
            try:
                await _send_all(iter(items), plan, writer, sender)
            finally:
                sender.drop()
            sender.done.run = ended(run, plan.tally, "submitted" if sender.done.batches else "finished")
            sender.done.tally = plan.tally
            writer.finish(sender.done.run)
    return sender.done


def _plan(rubrics: Sequence[Rubric], judge: LLMJudge, store: Store, limits: Limits, observe: Observer) -> Plan:
    questions = [Question.of(rubric, judge) for rubric in rubrics]
    judged = partial(store.judged, [q.rubric_hash for q in questions], judge_hash(judge.identity))
    return Plan(questions, judged, limits, observe)


async def _send_all(items: Iterator[Item], plan: Plan, writer: Writer, sender: _Sender) -> None:
    while not plan.tally.all_read:
        read = await asyncio.to_thread(list, islice(items, READ_AHEAD))
        for item in read:
            if plan.full:
                break
            if isinstance(item, Trace):
                writer.add_trace(item)
            for job in plan.jobs(item):
                await sender.add(job)
        plan.tally.all_read = plan.full or len(read) < READ_AHEAD
    await sender.flush()


class _Sender:
    """Writes requests down, and sends them off a batch at a time."""

    def __init__(
        self, shelf: Shelf, provider: Provider, judge: LLMJudge, rubrics: Sequence[Rubric], run: Run, sizes: Sizes
    ) -> None:
        self.done = Submitted(run, Tally())
        self._shelf = shelf
        self._provider = provider
        self._llm = judge
        self._bundle = tuple(rubrics) if judge.bundles else ()
        self._judge = BatchJudge(judge.model, judge.settings, provider=provider, bundle=self._bundle)
        self._rubrics = rubrics
        self._run = run
        self._sizes = sizes
        self._file: IO[bytes] | None = None
        self._asked: dict[str, Asked] = {}
        self._bytes = 0
        self._count = 0

    async def add(self, job: Job) -> None:
        """Write a job's requests down; send what is written when a batch is full."""
        together = [job.asks] if self._bundle else [(ask,) for ask in job.asks]
        for asks in together:
            await self._add(job.trace, asks)

    async def _add(self, trace: Trace, asks: Sequence[Ask]) -> None:
        segment = asks[0].segment
        shown = trace if segment is None else trace.excerpt(s for s in trace.segments if s.index == segment)
        body = await self._judge.request(shown, [ask.question.rubric for ask in asks])
        if body is None:
            self.done.too_long += len(asks)
            return
        name = asks[0].key
        line = {"custom_id": name, "method": "POST", "url": self._provider.endpoint, "body": body}
        raw = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        if self._asked and (len(self._asked) >= self._sizes.requests or self._bytes + len(raw) > self._sizes.bytes):
            await self.flush()
        if self._file is None:
            self._file = self._shelf.requests_file(self._name).open("wb")
        self._file.write(raw)
        self._bytes += len(raw)
        keys = {ask.question.rubric.id: ask.key for ask in asks}
        self._asked[name] = Asked(trace_id=trace.trace_id, segment=segment, keys=keys)

    @property
    def _name(self) -> str:
        return f"{self._run.run_id}-{self._count}"

    async def flush(self) -> None:
        """Send what is written down."""
        if self._file is None:
            return
        self._file.close()
        batch = self._shelf.save(self._described())
        self._file, self._asked, self._bytes = None, {}, 0
        self._count += 1
        self.done.judgements += batch.judgements
        self.done.batches.append(await send(self._shelf, batch, self._provider))

    def drop(self) -> None:
        """Forget what is written down and not sent."""
        if self._file is not None:
            self._file.close()
            self._shelf.requests_file(self._name).unlink(missing_ok=True)

    def _described(self) -> Batch:
        wanted = {rubric_id for asked in self._asked.values() for rubric_id in asked.keys}
        rubrics = [r for r in self._rubrics if self._bundle or r.id in wanted]
        settings = self._llm.settings
        place = {"api_base": without_credentials(settings.api_base)}
        return Batch(
            id=self._name,
            run_id=self._run.run_id,
            submitted_at=datetime.now(UTC),
            judge=self._llm.model,
            settings=settings.model_copy(update=place).model_dump(mode="json"),
            judge_identity=dict(self._llm.identity),
            judge_hash=judge_hash(self._llm.identity),
            prompt_version=self._llm.prompt_version,
            rubrics={rubric.id: rubric.model_dump(mode="json") for rubric in rubrics},
            rubric_hashes={rubric.id: self._llm.rubric_hash(rubric) for rubric in rubrics},
            bundle=bool(self._bundle),
            provider=self._provider.name,
            judgements=sum(len(asked.keys) for asked in self._asked.values()),
            requests=len(self._asked),
            asked=self._asked,
        )


async def send(shelf: Shelf, batch: Batch, provider: Provider) -> Batch:
    """Upload a batch's requests and start it, from wherever it stopped before.

    Raises:
        JudgeUnusable: the provider does not take it.
    """
    try:
        file = batch.input_file
        broken_off = file is not None
        if file is None:
            content = await asyncio.to_thread(shelf.requests_file(batch.id).read_bytes)
            file = await provider.upload(batch.id, content)
            batch = shelf.save(batch.model_copy(update={"stage": "uploaded", "input_file": file}))
        remote = await provider.create(file, batch.id, broken_off=broken_off)
    except Fault as fault:
        raise submission_failed(shelf, batch, fault) from fault
    return shelf.save(batch.model_copy(update={"stage": "submitted", "remote": remote}))


async def resume(shelf: Shelf, batch: Batch, api_base: str | None = None) -> Batch:
    """Go on with a batch whose sending was broken off.

    Raises:
        JudgeUnusable: the provider does not take it.
    """
    if batch.stage not in ("prepared", "uploaded"):
        return batch
    return await send(shelf, batch, await asyncio.to_thread(provider_of, batch.judge, batch.settings, api_base))
