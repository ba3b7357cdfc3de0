"""Sets of features as they come in: checked, of one width, in units that squares bear."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

#: Rows worked on at once where a pass over a set is in blocks.
ROWS = 4096
#: Squares of numbers within these bounds neither overflow nor underflow.
_SMALL, _LARGE = 2.0**-200, 2.0**200


def features(name: str, value: ArrayLike, *, minimum_rows: int = 2) -> Array:
    """Return a set of features as a finite float64 matrix, rows are samples.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : array_like, shape (n, dim)
        Real numbers of any type.
    minimum_rows : int
        Rows that it must have.

    Returns
    -------
    ndarray, shape (n, dim)
        A copy, in C order.

    Examples
    --------
    >>> features("real", [[1, 2], [3, 4]])
    array([[1., 2.],
           [3., 4.]])
    """
    return np.ascontiguousarray(_check.sample(name, value, minimum_rows=minimum_rows))


def same_width(name: str, value: Array, real: Array) -> None:
    """Raise ValueError unless a set has the columns of the real one."""
    if value.shape[1] != real.shape[1]:
        raise ValueError(
            f"{name} must have {real.shape[1]} columns like real, got {value.shape[1]}"
        )


def pair(real: ArrayLike, synth: ArrayLike, minimum_rows: int = 2) -> tuple[Array, Array]:
    """Return both sets, checked."""
    x = features("real", real, minimum_rows=minimum_rows)
    y = features("synth", synth, minimum_rows=minimum_rows)
    same_width("synth", y, x)
    return x, y


def scaled_pair(real: ArrayLike, synth: ArrayLike, minimum_rows: int) -> tuple[Array, Array, int]:
    """Return both sets divided by 2^exponent, and the exponent: an exact change of units."""
    x, y = pair(real, synth, minimum_rows)
    largest = max(float(np.abs(x).max()), float(np.abs(y).max()))
    if largest == 0 or _SMALL < largest < _LARGE:
        return x, y, 0
    exponent = math.frexp(largest)[1]
    for z in (x, y):
        np.ldexp(z, -exponent, out=z)
    return x, y, exponent


def blocks(n: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` rows."""
    return (slice(i, min(i + size, n)) for i in range(0, n, size))


def in_units(value: float, exponent: int) -> float:
    """Return a squared distance in the units of the data."""
    try:
        return math.ldexp(value, 2 * exponent)
    except OverflowError:
        raise ValueError(
            "real and synth must be less than about 1e154 apart, got a larger distance"
        ) from None
