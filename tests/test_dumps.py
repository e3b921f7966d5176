from __future__ import annotations

import asyncio
import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.test_scoring import ONE, TWO, rubric

from cotjudge import scoring
from cotjudge.api import begin_run
from cotjudge.dumps import Reading
from cotjudge.errors import JudgementFailed, StoreBusyError
from cotjudge.judges.base import AnyJudge as Judge
from cotjudge.readers import Mapping, Skipped
from cotjudge.rubric import Rubric
from cotjudge.run import Run
from cotjudge.scoring import Event, Limits, Tally
from cotjudge.store import Store
from cotjudge.testing import ScriptedJudge


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "v.duckdb")


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """Two traces, one of them twice, one without reasoning, and two records that are no traces."""
    records = [
        {"reasoning": "I add.", "response": "2"},
        {"reasoning": "I think.", "response": "3"},
        {"reasoning": "I add.", "response": "2"},
        {"prompt": "Say it.", "response": "no reasoning here"},
        {"x": 1},
        {"x": 2},
    ]
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(map(json.dumps, records)) + "\n{broken\n")
    return path


class Scored:
    """One run over paths, and what was told of it."""

    def __init__(self, run: Run, tally: Tally, skipped: list[Skipped]) -> None:
        self.run, self.tally, self.skipped = run, tally, skipped

    @property
    def unread(self) -> int:
        """Files that were not read again."""
        return self.tally.unchanged.total()

    @property
    def told(self) -> object:
        """All that a user is told but for times and names."""
        tally = self.tally
        labels = {name: dict(counts) for name, counts in tally.labels.items()}
        return tally.counts(), labels, dict(tally.silent), self.skipped


async def score(
    store: Store,
    *paths: Path,
    judge: Judge | None = None,
    rubrics: tuple[Rubric, ...] = (ONE, TWO),
    limits: Limits | None = None,
    reading: Reading | None = None,
) -> Scored:
    asked = judge or ScriptedJudge()
    how = reading or Reading(paths=())
    limits = limits or Limits()
    dumps = scoring.dumps_of(
        how.model_copy(update={"paths": tuple(map(str, paths))}),
        rubrics=rubrics,
        judge=asked,
        store=store,
        limits=limits,
    )
    tally, skipped = Tally(), []

    def observe(event: Event, so_far: Tally) -> None:
        nonlocal tally
        tally = so_far
        if isinstance(event, Skipped):
            skipped.append(event)

    run = await scoring.score(
        dumps.items(),
        rubrics=rubrics,
        judge=asked,
        store=store,
        run=begin_run(asked, rubrics, {}),
        limits=limits,
        observe=observe,
    )
    return Scored(run, tally, skipped)


async def test_what_is_unchanged_and_judged_is_told_as_if_it_were_read(store: Store, dump: Path) -> None:
    """Counts, labels, silent traces and skipped records are those of a run that reads everything."""
    first = await score(store, dump)
    second = await score(store, dump)
    third = await score(store, dump, reading=Reading(paths=(), again=True))
    assert (first.unread, second.unread, third.unread) == (0, 1, 0)
    assert second.told == third.told
    assert second.tally.labels["one"].total() == 3
    assert (second.run.cached, second.run.skipped_records, second.run.no_reasoning) == (6, 3, 1)
    assert second.tally.unchanged == {first.run.run_id: 1}


async def test_a_plan_does_not_read_it_either(store: Store, dump: Path) -> None:
    """A dry run counts the same, and wants nothing."""
    await score(store, dump)
    judge = ScriptedJudge()
    plans = []
    for again in (False, True):
        reading = Reading(paths=(str(dump),), again=again)
        dumps = scoring.dumps_of(reading, rubrics=(ONE, TWO), judge=judge, store=store)
        plans.append(scoring.plan(dumps.items(), rubrics=(ONE, TWO), judge=judge, store=store))
    assert [plan.unchanged.total() for plan in plans] == [1, 0]
    assert plans[0].counts() == plans[1].counts()
    assert plans[0].labels == plans[1].labels


def _append(dump: Path, _: Store) -> None:
    dump.write_bytes(dump.read_bytes() + b"\n")


def _flip(dump: Path, _: Store) -> None:
    dump.write_bytes(dump.read_bytes().replace(b"I think.", b"I thing."))


def _copy(dump: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    copy = dump.with_name(name)
    copy.write_bytes(change(dump.read_bytes()))
    return copy


def _sql(statement: str) -> Callable[[Path, Store], None]:
    def change(_: Path, store: Store) -> None:
        with store.connect(write=True) as connection:
            connection.execute(statement)

    return change


@pytest.mark.parametrize(
    "change",
    [
        _append,
        _flip,
        _sql("DELETE FROM verdicts WHERE rowid = (SELECT min(rowid) FROM verdicts WHERE rubric = 'two')"),
        _sql("DELETE FROM traces WHERE rowid = (SELECT min(rowid) FROM traces)"),
        _sql("DELETE FROM sources WHERE record = '4'"),
        _sql("DELETE FROM dumps"),
    ],
)
async def test_a_change_to_the_file_or_the_database_is_seen(
    store: Store, dump: Path, change: Callable[[Path, Store], None]
) -> None:
    """The file is read, what is missing is judged, and the next run need not read it."""
    await score(store, dump)
    change(dump, store)
    second, third = await score(store, dump), await score(store, dump)
    assert (second.unread, third.unread) == (0, 1)
    assert third.run.cached == third.run.judgements == 6
    assert store.query("SELECT count(*) FROM sources SEMI JOIN traces USING (trace_id)").fetchall()[0][0] >= 4


async def test_a_deleted_verdict_is_judged_again(store: Store, dump: Path) -> None:
    """Only that one."""
    await score(store, dump)
    _sql("DELETE FROM verdicts WHERE rowid = (SELECT min(rowid) FROM verdicts WHERE rubric = 'two')")(dump, store)
    assert (await score(store, dump)).run.judged == 1


@pytest.mark.parametrize(
    "other",
    [
        {"rubrics": (ONE, rubric("two", question="Other?"))},
        {"rubrics": (ONE,)},
        {"rubrics": (ONE.judging("both"), TWO)},
        {"judge": ScriptedJudge(spec="other")},
        {"reading": Reading(paths=(), format="jsonl")},
        {"reading": Reading(paths=(), mapping=Mapping(paths=(("reasoning", "reasoning"),)))},
        {"limits": Limits(per_segment=True)},
        {"limits": Limits(traces=9)},
        {"limits": Limits(under_way=frozenset({"key"}))},
    ],
)
async def test_another_question_is_another_matter(store: Store, dump: Path, other: dict[str, object]) -> None:
    """Other rubrics, another judge, another way to read, and a limit: the file is read."""
    await score(store, dump)
    assert (await score(store, dump, **other)).unread == 0  # type: ignore[arg-type]
    assert (await score(store, dump)).unread == 1


async def test_segments_by_themselves_are_remembered_too(store: Store, dump: Path) -> None:
    """They count as judgements, and not as labels of traces."""
    limits = Limits(per_segment=True)
    await score(store, dump, limits=limits)
    second = await score(store, dump, limits=limits)
    third = await score(store, dump, limits=limits, reading=Reading(paths=(), again=True))
    assert (second.unread, third.unread) == (1, 0)
    assert second.told == third.told


async def test_a_file_with_a_failed_judgement_is_read_again(store: Store, dump: Path) -> None:
    """Until there is none; other files are not held up by it."""
    other = dump.with_name("e.jsonl")
    other.write_text(json.dumps({"reasoning": "I fail.", "response": "4"}) + "\n")
    await score(store, dump)
    await score(store, dump, other, judge=ScriptedJudge(JudgementFailed("truncated", "cut")))
    second, third = await score(store, dump, other), await score(store, dump, other)
    assert (second.unread, second.run.judged, third.unread) == (1, 2, 2)


async def test_a_limited_run_says_nothing_of_files(store: Store, dump: Path) -> None:
    """Even if the limit was not reached."""
    await score(store, dump, limits=Limits(traces=99))
    assert (await score(store, dump)).unread == 0


async def test_an_interrupted_run_says_nothing_of_what_it_did_not_read(store: Store, dump: Path) -> None:
    """What was judged is found by its key as ever."""
    big = dump.with_name("big.jsonl")
    big.write_text("".join(json.dumps({"reasoning": f"I add {n}.", "response": "1"}) + "\n" for n in range(200)))
    judge, asked = ScriptedJudge(), (ONE,)
    run = begin_run(judge, asked, {})
    dumps = scoring.dumps_of(Reading(paths=(str(big),)), rubrics=asked, judge=judge, store=store)
    stop = asyncio.Event()

    def observe(_: Event, tally: Tally) -> None:
        if tally.judged >= 5:
            stop.set()

    ended = await scoring.score(
        dumps.items(),
        rubrics=asked,
        judge=judge,
        store=store,
        run=run,
        observe=observe,
        stop=stop,
        limits=Limits(concurrency=2),
    )
    assert ended.status == "interrupted"
    second = await score(store, big, rubrics=asked)
    assert (second.unread, second.run.judgements) == (0, 200)
    assert second.run.cached == ended.judged


async def test_a_file_that_changes_while_it_is_judged_is_read_again(store: Store, dump: Path) -> None:
    """What was judged may not be what is there now."""
    judge, asked = ScriptedJudge(), (ONE,)
    dumps = scoring.dumps_of(Reading(paths=(str(dump),)), rubrics=asked, judge=judge, store=store)

    def observe(event: Event, _: Tally) -> None:
        if not isinstance(event, Skipped):
            _append(dump, store)

    run = begin_run(judge, asked, {})
    await scoring.score(dumps.items(), rubrics=asked, judge=judge, store=store, run=run, observe=observe)
    assert (await score(store, dump, rubrics=asked)).unread == 0


async def test_what_may_have_been_skipped_for_a_passing_reason_is_read_again(store: Store, dump: Path) -> None:
    """A file that could not be read to its end may be readable tomorrow."""
    cut = _copy(dump, "cut.jsonl.gz", lambda content: gzip.compress(content)[:-9])
    await score(store, dump, cut.parent)
    assert not store.query("SELECT path FROM dumps WHERE path LIKE '%cut%'").fetchall()


async def test_an_archive_counts_as_a_whole(store: Store, dump: Path) -> None:
    """Its members are places of their own."""
    archive = dump.with_name("a.zip")
    with zipfile.ZipFile(archive, "w") as made:
        made.write(dump, "one.jsonl")
        made.writestr("README", b"\x00\x01")
    await score(store, archive)
    second = await score(store, archive)
    third = await score(store, archive, reading=Reading(paths=(), again=True))
    assert (second.unread, second.told) == (1, third.told)


async def test_a_copy_is_read_for_its_places(store: Store, dump: Path) -> None:
    """The same bytes under another name are another place where traces were found."""
    await score(store, dump)
    copy = _copy(dump, "copy.jsonl", lambda content: content)
    assert (await score(store, copy)).unread == 0
    assert store.query("SELECT count(DISTINCT path) FROM sources").fetchall() == [(2,)]


async def test_a_row_in_a_journal_counts(store: Store, dump: Path) -> None:
    """While a reader keeps the file nothing is merged; a plan sees it all the same."""
    store.ensure()
    quick = Store(store.path, patience=0.2)
    with store.connect():
        with pytest.raises(StoreBusyError):
            await score(quick, dump)
        judge = ScriptedJudge()
        dumps = scoring.dumps_of(Reading(paths=(str(dump),)), rubrics=(ONE, TWO), judge=judge, store=quick)
        tally = scoring.plan(dumps.items(), rubrics=(ONE, TWO), judge=judge, store=quick)
    assert (tally.unchanged.total(), tally.cached) == (1, 6)


async def test_a_file_judged_by_two_runs_needs_the_verdicts_of_both(store: Store, dump: Path) -> None:
    """Each is named with all that it holds."""
    first = await score(store, dump, limits=Limits(traces=1))
    second = await score(store, dump)
    assert (first.run.judged, second.run.judged, (await score(store, dump)).unread) == (2, 2, 1)
    _sql(f"DELETE FROM verdicts WHERE run_id = '{first.run.run_id}' AND rubric = 'one'")(dump, store)
    third = await score(store, dump)
    assert (third.unread, third.run.judged) == (0, 1)


async def test_databases_put_together_keep_what_they_know(store: Store, dump: Path, tmp_path: Path) -> None:
    """By a merge and by an export, as long as the verdicts come along."""
    await score(store, dump)
    merged, imported = Store(tmp_path / "merged.duckdb"), Store(tmp_path / "imported.duckdb")
    merged.merge_database(store.path)
    store.export(tmp_path / "out")
    imported.import_export(tmp_path / "out")
    assert [(await score(other, dump)).unread for other in (merged, imported)] == [1, 1]


async def test_what_is_judged_is_not_loaded_while_nothing_is_read(store: Store, dump: Path) -> None:
    """Millions of keys cost memory, and no trace asks for one."""
    await score(store, dump)
    judge = ScriptedJudge()
    plan = scoring.Plan([], lambda: pytest.fail("loaded"), Limits(), lambda _event, _tally: None)
    for item in scoring.dumps_of(Reading(paths=(str(dump),)), rubrics=(ONE, TWO), judge=judge, store=store).items():
        plan.jobs(item)
    assert plan.tally.cached == 6
