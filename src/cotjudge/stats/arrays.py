"""What callers hand in, made into arrays, and refused where it would be misread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
Numbers = npt.ArrayLike | Sequence[float | None]
"""Numbers, some of which may be missing: None or nan."""

A = TypeVar("A", bound=np.generic)


def bools(name: str, values: npt.ArrayLike, rows: int | None = None) -> Bools:
    """A row of booleans.

    Raises:
        ValueError: it holds something else (None would read as False), or has another number of rows.
    """
    array = np.asarray(values)
    if array.size and array.dtype != np.bool_:
        raise ValueError(f"{name}: booleans are wanted, not {array.dtype}")
    return _sized(name, array.astype(np.bool_), rows)


def floats(name: str, values: Numbers, rows: int | None = None) -> Floats:
    """A row of numbers; None becomes nan.

    Raises:
        ValueError: it holds something else, or has another number of rows.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: numbers are wanted ({error})") from None
    return _sized(name, array, rows)


def probabilities(name: str, values: Numbers, rows: int | None = None) -> Floats:
    """A row of numbers in [0, 1] or nan.

    Raises:
        ValueError: one of them is outside, or there is another number of rows.
    """
    array = floats(name, values, rows)
    if ((array < 0) | (array > 1)).any():
        raise ValueError(f"{name}: values between 0 and 1 are wanted")
    return array


def mask(name: str, values: npt.ArrayLike | None, rows: int) -> Bools:
    """A row of booleans, all true where none is given."""
    return np.ones(rows, dtype=np.bool_) if values is None else bools(name, values, rows)


def groups(clusters: npt.ArrayLike | None, rows: int) -> tuple[Ints, int]:
    """Cluster keys made into numbers.

    Args:
        clusters: one key per row; by default each row is a cluster of its own.
        rows: how many rows there are.

    Returns:
        The number of each row's cluster, from 0, and how many clusters there are.

    Raises:
        ValueError: there are fewer or more keys than rows.
    """
    if clusters is None:
        return np.arange(rows), rows
    keys = _sized("clusters", np.asarray(clusters), rows)
    unique, numbers = np.unique(keys, return_inverse=True)
    return numbers.astype(np.intp), len(unique)


def defined(value: float) -> float | None:
    """None for nan."""
    return None if np.isnan(value) else float(value)


def _sized(name: str, array: npt.NDArray[A], rows: int | None) -> npt.NDArray[A]:
    if array.ndim != 1:
        raise ValueError(f"{name}: one value a row is wanted, not an array of shape {array.shape}")
    if rows is not None and len(array) != rows:
        raise ValueError(f"{name}: {len(array)} values for {rows} rows")
    return array
