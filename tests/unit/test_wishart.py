"""Law of the covariance estimator: values against other routes, arguments, extremes."""

import math

import gx2
import numpy as np
import pytest
from scipy import integrate, special, stats

from madtheory.laws import chi_square, trace_noise, wishart

WEIGHTS = (0.5, 0.3, 0.2)


def test_c4_against_its_gamma_ratio_and_limit():
    n = np.array([2.0, 3.0, 10.0, 30.0])
    direct = np.sqrt(2.0 / (n - 1.0)) * special.gamma(n / 2.0) / special.gamma((n - 1.0) / 2.0)
    np.testing.assert_allclose(chi_square.c4(n), direct, rtol=1e-13)
    # c4 = 1 - 1/(4 m) + O(1/m^2): only a form without cancellation keeps this digit.
    np.testing.assert_allclose((1.0 - chi_square.c4(1e10 + 1)) * 4e10, 1.0, rtol=1e-5)


@pytest.mark.parametrize("power", [-1.2, -0.5, 0.5, 1.0, 2.0, 3.5])
@pytest.mark.parametrize(("dof", "scale"), [(3, 3), (9, 9), (7, 12)])
def test_chi_square_moment_by_quadrature(power, dof, scale):
    law = stats.chi2(dof)
    value, _ = integrate.quad(
        lambda u: (math.exp(u) / scale) ** power * law.pdf(math.exp(u)) * math.exp(u),
        -200.0, 6.0, epsabs=0.0, epsrel=1e-12, limit=500, points=[-20.0, 0.0, 2.0, 4.0],
    )  # fmt: skip
    # Quadrature is good to 1e-11 here; mpmath checks the gamma ratio itself to 1e-12.
    np.testing.assert_allclose(chi_square.chi_square_moment(power, dof, scale), value, rtol=1e-10)


def test_chi_square_moment_where_it_diverges_or_overflows():
    assert chi_square.chi_square_moment(-1.0, 2, 2) == math.inf
    assert chi_square.chi_square_moment(1e6, 3, 3) == math.inf
    assert chi_square.chi_square_moment(1.0, 2**53, 2**53) == 1.0
    np.testing.assert_allclose(chi_square.chi_square_moment(2.0, 1, 1), 3.0, rtol=1e-13)


def test_log_gamma_ratio_is_analytic_across_its_branches():
    # Real-axis reflection, and the recursion f(a, s+1) - f(a, s) = log((a+s)/a), complex s.
    for a in (0.5, 4.5, 16.0, 300.0, 1e8):
        s = np.array([0.3 + 2j, -0.4 + 30j, 5.0 + 0.1j])
        step = chi_square.log_gamma_ratio(a, s + 1) - chi_square.log_gamma_ratio(a, s)
        np.testing.assert_allclose(step, np.log((a + s) / a), rtol=1e-10, atol=1e-14)
        left, right = (
            chi_square.log_gamma_ratio(a, s.conj()),
            chi_square.log_gamma_ratio(a, s).conj(),
        )
        np.testing.assert_allclose(left, right, rtol=1e-13)


def test_log_chi_square_density_integrates_to_one_with_the_right_mean():
    for dof in (1, 9, 40, 1000):
        sd = math.sqrt(chi_square.log_chi_square_variance(dof))
        v = np.linspace(-60.0 * sd, 12.0 * sd, 40_001)
        density = np.exp(chi_square.log_chi_square_density(v, dof))
        h = v[1] - v[0]  # the trapezoidal rule converges exponentially here
        np.testing.assert_allclose(h * density.sum(), 1.0, rtol=1e-11)
        mean = chi_square.log_chi_square_mean(dof, dof)
        np.testing.assert_allclose(h * (density * v).sum(), mean, rtol=1e-9, atol=1e-13)


def test_lyapunov_exponents_are_digamma_differences():
    i = np.arange(1, 6)
    direct = special.digamma((9 - i + 1) / 2) - np.log(9 / 2)
    np.testing.assert_allclose(wishart.lyapunov_exponents(5, 9), direct, rtol=1e-13)
    assert wishart.lyapunov_exponents(7, 3).shape == (3,)


def test_log_det_of_a_wishart():
    # multigammaln is scipy's own route to the same law.
    d, m, h = 4, 11, 1e-4
    log_mgf = lambda s: special.multigammaln(m / 2 + s, d) - special.multigammaln(m / 2, d)  # noqa: E731
    mean = (log_mgf(h) - log_mgf(-h)) / (2 * h) - d * math.log(m / 2)
    variance = (log_mgf(h) + log_mgf(-h)) / h**2
    # Central differences: 1e-7 at best. The terms themselves are pinned to 1e-13 elsewhere.
    np.testing.assert_allclose(wishart.log_det_mean(d, m), mean, rtol=1e-7)
    np.testing.assert_allclose(wishart.log_det_variance(d, m), variance, rtol=1e-6)
    assert wishart.log_det_mean(4, 3) == -math.inf
    assert wishart.log_det_variance(4, 3) == 0.0
    exact = sum(float(special.polygamma(1, (m - i) / 2)) for i in range(d))
    np.testing.assert_allclose(wishart.log_det_variance(d, m), exact, rtol=1e-13)


def test_second_moment_map_at_one_dimension_and_its_eigenvalues():
    # d = 1: both invariants are Sigma^2, and E (chi2/m)^2 = 1 + 2/m.
    np.testing.assert_allclose(wishart.second_moment_map(7) @ [1, 1], [9 / 7, 9 / 7], rtol=1e-14)
    values = np.sort(np.linalg.eigvals(wishart.second_moment_map(7)))
    np.testing.assert_allclose(values, [1 - 1 / 7, 1 + 2 / 7], rtol=1e-13)


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chi_square.c4(1), "n must be above 1"),
        (lambda: chi_square.log_chi_square_mean(0, 1), "dof must be positive"),
        (lambda: chi_square.log_chi_square_mean(1, math.nan), "scale must be positive"),
        (lambda: chi_square.chi_square_moment(math.inf, 1, 1), "power must be finite"),
        (lambda: wishart.lyapunov_exponents(0, 3), "dim must be at least 1"),
        (lambda: trace_noise.trace_noise_cdf(math.nan, WEIGHTS, 3), "y must not be NaN"),
        (lambda: trace_noise.trace_noise_cdf(1.0, [0.0], 3), "weights must have a positive entry"),
        (lambda: trace_noise.anti_concentration_bound(1.0, 2, 3), "eps must be a finite number in"),
        (
            lambda: trace_noise.anti_concentration_minimum(0.0, 2, 3),
            "eps must be a finite number in",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
