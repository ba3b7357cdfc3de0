"""A generation at d = 1: (mu, v), v = sigma^2, after it, from what is drawn (theory.md 2.10)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import linalg

from madtheory._types import Array
from madtheory.loop import Loop


def _recursion(dof: float, n: int) -> tuple[Array, Array]:
    """Jacobi's matrix of a chi-square variable in standard units, n nodes; inf: a normal one."""
    j, k = np.arange(n, dtype=np.float64), dof / 2
    off = np.sqrt(j[1:] * (1 + (j[1:] - 1) / k))
    return np.asarray(2 * j / math.sqrt(k)), np.asarray(off)


@lru_cache(maxsize=64)
def rule(dof: float, n: int) -> tuple[Array, Array]:
    """Nodes and weights of Gauss for it, exact to degree 2 n - 1; a constant where dof is 0."""
    if not dof:
        return np.zeros(1), np.ones(1)
    nodes, vectors = linalg.eigh_tridiagonal(*_recursion(dof, n))
    return np.asarray(nodes), np.asarray(vectors[0] ** 2)


def together(rules: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Nodes (k, points) and weights (points,) of k independent variables."""
    nodes = np.stack([x.ravel() for x in np.meshgrid(*(x for x, _ in rules), indexing="ij")])
    weights = np.prod(np.meshgrid(*(w for _, w in rules), indexing="ij"), axis=0)
    return nodes, weights.ravel()


def orthonormal(dof: float, u: Array, degree: int) -> Array:
    """Polynomials of degrees 0..degree, shape (degree + 1, ...); the first alone where dof is 0."""
    found = [np.ones_like(u)]
    if not dof:
        return np.stack(found)
    a, b = _recursion(dof, degree + 1)
    for j in range(degree):
        before = b[j - 1] * found[j - 1] if j else 0.0
        found.append(((u - a[j]) * found[j] - before) / b[j])
    return np.stack(found)


def fewer(x: Array, weights: Array, n: int) -> tuple[Array, Array]:
    """Rules of n nodes or fewer for laws at points x (laws, points), exact to degree 2 n - 1."""
    unit = np.maximum(np.abs(x).max(axis=1, keepdims=True), 1e-300)
    z, n = x / unit, min(n, x.shape[1])
    found, J = [np.broadcast_to(np.sqrt(weights), z.shape)], np.zeros((len(z), n, n))
    for j in range(n):
        rest = z * found[-1]
        J[:, j, j] = np.einsum("ij,ij->i", rest, found[-1])
        for _ in range(2):  # twice is enough
            for q in found:
                rest = rest - np.einsum("ij,ij->i", rest, q)[:, None] * q
        size = np.linalg.norm(rest, axis=1)
        if j < n - 1:
            J[:, j, j + 1] = J[:, j + 1, j] = np.where(size > 1e-13, size, 0.0)
        found.append(rest / np.where(size > 1e-13, size, 1.0)[:, None] * (size > 1e-13)[:, None])
    nodes, vectors = np.linalg.eigh(J)
    return unit * nodes, vectors[:, 0] ** 2


@dataclass(frozen=True, slots=True)
class Step:
    """A generation of three batches: the fixed set, new real samples, synthetic ones.

    Attributes
    ----------
    size : tuple of int
        How many of each.
    variance, bias : float
        Of new real samples; of synthetic ones, in units of v.
    mean, scatter : ndarray, shape (3,)
        Weights of their means in mu, and of their scatters in v.
    form : ndarray, shape (3, 3)
        What their means add to v, as a form.
    """

    size: tuple[int, int, int]
    variance: float
    bias: float
    mean: Array
    scatter: Array
    form: Array

    @property
    def dof(self) -> list[float]:
        """Degrees of freedom of the scatters."""
        return [max(n - 1.0, 0.0) for n in self.size]

    def scatters(self, v: Array, n: int) -> tuple[Array, Array]:
        """What scatters of the new batches add to v, less its mean: a rule for each v, (v, n).

        Exact to degree 2 n - 1: of either scatter's rule on a grid, Lanczos's.
        """
        (_, k_r, k_s), (_, a_r, a_s) = self.dof, self.scatter
        (real, synth), weights = together([rule(k, n) for k in (k_r, k_s)])
        apart = a_r * self.variance * math.sqrt(2 * k_r) * real
        apart = apart + (a_s * self.bias * math.sqrt(2 * k_s)) * v[:, None] * synth
        return fewer(apart, weights, n)

    def drawn(self, v: Array, normal: int, scatter: int) -> tuple[Array, Array]:
        """Nodes (3, states, draws), weights (states, draws): both new means, and their scatters."""
        laws = [(math.inf if n else 0.0, normal) for n in self.size[1:]]
        z, z_weights = together([rule(*law) for law in laws])
        c, c_weights = self.scatters(v, scatter)
        shape = len(v), z.shape[1], c.shape[1]
        nodes = [np.broadcast_to(x[None, :, None], shape) for x in z]
        nodes.append(np.broadcast_to(c[:, None], shape))
        weights = z_weights[:, None] * c_weights[:, None]
        return np.stack(nodes).reshape(3, len(v), -1), weights.reshape(len(v), -1)

    def after(self, state: Array, held: Array, drawn: Array) -> tuple[Array, Array]:
        """(mu, v) after it, shape (states, draws).

        `state` (2, states) is (mu, v) before it, `held` (2, states) mean and scatter of the fixed
        set in standard units.
        """
        (mu, v), (y, w) = state[:, :, None], held[:, :, None]
        z_r, z_s, scatter = drawn
        n_f, n_r, n_s = (max(n, 1) for n in self.size)
        synth = mu + np.sqrt(self.bias * v / n_s) * z_s
        means = [y / math.sqrt(n_f), math.sqrt(self.variance / n_r) * z_r, synth]
        (k_f, k_r, k_s), (a_f, a_r, a_s) = self.dof, self.scatter
        total = a_f * (k_f + math.sqrt(2 * k_f) * w) + a_r * self.variance * k_r
        total = total + a_s * self.bias * k_s * v + scatter
        for (i, j), share in np.ndenumerate(self.form):
            if share:
                total = total + share * (means[i] * means[j])
        mean = sum(a * m for a, m in zip(self.mean, means, strict=True) if a)
        # A rounding below 0 would have no root.
        return np.broadcast_to(mean, total.shape), np.maximum(total, 0.0)


def _fit(n: Array, ddof: int) -> tuple[Array, Array, Array]:
    """Weights of means and scatters, and the form, of one fit to several batches."""
    unit = 1.0 / (n.sum() - ddof)
    form = unit * (np.diag(n) - np.outer(n, n) / n.sum())
    return n / n.sum(), unit * (n > 0), form


def later(loop: Loop) -> Step:
    """Every generation but the first."""
    n = np.array([loop.n_fixed, loop.n_fresh, loop.n_synth], dtype=np.float64)
    fit, w = _fit(n, loop.ddof), loop.weight
    if w is not None:
        real, synth = (_fit(n * x, loop.ddof) for x in ([1, 1, 0], [0, 0, 1]))
        mean, scatter, form = (w * a + (1 - w) * b for a, b in zip(real, synth, strict=True))
        apart = real[0] - synth[0]
        fit = mean, scatter, form + w * (1 - w) * np.outer(apart, apart)
    return Step((loop.n_fixed, loop.n_fresh, loop.n_synth), 1.0, loop.scalar_bias, *fit)


def first(loop: Loop) -> Step | None:
    """Generation 1; None where it has a part of the fixed set only."""
    shared = loop.n_shared
    if shared not in (0, loop.n_fixed):
        return None
    rest = loop.n_initial - shared
    n = np.array([shared, rest, 0], dtype=np.float64)
    return Step((loop.n_fixed, rest, 0), loop.first_bias, 0.0, *_fit(n, loop.ddof))
