"""Sections 9 to 11 and 17: memory, augmentation, growing pools and weights (Figures 8, 9, 30)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from madtheory import spectrum
from madtheory.loop import Loop, UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.loop import synthetic_augmentation as augmentation
from madtheory.reports._types import Array, Numbers
from madtheory.reports.fresh.digits import digits_eigenvalues
from madtheory.reports.limits import compared, first_and_late
from madtheory.reports.simulated import run
from madtheory.theory import collapse, distance, moments, worth


def _late(loop: Loop, values: Array, config: Numbers) -> list[float]:
    """Simulated E W2^2 of a late generation: (mean, standard error)."""
    _, mean, se = first_and_late(loop, values, config)
    return [float(mean[1]), float(se[1])]


def _gain(w2: float, n_real: int, values: Array) -> float:
    return worth.effective_sample_size(w2, values) / n_real


def _gain_point(loop: Loop, values: Array, config: Numbers) -> Numbers:
    """Simulated n_e/n_r with its 95 % interval."""
    mean, se = _late(loop, values, config)
    low, middle, high = (_gain(mean + x * 1.96 * se, loop.n_real, values) for x in (1.0, 0.0, -1.0))
    return {"gain": middle, "low": low, "high": high}


def _limit_gain(loop: Loop, values: Array) -> list[float]:
    """n_e/n_r of the limit, and what the declared error leaves: (low, value, high)."""
    limit = distance.w2_squared_limit(loop, values)
    value, error = float(limit.value), float(limit.rel_error)
    return [_gain(value * (1 + x * error), loop.n_real, values) for x in (1.0, 0.0, -1.0)]


# ---------------------------------------------------------------------------------------- memory
def compute_memory(config: Numbers) -> Numbers:
    """Figure 30: what a memory of K models is worth."""
    n_r, n_s, ones = config["n_real"], config["n_synth"], np.ones(config["dim"])
    curves = []
    for bias in config["biases"]:
        loops = [fresh_data(n_r, n_s, bias=bias, memory=K) for K in config["memories"]]
        every = moments.memory_limit_all(n_r, n_s, bias=bias)
        mean_part = [
            1 / (n_r * moments.memory_limit(n_r, n_s, memory=K, bias=bias).mean_sq)
            for K in config["memories"]
        ]
        near = {K: _near(fresh_data(n_r, n_s, bias=bias, memory=K)) for K in config["simulated"]}
        points = [{"memory": K, **_gain_point(x, ones, config)} for K, x in near.items()]
        curves.append(
            {
                "bias": bias,
                "mean_part": mean_part,
                "mean_part_all": 1 / (n_r * every.mean_sq),
                "gain": [_limit_gain(loop, ones) for loop in loops],
                "points": points,
            }
        )
    return {"memories": config["memories"], "curves": curves, "config": dict(config)}


def _near(loop: Loop) -> Loop:
    """The loop begun with as many real samples as it has samples: close to its limit."""
    return replace(loop, n_initial=loop.n_train)


# ---------------------------------------------------------------------------------- augmentation
def _shrinkage(config: Numbers) -> Numbers:
    """Fixed real set in as many dimensions as samples, collapsed synthetic data (3.1)."""
    n, values = config["square"], np.ones(config["square"])

    def loop(n_synth: int) -> Loop:
        return augmentation(n, n_synth, bias=0.0)

    limits = [distance.w2_squared_limit(loop(k), values) for k in config["amounts"]]
    points = [
        {"n_synth": k, "value": _late(loop(k), values, {**config, "longest": 3})}
        for k in config["amounts_simulated"]
    ]
    base = spectrum.baseline(n, values)
    value = [float(e.value) for e in limits]
    return {
        "n_synth": config["amounts"],
        "value": value,
        "rel_error": [float(e.rel_error) for e in limits],
        "points": points,
        "baseline": float(base.value),
        "least": min(p["value"][0] for p in points),
    }


def compute_augmentation(config: Numbers) -> Numbers:
    """A fixed real set that gains: where it has as many dimensions as samples (3.1)."""
    return {"shrinkage": _shrinkage(config), "config": dict(config)}


# ------------------------------------------------------------------------------- the three loops
def _three(n_r: int, n_s: int, bias: float) -> dict[str, Loop]:
    return {
        "fully synthetic": fully_synthetic(n_s, bias=bias),
        "fixed, replaced": augmentation(n_r, n_s, bias=bias),
        "fixed, growing pool": augmentation(n_r, n_s, bias=bias, pool="accumulate"),
        "fresh": fresh_data(n_r, n_s, bias=bias),
    }


def _verdict(bias: float, config: Numbers) -> Numbers:
    """What the theory says of the three loops at one bias."""
    n_r, ones = config["n_real"], np.ones(config["dim"])
    loops = _three(n_r, config["n_synth"], bias)
    synthetic, pool = loops["fully synthetic"], loops["fixed, growing pool"]
    grows = bias == 1
    return {
        "bias": bias,
        "half_life": collapse.half_life(synthetic),
        "dead_limit": None if grows else float(collapse.w2_squared_limit(synthetic, ones)),
        "fixed": _limit_gain(loops["fixed, replaced"], ones)[1],
        "fresh": _limit_gain(loops["fresh"], ones)[1],
        "exponent": 1 - bias,
        "pool_mean": 1 / (n_r * moments.growing_pool_limit(pool).mean_sq) if grows else None,
    }


def compute_three(config: Numbers) -> Numbers:
    """The paper's Figure 3, and its Figures 8 and 9 in the Gaussian world."""
    n_r, n_s, ones = config["n_real"], config["n_synth"], np.ones(config["dim"])
    curves = [
        {"loop": name, **compared(loop, ones, config)}
        for bias in config["biases"]
        for name, loop in _three(n_r, n_s, bias).items()
    ]
    return {
        "generations": np.arange(1, config["generations"] + 1),
        "curves": curves,
        "baseline": float(spectrum.baseline(n_r, ones).value),
        "verdicts": [_verdict(bias, config) for bias in config["biases"]],
        "gain_leading": moments.augmentation_gain_leading(n_r, n_s),
        "config": dict(config),
    }


# ---------------------------------------------------------------------------------- growing pool
def _pool_paths(loop: Loop, config: Numbers, replicates: int) -> Numbers:
    """Exact first moments over a long run, simulated at a few early generations."""
    last = config["budget_to" if loop.budget else "simulated_to"]
    at = [t for t in config["at"] if t <= last]
    sizes = {**config, "generations": at[-1], "replicates": replicates}
    names = ("mean_sq", "trace")
    runs = run(loop, np.ones(config["dim"]), sizes, *names, at=at)
    exact = moments.first_moments(loop, config["horizon"])
    grid = np.unique(np.geomspace(1, config["horizon"], 60).astype(int))
    return {
        "t": grid,
        "at": at,
        **{name: [x[name] / config["dim"] for x in (runs.mean, runs.se)] for name in names},
        "exact": {"mean_sq": exact.mean_sq[grid - 1], "trace": exact.trace[grid - 1]},
    }


def compute_pool(config: Numbers) -> Numbers:
    """Accumulation: power laws instead of exponentials, and pi^2/6 (theory.md 3.2, 3.3)."""
    n, reps = config["n"], config["replicates"]
    biased = [
        {"bias": b, **_pool_paths(augmentation(n, n, bias=b, pool="accumulate"), config, reps)}
        for b in config["biases"]
    ]
    kinds = {
        "replaced": (augmentation(n, n), reps),
        f"newest {config['cap']} generations": (
            augmentation(n, n, pool="accumulate", pool_cap=config["cap"]), reps),
        f"subsample of {2 * n}": (
            augmentation(n, n, pool="accumulate", budget=2 * n), config["replicates_budget"]),
        "everything kept": (augmentation(n, n, pool="accumulate"), reps),
    }  # fmt: skip
    means = [{"pool": name, **_pool_paths(loop, config, r)} for name, (loop, r) in kinds.items()]
    limit = moments.growing_pool_limit(augmentation(n, n, pool="accumulate"))
    return {
        "biased": biased,
        "means": means,
        "mean_limit": n * limit.mean_sq,
        "leading_limit": math.pi**2 / 6,
        "config": dict(config),
    }


# --------------------------------------------------------------------------------------- weights
def compute_weights(config: Numbers) -> Numbers:
    """Weights on the real data: the golden ratio, and what bias makes of it (theory.md 2.9)."""
    n_r, n_s, ones = config["n_real"], config["n_synth"], np.ones(config["dim"])
    curves = []
    for bias in config["biases"]:
        loop = fresh_data(n_r, n_s, bias=bias)
        best = worth.best_weight(loop, ones)
        weights = np.linspace(0.04, 1, config["grid"])
        curves.append(
            {
                "bias": bias,
                "weight": weights,
                "gain": [_limit_gain(replace(loop, weight=float(w)), ones) for w in weights],
                "pooled": _limit_gain(loop, ones)[1],
                "best": best.weight,
                "best_gain": _limit_gain(replace(loop, weight=best.weight), ones)[1],
                "points": [
                    {"weight": w, **_gain_point(_near(replace(loop, weight=w)), ones, config)}
                    for w in config["simulated"]
                ],
            }
        )
    ratio = np.geomspace(0.1, 1000, 60)
    golden = [moments.golden_weight(10**6, round(10**6 * r)) for r in ratio]
    return {
        "curves": curves,
        "golden": moments.golden_weight(n_r, n_s),
        "ratio": ratio,
        "gain_weighted": 1 / np.array(golden),
        "gain_pooled": 1 + ratio / (1 + ratio),
        "gain_fixed": (1 + 2 * ratio) / (1 + 3 * ratio),
        "config": dict(config),
    }


# ---------------------------------------------------------------------------------- real features
def _row(name: str, loop: Loop, values: Array, config: Numbers) -> Numbers:
    """One loop on real features at its last generation: theory against simulation."""
    T = config["generations"]
    runs = run(loop, values, config, "trace", "w2_squared", at=(T,))
    theory = distance.w2_squared(loop, values, generations=T)
    value, error = float(theory.value[-1]), float(theory.rel_error[-1])
    mean, se = (float(x["w2_squared"][0]) for x in (runs.mean, runs.se))
    trace = float(moments.first_moments(loop, T).trace[-1])
    simulated, error_trace = (float(x["trace"][0] / values.sum()) for x in (runs.mean, runs.se))
    try:
        gain = _limit_gain(loop, values)[1]
    except UnsupportedLoop:
        gain = None
    excess = max(abs(mean - value) - value * error, 0.0) / se
    return {
        "loop": name,
        "bias": loop.bias,
        "t": T,
        "trace": trace,
        "trace_simulated": [simulated, error_trace],
        "theory": value,
        "declared": value * error,
        "simulation": [mean, se],
        "z": math.copysign(excess, mean - value),
        "z_trace": (simulated - trace) / error_trace,
        "gain": gain,
    }


def compute_digits_loops(config: Numbers) -> Numbers:
    """Memory, augmentation, growing pool and weights at the digits' covariance."""
    values, _, rank = digits_eigenvalues()
    n_r, n_s = config["n_real"], config["n_synth"]
    rows = []
    for bias in config["biases"]:
        loops = {
            "fixed, replaced": augmentation(n_r, n_s, bias=bias),
            "fixed, growing pool": augmentation(n_r, n_s, bias=bias, pool="accumulate"),
            "fresh, memory 5": fresh_data(n_r, n_s, bias=bias, memory=5),
            "fresh, weight .5": fresh_data(n_r, n_s, bias=bias, weight=0.5),
            "half fixed, half fresh": Loop(
                n_initial=n_r, n_fixed=n_r // 2, n_fresh=n_r - n_r // 2, n_synth=n_s, bias=bias
            ),
        }
        rows += [_row(name, loop, values, config) for name, loop in loops.items()]
    return {
        "rows": rows,
        "rank": rank,
        "largest_z": max(max(abs(r["z"]), abs(r["z_trace"])) for r in rows),
        "config": dict(config),
    }
