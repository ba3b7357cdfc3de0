"""Section 18: Appendix A with numbers (theory.md 1.10)."""

from __future__ import annotations

import numpy as np

from madtheory.laws import trace_noise
from madtheory.reports._types import Array, Numbers


def weight_vectors(dim: int) -> dict[str, Array]:
    """Spectra from the start of the loop (all equal) to its end (one direction left)."""
    halving = 0.5 ** np.arange(dim)
    return {
        "equal": np.full(dim, 1 / dim),
        "halving": halving / halving.sum(),
        "one": np.eye(dim)[0],
    }


def _distribution(name: str, weights: Array, config: Numbers, rng: np.random.Generator) -> Numbers:
    """Exact CDF of Y and the empirical one of plain chi-square draws."""
    y = np.linspace(0.02, 3.0, config["grid"])
    dof, count = config["dof"], config["draws"]
    draws = rng.chisquare(dof, (count, weights.size)) @ weights / dof
    exact = [float(trace_noise.trace_noise_cdf(float(v), weights, dof)) for v in y]
    empirical = np.searchsorted(np.sort(draws), y, side="right") / count
    return {
        "name": name,
        "y": y,
        "cdf": exact,
        "empirical": empirical,
        "largest_gap": float(np.max(np.abs(empirical - exact))),
        "variance": float(trace_noise.trace_noise_variance(weights, dof)),
    }


def _constants(dim: int, dof: int, eps: Array) -> Numbers:
    """The explicit c(eps, d, m) and the numerical minimum over the simplex."""
    minimum = [trace_noise.anti_concentration_minimum(float(e), dim, dof) for e in eps]
    return {
        "dim": dim,
        "dof": dof,
        "eps": eps,
        "bound": [float(trace_noise.anti_concentration_bound(float(e), dim, dof)) for e in eps],
        "minimum": [float(value) for value, _ in minimum],
        "largest_weight": [float(np.max(weights)) for _, weights in minimum],
    }


def compute(config: Numbers) -> Numbers:
    """CDFs for three spectra and the constants for several (d, m)."""
    rng = np.random.default_rng(config["seed"])
    eps = np.linspace(0.05, 0.95, config["eps"])
    return {
        "distributions": [
            _distribution(name, weights, config, rng)
            for name, weights in weight_vectors(config["dim"]).items()
        ],
        "band": float(np.sqrt(np.log(2 / 0.05) / (2 * config["draws"]))),
        "constants": [_constants(dim, dof, eps) for dim, dof in config["pairs"]],
        "config": dict(config),
    }
