"""What the size-biased law is refused for."""

from dataclasses import replace

import pytest

from madtheory.loop import Loop, UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.simulate import simulate_size_biased

PLAIN = fully_synthetic(10)


@pytest.mark.parametrize(
    "loop", [fresh_data(20, 10), replace(PLAIN, memory=2), replace(PLAIN, shrinkage=0.1)]
)
def test_other_loops_are_refused(loop: Loop) -> None:
    with pytest.raises(UnsupportedLoop, match="the size-biased law is computed for"):
        simulate_size_biased(loop, [1.0, 1.0], generations=2, replicates=2)


def test_bias_0_is_refused() -> None:
    with pytest.raises(ValueError, match="bias must be positive for the size-biased law, got 0"):
        simulate_size_biased(replace(PLAIN, bias=0.0), [1.0], generations=2, replicates=2)
