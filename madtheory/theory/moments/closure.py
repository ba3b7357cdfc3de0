"""Second moments with more memory: the Gaussian closure, asymptotic in n."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory import _check, _threads
from madtheory.loop import Loop
from madtheory.theory.moments.first import radius
from madtheory.theory.moments.generation import (
    ID,
    Layout,
    Outer,
    Parent,
    Rows,
    first_draws,
    first_rows,
    full,
    grown,
    later_rows,
    layout_of,
    mesh,
    unit,
)
from madtheory.theory.moments.tensors import NEAR

if TYPE_CHECKING:
    from madtheory._types import Array

#: A stationary path is filled up once a generation moves it less than this.
_STILL = 1e-15
_DOUBLINGS = 42


class Closed(NamedTuple):
    """First moments, and covariances of the matrices' traces and traceless parts."""

    G: Array  # (v, v)  E v_a.v_b
    C: Array  # (m,)    E tr M_i
    MM: Array  # (m, m)  Cov(tr M_i, tr M_j)
    TT: Array  # (m, m)  E tr M_i M_j of the traceless parts


def identity_closed(dim: int) -> Closed:
    """No vector, and the identity for a matrix."""
    return Closed(np.zeros((0, 0)), np.array([float(dim)]), np.zeros((1, 1)), np.zeros((1, 1)))


def _outer_spread(a: Outer, b: Outer, G: Array, dim: int) -> tuple[float, float]:
    """(MM, TT) of two sums of outer products for Gaussian v, Cov(v_a, v_b) = (G_ab/d) I."""
    both = float(a.weights @ np.square(a.rows @ G @ b.rows.T) @ b.weights)
    return 2 / dim * both, (1 + 1 / dim - 2 / dim**2) * both


def parent_spread(x: Closed, parent: Parent, dim: int) -> tuple[float, float, float]:
    """(E tr P, E (tr P)^2, E tr P^2)."""
    p, b = parent.alpha, parent.beta
    tau, var, rest = float(x.C @ p), float(p @ x.MM @ p), float(p @ x.TT @ p)
    if b is not None:
        tau += b.trace(x.G)
        extra = _outer_spread(b, b, x.G, dim)
        var, rest = var + extra[0], rest + extra[1]
    return tau, tau**2 + var, (tau**2 + var) / dim + rest


def draw_closed(x: Closed, parent: Parent, n: float, dim: int) -> Closed:
    """Append e and N of `n` samples."""
    dof = max(n - 1.0, 0.0)
    tau, square, of_square = parent_spread(x, parent, dim)
    y = Closed(*(grown(z, axes) for z, axes in zip(x, (2, 1, 2, 2), strict=True)))
    y.G[-1, -1] = tau / n if n else 0.0
    y.MM[-1, -1] = 2 * dof * of_square
    y.TT[-1, -1] = dof * (square + of_square) - y.MM[-1, -1] / dim
    return y


def _congruent(x: Array, A: Array) -> Array:
    """A x A^T for symmetric x, cheap where most rows of A only copy an item."""
    copies = (np.count_nonzero(A, axis=1) == 1) & (A.max(axis=1) == 1)
    source, new = A.argmax(axis=1), np.flatnonzero(~copies)
    y: Array = x[mesh(source, source)]
    y[new] = A[new] @ x @ A.T
    y[:, new] = y[new].T
    return y


def squares(rows: Rows, at: int) -> Array:
    """What each row with outer products has of that of vector `at` with itself."""
    return np.array([b.weights @ np.square(b.rows[:, at]) for b in rows.beta.values()])


def followed(rows: Rows, parent: Parent, n: float, drawn: int = 2) -> Array:
    """`alpha` with the mean P/n of e e^T given the parent P of the first of the `drawn` samples.

    Without it every batch would hand on a share 1/n less of its parent's fluctuations.
    """
    alpha = rows.alpha.copy()
    if n and rows.beta:
        share = np.outer(squares(rows, -drawn) / n, parent.alpha)
        alpha[list(rows.beta), : len(parent.alpha)] += share
    return alpha


def updated(
    x: Closed, rows: Rows, flat: Rows, dim: int, follow: tuple[Array, Array] | None = None
) -> Closed:
    """Moments after one update; `flat` are the rows that traceless parts see.

    `follow` is what traces and traceless parts have of the matrices, if not `alpha`.
    """
    C = rows.alpha @ x.C
    by_trace, by_rest = follow or (rows.alpha, flat.alpha)
    MM, TT = _congruent(x.MM, by_trace), _congruent(x.TT, by_rest)
    for i, b in rows.beta.items():
        C[i] += b.trace(x.G)
        for j in rows.beta:
            MM[i, j] += _outer_spread(b, rows.beta[j], x.G, dim)[0]
            TT[i, j] += _outer_spread(flat.beta[i], flat.beta[j], x.G, dim)[1]
    return Closed(_congruent(x.G, rows.L), C, MM, TT)


def first_closed(loop: Loop, dim: int, layout: Layout) -> Closed:
    """State of generation 1."""
    x = identity_closed(dim)
    for n, scale in first_draws(loop):
        x = draw_closed(x, Parent(scale * unit(x.C.size, ID)), n, dim)
    rows, flat = (first_rows(loop, layout, 0.0, f) for f in (1.0, 1 - loop.shrinkage))
    return updated(x, rows, flat, dim)


def next_closed(x: Closed, loop: Loop, dim: int, t: int, layout: Layout) -> Closed:
    """State of generation t + 1."""
    t = full(loop, t)
    parent, rows = later_rows(loop, layout, t, 0.0, 1.0)
    flat = later_rows(loop, layout, t, 0.0, 1 - loop.shrinkage)[1]
    x = draw_closed(x, parent, loop.n_synth, dim)
    x = draw_closed(x, Parent(unit(layout.matrices + 1, ID)), loop.n_fresh, dim)
    follow = followed(rows, parent, loop.n_synth), followed(flat, parent, loop.n_synth)
    return updated(x, rows, flat, dim, follow)


def _read_closed(x: Closed, i: int, dim: int) -> Array:
    """(E |mu|^2, E tr Sigma, Var tr Sigma, E tr (Sigma - c)^2) of model i, c = E tr Sigma/d."""
    j = i + 1
    return np.array([x.G[i, i], x.C[j], x.MM[j, j], x.TT[j, j] + x.MM[j, j] / dim])


def _still(x: Closed, y: Closed) -> bool:
    """Whether a generation changed nothing to speak of."""
    return all(
        bool((np.abs(a - b) <= _STILL * np.abs(b).max(initial=0.0)).all())
        for a, b in zip(x, y, strict=True)
    )


def closed_path(loop: Loop, dim: int, generations: int) -> Array:
    """Rows of :func:`_read_closed`, shape (T, 4)."""
    layout, path = layout_of(loop), np.empty((generations, 4))
    with _threads.one_thread():
        x = first_closed(loop, dim, layout)
        path[0] = _read_closed(x, layout.newest, dim)
        for t in range(1, generations):
            y = next_closed(x, loop, dim, t, layout)
            path[t:] = _read_closed(y, layout.newest, dim)
            if full(loop, t) < t and _still(x, y):
                break
            x = y
    return path


class Stationary(NamedTuple):
    """The update of a closed loop once its memory is full, in parts."""

    layout: Layout
    parent: Parent
    rows: Rows
    flat: Rows
    first: Closed


def stationary(loop: Loop, dim: int, layout: Layout) -> Stationary:
    """The update that every late generation makes."""
    late = full(loop, _check.MAX_COUNT)
    parent, rows = later_rows(loop, layout, late, 0.0, 1.0)
    flat = later_rows(loop, layout, late, 0.0, 1 - loop.shrinkage)[1]
    return Stationary(layout, parent, rows, flat, first_closed(loop, dim, layout))


def _summed(A: Array, Q: Array, start: Array) -> Array:
    """Limit of X' = A X A^T + Q from `start`, by doubling."""
    P, S = A, Q
    for _ in range(_DOUBLINGS):
        more, square = P @ S @ P.T, P @ P
        moved = np.abs(square - P).max() + np.abs(more).max() / max(np.abs(S).max(), 1e-300)
        S, P = S + more, square
        if moved <= _STILL:
            break
    return S + P @ start @ P.T


def _only(x: Array, held: int) -> Array:
    """The part of a start that never changes: the first `held` items."""
    y = np.zeros_like(x)
    y[..., :held, :held] = x[..., :held, :held]
    return y


def limit_first(loop: Loop, dim: int, s: Stationary) -> tuple[Array, Array] | None:
    """Limits of (G, C); None where there are none."""
    held, v = s.layout.fixed, len(s.rows.L)
    L, A = s.rows.L[:, :v], s.rows.alpha[:, : v + 1]
    free = A[held + 1 :, held + 1 :]
    if max(radius(L[held:, held:]), radius(free)) >= 1 - NEAR:
        return None
    real, synth = (np.outer(s.rows.L[:, i], s.rows.L[:, i]) for i in (v + 1, v))
    fresh = dim / loop.n_fresh if loop.n_fresh else 0.0
    grams = [_summed(L, fresh * real, _only(s.first.G, held)), _summed(L, synth, np.zeros((v, v)))]
    # The noise of the batch's mean is q = tr P/n_s, and tr P is affine in q.
    traces, taus = [], []
    for k, G in enumerate(grams):
        wide = np.zeros((v + 2, v + 2))
        wide[:v, :v] = G
        wide[v, v], wide[v + 1, v + 1] = float(k == 1), fresh * (k == 0)
        C = np.append(s.first.C[: held + 1] * (k == 0), np.zeros(len(free)))
        source = A @ C
        for i, b in s.rows.beta.items():
            source[i] += b.trace(wide)
        C[held + 1 :] = np.linalg.solve(np.eye(len(free)) - free, source[held + 1 :])
        traces.append(C)
        mixed = 0.0 if s.parent.beta is None else s.parent.beta.trace(G)
        taus.append(float(s.parent.alpha @ C + mixed) / loop.n_synth)
    if taus[1] >= 1 - NEAR:
        return None
    q = taus[0] / (1 - taus[1])
    return grams[0] + q * grams[1], traces[0] + q * traces[1]


def _limit_spreads(
    loop: Loop, dim: int, s: Stationary, G: Array, C: Array
) -> tuple[Array, Array] | None:
    """Limits of (MM, TT); None where they diverge."""
    held, v, dof = s.layout.fixed + 1, len(G), loop.n_synth - 1.0
    nothing = np.zeros((v + 1, v + 1))
    tau, *_ = parent_spread(Closed(G, C, nothing, nothing), s.parent, dim)
    wide = np.zeros((v + 2, v + 2))
    wide[:v, :v] = G
    wide[v, v] = tau / loop.n_synth
    wide[v + 1, v + 1] = dim / loop.n_fresh if loop.n_fresh else 0.0
    r = max(loop.n_fresh - 1.0, 0.0)
    own = (2 * r * dim, r * (dim**2 + dim) - 2 * r)
    bases, units, seen = [], [], []
    for part, (rows, start) in enumerate(((s.rows, s.first.MM), (s.flat, s.first.TT))):
        alpha = followed(rows, s.parent, loop.n_synth)
        A, n_s, n_r = (alpha[:, k] for k in (slice(0, v + 1), v + 1, v + 2))
        Q = own[part] * np.outer(n_r, n_r)
        for i, b in rows.beta.items():
            for j, other in rows.beta.items():
                Q[i, j] += _outer_spread(b, other, wide, dim)[part]
        bases.append(_summed(A, Q, _only(start, held)))
        units.append(_summed(A, np.outer(n_s, n_s), np.zeros_like(Q)))
        seen.append(float(s.parent.alpha @ units[part] @ s.parent.alpha))
    # Noise (MM, TT) of the batch's scatter, affine in (Var tr P, spread of P), itself in the noise.
    d = float(dim)
    gain = dof * np.array([[2 / d, 2.0], [1 + (1 - 2 / d) / d, 1 - 2 / d]])
    _, square, of_square = parent_spread(Closed(G, C, *bases), s.parent, dim)
    F = gain * np.array(seen)
    if radius(F) >= 1 - NEAR:
        return None
    noise = np.array([2 * dof * of_square, dof * (square + of_square) - 2 * dof * of_square / d])
    noise = np.linalg.solve(np.eye(2) - F, noise)
    return bases[0] + noise[0] * units[0], bases[1] + noise[1] * units[1]


def solved_limit(loop: Loop, dim: int) -> Array | None:
    """The same where the memory-1 loop has a limit."""
    s = stationary(loop, dim, layout_of(loop))
    first = limit_first(loop, dim, s)
    if first is None:
        return None
    spreads = _limit_spreads(loop, dim, s, *first)
    if spreads is None:
        return None
    return _read_closed(Closed(*first, *spreads), s.layout.newest, dim)
