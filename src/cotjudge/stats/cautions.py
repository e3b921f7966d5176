"""What makes a prevalence doubtful, as data beside the number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cotjudge.stats.arrays import Floats

Kind = Literal["uncorrected", "not_random", "too_small", "other_judge", "no_better_than_chance"]

FEW_ROWS = 30
"""Fewer labelled rows than this, of a class or in a stratum, are too few to tell its share."""

FEW_POSITIVES = 5
"""Fewer labelled positives than this are hardly a sample of what is looked for."""

UNLIKE = 0.001
"""The p-value under which the labelled sample is held to differ from the rest."""


@dataclass(frozen=True)
class Caution:
    """One reason to doubt a number."""

    kind: Kind
    """What is amiss, for programs."""
    text: str
    """The same in a sentence, for people."""


@dataclass(frozen=True)
class Labels:
    """What is known of a labelled sample."""

    random: bool = True
    """Whether it was drawn at random (within each stratum, where there are strata)."""
    same_judge: bool = True
    """Whether it was judged by the same judge: model, parameters, rubric and prompt."""


CUT = Caution("too_small", "too few positives or negatives among the labels to use scores: they were cut at one half")
UNCORRECTED = Caution("uncorrected", "the judge's errors are not taken into account")


def of_labels(labels: Labels) -> tuple[Caution, ...]:
    """Cautions from what is known of the labelled sample."""
    said = []
    if not labels.random:
        said.append(Caution("not_random", "the labelled traces were not drawn at random"))
    if not labels.same_judge:
        said.append(Caution("other_judge", "the labels were used to validate another judge than this one"))
    return tuple(said)


def of_validation(tp: int, fp: int, fn: int, tn: int) -> tuple[Caution, ...]:
    """Cautions from a judge's table on labelled traces."""
    said = [
        Caution("too_small", f"only {n} labelled {name}: {rate} is hardly known")
        for name, rate, n in (("positives", "sensitivity", tp + fn), ("negatives", "specificity", fp + tn))
        if n < FEW_ROWS
    ]
    if tp * tn <= fp * fn:
        said.append(Caution("no_better_than_chance", "on the labelled traces the judge is no better than chance"))
    return tuple(said)


def of_strata(strata: Sequence[tuple[int, int, int]]) -> tuple[Caution, ...]:
    """Cautions from strata, each given as rows, labelled rows and positives among those."""
    said = [
        Caution("too_small", f"only {labelled} of {rows} traces of a stratum are labelled")
        for rows, labelled, _ in strata
        if labelled < min(rows, FEW_ROWS)
    ]
    found = sum(positives for *_, positives in strata)
    if found < FEW_POSITIVES:
        said.append(Caution("too_small", f"only {found} positives among the labelled traces"))
    return tuple(said)


def of_likeness(labelled: Floats, rest: Floats) -> tuple[Caution, ...]:
    """A caution where the judge speaks otherwise of the labelled traces than of the rest (Kolmogorov-Smirnov)."""
    if not labelled.size or not rest.size:
        return ()
    from scipy.stats import ks_2samp

    if np.array_equal(np.unique(labelled), np.unique(rest)) and len(np.unique(rest)) == 1:
        return ()
    if ks_2samp(labelled, rest, method="asymp").pvalue >= UNLIKE:
        return ()
    text = "the judge speaks otherwise of the labelled traces than of the rest: they are no random sample of them"
    return (Caution("not_random", text),)
