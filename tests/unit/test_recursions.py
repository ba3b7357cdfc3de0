"""Moments of the fresh data loop against second routes."""

import json
from fractions import Fraction
from itertools import product
from pathlib import Path

import mpmath
import numpy as np
import pytest

from madtheory.loop import (
    Loop,
    UnsupportedLoop,
    fresh_data,
    fully_synthetic,
    synthetic_augmentation,
)
from madtheory.spectrum import baseline
from madtheory.theory import distance
from madtheory.theory.distance import fresh
from madtheory.theory.distance.fidelity import _log_narrow, _log_wide
from madtheory.theory.moments import (
    first_moment_map,
    first_moments,
    first_moments_limit,
    forgetting_rate,
    second_moment_map,
    second_moment_radius,
    second_moments,
    second_moments_limit,
)

GOLDEN = Path(__file__).parents[1] / "golden"
LOOPS = [
    fresh_data(100, 900, bias=0.9),
    fresh_data(7, 3, bias=0.5, n_initial=4),
    fresh_data(2, 10, n_initial=50, first_generation="biased"),
    fresh_data(3, 1, bias=0.0),
    fresh_data(1, 5, bias=0.7),
    fresh_data(20, 30, bias=0.8, first_generation="biased"),
]


def by_hand(loop, generations):
    """theory.md 2.2 iterated in fractions, per unit of tr Sigma_0."""
    r, s, lam = Fraction(loop.n_fresh), Fraction(loop.n_synth), Fraction(loop.bias)
    n, beta = r + s, Fraction(loop.first_bias)
    M, C = beta / loop.n_initial, beta
    rows = [(M, C)]
    for _ in range(generations - 1):
        mixed = (r + s * lam * C) / n
        M, C = (s / n) ** 2 * M + mixed / n, mixed + r * s / (n * (n - 1)) * M
        rows.append((M, C))
    return np.array([[float(x) for x in row] for row in rows])


@pytest.mark.parametrize("loop", LOOPS)
def test_first_moments_follow_the_recursion(loop):
    path = first_moments(loop, 30)
    expected = by_hand(loop, 30)
    np.testing.assert_allclose(path.mean_sq, expected[:, 0], rtol=1e-12)
    np.testing.assert_allclose(path.trace, expected[:, 1], rtol=1e-12)


@pytest.mark.parametrize("loop", LOOPS)
def test_first_limit_solves_the_two_equations(loop):
    limit = first_moments_limit(loop)
    r, s, lam = loop.n_fresh, loop.n_synth, loop.bias
    n = r + s
    # Cramer's rule on theory.md 2.2.
    a, b, c, e = 1 - (s / n) ** 2, -lam * s / n**2, -r * s / (n * (n - 1)), 1 - lam * s / n
    det = a * e - b * c
    assert limit.mean_sq == pytest.approx((r / n**2 * e - b * r / n) / det, rel=1e-12)
    assert limit.trace == pytest.approx((a * r / n - c * r / n**2) / det, rel=1e-12)


def test_one_real_sample_unbiased_has_the_closed_limit_one_and_two():
    for n_synth in (1, 10, 10**9, 2**53 - 1):
        limit = first_moments_limit(fresh_data(1, n_synth))
        assert (limit.mean_sq, limit.trace) == (1.0, 2.0)


@pytest.mark.parametrize("loop", LOOPS)
def test_forgetting_rate_is_the_spectral_radius_and_is_seen_in_the_path(loop):
    rate = forgetting_rate(loop)
    A, _ = first_moment_map(loop)
    assert rate == pytest.approx(np.abs(np.linalg.eigvals(A)).max(), rel=1e-12)
    gap = first_moments(loop, 40).trace - first_moments_limit(loop).trace
    if abs(gap[12]) > 1e-9:
        assert gap[12] / gap[11] == pytest.approx(rate, rel=0.02)


def test_forgetting_of_n_initial():
    near, far = (fresh_data(100, 900, n_initial=n) for n in (10, 10**6))
    difference = first_moments(near, 500).mean_sq - first_moments(far, 500).mean_sq
    assert difference[0] > 0.09
    assert abs(difference[-1]) < forgetting_rate(near) ** 499


@pytest.mark.parametrize(
    ("n_real", "n_synth", "radius"), [(1, 1, 1.5625), (1, 100, 1.008), (2, 10, 0.923)]
)
def test_radius_is_the_growth_of_second_moments(n_real, n_synth, radius):
    loop = fresh_data(n_real, n_synth)
    got = second_moment_radius(loop, 4)
    assert got == pytest.approx(radius, abs=6e-4)  # theory.md 2.2 and 2.3 to the digits given
    steps = np.diff(second_moments(loop, 4, generations=1200)[:, 6])[: 1000 if n_real == 1 else 150]
    assert steps[-1] / steps[-2] == pytest.approx(got, rel=1e-4)


@pytest.mark.parametrize("n_synth", [1, 10, 100, 10**6, 10**9, 2**53 - 1])
def test_second_moments_diverge_with_one_real_sample_only(n_synth):
    assert second_moments_limit(fresh_data(1, n_synth), 3) is None
    assert second_moments_limit(fresh_data(2, n_synth), 3) is not None


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("dim", [1, 3, 100])
def test_second_moments_step_by_step_and_limit(loop, dim):
    A, b = second_moment_map(loop, dim)
    path = second_moments(loop, dim, generations=25)
    x = path[0]
    for row in path:
        np.testing.assert_allclose(row, x, rtol=1e-12)
        x = A @ x + b
    limit = second_moments_limit(loop, dim)
    np.testing.assert_allclose(limit, A @ limit + b, rtol=1e-10)  # solved without rounding
    if second_moment_radius(loop, dim) < 0.9:
        long = second_moments(loop, dim, generations=2000)[-1]
        np.testing.assert_allclose(long, limit, rtol=1e-10)
    first = first_moments_limit(loop)
    np.testing.assert_allclose(limit[:2], [dim * first.mean_sq, dim * first.trace], rtol=1e-12)


def test_first_model():
    # d + 2 over d, and E tr W^2 = d + d(d+1)/k, for k = n - 1 degrees of freedom.
    loop = fresh_data(5, 8, bias=0.5, n_initial=11, first_generation="biased")
    got = second_moments(loop, 3, generations=1)[0]
    M, C = 0.5 * 3 / 11, 0.5 * 3
    expected = [M, C, M**2 * 5 / 3, M * C, M * 0.5, 0.25 * (9 + 6 / 10), 0.25 * (3 + 12 / 10)]
    np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_no_bias_left_at_lambda_zero():
    # lambda = 0: Sigma' = (A + c delta delta^T)/(n-1) with delta ~ N(-mu, I/n_r).
    limit = first_moments_limit(fresh_data(4, 6, bias=0.0))
    M = 4 / 100 / (1 - 0.36)
    assert limit.mean_sq == pytest.approx(M, rel=1e-12)
    assert limit.trace == pytest.approx(0.4 + 24 / 90 * M, rel=1e-12)


def test_overflow_stays_in_the_second_moments():
    path = second_moments(fresh_data(1, 1), 2, generations=10**6)
    np.testing.assert_allclose(path[-1, :2], [2, 4], rtol=1e-12)
    assert np.isinf(path[-1, 2:]).all()
    assert not np.isnan(path).any()


def test_overdispersed_limit_does_not_exist():
    loop = Loop(n_initial=5, n_fresh=5, n_synth=50, bias=1.5, allow_overdispersion=True)
    limit = first_moments_limit(loop)
    assert (limit.mean_sq, limit.trace) == (np.inf, np.inf)


def test_refusals():
    with pytest.raises(UnsupportedLoop, match="fresh data loop only"):
        first_moment_map(fully_synthetic(5))
    with pytest.raises(ValueError, match="generations must be at least 1, got 0"):
        first_moments(LOOPS[0], 0)
    with pytest.raises(ValueError, match="dim must be at least 1, got 0"):
        second_moments_limit(LOOPS[0], 0)


# --------------------------------------------------------------------------------- W2
CALIBRATION = json.loads((GOLDEN / "fresh_w2_calibration.json").read_text())


def whitened_moments(loop, dim, t=None):
    """(M, c, diagonal, off) of theory.md 2.10 from the seven invariants, the direct formulas."""
    if t is None:
        x = second_moments_limit(loop, dim)
    else:
        x = second_moments(loop, dim, generations=t)[-1]
    c = x[1] / dim
    if dim == 1:
        return x[0], c, x[6] / c**2 - 1, 0.0
    beta = (x[6] - x[5] / dim) / (dim**2 + dim - 2)
    alpha = (x[5] - 2 * beta * dim) / dim**2
    return x[0] / dim, c, (alpha + 2 * beta) / c**2 - 1, beta / c**2


@pytest.mark.parametrize(
    ("loop", "s"),
    [
        (fresh_data(40, 60, bias=0.8), [1.0, 1.0, 1.0]),
        (fresh_data(40, 60), [3.0, 1.0, 0.2, 0.0]),
        (fresh_data(15, 5, bias=0.3), [2.0]),
    ],
)
def test_second_order_against_the_sum_over_matrix_entries(loop, s):
    s = np.array(s)
    s = s[s > 0]
    for t in (None, 1, 3, 30):
        M, c, diagonal, off = whitened_moments(loop, len(s), t)
        expected = s.sum() * (M + (1 - np.sqrt(c)) ** 2)
        for (i, a), (j, b) in product(enumerate(s), repeat=2):
            variance = c**2 * (diagonal if i == j else off)
            expected += a * b * variance / (2 * c**1.5 * (a + b))
        if t is None:
            got = distance.w2_squared_second_order_limit(loop, s)
        else:
            got = distance.w2_squared_second_order(loop, s, generations=t)[-1]
        # the direct formulas cancel; the code's centred ones do not
        assert got == pytest.approx(expected, rel=1e-11)


def test_second_order_numbers_of_theory():
    assert distance.w2_squared_second_order_limit(
        fresh_data(2000, 2000, bias=0.5), np.ones(10)
    ) == pytest.approx(0.346277, abs=1e-6)
    # 13.60 with the exact V; 13.55 with the V of theory.md 2.4, which leaves out delta delta^T.
    loop = fresh_data(100, 900, bias=0.9)
    assert distance.w2_squared_second_order_limit(loop, np.ones(100)) == pytest.approx(
        13.6038, abs=1e-4
    )
    n, c = 1000, first_moments_limit(loop).trace
    s = 100 / (n - 0.9 * 900)
    V = 100 * 101 * (100 + (0.9 * s) ** 2 * 900) / n**2 / (1 - (0.9 * 900 / n) ** 2)
    M = 100 * first_moments_limit(loop).mean_sq
    assert M + 100 * (1 - c**0.5) ** 2 + V / (4 * c**1.5) == pytest.approx(13.55, abs=5e-3)
    found = distance.second_order_limit(100, Fraction(100), Fraction(900), Fraction(0.9))
    assert found == pytest.approx(13.6038, abs=1e-4)


def by_mpmath(loop, s):
    """The limit's value, written anew with mpmath from the docstrings of recursions."""
    M, c, diagonal, off = whitened_moments(loop, len(s))
    r, q, lam = loop.n_fresh, loop.n_synth, loop.bias
    n = r + q
    a, b, h = r / n, lam * q / n, r * q / (n * (n - 1))
    two = (a**2 / r + b**2 * c**2 / q + (h * M) ** 2) / (1 - b**2)
    three = a**3 / r**2 + b**3 * (3 * c * two / q + c**3 / q**2) + (h * M) ** 3
    skew = max(three / (1 - b**3) * c / two**2, 1)
    weights = [2 * x * y / (x + y) for (i, x), (j, y) in product(enumerate(s), repeat=2) if i != j]
    gamma = off * sum(weights) / sum(s)
    nu = 2 / diagonal
    narrow = mpmath.sqrt(2 / nu) * mpmath.gamma((nu + 1) / 2) / mpmath.gamma(nu / 2)
    if gamma <= 1:
        narrow *= mpmath.hyp2f1(0.5, -0.5, 2, gamma)
    else:
        narrow *= mpmath.hyp2f1(0.5, -0.5, 2, 1 / gamma) / mpmath.sqrt(gamma)
    y = gamma / 4
    wide = mpmath.exp(-y) * (mpmath.besseli(0, y) + mpmath.besseli(1, y))
    wide *= (1 + diagonal) ** -0.125
    mix = 2 * (skew - 1)
    if mix > 1:
        mix = 1 + (mix - 1) / (1 + diagonal + gamma)
    fidelity = narrow ** (1 - mix) * wide**mix
    return float(sum(s) * (M + c + 1 - 2 * mpmath.sqrt(c) * fidelity))


@pytest.mark.parametrize(
    ("loop", "s"),
    [
        (fresh_data(100, 900, bias=0.9), [1.0] * 100),
        (fresh_data(100, 900), [1.0] * 100),
        (fresh_data(10, 30, bias=0.7), [1.0] * 20),
        (fresh_data(30, 20, bias=0.5), [4.0, 2.0, 1.0]),
        (fresh_data(12, 40), [2.0]),
        (fresh_data(20, 20, bias=0.0), [1.0, 0.1]),
    ],
)
def test_value_against_mpmath(loop, s):
    limit = distance.w2_squared_limit(loop, s)
    assert float(limit.value) == pytest.approx(by_mpmath(loop, s), rel=1e-11)
    path = distance.w2_squared(loop, s, generations=4000)
    for got, expected in zip(
        (path.value, path.lower, path.upper, path.rel_error),
        (limit.value, limit.lower, limit.upper, limit.rel_error),
        strict=True,
    ):
        # the skew's recursion settles last
        assert got[-1] == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize(
    ("x", "tolerance"),
    [(1e-8, 1e-12), (1e-3, 1e-12), (0.0499, 1e-12), (0.0501, 1e-12), (1.0, 1e-12), (7.0, 1e-12)],
)
def test_both_laws_keep_small_deficits(x, tolerance):
    with mpmath.workdps(40):
        z = mpmath.mpf(x)
        wide = mpmath.log(
            mpmath.exp(-z / 4) * (mpmath.besseli(0, z / 4) + mpmath.besseli(1, z / 4))
        )
        g = 1 / z if z > 1 else z
        narrow = mpmath.log(mpmath.hyp2f1(0.5, -0.5, 2, g)) - (mpmath.log(z) / 2 if z > 1 else 0)
    assert float(_log_wide(np.array(x))) == pytest.approx(float(wide), rel=tolerance)
    assert float(_log_narrow(np.array(x))) == pytest.approx(float(narrow), rel=tolerance)


def test_value_against_known_simulations():
    # theory.md 2.4, true 13.415 +- .002 and 12.287 +- .007; n_e = 226 +- 2 in 2.5.
    biased = distance.w2_squared_limit(fresh_data(100, 900, bias=0.9), np.ones(100))
    fair = distance.w2_squared_limit(fresh_data(100, 900), np.ones(100))
    assert float(biased.value) == pytest.approx(13.415, rel=2e-3)
    assert float(fair.value) == pytest.approx(12.287, rel=4e-3)
    assert float(biased.rel_error) < 0.05
    assert float(fair.rel_error) < 0.16


def test_bounds_are_jensen_and_hoelder():
    loop, dim = fresh_data(8, 20, bias=0.6), 5
    x = second_moments_limit(loop, dim)
    got = distance.w2_squared_limit(loop, np.ones(dim))
    jensen = x[0] + x[1] + dim - 2 * np.sqrt(dim * x[1])
    hoelder = x[0] + x[1] + dim - 2 * x[1] ** 1.5 / np.sqrt(x[6])
    assert float(got.lower) == pytest.approx(jensen, rel=1e-12)
    assert float(got.upper) == pytest.approx(hoelder, rel=1e-12)


def calibration_rows():
    groups = {}
    for part in (key for key in CALIBRATION if key.startswith("part")):
        for *key, t, profile, fidelity, se in CALIBRATION[part]:
            groups.setdefault((*key, profile), []).append((t, fidelity, se))
    return groups


def test_declared_error_and_bounds_hold_on_the_calibration_table():
    outside, errors = [], []
    for (dim, n_r, n_s, lam, start, profile), rows in list(calibration_rows().items())[::3]:
        s = np.ones(dim) if profile == "flat" else 1 / np.arange(1.0, dim + 1)
        loop, T = fresh_data(n_r, n_s, bias=lam, n_initial=start), max(t for t, *_ in rows)
        w2, first = distance.w2_squared(loop, s, generations=T), first_moments(loop, T)
        for t, fidelity, se in rows:
            i, noise = t - 1, 2 * s.sum() * se
            truth = s.sum() * (first.mean_sq[i] + first.trace[i] + 1 - 2 * fidelity)
            off, allowed = abs(w2.value[i] - truth), w2.rel_error[i] * w2.value[i]
            # the error of the mean is itself estimated, and from 40 replicates at dim = 100
            outside.append(off > allowed + 4.5 * noise)
            assert w2.lower[i] - 4.5 * noise <= truth <= w2.upper[i] + 4.5 * noise
            if start >= dim and n_r >= 5 and noise < 0.005 * truth:
                errors.append(off / truth)
    assert len(outside) > 900
    assert not any(outside)
    assert np.median(errors) < 2e-3
    assert np.quantile(errors, 0.98) < 0.06


def test_divergent_second_moments_fall_back_to_bounds():
    limit = distance.w2_squared_limit(fresh_data(1, 10), np.ones(3))
    # M = 1, C = 2 per unit: between a constant Sigma and a fidelity of 0
    assert float(limit.lower) == pytest.approx(3 * (1 + 3 - 2 * 2**0.5), rel=1e-12)
    assert float(limit.upper) == pytest.approx(12, rel=1e-5)
    reach = max(limit.upper - limit.value, limit.value - limit.lower) / limit.value
    assert float(limit.rel_error) == pytest.approx(float(reach), rel=1e-12)
    path = distance.w2_squared(fresh_data(1, 1), [1.0, 2.0], generations=5000)
    assert np.isfinite(path.value).all()
    assert distance.w2_squared_second_order_limit(fresh_data(1, 10), [1.0]) == np.inf


def test_first_generation_is_the_baseline():
    loop = fresh_data(7, 9, n_initial=12)
    got, one_fit = distance.w2_squared(loop, [2.0, 1.0], generations=2), baseline(12, [2.0, 1.0])
    assert got.value[0] == pytest.approx(float(one_fit.value), rel=1e-13)
    assert got.rel_error[0] == pytest.approx(float(one_fit.rel_error), rel=1e-12)
    # lambda = 0 read literally: the first model is a point at mu_0
    point = fresh_data(7, 9, bias=0.0, first_generation="biased")
    assert distance.w2_squared(point, [2.0, 1.0], generations=2).value[0] == pytest.approx(
        3, rel=1e-14
    )


@pytest.mark.parametrize("n", [10**6, 10**12, 2**52])
def test_digits_survive_huge_counts(n):
    loop = fresh_data(n, n)
    s = np.array([1.0, 2.0, 0.0])
    # leading order: baseline of 3/2 n samples
    expected = (3.0 + (1 + 2 + 2 * 2 / 3) / 2) / (1.5 * n)
    assert float(distance.w2_squared_limit(loop, s).value) == pytest.approx(
        expected, rel=10 / n + 1e-12
    )
    path = distance.w2_squared(loop, s, generations=200).value[-1]
    assert path == pytest.approx(expected, rel=10 / n + 1e-12)


def test_overdispersed_w2_limit_is_infinite():
    loop = Loop(n_initial=5, n_fresh=5, n_synth=50, bias=1.5, allow_overdispersion=True)
    assert float(distance.w2_squared_limit(loop, [1.0]).value) == np.inf
    assert distance.w2_squared_second_order_limit(loop, [1.0]) == np.inf


@pytest.mark.parametrize("first", ["real", "biased"])
def test_skew_and_start_of_early_generations(first):
    loop = fresh_data(6, 9, bias=0.7, n_initial=4, first_generation=first)
    r, q, lam, beta = 6.0, 9.0, 0.7, loop.first_bias
    n = r + q
    a, b, h = r / n, lam * q / n, r * q / (n * (n - 1))
    two = own = beta**2 / 3
    three = beta**3 / 9
    moments = first_moments(loop, 5)
    got = fresh.path_memory(loop, moments)
    for t, (M, c) in enumerate(zip(moments.mean_sq, moments.trace, strict=True)):
        assert got.skew[t] == pytest.approx(max(three * c / two**2, 1), rel=1e-12)
        assert got.start[t] == pytest.approx(own / two, rel=1e-12)
        spike = h * M
        three = a**3 / r**2 + b**3 * (three + 3 * c * two / q + c**3 / q**2) + spike**3
        two = a**2 / r + b**2 * (two + c**2 / q) + spike**2
        own = b**2 * own + spike**2
    limit = fresh.limit_memory(loop, first_moments_limit(loop))
    long = fresh.path_memory(loop, first_moments(loop, 500))
    assert long.start[-1] == pytest.approx(float(limit.start), rel=1e-9)
    assert long.skew[-1] == pytest.approx(float(limit.skew), rel=1e-9)


def test_declared_error_formula():
    # the docstring's envelope, in units of the fidelity's Jensen bound
    loop, s = fresh_data(100, 300, bias=0.5), np.array([1.0, 1.0, 0.5])
    _, c, diagonal, off = whitened_moments(loop, 3)
    flat = diagonal + 2 * off
    pairs = [(x, y) for (i, x), (j, y) in product(enumerate(s), repeat=2) if i != j]
    here = diagonal + off * sum(2 * x * y / (x + y) for x, y in pairs) / s.sum()
    start = float(fresh.limit_memory(loop, first_moments_limit(loop)).start)
    error = here * flat / (1 + flat / 2) ** 1.3 * (0.04 + 0.4 * np.sqrt(start))
    got = distance.w2_squared_limit(loop, s)
    assert float(got.rel_error * got.value) == pytest.approx(
        2 * s.sum() * np.sqrt(c) * error, rel=1e-9
    )


def test_where_the_trace_dies_the_limit_is_exact() -> None:
    s = np.array([2.0, 1.0, 0.0])
    pool = synthetic_augmentation(6, 6, bias=0.5, pool="accumulate")
    limit = distance.w2_squared_limit(pool, s)
    assert float(limit.value) == pytest.approx(3 * (1 + first_moments_limit(pool).mean_sq))
    assert float(limit.rel_error) == 0
    # Approached like the fidelity, twice t^(-(1 - lambda)/2): slowly, from below.
    late = distance.w2_squared(pool, s, generations=1200).value
    moments = first_moments(pool, 1200)
    fidelity = 3 * (1 + moments.mean_sq + moments.trace) - late
    assert late[-1] < limit.value
    assert fidelity[1199] / fidelity[299] == pytest.approx(4**-0.25, rel=0.01)
    # Without real data a memory does not change what dies.
    memory = Loop(n_initial=6, n_synth=6, memory=2, bias=0.5)
    assert float(distance.w2_squared_limit(memory, s).value) == pytest.approx(
        3 * (1 + first_moments(memory, 400).mean_sq[-1]), rel=1e-12
    )
    assert float(distance.w2_squared_limit(fully_synthetic(6, bias=0.5), s).value) == pytest.approx(
        3 * (1 + 1 / 6 / 0.5), rel=1e-12
    )
