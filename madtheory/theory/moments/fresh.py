"""Moments of the fresh data loop as maps, in rational arithmetic (theory.md 2.2, 2.3)."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check
from madtheory.loop import Loop, require_fresh_memory_one
from madtheory.theory.moments import fresh_maps

if TYPE_CHECKING:
    from madtheory._types import Array

Rows = list[list[Fraction]]


# --- rational arithmetic -------------------------------------------------------------------------


def floats(rows: Rows) -> Array:
    """Rounded matrix of fractions."""
    return np.array([[float(x) for x in row] for row in rows])


def parameters(loop: Loop) -> tuple[Fraction, Fraction, Fraction]:
    """(n_r, n_s, lambda) exactly."""
    return Fraction(loop.n_fresh), Fraction(loop.n_synth), Fraction(loop.bias)


def solve(A: Rows, b: list[Fraction]) -> list[Fraction] | None:
    """Solve x = A x + b by elimination without rounding; None where 1 is an eigenvalue."""
    n = len(b)
    rows = [[Fraction(i == j) - A[i][j] for j in range(n)] + [b[i]] for i in range(n)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(n):
            if i != k and rows[i][k]:
                ratio = rows[i][k] / rows[k][k]
                rows[i] = [x - ratio * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [rows[k][n] / rows[k][k] for k in range(n)]


# --- first moments -------------------------------------------------------------------------------


def first_moment_map(loop: Loop) -> tuple[Array, Array]:
    """Affine map of (E |mu|^2, E tr Sigma) / tr Sigma_0 (theory.md 2.2, exact, any Sigma_0).

    Parameters
    ----------
    loop : Loop
        A fresh data loop with memory 1.

    Returns
    -------
    A : ndarray, shape (2, 2)
    b : ndarray, shape (2,)

    Raises
    ------
    UnsupportedLoop
        For any other loop.

    Examples
    --------
    >>> A, b = first_moment_map(fresh_data(1, 1, bias=1.0))
    >>> A.tolist(), b.tolist()
    ([[0.25, 0.25], [0.5, 0.5]], [0.25, 0.5])
    """
    require_fresh_memory_one(loop, "first_moment_map")
    A, b = fresh_maps.first_map(*parameters(loop))
    return floats(A), np.array([float(x) for x in b])


# --- second moments ------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def second_map(
    dim: int, n_r: Fraction, n_s: Fraction, bias: Fraction
) -> tuple[Rows, list[Fraction]]:
    """Return the seven-invariant map, exactly."""
    return fresh_maps.second_map(Fraction(dim), n_r, n_s, bias)


def second_moment_map(loop: Loop, dim: int) -> tuple[Array, Array]:
    """Affine map of the seven second-moment invariants, Sigma_0 = I (theory.md 2.3, exact).

    Order: E of |mu|^2, tr Sigma, |mu|^4, |mu|^2 tr Sigma, mu^T Sigma mu, (tr Sigma)^2, tr Sigma^2.

    Parameters
    ----------
    loop : Loop
        A fresh data loop with memory 1.
    dim : int
        Dimension d.

    Returns
    -------
    A : ndarray, shape (7, 7)
    b : ndarray, shape (7,)

    Examples
    --------
    >>> A, b = second_moment_map(fresh_data(10, 20, bias=0.5), 3)
    >>> A.shape, b.shape
    ((7, 7), (7,))
    """
    require_fresh_memory_one(loop, "second_moment_map")
    A, b = second_map(_check.count("dim", dim), *parameters(loop))
    return floats(A), np.array([float(x) for x in b])


def first_model(loop: Loop, dim: int) -> Array:
    """The seven invariants at t = 1: N(0, Sigma/n) and an independent Wishart."""
    d, n = Fraction(dim), Fraction(loop.n_initial)
    return np.array([float(x) for x in fresh_maps.initial(d, n, Fraction(loop.first_bias))])


def is_moment_vector(x: list[Fraction], dim: int) -> bool:
    """Whether x satisfies the inequalities between moments."""
    M, C, M2, MC, sandwich, T1, T2 = x
    positive = min(M, C, M2, MC, sandwich, T1, T2) >= 0
    return positive and M2 >= M * M and T1 >= C * C and T1 >= T2 >= T1 / dim
