"""A corpus without the records that a condition over verdicts picks out, the others unchanged."""

from __future__ import annotations

from cotjudge.filtering.condition import Outcome, judge_by
from cotjudge.filtering.corpus import Filtered, Order, filter_corpus

__all__ = ["Filtered", "Order", "Outcome", "filter_corpus", "judge_by"]
