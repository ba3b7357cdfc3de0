"""Sections 6 to 8: the fresh data loop, Figures 10, 11, 12 and 31 of the paper."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory import spectrum
from madtheory.loop import Loop, fresh_data
from madtheory.simulate import simulate
from madtheory.theory import distance, moments, worth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from madtheory.results import Estimate

__all__ = [
    "compute_forgetting",
    "compute_fractions",
    "compute_phase",
    "first_and_late",
    "inverse_baseline",
]


def _scalar(value: Any) -> float:
    return float(np.asarray(value))


def _log_grid(limits: Sequence[float], count: int) -> list[int]:
    """At most `count` whole numbers, evenly spread in the logarithm."""
    return [int(n) for n in np.unique(np.geomspace(limits[0], limits[1], count).astype(int))]


def _path(loop: Loop, config: Mapping[str, Any]) -> dict[str, Any]:
    """Theory and simulation of E W2^2 over the generations."""
    ones = np.ones(config["dim"])
    theory = distance.w2_squared(loop, ones, generations=config["generations"])
    paths = simulate(
        loop,
        ones,
        generations=config["generations"],
        replicates=config["replicates"],
        seed=config["seed"],
        record=("w2_squared",),
    )
    return {
        "n_initial": loop.n_initial,
        "bias": loop.bias,
        "theory": theory.value,
        "rel_error": theory.rel_error,
        "mean": paths.mean["w2_squared"],
        "se": paths.se["w2_squared"],
    }


def _limit(loop: Loop, dim: int) -> dict[str, Any]:
    limit = distance.w2_squared_limit(loop, np.ones(dim))
    forgetting = moments.forgetting_rate(loop)
    return {
        "bias": loop.bias,
        "value": _scalar(limit.value),
        "rel_error": _scalar(limit.rel_error),
        "n_eff": _scalar(worth.effective_sample_size(_scalar(limit.value), np.ones(dim))),
        "forgetting_rate": forgetting,
        "half_life": float(np.log(0.5) / np.log(forgetting)),
        "second_radius": moments.second_moment_radius(loop, dim),
    }


def _last(paths: list[dict[str, Any]], bias: float) -> list[dict[str, Any]]:
    """The last simulated value of each n_initial."""
    return [
        {"n_initial": p["n_initial"], "value": p["mean"][-1], "se": p["se"][-1]}
        for p in paths
        if p["bias"] == bias
    ]


def _spread(last: list[dict[str, Any]]) -> float:
    """Largest difference between two starts, in its own standard errors."""
    return max(
        float(abs(a["value"] - b["value"]) / np.hypot(a["se"], b["se"])) for a in last for b in last
    )


def compute_forgetting(config: Mapping[str, Any]) -> dict[str, Any]:
    """Figure 10: several starts, one limit."""
    loops = [
        fresh_data(config["n_real"], config["n_synth"], bias=b, n_initial=n)
        for b in config["biases"]
        for n in config["n_initial"]
    ]
    # A seed of its own for every curve: shared draws would make the curves agree by themselves.
    paths = [_path(loop, {**config, "seed": config["seed"] + i}) for i, loop in enumerate(loops)]
    last = [_last(paths, b) for b in config["biases"]]
    return {
        "generations": np.arange(1, config["generations"] + 1),
        "paths": paths,
        "limits": [_limit(loops[i * len(config["n_initial"])], config["dim"])
                   for i in range(len(config["biases"]))],
        "last": last,
        "spread": [_spread(item) for item in last],
        "config": dict(config),
    }  # fmt: skip


@cache
def inverse_baseline(
    dim: int, largest: float, count: int
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """n_e as a function of E W2^2: the baseline at `count` sizes, log-linear between."""
    sizes = np.array(_log_grid([2, largest], count))
    values = np.array([_scalar(spectrum.baseline(int(n), np.ones(dim)).value) for n in sizes])
    x, y = np.log(values[::-1]), np.log(sizes[::-1])
    return lambda w2: np.exp(np.interp(np.log(w2), x, y))


def _gains(
    n_real: Sequence[int], n_synth: Sequence[int], bias: float, dim: int
) -> NDArray[np.float64]:
    """n_e / n_r over the grid, shape (len(n_synth), len(n_real))."""
    ones = np.ones(dim)
    w2 = [
        [
            _scalar(distance.w2_squared_limit(fresh_data(r, s, bias=bias), ones).value)
            for r in n_real
        ]
        for s in n_synth
    ]
    ratio: NDArray[np.float64] = inverse_baseline(dim, 10**8, 200)(np.array(w2)) / np.array(n_real)
    return ratio


def first_and_late(
    loop: Loop, values: NDArray[np.float64], config: Mapping[str, Any]
) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """Simulated E W2^2 of generation 1 and of a late one: (late t, means (2,), errors (2,)).

    Late: all but a thousandth of the start is forgotten, or config["longest"] generations.
    """
    rate = moments.forgetting_rate(loop)
    horizon = int(np.clip(np.log(1e-3) / np.log(rate), 10, config["longest"]))
    paths = simulate(
        loop,
        values,
        generations=horizon,
        replicates=config["replicates"],
        seed=config["seed"],
        record=("w2_squared",),
        at=(1, horizon),
    )
    return horizon, paths.mean["w2_squared"], paths.se["w2_squared"]


def _point(n_real: int, n_synth: int, bias: float, config: Mapping[str, Any]) -> dict[str, Any]:
    """Simulated limit against the simulated baseline: generation 1 saw n_real real samples."""
    loop = fresh_data(n_real, n_synth, bias=bias)
    horizon, mean, se = first_and_late(loop, np.ones(config["dim"]), config)
    difference, error = mean[0] - mean[1], float(np.hypot(se[0], se[1]))
    return {
        "n_real": n_real,
        "n_synth": n_synth,
        "bias": bias,
        "z": difference / error,
        "baseline": [mean[0], se[0]],
        "limit": [mean[1], se[1]],
        "theory": _scalar(distance.w2_squared_limit(loop, np.ones(config["dim"])).value),
        "horizon": horizon,
    }


def _edge(n_real: Sequence[int], bias: float, dim: int) -> list[float]:
    return [worth.admissible_n_synth(fresh_data(r, 1, bias=bias), dim) for r in n_real]


def compute_phase(config: Mapping[str, Any]) -> dict[str, Any]:
    """Figures 11 and 12: gains, edges of the admissible region, limit line, simulated points."""
    dim, seed = config["dim"], config["seed"]
    n_real = _log_grid(config["n_real_range"], config["grid"])
    n_synth = _log_grid(config["n_synth_range"], config["grid"])
    biases = np.linspace(config["bias_range"][0], config["bias_range"][1], config["grid"])
    points = [
        _point(r, s, b, {**config, "seed": seed + i})
        for i, (r, s, b) in enumerate(config["points"])
    ]
    return {
        "n_real": n_real,
        "n_synth": n_synth,
        "maps": [
            {
                "bias": b,
                "gain": _gains(n_real, n_synth, b, dim),
                "edge": _edge(n_real, b, dim),
                "limit": worth.admissible_n_synth_limit(b, dim),
            }
            for b in config["biases"]
        ],
        "bias_grid": biases,
        "columns": [
            {
                "n_real": r,
                "gain": np.hstack([_gains([r], n_synth, float(b), dim) for b in biases]),
                "edge": [
                    worth.admissible_n_synth(fresh_data(r, 1, bias=float(b)), dim) for b in biases
                ],
            }
            for r in config["n_real_columns"]
        ],
        "limit_nine": worth.admissible_n_synth_limit(0.9, dim),
        "limit_line": [worth.admissible_n_synth_limit(float(b), dim) for b in biases],
        "points": points,
        "config": dict(config),
    }


def _fraction_curve(p: float, bias: float, config: Mapping[str, Any]) -> dict[str, Any]:
    """E W2^2 at the limit against n for one fraction of real data and one bias."""
    sizes = _log_grid(config["sizes"], config["grid"])
    return {
        "p": p,
        "bias": bias,
        "n": sizes,
        "theory": [_scalar(_fraction_limit(n, p, bias, config["dim"]).value) for n in sizes],
        "floor": worth.fraction_floor(p, bias, config["dim"]) if bias < 1 else 0.0,
        "simulated": [_fraction_point(n, p, bias, config) for n in config["simulated"]],
    }


def _fraction_limit(n: int, p: float, bias: float, dim: int) -> Estimate:
    """Limit of E W2^2; p = 1 is one fit to n real samples."""
    ones = np.ones(dim)
    if p == 1:
        return spectrum.baseline(n, ones)
    return distance.w2_squared_limit(worth.fresh_fraction(n, p, bias=bias), ones)


def _fraction_horizon(n: int, p: float, bias: float, longest: int) -> tuple[Loop, int]:
    """Loop and the generation after which it has forgotten its start to 0.1 %."""
    if p == 1:
        return fresh_data(n, 1, n_initial=n), 1
    loop = worth.fresh_fraction(n, p, bias=bias)
    rate = max(moments.forgetting_rate(loop), 1e-9)
    return loop, int(np.clip(np.log(1e-3) / np.log(rate), 2, longest))


def _fraction_point(n: int, p: float, bias: float, config: Mapping[str, Any]) -> dict[str, Any]:
    loop, horizon = _fraction_horizon(n, p, bias, config["longest"])
    paths = simulate(
        loop,
        np.ones(config["dim"]),
        generations=horizon,
        replicates=config["replicates"],
        seed=config["seed"] + n,
        record=("w2_squared",),
        at=(horizon,),
    )
    theory = _fraction_limit(n, p, bias, config["dim"])
    return {
        "p": p,
        "bias": bias,
        "n": n,
        "horizon": horizon,
        "simulation": [paths.mean["w2_squared"][-1], paths.se["w2_squared"][-1]],
        "mean": paths.mean["w2_squared"][-1],
        "se": paths.se["w2_squared"][-1],
        "theory": _scalar(theory.value),
        "rel_error": _scalar(theory.rel_error),
    }


def compute_fractions(config: Mapping[str, Any]) -> dict[str, Any]:
    """Figure 31: distance against data set size, by fraction and by bias."""
    return {
        "fractions": [_fraction_curve(p, 1.0, config) for p in config["fractions"]],
        "biases": [_fraction_curve(config["p"], b, config) for b in config["biases"]],
        "config": dict(config),
    }
