"""Rigorous bounds on E tr Sigma^(1/2) of a product of Wishart factors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from madtheory._types import Array
from madtheory.laws.chi_square import log_gamma_ratio
from madtheory.spectrum.factors import Factors, deficit_sum
from madtheory.spectrum.limits import STEP, TAIL

_LONG = 2**25
#: Room for rounding in a bound that would otherwise be tight.
ROUNDING = 1e-9


def log_c4(dof: Array) -> Array:
    """Return log E (chi2_dof / dof)^{1/2}, to a small *relative* error (it is raised to the t)."""
    return np.asarray(log_gamma_ratio(dof / 2, 0.5), dtype=np.float64)


def log_norm_mean(dim: float) -> float:
    """Return log E |z| for z ~ N(0, I_dim)."""
    return 0.5 * math.log(dim) + float(log_c4(np.asarray(float(dim))))


def norm_mean(s: Array) -> float:
    """Return E |S z|, z ~ N(0, I): E sqrt(Q) = int (1 - E e^{-rQ}) r^{-3/2} dr / (2 sqrt(pi))."""
    total = float((s**2).sum())
    y = np.arange(-2 * TAIL, 2 * TAIL, STEP)
    laplace = -0.5 * np.log1p(2 * np.multiply.outer(np.exp(y), s**2 / total)).sum(axis=1)
    integral = -(np.expm1(laplace) * np.exp(-y / 2)).sum() * STEP
    return float(math.sqrt(total) * integral / (2 * math.sqrt(math.pi)))


@dataclass(frozen=True, slots=True)
class Block:
    """E tr(Sigma_0 W_t Sigma_0)^{1/2} for generations of one rank.

    Per unit of the upper bound exp(log_top) that the directional law gives, the mean K_t lies in
    [floor, 1] and falls from near 1 to exactly `floor` (Jensen; sqrt is concave and subadditive).
    """

    a: Array  # squared eigenvalues over the largest
    theta: float  # share of N(z) that comes from other directions
    spread: float  # D - 1 for Sigma_0 = I: first order is 1 - K = spread / 8 * sum 1/k_i
    floor: float
    share: Array  # (rank,) eigenvalues per unit of the upper bound
    factors: Factors
    log_top: Array  # (T,) log of the upper bound over tr Sigma_0
    flat: bool
    excess: float = 0.0  # log of the other upper bound, by `rank` dimensions, over tr Sigma_0

    @property
    def rank(self) -> int:
        """Of Sigma_t."""
        return self.share.size

    @property
    def singular(self) -> bool:
        """Whether Sigma_t has a lower rank than a Sigma_0 that is no multiple of I."""
        return not self.flat and self.rank < self.a.size


def flat_floor(rank: int) -> float:
    """Return 1 / (rank E|u_1|), u uniform on the sphere."""
    return math.exp(0.5 * math.log(math.pi / 2) + log_norm_mean(rank)) / rank


def log_triangular_bound(block: Block) -> Array:
    """Return log of a lower bound on K: ||L||_* >= tr L for the Bartlett factor L of W_t.

    tr(Sigma_0 W Sigma_0)^{1/2} is the nuclear norm of Sigma_0 L, at least its trace, whose mean is
    sum_i s_i prod_k E chi_{k-i+1} / sqrt(k). By AM-GM it beats theory.md 1.7's determinant bound.
    """
    index = np.arange(block.rank, dtype=np.float64)
    k = block.factors.sizes[:, None]
    logs = 0.5 * np.log1p(-index / k) + log_c4(k - index) - log_c4(k)
    weight = block.share
    if len(block.factors.counts) * index.size > _LONG:  # Jensen over i: one column, still a bound
        logs, weight = (logs @ (weight / weight.sum()))[:, None], weight.sum(keepdims=True)
    missing = 1 - float(block.share.sum()) if block.singular else 0.0
    deficit = missing + deficit_sum(block.factors, logs, weight)
    return np.log1p(-np.minimum(deficit, 1 - 1e-15))  # below that the floor is the bound


def log_moment_bound(block: Block) -> Array:
    """Return log of an upper bound on K for Sigma_0 = I: two-point Gauss rule of three moments.

    The fourth derivative of sqrt is negative, so the rule with the exact E tr W^j, j <= 3, is an
    upper bound. The moments come from the zonal polynomials of degree 2 and 3, whose means each
    factor multiplies by 1 + 2/k, 1 - 1/k and by (1 + 2/k)(1 + 4/k), (1 + 2/k)(1 - 1/k),
    (1 - 1/k)(1 - 2/k).
    """
    d, h = float(block.rank), 1 / block.factors.sizes
    up, down = block.factors.sum(np.log1p(2 * h)), block.factors.sum(np.log1p(-h))
    up2 = block.factors.sum(np.log1p(4 * h))
    last = np.expm1(block.factors.sum(np.log1p(-np.minimum(2 * h, 1 - 1e-16))) + down)
    with np.errstate(over="ignore", invalid="ignore"):
        second = ((d + 2) * np.expm1(up) - (d - 1) * np.expm1(down)) / 3
        third = (d + 2) * (d + 4) / 15 * np.expm1(up + up2)
        third += (d - 1) * ((d - 2) / 12 * last - 3 * (d + 2) / 20 * np.expm1(up + down))
        skew = (third - 3 * second) / (2 * second)
        width = np.sqrt(second + skew**2)
        loss = sum(
            (width - e * skew) / (2 * width) * (x / (1 + np.sqrt(1 + x))) ** 2 / 2
            for e in (1.0, -1.0)
            for x in (np.maximum(skew + e * width, -1.0),)
        )
    bound = np.log1p(-np.nan_to_num(loss, nan=0.0, posinf=0.0)) * (1 - ROUNDING)
    return np.asarray(bound - block.factors.sum(log_c4(block.factors.sizes)))
