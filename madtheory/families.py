"""Closed forms of the families that have one (theory.md 2.8, 2.9, 3.1, 3.2; paper, Section 4).

Each is derived on its own from the family's definition; :mod:`madtheory.recursions` answers the
same questions for any loop from one general system, and its tests compare both. All moments are
per unit of tr Sigma_0: mean_sq is E |mu - mu_0|^2, trace E tr Sigma.
"""

from __future__ import annotations

import cmath
import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from scipy import special

from madtheory import _validate
from madtheory.loops import Loop, UnsupportedLoop

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Arrays of float64.
Array: TypeAlias = "NDArray[np.float64]"

__all__ = [
    "FamilyLimit",
    "augmentation_gain_leading",
    "augmentation_limit",
    "golden_weight",
    "growing_pool_limit",
    "growing_pool_trace",
    "is_growing_pool",
    "memory_limit",
    "memory_limit_all",
    "weighted_limit",
]

#: Fewest and most terms of the growing pool's walk that are summed one by one.
_TERMS = 2**12, 2**17


class FamilyLimit(NamedTuple):
    """E |mu - mu_0|^2 and E tr Sigma at the limit, per unit of tr Sigma_0."""

    mean_sq: float
    trace: float


# ------------------------------------------------------------------------ synthetic augmentation
def augmentation_limit(n_real: int, n_synth: int, *, bias: float = 1.0) -> FamilyLimit:
    """Limit of the synthetic augmentation loop: fixed real set, memory 1 (theory.md 3.1, exact).

    Parameters
    ----------
    n_real, n_synth : int
        Fixed real and synthetic samples.
    bias : float
        Sampling bias lambda in [0, 1].

    Returns
    -------
    FamilyLimit
        With D = E |mu - x_r|^2: D = (n_s/n)^2 (D + lambda C/n_s),
        (n - 1) C = n_r - 1 + (n_s - 1) lambda C + (n_r n_s/n)(D + lambda C/n_s), M = 1/n_r + D.

    Examples
    --------
    >>> augmentation_limit(100, 100).mean_sq * 100 < 1.5  # fixed real data bounds the damage
    True
    """
    n_r, n_s = _validate.count("n_real", n_real), _validate.count("n_synth", n_synth)
    lam = _validate.number("bias", bias, low=0.0, high=1.0)
    n = n_r + n_s
    spread = n_s * lam / (n_r * (n + n_s))  # D/C
    inner = (n_s - 1) * lam + n_r * (n_s / n) * (spread + lam / n_s)
    trace = (n_r - 1) / (n - 1 - inner)
    return FamilyLimit(1 / n_r + spread * trace, trace)


def augmentation_gain_leading(n_real: int, n_synth: int) -> float:
    """Leading order of n_e/n_real at bias = 1, between 2/3 and 1 (theory.md 3.1; n_real >> dim).

    To this order synthetic data beside a fixed real set never helps, and never costs more than
    a third of it.

    Examples
    --------
    >>> augmentation_gain_leading(100, 100)
    0.75
    """
    n_r, n_s = _validate.count("n_real", n_real), _validate.count("n_synth", n_synth, minimum=0)
    return (n_r + 2 * n_s) / (n_r + 3 * n_s)


# ---------------------------------------------------------------------------------- growing pool
def is_growing_pool(loop: Loop) -> bool:
    """Whether every model is the fit to one ever-growing pool: the set-up of 3.2."""
    return (
        loop.pool == "accumulate"
        and (loop.pool_cap, loop.budget, loop.weight) == (None, None, None)
        and (loop.memory, loop.n_fresh, loop.floor) == (1, 0, 0.0)
        and loop.n_initial == loop.n_fixed == loop.n_shared
    )


def _require_growing_pool(loop: Loop, quantity: str) -> None:
    if not is_growing_pool(loop):
        raise UnsupportedLoop(
            f"{quantity} is computed for the plain growing pool only: n_initial = n_fixed, "
            f"no fresh data, memory 1, pool = accumulate, got {loop}"
        )


def growing_pool_trace(loop: Loop, generation: ArrayLike) -> Array:
    """E tr Sigma_t of the growing pool, at any real t >= 1 (theory.md 3.2, exact).

    With N = n_r + (t - 1) n_s samples behind generation t and m = N - ddof,
    E tr S_(t+1) = E tr S_t [m + lambda (n_s - 1 + N/(N + n_s))]/(m + n_s): a ratio of quadratics
    in t, so a ratio of gamma functions. At lambda < 1 a power law, t^(-(1 - lambda)).

    Parameters
    ----------
    loop : Loop
        A growing pool: ``synthetic_augmentation(n_real, n_synth, pool="accumulate")``.
    generation : array_like
        t, at least 1.

    Returns
    -------
    ndarray

    Raises
    ------
    UnsupportedLoop
        For any other loop.

    Examples
    --------
    >>> from madtheory.loops import synthetic_augmentation
    >>> pool = synthetic_augmentation(8, 8, pool="accumulate")
    >>> growing_pool_trace(pool, [1, 8]).round(4).tolist()
    [1.0, 0.9325]
    """
    _require_growing_pool(loop, "growing_pool_trace")
    t = np.asarray(generation, dtype=np.float64)
    zeros, poles = _roots(loop)
    start = loop.n_fixed / loop.n_synth  # N/n_s at t = 1

    def log_product(roots: NDArray[np.complex128]) -> Array:
        # log prod_root prod_(k=1..t-1) (N_k/n_s - root), N_k/n_s = start + k - 1.
        x = start - roots
        logs = special.loggamma(x + t[..., None] - 1) - special.loggamma(x)
        return np.asarray(np.real(logs.sum(axis=-1)), dtype=np.float64)

    ratio = np.exp(log_product(zeros) - log_product(poles))
    return np.asarray(loop.first_scale * ratio, dtype=np.float64)


def _roots(loop: Loop) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Zeros and poles of E tr S_(t+1)/E tr S_t in x = N/n_s."""
    n, lam, ddof = loop.n_synth, loop.bias, loop.ddof
    # [(N - ddof)(N + n) + lam ((n - 1)(N + n) + N)]/[(N + n)(N + n - ddof)], divided by n^2.
    b = 1 - ddof / n + lam
    c = -ddof / n + lam * (1 - 1 / n)
    # The larger root first; the smaller from the product of both, without cancellation.
    large = -(b + cmath.sqrt(b * b - 4 * c)) / 2
    small = c / large if large else 0j
    return np.array([large, small]), np.array([-1.0 + 0j, ddof / n - 1.0 + 0j])


def growing_pool_limit(loop: Loop) -> FamilyLimit:
    """Limit of the growing pool (theory.md 3.2; exact, its walk summed to 1e-10).

    E |mu_(t+1)|^2 = E |mu_t|^2 + lambda n_s E tr S_t/(N_t + n_s)^2. To leading order at
    lambda = 1 and n_r = n_s = n: (pi^2/6)/n, so n_e/n -> 6/pi^2; at lambda < 1 the trace goes to
    0 like a power of t, and the mean still comes to rest. With ddof = 0 and lambda = 1 a new
    sample's E |x - mu_0|^2 is the pool's own: mean_sq + trace stays 1, so what the mean wanders
    is what the covariance loses.

    Examples
    --------
    >>> from madtheory.loops import synthetic_augmentation
    >>> pool = synthetic_augmentation(10_000, 10_000, pool="accumulate")
    >>> round(1e4 * growing_pool_limit(pool).mean_sq, 3)  # pi^2/6 = 1.645
    1.645
    """
    _require_growing_pool(loop, "growing_pool_limit")
    n_r, n_s, lam = loop.n_fixed, loop.n_synth, loop.bias
    if lam > 1:
        return FamilyLimit(math.inf, math.inf)

    def walk(terms: int) -> float:
        t = np.arange(1.0, terms + 1)
        steps = n_s * growing_pool_trace(loop, t) / (n_r + t * n_s) ** 2
        # What is left falls like the integral from terms + 1/2 on of N^-(3 - lambda).
        tail = float(growing_pool_trace(loop, terms + 0.5)) / (n_r + (terms + 0.5) * n_s)
        return lam * (math.fsum(steps.tolist()) + tail / (2 - lam))

    # The tail's error falls like terms^-(3 - lambda) once the pool is far larger than its first
    # samples: one step of Richardson.
    terms = int(min(max(_TERMS[0], 1024 * n_r / n_s), _TERMS[1]))
    coarse, fine = walk(terms // 2), walk(terms // 2 * 2)
    total = fine + (fine - coarse) / (2 ** (3 - lam) - 1)
    return FamilyLimit(1 / n_r + total, _pool_trace_limit(loop))


def _pool_trace_limit(loop: Loop) -> float:
    """lim E tr S_t: the gamma functions that are left, or 0 where a power of t is."""
    if loop.bias < 1:
        return 0.0
    zeros, poles = _roots(loop)
    start = loop.n_fixed / loop.n_synth
    logs = special.loggamma(start - poles).sum() - special.loggamma(start - zeros).sum()
    return float(loop.first_scale * np.exp(np.real(logs)))


# ---------------------------------------------------------------------------------------- memory
def memory_limit(n_real: int, n_synth: int, *, memory: int, bias: float = 1.0) -> FamilyLimit:
    """Limit of the fresh data loop with memory K (theory.md 2.8, exact; paper, Fig. 30).

    Yule-Walker equations for r_k = E mu_t . mu_(t-k): every synthetic sample comes from a
    uniformly drawn one of the last K models, so their scatter r_0 - E |mean|^2 counts as
    covariance of a sample.

    Parameters
    ----------
    n_real, n_synth, memory : int
        Fresh real and synthetic samples; K models.
    bias : float
        Sampling bias lambda in [0, 1].

    Examples
    --------
    >>> 1 / memory_limit(1000, 10_000, memory=100).mean_sq > 9000  # towards n = 11 000
    True
    """
    n_r, n_s = _validate.count("n_real", n_real), _validate.count("n_synth", n_synth)
    K = _validate.count("memory", memory)
    share = n_s / (n_r + n_s)
    # r_k/r_0 for k = 1..K-1: r_k = (n_s/n) mean_j r_|k-1-j|.
    A, b = np.eye(K - 1), np.zeros(K - 1)
    for k in range(1, K):
        for j in range(K):
            lag = abs(k - 1 - j)
            if lag:
                A[k - 1, lag - 1] -= share / K
            else:
                b[k - 1] += share / K
    ratios = np.concatenate([[1.0], np.linalg.solve(A, b)]) if K > 1 else np.ones(1)
    lags = np.abs(np.subtract.outer(np.arange(K), np.arange(K)))
    return _fresh_limit(n_r, n_s, float(ratios[lags].mean()), bias)


def memory_limit_all(n_real: int, n_synth: int, *, bias: float = 1.0) -> FamilyLimit:
    """Limit K -> infinity of :func:`memory_limit`: the models' mean is the truth (2.8, exact).

    At lambda = 1 and large n_real the mean is worth n = n_real + n_synth real samples.

    Examples
    --------
    >>> round(1 / memory_limit_all(1000, 10_000).mean_sq)
    10990
    """
    n_r, n_s = _validate.count("n_real", n_real), _validate.count("n_synth", n_synth)
    return _fresh_limit(n_r, n_s, 0.0, bias)


def _fresh_limit(n_r: int, n_s: int, common: float, bias: float) -> FamilyLimit:
    """Solve for (M, C) where the models' mean has E |.|^2 = common M."""
    lam = _validate.number("bias", bias, low=0.0, high=1.0)
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


def _positive(A: Array, b: Array) -> FamilyLimit:
    """Solve A (M, C) = b; inf where the solution is no pair of moments: the loop diverges."""
    M, C = np.linalg.solve(A, b).tolist()
    return FamilyLimit(M, C) if min(M, C) >= 0 else FamilyLimit(math.inf, math.inf)


# --------------------------------------------------------------------------------------- weights
def weighted_limit(n_real: int, n_synth: int, *, weight: float, bias: float = 1.0) -> FamilyLimit:
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
    n_r, n_s = _validate.count("n_real", n_real), _validate.count("n_synth", n_synth)
    w = _validate.number("weight", weight, low=0.0, high=1.0, open_=True)
    lam = _validate.number("bias", bias, low=0.0, high=1.0)
    v = 1 - w
    A = np.array([[w * (1 + v), -v * v * lam / n_s], [-w * v, 1 - v * lam - w * v * lam / n_s]])
    return _positive(A, np.array([w * w / n_r, w + w * v / n_r]))


def golden_weight(n_real: int, n_synth: int) -> float:
    """Best weight on real data at bias = 1 to leading order (theory.md 2.9; He, Xu, Cheng 2025).

    w = (sqrt(k^2 + 4k) - k)/2 with k = n_real/n_synth, the golden ratio at k = 1; the loop is
    then worth n_real/w real samples, without bound as k -> 0.

    Examples
    --------
    >>> round(golden_weight(100, 100), 6)
    0.618034
    """
    n_r, n_s = _validate.count("n_real", n_real), _validate.count("n_synth", n_synth)
    k = n_r / n_s
    # 2k/(sqrt(k^2 + 4k) + k): no cancellation at large k.
    return 2 * k / (math.sqrt(k * k + 4 * k) + k)
