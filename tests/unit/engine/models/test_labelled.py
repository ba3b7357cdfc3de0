"""The mixture of labelled modes, and grids."""

import numpy as np
import pytest

from madtheory.engine.models import Gaussian, LabelledMixture, grid_mixture, labelled_grid
from tests.unit.engine.models.numbers import CLOUD, RTOL, close, pooled, rng


@pytest.mark.parametrize("ddof", [0, 1])
def test_labelled_mixture_fits_each_label(ddof):
    data = labelled_grid(2, spacing=1.0, sigma=0.4).sample(60, 1.0, rng(2))
    model = LabelledMixture(4, ddof=ddof).fit(data, rng())
    for k in range(4):
        part = data["x"][data["label"] == k]
        assert model.weights[k] == len(part) / 60
        close(model.means[k], part.mean(axis=0))
        close(model.covariances[k], np.cov(part, rowvar=False, ddof=ddof))


def test_a_lone_sample_has_no_spread_and_a_lost_label_never_returns():
    x = np.array([[1.0, 2.0], [3.0, 3.0], [4.0, 5.0]])
    model = LabelledMixture(4).fit({"x": x, "label": np.array([2, 0, 0])}, rng())
    assert not model.covariances[2].any()
    data = model.sample(2000, 1.0, rng())
    assert set(data["label"]) == {0, 2}
    assert (data["x"][data["label"] == 2] == x[0]).all()


def test_labelled_mixture_weighted():
    """Per label the formula of Loop.weight, with the real share of the label's weight."""
    a = labelled_grid(2, sigma=0.5).sample(40, 1.0, rng(1))
    b = labelled_grid(2, sigma=0.5).sample(90, 1.0, rng(2))
    model = LabelledMixture(4).fit_weighted(a, b, 0.3, rng())
    for k in range(4):
        parts = [d["x"][d["label"] == k] for d in (a, b)]
        shares = 0.3 * len(parts[0]) / 40, 0.7 * len(parts[1]) / 90
        assert model.weights[k] == pytest.approx(sum(shares), rel=RTOL)
        mean, cov = pooled(*parts, shares[0] / sum(shares), 1)
        close(model.means[k], mean)
        close(model.covariances[k], cov)


def test_labelled_mixture_weighted_with_a_label_on_one_side_only():
    a = {"x": np.array([[0.0], [2.0]]), "label": np.array([0, 0])}
    b = {"x": np.array([[5.0], [7.0]]), "label": np.array([1, 1])}
    model = LabelledMixture(2).fit_weighted(a, b, 0.25, rng())
    assert model.weights.tolist() == [0.25, 0.75]
    assert model.means[:, 0].tolist() == [1.0, 6.0]
    close(model.covariances[:, 0, 0], [2.0, 2.0])
    assert LabelledMixture(2).fit_weighted(a, b, 0.0, rng()).weights.tolist() == [0.0, 1.0]


def test_one_label_is_the_gaussian():
    x, label = CLOUD, np.zeros(40, dtype=int)
    one = LabelledMixture(1).fit({"x": x, "label": label}, rng())
    assert (one.factors[0] == Gaussian().fit(x, rng()).factor).all()


def test_grid():
    model = grid_mixture()
    assert sorted(set(model.means.ravel())) == [-4.0, -2.0, 0.0, 2.0, 4.0]
    assert len({tuple(mean) for mean in model.means}) == 25
    close(model.covariances, np.tile(0.0025 * np.eye(2), (25, 1, 1)))
    assert (model.weights == 0.04).all()
    assert sorted(set(grid_mixture(2, spacing=1.0).means.ravel())) == [-0.5, 0.5]
    assert (labelled_grid().means == model.means).all()
