"""E W2^2 from the moments of a model that is invariant under rotations (theory.md 2.4, 2.10).

What W2^2 needs of a loop is its mean, its trace, the two variances of its covariance, and how
skew their spectrum is. Fresh data loop and any other loop share what follows from these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

from madtheory.covariance import Spectrum
from madtheory.laws.chi_square import log_chi_square_moment
from madtheory.results import Estimate

if TYPE_CHECKING:
    from madtheory._types import Array

#: Spreads are cut here; W2 then hangs on the bounds alone.
WIDEST = 1e12
#: Beyond this a few rare paths make the variance, and it says nothing about the rest.
HEAVY = 20.0


class Spread(NamedTuple):
    """What W2 needs of the whitened model, per unit of tr Sigma_0; arrays or 0-d.

    mean_sq = E |mu|^2/r, shift = c - 1 with c = E tr Sigma/r, total = E tr (Sigma - c)^2/(r c^2),
    diagonal = Var Sigma_11/c^2, off = Var Sigma_12/c^2.
    """

    mean_sq: Array
    shift: Array
    total: Array
    diagonal: Array
    off: Array


class Seen(NamedTuple):
    """What deficits need of a spectrum, of single directions in it: the Bures weight of each."""

    bures_weight: Array
    rank: int


def spread_of(rank: int, mean_sq: Array, shift: Array, total: Array, trace: Array) -> Spread:
    """From E|mu|^2, E tr(Sigma - 1), E tr (Sigma - c)^2 and Var tr Sigma (theory.md 2.10).

    By rotation invariance Cov(Sigma_ij, Sigma_kl) = a d_ij d_kl + b (d_ik d_jl + d_il d_jk), so
    total = a r + b r (r + 1) and trace = a r^2 + 2 b r.
    """
    r = float(rank)
    total, trace = np.minimum(total, WIDEST**2), np.minimum(trace, WIDEST**2)
    square = np.square(1 + shift / r)
    unit = np.divide(1.0, square, out=np.zeros_like(square), where=square > 0)
    b = np.zeros_like(total) if rank == 1 else (total - trace / r) / ((r - 1) * (r + 2))
    diagonal = (trace - 2 * b * r) / r**2 + 2 * b
    clipped = [np.clip(x * unit, 0.0, WIDEST) for x in (total / r, diagonal, b)]
    return Spread(mean_sq / r, shift / r, *clipped)


def widest_spread(rank: int, mean_sq: float, shift: float) -> Spread:
    """First moments without second ones."""
    widest = np.asarray(WIDEST)
    return Spread(np.asarray(mean_sq), np.asarray(shift), widest, widest, widest * (rank > 1))


class Memory(NamedTuple):
    """How the covariance's fluctuation came about, to leading order; arrays or 0-d.

    skew = kappa_3 c/kappa_2^2 of its spectrum (1: one Wishart, 3/2: a long product, more: spikes);
    start = share of kappa_2 that comes from the first model and from delta delta^T.
    """

    skew: Array
    start: Array


def memory_of(second: Array, started: Array, third: Array, c: Array) -> Memory:
    """Skew and share from kappa_2, its started part and kappa_3."""
    safe = np.where(second > 0, second, 1.0)
    # Two divisions: second**2 leaves the range of float64 before the ratio does.
    skew = np.where(second > 0, third / safe * (c / safe), 1.0)
    return Memory(np.maximum(skew, 1.0), np.where(second > 0, started / safe, 1.0))


def assemble(spread: Spread, deficit: Array, total: float) -> Array:
    """E W2^2 from deficit = 1 - E fidelity/(sqrt(c) tr Sigma_0), without cancellation."""
    root = np.sqrt(1 + spread.shift)
    bias_part = np.square(spread.shift / (1 + root))
    return np.asarray(total * (spread.mean_sq + bias_part + 2 * root * deficit))


def second_order_deficit(spread: Spread, s: Spectrum) -> Array:
    """Second order of the square root at c I (theory.md 2.4, 2.10)."""
    return (spread.diagonal + s.bures_weight * spread.off) / 8


def _confluent(x: Array, upper: tuple[float, ...], exact: Array) -> Array:
    """F - 1 of the hypergeometric series with parameters `upper` over 2, by its series near 0."""
    term, total = np.ones_like(x), np.zeros_like(x)
    near = np.where(np.abs(x) < 0.05, x, 0.0)
    for k in range(10):
        factor = np.prod([u + k for u in upper])
        term = term * near * (factor / ((2 + k) * (k + 1)))
        total = total + term
    return np.where(np.abs(x) < 0.05, total, exact - 1)


def _log_narrow(x: Array) -> Array:
    """log of int sqrt over Marchenko-Pastur of ratio x: 2F1(1/2, -1/2; 2; x), both branches."""
    ratio = np.where(x > 1, 1 / np.maximum(x, 1.0), x)
    exact = np.asarray(special.hyp2f1(0.5, -0.5, 2.0, ratio), dtype=np.float64)
    value = np.log1p(_confluent(ratio, (0.5, -0.5), exact))
    return value - 0.5 * np.log(np.maximum(x, 1.0))


def _log_wide(x: Array) -> Array:
    """log of the same over the limit law of a long product: e^{-x/4} [I_0 + I_1](x/4)."""
    exact = np.asarray(special.i0e(x / 4) + special.i1e(x / 4), dtype=np.float64)
    return np.log1p(_confluent(-x / 2, (0.5,), exact))


def log_of_two_points(variance: Array, skew: Array) -> Array:
    """log E sqrt of two points of mean 1, this variance and third cumulant skew variance^2.

    No law of these moments has a larger mean root: Gauss quadrature by two nodes is too large where
    fourth derivatives are negative.
    """
    size = np.sqrt(variance)
    third = skew * size
    apart = np.hypot(third, 2.0)
    low, high = 2 / (third + apart), (third + apart) / 2  # below and above 1, in deviations
    roots = high * np.sqrt(np.maximum(1 - size * low, 0.0)) + low * np.sqrt(1 + size * high)
    return np.asarray(np.log(roots / apart))


def log_shape(spread: Spread, weight: float | Array, memory: Memory) -> Array:
    """log E fidelity/(sqrt(c) tr Sigma_0): two laws of the same variance, mixed by the skew.

    Diagonal (a gamma or a log-normal variable) times off-diagonal part (one Wishart or a long
    product of them), so that d = 1, one fit and the second order are right; the third order is
    right as far as the skew is. Beyond skew 3/2 the mixture is extrapolated, less at large spread.
    """
    # Beyond HEAVY a few rare paths make the variance, and it says nothing about the rest.
    diagonal, off = (np.minimum(x, HEAVY) for x in (spread.diagonal, weight * spread.off))
    dof = 2 / np.maximum(diagonal, 1e-30)
    narrow = log_chi_square_moment(0.5, dof, dof) + _log_narrow(off)
    wide = -np.log1p(diagonal) / 8 + _log_wide(off)
    mix = 2 * (memory.skew - 1)
    mix = np.where(mix > 1, 1 + (mix - 1) / (1 + diagonal + off), mix)
    return np.asarray(narrow + mix * (wide - narrow))


def estimate(spread: Spread, deficits: Array, total: float) -> Estimate:
    """E W2^2 with bounds and relative error from the deficits."""
    value, lower, upper = (assemble(spread, x, total) for x in deficits[:3])
    error = 2 * total * np.sqrt(1 + spread.shift) * deficits[3]
    return Estimate(value, lower, upper, np.where(error > 0, error / value, 0.0))
