"""Temperatures of files of few distinct rows: the loop of docs/categories.md, and its forecast."""

import numpy as np
import pytest

from madtheory.audit import classes
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
