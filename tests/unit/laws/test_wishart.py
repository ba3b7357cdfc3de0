"""The Wishart matrix: exponents, log-determinant, second moments, bad arguments."""

import math

import numpy as np
import pytest
from scipy import special

from madtheory.laws import chi_square, trace_noise, wishart

WEIGHTS = (0.5, 0.3, 0.2)


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


def test_log_det_of_as_many_directions_as_degrees_of_freedom():
    # log chi2_1: mean -gamma - log 2, variance pi^2 / 2.
    mean = -np.euler_gamma - math.log(2)
    np.testing.assert_allclose(wishart.log_det_mean(1, 1), mean, rtol=1e-13)
    np.testing.assert_allclose(wishart.log_det_variance(1, 1), math.pi**2 / 2, rtol=1e-13)
    assert math.isfinite(wishart.log_det_mean(5, 5))
    assert wishart.log_det_variance(5, 5) > wishart.log_det_variance(4, 5)
