"""Section 5: where the expected distance does not increase (theory.md 1.7, 1.8, 5.1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from madtheory import spectrum
from madtheory.loop import fully_synthetic
from madtheory.reports._types import Numbers
from madtheory.reports.simulated import mean_se, paths
from madtheory.theory import collapse


def compute_typical(config: Numbers) -> Numbers:
    """Exact E W2^2 at d = 1, lambda = 1, beside quantiles of W2^2 itself."""
    loop = fully_synthetic(config["n_synth"])
    values = paths(loop, np.ones(1), config, "w2_squared")["w2_squared"]
    mean, se = mean_se(values)
    t = np.arange(1, config["generations"] + 1)
    theory = collapse.w2_squared(loop, np.ones(1), generations=t.size)
    return {
        "generations": t,
        "theory": theory.value,
        "quantiles": np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0),
        "paths": values[: config["shown"]],
        "mean": mean,
        "se": se,
        "first_decrease": collapse.first_decrease(loop, generations=t.size),
        "config": dict(config),
    }


def _curve(config: Numbers) -> Numbers:
    """E W2^2 / d in high dimension, its turning points and the limit."""
    dim, n = config["dim"], config["n_synth"]
    loop = fully_synthetic(n, bias=1 - config["a"] / n)
    horizon = config["horizon"]
    values = np.asarray(collapse.w2_squared_high_dimension(loop, dim, generations=horizon).value)
    top = int(values[: horizon // 3].argmax())
    bottom = top + int(values[top:].argmin())
    shown = np.unique(np.geomspace(1, horizon, 300).astype(int))
    return {
        "generations": shown,
        "per_dimension": values[shown - 1] / dim,
        "limit": float(np.asarray(collapse.w2_squared_limit(loop, np.ones(dim)))) / dim,
        "top": {"t": top + 1, "value": values[top] / dim},
        "bottom": {"t": bottom + 1, "value": values[bottom] / dim},
        "bias": loop.bias,
    }


def _curve_simulated(config: Numbers) -> Numbers:
    """E W2^2 / d from few large runs, the exact walk and trace as control variates."""
    loop = fully_synthetic(config["n_synth"], bias=1 - config["a"] / config["n_synth"])
    ones, at, last = np.ones(config["dim"]), tuple(config["at"]), max(config["at"])
    sizes = {**config, "generations": last}
    found = paths(loop, ones, sizes, "w2_squared", "mean_sq", "trace", at=at)
    shown = np.array(config["at"]) - 1
    walk = collapse.mean_walk(loop, ones, generations=last)[shown]
    trace = collapse.mean_trace(loop, ones, generations=last)[shown]
    free = found["w2_squared"] - found["mean_sq"] - found["trace"]
    mean, se = mean_se((free + walk + trace) / config["dim"])
    return {"generations": list(config["at"]), "mean": mean, "se": se}


def _intervals(dims: list[int]) -> list[Numbers]:
    """In a = n(1 - lambda), d/n -> 0: where E W2^2 falls somewhere (theory.md 1.8)."""
    found = {dim: collapse.overshoot_interval(dim) or (None, None) for dim in dims}
    return [{"dim": dim, "low": low, "high": high} for dim, (low, high) in found.items()]


def first_step(gamma: Any, bias: Any) -> Any:
    """High-dimension limit of (E W2^2(2) - E W2^2(1)) / d at aspect ratio gamma (n -> infinity)."""
    one, two = (_root_trace(t, gamma) for t in (1, 2))
    return bias - 1 - 2 * (np.sqrt(bias) * two - one)


def _root_trace(t: int, gamma: Any) -> Any:
    return np.vectorize(lambda g: float(spectrum.sqrt_trace_limit(t, g)))(gamma)


def _two_samples(config: Numbers) -> Numbers:
    """n = 2, d = 1: the first generation at which the exact E W2^2 falls, by lambda."""
    biases = np.round(np.linspace(0.637, 0.666, config["points"]), 6)
    first = [
        collapse.first_decrease(fully_synthetic(2, bias=float(b)), generations=config["horizon"])
        for b in biases
    ]
    return {"bias": biases, "first": first, "low": 2 / np.pi, "high": 2 / 3}


def compute_overshoot(config: Numbers) -> Numbers:
    """Curve, map in (a, d), map of the first step in (gamma, lambda), and n = 2."""
    gamma = np.linspace(0.5, 8, config["grid"])
    bias = np.linspace(0.0, 1.0, config["grid"])
    return {
        "curve": _curve(config["curve"]),
        "simulated": _curve_simulated({**config["curve"], "seed": config["seed"]}),
        "intervals": _intervals(config["dims"]),
        "gamma": gamma,
        "bias": bias,
        "step": first_step(gamma[None, :], bias[:, None]),
        "threshold": collapse.step_one_two_threshold(),
        "two": _two_samples(config["two"]),
        "config": dict(config),
    }
