"""The judgement key: one hash of everything that can change a verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

METHOD_VERSION = "2"
"""Version of our own share in a verdict: evidence checking and deciding. Raised when either changes."""


def judge_hash(identity: Mapping[str, Any]) -> str:
    """32 hex digits over a judge's identity: model, parameters, samples, whatever tells two judges apart."""
    return _digest(dict(identity))


def judgement_key(
    *, trace_id: str, rubric_hash: str, judge_hash: str, prompt_version: str, segment: int | None = None
) -> str:
    """32 hex digits: the same key means the same question to the same judge, which need not be asked again.

    Args:
        trace_id: hash of what is judged.
        rubric_hash: hash of the part of the rubric this judge reads.
        judge_hash: hash of the judge's identity.
        prompt_version: version of the prompt; empty for a judge without one.
        segment: the one segment that is judged by itself; None for the whole trace.
    """
    of_segment = [] if segment is None else [segment]
    return _digest([trace_id, rubric_hash, judge_hash, prompt_version, METHOD_VERSION, *of_segment])


def _digest(raw: Any) -> str:
    return hashlib.blake2b(orjson.dumps(raw, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
