"""Section 2: the typical path beside the mean that never moves (theory.md 1.1, 1.5)."""

from __future__ import annotations

import numpy as np

from madtheory.loop import Loop, fully_synthetic
from madtheory.reports._types import Numbers
from madtheory.reports.simulated import mean_se, paths
from madtheory.theory import collapse

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def top_share(loop: Loop, t: int, fraction: float) -> float:
    """Share of the mean that the largest `fraction` of the paths carries, at lambda = 1.

    Size-biasing turns each chi2_m / m into chi2_(m+2) / m: the same law with n + 2 samples,
    rescaled.
    """
    threshold = float(collapse.directional_quantile(1 - fraction, loop, t=t))
    biased = fully_synthetic(loop.n_synth + 2)
    return float(collapse.directional_sf(threshold * (loop.dof / biased.dof) ** t, biased, t=t))


def compute(config: Numbers) -> Numbers:
    """Exact quantiles and mean of a variance, simulated paths and their naive average."""
    loop, ones = fully_synthetic(config["n_synth"], bias=config["bias"]), np.ones(1)
    t = np.arange(1, config["generations"] + 1)
    # The exact laws are smooth in t: a few generations draw their curves.
    grid = np.unique(np.geomspace(1, config["generations"], config["grid"]).astype(int))
    logs = paths(loop, ones, config, "log_trace")["log_trace"]
    values = np.exp(logs)
    mean = collapse.mean_trace(loop, ones, generations=t.size)
    naive_mean, naive_se = mean_se(values)
    return {
        "generations": t,
        "mean": mean,
        "levels": LEVELS,
        "grid": grid,
        "quantiles": np.array(
            [collapse.directional_quantile(LEVELS, loop, t=int(s)) for s in grid]
        ).T,
        "simulated_quantiles": np.quantile(values, LEVELS, axis=0),
        "paths": values[: config["shown"]],
        "naive_mean": naive_mean,
        "naive_se": naive_se,
        "true_deviation": np.sqrt(
            collapse.mean_squared_trace(loop, ones, generations=t.size) - mean**2
        ),
        "above_mean": [float(collapse.directional_sf(1.0, loop, t=int(s))) for s in grid],
        "share": [top_share(loop, int(s), 0.01) for s in grid],
        "rate": collapse.rate(loop),
        "fall": float(np.exp(-collapse.rate(loop))),
        "half_life": collapse.half_life(loop),
        "critical_bias": collapse.critical_bias(loop),
        "log_mean": float(collapse.directional_log_mean(loop, t.size)[-1]),
        "log_mean_simulated": [float(x) for x in mean_se(logs[:, -1])],
        "config": dict(config),
    }
