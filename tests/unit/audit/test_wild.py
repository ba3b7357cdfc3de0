"""Directions that few rows vary along: told by rows and by movement, and left out of all noise."""

import dataclasses
import math

import numpy as np
import pytest

from madtheory import audit, metrics
from madtheory.audit import forecast
from madtheory.audit.known import NOTHING
from madtheory.audit.wild import Steps, are_wild


def rows(rng, n, p=0.003, d=10):
    """Gaussian columns, and one that is 3 in a share p of the rows."""
    return np.hstack([rng.standard_normal((n, d)), 3.0 * (rng.random((n, 1)) < p)])


def gaussian(rng, x, n):
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
    F = vectors * np.sqrt(np.maximum(values, 0))
    return x.mean(axis=0) + rng.standard_normal((n, x.shape[1])) @ F.T


def loop(seed, fresh, p=0.003, n=1000, generations=15):
    """REAL and files of Gaussian models, of which `fresh` rows of each training set are real."""
    rng = np.random.default_rng(seed)
    real, x, files = rows(rng, 2 * n, p), rows(rng, n, p), []
    for _ in range(generations):
        files.append(gaussian(rng, x, n))
        x = np.concatenate([gaussian(rng, x, n - fresh), rows(rng, fresh, p)])
    return real, files


def series_of(real, files):
    return audit.series_of(audit.axes_of(real), files)


def forecast_of(real, files):
    axes, series = audit.axes_of(real), series_of(real, files)
    held = audit.infer(series, None, 0.95, 0.02, NOTHING).held
    last = float(np.trace(np.cov(files[-1].T))), metrics.fid(real, files[-1]).value
    return forecast.forecast(real, files, axes, series, held, last, 5, 0.95)


@pytest.mark.parametrize("fresh", [300, 1000])
def test_a_rare_column_leaves_the_forecast_where_files_are(fresh):
    """Its noise was taken for that of all: FID .1 in ten files, 3.5 forecast."""
    held = []
    for seed in range(3):
        real, files = loop(seed, fresh)
        found = forecast_of(real, files[:10])
        truth = [metrics.fid(real, x).value for x in files[10:]]
        held += [b.low <= x <= b.high for b, x in zip(found.fid, truth, strict=True)]
        ratio = np.mean([math.log(b.value / x) for b, x in zip(found.fid, truth, strict=True)])
        assert abs(ratio) < math.log(1.6)
        assert found.fid[0].high < 5 * found.fid[0].low
        assert found.wild
        assert not forecast_of(real[:, :10], [x[:, :10] for x in files[:10]]).wild
    assert np.mean(held) >= 0.9


def test_what_is_wild_does_not_turn_with_columns_or_units():
    """Bands do by as much as paths of other signs differ."""
    real, files = loop(5, 300, generations=6)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((11, 11)))[0]
    first, wild = forecast_of(real, files).fid, are_wild(series_of(real, files), len(real))
    assert wild.tolist() == [False] * 10 + [True]
    for A, error in ((turn, 0.15), (np.eye(11)[::-1], 0.15), (4.0 * np.eye(11), 1e-9)):
        turned = real @ A, [x @ A for x in files]
        assert (are_wild(series_of(*turned), len(real)) == wild).all()
        unit = np.linalg.norm(A[0]) ** 2
        for b, mine in zip(first, forecast_of(*turned).fid, strict=True):
            ends = np.array([(x.low, x.value, x.high) for x in (b, mine)])
            np.testing.assert_allclose(ends[1], unit * ends[0], rtol=error)


# --------------------------------------------------------------------------------- who is wild
def moving(noise, own, real_own, steps=9):
    """Series whose log variances take steps of these variances, up and down by turns."""
    rng = np.random.default_rng(0)
    real = rng.standard_normal((100, len(noise)))
    series = series_of(real, [real + t for t in range(steps + 1)])
    logs = np.cumsum(np.where(np.arange(steps + 1) % 2, 1, -1)[:, None] * np.sqrt(noise), axis=0)
    return dataclasses.replace(
        series,
        log_variance=logs,
        own_noise=np.array(own, dtype=float),
        real_own_noise=np.array(real_own, dtype=float),
    )


def test_directions_are_wild_by_rows_or_by_movement():
    noise, two = np.array([1.0, 1, 1, 1, 1]), np.full(5, 2.0)
    assert not are_wild(moving(noise, two, two), 1000).any()
    # Few real rows: of 1000 fewer than ten vary along the last one.
    rare = are_wild(moving(noise, two, [2, 2, 2, 2, 101]), 1000)
    assert rare.tolist() == [False] * 4 + [True]
    few = moving(noise, two, [2, 2, 2, 2, 99])
    assert not are_wild(few, 1000).any()
    # As many times more than files': not in files of rows of the same tails.
    assert not are_wild(moving(noise, np.full(5, 40.0), [40, 40, 40, 40, 101]), 1000).any()
    # Movement beyond the middle, of squares of real rows that vary more by two and a half times.
    more = noise * [1, 1, 1, 1, 1.1]
    assert are_wild(moving(more, two, [2, 2, 2, 2, 5.1]), 1000).tolist() == [False] * 4 + [True]
    assert not are_wild(moving(more, two, [2, 2, 2, 2, 4.9]), 1000).any()
    # The middle is that of plain ones, and in units of what their files' rows say.
    many, tails = np.repeat([1.0, 1.2, 30.0], [3, 4, 5]), np.repeat([2.0, 6.0], [3, 9])
    assert (
        are_wild(moving(many, np.full(12, 2.0), tails), 1000).tolist() == [False] * 3 + [True] * 9
    )
    own = np.repeat([2.0, 3.0, 2.0], [3, 4, 5])
    told = are_wild(moving(many, own, tails), 1000)
    assert told.tolist() == [False] * 7 + [True] * 5
    # Movement alone tells nothing: loops turn.
    assert not are_wild(moving(noise * [1, 1, 1, 1, 9], two, two), 1000).any()
    # Beside one that few rows have it does, and of many the more as they are told.
    many = np.repeat([1.0, 30.0, 900.0], [6, 4, 2])
    rare = np.repeat([2.0, 200.0], [11, 1])
    told = are_wild(moving(many, np.full(12, 2.0), rare), 1000)
    assert told.tolist() == [False] * 6 + [True] * 6


def test_none_is_wild_where_all_but_one_are_or_little_is_known():
    noise, two = np.ones(5), np.full(5, 2.0)
    assert not are_wild(moving(noise, two, [2, 200, 200, 200, 200]), 1000).any()
    assert are_wild(moving(noise, two, [2, 2, 200, 200, 2]), 1000).sum() == 2
    assert not are_wild(moving(noise[:2], two[:2], [2, 200]), 1000).any()
    known = moving(noise, two, [2, 2, 2, 2, 200])
    assert not are_wild(dataclasses.replace(known, own_noise=None), 1000).any()
    assert not are_wild(dataclasses.replace(known, real_own_noise=None), 1000).any()
    # One step shows no noise; rows do.
    assert are_wild(moving(noise, two, [2, 2, 2, 2, 200], steps=1), 1000).sum() == 1


# --------------------------------------------------------------------------------- what they do
def steps(share, grown, added, paths=4000, turned=(0.0, 0.0)):
    """Of the last two of three axes, which do the same."""
    P = np.ones((paths, 1, 2))
    odds = np.full((paths, len(grown)), 1 / len(grown))
    off = (np.ones((2, 2)) - np.eye(2)) * np.array(turned)[:, None, None]
    return Steps(
        np.array([False, True, True]),
        P * np.array(grown)[:, None],
        P * np.array(added)[:, None],
        np.ones((paths, 1, 1, 1)) * off,
        odds,
        np.full(paths, share),
    )


def test_without_real_data_a_variance_grows_by_a_factor_that_was_seen():
    kept, law = np.full((4000, 3), 0.7), steps(0.0, [math.log(2), math.log(0.5)], [9.0, 9.0])
    pick = law.picked(np.random.default_rng(0))
    found = law.growth(pick, kept, 5 * kept)
    assert (found[:, 0] == 0.7).all()
    np.testing.assert_allclose(found[:, 1], np.where(pick == 0, 2.0, 0.5), rtol=1e-12)
    np.testing.assert_array_equal(found[:, 1], found[:, 2])
    assert (kept == 0.7).all()


def test_real_rows_add_the_variance_that_they_have():
    """To what is left of the old one, which they do not take: nothing grows by a factor."""
    old = np.array([1.0, 8.0, 0.25])
    variance, pick = np.tile(old[:, None], (2, 3)), np.repeat([0, 1], 3)
    law = steps(0.5, [5.0, 5.0], [0.0, 3.0], paths=6)
    found = law.growth(pick, np.ones((6, 3)), variance)[:, 1] * (0.5 + 0.5 * variance[:, 1])
    np.testing.assert_allclose(found, np.tile(old / 2, 2) + 3 * pick, rtol=1e-12)
    # What noise took more than there is leaves a quarter.
    law = steps(0.5, [5.0], [-100.0], paths=1)
    found = law.growth(np.array([0]), np.ones((1, 3)), np.full((1, 3), 8.0))
    assert found[0, 1] * 4.5 == pytest.approx(1.0, rel=1e-12)


def test_correlations_of_wild_axes_move_as_they_were_seen_to():
    A = np.random.default_rng(0).standard_normal((2, 3, 3))
    S, law = A @ A.transpose(0, 2, 1), steps(0.0, [0.0, 0.0], [0.0, 0.0], 2, (0.1, -0.3))
    found = law.correlated(np.array([1, 0]), S)
    for i, more in enumerate((-0.3, 0.1)):
        known = S[i].copy()
        known[1, 2] = known[2, 1] = S[i, 1, 2] + more * math.sqrt(S[i, 1, 1] * S[i, 2, 2])
        np.testing.assert_allclose(found[i], known, rtol=1e-12)


def test_odds_are_those_of_steps():
    law = steps(0.0, [0.0, 1.0], [0.0, 0.0])
    law = law._replace(odds=np.tile([0.25, 0.75], (4000, 1)))
    assert law.picked(np.random.default_rng(0)).mean() == pytest.approx(0.75, abs=0.03)
    # Odds that round to less than 1 in all.
    short = law._replace(odds=np.zeros((4000, 2)))
    assert (short.picked(np.random.default_rng(0)) == 1).all()
