"""Second moments with several models or batches in sight: exact, and how they come to rest.

A generation's samples come from a mixture of the models in memory. Given those, with m and P its
mean and covariance and k_3, k_4 its higher cumulants, the mean m + e and the scatter
(n - 1) P + N of n samples have the moments of k-statistics,

    E e e = P/n,   E e e e = k_3/n^2,   E e e e e = 3 P P/n^2 + k_4/n^3,   E e N = (n - 1) k_3/n,
    E e e N = (n - 1) k_4/n^2,   E N N = (n - 1)(P P + P P) + (n - 1)^2 k_4/n

with indices as they fall. k_3 and k_4 are polynomials in the models' means (degree 1) and
covariances (degree 2) of degree 3 and 4, so the joint moments of degree 4 close, whatever is
remembered. A capped pool needs no more than its batches as items.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory import _threads
from madtheory.loop import Loop
from madtheory.theory.moments import mixture, subsampled, tensors
from madtheory.theory.moments.generation import (
    ID,
    Layout,
    Parent,
    Rows,
    first_draws,
    first_rows,
    full,
    later_rows,
    layout_of,
    parent_of,
    remembering,
    unit,
)
from madtheory.theory.moments.subsampled import Piles
from madtheory.theory.moments.tensors import Cumulants, Tensors

if TYPE_CHECKING:
    from madtheory._types import Array

#: Most vectors that a state of this room has: it holds the fourth power of their number.
MOST = 24
#: A path is filled up once a generation moves it less than this.
_STILL = 1e-15


class State(NamedTuple):
    """Joint moments, and the raw moments of all models' mixture where it is carried as one item."""

    x: Tensors
    three: Array  # (..., v)  E T_iij v_aj of the mixture's third moment T about mu_0
    four: Array  # (...)     E T_iijj of its fourth
    piles: Piles  # of a pool that is subsampled


def bounded(loop: Loop, generations: int) -> Loop:
    """The same first T generations with bounds dropped that no generation of them reaches."""
    longest = generations - 1
    memory = None if loop.memory is not None and 1 < longest <= loop.memory else loop.memory
    cap = None if loop.pool_cap is not None and longest <= loop.pool_cap else loop.pool_cap
    if (memory, cap) == (loop.memory, loop.pool_cap):
        return loop
    return dataclasses.replace(loop, memory=memory, pool_cap=cap)


# --- the mixture ---------------------------------------------------------------------------------


def _law(s: State, loop: Loop, layout: Layout, t: int) -> tuple[Array, Array]:
    """Raw third and fourth moments of what generation t + 1 draws from."""
    if loop.memory is None:
        return s.three, s.four
    if loop.memory == 1:
        return mixture.raw(s.x, np.array([layout.newest]), loop.scalar_bias)
    first = layout.newest + 1
    return mixture.raw(s.x, np.arange(first, first + min(layout.memory, t)), 1.0)


def _mixture(s: State, loop: Loop, layout: Layout, t: int, parent: Parent) -> Cumulants | None:
    """Its third and fourth cumulants; None for a single model."""
    if loop.memory == 1 or t == 1:
        return None
    seen, (mean, _) = tensors.parent_moments(s.x, parent), parent_of(loop, layout, t, 0.0)
    return mixture.cumulants(s.x, seen, mean, _law(s, loop, layout, t))


# --- one generation ------------------------------------------------------------------------------


def _fitted(rows: Rows, layout: Layout) -> Rows:
    """The same update before memory sees the new model."""
    v, new, wide = layout.vectors, layout.newest, rows.L.shape[1]
    L, alpha = np.eye(v, wide), np.eye(v + 1, wide + 1)
    L[: new + 1], alpha[: new + 2] = rows.L[: new + 1], rows.alpha[: new + 2]
    return Rows(L, alpha, {i: b for i, b in rows.beta.items() if i <= new + 1})


def _remember(x: Tensors, loop: Loop, layout: Layout, t: int) -> Tensors:
    """Memory takes in the model of generation t + 1."""
    if not layout.memory:
        return x
    rows = remembering(loop, layout, t)
    if loop.memory is None or t == 0:
        return tensors.update(x, rows)
    return tensors.carried(
        x, rows.L.argmax(axis=1), rows.alpha.argmax(axis=1), rows.alpha.max(axis=1)
    )


def _mixed(s: State, x: Tensors, L: Array, loop: Loop, layout: Layout, t: int) -> State:
    """Carry the mixture's raw moments to generation t + 1, whose joint moments are x."""
    if loop.memory is not None:
        return State(x, s.three, s.four, s.piles)
    share = 1 / (t + 1)
    # What is drawn is centred given the models of the mixture.
    old = s.three @ L[:, : layout.vectors].T
    mixed = remembering(loop, layout, t).L
    three, four = mixture.raw(x, np.array([layout.newest]), loop.scalar_bias)
    three, four = (1 - share) * old @ mixed.T + share * three, (1 - share) * s.four + share * four
    return State(x, three, four, s.piles)


def first(loop: Loop, dim: int, layout: Layout) -> State:
    """State of generation 1."""
    x = tensors.identity(dim)
    for n, scale in first_draws(loop):
        x = tensors.draw(x, Parent(scale * unit(x.C.size, ID)), n)
    fitted = _fitted(first_rows(loop, layout, 0.0, 1.0), layout)
    x = tensors.shrink(tensors.update(x, fitted), layout.newest + 1, loop.shrinkage, dim)
    piles = subsampled.first_piles(loop, dim, layout, fitted.L)
    piles = _moved(piles, np.eye(layout.vectors), loop, layout, 0)
    s = State(_remember(x, loop, layout, 0), np.zeros(layout.vectors), np.zeros(()), piles)
    return _mixed(s, s.x, np.eye(layout.vectors), loop, layout, 0)


def following(s: State, loop: Loop, dim: int, t: int, layout: Layout) -> State:
    """State of generation t + 1."""
    now = full(loop, t)
    parent, rows = later_rows(loop, layout, now, 0.0, 1.0)
    cumulants = _mixture(s, loop, layout, now, parent)
    x = tensors.draw(s.x, parent, loop.n_synth, cumulants)
    if loop.budget is not None:
        law, (mean, _) = _law(s, loop, layout, now), parent_of(loop, layout, now, 0.0)
        s = s._replace(piles=subsampled.with_batch(s.piles, loop, mean, law))
    if subsampled.binds(loop, now):
        by = subsampled.turn(loop, layout, now)
        x, rows = subsampled.choose(x, s.piles, loop, by, now), by.rows
    x = tensors.draw(x, Parent(unit(x.C.shape[-1], ID)), loop.n_fresh)
    fitted = _fitted(rows, layout)
    x = tensors.shrink(tensors.update(x, fitted), layout.newest + 1, loop.shrinkage, dim)
    if loop.budget is not None:
        s = s._replace(piles=_moved(s.piles, fitted.L, loop, layout, now))
    return _mixed(s, _remember(x, loop, layout, now), fitted.L, loop, layout, now)


def _moved(piles: Piles, L: Array, loop: Loop, layout: Layout, t: int) -> Piles:
    """Piles after an update L of the vectors, and memory's; noise drawn later is centred."""
    if t:
        piles = subsampled.kept(piles, loop, layout)
    three = piles.three @ L[:, : piles.three.shape[-1]].T
    if layout.memory:
        three = three @ remembering(loop, layout, t).L.T
    return Piles(three, piles.four)


def _still(x: Tensors, y: Tensors) -> bool:
    """Whether a generation changed nothing to speak of."""
    return all(
        bool((np.abs(a - b) <= _STILL * np.abs(b).max(initial=0.0)).all())
        for a, b in zip(x, y, strict=True)
    )


def several_path(loop: Loop, dim: int, generations: int) -> Array:
    """The seven invariants of generations 1..T, shape (T, 7); inf beyond float64."""
    layout, path = layout_of(loop), np.empty((generations, 7))
    with _threads.one_thread(), np.errstate(over="ignore", invalid="ignore"):
        s = first(loop, dim, layout)
        path[0] = tensors.read(s.x, layout.newest)
        for t in range(1, generations):
            after = following(s, loop, dim, t, layout)
            path[t:] = tensors.read(after.x, layout.newest)
            if full(loop, t) < t and _still(s.x, after.x):
                break
            s = after
    return np.where(np.isnan(path), np.inf, path)
