"""The bound of a test that is not told the loop: laws of the table's loops, closed cases."""

import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from tests.golden.audit import errors, untold

T, ALPHA = 4, 0.02


def case(loop, files, **how):
    return errors.Case(loop, 4, T, "normal", "gaussian", files, **how)


@pytest.mark.parametrize(
    "one",
    [
        case(fresh_data(12, 28, n_initial=20), "own"),
        case(fresh_data(12, 28, n_initial=40), "other"),
        case(synthetic_augmentation(20, 30), "own"),
        case(fully_synthetic(30), "own", independent=True),
        case(Loop(n_initial=30, n_fresh=10, n_synth=20, memory=3), "own"),
    ],
)
def test_law_is_that_of_the_simulated_means(one):
    scale, seen = np.sqrt(np.arange(1, 5)), {True: [], False: []}
    for seed in range(150):
        real, same, files = errors.simulate(one, np.random.default_rng(seed))
        x = np.array([(f.mean(axis=0) - real.mean(axis=0)) * scale for f in files])
        seen[same].append(x @ x.T / 4)
    for same, each in seen.items():
        V = untold.law(untold.held_of(one, same), T)
        n = 4 * len(each)
        error = np.sqrt((np.outer(np.diag(V), np.diag(V)) + V**2) / n)
        assert (np.abs(np.mean(each, axis=0) - V) < 4.5 * error).all()


def one_kind(V, W, count):
    """Laws of one kind of series of one generation; half of the directions: as the walk."""
    V, W = (np.array(x).reshape(-1, 1, 1) for x in (V, W))
    return [untold.Laws(count, V, W, W)]


@pytest.mark.parametrize("count", [1.0, 7.0, 43.0])
def test_a_loop_that_is_told_is_cleared_by_the_chi_square_test(count):
    told = untold.bounds(one_kind([0.5], [1.0], count), np.ones(1), ALPHA)[0]
    exact = stats.chi2.cdf(stats.chi2.ppf(ALPHA, count) / 0.5, count)
    # 1,000 draws, and as many that the multipliers are chosen on.
    assert told == pytest.approx(exact, abs=0.05)


def test_two_loops_that_are_not_told_share_the_error_rate():
    """Variance 1 walks; held ones are .4 or 3: by quadrature, tails of the best sizes."""
    count = 6.0
    loops = one_kind([0.4, 3.0], [1.0, 1.0], count)
    half = np.full(2, 0.5)
    average = np.mean([untold.bounds(loops, half, ALPHA, seed)[1] for seed in range(6)])

    def mixture(g):
        f = [stats.chi2.pdf(g / v, count) / v for v in (0.4, 3.0)]
        return (f[0] + f[1]) / 2 / stats.chi2.pdf(g, count)

    grid = np.linspace(1e-3, 60, 60_001)
    walk, ratio = stats.chi2.pdf(grid, count), mixture(grid)

    def size(cut):
        return float(integrate.trapezoid(walk * (ratio > cut), grid)) - ALPHA

    cut = math.exp(optimize.brentq(lambda c: size(math.exp(c)), -5, 10))
    exact = float(integrate.trapezoid(walk * ratio * (ratio > cut), grid))
    assert average == pytest.approx(exact, abs=0.03)
    # Each alone would be cleared more often.
    told = [untold.bounds(one_kind([v], [1.0], count), np.ones(1), ALPHA)[0] for v in (0.4, 3.0)]
    assert average < np.mean(told) - 0.01


def test_rivals_hold_the_loop_itself_first():
    for loop in (
        untold.Held(90, 10, 100), untold.Held(30, 30, 30, "fixed", own=False),
        untold.Held(50, 50, 50, "independent", same=True), untold.Held(50, 40, 50, memory=3),
    ):  # fmt: skip
        them, weights = untold.rivals(loop)
        assert them[0] == loop
        assert weights.sum() == pytest.approx(1)
        assert len(them) == len(weights) == 30
    # A fresh loop of a tenth: 543/4 of 763, half of each kind of file and real set.
    assert untold.rivals(untold.Held(90, 10, 100))[1][0] == pytest.approx(543 / 4 / 4 / 763)
    assert sum(untold.KINDS.values()) == 763
