"""Mean and variance of log tr Sigma_t: from all directions together to the leading one (1.9)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.laws.chi_square import log_chi_square_mean, log_chi_square_variance
from madtheory.loop import Loop, require_fully_synthetic
from madtheory.theory.collapse._scales import generation_range, log_scale

#: Nodes of the integral over the logarithm of a quadratic form.
_NODES = np.linspace(-60.0, 60.0, 1201)
#: Degrees of freedom above which the first order of their inverse is nearer than such an integral.
_MANY = 1e6


class Lags(NamedTuple):
    """Mean and variance in the end, less those of one direction; the real participation."""

    mean: float
    variance: float
    alike: float


def _log_forms(shares: Array, dofs: Array) -> tuple[Array, Array]:
    """Mean and variance of log Q, Q = sum of shares times chi-squares, at each of `dofs`.

    With E exponential, P(log E - log Q > y) = E exp(-Q e^y), a product.
    """
    weights, counts = np.unique(shares, return_counts=True)
    z = 2.0 * np.multiply.outer(weights, np.exp(_NODES))
    half = 0.5 * dofs[:, None]
    density = np.exp(-half * (counts @ np.log1p(z))) * half * (counts @ (z / (1.0 + z)))
    density *= _NODES[1] - _NODES[0]
    mean = density @ _NODES
    variance = np.sum(density * np.square(_NODES - mean[:, None]), axis=1)
    return -np.euler_gamma - mean, variance - math.pi**2 / 6


def _lags(shares: Array, first: float) -> tuple[Lags, Lags]:
    """All of the lags, and what generation 1, a fit of `first` degrees of freedom, uses of them.

    Its trace is a sum of chi-squares, so this is exact. A fit of one degree of freedom has rank 1
    and uses them up; one of many uses less than the rounding of all.
    """
    alike = float(shares @ shares)
    if shares.size == 1:
        return Lags(0.0, 0.0, alike), Lags(0.0, 0.0, alike)
    dofs = np.array([1.0, first])
    mean, variance = _log_forms(shares, dofs)
    mean = mean - log_chi_square_mean(dofs, np.ones(2))
    variance = log_chi_square_variance(dofs) - variance
    if first > _MANY:
        mean[1], variance[1] = (1.0 - alike) / first, 2.0 * (1.0 - alike) / first
    used = np.minimum([mean[0], variance[0]], [mean[1], variance[1]])
    return Lags(mean[0], variance[0], alike), Lags(used[0], used[1], alike)


def lags(shares: Array) -> Lags:
    """What sets the trace apart from a direction, in the end.

    Then Sigma_t is s Sigma_0^(1/2) v v' Sigma_0^(1/2) with v uniform on the sphere and independent
    of s, so log u' Sigma_t u = log tr Sigma_t - log Q + log chi2_1 in cumulants.
    """
    return _lags(shares, 1.0)[0]


def _used(lag: float, first: float, gone: Array) -> Array:
    """The part of a lag that is used up: `first`, then as `gone`, all in the end."""
    if not lag > 0.0:
        return np.zeros_like(gone)
    ratio = (lag - first) * gone / lag**2
    return first + (lag - first) * ratio / (1.0 + ratio)


def log_trace_path(loop: Loop, shares: Array, t: Array) -> tuple[Array, Array]:
    """Mean and variance of log(tr Sigma_t / tr Sigma_0) at real t >= 1."""
    fits = np.array([loop.first_dof, loop.dof], dtype=np.float64)
    loss, noise = -log_chi_square_mean(fits, fits), log_chi_square_variance(fits)
    gone, spread = (x[0] + (t - 1.0) * x[1] for x in (loss, noise))
    lag, first = _lags(shares, loop.first_dof)
    apart = (1.0 - lag.alike) * (t - 1.0)
    mean = log_scale(loop, t) - gone + _used(lag.mean, first.mean, apart * loss[1])
    return mean, spread - _used(lag.variance, first.variance, apart * noise[1])


def log_trace_moments(
    loop: Loop, eigenvalues: ArrayLike, *, generations: int
) -> tuple[Array, Array]:
    """Return mean and variance of log(tr Sigma_t / tr Sigma_0), t = 1..T (1.9; asymptotic).

    At rank 1 and in generation 1 exact. At first tr Sigma_t moves as chi-squares of all directions
    together do, in the end with the leading direction: mean and variance are those of one direction
    and a constant (:func:`lags`), of which generation 1 uses up a part that is known. After it
    1/(what is left of a constant) grows by its early law, in units of the constant squared.

    Examples
    --------
    >>> mean, variance = log_trace_moments(fully_synthetic(10), np.ones(5), generations=40)
    >>> mean[[0, 39]].round(3), variance[[0, 39]].round(3)
    (array([-0.022, -3.786]), array([0.045, 7.095]))
    """
    require_fully_synthetic(loop, "the law of log tr Sigma_t")
    shares = Spectrum.of(eigenvalues).shares
    return log_trace_path(loop, shares, generation_range(generations))
