"""What the tests of the models compute and compare with."""

import numpy as np

from madtheory.engine.models import Bootstrap, Gaussian, GaussianMixture, KernelDensity

RTOL = 1e-12


def rng(seed=0):
    return np.random.default_rng(seed)


def close(a, b, scale=1.0):
    np.testing.assert_allclose(a, b, rtol=RTOL, atol=RTOL * scale)


def pooled(a, b, w, ddof):
    """Mean and covariance of Loop.weight, term by term."""
    gap = a.mean(axis=0) - b.mean(axis=0)
    S_a, S_b = (np.atleast_2d(np.cov(x, rowvar=False, ddof=ddof)) for x in (a, b))
    mean = w * a.mean(axis=0) + (1 - w) * b.mean(axis=0)
    return mean, w * S_a + (1 - w) * S_b + w * (1 - w) * np.outer(gap, gap)


CLOUD = np.random.default_rng(5).standard_normal((40, 2)) @ np.array([[2.0, 0.0], [1.0, 0.5]])

VECTOR_MODELS = {
    "gaussian": Gaussian().fit(CLOUD, rng()),
    "mixture": GaussianMixture(1).fit(CLOUD, rng()),
    "density": KernelDensity().fit(CLOUD, rng()),
    "absolute density": KernelDensity(0.8, units="absolute").fit(CLOUD, rng()),
    "bootstrap": Bootstrap().fit(CLOUD, rng()),
}
