"""Every loop without a kernel of its own: exact, and free of sample sizes.

Shrinkage and floor do not commute with whitening: with them the coordinates are the eigenvectors
of Sigma_0 at full dimension (`root` is its square-root spectrum); else `root` is 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from madtheory._compile import in_place, kernel
from madtheory._types import Array, Bools, Ints
from madtheory.simulate.kernels import linear_algebra as la
from madtheory.simulate.kernels import measure, piles, scales
from madtheory.simulate.kernels.piles import Batches, Models, Pile, Room, State
from madtheory.simulate.kernels.scales import Basis
from madtheory.simulate.kernels.spec import Spec
from madtheory.simulate.kernels.tally import Tally, record


class Data(NamedTuple):
    """The real law, and the piles that no later generation sees but `fixed`."""

    root: Array  # (r,): roots of the spectrum, 1 in whitened coordinates
    first_root: Array  # (r,): the same for the first sample, which may be biased by direction
    fixed: Pile
    real: Pile
    batch: Pile


@in_place
def shares(spec: Spec, n_r: float, n_p: float, weight: float) -> tuple[float, float, float, float]:
    """Return w and the factors of the real, synthetic and between-part columns."""
    n = n_r + n_p
    if weight < 0.0:
        a = 1.0 / math.sqrt(n - spec.ddof)
        return n_r / n, a, a, a * math.sqrt(n_r * (n_p / n))
    a, b = math.sqrt(weight / (n_r - spec.ddof)), math.sqrt((1.0 - weight) / (n_p - spec.ddof))
    return weight, a, b, math.sqrt(weight * (1.0 - weight))


@in_place
def append(F: Array, start: int, B: Array, k: int, scale: float) -> int:
    """Write scale B[:, :k] into F from column `start` on; return the new width."""
    if scale == 0.0:
        return start
    for i in range(F.shape[0]):
        for j in range(k):
            F[i, start + j] = scale * B[i, j]
    return start + k


@in_place
def regularise(M: Array, r: int, shrinkage: float, ridge: float) -> float:
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


@in_place
def fit(
    spec: Spec, weight: float, unit: float, real: Pile, pool: Pile, room: Room, mu: Array, G: Array
) -> tuple[int, float]:
    """Write the model of pooled data into mu and G; return its columns and rank.

    `unit` is 2^-E. With shrinkage or ridge G is always square.
    """
    r, F, M = mu.size, room.F, room.M
    w, a, b, c = shares(spec, real.size[piles.COUNT], pool.size[piles.COUNT], weight)
    for i in range(r):
        room.z[i] = real.mean[i] - pool.mean[i]
        mu[i] = pool.mean[i] + w * room.z[i]
        room.z[i] *= c
        for j in range(i + 1):
            M[i, j] = a * a * real.M[i, j] + b * b * pool.M[i, j] + room.z[i] * room.z[j]
    rank = (real.size[piles.RANK] if a > 0.0 else 0.0) + (pool.size[piles.RANK] if b > 0.0 else 0.0)
    rank += 1.0 if c > 0.0 else 0.0
    squared = spec.shrinkage > 0.0 or spec.ridge > 0.0
    added = regularise(M, r, spec.shrinkage, unit * unit * spec.ridge) if squared else 0.0
    columns = real.size[piles.WIDTH] + pool.size[piles.WIDTH]
    if (squared or columns >= r) and la.cholesky(M, r):
        for i in range(r):
            for j in range(r):
                G[i, j] = M[i, j] if j <= i else 0.0
        return r, rank
    thin = math.sqrt(1.0 - spec.shrinkage)
    width = append(F, 0, real.F, int(real.size[piles.WIDTH]), thin * a)
    if c > 0.0:
        for i in range(r):
            F[i, width] = thin * room.z[i]
        width += 1
    width = append(F, width, pool.F, int(pool.size[piles.WIDTH]), thin * b)
    if squared:
        for i in range(r):
            for j in range(r):
                F[i, width + j] = math.sqrt(added) if i == j else 0.0
        width += r
    la.clear(G, r, r)
    if width < r:
        append(G, 0, F, width, 1.0)
        return width, rank
    la.lower_factor(F, r, width, G)
    return r, rank


@in_place
def first_data(rng: np.random.Generator, spec: Spec, data: Data, room: Room) -> None:
    """Draw the first sample and the fixed set: nested, or independent."""
    piles.empty(data.real)
    piles.empty(data.fixed)
    shared = spec.n_shared > 0.0
    small, large = data.real, data.fixed
    n_small, n_large = spec.n_initial, spec.n_fixed
    if shared and n_small > n_large:
        small, large = data.fixed, data.real
        n_small, n_large = spec.n_fixed, spec.n_initial
    piles.add_real(rng, n_small, data.first_root, math.sqrt(spec.first_bias), room, small)
    if shared:
        piles.copy_pile(small, 1.0, large)
        n_large -= n_small
    piles.add_real(rng, n_large, data.root, 1.0, room, large)
    piles.compact(data.fixed)


@in_place
def whiten(nu: Array, G: Array, s: Array, nu_white: Array, G_white: Array) -> None:
    """Divide the rows of the range of s by its roots; G is lower triangular."""
    for i in range(s.size):
        root = math.sqrt(s[i])
        nu_white[i] = nu[i] / root
        for j in range(i + 1):
            G_white[i, j] = G[i, j] / root


@in_place
def add_outside(nu: Array, G: Array, E: int, r: int, out: Array) -> None:
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
    trace = la.scaled(tau, 2 * E)
    out[measure.W2] += mean_sq + la.scaled(outside, 2 * E)
    out[measure.MEAN_SQ] += mean_sq
    out[measure.TRACE] = trace
    out[measure.MEAN_4] = out[measure.MEAN_SQ] * out[measure.MEAN_SQ]
    out[measure.MEAN_QUAD] = la.scaled(sandwich, 2 * E)
    out[measure.SQ_TRACE] = trace * trace
    out[measure.LOG_TRACE] = measure.log_scaled(tau, E)
    out[measure.TRACE_SQ] = la.scaled(spread, 4 * E)


@kernel
def measure_state(
    flags: Bools,
    raw: bool,
    nu: Array,
    G: Array,
    e: Ints,
    full: bool,
    s: Array,
    log_det_0: float,
    white: Pile,
    room: Room,
    out: Array,
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
    measured[measure.LOG_DET] = False
    measure.measure(measured, position, factor, e[:columns], s, 0.0, white.L, room.M, out)
    if raw and d > r:
        add_outside(nu, G, e[0], r, out)
    out[measure.LOG_DET] = -np.inf
    if flags[measure.LOG_DET] and (raw or (full and e.size == r)):
        out[measure.LOG_DET] = measure.log_pivots(G, e) + (0.0 if raw else log_det_0)


@in_place
def start(
    rng: np.random.Generator, spec: Spec, state: State, data: Data, room: Room, origin: Array
) -> None:
    """Fit model 1, with an empty pool, and choose the origin."""
    first_data(rng, spec, data, room)
    models, fixed, real = state.models, data.fixed, data.real
    for i in range(origin.size):
        origin[i] = fixed.mean[i] if spec.n_fresh == 0.0 else 0.0
        fixed.mean[i] -= origin[i]
        real.mean[i] -= origin[i]
    piles.empty(state.pool)
    k, rank = fit(spec, -1.0, 1.0, real, state.pool, room, models.mu[0], models.G[0])
    scales.describe(models, 0, k, min(rank, spec.first_rank))


@in_place
def advance(
    rng: np.random.Generator, spec: Spec, t: int, E: int, state: State, data: Data, room: Room
) -> None:
    """Fit model t + 1 (t models so far) into the place of the oldest."""
    # Where data are real, E < -500 happens for a single fixed sample only, and that is at 0.
    unit, index = la.power_of_two(min(-E, 500)), t % spec.memory
    models, pool, real = state.models, state.pool, data.real
    piles.fill_pool(rng, spec, t, state, data.batch, room)
    piles.empty(real)
    if spec.n_fixed > 0.0:
        piles.copy_pile(data.fixed, unit, real)
    piles.add_real(rng, spec.n_fresh, data.root, unit, room, real)
    k, rank = fit(spec, spec.weight, unit, real, pool, room, models.mu[index], models.G[index])
    most = real.size[piles.COUNT] + pool.size[piles.COUNT] - 1.0
    most = min(most, spec.next_rank + (0.0 if spec.weight == 0.0 else spec.n_fresh * t))
    scales.describe(models, index, k, min(rank, most))


@kernel
def any_loop_chunk(rng: np.random.Generator, spec: Spec, s: Array, tally: Tally) -> None:
    """Run replicates of any loop without a budget.

    s is the positive spectrum of Sigma_0, and with shrinkage or ridge the whole one, largest
    first.
    """
    r = s.size
    raw = spec.shrinkage > 0.0 or spec.ridge > 0.0
    root, positive = np.sqrt(s) if raw else np.ones(r), s[s > 0.0]
    nu, origin = np.zeros(r), np.zeros(r)
    x, flags = measure.recorder(tally.wanted)
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
    state, white = State(models, batches, piles.new_pile(r)), piles.new_pile(positive.size)
    first_root = root * spec.roots if spec.rooted_first else root
    data = Data(root, first_root, piles.new_pile(r), piles.new_pile(r), piles.new_pile(r))
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
    for replicate in range(tally.replicates):
        E = 0
        scales.reset(basis)
        start(rng, spec, state, data, room, origin)
        for t in range(tally.slots.size):
            index = t % spec.memory
            if t > 0:
                advance(rng, spec, t, E, state, data, room)
            if spec.n_fixed + spec.n_fresh == 0.0:
                scales.recentre(state, index, basis, E, origin)
            live = min(t + 1, spec.memory)
            shift = scales.shift_of_unit(models.size, live)
            if shift != 0:
                scales.change_unit(state, math.ldexp(1.0, -shift))
                E += shift
            if graded:
                E = scales.follow(state, index, live, min(t, ring), basis, E, room)
            if tally.slots[t] >= 0:
                for i in range(r):
                    nu[i] = scales.moved(origin[i], models.mu[index, i], E)
                k, full = models.shape[index, 0], models.shape[index, 1] == r
                e, G = np.full(k, E), models.G[index]
                if graded:
                    e, G = E + basis.e, shown
                    scales.in_basis(basis, models.G[index], room, shown)
                measure_state(flags, raw, nu, G, e, full, positive, spec.log_det, white, room, x)
                record(tally, x, replicate, tally.slots[t])
