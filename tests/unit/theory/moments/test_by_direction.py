"""First moments with a spectrum of biases, by the closed forms of the families."""

import numpy as np
import pytest

from madtheory.loop import UnsupportedLoop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.theory import moments

S = np.array([0.5, 3.0, 0.0, 1.0])
BIAS = (1.0, 0.9, 0.3, 0.6)


@pytest.mark.parametrize(
    ("loop", "family"),
    [
        (
            synthetic_augmentation(20, 30, bias=BIAS),
            lambda lam: moments.augmentation_limit(20, 30, bias=lam),
        ),
        (
            fresh_data(20, 30, bias=BIAS, memory=3),
            lambda lam: moments.memory_limit(20, 30, memory=3, bias=lam),
        ),
        (
            fresh_data(20, 30, bias=BIAS),
            lambda lam: moments.memory_limit(20, 30, memory=1, bias=lam),
        ),
        (
            fresh_data(20, 30, bias=BIAS, weight=0.3),
            lambda lam: moments.weighted_limit(20, 30, weight=0.3, bias=lam),
        ),
    ],
)
def test_limits_are_sums_of_the_families_limits(loop, family):
    found = moments.first_moments_limit(loop, eigenvalues=S)
    expected = sum(s * np.array(family(lam)) for s, lam in zip(S, BIAS, strict=True)) / S.sum()
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    path = moments.first_moments(loop, 400, eigenvalues=S)
    np.testing.assert_allclose([x[-1] for x in path], expected, rtol=1e-9)


def test_a_growing_pool_is_a_sum_of_gamma_ratios():
    loop = synthetic_augmentation(20, 30, bias=BIAS, pool="accumulate")
    found = moments.first_moments(loop, 9, eigenvalues=S).trace
    each = [moments.growing_pool_trace(loop.along(k), np.arange(1, 10)) for k in range(4)]
    np.testing.assert_allclose(found, S @ np.array(each) / S.sum(), rtol=1e-12)


def test_directions_keep_the_order_in_which_they_are_given():
    loop = fresh_data(20, 30, bias=BIAS)
    found = moments.first_moments_by_direction(loop, S, generations=5)
    for k, s in enumerate(S):
        one = moments.first_moments(loop.along(k), 5)
        np.testing.assert_allclose(found.trace[:, k], s * one.trace, rtol=1e-13)
        np.testing.assert_allclose(found.mean_sq[:, k], s * one.mean_sq, rtol=1e-13)
    total = moments.first_moments(loop, 5, eigenvalues=S)
    np.testing.assert_allclose(found.trace.sum(axis=1) / S.sum(), total.trace, rtol=1e-12)
    np.testing.assert_allclose(found.mean_sq.sum(axis=1) / S.sum(), total.mean_sq, rtol=1e-12)


def test_the_slowest_direction_is_what_is_forgotten_last():
    loop = fresh_data(20, 30, bias=BIAS)
    rates = [moments.forgetting_rate(loop.along(k)) for k in range(4)]
    assert moments.forgetting_rate(loop) == max(rates)
    assert moments.forgetting_status(fresh_data(15, 12, ddof=0, bias=(1.0, 0.5))) == "bound"
    assert moments.forgetting_status(fresh_data(15, 12, ddof=0, bias=(0.9, 0.5))) == "exact"


def test_what_needs_one_bias_says_so():
    loop = fresh_data(20, 30, bias=BIAS)
    with pytest.raises(UnsupportedLoop, match="need the eigenvalues of Sigma_0, got None"):
        moments.first_moments(loop, 3)
    with pytest.raises(UnsupportedLoop, match="need the eigenvalues"):
        moments.first_moments_limit(loop)
    for ask in (
        lambda: moments.second_moments(loop, 4, generations=2),
        lambda: moments.second_moment_radius(loop, 4),
        lambda: moments.second_moments_limit(fresh_data(20, 30, bias=BIAS, memory=2), 4),
        lambda: moments.first_moment_map(loop),
    ):
        with pytest.raises(UnsupportedLoop, match="one bias in all directions only"):
            ask()
    shrunk = fully_synthetic(9, bias=BIAS, floor=0.1)
    with pytest.raises(UnsupportedLoop, match="floor = 0 only"):
        moments.first_moments_by_direction(shrunk, S, generations=2)
