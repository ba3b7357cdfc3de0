"""Section 2: the typical path beside the mean that never moves (theory.md 1.1, 1.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory.loop import Loop, fully_synthetic
from madtheory.simulate import simulate
from madtheory.theory import collapse

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["compute"]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def top_share(loop: Loop, t: int, fraction: float) -> float:
    """Share of the mean that the largest `fraction` of the paths carries, at lambda = 1.

    Size-biasing turns each chi2_m / m into chi2_(m+2) / m: the same law with n + 2 samples,
    rescaled.
    """
    threshold = float(collapse.directional_quantile(1 - fraction, loop, t=t))
    biased = fully_synthetic(loop.n_synth + 2)
    return float(collapse.directional_sf(threshold * (loop.dof / biased.dof) ** t, biased, t=t))


def compute(config: Mapping[str, Any]) -> dict[str, Any]:
    """Exact quantiles and mean of a variance, simulated paths and their naive average."""
    loop = fully_synthetic(config["n_synth"], bias=config["bias"])
    t = np.arange(1, config["generations"] + 1)
    # The exact laws are smooth in t: a few generations draw their curves.
    grid = np.unique(np.geomspace(1, config["generations"], config["grid"]).astype(int))
    paths = simulate(
        loop,
        np.ones(1),
        generations=config["generations"],
        replicates=config["replicates"],
        seed=config["seed"],
        record=("log_trace",),
        keep_paths=True,
    )
    assert paths.paths is not None
    logs = paths.paths["log_trace"]
    values = np.exp(logs)
    return {
        "generations": t,
        "mean": collapse.mean_trace(loop, np.ones(1), generations=t.size),
        "levels": LEVELS,
        "grid": grid,
        "quantiles": np.array(
            [collapse.directional_quantile(LEVELS, loop, t=int(s)) for s in grid]
        ).T,
        "simulated_quantiles": np.quantile(values, LEVELS, axis=0),
        "paths": values[: config["shown"]],
        "naive_mean": values.mean(axis=0),
        "naive_se": values.std(axis=0, ddof=1) / np.sqrt(len(values)),
        "true_deviation": np.sqrt(
            collapse.mean_squared_trace(loop, np.ones(1), generations=t.size)
            - collapse.mean_trace(loop, np.ones(1), generations=t.size) ** 2
        ),
        "above_mean": [float(collapse.directional_sf(1.0, loop, t=int(s))) for s in grid],
        "share": [top_share(loop, int(s), 0.01) for s in grid],
        "rate": collapse.rate(loop),
        "fall": float(np.exp(-collapse.rate(loop))),
        "half_life": collapse.half_life(loop),
        "critical_bias": collapse.critical_bias(loop),
        "log_mean": float(collapse.directional_log_mean(loop, t.size)[-1]),
        "log_mean_simulated": [
            float(logs[:, -1].mean()),
            float(logs[:, -1].std(ddof=1) / np.sqrt(len(logs))),
        ],
        "config": dict(config),
    }
