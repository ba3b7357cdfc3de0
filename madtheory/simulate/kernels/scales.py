"""Units, origin and coordinates of a state that collapses.

All states of a replicate are in units of 2^E. Means are relative to an origin: the newest mean
without real data, the fixed set's mean without fresh data. So collapse neither underflows nor
drowns the distance of two means in rounding. Without real data the spectrum spreads for ever:
then the state has coordinates in a :class:`Basis` that follows it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from madtheory._compile import in_place, kernel
from madtheory._types import Array, Ints
from madtheory.simulate.kernels import linear_algebra as la
from madtheory.simulate.kernels.piles import WIDTH, Models, Room, State

#: Largest coordinate of a mean that is told from infinity; its square is infinite anyway.
LARGEST = 1e300
#: Pivots of the newest factor further apart than this change the basis.
FAR = 2.0**-10


class Basis(NamedTuple):
    """Coordinates x stand for B diag(2^e) x, B lower triangular, one exponent a column."""

    B: Array  # (r, r)
    e: Ints  # (r,)
    ratio: Array  # (r, r): 2^(e_l - e_j), l >= j


@in_place
def describe(models: Models, index: int, k: int, rank: float) -> None:
    """Note shape and size of a new model."""
    G = models.G[index]
    r, largest = models.mu.shape[1], 0.0
    for i in range(r):
        for j in range(k):
            largest = max(largest, abs(G[i, j]))
    models.size[index] = largest
    models.shape[index, 0] = k
    models.shape[index, 1] = int(min(float(k), rank))
    models.shape[index, 2] = 1 if k == r else 0


@in_place
def scale_matrix(M: Array, factor: float) -> None:
    """Multiply a matrix."""
    for i in range(M.shape[0]):
        for j in range(M.shape[1]):
            M[i, j] *= factor


@in_place
def change_unit(state: State, factor: float) -> None:
    """Multiply the whole state by a power of two."""
    models, batches, pool = state
    for i in range(models.size.size):
        scale_matrix(models.G[i], factor)
        models.size[i] *= factor
    scale_matrix(models.mu, factor)
    for i in range(batches.mean.shape[0]):
        scale_matrix(batches.F[i], factor)
        scale_matrix(batches.M[i], factor)
        scale_matrix(batches.M[i], factor)
    scale_matrix(batches.mean, factor)
    scale_matrix(pool.F, factor)
    scale_matrix(pool.M, factor)
    scale_matrix(pool.M, factor)
    for i in range(pool.mean.size):
        pool.mean[i] *= factor


@in_place
def shift_of_unit(size: Array, live: int) -> int:
    """By how many powers of two to change the unit: when all models are tiny, or one is huge."""
    largest = 0.0
    for i in range(live):
        largest = max(largest, size[i])
    if largest == 0.0 or la.PIVOT_LOW < largest < la.PIVOT_HIGH:
        return 0
    return math.frexp(largest)[1]


@in_place
def moved(x: float, shift: float, E: int) -> float:
    """Return x + shift 2^E, cut at LARGEST."""
    x += math.copysign(min(la.scaled(abs(shift), E), LARGEST), shift)
    return max(min(x, LARGEST), -LARGEST)


@in_place
def recentre(state: State, index: int, basis: Basis, E: int, nu: Array) -> None:
    """Move the origin nu to the newest mean."""
    models, batches, pool = state
    for i in range(nu.size):
        for j in range(i + 1):
            nu[i] = moved(nu[i], basis.B[i, j] * models.mu[index, j], E + basis.e[j])
    for i in range(nu.size):
        shift = models.mu[index, i]
        for j in range(models.mu.shape[0]):
            models.mu[j, i] -= shift
        for j in range(batches.mean.shape[0]):
            batches.mean[j, i] -= shift
        pool.mean[i] -= shift


@in_place
def solve_lower(L: Array, X: Array, cols: int) -> None:
    """Replace X[:, :cols] by L^-1 X."""
    for i in range(L.shape[0]):
        for l in range(i):
            for j in range(cols):
                X[i, j] -= L[i, l] * X[l, j]
        for j in range(cols):
            X[i, j] /= L[i, i]


@kernel
def solve_state(L: Array, state: State, live: int, pooled: int) -> None:
    """Write all that lives in coordinates of the columns of L."""
    r = L.shape[0]
    models, batches, pool = state
    for m in range(live):
        solve_lower(L, models.G[m], r)
        solve_lower(L, models.mu[m].reshape(r, 1), 1)
        describe(models, m, r, float(models.shape[m, 1]))
    for b in range(pooled):
        solve_lower(L, batches.F[b], r)
        solve_lower(L, batches.mean[b].reshape(r, 1), 1)
        la.clear(batches.M[b], r, r)
        la.add_gram(batches.F[b], r, int(batches.size[b, WIDTH]), False, batches.M[b])
    solve_lower(L, pool.F, int(pool.size[WIDTH]))
    solve_lower(L, pool.mean.reshape(r, 1), 1)
    la.clear(pool.M, r, r)
    la.add_gram(pool.F, r, int(pool.size[WIDTH]), False, pool.M)


@in_place
def reset(basis: Basis) -> None:
    """Return to the first coordinates."""
    for i in range(basis.e.size):
        basis.e[i] = 0
        for j in range(basis.e.size):
            basis.B[i, j] = 1.0 if i == j else 0.0
            basis.ratio[i, j] = 1.0


@in_place
def in_basis(basis: Basis, G: Array, room: Room, out: Array) -> None:
    """Write the factor B diag(2^e) G diag(2^-e) of a lower triangular G."""
    r = basis.e.size
    for i in range(r):
        for j in range(r):
            out[i, j] = basis.B[i, j]
            room.T[i, j] = G[i, j] * basis.ratio[i, j] if j <= i else 0.0
    la.times_lower(out, room.T, r, r, r, True, room.row)


@in_place
def follow(
    state: State, index: int, live: int, pooled: int, basis: Basis, E: int, room: Room
) -> int:
    """Take the newest factor as the basis once its pivots are far apart; return the new E."""
    G, r = state.models.G[index], basis.e.size
    low, high = abs(G[0, 0]), abs(G[0, 0])
    for i in range(1, r):
        low, high = min(low, abs(G[i, i])), max(high, abs(G[i, i]))
    if low > FAR * high or low == 0.0:
        return E
    in_basis(basis, G, room, room.B)
    for i in range(r):
        basis.e[i] += E
        for j in range(r):
            basis.B[i, j] = room.B[i, j]
            room.B[i, j] = G[i, j]
    if la.pivots_extreme(basis.B, r):
        la.rescale(basis.B, basis.e, basis.ratio, r, r)
    solve_state(room.B, state, live, pooled)
    return 0
