"""How common a label is: the judge's share as it is, and corrected by what people said about a part of the traces.

Three estimates, each of what the statistics room says it is of:

    naive               the judge's share of the traces that it decided
    rogan_gladen        the share of the traces that it decided, corrected by its sensitivity and specificity
    prediction_powered  the share of all traces that it judged, abstentions included, from labels of those traces

A verdict that leaves the question open is an abstention. The first two leave it out and say so by the coverage; the
third takes the abstentions as a stratum of their own, whose labels tell what is behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from cotjudge.stats import prevalence as stats
from cotjudge.stats.arrays import Floats
from cotjudge.stats.cautions import FEW_ROWS, Caution, Labels, of_likeness
from cotjudge.stats.interval import Interval, wilson
from cotjudge.stats.prevalence import Prevalence, Stratum, Validation
from cotjudge.validation.counting import Cell, Class, Counts

_METHODS = {"rogan_gladen": "Rogan-Gladen", "prediction_powered": "prediction-powered"}

STRANGERS = 0.05
"""The greatest share of traces that may have been judged in a version of the judge of which no trace is labelled."""

_CODES: dict[Class, float] = {"yes": 1.0, "undecided": 0.5, "no": 0.0}


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader of the row should know."""

    kind: str
    """What, for programs: the kind of a caution of the statistics, or no_labels, all_labels, open_labels, not_judged, failed."""
    text: str
    """The same in a sentence."""


@dataclass(frozen=True)
class Rates:
    """How often a judge is right, on labelled traces that it decided."""

    validation: Validation
    """The table."""
    sensitivity: float | None
    """The share of true positives judged so; None without one."""
    sensitivity_interval: Interval | None
    """Wilson's."""
    specificity: float | None
    """The share of true negatives judged so; None without one."""
    specificity_interval: Interval | None
    """Wilson's."""


@dataclass(frozen=True)
class Estimate:
    """One row: what is known of a label's share under one rubric and judge, in one group."""

    rubric: str
    """The rubric's id."""
    judge: str
    """The judge as the user named it."""
    group: str | None
    """The group's value; None where its source does not say, or nothing is grouped by."""
    traces: int
    """Traces judged."""
    abstained: int
    """Of these, left open by the judge."""
    labelled: int
    """Traces judged that have a usable label."""
    naive: Prevalence
    """The judge's own share."""
    rogan_gladen: Prevalence
    """Corrected by sensitivity and specificity."""
    prediction_powered: Prevalence
    """From the labels of these very traces."""
    rates: Rates
    """How often the judge is right."""
    rates_of: Literal["own", "all"]
    """Whether on labels of this group's traces, or of all traces, for want of labels in the group."""
    notes: tuple[Note, ...]
    """What makes the numbers doubtful."""

    @property
    def coverage(self) -> float | None:
        """The share of its traces that the judge decided; None without a trace."""
        return 1 - self.abstained / self.traces if self.traces else None

    @property
    def expected(self) -> float | None:
        """The best guess at the share: prediction-powered, else Rogan-Gladen, else naive."""
        guesses = (self.prediction_powered.estimate, self.rogan_gladen.estimate, self.naive.estimate)
        return next((guess for guess in guesses if guess is not None), None)


def estimates(counts: Counts, everything: Counts, *, level: float = 0.95, grouped: bool = False) -> list[Estimate]:
    """A row for each group, the largest first; one row where nothing is grouped by.

    Args:
        counts: the traces whose share is looked for.
        everything: all traces of the same rubric and judge, for sensitivity and specificity where a group has too few
            labels of its own to tell them.
        level: confidence of the intervals, between 0 and 1.
        grouped: whether the groups of the cells are wanted.
    """
    if not grouped:
        return [_estimate(counts, counts.cells, everything.cells, None, level)]
    groups = dict.fromkeys(cell.group for cell in counts.cells if cell.judged)
    rows = [
        _estimate(counts, tuple(c for c in counts.cells if c.group == group), everything.cells, group, level)
        for group in groups
    ]
    return sorted(rows, key=lambda row: (-row.traces, row.group is None, row.group or ""))


def _estimate(
    counts: Counts, cells: tuple[Cell, ...], everything: tuple[Cell, ...], group: str | None, level: float
) -> Estimate:
    here, all_traces = _Pool(cells), _Pool(everything)
    own = here.enough or here.validation == all_traces.validation
    pool = here if own else all_traces
    judged = here.of("yes") + here.of("no")
    found = {
        "naive": stats.naive(here.of("yes"), judged, level=level),
        "rogan_gladen": stats.rogan_gladen(
            here.of("yes"), judged, pool.validation, labels=pool.labels_for(here), level=level
        ),
        "prediction_powered": _powered(here, level),
    }
    return Estimate(
        rubric=counts.rubric,
        judge=counts.judge,
        group=group,
        traces=here.traces,
        abstained=here.of("undecided"),
        labelled=here.labelled,
        rates=_rates(pool, level),
        rates_of="own" if own else "all",
        notes=tuple(_notes(counts, here, pool, found)),
        **found,
    )


def _powered(here: _Pool, level: float) -> Prevalence:
    """Tuned PPI++ of a judge that gives labels, which is post-stratification by what it said; see `stats.ppi`."""
    strata = [here.stratum(said) for said in _CODES if here.of(said)]
    found = stats.stratified(strata, labels=here.labels_for(here), level=level)
    return replace(found, cautions=(*found.cautions, *of_likeness(*here.said())))


def _rates(pool: _Pool, level: float) -> Rates:
    table = pool.validation
    return Rates(
        validation=table,
        sensitivity=pool.sensitivity,
        sensitivity_interval=wilson(table.tp, table.tp + table.fn, level),
        specificity=pool.specificity,
        specificity_interval=wilson(table.tn, table.tn + table.fp, level),
    )


def _notes(counts: Counts, here: _Pool, pool: _Pool, found: Mapping[str, Prevalence]) -> Iterator[Note]:
    if counts.failed:
        yield Note("failed", f"the judge failed on {counts.failed:,} traces, which are left out")
    if here.unjudged:
        yield Note("not_judged", f"{here.unjudged:,} labelled traces have no verdict of this judge and are left out")
    if here.open_labels:
        yield Note(
            "open_labels", f"{here.open_labels:,} traces that people left open, or differ on, count as unlabelled"
        )
    if not here.labelled:
        unused = f" ({here.unused:,} others are; --selection any takes them)" if here.unused else ""
        drawn = " at random" if unused else ""
        yield Note("no_labels", f"none of these traces is labelled{drawn}{unused}: the judge's errors are not known")
    if pool is not here and pool.labelled:
        few = f"fewer than {FEW_ROWS} labelled positives or negatives"
        yield Note("all_labels", f"{few} here: sensitivity and specificity are those on all labelled traces")
    yield from _cautions(here, pool, found)


def _cautions(here: _Pool, pool: _Pool, found: Mapping[str, Prevalence]) -> Iterator[Note]:
    """Those of the estimates there are; one that both have is told once."""
    of_labels = {"rogan_gladen": pool, "prediction_powered": here}
    told: dict[Caution, list[str]] = {}
    for method, sample in of_labels.items():
        for caution in found[method].cautions if sample.labelled else ():
            told.setdefault(caution, []).append(_METHODS[method])
    for caution, methods in told.items():
        if caution.kind == "no_better_than_chance" and None in (pool.sensitivity, pool.specificity):
            continue
        text = _OTHER_JUDGE if caution.kind == "other_judge" else caution.text
        yield Note(caution.kind, text if len(methods) == len(of_labels) else f"{methods[0]}: {text}")


_OTHER_JUDGE = (
    "many of these traces were judged with other parameters, another rubric or another prompt than those labelled"
)


class _Pool:
    """Traces, counted by what the judge and people said."""

    def __init__(self, cells: tuple[Cell, ...]) -> None:
        self._judged = [cell for cell in cells if cell.judged]
        self._usable = [cell for cell in self._judged if cell.gold in ("yes", "no")]
        self.unjudged = _sum(cells, lambda c: c.judged is None and c.gold is not None)
        self.unused = _sum(cells, lambda c: c.unused)

    @property
    def traces(self) -> int:
        """Traces judged."""
        return _sum(self._judged)

    @property
    def labelled(self) -> int:
        """Of these, with a label that decides."""
        return _sum(self._usable)

    @property
    def open_labels(self) -> int:
        """Traces judged that people labelled and left open."""
        return _sum(self._judged, lambda c: c.gold == "undecided")

    @property
    def enough(self) -> bool:
        """Whether there are labels enough, of either class, to tell sensitivity and specificity."""
        table = self.validation
        return min(table.tp + table.fn, table.tn + table.fp) >= FEW_ROWS

    def of(self, said: Class) -> int:
        """Traces of which the judge said this."""
        return _sum(self._judged, lambda c: c.judged == said)

    def stratum(self, said: Class) -> Stratum:
        """The same with their labels."""
        labelled = [cell for cell in self._usable if cell.judged == said]
        return Stratum(self.of(said), _sum(labelled), _sum(labelled, lambda c: c.gold == "yes"))

    @cached_property
    def validation(self) -> Validation:
        """The judge's table on labelled traces that it decided."""
        yes, no = self.stratum("yes"), self.stratum("no")
        return Validation(
            tp=yes.positives, fp=yes.labelled - yes.positives, fn=no.positives, tn=no.labelled - no.positives
        )

    @property
    def sensitivity(self) -> float | None:
        """The share of its true positives that the judge found; None without one."""
        table = self.validation
        return table.tp / (table.tp + table.fn) if table.tp + table.fn else None

    @property
    def specificity(self) -> float | None:
        """The share of its true negatives that the judge left alone; None without one."""
        table = self.validation
        return table.tn / (table.tn + table.fp) if table.tn + table.fp else None

    def labels_for(self, target: _Pool) -> Labels:
        """What is known of these labels as a sample of those traces."""
        known = {cell.version for cell in self._usable}
        strange = _sum(target._judged, lambda c: c.version not in known)
        same = not known or strange <= STRANGERS * target.traces
        return Labels(random=all(cell.random for cell in self._usable), same_judge=same)

    def said(self) -> tuple[Floats, Floats]:
        """What the judge said of the labelled traces, and what of the others, as numbers."""
        others = [cell for cell in self._judged if cell.gold not in ("yes", "no")]
        return _codes(self._usable), _codes(others)


def _codes(cells: Sequence[Cell]) -> Floats:
    return np.repeat([_CODES[c.judged] for c in cells if c.judged], [c.traces for c in cells]).astype(float)


def _sum(cells: Iterable[Cell], which: Callable[[Cell], bool] = lambda _cell: True) -> int:
    return sum(cell.traces for cell in cells if which(cell))
