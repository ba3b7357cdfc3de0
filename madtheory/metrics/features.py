"""Sets of features as they come in: checked, of one width, in units that squares bear."""

from __future__ import annotations

import hashlib
import math
import re
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike

    from madtheory._types import Array

#: Rows worked on at once where a pass over a set is in blocks.
ROWS = 4096
#: Squares of numbers within these bounds neither overflow nor underflow.
_SMALL, _LARGE = 2.0**-200, 2.0**200
#: Fewer rows than this that differ from all others may well be the same ones in two sets.
_FEW = 5


def features(name: str, value: ArrayLike, *, minimum_rows: int = 2) -> Array:
    """Return a set of features, rows are samples, as a finite float64 matrix: a copy, in C order.

    `name` is what a message calls it.

    Examples
    --------
    >>> features("real", [[1, 2], [3, 4]])
    array([[1., 2.],
           [3., 4.]])
    """
    rows = _check.count("minimum_rows", minimum_rows)
    return np.ascontiguousarray(_check.sample(name, value, minimum_rows=rows))


def same_width(name: str, value: Array, real: Array) -> None:
    """Raise ValueError unless a set has the columns of the real one."""
    if value.shape[1] != real.shape[1]:
        raise ValueError(
            f"{name} must have {real.shape[1]} columns like real, got {value.shape[1]}"
        )


def successive(generations: Sequence[ArrayLike]) -> Sequence[ArrayLike]:
    """Return sets of successive generations if they are a list, tuple or array of such.

    Examples
    --------
    >>> successive(5)
    Traceback (most recent call last):
    TypeError: generations must be a list of sets, one a generation, got 5
    """
    if isinstance(generations, list | tuple) or getattr(generations, "ndim", 0) > 0:
        return generations
    got = _check.shown(generations)
    raise TypeError(f"generations must be a list of sets, one a generation, got {got}")


def check_order(names: Sequence[str]) -> None:
    """Raise ValueError unless the one number that varies in the names goes up by one.

    Where all files have one name, in those of their folders.
    """
    stems = [PurePath(name).stem for name in names]
    told = stems if len(set(stems)) > 1 else names
    # Text and numbers in turn, numbers at odd places.
    parts = [re.split(r"(\d+)", name) for name in told]
    if len({len(p) for p in parts}) > 1 or len({tuple(p[::2]) for p in parts}) > 1:
        return
    varying = [i for i in range(1, len(parts[0]), 2) if len({p[i] for p in parts}) > 1]
    if len(varying) != 1:
        return
    at = [int(p[varying[0]]) for p in parts]
    for i in range(1, len(at)):
        if at[i] != at[i - 1] + 1:
            raise ValueError(
                f"generations must be successive, got {names[i]} right after {names[i - 1]}"
            )


def _by_chance(x: Array) -> bool:
    """Whether a set of as many rows may come twice: but for some all are one (a rare attribute)."""
    most = int(np.unique(x, axis=0, return_counts=True)[1].max())
    return len(x) - most < _FEW and 2 * most >= len(x)


def check_repeats(names: Sequence[str], sets: Sequence[Array]) -> None:
    """Raise ValueError when two sets with any spread are the same, and by no chance."""
    seen: dict[bytes, str] = {}
    for name, x in zip(names, sets, strict=True):
        if (x != x[0]).any():
            # All of it: some rows of one-hot words may well be those of another set.
            key = repr(x.shape).encode() + hashlib.sha256(np.ascontiguousarray(x).data).digest()
            if key in seen and not _by_chance(x):
                raise ValueError(f"{name} must be a set of its own, got the rows of {seen[key]}")
            seen[key] = name


def pair(real: ArrayLike, synth: ArrayLike, minimum_rows: int = 2) -> tuple[Array, Array]:
    """Return both sets, checked."""
    x = features("real", real, minimum_rows=minimum_rows)
    y = features("synth", synth, minimum_rows=minimum_rows)
    same_width("synth", y, x)
    return x, y


def scale(sets: Sequence[Array]) -> int:
    """Divide sets by 2^exponent, and return it: an exact change of units, 0 where none is due."""
    largest = max(float(np.abs(x).max()) for x in sets)
    if largest == 0 or _SMALL < largest < _LARGE:
        return 0
    exponent = math.frexp(largest)[1]
    for x in sets:
        np.ldexp(x, -exponent, out=x)
    return exponent


def blocks(n: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` rows."""
    return (slice(i, min(i + size, n)) for i in range(0, n, size))
