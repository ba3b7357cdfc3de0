"""Second moments of loops with a budget: choosing without replacement, paths and limits."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from madtheory.loop import Loop, UnsupportedLoop, synthetic_augmentation
from madtheory.simulate import simulate_plain
from madtheory.theory import moments
from madtheory.theory.moments import at_rest, second, subsampled

CAPPED = Loop(
    n_initial=5,
    n_fixed=4,
    n_fresh=3,
    n_synth=6,
    pool="accumulate",
    pool_cap=3,
    budget=8,
    memory=2,
    bias=0.9,
    ddof=0,
)
GROWING = synthetic_augmentation(6, 5, pool="accumulate", budget=7, bias=0.8)


@pytest.mark.parametrize(("budget", "count"), [(2, 3), (2, 5), (3, 5), (4, 5), (4, 7)])
def test_choosing_against_all_choices(budget, count):
    """Moments of e and N over every subset of a small population, 1e-12."""
    x = np.random.default_rng(3).standard_normal((count, 2))
    z = x - x.mean(axis=0)
    S, biased = np.cov(z.T), z.T @ z / count
    three = np.einsum("ni,nj,nk->ijk", z, z, z) / count
    four = np.einsum("ni,nj,nk,nl->ijkl", z, z, z, z) / count
    subsets = [z[list(at)] for at in combinations(range(count), budget)]
    e = np.array([part.mean(axis=0) for part in subsets])
    N = np.array([np.cov(part.T) - S for part in subsets])
    of = subsampled.chosen(budget, count)

    def fourth(c):
        both = np.einsum("ij,kl->ijkl", biased, biased)
        across = both.transpose(0, 2, 1, 3) + both.transpose(0, 2, 3, 1)
        return c.own * four + c.apart * both + c.across * across

    def mean(path, *x):
        return np.einsum(path, *x) / len(subsets)

    pairs = (
        (of.k * biased, mean("si,sj->ij", e, e)),
        (of.eee * three, mean("si,sj,sk->ijk", e, e, e)),
        (of.eN * three, mean("si,sjk->ijk", e, N)),
        (fourth(of.eeee), mean("si,sj,sk,sl->ijkl", e, e, e, e)),
        (fourth(of.eeN), mean("si,sj,skl->ijkl", e, e, N)),
        (fourth(of.NN), mean("sij,skl->ijkl", N, N)),
    )
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_first_moments_are_those_of_their_own_system():
    for loop in (CAPPED, GROWING, replace(GROWING, n_fresh=2, memory=None)):
        x, first = moments.second_moments(loop, 3, generations=9), moments.first_moments(loop, 9)
        np.testing.assert_allclose(x[:, 0], 3 * first.mean_sq, rtol=1e-11)
        np.testing.assert_allclose(x[:, 1], 3 * first.trace, rtol=1e-11)


def test_second_moments_of_one_dimension_agree_along_both_traces():
    x = moments.second_moments(CAPPED, 1, generations=6)
    np.testing.assert_allclose(x[:, 5], x[:, 6], rtol=1e-12)
    np.testing.assert_allclose(x[:, 3], x[:, 4], rtol=1e-12)


def test_a_path_ends_at_its_limit():
    path = moments.second_moments(CAPPED, 2, generations=200)[-1]
    np.testing.assert_allclose(moments.second_moments_limit(CAPPED, 2), path, rtol=1e-9)
    rate = moments.second_moment_radius(CAPPED, 2)
    far = np.abs(moments.second_moments(CAPPED, 2, generations=71)[[50, 70], 2] / path[2] - 1)
    assert (far[1] / far[0]) ** 0.05 == pytest.approx(rate, rel=0.02)


def test_a_budget_that_never_binds_is_none():
    loop = replace(CAPPED, budget=22)
    whole = replace(CAPPED, budget=None)
    assert second.binding(loop).budget is None
    for dim in (1, 3):
        np.testing.assert_array_equal(
            moments.second_moments_limit(loop, dim), moments.second_moments_limit(whole, dim)
        )
    late = replace(GROWING, budget=31)  # binds from generation 7 on
    free = replace(GROWING, budget=None)
    ours, theirs = (moments.second_moments(x, 2, generations=7) for x in (late, free))
    np.testing.assert_allclose(ours[:6], theirs[:6], rtol=1e-12)
    assert (ours[6, 5:] > theirs[6, 5:]).all()


def test_what_is_remembered_has_a_bound():
    long = replace(CAPPED, pool_cap=30, budget=40)
    with pytest.raises(UnsupportedLoop, match="at most 23 models and batches in sight, got mem"):
        moments.second_moments_limit(long, 2)
    assert np.isfinite(moments.second_moments(long, 2, generations=9)).all()


def test_second_moments_against_the_definition():
    """Fourth order of the plain sampler, 2,000 paths: bounds of 4.5 standard errors."""
    record = ("mean_fourth", "mean_quadratic", "squared_trace", "trace_squared")
    found = simulate_plain(
        CAPPED, np.ones(2), generations=5, replicates=2000, seed=5, at=[4, 5], record=record
    )
    exact = moments.second_moments(CAPPED, 2, generations=5)[3:][:, [2, 4, 5, 6]]
    ours = np.array([found.mean[name] for name in record]).T
    errors = np.array([found.se[name] for name in record]).T
    assert (np.abs(ours - exact) < 4.5 * errors).all()
    assert (errors < 0.07 * exact).all()


def test_second_moments_that_barely_diverge_have_no_limit():
    """A fixed point was one that first moments, or the radius, say does not exist."""
    pool = {"pool": "accumulate", "bias": 0.999, "ddof": 0}
    barely = synthetic_augmentation(545, 1_316_326, pool_cap=2, budget=16, **pool)
    assert 1 < at_rest.several_radius(barely, 5) < 1.01
    assert moments.first_moments_limit(barely).trace < 0.01
    assert moments.second_moments_limit(barely, 5) is None
    both = synthetic_augmentation(60, 321_746, pool="accumulate", pool_cap=2, budget=1996)
    assert moments.first_moments_limit(both).trace == np.inf
    assert moments.second_moments_limit(both, 1) is None
    some = replace(barely, n_synth=1_000)
    assert at_rest.several_radius(some, 5) < 1
    assert moments.second_moments_limit(some, 5) is not None
