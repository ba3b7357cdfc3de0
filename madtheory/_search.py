"""Bisection over the integers, for a property that holds from some integer on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["first", "least"]


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
