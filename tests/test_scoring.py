from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from cotjudge import scoring
from cotjudge.answer import Answers
from cotjudge.api import begin_run
from cotjudge.errors import BudgetReached, JudgementFailed, JudgeUnusable
from cotjudge.judgement import Question
from cotjudge.judges.base import AnyJudge as Judge
from cotjudge.judges.cascade import Cascade
from cotjudge.judges.panel import Panel
from cotjudge.readers import Skipped
from cotjudge.rubric import Rubric
from cotjudge.rubric_file import loads
from cotjudge.run import Run
from cotjudge.scoring import Event, Limits, Tally
from cotjudge.store import Store
from cotjudge.testing import ScriptedJudge
from cotjudge.trace import Source, Trace, Turn
from cotjudge.verdict import Failure, Usage, Verdict


def rubric(name: str, judges: str = "reasoning", question: str = "Q?") -> Rubric:
    return loads(f"""
id: {name}
version: 1
title: T
question: {question}
definition: D
judges: {judges}
criteria: {{said: {{text: it is said}}}}
rule: {{present: said}}
""")


ONE, TWO = rubric("one"), rubric("two", question="Q2?")


def traces(count: int, start: int = 0) -> Iterator[Trace]:
    for number in range(start, start + count):
        turn = Turn(role="assistant", reasoning=f"thought {number}", content="done")
        yield Trace(turns=(turn,), source=Source(path="d.jsonl", record=str(number + 1)))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "v.duckdb")
    made.ensure()
    return made


async def score(
    store: Store,
    items: Iterable[Trace | Skipped],
    judge: Judge,
    *rubrics: Rubric,
    limits: Limits | None = None,
    stop: asyncio.Event | None = None,
    seen: list[tuple[Event, Tally]] | None = None,
) -> Run:
    asked = rubrics or (ONE, TWO)

    def observe(event: Event, tally: Tally) -> None:
        if seen is not None:
            seen.append((event, tally))

    run = begin_run(judge, asked, {})
    return await scoring.score(
        items, rubrics=asked, judge=judge, store=store, run=run, limits=limits, observe=observe, stop=stop
    )


def count(store: Store, table: str) -> int:
    [(number,)] = store.query(f"SELECT count(*) FROM {table}").fetchall()
    return int(number)


async def test_every_trace_is_judged_by_every_rubric(store: Store) -> None:
    """Traces times rubrics judgements, each stored with its trace."""
    judge = ScriptedJudge()
    run = await score(store, traces(70), judge)
    assert (run.traces, run.judgements, run.judged, run.cached, run.failed, run.status) == (
        70,
        140,
        140,
        0,
        0,
        "finished",
    )
    assert (count(store, "verdicts"), count(store, "traces"), count(store, "sources")) == (140, 70, 70)
    assert len(set(judge.asked)) == 140


async def test_what_is_judged_is_not_asked_again(store: Store) -> None:
    """Neither by a second run nor when the same text stands in another dump."""
    await score(store, traces(5), ScriptedJudge())
    again = ScriptedJudge()
    moved = [t.model_copy(update={"source": Source(path="other.jsonl", record=t.source.record)}) for t in traces(5)]
    run = await score(store, [*traces(5), *moved], again)
    assert (again.asked, run.judged, run.cached) == ([], 0, 20)
    assert (count(store, "traces"), count(store, "sources")) == (5, 10)


async def test_a_trace_that_comes_twice_in_a_run_is_asked_once(store: Store) -> None:
    """The second counts as cached, even while the first is under way."""
    judge = ScriptedJudge()
    run = await score(store, [*traces(3), *traces(3)], judge, ONE)
    assert (len(judge.asked), run.judged, run.cached, run.traces) == (3, 3, 3, 6)


async def test_a_changed_rubric_or_judge_is_asked_and_the_rest_is_not(store: Store) -> None:
    """Only what can change a verdict makes a judgement new."""
    await score(store, traces(4), ScriptedJudge())
    changed = await score(store, traces(4), ScriptedJudge(), ONE, rubric("two", question="Other?"))
    other = await score(store, traces(4), ScriptedJudge(spec="other"))
    assert (changed.judged, changed.cached) == (4, 4)
    assert (other.judged, other.cached) == (8, 0)


async def test_a_failed_judgement_is_stored_and_asked_again(store: Store) -> None:
    """It is a failure with a kind and what it cost, never a label; the next run retries it."""
    failing = ScriptedJudge(JudgementFailed("truncated", "cut at 10 tokens", Usage(calls=2, output_tokens=10)))
    first = await score(store, traces(2), failing, ONE)
    assert (first.judged, first.failed, first.calls, first.output_tokens) == (0, 2, 4, 20)
    rows = store.query("SELECT kind, reason, output_tokens FROM failures").fetchall()
    assert rows == [("truncated", "cut at 10 tokens", 10)] * 2
    assert count(store, "verdicts") == 0
    second = await score(store, traces(2), ScriptedJudge(), ONE)
    assert (second.judged, second.cached, count(store, "current_failures")) == (2, 0, 0)


async def test_an_unusable_judge_stops_the_run_at_once(store: Store) -> None:
    """It does not fail every trace one by one, and what was judged before is kept."""

    def reply(trace: Trace, rubric: Rubric) -> Answers | Exception:
        if trace.source.record == "3":
            return JudgeUnusable("the key is refused")
        return Answers(rationale=rubric.id, criteria={})

    judge = ScriptedJudge(reply)
    with pytest.raises(JudgeUnusable, match="the key is refused"):
        await score(store, traces(5000), judge, ONE, limits=Limits(concurrency=2))
    assert len(judge.asked) < 40
    assert count(store, "verdicts") >= 2
    assert store.query("SELECT status FROM runs").fetchall() == [("stopped",)]


async def test_a_bug_is_a_crash_and_not_a_failure(store: Store) -> None:
    """An exception that is nobody's judgement goes up as it is."""
    with pytest.raises(ZeroDivisionError):
        await score(store, traces(3), ScriptedJudge(ZeroDivisionError()), ONE)
    assert count(store, "failures") == 0


async def test_skipped_records_and_traces_without_reasoning_are_counted(store: Store) -> None:
    """Nothing is lost silently: both are counted, and the trace is stored."""
    silent = Trace(turns=(Turn(role="assistant", content="4"),), source=Source(path="d", record="1"))
    skipped = Skipped(path="d", record="2", reason="broken")
    seen: list[tuple[Event, Tally]] = []
    run = await score(store, [silent, skipped, *traces(1)], ScriptedJudge(), ONE, seen=seen)
    assert (run.traces, run.no_reasoning, run.skipped_records, run.judged) == (1, 1, 1, 1)
    assert count(store, "traces") == 2
    assert skipped in [event for event, _ in seen]


async def test_a_rubric_that_judges_answers_is_asked_about_a_trace_without_reasoning(store: Store) -> None:
    """What can be judged depends on the text a rubric judges."""
    silent = Trace(turns=(Turn(role="assistant", content="4"),), source=Source(path="d", record="1"))
    judge = ScriptedJudge()
    run = await score(store, [silent], judge, ONE, rubric("answers", "response"))
    assert (run.traces, run.judgements, [r for _, r in judge.asked]) == (1, 1, ["answers"])


async def test_a_limit_counts_traces_that_can_be_judged(store: Store) -> None:
    """Reading stops there."""
    run = await score(store, traces(100), ScriptedJudge(), limits=Limits(traces=7))
    assert (run.traces, run.judged, run.status) == (7, 14, "finished")


async def test_no_more_judgements_than_allowed_are_under_way(store: Store) -> None:
    """Concurrency is a bound, and it is reached."""
    under_way = most = 0

    class Slow(ScriptedJudge):
        async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            for _ in range(20):
                await asyncio.sleep(0)
            under_way -= 1
            return await super().answer(trace, rubric)

    await score(store, traces(50), Slow(), limits=Limits(concurrency=5))
    assert most == 5


async def test_a_stopped_run_finishes_what_is_under_way_and_says_so(store: Store) -> None:
    """Nothing new is asked; what was asked is paid for, so it is waited for and kept; the next run goes on."""
    stop, release = asyncio.Event(), asyncio.Event()

    class Waiting(ScriptedJudge):
        async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
            if len(self.asked) == 3:
                stop.set()
                asyncio.get_running_loop().call_later(0.05, release.set)
            answers = await super().answer(trace, rubric)
            await release.wait()
            return answers

    judge = Waiting()
    run = await score(store, traces(200), judge, ONE, limits=Limits(concurrency=4), stop=stop)
    assert run.status == "interrupted"
    assert run.judged == len(judge.asked) == count(store, "verdicts") == 4
    rest = await score(store, traces(200), ScriptedJudge(), ONE)
    assert (rest.judged, rest.cached) == (196, 4)


async def test_a_cancelled_run_keeps_what_was_judged(store: Store) -> None:
    """A second Ctrl-C drops what is under way and nothing else."""
    hanging, never = asyncio.Event(), asyncio.Event()

    class Hanging(ScriptedJudge):
        async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
            answers = await super().answer(trace, rubric)
            if len(self.asked) == 13:
                hanging.set()
            if len(self.asked) > 10:
                await never.wait()
            return answers

    task = asyncio.create_task(score(store, traces(50), Hanging(), ONE, limits=Limits(concurrency=3)))
    await hanging.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert count(store, "verdicts") == 10
    assert store.query("SELECT status, judged FROM runs").fetchall() == [("interrupted", 10)]


async def test_the_observer_sees_every_event_with_the_tally_so_far(store: Store) -> None:
    """A trace, then its outcomes; scoring itself draws nothing."""
    seen: list[tuple[Event, Tally]] = []
    await score(store, traces(2), ScriptedJudge(), seen=seen)
    kinds = [type(event) for event, _ in seen]
    assert kinds.count(Trace) == 2
    assert kinds.count(Verdict) == 4
    assert Failure not in kinds
    assert seen[-1][1].labels["one"] == {"absent": 2}


def test_a_plan_counts_and_asks_nothing(store: Store) -> None:
    """A dry run says what is there and what would be asked, and leaves the store as it was."""
    asyncio.run(score(store, traces(3), ScriptedJudge(), ONE))
    judge = ScriptedJudge()
    tally = scoring.plan(traces(5), rubrics=(ONE, TWO), judge=judge, store=store)
    assert (tally.traces, tally.judgements, tally.cached, judge.asked) == (5, 10, 3, [])
    assert count(store, "traces") == 3


async def test_members_of_a_panel_are_kept_and_found_again(store: Store) -> None:
    """Each member's verdict is a row of its own; a panel with one more member asks only that one."""
    a, b, c = (ScriptedJudge(spec=name) for name in "abc")
    run = await score(store, traces(10), Panel([a, b]))
    assert (run.judged, run.status, count(store, "verdicts")) == (20, "finished", 60)
    assert await score(store, traces(10), Panel([a, b])) is not None
    assert (len(a.asked), len(b.asked)) == (20, 20)
    await score(store, traces(10), Panel([a, b, c]))
    assert (len(a.asked), len(b.asked), len(c.asked)) == (20, 20, 20)
    await score(store, traces(10), a)
    assert len(a.asked) == 20


async def test_a_cascade_counts_who_settled_what(store: Store) -> None:
    """The tally knows how many judgements each tier settled, and what each was asked."""
    seen: list[tuple[Event, Tally]] = []
    await score(store, traces(3), Cascade([ScriptedJudge(spec="cheap"), ScriptedJudge(spec="dear")]), seen=seen)
    tally = seen[-1][1]
    assert (dict(tally.settled), tally.asked_by["cheap"], tally.asked_by["dear"]) == ({"cheap": 6}, 6, 0)


async def test_segments_are_judged_by_themselves_beside_the_trace(store: Store) -> None:
    """Each has a verdict of its own; labels count traces only."""
    turns = tuple(Turn(role="assistant", reasoning=f"thought {n}", content="done") for n in range(3))
    trace = Trace(turns=turns, source=Source(path="d", record="1"))
    judge = ScriptedJudge()
    seen: list[tuple[Event, Tally]] = []
    run = await score(store, [trace], judge, limits=Limits(per_segment=True), seen=seen)
    assert (run.judgements, run.judged) == (8, 8)
    assert seen[-1][1].labels["one"].total() == 1
    rows = store.query(
        "SELECT segment, coverage FROM verdicts WHERE rubric = 'one' ORDER BY segment NULLS FIRST"
    ).fetchall()
    assert [segment for segment, _ in rows] == [None, 0, 2, 4]
    assert sum(coverage for segment, coverage in rows if segment is not None) == pytest.approx(1)
    again = await score(store, [trace], judge, limits=Limits(per_segment=True))
    assert (again.cached, again.judged) == (8, 0)


async def test_a_run_out_of_money_ends_and_can_be_gone_on_with(store: Store) -> None:
    """What was judged is kept, nothing is a failure that was never asked, and the next run does the rest."""
    left = 5

    class Poor(ScriptedJudge):
        async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
            nonlocal left
            if not left:
                raise BudgetReached("budget of $1 reached")
            left -= 1
            return await super().answer(trace, rubric)

    run = await score(store, traces(50), Poor(), limits=Limits(concurrency=4))
    assert (run.status, run.judged, run.failed) == ("budget", 5, 0)
    left = 1000
    rest = await score(store, traces(50), Poor())
    assert (rest.status, rest.cached, rest.judged) == ("finished", 5, 95)


async def test_what_a_batch_is_working_on_is_not_asked(store: Store) -> None:
    """It is counted apart, and the run is complete without it."""
    judge = ScriptedJudge()
    [trace] = traces(1)
    key = Question.of(ONE, judge).key(trace)
    seen: list[tuple[Event, Tally]] = []
    run = await score(store, [trace], judge, limits=Limits(under_way={key}), seen=seen)
    assert (run.judged, seen[-1][1].under_way, run.status) == (1, 1, "finished")


async def test_the_first_rubric_of_a_trace_comes_back_before_the_others_are_asked(store: Store) -> None:
    """Then the trace is in the provider's cache for them."""
    events: list[str] = []

    class Watched(ScriptedJudge):
        async def answer(self, trace: Trace, rubric: Rubric) -> Answers:
            events.append(f"ask {rubric.id}")
            await asyncio.sleep(0.001)
            events.append(f"got {rubric.id}")
            return await super().answer(trace, rubric)

    await score(store, traces(1), Watched(), ONE, TWO, rubric("three", question="Q3?"))
    assert events[:2] == ["ask one", "got one"]
    assert sorted(events[2:4]) == ["ask three", "ask two"]


async def test_a_verdict_read_back_is_the_verdict(store: Store) -> None:
    """What a bench gets from the store is what its member said, but for the ledger."""
    await score(store, traces(2), Panel([ScriptedJudge(spec="a"), ScriptedJudge(spec="b")]), ONE)
    keys = [key for (key,) in store.query("SELECT key FROM verdicts").fetchall()]
    found = store.verdicts([*keys, "none"])
    assert found.keys() == set(keys)
    [panel] = [v for v in found.values() if v.judge == "panel:a,b" and v.trace_id == next(traces(1)).trace_id]
    assert (panel.votes, panel.agreement, len(panel.opinions)) == ({"absent": 2}, 1.0, 2)
    assert panel.created_at.tzinfo is not None
