"""Section 17: the covariance of real images through both loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.datasets import load_digits

from madtheory.loop import fresh_data, fully_synthetic
from madtheory.simulate import simulate
from madtheory.theory import collapse, distance, moments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["compute", "digits_eigenvalues"]


def digits_eigenvalues() -> tuple[NDArray[np.float64], int, int]:
    """Eigenvalues of the digits' covariance (zeros exact), number of images, rank."""
    pixels = load_digits().data
    centred = pixels - pixels.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False) ** 2 / (len(pixels) - 1)
    # Three border pixels never change: their eigenvalues are exact zeros, not 1e-30.
    values[values < 1e-12 * values[0]] = 0.0
    return values, len(pixels), int((values > 0).sum())


def _compare(
    theory: NDArray[np.float64],
    mean: NDArray[np.float64],
    se: NDArray[np.float64],
    rel_error: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Theory, simulation and z beyond the declared error, by generation."""
    declared = np.zeros_like(theory) if rel_error is None else np.abs(theory) * rel_error
    gap = mean - theory
    excess = np.sign(gap) * np.maximum(np.abs(gap) - declared, 0.0)
    return {"theory": theory, "mean": mean, "se": se, "declared": declared, "z": excess / se}


def _synthetic(values: NDArray[np.float64], bias: float, config: Mapping[str, Any]) -> Any:
    loop = fully_synthetic(config["n_synth"], bias=bias)
    generations = config["generations"]
    paths = simulate(
        loop,
        values,
        generations=generations,
        replicates=config["replicates"],
        seed=config["seed"],
        record=("mean_sq", "trace", "w2_squared"),
    )
    w2 = collapse.w2_squared(loop, values, generations=generations)
    theory = {
        "mean_sq": (collapse.mean_walk(loop, values, generations=generations), None),
        "trace": (collapse.mean_trace(loop, values, generations=generations), None),
        "w2_squared": (w2.value, w2.rel_error),
    }
    return {
        "bias": bias,
        "quantities": {
            name: _compare(value, paths.mean[name], paths.se[name], error)
            for name, (value, error) in theory.items()
        },
    }


def _fresh(values: NDArray[np.float64], bias: float, config: Mapping[str, Any]) -> Any:
    loop = fresh_data(config["n_real"], config["n_synth"], bias=bias)
    generations = config["generations"]
    paths = simulate(
        loop,
        values,
        generations=generations,
        replicates=config["replicates"],
        seed=config["seed"] + 1,
        record=("mean_sq", "trace", "w2_squared"),
    )
    first = moments.first_moments(loop, generations)
    w2 = distance.w2_squared(loop, values, generations=generations)
    scale = float(values.sum())
    theory = {
        "mean_sq": (scale * np.asarray(first.mean_sq), None),
        "trace": (scale * np.asarray(first.trace), None),
        "w2_squared": (w2.value, w2.rel_error),
    }
    return {
        "bias": bias,
        "quantities": {
            name: _compare(value, paths.mean[name], paths.se[name], error)
            for name, (value, error) in theory.items()
        },
    }


def _rows(loop: str, runs: list[Any], generations: tuple[int, ...]) -> list[dict[str, Any]]:
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


def compute(config: Mapping[str, Any]) -> dict[str, Any]:
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
