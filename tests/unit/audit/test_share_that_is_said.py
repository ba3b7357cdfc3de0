"""A loop that real data hold, the share said: its distance stays where it is, and so says the band.

Axes of the real set have that set's own noise, which the real rows of training sets do not follow:
their variances rest beside 1, some above and some below. Taken for noise it made the forecast of a
loop at rest three times its distance (d = 12, 800 rows, share .8).
"""

import numpy as np
import pytest

from madtheory.audit import audit


def held_loop(rng, share, *, n=400, d=10, generations=9):
    """Training sets of a loop of Gaussian fits: fresh rows and samples of the last fit."""
    files, n_real = [rng.standard_normal((n, d))], round(share * n)
    for _ in range(generations - 1):
        centred = files[-1] - files[-1].mean(axis=0)
        noise = rng.standard_normal((n - n_real, n)) @ centred / np.sqrt(n - 1)
        synthetic = files[-1].mean(axis=0) + noise
        files.append(np.concatenate([rng.standard_normal((n_real, d)), synthetic]))
    return files


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_the_forecast_of_a_loop_at_rest_is_what_it_shows(share):
    real, *files = held_loop(np.random.default_rng(7), share)
    n_real = round(share * len(real))
    found = audit(real, files, n_real=n_real, n_synth=len(real) - n_real, memory=1)
    shown = np.mean([generation.fid.value for generation in found.generations[-4:]])
    for band in found.forecast.fid:
        assert 0.7 * shown < band.value < 1.4 * shown
        assert band.low < shown < band.high
