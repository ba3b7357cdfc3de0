"""Fully synthetic loop: exact laws against second routes, degenerate cases, arguments."""

import math

import numpy as np
import pytest
from scipy import special, stats

from madtheory.laws import chi_square, wishart
from madtheory.loop import UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory import collapse
from madtheory.theory.collapse import times
from madtheory.theory.collapse.direction import directional_law

PLAIN = fully_synthetic(10)
ODD = fully_synthetic(6, bias=0.7, n_initial=13, first_generation="biased")
SHORT = fully_synthetic(9, bias=0.9, n_initial=3)
DEAD = fully_synthetic(4, bias=0.0, n_initial=7)
HUGE = fully_synthetic(2**53, n_initial=5)
LIKELY = fully_synthetic(6, bias=0.95, n_initial=9, ddof=0, first_generation="biased")
LOOPS = [PLAIN, ODD, SHORT, fully_synthetic(2), DEAD, LIKELY, fully_synthetic(2, ddof=0)]


def sample(loop, t):
    """(size, bias) of the sample that generation t is fitted to."""
    return (loop.n_initial, loop.first_bias) if t == 1 else (loop.n_synth, loop.bias)


def steps(loop, t):
    """(dof, factor) of generation t: the fit of n samples divides by n - ddof."""
    n, bias = sample(loop, t)
    return n - 1, bias * (n - 1) / (n - loop.ddof)


def test_rate_spectrum_and_critical_bias():
    loop = fully_synthetic(10, bias=0.8, n_initial=4)
    i = np.arange(1, 4)
    direct = math.log(0.8) + special.digamma((9 - i + 1) / 2) - math.log(4.5)
    # n_initial - 1 = 3 is the rank, so five dimensions have three exponents.
    np.testing.assert_allclose(collapse.lyapunov_spectrum(loop, 5), direct, rtol=1e-13)
    np.testing.assert_allclose(collapse.rate(loop), direct[0], rtol=1e-13)
    critical = 4.5 * math.exp(-special.digamma(4.5))
    np.testing.assert_allclose(collapse.critical_bias(loop), critical, rtol=1e-13)
    growth = special.digamma(4.5) - special.digamma(3.5)
    np.testing.assert_allclose(collapse.condition_growth(loop, 5), growth, rtol=1e-12)
    np.testing.assert_allclose(collapse.half_life(loop), math.log(2) / -direct[0], rtol=1e-13)
    np.testing.assert_allclose(collapse.clt_variance(loop), special.polygamma(1, 4.5), rtol=1e-13)


def test_rate_at_absurd_sample_sizes_and_at_the_critical_bias():
    m = 10**15
    series = -1.0 / m - 1.0 / (3.0 * m * m)
    np.testing.assert_allclose(collapse.rate(fully_synthetic(m + 1)), series, rtol=1e-15)
    at = fully_synthetic(3, bias=collapse.critical_bias(PLAIN), allow_overdispersion=True)
    assert collapse.rate(at) < 0  # the critical bias of n = 10 kills n = 3
    assert collapse.half_life(DEAD) == 0.0
    assert collapse.rate(DEAD) == -math.inf


@pytest.mark.parametrize("loop", LOOPS)
def test_log_laws_add_up_generation_by_generation(loop):
    d = 2
    s = np.array([3.0, 0.5])
    mean, variance = 0.0, 0.0
    log_det, log_det_variance = math.log(1.5), 0.0
    for t in range(1, 5):
        dof, factor = steps(loop, t)
        log_factor = math.log(factor) if factor else -math.inf
        mean += log_factor + special.digamma(dof / 2) - math.log(dof / 2)
        variance += special.polygamma(1, dof / 2)
        for i in range(d):
            ok = dof > i
            log_det += log_factor + (special.digamma((dof - i) / 2) if ok else -math.inf)
            log_det -= math.log(dof / 2)
            log_det_variance += special.polygamma(1, (dof - i) / 2) if ok else 0.0
        np.testing.assert_allclose(collapse.directional_log_mean(loop, t)[-1], mean, rtol=1e-12)
        alive = mean > -math.inf
        np.testing.assert_allclose(
            collapse.directional_log_variance(loop, t)[-1], variance if alive else 0.0, rtol=1e-12
        )
        np.testing.assert_allclose(
            collapse.log_det_mean(loop, s, generations=t)[-1], log_det, rtol=1e-12
        )
        np.testing.assert_allclose(
            collapse.log_det_variance(loop, s, generations=t)[-1],
            log_det_variance if log_det > -math.inf else 0.0,
            rtol=1e-12,
        )


def test_log_det_of_a_singular_start_and_of_too_few_samples():
    assert collapse.log_det_mean(PLAIN, [1.0, 0.0], generations=1)[0] == -math.inf
    assert collapse.log_det_variance(PLAIN, [1.0, 0.0], generations=1)[0] == 0.0
    loop = fully_synthetic(3, n_initial=9)  # regular at t = 1, singular from t = 2 on
    mean = collapse.log_det_mean(loop, np.ones(4), generations=2)
    assert mean[0] > -math.inf
    assert mean[1] == -math.inf
    assert (collapse.log_det_variance(loop, np.ones(4), generations=2) > 0).tolist() == [
        True,
        False,
    ]


@pytest.mark.parametrize("loop", LOOPS)
def test_moments_follow_the_one_step_maps(loop):
    s = np.array([3.0, 1.0, 0.2, 0.0])
    state = np.array([s @ s, s.sum() ** 2])
    trace, walk = s.sum(), 0.0
    for t in range(1, 6):
        dof, factor = steps(loop, t)
        size, bias = sample(loop, t)
        walk += bias * trace / size
        trace *= factor
        state = factor**2 * wishart.second_moment_map(dof) @ state
        at = {"generations": t}
        squares = collapse.mean_trace_squared(loop, s, **at)[-1]
        np.testing.assert_allclose(squares, state[0], rtol=1e-12)
        np.testing.assert_allclose(
            collapse.mean_squared_trace(loop, s, **at)[-1], state[1], rtol=1e-12
        )
        np.testing.assert_allclose(collapse.mean_trace(loop, s, **at)[-1], trace, rtol=1e-12)
        np.testing.assert_allclose(collapse.mean_walk(loop, s, **at)[-1], walk, rtol=1e-12)


def test_moments_at_extremes():
    t = 10**6
    with np.errstate(all="raise", under="ignore"):
        assert collapse.mean_squared_trace(PLAIN, [1.0], generations=t)[-1] == math.inf
        assert collapse.mean_trace(ODD, [1.0], generations=t)[-1] == 0.0
        assert collapse.mean_trace_squared(PLAIN, [1e200, 1.0], generations=2)[-1] == math.inf
    # The least bias above 0: E |mu - mu_0|^2 stays what generation 1 left.
    least = fully_synthetic(2, bias=5e-324)
    np.testing.assert_array_equal(collapse.mean_walk(least, [1.0], generations=3), [0.5] * 3)
    huge = collapse.mean_squared_trace(HUGE, [1.0, 1.0], generations=3)
    np.testing.assert_allclose(huge, 5.0, rtol=1e-12)  # 4 + 2 * 2 / 4 at t = 1, then constant
    walk = collapse.mean_walk(fully_synthetic(2**53, bias=1 - 2**-40), [1.0], generations=t)[-1]
    np.testing.assert_allclose(walk, t / 2**53 * (1 - (t - 1) * 2.0**-41), rtol=1e-12)


def test_mean_walk_limit():
    for loop in (ODD, SHORT, DEAD, LIKELY, fully_synthetic(40, ddof=0)):
        last = collapse.mean_walk(loop, [1.0, 2.0], generations=2000)[-1]
        np.testing.assert_allclose(collapse.mean_walk_limit(loop, [1.0, 2.0]), last, rtol=1e-12)
    assert collapse.mean_walk_limit(PLAIN, [1.0]) == math.inf
    # step_bias decides: the maximum likelihood loop takes more over-dispersion than that.
    for bias, ends in ((1.09, True), (1.12, False)):
        loop = fully_synthetic(10, bias=bias, ddof=0, allow_overdispersion=True)
        assert math.isfinite(collapse.mean_walk_limit(loop, [1.0])) == ends
    # All that bias 1 takes from the trace goes to the walk; 1 - step_bias is 1e-15 here.
    huge = fully_synthetic(10**15, ddof=0)
    np.testing.assert_allclose(collapse.mean_walk_limit(huge, [1.0]), 1.0, rtol=1e-14)


# --- ddof = 0 (every fit divides by n) ------------------------------------------------------------


@pytest.mark.parametrize("n_initial", [2, 5, 400])
def test_trace_and_walk_of_maximum_likelihood_add_up_to_the_real_trace(n_initial):
    # Law of total variance: a synthetic sample of an unbiased ML loop has E |x - mu_0|^2 = tr S_0.
    loop = fully_synthetic(5, n_initial=n_initial, ddof=0)
    trace = collapse.mean_trace(loop, [2.0, 1.0], generations=60)
    walk = collapse.mean_walk(loop, [2.0, 1.0], generations=60)
    np.testing.assert_allclose(trace + walk, 3.0, rtol=1e-13)
    np.testing.assert_allclose(trace, 3.0 * (1 - 1 / n_initial) * 0.8 ** np.arange(60), rtol=1e-13)


def test_maximum_likelihood_dies_where_the_unbiased_loop_is_critical():
    for n in (2, 10, 10**15):
        critical = collapse.critical_bias(fully_synthetic(n))
        unbiased = fully_synthetic(n, bias=critical, allow_overdispersion=True)
        likely = fully_synthetic(n, bias=critical, ddof=0, allow_overdispersion=True)
        # The critical bias is a float: its own rounding is a rate of 1e-16.
        assert abs(collapse.rate(unbiased)) < 3e-16
        np.testing.assert_allclose(
            collapse.rate(likely), math.log1p(-1 / n), rtol=1e-13, atol=3e-16
        )
        np.testing.assert_allclose(
            collapse.critical_bias(likely), critical * n / (n - 1), rtol=1e-15
        )
    # log(lambda (n - 1)/n) + psi(m/2) - log(m/2) itself.
    loop = fully_synthetic(10, bias=1.1, ddof=0, allow_overdispersion=True)
    direct = math.log(1.1 * 0.9) + special.digamma(4.5) - math.log(4.5)
    np.testing.assert_allclose(collapse.rate(loop), direct, rtol=1e-13)
    np.testing.assert_allclose(
        collapse.rate(fully_synthetic(10**15 + 1, ddof=0)), -2e-15, rtol=1e-14
    )


def test_maximum_likelihood_has_the_law_of_a_smaller_bias_except_for_the_walk():
    # Dividing by n = multiplying each fit by (n-1)/n: all but the sample means sees bias only.
    n = 7
    likely = fully_synthetic(n, ddof=0)
    smaller = fully_synthetic(n, bias=(n - 1) / n, first_generation="biased")
    at, s = {"generations": 6}, [2.0, 1.0, 0.5]
    for law in (
        lambda loop: collapse.lyapunov_spectrum(loop, 3),
        lambda loop: collapse.half_life(loop),
        lambda loop: collapse.directional_log_mean(loop, 6),
        lambda loop: collapse.directional_log_variance(loop, 6),
        lambda loop: collapse.directional_log_moment(loop, 6, power=-0.7),
        lambda loop: collapse.directional_cdf([0.1, 0.5, 2.0], loop, t=4),
        lambda loop: collapse.directional_log_quantile([0.1, 0.5, 0.9], loop, t=4),
        lambda loop: collapse.directional_chernoff([0.1, 2.0], loop, t=4).log_sf,
        lambda loop: collapse.log_det_mean(loop, s, **at),
        lambda loop: collapse.mean_trace(loop, s, **at),
        lambda loop: collapse.mean_trace_squared(loop, s, **at),
        lambda loop: collapse.mean_squared_trace(loop, s, **at),
        lambda loop: collapse.second_moment_growth(loop),
        lambda loop: collapse.first_passage_cdf(0.1, loop, **at),
        lambda loop: collapse.collapse_time_bounds(0.1, loop, s, **at),
        lambda loop: collapse.collapse_time_quantiles(loop, 3, eps=0.1, q=[0.1, 0.5]),
    ):
        np.testing.assert_allclose(law(likely), law(smaller), rtol=1e-12)
    walks = [collapse.mean_walk(loop, s, **at) for loop in (likely, smaller)]
    np.testing.assert_allclose(walks[0], walks[1] * n / (n - 1), rtol=1e-12)


@pytest.mark.parametrize("ddof", [0, 1])
def test_moments_of_fits_to_drawn_data(ddof):
    loop = fully_synthetic(4, bias=0.9, n_initial=6, ddof=ddof)
    rng, count, t, s = np.random.default_rng(3), 200_000, 3, np.array([2.0, 1.0])
    mean, factor = np.zeros((count, 2)), np.broadcast_to(np.diag(np.sqrt(s)), (count, 2, 2))
    for step in range(1, t + 1):
        n, bias = sample(loop, step)
        z = math.sqrt(bias) * rng.standard_normal((count, n, factor.shape[2]))
        x = mean[:, None] + z @ factor.transpose(0, 2, 1)
        mean = x.mean(axis=1)
        factor = (x - mean[:, None]).transpose(0, 2, 1) / math.sqrt(n - ddof)
    sigma = factor @ factor.transpose(0, 2, 1)
    trace = np.trace(sigma, axis1=1, axis2=2)
    at = {"generations": t}
    for values, law in (
        ((mean**2).sum(axis=1), collapse.mean_walk),
        (trace, collapse.mean_trace),
        ((sigma**2).sum(axis=(1, 2)), collapse.mean_trace_squared),
        (trace**2, collapse.mean_squared_trace),
    ):
        expected, se = law(loop, s, **at)[-1], values.std() / math.sqrt(count)
        assert abs(values.mean() - expected) < 4.5 * se
        # The wrong divisor at one of the three fits is 17 % off in the trace: power 1.
        assert se < 0.012 * expected


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


def test_second_moment_growth_is_the_ratio_of_late_moments():
    loop = fully_synthetic(6, bias=0.9)
    late = collapse.mean_squared_trace(loop, [1.0, 1.0], generations=200)[-2:]
    np.testing.assert_allclose(collapse.second_moment_growth(loop), late[1] / late[0], rtol=1e-12)


def test_directional_law_of_one_generation_is_chi_square():
    x = np.array([1e-8, 0.1, 0.9, 1.5, 6.0])
    for n in (2, 3, 10, 1000):
        m = n - 1
        loop = fully_synthetic(n)
        np.testing.assert_allclose(
            collapse.directional_cdf(x, loop, t=1),
            stats.chi2.cdf(m * x, m),
            rtol=1e-11,
            atol=1e-300,
        )
        np.testing.assert_allclose(
            collapse.directional_sf(x, loop, t=1), stats.chi2.sf(m * x, m), rtol=1e-11, atol=1e-300
        )
        q = collapse.directional_quantile([0.01, 0.5, 0.99], loop, t=1)
        np.testing.assert_allclose(q, stats.chi2.ppf([0.01, 0.5, 0.99], m) / m, rtol=1e-11)


def test_directional_law_carries_both_bias_conventions():
    x, bias = 0.4, 0.7
    plain = fully_synthetic(6, n_initial=13)
    real = fully_synthetic(6, n_initial=13, bias=bias)
    for t in (1, 3):
        expected = collapse.directional_sf(x / bias**t, plain, t=t)
        np.testing.assert_allclose(collapse.directional_sf(x, ODD, t=t), expected, rtol=1e-12)
        expected = collapse.directional_sf(x / bias ** (t - 1), plain, t=t)
        np.testing.assert_allclose(collapse.directional_sf(x, real, t=t), expected, rtol=1e-12)


def test_directional_moment_by_integrating_the_law():
    # E X^s = integral of s x^(s-1) P(X > x) over log x, by the trapezoidal rule.
    loop, t, s = fully_synthetic(8, bias=0.9, n_initial=4), 2, 0.7
    log_x = np.arange(-50.0, 6.0, 0.25)
    sf = np.exp(collapse.directional_log_tails(log_x, loop, t=t)[1])
    integral = 0.25 * np.sum(s * np.exp(s * log_x) * sf)
    np.testing.assert_allclose(collapse.directional_moment(loop, t, power=s), integral, rtol=1e-10)


def test_directional_moment_where_it_ends():
    assert collapse.directional_moment(fully_synthetic(10, n_initial=3), 2, power=-1.0) == math.inf
    assert collapse.directional_moment(DEAD, 2, power=0.5) == 0.0
    assert collapse.directional_moment(DEAD, 2, power=-0.5) == math.inf
    assert collapse.directional_moment(DEAD, 2, power=0.0) == 1.0
    assert collapse.directional_moment(PLAIN, 10**6, power=3.0) == math.inf
    np.testing.assert_allclose(
        collapse.directional_moment(SHORT, 3, power=2.0),
        0.9**4 * (1 + 2 / 2) * (1 + 2 / 8) ** 2,
        rtol=1e-12,
    )


def test_directional_law_at_its_ends():
    np.testing.assert_array_equal(
        collapse.directional_cdf([-1.0, 0.0, math.inf], PLAIN, t=3), [0.0, 0.0, 1.0]
    )
    np.testing.assert_array_equal(collapse.directional_sf([-1.0, 0.0], DEAD, t=2), [1.0, 0.0])
    np.testing.assert_array_equal(
        collapse.directional_log_quantile([0.0, 1.0], PLAIN, t=3), [-math.inf, math.inf]
    )
    assert collapse.directional_quantile(0.5, DEAD, t=2) == 0.0


def test_chernoff_solves_the_moment_problem():
    bound = collapse.directional_chernoff(0.5, PLAIN, t=50)
    order = float(bound.order)
    value = collapse.directional_log_moment(PLAIN, 50, power=order) - order * math.log(0.5)
    np.testing.assert_allclose(bound.log_sf, value, rtol=1e-10)
    for other in (order * 0.98, order * 1.02):
        near = collapse.directional_log_moment(PLAIN, 50, power=other) - other * math.log(0.5)
        assert near > value
    assert bound.log_cdf == 0.0
    ends = collapse.directional_chernoff([0.0, math.inf], PLAIN, t=2)
    np.testing.assert_array_equal(ends.log_cdf, [-math.inf, 0.0])
    assert collapse.directional_chernoff(0.5, DEAD, t=2).log_sf == -math.inf


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: collapse.rate(fresh_data(5, 5)), "the collapse rate is computed for the fully"),
        (lambda: collapse.directional_cdf(math.nan, PLAIN, t=1), "x must not be NaN"),
        (lambda: collapse.directional_cdf(1.0, PLAIN, t=0), "t must be at least 1"),
        (lambda: collapse.directional_log_tails(math.nan, PLAIN, t=1), "log_x must not be NaN"),
        (lambda: collapse.directional_quantile(1.1, PLAIN, t=1), r"q must be in \[0, 1\]"),
        (lambda: collapse.directional_chernoff(-1.0, PLAIN, t=1), "x must be non-negative"),
        (lambda: collapse.mean_trace(PLAIN, [], generations=1), "eigenvalues must be a non-empty"),
        (lambda: collapse.mean_walk(PLAIN, [1.0], generations=0), "generations must be at least 1"),
        (lambda: collapse.first_passage_cdf(0.0, PLAIN, generations=1), "eps must be positive"),
        (
            lambda: collapse.collapse_time_quantiles(PLAIN, 2, eps=0.1, q=0.5, eigenvalues=[1.0]),
            "eigenvalues must have dim = 2 entries",
        ),
        (
            lambda: collapse.collapse_time_quantiles(PLAIN, 2, eps=0.1, q=-0.5),
            r"q must be in \[0, 1\]",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_every_law_refuses_other_loops():
    loop = fresh_data(5, 5)
    for call in (
        lambda: collapse.lyapunov_spectrum(loop, 2),
        lambda: collapse.critical_bias(loop),
        lambda: collapse.condition_growth(loop, 2),
        lambda: collapse.clt_variance(loop),
        lambda: collapse.directional_log_mean(loop, 2),
        lambda: collapse.directional_log_variance(loop, 2),
        lambda: collapse.directional_moment(loop, 2, power=1.0),
        lambda: collapse.log_det_mean(loop, [1.0], generations=1),
        lambda: collapse.mean_trace(loop, [1.0], generations=1),
        lambda: collapse.mean_walk(loop, [1.0], generations=1),
        lambda: collapse.mean_walk_limit(loop, [1.0]),
        lambda: collapse.second_moment_growth(loop),
        lambda: collapse.mean_trace_squared(loop, [1.0], generations=1),
        lambda: collapse.mean_squared_trace(loop, [1.0], generations=1),
        lambda: collapse.first_passage_cdf(0.1, loop, generations=1),
        lambda: collapse.collapse_time_bounds(0.1, loop, [1.0], generations=1),
        lambda: collapse.collapse_time_quantiles(loop, 1, eps=0.1, q=0.5),
    ):
        with pytest.raises(UnsupportedLoop):
            call()
