"""Sections 9 to 11 and 14: memory, augmentation, growing pools and weights (Figures 8, 9, 30)."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory import effective, recursions
from madtheory.simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from madtheory.loops import Loop

__all__ = ["gain_of", "inverse_baseline", "late_average", "limit_gain", "log_grid", "path_of",
           "scalar", "simulated"]  # fmt: skip


def scalar(value: Any) -> float:
    """A 0-d array as a float."""
    return float(np.asarray(value))


def log_grid(limits: Sequence[float], count: int) -> list[int]:
    """At most `count` whole numbers, evenly spread in the logarithm."""
    return [int(n) for n in np.unique(np.geomspace(limits[0], limits[1], count).astype(int))]


@cache
def inverse_baseline(dim: int) -> Callable[[ArrayLike], NDArray[np.float64]]:
    """n_e as a function of E W2^2, Sigma_0 = I: the baseline at 200 sizes, log-linear between."""
    sizes = np.array(log_grid([2, 10**8], 200))
    values = np.array([scalar(effective.baseline(int(n), np.ones(dim)).value) for n in sizes])
    x, y = np.log(values[::-1]), np.log(sizes[::-1])
    return lambda w2: np.exp(np.interp(np.log(w2), x, y))


def gain_of(w2_squared: ArrayLike, n_real: int, dim: int) -> NDArray[np.float64]:
    """n_e/n_real of a distance (paper, Eq. (4)); 0 where it is infinite."""
    w2 = np.asarray(w2_squared, dtype=np.float64)
    finite = np.isfinite(w2)
    gain = inverse_baseline(dim)(np.where(finite, np.maximum(w2, 1e-300), 1.0)) / n_real
    return np.where(finite, gain, 0.0)


def limit_gain(loop: Loop, dim: int) -> dict[str, float]:
    """E W2^2 at the limit, and n_e/n_real with the interval that its declared error leaves."""
    limit = recursions.w2_squared_limit(loop, np.ones(dim))
    value, error = scalar(limit.value), scalar(limit.rel_error)
    edges = [value * (1 + error), value, value * max(1 - error, 0.0)]
    low, gain, high = gain_of(edges, loop.n_real, dim).tolist()
    return {"w2": value, "rel_error": error, "gain": gain, "low": low, "high": high}


def simulated(
    loop: Loop,
    eigenvalues: ArrayLike,
    *,
    generations: int,
    replicates: int,
    seed: int,
    record: Sequence[str] = ("mean_sq", "trace", "w2_squared"),
    at: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Means and standard errors at the recorded generations."""
    paths = simulate(loop, eigenvalues, generations=generations, replicates=replicates, seed=seed,
                     record=tuple(record), at=at)  # fmt: skip
    return {
        "t": paths.generations,
        **{name: {"mean": paths.mean[name], "se": paths.se[name]} for name in record},
    }


def path_of(loop: Loop, eigenvalues: ArrayLike, generations: int) -> dict[str, Any]:
    """Theory of E W2^2 over the generations, with the declared relative error."""
    path = recursions.w2_squared(loop, eigenvalues, generations=generations)
    return {"value": path.value, "rel_error": path.rel_error}


def late_average(
    loop: Loop, dim: int, *, lives: float, replicates: int, seed: int
) -> dict[str, Any]:
    """E W2^2 of a loop at rest: every path averaged over its last third, with the standard error.

    A path lasts `lives` times the memory 1/(1 - forgetting rate) of the loop's first moments, so
    that e^(-2 lives/3) of the first model is left.
    """
    rate = recursions.forgetting_rate(loop)
    horizon = max(math.ceil(lives / (1 - rate)), 12)
    at = range(2 * horizon // 3, horizon + 1)
    paths = simulate(loop, np.ones(dim), generations=horizon, replicates=replicates, seed=seed,
                     record=("w2_squared",), at=tuple(at), keep_paths=True)  # fmt: skip
    if paths.paths is None:
        raise RuntimeError("keep_paths keeps paths")
    each = paths.paths["w2_squared"].mean(axis=1)
    mean, se = float(each.mean()), float(each.std(ddof=1) / math.sqrt(len(each)))
    gain = float(gain_of(mean, loop.n_real, dim))
    # n_e is nearly proportional to 1/W2^2, so relative errors carry over.
    return {"horizon": horizon, "mean": mean, "se": se, "gain": gain, "gain_se": gain * se / mean}
