"""TODO"""

from madtheory.theory.distance.any_loop import w2_squared, w2_squared_limit
from madtheory.theory.distance.fresh import (
    second_order_identity,
    w2_squared_second_order,
    w2_squared_second_order_limit,
)

__all__ = [
    "second_order_identity",
    "w2_squared",
    "w2_squared_limit",
    "w2_squared_second_order",
    "w2_squared_second_order_limit",
]
