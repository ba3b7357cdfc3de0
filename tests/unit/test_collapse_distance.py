"""E W2^2 of the fully synthetic loop, against mpmath, other modules and small simulations."""

import math
from typing import Literal

import mpmath as mp
import numpy as np
import pytest

from madtheory import spectrum
from madtheory.loop import Loop, UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory import collapse
from madtheory.theory.collapse import (
    first_decrease,
    is_increasing,
    overshoot_interval,
    overshoot_peak,
    w2_squared,
    w2_squared_high_dimension,
    w2_squared_limit,
)


def c4(n: int) -> mp.mpf:
    m = mp.mpf(n - 1)
    return mp.sqrt(2 / m) * mp.gammaprod([(m + 1) / 2], [m / 2])


def exact(loop: Loop, t: int, bias: str | None = None) -> mp.mpf:
    """1.7 at d = 1, sigma = 1, term by term in mpmath; `bias` as a decimal string if given."""
    lam = mp.mpf(loop.bias if bias is None else bias)
    n_i, n_s = mp.mpf(loop.n_initial), mp.mpf(loop.n_synth)
    first = lam if loop.first_generation == "biased" else mp.mpf(1)
    fit, later = (n_i - 1) / (n_i - loop.ddof), lam * (n_s - 1) / (n_s - loop.ddof)
    tau = [first * fit * later**k for k in range(t)]
    walk = first / n_i + lam * mp.fsum(tau[:-1]) / n_s
    fidelity = mp.sqrt(tau[-1]) * c4(loop.n_initial) * c4(loop.n_synth) ** (t - 1)
    return walk + 1 + tau[-1] - 2 * fidelity


LINES = [
    fully_synthetic(2, bias=0.65),
    fully_synthetic(10, bias=0.5),
    fully_synthetic(10),
    fully_synthetic(3, bias=0.999, n_initial=7, first_generation="biased"),
    fully_synthetic(10**9),
    fully_synthetic(2**53, bias=0.9),
    fully_synthetic(10**6, bias=0.3, n_initial=2),
    fully_synthetic(5, bias=0.0),
    fully_synthetic(5, bias=0.0, first_generation="biased"),
    fully_synthetic(20, bias=1.02, allow_overdispersion=True),
    fully_synthetic(10, ddof=0),
    fully_synthetic(2, bias=0.65, ddof=0),
    fully_synthetic(3, bias=0.9, n_initial=7, first_generation="biased", ddof=0),
    fully_synthetic(2**53, ddof=0),
    fully_synthetic(1000, bias=1.2, n_initial=2, ddof=0, allow_overdispersion=True),
    fully_synthetic(5, bias=0.0, ddof=0),
]


@pytest.mark.parametrize("loop", LINES, ids=str)
def test_one_dimension_is_exact(loop: Loop) -> None:
    with mp.workdps(60):
        expected = [float(exact(loop, t)) for t in range(1, 31)]
    e = w2_squared(loop, [1.0], generations=30)
    for field in (e.value, e.lower, e.upper):
        np.testing.assert_allclose(field, expected, rtol=1e-12)
    assert (e.rel_error == 0).all()


@pytest.mark.parametrize("first_generation", ["real", "biased"])
@pytest.mark.parametrize("s", [np.ones(3), np.array([3.0, 1.0, 0.2, 0.0])])
def test_distance_is_walk_plus_traces_minus_twice_the_fidelity(
    s: np.ndarray, first_generation: str
) -> None:
    loop = fully_synthetic(12, bias=0.9, n_initial=5, first_generation=first_generation)  # type: ignore[arg-type]
    e = w2_squared(loop, s, generations=8)
    trace = collapse.mean_trace(loop, s, generations=8)
    fidelity = spectrum.mean_sqrt_trace(s, [4] + [11] * 7)
    root = np.sqrt(trace / s.sum())
    rest = collapse.mean_walk(loop, s, generations=8) + trace + s.sum()
    np.testing.assert_allclose(e.value, rest - 2 * root * fidelity.value, rtol=1e-12)
    np.testing.assert_allclose(e.lower, rest - 2 * root * fidelity.upper, rtol=1e-12)
    np.testing.assert_allclose(e.upper, rest - 2 * root * fidelity.lower, rtol=1e-12)
    absolute = 2 * root * fidelity.value * fidelity.rel_error
    np.testing.assert_allclose(e.rel_error * e.value, absolute, rtol=1e-10)


def test_bias_zero() -> None:
    # Generation 1 is real, later models are points: d/n + d.
    e = w2_squared(fully_synthetic(10, bias=0.0), np.ones(4), generations=4)
    np.testing.assert_allclose(e.value[1:], 4.4, rtol=1e-14)
    assert (e.rel_error[1:] == 0).all()
    real = w2_squared(fully_synthetic(10), np.ones(4), generations=1)
    assert e.value[0] == pytest.approx(real.value[0], rel=1e-14)


def test_huge_samples_keep_their_digits() -> None:
    # First order: d/n + d (d+1) / (4 m), t times.
    n, d = 10**9, 50
    e = w2_squared(fully_synthetic(n), np.ones(d), generations=3)
    expected = np.arange(1, 4) * (d / n + d * (d + 1) / (4 * (n - 1)))
    np.testing.assert_allclose(e.value, expected, rtol=1e-6)
    assert (e.rel_error < 1e-5).all()


def test_scales_with_the_covariance_and_counts_no_zeros() -> None:
    loop, s = fully_synthetic(6, bias=0.8), np.array([2.0, 1.0, 0.5])
    a = w2_squared(loop, s, generations=5)
    b = w2_squared(loop, np.append(7 * s, 0.0), generations=5)
    np.testing.assert_allclose(b.value, 7 * a.value, rtol=1e-13)


def test_overdispersed_loops_overflow_to_infinity_without_warnings() -> None:
    e = w2_squared(
        fully_synthetic(4, bias=3.0, allow_overdispersion=True), [1.0, 1.0], generations=900
    )
    assert e.value[-1] == math.inf
    assert not np.isnan(e.rel_error).any()
    assert not np.isnan(e.value).any()


def test_a_million_generations() -> None:
    loop = fully_synthetic(100, bias=0.9999)
    e = w2_squared(loop, np.ones(10), generations=10**6)
    assert e.value[-1] == pytest.approx(w2_squared_limit(loop, np.ones(10)), rel=1e-12)
    assert np.isfinite(e.value).all()
    assert (e.rel_error >= 0).all()


# --- against simulation: plain draws, exact means as control variates -----------------------------


def simulated(loop: Loop, s: np.ndarray, t: int, replicates: int, seed: int) -> tuple[float, float]:
    """Mean and standard error of W2^2(t): data drawn, singular values, E tr Sigma_t known."""
    rng = np.random.default_rng(seed)
    d, root = s.size, np.sqrt(s)
    factor = np.broadcast_to(np.diag(root), (replicates, d, d)) * math.sqrt(loop.first_bias)
    mean = np.zeros((replicates, d))
    for step in range(1, t + 1):
        n = loop.n_initial if step == 1 else loop.n_synth
        scale = 1.0 if step == 1 else math.sqrt(loop.bias)
        z = scale * rng.standard_normal((replicates, n, factor.shape[2]))
        x = mean[:, None] + z @ factor.transpose(0, 2, 1)
        mean = x.mean(axis=1)
        factor = ((x - mean[:, None]) / math.sqrt(n - loop.ddof)).transpose(0, 2, 1)
    trace = (factor**2).sum(axis=(1, 2))
    fidelity = np.linalg.svd(root[:, None] * factor, compute_uv=False).sum(axis=1)
    beta = np.cov(fidelity, trace)[0, 1] / trace.var()
    known = float(collapse.mean_trace(loop, s, generations=t)[-1])
    values = fidelity - beta * (trace - known)
    rest = known + s.sum() + float(collapse.mean_walk(loop, s, generations=t)[-1])
    return rest - 2 * values.mean(), 2 * values.std(ddof=1) / math.sqrt(replicates)


@pytest.mark.parametrize(
    ("loop", "s", "t"),
    [
        (fully_synthetic(6, bias=0.7), np.ones(4), 3),
        (fully_synthetic(4, bias=0.9), np.ones(6), 2),  # d > m
        (fully_synthetic(4, bias=0.9), 1 / np.arange(1.0, 7), 3),  # d > m, general covariance
        (fully_synthetic(8, bias=0.5, n_initial=3), np.array([2.0, 1.0, 0.1]), 3),
        (fully_synthetic(3, bias=0.8, n_initial=20, first_generation="biased"), np.ones(5), 2),
        (fully_synthetic(2, bias=0.8), np.array([1.0, 1.0, 0.0]), 4),
        (fully_synthetic(4, n_initial=6, ddof=0), np.array([2.0, 1.0, 1.0]), 3),
    ],
    ids=str,
)
def test_simulation(loop: Loop, s: np.ndarray, t: int) -> None:
    mean, se = simulated(loop, s, t, 20_000, seed=11)
    e = w2_squared(loop, s, generations=t)
    value, error = float(e.value[-1]), float(e.value[-1] * e.rel_error[-1])
    assert abs(value - mean) <= error + 4 * se
    assert e.lower[-1] - 4 * se <= mean <= e.upper[-1] + 4 * se
    assert se < 0.005 * mean


def test_n_51_of_theory_md_falls() -> None:
    # 109.6 -> 100.7 there, to the precision of a small simulation.
    e = w2_squared(fully_synthetic(51, bias=0.3), np.ones(130), generations=2)
    np.testing.assert_allclose(e.value, [109.6, 100.6], rtol=0.002)


# --- limits ---------------------------------------------------------------------------------------


def test_limit() -> None:
    assert w2_squared_limit(fully_synthetic(10, bias=0.5), [2.0, 1.0]) == pytest.approx(
        3.6, rel=1e-14
    )
    loop = fully_synthetic(10, bias=0.5, n_initial=5, first_generation="biased")
    # 1 + .5 (1/5 + 1/10) by hand.
    assert w2_squared_limit(loop, [1.0]) == pytest.approx(1.15, rel=1e-14)
    assert w2_squared_limit(fully_synthetic(10), [1.0]) == math.inf
    # Maximum likelihood at bias 1: everything ends in the walk.
    assert w2_squared_limit(fully_synthetic(10, ddof=0), [2.0, 1.0]) == pytest.approx(6, rel=1e-14)
    assert w2_squared_limit(fully_synthetic(10, bias=0.0), [1.0]) == pytest.approx(1.1, rel=1e-14)
    long = w2_squared(loop, np.ones(3), generations=200)
    assert long.value[-1] == pytest.approx(w2_squared_limit(loop, np.ones(3)), rel=1e-12)


@pytest.mark.parametrize(("dim", "n"), [(50, 101), (100, 51)])
def test_high_dimension_is_the_printed_formula(dim: int, n: int) -> None:
    loop, t = fully_synthetic(n, bias=0.8), np.arange(1, 6)
    with mp.workdps(30):
        g = mp.mpf(dim) / (n - 1)
        if g <= 1:
            roots = [mp.hyp2f1(0.5, -mp.mpf(int(x)) / 2, 2, g) for x in t]
        else:
            roots = [
                2
                / mp.sqrt(mp.pi * g)
                * mp.gammaprod([mp.mpf(int(x)) / 2 + 1], [mp.mpf(int(x)) / 2 + 1.5])
                * mp.hyp2f1(-0.5, 0.5, (mp.mpf(int(x)) + 3) / 2, 1 / g)
                for x in t
            ]
        root = np.array([float(x) for x in roots])
    walk = np.cumsum(0.8 ** (t - 1)) / n
    expected = dim * (walk + 1 + 0.8 ** (t - 1) - 2 * 0.8 ** ((t - 1) / 2) * root)
    high, near = (
        w2_squared_high_dimension(loop, dim, generations=5),
        w2_squared(loop, np.ones(dim), generations=5),
    )
    np.testing.assert_allclose(high.value, expected, rtol=1e-12)
    np.testing.assert_array_equal(high.lower, near.lower)
    gap = np.abs(high.value - near.value) + near.rel_error * near.value
    np.testing.assert_allclose(high.rel_error * high.value, gap, rtol=1e-12)


# --- does it increase? ----------------------------------------------------------------------------


@pytest.mark.parametrize("bias", ["0.64", "0.645", "0.65", "0.66", "0.666"])
@pytest.mark.parametrize("first", ["real", "biased"])
def test_first_decrease_by_brute_force(bias: str, first: Literal["real", "biased"]) -> None:
    loop = fully_synthetic(2, bias=float(bias), first_generation=first)
    t = first_decrease(loop, generations=10**6)
    assert t is not None
    with mp.workdps(2000):
        # The steps before t rise, those at t and after it fall: differences at 2,000 digits.
        step = [exact(loop, x + 1) - exact(loop, x) for x in (t - 1, t, t + 1)]
    assert [x > 0 for x in step] == [True, False, False]


def test_first_decrease_of_theory_md() -> None:
    loop = fully_synthetic(2, bias=0.65)
    assert first_decrease(loop, generations=302) == 302
    assert first_decrease(loop, generations=301) is None
    with mp.workdps(100):
        fall = exact(loop, 303, "0.65") - exact(loop, 302, "0.65")
    assert float(fall) == pytest.approx(-6e-61, rel=0.01)


@pytest.mark.parametrize("n", [2, 3, 5, 40, 10**9])
def test_no_decrease_outside_the_window(n: int) -> None:
    for bias in (0.1, 0.5, 0.63, 0.67, 0.9, 1.0):
        assert first_decrease(fully_synthetic(n, bias=bias), generations=10**9) is None


def test_first_decrease_with_a_smaller_first_sample() -> None:
    # n_initial = 2 has c4 = .798 only: a large second sample is closer, brute force agrees.
    loop = fully_synthetic(1000, bias=0.7, n_initial=2)
    with mp.workdps(40):
        signs = [exact(loop, t + 1) < exact(loop, t) for t in range(1, 30)]
    first = signs.index(True) + 1 if True in signs else None
    assert first_decrease(loop, generations=29) == first


def test_statement_c_holds_for_every_n() -> None:
    for n in [*range(3, 200), 10**4, 10**8]:
        with mp.workdps(40):
            c = c4(n)
            assert c**2 * (n + 1) > n
            assert c**4 * n < (n + 1) * (2 * c - 1)
    with mp.workdps(40):
        assert c4(2) ** 2 * 3 < 2  # and not for n = 2


@pytest.mark.parametrize("n_initial", [None, 2, 30])
@pytest.mark.parametrize("n", [2, 3, 30, 1000])
def test_first_decrease_of_maximum_likelihood_by_brute_force(n: int, n_initial: int | None) -> None:
    # l - 1 and h = l (n-1)/n, on both sides of l = 1 and of h = 1, against 60 digits; fine enough
    # to see a change of l/n in the sign at t = 1.
    for bias in (0.0, 0.3, 0.9, *np.linspace(1.0, 2.5, 101)):
        loop = fully_synthetic(n, bias=bias, n_initial=n_initial, ddof=0, allow_overdispersion=True)
        with mp.workdps(60):
            values = [exact(loop, t) for t in range(1, 8)]
        falls = [t for t in range(1, 7) if values[t] < values[t - 1]]
        assert first_decrease(loop, generations=6) == (falls[0] if falls else None)


def test_statements_for_maximum_likelihood() -> None:
    # (C) for every n >= 2: c^2 > (n-1)/n and 2c > sqrt((n-1)/n) (1 + c^4).
    for n in [*range(2, 200), 10**4, 10**8]:
        with mp.workdps(40):
            c, y2 = c4(n), 1 - mp.mpf(1) / n
            assert c**2 > y2
            assert 2 * c > mp.sqrt(y2) * (1 + c**4)
            # (A) for h > 1 and n_initial = n: x^2 r^2 - 1 >= 2 r (x - 1).
            r = 1 / mp.sqrt(y2)
            for x in (1 + 1 / mp.mpf(n), mp.mpf("1.3"), mp.mpf(5)):
                assert x**2 * r**2 - 1 > 2 * r * (x - 1)


def test_overdispersion_mends_a_small_first_sample() -> None:
    # (A) stops at h > 1 for ddof = 0 and a small n_initial: a proved fall at d = 1, no claim above.
    loop = fully_synthetic(1000, bias=1.2, n_initial=2, ddof=0, allow_overdispersion=True)
    assert first_decrease(loop, generations=100) == 1
    assert is_increasing(loop, 1).generation == 2
    assert is_increasing(loop, 3).verdict == "undecided"
    assert overshoot_peak(loop, 3) is None
    peak = overshoot_peak(loop, 1)
    assert peak is not None
    assert (peak.peak_generation, peak.trough_generation, peak.limit) == (1, 2, math.inf)
    assert is_increasing(fully_synthetic(1000, bias=1.2, allow_overdispersion=True), 3).verdict == (
        "increasing"
    )


VERDICTS = [
    # loop, dim, verdict, status
    (fully_synthetic(10), 7, "increasing", "exact"),
    (fully_synthetic(10, bias=10 / 11), 7, "increasing", "exact"),
    (fully_synthetic(10, bias=1.2, allow_overdispersion=True), 7, "increasing", "exact"),
    (fully_synthetic(3, bias=0.2), 1, "increasing", "exact"),
    (fully_synthetic(2, bias=0.6), 1, "increasing", "exact"),
    (fully_synthetic(2, bias=0.5), 4, "increasing", "exact"),
    (fully_synthetic(2, bias=0.65), 1, "not_increasing", "exact"),
    (fully_synthetic(2, bias=0.65), 50, "not_increasing", "exact"),
    (fully_synthetic(2, bias=0.65, n_initial=30), 3, "not_increasing", "exact"),
    (fully_synthetic(2, bias=0.0), 4, "not_increasing", "exact"),
    (fully_synthetic(10, bias=0.0), 50, "not_increasing", "bound"),
    (fully_synthetic(10, bias=0.0), 5, "not_increasing", "exact"),
    (fully_synthetic(10, bias=0.0, first_generation="biased"), 5, "not_increasing", "exact"),
    (fully_synthetic(26, bias=0.5), 100, "not_increasing", "bound"),
    (fully_synthetic(51, bias=0.3), 130, "not_increasing", "asymptotic"),
    (fully_synthetic(3000, bias=1 - 5 / 3000), 300, "not_increasing", "asymptotic"),
    (fully_synthetic(10**9, bias=1 - 5e-9), 300, "not_increasing", "asymptotic"),
    (fully_synthetic(10, bias=0.5), 5, "undecided", "asymptotic"),
    (fully_synthetic(10, ddof=0), 7, "increasing", "exact"),
    (fully_synthetic(10, bias=1.05, ddof=0, allow_overdispersion=True), 7, "increasing", "exact"),
    (fully_synthetic(10, bias=1.5, ddof=0, allow_overdispersion=True), 7, "increasing", "exact"),
    # bias >= n/(n+1) is not enough at ddof = 0.
    (fully_synthetic(10, bias=0.95, ddof=0), 7, "undecided", "asymptotic"),
    (fully_synthetic(2, bias=0.65, ddof=0), 1, "increasing", "exact"),
    (fully_synthetic(2, bias=0.9, ddof=0), 1, "increasing", "exact"),
    (fully_synthetic(10, bias=0.0, ddof=0), 50, "not_increasing", "bound"),
    (fully_synthetic(26, bias=0.5, ddof=0), 100, "not_increasing", "asymptotic"),
]


@pytest.mark.parametrize(("loop", "dim", "verdict", "status"), VERDICTS)
def test_verdicts(loop: Loop, dim: int, verdict: str, status: str) -> None:
    answer = is_increasing(loop, dim)
    assert (answer.verdict, answer.status) == (verdict, status)
    assert (answer.generation is None) == (verdict != "not_increasing")


def test_verdict_generations() -> None:
    assert is_increasing(fully_synthetic(2, bias=0.65), 1).generation == 303
    assert is_increasing(fully_synthetic(10, bias=0.0), 50).generation == 2
    assert (
        "generation 2 is below that at generation 1"
        in is_increasing(fully_synthetic(10, bias=0.0), 50).reason
    )


@pytest.mark.parametrize(("n_initial", "bias"), [(2, 0.65), (2, 0.64), (30, 0.65), (30, 0.64)])
def test_two_samples_in_many_dimensions_against_mpmath(n_initial: int, bias: float) -> None:
    # Rank 1 from generation 2 on: f_t = E|z| c4(n_initial) c4(2)^(t-2) / d (commutation), where
    # n_initial = 2 makes c4(2) of the first factor too. The code finds the first fall.
    loop, d = fully_synthetic(2, bias=bias, n_initial=n_initial), 3
    t = is_increasing(loop, d).generation
    assert t is not None

    def value(x: int) -> mp.mpf:
        lam = mp.mpf(bias)
        root = lam ** (mp.mpf(x - 1) / 2)
        fidelity = mp.sqrt(mp.mpf(1) / d) * c4(d + 1) * c4(n_initial) * c4(2) ** (x - 2)
        walk = mp.mpf(1) / n_initial + mp.fsum(lam**k for k in range(1, x)) / 2
        return walk + 1 + root**2 - 2 * root * fidelity

    with mp.workdps(700):
        assert value(t) < value(t - 1)
        assert value(t - 1) > value(t - 2)


def test_bias_zero_needs_more_than_about_3_73_dimensions_a_degree() -> None:
    # E tr Sigma_1^{1/2} < d/2, theory.md 1.8; d = 4, n = 2: 6.240 -> 6.
    e = w2_squared(fully_synthetic(2, bias=0.0), np.ones(4), generations=2)
    np.testing.assert_allclose(e.value, [6.2401, 6.0], atol=5e-5)
    n = 301
    for ratio, falls in ((3.6, False), (3.9, True)):
        e = w2_squared(fully_synthetic(n, bias=0.0), np.ones(int(ratio * 300)), generations=2)
        assert (e.value[1] < e.value[0]) == falls


@pytest.mark.parametrize(("n", "dim"), [(2, 3), (3, 6), (5, 10), (9, 18), (17, 36)])
def test_smallest_failing_dimensions_of_theory_md(n: int, dim: int) -> None:
    steps = [
        np.diff(w2_squared(fully_synthetic(n, bias=b), np.ones(dim), generations=3).value).min()
        for b in np.arange(0.02, 0.9, 0.01)
    ]
    assert min(steps) < 0


# --- overshoot ------------------------------------------------------------------------------------


def test_threshold_of_the_first_step() -> None:
    gamma, bias = collapse.step_one_two_threshold(), collapse.step_one_two_bias()
    with mp.workdps(30):

        def root(t: int, g: mp.mpf) -> mp.mpf:
            front = (
                2 / mp.sqrt(g * mp.pi) * mp.gammaprod([mp.mpf(t) / 2 + 1], [mp.mpf(t) / 2 + 1.5])
            )
            return front * mp.hyp2f1(-0.5, 0.5, (mp.mpf(t) + 3) / 2, 1 / g)

        expected = mp.findroot(lambda g: 2 * root(1, g) - 1 - root(2, g) ** 2, 2)
        assert gamma == pytest.approx(float(expected), rel=1e-12)
        assert bias == pytest.approx(float(root(2, expected) ** 2), rel=1e-11)
    assert gamma == pytest.approx(1.972, abs=5e-4)
    assert bias == pytest.approx(0.33, abs=0.005)


@pytest.mark.parametrize(
    ("dim", "low", "high", "tolerance"),
    [
        (150, 2.2134644, 4.5698029, 1e-5),
        (300, 1.4637867, 12.929622, 1e-5),
        (1000, 1.1854880, 48.899499, 1e-5),
    ],
)
def test_overshoot_interval(dim: int, low: float, high: float, tolerance: float) -> None:
    interval = overshoot_interval(dim)
    assert interval is not None
    assert interval == pytest.approx((low, high), rel=tolerance)
    # The ends separate falling from rising limits: a brute-force curve of the limit itself.
    s = np.geomspace(1e-6, 60 / interval[0], 200_000)
    root = spectrum.sqrt_trace_limit_small_ratio(dim * s)
    for end, outward in ((interval[0], 0.99), (interval[1], 1.01)):
        for factor, falls in ((outward, False), (1 / outward, True)):
            a = end * factor
            curve = -np.expm1(-a * s) / a + np.exp(-a * s) + 1 - 2 * np.exp(-a * s / 2) * root
            assert bool((np.diff(curve) < -1e-13).any()) == falls


def test_overshoot_starts_near_dimension_137() -> None:
    assert overshoot_interval(136) is None
    assert overshoot_interval(137) is not None
    assert overshoot_interval(1) is None


def test_overshoot_peak_of_theory_md() -> None:
    # 1.252 (t = 450) and 1.187 (t = 1900) there. A simulation of eight runs with the trace as a
    # control variate gives 1.2597 +- .0015 at t = 450.
    peak = overshoot_peak(fully_synthetic(3000, bias=1 - 5 / 3000), 300)
    assert peak is not None
    assert peak.peak / 300 == pytest.approx(1.2597, abs=0.003)
    assert peak.trough / 300 == pytest.approx(1.187, abs=0.003)
    assert peak.limit / 300 == pytest.approx(1.2, rel=1e-12)
    assert 400 < peak.peak_generation < 480
    assert 1800 < peak.trough_generation < 2300


def test_no_overshoot_where_it_increases() -> None:
    assert overshoot_peak(fully_synthetic(10), 7) is None
    assert overshoot_peak(fully_synthetic(10, bias=0.5), 5) is None


# --- refusals -------------------------------------------------------------------------------------


def test_refusals() -> None:
    fresh = fresh_data(10, 10)
    for call in (
        lambda: w2_squared(fresh, [1.0], generations=1),
        lambda: w2_squared_limit(fresh, [1.0]),
        lambda: w2_squared_high_dimension(fresh, 2, generations=1),
        lambda: first_decrease(fresh, generations=1),
        lambda: is_increasing(fresh, 2),
        lambda: overshoot_peak(fresh, 2),
        lambda: w2_squared(fully_synthetic(5, floor=0.1), [1.0], generations=1),
    ):
        with pytest.raises(UnsupportedLoop):
            call()
    with pytest.raises(ValueError, match="generations must be at least 1"):
        w2_squared(fully_synthetic(5), [1.0], generations=0)
    with pytest.raises(ValueError, match="dim must be at least 1"):
        is_increasing(fully_synthetic(5), 0)
    with pytest.raises(ValueError, match="dim must be at least 1"):
        overshoot_interval(0)
