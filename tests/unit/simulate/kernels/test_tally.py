"""Streaming moments of a chunk against numpy's, one value at a time and whole paths at once."""

import numpy as np
import pytest

from madtheory._types import Array
from madtheory.simulate.kernels.tally import Tally, record, record_path

INF = np.inf
#: Five replicates of two quantities at four generations.
FINITE = np.random.default_rng(1).normal(3.0, 2.0, (5, 2, 4))


def _tallied(values: Array, first: int, whole: bool) -> Tally:
    n, q, t = values.shape
    wanted = np.array([2, 0])
    tally = Tally(first, n, np.arange(t), wanted, *np.zeros((2, q, t)), np.zeros((9, q, t)))
    for replicate in range(n):
        for k in range(q if whole else 0):
            record_path(tally, values[replicate, k], replicate, k)
        for slot in range(0 if whole else t):
            x = np.full(3, np.nan)
            x[wanted] = values[replicate, :, slot]
            record(tally, x, replicate, slot)
    return tally


@pytest.mark.parametrize("whole", [True, False])
def test_moments_are_numpys_and_paths_stand_in_their_place(whole: bool) -> None:
    tally = _tallied(FINITE, 3, whole)
    mean = FINITE.mean(axis=0)
    np.testing.assert_allclose(tally.mean, mean, rtol=1e-14)
    np.testing.assert_allclose(tally.m2, ((FINITE - mean) ** 2).sum(axis=0), rtol=1e-13)
    np.testing.assert_array_equal(tally.paths[3:8], FINITE)
    assert not np.delete(tally.paths, np.s_[3:8], axis=0).any()


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("column", "mean", "m2"),
    [
        ([-INF, -INF, -INF], -INF, 0.0),  # a sure loss has no spread
        ([1.0, -INF, 2.0], -INF, 0.0),
        ([1.0, INF, 2.0], INF, INF),  # an overflow stays one, whatever follows
        ([INF, -INF, 2.0], INF, INF),
        ([0.0, 1e-151, 0.0], 1e-151 / 3, 0.0),  # no denormal squares
    ],
)
def test_infinite_values_and_small_ones(
    column: list[float], mean: float, m2: float, whole: bool
) -> None:
    values = np.array(column)[:, None, None] * np.ones((1, 2, 1))
    tally = _tallied(values, 0, whole)
    np.testing.assert_allclose(tally.mean, np.full((2, 1), mean), rtol=1e-15)
    np.testing.assert_array_equal(tally.m2, np.full((2, 1), m2))


@pytest.mark.parametrize("whole", [True, False])
def test_small_values_have_a_small_spread(whole: bool) -> None:
    tally = _tallied(2.0**-60 * FINITE, 0, whole)
    np.testing.assert_array_equal(tally.m2, 2.0**-120 * _tallied(FINITE, 0, whole).m2)
