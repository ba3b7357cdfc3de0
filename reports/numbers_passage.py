"""Section 4: the generation at which the variance has fallen below eps (theory.md 1.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binom

from madtheory.loop import Loop, fully_synthetic
from madtheory.simulate import simulate
from madtheory.theory import collapse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["compute", "first_below", "quantile_interval"]


def first_below(logs: NDArray[np.float64], threshold: float) -> NDArray[np.int64]:
    """First generation whose log is below `threshold`; T + 1 where none is; logs (R, T)."""
    below = logs < threshold
    times: NDArray[np.int64] = np.where(
        below.any(axis=1), below.argmax(axis=1) + 1, logs.shape[1] + 1
    )
    return times


def quantile_interval(times: NDArray[np.int64], q: float) -> tuple[int, int, int]:
    """Sample quantile with its distribution-free 95 % interval (order statistics)."""
    ordered = np.sort(times)
    count = ordered.size
    low, mid, high = (
        int(np.clip(binom.ppf(p, count, q), 0, count - 1)) for p in (0.025, 0.5, 0.975)
    )
    return int(ordered[mid]), int(ordered[low]), int(ordered[high])


def _times(loop: Loop, dim: int, generations: int, config: Mapping[str, Any]) -> NDArray[np.int64]:
    paths = simulate(
        loop,
        np.ones(dim),
        generations=generations,
        replicates=config["replicates"] if dim == 1 else config["replicates_high"],
        seed=config["seed"],
        record=("log_trace",),
        keep_paths=True,
    )
    assert paths.paths is not None
    return first_below(paths.paths["log_trace"], float(np.log(dim * config["eps"])))


def _distribution(n_synth: int, bias: float, config: Mapping[str, Any]) -> dict[str, Any]:
    """Exact and simulated distribution function of the passage time, d = 1."""
    loop = fully_synthetic(n_synth, bias=bias)
    horizon = config["horizon"]
    times = _times(loop, 1, horizon, config)
    cdf = np.asarray(collapse.first_passage_cdf(config["eps"], loop, generations=horizon))
    counts = np.bincount(times, minlength=horizon + 2)[1 : horizon + 1]
    simulated = np.cumsum(counts) / times.size
    return {
        "n_synth": n_synth,
        "bias": bias,
        "cdf": cdf,
        "simulated": simulated,
        "largest_gap": float(np.max(np.abs(simulated - cdf))),
    }


def _band(half: float) -> float:
    """Half-width of the 95 % Dvoretzky-Kiefer-Wolfowitz band for `half` observations."""
    return float(np.sqrt(np.log(2 / 0.05) / (2 * half)))


def _medians(dim: int, bias: float, config: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for n_synth in config["grid"]:
        loop = fully_synthetic(n_synth, bias=bias)
        lower, upper = collapse.collapse_time_quantiles(loop, dim, eps=config["eps"], q=0.5)
        # A path that outlives twice the bound of the median is above the median anyway.
        times = _times(loop, dim, 2 * int(upper), config)
        median, low, high = quantile_interval(times, 0.5)
        rows.append(
            {
                "dim": dim,
                "bias": bias,
                "n_synth": n_synth,
                "lower": float(lower),
                "upper": float(upper),
                "simulated": median,
                "low": low,
                "high": high,
            }
        )
    return rows


def compute(config: Mapping[str, Any]) -> dict[str, Any]:
    """Distribution at d = 1 and medians with bounds over n_synth, d and lambda."""
    return {
        "generations": np.arange(1, config["horizon"] + 1),
        "distributions": [_distribution(n, b, config) for n, b in config["cases"]],
        "band": _band(config["replicates"]),
        "medians": [
            row
            for dim in config["dims"]
            for b in config["biases"]
            for row in _medians(dim, b, config)
        ],
        "config": dict(config),
    }
