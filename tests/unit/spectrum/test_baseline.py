"""E W2^2 of one fit to real data."""

import math

import mpmath
import numpy as np
import pytest

from madtheory import spectrum
from madtheory._types import Array
from madtheory.spectrum import blocks, bounds


@pytest.mark.parametrize("n", [2, 3, 10, 1000, 10**9])
def test_baseline_in_one_dimension_is_exact(n):
    with mpmath.workdps(40):
        k = mpmath.mpf(n - 1)
        root = mpmath.sqrt(2 / k) * mpmath.gammaprod([(k + 1) / 2], [k / 2])
        expected = 3 * (mpmath.mpf(1) / n + 2 - 2 * root)
    got = spectrum.baseline(n, [3.0])
    assert float(got.value) == pytest.approx(float(expected), rel=1e-12)
    assert float(got.rel_error) == 0


def test_baseline_is_mean_part_plus_fidelity():
    s = np.array([2.0, 1.0, 0.5])
    got, mean = spectrum.baseline(9, s), spectrum.mean_sqrt_trace(s, [8])
    assert float(got.value) == pytest.approx(
        s.sum() / 9 + 2 * s.sum() - 2 * mean.value[0], rel=1e-12
    )
    assert float(got.upper) == pytest.approx(
        s.sum() / 9 + 2 * s.sum() - 2 * mean.lower[0], rel=1e-12
    )
    assert float(got.lower) == pytest.approx(
        s.sum() / 9 + 2 * s.sum() - 2 * mean.upper[0], rel=1e-12
    )
    error = 2 * mean.value[0] * mean.rel_error[0]
    assert float(got.rel_error * got.value) == pytest.approx(error, rel=1e-9)


def test_baseline_of_theory():
    # theory.md 5.3: 26.5 to leading order, 31.94 truly, at d = n = 100
    assert spectrum.baseline_leading(100, np.ones(100)) == pytest.approx(1 + 10100 / 396, rel=1e-14)
    exact = spectrum.baseline(100, np.ones(100))
    assert float(exact.value) == pytest.approx(31.936462, rel=1e-7)
    assert float(exact.rel_error) == 0


def test_leading_order_sums_over_pairs():
    s = [3.0, 1.0, 0.5, 0.0]
    pairs = [
        a * b * (1 + (i == j)) / (a + b) for i, a in enumerate(s[:3]) for j, b in enumerate(s[:3])
    ]
    expected = 4.5 / 50.5 + sum(pairs) / (2 * 49.5)
    assert spectrum.baseline_leading(50.5, s) == pytest.approx(expected, rel=1e-14)
    assert spectrum.baseline_leading(1, s) == math.inf
    assert spectrum.baseline_leading(10**8, s) == pytest.approx(
        float(spectrum.baseline(10**8, s).value), rel=1e-7
    )


def test_the_bounds_of_many_dimensions_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def bound(block: blocks.Block) -> Array:
        asked.append(block.rank)
        return bounds.log_triangular_bound(block)

    monkeypatch.setattr(blocks, "log_triangular_bound", bound)
    spectrum.baseline(701, 600)
    assert asked == [600]
