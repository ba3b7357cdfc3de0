"""First passage and times to collapse, against simulation and their own formulas."""

import math

import numpy as np
import pytest
from scipy import stats

from madtheory.laws import chi_square
from madtheory.loop import fully_synthetic
from madtheory.theory import collapse
from madtheory.theory.collapse import times
from madtheory.theory.collapse.direction import directional_law
from tests.unit.theory.collapse.loops import DEAD, PLAIN, steps


def test_levy_bound_needs_a_step_bias_below_one_and_no_more():
    over = {"ddof": 0, "allow_overdispersion": True}
    loop = fully_synthetic(5, bias=1.2, **over)  # step_bias .96
    cdf = collapse.first_passage_cdf(0.01, loop, generations=20)
    bound = [math.exp(times._log_levy_bound(loop, math.log(0.01), t)) for t in (1, 5, 20)]
    assert (cdf[[0, 4, 19]] <= bound).all()
    assert bound[1] < 0.2
    assert times._log_levy_bound(fully_synthetic(5, bias=1.3, **over), -1.2, 5) == 0.0


def test_collapse_times_of_huge_maximum_likelihood_loops():
    # Brownian with drift -2/m, variance 2/m: log((n-1)/n) doubles the drift -1/m.
    m = 10**9
    loop, distance = fully_synthetic(m + 1, ddof=0), -math.log(0.01)
    low, high = collapse.collapse_time_quantiles(loop, 1, eps=0.01, q=[0.2, 0.5])
    law = stats.invgauss(mu=1 / distance, scale=m * distance**2 / 2)
    assert (low <= law.ppf([0.2, 0.5])).all()
    assert (law.ppf([0.2, 0.5]) <= high).all()
    assert (high <= 2 * low).all()


def test_first_passage_conserves_probability_and_beats_the_fixed_time_law():
    loop = fully_synthetic(6, bias=0.9, n_initial=9)
    cdf = collapse.first_passage_cdf(0.2, loop, generations=400)
    np.testing.assert_allclose(cdf[-1], 1.0, rtol=1e-12)
    assert (np.diff(cdf) >= 0).all()
    fixed = np.array([collapse.directional_cdf(0.2, loop, t=t) for t in (1, 2, 5, 20)])
    np.testing.assert_allclose(cdf[0], fixed[0], rtol=1e-12)
    assert (cdf[[1, 4, 19]] > fixed[1:]).all()
    assert (cdf[[1, 4, 19]] <= 2 * fixed[1:]).all()  # Levy


def test_first_passage_by_simulation():
    loop = fully_synthetic(10, bias=0.9, n_initial=6)
    rng = np.random.default_rng(1)
    count, level = 200_000, math.log(0.3)
    log_x = np.log(rng.chisquare(5, count) / 5)
    passed = log_x < level
    cdf = collapse.first_passage_cdf(0.3, loop, generations=12)
    for t in range(12):
        se = math.sqrt(cdf[t] * (1 - cdf[t]) / count)
        assert abs(passed.mean() - cdf[t]) < 4.5 * se
        log_x += np.log(0.9 * rng.chisquare(9, count) / 9)
        passed |= log_x < level


def test_first_passage_of_extremes():
    np.testing.assert_allclose(
        collapse.first_passage_cdf(0.5, DEAD, generations=3),
        [stats.chi2.cdf(3, 6), 1, 1],
        rtol=1e-12,
    )
    dead = fully_synthetic(4, bias=0.0, first_generation="biased")
    np.testing.assert_array_equal(collapse.first_passage_cdf(0.5, dead, generations=2), [1.0, 1.0])
    big = fully_synthetic(2**53)
    np.testing.assert_array_equal(collapse.first_passage_cdf(0.1, big, generations=5), np.zeros(5))
    with pytest.raises(ValueError, match="generations must be smaller"):
        collapse.first_passage_cdf(0.1, fully_synthetic(10**5), generations=10**6)


@pytest.mark.parametrize(
    ("loop", "eigenvalues"),
    [
        (fully_synthetic(6, bias=0.9, n_initial=12), (1.0, 1.0)),
        (fully_synthetic(10), (5.0, 1.0, 0.5)),
        # d = 4 equals the degrees of freedom, and n_initial - 1 is the least of them.
        (fully_synthetic(5, n_initial=3, bias=0.8, first_generation="biased"), (1.0,) * 4),
        (fully_synthetic(4, n_initial=6), (1.0,) * 5),
        # step_bias = 7/8 at a bias above 1.
        (
            fully_synthetic(6, bias=1.05, n_initial=4, ddof=0, allow_overdispersion=True),
            (2.0, 1.0),
        ),
    ],
)
def test_collapse_time_bounds_hold_simulated_times(loop, eigenvalues):
    horizon, count, eps = 25, 4000, 0.3
    rng = np.random.default_rng(7)
    root = np.sqrt(np.array(eigenvalues) / sum(eigenvalues))
    factor = np.broadcast_to(np.diag(root), (count, root.size, root.size))
    passed = np.zeros(count, dtype=bool)
    lower, upper = collapse.collapse_time_bounds(eps, loop, eigenvalues, generations=horizon)
    assert (lower <= upper).all()
    for t in range(1, horizon + 1):
        dof, bias = steps(loop, t)
        noise = rng.standard_normal((count, factor.shape[2], dof)) * math.sqrt(bias / dof)
        factor = factor @ noise
        passed = passed | ((factor**2).sum(axis=(1, 2)) < eps)
        estimate = passed.mean()
        error = 4.0 * math.sqrt(max(estimate * (1 - estimate), 1e-3) / count)
        assert lower[t - 1] - error <= estimate <= upper[t - 1] + error


@pytest.mark.parametrize("ddof", [0, 1])
def test_ville_bound_is_chernoff_for_the_whole_path(ddof):
    # Below the mean the best moments of negative order exceed 1, so the path costs nothing more.
    loop = fully_synthetic(7, n_initial=12, bias=0.9, ddof=ddof)
    for t in (1, 4, 30):
        value = times._log_passage_bound(loop, -25.0, t)
        chernoff = collapse.directional_chernoff(math.exp(-25.0), loop, t=t).log_cdf
        np.testing.assert_allclose(value, chernoff, rtol=1e-12)


@pytest.mark.parametrize(
    ("rank", "t", "log_eps", "winner"),
    [
        (3, 2, 1.5, "union"),
        (3, 200, -16.0, "union"),
        (60, 3, 1.0, "moment"),
        (3, 3, 0.1, "concave"),
        (60, 9, -0.1, "concave"),
        (60, 9, -0.245, "concave"),
    ],
)
def test_survival_bound_is_the_least_of_its_three_formulas(rank, t, log_eps, winner):
    loop, shares = fully_synthetic(9, n_initial=12, bias=0.97), np.arange(rank, 0.0, -1.0)
    dofs, counts, s = (11, 8), np.array([1.0, t - 1.0]), np.linspace(0.001, 6.0, 60_000)

    def moment(copies, power):
        each = [chi_square.log_chi_square_moment(power, copies * k, copies * k) for k in dofs]
        return counts @ np.array(each) + power * ((t - 1) * math.log(0.97) - log_eps)

    best = s[np.argmin(moment(1, s))]
    candidates = {
        "union": math.log(rank) + collapse.directional_log_tails(log_eps, loop, t=t)[1],
        "moment": moment(1, best) + max(0.0, 1 - best) * math.log(rank),
        "concave": moment(rank, min(1.0, s[np.argmin(moment(rank, s))])),
    }
    value = times._log_survival_bound(loop, shares / shares.sum(), log_eps, t)
    # The grid of orders is 1e-4 fine, and the moments are flat in the order.
    np.testing.assert_allclose(value, candidates[winner], rtol=1e-5)
    np.testing.assert_allclose(value, min(candidates.values()), rtol=1e-5)


def test_moment_bound_pays_for_the_rank_at_orders_below_one():
    law = directional_law(fully_synthetic(10), 50)
    one = times._log_moment_bound(law, -2.0, rank=1, top=math.inf)
    order = float(collapse.directional_chernoff(math.exp(-2.0), fully_synthetic(10), t=50).order)
    assert 0 < order < 1
    np.testing.assert_allclose(
        times._log_moment_bound(law, -2.0, rank=5, top=math.inf),
        one + (1 - order) * math.log(5),
        rtol=1e-12,
    )


def test_reduced_law_takes_the_least_size_for_the_dimension():
    law, copies = times._reduced_law(fully_synthetic(5, n_initial=3), 4, 3)
    assert copies == 2
    assert dict(zip(law.dofs, law.counts, strict=True)) == {4.0: 3.0, 2.0: 0.0}
    # Sigma_0 = I in 6 dimensions and n - 1 = 2 samples at t = 1: tr W_6(I, 2) = tr W_2(I, 6).
    law, copies = times._reduced_law(fully_synthetic(3), 6, 1)
    assert (copies, law.counts[law.dofs.index(6.0)]) == (2, 1.0)


def test_collapse_time_quantiles_are_those_of_the_passage():
    loop, q = fully_synthetic(8, n_initial=5), np.array([[0.05, 0.5], [0.75, 0.95]])
    lower, upper = collapse.collapse_time_quantiles(loop, 1, eps=0.05, q=q)
    cdf = collapse.first_passage_cdf(0.05, loop, generations=400)
    np.testing.assert_array_equal(lower, np.searchsorted(cdf, q) + 1)
    np.testing.assert_array_equal(upper, lower)


def test_collapse_time_quantiles_in_more_dimensions():
    loop, eigenvalues = fully_synthetic(6, bias=0.9, n_initial=12), [2.0, 1.0]
    bounds = collapse.collapse_time_bounds(0.1, loop, eigenvalues, generations=60)
    low, high = collapse.collapse_time_quantiles(loop, 2, eps=0.1, q=0.5, eigenvalues=eigenvalues)
    assert low == np.searchsorted(bounds[1], 0.5) + 1
    assert high == np.searchsorted(bounds[0], 0.5) + 1


@pytest.mark.parametrize("time", [1, 2, 3, 4, 5, 1000, 2**40 + 3, 2**62])
def test_a_time_is_found_in_a_hundred_looks(time):
    looks = []
    assert times._first_time(lambda t: looks.append(t) or t >= time) == time
    assert len(looks) < 10 + math.log2(time)
    assert times._first_time(lambda t: t > 2**62) == math.inf


def test_collapse_time_quantiles_of_extremes():
    low, high = collapse.collapse_time_quantiles(DEAD, 2, eps=0.01, q=[0.0, 0.5, 1.0])
    np.testing.assert_array_equal(low, [1, 2, 2])
    np.testing.assert_array_equal(high, [1, 2, 2])
    low, high = collapse.collapse_time_quantiles(PLAIN, 1, eps=0.01, q=1.0)
    assert low == high == math.inf
    # Huge samples: the walk is Brownian, drift -1/m, variance 2/m a step, and the passage time
    # inverse Gaussian; the bounds hold its quantiles.
    m = 10**9
    low, high = collapse.collapse_time_quantiles(fully_synthetic(m + 1), 1, eps=0.01, q=[0.2, 0.5])
    distance = -math.log(0.01)
    law = stats.invgauss(mu=2 / distance, scale=m * distance**2 / 2)
    assert (low <= law.ppf([0.2, 0.5])).all()
    assert (law.ppf([0.2, 0.5]) <= high).all()
    assert (high <= 2 * low).all()


@pytest.mark.parametrize(("n", "eps"), [(100, 0.5), (1000, 0.9), (30, 0.5)])
def test_levy_bounds_the_passage_and_half_of_it_would_not(n, eps):
    loop = fully_synthetic(n)
    passage = collapse.first_passage_cdf(eps, loop, generations=60)
    log_eps = math.log(eps)
    bound = np.exp([times._log_levy_bound(loop, log_eps, t) for t in range(1, 61)])
    assert (bound >= passage * (1 - 1e-9)).all()
    assert (bound / 2 < passage)[20:].any()


@pytest.mark.parametrize("eps", [0.5, 0.2, 0.05])
def test_the_upper_bound_is_the_least_of_three(eps):
    loop = fully_synthetic(6, bias=0.9)
    one, half = (collapse.first_passage_cdf(x, loop, generations=40) for x in (eps, 2 * eps))
    ville = np.exp([times._log_passage_bound(loop, math.log(eps), t) for t in range(1, 41)])
    expected = np.minimum.reduce([half, 2 * one, ville, np.ones(40)])
    upper = collapse.collapse_time_bounds(eps, loop, [1.0, 1.0], generations=40)[1]
    np.testing.assert_allclose(upper, expected, rtol=1e-12)
    q = np.array([0.001, 0.02, 0.05, 0.3, 0.6])
    # Early it is the union over directions that counts.
    low, _ = collapse.collapse_time_quantiles(loop, 2, eps=eps, q=q)
    np.testing.assert_array_equal(low, np.searchsorted(upper, q) + 1)


@pytest.mark.parametrize("q", [0.01, 0.5])
def test_a_quantile_is_after_both_bounds_on_the_passage(q):
    loop, log_eps = fully_synthetic(40, n_initial=12), math.log(0.2)
    first = [
        next(t for t in range(1, 1000) if bound(loop, log_eps, t) >= math.log(q))
        for bound in (times._log_passage_bound, times._log_levy_bound)
    ]
    assert first[0] != first[1]
    assert times._direction_bounds(loop, log_eps, q)[0] == max(first)


def test_quantiles_without_bias_keep_their_order():
    # At t = 1 nothing is certain: P(tr < eps) is between 0 and .89 here.
    loop = fully_synthetic(6, bias=0.0)
    low, high = collapse.collapse_time_quantiles(loop, 3, eps=0.6, q=[0.5, 0.95])
    np.testing.assert_array_equal(low, [1, 2])
    np.testing.assert_array_equal(high, [2, 2])


def test_many_directions_die_no_sooner_than_a_passage_of_their_trace():
    loop, log_eps = fully_synthetic(10), math.log(0.1)
    low, _ = collapse.collapse_time_quantiles(loop, 50, eps=0.1, q=0.05)
    bounds = [math.exp(times._log_passage_bound(loop, log_eps, t)) for t in (1, 2, 3)]
    assert bounds[1] < 0.05 <= bounds[2]
    assert low == 3.0


def test_the_first_fit_alone_is_as_wide_as_its_own_samples():
    law, least = times._reduced_law(fully_synthetic(5, n_initial=30), 20, 1)
    assert least == 20
    counts = dict(zip(law.dofs, law.counts, strict=True))
    assert {dof: count for dof, count in counts.items() if count} == {29.0: 1.0}
