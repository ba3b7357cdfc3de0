"""A vocabulary in a loop (theory.md 4.2): only tokens alive are visited, but for fresh draws."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from madtheory._compile import in_place, kernel
from madtheory._types import Array, Ints
from madtheory.simulate.kernels.tally import Tally, record

#: What a run can record; the position is the index used by the kernels.
QUANTITIES = ("survivors", "mass", "heterozygosity", "top_share", "entropy", "favoured_share")


class Vocabulary(NamedTuple):
    """The loop as the kernel reads it."""

    n: int
    n_fresh: int
    p: Array  # (V,)
    tail: Array  # (V,): sums of p from each token on
    cdf: Array  # (V,): sums of p up to each token
    power: float  # 1/lambda, infinite at temperature 0


@in_place
def add_real(
    rng: np.random.Generator, n: int, p: Array, tail: Array, cdf: Array, counts: Ints
) -> None:
    """Add n real tokens: one by one, or by conditional binomials where these are fewer draws."""
    if n < p.size:
        for _ in range(n):
            # The last entry of cdf is 1 but for rounding.
            i = int(np.searchsorted(cdf, rng.random(), side="right"))
            counts[i if i < p.size else p.size - 1] += 1
        return
    for i in range(p.size):
        if n == 0:
            return
        share = p[i] / tail[i] if p[i] < tail[i] else 1.0
        drawn = rng.binomial(n, share)
        counts[i] += drawn
        n -= drawn


@in_place
def sharpen(counts: Ints, alive: Ints, size: int, power: float, weights: Array) -> None:
    """Write (count / largest)^power of the living tokens; infinity keeps the largest alone."""
    top = 0
    for i in range(size):
        top = max(top, counts[alive[i]])
    for i in range(size):
        count = counts[alive[i]]
        if power == 1.0:
            weights[i] = count
        elif count == top:
            weights[i] = 1.0
        else:
            weights[i] = math.exp(power * math.log(count / top)) if power < np.inf else 0.0


@in_place
def resample(
    rng: np.random.Generator, n: int, counts: Ints, alive: Ints, size: int, weights: Array
) -> None:
    """Replace the living counts by n draws of the weights: conditional binomials.

    The weight that is left is summed from the far end, so it never cancels.
    """
    left = 0.0
    for i in range(size - 1, -1, -1):
        left += weights[i]
        weights[i], weights[size + i] = left, weights[i]
    for i in range(size):
        weight, left = weights[size + i], weights[i]
        drawn = 0
        if n > 0:
            drawn = rng.binomial(n, weight / left) if weight < left else n
        counts[alive[i]] = drawn
        n -= drawn


@in_place
def living(counts: Ints, alive: Ints, size: int) -> int:
    """Keep those of the first `size` listed tokens that have a count."""
    kept = 0
    for i in range(size):
        if counts[alive[i]] > 0:
            alive[kept] = alive[i]
            kept += 1
    return kept


@in_place
def all_living(counts: Ints, alive: Ints) -> int:
    """List every token that has a count."""
    size = 0
    for i in range(counts.size):
        if counts[i] > 0:
            alive[size] = i
            size += 1
    return size


@in_place
def measure(
    counts: Ints, alive: Ints, size: int, total: float, p: Array, best: int, out: Array
) -> None:
    """Write QUANTITIES of the empirical distribution."""
    mass, square, top, entropy = 0.0, 0.0, 0.0, 0.0
    for i in range(size):
        share = counts[alive[i]] / total
        mass += p[alive[i]]
        square += share * (1.0 - share)
        top = max(top, share)
        entropy -= share * math.log(share)
    out[0], out[1], out[2] = size, min(mass, 1.0), square
    out[3], out[4], out[5] = top, entropy, counts[best] / total


@kernel
def category_chunk(rng: np.random.Generator, spec: Vocabulary, tally: Tally) -> None:
    """Run replicates of the loop; only tokens alive are visited, but for fresh draws."""
    n, n_fresh, p, tail, cdf = spec.n, spec.n_fresh, spec.p, spec.tail, spec.cdf
    counts, alive = np.zeros(p.size, np.int64), np.empty(p.size, np.int64)
    room = 2 * min(p.size, n + n_fresh)
    weights, x, best = np.empty(room), np.zeros(len(QUANTITIES)), int(np.argmax(p))
    for replicate in range(tally.replicates):
        counts[:] = 0
        add_real(rng, n + n_fresh, p, tail, cdf, counts)
        size = all_living(counts, alive)
        for t in range(tally.slots.size):
            if t > 0:
                sharpen(counts, alive, size, spec.power, weights)
                resample(rng, n, counts, alive, size, weights)
                if n_fresh:
                    add_real(rng, n_fresh, p, tail, cdf, counts)
                    size = all_living(counts, alive)
                else:
                    size = living(counts, alive, size)
            if tally.slots[t] >= 0:
                measure(counts, alive, size, n + n_fresh, p, best, x)
                record(tally, x, replicate, tally.slots[t])
