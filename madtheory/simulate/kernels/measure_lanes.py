"""What is said of replicates side by side, one a lane; factors are triangles packed by rows."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from madtheory._compile import in_place, kernel
from madtheory._types import Array, Bools, Ints
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
from madtheory.simulate.kernels.tally import Tally, record_path

#: Replicates side by side; what is measured so.
LANES = 32
SIDE_BY_SIDE = (MEAN_SQ, TRACE, W2, LOG_DET)


class Work(NamedTuple):
    """What measuring needs: which quantities, room, and all values of a block of replicates."""

    every: Bools  #: (quantities,): what is wanted
    rare: Bools  #: of that, what is not measured side by side
    found: Array  #: (quantities,)
    out: Array  #: (LANES,)
    parts: Array  #: (4, LANES)
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
        np.zeros((4, LANES)),
        np.zeros(LANES, np.bool_),
        np.ones(rank),
        np.zeros((3, rank, rank)),
        np.zeros((tally.wanted.size, LANES, tally.mean.shape[1])),
    )


@in_place
def unpack(P: Array, first: int, lane: int, scale: float, out: Array) -> None:
    """Write one lane's triangle as a matrix, zero above."""
    at = first
    for i in range(out.shape[0]):
        for j in range(out.shape[0]):
            out[i, j] = scale * P[at + j, lane] if j <= i else 0.0
        at += i + 1


@in_place
def far_lanes(rank: int, G: Array, parts: Array, far: Bools) -> None:
    """Mark lanes whose G G^T is not near I, as :func:`measure.near_identity` has it."""
    norm, x = parts[0], parts[1]
    for b in range(LANES):
        norm[b] = 0.0
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


@in_place
def bures_of_two(G: Array, s: Array, out: Array) -> None:
    """Write the Bures distances^2, which cancel near Sigma_0."""
    for i in range(LANES):
        a, b, c = s[0] * G[0, i], s[1] * G[1, i], s[1] * G[2, i]
        nuclear = math.sqrt(a * a + b * b + c * c + 2.0 * abs(a * c))
        trace = s[0] * G[0, i] ** 2 + s[1] * (G[1, i] ** 2 + G[2, i] ** 2)
        out[i] = max(trace + s[0] + s[1] - 2.0 * nuclear, 0.0)


@in_place
def bures_of_three(G: Array, s: Array, parts: Array, out: Array) -> None:
    """Write the same by steps of :func:`nuclear_norm.norm_of_three`."""
    one, two, three = parts[0], parts[1], parts[2]
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
        nuclear = math.sqrt(one[i] + 2.0 * math.sqrt(two[i] + 2.0 * three[i] * out[i]))
        trace = s[0] * G[0, i] ** 2 + s[1] * (G[1, i] ** 2 + G[2, i] ** 2)
        trace += s[2] * (G[3, i] ** 2 + G[4, i] ** 2 + G[5, i] ** 2)
        out[i] = max(trace + s[0] + s[1] + s[2] - 2.0 * nuclear, 0.0)


@in_place
def add_bures(G: Array, s: Array, lanes: int, work: Work) -> None:
    """Add the Bures distances^2 to `out`: side by side, or one by one where they would cancel."""
    rank, far, room, x, out = s.size, work.mark, work.room, work.parts[3], work.out
    if rank <= 3:
        far_lanes(rank, G, work.parts, far)
        if rank == 2:
            bures_of_two(G, s, x)
        else:
            bures_of_three(G, s, work.parts, x)
        for i in range(LANES):
            out[i] += x[i] if far[i] else 0.0
    for b in range(lanes):
        if rank > 3 or not far[b]:
            unpack(G, 0, b, 1.0, room[0])
            trace = 0.0
            for i in range(rank):
                for j in range(i + 1):
                    trace += s[i] * room[0, i, j] * room[0, i, j]
            out[b] += bures(room[0], work.one, 0, s, trace, room[1], room[2])


@in_place
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


@in_place
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
                add_bures(G, s, lanes, work)
            for b in range(lanes):
                work.values[q, b, slot] = work.out[b]
    if work.rare.any():
        see_one_by_one(tally, slot, log_det, nu, G, s, lanes, e, work.rare, work)


@in_place
def record_lanes(tally: Tally, first: int, lanes: int, values: Array) -> None:
    """Record a block of replicates, in order."""
    for b in range(lanes):
        for q in range(tally.wanted.size):
            record_path(tally, values[q, b], first + b, q)
