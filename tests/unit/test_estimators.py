"""Shrinkage and a variance floor: exact laws against second routes, drawn data and scikit-learn."""

import math

import mpmath as mp
import numpy as np
import pytest
from scipy import integrate, special, stats

from madtheory.loop import Loop, UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory import collapse
from madtheory.theory.collapse import _scales, stationary
from madtheory.theory.moments import INVARIANTS, second_moments

FLOOR = fully_synthetic(6, bias=0.9, n_initial=9, floor=0.2, first_generation="biased")
LIKELY = fully_synthetic(5, floor=0.1, ddof=0)
CRITICAL = fully_synthetic(10, floor=0.01)
SHRUNK = fully_synthetic(4, bias=0.9, n_initial=6, shrinkage=0.3, floor=0.1, ddof=0)
LOOPS = [FLOOR, LIKELY, CRITICAL, SHRUNK, fully_synthetic(4, bias=0.0, floor=0.5)]
S = np.array([2.0, 1.0, 0.3])


def sample(loop: Loop, t: int) -> tuple[int, float]:
    """Size and bias of the sample that generation t is fitted to."""
    return (loop.n_initial, loop.first_bias) if t == 1 else (loop.n_synth, loop.bias)


def fitted(loop: Loop, s: np.ndarray, t: int, count: int, seed: int) -> tuple[np.ndarray, ...]:
    """Means and covariances of `count` loops at t: data drawn, fitted, shrunk, floored."""
    rng = np.random.default_rng(seed)
    d = s.size
    mean, sigma = np.zeros((count, d)), np.broadcast_to(np.diag(s), (count, d, d))
    for step in range(1, t + 1):
        n, bias = sample(loop, step)
        values, vectors = np.linalg.eigh(sigma)
        root = vectors * np.sqrt(bias * np.maximum(values, 0.0))[:, None, :]
        x = mean[:, None] + rng.standard_normal((count, n, d)) @ root.transpose(0, 2, 1)
        mean = x.mean(axis=1)
        x = x - mean[:, None]
        fit = x.transpose(0, 2, 1) @ x / (n - loop.ddof)
        mean_variance = np.trace(fit, axis1=1, axis2=2)[:, None, None] / d
        target = loop.shrinkage * mean_variance + loop.floor * s.sum() / d
        sigma = (1 - loop.shrinkage) * fit + target * np.eye(d)
    return mean, sigma


# --- moments ------------------------------------------------------------------------------------


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


# --- the stationary law ---------------------------------------------------------------------------


def test_tail_index_solves_its_equation() -> None:
    # The last is over-dispersed and does not explode: a root below 1.
    over = fully_synthetic(10, bias=1.05, floor=1.0, allow_overdispersion=True)
    for loop in (FLOOR, LIKELY, fully_synthetic(2, bias=0.3, floor=1.0, ddof=0), over):
        k = collapse.stationary_tail_index(loop)
        assert (k < 1) == (loop is over)
        with mp.workdps(30):
            half, k_ = mp.mpf(loop.dof) / 2, mp.mpf(k)
            moment = (mp.mpf(loop.step_bias) / half) ** k_ * mp.gammaprod([half + k_], [half])
            assert abs(moment - 1) < 1e-12


@pytest.mark.parametrize("n", [2, 3, 10, 1000, 2**53])
def test_tail_index_at_bias_one(n: int) -> None:
    assert collapse.stationary_tail_index(fully_synthetic(n, floor=0.1)) == 1.0
    # Maximum likelihood: a variance and no third moment, whatever n; near 2 for large n.
    k = collapse.stationary_tail_index(fully_synthetic(n, floor=0.1, ddof=0))
    assert 2 <= k < 3
    assert k == pytest.approx(2, abs=1.0 / n)
    for dim in (1, 4):
        bounds = collapse.stationary_tail_bounds(fully_synthetic(n, floor=0.1, shrinkage=0.5), dim)
        assert bounds.lower == bounds.upper == 1.0


def test_tail_index_by_the_slope_of_the_stationary_law() -> None:
    loop = fully_synthetic(4, bias=0.9, floor=1.0)
    k = collapse.stationary_tail_index(loop)
    x = np.array([300.0, 3000.0])
    tail = 1.0 - collapse.stationary_cdf(x, loop)
    slope = -np.log(tail[1] / tail[0]) / np.log(10.0)
    # The next order of the tail is 1/x smaller.
    assert slope == pytest.approx(k, rel=3e-3)


def test_stationary_moments() -> None:
    loop = fully_synthetic(10, bias=0.7, floor=0.3)
    h, m, e = 0.7, 9, 0.3
    mean = e / (1 - h)
    second = (e * e + 2 * e * h * mean) / (1 - h * h * (1 + 2 / m))
    third = (e**3 + 3 * e * e * h * mean + 3 * e * h * h * (1 + 2 / m) * second) / (
        1 - h**3 * (1 + 2 / m) * (1 + 4 / m)
    )
    for k, value in enumerate((1.0, mean, second, third)):
        np.testing.assert_allclose(collapse.stationary_moment(loop, k), value, rtol=1e-12)
    assert collapse.stationary_moment(loop, 60) == math.inf
    np.testing.assert_allclose(collapse.stationary_mean(loop), mean, rtol=1e-14)
    assert collapse.stationary_mean(CRITICAL) == math.inf
    assert collapse.stationary_moment(CRITICAL, 1) == math.inf
    for loop in (LIKELY, fully_synthetic(6, bias=0.8, floor=0.2, shrinkage=0.3)):
        for dim in (1, 3):
            limit = collapse.stationary_second_moments(loop, dim)
            late = collapse.second_moments(loop, np.ones(dim), generations=3000)
            np.testing.assert_allclose(limit.trace_squared, late.trace_squared[-1], rtol=1e-9)
            np.testing.assert_allclose(limit.squared_trace, late.squared_trace[-1], rtol=1e-9)
    assert collapse.stationary_second_moments(CRITICAL, 2).squared_trace == math.inf


@pytest.mark.parametrize("n", [2, 5, 30])
@pytest.mark.parametrize("bias", [0.1, 0.4])
def test_stationary_law_has_its_exact_moments(n: int, bias: float) -> None:
    loop = fully_synthetic(n, bias=bias, floor=0.25)
    # E X^k = e^k + integral of k x^(k-1) P(X > x) over x >= e, by the trapezoidal rule in
    # u = log(x/e - 1). A far tail of absolute error 1e-10 limits the order.
    u = np.arange(-90.0, 25.0, 0.1)
    x = 0.25 * (1.0 + np.exp(u))
    sf = 1.0 - collapse.stationary_cdf(x, loop)
    sf[sf < 1e-11] = 0.0
    value = 0.25 + 0.1 * np.sum(0.25 * np.exp(u) * sf)
    np.testing.assert_allclose(value, collapse.stationary_moment(loop, 1), rtol=2e-7)


@pytest.mark.parametrize(
    "loop",
    [
        fully_synthetic(2, floor=1.0),
        fully_synthetic(10, floor=1.0),
        fully_synthetic(10, bias=1.1, floor=1.0, allow_overdispersion=True),
        fully_synthetic(40, bias=0.5, floor=1.0),
        fully_synthetic(500, floor=1.0, ddof=0),
        fully_synthetic(3, bias=1e-3, floor=1.0),
    ],
    ids=str,
)
def test_stationary_law_does_not_depend_on_the_grid(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    q = np.array([1e-3, 0.1, 0.5, 0.9, 0.999, 1 - 1e-8])
    x = collapse.stationary_quantiles(loop, q)
    # x itself is a float just above the floor: 1e-16 of 1 + 1e-6.
    np.testing.assert_allclose(collapse.stationary_cdf(x, loop), q, rtol=1e-9)
    # A finer grid that reaches much further.
    monkeypatch.setattr(stationary, "_CUT", -55.0)
    finer = stationary._stationary.__wrapped__(_scales.log_step_bias(loop), loop.dof, 1.37)
    assert np.abs(finer.cdf(np.log(x - 1.0)) - q).max() < 1e-10


@pytest.mark.parametrize("loop", [CRITICAL, LIKELY, fully_synthetic(2, bias=0.7, floor=0.5)])
def test_stationary_law_by_simulation(loop: Loop) -> None:
    # Vervaat's series, run backwards until what is left is below 1e-9 of it, for every direction.
    rng, count = np.random.default_rng(2), 60_000
    total, product = np.ones(count), np.ones(count)
    while (product > 1e-9 * total).any():
        product = product * loop.step_bias * rng.chisquare(loop.dof, count) / loop.dof
        total += product
    q = np.array([0.05, 0.5, 0.9, 0.99])
    x = collapse.stationary_quantiles(loop, q)
    below = (total[:, None] * loop.floor <= x).mean(axis=0)
    assert (np.abs(below - q) < 4.5 * np.sqrt(q * (1 - q) / count)).all()
    # The same law with the neighbour's degrees of freedom is told apart: power.
    other = fully_synthetic(loop.n_synth + 1, bias=loop.bias, floor=loop.floor, ddof=loop.ddof)
    moved = collapse.stationary_cdf(x, other)
    assert (np.abs(moved - q) > 9 * np.sqrt(q * (1 - q) / count)).any()


def test_a_direction_of_the_loop_of_data_has_the_stationary_law_of_one_dimension() -> None:
    loop = fully_synthetic(4, bias=0.6, floor=0.5)
    count, q = 20_000, np.array([0.1, 0.5, 0.9, 0.99])
    _, sigma = fitted(loop, S, 25, count, seed=8)
    # Not an eigenvector of Sigma_0, and s_0 = tr Sigma_0 / 3 is the unit.
    u = np.array([0.6, 0.0, 0.8])
    x = collapse.stationary_quantiles(loop, q) * S.mean()
    below = (np.einsum("i,nij,j->n", u, sigma, u)[:, None] <= x).mean(axis=0)
    assert (np.abs(below - q) < 4.5 * np.sqrt(q * (1 - q) / count)).all()
    assert np.linalg.eigvalsh(sigma).min() >= 0.5 * S.mean() * (1 - 1e-9)


def test_quantiles_of_large_samples_tend_to_the_inverse_gamma_law() -> None:
    q = np.array([0.01, 0.5, 0.99])
    errors = []
    for n in (100, 1000, 5000):
        loop = fully_synthetic(n, floor=1.0 / n, ddof=0)
        exact = collapse.stationary_quantiles(loop, q)
        limit = collapse.stationary_quantiles_limit(loop, q)
        errors.append(np.abs(limit / exact - 1).max() * n)
    # First order in 1/n.
    assert max(errors) < 12
    assert errors[2] < 1.5 * errors[1]
    shape = 1 + 999 / 1000
    law = stats.invgamma(shape, scale=999 * 0.001)
    loop = fully_synthetic(1000, floor=0.001, ddof=0)
    np.testing.assert_allclose(collapse.stationary_quantiles_limit(loop, q), law.ppf(q), rtol=1e-10)


def test_stationary_law_at_its_ends() -> None:
    np.testing.assert_array_equal(
        collapse.stationary_quantiles(CRITICAL, [0.0, 1.0]), [0.01, math.inf]
    )
    np.testing.assert_array_equal(
        collapse.stationary_cdf([-1.0, 0.0, 0.01, math.inf], CRITICAL), [0, 0, 0, 1]
    )
    dead = fully_synthetic(4, bias=0.0, floor=0.5)
    np.testing.assert_array_equal(collapse.stationary_quantiles(dead, [0.1, 0.9]), [0.5, 0.5])
    np.testing.assert_array_equal(collapse.stationary_cdf([0.4, 0.5], dead), [0.0, 1.0])
    assert collapse.stationary_tail_index(dead) == math.inf
    assert collapse.stationary_moment(dead, 3) == 0.5**3
    least = fully_synthetic(4, bias=5e-324, floor=0.5)
    assert collapse.stationary_tail_index(least) == math.inf
    np.testing.assert_array_equal(collapse.stationary_quantiles(least, [0.1, 0.9]), [0.5, 0.5])
    assert collapse.mean_walk_growth(dead, S) == 0.0


def test_existence_is_the_sign_of_the_rate() -> None:
    critical = collapse.critical_bias(fully_synthetic(5))
    for factor, exists in ((0.999, True), (1.001, False)):
        loop = fully_synthetic(5, bias=critical * factor, floor=0.1, allow_overdispersion=True)
        for dim in (1, 7):
            assert collapse.stationary_exists(loop, dim) == exists
    # Shrinkage between: certain below and above both bounds only.
    between = {"floor": 0.1, "shrinkage": 0.2, "allow_overdispersion": True}
    assert collapse.stationary_exists(fully_synthetic(5, bias=1.0, **between), 3)
    assert not collapse.stationary_exists(fully_synthetic(5, bias=critical, **between), 3)
    with pytest.raises(UnsupportedLoop, match="bounds on the rate agree in sign"):
        collapse.stationary_exists(fully_synthetic(5, bias=1.1, **between), 3)


# --- shrinkage ------------------------------------------------------------------------------------


def vertex(shrinkage: float, dim: int, m: int) -> float:
    """E log of the vertex by a Beta share of a chi-square with m d degrees of freedom."""
    w = shrinkage / dim

    def density(b: float) -> float:
        return math.log(w + (1 - shrinkage) * b) * stats.beta.pdf(b, m / 2, m * (dim - 1) / 2)

    share = integrate.quad(density, 0, 1, epsabs=1e-13, epsrel=1e-12, limit=400)[0]
    return float(special.digamma(m * dim / 2) - math.log(m / 2) + share)


@pytest.mark.parametrize(("shrinkage", "dim", "m"), [(0.1, 3, 4), (0.9, 2, 9), (0.5, 10, 5)])
def test_lower_bound_on_the_rate_by_another_integral(shrinkage: float, dim: int, m: int) -> None:
    loop = fully_synthetic(m + 1, bias=0.9, shrinkage=shrinkage)
    bounds = collapse.shrinkage_rate(loop, dim)
    expected = math.log(0.9) + vertex(shrinkage, dim, m)
    # quad's own accuracy.
    np.testing.assert_allclose(bounds.lower, expected, rtol=1e-10)
    upper = math.log(0.9) + special.digamma(m * dim / 2) - math.log(m * dim / 2)
    np.testing.assert_allclose(bounds.upper, upper, rtol=1e-12)


def test_rate_bounds_join_the_exact_ends() -> None:
    n, d = 8, 4
    ends = [collapse.shrinkage_rate(fully_synthetic(n, shrinkage=a), d) for a in (0.0, 1.0)]
    assert ends[0].lower == ends[0].upper == collapse.rate(fully_synthetic(n))
    assert ends[1].lower == ends[1].upper
    near = [collapse.shrinkage_rate(fully_synthetic(n, shrinkage=a), d) for a in (1e-12, 1 - 1e-9)]
    np.testing.assert_allclose(near[0].lower, ends[0].lower, rtol=1e-9)
    np.testing.assert_allclose(near[1].lower, ends[1].lower, rtol=1e-7)
    huge = collapse.shrinkage_rate(fully_synthetic(10**9 + 1, shrinkage=0.5), d)
    # Second order: -(sum of squares of the weights) / m.
    weights = np.array([0.125, 0.125, 0.125, 0.625])
    np.testing.assert_allclose(huge.lower, -(weights @ weights) / 1e9, rtol=1e-8)
    np.testing.assert_allclose(huge.upper, -0.25 / 1e9, rtol=1e-8)


@pytest.mark.parametrize("shrinkage", [0.05, 0.5, 1.0])
def test_rate_of_simulated_paths_lies_within_its_bounds(shrinkage: float) -> None:
    loop, d, t, count = fully_synthetic(4, shrinkage=shrinkage), 3, 60, 4000
    _, sigma = fitted(loop, np.ones(d), t, count, seed=4)
    values = np.linalg.eigvalsh(sigma)
    assert (values[:, -1] / values[:, 0]).max() <= collapse.condition_bound(loop, d) * (1 + 1e-9)
    log_trace = np.log(values.sum(axis=1) / d)
    drift, se = log_trace.mean() / t, log_trace.std() / math.sqrt(count) / t
    bounds = collapse.shrinkage_rate(loop, d)
    # Each conditional drift obeys the bounds (at t = 1 the shape is 1/d, the best one).
    assert drift <= bounds.upper + 4.5 * se
    assert drift >= bounds.lower - 4.5 * se
    # Power: the rate of no shrinkage, and that of full shrinkage, are many errors away.
    plain, full = collapse.rate(fully_synthetic(4)), collapse.rate(fully_synthetic(10))
    assert plain < drift - 9 * se
    assert (drift < full - 9 * se) == (shrinkage < 1)


def test_condition_bound_is_attained_by_fits_of_rank_one() -> None:
    loop = fully_synthetic(2, shrinkage=0.25)
    _, sigma = fitted(loop, np.ones(4), 3, 50, seed=1)
    values = np.linalg.eigvalsh(sigma)
    bound = collapse.condition_bound(loop, 4)
    np.testing.assert_allclose(values[:, -1] / values[:, 0], bound, rtol=1e-9)
    assert bound == 13.0
    assert collapse.condition_bound(fully_synthetic(2), 4) == math.inf
    assert collapse.condition_bound(fully_synthetic(2), 1) == 1.0


# --- scikit-learn ---------------------------------------------------------------------------------


def mixture(floor: float, rng: np.random.RandomState):
    """A Gaussian by scikit-learn, whose reg_covar is the floor."""
    sklearn = pytest.importorskip("sklearn.mixture")
    return sklearn.GaussianMixture(
        n_components=1, reg_covar=floor, init_params="random", random_state=rng
    )


def test_scikit_learn_divides_by_n_and_adds_its_floor() -> None:
    x = np.random.default_rng(0).standard_normal((7, 3)) @ np.diag([1.0, 2.0, 0.5])
    model = mixture(0.3, np.random.RandomState(0)).fit(x)
    expected = np.cov(x.T, bias=True) + 0.3 * np.eye(3)
    # It divides by n + 10 machine epsilons, and adds as much to the log-responsibilities' sums.
    np.testing.assert_allclose(model.covariances_[0], expected, rtol=1e-12, atol=1e-13)


def test_loop_of_scikit_learn_fits_has_the_law_of_the_floor() -> None:
    eps, s, t, count = 0.9, np.array([6.0, 3.0]), 2, 250
    loop = fully_synthetic(8, ddof=0, floor=eps / s.mean())
    rng = np.random.RandomState(7)
    traces, walks, squares = np.empty(count), np.empty(count), np.empty(count)
    for i in range(count):
        x = rng.standard_normal((8, 2)) * np.sqrt(s)
        for _ in range(t):
            model = mixture(eps, rng).fit(x)
            x = model.sample(8)[0]
        traces[i] = np.trace(model.covariances_[0])
        squares[i] = (model.covariances_[0] ** 2).sum()
        walks[i] = (model.means_[0] ** 2).sum()
    second = collapse.second_moments(loop, s, generations=t)
    for values, expected in (
        (traces, collapse.mean_trace(loop, s, generations=t)[-1]),
        (walks, collapse.mean_walk(loop, s, generations=t)[-1]),
        (squares, second.trace_squared[-1]),
        (traces**2, second.squared_trace[-1]),
    ):
        assert abs(values.mean() - expected) < 4.5 * values.std() / math.sqrt(count)
    # Power: division by n - 1, no floor, and a floor that is not in units of tr Sigma_0/d.
    se = traces.std() / math.sqrt(count)
    for other in (
        fully_synthetic(8, floor=eps / s.mean()),
        fully_synthetic(8, ddof=0),
        fully_synthetic(8, ddof=0, floor=eps),
    ):
        assert abs(traces.mean() - collapse.mean_trace(other, s, generations=t)[-1]) > 6 * se


# --- refusals -------------------------------------------------------------------------------------


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
