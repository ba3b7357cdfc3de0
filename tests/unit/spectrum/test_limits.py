"""Limits of spectra as dimension and sample grow together."""

import math

import mpmath as mp
import numpy as np
import pytest

from madtheory.spectrum import moment_limit, sqrt_trace_limit, sqrt_trace_limit_small_ratio

RATIOS = (1e-9, 1e-3, 0.3, 0.999, 1.0, 1.001, 2.0, 8.0, 1e5)


def limit_2f1(t: int, ratio: float) -> mp.mpf:
    """Both branches of theory.md 5.1 as printed there."""
    g, s = mp.mpf(ratio), mp.mpf(t) / 2
    if ratio <= 1:
        return mp.hyp2f1(0.5, -s, 2, g)
    front = 2 / mp.sqrt(g * mp.pi) * mp.gammaprod([s + 1], [s + 1.5])
    return front * mp.hyp2f1(-0.5, 0.5, s + 1.5, 1 / g)


@pytest.mark.parametrize("ratio", RATIOS)
def test_sqrt_trace_limit_is_the_hypergeometric_function(ratio: float) -> None:
    t = [1, 2, 3, 10, 57, 1000]
    with mp.workdps(40):
        expected = [float(limit_2f1(x, ratio)) for x in t]
    np.testing.assert_allclose(sqrt_trace_limit(t, ratio), expected, rtol=1e-12)


@pytest.mark.parametrize("ratio", [1e-6, 0.3, 1.0])
def test_sqrt_trace_limit_at_a_million_generations(ratio: float) -> None:
    # (4/pi) int (1 - v^2)^{1/2} (1 - ratio v^2)^{t/2} dv, u = v^2: the 2F1 series is hopeless here.
    t = 10**6
    with mp.workdps(30):
        end = min(mp.mpf(1), 20 / mp.sqrt(t * mp.mpf(ratio)))
        points = mp.linspace(0, end, 12)
        tail = lambda v: mp.sqrt(1 - v * v) * (1 - ratio * v * v) ** (t // 2)  # noqa: E731
        expected = 4 / mp.pi * mp.quad(tail, points)
    np.testing.assert_allclose(sqrt_trace_limit(t, ratio), float(expected), rtol=1e-12)


@pytest.mark.parametrize("t", [1, 2, 9, 500])
def test_sqrt_trace_limit_is_continuous_where_the_branches_meet(t: int) -> None:
    below, at, above = (float(sqrt_trace_limit(t, 1 + e)) for e in (-1e-9, 0, 1e-9))
    assert below > at > above
    assert below - above == pytest.approx(0, abs=1e-8 * math.sqrt(t) * at)


def test_quarter_circle_law_and_two_generations() -> None:
    assert float(sqrt_trace_limit(1, 1.0)) == pytest.approx(8 / (3 * math.pi), rel=1e-13)
    # t = 2: 1 - ratio/4 for ratio <= 1 (the series ends).
    np.testing.assert_allclose(sqrt_trace_limit(2, 0.4), 0.9, rtol=1e-13)
    assert float(sqrt_trace_limit(0, 3.0)) == 1.0


def test_small_ratio_limit() -> None:
    x = np.array([0.0, 1e-3, 1.0, 15.0, 1e3, 1e6])
    with mp.workdps(30):
        expected = [
            float(mp.exp(-z) * (mp.besseli(0, z) + mp.besseli(1, z)))
            for z in (mp.mpf(float(v)) / 4 for v in x)
        ]
    np.testing.assert_allclose(sqrt_trace_limit_small_ratio(x), expected, rtol=1e-12)
    for v, e in zip(x[1:4], expected[1:4], strict=True):
        # t = x / ratio -> infinity: the difference is O(ratio).
        assert float(sqrt_trace_limit(10**6, v * 1e-6)) == pytest.approx(e, rel=1e-4)
    assert expected[-1] == pytest.approx(math.sqrt(8 / math.pi / 1e6), rel=1e-6)
    with pytest.raises(ValueError, match="x must be non-negative"):
        sqrt_trace_limit_small_ratio(-1.0)


@pytest.mark.parametrize("power", [0.1, 0.5, 0.9, 1.5, 2.5])
@pytest.mark.parametrize("ratio", [0.01, 0.7])
def test_fractional_moments_continue_the_integer_ones(power: float, ratio: float) -> None:
    t = [1, 2, 5, 40]
    with mp.workdps(40):
        k = mp.mpf(power)
        expected = [float(mp.hyp2f1(1 - k, -k * x, 2, ratio)) for x in t]
    np.testing.assert_allclose(moment_limit(power, t, ratio), expected, rtol=1e-11)


@pytest.mark.parametrize("ratio", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("power", [1, 2, 3, 6])
def test_integer_moments_are_sums_of_binomials(power: int, ratio: float) -> None:
    for t in (0, 1, 3, 50):
        expected = sum(
            math.comb(power, j + 1) * math.comb(t * power, j) * ratio**j for j in range(power)
        )
        value = float(moment_limit(power, t, ratio))
        assert value == pytest.approx(expected / power, rel=1e-12)


def test_fuss_catalan_numbers_and_overflow() -> None:
    # ratio = 1: C((t+1)k, k) / (tk + 1).
    assert float(moment_limit(3, 2, 1.0)) == pytest.approx(math.comb(9, 3) / 7)
    assert float(moment_limit(400, 10**6, 1e6)) == math.inf


@pytest.mark.parametrize("power", [0.25, 0.5, 0.8])
def test_moment_past_ratio_one_by_swapping_dimension_and_sample(power: float) -> None:
    # X (d x m): (1/d) tr (XX'/m)^s = (m/d) (d/m)^s (1/m) tr (X'X/d)^s.
    for ratio in (1.5, 20.0):
        swapped = ratio ** (power - 1) * float(moment_limit(power, 1, 1 / ratio))
        assert float(moment_limit(power, 1, ratio)) == pytest.approx(swapped, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1, 0.5), r"power must be a finite number in \(0, 100000\), got 0"),
        ((math.nan, 1, 0.5), "power"),
        ((2, -1, 0.5), "generations must be non-negative integers"),
        ((2, 1.5, 0.5), "generations must be non-negative integers"),
        ((2, 1e200, 0.5), r"generations must be at most 9007199254740992, got 1e\+200"),
        ((2, 1, -0.5), "ratio"),
        ((1.5, 1, 1.5), "ratio must be below 1 for power = 1.5"),
        ((1.5, 2000, 0.5), "generations must be at most 1000 for power = 1.5"),
    ],
)
def test_moment_limit_refuses(arguments: tuple[float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        moment_limit(*arguments)


def test_an_order_that_would_be_summed_for_ever_is_refused() -> None:
    with pytest.raises(ValueError, match=r"power must be a finite number in \(0, 100000\)"):
        moment_limit(10**30, 1, 0.5)
