"""The mean spectrum of a random covariance, as its mean log-determinant on a grid (theory.md 5.2).

S of size d has E tr S = c d and a law that rotations leave alone. With s = c e^y,

    E log det(S + s) = d log(s + c) - v(y)/2 (c/(s + c))^2,

and v is smooth: E tr (S/c - 1)^2 as y -> infinity, and as y -> -infinity -2 E log det(S/c), or a
falling line where S is singular. Its derivatives are traces of resolvents, so it has the mean of
every linear statistic, and functions of log s that are analytic for |Im y| < pi make trapezoid
rules and splines converge fast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from scipy.interpolate import BSpline, make_interp_spline

from madtheory._compile import kernel
from madtheory._types import Array

#: Step and ends of the grid in y, and the degree of the splines through it.
STEP, LOW, HIGH, DEGREE = 0.4, -16.0, 8.0, 7
GRID = np.arange(LOW, HIGH + STEP / 2, STEP)
NODES = np.exp(GRID)
#: c/(s + c) at the nodes.
SHARE = 1 / (1 + NODES)
#: From here on in y, v is a cubic polynomial in c/(s + c); how many steps beyond are summed.
_TAIL, _FAR = 4.4 - STEP / 2, 30
#: How far integrals over log s go that have no ends of their own.
_WIDE = 40.0
_END = (GRID >= _TAIL)[:, None]
_POWERS = np.vander(SHARE, 4, increasing=True)
#: Its coefficients from a shape, by least squares.
_CUBIC = np.linalg.pinv(_POWERS * _END)
#: Up to this spread a law is so narrow that v is one from here on, where rounding is less.
_NARROW, _NEAR = 1e-2, 1.6 - STEP / 2
_AT_INFINITY = np.linalg.pinv(_POWERS * ((GRID >= _NEAR)[:, None] & ~_END))[0]
#: A shape with its tail smoothed: else rounding there grows from one generation to the next.
SMOOTH = np.where(_END, _POWERS @ _CUBIC, np.eye(len(GRID)))


#: Nodes that are enough for a shape that is found at each by itself: every other one, then all.
FEW = np.flatnonzero((np.arange(len(GRID)) % 2 == 0) | _END[:, 0])


class Traces(NamedTuple):
    """At points z in units of c: gap = E log det(S + z) - d log(z + 1), and traces by R.

    R = (S + z)^-1: plain = tr R, model = tr S R, then tr R^2, tr S R^2 and tr S^2 R^2, and
    pull = E mu' R mu, mu as it is.
    """

    gap: Array
    plain: Array
    model: Array
    plain_2: Array
    mixed_2: Array
    model_2: Array
    pull: Array


@dataclass(frozen=True)
class MeanLaw:
    """Mean law of a model (mu, S) at Sigma_0 = I.

    Attributes
    ----------
    dim : int
        d.
    scale, mean_sq : float
        c = E tr S/d, and E |mu|^2.
    shape : ndarray, shape (nodes,)
        v at the nodes of `GRID`.
    pull : ndarray, shape (nodes,)
        (s + c) E mu' (S + s)^-1 mu / mean_sq, 1 at y = infinity.
    """

    dim: int
    scale: float
    mean_sq: float
    shape: Array
    pull: Array

    @cached_property
    def _pieces(self) -> Array:
        """Shape and pull between the nodes: Taylor coefficients at the middle of each cell."""
        return _cells() @ np.column_stack([self.shape, self.pull])

    @cached_property
    def _tail(self) -> Array:
        """v as a polynomial in c/(s + c), beyond the grid."""
        return np.asarray(_CUBIC @ self.shape)

    @property
    def read(self) -> tuple[float, Array, Array]:
        """What kernels read it by."""
        return float(self.dim), self._pieces, self._tail

    def traces(self, z: Array) -> Traces:
        """Traces at points z > 0 in units of c; nothing near S = c cancels."""
        return traces_of(traces_at(z, *self.read), self.mean_sq)

    @cached_property
    def spread(self) -> float:
        """E tr (S/c - 1)^2/d, of the equivalent."""
        found = float(self._tail[0] / self.dim)
        return found if found > _NARROW else float(_AT_INFINITY @ self.shape) / self.dim

    @cached_property
    def root_deficit(self) -> float:
        """1 - E tr (S/c)^{1/2}/d = int s^{-1/2} v (1 + s)^{-2} ds/(4 pi d) (trapezoid rule).

        Every other node is enough: exp(-2 pi^2/(2 STEP)) = 2e-11 is missed.
        """
        weight = (SHARE**2 * np.exp(GRID / 2))[::2]
        slope = float(_between(GRID[:1], self._pieces, self._tail)[1, 0])
        below = line_below(float(self.shape[0]), slope, 2 * STEP) * float(weight[0])
        z = np.exp(HIGH + 2 * STEP * np.arange(1, _FAR))
        share = 1 / (1 + z)
        above = np.polynomial.polynomial.polyval(share, self._tail) * share**2 * np.sqrt(z)
        total = float(weight @ self.shape[::2]) + below + float(above.sum())
        return 2 * STEP * total / (4 * math.pi * self.dim)

    def diluted_deficit(self, kept: float) -> float:
        """The same of (1 - kept) + kept S/c: its v at s is kept^2 v(z), 1 + z = (1 + s)/kept."""
        s = np.exp(np.arange(-_WIDE, _WIDE + STEP / 2, STEP))
        z = (s + 1 - kept) / kept
        v = -2 * self.traces(z).gap * np.square(1 + z)
        total = float(np.sum(v * np.sqrt(s) / np.square(1 + s)))
        return kept**2 * STEP * total / (4 * math.pi * self.dim)


@kernel
def _between(y: Array, pieces: Array, tail: Array) -> Array:
    """v, v', v'' and the pull at y, shape (4, points): below the grid a line, above it the tail."""
    found = np.empty((4, y.size))
    for i in range(y.size):
        inside = min(max(y[i], LOW), HIGH)
        cell = min(int((inside - LOW) / STEP), pieces.shape[0] - 1)
        x = (inside - LOW) / STEP - cell - 0.5
        v = v1 = v2 = q = 0.0
        for k in range(DEGREE, -1, -1):
            v2 = v2 * x + v1
            v1 = v1 * x + v
            v = v * x + pieces[cell, k, 0]
            q = q * x + pieces[cell, k, 1]
        v1, v2 = v1 / STEP, 2 * v2 / STEP**2
        if y[i] < LOW:
            v, v2 = v + v1 * (y[i] - LOW), 0.0
        if y[i] > HIGH:
            share = 1 / (1 + np.exp(y[i]))
            rest = 1 - share
            v = tail[0] + (tail[1] + (tail[2] + tail[3] * share) * share) * share
            slope = tail[1] + (2 * tail[2] + 3 * tail[3] * share) * share
            bend = (2 * tail[2] + 6 * tail[3] * share) * share * rest
            v1, v2 = -slope * share * rest, share * rest * (slope * (1 - 2 * share) + bend)
            q = 1 + (q - 1) * np.exp(HIGH - y[i])
        found[0, i], found[1, i], found[2, i], found[3, i] = v, v1, v2, q
    return found


@cache
def _collocation() -> tuple[Array, Array]:
    """Knots of the splines on the grid, and the matrix that takes values to coefficients."""
    knots = np.asarray(make_interp_spline(GRID, GRID, k=DEGREE).t, dtype=np.float64)
    design = BSpline.design_matrix(GRID, knots, DEGREE).toarray()
    return knots, np.asarray(np.linalg.inv(design), dtype=np.float64)


@cache
def _cells() -> Array:
    """What takes values at the nodes to Taylor coefficients, shape (cells, DEGREE + 1, nodes)."""
    spline = BSpline(*_collocation(), DEGREE)
    orders = range(DEGREE + 1)
    middles = GRID[:-1] + STEP / 2
    terms = [spline.derivative(k)(middles) * (STEP**k / math.factorial(k)) for k in orders]
    return np.stack(terms, axis=1)


@cache
def filled() -> Array:
    """The matrix that takes a shape at the nodes `FEW` to all, its tail smoothed."""
    between = make_interp_spline(GRID[FEW], np.eye(len(FEW)), k=DEGREE)(GRID)
    return np.asarray(SMOOTH @ between, dtype=np.float64)


@kernel
def traces_at(z: Array, d: float, pieces: Array, tail: Array) -> Array:
    """The seven rows of :class:`Traces` at z > 0, shape (7, points); the pull per unit of mean."""
    found, between = np.empty((7, z.size)), _between(np.log(z), pieces, tail)
    for i in range(z.size):
        share = 1 / (1 + z[i])
        rest = z[i] * share
        v, v1, v2, q = between[:, i]
        half = -0.5 * share**2
        slope = v1 - 2 * v * rest
        first = half * slope
        second = half * (v2 - 2 * v1 * rest - 2 * v * share * rest - 2 * rest * slope)
        p = min(max(d * rest + first, 1e-300), d)  # z tr R
        p_2 = min(max(d * rest**2 + first - second, p * p / d), p)  # z^2 tr R^2
        found[0, i], found[3, i], found[6, i] = half * v, p_2 / z[i] ** 2, q * share
        if z[i] > 1:
            found[1, i], found[2, i] = d * share + first / z[i], d * share - first
            found[4, i] = d * share**2 + second / z[i]
            found[5, i] = d * share**2 - first - second
        else:
            found[1, i], found[2, i] = p / z[i], d - p
            found[4, i], found[5, i] = (p - p_2) / z[i], d - 2 * p + p_2
    return found


def traces_of(rows: Array, mean_sq: float) -> Traces:
    """Rows of :func:`traces_at` of a law with this E |mu|^2."""
    gap, plain, model, plain_2, mixed_2, model_2, pull = rows
    return Traces(gap, plain, model, plain_2, mixed_2, model_2, pull * mean_sq)


def reading(z: Array) -> Array:
    """The matrix that reads a shape at points z (in units of c) from its values at the nodes."""
    y = np.log(z)
    knots, coefficients = _collocation()
    inside = np.clip(y, LOW, HIGH)
    read = np.asarray(BSpline.design_matrix(inside, knots, DEGREE) @ coefficients)
    far = y > HIGH
    read[far] = np.vander(1 / (1 + z[far]), 4, increasing=True) @ _CUBIC
    return read


def line_below(value: float, slope: float, step: float = STEP) -> float:
    """Sum of (value - slope j step) e^{-j step/2} over j >= 1: a left tail that is a line in y."""
    ratio = math.exp(-step / 2)
    return value * ratio / (1 - ratio) - slope * step * ratio / (1 - ratio) ** 2


def constant_law(dim: int, mean_sq: float = 0.0) -> MeanLaw:
    """The law of S = I.

    Examples
    --------
    >>> constant_law(3).root_deficit
    0.0
    """
    return MeanLaw(dim, 1.0, mean_sq, np.zeros_like(GRID), np.ones_like(GRID))
