"""Planning a dump of which everything is judged already; whole processes, each with its peak memory.

    python benchmarks/planning.py [--traces 1000000] [--read 100000]

The verdicts are made by SQL under the keys that the dump's traces really have, and a first run that finds them all cached
writes down that the file is judged. Beside it, in the same run: the same on a smaller dump with `--read-again`, scaled
to the size of the large one, and a bare loop that parses each line with orjson.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cotjudge import readers
from cotjudge.judgement import Question
from cotjudge.judges import registry
from cotjudge.rubric_file import resolve
from cotjudge.store import Store
from cotjudge.trace import Trace
from rerun import timed

LOOP = """
import sys, orjson
with open(sys.argv[1], "rb") as file:
    print(sum(1 for line in file if orjson.loads(line)))
"""
RUBRIC = "stereotyped_ethical_phrasing"
FILLER = "the user wants a number, so I look at the table, add what is there and say it plainly. "
VERDICTS = """
INSERT INTO verdicts BY NAME
SELECT
    key, trace_id, $rubric AS rubric, '1' AS rubric_version, $rubric_hash AS rubric_hash, 'lexical' AS judge,
    $judge_hash AS judge_hash, '' AS prompt_version, ['absent', 'absent', 'present', 'uncertain'][1 + row % 4] AS label,
    0.5 AS score, '{}' AS derived, '' AS rationale, '{}' AS fields, false AS injection_suspected, 0 AS calls,
    0 AS input_tokens, 0 AS cached_tokens, 0 AS output_tokens, 0 AS reasoning_tokens, 0 AS cost_usd, 0.002 AS latency_s,
    1 AS coverage, 1 AS windows, true AS quoted, 'criteria' AS score_kind, 1 AS samples, '{}' AS votes,
    '[]' AS opinions, '' AS settled_by, 'filled' AS run_id, now()::TIMESTAMP AS created_at, 0 AS unverified,
    true AS current, (md5_number_lower(key) & 4294967295)::UINTEGER AS key_number,
    (md5_number_lower(concat_ws(chr(0), trace_id, NULL, $rubric, 'lexical')) & 4294967295)::UINTEGER AS slot_number
FROM (
    SELECT key, trace_id, row_number() OVER () AS row
    FROM read_csv($keys, header = false, columns = {'key': 'VARCHAR', 'trace_id': 'VARCHAR'})
)
"""
RUN = """
INSERT INTO runs BY NAME
SELECT 'filled' AS run_id, now()::TIMESTAMP AS started_at, now()::TIMESTAMP AS finished_at, 'finished' AS status
"""


def write(dump: Path, traces: int) -> None:
    """Short chats with reasoning, about 1 kB each."""
    with dump.open("w", encoding="utf-8") as file:
        for number in range(traces):
            messages = [
                {"role": "user", "content": f"What is {number} and {number}? " + FILLER * 2},
                {
                    "role": "assistant",
                    "reasoning_content": f"Thought {number}: " + FILLER * 7,
                    "content": str(2 * number),
                },
            ]
            file.write(json.dumps({"id": number, "model": "org/model", "messages": messages}) + "\n")


def fill(dump: Path, db: Path) -> None:
    """A verdict for every trace of a dump."""
    store = Store(db, keep_text=False)
    store.ensure()
    (rubric,) = resolve([RUBRIC])
    question = Question.of(rubric, registry.make("lexical"))
    keys = dump.with_suffix(".csv")
    with keys.open("w", encoding="ascii") as file:
        file.writelines(f"{question.key(trace)},{trace.trace_id}\n" for trace in _traces(dump))
    with store.connect(write=True) as connection:
        connection.execute(
            VERDICTS,
            {
                "rubric": RUBRIC,
                "rubric_hash": question.rubric_hash,
                "judge_hash": question.judge_hash,
                "keys": str(keys),
            },
        )
        connection.execute(RUN)
    keys.unlink()


def _traces(dump: Path) -> Iterator[Trace]:
    return (item for item in readers.read([str(dump)]) if isinstance(item, Trace))


def score(dump: Path, db: Path, *options: str) -> tuple[float, float, dict[str, float]]:
    """One `cotjudge score` that has nothing to ask."""
    command = (
        sys.executable,
        "-m",
        "cotjudge",
        "score",
        str(dump),
        "--judge",
        "lexical",
        "--rubric",
        RUBRIC,
        "--no-text",
    )
    seconds, peak, out = timed(*command, "--db", str(db), "--json", *options)
    counts = json.loads(out.splitlines()[-1])
    assert counts["cached"] == counts["judgements"] > 0, counts
    return seconds, peak, counts


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=1_000_000)
    parser.add_argument("--read", type=int, default=100_000)
    parser.add_argument("--fill", type=Path, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fill:
        fill(*arguments.fill)
        return
    with tempfile.TemporaryDirectory() as name:
        large, small = Path(name) / "large.jsonl", Path(name) / "small.jsonl"
        for dump, traces in ((small, arguments.read), (large, arguments.traces)):
            write(dump, traces)
            # In a process of its own: a child's peak is never less than its parent's was when it was made.
            timed(sys.executable, __file__, "--fill", str(dump), str(dump.with_suffix(".duckdb")))
            seconds, peak, _ = score(dump, dump.with_suffix(".duckdb"))
            size = dump.stat().st_size / 1e6
            print(
                f"{traces:,} traces, {size:,.0f} MB: first run, all cached: {seconds:.1f} s, peak {peak:.0f} MB",
                flush=True,
            )
        scale = arguments.traces / arguments.read
        for option in ("--dry-run", "--text"):
            what = "score --dry-run" if option == "--dry-run" else "score"
            seconds, peak, counts = score(large, large.with_suffix(".duckdb"), option)
            assert counts["unchanged_files"] == 1, counts
            again, memory, _ = score(small, small.with_suffix(".duckdb"), option, "--read-again")
            print(
                f"{what}: {seconds:.2f} s, peak {peak:.0f} MB; read again: {again:.1f} s for {arguments.read:,} traces, "
                f"peak {memory:.0f} MB, so about {again * scale:.0f} s for {arguments.traces:,}",
                flush=True,
            )
        seconds, peak, _ = timed(sys.executable, "-c", LOOP, str(large))
        print(f"bare loop of orjson: {seconds:.2f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
