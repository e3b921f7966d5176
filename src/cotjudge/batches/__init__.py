"""Judging through providers' batches: submit, leave, come back and collect."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotjudge.batches.collecting import Collected, cancel, collect, refresh
    from cotjudge.batches.shelf import Asked, Batch, Shelf, under_way
    from cotjudge.batches.submitting import Submitted, submit

__all__ = ["Asked", "Batch", "Collected", "Shelf", "Submitted", "cancel", "collect", "refresh", "submit", "under_way"]

_HOMES = {
    **dict.fromkeys(("Asked", "Batch", "Shelf", "under_way"), "shelf"),
    **dict.fromkeys(("Collected", "cancel", "collect", "refresh"), "collecting"),
    **dict.fromkeys(("Submitted", "submit"), "submitting"),
}


def __getattr__(name: str) -> Any:  # so that asking what is under way loads nothing of the LLM judge
    if name not in _HOMES:
        raise AttributeError(f"module 'cotjudge.batches' has no attribute {name!r}")
    return getattr(importlib.import_module(f"cotjudge.batches.{_HOMES[name]}"), name)
