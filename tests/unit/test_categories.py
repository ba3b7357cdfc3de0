"""Categories: every law by a second route, ends of every range, refusals."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from madtheory import categories, mixture

TEMPERATURES = (0.0, 0.5, 0.8, 1.0, 1.7)


def _chain_by_scipy(p, n, temperature, n_fresh=0):
    """Transition matrix of two tokens, by scipy's binomial laws and plain convolution."""
    total = n + n_fresh
    extra = stats.binom.pmf(np.arange(n_fresh + 1), n_fresh, p)
    rows = []
    for k in range(total + 1):
        pair = np.array([k, total - k]) / total
        if temperature == 0:
            g = float(k > total - k) + 0.5 * (2 * k == total)
        else:
            powers = np.power(pair, 1 / temperature)
            g = powers[0] / powers.sum()
        rows.append(np.convolve(stats.binom.pmf(np.arange(n + 1), n, g), extra))
    return np.array(rows)


# --- distributions -------------------------------------------------------------------------------


def test_zipf_is_a_power_of_the_rank():
    p = categories.zipf(1000, 1.3)
    np.testing.assert_allclose(p[9] / p[99], 10**1.3, rtol=1e-12)
    np.testing.assert_allclose(p.sum(), 1.0, rtol=1e-12)
    np.testing.assert_allclose(categories.zipf(4, 0.0), 0.25, rtol=1e-15)


def test_tempered_is_the_power_and_its_ends_are_argmax():
    p = np.array([0.5, 0.3, 0.2, 0.0])
    np.testing.assert_allclose(categories.tempered(p, 0.4), p**2.5 / (p**2.5).sum(), rtol=1e-13)
    np.testing.assert_allclose(categories.tempered([0.4, 0.4, 0.2], 0.0), [0.5, 0.5, 0.0])
    np.testing.assert_allclose(categories.tempered([0.4, 0.4, 0.2], 1e-200), [0.5, 0.5, 0.0])
    # A lost token stays lost where the others become equal.
    np.testing.assert_allclose(categories.tempered(p, 1e300)[:3], 1 / 3, rtol=1e-12)
    assert categories.tempered(p, 1e300)[3] == 0.0


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_deterministic_path_is_the_step_by_step_one(temperature):
    p = categories.zipf(6, 0.7)
    path = categories.deterministic(p, temperature, 6)
    for t in range(5):
        # Rounding in p is magnified by 1/lambda a step.
        np.testing.assert_allclose(
            categories.tempered(path[t], temperature), path[t + 1], rtol=1e-12, atol=1e-300
        )
    np.testing.assert_allclose(path[0], p, rtol=1e-15)


# --- survival at temperature 1 -------------------------------------------------------------------


@pytest.mark.parametrize(("n", "n_fresh"), [(1, 0), (20, 0), (60, 0), (20, 3), (3, 20), (1, 1)])
@pytest.mark.parametrize("p", [0.0, 1e-6, 0.1, 0.7, 1.0])
def test_survival_by_descent_is_survival_by_counts(p, n, n_fresh):
    estimate = categories.survival(p, n, 25, n_fresh=n_fresh)
    law, alive = stats.binom.pmf(np.arange(n + n_fresh + 1), n + n_fresh, p), []
    matrix = _chain_by_scipy(p, n, 1.0, n_fresh)
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
    lower, upper = categories.survival_bounds(0.1, 20, 20)
    assert (lower[2:] > np.array(weaker)[2:]).all()
    assert weaker[-1] == pytest.approx(0.168, abs=5e-4)
    exact = categories.survival(0.1, 20, 20).value[-1]
    assert exact == pytest.approx(0.204, abs=5e-4)
    assert weaker[-1] < lower[-1] < exact < upper[-1] < 0.22


@pytest.mark.parametrize("p", [0.02, 0.3])
def test_bounds_meet_at_the_limits(p):
    # After many generations: one token is left, it is this one with probability p.
    lower, upper = categories.survival_bounds(p, 30, 3000)
    np.testing.assert_allclose([lower[-1], upper[-1]], p, rtol=1e-9)
    # Large n: they differ by O(t/n), relatively.
    gaps = []
    for n in (1000, 10_000, 100_000):
        lower, upper = categories.survival_bounds(1 / n, n, 20)
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
    lower, upper = categories.survival_bounds(p, n, t, n_fresh=m)
    moment = p / (alpha[-1] + (1 - alpha[-1]) * p)
    np.testing.assert_allclose(lower[:, -1], np.maximum(1 - gone, moment), rtol=1e-11)
    founders = a[-1] + m / total * sum(a[:-1])
    np.testing.assert_allclose(upper[:, -1], 1 - (1 - p) ** founders, rtol=1e-11)


def test_large_n_is_between_the_bounds_and_is_the_branching_process():
    n, t = 1_000_000, 30
    estimate = categories.survival(3e-6, n, t)
    assert (estimate.lower <= estimate.value * (1 + 1e-8)).all()
    assert (estimate.value <= estimate.upper * (1 + 1e-8)).all()
    c = 1.0
    for _ in range(t - 1):
        c = 1 - math.exp(-c)
    # Poisson(3) lines, each with Poisson(1) offspring; the error is O(t/n).
    assert estimate.value[-1] == pytest.approx(1 - math.exp(-3 * c), rel=1e-4)


# --- stationary law ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "n_fresh", "temperature", "p"),
    [(40, 4, 1.0, 0.1), (10, 30, 0.6, 0.4), (20, 5, 2.0, 0.3), (7, 8, 0.0, 0.3), (1, 1, 1.0, 0.5)],
)
def test_stationary_law_solves_its_equation(n, n_fresh, temperature, p):
    law = categories.stationary_law(p, n, n_fresh, temperature=temperature)
    matrix = _chain_by_scipy(p, n, temperature, n_fresh)
    np.testing.assert_allclose(law @ matrix, law, rtol=1e-10, atol=1e-18)
    square = np.vstack([matrix.T - np.eye(len(law)), np.ones(len(law))])
    solved = np.linalg.lstsq(square, np.r_[np.zeros(len(law)), 1.0], rcond=None)[0]
    np.testing.assert_allclose(law, solved, rtol=0, atol=1e-12)


def test_stationary_law_where_the_first_winner_stays():
    # Temperature 0 and 2 fresh of 11: the majority of generation 1 has all nine, for ever.
    law = categories.stationary_law(0.3, 9, 2, temperature=0.0)
    wins = stats.binom.sf(5, 11, 0.3)
    np.testing.assert_allclose(law[9:], wins * stats.binom.pmf([0, 1, 2], 2, 0.3), rtol=1e-12)
    np.testing.assert_allclose(law[:3], (1 - wins) * stats.binom.pmf([0, 1, 2], 2, 0.3), rtol=1e-12)
    assert categories.stationary_law(1.0, 5, 2)[-1] == 1.0
    assert categories.stationary_law(0.0, 5, 2, temperature=0.5)[0] == 1.0


def test_a_bistable_stationary_law_keeps_its_small_numbers():
    # Eigenvectors lose the smaller well here; mpmath keeps 60 digits.
    p, n, n_fresh, temperature = 0.35, 24, 2, 0.5
    law = categories.stationary_law(p, n, n_fresh, temperature=temperature)
    with mpmath.workdps(60):
        size = n + n_fresh
        rows = mpmath.zeros(size + 1, size + 1)
        for k in range(size + 1):
            g = mpmath.mpf(k) ** 2 / (mpmath.mpf(k) ** 2 + mpmath.mpf(size - k) ** 2)
            for i, f in itertools.product(range(n + 1), range(n_fresh + 1)):
                rows[k, i + f] += (
                    mpmath.binomial(n, i) * g**i * (1 - g) ** (n - i)
                    * mpmath.binomial(n_fresh, f) * mpmath.mpf(p) ** f
                    * (1 - mpmath.mpf(p)) ** (n_fresh - f)
                )  # fmt: skip
        system = rows.T - mpmath.eye(size + 1)
        for k in range(size + 1):
            system[0, k] = 1
        right = mpmath.zeros(size + 1, 1)
        right[0] = 1
        exact = [float(x) for x in mpmath.lu_solve(system, right)]
    np.testing.assert_allclose(law, exact, rtol=1e-11)


@pytest.mark.parametrize(("n", "n_fresh"), [(90, 10), (30, 300), (1, 1), (500, 2)])
def test_stationary_support_of_two_tokens_is_that_of_the_count(n, n_fresh):
    support = categories.stationary_support([0.2, 0.8], n, n_fresh)
    first, second = (categories.stationary_law(p, n, n_fresh)[0] for p in (0.2, 0.8))
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
    lower, upper = categories.stationary_bounds(p, n, m)
    np.testing.assert_allclose(upper, 1 - (1 - p) ** founders, rtol=2e-3)
    assert (upper >= (1 - (1 - p) ** founders) * (1 - 1e-12)).all()
    # Blocks and tail only lower it, by little.
    assert (lower <= -np.expm1(gone) * (1 + 1e-12)).all()
    np.testing.assert_allclose(lower, -np.expm1(gone), rtol=1e-4)


def test_fresh_for_support_brackets_the_exact_need():
    p = categories.zipf(40)
    for by in ("number", "mass"):
        need = categories.fresh_for_support(p, 300, 0.9, by=by)

        def kept(m, by=by):
            support = categories.stationary_support(p, 300, m)
            return support.number.value / 40 if by == "number" else support.mass.value

        least = next(m for m in itertools.count(1) if kept(m) >= 0.9)
        assert need.necessary <= least <= need.sufficient
        assert need.sufficient <= need.necessary + 2


# --- vocabularies --------------------------------------------------------------------------------


@pytest.mark.parametrize("n_fresh", [0, 20])
def test_nodes_carry_a_vocabulary(n_fresh):
    p = categories.zipf(3000, 1.1)
    support = categories.support(p, 500, 8, n_fresh=n_fresh)
    each = categories.survival(p, 500, 8, n_fresh=n_fresh).value
    np.testing.assert_allclose(support.number.value, each.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(support.mass.value, p @ each, rtol=1e-12)
    assert (support.number.rel_error == categories.NODE_ERROR).all()


def test_support_of_equal_tokens_is_that_of_modes():
    support = categories.support(np.full(300, 1 / 300), 200, 40, n_fresh=10)
    modes = mixture.surviving_mean(300, 200, 40, n_fresh=10)
    np.testing.assert_allclose(support.number.value, modes.value, rtol=1e-11)
    np.testing.assert_allclose(support.mass.value, modes.value / 300, rtol=1e-11)


def test_support_above_the_exact_limit_is_between_its_bounds():
    support = categories.support(categories.zipf(200), 5000, 5, n_fresh=100)
    assert (support.number.rel_error[1:] > 0).all()
    assert (support.number.rel_error < 1e-3).all()
    np.testing.assert_allclose(
        2 * support.number.value, support.number.lower + support.number.upper, rtol=1e-13
    )


@pytest.mark.parametrize("n_fresh", [0, 1, 5])
def test_heterozygosity_is_that_of_the_full_chain(n_fresh):
    p = [0.5, 0.3, 0.2]
    loop = categories.full_chain(p, 6, generations=6, n_fresh=n_fresh)
    shares = loop.states / (6 + n_fresh)
    np.testing.assert_allclose(
        categories.heterozygosity(p, 6, 6, n_fresh=n_fresh),
        loop.expect(1 - (shares**2).sum(axis=1)),
        rtol=1e-12,
    )


# --- two tokens ----------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize(("n", "n_fresh"), [(1, 0), (9, 0), (8, 3), (2, 7)])
def test_token_chain_is_binomial(n, n_fresh, temperature):
    matrix = categories.token_chain(0.3, n, temperature=temperature, n_fresh=n_fresh)
    other = _chain_by_scipy(0.3, n, temperature, n_fresh)
    np.testing.assert_allclose(matrix, other, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("n_fresh", [0, 2])
def test_two_tokens_are_the_full_chain_of_two(temperature, n_fresh):
    options = {"temperature": temperature, "generations": 7, "n_fresh": n_fresh}
    path = categories.two_tokens(0.35, 12, **options)
    loop = categories.full_chain([0.35, 0.65], 12, **options)
    first = loop.states[:, 0]
    x = first / (12 + n_fresh)
    np.testing.assert_allclose(path.share, loop.expect(x), rtol=1e-12)
    np.testing.assert_allclose(path.alive, loop.expect(first > 0), rtol=1e-12)
    np.testing.assert_allclose(path.alone, loop.expect(x == 1), rtol=1e-12)
    np.testing.assert_allclose(path.heterozygosity, loop.expect(2 * x * (1 - x)), rtol=1e-12)


def test_full_chain_is_a_sum_over_all_texts():
    # All 3^4 first texts, all 3^4 second ones.
    p, n, temperature = np.array([0.5, 0.3, 0.2]), 4, 0.7
    law = np.zeros(4)
    for text in itertools.product(range(3), repeat=n):
        g = np.bincount(text, minlength=3) ** (1 / temperature)
        g = g / g.sum()
        for second in itertools.product(range(3), repeat=n):
            law[len(set(second))] += p[list(text)].prod() * g[list(second)].prod()
    loop = categories.full_chain(p, n, temperature=temperature, generations=2)
    alive = (loop.states > 0).sum(axis=1)
    for number in (1, 2, 3):
        np.testing.assert_allclose(loop.expect(alive == number)[1], law[number], rtol=1e-12)


# --- fixation ------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("n", [1, 2, 25])
def test_fixation_by_elimination_is_fixation_by_lu(n, temperature):
    p, result = 0.42, categories.fixation(0.42, n, temperature=temperature)
    matrix, first = _chain_by_scipy(p, n, temperature), stats.binom.pmf(np.arange(n + 1), n, p)
    system = np.eye(n - 1) - matrix[1:-1, 1:-1]
    hit = np.linalg.solve(system, matrix[1:-1, -1]) if n > 1 else np.zeros(0)
    time = np.linalg.solve(system, np.ones(n - 1)) if n > 1 else np.zeros(0)
    exact = 1 + first[1:-1] @ time
    # The condition of the system is the time: LU loses that many digits.
    rtol = 1e-12 + 1e-15 * exact
    np.testing.assert_allclose(result.probability.value, first[1:-1] @ hit + first[-1], rtol=rtol)
    np.testing.assert_allclose(result.time.value, exact, rtol=rtol)


def test_neutral_fixation_is_p_and_the_time_of_the_mixture():
    result = categories.fixation(0.3, 200)
    np.testing.assert_allclose(result.probability.value, 0.3, rtol=1e-12)
    time = mixture.absorption_time(0.3, 200).value
    np.testing.assert_allclose(result.time.value, time, rtol=1e-11)


def test_a_chain_that_stays_for_e_to_the_n_keeps_its_digits():
    # Temperature 2 holds both tokens: the mean time is far beyond 1/eps.
    n, p = 40, 0.5
    result = categories.fixation(p, n, temperature=4.0)
    with mpmath.workdps(60):
        rows = mpmath.zeros(n - 1, n - 1)
        for k in range(1, n):
            a, b = mpmath.mpf(k) ** 0.25, mpmath.mpf(n - k) ** 0.25
            for j in range(1, n):
                g = a / (a + b)
                rows[k - 1, j - 1] = mpmath.binomial(n, j) * g**j * (1 - g) ** (n - j)
        times = mpmath.lu_solve(mpmath.eye(n - 1) - rows, mpmath.ones(n - 1, 1))
        first = [mpmath.binomial(n, k) * mpmath.mpf(p) ** n for k in range(1, n)]
        exact = 1 + sum(w * x for w, x in zip(first, times, strict=True))
    assert exact > 1e8
    np.testing.assert_allclose(float(result.time.value), float(exact), rtol=1e-11)


@pytest.mark.parametrize("selection", [-4.0, 0.0, 3.0, 40.0])
def test_diffusion_solves_its_equations_and_is_the_limit(selection):
    n, p = 400, 0.55
    temperature = 1 / (1 + selection / n)
    win, time = categories.fixation_diffusion(p, n, temperature=temperature)

    def scale(y):
        return math.exp(2 * selection * (special.entr(y) + special.entr(1 - y) - math.log(2)))

    total = integrate.quad(scale, 0, 1, epsabs=0, epsrel=1e-10)[0]
    np.testing.assert_allclose(
        win, integrate.quad(scale, 0, p, epsabs=0, epsrel=1e-10)[0] / total, rtol=1e-8
    )
    # x(1-x)/2 f'' + a x(1-x) logit(x) f' = -1, by finite differences in x.
    h = 1e-3
    f = [
        categories.fixation_diffusion(p + i * h, n, temperature=temperature)[1] / n
        for i in (-1, 0, 1)
    ]
    slope, curve = (f[2] - f[0]) / (2 * h), (f[2] - 2 * f[1] + f[0]) / h**2
    drift = selection * special.logit(p)
    # Central differences: O(h^2).
    np.testing.assert_allclose(p * (1 - p) * (curve / 2 + drift * slope), -1.0, rtol=2e-3)
    if selection == 0:
        np.testing.assert_allclose(time, mixture.absorption_time_limit(p, n), rtol=1e-12)
    exact = categories.fixation(p, n, temperature=temperature)
    # Errors of order 1/n and a/n; how they fall is the next test.
    rtol = (4 + abs(selection)) / n
    np.testing.assert_allclose(win, exact.probability.value, rtol=rtol)
    np.testing.assert_allclose(time, exact.time.value, rtol=rtol)


def test_diffusion_errors_fall_like_one_over_n():
    errors = []
    for n in (250, 500, 1000):
        temperature = 1 / (1 + 8 / n)
        exact = categories.fixation(0.6, n, temperature=temperature).probability.value
        errors.append(categories.fixation_diffusion(0.6, n, temperature=temperature)[0] - exact)
    np.testing.assert_allclose(np.array(errors[1:]) / errors[:-1], 0.5, rtol=0.05)


@pytest.mark.parametrize("temperature", [0.0, 0.3, 0.7])
def test_limit_at_a_fixed_temperature(temperature):
    for n in (201, 901):
        p = 0.5 + 0.4 / math.sqrt(n)
        exact = categories.fixation(p, n, temperature=temperature)
        win, time = categories.fixation_limit(p, n, temperature=temperature)
        # Corrections of order n^-1/2 cancel by symmetry (an even n may tie at temperature 0).
        assert win == pytest.approx(float(exact.probability.value), abs=0.5 / n)
        assert time == pytest.approx(float(exact.time.value), rel=0.02)


@pytest.mark.parametrize(("n", "inverse"), [(1000, 1.01), (1000, 1.04), (1000, 1.2), (1000, 2.0)])
def test_declared_errors_of_the_limits_cover_the_exact_chain(monkeypatch, n, inverse):
    exact = categories.fixation(0.52, n, temperature=1 / inverse)
    monkeypatch.setattr(categories, "DENSE_LIMIT", n - 1)
    limit = categories.fixation(0.52, n, temperature=1 / inverse)
    for rough, right in ((limit.probability, exact.probability), (limit.time, exact.time)):
        assert abs(rough.value - right.value) <= rough.rel_error * rough.value
        assert 0 < rough.rel_error < 0.1


def test_temperature_for_inverts_fixation():
    for n in (50, 301):
        temperature = categories.temperature_for(0.75, 0.55, n)
        again = categories.fixation(0.55, n, temperature=temperature).probability.value
        assert float(again) == pytest.approx(0.75, rel=1e-8)
    most = float(categories.fixation(0.55, 51, temperature=0.0).probability.value)
    np.testing.assert_allclose(most, stats.binom.sf(25, 51, 0.55), rtol=1e-12)
    assert categories.temperature_for(0.55, 0.55, 51) == 1.0
    with pytest.raises(ValueError, match=r"^target must be in \[0.55, 0.7"):
        categories.temperature_for(0.99, 0.55, 51)


def test_temperature_for_large_n_is_the_formula():
    n, p, goal = 10**6, 0.501, 0.9
    z = stats.norm.ppf(goal)
    expected = optimize.brentq(
        lambda x: 2 * math.sqrt(n) * (p - 0.5) * math.sqrt(1 - x * x) - z, 0, 1
    )
    assert categories.temperature_for(goal, p, n) == pytest.approx(expected, rel=1e-6)


# --- simulation ----------------------------------------------------------------------------------


def test_simulation_does_not_depend_on_threads_and_depends_on_the_seed():
    def digest(threads, seed=1):
        return categories.simulate_categories(
            categories.zipf(200), 100, temperature=0.9, generations=8, replicates=64,
            n_fresh=3, seed=seed, threads=threads, at=(2, 8),
        ).digest  # fmt: skip

    assert digest(1) == digest(2) == digest(4) != digest(1, seed=2)


def test_simulation_keeps_paths_and_the_recorded_generations():
    run = categories.simulate_categories(
        categories.zipf(5), 4, generations=30, replicates=50, at=(30, 1), keep_paths=True
    )
    assert run.generations.tolist() == [1, 30]
    assert run.paths is not None
    survivors, entropy = run.paths["survivors"], run.paths["entropy"]
    assert survivors.shape == (50, 2)
    assert (survivors[:, 1] <= survivors[:, 0]).all()
    assert ((entropy == 0) == (survivors == 1)).all()
    for name in categories.QUANTITIES:
        np.testing.assert_allclose(run.mean[name], run.paths[name].mean(axis=0), rtol=1e-12)
        se = run.paths[name].std(axis=0, ddof=1) / math.sqrt(50)
        np.testing.assert_allclose(run.se[name], se, rtol=1e-11, atol=1e-16)


def test_one_replicate_has_no_standard_error():
    run = categories.simulate_categories([0.5, 0.5], 3, generations=1, replicates=1)
    assert np.isnan(run.se["mass"]).all()


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: categories.zipf(0), "size must be at least 1, got 0"),
        (lambda: categories.tempered([0.5, 0.4], 1), "p must sum to 1, got 0.9"),
        (lambda: categories.tempered([1.5, -0.5], 1), "p must be finite and non-negative, got"),
        (lambda: categories.tempered([], 1), "p must be a non-empty vector, got shape"),
        (lambda: categories.tempered([math.nan, 1], 1), "p must be finite and non-negative"),
        (lambda: categories.tempered([1.0], -1), "temperature must be a finite number in"),
        (lambda: categories.tempered([1.0], math.inf), "temperature must be a finite number in"),
        (lambda: categories.survival(1.5, 3, 2), r"p must be in \[0, 1\], got 1.5"),
        (lambda: categories.survival(0.5, 0, 2), "n must be at least 1, got 0"),
        (lambda: categories.token_chain(0.5, 1001), "n must be at most 1000, got 1001"),
        (lambda: categories.stationary_law(0.5, 5, 0), "n_fresh must be at least 1, got 0"),
        (lambda: categories.stationary_bounds(0.5, 5, 0), "n_fresh must be at least 1, got 0"),
        (lambda: categories.stationary_support([1.0], 5, 0), "n_fresh must be at least 1, got 0"),
        (lambda: categories.fixation(0.5, 1000, temperature=1e9), "temperature must let the loop"),
        (lambda: categories.fixation(0.5, 10**6, temperature=2), "temperature must be at most 1."),
        (lambda: categories.fixation_limit(0.5, 9, temperature=1), "temperature must be below 1"),
        (lambda: categories.fresh_for_support([1.0], 9, 0.5, by="x"), "by must be one of number"),
        (lambda: categories.full_chain(categories.zipf(9), 50, generations=1), "p and n must give"),
        (
            lambda: categories.simulate_categories(
                [1.0], 2, generations=2, replicates=1, record=["trace"]
            ),
            "record must be one of survivors",
        ),
        (
            lambda: categories.simulate_categories([1.0], 2, generations=2, replicates=1, at=[]),
            "at must name at least one generation, got none",
        ),
        (
            lambda: categories.simulate_categories([1.0], 2, generations=2, replicates=1, at=[3]),
            "at must be at most 2, got 3",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
