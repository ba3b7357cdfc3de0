"""Section on all loops: definitions of collapse, the regime map, and other estimators."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory import definitions, effective, recursions, regimes
from madtheory.loops import Loop, fresh_data, synthetic_augmentation
from madtheory.simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["compute_definitions", "compute_regimes"]


# --- definitions ----------------------------------------------------------------------------------


def _row(entry: definitions.Entry) -> dict[str, Any]:
    finding = entry.finding
    return {
        "loop": entry.loop,
        "definition": entry.definition,
        "collapses": entry.collapses,
        "verdict": finding.verdict,
        "quantity": finding.quantity,
        "value": finding.value,
        "status": finding.status,
        "reason": finding.reason,
        "claim": finding.claim,
    }


def _loops(config: Mapping[str, Any]) -> dict[str, Loop]:
    """The loops of the table, or those named."""
    loops = definitions.default_loops(n=config["n"])
    return {name: loops[name] for name in config.get("loops") or loops}


def _deciders(
    loops: Mapping[str, Loop], entries: Sequence[definitions.Entry], name: str
) -> list[dict[str, Any]]:
    """Claims that decide one definition, each with the families for which it does."""
    grouped: dict[str, list[str]] = {}
    for entry in entries:
        claim = entry.finding.claim
        if entry.definition == name and entry.collapses is not None and claim is not None:
            grouped.setdefault(claim, []).append(definitions.family(loops[entry.loop]))
    return [{"claim": c, "families": list(dict.fromkeys(f))} for c, f in grouped.items()]


def compute_definitions(config: Mapping[str, Any]) -> dict[str, Any]:
    """Which loop collapses under which definition, and the claims that decide it."""
    loops = _loops(config)
    entries = definitions.definitions_table(config["dim"], loops)
    answers = [entry.collapses for entry in entries]
    rows = [_row(entry) for entry in entries]
    per_loop = [[r["collapses"] for r in rows if r["loop"] == name] for name in loops]
    return {
        "rows": rows,
        "loops": list(loops),
        "definitions": [
            {
                "name": d.name,
                "paper": d.paper,
                "question": d.question,
                "collapse_if": d.collapse_if,
                "deciders": _deciders(loops, entries, d.name),
            }
            for d in definitions.DEFINITIONS
        ],
        "count": len(entries),
        "loop_count": len(loops),
        "definition_count": len(definitions.DEFINITIONS),
        "collapse": sum(a is True for a in answers),
        "no_collapse": sum(a is False for a in answers),
        "undecided": sum(a is None for a in answers),
        "conjectures": sum(
            e.finding.status == "conjecture" and e.collapses is not None for e in entries
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


def _families(config: Mapping[str, Any]) -> dict[str, Callable[[int, float], list[Loop]]]:
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


def _least(loops: Sequence[Loop], ones: NDArray[np.float64]) -> tuple[Loop, float, float]:
    """The loop with the least limit of E W2^2, that limit and its declared relative error."""
    limits = [recursions.w2_squared_limit(loop, ones) for loop in loops]
    at = int(np.argmin([float(limit.value) for limit in limits]))
    return loops[at], float(limits[at].value), float(limits[at].rel_error)


def _inverse(config: Mapping[str, Any]) -> Callable[[Any], NDArray[np.float64]]:
    """n_e/n_real as a function of E W2^2: the baseline at many sizes, log-linear between."""
    sizes = np.unique(np.geomspace(2, 1e4 * config["n_real"], config["sizes"]).astype(int))
    ones = np.ones(config["dim"])
    values = [float(effective.baseline(int(n), ones).value) for n in sizes]
    x, y = np.log(values[::-1]), np.log(sizes[::-1] / config["n_real"])
    return lambda w2: np.exp(np.interp(np.log(w2), x, y))


def _grid(config: Mapping[str, Any]) -> tuple[list[int], list[float]]:
    """n_synth, even in the logarithm, and bias, denser towards 1 where the edge moves fast."""
    low, high = config["ratio_range"]
    n = config["n_real"]
    n_synth = np.unique(np.geomspace(low * n, high * n, config["grid"][0]).round().astype(int))
    distance = np.linspace(1.0, 0.0, config["grid"][1]) ** 2
    bias = 1.0 - (1.0 - config["bias_low"]) * distance
    return [int(k) for k in n_synth], [float(b) for b in bias]


def _simulated(loop: Loop, config: Mapping[str, Any]) -> dict[str, Any]:
    """A late generation against generation 1, which saw n_real real samples only."""
    ones = np.ones(config["dim"])
    rate = recursions.forgetting_rate(loop)
    horizon = int(np.clip(math.log(1e-3) / math.log(rate), 10, config["longest"]))
    paths = simulate(
        loop,
        ones,
        generations=horizon,
        replicates=config["replicates"],
        seed=config["seed"],
        record=("w2_squared",),
        at=(1, horizon),
    )
    mean, se = paths.mean["w2_squared"], paths.se["w2_squared"]
    found, limit = regimes.regime(loop, ones), recursions.w2_squared_limit(loop, ones)
    theory, error = float(limit.value), float(limit.rel_error)
    z = float((mean[0] - mean[1]) / np.hypot(se[0], se[1]))
    simulated = "undecided" if abs(z) < 3 else "better than real" if z > 0 else "worse than real"
    return {
        "n_synth": loop.n_synth,
        "bias": loop.bias,
        "weight": loop.weight,
        "horizon": horizon,
        # What is left of a difference of the start.
        "left": rate ** (horizon - 1),
        "regime": found.name,
        "gain": found.gain,
        "low": found.low,
        "high": found.high,
        "theory": theory,
        "rel_error": error,
        "baseline": [mean[0], se[0]],
        "limit": [mean[1], se[1]],
        "z": z,
        "simulated": simulated,
        # Standard errors beyond the declared error.
        "beyond": max(abs(mean[1] - theory) - error * theory, 0.0) / se[1],
    }


def _map(
    choose: Callable[[int, float], list[Loop]], config: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """Gains with their declared interval over the grid, and simulated points."""
    n_synth, bias = _grid(config)
    ones, inverse = np.ones(config["dim"]), _inverse(config)
    found = [[_least(choose(s, b), ones) for s in n_synth] for b in bias]
    value = np.array([[item[1] for item in row] for row in found])
    error = np.array([[item[2] for item in row] for row in found])
    gain = inverse(value)
    low, high = inverse(value * (1 + error)), inverse(value * np.maximum(1 - error, 1e-9))
    points = [
        _simulated(_least(choose(round(r * config["n_real"]), b), ones)[0],
                   {**config, "seed": seed + i})
        for i, (r, b) in enumerate(config["points"])
    ]  # fmt: skip
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


def compute_regimes(config: Mapping[str, Any]) -> dict[str, Any]:
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
