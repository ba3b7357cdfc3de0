"""Fresh data loops of few dimensions, many replicates side by side.

A matrix of 3 x 3 is all overhead by itself. Here an operation is done in all lanes, one replicate
a lane, by vector units. The variates are those of :func:`fresh.fresh_chunk`, drawn in the same
order, a replicate at a time; so results differ by rounding only. Triangles are packed by rows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from madtheory._compile import kernel
from madtheory._types import Array, Bools, Ints
from madtheory.simulate.kernels import linear_algebra as la
from madtheory.simulate.kernels.fresh import stack
from madtheory.simulate.kernels.measure import (
    LOG_DET,
    MEAN_SQ,
    NEAR,
    TRACE,
    W2,
    bures,
    measure,
    recorder,
)
from madtheory.simulate.kernels.spec import Spec
from madtheory.simulate.kernels.tally import Tally, record_path

#: Replicates side by side; what is measured so; most dimensions.
LANES = 32
SIDE_BY_SIDE = (MEAN_SQ, TRACE, W2, LOG_DET)
MOST_DIM = 6
#: Most numbers that are drawn ahead (64 MB).
MOST_DRAWN = 2**23


def draws_of(rank: int, generations: int) -> int:
    """Count the variates of one replicate."""
    triangle = rank * (rank + 1) // 2
    return (triangle + rank) + (generations - 1) * 2 * (triangle + rank)


@kernel
def draw_triangle(
    rng: np.random.Generator, dof: float, rank: int, out: Array, at: int, lane: int
) -> int:
    """Draw a Bartlett factor of scale one from `at` on; return where it ends."""
    for i in range(rank):
        for _ in range(i):
            out[at, lane] = rng.standard_normal()
            at += 1
        out[at, lane] = la.root_chi_square(rng, dof - i)
        at += 1
    return at


@kernel
def draw_lane(
    rng: np.random.Generator, spec: Spec, rank: int, generations: int, out: Array, lane: int
) -> None:
    """Draw all variates of one replicate, in the order in which it uses them."""
    at = draw_triangle(rng, spec.n_initial - 1.0, rank, out, 0, lane)
    for t in range(generations):
        if t > 0:
            at = draw_triangle(rng, spec.n_fresh - 1.0, rank, out, at, lane)
        for _ in range(rank if t == 0 else 2 * rank):
            out[at, lane] = rng.standard_normal()
            at += 1
        if t > 0:
            at = draw_triangle(rng, spec.n_synth - 1.0, rank, out, at, lane)


@kernel
def start_lanes(spec: Spec, rank: int, draws: Array, nu: Array, G: Array) -> int:
    """Fit generation 1; return where the next variates begin."""
    triangle = rank * (rank + 1) // 2
    root = math.sqrt(spec.first_bias)
    scale, step = root / math.sqrt(spec.n_initial - spec.ddof), root / math.sqrt(spec.n_initial)
    for i in range(triangle):
        for b in range(LANES):
            G[i, b] = scale * draws[i, b]
    for i in range(rank):
        for b in range(LANES):
            nu[i, b] = step * draws[triangle + i, b]
    return triangle + rank


@kernel
def mean_lanes(
    spec: Spec, rank: int, draws: Array, at: int, nu: Array, G: Array, delta: Array
) -> None:
    """Replace nu by the pooled mean and write what the means add to the covariance."""
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


@kernel
def covariance_lanes(
    spec: Spec, rank: int, draws: Array, at: int, G: Array, B: Array, delta: Array, M: Array
) -> int:
    """Write the factor B of the synthetic part and the covariance M; return where draws end."""
    triangle = rank * (rank + 1) // 2
    real, other = at, at + triangle + 2 * rank
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
                    M[row + j, b] += square * draws[real + row + l, b] * draws[real + column + l, b]
                    M[row + j, b] += B[row + l, b] * B[column + l, b]
    return other + triangle


@kernel
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
def unpack(P: Array, first: int, lane: int, scale: float, out: Array) -> None:
    """Write one lane's triangle as a matrix, zero above."""
    at = first
    for i in range(out.shape[0]):
        for j in range(out.shape[0]):
            out[i, j] = scale * P[at + j, lane] if j <= i else 0.0
        at += i + 1


@kernel
def repair(
    spec: Spec, draws: Array, at: int, B: Array, delta: Array, lane: int, G: Array, room: Array
) -> None:
    """Factor one lane by reflections, as :func:`fresh.fresh_factor` does."""
    r = delta.shape[0]
    unpack(draws, at, lane, 1.0 / math.sqrt(spec.n_fresh + spec.n_synth - spec.ddof), room[0])
    unpack(B, 0, lane, 1.0, room[1])
    F = np.empty((r, 2 * r + 1))
    width = stack(room[0], r, delta[:, lane].copy(), room[1], r, F)
    la.lower_factor(F, r, width, room[0])
    for i in range(r):
        for j in range(i + 1):
            G[i * (i + 1) // 2 + j, lane] = room[0, i, j]


@kernel
def far_lanes(rank: int, G: Array, far: Bools) -> None:
    """Mark lanes whose G G^T is not near I, as :func:`measure.near_identity` has it."""
    norm, x = np.zeros(LANES), np.zeros(LANES)
    for i in range(rank):
        for j in range(i + 1):
            for b in range(LANES):
                x[b] = -1.0 if i == j else 0.0
            for l in range(j + 1):
                for b in range(LANES):
                    x[b] += G[i * (i + 1) // 2 + l, b] * G[j * (j + 1) // 2 + l, b]
            for b in range(LANES):
                norm[b] += (1.0 if i == j else 2.0) * x[b] * x[b]
    for b in range(LANES):
        far[b] = norm[b] >= NEAR * NEAR


@kernel
def nuclear_three(G: Array, s: Array, out: Array) -> None:
    """Write the nuclear norms of S G, by steps of :func:`nuclear_norm.norm_of_three`."""
    one, two, three = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    for i in range(LANES):
        a, b, c = s[0] * G[0, i], s[1] * G[1, i], s[1] * G[2, i]
        d, e, f = s[2] * G[3, i], s[2] * G[4, i], s[2] * G[5, i]
        one[i] = a * a + b * b + c * c + d * d + e * e + f * f
        two[i] = (a * c) ** 2 + (a * e) ** 2 + (b * e - c * d) ** 2
        two[i] += (f * a) ** 2 + (f * b) ** 2 + (f * c) ** 2
        three[i] = abs(a * c * f)
        out[i] = math.sqrt(3.0 * one[i])
    for _ in range(5):
        for i in range(LANES):
            pair = math.sqrt(two[i] + 2.0 * three[i] * out[i])
            mapped = math.sqrt(one[i] + 2.0 * pair)
            out[i] -= (out[i] - mapped) / (1.0 - three[i] / max(pair * mapped, 9.0 * three[i]))
    for i in range(LANES):
        out[i] = math.sqrt(one[i] + 2.0 * math.sqrt(two[i] + 2.0 * three[i] * out[i]))


@kernel
def bures_lanes(
    G: Array, s: Array, lanes: int, far: Bools, one: Array, room: Array, x: Array, out: Array
) -> None:
    """Add the Bures distances^2 to `out`: side by side, or one by one where they would cancel."""
    rank = s.size
    if rank == 3:
        far_lanes(rank, G, far)
        nuclear_three(G, s, x)
        for i in range(LANES):
            trace = s[0] * G[0, i] ** 2 + s[1] * (G[1, i] ** 2 + G[2, i] ** 2)
            trace += s[2] * (G[3, i] ** 2 + G[4, i] ** 2 + G[5, i] ** 2)
            distance = max(trace + s[0] + s[1] + s[2] - 2.0 * x[i], 0.0)
            out[i] += distance if far[i] else 0.0
    for b in range(lanes):
        if rank != 3 or not far[b]:
            unpack(G, 0, b, 1.0, room[0])
            trace = 0.0
            for i in range(rank):
                for j in range(i + 1):
                    trace += s[i] * room[0, i, j] * room[0, i, j]
            out[b] += bures(room[0], one, 0, s, trace, room[1], room[2])


@kernel
def measure_lanes(wanted: int, nu: Array, G: Array, s: Array, log_det: float, out: Array) -> None:
    """Write one quantity of all lanes, of W2^2 the part of the means."""
    for b in range(LANES):
        out[b] = 1.0 if wanted == LOG_DET else 0.0
    for i in range(s.size):
        row = i * (i + 1) // 2
        if wanted == LOG_DET:
            for b in range(LANES):
                out[b] *= G[row + i, b]
        elif wanted == TRACE:
            for j in range(i + 1):
                for b in range(LANES):
                    out[b] += s[i] * G[row + j, b] * G[row + j, b]
        else:
            for b in range(LANES):
                out[b] += s[i] * nu[i, b] * nu[i, b]
    if wanted == LOG_DET:
        for b in range(LANES):
            out[b] = log_det + 2.0 * math.log(abs(out[b]))


class Work(NamedTuple):
    """What measuring needs: which quantities, room, and all values of a block of replicates."""

    every: Bools  #: (quantities,): what is wanted
    rare: Bools  #: of that, what is not measured side by side
    found: Array  #: (quantities,)
    out: Array  #: (LANES,)
    x: Array  #: (LANES,)
    mark: Bools  #: (LANES,)
    one: Array  #: (rank,), ones
    room: Array  #: (3, rank, rank)
    values: Array  #: (Q, LANES, T)


@kernel
def new_work(tally: Tally, rank: int) -> Work:
    """Return room to measure in."""
    found, every = recorder(tally.wanted)
    rare = every.copy()
    for wanted in SIDE_BY_SIDE:
        rare[wanted] = False
    return Work(
        every,
        rare,
        found,
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES, np.bool_),
        np.ones(rank),
        np.zeros((3, rank, rank)),
        np.zeros((tally.wanted.size, LANES, tally.mean.shape[1])),
    )


@kernel
def see_one_by_one(
    tally: Tally,
    slot: int,
    log_det: float,
    nu: Array,
    G: Array,
    s: Array,
    lanes: int,
    e: Ints,
    flags: Bools,
    work: Work,
) -> None:
    """Measure the flagged quantities of each lane by itself."""
    for b in range(lanes):
        unpack(G, 0, b, 1.0, work.room[0])
        state = nu[:, b].copy()
        measure(
            flags, state, work.room[0], e[b], s, log_det, work.room[1], work.room[2], work.found
        )
        for q in range(tally.wanted.size):
            if flags[tally.wanted[q]]:
                work.values[q, b, slot] = work.found[tally.wanted[q]]


@kernel
def see_lanes(
    tally: Tally,
    slot: int,
    log_det: float,
    nu: Array,
    G: Array,
    s: Array,
    lanes: int,
    e: Ints,
    apart: bool,
    work: Work,
) -> None:
    """Measure all that is wanted: side by side what can be, unless columns have scales."""
    if apart:
        see_one_by_one(tally, slot, log_det, nu, G, s, lanes, e, work.every, work)
        return
    for q in range(tally.wanted.size):
        wanted = tally.wanted[q]
        if wanted in SIDE_BY_SIDE:
            measure_lanes(wanted, nu, G, s, log_det, work.out)
            if wanted == W2:
                bures_lanes(G, s, lanes, work.mark, work.one, work.room, work.x, work.out)
            for b in range(lanes):
                work.values[q, b, slot] = work.out[b]
    if work.rare.any():
        see_one_by_one(tally, slot, log_det, nu, G, s, lanes, e, work.rare, work)


@kernel
def record_lanes(tally: Tally, first: int, lanes: int, values: Array) -> None:
    """Record a block of replicates, in order."""
    for b in range(lanes):
        for q in range(tally.wanted.size):
            record_path(tally, values[q, b], first + b, q)


@kernel
def fresh_lanes_chunk(rng: np.random.Generator, spec: Spec, s: Array, tally: Tally) -> None:
    """Run :func:`fresh.fresh_chunk` where all Wishart laws are regular."""
    rank, generations = s.size, tally.slots.size
    triangle = rank * (rank + 1) // 2
    draws = np.ones(((triangle + rank) * (2 * generations - 1), LANES))
    nu, delta = np.zeros((rank, LANES)), np.zeros((rank, LANES))
    G, B, M = np.zeros((3, triangle, LANES))
    e, work = np.zeros((LANES, rank), np.int64), new_work(tally, rank)
    for first in range(0, tally.replicates, LANES):
        lanes = min(LANES, tally.replicates - first)
        for b in range(lanes):
            draw_lane(rng, spec, rank, generations, draws, b)
        at = start_lanes(spec, rank, draws, nu, G)
        for t in range(generations):
            if t > 0:
                mean_lanes(spec, rank, draws, at + triangle, nu, G, delta)
                end = covariance_lanes(spec, rank, draws, at, G, B, delta, M)
                cholesky_lanes(rank, M, G, work.mark)
                for b in range(lanes):
                    if work.mark[b]:
                        repair(spec, draws, at, B, delta, b, G, work.room)
                at = end
            if tally.slots[t] >= 0:
                see_lanes(tally, tally.slots[t], spec.log_det, nu, G, s, lanes, e, False, work)
        record_lanes(tally, first, lanes, work.values)
