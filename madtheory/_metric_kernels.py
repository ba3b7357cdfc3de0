"""Compiled kernels of the k-NN metrics: squared distances to neighbours, balls that hold a point.

A block of products decides which pairs cannot matter: with g = a.b of centred rows, the computed
|a|^2 + |b|^2 - 2 g misses the squared distance by at most a share of |a|^2 + |b|^2 (see
:func:`madtheory.metrics.precision_recall`), so `low_a + low_b - 2 g` bounds it from below. Every
pair that may matter is computed again from its difference, columns in order, and that number
alone enters a result: answers do not depend on blocks, threads or the place of the data.
"""

from __future__ import annotations

import numpy as np

from madtheory._kernels import Floats, Ints, _kernel

__all__ = ["covered", "nearest", "removal_effects"]

#: Columns looked at together: the test over one strip uses vector units.
STRIP = 64


@_kernel
def squared_distance(x: Floats, y: Floats, stop: float) -> float:
    """Sum of squared differences, in order; cut short once it exceeds `stop`."""
    total = 0.0
    for k in range(x.size):
        step = x[k] - y[k]
        total += step * step
        if total > stop:
            break
    return total


@_kernel
def any_below(low: Floats, products: Floats, first: int, last: int, limit: float) -> bool:
    """Whether some low[j] - 2 products[j] is at most `limit`, j in [first, last)."""
    hits = 0
    for j in range(first, last):
        hits += low[j] - 2.0 * products[j] <= limit
    return hits > 0


@_kernel
def insert(squares: Floats, indices: Ints, square: float, index: int) -> None:
    """Put a neighbour into its place among the nearest, sorted; ties stay in order of arrival."""
    place = squares.size - 1
    while place > 0 and squares[place - 1] > square:
        squares[place] = squares[place - 1]
        indices[place] = indices[place - 1]
        place -= 1
    squares[place] = square
    indices[place] = index


@_kernel
def nearest(
    x: Floats,
    low: Floats,
    products: Floats,
    row: int,
    column: int,
    squares: Floats,
    indices: Ints,
) -> None:
    """Update the nearest other rows of x[row:] by those in x[column:]: one block of products."""
    rows, columns = products.shape
    for i in range(row, row + rows):
        g, others = products[i - row], low[column : column + columns]
        for first in range(0, columns, STRIP):
            worst = squares[i, -1]
            last = min(first + STRIP, columns)
            # Nothing is nearer than a neighbour at distance 0: repeated rows end here.
            if worst == 0.0 or not any_below(others, g, first, last, worst - low[i]):
                continue
            for j in range(first, last):
                if others[j] - 2.0 * g[j] > squares[i, -1] - low[i] or column + j == i:
                    continue
                square = squared_distance(x[i], x[column + j], squares[i, -1])
                if square < squares[i, -1]:
                    insert(squares[i], indices[i], square, column + j)


@_kernel
def covered(
    x: Floats,
    low: Floats,
    centres: Floats,
    reach: Floats,
    inner: Floats,
    outer: Floats,
    products: Floats,
    row: int,
    column: int,
    held: Ints,
    owner: Ints,
    shells: Ints,
) -> None:
    """Count, up to two, the balls at centres[column:] that hold the rows x[row:].

    `owner` is the first ball, `shells` lists balls that would hold the point if they grew from
    `inner` to `outer`, as many as there is room for (-1: none).
    """
    rows, columns = products.shape
    for i in range(row, row + rows):
        g, limits = products[i - row], reach[column : column + columns]
        for first in range(0, columns, STRIP):
            last = min(first + STRIP, columns)
            if held[i] == 2 or not any_below(limits, g, first, last, -low[i]):
                continue
            for j in range(first, last):
                if held[i] == 2 or limits[j] - 2.0 * g[j] > -low[i]:
                    continue
                ball = column + j
                square = squared_distance(x[i], centres[ball], outer[ball])
                if square <= inner[ball]:
                    if held[i] == 0:
                        owner[i] = ball
                    held[i] += 1
                elif square <= outer[ball]:
                    note(shells[i], ball)


@_kernel
def note(slots: Ints, ball: int) -> None:
    """Write `ball` into the first free slot, if there is one."""
    for s in range(slots.size):
        if slots[s] < 0:
            slots[s] = ball
            return


@_kernel
def removal_effects(held: Ints, owner: Ints, shells: Ints, neighbours: Ints, effects: Ints) -> None:
    """Add to effects[c] how many more points are held once centre c is removed.

    A removed centre takes its ball with it, and the balls of which it was a neighbour grow to
    their next one. Only points in at most one ball can change sides.
    """
    mark = np.full(effects.size, -1, np.int64)
    for i in range(held.size):
        if held[i] == 2:
            continue
        for s in range(shells.shape[1]):
            if shells[i, s] < 0:
                break
            for centre in neighbours[shells[i, s]]:
                if mark[centre] != i:
                    mark[centre] = i
                    effects[centre] += held[i] == 0
        if held[i] == 1 and mark[owner[i]] != i:
            effects[owner[i]] -= 1
