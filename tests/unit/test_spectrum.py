"""High-dimension limits and the mean of tr Sigma^(1/2), against mpmath and other routes."""

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
    moment_limit,
    sqrt_trace_deficit,
    sqrt_trace_limit,
    sqrt_trace_limit_small_ratio,
)

RATIOS = (1e-9, 1e-3, 0.3, 0.999, 1.0, 1.001, 2.0, 8.0, 1e5)


def c4(dof: int) -> mp.mpf:
    """E sqrt(chi2_dof / dof)."""
    k = mp.mpf(dof)
    return mp.sqrt(2 / k) * mp.gammaprod([(k + 1) / 2], [k / 2])


def limit_2f1(t: int, ratio: float) -> mp.mpf:
    """Both branches of theory.md 5.1 as printed there."""
    g, s = mp.mpf(ratio), mp.mpf(t) / 2
    if ratio <= 1:
        return mp.hyp2f1(0.5, -s, 2, g)
    front = 2 / mp.sqrt(g * mp.pi) * mp.gammaprod([s + 1], [s + 1.5])
    return front * mp.hyp2f1(-0.5, 0.5, s + 1.5, 1 / g)


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", RATIOS)
def test_sqrt_trace_limit_is_the_hypergeometric_function(ratio: float) -> None:
    t = [1, 2, 3, 10, 57, 1000]
    with mp.workdps(40):
        expected = [float(limit_2f1(x, ratio)) for x in t]
    np.testing.assert_allclose(sqrt_trace_limit(t, ratio), expected, rtol=1e-12)


@pytest.mark.parametrize("ratio", [1e-6, 0.3, 1.0])
def test_sqrt_trace_limit_at_a_million_generations(ratio: float) -> None:
    # (4/pi) int (1 - v^2)^{1/2} (1 - ratio v^2)^{t/2} dv, u = v^2: the 2F1 series is hopeless here.
    t = 10**6
    with mp.workdps(30):
        end = min(mp.mpf(1), 20 / mp.sqrt(t * mp.mpf(ratio)))
        points = mp.linspace(0, end, 12)
        tail = lambda v: mp.sqrt(1 - v * v) * (1 - ratio * v * v) ** (t // 2)  # noqa: E731
        expected = 4 / mp.pi * mp.quad(tail, points)
    np.testing.assert_allclose(sqrt_trace_limit(t, ratio), float(expected), rtol=1e-12)


@pytest.mark.parametrize("t", [1, 2, 9, 500])
def test_sqrt_trace_limit_is_continuous_where_the_branches_meet(t: int) -> None:
    below, at, above = (float(sqrt_trace_limit(t, 1 + e)) for e in (-1e-9, 0, 1e-9))
    assert below > at > above
    assert below - above == pytest.approx(0, abs=1e-8 * math.sqrt(t) * at)


def test_quarter_circle_law_and_two_generations() -> None:
    assert float(sqrt_trace_limit(1, 1.0)) == pytest.approx(8 / (3 * math.pi), rel=1e-13)
    # t = 2: 1 - ratio/4 for ratio <= 1 (the series ends).
    np.testing.assert_allclose(sqrt_trace_limit(2, 0.4), 0.9, rtol=1e-13)
    assert float(sqrt_trace_limit(0, 3.0)) == 1.0


def test_small_ratio_limit() -> None:
    x = np.array([0.0, 1e-3, 1.0, 15.0, 1e3, 1e6])
    with mp.workdps(30):
        expected = [
            float(mp.exp(-z) * (mp.besseli(0, z) + mp.besseli(1, z)))
            for z in (mp.mpf(float(v)) / 4 for v in x)
        ]
    np.testing.assert_allclose(sqrt_trace_limit_small_ratio(x), expected, rtol=1e-12)
    for v, e in zip(x[1:4], expected[1:4], strict=True):
        # t = x / ratio -> infinity: the difference is O(ratio).
        assert float(sqrt_trace_limit(10**6, v * 1e-6)) == pytest.approx(e, rel=1e-4)
    assert expected[-1] == pytest.approx(math.sqrt(8 / math.pi / 1e6), rel=1e-6)
    with pytest.raises(ValueError, match="x must be non-negative"):
        sqrt_trace_limit_small_ratio(-1.0)


@pytest.mark.parametrize("power", [0.1, 0.5, 0.9, 1.5, 2.5])
@pytest.mark.parametrize("ratio", [0.01, 0.7])
def test_fractional_moments_continue_the_integer_ones(power: float, ratio: float) -> None:
    t = [1, 2, 5, 40]
    with mp.workdps(40):
        k = mp.mpf(power)
        expected = [float(mp.hyp2f1(1 - k, -k * x, 2, ratio)) for x in t]
    np.testing.assert_allclose(moment_limit(power, t, ratio), expected, rtol=1e-11)


@pytest.mark.parametrize("ratio", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("power", [1, 2, 3, 6])
def test_integer_moments_are_sums_of_binomials(power: int, ratio: float) -> None:
    for t in (0, 1, 3, 50):
        expected = sum(
            math.comb(power, j + 1) * math.comb(t * power, j) * ratio**j for j in range(power)
        )
        value = float(moment_limit(power, t, ratio))
        assert value == pytest.approx(expected / power, rel=1e-12)


def test_fuss_catalan_numbers_and_overflow() -> None:
    # ratio = 1: C((t+1)k, k) / (tk + 1).
    assert float(moment_limit(3, 2, 1.0)) == pytest.approx(math.comb(9, 3) / 7)
    assert float(moment_limit(400, 10**6, 1e6)) == math.inf


@pytest.mark.parametrize("power", [0.25, 0.5, 0.8])
def test_moment_past_ratio_one_by_swapping_dimension_and_sample(power: float) -> None:
    # X (d x m): (1/d) tr (XX'/m)^s = (m/d) (d/m)^s (1/m) tr (X'X/d)^s.
    for ratio in (1.5, 20.0):
        swapped = ratio ** (power - 1) * float(moment_limit(power, 1, 1 / ratio))
        assert float(moment_limit(power, 1, ratio)) == pytest.approx(swapped, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1, 0.5), "power must be a finite number in"),
        ((math.nan, 1, 0.5), "power"),
        ((2, -1, 0.5), "generations must be non-negative integers"),
        ((2, 1.5, 0.5), "generations must be non-negative integers"),
        ((2, 1, -0.5), "ratio"),
        ((1.5, 1, 1.5), "ratio must be below 1 for power = 1.5"),
        ((1.5, 2000, 0.5), "generations must be at most 1000 for power = 1.5"),
    ],
)
def test_moment_limit_refuses(arguments: tuple[float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        moment_limit(*arguments)


# --- finite size: exact cases -------------------------------------------------------------------


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
    assert estimate.lower[0] <= exact <= estimate.upper[0]
    assert abs(estimate.value[0] / exact - 1) <= estimate.rel_error[0]
    assert estimate.rel_error[0] < 0.023


# --- finite size: laws --------------------------------------------------------------------------


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


def moments_by_recursion(dim: int, k: int, t: int) -> tuple[float, float, float]:
    """E tr W^j / dim, j = 1, 2, 3, by the map of (p3, p2 p1, p1^3) under one Wishart factor."""
    step3 = (
        np.array(
            [
                [k * k + 3 * k + 4, 3 * (k + 1), 1],
                [4 * (k + 1), k * k + k + 4, k],
                [8, 6 * k, k * k],
            ]
        )
        / k**2
    )
    step2 = np.array([[k + 1, 1], [2, k]]) / k
    third = np.linalg.matrix_power(step3, t) @ [dim, dim**2, dim**3]
    second = np.linalg.matrix_power(step2, t) @ [dim, dim**2]
    return 1.0, second[0] / dim, third[0] / dim


@pytest.mark.parametrize(("dim", "k", "t"), [(2, 7, 1), (4, 9, 3), (20, 300, 6)])
def test_upper_bound_is_the_two_point_rule_of_three_moments(dim: int, k: int, t: int) -> None:
    m1, m2, m3 = moments_by_recursion(dim, k, t)
    # Nodes: roots of the second orthogonal polynomial.
    a, b = np.linalg.solve([[1, m1], [m1, m2]], [-m2, -m3])
    nodes = np.roots([1, b, a])
    weights = np.linalg.solve(np.vander(nodes, increasing=True).T, [1, m1])
    expected = dim * float(weights @ np.sqrt(nodes))
    upper = mean_sqrt_trace(np.ones(dim), [k] * t).upper[-1]
    assert upper == pytest.approx(expected, rel=1e-9)  # the code leaves 1e-9 for rounding


@pytest.mark.parametrize("s", [np.ones(6), 1 / np.arange(1.0, 7)])
def test_bounds_are_the_ones_of_the_docstring(s: np.ndarray) -> None:
    k, t = 50, 3
    e = mean_sqrt_trace(s, [k] * t)
    with mp.workdps(30):
        phi = float(c4(k) ** t)
        triangle = sum(
            x * float((mp.sqrt(mp.mpf(k - i) / k) * c4(k - i)) ** t) for i, x in enumerate(s)
        )
    assert e.lower[-1] == pytest.approx(triangle, rel=1e-12)
    assert e.upper[-1] <= s.sum() * phi * (1 + 1e-12)
    if s[0] != s[-1]:
        assert e.upper[-1] == pytest.approx(s.sum() * phi, rel=1e-12)
    # theory.md 1.7: the determinant bound, which the triangle beats.
    index = np.arange(6)
    halves = [mp.mpf(k - int(i)) / 2 for i in index]
    power = mp.mpf(1) / 12
    factors = [mp.gammaprod([h + power], [h]) * (mp.mpf(2) / k) ** power for h in halves]
    if s[0] == s[-1]:
        assert 6 * float(mp.fprod(factors)) ** t < triangle


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


# --- finite size: edges -------------------------------------------------------------------------

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
