"""Bisection over the integers, and the neighbours between which a function of them changes sign."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["first", "least", "neighbours"]

#: Neighbours are no farther apart than this share of themselves, where that is more than 1.
_NEAR = 1e-8


def least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest integer in (`low`, `high`] for which it holds; it holds at `high`."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def first(holds: Callable[[int], bool], *, most: int) -> int | None:
    """The smallest integer from 1 on for which it holds, by doubling up to `most`; or None."""
    high = 1
    while not holds(high):
        high *= 2
        if high > most:
            return None
    return least(holds, high // 2, high)


def neighbours(
    at: Callable[[int], float], low: tuple[int, float], high: tuple[int, float]
) -> tuple[tuple[int, float], tuple[int, float]]:
    """Narrow (n, at(n)) pairs of opposite sign to neighbouring integers.

    False position (Illinois) in log n, for functions near linear there; above 10^8 until they
    are within 10^-8 of one another. Every fourth step halves: the worst case is a bisection.
    """
    weights, moved, steps = [1.0, 1.0], 0, 0
    while high[0] - low[0] > max(1, _NEAR * low[0]):
        steps += 1
        n = _inside(low, high, weights, moved) if steps % 4 else _halfway(low[0], high[0])
        found = (n, at(n))
        side = -1 if (found[1] > 0) == (low[1] > 0) else 1
        weights = [0.5 * weights[0] if side == moved == 1 else 1.0,
                   0.5 * weights[1] if side == moved == -1 else 1.0]  # fmt: skip
        low, high, moved = (found, high, -1) if side == -1 else (low, found, 1)
    return low, high


def _halfway(low: int, high: int) -> int:
    """In log n, and strictly between."""
    return min(max(round(math.sqrt(low * high)), low + 1), high - 1)


def _inside(
    low: tuple[int, float], high: tuple[int, float], weights: list[float], moved: int
) -> int:
    """False position, a step past the root as seen from the end that moved last."""
    f, g = weights[0] * low[1], weights[1] * high[1]
    if not math.isfinite(f - g) or f == g:
        return _halfway(low[0], high[0])
    root = low[0] * math.exp(math.log(high[0] / low[0]) * f / (f - g))
    step = max(1.0, 0.4 * _NEAR * root)
    n = math.floor(root + step) if moved == -1 else math.ceil(root - step)
    return min(max(n, low[0] + 1), high[0] - 1)
