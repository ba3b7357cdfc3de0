"""The models fitted by likelihood: their sampling bias, and where they start."""

import dataclasses

import numpy as np
import torch

from madtheory.deep.models import Glow, LinearFlow, LinearGaussian
from madtheory.deep.models.glow import Linear, whiten

RNG = np.random.default_rng


def test_a_flow_without_couplings_draws_at_variance_bias() -> None:
    x = RNG(0).normal(size=(80, 3)) @ RNG(1).normal(size=(3, 3)) + 2.0
    model = Glow(couplings=0, epochs=2).fit(x, RNG(2))
    none, quarter, one = (model.sample(6, bias, RNG(3)) for bias in (0.0, 0.25, 1.0))
    np.testing.assert_allclose(quarter - none, 0.5 * (one - none), rtol=1e-4, atol=1e-5)
    assert abs(one - none).max() > 0.1


def test_a_linear_flow_comes_near_the_exact_fit() -> None:
    x = RNG(0).normal(size=(400, 3)) @ np.array([[1.0, 0.2, 0.0], [0, 0.5, 0.1], [0, 0, 0.3]])
    flow = LinearFlow(epochs=40, batch=100, rate=1e-2).fit(x, RNG(2)).flow()
    with torch.no_grad():
        mean, *ends = flow.inverse(torch.cat((torch.zeros(1, 3), torch.eye(3)))).numpy()
    A, S = (np.array(ends) - mean).T, np.cov(x.T, ddof=0)
    # Directions of any size: the Gaussian's relative excess, and its mean in units of its spread.
    whitened = np.linalg.solve(np.linalg.cholesky(S), A)
    np.testing.assert_allclose(whitened @ whitened.T, np.eye(3), atol=0.05)
    away = np.linalg.solve(np.linalg.cholesky(S), mean - x.mean(axis=0))
    np.testing.assert_allclose(away, 0, atol=0.02)
    assert LinearFlow().couplings == 0


def test_the_first_layer_whitens_the_data() -> None:
    flow, x = Glow(couplings=1).build(2), torch.tensor(RNG(0).normal(size=(50, 2)) * 3 + 7)
    whiten(flow, x.float())
    first = flow.layers[0]
    assert isinstance(first, Linear)
    seen = first(x.float())[0].detach().numpy()
    np.testing.assert_allclose(seen.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(seen.std(0, ddof=1), 1, rtol=1e-5)


def test_linear_samples_are_mean_and_factor_times_noise() -> None:
    mean, factor = np.array([1.0, -2.0]), np.array([[2.0, 0.0], [3.0, 0.5]])
    model = dataclasses.replace(LinearGaussian(), mean=mean, factor=factor)
    z = RNG(5).standard_normal((4, 2))
    wanted = [mean + 0.5 * (factor @ row) for row in z]
    np.testing.assert_allclose(model.sample(4, 0.25, RNG(5)), wanted, rtol=1e-12)
