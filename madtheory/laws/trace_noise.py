"""The noise Y of tr Sigma_t = lambda Y tr Sigma_(t-1): a generalized chi-square (theory.md 1.10).

Y = sum_i w_i chi2_m,i / m, where w = eig(Sigma_(t-1)), not all zero, is normalised to sum 1: its
law, its variance, and how much of it must leave 1 +- eps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from madtheory import _check
from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.laws.chi_square import log1p_pair
from madtheory.laws.tails import log_tails


def _weights(weights: ArrayLike) -> Array:
    """Validate weights and make them sum to 1, zeros removed, largest first."""
    w = Spectrum.of(weights, "weights").values
    w = w / w[0]  # first, so that the sum cannot overflow
    w = w / w.sum()
    return np.asarray(w[w > 0], dtype=np.float64)


def trace_noise_variance(weights: ArrayLike, dof: int) -> float:
    """Return Var Y = 2 sum w_i^2 / m, at least 2 / (m d) (theory.md 1.10).

    Examples
    --------
    >>> trace_noise_variance([1.0, 1.0], 4)
    0.25
    """
    w = _weights(weights)
    return 2.0 * float(w @ w) / _check.count("dof", dof)


@dataclass(frozen=True, slots=True)
class _TraceNoise:
    """Cumulants of Y - 1: K(s) = -sum (m_j / 2) [log(1 - v_j s) + v_j s], v_j = 2 w_j / m.

    Y - 1 rather than Y keeps its digits when m is large and Y close to 1. `dofs` are m times
    the multiplicity of each distinct weight.
    """

    scales: Array
    dofs: Array

    @property
    def low(self) -> float:
        return -math.inf

    @property
    def high(self) -> float:
        return float(1.0 / self.scales[0])

    def value(self, s: NDArray[np.complex128]) -> NDArray[np.complex128]:
        total = np.zeros_like(s)
        for v, k in zip(self.scales, self.dofs, strict=True):
            u = -v * s
            total -= 0.5 * k * log1p_pair(u, np.ones_like(u), 1.0 + u)[1]
        return total

    def derivative(self, order: int, s: float) -> float:
        v, k = self.scales, self.dofs
        if order == 1:
            return float(np.sum(0.5 * k * v * v * s / (1.0 - v * s)))
        return float(np.sum(0.5 * k * (v / (1.0 - v * s)) ** order)) * (order - 1)


def _trace_noise(weights: ArrayLike, dof: int) -> _TraceNoise:
    """Merge equal weights; tiny ones stay, they cost nothing."""
    m = _check.count("dof", dof)
    values, counts = np.unique(_weights(weights), return_counts=True)
    dofs = np.asarray(counts[::-1] * float(m), dtype=np.float64)
    return _TraceNoise(2.0 * values[::-1] / m, dofs)


def trace_noise_log_tails(excess: float, weights: ArrayLike, dof: int) -> tuple[float, float]:
    """Return (log P(Y <= 1 + excess), log P(Y > 1 + excess)) for Y = sum w_i chi2_m,i / m.

    The smaller one has relative accuracy near 1e-12, however small. Taking Y - 1 as the
    argument keeps the digits at large m.

    Examples
    --------
    >>> lower, upper = trace_noise_log_tails(19.0, [0.5, 0.3, 0.2], 9)
    >>> f"{upper:.6f}"
    '-158.028834'
    """
    y = _check.number("excess", excess)
    if y <= -1.0:
        return (-math.inf, 0.0)
    return log_tails(_trace_noise(weights, dof), y)


def trace_noise_cdf(y: ArrayLike, weights: ArrayLike, dof: int) -> Array:
    """Return P(Y <= y) for Y = sum_i w_i chi2_m,i / m (Appendix A, theory.md 1.10; exact).

    Examples
    --------
    >>> f"{float(trace_noise_cdf(1.1, [0.5, 0.3, 0.2], 9)):.10f}"
    '0.6698924891'
    """
    points = np.asarray(y, dtype=np.float64)
    if np.isnan(points).any():
        raise ValueError(f"y must not be NaN, got {y!r}")
    noise = _trace_noise(weights, dof)

    def at(v: float) -> float:
        if v <= 0.0:
            return 0.0
        return 1.0 if math.isinf(v) else math.exp(log_tails(noise, v - 1.0)[0])

    return np.asarray(np.vectorize(at, otypes=[float])(points))


# --- anti-concentration (1.10) -------------------------------------------------------------------


def _paley_zygmund(eps: float, dim: int, dof: float) -> float:
    """(1 - eps^2/V)^2 / (3 + 12/m) at V = 2/(md), the least variance; 0 where eps^2 >= V.

    Paley-Zygmund for Z = (Y-1)^2: P(Z > eps^2) >= (1 - eps^2/V)^2 V^2 / E Z^2 with
    E Z^2 = 3 V^2 + 48 sum w^4 / m^3 <= (3 + 12/m) V^2; increasing in V >= 2/(md).
    """
    return max(0.0, 1.0 - eps**2 * dof * dim / 2.0) ** 2 / (3.0 + 12.0 / dof)


def _largest_weight(eps: float, dim: int, dof: float) -> float:
    """Lower bound on P(Y > 1 + eps) from the largest weight w >= 1/d and the rest R.

    P(R >= h (1-w)) >= (1-h)^2 / (1 + 2/m) for 0 <= h < 1 (Paley-Zygmund: E R = 1-w and
    E R^2 <= (1-w)^2 (1 + 2/m)), independently of the first term, and w q + h (1-w) > 1 + eps
    iff q > h + (1 + eps - h) / w, largest at w = 1/d. With h = 0, R >= 0 needs no factor.
    """
    h = np.concatenate([[0.0], np.linspace(0.0, 0.98, 50)])
    factor = np.concatenate([[1.0], (1.0 - h[1:]) ** 2 / (1.0 + 2.0 / dof)])
    return float(np.max(factor * special.chdtrc(dof, dof * (h + dim * (1.0 + eps - h)))))


def anti_concentration_bound(eps: float, dim: int, dof: int) -> float:
    r"""Return c with P(\|Y - 1\| > eps) >= c for every choice of d weights (1.10; bound).

    Appendix A asserts that some c > 0 exists for each 0 < eps < 1. This is
    c = max(Paley-Zygmund, P(q < 1-eps)^d + max(P(q > 1+eps)^d, largest weight)), q = chi2_m/m:
    Y, an average of the q_i, is below 1-eps when every q_i is, above 1+eps when every q_i is,
    and the two events are disjoint. It is 0 only by underflow.

    Examples
    --------
    >>> f"{anti_concentration_bound(0.5, 2, 1):.6f}"
    '0.354185'
    """
    e = _check.number("eps", eps, low=0.0, high=1.0, open_=True)
    d = _check.count("dim", dim)
    m = float(_check.count("dof", dof))
    below = float(special.chdtr(m, m * (1.0 - e))) ** d
    above = float(special.chdtrc(m, m * (1.0 + e))) ** d
    return max(_paley_zygmund(e, d, m), below + max(above, _largest_weight(e, d, m)))


def _outside(eps: float, noise: _TraceNoise) -> float:
    """P(|Y - 1| > eps)."""
    return math.exp(log_tails(noise, -eps)[0]) + math.exp(log_tails(noise, eps)[1])


def _two_level(share: float, group: int, dim: int) -> Array:
    """Weights share/group on `group` coordinates, (1-share)/(d-group) on the others."""
    rest = dim - group
    head = np.full(group, share / group)
    return np.concatenate([head, np.full(rest, (1.0 - share) / rest)]) if rest else head


def _groups(dim: int) -> list[int]:
    """Sizes of the first level to try: all of them up to 8, then geometric, then d."""
    return sorted({*range(1, min(dim, 8) + 1), *(2**k for k in range(3, 24) if 2**k < dim), dim})


def _best_share(eps: float, group: int, dim: int, dof: int) -> tuple[float, Array]:
    """Minimise over the share of the first level, which runs from group/dim to 1."""

    def objective(share: float) -> float:
        return _outside(eps, _trace_noise(_two_level(share, group, dim), dof))

    low = group / dim
    shares = [low, 1.0] if low < 1.0 else [1.0]
    if low < 1.0:
        inner = optimize.minimize_scalar(objective, bounds=(low, 1.0), method="bounded")
        shares.append(float(inner.x))
    best = min(shares, key=objective)
    return objective(best), _two_level(best, group, dim)


def anti_concentration_minimum(eps: float, dim: int, dof: int) -> tuple[float, Array]:
    r"""Return the least P(\|Y - 1\| > eps) over the simplex, and its weights (1.10; numerical).

    The search runs over weights of at most two levels (group sizes up to 8, then powers of 2,
    then d); the probability itself is exact to 1e-12. As a search it bounds the true minimum
    from above, as :func:`anti_concentration_bound` does from below. d is at most 10^5.

    Returns
    -------
    value : float
    weights : ndarray, shape (d,)
        Largest first, sum 1.

    Examples
    --------
    >>> value, weights = anti_concentration_minimum(0.5, 2, 1)
    >>> f"{value:.6f}", weights
    ('0.616600', array([0.5, 0.5]))
    """
    e = _check.number("eps", eps, low=0.0, high=1.0, open_=True)
    d = _check.count("dim", dim, maximum=10**5)
    m = _check.count("dof", dof)
    results = [_best_share(e, group, d, m) for group in _groups(d)]
    return min(results, key=lambda pair: pair[0])
