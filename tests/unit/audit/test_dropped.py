"""Directions that models drop anew each time, across REAL's axes: a PCA of equal variances.

Read as a course that real data take back, their distance had fallen to half: 0 to 4 % of next files
were in the band.
"""

from dataclasses import replace

import numpy as np
import pytest

from madtheory.audit import dropped
from madtheory.audit.series import axes_of, series_of
from madtheory.metrics import fid
from tests.unit.audit.foreseen import dropping, foreseen, principal


@pytest.mark.parametrize("rest", [0.05, 0.0])
def test_the_distance_of_what_is_dropped_goes_on(rest):
    hits = 0
    for seed in range(3):
        real, files = dropping(seed, rest=rest)
        ahead = foreseen(real, files[:8])
        assert ahead.low_rank
        assert ahead.generations == (9, 10, 11, 12, 13)
        for band, total, file in zip(ahead.fid, ahead.trace, files[8:], strict=True):
            hits += band.low <= fid(real, file).value <= band.high
            assert total.low <= file.var(axis=0, ddof=1).sum() <= total.high
            assert band.high < 1.4 * band.low
    assert hits >= 14  # of 15; 0 held


def kept(real, files, **changed):
    axes = axes_of(real)
    return dropped.kept(axes, replace(series_of(axes, files), **changed))


def test_what_is_kept_is_where_the_files_vary():
    real, files = dropping(0, rest=0.0, files=6)
    got = kept(real, files)
    assert got.shape == (12, 9)
    np.testing.assert_allclose(got.T @ got, np.eye(9), atol=1e-12)
    together = np.mean([np.cov(x.T) for x in files[1:]], axis=0)
    assert np.linalg.eigvalsh(got.T @ together @ got)[0] > 0.5
    lost = np.eye(12) - got @ got.T
    assert np.trace(lost @ together) < 0.05 * 3
    # Real rows before the models' do not hide it; other units move nothing.
    assert kept(real, [real[:400], *files]).shape == (12, 9)
    scales = np.geomspace(1, 50, 12)
    other = np.linalg.svd(kept(real * scales, [x * scales for x in files]))[0][:, 9:]
    units = np.multiply.outer(scales, scales)
    left, whole = other.T @ (together * units) @ other, other.T @ (np.cov(real.T) * units) @ other
    assert np.trace(np.linalg.solve(whole, left)) < 0.05 * 3


def test_what_all_models_have_is_dropped_by_none():
    real, files = dropping(0, rest=0.0, files=6)
    whole = dropping(1, keep=12, files=6)[1]
    assert kept(real, whole) is None
    # One that dies later, what each loses elsewhere, and a direction that stays where it is.
    assert kept(real, [*whole[:5], files[5]]) is None
    assert kept(real, [*files[:1], *files, *files]) is not None
    assert kept(real, [*whole[:2], *files, *files]) is None
    rng = np.random.default_rng(2)
    anew = [principal(rng, rng.standard_normal((400, 12)), 400, keep=9, rest=0.0) for _ in range(6)]
    assert kept(real, anew) is None
    assert kept(real, [x * np.where(np.arange(12) < 3, 0.05, 1.0) for x in whole]) is None
    assert kept(real, [x * (np.arange(12) > 2) for x in whole]) is None
    # Few rows, two files, and axes that are not all.
    assert kept(real, files, rows=np.full(6, 24.0)) is None
    assert kept(real, files, rows=np.full(6, 25.0)) is not None
    assert kept(real, files[:2]) is None
    assert kept(real[:40], files) is None


def test_small_variances_that_are_all_alike_are_dropped_by_none():
    """A spectrum without a gap: rows are few for their directions."""
    real, files = dropping(0, rest=0.0, files=6, n=150)
    assert kept(real, files) is not None
    S = series_of(axes_of(real), files).covariances
    values, vectors = np.linalg.eigh(S[1:].mean(axis=0))
    S = S + np.multiply.outer(vectors[:, 3], vectors[:, 3]) * (0.2 - values[3])
    assert kept(real, files, covariances=S) is None
