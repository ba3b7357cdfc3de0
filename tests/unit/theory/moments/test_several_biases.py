"""Loops that differ in their bias alone: in a stack, and one by one."""

import math
from dataclasses import replace

import numpy as np
import pytest

from madtheory.loop import Loop, UnsupportedLoop, fresh_data, synthetic_augmentation
from madtheory.theory import distance, moments
from madtheory.theory.moments import first, growing_limits
from madtheory.theory.moments.first import moment_path, moment_paths
from madtheory.theory.moments.first_step import System

POOL = Loop(n_initial=10, n_fixed=6, n_fresh=4, n_synth=7, pool="accumulate")
GROWING = [
    POOL,
    replace(POOL, memory=None, first_generation="biased"),
    replace(POOL, memory=3, ddof=0),
    replace(POOL, n_fresh=0, budget=20, ddof=0),
    replace(POOL, n_fixed=0, n_fresh=0),
]
OTHERS = [
    replace(POOL, weight=0.4, memory=2),
    replace(POOL, pool_cap=3, memory=None),
    replace(POOL, n_fixed=0, budget=6),
    fresh_data(4, 6, memory=3),
    fresh_data(4, 6),
    synthetic_augmentation(5, 9),
]
BIASES = (0.0, 0.4, 0.85, 1.0)


def _each(loop: Loop, biases: tuple[float, ...] = BIASES) -> list[Loop]:
    return [replace(loop, bias=b, allow_overdispersion=True) for b in biases]


@pytest.fixture
def steps(monkeypatch):
    """The steps that were made, of how many loops each."""
    made: list[int] = []
    plain = System.step

    def counted(self, state):
        made.append(state.c[..., 0].size)
        return plain(self, state)

    monkeypatch.setattr(System, "step", counted)
    growing_limits._resting.cache_clear()
    return made


@pytest.mark.thinned(2)
@pytest.mark.parametrize("loop", GROWING + OTHERS)
def test_paths_of_a_stack_are_those_of_its_loops(loop, monkeypatch):
    loops = _each(loop, (*BIASES, 1.3))
    singles = [np.stack(moment_path(one, 40)) for one in loops]
    found = moment_paths(loops, 40)
    assert found.shape == (5, 2, 40)
    np.testing.assert_allclose(found, singles, rtol=1e-12)
    monkeypatch.setattr(first, "_AT_ONCE", 2 * System(loop).size ** 2)  # two, two and one
    np.testing.assert_allclose(moment_paths(loops, 40), singles, rtol=1e-12)
    singles = [np.stack(moments.first_moments(one, 40)) for one in loops]
    np.testing.assert_allclose(moments.first_moments_paths(loops, 40), singles, rtol=1e-12)


@pytest.mark.thinned(2)
@pytest.mark.parametrize("loop", GROWING + OTHERS)
def test_limits_of_a_stack_are_those_of_its_loops(loop):
    loops = _each(loop)
    singles = [moments.first_moments_limit(one) for one in loops]
    np.testing.assert_allclose(moments.first_moments_limits(loops), singles, rtol=1e-12)


def test_what_diverges_does_so_beside_what_does_not():
    loops = _each(POOL, (1.2, 0.7, 1.1, 1.0))
    found = moments.first_moments_limits(loops)
    assert found[0] == found[2] == (math.inf, math.inf)
    for at in (1, 3):
        assert found[at] == pytest.approx(tuple(moments.first_moments_limit(loops[at])), rel=1e-12)
    assert moments.first_moments_limits(loops[::2]) == [(math.inf, math.inf)] * 2


def test_loops_of_several_kinds_are_asked_one_by_one():
    # Of a first generation that is real in effect for bias 1 alone: a pool with a closed form.
    plain = replace(synthetic_augmentation(9, 9, pool="accumulate"), first_generation="biased")
    loops = _each(plain, (1.0, 0.5))
    assert [moments.is_growing_pool(one) for one in loops] == [True, False]
    singles = [moments.first_moments_limit(one) for one in loops]
    assert moments.first_moments_limits(loops) == singles


def test_many_biases_take_the_steps_of_one(steps):
    s = np.linspace(1.0, 2.0, 80)
    loop = replace(POOL, bias=tuple(np.linspace(0.3, 0.95, 80).tolist()))
    moments.first_moments_limit(loop, eigenvalues=s)
    assert set(steps) == {80}
    many = len(steps)
    distance.w2_squared_limit(loop, s)  # knows them
    assert len(steps) == many
    moments.first_moments_limit(replace(POOL, bias=0.3))
    assert len(steps) == 2 * many
    steps.clear()
    moments.first_moments(loop, 50, eigenvalues=s)
    assert steps == [80] * 49
    steps.clear()
    moments.first_moments_by_direction(loop, s, generations=50)
    assert steps == [80] * 49


def test_a_limit_that_is_too_far_is_refused_in_a_stack_too():
    far = replace(POOL, n_fixed=10**6, n_initial=10**6)
    with pytest.raises(UnsupportedLoop, match=r"where it is near after .* bias = 0\.4"):
        moments.first_moments_limits(_each(far, (0.4, 0.9)))
    with pytest.raises(UnsupportedLoop, match=r"floor = 0 only, got 0\.1"):
        moments.first_moments_limits(_each(replace(POOL, floor=0.1)))
