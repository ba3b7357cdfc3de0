"""Sufficient statistics of merged samples: the fixed set, batches and the pool of any loop.

Conditional on the models, the samples that a generation takes from each of them are multinomial,
and what a fit needs of each part is its count, mean and scatter: a Gaussian vector and a Wishart
factor. A :class:`Pile` merges parts; it is all that is known of the fixed set, of a generation's
real samples and of the pool.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from madtheory._compile import in_place, kernel
from madtheory._types import Array, Ints
from madtheory.simulate.kernels import linear_algebra as la
from madtheory.simulate.kernels.spec import Spec

#: What Pile.size holds.
COUNT, WIDTH, RANK = range(3)


class Pile(NamedTuple):
    """Sufficient statistics of merged parts: scatter F F^T, and M, its lower triangle."""

    F: Array  # (r, 3 r + 2), the first WIDTH columns count
    M: Array  # (r, r)
    mean: Array  # (r,)
    size: Array  # (3,): samples, columns of F, rank of the scatter
    L: Array  # (r, r), room


class Models(NamedTuple):
    """The last models: means and covariance factors."""

    mu: Array  # (memory, r)
    G: Array  # (memory, r, r)
    shape: Ints  # (memory, 3): columns of G, its rank, whether it is lower triangular
    size: Array  # (memory,): largest entry of G


class Batches(NamedTuple):
    """The pooled batches of a capped pool."""

    mean: Array  # (cap, r)
    F: Array  # (cap, r, r)
    M: Array  # (cap, r, r)
    size: Array  # (cap, 3)


class State(NamedTuple):
    """What one generation leaves to the next."""

    models: Models
    batches: Batches
    pool: Pile


class Room(NamedTuple):
    """Working memory."""

    T: Array  # (r, r), zero above the diagonal
    B: Array  # (r, r)
    M: Array  # (r, r)
    F: Array  # (r, 7 r + 5)
    mean: Array  # (r,)
    z: Array  # (r,)
    row: Array  # (r,)
    counts: Ints  # (memory,)


@kernel
def new_pile(r: int) -> Pile:
    """Return an empty pile."""
    return Pile(
        np.zeros((r, 3 * r + 2)), np.zeros((r, r)), np.zeros(r), np.zeros(3), np.zeros((r, r))
    )


@in_place
def empty(pile: Pile) -> None:
    """Forget everything."""
    r = pile.mean.size
    la.clear(pile.M, r, r)
    for i in range(r):
        pile.mean[i] = 0.0
    for i in range(3):
        pile.size[i] = 0.0


@in_place
def compact(pile: Pile) -> None:
    """Leave r columns when there are more."""
    r, width = pile.mean.size, int(pile.size[WIDTH])
    if width <= r:
        return
    for i in range(r):
        for j in range(i + 1):
            pile.L[i, j] = pile.M[i, j]
    if not la.cholesky(pile.L, r):
        la.lower_factor(pile.F, r, width, pile.L)
    for i in range(r):
        for j in range(r):
            pile.F[i, j] = pile.L[i, j] if j <= i else 0.0
    pile.size[WIDTH] = r


@in_place
def add_part(pile: Pile, count: float, mean: Array, B: Array, k: int, rank: float) -> None:
    """Merge `count` samples of scatter B B^T, B (r, k); adding that to M is left to the caller."""
    n, r = pile.size[COUNT], pile.mean.size
    if int(pile.size[WIDTH]) + k + 1 > pile.F.shape[1]:
        compact(pile)
    width, share = int(pile.size[WIDTH]), count / (n + count)
    scale, apart = math.sqrt(n * share), 1 if n > 0.0 else 0
    for i in range(r):
        gap = mean[i] - pile.mean[i]
        pile.mean[i] += share * gap
        pile.F[i, width] = scale * gap
        for j in range(i + 1):
            pile.M[i, j] += pile.F[i, width] * pile.F[j, width]
        for j in range(k):
            pile.F[i, width + apart + j] = B[i, j]
    pile.size[COUNT] = n + count
    pile.size[WIDTH] += apart + k
    pile.size[RANK] += apart + rank


@in_place
def copy_pile(pile: Pile, scale: float, out: Pile) -> None:
    """Copy a pile in units of 1 / scale."""
    width = int(pile.size[WIDTH])
    for i in range(pile.mean.size):
        out.mean[i] = scale * pile.mean[i]
        for j in range(width):
            out.F[i, j] = scale * pile.F[i, j]
        for j in range(i + 1):
            out.M[i, j] = scale * scale * pile.M[i, j]
    for i in range(3):
        out.size[i] = pile.size[i]


@in_place
def add_real(
    rng: np.random.Generator, count: float, root: Array, scale: float, room: Room, pile: Pile
) -> None:
    """Add `count` samples of N(0, scale^2 diag(root^2))."""
    if count == 0.0:
        return
    r = root.size
    k = int(min(float(r), count - 1.0))
    la.bartlett(rng, count - 1.0, scale, room.T, r, k)
    la.normals(rng, scale / math.sqrt(count), room.z, r)
    for i in range(r):
        room.z[i] *= root[i]
        for j in range(min(i + 1, k)):
            room.T[i, j] *= root[i]
    la.add_gram(room.T, r, k, True, pile.M)
    add_part(pile, count, room.z, room.T, k, float(k))


@in_place
def add_synthetic(
    rng: np.random.Generator,
    count: float,
    spec: Spec,
    models: Models,
    index: int,
    room: Room,
    pile: Pile,
) -> None:
    """Add `count` samples of N(mu, bias G G^T), a model; a spectrum multiplies the rows of G."""
    mu, G, bias = models.mu[index], models.G[index], spec.bias
    r, k, rank = mu.size, int(models.shape[index, 0]), float(models.shape[index, 1])
    triangular = models.shape[index, 2] > 0
    k = k if bias > 0.0 else 0
    la.normals(rng, math.sqrt(bias) / math.sqrt(count), room.z, k)
    for i in range(r):
        for j in range(k):
            room.B[i, j] = G[i, j]
    la.scale_rows(room.B, spec.roots, k)
    for i in range(r):
        total = 0.0
        for j in range(k):
            total += room.B[i, j] * room.z[j]
        room.mean[i] = mu[i] + total
    width = int(min(float(k), count - 1.0))
    if width > 0:
        la.bartlett(rng, count - 1.0, math.sqrt(bias), room.T, k, width)
        la.times_lower(room.B, room.T, r, k, width, triangular, room.row)
        la.add_gram(room.B, r, width, triangular, pile.M)
    add_part(pile, count, room.mean, room.B, width, min(rank, count - 1.0))


@in_place
def draw_counts(rng: np.random.Generator, n: float, live: int, counts: Ints) -> None:
    """Draw how many of n samples come from each of `live` models: multinomial, uniform."""
    for i in range(live):
        counts[i] = 0
    left = int(n)
    if left <= live:
        for _ in range(left):
            counts[min(int(rng.random() * live), live - 1)] += 1
        return
    for i in range(live - 1):
        counts[i] = rng.binomial(left, 1.0 / (live - i))
        left -= counts[i]
    counts[live - 1] = left


@in_place
def add_batch(
    rng: np.random.Generator, spec: Spec, models: Models, live: int, room: Room, pile: Pile
) -> None:
    """Add the synthetic samples of one generation."""
    if live == 1:
        room.counts[0] = int(spec.n_synth)
    else:
        draw_counts(rng, spec.n_synth, live, room.counts)
    for index in range(live):
        if room.counts[index] > 0:
            add_synthetic(rng, float(room.counts[index]), spec, models, index, room, pile)


@in_place
def store_batch(pile: Pile, batches: Batches, slot: int) -> None:
    """Keep a batch in the ring."""
    compact(pile)
    F, M, mean, size = batches.F[slot], batches.M[slot], batches.mean[slot], batches.size[slot]
    copy_pile(pile, 1.0, Pile(F, M, mean, size, pile.L))


@in_place
def merge_batches(batches: Batches, live: int, pile: Pile) -> None:
    """Merge the batches of the ring."""
    empty(pile)
    r = pile.mean.size
    for b in range(live):
        for i in range(r):
            for j in range(i + 1):
                pile.M[i, j] += batches.M[b, i, j]
        count, width, rank = batches.size[b, COUNT], batches.size[b, WIDTH], batches.size[b, RANK]
        add_part(pile, count, batches.mean[b], batches.F[b], int(width), rank)


@in_place
def fill_pool(
    rng: np.random.Generator, spec: Spec, t: int, state: State, batch: Pile, room: Room
) -> None:
    """Add the batch of generation t + 1 (t models so far) to the pool."""
    target = batch if spec.cap > 1 else state.pool
    if spec.cap > 0:
        empty(target)
    add_batch(rng, spec, state.models, min(t, spec.memory), room, target)
    if spec.cap > 1:
        store_batch(batch, state.batches, (t - 1) % spec.cap)
        merge_batches(state.batches, min(t, spec.cap), state.pool)
