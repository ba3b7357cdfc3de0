"""One direction, few samples: limits and early generations by collocation against simulation.

Noise of a mean is .2 to .5 % of it, so that 3 % more is noticed with power above .99.
"""

import pytest

from madtheory.loop import Loop, fresh_data, synthetic_augmentation
from madtheory.simulate import simulate
from madtheory.theory import distance

LOOPS = (
    fresh_data(3, 12),
    fresh_data(5, 10, bias=0.9),
    synthetic_augmentation(4, 8, bias=0.7),
    Loop(n_initial=9, n_fresh=8, n_synth=6, weight=0.3, ddof=0),
)


@pytest.mark.thinned(3)
@pytest.mark.parametrize("loop", LOOPS)
def test_it_is_the_simulator_s(loop):
    run = simulate(
        loop,
        [1.0],
        generations=30,
        replicates=200_000 if loop.is_fresh_memory_one else 60_000,
        seed=5,
        at=[2, 5, 22, 26, 30],
        record=("w2_squared",),
        keep_paths=True,
    )
    paths = run.paths["w2_squared"]
    path = distance.w2_squared(loop, [1.0], generations=5, precise=True)
    limit = distance.w2_squared_limit(loop, [1.0], precise=True)
    pairs = [(path.value[1], path.rel_error[1], paths[:, 0])]
    pairs += [(path.value[4], path.rel_error[4], paths[:, 1])]
    pairs += [(limit.value, limit.rel_error, paths[:, 2:].mean(axis=1))]
    for value, rel_error, drawn in pairs:
        noise = drawn.std() / len(drawn) ** 0.5
        assert rel_error < 4e-3
        assert noise < 6e-3 * value
        assert abs(value - drawn.mean()) < rel_error * value + 3.5 * noise
