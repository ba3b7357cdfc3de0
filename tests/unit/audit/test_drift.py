"""Drift of log variances: every number by fractions, its interval by loops of a known law."""

import dataclasses
import math
from fractions import Fraction as F

import numpy as np
import pytest
from scipy import optimize, special, stats

from madtheory.audit import drift
from tests.unit.audit.test_audit import walks


def opposite(*residuals, common=0.15, rows=100.0, log_noise=2.0):
    """Two directions, sharing 1/4, whose increments are `common` plus and minus these."""
    up = np.cumsum([0.0, *residuals])
    line = common * np.arange(len(up))
    series = walks(np.column_stack([line + up, line - up]))
    return dataclasses.replace(series, rows=rows * np.ones(len(up)), log_noise=log_noise)


# Squares of residuals, products of neighbours; 1 - D/steps = 11/12, D/steps = 1/12.
@pytest.mark.parametrize(
    ("residuals", "rows", "spread", "noise"),
    [
        # (4 + 1 + 1)/300 of squares; (-2 + 1)/200 of products, and 6/275/12.
        ((0.2, -0.1, -0.1), 100, F(6, 275), F(7, 2200)),
        # Neighbours' covariance turns positive with what the mean took out: -1/800 + 13/6600.
        ((0.2, -0.05, -0.15), 100, F(13, 550), F(0)),
        # More than half of the spread: that half; more than the rows give: what they give.
        ((-0.05, 0.15, -0.25), 50, F(7, 220), F(7, 440)),
        ((-0.05, 0.15, -0.25), 1000, F(7, 220), F(2, 1000)),
    ],
)
def test_spread_and_noise_by_fractions(residuals, rows, spread, noise):
    found = drift.drift(opposite(*residuals, rows=rows))
    assert found.value == pytest.approx(0.15, rel=1e-12)
    assert found.spread == pytest.approx(float(spread), rel=1e-12)
    assert found.step == pytest.approx(float(spread - 2 * noise), rel=1e-9, abs=1e-15)
    # A quarter of 3 steps and noise at both ends, over 3^2; 3 x 4 independent steps less one.
    variance = float((3 * (spread - 2 * noise) + 2 * noise) / 4 / 9)
    assert found.error == pytest.approx(math.sqrt(variance), rel=1e-9)
    # Intervals leave the files a standard error of 2 x 4 products less noise.
    less = max(0.0, float(noise) - float(spread) / math.sqrt(8))
    assert found.wide == pytest.approx(math.sqrt((3 * float(spread) - 4 * less) / 4) / 3, rel=1e-9)
    assert found.dof == pytest.approx(11, rel=1e-12)
    assert found.sharing == 0.25


def test_few_steps():
    # One step of directions that move as one says nothing of the spread.
    line = np.array([[0.0, 0.0], [0.3, 0.3]])
    alone = drift.drift(walks(line, sharing=1.0))
    assert (alone.value, alone.error, alone.dof) == (0.3, math.inf, 1.0)
    assert drift.training_size(alone.step) == math.inf
    # One step of four: deviations of .1 about their mean, three degrees of freedom.
    found = drift.drift(walks(np.array([[0.0] * 4, [0.2, 0.4, 0.2, 0.4]])))
    assert found.dof == 3
    assert found.spread == pytest.approx(0.01 * 4 / 3, rel=1e-12)
    assert found.error == pytest.approx(math.sqrt(0.01 / 3), rel=1e-12)


def test_drift_over_its_error_is_students():
    """Two steps of two independent directions: three degrees of freedom, exactly."""
    rng, n = np.random.default_rng(0), 6000
    increments = -0.1 + 0.2 * rng.standard_normal((n, 2, 2))
    level = np.concatenate([np.zeros((n, 1, 2)), increments.cumsum(axis=1)], axis=1)
    # Rows without end: no noise of files.
    endless = [dataclasses.replace(walks(x, sharing=0.5), rows=np.full(3, np.inf)) for x in level]
    found = [drift.drift(x) for x in endless]
    assert {f.dof for f in found} == {3.0}
    t = np.array([(f.value + 0.1) / f.error for f in found])
    # 3.182446 is Student's quantile; 4.5 binomial errors. By four degrees of freedom, .931.
    assert (abs(t) < 3.182446).mean() == pytest.approx(0.95, abs=4.5 * math.sqrt(0.05 * 0.95 / n))
    assert np.mean([f.spread for f in found]) == pytest.approx(0.04, rel=5 * math.sqrt(2 / 3 / n))


def test_held_drift_is_that_of_a_stationary_process():
    """x_t = .6 x_(t-1) + noise of variance 1: variance 1/.64, that of an increment 1.25."""
    level = np.array([0.0, 5.0, 1.0, 2.0, 7.0])
    series = walks(np.column_stack([level - 1, level + 1]))
    whole = drift.Drift(9.0, 9.0, 12.0, 1.0, 1.25, 0.2, 9.0)
    found = drift.held_drift(series, whole, 0.4, 3)
    assert found.value == pytest.approx((7 - 5) / 3, rel=1e-12)
    difference = 2 / 0.64 * (1 - 0.6**3)  # of x_t and x_(t-3)
    assert found.error == pytest.approx(math.sqrt(0.2 * difference) / 3, rel=1e-12)
    assert found.dof == pytest.approx(8, rel=1e-12)
    assert found[3:] == (1.0, 1.25, 0.2, found.error)
    assert drift.held_drift(series, whole._replace(dof=1.2), 0.4, 3).dof == 1.0


def test_degrees_of_freedom_of_white_noise_are_those_left():
    """Where all is real, increments are those of white noise, and their mean square moves more.

    Of independent ones it has the variance 8/steps. 20,000 draws of 100: standard error 1 %.
    """
    x = np.random.default_rng(1).standard_normal((20_000, 101))
    left = 8 / 100 / np.square(np.diff(x, axis=1)).mean(axis=1).var()
    whole = drift.Drift(0.0, 0.0, 99.0, 2.0, 2.0, 1.0, 0.0)
    found = drift.held_drift(walks(np.zeros((101, 1))), whole, 1.0, 100)
    assert found.dof / 99 == pytest.approx(left, rel=0.045)


@pytest.mark.parametrize("step", [1e-8, 1e-4, 0.01, 0.3, 5.0])
def test_training_size_by_another_search(step):
    log_m = optimize.brentq(lambda x: special.zeta(2, math.exp(x) / 2) - step, -3, 30, xtol=1e-14)
    m = math.exp(log_m)
    assert drift.training_size(step) == pytest.approx(m, rel=1e-9)
    # psi'(x) = 1/x + 1/(2 x^2) + ...: m = 2/step + 1 where the step is small.
    assert step > 1e-3 or drift.training_size(step) == pytest.approx(2 / step + 1, abs=1e-4)


def test_correction_is_the_mean_of_log_chi_square():
    x = stats.chi2(9).rvs(400_000, random_state=2) / 9
    error = math.sqrt(float(special.polygamma(1, 4.5)) / len(x))
    assert drift.size_correction(9) == pytest.approx(-np.log(x).mean(), abs=4.5 * error)


def test_noise_of_two_or_three_files_by_hand():
    """One increment tells no noise of files; as many as directions share say nothing."""
    logs = np.array([[0.0, 0.0], [0.3, -0.2], [0.1, 0.2]])
    assert drift._noise(walks(logs[:2], sharing=1.0), 0.0) == (math.inf, 0.0)
    assert drift._noise(walks(logs[:2], sharing=0.5), 0.0) == (pytest.approx(0.065 / 0.5), 0.0)
    spread = (0.09 + 0.04 + 0.04 + 0.16) / 4 / (1 - 0.5 / 2)
    near = (-0.06 - 0.08) / 2 + spread * 0.5 / 2
    found = drift._noise(walks(logs, sharing=0.5), 0.0)
    assert found == pytest.approx((spread, min(-near, 2 / 100)), rel=1e-12)
    # What is not known corrects nothing.
    assert (drift.training_size(math.inf), drift.size_correction(math.inf)) == (math.inf, 0.0)
