"""How many labels to give, from what is known of a judge already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cotjudge.errors import UsageError
from cotjudge.stats.planning import Design, Expected, Plan, plan
from cotjudge.validation.estimating import Estimate

Origin = Literal["given", "labels", "verdicts"]
"""Where an expectation comes from: the user, labels in the store, or the judge's own share."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a user expects; what is None is taken from the store."""

    prevalence: float | None = None
    """The share of traces that have the property, 0 to 1."""
    sensitivity: float | None = None
    """The share of true positives judged so, 0 to 1."""
    specificity: float | None = None
    """The share of true negatives judged so, 0 to 1."""
    traces: int | None = None
    """Traces that are, or will be, judged."""

    @property
    def complete(self) -> bool:
        """Whether nothing need be known of the store."""
        return None not in (self.prevalence, self.sensitivity, self.specificity, self.traces)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What labels would buy for one rubric and judge."""

    expected: Expected
    """What is expected."""
    origins: dict[str, Origin]
    """Name of each expectation -> where it comes from."""
    plans: tuple[Plan, ...]
    """What each number of labels would buy, at random and by the judge's labels."""
    fewest: dict[Design, int | None]
    """For the half-width that is wanted: the fewest labels of each kind; None where all traces are too few. Empty
    where none is wanted."""


def outlook(
    known: Estimate | None, assumed: Assumed, *, half_width: float | None = None, level: float = 0.95
) -> Outlook:
    """What labels would buy.

    Args:
        known: what the store knows; None where nothing is to be asked of it.
        assumed: what the user expects; it goes before what the store knows.
        half_width: the half-width that is wanted.
        level: confidence of the intervals, between 0 and 1.

    Raises:
        UsageError: something is known from neither.
    """
    expected, origins = _expected(known, assumed)
    designs: tuple[Design, ...] = () if half_width is None else ("random", "by_judge")
    fewest = {design: _fewest(expected, design, half_width or 0.0, level) for design in designs}
    return Outlook(expected, origins, plan(expected, level=level), fewest)


def _expected(known: Estimate | None, assumed: Assumed) -> tuple[Expected, dict[str, Origin]]:
    stored: dict[str, float | None] = {"prevalence": None, "sensitivity": None, "specificity": None, "traces": None}
    if known is not None:
        stored |= {
            "prevalence": known.expected,
            "sensitivity": known.rates.sensitivity,
            "specificity": known.rates.specificity,
            "traces": known.traces or None,
        }
    origins: dict[str, Origin] = {}
    values: dict[str, float] = {}
    for name, found in stored.items():
        given: float | None = getattr(assumed, name)
        value = found if given is None else given
        if value is None:
            raise UsageError(
                f"--plan: nothing in the store tells the {name}; give it with --{_OPTIONS.get(name, name)}"
            )
        values[name] = value
        by_labels = known is not None and bool(known.labelled) and name != "traces"
        origins[name] = "given" if given is not None else "labels" if by_labels else "verdicts"
    traces = int(values.pop("traces"))
    return Expected(**values, unlabelled=traces), origins


_OPTIONS = {"prevalence": "expect"}


def _fewest(expected: Expected, design: Design, half_width: float, level: float) -> int | None:
    """The fewest labels whose expected half-width is no greater, by bisection."""

    def wide(labels: int) -> bool:
        found = next(row for row in plan(expected, (labels,), level=level) if row.design == design)
        return found.half_width > half_width

    low, high = 0, expected.unlabelled
    if wide(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if wide(middle) else (low, middle)
    return high
