"""Kernel density and bootstrap, against scipy and scikit-learn."""

import math

import numpy as np
import pytest
from scipy.stats import gaussian_kde
from sklearn.neighbors import KernelDensity as PeerDensity

from madtheory.engine.models import Bootstrap, KernelDensity
from tests.unit.engine.models.numbers import CLOUD, VECTOR_MODELS, close, rng


@pytest.mark.parametrize("bandwidth", ["scott", "silverman", 0.3])
@pytest.mark.parametrize("dim", [1, 2])
def test_kernel_is_scipys(bandwidth, dim):
    x = rng(dim).standard_normal((30, dim)) * 3 + 7
    peer = gaussian_kde(x.T, bw_method=bandwidth)
    model = KernelDensity(bandwidth).fit(x, rng())
    close(model.factor @ model.factor.T, peer.covariance)
    a, b = x[:10], x[10:]
    weights = np.repeat([0.6 / 10, 0.4 / 20], [10, 20])
    peer = gaussian_kde(x.T, bw_method=bandwidth, weights=weights)
    model = KernelDensity(bandwidth).fit_weighted(a, b, 0.6, rng())
    close(model.factor @ model.factor.T, peer.covariance)
    close(model.weights, weights)


@pytest.mark.parametrize("bandwidth", ["scott", "silverman", 0.3])
def test_absolute_kernel_is_scikit_learns(bandwidth):
    peer = PeerDensity(bandwidth=bandwidth).fit(CLOUD)
    model = KernelDensity(bandwidth, units="absolute").fit(CLOUD, rng())
    close(model.factor, peer.bandwidth_ * np.eye(2))
    # Both draw a point and a displacement: the same law, two-sample z on both second moments.
    n = 20_000
    ours, theirs = model.sample(n, 1.0, rng(1)) ** 2, peer.sample(n, random_state=1) ** 2
    z = (ours.mean(axis=0) - theirs.mean(axis=0)) / np.sqrt((ours.var(0) + theirs.var(0)) / n)
    assert np.abs(z).max() < 4.5


def test_density_covariance_in_closed_form():
    h, n = 0.4, 40
    S = np.cov(CLOUD, rowvar=False, ddof=0)
    close(KernelDensity(h).fit(CLOUD, rng()).covariance, S * (1 + h * h * n / (n - 1)), scale=4)
    close(VECTOR_MODELS["absolute density"].covariance, S + 0.64 * np.eye(2), scale=4)
    close(KernelDensity(0.0).fit(CLOUD, rng()).covariance, S, scale=4)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_density_of_a_collapsed_set(n):
    x = np.full((n, 2), 0.1)
    model = KernelDensity().fit(x, rng())
    assert (model.sample(5, 1.0, rng()) == 0.1).all()
    assert not model.covariance.any()
    wide = KernelDensity(units="absolute").fit(x, rng())
    assert wide.sample(5, 1.0, rng()).std() > 0


def test_bootstrap_resamples_rows():
    model = Bootstrap().fit(CLOUD, rng())
    x = model.sample(4000, 1.0, rng())
    _, row = np.nonzero((x[:, None] == CLOUD).all(axis=2))
    # Chi-square with 39 degrees of freedom: 1e-6 beyond 95.
    assert np.square(np.bincount(row, minlength=40) - 100).sum() / 100 < 95


def test_bootstrap_weights():
    a, b = np.zeros((3, 1)), np.ones((9, 1))
    share = Bootstrap().fit_weighted(a, b, 0.7, rng()).sample(10**5, 1.0, rng(1)).mean()
    assert abs(share - 0.3) < 4.5 * math.sqrt(0.21 / 10**5)
    assert Bootstrap().fit_weighted(a, b, 1.0, rng()).sample(50, 1.0, rng()).max() == 0
    model = Bootstrap().fit_weighted(a, b, 0.5, rng())
    close(model.sample(50, 0.0, rng()), 0.5)
