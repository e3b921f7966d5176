"""Values to store, and a scorer in a process of its own: `python values.py DB RUN_ID FIRST COUNT`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Any

from cotjudge.run import Run
from cotjudge.store import DumpName, Holding, JudgedDump, Store
from cotjudge.trace import Source, Trace, Turn
from cotjudge.verdict import CriterionVerdict, Evidence, Failure, Usage, Verdict

NOW = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
JUDGE_HASH = "judge-hash"
RUBRIC_HASH = "rubric-hash"

READER = """
import sys
from pathlib import Path
from cotjudge.store import Store

with Store(Path(sys.argv[1])).connect():
    print("open", flush=True)
    input()
"""


def a_run(run_id: str = "run-1", **changes: Any) -> Run:
    return Run(run_id=run_id, started_at=NOW, judge="lexical").model_copy(update=changes)


def a_trace(text: str = "I wonder.", *, record: str = "1", **changes: Any) -> Trace:
    turns = (
        Turn(role="user", content="Go on."),
        Turn(role="assistant", reasoning=text, reasoning_kind="full", content="Done."),
    )
    return Trace(turns=turns, source=Source(path="dump.jsonl", record=record, format="openai"), **changes)


def a_verdict(key: str, **changes: Any) -> Verdict:
    verdict = Verdict(
        key=key,
        trace_id=a_trace().trace_id,
        rubric="scheming",
        rubric_version="1",
        rubric_hash=RUBRIC_HASH,
        judge="lexical",
        judge_hash=JUDGE_HASH,
        prompt_version="",
        label="present",
        score=0.75,
        severity="acted",
        derived={"acted": None},
        criteria=(
            CriterionVerdict(criterion="conceals", answer="cannot_tell", given="yes", note="not found in the trace"),
            CriterionVerdict(criterion="adopted", answer="yes", given="yes"),
        ),
        evidence=(
            Evidence(
                criterion="conceals", stance="for", quote="hide it", verified=False, note="not found in the trace"
            ),
            Evidence(
                criterion="adopted",
                stance="against",
                quote="wonder",
                verified=True,
                match="exact",
                segment=1,
                turn=1,
                part="reasoning",
                start=2,
                end=8,
                position=(1 + 2 / 9) / 3,
            ),
        ),
        rationale="Because.",
        fields={"whose_goal": "own", "steps": ["a", "b"]},
        injection_suspected=False,
        usage=Usage(calls=2, input_tokens=300, cached_tokens=100, output_tokens=40, reasoning_tokens=5, cost_usd=0.25),
        latency_s=1.5,
        model="m",
        task="t",
        epoch=1,
        variant="v",
        run_id="run-1",
        created_at=NOW,
    )
    return verdict.model_copy(update=changes)


def a_failure(key: str, **changes: Any) -> Failure:
    failure = Failure(
        key=key,
        trace_id=a_trace().trace_id,
        rubric="scheming",
        judge="lexical",
        kind="refused",
        reason="it would not",
        usage=Usage(calls=1, cost_usd=None),
        latency_s=0.5,
        run_id="run-1",
        created_at=NOW,
    )
    return failure.model_copy(update=changes)


def a_dump(**changes: Any) -> JudgedDump:
    name = DumpName(path="dump.jsonl", content_hash="content", reading="reading", asked="asked")
    dump = JudgedDump(name=name, judge="lexical", verdicts={"run-1": Holding.of("old")}, run_id="run-1", created_at=NOW)
    return dump.model_copy(update=changes)


def keys_of(store: Store) -> set[str]:
    return set(store.judged([RUBRIC_HASH], JUDGE_HASH).verdicts)


def rows_of(store: Store, sql: str) -> list[tuple[Any, ...]]:
    return store.query(sql).fetchall()


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in an order of its own."""
    tables = (
        "traces",
        "sources",
        "segments",
        "verdicts",
        "criteria",
        "evidence",
        "failures",
        "runs",
        "labels",
        "dumps",
    )
    return {table: rows_of(store, f"FROM {table} ORDER BY ALL") for table in tables}


@contextmanager
def python(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another Python, gone at the end of the block."""
    with subprocess.Popen(
        [sys.executable, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def a_scorer(db: Path, run_id: str, first: int = 0, number: int = 0) -> Any:
    """A process that stores `number` verdicts (or goes on for ever) and prints the key of each one it has stored."""
    return python(__file__, db, run_id, first, number)


def a_reader(db: Path) -> Any:
    """A process that has the database open, and says so, until its standard input closes."""
    return python("-c", READER, db)


def said(process: subprocess.Popen[str], lines: int) -> list[str]:
    assert process.stdout
    return [line.rstrip("\n") for line in islice(process.stdout, lines)]


def _score(db: str, run_id: str, first: int, number: int) -> None:
    run = a_run(run_id)
    with Store(Path(db)).writer(run) as writer:
        for index in range(first, first + number) if number else count(first):
            trace = a_trace(f"I wonder {index}.", record=str(index))
            writer.add_trace(trace)
            writer.add_verdict(a_verdict(f"key-{index}", trace_id=trace.trace_id, run_id=run_id))
            os.write(1, f"key-{index}\n".encode())
        writer.finish(run.model_copy(update={"status": "finished", "finished_at": NOW}))


if __name__ == "__main__":
    _score(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
