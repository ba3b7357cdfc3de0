"""Section 14: vocabularies, temperature as selection, fresh tokens (theory.md 4.2)."""

from __future__ import annotations

import numpy as np

from madtheory import modes
from madtheory.reports._types import Array, Numbers
from madtheory.reports.modes.words import TITLE, paper_words
from madtheory.simulate import simulate_categories


def _z(mean: Array, se: Array, value: Array) -> float:
    """Largest distance in standard errors where there is one."""
    known = se > 0
    return float(np.max(np.abs(mean - value)[known] / se[known], initial=0.0))


# -------------------------------------------------------------------------------- what survives
def _survivors(name: str, p: Array, n: int, config: Numbers) -> Numbers:
    """Tokens alive: theory with its bounds, and simulation."""
    at = config["at"]
    left = modes.support(p, n, config["generations"])
    runs = simulate_categories(
        p, n, generations=at[-1], replicates=config["replicates"], seed=config["seed"], at=at,
        record=("survivors", "mass"),
    )  # fmt: skip
    index = np.array(at) - 1
    mean, se = runs.mean["survivors"], runs.se["survivors"]
    return {
        "name": name,
        "size": int((p > 0).sum()),
        "n": n,
        "number": left.number.value,
        "lower": left.number.lower,
        "upper": left.number.upper,
        "mass": left.mass.value,
        "at": at,
        "mean": mean,
        "se": se,
        "largest_z": _z(mean, se, left.number.value[index]),
        "last": float(left.number.value[-1]),
        "last_mass": float(left.mass.value[-1]),
    }


# ----------------------------------------------------------------------------------- temperature
def _wins(n: int, config: Numbers) -> Numbers:
    """P(the favoured of two tokens wins) by temperature: exact, and simulated."""
    p = config["favoured"]

    def fixation(temperature: float) -> tuple[float, float]:
        """Probability and time, in generations."""
        exact = modes.fixation(p, n, temperature=temperature)
        return float(exact.probability.value), float(exact.time.value)

    points = []
    for temperature in config["temperatures_simulated"]:
        value, time = fixation(temperature)
        # Long enough that one token is left but for a chance near e^-8.
        last = int(10 * time) + 10
        runs = simulate_categories(
            [p, 1 - p], n, temperature=temperature, generations=last, at=[last],
            replicates=config["replicates_two"], seed=config["seed"], record=("favoured_share",),
        )  # fmt: skip
        mean, se = (float(x["favoured_share"][0]) for x in (runs.mean, runs.se))
        points.append({"temperature": temperature, "value": [mean, se], "z": (mean - value) / se})
    told, time = fixation(config["told"])
    return {
        "n": n,
        "probability": [fixation(x)[0] for x in config["temperatures"]],
        "points": points,
        "largest_z": max(abs(x["z"]) for x in points),
        "time": time,
        "told": told,
    }


# ---------------------------------------------------------------------------------- fresh tokens
def _held(name: str, p: Array, n: int, config: Numbers) -> Numbers:
    """Share of a vocabulary alive at rest, by the share of fresh tokens among n in all."""
    fresh = sorted({max(1, round(share * n)) for share in config["shares"]})
    rest = [modes.stationary_support(p, n - m, m) for m in fresh]
    size = int((p > 0).sum())
    points = []
    for share in config["shares_simulated"]:
        m = max(1, round(share * n))
        t = int(config["settle"] / share)
        runs = simulate_categories(
            p, n - m, n_fresh=m, generations=t, replicates=config["replicates_fresh"],
            seed=config["seed"], at=[t], record=("survivors", "mass"),
        )  # fmt: skip
        exact = modes.stationary_support(p, n - m, m)
        mean, se = (float(x["survivors"][0]) / size for x in (runs.mean, runs.se))
        points.append({"share": share, "value": [mean, se],
                       "z": (mean - float(exact.number.value) / size) / se})  # fmt: skip
    return {
        "name": name,
        "n": n,
        "size": size,
        "shares": [m / n for m in fresh],
        "number": [float(x.number.value) / size for x in rest],
        "lower": [float(x.number.lower) / size for x in rest],
        "upper": [float(x.number.upper) / size for x in rest],
        "mass": [float(x.mass.value) for x in rest],
        "points": points,
        "largest_z": max(abs(x["z"]) for x in points),
    }


def compute(config: Numbers) -> Numbers:
    """Tokens that survive, tokens that win, tokens that fresh data keeps."""
    words = paper_words()
    zipf = modes.zipf(config["vocabulary"])
    survivors = [_survivors("Zipf", zipf, n, config) for n in config["tokens"]]
    survivors.append(_survivors("paper", words.p, words.total, config))
    wins = [_wins(n, config) for n in config["sizes"]]
    held = [
        _held("Zipf", zipf, config["tokens_fresh"], config),
        _held("paper", words.p, words.total, config),
    ]
    parts = (*survivors, *wins, *held)
    return {
        "survivors": survivors,
        "wins": wins,
        "temperatures": config["temperatures"],
        "held": held,
        "text": {"title": TITLE, "words": len(words.words), "total": words.total},
        "largest_z": max(part["largest_z"] for part in parts),
        "config": dict(config),
    }
