"""Every model against a second route: numpy, scipy, scikit-learn, mpmath, or weighted data."""

import math
import subprocess
import sys
import warnings

import mpmath
import numpy as np
import pytest
from scipy.stats import chi2, gaussian_kde
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Peer
from sklearn.neighbors import KernelDensity as PeerDensity

from madtheory.engine.models import (
    Bootstrap,
    Categorical,
    Gaussian,
    GaussianMixture,
    KernelDensity,
    LabelledMixture,
    gaussian_mixture,
    grid_mixture,
    labelled_grid,
)
from madtheory.loop import Loop, fully_synthetic

RTOL = 1e-12


def em_of_scikit_learn(x, w, start, model):
    """The second route to EM: scikit-learn's class from the same start."""
    assert (w == 1).all()
    W = gaussian_mixture.whitening(start.covariances, model.reg_covar)
    peer = Peer(
        model.n_components,
        tol=model.tol,
        reg_covar=model.reg_covar,
        max_iter=model.max_iter,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=W.transpose(0, 2, 1) @ W,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer.fit(x)
    found = gaussian_mixture.Components(peer.weights_, peer.means_, peer.covariances_)
    return found, bool(peer.converged_), int(peer.n_iter_)


@pytest.fixture(params=["em", "sklearn"])
def _each_em(request, monkeypatch):
    """Run a test with the EM of the package, then with scikit-learn's."""
    if request.param == "sklearn":
        monkeypatch.setattr(gaussian_mixture, "em", em_of_scikit_learn)


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


# --- Gaussian -------------------------------------------------------------------------------------


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


# --- the law of bias, for every model of vectors --------------------------------------------------

CLOUD = np.random.default_rng(5).standard_normal((40, 2)) @ np.array([[2.0, 0.0], [1.0, 0.5]])
VECTOR_MODELS = {
    "gaussian": Gaussian().fit(CLOUD, rng()),
    "mixture": GaussianMixture(1).fit(CLOUD, rng()),
    "density": KernelDensity().fit(CLOUD, rng()),
    "absolute density": KernelDensity(0.8, units="absolute").fit(CLOUD, rng()),
    "bootstrap": Bootstrap().fit(CLOUD, rng()),
}
MODEL_COVARIANCE = {
    "gaussian": np.cov(CLOUD, rowvar=False),
    "mixture": np.cov(CLOUD, rowvar=False, ddof=0) + 1e-6 * np.eye(2),
    "density": np.cov(CLOUD, rowvar=False) * (39 / 40 + 40 ** (-1 / 3)),
    "absolute density": np.cov(CLOUD, rowvar=False, ddof=0) + 0.64 * np.eye(2),
    "bootstrap": np.cov(CLOUD, rowvar=False, ddof=0),
}


@pytest.mark.parametrize("name", VECTOR_MODELS)
def test_bias_multiplies_the_covariance_draw_by_draw(name):
    """The same generator: deviations from the mean shrink by sqrt(bias), exactly."""
    model = VECTOR_MODELS[name]
    whole = model.sample(50, 1.0, rng(3))
    for bias in (0.0, 0.25, 0.9, 4.0):
        part = model.sample(50, bias, rng(3))
        close(part - CLOUD.mean(axis=0), math.sqrt(bias) * (whole - CLOUD.mean(axis=0)), scale=9)


@pytest.mark.parametrize("bias", [1.0, 0.4])
@pytest.mark.parametrize("name", VECTOR_MODELS)
def test_covariance_of_samples(name, bias):
    """z = tr(Sigma^-1 S) over its error; an error of 3 % lies 7 errors away (power > .99).

    The spread of the squared whitened norm comes from the draws themselves.
    """
    n = 200_000
    x = VECTOR_MODELS[name].sample(n, bias, rng(4))
    whitened = np.linalg.solve(
        np.linalg.cholesky(bias * MODEL_COVARIANCE[name]), (x - CLOUD.mean(axis=0)).T
    )
    norms = np.square(whitened).sum(axis=0)
    se = norms.std() / math.sqrt(n)
    assert 0.03 * 2 / se > 7.0
    assert abs(norms.mean() - 2.0) < 4.5 * se
    # Off the diagonal too.
    product = whitened.prod(axis=0)
    assert abs(product.mean()) < 4.5 * product.std() / math.sqrt(n)


def test_gaussian_samples_have_the_exact_law():
    """n S of n samples is chi-square: quantiles 1e-6 apart on both sides, where 3 % would fail."""
    n, model = 200_000, Gaussian.from_moments([3.0], [[4.0]])
    x = model.sample(n, 0.5, rng(6))[:, 0]
    low, high = chi2.ppf([5e-7, 1 - 5e-7], n - 1) / (n - 1)
    assert low < x.var(ddof=1) / 2.0 < high
    # Power: a variance 3 % off would fall inside with probability below .01.
    assert chi2.cdf(high * (n - 1) / 1.03, n - 1) < 0.01
    assert abs(x.mean() - 3.0) < 4.5 * math.sqrt(2 / n)


# --- mixtures -------------------------------------------------------------------------------------


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


def test_mixture_with_weights_is_the_mixture_of_repeated_rows():
    """Weight w on n_r = 60, 1 - w on n_s = 120 rows: three copies of each real row at w = .6."""
    x, start = overlapping(180), [[0.0, 0.0], [2.5, 0.0], [0.0, 3.0]]
    real, synthetic = x[:60], x[60:]
    model = GaussianMixture(3, means_init=start).fit_weighted(real, synthetic, 0.6, rng())
    rows = np.concatenate([np.repeat(real, 3, axis=0), synthetic])
    copy = GaussianMixture(3, means_init=start).fit(rows, rng())
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


# --- categories -----------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [1e-3, 0.1, 0.7, 0.999, 2.0])
def test_temperature_against_fifty_digits(bias):
    p = [0.5, 0.3, 0.15, 0.05 - 1e-9, 1e-9, 0.0]
    with mpmath.workdps(50):
        powers = [mpmath.mpf(x) ** (1 / mpmath.mpf(bias)) for x in Categorical.of(p).probabilities]
        exact = [float(x / mpmath.fsum(powers)) for x in powers]
    # An exponent of 1/bias magnifies the rounding of the logarithm as often.
    np.testing.assert_allclose(Categorical.of(p).tempered(bias), exact, rtol=1e-14 * (9 + 9 / bias))


def test_temperature_at_its_ends():
    model = Categorical.of([0.4, 0.4, 0.2, 0.0])
    assert model.tempered(0.0).tolist() == [0.5, 0.5, 0.0, 0.0]
    assert model.tempered(1e-300).tolist() == [0.5, 0.5, 0.0, 0.0]
    assert model.tempered(5e-324).tolist() == [0.5, 0.5, 0.0, 0.0]
    assert (model.tempered(1.0) == model.probabilities).all()
    assert set(model.sample(1000, 0.0, rng())) == {0, 1}
    assert Categorical.of([0.3, 0.2999, 0.3, 0.1001]).tempered(0.0).tolist() == [0.5, 0.0, 0.5, 0.0]


def test_categorical_frequencies_and_weights():
    a, b = np.array([0, 0, 1, 3]), np.array([2, 2])
    assert Categorical(5).fit(a, rng()).probabilities.tolist() == [0.5, 0.25, 0.0, 0.25, 0.0]
    # Weight 2/3 on four real rows is pooling with the two others.
    pool = Categorical(5).fit(np.concatenate([a, b]), rng()).probabilities
    close(Categorical(5).fit_weighted(a, b, 2 / 3, rng()).probabilities, pool)


def test_categorical_samples_have_these_frequencies():
    """Chi-square with 3 degrees of freedom, 1e-6 beyond 30.7; a 5 % error adds 190 at least."""
    p, n = Categorical.of([0.1, 0.2, 0.3, 0.4]).tempered(0.5), 10**6
    counts = np.bincount(Categorical.of([0.1, 0.2, 0.3, 0.4]).sample(n, 0.5, rng(1)), minlength=4)
    assert (np.square(counts - n * p) / (n * p)).sum() < 30.7


# --- kernel density, bootstrap --------------------------------------------------------------------


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


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Gaussian(ddof=2), "ddof must be at most 1, got 2"),
        (lambda: Gaussian(shrinkage=1.5), r"shrinkage must be .* in \[0, 1\], got 1.5"),
        (lambda: Gaussian(floor=-1), "floor must be a finite number"),
        (lambda: Gaussian(real_variance=math.inf), "real_variance must be a finite number"),
        (lambda: Gaussian.standard(0), "dim must be at least 1, got 0"),
        (lambda: Gaussian().fit(np.ones((1, 2)), rng()), "samples must have at least 2 rows"),
        (lambda: Gaussian().fit([1.0, 2.0], rng()), "samples must be a matrix"),
        (lambda: Gaussian().fit([[math.nan], [1.0]], rng()), "samples must be finite"),
        (
            lambda: Gaussian().fit_weighted(np.ones((2, 2)), np.ones((2, 3)), 0.5, rng()),
            "synthetic must have 2 columns like real, got 3",
        ),
        (
            lambda: Gaussian().fit_weighted(np.ones((2, 2)), np.ones((2, 2)), 1.5, rng()),
            r"weight must be .* in \[0, 1\], got 1.5",
        ),
        (lambda: Gaussian().sample(1, 1.0, rng()), "must be fitted .*, got an unfitted Gaussian"),
        (lambda: Gaussian().save(), "model must be fitted before it is used"),
        (lambda: Gaussian.standard(1).sample(1, -0.1, rng()), "bias must be a finite number"),
        (lambda: Gaussian.standard(1).sample(-1, 1.0, rng()), "n must be at least 0, got -1"),
        (lambda: Gaussian().load({}), "arrays must be mean, factor, got none"),
        (lambda: Gaussian().load({"mean": 0}), "arrays must be mean, factor, got mean"),
        (lambda: GaussianMixture(0), "n_components must be at least 1"),
        (lambda: GaussianMixture(2, reg_covar=-1), "reg_covar must be a finite number"),
        (lambda: GaussianMixture(2, max_iter=0), "max_iter must be at least 1"),
        (lambda: GaussianMixture(2, means_init=[[0.0]]), "means_init must have 2 rows, got 1"),
        (lambda: GaussianMixture(3).fit(np.ones((2, 1)), rng()), "samples must have at least 3"),
        (
            lambda: LabelledMixture(2).fit({"x": CLOUD, "label": np.zeros(3, int)}, rng()),
            "label must have 40 rows like x, got 3",
        ),
        (
            lambda: LabelledMixture(2).fit({"x": CLOUD, "label": np.full(40, 2)}, rng()),
            r"label must be in \[0, 2\), got 2",
        ),
        (lambda: Categorical(2).fit([-1, 0], rng()), r"samples must be in \[0, 2\), got -1"),
        (lambda: Categorical(2).fit(np.zeros((2, 2), int), rng()), "must be a non-empty vector"),
        (lambda: Categorical.of([0.5, 0.6]), "must be non-negative with sum 1, got sum 1.1"),
        (lambda: Categorical.of([[1.0]]), "probabilities must be a non-empty vector"),
        (lambda: KernelDensity("wide"), "bandwidth must be one of scott, silverman, got 'wide'"),
        (lambda: KernelDensity(-1.0), "bandwidth must be a finite number"),
        (lambda: KernelDensity(units="m"), "units must be one of data, absolute, got 'm'"),
        (lambda: grid_mixture(0), "side must be at least 1"),
    ],
)
def test_refusals(make, error):
    with pytest.raises(ValueError, match=error) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("samples", [CLOUD, {"x": CLOUD}])
def test_labels_are_needed(samples):
    with pytest.raises(TypeError, match="samples must be a dict with x and label, got"):
        LabelledMixture(2).fit(samples, rng())
    with pytest.raises(TypeError, match="samples must be integers, got dtype float64"):
        Categorical(2).fit(np.zeros(2), rng())


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


def test_prototypes_stay_as_they_are():
    for prototype in (Gaussian(), GaussianMixture(2), KernelDensity(), Bootstrap()):
        fitted = prototype.fit(CLOUD, rng())
        assert fitted is not prototype
        with pytest.raises(ValueError, match="must be fitted"):
            prototype.save()
    assert Gaussian.of(fully_synthetic(5, ddof=0)).ddof == 0
