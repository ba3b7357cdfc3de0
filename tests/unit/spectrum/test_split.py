"""A spectrum in parts of different size: what is exact about the split."""

import math

import mpmath as mp
import numpy as np
import pytest

from madtheory.spectrum import baseline, chain_deficit, mean_sqrt_trace, split
from madtheory.spectrum.factors import chain

T = np.array([1, 2, 3, 10])


def whole(s: np.ndarray, first: int, later: int) -> np.ndarray:
    """E tr(.)^{1/2} at T."""
    return np.asarray(s.sum() * (1 - chain_deficit(s, T, first=first, later=later).value))


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("k", [9, 40])
def test_far_apart_both_parts_are_chains_of_their_own(p: int, k: int) -> None:
    top, low = 1e7 * np.arange(1.0, p + 1)[::-1], np.linspace(2.0, 1.0, 12)
    found = whole(np.append(top, low), k, k)
    alone = (1 - p / k) ** (T / 2) * whole(low, k - p, k - p)
    assert found - whole(top, k, k) == pytest.approx(alone, rel=1e-4)


def test_one_generation_of_a_spike_over_a_flat_rest_is_exact() -> None:
    # One spike: E chi_k; the rest an exact Wishart of k - 1 degrees of freedom in d - 1 dimensions.
    k, s = 30, np.append(1e8, np.ones(20))
    with mp.workdps(30):
        spike = float(mp.sqrt(2) * mp.gammaprod([(k + mp.mpf(1)) / 2], [k / mp.mpf(2)]))
    rest = float(mean_sqrt_trace(np.ones(20), [k - 1]).value[0]) * math.sqrt(k - 1)
    got = mean_sqrt_trace(s, [k])
    assert got.value[0] == pytest.approx((1e8 * spike + rest) / math.sqrt(k), rel=1e-13)
    assert got.rel_error[0] * got.value[0] < 1e-5


@pytest.mark.parametrize("ratio", [30.0, 1e4])
def test_first_order_is_exact_across_a_split(ratio: float) -> None:
    s, k = np.append([2 * ratio, ratio], np.ones(9)), 10**7
    assert split._best_split(s / s.sum(), k) is not None
    pairs = np.multiply.outer(s, s) / np.add.outer(s, s)
    first = (pairs.sum() + np.trace(pairs)) / (4 * k * s.sum())
    got = chain_deficit(s, [1, 5], first=k, later=k).value
    np.testing.assert_allclose(got, first * np.array([1, 5]), rtol=1e-5)  # next order: 1/k


def test_late_generations_reach_the_floor_across_a_split() -> None:
    s, k, t = np.append(50.0, np.ones(9)), 12, 600
    value = 1 - chain_deficit(s, [t], first=k, later=k).value[0]
    with mp.workdps(30):
        phi = (mp.sqrt(2 / mp.mpf(k)) * mp.gammaprod([(k + 1) / mp.mpf(2)], [k / mp.mpf(2)])) ** t
        # E (2500 z1^2 + chi2_9)^{1/2} by the integral of 1 - E exp(-r Q).
        norm = mp.quad(
            lambda r: (1 - (1 + 5000 * r) ** -0.5 * (1 + 2 * r) ** -4.5) * r**-1.5,
            [0, 1e-6, 1e-4, 1e-2, 1, 100, mp.inf],
        ) / (2 * mp.sqrt(mp.pi))
        expected = float(mp.sqrt(mp.pi / 2) * norm * phi / 59)
    assert value == pytest.approx(expected, rel=1e-6)


def test_where_a_spectrum_is_split() -> None:
    def at(*s: float) -> int | None:
        found = split._best_split(np.array(s) / sum(s), 100.0)
        return found and found.p

    assert at(1.0, 1.0, 1.0) is None
    assert at(3.0, *[1.0] * 20) is None  # the spike does not stand out of the sum of the rest
    assert at(1000.0, *[1.0] * 20) == 1
    assert at(1000.0, 900.0, 800.0, *[1.0] * 20) == 3
    assert split._best_split(np.array([1000.0, 900.0, 1.0]) / 1901, 2.0) is None  # 2 fill the rank


def test_values_stay_within_the_bounds_of_the_whole() -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        s = np.sort(np.append(np.exp(rng.uniform(0, 8, 3)), rng.uniform(0.2, 1, 15)))[::-1]
        first, later = rng.integers(2, 60, 2)
        value, low, high, error = split.log_ratio(
            s / s.sum(), chain(int(first), int(later), np.arange(1, 40))
        )
        assert (low <= value).all()
        assert (value <= high).all()
        assert (np.diff(value) < 0).all()
        assert ((error >= 0) & (error <= 0.0421)).all()


@pytest.mark.parametrize("t", [2, 300, 3000])
def test_a_long_chain_keeps_its_digits(t):
    # The fidelity underflows towards 0 while its logarithm does not: no warning, no lost error.
    s, dofs = np.array([1000.0, 1.0, 1.0, 0.5]), [9] * t
    found = mean_sqrt_trace(s, dofs)
    lead = math.exp(t * (math.log(2 / 9) / 2 + math.lgamma(5) - math.lgamma(4.5)))
    assert 1000 * lead < found.value[-1] < 1002.5 * lead
    assert 0 <= found.rel_error[-1] < 1e-3
    assert chain_deficit(s, [10**6], first=9, later=9).value[0] == 1


def test_the_rest_of_two_equal_directions_by_hand() -> None:
    # E |N_2| = sqrt(pi/2), E |N_1| = sqrt(2/pi).
    assert split._split_at(np.array([3.0, 3.0]), 1).rest == pytest.approx(
        3 * (math.pi / 2 - 1), rel=1e-12
    )


@pytest.mark.parametrize(
    ("s", "n", "mean", "se"),
    [
        ([2.5] * 14 + [1.0] * 50, 30, 60.305, 0.011),
        ([3.0] * 9 + [1.0] * 91, 20, 134.42, 0.015),
        ([3.5] * 2 + [1.0] * 62, 5, 115.55, 0.02),
    ],
)
def test_many_directions_that_lead_by_little_are_no_group_of_their_own(s, n, mean, se):
    """Split off they gave 9, 5 and 3 % too much, and 6, 3 and 1 were declared (drawn spectra)."""
    found = baseline(n, s)
    assert float(found.value) == pytest.approx(mean, rel=0.004, abs=3 * se)
    assert abs(float(found.value) - mean) <= float(found.rel_error * found.value) + 3 * se
