"""The law of bias for every model of vectors, and what is refused."""

import math

import numpy as np
import pytest

from madtheory.engine.models import (
    Bootstrap,
    Categorical,
    Gaussian,
    GaussianMixture,
    KernelDensity,
    LabelledMixture,
    grid_mixture,
)
from madtheory.loop import fully_synthetic
from tests.unit.engine.models.numbers import CLOUD, VECTOR_MODELS, close, rng

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
            lambda: LabelledMixture(2).fit({"x": CLOUD, "label": np.zeros(41, int)}, rng()),
            "label must have 40 rows like x, got 41",
        ),
        (
            lambda: LabelledMixture(2).fit({"x": CLOUD, "label": np.full(40, 2)}, rng()),
            r"label must be in \[0, 2\), got 2",
        ),
        (lambda: Categorical(2).fit([-1, 0], rng()), r"samples must be in \[0, 2\), got -1"),
        (lambda: Categorical(2).fit(np.zeros((2, 2), int), rng()), "must be a non-empty vector"),
        (lambda: Categorical.of([0.5, 0.6]), "must be non-negative with sum 1, got sum 1.1"),
        (lambda: Categorical.of([0.5, 0.500001]), "non-negative with sum 1, got sum 1.000001"),
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


def test_prototypes_stay_as_they_are():
    for prototype in (Gaussian(), GaussianMixture(2), KernelDensity(), Bootstrap()):
        fitted = prototype.fit(CLOUD, rng())
        assert fitted is not prototype
        with pytest.raises(ValueError, match="must be fitted"):
            prototype.save()
    assert Gaussian.of(fully_synthetic(5, ddof=0)).ddof == 0
