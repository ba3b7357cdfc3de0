"""Spread and skew of every loop: fixed, fresh and pooled data, memory, weights, budgets.

As for the fresh data loop (:mod:`madtheory.theory.distance.fresh`): exact first moments, the second
order of the square root with the variances of :mod:`madtheory.theory.moments.second`, and two laws
of that variance mixed by the skew of the spectrum. The skew is that of the free cumulants of the
loop's matrices, all at once: every draw of dof k from a parent P, c = E tr P/d, adds the noise N
with (per unit of d^j)

    kappa_2(N, N) = k c^2,   kappa_3(N, N, N) = k c^3,   kappa_3(N, N, X) = k c kappa_2(P, X),

and a generation's update is linear. So a fixed set's fluctuation enters every generation anew, and
that of synthetic samples fades as the loop forgets.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from madtheory.loop import Loop, UnsupportedLoop, or_all
from madtheory.theory.distance.cumulants import limit_memory, path_memory
from madtheory.theory.distance.fidelity import Memory, Spread, spread_of, widest_spread
from madtheory.theory.moments import closure, first_moments_limit, generation, tensors
from madtheory.theory.moments.second import closed_limit, estimated_limit, estimated_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from madtheory._types import Array, Bools

#: Generations of a growing pool that count where only the skew of a spectrum is at stake.
_POOLED = 4
#: Models and batches in sight up to which second moments are had exactly at little cost; the
#: spread, and the rounding of exact ones, from which on the closure's are as good; and the rounding
#: from which on those of a budget, which has no closure, say nothing.
_MOST, FAINT, _BLURRED = 8, 1e-6, 1e-3
#: Of what a loop has without its budget beyond the skew of the similar one, at least this share,
#: where samples are of several models. Set on 150 loops of 2 to 28 first samples (d = 1 ... 10).
_OF_SEVERAL = 0.4


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


def is_closed(loop: Loop) -> bool:
    """Whether second moments are those of the closure: exact ones take long, or are rounded."""
    if generation.is_exact(loop) or loop.budget is not None:
        return False
    return generation.layout_of(loop).vectors > _MOST or generation.second_rounding(loop) > FAINT


def of_closure(loop: Loop, spread: Spread) -> Bools:
    """Where the spread is the closure's: everywhere, or where it is faint."""
    return np.asarray(is_closed(loop) | ~(spread.total > FAINT))


def _or_exact(loop: Loop, closed: Spread, several: Callable[[], Spread | None]) -> Spread | None:
    """The closure's spread, with the exact one, had by `several`, where that is to stand."""
    kept = of_closure(loop, closed)
    exact = closed if kept.all() else several()
    if exact is None:
        return None
    return Spread(*(np.where(kept, a, b) for a, b in zip(closed, exact, strict=True)))


def _path_spread(loop: Loop, rank: int, generations: int) -> Spread:
    """The spread of generations 1..T."""

    def several() -> Spread:
        x = estimated_path(loop, rank, generations)[0]
        return _to_spread(rank, _from_invariants(x, rank, 0.0))

    if loop.budget is not None:
        return several()
    if not generation.is_exact(loop):
        x = closure.closed_path(loop, rank, generations)
        closed = _to_spread(rank, _closed_rows(x, rank))
        return _or_exact(loop, closed, several) or closed
    near, far = (tensors.exact_path(loop, rank, generations, origin) for origin in (1.0, 0.0))
    return _to_spread(rank, _exact_rows(near, far, rank))


def _limit_spread(loop: Loop, rank: int) -> Spread | None:
    """The spread at the limit; None where second moments have none, or rounding leaves none."""

    def several() -> Spread | None:
        found = estimated_limit(loop, rank)
        return None if found is None else _to_spread(rank, _from_invariants(found[0], rank, 0.0))

    if loop.budget is not None:
        return several() if generation.second_rounding(loop) < _BLURRED else None
    if not generation.is_exact(loop):
        x = closed_limit(loop, rank)
        if x is None:
            return None
        return _or_exact(loop, _to_spread(rank, _closed_rows(x, rank)), several)
    near, far = (tensors.exact_limit(loop, rank, origin) for origin in (1.0, 0.0))
    if near is None or far is None:
        return None
    return _to_spread(rank, _exact_rows(near, far, rank))


def _divergent_spread(loop: Loop, rank: int) -> Spread | None:
    """First moments without second ones: the widest spread; None where first ones diverge."""
    if loop.budget is not None:
        means = first_moments_limit(loop)
        if not np.isfinite(means.trace):
            return None
        return widest_spread(rank, means.mean_sq, means.trace - 1)
    stationary = closure.stationary(loop, rank, generation.layout_of(loop))
    first = closure.limit_first(loop, rank, stationary)
    if first is None:
        return None
    i = stationary.layout.newest
    return widest_spread(rank, first[0][i, i] / rank, first[1][i + 1] / rank - 1)


def require_limit(loop: Loop) -> None:
    """Refuse loops whose limit is not computed."""
    if loop.keeps_all:
        raise UnsupportedLoop(
            "w2_squared_limit of a pool that keeps everything is computed without shrinkage, a "
            "weighted fixed set and memory of all models only, as long as its covariance does not "
            f"die, got shrinkage {loop.shrinkage:g}, weight {loop.weight} and memory {loop.memory}"
        )
    if loop.memory is None:
        raise UnsupportedLoop(
            "w2_squared_limit is computed for bounded memory and pools only, "
            f"got memory {or_all(loop.memory)} and pool {loop.pool} with pool_cap "
            f"{or_all(loop.pool_cap)}"
        )
    if loop.weight == 0:
        raise UnsupportedLoop("w2_squared_limit is computed for a weight above 0 only, got 0")
    if not loop.n_real and (loop.memory > 1 or loop.pool != "replace"):
        raise UnsupportedLoop(
            "w2_squared_limit without real data is computed for memory 1 and pool = replace only, "
            f"got memory {loop.memory} and pool {loop.pool}"
        )


def _similar(loop: Loop) -> Loop:
    """A loop without a budget whose spectra are as skew: it draws anew from what is pooled."""
    if loop.budget is None:
        return loop
    kept = loop.pooled or _POOLED
    fixed = round(loop.budget * loop.n_fixed / (loop.n_fixed + kept * loop.n_synth))
    memory = None if loop.pooled is None or loop.memory is None else max(loop.memory, loop.pooled)
    return replace(
        loop,
        n_fixed=fixed,
        n_synth=max(loop.budget - fixed, 2),
        memory=memory,
        pool="replace",
        pool_cap=None,
        budget=None,
    )


def _with_pool(loop: Loop, memory_of_loop: Callable[[Loop], Memory]) -> Memory:
    """Skew and own share; with a budget as skew as the similar loop, and more by what it passes on.

    That draws anew in each generation, where what is pooled stays and its noise multiplies, as
    without the budget. It does so by the share of a fit that samples of the last model have, as far
    as that passes a second cumulant on. Of several models each sample is of one, an early one in
    an early batch, where the similar loop draws from the mean of all, in which first fits fade.
    """
    similar = _similar(loop)
    found = memory_of_loop(similar)
    if loop.budget is None:
        return found
    more = memory_of_loop(replace(loop, budget=None)).skew - found.skew
    passed = (loop.scalar_bias * similar.n_synth / similar.n_train) ** 2
    kept = passed if loop.memory == 1 else max(passed, _OF_SEVERAL)
    return found._replace(skew=found.skew + kept * np.maximum(more, 0.0))


def path_parts(loop: Loop, rank: int, generations: int) -> tuple[Spread, Memory]:
    """Spread and memory of generations 1..T."""
    spread = _path_spread(loop, rank, generations)
    return spread, _with_pool(loop, lambda x: path_memory(x, rank, generations))


def limit_parts(loop: Loop, rank: int) -> tuple[Spread, Memory] | None:
    """The same at the limit; None where first moments have none."""
    spread = _limit_spread(loop, rank) or _divergent_spread(loop, rank)
    return None if spread is None else (spread, _with_pool(loop, lambda x: limit_memory(x, rank)))
