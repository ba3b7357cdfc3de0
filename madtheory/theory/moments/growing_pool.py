"""A pool that keeps everything: trace, limit at bias 1, power law below (theory.md 3.2)."""

from __future__ import annotations

import cmath
import math
from dataclasses import fields
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from madtheory import _check
from madtheory.loop import Loop, UnsupportedLoop, require_loop
from madtheory.results import FirstMomentsLimit

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from madtheory._types import Array


#: Fewest and most terms of the walk that are summed one by one.
_TERMS = 2**12, 2**17


def is_growing_pool(loop: Loop) -> bool:
    """Whether every model is the fit to one ever-growing pool: the set-up of 3.2."""
    require_loop(loop)
    return (
        loop.keeps_all
        and (loop.budget, loop.weight) == (None, None)
        and (loop.memory, loop.n_fresh, loop.floor) == (1, 0, 0.0)
        and loop.n_initial == loop.n_fixed == loop.n_shared
    )


def _told(loop: Loop) -> str:
    """The fields of a loop that are not as they are by default."""
    given = {f.name: getattr(loop, f.name) for f in fields(loop)}
    rest = {f.name: f.default for f in fields(loop)}
    return ", ".join(
        f"{name} = {'all' if x is None else x}" for name, x in given.items() if x != rest[name]
    )


def _require_growing_pool(loop: Loop, quantity: str) -> None:
    if not is_growing_pool(loop):
        raise UnsupportedLoop(
            f"{quantity} is computed for the plain growing pool only: n_initial = n_fixed, "
            f"no fresh data, memory 1, pool = accumulate, got {_told(loop)}"
        )


def growing_pool_trace(loop: Loop, generation: ArrayLike) -> Array:
    """E tr Sigma_t of the growing pool, at any real t >= 1 (theory.md 3.2, exact).

    With N = n_r + (t - 1) n_s samples behind generation t and m = N - ddof,
    E tr S_(t+1) = E tr S_t [m + lambda (n_s - 1 + N/(N + n_s))]/(m + n_s): a ratio of quadratics
    in t, so a ratio of gamma functions. At lambda < 1 a power law, t^(-(1 - lambda)).

    Examples
    --------
    >>> pool = synthetic_augmentation(8, 8, pool="accumulate")
    >>> growing_pool_trace(pool, [1, 8]).round(4).tolist()
    [1.0, 0.9325]
    """
    _require_growing_pool(loop, "growing_pool_trace")
    t = _check.floats("generation", generation)
    if not (np.isfinite(t).all() and (t >= 1).all()):
        raise ValueError(f"generation must be finite and at least 1, got {generation!r}")
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
    n, lam, ddof = loop.n_synth, loop.scalar_bias, loop.ddof
    # [(N - ddof)(N + n) + lam ((n - 1)(N + n) + N)]/[(N + n)(N + n - ddof)], divided by n^2.
    b = 1 - ddof / n + lam
    c = -ddof / n + lam * (1 - 1 / n)
    # The larger root first; the smaller from the product of both, without cancellation.
    large = -(b + cmath.sqrt(b * b - 4 * c)) / 2
    small = c / large if large else 0j
    return np.array([large, small]), np.array([-1.0 + 0j, ddof / n - 1.0 + 0j])


def growing_pool_limit(loop: Loop) -> FirstMomentsLimit:
    """Limit of the growing pool (theory.md 3.2; exact, its walk summed to 1e-10).

    E |mu_(t+1)|^2 = E |mu_t|^2 + lambda n_s E tr S_t/(N_t + n_s)^2. To leading order at
    lambda = 1 and n_r = n_s = n: (pi^2/6)/n, so n_e/n -> 6/pi^2; at lambda < 1 the trace goes to
    0 like a power of t, and the mean still comes to rest. With ddof = 0 and lambda = 1 a new
    sample's E |x - mu_0|^2 is the pool's own: mean_sq + trace stays 1, so what the mean wanders
    is what the covariance loses.

    Examples
    --------
    >>> pool = synthetic_augmentation(10_000, 10_000, pool="accumulate")
    >>> round(1e4 * growing_pool_limit(pool).mean_sq, 3)  # pi^2/6 = 1.645
    1.645
    """
    _require_growing_pool(loop, "growing_pool_limit")
    n_r, n_s, lam = loop.n_fixed, loop.n_synth, loop.scalar_bias
    if lam > 1:
        return FirstMomentsLimit()

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
    return FirstMomentsLimit(1 / n_r + total, _pool_trace_limit(loop))


def _pool_trace_limit(loop: Loop) -> float:
    """lim E tr S_t: the gamma functions that are left, or 0 where a power of t is."""
    if loop.scalar_bias < 1:
        return 0.0
    zeros, poles = _roots(loop)
    start = loop.n_fixed / loop.n_synth
    logs = special.loggamma(start - poles).sum() - special.loggamma(start - zeros).sum()
    return float(loop.first_scale * np.exp(np.real(logs)))


def _pool_factor(loop: Loop) -> Fraction:
    """s of (E): what a generation's batch has of the pool's covariance, per unit."""
    bias = Fraction(loop.scalar_bias)
    if loop.budget is None:
        return bias
    kept = Fraction(loop.budget - 1, loop.budget - loop.ddof)
    return bias * kept + Fraction(1, loop.budget)


def is_anchored(loop: Loop) -> bool:
    """Whether real data keep a share of a late fit."""
    return loop.weight not in (None, 0.0) or (loop.budget is not None and loop.n_fresh > 0)


def _forgets(loop: Loop) -> bool:
    """Whether a pool keeps everything, and the real data's share goes to 0."""
    return loop.keeps_all and not is_anchored(loop) and loop.floor == 0


def pool_exponent(loop: Loop) -> float:
    """Exponent e of E tr Sigma_t ~ t^e where a pool keeps everything (E; asymptotic in t).

    s - 1, or sqrt(s) - 1 at memory None. 0: the covariance converges to a positive limit. For
    loops without weight and floor; with a budget also without fresh samples.

    Examples
    --------
    >>> pool = synthetic_augmentation(10, 10, pool="accumulate", bias=0.75)
    >>> round(pool_exponent(pool), 12)
    -0.25
    >>> pool_exponent(synthetic_augmentation(10, 10, pool="accumulate", budget=20))
    0.05
    """
    require_loop(loop)
    if not _forgets(loop):
        raise UnsupportedLoop(
            "the exponent is computed for pools that keep everything and forget the real data "
            f"only, got a loop of the family {loop.family}"
        )
    s = _pool_factor(loop)
    return float(s - 1) if loop.memory is not None else math.sqrt(s) - 1.0


def growing_pool_dies(loop: Loop) -> bool:
    """Whether the covariance of a pool that keeps everything goes to 0, by :func:`pool_exponent`.

    Examples
    --------
    >>> growing_pool_dies(synthetic_augmentation(10, 10, pool="accumulate", bias=0.75))
    True
    """
    require_loop(loop)
    return _forgets(loop) and pool_exponent(loop) < 0


def anchored_pool_gain(loop: Loop) -> float:
    """What a pool that keeps everything beside a fixed real share passes on; bounded below 1."""
    if loop.budget is None:
        return loop.scalar_bias * (1.0 - loop.real_share)
    n = loop.budget + loop.n_fresh
    kept = (loop.budget - 1 + loop.n_fresh / n) / (n - loop.ddof)
    return loop.scalar_bias * kept + loop.budget / n**2
