"""What a loop is worth in real samples, against second routes."""

import math

import numpy as np
import pandas as pd
import pytest

from madtheory import spectrum
from madtheory.loop import UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.results import Estimate, Interval
from madtheory.theory import distance, moments
from madtheory.theory.worth import (
    admissible_n_synth,
    admissible_n_synth_limit,
    effective_interval,
    effective_sample_size,
    fraction_floor,
    fresh_fraction,
    gain,
    leading_gain,
    mean_effective_size,
)


@pytest.mark.parametrize("s", [[1.0], [2.0, 0.5, 0.0], [1.0] * 30])
def test_inverse_of_the_baseline(s):
    for n in (2, 3, 7, 31, 10**4, 10**12):
        w2 = float(spectrum.baseline(n, s).value)
        assert effective_sample_size(w2, s) == pytest.approx(n, rel=1e-12)


def test_inverse_between_integers_is_linear_in_one_over_n():
    low, high = (float(spectrum.baseline(n, [1.0]).value) for n in (5, 6))
    n = 1 / (0.25 / 5 + 0.75 / 6)
    assert effective_sample_size(0.25 * low + 0.75 * high, [1.0]) == pytest.approx(n, rel=1e-12)


def test_inverse_at_its_ends():
    first = float(spectrum.baseline(2, [1.0]).value)
    assert effective_sample_size(0.0, [1.0]) == math.inf
    assert effective_sample_size(math.inf, [1.0]) == 0.0
    assert effective_sample_size(4 * first, [1.0]) == pytest.approx(0.5, rel=1e-14)
    # far out W2^2 = (1 + 1/2)/n in one dimension
    assert effective_sample_size(1e-30, [1.0]) == pytest.approx(1.5e30, rel=1e-12)
    # Distances that are 0 in units of the largest eigenvalue: more samples than float64 counts.
    assert effective_sample_size(5e-324, [1.0]) == math.inf
    assert effective_sample_size(1e-250, [1e100, 1.0]) == math.inf


#: dim, n_real, n_synth, bias, n_e by simulation (some 10^9 numbers each) and its error.
WORTH = [
    (7, 10, 390, 0.9, 10.6662, 0.0007),
    (4, 6, 150, 0.9, 9.5695, 0.0018),
    (30, 30, 318, 0.7, 34.3045, 0.002),
]


@pytest.mark.parametrize(("dim", "n_real", "n_synth", "bias", "truth", "se"), WORTH)
def test_the_interval_has_the_simulated_worth(
    dim: int, n_real: int, n_synth: int, bias: float, truth: float, se: float
) -> None:
    w2 = distance.w2_squared_limit(fresh_data(n_real, n_synth, bias=bias), dim)
    found = effective_interval(w2, dim)
    assert found.lower - 3 * se <= truth <= found.upper + 3 * se
    assert effective_sample_size(float(w2.value), dim) == pytest.approx(truth, rel=0.001)
    assert found.upper / found.lower < 1.001


def test_the_interval_has_the_error_of_the_baseline() -> None:
    # Unequal eigenvalues: the baseline has an error of its own, and an exact distance an interval.
    s = 1 / np.arange(1.0, 21)
    base = spectrum.baseline(30, s)
    found = effective_interval(Interval(float(base.value), float(base.value)), s)
    assert float(spectrum.baseline(math.floor(found.lower), s).end(-1)) > float(base.value)
    assert float(spectrum.baseline(math.ceil(found.lower), s).end(-1)) <= float(base.value)
    assert float(spectrum.baseline(math.floor(found.upper), s).end(1)) > float(base.value)
    assert float(spectrum.baseline(math.ceil(found.upper), s).end(1)) <= float(base.value)
    assert found.lower < 30 < found.upper
    # At a multiple of I it is exact, and so is the worth.
    flat = spectrum.baseline(30, np.ones(20))
    exact = effective_interval(flat, np.ones(20))
    assert exact.lower == pytest.approx(30, rel=1e-12)
    assert exact.upper == pytest.approx(30, rel=1e-12)


def test_the_interval_at_its_ends() -> None:
    none = effective_interval(Estimate.unbounded(), [1.0])
    assert (none.lower, none.upper) == (0.0, 0.0)
    open_ = effective_interval(Interval(-1.0, 0.5), [1.0])
    assert open_.upper == math.inf
    assert open_.lower == pytest.approx(effective_sample_size(0.5, [1.0]), rel=1e-12)


@pytest.mark.parametrize(
    ("n_real", "n_synth"), [(1, 1), (1, 50), (2, 1), (10, 990), (10**9, 10**9)]
)
def test_mean_worth_is_the_limit_of_the_mean(n_real, n_synth):
    got = mean_effective_size(n_real, n_synth)
    limit = moments.first_moments_limit(fresh_data(n_real, n_synth))
    assert got == pytest.approx(1 / limit.mean_sq, rel=1e-13)
    assert n_real <= got <= 2 * n_real - 1


def test_leading_gain_is_the_large_n_limit():
    assert mean_effective_size(10**7, 3 * 10**7) / 10**7 == pytest.approx(
        leading_gain(1, 3), rel=1e-6
    )
    assert leading_gain(1, 3) == 1.75
    loop = fresh_data(10**7, 3 * 10**7)
    assert gain(loop, [1.0, 2.0]) == pytest.approx(1.75, rel=1e-6)
    assert leading_gain(5, 0) == 1
    assert mean_effective_size(5, 0) == 5


def test_gain_is_the_inverse_baseline_of_the_limit():
    loop, s = fresh_data(100, 900), np.ones(100)
    # theory.md 2.5: n_e = 226 +- 2
    assert 100 * gain(loop, s) == pytest.approx(226, abs=3)
    w2 = float(distance.w2_squared_limit(loop, s).value)
    assert float(spectrum.baseline(226, s).value) > w2 > float(spectrum.baseline(228, s).value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectrum.baseline(1, [1.0]), "n must be at least 2, got 1"),
        (lambda: spectrum.baseline_leading(0.5, [1.0]), "n must be a finite number of at least 1"),
        (
            lambda: effective_sample_size(-1.0, [1.0]),
            "w2_squared must be a finite number of at least 0, got -1",
        ),
        (lambda: effective_sample_size(math.nan, [1.0]), "w2_squared must be a finite number"),
        (lambda: admissible_n_synth_limit(1.5, 1), "bias must be a finite number in"),
        (lambda: fresh_fraction(10, 1.0), "p must be a finite number in"),
        (lambda: fraction_floor(-0.1, 0.5, 1), "p must be a finite number in"),
        (lambda: mean_effective_size(0, 1), "n_real must be at least 1, got 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_other_loops_are_refused():
    with pytest.raises(UnsupportedLoop, match="with real data only, got n_real = 0"):
        admissible_n_synth(fully_synthetic(5), 2)


@pytest.mark.parametrize("tiny", [1e-300, 1e-310])
def test_the_worth_is_the_same_in_units_of_almost_nothing(tiny):
    s = np.array([2.0, 1.0, 0.5])
    value = float(spectrum.baseline(37, s).value)
    near = 1e-9 if tiny > 1e-308 else 1e-3  # four digits are left of such numbers
    assert effective_sample_size(tiny * value, tiny * s) == pytest.approx(37.0, rel=near)


def test_what_is_no_distance_is_refused_in_one_sentence() -> None:
    with pytest.raises(
        TypeError, match=r"^w2_squared must be an Estimate or an Interval, got 0.5$"
    ):
        effective_interval(0.5, [1.0])  # type: ignore[arg-type]
    for value in (pd.NA, pd.Series([1.0, 2.0]), np.ones(2)):
        with pytest.raises(TypeError, match=r"^w2_squared must be a number, got "):
            effective_sample_size(value, [1.0])  # type: ignore[arg-type]
    assert effective_sample_size(np.array(np.inf), [1.0]) == 0.0  # type: ignore[arg-type]
