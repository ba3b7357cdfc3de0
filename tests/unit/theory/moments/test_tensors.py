"""Second moments of every loop: quadrature, earlier results, closed forms, limits."""

from itertools import pairwise

import numpy as np
import pytest

from madtheory.loop import (
    Loop,
    UnsupportedLoop,
    fresh_data,
    fully_synthetic,
    synthetic_augmentation,
)
from madtheory.theory import collapse
from madtheory.theory.moments import (
    second_moment_radius,
    second_moments,
    second_moments_limit,
    tensors,
)
from madtheory.theory.moments.second import invariant_limit, invariant_path
from madtheory.theory.moments.tensors import exact_radius
from tests.unit.theory.moments.quadrature import by_quadrature

SMALL = [
    (1, 3, Loop(n_initial=2, n_fixed=2, n_synth=2, bias=0.7)),
    (1, 3, Loop(n_initial=3, n_fixed=2, n_fresh=1, n_synth=2, bias=0.9, ddof=0)),
    (1, 3, Loop(n_initial=2, n_fixed=4, n_synth=2, bias=0.8, pool="accumulate")),
    (1, 3, Loop(n_initial=2, n_fixed=1, n_fresh=1, n_synth=2, weight=0.3, bias=0.6)),
    (1, 3, Loop(n_initial=2, n_fixed=1, n_fresh=1, n_synth=2, weight=0.3, pool="accumulate")),
    (1, 3, Loop(n_initial=2, n_fixed=2, n_synth=2, bias=0.5, first_generation="biased")),
    (1, 4, Loop(n_initial=2, n_synth=2, pool="accumulate", floor=0.1)),
    (2, 3, Loop(n_initial=2, n_fixed=2, n_synth=2, bias=0.7)),
    (2, 2, Loop(n_initial=2, n_fixed=3, n_synth=2, bias=0.7, shrinkage=0.3, floor=0.2)),
    (2, 3, Loop(n_initial=2, n_fixed=2, n_synth=1, bias=0.7, shrinkage=0.3, floor=0.2)),
    (2, 2, Loop(n_initial=2, n_fixed=1, n_fresh=1, n_synth=2, weight=0.4, shrinkage=0.5)),
    (2, 3, Loop(n_initial=2, n_fixed=2, n_synth=1, pool="accumulate", bias=0.8)),
]


@pytest.mark.parametrize(("dim", "generations", "loop"), SMALL)
def test_every_kind_of_loop_agrees_with_quadrature_over_all_its_samples(dim, generations, loop):
    expected = by_quadrature(loop, dim, generations)
    found = [x[-1] for x in invariant_path(loop, dim, generations=generations)]
    np.testing.assert_allclose(found, expected, rtol=1e-11)


FRESH = [
    fresh_data(10, 30, bias=0.7),
    fresh_data(2, 10),
    fresh_data(100, 900, bias=0.9, n_initial=7),
    fresh_data(1, 1, bias=0.0),
    fresh_data(3, 5, bias=0.5, first_generation="biased"),
]


@pytest.mark.parametrize("loop", FRESH)
@pytest.mark.parametrize("dim", [1, 2, 30])
def test_fresh_loop_agrees_with_its_own_map(loop, dim):
    expected = second_moments(loop, dim, generations=40)
    found = np.array(invariant_path(loop, dim, generations=40)).T
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(exact_radius(loop, dim), second_moment_radius(loop, dim), rtol=1e-10)
    expected = second_moments_limit(loop, dim)
    # The linear solve loses what 1 - radius does: 13 digits are left here.
    np.testing.assert_allclose(invariant_limit(loop, dim), expected, rtol=1e-12)


def test_no_limit_where_the_radius_exceeds_one():
    assert exact_radius(fresh_data(1, 10), 2) > 1
    assert invariant_limit(fresh_data(1, 10), 2) is None
    assert invariant_limit(fully_synthetic(10, bias=0.5), 2) is None
    assert invariant_limit(fresh_data(10, 10, memory=None), 2) is None
    assert invariant_limit(fresh_data(1, 10, memory=2), 2) is None


@pytest.mark.parametrize(
    "loop",
    [
        fully_synthetic(8, bias=0.9, n_initial=5),
        fully_synthetic(4),
        fully_synthetic(6, bias=0.5, first_generation="biased", ddof=0),
    ],
)
@pytest.mark.parametrize("dim", [1, 3])
def test_fully_synthetic_loop_agrees_with_collapse(loop, dim):
    s = np.ones(dim)
    found = invariant_path(loop, dim, generations=200)
    for name, function in [
        ("mean_sq", collapse.mean_walk),
        ("trace", collapse.mean_trace),
        ("trace_squared", collapse.mean_trace_squared),
        ("squared_trace", collapse.mean_squared_trace),
    ]:
        expected = function(loop, s, generations=200)
        np.testing.assert_allclose(getattr(found, name), expected, rtol=1e-11)


@pytest.mark.parametrize(("n_r", "n_s", "bias"), [(10, 20, 0.9), (5, 3, 1.0), (50, 400, 0.3)])
def test_fixed_set_has_the_stated_first_moments(n_r, n_s, bias):
    dim, n = 3, n_r + n_s
    x = invariant_limit(synthetic_augmentation(n_r, n_s, bias=bias), dim)
    D = x.mean_sq - dim / n_r
    np.testing.assert_allclose(D, (n_s / n) ** 2 * (D + bias * x.trace / n_s), rtol=1e-10)
    between = n_r * n_s / n * (D + bias * x.trace / n_s)
    right = (n_r - 1) * dim + (n_s - 1) * bias * x.trace + between
    np.testing.assert_allclose((n - 1) * x.trace, right, rtol=1e-12)


@pytest.mark.parametrize("bias", [0.6, 1.0])
def test_growing_pool_has_the_stated_first_moments(bias):
    n, dim = 8, 2
    x = invariant_path(
        synthetic_augmentation(n, n, bias=bias, pool="accumulate"), dim, generations=9
    )
    for t, (before, after) in enumerate(pairwise(x.trace), start=1):
        N = n * t
        factor = ((N - 1) + bias * (n - 1 + N / (N + n))) / (N + n - 1)
        np.testing.assert_allclose(after, before * factor, rtol=1e-13)
    steps = bias * n * x.trace[:-1] / (n * np.arange(2, 10)) ** 2
    np.testing.assert_allclose(np.diff(x.mean_sq), steps, rtol=1e-11)


def test_one_fixed_pair_and_a_constant_synthetic_sample_by_hand():
    # bias 0: the synthetic sample is the mean of the pair, so Sigma = (x - y)^2/4.
    x = invariant_path(Loop(n_initial=2, n_fixed=2, n_synth=1, bias=0.0), 1, generations=5)
    by_hand = [1 / 2, 1 / 2, 3 / 4, 1 / 4, 1 / 4, 3 / 4, 3 / 4]
    np.testing.assert_allclose([v[-1] for v in x], by_hand, rtol=1e-13)


STATIONARY = [
    Loop(n_initial=9, n_fixed=6, n_fresh=3, n_synth=5, bias=0.9, weight=0.4, shrinkage=0.3),
    Loop(n_initial=9, n_fixed=6, n_synth=12, floor=0.1, shrinkage=0.2, ddof=0),
    synthetic_augmentation(6, 9, bias=0.9),
    fresh_data(40, 60, bias=0.9, memory=3),
    synthetic_augmentation(40, 60, bias=1.0, memory=7),
    Loop(
        n_initial=10, n_fixed=10, n_fresh=5, n_synth=15, pool="accumulate", pool_cap=3, memory=2,
        bias=0.9, shrinkage=0.2, weight=0.4,
    ),
]  # fmt: skip


@pytest.mark.parametrize("loop", STATIONARY)
@pytest.mark.parametrize("dim", [1, 4])
def test_limit_is_where_the_path_ends(loop, dim):
    path = invariant_path(loop, dim, generations=600)
    np.testing.assert_allclose([x[-1] for x in path], invariant_limit(loop, dim), rtol=1e-10)


@pytest.mark.parametrize("loop", [STATIONARY[0], STATIONARY[2]])
def test_path_by_powers_is_the_path_step_by_step(loop):
    for origin in (0.0, 1.0):
        by_steps = tensors._iterated(loop, 3, 12, origin)
        np.testing.assert_allclose(tensors._mapped(loop, 3, 12, origin), by_steps, rtol=1e-11)


@pytest.mark.parametrize(
    "loop",
    [synthetic_augmentation(6, 9, bias=0.9), synthetic_augmentation(6, 4, pool="accumulate")],
)
def test_deviations_from_the_identity_are_those_of_the_invariants(loop):
    d, T = 3, 6
    about_zero, about_one = (tensors.exact_path(loop, d, T, x).T for x in (0.0, 1.0))
    M, C, M2, MC, sandwich, square, of_square = about_zero
    shifted = [M, C - d, M2, MC - d * M, sandwich - M]
    shifted += [square - 2 * d * C + d * d, of_square - 2 * C + d]
    np.testing.assert_allclose(about_one, shifted, rtol=1e-12, atol=1e-12)


def test_overflow_is_infinite_and_first_moments_stay_finite():
    x = invariant_path(fully_synthetic(4), 2, generations=5000)
    assert np.isinf(x.trace_squared[-1])
    np.testing.assert_allclose(x.trace, 2.0, rtol=1e-10)


def test_unsupported_loops_say_so_in_one_sentence():
    loop = synthetic_augmentation(6, 9, pool="accumulate", budget=10)
    with pytest.raises(UnsupportedLoop, match="second_moments is computed without a budget"):
        invariant_path(loop, 2, generations=3)
    with pytest.raises(UnsupportedLoop, match="memory 1 and pool = replace only, got memory 2"):
        exact_radius(fresh_data(5, 5, memory=2), 1)
    with pytest.raises(ValueError, match="dim must be at least 1, got 0"):
        invariant_path(fresh_data(5, 5), 0, generations=3)
