"""Moments of the fresh data loop, in exact and in plain arithmetic."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest

from madtheory.loop import (
    Loop,
    UnsupportedLoop,
    fresh_data,
    fully_synthetic,
    synthetic_augmentation,
)
from madtheory.theory.moments import (
    first_moment_map,
    first_moments,
    first_moments_limit,
    forgetting_rate,
    forgetting_status,
    second_moment_map,
    second_moment_radius,
    second_moments,
    second_moments_limit,
)
from madtheory.theory.moments.fresh import is_moment_vector

LOOPS = [
    fresh_data(100, 900, bias=0.9),
    fresh_data(7, 3, bias=0.5, n_initial=4),
    fresh_data(2, 10, n_initial=50, first_generation="biased"),
    fresh_data(3, 1, bias=0.0),
    fresh_data(1, 5, bias=0.7),
    fresh_data(20, 30, bias=0.8, first_generation="biased"),
]


def by_hand(loop, generations):
    """theory.md 2.2 iterated in fractions, per unit of tr Sigma_0."""
    r, s, lam = Fraction(loop.n_fresh), Fraction(loop.n_synth), Fraction(loop.bias)
    n, beta = r + s, Fraction(loop.first_bias)
    M, C = beta / loop.n_initial, beta
    rows = [(M, C)]
    for _ in range(generations - 1):
        mixed = (r + s * lam * C) / n
        M, C = (s / n) ** 2 * M + mixed / n, mixed + r * s / (n * (n - 1)) * M
        rows.append((M, C))
    return np.array([[float(x) for x in row] for row in rows])


@pytest.mark.parametrize("loop", LOOPS)
def test_first_moments_follow_the_recursion(loop):
    path = first_moments(loop, 30)
    expected = by_hand(loop, 30)
    np.testing.assert_allclose(path.mean_sq, expected[:, 0], rtol=1e-12)
    np.testing.assert_allclose(path.trace, expected[:, 1], rtol=1e-12)


@pytest.mark.parametrize("loop", LOOPS)
def test_first_limit_solves_the_two_equations(loop):
    limit = first_moments_limit(loop)
    r, s, lam = loop.n_fresh, loop.n_synth, loop.bias
    n = r + s
    # Cramer's rule on theory.md 2.2.
    a, b, c, e = 1 - (s / n) ** 2, -lam * s / n**2, -r * s / (n * (n - 1)), 1 - lam * s / n
    det = a * e - b * c
    assert limit.mean_sq == pytest.approx((r / n**2 * e - b * r / n) / det, rel=1e-12)
    assert limit.trace == pytest.approx((a * r / n - c * r / n**2) / det, rel=1e-12)


def test_one_real_sample_unbiased_has_the_closed_limit_one_and_two():
    for n_synth in (1, 10, 10**9, 2**53 - 1):
        limit = first_moments_limit(fresh_data(1, n_synth))
        assert (limit.mean_sq, limit.trace) == (1.0, 2.0)


@pytest.mark.parametrize("loop", LOOPS)
def test_forgetting_rate_is_the_spectral_radius_and_is_seen_in_the_path(loop):
    rate = forgetting_rate(loop)
    A, _ = first_moment_map(loop)
    assert rate == pytest.approx(np.abs(np.linalg.eigvals(A)).max(), rel=1e-12)
    gap = first_moments(loop, 40).trace - first_moments_limit(loop).trace
    if abs(gap[12]) > 1e-9:
        assert gap[12] / gap[11] == pytest.approx(rate, rel=0.02)


def test_forgetting_of_n_initial():
    near, far = (fresh_data(100, 900, n_initial=n) for n in (10, 10**6))
    difference = first_moments(near, 500).mean_sq - first_moments(far, 500).mean_sq
    assert difference[0] > 0.09
    assert abs(difference[-1]) < forgetting_rate(near) ** 499


def differences(loop, generations):
    """How the first moments of two starts differ, relative to the step before."""
    paths = [
        first_moments(dataclasses.replace(loop, n_initial=n), generations).mean_sq for n in (9, 70)
    ]
    gap = paths[0] - paths[1]
    return gap[1:] / gap[:-1]


@pytest.mark.parametrize(
    "loop",
    [
        fresh_data(15, 12),
        fresh_data(15, 12, bias=0.8, ddof=0),
        Loop(n_initial=9, n_fixed=8, n_fresh=2, n_synth=30, bias=0.9),
        synthetic_augmentation(5, 6, bias=0.9),
        fresh_data(15, 12, memory=2),
        fresh_data(15, 12, weight=0.4),
    ],
)
def test_n_initial_is_forgotten_at_the_rate(loop):
    assert forgetting_status(loop) == "exact"
    # Faster parts are in it too; the slowest of them falls by .9 of the rate a generation.
    T = 28 if loop.n_fixed else 15
    assert differences(loop, T)[-1] == pytest.approx(forgetting_rate(loop), rel=0.02)


@pytest.mark.parametrize(
    "extra", [{}, {"memory": 3}, {"weight": 0.4}, {"shrinkage": 0.3, "floor": 0.1}]
)
def test_maximum_likelihood_at_bias_one_forgets_n_initial_faster(extra):
    # Not beside a fixed set: the first mean's covariance with the set's has the radius too.
    loop = Loop(n_initial=9, n_fresh=15, n_synth=12, ddof=0, **extra)
    assert forgetting_status(loop) == "bound"
    assert np.abs(differences(loop, 12)[-3:]).max() < 0.8 * forgetting_rate(loop)
    # What is behind it: the sum is the same for every start.
    near, far = (first_moments(dataclasses.replace(loop, n_initial=n), 8) for n in (9, 70))
    np.testing.assert_allclose(near.mean_sq + near.trace, far.mean_sq + far.trace, rtol=1e-13)


def test_as_many_fixed_as_fresh_samples_forget_n_initial_faster():
    loop = Loop(n_initial=9, n_fixed=2, n_fresh=2, n_synth=4)
    assert forgetting_status(loop) == "bound"
    np.testing.assert_allclose(differences(loop, 20), 0.5, rtol=1e-3)
    assert forgetting_rate(loop) > 0.55


def test_the_true_rate_at_maximum_likelihood_and_bias_one():
    loop = fresh_data(15, 12, ddof=0)
    assert forgetting_rate(loop) == pytest.approx(12 / 27, rel=1e-12)
    np.testing.assert_allclose(differences(loop, 8), 12 * 11 / 27**2, rtol=1e-9)


@pytest.mark.parametrize(
    ("n_real", "n_synth", "radius"), [(1, 1, 1.5625), (1, 100, 1.008), (2, 10, 0.923)]
)
def test_radius_is_the_growth_of_second_moments(n_real, n_synth, radius):
    loop = fresh_data(n_real, n_synth)
    got = second_moment_radius(loop, 4)
    assert got == pytest.approx(radius, abs=6e-4)  # theory.md 2.2 and 2.3 to the digits given
    steps = np.diff(second_moments(loop, 4, generations=1200)[:, 6])[: 1000 if n_real == 1 else 150]
    assert steps[-1] / steps[-2] == pytest.approx(got, rel=1e-4)


@pytest.mark.parametrize("n_synth", [1, 10, 100, 10**6, 10**9, 2**53 - 1])
def test_second_moments_diverge_with_one_real_sample_only(n_synth):
    assert second_moments_limit(fresh_data(1, n_synth), 3) is None
    assert second_moments_limit(fresh_data(2, n_synth), 3) is not None


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("dim", [1, 3, 100])
def test_second_moments_step_by_step_and_limit(loop, dim):
    A, b = second_moment_map(loop, dim)
    path = second_moments(loop, dim, generations=25)
    x = path[0]
    for row in path:
        np.testing.assert_allclose(row, x, rtol=1e-12)
        x = A @ x + b
    limit = second_moments_limit(loop, dim)
    np.testing.assert_allclose(limit, A @ limit + b, rtol=1e-10)  # solved without rounding
    if second_moment_radius(loop, dim) < 0.9:
        long = second_moments(loop, dim, generations=2000)[-1]
        np.testing.assert_allclose(long, limit, rtol=1e-10)
    first = first_moments_limit(loop)
    np.testing.assert_allclose(limit[:2], [dim * first.mean_sq, dim * first.trace], rtol=1e-12)


def test_first_model():
    # d + 2 over d, and E tr W^2 = d + d(d+1)/k, for k = n - 1 degrees of freedom.
    loop = fresh_data(5, 8, bias=0.5, n_initial=11, first_generation="biased")
    got = second_moments(loop, 3, generations=1)[0]
    M, C = 0.5 * 3 / 11, 0.5 * 3
    expected = [M, C, M**2 * 5 / 3, M * C, M * 0.5, 0.25 * (9 + 6 / 10), 0.25 * (3 + 12 / 10)]
    np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_no_bias_left_at_lambda_zero():
    # lambda = 0: Sigma' = (A + c delta delta^T)/(n-1) with delta ~ N(-mu, I/n_r).
    limit = first_moments_limit(fresh_data(4, 6, bias=0.0))
    M = 4 / 100 / (1 - 0.36)
    assert limit.mean_sq == pytest.approx(M, rel=1e-12)
    assert limit.trace == pytest.approx(0.4 + 24 / 90 * M, rel=1e-12)


def test_overflow_stays_in_the_second_moments():
    path = second_moments(fresh_data(1, 1), 2, generations=10**6)
    np.testing.assert_allclose(path[-1, :2], [2, 4], rtol=1e-12)
    assert np.isinf(path[-1, 2:]).all()
    assert not np.isnan(path).any()


def test_overdispersed_limit_does_not_exist():
    loop = Loop(n_initial=5, n_fresh=5, n_synth=50, bias=1.5, allow_overdispersion=True)
    limit = first_moments_limit(loop)
    assert (limit.mean_sq, limit.trace) == (np.inf, np.inf)


def test_refusals():
    with pytest.raises(UnsupportedLoop, match="fresh data loop only"):
        first_moment_map(fully_synthetic(5))
    with pytest.raises(ValueError, match="generations must be at least 1, got 0"):
        first_moments(LOOPS[0], 0)
    with pytest.raises(ValueError, match="dim must be at least 1, got 0"):
        second_moments_limit(LOOPS[0], 0)


def test_moment_vectors_obey_jensen_and_cauchy():
    # Constant |mu|^2 = 2, Sigma = diag(2, 1): the seven invariants of one point.
    good = [Fraction(x) for x in (2, 3, 4, 6, 3, 9, 5)]
    assert is_moment_vector(good, 2)
    for i, value in ((2, 3), (5, 8), (6, 10), (6, 4), (4, -1)):
        bad = [Fraction(value) if j == i else x for j, x in enumerate(good)]
        assert not is_moment_vector(bad, 2), (i, value)
