"""E tr W^{1/2} of one Wishart matrix at Sigma_0 = I, exact at finite size (theory.md 5.3).

The eigenvalues x_1..x_D of W ~ W_D(I, K), D <= K, are the Laguerre orthogonal ensemble: density
prod |x_i - x_j| prod w(x_i), w = x^a e^{-x/2}, a = (K - D - 1)/2. De Bruijn's integral gives, for
any f and any basis phi of the span of w, x w, ..., x^{D-1} w,

    E sum_i f(x_i) = tr A^{-1} C,   A_ij = int phi_i E phi_j,   C_ij = int f phi_i E phi_j,

with (E phi)(x) = int sgn(y - x) phi(y) dy, for even D; an odd D is bordered by the integrals of
phi. In the basis phi_j = psi_j', psi_j = x^{a+1} e^{-x/2} L_j^{(2a+2)}(x), j < D - 1, and one more,
chi = w, E psi_j' = -2 psi_j is local, so all are single integrals, of functions analytic in
x^{1/2}: Gauss-Legendre panels give them to rounding.

f is (1 - sqrt z)^2/2, z = x/K: its mean is D - E tr (W/K)^{1/2}, since E tr W/K = D, and no digit
cancels where W/K is near I.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special

from madtheory._threads import one_thread
from madtheory._types import Array

#: Largest D, and largest K in units of D: beyond it rounding in x^a costs more than it gains.
MOST_DIM, MOST_RATIO = 256, 1e4
#: Gauss-Legendre nodes a panel, and how far past the spectrum's edges the weights count, in sqrt x.
_NODES, _MARGIN = 40, 9.0
#: Steps of the recurrence between rescalings.
_RESCALED = 8


class _Integrals(NamedTuple):
    """Nodes x with weights, f and f' there, psi and psi' (D - 1, nodes), chi of integral 1."""

    x: Array
    weight: Array
    f: Array
    slope: Array
    psi: Array
    derivative: Array
    chi: Array
    power: float


def _quadrature(dim: int, dof: int) -> tuple[Array, Array]:
    """Nodes x and weights over where the spectrum is, in panels of sqrt x."""
    middle, half = math.sqrt(dof), math.sqrt(dim) + _MARGIN
    low, high = max(middle - half, 0.0), middle + half
    count = 4 + int((high - low) * (2 + math.sqrt(dim)) / 12)
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    edges = np.linspace(low, high, count + 1)
    width = (high - low) / count / 2
    u = (edges[:-1, None] + width * (1 + node)).ravel()
    return u * u, np.tile(width * weight, count) * 2 * u


def _laguerre_functions(x: Array, b: int, count: int) -> Array:
    """x^{b/2} e^{-x/2} L_j^{(b)} of norm 1, j < count, by their recurrence with a log-scale."""
    log = 0.5 * (b * np.log(x) - x - math.lgamma(b + 1))
    out, before, now = np.empty((count, x.size)), np.zeros_like(x), np.ones_like(x)
    scale = np.exp(log)
    for j in range(count):
        if j % _RESCALED == _RESCALED - 1:
            size = np.maximum(np.abs(now), np.abs(before))
            before, now, log = before / size, now / size, log + np.log(size)
            scale = np.exp(log)
        np.multiply(now, scale, out=out[j])
        after = (2 * j + 1 + b - x) * now - math.sqrt(j * (j + b)) * before
        before, now = now, after / math.sqrt((j + 1) * (j + 1 + b))
    return out


def _integrals(dim: int, dof: int, law: Callable[[Array], tuple[Array, Array]]) -> _Integrals:
    """All functions at the nodes."""
    x, weight = _quadrature(dim, dof)
    b, power = dof - dim + 1, (dof - dim - 1) / 2
    psi, j = _laguerre_functions(x, b, dim - 1), np.arange(dim - 1)[:, None]
    below = np.vstack([np.zeros((min(1, dim - 1), x.size)), psi[:-1]])
    derivative = ((b / 2 + j - x / 2) * psi - np.sqrt(j * (j + b)) * below) / x
    chi = np.exp(power * np.log(x / 2) - x / 2 - math.lgamma(power + 1)) / 2
    return _Integrals(x, weight, *law(x), psi, derivative, chi, power)


def _odd(g: _Integrals, A: Array, C: Array, a: Array) -> float:
    """E sum f for odd D: only chi has an integral, so the border is solved by hand."""
    alone = float(g.weight @ (g.f * g.chi))
    if not a.size:
        return alone
    by_mean = -(g.psi @ (g.weight * g.slope))  # int f psi'
    return float(np.trace(np.linalg.solve(A, C)) + alone - by_mean @ np.linalg.solve(A, a))


def _even(g: _Integrals, A: Array, C: Array, a: Array) -> float:
    """E sum f for even D: chi joins the basis; E chi = 1 - 2 P(a + 1, x/2)."""
    sign = 1 - 2 * special.gammainc(g.power + 1, g.x / 2)
    own = float(g.weight @ (g.f * g.chi * sign))
    row = -2 * (g.psi @ (g.weight * g.f * g.chi))
    column = -(g.psi @ (g.weight * (g.slope * sign - 2 * g.f * g.chi)))
    A = np.block([[A, a[:, None]], [-a[None, :], np.zeros((1, 1))]])
    C = np.block([[C, column[:, None]], [row[None, :], np.full((1, 1), own)]])
    return float(np.trace(np.linalg.solve(A, C)))


def eigenvalue_mean(dim: int, dof: int, law: Callable[[Array], tuple[Array, Array]]) -> float:
    """Return E sum_i f(x_i) over the eigenvalues of W_dim(I, dof), dim <= dof (exact).

    `law` returns f and f' at points x > 0; sqrt(x) f'(x) must be smooth in sqrt(x).

    Examples
    --------
    >>> round(eigenvalue_mean(5, 8, lambda x: (x, np.ones_like(x))), 10)  # E tr W
    40.0
    """
    g = _integrals(dim, dof, law)
    A = -2 * (g.derivative * g.weight) @ g.psi.T
    C = -2 * (g.derivative * (g.weight * g.f)) @ g.psi.T
    a = 2 * (g.psi @ (g.weight * g.chi))
    return (_odd if dim % 2 else _even)(g, (A - A.T) / 2, C, a)


@lru_cache(maxsize=4096)
def root_deficit(dim: int, dof: int) -> float:
    """Return 1 - E tr (W/dof)^{1/2}/dim for W ~ W_dim(I, dof); exact, any dim and dof >= 1.

    A singular W (dof < dim) has the eigenvalues of W_dof(I, dim) beside its zeros.

    Examples
    --------
    >>> f"{root_deficit(1, 1):.12f} {1 - math.sqrt(2 / math.pi):.12f}"
    '0.202115439197 0.202115439197'
    >>> round(root_deficit(7, 9), 9)
    0.123827963
    """
    if dof < dim:
        return 1 - math.sqrt(dof / dim) * (1 - root_deficit(dof, dim))

    def law(x: Array) -> tuple[Array, Array]:
        gap = np.sqrt(x / dof) - 1
        return gap**2 / 2, gap / (2 * np.sqrt(x * dof))

    # The value is kept: its last bit must not depend on how many threads the first caller had.
    with one_thread():
        return eigenvalue_mean(dim, dof, law) / dim
