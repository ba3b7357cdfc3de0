"""Laws of all models: saving loses nothing, order of rows and units of axes do not matter."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from madtheory.engine.models import (
    Bootstrap,
    Categorical,
    Gaussian,
    GaussianMixture,
    KernelDensity,
    LabelledMixture,
)

#: A few values, ties among them, and collapsed sets.
VALUES = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(-1e3, 1e3, width=32))
SEEDS = st.integers(0, 2**32 - 1)
BIASES = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.0, 1.5))
WEIGHTS = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.0, 1.0))
ANY_LABELS, START = 4, [[-500.0, 0.0], [500.0, 0.0]]


def rng(seed):
    return np.random.default_rng(seed)


def matrices(max_dim=3):
    shapes = st.tuples(st.integers(2, 12), st.integers(1, max_dim))
    return shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=VALUES))


@st.composite
def pairs_of_matrices(draw):
    x = draw(matrices())
    rows = draw(st.integers(2, 12))
    return x, draw(arrays(np.float64, (rows, x.shape[1]), elements=VALUES))


def labelled(x, seed):
    return {"x": x, "label": rng(seed).integers(ANY_LABELS, size=len(x))}


def categories(x, seed):
    return rng(seed).integers(ANY_LABELS, size=len(x))


def plain(x, seed):
    return x


#: Prototype by name, and what makes its samples of a matrix.
MODELS = {
    "gaussian": (Gaussian(), plain),
    "regularised": (Gaussian(ddof=0, shrinkage=0.3, floor=0.1), plain),
    "mixture": (GaussianMixture(2, ddof=1, reg_covar=1e-3), plain),
    "labelled": (LabelledMixture(ANY_LABELS), labelled),
    "categorical": (Categorical(ANY_LABELS), categories),
    "density": (KernelDensity(), plain),
    "absolute density": (KernelDensity(0.5, units="absolute"), plain),
    "bootstrap": (Bootstrap(), plain),
}


def on_disk(saved):
    """The same arrays after a round trip through an .npz file."""
    stream = io.BytesIO()
    np.savez(stream, **saved)
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as found:
        return dict(found)


def same(a, b):
    a, b = (x if isinstance(x, dict) else {"": x} for x in (a, b))
    assert a.keys() == b.keys()
    for name, x in a.items():
        assert x.dtype == b[name].dtype
        assert np.array_equal(x, b[name])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", MODELS)
@given(pairs_of_matrices(), WEIGHTS, BIASES, SEEDS)
def test_saved_and_loaded_it_samples_the_same_bits(name, weighted, pair, weight, bias, seed):
    prototype, make = MODELS[name]
    real, synthetic = (make(x, seed + i) for i, x in enumerate(pair))
    if weighted:
        fitted = prototype.fit_weighted(real, synthetic, weight, rng(seed))
    else:
        fitted = prototype.fit(real, rng(seed))
    loaded = prototype.load(on_disk(fitted.save()))
    same(fitted.save(), loaded.save())
    sample = fitted.sample(7, bias, rng(seed))
    same(sample, loaded.sample(7, bias, rng(seed)))
    for x in sample.values() if isinstance(sample, dict) else [sample]:
        assert len(x) == 7
        assert np.isfinite(x).all()
    # And a fitted model is as good a prototype as the prototype.
    same(fitted.load(fitted.save()).save(), fitted.save())


def moments(model):
    """What does not depend on the order of rows, by its power of the unit of length."""
    if isinstance(model, Categorical):
        return {0: model.probabilities}
    if isinstance(model, (GaussianMixture, LabelledMixture)):
        return {0: model.weights, 1: model.means, 2: model.covariances}
    if isinstance(model, Bootstrap):
        return {1: model.mean}
    return {1: model.mean, 2: model.covariance}


@pytest.mark.parametrize("name", [name for name in MODELS if name != "mixture"])
@given(matrices(), SEEDS)
def test_the_order_of_rows_does_not_matter(name, x, seed):
    prototype, make = MODELS[name]
    samples, order = make(x, seed), rng(seed).permutation(len(x))
    moved = (
        {key: part[order] for key, part in samples.items()}
        if isinstance(samples, dict)
        else samples[order]
    )
    found, expected = (moments(prototype.fit(s, rng(0))) for s in (moved, samples))
    scale = max(1.0, float(np.abs(x).max()))
    for power, value in expected.items():
        np.testing.assert_allclose(found[power], value, rtol=1e-11, atol=1e-12 * scale**power)


@given(SEEDS)
def test_the_order_of_rows_does_not_matter_to_em(seed):
    """From the same start; k-means draws rows, so its start follows their order."""
    x = rng(seed).standard_normal((30, 2)) * [300.0, 1.0] + [0.0, 2.0]
    order = rng(seed + 1).permutation(30)
    prototype = GaussianMixture(2, means_init=START, max_iter=5, tol=0.0)
    found, expected = (moments(prototype.fit(s, rng(0))) for s in (x[order], x))
    # Five EM steps between two overlapping components multiply rounding.
    for power, value in expected.items():
        np.testing.assert_allclose(found[power], value, rtol=1e-8, atol=1e-7)


@pytest.mark.parametrize("name", ["gaussian", "labelled", "density", "bootstrap"])
@given(pairs_of_matrices(), WEIGHTS, SEEDS)
def test_affine_maps_of_the_data_map_the_fit(name, pair, weight, seed):
    """Fit(x A + b) has mean mu A + b and covariance A^T Sigma A, weighted or not."""
    prototype, make = MODELS[name]
    dim = pair[0].shape[1]
    A, b = rng(seed).standard_normal((dim, dim)), rng(seed + 1).standard_normal(dim)
    data = [make(x, seed + i) for i, x in enumerate(pair)]
    mapped = [make(x @ A + b, seed + i) for i, x in enumerate(pair)]
    scale = max(1.0, *(float(np.abs(x).max()) for x in pair)) * (1 + np.abs(A).sum())
    for fit in (
        lambda two: prototype.fit(two[0], rng(0)),
        lambda two: prototype.fit_weighted(*two, weight, rng(0)),
    ):
        before, after = fit(data), fit(mapped)
        means = before.means if name == "labelled" else before.mean
        shifted = after.means if name == "labelled" else after.mean
        alive = before.weights > 0 if name == "labelled" else slice(None)
        atol = 1e-12 * scale
        np.testing.assert_allclose(shifted[alive], (means @ A + b)[alive], rtol=1e-11, atol=atol)
        if name == "bootstrap":
            continue
        old, new = (m.covariances if name == "labelled" else m.covariance for m in (before, after))
        np.testing.assert_allclose(new, A.T @ old @ A, rtol=1e-11, atol=atol * scale)


@given(
    arrays(np.float64, st.integers(1, 8), elements=st.floats(0.0, 1.0)).filter(np.any),
    st.floats(0.05, 3.0),
    st.floats(0.05, 3.0),
)
def test_temperatures_compose(p, first, second):
    """Temperature a, then b, is a b; to the rounding of logarithms, some 400 times magnified."""
    model = Categorical.of(p / p.sum())
    once = Categorical.of(model.tempered(first)).tempered(second)
    # A probability that underflows at the first temperature is lost to the second.
    alive = model.tempered(first) > 1e-300
    direct = np.where(alive, model.tempered(first * second), 0.0)
    np.testing.assert_allclose(once[alive], (direct / direct.sum())[alive], rtol=1e-9, atol=1e-290)


@given(arrays(np.float64, st.integers(1, 8), elements=st.floats(0.0, 1.0)).filter(np.any), BIASES)
def test_temperature_keeps_order_and_support(p, bias):
    p = p / p.sum()
    tempered = Categorical.of(p).tempered(bias)
    assert abs(tempered.sum() - 1) < 1e-12
    assert (tempered[p == 0] == 0).all()
    assert (np.diff(tempered[np.argsort(p, kind="stable")]) >= -1e-15).all()
    if bias <= 1:
        assert tempered.max() >= Categorical.of(p).probabilities.max() - 1e-12


@given(pairs_of_matrices(), st.integers(1, 3))
def test_weight_of_the_shares_is_pooling(pair, copies):
    """Weight n_r/n with ddof 0 is one fit to all rows, in any model; repeated rows change none."""
    real, synthetic = pair
    n = len(real) + len(synthetic)
    scale = max(1.0, *(float(np.abs(x).max()) for x in pair))
    many = np.concatenate([np.repeat(real, copies, axis=0), np.repeat(synthetic, copies, axis=0)])
    for prototype in (Gaussian(ddof=0), Bootstrap()):
        weighted = prototype.fit_weighted(real, synthetic, len(real) / n, rng(0))
        pooled = prototype.fit(many, rng(0))
        np.testing.assert_allclose(weighted.mean, pooled.mean, rtol=1e-11, atol=1e-12 * scale)
        if isinstance(prototype, Gaussian):
            np.testing.assert_allclose(
                weighted.covariance, pooled.covariance, rtol=1e-10, atol=1e-11 * scale**2
            )
