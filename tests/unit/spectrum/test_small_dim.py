"""What the equivalent of one fit misses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from madtheory.spectrum.mean_law import constant_law
from madtheory.spectrum.next_law import next_law, one_fit
from madtheory.spectrum.one_wishart import root_deficit
from madtheory.spectrum.small_dim import diluted_share, exact_share


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


@pytest.mark.parametrize("kept", [0.05, 0.3, 0.95])
def test_a_diluted_fit_is_exact_in_one_and_two_dimensions(kept: float) -> None:
    line = stats.chi2(1).expect(lambda x: np.sqrt(1 - kept + kept * x))
    trace = stats.chi2(2).expect(lambda x: np.sqrt(1 - kept + kept * x))  # of rank one, d = 2
    for dim, root in ((1, line), (2, (trace + np.sqrt(1 - kept)) / 2)):
        law = next_law(constant_law(dim), one_fit(2))
        near = law.diluted_deficit(kept)
        expected = np.log((1 - root) / (near * exact_share(dim, near)))
        assert diluted_share(dim, 1, kept) == pytest.approx(expected, abs=1e-6)


def test_what_is_not_diluted_and_what_is_far_away_miss_nothing() -> None:
    assert diluted_share(3, 5, 1.0) == diluted_share(3, 5, 0.0) == 0.0
    assert abs(diluted_share(3, 5, 1 - 1e-9)) < 1e-3
    assert diluted_share(64, 9, 0.3) == pytest.approx(diluted_share(32, 9, 0.3) / 4, rel=1e-12)
    assert diluted_share(3, 512, 0.3) == pytest.approx(diluted_share(3, 256, 0.3) / 2, rel=1e-12)
