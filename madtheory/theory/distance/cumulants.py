"""How skew the spectrum of a loop's covariance is: free cumulants carried along the generations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory.loop import Loop
from madtheory.theory.distance.fidelity import Memory, memory_of
from madtheory.theory.moments import closure, generation
from madtheory.theory.moments.closure import Closed, Stationary
from madtheory.theory.moments.generation import ID, Parent, Rows, unit

if TYPE_CHECKING:
    from madtheory._types import Array

#: Synthetic samples per real one, at most, at which the skew of a limit is found.
_MOST_SYNTH = 10**4


class _Cumulants(NamedTuple):
    """Joint free cumulants of m matrices; own: the part of `two` by first fits and spikes."""

    two: Array  # (m, m)
    own: Array  # (m, m)
    three: Array  # (m, m, m)


def _drawn(k: _Cumulants, alpha: Array, c: float, n: float) -> _Cumulants:
    """Append the noise of the scatter of n samples."""
    dof, m = max(n - 1.0, 0.0), len(alpha)
    two, own, three = (generation.grown(x, x.ndim) for x in k)
    two[m, m], three[m, m, m] = dof * c**2, dof * c**3
    mixed = dof * c * (k.two @ alpha)
    three[m, m, :m] = three[m, :m, m] = three[:m, m, m] = mixed
    return _Cumulants(two, own, three)


def _spikes(rows: Rows, G: Array) -> Array:
    """Outer products of the update as operators, shape (m, v, v); G per unit of d."""
    B = np.zeros((len(rows.alpha), len(G), len(G)))
    for i, b in rows.beta.items():
        B[i] = b.dense() @ G
    return B


def _updated(k: _Cumulants, rows: Rows, G: Array) -> _Cumulants:
    """After one update; G per unit of d. Outer products are spikes, and all but their noise own."""
    A = rows.alpha
    three = k.three
    for _ in range(3):
        three = np.tensordot(three, A, axes=(0, 1))
    quiet = G.copy()
    quiet[-2:] = 0.0
    B, kept = _spikes(rows, G), _spikes(rows, quiet)
    return _Cumulants(
        A @ k.two @ A.T + np.einsum("iab,jba->ij", B, B),
        A @ k.own @ A.T + np.einsum("iab,jba->ij", kept, kept),
        three + np.einsum("iab,jbc,kca->ijk", B, B, B),
    )


def _moved(
    k: _Cumulants, x: Closed, draws: list[tuple[Parent, float]], rows: Rows, dim: int
) -> tuple[_Cumulants, Closed]:
    """Cumulants and drawn state after the draws and the update `rows`."""
    for parent, n in draws:
        c = closure.parent_spread(x, parent, dim)[0] / dim
        k, x = _drawn(k, parent.alpha, c, n), closure.draw_closed(x, parent, n, dim)
    return _updated(k, rows, x.G / dim), x


def _draws(loop: Loop, parent: Parent) -> list[tuple[Parent, float]]:
    """Synthetic and fresh samples of a later generation."""
    fresh = Parent(unit(len(parent.alpha) + 1, ID))
    return [(parent, loop.n_synth), (fresh, loop.n_fresh)]


def _first_cumulants(loop: Loop, dim: int) -> tuple[_Cumulants, Closed]:
    """Generation 1: everything is a first fit."""
    layout, flat = generation.blended_layout(loop), 1 - loop.shrinkage
    none = _Cumulants(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1, 1)))
    draws: list[tuple[Parent, float]] = [
        (Parent(scale * unit(i + 1, ID)), n)
        for i, (n, scale) in enumerate(generation.first_draws(loop))
    ]
    rows = generation.first_rows(loop, layout, 0.0, flat)
    k, _ = _moved(none, closure.identity_closed(dim), draws, rows, dim)
    own = k.two.copy()
    own[: layout.fixed + 1] = own[:, : layout.fixed + 1] = 0.0
    return k._replace(own=own), closure.first_closed(loop, dim, layout)


def _observed(k: _Cumulants, C: Array, newest: int, dim: int) -> tuple[float, ...]:
    """(kappa_2, its own part, kappa_3, c) of the newest model."""
    j = newest + 1
    return (
        float(k.two[j, j]),
        max(float(k.own[j, j]), 0.0),
        float(k.three[j, j, j]),
        float(C[j]) / dim,
    )


def path_memory(loop: Loop, dim: int, generations: int) -> Memory:
    """Skew and own share of generations 1..T."""
    layout = generation.blended_layout(loop)
    k, x = _first_cumulants(loop, dim)
    path = [_observed(k, x.C, layout.newest, dim)]
    for t in range(1, generations):
        t = generation.full(loop, t)
        parent, _ = generation.later_rows(loop, layout, t, 0.0, 1.0)
        flat = generation.later_rows(loop, layout, t, 0.0, 1 - loop.shrinkage)[1]
        k, _ = _moved(k, x, _draws(loop, parent), flat, dim)
        x = closure.next_closed(x, loop, dim, t, layout)
        path.append(_observed(k, x.C, layout.newest, dim))
    return memory_of(*np.array(path).T)


def _flat(k: _Cumulants) -> Array:
    """All entries in a row."""
    return np.concatenate([z.ravel() for z in k])


def _unflat(x: Array, m: int) -> _Cumulants:
    """Inverse of :func:`_flat`."""
    two, own, three = np.split(x, [m * m, 2 * m * m])
    return _Cumulants(two.reshape(m, m), own.reshape(m, m), three.reshape(m, m, m))


def _stationary_cumulants(loop: Loop, dim: int, s: Stationary, x: Closed) -> _Cumulants:
    """Fixed point of the cumulants' update: linear, as the first moments stand still."""
    m, held = len(x.C), s.layout.fixed + 1
    draws = _draws(loop, s.parent)

    def step(flat: Array) -> Array:
        return _flat(_moved(_unflat(flat, m), x, draws, s.flat, dim)[0])

    start = _flat(_first_cumulants(loop, dim)[0])
    number = np.indices((m, m, m)).max(axis=0)
    moving = np.concatenate([number[:, 0].ravel(), number[:, 0].ravel(), number.ravel()]) >= held
    start[moving] = 0.0
    constant = step(start)
    free = np.flatnonzero(moving)
    base = step(np.zeros_like(start))
    A = np.stack([(step(row) - base)[free] for row in np.eye(len(start))[free]], axis=1)
    start[free] = np.linalg.solve(np.eye(len(free)) - A, constant[free])
    return _unflat(start, m)


def limit_memory(loop: Loop, dim: int) -> Memory:
    """Skew and own share at the limit."""
    # Shares stand still there, and skew is a difference of large numbers.
    loop = replace(loop, n_synth=min(loop.n_synth, _MOST_SYNTH * max(loop.n_real, 1)))
    s = closure.stationary(loop, dim, generation.blended_layout(loop))
    first = closure.limit_first(loop, dim, s)
    if first is None:
        return Memory(np.asarray(1.0), np.asarray(1.0))
    nothing = np.zeros((len(first[1]),) * 2)
    k = _stationary_cumulants(loop, dim, s, Closed(*first, nothing, nothing))
    return memory_of(*(np.asarray(v) for v in _observed(k, first[1], s.layout.newest, dim)))
