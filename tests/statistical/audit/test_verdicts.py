"""Verdicts on loops whose truth and whose best test are known.

Seeds are fixed. Bounds are quantiles of level 1e-3 of binomial counts: a loop decided half as
often as promised, or a false verdict at .3 in place of .02, is noticed with power .98 or more.
"""

import sys

import numpy as np
import pytest
from scipy import stats

from madtheory import audit
from madtheory._threads import one_thread

power = sys.modules["madtheory.audit.power"]
RUNS, T, ALPHA = 30, 12, 0.02


def verdicts(loop, **how):
    with one_thread():
        found = []
        for seed in range(RUNS):
            real, files = loop(np.random.default_rng([9, seed]), **how)
            series = audit.series_of(audit.axes_of(real), files)
            found.append(audit.infer(series, None, 0.95, ALPHA).verdict)
    return found


def gaussian(rng, n=400, dim=8, fresh=0):
    """Files of n samples of a loop of n training samples, `fresh` of them real."""
    real, x = rng.standard_normal((2, n, dim))
    files = []
    for _ in range(T):
        S, mean = np.linalg.cholesky(np.cov(x.T)), x.mean(axis=0)
        files.append(mean + rng.standard_normal((n, dim)) @ S.T)
        synthetic = mean + rng.standard_normal((n - fresh, dim)) @ S.T
        x = np.concatenate([rng.standard_normal((fresh, dim)), synthetic])
    return real, files


def mean_walk(rng, n=100, dim=12, rows=2000):
    """Files of a loop that keeps its covariance and moves its mean, as n samples do."""
    real, mean, files = rng.standard_normal((rows, dim)), np.zeros(dim), []
    for _ in range(T):
        mean = mean + rng.standard_normal(dim) / np.sqrt(n)
        files.append(mean + rng.standard_normal((rows, dim)))
    return real, files


def half_held(rng, n=100, dim=12):
    """A loop of which half the features see half of fresh data, and the others none."""
    real, x = rng.standard_normal((2, n, dim))
    files = []
    for _ in range(T):
        S, mean = np.linalg.cholesky(np.cov(x.T)), x.mean(axis=0)
        x = mean + rng.standard_normal((n, dim)) @ S.T
        files.append(x)
        x = x.copy()
        x[: n // 2, : dim // 2] = rng.standard_normal((n // 2, dim // 2))
    return real, files


def test_a_loop_without_real_data_is_found_as_often_as_the_best_test_finds_it():
    setting = power.Setting(8.0, 35.0, 1.0, 1.0, 1.0, 0.1, -0.0025, 2 / 399 / 8)
    bound = power.mad_power(setting, T, ALPHA)
    assert 0.7 < bound < 0.85
    found = verdicts(gaussian)
    assert found.count("mad") >= stats.binom.ppf(1e-3, RUNS, 0.8 * bound)
    assert found.count("not_mad") <= stats.binom.ppf(1 - 1e-3, RUNS, ALPHA)


def test_a_tenth_of_real_data_is_not_called_mad():
    found = verdicts(gaussian, fresh=40)
    assert found.count("mad") <= stats.binom.ppf(1 - 1e-3, RUNS, ALPHA)


@pytest.mark.parametrize("loop", [mean_walk, half_held])
def test_a_part_that_walks_is_not_outvoted_by_the_rest(loop):
    found = verdicts(loop)
    assert found.count("not_mad") <= stats.binom.ppf(1 - 1e-3, RUNS, ALPHA)
