"""Weighted sums of chi-squares, and their anti-concentration."""

import math

import gx2
import numpy as np
import pytest
from scipy import stats

from madtheory.laws import trace_noise

WEIGHTS = (0.5, 0.3, 0.2)


@pytest.mark.parametrize("dof", [1, 2, 9, 60])
def test_trace_noise_against_gx2(dof):
    y = np.array([0.2, 0.7, 1.0, 1.3, 2.0])
    ours = trace_noise.trace_noise_cdf(y, WEIGHTS, dof)
    # By Imhof's and Ruben's routes, for the centre of the law and moderate m only (gx2 1.5 gives
    # 1/2 for .977 at m = 10^9): absolute accuracy, some 1e-10.
    zeros = np.zeros(len(WEIGHTS))
    other = gx2.cdf(y, np.array(WEIGHTS) / dof, np.full(len(WEIGHTS), float(dof)), zeros, 0.0, 0.0)
    np.testing.assert_allclose(ours, other, rtol=0, atol=1e-9)


def test_trace_noise_with_equal_weights_is_chi_square():
    y = np.array([0.05, 0.5, 1.0, 1.8])
    np.testing.assert_allclose(
        trace_noise.trace_noise_cdf(y, [2.0, 2.0, 2.0, 0.0], 5),
        stats.chi2.cdf(15 * y, 15),
        rtol=1e-12,
    )


def test_trace_noise_of_two_degrees_of_freedom_is_hypoexponential():
    w = np.array(WEIGHTS)
    partial = [np.prod([w[i] / (w[i] - w[j]) for j in range(3) if j != i]) for i in range(3)]
    for y in (1.0, 8.0, 60.0):
        upper = sum(c * math.exp(-y / v) for c, v in zip(partial, w, strict=True))
        log_tail = trace_noise.trace_noise_log_tails(y - 1.0, WEIGHTS, 2)[1]
        np.testing.assert_allclose(log_tail, math.log(upper), rtol=1e-12)


def test_trace_noise_becomes_normal_at_absurd_sample_sizes():
    sd = math.sqrt(trace_noise.trace_noise_variance(WEIGHTS, 2**53))
    tails = trace_noise.trace_noise_log_tails(2.0 * sd, WEIGHTS, 2**53)
    np.testing.assert_allclose(tails[1], stats.norm.logsf(2.0), rtol=1e-6)


def test_trace_noise_ends():
    np.testing.assert_array_equal(
        trace_noise.trace_noise_cdf([-1.0, 0.0, math.inf], WEIGHTS, 3), [0.0, 0.0, 1.0]
    )
    assert trace_noise.trace_noise_log_tails(-1.0, WEIGHTS, 3) == (-math.inf, 0.0)


def test_trace_noise_variance_is_the_second_derivative_of_the_cumulants():
    np.testing.assert_allclose(
        trace_noise.trace_noise_variance([5, 3, 2], 4), 2 * (0.25 + 0.09 + 0.04) / 4, rtol=1e-14
    )
    assert trace_noise.trace_noise_variance([1e308, 1e308], 1) == 1.0


def test_anti_concentration_bound_is_its_three_parts():
    # d = 1: the third part is exact, P(q < 1-eps) + P(q > 1+eps).
    exact = stats.chi2.cdf(9 * 0.6, 9) + stats.chi2.sf(9 * 1.4, 9)
    np.testing.assert_allclose(trace_noise.anti_concentration_bound(0.4, 1, 9), exact, rtol=1e-13)
    # Small eps: Paley-Zygmund.
    expected = (1 - 0.05**2 * 9 * 5 / 2) ** 2 / (3 + 12 / 9)
    np.testing.assert_allclose(
        trace_noise.anti_concentration_bound(0.05, 5, 9), expected, rtol=1e-13
    )
    # Large eps: all below, and all above or the largest weight alone.
    below, above = stats.chi2.cdf(9 * 0.1, 9) ** 2, stats.chi2.sf(9 * 1.9, 9) ** 2
    alone = stats.chi2.sf(9 * 2 * 1.9, 9)
    bound = trace_noise.anti_concentration_bound(0.9, 2, 9)
    assert below + max(above, alone) <= bound <= 1.2 * (below + max(above, alone))


@pytest.mark.parametrize(
    ("eps", "dim", "dof"), [(0.1, 3, 4), (0.5, 2, 1), (0.9, 4, 9), (0.6, 9, 2)]
)
def test_anti_concentration_bound_below_minimum_below_other_weights(eps, dim, dof):
    value, weights = trace_noise.anti_concentration_minimum(eps, dim, dof)
    assert 0.0 < trace_noise.anti_concentration_bound(eps, dim, dof) <= value
    assert weights.shape == (dim,)
    np.testing.assert_allclose(weights.sum(), 1.0, rtol=1e-12)
    at_weights = 1 - np.diff(trace_noise.trace_noise_cdf([1 - eps, 1 + eps], weights, dof))[0]
    np.testing.assert_allclose(value, at_weights, rtol=1e-10)
    rng = np.random.default_rng(0)
    for concentration in (0.3, 1.0, 10.0):
        other = rng.dirichlet(np.full(dim, concentration)) + 1e-12
        inside = np.diff(trace_noise.trace_noise_cdf([1 - eps, 1 + eps], other, dof))[0]
        assert value <= 1 - inside + 1e-12


def test_the_larger_tail_keeps_the_digits_that_it_lacks_to_one():
    lower, upper = trace_noise.trace_noise_log_tails(19.0, WEIGHTS, 9)
    assert lower == pytest.approx(-math.exp(upper), rel=1e-12, abs=0.0)
    below, above = trace_noise.trace_noise_log_tails(0.1, WEIGHTS, 9)
    assert math.exp(below) + math.exp(above) == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize("group", [1, 3])
def test_weights_of_two_levels_sum_to_one(group):
    weights = trace_noise._two_level(0.7, group, 5)
    assert weights.sum() == pytest.approx(1.0, rel=1e-15)
    assert weights[:group].sum() == pytest.approx(0.7, rel=1e-15)


@pytest.mark.parametrize("y", [1.0, 3.0, 8.0])
def test_one_degree_of_freedom_to_its_last_digits(y):
    _, log_sf = trace_noise.trace_noise_log_tails(y - 1, [1.0], 1)
    assert log_sf == pytest.approx(stats.chi2.logsf(y, 1), rel=0, abs=2e-13)
