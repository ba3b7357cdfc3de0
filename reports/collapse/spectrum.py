"""Section 3: Lyapunov exponents against plain data, decomposed step by step (theory.md 1.4)."""

from __future__ import annotations

import numpy as np
from scipy.special import polygamma

from madtheory.loop import fully_synthetic
from madtheory.reports._types import Array, Numbers
from madtheory.theory import collapse


def _covariance_root(data: Array) -> Array:
    """Symmetric root of the sample covariances of data of shape (R, n, d): (R, d, d)."""
    centred = data - data.mean(axis=1, keepdims=True)
    sigma = np.swapaxes(centred, 1, 2) @ centred / (data.shape[1] - 1)
    values, vectors = np.linalg.eigh(sigma)
    scaled = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    return np.asarray(scaled @ np.swapaxes(vectors, 1, 2))


def stretch(
    n_synth: int, dim: int, *, generations: int, replicates: int, rng: np.random.Generator
) -> Array:
    """Logarithmic growth of the d axes of Sigma_t in each generation, (R, T, d), at lambda = 1.

    The orthogonal-triangular method on the n x d data themselves: no Wishart or Bartlett
    formula enters, so this is a second route to the exponents.
    """
    frame = np.broadcast_to(np.eye(dim), (replicates, dim, dim))
    steps = np.empty((replicates, generations, dim))
    for t in range(generations):
        data = rng.standard_normal((replicates, n_synth, dim))
        frame, triangle = np.linalg.qr(_covariance_root(data) @ frame)
        steps[:, t] = 2 * np.log(np.abs(np.diagonal(triangle, axis1=1, axis2=2)))
    return steps


def _one(n_synth: int, config: Numbers, rng: np.random.Generator) -> Numbers:
    dim, bias = config["dim"], config["bias"]
    loop = fully_synthetic(n_synth, bias=bias)
    sizes = {key: config[key] for key in ("generations", "replicates")}
    steps = np.log(bias) + stretch(n_synth, dim, **sizes, rng=rng)
    theory = collapse.lyapunov_spectrum(loop, dim)
    variance = polygamma(1, (loop.dof - np.arange(dim)) / 2)
    se = np.sqrt(variance / (config["generations"] * config["replicates"]))
    slope = steps.mean(axis=(0, 1))
    return {
        "n_synth": n_synth,
        "theory": theory,
        "simulated": slope,
        "se": se,
        "z": (slope - theory) / se,
        "variance": variance,
        "path": np.cumsum(steps[0], axis=0),
    }


def compute(config: Numbers) -> Numbers:
    """Exponents for several sample sizes, and one path of the log axes for the first of them."""
    rng = np.random.default_rng(config["seed"])
    series = [_one(n, config, rng) for n in config["n_synth"]]
    for other in series[1:]:
        del other["path"]
    largest = max(abs(z) for item in series for z in item["z"])
    return {"series": series, "largest_z": largest, "config": dict(config)}
