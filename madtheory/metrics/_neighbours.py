"""Compiled kernels of the k-NN metrics: squared distances to neighbours, balls that hold a point.

A block of products in float32 decides which pairs cannot matter: with g = -2 a.b of centred rows,
|a|^2 + |b|^2 + g misses the squared distance by at most a share of |a|^2 + |b|^2 (see `_screen`
beside), so `low_a + low_b + g` bounds it from below. Every pair that may matter is computed again
in float64 from its difference, columns in order, and that number alone enters a result: answers
do not depend on blocks, threads or the place of the data. Squared distances times `unit` are in
the units of the screening.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from madtheory._compile import kernel
from madtheory._types import Array, Ints

Singles = NDArray[np.float32]

#: Columns looked at together: the test over one strip uses vector units.
STRIP = 64


@kernel
def squared_distance(x: Array, y: Array, stop: float) -> float:
    """Sum of squared differences, in order; cut short once it exceeds `stop`."""
    total = 0.0
    for k in range(x.size):
        step = x[k] - y[k]
        total += step * step
        if total > stop:
            break
    return total


@kernel
def rounded_up(x: float) -> np.float32:
    """A float32 that is at least `x`."""
    return np.float32(x + abs(x) * 2.0**-22)


@kernel
def any_below(low: Singles, products: Singles, limit: np.float32) -> bool:
    """Whether some low[j] + products[j] is at most `limit`."""
    # 32-bit flags beside 32-bit numbers, no early exit: this loop becomes vector instructions.
    found = np.int32(0)
    for j in range(low.size):
        found |= np.int32(low[j] + products[j] <= limit)
    return bool(found)


@kernel
def insert(squares: Array, indices: Ints, square: float, index: int) -> None:
    """Put a neighbour into its place among the nearest, sorted; ties stay in order of arrival."""
    place = squares.size - 1
    while place > 0 and squares[place - 1] > square:
        squares[place] = squares[place - 1]
        indices[place] = indices[place - 1]
        place -= 1
    squares[place] = square
    indices[place] = index


@kernel
def nearest(
    x: Array,
    low: Singles,
    unit: float,
    products: Singles,
    row: int,
    column: int,
    squares: Array,
    indices: Ints,
) -> None:
    """Update the nearest other rows of x[row:] by those in x[column:]: one block of products."""
    rows, columns = products.shape
    others = low[column : column + columns]
    for i in range(row, row + rows):
        g = products[i - row]
        limit = rounded_up(squares[i, -1] * unit - low[i])
        for first in range(0, columns, STRIP):
            last = min(first + STRIP, columns)
            # Nothing is nearer than a neighbour at distance 0: repeated rows end here.
            if squares[i, -1] == 0.0 or not any_below(others[first:last], g[first:last], limit):
                continue
            for j in range(first, last):
                if others[j] + g[j] > limit or column + j == i:
                    continue
                square = squared_distance(x[i], x[column + j], squares[i, -1])
                if square < squares[i, -1]:
                    insert(squares[i], indices[i], square, column + j)
                    limit = rounded_up(squares[i, -1] * unit - low[i])


@kernel
def covered(
    x: Array,
    low: Singles,
    centres: Array,
    reach: Singles,
    inner: Array,
    outer: Array,
    products: Singles,
    row: int,
    column: int,
    held: Ints,
    owner: Ints,
    shells: Ints,
) -> None:
    """Count, up to two, the balls at centres[column:] that hold the rows x[row:].

    `reach` is the lower part of a centre's norm less its radius. `owner` is the first ball,
    `shells` lists balls that would hold the point if they grew from `inner` to `outer`, as many
    as there is room for (-1: none).
    """
    rows, columns = products.shape
    limits = reach[column : column + columns]
    for i in range(row, row + rows):
        g, limit = products[i - row], -low[i]
        for first in range(0, columns, STRIP):
            last = min(first + STRIP, columns)
            if held[i] == 2 or not any_below(limits[first:last], g[first:last], limit):
                continue
            for j in range(first, last):
                if held[i] == 2 or limits[j] + g[j] > limit:
                    continue
                ball = column + j
                square = squared_distance(x[i], centres[ball], outer[ball])
                if square <= inner[ball]:
                    if held[i] == 0:
                        owner[i] = ball
                    held[i] += 1
                elif square <= outer[ball]:
                    note(shells[i], ball)


@kernel
def note(slots: Ints, ball: int) -> None:
    """Write `ball` into the first free slot, if there is one."""
    for s in range(slots.size):
        if slots[s] < 0:
            slots[s] = ball
            return


@kernel
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
