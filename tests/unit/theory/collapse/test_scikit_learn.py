"""A loop of scikit-learn's fits is the loop with a floor."""

import math

import numpy as np
import pytest

from madtheory.loop import fully_synthetic
from madtheory.theory import collapse


def mixture(floor: float, rng: np.random.RandomState):
    """A Gaussian by scikit-learn, whose reg_covar is the floor."""
    sklearn = pytest.importorskip("sklearn.mixture")
    return sklearn.GaussianMixture(
        n_components=1, reg_covar=floor, init_params="random", random_state=rng
    )


def test_scikit_learn_divides_by_n_and_adds_its_floor() -> None:
    x = np.random.default_rng(0).standard_normal((7, 3)) @ np.diag([1.0, 2.0, 0.5])
    model = mixture(0.3, np.random.RandomState(0)).fit(x)
    expected = np.cov(x.T, bias=True) + 0.3 * np.eye(3)
    # It divides by n + 10 machine epsilons, and adds as much to the log-responsibilities' sums.
    np.testing.assert_allclose(model.covariances_[0], expected, rtol=1e-12, atol=1e-13)


def test_loop_of_scikit_learn_fits_has_the_law_of_the_floor() -> None:
    eps, s, t, count = 0.9, np.array([6.0, 3.0]), 2, 250
    loop = fully_synthetic(8, ddof=0, floor=eps / s.mean())
    rng = np.random.RandomState(7)
    traces, walks, squares = np.empty(count), np.empty(count), np.empty(count)
    for i in range(count):
        x = rng.standard_normal((8, 2)) * np.sqrt(s)
        for _ in range(t):
            model = mixture(eps, rng).fit(x)
            x = model.sample(8)[0]
        traces[i] = np.trace(model.covariances_[0])
        squares[i] = (model.covariances_[0] ** 2).sum()
        walks[i] = (model.means_[0] ** 2).sum()
    second = collapse.second_moments(loop, s, generations=t)
    for values, expected in (
        (traces, collapse.mean_trace(loop, s, generations=t)[-1]),
        (walks, collapse.mean_walk(loop, s, generations=t)[-1]),
        (squares, second.trace_squared[-1]),
        (traces**2, second.squared_trace[-1]),
    ):
        assert abs(values.mean() - expected) < 4.5 * values.std() / math.sqrt(count)
    # Power: division by n - 1, no floor, and a floor that is not in units of tr Sigma_0/d.
    se = traces.std() / math.sqrt(count)
    for other in (
        fully_synthetic(8, floor=eps / s.mean()),
        fully_synthetic(8, ddof=0),
        fully_synthetic(8, ddof=0, floor=eps),
    ):
        assert abs(traces.mean() - collapse.mean_trace(other, s, generations=t)[-1]) > 6 * se
