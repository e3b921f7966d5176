"""Verdicts as Inspect's own `precomputed_scores` takes them; `make test-inspect` has the real package."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from tests.store.values import a_run, a_verdict

from cotjudge import readers
from cotjudge.store import Store
from cotjudge.trace import Trace

LOG = Path(__file__).resolve().parents[2] / "data" / "samples" / "inspect_log.json"


def test_inspect_scores_a_log_with_what_we_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sample has the value of its verdict: 1 for present, 0 for absent; nothing is asked of a model."""
    monkeypatch.setenv("INSPECT_LOG_DIR", str(tmp_path / "logs"))
    log_module = pytest.importorskip("inspect_ai.log")
    from inspect_ai import score
    from inspect_ai.scorer import precomputed_scores

    store = Store(tmp_path / "x.duckdb")
    with store.writer(a_run()) as writer:
        for number, trace in enumerate(readers.read([str(LOG)])):
            assert isinstance(trace, Trace)
            writer.add_trace(trace)
            label = "present" if number % 3 == 0 else "absent"
            writer.add_verdict(a_verdict(f"k{number}", trace_id=trace.trace_id, label=label))
    file = tmp_path / "scores.jsonl"
    file.write_bytes(
        b"".join(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in store.precomputed_scores(rubric="scheming"))
    )
    log = log_module.read_eval_log(str(LOG))
    log.eval.model = "mockllm/model"
    scored = score(log, precomputed_scores(scores=str(file)), action="append")
    values = [sample.scores["precomputed_scores"].value for sample in scored.samples]
    assert len(values) == len(log.samples)
    assert sum(values) == len([n for n in range(len(values)) if n % 3 == 0])
