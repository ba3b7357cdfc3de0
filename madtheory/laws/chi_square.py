"""Chi-square laws with their digits at any size: log-moments, moments, c4 (theory.md 0, 1.1).

Differences such as psi(m/2) - log(m/2) are O(1/m): formed by subtraction they lose every digit
before m = 10^16, so they come from their own series here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from madtheory import _check
from madtheory._types import Array

#: Where the asymptotic series below reach double precision (first term left out: 4e-17).
_LARGE = 10
#: Below this variance of log chi-square the first two orders of psi' have all its digits.
_SMALL_VARIANCE = 1e-6
#: B_2k / (2k (2k-1)) of log Gamma, and B_2k / (2k) of digamma, k = 1..7.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)


# --- gamma functions without cancellation --------------------------------------------------------


def _series(coefficients: tuple[float, ...], x: NDArray[Any]) -> NDArray[Any]:
    """Sum coefficients[k] / x^(2k+2), by Horner."""
    inverse = 1.0 / (x * x)
    total = np.zeros_like(inverse)
    for coefficient in reversed(coefficients):
        total = (total + coefficient) * inverse
    return np.asarray(total)


def _digamma_minus_log(a: Array) -> Array:
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


def log1p_pair(
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
    log1p_u, rest = log1p_pair(u, a, b)
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


# --- one chi-square factor (1.1, 1.4, 1.5) -------------------------------------------------------


def _positive(name: str, value: ArrayLike) -> Array:
    """Return a positive, finite float array."""
    array = _check.floats(name, value)
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise ValueError(f"{name} must be positive and finite, got {value!r}")
    return array


def c4(n: ArrayLike) -> Array:
    """Return c4(n) = E sqrt(chi2_{n-1} / (n-1)), n > 1 (theory.md 0 and 1.7).

    sqrt(2/(n-1)) Gamma(n/2) / Gamma((n-1)/2).

    Examples
    --------
    >>> f"{float(c4(10)):.12f}"
    '0.972659274122'
    """
    array = _check.floats("n", n)
    if not (np.isfinite(array).all() and (array > 1).all()):
        raise ValueError(f"n must be above 1 and finite, got {n!r}")
    return np.asarray(np.exp(log_gamma_ratio((array - 1.0) / 2.0, 0.5)))


def log_chi_square_mean(dof: ArrayLike, scale: ArrayLike) -> Array:
    """Return E log(chi2_dof / scale) = psi(dof/2) - log(scale/2) (theory.md 1.1).

    Examples
    --------
    >>> f"{float(log_chi_square_mean(9, 9)):.12f}"
    '-0.115206470417'
    """
    k, m = _positive("dof", dof), _positive("scale", scale)
    # log1p of an exact difference keeps the digits when dof and scale are close and large.
    u = (k - m) / m
    return np.asarray(_digamma_minus_log(k / 2.0) + _log_ratio(u, m, k))


def log_mean_at(dof: float, s: float) -> float:
    """psi(dof/2 + s) - log(dof/2), as :func:`log_chi_square_mean`, of plain floats: quick.

    Examples
    --------
    >>> log_mean_at(9.0, 0.0) == float(log_chi_square_mean(9, 9))
    True
    """
    a, u = dof / 2.0 + s, 2.0 * s / dof
    ratio = math.log1p(u) if abs(u) < 0.3 else math.log(a / (dof / 2.0))
    if a < _LARGE:
        return float(special.digamma(a)) - math.log(a) + ratio
    inverse, total = 1.0 / (a * a), 0.0
    for coefficient in reversed(_DIGAMMA):
        total = (total + coefficient) * inverse
    return -0.5 / a - total + ratio


def log_chi_square_variance(dof: ArrayLike) -> Array:
    """Return Var log chi2_dof = psi'(dof/2), the CLT variance of theory.md 1.4.

    Examples
    --------
    >>> f"{float(log_chi_square_variance(1)):.12f}"
    '4.934802200545'
    """
    return np.asarray(special.polygamma(1, _positive("dof", dof) / 2.0))


def dof_of_log_variance(variance: float) -> float:
    """Return the degrees of freedom k of which Var log chi2_k = psi'(k/2) is `variance` (1.4).

    Examples
    --------
    >>> round(dof_of_log_variance(float(log_chi_square_variance(9.0))), 9)
    9.0
    """
    variance = _check.number("variance", variance, low=0.0, open_=True)
    if variance < _SMALL_VARIANCE:
        return 2 / variance + 1  # psi'(x) = 1/x + 1/(2 x^2) + O(x^-3)
    # psi'(x) lies between 1/x and 1/x + 1/x^2.
    low, high = 1 / variance, (1 + math.sqrt(1 + 4 * variance)) / (2 * variance)

    def excess(x: float) -> float:
        return float(special.polygamma(1, x)) - variance

    return 2 * float(optimize.brentq(excess, low, high, rtol=1e-12))


def log_chi_square_density(v: ArrayLike, dof: float | Array) -> Array:
    """Return the log density of log(chi2_dof / dof) at v.

    Examples
    --------
    >>> f"{float(log_chi_square_density(0.0, 2)):.12f}"
    '-1.000000000000'
    """
    a = _positive("dof", dof) / 2.0
    x = _check.floats("v", v)
    # log(a^a e^-a / Gamma(a)) by Stirling, as a log a and log Gamma(a) cancel for large a.
    big = np.maximum(a, _LARGE)
    far = 0.5 * np.log(big / (2.0 * np.pi)) - big * _series(_STIRLING, big)
    small = np.minimum(a, _LARGE)
    near = small * np.log(small) - small - special.gammaln(small)
    with np.errstate(over="ignore"):
        return np.asarray(np.where(a < _LARGE, near, far) - a * (np.expm1(x) - x))


def log_chi_square_mass(v: Array, dof: float | Array, step: float | Array) -> Array:
    """Return weights of a trapezoidal rule in log(chi2_dof / dof) at v, along the last axis.

    What the rule leaves of 1 is at the left: v must reach so far down that it is near 0 there.

    Examples
    --------
    >>> v = np.arange(-9.0, 3.0, 0.1)
    >>> f"{float(log_chi_square_mass(v, 9, 0.1) @ np.exp(2 * v)):.12f}"  # 1 + 2/9
    '1.222222222222'
    """
    w = step * np.exp(log_chi_square_density(v, dof))
    w[..., 0] += np.maximum(1 - w.sum(axis=-1), 0.0)
    return np.asarray(w)


def log_chi_square_moment(power: ArrayLike, dof: ArrayLike, scale: ArrayLike) -> Array:
    """Return log E (chi2_dof / scale)^power, inf where power <= -dof/2 (theory.md 1.5)."""
    p = _check.floats("power", power)
    k, m = _positive("dof", dof), _positive("scale", scale)
    if not np.isfinite(p).all():
        raise ValueError(f"power must be finite, got {power!r}")
    exists = k / 2.0 + p > 0
    safe = np.where(exists, p, 0.0)
    log_moment = log_gamma_ratio(k / 2.0, safe) + safe * _log_ratio((k - m) / m, m, k)
    return np.where(exists, log_moment, np.inf)


def chi_square_moment(power: ArrayLike, dof: ArrayLike, scale: ArrayLike) -> Array:
    """Return E (chi2_dof / scale)^power, inf where power <= -dof/2 (theory.md 1.5).

    (2/scale)^power Gamma(dof/2+power) / Gamma(dof/2) for any real order; arguments broadcast.

    Examples
    --------
    >>> f"{float(chi_square_moment(2, 9, 9)):.12f}"
    '1.222222222222'
    >>> float(chi_square_moment(-1, 2, 2))
    inf
    """
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(log_chi_square_moment(power, dof, scale)))
