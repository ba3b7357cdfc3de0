"""Closed forms of the families against the general system, and against the paper's own limits."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from madtheory.loop import fresh_data, synthetic_augmentation
from madtheory.theory import moments
from madtheory.theory.moments.first import moment_limit

SIZES = [(5, 7, 1.0), (100, 900, 0.9), (20, 3, 0.3), (2, 40, 0.5), (30, 30, 0.0)]


@pytest.mark.parametrize(("n_r", "n_s", "bias"), SIZES)
def test_families_are_the_general_system(n_r: int, n_s: int, bias: float) -> None:
    pairs = [
        (
            moments.augmentation_limit(n_r, n_s, bias=bias),
            synthetic_augmentation(n_r, n_s, bias=bias),
        ),
        (
            moments.memory_limit_all(n_r, n_s, bias=bias),
            fresh_data(n_r, n_s, bias=bias, memory=None),
        ),
    ]
    for K in (1, 2, 3, 12):
        closed = moments.memory_limit(n_r, n_s, memory=K, bias=bias)
        # (memory 1 has a rational route of its own, so the system is asked directly.)
        pairs.append((closed, fresh_data(n_r, n_s, bias=bias, memory=K)))
    for w in (0.05, 0.3, 1.0 - 1e-3):
        closed = moments.weighted_limit(n_r, n_s, weight=w, bias=bias)
        pairs.append((closed, fresh_data(n_r, n_s, bias=bias, weight=w)))
    for closed, loop in pairs:
        # Yule-Walker with a gap of 1e-3 costs three digits.
        np.testing.assert_allclose(moment_limit(loop), closed, rtol=1e-12 if bias < 1 else 1e-10)


def test_numbers_of_the_theory_page() -> None:
    # 3.2: E tr S falls slightly, 2 -> 1.865 at d = 2, n = 8, t = 8.
    pool = synthetic_augmentation(8, 8, pool="accumulate")
    assert 2 * moments.growing_pool_trace(pool, 8) == pytest.approx(1.865, abs=5e-4)
    # ... and to leading order the mean is worth 6/pi^2 of n.
    big = synthetic_augmentation(10**7, 10**7, pool="accumulate")
    assert 1e7 * moments.growing_pool_limit(big).mean_sq == pytest.approx(math.pi**2 / 6, rel=3e-7)
    # 3.1: n_e/n_r between 2/3 and 1.
    limit = moments.augmentation_limit(10**7, 10**9)
    gain = 1 / (1e7 * limit.mean_sq)
    assert gain == pytest.approx(moments.augmentation_gain_leading(10**7, 10**9), rel=1e-5)
    # 2.8: K -> infinity is worth n.
    every = moments.memory_limit_all(10**6, 10**7)
    assert 1 / every.mean_sq == pytest.approx(1.1e7, rel=1e-5)
    # 2.9: golden ratio.
    assert moments.golden_weight(3, 3) == pytest.approx((math.sqrt(5) - 1) / 2, rel=1e-15)


@pytest.mark.parametrize("k", [0.01, 0.3, 1.0, 20.0])
def test_the_golden_weight_minimises_the_mean_part(k: float) -> None:
    n_s = 10**8
    n_r = round(k * n_s)
    best = minimize_scalar(
        lambda w: moments.weighted_limit(n_r, n_s, weight=w).mean_sq * n_r,
        bounds=(1e-6, 1 - 1e-6),
        method="bounded",
        options={"xatol": 1e-10},
    )
    # A minimum is located to the square root of rounding.
    assert best.x == pytest.approx(moments.golden_weight(n_r, n_s), abs=1e-6)
    assert best.fun == pytest.approx(moments.golden_weight(n_r, n_s), rel=1e-6)


def test_the_leading_gain_of_augmentation_is_a_ratio_of_counts() -> None:
    assert moments.augmentation_gain_leading(1, 1) == 0.75
    assert moments.augmentation_gain_leading(6, 2) == pytest.approx(10 / 12, rel=1e-15)


def test_weights_down_to_the_smallest_float() -> None:
    small, least = (moments.weighted_limit(5, 7, weight=w, bias=0.8) for w in (1e-250, 5e-324))
    assert least.mean_sq == pytest.approx(small.mean_sq, rel=1e-12)
    assert least.trace == 5e-324 * (small.trace / 1e-250)
    assert moments.weighted_limit(5, 7, weight=5e-324).mean_sq == math.inf
