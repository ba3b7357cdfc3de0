"""What a generation is measured by: each number by a second route, one draw for all of them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from madtheory import metrics
from madtheory.deep import measures
from madtheory.deep.data.sets import DataSet, load
from madtheory.deep.measures import OF_CLASSES, PLAIN, Measures, Reference, Sample, measured

RNG = np.random.default_rng


def labelled(n: int, seed: int, dim: int = 5, classes: int = 4) -> Sample:
    """Rows with correlations that depend on the class; the last class has none or one."""
    rng = RNG(seed)
    y = rng.integers(classes - 1, size=n)
    y[0] = classes - 1 if seed else 0
    x = rng.standard_normal((n, dim)) @ RNG(9).normal(size=(dim, dim)) * (1 + y[:, None]) + 3.0 * y[
        :, None
    ] * np.arange(dim)
    return Sample(x, x, x[:, :3] ** 2, y)


@pytest.fixture(scope="module")
def reference() -> Reference:
    real = labelled(300, 0)
    found = Measures(
        DataSet("", {"x": real.x, "y": real.labels}, real.x, real.labels, 4), 1.0
    ).reference
    return Reference(real, found.axes, found.axes_within, 4)


def within(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Covariance within classes: the mean of those of the classes, weighted by n_c - 1."""
    parts = [x[y == c] for c in set(y.tolist())]
    total = sum(np.cov(part.T) * (len(part) - 1) for part in parts if len(part) > 1)
    return total / sum(len(part) - 1 for part in parts)


def test_variances_along_the_axes_of_real_data(reference: Reference) -> None:
    sample, real = labelled(200, 1), reference.real
    found = measured(reference, sample)
    for name, S, S_real in (
        ("directions", np.cov(sample.rows.T), np.cov(real.rows.T)),
        ("directions_within", within(sample.rows, sample.labels), within(real.rows, real.labels)),
    ):
        V = np.linalg.svd(S_real)[0]
        np.testing.assert_allclose(found[name], np.diag(V.T @ S @ V), rtol=1e-9)
    assert found["directions"].sum() == pytest.approx(found["trace"], rel=1e-12)
    assert found["directions_within"].sum() == pytest.approx(found["trace_within"], rel=1e-12)


def test_real_variances_along_their_own_axes_are_eigenvalues(reference: Reference) -> None:
    found = measured(reference, reference.real)
    values = np.linalg.eigvalsh(np.cov(reference.real.rows.T))[::-1]
    np.testing.assert_allclose(found["directions"], values, rtol=1e-10)
    assert found["mean_shift"] == 0.0


def test_traces_shift_and_shares(reference: Reference) -> None:
    sample = labelled(200, 1)
    found = measured(reference, sample)
    frame = pd.DataFrame(sample.rows).assign(label=sample.labels)
    by_class = frame.groupby("label").var().sum(axis=1, min_count=1)
    np.testing.assert_allclose(found["class_trace"], by_class.to_numpy(), rtol=1e-11)
    assert np.isnan(found["class_trace"]).tolist() == [False, False, False, True]
    counts = frame.groupby("label").size().to_numpy()
    np.testing.assert_allclose(found["labels"], counts / 200)
    weighted = np.nansum(found["class_trace"] * (counts - 1)) / (200 - 4)
    assert found["trace_within"] == pytest.approx(weighted, rel=1e-12)
    assert found["trace"] == pytest.approx(float(np.trace(np.cov(sample.rows.T))), rel=1e-12)
    means = sample.rows.mean(0), reference.real.rows.mean(0)
    assert found["mean_shift"] == pytest.approx(np.linalg.norm(means[0] - means[1]) ** 2, rel=1e-12)


def test_distances_are_those_of_metrics(reference: Reference) -> None:
    sample, real = labelled(200, 1), reference.real
    found = measured(reference, sample)
    assert found["fid"][0] == metrics.fid(real.features, sample.features).value
    assert found["w2_squared"][0] == metrics.fid(real.rows, sample.rows).value
    near = metrics.precision_recall(real.features, sample.features)
    assert (found["precision"][0], found["recall"][0]) == (near.precision.value, near.recall.value)


def test_more_directions_than_rows() -> None:
    z = RNG(3).normal(size=(6, 40))
    wide, V = measures.leading(z, 5), np.linalg.svd(z, full_matrices=False)[2].T[:, :5]
    np.testing.assert_allclose(np.abs(wide.T @ V), np.eye(5), atol=1e-9)


class Counting:
    """A model that says how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float]] = []

    def sample(self, n: int, bias: float, rng: Any) -> Any:
        self.asked.append((n, bias))
        return rng.standard_normal((n, 2)) * bias


def test_pixels_of_large_images_are_averaged() -> None:
    x = np.arange(2 * 64 * 64, dtype=np.float32).reshape(2, 1, 64, 64)
    by_hand = x.reshape(2, 32, 2, 32, 2).mean(axis=(2, 4)).reshape(2, -1)
    np.testing.assert_allclose(measures.flat(x), by_hand, rtol=1e-6)
    small = x[:, :, :28, :28]
    assert np.array_equal(measures.flat(small), small.reshape(2, -1))


def test_all_metrics_of_a_generation_see_one_draw() -> None:
    found, model = Measures(load("gaussian-2"), 0.5, n=100), Counting()
    values = {name: metric(model, None, RNG(1)) for name, metric in found.all().items()}
    assert model.asked == [(100, 0.5)]
    assert tuple(values) == PLAIN
    x = RNG(1).standard_normal((100, 2)) * 0.5
    assert values["trace"] == pytest.approx(float(x.var(axis=0, ddof=1).sum()))
    assert np.array_equal(found.last.rows, x)
    other = Counting()
    found.all()["fid"](other, None, RNG(2))
    assert other.asked == [(100, 0.5)]


def test_the_floor_is_of_real_training_data() -> None:
    law, rows = Measures(load("gaussian-3"), 0.5), Measures(load("digits"), 0.5)
    assert law.floor(50)["trace"] == pytest.approx(3.0, rel=0.4)
    assert tuple(rows.floor(10**6)) == (*PLAIN, *OF_CLASSES, "n_measured", "feature_spectrum")
    assert law.floor(50)["n_measured"] == law.n
    by_eigenvalues = np.linalg.eigvalsh(np.cov(law.reference.real.features.T))[::-1]
    np.testing.assert_allclose(law.floor(50)["feature_spectrum"], by_eigenvalues, rtol=1e-10)
    x = rows.data.train["x"].reshape(-1, 64).astype(float)
    whole = float(x.var(axis=0, ddof=1).sum())
    assert rows.floor(10**6)["trace"] == pytest.approx(whole, rel=1e-12)
    # At least 64 rows: fewer have no neighbours.
    assert rows.floor(4)["trace"] == rows.floor(64)["trace"] != whole


def test_the_numbers_of_a_model_are_not_those_of_the_one_before() -> None:
    x = RNG(3).standard_normal((80, 2))
    found = Measures(DataSet("", x, x, None, 0), 1.0, n=80)
    trace = found.all()["trace"]

    class Wide:
        def __init__(self, scale: float) -> None:
            self.scale = scale

        def sample(self, n: int, bias: float, rng: np.random.Generator) -> np.ndarray:
            return self.scale * x[:n]

    one, two = Wide(1.0), Wide(2.0)
    assert trace(two, None, RNG(0)) == pytest.approx(4 * trace(one, None, RNG(0)), rel=1e-12)
    assert trace(two, None, RNG(0)) == pytest.approx(4 * trace(one, None, RNG(0)), rel=1e-12)
