"""Units of sets of features, and blocks of their rows."""

import math

import numpy as np
import pytest

from madtheory.metrics.features import blocks, check_order, check_repeats, pair, scale
from madtheory.metrics.measured import Measured, normal_quantile


@pytest.mark.parametrize(
    ("largest", "exponent"),
    [
        (0.0, 0),
        (2.0**200, 201),
        (math.nextafter(2.0**200, 0), 0),
        (2.0**-200, -199),
        (math.nextafter(2.0**-200, 1), 0),
    ],
)
def test_units_change_at_their_bounds_only(largest, exponent):
    sets = [np.array([[largest / 4, -largest]]), np.array([[largest / 2, 0.0]])]
    before = [x.copy() for x in sets]
    assert scale(sets) == exponent
    for x, y in zip(sets, before, strict=True):
        np.testing.assert_array_equal(np.ldexp(x, exponent), y)


def test_blocks_cover_all_rows_once():
    assert list(blocks(9, 4)) == [slice(0, 4), slice(4, 8), slice(8, 9)]
    assert list(blocks(8, 4)) == [slice(0, 4), slice(4, 8)]
    assert list(blocks(0, 4)) == []


def test_intervals_are_cut_at_the_least_value():
    assert Measured.around(1.0, 2.0) == Measured(1.0, -1.0, 3.0)
    assert Measured.around(1.0, 2.0, 0.0) == Measured(1.0, 0.0, 3.0)
    assert Measured.around(-1.0, 0.5, 0.0) == Measured(-1.0, 0.0, 0.0)
    assert Measured(1.0, 0.5, 2.0).in_units(3) == Measured(64.0, 32.0, 128.0)
    assert normal_quantile(0.5) == pytest.approx(0.67448975, rel=1e-8)
    for level in (0.0, 1.0):
        with pytest.raises(ValueError, match="level must be"):
            normal_quantile(level)


def test_either_set_needs_its_rows():
    enough, few = np.eye(4), np.eye(4)[:3]
    pair(enough, enough, 4)
    for sets, name in (((few, enough), "real"), ((enough, few), "synth")):
        with pytest.raises(ValueError, match=f"^{name} "):
            pair(*sets, 4)


def test_rows_are_counted_in_whole_numbers() -> None:
    for value in (2.5, None, np.ones(2)):
        with pytest.raises(TypeError, match=r"^minimum_rows must be an integer, got "):
            pair(np.ones((3, 1)), np.ones((3, 1)), value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "after"),
    [
        (["g1.npy", "g3.npy", "g4.npy"], "g3.npy right after g1.npy"),
        (["g2.npy", "g1.npy", "g3.npy"], "g1.npy right after g2.npy"),
        (["d/run7_gen09_64.npz", "d/run7_gen11_64.npz"], "d/run7_gen11_64.npz right after"),
        (["d/gen_1/x.npy", "d/gen_10/x.npy", "d/gen_2/x.npy"], "d/gen_10/x.npy right after"),
    ],
)
def test_wrong_order_and_gaps_in_the_names(names, after):
    with pytest.raises(ValueError, match=f"generations must be successive, got {after}"):
        check_order(names)


@pytest.mark.parametrize(
    "names",
    [
        ["g8.npy", "g9.npy", "g10.npy"],
        ["run7_gen09_64.npz", "run7_gen10_64.npz", "run7_gen11_64.npz"],
        ["first.npy", "second.npy", "third.npy"],
        ["run1_gen3.npy", "run2_gen1.npy", "run9_gen7.npy"],  # two numbers vary: no telling
        ["a_1.npy", "b_7.npy", "c_2.npy"],  # different names
        ["d/gen_8/x.npy", "d/gen_9/x.npy", "d/gen_10/x.npy"],
        ["7/g1.npy", "9/g2.npy", "3/g3.npy"],  # their own numbers tell
    ],
)
def test_names_in_order_or_without_a_count(names):
    check_order(names)


def test_some_rows_alike_make_no_set_given_twice():
    """Words of which one in a hundred is rare: most of the rows of all files are one."""
    rng = np.random.default_rng(0)
    sets = [np.eye(3)[rng.choice(3, 1000, p=[0.99, 0.005, 0.005])] for _ in range(8)]
    check_repeats(list("abcdefgh"), sets)
    with pytest.raises(ValueError, match="i must be a set of its own, got the rows of c"):
        check_repeats(list("abcdefghi"), [*sets, sets[2].copy()])


@pytest.mark.parametrize(("rows", "refused"), [(4, False), (5, True)])
def test_a_rare_attribute_may_be_of_the_same_rows_twice(rows, refused):
    x = (np.arange(100) % 20 == 0).astype(float)[:, None] * (np.arange(100)[:, None] < 20 * rows)
    assert x.sum() == rows
    if refused:
        with pytest.raises(ValueError, match="b must be a set of its own"):
            check_repeats("ab", [x, x.copy()])
    else:
        check_repeats("ab", [x, x.copy()])
    # As few rows that are no attribute's: all of them differ.
    few = np.arange(1.0, rows)[:, None]
    with pytest.raises(ValueError, match="b must be a set of its own"):
        check_repeats("ab", [few, few.copy()])
