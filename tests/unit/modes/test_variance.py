"""Variances within modes against enumerated paths, moments and quadrature."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from madtheory import modes


def test_variances_by_enumeration_of_paths() -> None:
    """Two modes, four samples, three generations: every path of one count."""
    n, steps, c, lam, ridge, v0 = 4, 3, 0.25, 0.8, 0.05, 2.0
    first = stats.binom.pmf(np.arange(n + 1), n, 0.5)
    rows = [stats.binom.pmf(np.arange(n + 1), n, x / n) for x in range(n + 1)]
    modal, alive_, within = np.zeros(steps), np.zeros(steps), np.zeros(steps)
    logs, positive = np.zeros(steps), np.zeros(steps)
    for path in itertools.product(range(n + 1), repeat=steps):
        p, v, log, last = 1.0, v0, 0.0, None
        for t, x in enumerate(path):
            p *= first[x] if last is None else rows[last][x]
            bias = 1.0 if last is None else lam
            v = bias * v * (x - 1) / (x - c) + ridge if x > 1 else ridge * (x == 1)
            log += math.log(bias) - math.log((x - c) / 2) if x > 1 else 0.0
            log += float(special.digamma((x - 1) / 2)) if x > 1 else 0.0
            weight = p * (n + 1.0) ** (t + 1 - steps)  # the rest of the path is summed over
            modal[t] += weight * v
            within[t] += weight * v * x / n
            alive_[t] += weight * (x > 0)
            fine = min(path[: t + 1]) > 1
            logs[t] += weight * log * fine
            positive[t] += weight * fine
            last = x
    path_ = modes.modal_variance(
        2, n, steps, real_modal=v0, real_total=5.0, ddof=c, bias=lam, floor_trace=ridge
    )
    np.testing.assert_allclose(path_.alive, alive_, rtol=1e-12)
    np.testing.assert_allclose(path_.modal, modal / alive_, rtol=1e-12)
    np.testing.assert_allclose(path_.within, 2 * within, rtol=1e-12)
    typical = modes.typical_variance(2, n, steps, ddof=c, bias=lam)
    np.testing.assert_allclose(typical, np.exp(logs / positive), rtol=1e-12)


def test_total_variance_of_a_fit_by_moments() -> None:
    t = np.arange(1, 51)
    path = modes.modal_variance(25, 100, 50, real_modal=0.005, real_total=4.005, ddof=0)
    np.testing.assert_allclose(path.total, 4.005 * 0.99**t, rtol=1e-12)
    # One mode is the Gaussian loop: its trace is a martingale at ddof 1, and all there is.
    one = modes.modal_variance(1, 20, 50, real_modal=3.0, real_total=3.0, ddof=1)
    np.testing.assert_allclose(one.total, 3.0, rtol=1e-12)
    one = modes.modal_variance(
        1, 20, 50, real_modal=3.0, real_total=3.0, ddof=0.6, bias=0.9, floor_trace=0.2
    )
    np.testing.assert_allclose(one.total, one.modal, rtol=1e-12)
    np.testing.assert_allclose(one.within, one.modal, rtol=1e-12)


def test_the_rate_of_a_mode_is_that_of_its_own_sample_count() -> None:
    # Early: N stays near 400 of 10,000; the spread of N is of relative order 1/400.
    path = modes.typical_variance(25, 10_000, 3)
    rate = special.digamma(399 / 2) - math.log(399 / 2)
    np.testing.assert_allclose(np.log(path) / np.arange(1, 4), rate, rtol=0.02)
    # Two samples: one survives as two with probability 1/2; 2^-3000 is no number.
    late = modes.typical_variance(2, 2, 3_000)
    ratio = math.exp(special.digamma(0.5) - math.log(0.5))
    np.testing.assert_allclose(late[:99], ratio ** np.arange(1, 100), rtol=1e-11)
    assert late[-1] == 0.0


@pytest.mark.parametrize(("count", "ddof", "bias"), [(40, 0.0, 1.0), (5, 0.0, 0.7), (9, 1.0, 0.5)])
def test_the_floor_holds_the_variance(count: int, ddof: float, bias: float) -> None:
    """The moments are fixed by one more fit, chi-square integrated."""
    mean_, variance = modes.floor_variance(count, 0.01, ddof=ddof, bias=bias)
    law = stats.chi2(count - 1)
    scale = bias / (count - ddof)
    one, two = (
        integrate.quad(lambda q, k=k: (scale * q) ** k * law.pdf(q), 0, np.inf)[0] for k in (1, 2)
    )
    second = variance + mean_**2
    # Quadrature is right to 1e-8.
    assert one * mean_ + 0.01 == pytest.approx(mean_, rel=1e-7)
    assert two * second + 0.02 * one * mean_ + 1e-4 == pytest.approx(second, rel=1e-7)


def test_where_the_floor_has_no_moments() -> None:
    assert modes.floor_variance(40, 1e-6, ddof=1.0) == (math.inf, math.inf)
    mean_, variance = modes.floor_variance(20, 1e-6, ddof=0.99)
    assert math.isfinite(mean_)
    assert variance == math.inf
    assert modes.floor_variance(1, 0.3) == (0.3, 0.0)


def test_a_floor_beyond_the_squares_of_floats_has_an_infinite_variance() -> None:
    assert modes.floor_variance(40, 1e300) == (pytest.approx(4e301), math.inf)
