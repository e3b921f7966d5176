"""A file written with one DuckDB, used with another: needs an environment that has another version.

`make test-duckdb14` makes one and names its Python in the environment variable that is read here.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import duckdb
import pytest
from tests.store.values import a_run, a_trace, a_verdict, keys_of, rows_of

from cotjudge.store import Store

OTHER = os.environ.get("OTHER_DUCKDB_PYTHON", "")
VALUES = Path(__file__).with_name("values.py")
SHELL = """
import duckdb, sys
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    names = [n for (n,) in connection.execute(
        "SELECT table_name FROM information_schema.tables ORDER BY ALL").fetchall()]
    for name in names:
        connection.execute(f"SELECT count(*), bit_xor(hash(x)) FROM {name} AS x").fetchall()
    print(duckdb.__version__, connection.execute("SELECT count(*) FROM verdicts").fetchall()[0][0])
"""

pytestmark = pytest.mark.skipif(not OTHER, reason="needs a second environment: make test-duckdb14")


def run(*arguments: object) -> str:
    done = subprocess.run([OTHER, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_plain_duckdb_of_the_other_version_reads_every_table_and_view(tmp_path: Path) -> None:
    """Also after a vacuum, which writes the file anew."""
    store = Store(tmp_path / "x.duckdb")
    with store.writer(a_run()) as writer:
        writer.add_trace(a_trace())
        writer.add_verdict(a_verdict("k"))
    for _ in range(2):
        version, verdicts = run("-c", SHELL, store.path).split()
        assert version.split(".")[0] != duckdb.__version__.split(".")[0]
        assert verdicts == "1"
        store.vacuum()


def test_both_store_into_one_file_in_turn(tmp_path: Path) -> None:
    """Scorers with either DuckDB take turns, and each finds what the other has stored."""
    store = Store(tmp_path / "x.duckdb")
    with store.writer(a_run()) as writer:
        writer.add_verdict(a_verdict("k"))
    run(VALUES, store.path, "run-2", 0, 10)
    assert keys_of(store) == {"k", *(f"key-{number}" for number in range(10))}
    with store.writer(a_run("run-3")) as writer:
        writer.add_verdict(a_verdict("k3"))
    run(
        "-c",
        "import sys; from pathlib import Path; from cotjudge.store import Store; "
        "store = Store(Path(sys.argv[1])); store.vacuum()",
        store.path,
    )
    assert rows_of(store, "SELECT count(*) FROM verdicts") == [(12,)]
