"""Mean and variance of log tr Sigma_t: from all directions together to the leading one (1.9)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma

from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.laws.chi_square import log_chi_square_mean, log_chi_square_variance
from madtheory.loop import Loop, require_fully_synthetic
from madtheory.theory.collapse._scales import generation_range, log_scale

#: Nodes of the integral over the logarithm of a quadratic form.
_NODES = np.linspace(-60.0, 60.0, 1201)


class Lags(NamedTuple):
    """Mean and variance in the end, less those of one direction; the real participation."""

    mean: float
    variance: float
    alike: float


def _log_form(shares: Array) -> tuple[float, float]:
    """Mean and variance of log Q, Q = sum of shares times chi-squares of one degree of freedom.

    With E exponential, P(log E - log Q > y) = E exp(-Q e^y), a product.
    """
    weights, counts = np.unique(shares, return_counts=True)
    z = 2.0 * np.multiply.outer(weights, np.exp(_NODES))
    survival = np.exp(-0.5 * counts @ np.log1p(z))
    density = survival * 0.5 * (counts @ (z / (1.0 + z))) * (_NODES[1] - _NODES[0])
    mean = float(density @ _NODES)
    variance = float(density @ np.square(_NODES - mean))
    return -np.euler_gamma - mean, variance - math.pi**2 / 6


def lags(shares: Array) -> Lags:
    """What sets the trace apart from a direction, in the end.

    Then Sigma_t is s Sigma_0^(1/2) v v' Sigma_0^(1/2) with v uniform on the sphere and independent
    of s, so log u' Sigma_t u = log tr Sigma_t - log Q + log chi2_1 in cumulants.
    """
    if shares.size == 1:
        return Lags(0.0, 0.0, 1.0)
    mean, variance = _log_form(shares)
    of_one = float(digamma(0.5)) + math.log(2.0)
    return Lags(mean - of_one, math.pi**2 / 2 - variance, float(shares @ shares))


def _used(lag: float, gone: Array) -> Array:
    """The part of a lag that is used up: as `gone` at first, all of it in the end."""
    return np.asarray(gone * lag / (gone + lag)) if lag > 0.0 else np.zeros_like(gone)


def log_trace_path(loop: Loop, shares: Array, t: Array) -> tuple[Array, Array]:
    """Mean and variance of log(tr Sigma_t / tr Sigma_0) at real t >= 1."""
    fits = np.array([loop.first_dof, loop.dof], dtype=np.float64)
    loss, noise = -log_chi_square_mean(fits, fits), log_chi_square_variance(fits)
    gone, spread = (x[0] + (t - 1.0) * x[1] for x in (loss, noise))
    lag = lags(shares)
    apart = 1.0 - lag.alike
    mean = log_scale(loop, t) - gone + _used(lag.mean, apart * gone)
    return mean, spread - _used(lag.variance, apart * spread)


def log_trace_moments(
    loop: Loop, eigenvalues: ArrayLike, *, generations: int
) -> tuple[Array, Array]:
    """Return mean and variance of log(tr Sigma_t / tr Sigma_0), t = 1..T (1.9; asymptotic).

    At rank 1 exact. At first tr Sigma_t moves as chi-squares of all directions together do, in the
    end with the leading direction: mean and variance are those of one direction and a constant
    (:func:`lags`). Between them 1/(what is used up of a constant) = 1/(its early law) + 1/constant.

    Examples
    --------
    >>> mean, variance = log_trace_moments(fully_synthetic(10), np.ones(5), generations=40)
    >>> mean[[0, 39]].round(3), variance[[0, 39]].round(3)
    (array([-0.03 , -3.787]), array([0.058, 7.097]))
    """
    require_fully_synthetic(loop, "the law of log tr Sigma_t")
    shares = Spectrum.of(eigenvalues).shares
    return log_trace_path(loop, shares, generation_range(generations))
