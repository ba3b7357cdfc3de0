"""The risk (Gerstgrasser, Dohmatob), MAD and stability: each verdict by a second route."""

from dataclasses import replace

import numpy as np
import pytest

from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.results import Estimate
from madtheory.theory import collapse, distance, moments
from madtheory.theory.verdicts import (
    expected_distance_increases,
    is_stable,
    risk_grows_linearly,
    risk_is_bounded,
    variance_vanishes,
)
from madtheory.theory.verdicts import risk as risks
from tests.unit.theory.verdicts.paths import brute

ONES = np.ones(3)


def test_an_anchored_pool_is_bounded_up_to_its_critical_bias() -> None:
    for options in ({"weight": 0.3}, {"budget": 4}):
        base = Loop(n_initial=10, n_fresh=3, n_synth=10, pool="accumulate", **options)
        # The gain is linear in the bias: solve for where it is 1.
        gains = [risk_is_bounded(replace(base, bias=b)).value for b in (0.0, 1.0)]
        critical = (1 - gains[0]) / (gains[1] - gains[0])
        for factor in (0.9, 1.1):
            loop = replace(base, bias=factor * critical, allow_overdispersion=True)
            trace = moments.first_moments(loop, 2000).trace
            # Growth over the last doubling, against that over the one before.
            growth = (trace[1999] - trace[999]) / (trace[999] - trace[499])
            assert (growth > 1) == (factor > 1), options
            assert risk_is_bounded(loop).verdict is (factor < 1)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("bias", [0.0, 0.5, 1.0])
def test_synthetic_risk_by_the_walk_of_the_collapse_module(bias: float, ddof: int) -> None:
    for first in ("real", "biased"):
        loop = fully_synthetic(9, bias=bias, ddof=ddof, n_initial=5, first_generation=first)
        found = risk_is_bounded(loop)
        assert found.value == pytest.approx(collapse.mean_walk_limit(loop, [1.0]), rel=1e-12)
        assert found.verdict is not (bias == 1 and ddof == 1)
        steps = np.diff(collapse.mean_walk(loop, [1.0], generations=5000))
        growth = risk_grows_linearly(loop).value
        assert growth == pytest.approx(steps[-1], rel=1e-12, abs=1e-100)


def test_floor_keeps_the_variance_and_loses_the_mean_by_brute_force() -> None:
    loop = fully_synthetic(6, bias=0.7, floor=0.2)
    assert variance_vanishes(loop).verdict is False
    assert risk_is_bounded(loop).verdict is False
    # Slope by E tr Sigma' = bias E tr Sigma + floor and E|mu|^2' = E|mu|^2 + bias E tr Sigma/n.
    traces = [1.0]
    for _ in range(500):
        traces.append(0.7 * traces[-1] + 0.2)
    slope = risk_grows_linearly(loop).value
    assert slope == pytest.approx(0.7 * traces[-1] / 6, rel=1e-12)
    rng = np.random.default_rng(2)
    found = [np.trace(brute(loop, 2, 6, rng)[-1]) / 2 for _ in range(2000)]
    # Four standard errors: 2000 paths at a coefficient of variation near .5.
    assert np.mean(found) == pytest.approx(traces[5], rel=0.045)


def test_mad_of_the_fully_synthetic_loop_is_that_of_its_own_module() -> None:
    for loop, dim in (
        (fully_synthetic(10), 3),
        (fully_synthetic(2, bias=0.65), 1),
        (fully_synthetic(51, bias=0.3), 130),
    ):
        verdict = collapse.is_increasing(loop, dim)
        found = expected_distance_increases(loop, np.ones(dim))
        assert found.verdict is (verdict.verdict == "increasing")
        assert found.status == verdict.status


def test_mad_of_other_loops_by_the_sign_of_their_first_step() -> None:
    # Fresh data beside as much unbiased data falls below one fit; from a better first fit than
    # the loop can keep, the distance rises.
    assert expected_distance_increases(fresh_data(100, 100), ONES).verdict is False
    rising = fresh_data(50, 50, n_initial=1000)
    found = expected_distance_increases(rising, ONES)
    assert found.verdict is True
    path = distance.w2_squared(rising, ONES, generations=50).value
    assert found.value == pytest.approx((np.diff(path) / path[:-1]).min(), rel=1e-12)


def test_stability_by_two_starts() -> None:
    for loop in (
        fresh_data(5, 20),
        synthetic_augmentation(5, 20, bias=0.8),
        fresh_data(5, 20, memory=3),
    ):
        found = is_stable(loop)
        assert found.verdict is True
        assert found.value is not None
        # Both starts draw their first sample and the fixed set as Loop says; the gap shrinks by
        # the rate each generation, whatever the fixed set is.
        one, other = (
            moments.first_moments(replace(loop, n_initial=n), 60).mean_sq for n in (50, 500)
        )
        gap = np.abs(one - other)
        rate = (gap[59] / gap[29]) ** (1 / 30)
        assert rate <= found.value * (1 + 1e-3)


def test_a_band_is_the_tighter_of_bounds_and_declared_error() -> None:
    path = Estimate(*(np.array([x, 1.0]) for x in (1.0, 0.95, 1.2, 0.1)))
    path = replace(path, rel_error=np.array([0.1, 0.0]))
    low, high, status = risks.band(path)
    assert low.tolist() == [0.95, 1.0]
    assert high.tolist() == [1.1, 1.0]
    assert status == "asymptotic"


def test_the_generation_of_a_fall_is_named() -> None:
    loop = fresh_data(100, 100)
    path = distance.w2_squared(loop, ONES, generations=2)
    assert path.value[1] < path.value[0]
    found = expected_distance_increases(loop, ONES)
    assert found.reason == "E W2^2 at generation 2 is below an earlier one"


def test_a_pool_that_stands_still_is_bounded_without_a_floor_only() -> None:
    # s = (b - 1)/b + 1/b = 1: the exponent is 0.
    loop = synthetic_augmentation(10, 10, pool="accumulate", budget=5, ddof=0)
    assert risk_is_bounded(loop).verdict is True
    held = replace(loop, floor=0.1)
    assert risk_is_bounded(held).verdict is False
    trace = moments.first_moments(held, 400).trace
    # Fed by the floor: log t, a third of a unit of log 2 and more a doubling.
    assert trace[399] - trace[199] > 0.5 * (trace[199] - trace[99]) > 0.01


def test_growth_of_exactly_order_t_is_linear() -> None:
    loop = synthetic_augmentation(10, 10, pool="accumulate")
    loop = replace(loop, allow_overdispersion=True, bias=2.0)
    assert moments.pool_exponent(loop) == 1.0
    assert risk_grows_linearly(loop).verdict is True


def test_an_anchored_pool_at_its_critical_bias_is_not_bounded() -> None:
    loop = Loop(
        n_initial=8, n_fresh=4, n_synth=8, pool="accumulate", weight=0.5, bias=2.0,
        allow_overdispersion=True,
    )  # fmt: skip
    found = risk_is_bounded(loop)
    assert (found.verdict, found.value) == (False, 1.0)


def test_all_weight_on_real_data_is_stable_beside_any_pool() -> None:
    pool = Loop(n_initial=10, n_fresh=5, n_synth=10, pool="accumulate", weight=1.0)
    found = is_stable(pool)
    assert (found.verdict, found.value) == (True, 0.0)
    assert is_stable(replace(pool, weight=0.5)).verdict is False


def test_without_noise_the_floor_is_what_is_left() -> None:
    loop = fully_synthetic(10, bias=0.0, floor=0.3, n_initial=4)
    limit = moments.first_moments_limit(loop)
    assert risk_is_bounded(loop).value == pytest.approx(0.25 + 0.3, rel=1e-15)
    assert limit.trace == pytest.approx(0.3, rel=1e-12)
