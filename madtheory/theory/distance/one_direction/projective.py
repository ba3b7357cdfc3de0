"""E sigma at d = 1 of few samples: a chain in the plane, by collocation (theory.md 2.10).

A generation maps (1 : mu : sigma) to forms of the second degree in it. A function of the state
that grows no faster is, over 1 + sigma^2/c + mu^2/a, one on a quarter of the projective plane,
which has no end; it is interpolated there at nodes of Chebyshev in the angle of sigma and in the
share of mu. A generation is then a matrix, and forms of the second degree are exact. A fixed set
is a condition: one matrix for each node of its law.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from madtheory._types import Array
from madtheory.loop import Loop
from madtheory.theory.distance.fidelity import Spread
from madtheory.theory.distance.one_direction import step
from madtheory.theory.distance.one_direction.step import Step

#: Coarse and fine, and what is declared: so many of their differences, of one or two real samples,
#: by which E sigma has a kink, and of others; and this at least, relative.
#: Nodes in the angle of sigma, in the share of mu on one side, of normal variables and of scatters
#: that are drawn, and of mean and scatter of a fixed set, beside which others are fewer.
_KINKED, _DECLARED, _LEAST = 5.0, 2.0, 1e-4
_FRESH = (16, 9, 8, 10, 1, 1), (22, 12, 10, 16, 1, 1)
_FIXED = (11, 9, 9, 12, 6, 5), (14, 12, 10, 14, 8, 6)
#: Nodes that rules of a root of chi-square are made of, up to so far from its middle: hardly any of
#: it lies beyond.
_MADE_OF, _FAR = 150, 9.0
#: States that are looked at at once.
_AT_ONCE = 16
#: Share of mu^2 at E mu^2.
_TYPICAL = 0.25


def _chebyshev(n: int, low: float) -> tuple[Array, Array]:
    """Nodes in (low, 1) and weights of the barycentric formula."""
    at = (2 * np.arange(n) + 1) * (np.pi / (2 * n))
    nodes = low + (1 - low) * (1 + np.cos(at)) / 2
    return nodes, np.where(np.arange(n) % 2, -1.0, 1.0) * np.sin(at)


def _lagrange(nodes: tuple[Array, Array], at: Array) -> Array:
    """Lagrange's polynomials, last axis the node."""
    apart = at[..., None] - nodes[0]
    parts = nodes[1] / np.where(apart == 0, np.finfo(np.float64).tiny, apart)
    return np.asarray(parts / parts.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, slots=True)
class _Plane:
    """Nodes of interpolation, and the scales of sigma^2 and mu^2; (mu, v) at all nodes."""

    angles: tuple[Array, Array]
    shares: tuple[Array, Array]
    c: float
    a: float
    even: bool
    states: Array  # (2, nodes)

    @classmethod
    def of(cls, angles: int, shares: int, c: float, mean_sq: float, *, even: bool) -> _Plane:
        """So many nodes; shares of both signs unless functions are even in mu."""
        along, a = _chebyshev(angles, 0.0), mean_sq / _TYPICAL
        across = _chebyshev(shares, 0.0) if even else _chebyshev(2 * shares, -1.0)
        angle, share = (x.ravel() for x in np.meshgrid(along[0], across[0], indexing="ij"))
        ratio = np.square(np.tan(np.pi / 2 * angle))
        part = share if even else share * np.abs(share)
        mu = np.sign(part) * np.sqrt(a * np.abs(part) / (1 - np.abs(part)) * (1 + ratio))
        return cls(along, across, c, a, even, np.stack([mu, c * ratio]))

    def size(self, mu: Array, v: Array) -> Array:
        """What functions are divided by."""
        return np.asarray(1 + v / self.c + mu * mu / self.a)

    def means(self, mu: Array, v: Array, weights: Array) -> Array:
        """Rows that take values at the nodes to means over draws, shape (states, nodes)."""
        size = self.size(mu, v)
        share = mu * mu / self.a / size if self.even else mu / np.sqrt(self.a * size)
        angle = np.arctan(np.sqrt(v / self.c)) * (2 / np.pi)
        left, right = _lagrange(self.angles, angle), _lagrange(self.shares, share)
        left *= (weights * size)[..., None]
        rows: Array = np.matmul(left.transpose(0, 2, 1), right).reshape(len(mu), -1)
        return rows


def _generation(
    plane: _Plane, step: Step, states: Array, held: Array, draws: tuple[int, int]
) -> Array:
    """Rows of means after a generation from `states`, at mean and scatter `held` of a fixed set."""
    rows, beside = [], np.broadcast_to(held[:, None], states.shape)
    for start in range(0, states.shape[1], _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        nodes, weights = step.drawn(states[1, part], *draws)
        rows.append(plane.means(*step.after(states[:, part], beside[:, part], nodes), weights))
    return np.concatenate(rows)


def _rest(A: Array, one: Array) -> Array:
    """The row of means that a generation leaves as it is; `one` stands for the constant 1."""
    system = np.vstack([A.T - np.eye(len(A)), one])
    return np.asarray(np.linalg.lstsq(system, np.eye(len(A) + 1)[-1])[0])


def _root_rule(dof: float, n: int) -> tuple[Array, Array]:
    """Nodes and weights for a chi-square variable in standard units, by powers of its root."""
    if not dof:
        return step.rule(dof, n)
    middle = math.sqrt(dof)
    low, high = max(middle - _FAR, 0.0), middle + _FAR
    x, weights = np.polynomial.legendre.leggauss(_MADE_OF)
    root = low + (high - low) * (x + 1) / 2
    log = (dof - 1) * np.log(root / middle) - (root**2 - dof) / 2
    weights = weights * np.exp(log - log.max())
    nodes, fewer = step.fewer(root[None], weights / weights.sum(), n)
    return (nodes[0] ** 2 - dof) / math.sqrt(2 * dof), fewer[0]


def _given(loop: Loop, n_mean: int, n_scatter: int) -> Iterator[tuple[Array, float]]:
    """(Mean and scatter of the fixed set in standard units, weight); one of them without."""
    if not loop.n_fixed:
        yield np.zeros(2), 1.0
        return
    rules = [step.rule(math.inf, n_mean), _root_rule(loop.n_fixed - 1.0, n_scatter)]
    nodes, weights = step.together(rules)
    for held, weight in zip(nodes.T, weights, strict=True):
        if held[0] > 0:  # the other sign says the same
            yield held, 2 * weight


def _by(loop: Loop, spread: Spread, nodes: tuple[int, ...]) -> Array:
    """Deficits of generations 1..T, or at the limit where moments are single numbers."""
    c, mean_sq = np.atleast_1d(1 + spread.shift), np.atleast_1d(spread.mean_sq)
    angles, shares, normal, scatter, *given = nodes
    draws = normal, scatter
    plane = _Plane.of(angles, shares, float(c[-1]), float(mean_sq[-1]), even=not loop.n_fixed)
    size, begin, later = plane.size(*plane.states), step.first(loop), step.later(loop)
    missing = np.square(1 - np.sqrt(plane.states[1] / c[:, None])) / 2 / size
    found = np.zeros(len(c))
    for held, weight in _given(loop, *given):
        A = _generation(plane, later, plane.states, held, draws) / size[:, None]
        if not spread.shift.ndim:
            row = _rest(A, 1 / size)
        elif begin is not None:
            row = _generation(plane, begin, np.zeros((2, 1)), held, draws)[0]
        for t, deficit in enumerate(missing):
            found[t] += weight * float(row @ deficit)
            row = row @ A
    return found


def covers(loop: Loop) -> bool:
    """Whether it takes a second or two, not more."""
    return not (loop.n_fixed and loop.n_fresh)


def deficits(loop: Loop, spread: Spread) -> tuple[Array, Array]:
    """1 - E sigma/sqrt(c), and its error: at the limit, or of generations 1..T."""
    coarse, fine = (_by(loop, spread, nodes) for nodes in (_FIXED if loop.n_fixed else _FRESH))
    apart = np.abs(fine - coarse)
    near = np.pad(apart, 1)
    factor = _KINKED if loop.n_fresh in (1, 2) else _DECLARED
    error = factor * np.maximum(np.maximum(near[:-2], near[2:]), apart) + _LEAST * np.abs(fine)
    return fine.reshape(spread.shift.shape), error.reshape(spread.shift.shape)
