"""A database of raters: what each says of each trace, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.store.values import NOW, a_run, a_trace, a_verdict

from cotjudge.store import Label, Store

RUBRIC = "scheming"


def a_store(path: Path, traces: int, **meta: Sequence[Any]) -> tuple[Store, list[str]]:
    """A database with so many traces, and their ids; `meta` gives each a value a key."""
    store = Store(path)
    made = [
        a_trace(f"I wonder {at}.", record=str(at), model="m", meta={key: of[at] for key, of in meta.items()})
        for at in range(traces)
    ]
    with store.writer(a_run("traces")) as writer:
        for trace in made:
            writer.add_trace(trace)
        writer.finish(a_run("traces", status="finished", finished_at=NOW))
    return store, [trace.trace_id for trace in made]


def judge(store: Store, name: str, said: Mapping[str, str], *, run: str = "", cached: int = 0, **changes: Any) -> None:
    """What a judge says of some traces, in a run of its own."""
    run = run or f"run-{name}"
    scores = changes.pop("scores", {})
    at = changes.pop("at", 0)
    with store.writer(a_run(run, judge=name)) as writer:
        for trace_id, label in said.items():
            own: dict[str, Any] = {
                "trace_id": trace_id,
                "judge": name,
                "judge_hash": name,
                "label": label,
                "run_id": run,
            }
            own |= {"score": scores.get(trace_id), "rationale": f"{name} says {label}", "rubric": RUBRIC}
            own |= {"created_at": NOW + timedelta(seconds=at)}
            writer.add_verdict(a_verdict(f"{run}-{trace_id}", **(own | changes)))
        counts = {"judgements": len(said) + cached, "judged": len(said), "cached": cached}
        writer.finish(a_run(run, judge=name, status="finished", finished_at=NOW, **counts))


def annotate(store: Store, name: str, said: Mapping[str, str], *, rubric: str = RUBRIC, **more: Any) -> None:
    """What an annotator says of some traces."""
    rows = [
        {"trace_id": trace_id, "rubric": rubric, "annotator": name, "label": label, "created_at": NOW} | more
        for trace_id, label in said.items()
    ]
    store.import_labels([Label.model_validate(row) for row in rows])


def table(ids: Sequence[str], tp: int, fp: int, fn: int, tn: int) -> tuple[dict[str, str], dict[str, str]]:
    """What the truth and a judge say, so that their table is this one."""
    cells = [("present", "present")] * tp + [("absent", "present")] * fp
    cells += [("present", "absent")] * fn + [("absent", "absent")] * tn
    truth = {i: t for i, (t, _) in zip(ids, cells, strict=True)}
    return truth, {i: s for i, (_, s) in zip(ids, cells, strict=True)}
