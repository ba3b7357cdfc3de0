"""First passage of a walk whose steps change, below a barrier: on cells, in milliseconds.

Step t is a + log(chi2_k / k) with a and k from its mean and variance. The mass above the barrier
lies on cells of a third of the least standard deviation to come; the uniform spread within a cell
adds h^2/12 to a step's variance, which is taken off it. Against the exact passage of
:mod:`madtheory.laws.passage`, where all steps are alike, probabilities are off by 1e-3 at most.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import chdtr

from madtheory._types import Array
from madtheory.laws.chi_square import log_chi_square_mean, log_chi_square_variance

#: Cells in the standard deviation of a step.
_CELLS = 3.0
#: Standard deviations that a kernel reaches; masses below `_TINY` are dropped.
_REACH, _TINY = 8.0, 1e-15
#: Least variance of a step, in that of the first one: what is less has no width beside the walk.
_LEAST = 1e-6
#: Degrees of freedom in the table of variances, beyond which 2/v + 1 is exact enough.
_FEWEST, _MOST = 1e-2, 2e3


class _Cells(NamedTuple):
    """Masses on cells of width h, the first of them the `start`-th above the barrier."""

    h: float
    start: int
    mass: Array


@lru_cache(maxsize=1)
def _table() -> tuple[Array, Array]:
    """Log variances of log chi-squares, growing, and the logs of their degrees of freedom."""
    dofs = np.geomspace(_MOST, _FEWEST, 4000)
    return np.log(log_chi_square_variance(dofs)), np.log(dofs)


def matched_dof(variance: Array) -> Array:
    """Degrees of freedom of a chi-square whose logarithm has this variance.

    Examples
    --------
    >>> float(matched_dof(np.array([np.pi**2 / 6])).round(5)[0])  # log chi2_2
    2.0
    """
    variances, dofs = _table()
    known = np.exp(np.interp(np.log(variance), variances, dofs))
    return np.asarray(np.where(np.log(variance) > variances[0], known, 2.0 / variance + 1.0))


def _kernel(mean: float, variance: float, dof: float, h: float) -> tuple[int, Array]:
    """First displacement in cells, and the mass of a step at each."""
    left = (_REACH + 1) * math.sqrt(variance) * (1 + 2 / math.sqrt(dof))
    low = math.floor((mean - left) / h)
    high = math.ceil((mean + _REACH * math.sqrt(variance)) / h)
    edges = (np.arange(low, high + 2) - 0.5) * h
    shift = mean - float(log_chi_square_mean(dof, dof))
    below = chdtr(dof, dof * np.exp(edges - shift))
    below[0], below[-1] = 0.0, 1.0
    return low, np.diff(below)


def _merged(cells: _Cells) -> _Cells:
    """Pairs of cells made one."""
    odd = cells.start % 2
    mass = np.pad(cells.mass, (odd, (odd + cells.mass.size) % 2))
    return _Cells(2 * cells.h, (cells.start - odd) // 2, mass.reshape(-1, 2).sum(axis=1))


def _stepped(cells: _Cells, low: int, kernel: Array) -> tuple[float, _Cells]:
    """What falls below the barrier in a step, and what is left above it."""
    mass, start = np.convolve(cells.mass, kernel), cells.start + low
    fallen = mass[: max(0, -start)]
    mass, start = mass[fallen.size :], max(start, 0)
    kept = np.flatnonzero(mass > _TINY)
    if kept.size:
        mass, start = mass[kept[0] : kept[-1] + 1], start + int(kept[0])
    return float(fallen.sum()), _Cells(cells.h, start, mass)


def passages(mean: Array, variance: Array, barrier: float) -> Iterator[float]:
    """Yield P(first below the barrier at step t), t = 1, 2, ..

    Parameters
    ----------
    mean, variance : ndarray, shape (T,)
        Of the walk after t steps; it starts from 0, and the variance grows.
    barrier : float
        Any.
    """
    shifts, spreads = np.diff(mean, prepend=0.0), np.diff(variance, prepend=0.0)
    spreads = np.maximum(spreads, _LEAST * variance[0])
    # Cells must be fine enough for all that is to come; what is behind no longer matters.
    least = np.sqrt(np.minimum.accumulate(spreads[::-1])[::-1])
    h = float(least[0]) / _CELLS
    start = math.floor(-barrier / h)
    shifts[0] -= barrier + (start + 0.5) * h  # the walk starts at 0, not amid a cell
    cells = _Cells(h, start, np.ones(1))
    for shift, spread, ahead in zip(shifts.tolist(), spreads.tolist(), least.tolist(), strict=True):
        if not cells.mass.size:
            yield 0.0  # all of it has fallen
            continue
        while ahead > 2 * _CELLS * cells.h:
            cells = _merged(cells)
        own = spread - cells.h**2 / 12
        dof = float(matched_dof(np.array([own]))[0])
        fallen, cells = _stepped(cells, *_kernel(shift, own, dof, cells.h))
        yield fallen
