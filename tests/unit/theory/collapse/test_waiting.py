"""The law of the time to collapse: where it is exact, and its edges."""

import math

import numpy as np
import pytest
from scipy import stats

from madtheory.covariance import Spectrum
from madtheory.loop import fully_synthetic
from madtheory.theory import collapse
from madtheory.theory.collapse import waiting

Q = np.array([0.05, 0.5, 0.95])


def quantiles(law: waiting.Law | None) -> list[float]:
    assert law is not None
    return [law.quantile(q) for q in Q]


@pytest.mark.parametrize("n", [5, 100])
def test_at_rank_one_it_is_the_exact_passage(n: int) -> None:
    loop = fully_synthetic(n, n_initial=12)
    exact, _ = collapse.collapse_time_quantiles(loop, 1, eps=0.1, q=Q)
    law = waiting.passage_law(loop, np.ones(1), math.log(0.1), 0.95)
    np.testing.assert_allclose(quantiles(law), exact, atol=1)
    found = collapse.collapse_time(loop, 1, eps=0.1, q=Q)
    np.testing.assert_array_equal(found.value, exact)
    assert found.status == "exact"


def test_of_huge_samples_it_is_inverse_gaussian() -> None:
    # One direction: drift -1/m and variance 2/m a generation; seen every 10^6 generations or so.
    m, way = 10**9, math.log(100)
    law = waiting.passage_law(fully_synthetic(m + 1), np.ones(1), -way, 0.95)
    assert law is not None
    assert law.block > 1e6
    exact = stats.invgauss(mu=2 / way, scale=m * way**2 / 2).ppf(Q)
    np.testing.assert_allclose(quantiles(law), exact, rtol=2e-3)


def test_of_one_bias_and_large_samples_it_is_the_mean_path() -> None:
    # lambda^(t-1) < .01 first at t = 45.
    found = collapse.collapse_time(fully_synthetic(10**7, bias=0.9), 50, eps=0.01, q=Q)
    np.testing.assert_array_equal(found.value, 45)


def test_late_it_is_one_direction_that_starts_elsewhere() -> None:
    # An inverse Gaussian law of mean and variance of log tr, started where the variance is 0.
    m, d, way = 400, 10, math.log(1e12)
    loop = fully_synthetic(m + 1)
    law = waiting.passage_law(loop, Spectrum.of(d).shares, -way, 0.95)
    shift = 2 * collapse.log_trace.lags(Spectrum.of(d).shares).mean  # of the clock, at drift -1/2
    exact = (stats.invgauss(mu=2 / way, scale=way**2).ppf(0.5) + shift) * m / 2
    assert law is not None
    assert law.quantile(0.5) == pytest.approx(exact, rel=0.01)


def test_edges() -> None:
    dead = collapse.collapse_time(fully_synthetic(10, bias=0.0), 3, eps=0.9, q=Q)
    np.testing.assert_array_equal(dead.value, [1, 2, 2])
    grows = fully_synthetic(10, bias=1.3, allow_overdispersion=True)
    assert waiting.passage_law(grows, np.ones(3) / 3, math.log(0.1), 0.5) is None
    ends = collapse.collapse_time(fully_synthetic(10), 3, eps=0.1, q=[0.0, 1.0])
    np.testing.assert_array_equal(ends.value, [1, math.inf])
    np.testing.assert_array_equal(ends.rel_error, 0)


def test_value_lies_between_the_bounds_and_declares() -> None:
    loop = fully_synthetic(20, bias=0.95)
    found = collapse.collapse_time(loop, 3, eps=0.05, q=Q, eigenvalues=[4.0, 1.0, 1.0])
    bounds = collapse.collapse_time_quantiles(loop, 3, eps=0.05, q=Q, eigenvalues=[4.0, 1.0, 1.0])
    np.testing.assert_array_equal((found.lower, found.upper), bounds)
    assert (found.lower < found.value).all()
    assert (found.value < found.upper).all()
    # A generation, and (.05 + .04 |z|)(1 + 2 (4/6 - 1/3)) of the spread over the way.
    _, variance = collapse.log_trace_moments(loop, [4.0, 1.0, 1.0], generations=200)
    t = found.value.astype(int)
    share = (0.05 + 0.04 * np.abs(stats.norm.ppf(Q))) * (5 / 3) / -math.log(0.05)
    np.testing.assert_allclose(
        found.rel_error, 1 / t + share * np.sqrt(variance[t - 1]), rtol=1e-12
    )


@pytest.mark.parametrize("bias", [0.0, 0.9])
def test_chances_are_those_of_the_quantiles(bias: float) -> None:
    loop = fully_synthetic(12, bias=bias)
    chances = collapse.collapse_time_chances(0.3, loop, np.ones(4), generations=60)
    q = np.array([0.1, 0.5, 0.9])
    found = collapse.collapse_time(loop, 4, eps=0.3, q=q).value
    np.testing.assert_array_equal(found, np.searchsorted(chances, q) + 1)
    if bias == 0.0:
        np.testing.assert_array_equal(chances[1:], 1.0)


def test_steps_of_four_generations_are_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, shares, log_eps = fully_synthetic(1000), np.ones(1), math.log(0.01)
    found = waiting.passage_law(loop, shares, log_eps, 0.6)
    monkeypatch.setattr(waiting, "_STEPS", 10**5)
    each = waiting.passage_law(loop, shares, log_eps, 0.6)
    assert found is not None
    assert each is not None
    assert (found.block, each.block) == (4, 1)
    assert found.quantile(0.5) == pytest.approx(each.quantile(0.5), rel=1e-3)
