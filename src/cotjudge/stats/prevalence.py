"""How common a thing is among traces that an imperfect judge has judged.

A judge's share of positives is not the prevalence: at 1% prevalence a specificity of 97% makes three quarters of the
positives false alarms, and an interval around that share shrinks around the wrong number. Four answers, from what
is known:

    naive           nothing but the judge's labels; for comparison only
    rogan_gladen    sensitivity and specificity from a sample labelled elsewhere
    ppi             gold labels of a random sample of the same traces
    stratified      gold labels drawn within the judge's labels (its positives, its negatives, its abstentions)

Rows are taken as independent of each other. What makes an answer doubtful comes with it, as cautions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from cotjudge.stats import corrected
from cotjudge.stats.arrays import Bools, Floats, Numbers, bools, defined, probabilities
from cotjudge.stats.cautions import (
    CUT,
    UNCORRECTED,
    Caution,
    Labels,
    of_labels,
    of_likeness,
    of_strata,
    of_validation,
)
from cotjudge.stats.interval import Interval, exact, wilson
from cotjudge.stats.tables import Tables, recall, specificity

Method = Literal["naive", "rogan_gladen", "ppi", "stratified"]

AS_SAID = Labels()

VARIANCE_WANTS = 10
"""Fewer positives or negatives than this among the labels, and an interval that rests on a variance is not used."""


@dataclass(frozen=True)
class Prevalence:
    """An estimated prevalence."""

    method: Method
    """How it was estimated."""
    estimate: float | None
    """The share of traces that have the property, 0 to 1; None where undefined."""
    interval: Interval | None
    """Its confidence interval."""
    level: float
    """The interval's confidence."""
    n: int
    """Traces judged."""
    labelled: int
    """Gold labels used."""
    power: float | None = None
    """The weight of the judge's labels (lambda of PPI++), 0 to 1; None for the other methods, and without one."""
    cautions: tuple[Caution, ...] = ()
    """What makes it doubtful."""


@dataclass(frozen=True)
class Validation:
    """A judge's 2x2 table on labelled traces, as `Agreement` has it."""

    tp: int
    """True and judged so."""
    fp: int
    """Judged so, not true."""
    fn: int
    """True, not judged so."""
    tn: int
    """Neither."""


@dataclass(frozen=True)
class Stratum:
    """The traces that a judge gave one label."""

    rows: int
    """How many there are, labelled ones included."""
    labelled: int
    """How many of them, drawn at random, have a gold label."""
    positives: int
    """How many of those have the property."""


def naive(positives: int, n: int, *, level: float = 0.95) -> Prevalence:
    """The judge's own share of positives, with a Wilson interval that knows nothing of the judge's errors.

    Args:
        positives: traces judged positive.
        n: traces judged.
        level: confidence, between 0 and 1.
    """
    estimate = positives / n if n else None
    return Prevalence("naive", estimate, wilson(positives, n, level), level, n, 0, cautions=(UNCORRECTED,))


def rogan_gladen(
    positives: int, n: int, validation: Validation, *, labels: Labels = AS_SAID, level: float = 0.95
) -> Prevalence:
    """The prevalence from sensitivity and specificity on a separate labelled sample.

    The estimate of Rogan & Gladen (1978), cut to [0, 1], with the interval of Lang & Reiczigel (2014). The labelled
    sample may hold the property far more often than the traces judged, as long as its positives and its negatives are
    each like theirs. At prevalences under 1 - specificity the width is almost all due to the specificity: spend labels
    on negatives.

    Args:
        positives: traces judged positive.
        n: traces judged.
        validation: the same judge's table on labelled traces that are not among those.
        labels: what is known of the labelled sample.
        level: confidence, between 0 and 1.

    Returns:
        The prevalence; estimate and interval are None without rows, without labels of both classes, or where
        sensitivity and specificity sum to 1 or less.
    """
    table = Tables(*(np.array(float(x)) for x in (validation.tp, validation.fp, validation.fn, validation.tn)))
    cautions = (*of_labels(labels), *of_validation(validation.tp, validation.fp, validation.fn, validation.tn))
    labelled = int(table.n)
    if not n:
        return Prevalence("rogan_gladen", None, None, level, n, labelled, cautions=cautions)
    low, high = corrected.lang_reiczigel(positives, n, table, level)
    estimate = corrected.rogan_gladen(positives / n, recall(table), specificity(table))
    return Prevalence(
        "rogan_gladen", defined(float(estimate)), _interval(low, high), level, n, labelled, cautions=cautions
    )


def stratified(strata: Sequence[Stratum], *, labels: Labels = AS_SAID, level: float = 0.95) -> Prevalence:
    """The prevalence from gold labels within each of the judge's labels.

    However many of its positives and how many of its negatives were labelled, the estimate is unbiased as long as
    each were drawn at random; abstentions are a stratum like any other. The interval (see
    `corrected.post_stratified_limits`) rests on exact limits, so it is honest without a positive among the labels, and
    a little too long for it (coverage 95% to 99.9%).

    Args:
        strata: one for each label the judge gave.
        labels: what is known of the labelled sample.
        level: confidence, between 0 and 1.

    Returns:
        The prevalence; estimate and interval are None without rows or without labels.
    """
    counts = [(s.rows, s.labelled, s.positives) for s in strata]
    rows, gold, positives = np.array(counts, dtype=float).reshape(-1, 3).T
    n, labelled = int(rows.sum()), int(gold.sum())
    cautions = (*of_labels(labels), *of_strata(counts))
    if not n or not labelled:
        return Prevalence("stratified", None, None, level, n, labelled, cautions=cautions)
    estimate, _ = corrected.post_stratified(rows, gold, positives)
    interval = _interval(*corrected.post_stratified_limits(rows, gold, positives, level))
    return Prevalence("stratified", float(estimate), interval, level, n, labelled, cautions=cautions)


def ppi(
    gold: npt.ArrayLike,
    judged: Numbers,
    unlabelled: Numbers,
    *,
    power: float | None = None,
    labels: Labels = AS_SAID,
    level: float = 0.95,
) -> Prevalence:
    """Prediction-powered inference: gold labels of a random sample, the judge's labels or scores for the rest.

    Angelopoulos et al., "Prediction-powered inference" (Science 382, 2023), with the power tuning of Angelopoulos,
    Duchi & Zrnic, "PPI++" (2023). Their normal interval fails at small prevalences (60% coverage at 0.5% with 200
    labels), so it is replaced. For a judge that says yes or no (two values of any kind), tuned PPI++ is
    post-stratification by what it said, and has the interval of `stratified`. For scores it is the exact interval at
    the effective sample size (Korn & Graubard, Survey Methodology 24, 1998), which rests on an estimated variance;
    with fewer than `VARIANCE_WANTS` positives or negatives among the labels that variance cannot be had (coverage
    fell to 81% in simulations), so scores are cut at one half and stratified instead, and a caution says so. With a
    given power nothing of the kind is done: at small prevalences such an interval can be too short.

    Args:
        gold: booleans, the labelled sample.
        judged: what the judge said of the same traces: booleans, or scores in [0, 1].
        unlabelled: what it said of the other traces.
        power: the weight of the judge's labels, 0 to 1 (1 is the PPI of 2023, 0 uses the gold labels alone); by
            default the one with the least variance.
        labels: what is known of the labelled sample.
        level: confidence, between 0 and 1.

    Returns:
        The prevalence, among labelled and unlabelled together; estimate and interval are None without labels.

    Raises:
        ValueError: numbers of rows differ, or a score is missing or out of [0, 1]. Abstentions have no score: use
            `stratified`, or give them one.
    """
    y = bools("gold", gold)
    f = _known("judged", judged, len(y))
    rest = _known("unlabelled", unlabelled)
    total = len(y) + len(rest)
    if not y.size:
        return Prevalence("ppi", None, None, level, total, 0, power, of_labels(labels))
    weight = _power(y, f, rest) if power is None else power
    likeness = of_likeness(f, rest)
    values = np.unique(np.concatenate([f, rest]))
    rare = min(int(y.sum()), int((~y).sum())) < VARIANCE_WANTS
    if power is None and (len(values) == 2 or rare):
        cut, used = (float(values.mean()), weight) if len(values) == 2 else (0.5, None)
        found = stratified(_halves(y, f, rest, cut), labels=labels, level=level)
        cautions = (*found.cautions, *likeness, *(() if used is not None else (CUT,)))
        return Prevalence("ppi", found.estimate, found.interval, level, total, len(y), used, cautions)
    estimate, variance = _rectified(y, f, rest, weight)
    cautions = (*of_labels(labels), *of_strata([(total, len(y), int(y.sum()))]), *likeness)
    interval = _effective(estimate, variance, len(y), total, level)
    return Prevalence("ppi", estimate, interval, level, total, len(y), weight, cautions)


def _power(y: Bools, f: Floats, rest: Floats) -> float:
    """The tuned lambda of PPI++ for a mean (their equation 9), cut to [0, 1]."""
    spread = float(np.var(f))
    if not spread or not rest.size:
        return 0.0
    tuned = float(np.cov(y, f, ddof=0)[0, 1]) / ((1 + len(y) / len(rest)) * spread)
    return min(1.0, max(0.0, tuned))


def _rectified(y: Bools, f: Floats, rest: Floats, power: float) -> tuple[float, float]:
    """The PPI++ estimate of a mean, cut to [0, 1], and its variance."""
    rectifier = y - power * f
    mean, spread = (float(rest.mean()), float(rest.var()) / len(rest)) if rest.size and power else (0.0, 0.0)
    estimate = power * mean + float(rectifier.mean()) if rest.size else float(y.mean())
    variance = power**2 * spread + float(rectifier.var()) / len(y)
    return min(1.0, max(0.0, estimate)), variance


def _effective(estimate: float, variance: float, labelled: int, total: int, level: float) -> Interval | None:
    """The exact interval of a share at its effective sample size; that of the labels where the variance is none."""
    size = estimate * (1 - estimate) / variance if variance > 0 else 0.0
    size = min(total, max(1.0, size)) if size else labelled
    return exact(estimate * size, size, level)


def _halves(y: Bools, f: Floats, rest: Floats, cut: float) -> tuple[Stratum, Stratum]:
    """The traces the judge scored from the cut on, and the others."""
    high, others = f >= cut, rest >= cut
    yes, no = (
        Stratum(int(labelled.sum() + unlabelled.sum()), int(labelled.sum()), int(y[labelled].sum()))
        for labelled, unlabelled in ((high, others), (~high, ~others))
    )
    return yes, no


def _known(name: str, values: Numbers, rows: int | None = None) -> Floats:
    array = probabilities(name, values, rows)
    if np.isnan(array).any():
        raise ValueError(f"{name}: a value is missing")
    return array


def _interval(low: Floats, high: Floats) -> Interval | None:
    return None if np.isnan(low) else Interval(float(low), float(high))
