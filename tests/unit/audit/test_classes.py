"""Files of few distinct rows and their temperatures (docs/categories.md); discrete columns."""

import numpy as np
import pytest

from madtheory import audit, metrics
from madtheory.audit import classes, forecast
from madtheory.audit.known import NOTHING
from madtheory.audit.paths import measures
from madtheory.audit.row_noise import moments

ZIPF = 1 / np.arange(1, 9) / (1 / np.arange(1, 9)).sum()
ROWS = 1000


def loop(rng, p, power, steps):
    """Frequencies of files of a model that samples at temperature 1/power."""
    out = []
    for _ in range(steps):
        q = p**power
        p = rng.multinomial(ROWS, q / q.sum()) / ROWS
        out.append(p)
    return np.array(out)


def seen(rng, power, files=8):
    """Frequencies of REAL, other data than the first training set, and of files."""
    real, first = (rng.multinomial(n, ZIPF) / n for n in (2 * ROWS, ROWS))
    return classes.Frequencies(np.eye(8), real, loop(rng, first, power, files))


@pytest.mark.parametrize("power", [1.0, 1 / 0.9, 1 / 0.8, 0.9])
def test_a_temperature_goes_on(power):
    """Forecasts without one stayed where the last file was: at .9 FID .43 for .79 five ahead."""
    off = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        them = seen(rng, power)
        points, root = classes._points(them)
        ahead = np.array([loop(rng, them.files[-1], power, 5)[-1] for _ in range(200)])
        _, truth = measures(*moments(ahead, points), root)
        found = classes.class_paths(rng, them, None, float(ROWS), 5, 400, share=0.0).fid[:, -1]
        off.append(np.median(found) / np.median(truth) - 1)
    assert abs(np.mean(off)) < 0.2


def test_files_speak_for_a_power_or_for_none():
    rng = np.random.default_rng(5)
    at = np.zeros(4000)
    shares = {}
    for power in (1.0, 1.4):
        them = seen(rng, power, files=6)
        pulls = {(0.0, x): classes._pull(them, 0.0, x, 1 / ROWS) for x in classes._POWERS}
        drawn = classes._powers(rng, pulls, at, classes._dof(them.real, 5))
        shares[power] = float((drawn == power).mean())
    assert shares[1.0] > 0.5
    assert shares[1.4] > 0.95
    # Where nothing moves there is nothing to tell.
    still = classes.Frequencies(np.eye(8), ZIPF, np.tile(np.eye(8)[0], (4, 1)))
    pulls = {(0.0, x): classes._pull(still, 0.0, x, 1 / ROWS) for x in classes._POWERS}
    assert (classes._powers(rng, pulls, at, 3.0) == 1).all()
    # Two files, alike under any power, leave the prior: half of all paths have none.
    alike = {(0.0, x): pulls[0.0, 1.0]._replace(size=1.0) for x in classes._POWERS}
    drawn = classes._powers(rng, alike, at, 3.0)
    assert (drawn == 1).mean() == pytest.approx(0.5, abs=0.03)
    assert (drawn == 2.0).mean() == pytest.approx(0.5 / 11, abs=0.015)


def test_frequencies_at_a_temperature():
    np.testing.assert_allclose(
        classes._heated(np.array([0.5, 0.3, 0.2]), 2.0), [25 / 38, 9 / 38, 4 / 38]
    )
    assert classes._heated(np.array([1.0, 0.0]), 0.8).tolist() == [1.0, 0.0]


def attributes(rng, n, d=6):
    """Rows of d attributes that a latent variable ties together."""
    return (rng.random((n, d)) < 0.3 + 0.4 * (rng.random((n, 1)) < 0.5)).astype(float)


def test_values_of_one_variable_are_classes_and_those_of_several_are_not():
    """Models draw several by each other: frequencies of rows know nothing of that."""
    rng = np.random.default_rng(6)
    words, counts = np.eye(7)[rng.integers(7, size=200)], rng.poisson(3.0, (200, 1)) * 1.0
    for x in (words, words[:, :-1], counts, np.hstack([counts, 2 * counts])):
        assert classes.frequencies(x, [x[:100], x[100:]]) is not None
    pairs = np.hstack([np.eye(3)[rng.integers(3, size=200)], np.eye(4)[rng.integers(4, size=200)]])
    for x in (pairs, attributes(rng, 200), np.hstack([words, attributes(rng, 200, 1)])):
        assert classes.frequencies(x, [x[:100], x[100:]]) is None
        assert classes.few_values([x, x[:100], x[100:]])


def test_few_values_are_counted_by_column_over_all_sets():
    rng = np.random.default_rng(7)
    x = attributes(rng, 300)
    assert classes.few_values([x, x[:50]])
    assert classes.few_values([np.hstack([x, np.ones((300, 1))])])  # a column that is constant
    assert not classes.few_values([np.hstack([x, rng.standard_normal((300, 1))])])
    # As many as 64 values, and a quarter of all rows.
    column = np.arange(300.0)[:, None]
    assert classes.few_values([column % 64])
    assert not classes.few_values([column % 65])
    assert classes.few_values([column[:100] % 25, column[:100] % 50 // 2])
    assert not classes.few_values([column[:40] % 25, column[:40] % 50 // 2])
    # Values of the second set are others.
    assert not classes.few_values([column % 40, 1000 + column % 40])
    assert not classes.few_values([np.sort(column % 65, axis=0)])


def test_no_file_of_these_values_is_farther():
    """Files of all their mass at two ends, by brute force over their shares; one has the most."""
    rng, n = np.random.default_rng(8), 9
    real, other = rng.integers([2, 0], 4, (40, 2)) * 1.0, np.array([[0.0, 5.0], [3.0, 0.0]])
    trace, distance = classes.farthest(real, [other, other[[0] * n]])
    seen = []
    for i in range(n + 1):
        for j in range(n + 1):
            x = np.column_stack([3.0 * (np.arange(n) < i), 5.0 * (np.arange(n) < j)])
            x = np.column_stack([x[:, 0], rng.permutation(x[:, 1])])
            variance = float(x.var(axis=0, ddof=1).sum())
            off = float(np.square(x.mean(axis=0) - real.mean(axis=0)).sum())
            assert metrics.fid(real, x).value <= distance
            seen.append((variance, off + variance + float(real.var(axis=0, ddof=1).sum())))
    most = np.max(seen, axis=0)
    assert 0.98 * trace < most[0] <= trace * (1 + 1e-12)
    assert 0.8 * distance < most[1] <= distance * (1 + 1e-12)


def test_bands_of_discrete_columns_end_where_files_can_be():
    rng = np.random.default_rng(9)
    real, files = attributes(rng, 60), [attributes(rng, 30) for _ in range(3)]
    axes, series = audit.axes_of(real), audit.series_of(audit.axes_of(real), files)
    held = audit.infer(series, None, 0.95, 0.02, NOTHING).held
    trace, distance = classes.farthest(real, files)
    found = forecast.forecast(real, files, axes, series, held, (1.4, 0.2), 40, 0.999)
    assert max(b.high for b in found.trace) == trace
    assert max(b.high for b in found.fid) == distance


def chains(rng, power, n=1000, files=13):
    """REAL, and files of chains of twelve attributes, each drawn by the one before, sharpened."""
    real, x, out = attributes(rng, n, 12), attributes(rng, n, 12).astype(int), []
    for _ in range(files):
        p = x[:, 0].mean()
        new = [(rng.random(n) < p**power / (p**power + (1 - p) ** power)).astype(int)]
        for a, b in zip(x.T, x.T[1:], strict=False):
            p = np.array([b[a == v].mean() if (a == v).any() else 0.5 for v in (0, 1)])[new[-1]]
            new.append((rng.random(n) < p**power / (p**power + (1 - p) ** power)).astype(int))
        x = np.column_stack(new)
        out.append(x.astype(float))
    return real, out


def test_bands_of_discrete_columns_hold_where_models_sharpen(monkeypatch):
    """Drift becomes faster: in bands of other rows, which know nothing of that, FID was in 70 %."""
    held, plain = [], []
    for seed in range(6):
        real, files = chains(np.random.default_rng(seed), 1.1)
        axes, seen = audit.axes_of(real), files[:8]
        series = audit.series_of(axes, seen)
        anchor = audit.infer(series, None, 0.95, 0.02, NOTHING).held
        last = float(np.trace(np.cov(seen[-1].T))), metrics.fid(real, seen[-1]).value
        found = forecast.forecast(real, seen, axes, series, anchor, last, 5, 0.95)
        assert found.discrete
        truth = [metrics.fid(real, x).value for x in files[8:]]
        held += [b.low <= x <= b.high for b, x in zip(found.fid, truth, strict=True)]
        with monkeypatch.context() as patch:
            patch.setattr(forecast, "few_values", lambda sets: False)
            found = forecast.forecast(real, seen, axes, series, anchor, last, 5, 0.95)
        plain += [b.low <= x <= b.high for b, x in zip(found.fid, truth, strict=True)]
    assert np.mean(held) >= 0.95
    assert np.mean(plain) < 0.85
