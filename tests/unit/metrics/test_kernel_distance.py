"""Kernel distance by its definition; its interval by coverage."""

import math

import numpy as np
import pytest

from madtheory import metrics
from tests.unit.metrics.draws import columns, draws


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.5, 0.7)])
@pytest.mark.parametrize(
    "metric",
    [
        metrics.fid,
        metrics.kernel_distance,
        lambda x, y: metrics.precision_recall(x, y, threads=1).precision,
        lambda x, y: metrics.precision_recall(x, y, threads=1).recall,
    ],
    ids=["fid", "kernel", "precision", "recall"],
)
def test_coverage_of_the_mean_value(metric, shift, scale):
    size = 200
    value, low, high = columns(draws(metric, size, 150, 200, 4, shift, scale))
    mean = value.mean()
    assert (low <= value).all()
    assert (value <= high).all()
    assert np.mean((low <= mean) & (mean <= high)) > 0.95 - 4.5 * math.sqrt(0.05 * 0.95 / size)
    # Not by being useless: at most 2.7 times as wide as the spread of the value asks for, and
    # what Wilson's interval has about a share near 1.
    assert np.mean(high - low) < 2.7 * 3.92 * value.std() + 1.96**2 / 150


def test_kernel_distance_is_unbiased():
    value = columns(draws(metrics.kernel_distance, 400, 20, 30, 3, 0.0, 1.0))[0]
    assert abs(value.mean()) < 4.5 * value.std() / 20
    far = columns(draws(metrics.kernel_distance, 100, 20, 30, 3, 1.0, 1.0))[0]
    assert far.mean() > 10 * value.std() / 20


def test_kernel_distance_by_its_definition():
    rng = np.random.default_rng(10)
    x, y = rng.standard_normal((300, 5)), 0.3 + rng.standard_normal((70, 5))

    def kernel(a, b):
        return (a @ b.T / 5 + 1) ** 3

    def off(K):
        return (K.sum() - np.trace(K)) / (len(K) * (len(K) - 1))

    expected = off(kernel(x, x)) + off(kernel(y, y)) - 2 * kernel(x, y).mean()
    assert metrics.kernel_distance(x, y).value == pytest.approx(expected, rel=1e-11)


def test_kernel_distance_of_tiny_features():
    """To first order 3 |mean difference|^2/dim: 1 + t would round it away."""
    real, synth = np.zeros((3, 2)), np.full((4, 2), 1e-100)
    assert metrics.kernel_distance(real, synth).value == pytest.approx(3e-200, rel=1e-12, abs=0)


def test_interval_is_that_of_the_projection():
    """First order of a U-statistic: twice the mean over the partners of each row."""
    rng = np.random.default_rng(14)
    x, y = rng.standard_normal((7, 3)), 0.4 + rng.standard_normal((5, 3))

    def kernel(a, b):
        return (a @ b.T / 3 + 1) ** 3

    def projection(a, b):
        own = kernel(a, a)
        return 2 * ((own.sum(1) - np.diag(own)) / (len(a) - 1) - kernel(a, b).mean(1))

    variance = np.var(projection(x, y), ddof=1) / 7 + np.var(projection(y, x), ddof=1) / 5
    found = metrics.kernel_distance(x, y, level=0.5)
    half = 0.6744897501960817 * math.sqrt(variance)
    assert found.high - found.value == pytest.approx(half, rel=1e-10)
    assert found.value - found.low == pytest.approx(half, rel=1e-10)
