"""Kernels of the saddle of :mod:`madtheory.spectrum.unrolled`: the point at every node, and forms.

Nodes are walked from s large, where all is as expected, to s small: the point before, carried on,
is a good guess, so that Newton's method needs two or three steps. Blocks see few models, so the
Hessian is assembled from lists of them.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from madtheory._compile import kernel
from madtheory._types import Array, Ints
from madtheory.spectrum.mean_law import FEW, GRID

#: Newton steps, the longest in logarithms, and the one at which they end, times c/(s + c): its
#: square is left, and what is sought is of that order.
_STEPS, _LONGEST, _SMALL = 60, 1.5, 1e-5
#: Points before that are carried on to the next.
_KNOWN = 5


@cache
def onward() -> Array:
    """Weights that carry values at the nodes `FEW` on, falling and latest first, (nodes, 5)."""
    y = GRID[FEW][::-1]
    weights = np.zeros((len(y), _KNOWN))
    for i in range(1, len(y)):
        before = y[max(i - _KNOWN, 0) : i][::-1]
        for k, at in enumerate(before):
            others = np.delete(before, k)
            weights[i, k] = np.prod((y[i] - others) / (at - others))
    return weights


def sparse(matrix: Array) -> tuple[Ints, Ints, Array]:
    """Where each row begins, and columns and values of what is not 0."""
    row, column = np.nonzero(matrix)
    begins = np.searchsorted(row, np.arange(len(matrix) + 1))
    return begins, column, matrix[row, column]


@kernel
def _factor(M: Array, order: Ints) -> float:
    """LU with partial pivoting in place, rows in `order`; log |det M|, -inf where it is 0."""
    n, log = len(M), 0.0
    for i in range(n):
        best = i
        for r in range(i + 1, n):
            if abs(M[r, i]) > abs(M[best, i]):
                best = r
        order[i] = best
        if best != i:
            for c in range(n):
                M[i, c], M[best, c] = M[best, c], M[i, c]
        pivot = M[i, i]
        if not abs(pivot) > 0:
            return -np.inf
        log += np.log(abs(pivot))
        for r in range(i + 1, n):
            if M[r, i] != 0:
                ratio = M[r, i] / pivot
                M[r, i] = ratio
                for c in range(i + 1, n):
                    M[r, c] -= ratio * M[i, c]
    return log


@kernel
def _solve(M: Array, order: Ints, x: Array) -> None:
    """Solve by the factors, in place."""
    n = len(M)
    for i in range(n):
        x[i], x[order[i]] = x[order[i]], x[i]
    for i in range(n):
        for c in range(i):
            x[i] -= M[i, c] * x[c]
    for i in range(n - 1, -1, -1):
        for c in range(i + 1, n):
            x[i] -= M[i, c] * x[c]
        x[i] /= M[i, i]


@kernel
def _assemble(
    x: Array,
    s: float,
    d: float,
    k: Array,
    start: Array,
    held: tuple[Ints, Ints, Array],
    parent: tuple[Ints, Ints, Array],
    g: Array,
    H: Array,
) -> None:
    """Gradient and Hessian in x = (v, b); of the latter what is below the diagonal, and it."""
    T = x.size // 2
    H[:] = 0.0
    for i in range(T):
        g[i], g[T + i] = -x[T + i], -x[i]
        H[T + i, i] = -1.0
    left = d / (s + x[T - 1])
    g[T - 1] += left
    H[T - 1, T - 1] -= left * left / d
    for j in range(k.size):
        z, a = 0.0, start[j]
        for p in range(held[0][j], held[0][j + 1]):
            z += held[2][p] * x[T + held[1][p]]
        for p in range(parent[0][j], parent[0][j + 1]):
            a += parent[2][p] * x[parent[1][p]]
        u = 1 / (1 + z * a)
        w = k[j] * u * u
        for p in range(parent[0][j], parent[0][j + 1]):
            i, here = parent[1][p], parent[2][p]
            g[i] += k[j] * u * z * here
            for q in range(parent[0][j], p + 1):
                H[i, parent[1][q]] -= w * z * z * here * parent[2][q]
            for q in range(held[0][j], held[0][j + 1]):
                H[T + held[1][q], i] += w * here * held[2][q]
        for p in range(held[0][j], held[0][j + 1]):
            i, here = T + held[1][p], held[2][p]
            g[i] += k[j] * u * a * here
            for q in range(held[0][j], p + 1):
                H[i, T + held[1][q]] -= w * a * a * here * held[2][q]


@kernel
def _step(x: Array, g: Array, H: Array, order: Ints) -> float:
    """Newton's step in the logarithms of x, in place; its size, nan where there is none."""
    n = x.size
    for i in range(n):
        for c in range(i + 1):
            H[i, c] *= x[i] * x[c]
            H[c, i] = H[i, c]
        g[i] *= x[i]
        H[i, i] += g[i]
    if not _factor(H, order) > -np.inf:
        return np.nan
    _solve(H, order, g)
    size = 0.0
    for i in range(n):
        if not np.isfinite(g[i]):
            return np.nan
        size = max(size, abs(g[i]))
    share = min(1.0, _LONGEST / max(size, 1e-300))
    for i in range(n):
        x[i] *= np.exp(-share * g[i])
    return size


@kernel
def walk(
    s: Array,
    d: float,
    k: Array,
    start: Array,
    held: tuple[Ints, Ints, Array],
    parent: tuple[Ints, Ints, Array],
    expected: Array,
    ahead: Array,
    found: Array,
) -> bool:
    """The points at falling s; `found` takes the logarithms, shape (nodes, 2 T)."""
    n = expected.size
    x, g, H, order = expected.copy(), np.empty(n), np.empty((n, n)), np.empty(n, np.int64)
    for node in range(s.size):
        if node:
            x[:] = 0.0
            for i in range(min(node, _KNOWN)):
                x += ahead[node, i] * found[node - 1 - i]
            x[:] = np.exp(x)
        size, steps = np.inf, 0
        small = _SMALL * expected[n // 2 - 1] / (s[node] + expected[n // 2 - 1])
        while not size < small:
            _assemble(x, s[node], d, k, start, held, parent, g, H)
            size = _step(x, g, H, order)
            steps += 1
            if steps > _STEPS or not np.isfinite(size):
                return False
        found[node] = np.log(x)
    return True


@kernel
def _inverse(M: Array, order: Ints, into: Array) -> None:
    """The inverse of a symmetric matrix by its factors, row by row."""
    into[:] = 0.0
    for i in range(len(M)):
        into[i, i] = 1.0
        _solve(M, order, into[i])


@kernel
def _form(G: Array, x: Array, at: Ints, count: int) -> float:
    """x G x, x not 0 at the first `count` of `at`."""
    total = 0.0
    for p in range(count):
        for q in range(count):
            total += x[at[p]] * G[at[p], at[q]] * x[at[q]]
    return total


@kernel
def _nonzero(x: Array, at: Ints) -> int:
    """How many entries are not 0, and where."""
    count = 0
    for c in range(x.size):
        if x[c] != 0:
            at[count] = c
            count += 1
    return count


@kernel
def forms(H: Array, J: Array, begins: Ints) -> tuple[Array, Array]:
    """log |det H|, shape (n,), and of each batch of rows of J the sum of x H^-1 x, less its mean.

    H has shape (n, m, m), J (n, r, m), the second result (n, batches).
    """
    n, m = H.shape[:2]
    logs, found = np.empty(n), np.zeros((n, begins.size - 1))
    M, G, mean = np.empty((m, m)), np.empty((m, m)), np.empty(m)
    order, at = np.empty(m, np.int64), np.empty(m, np.int64)
    for i in range(n):
        M[:] = H[i]
        logs[i] = _factor(M, order)
        if begins.size > 1:
            _inverse(M, order, G)
        for batch in range(begins.size - 1):
            mean[:] = 0.0
            rows = begins[batch + 1] - begins[batch]
            for j in range(begins[batch], begins[batch + 1]):
                found[i, batch] += _form(G, J[i, j], at, _nonzero(J[i, j], at))
                mean += J[i, j] / rows
            found[i, batch] -= rows * _form(G, mean, at, _nonzero(mean, at))
    return logs, found
