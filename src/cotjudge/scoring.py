"""Scoring a batch: read, plan what is not judged yet, ask, keep what comes back.

It draws nothing: an observer is told of every event, together with the tally so far.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import chain, islice

from cotjudge import evidence
from cotjudge.court import Court, all_of
from cotjudge.dumps import Account, Begun, Dumps, Item, Reading
from cotjudge.errors import BudgetReached, CotjudgeError
from cotjudge.fingerprint import judge_hash
from cotjudge.judgement import Outcome, Question
from cotjudge.judges.base import AnyJudge
from cotjudge.readers import Skipped
from cotjudge.rubric import Rubric
from cotjudge.run import Run, RunStatus
from cotjudge.store import Found, Holding, Judged, JudgedDump, Store, Writer
from cotjudge.trace import Trace
from cotjudge.verdict import Failure, Usage, Verdict

READ_AHEAD = 32
"""Traces read in one go, in a thread, while judgements are under way."""

GRACE_S = 5.0
"""Seconds that judgements under way get to finish once a run is told to stop: they are paid for."""


@dataclass(slots=True)
class Tally:
    """Counts of a run so far."""

    traces: int = 0
    """Traces read that can be judged."""
    no_reasoning: int = 0
    """Traces without the text the rubrics judge; stored, not judged."""
    silent: Counter[str] = field(default_factory=Counter)
    """Dump file -> traces of it that are counted in `no_reasoning`."""
    skipped_records: int = 0
    """Records, or whole files, that could not be read."""
    judgements: int = 0
    """Judgements wanted: a trace and a rubric each."""
    judged: int = 0
    """Judgements made by this run."""
    cached: int = 0
    """Judgements that the store, or this run, already had."""
    failed: int = 0
    """Judgements that could not be had."""
    usage: Usage = field(default_factory=Usage)
    """What the judge cost, failed judgements included."""
    by_judge: defaultdict[str, Usage] = field(default_factory=lambda: defaultdict(Usage))
    """Judge -> what it cost; of a panel or a cascade, each member by itself."""
    asked_by: Counter[str] = field(default_factory=Counter)
    """Judge -> judgements it was asked for in this run, members of a bench by themselves."""
    settled: Counter[str] = field(default_factory=Counter)
    """Tier of a cascade -> judgements of this run that it settled."""
    under_way: int = 0
    """Judgements that were sent to a provider as a batch and are not collected yet; not asked again."""
    labels: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Rubric id -> label -> traces, cached judgements included; segments judged by themselves are not counted."""
    failures: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Rubric id -> kind of failure -> judgements."""
    unchanged: Counter[str] = field(default_factory=Counter)
    """Run -> files that it left wholly judged, and that were not read again."""
    all_read: bool = False

    @property
    def complete(self) -> bool:
        """Whether everything was read, and every judgement wanted was made, found or failed, or is with a provider."""
        return self.all_read and self.judgements == self.judged + self.cached + self.failed + self.under_way

    def counts(self) -> dict[str, int | float | None]:
        """The plain numbers, as a run keeps them."""
        usage = self.usage
        return {
            "traces": self.traces,
            "no_reasoning": self.no_reasoning,
            "skipped_records": self.skipped_records,
            "judgements": self.judgements,
            "judged": self.judged,
            "cached": self.cached,
            "failed": self.failed,
            "calls": usage.calls,
            "input_tokens": usage.input_tokens,
            "cached_tokens": usage.cached_tokens,
            "output_tokens": usage.output_tokens,
            "cost_usd": usage.cost_usd,
        }


Event = Trace | Skipped | JudgedDump | Verdict | Failure
"""What just happened: a trace was planned, a record skipped, a file not read, a judgement made, a judgement failed."""

Observer = Callable[[Event, Tally], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a batch is done, and how much of it at once."""

    traces: int | None = None
    """Stop after so many traces that can be judged; None for all."""
    concurrency: int = 64
    """Judgements under way at once."""
    per_segment: bool = False
    """Judge each segment of the judged text by itself, too, beside the trace."""
    under_way: Container[str] = frozenset()
    """Keys of judgements that a provider's batch is still working on; they are not asked."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One judgement that has to be made."""

    question: Question
    segment: int | None
    key: str


@dataclass(frozen=True, slots=True)
class Job:
    """What has to be asked about one trace, or about one segment of it."""

    trace: Trace
    asks: tuple[Ask, ...]


class Plan:
    """Turns what readers yield into judgements to make, and counts.

    Args:
        questions: what is asked about each trace.
        judged: the judgements that exist; asked for when the first trace comes. The plan adds those it hands out, with
            None until they are made, so that nothing is asked twice.
        limits: how many traces, and whether segments are judged by themselves.
        observe: told of every trace, every skipped record and every file that is not read.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        judged: Callable[[], Judged],
        limits: Limits,
        observe: Observer,
    ) -> None:
        self.questions = questions
        self.tally = Tally()
        self._load = judged
        self._limits = limits
        self._observe = observe
        self._made = Holding()
        self._account: Account | None = None
        self._accounts: list[Account] = []

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return self._limits.traces is not None and self.tally.traces >= self._limits.traces

    @cached_property
    def judged(self) -> Judged:
        """The judgements that exist, those handed out included; not to be loaded while nothing is read."""
        return self._load()

    def jobs(self, item: Item) -> list[Job]:
        """What this item still needs: at most one job for the trace and one for each segment."""
        jobs: list[Job] = []
        if isinstance(item, Trace):
            jobs = self._jobs(item)
        elif isinstance(item, Skipped):
            self._skip(item)
        else:
            self._turn_to(item)
        if not isinstance(item, Begun):
            self._observe(item, self.tally)
        return jobs

    def _skip(self, skipped: Skipped) -> None:
        self.tally.skipped_records += skipped.count
        if self._account:
            self._account.skip(skipped)

    def _turn_to(self, item: Begun | JudgedDump) -> None:
        """The file before is read to its end."""
        if self._account:
            self._accounts.append(self._account)
        self._account = Account(item.name) if isinstance(item, Begun) and item.name else None
        if isinstance(item, JudgedDump):
            self._take_over(item)

    def _take_over(self, dump: JudgedDump) -> None:
        """Count a file that is not read, as if it were."""
        tally = self.tally
        tally.unchanged[dump.run_id] += 1
        tally.traces += dump.traces
        tally.no_reasoning += dump.no_reasoning
        tally.silent.update(dump.silent)
        tally.judgements += dump.judgements
        tally.cached += dump.judgements
        for rubric, counts in dump.labels.items():
            tally.labels[rubric].update(counts)
        named = 0
        for fields in dump.skipped:
            skipped = Skipped.model_validate(fields)
            named += skipped.count
            tally.skipped_records += skipped.count
            self._observe(skipped, tally)
        tally.skipped_records += dump.skipped_records - named

    def _jobs(self, trace: Trace) -> list[Job]:
        fitting = [q for q in self.questions if evidence.has_judged_text(trace, q.rubric.judges)]
        account = self._account
        if account:
            account.place(trace)
        if not fitting:
            self.tally.no_reasoning += 1
            self.tally.silent[trace.source.path] += 1
            if account:
                account.silence(trace)
            return []
        self.tally.traces += 1
        if account:
            account.traces += 1
        wanted: list[tuple[int | None, list[Question]]] = [(None, fitting)]
        if self._limits.per_segment:
            wanted += _by_segment(trace, fitting)
        return [job for segment, questions in wanted if (job := self._job(trace, segment, questions)).asks]

    def _job(self, trace: Trace, segment: int | None, questions: Sequence[Question]) -> Job:
        self.tally.judgements += len(questions)
        if self._account:
            self._account.judgements += len(questions)
        asks = (Ask(question, segment, question.key(trace, segment)) for question in questions)
        return Job(trace, tuple(ask for ask in asks if self._is_new(ask)))

    def _is_new(self, ask: Ask) -> bool:
        verdicts, account = self.judged.verdicts, self._account
        rubric = ask.question.rubric.id if ask.segment is None else None
        if ask.key in self._limits.under_way:
            self.tally.under_way += 1
            if account:
                account.spoiled = True
            return False
        found = verdicts.get(ask.key)
        if account and found is None:
            account.waiting[rubric].append(ask.key)
        elif account and found is not None:
            account.found[rubric, found] += 1
        if found is None and ask.key not in verdicts:
            verdicts[ask.key] = None
            return True
        self.tally.cached += 1
        if found is not None and rubric is not None:
            self.tally.labels[rubric][found.label] += 1
        return False

    def record(self, outcome: Outcome) -> None:
        """Count what came of a judgement that was wanted."""
        tally = self.tally
        self._spend(outcome)
        if isinstance(outcome, Verdict):
            self.judged.verdicts[outcome.key] = Found(outcome.label, outcome.run_id)
            self._made += Holding.of(outcome.key)
            tally.judged += 1
            if outcome.segment is None:
                tally.labels[outcome.rubric][outcome.label] += 1
            if outcome.settled_by:
                tally.settled[outcome.settled_by] += 1
        else:
            tally.failed += 1
            tally.failures[outcome.rubric][outcome.kind] += 1
        self._observe(outcome, tally)

    def record_member(self, outcome: Outcome) -> None:
        """Count what a member of a bench cost: a judgement of its own, but not one that was wanted for itself."""
        self._spend(outcome)

    def _spend(self, outcome: Outcome) -> None:
        self.tally.usage += outcome.usage
        self.tally.by_judge[outcome.judge] += outcome.usage
        self.tally.asked_by[outcome.judge] += 1

    def judged_dumps(self, run_id: str) -> Iterator[JudgedDump]:
        """The files that were read to their end and have every judgement wanted, now that a run ends."""
        read = [*self._accounts, *([self._account] if self._account and self.tally.all_read else [])]
        judged = self.judged if any(account.judgements for account in read) else Judged({}, {})
        runs = judged.runs | {run_id: self._made}
        judge = self.questions[0].judge.spec
        for account in read:
            dump = account.judged_by(judged.verdicts, runs, judge=judge, run_id=run_id)
            if dump:
                yield dump


def _by_segment(trace: Trace, questions: Sequence[Question]) -> Iterator[tuple[int, list[Question]]]:
    wanted: defaultdict[int, list[Question]] = defaultdict(list)
    for question in questions:
        for segment in evidence.judged_segments(trace, question.rubric.judges):
            wanted[segment.index].append(question)
    yield from sorted(wanted.items())


def dumps_of(
    reading: Reading, *, rubrics: Sequence[Rubric], judge: AnyJudge, store: Store, limits: Limits | None = None
) -> Dumps:
    """What `plan` and `score` take, file by file: those that are as they were and wholly judged come unread.

    With a limit on traces, which does not tell files apart, everything is read.

    Raises:
        InputError: as `readers.read`.
    """
    limits = limits or Limits()
    questions = [Question.of(rubric, judge) for rubric in rubrics]
    return Dumps(
        reading,
        questions,
        store,
        per_segment=limits.per_segment,
        look_up=not limits.under_way,  # what is with a provider is counted by its key
        by_file=limits.traces is None,
    )


def plan(
    items: Iterable[Item],
    *,
    rubrics: Sequence[Rubric],
    judge: AnyJudge,
    store: Store,
    limits: Limits | None = None,
    observe: Observer = lambda _event, _tally: None,
    wanted: Callable[[Job], None] = lambda _job: None,
) -> Tally:
    """Count what `score` would do, and do nothing: what is neither cached nor under way would be asked.

    Args:
        items: what is read, as `readers.read` or `Dumps.items` yields it.
        rubrics: what would be asked about each trace.
        judge: who would be asked.
        store: where verdicts would go.
        limits: how many traces, and whether segments are judged by themselves.
        observe: told of every event.
        wanted: told of every job there would be.
    """
    planned = _planned(rubrics, judge, store, limits or Limits(), observe)
    for item in items:
        for job in planned.jobs(item):
            wanted(job)
        if planned.full:
            break
    planned.tally.all_read = True
    return planned.tally


async def score(
    items: Iterable[Item],
    *,
    rubrics: Sequence[Rubric],
    judge: AnyJudge,
    store: Store,
    run: Run,
    limits: Limits | None = None,
    observe: Observer = lambda _event, _tally: None,
    stop: asyncio.Event | None = None,
) -> Run:
    """Judge every trace by every rubric, but for what the store already holds.

    Args:
        items: what is read, as `readers.read` or `Dumps.items` yields it; consumed in a thread.
        rubrics: what is asked about each trace.
        judge: who is asked.
        store: where verdicts go; each is durable before it counts.
        run: the run to record; its counts are filled in.
        limits: how many traces, how many at once.
        observe: told of every event, in the event loop's thread.
        stop: once set, nothing new is asked; what is under way gets `GRACE_S` seconds.

    Returns:
        The run, ended, with its counts (`Tally.counts`); its status is `interrupted` if it was stopped, and
        `budget` if the next call could have passed the budget.

    Raises:
        JudgeUnusable: no judgement can be had from this judge; what was judged is kept.
        StoreError: the database or its journal cannot be written.
        StoreBusyError: all is judged and safe in the journal, but another process would not let go of the database.
    """
    limits, stop = limits or Limits(), stop or asyncio.Event()
    planned = _planned(rubrics, judge, store, limits, observe)
    ahead = await _until_a_trace(iter(items), stop)
    reads = bool(ahead.seen) and isinstance(ahead.seen[-1], Trace)
    if reads:
        await asyncio.to_thread(lambda: planned.judged)

    def so_far(status: RunStatus) -> Run:
        return ended(run, planned.tally, status)

    with store.writer(run, traces=reads) as writer:
        batch = _Batch(chain(ahead.seen, ahead.rest), planned, store, writer, run.run_id, stop)
        try:
            status = await batch.work(limits.concurrency)
        except asyncio.CancelledError:
            writer.finish(so_far("interrupted"))
            raise
        except CotjudgeError:
            writer.finish(so_far("stopped"))
            raise
        finished = so_far(status)
        for dump in await asyncio.to_thread(list, planned.judged_dumps(run.run_id)):
            writer.add_dump(dump)
        writer.finish(finished)
    return finished


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What was read before the run began."""

    seen: list[Item]
    rest: Iterator[Item]


async def _until_a_trace(items: Iterator[Item], stop: asyncio.Event) -> _Ahead:
    """Read until a trace comes: if none does, nothing has to be known of what the store holds."""
    seen: list[Item] = []
    while not stop.is_set():
        item = await asyncio.to_thread(next, items, None)
        if item is None:
            break
        seen.append(item)
        if isinstance(item, Trace):
            break
    return _Ahead(seen, items)


class _Batch:
    """Workers that share one plan: each takes the next trace's job, asks, and keeps the outcomes."""

    def __init__(
        self,
        items: Iterator[Item],
        planned: Plan,
        store: Store,
        writer: Writer,
        run_id: str,
        stop: asyncio.Event,
    ) -> None:
        self._items = items
        self._plan = planned
        self._store = store
        self._writer = writer
        self._stop = stop
        self._members = [member for question in planned.questions for member in question.members()]
        self._known: dict[str, Verdict] = {}
        self._court = Court(run_id, keep=self._keep_member, known=self._known)
        self._turns = asyncio.Semaphore()
        self._broke = False
        self._jobs: deque[Job] = deque()
        self._reading = asyncio.Lock()

    async def work(self, concurrency: int) -> RunStatus:
        """Do it all; how it ended."""
        self._turns = asyncio.Semaphore(concurrency)
        together = all_of([self._work() for _ in range(concurrency)])
        workers = asyncio.create_task(together)
        watch = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({workers, watch}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({workers}, timeout=GRACE_S)
        finally:
            watch.cancel()
            workers.cancel()
            with suppress(asyncio.CancelledError):
                await workers
        if self._plan.tally.complete:
            return "finished"
        return "budget" if self._broke else "interrupted"

    async def _work(self) -> None:
        while job := await self._next_job():
            await self._do(job)

    async def _next_job(self) -> Job | None:
        while not (self._stop.is_set() or self._broke):
            if self._jobs:
                return self._jobs.popleft()
            async with self._reading:
                if not self._jobs and not self._plan.tally.all_read:
                    await self._read()
                    continue
            if not self._jobs:
                return None
        return None

    async def _read(self) -> None:
        items = await asyncio.to_thread(list, islice(self._items, READ_AHEAD))
        jobs: list[Job] = []
        for item in items:
            if self._plan.full:
                break
            if isinstance(item, Trace):
                self._writer.add_trace(item)
            jobs += self._plan.jobs(item)
        if self._members and jobs:
            await asyncio.to_thread(self._recall, jobs)  # before any worker can take one
        self._jobs.extend(jobs)
        self._plan.tally.all_read = self._plan.full or len(items) < READ_AHEAD

    def _recall(self, jobs: Sequence[Job]) -> None:
        """Fetch the verdicts of a bench's members that are there already."""
        keys = [m.key(j.trace, s) for j in jobs for s in {a.segment for a in j.asks} for m in self._members]
        self._known.update(self._store.verdicts(keys))

    async def _do(self, job: Job) -> None:
        """Ask what a job wants: the first rubric alone, so that the trace is in the provider's cache for the others."""
        first, *others = job.asks
        if getattr(first.question.judge, "bundles", False):
            await self._ask(job.trace, job.asks)
            return
        await self._ask(job.trace, (first,))
        if others:
            await all_of([self._ask(job.trace, (ask,)) for ask in others])

    async def _ask(self, trace: Trace, asks: tuple[Ask, ...]) -> None:
        first = asks[0]
        try:
            async with self._turns:
                if getattr(first.question.judge, "bundles", False):
                    questions = [ask.question for ask in asks]
                    outcomes = await self._court.ask_together(trace, questions, segment=first.segment)
                else:
                    outcomes = [await self._court.ask(trace, first.question, segment=first.segment)]
        except BudgetReached:
            self._broke = True
            return
        for outcome in outcomes:
            self._keep(outcome)
            self._plan.record(outcome)

    def _keep_member(self, outcome: Outcome) -> None:
        self._keep(outcome)
        self._plan.record_member(outcome)

    def _keep(self, outcome: Outcome) -> None:
        if isinstance(outcome, Verdict):
            self._writer.add_verdict(outcome)
        else:
            self._broke = self._broke or outcome.kind == "budget"
            self._writer.add_failure(outcome)


def _planned(
    rubrics: Sequence[Rubric],
    judge: AnyJudge,
    store: Store,
    limits: Limits,
    observe: Observer,
) -> Plan:
    questions = [Question.of(rubric, judge) for rubric in rubrics]
    return Plan(
        questions,
        partial(store.judged, [q.rubric_hash for q in questions], judge_hash(judge.identity)),
        limits,
        observe,
    )


def ended(run: Run, tally: Tally, status: RunStatus) -> Run:
    """The run as it ends now, with its counts."""
    now = datetime.now(UTC)
    seconds = (now - run.started_at).total_seconds()
    return run.model_copy(update={"finished_at": now, "status": status, "seconds": seconds, **tally.counts()})
