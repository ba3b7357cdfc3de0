"""Rates of the fully synthetic loop, against digamma functions."""

import math

import numpy as np
from scipy import special

from madtheory.loop import fully_synthetic
from madtheory.theory import collapse
from tests.unit.theory.collapse.loops import DEAD, PLAIN


def test_rate_spectrum_and_critical_bias():
    loop = fully_synthetic(10, bias=0.8, n_initial=4)
    i = np.arange(1, 4)
    direct = math.log(0.8) + special.digamma((9 - i + 1) / 2) - math.log(4.5)
    # n_initial - 1 = 3 is the rank, so five dimensions have three exponents.
    np.testing.assert_allclose(collapse.lyapunov_spectrum(loop, 5), direct, rtol=1e-13)
    np.testing.assert_allclose(collapse.rate(loop), direct[0], rtol=1e-13)
    critical = 4.5 * math.exp(-special.digamma(4.5))
    np.testing.assert_allclose(collapse.critical_bias(loop), critical, rtol=1e-13)
    growth = special.digamma(4.5) - special.digamma(3.5)
    np.testing.assert_allclose(collapse.condition_growth(loop, 5), growth, rtol=1e-12)
    np.testing.assert_allclose(collapse.half_life(loop), math.log(2) / -direct[0], rtol=1e-13)
    np.testing.assert_allclose(collapse.clt_variance(loop), special.polygamma(1, 4.5), rtol=1e-13)


def test_rate_at_absurd_sample_sizes_and_at_the_critical_bias():
    m = 10**15
    series = -1.0 / m - 1.0 / (3.0 * m * m)
    np.testing.assert_allclose(collapse.rate(fully_synthetic(m + 1)), series, rtol=1e-15)
    at = fully_synthetic(3, bias=collapse.critical_bias(PLAIN), allow_overdispersion=True)
    assert collapse.rate(at) < 0  # the critical bias of n = 10 kills n = 3
    assert collapse.half_life(DEAD) == 0.0
    assert collapse.rate(DEAD) == -math.inf


def test_maximum_likelihood_dies_where_the_unbiased_loop_is_critical():
    for n in (2, 10, 10**15):
        critical = collapse.critical_bias(fully_synthetic(n))
        unbiased = fully_synthetic(n, bias=critical, allow_overdispersion=True)
        likely = fully_synthetic(n, bias=critical, ddof=0, allow_overdispersion=True)
        # The critical bias is a float: its own rounding is a rate of 1e-16.
        assert abs(collapse.rate(unbiased)) < 3e-16
        np.testing.assert_allclose(
            collapse.rate(likely), math.log1p(-1 / n), rtol=1e-13, atol=3e-16
        )
        np.testing.assert_allclose(
            collapse.critical_bias(likely), critical * n / (n - 1), rtol=1e-15
        )
    # log(lambda (n - 1)/n) + psi(m/2) - log(m/2) itself.
    loop = fully_synthetic(10, bias=1.1, ddof=0, allow_overdispersion=True)
    direct = math.log(1.1 * 0.9) + special.digamma(4.5) - math.log(4.5)
    np.testing.assert_allclose(collapse.rate(loop), direct, rtol=1e-13)
    np.testing.assert_allclose(
        collapse.rate(fully_synthetic(10**15 + 1, ddof=0)), -2e-15, rtol=1e-14
    )
