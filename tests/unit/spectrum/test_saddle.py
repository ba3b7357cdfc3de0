"""The stationary point of shared data is one of its own function, and forms are those of numpy."""

from __future__ import annotations

import numpy as np
import pytest

from madtheory._types import Array
from madtheory.spectrum import saddle
from madtheory.spectrum.mean_law import FEW, GRID, NODES

#: Three blocks, two models: one real set that both hold, a batch of the first, one column of both.
K, START = np.array([9.0, 14.0, 1.0]), np.array([1.0, 0.0, 0.1])
HELD = np.array([[0.1, 0.04], [0.0, 0.05], [0.01, 0.02]])
PARENT = np.array([[0.0, 0.0], [0.9, 0.0], [0.2, 0.0]])
DIM = 6.0


def value(x: Array, s: float) -> float:
    """d log(s + v_T) - b v + sum k log(1 + z a), in the logarithms of (v, b)."""
    v, b = np.split(np.exp(x), 2)
    a, z = START + PARENT @ v, HELD @ b
    return float(DIM * np.log(s + v[-1]) - b @ v + K @ np.log1p(z * a))


def found_at(shift: float = 1.0) -> Array:
    """The points at the few nodes, falling; from a start that is `shift` times what is expected."""
    expected = np.array([0.9, 0.9, 1e-3, 2e-3]) * shift
    logs = np.empty((len(FEW), 4))
    lists = saddle.sparse(HELD), saddle.sparse(PARENT)
    falling = np.ascontiguousarray(NODES[FEW][::-1])
    assert saddle.walk(falling, DIM, K, START, *lists, expected, saddle.onward(), logs)
    return logs


def test_points_are_stationary() -> None:
    logs, h = found_at(), 1e-4
    for node in range(5, len(FEW), 6):
        s = float(NODES[FEW][::-1][node])
        for e in np.eye(4):
            slope = value(logs[node] + h * e, s) - value(logs[node] - h * e, s)
            assert abs(slope / (2 * h)) < 1e-6 * DIM


def test_points_do_not_depend_on_the_first_guess() -> None:
    np.testing.assert_allclose(found_at(), found_at(1.5), atol=1e-9)


def test_no_point_is_said_to_be_none() -> None:
    logs, lists = np.empty((len(FEW), 4)), (saddle.sparse(HELD), saddle.sparse(PARENT))
    falling, none = np.ascontiguousarray(NODES[FEW][::-1]), np.full(4, np.nan)
    assert not saddle.walk(falling, DIM, K, START, *lists, none, saddle.onward(), logs)


def test_values_are_carried_on_by_polynomials() -> None:
    y = GRID[FEW][::-1]
    for power in range(5):
        for node in (5, 11, 12, 30):
            before = y[node - 1 : node - 6 : -1] if node > 5 else y[4::-1]
            assert saddle.onward()[node] @ before**power == pytest.approx(y[node] ** power)


def test_forms_are_those_of_numpy() -> None:
    rng = np.random.default_rng(3)
    H = rng.standard_normal((3, 5, 5))
    H = H + H.transpose(0, 2, 1)
    J = rng.standard_normal((3, 7, 5)) * (rng.random((3, 7, 5)) < 0.6)
    logs, found = saddle.forms(H, J, np.array([0, 3, 7]))
    np.testing.assert_allclose(logs, np.linalg.slogdet(H)[1], rtol=1e-12)
    for i, part in enumerate((slice(0, 3), slice(3, 7))):
        rows = J[:, part] - J[:, part].mean(axis=1, keepdims=True)
        exact = np.einsum("nra,nab,nrb->n", rows, np.linalg.inv(H), rows)
        np.testing.assert_allclose(found[:, i], exact, rtol=1e-10)


def test_a_singular_matrix_has_no_determinant() -> None:
    assert saddle.forms(np.ones((1, 2, 2)), np.zeros((1, 0, 2)), np.array([0]))[0] == -np.inf
