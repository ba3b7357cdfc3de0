"""What the generations multiply by: logs of the first scale and of the step bias, their sums."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from madtheory import _check
from madtheory._types import Array
from madtheory.directions import Directions
from madtheory.loop import Loop, require_fully_synthetic


def generation_range(generations: int) -> Array:
    """t = 1..T as floats."""
    count = _check.count("generations", generations, maximum=10**8)
    return np.arange(1, count + 1, dtype=np.float64)


def log_power(log_factor: float, power: Array) -> Array:
    """Log of factor^power, power >= 0; factor^0 = 1 for factor 0 too."""
    return np.multiply(power, log_factor, out=np.zeros_like(power), where=power > 0)


def log_fit_scale(bias: float, n: int, ddof: int) -> float:
    """log(bias (n - 1)/(n - ddof)), what a fit multiplies by, with its digits at huge n too."""
    log_bias = math.log(bias) if bias > 0 else -math.inf
    return log_bias + (math.log1p(-1.0 / n) if ddof == 0 else 0.0)


def log_first_scale(loop: Loop) -> float:
    """Log of first_scale."""
    return log_fit_scale(loop.first_bias, loop.n_initial, loop.ddof)


def log_step_bias(loop: Loop) -> float:
    """Log of step_bias."""
    return log_fit_scale(loop.scalar_bias, loop.n_synth, loop.ddof)


def one_minus_step_bias(loop: Loop) -> float:
    """1 - step_bias, correctly rounded."""
    return float(1 - Fraction(loop.scalar_bias) * loop.dof / (loop.n_synth - loop.ddof))


def log_scale(loop: Loop, t: Array) -> Array:
    """Log of tau_t = first_scale step_bias^(t-1), which is E Sigma_t / Sigma_0."""
    return log_first_scale(loop) + log_power(log_step_bias(loop), t - 1.0)


def log_variances(directions: Directions, t: Array) -> Array:
    """Log of E Sigma_kk at generations t by direction k, shape (rank, len(t)) (theory.md 8)."""
    require_fully_synthetic(directions.loop.along(0), "the law of a direction")
    logs = directions.each(lambda one: log_scale(one, t))
    return np.asarray(logs + np.log(directions.values)[:, None])


def geometric_sum(log_ratio: float, count: Array) -> Array:
    """ratio + ratio^2 + ... + ratio^count, accurate for ratio near 1."""
    if log_ratio == 0.0:
        return count.copy()
    if log_ratio == -math.inf:
        return np.zeros_like(count)
    with np.errstate(over="ignore"):
        ones = np.expm1(count * log_ratio) / np.expm1(log_ratio)  # 1 + ... + ratio^(count-1)
        return np.asarray(np.exp(log_ratio) * ones)


def walk_share(loop: Loop, t: Array) -> Array:
    """E |mu_t - mu_0|^2 / tr Sigma_0 (1.6); bias / step_bias = (n_synth - ddof)/(n_synth - 1)."""
    later = geometric_sum(log_step_bias(loop), t - 1.0) / (loop.n_synth - 1 + loop.ddof)
    with np.errstate(over="ignore"):
        return loop.first_bias / loop.n_initial + loop.first_scale * later
