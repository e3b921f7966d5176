"""Metrics as people read them: their names, groups and numbers, the same in the terminal and in the report."""

from __future__ import annotations

from cotjudge.stats.interval import Interval
from cotjudge.validation.measuring import Measured

METRICS = (
    {
        "coverage": "coverage",
        "accuracy": "accuracy",
        "precision": "precision",
        "recall": "recall",
        "f1": "F1",
        "specificity": "specificity",
    },
    {"kappa": "Cohen's kappa", "mcc": "MCC", "ac1": "Gwet's AC1", "alpha": "Kripp. alpha"},
    {
        "auroc": "AUROC",
        "average_precision": "avg. precision",
        "tpr_at_fpr_01": "TPR at 1% FPR",
        "tpr_at_fpr_05": "TPR at 5% FPR",
        "brier": "Brier score",
        "ece": "ECE",
        "distinct_scores": "distinct scores",
    },
)
"""Field of `Agreement` -> its name: shares, agreement beyond chance, scores."""

NONE = "-"
"""An undefined value."""


def number(value: float | None) -> str:
    """A value on two decimals; a whole number as it is."""
    if value is None:
        return NONE
    return f"{value:,}" if isinstance(value, int) else f"{round(value, 2) + 0.0:.2f}"


def ends(interval: Interval | None) -> str:
    """An interval on two decimals."""
    return NONE if interval is None else f"{number(interval.low)} to {number(interval.high)}"


def groups(measured: Measured) -> list[list[tuple[str, str, str]]]:
    """Name, value and interval of every metric there is, by group."""
    found = []
    for names in METRICS:
        there = {field: name for field, name in names.items() if hasattr(measured.agreement, field)}
        rows = [
            (name, getattr(measured.agreement, field), measured.intervals.get(field)) for field, name in there.items()
        ]
        if any(value is not None for _, value, _ in rows):
            found.append([(name, number(value), ends(interval)) for name, value, interval in rows])
    return found


def title(measured: Measured) -> str:
    """What was compared, on one line."""
    about = measured.about
    return f"{about.rubric}: {about.rater} against {about.reference}"


def counted(measured: Measured) -> str:
    """How many traces there are, and what of them counts."""
    decided = measured.agreement.n
    parts = [f"{measured.traces:,} traces"]
    if measured.unsettled:
        parts.append(f"{measured.unsettled:,} undecided by {measured.about.reference}")
    silent = measured.traces - measured.unsettled - decided
    if silent:
        parts.append(f"{silent:,} by {measured.about.rater}")
    if measured.clusters != measured.traces - measured.unsettled:
        parts.append(f"{measured.clusters:,} clusters")
    return ", ".join(parts)
