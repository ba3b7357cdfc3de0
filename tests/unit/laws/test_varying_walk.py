"""First passage on cells against the exact passage of a walk whose steps are alike."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy import special, stats

from madtheory.laws import varying_walk
from madtheory.laws.chi_square import log_chi_square_mean, log_chi_square_variance
from madtheory.laws.passage import Walk, passage_probabilities


@pytest.mark.parametrize(
    ("first", "dof", "step", "barrier", "horizon"),
    [(4, 4, 0.0, -4.6, 40), (9, 9, -0.1, -2.3, 28), (9, 99, 0.0, -0.7, 250),
     (400, 39, -0.03, -9.2, 260), (2, 2, 0.0, 0.3, 6)],
)  # fmt: skip
def test_alike_steps_have_the_exact_passage(
    first: int, dof: int, step: float, barrier: float, horizon: int
) -> None:
    t = np.arange(float(horizon))
    mean = log_chi_square_mean(first, first) + t * (log_chi_square_mean(dof, dof) + step)
    variance = log_chi_square_variance(first) + t * log_chi_square_variance(dof)
    found = np.array(list(varying_walk.passages(mean, variance, barrier)))
    exact = passage_probabilities(Walk(float(first), 0.0, float(dof), step), barrier, horizon)
    assert 0.3 < exact.sum() < 0.99
    np.testing.assert_allclose(np.cumsum(found), np.cumsum(exact), atol=1.5e-3)


def test_steps_that_grow_have_the_law_at_a_time() -> None:
    # Below a barrier that nothing passes but at the last step: P(X_T < barrier), steps normal.
    variance = np.array([1e-6, 3e-6, 1e-3, 1e-2])
    mean = np.array([0.0, 0.0, 0.0, -1.0])
    *before, last = varying_walk.passages(mean, variance, -1.1)
    assert sum(before) < 1e-12
    assert last == pytest.approx(stats.norm.cdf(-0.1 / 0.1), abs=2e-3)


def test_matched_dof_inverts_the_variance() -> None:
    dofs = np.array([0.02, 1.0, 7.3, 1999.0, 2001.0, 1e9])
    variance = special.polygamma(1, dofs / 2)
    np.testing.assert_allclose(varying_walk.matched_dof(variance), dofs, rtol=2e-6)


def test_mass_is_kept() -> None:
    t = np.arange(1.0, 301.0)
    found = list(varying_walk.passages(-0.05 * t, 0.02 * t, -math.log(10)))
    assert sum(found) == pytest.approx(1.0, abs=1e-6)
    assert min(found) >= 0.0


def test_steps_without_width_cost_no_cells() -> None:
    """After the first step the walk falls by .1 each time: it is the first one that decides."""
    dof, t = 200.0, np.arange(1.0, 9.0)
    variance = log_chi_square_variance(dof) + 1e-12 * (t - 1)
    mean = log_chi_square_mean(dof, dof) - 0.1 * t
    tracemalloc.start()
    found = np.cumsum(list(varying_walk.passages(mean, variance, -0.45)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    expected = stats.chi2(dof).cdf(dof * np.exp(-0.45 + 0.1 * t))
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert peak < 2**24


def test_where_all_falls_at_once_nothing_is_left_to_fall() -> None:
    fallen = list(varying_walk.passages(-0.1 * np.arange(1, 5), 0.1 * np.arange(1, 5), 60.0))
    assert fallen == pytest.approx([1.0, 0.0, 0.0, 0.0], abs=1e-12)
