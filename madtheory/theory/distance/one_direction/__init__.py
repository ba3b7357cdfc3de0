"""E W2^2 where one direction holds all (d = 1), of memory 1, beside real data (theory.md 2.10)."""

from __future__ import annotations

import numpy as np

from madtheory._types import Array
from madtheory.loop import Loop
from madtheory.theory.distance.fidelity import HEAVY, WIDEST, Spread
from madtheory.theory.distance.one_direction import projective, series, step

#: Of the chi-square that v resembles: a series serves from so many degrees of freedom on.
_MANY = 60.0


def covers(loop: Loop, rank: int) -> bool:
    """Whether one direction holds all, and two numbers are a model.

    Two fixed samples alone are often as good as one: neither way says how far it is off then.
    """
    bare = not (loop.shrinkage or loop.floor or loop.has_spectrum or loop.budget)
    real = loop.n_fresh > 0 or loop.n_fixed > 2
    real = real and loop.weight != 0
    return rank == 1 and bare and real and loop.memory == 1 and loop.pooled == 1


def _chained(loop: Loop, spread: Spread, rows: Array) -> Array:
    """Deficits by collocation where they declare less; bounds stay."""
    value, error = projective.deficits(loop, spread)
    better = error < rows[3]
    value = np.clip(value, rows[1], rows[2])
    return np.where(better, np.stack([value, *rows[1:3], error]), rows)


def _has_moments(spread: Spread) -> bool:
    """Whether rare paths do not make them infinite, nor Sigma constant."""
    wide, mean_sq = np.max(spread.diagonal), np.max(spread.mean_sq)
    return bool(np.min(spread.diagonal) > 0 and wide < HEAVY and mean_sq < WIDEST)


def sharper_limit(loop: Loop, spread: Spread, rows: Array, *, precise: bool) -> Array:
    """Rows value, lower, upper, error of the deficit at the limit.

    By the series in some ten milliseconds; `precise`: beside a fixed set, and of few samples by
    collocation, in up to two seconds.
    """
    if not _has_moments(spread):
        return rows
    if 2 / spread.diagonal < _MANY and projective.covers(loop):
        return _chained(loop, spread, rows) if precise else rows
    found = None if loop.n_fixed and not precise else series.deficit(loop, spread)
    return rows if found is None or found[3] >= rows[3] else found


def sharper_path(loop: Loop, spread: Spread, rows: Array) -> Array:
    """The same of generations 1..T by collocation; as it is where it declares more."""
    if not (_has_moments(spread) and projective.covers(loop) and step.first(loop)):
        return rows
    return _chained(loop, spread, rows)
