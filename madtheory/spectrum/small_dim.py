"""What the 1/d expansion misses, where it is known: one fit, diluted too (theory.md 5.2, 5.3)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from madtheory._types import Array
from madtheory.spectrum.mean_law import constant_law
from madtheory.spectrum.next_law import next_law, one_fit
from madtheory.spectrum.one_wishart import eigenvalue_mean, root_deficit

#: Degrees of freedom of the table, in units of dim, and the dim from where the rest is c/dim^2.
_DOFS = (0.03, 0.06, 0.12, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_LARGE = 32
#: Degrees of freedom from where what a diluted fit misses is like one over them, and the least
#: share of a fit that counts.
_MANY, _LEAST = 256, 1e-6
#: Degrees of freedom, in units of dim, between which a fit becomes singular.
_EDGE = (0.5, 2.0)
#: Shares of the rank that are few directions, and many: between fits of 14 spectra.
_FEW = (0.2, 0.4)


def _dofs(dim: int) -> list[int]:
    """Degrees of freedom of the table, falling."""
    return sorted({max(1, round(dim * x)) for x in _DOFS} | {1, 2, 3}, reverse=True)


@lru_cache(maxsize=64)
def _table(dim: int) -> tuple[Array, Array]:
    """Deficits of the equivalent of one fit, rising from 0, and the exact ones per unit of them."""
    dofs = _dofs(dim)
    near = [next_law(constant_law(dim), one_fit(k + 1)).root_deficit for k in dofs]
    exact = [root_deficit(dim, k) / x for k, x in zip(dofs, near, strict=True)]
    return np.array([0.0, *near]), np.array([1.0, *exact])


def exact_share(dim: float, deficit: float) -> float:
    """E tr S^{1/2}'s deficit of one fit, exact over equivalent, where the latter is `deficit`.

    1 - O(1/dim^2), and 1 at deficit 0; a line between integers.

    Examples
    --------
    >>> equivalent = next_law(constant_law(4), one_fit(5)).root_deficit
    >>> round(equivalent * exact_share(4, equivalent) / root_deficit(4, 4), 12)
    1.0
    """
    return _share(_table, dim, deficit)


def _share(table: Callable[[int], tuple[Array, Array]], dim: float, deficit: float) -> float:
    """What a table has at a deficit, between integers too."""
    low = min(int(dim), _LARGE)
    share = float(np.interp(deficit, *table(low)))
    if low < dim < _LARGE:
        share += (dim - low) * (float(np.interp(deficit, *table(low + 1))) - share)
    return 1 - (1 - share) * (max(low, min(dim, _LARGE)) / dim) ** 2


@lru_cache(maxsize=64)
def _smooth_table(dim: int) -> tuple[Array, Array]:
    """The table without what is missed where a fit becomes singular, near `dim` of freedom."""
    near, exact = _table(dim)
    dofs = np.array(_dofs(dim))
    kept = np.concatenate([[True], ~((dofs > _EDGE[0] * dim) & (dofs < _EDGE[1] * dim))])
    return near[kept], exact[kept]


def uneven_share(dim: float, deficit: float, *, rank: int, flat: float) -> float:
    """The same at unequal eigenvalues, `dim` in effect; `flat` is the deficit at equal ones.

    Where a fit becomes singular, and more is missed, is a matter of the rank and not of `dim`; but
    where few directions dominate it is one of these (.2 to .4 of the rank).

    Examples
    --------
    >>> equal = uneven_share(4.0, 0.2, rank=4, flat=0.2)
    >>> abs(equal / exact_share(4, 0.2) - 1) < 1e-12
    True
    """
    smooth = _share(_smooth_table, dim, deficit)
    edge = exact_share(rank, flat) - _share(_smooth_table, rank, flat)
    spread = min(max((dim / rank - _FEW[0]) / (_FEW[1] - _FEW[0]), 0.0), 1.0)
    few = exact_share(dim, deficit)
    return few + spread * (smooth + edge * dim / rank - few)


@lru_cache(maxsize=4096)
def diluted_share(dim: int, dof: int, kept: float) -> float:
    """Log of the deficit of (1 - kept) I + kept S, exact over what :func:`exact_share` makes of it.

    S is one fit of `dof` degrees of freedom, and E tr S^{1/2}'s deficit is by the equivalent. Each
    part of a mixture is counted, but what is missed of a skewed part that others dilute is not what
    one fit of the same deficit misses. 0 where nothing is diluted, and O(1/dim^2).

    Examples
    --------
    >>> round(diluted_share(1, 1, 0.2), 4), round(diluted_share(2, 1, 0.2), 4)
    (-0.0924, -0.0439)
    """
    if not _LEAST < kept < 1:
        return 0.0
    if dim > _LARGE:
        return diluted_share(_LARGE, dof, kept) * (_LARGE / dim) ** 2
    if dof > _MANY:
        return diluted_share(dim, _MANY, kept) * _MANY / dof
    law = next_law(constant_law(dim), one_fit(dof + 1))
    near = law.diluted_deficit(kept)

    def gap(x: Array) -> Array:
        return np.asarray(np.square(np.sqrt(1 - kept + kept * x / dof) - 1) / 2)

    least, most = sorted((dim, dof))
    lost = (dim - least) * float(gap(np.zeros(1))[0])  # of a singular fit
    exact = (eigenvalue_mean(least, most, gap) + lost) / dim
    return math.log(exact / (near * exact_share(dim, near)))
