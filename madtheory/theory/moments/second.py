"""Second moments of every loop at Sigma_0 = I (theory.md 2.3, 2.8, 2.9, 3.1-3.3).

Real sets, pools and models are vectors v_a (means) and symmetric matrices M_i (scatters,
covariances) whose joint law is invariant under rotations. One generation draws noise given them

    e ~ N(0, P/n),   N = scatter - (n - 1) P ~ W_d(P, n - 1) - (n - 1) P,   P = sum_i p_i M_i,

and then forms v' = L v and M'_i = sum_k alpha_ik M_k + sum_ab beta_iab v_a v_b^T. The joint
moments of degree two close (:mod:`madtheory.theory.moments.tensors`), also where samples come from
a mixture of models and are not Gaussian (:mod:`madtheory.theory.moments.several`): exact. They are
as many as the fourth power of what is remembered. Where that is too much, a generation's samples
are replaced by Gaussian ones of the same mean and covariance, and products v_a v_b^T by those of
Gaussian vectors (:mod:`madtheory.theory.moments.closure`): first moments stay exact. What that does
to the others is found exactly for a loop that remembers less, corrected for, and declared.
"""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check, _threads
from madtheory.loop import Loop, UnsupportedLoop, require_loop
from madtheory.results import SecondMoments
from madtheory.theory.moments.at_rest import several_limit
from madtheory.theory.moments.closure import closed_path, solved_limit
from madtheory.theory.moments.generation import is_exact, layout_of
from madtheory.theory.moments.several import MOST, bounded, several_path
from madtheory.theory.moments.tensors import NEAR, exact_limit, exact_path, exact_radius

if TYPE_CHECKING:
    from madtheory._types import Array

#: A loop that remembers less has so many models, or batches: at most, and where it has both.
_SHORT = (14, 9)
#: Declared error of a corrected closure, of the seven: shares of the correction, and at least
#: _LEAST where there is any. What is left was at most 1.5 of it, 2.3 in E |mu|^4, in the
#: calibration of tests/golden/theory/moments/remembered.py.
_SAFETY, _LEAST = np.array([0.0, 0.0, 2.5, 1.6, 1.6, 1.6, 1.6]), 1e-3


def binding(loop: Loop) -> Loop:
    """The same loop without a budget that its pool never exceeds.

    Examples
    --------
    >>> loop = synthetic_augmentation(9, 5, pool="accumulate", pool_cap=3, budget=24)
    >>> binding(loop).budget, binding(dataclasses.replace(loop, budget=23)).budget
    (None, 23)
    """
    require_loop(loop)
    if loop.budget is None or loop.pooled is None:
        return loop
    enough = loop.n_fixed + loop.pooled * loop.n_synth <= loop.budget
    return dataclasses.replace(loop, budget=None) if enough else loop


def require_supported(loop: Loop, quantity: str) -> None:
    """Refuse a budget where too much is remembered; `loop` as :func:`several.bounded` has it."""
    if binding(loop).budget is not None and not remembers_little(loop):
        raise UnsupportedLoop(
            f"{quantity} with a budget is computed for at most {MOST - 1} models and batches in "
            f"sight, got memory {loop.memory} and pool_cap {loop.pool_cap}"
        )


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


def remembers_little(loop: Loop) -> bool:
    """Whether second moments of `loop` are exact: few enough models and batches are in sight.

    Of the first T generations, :func:`madtheory.theory.moments.several.bounded` ones.

    Examples
    --------
    >>> [remembers_little(fresh_data(10, 10, memory=K)) for K in (1, 5, 23, 24, None)]
    [True, True, True, False, True]
    """
    return layout_of(loop).vectors <= MOST


def _exact_path(loop: Loop, dim: int, generations: int) -> Array:
    """The seven invariants, shape (T, 7), of a loop that remembers little."""
    if is_exact(loop):
        return exact_path(loop, dim, generations, 0.0)
    return several_path(loop, dim, generations)


@lru_cache(maxsize=16)
def _exact_limit(loop: Loop, dim: int) -> Array | None:
    """Their limit, read-only."""
    if is_exact(loop):
        found = exact_limit(loop, dim, 0.0)
    else:
        found = several_limit(loop, dim) if loop.is_stationary else None
    if found is not None:
        found.flags.writeable = False
    return found


def _shortened(loop: Loop) -> Loop:
    """A loop that remembers less, as many synthetic samples in all: the closure errs more."""
    long = [x for x in (loop.memory, loop.pool_cap) if x is not None and x > _SHORT[1]]
    most = _SHORT[len(long) > 1]
    memory = loop.memory if loop.memory is None else min(loop.memory, most)
    if loop.pool_cap is None or loop.pool_cap <= most:
        return dataclasses.replace(loop, memory=memory)
    n_synth = round(loop.n_synth * loop.pool_cap / most)
    return dataclasses.replace(loop, memory=memory, pool_cap=most, n_synth=n_synth)


def _shortness(loop: Loop, short: Loop) -> float:
    """Which part of what `loop` has in sight `short` has."""
    pairs = ((short.memory, loop.memory), (short.pool_cap, loop.pool_cap))
    return min(a / b for a, b in pairs if a is not None and b is not None)


def _ratio(exact: Array, closed: Array) -> Array:
    """What a closure must be multiplied by."""
    return np.where(closed > 0, exact / np.where(closed > 0, closed, 1.0), 1.0)


def _widened(off: Array, share: float) -> Array:
    """Largest of the generations from share t to t, of (T, 7): longer memories are behind."""
    moves = np.flatnonzero((off[1:] != off[:-1]).any(axis=1))
    # From there on all of a window is at rest.
    still = math.ceil((moves[-1] + 2) / share) if moves.size else 0
    wide = off.copy()
    for t in range(1, min(still, len(off)) + 1):
        wide[t - 1] = off[max(math.floor(share * t), 1) - 1 : t].max(axis=0)
    return wide


def _declared(off: Array) -> Array:
    """Declared relative error where corrections are as large."""
    return _SAFETY * off + _LEAST * (_SAFETY > 0)


def estimated_path(loop: Loop, dim: int, generations: int) -> tuple[Array, Array]:
    """Second moments of generations 1..T and their declared relative errors, shape (T, 7) each."""
    kept = bounded(binding(loop), generations)
    if remembers_little(kept):
        exact = _exact_path(kept, dim, generations)
        return exact, np.zeros_like(exact)
    short = _shortened(kept)
    value, closed = (
        np.stack(_from_closed(closed_path(x, dim, generations), dim), axis=-1)
        for x in (kept, short)
    )
    ratio = _ratio(_exact_path(short, dim, generations), closed)
    return value * ratio, _declared(_widened(np.abs(ratio - 1), _shortness(kept, short)))


def estimated_limit(loop: Loop, dim: int) -> tuple[Array, Array] | None:
    """The same at the limit, shape (7,) each; None where there is none."""
    loop = binding(loop)
    if remembers_little(loop):
        exact = _exact_limit(loop, dim)
        return None if exact is None else (exact, np.zeros_like(exact))
    short = _shortened(loop)
    closed, closed_short = closed_limit(loop, dim), closed_limit(short, dim)
    exact = None if closed is None else _exact_limit(short, dim)
    if closed is None or closed_short is None or exact is None:
        return None
    value, other = (np.array(_from_closed(x, dim)) for x in (closed, closed_short))
    ratio = _ratio(exact, other)
    return value * ratio, _declared(np.abs(ratio - 1))


def invariant_path(loop: Loop, dim: int, *, generations: int) -> SecondMoments:
    """Second moments of generations 1..T; inf beyond float64.

    Exact where :func:`remembers_little`, and with bounds on what is remembered that no generation
    up to T reaches; otherwise mean_sq and trace are, and the other five have a declared error.

    Examples
    --------
    >>> x = invariant_path(synthetic_augmentation(10, 20, bias=0.9), 2, generations=3)
    >>> x.trace.round(4).tolist()
    [2.0, 1.8207, 1.7223]
    """
    d, T = _check.count("dim", dim), _check.count("generations", generations)
    loop = binding(loop)
    require_supported(bounded(loop, T), "second_moments")
    x = exact_path(loop, d, T, 0.0) if is_exact(loop) else estimated_path(loop, d, T)[0]
    # Rounding may leave a zero just below zero.
    return SecondMoments(*np.maximum(x, 0.0).T)


def invariant_limit(loop: Loop, dim: int) -> SecondMoments | None:
    """Limit of :func:`invariant_path`, floats; None where there is none.

    Examples
    --------
    >>> invariant_limit(fresh_data(1, 10), 2) is None
    True
    """
    loop, d = binding(loop), _check.count("dim", dim)
    require_supported(loop, "second_moments_limit")
    if is_exact(loop):
        exact = exact_limit(loop, d, 0.0)
        return None if exact is None else SecondMoments(*exact)
    found = estimated_limit(loop, d)
    return None if found is None else SecondMoments(*np.maximum(found[0], 0.0))


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
    found = (a + b) * power_2 + b * power_1**2, a * power_1**2 + 2 * b * power_2
    return max(found[0], 0.0), max(found[1], 0.0)
