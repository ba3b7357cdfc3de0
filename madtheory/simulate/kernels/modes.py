"""Compiled kernel of the idealised loop of a mixture (theory.md 4.1). No validation here.

A state is the count, mean and covariance factor of each mode. Given the last model, the counts
are multinomial, a mode's mean is Gaussian and its scatter Wishart (Bartlett factor): no sample
is drawn. Counts are integers, so the weights are exact.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from madtheory._compile import in_place, kernel
from madtheory._types import Array, Ints
from madtheory.simulate.kernels.linear_algebra import bartlett, clear, lower_factor
from madtheory.simulate.kernels.tally import Tally, record

#: What a run records; the position is the index used by the kernel.
MODE_QUANTITIES = (
    "surviving",
    "heterozygosity",
    "total_variance",
    "average_modal_variance",
    "modal_sum",
    "within_variance",
)


class ModeSpec(NamedTuple):
    """The loop as the kernel reads it; real mode k is N(centers[k], deviation^2 I)."""

    n_initial: int
    n_synth: int
    n_fresh: int
    ddof: float
    bias: float
    floor: float
    deviation: float
    centers: Array


class Snapshots(NamedTuple):
    """The states of all replicates at some generations."""

    slots: Ints  # (last,): where generation t + 1 is kept, -1 for nowhere
    counts: Ints  # (replicates, S, K)
    means: Array  # (replicates, S, K, d)
    covariances: Array  # (replicates, S, K, d, d)


class State(NamedTuple):
    """Counts (K,), means (K, d) and covariance factors (K, d, d), lower triangular."""

    counts: Ints
    means: Array
    roots: Array


class Room(NamedTuple):
    """Work space of one mode's fit, and the counts of a generation."""

    synthetic: Ints
    real: Ints
    ones: Ints
    real_root: Array
    T: Array
    mean: Array
    F: Array


@kernel
def new_room(spec: ModeSpec) -> Room:
    """Return room for the fits of one loop."""
    K, d = spec.centers.shape
    return Room(
        np.zeros(K, np.int64),
        np.zeros(K, np.int64),
        np.ones(K, np.int64),
        spec.deviation * np.eye(d),
        np.zeros((d, d)),
        np.zeros((2, d)),
        np.zeros((d, 3 * d + 1)),
    )


@in_place
def draw_counts(rng: np.random.Generator, n: int, weights: Ints, out: Ints) -> None:
    """Draw multinomial counts with probabilities weights / sum, one binomial a mode."""
    left, mass = n, weights.sum()
    for k in range(weights.size):
        weight = weights[k]
        if weight == 0 or left == 0:
            out[k] = 0
        else:
            out[k] = left if weight == mass else rng.binomial(left, weight / mass)
            left -= out[k]
            mass -= weight


@in_place
def draw_part(
    rng: np.random.Generator,
    count: int,
    center: Array,
    root: Array,
    scale: float,
    T: Array,
    mean: Array,
    F: Array,
    start: int,
) -> None:
    """Draw samples of N(center, scale^2 root root'): mean, scatter root in d columns of F."""
    d = center.size
    shrink = scale / math.sqrt(count)
    for i in range(d):
        T[i, 0] = rng.standard_normal()
        mean[i] = center[i]
        for l in range(i + 1):
            mean[i] += shrink * root[i, l] * T[l, 0]
    clear(T, d, d)
    bartlett(rng, count - 1.0, scale, T, d, min(d, count - 1))
    for i in range(d):
        for j in range(d):
            a = 0.0
            for l in range(j, i + 1):
                a += root[i, l] * T[l, j]
            F[i, start + j] = a


@in_place
def fit_mode(
    rng: np.random.Generator, spec: ModeSpec, k: int, scale: float, state: State, room: Room
) -> None:
    """Fit mode k to its synthetic and real samples together."""
    n_s, n_r, d = room.synthetic[k], room.real[k], spec.centers.shape[1]
    N, mean, F, cols = n_s + n_r, room.mean, room.F, 0
    state.counts[k] = N
    if N == 0:
        return
    if n_s > 0:
        draw_part(rng, n_s, state.means[k], state.roots[k], scale, room.T, mean[0], F, 0)
        cols = d
    if n_r > 0:
        draw_part(rng, n_r, spec.centers[k], room.real_root, 1.0, room.T, mean[1], F, cols)
        cols += d
    between = math.sqrt(n_s * (n_r / N))
    for i in range(d):
        if between > 0.0:
            F[i, cols] = between * (mean[1, i] - mean[0, i])
        state.means[k, i] = (n_s * mean[0, i] + n_r * mean[1, i]) / N
    cols += 1 if between > 0.0 else 0
    normalise(F, cols, 1.0 / math.sqrt(N - spec.ddof) if N > 1 else 0.0, spec.floor, state.roots[k])


@in_place
def normalise(F: Array, cols: int, factor: float, floor: float, root: Array) -> None:
    """Write the lower root of factor^2 F[:, :cols] F[:, :cols]' + floor I."""
    d = F.shape[0]
    for i in range(d):
        for j in range(cols):
            F[i, j] *= factor
        if floor > 0.0:
            for j in range(d):
                F[i, cols + j] = math.sqrt(floor) if i == j else 0.0
    if cols > d or floor > 0.0:
        lower_factor(F, d, cols + d if floor > 0.0 else cols, root)
        return
    for i in range(d):
        for j in range(i + 1):
            root[i, j] = F[i, j]


@in_place
def advance(
    rng: np.random.Generator, spec: ModeSpec, first: bool, state: State, room: Room
) -> None:
    """Draw one generation: the first from real data alone, without bias."""
    if first:
        room.synthetic[:] = 0
        draw_counts(rng, spec.n_initial, room.ones, room.real)
    else:
        draw_counts(rng, spec.n_synth, state.counts, room.synthetic)
        draw_counts(rng, spec.n_fresh, room.ones, room.real)
    for k in range(state.counts.size):
        fit_mode(rng, spec, k, math.sqrt(spec.bias), state, room)


@in_place
def trace(root: Array) -> float:
    """Trace of root root'."""
    total = 0.0
    for i in range(root.shape[0]):
        for j in range(i + 1):
            total += root[i, j] * root[i, j]
    return total


@in_place
def measure(state: State, centre: Array, out: Array) -> None:
    """Write MODE_QUANTITIES of a state to `out`."""
    K, d = state.means.shape
    n = state.counts.sum()
    centre[:] = 0.0
    for k in range(K):
        for i in range(d):
            if state.counts[k] > 0:
                centre[i] += (state.counts[k] / n) * state.means[k, i]
    alive, same, between, modal, within = 0, 0.0, 0.0, 0.0, 0.0
    for k in range(K):
        if state.counts[k] > 0:
            p, v = state.counts[k] / n, trace(state.roots[k])
            alive += 1
            same += p * p
            modal += v
            within += p * v
            for i in range(d):
                between += p * (state.means[k, i] - centre[i]) ** 2
    out[0], out[1], out[2] = alive, 1.0 - same if alive > 1 else 0.0, within + between
    out[3], out[4], out[5] = modal / alive, modal, within


@in_place
def keep_state(state: State, row: int, snap: int, snapshots: Snapshots) -> None:
    """Copy a state; a lost mode has mean and covariance 0."""
    K, d = state.means.shape
    means, covs = snapshots.means[row, snap], snapshots.covariances[row, snap]
    for k in range(K):
        snapshots.counts[row, snap, k] = state.counts[k]
        if state.counts[k] > 0:
            for i in range(d):
                means[k, i] = state.means[k, i]
                for j in range(d):
                    for l in range(min(i, j) + 1):
                        covs[k, i, j] += state.roots[k, i, l] * state.roots[k, j, l]


@kernel
def mode_chunk(
    rng: np.random.Generator, spec: ModeSpec, snapshots: Snapshots, tally: Tally
) -> None:
    """Run replicates of the loop."""
    K, d = spec.centers.shape
    state = State(np.zeros(K, np.int64), np.zeros((K, d)), np.zeros((K, d, d)))
    room, x, centre = new_room(spec), np.zeros(len(MODE_QUANTITIES)), np.zeros(d)
    recorded, kept = tally.slots.size, snapshots.slots.size
    for replicate in range(tally.replicates):
        for t in range(max(recorded, kept)):
            advance(rng, spec, t == 0, state, room)
            if t < recorded and tally.slots[t] >= 0:
                measure(state, centre, x)
                record(tally, x, replicate, tally.slots[t])
            if t < kept and snapshots.slots[t] >= 0:
                keep_state(state, tally.first + replicate, snapshots.slots[t], snapshots)
