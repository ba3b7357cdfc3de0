"""E sigma at d = 1 as a series, between bounds that close (theory.md 2.10).

A generation maps (mu, v), v = sigma^2, and what a fixed set has of them, (a, S), to polynomials in
themselves and in normal and chi-square variables, of the same degree where v and S count twice. So
all E mu^p v^q a^r S^s of p + 2 q + r + 2 s <= 2 N close, and rules of Gauss that are exact for
polynomials find them. They are kept as means of orthonormal polynomials: of the normal law in mu
and a, of the chi-square's in v and S.

E sigma is the series of a root in these polynomials; the terms left out are declared. From the
moments of v a rule of Gauss bounds it from above, and one of Radau with a node at 0 from below, as
the derivatives of a root alternate.
"""

from __future__ import annotations

import math
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import linalg

from madtheory._types import Array, Ints
from madtheory.laws.chi_square import log_chi_square_moment
from madtheory.loop import Loop
from madtheory.theory.distance.fidelity import Spread
from madtheory.theory.distance.one_direction.step import Step, later, orthonormal, rule, together
from madtheory.theory.moments.first import radius

#: Degree of v from so many degrees of freedom on, of the chi-square that it resembles; and beside a
#: fixed set, which costs more.
_DEGREES, _BESIDE = ((2e4, 4), (200.0, 6), (0.0, 8)), 6
#: States that are looked at at once.
_AT_ONCE = 500
#: Terms left out, in units of the last ones; and rounding of a deficit.
_LEFT_OUT, _ROUNDING = 3.0, 1e-10


class _Units(NamedTuple):
    """mu = mean x, v = centre (1 + u/sqrt(dof/2)): u is that of a chi-square variable."""

    mean: float
    centre: float
    dof: float

    @property
    def spread(self) -> float:
        """v less its centre, in units of u."""
        return self.centre / math.sqrt(self.dof / 2)


class _Basis(NamedTuple):
    """Products of polynomials in (x, u, y, w), one of each of `rows` (M, 4), at nodes of a rule."""

    rows: Ints
    nodes: Array  # (4, nodes)
    each: list[Array]
    values: Array  # (M, nodes)
    weights: Array  # (nodes,)


def _basis(dof: float, n_fixed: int, degree: int) -> _Basis:
    """Of total degree 2 `degree`, u and w counted twice, even in (x, y)."""
    normal, held = math.inf if n_fixed else 0.0, max(n_fixed - 1.0, 0.0)
    laws = ((math.inf, 2 * degree), (dof, degree), (normal, 2 * degree), (held, degree))
    nodes, weights = together([rule(law, n + 1) for law, n in laws])
    each = [orthonormal(law, x, n) for (law, n), x in zip(laws, nodes, strict=True)]
    every = np.array(list(product(*(range(len(x)) for x in each))))
    even = (every[:, 0] + every[:, 2]) % 2 == 0
    index = every[even & (every @ [1, 2, 1, 2] <= 2 * degree)]
    values = math.prod(x[i] for x, i in zip(each, index.T, strict=True))
    return _Basis(index, nodes, each, np.asarray(values), weights)


def _transfer(step: Step, units: _Units, basis: _Basis, degree: int) -> Array:
    """Means of the polynomials after a generation, in the polynomials before it."""
    pairs = np.unique(basis.rows[:, :2], axis=0)
    means = np.empty((len(pairs), basis.weights.size))
    scale = np.array([[units.mean], [units.spread]])
    for start in range(0, basis.weights.size, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        state = scale * basis.nodes[:2, part] + [[0.0], [units.centre]]
        draws, weights = step.drawn(state[1], degree + 1, degree // 2 + 1)
        mu, v = step.after(state, basis.nodes[2:, part], draws)
        x = orthonormal(math.inf, mu / units.mean, 2 * degree)
        u = orthonormal(units.dof, (v - units.centre) / units.spread, degree) * weights
        means[:, part] = [np.einsum("ij,ij->i", x[p], u[q]) for p, q in pairs]
    _, _, y, w = basis.each
    number = {tuple(pair): i for i, pair in enumerate(pairs.tolist())}
    rows = [means[number[p, q]] * y[r] * w[s] for p, q, r, s in basis.rows.tolist()]
    return np.asarray((np.array(rows) * basis.weights) @ basis.values.T)


def _at_rest(index: Ints, T: Array) -> Array | None:
    """Means of the polynomials at a fixed point; None where rare paths make them diverge."""
    moving = index[:, :2].any(axis=1)
    part = T[np.ix_(moving, moving)]
    if radius(part) >= 1:
        return None
    h = np.where(index.any(axis=1), 0.0, 1.0)
    h[moving] = np.linalg.solve(np.eye(len(part)) - part, T[moving] @ h)
    return h


def _root_terms(dof: float, degree: int) -> Array:
    """Means of sqrt(1 + u/sqrt(dof/2)) times each polynomial, less 1 at the first."""
    k = dof / 2
    log_mean = float(log_chi_square_moment(0.5, dof, dof))
    terms = [math.expm1(log_mean)]
    ratio = math.exp(log_mean)
    for q in range(1, degree + 1):
        ratio *= (1.5 - q) / math.sqrt(q * (k + q - 1))
        terms.append(ratio)
    return np.array(terms)


def _measured(h: Array, units: _Units, power: int, n: int) -> tuple[Array, Array] | None:
    """Nodes of v/centre and weights of Gauss for v^power times the law with means `h`.

    None where so many moments are no law's, as rounding has it where it hardly varies.
    """
    u, weights = rule(units.dof, len(h) + n + 1)
    each = orthonormal(units.dof, u, len(h) - 1)
    v = 1 + u / math.sqrt(units.dof / 2)
    mass = weights * (h @ each) * v**power
    gram, moved = ((each[:n] * (mass * x)) @ each[:n].T for x in (1.0, v))
    try:
        nodes, vectors = linalg.eigh(moved, gram)
    except linalg.LinAlgError:
        return None
    return nodes, (vectors.T @ gram[:, 0]) ** 2


def _bounds(h: Array, units: _Units) -> tuple[float, float]:
    """Lower and upper bound of E (1 - sqrt(v/centre))^2/2."""
    gauss = _measured(h, units, 0, len(h) // 2)
    radau = _measured(h, units, 1, (len(h) - 1) // 2)
    lower, upper = 0.0, 0.5
    if gauss is not None and (gauss[0] >= 0).all():
        lower = float(np.square(1 - np.sqrt(gauss[0])) @ gauss[1] / 2)
    if radau is not None and (radau[0] > 0).all():
        share = radau[1] / radau[0]
        at_zero = max(1 - share.sum(), 0.0)
        upper = float(np.square(1 - np.sqrt(radau[0])) @ share + at_zero) / 2
    return lower * (1 - _ROUNDING), upper * (1 + _ROUNDING)


def _bounded(index: Ints, h: Array, units: _Units) -> Array:
    """Value, lower, upper, error of 1 - E sqrt(v/centre)."""
    own = (index[:, [0, 2, 3]] == 0).all(axis=1)
    h = h[own][np.argsort(index[own, 1])]
    terms = _root_terms(units.dof, len(h) - 1)
    lower, upper = _bounds(h, units)
    value = min(max(-float(terms @ h), lower), upper)
    left_out = _LEFT_OUT * float(np.abs(terms * h)[-2:].max())
    error = min(left_out, max(upper - value, value - lower)) + _ROUNDING * value
    return np.array([value, lower, upper, error])


def _degree(loop: Loop, dof: float) -> int:
    """Enough for the law's width."""
    enough = next(n for least, n in _DEGREES if dof >= least)
    return min(enough, _BESIDE) if loop.n_fixed else enough


def deficit(loop: Loop, spread: Spread) -> Array | None:
    """Value, lower, upper, error of 1 - E sigma/sqrt(c) at the limit; None without moments."""
    mean, c, dof = float(spread.mean_sq) ** 0.5, float(1 + spread.shift), float(2 / spread.diagonal)
    units = _Units(mean, c, dof)
    for degree in range(_degree(loop, dof), 3, -2):
        basis = _basis(dof, loop.n_fixed, degree)
        h = _at_rest(basis.rows, _transfer(later(loop), units, basis, degree))
        if h is not None:
            return _bounded(basis.rows, h, units)
    return None
