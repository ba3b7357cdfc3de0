"""The mean law of the last of several fits that share data, the 1/d term included (theory.md 5.2).

Model t of T has a covariance that is linear in blocks of Gaussian columns; block j has k_j of
them, of a covariance that is linear in earlier models, and may be held by several models (a fixed
set, a pool). Columns are integrated out from the newest on: what is left is linear again. With v_t
for the variance of one direction of model t and b_t for the weight of model t in the resolvent,

    E log det(S_T + s) = stat_(v, b) { d log(s + v_T) - b v + sum_j k_j log(1 + z_j a_j) }
                         + (1/2) log |det H| + means + counts + O(1/d),
    z = Z b,  a = a_0 + A v,

H the Hessian in (v, b). The first part is the deterministic equivalent, of complex samples too; it
is the variance of the same loop of d = 1 with a number u_j = 1/(1 + z_j a_j) for each chi-square
k_j over k_j, against the cost sum k_j (u_j - 1 - log u_j). The second is what real ones add.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from madtheory import _threads
from madtheory._types import Array, Ints
from madtheory.spectrum import saddle
from madtheory.spectrum.mean_law import FEW, GRID, NODES, SHARE, MeanLaw, filled

#: Models of less weight in the last one are as expected, and without noise.
_LEAST = 1e-9


class Blocks(NamedTuple):
    """J blocks of columns and T models."""

    k: Array  # (J,)    columns
    held: Array  # (J, T)  Z: what a model holds of the scatter of a block
    start: Array  # (J,)   a_0
    parent: Array  # (J, T)  A


class Means(NamedTuple):
    """Outer products of means in the models: rows of independent noise vectors.

    A row's product is in the resolvent with the weight `held` b, times u of block `column` if that
    is not negative. It also stands among the blocks, as a column: `own` says where.
    """

    rows: Array  # (r, p)
    held: Array  # (r, T)
    column: Ints  # (r,)
    own: Ints  # (q,)
    noise: tuple[Array, Array]  # (p,), (p, T): variance of a vector, constant and by v


class Counts(NamedTuple):
    """Samples drawn from several models at once: variance of each block's count, by batch."""

    blocks: list[Ints]
    variance: list[float]


class System(NamedTuple):
    """All that is known of the models 1, 2, ..., each made of earlier ones."""

    blocks: Blocks
    means: Means
    counts: Counts


class Point(NamedTuple):
    """Stationary point at every node: v, b, u, z, a and the Hessian."""

    v: Array  # (n, T)
    b: Array
    u: Array  # (n, J)
    z: Array
    a: Array
    hessian: Array  # (n, 2 T, 2 T)


def first_moments(blocks: Blocks) -> Array:
    """v where all u are 1: E tr S_t/d, shape (T,)."""
    T = blocks.held.shape[1]
    gain = (blocks.held * blocks.k[:, None]).T
    return np.asarray(np.linalg.solve(np.eye(T) - gain @ blocks.parent, gain @ blocks.start))


def _weights(blocks: Blocks) -> Array:
    """b (s + v_T)/d where all u are 1, shape (T,): how much of a model is in the last one."""
    T = blocks.held.shape[1]
    gain = (blocks.held * blocks.k[:, None]).T @ blocks.parent
    return np.asarray(np.linalg.solve(np.eye(T) - gain.T, np.eye(T)[-1]))


def first_share(blocks: Blocks) -> float:
    """Share of the last model's expected covariance that comes from the first model's."""
    v = first_moments(blocks)
    return float(_weights(blocks)[0] * v[0] / v[-1])


def _at(blocks: Blocks, s: Array, d: int, v: Array, b: Array) -> Point:
    """All that is known at v and b, shape (n, T)."""
    k, Z, A = blocks.k, blocks.held, blocks.parent
    T = Z.shape[1]
    z, a = b @ Z.T, blocks.start + v @ A.T
    u = 1 / (1 + z * a)
    left = d / (s + v[:, -1])
    H = np.empty((len(v), 2 * T, 2 * T))
    w = k * u * u
    H[:, :T, :T] = -np.matmul(A.T * (w * z * z)[:, None, :], A)
    H[:, T - 1, T - 1] -= left**2 / d
    H[:, T:, T:] = -np.matmul(Z.T * (w * a * a)[:, None, :], Z)
    H[:, T:, :T] = np.matmul(Z.T * w[:, None, :], A) - np.eye(T)
    H[:, :T, T:] = H[:, T:, :T].transpose(0, 2, 1)
    return Point(v, b, u, z, a, H)


def _stationary(blocks: Blocks, s: Array, d: int, c: Array) -> Point | None:
    """The stationary point at the nodes `FEW`, in units of c; None where there is none."""
    falling = np.ascontiguousarray(s[::-1])
    expected = np.concatenate([c, _weights(blocks) * (d / (falling[0] + c[-1]))])
    logs = np.empty((len(s), len(expected)))
    lists = saddle.sparse(blocks.held), saddle.sparse(blocks.parent)
    ahead = saddle.onward()
    if not saddle.walk(falling, float(d), blocks.k, blocks.start, *lists, expected, ahead, logs):
        return None
    return _at(blocks, s, d, *np.hsplit(np.exp(logs[::-1]), 2))


def _equivalent(blocks: Blocks, s: Array, d: int, c: float, point: Point) -> Array:
    """The first part, less d log(s + c)."""
    x = point.z * point.a
    return np.asarray(
        d * np.log1p((point.v[:, -1] - c) / (s + c)) + (np.log1p(x) - x / (1 + x)) @ blocks.k
    )


def _of_means(means: Means, point: Point) -> Array:
    """log det(1 + Q D) of the outer products, less what their columns have of it."""
    weights = point.b @ means.held.T
    bound = means.column >= 0
    weights[:, bound] *= point.u[:, means.column[bound]]
    root = np.sqrt(means.noise[0] + point.v @ means.noise[1].T)
    rows = means.rows * root[:, None, :]
    Q = np.matmul(rows.transpose(0, 2, 1) * weights[:, None, :], rows)
    own = point.z[:, means.own] * point.a[:, means.own]
    return np.asarray(np.linalg.slogdet(np.eye(Q.shape[1]) + Q)[1] - np.log1p(own).sum(axis=1))


def _fluctuations(blocks: Blocks, counts: Counts, point: Point) -> tuple[Array, Array]:
    """Half of log |det H|, and half the counts' variance times the second derivative by them.

    That is J H^-1 J, J the mixed derivatives by each count and (v, b), less a batch's mean.
    """
    chosen = np.concatenate([*counts.blocks, np.zeros(0, dtype=int)]).astype(int)
    u, z, a = (x[:, chosen, None] for x in (point.u, point.z, point.a))
    J = np.concatenate([u * z * blocks.parent[chosen], u * a * blocks.held[chosen]], axis=2)
    begins = np.cumsum([0, *(len(batch) for batch in counts.blocks)])
    logs, quadratic = saddle.forms(point.hessian, J, begins)
    return logs / 2, -quadratic @ np.array(counts.variance) / 2


def _seen(system: System, last: int) -> tuple[Ints, Array]:
    """Which of the models up to `last` count, and E tr S/d of the others (0 for the first)."""
    blocks = system.blocks
    early = blocks._replace(held=blocks.held[:, :last], parent=blocks.parent[:, :last])
    c = first_moments(early)
    seen = _weights(early) * c > _LEAST * c[-1]
    seen[-1] = True
    return np.flatnonzero(seen), np.where(seen, 0.0, c)


def _blocks_seen(blocks: Blocks, seen: Ints, gone: Array) -> tuple[Blocks, Ints]:
    """Blocks that those models hold, and their new numbers (-1 for none)."""
    held = blocks.held[:, seen]
    used = (held > 0).any(axis=1)
    start = blocks.start + blocks.parent[:, : len(gone)] @ gone
    number = np.where(used, np.cumsum(used) - 1, -1)
    return Blocks(blocks.k[used], held[used], start[used], blocks.parent[used][:, seen]), number


def _means_seen(means: Means, seen: Ints, gone: Array, number: Ints) -> Means:
    """Rows in those models, and the vectors in them."""
    held = means.held[:, seen]
    kept = (held > 0).any(axis=1)
    rows, column = means.rows[kept], means.column[kept]
    still = means.noise[0] + means.noise[1][:, : len(gone)] @ gone
    p = (rows != 0).any(axis=0)
    own = number[means.own]
    return Means(
        rows[:, p],
        held[kept],
        np.where(column >= 0, number[column], -1),
        own[own >= 0],
        (still[p], means.noise[1][p][:, seen]),
    )


def up_to(system: System, last: int) -> System:
    """What counts in model `last`, from 1."""
    seen, gone = _seen(system, last)
    blocks, number = _blocks_seen(system.blocks, seen, gone)
    batches = [number[batch] for batch in system.counts.blocks]
    held = [i for i, batch in enumerate(batches) if batch[0] >= 0]
    counts = Counts([batches[i] for i in held], [system.counts.variance[i] for i in held])
    return System(blocks, _means_seen(system.means, seen, gone, number), counts)


class Found(NamedTuple):
    """The law of the last model, and which part of its root deficit two of its terms are."""

    law: MeanLaw
    by_means: float
    by_counts: float


def last_law(system: System, *, dim: int, real: bool = True) -> Found | None:
    """The mean law of the last model; without the 1/d term of real samples for `real` = False.

    None where no stationary point is found. Means themselves are not carried.
    """
    first = first_moments(system.blocks)
    c = float(first[-1])
    s = NODES[FEW] * c
    point = _stationary(system.blocks, s, dim, first) if c > 0 else None
    if point is None:
        return None
    total = _equivalent(system.blocks, s, dim, c, point)
    means, counts = np.zeros((2, len(s)))
    if real:
        noise, counts = _fluctuations(system.blocks, system.counts, point)
        with _threads.one_thread():  # many small determinants
            total, means = total + noise, _of_means(system.means, point)

    def law(x: Array) -> MeanLaw:
        return MeanLaw(dim, c, 0.0, filled() @ (-2 * x / SHARE[FEW] ** 2), np.ones_like(GRID))

    # The root deficit is linear in the shape.
    whole = law(total + means + counts)
    size = max(abs(whole.root_deficit), 1e-300)
    return Found(whole, *(law(x).root_deficit / size for x in (means, counts)))
