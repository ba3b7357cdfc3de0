"""The Gaussian model against numpy."""

import math

import numpy as np
import pytest
from scipy.stats import chi2

from madtheory.engine.models import Gaussian
from madtheory.loop import Loop
from tests.unit.engine.models.numbers import close, pooled, rng


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize(("n", "dim"), [(50, 3), (4, 7), (2, 1), (6, 6)])
def test_gaussian_is_what_numpy_fits(n, dim, ddof):
    x = 5.0 + rng().standard_normal((n, dim))
    model = Gaussian(ddof=ddof).fit(x, rng())
    close(model.mean, x.mean(axis=0))
    close(model.covariance, np.atleast_2d(np.cov(x, rowvar=False, ddof=ddof)))
    assert model.factor.shape == (dim, min(n, dim))


def test_gaussian_regularises_as_the_loop_says():
    loop = Loop(n_initial=9, n_synth=9, ddof=0, shrinkage=0.3, floor=0.2)
    x = rng().standard_normal((4, 6))
    S = np.cov(x, rowvar=False, ddof=0)
    ridge = 0.3 * np.trace(S) / 6 + 0.2 * 1.7
    model = Gaussian.of(loop, real_variance=1.7).fit(x, rng())
    close(model.covariance, 0.7 * S + ridge * np.eye(6))
    whole = Gaussian(shrinkage=1.0).fit(x, rng())
    close(whole.covariance, np.trace(np.cov(x, rowvar=False)) / 6 * np.eye(6))


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("w", [0.0, 0.3, 1.0])
def test_gaussian_weighted(w, ddof):
    a, b = rng(1).standard_normal((5, 3)), 2 + rng(2).standard_normal((8, 3))
    model = Gaussian(ddof=ddof).fit_weighted(a, b, w, rng())
    mean, cov = pooled(a, b, w, ddof)
    close(model.mean, mean)
    close(model.covariance, cov)


def test_weight_n_r_over_n_is_pooling_with_ddof_0():
    a, b = rng(1).standard_normal((6, 2)), 1 + rng(2).standard_normal((10, 2))
    weighted = Gaussian(ddof=0).fit_weighted(a, b, 6 / 16, rng())
    together = Gaussian(ddof=0).fit(np.concatenate([a, b]), rng())
    close(weighted.covariance, together.covariance)
    close(weighted.mean, together.mean)


def test_collapsed_and_far_data_stay_exact():
    # .1 + .2 is no multiple of .1 in binary: the mean of equal rows rounds, its deviations do not.
    x = np.full((7, 2), 0.1 + 0.2)
    model = Gaussian().fit(x, rng())
    assert not model.covariance.any()
    assert (model.sample(4, 1.0, rng()) == x[0]).all()
    # Ten digits of 1 + 1e-6 z survive far from the origin, as they do in the data.
    far = 1e6 + np.array([[0.0], [1e-3]])
    exact = float(far[1, 0] - far[0, 0]) ** 2 / 2
    assert Gaussian().fit(far, rng()).covariance[0, 0] == pytest.approx(exact, rel=1e-14)


def test_gaussian_of_moments_and_standard():
    Sigma = np.array([[2.0, 2.0], [2.0, 2.0]])
    model = Gaussian.from_moments([1.0, -1.0], Sigma)
    assert model.factor.shape == (2, 1)
    close(model.covariance, Sigma)
    x = model.sample(5, 1.0, rng())
    close(x[:, 0] - 1, x[:, 1] + 1)
    assert (Gaussian.standard(3).covariance == np.eye(3)).all()
    with pytest.raises(ValueError, match="mu must be a finite vector of 2, got"):
        Gaussian.from_moments([1.0], Sigma)


def test_gaussian_samples_have_the_exact_law():
    """n S of n samples is chi-square: quantiles 1e-6 apart on both sides, where 3 % would fail."""
    n, model = 200_000, Gaussian.from_moments([3.0], [[4.0]])
    x = model.sample(n, 0.5, rng(6))[:, 0]
    low, high = chi2.ppf([5e-7, 1 - 5e-7], n - 1) / (n - 1)
    assert low < x.var(ddof=1) / 2.0 < high
    # Power: a variance 3 % off would fall inside with probability below .01.
    assert chi2.cdf(high * (n - 1) / 1.03, n - 1) < 0.01
    assert abs(x.mean() - 3.0) < 4.5 * math.sqrt(2 / n)
