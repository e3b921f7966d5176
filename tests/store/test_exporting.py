"""Databases to parquet and back, and several into one."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.store.values import NOW, a_failure, a_reader, a_run, a_trace, a_verdict, contents, rows_of, said

from cotjudge.errors import InputError, StoreError, UsageError
from cotjudge.store import Label, Store
from cotjudge.store.export_folder import TABLES, UNIQUE
from cotjudge.store.warehouse import blueprint
from cotjudge.verdict import Call, Usage

JUDGES = ["lexical", "../up", "a/b", "with space", "é=%2F", "nul\0", "\n", "long " * 60, "long " * 59 + "lonG "]


def a_call() -> Call:
    return Call(model="m", outcome="used", usage=Usage(calls=1, input_tokens=3), latency_s=0.5, created_at=NOW)


def filled(path: Path, name: str = "one", first: int = 0) -> Store:
    """A database with something in every table; part of it overlaps with its neighbours'."""
    store = Store(path / f"{name}.duckdb")
    with store.writer(a_run(name)) as writer:
        for number in range(first, first + 6):
            trace = a_trace(f"Thought {number} 'é\x00'.", record=str(number), meta={"id": f"s{number}", "x": [1, None]})
            writer.add_trace(trace)
            judge = JUDGES[number % len(JUDGES)]
            call = {"ledger": (a_call(),), "run_id": name}
            writer.add_verdict(a_verdict(f"k{number}", trace_id=trace.trace_id, judge=judge, **call))
            writer.add_failure(a_failure(f"f{number}", trace_id=trace.trace_id, judge=judge, **call))
        writer.finish(a_run(name, status="finished", finished_at=NOW))
    label = Label(trace_id=a_trace().trace_id, rubric="scheming", annotator="ann", label=name, created_at=NOW)
    store.import_labels([label.model_copy(update={"created_at": NOW + timedelta(minutes=first)})])
    return store


def everything(store: Store) -> dict[str, Any]:
    return contents(store) | {"calls": rows_of(store, "FROM calls ORDER BY ALL")}


def test_an_import_gives_back_what_was_exported(tmp_path: Path) -> None:
    """Every row and every column of every table, whatever a judge is called."""
    store = filled(tmp_path)
    for number, judge in enumerate(JUDGES):
        with store.writer(a_run(f"run-{number}")) as writer:
            writer.add_verdict(a_verdict(f"named-{number}", judge=judge))
    manifest = store.export(tmp_path / "out")
    copy = Store(tmp_path / "copy.duckdb")
    gained = copy.import_export(tmp_path / "out")
    assert everything(copy) == everything(store)
    assert gained == manifest.rows
    assert set(copy.import_export(tmp_path / "out").values()) == {0}
    assert everything(copy) == everything(store)
    assert len(list((tmp_path / "out" / "verdicts" / "rubric=scheming").iterdir())) == len(JUDGES)
    assert {p.name for p in tmp_path.iterdir()} == {"out", "one.duckdb", "copy.duckdb"}


def test_every_table_is_exported() -> None:
    """A table that is added to the schema must be told apart here, or it would be lost on the way."""
    with blueprint() as connection:
        found = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert set(TABLES) == found - {"store_info"}


def test_an_export_is_read_without_us(tmp_path: Path) -> None:
    """Plain duckdb and pyarrow find the judges in the folders' names, and JSON as text."""
    filled(tmp_path).export(tmp_path / "out")
    found = duckdb.execute(
        f"SELECT judge, fields FROM read_parquet('{tmp_path}/out/verdicts/**/*.parquet', hive_partitioning = true)"
    ).fetchall()
    assert {judge for judge, _ in found} == set(JUDGES[:6])
    dataset = pytest.importorskip("pyarrow.dataset", reason="pyarrow is not installed")
    table = dataset.dataset(tmp_path / "out" / "criteria", partitioning="hive").to_table()
    assert set(table["judge"].to_pylist()) == set(JUDGES[:6])
    assert {str(t) for t in table.schema.types} <= {"string", "int32", "int64", "bool", "double", "timestamp[us]"}
    assert len(dataset.dataset(tmp_path / "out" / "sources.parquet").to_table()) == 6


def test_an_export_without_text_has_no_text(tmp_path: Path) -> None:
    """Hashes, lengths, quotes and verdicts go along; turns and segments are empty."""
    store = filled(tmp_path)
    assert not store.export(tmp_path / "out", keep_text=False).text
    copy = Store(tmp_path / "copy.duckdb")
    copy.import_export(tmp_path / "out")
    assert rows_of(copy, "SELECT count(turns), count(text_hash) > 0 FROM traces") == [(0, True)]
    assert rows_of(copy, "SELECT count(text), sum(chars) > 0 FROM segments") == [(0, True)]
    assert contents(copy)["verdicts"] == contents(store)["verdicts"]


def test_an_export_replaces_an_export_and_nothing_else(tmp_path: Path) -> None:
    """A folder with something of the user's is refused; in an export it stays."""
    store = filled(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    for name, why in (("mine", "holds no export"), ("file", "this is a file"), ("no/../file/x", "cannot write")):
        with pytest.raises(UsageError, match=why):
            store.export(tmp_path / name)
    store.export(tmp_path / "out")
    (tmp_path / "out" / "README.md").write_text("x")
    store.query("DELETE FROM verdicts WHERE key <> 'k1'", write=True).close()
    store.query("DELETE FROM criteria WHERE key <> 'k1'", write=True).close()
    store.query("DELETE FROM evidence WHERE key <> 'k1'", write=True).close()
    assert store.export(tmp_path / "out").rows["verdicts"] == 1
    assert len(list((tmp_path / "out" / "verdicts").rglob("*.parquet"))) == 1
    assert (tmp_path / "out" / "README.md").exists()


def test_an_export_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    """A file that was lost or is there twice is found by the manifest's counts; nothing is kept."""
    filled(tmp_path).export(tmp_path / "out")
    copy = Store(tmp_path / "copy.duckdb")
    with pytest.raises(InputError, match="no export"):
        copy.import_export(tmp_path)
    file = next((tmp_path / "out" / "evidence").rglob("*.parquet"))
    data = file.read_bytes()
    file.unlink()
    with pytest.raises(InputError, match=r"evidence has .* rows, and manifest.json says"):
        copy.import_export(tmp_path / "out")
    file.write_bytes(b"PAR1 nonsense")
    with pytest.raises(InputError, match="evidence cannot be read"):
        copy.import_export(tmp_path / "out")
    file.write_bytes(data)
    path = tmp_path / "out" / "manifest.json"
    manifest = json.loads(path.read_text())
    for change, why in (
        ({"rows": manifest["rows"] | {"runs": 9}}, "runs has 1 rows"),
        ({"schema_version": 1}, "schema version 1"),
        ({"schema_version": 99}, "pip install --upgrade cotjudge"),
        ({"rows": {}}, "lacked a table"),
        ({"format": "x"}, "not written by"),
        ({"text": "x"}, "text:"),
    ):
        path.write_text(json.dumps(manifest | change))
        with pytest.raises(InputError, match=why):
            copy.import_export(tmp_path / "out")
    path.write_text("{")
    with pytest.raises(InputError, match="the file"):
        copy.import_export(tmp_path / "out")
    assert not copy.path.exists() or set(map(len, contents(copy).values())) == {0}


def test_databases_merge_into_one(tmp_path: Path) -> None:
    """Each row once, the newest label of an annotator, every run; the inputs stay as they are, a second time is nothing."""
    one, two = filled(tmp_path, "one"), filled(tmp_path, "two", 4)
    before = [store.path.read_bytes() for store in (one, two)]
    merged = Store(tmp_path / "all.duckdb")
    assert merged.merge_database(one.path)["verdicts"] == 6
    assert merged.merge_database(two.path)["verdicts"] == 4
    found = everything(merged)
    assert rows_of(merged, "SELECT count(*), count(DISTINCT key) FROM verdicts") == [(10, 10)]
    assert rows_of(merged, "SELECT count(*) FROM criteria") == [(20,)]
    assert rows_of(merged, "SELECT label FROM labels") == [("two",)]
    assert rows_of(merged, "SELECT run_id, status FROM runs ORDER BY ALL") == [("one", "finished"), ("two", "finished")]
    assert rows_of(merged, "SELECT count(*) FROM calls WHERE key = 'k4'") == [(2,)]
    for table, names in UNIQUE.items():
        assert rows_of(merged, f"SELECT count(*) FROM {table} GROUP BY {', '.join(names)} HAVING count(*) > 1") == []
    for store in (two, one, two):
        assert set(merged.merge_database(store.path).values()) == {0}
    assert everything(merged) == found
    assert [store.path.read_bytes() for store in (one, two)] == before


def test_tables_merge_by_the_rules_of_journal_lines(tmp_path: Path) -> None:
    """What one scorer after the other leaves in one file is what their two files give, merged."""
    (tmp_path / "both").mkdir()
    filled(tmp_path / "both", "one")
    one_file = Store(tmp_path / "both" / "one.duckdb")
    one, two = filled(tmp_path, "one"), filled(tmp_path, "two", 4)
    (tmp_path / "both" / "one.duckdb").rename(tmp_path / "both" / "two.duckdb")
    one_file = filled(tmp_path / "both", "two", 4)
    merged = Store(tmp_path / "all.duckdb")
    merged.merge_database(one.path)
    merged.merge_database(two.path)
    without = "SELECT * EXCLUDE (created_at) FROM traces ORDER BY ALL"
    assert rows_of(merged, without) == rows_of(one_file, without)
    expected = everything(one_file)
    assert {t: rows for t, rows in everything(merged).items() if t != "traces"} == {
        t: rows for t, rows in expected.items() if t != "traces"
    }


def test_what_is_still_in_journals_is_merged_too(tmp_path: Path) -> None:
    """A scorer that could not merge yet has its verdicts in the other database all the same, and keeps its journal."""
    store, merged = Store(tmp_path / "one.duckdb", patience=0.1), Store(tmp_path / "all.duckdb")
    store.ensure()
    with a_reader(store.path) as reader:
        assert said(reader, 1) == ["open"]
        with pytest.raises(StoreError), store.writer(a_run()) as writer:  # noqa: PT012 (it is raised at the end)
            writer.add_trace(a_trace())
            writer.add_verdict(a_verdict("k"))
        kept = {path: path.read_bytes() for path in store.journals.rglob("*.jsonl")}
        assert merged.merge_database(store.path)["verdicts"] == 1
        assert {path: path.read_bytes() for path in store.journals.rglob("*.jsonl")} == kept != {}
        assert set(merged.merge_database(store.path).values()) == {0}
        reader.communicate("\n")
    assert everything(merged) == everything(store) | {"runs": everything(merged)["runs"]}


@pytest.mark.parametrize(("version", "why"), [(2, "older cotjudge"), (99, "pip install --upgrade cotjudge")])
def test_another_version_is_refused(tmp_path: Path, version: int, why: str) -> None:
    """The line says what to do; nothing is changed on either side."""
    store, merged = filled(tmp_path), Store(tmp_path / "all.duckdb")
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("UPDATE store_info SET schema_version = ?", [version])
    with pytest.raises(StoreError, match=why):
        merged.merge_database(store.path)
    assert set(map(len, contents(merged).values())) == {0}


def test_frames_and_the_stock_duckdb_read_the_file(tmp_path: Path) -> None:
    """A connection gives Arrow tables; duckdb alone opens the file and answers from every view."""
    import cotjudge

    store = filled(tmp_path)
    with duckdb.connect(str(store.path), read_only=True) as plain:
        views = [n for (n,) in plain.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()]
        assert "current_verdicts" in views
        for view in views:
            plain.execute(f'SELECT * FROM "{view}"').fetchall()
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    with cotjudge.connect(store.path) as connection:
        found = connection.sql("FROM verdicts").arrow()
        assert (found.read_all() if hasattr(found, "read_all") else found).num_rows == 6


@pytest.mark.parametrize(("library", "method"), [("pandas", "df"), ("polars", "pl")])
def test_frames_of_other_libraries(tmp_path: Path, library: str, method: str) -> None:
    """`connect(db).sql(...)` gives a frame."""
    import cotjudge

    pytest.importorskip(library, reason=f"{library} is not installed")
    with cotjudge.connect(filled(tmp_path).path) as connection:
        assert len(getattr(connection.sql("FROM verdicts"), method)()) == 6
