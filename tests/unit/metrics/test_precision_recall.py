"""Precision and recall against brute force, and their intervals."""

import math

import numpy as np
import pytest

from madtheory import metrics
from tests.unit.metrics.draws import frechet


def squares(x, y):
    """Squared distances from differences, columns added in order."""
    out = np.zeros((len(x), len(y)))
    for c in range(x.shape[1]):
        out += np.square(x[:, None, c] - y[None, :, c])
    return out


def inside(points, centres, k):
    """Which points lie in a closed k-NN ball."""
    own = squares(centres, centres)
    np.fill_diagonal(own, np.inf)
    radii = np.sort(own, axis=1)[:, k - 1]
    return (squares(points, centres) <= radii).any(axis=1)


def brute(real, synth, k):
    return inside(synth, real, k).mean(), inside(real, synth, k).mean()


def values(both):
    return both.precision.value, both.recall.value


KINDS = {
    "continuous": lambda x: x,
    "ties": np.round,
    "two values": lambda x: np.sign(x[:, :1]) * np.ones(x.shape[1]),
    "a place far away": lambda x: x + 1e8,
    "two tight clusters": lambda x: np.sign(x[:, :1]) * 1e3 + 1e-9 * x,
    "lattice far away": lambda x: np.round(2 * x) + 1e8,
    "one far row": lambda x: np.vstack([x[1:], 1e12 + x[:1]]),
    "collapsed to a line": lambda x: x[:, :1] * np.ones(x.shape[1]),
}

SHAPES = [(7, 9, 1, 1), (300, 200, 3, 5), (40, 700, 20, 2), (1100, 300, 2, 3)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "m", "dim", "k"), SHAPES)
def test_every_answer_is_that_of_brute_force(kind, n, m, dim, k):
    data = KINDS[kind](np.random.default_rng(n).standard_normal((n + m, dim)))
    real, synth = data[:n], data[n:]
    assert values(metrics.precision_recall(real, synth, k=k)) == brute(real, synth, k)


@pytest.mark.parametrize("unit", [2.0**500, 2.0**-500, 1e150, 1e-150, 1e300, 1e-300])
def test_huge_and_tiny_features(unit):
    rng = np.random.default_rng(1)
    real, synth = rng.standard_normal((2, 200, 3))
    if math.frexp(unit)[0] == 0.5:  # products with 1e150 round, and could break a tie
        real, synth = np.round(real, 1), np.round(synth, 1)
    plain = metrics.precision_recall(real * 10, synth * 10, k=3)
    assert values(metrics.precision_recall(real * 10 * unit, synth * 10 * unit, k=3)) == values(
        plain
    )
    distance = metrics.fid(real, synth)
    if 1e-160 < unit < 1e153:
        assert metrics.fid(real * unit, synth * unit).value / unit / unit == pytest.approx(
            distance.value, rel=1e-12
        )


@pytest.mark.parametrize("small", [1e-9, 1e-20, 3e-22, 1e-23, 1e-30])
def test_collapse_at_a_scale_that_other_rows_hide(small):
    """Neighbours far closer than products in float32 can tell, or hold without underflow."""
    rng = np.random.default_rng(2)
    real, synth = small * rng.standard_normal((2, 120, 3))
    assert values(metrics.precision_recall(real, synth, k=2)) == brute(real, synth, 2)
    for z in (real, synth):
        z[:20] = rng.standard_normal((20, 3))
    assert values(metrics.precision_recall(real, synth, k=2)) == brute(real, synth, 2)
    assert values(metrics.precision_recall(real[:20], synth, k=2)) == brute(real[:20], synth, 2)


def test_one_set_far_larger_than_the_other():
    """The smaller set is one point then: its squared distances are 0 in float64."""
    rng = np.random.default_rng(12)
    real, synth = 1e200 * rng.standard_normal((80, 4)), rng.standard_normal((70, 4))
    scaled = (np.ldexp(z, -670) for z in (real, synth))
    assert values(metrics.precision_recall(real, synth, k=2)) == brute(*scaled, 2) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("real", "synth", "expected"),
    [
        ([[1.0, 2.0]] * 9, [[1.0, 2.0]] * 7, (1.0, 1.0)),  # closed balls of radius 0
        ([[1.0, 2.0]] * 9, [[1.0, 3.0]] * 7, (0.0, 0.0)),
        ([[float(i)] for i in range(9)], [[4.0]] * 7, (1.0, 1 / 9)),
        ([[0.0]] * 6 + [[9.0]] * 6, [[9.0]] * 6, (1.0, 0.5)),  # one class left
    ],
)
def test_collapsed_sets(real, synth, expected):
    assert values(metrics.precision_recall(real, synth)) == expected


def test_the_result_does_not_depend_on_threads():
    rng = np.random.default_rng(3)
    real, synth = np.round(rng.standard_normal((2, 1500, 4)), 1)
    one = metrics.precision_recall(real, synth, threads=1)
    for threads in (2, 3, None):
        assert metrics.precision_recall(real, synth, threads=threads) == one


def test_float32_is_accumulated_in_float64():
    rng = np.random.default_rng(4)
    real, synth = (1e3 + rng.standard_normal((2, 5000, 3))).astype(np.float32)
    wide = real.astype(np.float64), synth.astype(np.float64)
    for metric in (metrics.fid, metrics.fid_unbiased, metrics.kernel_distance):
        assert metric(real, synth) == metric(*wide)
    assert metrics.precision_recall(real, synth) == metrics.precision_recall(*wide)
    assert metrics.fid(real, synth).value == pytest.approx(frechet(*wide), rel=1e-6)


@pytest.mark.parametrize("digits", [0, 1, 12])
@pytest.mark.parametrize("k", [1, 3])
def test_interval_is_that_of_removing_each_row(digits, k):
    """The variance of the balls is that of the jackknife with its error, without removing a row."""
    rng = np.random.default_rng(8)
    real, synth = np.round(rng.standard_normal((25, 2)), digits), rng.standard_normal((40, 2))
    synth = np.round(synth, digits)
    removed = [inside(synth, np.delete(real, i, axis=0), k).mean() for i in range(25)]
    value, z = inside(synth, real, k).mean(), 1.959963984540054
    rough = (40 * value + 2) / 44
    off = np.array(removed) - np.mean(removed)
    extra = 24 / 25 * (np.sum(off**2) + 2 * np.sqrt(np.sum(off**4)))
    inverse = 1 / 40 + extra / (rough * (1 - rough))
    # Wilson: the shares p whose distance to the value is z standard errors at p.
    low, high = np.roots([1 + z * z * inverse, -2 * value - z * z * inverse, value**2]).real[::-1]
    got = metrics.precision_recall(real, synth, k=k).precision
    assert (got.low, got.high) == pytest.approx((low, high), rel=1e-9, abs=1e-9)


def test_one_row_less_than_balls_need():
    both = metrics.precision_recall([[0.0], [1.0]], [[0.5], [5.0], [9.0]], k=1)
    assert (both.precision.low, both.precision.high) == (0.0, 1.0)
    assert both.precision.value == pytest.approx(1 / 3)


def test_intervals_hold_where_a_few_wide_balls_decide():
    """Sets that overlap in part: 187 and 185 of 200 pairs; without two errors 175 and 177."""
    rng = np.random.default_rng(61)
    found = []
    for _ in range(200):
        real, synth = rng.standard_normal((300, 2)), 0.8 * rng.standard_normal((300, 2))
        synth[:, 0] += 2.0
        both = metrics.precision_recall(real, synth, threads=1)
        found.append([(x.low, x.value, x.high) for x in (both.precision, both.recall)])
    low, value, high = np.moveaxis(np.array(found), 2, 0)
    mean = value.mean(axis=0)
    held = ((low <= mean) & (mean <= high)).sum(axis=0)
    assert (held >= 182).all()
