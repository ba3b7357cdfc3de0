"""Rows of the chains of counts and of ancestors, against other formulas."""

import math
from fractions import Fraction

import mpmath
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from madtheory.modes import ancestry as chain


def test_rows_of_the_count_against_mpmath() -> None:
    rows = chain.transition(2_000, np.array([0.0385, 0.5, 0.0015, 0.0, 1.0]))
    with mpmath.workdps(40):
        for row, p in zip(rows, (0.0385, 0.5, 0.0015), strict=False):
            x = mpmath.mpf(p)
            k = np.arange(0, 2_001, 37)
            exact = [
                mpmath.binomial(2_000, int(i)) * x ** int(i) * (1 - x) ** (2_000 - int(i))
                for i in k
            ]
            kept = np.array([e > 1e-290 for e in exact])
            error = np.array(
                [
                    abs(float(row[i] / e - 1)) if e > 1e-290 else 0.0
                    for i, e in zip(k, exact, strict=True)
                ]
            )
            bulk = np.abs(k - 2_000 * p) < 4 * math.sqrt(2_000 * p)
            assert (bulk & kept).sum() >= 1
            assert error.max() < 1e-12  # a unit in the last place for each step from the mode
            assert error[bulk].max() < 1e-14
    assert rows[3, 0] == rows[4, 2_000] == 1.0
    assert rows[3, 1:].sum() == rows[4, :-1].sum() == 0.0


def test_a_band_is_the_dense_matrix_less_what_is_negligible() -> None:
    success = np.linspace(0, 1, 301)
    dense, band = chain.transition(300, success), chain.binomial_band(300, success)
    full = np.zeros_like(dense)
    for i in range(301):
        full[i, band.first[i] : band.first[i] + band.size[i]] = band.weights[i, : band.size[i]]
    np.testing.assert_allclose(full, dense, rtol=1e-13, atol=1e-23)
    law = dense[40]
    both = chain.evolve(band, law, 7), law @ np.linalg.matrix_power(dense, 7)
    np.testing.assert_allclose(*both, rtol=1e-12, atol=1e-22)
    means = chain.expectations(band, law, np.stack([success, success**2]), 7)
    np.testing.assert_allclose(means[-1], both[1] @ np.stack([success, success**2]).T, rtol=1e-12)


def stirling(balls: int, cells: int) -> int:
    if balls == cells:
        return 1
    if cells in (0, balls + 1):
        return 0
    return cells * stirling(balls - 1, cells) + stirling(balls - 1, cells - 1)


def test_occupied_cells_by_stirling_numbers() -> None:
    band = chain.occupancy_band(9, 7)
    for a in range(8):
        exact = [Fraction(math.perm(9, b) * stirling(a, b), 9**a) for b in range(a + 1)]
        row = np.zeros(10)
        row[band.first[a] : band.first[a] + band.size[a]] = band.weights[a, : band.size[a]]
        np.testing.assert_allclose(row[: a + 1], [float(x) for x in exact], rtol=1e-14)


def test_fresh_ancestors_against_scipy() -> None:
    band = chain.hypergeometric_band(60, 45, 30)
    for b in range(31):
        row = np.zeros(31)
        row[band.first[b] : band.first[b] + band.size[b]] = band.weights[b, : band.size[b]]
        exact = stats.hypergeom(60, 45, b).pmf(np.arange(31))
        # scipy's own error in its logarithms.
        np.testing.assert_allclose(row, exact, rtol=1e-11, atol=1e-22)


def test_mass_is_kept() -> None:
    band = chain.occupancy_band(400, 400)
    sums: NDArray[np.float64] = band.weights.sum(axis=1)
    np.testing.assert_allclose(sums, 1.0, rtol=1e-14)
