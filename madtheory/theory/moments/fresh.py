"""Moments of the fresh data loop as maps, in rational arithmetic (theory.md 2.2, 2.3)."""

from __future__ import annotations

import math
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


def floats(x: Rows | list[Fraction]) -> Array:
    """Rounded matrix or vector of fractions."""
    return np.array(x, dtype=np.float64)


def parameters(loop: Loop) -> tuple[Fraction, Fraction, Fraction]:
    """(n_r, n_s, lambda) exactly."""
    return Fraction(loop.n_fresh), Fraction(loop.n_synth), Fraction(loop.scalar_bias)


def _whole(row: list[Fraction], i: int, b: Fraction) -> list[int]:
    """Row i of 1 - A and b in whole numbers."""
    unit = math.lcm(*(x.denominator for x in row), b.denominator)
    whole = [-x.numerator * (unit // x.denominator) for x in row]
    whole[i] += unit
    return [*whole, b.numerator * (unit // b.denominator)]


def solve(A: Rows, b: list[Fraction]) -> list[Fraction] | None:
    """Solve x = A x + b without rounding; None where 1 is an eigenvalue.

    Bareiss: whole numbers stay whole and as short as minors are, ten times as fast as fractions.
    """
    n, minor = len(b), 1
    rows = [_whole(A[i], i, b[i]) for i in range(n)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        top = rows[k]
        for i in range(k + 1, n):
            row, own = rows[i], rows[i][k]
            for j in range(k + 1, n + 1):
                row[j] = (top[k] * row[j] - own * top[j]) // minor
        minor = top[k]
    x = [0] * n  # times the determinant, which is the last minor
    for k in reversed(range(n)):
        known = sum(rows[k][j] * x[j] for j in range(k + 1, n))
        x[k] = (rows[k][n] * minor - known) // rows[k][k]
    return [Fraction(y, minor) for y in x]


def first_moment_map(loop: Loop) -> tuple[Array, Array]:
    """Affine map (A, b) of (E |mu|^2, E tr Sigma) / tr Sigma_0 of the fresh data loop, memory 1.

    theory.md 2.2, exact at any Sigma_0. Shapes (2, 2) and (2,).

    Examples
    --------
    >>> A, b = first_moment_map(fresh_data(1, 1, bias=1.0))
    >>> A.tolist(), b.tolist()
    ([[0.25, 0.25], [0.5, 0.5]], [0.25, 0.5])
    """
    require_fresh_memory_one(loop, "first_moment_map")
    A, b = fresh_maps.first_map(*parameters(loop))
    return floats(A), floats(b)


@lru_cache(maxsize=1024)
def second_map(
    dim: int, n_r: Fraction, n_s: Fraction, bias: Fraction
) -> tuple[Rows, list[Fraction]]:
    """Return the seven-invariant map, exactly."""
    return fresh_maps.second_map(Fraction(dim), n_r, n_s, bias)


def second_moment_map(loop: Loop, dim: int) -> tuple[Array, Array]:
    """Affine map (A, b) of :class:`madtheory.results.SecondMoments` of the same loop (2.3, exact).

    Shapes (7, 7) and (7,).

    Examples
    --------
    >>> A, b = second_moment_map(fresh_data(10, 20, bias=0.5), 3)
    >>> A.shape, b.shape
    ((7, 7), (7,))
    """
    require_fresh_memory_one(loop, "second_moment_map")
    A, b = second_map(_check.count("dim", dim), *parameters(loop))
    return floats(A), floats(b)


def first_model(loop: Loop, dim: int) -> Array:
    """The seven invariants at t = 1: N(0, Sigma/n) and an independent Wishart."""
    d, n = Fraction(dim), Fraction(loop.n_initial)
    return floats(fresh_maps.initial(d, n, Fraction(loop.first_bias)))


def is_moment_vector(x: list[Fraction], dim: int) -> bool:
    """Whether x satisfies the inequalities between moments."""
    M, C, M2, MC, sandwich, T1, T2 = x
    positive = min(M, C, M2, MC, sandwich, T1, T2) >= 0
    return positive and M2 >= M * M and T1 >= C * C and T1 >= T2 >= T1 / dim
