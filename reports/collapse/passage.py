"""Section 4: the generation at which the variance has fallen below eps (theory.md 1.9)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from madtheory.loop import Loop, fully_synthetic
from madtheory.reports._types import Array, Numbers
from madtheory.reports.simulated import paths
from madtheory.theory import collapse


def first_below(logs: Array, threshold: float) -> NDArray[np.int64]:
    """First generation whose log is below `threshold`; T + 1 where none is; logs (R, T)."""
    below = logs < threshold
    return np.asarray(np.where(below.any(axis=1), below.argmax(axis=1) + 1, logs.shape[1] + 1))


def quantile_interval(times: NDArray[np.int64], q: float) -> tuple[int, int, int]:
    """Sample quantile with its distribution-free 95 % interval (order statistics)."""
    ordered = np.sort(times)
    count = ordered.size
    low, mid, high = (
        int(np.clip(binom.ppf(p, count, q), 0, count - 1)) for p in (0.025, 0.5, 0.975)
    )
    return int(ordered[mid]), int(ordered[low]), int(ordered[high])


def _times(loop: Loop, dim: int, generations: int, config: Numbers) -> NDArray[np.int64]:
    replicates = config["replicates"] if dim == 1 else config["replicates_high"]
    sizes = {**config, "generations": generations, "replicates": replicates}
    logs = paths(loop, np.ones(dim), sizes, "log_trace")["log_trace"]
    return first_below(logs, float(np.log(dim * config["eps"])))


def _distribution(n_synth: int, bias: float, config: Numbers) -> Numbers:
    """Exact and simulated distribution function of the passage time, d = 1."""
    loop = fully_synthetic(n_synth, bias=bias)
    horizon = config["horizon"]
    times = _times(loop, 1, horizon, config)
    cdf = collapse.first_passage_cdf(config["eps"], loop, generations=horizon)
    counts = np.bincount(times, minlength=horizon + 2)[1 : horizon + 1]
    simulated = np.cumsum(counts) / times.size
    return {
        "n_synth": n_synth,
        "bias": bias,
        "cdf": cdf,
        "simulated": simulated,
        "largest_gap": float(np.max(np.abs(simulated - cdf))),
    }


def _medians(dim: int, bias: float, config: Numbers) -> list[Numbers]:
    rows = []
    for n_synth in config["grid"]:
        loop = fully_synthetic(n_synth, bias=bias)
        law = collapse.collapse_time(loop, dim, eps=config["eps"], q=0.5)
        # A path that outlives twice the bound of the median is above the median anyway.
        times = _times(loop, dim, 2 * int(law.upper), config)
        median, low, high = quantile_interval(times, 0.5)
        rows.append(
            {"dim": dim, "bias": bias, "n_synth": n_synth, "lower": float(law.lower),
             "upper": float(law.upper), "law": float(law.value), "simulated": median,
             "error": float(law.rel_error), "low": low, "high": high}
        )  # fmt: skip
    return rows


def compute(config: Numbers) -> Numbers:
    """Distribution at d = 1; medians, their law and bounds over n_synth, d and lambda."""
    return {
        "generations": np.arange(1, config["horizon"] + 1),
        "distributions": [_distribution(n, b, config) for n, b in config["cases"]],
        # Half-width of the 95 % band of Dvoretzky, Kiefer and Wolfowitz.
        "band": float(np.sqrt(np.log(2 / 0.05) / (2 * config["replicates"]))),
        "medians": [
            row for d in config["dims"] for b in config["biases"] for row in _medians(d, b, config)
        ],
        "config": dict(config),
    }
