"""What a generation multiplies: logs of the first scale and of the step bias, and their sums."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from madtheory import _check
from madtheory._types import Array
from madtheory.loop import Loop

_MAX_GENERATIONS = 10**8


def generation_range(generations: int) -> Array:
    """t = 1..T as floats."""
    count = _check.count("generations", generations, maximum=_MAX_GENERATIONS)
    return np.arange(1, count + 1, dtype=np.float64)


def _log(x: float) -> float:
    """log x with log 0 = -inf."""
    return math.log(x) if x > 0 else -math.inf


def count_times(count: Array, log_factor: float) -> Array:
    """count * log_factor with 0 * -inf = 0, that is factor^0 = 1 for factor 0 too."""
    return np.multiply(count, log_factor, out=np.zeros_like(count), where=count > 0)


def log_scale(bias: float, n: int, ddof: int) -> float:
    """log(bias (n - 1)/(n - ddof)), with its digits at huge n too."""
    return _log(bias) + (math.log1p(-1.0 / n) if ddof == 0 else 0.0)


def log_first_scale(loop: Loop) -> float:
    """Log of first_scale."""
    return log_scale(loop.first_bias, loop.n_initial, loop.ddof)


def log_step_bias(loop: Loop) -> float:
    """Log of step_bias."""
    return log_scale(loop.bias, loop.n_synth, loop.ddof)


def step_gap(loop: Loop) -> float:
    """1 - step_bias, correctly rounded."""
    return float(1 - Fraction(loop.bias) * loop.dof / (loop.n_synth - loop.ddof))


def log_bias(loop: Loop, t: Array) -> Array:
    """log(first_scale * step_bias^(t-1))."""
    return log_first_scale(loop) + count_times(t - 1.0, log_step_bias(loop))


# --- moments (1.5, 1.6) --------------------------------------------------------------------------


def exp(x: Array) -> Array:
    """Exp to inf on overflow, without a warning."""
    with np.errstate(over="ignore"):
        return np.exp(x)


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


def log1p(x: float) -> float:
    """log(1 + x) with log 0 = -inf."""
    return math.log1p(x) if x > -1.0 else -math.inf
