"""Labels by people: files of them matched to traces, and the traces that are worth a label next."""

from __future__ import annotations

from cotjudge.labels.matching import Fault, Matched, Terms, match
from cotjudge.labels.queue import Wish, queue
from cotjudge.labels.rows import FIELDS, Row, parse_map, rows

__all__ = ["FIELDS", "Fault", "Matched", "Row", "Terms", "Wish", "match", "parse_map", "queue", "rows"]
