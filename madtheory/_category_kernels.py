"""Compiled kernels of the categorical loop (theory.md 4.2): no validation here.

The eliminations follow Grassmann, Taksar and Heyman (1985): only positive numbers are added,
multiplied and divided, so that every answer keeps its relative accuracy, also where a chain takes
e^n generations to leave a state.
"""

from __future__ import annotations

import math

import numpy as np

from madtheory._compile import Floats, Ints, kernel
from madtheory._kernels import keep, tally

__all__ = [
    "QUANTITIES",
    "absorb",
    "category_chunk",
    "kept",
    "line_sizes",
    "parents",
    "stationary",
]

#: What a run can record; the position is the index used by the kernels.
QUANTITIES = ("survivors", "mass", "heterozygosity", "top_share", "entropy", "favoured_share")


# --- family lines --------------------------------------------------------------------------------


@kernel
def kept(c: float, n: int, total: int) -> float:
    """c -> 1 - (1 - c/N)^n: a line is kept when one of its Binomial(n, 1/N) offspring is."""
    return -math.expm1(n * math.log1p(-c / total)) if c < total else 1.0


@kernel
def parents(lines: float, total: int) -> float:
    """Upper bound on the mean number of distinct parents, from that of the lines: concave in it."""
    if total == 1:
        return min(lines, 1.0)
    return min(lines, -total * math.expm1(lines * math.log1p(-1.0 / total)))


@kernel
def line_sizes(n: int, total: int, sizes: Floats) -> tuple[int, float]:
    """Write c_0, c_1, ... until they fall geometrically; return their number and E founders.

    From there on the mean number a of lines has a_(s+1) <= a_s n/N, and the series sums to a_s.
    """
    rest = (total - n) / total
    c, lines, founders, count = 1.0, float(total), 0.0, 0
    while c > 1e-3 * rest and count < sizes.size - 1:
        sizes[count] = c
        founders += rest * lines
        c, lines, count = kept(c, n, total), parents(n * (lines / total), total), count + 1
    sizes[count] = c
    return count + 1, founders + lines


# --- elimination ---------------------------------------------------------------------------------


@kernel
def _eliminate(chain: Floats, k: int, leave: float, cost: Floats) -> None:
    """Skip state k: every lower state that moves to it moves on at once (absorbing chain)."""
    row, last = chain[k], chain.shape[0] - 1
    for i in range(1, k):
        share = chain[i, k] / leave
        if share > 0.0:
            target = chain[i]
            for j in range(1, k):
                target[j] += share * row[j]
            target[last] += share * row[last]
            target[0] += share * row[0]
            cost[i] += share * cost[k]


@kernel
def absorb(chain: Floats, hit: Floats, time: Floats) -> float:
    """Write P(end in the last state) and E steps to either end, by start; chain is destroyed.

    Returns the smallest probability to leave a state, among those that are lower or ends.
    """
    last = chain.shape[0] - 1
    leave, least = np.ones(last + 1), 1.0
    time[1:last] = 1.0
    for k in range(last - 1, 0, -1):
        leave[k] = chain[k, 0] + chain[k, last]
        for j in range(1, k):
            leave[k] += chain[k, j]
        least = min(least, leave[k])
        _eliminate(chain, k, leave[k], time)
    hit[0], hit[last], time[0], time[last] = 0.0, 1.0, 0.0, 0.0
    for k in range(1, last):
        reach, steps = chain[k, last], time[k]
        for j in range(1, k):
            reach += chain[k, j] * hit[j]
            steps += chain[k, j] * time[j]
        hit[k], time[k] = reach / leave[k], steps / leave[k]
    return least


@kernel
def stationary(chain: Floats, law: Floats) -> float:
    """Write the stationary law; chain is destroyed. Returns the least probability to leave."""
    states, least = chain.shape[0], 1.0
    for k in range(states - 1, 0, -1):
        row, leave = chain[k], 0.0
        for j in range(k):
            leave += row[j]
        least = min(least, leave)
        for i in range(k):
            share = chain[i, k] / leave
            chain[i, k] = share
            if share > 0.0:
                target = chain[i]
                for j in range(k):
                    target[j] += share * row[j]
    law[0] = total = 1.0
    for k in range(1, states):
        law[k] = 0.0
        for i in range(k):
            law[k] += law[i] * chain[i, k]
        total += law[k]
    for k in range(states):
        law[k] /= total
    return least


# --- simulation ----------------------------------------------------------------------------------


@kernel
def _add_real(
    rng: np.random.Generator, n: int, p: Floats, tail: Floats, cdf: Floats, counts: Ints
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


@kernel
def _sharpen(counts: Ints, alive: Ints, size: int, power: float, weights: Floats) -> None:
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


@kernel
def _resample(
    rng: np.random.Generator, n: int, counts: Ints, alive: Ints, size: int, weights: Floats
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


@kernel
def _living(counts: Ints, alive: Ints, size: int) -> int:
    """Keep those of the first `size` listed tokens that have a count."""
    kept = 0
    for i in range(size):
        if counts[alive[i]] > 0:
            alive[kept] = alive[i]
            kept += 1
    return kept


@kernel
def _all_living(counts: Ints, alive: Ints) -> int:
    """List every token that has a count."""
    size = 0
    for i in range(counts.size):
        if counts[i] > 0:
            alive[size] = i
            size += 1
    return size


@kernel
def _measure(
    counts: Ints, alive: Ints, size: int, total: float, p: Floats, best: int, out: Floats
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
def category_chunk(
    rng: np.random.Generator,
    replicates: int,
    n: int,
    n_fresh: int,
    p: Floats,
    tail: Floats,
    cdf: Floats,
    power: float,
    slots: Ints,
    wanted: Ints,
    mean: Floats,
    m2: Floats,
    paths: Floats,
) -> None:
    """Run replicates of the loop; only tokens alive are visited, but for fresh draws."""
    counts, alive = np.zeros(p.size, np.int64), np.empty(p.size, np.int64)
    room = 2 * min(p.size, n + n_fresh)
    weights, x, best = np.empty(room), np.zeros(len(QUANTITIES)), int(np.argmax(p))
    for replicate in range(replicates):
        counts[:] = 0
        _add_real(rng, n + n_fresh, p, tail, cdf, counts)
        size = _all_living(counts, alive)
        for t in range(slots.size):
            if t > 0:
                _sharpen(counts, alive, size, power, weights)
                _resample(rng, n, counts, alive, size, weights)
                if n_fresh:
                    _add_real(rng, n_fresh, p, tail, cdf, counts)
                    size = _all_living(counts, alive)
                else:
                    size = _living(counts, alive, size)
            if slots[t] >= 0:
                _measure(counts, alive, size, n + n_fresh, p, best, x)
                tally(wanted, x, 1.0 / (replicate + 1), slots[t], mean, m2)
                keep(wanted, x, replicate, slots[t], paths)
