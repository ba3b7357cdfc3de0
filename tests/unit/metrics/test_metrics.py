"""Metrics of two samples: against brute force and mpmath, on collapsed sets; their intervals."""

import math

import mpmath
import numpy as np
import pytest

from madtheory import metrics, spectrum
from madtheory.laws.bures import w2_squared

# --- precision and recall against brute force ----------------------------------------------------


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
    real, synth = np.round(rng.standard_normal((2, 200, 3)), 1)
    plain = metrics.precision_recall(real * 10, synth * 10, k=3)
    # Tenths are no exact multiples: products with 1e150 round, and could break a tie.
    exact = math.frexp(unit)[0] == 0.5
    scaled = (real * 10 * unit, synth * 10 * unit)
    got = metrics.precision_recall(*scaled, k=3)
    assert values(got) == pytest.approx(values(plain), abs=0 if exact else 0.03)
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


# --- Frechet distance ----------------------------------------------------------------------------


def frechet(x, y):
    """|mean difference|^2 + tr S_x + tr S_y - 2 |X_c Y_c^T|_* / ..., 60 digits for small sets."""
    if len(x) > 50:
        return w2_squared(x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T))
    with mpmath.workdps(60):
        a, b = mpmath.matrix(x.tolist()), mpmath.matrix(y.tolist())
        mean_a, mean_b = (
            mpmath.matrix([[mpmath.fsum(z[:, j]) / z.rows for j in range(z.cols)]]) for z in (a, b)
        )
        total = sum(v**2 for v in mean_a - mean_b)
        for z, mean in ((a, mean_a), (b, mean_b)):
            for i in range(z.rows):
                z[i, :] -= mean
            z /= mpmath.sqrt(z.rows - 1)
            total += sum(v**2 for v in z)
        a, b = a / mpmath.sqrt(a.rows - 1), b / mpmath.sqrt(b.rows - 1)
        nuclear = mpmath.fsum(mpmath.svd_r(a * b.T, compute_uv=False))
        return float(total - 2 * nuclear)


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
    # Far away, the mean itself is only known to 2^40 * 1e-16.
    rel = 1e-4 if case == "a place far away" else 1e-12
    assert metrics.fid(x, y).value == pytest.approx(frechet(x, y), rel=rel, abs=0.0)


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


def draws(metric, size, n, m, dim, shift, scale):
    rng = np.random.default_rng(7)
    out = []
    for _ in range(size):
        x = rng.standard_normal((n, dim))
        y = scale * rng.standard_normal((m, dim))
        y[:, 0] += shift
        out.append(metric(x, y))
    return out


def columns(estimates):
    return np.array([(e.value, e.low, e.high) for e in estimates]).T


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
    rng = np.random.default_rng(11)
    real, synth = rng.integers(0, 2, (400, 1)), rng.standard_normal((400, 1))
    # |1/2 - 0|^2 + (1/2 - 1)^2, with a standard error of some 0.08; split by value it is -0.5.
    assert metrics.fid_unbiased(real, synth).value == pytest.approx(0.5, abs=0.35)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.5, 0.7)])
def test_coverage_of_the_distance(shift, scale):
    size, dim = 400, 4
    _, low, high = columns(draws(metrics.fid_unbiased, size, 150, 200, dim, shift, scale))
    true = shift**2 + dim * (1 - scale) ** 2
    # 0.95 less 4.5 binomial errors; half the width would cover 0.67.
    assert np.mean((low <= true) & (true <= high)) > 0.95 - 4.5 * math.sqrt(0.05 * 0.95 / size)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.5, 0.7)])
@pytest.mark.parametrize(
    "metric",
    [
        metrics.fid,
        metrics.kernel_distance,
        lambda x, y: metrics.precision_recall(x, y, threads=1).precision,
        lambda x, y: metrics.precision_recall(x, y, threads=1).recall,
    ],
    ids=["fid", "kernel", "precision", "recall"],
)
def test_coverage_of_the_mean_value(metric, shift, scale):
    size = 200
    value, low, high = columns(draws(metric, size, 150, 200, 4, shift, scale))
    mean = value.mean()
    assert (low <= value).all()
    assert (value <= high).all()
    assert np.mean((low <= mean) & (mean <= high)) > 0.95 - 4.5 * math.sqrt(0.05 * 0.95 / size)
    # Not by being useless: at most 2.5 times as wide as the spread of the value asks for, and
    # what Wilson's interval has about a share near 1.
    assert np.mean(high - low) < 2.5 * 3.92 * value.std() + 1.96**2 / 150


def test_kernel_distance_is_unbiased():
    value = columns(draws(metrics.kernel_distance, 400, 20, 30, 3, 0.0, 1.0))[0]
    assert abs(value.mean()) < 4.5 * value.std() / 20
    far = columns(draws(metrics.kernel_distance, 100, 20, 30, 3, 1.0, 1.0))[0]
    assert far.mean() > 10 * value.std() / 20


# --- intervals of precision and recall -----------------------------------------------------------


@pytest.mark.parametrize("digits", [0, 1, 12])
@pytest.mark.parametrize("k", [1, 3])
def test_interval_is_that_of_removing_each_row(digits, k):
    """The variance of the balls is the jackknife, computed without removing a row."""
    rng = np.random.default_rng(8)
    real, synth = np.round(rng.standard_normal((25, 2)), digits), rng.standard_normal((40, 2))
    synth = np.round(synth, digits)
    removed = [inside(synth, np.delete(real, i, axis=0), k).mean() for i in range(25)]
    value, z = inside(synth, real, k).mean(), 1.959963984540054
    rough = (40 * value + 2) / 44
    inverse = 1 / 40 + 24 * np.var(removed) / (rough * (1 - rough))
    # Wilson: the shares p whose distance to the value is z standard errors at p.
    low, high = np.roots([1 + z * z * inverse, -2 * value - z * z * inverse, value**2]).real[::-1]
    got = metrics.precision_recall(real, synth, k=k).precision
    assert (got.low, got.high) == pytest.approx((low, high), rel=1e-9, abs=1e-9)


def test_one_row_less_than_balls_need():
    both = metrics.precision_recall([[0.0], [1.0]], [[0.5], [5.0], [9.0]], k=1)
    assert (both.precision.low, both.precision.high) == (0.0, 1.0)
    assert both.precision.value == pytest.approx(1 / 3)


def test_a_higher_level_is_wider():
    rng = np.random.default_rng(9)
    x, y = rng.standard_normal((2, 60, 2))
    for metric in (metrics.fid, metrics.kernel_distance):
        narrow, wide = metric(x, y, level=0.5), metric(x, y, level=0.99)
        assert wide.low <= narrow.low <= narrow.high <= wide.high
        assert wide.high - wide.value == pytest.approx(
            2.5758293035489 / 0.6744897501961 * (narrow.high - narrow.value), rel=1e-9
        )


# --- kernel distance -----------------------------------------------------------------------------


def test_kernel_distance_by_its_definition():
    rng = np.random.default_rng(10)
    x, y = rng.standard_normal((300, 5)), 0.3 + rng.standard_normal((70, 5))

    def kernel(a, b):
        return (a @ b.T / 5 + 1) ** 3

    def off(K):
        return (K.sum() - np.trace(K)) / (len(K) * (len(K) - 1))

    expected = off(kernel(x, x)) + off(kernel(y, y)) - 2 * kernel(x, y).mean()
    assert metrics.kernel_distance(x, y).value == pytest.approx(expected, rel=1e-11)


def test_kernel_distance_of_tiny_features():
    """To first order 3 |mean difference|^2/dim: 1 + t would round it away."""
    real, synth = np.zeros((3, 2)), np.full((4, 2), 1e-100)
    assert metrics.kernel_distance(real, synth).value == pytest.approx(3e-200, rel=1e-12, abs=0)


# --- errors --------------------------------------------------------------------------------------

GOOD = np.arange(12.0).reshape(6, 2) ** 2


@pytest.mark.parametrize(
    ("real", "synth", "words"),
    [
        ([1.0, 2.0], GOOD, "real must be a matrix"),
        (GOOD, np.zeros((0, 2)), "synth must have at least"),
        (GOOD, np.zeros((6, 0)), "synth must be a matrix"),
        (GOOD, GOOD[:, :1], "synth must have 2 columns like real, got 1"),
        (GOOD * np.nan, GOOD, "real must be finite"),
        (GOOD, np.where(GOOD > 50, np.inf, GOOD), "synth must be finite"),
        (GOOD.astype(object), GOOD, "real must be numeric"),
        (GOOD, GOOD.astype(complex), "synth must be numeric"),
        (GOOD[:1], GOOD, "real must have at least"),
    ],
)
@pytest.mark.parametrize(
    "metric",
    [metrics.fid, metrics.fid_unbiased, metrics.kernel_distance, metrics.precision_recall],
)
def test_bad_sets(metric, real, synth, words):
    with pytest.raises((ValueError, TypeError), match=words) as error:
        metric(real, synth)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"k": 1.5}, "k must be an integer"),
        ({"k": 6}, "real must have at least 7 rows, got 6"),
        ({"level": 1.0}, "level must be"),
        ({"threads": 0}, "threads must be at least 1"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        metrics.precision_recall(GOOD, GOOD, **options)


def test_distances_beyond_float64():
    with pytest.raises(ValueError, match="about 1e154 apart"):
        metrics.fid(GOOD * 1e200, GOOD)
    with pytest.raises(ValueError, match="kernel within float64"):
        metrics.kernel_distance(GOOD * 1e150, GOOD)
