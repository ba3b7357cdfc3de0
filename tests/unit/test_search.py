"""Searches over the integers."""

import math

import pytest

from madtheory import _search
from tests.decisions import constants


@pytest.mark.parametrize("root", [2.5, 3.0, 17.2, 999.999, 123_456.7])
@pytest.mark.parametrize("steep", [1.0, 0.05, 12.0])
def test_neighbours_enclose_the_root(root: float, steep: float) -> None:
    seen = []

    def excess(n: int) -> float:
        seen.append(n)
        return math.sinh(steep * math.log(root / n))

    (low, f), (high, g) = _search.neighbours(excess, (2, excess(2)), (10**7, excess(10**7)))
    assert high == low + 1
    assert low <= root <= high
    assert (f, g) == (excess(low), excess(high))
    assert len(seen) < 20


def test_far_out_neighbours_are_close_in_their_own_units() -> None:
    root, calls = 3.3e14, []

    def excess(n: int) -> float:
        calls.append(n)
        return math.log(n / root)

    (low, f), (high, g) = _search.neighbours(excess, (2, excess(2)), (2**52, excess(2**52)))
    assert low <= root <= high
    assert high - low <= 1e-8 * low
    assert f <= 0 <= g
    assert len(calls) < 12  # linear in log n: false position is there at once


def test_infinite_values_are_walked_around() -> None:
    def excess(n: int) -> float:
        return math.inf if n > 40 else n - 20.5

    (low, _), (high, _) = _search.neighbours(excess, (1, excess(1)), (10**6, math.inf))
    assert (low, high) == (20, 21)


def test_bisection() -> None:
    assert _search.least(lambda n: n >= 37, 1, 100) == 37
    assert _search.first(lambda n: n >= 37, most=100) == 37
    assert _search.first(lambda n: n >= 37, most=10) is None


@pytest.mark.parametrize("least", [1, 2, 3, 4, 5, 8, 9, 33, 63, 64, 65])
def test_doubling_looks_at_every_place_up_to_the_last(least: int) -> None:
    assert _search.first(lambda n: n >= least, most=64) == (least if least <= 64 else None)


def test_neighbours_far_out_are_within_a_hundred_millionth() -> None:
    assert constants("_search") == {"_search._NEAR": 1e-8}
