"""How the replicates of a chunk are recorded: streaming moments, and every value if wanted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from madtheory._compile import in_place
from madtheory._types import Array, Ints

#: Deviations below this do not enter a spread: their squares are slow denormals, or zero.
SMALL_SPREAD = 1e-150


class Tally(NamedTuple):
    """Where a chunk records its replicates: `first`, first + 1, ... of the whole run."""

    first: int
    replicates: int
    slots: Ints  # (last,): where generation t + 1 is recorded, -1 for nowhere
    wanted: Ints  # (Q,): what is recorded, by its position among the quantities
    mean: Array  # (Q, T)
    m2: Array  # (Q, T): sums of squared deviations
    paths: Array  # (all replicates, Q, T), or (0, 0, 0) when only moments are kept


@in_place
def tally_one(value: float, weight: float, mean: Array, m2: Array, slot: int) -> None:
    """Welford's update of mean[slot] and m2[slot] for any value, weight = 1 / count."""
    delta = value - mean[slot]
    step = delta * weight
    if abs(delta) < np.inf:
        mean[slot] += step
        m2[slot] += delta * (delta - step) if abs(delta) > SMALL_SPREAD else 0.0
    else:
        # An overflow has no finite spread; a sure -inf has none.
        high = max(value, mean[slot]) == np.inf
        mean[slot] = np.inf if high else -np.inf
        m2[slot] = np.inf if high else 0.0


@in_place
def record(tally: Tally, x: Array, replicate: int, slot: int) -> None:
    """Record the wanted ones of all quantities x of a replicate at one generation."""
    weight = 1.0 / (replicate + 1.0)
    for q in range(tally.wanted.size):
        tally_one(x[tally.wanted[q]], weight, tally.mean[q], tally.m2[q], slot)
    if tally.paths.size:
        for q in range(tally.wanted.size):
            tally.paths[tally.first + replicate, q, slot] = x[tally.wanted[q]]


@in_place
def tally_path(values: Array, weight: float, mean: Array, m2: Array) -> None:
    """Update the moments of one quantity at all generations; one pass on vector units."""
    finite = True
    for i in range(values.size):
        finite &= abs(values[i] - mean[i]) < np.inf
    if not finite:
        for i in range(values.size):
            tally_one(values[i], weight, mean, m2, i)
        return
    for i in range(values.size):
        delta = values[i] - mean[i]
        step = delta * weight
        mean[i] += step
        m2[i] += delta * (delta - step) if abs(delta) > SMALL_SPREAD else 0.0


@in_place
def record_path(tally: Tally, values: Array, replicate: int, q: int) -> None:
    """Record the wanted quantity q of a replicate at all generations."""
    tally_path(values, 1.0 / (replicate + 1.0), tally.mean[q], tally.m2[q])
    if tally.paths.size:
        for i in range(values.size):
            tally.paths[tally.first + replicate, q, i] = values[i]
