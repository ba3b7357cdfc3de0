r"""Fully synthetic loop with what estimators do in practice: shrinkage, a variance floor, ddof.

Write s_0 = tr Sigma_0 / d, h for `step_bias`, h_1 for `first_scale`, a for `shrinkage`, e for
`floor`, q for a chi2 over its degrees of freedom m = n_synth - 1. A generation fits S to its
sample, S given Sigma being h/m times Wishart_d(Sigma, m), and keeps

    Sigma' = (1 - a) S + a (tr S/d) I + e s_0 I.                                              (E)

Floor. For a unit u, a = 0 and X_t = u' Sigma_t u / s_0 in any dimension (and for a = 1, where
Sigma_t is X_t s_0 I, with m d in place of m)

    X_1 = h_1 q_1 X_0 + e,   X_{t+1} = h q_{t+1} X_t + e,                                      (P)

a perpetuity (Kesten 1973; Vervaat 1979). Where r = log h + E log q < 0 its law converges, whatever
X_0, to that of e (1 + h q_1 + h^2 q_1 q_2 + ...) >= e: the floor stops the collapse of the
variance. It does not stop the drift of the mean: mu_{t+1} - mu_t has covariance
bias Sigma_t / n_synth, at least bias e s_0 / n_synth I, so E |mu_t - mu_0|^2 grows at least
linearly, for ever.

All of Sigma_t at a = 0: let B_t, d x m, be the factor of the fit, S_t = B_t B_t'. Then
A = [B_t, sqrt(e s_0) I] is a square root of Sigma_t, A A' = Sigma_t, and with G, G' standard normal
m x m and d x m

    B_{t+1} = sqrt(h/m) (B_t G + sqrt(e s_0) G'),

an affine recursion whose linear part has the top Lyapunov exponent r/2, that of a product of
Gaussian matrices. It has a stationary law iff r < 0 (Brandt 1986; Bougerol and Picard 1992), so the
threshold of d = 1 is that of every d.

Shrinkage. It keeps the trace, so T_t = tr Sigma_t is, without a floor, T_{t+1} = h T_t y(p), where
p = eig(Sigma_t)/T_t and y(p) = sum p_i q_i. E y = 1, so for h <= 1 T_t is a nonnegative
supermartingale. g(p) = E log y(p) is concave and symmetric, hence largest at p = 1/d, where
y = chi2_{md}/(md):

    E[log T_{t+1} | Sigma_t] <= log T_t + log h + psi(md/2) - log(md/2) < log T_t + log h.

The increments less their conditional means are martingale differences of bounded variance (p is
in a compact set), so their sum is o(t) and T_t -> 0 almost surely for h <= 1 and every a:
shrinkage slows the collapse, by a factor d at most to leading order in 1/m, and does not stop it.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse, special
from scipy.optimize import brentq
from scipy.sparse.linalg import splu

from madtheory import _validate, wishart
from madtheory.collapse import _gap, _generations, _geometric_sum, _log_bias, _log_step
from madtheory.loops import UnsupportedLoop, require_fully_synthetic

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from madtheory.loops import Loop

    Vector = NDArray[np.float64]

__all__ = [
    "Interval",
    "SecondMoments",
    "condition_bound",
    "mean_trace",
    "mean_walk",
    "mean_walk_growth",
    "second_moment_growth",
    "second_moments",
    "shrinkage_rate",
    "shrinkage_second_moment_map",
    "stationary_cdf",
    "stationary_exists",
    "stationary_mean",
    "stationary_moment",
    "stationary_quantiles",
    "stationary_quantiles_limit",
    "stationary_second_moments",
    "stationary_tail_bounds",
    "stationary_tail_index",
]

#: Grid of the stationary law: largest step, steps a standard deviation, log of what is cut off.
_STEP, _PER_DEVIATION, _CUT = 0.2, 2.5, -39.0
#: Seconds, and few enough for rounding to stay below 1e-10.
_MAX_POINTS = 10**4


@dataclass(frozen=True, slots=True)
class Interval:
    """Proved bounds on a number; equal where it is known exactly."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class SecondMoments:
    """E tr Sigma^2 and E (tr Sigma)^2; arrays over t = 1..T, or 0-d at the limit."""

    trace_squared: Vector
    squared_trace: Vector


def _require(loop: Loop, quantity: str) -> None:
    """Refuse all but the fully synthetic loop, whatever its shrinkage and floor."""
    require_fully_synthetic(replace(loop, shrinkage=0.0, floor=0.0), quantity)


def _require_floor(loop: Loop, quantity: str) -> None:
    """Refuse a loop without a floor too."""
    _require(loop, quantity)
    if loop.floor == 0.0:
        raise UnsupportedLoop(f"{quantity} is computed for floor > 0 only, got 0")


# --- first moments: any shrinkage, floor, ddof and dimension ------------------------------------


def _trace_share(loop: Loop, t: Vector) -> Vector:
    """Return E tr Sigma_t / tr Sigma_0."""
    with np.errstate(over="ignore"):
        kept = np.exp(_log_bias(loop, t))
        floors = 1.0 + _geometric_sum(_log_step(loop), t - 1.0) if loop.floor else np.zeros_like(t)
        return np.asarray(kept + loop.floor * floors)


def mean_trace(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Vector:
    """Return E tr Sigma_t, t = 1..T (exact).

    tr Sigma_0 [h_1 h^(t-1) + floor (1 + h + ... + h^(t-1))], h = step_bias, h_1 = first_scale;
    shrinkage keeps the trace.

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop; shrinkage, floor and ddof as they are.
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
    >>> mean_trace(fully_synthetic(10, bias=0.5, floor=0.1), [1.0, 1.0], generations=3).round(9)
    array([2.2 , 1.3 , 0.85])
    """
    _require(loop, "the mean trace")
    total = np.sum(_validate.eigenvalues("eigenvalues", eigenvalues))
    with np.errstate(over="ignore"):
        return np.asarray(total * _trace_share(loop, _generations(generations)))


def mean_walk(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Vector:
    """Return E |mu_t - mu_0|^2, t = 1..T (exact).

    tr Sigma_0 first_bias / n_initial + (bias / n_synth) sum_{k<t} E tr Sigma_k. With a floor it
    grows without bound at any bias > 0: the floor stops the collapse of the variance, not the
    drift of the mean (:func:`mean_walk_growth`).

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
    >>> mean_walk(fully_synthetic(10, floor=0.1, ddof=0), [1.0], generations=3).round(9)
    array([0.1, 0.2, 0.3])
    """
    _require(loop, "the mean walk")
    total = np.sum(_validate.eigenvalues("eigenvalues", eigenvalues))
    traces = _trace_share(loop, _generations(generations))
    with np.errstate(over="ignore"):
        steps = np.concatenate([[0.0], np.cumsum(traces[:-1])]) * (loop.bias / loop.n_synth)
        return np.asarray(total * (loop.first_bias / loop.n_initial + steps))


def mean_walk_growth(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Return lim E |mu_{t+1} - mu_0|^2 - E |mu_t - mu_0|^2 with a floor (exact).

    bias floor tr Sigma_0 / (n_synth (1 - step_bias)), inf at step_bias >= 1: the mean walks away at
    this squared pace for ever. For maximum likelihood at bias 1 it is floor tr Sigma_0 a
    generation, whatever n_synth.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic, has no floor, or `eigenvalues` are out of range.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{mean_walk_growth(fully_synthetic(10, floor=0.01, ddof=0), [2.0, 1.0]):.12f}"
    '0.030000000000'
    """
    _require_floor(loop, "the growth of the mean walk")
    total = float(np.sum(_validate.eigenvalues("eigenvalues", eigenvalues)))
    gap = _gap(loop)
    return total * loop.bias * loop.floor / (loop.n_synth * gap) if gap > 0.0 else math.inf


# --- second moments -----------------------------------------------------------------------------


def _fit_map(scale: float, dof: int, shrinkage: float, dim: int) -> Vector:
    """Return the 2 x 2 map of (E tr Sigma^2, E (tr Sigma)^2) by one fit and its shrinkage."""
    keep = (1.0 - shrinkage) ** 2
    shrink = np.array([[keep, (1.0 - keep) / dim], [0.0, 1.0]])
    return np.asarray(scale**2 * (shrink @ wishart.second_moment_map(dof)))


def shrinkage_second_moment_map(loop: Loop, dim: int) -> Vector:
    """Return the map of (E tr Sigma^2, E (tr Sigma)^2) by one generation, floor 0 (exact).

    step_bias^2 [[b, (1 - b)/d], [0, 1]] [[1 + 1/m, 1/m], [2/m, 1]], b = (1 - shrinkage)^2: the fit
    as in theory.md 1.5, then tr((1-a) S + a (tr S/d) I)^2 = b tr S^2 + (1 - b) (tr S)^2/d.

    Returns
    -------
    ndarray, shape (2, 2)

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic or has a floor, or `dim` is not a positive integer.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> shrinkage_second_moment_map(fully_synthetic(11, shrinkage=1.0), 2)
    array([[0.1, 0.5],
           [0.2, 1. ]])
    """
    _require_no_floor(loop, "the second-moment map")
    d = _validate.count("dim", dim)
    return _fit_map(loop.step_bias, loop.dof, loop.shrinkage, d)


def _require_no_floor(loop: Loop, quantity: str) -> None:
    """Refuse a floor."""
    _require(loop, quantity)
    if loop.floor:
        raise UnsupportedLoop(f"{quantity} is computed for floor = 0 only, got {loop.floor:g}")


def second_moment_growth(loop: Loop, dim: int) -> float:
    """Return the growth factor of E (tr Sigma_t)^2 without the floor's share (exact).

    The spectral radius of :func:`shrinkage_second_moment_map`: step_bias^2 (1 + 2/m) without
    shrinkage, step_bias^2 (1 + 2/(m d)) at shrinkage 1. With a floor second moments are bounded iff
    it is below 1.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic or `dim` is not a positive integer.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{second_moment_growth(fully_synthetic(11, shrinkage=1.0), 2):.12f}"
    '1.100000000000'
    """
    _require(loop, "the growth of the second moment")
    d = _validate.count("dim", dim)
    values = np.linalg.eigvals(_fit_map(loop.step_bias, loop.dof, loop.shrinkage, d))
    return float(np.abs(values).max())


def _affine(loop: Loop, scale: float, dof: int, dim: int) -> Vector:
    """Return one generation's 4 x 4 map of (1, E tr, E tr Sigma^2, E (tr)^2), s_0 = 1."""
    e = loop.floor
    fit = np.diag([1.0, scale, 0.0, 0.0])
    fit[2:, 2:] = _fit_map(scale, dof, loop.shrinkage, dim)
    floor = np.eye(4)
    floor[1:, 0] = [e * dim, e * e * dim, (e * dim) ** 2]
    floor[2:, 1] = [2 * e, 2 * e * dim]
    return np.asarray(floor @ fit)


def second_moments(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> SecondMoments:
    """Return E tr Sigma_t^2 and E (tr Sigma_t)^2, t = 1..T (exact).

    The map of :func:`shrinkage_second_moment_map`, then the floor, which adds
    2 e tr + e^2 d and 2 e d tr + e^2 d^2 in units of s_0 = tr Sigma_0/d.

    Parameters
    ----------
    loop, eigenvalues, generations
        As for :func:`mean_trace`.

    Returns
    -------
    SecondMoments
        Arrays of shape (T,); inf where they overflow.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`mean_trace`.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> moments = second_moments(fully_synthetic(10, floor=0.1), [1.0, 1.0], generations=2)
    >>> moments.squared_trace.round(6)
    array([5.284444, 6.89037 ])
    """
    _require(loop, "the second moments")
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    count = _validate.count("generations", generations)
    unit = float(np.mean(s))
    state = np.array([1.0, s.size, float((s / unit) @ (s / unit)), float(s.size) ** 2])
    later = _affine(loop, loop.step_bias, loop.dof, s.size)
    rows = np.empty((count, 2))
    with np.errstate(over="ignore"):
        for t in range(count):
            step = later if t else _affine(loop, loop.first_scale, loop.first_dof, s.size)
            state = step @ state
            rows[t] = state[2:]
        rows *= unit * unit
    return SecondMoments(rows[:, 0], rows[:, 1])


def stationary_second_moments(loop: Loop, dim: int) -> SecondMoments:
    """Return lim E tr Sigma_t^2 and E (tr Sigma_t)^2 over s_0^2 with a floor (exact).

    inf where :func:`second_moment_growth` is 1 or more; s_0 = tr Sigma_0/d. At d = 1 both are
    floor^2 (1 + h) / ((1 - h) (1 - h^2 (1 + 2/m))), h = step_bias.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic or has no floor, or `dim` is not a positive integer.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> loop = fully_synthetic(10, bias=0.5, floor=0.1)
    >>> f"{float(stationary_second_moments(loop, 1).squared_trace):.9f}"
    '0.043200000'
    """
    _require_floor(loop, "the stationary second moments")
    d = _validate.count("dim", dim)
    if second_moment_growth(loop, d) >= 1.0 or _gap(loop) <= 0.0:
        return SecondMoments(np.array(math.inf), np.array(math.inf))
    step = _affine(loop, loop.step_bias, loop.dof, d)
    linear = np.eye(3) - step[1:, 1:]
    linear[0, 0] = _gap(loop)
    solved = np.linalg.solve(linear, step[1:, 0])
    return SecondMoments(np.array(solved[1]), np.array(solved[2]))


# --- shrinkage: how fast the trace dies ---------------------------------------------------------


def condition_bound(loop: Loop, dim: int) -> float:
    """Return 1 + d (1 - a)/a >= cond Sigma_t for every t, a = shrinkage (bound).

    The shape Sigma_t / tr Sigma_t is at least (a/d) I, so its top eigenvalue at most
    1 - a + a/d; attained by fits of rank 1 (n_synth = 2). A floor only lowers it. Without shrinkage
    there is no such bound: inf (theory.md 1.4), unless d = 1.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic or `dim` is not a positive integer.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> condition_bound(fully_synthetic(10, shrinkage=0.1), 3)
    28.0
    """
    _require(loop, "the condition bound")
    d = _validate.count("dim", dim)
    if d == 1 or loop.shrinkage == 1.0:
        return 1.0
    return 1.0 + d * (1.0 - loop.shrinkage) / loop.shrinkage if loop.shrinkage else math.inf


def _vertex_log_mean(shrinkage: float, dim: int, dof: int) -> float:
    """Return E log(w chi2_{m(d-1)} + v chi2_m)/m, w = a/d, v = 1 - a + a/d: relative 1e-13.

    E log X = int (e^-z - E e^-zX) dz/z for E X = 1, by the trapezoidal rule in log z, which
    converges geometrically: the integrand is analytic for |Im log z| < pi/2.
    """
    weights = np.array([shrinkage / dim, 1.0 - shrinkage + shrinkage / dim])
    halves = 0.5 * dof * np.array([dim - 1.0, 1.0])
    step = 0.2
    # The large weight alone brings E e^-zX below e^-45 at the end.
    end = math.log(0.5 * dof / weights[1]) + 45.0 / halves[1]
    z = np.exp(np.arange(-22.0, max(end, 4.0), step))
    x = 2.0 * weights[:, None] * z / dof
    log1p, rest = wishart._log1p_pair(x, np.ones_like(x), 1.0 + x)
    excess = -halves @ rest  # z + log E e^-zX
    near = np.exp(-z) * np.expm1(np.minimum(excess, 1.0))
    values = np.where(excess < 1.0, near, np.exp(-halves @ log1p) - np.exp(-z))
    return -step * float(np.sum(values))


def _rate_bounds(loop: Loop, dim: int) -> Interval:
    """Return bounds on the growth rate of log tr Sigma_t without the floor."""
    m, step = loop.dof, _log_step(loop)
    upper = float(wishart.log_chi_square_mean(m * dim, m * dim))
    plain = float(wishart.log_chi_square_mean(m, m))
    if dim == 1 or loop.shrinkage == 0.0:
        return Interval(step + plain, step + plain)
    if loop.shrinkage == 1.0:
        return Interval(step + upper, step + upper)
    lower = max(plain, _vertex_log_mean(loop.shrinkage, dim, m))
    return Interval(step + lower, step + upper)


def shrinkage_rate(loop: Loop, dim: int) -> Interval:
    """Return bounds on lim (1/t) log tr Sigma_t, floor 0 (exact at shrinkage 0 and 1, else bound).

    With a = shrinkage, m = n_synth - 1 and h = step_bias:

    - a = 0: log h + psi(m/2) - log(m/2) (theory.md 1.4).
    - a = 1: tr Sigma' = h tr Sigma chi2_{md}/(md), so log h + psi(md/2) - log(md/2): near 1/d of
      the rate of a = 0 at h = 1.
    - between: the drift of log tr Sigma is log h + g(p), g(p) = E log sum p_i q_i, concave and
      symmetric in the shape p, and p >= a/d. So it lies between g at (a/d, .., a/d, 1 - a + a/d), a
      vertex of what p can be, and g at p = 1/d. The limit exists almost surely: as the shape is at
      least (a/d) I, its kernel is at least a constant times that of p = a/d I (Doeblin).

    Conjecture, not used: the rate increases with a. The lower bound does, as its vertices are
    ordered by majorization.

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop without a floor.
    dim : int
        d.

    Returns
    -------
    Interval
        Equal ends where exact.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic or has a floor, or `dim` is not a positive integer.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> shrinkage_rate(fully_synthetic(10, shrinkage=1.0), 5).upper > -0.0225
    True
    """
    _require_no_floor(loop, "the collapse rate under shrinkage")
    return _rate_bounds(loop, _validate.count("dim", dim))


# --- floor: the stationary law ------------------------------------------------------------------


def stationary_exists(loop: Loop, dim: int) -> bool:
    """Return whether Sigma_t has a stationary law, to which it converges, with a floor (exact).

    At shrinkage 0 and 1, and at d = 1: iff the collapse rate without the floor is negative
    (:func:`shrinkage_rate`; this module's head). Between: true where the upper bound on the rate is
    negative (a Lyapunov function (tr Sigma)^s, s small, and a floor for the densities), false
    where the lower bound is positive.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic, has no floor, or the bounds leave it open; or `dim`
        is not a positive integer.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> stationary_exists(fully_synthetic(10, floor=0.01), 3)
    True
    """
    _require_floor(loop, "the stationary law")
    rate = _rate_bounds(loop, _validate.count("dim", dim))
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

    Raises
    ------
    UnsupportedLoop
        When `loop` is not fully synthetic or has no floor.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{stationary_mean(fully_synthetic(10, floor=0.01, ddof=0)):.12f}"
    '0.100000000000'
    """
    _require_floor(loop, "the stationary mean")
    gap = _gap(loop)
    return loop.floor / gap if gap > 0.0 else math.inf


def _perpetuity(loop: Loop, dim: int, quantity: str) -> tuple[float, int]:
    """Return (log step_bias, degrees of freedom) of the perpetuity (P), which must converge."""
    _require_floor(loop, quantity)
    d = _validate.count("dim", dim)
    if d > 1 and 0.0 < loop.shrinkage < 1.0:
        raise UnsupportedLoop(
            f"{quantity} is computed for shrinkage = 0 or 1 only, got {loop.shrinkage:g}"
        )
    if not stationary_exists(loop, d):
        raise UnsupportedLoop(
            f"{quantity} is computed for a negative collapse rate only, "
            f"got {_rate_bounds(loop, d).upper:.3g}"
        )
    return _log_step(loop), loop.dof * (d if loop.shrinkage == 1.0 else 1)


def stationary_moment(loop: Loop, power: int, *, dim: int = 1) -> float:
    """Return E X^power under the stationary law of X = u' Sigma u / s_0 with a floor (exact).

    (P) raised to the power: E X^k = sum_{j<=k} C(k, j) e^(k-j) h^j E q^j E X^j, solved for E X^k;
    inf where h^k E q^k >= 1, that is k >= the tail index. At shrinkage 1, X is
    tr Sigma / tr Sigma_0.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`stationary_tail_index`; or `power` is not a non-negative integer.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{stationary_moment(fully_synthetic(10, bias=0.5, floor=0.1), 2):.9f}"
    '0.043200000'
    """
    log_h, dof = _perpetuity(loop, dim, "the stationary moment")
    k = _validate.count("power", power, minimum=0)
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


def _log_growth(power: ArrayLike, log_h: float, dof: int) -> Vector:
    """Return log E (h q)^power."""
    s = np.asarray(power, dtype=np.float64)
    scaled = np.multiply(s, log_h, out=np.zeros_like(s), where=s > 0)
    return np.asarray(scaled + wishart.log_chi_square_moment(s, dof, dof))


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
    largest, each with the law of X.

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop with a floor; shrinkage 0 or 1 if `dim` > 1.
    dim : int
        d. It matters at shrinkage 1 only, where q has m d degrees of freedom.

    Returns
    -------
    float
        inf at bias 0, and for a bias so small that it is above 1e100.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic, has no floor, other shrinkage or no stationary law; or
        `dim` is not a positive integer.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
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

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic, has no floor or no stationary law; or `dim` is not a
        positive integer.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> loop = fully_synthetic(10, bias=0.9, floor=0.01, shrinkage=0.1)
    >>> bounds = stationary_tail_bounds(loop, 3)
    >>> f"{bounds.lower:.4f} {bounds.upper:.4f}"
    '2.0535 4.0873'
    """
    d = _validate.count("dim", dim)
    if loop.shrinkage in (0.0, 1.0) or d == 1:
        index = stationary_tail_index(loop, dim=d)
        return Interval(index, index)
    if not stationary_exists(loop, d):
        raise UnsupportedLoop(
            f"the stationary tail index is computed for a negative collapse rate only, "
            f"got {_rate_bounds(loop, d).lower:.3g}"
        )
    ends = [_index(_log_step(loop), loop.dof * k) for k in (1, d)]
    return Interval(min(ends), max(ends))


@dataclass(frozen=True, slots=True)
class _Grid:
    """Density of U = log(X/e - 1) under the stationary law, at points a step apart."""

    points: Vector
    weights: Vector  # step * density
    log_h: float
    dof: int

    def log_q(self, u: Vector) -> Vector:
        """Return log q that takes each point to u, shape (*u.shape, points)."""
        return np.asarray(np.subtract.outer(u, np.logaddexp(0.0, self.points)) - self.log_h)

    def cdf(self, u: Vector) -> Vector:
        half = 0.5 * self.dof
        return np.asarray(special.gammainc(half, half * np.exp(self.log_q(u))) @ self.weights)

    def sf(self, u: Vector) -> Vector:
        half = 0.5 * self.dof
        return np.asarray(special.gammaincc(half, half * np.exp(self.log_q(u))) @ self.weights)


def _last_point(log_h: float, dof: int) -> float:
    """Return u with P(U > u) <= exp(_CUT): Markov, with E Y^s by Minkowski, Y = X/e = 1 + h q Y."""
    s = min(_index(log_h, dof), 1e6) * np.linspace(0.01, 0.995, 100)
    growth, order = _log_growth(s, log_h, dof), np.maximum(1.0, s)
    log_moment = growth - order * np.log(-np.expm1(growth / order))
    return float(np.min((log_moment - _CUT) / s))


def _kernel(points: Vector, step: float, log_h: float, dof: int) -> sparse.coo_matrix:
    """Return the transition matrix of U' = log(1 + e^U) + log(h q), cut where it is negligible."""
    half = 0.5 * dof
    # chi-squares outside these are rarer than 1e-18.
    low, high = (
        np.log(special.gammaincinv(half, 1e-18) / half),
        np.log(special.gammainccinv(half, 1e-18) / half),
    )
    centre = np.logaddexp(0.0, points) + log_h
    start = np.ceil((centre + low - points[0]) / step).astype(np.int64)
    rows = start[:, None] + np.arange(int((high - low) / step) + 2)
    columns = np.broadcast_to(np.arange(points.size)[:, None], rows.shape)
    inside = (rows >= 0) & (rows < points.size)
    rows, columns = rows[inside], columns[inside]
    values = step * np.exp(wishart.log_chi_square_density(points[rows] - centre[columns], dof))
    return sparse.coo_matrix((values, (rows, columns)), shape=(points.size, points.size))


@functools.lru_cache(maxsize=32)
def _stationary(log_h: float, dof: int, refine: float = 1.0) -> _Grid:
    """Solve f = K f for the density of U, sum f = 1."""
    deviation = math.sqrt(float(wishart.log_chi_square_variance(dof)))
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
    weights = np.asarray(
        splu(system, permc_spec="NATURAL").solve(np.append(np.zeros(size - 1), 1.0)),
        dtype=np.float64,
    )
    return _Grid(points, np.maximum(weights, 0.0), log_h, dof)


def stationary_cdf(x: ArrayLike, loop: Loop, *, dim: int = 1) -> Vector:
    """Return P(X <= x) under the stationary law of X = u' Sigma u / s_0 with a floor (numerical).

    Status: exact law, error of the probability below 1e-10. U = log(X/floor - 1) satisfies
    U' = log(1 + e^U) + log(step_bias q), a smooth kernel on the line: the trapezoidal rule
    converges geometrically in the step, and the range is cut where less than 1e-16 is left
    (Markov).

    Parameters
    ----------
    x : array_like
        Points in units of s_0 = tr Sigma_0/d; any shape. X >= floor.
    loop : Loop
        A fully synthetic loop with a floor; shrinkage 0 or 1 if `dim` > 1.
    dim : int
        d. It matters at shrinkage 1 only, where Sigma = X s_0 I.

    Returns
    -------
    ndarray, shape of `x`

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`stationary_tail_index`; when `x` is NaN; or when n_synth is so large (some 10^4;
        :func:`stationary_quantiles_limit` goes on) or the bias so nearly critical that the
        grid would take more than 10^4 points.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> stationary_cdf([0.01, 0.1, 1.0], fully_synthetic(10, floor=0.01)).round(6)
    array([0.      , 0.386058, 0.910641])
    """
    log_h, dof = _perpetuity(loop, dim, "the stationary law")
    points = np.asarray(x, dtype=np.float64)
    if np.isnan(points).any():
        raise ValueError(f"x must not be NaN, got {x!r}")
    if log_h == -math.inf:
        return np.where(points >= loop.floor, 1.0, 0.0)
    above = np.maximum(points / loop.floor - 1.0, 0.0)
    with np.errstate(divide="ignore"):
        return np.minimum(_stationary(log_h, dof).cdf(np.log(above)), 1.0)


def _quantile_at(grid: _Grid, q: float) -> float:
    """Return the q-quantile of X/e, 0 < q < 1."""

    def miss(u: float) -> float:
        at = np.array(u)
        return float(grid.cdf(at)) - q if q <= 0.5 else (1.0 - q) - float(grid.sf(at))

    low, high = float(grid.points[0]), float(grid.points[-1])
    while miss(low) > 0.0:
        low -= high - low
    return 1.0 + math.exp(brentq(miss, low, high, xtol=1e-14, rtol=1e-14))


def stationary_quantiles(loop: Loop, q: ArrayLike, *, dim: int = 1) -> Vector:
    """Return the q-quantiles of X = u' Sigma u / s_0 under the stationary law (numerical).

    Status: as :func:`stationary_cdf`, whose inverse it is; error of the probability below 1e-10.

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop with a floor; shrinkage 0 or 1 if `dim` > 1.
    q : array_like
        Probabilities in [0, 1]; any shape.
    dim : int
        d. It matters at shrinkage 1 only, where Sigma = X s_0 I.

    Returns
    -------
    ndarray, shape of `q`
        In units of s_0 = tr Sigma_0/d; the floor at q = 0, inf at q = 1.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`stationary_cdf`; or some q is outside [0, 1].

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> stationary_quantiles(fully_synthetic(10, floor=0.01), [0.0, 0.5, 0.95]).round(6)
    array([0.01    , 0.136604, 1.823489])
    """
    log_h, dof = _perpetuity(loop, dim, "the stationary law")
    levels = np.asarray(q, dtype=np.float64)
    if not ((levels >= 0) & (levels <= 1)).all():
        raise ValueError(f"q must be in [0, 1], got {q!r}")
    if log_h == -math.inf:
        return np.full_like(levels, loop.floor)
    grid = _stationary(log_h, dof)
    ends = {0.0: 1.0, 1.0: math.inf}
    flat = [ends[v] if v in ends else _quantile_at(grid, v) for v in levels.ravel().tolist()]
    return loop.floor * np.array(flat, dtype=np.float64).reshape(levels.shape)


def stationary_quantiles_limit(loop: Loop, q: ArrayLike, *, dim: int = 1) -> Vector:
    """Return the q-quantiles of the limit of :func:`stationary_quantiles` (asymptotic in n_synth).

    For m -> infinity with m (1 - step_bias) fixed, (P) becomes the diffusion
    dX = (e - (1 - h) X) dt + X sqrt(2/m) dW, whose stationary law is inverse gamma of shape
    1 + m (1 - h) and scale m e: a variance of order floor n_synth, a tail index of 1 + m (1 - h)
    (2 for maximum likelihood at bias 1).

    Parameters
    ----------
    loop, q, dim
        As for :func:`stationary_quantiles`.

    Returns
    -------
    ndarray, shape of `q`
        In units of s_0 = tr Sigma_0/d; 0 at q = 0, inf at q = 1.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`stationary_tail_index`; when some q is outside [0, 1]; or the shape is not
        positive.

    Examples
    --------
    >>> from madtheory.loops import fully_synthetic
    >>> f"{float(stationary_quantiles_limit(fully_synthetic(10**6, floor=1e-6), 0.5)):.6f}"
    '1.442694'
    """
    _, dof = _perpetuity(loop, dim, "the limit of the stationary law")
    levels = np.asarray(q, dtype=np.float64)
    if not ((levels >= 0) & (levels <= 1)).all():
        raise ValueError(f"q must be in [0, 1], got {q!r}")
    shape = 1.0 + dof * _gap(loop)
    if shape <= 0.0:
        raise UnsupportedLoop(
            f"the limit of the stationary law is computed for shape > 0 only, got {shape:.3g}"
        )
    with np.errstate(divide="ignore"):
        return np.asarray(dof * loop.floor / special.gammainccinv(shape, levels))
