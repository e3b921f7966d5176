"""The Python face: judge a trace, score a dump, open the database.

Each takes a judge as the command line does (`lexical`, any litellm model string) or as an object; the async core
is `judge_async` and `scoring.score`, the others are thin wrappers over them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotjudge import readers, rubric_file, scoring, settings
from cotjudge.court import Court
from cotjudge.dumps import Reading
from cotjudge.judgement import Question
from cotjudge.judges import judge_file, registry
from cotjudge.judges.base import AnyJudge as Judge
from cotjudge.judges.base import Bench
from cotjudge.readers import Skipped
from cotjudge.rubric import Rubric
from cotjudge.run import Run
from cotjudge.store import Store
from cotjudge.trace import Source, Trace, Turn
from cotjudge.verdict import Failure, Verdict

if TYPE_CHECKING:
    import duckdb

Rubrics = Sequence[str | Rubric] | None
"""Rubric ids, files, or objects; None for the three labels."""


def read(*paths: str | Path, format: str | None = None) -> Iterator[Trace | Skipped]:  # noqa: A002 (the option's name)
    """Traces of dumps, in order; a record that cannot be read comes as `Skipped`.

    Raises:
        InputError: a path that is missing, empty, or in no known format.
    """
    return readers.read([str(path) for path in paths], format=format)


def judge(trace: Trace | str, *, rubrics: Rubrics = None, judge: str | Judge | None = None) -> list[Verdict | Failure]:
    """Judge one trace, or one bare reasoning text, without a database.

    Args:
        trace: a trace, or the text of a chain of thought.
        rubrics: what to ask.
        judge: who is asked; `COTJUDGE_JUDGE` or the embedded judge where None.

    Returns:
        One verdict (or failure) a rubric, in order.

    Raises:
        JudgeUnusable: no judgement can be had from this judge.
    """
    return asyncio.run(judge_async(trace, rubrics=rubrics, judge=judge))


async def judge_async(
    trace: Trace | str, *, rubrics: Rubrics = None, judge: str | Judge | None = None
) -> list[Verdict | Failure]:
    """Like `judge`, in a running event loop; the rubrics are asked side by side."""
    the_trace = _bare(trace) if isinstance(trace, str) else trace
    the_judge, own = _judge(judge)
    questions = [Question.of(rubric, the_judge) for rubric in _rubrics(rubrics)]
    court = Court(secrets.token_hex(8))
    try:
        return await asyncio.gather(*(court.ask(the_trace, question) for question in questions))
    finally:
        if own:
            await the_judge.aclose()


def score(
    *paths: str | Path,
    db: str | Path | None = None,
    rubrics: Rubrics = None,
    judge: str | Judge | None = None,
    limits: scoring.Limits | None = None,
) -> Run:
    """Judge every reasoning trace of dumps into a database; what is judged already is not asked again.

    Returns:
        The run with its counts; `failed` judgements are asked again by the next call.

    Raises:
        InputError: a path that is missing, empty, or in no known format.
        JudgeUnusable: no judgement can be had from this judge.
        StoreError: the database cannot be used.
    """
    return asyncio.run(_score([str(p) for p in paths], db=db, rubrics=rubrics, judge=judge, limits=limits))


async def _score(
    paths: list[str],
    *,
    db: str | Path | None,
    rubrics: Rubrics,
    judge: str | Judge | None,
    limits: scoring.Limits | None,
) -> Run:
    store = Store(settings.database(None if db is None else Path(db)), patience=settings.patience_s())
    store.ensure()
    the_judge, own = _judge(judge, store.path)
    asked = _rubrics(rubrics)
    try:
        reading = Reading(paths=tuple(paths))
        dumps = scoring.dumps_of(reading, rubrics=asked, judge=the_judge, store=store, limits=limits)
        return await scoring.score(
            dumps.items(),
            rubrics=asked,
            judge=the_judge,
            store=store,
            run=begin_run(the_judge, asked, {"paths": paths}),
            limits=limits,
        )
    finally:
        if own:
            await the_judge.aclose()


def connect(db: str | Path | None = None) -> duckdb.DuckDBPyConnection:
    """A read-only DuckDB connection to the verdicts, those in the journals of scorers at work included.

    It shows what was stored when it was opened. Scoring goes on while it is open, with what it makes waiting in the
    journal, so close it when you are done. A `cursor()` of it is a new connection to the file, without the journals.

    Raises:
        StoreError: there is no such database, or it cannot be read.
    """
    return Store(settings.database(None if db is None else Path(db)), patience=settings.patience_s()).connect()


def begin_run(judge: Judge, rubrics: Sequence[Rubric], arguments: Mapping[str, Any]) -> Run:
    """The record of a run that begins now."""
    return Run(
        run_id=secrets.token_hex(8),
        started_at=datetime.now(UTC),
        version=version("cotjudge"),
        arguments=dict(arguments),
        judge=judge.spec,
        judge_identity=dict(judge.identity)
        | ({"tiers": [m.spec for m in judge.members]} if isinstance(judge, Bench) else {}),
        rubrics={rubric.id: rubric.content_hash for rubric in rubrics},
    )


def _bare(reasoning: str) -> Trace:
    turn = Turn(role="assistant", reasoning=reasoning, reasoning_kind="full")
    return Trace(turns=(turn,), source=Source(path="(memory)", record="1"))


def _judge(judge: str | Judge | None, db: Path | None = None) -> tuple[Judge, bool]:
    """The judge, and whether it is ours to close."""
    if judge is None or isinstance(judge, str):
        named = judge_file.load(settings.judge_file())
        return registry.make(settings.judge(judge), named=named, profiles=settings.profiles(db)), True
    return judge, False


def _rubrics(rubrics: Rubrics) -> tuple[Rubric, ...]:
    named = [r for r in rubrics or () if isinstance(r, str)]
    given = tuple(r for r in rubrics or () if isinstance(r, Rubric))
    return given + (rubric_file.resolve(named) if named or not given else ())
