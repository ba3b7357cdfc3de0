"""Words at temperature 1: every law by a second route, bounds at their ends."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from madtheory import modes
from madtheory.modes.bounds import stationary_bounds
from madtheory.modes.diversity import token_heterozygosity
from madtheory.modes.tempering import full_chain, stationary_law


def test_zipf_is_a_power_of_the_rank():
    p = modes.zipf(1000, 1.3)
    np.testing.assert_allclose(p[9] / p[99], 10**1.3, rtol=1e-12)
    np.testing.assert_allclose(p.sum(), 1.0, rtol=1e-12)
    np.testing.assert_allclose(modes.zipf(4, 0.0), 0.25, rtol=1e-15)


@pytest.mark.parametrize(("n", "n_fresh"), [(1, 0), (20, 0), (60, 0), (20, 3), (3, 20), (1, 1)])
@pytest.mark.parametrize("p", [0.0, 1e-6, 0.1, 0.7, 1.0])
def test_survival_by_descent_is_survival_by_counts(chain_by_scipy, p, n, n_fresh):
    estimate = modes.token_survival(p, n, 25, n_fresh=n_fresh)
    law, alive = stats.binom.pmf(np.arange(n + n_fresh + 1), n + n_fresh, p), []
    matrix = chain_by_scipy(p, n, 1.0, n_fresh)
    for _ in range(25):
        alive.append(law[1:].sum())
        law = law @ matrix
    # 1 - E(1-p)^A cancels for tiny p: an absolute error of a few units remains.
    np.testing.assert_allclose(estimate.value, alive, rtol=1e-11, atol=4e-15)
    assert (estimate.lower <= estimate.value + 1e-13).all()
    assert (estimate.value <= estimate.upper + 1e-13).all()


def test_lower_bound_is_above_the_one_of_the_theory_page_and_below_the_truth():
    c, weaker = 1.0, []
    for _ in range(20):
        weaker.append(1 - (1 - 0.1 * c) ** 20)
        c = 1 - math.exp(-c)
    lower, upper = modes.survival_bounds(0.1, 20, 20)
    assert (lower[2:] > np.array(weaker)[2:]).all()
    assert weaker[-1] == pytest.approx(0.168, abs=5e-4)
    exact = modes.token_survival(0.1, 20, 20).value[-1]
    assert exact == pytest.approx(0.204, abs=5e-4)
    assert weaker[-1] < lower[-1] < exact < upper[-1] < 0.22


@pytest.mark.parametrize("p", [0.02, 0.3])
def test_bounds_meet_at_the_limits(p):
    # After many generations: one token is left, it is this one with probability p.
    lower, upper = modes.survival_bounds(p, 30, 3000)
    np.testing.assert_allclose([lower[-1], upper[-1]], p, rtol=1e-9)
    # Large n: they differ by O(t/n), relatively.
    gaps = []
    for n in (1000, 10_000, 100_000):
        lower, upper = modes.survival_bounds(1 / n, n, 20)
        gaps.append((upper / lower - 1)[-1])
    np.testing.assert_allclose(np.array(gaps[1:]) / gaps[:-1], 0.1, rtol=0.02)


@pytest.mark.parametrize(("n", "m"), [(30, 0), (30, 6), (5, 40)])
def test_bounds_are_their_formulas(n, m):
    p, t, total = np.array([1e-3, 0.05, 0.4]), 12, n + m
    c, a, alpha = [1.0], [float(total)], [1 / total]
    for _ in range(t - 1):
        c.append(1 - (1 - c[-1] / total) ** n)
        lines = a[-1] * n / total
        a.append(min(lines, total * (1 - (1 - 1 / total) ** lines)))
        alpha.append((total + n * (n - 1) * alpha[-1]) / total**2)
    gone = (1 - c[-1] * p) ** total
    for old in c[:-1]:
        gone *= (1 - old * p) ** m
    lower, upper = modes.survival_bounds(p, n, t, n_fresh=m)
    moment = p / (alpha[-1] + (1 - alpha[-1]) * p)
    np.testing.assert_allclose(lower[:, -1], np.maximum(1 - gone, moment), rtol=1e-11)
    founders = a[-1] + m / total * sum(a[:-1])
    np.testing.assert_allclose(upper[:, -1], 1 - (1 - p) ** founders, rtol=1e-11)


def test_large_n_is_between_the_bounds_and_is_the_branching_process():
    n, t = 1_000_000, 30
    estimate = modes.token_survival(3e-6, n, t)
    assert (estimate.lower <= estimate.value * (1 + 1e-8)).all()
    assert (estimate.value <= estimate.upper * (1 + 1e-8)).all()
    c = 1.0
    for _ in range(t - 1):
        c = 1 - math.exp(-c)
    # Poisson(3) lines, each with Poisson(1) offspring; the error is O(t/n).
    assert estimate.value[-1] == pytest.approx(1 - math.exp(-3 * c), rel=1e-4)


@pytest.mark.parametrize(("n", "n_fresh"), [(90, 10), (30, 300), (1, 1), (500, 2)])
def test_stationary_support_of_two_tokens_is_that_of_the_count(n, n_fresh):
    support = modes.stationary_support([0.2, 0.8], n, n_fresh)
    first, second = (stationary_law(p, n, n_fresh)[0] for p in (0.2, 0.8))
    np.testing.assert_allclose(support.number.value, 2 - first - second, rtol=1e-11)
    np.testing.assert_allclose(support.mass.value, 1 - 0.2 * first - 0.8 * second, rtol=1e-11)
    for part in (support.number, support.mass):
        assert part.lower <= part.value * (1 + 1e-13)
        assert part.value <= part.upper * (1 + 1e-13)


def test_stationary_bounds_are_those_of_the_plain_products():
    p, n, m = np.array([1e-4, 0.01, 0.3]), 2000, 40
    c, a, gone, founders = 1.0, n + m, np.zeros(3), 0.0
    for _ in range(20_000):
        gone, founders = gone + m * np.log1p(-c * p), founders + m / (n + m) * a
        c = 1 - (1 - c / (n + m)) ** n
        lines = n * a / (n + m)
        a = min(lines, (n + m) * (1 - (1 - 1 / (n + m)) ** lines))
    lower, upper = stationary_bounds(p, n, m)
    np.testing.assert_allclose(upper, 1 - (1 - p) ** founders, rtol=2e-3)
    assert (upper >= (1 - (1 - p) ** founders) * (1 - 1e-12)).all()
    # Blocks and tail only lower it, by little.
    assert (lower <= -np.expm1(gone) * (1 + 1e-12)).all()
    np.testing.assert_allclose(lower, -np.expm1(gone), rtol=1e-4)


def test_fresh_for_support_brackets_the_exact_need():
    p = modes.zipf(40)
    for by in ("number", "mass"):
        need = modes.fresh_for_support(p, 300, 0.9, by=by)

        def kept(m, by=by):
            support = modes.stationary_support(p, 300, m)
            return support.number.value / 40 if by == "number" else support.mass.value

        least = next(m for m in itertools.count(1) if kept(m) >= 0.9)
        assert need.necessary <= least <= need.sufficient
        assert need.sufficient <= need.necessary + 2


@pytest.mark.parametrize("n_fresh", [0, 20])
def test_nodes_carry_a_vocabulary(n_fresh):
    p = modes.zipf(3000, 1.1)
    support = modes.support(p, 500, 8, n_fresh=n_fresh)
    each = modes.token_survival(p, 500, 8, n_fresh=n_fresh).value
    np.testing.assert_allclose(support.number.value, each.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(support.mass.value, p @ each, rtol=1e-12)
    assert (support.number.rel_error == 1e-10).all()


def test_support_of_equal_tokens_is_that_of_modes():
    support = modes.support(np.full(300, 1 / 300), 200, 40, n_fresh=10)
    equal = modes.surviving_mean(300, 200, 40, n_fresh=10)
    np.testing.assert_allclose(support.number.value, equal.value, rtol=1e-11)
    np.testing.assert_allclose(support.mass.value, equal.value / 300, rtol=1e-11)


def test_support_above_the_exact_limit_is_between_its_bounds():
    support = modes.support(modes.zipf(200), 5000, 5, n_fresh=100)
    assert (support.number.rel_error[1:] > 0).all()
    assert (support.number.rel_error < 1e-3).all()
    np.testing.assert_allclose(
        2 * support.number.value, support.number.lower + support.number.upper, rtol=1e-13
    )


@pytest.mark.parametrize("n_fresh", [0, 1, 5])
def test_heterozygosity_is_that_of_the_full_chain(n_fresh):
    p = [0.5, 0.3, 0.2]
    loop = full_chain(p, 6, generations=6, n_fresh=n_fresh)
    shares = loop.states / (6 + n_fresh)
    np.testing.assert_allclose(
        token_heterozygosity(p, 6, 6, n_fresh=n_fresh),
        loop.expect(1 - (shares**2).sum(axis=1)),
        rtol=1e-12,
    )


def test_tokens_that_cannot_occur_count_for_nothing():
    p = modes.zipf(20)
    plain = modes.fresh_for_support(p, 40, 0.9)
    assert modes.fresh_for_support(np.append(p, np.zeros(5)), 40, 0.9) == plain


def test_a_token_that_never_is_stays_so_to_the_last_bit():
    found = modes.token_survival([1.0, 0.0], 25, 300, n_fresh=25)
    assert (found.value[1] == 0).all()
    assert ((found.lower <= found.value) & (found.value <= found.upper)).all()
