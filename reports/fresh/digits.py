"""Section 17: the covariance of real images through both loops."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.reports._types import Array, Numbers
from madtheory.reports.simulated import run
from madtheory.theory import collapse, distance, moments


def digits_eigenvalues() -> tuple[Array, int, int]:
    """Eigenvalues of the digits' covariance (zeros exact), number of images, rank."""
    pixels = load_digits().data
    centred = pixels - pixels.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False) ** 2 / (len(pixels) - 1)
    # Three border pixels never change: their eigenvalues are exact zeros, not 1e-30.
    values[values < 1e-12 * values[0]] = 0.0
    return values, len(pixels), int((values > 0).sum())


def _compare(theory: Array, mean: Array, se: Array, rel_error: Array | None) -> Numbers:
    """Theory, simulation and z beyond the declared error, by generation."""
    declared = np.zeros_like(theory) if rel_error is None else np.abs(theory) * rel_error
    gap = mean - theory
    excess = np.sign(gap) * np.maximum(np.abs(gap) - declared, 0.0)
    return {"theory": theory, "mean": mean, "se": se, "declared": declared, "z": excess / se}


def _run(loop: Loop, values: Array, theory: Numbers, config: Numbers) -> Any:
    """Theory, (values, declared relative error) a quantity, beside one simulation."""
    runs = run(loop, values, config, *theory)
    return {
        "bias": loop.bias,
        "quantities": {
            name: _compare(value, runs.mean[name], runs.se[name], error)
            for name, (value, error) in theory.items()
        },
    }


def _synthetic(values: Array, bias: float, config: Numbers) -> Any:
    loop = fully_synthetic(config["n_synth"], bias=bias)
    t = config["generations"]
    w2 = collapse.w2_squared(loop, values, generations=t)
    theory = {
        "mean_sq": (collapse.mean_walk(loop, values, generations=t), None),
        "trace": (collapse.mean_trace(loop, values, generations=t), None),
        "w2_squared": (w2.value, w2.rel_error),
    }
    return _run(loop, values, theory, config)


def _fresh(values: Array, bias: float, config: Numbers) -> Any:
    loop = fresh_data(config["n_real"], config["n_synth"], bias=bias)
    first = moments.first_moments(loop, config["generations"])
    w2 = distance.w2_squared(loop, values, generations=config["generations"])
    scale = float(values.sum())
    theory = {
        "mean_sq": (scale * np.asarray(first.mean_sq), None),
        "trace": (scale * np.asarray(first.trace), None),
        "w2_squared": (w2.value, w2.rel_error),
    }
    return _run(loop, values, theory, {**config, "seed": config["seed"] + 1})


def _rows(loop: str, runs: list[Any], generations: tuple[int, ...]) -> list[Numbers]:
    """One row of the table for each run, quantity and chosen generation."""
    return [
        {
            "loop": loop,
            "bias": run["bias"],
            "quantity": name,
            "t": t,
            "theory": float(item["theory"][t - 1]),
            "declared": float(item["declared"][t - 1]),
            "simulation": [float(item["mean"][t - 1]), float(item["se"][t - 1])],
            "z": float(item["z"][t - 1]),
        }
        for run in runs
        for name, item in run["quantities"].items()
        for t in generations
    ]


def compute(config: Numbers) -> Numbers:
    """Both loops on the digits, for each bias."""
    values, images, rank = digits_eigenvalues()
    synthetic = [_synthetic(values, b, config) for b in config["biases"]]
    fresh = [_fresh(values, b, config) for b in config["biases"]]
    shown = (1, config["generations"] // 2, config["generations"])
    rows = _rows("fully synthetic", synthetic, shown) + _rows("fresh data", fresh, shown)
    return {
        "eigenvalues": values,
        "images": images,
        "rank": rank,
        "dim": values.size,
        "trace": float(values.sum()),
        "effective_rank": float(values.sum() ** 2 / (values**2).sum()),
        "generations": np.arange(1, config["generations"] + 1),
        "synthetic": synthetic,
        "fresh": fresh,
        "rows": rows,
        "largest_z": max(abs(row["z"]) for row in rows),
        "config": dict(config),
    }
