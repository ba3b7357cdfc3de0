"""The law along one direction: chi-square, its moments, its ends, Chernoff's bound."""

import math

import numpy as np
from scipy import stats

from madtheory.loop import fully_synthetic
from madtheory.theory import collapse
from madtheory.theory.collapse import direction
from tests.unit.theory.collapse.loops import DEAD, ODD, PLAIN, SHORT


def test_directional_law_of_one_generation_is_chi_square():
    x = np.array([1e-8, 0.1, 0.9, 1.5, 6.0])
    for n in (2, 3, 10, 1000):
        m = n - 1
        loop = fully_synthetic(n)
        np.testing.assert_allclose(
            collapse.directional_cdf(x, loop, t=1),
            stats.chi2.cdf(m * x, m),
            rtol=1e-11,
            atol=1e-300,
        )
        np.testing.assert_allclose(
            collapse.directional_sf(x, loop, t=1), stats.chi2.sf(m * x, m), rtol=1e-11, atol=1e-300
        )
        q = collapse.directional_quantile([0.01, 0.5, 0.99], loop, t=1)
        np.testing.assert_allclose(q, stats.chi2.ppf([0.01, 0.5, 0.99], m) / m, rtol=1e-11)


def test_directional_law_carries_both_bias_conventions():
    x, bias = 0.4, 0.7
    plain = fully_synthetic(6, n_initial=13)
    real = fully_synthetic(6, n_initial=13, bias=bias)
    for t in (1, 3):
        expected = collapse.directional_sf(x / bias**t, plain, t=t)
        np.testing.assert_allclose(collapse.directional_sf(x, ODD, t=t), expected, rtol=1e-12)
        expected = collapse.directional_sf(x / bias ** (t - 1), plain, t=t)
        np.testing.assert_allclose(collapse.directional_sf(x, real, t=t), expected, rtol=1e-12)


def test_directional_moment_by_integrating_the_law():
    # E X^s = integral of s x^(s-1) P(X > x) over log x, by the trapezoidal rule.
    loop, t, s = fully_synthetic(8, bias=0.9, n_initial=4), 2, 0.7
    log_x = np.arange(-50.0, 6.0, 0.25)
    sf = np.exp(collapse.directional_log_tails(log_x, loop, t=t)[1])
    integral = 0.25 * np.sum(s * np.exp(s * log_x) * sf)
    np.testing.assert_allclose(collapse.directional_moment(loop, t, power=s), integral, rtol=1e-10)


def test_directional_moment_where_it_ends():
    assert collapse.directional_moment(fully_synthetic(10, n_initial=3), 2, power=-1.0) == math.inf
    assert collapse.directional_moment(DEAD, 2, power=0.5) == 0.0
    assert collapse.directional_moment(DEAD, 2, power=-0.5) == math.inf
    assert collapse.directional_moment(DEAD, 2, power=0.0) == 1.0
    assert collapse.directional_moment(PLAIN, 10**6, power=3.0) == math.inf
    np.testing.assert_allclose(
        collapse.directional_moment(SHORT, 3, power=2.0),
        0.9**4 * (1 + 2 / 2) * (1 + 2 / 8) ** 2,
        rtol=1e-12,
    )


def test_directional_law_at_its_ends():
    np.testing.assert_array_equal(
        collapse.directional_cdf([-1.0, 0.0, math.inf], PLAIN, t=3), [0.0, 0.0, 1.0]
    )
    np.testing.assert_array_equal(collapse.directional_sf([-1.0, 0.0], DEAD, t=2), [1.0, 0.0])
    np.testing.assert_array_equal(
        collapse.directional_log_quantile([0.0, 1.0], PLAIN, t=3), [-math.inf, math.inf]
    )
    assert collapse.directional_quantile(0.5, DEAD, t=2) == 0.0


def test_chernoff_solves_the_moment_problem():
    bound = collapse.directional_chernoff(0.5, PLAIN, t=50)
    order = float(bound.order)
    value = collapse.directional_log_moment(PLAIN, 50, power=order) - order * math.log(0.5)
    np.testing.assert_allclose(bound.log_sf, value, rtol=1e-10)
    for other in (order * 0.98, order * 1.02):
        near = collapse.directional_log_moment(PLAIN, 50, power=other) - other * math.log(0.5)
        assert near > value
    assert bound.log_cdf == 0.0
    ends = collapse.directional_chernoff([0.0, math.inf], PLAIN, t=2)
    np.testing.assert_array_equal(ends.log_cdf, [-math.inf, 0.0])
    assert collapse.directional_chernoff(0.5, DEAD, t=2).log_sf == -math.inf


def test_a_factor_of_which_there_is_none_has_no_say():
    """Generation 1: beyond the strip of later fits, where their cumulants are no numbers."""
    at_start = direction.LogProduct(0.0, (4e5, 2e5), (1.0, 0.0))
    alone = direction.LogProduct(0.0, (4e5,), (1.0,))
    for order in (1, 2):
        found = at_start.derivative(order, -1.5e5)
        assert found == alone.derivative(order, -1.5e5)
        assert math.isfinite(found)
