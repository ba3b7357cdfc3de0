"""Worth of the fresh data loop against second routes."""

import math

import mpmath
import numpy as np
import pytest

from madtheory import spectrum
from madtheory.loop import UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory import distance, moments
from madtheory.theory.worth import (
    admissible,
    admissible_n_synth,
    admissible_n_synth_limit,
    effective_sample_size,
    fraction_effective_size,
    fraction_floor,
    fresh_fraction,
    gain,
    leading_gain,
    mean_effective_size,
)


# -------------------------------------------------------------------------------- baseline
@pytest.mark.parametrize("n", [2, 3, 10, 1000, 10**9])
def test_baseline_in_one_dimension_is_exact(n):
    with mpmath.workdps(40):
        k = mpmath.mpf(n - 1)
        root = mpmath.sqrt(2 / k) * mpmath.gammaprod([(k + 1) / 2], [k / 2])
        expected = 3 * (mpmath.mpf(1) / n + 2 - 2 * root)
    got = spectrum.baseline(n, [3.0])
    assert float(got.value) == pytest.approx(float(expected), rel=1e-12)
    assert float(got.rel_error) == 0


def test_baseline_is_mean_part_plus_fidelity():
    s = np.array([2.0, 1.0, 0.5])
    got, mean = spectrum.baseline(9, s), spectrum.mean_sqrt_trace(s, [8])
    assert float(got.value) == pytest.approx(
        s.sum() / 9 + 2 * s.sum() - 2 * mean.value[0], rel=1e-12
    )
    assert float(got.upper) == pytest.approx(
        s.sum() / 9 + 2 * s.sum() - 2 * mean.lower[0], rel=1e-12
    )
    assert float(got.lower) == pytest.approx(
        s.sum() / 9 + 2 * s.sum() - 2 * mean.upper[0], rel=1e-12
    )
    error = 2 * mean.value[0] * mean.rel_error[0]
    assert float(got.rel_error * got.value) == pytest.approx(error, rel=1e-9)


def test_baseline_of_theory():
    # theory.md 5.3: 26.5 to leading order, 31.97 truly, at d = n = 100
    assert spectrum.baseline_leading(100, np.ones(100)) == pytest.approx(1 + 10100 / 396, rel=1e-14)
    exact = spectrum.baseline(100, np.ones(100))
    assert float(exact.value) == pytest.approx(31.97, rel=float(exact.rel_error))
    assert float(exact.rel_error) < 0.1


def test_leading_order_sums_over_pairs():
    s = [3.0, 1.0, 0.5, 0.0]
    pairs = [
        a * b * (1 + (i == j)) / (a + b) for i, a in enumerate(s[:3]) for j, b in enumerate(s[:3])
    ]
    expected = 4.5 / 50.5 + sum(pairs) / (2 * 49.5)
    assert spectrum.baseline_leading(50.5, s) == pytest.approx(expected, rel=1e-14)
    assert spectrum.baseline_leading(1, s) == math.inf
    assert spectrum.baseline_leading(10**8, s) == pytest.approx(
        float(spectrum.baseline(10**8, s).value), rel=1e-7
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


# ------------------------------------------------------------------------- effective size
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


# -------------------------------------------------------------------------- admissible size
@pytest.mark.parametrize(
    ("bias", "dim", "limit", "low"),
    [
        (0.5, 1, 32, 0.9755),
        (0.5, 5, 48, 0.9786),
        (0.8, 20, 676.5, 0.9595),
        (0.9, 100, 10944, 0.9511),
    ],
)
def test_admissible_size_and_its_limit(bias, dim, limit, low):
    assert admissible_n_synth_limit(bias, dim) == pytest.approx(limit, rel=1e-12)
    at_30 = admissible_n_synth(fresh_data(30 * round(limit), 1, bias=bias), dim)
    assert at_30 / limit == pytest.approx(low, abs=2e-4)
    # theory.md 2.6: 31.9, 47.9, 673.5, 10944 on the way to the limit
    far = admissible_n_synth(fresh_data(10**4 * round(limit), 1, bias=bias), dim)
    assert far / limit == pytest.approx(1, abs=3e-4)


def test_admissible_size_is_where_the_loop_meets_the_baseline():
    n = admissible_n_synth(fresh_data(200, 1, bias=0.7), 4)
    for n_synth, better in ((math.floor(n), True), (math.ceil(n), False)):
        w2 = distance.w2_squared_second_order_limit(fresh_data(200, n_synth, bias=0.7), np.ones(4))
        assert (w2 <= spectrum.baseline_leading(200, np.ones(4))) is better


def test_admissible_size_at_its_ends():
    assert admissible_n_synth(fresh_data(50, 7), 3) == math.inf
    assert admissible_n_synth(fresh_data(1, 7, bias=0.5), 3) == math.inf
    # d >> n_real: even a collapsed model beats the fit
    assert admissible_n_synth(fresh_data(2, 1, bias=0.5), 100) == math.inf
    assert admissible_n_synth_limit(1.0, 3) == math.inf
    near = admissible_n_synth(fresh_data(100, 1, bias=1 - 1e-9), 3)
    assert 1e9 < near < math.inf


def test_last_root():
    assert admissible._last_root(lambda x: x - 3, 10.0) == pytest.approx(math.exp(3), rel=1e-10)
    assert admissible._last_root(lambda x: (x - 1) * (x - 4) * (x - 8), 10.0) == pytest.approx(
        math.exp(8), rel=1e-10
    )
    assert admissible._last_root(lambda _: 1.0, 10.0) == 0.0
    assert admissible._last_root(lambda _: -1.0, 10.0) == math.inf


# ------------------------------------------------------------------------- fraction of real
def test_fraction_floor_is_the_limit_of_w2():
    loop = fresh_fraction(10**12, 0.3, bias=0.8)
    w2 = float(distance.w2_squared_limit(loop, np.ones(5)).value)
    assert fraction_floor(0.3, 0.8, 5) == pytest.approx(w2, rel=1e-9)
    assert fraction_floor(0.3, 1.0, 5) == 0
    assert fraction_floor(1.0, 0.4, 5) == 0
    assert fraction_floor(0.0, 0.4, 5) == 5


def test_fraction_worth_is_the_limit_of_the_mean():
    loop = fresh_fraction(10**10, 0.2)
    assert (loop.n_fresh, loop.n_synth, loop.n_initial) == (2 * 10**9, 8 * 10**9, 10**10)
    worth = fraction_effective_size(10**10, 0.2)
    limit = moments.first_moments_limit(loop)
    assert worth == pytest.approx(1 / limit.mean_sq, rel=1e-8)
    assert gain(loop, [1.0]) * loop.n_fresh == pytest.approx(worth, rel=1e-8)


def test_fraction_keeps_a_sample_of_each_kind():
    assert fresh_fraction(10, 0.01).n_fresh == 1
    assert fresh_fraction(10, 0.99).n_synth == 1


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
