"""Second samplers in plain numpy: one direction, one mode, few words.

Written from the statements of docs/theory.md and not from :mod:`madtheory.simulate`, and cheap: all
replicates advance together. Each returns what is observed, by `size` and `seed`.
"""

from __future__ import annotations

import numpy as np

from madtheory._types import Array
from madtheory.loop import Loop


def floored_variances(
    count: int, size: int, seed: int, *, bias: float, floor: float, ddof: float, t: int
) -> Array:
    """Variance of a direction after t fits to `count` samples, each with a floor added."""
    rng = np.random.default_rng(seed)
    v = np.full(size, 1 / bias)  # the first fit is to real data, of variance 1
    for _ in range(t):
        v = bias * v * rng.chisquare(count - 1, size) / (count - ddof) + floor
    return v


def squared_steps(loop: Loop, size: int, seed: int, *, t: int) -> Array:
    """(mu_(t+1) - mu_t)^2 of a fully synthetic loop, d = 1, with a floor."""
    rng = np.random.default_rng(seed)
    v = floored_variances(
        loop.n_synth,
        size,
        seed + 1,
        bias=loop.scalar_bias,
        floor=loop.floor,
        ddof=float(loop.ddof),
        t=t,
    )
    return loop.scalar_bias * v / loop.n_synth * rng.standard_normal(size) ** 2


def _fitted(x: Array) -> tuple[Array, Array]:
    """Mean and variance of each row, shapes (size, 1) and (size,)."""
    return x.mean(axis=1, keepdims=True), x.var(axis=1, ddof=1)


def subsampled_models(loop: Loop, size: int, seed: int, *, t: int) -> tuple[Array, Array]:
    """Mean and variance of a growing pool subsampled to its budget, d = 1, at t; shape (size,)."""
    rng = np.random.default_rng(seed)
    pool = rng.standard_normal((size, loop.n_fixed))
    mean, variance = _fitted(pool)
    for _ in range(t - 1):
        noise = rng.standard_normal((size, loop.n_synth))
        pool = np.hstack([pool, mean + np.sqrt(loop.scalar_bias * variance)[:, None] * noise])
        budget = pool.shape[1] if loop.budget is None else min(loop.budget, pool.shape[1])
        kept = np.argpartition(rng.random(pool.shape), budget - 1, axis=1)[:, :budget]
        mean, variance = _fitted(np.take_along_axis(pool, kept, axis=1))
    return mean[:, 0], variance


def mode_log_variances(modes: int, n: int, size: int, seed: int, *, t: int, ddof: float) -> Array:
    """log of a mode's variance in one direction at t, of the modes that always had two samples."""
    rng = np.random.default_rng(seed)
    count, log_v = np.full(size, n / modes), np.zeros(size)
    for _ in range(t):
        count = rng.binomial(n, count / n).astype(np.float64)
        count, log_v = count[count >= 2], log_v[count >= 2]
        log_v += np.log(rng.chisquare(count - 1) / (count - ddof))
    return log_v


def until_alone(p: Array, n: int, size: int, seed: int, *, temperature: float = 1.0) -> Array:
    """First generation in which one word is left, and whether it is the first; shape (2, size)."""
    rng = np.random.default_rng(seed)
    shares = np.tile(p, (size, 1))  # the first generation is drawn from real data
    found, t = [], 0
    while len(shares):
        t += 1
        counts = rng.multinomial(n, shares)
        alone = counts.max(axis=1) == n
        won = (counts[alone, 0] == n).astype(np.float64)
        found.append(np.array([np.full(won.size, float(t)), won]))
        powers = (counts[~alone] / n) ** (1 / temperature)
        shares = powers / powers.sum(axis=1, keepdims=True)
    return np.concatenate(found, axis=1)
