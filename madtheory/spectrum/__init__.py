"""Spectra of sample covariances and their products: E tr of square roots (theory.md 5).

`limits` has the high-dimension limits, `sqrt_trace` the mean at finite size by `factors`, between
`bounds`, and `baseline` the distance of one fit to real samples. `mean_law`,
`next_law`, `settled` and `rotated` carry the mean spectrum along a loop, to order 1/d included.

`eigenvalues` are those of Sigma_0, shape (dim,), zeros allowed. A bad argument raises ValueError or
TypeError with one sentence that names the argument, the rule and the value.
"""

from madtheory.spectrum.baseline import baseline, baseline_leading
from madtheory.spectrum.limits import moment_limit, sqrt_trace_limit, sqrt_trace_limit_small_ratio
from madtheory.spectrum.sqrt_trace import (
    chain_deficit,
    chain_deficit_limit,
    mean_sqrt_trace,
    sqrt_trace_deficit,
)

__all__ = [
    "baseline",
    "baseline_leading",
    "chain_deficit",
    "chain_deficit_limit",
    "mean_sqrt_trace",
    "moment_limit",
    "sqrt_trace_deficit",
    "sqrt_trace_limit",
    "sqrt_trace_limit_small_ratio",
]
