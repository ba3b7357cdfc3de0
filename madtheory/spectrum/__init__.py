"""Spectra of sample covariances and their products: E tr of square roots (theory.md 5)."""

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
