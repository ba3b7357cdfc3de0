"""What an estimate says: value, bounds, relative error, status."""

import math

import numpy as np
import pytest

from madtheory.results import Estimate


def test_between_takes_the_farther_bound_as_its_error() -> None:
    e = Estimate.between(1.0, 4.0, 2.0)
    assert (e.value, e.lower, e.upper, e.rel_error) == (2.0, 1.0, 4.0, 1.0)
    assert Estimate.between(1.0, 2.5, 2.0).rel_error == 0.5
    middle = Estimate.between([1.0, 0.0], [3.0, 0.0])
    assert middle.value.tolist() == [2.0, 0.0]
    assert middle.rel_error.tolist() == [0.5, 0.0]
    assert Estimate.between(1.0, 4.0, 2.0, rel_error=0.1).rel_error == 0.1


def test_one_uncertain_entry_makes_a_path_asymptotic() -> None:
    path = Estimate.declared([1.0, 2.0], [0.0, 0.1])
    assert path.status == "asymptotic"
    assert Estimate.exact([1.0, 2.0]).status == "exact"
    assert path.last().rel_error == 0.1
    assert path.lower.tolist() == [-math.inf] * 2
    assert path.upper.tolist() == [math.inf] * 2


def test_a_factor_moves_values_and_not_relative_errors() -> None:
    e = Estimate.between(1.0, 4.0, 2.0).scaled(3.0)
    assert (e.value, e.lower, e.upper, e.rel_error) == (6.0, 3.0, 12.0, 1.0)
    assert Estimate.unbounded().value == pytest.approx(np.inf)


@pytest.mark.parametrize(
    ("bounds", "error", "ends"),
    [
        ((0.5, 3.0), 0.1, (0.9, 1.1)),  # what is declared is nearer
        ((0.95, 1.02), 0.1, (0.95, 1.02)),  # bounds are
        ((0.5, 3.0), 0.0, (1.0, 1.0)),
        ((-np.inf, np.inf), 2.0, (-1.0, 3.0)),
        ((0.5, 3.0), np.inf, (0.5, 3.0)),
        ((1.1, 3.0), 0.1, (1.0, 1.1)),  # a value outside its bounds stays its own end
    ],
)
def test_ends_are_what_bounds_and_errors_leave(bounds, error, ends) -> None:
    found = Estimate(*(np.array(x) for x in (1.0, *bounds, error)))
    assert [float(found.end(side)) for side in (-1, 0, 1)] == pytest.approx([ends[0], 1, ends[1]])


def test_infinity_is_its_own_end() -> None:
    found = Estimate.unbounded()
    assert [float(found.end(side)) for side in (0, 1)] == [np.inf, np.inf]
    assert found.status == "asymptotic"
    assert Estimate.declared([1.0, 2.0], 0.0).status == "exact"
    assert Estimate.declared([1.0, 2.0], [0.0, 0.1]).lower.tolist() == [-np.inf, -np.inf]


def test_nothing_between_bounds_has_no_relative_error() -> None:
    found = Estimate.between([0.0, 1.0, -2.0], [0.0, 2.0, 3.0], [0.0, 1.25, -1.0])
    assert found.rel_error.tolist() == [0.0, pytest.approx(0.6), 0.0]
    assert Estimate.between(1.0, 3.0, rel_error=0.2).rel_error == 0.2
    moved = Estimate.between(1.0, 3.0).scaled(2.0)
    assert [float(x) for x in (moved.value, moved.lower, moved.upper)] == [4.0, 2.0, 6.0]
    assert float(Estimate.exact([[1.0, 2.0]]).last().value[0]) == 2.0


def test_beyond_float64_is_infinite():
    """A loop with bias above 1 gets there: it was a warning."""
    e = Estimate.between([1.0, 1e307], [1.0, 1.5e308]).scaled(4.0)
    assert e.value[0] == 4
    assert np.isinf([e.value[1], e.upper[1]]).all()
    assert np.isfinite(e.rel_error).all()
