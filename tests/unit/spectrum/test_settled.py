"""Fixed points of mean laws."""

from __future__ import annotations

import numpy as np
import pytest

from madtheory.loop import fresh_data
from madtheory.spectrum.mean_law import constant_law
from madtheory.spectrum.next_law import next_law, one_fit
from madtheory.spectrum.settled import settled_law
from madtheory.theory.distance.equivalent import pooling_of
from madtheory.theory.moments import first_moments_limit


@pytest.mark.parametrize(
    ("dim", "n_r", "n_s", "bias"),
    [(100, 100, 900, 0.9), (30, 20, 60, 1.0), (4, 10, 10, 0.5), (50, 30, 40, 0.7)],
)
def test_a_walk_ends_there(dim: int, n_r: int, n_s: int, bias: float) -> None:
    loop = fresh_data(n_r, n_s, bias=bias)
    first, by = first_moments_limit(loop), pooling_of(loop)
    found = settled_law(by, dim, scale=first.trace, mean_sq=dim * first.mean_sq)
    assert found is not None
    law, step = found
    assert step < 1e-5
    walked = next_law(constant_law(dim), one_fit(n_r))
    for _ in range(150):
        walked = next_law(walked, by)
    assert law.root_deficit == pytest.approx(walked.root_deficit, rel=1e-5)
    assert law.pull == pytest.approx(walked.pull, rel=1e-4)


def test_slow_loops_are_solved_directly() -> None:
    loop = fresh_data(100, 10**5)  # a walk would take thousands of generations
    first, by = first_moments_limit(loop), pooling_of(loop)
    found = settled_law(by, 100, scale=first.trace, mean_sq=100 * first.mean_sq)
    assert found is not None
    law, _ = found
    residual = next_law(law, by).shape - law.shape
    assert np.abs(residual[:45]).max() < 1e-4 * (1 - by.keep) * law.shape.max()


def test_without_a_moving_start_none_is_found() -> None:
    loop = fresh_data(2, 10**4)
    first, by = first_moments_limit(loop), pooling_of(loop)
    assert settled_law(by, 30, scale=first.trace, mean_sq=30 * first.mean_sq) is None


def test_scale_must_be_positive() -> None:
    with pytest.raises(ValueError, match="scale must be positive, got 0"):
        settled_law(one_fit(33), 8, scale=0.0, mean_sq=0.0)
