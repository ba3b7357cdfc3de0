"""Limits of E W2^2 of pools that keep everything."""

from dataclasses import replace

import numpy as np
import pytest

from madtheory.loop import Loop, UnsupportedLoop
from madtheory.theory import distance, moments
from madtheory.theory.distance import cumulants, grown, remembered
from madtheory.theory.moments import closure, generation
from madtheory.theory.worth.admissible import admissible_interval

POOL = Loop(n_initial=10, n_fixed=10, n_synth=10, pool="accumulate")


@pytest.mark.parametrize(
    ("changes", "late", "error"),
    [
        ({}, 1.4789, 0.0038),
        ({"ddof": 0}, 1.4107, 0.0065),
        ({"n_initial": 30}, 0.9929, 0.0049),
        ({"memory": 3}, 1.3448, 0.0063),
    ],
)
def test_limits_against_late_generations(changes, late, error):
    """Simulated at d = 4 and t = 160 (the first) or 100; later E W2^2 rises by some 1 %."""
    found = distance.w2_squared_limit(replace(POOL, **changes), np.ones(4))
    assert abs(found.value - 1.005 * late) < found.rel_error * found.value + 3 * error
    assert 0 < found.rel_error < 0.02


def test_a_long_path_ends_where_the_limit_is():
    """Simulated at d = 4: 1.479 +- .004 at t = 160, where batches had been forgotten: 1.440."""
    path = distance.w2_squared(POOL, np.ones(4), generations=320)
    limit = distance.w2_squared_limit(POOL, np.ones(4))
    assert (np.diff(path.value[24:]) > 0).all()
    assert path.value[159] == pytest.approx(1.479, abs=0.006)
    assert float(path.value[-1]) == pytest.approx(float(limit.value), rel=4e-3)
    assert path.rel_error[-1] < 0.02


def test_a_pool_with_memory_does_not_bend_down_either():
    """Simulated at d = 4, t = 160: 1.3401 +- .0014. The closure forgot too: 1.118 +- 20 %."""
    found = distance.w2_squared(replace(POOL, memory=3), np.ones(4), generations=160).last()
    assert abs(found.value - 1.3401) < found.rel_error * found.value + 3 * 0.0014
    assert found.rel_error < 0.02


@pytest.mark.parametrize("n_synth", [20, 400])
def test_spectra_of_a_pool_are_as_wide_as_second_moments(n_synth):
    """kappa_2 of the free cumulants is Var Sigma_12 to leading order, however old the pool is."""
    loop, d, T = replace(POOL, n_initial=600, n_fixed=600, n_synth=n_synth), 3, 120
    layout = generation.blended_layout(loop)
    k, x = cumulants._first_cumulants(loop, d)
    for t in range(1, T):
        parent, rows = generation.later_rows(loop, layout, t, 0.0, 1.0)
        turn, drawn = cumulants._turn(x, cumulants._draws(loop, parent), rows, d)
        k, x = cumulants._after(k, turn), closure.updated(drawn, rows, rows, d)
    late = moments.second_moments(loop, d, generations=T)[-1]
    off = (late[6] - late[5] / d) / ((d - 1) * (d + 2))
    assert k.two[-1, -1] == pytest.approx(off, rel=0.02)


def test_second_moments_are_those_of_a_late_generation():
    near, far, moved = grown._spreads(POOL, 3)
    late = moments.second_moments(POOL, 3, generations=1500)[-1]
    c = late[1] / 3
    assert float(far.total) == pytest.approx((late[6] / 3 - c * c) / c**2, rel=2e-3)
    assert near.total < far.total
    assert 0 < moved < 1e-3


@pytest.mark.parametrize("memory", [1, 3, None])
def test_a_budget_beside_fresh_data_draws_from_all_models(memory):
    loop = replace(POOL, n_fresh=6, budget=12, bias=0.9, memory=memory)
    same = remembered.at_rest(loop)
    assert same == Loop(n_initial=10, n_fresh=6, n_synth=12, bias=0.9, memory=None)
    ours, theirs = moments.first_moments_limit(loop), moments.first_moments_limit(same)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    found = distance.w2_squared_limit(loop, np.ones(4))
    assert float(found.value) == float(distance.w2_squared_limit(same, np.ones(4)).value)


def test_a_weight_on_fresh_data_has_a_sure_pool():
    loop = replace(POOL, n_fixed=0, n_fresh=6, weight=0.4, bias=0.9)
    same = remembered.at_rest(loop)
    ours, theirs = moments.first_moments_limit(loop), moments.first_moments_limit(same)
    np.testing.assert_allclose(ours, theirs, rtol=1e-7)
    assert remembered.at_rest(replace(loop, n_fixed=3)).pool == "accumulate"


def test_what_has_no_limit_or_none_is_known():
    for changes in ({"shrinkage": 0.2}, {"weight": 0.3}, {"memory": None}, {"n_fixed": 2000}):
        loop = replace(POOL, **{"n_synth": 2} | changes)
        with pytest.raises(UnsupportedLoop):
            distance.w2_squared_limit(loop, np.ones(2))
    assert distance.w2_squared_limit(replace(POOL, budget=6), np.ones(2)).value == np.inf
    dies = distance.w2_squared_limit(replace(POOL, budget=6, bias=0.7), np.ones(2))
    assert dies.rel_error == 0


@pytest.mark.parametrize("n_synth", [2, 3, 10])
def test_the_limit_with_a_budget_beyond_the_pool_is_a_number(n_synth):
    """It was no number, so that the command was refused or said that no n_synth is too many."""
    loop = Loop(n_initial=50, n_fixed=50, n_synth=n_synth, pool="accumulate", ddof=0)
    free = distance.w2_squared_limit(loop, [1.0])
    bound = distance.w2_squared_limit(replace(loop, budget=10**6), [1.0])
    apart = abs(bound.value - free.value)
    assert apart <= free.value * free.rel_error + bound.value * bound.rel_error
    assert bound.rel_error < 1.5 * free.rel_error


def test_a_budget_beyond_the_pool_admits_no_more():
    loop = Loop(n_initial=50, n_fixed=50, n_synth=200, pool="accumulate", ddof=0, budget=10**6)
    found = admissible_interval(loop, [1.0])
    assert found.lower <= found.value <= found.upper
