"""The minute: three facts of the theory, nothing simulated."""

from __future__ import annotations

import numpy as np

from madtheory.loop import fresh_data, fully_synthetic
from madtheory.reports import limits
from madtheory.reports._types import Numbers
from madtheory.theory import collapse, distance, worth


def _dies(n_synth: int, generations: int) -> Numbers:
    """Quantiles of the variance of a fully synthetic loop at lambda = 1, where its mean is 1."""
    loop = fully_synthetic(n_synth)
    grid = limits.log_grid([1, generations], 14)
    levels = (0.05, 0.5, 0.95)
    found = [collapse.directional_quantile(levels, loop, t=t) for t in grid]
    return {"n_synth": n_synth, "t": grid, "quantiles": np.array(found).T}


def _settles(dim: int, n_real: int, n_synth: int, starts: list[int], generations: int) -> Numbers:
    """E W2^2 of the fresh data loop from several first models, and without real data."""
    ones = np.ones(dim)
    loops = [fresh_data(n_real, n_synth, n_initial=n) for n in starts]
    alone = fully_synthetic(n_real)
    return {
        "dim": dim,
        "n_real": n_real,
        "n_synth": n_synth,
        "starts": starts,
        "t": np.arange(1, generations + 1),
        "fresh": [distance.w2_squared(x, ones, generations=generations).value for x in loops],
        "alone": distance.w2_squared(alone, ones, generations=generations).value,
    }


def _helps(dim: int, n_real: int, biases: list[float]) -> Numbers:
    """n_e/n_r of the fresh data loop against the number of its synthetic samples."""
    n_synth = limits.log_grid([n_real / 10, n_real * 300], 24)
    gains = [
        [float(worth.gain(fresh_data(n_real, s, bias=b), np.ones(dim))) for s in n_synth]
        for b in biases
    ]
    return {"dim": dim, "n_real": n_real, "n_synth": n_synth, "biases": biases, "gains": gains}


def compute(config: Numbers) -> Numbers:
    """What dies, what settles, what helps."""
    return {
        "dies": _dies(config["few"], config["generations"]),
        "settles": _settles(10, 100, 900, [20, 100, 1000, 10_000], config["generations"]),
        "helps": _helps(10, 100, [1.0, 0.9, 0.5]),
        "config": dict(config),
    }
