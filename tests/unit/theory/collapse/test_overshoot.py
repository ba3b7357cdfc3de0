"""Does E W2^2 increase? Against brute force in mpmath and the numbers of theory.md."""

import math
import re
from typing import Literal

import mpmath as mp
import numpy as np
import pytest

from madtheory import spectrum
from madtheory.loop import Loop, fully_synthetic
from madtheory.theory import collapse
from madtheory.theory.collapse import (
    first_decrease,
    is_increasing,
    overshoot,
    overshoot_interval,
    overshoot_peak,
    w2_squared,
)
from madtheory.theory.collapse.distance import deficit, estimate
from tests.unit.theory.collapse.one_dimension import c4, exact


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
    (fully_synthetic(10, bias=0.5), 5, "increasing", "bound"),
    (fully_synthetic(100, bias=0.97), 3, "increasing", "bound"),
    (fully_synthetic(10**9, bias=0.97), 200, "increasing", "bound"),
    (fully_synthetic(46, bias=0.9541), 31, "increasing", "asymptotic"),
    # The estimate falls at once, by less than its error.
    (fully_synthetic(26, bias=0.5), 60, "undecided", "asymptotic"),
    (fully_synthetic(10, ddof=0), 7, "increasing", "exact"),
    (fully_synthetic(10, bias=1.05, ddof=0, allow_overdispersion=True), 7, "increasing", "exact"),
    (fully_synthetic(10, bias=1.5, ddof=0, allow_overdispersion=True), 7, "increasing", "exact"),
    # bias >= n/(n+1) is not enough at ddof = 0.
    (fully_synthetic(10, bias=0.95, ddof=0), 7, "increasing", "bound"),
    (fully_synthetic(2, bias=0.65, ddof=0), 1, "increasing", "exact"),
    (fully_synthetic(2, bias=0.9, ddof=0), 1, "increasing", "exact"),
    (fully_synthetic(10, bias=0.0, ddof=0), 50, "not_increasing", "bound"),
    (fully_synthetic(26, bias=0.5, ddof=0), 100, "not_increasing", "bound"),
]


@pytest.mark.parametrize(("loop", "dim", "verdict", "status"), VERDICTS)
def test_verdicts(loop: Loop, dim: int, verdict: str, status: str) -> None:
    answer = is_increasing(loop, dim)
    assert (answer.verdict, answer.status) == (verdict, status)
    assert (answer.generation is None) == (verdict != "not_increasing")


def random_loops(seed: int, n: int) -> list[Loop]:
    """Loops on both sides of n (1 - bias) = 1."""
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(np.log(2), np.log(1e4), n)).astype(int)
    gaps = np.where(rng.random(n) < 0.5, rng.uniform(0, 1, n), rng.exponential(3.0, n) / sizes)
    return [
        fully_synthetic(int(m), bias=float(1 - min(gap, 0.99)), ddof=int(rng.integers(2)))
        for m, gap in zip(sizes, gaps, strict=True)
    ]


def test_statement_f_where_the_sign_of_every_step_is_known() -> None:
    # d = 1: D_t is exact, and (B) knows the first fall.
    proved = falling = 0
    window = [fully_synthetic(2, bias=bias) for bias in (0.637, 0.64, 0.65, 0.66, 0.666)]
    for loop in (*random_loops(0, 300), *window):
        t = overshoot._grid(loop)
        found = overshoot._outgrows(loop, 1, t, deficit(loop, [1.0], t).upper)
        falls = first_decrease(loop, generations=2**53) is not None
        assert not (found and falls)
        proved, falling = proved + found, falling + falls
    assert proved > 150
    assert falling == 5


def test_statement_f_never_holds_where_a_fall_is_certified() -> None:
    rng, proved, falling = np.random.default_rng(41), 0, 0
    for loop in random_loops(1, 300):
        d = int(np.exp(rng.uniform(np.log(2), np.log(300))))
        t = overshoot._grid(loop)
        lost = deficit(loop, np.ones(d), t)
        e = estimate(loop, t, lost)
        fall = overshoot._fall(e.lower, e.upper, t) is not None
        found = overshoot._outgrows(loop, d, t, lost.upper)
        assert not (fall and found)
        proved, falling = proved + found, falling + fall
    assert proved > 100
    assert falling > 5


@pytest.mark.parametrize("s", [[1.0, 1.0, 1.0], [1.0, 0.1, 0.01], [1.0, 0.0, 0.0, 0.0]])
def test_what_one_fit_keeps_of_the_roots(s: list[float]) -> None:
    # Of tr Sigma^{1/2} a share c4 at most, of (tr Sigma)^{1/2} a share c4 at least: 4 dof.
    z = np.random.default_rng(2).standard_normal((40_000, len(s), 4)) * np.sqrt(s)[:, None] / 2
    roots = np.linalg.svd(z, compute_uv=False)
    c = math.sqrt(math.pi / 2) * 0.75
    for value, bound, sign in (
        (roots.sum(axis=1), c * np.sqrt(s).sum(), -1),
        (np.sqrt((z**2).sum(axis=(1, 2))), c * math.sqrt(sum(s)), 1),
    ):
        error = value.std() / math.sqrt(value.size)
        assert sign * (value.mean() - bound) > -4 * error
        # Both are equalities at rank one, and only there.
        equal = abs(value.mean() - bound) < 4 * error
        assert equal == (sum(x > 0 for x in s) == 1)


def test_few_loops_are_undecided() -> None:
    rng = np.random.default_rng(43)
    found = [
        is_increasing(loop, int(np.exp(rng.uniform(0, np.log(300))))).verdict
        for loop in random_loops(3, 300)
    ]
    assert found.count("undecided") < 35
    assert found.count("not_increasing") > 10


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


def test_a_fall_is_named_by_its_peak() -> None:
    reason = is_increasing(fully_synthetic(3000, bias=1 - 5 / 3000), 300).reason
    later, earlier = (int(x) for x in re.findall(r"generation (\d+)", reason))
    # The first generation surely below the highest before it: near 441, not generation 1.
    assert 400 < earlier < 500 < later < 1000
