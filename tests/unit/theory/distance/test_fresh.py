"""E W2^2 of the fresh data loop: second order, known numbers, edges."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from madtheory.loop import (
    Loop,
    UnsupportedLoop,
    fresh_data,
    fully_synthetic,
    synthetic_augmentation,
)
from madtheory.spectrum import baseline
from madtheory.theory import distance
from madtheory.theory.distance import fresh
from madtheory.theory.moments import first_moments, first_moments_limit
from tests.unit.theory.distance.whitened import whitened_moments


@pytest.mark.parametrize(
    ("loop", "s"),
    [
        (fresh_data(40, 60, bias=0.8), [1.0, 1.0, 1.0]),
        (fresh_data(40, 60), [3.0, 1.0, 0.2, 0.0]),
        (fresh_data(15, 5, bias=0.3), [2.0]),
    ],
)
def test_second_order_against_the_sum_over_matrix_entries(loop, s):
    s = np.array(s)
    s = s[s > 0]
    for t in (None, 1, 3, 30):
        M, c, diagonal, off = whitened_moments(loop, len(s), t)
        expected = s.sum() * (M + (1 - np.sqrt(c)) ** 2)
        for (i, a), (j, b) in product(enumerate(s), repeat=2):
            variance = c**2 * (diagonal if i == j else off)
            expected += a * b * variance / (2 * c**1.5 * (a + b))
        if t is None:
            got = distance.w2_squared_second_order_limit(loop, s)
        else:
            got = distance.w2_squared_second_order(loop, s, generations=t)[-1]
        # the direct formulas cancel; the code's centred ones do not
        assert got == pytest.approx(expected, rel=1e-11)


def test_second_order_numbers_of_theory():
    assert distance.w2_squared_second_order_limit(
        fresh_data(2000, 2000, bias=0.5), np.ones(10)
    ) == pytest.approx(0.346277, abs=1e-6)
    # 13.60 with the exact V; 13.55 with the V of theory.md 2.4, which leaves out delta delta^T.
    loop = fresh_data(100, 900, bias=0.9)
    assert distance.w2_squared_second_order_limit(loop, np.ones(100)) == pytest.approx(
        13.6038, abs=1e-4
    )
    n, c = 1000, first_moments_limit(loop).trace
    s = 100 / (n - 0.9 * 900)
    V = 100 * 101 * (100 + (0.9 * s) ** 2 * 900) / n**2 / (1 - (0.9 * 900 / n) ** 2)
    M = 100 * first_moments_limit(loop).mean_sq
    assert M + 100 * (1 - c**0.5) ** 2 + V / (4 * c**1.5) == pytest.approx(13.55, abs=5e-3)
    found = distance.second_order_limit(100, Fraction(100), Fraction(900), Fraction(0.9))
    assert found == pytest.approx(13.6038, abs=1e-4)


def test_value_against_known_simulations():
    # theory.md 2.4, true 13.415 +- .002 and 12.287 +- .007; n_e = 226 +- 2 in 2.5.
    biased = distance.w2_squared_limit(fresh_data(100, 900, bias=0.9), np.ones(100))
    fair = distance.w2_squared_limit(fresh_data(100, 900), np.ones(100))
    assert float(biased.value) == pytest.approx(13.415, rel=2e-3)
    assert float(fair.value) == pytest.approx(12.287, rel=4e-3)
    assert float(biased.rel_error) < 0.05
    assert float(fair.rel_error) < 0.16


def test_divergent_second_moments_fall_back_to_bounds():
    limit = distance.w2_squared_limit(fresh_data(1, 10), np.ones(3))
    # M = 1, C = 2 per unit: between a constant Sigma and a fidelity of 0
    assert float(limit.lower) == pytest.approx(3 * (1 + 3 - 2 * 2**0.5), rel=1e-12)
    assert float(limit.upper) == pytest.approx(12, rel=1e-5)
    reach = max(limit.upper - limit.value, limit.value - limit.lower) / limit.value
    assert float(limit.rel_error) == pytest.approx(float(reach), rel=1e-12)
    path = distance.w2_squared(fresh_data(1, 1), [1.0, 2.0], generations=5000)
    assert np.isfinite(path.value).all()
    assert distance.w2_squared_second_order_limit(fresh_data(1, 10), [1.0]) == np.inf


def test_first_generation_is_the_baseline():
    loop = fresh_data(7, 9, n_initial=12)
    got, one_fit = distance.w2_squared(loop, [2.0, 1.0], generations=2), baseline(12, [2.0, 1.0])
    assert got.value[0] == pytest.approx(float(one_fit.value), rel=1e-13)
    assert got.rel_error[0] == pytest.approx(float(one_fit.rel_error), rel=1e-12)
    # lambda = 0 read literally: the first model is a point at mu_0
    point = fresh_data(7, 9, bias=0.0, first_generation="biased")
    assert distance.w2_squared(point, [2.0, 1.0], generations=2).value[0] == pytest.approx(
        3, rel=1e-14
    )


@pytest.mark.parametrize("n", [10**6, 10**12, 2**52])
def test_digits_survive_huge_counts(n):
    loop = fresh_data(n, n)
    s = np.array([1.0, 2.0, 0.0])
    # leading order: baseline of 3/2 n samples
    expected = (3.0 + (1 + 2 + 2 * 2 / 3) / 2) / (1.5 * n)
    assert float(distance.w2_squared_limit(loop, s).value) == pytest.approx(
        expected, rel=10 / n + 1e-12
    )
    path = distance.w2_squared(loop, s, generations=200).value[-1]
    assert path == pytest.approx(expected, rel=10 / n + 1e-12)


def test_overdispersed_w2_limit_is_infinite():
    loop = Loop(n_initial=5, n_fresh=5, n_synth=50, bias=1.5, allow_overdispersion=True)
    assert float(distance.w2_squared_limit(loop, [1.0]).value) == np.inf
    assert distance.w2_squared_second_order_limit(loop, [1.0]) == np.inf


@pytest.mark.parametrize("first", ["real", "biased"])
def test_skew_and_start_of_early_generations(first):
    loop = fresh_data(6, 9, bias=0.7, n_initial=4, first_generation=first)
    r, q, lam, beta = 6.0, 9.0, 0.7, loop.first_bias
    n = r + q
    a, b, h = r / n, lam * q / n, r * q / (n * (n - 1))
    two = own = beta**2 / 3
    three = beta**3 / 9
    moments = first_moments(loop, 5)
    _, got = fresh.path_parts(loop, 1, 5)
    for t, (M, c) in enumerate(zip(moments.mean_sq, moments.trace, strict=True)):
        assert got.skew[t] == pytest.approx(max(three * c / two**2, 1), rel=1e-12)
        assert got.start[t] == pytest.approx(own / two, rel=1e-12)
        spike = h * M
        three = a**3 / r**2 + b**3 * (three + 3 * c * two / q + c**3 / q**2) + spike**3
        two = a**2 / r + b**2 * (two + c**2 / q) + spike**2
        own = b**2 * own + spike**2
    _, limit = fresh.limit_parts(loop, 1)
    _, long = fresh.path_parts(loop, 1, 500)
    assert long.start[-1] == pytest.approx(float(limit.start), rel=1e-9)
    assert long.skew[-1] == pytest.approx(float(limit.skew), rel=1e-9)


def test_the_second_order_limit_takes_any_real_counts():
    exact = fresh.second_order_limit([1.0, 2.0], Fraction(5), Fraction(7), Fraction(1, 2))
    assert fresh.second_order_limit([1.0, 2.0], 5, 7, 0.5) == exact
    assert fresh.second_order_limit([1.0, 2.0], np.float64(5.0), 7.0, 0.5) == exact
    with pytest.raises(ValueError, match=r"^n_synth must be a finite number above 0.5, got 0.5$"):
        fresh.second_order_limit([1.0], 0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match=r"^n_real must be a finite number above 0, got 0$"):
        fresh.second_order_limit([1.0], 0, 5, 0.5)
    with pytest.raises(ValueError, match=r"^bias must be a finite number of at least 0, got -1$"):
        fresh.second_order_limit([1.0], 5, 5, -1)


def test_the_second_order_path_is_of_fresh_data_alone():
    for loop in (fully_synthetic(10), synthetic_augmentation(10, 5), fresh_data(9, 9, memory=2)):
        with pytest.raises(UnsupportedLoop, match=r"^w2_squared_second_order is computed for"):
            distance.w2_squared_second_order(loop, [1.0], generations=2)
