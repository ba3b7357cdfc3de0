"""Estimated biases: their definition, their coverage on simulated loops, bad input."""

import math

import numpy as np
import pytest
from scipy import special, stats

from madtheory.loop import fully_synthetic
from madtheory.simulate import simulate
from madtheory.theory import collapse

VARIANCES = np.array([[1.0, 0.5], [0.9, 0.2], [0.81, 0.1], [0.6, 0.05]])


def test_known_noise_gives_the_mean_ratio_and_its_chi_square_interval():
    found = collapse.estimate_biases(VARIANCES, dof=20, level=0.9)
    ratios = VARIANCES[1:] / VARIANCES[:-1]
    np.testing.assert_allclose(found.bias, ratios.mean(axis=0), rtol=1e-14)
    low, high = stats.chi2.ppf([0.95, 0.05], 60)
    np.testing.assert_allclose(found.lower, ratios.sum(axis=0) * 20 / low, rtol=1e-12)
    np.testing.assert_allclose(found.upper, ratios.sum(axis=0) * 20 / high, rtol=1e-12)
    loss = special.digamma(10) - math.log(10)
    np.testing.assert_allclose(found.drift, np.log(found.bias) + loss, rtol=1e-12)
    np.testing.assert_allclose(found.drift_upper, np.log(found.upper) + loss, rtol=1e-12)
    assert (found.dof, found.level) == (20, 0.9)


def test_unknown_noise_is_taken_from_the_scatter_of_all_directions():
    found = collapse.estimate_biases(VARIANCES)
    logs = np.diff(np.log(VARIANCES), axis=0)
    pooled = logs.var(axis=0, ddof=1).mean()
    assert special.polygamma(1, found.dof / 2) == pytest.approx(pooled, rel=1e-9)
    half = stats.t.ppf(0.975, 4) * math.sqrt(pooled / 3)
    np.testing.assert_allclose(np.log(found.upper / found.bias), half, rtol=1e-9)
    np.testing.assert_allclose(np.log(found.bias / found.lower), half, rtol=1e-9)


def test_fates_are_what_the_drift_says():
    found = collapse.estimate_biases([[1, 1, 1], [0.5, 2, 1], [0.25, 4, 1.1]], dof=99)
    assert found.fates == ("dying", "growing", "undecided")


def test_ratios_without_scatter_leave_no_noise():
    found = collapse.estimate_biases([[1.0], [0.5], [0.25]])
    assert (found.lower[0], found.bias[0], found.upper[0]) == pytest.approx((0.5,) * 3, rel=1e-9)


@pytest.mark.parametrize("known", [True, False])
def test_intervals_cover_on_simulated_loops(known):
    # A model's variance along a direction moves as the samples' does: lambda q, q ~ chi2_m/m.
    loop, size = fully_synthetic(40, bias=0.8), 3000
    paths = simulate(
        loop,
        [1.0],
        generations=6,
        replicates=size,
        seed=3,
        record=("log_direction",),
        keep_paths=True,
    )
    variances = np.exp(paths.paths["log_direction"]).T.reshape(6, size // 6, 6)
    covered = 0
    for i in range(size // 6):
        found = collapse.estimate_biases(variances[:, i], dof=loop.dof if known else None)
        covered += int(((found.lower <= 0.8) & (found.upper >= 0.8)).sum())
    # Six directions share one estimate of the noise.
    assert abs(covered / size - 0.95) < 4 * math.sqrt(0.95 * 0.05 / size) * (1 if known else 1.3)


@pytest.mark.parametrize(
    ("variances", "options", "message"),
    [
        ([[1.0]], {"dof": 5}, "variances must have at least 2 rows, got 1"),
        ([[1.0], [2.0]], {}, "variances must have at least 3 rows, got 2"),
        (
            [[1.0], [0.0]],
            {"dof": 5},
            "variances must be positive, got 0 in generation 2, direction 1",
        ),
        ([1.0, 2.0], {"dof": 5}, "variances must be a matrix"),
        ([[1.0], [2.0]], {"dof": 0}, "dof must be a finite number"),
        ([[1.0], [2.0]], {"dof": 5, "level": 1.0}, r"level must be a finite number in \(0, 1\)"),
    ],
)
def test_bad_input_is_one_sentence(variances, options, message):
    with pytest.raises(ValueError, match=message):
        collapse.estimate_biases(variances, **options)
