"""Many tables of labels x labels at once: the metrics of `nominal` in closed form, for resamples.

As `tables` is to the libraries' metrics of a 2x2 table; a test holds each of these equal to those of `nominal`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from cotjudge.stats.arrays import Floats
from cotjudge.stats.tables import ratio


def accuracy(squares: Floats) -> Floats:
    """The share of rows with the same label, for each of resamples x labels x labels."""
    return ratio(np.trace(squares, axis1=1, axis2=2), _n(squares))


def kappa(squares: Floats) -> Floats:
    """Cohen's (1960) kappa."""
    n = _n(squares)
    chance = ratio((squares.sum(axis=1) * squares.sum(axis=2)).sum(axis=1), n * n)
    return ratio(accuracy(squares) - chance, 1 - chance)


def ac1(squares: Floats) -> Floats:
    """Gwet's (2008) AC1 over all labels, used or not."""
    share = ratio(_used(squares), 2 * _n(squares)[:, None])
    chance = ratio((share * (1 - share)).sum(axis=1), np.array(squares.shape[1] - 1))
    return ratio(accuracy(squares) - chance, 1 - chance)


def alpha(squares: Floats) -> Floats:
    """Krippendorff's nominal alpha for two raters and no missing value."""
    used, n = _used(squares), 2 * _n(squares)
    apart = 1 - ratio((used * (used - 1)).sum(axis=1), n * (n - 1))
    return 1 - ratio(1 - accuracy(squares), apart)


METRICS: Mapping[str, Callable[[Floats], Floats]] = {"accuracy": accuracy, "kappa": kappa, "ac1": ac1, "alpha": alpha}
"""The metrics by the name of their field in `NominalAgreement`."""


def _n(squares: Floats) -> Floats:
    total: Floats = squares.sum(axis=(1, 2))
    return total


def _used(squares: Floats) -> Floats:
    """How often both raters together used each label."""
    used: Floats = squares.sum(axis=1) + squares.sum(axis=2)
    return used
