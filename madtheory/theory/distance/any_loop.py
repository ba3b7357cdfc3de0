"""E W2^2 of any loop: the one door to its value, path and limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from madtheory import spectrum
from madtheory.loop import Loop, is_fresh_memory_one, is_fully_synthetic
from madtheory.results import Estimate
from madtheory.theory import collapse, moments
from madtheory.theory.distance import mixed
from madtheory.theory.distance.fidelity import WIDEST, Spread, deficits, estimate, ranked
from madtheory.theory.distance.fresh import limit_memory, limit_spread, path_memory, path_spread
from madtheory.theory.moments import first_moments, first_moments_limit
from madtheory.theory.moments.fresh import parameters

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def w2_squared(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Estimate:
    """E W2^2 of generations 1..T (theory.md 1.7, 2.4, 2.8-2.10, 3; error declared).

    Parameters
    ----------
    loop : Loop
        Any loop without a budget; with shrinkage or a floor Sigma_0 must be a multiple of I.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0; zeros allowed.
    generations : int
        T.

    Returns
    -------
    Estimate
        Arrays (T,). The fully synthetic loop is :func:`madtheory.theory.collapse.w2_squared`.
        For all others `value` has the exact first moments and the second order of the square
        root, and resums the higher orders; generation 1 is :func:`madtheory.spectrum.baseline`.
        `lower` and `upper` are rigorous (Jensen, Hoelder) where second moments are exact;
        `rel_error` is the smaller of what they imply and of what simulation supports.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        For a loop with a budget, a shrunk or floored one at other eigenvalues, or arguments out
        of range.

    Examples
    --------
    >>> e = w2_squared(fresh_data(100, 100, bias=0.5), [1.0, 0.5], generations=3)
    >>> bool((e.lower < e.value).all() and (e.value < e.upper).all())
    True
    """
    if is_fully_synthetic(loop):
        return collapse.w2_squared(loop, eigenvalues, generations=generations)
    if not is_fresh_memory_one(loop):
        return mixed.general_w2_squared(loop, eigenvalues, generations=generations)
    s, rank = ranked(eigenvalues)
    first = first_moments(loop, generations)
    spread = path_spread(loop, rank, len(first.trace))
    rows = deficits(spread, s, path_memory(loop, first))
    fit = spectrum.sqrt_trace_deficit(s, [loop.first_dof])
    error = fit.value * fit.rel_error
    rows[:, 0] = np.stack([fit.value, fit.lower, fit.upper, error])[:, 0]
    return estimate(spread, rows, float(s.sum()))


def _collapsed_limit(loop: Loop, eigenvalues: ArrayLike) -> Estimate | None:
    """tr Sigma_0 (1 + M) where E tr Sigma_t goes to 0 (exact: E tr Sigma^{1/2} goes with it)."""
    if loop.n_real and not moments.is_growing_pool(loop):
        return None
    first = first_moments_limit(loop)
    if first.trace != 0:
        return None
    value = np.asarray(float(ranked(eigenvalues)[0].sum()) * (1 + first.mean_sq))
    return Estimate(value, value, value, np.asarray(0.0))


def w2_squared_limit(loop: Loop, eigenvalues: ArrayLike) -> Estimate:
    """Limit of :func:`w2_squared`, 0-d arrays (theory.md 2.4, 2.8-2.10, 3).

    Exact where E tr Sigma_t goes to 0. Otherwise pools and memories that keep everything are
    refused, and so are loops without real data that differ from the fully synthetic one. Where
    second moments diverge the bounds are those of a constant Sigma and of fidelity 0, and
    rel_error is what they imply; all is inf where first moments diverge.

    Examples
    --------
    >>> e = w2_squared_limit(fresh_data(100, 900, bias=0.9), [1.0] * 100)
    >>> round(float(e.value), 2), round(float(e.rel_error), 2)  # 13.415 by simulation
    (13.4, 0.04)
    """
    if not is_fresh_memory_one(loop):
        collapsed = _collapsed_limit(loop, eigenvalues)
        return collapsed or mixed.general_w2_squared_limit(loop, eigenvalues)
    s, rank = ranked(eigenvalues)
    first = first_moments_limit(loop)
    if not np.isfinite(first.trace):
        return Estimate(*(np.asarray(np.inf) for _ in range(4)))
    spread = limit_spread(rank, *parameters(loop))
    if spread is None:
        widest = np.asarray(WIDEST)
        M, shift = np.asarray(first.mean_sq), np.asarray(first.trace - 1)
        spread = Spread(M, shift, widest, widest, widest * (rank > 1))
    rows = deficits(spread, s, limit_memory(loop, first))
    return estimate(spread, rows, float(s.sum()))
