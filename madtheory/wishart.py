r"""Law of the covariance estimator: chi-square factors, Wishart log-determinant, trace noise.

Sources: theory.md 1.1-1.5 and 1.10; Appendix A. Everything here concerns *one* fit with m = dof
degrees of freedom; :mod:`madtheory.collapse` multiplies the fits of a fully synthetic loop.

Differences such as psi(m/2) - log(m/2) are O(1/m): formed by subtraction they lose every digit
before m = 10^16, so they come from their own series here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import optimize, special

from madtheory import _validate
from madtheory._inversion import log_tails
from madtheory.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Float = NDArray[np.float64]

__all__ = [
    "Estimate",
    "anti_concentration_bound",
    "anti_concentration_minimum",
    "c4",
    "chi_square_moment",
    "log_chi_square_density",
    "log_chi_square_mean",
    "log_chi_square_moment",
    "log_chi_square_variance",
    "log_det_mean",
    "log_det_variance",
    "log_gamma_ratio",
    "lyapunov_exponents",
    "second_moment_map",
    "trace_noise_cdf",
    "trace_noise_log_tails",
    "trace_noise_variance",
]

#: Where the asymptotic series below reach double precision (first term left out: 4e-17).
_LARGE = 10
#: B_2k / (2k (2k-1)) of log Gamma, and B_2k / (2k) of digamma, k = 1..7.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
#: Vectors of eigenvalues longer than this are a mistake, not a model.
_MAX_DIM = 10**7


# --- gamma functions without cancellation -------------------------------------------------------


def _series(coefficients: tuple[float, ...], x: NDArray[Any]) -> NDArray[Any]:
    """Sum coefficients[k] / x^(2k+2), by Horner."""
    inverse = 1.0 / (x * x)
    total = np.zeros_like(inverse)
    for coefficient in reversed(coefficients):
        total = (total + coefficient) * inverse
    return np.asarray(total)


def _digamma_minus_log(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """psi(a) - log a for a > 0, to relative accuracy near 1e-14 at any size."""
    big = np.maximum(a, _LARGE)
    small = np.minimum(a, _LARGE)
    near = special.digamma(small) - np.log(small)
    return np.where(a < _LARGE, near, -0.5 / big - _series(_DIGAMMA, big))


def _log_ratio(u: NDArray[Any], a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """log(b / a) where b = a (1 + u); a real u also where it is tiny."""
    if np.iscomplexobj(u):  # scipy's complex log1p is slow: see _log1p_pair
        return np.asarray(np.log(b / a))
    return np.asarray(np.where(np.abs(u) < 0.3, special.log1p(u), np.log(b / a)))


def _log1p_pair(
    u: NDArray[Any], a: NDArray[Any], b: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """log(1 + u) and log(1 + u) - u, b = a (1 + u), both with relative accuracy.

    For small u from log(1 + u) - u = 2 (atanh(r) - r) - u r, r = u / (2 + u).
    """
    small = np.abs(u) < 0.3
    v = np.where(small, u, 0.0)
    r = v / (2.0 + v)
    square = r * r
    total = np.zeros_like(square)
    for k in range(11, 0, -1):
        total = (total + 1.0 / (2 * k + 1)) * square
    rest = r * (2.0 * total - v)
    log1p_u = np.where(small, v + rest, np.log(b / a))
    return log1p_u, np.where(small, rest, log1p_u - u)


def _stirling_ratio(a: NDArray[Any], s: NDArray[Any]) -> NDArray[Any]:
    """log Gamma(a+s) - log Gamma(a) - s log a by Stirling; a and Re(a+s) at least 10."""
    b = a + s
    u = s / a
    log1p_u, rest = _log1p_pair(u, a, b)
    correction = b * _series(_STIRLING, b) - a * _series(_STIRLING, a)
    return np.asarray(a * rest + (s - 0.5) * log1p_u + correction)


def log_gamma_ratio(a: ArrayLike, s: ArrayLike) -> NDArray[Any]:
    """Return log Gamma(a+s) - log Gamma(a) - s log a for a > 0, Re(a+s) > 0; s may be complex.

    Relative accuracy near 1e-13 up to a = 1e16, where the three terms cancel by 16 digits.

    Examples
    --------
    >>> float(log_gamma_ratio(4.5, 1.0))
    0.0
    >>> f"{float(log_gamma_ratio(5e14, 0.5)):.12e}"
    '-2.500000000000e-16'
    """
    a_, s_ = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(s))
    shift = np.where(np.minimum(a_, np.real(a_ + s_)) < _LARGE, float(_LARGE), 0.0)
    result = _stirling_ratio(a_ + shift, s_) + s_ * np.log1p(shift / a_)
    if shift.any():
        # Gamma(x + 1) = x Gamma(x), ten times.
        x = a_ + np.arange(float(_LARGE)).reshape(-1, *(1 for _ in range(a_.ndim)))
        steps = _log_ratio(s_ / x, x, x + s_).sum(axis=0)
        result = result - np.where(shift > 0, steps, 0.0)
    return np.where(s_ == 1.0, 0.0, result)


# --- one chi-square factor (1.1, 1.4, 1.5) ------------------------------------------------------


def _positive(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Return a positive, finite float array."""
    array = np.asarray(value, dtype=np.float64)
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise ValueError(f"{name} must be positive and finite, got {value!r}")
    return array


def c4(n: ArrayLike) -> NDArray[np.float64]:
    """Return c4(n) = E sqrt(chi2_{n-1} / (n-1)) = sqrt(2/(n-1)) Gamma(n/2) / Gamma((n-1)/2).

    Parameters
    ----------
    n : array_like
        Sample sizes, above 1.

    Returns
    -------
    ndarray, same shape

    Raises
    ------
    ValueError
        When some n is not above 1.

    Notes
    -----
    theory.md 0 and 1.7.

    Examples
    --------
    >>> f"{float(c4(10)):.12f}"
    '0.972659274122'
    """
    array = np.asarray(n, dtype=np.float64)
    if not (np.isfinite(array).all() and (array > 1).all()):
        raise ValueError(f"n must be above 1 and finite, got {n!r}")
    return np.asarray(np.exp(log_gamma_ratio((array - 1.0) / 2.0, 0.5)))


def log_chi_square_mean(dof: ArrayLike, scale: ArrayLike) -> NDArray[np.float64]:
    """Return E log(chi2_dof / scale) = psi(dof/2) - log(scale/2) (theory.md 1.1).

    Raises
    ------
    ValueError
        When `dof` or `scale` is not positive.

    Examples
    --------
    >>> f"{float(log_chi_square_mean(9, 9)):.12f}"
    '-0.115206470417'
    """
    k, m = _positive("dof", dof), _positive("scale", scale)
    # log1p of an exact difference keeps the digits when dof and scale are close and large.
    u = (k - m) / m
    return np.asarray(_digamma_minus_log(k / 2.0) + _log_ratio(u, m, k))


def log_chi_square_variance(dof: ArrayLike) -> NDArray[np.float64]:
    """Return Var log chi2_dof = psi'(dof/2), the CLT variance of theory.md 1.4.

    Raises
    ------
    ValueError
        When `dof` is not positive.

    Examples
    --------
    >>> f"{float(log_chi_square_variance(1)):.12f}"
    '4.934802200545'
    """
    return np.asarray(special.polygamma(1, _positive("dof", dof) / 2.0))


def log_chi_square_density(v: ArrayLike, dof: float) -> NDArray[np.float64]:
    """Return the log density of log(chi2_dof / dof) at v.

    Raises
    ------
    ValueError
        When `dof` is not positive.

    Examples
    --------
    >>> f"{float(log_chi_square_density(0.0, 2)):.12f}"
    '-1.000000000000'
    """
    a = _positive("dof", dof) / 2.0
    x = np.asarray(v, dtype=np.float64)
    # log(a^a e^-a / Gamma(a)) by Stirling, as a log a and log Gamma(a) cancel for large a.
    big = np.maximum(a, _LARGE)
    far = 0.5 * np.log(big / (2.0 * np.pi)) - big * _series(_STIRLING, big)
    small = np.minimum(a, _LARGE)
    near = small * np.log(small) - small - special.gammaln(small)
    with np.errstate(over="ignore"):
        return np.asarray(np.where(a < _LARGE, near, far) - a * (np.expm1(x) - x))


def log_chi_square_moment(power: ArrayLike, dof: ArrayLike, scale: ArrayLike) -> Float:
    """Return log E (chi2_dof / scale)^power, inf where power <= -dof/2 (theory.md 1.5)."""
    p = np.asarray(power, dtype=np.float64)
    k, m = _positive("dof", dof), _positive("scale", scale)
    if not np.isfinite(p).all():
        raise ValueError(f"power must be finite, got {power!r}")
    exists = k / 2.0 + p > 0
    safe = np.where(exists, p, 0.0)
    log_moment = log_gamma_ratio(k / 2.0, safe) + safe * _log_ratio((k - m) / m, m, k)
    return np.where(exists, log_moment, np.inf)


def chi_square_moment(power: ArrayLike, dof: ArrayLike, scale: ArrayLike) -> Float:
    """Return E (chi2_dof / scale)^power = (2/scale)^power Gamma(dof/2+power) / Gamma(dof/2).

    Parameters
    ----------
    power : array_like
        Real order, fractional and negative included; the moment is inf when power <= -dof/2.
    dof, scale : array_like
        Degrees of freedom and divisor, positive; they broadcast.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        When `dof` or `scale` is not positive or `power` not finite.

    Notes
    -----
    theory.md 1.5.

    Examples
    --------
    >>> f"{float(chi_square_moment(2, 9, 9)):.12f}"
    '1.222222222222'
    >>> float(chi_square_moment(-1, 2, 2))
    inf
    """
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(log_chi_square_moment(power, dof, scale)))


# --- one Wishart factor (1.3, 1.4, 1.5) ---------------------------------------------------------


def lyapunov_exponents(dim: int, dof: int) -> NDArray[np.float64]:
    """Return E log(chi2_{m-i+1} / m), i = 1..min(dim, m): the spectrum without log(bias).

    Parameters
    ----------
    dim, dof : int
        d and m.

    Returns
    -------
    ndarray, shape (min(dim, dof),)
        Largest first (theory.md 1.4, Bartlett).

    Raises
    ------
    ValueError, TypeError
        When `dim` or `dof` is not a positive integer.

    Examples
    --------
    >>> lyapunov_exponents(3, 9).round(6)
    array([-0.115206, -0.24796 , -0.400921])
    """
    d = _validate.count("dim", dim, maximum=_MAX_DIM)
    m = float(_validate.count("dof", dof))
    i = np.arange(min(d, dof), dtype=np.float64)
    return np.asarray(log_chi_square_mean(m - i, m))


def log_det_mean(dim: int, dof: int) -> float:
    """Return E log det W for W ~ W_d(I/m, m); -inf when d > m, where W is singular.

    Notes
    -----
    theory.md 1.3: log det W is a sum of independent log(chi2_{m-i+1} / m), i = 1..d.

    Examples
    --------
    >>> f"{log_det_mean(3, 9):.12f}"
    '-0.764086954892'
    >>> log_det_mean(4, 3)
    -inf
    """
    exponents = lyapunov_exponents(dim, dof)
    return -math.inf if dim > dof else math.fsum(exponents)


def log_det_variance(dim: int, dof: int) -> float:
    """Return Var log det W for W ~ W_d(I/m, m); 0 when d > m, where it is -inf surely.

    Notes
    -----
    theory.md 1.3: the sum of psi'((m-i+1)/2), i = 1..d.

    Examples
    --------
    >>> f"{log_det_variance(1, 1):.12f}"
    '4.934802200545'
    """
    d = _validate.count("dim", dim, maximum=_MAX_DIM)
    m = _validate.count("dof", dof)
    if d > m:
        return 0.0
    return math.fsum(log_chi_square_variance(m - np.arange(d, dtype=np.float64)))


def second_moment_map(dof: int) -> NDArray[np.float64]:
    """Return the 2 x 2 map of one fit on (E tr S^2, E (tr S)^2), without bias^2.

    Returns
    -------
    ndarray, shape (2, 2)
        [[1 + 1/m, 1/m], [2/m, 1]], eigenvalues 1 + 2/m and 1 - 1/m (theory.md 1.5).

    Raises
    ------
    ValueError, TypeError
        When `dof` is not a positive integer.

    Examples
    --------
    >>> second_moment_map(4)
    array([[1.25, 0.25],
           [0.5 , 1.  ]])
    """
    m = _validate.count("dof", dof)
    return np.array([[1.0 + 1.0 / m, 1.0 / m], [2.0 / m, 1.0]])


# --- trace noise: Y = sum of w_i chi2_m,i / m (1.10, Appendix A) --------------------------------


def _weights(weights: ArrayLike) -> NDArray[np.float64]:
    """Validate weights and make them sum to 1, zeros removed, largest first."""
    w = _validate.eigenvalues("weights", weights)
    w = w / w[0]  # first, so that the sum cannot overflow
    w = w / w.sum()
    return np.asarray(w[w > 0], dtype=np.float64)


def trace_noise_variance(weights: ArrayLike, dof: int) -> float:
    """Return Var Y = 2 sum w_i^2 / m, at least 2 / (m d) (theory.md 1.10).

    Parameters
    ----------
    weights : array_like, shape (d,)
        Non-negative; normalised to sum 1. In the loop: eigenvalues of Sigma_{t-1}.
    dof : int
        m.

    Raises
    ------
    ValueError, TypeError
        When the weights are not a non-zero vector of non-negative numbers, or m not positive.

    Examples
    --------
    >>> trace_noise_variance([1.0, 1.0], 4)
    0.25
    """
    w = _weights(weights)
    return 2.0 * float(w @ w) / _validate.count("dof", dof)


@dataclass(frozen=True, slots=True)
class _TraceNoise:
    """Cumulants of Y - 1: K(s) = -sum (m_j / 2) [log(1 - v_j s) + v_j s], v_j = 2 w_j / m.

    Y - 1 rather than Y keeps its digits when m is large and Y close to 1. `dofs` are m times
    the multiplicity of each distinct weight.
    """

    scales: NDArray[np.float64]
    dofs: NDArray[np.float64]

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
            total -= 0.5 * k * _log1p_pair(u, np.ones_like(u), 1.0 + u)[1]
        return total

    def derivative(self, order: int, s: float) -> float:
        v, k = self.scales, self.dofs
        if order == 1:
            return float(np.sum(0.5 * k * v * v * s / (1.0 - v * s)))
        return float(np.sum(0.5 * k * (v / (1.0 - v * s)) ** order)) * (order - 1)


def _trace_noise(weights: ArrayLike, dof: int) -> _TraceNoise:
    """Merge equal weights; tiny ones stay, they cost nothing."""
    m = _validate.count("dof", dof)
    values, counts = np.unique(_weights(weights), return_counts=True)
    dofs = np.asarray(counts[::-1] * float(m), dtype=np.float64)
    return _TraceNoise(2.0 * values[::-1] / m, dofs)


def trace_noise_log_tails(excess: float, weights: ArrayLike, dof: int) -> tuple[float, float]:
    """Return (log P(Y <= 1 + excess), log P(Y > 1 + excess)) for Y = sum w_i chi2_m,i / m.

    The smaller one has relative accuracy near 1e-12, however small. Taking Y - 1 as the
    argument keeps the digits at large m.

    Raises
    ------
    ValueError, TypeError
        When `excess` is not a finite number, or `weights` or `dof` are out of range.

    Examples
    --------
    >>> lower, upper = trace_noise_log_tails(19.0, [0.5, 0.3, 0.2], 9)
    >>> f"{upper:.6f}"
    '-158.028834'
    """
    y = _validate.number("excess", excess)
    if y <= -1.0:
        return (-math.inf, 0.0)
    return log_tails(_trace_noise(weights, dof), y)


def _trace_noise_gx2(y: Float, weights: ArrayLike, dof: int) -> Float:
    """CDF of Y by the library gx2: the second route, for moderate m only."""
    import gx2  # here: the main route does not need it

    noise = _trace_noise(weights, dof)
    zeros = np.zeros(noise.dofs.size)
    return np.asarray(gx2.cdf(y, noise.scales / 2.0, noise.dofs, zeros, 0.0, 0.0))


def trace_noise_cdf(
    y: ArrayLike, weights: ArrayLike, dof: int, *, route: Literal["contour", "gx2"] = "contour"
) -> NDArray[np.float64]:
    """Return P(Y <= y) for Y = sum_i w_i chi2_m,i / m, weights normalised to sum 1.

    One generation multiplies the trace by bias * Y with w = eig(Sigma_{t-1}) / tr Sigma_{t-1}.

    Parameters
    ----------
    y : array_like
        Points; any shape.
    weights : array_like, shape (d,)
        Non-negative, not all zero.
    dof : int
        m.
    route : {"contour", "gx2"}
        The contour integral of this package (any m, relative accuracy in both tails), or the
        library gx2 (Imhof and Ruben; centre of the law and moderate m only: gx2 1.5 gives 1/2
        for .977 at m = 10^9, and 1e-111 for the tail 2e-69 at y = 20, m = 9).

    Returns
    -------
    ndarray, shape of `y`

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    Appendix A, theory.md 1.10; exact.

    Examples
    --------
    >>> f"{float(trace_noise_cdf(1.1, [0.5, 0.3, 0.2], 9)):.10f}"
    '0.6698924891'
    """
    points = np.asarray(y, dtype=np.float64)
    if np.isnan(points).any():
        raise ValueError(f"y must not be NaN, got {y!r}")
    if _validate.one_of("route", route, ("contour", "gx2")) == "gx2":
        return _trace_noise_gx2(points, weights, dof)
    noise = _trace_noise(weights, dof)
    flat = [_trace_noise_cdf_at(noise, float(v)) for v in points.ravel()]
    return np.array(flat).reshape(points.shape)


def _trace_noise_cdf_at(noise: _TraceNoise, y: float) -> float:
    """P(Y <= y) at one point, the ends of the half line included."""
    if y <= 0.0:
        return 0.0
    return 1.0 if math.isinf(y) else math.exp(log_tails(noise, y - 1.0)[0])


# --- anti-concentration (1.10) ------------------------------------------------------------------


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
    r"""Return an explicit c with P(\|Y - 1\| > eps) >= c for every choice of d weights.

    Appendix A asserts that some c > 0 exists for each 0 < eps < 1. This is
    c = max(Paley-Zygmund, P(q < 1-eps)^d + max(P(q > 1+eps)^d, largest weight)), q = chi2_m/m:
    Y, an average of the q_i, is below 1-eps when every q_i is, above 1+eps when every q_i is,
    and the two events are disjoint. Positive for every eps in (0, 1) in exact arithmetic.

    Parameters
    ----------
    eps : float
        In (0, 1).
    dim, dof : int
        d and m.

    Returns
    -------
    float
        The bound; 0 only by underflow.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 1.10; status: bound.

    Examples
    --------
    >>> f"{anti_concentration_bound(0.5, 2, 1):.6f}"
    '0.354185'
    """
    e = _validate.number("eps", eps, low=0.0, high=1.0, open_=True)
    d = _validate.count("dim", dim)
    m = float(_validate.count("dof", dof))
    below = float(special.chdtr(m, m * (1.0 - e))) ** d
    above = float(special.chdtrc(m, m * (1.0 + e))) ** d
    return max(_paley_zygmund(e, d, m), below + max(above, _largest_weight(e, d, m)))


def _outside(eps: float, noise: _TraceNoise) -> float:
    """P(|Y - 1| > eps)."""
    return math.exp(log_tails(noise, -eps)[0]) + math.exp(log_tails(noise, eps)[1])


def _two_level(share: float, group: int, dim: int) -> NDArray[np.float64]:
    """Weights share/group on `group` coordinates, (1-share)/(d-group) on the others."""
    rest = dim - group
    head = np.full(group, share / group)
    return np.concatenate([head, np.full(rest, (1.0 - share) / rest)]) if rest else head


def _groups(dim: int) -> list[int]:
    """Sizes of the first level to try: all of them up to 8, then geometric, then d."""
    return sorted({*range(1, min(dim, 8) + 1), *(2**k for k in range(3, 24) if 2**k < dim), dim})


def _best_share(eps: float, group: int, dim: int, dof: int) -> tuple[float, NDArray[np.float64]]:
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


def anti_concentration_minimum(eps: float, dim: int, dof: int) -> tuple[float, NDArray[np.float64]]:
    r"""Return the numerical minimum of P(\|Y - 1\| > eps) over the simplex, and its weights.

    The search runs over weights of at most two levels (group sizes up to 8, then powers of 2,
    then d); the probability itself is exact to 1e-12. As a search it bounds the true minimum
    from above, as :func:`anti_concentration_bound` does from below.

    Parameters
    ----------
    eps : float
        In (0, 1).
    dim, dof : int
        d (at most 10^5) and m.

    Returns
    -------
    value : float
    weights : ndarray, shape (d,)
        Largest first, sum 1.

    Raises
    ------
    ValueError, TypeError
        When an argument is out of its range.

    Notes
    -----
    theory.md 1.10; status: numerical.

    Examples
    --------
    >>> value, weights = anti_concentration_minimum(0.5, 2, 1)
    >>> f"{value:.6f}", weights
    ('0.616600', array([0.5, 0.5]))
    """
    e = _validate.number("eps", eps, low=0.0, high=1.0, open_=True)
    d = _validate.count("dim", dim, maximum=10**5)
    m = _validate.count("dof", dof)
    results = [_best_share(e, group, d, m) for group in _groups(d)]
    return min(results, key=lambda pair: pair[0])
