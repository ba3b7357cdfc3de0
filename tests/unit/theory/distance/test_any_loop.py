"""E W2^2 of loops whose trace dies."""

import numpy as np
import pytest

from madtheory.loop import (
    Loop,
    UnsupportedLoop,
    fresh_data,
    fully_synthetic,
    synthetic_augmentation,
)
from madtheory.spectrum.baseline import baseline
from madtheory.theory import distance
from madtheory.theory.distance import mixed, w2_squared_limit
from madtheory.theory.moments import first_moments, first_moments_limit


def test_where_the_trace_dies_the_limit_is_exact() -> None:
    s = np.array([2.0, 1.0, 0.0])
    pool = synthetic_augmentation(6, 6, bias=0.5, pool="accumulate")
    limit = distance.w2_squared_limit(pool, s)
    assert float(limit.value) == pytest.approx(3 * (1 + first_moments_limit(pool).mean_sq))
    assert float(limit.rel_error) == 0
    # Approached like the fidelity, twice t^(-(1 - lambda)/2): slowly, from below.
    late = distance.w2_squared(pool, s, generations=1200).value
    moments = first_moments(pool, 1200)
    fidelity = 3 * (1 + moments.mean_sq + moments.trace) - late
    assert late[-1] < limit.value
    assert fidelity[1199] / fidelity[299] == pytest.approx(4**-0.25, rel=0.01)
    # Without real data a memory does not change what dies.
    memory = Loop(n_initial=6, n_synth=6, memory=2, bias=0.5)
    assert float(distance.w2_squared_limit(memory, s).value) == pytest.approx(
        3 * (1 + first_moments(memory, 400).mean_sq[-1]), rel=1e-12
    )
    assert float(distance.w2_squared_limit(fully_synthetic(6, bias=0.5), s).value) == pytest.approx(
        3 * (1 + 1 / 6 / 0.5), rel=1e-12
    )


def test_digits_survive_huge_counts() -> None:
    """To leading order E W2^2 is a constant over n, and the constant does not depend on n."""
    scaled = []
    for n in (10**10, 10**12):
        loop = Loop(n_initial=2 * n, n_fixed=n, n_fresh=n, n_synth=n)
        limit = float(distance.w2_squared_limit(loop, np.ones(3)).value)
        path = float(distance.w2_squared(loop, np.ones(3), generations=60).value[-1])
        scaled.append((n * limit, n * path))
    np.testing.assert_allclose(scaled[1], scaled[0], rtol=1e-8)
    np.testing.assert_allclose(scaled[1][0], scaled[1][1], rtol=1e-8)


@pytest.mark.parametrize("kind", [{"memory": 3}, {"pool": "accumulate", "pool_cap": 3}, {}])
def test_limits_stand_still_where_synthetic_samples_are_many(kind):
    """Its skew was lost in rounding from 10^6 synthetic samples per real one: 1.5 % at 10^7."""
    best = w2_squared_limit(synthetic_augmentation(100, 10**7, **kind), [1.0] * 3)
    for power in range(8, 12):
        found = w2_squared_limit(synthetic_augmentation(100, 10**power, **kind), [1.0] * 3)
        assert abs(found.value / best.value - 1) < 4e-5
    # First moments are some 10^-7 off there, which is declared.
    assert 2e-7 < found.rel_error - best.rel_error < 1e-5


def test_limits_of_which_rounding_leaves_nothing_are_refused_in_one_sentence():
    loop = synthetic_augmentation(100, 10**14)
    for limit in (lambda: w2_squared_limit(loop, [1.0]), lambda: first_moments_limit(loop)):
        with pytest.raises(UnsupportedLoop, match=r"10\^11 samples in sight .*1e\+12"):
            limit()
    # Closed forms in rational numbers, and weights, lose nothing.
    assert np.isfinite(w2_squared_limit(fresh_data(100, 10**15), [1.0]).value)
    assert np.isfinite(first_moments_limit(fresh_data(100, 10**15, weight=0.3)).trace)


def test_one_fit_takes_two_samples() -> None:
    with pytest.raises(ValueError, match="n must be at least 2, got 1"):
        distance.w2_squared_one_fit(1, [1.0])


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
def test_one_fit_is_the_baseline_on_a_line_and_where_samples_are_many(n):
    one = distance.w2_squared_one_fit
    assert one(n, [2.5]) == pytest.approx(float(baseline(n, [2.5]).value), rel=1e-12)
    # The second order is right: what is off falls as 1/n^2, a share of 1/n of the value.
    for s in ([1.0, 1.0, 0.5], [1.0] * 20):
        assert one(500 * n, s) == pytest.approx(float(baseline(500 * n, s).value), rel=1 / n / 500)


def test_first_moments_alone_are_the_widest_spread_about_them():
    """One fresh sample: second moments have no limit, first ones have (2.2)."""
    spread, _ = mixed.limit_parts(fresh_data(1, 10), 3)
    assert float(spread.mean_sq) == pytest.approx(1.0, rel=1e-12)
    assert float(spread.shift) == pytest.approx(2.0 - 1.0, rel=1e-12)


@pytest.mark.parametrize("memory", [1, 2])
def test_all_weight_on_one_sample_leaves_no_covariance(memory):
    """Sigma is 0 from the second generation on: E W2^2 = tr Sigma_0 + E |mu|^2, twice the trace."""
    loop = fresh_data(1, 20, weight=1.0, ddof=0, memory=memory)
    s = [3.0, 1.0, 0.5]
    path = distance.w2_squared(loop, s, generations=4)
    np.testing.assert_allclose(path.value[1:], 2 * 4.5, rtol=1e-12)
    np.testing.assert_array_equal(path.rel_error[1:], 0)
    limit = w2_squared_limit(loop, s)
    assert (float(limit.value), float(limit.rel_error)) == (pytest.approx(9.0, rel=1e-12), 0)
