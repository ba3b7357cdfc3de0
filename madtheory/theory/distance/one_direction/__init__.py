"""E W2^2 where one direction holds all (d = 1), of memory 1, beside real data (theory.md 2.10)."""

from __future__ import annotations

import numpy as np

from madtheory._types import Array
from madtheory.loop import Loop
from madtheory.theory.distance.fidelity import HEAVY, WIDEST, Spread
from madtheory.theory.distance.one_direction import projective, series

#: Of the chi-square that v resembles: a series serves from so many degrees of freedom on.
_MANY = 60.0


def covers(loop: Loop, rank: int) -> bool:
    """Whether one direction holds all, and two numbers are a model."""
    bare = not (loop.shrinkage or loop.floor or loop.has_spectrum or loop.budget)
    real = loop.n_real > 0 and loop.weight != 0
    return rank == 1 and bare and real and loop.memory == 1 and loop.pooled == 1


def _chained(loop: Loop, spread: Spread, rows: Array) -> Array:
    """Deficits by collocation where they declare less; bounds stay."""
    value, error = projective.deficits(loop, spread)
    better = error < rows[3]
    value = np.clip(value, rows[1], rows[2])
    return np.stack(
        [np.where(better, value, rows[0]), *rows[1:3], np.where(better, error, rows[3])]
    )


def sharper_limit(loop: Loop, spread: Spread, rows: Array) -> Array:
    """Rows value, lower, upper, error of the deficit at the limit, in up to two seconds."""
    if not (0 < spread.diagonal < HEAVY and spread.mean_sq < WIDEST):
        return rows
    if 2 / spread.diagonal < _MANY and projective.covers(loop):
        return _chained(loop, spread, rows)
    found = series.deficit(loop, spread)
    return rows if found is None or found[3] >= rows[3] else found
