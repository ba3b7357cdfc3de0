"""Directions of which a model has next to nothing from the first file on: a PCA, a small decoder.

What is there is a tilt of the others, and jumps from fit to fit. Taken for the noise of a training
set of four rows, it had put the whole band above every distance seen (0 to 14 % of files in it).
"""

from dataclasses import replace

import numpy as np
import pytest

from madtheory.audit import forecast
from madtheory.audit.known import NOTHING
from madtheory.audit.series import axes_of, series_of
from madtheory.audit.wild import are_wild
from madtheory.metrics import fid
from tests.unit.audit.foreseen import foreseen


def principal(rng, x, rank, n, rest, dtype=np.float64):
    """Samples of the leading components of a fit, and of noise beside them."""
    values, vectors = np.linalg.eigh(np.cov(x.T))
    kept = vectors[:, -rank:] * np.sqrt(values[-rank:])
    drawn = x.mean(axis=0) + rng.standard_normal((n, rank)) @ kept.T
    return (drawn + rest * rng.standard_normal((n, x.shape[1]))).astype(dtype).astype(float)


def loop(seed, dim=6, rank=3, small=1e-3, rest=0.0, dtype=np.float32, files=13, n=400):
    """Real rows, and files of models fitted to real data anew each time."""
    rng = np.random.default_rng([40, seed])
    turned = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    scales = np.r_[np.ones(rank), np.full(dim - rank, small)]

    def real(count):
        return (rng.standard_normal((count, dim)) * scales) @ turned.T

    return real(1000), [principal(rng, real(n), rank, n, rest, dtype) for _ in range(files)]


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"small": 0.1, "rest": 1e-3, "dtype": np.float64},
        {"dim": 24, "rank": 8, "small": 0.1, "rest": 1e-3, "dtype": np.float64},
    ],
    ids=["rounded", "noisy decoder", "24 dimensions"],
)
def test_the_band_holds_next_files_and_is_near_those_seen(kind):
    hits = 0
    for seed in range(4):
        real, files = loop(seed, **kind)
        ahead = foreseen(real, files[:8])
        assert not ahead.low_rank
        seen = [fid(real, x).value for x in files[:8]]
        assert ahead.fid[0].value < 2 * max(seen)
        for band, file in zip(ahead.fid, files[8:], strict=True):
            hits += band.low <= fid(real, file).value <= band.high
    assert hits >= 18  # of 20; 0 held


def held(seed, files=13, n=400):
    """Real rows, the first training set, and files of three components, .3 of them fresh."""
    rng = np.random.default_rng([42, seed])
    scales = np.array([1.0, 1.0, 1.0, 0.3, 0.3, 0.3])
    real, x = (rng.standard_normal((count, 6)) * scales for count in (1000, n))
    out = [x]
    for _ in range(files - 1):
        values, vectors = np.linalg.eigh(np.cov(x.T))
        deviations = np.sqrt(values) * [0.01, 0.01, 0.01, 1, 1, 1]
        out.append(x.mean(axis=0) + rng.standard_normal((n, 6)) * deviations @ vectors.T)
        x = np.concatenate([out[-1][:280], rng.standard_normal((120, 6)) * scales])
    return real, out


def test_a_first_file_of_real_rows_hides_nothing():
    """Generation 0 has these directions: the band lay above every distance seen, 49 % held."""
    hits = 0
    for seed in range(4):
        real, files = held(seed)
        ahead = foreseen(real, files[:8])
        assert ahead.fid[0].value < 1.3 * max(fid(real, x).value for x in files[:8])
        for band, file in zip(ahead.fid, files[8:], strict=True):
            hits += band.low <= fid(real, file).value <= band.high
    assert hits >= 18  # of 20


def never_had(relative):
    """Of log variances (T, K) relative to the real ones."""
    series = series_of(*_some())
    return forecast._never_had(replace(series, log_variance=np.log(np.array(relative)))).tolist()


def _some():
    rng = np.random.default_rng(0)
    real = rng.standard_normal((200, 3)) * [3.0, 2.0, 1.0]
    return axes_of(real), [rng.standard_normal((100, 3)) for _ in range(3)]


def test_it_is_from_the_first_file_on_and_usual():
    assert never_had([[1, 1, 0.2], [1, 1, 0.04], [1, 1, 0.04]]) == [False, False, True]
    assert never_had([[1, 1, 0.3], [1, 1, 0.04], [1, 1, 0.04]]) == [False] * 3  # it dies
    assert never_had([[1, 1, 0.2], [1, 1, 0.06], [1, 1, 0.04]]) == [False] * 3
    assert never_had([[1, 1, 0.04], [1, 1, 0.9], [1, 1, 0.04]]) == [False, False, True]
    assert never_had([[1e-4, 1e-4, 1e-4]] * 3) == [False] * 3  # all alike: the loop's scale
    assert never_had([[100, 1, 1]] * 3) == [False] * 3  # correlations lost: more than is real
    assert never_had([[100, 1, 0.01]] * 3) == [False, False, True]


def test_what_the_second_file_has_lost_and_later_ones_hardly_more_is_never_had():
    def along(*values):
        return never_had([[1, 1, x] for x in values])[2]

    assert along(1, 0.02, 0.01, 0.02)
    assert along(1, 0.04, 0.03, 0.0018)  # by less than at once, on average of the last two
    assert not along(1, 0.04, 0.03, 0.00005)
    assert not along(1, 0.04, 0.0016, 0.000064)  # it dies
    assert not along(1, 0.06, 0.01, 0.01)
    assert not along(1, 0.02, 0.01)  # two steps tell no course
    assert not along(1, 0.02, 0.5, 0.5)


def test_where_few_rows_vary_along_some_directions_none_is_asked_for(monkeypatch):
    """Files have little of these by chance: total variance held 65 of 80 in place of 80."""
    rng = np.random.default_rng(6)

    def drawn(n):
        return np.column_stack([rng.standard_normal((n, 5)), rng.random(n) < 0.008])

    real, files = drawn(800), [drawn(800) for _ in range(6)]
    assert are_wild(series_of(axes_of(real), files), len(real)).any()
    monkeypatch.setattr(forecast, "_never_had", lambda _: pytest.fail("it was asked"))
    assert foreseen(real, files).wild
    with pytest.raises(pytest.fail.Exception):
        foreseen(real[:, :5], [x[:, :5] for x in files])


def test_hardly_any_variance_across_the_axes_is_said_to_be_low_rank():
    """Of equal variances the axes are arbitrary: no direction is one, and the limit is printed."""
    rng = np.random.default_rng(3)
    real = rng.standard_normal((1000, 8))
    files = [principal(rng, rng.standard_normal((400, 8)), 4, 400, 0.03) for _ in range(6)]
    ahead = foreseen(real, files)
    assert ahead.low_rank
    whole = [principal(rng, rng.standard_normal((400, 8)), 4, 400, 0.4) for _ in range(6)]
    assert not foreseen(real, whole).low_rank
    # A loop that dies in time is another matter.
    assert not foreseen(real, [*whole[:-1], files[0]]).low_rank
    assert forecast.coverage(ahead, NOTHING)["fid"] == forecast.COVERAGE_LOW_RANK["fid"]


def test_few_rows_have_such_eigenvalues_by_chance():
    series = series_of(*_some())
    flat = np.diag([1.0, 1.0, 0.005])
    bare = replace(series, covariances=np.stack([flat] * 3), rows=np.array([7.0, 7.0, 7.0]))
    assert forecast._hardly_has_rank(bare)
    assert not forecast._hardly_has_rank(replace(bare, rows=np.array([6.0, 7.0, 7.0])))
    # Correlations lost: more than is real along one, and all of it along the others.
    assert not forecast._hardly_has_rank(
        replace(bare, covariances=np.stack([np.diag([100.0, 1.0, 0.5])] * 3))
    )
    assert not forecast._hardly_has_rank(
        replace(bare, covariances=np.stack([np.eye(3), flat, flat]))
    )
