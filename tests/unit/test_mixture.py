"""Chains of mode counts and what follows from them, against enumeration and other formulas."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, special, stats
from scipy.spatial import cKDTree

from madtheory import _wright_fisher as chain
from madtheory import mixture

Law = dict[tuple[int, ...], Fraction]
EQUAL = [1 / 25] * 25


# --- enumeration: the whole partition, in exact fractions ----------------------------------------


def compositions(n: int, modes: int) -> list[tuple[int, ...]]:
    if modes == 1:
        return [(n,)]
    return [(i, *rest) for i in range(n + 1) for rest in compositions(n - i, modes - 1)]


def multinomial(n: int, weights: list[Fraction]) -> Law:
    law = {}
    for counts in compositions(n, len(weights)):
        p = Fraction(math.factorial(n))
        for count, weight in zip(counts, weights, strict=True):
            p *= weight**count / math.factorial(count)
        law[counts] = p
    return law


def add(a: Law, b: Law) -> Law:
    law: Law = {}
    for (x, p), (y, q) in itertools.product(a.items(), b.items()):
        z = tuple(i + j for i, j in zip(x, y, strict=True))
        law[z] = law.get(z, Fraction(0)) + p * q
    return law


def partitions(weights: list[Fraction], n: int, fresh: int, steps: int) -> list[Law]:
    """Laws of all counts at t = 1..steps: the definition of the loop."""
    laws, real = [multinomial(n + fresh, weights)], multinomial(fresh, weights)
    for _ in range(steps - 1):
        law: Law = {}
        for counts, p in laws[-1].items():
            model = [Fraction(c, n + fresh) for c in counts]
            for new, q in add(multinomial(n, model), real).items():
                law[new] = law.get(new, Fraction(0)) + p * q
        laws.append(law)
    return laws


def mean(law: Law, f) -> float:  # type: ignore[no-untyped-def]
    return float(sum(p * f(counts) for counts, p in law.items()))


def alive(counts: tuple[int, ...]) -> int:
    return sum(c > 0 for c in counts)


THIRDS = [Fraction(1, 3)] * 3
CLOSED = partitions(THIRDS, 5, 0, 4)
UNEQUAL = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
OPEN = partitions(THIRDS, 4, 2, 4)


def test_the_closed_loop_by_enumeration() -> None:
    t = range(4)
    law = mixture.surviving_law(3, 5, [1, 2, 3, 4])
    for k in range(4):
        exact = [mean(CLOSED[i], lambda c, k=k: alive(c) == k) for i in t]
        np.testing.assert_allclose(law[:, k], exact, rtol=1e-12)
    exact = [mean(CLOSED[i], alive) for i in t]
    np.testing.assert_allclose(mixture.surviving_mean(3, 5, 4).value, exact, rtol=1e-12)
    diversity = [mean(CLOSED[i], lambda c: 1 - sum(x * x for x in c) / 25) for i in t]
    np.testing.assert_allclose(mixture.heterozygosity(3, 5, 4), diversity, rtol=1e-12)


def test_unequal_weights_by_enumeration() -> None:
    laws = partitions(UNEQUAL, 5, 0, 3)
    weights = [float(w) for w in UNEQUAL]
    one = [mean(law, lambda c: alive(c) == 1) for law in laws]
    np.testing.assert_allclose(mixture.fixation_cdf(weights, 5, 3).value, one, rtol=1e-12)
    each = [[mean(law, lambda c, i=i: c[i] > 0) for law in laws] for i in range(3)]
    np.testing.assert_allclose(mixture.survival(weights, 5, 3).value, each, rtol=1e-12)


def test_fresh_data_by_enumeration() -> None:
    exact = [mean(law, alive) for law in OPEN]
    value = mixture.surviving_mean(3, 4, 4, n_fresh=2).value
    np.testing.assert_allclose(value, exact, rtol=1e-12)
    diversity = [mean(law, lambda c: 1 - sum(x * x for x in c) / 36) for law in OPEN]
    np.testing.assert_allclose(mixture.heterozygosity(3, 4, 4, n_fresh=2), diversity, rtol=1e-12)


def test_the_stationary_loop_by_a_linear_solve_over_all_partitions() -> None:
    n, fresh, K = 4, 2, 3
    states = compositions(n + fresh, K)
    real, rows = multinomial(fresh, THIRDS), []
    for state in states:
        new = add(multinomial(n, [Fraction(c, n + fresh) for c in state]), real)
        rows.append([float(new.get(s, Fraction(0))) for s in states])
    system = np.array(rows).T - np.eye(len(states))
    system[-1] = 1.0
    law = np.linalg.solve(system, np.eye(len(states))[-1])
    number = np.array([alive(s) for s in states])
    share = np.array([sum((c / (n + fresh)) ** 2 for c in s) for s in states])
    every = mixture.all_modes_alive(K, n, fresh)
    assert every.value == pytest.approx(law @ (number == K), rel=1e-12)
    assert every.lower <= every.value <= every.upper
    got = mixture.stationary_surviving_mean(K, n, fresh)
    assert got == pytest.approx(law @ number, rel=1e-12)
    diversity = mixture.stationary_heterozygosity(K, n, fresh)
    assert diversity == pytest.approx(1 - law @ share, rel=1e-12)
    count = mixture.stationary_count_law(1 / 3, n, fresh)
    first = np.array([s[0] for s in states])
    np.testing.assert_allclose(
        count, [law @ (first == x) for x in range(n + fresh + 1)], rtol=1e-11
    )


# --- rows ----------------------------------------------------------------------------------------


def test_rows_of_the_count_against_mpmath() -> None:
    rows = chain.transition(2_000, np.array([0.0385, 0.5, 0.0015, 0.0, 1.0]))
    with mpmath.workdps(40):
        for row, p in zip(rows, (0.0385, 0.5, 0.0015), strict=False):
            x = mpmath.mpf(p)
            k = np.arange(0, 2_001, 37)
            exact = [
                mpmath.binomial(2_000, int(i)) * x ** int(i) * (1 - x) ** (2_000 - int(i))
                for i in k
            ]
            kept = np.array([e > 1e-290 for e in exact])
            error = np.array(
                [
                    abs(float(row[i] / e - 1)) if e > 1e-290 else 0.0
                    for i, e in zip(k, exact, strict=True)
                ]
            )
            bulk = np.abs(k - 2_000 * p) < 4 * math.sqrt(2_000 * p)
            assert (bulk & kept).sum() >= 1
            assert error.max() < 1e-12  # a unit in the last place for each step from the mode
            assert error[bulk].max() < 1e-14
    assert rows[3, 0] == rows[4, 2_000] == 1.0
    assert rows[3, 1:].sum() == rows[4, :-1].sum() == 0.0


def test_a_band_is_the_dense_matrix_less_what_is_negligible() -> None:
    success = np.linspace(0, 1, 301)
    dense, band = chain.transition(300, success), chain.binomial_band(300, success)
    full = np.zeros_like(dense)
    for i in range(301):
        full[i, band.first[i] : band.first[i] + band.size[i]] = band.weights[i, : band.size[i]]
    np.testing.assert_allclose(full, dense, rtol=1e-13, atol=1e-23)
    law = dense[40]
    both = chain.evolve(band, law, 7), law @ np.linalg.matrix_power(dense, 7)
    np.testing.assert_allclose(*both, rtol=1e-12, atol=1e-22)
    means = chain.expectations(band, law, np.stack([success, success**2]), 7)
    np.testing.assert_allclose(means[-1], both[1] @ np.stack([success, success**2]).T, rtol=1e-12)


def stirling(balls: int, cells: int) -> int:
    if balls == cells:
        return 1
    if cells in (0, balls + 1):
        return 0
    return cells * stirling(balls - 1, cells) + stirling(balls - 1, cells - 1)


def test_occupied_cells_by_stirling_numbers() -> None:
    band = chain.occupancy_band(9, 7)
    for a in range(8):
        exact = [Fraction(math.perm(9, b) * stirling(a, b), 9**a) for b in range(a + 1)]
        row = np.zeros(10)
        row[band.first[a] : band.first[a] + band.size[a]] = band.weights[a, : band.size[a]]
        np.testing.assert_allclose(row[: a + 1], [float(x) for x in exact], rtol=1e-14)


def test_fresh_ancestors_against_scipy() -> None:
    band = chain.hypergeometric_band(60, 45, 30)
    for b in range(31):
        row = np.zeros(31)
        row[band.first[b] : band.first[b] + band.size[b]] = band.weights[b, : band.size[b]]
        exact = stats.hypergeom(60, 45, b).pmf(np.arange(31))
        # scipy's own error in its logarithms.
        np.testing.assert_allclose(row, exact, rtol=1e-11, atol=1e-22)


# --- two-type chain: the same numbers without descent --------------------------------------------


@pytest.mark.parametrize("p", [0.04, 0.5, 0.9])
def test_survival_and_absorption_by_the_chain_of_one_count(p: float) -> None:
    n, steps = 80, 60
    dense = stats.binom.pmf(np.arange(n + 1)[None], n, np.arange(n + 1)[:, None] / n)
    law, lost = stats.binom.pmf(np.arange(n + 1), n, p), []
    start = law
    for _ in range(steps):
        lost.append(law[0])
        law = law @ dense
    np.testing.assert_allclose(mixture.survival(p, n, steps).value, 1 - np.array(lost), rtol=1e-12)
    inner = np.eye(n - 1) - dense[1:-1, 1:-1]
    times = np.linalg.solve(inner, np.ones(n - 1))
    assert mixture.absorption_time(p, n).value == pytest.approx(1 + start[1:-1] @ times, rel=1e-11)


def test_time_until_one_mode_is_left() -> None:
    # Summed from its law; 3,000 generations leave less than 1e-30 at n = 40.
    n = 40
    pending = 1 - mixture.fixation_cdf(EQUAL, n, 3_000).value
    assert mixture.fixation_time(EQUAL, n).value == pytest.approx(1 + pending.sum(), rel=1e-12)
    two = mixture.fixation_time([0.3, 0.7], n).value
    assert two == pytest.approx(float(mixture.absorption_time(0.3, n).value), rel=1e-12)
    # theory.md 4.1 gives the limit, 489.9; the exact mean is half a percent less.
    assert mixture.fixation_time_limit(EQUAL, 250) == pytest.approx(489.9, abs=0.05)
    assert mixture.fixation_time(EQUAL, 250).value == pytest.approx(487.3147, abs=1e-4)


def test_the_limits_are_approached_like_one_over_n() -> None:
    gaps = [
        float(mixture.fixation_time(EQUAL, n).value) / mixture.fixation_time_limit(EQUAL, n) - 1
        for n in (1_000, 10_000, 100_000)
    ]
    assert -0.002 < gaps[0] < 0 > gaps[1] > 8 * gaps[0]
    assert abs(gaps[2]) < 0.15 * abs(gaps[1])
    exact = float(mixture.absorption_time(0.1, 4_000).value)
    assert exact == pytest.approx(mixture.absorption_time_limit(0.1, 4_000), rel=2e-3)


def test_many_samples_enter_the_chain_by_a_normal_law(monkeypatch: pytest.MonkeyPatch) -> None:
    n, steps, p = 6_000, 200, np.array([1 / 25, 1e-3, 1 / 6_000, 1e-5])
    exact = mixture.survival(p, n, steps)
    time = float(mixture.fixation_time(EQUAL, n).value)
    assert not exact.rel_error.any()
    monkeypatch.setattr(mixture, "EXACT", 1_500)
    mixture._ancestors.cache_clear()
    try:
        near = mixture.survival(p, n, steps)
        near_time = float(mixture.fixation_time(EQUAL, n).value)
    finally:
        mixture._ancestors.cache_clear()
    assert (near.rel_error == mixture.ENTRY_ERROR).all()
    # The error falls like EXACT^-2 (it is of third order in the number of ancestors).
    allowed = mixture.ENTRY_ERROR * (8_192 / 1_500) ** 2
    error = np.abs(near.value / exact.value - 1).max()
    assert 1e-12 < error < allowed
    assert near_time == pytest.approx(time, rel=allowed)


def test_at_any_size() -> None:
    late = mixture.survival(0.04, 10**7, 3)
    np.testing.assert_allclose(late.value, 1.0)
    assert mixture.survival(1e-7, 10**7, 1).value[0] == pytest.approx(-math.expm1(-1), rel=1e-6)
    assert mixture.survival([0.0, 1.0], 1, 2).value.tolist() == [[0, 0], [1, 1]]
    assert mixture.surviving_mean(1, 3, 2).value.tolist() == [1, 1]
    assert mixture.heterozygosity(4, 1, 3).tolist() == [0, 0, 0]
    assert mixture.fixation_time([1.0], 5).value == mixture.absorption_time(0.0, 5).value == 0


# --- fresh data ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "fresh", "p"), [(300, 7, 0.04), (50, 200, 0.01), (1, 1, 0.3)])
def test_stationary_survival_by_descent_and_by_a_linear_solve(n: int, fresh: int, p: float) -> None:
    law = mixture.stationary_count_law(p, n, fresh)
    # The linear solve is right to 1e-13 absolutely.
    assert 1 - law[0] == pytest.approx(float(mixture.stationary_survival(p, n, fresh)), abs=1e-12)
    x = np.arange(n + fresh + 1) / (n + fresh)
    assert law @ x == pytest.approx(p, rel=1e-11)
    spread = p * (1 - p) - law @ (x - p) ** 2
    expected = p * (1 - p) * mixture._diversity_step(n, fresh, 1.0)[1]
    assert spread == pytest.approx(expected, rel=1e-10)


def test_the_path_with_fresh_data_ends_in_the_stationary_law() -> None:
    path = mixture.surviving_mean(25, 200, 400, n_fresh=10).value
    assert path[-1] == pytest.approx(mixture.stationary_surviving_mean(25, 200, 10), rel=1e-12)
    path = mixture.heterozygosity(25, 200, 400, n_fresh=10)
    assert path[-1] == pytest.approx(mixture.stationary_heterozygosity(25, 200, 10), rel=1e-12)


def test_the_beta_limit_of_a_weight() -> None:
    p, n, fresh = 0.2, 900, 20
    alpha, beta = mixture.stationary_weight_limit(p, n, fresh)
    law = np.cumsum(mixture.stationary_count_law(p, n, fresh))
    x = (np.arange(n + fresh + 1) + 0.5) / (n + fresh)
    gap = np.abs(law - special.betainc(alpha, beta, np.minimum(x, 1))).max()
    assert gap < 0.004
    assert alpha + beta == pytest.approx(2 * fresh, rel=0.04)


def test_how_much_fresh_data_keeps_all_modes() -> None:
    need = mixture.fresh_for_all_modes(25, 1_000, 0.99)
    assert need.probability >= 0.99 > mixture.all_modes_alive(25, 1_000, need.n_fresh - 1).value
    union = mixture.all_modes_alive(25, 1_000, need.union_bound)
    less = mixture.all_modes_alive(25, 1_000, need.union_bound - 1)
    assert union.lower >= 0.99 > less.lower
    assert mixture.fresh_for_all_modes(1, 10, 0.9).n_fresh == 0


def test_bounds_take_over_where_the_sum_alternates() -> None:
    e = mixture.all_modes_alive(1_000, 1_000, 1_000)
    assert 0 == e.lower < e.value < e.upper < 0.01
    assert e.rel_error == 1.0
    assert mixture.all_modes_alive(25, 10, 5).value == 0.0
    assert mixture.all_modes_alive(25, 100, 0).value == 0.0


# --- variance within modes -----------------------------------------------------------------------


def test_variances_by_enumeration_of_paths() -> None:
    """Two modes, four samples, three generations: every path of one count."""
    n, steps, c, lam, ridge, v0 = 4, 3, 0.25, 0.8, 0.05, 2.0
    first = stats.binom.pmf(np.arange(n + 1), n, 0.5)
    rows = [stats.binom.pmf(np.arange(n + 1), n, x / n) for x in range(n + 1)]
    modal, alive_, within = np.zeros(steps), np.zeros(steps), np.zeros(steps)
    logs, positive = np.zeros(steps), np.zeros(steps)
    for path in itertools.product(range(n + 1), repeat=steps):
        p, v, log, last = 1.0, v0, 0.0, None
        for t, x in enumerate(path):
            p *= first[x] if last is None else rows[last][x]
            bias = 1.0 if last is None else lam
            v = bias * v * (x - 1) / (x - c) + ridge if x > 1 else ridge * (x == 1)
            log += math.log(bias) - math.log((x - c) / 2) if x > 1 else 0.0
            log += float(special.digamma((x - 1) / 2)) if x > 1 else 0.0
            weight = p * (n + 1.0) ** (t + 1 - steps)  # the rest of the path is summed over
            modal[t] += weight * v
            within[t] += weight * v * x / n
            alive_[t] += weight * (x > 0)
            fine = min(path[: t + 1]) > 1
            logs[t] += weight * log * fine
            positive[t] += weight * fine
            last = x
    path_ = mixture.modal_variance(
        2, n, steps, real_modal=v0, real_total=5.0, ddof=c, bias=lam, floor_trace=ridge
    )
    np.testing.assert_allclose(path_.alive, alive_, rtol=1e-12)
    np.testing.assert_allclose(path_.modal, modal / alive_, rtol=1e-12)
    np.testing.assert_allclose(path_.within, 2 * within, rtol=1e-12)
    typical = mixture.typical_variance(2, n, steps, ddof=c, bias=lam)
    np.testing.assert_allclose(typical, np.exp(logs / positive), rtol=1e-12)


def test_total_variance_of_a_fit_by_moments() -> None:
    t = np.arange(1, 51)
    path = mixture.modal_variance(25, 100, 50, real_modal=0.005, real_total=4.005, ddof=0)
    np.testing.assert_allclose(path.total, 4.005 * 0.99**t, rtol=1e-12)
    # One mode is the Gaussian loop: its trace is a martingale at ddof 1, and all there is.
    one = mixture.modal_variance(1, 20, 50, real_modal=3.0, real_total=3.0, ddof=1)
    np.testing.assert_allclose(one.total, 3.0, rtol=1e-12)
    one = mixture.modal_variance(
        1, 20, 50, real_modal=3.0, real_total=3.0, ddof=0.6, bias=0.9, floor_trace=0.2
    )
    np.testing.assert_allclose(one.total, one.modal, rtol=1e-12)
    np.testing.assert_allclose(one.within, one.modal, rtol=1e-12)


def test_the_rate_of_a_mode_is_that_of_its_own_sample_count() -> None:
    # Early: N stays near 400 of 10,000; the spread of N is of relative order 1/400.
    path = mixture.typical_variance(25, 10_000, 3)
    rate = special.digamma(399 / 2) - math.log(399 / 2)
    np.testing.assert_allclose(np.log(path) / np.arange(1, 4), rate, rtol=0.02)
    # Two samples: one survives as two with probability 1/2; 2^-3000 is no number.
    late = mixture.typical_variance(2, 2, 3_000)
    ratio = math.exp(special.digamma(0.5) - math.log(0.5))
    np.testing.assert_allclose(late[:99], ratio ** np.arange(1, 100), rtol=1e-11)
    assert late[-1] == 0.0


@pytest.mark.parametrize(("count", "ddof", "bias"), [(40, 0.0, 1.0), (5, 0.0, 0.7), (9, 1.0, 0.5)])
def test_the_floor_holds_the_variance(count: int, ddof: float, bias: float) -> None:
    """The moments are fixed by one more fit, chi-square integrated."""
    mean_, variance = mixture.floor_variance(count, 0.01, ddof=ddof, bias=bias)
    law = stats.chi2(count - 1)
    scale = bias / (count - ddof)
    one, two = (
        integrate.quad(lambda q, k=k: (scale * q) ** k * law.pdf(q), 0, np.inf)[0] for k in (1, 2)
    )
    second = variance + mean_**2
    # Quadrature is right to 1e-8.
    assert one * mean_ + 0.01 == pytest.approx(mean_, rel=1e-7)
    assert two * second + 0.02 * one * mean_ + 1e-4 == pytest.approx(second, rel=1e-7)


def test_where_the_floor_has_no_moments() -> None:
    assert mixture.floor_variance(40, 1e-6, ddof=1.0) == (math.inf, math.inf)
    mean_, variance = mixture.floor_variance(20, 1e-6, ddof=0.99)
    assert math.isfinite(mean_)
    assert variance == math.inf
    assert mixture.floor_variance(1, 0.3) == (0.3, 0.0)


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mixture.surviving_mean(0, 5, 5), "modes must be at least 1, got 0"),
        (lambda: mixture.surviving_mean(2, 2.5, 5), "n_synth must be an integer, got 2.5"),
        (lambda: mixture.survival(1.5, 5, 5), r"p must be in \[0, 1\], got 1.5"),
        (lambda: mixture.survival(math.nan, 5, 5), r"p must be in \[0, 1\], got nan"),
        (lambda: mixture.fixation_time([0.5, 0.4], 5), "weights must sum to 1, got 0.9"),
        (
            lambda: mixture.fixation_time([], 5),
            r"weights must be a non-empty vector, got shape \(0,",
        ),
        (lambda: mixture.surviving_law(2, 9_000, [1]), "n_synth must be at most 8192, got 9000"),
        (
            lambda: mixture.stationary_survival(0.1, 16_000, 500),
            r"n_synth \+ n_fresh must be at most 16384, got 16500",
        ),
        (lambda: mixture.stationary_count_law(0.1, 9, 0), "n_fresh must be at least 1, got 0"),
        (lambda: mixture.typical_variance(2, 5, 5, bias=0.0), "bias must be positive .* got 0"),
        (
            lambda: mixture.modal_variance(2, 5, 5, real_modal=1.0, real_total=0.5),
            r"real_total must be a finite number in \[1, inf\], got 0.5",
        ),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_mass_is_kept() -> None:
    band = chain.occupancy_band(400, 400)
    sums: NDArray[np.float64] = band.weights.sum(axis=1)
    np.testing.assert_allclose(sums, 1.0, rtol=1e-14)


# --- recall --------------------------------------------------------------------------------------


def recall_of_points(
    rng: np.random.Generator, n: int, widths: NDArray[np.float64], shift: NDArray[np.float64]
) -> float:
    """Draw a synthetic mode and real points, and count those in some 5-NN ball."""
    shares = []
    for _ in range(max(20, 1_200 // n)):
        y = rng.normal(size=(n, 2)) * widths + shift
        radius = cKDTree(y).query(y, 6)[0][:, -1]
        x = rng.normal(size=(300, 2))
        shares.append((np.linalg.norm(x[:, None] - y, axis=-1) <= radius).any(axis=1).mean())
    return float(np.mean(shares))


@pytest.mark.parametrize(("ratio", "allowed"), [(1.0, 0.03), (2.0, 0.05), (10.0, 0.15)])
def test_recall_of_a_mode_against_points(ratio: float, allowed: float) -> None:
    rng, gaps = np.random.default_rng(0), []
    for n, size, far in itertools.product((6, 20, 100), (1.0, 0.5), (0.0, 1.0)):
        widths = size * np.sqrt(2 / (ratio + 1 / ratio)) * np.array([ratio**0.5, ratio**-0.5])
        shift = np.array([far, 0.0])
        gaps.append(
            float(mixture.mode_recall(n, widths, shift)) - recall_of_points(rng, n, widths, shift)
        )
    # Noise of one count is below 0.01.
    assert np.abs(gaps).max() < allowed + 0.01
    assert np.sqrt(np.mean(np.square(gaps))) < 0.6 * allowed


def test_mean_number_of_balls_over_a_point() -> None:
    """Inside a large sample a point lies in k balls on average; counted in a small one."""
    assert mixture._covering(20_000, 5)[0] == pytest.approx(5, rel=0.01)
    rng, n, k = np.random.default_rng(1), 12, 5
    y = rng.normal(size=(20_000, n, 2))
    apart = np.linalg.norm(y[:, :, None] - y[:, None], axis=-1)
    radius = np.sort(apart, axis=-1)[:, :, k]
    for i in (0, 10):  # at distances 0 and 2
        x = np.array([mixture._REACH[i], 0.0])
        number = (np.linalg.norm(y - x, axis=-1) <= radius).sum(axis=1)
        assert abs(number.mean() - mixture._covering(n, k)[i]) < 4.5 * number.std() / 20_000**0.5


def test_recall_at_the_edges() -> None:
    value = mixture.mode_recall(
        [0, 1, 5, 40, 40], [[1, 1]] * 4 + [[0, 0]], [[0, 0]] * 3 + [[99, 0], [0, 0]]
    )
    assert value[:3].tolist() == [0, 1, 1]
    assert value[3:].max() < 1e-6
    full = mixture.mode_recall(20_000, [1, 1], [0, 0])
    assert 0.99 < full < 1
    with pytest.raises(ValueError, match="count must be finite and non-negative, got -1"):
        mixture.mode_recall(-1, [1, 1], [0, 0])
    with pytest.raises(ValueError, match=r"widths and shift must end in 2 axes, got \(3,\)"):
        mixture.mode_recall(1, [1, 1, 1], [0, 0])
