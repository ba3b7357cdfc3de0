"""Fresh data loops of few dimensions, many replicates side by side.

A matrix of 3 x 3 is all overhead by itself. Here an operation is done in all lanes, one replicate
a lane, by vector units. The variates are those of :func:`fresh.fresh_chunk`, drawn in the same
order, a replicate at a time; so results differ by rounding only. Triangles are packed by rows.
"""

from __future__ import annotations

import math

import numpy as np

from madtheory._compile import in_place, kernel
from madtheory._types import Array, Bools
from madtheory.simulate.kernels import linear_algebra as la
from madtheory.simulate.kernels.fresh import stack
from madtheory.simulate.kernels.measure_lanes import (
    LANES,
    new_work,
    record_lanes,
    see_lanes,
    unpack,
)
from madtheory.simulate.kernels.spec import Spec
from madtheory.simulate.kernels.tally import Tally

#: Most dimensions.
MOST_DIM = 6
#: Most numbers that are drawn ahead (64 MB).
MOST_DRAWN = 2**23


def draws_of(rank: int, generations: int) -> int:
    """Count the variates of one replicate."""
    triangle = rank * (rank + 1) // 2
    return (triangle + rank) + (generations - 1) * 2 * (triangle + rank)


@in_place
def draw_three(
    rng: np.random.Generator,
    first: float,
    real: float,
    synth: float,
    generations: int,
    lanes: int,
    out: Array,
) -> None:
    """Draw all variates of :func:`draw_lanes` in three dimensions.

    Unrolled, so that what a gamma variate makes of its shape is made once for all generations: a
    quarter of the time.
    """
    for b in range(lanes):
        x, at = out[b], 0
        x[at] = math.sqrt(2.0 * rng.standard_gamma(0.5 * first))
        x[at + 1] = rng.standard_normal()
        x[at + 2] = math.sqrt(2.0 * rng.standard_gamma(0.5 * (first - 1.0)))
        x[at + 3] = rng.standard_normal()
        x[at + 4] = rng.standard_normal()
        x[at + 5] = math.sqrt(2.0 * rng.standard_gamma(0.5 * (first - 2.0)))
        at += 6
        for i in range(3):
            x[at + i] = rng.standard_normal()
        at += 3
        for _ in range(generations - 1):
            if real > 0.0:
                x[at] = math.sqrt(2.0 * rng.standard_gamma(0.5 * real))
                x[at + 1] = rng.standard_normal()
                x[at + 2] = math.sqrt(2.0 * rng.standard_gamma(0.5 * (real - 1.0)))
                x[at + 3] = rng.standard_normal()
                x[at + 4] = rng.standard_normal()
                x[at + 5] = math.sqrt(2.0 * rng.standard_gamma(0.5 * (real - 2.0)))
                at += 6
                for i in range(3):
                    x[at + i] = rng.standard_normal()
                at += 3
            for i in range(3):
                x[at + i] = rng.standard_normal()
            at += 3
            x[at] = math.sqrt(2.0 * rng.standard_gamma(0.5 * synth))
            x[at + 1] = rng.standard_normal()
            x[at + 2] = math.sqrt(2.0 * rng.standard_gamma(0.5 * (synth - 1.0)))
            x[at + 3] = rng.standard_normal()
            x[at + 4] = rng.standard_normal()
            x[at + 5] = math.sqrt(2.0 * rng.standard_gamma(0.5 * (synth - 2.0)))
            at += 6


@kernel
def draw_lanes(
    rng: np.random.Generator,
    rank: int,
    first: float,
    real: float,
    synth: float,
    generations: int,
    lanes: int,
    out: Array,
) -> None:
    """Draw all variates of replicates, a row each, in the order in which they are used.

    Given are degrees of freedom, `real` being 0 without fresh data. No other kernel is called:
    with a call for every variate this takes half as long again.
    """
    if rank == 3:
        draw_three(rng, first, real, synth, generations, lanes, out)
        return
    # What is drawn: a Bartlett factor of scale one, or for 0 as many normals as dimensions.
    start = np.array([first, 0.0])
    step = np.array([real, 0.0, 0.0, synth]) if real > 0.0 else np.array([0.0, synth])
    for b in range(lanes):
        at = 0
        for t in range(generations):
            for dof in start if t == 0 else step:
                for i in range(rank):
                    if dof > 0.0:
                        for _ in range(i):
                            out[b, at] = rng.standard_normal()
                            at += 1
                        out[b, at] = math.sqrt(2.0 * rng.standard_gamma(0.5 * (dof - i)))
                    else:
                        out[b, at] = rng.standard_normal()
                    at += 1


@in_place
def next_draws(drawn: Array, at: int, count: int, draws: Array) -> int:
    """Write the next variates of all replicates, a column each; return where they end.

    They are drawn a row each: to write columns then would miss the cache at every one.
    """
    for b in range(LANES):
        for i in range(count):
            draws[i, b] = drawn[b, at + i]
    return at + count


@in_place
def start_lanes(spec: Spec, rank: int, draws: Array, nu: Array, G: Array) -> None:
    """Fit generation 1."""
    triangle = rank * (rank + 1) // 2
    root = math.sqrt(spec.first_bias)
    scale, step = root / math.sqrt(spec.n_initial - spec.ddof), root / math.sqrt(spec.n_initial)
    for i in range(triangle):
        for b in range(LANES):
            G[i, b] = scale * draws[i, b]
    for i in range(rank):
        for b in range(LANES):
            nu[i, b] = step * draws[triangle + i, b]


@in_place
def mean_lanes(spec: Spec, rank: int, draws: Array, nu: Array, G: Array, delta: Array) -> None:
    """Replace nu by the pooled mean and write what the means add to the covariance."""
    at = rank * (rank + 1) // 2
    n_r, n_s = spec.n_fresh, spec.n_synth
    n = n_r + n_s
    scale = math.sqrt(n_r * (n_s / n) / (n - spec.ddof))
    walk, step = math.sqrt(spec.bias) / math.sqrt(n_s), 1.0 / math.sqrt(n_r)
    for i in range(rank):
        for b in range(LANES):
            delta[i, b] = nu[i, b]
        for j in range(i + 1):
            for b in range(LANES):
                delta[i, b] += G[i * (i + 1) // 2 + j, b] * (walk * draws[at + j, b])
        for b in range(LANES):
            gap = step * draws[at + rank + i, b] - delta[i, b]
            nu[i, b] = delta[i, b] + (n_r / n) * gap
            delta[i, b] = scale * gap


@in_place
def covariance_lanes(
    spec: Spec, rank: int, draws: Array, G: Array, B: Array, delta: Array, M: Array
) -> None:
    """Write the factor B of the synthetic part and the covariance M."""
    other = rank * (rank + 1) // 2 + 2 * rank
    square = 1.0 / (spec.n_fresh + spec.n_synth - spec.ddof)
    scale = math.sqrt(spec.bias * square)
    for i in range(rank):
        row = i * (i + 1) // 2
        for j in range(i + 1):
            for b in range(LANES):
                B[row + j, b] = 0.0
            for l in range(j, i + 1):
                for b in range(LANES):
                    B[row + j, b] += G[row + l, b] * draws[other + l * (l + 1) // 2 + j, b]
            for b in range(LANES):
                B[row + j, b] *= scale
        for j in range(i + 1):
            column = j * (j + 1) // 2
            for b in range(LANES):
                M[row + j, b] = delta[i, b] * delta[j, b]
            for l in range(j + 1):
                for b in range(LANES):
                    M[row + j, b] += square * draws[row + l, b] * draws[column + l, b]
                    M[row + j, b] += B[row + l, b] * B[column + l, b]


@in_place
def cholesky_lanes(rank: int, M: Array, G: Array, small: Bools) -> None:
    """Write Cholesky factors of M into G; mark lanes with a pivot that is lost in rounding."""
    for b in range(LANES):
        small[b] = False
    for i in range(rank):
        row = i * (i + 1) // 2
        for j in range(i + 1):
            column = j * (j + 1) // 2
            for b in range(LANES):
                G[row + j, b] = M[row + j, b]
            for l in range(j):
                for b in range(LANES):
                    G[row + j, b] -= G[row + l, b] * G[column + l, b]
            if j < i:
                for b in range(LANES):
                    G[row + j, b] /= G[column + j, b]
            else:
                for b in range(LANES):
                    pivot = G[row + i, b]
                    lost = not pivot > la.SMALL_PIVOT * M[row + i, b]
                    small[b] |= lost
                    G[row + i, b] = 1.0 if lost else math.sqrt(pivot)


@kernel
def repair(
    spec: Spec, draws: Array, B: Array, delta: Array, lane: int, G: Array, room: Array
) -> None:
    """Factor one lane by reflections, as :func:`fresh.fresh_factor` does."""
    r = delta.shape[0]
    unpack(draws, 0, lane, 1.0 / math.sqrt(spec.n_fresh + spec.n_synth - spec.ddof), room[0])
    unpack(B, 0, lane, 1.0, room[1])
    F = np.empty((r, 2 * r + 1))
    width = stack(room[0], r, delta[:, lane].copy(), room[1], r, F)
    la.lower_factor(F, r, width, room[0])
    for i in range(r):
        for j in range(i + 1):
            G[i * (i + 1) // 2 + j, lane] = room[0, i, j]


@kernel
def fresh_lanes_chunk(rng: np.random.Generator, spec: Spec, s: Array, tally: Tally) -> None:
    """Run :func:`fresh.fresh_chunk` where all Wishart laws are regular."""
    rank, generations = s.size, tally.slots.size
    triangle = rank * (rank + 1) // 2
    start, width = triangle + rank, 2 * (triangle + rank)
    first, real, synth = spec.n_initial - 1.0, spec.n_fresh - 1.0, spec.n_synth - 1.0
    drawn, draws = np.ones((LANES, start + (generations - 1) * width)), np.ones((width, LANES))
    nu, delta = np.zeros((rank, LANES)), np.zeros((rank, LANES))
    G, B, M = np.zeros((3, triangle, LANES))
    e, work = np.zeros((LANES, rank), np.int64), new_work(tally, rank)
    for begin in range(0, tally.replicates, LANES):
        lanes = min(LANES, tally.replicates - begin)
        draw_lanes(rng, rank, first, real, synth, generations, lanes, drawn)
        at = next_draws(drawn, 0, start, draws)
        start_lanes(spec, rank, draws, nu, G)
        for t in range(generations):
            if t > 0:
                at = next_draws(drawn, at, width, draws)
                mean_lanes(spec, rank, draws, nu, G, delta)
                covariance_lanes(spec, rank, draws, G, B, delta, M)
                cholesky_lanes(rank, M, G, work.mark)
                for b in range(lanes):
                    if work.mark[b]:
                        repair(spec, draws, B, delta, b, G, work.room)
            if tally.slots[t] >= 0:
                see_lanes(tally, tally.slots[t], spec.log_det, nu, G, s, lanes, e, False, work)
        record_lanes(tally, begin, lanes, work.values)
