"""How fast the loop collapses: Lyapunov exponents, the critical bias, half-life (1.1-1.4).

With m = n_synth - 1, k = n_initial - 1 and q a chi2 over its degrees of freedom, for a fixed u

    u' Sigma_t u = u' Sigma_0 u * first_scale * step_bias^(t-1) * q_1 q_2 ... q_t          (1.1)

independent, q_1 with k degrees of freedom and the others with m: condition on Sigma_{t-1}. A fit
divides by n - ddof, so first_scale = first_bias k/(n_initial - ddof) and step_bias =
bias m/(n_synth - ddof); both are the plain biases at ddof = 1. Only the sample means do not see
the division: the noise of the mean walk keeps the plain biases (1.6).
"""

from __future__ import annotations

import math

import numpy as np

from madtheory import _check
from madtheory._types import Array
from madtheory.directions import Directions
from madtheory.laws import chi_square, wishart
from madtheory.loop import (
    Loop,
    require_fully_synthetic,
    require_loop,
    require_synthetic_by_direction,
)
from madtheory.theory.collapse._scales import log_fit_scale, log_step_bias


def lyapunov_spectrum(loop: Loop, dim: int) -> Array:
    """Return lim (1/t) log sigma_i(Sigma_t), largest first (1.4; exact, almost surely).

    log step_bias + psi((m-i+1)/2) - log(m/2), i up to the rank min(dim, m, n_initial - 1) of
    Sigma_t; for a singular Sigma_0 `dim` is its rank.

    With a spectrum of biases (of the directions where Sigma_0 is positive) the i-th largest bias
    goes with the i-th exponent (8).

    Examples
    --------
    >>> lyapunov_spectrum(fully_synthetic(10), 2).round(6)
    array([-0.115206, -0.24796 ])
    >>> lyapunov_spectrum(fully_synthetic(10, bias=(0.5, 1.0)), 2).round(6)
    array([-0.115206, -0.941107])
    """
    require_synthetic_by_direction(loop, "the Lyapunov spectrum")
    exponents = wishart.lyapunov_exponents(dim, loop.dof)[: loop.first_dof]
    if not loop.has_spectrum:
        return exponents + log_step_bias(loop)
    steps = Directions.of(loop, _check.count("dim", dim)).each(log_step_bias)
    return np.asarray(exponents + np.sort(steps)[::-1][: exponents.size])


def rate(loop: Loop) -> float:
    """Return the top Lyapunov exponent log step_bias + psi(m/2) - log(m/2) (1.1; exact).

    Negative: collapse. It is the almost sure growth rate of log tr Sigma_t, and E log q of the
    Proposition's proof. At ddof = 0 it is log(bias (n-1)/n) + psi(m/2) - log(m/2). Of a spectrum
    of biases the largest counts (8).

    Examples
    --------
    >>> f"{rate(fully_synthetic(10)):.12f}"
    '-0.115206470417'
    >>> rate(fully_synthetic(10**15 + 1))
    -1.0000000000000005e-15
    """
    require_loop(loop)
    loop = loop.longest_lived
    require_fully_synthetic(loop, "the collapse rate")
    return log_step_bias(loop) + float(chi_square.log_chi_square_mean(loop.dof, loop.dof))


def critical_bias(loop: Loop) -> float:
    """Return the bias below which, and only there, Sigma_t -> 0 almost surely (1.2; exact).

    (m/2) exp(-psi(m/2)) > 1 at ddof = 1, and n/(n-1) times that at ddof = 0. At the critical
    bias the log-variance is a driftless random walk: it oscillates. So the maximum likelihood
    loop dies at the bias that is critical for ddof = 1, at the rate log((n-1)/n). A direction of
    Sigma_0 dies where its own bias is below (8).

    Examples
    --------
    >>> f"{critical_bias(fully_synthetic(10)):.12f}"
    '1.122105095163'
    """
    require_synthetic_by_direction(loop, "the critical bias")
    unit = log_fit_scale(1.0, loop.n_synth, loop.ddof)
    return math.exp(-float(chi_square.log_chi_square_mean(loop.dof, loop.dof)) - unit)


def half_life(loop: Loop) -> float:
    """Return log 2 / |rate| generations; inf at the critical bias, 0 at bias 0 (1.9).

    The typical (median) variance halves, or above the critical bias doubles, in that time.

    Examples
    --------
    >>> f"{half_life(fully_synthetic(10)):.9f}"
    '6.016564678'
    """
    slope = abs(rate(loop))
    return math.log(2.0) / slope if slope > 0 else math.inf


def condition_growth(loop: Loop, dim: int) -> float:
    """Return lim (1/t) log(sigma_1 / sigma_r), r the rank of Sigma_t (1.4).

    psi(m/2) - psi((m-r+1)/2), r = min(dim, m, n_initial - 1): collapse to a line, then to a
    point. It does not depend on the bias (at bias 0 it is the limit bias -> 0), but on a spectrum
    of biases.

    Examples
    --------
    >>> f"{condition_growth(fully_synthetic(10), 3):.12f}"
    '0.285714285714'
    """
    require_loop(loop)
    if loop.has_spectrum:
        exponents = lyapunov_spectrum(loop, dim)
        return float(exponents[0] - exponents[-1])
    require_fully_synthetic(loop, "the growth of the condition number")
    exponents = wishart.lyapunov_exponents(dim, loop.dof)[: loop.first_dof]
    return float(exponents[0] - exponents[-1])


def clt_variance(loop: Loop) -> float:
    """Return psi'(m/2): (log u' Sigma_t u - rate t) / sqrt t tends to N(0, psi'(m/2)) (1.4).

    Examples
    --------
    >>> f"{clt_variance(fully_synthetic(2)):.12f}"
    '4.934802200545'
    """
    require_synthetic_by_direction(loop, "the CLT variance")
    return float(chi_square.log_chi_square_variance(loop.dof))
