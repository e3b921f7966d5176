"""The Wilson score interval of a share."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson(hits: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval that holds the true share with this confidence; (0, 1) where nothing was counted.

    E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22:209-212.
    """
    if not total:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = hits / total, 1 + z * z / total
    middle = (share + z * z / (2 * total)) / weight
    half = z / weight * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return (max(0.0, middle - half) if hits else 0.0), (min(1.0, middle + half) if hits < total else 1.0)
