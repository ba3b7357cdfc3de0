"""E W2^2 of one Gaussian fit to n real samples: the baseline (theory.md 5.3)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from madtheory import _check
from madtheory.covariance import Spectrum
from madtheory.results import Estimate
from madtheory.spectrum.sqrt_trace import sqrt_trace_deficit

#: Beyond this many samples the baseline is its leading order to all digits.
LARGE = 2.0**52


def baseline(n: int, eigenvalues: ArrayLike) -> Estimate:
    """E W2^2 between N(mu_0, Sigma_0) and one Gaussian fit to n real samples (theory.md 5.3).

    tr Sigma_0/n + 2 tr Sigma_0 - 2 E tr(Sigma_0 S Sigma_0)^{1/2}, 0-d arrays, the last term from
    :func:`madtheory.spectrum.sqrt_trace_deficit` with its bounds and declared error: exact where
    Sigma_0 is a multiple of I of dim up to 256, n <= dim included, and n up to 10^4 dim.

    Examples
    --------
    >>> float(baseline(2, [1.0]).value.round(6))  # 1/2 + 2 - 2 sqrt(2/pi)
    0.904231
    >>> e = baseline(100, [1.0] * 100)
    >>> float(e.value.round(4)), e.status
    (31.9365, 'exact')
    """
    n = _check.count("n", n, minimum=2)
    s = Spectrum.of(eigenvalues)
    total = s.trace
    d = sqrt_trace_deficit(s, [n - 1]).last()
    value, lower, upper = (
        np.asarray(total / n + 2 * total * x) for x in (d.value, d.lower, d.upper)
    )
    return Estimate(value, lower, upper, np.asarray(2 * total * d.value * d.rel_error / value))


def baseline_leading(n: float, eigenvalues: ArrayLike) -> float:
    """Second order of :func:`baseline` in Sigma_0^{-1/2} S Sigma_0^{-1/2} - I (theory.md 5.3).

    tr Sigma_0/n + sum_ij s_i s_j (1 + d_ij)/(2 (n - 1)(s_i + s_j)), for real n > 1; for
    Sigma_0 = I it is d/n + d(d + 1)/(4(n - 1)).

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
