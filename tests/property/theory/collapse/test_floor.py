"""Laws that hold for every fully synthetic loop with shrinkage, a floor and either ddof."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from madtheory.loop import fully_synthetic
from madtheory.theory import collapse

SIZES = st.one_of(st.integers(2, 60), st.sampled_from([10**3, 10**6, 2**53]))
BIASES = st.one_of(st.floats(0.05, 1.0), st.just(1.0))
SHRINKAGES = st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 1.0]))
EIGENVALUES = st.lists(st.floats(0.0, 1e3), min_size=1, max_size=5).filter(lambda s: max(s) > 1e-3)


FLOORS, NONE = st.floats(1e-6, 3.0), st.just(0.0)


@st.composite
def loops(draw, *, floors=FLOORS, shrinkages=SHRINKAGES, sizes=SIZES):
    return fully_synthetic(
        draw(sizes),
        bias=draw(BIASES),
        n_initial=draw(SIZES),
        first_generation=draw(st.sampled_from(["real", "biased"])),
        ddof=draw(st.sampled_from([0, 1])),
        shrinkage=draw(shrinkages),
        floor=draw(floors),
    )


@given(SIZES, SIZES, BIASES, EIGENVALUES)
def test_division_by_n_is_a_smaller_bias_for_all_but_the_sample_means(n, n_initial, bias, s):
    likely = fully_synthetic(n, bias=bias, n_initial=n_initial, ddof=0)
    smaller = fully_synthetic(n, bias=bias * (n - 1) / n, n_initial=n_initial)
    first = 1 - 1 / n_initial
    at = {"generations": 20}
    for law, power in ((collapse.mean_trace, 1), (collapse.mean_squared_trace, 2)):
        np.testing.assert_allclose(
            law(likely, s, **at), first**power * law(smaller, s, **at), 1e-11
        )
    # bias / step_bias = n / (n-1) in the walk, whose first step no division touches.
    walk, other = collapse.mean_walk(likely, s, **at), collapse.mean_walk(smaller, s, **at)
    np.testing.assert_allclose(
        walk - walk[0], (other - other[0]) * first * n / (n - 1), rtol=1e-9, atol=1e-9 * walk[0]
    )
    assert collapse.rate(likely) < 0
    assert collapse.rate(likely) <= collapse.rate(fully_synthetic(n, bias=bias))
    # No strict order at n = 2^53, where both are the next float above 1.
    assert collapse.critical_bias(likely) >= collapse.critical_bias(fully_synthetic(n))


@given(st.integers(2, 60), st.integers(2, 60), EIGENVALUES)
def test_unbiased_maximum_likelihood_increases_to_twice_the_trace(n, n_initial, s):
    loop = fully_synthetic(n, n_initial=n_initial, ddof=0)
    assert collapse.is_increasing(loop, len(s)).verdict == "increasing"
    limit = collapse.w2_squared_limit(loop, s)
    np.testing.assert_allclose(limit, 2 * sum(s), rtol=1e-12)
    e = collapse.w2_squared(loop, s, generations=12)
    assert (e.lower <= limit * (1 + 1e-12)).all()


@given(st.integers(2, 200), st.floats(0.0, 1.0))
def test_maximum_likelihood_increases_in_one_dimension(n, bias):
    # Statement (C) for ddof = 0; at ddof = 1 n = 2 has a window.
    assert collapse.first_decrease(fully_synthetic(n, bias=bias, ddof=0), generations=10**9) is None


@given(loops(floors=NONE), EIGENVALUES)
def test_shrinkage_moves_neither_the_mean_trace_nor_the_walk(loop, s):
    plain = fully_synthetic(
        loop.n_synth,
        bias=loop.bias,
        n_initial=loop.n_initial,
        first_generation=loop.first_generation,
        ddof=loop.ddof,
    )
    at = {"generations": 15}
    for name in ("mean_trace", "mean_walk"):
        value, expected = getattr(collapse, name), getattr(collapse, name)
        np.testing.assert_allclose(value(loop, s, **at), expected(plain, s, **at), rtol=1e-11)


@given(loops(), EIGENVALUES)
def test_second_moments_are_ordered(loop, s):
    at = {"generations": 15}
    moments, trace = collapse.second_moments(loop, s, **at), collapse.mean_trace(loop, s, **at)
    slack = 1 + 1e-11
    assert (moments.trace_squared <= moments.squared_trace * slack).all()
    assert (moments.squared_trace <= len(s) * moments.trace_squared * slack).all()
    assert (trace**2 <= moments.squared_trace * slack).all()
    # The floor is a lower bound on every eigenvalue.
    assert (trace >= loop.floor * sum(s) / slack).all()


@given(loops(floors=NONE), st.integers(1, 30))
def test_shrinkage_slows_the_collapse_and_does_not_stop_it(loop, dim):
    bounds = collapse.shrinkage_rate(loop, dim)
    plain = fully_synthetic(loop.n_synth, bias=loop.bias, ddof=loop.ddof)
    # Both by the same formulas: equal at shrinkage 0, where rounding decides.
    assert collapse.rate(plain) <= bounds.lower * (1 - 1e-12)
    assert bounds.lower <= bounds.upper * (1 - 1e-12) < 0
    growth = collapse.second_moment_growth(loop, dim)
    assert growth <= collapse.second_moment_growth(plain) * (1 + 1e-12)


@given(st.integers(2, 100), st.integers(2, 20), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_lower_bound_on_the_rate_increases_with_shrinkage(n, dim, a, b):
    low, high = (
        collapse.shrinkage_rate(fully_synthetic(n, shrinkage=x), dim).lower for x in sorted((a, b))
    )
    assert low <= high * (1 - 1e-11)


@given(loops(sizes=st.integers(2, 60)), st.integers(1, 6))
def test_the_tail_index_lies_within_its_bounds(loop, dim):
    bounds = collapse.stationary_tail_bounds(loop, dim)
    assert 1.0 <= bounds.lower <= bounds.upper * (1 + 1e-12)
    plain = fully_synthetic(loop.n_synth, bias=loop.bias, ddof=loop.ddof, floor=loop.floor)
    index = collapse.stationary_tail_index(plain)
    assert index <= bounds.upper * (1 + 1e-12)
    # The exact moments end where the index says: X has a k-th one iff k is below it.
    for k in (1, 2, 3):
        if abs(k - index) > 1e-9:
            assert math.isfinite(collapse.stationary_moment(plain, k)) == (k < index)


@given(loops(sizes=st.integers(2, 60), shrinkages=NONE), st.floats(0.01, 0.99))
def test_stationary_quantiles_invert_the_law_above_the_floor(loop, q):
    x = collapse.stationary_quantiles(loop, [q / 2, q])
    assert loop.floor <= x[0] <= x[1]
    if x[0] > loop.floor * (1 + 1e-6):  # else x is too coarse a float
        cdf = collapse.stationary_cdf(x, loop)
        np.testing.assert_allclose(cdf, [q / 2, q], rtol=1e-8)
