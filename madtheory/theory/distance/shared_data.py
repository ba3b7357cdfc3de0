"""What the fits of a loop share, as blocks of Gaussian columns (theory.md 5.2).

Noise vectors are independent: of the means of what the first sample and the fixed set share, of
their two rests, and of every generation's fresh and synthetic samples. A batch's mean and a model's
are rows in them, and what a fit has of its batches' distances is a sum of outer products of rows.
Which models a batch's samples are of moves its mean along the distances of these, and in no new
direction: it makes rows longer, by coefficients that they have beside those of vectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from madtheory import _threads
from madtheory._types import Array, Ints
from madtheory.loop import Loop
from madtheory.spectrum.unrolled import Blocks, Counts, Means, System

#: Vectors of the first sample and the fixed set, before those of fresh and synthetic samples.
_HELD = 3
#: Rows this near to the span of others, relative, are in it.
_WITHIN = 1e-9
#: A level below this is 0: shares of it leave the range of float64.
_FAINT = 1e-300


@dataclass
class _Unrolled:
    """Generations 1..T; filled one by one."""

    size: Array  # (p,)     samples of a batch
    noise: Array  # (p, T)   variance of its mean's noise by v, and
    still: Array  # (p,)     the constant part
    level: Array  # (p,)     both where v is as expected
    batch: Array  # (p, p + T)   its mean in noise vectors, and in what choices of models move
    model: Array  # (T, p + T)   a model's
    moved: Array  # (T,)     expected square of how far such a choice moves a batch's mean
    held: Array  # (T, p)   what a model holds of its scatter
    drawn: Array  # (T,)     E tr S/d of a batch
    trace: Array  # (T,)     of a model
    rows: list[Array]
    of: list[tuple[int, int]]  # generation, and parent of a row between models or -1


def _empty(loop: Loop, T: int) -> _Unrolled:
    """Nothing is fitted yet."""
    p, shared = _HELD + 2 * T, loop.n_shared
    size = np.zeros(p)
    size[:_HELD] = shared, loop.n_initial - shared, loop.n_fixed - shared
    size[_HELD + 1 : _HELD + T], size[_HELD + T + 1 :] = loop.n_fresh, loop.n_synth
    still = np.divide(1.0, size, out=np.zeros(p), where=size > 0)
    still[1] *= loop.first_bias
    still[_HELD + T :] = 0.0
    model, held, drawn, trace = np.zeros((T, p + T)), np.zeros((T, p)), np.zeros(T), np.zeros(T)
    noise, level, batch = np.zeros((p, T)), still.copy(), np.eye(p, p + T)
    return _Unrolled(
        size, noise, still, level, batch, model, np.zeros(T), held, drawn, trace, [], []
    )


def _parents(loop: Loop, t: int) -> Ints:
    """Models that the samples of generation t + 1 are drawn from (0 is the first)."""
    return np.arange(0 if loop.memory is None else max(t - loop.memory, 0), t)


def _draw(x: _Unrolled, loop: Loop, t: int) -> None:
    """The synthetic batch of generation t + 1, of a mixture of models."""
    T, p, parents, n = len(x.trace), len(x.size), _parents(loop, t), loop.n_synth
    j, mean = _HELD + T + t, x.model[parents].mean(axis=0)
    x.batch[j] += mean
    x.noise[j, parents] = loop.scalar_bias / len(parents) / n
    x.level[j] = x.noise[j] @ x.trace
    x.drawn[t] = n * x.level[j]
    if len(parents) > 1:
        apart = _lengthened(x, (x.model[parents] - mean) / math.sqrt(len(parents)))
        between = float((apart**2 @ x.level).sum())
        x.drawn[t] += between
        x.rows += list(math.sqrt(n - 1) * apart)
        x.of += [(t, int(i)) for i in parents]
        x.moved[t], x.batch[j, p + t] = between / n, 1.0


def _lengthened(x: _Unrolled, rows: Array) -> Array:
    """Rows in noise vectors, as long as choices of models make them."""
    p = len(x.size)
    own, more = rows[:, :p] ** 2 @ x.level, rows[:, p:] ** 2 @ x.moved
    ratio = np.divide(more, own, out=np.zeros_like(own), where=own > _FAINT)
    return np.asarray(rows[:, :p] * np.sqrt(1 + ratio)[:, None])


def _groups(x: _Unrolled, loop: Loop, t: int) -> list[tuple[list[int], float]]:
    """Batches that generation t + 1 is fitted to, and their weight: together, or in two groups."""
    T = len(x.trace)
    real = [0, 2, _HELD + t] if t else [0, 1]
    oldest = 1 if loop.pooled is None else max(1, t - loop.pooled + 1)
    real = [j for j in real if x.size[j] > 0]
    synth = [_HELD + T + i for i in range(oldest, t + 1)]
    if loop.weight is None or not t:
        return [(real + synth, 1.0)]
    return [(real, loop.weight), (synth, 1 - loop.weight)]


def _fit(x: _Unrolled, loop: Loop, t: int) -> None:
    """The model of generation t + 1."""
    means, apart = [], []
    for group, weight in _groups(x, loop, t):
        n = x.size[group]
        share, mean = weight / (n.sum() - loop.ddof), (n / n.sum()) @ x.batch[group]
        x.held[t, group] = share
        means.append((weight, mean))
        apart += [
            math.sqrt(share * k) * (row - mean) for k, row in zip(n, x.batch[group], strict=True)
        ]
    x.model[t] = sum(weight * mean for weight, mean in means)
    if len(means) == 2:
        apart.append(math.sqrt(means[0][0] * means[1][0]) * (means[0][1] - means[1][1]))
    apart = list(_principal(_lengthened(x, np.array(apart)), x.level))
    x.rows += apart
    x.of += [(t, -1)] * len(apart)
    x.trace[t] = _trace(x, loop, t, np.array(apart).reshape(-1, len(x.size)))


def _principal(rows: Array, level: Array) -> Array:
    """As few rows of the same sum of outer products."""
    u, size, _ = np.linalg.svd(rows * np.sqrt(level), full_matrices=False)
    return np.asarray(u.T[size > _WITHIN * max(size[0], 1e-300)] @ rows)


def _trace(x: _Unrolled, loop: Loop, t: int, apart: Array) -> float:
    """E tr S/d of generation t + 1."""
    free = np.maximum(x.size - 1, 0) * x.held[t]
    free[1] *= loop.first_bias
    split = _HELD + len(x.trace)
    return float(free[:split].sum() + free[split:] @ x.drawn + (apart**2 @ x.level).sum())


def _real_blocks(x: _Unrolled, loop: Loop) -> Blocks:
    """Scatters of real batches."""
    T = len(x.trace)
    j = np.flatnonzero(x.size[: _HELD + T] > 1)
    start = np.where(j == 1, loop.first_bias, 1.0)
    return Blocks(x.size[j] - 1, x.held[:, j].T, start, np.zeros((len(j), T)))


def _synthetic_blocks(x: _Unrolled, loop: Loop) -> tuple[Blocks, list[Ints]]:
    """Scatters of synthetic batches, a block for every parent; and which are of one batch."""
    T = len(x.trace)
    pairs = [(t, i, len(_parents(loop, t))) for t in range(1, T) for i in _parents(loop, t)]
    batch, parent, many = np.array(pairs, dtype=int).reshape(-1, 3).T
    blocks = Blocks(
        (loop.n_synth - 1) / np.maximum(many, 1),
        x.held[:, _HELD + T + batch].T,
        np.zeros(len(batch)),
        loop.scalar_bias * np.eye(T)[parent],
    )
    return blocks, [np.flatnonzero(batch == t) for t in range(1, T)]


def _columns(x: _Unrolled, rows: Array, held: Array, born: Ints) -> Blocks:
    """Orthogonal directions that span all rows, oldest first, each as one column."""
    scaled = rows * np.sqrt(x.level)
    found, size = np.zeros((0, len(x.size))), np.abs(scaled).max(initial=0.0)
    for t in range(len(x.trace)):
        rest = scaled[born == t]
        for _ in range(2):  # twice is enough
            rest = rest - (rest @ found.T) @ found
        _, sizes, directions = np.linalg.svd(rest, full_matrices=False)
        found = np.concatenate([found, directions[sizes > _WITHIN * size]])
    unit = np.divide(found**2, x.level, out=np.zeros_like(found), where=x.level > _FAINT)
    return Blocks(
        np.ones(len(found)), ((scaled @ found.T) ** 2).T @ held, unit @ x.still, unit @ x.noise
    )


def _joined(parts: list[Blocks]) -> Blocks:
    """All of them."""
    return Blocks(*(np.concatenate(x) for x in zip(*parts, strict=True)))


def unrolled(loop: Loop, generations: int) -> System:
    """Generations 1..T of a loop without budget, shrinkage and floor.

    Examples
    --------
    >>> loop = Loop(n_initial=9, n_fixed=9, n_synth=5)
    >>> unrolled(loop, 2).blocks.k.tolist()  # fixed set, synthetic batch, distance of their means
    [8.0, 4.0, 1.0]
    """
    T = generations
    x = _empty(loop, T)
    with _threads.one_thread():  # many small matrices
        for t in range(T):
            if t:
                _draw(x, loop, t)
            _fit(x, loop, t)
    real, (synth, batches) = _real_blocks(x, loop), _synthetic_blocks(x, loop)
    first, last = len(real.k), len(real.k) + len(synth.k)
    rows = np.array(x.rows).reshape(-1, len(x.size))
    born, parents = np.array(x.of, dtype=int).reshape(-1, 2).T
    held, bound = np.eye(T)[born], parents >= 0
    held[bound] = x.held[:, _HELD + T + born[bound]].T
    pairs = [(t, int(i)) for t in range(1, T) for i in _parents(loop, t)]
    number = {pair: first + k for k, pair in enumerate(pairs)}
    column = [number.get(pair, -1) for pair in x.of]
    own = _columns(x, rows, held, born)
    own_at = np.arange(last, last + len(own.k))
    means = Means(rows, held, np.array(column, dtype=int), own_at, (x.still, x.noise))
    several = [first + b for b in batches if len(b) > 1]
    counts = Counts(several, [loop.n_synth / len(b) for b in several])
    return System(_joined([real, synth, own]), means, counts)
