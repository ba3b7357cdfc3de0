r"""Fully synthetic loop (Section 3.1, Appendix A): everything but the Wasserstein distance.

With m = n_synth - 1, k = n_initial - 1 and q a chi2 over its degrees of freedom, for a fixed u

    u' Sigma_t u = u' Sigma_0 u * first_scale * step_bias^(t-1) * q_1 q_2 ... q_t          (1.1)

independent, q_1 with k degrees of freedom and the others with m: condition on Sigma_{t-1}. A fit
divides by n - ddof, so first_scale = first_bias k/(n_initial - ddof) and step_bias =
bias m/(n_synth - ddof); both are the plain biases at ddof = 1. Only the sample means do not see
the division: the noise of the mean walk keeps the plain biases (1.6).
Arrays over generations have shape (T,), index t - 1. Section numbers are theory.md's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from madtheory import _search, _validate, wishart
from madtheory._inversion import log_tails, saddle
from madtheory._passage import Walk, passage_probabilities, passage_work
from madtheory.loops import require_fully_synthetic

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from madtheory.loops import Loop

__all__ = [
    "ChernoffBound",
    "clt_variance",
    "collapse_time_bounds",
    "collapse_time_quantiles",
    "condition_growth",
    "critical_bias",
    "directional_cdf",
    "directional_chernoff",
    "directional_log_mean",
    "directional_log_moment",
    "directional_log_quantile",
    "directional_log_tails",
    "directional_log_variance",
    "directional_moment",
    "directional_quantile",
    "directional_sf",
    "first_passage_cdf",
    "half_life",
    "log_det_mean",
    "log_det_variance",
    "lyapunov_spectrum",
    "mean_squared_trace",
    "mean_trace",
    "mean_trace_squared",
    "mean_walk",
    "mean_walk_limit",
    "rate",
    "second_moment_growth",
]

_MAX_GENERATIONS = 10**8
#: Work limits of the convolution in flops: a minute where it is asked for, seconds inside the
#: quantiles, which have bounds to fall back on.
_MAX_WORK = 3e11
_QUICK_WORK = 4e10


def _generations(generations: int) -> NDArray[np.float64]:
    """t = 1..T as floats."""
    count = _validate.count("generations", generations, maximum=_MAX_GENERATIONS)
    return np.arange(1, count + 1, dtype=np.float64)


def _log(x: float) -> float:
    """log x with log 0 = -inf."""
    return math.log(x) if x > 0 else -math.inf


def _times(count: NDArray[np.float64], log_factor: float) -> NDArray[np.float64]:
    """count * log_factor with 0 * -inf = 0, that is factor^0 = 1 for factor 0 too."""
    return np.multiply(count, log_factor, out=np.zeros_like(count), where=count > 0)


def _log_scale(bias: float, n: int, ddof: int) -> float:
    """log(bias (n - 1)/(n - ddof)), with its digits at huge n too."""
    return _log(bias) + (math.log1p(-1.0 / n) if ddof == 0 else 0.0)


def _log_first(loop: Loop) -> float:
    """Log of first_scale."""
    return _log_scale(loop.first_bias, loop.n_initial, loop.ddof)


def _log_step(loop: Loop) -> float:
    """Log of step_bias."""
    return _log_scale(loop.bias, loop.n_synth, loop.ddof)


def _gap(loop: Loop) -> float:
    """1 - step_bias, correctly rounded."""
    return float(1 - Fraction(loop.bias) * loop.dof / (loop.n_synth - loop.ddof))


def _log_bias(loop: Loop, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """log(first_scale * step_bias^(t-1))."""
    return _log_first(loop) + _times(t - 1.0, _log_step(loop))


# --- rates (1.2, 1.4) ---------------------------------------------------------------------------


def lyapunov_spectrum(loop: Loop, dim: int) -> NDArray[np.float64]:
    """Return lim (1/t) log sigma_i(Sigma_t), largest first (1.4; exact, almost surely).

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop.
    dim : int
        d, or the rank of Sigma_0 when that is singular.

    Returns
    -------
    ndarray, shape (min(dim, m, n_initial - 1),)
        log step_bias + psi((m-i+1)/2) - log(m/2); the rank of Sigma_t sets the length.

    Raises
    ------
    UnsupportedLoop
        When `loop` is not fully synthetic.
    ValueError, TypeError
        When `dim` is not a positive integer.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> lyapunov_spectrum(fully_synthetic(10), 2).round(6)
    array([-0.115206, -0.24796 ])
    """
    require_fully_synthetic(loop, "the Lyapunov spectrum")
    exponents = wishart.lyapunov_exponents(dim, loop.dof)[: loop.first_dof]
    return exponents + _log_step(loop)


def rate(loop: Loop) -> float:
    """Return the top Lyapunov exponent log step_bias + psi(m/2) - log(m/2) (1.1; exact).

    Negative: collapse. It is the almost sure growth rate of log tr Sigma_t, and E log q of the
    Proposition's proof. At ddof = 0 it is log(bias (n-1)/n) + psi(m/2) - log(m/2).

    Raises
    ------
    UnsupportedLoop
        When `loop` is not fully synthetic.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{rate(fully_synthetic(10)):.12f}"
    '-0.115206470417'
    >>> rate(fully_synthetic(10**15 + 1))
    -1.0000000000000005e-15
    """
    require_fully_synthetic(loop, "the collapse rate")
    return _log_step(loop) + float(wishart.log_chi_square_mean(loop.dof, loop.dof))


def critical_bias(loop: Loop) -> float:
    """Return the bias below which, and only there, Sigma_t -> 0 almost surely (1.2; exact).

    (m/2) exp(-psi(m/2)) > 1 at ddof = 1, and n/(n-1) times that at ddof = 0. At the critical
    bias the log-variance is a driftless random walk: it oscillates. So the maximum likelihood
    loop dies at the bias that is critical for ddof = 1, at the rate log((n-1)/n).

    Raises
    ------
    UnsupportedLoop
        When `loop` is not fully synthetic.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{critical_bias(fully_synthetic(10)):.12f}"
    '1.122105095163'
    """
    require_fully_synthetic(loop, "the critical bias")
    unit = _log_scale(1.0, loop.n_synth, loop.ddof)
    return math.exp(-float(wishart.log_chi_square_mean(loop.dof, loop.dof)) - unit)


def half_life(loop: Loop) -> float:
    """Return log 2 / |rate| generations; inf at the critical bias, 0 at bias 0 (1.9).

    The typical (median) variance halves, or above the critical bias doubles, in that time.

    Raises
    ------
    UnsupportedLoop
        When `loop` is not fully synthetic.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{half_life(fully_synthetic(10)):.9f}"
    '6.016564678'
    """
    slope = abs(rate(loop))
    return math.log(2.0) / slope if slope > 0 else math.inf


def condition_growth(loop: Loop, dim: int) -> float:
    """Return lim (1/t) log(sigma_1 / sigma_r), r the rank of Sigma_t (1.4).

    psi(m/2) - psi((m-r+1)/2), r = min(dim, m, n_initial - 1): collapse to a line, then to a
    point. It does not depend on the bias (at bias 0 it is the limit bias -> 0).

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`lyapunov_spectrum`.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{condition_growth(fully_synthetic(10), 3):.12f}"
    '0.285714285714'
    """
    require_fully_synthetic(loop, "the growth of the condition number")
    exponents = wishart.lyapunov_exponents(dim, loop.dof)[: loop.first_dof]
    return float(exponents[0] - exponents[-1])


def clt_variance(loop: Loop) -> float:
    """Return psi'(m/2): (log u' Sigma_t u - rate t) / sqrt t tends to N(0, psi'(m/2)) (1.4).

    Raises
    ------
    UnsupportedLoop
        When `loop` is not fully synthetic.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{clt_variance(fully_synthetic(2)):.12f}"
    '4.934802200545'
    """
    require_fully_synthetic(loop, "the CLT variance")
    return float(wishart.log_chi_square_variance(loop.dof))


# --- law of one direction (1.1, 1.5, 1.9) -------------------------------------------------------


def directional_log_mean(loop: Loop, generations: int) -> NDArray[np.float64]:
    """Return E log(u' Sigma_t u / u' Sigma_0 u), t = 1..T (1.1; exact).

    Returns
    -------
    ndarray, shape (T,)
        -inf from the generation on where bias 0 acts.

    Raises
    ------
    UnsupportedLoop
        When `loop` is not fully synthetic.
    ValueError, TypeError
        When `generations` is not a positive integer.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> directional_log_mean(fully_synthetic(10, bias=0.5), 2).round(6)
    array([-0.115206, -0.92356 ])
    """
    require_fully_synthetic(loop, "the directional law")
    t = _generations(generations)
    first = float(wishart.log_chi_square_mean(loop.first_dof, loop.first_dof))
    later = float(wishart.log_chi_square_mean(loop.dof, loop.dof))
    return _log_bias(loop, t) + first + (t - 1.0) * later


def _alive(loop: Loop, t: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where Sigma_t is not surely zero (bias 0 makes it zero)."""
    return _log_bias(loop, t) > -math.inf


def directional_log_variance(loop: Loop, generations: int) -> NDArray[np.float64]:
    """Return Var log(u' Sigma_t u), psi'(k/2) + (t-1) psi'(m/2), t = 1..T (1.4; exact).

    Returns
    -------
    ndarray, shape (T,)
        0 where u' Sigma_t u is surely 0 (bias 0).

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`directional_log_mean`.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> directional_log_variance(fully_synthetic(2), 2).round(6)
    array([4.934802, 9.869604])
    """
    require_fully_synthetic(loop, "the directional law")
    t = _generations(generations)
    first, later = wishart.log_chi_square_variance([loop.first_dof, loop.dof])
    return np.where(_alive(loop, t), first + (t - 1.0) * later, 0.0)


@dataclass(frozen=True, slots=True)
class _LogProduct:
    """Cumulants of sum_j counts_j log(chi2_{dofs_j} / dofs_j), and a constant beside it."""

    shift: float
    dofs: tuple[float, ...]
    counts: tuple[float, ...]

    @property
    def low(self) -> float:
        used = [k for k, n in zip(self.dofs, self.counts, strict=True) if n > 0]
        return -min(used) / 2.0

    @property
    def high(self) -> float:
        return math.inf

    def value(self, s: NDArray[np.complex128]) -> NDArray[np.complex128]:
        total = np.zeros_like(s)
        for k, n in zip(self.dofs, self.counts, strict=True):
            if n > 0:
                total += n * wishart.log_gamma_ratio(k / 2.0, s)
        return total

    def derivative(self, order: int, s: float) -> float:
        used = [(k, n) for k, n in zip(self.dofs, self.counts, strict=True) if n > 0]
        if order > 1:
            return sum(n * float(polygamma(order - 1, k / 2.0 + s)) for k, n in used)
        # The plain difference is quick, and good enough where it keeps its digits.
        return sum(
            n * float(digamma(k / 2.0 + s) - math.log(k / 2.0))
            if k < 1e5
            else n * float(wishart.log_chi_square_mean(k + 2.0 * s, k))
            for k, n in used
        )


def _directional_law(loop: Loop, t: int) -> _LogProduct:
    """Law of log(u' Sigma_t u / u' Sigma_0 u), arguments validated."""
    require_fully_synthetic(loop, "the directional law")
    return _law(loop, _validate.count("t", t))


def _law(loop: Loop, t: int) -> _LogProduct:
    """The same for any t, beyond 2^53 too: only its logarithmic size matters then."""
    shift = float(_log_bias(loop, np.array([float(t)]))[0])
    if loop.first_dof == loop.dof:
        return _LogProduct(shift, (float(loop.dof),), (float(t),))
    return _LogProduct(shift, (float(loop.first_dof), float(loop.dof)), (1.0, t - 1.0))


def directional_log_moment(loop: Loop, t: int, *, power: float) -> float:
    """Return log E (u' Sigma_t u / u' Sigma_0 u)^power (1.5; exact); inf where it diverges."""
    law = _directional_law(loop, t)
    p = _validate.number("power", power)
    if p <= law.low:
        return math.inf
    if p == 0.0:
        return 0.0
    moments = wishart.log_chi_square_moment(p, law.dofs, law.dofs)
    used = [float(n * k) for n, k in zip(law.counts, moments, strict=True) if n > 0]
    return p * law.shift + sum(used)


def directional_moment(loop: Loop, t: int, *, power: float) -> float:
    """Return E (u' Sigma_t u / u' Sigma_0 u)^power: gamma ratios to the t (1.5; exact).

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop.
    t : int
        Generation.
    power : float
        Real order; inf is returned at or below -min(m, n_initial - 1) / 2, and on overflow.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic, `t` or `power` out of range.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{directional_moment(fully_synthetic(10), 2, power=2):.12f}"
    '1.493827160494'
    """
    log_moment = directional_log_moment(loop, t, power=power)
    return math.exp(log_moment) if log_moment < 709.78 else math.inf


def _log_tails_at(law: _LogProduct, log_x: float) -> tuple[float, float]:
    """(log P(log X <= log_x), log P(log X > log_x)) at one point, ends included."""
    if math.isnan(log_x):
        raise ValueError("log_x must not be NaN, got nan")
    if law.shift == -math.inf:  # X = 0 surely
        return (0.0, -math.inf)
    if math.isinf(log_x):
        return (0.0, -math.inf) if log_x > 0 else (-math.inf, 0.0)
    return log_tails(law, log_x - law.shift)


def directional_log_tails(
    log_x: ArrayLike, loop: Loop, *, t: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (log P(X <= x), log P(X > x)), X = u' Sigma_t u / u' Sigma_0 u, at log x (1.9).

    Mellin inversion through a saddle point: the smaller of the two has relative accuracy near
    1e-12 however small it is, and log x may lie far outside the range of a float's exponent.

    Parameters
    ----------
    log_x : array_like
        Natural logarithms of the points; any shape, +-inf allowed.
    loop : Loop
        A fully synthetic loop.
    t : int
        Generation.

    Returns
    -------
    log_cdf, log_sf : ndarray, shape of `log_x`

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic, `t` out of range, or a point NaN.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> lower, upper = directional_log_tails(-800.0, fully_synthetic(10), t=10_000)
    >>> f"{float(upper):.9f}"
    '-28.102689199'
    """
    law = _directional_law(loop, t)
    points = np.asarray(log_x, dtype=np.float64)
    pairs = np.array([_log_tails_at(law, float(v)) for v in points.ravel()]).reshape(-1, 2)
    return pairs[:, 0].reshape(points.shape), pairs[:, 1].reshape(points.shape)


def _log_points(x: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """log x where x >= 0, and where x is negative."""
    points = np.asarray(x, dtype=np.float64)
    if np.isnan(points).any():
        raise ValueError(f"x must not be NaN, got {x!r}")
    negative = points < 0
    with np.errstate(divide="ignore"):
        return np.log(np.where(negative, 0.0, points)), negative


def directional_cdf(x: ArrayLike, loop: Loop, *, t: int) -> NDArray[np.float64]:
    """Return P(u' Sigma_t u <= x u' Sigma_0 u) (1.9; exact, relative accuracy near 1e-12).

    Parameters
    ----------
    x : array_like
        Points; any shape. See :func:`directional_log_tails` for points below 1e-308.
    loop : Loop
        A fully synthetic loop.
    t : int
        Generation.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic, `t` out of range, or a point NaN.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> directional_cdf([0.0, 0.5, 1.0], fully_synthetic(10), t=1).round(8)
    array([0.        , 0.12446097, 0.56272581])
    """
    log_x, negative = _log_points(x)
    return np.where(negative, 0.0, np.exp(directional_log_tails(log_x, loop, t=t)[0]))


def directional_sf(x: ArrayLike, loop: Loop, *, t: int) -> NDArray[np.float64]:
    """Return P(u' Sigma_t u > x u' Sigma_0 u), the complement of :func:`directional_cdf` (1.9).

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{float(directional_sf(1.0, fully_synthetic(10), t=1)):.9f}"
    '0.437274189'
    """
    log_x, negative = _log_points(x)
    return np.where(negative, 1.0, np.exp(directional_log_tails(log_x, loop, t=t)[1]))


def _log_quantile_at(law: _LogProduct, q: float) -> float:
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


def directional_log_quantile(q: ArrayLike, loop: Loop, *, t: int) -> NDArray[np.float64]:
    """Return the log of the q-quantile of u' Sigma_t u / u' Sigma_0 u (1.9; exact).

    In logs, as the quantiles themselves underflow after some thousands of generations.

    Parameters
    ----------
    q : array_like
        Probabilities in [0, 1]; any shape.
    loop : Loop
        A fully synthetic loop.
    t : int
        Generation.

    Returns
    -------
    ndarray, shape of `q`
        -inf at q = 0 and where X is surely 0, inf at q = 1.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic, `t` or some q out of range.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{float(directional_log_quantile(0.5, fully_synthetic(10), t=10_000)):.6f}"
    '-1152.023456'
    """
    law = _directional_law(loop, t)
    levels = np.asarray(q, dtype=np.float64)
    if not ((levels >= 0) & (levels <= 1)).all():
        raise ValueError(f"q must be in [0, 1], got {q!r}")
    flat = [_log_quantile_at(law, float(v)) for v in levels.ravel()]
    return np.array(flat, dtype=np.float64).reshape(levels.shape)


def directional_quantile(q: ArrayLike, loop: Loop, *, t: int) -> NDArray[np.float64]:
    """Return the q-quantile of u' Sigma_t u / u' Sigma_0 u (1.9; 0 on underflow).

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`directional_log_quantile`.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> directional_quantile([0.05, 0.5], fully_synthetic(10), t=1).round(8)
    array([0.36945698, 0.92698141])
    """
    with np.errstate(over="ignore"):
        return np.exp(directional_log_quantile(q, loop, t=t))


@dataclass(frozen=True, slots=True)
class ChernoffBound:
    """Best moment bounds on the tails of X = u' Sigma_t u / u' Sigma_0 u at given points.

    Attributes
    ----------
    log_cdf, log_sf : ndarray
        Upper bounds on log P(X <= x) and log P(X >= x); 0 on the side of E log X where no
        moment helps.
    order : ndarray
        The moment order that gives the bound: positive above exp(E log X), negative below.
    """

    log_cdf: NDArray[np.float64]
    log_sf: NDArray[np.float64]
    order: NDArray[np.float64]


def _chernoff_at(law: _LogProduct, log_x: float) -> tuple[float, float, float]:
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
    optimal s solves K'(s) = log x.

    Parameters
    ----------
    x : array_like
        Non-negative points; any shape.
    loop : Loop
        A fully synthetic loop.
    t : int
        Generation.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic, `t` out of range, or some x negative or NaN.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> bound = directional_chernoff(1.0, fully_synthetic(10), t=100)
    >>> f"{float(bound.log_sf):.6f} {float(bound.order):.6f}"
    '-2.773084 0.490791'
    """
    law = _directional_law(loop, t)
    log_x, negative = _log_points(x)
    if negative.any():
        raise ValueError(f"x must be non-negative, got {x!r}")
    rows = np.array([_chernoff_at(law, float(v)) for v in log_x.ravel()]).reshape(-1, 3)
    return ChernoffBound(*(rows[:, i].reshape(log_x.shape) for i in range(3)))


# --- log-determinant (1.3) ----------------------------------------------------------------------


def _log_det_start(eigenvalues: ArrayLike) -> tuple[int, float]:
    """Dimension, and log det Sigma_0 (-inf when singular)."""
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    return s.size, math.fsum(np.log(s)) if s[-1] > 0 else -math.inf


def log_det_mean(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> NDArray[np.float64]:
    """Return E log det Sigma_t, t = 1..T (1.3; exact).

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop.
    eigenvalues : array_like, shape (d,)
        Eigenvalues of Sigma_0; ``np.ones(d)`` for the identity.
    generations : int
        T.

    Returns
    -------
    ndarray, shape (T,)
        -inf where Sigma_t is singular: Sigma_0 singular, d > n_initial - 1, from t = 2 on
        d > m, or bias 0.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic or another argument is out of range.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> log_det_mean(fully_synthetic(10), [1.0, 1.0, 1.0], generations=2).round(8)
    array([-0.76408695, -1.52817391])
    """
    require_fully_synthetic(loop, "the log-determinant law")
    t = _generations(generations)
    d, start = _log_det_start(eigenvalues)
    later = _times(t - 1.0, wishart.log_det_mean(d, loop.dof))
    return start + d * _log_bias(loop, t) + wishart.log_det_mean(d, loop.first_dof) + later


def log_det_variance(
    loop: Loop, eigenvalues: ArrayLike, *, generations: int
) -> NDArray[np.float64]:
    """Return Var log det Sigma_t, t = 1..T (1.3; exact); 0 where Sigma_t is surely singular.

    Parameters
    ----------
    loop, eigenvalues, generations
        As for :func:`log_det_mean`.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`log_det_mean`.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> log_det_variance(fully_synthetic(2), [1.0], generations=2).round(8)
    array([4.9348022, 9.8696044])
    """
    mean = log_det_mean(loop, eigenvalues, generations=generations)
    t = _generations(generations)
    d = np.size(eigenvalues)
    first = wishart.log_det_variance(d, loop.first_dof)
    later = wishart.log_det_variance(d, loop.dof)
    return np.where(mean > -math.inf, first + (t - 1.0) * later, 0.0)


# --- moments (1.5, 1.6) -------------------------------------------------------------------------


def _scaled(eigenvalues: ArrayLike) -> tuple[float, NDArray[np.float64]]:
    """Log of the largest eigenvalue and the eigenvalues over it: no overflow in their squares."""
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    return math.log(s[0]), s / s[0]


def _exp(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exp to inf on overflow, without a warning."""
    with np.errstate(over="ignore"):
        return np.exp(x)


def mean_trace(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> NDArray[np.float64]:
    """Return E tr Sigma_t = first_scale step_bias^(t-1) tr Sigma_0, t = 1..T (1.5; exact).

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop.
    eigenvalues : array_like, shape (d,)
        Eigenvalues of Sigma_0.
    generations : int
        T.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic or another argument is out of range.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> mean_trace(fully_synthetic(10, bias=0.5), [1.0, 1.0], generations=3)
    array([2. , 1. , 0.5])
    """
    require_fully_synthetic(loop, "the mean trace")
    t = _generations(generations)
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    with np.errstate(over="ignore"):
        return loop.first_scale * np.power(loop.step_bias, t - 1.0) * np.sum(s)


def _geometric_sum(log_ratio: float, count: NDArray[np.float64]) -> NDArray[np.float64]:
    """ratio + ratio^2 + ... + ratio^count, accurate for ratio near 1."""
    if log_ratio == 0.0:
        return count.copy()
    if log_ratio == -math.inf:
        return np.zeros_like(count)
    with np.errstate(over="ignore"):
        ones = np.expm1(count * log_ratio) / np.expm1(log_ratio)  # 1 + ... + ratio^(count-1)
        return np.asarray(np.exp(log_ratio) * ones)


def _walk_share(loop: Loop, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """E |mu_t - mu_0|^2 / tr Sigma_0 (1.6); bias / step_bias = (n_synth - ddof)/(n_synth - 1)."""
    later = _geometric_sum(_log_step(loop), t - 1.0) / (loop.n_synth - 1 + loop.ddof)
    with np.errstate(over="ignore"):
        return loop.first_bias / loop.n_initial + loop.first_scale * later


def mean_walk(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> NDArray[np.float64]:
    """Return E |mu_t - mu_0|^2, t = 1..T (1.6; exact).

    tr Sigma_0 [first_bias / n_initial + (bias / n_synth) first_scale (1 + step_bias + ... +
    step_bias^(t-2))]: generation t >= 2 adds an independent step of covariance
    bias Sigma_{t-1} / n_synth, whatever the fit divides by. At ddof = 0 and bias 1 the trace and
    the walk share tr Sigma_0 between them: E tr Sigma_t + E |mu_t - mu_0|^2 = tr Sigma_0.

    Parameters
    ----------
    loop, eigenvalues, generations
        As for :func:`mean_trace`.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`mean_trace`.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> mean_walk(fully_synthetic(10), [1.0, 1.0], generations=3).round(12)
    array([0.2, 0.4, 0.6])
    """
    require_fully_synthetic(loop, "the mean walk")
    t = _generations(generations)
    with np.errstate(over="ignore"):
        total = np.sum(_validate.eigenvalues("eigenvalues", eigenvalues))
        return total * _walk_share(loop, t)


def mean_walk_limit(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Return lim E |mu_t - mu_0|^2 as t grows; inf at step_bias >= 1 (1.6; exact).

    At step_bias 1 mu_t itself still converges almost surely; only its second moment diverges.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`mean_trace`.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> mean_walk_limit(fully_synthetic(10, bias=0.5), [1.0])
    0.2
    """
    require_fully_synthetic(loop, "the mean walk")
    with np.errstate(over="ignore"):
        total = float(np.sum(_validate.eigenvalues("eigenvalues", eigenvalues)))
    gap = _gap(loop)
    if gap <= 0.0:
        return math.inf
    later = loop.bias / gap / loop.n_synth
    return total * (loop.first_bias / loop.n_initial + loop.first_scale * later)


def second_moment_growth(loop: Loop) -> float:
    """Return step_bias^2 (1 + 2/m), the growth factor of E (tr Sigma_t)^2 (1.5; exact).

    Above 1 the second moment explodes. At step_bias 1 it is above 1 for every n_synth while every
    path dies: intermittency. At ddof = 0 and bias 1 it is (n-1)(n+1)/n^2 < 1.

    Raises
    ------
    UnsupportedLoop
        When `loop` is not fully synthetic.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{second_moment_growth(fully_synthetic(11)):.12f}"
    '1.200000000000'
    """
    require_fully_synthetic(loop, "the growth of the second moment")
    return loop.step_bias**2 * (1.0 + 2.0 / loop.dof)


def _log1p(x: float) -> float:
    """log(1 + x) with log 0 = -inf."""
    return math.log1p(x) if x > -1.0 else -math.inf


def _second_moments(
    loop: Loop, eigenvalues: ArrayLike, generations: int, weights: tuple[float, float, float]
) -> NDArray[np.float64]:
    """first_scale^2 step_bias^(2t-2) [(w_1 p + w_2 q) (A - B) + own B], p = tr S^2, q = (tr S)^2.

    (1.5) in the eigenvectors (1, 1) and (1, -2), which all fits share: A and B are the products
    of 1 + 2/m and 1 - 1/m over the fits, A - B >= 0 comes from expm1, so nothing cancels.
    """
    t = _generations(generations)
    log_top, s = _scaled(eigenvalues)
    p, q = float(s @ s), float(np.sum(s)) ** 2
    log_a = _log1p(2.0 / loop.first_dof) + (t - 1.0) * _log1p(2.0 / loop.dof)
    log_b = _log1p(-1.0 / loop.first_dof) + _times(t - 1.0, _log1p(-1.0 / loop.dof))
    w_p, w_q, own = weights
    spread = -np.expm1(log_b - log_a)
    bracket = (w_p * p + w_q * q) * spread + (p + (q - p) * own) * np.exp(log_b - log_a)
    return _exp(2.0 * _log_bias(loop, t) + 2.0 * log_top + log_a + np.log(bracket))


def mean_trace_squared(
    loop: Loop, eigenvalues: ArrayLike, *, generations: int
) -> NDArray[np.float64]:
    """Return E tr Sigma_t^2, t = 1..T (1.5; exact).

    Parameters
    ----------
    loop, eigenvalues, generations
        As for :func:`mean_trace`.

    Returns
    -------
    ndarray, shape (T,)
        inf where it overflows.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`mean_trace`.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> mean_trace_squared(fully_synthetic(10), [1.0, 1.0], generations=2).round(8)
    array([2.66666667, 3.45679012])
    """
    require_fully_synthetic(loop, "E tr Sigma^2")
    return _second_moments(loop, eigenvalues, generations, (2.0 / 3.0, 1.0 / 3.0, 0.0))


def mean_squared_trace(
    loop: Loop, eigenvalues: ArrayLike, *, generations: int
) -> NDArray[np.float64]:
    """Return E (tr Sigma_t)^2, t = 1..T (1.5; exact).

    Parameters
    ----------
    loop, eigenvalues, generations
        As for :func:`mean_trace`.

    Returns
    -------
    ndarray, shape (T,)
        inf where it overflows.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`mean_trace`.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> mean_squared_trace(fully_synthetic(10), [1.0, 1.0], generations=2).round(8)
    array([4.44444444, 5.03703704])
    """
    require_fully_synthetic(loop, "E (tr Sigma)^2")
    return _second_moments(loop, eigenvalues, generations, (2.0 / 3.0, 1.0 / 3.0, 1.0))


# --- time to collapse (1.9) ---------------------------------------------------------------------


def _eps(eps: float) -> float:
    """Validate the collapse level."""
    value = _validate.number("eps", eps, low=0.0)
    if value == 0.0:
        raise ValueError("eps must be positive, got 0")
    return value


def _walk(loop: Loop) -> Walk:
    """Log-variance walk of one direction; bias 0 is the caller's business."""
    return Walk(float(loop.first_dof), _log_first(loop), float(loop.dof), _log_step(loop))


def _log_passage_bound(loop: Loop, log_eps: float, t: int) -> float:
    """Log of a bound on P(tr Sigma_s < eps tr Sigma_0 for some s <= t), any d and Sigma_0.

    R_s = tr Sigma_s / tr Sigma_0 is multiplied by an average sum w_i q_i of chi-squares, and
    (sum w_i q_i)^-r <= sum w_i q_i^-r (Jensen), so R_s^-r / max(1, M(-r))^(s-1) is a
    supermartingale, M(-r) = E (step_bias q)^-r, and Ville's inequality gives
    eps^r M_1(-r) max(1, M(-r))^(t-1). The order r is the best one for generation t.
    """
    law = _law(loop, t)
    y = log_eps - law.shift
    if y >= law.derivative(1, 0.0):
        return 0.0
    order = saddle(law, y, pole=0.0)
    dofs = (loop.first_dof, loop.dof)
    moments = wishart.log_chi_square_moment(order, dofs, dofs)
    first, later = moments + order * np.array([_log_first(loop), _log_step(loop)])
    growth = (t - 1.0) * max(float(later), 0.0) if t > 1 else 0.0
    return min(0.0, float(first) + growth - order * log_eps)


def _log_levy_bound(loop: Loop, log_eps: float, t: int) -> float:
    """Log of 2 P(X_t < eps) >= P(X_s < eps for some s <= t), one direction (Levy).

    For step_bias <= 1, which is all that the fits after the passage have to do with. A chi-square
    has f(-v) / f(v) = exp(dof (sinh v - v)) >= 1 for the density f of its log over dof and v > 0,
    so log q <= some symmetric variable, sums too, and after the passage the walk ends at or below
    where it was with probability at least 1/2.
    """
    if _log_step(loop) > 0.0:
        return 0.0
    return min(0.0, math.log(2.0) + _log_tails_at(_law(loop, t), log_eps)[0])


def first_passage_cdf(eps: float, loop: Loop, *, generations: int) -> NDArray[np.float64]:
    """Return P(T <= t), t = 1..T, T the first generation with Sigma_t < eps Sigma_0 at d = 1.

    The walk log Sigma_t is convolved step by step with its kernel and absorbed below log eps:
    exact up to a quadrature error near 1e-15. It is the law of the first passage of any one
    direction u' Sigma_t u in any dimension.

    Parameters
    ----------
    eps : float
        Positive fraction of the first variance.
    loop : Loop
        A fully synthetic loop.
    generations : int
        Length of the answer.

    Returns
    -------
    ndarray, shape (generations,)

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic, an argument is out of range, or the convolution
        would take minutes (:func:`collapse_time_quantiles` answers even then).

    Notes
    -----
    theory.md 1.9; exact.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> first_passage_cdf(0.1, fully_synthetic(10), generations=3).round(8)
    array([0.00036453, 0.00493308, 0.01897195])
    """
    require_fully_synthetic(loop, "the first passage")
    log_eps = math.log(_eps(eps))
    t = _generations(generations)
    if loop.bias == 0.0:
        first = _directional_law(loop, 1)
        return np.where(t > 1, 1.0, math.exp(_log_tails_at(first, log_eps)[0]))
    if _log_passage_bound(loop, log_eps, t.size) < -745.0:
        return np.zeros_like(t)
    walk = _walk(loop)
    if passage_work(walk, log_eps, t.size) > _MAX_WORK:
        raise ValueError(
            f"generations must be smaller at n_synth = {loop.n_synth}, where this many would "
            f"take minutes, got {t.size}"
        )
    steps = passage_probabilities(walk, log_eps, t.size)
    return np.minimum(np.cumsum(steps), 1.0)


def _shares(eigenvalues: ArrayLike) -> NDArray[np.float64]:
    """Positive eigenvalues over their sum, largest first."""
    _, s = _scaled(eigenvalues)
    return s[s > 0] / np.sum(s)


def _is_identity(shares: NDArray[np.float64]) -> bool:
    """Whether Sigma_0 is a multiple of a projection."""
    return bool(np.ptp(shares) <= 1e-12 * shares[0])


def _reduced_law(loop: Loop, rank: int, t: int) -> tuple[_LogProduct, int]:
    """(law, D) with tr Sigma_t / tr Sigma_0 an average of D copies of exp(law), Sigma_0 = I.

    Ipsen and Kieburg (2014): the nonzero singular values of a product of Gaussian matrices
    depend on the multiset of its dimensions {d, k, m, .., m} only. Its least member D may be
    taken for the dimension; the others are the degrees of freedom.
    """
    law = _law(loop, t)
    least = min(rank, loop.first_dof, loop.dof if t > 1 else loop.first_dof)
    counts: dict[float, float] = {}  # the numbers may coincide
    for size, times in ((rank, 1), (loop.first_dof, 1), (loop.dof, t - 1), (least, -1)):
        counts[float(size)] = counts.get(float(size), 0.0) + times
    return _LogProduct(law.shift, tuple(counts), tuple(counts.values())), least


def _log_moment_bound(law: _LogProduct, log_eps: float, *, rank: int, top: float) -> float:
    """Log of min over 0 < s <= top of rank^max(0, 1-s) E X^s eps^-s, at the order best for X."""
    y = log_eps - law.shift
    if y <= law.derivative(1, 0.0):
        return 0.0
    s = min(saddle(law, y, pole=0.0), top)
    moment = float(law.value(np.array([s + 0j]))[0].real)
    return max(0.0, 1.0 - s) * math.log(rank) + moment - s * y


def _log_survival_bound(loop: Loop, shares: NDArray[np.float64], log_eps: float, t: int) -> float:
    """Log of a bound on P(tr Sigma_t >= eps tr Sigma_0), the least of three.

    With R = sum p_i X_i, p the shares and X_i the directions: some X_i >= eps; E R^s is at most
    E X^s for s >= 1 (Jensen) and sum p_i^s E X^s <= rank^(1-s) E X^s for s <= 1; and as x^s is
    concave for s <= 1, a fit multiplies E R^s by at most its value at equal weights, where the
    trace is chi-square with rank * dof degrees of freedom.
    """
    law = _law(loop, t)
    rank = shares.size
    if law.shift == -math.inf:
        return -math.inf
    law_, copies = _reduced_law(loop, rank, t) if _is_identity(shares) else (law, rank)
    equal = _LogProduct(law.shift, tuple(rank * k for k in law.dofs), law.counts)
    union = math.log(copies) + _log_tails_at(law_, log_eps)[1]
    moment = _log_moment_bound(law, log_eps, rank=rank, top=math.inf)
    concave = _log_moment_bound(equal, log_eps, rank=1, top=1.0)
    return min(0.0, union, moment, concave)


def collapse_time_bounds(
    eps: float, loop: Loop, eigenvalues: ArrayLike, *, generations: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bound P(T <= t), t = 1..T, T the first generation with tr Sigma_t < eps tr Sigma_0 (1.9).

    Lower: 1 - P(tr Sigma_t >= eps tr Sigma_0) by a union or moment bound. Upper: at T some
    direction is below eps, the leading one below eps / (its share of the trace), and Ville's
    inequality for negative powers of the trace. At rank 1 both are the exact
    :func:`first_passage_cdf`.

    Parameters
    ----------
    eps : float
        Positive fraction of the first trace.
    loop : Loop
        A fully synthetic loop.
    eigenvalues : array_like, shape (d,)
        Eigenvalues of Sigma_0.
    generations : int
        Length of the answers.

    Returns
    -------
    lower, upper : ndarray, shape (generations,)

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`first_passage_cdf`.

    Notes
    -----
    theory.md 1.9; status: bound.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> lower, upper = collapse_time_bounds(0.1, fully_synthetic(10), [1, 1], generations=40)
    >>> lower[[9, 39]].round(6), upper[[9, 39]].round(6)
    (array([0.      , 0.531681]), array([0.467245, 0.91588 ]))
    """
    require_fully_synthetic(loop, "the time to collapse")
    shares = _shares(eigenvalues)
    log_eps = math.log(_eps(eps))
    direction = first_passage_cdf(eps, loop, generations=generations)
    if shares.size == 1:
        return direction, direction
    leading = first_passage_cdf(eps / float(shares[0]), loop, generations=generations)
    times = range(1, direction.size + 1)
    survival = np.array([_log_survival_bound(loop, shares, log_eps, t) for t in times])
    upper = np.minimum(np.minimum(leading, shares.size * direction), 1.0)
    if loop.bias > 0.0:
        ville = np.array([_log_passage_bound(loop, log_eps, t) for t in times])
        upper = np.minimum(upper, np.exp(ville))
    return np.maximum.accumulate(-np.expm1(survival)) + 0.0, upper  # + 0.0: no minus zero


def _first_time(reached: Callable[[int], bool]) -> float:
    """Smallest t with reached(t) by doubling and bisection; inf beyond 2^62."""
    found = _search.first(reached, most=2**62)
    return math.inf if found is None else float(found)


def _direction_bounds(loop: Loop, log_eps: float, q: float) -> tuple[float, float]:
    """Bounds on the q-quantile of the passage of one direction, from its law at fixed t."""

    def survives(t: int) -> float:
        return _log_tails_at(_law(loop, t), log_eps)[1]

    ville = _first_time(lambda t: _log_passage_bound(loop, log_eps, t) >= math.log(q))
    levy = _first_time(lambda t: _log_levy_bound(loop, log_eps, t) >= math.log(q))
    return max(ville, levy), _first_time(lambda t: survives(t) <= math.log1p(-q))


def _direction_quantile(loop: Loop, log_eps: float, q: float) -> tuple[float, float]:
    """q-quantile of the passage of one direction: exact and twice the same, or bounds."""
    low, high = _direction_bounds(loop, log_eps, q)
    horizon = int(min(high, 2.0**17))
    while passage_work(_walk(loop), log_eps, horizon) > _QUICK_WORK:
        horizon //= 2
    if low == high or low > horizon:
        return low, high
    cdf = np.cumsum(passage_probabilities(_walk(loop), log_eps, horizon, enough=q))
    if cdf[-1] >= q:
        return float(cdf.size), float(cdf.size)
    return max(low, horizon + 1.0), high


def _time_quantile(
    loop: Loop, shares: NDArray[np.float64], log_eps: float, q: float
) -> tuple[float, float]:
    """Bounds on the q-quantile of T, 0 < q < 1, bias > 0."""
    rank = shares.size
    if rank == 1:
        return _direction_quantile(loop, log_eps, q)
    some, _ = _direction_quantile(loop, log_eps, q / rank)
    leading, _ = _direction_quantile(loop, log_eps - math.log(shares[0]), q)
    ville = _first_time(lambda t: _log_passage_bound(loop, log_eps, t) >= math.log(q))
    limit = math.log1p(-q)
    high = _first_time(lambda t: _log_survival_bound(loop, shares, log_eps, t) <= limit)
    return max(some, leading, ville), high


def _time_quantile_at(
    loop: Loop, shares: NDArray[np.float64], log_eps: float, q: float
) -> tuple[float, float]:
    """Bounds on the q-quantile of T, q = 0 and 1 and bias 0 included."""
    if q == 0.0:
        return 1.0, 1.0
    if loop.bias == 0.0:
        lower, upper = collapse_time_bounds(math.exp(log_eps), loop, shares, generations=1)
        return 1.0 if upper[0] >= q else 2.0, 1.0 if lower[0] >= q else 2.0
    if q == 1.0:
        return math.inf, math.inf
    return _time_quantile(loop, shares, log_eps, q)


def collapse_time_quantiles(
    loop: Loop,
    dim: int,
    *,
    eps: float,
    q: ArrayLike,
    eigenvalues: ArrayLike | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bound the quantiles of T, the first generation with tr Sigma_t < eps tr Sigma_0 (1.9).

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop.
    dim : int
        d.
    eps : float
        Positive fraction of the first trace.
    q : array_like
        Probabilities in [0, 1]; any shape. The q-quantile is the least t with P(T <= t) >= q.
    eigenvalues : array_like, shape (dim,), optional
        Eigenvalues of Sigma_0; the identity when left out.

    Returns
    -------
    lower, upper : ndarray, shape of `q`
        Equal at d = 1 as long as the convolution takes seconds (some 10^4 generations); beyond
        that from the law at fixed t, Levy's and Ville's inequality. inf
        where the bound on P(T <= t) does not reach q before t = 2^62 (above the critical bias
        T may be infinite).

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic or an argument is out of range.

    Notes
    -----
    The bounds are those of :func:`collapse_time_bounds`, at any n_synth. theory.md 1.9; exact
    at d = 1, else bounds.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> collapse_time_quantiles(fully_synthetic(10), 1, eps=0.01, q=[0.05, 0.5, 0.95])
    (array([13., 36., 98.]), array([13., 36., 98.]))
    >>> collapse_time_quantiles(fully_synthetic(10), 3, eps=0.01, q=0.5)
    (array(27.), array(77.))
    """
    require_fully_synthetic(loop, "the time to collapse")
    d = _validate.count("dim", dim, maximum=10**7)
    shares = _shares(np.ones(d) if eigenvalues is None else eigenvalues)
    if eigenvalues is not None and np.size(eigenvalues) != d:
        raise ValueError(f"eigenvalues must have dim = {d} entries, got {np.size(eigenvalues)}")
    log_eps = math.log(_eps(eps))
    levels = np.asarray(q, dtype=np.float64)
    if not ((levels >= 0) & (levels <= 1)).all():
        raise ValueError(f"q must be in [0, 1], got {q!r}")
    pairs = [_time_quantile_at(loop, shares, log_eps, float(v)) for v in levels.ravel()]
    rows = np.array(pairs).reshape(-1, 2)
    return rows[:, 0].reshape(levels.shape), rows[:, 1].reshape(levels.shape)
