"""Memories and capped pools: quadrature over all samples, other routes, limits, radii."""

import dataclasses
import functools

import numpy as np
import pytest
from scipy import optimize

from madtheory.loop import Loop, UnsupportedLoop, fresh_data, synthetic_augmentation
from madtheory.theory.moments import (
    at_rest,
    second,
    second_moment_radius,
    second_moments,
    second_moments_limit,
    second_moments_rel_error,
    several,
    tensors,
)
from madtheory.theory.moments.second import invariant_path
from tests.unit.theory.moments.quadrature import by_quadrature

PAIR = {"n_initial": 2, "n_fixed": 2, "bias": 0.7}
POOL = {"pool": "accumulate", "n_synth": 1}
SMALL = [
    (1, 3, Loop(**PAIR, n_synth=2, memory=2)),
    (1, 4, Loop(**PAIR, n_synth=2, memory=2)),
    (1, 4, Loop(**PAIR, n_synth=2, memory=3, ddof=0, floor=0.1)),
    (1, 4, Loop(**PAIR, n_synth=2, memory=None)),
    (1, 3, Loop(n_initial=2, n_synth=3, memory=2)),
    (1, 3, Loop(n_initial=2, n_fixed=1, n_fresh=1, n_synth=2, memory=2, weight=0.3)),
    (1, 3, Loop(n_initial=3, n_fresh=2, n_synth=2, memory=2, first_generation="biased", bias=0.4)),
    (1, 4, Loop(**PAIR, n_synth=2, pool="accumulate", pool_cap=2)),
    (1, 5, Loop(**PAIR, **POOL, pool_cap=2, memory=2)),
    (1, 5, Loop(**PAIR, **POOL, memory=3)),
    (1, 5, Loop(**PAIR, **POOL, memory=None)),
    (2, 3, Loop(**PAIR, n_synth=1, memory=2, shrinkage=0.3)),
    (2, 3, Loop(**PAIR, n_synth=1, memory=None, shrinkage=0.3, floor=0.2)),
    (2, 2, Loop(**PAIR, n_synth=2, memory=2)),
]


@pytest.mark.parametrize(("dim", "generations", "loop"), SMALL)
def test_a_mixture_s_moments_are_those_over_all_samples_and_choices(dim, generations, loop):
    expected = by_quadrature(loop, dim, generations)
    found = several.several_path(loop, dim, generations)[-1]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(
        [x[-1] for x in invariant_path(loop, dim, generations=generations)], expected, rtol=1e-12
    )


@pytest.mark.parametrize("dim", [1, 4])
def test_one_model_in_sight_is_the_map_of_memory_one(dim):
    for loop in (synthetic_augmentation(6, 9, bias=0.9), fresh_data(4, 3)):
        by_tensors = tensors.exact_path(loop, dim, 12, 0.0)
        np.testing.assert_allclose(several.several_path(loop, dim, 12), by_tensors, rtol=1e-12)


LONG = [
    Loop(n_initial=9, n_fixed=6, n_synth=5, memory=None, shrinkage=0.2, bias=0.9),
    Loop(n_initial=9, n_fixed=6, n_synth=5, memory=None, pool="accumulate"),
    Loop(n_initial=9, n_fixed=6, n_fresh=2, n_synth=5, memory=2, pool="accumulate", weight=0.3),
]


@pytest.mark.parametrize("loop", LONG)
def test_a_bound_longer_than_the_run_is_no_bound(loop):
    """Model by model and batch by batch, against running totals."""
    bounds = {"memory": 11} if loop.memory is None else {}
    bounds |= {"pool_cap": 11} if loop.pooled is None else {}
    short = dataclasses.replace(loop, **bounds)
    assert several.bounded(short, 12) == loop != several.bounded(short, 13)
    # At 15 generations the bound counts.
    a, b = (several.several_path(x, 3, 15) for x in (loop, short))
    np.testing.assert_allclose(a[:12], b[:12], rtol=1e-12)
    assert np.abs(a[14] / b[14] - 1).max() > 1e-4


def test_the_answer_that_the_closure_had_wrong():
    # Simulated: 2.818 +- .037. The closure said 2.346.
    loop = Loop(
        n_initial=4, n_fixed=4, n_fresh=3, n_synth=15, bias=0.99, pool="accumulate", pool_cap=3
    )
    found = second_moments(loop, 2, generations=30)[-1, 6]
    assert abs(found - 2.818) < 2 * 0.037


STATIONARY = [
    fresh_data(40, 60, bias=0.9, memory=2),
    fresh_data(5, 8, memory=6),
    synthetic_augmentation(4, 6, bias=0.99, pool="accumulate", pool_cap=4),
    Loop(
        n_initial=5, n_fixed=3, n_fresh=2, n_synth=7, pool="accumulate", pool_cap=3, memory=2,
        bias=0.9, shrinkage=0.2, weight=0.4, floor=0.1,
    ),
    # No fixed set: a batch of the pool comes first.
    Loop(n_initial=5, n_fresh=3, n_synth=4, pool="accumulate", pool_cap=3, bias=0.9),
]  # fmt: skip


@functools.cache
def far(loop, dim):
    """Where the path ends, whatever way limits are found."""
    return second_moments(loop, dim, generations=900)[-1]


@pytest.mark.parametrize("loop", STATIONARY)
@pytest.mark.parametrize("dim", [1, 4])
@pytest.mark.parametrize("dense", [0, 600])
def test_limit_is_where_the_path_ends_by_a_matrix_and_by_its_products(
    loop, dim, dense, monkeypatch
):
    monkeypatch.setattr(at_rest, "_SOLVED", 2 * dense)
    monkeypatch.setattr(at_rest, "_DENSE", dense)
    monkeypatch.setattr(at_rest, "_FEW", dense // 4)
    np.testing.assert_allclose(far(loop, dim), second_moments_limit(loop, dim), rtol=1e-11)


@pytest.mark.thinned(5)
@pytest.mark.parametrize("n", [10**6, 10**9, 10**12, 10**15])
@pytest.mark.parametrize("solved", [0, 1200])
@pytest.mark.parametrize(
    "fields",
    [
        {"memory": 3},
        {"memory": 2, "pool": "accumulate", "pool_cap": 2, "bias": 0.9},
        {"n_fresh": 7, "pool": "accumulate", "pool_cap": 3, "bias": 0.8},
        {"n_fresh": 5, "memory": 3, "pool": "accumulate", "pool_cap": 3, "bias": 0.99},
    ],
)
def test_limits_of_very_many_samples_are_where_paths_end(n, solved, fields, monkeypatch):
    """Moments are by powers of n larger than others: each needs a unit of its own."""
    monkeypatch.setattr(at_rest, "_SOLVED", solved)
    loop = Loop(n_initial=n, n_fixed=n, n_synth=n, **fields)
    limit, radius = at_rest.several_limit(loop, 3), at_rest.several_radius(loop, 3, 1e-6)
    assert radius == pytest.approx(at_rest.several_radius(_fewer(loop), 3), rel=1e-3)
    np.testing.assert_allclose(limit, far(loop, 3), rtol=1e-11)


def _fewer(loop: Loop) -> Loop:
    """The same shares of 10^4 samples."""
    few = dict.fromkeys(("n_initial", "n_fixed", "n_synth"), 10**4)
    return dataclasses.replace(loop, **few)


@pytest.mark.parametrize("loop", [*STATIONARY[:3], fresh_data(1, 6, memory=3)])
def test_radius_is_the_growth_of_the_path(loop):
    radius = second_moment_radius(loop, 2)
    assert (second_moments_limit(loop, 2) is None) == (radius >= 1)
    steps = np.diff(second_moments(loop, 2, generations=400)[:, 5])
    # From where the slower parts have died to where rounding shows.
    late = np.flatnonzero(np.abs(steps) > 1e-9 * np.abs(steps).max())[-40:]
    rates = steps[late[1:]] / steps[late[:-1]]
    assert rates[-20:].mean() == pytest.approx(radius, abs=2e-3)


@pytest.mark.parametrize("n_synth", [3, 300])
def test_the_radius_without_weight_on_real_data_is_where_little_weight_goes(n_synth):
    """Nothing is at rest, whose size could be a unit: one sentence about singular matrices."""
    loop = fresh_data(40, n_synth, bias=0.9, memory=2, weight=0.0)
    little = second_moment_radius(dataclasses.replace(loop, weight=1e-9), 2)
    assert second_moment_radius(loop, 2) == pytest.approx(little, rel=1e-8)


def test_the_radius_by_all_eigenvalues_and_by_the_largest(monkeypatch):
    whole = [second_moment_radius(loop, 2) for loop in STATIONARY[::3]]
    monkeypatch.setattr(at_rest, "_FEW", 0)
    largest = [second_moment_radius(loop, 2) for loop in STATIONARY[::3]]
    np.testing.assert_allclose(largest, whole, rtol=1e-10)


def test_the_radius_with_memory_one_is_that_of_its_own_map():
    for loop in (synthetic_augmentation(6, 9, bias=0.9), fresh_data(1, 3)):
        expected = tensors.exact_radius(loop, 2)
        assert at_rest.several_radius(loop, 2) == pytest.approx(expected, rel=1e-9)


def test_a_loop_that_sees_no_model_forgets_at_once():
    """Of a nilpotent map eigenvalues are rounding: 1e-4 was said."""
    for more in ({}, {"memory": 5}, {"pool": "accumulate", "pool_cap": 3}):
        loop = Loop(n_initial=11, n_fixed=15, n_synth=3, weight=1.0, bias=0.1, **more)
        assert second_moment_radius(loop, 2) == 0.0


def test_overflow_is_infinite_and_first_moments_stay_finite():
    loop = Loop(n_initial=2, n_synth=2, memory=2)  # second moments grow by 2.23 a generation
    path = second_moments(loop, 2, generations=1000)
    assert np.isinf(path[-1, 2:]).all()
    assert np.isfinite(path[:, :2]).all()


def test_no_error_is_declared_where_second_moments_are_exact():
    long = fresh_data(20, 20, memory=40)
    assert not second_moments_rel_error(fresh_data(20, 20, memory=15), 2).any()
    # Up to generation 41 no model is forgotten.
    assert not second_moments_rel_error(long, 2, generations=41).any()
    for error in (
        second_moments_rel_error(long, 2, generations=60)[-1],
        second_moments_rel_error(long, 2),
    ):
        np.testing.assert_array_equal(error[:2], 0)
        assert (error[2:] > 0).all()


@pytest.mark.parametrize("n_synth", [10**5, 10**6, 10**7])
def test_limits_with_little_real_data_are_found(n_synth):
    """Eigenvalues crowd near 1: Arnoldi's method found 1.0037 at 10^5, so no limit."""
    loop = synthetic_augmentation(100, n_synth, pool="accumulate", pool_cap=3)
    assert 0 < 1 - second_moment_radius(loop, 3) < 0.6 * 100 / n_synth
    found, far = (
        second_moments_limit(x, 3) for x in (loop, dataclasses.replace(loop, n_synth=10**4))
    )
    np.testing.assert_allclose(found, far, rtol=3e-3)


def test_rounding_of_second_moments_is_declared_where_real_data_are_few():
    pool = {"pool": "accumulate", "pool_cap": 3}
    best = second_moments_limit(synthetic_augmentation(100, 10**7, **pool), 3)
    for n_synth in (10**8, 10**9):
        loop = synthetic_augmentation(100, n_synth, **pool)
        error = second_moments_rel_error(loop, 3)
        assert (np.abs(second_moments_limit(loop, 3) / best - 1) < error).all()
    assert not second_moments_rel_error(synthetic_augmentation(100, 10**4, **pool), 3).any()
    # So few real data that they diverge, by a radius of 1 + 2e-10: rounding must not hide that.
    one = Loop(n_initial=5, n_fresh=1, n_synth=10**9, **pool)
    assert second_moments_limit(one, 3) is None


def test_an_error_is_the_largest_of_the_generations_by_which_a_longer_memory_is_behind():
    off = np.zeros((40, 7))
    off[9], off[30:] = 0.5, 0.1
    wide = second._widened(off, 0.5)[:, 0]
    by_hand = [off[max(t // 2, 1) - 1 : t, 0].max() for t in range(1, 41)]
    np.testing.assert_array_equal(wide, by_hand)
    # At rest for long: the window is not looked through any more.
    flat = np.where(np.arange(3000)[:, None] < 10, off[9], 0.2)
    assert second._widened(flat, 0.5)[[8, 20, 21, 2999], 0].tolist() == [0.5, 0.5, 0.2, 0.2]


def test_a_loop_that_remembers_less_has_a_known_part_of_what_is_in_sight():
    loop = Loop(n_initial=5, n_fixed=5, n_synth=10, memory=20, pool="accumulate", pool_cap=36)
    short = second._shortened(loop)
    assert (short.memory, short.pool_cap, short.n_synth) == (9, 9, 40)
    assert second._shortness(loop, short) == 0.25
    one = second._shortened(fresh_data(5, 5, memory=28))
    assert second._shortness(fresh_data(5, 5, memory=28), one) == one.memory / 28 == 0.5


def test_too_many_models_for_a_radius_are_refused_in_one_sentence():
    with pytest.raises(UnsupportedLoop, match="at most 23 models and batches in sight, got memory"):
        second_moment_radius(fresh_data(5, 5, memory=40), 2)


@pytest.mark.parametrize(
    ("radius", "diverges"), [(1.0, True), (1.0 - 1e-13, True), (1.0 - 1e-9, False), (1.01, True)]
)
def test_of_one_fixed_sample_the_radius_tells_whether_second_moments_diverge(
    radius: float, diverges: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Collapse onto it is a fixed point whose moments can be, whatever the radius."""
    monkeypatch.setattr(at_rest, "several_radius", lambda *_: radius)
    loop = Loop(n_initial=4, n_fixed=1, n_synth=9, memory=2)
    assert (at_rest.several_limit(loop, 2) is None) is diverges


@pytest.mark.parametrize(
    ("fields", "dim"),
    [({"memory": 2}, 3), ({"memory": 3}, 1), ({"pool": "accumulate", "pool_cap": 2}, 20)],
)
def test_a_fixed_point_is_a_limit_up_to_a_radius_of_1(fields: dict[str, object], dim: int) -> None:
    """Which is told from the moments there, not from the radius; the bias sets it."""

    def loop(bias: float) -> Loop:
        return Loop(n_initial=3, n_fresh=1, n_synth=3, bias=bias, **fields)

    def beyond(bias: float, radius: float) -> float:
        return second_moment_radius(loop(bias), dim) - radius

    for radius in (1 - 1e-4, 1 + 1e-4):
        bias = optimize.brentq(beyond, 0.3, 1.0, args=(radius,), xtol=1e-13)
        assert (second_moments_limit(loop(bias), dim) is None) is (radius > 1)


@pytest.mark.parametrize(
    "loop",
    [
        Loop(n_initial=4, n_synth=2, bias=0.01, memory=2, ddof=0),
        Loop(n_initial=10, n_synth=10, bias=0.5, memory=2),
        Loop(n_initial=10, n_synth=10, bias=0.5, pool="accumulate", pool_cap=2),
        Loop(n_initial=5, n_synth=5, bias=0.5, memory=2, n_fresh=3, weight=0.0),
        Loop(n_initial=5, n_synth=5, bias=0.5, memory=2, floor=0.1),
    ],
)
def test_no_limit_where_nothing_pulls_a_mean_back(loop: Loop) -> None:
    """A mean keeps its start: zeros were returned, or a singular matrix was an error."""
    assert second_moments_limit(loop, 1) is None


def test_a_limit_is_found_once(monkeypatch):
    """A command asks for moments, for their errors and for a distance."""
    loop, asked, plain = synthetic_augmentation(17, 19, memory=3), [], at_rest._fixed
    monkeypatch.setattr(at_rest, "_fixed", lambda f: (asked.append(f), plain(f))[1])
    first = second_moments_limit(loop, 2)
    assert np.array_equal(second_moments_limit(loop, 2), first)
    assert not second_moments_rel_error(loop, 2).any()
    assert len(asked) == 1
    first *= 2  # what is given away is nobody else's
    assert not np.array_equal(second_moments_limit(loop, 2), first)
