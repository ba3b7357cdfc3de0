"""Second moments with memory and capped pools against the simulator."""

import numpy as np
import pytest

from madtheory.loop import Loop
from madtheory.simulate import simulate
from madtheory.theory.moments import INVARIANTS, second_moments
from madtheory.theory.moments.closure import closed_path

RECORD = ("mean_fourth", "squared_trace", "trace_squared")
LOOPS = [
    Loop(n_initial=6, n_fixed=4, n_fresh=3, n_synth=9, bias=0.9, memory=3),
    Loop(n_initial=8, n_fixed=8, n_synth=5, bias=0.95, pool="accumulate", pool_cap=3, memory=2),
    Loop(n_initial=6, n_fixed=6, n_synth=6, memory=None, shrinkage=0.2, floor=0.05),
]


@pytest.mark.parametrize("loop", LOOPS)
def test_second_moments_are_the_simulator_s(loop):
    T, d = 12, 3
    run = simulate(loop, [1.0] * d, generations=T, replicates=60_000, seed=5, record=RECORD)
    exact = second_moments(loop, d, generations=T)
    for name in RECORD:
        z = (run.mean[name] - exact[:, INVARIANTS.index(name)]) / run.se[name]
        # Generations are correlated: 12 of them are hardly more than a few looks.
        assert np.abs(z).max() < 4.5, name


def test_the_simulation_sees_the_closure_s_error():
    T, d, loop = 12, 3, LOOPS[1]
    run = simulate(loop, [1.0] * d, generations=T, replicates=60_000, seed=5, record=RECORD)
    _, C, variance, _ = closed_path(loop, d, T)[-1]
    z = (run.mean["squared_trace"][-1] - C**2 - variance) / run.se["squared_trace"][-1]
    assert abs(z) > 4.5
