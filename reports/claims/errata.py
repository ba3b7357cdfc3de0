"""Section 16: the numbers behind the errata (theory.md 6)."""

from __future__ import annotations

import numpy as np

from madtheory import spectrum
from madtheory.laws import trace_noise
from madtheory.loop import fresh_data, fully_synthetic
from madtheory.reports._types import Numbers
from madtheory.theory import collapse, distance, moments, worth


def excess_kurtosis(n_synth: int, t: int) -> float:
    """Excess kurtosis of one coordinate of mu_t - mu_0 at lambda = 1, d = 1.

    Given the covariances the displacement is N(0, V), V = sum_{k<t} Sigma_k / n, so the kurtosis
    is 3 E V^2 / (E V)^2, and E Sigma_j Sigma_k = E Sigma_j^2 for j <= k (martingale).
    """
    loop = fully_synthetic(n_synth)
    squares = collapse.mean_squared_trace(loop, np.ones(1), generations=t)
    second = np.concatenate([[1.0], np.asarray(squares)])[:t]
    earlier = np.minimum.outer(np.arange(t), np.arange(t))
    return float(3 * (second[earlier].sum() / t**2 - 1))


def _synthetic(n: int, t: int, bias: float) -> Numbers:
    ones = np.ones(1)
    real = fully_synthetic(n, bias=bias)
    literal = fully_synthetic(n, bias=bias, first_generation="biased")
    over = fully_synthetic(n, bias=1.02, allow_overdispersion=True)
    unbiased = fully_synthetic(n)
    return {
        "n": n,
        "t": t,
        "bias": bias,
        "trace_real": float(collapse.mean_trace(real, ones, generations=t)[-1]),
        "trace_literal": float(collapse.mean_trace(literal, ones, generations=t)[-1]),
        "critical_bias": collapse.critical_bias(unbiased),
        "over_mean": float(collapse.mean_trace(over, ones, generations=100)[-1]),
        "over_median": float(collapse.directional_quantile(0.5, over, t=100)),
        "median_100": float(collapse.directional_quantile(0.5, unbiased, t=100)),
        "above_two": float(collapse.directional_sf(2.0, unbiased, t=2)),
        "kurtosis": excess_kurtosis(n, 20),
    }


def _noise(dim: int, dof: int) -> Numbers:
    """Var Y_t at the start (all weights 1/d) and at the end (one direction)."""
    return {
        "dim": dim,
        "dof": dof,
        "start": float(trace_noise.trace_noise_variance(np.full(dim, 1 / dim), dof)),
        "end": float(trace_noise.trace_noise_variance(np.eye(dim)[0], dof)),
        "weight": 1 / dim,
    }


def _fresh(dim: int) -> Numbers:
    loop = fresh_data(100, 900)
    large = fresh_data(10**6, 1000, bias=0.9)
    rate = moments.forgetting_rate(loop)
    return {
        "trace_ratio": float(moments.first_moments_limit(loop).trace),
        "half_life": float(np.log(0.5) / np.log(rate)),
        "to_one_percent": float(np.log(0.01) / np.log(rate)),
        "large_gain": float(worth.gain(large, np.ones(dim))),
        "w2_start": float(spectrum.baseline(100, np.ones(dim)).value),
        "w2_limit": float(distance.w2_squared_limit(loop, np.ones(dim)).value),
    }


def _slope(p: float, dim: int) -> float:
    """Local slope of log E W2^2 against log n at lambda = 1, n from 10^5 to 10^6."""
    loops = [worth.fresh_fraction(n, p, bias=1.0) for n in (10**5, 10**6)]
    values = [float(distance.w2_squared_limit(loop, np.ones(dim)).value) for loop in loops]
    return float(np.log10(values[1] / values[0]))


def compute(config: Numbers) -> Numbers:
    """Every number that the errata table quotes and no other section has."""
    fresh = _fresh(config["dim"])
    return {
        **_synthetic(10, 10, 0.9),
        "noise": _noise(10, 9),
        "fresh": fresh,
        "w2_start_root": float(np.sqrt(fresh["w2_start"])),
        "slope": _slope(0.1, config["dim"]),
        "printed_fraction": (1 - 0.5) * 0.5,
        "meant_fraction": (1 - 0.5) * 1000,
    }
