"""Sums of root eigenvalues without the eigenvalues: a tridiagonal form, and the root by poles.

sqrt(x) is x sum_j w_j / (x + p_j) to rounding over eight decades (Hale, Higham and Trefethen 2008),
so that tr M^{1/2} is a sum of traces of resolvents, and these are recurrences along the diagonals.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from madtheory._compile import in_place, kernel, reducing_kernel
from madtheory._types import Array

#: Least over largest eigenvalue that the poles serve; more of them are nowhere seen.
WIDE, WIDE_POLES = 1e-8, 40
NARROW, NARROW_POLES = 1e-3, 20
#: Squared norms below this are zero in reflections: their digits may have underflowed.
NEGLIGIBLE = 1e-290


def poles_of(ratio: float, count: int) -> Array:
    """Poles p and weights w of sqrt(x) = x sum w/(x + p) on [ratio, 1], shape (2, count).

    Hale, Higham and Trefethen (2008), method 3; by theta functions, since the elliptic functions
    of libraries lose half their digits where `ratio` is small.

    Examples
    --------
    >>> p, w = poles_of(1e-3, 16)
    >>> x = np.array([1e-3, 0.1, 1.0])
    >>> bool(np.allclose((x[:, None] / (x[:, None] + p) * w).sum(axis=1), np.sqrt(x), rtol=1e-13))
    True
    """
    period, other = special.ellipk(ratio), special.ellipkm1(ratio)
    u = (np.arange(count) + 0.5) * other / count
    q, z, n = math.exp(-math.pi * other / period), math.pi * u / (2 * period), np.arange(8)[:, None]
    # sc(u | 1 - ratio) = -i sn(i u | ratio)
    one = ((-1.0) ** n * q ** ((n + 0.5) ** 2) * np.sinh((2 * n + 1) * z)).sum(axis=0)
    four = 1 + 2 * ((-1.0) ** (n + 1) * q ** ((n + 1) ** 2) * np.cosh(2 * (n + 1) * z)).sum(axis=0)
    square = (2 * one / four) ** 2 / math.sqrt(ratio)
    weight = 2 * other * math.sqrt(ratio) / (math.pi * count)
    return np.array([ratio * square, weight * np.sqrt((1 + square) * (1 + ratio * square))])


WIDE_TABLE, NARROW_TABLE = poles_of(WIDE, WIDE_POLES), poles_of(NARROW, NARROW_POLES)


@reducing_kernel
def reflect_symmetric(M: Array, i: int, W: Array) -> float:
    """Apply A - u w^T - w u^T to A = M[:i, :i] and write A v; return v^T A v.

    u, w, v and A v are W[2], W[3], W[4], W[5]. Lower triangles; two rows share what they read.
    """
    for c in range(i):
        W[5, c] = 0.0
    for r in range(0, i - i % 2, 2):
        u, w, v, u_1, w_1, v_1 = W[2, r], W[3, r], W[4, r], W[2, r + 1], W[3, r + 1], W[4, r + 1]
        x, y = 0.0, 0.0
        for c in range(r):
            a = M[r, c] - u * W[3, c] - w * W[2, c]
            b = M[r + 1, c] - u_1 * W[3, c] - w_1 * W[2, c]
            M[r, c], M[r + 1, c] = a, b
            x += a * W[4, c]
            y += b * W[4, c]
            W[5, c] += v * a + v_1 * b
        a, b = M[r, r] - 2.0 * u * w, M[r + 1, r] - u_1 * w - w_1 * u
        d = M[r + 1, r + 1] - 2.0 * u_1 * w_1
        M[r, r], M[r + 1, r], M[r + 1, r + 1] = a, b, d
        W[5, r] += x + a * v + b * v_1
        W[5, r + 1] += y + b * v + d * v_1
    if i % 2:
        r, x = i - 1, 0.0
        for c in range(r):
            a = M[r, c] - W[2, r] * W[3, c] - W[3, r] * W[2, c]
            M[r, c] = a
            x += a * W[4, c]
            W[5, c] += W[4, r] * a
        M[r, r] -= 2.0 * W[2, r] * W[3, r]
        W[5, r] += x + M[r, r] * W[4, r]
    total = 0.0
    for c in range(i):
        total += W[5, c] * W[4, c]
    return total


@reducing_kernel
def tridiagonalise(M: Array, size: int, W: Array) -> None:
    """Reduce symmetric M (lower triangle, overwritten) by reflections, last row first.

    Writes the diagonal into W[0] and squares of what is beside it, W[1, i] = T[i, i-1]^2. Each
    update waits for the product with the next reflection: one pass over the matrix a row.
    """
    for i in range(size):
        W[2, i], W[3, i] = 0.0, 0.0
    for i in range(size - 1, -1, -1):
        square = 0.0
        for c in range(i):
            W[4, c] = M[i, c] - W[2, i] * W[3, c] - W[3, i] * W[2, c]
            square += W[4, c] * W[4, c]
        W[0, i], W[1, i] = M[i, i] - 2.0 * W[2, i] * W[3, i], square
        if i < 2:
            continue
        beta = 0.0
        if square >= NEGLIGIBLE:
            alpha = -math.copysign(math.sqrt(square), W[4, i - 1])
            W[4, i - 1] -= alpha
            beta = -1.0 / (alpha * W[4, i - 1])
        half = 0.5 * beta * beta * reflect_symmetric(M, i, W)
        for c in range(i):
            W[2, c], W[3, c] = W[4, c], beta * W[5, c] - half * W[4, c]


@in_place
def bound(W: Array, size: int) -> float:
    """Return an upper bound of the eigenvalues of the tridiagonal W[:2] (Gershgorin)."""
    top, before = 0.0, 0.0
    for i in range(size):
        after = math.sqrt(W[1, i + 1]) if i + 1 < size else 0.0
        top = max(top, before + W[0, i] + after)
        before = after
    return top


@in_place
def all_above(W: Array, size: int, level: float) -> bool:
    """Tell whether all eigenvalues of the tridiagonal W[:2] are above `level` (Sturm)."""
    pivot = 1.0
    for i in range(size):
        pivot = W[0, i] - level - (W[1, i] / pivot if i else 0.0)
        if not pivot > 0.0:
            return False
    return True


@reducing_kernel
def sum_of_poles(W: Array, size: int, top: float, table: Array) -> float:
    """Return the sum of root eigenvalues of the tridiagonal W[:2], between ratio * top and top.

    W[2] is 1/pivot of each s T/top + p, W[3] its logarithmic derivative in s at 1, W[4] the sums
    of these: tr T (T + p top)^-1, without cancelling where p is large.
    """
    count, unit, total = table.shape[1], 1.0 / top, 0.0
    for j in range(count):
        W[2, j], W[3, j], W[4, j] = 0.0, 0.0, 0.0
    for i in range(size):
        a, b = unit * W[0, i], (unit * W[1, i]) * unit if i else 0.0
        for j in range(count):
            r = b * W[2, j]
            inverse = 1.0 / (a + table[0, j] - r)
            W[3, j] = (a - r * (2.0 - W[3, j])) * inverse
            W[2, j] = inverse
            W[4, j] += W[3, j]
    for j in range(count):
        total += table[1, j] * W[4, j]
    return total * math.sqrt(top)


@kernel
def root_trace(M: Array, size: int) -> float:
    """Return the sum of root eigenvalues of M (lower triangle given, overwritten).

    -1 when an eigenvalue may be less than WIDE of the largest. Right to some rounding errors of
    the largest eigenvalue over the root of the least, 1e-12 of the sum at worst.
    """
    W = np.empty((6, max(size, WIDE_POLES)))
    tridiagonalise(M, size, W)
    top = bound(W, size)
    if all_above(W, size, NARROW * top):
        return sum_of_poles(W, size, top, NARROW_TABLE)
    if all_above(W, size, WIDE * top):
        return sum_of_poles(W, size, top, WIDE_TABLE)
    return -1.0
