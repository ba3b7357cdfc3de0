"""Grids of the explorer, and how far the page is off between their nodes."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from madtheory import spectrum
from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.reports._types import Array, Numbers
from madtheory.reports.explorer import grids
from madtheory.theory import collapse, distance, worth

#: The page states so many times the worst error found between nodes.
_CAUTION: Final = 2.0
#: Generations of the paths that are held against the package's.
_GENERATIONS: Final = 30
#: Largest n_real between nodes, per dimension.
_MOST: Final = 1e4


def _held_out(dim: int, rng: np.random.Generator, count: int) -> list[Loop]:
    """Fresh data loops between the nodes."""
    few, loops = grids.fewest(dim), []
    for u, v, w in rng.random((count, 3)):
        n = round(few * (_MOST * dim / few) ** u)
        ratio = math.expm1(v * math.log1p(grids.RATIOS[-1]))
        loops.append(fresh_data(n, max(1, round(n * ratio)), bias=float(1 - w**2)))
    return loops


def _off(found: Array | float, true: Array | float) -> float:
    """Largest relative error."""
    return float(np.max(np.abs(np.asarray(found) / np.asarray(true) - 1)))


def _path_error(limits: Numbers, dim: int, loop: Loop) -> float:
    """Error of E W2^2 along a path beside fresh data."""
    true = distance.w2_squared(loop, np.ones(dim), generations=_GENERATIONS).value
    return _off(grids.interpolated_path(limits, dim, loop, _GENERATIONS), true)


def _chain_error(chain: Array, dim: int, n: int, t: int, bias: float) -> float:
    """Error of E W2^2 without real data."""
    true = collapse.w2_squared(fully_synthetic(n, bias=bias), np.ones(dim), generations=t).value[-1]
    return _off(grids.interpolated_chain(chain, dim, n, t, bias), true)


def _fit_error(fit: list[float], dim: int, n: int) -> float:
    """Error of one fit's E W2^2."""
    return _off(grids.interpolated_fit(fit, dim, n), spectrum.baseline(n, np.ones(dim)).value)


def _admissible_error(limits: Numbers, dim: int, loop: Loop) -> float:
    """Error of the admissible n_synth, in units of itself and of one sample more."""
    n, bias = loop.n_real, min(loop.scalar_bias, 0.99)
    true = worth.admissible_n_synth(fresh_data(n, 1, bias=bias), np.ones(dim))
    if true > grids.RATIOS[-1] * n:
        return 0.0
    return abs(grids.interpolated_admissible(limits, dim, n, bias) - true) / (1 + true)


def _errors(
    made: Numbers, dim: int, rng: np.random.Generator, held: Numbers
) -> dict[str, list[float]]:
    """Errors between the nodes of one dimension."""
    limits, loops = made["limits"], _held_out(dim, rng, held["limit"])
    sizes = [round(2 * 10 ** (5 * u)) for u in rng.random((held["fit"],))]
    times = [round(10 ** (2 * u)) for u in rng.random((held["fit"],))]
    return {
        "limit": [
            _off(grids.interpolated_limit(limits, dim, x), grids.w2_limit(x, dim)) for x in loops
        ],
        "path": [_path_error(limits, dim, x) for x in loops[: held["path"]]],
        "fit": [_fit_error(made["fit"], dim, n) for n in sizes],
        "chain": [
            _chain_error(made["chain"], dim, n, t, 1 - u)
            for n, t, u in zip(sizes, times, rng.random(len(sizes)), strict=True)
        ],
        "admissible": [_admissible_error(limits, dim, x) for x in loops[: held["admissible"]]],
    }


def _of_dimension(dim: int) -> Numbers:
    """The grids of one dimension."""
    return {
        "fit": [grids.fit_excess(dim, n) for n in grids.SIZES],
        "chain": [grids.chain_excess(dim, n) for n in grids.SIZES],
        "limits": grids.limits(dim),
    }


def compute(config: Numbers) -> Numbers:
    """All grids, with the errors between their nodes."""
    rng = np.random.default_rng(config["seed"])
    by_dim = {str(dim): _of_dimension(dim) for dim in config["dims"]}
    found: dict[str, list[float]] = {}
    for dim in config["dims"]:
        for name, errors in _errors(by_dim[str(dim)], dim, rng, config["held_out"]).items():
            found.setdefault(name, []).extend(errors)
    return {
        "config": dict(config),
        "ratios": grids.RATIOS,
        "biases": grids.BIASES,
        "sizes": grids.SIZES,
        "times": grids.TIMES,
        "by_dim": by_dim,
        "errors": {
            name: {"median": float(np.median(x)), "stated": _CAUTION * max(x), "points": len(x)}
            for name, x in found.items()
        },
    }
