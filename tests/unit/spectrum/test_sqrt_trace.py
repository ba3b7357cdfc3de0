"""E tr of square roots of products: exact cases, laws, edges."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

from madtheory import spectrum
from madtheory.spectrum import (
    chain_deficit,
    chain_deficit_limit,
    mean_sqrt_trace,
    sqrt_trace_deficit,
    sqrt_trace_limit,
)


def c4(dof: int) -> mp.mpf:
    """E sqrt(chi2_dof / dof)."""
    k = mp.mpf(dof)
    return mp.sqrt(2 / k) * mp.gammaprod([(k + 1) / 2], [k / 2])


def test_one_dimension_is_exact() -> None:
    dofs = [3, 7, 1, 1, 10**9, 2**53 - 1]
    estimate = mean_sqrt_trace([2.5], dofs)
    with mp.workdps(40):
        exact = [2.5 * mp.fprod(c4(k) for k in dofs[:t]) for t in range(1, 7)]
    for field in (estimate.value, estimate.lower, estimate.upper):
        np.testing.assert_allclose(field, [float(x) for x in exact], rtol=1e-12)
    assert (estimate.rel_error == 0).all()


def test_deficit_keeps_its_digits() -> None:
    for k in (1, 5, 39, 40, 41, 10**4, 10**9, 2**53 - 1):
        with mp.workdps(50):
            expected = float(1 - c4(k) ** 2)
        assert sqrt_trace_deficit([1.0], [k, k]).value[1] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dim", [2, 5, 100])
def test_one_degree_of_freedom_is_rank_one_and_exact(dim: int) -> None:
    # Sigma_1 = x x': tr (.)^{1/2} = |x|, E |x| = sqrt(dim) c4(dim + 1); then one direction.
    estimate = mean_sqrt_trace(np.ones(dim), [1, 1, 1])
    with mp.workdps(30):
        first = mp.sqrt(dim) * c4(dim)
        expected = [float(first * c4(1) ** t) for t in range(3)]
    np.testing.assert_allclose(estimate.value, expected, rtol=1e-12)
    np.testing.assert_allclose(estimate.lower, estimate.upper, rtol=1e-13)
    assert (estimate.rel_error == 0).all()


def test_rank_one_with_unequal_eigenvalues_is_a_gaussian_norm() -> None:
    s = np.array([3.0, 1.0])
    with mp.workdps(25):  # E sqrt(9 z1^2 + z2^2) = 3 sqrt(2/pi) E(8/9), complete elliptic integral
        expected = float(3 * mp.sqrt(2 / mp.pi) * mp.ellipe(mp.mpf(8) / 9))
    estimate = mean_sqrt_trace(s, [1])
    np.testing.assert_allclose(estimate.value, expected, rtol=1e-12)
    assert estimate.rel_error[0] == 0


def root_trace_2x2(k: int) -> float:
    """E tr W^{1/2} at d = 2: E [(a + c)^2 + b^2]^{1/2} for the triangle ((a, 0), (b, c))."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    top = 7 + math.sqrt(k)
    x, w = top * (nodes + 1) / 2, top / 2 * weights
    z, v = 9 * nodes, 9 * weights * stats.norm.pdf(9 * nodes)
    norm = np.sqrt((x[:, None, None] + x[None, :, None]) ** 2 + z**2)
    density = (w * stats.chi.pdf(x, k))[:, None, None] * (w * stats.chi.pdf(x, k - 1))[
        None, :, None
    ]
    return float((norm * density * v).sum()) / math.sqrt(k)


@pytest.mark.parametrize("k", [2, 3, 5, 20, 100])
def test_two_dimensions_against_the_density(k: int) -> None:
    exact, estimate = root_trace_2x2(k), mean_sqrt_trace([1.0, 1.0], [k])
    # Quadrature: the integrand has a kink at the triangle's tip, where k = 2, 3 have mass.
    assert estimate.value[0] == pytest.approx(exact, rel={2: 1e-6, 3: 1e-8}.get(k, 1e-12))
    assert estimate.rel_error[0] == 0


def test_dimension_and_degrees_of_freedom_may_be_exchanged() -> None:
    # X'X and XX' have the same eigenvalues: sqrt(k) E tr W_{d,k}^{1/2} is symmetric in d and k.
    for d, k in ((2, 5), (7, 3), (40, 11)):
        a, b = mean_sqrt_trace(np.ones(d), [k]), mean_sqrt_trace(np.ones(k), [d])
        for x, y in ((a.value, b.value), (a.lower, b.lower), (a.upper, b.upper)):
            np.testing.assert_allclose(math.sqrt(k) * x, math.sqrt(d) * y, rtol=1e-12)


def test_factors_commute() -> None:
    last = [mean_sqrt_trace(np.ones(6), p).value[-1] for p in itertools.permutations([4, 9, 30])]
    np.testing.assert_allclose(last, last[0], rtol=1e-12)


@pytest.mark.parametrize("s", [np.ones(4), 1 / np.arange(1.0, 8), np.array([1.0, 1e-3])])
def test_first_order_in_the_degrees_of_freedom_is_exact(s: np.ndarray) -> None:
    # Bures: sum_ij s_i s_j (1 + delta_ij) / (s_i + s_j) / (4 k) a factor.
    weights = np.multiply.outer(s, s) / np.add.outer(s, s)
    first = (weights.sum() + np.trace(weights)) / (4 * s.sum())
    deficit = sqrt_trace_deficit(s, [10**8, 10**8, 3 * 10**8])
    expected = first * np.cumsum([1e-8, 1e-8, 1e-8 / 3])
    np.testing.assert_allclose(deficit.value, expected, rtol=1e-6)  # next order: 1e-8 d
    assert (deficit.rel_error < 1e-5).all()


@pytest.mark.parametrize(("dim", "k"), [(2, 2), (5, 9), (9, 4), (30, 30)])
def test_many_generations_reach_the_floor(dim: int, k: int) -> None:
    # One direction is left: sqrt(pi/2) E|z| times the directional mean (Sigma_0 = I).
    t = 400 * k
    value = chain_deficit(np.ones(dim), [t], first=k, later=k)
    with mp.workdps(30):
        top = mp.sqrt(mp.pi / 2) * mp.sqrt(dim) * c4(dim) * c4(k) ** t / dim
    np.testing.assert_allclose(1 - value.value, float(1 - (1 - top)), rtol=1e-9)
    ratio = (
        mean_sqrt_trace(np.ones(dim), np.full(60 * k, k)).value[-1]
        / dim
        / float(mp.sqrt(mp.pi / 2) * mp.sqrt(dim) * c4(dim) * c4(k) ** (60 * k) / dim)
    )
    assert ratio == pytest.approx(1, rel=1e-6)  # what is left decays like exp(-60/2)


@pytest.mark.parametrize("s", [np.ones(8), 1 / np.arange(1.0, 9)])
def test_long_runs_agree_with_single_generations(s: np.ndarray) -> None:
    t = np.array([1, 399, 401, 777, 2500, 9999])
    long = sqrt_trace_deficit(s, np.full(10_000, 60))
    single = chain_deficit(s, t, first=60, later=60)
    # The spline in log t, well below any declared error.
    np.testing.assert_allclose(1 - long.value[t - 1], 1 - single.value, rtol=1e-8)
    # A long run sums one bound over directions only in the mean; it may be weaker, never stronger.
    assert (long.lower[t - 1] <= single.value + 1e-12).all()


def test_high_dimension_is_reached() -> None:
    # O(1/d), growing with t: simulation has the limit 0.9 % high at rank 300, t dim/m = 15.
    for d, k in ((300, 300), (300, 900), (300, 150)):
        t = np.array([1, 2, 5, 15])
        value = 1 - chain_deficit(np.ones(d), t, first=k, later=k).value
        np.testing.assert_allclose(value, sqrt_trace_limit(t, d / k), rtol=0.012)


def test_limit_with_another_first_sample() -> None:
    t = np.array([1, 2, 30])
    np.testing.assert_allclose(
        1 - chain_deficit_limit(100, t, first=50, later=50), sqrt_trace_limit(t, 2.0), rtol=1e-12
    )
    mixed = chain_deficit_limit(100, t, first=200, later=50)
    assert mixed[0] == pytest.approx(1 - float(sqrt_trace_limit(1, 0.5)), rel=1e-12)
    # Dimension 50 with degrees of freedom 100 (the old dimension), 200 and 50 t - 50.
    nodes, weights = np.polynomial.legendre.leggauss(200)
    angle, weights = np.pi / 4 * (nodes + 1), np.pi / 4 * weights  # u = sin^2(angle)
    u = np.sin(angle) ** 2
    for x, value in zip(t[1:], mixed[1:], strict=True):
        law = np.cos(angle) ** x * np.sqrt((1 - u / 2) * (1 - u / 4))
        expected = 4 / np.pi * math.sqrt(0.5) * float(law @ weights)
        assert 1 - value == pytest.approx(expected, rel=1e-12)


EDGES = [
    (np.ones(300), np.full(2000, 2999)),
    (np.ones(10), [2**53 - 1] * 3),
    (1 / np.arange(1.0, 11), [2**53 - 1] * 3),
    (np.ones(100), [2] * 1000),
    (1 / np.arange(1.0, 101), [2] * 1000),
    (np.array([1e300, 1e-300, 0.0]), [5] * 10),
    (np.array([1.0, 1e-20]), [5] * 10),
    (np.array([1.0, 1e-14]), [2] * 30),
    (np.array([1e-300, 1e-300, 0.0]), [5] * 10),
    (np.ones(1000), [10**9, 3, 3, 3]),
    (np.append(1.0, np.full(9, 0.9999)), [10**9, 3, 3, 3]),
    (np.append(1.0, np.full(9, 0.01)), [4, 20, 4]),
    (np.ones(3), [10**9, 1, 5]),
]


@pytest.mark.parametrize(("s", "dofs"), EDGES)
def test_edges_are_finite_and_ordered(s: np.ndarray, dofs: list[int]) -> None:
    for e in (mean_sqrt_trace(s, dofs), sqrt_trace_deficit(s, dofs)):
        for field in (e.value, e.lower, e.upper, e.rel_error):
            assert np.isfinite(field).all()
        assert (e.lower <= e.value).all()
        assert (e.value <= e.upper).all()
        assert (e.rel_error >= 0).all()
        width = np.maximum(e.upper - e.value, e.value - e.lower)
        assert (e.rel_error * e.value <= width * (1 + 1e-6) + 1e-13 * e.value).all()


def test_a_million_generations() -> None:
    e = mean_sqrt_trace(np.ones(20), np.full(10**6, 9999))
    with mp.workdps(30):
        phi = c4(9999) ** (10**6)
        floor = mp.sqrt(mp.pi / 2) * mp.sqrt(20) * c4(20)
    assert e.value[-1] == pytest.approx(float(phi * floor), rel=1e-8)
    assert (np.diff(e.value) <= 0).all()


def test_nearly_equal_eigenvalues_give_nearly_equal_answers() -> None:
    s = np.ones(6)
    for k, tolerance in ((20, 1e-6), (3, 0.01)):  # singular: by another approximation
        near = mean_sqrt_trace(s * (1 + 1e-8 * np.arange(6)), [k, k, k]).value
        np.testing.assert_allclose(near, mean_sqrt_trace(s, [k, k, k]).value, rtol=tolerance)


def test_zero_eigenvalues_do_not_count() -> None:
    a = mean_sqrt_trace([2.0, 1.0, 0.0, 0.0], [3, 3])
    b = mean_sqrt_trace([2.0, 1.0], [3, 3])
    np.testing.assert_array_equal(a.value, b.value)


@pytest.mark.parametrize(
    ("s", "dofs", "message"),
    [
        ([-1.0], [2], "eigenvalues must be finite and non-negative"),
        ([0.0], [2], "eigenvalues must have a positive entry"),
        ([1.0], [], "dofs must be a non-empty vector"),
        ([1.0], [0], "dofs must be positive integers"),
        ([1.0], [9e200], "dofs must be at most 9007199254740992"),
        ([1.0], [2.5], "dofs must be positive integers"),
        ([1.0], [math.nan], "dofs must be positive integers"),
    ],
)
def test_mean_sqrt_trace_refuses(s: list[float], dofs: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mean_sqrt_trace(s, dofs)


def test_chain_refuses() -> None:
    with pytest.raises(ValueError, match="generations must be a non-empty vector of t >= 1"):
        chain_deficit([1.0], [0], first=3, later=3)
    with pytest.raises(ValueError, match="later must be at least 1"):
        chain_deficit([1.0], [1], first=3, later=0)
    assert "chain_deficit" in spectrum.__all__
