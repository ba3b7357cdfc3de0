"""The squared distance in all directions, from that along the leading ones."""

import numpy as np
import pytest

from madtheory import audit, metrics
from madtheory.audit import whole
from madtheory.audit.forecast import forecast
from madtheory.laws.bures import w2_squared
from madtheory.spectrum import chain_deficit_limit


def covariances(rng, d, generations, n):
    """A walk of fits to n samples, from I."""
    F, out = np.eye(d), []
    for _ in range(generations):
        x = rng.standard_normal((n, d)) @ F.T
        S = np.atleast_2d(np.cov(x, rowvar=False))
        F = np.linalg.cholesky(S + 1e-14 * np.eye(d))
        out.append((x.mean(axis=0), S))
    return out


def parts(mean, S, deviations):
    K = len(deviations)
    fid = w2_squared(np.zeros(K), np.diag(deviations**2), mean[:K], S[:K, :K])
    return whole.parts(mean[:K], np.diag(S)[:K], deviations, np.asarray(fid))


def test_parts_make_the_distance():
    rng = np.random.default_rng(0)
    deviations = np.array([3.0, 1.0, 0.5])
    A, mean = rng.standard_normal((3, 3)), rng.standard_normal(3)
    S = A @ A.T
    found = parts(mean, S, deviations)
    apart = (mean**2).sum() + ((np.sqrt(np.diag(S)) - deviations) ** 2).sum()
    assert float(found.apart) == pytest.approx(apart, rel=1e-12)
    fid = w2_squared(np.zeros(3), np.diag(deviations**2), mean, S)
    assert float(found.fid) == pytest.approx(fid, rel=1e-12)
    # Along the axes of a diagonal covariance nothing is missed.
    assert float(parts(mean, np.diag([1.0, 2.0, 0.0]), deviations).missed) == pytest.approx(0)


def test_parts_of_files_are_those_along_all_axes_of_the_real_set():
    rng = np.random.default_rng(1)
    real, file = rng.standard_normal((40, 6)) * np.arange(1, 7), rng.standard_normal((30, 6)) + 1
    fid = metrics.fid(real, file).value
    values, vectors = np.linalg.eigh(np.cov(real, rowvar=False))
    S = vectors.T @ np.cov(file, rowvar=False) @ vectors
    mean = (file.mean(axis=0) - real.mean(axis=0)) @ vectors
    found, expected = whole.parts_of(real, file, fid), parts(mean, S, np.sqrt(values))
    assert [float(x) for x in found] == pytest.approx([float(x) for x in expected], rel=1e-9)
    assert float(found.fid) == pytest.approx(fid, rel=1e-12)


def test_all_axes_are_themselves():
    x = parts(*covariances(np.random.default_rng(2), 5, 3, 20)[-1], np.ones(5))
    again = whole.extended(x, x, x)
    assert again is not None
    assert [float(v) for v in again] == pytest.approx([float(v) for v in x], rel=1e-4)


def mean_parts(each):
    return whole.Parts(*(np.mean(x, axis=0) for x in zip(*each, strict=True)))


@pytest.mark.parametrize("shrunk", [1.0, 0.9])
def test_a_walk_in_many_directions_from_few_of_them(shrunk):
    """d = 160, n = 400, from 20 directions: noise alone, and with a bias that all have."""
    d, K, now, then = 160, 20, 3, 9
    few, every = [], []
    for seed in range(2):
        walk = covariances(np.random.default_rng(seed), d, then + 1, 400)
        for t in (now, then):
            mean, S = walk[t][0], shrunk ** (t + 1) * walk[t][1]
            at = [slice(k, k + K) for k in range(0, d, K)]
            few.append(mean_parts([parts(mean[k], S[k, k], np.ones(K)) for k in at]))
            every.append(parts(mean, S, np.ones(d)))
    begin, end, all_begin, all_end = map(mean_parts, (few[::2], few[1::2], every[::2], every[1::2]))
    found = whole.extended(end, begin, all_begin)
    assert found is not None
    truth = float(all_end.fid)
    assert float(found.fid) == pytest.approx(truth, rel=0.03)
    assert float(end.fid * all_begin.fid / begin.fid) > 1.2 * truth  # in proportion
    # The law that what is missed goes by.
    deficit = chain_deficit_limit(d, np.array([then + 1]), first=399, later=399)
    assert float(all_end.missed) == pytest.approx(float(deficit[0]), rel=0.02)


def test_a_part_that_is_not_there_says_nothing_of_all():
    nothing = whole.Parts(*(np.asarray(v) for v in (0.3, 1.0, 0.0)))
    something = nothing._replace(missed=np.asarray(0.1))
    assert whole.extended(something, nothing, something) is None
    assert whole.extended(something, something._replace(apart=np.asarray(0.0)), something) is None


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_band_holds_what_comes_in_two_hundred_directions(seed):
    """Bias .9: in proportion to 24 axes the distance came out above all of ten files to come."""
    rng, d, n = np.random.default_rng(seed), 200, 1500
    scales = 1 / np.sqrt(np.arange(1, d + 1))
    x, files = rng.standard_normal((n, d)) * scales, []
    real = rng.standard_normal((n, d)) * scales
    for _ in range(11):
        F = np.linalg.cholesky(np.cov(x, rowvar=False))
        x = x.mean(axis=0) + np.sqrt(0.9) * rng.standard_normal((n, d)) @ F.T
        files.append(x)
    seen = files[:6]
    axes = audit.axes_of(real)
    series = audit.series_of(axes, seen)
    held = audit.infer(series, None, 0.95, 0.02).held
    last = (float(np.trace(np.cov(seen[-1], rowvar=False))), metrics.fid(real, seen[-1]).value)
    found = forecast(real, seen, axes, series, held, last, 5, 0.95)
    truth = [metrics.fid(real, file).value for file in files[6:]]
    assert all(b.low < t < b.high for b, t in zip(found.fid, truth, strict=True))
