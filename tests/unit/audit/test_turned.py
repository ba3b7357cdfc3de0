"""Axes of a loop's own: by maps that are known, and how often walks are taken to have any."""

import numpy as np
import pytest

from madtheory import audit, metrics
from madtheory.audit import pull, turned
from madtheory.audit.series import Axes


def symmetric(rng, values):
    axes = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    return (axes * values) @ axes.T


def loop(rng, M, n, generations, d):
    """Files of a loop without real data whose models have M S M for a covariance S."""
    x, files = rng.standard_normal((n, d)), []
    for _ in range(generations):
        root = np.linalg.cholesky(np.cov(x, rowvar=False))
        x = x.mean(axis=0) + rng.standard_normal((n, d)) @ root.T @ M
        files.append(x)
    return files


def series_of(files):
    d = files[0].shape[1]
    return audit.series_of(Axes(np.zeros(d), np.eye(d), np.ones(d)), files)


def test_maps_take_covariances_to_each_other():
    rng = np.random.default_rng(0)
    M = np.array([symmetric(rng, rng.uniform(0.3, 1.5, 5)) for _ in range(4)])
    S = np.array([symmetric(rng, rng.uniform(0.1, 9.0, 5)) for _ in range(4)])
    np.testing.assert_allclose(turned.maps(S, M @ S @ M), M, rtol=1e-9, atol=1e-12)


def test_own_axes_are_those_of_the_map_and_grow_by_its_squared_values():
    rng = np.random.default_rng(1)
    M = symmetric(rng, np.array([0.5, 0.8, 1.0, 1.1]))
    S = [symmetric(rng, np.array([4.0, 2.0, 1.0, 0.1]))]
    for _ in range(5):
        S.append(M @ S[-1] @ M)
    vectors, growth = turned.own_axes(np.array(S[:-1]), np.array(S[1:]))
    np.testing.assert_allclose(growth, [2 * np.log([0.5, 0.8, 1.0, 1.1])] * 5, atol=1e-8)
    np.testing.assert_allclose((vectors * [0.5, 0.8, 1.0, 1.1]) @ vectors.T, M, atol=1e-9)


def test_growth_along_own_axes_is_on_average_that_along_the_real_ones():
    """A root of a Wishart matrix is .019 too small here, and variances .038: samples are again."""
    rng, ones = np.random.default_rng(5), np.ones(8)
    walks = [series_of(loop(rng, np.eye(8), 60, 12, 8)) for _ in range(40)]
    found = [pull.pull(x, 0.0, ones, cut=True).growth.mean() for x in walks]
    plain = [pull.pull(x, 0.0, ones).growth.mean() for x in walks]
    assert np.mean(found) == pytest.approx(np.mean(plain), abs=0.01)


def test_walks_are_seldom_cut_and_drifts_across_the_axes_are():
    """At most 5 % by chance: 1.9 standard deviations of sums that are not quite normal."""
    rng = np.random.default_rng(2)
    for n in (60, 400):
        walks = [loop(rng, np.eye(8), n, 10, 8) for _ in range(150)]
        assert sum(turned.are_cut(series_of(x), 8) for x in walks) < 14
    M = symmetric(rng, np.sqrt(np.where(np.arange(8) % 2, 0.8, 1.0)))
    drifts = [loop(rng, M, 400, 10, 8) for _ in range(30)]
    assert all(turned.are_cut(series_of(x), 8) for x in drifts)
    along = np.diag(np.sqrt(np.where(np.arange(8) % 2, 0.8, 1.0)))
    assert sum(turned.are_cut(series_of(loop(rng, along, 400, 10, 8)), 8) for _ in range(30)) < 6


def test_fewer_than_four_files_files_of_few_rows_and_one_axis_are_never_cut():
    rng = np.random.default_rng(3)
    M = symmetric(rng, np.sqrt(np.where(np.arange(6) % 2, 0.5, 1.0)))
    files = loop(rng, M, 900, 8, 6)
    assert turned.are_cut(series_of(files), 6)
    assert not turned.are_cut(series_of(files[:3]), 6)
    assert not turned.are_cut(series_of([*files[:-1], files[-1][:5]]), 6)
    assert not turned.are_cut(series_of(files), 1)


@pytest.mark.parametrize("n", [600, None])
def test_forecasts_go_on_along_the_loops_own_axes(n):
    """FID rises by a fifth in five generations; along real axes alone it was said to rest."""
    rng, d = np.random.default_rng(4), 20
    M = symmetric(rng, np.sqrt(np.where(np.arange(d) % 2, 0.7, 1.0)))
    files = loop(rng, M, 600, 15, d)
    if n:
        files = [rng.multivariate_normal(x.mean(axis=0), np.cov(x.T), n) for x in files]
    real = rng.standard_normal((600, d))
    found = audit.audit(real, files[:10], horizon=5).forecast
    for band, file in zip(found.fid, files[10:], strict=True):
        fid = metrics.fid(real, file).value
        assert band.low < fid < band.high
        assert band.value == pytest.approx(fid, rel=0.12)
