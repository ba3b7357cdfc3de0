"""The plain sampler's parts against numpy's."""

import numpy as np

from madtheory.loop import Loop
from madtheory.simulate import plain


def test_weighted_pooling_is_a_covariance_with_weights() -> None:
    """Of both samples together, by numpy's own weights; ddof 0, where it is a plain average."""
    rng = np.random.default_rng(2)
    real, synthetic = rng.normal(size=(5, 3)), 3.0 + 2.0 * rng.normal(size=(9, 3))
    loop = Loop(n_initial=5, n_fixed=5, n_synth=9, weight=0.3, ddof=0)
    mean, cov = plain._fit_weighted(loop, real, synthetic)
    both, weights = np.concatenate([real, synthetic]), np.repeat([0.3 / 5, 0.7 / 9], [5, 9])
    np.testing.assert_allclose(mean, np.average(both, axis=0, weights=weights), rtol=1e-13)
    np.testing.assert_allclose(cov, np.cov(both.T, aweights=weights, ddof=0), rtol=1e-12)
