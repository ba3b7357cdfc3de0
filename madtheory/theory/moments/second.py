"""Second moments of every loop at Sigma_0 = I (theory.md 2.3, 2.8, 2.9, 3.1-3.3).

Real sets, pools and models are vectors v_a (means) and symmetric matrices M_i (scatters,
covariances) whose joint law is invariant under rotations. One generation draws noise given them

    e ~ N(0, P/n),   N = scatter - (n - 1) P ~ W_d(P, n - 1) - (n - 1) P,   P = sum_i p_i M_i,

and then forms v' = L v and M'_i = sum_k alpha_ik M_k + sum_ab beta_iab v_a v_b^T. With memory 1 the
joint moments of degree two close (`_Tensors`): exact. Otherwise a generation's samples come from a
mixture of models. It is replaced by the Gaussian of the same mean and covariance, and products
v_a v_b^T by Gaussian ones (`_Closed`): first moments stay exact, variances are right up to a
relative O(1/n).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check, _threads
from madtheory.loop import Loop
from madtheory.results import SecondMoments
from madtheory.theory.moments.closure import closed_path, solved_limit
from madtheory.theory.moments.generation import is_exact, require_supported
from madtheory.theory.moments.tensors import NEAR, exact_limit, exact_path, exact_radius

if TYPE_CHECKING:
    from madtheory._types import Array


def closed_limit(loop: Loop, dim: int) -> Array | None:
    """Limit of :func:`madtheory.theory.moments.closure.closed_path`; None where there is none."""
    if not loop.is_stationary:
        return None
    # Where outer products decide (one real sample), only the exact map tells; memory damps it.
    plain = dataclasses.replace(loop, memory=1, pool="replace", pool_cap=None)
    if exact_radius(plain, dim) >= 1 - NEAR:
        return None
    with _threads.one_thread():
        return solved_limit(loop, dim)


def _from_closed(x: Array, dim: int) -> SecondMoments:
    """The seven invariants from (M, C, Var tr, total), the mean being Gaussian."""
    M, C, var, total = np.moveaxis(x, -1, 0)
    return SecondMoments(
        M, C, (1 + 2 / dim) * M**2, M * C, M * C / dim, C**2 + var, C**2 / dim + total
    )


def invariant_path(loop: Loop, dim: int, *, generations: int) -> SecondMoments:
    """Second moments of generations 1..T, by the tensors or the closure; inf beyond float64.

    Exact where :func:`madtheory.theory.moments.generation.is_exact`; otherwise mean_sq and trace
    are, and the other five are those of Gaussian means and of variances to leading order in 1/n.

    Examples
    --------
    >>> x = invariant_path(synthetic_augmentation(10, 20, bias=0.9), 2, generations=3)
    >>> x.trace.round(4).tolist()
    [2.0, 1.8207, 1.7223]
    """
    require_supported(loop, "second_moments")
    d, T = _check.count("dim", dim), _check.count("generations", generations)
    exact = is_exact(loop)
    x = exact_path(loop, d, T, 0.0).T if exact else _from_closed(closed_path(loop, d, T), d)
    # Rounding may leave a zero just below zero.
    return SecondMoments(*(np.maximum(row, 0.0) for row in x))


def invariant_limit(loop: Loop, dim: int) -> SecondMoments | None:
    """Limit of :func:`invariant_path`, floats; None where there is none.

    Asymptotic loops have a limit only where the same loop with memory 1 and its samples replaced
    has one.

    Examples
    --------
    >>> invariant_limit(fresh_data(1, 10), 2) is None
    True
    """
    require_supported(loop, "second_moments_limit")
    d = _check.count("dim", dim)
    if not is_exact(loop):
        closed = closed_limit(loop, d)
        return None if closed is None else _from_closed(closed, d)
    exact = exact_limit(loop, d, 0.0)
    return None if exact is None else SecondMoments(*exact)


def conjugated_second_moments(
    trace_squared: float, squared_trace: float, *, eigenvalues: Array
) -> tuple[float, float]:
    """E tr Sigma^2 and E (tr Sigma)^2 at any Sigma_0 from those of W (theory.md 2.3, exact).

    E W_ij W_kl = a d_ij d_kl + b (d_ik d_jl + d_il d_jk) by invariance under rotations.

    Examples
    --------
    >>> conjugated_second_moments(2.0, 4.0, eigenvalues=np.array([3.0, 1.0]))  # W = I
    (10.0, 16.0)
    """
    d = eigenvalues.size
    power_1, power_2 = float(eigenvalues.sum()), float((eigenvalues**2).sum())
    if d == 1:
        return trace_squared * power_2, squared_trace * power_2
    b = (d * trace_squared - squared_trace) / (d * (d - 1) * (d + 2))
    a = (squared_trace - 2 * b * d) / d**2
    return (a + b) * power_2 + b * power_1**2, a * power_1**2 + 2 * b * power_2
