"""E W2^2 of one Gaussian fit to n real samples: the baseline (theory.md 5.3)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from madtheory import _check
from madtheory.covariance import Spectrum
from madtheory.results import Estimate
from madtheory.spectrum import sqrt_trace

#: Beyond this many samples the baseline is its leading order to all digits.
LARGE = 2.0**52


# --- baseline ------------------------------------------------------------------------------------


def baseline(n: int, eigenvalues: ArrayLike) -> Estimate:
    """E W2^2 between N(mu_0, Sigma_0) and one Gaussian fit to n real samples (theory.md 5.3).

    Parameters
    ----------
    n : int
        Real samples, at least 2.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0; zeros allowed.

    Returns
    -------
    Estimate
        0-d arrays; tr Sigma_0/n + 2 tr Sigma_0 - 2 E tr(Sigma_0 S Sigma_0)^{1/2}, the last from
        :func:`madtheory.spectrum.sqrt_trace_deficit`, with its bounds and declared error.

    Examples
    --------
    >>> float(baseline(2, [1.0]).value.round(6))  # 1/2 + 2 - 2 sqrt(2/pi)
    0.904231
    """
    n = _check.count("n", n, minimum=2)
    s = Spectrum.of(eigenvalues)
    total = s.trace
    deficit = sqrt_trace.sqrt_trace_deficit(s, [n - 1])
    value, lower, upper = (
        np.asarray(total / n + 2 * total * x[0])
        for x in (deficit.value, deficit.lower, deficit.upper)
    )
    error = 2 * total * deficit.value[0] * deficit.rel_error[0] / value
    return Estimate(value, lower, upper, np.asarray(error))


def baseline_leading(n: float, eigenvalues: ArrayLike) -> float:
    """Second order of :func:`baseline` in Sigma_0^{-1/2} S Sigma_0^{-1/2} - I (theory.md 5.3).

    Parameters
    ----------
    n : float
        Real samples, greater than 1; need not be an integer.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    float
        tr Sigma_0/n + sum_ij s_i s_j (1 + d_ij)/(2 (n - 1)(s_i + s_j)); for Sigma_0 = I it is
        d/n + d(d + 1)/(4(n - 1)).

    Examples
    --------
    >>> baseline_leading(101, [1.0, 1.0]) == 2 / 101 + 6 / 400
    True
    """
    n = _check.number("n", n, low=1.0)
    s = Spectrum.of(eigenvalues)
    if n == 1:
        return math.inf
    total = s.trace
    # Pairs i = j count twice: sum_ij (1 + d_ij) s_i s_j/(s_i + s_j) = (weight/2 + 1) tr Sigma_0.
    return total / n + (s.bures_weight / 2 + 1) * total / (2 * (n - 1))


def baseline_at_real(n: float, s: Spectrum) -> float:
    """Baseline at real n >= 2, linear in 1/n between integers."""
    low = math.floor(n)
    first = float(baseline(low, s).value)
    if n == low:
        return first
    second = float(baseline(low + 1, s).value)
    weight = (1 / low - 1 / n) * low * (low + 1)
    return first + weight * (second - first)
