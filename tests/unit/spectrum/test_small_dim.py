"""What the equivalent of one fit misses."""

from __future__ import annotations

import pytest

from madtheory.spectrum.mean_law import constant_law
from madtheory.spectrum.next_law import next_law, one_fit
from madtheory.spectrum.one_wishart import root_deficit
from madtheory.spectrum.small_dim import exact_share


def near(dim: int, dof: int) -> float:
    return next_law(constant_law(dim), one_fit(dof + 1)).root_deficit


@pytest.mark.parametrize(("dim", "dof"), [(1, 1), (1, 2), (2, 3), (8, 8), (8, 20), (32, 16)])
def test_one_fit_is_exact_at_the_table(dim: int, dof: int) -> None:
    x = near(dim, dof)
    assert x * exact_share(dim, x) == pytest.approx(root_deficit(dim, dof), rel=1e-4)


@pytest.mark.parametrize(("dim", "dof"), [(5, 9), (20, 26), (64, 64), (100, 150), (100, 40)])
def test_one_fit_is_near_between_and_beyond(dim: int, dof: int) -> None:
    x, exact = near(dim, dof), root_deficit(dim, dof)
    missed = abs(x / exact - 1)
    assert abs(x * exact_share(dim, x) / exact - 1) < 0.4 * missed + 1e-7


def test_nothing_is_missed_without_spread() -> None:
    assert exact_share(7, 0.0) == 1.0
    assert 0 < 1 - exact_share(7, 1e-6) < 1e-6


def test_between_integers_it_is_a_line() -> None:
    low, middle, high = (exact_share(dim, 0.2) for dim in (2, 2.25, 3))
    assert middle == pytest.approx(0.75 * low + 0.25 * high, rel=1e-12)
    assert low < middle < high
