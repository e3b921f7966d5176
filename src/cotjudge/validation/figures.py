"""Agreement as plain figures: a value and its 95% interval each, ready for a table, for JSON and for a profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cotjudge.stats.agreement import compare
from cotjudge.stats.arrays import Bools, Numbers
from cotjudge.stats.bootstrap import agreement_intervals
from cotjudge.stats.interval import Interval, wilson

TOLD = (
    *("coverage", "accuracy", "precision", "recall", "f1", "specificity", "kappa", "mcc"),
    *("auroc", "brier", "ece"),
)
"""The metrics that are told, in order; see `stats.agreement.Agreement`."""

Figure = dict[str, Any]
"""value, low, high; None where undefined."""


def agreement(
    truth: Bools, judged: Bools, decided: Bools, scores: Numbers, clusters: Sequence[str] | None = None
) -> dict[str, Any]:
    """Agreement with the truth: n, positives, and the metrics of `TOLD`.

    Args:
        truth: one boolean per row.
        judged: likewise.
        decided: whether the judge decided it.
        scores: 0 to 1, None where there is none.
        clusters: one key per row; rows of one key are drawn together for the intervals.
    """
    found = compare(truth, judged, decided=decided, scores=scores)
    intervals = agreement_intervals(truth, judged, decided=decided, scores=scores, clusters=clusters)
    told = {name: figure(getattr(found, name), intervals.get(name)) for name in TOLD}
    return {"n": len(truth), "positives": int(truth.sum()), **told}


def share(count: int, n: int) -> Figure:
    """A share of independent rows with its Wilson interval."""
    return {"count": count, "n": n} | figure(count / n if n else None, wilson(count, n))


def figure(value: float | None, interval: Interval | None) -> Figure:
    """A value with its interval; without a value there is none."""
    if value is None or interval is None:
        return {"value": value, "low": None, "high": None}
    return {"value": value, "low": interval.low, "high": interval.high}
