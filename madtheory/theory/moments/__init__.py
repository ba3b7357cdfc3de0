"""First and second moments of every loop (theory.md 2.2, 2.3, 2.8, 2.9, 3)."""

from madtheory.theory.moments.any_loop import (
    INVARIANTS,
    first_moments,
    first_moments_by_direction,
    first_moments_limit,
    first_moments_limits,
    first_moments_paths,
    forgetting_rate,
    forgetting_status,
    second_moment_radius,
    second_moments,
    second_moments_limit,
    second_moments_rel_error,
)
from madtheory.theory.moments.families import (
    augmentation_gain_leading,
    augmentation_limit,
    golden_weight,
    memory_limit,
    memory_limit_all,
    weighted_limit,
)
from madtheory.theory.moments.fresh import first_moment_map, second_moment_map
from madtheory.theory.moments.growing_pool import (
    growing_pool_dies,
    growing_pool_limit,
    growing_pool_trace,
    is_growing_pool,
    pool_exponent,
)

__all__ = [
    "INVARIANTS",
    "augmentation_gain_leading",
    "augmentation_limit",
    "first_moment_map",
    "first_moments",
    "first_moments_by_direction",
    "first_moments_limit",
    "first_moments_limits",
    "first_moments_paths",
    "forgetting_rate",
    "forgetting_status",
    "golden_weight",
    "growing_pool_dies",
    "growing_pool_limit",
    "growing_pool_trace",
    "is_growing_pool",
    "memory_limit",
    "memory_limit_all",
    "pool_exponent",
    "second_moment_map",
    "second_moment_radius",
    "second_moments",
    "second_moments_limit",
    "second_moments_rel_error",
    "weighted_limit",
]
