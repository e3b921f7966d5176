"""A large database: every view and named query, merging, opening, size; beside them the same over JSON files.

    python benchmarks/database.py [--verdicts 10000000] [--database FILE] [--vacuum]

A view is asked twice: for its first hundred rows, and to the end (its rows are counted). Criteria and evidence are there
for a fifth of the traces, and no text. What a user would do instead is measured over fewer records and scaled up.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb

from cotjudge.store import Store
from cotjudge.store.views import VIEWS
from filling import fill
from store import merged, verdict

AIM_S = 0.3
SLOW_S = 5.0
"""What takes so long is not timed again."""

LONGEST_S = 30.0
"""What takes longer, or more than 4 GB, is broken off and printed as `inf`."""

FILES = 100_000
"""JSON results read for the comparison."""

GIVEN = {"sources_of": {"trace": "e"}}
"""Parameters for the queries that have no default for one."""


def seconds(work: Callable[[], Any], rounds: int = 3) -> float:
    """Median wall-clock seconds."""
    taken: list[float] = []
    while len(taken) < rounds and sum(taken) < SLOW_S:
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def ask(store: Store) -> None:
    """Every view and named query."""
    taken: list[float] = []
    with store.connect() as connection:
        connection.execute("SET memory_limit = '4GB'")

        def timed(sql: str, parameters: dict[str, Any] | None = None) -> float:
            guard = Timer(LONGEST_S, connection.interrupt)
            guard.start()
            try:
                return seconds(lambda: connection.execute(sql, parameters).fetchall())
            except (duckdb.InterruptException, duckdb.OutOfMemoryException):
                return math.inf
            finally:
                guard.cancel()

        for view in VIEWS:
            first, whole = timed(f"SELECT * FROM {view} LIMIT 100"), timed(f"SELECT count(*) FROM {view}")  # noqa: S608
            taken += [first, whole]
            print(f"{verdict_of(first)} view {view}: first rows {first:.2f} s, all counted {whole:.2f} s", flush=True)
        for name in Store.queries():
            took = timed(*Store.named(name, GIVEN.get(name)))
            taken.append(took)
            print(f"{verdict_of(took)} query @{name}: {took:.2f} s", flush=True)
        under = sum(took < AIM_S for took in taken)
        print(f"median {statistics.median(taken):.2f} s; under {AIM_S} s: {under} of {len(taken)}")


def verdict_of(took: float) -> str:
    """Whether the aim is met."""
    return "   " if took < AIM_S else "  >"


def open_and_ask(store: Store) -> None:
    """Whole processes: `cotjudge sql`, and an import of duckdb that asks the same."""
    sql = "SELECT label, trace_id FROM verdicts LIMIT 1"
    ours = [sys.executable, "-m", "cotjudge", "sql", sql, "--db", str(store.path)]
    bare = f"import duckdb; print(duckdb.connect({str(store.path)!r}, read_only=True).execute({sql!r}).fetchall())"
    for name, command in {"cotjudge sql": ours, "bare duckdb": [sys.executable, "-c", bare]}.items():
        took = seconds(lambda command=command: subprocess.run(command, check=True, capture_output=True), rounds=7)  # type: ignore[misc]
        print(f"open to first row, whole process, {name}: {took:.2f} s")


def merge(store: Store) -> None:
    """New lines, and the same lines again."""
    for count in (10_000, 500):
        new = [[verdict(f"{time.time()}-{round_}-{i}") for i in range(count)] for round_ in range(3)]
        first = statistics.median(merged(store, f"new-{count}-{n}", some)[1] for n, some in enumerate(new))
        again = statistics.median(merged(store, f"old-{count}-{n}", some)[1] for n, some in enumerate(new))
        print(f"merge {count:,} lines: {first:.2f} s; the same again: {again:.2f} s", flush=True)


def size(store: Store, folder: Path) -> None:
    """Bytes per verdict: the file, and the table of verdicts as plain parquet; all tables as parquet."""
    with store.connect() as connection:
        verdicts: int = connection.execute("SELECT count(*) FROM verdicts").fetchall()[0][0]
        parquet = {}
        for table in ("verdicts", "criteria", "evidence", "traces", "sources", "segments", "calls"):
            file = folder / f"{table}.parquet"
            connection.execute(f"COPY {table} TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
            parquet[table] = file.stat().st_size
            file.unlink()
    print(f"{verdicts:,} verdicts: {store.path.stat().st_size / verdicts:.0f} bytes of file each, all tables together")
    print(
        f"  as parquet (zstd): {sum(parquet.values()) / verdicts:.0f}; of that verdicts {parquet['verdicts'] / verdicts:.0f}"
    )


def instead(store: Store, folder: Path) -> None:
    """Prevalence and overlap over a folder of JSON results, one file each, in plain Python (pandas where it is there)."""
    with store.connect() as connection:
        verdicts: int = connection.execute("SELECT count(*) FROM verdicts").fetchall()[0][0]
        cursor = connection.execute("SELECT * FROM verdicts LIMIT ?", [FILES])
        names = [column[0] for column in cursor.description or ()]
        for number, row in enumerate(cursor.fetchall()):
            (folder / f"{number}.json").write_text(json.dumps(dict(zip(names, row, strict=True)), default=str))
    begun = time.perf_counter()
    rows = [json.loads(file.read_bytes()) for file in folder.glob("*.json")]
    loaded = time.perf_counter() - begun
    try:
        import pandas as pd
    except ImportError:
        tool = "plain Python, pandas is not installed"
        Counter((row["rubric"], row["judge"], row["label"]) for row in rows)
    else:
        tool = "pandas"
        pd.DataFrame(rows).groupby(["rubric", "judge", "label"]).size()
    counted = time.perf_counter() - begun - loaded
    scale = verdicts / len(rows)
    print(f"prevalence over {len(rows):,} JSON files ({tool}): read {loaded:.1f} s, counted {counted:.2f} s")
    print(f"  scaled to {verdicts:,}: read {loaded * scale:,.0f} s, counted {counted * scale:.1f} s, and never cached")


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", type=int, default=10_000_000)
    parser.add_argument("--database", type=Path, help="one that is there already; lines are merged into it")
    parser.add_argument("--vacuum", action="store_true", help="rewrite it with large row groups and ask again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun = time.perf_counter()
        store = (
            Store(arguments.database, keep_text=False)
            if arguments.database
            else fill(folder / "v.duckdb", arguments.verdicts)
        )
        print(f"ready after {time.perf_counter() - begun:.0f} s", flush=True)
        ask(store)
        open_and_ask(store)
        size(store, folder)
        results = folder / "results"
        results.mkdir()
        instead(store, results)
        merge(store)
        if arguments.vacuum:
            print(f"vacuumed in {seconds(store.vacuum, rounds=1):.0f} s", flush=True)
            ask(store)
            size(store, folder)
            merge(store)


if __name__ == "__main__":
    main()
