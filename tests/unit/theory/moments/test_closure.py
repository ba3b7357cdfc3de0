"""The closure for memories and capped pools: leading order, enumeration, limits."""

import dataclasses

import numpy as np
import pytest

from madtheory.loop import Loop, fresh_data, synthetic_augmentation
from madtheory.theory.moments import closure, first_moments, generation, second_moments
from madtheory.theory.moments.second import _from_closed, invariant_path
from tests.unit.theory.moments.quadrature import fit, grid


def closed(loop, dim, generations):
    return _from_closed(closure.closed_path(loop, dim, generations), dim)


@pytest.mark.parametrize("dim", [1, 2, 20])
@pytest.mark.parametrize(
    "loop",
    [fresh_data(1000, 1000, bias=0.9), synthetic_augmentation(1000, 2000, bias=0.9, weight=0.4)],
)
def test_closure_is_right_to_leading_order(loop, dim):
    exact, approximate = invariant_path(loop, dim, generations=20), closed(loop, dim, 20)
    for name in ("mean_sq", "trace"):
        np.testing.assert_allclose(getattr(approximate, name), getattr(exact, name), rtol=1e-12)
    spreads = [
        (x.trace_squared - x.trace**2 / dim, x.squared_trace - x.trace**2)
        for x in (approximate, exact)
    ]
    # Leading order in 1/n: a few thousandths at n = 2000.
    np.testing.assert_allclose(spreads[0], spreads[1], rtol=6e-3)


@pytest.mark.parametrize("dim", [1, 3])
def test_memory_of_two_and_a_capped_pool_have_exact_first_moments(dim):
    """Second generations have seen one model: the closure differs in variances only."""
    loop = Loop(n_initial=4, n_fixed=4, n_fresh=2, n_synth=3, bias=0.8, weight=0.3)
    long = dataclasses.replace(loop, memory=2)
    exact, found = invariant_path(loop, dim, generations=2), closed(long, dim, 2)
    np.testing.assert_allclose(found.mean_sq, exact.mean_sq, rtol=1e-13)
    np.testing.assert_allclose(found.trace, exact.trace, rtol=1e-13)


def test_memory_is_a_mixture_by_enumeration():
    """d = 1, n_s = 1 of two models: average over which model the sample comes from."""
    loop = Loop(n_initial=2, n_fixed=2, n_synth=1, bias=0.7, memory=2)
    Z, weight = grid(4)
    fixed = Z[:, :2, None]
    first = fit(loop, fixed, Z[:, :0, None])
    second = fit(loop, fixed, first[0][:, None] + np.sqrt(0.7 * first[1]) * Z[:, 2:3, None])
    moments = []
    for mean, Sigma in (first, second):
        y = mean[:, None] + np.sqrt(0.7 * Sigma) * Z[:, 3:4, None]
        mean, Sigma = fit(loop, fixed, y)
        moments.append([weight @ mean[:, 0] ** 2, weight @ Sigma[:, 0, 0]])
    found = closed(loop, 1, 3)
    np.testing.assert_allclose(
        [found.mean_sq[-1], found.trace[-1]], np.mean(moments, axis=0), rtol=1e-12
    )


#: Loops that differ in how many items carry the same history.
SAME = [
    ("memory", Loop(n_initial=90, n_fixed=60, n_synth=50, memory=None, shrinkage=0.2, bias=0.9)),
    ("memory", Loop(n_initial=90, n_fixed=60, n_synth=50, memory=None, pool="accumulate")),
    ("pool_cap", Loop(n_initial=90, n_fixed=60, n_synth=50, memory=2, pool="accumulate")),
]


@pytest.mark.parametrize(("field", "loop"), SAME)
def test_a_bound_longer_than_the_run_is_no_bound(field, loop):
    """Model by model, or batch by batch, against one running total."""
    a, b = (closed(x, 2, 12) for x in (loop, dataclasses.replace(loop, **{field: 30})))
    for name in ("mean_sq", "trace"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12)
    # A total keeps covariances of outer products that single batches, as they age, lose.
    spreads = [x.trace_squared - x.trace**2 / 2 for x in (a, b)]
    np.testing.assert_allclose(*spreads, rtol=0.035)
    if loop.shrinkage == 0:
        x = second_moments(loop, 2, generations=12)
        exact = x[:, 6] - x[:, 1] ** 2 / 2
        np.testing.assert_allclose(spreads[0], exact, rtol=0.012)


@pytest.mark.parametrize("dim", [1, 2, 7])
def test_spread_of_one_outer_product_is_the_fourth_moment_of_a_gaussian(dim):
    """z of variance g/d a coordinate: Var |z|^2 = 2 g^2/d, E |z|^4 = (1 + 2/d) g^2."""
    z, g = generation.Outer(np.ones(1), np.ones((1, 1))), 0.3
    found = closure._outer_spread(z, z, np.array([[g]]), dim)
    expected = 2 * g**2 / dim, (1 - 1 / dim) * (1 + 2 / dim) * g**2
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-16)


def test_a_long_path_ends_in_the_limit():
    loop = Loop(n_initial=30, n_fixed=30, n_synth=20, bias=0.95, memory=3)
    path, limit = closure.closed_path(loop, 3, 1_000), closure.solved_limit(loop, 3)
    np.testing.assert_allclose(path[-1], limit, rtol=1e-11)
    capped = dataclasses.replace(loop, memory=1, pool="accumulate", pool_cap=4)
    path, limit = closure.closed_path(capped, 3, 1_000), closure.solved_limit(capped, 3)
    np.testing.assert_allclose(path[-1], limit, rtol=1e-11)


@pytest.mark.parametrize("memory", [2, 4])
def test_models_in_memory_grow_old_one_by_one(memory):
    loop = Loop(n_initial=4, n_fixed=4, n_fresh=2, n_synth=3, bias=0.8, memory=memory)
    exact, found = first_moments(loop, 9), closed(loop, 3, 9)
    np.testing.assert_allclose(found.mean_sq, 3 * exact.mean_sq, rtol=1e-12)
    np.testing.assert_allclose(found.trace, 3 * exact.trace, rtol=1e-12)
