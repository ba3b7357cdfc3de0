"""Verdicts on simulated paths: their error rates."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from madtheory.loop import fresh_data, fully_synthetic
from madtheory.theory.verdicts import (
    PathFinding,
    distance_increases_on_paths,
    loop_forgets_on_paths,
    rate_on_paths,
    ratio_on_paths,
    risk_growth_on_paths,
    variance_vanishes,
)
from tests.unit.theory.verdicts.paths import Array, brute

ALPHA = 0.05

TRIALS = 1000

#: A count of wrong verdicts beyond this has chance 1e-4 at error rate ALPHA.
TOO_MANY = int(stats.binom.isf(1e-4, TRIALS, ALPHA))


def verdicts(make, ask) -> Counter[bool | None]:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(3)
    return Counter(ask(make(rng)).verdict for _ in range(TRIALS))


def test_a_driftless_walk_is_rarely_called_falling_and_a_falling_one_almost_always() -> None:
    def walk(drift: float):  # type: ignore[no-untyped-def]
        return lambda rng: np.cumsum(rng.standard_normal((20, 21)) + drift, axis=1)

    def ask(paths: Array) -> PathFinding:
        return rate_on_paths(paths, margin=0.5, alpha=ALPHA)

    assert verdicts(walk(0.0), ask)[True] <= TOO_MANY
    # Standard error 1/sqrt(200) = .07: a drift of -.4 is nearly six of them away from 0, and a
    # drift of 0 is seven from the margin.
    assert verdicts(walk(-0.4), ask)[True] >= 0.99 * TRIALS
    # A driftless walk is called falling at rate ALPHA/2, and not falling for the rest.
    assert verdicts(walk(0.0), ask)[False] >= (1 - ALPHA) * TRIALS
    # At the margin itself a False is wrong.
    assert verdicts(walk(-0.5), ask)[False] <= TOO_MANY


def test_lost_rank_decides_at_once() -> None:
    paths = np.zeros((3, 4))
    paths[1, -1] = -np.inf
    assert rate_on_paths(paths).verdict is True


def test_rate_on_paths_forgets_the_start() -> None:
    rng = np.random.default_rng(4)
    paths = rng.normal(0, 0.01, (50, 40))
    paths[:, 0] += 100.0
    assert rate_on_paths(paths, margin=0.01).verdict is False


def test_one_flat_step_keeps_mad_from_being_called() -> None:
    def rising(flat: float):  # type: ignore[no-untyped-def]
        means = np.cumsum([0.0, 1.0, 1.0, flat, 1.0])
        return lambda rng: means + 0.5 * rng.standard_normal((30, 5))

    def ask(paths: Array) -> PathFinding:
        return distance_increases_on_paths(paths, alpha=ALPHA)

    assert verdicts(rising(0.0), ask)[True] <= TOO_MANY
    assert verdicts(rising(0.0), ask)[False] <= TOO_MANY
    # Steps of 1 at a standard error of .13; the power of each is beyond 1 - 1e-6.
    assert verdicts(rising(1.0), ask)[True] >= 0.99 * TRIALS
    assert verdicts(rising(-1.0), ask)[False] >= 0.99 * TRIALS


def test_growth_of_the_risk_on_paths() -> None:
    def risk(slope: float):  # type: ignore[no-untyped-def]
        start = np.array([5.0, 3.0, 1.0, 0, 0, 0, 0, 0, 0, 0])
        return lambda rng: start + slope * np.arange(10) + rng.standard_normal((40, 10))

    def ask(paths: Array) -> PathFinding:
        return risk_growth_on_paths(paths, alpha=ALPHA)

    flat = verdicts(risk(0.0), ask)
    assert flat[True] + flat[False] <= TOO_MANY
    # Slope standard error 1/sqrt(10 * 40) = .05.
    assert verdicts(risk(0.5), ask)[True] >= 0.99 * TRIALS
    exact = risk_growth_on_paths([[9.0, 9.0, 1.0, 1.5], [8.0, 8.0, 2.0, 2.5]])
    assert exact.estimate == 0.5


def test_ratio_on_paths_covers() -> None:
    def ask(paths: Array) -> PathFinding:
        return ratio_on_paths(paths, 2.0, alpha=ALPHA)

    def risk(mean: float):  # type: ignore[no-untyped-def]
        return lambda rng: rng.normal(mean, 1.0, (30, 3))

    even = verdicts(risk(2.0), ask)
    assert even[True] + even[False] <= TOO_MANY
    assert verdicts(risk(4.0), ask)[True] >= 0.99 * TRIALS
    assert verdicts(risk(1.0), ask)[False] >= 0.99 * TRIALS


def test_two_starts_on_paths() -> None:
    def ask(pair: tuple[Array, Array]) -> PathFinding:
        return loop_forgets_on_paths(*pair, margin=1.0, alpha=ALPHA)

    def starts(gap: float):  # type: ignore[no-untyped-def]
        return lambda rng: (rng.normal(0, 1, (40, 2)), rng.normal(gap, 1, (40, 2)))

    assert verdicts(starts(0.0), ask)[True] >= 0.95 * TRIALS
    assert verdicts(starts(2.5), ask)[False] >= 0.99 * TRIALS
    edge = verdicts(starts(1.0), ask)
    assert edge[True] + edge[False] <= TOO_MANY


def test_paths_of_real_loops_agree_with_their_laws() -> None:
    rng = np.random.default_rng(5)
    for loop, falls in ((fully_synthetic(6), True), (fresh_data(6, 6), False)):
        logs = [[math.log(np.trace(S)) for S in brute(loop, 2, 40, rng)] for _ in range(60)]
        found = rate_on_paths(logs, margin=0.05)
        assert found.verdict is falls
        assert variance_vanishes(loop).verdict is falls


# --- by hand and by scipy ------------------------------------------------------------------------


def column(mean: float, n: int = 10) -> Array:
    """A column of n values with this mean and sample variance 1."""
    x = np.linspace(-1, 1, n)
    return mean + x / x.std(ddof=1)


def test_intervals_are_those_of_scipy() -> None:
    x = np.random.default_rng(6).normal(1.0, 2.0, 7)
    found = ratio_on_paths(np.stack([np.zeros(7), x], axis=1), 2.0, alpha=0.03)
    low, high = stats.ttest_1samp(x / 2, 0).confidence_interval(0.97)
    assert (found.lower, found.upper) == pytest.approx((low, high), rel=1e-12)
    assert found.se == pytest.approx(stats.sem(x / 2), rel=1e-12)
    paths = np.random.default_rng(7).normal(size=(5, 9))
    # The last five of nine generations, by least squares.
    slopes = np.polyfit(np.arange(5), paths[:, 4:].T, 1)[0]
    growth = risk_growth_on_paths(paths, alpha=0.03)
    low, high = stats.ttest_1samp(slopes, 0).confidence_interval(0.97)
    assert (growth.lower, growth.upper) == pytest.approx((low, high), rel=1e-10)


def test_two_starts_take_the_last_generation_and_the_smaller_sample() -> None:
    x, y = column(3.0, 5), column(1.0, 50)
    one, other = (np.stack([np.full(z.size, 9.0), z], axis=1) for z in (x, y))
    found = loop_forgets_on_paths(one, other, margin=1.0, alpha=0.05)
    se = math.sqrt(1 / 5 + 1 / 50)
    half = 2.7764451052 * se  # the .975 quantile of t with 4 degrees of freedom
    assert found.estimate == pytest.approx(2.0, rel=1e-12)
    assert (found.lower, found.upper) == pytest.approx((2 - half, 2 + half), rel=1e-9)


def test_the_rate_is_that_from_the_middle_on() -> None:
    # Generations 2 to 4 of 4, and 3 to 5 of 5.
    assert rate_on_paths([[0.0, 0.0, 1.0, 3.0]] * 2).estimate == 1.5
    assert rate_on_paths([[9.0, 9.0, 1.0, 2.0, 4.0]] * 2).estimate == 1.5


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        # t quantiles with 9 degrees of freedom: 1.833 at .05, 2.685 at .05/4.
        ([1.9, 1.9, 1.9, 1.9], True),
        ([1.9, 1.9, 1.8, 1.9], None),
        ([1.9, -2.6, 1.9, 1.9], None),
        ([1.9, -2.8, 1.9, 1.9], False),
    ],
)
def test_all_steps_rise_at_alpha_and_one_of_many_falls_at_its_share(
    steps: list[float], verdict: bool | None
) -> None:
    rises = np.stack([column(t / math.sqrt(10)) for t in steps], axis=1)
    paths = np.cumsum(np.concatenate([np.zeros((10, 1)), rises], axis=1), axis=1)
    assert distance_increases_on_paths(paths, alpha=0.05).verdict is verdict


def test_paths_that_are_at_the_baseline_decide_nothing() -> None:
    found = ratio_on_paths([[2.0], [2.0], [2.0]], 2.0)
    assert (found.verdict, found.lower, found.upper) == (None, 1.0, 1.0)
