"""The exact mean over one Wishart matrix, by other routes."""

import math

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from madtheory.spectrum import baseline, blocks, mean_sqrt_trace
from madtheory.spectrum.one_wishart import eigenvalue_mean, root_deficit


@pytest.mark.parametrize("k", [1, 2, 3, 10, 1000, 10_000])
def test_one_dimension_is_a_chi_variable(k: int) -> None:
    with mp.workdps(30):
        c4 = mp.sqrt(2 / mp.mpf(k)) * mp.gammaprod([(k + mp.mpf(1)) / 2], [k / mp.mpf(2)])
        expected = float(1 - c4)
    assert root_deficit(1, k) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("k", [2, 3, 4, 7, 60, 3001, 20_000])
def test_two_dimensions_by_trace_and_sphericity(k: int) -> None:
    # tr W^{1/2} = (tr W)^{1/2} (1 + v)^{1/2}: tr W ~ chi2_2k, v = 2 det^{1/2}/tr ~ Beta(k - 1, 1).
    with mp.workdps(30):
        root = mp.sqrt(2) * mp.gammaprod([k + mp.mpf(1) / 2], [k])
        law = (k - 1) * mp.quad(lambda v: v ** (k - 2) * mp.sqrt(1 + v), mp.linspace(0, 1, 40))
        expected = float(1 - root * law / (2 * mp.sqrt(k)))
    assert root_deficit(2, k) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("d", "k"),
    [
        (3, 3),
        (4, 9),
        (10, 10),
        (11, 300),
        (16, 100_000),
        (40, 41),
        (101, 101),
        (128, 200),
        (256, 256),
    ],
)
def test_moments_of_the_spectrum(d: int, k: int) -> None:
    one = eigenvalue_mean(d, k, lambda x: x)
    assert one == pytest.approx(d * k, rel=1e-12)
    two = eigenvalue_mean(d, k, lambda x: x**2)
    assert two == pytest.approx(d * k * (d + k + 1), rel=1e-12)
    count = eigenvalue_mean(d, k, np.ones_like)
    assert count == pytest.approx(d, rel=1e-12)
    if k >= d + 3:  # else 1/x or log x is too steep at 0 for the panels
        log = eigenvalue_mean(d, k, np.log)
        expected = float((special.digamma((k - np.arange(d)) / 2) + math.log(2)).sum())
        assert log == pytest.approx(expected, rel=1e-12)
        inverse = eigenvalue_mean(d, k, lambda x: 1 / x)
        assert inverse == pytest.approx(d / (k - d - 1), rel=1e-12)


def test_more_dimensions_than_degrees_of_freedom() -> None:
    for d, k in ((5, 2), (100, 99), (30, 7)):
        assert math.sqrt(k) * d * (1 - root_deficit(d, k)) == pytest.approx(
            math.sqrt(d) * k * (1 - root_deficit(k, d)), rel=1e-13
        )


@pytest.mark.parametrize("d", [3, 16, 77])
def test_first_order_far_out(d: int) -> None:
    k = 9000 * d
    assert root_deficit(d, k) * 8 * k / (d + 1) == pytest.approx(1, abs=3 * d / k)


@pytest.mark.parametrize(("d", "k"), [(2, 2), (7, 9), (100, 99), (99, 100), (200, 1000)])
def test_one_generation_is_exact(d: int, k: int) -> None:
    e = mean_sqrt_trace(np.full(d, 2.0), [k])
    assert e.value[0] == pytest.approx(2 * d * (1 - root_deficit(d, k)), rel=1e-12)
    assert e.lower[0] == e.value[0] == e.upper[0]
    assert e.rel_error[0] == 0


def test_baseline_of_a_multiple_of_the_identity_is_exact() -> None:
    for d, n, frozen in ((100, 100, 31.936462075), (7, 10, 2.433591481), (30, 30, 10.780294278)):
        e = baseline(n, np.ones(d))
        assert e.status == "exact"
        assert float(e.value) == pytest.approx(d / n + 2 * d * root_deficit(d, n - 1), rel=1e-12)
        assert float(e.value) == pytest.approx(frozen, rel=1e-9)


@pytest.mark.parametrize(
    ("d", "k"), [(90, 90), (180, 180), (180, 90), (180, 1800), (256, 300), (256, 20_000)]
)
def test_beyond_the_exact_dimensions_the_error_is_declared(d: int, k: int) -> None:
    # Where the truth is still known; the larger, the better.
    deficit, error = blocks._extrapolated_fit(d, k)
    assert 0 < error < 2e-3
    assert abs(deficit / root_deficit(d, k) - 1) < error


def test_beyond_the_exact_dimensions_the_fit_is_continued() -> None:
    at = [mean_sqrt_trace(np.ones(d), [2 * d]).value[0] / d for d in (255, 256, 257, 258)]
    steps = np.diff(at)
    assert steps[1] == pytest.approx(steps[0], abs=3e-6)
    e = mean_sqrt_trace(np.ones(257), [514])
    assert 0 < e.rel_error[0] < 1e-4
    assert e.lower[0] < e.value[0] < e.upper[0]


def test_far_out_the_estimate_stands() -> None:
    assert blocks._one_fit(5, 50_001) is None
    e = baseline(10**9, np.ones(5))
    assert 0 < float(e.rel_error) < 1e-8
