"""Chi-square moments and logarithms, against quadrature and series."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from madtheory.laws import chi_square


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


@pytest.mark.parametrize("dof", [1.0, 19.0, 21.0, 1e5, 1e13])
def test_the_mean_of_plain_floats(dof):
    for s in (0.0, -0.25, 0.5, 2.0 * dof, -0.375 * dof):  # of few bits: dof + 2 s is exact
        mean = chi_square.log_chi_square_mean(dof + 2 * s, dof)
        np.testing.assert_allclose(chi_square.log_mean_at(dof, s), mean, rtol=1e-13)


def test_log_chi_square_density_integrates_to_one_with_the_right_mean():
    for dof in (1, 9, 40, 1000):
        sd = math.sqrt(chi_square.log_chi_square_variance(dof))
        v = np.linspace(-60.0 * sd, 12.0 * sd, 40_001)
        density = np.exp(chi_square.log_chi_square_density(v, dof))
        h = v[1] - v[0]  # the trapezoidal rule converges exponentially here
        np.testing.assert_allclose(h * density.sum(), 1.0, rtol=1e-11)
        mean = chi_square.log_chi_square_mean(dof, dof)
        np.testing.assert_allclose(h * (density * v).sum(), mean, rtol=1e-9, atol=1e-13)
