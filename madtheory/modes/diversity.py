"""How mixed the modes, or words, still are: heterozygosity 1 - sum p_k^2 (theory.md 4.1, 4.2).

It is the chance that two drawn samples are of different modes, and obeys a recursion of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check
from madtheory.modes.fresh import fresh_counts
from madtheory.modes.tempering import token_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array


def diversity_step(n: int, fresh: int, start: float) -> tuple[float, float]:
    """Factor and fixed point of H -> E H', counts Mult(n, p) + Mult(fresh, real), H_real = start.

    Two different samples are both synthetic, both fresh, or one of each; E p is always real.
    """
    total = float(n + fresh)
    factor = n * (n - 1.0) / total**2
    constant = start * (fresh * (fresh - 1.0) + 2.0 * n * fresh) / total**2
    # 1 - factor without cancellation: total^2 - n(n-1) = fresh (2n + fresh) + n.
    return factor, constant * total**2 / (fresh * (2.0 * n + fresh) + n)


def heterozygosity(modes: int, n_synth: int, generations: int, *, n_fresh: int = 0) -> Array:
    """Return E(1 - sum p_k^2) of the mode weights at t = 1..T: (1 - 1/K)(1 - 1/n)^t (exact).

    Examples
    --------
    >>> [round(float(x), 6) for x in heterozygosity(25, 250, 500)[[0, 499]]]
    [0.95616, 0.129402]
    """
    K, n = _check.count("modes", modes), _check.count("n_synth", n_synth)
    fresh = _check.count("n_fresh", n_fresh, minimum=0)
    t = np.arange(1, _check.count("generations", generations) + 1)
    total, start = n + fresh, 1.0 - 1.0 / K
    factor, limit = diversity_step(n, fresh, start)
    return np.asarray(limit + (start * (1.0 - 1.0 / total) - limit) * factor ** (t - 1.0))


def stationary_heterozygosity(modes: int, n_synth: int, n_fresh: int) -> float:
    """Return E(1 - sum p_k^2) of the stationary loop (exact): 0 without fresh data.

    Examples
    --------
    >>> round(stationary_heterozygosity(25, 1_000, 20), 6)
    0.936348
    """
    K = _check.count("modes", modes)
    n, fresh = fresh_counts(n_synth, n_fresh)
    return diversity_step(n, fresh, 1.0 - 1.0 / K)[1]


def stationary_weight_limit(p: float, n_synth: int, n_fresh: int) -> tuple[float, float]:
    """Return (alpha, beta) of the Beta law of one mode's stationary weight, for large n.

    Diffusion with immigration; asymptotic in n_synth / n_fresh, for n_fresh at least 1. The mean is
    p and the variance the exact one, p q / (1 + alpha + beta); alpha + beta is close to 2 n_fresh
    when n_fresh is small beside n_synth. For the bulk only: the chance of a count of 0 lies in its
    tail, where it is wrong by factors (:func:`~madtheory.modes.fresh.stationary_survival`).

    Examples
    --------
    >>> alpha, beta = stationary_weight_limit(0.04, 1_000, 20)
    >>> round(alpha, 4), round(alpha + beta, 4)
    (1.5835, 39.5882)
    """
    p_ = _check.number("p", p, low=0.0, high=1.0, open_=True)
    n, fresh = fresh_counts(n_synth, n_fresh, least=1)
    share = diversity_step(n, fresh, 1.0)[1]  # H / H_real = theta / (1 + theta)
    theta = share / (1.0 - share)
    return theta * p_, theta * (1.0 - p_)


def token_heterozygosity(p: ArrayLike, n: int, generations: int, *, n_fresh: int = 0) -> Array:
    """Return E(1 - sum share_i^2) at t = 1..T: the chance that two drawn tokens differ.

    Exact at temperature 1. Without fresh data it is an upper bound for every temperature below 1
    and a lower bound for every one above: sharpening a distribution majorises it, which can only
    lower 1 - sum share_i^2, and both temperatures then lose the factor 1 - 1/n. (For two tokens
    :func:`~madtheory.modes.two_tokens` is exact at any temperature.)

    Examples
    --------
    >>> [round(float(x), 6) for x in token_heterozygosity([0.5, 0.3, 0.2], 10, 3)]
    [0.558, 0.5022, 0.45198]
    """
    p_, (n_, fresh) = _check.distribution("p", p), token_counts(n, n_fresh)
    steps, total = _check.count("generations", generations), n_ + fresh
    # Two tokens differ when they descend from different real tokens (1 - share), which differ.
    kept, out = 1.0 - 1.0 / total, np.empty(steps)
    apart = (total * (total - 1.0) - n_ * (n_ - 1.0)) / float(total) ** 2
    for t in range(steps):
        out[t] = kept
        kept = apart + kept * (n_ * (n_ - 1.0) / float(total) ** 2)
    return float(p_ @ (1.0 - p_)) * out
