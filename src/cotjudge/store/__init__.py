"""The store: a journal that loses nothing, and a DuckDB file that answers questions."""

from __future__ import annotations

from cotjudge.store.dump import DumpName, Found, Holding, Judged, JudgedDump
from cotjudge.store.label import Label, Selection
from cotjudge.store.lines import text_hash
from cotjudge.store.result import Result
from cotjudge.store.sandbox import Sandbox
from cotjudge.store.store import Store
from cotjudge.store.writer import Writer

__all__ = [
    "DumpName",
    "Found",
    "Holding",
    "Judged",
    "JudgedDump",
    "Label",
    "Result",
    "Sandbox",
    "Selection",
    "Store",
    "Writer",
    "text_hash",
]
