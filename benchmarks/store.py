"""The store: what a journal line costs, merges into an empty and a large database, size per verdict.

    python benchmarks/store.py [--verdicts 1000000]

Beside the merge of new lines stands the merge of the same lines again, which must find that there is nothing to do.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from cotjudge.store import Store, lines
from cotjudge.store.journal import Journal
from cotjudge.store.merging import drain
from cotjudge.verdict import CriterionVerdict, Evidence, Usage, Verdict

NOW = datetime.now(UTC)
FILL = (
    """INSERT INTO verdicts BY NAME SELECT md5('k' || i) AS key, md5('t' || (i // 3)) AS trace_id,
    ['a', 'b', 'c'][1 + i % 3] AS rubric, '1' AS rubric_version, 'h' || (i % 3) AS rubric_hash, 'llm' AS judge,
    'jh' AS judge_hash, '1' AS prompt_version, ['present', 'absent'][1 + i % 2] AS label, random() AS score,
    repeat('because of this and that ', 12) || i AS rationale, 'r' AS run_id FROM range($n) t(i)""",
    """INSERT INTO criteria BY NAME SELECT key, trace_id, rubric, c AS ordinal, 'criterion_' || c AS criterion,
    'yes' AS answer, 'yes' AS given FROM verdicts, range(8) r(c)""",
    """INSERT INTO evidence BY NAME SELECT key, trace_id, rubric, c AS ordinal, 'criterion_' || c AS criterion,
    repeat('some quote of usual length, here ', 3) || key AS quote, true AS verified FROM verdicts, range(5) r(c)""",
)


def key(text: str) -> str:
    """A key as long as a real one."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def verdict(name: str) -> Verdict:
    """A verdict of ordinary size: eight criteria, five quotes."""
    criteria = tuple(CriterionVerdict(criterion=f"criterion_{n}", answer="yes", given="yes") for n in range(8))
    quotes = tuple(
        Evidence(
            criterion=f"criterion_{n}",
            stance="for",
            quote="some quote of usual length, here " * 3 + name,
            verified=True,
            match="exact",
            segment=0,
            turn=1,
            part="reasoning",
            start=100,
            end=200,
        )
        for n in range(5)
    )
    return Verdict(
        key=key(name),
        trace_id=key("t" + name),
        rubric="a",
        rubric_version="1",
        rubric_hash="h0",
        judge="llm",
        judge_hash="jh",
        prompt_version="1",
        label="present",
        score=0.5,
        severity="acted",
        derived={"x": None},
        criteria=criteria,
        evidence=quotes,
        rationale="because of this and that " * 12,
        fields={"whose_goal": "own"},
        injection_suspected=False,
        usage=Usage(calls=1, input_tokens=3000, output_tokens=400, cost_usd=0.001),
        latency_s=1.0,
        run_id="r",
        created_at=NOW,
    )


def merged(store: Store, name: str, verdicts: list[Verdict]) -> tuple[float, float]:
    """Microseconds of CPU per appended line, and seconds of the merge."""
    journal = Journal.create(store.journals, name)
    begun = time.process_time()
    for one in verdicts:
        journal.append(lines.verdict_line(one))
    append = (time.process_time() - begun) / len(verdicts) * 1e6
    journal.rotate()
    begun = time.perf_counter()
    drain(store._warehouse, journal, patience=30)  # noqa: SLF001 (what is measured has no public name)
    seconds = time.perf_counter() - begun
    journal.close()
    return append, seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", type=int, default=1_000_000, help="how many the large database holds")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "v.duckdb")
        store.ensure()
        append, seconds = merged(store, "first", [verdict(f"first{i}") for i in range(10_000)])
        print(f"append a verdict to the journal: {append:.0f} us of CPU")
        print(f"merge 10,000 lines into an empty database: {seconds:.2f} s")
        with store.connect(write=True) as connection:
            connection.execute(FILL[0], {"n": arguments.verdicts})
            for statement in FILL[1:]:
                connection.execute(statement)
        size = store.path.stat().st_size
        print(f"{arguments.verdicts:,} verdicts: {size / 1e6:.0f} MB, {size / arguments.verdicts:.0f} bytes each")
        for count in (10_000, 500):
            new = [[verdict(f"{count}-{round_}-{i}") for i in range(count)] for round_ in range(5)]
            first = [merged(store, f"new{count}-{n}", some)[1] for n, some in enumerate(new)]
            again = [merged(store, f"old{count}-{n}", some)[1] for n, some in enumerate(new)]
            print(
                f"merge {count:,} lines: {statistics.median(first):.2f} s; the same again: {statistics.median(again):.2f} s"
            )
        begun = time.perf_counter()
        known = store.judged(["h0", "h1", "h2"], "jh").verdicts
        print(f"load {len(known):,} judged keys: {time.perf_counter() - begun:.2f} s")


if __name__ == "__main__":
    main()
