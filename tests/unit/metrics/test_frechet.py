"""Frechet distance against many digits; its interval by coverage."""

import math

import numpy as np
import pytest

from madtheory import metrics, spectrum
from madtheory.laws.bures import w2_squared
from madtheory.metrics import frechet as frechet_
from tests.unit.metrics.draws import columns, draws, frechet


def halves_of(x, count, role=0):
    return frechet_._halves(x, frechet_._row_hashes(x), role, count)


def low_rank(rng, n, rank, dim):
    return rng.integers(-4, 5, (n, rank)) @ rng.integers(-2, 3, (rank, dim)).astype(float)


def frechet_cases():
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((12, 3)), 0.5 + rng.standard_normal((9, 3)) * [1, 2, 3]
    return {
        "plain": (x, y),
        "more columns than rows": (rng.standard_normal((5, 9)), rng.standard_normal((7, 9))),
        "rank 2 of 6": (low_rank(rng, 12, 2, 6), low_rank(rng, 11, 2, 6)),
        "one collapsed": (x, np.ones((4, 3))),
        "both collapsed": (np.zeros((4, 3)), np.ones((5, 3))),
        "collapsed in place": (np.full((4, 3), 0.1), np.full((7, 3), 0.1)),
        "repeated rows": (np.repeat(x[:2], 5, axis=0), np.repeat(y[:3], 3, axis=0)),
        "a place far away": (x + 2.0**40, y + 2.0**40),
        "one far smaller": (x, 1e-12 * y),
        "spectrum of 1e16": (x * [1, 1e-4, 1e-8], y * [1, 1e-4, 1e-8]),
    }


@pytest.mark.parametrize("case", frechet_cases())
def test_frechet_distance_against_many_digits(case):
    x, y = frechet_cases()[case]
    assert metrics.fid(x, y).value == pytest.approx(frechet(x, y), rel=1e-12, abs=0.0)


def test_a_place_far_away_changes_no_digit():
    """Rows on a grid that 1e12 leaves as it is: not a digit of value and interval moves."""
    rng = np.random.default_rng(8)
    x, y = (np.round(rng.standard_normal((n, 3)) * 1024) / 1024 for n in (40, 30))
    assert metrics.fid(x + 1e12, y + 1e12) == metrics.fid(x, y)


def test_sets_that_nearly_agree():
    """The square of a small distance keeps its digits: no difference of large traces."""
    rng = np.random.default_rng(6)
    x = rng.standard_normal((12, 3))
    y = x * (1 + 1e-9)
    # The distance 1e-9 is computed from factors known to 1e-16.
    assert metrics.fid(x, y).value == pytest.approx(frechet(x, y), rel=1e-6)
    assert metrics.fid(x, x).value < 1e-29
    assert abs(metrics.fid_unbiased(x, x).value) < 1e-29


@pytest.mark.parametrize("case", ["plain", "more columns than rows", "one collapsed"])
def test_variance_is_that_of_the_derivative(case):
    """Derivative of the distance in a row's weight, by finite differences of the moments."""
    x, y = frechet_cases()[case]
    if case == "more columns than rows":  # W2 of full-rank laws has a derivative: n > dim
        x = np.random.default_rng(0).standard_normal((12, 9))
        y = np.random.default_rng(1).standard_normal((14, 9))
    step = 1e-6

    def moved(z, i, e):
        u = z[i] - z.mean(0)
        return z.mean(0) + e * u, (1 - e) * np.cov(z.T) + e * np.outer(u, u)

    def variance(z, other):
        fixed = other.mean(0), np.cov(other.T)
        slopes = [
            (w2_squared(*moved(z, i, step), *fixed) - w2_squared(*moved(z, i, -step), *fixed))
            / (2 * step)
            for i in range(len(z))
        ]
        return np.var(slopes, ddof=1) / len(z)

    result = metrics.fid(x, y, level=0.5)
    # A collapsed set has no other point in its law: only the other set's noise counts.
    expected = variance(x, y) + (0.0 if case == "one collapsed" else variance(y, x))
    half = 0.6744897501960817 * math.sqrt(expected)
    assert result.high - result.value == pytest.approx(half, rel=1e-6)


def test_bias_is_the_baseline_and_fid_unbiased_has_none():
    size, dim, n, m = 200, 40, 600, 800
    plain = columns(draws(metrics.fid, size, n, m, dim, 0.0, 1.0))[0]
    free = columns(draws(metrics.fid_unbiased, size, n, m, dim, 0.0, 1.0))[0]
    sizes = float(spectrum.baseline(n, np.ones(dim)).value) + float(
        spectrum.baseline(m, np.ones(dim)).value
    )
    se, se_free = plain.std() / math.sqrt(size), free.std() / math.sqrt(size)
    # Noise in both sets is a little more than the sum of one at a time: (dim/n)^2 of it.
    assert abs(plain.mean() - sizes) < 4.5 * se + 0.01 * sizes
    assert abs(free.mean()) < 4.5 * se_free + 0.01 * sizes
    assert 0.04 * sizes > 4.5 * (se + se_free)  # 5 % of bias left would be seen


def test_halves_hold_every_repeated_row():
    """Rows of two values: halves of one value each would be another law."""
    rng, n = np.random.default_rng(11), 40_000
    real, synth = rng.integers(0, 2, (n, 1)), rng.standard_normal((n, 1))
    # |1/2 - 0|^2 + (1/2 - 1)^2, with a standard error of some 0.008; split by value it is -0.5.
    assert metrics.fid_unbiased(real, synth).value == pytest.approx(0.5, abs=0.035)


@pytest.mark.thinned(2)
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.5, 0.7)])
def test_coverage_of_the_distance(shift, scale):
    size, dim = 400, 4
    _, low, high = columns(draws(metrics.fid_unbiased, size, 150, 200, dim, shift, scale))
    true = shift**2 + dim * (1 - scale) ** 2
    # 0.95 less 4.5 binomial errors; half the width would cover 0.67.
    assert np.mean((low <= true) & (true <= high)) > 0.95 - 4.5 * math.sqrt(0.05 * 0.95 / size)


def test_a_higher_level_is_wider():
    rng = np.random.default_rng(9)
    x, y = rng.standard_normal((2, 60, 2))
    for metric in (metrics.fid, metrics.kernel_distance):
        narrow, wide = metric(x, y, level=0.5), metric(x, y, level=0.99)
        assert wide.low <= narrow.low <= narrow.high <= wide.high
        assert wide.high - wide.value == pytest.approx(
            2.5758293035489 / 0.6744897501961 * (narrow.high - narrow.value), rel=1e-9
        )


GOOD = np.arange(12.0).reshape(6, 2) ** 2


def test_distances_beyond_float64():
    with pytest.raises(ValueError, match="about 1e154 apart"):
        metrics.fid(GOOD * 1e200, GOOD)
    with pytest.raises(ValueError, match="kernel within float64"):
        metrics.kernel_distance(GOOD * 1e150, GOOD)
    with pytest.raises(ValueError, match="about 1e154 apart"):
        metrics.fid(GOOD, GOOD * 1e305)


def test_a_set_whose_deviations_have_no_inverse_is_one_point():
    tiny, point = (metrics.fid(GOOD, GOOD * scale) for scale in (1e-310, 0.0))
    assert tiny == point


def test_what_is_taken_off_is_what_halving_both_sets_adds():
    rng = np.random.default_rng(12)
    x, y = rng.standard_normal((13, 3)), 0.5 + rng.standard_normal((10, 3)) * [1, 2, 3]
    first = frechet_._row_hashes(x).sum() <= frechet_._row_hashes(y).sum()
    deals = halves_of(x, 16, int(not first)), halves_of(y, 16, int(first))
    for whole, pairs, sizes in zip((x, y), deals, ((6, 7), (5, 5)), strict=True):
        assert len(pairs) == 16
        for one, other in pairs:
            assert (len(one), len(other)) == sizes
            both = np.concatenate([one, other])
            assert sorted(both.tolist()) == sorted(whole.tolist())
    halves = [
        frechet(u, v)
        for of_x, of_y in zip(*deals, strict=True)
        for u, v in zip(of_x, of_y, strict=True)
    ]
    added = np.mean(halves) - frechet(x, y)
    assert metrics.fid_unbiased(x, y).value == pytest.approx(frechet(x, y) - added, rel=1e-11)


def test_halves_are_the_same_whatever_the_order_of_the_rows():
    x = np.random.default_rng(13).standard_normal((20, 2))
    one, other = (np.sort(halves_of(z, 1)[0][0], axis=0) for z in (x, x[::-1].copy()))
    np.testing.assert_array_equal(one, other)
    # Not the first rows by their order, which would be another law.
    assert set(map(tuple, one)) != set(map(tuple, x[:10]))


def test_a_zero_is_a_zero_whatever_its_sign():
    """Rounded features hold -0, of which text keeps no sign: the same numbers, the same halves."""
    x = np.random.default_rng(14).integers(0, 3, (40, 3)).astype(float)
    y = np.where((x == 0) & (np.arange(40) % 2 == 1)[:, None], -0.0, x)
    other = np.random.default_rng(15).standard_normal((30, 3))
    assert np.signbit(y).any()
    assert metrics.fid_unbiased(y, other) == metrics.fid_unbiased(x, other)


@pytest.mark.parametrize("seed", range(6))
def test_directions_that_only_rounding_fills_carry_no_noise(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((40, 2)), 0.3 + rng.standard_normal((30, 2)) * [1.0, 2.0]
    turn = np.linalg.qr(rng.standard_normal((7, 7)))[0][:2]
    flat, wide = metrics.fid(x, y), metrics.fid(x @ turn, y @ turn)
    assert wide.high - wide.value == pytest.approx(flat.high - flat.value, rel=1e-9)


def test_directions_are_those_of_the_covariances():
    x = np.random.default_rng(0).standard_normal((40, 5)) * [1, 2, 3, 4, 5]
    S, moments = np.cov(x.T), frechet_._moments(x)
    found = frechet_._directions(moments, moments)
    assert found == pytest.approx(np.trace(S) ** 2 / np.trace(S @ S), rel=1e-12)


@pytest.mark.parametrize(("dim", "count"), [(1, 16), (16, 16), (17, 15), (256, 1), (300, 1)])
def test_halves_are_dealt_sixteen_times_or_less_where_rows_are_wide(monkeypatch, dim, count):
    asked = []
    monkeypatch.setattr(frechet_, "_halves", lambda x, _, role, n: asked.append(n) or [(x, x)])
    frechet_._bias(np.eye(4, dim), np.eye(4, dim), 0.0)
    assert asked == [count, count]


@pytest.mark.thinned(2)
@pytest.mark.parametrize("law", ["classes", "words", "one attribute", "points"])
def test_sets_of_few_distinct_rows_keep_no_bias(law):
    """100 pairs of one law: nothing is left beyond 3.5 standard errors, less than half the bias.

    Dealt alike, sorted rows of two sets gave halves as near as the sets: 70 to 98 % was left.
    """
    rng, n = np.random.default_rng(21), 600
    points = np.random.default_rng(1).standard_normal((12, 6))

    def drawn():
        if law == "classes":
            return np.eye(10)[rng.integers(0, 10, n)]
        if law == "words":
            return np.eye(20)[rng.choice(20, n, p=np.arange(1, 21) / 210)]
        if law == "one attribute":
            return (rng.random((n, 1)) < 0.3) * 1.0
        return points[rng.integers(0, 12, n)]

    pairs = [(drawn(), drawn()) for _ in range(100)]
    bias = np.array([metrics.fid(x, y).value for x, y in pairs])
    left = np.array([metrics.fid_unbiased(x, y).value for x, y in pairs])
    error = left.std(ddof=1) / math.sqrt(len(pairs))
    assert abs(left.mean()) < 3.5 * error
    assert 3.5 * error < 0.5 * bias.mean()


def test_the_unbiased_distance_takes_either_set_first_and_one_set_twice():
    rng = np.random.default_rng(22)
    x, y = np.eye(4)[rng.integers(0, 4, 60)], np.eye(4)[rng.integers(0, 3, 60)]
    one, other = metrics.fid_unbiased(x, y), metrics.fid_unbiased(y, x)
    assert one.value == pytest.approx(other.value, rel=1e-9)
    assert abs(metrics.fid_unbiased(x, x[::-1].copy()).value) < 1e-12


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_the_interval_without_bias_by_hand(shift):
    """The bias errs by itself over sqrt(D), and halves take off up to D/n of it too much."""
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((40, 3)) * [1, 2, 3], shift + rng.standard_normal((30, 3))
    plain, found = metrics.fid(x, y, level=0.9), metrics.fid_unbiased(x, y, level=0.9)
    S, bias = (np.cov(x.T), np.cov(y.T)), plain.value - found.value
    D = sum(map(np.trace, S)) ** 2 / (2 * sum(np.square(V).sum() for V in S))
    half = math.hypot(plain.high - plain.value, 1.6448536 * bias / math.sqrt(D))
    assert bias > 0
    assert found.low == pytest.approx(max(0.0, found.value - half), rel=1e-6)
    assert found.high == pytest.approx(found.value + half + bias * D / 30, rel=1e-6)
