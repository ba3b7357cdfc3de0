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
