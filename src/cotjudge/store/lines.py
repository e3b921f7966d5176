"""Journal lines: a value of ours as one line of JSON, shaped like the tables it goes to.

A line is an object whose keys are tables: a row for a table of its own, a list of rows for a child table. Values
are written field by field from plain dicts, for a run writes hundreds of lines a second from its event loop.
"""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime
from typing import Any

import orjson

from cotjudge.run import Run
from cotjudge.store.dump import JudgedDump, row_of
from cotjudge.store.label import Label
from cotjudge.trace import Segment, Source, Trace, Value, clean_text
from cotjudge.verdict import Call, CriterionVerdict, Evidence, Failure, Verdict

_MAX_DEPTH = 100


def trace_line(trace: Trace, run_id: str, *, keep_text: bool) -> bytes:
    """A trace, its segments and its source."""
    said = [t.reasoning for t in trace.turns if t.role == "assistant" and t.reasoning]
    row = {
        "trace_id": trace.trace_id,
        "turns": trace.turns if keep_text else None,
        "n_turns": len(trace.turns),
        "n_segments": len(trace.segments),
        "reasoning_chars": sum(map(len, said)),
        "has_reasoning": bool(said),
        "reasoning_kind": _reasoning_kind(trace),
        "text_hash": text_hash("\n\n".join(said)),
        "first_seen_run": run_id,
        "created_at": _utc(datetime.now(UTC)),
    }
    segments = [_segment(s, keep_text=keep_text) for s in trace.segments]
    return _line({"traces": row, "segments": segments, "sources": _source(trace, run_id)})


def text_hash(reasoning: str) -> str:
    """`traces.text_hash` of a reasoning text: SHA-256 of its UTF-8, as hex."""
    return hashlib.sha256(reasoning.encode("utf-8", "replace")).hexdigest()


def source_line(trace: Trace, run_id: str) -> bytes:
    """One more place where a known trace was found."""
    return _line({"sources": _source(trace, run_id)})


def verdict_line(verdict: Verdict) -> bytes:
    """A verdict, its criteria, its evidence and its calls."""
    row = _row(verdict, "usage", "criteria", "evidence", "ledger") | vars(verdict.usage)
    criteria = [_criterion(ordinal, c) for ordinal, c in enumerate(verdict.criteria)]
    evidence = [_evidence(ordinal, e) for ordinal, e in enumerate(verdict.evidence)]
    return _line({"verdicts": row, "criteria": criteria, "evidence": evidence, "calls": _calls(verdict.ledger)})


def failure_line(failure: Failure) -> bytes:
    """A failure and its calls."""
    row = _row(failure, "usage", "ledger") | vars(failure.usage)
    return _line({"failures": row, "calls": _calls(failure.ledger)})


def run_line(run: Run) -> bytes:
    """A run, as far as it has come."""
    return _line({"runs": _row(run)})


def label_line(label: Label) -> bytes:
    """A label."""
    return _line({"labels": _row(label)})


def dump_line(dump: JudgedDump) -> bytes:
    """A dump of which everything is judged."""
    return _line({"dumps": row_of(dump) | {"created_at": _utc(dump.created_at)}})


def _row(value: Verdict | Failure | Run | Label, *without: str) -> dict[str, Any]:
    """The fields of a value; times become UTC without a zone, as the tables hold them."""
    row = {name: _utc(field) if isinstance(field, datetime) else field for name, field in vars(value).items()}
    for name in without:
        del row[name]
    return row


def _source(trace: Trace, run_id: str) -> dict[str, Any]:
    source: Source = trace.source
    return {
        "trace_id": trace.trace_id,
        "path": source.path,
        "record": source.record,
        "format": source.format,
        "model": trace.model,
        "task": trace.task,
        "epoch": trace.epoch,
        "variant": trace.variant,
        "meta": trace.meta,
        "run_id": run_id,
    }


def _segment(segment: Segment, *, keep_text: bool) -> dict[str, Any]:
    return {
        "segment": segment.index,
        "turn": segment.turn,
        "role": segment.role,
        "part": segment.part,
        "text": segment.text if keep_text else None,
        "chars": len(segment.text),
    }


def _criterion(ordinal: int, criterion: CriterionVerdict) -> dict[str, Any]:
    return {"ordinal": ordinal, **vars(criterion)}


def _evidence(ordinal: int, evidence: Evidence) -> dict[str, Any]:
    return {"ordinal": ordinal, **vars(evidence), "start_char": evidence.start, "end_char": evidence.end}


def _calls(ledger: tuple[Call, ...]) -> list[dict[str, Any]]:
    rows = []
    for ordinal, call in enumerate(ledger):
        spent = vars(call.usage) | vars(call) | {"ordinal": ordinal, "created_at": _utc(call.created_at)}
        rows.append({name: value for name, value in spent.items() if name not in ("usage", "calls")})
    return rows


def _reasoning_kind(trace: Trace) -> str:
    kinds = {t.reasoning_kind for t in trace.turns if t.role == "assistant"}
    return next((kind for kind in ("full", "summary", "redacted") if kind in kinds), "none")


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


def _line(line: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(line, default=vars, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a lone surrogate, an integer beyond 64 bits, a value too deep: dumps hold all of them
        return json.dumps(_plain(line), ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _plain(value: Any, depth: int = 0) -> Any:
    """The value in what every JSON reader can read."""
    if depth == _MAX_DEPTH:
        return "(nested too deep to keep)"
    if isinstance(value, dict):
        return {clean_text(str(name)): _plain(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, Value):
        return _plain(vars(value), depth)
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, int):
        return value
    return clean_text(value.isoformat() if isinstance(value, datetime) else str(value))
