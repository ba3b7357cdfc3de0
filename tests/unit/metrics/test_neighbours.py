"""What the screening products may leave out: nothing that a ball could hold."""

import numpy as np

from madtheory.metrics._neighbours import insert, note, rounded_up


def test_a_limit_in_32_bits_is_never_below_itself():
    rng = np.random.default_rng(0)
    for x in np.concatenate([rng.standard_normal(2_000), 10.0 ** rng.uniform(-30, 30, 2_000)]):
        limit = float(rounded_up(x))
        assert x <= limit <= x + abs(x) * 2.0**-21


def test_neighbours_stay_in_order():
    squares, indices = np.array([1.0, 3.0, np.inf]), np.array([4, 7, -1])
    insert(squares, indices, 2.0, 9)
    assert squares.tolist() == [1.0, 2.0, 3.0]
    assert indices.tolist() == [4, 9, 7]


def test_balls_are_noted_one_after_the_other_while_there_is_room():
    slots = np.full(3, -1)
    for ball in (0, 5, 0, 7):
        note.py_func(slots, ball)
    assert slots.tolist() == [0, 5, 0]
