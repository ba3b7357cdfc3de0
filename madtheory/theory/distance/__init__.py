"""E W2^2 of every loop, with bounds and a declared error (theory.md 1.7, 2.4, 2.10, 3)."""

from madtheory.theory.distance.any_loop import (
    resummed,
    resummed_limit,
    w2_squared,
    w2_squared_limit,
    w2_squared_one_fit,
)
from madtheory.theory.distance.fresh import (
    second_order_limit,
    w2_squared_second_order,
    w2_squared_second_order_limit,
)

__all__ = [
    "resummed",
    "resummed_limit",
    "second_order_limit",
    "w2_squared",
    "w2_squared_limit",
    "w2_squared_one_fit",
    "w2_squared_second_order",
    "w2_squared_second_order_limit",
]
