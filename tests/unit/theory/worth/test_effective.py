"""What a loop is worth in real samples, against second routes."""

import math

import numpy as np
import pytest

from madtheory import spectrum
from madtheory.loop import UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory import distance, moments
from madtheory.theory.worth import (
    admissible_n_synth,
    admissible_n_synth_limit,
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
        (lambda: spectrum.baseline_leading(0.5, [1.0]), "n must be a finite number in"),
        (lambda: effective_sample_size(-1.0, [1.0]), "w2_squared must be a finite number in"),
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
