"""Units and origin of a state: what it stands for stays the same."""

import math

import numpy as np
import pytest

from madtheory._types import Array
from madtheory.simulate.kernels import scales
from madtheory.simulate.kernels.piles import (
    RANK,
    Batches,
    Models,
    Pile,
    State,
    add_part,
    new_pile,
)

RNG = np.random.default_rng(7)


def _state(r: int = 3, memory: int = 2, cap: int = 2) -> State:
    def drawn(*shape: int) -> Array:
        return RNG.normal(size=shape)

    models = Models(
        drawn(memory, r), drawn(memory, r, r), np.zeros((memory, 3), np.int64), drawn(memory)
    )
    batches = Batches(drawn(cap, r), drawn(cap, r, r), drawn(cap, r, r), drawn(cap, 3))
    pile = Pile(drawn(r, 3 * r + 2), drawn(r, r), drawn(r), drawn(3), drawn(r, r))
    return State(models, batches, pile)


def _copy(state: State) -> State:
    return State(*(type(part)(*(x.copy() for x in part)) for part in state))


def test_a_unit_multiplies_deviations_once_and_covariances_twice() -> None:
    state = _state()
    old, f = _copy(state), 2.0**-3
    scales.change_unit(state, f)
    for new, before, names in (
        (state.models, old.models, ("mu", "G", "size")),
        (state.batches, old.batches, ("mean", "F")),
        (state.pool, old.pool, ("mean", "F")),
    ):
        for name in names:
            np.testing.assert_array_equal(getattr(new, name), f * getattr(before, name))
    np.testing.assert_array_equal(state.batches.M, f**2 * old.batches.M)
    np.testing.assert_array_equal(state.pool.M, f**2 * old.pool.M)


@pytest.mark.parametrize("E", [0, -5, 3])
def test_means_stand_for_the_same_points_beside_another_origin(E: int) -> None:
    r, state = 3, _state()
    B, e = np.tril(RNG.normal(size=(r, r))), np.array([2, -1, 0])
    basis, nu = scales.Basis(B, e, np.ones((r, r))), RNG.normal(size=r)

    def points() -> Array:
        rows = np.concatenate([state.models.mu, state.batches.mean, state.pool.mean[None]])
        return nu + rows @ (B * 2.0 ** (E + e)).T

    before = points()
    scales.recentre(state, 1, basis, E, nu)
    np.testing.assert_allclose(points(), before, rtol=1e-12, atol=1e-13)
    assert not state.models.mu[1].any()


@pytest.mark.parametrize(
    ("x", "shift", "E", "wanted"),
    [
        (1.0, 3.0, -1, 2.5),
        (1.0, -3.0, 2, -11.0),
        (0.0, -1.0, 5000, -1e300),
        (1e300, 1e300, 3, 1e300),
    ],
)
def test_a_coordinate_moves_either_way_and_stays_finite(
    x: float, shift: float, E: int, wanted: float
) -> None:
    assert scales.moved(x, shift, E) == wanted


@pytest.mark.parametrize(
    ("columns", "rank", "shape"), [(3, math.inf, [3, 3, 1]), (2, 1.0, [2, 1, 0])]
)
def test_a_model_is_described(columns: int, rank: float, shape: list[int]) -> None:
    models = _state().models
    scales.describe(models, 1, columns, rank)
    assert models.shape[1].tolist() == shape
    assert models.size[1] == np.abs(models.G[1, :, :columns]).max()


def test_two_means_apart_are_a_rank() -> None:
    pile = new_pile(3)
    for i, mean in enumerate(np.eye(3)):
        add_part(pile, 4.0, mean, np.zeros((3, 3)), 0, 1.0)
        # A rank of each part's own, and one of each gap.
        assert pile.size[RANK] == 1 + 2 * i
