"""Where second moments with several models or batches in sight come to rest, if they do: exact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory import _check, _threads
from madtheory.loop import Loop
from madtheory.theory.moments import several, tensors
from madtheory.theory.moments.first import fixed_point, radius
from madtheory.theory.moments.generation import Layout, layout_of, second_rounding
from madtheory.theory.moments.subsampled import Piles
from madtheory.theory.moments.tensors import AXES, NEAR, Tensors

if TYPE_CHECKING:
    from collections.abc import Callable

    from madtheory._types import Array, Bools, Ints

#: Up to so many unknowns the map is a matrix to solve, to find all eigenvalues of, the same at a
#: first look; beyond it is applied.
_SOLVED, _DENSE, _FEW, _AT_ONCE = 1200, 600, 150, 64
#: Tolerance of a first look at the radius, and from which distance from 1 on it is enough: where
#: real data are few, eigenvalues crowd there and Arnoldi's method, of so many vectors, errs.
_ROUGH, _SURE, _ARNOLDI = 1e-6, 1e-2, 60
#: Rounding of a matrix of moments at least, and beyond which it says nothing.
_ROUNDED, _BLURRED = 1e-9, 1e-3
#: Krylov vectors, how much smaller a round makes the residual, rounds.
_KRYLOV, _RESIDUAL, _ROUNDS = 400, 1e-7, 3


class _Chart(NamedTuple):
    """Entries that differ: flat = reduced[every], reduced = flat[pick]; held ones never change."""

    every: Ints
    pick: Ints
    held: Bools
    shapes: list[tuple[int, ...]]


def _shifted(layout: Layout, index: list[Ints], matrices: list[bool]) -> list[Ints]:
    """Indices with the newest object among them moved to age 0, as at rest ages do not matter."""
    v, fixed = layout.vectors, layout.fixed
    ages = np.concatenate([np.full(fixed, v), np.arange(layout.batches), [0]])
    ages = np.concatenate([ages, np.arange(layout.memory)])
    aged = [np.where(i < m, v, ages[i - m]) for i, m in zip(index, matrices, strict=True)]
    least = reduce(np.minimum, aged)
    return [np.where(age < v, i - least, i) for i, age in zip(index, aged, strict=True)]


def _codes(layout: Layout, *, at_rest: bool) -> list[Ints]:
    """A number for each entry of the tensors, the same where they are equal.

    By symmetry; because the newest model is the newest one in memory; and, at rest, because joint
    moments depend on how far objects are apart.
    """
    v, m = layout.vectors, layout.vectors + 1
    newest = np.arange(v)
    if layout.memory:
        newest[layout.newest] += 1

    def code(kinds: str) -> Ints:
        index: list[Ints] = list(np.indices([v + (kind == "m") for kind in kinds]))
        if at_rest:
            index = _shifted(layout, index, [kind == "m" for kind in kinds])
        index = [newest[i] if kind == "v" else i for i, kind in zip(index, kinds, strict=True)]
        pairs = [index[i : i + 2] for i in range(0, len(index), 2)]
        numbers = [reduce(_pair, pair) for pair in pairs]
        return numbers[0] if len(kinds) < 3 else _both(numbers, kinds, m)

    return [code(kinds) for kinds in AXES]


def _pair(a: Ints, b: Ints) -> Ints:
    """A number for two that does not depend on their order."""
    most, least = np.maximum(a, b), np.minimum(a, b)
    return np.asarray(most * (most + 1) // 2 + least)


def _both(numbers: list[Ints], kinds: str, m: int) -> Ints:
    """Two pairs of vectors, in any order, or one of them with a matrix."""
    return _pair(*numbers) if kinds == "vvvv" else numbers[0] * m + numbers[1]


@lru_cache(maxsize=16)
def _chart(layout: Layout, *, at_rest: bool) -> _Chart:
    """Independent entries, in the order of the tensors."""
    codes = _codes(layout, at_rest=at_rest)
    every, pick, start, width = [], [], 0, 0
    for code in codes:
        # The first of equal ones has its newest object at age 0: older ones stand further back.
        _, first, number = np.unique(code.ravel(), return_index=True, return_inverse=True)
        every.append(number + start)
        pick.append(first + width)
        start, width = start + first.size, width + code.size
    chosen = np.concatenate(pick)
    moves = [_moves(layout, name, code.shape) for name, code in zip(AXES, codes, strict=True)]
    held = ~np.concatenate([x.ravel() for x in moves])[chosen]
    return _Chart(np.concatenate(every), chosen, held, [code.shape for code in codes])


def _moves(layout: Layout, kinds: str, shape: tuple[int, ...]) -> Bools:
    """Whether an entry involves anything but the fixed set and the identity."""
    index = np.indices(shape)
    first = [layout.fixed + (kind == "m") for kind in kinds]
    return np.asarray((index >= np.array(first).reshape(-1, *[1] * len(shape))).any(axis=0))


def _tensors(chart: _Chart, reduced: Array) -> Tensors:
    """Joint moments from independent entries, shape (..., entries)."""
    flat, at, parts = reduced[..., chart.every], 0, []
    for shape in chart.shapes:
        size = int(np.prod(shape))
        parts.append(flat[..., at : at + size].reshape(*flat.shape[:-1], *shape))
        at += size
    return Tensors(*parts)


def _reduced(chart: _Chart, x: Tensors) -> Array:
    """Independent entries of joint moments."""
    batch = x.C.shape[:-1]
    return np.concatenate([z.reshape(*batch, -1) for z in x], axis=-1)[..., chart.pick]


class _Map(NamedTuple):
    """A late generation u -> A u + b of the entries that move: joint moments, then piles.

    Each is in a unit of its own, as some are by powers of n larger than others.
    """

    apply: Callable[[Array], Array]
    shift: Array
    unit: Array


@dataclass(frozen=True)
class _Late:
    """The step that every late generation makes, on the entries that move."""

    loop: Loop
    dim: int
    at_rest: bool

    @cached_property
    def layout(self) -> Layout:
        """The loop's."""
        return layout_of(self.loop)

    @cached_property
    def chart(self) -> _Chart:
        """Of joint moments."""
        return _chart(self.layout, at_rest=self.at_rest)

    @cached_property
    def first(self) -> several.State:
        """The state of generation 1."""
        return several.first(self.loop, self.dim, self.layout)

    @cached_property
    def still(self) -> Piles:
        """What never changes of piles; 0 elsewhere."""
        return _held_piles(self.first.piles)

    @cached_property
    def constant(self) -> Array:
        """All that never changes; 0 elsewhere."""
        held = np.where(self.chart.held, _reduced(self.chart, self.first.x), 0.0)
        return np.concatenate([held, _flat(self.still)])

    @cached_property
    def moves(self) -> Bools:
        """Which entries do."""
        return np.concatenate([~self.chart.held, _flat(self.still) == 0])

    def state(self, u: Array, constant: Array) -> several.State:
        """The state of moving entries u, shape (..., entries)."""
        whole = np.broadcast_to(constant, (*u.shape[:-1], constant.size)).copy()
        whole[..., self.moves] = u
        size = self.chart.held.size
        x, piles = _tensors(self.chart, whole[..., :size]), _piles(whole[..., size:], self.still)
        return several.State(x, np.zeros(0), np.zeros(()), piles)

    def moving(self, x: Tensors, piles: Piles) -> Array:
        """Inverse of :meth:`state`."""
        whole = np.concatenate([_reduced(self.chart, x), _flat(piles)], axis=-1)
        return np.asarray(whole[..., self.moves])

    def step(self, u: Array, constant: Array) -> Array:
        """One generation."""
        before = self.state(u, constant)
        after = several.following(before, self.loop, self.dim, _check.MAX_COUNT, self.layout)
        return self.moving(after.x, after.piles)

    def map(self) -> _Map:
        """A and b, in units."""
        unit = self.moving(*_units(self.loop, self.dim))
        none = np.zeros_like(self.constant)
        shift = self.step(np.zeros(unit.size), self.constant)
        return _Map(lambda u: self.step(unit * u, none) / unit, shift / unit, unit)


@lru_cache(maxsize=16)
def _units(loop: Loop, dim: int) -> tuple[Tensors, Piles]:
    """How large joint moments are at rest, or what they are the differences of."""
    late = _Late(loop, dim, at_rest=True)
    none, layout = np.zeros_like(late.constant), late.layout
    some = late.step(np.zeros(int(late.moves.sum())), late.constant)
    # First moments are a system of their own.
    few = int(
        np.searchsorted(late.chart.pick[~late.chart.held], layout.vectors**2 + layout.matrices)
    )
    if loop.n_real and loop.weight != 0:  # else nothing is at rest
        A = late.step(np.eye(few, some.size), none)[:, :few].T
        some[:few] = fixed_point(A, some[:few])
    x = late.state(some, late.constant).x
    # Means apart: those that are alike differ by less than what covariances are made of.
    some = late.moving(_products(np.diag(np.diag(x.G)), x.C), late.still)
    means, spreads, piles = np.zeros(layout.vectors), np.zeros(layout.matrices), late.still
    for _ in range(layout.vectors):
        some = late.step(some, late.constant)
        x, _, _, new = late.state(some, late.constant)
        means = np.maximum(means, np.abs(np.einsum("aaaa->a", x.V4)) ** 0.25)
        spreads = np.maximum(spreads, np.sqrt(np.abs(x.MM.diagonal())))
        piles = Piles(*(np.maximum(a, np.abs(b)) for a, b in zip(piles, new, strict=True)))
    means, spreads = _or_one(means), _or_one(spreads)
    return _products(np.outer(means, means), spreads), Piles(*map(_or_one, piles))


def _or_one(x: Array) -> Array:
    """What can be a unit."""
    return np.where(x == 0, 1.0, x)


def _products(G: Array, C: Array) -> Tensors:
    """Joint moments of vectors and matrices with these products that do not vary."""
    V, M = np.multiply.outer(G, C), np.multiply.outer(C, C)
    return Tensors(G, C, np.multiply.outer(G, G), V, V, M, M)


def _held_piles(piles: Piles) -> Piles:
    """What never changes of them: the fixed set's own, if there is one; 0 elsewhere."""
    three, four = np.zeros_like(piles.three), np.zeros_like(piles.four)
    if four.size and piles.four[0] > 0:
        three[0, 0], four[0] = piles.three[0, 0], piles.four[0]
    return Piles(three, four)


def _flat(piles: Piles) -> Array:
    """Their entries in a row."""
    lead = piles.four.shape[:-1]
    return np.concatenate([piles.three.reshape(*lead, -1), piles.four], axis=-1)


def _piles(flat: Array, like: Piles) -> Piles:
    """Inverse of :func:`_flat`."""
    lead, n = flat.shape[:-1], like.three.size
    return Piles(flat[..., :n].reshape(*lead, *like.three.shape), flat[..., n:])


def _largest(f: _Map, tolerance: float) -> float:
    """Spectral radius of the map."""
    n = f.shift.size
    if n <= (_FEW if tolerance else _DENSE):
        return radius(_matrix(f))
    from scipy.sparse.linalg import LinearOperator, eigs

    A = LinearOperator((n, n), matvec=f.apply, dtype=np.float64)
    found = eigs(A, k=1, v0=np.ones(n), ncv=_ARNOLDI, return_eigenvectors=False, tol=tolerance)
    return float(np.abs(found).max())


def _matrix(f: _Map) -> Array:
    """The map as a matrix, a few columns at a time: a state has many more entries."""
    n = f.shift.size
    parts = [f.apply(np.eye(min(_AT_ONCE, n - i), n, i)) for i in range(0, n, _AT_ONCE)]
    return np.concatenate(parts).T


def _fixed(f: _Map) -> Array:
    """u = A u + b."""
    n = f.shift.size
    if n <= _SOLVED:
        return np.asarray(np.linalg.solve(np.eye(n) - _matrix(f), f.shift))
    from scipy.sparse.linalg import LinearOperator, gmres

    A = LinearOperator((n, n), matvec=lambda u: u - f.apply(u), dtype=np.float64)
    u: Array = np.zeros(n)
    for _ in range(_ROUNDS):  # Each finds what is left, so that small entries are right too.
        left = f.shift - u + f.apply(u)
        u += gmres(A, left, rtol=_RESIDUAL, atol=0.0, restart=_KRYLOV, maxiter=1)[0]
    return u


def several_radius(loop: Loop, dim: int, tolerance: float = 0.0) -> float:
    """Spectral radius of a late generation's map of all joint moments of degree two."""
    if loop.weight == 1:  # A fit sees no model, and eigenvalues of what is nilpotent are rounding.
        return 0.0
    with _threads.one_thread():
        return _largest(_Late(loop, dim, at_rest=False).map(), tolerance)


def _can_be(x: Tensors, rounded: float) -> bool:
    """Whether joint moments can be those of anything: of all scalars, of all matrices.

    u = A u + b, b within the cone of joint moments that A maps into itself, has a solution in that
    cone if and only if the radius of A is below 1 (Krein and Rutman): then it is the limit. Unless
    b is on its edge, where a single fixed sample may be all that is left; and the piles of a budget
    are not looked at.
    """
    v, m = x.G.shape[0], x.C.shape[0]
    scalars, outer = x.V4, x.V4.swapaxes(1, 2)  # (v_a.v_b)(v_c.v_d); v_a v_b^T : v_c v_d^T
    for four, three, two in ((scalars, x.VM, x.MM), (outer, x.VS, x.MT)):
        mixed = three.reshape(v * v, m)
        gram = np.block([[four.reshape(v * v, v * v), mixed], [mixed.T, two]])
        if not np.linalg.eigvalsh(gram)[0] >= -rounded * np.abs(gram).max():
            return False
    return True


def _diverges(loop: Loop, dim: int, x: Tensors) -> bool:
    """Whether second moments of a loop with a radius near 1 have no limit; x if they have one."""
    rounded = max(_ROUNDED, second_rounding(loop))
    single = loop.n_fixed == 1 and not loop.n_fresh
    if single or loop.budget is not None or rounded > _BLURRED:
        return several_radius(loop, dim) >= 1 - NEAR
    return not _can_be(x, rounded)


def several_limit(loop: Loop, dim: int) -> Array | None:
    """The seven invariants at rest; None where they diverge, or nothing pulls a mean back."""
    if not loop.n_real or loop.weight == 0:  # b = 0 has the solution 0 whatever the start was.
        return None
    blurred = second_rounding(loop) > _BLURRED  # a first look would err, too
    rough = several_radius(loop, dim, 0.0 if blurred else _ROUGH)
    if rough > 1 + _SURE:
        return None
    with _threads.one_thread():
        late = _Late(loop, dim, at_rest=True)
        f = late.map()
        x = late.state(f.unit * _fixed(f), late.constant).x
    if rough > 1 - _SURE and _diverges(loop, dim, x):
        return None
    return tensors.read(x, layout_of(loop).newest)
