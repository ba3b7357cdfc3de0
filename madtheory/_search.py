"""Bisection over the integers, and the neighbours between which a function of them changes sign."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Pair = tuple[int, float]

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


def neighbours(at: Callable[[int], float], low: Pair, high: Pair) -> tuple[Pair, Pair]:
    """Narrow (n, at(n)) pairs of opposite sign to neighbouring integers.

    In log n: false position once, then inverse quadratic interpolation where the last three points
    allow it (Chandrupatla), else halving; above 10^8 until they are within 10^-8 of one another.
    """
    root = _between(low, high, low)
    while high[0] - low[0] > max(1, _NEAR * low[0]):
        n = _beside(root, low[0], high[0])
        new = (n, at(n))
        if (new[1] > 0) == (low[1] > 0):
            low, gone, other = new, low, high
        else:
            high, gone, other = new, high, low
        root = _between(new, other, gone)
    return low, high


def _between(new: Pair, other: Pair, gone: Pair) -> float:
    """Where the root may be between the first two; `gone` lies outside, or is one of them."""
    (x, f), (y, g), (z, h) = ((math.log(n), value) for n, value in (new, other, gone))
    share = 0.5
    if math.isfinite(f - g) and math.isfinite(h):
        if z in (x, y):
            share = f / (f - g)
        elif h not in (f, g):
            near, above = (x - y) / (z - y), (f - g) / (h - g)
            if above**2 < near and (1 - above) ** 2 < 1 - near:
                share = f / (g - f) * h / (g - h) + (z - x) / (y - x) * f / (h - f) * g / (h - g)
    return math.exp(x + share * (y - x))


def _beside(root: float, low: int, high: int) -> int:
    """A step past the root as seen from the nearer end, and strictly between."""
    step = max(1.0, 0.4 * _NEAR * root)
    n = math.floor(root + step) if high - root > root - low else math.ceil(root - step)
    return min(max(n, low + 1), high - 1)
