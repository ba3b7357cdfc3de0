"""Limits of first moments of every pool that keeps everything (theory.md 3.2, 3.3).

Beside real data of a fixed share (a weight; fresh samples beside a budget) the pool comes to rest
at the centre of the real data, and the limit is a fixed point in closed form. Else the real share
goes to 0 and the limit depends on the start. The recursion's coefficients are rational in t, so
that a moment is its limit and a series of t^-p; over doubling t each term is geometric, and
Richardson's step takes it away.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from madtheory.loop import Loop, UnsupportedLoop
from madtheory.results import FirstMomentsLimit
from madtheory.theory.moments.first import moment_paths
from madtheory.theory.moments.generation import require_resolved
from madtheory.theory.moments.growing_pool import (
    anchored_pool_gain,
    is_anchored,
    pool_exponent,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from madtheory._types import Array

#: The series are in one over the samples: generations at which the pool, in units of n_synth and
#: real data included, has doubled, from _FIRST more than the real data on, up to the last of _LAST;
#: what the last step may change, relative, and below what a path ends before.
_FIRST, _LAST, _SETTLED, _EARLY = 16, (2**10, 2**11, 2**13), 1e-7, 1e-8


def _weighted_limit(loop: Loop) -> FirstMomentsLimit:
    """A weight w on the real data: their mean is g + (n_h/n_r) h, g the part of the fixed set.

    The pool's mean goes to g, its covariance to q = lambda C + w^2 n_h/n_r^2, whatever the memory.
    """
    w, n_r = loop.real_share, loop.n_real
    fresh, fixed = loop.n_fresh / n_r**2, loop.n_fixed / n_r**2
    pool = w**2 * fresh
    real = w * (n_r - 1) / (n_r - loop.ddof) + w * (1 - w) * fresh
    trace = (real + (1 - w) * pool) / (1 - (1 - w) * loop.scalar_bias)
    return FirstMomentsLimit(fixed + pool, trace)


def _budget_limit(loop: Loop) -> FirstMomentsLimit:
    """B samples of the pool and n_h fresh ones, n in all: M = (B q + n_h)/n^2, q = lambda C + M."""
    gain = anchored_pool_gain(loop)
    if gain >= 1:
        return FirstMomentsLimit()
    B, n_h = loop.budget or 0, loop.n_fresh
    n = B + n_h
    # (n - ddof) C = (B - 1) q + n_h - 1 + (B n_h/n)(q/B + 1/n_h).
    by_pool = (B - 1 + n_h / n) / (n - loop.ddof)
    by_fresh = (n_h - 1 + B / n) / (n - loop.ddof)
    q = (loop.scalar_bias * by_fresh + n_h / n**2) / (1 - gain)
    return FirstMomentsLimit((B * q + n_h) / n**2, by_pool * q + by_fresh)


def _exponents(loop: Loop, count: int) -> list[float]:
    """Exponents p of t^-p, smallest first: of sums over 1/t^2, the trace's t^e, a subsample's."""
    e = pool_exponent(loop)
    starts = [1.0, 1.0 - e] + ([-e] if loop.budget is not None and e < 0 else [])
    return sorted({round(start + j, 12) for start in starts for j in range(count)})[:count]


def extrapolated(values: Array, exponents: list[float]) -> tuple[float, float]:
    """Limit of values at doubling t, and what the last step changed.

    Examples
    --------
    >>> t = 2.0 ** np.arange(8)
    >>> limit, change = extrapolated(3 + 1 / t - 2 / t**1.5, [1.0, 1.5])
    >>> round(limit, 12)
    3.0
    """
    last, change = float(values[-1]) if values.size else 0.0, np.inf
    for p in exponents:
        # (2^p b - a)/(2^p - 1), small exponents included.
        values = values[1:] + np.diff(values) / np.expm1(p * np.log(2))
        last, change = float(values[-1]), abs(float(values[-1]) - last)
    return last, change


@lru_cache(maxsize=64)
def _resting(loops: tuple[Loop, ...]) -> tuple[FirstMomentsLimit, ...]:
    """Where pools come to rest that forget the real data's share; they differ in their bias."""
    ends: dict[Loop, FirstMomentsLimit] = {}
    left = [one for one in loops if pool_exponent(one) <= 0]
    for last in _LAST:
        if left:
            ends |= _ends(left, last, _EARLY if last < _LAST[-1] else _SETTLED)
            left = [one for one in left if one not in ends]
    if left:
        raise UnsupportedLoop(
            "the limit of a pool that keeps everything is computed where it is near after "
            f"{_LAST[-1]} generations, got n_fixed = {left[0].n_fixed}, n_fresh = "
            f"{left[0].n_fresh}, n_synth = {left[0].n_synth} and bias = {left[0].scalar_bias:g}"
        )
    return tuple(ends.get(one, FirstMomentsLimit()) for one in loops)


def _ends(loops: list[Loop], last: int, settled: float) -> dict[Loop, FirstMomentsLimit]:
    """Limits of the loops that are near theirs after so many generations."""
    real = round(loops[0].n_real / loops[0].n_synth)
    grown = (real + _FIRST) * 2 ** np.arange(10) - real
    at = grown[grown <= last] - 1
    if at.size < 3:
        return {}
    paths = moment_paths(loops, int(at.max()) + 1)[..., at]
    ends = {one: _end(one, path, settled) for one, path in zip(loops, paths, strict=True)}
    return {one: end for one, end in ends.items() if end is not None}


def _end(loop: Loop, path: Array, settled: float) -> FirstMomentsLimit | None:
    """Limit from first moments (2, doublings) at doubling t, if the last step changes no more."""
    e = pool_exponent(loop)
    terms = _exponents(loop, path.shape[1] - 1)
    found = [extrapolated(x, terms) for x in path[: 1 + (e == 0)]]
    if any(change > settled * abs(value) for value, change in found):
        return None
    return FirstMomentsLimit(found[0][0], found[1][0] if e == 0 else 0.0)


def _require_limit(loop: Loop) -> None:
    """Refuse a floor, and where rounding would leave nothing."""
    require_resolved(loop, "the limit")
    if loop.floor > 0:
        raise UnsupportedLoop(
            "the limit of a pool that keeps everything is computed for floor = 0 only, "
            f"got {loop.floor:g}"
        )


def growing_limit(loop: Loop) -> FirstMomentsLimit:
    """Limit of a loop whose pool keeps everything, without a floor (exact, or to 1e-7).

    Examples
    --------
    >>> fresh = Loop(n_initial=10, n_fresh=4, n_synth=7, pool="accumulate")
    >>> round(growing_limit(fresh).mean_sq, 9)
    0.173350478
    """
    return growing_limits([loop])[0]


def growing_limits(loops: Sequence[Loop]) -> list[FirstMomentsLimit]:
    """:func:`growing_limit` of loops that differ in their bias only, at about the price of one."""
    loops = [one.used for one in loops]
    for one in loops:
        _require_limit(one)
    if not is_anchored(loops[0]):
        return list(_resting(tuple(loops)))
    closed = _budget_limit if loops[0].weight is None else _weighted_limit
    return [closed(one) for one in loops]
