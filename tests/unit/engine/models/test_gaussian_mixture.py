"""The Gaussian mixture against scikit-learn, numpy and weighted data."""

import math
import subprocess
import sys

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture as Peer

from madtheory.engine.models import GaussianMixture, LabelledMixture, grid_mixture, labelled_grid
from tests.unit.engine.models.numbers import close, rng


def overlapping(n=300, seed=0):
    """Data in which EM has work to do."""
    draw = rng(seed)
    centres = np.array([[0.0, 0.0], [2.5, 0.0], [0.0, 3.0]])
    return centres[draw.integers(3, size=n)] + draw.standard_normal((n, 2)) * [1.0, 0.6]


@pytest.mark.usefixtures("_each_em")
def test_mixture_is_scikit_learns():
    x = overlapping()
    model = GaussianMixture(3, tol=1e-5).fit(x, rng(7))
    seed = int(rng(7).integers(2**32))
    peer = Peer(3, tol=1e-5, random_state=seed).fit(x)
    assert int(model.n_iter) == peer.n_iter_ > 5
    assert bool(model.converged) is peer.converged_ is True
    # Fifty EM steps multiply rounding errors.
    np.testing.assert_allclose(model.weights, peer.weights_, rtol=1e-9)
    np.testing.assert_allclose(model.means, peer.means_, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(model.covariances, peer.covariances_, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("_each_em")
def test_mixture_starts_where_it_is_told():
    x, means = overlapping(), [[0.0, 0.0], [2.5, 0.0], [0.0, 3.0]]
    label = [int(np.argmin([math.dist(row, mean) for mean in means])) for row in x]
    hard = [x[np.array(label) == k] for k in range(3)]
    peer = Peer(
        3,
        max_iter=1,
        weights_init=[len(part) / len(x) for part in hard],
        means_init=[part.mean(axis=0) for part in hard],
        precisions_init=[
            np.linalg.inv(np.cov(part, rowvar=False, ddof=0) + 1e-6 * np.eye(2)) for part in hard
        ],
    )
    with pytest.warns(match="did not converge"):
        peer.fit(x)
    model = GaussianMixture(3, max_iter=1, means_init=means).fit(x, rng())
    np.testing.assert_allclose(model.means, peer.means_, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(model.covariances, peer.covariances_, rtol=1e-10, atol=1e-10)
    assert not model.converged


def test_mixture_unconverged_says_so_without_warning():
    assert not GaussianMixture(3, max_iter=2, tol=0.0).fit(overlapping(), rng()).converged


@pytest.mark.usefixtures("_each_em")
def test_mixture_warm_start_goes_on_from_the_previous_model():
    x = overlapping()
    cold = GaussianMixture(3, max_iter=4, tol=0.0).fit(x, rng(1))
    warm = GaussianMixture(3, max_iter=2, tol=0.0, warm_start=True).fit(x, rng(1))
    again = warm.fit(x, rng(99))
    np.testing.assert_allclose(again.means, cold.means, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(again.weights, cold.weights, rtol=1e-10)
    assert not np.allclose(warm.means, cold.means, rtol=1e-6)


@pytest.mark.parametrize("tol", [1e-2, 1e-3])
def test_mixture_with_weights_is_the_mixture_of_repeated_rows(tol):
    """Weight w on n_r = 60, 1 - w on n_s = 120 rows: three copies of each real row at w = .6."""
    x, start = overlapping(180), [[0.0, 0.0], [2.5, 0.0], [0.0, 3.0]]
    real, synthetic = x[:60], x[60:]
    model = GaussianMixture(3, means_init=start, tol=tol).fit_weighted(real, synthetic, 0.6, rng())
    rows = np.concatenate([np.repeat(real, 3, axis=0), synthetic])
    copy = GaussianMixture(3, means_init=start, tol=tol).fit(rows, rng())
    assert model.n_iter == copy.n_iter  # the bound that stops both is weighted too
    np.testing.assert_allclose(model.means, copy.means, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(model.covariances, copy.covariances, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(model.weights, copy.weights, rtol=1e-10)


def test_mixture_weights_reach_k_means():
    """Rows of weight 0 are no rows: k-means and EM see the others alone."""
    x = overlapping()
    model = GaussianMixture(3).fit_weighted(x[:100] + 50, x[100:], 0.0, rng(2))
    alone = GaussianMixture(3).fit(x[100:], rng(2))
    np.testing.assert_allclose(model.means, alone.means, rtol=1e-10)
    labels = KMeans(3, n_init=1, random_state=int(rng(2).integers(2**32))).fit(x[100:]).labels_
    start = [x[100:][labels == k].mean(axis=0) for k in range(3)]
    told = GaussianMixture(3, means_init=start).fit(x[100:], rng())
    # K-means ends where every row is nearest to its own mean.
    np.testing.assert_allclose(told.means, alone.means, rtol=1e-10)


def test_k_means_sees_the_weights():
    """A start of weighted clusters, here far from those of equal weights; then one EM step."""
    x = overlapping()
    w = np.repeat([0.9 / 100, 0.1 / 200], [100, 200]) * 300
    seed = int(rng(3).integers(2**32))
    clusters, blind = (
        KMeans(3, n_init=1, random_state=seed).fit(x, sample_weight=weights)
        for weights in (w, np.ones(300))
    )
    assert (clusters.labels_ != blind.labels_).sum() > 5
    model = GaussianMixture(3, max_iter=1)
    found = model.fit_weighted(x[:100], x[100:], 0.9, rng(3))
    told = GaussianMixture(3, max_iter=1, means_init=clusters.cluster_centers_)
    expected = told.fit_weighted(x[:100], x[100:], 0.9, rng())
    np.testing.assert_allclose(found.means, expected.means, rtol=1e-10, atol=1e-10)


def test_mixture_ddof_with_weights_is_numpys():
    data = labelled_grid(2).sample(90, 1.0, rng(3))
    x, label = data["x"], data["label"]
    w = np.repeat([0.7 / 30, 0.3 / 60], [30, 60])
    em = GaussianMixture(4, ddof=1, means_init=grid_mixture(2).means, reg_covar=1e-9)
    model = em.fit_weighted(x[:30], x[30:], 0.7, rng())
    for k in range(4):
        S = np.cov(x[label == k], rowvar=False, aweights=w[label == k])
        close(model.covariances[k], S + 1e-9 * np.eye(2))


def test_mixture_ddof_gives_a_lone_point_no_spread():
    """Its neighbours lend it some mass, hence some variance before the correction."""
    x = np.r_[np.linspace(-2, 2, 20), 4.0][:, None]
    lone = {"means_init": [[0.0], [4.0]], "reg_covar": 0.5, "max_iter": 1}
    soft = GaussianMixture(2, ddof=0, **lone).fit(x, rng()).covariances[1, 0, 0]
    assert soft > 0.51
    close(GaussianMixture(2, ddof=1, **lone).fit(x, rng()).covariances[1], [[0.5]])


def test_mixture_ddof_on_separate_modes_is_the_labelled_mixture():
    data = labelled_grid().sample(400, 1.0, rng(3))
    means = grid_mixture().means
    for ddof in (0, 1):
        em = GaussianMixture(25, ddof=ddof, means_init=means, reg_covar=0.0)
        labelled = LabelledMixture(25, ddof=ddof).fit(data, rng())
        close(em.fit(data["x"], rng()).covariances, labelled.covariances, scale=1e-2)
        close(em.fit(data["x"], rng()).weights, labelled.weights)


@pytest.mark.usefixtures("_each_em")
def test_reg_covar_is_a_floor_and_zero_ends_the_fit():
    x = np.full((30, 2), 4.0)
    model = GaussianMixture(5, reg_covar=1e-3, ddof=1).fit(x, rng())
    close(model.covariances[model.weights > 0.1], 1e-3 * np.eye(2)[None])
    assert np.isfinite(model.sample(100, 1.0, rng())).all()
    with pytest.raises(ValueError, match=r"reg_covar must be larger where .*, got 0"):
        GaussianMixture(5, reg_covar=0.0).fit(x, rng())


def test_components_that_lose_all_points_stay_harmless():
    far = [[0.0, 0.0], [1e3, 1e3], [2e3, 0.0]]
    model = GaussianMixture(3, means_init=far).fit(overlapping(), rng())
    assert model.weights[1:].max() < 1e-15
    x = model.sample(20_000, 1.0, rng())
    assert np.abs(x).max() < 20
    again = GaussianMixture(3, warm_start=True).load(model.save()).fit(x, rng())
    assert np.isfinite(again.means).all()


def test_mixture_in_a_long_loop_loses_modes():
    model, draw = grid_mixture(), rng(8)
    for _ in range(60):
        model = GaussianMixture(25).fit(model.sample(100, 1.0, draw), draw)
    assert np.isfinite(model.factors).all()
    near = np.abs(model.sample(500, 1.0, draw)[:, None] - grid_mixture().means).max(axis=2) < 1
    assert near.any(axis=0).sum() < 20


@pytest.mark.parametrize("bias", [0.0, 0.3, 1.0])
def test_mixtures_multiply_each_components_covariance(bias):
    model = labelled_grid(3, spacing=1.0, sigma=0.2)
    whole, part = model.sample(500, 1.0, rng(1)), model.sample(500, bias, rng(1))
    assert (whole["label"] == part["label"]).all()
    centre = model.means[whole["label"]]
    close(part["x"] - centre, math.sqrt(bias) * (whole["x"] - centre))
    plain = grid_mixture(3, spacing=1.0, sigma=0.2).sample(500, bias, rng(1))
    assert (plain == part["x"]).all()


def test_mixture_samples_come_in_any_order():
    """Half of a sample is a sample: components are not drawn one after the other."""
    label = labelled_grid().sample(5000, 1.0, rng())["label"]
    counts = np.bincount(label[:2500], minlength=25)
    # Chi-square with 24 degrees of freedom: 4e-7 beyond 79.
    assert np.square(counts - 100).sum() / 100 < 79


def test_without_scikit_learn_the_mixture_says_what_to_install():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import numpy as np\n"
        "from madtheory.engine.models import GaussianMixture\n"
        "rng = np.random.default_rng(0)\n"
        "GaussianMixture(1, means_init=[[0.0]]).fit(np.ones((2, 1)), rng).sample(2, 1.0, rng)\n"
        "try:\n    GaussianMixture(1).fit(np.ones((2, 1)), rng)\n"
        "except ImportError as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "GaussianMixture needs scikit-learn: pip install 'madtheory[report]'\n"


def test_a_change_of_nothing_is_not_less_than_nothing():
    """One component is at rest at once; a tolerance of 0 is never met."""
    x = np.random.default_rng(0).standard_normal((20, 2))
    for tol, converged in ((0.0, False), (1e-9, True)):
        model = GaussianMixture(1, means_init=[[0.0, 0.0]], tol=tol, max_iter=9)
        assert model.fit(x, np.random.default_rng(0)).converged == converged
