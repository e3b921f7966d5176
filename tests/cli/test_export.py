"""`cotjudge export`, `import` and `merge`."""

from __future__ import annotations

import json
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from tests.cli.command import Cli

RUBRIC = ("--rubric", "goal_directed_scheming")


@pytest.fixture
def scored(cli: Cli) -> Cli:
    """A database with three traces, judged."""
    assert cli("score", cli.dump(), "--judge", "lexical").code == 0
    return cli


def test_an_export_comes_back_and_merges(scored: Cli) -> None:
    """Three commands, each saying what is new; a second time nothing is."""
    assert "9 verdicts on 3 traces written to out" in scored("export", "--to", "out").err
    assert "new in b.duckdb: 3 traces" in scored("import", "out", "--db", "b.duckdb").err
    assert "new in b.duckdb: nothing" in scored("import", "out", "--db", "b.duckdb").err
    merged = scored("merge", "cotjudge.duckdb", "b.duckdb", "--into", "c.duckdb").err.splitlines()
    assert [line.split(" new in ")[0] for line in merged] == ["cotjudge.duckdb:", "b.duckdb:"]
    assert ["9 verdicts" in line for line in merged] == [True, False]
    assert merged[1].endswith("nothing")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export",), "--to DIR"),
        (("export", "--to", "x", "--format", "hf"), "--to DIR"),
        (("export", "--to", "x", *RUBRIC), "belong to --format"),
        (("export", "--to", "."), "not empty and holds no export"),
        (("export", "--format", "precomputed"), "several rubrics; choose one with --rubric: goal_directed_scheming,"),
        (("export", "--format", "precomputed", "--rubric", "x"), "no verdicts of rubric 'x'"),
        (("export", "--format", "hf", "--judge", "x"), "no verdicts of judge 'x'; choose one with --judge: lexical"),
        (("export", "--format", "hf", *RUBRIC), "belong to precomputed"),
        (("export", "--format", "hf", "-o", "no/such/x.jsonl"), "cannot write no/such/x.jsonl"),
        (("import", "."), "no export (it has no manifest.json)"),
        (("merge", "nosuch.duckdb", "--into", "c.duckdb"), "nosuch.duckdb: no such database"),
        (("merge", "cotjudge.duckdb", "--into", "cotjudge.duckdb"), "cannot be merged into itself"),
        (("merge", "d.jsonl", "--into", "c.duckdb"), "error: d.jsonl:"),
    ],
)
def test_a_mistake_is_one_line(scored: Cli, arguments: tuple[str, ...], said: str) -> None:
    """It names what is wrong and what to do; exit status 2."""
    done = scored(*arguments)
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_precomputed_scores_are_inspects_shape(scored: Cli) -> None:
    """One record for each sample: id, a number, and what explains it."""
    done = scored("export", "--format", "precomputed", *RUBRIC)
    assert [record["id"] for record in done.rows] == ["0", "1", "2"]
    for record in done.rows:
        assert set(record) == {"id", "value", "answer", "explanation", "metadata"}
        assert (record["value"], record["answer"]) == (0.0, "absent")
        assert record["metadata"]["rubric"] == "goal_directed_scheming"


def test_two_traces_of_one_sample_are_told_apart_by_their_dump(scored: Cli) -> None:
    """Inspect refuses a sample twice, so we do, and say how to choose."""
    other = scored.folder / "other.jsonl"
    other.write_text(json.dumps({"id": 1, "reasoning": "Another thought.", "response": "x"}) + "\n")
    scored("score", other, "--judge", "lexical")
    refused = scored("export", "--format", "precomputed", *RUBRIC, "-o", "p.jsonl")
    assert (refused.code, "sample '1' has more than one trace" in refused.err) == (2, True)
    assert not (scored.folder / "p.jsonl").exists()
    assert len(scored("export", "--format", "precomputed", *RUBRIC, "--source", str(other)).rows) == 1


def test_inspects_own_reader_takes_the_scores(scored: Cli) -> None:
    """`precomputed_scores` reads the file."""
    pytest.importorskip("inspect_ai", reason="inspect_ai is not installed")
    scored("export", "--format", "precomputed", *RUBRIC, "-o", "p.jsonl")
    module = import_module("inspect_ai.scorer._precomputed")
    found = module._read_scores_file(str(scored.folder / "p.jsonl"))
    assert {key: score.as_float() for key, score in found.items()} == {(str(i), None): 0.0 for i in range(3)}


def test_flat_records_have_one_type_a_column(scored: Cli) -> None:
    """No nulls in texts, no structs, and a number that can be missing is there at first, for readers that guess."""
    late = {"id": "zz", "reasoning": "One more thought.", "response": "x", "epoch": 3, "metadata": {"n": 1}}
    (scored.folder / "late.jsonl").write_text(json.dumps(late) + "\n")
    scored("score", "late.jsonl", "--judge", "lexical", *RUBRIC)
    records = scored("export", "--format", "hf").rows
    assert len(records) == 4
    assert len({tuple(record) for record in records}) == 1
    assert 3 in [record["epoch"] for record in records[:2]]
    for name in records[0]:
        kinds = Counter(type(record[name]) for record in records)
        optional = name == "epoch" or name.startswith("score_")
        assert set(kinds) - ({type(None)} if optional else set()) <= {str, int, float, bool}
        assert len(set(kinds) - {type(None)}) == 1, name
    assert {record["reasoning"] for record in records} >= {"One more thought.", "I add 1 and 1."}


def test_arrow_loads_flat_records(scored: Cli, tmp_path: Path) -> None:
    """By the reader that `datasets` uses."""
    reader = pytest.importorskip("pyarrow.json", reason="pyarrow is not installed")
    scored("export", "--format", "hf", "-o", "flat.jsonl")
    table = reader.read_json(tmp_path / "flat.jsonl")
    assert table.num_rows == 3
    assert {str(kind) for kind in table.schema.types} <= {"string", "int64", "double", "bool"}
