from __future__ import annotations

import numpy as np
import pytest

from cotjudge.stats.bootstrap import Resampling, agreement_intervals, label_intervals
from cotjudge.stats.nominal import compare_labels
from cotjudge.stats.squares import METRICS

LABELS = ("main", "none", "some", "x")


def _rows(square: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> tuple[list[str], list[str]]:
    first, second = np.nonzero(square)
    times = square[first, second]
    return [LABELS[i] for i in np.repeat(first, times)], [LABELS[i] for i in np.repeat(second, times)]


@pytest.mark.parametrize("labels", [2, 3, 4])
def test_every_metric_is_that_of_the_libraries(labels: int) -> None:
    """On random tables, sparse ones among them: equal where defined, undefined at the same places."""
    random = np.random.default_rng(labels)
    squares = random.integers(0, 9, (60, labels, labels)) * (random.random((60, labels, labels)) < 0.6)
    squares[0], squares[1] = 0, np.diag([5] + [0] * (labels - 1))
    for at, square in enumerate(squares):
        wanted = compare_labels(*_rows(square), labels=LABELS[:labels])
        for name, metric in METRICS.items():
            value, library = float(metric(square[None].astype(float))[0]), getattr(wanted, name)
            if library is None:
                assert np.isnan(value), (at, name, value)
            else:
                assert value == pytest.approx(library, abs=1e-9), (at, name)


def test_intervals_of_two_labels_are_those_of_a_yes_and_no() -> None:
    """The same draws give the same intervals, abstentions and clusters included."""
    random = np.random.default_rng(1)
    truth, said, decided = random.random(80) < 0.4, random.random(80) < 0.5, random.random(80) < 0.9
    clusters = random.integers(0, 20, 80)
    drawn = Resampling(resamples=200)
    binary = agreement_intervals(truth, said, decided=decided, clusters=clusters, resampling=drawn)
    first = ["yes" if t else "no" for t in truth]
    second = ["?" if not d else "yes" if s else "no" for s, d in zip(said, decided, strict=True)]
    nominal = label_intervals(first, second, labels=["no", "yes"], clusters=clusters, resampling=drawn)
    assert set(nominal) == {"coverage", "accuracy", "kappa", "ac1", "alpha"}
    for name, interval in nominal.items():
        other = binary[name]
        assert interval is not None
        assert other is not None
        assert (interval.low, interval.high) == pytest.approx((other.low, other.high))
