"""Bounds on the rate under shrinkage."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from madtheory.loop import fully_synthetic
from madtheory.theory import collapse
from tests.unit.theory.collapse.floored import fitted


def vertex(shrinkage: float, dim: int, m: int) -> float:
    """E log of the vertex by a Beta share of a chi-square with m d degrees of freedom."""
    w = shrinkage / dim

    def density(b: float) -> float:
        return math.log(w + (1 - shrinkage) * b) * stats.beta.pdf(b, m / 2, m * (dim - 1) / 2)

    share = integrate.quad(density, 0, 1, epsabs=1e-13, epsrel=1e-12, limit=400)[0]
    return float(special.digamma(m * dim / 2) - math.log(m / 2) + share)


@pytest.mark.parametrize(("shrinkage", "dim", "m"), [(0.1, 3, 4), (0.9, 2, 9), (0.5, 10, 5)])
def test_lower_bound_on_the_rate_by_another_integral(shrinkage: float, dim: int, m: int) -> None:
    loop = fully_synthetic(m + 1, bias=0.9, shrinkage=shrinkage)
    bounds = collapse.shrinkage_rate(loop, dim)
    expected = math.log(0.9) + vertex(shrinkage, dim, m)
    # quad's own accuracy.
    np.testing.assert_allclose(bounds.lower, expected, rtol=1e-10)
    upper = math.log(0.9) + special.digamma(m * dim / 2) - math.log(m * dim / 2)
    np.testing.assert_allclose(bounds.upper, upper, rtol=1e-12)


def test_rate_bounds_join_the_exact_ends() -> None:
    n, d = 8, 4
    ends = [collapse.shrinkage_rate(fully_synthetic(n, shrinkage=a), d) for a in (0.0, 1.0)]
    assert ends[0].lower == ends[0].upper == collapse.rate(fully_synthetic(n))
    assert ends[1].lower == ends[1].upper
    near = [collapse.shrinkage_rate(fully_synthetic(n, shrinkage=a), d) for a in (1e-12, 1 - 1e-9)]
    np.testing.assert_allclose(near[0].lower, ends[0].lower, rtol=1e-9)
    np.testing.assert_allclose(near[1].lower, ends[1].lower, rtol=1e-7)
    huge = collapse.shrinkage_rate(fully_synthetic(10**9 + 1, shrinkage=0.5), d)
    # Second order: -(sum of squares of the weights) / m.
    weights = np.array([0.125, 0.125, 0.125, 0.625])
    np.testing.assert_allclose(huge.lower, -(weights @ weights) / 1e9, rtol=1e-8)
    np.testing.assert_allclose(huge.upper, -0.25 / 1e9, rtol=1e-8)


@pytest.mark.parametrize("shrinkage", [0.05, 0.5, 1.0])
def test_rate_of_simulated_paths_lies_within_its_bounds(shrinkage: float) -> None:
    loop, d, t, count = fully_synthetic(4, shrinkage=shrinkage), 3, 60, 4000
    _, sigma = fitted(loop, np.ones(d), t, count, seed=4)
    values = np.linalg.eigvalsh(sigma)
    assert (values[:, -1] / values[:, 0]).max() <= collapse.condition_bound(loop, d) * (1 + 1e-9)
    log_trace = np.log(values.sum(axis=1) / d)
    drift, se = log_trace.mean() / t, log_trace.std() / math.sqrt(count) / t
    bounds = collapse.shrinkage_rate(loop, d)
    # Each conditional drift obeys the bounds (at t = 1 the shape is 1/d, the best one).
    assert drift <= bounds.upper + 4.5 * se
    assert drift >= bounds.lower - 4.5 * se
    # Power: the rate of no shrinkage, and that of full shrinkage, are many errors away.
    plain, full = collapse.rate(fully_synthetic(4)), collapse.rate(fully_synthetic(10))
    assert plain < drift - 9 * se
    assert (drift < full - 9 * se) == (shrinkage < 1)


def test_condition_bound_is_attained_by_fits_of_rank_one() -> None:
    loop = fully_synthetic(2, shrinkage=0.25)
    _, sigma = fitted(loop, np.ones(4), 3, 50, seed=1)
    values = np.linalg.eigvalsh(sigma)
    bound = collapse.condition_bound(loop, 4)
    np.testing.assert_allclose(values[:, -1] / values[:, 0], bound, rtol=1e-9)
    assert bound == 13.0
    assert collapse.condition_bound(fully_synthetic(2), 4) == math.inf
    assert collapse.condition_bound(fully_synthetic(2), 1) == 1.0
