"""Mean and variance of log tr Sigma_t: exact where it is early or late."""

import math

import numpy as np
import pytest
from scipy import special

from madtheory.covariance import Spectrum
from madtheory.loop import fully_synthetic
from madtheory.theory import collapse
from madtheory.theory.collapse import log_trace


@pytest.mark.parametrize("eigenvalues", [np.ones(7), [5.0, 2.0, 1.0], [3.0]])
def test_early_it_is_the_exact_second_moments(eigenvalues: np.ndarray) -> None:
    loop, T = fully_synthetic(10**6, bias=0.9), 20
    mean, variance = collapse.log_trace_moments(loop, eigenvalues, generations=T)
    square = collapse.mean_squared_trace(loop, eigenvalues, generations=T)
    trace = collapse.mean_trace(loop, eigenvalues, generations=T)
    spread = np.log(square / trace**2)  # of a log-normal of that coefficient of variation
    np.testing.assert_allclose(variance, spread, rtol=5e-4)
    np.testing.assert_allclose(mean - np.log(trace / np.sum(eigenvalues)), -spread / 2, rtol=5e-4)


def test_at_rank_one_it_is_one_direction() -> None:
    loop = fully_synthetic(6, n_initial=12, bias=0.9)
    mean, variance = collapse.log_trace_moments(loop, [2.0, 0.0], generations=9)
    np.testing.assert_allclose(mean, collapse.directional_log_mean(loop, generations=9), rtol=1e-12)
    np.testing.assert_allclose(
        variance, collapse.directional_log_variance(loop, generations=9), rtol=1e-12
    )


@pytest.mark.parametrize("n_initial", [2, 3, 12, 10**4])
def test_generation_one_is_exact(n_initial: int) -> None:
    # tr Sigma_1 is a chi-square of d (n_initial - 1) degrees of freedom.
    mean, variance = collapse.log_trace_moments(
        fully_synthetic(60, n_initial=n_initial), np.ones(5), generations=1
    )
    half = 5 * (n_initial - 1) / 2
    assert mean[0] == pytest.approx(special.digamma(half) - math.log(half), abs=1e-11)
    assert variance[0] == pytest.approx(special.polygamma(1, half), abs=1e-11)


def test_after_a_first_fit_of_rank_one_it_is_one_direction() -> None:
    loop, one = fully_synthetic(60, n_initial=2, bias=0.9), fully_synthetic(60, bias=0.9)
    mean, variance = collapse.log_trace_moments(loop, np.ones(5), generations=30)
    later = collapse.directional_log_mean(one, generations=30)
    np.testing.assert_allclose(
        mean - later, special.digamma(2.5) - math.log(2.5) - later[0], rtol=1e-9
    )
    later = collapse.directional_log_variance(one, generations=30)
    np.testing.assert_allclose(variance - later, special.polygamma(1, 2.5) - later[0], rtol=1e-9)


@pytest.mark.parametrize("dim", [2, 5, 100])
def test_late_a_direction_is_a_beta_variable_away(dim: int) -> None:
    # log u'Su = log tr S + log Beta(1/2, (d-1)/2), independent.
    lag = log_trace.lags(Spectrum.of(dim).shares)
    assert lag.mean + math.log(dim) == pytest.approx(
        special.digamma(dim / 2) - special.digamma(0.5), rel=1e-9
    )
    assert lag.variance == pytest.approx(
        special.polygamma(1, 0.5) - special.polygamma(1, dim / 2), rel=1e-9
    )


def test_late_with_two_variances() -> None:
    # g'Pg = r^2 (a cos^2 + b sin^2) in polar coordinates.
    a, b = 0.9, 0.1
    angle = (np.arange(2000) + 0.5) * math.pi / 2000
    log_q = np.log(a * np.cos(angle) ** 2 + b * np.sin(angle) ** 2)
    lag = log_trace.lags(np.array([a, b]))
    mean = log_q.mean() + math.log(2) + special.digamma(1)
    assert lag.mean == pytest.approx(mean - math.log(2) - special.digamma(0.5), rel=1e-9)
    variance = log_q.var() + special.polygamma(1, 1)
    assert lag.variance == pytest.approx(math.pi**2 / 2 - variance, rel=1e-9)
    assert lag.alike == pytest.approx(0.82)


def test_late_the_lags_are_used_up() -> None:
    loop, t = fully_synthetic(5), np.array([1e7])
    mean, variance = log_trace.log_trace_path(loop, Spectrum.of(9).shares, t)
    lag = log_trace.lags(Spectrum.of(9).shares)
    rate, noise = collapse.rate(loop), float(special.polygamma(1, 2.0))
    assert mean[0] - 1e7 * rate == pytest.approx(lag.mean, rel=1e-3)
    assert 1e7 * noise - variance[0] == pytest.approx(lag.variance, rel=1e-3)


def test_a_fit_to_very_many_samples_has_the_variance_of_its_trace() -> None:
    for n in (2 * 10**6, 10**10, 10**13, 2**52):
        loop = fully_synthetic(427, n_initial=n)
        for shares in (np.ones(3) / 3, np.array([0.9, 0.1])):
            mean, variance = log_trace.log_trace_path(loop, shares, np.array([1.0, 2.0]))
            alike = shares @ shares
            assert variance[0] == pytest.approx(2 * alike / (n - 1), rel=1e-5)
            assert mean[0] == pytest.approx(-alike / (n - 1), rel=1e-5)
            assert variance[1] > variance[0]
    for n in (10**13, 10**15, 2**52):  # nothing of it in the rounding of what is lost in the end
        loop = fully_synthetic(n, n_initial=n)
        for dim in (2, 10):
            mean, variance = log_trace.log_trace_path(loop, np.ones(dim) / dim, np.arange(1.0, 9.0))
            np.testing.assert_allclose(variance * (n - 1) * dim / 2, np.arange(1, 9), rtol=1e-4)
            np.testing.assert_allclose(mean * (n - 1) * dim, -np.arange(1.0, 9.0), rtol=1e-4)
    low, high = (
        log_trace.log_trace_path(fully_synthetic(427, n_initial=n), np.ones(3) / 3, np.ones(1))
        for n in (10**6 + 1, 10**6 + 2)
    )
    np.testing.assert_allclose(low, high, rtol=5e-6)
