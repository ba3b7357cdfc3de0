"""Directions that a file lacks and later ones have again: rare rows that it did not draw."""

import math
from dataclasses import replace

import numpy as np
import pytest

from madtheory import audit
from madtheory.audit import anchor, forecast, inference
from madtheory.audit import series as series_module
from madtheory.audit.classes import frequencies, least_variance
from madtheory.audit.known import NOTHING, Known
from madtheory.audit.series import axes_of, series_of
from madtheory.metrics import Measured, fid
from tests.golden.audit import rare as rare_loops
from tests.unit.audit.foreseen import foreseen

REASON = "a direction without variance in one generation varies again later"


def sets(lost=(), at=2, n=200, files=6, seed=0):
    """Correlated files along axes of real rows; the `lost` ones do not vary along axis `at`."""
    rng = np.random.default_rng(seed)
    real = rng.standard_normal((400, 3)) * [3.0, 2.0, 1.0]
    axes = axes_of(real)
    out = [
        rng.standard_normal((n, 3)) @ [[1.0, 0.5, 0], [0, 1, 0], [0, 0, 1]] for _ in range(files)
    ]
    for t in lost:
        out[t][:, at] = 0.0
    return axes, [axes.mean + (x * axes.scales) @ axes.vectors.T for x in out], real


def test_a_gap_is_half_a_row_and_the_rest_stays():
    axes, files, _ = sets(lost=(2,))
    found, whole = series_of(axes, files), series_of(axes, sets()[1])
    assert found.gaps.tolist() == [[t == 2 and k == 2 for k in range(3)] for t in range(6)]
    expected = whole.log_variance.copy()
    expected[2, 2] = -math.log(2 * 200 * axes.varied[2])
    np.testing.assert_allclose(found.log_variance, expected, rtol=1e-9)
    assert axes.varied[2] > 0.99
    # Correlations with it are none, those of the others what they were; so are relative variances.
    pairs = [(0, 1), (0, 2), (1, 2)]
    np.testing.assert_allclose(found.shapes[2][:3], whole.shapes[2][:3] * [1, 0, 0], atol=1e-12)
    relative = (expected[2] - expected[2].mean()) / np.sqrt(2)
    np.testing.assert_allclose(found.shapes[2][3:], relative, rtol=1e-9)
    assert found.covariances[2][2, 2] == pytest.approx(math.exp(expected[2, 2]))
    assert found.scale[2] == pytest.approx(np.trace(found.covariances[2]) / len(pairs))
    # What noise files have is told by the whole ones.
    others = series_of(axes, [x for t, x in enumerate(files) if t != 2])
    for name in ("own_noise", "log_noise", "sharing", "mean_count", "shape_count", "near_count"):
        np.testing.assert_allclose(getattr(found, name), getattr(others, name), rtol=1e-12)
    assert found.shape_noise[2] == pytest.approx(others.shape_noise.mean())


def test_what_few_rows_have_is_half_of_one_of_them():
    axes, files, _ = sets(lost=(2,))
    rare = axes._replace(varied=np.array([1.0, 1.0, 0.01]))
    assert series_of(rare, files).log_variance[2, 2] == pytest.approx(-math.log(2 * 200 * 0.01))


def test_what_stays_away_is_no_gap():
    axes, files, _ = sets(lost=(4, 5))
    found = series_of(axes, files)
    assert found.gaps is None
    assert np.isneginf(found.log_variance[4:, 2]).all()
    both = series_of(axes, sets(lost=(1, 4, 5))[1])
    assert np.argwhere(both.gaps).tolist() == [[1, 2]]
    assert np.isfinite(both.log_variance[:4]).all()
    got = inference.infer(both, None, 0.95, 0.02)
    assert got.reason.startswith(
        "a direction that varies in real loses all variance by generation 5"
    )


def test_no_verdict_but_a_drift():
    series = series_of(*sets(lost=(2,))[:2])
    for known, walk in ((NOTHING, 1.0), (Known(share=0.0), 1.0), (Known(share=0.5), 0.0)):
        found = inference.infer(series, [200] * 6, 0.95, 0.02, known)
        assert (found.verdict, found.reason, found.p_value) == ("undecided", REASON, 1.0)
        assert found.p_value_walk == walk
        assert found.held is not None
        ends = series.log_variance[[0, -1]].mean(axis=1)
        assert found.rate.value == pytest.approx((ends[1] - ends[0]) / 5)
        assert found.rate.low < 0 < found.rate.high


@pytest.mark.parametrize("lost", [1, 3])
def test_files_go_on_after_one_of_equal_rows(lost):
    """No chance makes such a file: the forecast is that of the files after it."""
    _, files, real = sets()
    files[lost] = np.repeat(files[lost][:1], 200, axis=0)
    found = audit.audit(real, files)
    assert (found.verdict, found.reason) == ("undecided", REASON)
    axes, after = axes_of(real), files[lost + 1 :]
    last = found.generations[-1]
    alone = forecast.forecast(
        real, after, axes, series_of(axes, after), None, (last.trace.value, last.fid.value), 5, 0.95
    )
    for name in ("fid", "trace"):
        got, expected = (
            np.array([(b.low, b.value, b.high) for b in getattr(one, name)])
            for one in (found.forecast, alone)
        )
        np.testing.assert_allclose(got, expected, rtol=1e-9)
    assert found.forecast.generations == (7, 8, 9, 10, 11)
    assert all(one.low < one.high for one in found.forecast.fid)
    # Of a direction that came and went no fate is said.
    assert {one.fate for one in found.directions.bands} == {"undecided"}
    assert found.directions.trace is None


def telling(series):
    return forecast._telling(series).tolist()


def test_one_file_after_such_a_one_is_no_forecast_of_its_own():
    axes, files, _ = sets(lost=(4,))
    series = series_of(axes, files)
    assert telling(series) == [0, 1, 2, 3, 5]
    assert telling(series_of(axes, sets(lost=(1, 3))[1])) == [4, 5]
    assert telling(series_of(axes, sets(lost=(1, 4))[1])) == [0, 2, 3, 5]
    # One file alone that is whole tells no course.
    assert telling(series_of(axes, sets(lost=(0, 1, 2, 3, 4))[1])) == [0, 1, 2, 3, 4, 5]
    # Of a direction that one row in twenty varies along files of 200 may lack it by chance.
    rare = replace(series, gaps=np.roll(series.gaps, -2, axis=0), varied=np.array([1, 1, 0.099]))
    assert telling(rare) == [0, 1, 2, 3, 4, 5]
    assert telling(replace(rare, varied=np.array([1, 1, 0.101]))) == [3, 4, 5]


def test_bands_of_few_rows_end_between_whole_ones():
    bits = np.array([[0.0, 0], [3, 0], [3, 1]])
    them = frequencies(bits[[0, 0, 1, 2]], [bits[[0, 1, 2, 2]]] * 2)
    assert least_variance(them, 4.0) == pytest.approx(bits[[1, 2, 2, 2]].var(axis=0, ddof=1).sum())
    one = them._replace(rows=them.rows[:1])
    assert least_variance(one, 4.0) == 0.0
    got = forecast._whole_rows((Measured(1.0, 0.2, 3.0), Measured(2.0, 1.0, 3.0)), 0.5)
    assert got == (Measured(1.0, 0.0, 3.5), Measured(2.0, 0.5, 3.5))


@pytest.mark.full
def test_a_rare_attribute_may_be_drawn_by_no_row_and_by_more():
    """Held loops of one attribute in a fiftieth of 200 rows: files hold 0 to 12 such rows."""
    hits, files = 0, 0
    for seed in range(24):
        rng = np.random.default_rng([30, seed])
        real, x, out = rng.random(1000) < 0.02, rng.random(200) < 0.02, []
        for _ in range(11):
            share = x.mean()
            out.append((rng.random(200) < share).astype(float)[:, None])
            x = np.concatenate([rng.random(140) < share, rng.random(60) < 0.02])
        if not out[5].any():
            continue
        ahead = foreseen(real.astype(float)[:, None], out[:6])
        assert ahead.wild
        for band, file in zip(ahead.trace, out[6:], strict=True):
            hits += band.low <= file.var(ddof=1) <= band.high
            files += 1
    # Of ends that split rows .864 hold.
    assert files == 110
    assert hits / files > 0.92
    even = [rng.integers(0, 2, (200, 1)).astype(float) for _ in range(7)]
    assert not foreseen(even[0], even[1:]).wild


def broken(at=2, column=4, files=7, seed=0):
    """Real rows and independent files, one column of one file of them of one value."""
    rng, scales = np.random.default_rng([31, seed]), np.array([3.0, 2.0, 1.5, 1.0, 0.7])
    real = rng.standard_normal((600, 5)) * scales
    out = [rng.standard_normal((200, 5)) * scales for _ in range(files + 5)]
    out[at][:, column] = out[at][0, column]
    return real, out[:files], out[files:]


def test_a_column_of_one_value_lies_across_the_axes_and_is_left_out():
    """The band had begun above every distance seen: 4 % of next files were in it."""
    hits = 0
    for seed in range(4):
        real, files, following = broken(seed=seed, column=1 + seed)
        series = series_of(axes_of(real), files)
        assert series.gaps is None
        assert series.torn.tolist() == [t == 2 for t in range(7)]
        assert telling(series) == [3, 4, 5, 6]
        ahead = foreseen(real, files)
        hits += sum(
            band.low <= fid(real, x).value <= band.high
            for band, x in zip(ahead.fid, following, strict=True)
        )
        assert ahead.fid[0].low < 0.5
    assert hits >= 18  # of 20
    found = audit.audit(real, files)
    assert (found.verdict, found.reason, found.p_value) == ("undecided", REASON, 1.0)


@pytest.mark.parametrize("equal", [False, True])
def test_a_file_torn_before_the_last_one_is_left_out(equal):
    """7 and 0 % of next files were in the band, which began above every distance seen."""
    hits = 0
    for seed in range(4):
        real, files, following = broken(at=5, seed=seed, column=1 + seed)
        if equal:
            files[5] = np.repeat(files[5][:1], 200, axis=0)
        ahead = foreseen(real, files)
        assert ahead.generations == (8, 9, 10, 11, 12)
        assert ahead.fid[0].low < 0.5
        hits += sum(
            band.low <= fid(real, x).value <= band.high
            for band, x in zip(ahead.fid, following, strict=True)
        )
    assert hits >= 18  # of 20


def test_what_stays_lost_or_is_rare_is_not_torn():
    real, files, _ = broken()
    for x in files[3:]:
        x[:, 4] = 0.0
    assert series_of(axes_of(real), files).torn is None
    # A column that one row in forty has, by chance in none of a hundred.
    rng = np.random.default_rng(5)
    base = rng.standard_normal((600, 3)) @ [[1.0, 0.5, 0.2], [0, 1, 0.4], [0, 0, 1]]
    rare = np.column_stack([base, rng.random(600) < 0.025])
    sets = [np.column_stack([base[:100], np.arange(100) < count]) for count in (3, 0, 2, 4)]
    assert series_of(axes_of(rare), sets).torn is None
    # Two such together are no less by chance than each: 12 and 12 of 100 rows, of 20 that count.
    pair = np.column_stack([base, rng.random(600) < 0.12, rng.random(600) < 0.12])
    sets = [
        np.column_stack([base[:100], np.arange(100) < count, np.arange(100) >= 100 - count])
        for count in (12, 0, 9, 14)
    ]
    assert series_of(axes_of(pair), sets).torn is None
    often = np.column_stack([base, rng.random(600) < 0.3])
    sets = [np.column_stack([base[:100], np.arange(100) < count]) for count in (30, 0, 25, 30)]
    assert series_of(axes_of(often), sets).torn.tolist() == [False, True, False, False]


def test_a_column_is_told_apart_from_the_rounding_of_its_direction(monkeypatch):
    """A sparse column is lost by chance: rounding made a sixth of the rows vary along it."""
    found, torn = [], series_module._torn

    def spy(*given):
        found.append(torn(*given))
        return found[-1]

    monkeypatch.setattr(series_module, "_torn", spy)
    rare_loops.judge("sparse", "independent", 8)
    assert found
    assert not np.any(np.concatenate(found))


def test_one_direction_has_no_shape_whose_noise_is_a_unit():
    """Rounding made that noise exactly 0 here, and a division by it."""
    real = np.random.default_rng(0).permutation((np.arange(500) < 7).astype(float))[:, None]
    files = [
        np.random.default_rng(t + 1).permutation((np.arange(96) < k).astype(float))[:, None]
        for t, k in enumerate((1, 2, 2, 1))
    ]
    for many in (files[:3], files):
        found = audit.audit(real, many)
        assert found.verdict == "undecided"
        assert np.isfinite(found.rate.value)
    series = series_of(axes_of(real), files)
    assert abs(series.shape_noise.mean()) < 1e-12
    anchor.parts_of(replace(series, shape_noise=np.zeros(4)), 0.001)
