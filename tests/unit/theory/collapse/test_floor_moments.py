"""Moments with shrinkage or a floor: one-step maps and drawn data."""

import math

import numpy as np
import pytest

from madtheory.loop import Loop, UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory import collapse
from madtheory.theory.moments import INVARIANTS, second_moments
from tests.unit.theory.collapse.floored import CRITICAL, FLOOR, LIKELY, LOOPS, SHRUNK, S, fitted
from tests.unit.theory.collapse.loops import sample


@pytest.mark.parametrize("loop", LOOPS)
def test_first_moments_generation_by_generation(loop: Loop) -> None:
    trace, walk = S.sum(), 0.0
    for t in range(1, 9):
        n, bias = sample(loop, t)
        walk += bias * trace / n
        trace = bias * (n - 1) / (n - loop.ddof) * trace + loop.floor * S.sum()
        at = {"generations": t}
        np.testing.assert_allclose(collapse.mean_trace(loop, S, **at)[-1], trace, rtol=1e-12)
        np.testing.assert_allclose(collapse.mean_walk(loop, S, **at)[-1], walk, rtol=1e-12)


@pytest.mark.parametrize("shrinkage", [0.0, 0.4, 1.0])
def test_without_a_floor_first_moments_are_those_of_the_plain_loop(shrinkage: float) -> None:
    loop = fully_synthetic(7, bias=0.95, n_initial=4, ddof=0, shrinkage=shrinkage)
    plain = fully_synthetic(7, bias=0.95, n_initial=4, ddof=0)
    for name in ("mean_trace", "mean_walk"):
        values = getattr(collapse, name)(loop, S, generations=40)
        expected = getattr(collapse, name)(plain, S, generations=40)
        np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_second_moments_without_shrinkage_or_floor_are_those_of_theory_md() -> None:
    loop = fully_synthetic(7, bias=0.95, n_initial=4, ddof=0)
    moments = collapse.second_moments(loop, S, generations=12)
    squares = collapse.mean_trace_squared(loop, S, generations=12)
    np.testing.assert_allclose(moments.trace_squared, squares, rtol=1e-12)
    total = collapse.mean_squared_trace(loop, S, generations=12)
    np.testing.assert_allclose(moments.squared_trace, total, rtol=1e-12)
    for dim in (1, 4):
        growth = collapse.second_moment_growth(loop, dim)
        # The eigenvalue of [[1 + 1/m, 1/m], [2/m, 1]] above 1.
        np.testing.assert_allclose(growth, collapse.second_moment_growth(loop), rtol=1e-12)


def test_full_shrinkage_is_the_loop_of_one_dimension_with_more_degrees_of_freedom() -> None:
    # tr Sigma' = h tr Sigma chi2_{md}/(md): n = m d + 1 samples at d = 1, and Sigma = (tr/d) I.
    d, m = 3, 4
    loop = fully_synthetic(m + 1, bias=0.8, shrinkage=1.0, floor=0.1)
    line = fully_synthetic(m * d + 1, bias=0.8, floor=0.1)
    wide = collapse.second_moments(loop, np.ones(d), generations=9)
    narrow = collapse.second_moments(line, [1.0], generations=9)
    np.testing.assert_allclose(wide.squared_trace, d * d * narrow.squared_trace, rtol=1e-12)
    np.testing.assert_allclose(wide.trace_squared, d * narrow.squared_trace, rtol=1e-12)
    for call in (
        lambda loop, dim: collapse.stationary_tail_index(loop, dim=dim),
        lambda loop, dim: collapse.stationary_moment(loop, 2, dim=dim),
        lambda loop, dim: collapse.stationary_quantiles(loop, [0.1, 0.9], dim=dim),
        lambda loop, dim: collapse.stationary_cdf(0.5, loop, dim=dim),
        lambda loop, dim: collapse.stationary_quantiles_limit(loop, 0.5, dim=dim),
    ):
        wide_, narrow_ = call(loop, d), call(line, 1)
        # The limit's scale is m e, its shape 1 + m d (1 - h): both by the degrees of freedom.
        np.testing.assert_allclose(wide_, narrow_, rtol=1e-12)
    rate = collapse.rate(fully_synthetic(m * d + 1, bias=0.8))
    bare = fully_synthetic(m + 1, bias=0.8, shrinkage=1.0)
    bounds = collapse.shrinkage_rate(bare, d)
    np.testing.assert_allclose([bounds.lower, bounds.upper], rate, rtol=1e-12)


@pytest.mark.parametrize(
    ("loop", "t"),
    [(SHRUNK, 3), (fully_synthetic(3, shrinkage=0.5, n_initial=5), 2), (FLOOR, 3), (LIKELY, 4)],
    ids=["shrinkage, floor, ddof", "n < d", "floor", "likelihood"],
)
def test_moments_of_drawn_fitted_data(loop: Loop, t: int) -> None:
    count = 150_000
    mean, sigma = fitted(loop, S, t, count, seed=5)
    trace = np.trace(sigma, axis1=1, axis2=2)
    second = collapse.second_moments(loop, S, generations=t)
    for values, expected in (
        ((mean**2).sum(axis=1), collapse.mean_walk(loop, S, generations=t)[-1]),
        (trace, collapse.mean_trace(loop, S, generations=t)[-1]),
        ((sigma**2).sum(axis=(1, 2)), second.trace_squared[-1]),
        (trace**2, second.squared_trace[-1]),
    ):
        se = values.std() / math.sqrt(count)
        assert abs(values.mean() - expected) < 4.5 * se
        # A map without its cross terms, or a floor in other units, is off by more than 10 %.
        assert se < 0.02 * expected


def test_the_walk_goes_on_at_a_constant_pace() -> None:
    for loop in (FLOOR, LIKELY, SHRUNK):
        walk = collapse.mean_walk(loop, S, generations=3000)
        pace = collapse.mean_walk_growth(loop, S)
        np.testing.assert_allclose(walk[-1] - walk[-2], pace, rtol=1e-9)
    # Maximum likelihood, bias 1: the floor's share of the trace every generation, any n_synth.
    np.testing.assert_allclose(collapse.mean_walk_growth(LIKELY, S), 0.1 * S.sum(), rtol=1e-12)
    assert collapse.mean_walk_growth(CRITICAL, S) == math.inf
    walk = collapse.mean_walk(CRITICAL, S, generations=2000)
    # At step_bias 1 the trace itself grows by the floor: second differences are floor tr / n.
    np.testing.assert_allclose(np.diff(walk, 2), 0.01 * S.sum() / 10, rtol=1e-6)


def test_trace_and_walk_of_maximum_likelihood_share_what_the_floor_adds() -> None:
    # E |x - mu_0|^2 of a sample of generation t is E tr Sigma_t + E |mu_t - mu_0|^2.
    trace = collapse.mean_trace(LIKELY, S, generations=50)
    walk = collapse.mean_walk(LIKELY, S, generations=50)
    expected = S.sum() * (1 + 0.1 * np.arange(1, 51))
    np.testing.assert_allclose(trace + walk, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: collapse.mean_trace(fresh_data(5, 5), S, generations=1), "fully synthetic loop"),
        (lambda: collapse.stationary_mean(fully_synthetic(5)), "floor > 0 only, got 0"),
        (lambda: collapse.mean_walk_growth(fully_synthetic(5), S), "floor > 0 only, got 0"),
        (lambda: collapse.shrinkage_rate(FLOOR, 2), "floor = 0 only, got 0.2"),
        (lambda: collapse.shrinkage_second_moment_map(FLOOR, 2), "floor = 0 only, got 0.2"),
        (lambda: collapse.stationary_tail_index(SHRUNK, dim=2), "shrinkage = 0 or 1 only"),
        (
            lambda: collapse.stationary_quantiles(
                fully_synthetic(5, bias=2.0, floor=0.1, allow_overdispersion=True), 0.5
            ),
            "negative collapse rate only",
        ),
        (
            lambda: collapse.stationary_quantiles(fully_synthetic(10**7, floor=0.1), 0.5),
            "at most 10000 points",
        ),
    ],
)
def test_unsupported_loops_are_named(call, message: str) -> None:
    with pytest.raises(UnsupportedLoop, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: collapse.stationary_quantiles(CRITICAL, 1.5), r"q must be in \[0, 1\], got 1.5"),
        (lambda: collapse.stationary_cdf(math.nan, CRITICAL), "x must not be NaN"),
        (lambda: collapse.stationary_moment(CRITICAL, -1), "power must be at least 0, got -1"),
        (
            lambda: collapse.second_moments(FLOOR, S, generations=0),
            "generations must be at least",
        ),
        (lambda: collapse.condition_bound(FLOOR, 0), "dim must be at least 1, got 0"),
    ],
)
def test_bad_arguments_are_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("shrinkage", "dim", "ddof"), [(0.0, 3, 1), (0.3, 4, 1), (1.0, 2, 0)])
def test_the_map_is_one_generation_of_second_moments(shrinkage: float, dim: int, ddof: int) -> None:
    """Against the general moment tensors, which know the fit and not this map."""
    loop = fully_synthetic(9, bias=0.8, shrinkage=shrinkage, ddof=ddof)
    path = second_moments(loop, dim, generations=3)
    pairs = path[:, [INVARIANTS.index("trace_squared"), INVARIANTS.index("squared_trace")]]
    np.testing.assert_allclose(
        pairs[1:], pairs[:-1] @ collapse.shrinkage_second_moment_map(loop, dim).T, rtol=1e-11
    )
