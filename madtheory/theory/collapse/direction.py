"""The law of one direction, u' Sigma_t u: a product of chi-squares (theory.md 1.1; exact)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from madtheory import _check
from madtheory._types import Array
from madtheory.laws import chi_square
from madtheory.laws.tails import log_tails, saddle
from madtheory.loop import Loop, require_fully_synthetic
from madtheory.theory.collapse._scales import generation_range, log_scale


def directional_log_mean(loop: Loop, generations: int) -> Array:
    """Return E log(u' Sigma_t u / u' Sigma_0 u), t = 1..T (1.1; exact).

    -inf from the generation on where bias 0 acts.

    Examples
    --------
    >>> directional_log_mean(fully_synthetic(10, bias=0.5), 2).round(6)
    array([-0.115206, -0.92356 ])
    """
    require_fully_synthetic(loop, "the directional law")
    t = generation_range(generations)
    first = float(chi_square.log_chi_square_mean(loop.first_dof, loop.first_dof))
    later = float(chi_square.log_chi_square_mean(loop.dof, loop.dof))
    return log_scale(loop, t) + first + (t - 1.0) * later


def directional_log_variance(loop: Loop, generations: int) -> Array:
    """Return Var log(u' Sigma_t u), psi'(k/2) + (t-1) psi'(m/2), t = 1..T (1.4; exact).

    0 where bias 0 makes u' Sigma_t u surely 0.

    Examples
    --------
    >>> directional_log_variance(fully_synthetic(2), 2).round(6)
    array([4.934802, 9.869604])
    """
    require_fully_synthetic(loop, "the directional law")
    t = generation_range(generations)
    first, later = chi_square.log_chi_square_variance([loop.first_dof, loop.dof])
    return np.where(log_scale(loop, t) > -math.inf, first + (t - 1.0) * later, 0.0)


@dataclass(frozen=True, slots=True)
class LogProduct:
    """Cumulants of sum_j counts_j log(chi2_{dofs_j} / dofs_j), and a constant beside it."""

    shift: float
    dofs: tuple[float, ...]
    counts: tuple[float, ...]

    @property
    def low(self) -> float:
        """Left end of the strip where moments exist."""
        used = [k for k, n in zip(self.dofs, self.counts, strict=True) if n > 0]
        return -min(used) / 2.0

    @property
    def high(self) -> float:
        """Right end of the strip."""
        return math.inf

    def value(self, s: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Log of the moment of order `s`."""
        total = np.zeros_like(s)
        for k, n in zip(self.dofs, self.counts, strict=True):
            if n > 0:
                total += n * chi_square.log_gamma_ratio(k / 2.0, s)
        return total

    def derivative(self, order: int, s: float) -> float:
        """Derivative of :meth:`value` at a real `s`."""
        used = [(k, n) for k, n in zip(self.dofs, self.counts, strict=True) if n > 0]
        if order > 1:
            return sum(n * float(polygamma(order - 1, k / 2.0 + s)) for k, n in used)
        # The plain difference is quick, and good enough where it keeps its digits.
        return sum(
            n * float(digamma(k / 2.0 + s) - math.log(k / 2.0))
            if k < 1e5
            else n * chi_square.log_mean_at(k, s)
            for k, n in used
        )


def directional_law(loop: Loop, t: int) -> LogProduct:
    """Law of log(u' Sigma_t u / u' Sigma_0 u), arguments validated."""
    require_fully_synthetic(loop, "the directional law")
    return product_law(loop, _check.count("t", t))


def product_law(loop: Loop, t: int) -> LogProduct:
    """The same for any t, beyond 2^53 too: only its logarithmic size matters then."""
    shift = float(log_scale(loop, np.array([float(t)]))[0])
    if loop.first_dof == loop.dof:
        return LogProduct(shift, (float(loop.dof),), (float(t),))
    return LogProduct(shift, (float(loop.first_dof), float(loop.dof)), (1.0, t - 1.0))


def directional_log_moment(loop: Loop, t: int, *, power: float) -> float:
    """Return log E (u' Sigma_t u / u' Sigma_0 u)^power (1.5; exact); inf where it diverges."""
    law = directional_law(loop, t)
    p = _check.number("power", power)
    if p <= law.low:
        return math.inf
    if p == 0.0:
        return 0.0
    moments = chi_square.log_chi_square_moment(p, law.dofs, law.dofs)
    used = [float(n * k) for n, k in zip(law.counts, moments, strict=True) if n > 0]
    return p * law.shift + sum(used)


def directional_moment(loop: Loop, t: int, *, power: float) -> float:
    """Return E (u' Sigma_t u / u' Sigma_0 u)^power: gamma ratios to the t (1.5; exact).

    inf at real orders at or below -min(m, n_initial - 1) / 2, and on overflow.

    Examples
    --------
    >>> f"{directional_moment(fully_synthetic(10), 2, power=2):.12f}"
    '1.493827160494'
    """
    log_moment = directional_log_moment(loop, t, power=power)
    return math.exp(log_moment) if log_moment < 709.78 else math.inf


def log_tails_at(law: LogProduct, log_x: float) -> tuple[float, float]:
    """(log P(log X <= log_x), log P(log X > log_x)) at one point, ends included."""
    if math.isnan(log_x):
        raise ValueError("log_x must not be NaN, got nan")
    if law.shift == -math.inf:  # X = 0 surely
        return (0.0, -math.inf)
    if math.isinf(log_x):
        return (0.0, -math.inf) if log_x > 0 else (-math.inf, 0.0)
    return log_tails(law, log_x - law.shift)


def directional_log_tails(log_x: ArrayLike, loop: Loop, *, t: int) -> tuple[Array, Array]:
    """Return (log P(X <= x), log P(X > x)), X = u' Sigma_t u / u' Sigma_0 u, at log x (1.9).

    Mellin inversion through a saddle point: the smaller of the two has relative accuracy near
    1e-12 however small it is, and log x, natural, may lie far outside the range of a float's
    exponent; +-inf are allowed.

    Examples
    --------
    >>> lower, upper = directional_log_tails(-800.0, fully_synthetic(10), t=10_000)
    >>> f"{float(upper):.9f}"
    '-28.102689199'
    """
    law = directional_law(loop, t)
    at = np.vectorize(lambda v: log_tails_at(law, v), otypes=[float, float])
    log_cdf, log_sf = at(_check.floats("log_x", log_x))
    return log_cdf, log_sf


def _log_points(x: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    """log x where x >= 0, and where x is negative."""
    points = _check.floats("x", x)
    if np.isnan(points).any():
        raise ValueError(f"x must not be NaN, got {x!r}")
    negative = points < 0
    with np.errstate(divide="ignore"):
        return np.log(np.where(negative, 0.0, points)), negative


def directional_cdf(x: ArrayLike, loop: Loop, *, t: int) -> Array:
    """Return P(u' Sigma_t u <= x u' Sigma_0 u) (1.9; exact, relative accuracy near 1e-12).

    See :func:`directional_log_tails` for points below 1e-308.

    Examples
    --------
    >>> directional_cdf([0.0, 0.5, 1.0], fully_synthetic(10), t=1).round(8)
    array([0.        , 0.12446097, 0.56272581])
    """
    log_x, negative = _log_points(x)
    return np.where(negative, 0.0, np.exp(directional_log_tails(log_x, loop, t=t)[0]))


def directional_sf(x: ArrayLike, loop: Loop, *, t: int) -> Array:
    """Return P(u' Sigma_t u > x u' Sigma_0 u), the complement of :func:`directional_cdf` (1.9).

    Examples
    --------
    >>> f"{float(directional_sf(1.0, fully_synthetic(10), t=1)):.9f}"
    '0.437274189'
    """
    log_x, negative = _log_points(x)
    return np.where(negative, 1.0, np.exp(directional_log_tails(log_x, loop, t=t)[1]))


def _log_quantile_at(law: LogProduct, q: float) -> float:
    """Log of the q-quantile, by bracketing in standard deviations around the mean."""
    if q == 0.0 or law.shift == -math.inf:
        return -math.inf
    if q == 1.0:
        return math.inf
    mean, sd = law.derivative(1, 0.0), math.sqrt(law.derivative(2, 0.0))

    def miss(v: float) -> float:
        log_cdf, log_sf = log_tails(law, mean + sd * v)
        return log_cdf - math.log(q) if q <= 0.5 else math.log1p(-q) - log_sf

    edge = 2.0
    while miss(-edge) > 0 or miss(edge) < 0:
        edge *= 2.0
    v = float(brentq(miss, -edge, edge, xtol=1e-14, rtol=1e-14))
    return law.shift + (mean + sd * v)


def directional_log_quantile(q: ArrayLike, loop: Loop, *, t: int) -> Array:
    """Return the log of the q-quantile of u' Sigma_t u / u' Sigma_0 u (1.9; exact).

    In logs, as the quantiles themselves underflow after some thousands of generations; -inf at
    q = 0 and where X is surely 0, inf at q = 1.

    Examples
    --------
    >>> f"{float(directional_log_quantile(0.5, fully_synthetic(10), t=10_000)):.6f}"
    '-1152.023456'
    """
    law = directional_law(loop, t)
    at = np.vectorize(lambda v: _log_quantile_at(law, v), otypes=[float])
    return np.asarray(at(_check.probabilities("q", q)))


def directional_quantile(q: ArrayLike, loop: Loop, *, t: int) -> Array:
    """Return the q-quantile of u' Sigma_t u / u' Sigma_0 u (1.9; 0 on underflow).

    Examples
    --------
    >>> directional_quantile([0.05, 0.5], fully_synthetic(10), t=1).round(8)
    array([0.36945698, 0.92698141])
    """
    with np.errstate(over="ignore"):
        return np.exp(directional_log_quantile(q, loop, t=t))


@dataclass(frozen=True, slots=True)
class ChernoffBound:
    """Best moment bounds on the tails of X = u' Sigma_t u / u' Sigma_0 u at given points.

    Upper bounds on log P(X <= x) and log P(X >= x), 0 on the side of E log X where no moment helps,
    and the moment order that gives the bound: positive above exp(E log X), negative below.
    """

    log_cdf: Array
    log_sf: Array
    order: Array


def _chernoff_at(law: LogProduct, log_x: float) -> tuple[float, float, float]:
    """(log cdf bound, log sf bound, order) at one point."""
    if law.shift == -math.inf:
        return (0.0, -math.inf, math.inf)
    if math.isinf(log_x):
        return (0.0, -math.inf, math.inf) if log_x > 0 else (-math.inf, 0.0, law.low)
    y = log_x - law.shift
    order = saddle(law, y, pole=0.0)
    bound = float(law.value(np.array([order + 0j]))[0].real) - order * y
    bound = min(bound, 0.0)
    return (0.0, bound, order) if order > 0 else (bound, 0.0, order)


def directional_chernoff(x: ArrayLike, loop: Loop, *, t: int) -> ChernoffBound:
    """Bound both tails of u' Sigma_t u / u' Sigma_0 u by the best moment (1.9; bound).

    P(X >= x) <= E X^s / x^s for every s > 0, and P(X <= x) <= the same for every s < 0; the
    optimal s solves K'(s) = log x. Points are non-negative.

    Examples
    --------
    >>> bound = directional_chernoff(1.0, fully_synthetic(10), t=100)
    >>> f"{float(bound.log_sf):.6f} {float(bound.order):.6f}"
    '-2.773084 0.490791'
    """
    law = directional_law(loop, t)
    log_x, negative = _log_points(x)
    if negative.any():
        raise ValueError(f"x must be non-negative, got {x!r}")
    at = np.vectorize(lambda v: _chernoff_at(law, v), otypes=[float] * 3)
    return ChernoffBound(*at(log_x))
