"""Traces read back from the database, for an answer that comes when nobody has them in memory any more."""

from __future__ import annotations

import json
from collections.abc import Collection

from pydantic import ValidationError

from cotjudge.store import Store
from cotjudge.trace import Source, Trace

_SQL = """
SELECT trace_id, turns, model, task, epoch, meta
FROM traces SEMI JOIN (SELECT unnest(?) AS trace_id) USING (trace_id)
LEFT JOIN (FROM sources WHERE NOT again) AS source USING (trace_id)
"""


def load(store: Store, trace_ids: Collection[str]) -> dict[str, Trace]:
    """Traces by id; one that is not there, or only without its text, is left out.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.query(_SQL, [sorted(set(trace_ids))]) as found:
        rows = found.fetchall()
    traces = ((trace_id, _trace(turns, *said)) for trace_id, turns, *said in rows if turns is not None)
    return {trace_id: trace for trace_id, trace in traces if trace is not None and trace.trace_id == trace_id}


def _trace(turns: str, model: str | None, task: str | None, epoch: int | None, meta: str | None) -> Trace | None:
    try:
        return Trace(
            turns=json.loads(turns),
            source=Source(path="(the database)", record=""),
            model=model,
            task=task,
            epoch=epoch,
            meta=json.loads(meta) if meta else {},
        )
    except ValidationError:  # a turn too deep or too strange to have been kept as it was
        return None
