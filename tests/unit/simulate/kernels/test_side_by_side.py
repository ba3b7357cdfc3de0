"""Replicates side by side against the same replicates one by one."""

import numpy as np
import pytest

from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.simulate import gaussian
from madtheory.simulate.kernels import collapse, collapse_lanes, fresh
from madtheory.simulate.kernels import side_by_side as room
from madtheory.simulate.kernels.measure import QUANTITIES
from madtheory.simulate.kernels.measure_lanes import LANES
from madtheory.simulate.request import Plan, make_plan
from madtheory.simulate.runs import run

RNG = np.random.default_rng(8)


def plan_of(loop: Loop, s, record=QUANTITIES, **how) -> Plan:
    how = {"generations": 4, "replicates": 45, "chunk": 45} | how
    return make_plan(loop, s, record=record, threads=1, **how)[0]


def is_side_by_side(plan: Plan) -> bool:
    return gaussian._is_side_by_side(plan, gaussian.spec_of(plan))


@pytest.mark.parametrize(
    ("d", "n_real", "n_synth", "tolerance"),
    [
        (2, 20, 7, 1e-12),
        (3, 4, 30, 1e-12),
        (3, 200, 100, 1e-12),
        (6, 9, 40, 1e-12),
        # Near Sigma_0 the distance is far below what is rounded, in either route.
        (3, 10**9, 10**9, 1e-9),
        (5, 10**6, 10**6, 1e-9),
    ],
)
def test_they_are_the_same_replicates(d, n_real, n_synth, tolerance):
    bias = 0.9 if n_real < 10**6 else 1.0
    plan = plan_of(fresh_data(n_real, n_synth, bias=bias), np.linspace(0.5, 2.0, d), at=[1, 3, 4])
    require_same(plan, room.fresh_lanes_chunk, fresh.fresh_chunk, tolerance)


def require_same(plan, side_by_side, one_by_one, tolerance):
    spec, s = gaussian.spec_of(plan), plan.problem.positive
    lanes, one = (
        run(plan, lambda rng, tally, k=k: k(rng, spec, s, tally), threads=1, keep_paths=True)
        for k in (side_by_side, one_by_one)
    )
    for name in plan.record:
        # A logarithm may be near 0; it is as right as its argument.
        least = 1e-14 if name.startswith("log") else 0.0
        assert lanes.paths[name] == pytest.approx(one.paths[name], rel=tolerance, abs=least), name
        assert lanes.se[name] == pytest.approx(one.se[name], rel=10 * tolerance, abs=least), name
    assert is_side_by_side(plan)


@pytest.mark.parametrize(
    ("d", "n", "bias", "at", "tolerance"),
    [
        (2, 7, 0.9, [1, 3, 4], 1e-12),
        (3, 4, 0.9, [1, 9, 40], 1e-12),
        (3, 200, 1.0, [1, 3, 4], 1e-12),
        (6, 9, 0.9, [1, 3, 40], 1e-12),
        (3, 10**9, 1.0, [1, 3, 4], 1e-9),
        (5, 10**6, 1.0, [1, 3, 4], 1e-9),
        # Columns are rescaled on the way: some at 2^-150, then all, then beyond what a double has.
        (3, 5, 0.3, [1, 90, 130, 900], 1e-12),
        (6, 9, 0.4, [1, 90, 150, 900], 1e-12),
    ],
)
def test_they_are_the_same_synthetic_replicates(d, n, bias, at, tolerance):
    loop = fully_synthetic(n, bias=bias, n_initial=n + 3)
    plan = plan_of(loop, np.linspace(0.5, 2.0, d), at=at, generations=at[-1])
    require_same(plan, collapse_lanes.collapse_lanes_chunk, collapse.collapse_chunk, tolerance)


@pytest.mark.parametrize("d", [2, 4])
def test_a_lane_whose_pivot_is_lost_is_repaired(d):
    """Its last row is all but the first: a factor still has the covariance."""
    spec = gaussian.spec_of(plan_of(fresh_data(30, 50, bias=0.9), np.ones(d)))
    triangle = d * (d + 1) // 2
    draws = RNG.normal(size=(2 * (triangle + d), LANES))  # of one generation
    G, B, M = RNG.normal(size=(3, triangle, LANES))
    delta, mark = RNG.normal(size=(d, LANES)), np.zeros(LANES, np.bool_)
    last = slice(d * (d - 1) // 2, triangle)
    G[last, 5], draws[last, 5] = (np.r_[x[0, 5], np.zeros(d - 1)] for x in (G, draws))
    draws[triangle - 1, 5] = 1e-9
    delta[d - 1, 5] = delta[0, 5]
    room.covariance_lanes(spec, d, draws, G, B, delta, M)
    room.cholesky_lanes(d, M, G, mark)
    assert np.flatnonzero(mark).tolist() == [5]
    room.repair(spec, draws, B, delta, 5, G, np.zeros((3, d, d)))
    for lane in (0, 5):
        factor, cov = np.zeros((2, d, d))
        factor[np.tril_indices(d)], cov[np.tril_indices(d)] = G[:, lane], M[:, lane]
        assert np.tril(factor @ factor.T) == pytest.approx(cov, rel=1e-12, abs=1e-20)


@pytest.mark.parametrize(
    ("loop", "s", "how"),
    [
        (fresh_data(3, 10), [1.0] * 3, {}),
        (fresh_data(10, 3), [1.0] * 3, {}),
        (fresh_data(10, 10, n_initial=3), [1.0] * 3, {}),
        (fresh_data(10, 10, bias=0.0), [1.0] * 3, {}),
        (fresh_data(10, 10, bias=(0.5, 0.5, 0.4)), [1.0] * 3, {}),
        (fresh_data(10, 10), [1.0] * 7, {}),
        (fresh_data(10, 10), [1.0] * 3, {"generations": 20_000}),
        (fully_synthetic(3), [1.0] * 3, {}),
        (fully_synthetic(10, n_initial=3), [1.0] * 3, {}),
        (fully_synthetic(10, bias=0.0), [1.0] * 3, {}),
        (fully_synthetic(10, bias=(0.5, 0.5, 0.4)), [1.0] * 3, {}),
        (fully_synthetic(10), [1.0] * 7, {}),
        (fully_synthetic(10), [1.0] * 3, {"generations": 30_000}),
    ],
)
def test_others_run_one_by_one(loop, s, how):
    assert not is_side_by_side(plan_of(loop, s, **how))
    assert is_side_by_side(plan_of(fresh_data(10, 10), [1.0] * 3))
    assert is_side_by_side(plan_of(fully_synthetic(10), [1.0] * 3))
