"""E tr W^{1/2} of one Wishart matrix at Sigma_0 = I, exact at finite size (theory.md 5.3).

The eigenvalues x_1..x_D of W ~ W_D(I, K), D <= K, are the Laguerre orthogonal ensemble: density
prod |x_i - x_j| prod w(x_i), w = x^a e^{-x/2}, a = (K - D - 1)/2. De Bruijn's integral gives, for
any f and any basis phi of the span of w, x w, ..., x^{D-1} w,

    E sum_i f(x_i) = tr A^{-1} C,   A_ij = int phi_i E phi_j,   C_ij = int f phi_i E phi_j,

with (E phi)(x) = int sgn(y - x) phi(y) dy, for even D; an odd D is bordered by the integrals of
phi. The basis is psi_j', psi_j = x^{a+1} e^{-x/2} L_j^{(2a+2)} of norm 1, j < D - 1, and w: then
E psi_j' = -2 psi_j, and with r_j^2 = Gamma(j + 2a + 3)/j! all of A is known,

    A_ij = -r_i/r_j for i < j,

w in front, as the function before psi_0. Such a matrix keeps its form when two rows and columns are
eliminated: each two functions leave a multiple of one and the same function to all that come after
(:func:`_density`), and the density of the eigenvalues is a sum of Wronskians of pairs, in O(D)
operations a node. All is analytic in x^{1/2}: Gauss-Legendre panels integrate it to rounding.

f is (1 - sqrt z)^2/2, z = x/K: its mean is D - E tr (W/K)^{1/2}, since E tr W/K = D, and no digit
cancels where W/K is near I.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
from scipy import special

from madtheory._compile import kernel
from madtheory._types import Array
from madtheory.laws.chi_square import log1p_pair

#: Largest D, and largest K in units of D: beyond it rounding in x^a costs more than it gains.
MOST_DIM, MOST_RATIO = 256, 1e4
#: Gauss-Legendre nodes a panel, and how far past the spectrum's edges the weights count, in sqrt x.
_NODES, _MARGIN = 80, 9.0
#: Steps of the recurrence between rescalings.
_RESCALED = 8


@cache
def _panel() -> tuple[Array, Array]:
    """Nodes and weights on [-1, 1]."""
    return np.polynomial.legendre.leggauss(_NODES)


def _quadrature(dim: int, dof: int) -> tuple[Array, Array]:
    """Nodes sqrt x and weights of x over where the spectrum is, in panels of sqrt x."""
    middle, half = math.sqrt(dof), math.sqrt(dim) + _MARGIN
    low, high = max(middle - half, 0.0), middle + half
    count = 2 + int((high - low) * (2 + math.sqrt(dim)) / 36)
    node, weight = _panel()
    edges = np.linspace(low, high, count + 1)
    width = (high - low) / count / 2
    u = (edges[:-1, None] + width * (1 + node)).ravel()
    return u, np.tile(width * weight, count) * 2 * u


def _log_weight(u: Array, power: float) -> Array:
    """power log x - x/2 at x = u^2, over its greatest value; no digit cancels near it."""
    if power <= 0:
        return np.asarray(2 * power * np.log(u) - u**2 / 2)
    top = math.sqrt(2 * power)
    t = (u / top - 1) * (u / top + 1)
    return np.asarray(power * log1p_pair(t, np.ones_like(t), (u / top) ** 2)[1])


@kernel
def _add_wronskians(
    x: Array, log: Array, first: Array, b: float, count: int, before: float, found: Array
) -> None:
    """Add x times the density of all pairs to `found`, shape (nodes,).

    psi_j and x psi_j', j < count, come from log psi_0 by the recurrence of L_j^{(b)}, with a
    log-scale. A pair p, q with k = r_q/r_p adds its Wronskian; what a function j > q gets is more
    by r_q (k p - q)/r_j. For even `count` w, of r = `before` in units of r_0, is not in a pair but
    freed of all; else it is before psi_0: `first` holds its integral and x w.
    """
    for i in range(x.size):
        scale, level, now, back = np.exp(log[i]), log[i], 1.0, 0.0
        paired, k, left, total = count % 2 == 1, 1 / before, before, 0.0
        p, dp, rest, slope = first[0, i], first[1, i], 0.0, 0.0
        for j in range(count):
            if j % _RESCALED == _RESCALED - 1:
                size = max(abs(now), abs(back))
                now, back, level = now / size, back / size, level + np.log(size)
                scale = np.exp(level)
            onward, last = np.sqrt((j + 1) * (j + 1 + b)), np.sqrt(j * (j + b)) * back
            ratio = onward / (j + 1)
            q = now * scale + rest
            dq = ((b / 2 + j - x[i] / 2) * now - last) * scale + slope
            back, now = now, ((2 * j + 1 + b - x[i]) * now - last) / onward
            if paired:
                total += 2 * k * (dp * q - dq * p)
                rest = (rest + k * p - q) / ratio
                slope = (slope + k * dp - dq) / ratio
                if count % 2 == 0:
                    total -= left * (dp - k * dq)
                    left *= k / ratio
            else:
                p, dp, k = q, dq, ratio
                rest, slope = rest / ratio, slope / ratio
            paired = not paired
        found[i] += total


def _density(dim: int, dof: int, u: Array, weight: Array) -> Array:
    """Density of all eigenvalues at x = u^2, of integral dim."""
    x, b, power = u * u, dof - dim + 1, (dof - dim - 1) / 2
    w = np.exp(_log_weight(u, power))
    w /= weight @ w
    if dim == 1:
        return np.asarray(w)
    log = _log_weight(u, b / 2)
    log -= np.log(weight @ np.exp(2 * log)) / 2
    before = 2 * float(weight @ (w * np.exp(log)))
    found = x * w if dim % 2 else np.zeros_like(x)
    first = np.stack([special.gammainc(power + 1, x / 2) - 0.5, x * w])
    _add_wronskians(x, log, first, float(b), dim - 1, before, found)
    return np.asarray(found / x)


def eigenvalue_mean(dim: int, dof: int, law: Callable[[Array], Array]) -> float:
    """Return E sum_i f(x_i) over the eigenvalues of W_dim(I, dof), dim <= dof (exact).

    `law` returns f at points x > 0; it must be smooth in sqrt(x).

    Examples
    --------
    >>> round(eigenvalue_mean(5, 8, lambda x: x), 10)  # E tr W
    40.0
    """
    u, weight = _quadrature(dim, dof)
    return float(weight @ (law(u * u) * _density(dim, dof, u, weight)))


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

    def law(x: Array) -> Array:
        return np.asarray(np.square(np.sqrt(x / dof) - 1) / 2)

    return eigenvalue_mean(dim, dof, law) / dim
