"""Where modes lie."""

import numpy as np
import pytest

from madtheory import modes


def test_a_square_is_centred_and_filled_row_by_row() -> None:
    grid = modes.mode_grid(25)
    assert grid[[0, 1, 24]].tolist() == [[-2.0, -2.0], [-2.0, -1.0], [2.0, 2.0]]
    np.testing.assert_allclose(grid.mean(axis=0), 0.0, atol=1e-15)
    assert modes.mode_grid(4, 1, spacing=0.5)[:, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]


@pytest.mark.parametrize(("count", "dim", "side"), [(26, 2, 6), (8, 3, 2), (9, 3, 3), (1, 2, 1)])
def test_the_least_side_that_holds_them(count: int, dim: int, side: int) -> None:
    grid = modes.mode_grid(count, dim)
    assert grid.shape == (count, dim)
    assert len({tuple(x) for x in grid.tolist()}) == count
    assert grid.min() == -(side - 1) / 2
    assert grid.max() <= (side - 1) / 2


def test_a_grid_in_many_dimensions_lies_in_the_last_ones() -> None:
    found = modes.mode_grid(3, dim=100)
    assert found[:, :98].max() == found[:, :98].min() == -0.5
    assert np.array_equal(found[:, 98:], [[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5]])
