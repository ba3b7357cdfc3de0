"""E W2^2 of the fresh data loop to second order, in rational arithmetic (theory.md 2.4)."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, require_fresh_memory_one
from madtheory.results import FirstMoments, FirstMomentsLimit
from madtheory.theory.distance.fidelity import (
    Memory,
    Spread,
    assemble,
    memory_of,
    second_order_deficit,
    spread_of,
    widest_spread,
)
from madtheory.theory.moments import first_moments, first_moments_limit, fresh_maps
from madtheory.theory.moments.first import affine_path
from madtheory.theory.moments.fresh import (
    Rows,
    floats,
    is_moment_vector,
    parameters,
    second_map,
    solve,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array


def _centre(dim: int) -> tuple[Rows, list[Fraction]]:
    """(P, q) of y = P x + q: invariants of (mu, Sigma - I), so that I itself costs no digits."""
    d, one = Fraction(dim), Fraction(1)
    P = [[Fraction(i == j) for j in range(7)] for i in range(7)]
    P[3][0], P[4][0] = -d, -one  # |mu|^2 tr(Sigma - I), mu^T (Sigma - I) mu
    P[5][1], P[6][1] = -2 * d, -2 * one  # (tr(Sigma - I))^2, tr (Sigma - I)^2
    return P, [Fraction(0), -d, Fraction(0), Fraction(0), Fraction(0), d * d, d]


def _product(A: Rows, B: Rows) -> Rows:
    """Matrix product of fractions, zeros skipped."""
    columns = list(zip(*B, strict=True))
    return [
        [
            sum((x * y for x, y in zip(row, column, strict=True) if x and y), Fraction(0))
            for column in columns
        ]
        for row in A
    ]


def _apply(A: Rows, x: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    """A x + b."""
    return [row[0] + y for row, y in zip(_product(A, [[v] for v in x]), b, strict=True)]


@lru_cache(maxsize=256)
def _centred_map(
    dim: int, n_r: Fraction, n_s: Fraction, bias: Fraction
) -> tuple[Rows, list[Fraction]]:
    """The seven-invariant map in centred coordinates: y' = P A P^-1 (y - q) + P b + q."""
    P, q = _centre(dim)
    A, b = second_map(dim, n_r, n_s, bias)
    inverse = [[x if i == j else -x for j, x in enumerate(row)] for i, row in enumerate(P)]
    A = _product(_product(P, A), inverse)
    shift = _apply(P, b, q)
    return A, [x - y for x, y in zip(shift, _apply(A, q, [Fraction(0)] * 7), strict=True)]


def path_spread(loop: Loop, rank: int, generations: int) -> Spread:
    """The spread of generations 1..T."""
    A, b = _centred_map(rank, *parameters(loop))
    first = fresh_maps.initial(Fraction(rank), Fraction(loop.n_initial), Fraction(loop.first_bias))
    P, q = _centre(rank)
    with np.errstate(over="ignore", invalid="ignore"):
        y = affine_path(floats(A), floats(b), floats(_apply(P, first, q)), generations)
    y = np.where(np.isnan(y), np.inf, y)
    first_path = first_moments(loop, generations)
    y[:, 0] = rank * first_path.mean_sq
    y[:, 1] = np.where(np.isfinite(y[:, 1]), y[:, 1], rank * (first_path.trace - 1))
    shift = y[:, 1]
    return spread_of(rank, y[:, 0], shift, y[:, 6] - shift**2 / rank, y[:, 5] - shift**2)


def limit_spread(rank: int, n_r: Fraction, n_s: Fraction, bias: Fraction) -> Spread | None:
    """The spread at the limit, variances formed before rounding; None without a limit."""
    x = solve(*second_map(rank, n_r, n_s, bias))
    if x is None or not is_moment_vector(x, rank):
        return None
    C, total, trace = x[1], x[6] - x[1] ** 2 / rank, x[5] - x[1] ** 2
    values = (float(v) for v in (x[0], C - rank, total, trace))
    return spread_of(rank, *(np.asarray(v) for v in values))


def w2_squared_second_order(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Array:
    """E W2^2 of generations 1..T to second order in Sigma - c I (theory.md 2.4, 2.10).

    tr Sigma_0 (M + (1 - sqrt c)^2) + sum_ij s_i s_j Var(Sigma_ij)/(2 c^{3/2} (s_i + s_j)) for the
    fresh data loop with memory 1 and the eigenvalues s of Sigma_0, zeros allowed.

    Examples
    --------
    >>> w2_squared_second_order(fresh_data(50, 50), [1.0], generations=2).round(4).tolist()
    [0.0302, 0.0227]
    """
    require_fresh_memory_one(loop, "w2_squared_second_order")
    s, T = Spectrum.of(eigenvalues), _check.count("generations", generations)
    spread = path_spread(loop, s.rank, T)
    return assemble(spread, second_order_deficit(spread, s), s.trace)


def w2_squared_second_order_limit(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Limit of :func:`w2_squared_second_order`; inf where second moments diverge.

    Examples
    --------
    >>> loop = fresh_data(100, 900, bias=0.9)
    >>> round(w2_squared_second_order_limit(loop, [1.0] * 100), 2)
    13.6
    """
    require_fresh_memory_one(loop, "w2_squared_second_order_limit")
    return second_order_limit(eigenvalues, *parameters(loop))


def second_order_limit(
    eigenvalues: ArrayLike,
    n_real: Fraction | float,
    n_synth: Fraction | float,
    bias: Fraction | float,
) -> float:
    """Limit of :func:`w2_squared_second_order`, for real-valued counts (theory.md 2.4).

    The counts are positive and more than 1 together, the bias is at least 0; each is taken as the
    rational number that it is.

    Examples
    --------
    >>> parameters = Fraction(100), Fraction(900), Fraction(9, 10)
    >>> round(second_order_limit([1.0] * 100, *parameters), 2)
    13.6
    """
    s = Spectrum.of(eigenvalues)
    _check.number("n_real", n_real, low=0.0, open_=True)
    _check.number("n_synth", n_synth, low=max(0.0, 1.0 - n_real), open_=True)
    _check.number("bias", bias, low=0.0)
    spread = limit_spread(s.rank, Fraction(n_real), Fraction(n_synth), Fraction(bias))
    if spread is None:
        return np.inf
    return float(assemble(spread, second_order_deficit(spread, s), s.trace))


def _sources(loop: Loop, M: Array, c: Array) -> tuple[Array, Array, Array, float]:
    """What one generation adds to kappa_2, to its part by delta delta^T, and to kappa_3."""
    n_r, n_s = float(loop.n_fresh), float(loop.n_synth)
    n = n_r + n_s
    a, b, h = n_r / n, loop.scalar_bias * n_s / n, n_r / n * (n_s / (n - 1))
    second = a**2 / n_r + b**2 * c**2 / n_s + (h * M) ** 2
    third = a**3 / n_r**2 + b**3 * c**3 / n_s**2 + (h * M) ** 3
    return second, (h * M) ** 2, third, 3 * b**3 / n_s


def _path_memory(loop: Loop, first: FirstMoments) -> Memory:
    """The free cumulants' recursion of the spectrum of (n_r/n) A + b Sigma^{1/2} W Sigma^{1/2}.

    kappa_2' = a^2/n_r + b^2 (kappa_2 + c^2/n_s),
    kappa_3' = a^3/n_r^2 + b^3 (kappa_3 + 3 c kappa_2/n_s + c^3/n_s^2),  a = n_r/n, b = lam n_s/n,
    per unit of d, with a spike h M of delta delta^T, h = n_r n_s/(n(n-1)), added to both.
    """
    b = loop.scalar_bias * loop.n_synth / loop.n_train
    second, started, third, mixed = _sources(loop, first.mean_sq, first.trace)
    two = own = loop.first_bias**2 / loop.first_dof
    three = loop.first_bias**3 / loop.first_dof**2
    rows = [(two, own, three)]
    steps = zip(
        second.tolist(), started.tolist(), third.tolist(), first.trace.tolist(), strict=True
    )
    for add_2, add_own, add_3, c in steps:
        three = b**3 * three + mixed * c * two + add_3
        two, own = b**2 * two + add_2, b**2 * own + add_own
        rows.append((two, own, three))
    path = np.array(rows[:-1])
    return memory_of(path[:, 0], path[:, 1], path[:, 2], first.trace)


def _limit_memory(loop: Loop, first: FirstMomentsLimit) -> Memory:
    """Fixed point of :func:`_path_memory`, the gaps 1 - b^k formed without rounding."""
    b = Fraction(loop.scalar_bias) * loop.n_synth / loop.n_train
    c = np.asarray(first.trace)
    second, started, third, mixed = _sources(loop, np.asarray(first.mean_sq), c)
    two = second / float(1 - b**2)
    three = (third + mixed * c * two) / float(1 - b**3)
    return memory_of(two, started / float(1 - b**2), three, c)


def path_parts(loop: Loop, rank: int, generations: int) -> tuple[Spread, Memory]:
    """Spread and memory of generations 1..T."""
    spread = path_spread(loop, rank, generations)
    return spread, _path_memory(loop, first_moments(loop, generations))


def limit_parts(loop: Loop, rank: int) -> tuple[Spread, Memory] | None:
    """The same at the limit; None where first moments have none."""
    first = first_moments_limit(loop)
    if not np.isfinite(first.trace):
        return None
    spread = limit_spread(rank, *parameters(loop))
    if spread is None:
        spread = widest_spread(rank, first.mean_sq, first.trace - 1)
    return spread, _limit_memory(loop, first)
