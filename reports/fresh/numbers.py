"""Sections 6 to 8: the fresh data loop, Figures 10, 11, 12 and 31 of the paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from madtheory import plan, spectrum
from madtheory.loop import Loop, fresh_data
from madtheory.reports import limits
from madtheory.reports._types import Array, Numbers
from madtheory.reports.simulated import run
from madtheory.results import Estimate
from madtheory.theory import distance, moments, worth


def _limit(loop: Loop, dim: int) -> Numbers:
    limit = distance.w2_squared_limit(loop, np.ones(dim))
    forgetting = moments.forgetting_rate(loop)
    return {
        "bias": loop.bias,
        "value": float(limit.value),
        "rel_error": float(limit.rel_error),
        "n_eff": worth.effective_sample_size(float(limit.value), np.ones(dim)),
        "forgetting_rate": forgetting,
        "half_life": float(np.log(0.5) / np.log(forgetting)),
        "second_radius": moments.second_moment_radius(loop, dim),
    }


def _last(paths: list[Numbers], bias: float) -> list[Numbers]:
    """The last simulated value of each n_initial."""
    return [
        {"n_initial": p["n_initial"], "value": p["mean"][-1], "se": p["se"][-1]}
        for p in paths
        if p["bias"] == bias
    ]


def _spread(last: list[Numbers]) -> float:
    """Largest difference between two starts, in its own standard errors."""
    return max(
        float(abs(a["value"] - b["value"]) / np.hypot(a["se"], b["se"])) for a in last for b in last
    )


def compute_forgetting(config: Numbers) -> Numbers:
    """Figure 10: several starts, one limit."""
    loops = [
        fresh_data(config["n_real"], config["n_synth"], bias=b, n_initial=n)
        for b in config["biases"]
        for n in config["n_initial"]
    ]
    # A seed of its own for every curve: shared draws would make the curves agree by themselves.
    ones, seed = np.ones(config["dim"]), config["seed"]
    paths = [
        {"n_initial": loop.n_initial, **limits.compared(loop, ones, {**config, "seed": seed + i})}
        for i, loop in enumerate(loops)
    ]
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


def _gains(n_real: Sequence[int], n_synth: Sequence[int], bias: float, dim: int) -> Array:
    """n_e / n_r over the grid, shape (len(n_synth), len(n_real))."""
    ones = np.ones(dim)
    limit = distance.w2_squared_limit
    w2 = [[float(limit(fresh_data(r, s, bias=bias), ones).value) for r in n_real] for s in n_synth]
    ratio: Array = limits.inverse_baseline(dim, 10**8, 200)(np.array(w2)) / np.array(n_real)
    return ratio


def _point(n_real: int, n_synth: int, bias: float, config: Numbers) -> Numbers:
    """Simulated limit against the simulated baseline: generation 1 saw n_real real samples."""
    loop = fresh_data(n_real, n_synth, bias=bias)
    late, mean, se = limits.first_and_late(loop, np.ones(config["dim"]), config)
    difference, error = mean[0] - mean[1], float(np.hypot(se[0], se[1]))
    return {
        "n_real": n_real,
        "n_synth": n_synth,
        "bias": bias,
        "z": difference / error,
        "baseline": [mean[0], se[0]],
        "limit": [mean[1], se[1]],
        "theory": float(distance.w2_squared_limit(loop, np.ones(config["dim"])).value),
        "horizon": late,
    }


def _edge(n_real: int, bias: float, dim: int) -> float:
    return worth.admissible_n_synth(fresh_data(n_real, 1, bias=bias), dim)


def compute_phase(config: Numbers) -> Numbers:
    """Figures 11 and 12: gains, edges of the admissible region, limit line, simulated points."""
    dim, seed = config["dim"], config["seed"]
    n_real = limits.log_grid(config["n_real_range"], config["grid"])
    n_synth = limits.log_grid(config["n_synth_range"], config["grid"])
    low, high = config["bias_range"]
    biases = [float(b) for b in np.linspace(low, high, config["grid"])]
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
                "edge": [_edge(r, b, dim) for r in n_real],
                "limit": worth.admissible_n_synth_limit(b, dim),
            }
            for b in config["biases"]
        ],
        "bias_grid": biases,
        "columns": [
            {
                "n_real": r,
                "gain": np.hstack([_gains([r], n_synth, b, dim) for b in biases]),
                "edge": [_edge(r, b, dim) for b in biases],
            }
            for r in config["n_real_columns"]
        ],
        "limit_nine": worth.admissible_n_synth_limit(0.9, dim),
        "limit_line": [worth.admissible_n_synth_limit(b, dim) for b in biases],
        "points": points,
        "config": dict(config),
    }


def _approach(dim: int, bias: float, multiples: Sequence[float]) -> Numbers:
    """1 - n_s/n_s* against n_r/n_s*, by root finding, and what it is times n_r/n_s* at the end."""
    found = [plan.approach(bias, dim, k) for k in multiples]
    return {
        "dim": dim,
        "bias": bias,
        "limit": worth.admissible_n_synth_limit(bias, dim),
        "below": [float(e.value) for e in found],
        "scaled": multiples[-1] * float(found[-1].value),
    }


def compute_approach(config: Numbers) -> Numbers:
    """How admissible n_synth approaches its limit as n_real grows."""
    pairs = [(d, b) for b in config["biases"] for d in config["dims"]]
    low, high = config["multiples"]
    multiples = [float(k) for k in np.geomspace(low, high, config["grid"])]
    curves = [_approach(d, b, multiples) for d, b in pairs]
    scaled = [curve["scaled"] for curve in curves]
    return {
        "multiples": multiples,
        "curves": curves,
        "least": min(scaled),
        "most": max(scaled),
        "config": dict(config),
    }


def _fraction_curve(p: float, bias: float, config: Numbers) -> Numbers:
    """E W2^2 at the limit against n for one fraction of real data and one bias."""
    sizes = limits.log_grid(config["sizes"], config["grid"])
    return {
        "p": p,
        "bias": bias,
        "n": sizes,
        "theory": [float(_fraction_limit(n, p, bias, config["dim"]).value) for n in sizes],
        "floor": worth.fraction_floor(p, bias, config["dim"]) if bias < 1 else 0.0,
        "simulated": [_fraction_point(n, p, bias, config) for n in config["simulated"]],
    }


def _fraction_limit(n: int, p: float, bias: float, dim: int) -> Estimate:
    """Limit of E W2^2; p = 1 is one fit to n real samples."""
    ones = np.ones(dim)
    if p == 1:
        return spectrum.baseline(n, ones)
    return distance.w2_squared_limit(worth.fresh_fraction(n, p, bias=bias), ones)


def _fraction_point(n: int, p: float, bias: float, config: Numbers) -> Numbers:
    """Simulated limit; p = 1 is generation 1 of a loop begun with n real samples."""
    alone = p == 1
    loop = fresh_data(n, 1, n_initial=n) if alone else worth.fresh_fraction(n, p, bias=bias)
    late = 1 if alone else limits.horizon(loop, 2, config["longest"])
    sizes = {**config, "generations": late, "seed": config["seed"] + n}
    runs = run(loop, np.ones(config["dim"]), sizes, "w2_squared", at=(late,))
    theory = _fraction_limit(n, p, bias, config["dim"])
    mean, se = runs.mean["w2_squared"][-1], runs.se["w2_squared"][-1]
    return {
        "p": p,
        "bias": bias,
        "n": n,
        "horizon": late,
        "simulation": [mean, se],
        "mean": mean,
        "se": se,
        "theory": float(theory.value),
        "rel_error": float(theory.rel_error),
    }


def compute_fractions(config: Numbers) -> Numbers:
    """Figure 31: distance against data set size, by fraction and by bias."""
    return {
        "fractions": [_fraction_curve(p, 1.0, config) for p in config["fractions"]],
        "biases": [_fraction_curve(config["p"], b, config) for b in config["biases"]],
        "config": dict(config),
    }
