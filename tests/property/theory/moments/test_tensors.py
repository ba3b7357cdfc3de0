"""Laws that the second moments of every loop obey."""

import dataclasses

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from madtheory.loop import Loop
from madtheory.theory import moments
from madtheory.theory.moments import INVARIANTS, closure, tensors
from madtheory.theory.moments.second import invariant_limit, invariant_path

#: Slack for rounding in inequalities.
EPS = 1e-9


@st.composite
def loops(draw, *, exact=False):
    fields = {
        "n_initial": draw(st.integers(2, 40)),
        "n_fixed": draw(st.integers(0, 40)),
        "n_fresh": draw(st.integers(0, 40)),
        "n_synth": draw(st.integers(2, 60)),
        "bias": draw(st.floats(0, 1)),
        "ddof": draw(st.integers(0, 1)),
        "shrinkage": draw(st.sampled_from([0.0, 0.3, 1.0])),
        "floor": draw(st.sampled_from([0.0, 0.1])),
        "first_generation": draw(st.sampled_from(["real", "biased"])),
        "pool": draw(st.sampled_from(["replace", "accumulate"])),
    }
    if fields["n_fixed"] + fields["n_fresh"] >= 2:
        fields["weight"] = draw(st.none() | st.floats(0, 1))
    if not exact:
        fields["memory"] = draw(st.sampled_from([1, 2, 5, None]))
        if fields["pool"] == "accumulate":
            fields["pool_cap"] = draw(st.sampled_from([None, 1, 3]))
    return Loop(**fields)


@given(loop=loops(), dim=st.integers(1, 30))
def test_moments_obey_the_inequalities_of_moments(loop, dim):
    x = invariant_path(loop, dim, generations=6)
    assert x._fields == INVARIANTS
    for row in x:
        assert (row >= 0).all()
        assert np.isfinite(row).all()
    up = 1 + EPS
    tiny = EPS * dim**2
    assert (x.mean_sq**2 <= x.mean_fourth * up + tiny).all()
    assert (x.trace**2 <= x.squared_trace * up + tiny).all()
    assert (x.squared_trace <= dim * x.trace_squared * up + tiny).all()
    assert (x.trace_squared <= x.squared_trace * up + tiny).all()
    assert (x.sandwich <= x.mean_sq_trace * up + tiny).all()
    assert (x.mean_sq_trace**2 <= x.mean_fourth * x.squared_trace * up + tiny).all()


@given(loop=loops(), dim=st.integers(1, 8))
def test_a_longer_path_starts_with_the_shorter_one(loop, dim):
    long, short = (invariant_path(loop, dim, generations=T) for T in (7, 3))
    for a, b in zip(long, short, strict=True):
        np.testing.assert_allclose(a[:3], b, rtol=1e-11, atol=1e-13)


@given(loop=loops(exact=True), dim=st.integers(1, 8))
def test_first_moments_of_the_closure_are_exact(loop, dim):
    exact = invariant_path(loop, dim, generations=8)
    closed = closure.closed_path(loop, dim, 8)
    np.testing.assert_allclose(closed[:, 0], exact.mean_sq, rtol=1e-10)
    np.testing.assert_allclose(closed[:, 1], exact.trace, rtol=1e-10)


@given(loop=loops(exact=True), dim=st.integers(1, 8))
def test_the_limit_is_a_fixed_point_and_the_radius_its_rate(loop, dim):
    assume(loop.pool == "replace" and loop.n_real)
    radius = tensors.exact_radius(loop, dim)
    limit = invariant_limit(loop, dim)
    assert (limit is None) == (radius >= 1)
    assume(radius < 0.9)
    path = invariant_path(loop, dim, generations=400)
    np.testing.assert_allclose([x[-1] for x in path], limit, rtol=1e-8, atol=1e-12)


@given(loop=loops(exact=True), dim=st.integers(1, 8))
def test_shrinkage_moves_no_first_moment_and_narrows_the_spectrum(loop, dim):
    """By rotation invariance first moments see shrinkage nowhere."""
    loop = dataclasses.replace(loop, shrinkage=0.0)
    other = dataclasses.replace(loop, shrinkage=0.6)
    a, b = (invariant_path(x, dim, generations=5) for x in (loop, other))
    np.testing.assert_allclose(a.trace, b.trace, rtol=1e-10)
    np.testing.assert_allclose(a.mean_sq, b.mean_sq, rtol=1e-10)
    assert (b.trace_squared <= a.trace_squared * (1 + EPS) + EPS).all()


@given(loop=loops(), dim=st.integers(1, 8))
def test_first_moments_are_those_of_the_general_system(loop, dim):
    """Memory, caps, weights and nested sets, by a system that was written from the spec alone."""
    x = invariant_path(loop, dim, generations=9)
    first = moments.first_moments(loop, 9)
    np.testing.assert_allclose(x.mean_sq, dim * first.mean_sq, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(x.trace, dim * first.trace, rtol=1e-9, atol=1e-12)
