"""Agreement on labels of any number: two raters, or several annotators who did not all label everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cotjudge.stats.arrays import Ints


@dataclass(frozen=True)
class NominalAgreement:
    """Agreement of two raters on labels without an order; None where a value is undefined."""

    n: int
    """Rows that both raters decided."""
    coverage: float | None
    """The share of rows that both decided."""
    labels: tuple[str, ...]
    """The labels taken into account, sorted."""
    accuracy: float | None
    """The share of rows with the same label."""
    kappa: float | None
    """Cohen's (1960) kappa."""
    ac1: float | None
    """Gwet's (2008) AC1 over `labels`."""
    alpha: float | None
    """Krippendorff's nominal alpha."""


def compare_labels(
    first: Sequence[str | None],
    second: Sequence[str | None],
    *,
    labels: Iterable[str] = (),
    abstentions: frozenset[str] = frozenset({"uncertain"}),
) -> NominalAgreement:
    """Agreement of two raters.

    Args:
        first: one rater's labels; None where there is none.
        second: the other's, for the same rows.
        labels: those a rater could have given, used or not (AC1 depends on their number); those seen are added.
        abstentions: labels that decide nothing; their rows count in `coverage` only.

    Raises:
        ValueError: numbers of rows differ.
    """
    rows = list(zip(first, second, strict=True))
    silent = {None, *abstentions}
    pairs = [(a, b) for a, b in rows if a not in silent and b not in silent]
    names = sorted({*labels, *(str(label) for pair in pairs for label in pair)} - abstentions)
    number = {name: i for i, name in enumerate(names)}
    table = np.zeros((len(names), len(names)), dtype=np.intp)
    for a, b in pairs:
        table[number[str(a)], number[str(b)]] += 1
    return NominalAgreement(
        n=len(pairs),
        coverage=len(pairs) / len(rows) if rows else None,
        labels=tuple(names),
        accuracy=float(np.trace(table) / len(pairs)) if pairs else None,
        kappa=_kappa(table),
        ac1=ac1(table),
        alpha=alpha(pairs),
    )


def alpha(units: Iterable[Sequence[str | None]]) -> float | None:
    """Krippendorff's (2011) nominal alpha.

    Args:
        units: for each thing labelled the labels it got, one per annotator; None where an annotator gave none.

    Returns:
        Alpha, 1 for full agreement, 0 for what chance would give; None where no unit has two labels, or all labels of
        such units are the same.
    """
    rows = [[label for label in unit if label is not None] for unit in units]
    names = sorted({label for row in rows for label in row})
    counts = [[row.count(name) for name in names] for row in rows]
    return alpha_of_counts(np.array(counts, dtype=np.intp).reshape(len(rows), len(names)))


def alpha_of_counts(counts: Ints) -> float | None:
    """Krippendorff's nominal alpha from counts.

    Args:
        counts: units x labels: how many raters gave a unit a label.

    Returns:
        Alpha; None where it is undefined, as in `alpha`.
    """
    pairable = counts[counts.sum(axis=1) > 1]
    if (pairable.sum(axis=0) > 0).sum() < 2:
        return None
    import krippendorff

    return float(krippendorff.alpha(value_counts=pairable, level_of_measurement="nominal"))


def ac1(table: npt.NDArray[np.integer]) -> float | None:
    """Gwet's AC1 of two raters.

    K. L. Gwet, "Computing inter-rater reliability and its variance in the presence of high agreement", British
    Journal of Mathematical and Statistical Psychology 61 (2008), 29-48. Written here, since none of the libraries in
    use has it; irrCAC, a port of its author's R package, has had no release since 2024.

    Args:
        table: labels x labels: rows by the first rater's label, columns by the second's.

    Returns:
        AC1, 1 for full agreement; None without a row, or with fewer than two possible labels.
    """
    n, q = int(table.sum()), len(table)
    if not n or q < 2:
        return None
    share = (table.sum(axis=0) + table.sum(axis=1)) / (2 * n)
    chance = float((share * (1 - share)).sum() / (q - 1))
    return float((np.trace(table) / n - chance) / (1 - chance))


def _kappa(table: Ints) -> float | None:
    used = (table.sum(axis=0) + table.sum(axis=1)) > 0
    if used.sum() < 2:
        return None
    from sklearn.metrics import cohen_kappa_score

    first, second = np.nonzero(table)
    return float(cohen_kappa_score(first, second, sample_weight=table[first, second]))
