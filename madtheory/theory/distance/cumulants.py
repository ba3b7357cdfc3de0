"""How skew the spectrum of a loop's covariance is: free cumulants carried along the generations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory.covariance import Spectrum
from madtheory.loop import Loop
from madtheory.theory.distance.fidelity import Memory, Seen, memory_of
from madtheory.theory.moments import closure, generation
from madtheory.theory.moments.closure import Closed, Stationary
from madtheory.theory.moments.generation import ID, Parent, Rows, unit

if TYPE_CHECKING:
    from types import EllipsisType

    from numpy.typing import ArrayLike

    from madtheory._types import Array, Ints

#: Synthetic samples per real one, at most, at which the skew of a limit is found.
_MOST_SYNTH = 10**4
#: What is declared, in units of 2/(d + 1)^2, as the 4 below; half of it is taken off. Set on 28
#: simulated loops, d = 1 ... 12, held to 18 others; not where the spread is beyond the second,
#: where it overshoots (d = 1 ... 3, 20 synthetic samples).
_MISSED, _SMALL = 3.0, 0.05


def extra_skew(loop: Loop) -> float:
    """How much skewer a direction's variance is at rest than one fit's of equal variance, relative.

    A weight on real data keeps w of the covariance as these have it, V = w R + b V S with b = (1 -
    w) lambda, R and S chi-square over their degrees of freedom, a fixed set's R the same in all
    generations. Second and third cumulants of V, to leading order in R. New real data that are
    pooled have a weight, too, n_real/n; for other loops this is 0.
    """
    w, n_r, n_s = loop.real_share, loop.n_real, loop.n_synth * (loop.pooled or 1)
    b, fresh = (1 - w) * loop.scalar_bias, loop.n_fresh / n_r if n_r else 0.0
    two, three = 2 / n_s, 8 / n_s**2
    left = 1 - b**2 * (1 + two), 1 - b**3 * (1 + 3 * two + three)
    weighted = loop.weight is not None or loop.is_fresh_memory_one
    if not (weighted and w and n_r) or min(left) <= 0:  # the last: rare paths make them
        return 0.0
    a = 1 - b  # w in units of E V
    second = (a**2 * fresh * 2 / n_r + b**2 * two) / left[0]
    third = b**3 * (3 * second * (2 * two + three) + three)
    third = (third + a**3 * fresh * 8 / n_r**2) / left[1] + (1 - fresh) * 8 / n_r**2
    second += (1 - fresh) * 2 / n_r
    return max(third / (2 * second**2) - 1, 0.0)


def missed_by_skew(extra: float, spread: ArrayLike, s: Spectrum | Seen) -> Array:
    """What of a deficit a mean law misses of such a third moment, relative.

    Of one fit's third moment m_3 = (d^2 + 3 d + 4)/(d + 1)^2 m_2^2 it misses the 4; a deficit is
    m_2/8 - m_3/16, and one fit's is counted as it is. Third moments are those of fluctuations of a
    size of m_3/m_2: where this is large the root's third derivative is small.
    """
    x = np.maximum(spread, 0.0)  # where a law is none it may be less
    felt = (1 + (1 + extra) * x) ** -2.5 / (1 + np.square(x / _SMALL))
    return np.asarray(_MISSED * extra * x * felt / ((s.rank + 1) * (2 + s.bures_weight)))


def for_skew(extra: float, spread: float, s: Spectrum) -> tuple[float, float]:
    """Factor on a deficit by a mean law, and what is declared of it, relative."""
    missed = float(missed_by_skew(extra, spread, s))
    return 1 - missed / 2, missed


class _Cumulants(NamedTuple):
    """Joint free cumulants of m matrices; own: the part of `two` by first fits and spikes."""

    two: Array  # (m, m)
    own: Array  # (m, m)
    three: Array  # (m, m, m)


class _Turn(NamedTuple):
    """What a generation does to cumulants, at given first moments."""

    draws: list[tuple[Array, float, float]]  # weights of the parent, its c, degrees of freedom
    A: Array
    at: list[int]  # matrices with outer products, and those of the new cumulants by them
    spikes: _Cumulants


def _drawn(k: _Cumulants, alpha: Array, c: float, dof: float) -> _Cumulants:
    """Append the noise of the scatter of a sample; leading axes are a batch."""
    m = len(alpha)
    two, own, three = (generation.grown(x, axes) for x, axes in zip(k, (2, 2, 3), strict=True))
    two[..., m, m], three[..., m, m, m] = dof * c**2, dof * c**3
    mixed = dof * c * (k.two @ alpha)
    three[..., m, m, :m] = three[..., m, :m, m] = three[..., :m, m, m] = mixed
    return _Cumulants(two, own, three)


def _spikes(rows: Rows, G: Array) -> Array:
    """Outer products of the update as operators, shape (those, v, v); G per unit of d."""
    return np.array([b.dense() @ G for b in rows.beta.values()]).reshape(-1, *G.shape)


def _powers(B: Array) -> _Cumulants:
    """Cumulants of outer products, all of it own."""
    two = np.einsum("iab,jba->ij", B, B)
    return _Cumulants(two, two, np.einsum("iab,jbc,kca->ijk", B, B, B))


def _turn(
    x: Closed, draws: list[tuple[Parent, float]], rows: Rows, dim: int
) -> tuple[_Turn, Closed]:
    """The draws and the update `rows`, and the state after the draws.

    Outer products are spikes, and all but their noise own. That of the first sample's mean with
    itself is a draw with one degree of freedom: as a spike it would forget what the parent is, a
    growing pool 1/n of every batch.
    """
    drawn = []
    for parent, n in draws:
        c = closure.parent_spread(x, parent, dim)[0] / dim
        drawn.append((parent.alpha, c, max(n - 1.0, 0.0)))
        x = closure.draw_closed(x, parent, n, dim)
    G = x.G / dim
    quiet = G.copy()
    quiet[-2:] = 0.0
    B, kept = _spikes(rows, G), _spikes(rows, quiet)
    (alpha, c, _), n, at = drawn[0], draws[0][1], list(rows.beta)
    squared, share = closure.squares(rows, -len(draws)), 1 / n if n else 0.0
    A = np.pad(closure.followed(rows, draws[0][0], n, len(draws)), ((0, 0), (0, 1)))
    A[at, -1] = squared
    mean = _powers((share * c * squared)[:, None, None])
    spikes = _Cumulants(*(a - b for a, b in zip(_powers(B), mean, strict=True)))
    spikes = spikes._replace(own=_powers(kept).two)
    whole = np.pad(share * alpha, (0, len(x.C) - len(alpha)))
    return _Turn([*drawn, (whole, share * c, 1.0)], A, at, spikes), x


def _after(k: _Cumulants, turn: _Turn) -> _Cumulants:
    """Cumulants after a generation; leading axes are a batch."""
    for alpha, c, dof in turn.draws:
        k = _drawn(k, alpha, c, dof)
    A, at, three = turn.A, np.array(turn.at, dtype=int), k.three
    for _ in range(3):
        three = np.tensordot(three, A, axes=(three.ndim - 3, 1))
    new = _Cumulants(A @ k.two @ A.T, A @ k.own @ A.T, three)
    for z, spikes in zip(new, turn.spikes, strict=True):
        index: tuple[EllipsisType | Ints, ...] = (..., *generation.mesh(*[at] * spikes.ndim))
        z[index] += spikes
    return new


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
    k = _after(none, _turn(closure.identity_closed(dim), draws, rows, dim)[0])
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
        parent, rows = generation.later_rows(loop, layout, t, 0.0, 1.0)
        flat = generation.later_rows(loop, layout, t, 0.0, 1 - loop.shrinkage)[1]
        turn, drawn = _turn(x, _draws(loop, parent), flat, dim)
        k, x = _after(k, turn), closure.updated(drawn, rows, flat, dim)
        path.append(_observed(k, x.C, layout.newest, dim))
    return memory_of(*np.array(path).T)


def _flat(k: _Cumulants) -> Array:
    """All entries in a row; leading axes are a batch."""
    batch = k.two.shape[:-2]
    return np.concatenate([z.reshape(*batch, -1) for z in k], axis=-1)


def _unflat(x: Array, m: int) -> _Cumulants:
    """Inverse of :func:`_flat`."""
    parts = np.split(x, [m * m, 2 * m * m], axis=-1)
    return _Cumulants(
        *(z.reshape(*x.shape[:-1], *(m,) * n) for z, n in zip(parts, (2, 2, 3), strict=True))
    )


def _stationary_cumulants(loop: Loop, dim: int, s: Stationary, x: Closed) -> _Cumulants:
    """Fixed point of the cumulants' update: linear, as the first moments stand still."""
    m, held = len(x.C), s.layout.fixed + 1
    turn, _ = _turn(x, _draws(loop, s.parent), s.flat, dim)
    start = _flat(_first_cumulants(loop, dim)[0])
    number = np.indices((m, m, m)).max(axis=0)
    moving = np.concatenate([number[:, 0].ravel(), number[:, 0].ravel(), number.ravel()]) >= held
    start[moving] = 0.0
    free = np.flatnonzero(moving)
    basis = np.concatenate([start[None], np.zeros((1, len(start))), np.eye(len(start))[free]])
    constant, base, *steps = _flat(_after(_unflat(basis, m), turn))[:, free]
    A = (np.array(steps) - base).T
    start[free] = np.linalg.solve(np.eye(len(free)) - A, constant)
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
