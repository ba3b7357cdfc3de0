"""Second moments with memory 1: all joint moments of degree two, exact."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory import _check
from madtheory.loop import Loop, UnsupportedLoop, or_all
from madtheory.theory.moments.first import affine_path, fixed_point, radius
from madtheory.theory.moments.generation import (
    ID,
    Layout,
    Parent,
    Rows,
    first_draws,
    first_rows,
    grown,
    later_rows,
    layout_of,
    mesh,
    unit,
)

if TYPE_CHECKING:
    from types import EllipsisType

    from madtheory._types import Array, Bools, Ints

#: Closer to 1 than this, a radius counts as 1.
NEAR = 1e-12
#: From this many vectors on, most of which are only carried along, copying them is cheaper.
_MANY = 6


class Tensors(NamedTuple):
    """Joint moments of degree two of v vectors and m matrices; leading axes are a batch."""

    G: Array  # (..., v, v)        E v_a.v_b
    C: Array  # (..., m)           E tr M_i
    V4: Array  # (..., v, v, v, v)  E (v_a.v_b)(v_c.v_d)
    VM: Array  # (..., v, v, m)     E (v_a.v_b) tr M_i
    VS: Array  # (..., v, v, m)     E v_a^T M_i v_b
    MM: Array  # (..., m, m)        E tr M_i tr M_j
    MT: Array  # (..., m, m)        E tr M_i M_j


#: Axes of the tensors: v, a vector; m, a matrix.
AXES = ("vv", "m", "vvvv", "vvm", "vvm", "mm", "mm")


def identity(dim: int) -> Tensors:
    """No vector, and the identity for a matrix."""
    d, none = float(dim), np.zeros
    square = np.array([[d * d]]), np.array([[d]])
    return Tensors(
        none((0, 0)), np.array([d]), none((0,) * 4), none((0, 0, 1)), none((0, 0, 1)), *square
    )


class Seen(NamedTuple):
    """Joint moments of the covariance P of a draw with the items."""

    trace: Array  # (...)        E tr P
    VM: Array  # (..., v, v)  E (v_a.v_b) tr P
    VS: Array  # (..., v, v)  E v_a^T P v_b
    MM: Array  # (..., m)     E tr M_i tr P
    MT: Array  # (..., m)     E tr M_i P
    square: Array  # (...)        E (tr P)^2
    of_square: Array  # (...)        E tr P^2


class Cumulants(NamedTuple):
    """Third and fourth cumulants of what is drawn: none for a Gaussian."""

    three: Array  # (..., v)  E k_iij v_aj
    four: Array  # (...)     E k_iijj


def parent_moments(x: Tensors, parent: Parent) -> Seen:
    """What a draw's moments need of its covariance P = alpha M + beta v v^T."""
    p = parent.alpha
    trace, VM, VS, MM, MT = x.C @ p, x.VM @ p, x.VS @ p, x.MM @ p, x.MT @ p
    if parent.beta is None:
        return Seen(trace, VM, VS, MM, MT, MM @ p, MT @ p)
    B, last = parent.beta.dense(), ([-2, -1], [0, 1])
    mixed = [np.tensordot(z, B, axes=([-3, -2], [0, 1])) for z in (x.VM, x.VS)]
    VM = VM + np.tensordot(x.V4, B, axes=last)
    VS = VS + np.tensordot(np.swapaxes(x.V4, -3, -2), B, axes=last)
    square, of_square = (
        z @ p + w @ p + np.tensordot(y, B, axes=last)
        for z, w, y in zip((MM, MT), mixed, (VM, VS), strict=True)
    )
    trace = trace + np.tensordot(x.G, B, axes=last)
    return Seen(trace, VM, VS, MM + mixed[0], MT + mixed[1], square, of_square)


def noisy(x: Tensors, P: Seen, k: float) -> Tensors:
    """Append e and N of E e e = k P, centred given all items; their own moments stay 0."""
    pVM, pVS = k * P.VM, k * P.VS
    y = Tensors(*(grown(z, axes) for z, axes in zip(x, (2, 1, 4, 3, 3, 2, 2), strict=True)))
    y.G[..., -1, -1] = k * P.trace
    for pairs in (y.V4[..., -1, -1, :-1, :-1], y.V4[..., :-1, :-1, -1, -1]):
        pairs[...] = pVM
    crossed = (
        y.V4[..., -1, :-1, -1, :-1],
        y.V4[..., :-1, -1, -1, :-1],
        y.V4[..., -1, :-1, :-1, -1],
        y.V4[..., :-1, -1, :-1, -1],
    )
    for pairs in crossed:
        pairs[...] = pVS
    y.VM[..., -1, -1, :-1], y.VS[..., -1, -1, :-1] = k * P.MM, k * P.MT
    return y


def draw(x: Tensors, parent: Parent, n: float, cumulants: Cumulants | None = None) -> Tensors:
    """Append e and N of `n` samples.

    Of Gaussian ones odd moments vanish, and the rest is Isserlis and Wishart; cumulants add the
    moments of k-statistics (:mod:`madtheory.theory.moments.several`).
    """
    k, dof = 1.0 / n if n else 0.0, max(n - 1.0, 0.0)
    P = parent_moments(x, parent)
    y = noisy(x, P, k)
    y.V4[..., -1, -1, -1, -1] = k**2 * (P.square + 2 * P.of_square)
    y.MM[..., -1, -1] = 2 * dof * P.of_square
    y.MT[..., -1, -1] = dof * (P.square + P.of_square)
    if cumulants is not None:
        skew(y, k**2 * cumulants.three, dof * k * cumulants.three)
        four = k * cumulants.four
        y.V4[..., -1, -1, -1, -1] += k**2 * four
        for z in (y.VM, y.VS):
            z[..., -1, -1, -1] += dof * k * four
        for z in (y.MM, y.MT):
            z[..., -1, -1] += dof**2 * four
    return y


def skew(y: Tensors, of_mean: Array, of_both: Array) -> None:
    """Add E (e.e) e.v_a and E tr N e.v_a = E e'N v_a of the last e and N, shape (..., v)."""
    y.V4[..., -1, -1, -1, :-1] += of_mean
    y.V4[..., -1, -1, :-1, -1] += of_mean
    y.V4[..., -1, :-1, -1, -1] += of_mean
    y.V4[..., :-1, -1, -1, -1] += of_mean
    for z in (y.VM, y.VS):
        z[..., -1, :-1, -1] += of_both
        z[..., :-1, -1, -1] += of_both


def _swapped(x: Array) -> Array:
    """Transpose of the last two axes."""
    return np.swapaxes(x, -1, -2)


def _on_pairs(x: Array, L: Array) -> Array:
    """L L^T-transform of the two vector axes of (..., v, v, m)."""
    return np.moveaxis(L @ np.moveaxis(x, -1, -3) @ L.T, -3, -1)


def _on_four(x: Array, L: Array) -> Array:
    """L applied to the last four axes; rows of L that only copy an item cost no product."""
    if len(L) < _MANY:
        for _ in range(4):
            x = np.tensordot(x, L, axes=(x.ndim - 4, 1))
        return x
    copies = (np.count_nonzero(L, axis=1) == 1) & (L.max(axis=1) == 1)
    source = L.argmax(axis=1)
    everywhere: tuple[EllipsisType | Ints, ...] = (..., *mesh(*[source] * 4))
    y: Array = x[everywhere]
    for a in np.flatnonzero(~copies):
        one = np.tensordot(
            x, L[a], axes=(x.ndim - 4, 0)
        )  # (v_a.v_b)(v_c.v_d), b, c, d to be mapped
        for _ in range(3):
            one = np.tensordot(one, L, axes=(one.ndim - 3, 1))
        y[..., a, :, :, :] = y[..., :, a, :, :] = one
        y[..., :, :, a, :] = y[..., :, :, :, a] = np.moveaxis(one, -3, -1)
    return y


def update(x: Tensors, rows: Rows) -> Tensors:
    """Moments of v' = L v and M' = alpha M + beta v v^T."""
    L, A = rows.L, rows.alpha
    if len(L) >= _MANY:
        return _update_many(x, rows)
    beta = np.zeros((len(A), L.shape[1], L.shape[1]))
    for i, b in rows.beta.items():
        beta[i] = b.dense()
    pair, last = ([-3, -2], [1, 2]), ([-2, -1], [1, 2])
    straight = np.tensordot(x.V4, beta, axes=last)  # (v_a.v_b) v_c^T beta v_d
    crossed = np.tensordot(np.swapaxes(x.V4, -3, -2), beta, axes=last)
    mixed = [A @ np.tensordot(z, beta, axes=pair) for z in (x.VM, x.VS)]
    MM, MT = (
        A @ z @ A.T + w + _swapped(w) + np.tensordot(y, beta, axes=pair)
        for z, w, y in zip((x.MM, x.MT), mixed, (straight, crossed), strict=True)
    )
    return Tensors(
        L @ x.G @ L.T,
        x.C @ A.T + np.tensordot(x.G, beta, axes=last),
        _on_four(x.V4, L),
        _on_pairs(x.VM @ A.T + straight, L),
        _on_pairs(x.VS @ A.T + crossed, L),
        MM,
        MT,
    )


def _update_many(x: Tensors, rows: Rows) -> Tensors:
    """The same, where only a few of many matrices have outer products."""
    L, A = rows.L, rows.alpha
    at = list(rows.beta)
    beta = np.array([rows.beta[i].dense() for i in at]).reshape(len(at), *2 * L.shape[1:])
    pair, last = ([-3, -2], [1, 2]), ([-2, -1], [1, 2])
    straight = np.tensordot(x.V4, beta, axes=last)
    crossed = np.tensordot(np.swapaxes(x.V4, -3, -2), beta, axes=last)
    C, VM, VS = x.C @ A.T, x.VM @ A.T, x.VS @ A.T
    C[..., at] += np.tensordot(x.G, beta, axes=last)
    VM[..., at] += straight
    VS[..., at] += crossed
    squares = []
    for z, w, y in ((x.MM, x.VM, straight), (x.MT, x.VS, crossed)):
        mixed = A @ np.tensordot(w, beta, axes=pair)
        square = A @ z @ A.T
        square[..., at] += mixed
        square[..., at, :] += _swapped(mixed)
        square[..., np.array(at, dtype=int)[:, None], at] += np.tensordot(y, beta, axes=pair)
        squares.append(square)
    G, V4 = L @ x.G @ L.T, _on_four(x.V4, L)
    return Tensors(G, C, V4, _on_pairs(VM, L), _on_pairs(VS, L), *squares)


def carried(x: Tensors, vectors: Ints, matrices: Ints, scale: Array) -> Tensors:
    """Moments with items chosen and matrices scaled."""
    kinds, both = {"v": vectors, "m": matrices}, np.outer(scale, scale)

    def chosen(z: Array, axes: str) -> Array:
        index: tuple[EllipsisType | Ints, ...] = (..., *mesh(*[kinds[kind] for kind in axes]))
        y: Array = z[index]
        return y

    G, C, V4, VM, VS, MM, MT = (chosen(z, axes) for z, axes in zip(x, AXES, strict=True))
    return Tensors(G, C * scale, V4, VM * scale, VS * scale, MM * both, MT * both)


def shrink(x: Tensors, i: int, shrinkage: float, dim: int) -> Tensors:
    """Moments with M_i replaced by (1 - s) M_i + s (tr M_i/d) I."""
    s, VS, MT = shrinkage, x.VS.copy(), x.MT.copy()
    VS[..., i] = (1 - s) * VS[..., i] + s / dim * x.VM[..., i]
    # Once for either factor: traces do not change.
    MT[..., i, :] = (1 - s) * MT[..., i, :] + s / dim * x.MM[..., i, :]
    MT[..., :, i] = (1 - s) * MT[..., :, i] + s / dim * x.MM[..., :, i]
    return x._replace(VS=VS, MT=MT)


# --- exact loops ---------------------------------------------------------------------------------


def _first(loop: Loop, dim: int, origin: float) -> Tensors:
    """State of generation 1."""
    x, layout = identity(dim), layout_of(loop)
    for n, scale in first_draws(loop):
        x = draw(x, Parent(scale * unit(x.C.size, ID)), n)
    x = update(x, first_rows(loop, layout, origin, 1.0))
    return shrink(x, layout.newest + 1, loop.shrinkage, dim)


def _next(x: Tensors, loop: Loop, dim: int, t: int, origin: float) -> Tensors:
    """State of generation t + 1."""
    layout = layout_of(loop)
    parent, rows = later_rows(loop, layout, t, origin, 1.0)
    x = draw(x, parent, loop.n_synth)
    x = draw(x, Parent(unit(layout.matrices + 1, ID)), loop.n_fresh)
    return shrink(update(x, rows), layout.newest + 1, loop.shrinkage, dim)


def read(x: Tensors, i: int) -> Array:
    """The seven invariants of model i."""
    j = i + 1
    values = (x.G[i, i], x.C[j], x.V4[i, i, i, i], x.VM[i, i, j], x.VS[i, i, j])
    return np.array([*values, x.MM[j, j], x.MT[j, j]])


def _iterated(loop: Loop, dim: int, generations: int, origin: float) -> Array:
    """Invariants of (mu, Sigma - origin I), shape (T, 7), step by step."""
    x, newest = _first(loop, dim, origin), layout_of(loop).newest
    path = [read(x, newest)]
    for t in range(1, generations):
        x = _next(x, loop, dim, t, origin)
        path.append(read(x, newest))
    return np.array(path)


def _pair(a: int, b: int) -> tuple[int, ...]:
    """Symmetry in two indices."""
    return (a, b) if a < b else (b, a)


def _key(name: str, at: tuple[int, ...], dim: int) -> tuple[tuple[object, ...], float]:
    """(Name of an entry up to symmetry and products with I, factor)."""
    if name == "V4":
        return (name, *sorted((_pair(*at[:2]), _pair(*at[2:])))), 1.0
    if name in ("VM", "VS"):
        if at[2] == ID:
            return ("G", _pair(*at[:2])), float(dim) if name == "VM" else 1.0
        return (name, _pair(*at[:2]), at[2]), 1.0
    if name in ("MM", "MT") and ID in at:
        return ("C", (max(at),)), float(dim) if name == "MM" else 1.0
    return (name, _pair(*at) if len(at) == 2 else at), 1.0


class _Chart(NamedTuple):
    """Independent entries of the tensors: flat = expand @ reduced, reduced = flat[pick]."""

    expand: Array
    pick: Ints
    moving: Bools
    shapes: list[tuple[int, ...]]


@lru_cache(maxsize=64)
def _chart(layout: Layout, dim: int) -> _Chart:
    """Entries that differ, and whether they involve the model."""
    v, new = layout.vectors, layout.newest
    shapes = [tuple(v + (axis == "m") for axis in axes) for axes in AXES]
    names: dict[tuple[object, ...], int] = {}
    pick: list[int] = []
    moving: list[bool] = []
    entries: list[tuple[int, float]] = []
    for name, axes, shape in zip(Tensors._fields, AXES, shapes, strict=True):
        for at in np.ndindex(*shape):
            key, factor = _key(name, at, dim)
            if key not in names:
                names[key] = len(pick)
                pick.append(len(entries))
                moving.append(any(i == new + (x == "m") for i, x in zip(at, axes, strict=True)))
            entries.append((names[key], factor))
    expand = np.zeros((len(entries), len(pick)))
    for row, (column, factor) in enumerate(entries):
        expand[row, column] = factor
    return _Chart(expand, np.array(pick), np.array(moving), shapes)


def _flat(x: Tensors) -> Array:
    """Entries in a row, shape (batch, entries)."""
    batch = x.C.shape[:-1]
    return np.concatenate([z.reshape(*batch, -1) for z in x], axis=-1)


def _tensors(chart: _Chart, reduced: Array) -> Tensors:
    """State from independent entries, shape (batch, reduced)."""
    flat, batch = reduced @ chart.expand.T, reduced.shape[:-1]
    cuts = np.cumsum([int(np.prod(shape)) for shape in chart.shapes])[:-1]
    parts = np.split(flat, cuts, axis=-1)
    return Tensors(*(z.reshape(*batch, *s) for z, s in zip(parts, chart.shapes, strict=True)))


def _step_matrix(loop: Loop, dim: int, origin: float) -> Array:
    """One generation as a matrix on the independent entries (a stationary exact loop)."""
    chart = _chart(layout_of(loop), dim)
    basis = _tensors(chart, np.eye(len(chart.pick)))
    return _flat(_next(basis, loop, dim, 1, origin))[:, chart.pick].T


@lru_cache(maxsize=256)
def _affine_map(loop: Loop, dim: int, origin: float) -> tuple[Array, Array, Array]:
    """(A, b, start) of the entries that involve the model; the rest never changes."""
    chart = _chart(layout_of(loop), dim)
    step, start = (
        _step_matrix(loop, dim, origin),
        _flat(_first(loop, dim, origin))[chart.pick],
    )
    rows = step[chart.moving]
    return rows[:, chart.moving], rows[:, ~chart.moving] @ start[~chart.moving], start[chart.moving]


def _newest_entries(loop: Loop, dim: int) -> list[int]:
    """Where the seven invariants stand among the moving entries."""
    chart = _chart(layout_of(loop), dim)
    numbers = np.zeros(len(chart.pick))
    numbers[chart.moving] = np.arange(chart.moving.sum())
    return [int(i) for i in read(_tensors(chart, numbers), layout_of(loop).newest)]


def _mapped(loop: Loop, dim: int, generations: int, origin: float) -> Array:
    """Invariants of (mu, Sigma - origin I), shape (T, 7), by powers of the map."""
    A, b, start = _affine_map(loop, dim, origin)
    at = _newest_entries(loop, dim)
    with np.errstate(over="ignore", invalid="ignore"):
        path = affine_path(A, b, start, generations)[:, at]
        # First moments by themselves: theirs may be finite where the others have overflowed.
        low = _degree_one(loop, dim)
        path[:, :2] = affine_path(A[np.ix_(low, low)], b[low], start[low], generations)[
            :, [low.index(i) for i in at[:2]]
        ]
    return np.where(np.isnan(path), np.inf, path)


def _degree_one(loop: Loop, dim: int) -> list[int]:
    """Moving entries that are first moments: G and C, which close among themselves."""
    chart = _chart(layout_of(loop), dim)
    entries = int(np.prod(chart.shapes[0])) + chart.shapes[1][0]
    return [i for i, flat in enumerate(chart.pick[chart.moving]) if flat < entries]


def exact_path(loop: Loop, dim: int, generations: int, origin: float) -> Array:
    """Invariants of (mu, Sigma - origin I) of an exact loop, shape (T, 7)."""
    return (_iterated if loop.keeps_all else _mapped)(loop, dim, generations, origin)


def exact_limit(loop: Loop, dim: int, origin: float) -> Array | None:
    """Limit of :func:`exact_path`; None where second moments diverge or the pool grows."""
    if loop.keeps_all or exact_radius(loop, dim) >= 1 - NEAR:
        return None
    A, b, _ = _affine_map(loop, dim, origin)
    return fixed_point(A, b)[_newest_entries(loop, dim)]


def exact_radius(loop: Loop, dim: int) -> float:
    """Spectral radius of a generation's map of second moments, with memory 1 and pool replaced.

    Examples
    --------
    >>> round(exact_radius(fresh_data(2, 10), 1), 3)
    0.923
    >>> exact_radius(synthetic_augmentation(2, 10), 1) < 1
    True
    """
    if loop.memory != 1 or loop.pooled != 1:
        raise UnsupportedLoop(
            "second_moment_radius is computed for memory 1 and pool = replace only, "
            f"got memory {or_all(loop.memory)} and pool {loop.pool}"
        )
    return radius(_affine_map(loop, _check.count("dim", dim), 0.0)[0])
