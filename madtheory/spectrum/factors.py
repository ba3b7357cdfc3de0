"""A product of Wishart factors by their degrees of freedom, and sums over them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from madtheory import _check
from madtheory._types import Array
from madtheory.spectrum.limits import STEP, TAIL, generation_counts

#: Largest number of matrix entries held at once, and worked through for a bound.
_CHUNK = 2**21


@dataclass(frozen=True, slots=True)
class Factors:
    """Wishart factors 1..t of each generation t, as counts of their distinct sizes."""

    sizes: Array  # (U,)
    counts: Array  # (T, U)

    def sum(self, per_size: Array) -> Array:
        """Return sum over the factors, (T,) or (T, J), for `per_size` (U,) or (U, J)."""
        out: Array = self.counts @ per_size
        return out

    def moved(self, out: float, into: float) -> Factors:
        """Return the factors with one of size `out` replaced by one of size `into`."""
        sizes = np.append(self.sizes, into)
        change = np.append(-(self.sizes == out).astype(np.float64), 1.0)
        return Factors(sizes, np.pad(self.counts, ((0, 0), (0, 1))) + change).at(slice(None))

    def at(self, rows: NDArray[np.intp] | slice) -> Factors:
        """Return the factors of some generations only, without sizes that none of them has."""
        counts = self.counts[rows]
        used = counts.any(axis=0)
        return Factors(self.sizes[used], counts[:, used])


def wishart_factors(dofs: Array) -> Factors:
    """Return the factors of generations 1..T for degrees of freedom (T,)."""
    sizes, index = np.unique(dofs, return_inverse=True)
    counts = np.zeros((dofs.size, sizes.size))
    counts[np.arange(dofs.size), index] = 1.0
    return Factors(sizes, counts.cumsum(axis=0))


def deficit_sum(factors: Factors, logs: Array, weight: Array) -> Array:
    """Return sum_j weight_j (1 - exp(sum over the factors of logs[., j])), (T,), by chunks."""
    rows = max(1, _CHUNK // logs.shape[1])
    parts = [
        -np.expm1(factors.counts[i : i + rows] @ logs) @ weight
        for i in range(0, len(factors.counts), rows)
    ]
    return np.concatenate(parts)


def _cut_nodes(a: Array, largest: float) -> tuple[Array, Array]:
    """Return N(z) and the weights of (2/pi) z^{-1/2} N'(z) dz on {N < largest}, z = e^y.

    Where N stays below `largest` the trapezoid rule is exponentially convergent. Otherwise the
    integrand ends at z* with a root, which z/z* = logistic(pi sinh(w)) smooths out.
    """
    if largest >= a.size:
        y = np.arange(-2 * TAIL, 0.7 * TAIL - math.log(max(a.min(), 1e-28)), STEP)
        dy = np.full_like(y, STEP)
    else:
        top = optimize.brentq(lambda y: special.expit(y + np.log(a)).sum() - largest, -1e3, 1e3)
        w = np.arange(-4.2, 3.7, STEP / 8)
        y = top + special.log_expit(np.pi * np.sinh(w))
        dy = special.expit(-np.pi * np.sinh(w)) * np.pi * np.cosh(w) * STEP / 8
    n = special.expit(np.add.outer(y, np.log(a)))  # (J, d)
    slope = (n * (1 - n)).sum(axis=1)
    return n.sum(axis=1), 2 / np.pi * np.exp(-y / 2) * slope * dy


def cut_deficit(a: Array, theta: float, factors: Factors) -> Array:
    """Return 1 - (2/pi) int z^{-1/2} N' prod_i (1 - theta N/k_i)_+^{1/2} dz / sum sqrt(a), (T,)."""
    if theta == 0:
        return np.zeros(len(factors.counts))
    n, weight = _cut_nodes(a, float(factors.sizes.min()) / theta)
    weight = weight / np.sqrt(a).sum()
    ratio = np.minimum(np.multiply.outer(theta / factors.sizes, n), 1 - 1e-16)
    # Beyond the end of the cut the product is 0: what the nodes do not cover is deficit.
    missing = max(0.0, 1.0 - float(weight.sum())) if factors.sizes.min() < theta * a.size else 0.0
    return missing + deficit_sum(factors, 0.5 * np.log1p(-ratio), weight)


def cut_deficit_by_part(dim: float, factors: Factors) -> Array:
    """Return the limit deficit; generations with and without the smallest factor apart."""
    present = np.where(factors.counts > 0, factors.sizes, np.inf).min(axis=1)
    out = np.empty(len(present))
    for smallest in np.unique(present):
        rows = np.flatnonzero(present == smallest)
        out[rows] = cut_deficit(np.ones(1), dim, factors.at(rows))
    return out


def chain(first: int, later: int, generations: ArrayLike) -> Factors:
    """Return the factors of the given generations t >= 1: one `first`, then t - 1 times `later`."""
    t = generation_counts(generations)
    if t.ndim != 1 or t.size == 0 or t.min() < 1:
        raise ValueError(f"generations must be a non-empty vector of t >= 1, got {generations!r}")
    first = _check.count("first", first)
    later = _check.count("later", later)
    if first == later:
        return Factors(np.array([float(first)]), t[:, None])
    counts = np.stack([np.ones_like(t), t - 1], axis=1)
    return Factors(np.array([first, later], dtype=np.float64), counts)
