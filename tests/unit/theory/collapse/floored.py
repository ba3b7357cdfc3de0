"""Loops with shrinkage or a floor, and their models fitted to drawn data."""

import numpy as np

from madtheory.loop import Loop, fully_synthetic
from tests.unit.theory.collapse.loops import sample

FLOOR = fully_synthetic(6, bias=0.9, n_initial=9, floor=0.2, first_generation="biased")

LIKELY = fully_synthetic(5, floor=0.1, ddof=0)

CRITICAL = fully_synthetic(10, floor=0.01)

SHRUNK = fully_synthetic(4, bias=0.9, n_initial=6, shrinkage=0.3, floor=0.1, ddof=0)

LOOPS = [FLOOR, LIKELY, CRITICAL, SHRUNK, fully_synthetic(4, bias=0.0, floor=0.5)]

S = np.array([2.0, 1.0, 0.3])


def fitted(loop: Loop, s: np.ndarray, t: int, count: int, seed: int) -> tuple[np.ndarray, ...]:
    """Means and covariances of `count` loops at t: data drawn, fitted, shrunk, floored."""
    rng = np.random.default_rng(seed)
    d = s.size
    mean, sigma = np.zeros((count, d)), np.broadcast_to(np.diag(s), (count, d, d))
    for step in range(1, t + 1):
        n, bias = sample(loop, step)
        values, vectors = np.linalg.eigh(sigma)
        root = vectors * np.sqrt(bias * np.maximum(values, 0.0))[:, None, :]
        x = mean[:, None] + rng.standard_normal((count, n, d)) @ root.transpose(0, 2, 1)
        mean = x.mean(axis=1)
        x = x - mean[:, None]
        fit = x.transpose(0, 2, 1) @ x / (n - loop.ddof)
        mean_variance = np.trace(fit, axis1=1, axis2=2)[:, None, None] / d
        target = loop.shrinkage * mean_variance + loop.floor * s.sum() / d
        sigma = (1 - loop.shrinkage) * fit + target * np.eye(d)
    return mean, sigma
