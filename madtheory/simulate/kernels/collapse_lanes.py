"""Fully synthetic loops of few dimensions, many replicates side by side.

As :mod:`madtheory.simulate.kernels.side_by_side` does it for fresh data, with the variates of
:func:`collapse.collapse_chunk`. A lane's factor is G~ diag(2^e), too: once a pivot has left the
range, all is measured one by one.
"""

from __future__ import annotations

import math

import numpy as np

from madtheory._compile import in_place, kernel
from madtheory._types import Array, Ints
from madtheory.simulate.kernels import linear_algebra as la
from madtheory.simulate.kernels.measure_lanes import LANES, new_work, record_lanes, see_lanes
from madtheory.simulate.kernels.side_by_side import draw_lanes, next_draws, start_lanes
from madtheory.simulate.kernels.spec import Spec
from madtheory.simulate.kernels.tally import Tally

#: Columns of a lane are rescaled once a pivot leaves this range: a product of six is in range.
LOW, HIGH = 2.0**-150, 2.0**150


def draws_of(rank: int, generations: int) -> int:
    """Count the variates of one replicate."""
    return generations * (rank * (rank + 3) // 2)


@in_place
def step_lanes(spec: Spec, rank: int, draws: Array, nu: Array, G: Array) -> None:
    """Advance by one generation, as :func:`collapse.collapse_step` does."""
    root = math.sqrt(spec.bias)
    walk, scale = root / math.sqrt(spec.n_synth), root / math.sqrt(spec.n_synth - spec.ddof)
    for i in range(rank):
        row = i * (i + 1) // 2
        for j in range(i + 1):
            pivot = rank + j * (j + 1) // 2 + j
            for b in range(LANES):
                nu[i, b] += walk * (G[row + j, b] * draws[j, b])
                G[row + j, b] *= scale * draws[pivot, b]
            for l in range(j + 1, i + 1):
                below = rank + l * (l + 1) // 2 + j
                for b in range(LANES):
                    G[row + j, b] += scale * (G[row + l, b] * draws[below, b])


@in_place
def any_extreme(rank: int, lanes: int, G: Array) -> bool:
    """Tell whether a pivot of a lane asks for a change of scale."""
    extreme = False
    for i in range(rank):
        for b in range(lanes):
            extreme |= not LOW < abs(G[i * (i + 1) // 2 + i, b]) < HIGH
    return extreme


@in_place
def rescale_lane(rank: int, lane: int, G: Array, e: Ints, ratio: Array) -> None:
    """Move powers of two from the columns of a lane into e, as :func:`la.rescale` does."""
    for j in range(rank):
        largest = 0.0
        for i in range(j, rank):
            largest = max(largest, abs(G[i * (i + 1) // 2 + j, lane]))
        shift = math.frexp(largest)[1]
        e[lane, j] += shift
        for i in range(j, rank):
            G[i * (i + 1) // 2 + j, lane] = math.ldexp(G[i * (i + 1) // 2 + j, lane], -shift)
    for l in range(rank):
        for j in range(l + 1):
            ratio[l * (l + 1) // 2 + j, lane] = la.power_of_two(e[lane, l] - e[lane, j])


@in_place
def scale_draws(rank: int, draws: Array, e: Ints, ratio: Array) -> None:
    """Bring the next variates to the scales of the columns."""
    for j in range(rank):
        for b in range(LANES):
            draws[j, b] *= la.power_of_two(e[b, j])
    for i in range(rank * (rank + 1) // 2):
        for b in range(LANES):
            draws[rank + i, b] *= ratio[i, b]


@kernel
def collapse_lanes_chunk(rng: np.random.Generator, spec: Spec, s: Array, tally: Tally) -> None:
    """Run :func:`collapse.collapse_chunk` where all Wishart laws are regular."""
    rank, generations = s.size, tally.slots.size
    triangle, width = rank * (rank + 1) // 2, rank * (rank + 3) // 2
    drawn, draws = np.ones((LANES, width * generations)), np.ones((width, LANES))
    first, synth = spec.n_initial - 1.0, spec.n_synth - 1.0
    nu, G, ratio = np.zeros((rank, LANES)), np.zeros((triangle, LANES)), np.ones((triangle, LANES))
    e, work = np.zeros((LANES, rank), np.int64), new_work(tally, rank)
    for begin in range(0, tally.replicates, LANES):
        lanes, apart = min(LANES, tally.replicates - begin), False
        draw_lanes(rng, rank, first, 0.0, synth, generations, lanes, drawn)
        at = next_draws(drawn, 0, width, draws)
        start_lanes(spec, rank, draws, nu, G)
        for t in range(generations):
            if t > 0:
                at = next_draws(drawn, at, width, draws)
                if apart:
                    scale_draws(rank, draws, e, ratio)
                step_lanes(spec, rank, draws, nu, G)
                if any_extreme(rank, lanes, G):
                    apart = True
                    for b in range(lanes):
                        rescale_lane(rank, b, G, e, ratio)
            if tally.slots[t] >= 0:
                see_lanes(tally, tally.slots[t], spec.log_det, nu, G, s, lanes, e, apart, work)
        record_lanes(tally, begin, lanes, work.values)
        if apart:
            e[:], ratio[:] = 0, 1.0
