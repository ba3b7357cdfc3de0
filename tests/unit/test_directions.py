"""Loops direction by direction: which bias belongs to which eigenvalue, and what is refused."""

import numpy as np
import pytest

from madtheory.covariance import Spectrum
from madtheory.directions import Directions, as_given, paired
from madtheory.loop import Loop, UnsupportedLoop, fully_synthetic, synthetic_augmentation

LOOP = fully_synthetic(10, bias=(0.9, 0.5, 0.1))


def test_a_bias_stays_with_its_eigenvalue():
    loop, s = paired(LOOP, [1.0, 3.0, 2.0])
    assert loop.bias == (0.5, 0.1, 0.9)
    assert s.tolist() == [3.0, 2.0, 1.0]
    same, ones = paired(LOOP, 3)
    assert (same.bias, ones.tolist()) == (LOOP.bias, [1.0] * 3)
    assert paired(LOOP, Spectrum.of([3.0, 2.0, 1.0]))[0].bias == LOOP.bias
    assert as_given(LOOP, [1.0, 3.0, 2.0]).tolist() == [1.0, 3.0, 2.0]


def test_one_bias_is_left_alone():
    loop = fully_synthetic(10, bias=0.5)
    assert paired(loop, [1.0, 2.0])[0] is loop
    assert Directions.of(loop, [1.0, 2.0]).biases.tolist() == [0.5, 0.5]


def test_directions_without_variance_are_dropped_with_their_biases():
    found = Directions.of(LOOP, [0.0, 1.0, 2.0])
    assert (found.biases.tolist(), found.values.tolist()) == ([0.1, 0.5], [2.0, 1.0])
    assert Directions.of(LOOP, [0.0, 0.0, 2.0]).loop.bias == 0.1


def test_each_bias_is_asked_once_and_summed_with_its_variance():
    asked = []

    def ask(one: Loop) -> float:
        asked.append(one.bias)
        return one.scalar_bias

    found = Directions.of(fully_synthetic(5, bias=(0.5, 0.9, 0.5)), [1.0, 2.0, 4.0])
    assert found.total(ask) == pytest.approx(0.5 * 5 + 0.9 * 2, rel=1e-15)
    assert sorted(asked) == [0.5, 0.9]


def test_all_biases_are_asked_at_once():
    asked = []

    def ask(loops: list[Loop]) -> list[tuple[float, float]]:
        asked.append([one.bias for one in loops])
        return [(one.scalar_bias, 1.0) for one in loops]

    found = Directions.of(fully_synthetic(5, bias=(0.5, 0.9, 0.5)), [1.0, 2.0, 4.0])
    each = found.together(ask)
    assert each.tolist() == [[0.5, 1.0], [0.9, 1.0], [0.5, 1.0]]
    assert asked == [[0.5, 0.9]]
    assert found.summed(each) == pytest.approx([0.5 * 5 + 0.9 * 2, 7.0], rel=1e-15)


def test_what_joins_directions_is_refused():
    for joined in ({"floor": 0.1}, {"shrinkage": 0.1}):
        with pytest.raises(UnsupportedLoop, match="shrinkage = 0 and floor = 0 only"):
            Directions.of(fully_synthetic(10, bias=(0.5, 1.0), **joined), [1.0, 1.0])
    with pytest.raises(ValueError, match=r"one number for each of the 2 eigenvalues, got 3"):
        paired(LOOP, np.ones(2))


def test_nested_samples_have_no_direction_of_their_own():
    loop = Loop(n_initial=5, n_fixed=5, n_synth=5, bias=(0.5, 1.0), first_generation="biased")
    assert loop.n_shared == 0
    with pytest.raises(UnsupportedLoop, match="a fixed set beside a biased first generation"):
        loop.along(0)
    assert synthetic_augmentation(5, 5, bias=(0.5, 1.0)).along(1).n_shared == 5
