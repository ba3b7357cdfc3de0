"""Sums of root eigenvalues against eigenvalues, and the poles against the root."""

import numpy as np
import pytest

from madtheory.simulate.kernels import root_trace as room

RNG = np.random.default_rng(6)


def symmetric(values):
    """A symmetric matrix of these eigenvalues, without the upper triangle."""
    q = np.linalg.qr(RNG.standard_normal((len(values), len(values))))[0]
    return np.tril((q * values) @ q.T)


@pytest.mark.parametrize(
    ("table", "ratio"), [(room.WIDE_TABLE, room.WIDE), (room.NARROW_TABLE, room.NARROW)]
)
def test_the_poles_are_a_root_over_their_whole_range(table, ratio):
    x = np.geomspace(ratio, 1.0, 1000)[:, None]
    assert (x / (x + table[0]) * table[1]).sum(axis=1) == pytest.approx(np.sqrt(x[:, 0]), rel=5e-14)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 16, 41, 90])
@pytest.mark.parametrize("ratio", [0.5, 1e-2, 1e-5, 1e-7])
def test_the_sum_of_roots_is_that_of_the_eigenvalues(size, ratio):
    values = np.geomspace(1.0, ratio, size) * 3.7
    # Rounding of the matrix moves the least eigenvalue by some 1e-16 of the largest.
    found = room.root_trace(symmetric(values), size)
    assert found == pytest.approx(np.sqrt(values).sum(), rel=1e-15 * size / np.sqrt(ratio))


@pytest.mark.parametrize("size", [3, 16, 41])
def test_the_tridiagonal_form_has_the_eigenvalues(size):
    values, W = RNG.uniform(-1.0, 1.0, size), np.zeros((6, size))
    room.tridiagonalise(symmetric(values), size, W)
    beside = np.sqrt(W[1, 1:])
    T = np.diag(W[0]) + np.diag(beside, 1) + np.diag(beside, -1)
    assert np.linalg.eigvalsh(T) == pytest.approx(np.sort(values), abs=1e-14)
    least = values.min()
    assert room.all_above(W, size, least - 1e-9)
    assert not room.all_above(W, size, least + 1e-9)
    assert room.bound(W, size) >= values.max()


@pytest.mark.parametrize("values", [[1.0, 1e-9, 2.0], [0.0, 1.0], [1.0, 1.0, 1.0, 1e-8]])
def test_what_the_poles_do_not_serve_is_left_to_others(values):
    assert room.root_trace(symmetric(np.array(values)), len(values)) == -1.0


def test_a_matrix_that_is_tridiagonal_is_left_as_it_is():
    M, W = np.diag(np.arange(1.0, 6.0)), np.zeros((6, 40))
    room.tridiagonalise(M, 5, W)
    assert W[0, :5].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert room.root_trace(np.diag([4.0, 9.0, 16.0, 25.0]), 4) == pytest.approx(14.0, rel=1e-14)
