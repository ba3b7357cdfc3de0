"""Section on all loops: definitions of collapse, the regime map, and other estimators."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.reports._types import Array, Numbers
from madtheory.reports.limits import first_and_late, inverse_baseline
from madtheory.reports.simulated import run
from madtheory.theory import collapse, moments, verdicts
from madtheory.theory.distance import w2_squared_limit

# --- definitions ----------------------------------------------------------------------------------


def _row(entry: verdicts.Entry) -> Numbers:
    cell = {key: getattr(entry, key) for key in ("loop", "definition", "collapses")}
    return {**cell, **asdict(entry.finding)}


def _loops(config: Numbers) -> dict[str, Loop]:
    """The loops of the table, or those named."""
    loops = verdicts.default_loops(n=config["n"])
    return {name: loops[name] for name in config.get("loops") or loops}


def _deciders(
    loops: Mapping[str, Loop], entries: Sequence[verdicts.Entry], name: str
) -> list[Numbers]:
    """Claims that decide one definition, each with the families for which it does."""
    grouped: dict[str, list[str]] = {}
    for entry in entries:
        claim = entry.finding.claim
        if entry.definition == name and entry.collapses is not None and claim is not None:
            grouped.setdefault(claim, []).append(loops[entry.loop].family)
    return [{"claim": c, "families": list(dict.fromkeys(f))} for c, f in grouped.items()]


def compute_definitions(config: Numbers) -> Numbers:
    """Which loop collapses under which definition, and the claims that decide it."""
    loops = _loops(config)
    entries = verdicts.definitions_table(config["dim"], loops)
    answers = [entry.collapses for entry in entries]
    rows = [_row(entry) for entry in entries]
    per_loop = [[r["collapses"] for r in rows if r["loop"] == name] for name in loops]
    return {
        "rows": rows,
        "loops": list(loops),
        "definitions": [
            {
                **{key: getattr(d, key) for key in ("name", "paper", "question", "collapse_if")},
                "deciders": _deciders(loops, entries, d.name),
            }
            for d in verdicts.DEFINITIONS
        ],
        "count": len(entries),
        "loop_count": len(loops),
        "definition_count": len(verdicts.DEFINITIONS),
        "collapse": sum(a is True for a in answers),
        "no_collapse": sum(a is False for a in answers),
        "undecided": sum(a is None for a in answers),
        "conjectures": sum(
            r["status"] == "conjecture" and r["collapses"] is not None for r in rows
        ),
        # Loops on which the definitions contradict each other: some say yes, some no.
        "disputed": sum(True in row and False in row for row in per_loop),
        "config": dict(config),
    }


# --- regimes --------------------------------------------------------------------------------------


def _mixture(n_real: int, n_synth: int, bias: float) -> Loop:
    """Half of the real samples fixed, half fresh."""
    half = n_real // 2
    loop = synthetic_augmentation(half, n_synth, bias=bias)
    return replace(loop, n_initial=n_real, n_fresh=n_real - half)


def _families(config: Numbers) -> dict[str, Callable[[int, float], list[Loop]]]:
    """The loops of each family at (n_synth, bias); of several, the one with the least risk."""
    n = config["n_real"]

    def weighted(n_synth: int, bias: float) -> list[Loop]:
        return [fresh_data(n, n_synth, bias=bias, weight=w) for w in config["weights"]]

    return {
        "fresh data": lambda s, b: [fresh_data(n, s, bias=b)],
        "augmentation": lambda s, b: [synthetic_augmentation(n, s, bias=b)],
        "half fixed, half fresh": lambda s, b: [_mixture(n, s, b)],
        "fresh, best weight": weighted,
        f"fresh, memory {config['memory']}": lambda s, b: [
            fresh_data(n, s, bias=b, memory=config["memory"])
        ],
    }


def _least(loops: Sequence[Loop], ones: Array) -> tuple[Loop, float, float]:
    """The loop with the least limit of E W2^2, that limit and its declared relative error."""
    limits = [w2_squared_limit(loop, ones) for loop in loops]
    at = int(np.argmin([float(limit.value) for limit in limits]))
    return loops[at], float(limits[at].value), float(limits[at].rel_error)


def _grid(config: Numbers) -> tuple[list[int], list[float]]:
    """n_synth, even in the logarithm, and bias, denser towards 1 where the edge moves fast."""
    low, high = config["ratio_range"]
    n = config["n_real"]
    n_synth = np.unique(np.geomspace(low * n, high * n, config["grid"][0]).round().astype(int))
    distance = np.linspace(1.0, 0.0, config["grid"][1]) ** 2
    bias = 1.0 - (1.0 - config["bias_low"]) * distance
    return [int(k) for k in n_synth], [float(b) for b in bias]


def _simulated(loop: Loop, config: Numbers) -> Numbers:
    """A late generation against generation 1, which saw n_real real samples only."""
    ones = np.ones(config["dim"])
    late, mean, se = first_and_late(loop, ones, config)
    found, limit = verdicts.regime(loop, ones), w2_squared_limit(loop, ones)
    theory, error = float(limit.value), float(limit.rel_error)
    z = float((mean[0] - mean[1]) / np.hypot(se[0], se[1]))
    simulated = "undecided" if abs(z) < 3 else "better than real" if z > 0 else "worse than real"
    return {
        "n_synth": loop.n_synth,
        "bias": loop.bias,
        "weight": loop.weight,
        "horizon": late,
        # What is left of a difference of the start.
        "left": moments.forgetting_rate(loop) ** (late - 1),
        "regime": found.name,
        **{key: getattr(found, key) for key in ("gain", "low", "high")},
        "theory": theory,
        "rel_error": error,
        "baseline": [mean[0], se[0]],
        "limit": [mean[1], se[1]],
        "z": z,
        "simulated": simulated,
        # Standard errors beyond the declared error.
        "beyond": max(abs(mean[1] - theory) - error * theory, 0.0) / se[1],
    }


def _map(choose: Callable[[int, float], list[Loop]], config: Numbers, seed: int) -> Numbers:
    """Gains with their declared interval over the grid, and simulated points."""
    n_synth, bias = _grid(config)
    ones, n = np.ones(config["dim"]), config["n_real"]
    effective_size = inverse_baseline(config["dim"], 1e4 * n, config["sizes"])
    found = [[_least(choose(s, b), ones) for s in n_synth] for b in bias]
    value = np.array([[item[1] for item in row] for row in found])
    error = np.array([[item[2] for item in row] for row in found])
    gain = effective_size(value) / n
    low = effective_size(value * (1 + error)) / n
    high = effective_size(value * np.maximum(1 - error, 1e-9)) / n
    points = [
        _simulated(_least(choose(round(r * n), b), ones)[0], {**config, "seed": seed + i})
        for i, (r, b) in enumerate(config["points"])
    ]
    return {
        "gain": gain,
        "low": low,
        "high": high,
        "weight": [[item[0].weight for item in row] for row in found],
        "share": {
            "better": float(np.mean(low > 1)),
            "worse": float(np.mean(high < 1)),
            "equivalent": float(np.mean((low <= 1) & (high >= 1))),
        },
        "best": float(gain.max()),
        "least": float(gain.min()),
        "points": points,
    }


def compute_regimes(config: Numbers) -> Numbers:
    """What each family is worth at its limit, over (n_synth/n_real, bias)."""
    n_synth, bias = _grid(config)
    seeds = range(config["seed"], config["seed"] + 1000 * len(_families(config)), 1000)
    families = _families(config).items()
    maps = [
        {"name": name, **_map(choose, config, seed)}
        for (name, choose), seed in zip(families, seeds, strict=True)
    ]
    points = [{"family": m["name"], **p} for m in maps for p in m["points"]]
    sure = [p for p in points if p["simulated"] != "undecided"]
    return {
        "ratio": [s / config["n_real"] for s in n_synth],
        "bias": bias,
        "maps": maps,
        "points": points,
        "point_count": len(points),
        "decided": sum(p["regime"] != "equivalent to real" for p in points),
        "sure": len(sure),
        "contradictions": sum(
            p["regime"] not in ("equivalent to real", p["simulated"]) for p in sure
        ),
        "largest_left": max(p["left"] for p in points),
        "largest_beyond": max(p["beyond"] for p in points),
        "config": dict(config),
    }


# --- estimators -----------------------------------------------------------------------------------

_QUANTILES = (0.05, 0.5, 0.95)
_LN10 = math.log(10.0)


def _estimators(config: Numbers) -> dict[str, Loop]:
    n, floor = config["n_synth"], config["floor"]
    return {
        "unbiased": fully_synthetic(n),
        "maximum likelihood": fully_synthetic(n, ddof=0),
        "maximum likelihood, floor": fully_synthetic(n, ddof=0, floor=floor),
    }


def _times(config: Numbers) -> list[int]:
    """Every generation that is drawn: even steps and even logarithmic steps together."""
    last, count = config["generations"], config["shown"]
    even = np.linspace(1, last, count)
    return [int(t) for t in np.unique(np.concatenate([even, np.geomspace(1, last, count)]).round())]


def _trusted(loop: Loop, config: Numbers) -> int:
    """Last generation at which E tr^2 is at most `spread` (E tr)^2, without the floor.

    Beyond it a mean over paths lives on a few of them, and so does its standard error.
    """
    bare = replace(loop, floor=0.0)
    growth = math.log(collapse.second_moment_growth(bare, 1)) - 2 * math.log(bare.step_bias)
    if collapse.second_moment_growth(bare, 1) < 1:
        return int(config["generations"])
    return min(int(math.log(config["spread"]) / growth), int(config["generations"]))


def _scale_theory(loop: Loop, at: NDArray[np.int64]) -> Numbers:
    """Mean of log10 tr Sigma_t without a floor; the stationary quantiles with one."""
    if loop.floor:
        levels = collapse.stationary_quantiles(loop, _QUANTILES)
        return {"log_mean": None, "stationary": np.log10(levels)}
    mean = collapse.directional_log_mean(loop, int(at[-1]))[at - 1] / _LN10
    return {"log_mean": mean, "stationary": None}


def _scale_z(loop: Loop, logs: Array, theory: Numbers) -> float:
    """Largest |z|: of the mean log at every t, or of the last shares below the quantiles."""
    count = logs.shape[0]
    if theory["log_mean"] is not None:
        se = logs.std(axis=0, ddof=1) / math.sqrt(count)
        return float(np.abs((logs.mean(axis=0) - theory["log_mean"]) / se).max())
    q = np.array(_QUANTILES)
    share = (logs[:, -1, None] < theory["stationary"]).mean(axis=0)
    return float(np.abs((share - q) / np.sqrt(q * (1 - q) / count)).max())


def _estimator(name: str, loop: Loop, config: Numbers) -> Numbers:
    """One estimator: scale and walk of the mean, theory and simulation."""
    at, ones = np.array(_times(config)), np.ones(1)
    runs = run(loop, ones, config, "log_trace", "mean_sq", at=tuple(at.tolist()), keep_paths=True)
    assert runs.paths is not None
    logs = runs.paths["log_trace"] / _LN10
    scale = _scale_theory(loop, at)
    walk = collapse.mean_walk(loop, ones, generations=config["generations"])[at - 1]
    trusted = _trusted(loop, config)
    inside = at <= trusted
    mean, se = runs.mean["mean_sq"], runs.se["mean_sq"]
    return {
        "name": name,
        "ddof": loop.ddof,
        "floor": loop.floor,
        "quantiles": np.quantile(logs, _QUANTILES, axis=0),
        **scale,
        "rate": None if loop.floor else collapse.rate(loop) / _LN10,
        "scale_z": _scale_z(loop, logs, scale),
        "walk": walk,
        "trusted": trusted,
        "mean_sq": np.where(inside, mean, np.nan),
        "mean_sq_se": np.where(inside, se, np.nan),
        "walk_z": float(np.abs((mean - walk) / se)[inside].max()),
        "growth": collapse.mean_walk_growth(loop, ones) if loop.floor else None,
        "tail_index": collapse.stationary_tail_index(loop) if loop.floor else None,
        "last_median": float(np.median(logs[:, -1])),
        "last_walk": float(walk[-1]),
    }


def compute_estimators(config: Numbers) -> Numbers:
    """The fully synthetic loop (d = 1) with other estimators of the covariance."""
    runs = [
        _estimator(name, loop, {**config, "seed": config["seed"] + i})
        for i, (name, loop) in enumerate(_estimators(config).items())
    ]
    bare = _estimators(config)["maximum likelihood"]
    return {
        "generations": _times(config),
        "runs": runs,
        "largest_scale_z": max(run["scale_z"] for run in runs),
        "largest_walk_z": max(run["walk_z"] for run in runs),
        # Where the walk of maximum likelihood without a floor ends.
        "walk_limit": collapse.mean_walk_limit(bare, np.ones(1)),
        "config": dict(config),
    }
