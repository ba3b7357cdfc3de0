"""Compiled kernel of every loop without a kernel of its own: exact, and free of sample sizes.

Conditional on the models, the samples that a generation takes from each of them are multinomial,
and what a fit needs of each part is its count, mean and scatter: a Gaussian vector and a Wishart
factor. A :class:`Pile` merges parts; it is all that is known of the fixed set, of a generation's
real samples and of the pool.

Coordinates are the whitened ones of :mod:`madtheory._kernels` (`root` is 1), where the loop is
that of Sigma_0 = I. Shrinkage and floor do not commute with whitening: with them the coordinates
are the eigenvectors of Sigma_0 at full dimension (`root` is its square-root spectrum).

All states of a replicate are in units of 2^E. Means are relative to an origin: the newest mean
without real data, the fixed set's mean without fresh data. So collapse neither underflows nor
drowns the distance of two means in rounding. Without real data the spectrum spreads for ever:
then the state has coordinates in a :class:`Basis` that follows it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from madtheory._compile import Bools, Floats, Ints, kernel
from madtheory._kernels import (
    LOG_2,
    LOG_DET,
    LOG_TRACE,
    MEAN_4,
    MEAN_QUAD,
    MEAN_SQ,
    PIVOT_HIGH,
    PIVOT_LOW,
    SQ_TRACE,
    TRACE,
    TRACE_SQ,
    W2,
    add_gram,
    bartlett,
    cholesky,
    clear,
    keep,
    log_scaled,
    lower_factor,
    measure,
    normals,
    pivots_extreme,
    power_of_two,
    recorder,
    rescale,
    scaled,
    tally,
    times_lower,
)

__all__ = ["Spec", "mixture_chunk"]

#: Largest coordinate of a mean that is told from infinity; its square is infinite anyway.
LARGEST = 1e300
#: Pivots of the newest factor further apart than this change the basis.
FAR = 2.0**-10
#: What Pile.size holds.
COUNT, WIDTH, RANK = range(3)


class Spec(NamedTuple):
    """A loop as the kernel reads it; sample counts are floats."""

    n_initial: float
    n_fixed: float
    n_fresh: float
    n_synth: float
    n_shared: float
    first_bias: float
    bias: float
    ddof: float
    #: Weight of the real data; -1 pools sample by sample.
    weight: float
    shrinkage: float
    #: What is added to the diagonal, floor tr Sigma_0/d.
    ridge: float
    #: Models that are sampled from.
    memory: int
    #: Batches in the pool; 0 merges them for good.
    cap: int
    #: Dimensions that the first model, and all samples of generation 2 less its fresh ones, span.
    first_rank: float
    next_rank: float


class Pile(NamedTuple):
    """Sufficient statistics of merged parts: scatter F F^T, and M, its lower triangle."""

    F: Floats  # (r, 3 r + 2), the first WIDTH columns count
    M: Floats  # (r, r)
    mean: Floats  # (r,)
    size: Floats  # (3,): samples, columns of F, rank of the scatter
    L: Floats  # (r, r), room


class Models(NamedTuple):
    """The last models: means and covariance factors."""

    mu: Floats  # (memory, r)
    G: Floats  # (memory, r, r)
    shape: Ints  # (memory, 3): columns of G, its rank, whether it is lower triangular
    size: Floats  # (memory,): largest entry of G


class Batches(NamedTuple):
    """The pooled batches of a capped pool."""

    mean: Floats  # (cap, r)
    F: Floats  # (cap, r, r)
    M: Floats  # (cap, r, r)
    size: Floats  # (cap, 3)


class Basis(NamedTuple):
    """Coordinates x stand for B diag(2^e) x, B lower triangular, one exponent a column."""

    B: Floats  # (r, r)
    e: Ints  # (r,)
    ratio: Floats  # (r, r): 2^(e_l - e_j), l >= j


class Room(NamedTuple):
    """Working memory."""

    T: Floats  # (r, r), zero above the diagonal
    B: Floats  # (r, r)
    M: Floats  # (r, r)
    F: Floats  # (r, 7 r + 5)
    mean: Floats  # (r,)
    z: Floats  # (r,)
    row: Floats  # (r,)
    counts: Ints  # (memory,)


# --- piles ---------------------------------------------------------------------------------------


@kernel
def new_pile(r: int) -> Pile:
    """Return an empty pile."""
    return Pile(
        np.zeros((r, 3 * r + 2)), np.zeros((r, r)), np.zeros(r), np.zeros(3), np.zeros((r, r))
    )


@kernel
def empty(pile: Pile) -> None:
    """Forget everything."""
    r = pile.mean.size
    clear(pile.M, r, r)
    for i in range(r):
        pile.mean[i] = 0.0
    for i in range(3):
        pile.size[i] = 0.0


@kernel
def compact(pile: Pile) -> None:
    """Leave r columns when there are more."""
    r, width = pile.mean.size, int(pile.size[WIDTH])
    if width <= r:
        return
    for i in range(r):
        for j in range(i + 1):
            pile.L[i, j] = pile.M[i, j]
    if not cholesky(pile.L, r):
        lower_factor(pile.F, r, width, pile.L)
    for i in range(r):
        for j in range(r):
            pile.F[i, j] = pile.L[i, j] if j <= i else 0.0
    pile.size[WIDTH] = r


@kernel
def add_part(pile: Pile, count: float, mean: Floats, B: Floats, k: int, rank: float) -> None:
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


@kernel
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


@kernel
def add_real(
    rng: np.random.Generator, count: float, root: Floats, scale: float, room: Room, pile: Pile
) -> None:
    """Add `count` samples of N(0, scale^2 diag(root^2))."""
    if count == 0.0:
        return
    r = root.size
    k = int(min(float(r), count - 1.0))
    bartlett(rng, count - 1.0, scale, room.T, r, k)
    normals(rng, scale / math.sqrt(count), room.z, r)
    for i in range(r):
        room.z[i] *= root[i]
        for j in range(min(i + 1, k)):
            room.T[i, j] *= root[i]
    add_gram(room.T, r, k, True, pile.M)
    add_part(pile, count, room.z, room.T, k, float(k))


@kernel
def add_synthetic(
    rng: np.random.Generator,
    count: float,
    bias: float,
    models: Models,
    index: int,
    room: Room,
    pile: Pile,
) -> None:
    """Add `count` samples of N(mu, bias G G^T), a model."""
    mu, G = models.mu[index], models.G[index]
    r, k, rank = mu.size, int(models.shape[index, 0]), float(models.shape[index, 1])
    triangular = models.shape[index, 2] > 0
    k = k if bias > 0.0 else 0
    normals(rng, math.sqrt(bias) / math.sqrt(count), room.z, k)
    for i in range(r):
        total = 0.0
        for j in range(k):
            total += G[i, j] * room.z[j]
            room.B[i, j] = G[i, j]
        room.mean[i] = mu[i] + total
    width = int(min(float(k), count - 1.0))
    if width > 0:
        bartlett(rng, count - 1.0, math.sqrt(bias), room.T, k, width)
        times_lower(room.B, room.T, r, k, width, triangular, room.row)
        add_gram(room.B, r, width, triangular, pile.M)
    add_part(pile, count, room.mean, room.B, width, min(rank, count - 1.0))


# --- batches and pools ---------------------------------------------------------------------------


@kernel
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


@kernel
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
            add_synthetic(rng, float(room.counts[index]), spec.bias, models, index, room, pile)


@kernel
def store_batch(pile: Pile, batches: Batches, slot: int) -> None:
    """Keep a batch in the ring."""
    compact(pile)
    r, width = pile.mean.size, int(pile.size[WIDTH])
    for i in range(r):
        batches.mean[slot, i] = pile.mean[i]
        for j in range(width):
            batches.F[slot, i, j] = pile.F[i, j]
        for j in range(i + 1):
            batches.M[slot, i, j] = pile.M[i, j]
    for i in range(3):
        batches.size[slot, i] = pile.size[i]


@kernel
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


@kernel
def fill_pool(
    rng: np.random.Generator,
    spec: Spec,
    t: int,
    models: Models,
    batches: Batches,
    batch: Pile,
    room: Room,
    pool: Pile,
) -> None:
    """Add the batch of generation t + 1 (t models so far) to the pool."""
    target = batch if spec.cap > 1 else pool
    if spec.cap > 0:
        empty(target)
    add_batch(rng, spec, models, min(t, spec.memory), room, target)
    if spec.cap > 1:
        store_batch(batch, batches, (t - 1) % spec.cap)
        merge_batches(batches, min(t, spec.cap), pool)


# --- fits ----------------------------------------------------------------------------------------


@kernel
def shares(spec: Spec, n_r: float, n_p: float, weight: float) -> tuple[float, float, float, float]:
    """Return w and the factors of the real, synthetic and between-part columns."""
    n = n_r + n_p
    if weight < 0.0:
        a = 1.0 / math.sqrt(n - spec.ddof)
        return n_r / n, a, a, a * math.sqrt(n_r * (n_p / n))
    a, b = math.sqrt(weight / (n_r - spec.ddof)), math.sqrt((1.0 - weight) / (n_p - spec.ddof))
    return weight, a, b, math.sqrt(weight * (1.0 - weight))


@kernel
def append(F: Floats, start: int, B: Floats, k: int, scale: float) -> int:
    """Write scale B[:, :k] into F from column `start` on; return the new width."""
    if scale == 0.0:
        return start
    for i in range(F.shape[0]):
        for j in range(k):
            F[i, start + j] = scale * B[i, j]
    return start + k


@kernel
def regularise(M: Floats, r: int, shrinkage: float, ridge: float) -> float:
    """Shrink M and add the ridge; return what was added to its diagonal."""
    trace = 0.0
    for i in range(r):
        trace += M[i, i]
    added = shrinkage * (trace / r) + ridge
    for i in range(r):
        for j in range(i + 1):
            M[i, j] *= 1.0 - shrinkage
        M[i, i] += added
    return added


@kernel
def fit(
    spec: Spec,
    weight: float,
    unit: float,
    real: Pile,
    pool: Pile,
    room: Room,
    mu: Floats,
    G: Floats,
) -> tuple[int, float]:
    """Write the model of pooled data into mu and G; return its columns and rank.

    `unit` is 2^-E. With shrinkage or ridge G is always square.
    """
    r, F, M = mu.size, room.F, room.M
    w, a, b, c = shares(spec, real.size[COUNT], pool.size[COUNT], weight)
    for i in range(r):
        room.z[i] = real.mean[i] - pool.mean[i]
        mu[i] = pool.mean[i] + w * room.z[i]
        room.z[i] *= c
        for j in range(i + 1):
            M[i, j] = a * a * real.M[i, j] + b * b * pool.M[i, j] + room.z[i] * room.z[j]
    rank = (real.size[RANK] if a > 0.0 else 0.0) + (pool.size[RANK] if b > 0.0 else 0.0)
    rank += 1.0 if c > 0.0 else 0.0
    squared = spec.shrinkage > 0.0 or spec.ridge > 0.0
    added = regularise(M, r, spec.shrinkage, unit * unit * spec.ridge) if squared else 0.0
    columns = real.size[WIDTH] + pool.size[WIDTH]
    if (squared or columns >= r) and cholesky(M, r):
        for i in range(r):
            for j in range(r):
                G[i, j] = M[i, j] if j <= i else 0.0
        return r, rank
    thin = math.sqrt(1.0 - spec.shrinkage)
    width = append(F, 0, real.F, int(real.size[WIDTH]), thin * a)
    if c > 0.0:
        for i in range(r):
            F[i, width] = thin * room.z[i]
        width += 1
    width = append(F, width, pool.F, int(pool.size[WIDTH]), thin * b)
    if squared:
        for i in range(r):
            for j in range(r):
                F[i, width + j] = math.sqrt(added) if i == j else 0.0
        width += r
    clear(G, r, r)
    if width < r:
        append(G, 0, F, width, 1.0)
        return width, rank
    lower_factor(F, r, width, G)
    return r, rank


@kernel
def first_data(
    rng: np.random.Generator, spec: Spec, root: Floats, room: Room, first: Pile, fixed: Pile
) -> None:
    """Draw the first sample and the fixed set: nested, or independent."""
    empty(first)
    empty(fixed)
    shared = spec.n_shared > 0.0
    small, large = first, fixed
    n_small, n_large = spec.n_initial, spec.n_fixed
    if shared and n_small > n_large:
        small, large = fixed, first
        n_small, n_large = spec.n_fixed, spec.n_initial
    add_real(rng, n_small, root, math.sqrt(spec.first_bias), room, small)
    if shared:
        copy_pile(small, 1.0, large)
        n_large -= n_small
    add_real(rng, n_large, root, 1.0, room, large)
    compact(fixed)


# --- scales --------------------------------------------------------------------------------------


@kernel
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


@kernel
def scale_matrix(M: Floats, factor: float) -> None:
    """Multiply a matrix."""
    for i in range(M.shape[0]):
        for j in range(M.shape[1]):
            M[i, j] *= factor


@kernel
def change_unit(models: Models, batches: Batches, pool: Pile, factor: float) -> None:
    """Multiply the whole state by a power of two."""
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


@kernel
def rescale_state(models: Models, live: int, batches: Batches, pool: Pile, E: int) -> int:
    """Choose another unit when all live models are tiny, or one is huge; return the new E."""
    largest = 0.0
    for i in range(live):
        largest = max(largest, models.size[i])
    if largest == 0.0 or PIVOT_LOW < largest < PIVOT_HIGH:
        return E
    shift = math.frexp(largest)[1]
    change_unit(models, batches, pool, math.ldexp(1.0, -shift))
    return E + shift


@kernel
def moved(x: float, shift: float, E: int) -> float:
    """Return x + shift 2^E, cut at LARGEST."""
    x += math.copysign(min(scaled(abs(shift), E), LARGEST), shift)
    return max(min(x, LARGEST), -LARGEST)


@kernel
def recentre(
    models: Models, index: int, batches: Batches, pool: Pile, basis: Basis, E: int, nu: Floats
) -> None:
    """Move the origin nu to the newest mean."""
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


@kernel
def solve_lower(L: Floats, X: Floats, cols: int) -> None:
    """Replace X[:, :cols] by L^-1 X."""
    for i in range(L.shape[0]):
        for l in range(i):
            for j in range(cols):
                X[i, j] -= L[i, l] * X[l, j]
        for j in range(cols):
            X[i, j] /= L[i, i]


@kernel
def solve_mean(L: Floats, x: Floats) -> None:
    """Replace x by L^-1 x."""
    for i in range(x.size):
        for l in range(i):
            x[i] -= L[i, l] * x[l]
        x[i] /= L[i, i]


@kernel
def solve_state(
    L: Floats, models: Models, live: int, batches: Batches, pooled: int, pool: Pile
) -> None:
    """Write all that lives in coordinates of the columns of L."""
    r = L.shape[0]
    for m in range(live):
        solve_lower(L, models.G[m], r)
        solve_mean(L, models.mu[m])
        describe(models, m, r, float(models.shape[m, 1]))
    for b in range(pooled):
        solve_lower(L, batches.F[b], r)
        solve_mean(L, batches.mean[b])
        clear(batches.M[b], r, r)
        add_gram(batches.F[b], r, int(batches.size[b, WIDTH]), False, batches.M[b])
    solve_lower(L, pool.F, int(pool.size[WIDTH]))
    solve_mean(L, pool.mean)
    clear(pool.M, r, r)
    add_gram(pool.F, r, int(pool.size[WIDTH]), False, pool.M)


@kernel
def reset(basis: Basis) -> None:
    """Return to the first coordinates."""
    for i in range(basis.e.size):
        basis.e[i] = 0
        for j in range(basis.e.size):
            basis.B[i, j] = 1.0 if i == j else 0.0
            basis.ratio[i, j] = 1.0


@kernel
def in_basis(basis: Basis, G: Floats, room: Room, out: Floats) -> None:
    """Write the factor B diag(2^e) G diag(2^-e) of a lower triangular G."""
    r = basis.e.size
    for i in range(r):
        for j in range(r):
            out[i, j] = basis.B[i, j]
            room.T[i, j] = G[i, j] * basis.ratio[i, j] if j <= i else 0.0
    times_lower(out, room.T, r, r, r, True, room.row)


@kernel
def follow(
    models: Models,
    index: int,
    live: int,
    batches: Batches,
    pooled: int,
    pool: Pile,
    basis: Basis,
    E: int,
    room: Room,
) -> int:
    """Take the newest factor as the basis once its pivots are far apart; return the new E."""
    G, r = models.G[index], basis.e.size
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
    if pivots_extreme(basis.B, r):
        rescale(basis.B, basis.e, basis.ratio, r, r)
    solve_state(room.B, models, live, batches, pooled, pool)
    return 0


# --- measuring -----------------------------------------------------------------------------------


@kernel
def log_pivots(G: Floats, e: Ints) -> float:
    """Return log det of a triangular factor squared, -inf where a pivot is zero."""
    total = 0.0
    for i in range(G.shape[0]):
        if G[i, i] == 0.0:
            return -np.inf
        total += math.log(abs(G[i, i])) + LOG_2 * e[i]
    return 2.0 * total


@kernel
def whiten(nu: Floats, G: Floats, s: Floats, nu_white: Floats, G_white: Floats) -> None:
    """Divide the rows of the range of s by its roots; G is lower triangular."""
    for i in range(s.size):
        root = math.sqrt(s[i])
        nu_white[i] = nu[i] / root
        for j in range(i + 1):
            G_white[i, j] = G[i, j] / root


@kernel
def add_outside(nu: Floats, G: Floats, E: int, r: int, out: Floats) -> None:
    """Correct what :func:`measure` said of rows [:r] for the rows where Sigma_0 is zero.

    W2^2 gains their trace: the fidelity depends on G[:r, :r] alone.
    """
    d, tau, outside, mean_sq, spread, sandwich = nu.size, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(d):
        x = 0.0
        for i in range(j, d):
            x += G[i, j] * nu[i]
            tau += G[i, j] * G[i, j]
            outside += G[i, j] * G[i, j] if i >= r else 0.0
        sandwich += x * x
        for l in range(d):
            y = 0.0
            for i in range(max(j, l), d):
                y += G[i, j] * G[i, l]
            spread += y * y
    for i in range(r, d):
        mean_sq += nu[i] * nu[i]
    trace = scaled(tau, 2 * E)
    out[W2] += mean_sq + scaled(outside, 2 * E)
    out[MEAN_SQ] += mean_sq
    out[TRACE] = trace
    out[MEAN_4] = out[MEAN_SQ] * out[MEAN_SQ]
    out[MEAN_QUAD] = scaled(sandwich, 2 * E)
    out[SQ_TRACE] = trace * trace
    out[LOG_TRACE] = log_scaled(tau, E)
    out[TRACE_SQ] = scaled(spread, 4 * E)


@kernel
def measure_state(
    flags: Bools,
    raw: bool,
    nu: Floats,
    G: Floats,
    e: Ints,
    full: bool,
    s: Floats,
    log_det_0: float,
    white: Pile,
    room: Room,
    out: Floats,
) -> None:
    """Write the flagged quantities of a state; s is the positive spectrum of Sigma_0.

    In raw coordinates G is square and lower triangular, and log det is that of all of Sigma_t.
    """
    r, d = s.size, nu.size
    position, factor, columns = nu, G, e.size
    if raw:
        columns = r
        whiten(nu, G, s, white.mean, white.M)
        position, factor = white.mean, white.M
    # Only -inf of log det is taken from here, where a zero pivot would not pass.
    measured = flags.copy()
    measured[LOG_DET] = False
    measure(measured, position, factor, e[:columns], s, 0.0, white.L, room.M, out)
    if raw and d > r:
        add_outside(nu, G, e[0], r, out)
    out[LOG_DET] = -np.inf
    if flags[LOG_DET] and (raw or (full and e.size == r)):
        out[LOG_DET] = log_pivots(G, e) + (0.0 if raw else log_det_0)


# --- the loop ------------------------------------------------------------------------------------


@kernel
def start(
    rng: np.random.Generator,
    spec: Spec,
    root: Floats,
    models: Models,
    fixed: Pile,
    real: Pile,
    pool: Pile,
    room: Room,
    origin: Floats,
) -> None:
    """Fit model 1, with an empty pool, and choose the origin."""
    first_data(rng, spec, root, room, real, fixed)
    for i in range(origin.size):
        origin[i] = fixed.mean[i] if spec.n_fresh == 0.0 else 0.0
        fixed.mean[i] -= origin[i]
        real.mean[i] -= origin[i]
    empty(pool)
    k, rank = fit(spec, -1.0, 1.0, real, pool, room, models.mu[0], models.G[0])
    describe(models, 0, k, min(rank, spec.first_rank))


@kernel
def advance(
    rng: np.random.Generator,
    spec: Spec,
    t: int,
    E: int,
    root: Floats,
    models: Models,
    batches: Batches,
    fixed: Pile,
    real: Pile,
    batch: Pile,
    pool: Pile,
    room: Room,
) -> None:
    """Fit model t + 1 (t models so far) into the place of the oldest."""
    # Where data are real, E < -500 happens for a single fixed sample only, and that is at 0.
    unit, index = power_of_two(min(-E, 500)), t % spec.memory
    fill_pool(rng, spec, t, models, batches, batch, room, pool)
    empty(real)
    if spec.n_fixed > 0.0:
        copy_pile(fixed, unit, real)
    add_real(rng, spec.n_fresh, root, unit, room, real)
    k, rank = fit(spec, spec.weight, unit, real, pool, room, models.mu[index], models.G[index])
    most = real.size[COUNT] + pool.size[COUNT] - 1.0
    most = min(most, spec.next_rank + (0.0 if spec.weight == 0.0 else spec.n_fresh * t))
    describe(models, index, k, min(rank, most))


@kernel
def mixture_chunk(
    rng: np.random.Generator,
    replicates: int,
    spec: Spec,
    s: Floats,
    log_det_0: float,
    slots: Ints,
    wanted: Ints,
    mean: Floats,
    m2: Floats,
    paths: Floats,
) -> None:
    """Run replicates of any loop without a budget and tally them.

    s is the positive spectrum of Sigma_0, and with shrinkage or ridge the whole one, largest
    first; slots[t-1] is where generation t is tallied, or -1.
    """
    r = s.size
    raw = spec.shrinkage > 0.0 or spec.ridge > 0.0
    root, positive = np.sqrt(s) if raw else np.ones(r), s[s > 0.0]
    nu, origin = np.zeros(r), np.zeros(r)
    x, flags = recorder(wanted)
    models = Models(
        np.zeros((spec.memory, r)),
        np.zeros((spec.memory, r, r)),
        np.zeros((spec.memory, 3), np.int64),
        np.zeros(spec.memory),
    )
    ring = spec.cap if spec.cap > 1 else 0
    batches = Batches(
        np.zeros((ring, r)), np.zeros((ring, r, r)), np.zeros((ring, r, r)), np.zeros((ring, 3))
    )
    fixed, real, batch, pool = new_pile(r), new_pile(r), new_pile(r), new_pile(r)
    white = new_pile(positive.size)
    room = Room(
        np.zeros((r, r)),
        np.zeros((r, r)),
        np.zeros((r, r)),
        np.zeros((r, 7 * r + 5)),
        np.zeros(r),
        np.zeros(r),
        np.zeros(r),
        np.zeros(spec.memory, np.int64),
    )
    basis, shown = Basis(np.eye(r), np.zeros(r, np.int64), np.ones((r, r))), np.zeros((r, r))
    graded = not raw and spec.n_fixed + spec.n_fresh == 0.0
    graded = graded and min(spec.n_initial, spec.n_synth) > r and spec.first_rank >= r
    for replicate in range(replicates):
        E = 0
        reset(basis)
        start(rng, spec, root, models, fixed, real, pool, room, origin)
        for t in range(slots.size):
            index = t % spec.memory
            if t > 0:
                advance(rng, spec, t, E, root, models, batches, fixed, real, batch, pool, room)
            if spec.n_fixed + spec.n_fresh == 0.0:
                recentre(models, index, batches, pool, basis, E, origin)
            live = min(t + 1, spec.memory)
            E = rescale_state(models, live, batches, pool, E)
            if graded:
                E = follow(models, index, live, batches, min(t, ring), pool, basis, E, room)
            if slots[t] >= 0:
                for i in range(r):
                    nu[i] = moved(origin[i], models.mu[index, i], E)
                k, full = models.shape[index, 0], models.shape[index, 1] == r
                e, G = np.full(k, E), models.G[index]
                if graded:
                    e, G = E + basis.e, shown
                    in_basis(basis, models.G[index], room, shown)
                measure_state(flags, raw, nu, G, e, full, positive, log_det_0, white, room, x)
                tally(wanted, x, 1.0 / (replicate + 1.0), slots[t], mean, m2)
                keep(wanted, x, replicate, slots[t], paths)
