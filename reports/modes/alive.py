"""Section 13: how long modes live, and the fresh data that keeps them (theory.md 4.1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from madtheory import modes
from madtheory.reports._types import Array, Numbers
from madtheory.reports.simulated import mean_se
from madtheory.simulate import simulate_modes


def _surviving(n: int, config: Numbers, **more: Any) -> Array:
    """Modes alive on every simulated path."""
    sizes = {"replicates": config["replicates"], "seed": config["seed"], "keep_paths": True}
    paths = simulate_modes(config["modes"], n, **sizes, **more).paths
    assert paths is not None
    return paths["surviving"]


def _alive(n: int, config: Numbers, times: Array) -> Numbers:
    """Modes alive and P(all alive): exact, and simulated at a few generations."""
    K = config["modes"]
    every = _surviving(n, config, generations=times[-1], at=config["at"])
    law = modes.surviving_law(K, n, times.tolist())
    return {
        "n_synth": n,
        "mean": law @ np.arange(K + 1),
        "all": law[:, K],
        "simulated": mean_se(every),
        "simulated_all": mean_se((every == K).astype(np.float64)),
    }


def _held(n: int, fresh: int, config: Numbers) -> Numbers:
    """Share of stationary training sets that hold all modes, simulated with fresh data."""
    settle = config["settle"]
    every = _surviving(n, config, n_fresh=fresh, generations=settle, at=(settle,))
    mean, se = mean_se((every == config["modes"]).astype(np.float64))
    exact = float(modes.all_modes_alive(config["modes"], n, fresh).value)
    return {"n_synth": n, "n_fresh": fresh, "probability": exact, "mean": mean[0], "se": se[0]}


def compute(config: Numbers) -> Numbers:
    """How long modes live, and how much fresh data keeps them all."""
    K, T = config["modes"], config["generations"]
    times = np.unique(np.geomspace(1, T, config["grid"]).astype(int))
    needs = [
        {
            "probability": p,
            "n_fresh": [modes.fresh_for_all_modes(K, n, p).n_fresh for n in config["amounts"]],
        }
        for p in config["probabilities"]
    ]
    checks = [
        _held(n, modes.fresh_for_all_modes(K, n, p).n_fresh, config) for n, p in config["checks"]
    ]
    return {
        "t": times,
        "at": config["at"],
        "runs": [_alive(n, config, times) for n in config["n_synth"]],
        "amounts": config["amounts"],
        "needs": needs,
        "checks": checks,
        "check_count": len(checks),
        "largest_check_z": max(abs(c["mean"] - c["probability"]) / c["se"] for c in checks),
        "config": dict(config),
    }
