"""What an export is to the tools that people read it with; `make test-frames` has them all."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.store.values import a_run, a_trace, a_verdict

from cotjudge.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "x.duckdb")
    with store.writer(a_run()) as writer:
        for number in range(5):
            trace = a_trace(f"I wonder {number}.", record=str(number), model="org/m")
            writer.add_trace(trace)
            writer.add_verdict(a_verdict(f"k{number}", trace_id=trace.trace_id, judge="openai/gpt-4o"))
    return store


def test_pandas_reads_a_folder_of_verdicts(store: Store, tmp_path: Path) -> None:
    """Rubric and judge come back from the folders' names."""
    pandas = pytest.importorskip("pandas")
    store.export(tmp_path / "out")
    frame = pandas.read_parquet(tmp_path / "out" / "verdicts")
    assert len(frame) == 5
    assert set(frame["rubric"].astype(str)) == {"scheming"}
    assert set(frame["judge"].astype(str)) <= {"openai/gpt-4o", "openai%2Fgpt-4o"}  # pandas leaves names as they are


def test_polars_reads_every_table(store: Store, tmp_path: Path) -> None:
    """Partitioned tables by their folders, the others as files."""
    polars = pytest.importorskip("polars")
    store.export(tmp_path / "out")
    for table, rows in {"verdicts": 5, "criteria": 10, "evidence": 10}.items():
        frame = polars.scan_parquet(tmp_path / "out" / table, hive_partitioning=True).collect()
        assert frame.height == rows
        assert {"rubric", "judge", "label", "current"} <= set(frame.columns)
    assert polars.read_parquet(tmp_path / "out" / "traces.parquet").height == 5


def test_hugging_face_datasets_loads_flat_records_and_parquet(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One record a trace, columns with one type each."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    datasets = pytest.importorskip("datasets")
    import orjson

    flat = tmp_path / "flat.jsonl"
    flat.write_bytes(b"".join(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in store.flat_records()))
    cache = str(tmp_path / "cache")
    loaded = datasets.load_dataset("json", data_files=str(flat), split="train", cache_dir=cache)
    assert loaded.num_rows == 5
    assert set(loaded["label_scheming"]) == {"present"}
    store.export(tmp_path / "out")
    parquet = str(tmp_path / "out" / "traces.parquet")
    assert datasets.load_dataset("parquet", data_files=parquet, split="train", cache_dir=cache).num_rows == 5
