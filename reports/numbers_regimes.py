"""Section 13: the map of regimes, (n_synth/n_real, lambda) for six loops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory.loops import Loop, UnsupportedLoop, fresh_data, synthetic_augmentation
from madtheory.recursions import first_moments_limit
from madtheory.regimes import regime
from madtheory.reports.numbers_loops import limit_gain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KINDS", "best_of_weights", "compute", "place"]


def _mixed(n_r: int, n_s: int, bias: float) -> Loop:
    half = n_r // 2
    return Loop(n_initial=n_r, n_fixed=half, n_fresh=n_r - half, n_synth=n_s, bias=bias)


#: Panels: the loops of (n_real, n_synth, bias).
KINDS: dict[str, Callable[[int, int, float], Loop]] = {
    "fresh data": lambda r, s, b: fresh_data(r, s, bias=b),
    "fresh, memory 10": lambda r, s, b: fresh_data(r, s, bias=b, memory=10),
    "fresh, best weight": lambda r, s, b: fresh_data(r, s, bias=b),
    "half fixed, half fresh": _mixed,
    "fixed set (augmentation)": lambda r, s, b: synthetic_augmentation(r, s, bias=b),
    "fixed set, growing pool": lambda r, s, b: synthetic_augmentation(
        r, s, bias=b, pool="accumulate"
    ),
}


def best_of_weights(loop: Loop, dim: int, *, steps: int) -> dict[str, float]:
    """The best of a few weights between that of the pool and 1, refined once between neighbours.

    Near its maximum the gain is flat: the weight need not be exact.
    """
    share = loop.n_real / loop.n_train

    def at(weight: float) -> dict[str, float]:
        weighted = fresh_data(loop.n_fresh, loop.n_synth, bias=loop.bias, weight=weight)
        return limit_gain(weighted, dim)

    # Even steps of the logit: the best weight spans two decades. Weight 1 is n_real samples alone.
    low, high = math.log(share / (1 - share)), 5.0
    grid = np.linspace(min(low, high - 1), high, steps)
    found = [at(float(1 / (1 + np.exp(-x)))) for x in grid]
    i = int(np.argmax([f["gain"] for f in found]))
    around = [grid[i] + d * (grid[1] - grid[0]) for d in (-1 / 3, 1 / 3)]
    found += [at(float(1 / (1 + np.exp(-x)))) for x in around]
    return max(found, key=lambda f: f["gain"])


def place(name: str, n_r: int, n_s: int, bias: float, config: Mapping[str, Any]) -> dict[str, Any]:
    """Gain and its interval at one place of a panel; `collapse` where the variance dies."""
    loop = KINDS[name](n_r, n_s, bias)
    first = first_moments_limit(loop)
    if first.trace == 0:
        return {"gain": 0.0, "low": 0.0, "high": 0.0, "collapse": True}
    try:
        if name == "fresh, best weight":
            limit = best_of_weights(loop, config["dim"], steps=config["weights"])
        else:
            limit = limit_gain(loop, config["dim"])
    except UnsupportedLoop:
        # The growing pool at lambda = 1: bounded, but its E W2^2 has no computed limit.
        return {"gain": None, "low": None, "high": None, "collapse": False}
    return {"gain": limit["gain"], "low": limit["low"], "high": limit["high"], "collapse": False}


def _panel(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    n_r = config["n_real"]
    sizes = [max(round(n_r * q), 2) for q in np.geomspace(*config["ratios"], config["grid"][0])]
    biases = np.linspace(*config["biases"], config["grid"][1])
    rows = [[place(name, n_r, s, float(b), config) for s in sizes] for b in biases]
    return {
        "name": name,
        "ratio": [s / n_r for s in sizes],
        "bias": biases,
        **{k: [[cell[k] for cell in row] for row in rows]
           for k in ("gain", "low", "high", "collapse")},
    }  # fmt: skip


def _check(config: Mapping[str, Any], n_s: int, bias: float) -> list[dict[str, Any]]:
    """The same question put to madtheory.regimes at one place of every panel but the weights'."""
    rows = []
    for name, kind in KINDS.items():
        if name == "fresh, best weight":
            continue
        found = regime(kind(config["n_real"], n_s, bias), np.ones(config["dim"]))
        rows.append({"loop": name, "regime": found.name, "gain": found.gain, "low": found.low,
                     "high": found.high, "status": found.status})  # fmt: skip
    return rows


def compute(config: Mapping[str, Any]) -> dict[str, Any]:
    """The six panels, and one place in words."""
    n_s, bias = config["place"]
    return {
        "panels": [_panel(name, config) for name in KINDS],
        "place": _check(config, int(n_s), float(bias)),
        "config": dict(config),
    }
