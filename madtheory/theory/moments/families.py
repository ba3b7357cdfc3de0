"""Closed forms of the families that have one (theory.md 2.8, 2.9, 3.1, 3.2; paper, Section 4).

Each is derived on its own from the family's definition; :mod:`madtheory.theory.moments` answers the
same questions for any loop from one general system, and its tests compare both. All moments are
per unit of tr Sigma_0: mean_sq is E |mu - mu_0|^2, trace E tr Sigma.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check
from madtheory.results import FirstMomentsLimit

if TYPE_CHECKING:
    from madtheory._types import Array

#: Least weight in the system of :func:`weighted_limit`.
_TINY = 2.0**-900

# --- synthetic augmentation ----------------------------------------------------------------------


def augmentation_limit(n_real: int, n_synth: int, *, bias: float = 1.0) -> FirstMomentsLimit:
    """Limit of the synthetic augmentation loop: fixed real set, memory 1 (theory.md 3.1, exact).

    With D = E |mu - x_r|^2: D = (n_s/n)^2 (D + lambda C/n_s),
    (n - 1) C = n_r - 1 + (n_s - 1) lambda C + (n_r n_s/n)(D + lambda C/n_s), M = 1/n_r + D.

    Examples
    --------
    >>> augmentation_limit(100, 100).mean_sq * 100 < 1.5  # fixed real data bounds the damage
    True
    """
    n_r, n_s = _check.count("n_real", n_real), _check.count("n_synth", n_synth)
    lam = _check.number("bias", bias, low=0.0, high=1.0)
    n = n_r + n_s
    spread = n_s * lam / (n_r * (n + n_s))  # D/C
    inner = (n_s - 1) * lam + n_r * (n_s / n) * (spread + lam / n_s)
    trace = (n_r - 1) / (n - 1 - inner)
    return FirstMomentsLimit(1 / n_r + spread * trace, trace)


def augmentation_gain_leading(n_real: int, n_synth: int) -> float:
    """Leading order of n_e/n_real at bias = 1, between 2/3 and 1 (theory.md 3.1; n_real >> dim).

    To this order synthetic data beside a fixed real set never helps, and never costs more than
    a third of it.

    Examples
    --------
    >>> augmentation_gain_leading(100, 100)
    0.75
    """
    n_r, n_s = _check.count("n_real", n_real), _check.count("n_synth", n_synth, minimum=0)
    return (n_r + 2 * n_s) / (n_r + 3 * n_s)


# --- memory --------------------------------------------------------------------------------------


def memory_limit(n_real: int, n_synth: int, *, memory: int, bias: float = 1.0) -> FirstMomentsLimit:
    """Limit of the fresh data loop with memory K (theory.md 2.8, exact; paper, Fig. 30).

    Yule-Walker equations for r_k = E mu_t . mu_(t-k): every synthetic sample comes from a
    uniformly drawn one of the last K models, so their scatter r_0 - E |mean|^2 counts as
    covariance of a sample.

    Examples
    --------
    >>> 1 / memory_limit(1000, 10_000, memory=100).mean_sq > 9000  # towards n = 11 000
    True
    """
    n_r, n_s = _check.count("n_real", n_real), _check.count("n_synth", n_synth)
    K = _check.count("memory", memory)
    share = n_s / (n_r + n_s)
    # Yule-Walker: r_k = (n_s/n) mean_(j < K) r_|k-1-j|, k = 1..K-1. One of the K lags is 0, and
    # the others' r_k/r_0 are all the same: r = share (1 + (K - 1) r)/K.
    r = share / (K - (K - 1) * share)
    return _fresh_limit(n_r, n_s, (1 + (K - 1) * r) / K, bias)


def memory_limit_all(n_real: int, n_synth: int, *, bias: float = 1.0) -> FirstMomentsLimit:
    """Limit K -> infinity of :func:`memory_limit`: the models' mean is the truth (2.8, exact).

    At lambda = 1 and large n_real the mean is worth n = n_real + n_synth real samples.

    Examples
    --------
    >>> round(1 / memory_limit_all(1000, 10_000).mean_sq)
    10990
    """
    n_r, n_s = _check.count("n_real", n_real), _check.count("n_synth", n_synth)
    return _fresh_limit(n_r, n_s, 0.0, bias)


def _fresh_limit(n_r: int, n_s: int, common: float, bias: float) -> FirstMomentsLimit:
    """Solve for (M, C) where the models' mean has E |.|^2 = common M."""
    lam = _check.number("bias", bias, low=0.0, high=1.0)
    n = n_r + n_s
    # A synthetic sample has covariance q = lambda C + (1 - common) M, the batch mean
    # common M + q/n_s.
    own, h = 1 - common, n_r * (n_s / n)
    batch_M, batch_C = common + own / n_s, lam / n_s
    # Rows of one scale: elimination then starts with the first and nothing cancels.
    inner = (n_s - 1) / (n - 1)
    h /= n - 1
    A = np.array(
        [
            [1 - (n_s / n) ** 2 * batch_M, -((n_s / n) ** 2) * batch_C],
            [-(inner * own + h * batch_M), 1 - inner * lam - h * batch_C],
        ]
    )
    b = np.array([n_r / n / n, (n_r - 1) / (n - 1) + h / n_r])
    return _positive(A, b)


def _positive(A: Array, b: Array) -> FirstMomentsLimit:
    """Solve A (M, C) = b; inf where the solution is no pair of moments: the loop diverges."""
    M, C = np.linalg.solve(A, b).tolist()
    return FirstMomentsLimit(M, C) if min(M, C) >= 0 else FirstMomentsLimit()


# --- weights -------------------------------------------------------------------------------------


def weighted_limit(
    n_real: int, n_synth: int, *, weight: float, bias: float = 1.0
) -> FirstMomentsLimit:
    """Limit of the fresh data loop with weight w on real data, memory 1 (theory.md 2.9, exact).

    M = w^2/n_r + (1 - w)^2 (M + lambda C/n_s),
    C = w + (1 - w) lambda C + w (1 - w)(1/n_r + M + lambda C/n_s); inf where they diverge (tiny
    weights at lambda = 1: the gap between real and synthetic mean feeds the covariance).

    Examples
    --------
    >>> golden = (5**0.5 - 1) / 2
    >>> round(1e4 * weighted_limit(10_000, 10_000, weight=golden).mean_sq / golden, 3)
    1.0
    """
    n_r, n_s = _check.count("n_real", n_real), _check.count("n_synth", n_synth)
    w = _check.number("weight", weight, low=0.0, high=1.0, open_=True)
    lam = _check.number("bias", bias, low=0.0, high=1.0)
    # Elimination underflows where a weight does; C is proportional to it there.
    w, least = max(w, _TINY), w
    v = 1 - w
    A = np.array([[w * (1 + v), -v * v * lam / n_s], [-w * v, 1 - v * lam - w * v * lam / n_s]])
    M, C = _positive(A, np.array([w * w / n_r, w + w * v / n_r]))
    return FirstMomentsLimit(M, C * (least / w))


def golden_weight(n_real: int, n_synth: int) -> float:
    """Best weight on real data at bias = 1 to leading order (theory.md 2.9; He, Xu, Cheng 2025).

    w = (sqrt(k^2 + 4k) - k)/2 with k = n_real/n_synth, the golden ratio at k = 1; the loop is
    then worth n_real/w real samples, without bound as k -> 0.

    Examples
    --------
    >>> round(golden_weight(100, 100), 6)
    0.618034
    """
    n_r, n_s = _check.count("n_real", n_real), _check.count("n_synth", n_synth)
    k = n_r / n_s
    # 2k/(sqrt(k^2 + 4k) + k): no cancellation at large k.
    return 2 * k / (math.sqrt(k * k + 4 * k) + k)
