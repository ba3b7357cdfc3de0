"""The law that a variance floor leaves: a perpetuity, its moments, tail and quantiles.

h, q, e, s_0 = tr Sigma_0/d and (P) are those of `shrinkage`. Every function takes a fully synthetic
loop with a floor. X = u' Sigma u / s_0 for a fixed u; its law does not depend on `dim` but at
shrinkage 1, and is known at shrinkage 0 and 1, or d = 1, and where the collapse rate is negative.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse, special
from scipy.optimize import brentq
from scipy.sparse.linalg import splu

from madtheory import _check
from madtheory._types import Array
from madtheory.laws import chi_square
from madtheory.loop import Loop, UnsupportedLoop, require_floor, require_loop
from madtheory.results import Interval, TraceMoments
from madtheory.theory.collapse._scales import log_power, log_step_bias, one_minus_step_bias
from madtheory.theory.collapse.shrinkage import rate_bounds
from madtheory.theory.collapse.traces import affine, second_moment_growth

#: Grid of the stationary law: largest step, steps a standard deviation, log of what is cut off.
_STEP, _PER_DEVIATION, _CUT = 0.2, 2.5, -39.0
#: Seconds, and few enough for rounding to stay below 1e-10.
_MAX_POINTS = 10**4


def stationary_second_moments(loop: Loop, dim: int) -> TraceMoments:
    """Return lim E tr Sigma_t^2 and E (tr Sigma_t)^2 over s_0^2 with a floor (exact).

    inf where :func:`madtheory.theory.collapse.second_moment_growth` is 1 or more. At d = 1 both are
    floor^2 (1 + h) / ((1 - h) (1 - h^2 (1 + 2/m))).

    Examples
    --------
    >>> loop = fully_synthetic(10, bias=0.5, floor=0.1)
    >>> f"{float(stationary_second_moments(loop, 1).squared_trace):.9f}"
    '0.043200000'
    """
    require_floor(loop, "the stationary second moment")
    d = _check.count("dim", dim)
    if second_moment_growth(loop, d) >= 1.0 or one_minus_step_bias(loop) <= 0.0:
        return TraceMoments(np.array(math.inf), np.array(math.inf))
    step = affine(loop, loop.step_bias, loop.dof, d)
    linear = np.eye(3) - step[1:, 1:]
    linear[0, 0] = one_minus_step_bias(loop)
    solved = np.linalg.solve(linear, step[1:, 0])
    return TraceMoments(np.array(solved[1]), np.array(solved[2]))


def stationary_exists(loop: Loop, dim: int) -> bool:
    """Return whether Sigma_t has a stationary law, to which it converges, with a floor (exact).

    At shrinkage 0 and 1, and at d = 1: iff the collapse rate without the floor is negative
    (:func:`madtheory.theory.collapse.shrinkage_rate`; the head of its module). Between: true where
    the upper bound on the rate is negative (a Lyapunov function (tr Sigma)^s, s small, and a floor
    for the densities), false where the lower bound is positive; where they leave it open,
    UnsupportedLoop.

    Examples
    --------
    >>> stationary_exists(fully_synthetic(10, floor=0.01), 3)
    True
    """
    require_floor(loop, "the stationary law")
    rate = rate_bounds(loop, _check.count("dim", dim))
    if rate.upper < 0.0:
        return True
    if rate.lower > 0.0 or rate.lower == rate.upper:
        return False
    raise UnsupportedLoop(
        f"the stationary law is computed where the bounds on the rate agree in sign, "
        f"got {rate.lower:.3g} and {rate.upper:.3g}"
    )


def stationary_mean(loop: Loop) -> float:
    """Return lim E tr Sigma_t / tr Sigma_0 with a floor, floor/(1 - step_bias) (exact).

    inf at step_bias >= 1. At step_bias = 1 the law converges all the same and a typical value is of
    order floor n_synth: the mean is that of paths nobody sees. For maximum likelihood at bias 1 the
    mean is floor n_synth.

    Examples
    --------
    >>> f"{stationary_mean(fully_synthetic(10, floor=0.01, ddof=0)):.12f}"
    '0.100000000000'
    """
    require_floor(loop, "the stationary mean")
    gap = one_minus_step_bias(loop)
    return loop.floor / gap if gap > 0.0 else math.inf


def _perpetuity(loop: Loop, dim: int, quantity: str) -> tuple[float, int]:
    """Return (log step_bias, degrees of freedom) of the perpetuity (P), which must converge."""
    require_floor(loop, quantity)
    d = _check.count("dim", dim)
    if d > 1 and 0.0 < loop.shrinkage < 1.0:
        raise UnsupportedLoop(
            f"{quantity} is computed for shrinkage = 0 or 1 only, got {loop.shrinkage:g}"
        )
    if not stationary_exists(loop, d):
        raise UnsupportedLoop(
            f"{quantity} is computed for a negative collapse rate only, "
            f"got {rate_bounds(loop, d).upper:.3g}"
        )
    return log_step_bias(loop), loop.dof * (d if loop.shrinkage == 1.0 else 1)


def stationary_moment(loop: Loop, power: int, *, dim: int = 1) -> float:
    """Return E X^power under the stationary law of X = u' Sigma u / s_0 with a floor (exact).

    (P) raised to the power: E X^k = sum_{j<=k} C(k, j) e^(k-j) h^j E q^j E X^j, solved for E X^k;
    inf where h^k E q^k >= 1, that is k >= the tail index. At shrinkage 1, X is
    tr Sigma / tr Sigma_0.

    Examples
    --------
    >>> f"{stationary_moment(fully_synthetic(10, bias=0.5, floor=0.1), 2):.9f}"
    '0.043200000'
    """
    log_h, dof = _perpetuity(loop, dim, "the stationary moment")
    k = _check.count("power", power, minimum=0)
    values = [1.0]
    with np.errstate(over="ignore"):
        log_growth = _log_growth(np.arange(k + 1.0), log_h, dof)
        growth = np.exp(log_growth)
    for i in range(1, k + 1):
        if log_growth[i] >= 0.0:
            return math.inf
        parts = [math.comb(i, j) * growth[j] * values[j] for j in range(i)]
        values.append(math.fsum(parts) / -math.expm1(log_growth[i]))
    return float(values[k] * loop.floor**k)


def _log_growth(power: ArrayLike, log_h: float, dof: int) -> Array:
    """Return log E (h q)^power."""
    s = np.asarray(power, dtype=np.float64)
    return np.asarray(log_power(log_h, s) + chi_square.log_chi_square_moment(s, dof, dof))


def _index(log_h: float, dof: int) -> float:
    """Return the positive root of E (h q)^s = 1; log E (h q)^s / s increases from the rate < 0."""
    if log_h == 0.0:
        return 1.0
    if log_h == -math.inf:
        return math.inf

    def slope(s: float) -> float:
        return float(_log_growth(s, log_h, dof)) / s

    low, high = (1.0, 2.0) if log_h < 0.0 else (0.5, 1.0)
    while slope(high) < 0.0:
        low, high = high, 2.0 * high
        if high > 1e100:
            return math.inf
    while slope(low) > 0.0:
        low, high = 0.5 * low, low
    return float(brentq(slope, low, high, xtol=1e-300, rtol=1e-14))


def stationary_tail_index(loop: Loop, *, dim: int = 1) -> float:
    """Return the k > 0 with P(X > x) ~ c x^-k under the stationary law with a floor (exact).

    k solves E (step_bias q)^k = 1 (Kesten 1973). It is 1 at step_bias = 1: an infinite mean. For
    maximum likelihood at bias 1 it lies in (2, 3) for every n_synth, as h^2 (1 + 2/m) < 1 <
    h^3 (1 + 2/m) (1 + 4/m) at h = m/(m + 1): a variance, and no third moment.

    X is u' Sigma u for a fixed u at shrinkage 0. There lim -log P(tr Sigma > x) / log x is the same
    k in every dimension: tr Sigma is at least one diagonal entry and at most d times the
    largest, each with the law of X. At shrinkage 1 q has m d degrees of freedom. inf at bias 0, and
    for a bias so small that k is above 1e100.

    Examples
    --------
    >>> stationary_tail_index(fully_synthetic(10, floor=0.01))
    1.0
    >>> f"{stationary_tail_index(fully_synthetic(10, floor=0.01, ddof=0)):.6f}"
    '2.053486'
    """
    return _index(*_perpetuity(loop, dim, "the stationary tail index"))


def stationary_tail_bounds(loop: Loop, dim: int) -> Interval:
    """Return bounds on sup {s: E (tr Sigma)^s < infinity} under the stationary law (bound).

    T' = h T y(p) + e d s_0, and E y(p)^s lies between its values at p = 1/d (chi2_{md}/(md)) and at
    a vertex (chi2_m/m): convex in p for s >= 1, concave for s <= 1. So the index lies between the
    two roots of E (h q)^s = 1, with m d and with m degrees of freedom; equal ends where exact.

    Examples
    --------
    >>> loop = fully_synthetic(10, bias=0.9, floor=0.01, shrinkage=0.1)
    >>> bounds = stationary_tail_bounds(loop, 3)
    >>> f"{bounds.lower:.4f} {bounds.upper:.4f}"
    '2.0535 4.0873'
    """
    require_loop(loop)
    d = _check.count("dim", dim)
    if loop.shrinkage in (0.0, 1.0) or d == 1:
        index = stationary_tail_index(loop, dim=d)
        return Interval(index, index)
    if not stationary_exists(loop, d):
        raise UnsupportedLoop(
            f"the stationary tail index is computed for a negative collapse rate only, "
            f"got {rate_bounds(loop, d).lower:.3g}"
        )
    ends = [_index(log_step_bias(loop), loop.dof * k) for k in (1, d)]
    return Interval(min(ends), max(ends))


@dataclass(frozen=True, slots=True)
class _Grid:
    """Density of U = log(X/e - 1) under the stationary law, at points a step apart."""

    points: Array
    weights: Array  # step * density
    log_h: float
    dof: int

    def log_q(self, u: Array) -> Array:
        """Return log q that takes each point to u, shape (*u.shape, points)."""
        return np.asarray(np.subtract.outer(u, np.logaddexp(0.0, self.points)) - self.log_h)

    def cdf(self, u: Array) -> Array:
        half = 0.5 * self.dof
        return np.asarray(special.gammainc(half, half * np.exp(self.log_q(u))) @ self.weights)

    def sf(self, u: Array) -> Array:
        half = 0.5 * self.dof
        return np.asarray(special.gammaincc(half, half * np.exp(self.log_q(u))) @ self.weights)


def _last_point(log_h: float, dof: int) -> float:
    """Return u with P(U > u) <= exp(_CUT): Markov, with E Y^s by Minkowski, Y = X/e = 1 + h q Y."""
    s = min(_index(log_h, dof), 1e6) * np.linspace(0.01, 0.995, 100)
    growth, order = _log_growth(s, log_h, dof), np.maximum(1.0, s)
    log_moment = growth - order * np.log(-np.expm1(growth / order))
    return float(np.min((log_moment - _CUT) / s))


def _kernel(points: Array, step: float, log_h: float, dof: int) -> sparse.coo_matrix:
    """Return the transition matrix of U' = log(1 + e^U) + log(h q), cut where it is negligible."""
    half = 0.5 * dof
    # chi-squares outside these are rarer than 1e-18.
    low = np.log(special.gammaincinv(half, 1e-18) / half)
    high = np.log(special.gammainccinv(half, 1e-18) / half)
    centre = np.logaddexp(0.0, points) + log_h
    start = np.ceil((centre + low - points[0]) / step).astype(np.int64)
    rows = start[:, None] + np.arange(int((high - low) / step) + 2)
    columns = np.broadcast_to(np.arange(points.size)[:, None], rows.shape)
    inside = (rows >= 0) & (rows < points.size)
    rows, columns = rows[inside], columns[inside]
    values = step * np.exp(chi_square.log_chi_square_density(points[rows] - centre[columns], dof))
    return sparse.coo_matrix((values, (rows, columns)), shape=(points.size, points.size))


@functools.lru_cache(maxsize=32)
def _stationary(log_h: float, dof: int, refine: float = 1.0) -> _Grid:
    """Solve f = K f for the density of U, sum f = 1."""
    deviation = math.sqrt(float(chi_square.log_chi_square_variance(dof)))
    step = min(_STEP, deviation / _PER_DEVIATION) / refine
    first = log_h + math.log(float(special.gammaincinv(0.5 * dof, 1e-18)) / (0.5 * dof))
    last = _last_point(log_h, dof)
    size = int((last - first) / step) + 2
    if size > _MAX_POINTS:
        raise UnsupportedLoop(
            f"the stationary law is computed on at most {_MAX_POINTS} points, got {size} "
            f"(n_synth is large or the bias nearly critical)"
        )
    points = np.asarray(first + step * np.arange(size), dtype=np.float64)
    kernel = _kernel(points, step, log_h, dof)
    # The last equation follows from the others: normalise in its place.
    keep = kernel.row < size - 1
    every = np.arange(size)
    rows = np.concatenate([kernel.row[keep], every[:-1], np.full(size, size - 1)])
    columns = np.concatenate([kernel.col[keep], every[:-1], every])
    values = np.concatenate([kernel.data[keep], np.full(size - 1, -1.0), np.ones(size)])
    system = sparse.csc_matrix((values, (rows, columns)), shape=(size, size))
    weights = splu(system, permc_spec="NATURAL").solve(np.append(np.zeros(size - 1), 1.0))
    return _Grid(points, np.maximum(weights, 0.0), log_h, dof)


def stationary_cdf(x: ArrayLike, loop: Loop, *, dim: int = 1) -> Array:
    """Return P(X <= x) under the stationary law of X = u' Sigma u / s_0 with a floor (numerical).

    Status: exact law, error of the probability below 1e-10. U = log(X/floor - 1) satisfies
    U' = log(1 + e^U) + log(step_bias q), a smooth kernel on the line: the trapezoidal rule
    converges geometrically in the step, and the range is cut where less than 1e-16 is left
    (Markov). X >= floor. At shrinkage 1, Sigma = X s_0 I.

    Raises
    ------
    UnsupportedLoop
        Also where n_synth is so large (some 10^4; :func:`stationary_quantiles_limit` goes on) or
        the bias so nearly critical that the grid would take more than 10^4 points.

    Examples
    --------
    >>> stationary_cdf([0.01, 0.1, 1.0], fully_synthetic(10, floor=0.01)).round(6)
    array([0.      , 0.386058, 0.910641])
    """
    log_h, dof = _perpetuity(loop, dim, "the stationary law")
    points = _check.floats("x", x)
    if np.isnan(points).any():
        raise ValueError(f"x must not be NaN, got {x!r}")
    if log_h == -math.inf:
        return np.where(points >= loop.floor, 1.0, 0.0)
    above = np.maximum(points / loop.floor - 1.0, 0.0)
    with np.errstate(divide="ignore"):
        return np.minimum(_stationary(log_h, dof).cdf(np.log(above)), 1.0)


def _quantile_at(grid: _Grid, q: float) -> float:
    """Return the q-quantile of X/e."""
    if q in (0.0, 1.0):
        return 1.0 if q == 0.0 else math.inf

    def miss(u: float) -> float:
        at = np.array(u)
        return float(grid.cdf(at)) - q if q <= 0.5 else (1.0 - q) - float(grid.sf(at))

    low, high = float(grid.points[0]), float(grid.points[-1])
    while miss(low) > 0.0:
        low -= high - low
    return 1.0 + math.exp(brentq(miss, low, high, xtol=1e-14, rtol=1e-14))


def stationary_quantiles(loop: Loop, q: ArrayLike, *, dim: int = 1) -> Array:
    """Return the q-quantiles of X = u' Sigma u / s_0 under the stationary law (numerical).

    Status, error and refusals are those of :func:`stationary_cdf`, whose inverse it is; the floor
    at q = 0, inf at q = 1.

    Examples
    --------
    >>> stationary_quantiles(fully_synthetic(10, floor=0.01), [0.0, 0.5, 0.95]).round(6)
    array([0.01    , 0.136604, 1.823489])
    """
    log_h, dof = _perpetuity(loop, dim, "the stationary law")
    levels = _check.probabilities("q", q)
    if log_h == -math.inf:
        return np.full_like(levels, loop.floor)
    grid = _stationary(log_h, dof)
    at = np.vectorize(lambda v: _quantile_at(grid, v), otypes=[float])
    return np.asarray(loop.floor * at(levels))


def stationary_quantiles_limit(loop: Loop, q: ArrayLike, *, dim: int = 1) -> Array:
    """Return the q-quantiles of the limit of :func:`stationary_quantiles` (asymptotic in n_synth).

    For m -> infinity with m (1 - step_bias) fixed, (P) becomes the diffusion
    dX = (e - (1 - h) X) dt + X sqrt(2/m) dW, whose stationary law is inverse gamma of shape
    1 + m (1 - h) and scale m e: a variance of order floor n_synth, a tail index of 1 + m (1 - h)
    (2 for maximum likelihood at bias 1). 0 at q = 0, inf at q = 1; a shape <= 0 is refused.

    Examples
    --------
    >>> f"{float(stationary_quantiles_limit(fully_synthetic(10**6, floor=1e-6), 0.5)):.6f}"
    '1.442694'
    """
    _, dof = _perpetuity(loop, dim, "the limit of the stationary law")
    levels = _check.probabilities("q", q)
    shape = 1.0 + dof * one_minus_step_bias(loop)
    if shape <= 0.0:
        raise UnsupportedLoop(
            f"the limit of the stationary law is computed for shape > 0 only, got {shape:.3g}"
        )
    with np.errstate(divide="ignore"):
        return np.asarray(dof * loop.floor / special.gammainccinv(shape, levels))
