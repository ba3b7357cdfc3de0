"""What the equivalent of one fit misses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from madtheory.covariance import Spectrum
from madtheory.spectrum.mean_law import constant_law
from madtheory.spectrum.next_law import next_law, one_fit
from madtheory.spectrum.one_wishart import root_deficit
from madtheory.spectrum.rotated import fidelity_deficit
from madtheory.spectrum.small_dim import diluted_share, exact_share, uneven_share


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


#: Spectrum, degrees of freedom, and what the equivalent of that fit misses of its deficit beside
#: the second order at unequal eigenvalues: simulated, errors .0001 to .0005.
UNEVEN = [
    (0.8 ** np.arange(25), 11, 0.0028),
    (0.8 ** np.arange(25), 15, 0.0022),
    (0.7 ** np.arange(10), 7, 0.0090),
    (0.7 ** np.arange(10), 10, 0.0112),
    (np.arange(1, 11) / 10, 10, 0.0116),
    (0.95 ** np.arange(20), 19, 0.0023),
    (np.array([3.0, 1.0]), 1, 0.0698),
]


@pytest.mark.parametrize(("values", "dof", "missed"), UNEVEN)
def test_a_fit_is_singular_by_the_rank(values: np.ndarray, dof: int, missed: float) -> None:
    s = Spectrum.of(values)
    law = next_law(constant_law(s.rank), one_fit(dof + 1))
    x, dim = fidelity_deficit(law, s), 1 + s.bures_weight
    share = uneven_share(dim, x, rank=s.rank, flat=law.root_deficit)
    assert abs(1 - share - missed) < 0.5 * missed
    assert abs(1 - share - missed) < 0.8 * abs(1 - exact_share(dim, x) - missed)


def test_the_share_of_equal_eigenvalues_and_of_a_dominant_one() -> None:
    for x in (0.1, 0.155, 0.4):
        equal = uneven_share(9.0, x, rank=9, flat=x)
        assert equal == pytest.approx(exact_share(9, x), rel=1e-12)
        assert uneven_share(2.0, x, rank=10, flat=0.2) == exact_share(2.0, x)
    half = (uneven_share(k, 0.155, rank=10, flat=0.6) for k in (3.0, 3.0 + 1e-9))
    assert len({round(x, 8) for x in half}) == 1
    smooth = 1 - uneven_share(9.0, 0.155, rank=10, flat=0.9)
    assert smooth < 0.4 * (1 - exact_share(9.0, 0.155))


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
