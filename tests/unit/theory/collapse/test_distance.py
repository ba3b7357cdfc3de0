"""E W2^2 of the fully synthetic loop, against mpmath, other modules and small simulations."""

import math

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
from tests.unit.theory.collapse.one_dimension import exact

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
