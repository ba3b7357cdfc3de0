"""The audit: its series and tests against brute force, its laws, and bad input."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from madtheory import audit, metrics
from madtheory.audit import anchor, drift, forecast, inference
from madtheory.audit import series as series_
from madtheory.audit.scoring import scored
from madtheory.metrics.frechet import own_error
from madtheory.results import Interval
from madtheory.spectrum import baseline
from madtheory.theory.distance import second_order_limit
from madtheory.theory.worth import (
    admissible_n_synth_limit,
    effective_interval,
    effective_sample_size,
)


def collapse(rng, bias=0.8, n=300, dim=5, generations=6, start=None):
    """Files of a Gaussian fully synthetic loop, each the next training set."""
    x, files = rng.standard_normal((n, dim)) if start is None else start, []
    for _ in range(generations):
        S = np.linalg.cholesky(np.cov(x, rowvar=False))
        x = x.mean(axis=0) + math.sqrt(bias) * rng.standard_normal((n, dim)) @ S.T
        files.append(x)
    return files


def independent(rng, n=3000, dim=8, generations=10):
    return [rng.standard_normal((n, dim)) for _ in range(generations)]


RNG = np.random.default_rng(3)
REAL = RNG.standard_normal((300, 5))
FILES = collapse(RNG)


@pytest.fixture(scope="module")
def found():
    return audit.audit(REAL, FILES)


# ------------------------------------------------------------------------------- series, by hand
def series(files, real=REAL):
    return audit.series_of(audit.axes_of(real), files)


def test_series_are_those_of_the_covariances_along_the_axes():
    s, axes = series(FILES), audit.axes_of(REAL)
    values = np.linalg.eigvalsh(np.cov(REAL, rowvar=False))
    np.testing.assert_allclose(axes.scales, np.sqrt(values[::-1]), rtol=1e-12)
    for t, x in enumerate(FILES):
        y = (x - REAL.mean(axis=0)) @ axes.vectors / axes.scales
        S = np.cov(y, rowvar=False)
        np.testing.assert_allclose(s.covariances[t], S, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(s.log_variance[t], np.log(np.diag(S)), rtol=1e-9)
        np.testing.assert_allclose(s.means[t], y.mean(axis=0), rtol=1e-9)
        z = np.arctanh(np.corrcoef(y, rowvar=False)[np.triu_indices(5, 1)])
        np.testing.assert_allclose(s.shapes[t, :10], z, rtol=1e-8, atol=1e-12)
        logs = np.log(np.diag(S))
        np.testing.assert_allclose(s.shapes[t, 10:], (logs - logs.mean()) / math.sqrt(2), 1e-8)
        assert s.scale[t] == pytest.approx(np.trace(S) / 5, rel=1e-12)


def test_overlap_against_the_influences_written_out():
    z = np.random.default_rng(0).standard_normal((50, 4)) ** 3
    i, j = np.triu_indices(4, 1)
    squares = z**2 - (z**2).mean(axis=1, keepdims=True)
    a = np.hstack([z[:, i] * z[:, j], squares / math.sqrt(2)])
    products = a @ a.T
    variance = np.trace(products) / 50 / 9  # nine entries are free
    off = products[~np.eye(50, dtype=bool)]
    overlap = (off**2).mean() / (np.trace(products) / 50) ** 2
    np.testing.assert_allclose(series_._overlap(z), (variance, overlap), rtol=1e-10)


def test_gaussian_rows_have_the_noise_of_gaussian_theory():
    # 20,000 rows: standard errors of the two noises are .4 % and .7 %; the counts' own noise less.
    s = series([np.random.default_rng(1).standard_normal((20_000, 5))])
    assert s.log_noise == pytest.approx(2, rel=0.018)
    assert s.sharing == pytest.approx(1 / 5, rel=0.03)
    # The axes' scales come from 300 real rows: directions count by their variances seen so.
    values = np.linalg.eigvalsh(np.cov(REAL, rowvar=False))
    weights = 1 / values
    assert s.mean_count == pytest.approx(weights.sum() ** 2 / np.square(weights).sum(), rel=0.003)


def test_wide_and_small_sets_use_fewer_axes():
    rng = np.random.default_rng(0)
    assert audit.axes_of(rng.standard_normal((40, 100))).scales.size == 10
    assert audit.axes_of(rng.standard_normal((4000, 200))).scales.size == 128
    flat = rng.standard_normal((100, 3)) * [1, 1, 0]
    assert audit.axes_of(flat).scales.size == 2


# -------------------------------------------------------------------------------- tests, by hand
@pytest.mark.parametrize("keep", [0.0, 0.4, 1.0])
def test_walk_is_the_covariance_of_the_recursion(keep):
    steps, T = np.array([1.0, 0.5, 2.0, 0.25]), 4
    A = np.zeros((T, T))  # x = A noise, row by row
    for t in range(T):
        A[t] = keep * A[t - 1] if t else 0
        A[t, t] += 1
    expected = A @ np.diag(steps) @ A.T
    np.testing.assert_allclose(anchor.walk(keep, steps), expected, rtol=1e-14)


def test_deviance_is_the_gaussian_likelihood():
    rng = np.random.default_rng(2)
    parts = anchor.components(0.7, np.ones(4), np.full(4, 0.3), 0.1)
    weights, x = np.array([0.5, 0.2, 0.1, 0.9, 0.6]), rng.standard_normal((4, 6))
    value, _ = scored(parts, x @ x.T / 6, weights, weights, weights)  # no room to move
    V = np.tensordot(weights, parts, 1)
    exact = -stats.multivariate_normal(cov=V).logpdf(x.T).mean() - 2 * math.log(2 * math.pi)
    assert value == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("m", [1.0, 3.5, 1000.0, 1.9e6, 2.1e6, 1e9])
def test_training_size_inverts_the_variance_of_a_step(m):
    step = float(special.polygamma(1, m / 2))
    assert drift.training_size(step) == pytest.approx(m, rel=1e-9)
    if m < 1e6:  # the plain difference cancels beyond
        correction = math.log(m / 2) - float(special.digamma(m / 2))
        assert drift.size_correction(m) == pytest.approx(correction, rel=1e-9)


def test_no_noise_between_generations_means_endless_training_sets():
    assert math.isinf(drift.training_size(0.0))
    assert drift.size_correction(math.inf) == 0


def walks(log_variance, sharing=0.25):
    """Series that hold given log variances and nothing else."""
    T, K = log_variance.shape
    one = np.ones(T)
    return series_.Series(
        log_variance, np.zeros((T, K)), np.zeros((T, 1)), np.zeros((T, K, K)), one, 100 * one,
        2.0, sharing, one, float(K), 1.0,
    )  # fmt: skip


def test_drift_of_a_walk_through_noise():
    # A thousand directions: q = .04 and r = .01 are found to about 5 % (no shared noise).
    rng = np.random.default_rng(4)
    walk = np.cumsum(-0.1 + 0.2 * rng.standard_normal((9, 1000)), axis=0)
    seen = walk + 0.1 * rng.standard_normal(walk.shape)
    found = drift.drift(walks(seen, sharing=1e-3))
    assert found.spread == pytest.approx(0.06, rel=0.05)
    assert found.step == pytest.approx(0.04, rel=0.1)
    # Exact variance of (last - first)/8: (8 q + 2 r)/64 over 1000.
    assert found.error == pytest.approx(math.sqrt((8 * 0.04 + 2 * 0.01) / 64 / 1000), rel=0.08)
    assert abs(found.value + 0.1) < 4 * found.error


def test_curve_test_tells_a_bend_from_a_line():
    t = np.arange(8)[:, None]
    line = np.repeat(t * math.log(0.8), 4, axis=1)
    share, bias = 0.3, 0.7

    def bent(start):
        c = [start]
        for _ in range(7):
            c.append(bias * (share + (1 - share) * c[-1]))
        return np.repeat(np.log(c)[:, None], 4, axis=1)

    bend = bent(1.0)
    noise = drift.Drift(0.0, 0.0, 50.0, 1e-4, 1e-4, 0.25, 0.0)
    assert anchor.curve_p_value(walks(line), noise, 0.1) < 1e-6
    assert anchor.curve_p_value(walks(bend), noise, 0.1) > 1 - 1e-6
    # At its own share the contrast is exactly zero, wherever the first file lies.
    for start in (1.0, 0.1, 3.0):
        p = anchor.curve_p_value(walks(bent(start)), noise, share)
        assert p == pytest.approx(0.5, abs=1e-6)


# ----------------------------------------------------------------------------------- the result
def test_metrics_are_those_of_the_metrics_module(found):
    for x, g in zip(FILES, found.generations, strict=True):
        both = metrics.precision_recall(REAL, x)
        assert g.fid == metrics.fid(REAL, x)
        assert (g.precision, g.recall) == (both.precision, both.recall)
        assert g.trace.value == pytest.approx(np.trace(np.cov(x, rowvar=False)), rel=1e-12)
        assert g.trace.low < g.trace.value < g.trace.high


def test_a_collapsing_loop_is_found_with_its_rate_and_bias(found):
    assert found.verdict == "mad"
    assert found.p_value <= found.error_rate == 0.02
    m = 299
    rate = math.log(0.8) + float(special.digamma(m / 2)) - math.log(m / 2)
    assert found.rate.low < rate < found.rate.high
    assert found.bias.low < 0.8 < found.bias.high
    assert found.bias.value > math.exp(found.rate.value)
    assert 100 < found.training_size < 1000


def test_known_training_sizes_set_the_correction():
    known = audit.audit(REAL, FILES, n_synth=300)
    correction = math.log(299 / 2) - float(special.digamma(299 / 2))
    assert known.bias.value == pytest.approx(math.exp(known.rate.value + correction), rel=1e-12)
    assert known.training_size == 300
    each = audit.audit(REAL, FILES, n_synth=[7] + [300] * 5)  # what made generation 1 is no step
    assert each.bias == known.bias


def test_worth_of_the_last_generation(found):
    distance = metrics.fid_unbiased(REAL, FILES[-1])
    values = np.linalg.eigvalsh(np.cov(REAL, rowvar=False))
    ends = effective_interval(Interval(distance.low, distance.high), values)
    assert found.n_eff.value == pytest.approx(
        effective_sample_size(distance.value, values), rel=1e-9
    )
    # The interval has the error of the baseline at these eigenvalues, too.
    apart = audit.audit(REAL, FILES, apart=True).n_eff
    assert [apart.low, apart.high] == pytest.approx([ends.lower, ends.upper], rel=1e-9)
    assert (found.n_eff.value, found.n_eff.high) == (apart.value, apart.high)
    # Where nothing is known generations may share REAL's error.
    own = 2 * max(float(baseline(len(REAL), values).value), own_error(REAL))
    shared = effective_interval(Interval(distance.low, distance.high + own), values)
    assert found.n_eff.low == pytest.approx(shared.lower, rel=1e-9)
    assert found.n_eff.low < effective_sample_size(distance.high, values)
    assert found.n_eff.low < found.n_eff.value < found.n_eff.high


def test_forecast_goes_on_as_the_loop_does(found):
    assert found.forecast.generations == (7, 8, 9, 10, 11)
    # The loop itself, carried on 1,000 times: the band holds 95 % of it, less two deviations of
    # what a band set on six generations may be off by, and is no more than six times as wide.
    rng, ahead = np.random.default_rng(1), []
    for _ in range(1000):
        files = collapse(rng, generations=5, start=FILES[-1])
        ahead.append([np.trace(np.cov(x, rowvar=False)) for x in files])
    for band, traces in zip(found.forecast.trace, np.array(ahead).T, strict=True):
        assert ((band.low < traces) & (traces < band.high)).mean() >= 0.93
        low, high = np.log(np.quantile(traces, [0.025, 0.975]))
        assert math.log(band.high / band.low) < 6 * (high - low)
    assert (np.diff([band.value for band in found.forecast.trace]) < 0).all()
    assert found.forecast.fid[-1].value > found.generations[-1].fid.value


def test_independent_models_are_not_mad():
    rng = np.random.default_rng(0)
    found = audit.audit(rng.standard_normal((3000, 8)), independent(rng), horizon=2)
    assert found.verdict == "not_mad"
    assert found.p_value_walk <= 0.02 < found.p_value
    assert found.rate.low < 0 < found.rate.high
    # Held: the next file's total variance is that of the real data, 8 +- .3.
    assert found.forecast.trace[1].low < 8 < found.forecast.trace[1].high
    assert found.forecast.trace[1].high - found.forecast.trace[1].low < 2


def test_units_and_rotations_change_nothing(found):
    Q = np.linalg.qr(np.random.default_rng(5).standard_normal((5, 5)))[0]
    moved = audit.audit(REAL @ Q * 1e3 + 7, [x @ Q * 1e3 + 7 for x in FILES])
    # The likelihoods are maximised to about 1e-5.
    assert moved.p_value == pytest.approx(found.p_value, rel=1e-2)
    assert moved.rate.value == pytest.approx(found.rate.value, rel=1e-9)
    assert moved.rate.high == pytest.approx(found.rate.high, rel=1e-6)
    assert moved.bias.low == pytest.approx(found.bias.low, rel=1e-6)
    assert moved.training_size == pytest.approx(found.training_size, rel=1e-6)


def test_the_same_twice(found):
    assert audit.audit(REAL, FILES) == found


@pytest.mark.parametrize("T", [1, 2])
def test_too_few_generations_give_no_verdict(T):
    found = audit.audit(REAL, FILES[:T])
    assert (found.verdict, found.p_value) == ("undecided", 1.0)
    assert found.reason == f"3 generations at least are needed, got {T}"
    assert (found.rate is None) == (T == 1)


def test_a_lost_direction_is_collapse():
    lost = [*FILES[:3], np.full((300, 5), 2.0)]
    found = audit.audit(REAL, lost)
    assert found.verdict == "mad"
    assert found.p_value <= 0.02
    # One of five directions lacks 300 MARGIN new real rows, of which all but one vary, once.
    given = audit.audit(REAL, lost, n_synth=300)
    varied = 1 - 1 / len(REAL)
    assert given.p_value == pytest.approx(5 * (1 - varied * (1 - math.exp(-1))) ** 30, rel=1e-9)
    assert found.reason.endswith("loses all variance by generation 4")
    assert found.rate.value == -math.inf
    assert found.bias.value == 0
    assert found.forecast.trace[-1].value == 0
    # Collapsed from the start, or only for a while: no verdict. Equal collapsed files are no error.
    point = np.full((300, 5), 2.0)
    assert audit.audit(REAL, [point] * 3).verdict == "undecided"
    assert audit.audit(REAL, [FILES[0], point, FILES[1]]).verdict == "undecided"


def words(rng, n, weights):
    return np.eye(len(weights))[rng.choice(len(weights), size=n, p=weights)][:, :-1]


@pytest.mark.parametrize(
    ("share", "lacking", "verdict"),
    [(0.25, 1, "undecided"), (0.25, 4, "mad"), (0.05, 12, "undecided")],
)
def test_a_rare_word_that_files_lack_may_come_back(share, lacking, verdict):
    # Files of 200 show 20 real rows each, which lack the word with (1 - share)^20.
    rng = np.random.default_rng(8)
    real, *files = (
        np.column_stack([np.arange(n) < round(n * p), rng.standard_normal(n)])
        for n, p in [(400, share), *[(200, share)] * 3, *[(200, 0.0)] * lacking]
    )
    # The columns are the axes: without correlation.
    word = real[:, 0] > 0
    for rows in (word, ~word):
        real[rows, 1] -= real[rows, 1].mean()
    found = audit.audit(real, files, n_synth=200)
    by_hand = 2 * (1 - share * (1 - math.exp(-lacking))) ** 20
    assert found.p_value == pytest.approx(min(1.0, by_hand), rel=1e-9)
    assert found.verdict == verdict
    # Files of more rows than the training sets show no more of them: the size is taken.
    assert audit.audit(real, files, n_synth=20).verdict == "undecided"


def test_training_rows_are_those_of_the_files_or_fewer_if_means_move_by_more():
    rng = np.random.default_rng(9)
    files = [rng.standard_normal((5000, 5)) + 0.1 * rng.standard_normal(5) for _ in range(40)]
    series = audit.series_of(audit.axes_of(REAL), [*files, np.full((300, 5), 2.0)])
    rows = inference.training_rows
    # Moves of variance 2 (1/100 + 1/5000): 195 of them, a factor of 1.5 is five deviations.
    assert 49 / 1.5 < rows(series, None, 40) < 49 * 1.5
    assert (rows(series, None, 2), rows(series, [7, 9], 40)) == (300, 7)
    # Means that move by less say nothing of more rows than there are.
    still = dataclasses.replace(series, means=0.01 * series.means)
    assert rows(still, None, 40) == 300


def test_wide_features_with_few_rows():
    rng = np.random.default_rng(6)
    found = audit.audit(rng.standard_normal((30, 60)), collapse(rng, n=80, dim=60, generations=3))
    # Nothing real enters: that is not refuted, and the verdict says what the p-values do.
    assert found.p_value_walk > 0.02
    assert found.verdict == ("mad" if found.p_value <= 0.02 else "undecided")
    # Two steps along 30/4 axes, each of variance psi'(79/2); 13 degrees of freedom or so.
    rate = math.log(0.8) + float(special.digamma(79 / 2)) - math.log(79 / 2)
    assert found.rate.low < rate < found.rate.high
    half = stats.t.ppf(0.975, 13) * math.sqrt(float(special.polygamma(1, 79 / 2)) / 14)
    # Its square is a chi-square over its 13 degrees of freedom: the ends of level 1e-4.
    scale = ((found.rate.high - found.rate.value) / half) ** 2
    assert stats.chi2.ppf(1e-4, 13) / 13 < scale < stats.chi2.isf(1e-4, 13) / 13


def test_one_dimension():
    found = audit.audit(REAL[:, :1], [x[:, :1] for x in FILES])
    assert math.isfinite(found.p_value)
    two = audit.audit(REAL[:, :1], [x[:, :1] for x in FILES[:2]])
    assert (two.rate.low, two.rate.high) == (-math.inf, math.inf)
    # Two files of one direction say nothing of noise: no size, no correction, nothing to bound.
    for known in ({}, {"n_real": 0}):
        two = audit.audit(REAL[:, :1], [x[:, :1] for x in FILES[:2]], **known)
        assert two.bias.value == pytest.approx(math.exp(two.rate.value), rel=1e-12)
        assert two.bias.value == pytest.approx(two.directions.bands[0].bias.value, rel=1e-12)
        assert (two.training_size, two.power) == (math.inf, None)
        assert (two.fresh_data.n_synth, two.fresh_data.required_n_real) == (None, None)


def test_huge_and_tiny_features():
    for unit in (2.0**400, 2.0**-400):
        found = audit.audit(REAL * unit, [x * unit for x in FILES])
        assert found.verdict == "mad"
        assert found.generations[0].trace.value > 0


# ------------------------------------------------------------------------------------ fresh data
def test_fresh_data_that_holds_the_distance(found):
    fresh = found.fresh_data
    assert fresh.bias == found.bias.value
    assert fresh.n_synth == round(found.training_size)
    assert fresh.admissible_n_synth == admissible_n_synth_limit(fresh.bias, 5)
    target = metrics.fid_unbiased(REAL, FILES[-1]).value / np.trace(np.cov(REAL, rowvar=False))

    def distance(n_real):
        parts = Fraction(n_real), Fraction(fresh.n_synth), Fraction(fresh.bias)
        return second_order_limit(5, *parts) / 5

    assert distance(fresh.required_n_real) <= target < distance(fresh.required_n_real - 1)


def test_known_real_rows_are_not_counted_as_synthetic_ones():
    found = audit.audit(REAL, FILES, n_synth=80, n_real=40)
    assert found.training_size == 120
    assert found.fresh_data is not None
    assert found.fresh_data.n_synth == 80
    # Where synthetic rows pile up too: the mean of those of generation 2 on.
    pile = audit.audit(REAL, FILES, n_synth=[80 * t for t in range(1, len(FILES) + 1)], n_real=40)
    later = [80 * t for t in range(2, len(FILES) + 1)]
    assert pile.training_size == np.mean(later) + 40
    assert pile.fresh_data.n_synth == np.mean(later)
    # And where a direction is lost.
    lost = audit.audit(REAL, [*FILES[:3], np.full((300, 5), 2.0)], n_synth=200)
    assert (lost.training_size, lost.fresh_data.n_synth) == (200, 200)


def test_no_fresh_data_holds_an_unreachable_distance():
    assert forecast.required_n_real(2, 10, 0.5, 1e-12) is None


def balanced_classes():
    """Five classes, as many rows of each, beside two columns: four axes of one variance."""
    rng = np.random.default_rng(4)
    real, files, p = np.eye(5)[np.repeat(np.arange(5), 30)], [], np.full(5, 0.2)
    for t in range(8):
        hot = np.eye(5)[rng.choice(5, 150, p=p)]
        files.append(np.hstack([hot, 0.9**t * rng.standard_normal((150, 2))]))
        p = hot.mean(axis=0)
    return np.hstack([real, rng.standard_normal((150, 2))]), files


def test_axes_of_one_variance_turn_with_the_columns():
    """p-values went from .008 to .027 with the order of the columns, and another unit did too."""
    real, files = balanced_classes()
    plain = audit.audit(real, files, n_real=0, n_synth=150)
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((7, 7)))[0]
    for change in (np.eye(7)[[4, 1, 6, 0, 2, 5, 3]], 3 * np.eye(7), turn):
        moved = audit.audit(real @ change, [x @ change for x in files], n_real=0, n_synth=150)
        assert moved.verdict == plain.verdict
        assert moved.p_value == pytest.approx(plain.p_value, rel=1e-6)
        assert moved.p_value_walk == pytest.approx(plain.p_value_walk, rel=1e-6)
        assert moved.rate.value == pytest.approx(plain.rate.value, rel=1e-9)
    axes = audit.axes_of(real)
    np.testing.assert_allclose(axes.vectors.T @ axes.vectors, np.eye(len(axes.scales)), atol=1e-12)
    variances = np.diagonal(axes.vectors.T @ np.cov(real.T) @ axes.vectors)
    np.testing.assert_allclose(variances, np.square(axes.scales), rtol=1e-9)


def test_equal_rows_whose_mean_rounds_are_no_real_data():
    real = np.full((60, 3), [0.1, 0.3, 0.4])
    assert np.abs(real - real.mean(axis=0)).max() > 0
    with pytest.raises(ValueError, match="real must have rows that differ, got no variance"):
        audit.audit(real, [np.random.default_rng(t).standard_normal((60, 3)) for t in range(3)])


# ------------------------------------------------------------------------------------- bad input
BAD = {
    "real must be finite": (np.full((10, 2), np.nan), [REAL]),
    "real must have at least 6 rows, got 5": (REAL[:5], FILES),
    "real must have rows that differ, got no variance": (np.ones((9, 5)), FILES),
    r"generations\[1\] must have 5 columns like real, got 4": (REAL, [FILES[0], FILES[1][:, :4]]),
    r"generations\[0\] must have at least 6 rows": (REAL, [FILES[0][:5]]),
    r"generations\[0\] must be finite": (REAL, [np.full((10, 5), np.inf)]),
    "generations must hold at least one set": (REAL, []),
    r"generations\[2\] must be a set of its own, got the rows of generations\[1\]": (
        REAL,
        [*FILES[:2], FILES[1].copy()],
    ),
    r"generations\[0\] must be a set of its own, got the rows of real": (REAL, [REAL, FILES[0]]),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_sets(message):
    real, generations = BAD[message]
    with pytest.raises(ValueError, match=message):
        audit.audit(real, generations)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, "k must be at least 1, got 0"),
        ({"level": 1.0}, ValueError, "level must be a finite number in"),
        ({"alpha": 0.7}, ValueError, "alpha must be a finite number in"),
        ({"horizon": 0}, ValueError, "horizon must be at least 1, got 0"),
        ({"n_synth": 1}, ValueError, "n_synth must be at least 2, got 1"),
        ({"n_synth": [9, 9]}, ValueError, "n_synth must hold one size a generation, 6, got 2"),
        ({"n_synth": 2.5}, TypeError, "n_synth must be an integer, got 2.5"),
        ({"apart": "no"}, TypeError, "apart must be True or False, got 'no'"),
        ({"memory": pd.NA}, TypeError, "memory must be an integer, got <NA>"),
        ({"names": math.nan}, TypeError, "names must be a list of words, one a generation, got n"),
        ({"names": "abcdef"}, TypeError, "names must be a list of words, one a generation, got '"),
        ({"names": set("abcdef")}, TypeError, "names must be a list of words, one a generation"),
        ({"names": dict.fromkeys("abcdef")}, TypeError, "names must be a list of words, one a gen"),
        ({"names": ["a", "b"]}, ValueError, "names must hold 6 names, got 2"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        audit.audit(REAL, FILES, **options)


def test_files_out_of_order_or_twice_are_refused():
    with pytest.raises(ValueError, match=r"successive, got g3\.npy right after g1\.npy"):
        audit.audit(REAL, FILES[:2], names=["g1.npy", "g3.npy"])
    with pytest.raises(ValueError, match="b must be a set of its own, got the rows of a"):
        audit.audit(REAL, [FILES[0], FILES[0].copy()], names=["a", "b"])
