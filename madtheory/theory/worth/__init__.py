"""What a loop is worth in real samples (theory.md 2.5-2.9, 3.1; paper, Eq. (4), Appendix G)."""

from madtheory.theory.worth.admissible import (
    admissible_interval,
    admissible_n_synth,
    admissible_n_synth_limit,
)
from madtheory.theory.worth.effective import (
    effective_interval,
    effective_sample_size,
    gain,
    leading_gain,
    mean_effective_size,
)
from madtheory.theory.worth.weights import (
    BestWeight,
    best_mean_weight,
    best_weight,
    fraction_effective_size,
    fraction_floor,
    fresh_fraction,
)

__all__ = [
    "BestWeight",
    "admissible_interval",
    "admissible_n_synth",
    "admissible_n_synth_limit",
    "best_mean_weight",
    "best_weight",
    "effective_interval",
    "effective_sample_size",
    "fraction_effective_size",
    "fraction_floor",
    "fresh_fraction",
    "gain",
    "leading_gain",
    "mean_effective_size",
]
