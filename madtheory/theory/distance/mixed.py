"""E W2^2 of every loop without a budget: fixed, fresh and pooled data, memory, weights.

As for the fresh data loop (:mod:`madtheory.theory.moments`): exact first moments, the second order
of the square root with the variances of :mod:`madtheory.theory.moments.second`, and two laws of
that variance mixed by the skew of the spectrum. The skew is that of the free cumulants of the
loop's matrices, all at once: every draw of dof k from a parent P, c = E tr P/d, adds the noise N
with (per unit of d^j)

    kappa_2(N, N) = k c^2,   kappa_3(N, N, N) = k c^3,   kappa_3(N, N, X) = k c kappa_2(P, X),

and a generation's update is linear. So a fixed set's fluctuation enters every generation anew, and
that of synthetic samples fades as the loop forgets.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check, spectrum
from madtheory.laws.bures import bures_weight
from madtheory.loop import Loop, UnsupportedLoop
from madtheory.results import Estimate
from madtheory.theory import collapse
from madtheory.theory.distance.cumulants import limit_memory, path_memory
from madtheory.theory.distance.fidelity import (
    HEAVY,
    WIDEST,
    Memory,
    Spread,
    estimate,
    log_shape,
    ranked,
    spread_of,
)
from madtheory.theory.moments import _closure, _generation, _tensors
from madtheory.theory.moments.second import closed_limit

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array

#: Nodes of the two laws' integrals.
_NODES, _LAGUERRE = 256, 20
#: Declared error of the fidelity (tests/golden/mixture_w2_calibration.py): share of the spread's
#: square, more by first fits, by the skew (up to _SKEWED) and by shrinkage or a floor.
_CALIBRATION, _SKEWED = (0.03, 0.02, 0.015, 0.2), 4.0
#: What the closure adds, relative: this over n_synth, and this by first fits.
_CLOSURE = (3.0, 0.4)


# --- the spread ----------------------------------------------------------------------------------


def _from_invariants(x: Array, rank: int, origin: float) -> tuple[Array, ...]:
    """(M, C - d, total, Var tr) from the seven invariants of (mu, Sigma - origin I)."""
    with np.errstate(over="ignore", invalid="ignore"):
        rows = (
            x[..., 0],
            x[..., 1] - rank * (1 - origin),
            x[..., 6] - x[..., 1] ** 2 / rank,
            x[..., 5] - x[..., 1] ** 2,
        )
    return tuple(np.where(np.isnan(row), np.inf, row) for row in rows)


def _exact_rows(near: Array, far: Array, rank: int) -> tuple[Array, ...]:
    """The same, from Sigma - I where Sigma is near I and from Sigma where it has shrunk."""
    rows = _from_invariants(near, rank, 1.0), _from_invariants(far, rank, 0.0)
    small = rows[1][1] < -rank / 2
    return tuple(np.where(small, b, a) for a, b in zip(*rows, strict=True))


def _closed_rows(x: Array, rank: int) -> tuple[Array, ...]:
    """The same, from a closed loop's (M, C, Var tr, total)."""
    return x[..., 0], x[..., 1] - rank, x[..., 3], x[..., 2]


def _to_spread(rank: int, rows: tuple[Array, ...]) -> Spread:
    """The spread from those rows."""
    M, shift, total, trace = rows
    return spread_of(rank, M, shift, np.maximum(total, 0.0), np.maximum(trace, 0.0))


def _path_spread(loop: Loop, rank: int, generations: int) -> Spread:
    """The spread of generations 1..T."""
    if not _generation.is_exact(loop):
        return _to_spread(rank, _closed_rows(_closure.closed_path(loop, rank, generations), rank))
    near, far = (_tensors.exact_path(loop, rank, generations, origin) for origin in (1.0, 0.0))
    return _to_spread(rank, _exact_rows(near, far, rank))


def _limit_spread(loop: Loop, rank: int) -> Spread | None:
    """The spread at the limit; None where second moments have none."""
    if not _generation.is_exact(loop):
        closed = closed_limit(loop, rank)
        return None if closed is None else _to_spread(rank, _closed_rows(closed, rank))
    near, far = (_tensors.exact_limit(loop, rank, origin) for origin in (1.0, 0.0))
    if near is None or far is None:
        return None
    return _to_spread(rank, _exact_rows(near, far, rank))


# --- the square root -----------------------------------------------------------------------------


def _gap(z: Array) -> Array:
    """1 - sqrt z + (z - 1)/2: what the square root loses by spread, without cancellation."""
    return np.asarray(np.square(np.sqrt(z) - 1) / 2)


def _narrow_bulk(x: Array, floor: Array) -> Array:
    """1 - E sqrt(floor + (1 - floor) y), y Marchenko-Pastur of mean 1 and variance x."""
    angle = (np.arange(_NODES) + 0.5) * np.pi / _NODES
    y = np.square(1 - np.sqrt(x)) + 4 * np.sqrt(x) * np.square(np.cos(angle / 2))
    bulk = np.mean(2 * np.sin(angle) ** 2 / y * _gap(floor + (1 - floor) * y), axis=-1)
    return np.asarray(bulk + np.maximum(1 - 1 / x[..., 0], 0.0) * _gap(floor[..., 0]))


def _narrow_scale(v: Array, floor: Array) -> Array:
    """The same for a gamma variable of variance v, by Gauss-Laguerre nodes (Golub and Welsch)."""
    shape, k = 1 / v, np.arange(1, _LAGUERRE)
    J = np.zeros((*v.shape[:-1], _LAGUERRE, _LAGUERRE))
    J[..., k, k - 1] = np.sqrt(k * (k + shape - 1))
    J[..., range(_LAGUERRE), range(_LAGUERRE)] = 2 * np.arange(_LAGUERRE) + shape
    nodes, vectors = np.linalg.eigh(J)
    y = np.maximum(nodes / shape, 0.0)
    return np.asarray(np.sum(vectors[..., 0, :] ** 2 * _gap(floor + (1 - floor) * y), axis=-1))


def _floored(spread: Spread, weight: float, scale: Array, bulk: Array) -> Array:
    """How much a floor of the last fit adds to the log of the mean root of a narrow law.

    `scale` and `bulk` are its shares that do not move with the trace, and with the shape.
    """
    diagonal = np.clip(np.minimum(spread.diagonal, HEAVY), 1e-12, None)[..., None]
    off = np.clip(np.minimum(weight * spread.off, HEAVY), 1e-14, None)[..., None]
    none = np.zeros_like(bulk)[..., None]
    logs = [
        np.log1p(-_narrow_scale(diagonal, x)) + np.log1p(-_narrow_bulk(off, y))
        for x, y in ((scale[..., None], bulk[..., None]), (none, none))
    ]
    return np.asarray(logs[0] - logs[1])


def _still_shares(loop: Loop, shift: Array) -> tuple[Array, Array]:
    """Shares of c that the last fit put in as a constant, and as any multiple of I.

    Shrinkage adds a multiple of I that follows the trace: it holds the shape, not the scale.
    """
    c = 1 + shift
    safe = np.where(c > 0, c, 1.0)
    constant = loop.floor / safe
    multiple = (loop.shrinkage * (c - loop.floor) + loop.floor) / safe
    clipped = [np.clip(np.where(c > 0, x, 0.0), 0.0, 1 - 1e-9) for x in (constant, multiple)]
    return clipped[0], clipped[1]


def _log_root(loop: Loop, spread: Spread, weight: float, memory: Memory) -> Array:
    """log E fidelity/(sqrt(c) tr Sigma_0) as for the fresh loop, above the last fit's floor."""
    if not (loop.shrinkage or loop.floor):
        return log_shape(spread, weight, memory)
    scale, bulk = _still_shares(loop, spread.shift)
    own = spread._replace(
        diagonal=spread.diagonal / (1 - scale) ** 2, off=spread.off / (1 - bulk) ** 2
    )
    rest = 1 - bulk
    narrow = log_shape(own, weight, memory._replace(skew=np.ones_like(memory.skew)))
    skewed = log_shape(own, weight, memory._replace(skew=np.maximum(memory.skew * rest, 1.0)))
    return narrow + _floored(own, weight, scale, bulk) + rest**3 * (skewed - narrow)


def _closure_error(loop: Loop, memory: Memory) -> Array:
    """Relative error of the deficit by the closure: none where second moments are exact."""
    if _generation.is_exact(loop):
        return np.zeros_like(memory.start)
    by_synth, by_start = _CLOSURE
    return np.asarray(by_synth / loop.n_synth + by_start * np.sqrt(memory.start))


def _declared(
    loop: Loop, spread: Spread, weight: float, rank: int, memory: Memory, value: Array
) -> Array:
    """Declared error of the deficit, calibrated in tests/golden/mixture_w2_calibration.py."""
    here, flat = (spread.diagonal + x * spread.off for x in (weight, rank - 1))
    base, by_start, by_skew, by_floor = _CALIBRATION
    factor = base + by_start * np.sqrt(memory.start)
    factor = factor + by_skew * np.minimum(memory.skew - 1, _SKEWED)
    factor = factor + by_floor * bool(loop.shrinkage or loop.floor)
    law = here * flat / (1 + flat / 2) ** 1.3 * factor
    return np.asarray(law + _closure_error(loop, memory) * value)


def _mixture_deficits(loop: Loop, spread: Spread, s: Array, memory: Memory) -> Array:
    """Rows value, lower, upper, error of 1 - E fidelity/(sqrt(c) tr Sigma_0).

    The bounds are Jensen's and Hoelder's, as for the fresh loop. Where second moments come from
    the closure, Hoelder's is widened by its declared error and is no theorem.
    """
    weight, rank = bures_weight(s), int((s > 0).sum())
    upper = spread.total / (1 + spread.total + np.sqrt(1 + spread.total))
    upper = np.minimum(upper * (1 + 2 * _closure_error(loop, memory)), 1.0)
    lower = np.zeros_like(upper)
    value = np.clip(-np.expm1(_log_root(loop, spread, weight, memory)), lower, upper)
    error = _declared(loop, spread, weight, rank, memory, value)
    return np.stack([value, lower, upper, np.minimum(error, np.maximum(upper - value, value))])


# --- public --------------------------------------------------------------------------------------


def _checked(loop: Loop, eigenvalues: ArrayLike, quantity: str) -> tuple[Array, int]:
    """Eigenvalues and rank, after refusing what is not covered."""
    _generation.require_supported(loop, quantity)
    s, rank = ranked(eigenvalues)
    if (loop.shrinkage or loop.floor) and s[0] != s[-1]:
        raise UnsupportedLoop(
            f"{quantity} with shrinkage or a floor is computed for a multiple of I only, "
            f"got eigenvalues from {s[-1]:g} to {s[0]:g}"
        )
    return s, rank


def general_w2_squared(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Estimate:
    """E W2^2 of generations 1..T (theory.md 2.4, 2.8-2.10, 3; asymptotic, error declared).

    Parameters
    ----------
    loop : Loop
        Any loop without a budget.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0, zeros allowed; all equal with shrinkage or a floor.
    generations : int
        T.

    Returns
    -------
    Estimate
        Arrays (T,). `value` has exact first moments, and the second order of the square root with
        the variances of :func:`madtheory.theory.moments.second.general_second_moments`; higher
        orders are resummed. Generation 1 is the baseline unless it is shrunk or floored. `lower` is
        rigorous (Jensen); `upper` is (Hoelder) where those variances are exact, and widened where
        they are not. `rel_error` is what simulation supports.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        For a loop with a budget, unequal eigenvalues with shrinkage or a floor, or arguments out
        of range.

    Examples
    --------
    >>> e = w2_squared(synthetic_augmentation(100, 100, bias=0.5), [1.0, 0.5], generations=3)
    >>> bool((e.lower <= e.value).all() and (e.value <= e.upper).all())
    True
    """
    s, rank = _checked(loop, eigenvalues, "w2_squared")
    T = _check.count("generations", generations)
    spread = _path_spread(loop, rank, T)
    deficits = _mixture_deficits(loop, spread, s, path_memory(loop, rank, T))
    if loop.shrinkage == 0 and loop.floor == 0:
        fit = spectrum.sqrt_trace_deficit(s, [loop.first_dof])
        error = fit.value * fit.rel_error
        deficits[:, 0] = np.stack([fit.value, fit.lower, fit.upper, error])[:, 0]
    return estimate(spread, deficits, float(s.sum()))


def _divergent_spread(loop: Loop, rank: int) -> Spread | None:
    """First moments without second ones: the widest spread; None where first ones diverge."""
    stationary = _closure.stationary(loop, rank, _generation.layout_of(loop))
    first = _closure.limit_first(loop, rank, stationary)
    if first is None:
        return None
    i, widest = stationary.layout.newest, np.asarray(WIDEST)
    M, shift = np.asarray(first[0][i, i] / rank), np.asarray(first[1][i + 1] / rank - 1)
    return Spread(M, shift, widest, widest, widest * (rank > 1))


def _require_limit(loop: Loop) -> None:
    """Refuse loops whose limit is not computed."""
    if _generation.generations_pooled(loop) is None or loop.memory is None:
        raise UnsupportedLoop(
            "w2_squared_limit is computed for bounded memory and pools only, "
            f"got memory {loop.memory} and pool {loop.pool} with pool_cap {loop.pool_cap}"
        )
    if loop.weight == 0 or (not loop.n_real and (loop.memory > 1 or loop.pool != "replace")):
        raise UnsupportedLoop(
            "w2_squared_limit without real data is computed for memory 1 and pool = replace only, "
            f"got memory {loop.memory}, pool {loop.pool} and weight {loop.weight}"
        )


def general_w2_squared_limit(loop: Loop, eigenvalues: ArrayLike) -> Estimate:
    """Limit of :func:`general_w2_squared`, 0-d arrays.

    Where second moments have no limit the bounds are those of a constant Sigma and of fidelity 0,
    and rel_error is what they imply; all is inf where first moments diverge.

    Parameters
    ----------
    loop : Loop
        A loop without a budget, with bounded memory and a pool that is replaced or capped.
    eigenvalues : array_like, shape (dim,)
        As for :func:`general_w2_squared`.

    Returns
    -------
    Estimate

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        For any other loop, or arguments out of range.

    Examples
    --------
    >>> e = w2_squared_limit(synthetic_augmentation(100, 38, bias=0.0), [1.0] * 100)
    >>> round(float(e.value), 1)  # 29.50 by simulation
    29.3
    """
    s, rank = _checked(loop, eigenvalues, "w2_squared_limit")
    _require_limit(loop)
    if not loop.n_real and loop.floor == 0:
        # Sigma dies or its trace diverges, and shrinkage moves no trace.
        plain = dataclasses.replace(loop, shrinkage=0.0, pool="replace", pool_cap=None)
        value = np.asarray(collapse.w2_squared_limit(plain, s))
        return Estimate(value, value, value, np.where(np.isfinite(value), 0.0, np.inf))
    spread = _limit_spread(loop, rank) or _divergent_spread(loop, rank)
    if spread is None:
        return Estimate(*(np.asarray(np.inf) for _ in range(4)))
    memory = limit_memory(loop, rank)
    return estimate(spread, _mixture_deficits(loop, spread, s, memory), float(s.sum()))
