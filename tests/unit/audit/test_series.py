"""Series of the audit: their noises and counts by other estimators and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from madtheory import audit
from madtheory.audit import series as series_

RNG = np.random.default_rng(8)
REAL = RNG.standard_normal((90, 4)) * [4.0, 3.0, 2.0, 1.0]
#: Skew rows that depend on each other.
FILE = RNG.exponential(size=(90, 4)) @ (np.eye(4) + 0.3) * [4.0, 3.0, 2.0, 1.0]


def overlap(z):
    """Sampling variance of an entry and overlap of two, from the rows' influences."""
    i, j = np.triu_indices(z.shape[1], 1)
    squares = z**2 - (z**2).mean(axis=1, keepdims=True)
    a = np.hstack([z[:, i] * z[:, j], squares / math.sqrt(2)])
    n, total = len(a), float(np.square(a).sum()) / len(a)
    pairs = np.square(a @ a.T)[~np.eye(n, dtype=bool)].mean()
    return total / (z.shape[1] * (z.shape[1] + 1) // 2 - 1), pairs / total**2


def test_noises_and_counts_of_a_file():
    axes = audit.axes_of(REAL)
    found = audit.series_of(axes, [FILE])
    y = (FILE - REAL.mean(axis=0)) @ axes.vectors / axes.scales
    z = (y - y.mean(axis=0)) / y.std(axis=0, ddof=1)
    # A log variance errs like the mean square: fourth moment less one, in variances of n - 1.
    kurtosis = stats.kurtosis(y, fisher=False) * (89 / 90) ** 2
    noise = float((kurtosis - (89 / 90) ** 2).mean())
    assert found.log_noise == pytest.approx(noise, rel=1e-10)
    sharing = float((z**2).mean(axis=1).var()) / noise
    assert found.sharing == pytest.approx(sharing, rel=1e-10)
    values = np.linalg.eigvalsh(np.cov(y, rowvar=False))
    assert found.mean_count == pytest.approx(values.sum() ** 2 / (values**2).sum(), rel=1e-10)
    noise, together = overlap(z)
    assert found.shape_noise[0] == pytest.approx(noise, rel=1e-10)
    assert found.shape_count == pytest.approx(1 / together, rel=1e-10)
    # Half way to white rows: these overlap by (1 - 4/90)^2 too little.
    U = np.linalg.svd(z, full_matrices=False)[0] * math.sqrt(89)
    white = overlap(U)[1] / (1 - 4 / 90) ** 2
    near = math.sqrt(together * min(together, white))
    assert found.near_count == pytest.approx(1 / near, rel=1e-8)
    assert found.near_count > found.shape_count
    # The real set's own: along its axes in its units, about its mean.
    own = overlap((REAL - REAL.mean(axis=0)) @ axes.vectors / axes.scales)[0]
    assert (found.real_rows, found.real_noise) == (90, pytest.approx(own, rel=1e-10))


def test_white_rows_have_noise_one_and_independent_entries():
    """250 sets of 200 rows: 14 free entries of variance 1, each for itself."""
    rng = np.random.default_rng(0)
    each = [series_._overlap(rng.standard_normal((200, 5))) for _ in range(250)]
    # The overlap is a ratio; what stands above the square of the noise has no bias.
    for x, expected in zip(
        zip(*((a, a * a * b) for a, b in each), strict=True), (1, 1 / 14), strict=True
    ):
        error = np.std(x) / math.sqrt(250)
        assert error < 0.012 * expected
        assert np.mean(x) == pytest.approx(expected, abs=4.5 * error)


@pytest.mark.parametrize("K", [4, 8])
def test_rows_whitened_by_themselves_overlap_too_little_by_the_factor_taken_out(K):
    """To leading order in K/n: at 80 rows within 5 %, the factor being .903 and .81."""
    rng, n, each = np.random.default_rng(1), 80, []
    for _ in range(400):
        x = rng.standard_normal((n, K))
        U = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[0] * math.sqrt(n - 1)
        each.append(series_._overlap(U)[1])
    entries = K * (K + 1) / 2 - 1
    assert np.mean(each) * entries == pytest.approx((1 - K / n) ** 2, rel=0.05)


def test_gaussian_files_err_as_the_series_say():
    """2,000 files of 50 rows: variances of a log variance, of Fisher's z and of the average."""
    rng, n = np.random.default_rng(2), 50
    axes = series_.Axes(np.zeros(3), np.eye(3), np.ones(3))
    found = audit.series_of(axes, list(rng.standard_normal((2000, n, 3))))
    # psi'(49/2) and 1/(n - 3); chi-squares of 2,000 and of 3 x 2,000 terms, 4.5 errors.
    wide, narrow = (4.5 * math.sqrt(2 / m) for m in (2000, 6000))
    logs, z = found.log_variance, found.shapes[:, :3]
    assert logs.var(axis=0).mean() == pytest.approx(0.041655, rel=narrow)
    assert z.var(axis=0).mean() == pytest.approx(1 / 47, rel=narrow)
    # Three differences about their average: two thirds of half the variance of one.
    assert found.shapes[:, 3:].var(axis=0).mean() == pytest.approx(0.041655 / 3, rel=narrow)
    assert logs.mean(axis=1).var() == pytest.approx(0.041655 / 3, rel=wide)
    assert found.scale.mean() == pytest.approx(1, abs=4.5 * math.sqrt(2 / 49 / 6000))
    assert found.means.var(axis=0).mean() == pytest.approx(1 / 50, rel=narrow)


def test_axes_are_the_widest_and_have_four_rows_each():
    x = RNG.standard_normal((39, 20)) * np.geomspace(100, 1, 20)
    axes = audit.axes_of(x)
    assert axes.scales.size == 9
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)[:9] / math.sqrt(38)
    np.testing.assert_allclose(axes.scales, values, rtol=1e-10)
    assert abs(axes.vectors[0, 0]) > 0.9  # the widest is nearly the first coordinate
    np.testing.assert_allclose(np.diag(np.cov((x @ axes.vectors).T)), values**2, rtol=1e-9)


def test_variance_that_is_rounding_is_none():
    axes = series_.Axes(np.zeros(1), np.eye(1), np.ones(1))
    x = np.full((10, 1), 1e6)
    x[0] += 2.0**-33  # an ulp
    far = audit.series_of(axes, [x]).log_variance[0, 0]
    assert far == -math.inf
    near = audit.series_of(axes, [1e3 * (x - 1e6)]).log_variance[0, 0]
    # One row of ten off by h: variance h^2/10.
    assert near == pytest.approx(math.log((1e3 * 2.0**-33) ** 2 / 10), rel=1e-9)


def test_the_share_of_rows_without_the_commonest_value():
    column = np.array([2.0, 0.0, 0.0, 1.0, 0.0, 2.0 + 1e-12])
    found = series_._varied(np.stack([column, np.arange(6.0)], axis=1))
    np.testing.assert_allclose(found, [1 - 3 / 6, 1 - 1 / 6], rtol=1e-15)


def test_one_axis_at_least_and_rows_for_each():
    rng = np.random.default_rng(4)
    sizes = {n: audit.axes_of(rng.standard_normal((n, 5))).scales.size for n in (3, 7, 8, 19, 20)}
    assert sizes == {3: 1, 7: 1, 8: 2, 19: 4, 20: 5}


def test_a_lost_file_has_the_noises_of_gaussian_rows_and_no_shapes():
    axes = series_.Axes(np.zeros(2), np.eye(2), np.ones(2))
    x = np.column_stack([np.arange(8.0), np.full(8, 3.0)])
    found = audit.series_of(axes, [x])
    assert found.log_variance[0].tolist() == [pytest.approx(math.log(6.0)), -math.inf]
    assert (found.log_noise, found.sharing, found.shape_noise.tolist()) == (2.0, 1.0, [1.0])
    assert (found.mean_count, found.shape_count, found.near_count) == (1.0, 1.0, 1.0)
    assert found.shapes.tolist() == [[0.0] * 3]
    assert found.means.tolist() == [[3.5, 3.0]]


def test_an_average_of_directions_varies_no_more_than_one():
    """Rows that are one number in all directions share all; rounding does not make it more."""
    axes = series_.Axes(np.zeros(3), np.eye(3), np.ones(3))
    for seed in range(20):
        x = np.random.default_rng(seed).standard_normal((30, 1)) * np.ones((1, 3))
        sharing = audit.series_of(axes, [x]).sharing
        assert 1 - 1e-9 < sharing <= 1
    # Directions that pull the average apart (a mean of 1/3, of variances 1, 1, .01).
    found = series_._fisher(np.array([[1.0, 1.0], [1.0, 1.0]]), np.ones(2))
    assert found == pytest.approx(np.arctanh(1 - 1e-12), rel=1e-6)


def test_rows_too_few_to_be_whitened_overlap_as_they_are():
    """Twice as many rows as directions are too few, one more is not."""
    rng = np.random.default_rng(6)
    for n, few in ((8, True), (9, False)):
        x = rng.standard_normal((n, 4)) * [1, 1, 1, 0.2]
        x -= x.mean(axis=0)
        assert (series_._near(x, np.cov(x.T), 5.0) == 5.0) is few
    flat = np.column_stack([x[:, 0], x[:, 0]])
    assert series_._near(flat, np.cov(flat.T), 0.3) == 0.3


@pytest.mark.parametrize(("ulps", "kept"), [(12, False), (48, True)])
def test_sixteen_roundings_of_the_largest_number_are_no_variance(ulps, kept):
    """Of two rows at +-h about 1: a deviation of sqrt 2 h, that 16 ulps of 1 must not exceed."""
    axes = series_.Axes(np.zeros(1), np.eye(1), np.ones(1))
    x = 1 - np.array([[0.0], [ulps * 2.0**-52]])
    assert math.isfinite(audit.series_of(axes, [x]).log_variance[0, 0]) is kept


def test_values_that_differ_a_little_differ():
    rows = np.column_stack([np.arange(200.0), np.arange(200.0) % 2])
    assert audit.axes_of(rows).varied == pytest.approx([199 / 200, 199 / 200])
