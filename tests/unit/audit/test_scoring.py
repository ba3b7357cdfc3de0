"""Scoring: closed cases, another optimiser, and weights that leave or keep their bounds."""

import numpy as np
import pytest
from scipy import optimize

from madtheory.audit.scoring import _REGULAR, scored


def value(x, parts, gram):
    V = np.tensordot(x, parts, 1) * (1 + _REGULAR * np.eye(len(gram)))
    return (np.linalg.slogdet(V)[1] + np.trace(np.linalg.solve(V, gram))) / 2


def drawn(rng, C, T):
    """Positive parts and a Gram matrix of a few series."""
    roots = rng.standard_normal((C, T, T))
    x = rng.standard_normal((T, 2 * T))
    return roots @ roots.transpose(0, 2, 1) / T, x @ x.T / (2 * T)


def test_one_part_has_its_mean_square():
    parts, gram = drawn(np.random.default_rng(0), 1, 5)
    found, x = scored(parts, gram, np.zeros(1), np.full(1, np.inf), np.array([30.0]))
    assert x[0] == pytest.approx(np.trace(np.linalg.solve(parts[0], gram)) / 5, rel=1e-5)
    assert found == pytest.approx(value(x, parts, gram), rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_least_value_is_that_of_another_optimiser(seed):
    rng = np.random.default_rng(seed)
    parts, gram = drawn(rng, 4, 6)
    low, high = np.array([0.01, 0.0, 0.0, 0.0]), np.array([np.inf, 0.1, np.inf, 0.05])
    start = np.array([0.5, 0.0, 0.3, 0.05])  # two of them at a bound
    ends = [(a, None if np.isinf(b) else b) for a, b in zip(low, high, strict=True)]
    best = optimize.minimize(value, start, (parts, gram), "L-BFGS-B", bounds=ends, tol=1e-12)
    found, x = scored(parts, gram, low, high, start)
    assert found == pytest.approx(best.fun, abs=1e-6)
    assert (low <= x).all()
    assert (x <= high).all()


def test_a_weight_at_its_bound_is_free_to_leave_it():
    parts = np.array([np.eye(2), np.diag([1.0, 0.0])])
    found, x = scored(
        parts, np.diag([3.0, 1.0]), np.zeros(2), np.full(2, 9.0), np.array([1.0, 0.0])
    )
    np.testing.assert_allclose(x, [1.0, 2.0], rtol=1e-4)
    assert found == pytest.approx((np.log(3) + 2) / 2, abs=1e-8)


def test_what_is_not_positive_has_no_value():
    found, x = scored(np.zeros((1, 2, 2)), np.eye(2), np.zeros(1), np.ones(1), np.ones(1))
    assert found == np.inf
    assert x[0] == 1.0
