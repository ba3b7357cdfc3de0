"""What the square root of a random covariance loses: 1 - E fidelity/(sqrt(c) tr Sigma_0).

Second order by the variances, higher orders resummed between two laws of the same variance
(:func:`madtheory.theory.distance.fidelity.log_shape`); shrinkage and a floor hold a part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from madtheory.covariance import Spectrum
from madtheory.laws.chi_square import log_chi_square_mass
from madtheory.loop import Loop
from madtheory.theory.distance import mixed
from madtheory.theory.distance.cumulants import extra_skew, missed_by_skew
from madtheory.theory.distance.fidelity import HEAVY, Memory, Seen, Spread, log_shape
from madtheory.theory.moments import generation

if TYPE_CHECKING:
    from madtheory._types import Array

#: Nodes of the two laws' integrals.
_NODES, _LOGS, _LOWEST, _NARROW = 256, 400, 70.0, 0.3
#: Declared error of the fidelity: share of the spread's square, more by first fits, by the skew (up
#: to _SKEWED) and by shrinkage or a floor. Calibrated in tests/golden/theory/distance/fresh.py for
#: the fresh data loop with memory 1 and in mixed.py beside it for all others.
_FRESH, _OTHERS, _SKEWED = (0.04, 0.4, 0.0, 0.0), (0.03, 0.02, 0.015, 0.2), 4.0
#: Where the declared error is largest: a first fit's spread counts as no more.
_WIDE = 6.0
#: Of a loop with a budget whose fits are to n samples, relative to the deficit, times skew - .7 and
#: the spread V/(1 + V): the first, and as much more of it as the second over n. Set on three tables
#: of tests/golden/theory/distance/subsampled.py, tested on a fourth. As much more of it as the
#: third times (1 - bias)^4, as pooled samples are copies of means: set on 24 loops of bias 0 to .5.
_BUDGET = (0.48, 3.0, 0.8)
#: And this over n^2: fits to five or six samples near bias 1.
_FEW = 12.0
#: As much skewer, times the root of the first fit's share, over its degrees of freedom and over
#: (1 + V)^2, samples of several models may be: each is of one of them, and with one degree of
#: freedom a third moment is 15 times the cube of the mean. Set on the loops of `mixed._OF_SEVERAL`.
_BY_ONE_OF_SEVERAL = 2.0
#: By the skew that a weight makes, in units of what a mean law misses of it.
_BY_SKEW = 4.0
#: What several models and batches add, relative: this over n_synth, and this by first fits; where
#: second moments are closed, as noise multiplies noise, for each one in sight this times V e^(4 V),
#: V the variance of a direction: set on 150 limits whose exact ones are known, held to 180 others.
_SEVERAL, _GROWS = (3.0, 0.4, 0.6), 4.0


def _gap(z: Array) -> Array:
    """1 - sqrt z + (z - 1)/2: what the square root loses by spread, without cancellation."""
    return np.asarray(np.square(np.sqrt(z) - 1) / 2)


def _narrow_bulk(x: Array, floor: Array) -> Array:
    """1 - E sqrt(floor + (1 - floor) y), y Marchenko-Pastur of mean 1 and variance x."""
    angle = (np.arange(_NODES) + 0.5) * np.pi / _NODES
    y = np.square(1 - np.sqrt(x)) + 4 * np.sqrt(x) * np.square(np.cos(angle / 2))
    # Near x = 1 the density is steep at y = 0: what is taken off there has mean `off` by itself,
    # the zeros of x > 1 included. Of a narrow law it would cancel.
    off = np.where(x > _NARROW, _gap(floor), 0.0)
    bulk = np.mean(2 * np.sin(angle) ** 2 / y * (_gap(floor + (1 - floor) * y) - off), axis=-1)
    return np.asarray(bulk + off[..., 0])


def _narrow_scale(v: Array, floor: Array) -> Array:
    """The same for a gamma variable of variance v, by the trapezoidal rule in its log."""
    wide = np.sqrt(100 * v)
    low, high = -np.minimum(wide + 40 * v, _LOWEST), np.minimum(wide, np.log1p(wide + 40 * v))
    u = low + (high - low) * np.linspace(0.0, 1.0, _LOGS)
    w = log_chi_square_mass(u, 2 / v, (high - low) / (_LOGS - 1))
    return np.asarray(np.sum(w * _gap(floor + (1 - floor) * np.exp(u)), axis=-1))


def _floored(spread: Spread, weight: float | Array, scale: Array, bulk: Array) -> Array:
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


def _log_root(loop: Loop, spread: Spread, weight: float | Array, memory: Memory) -> Array:
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


def copies(loop: Loop) -> float:
    """How far samples are copies of their model's mean: 1 at bias 0, and soon nothing."""
    return max(1 - loop.scalar_bias, 0.0) ** 4


def _several_error(loop: Loop, spread: Spread, memory: Memory) -> Array:
    """Relative error of the deficit where several models or batches are in sight."""
    if generation.is_exact(loop) or loop.budget is not None:
        return np.zeros_like(memory.start)
    by_synth, by_start, by_spread = _SEVERAL
    V = np.minimum(spread.diagonal, 1.0)
    sight = (loop.memory or 1) + (loop.pooled or 1) - 1
    grows = by_spread * sight * V * np.exp(_GROWS * V)
    grows = np.where(mixed.of_closure(loop, spread), grows, 0.0)
    return by_synth / loop.n_synth + by_start * np.sqrt(memory.start) + grows


def _widened(loop: Loop, spread: Spread, memory: Memory, flat: Array, rank: int) -> Array:
    """The spread of what the last floor does not hold, as no law misses a constant.

    Along a path of a fully synthetic loop what the first fit began is of what is left of it, its
    scale too, which no shrinkage forgets.
    """
    rest = 1 - _still_shares(loop, spread.shift)[0]
    if loop.n_real or loop.memory != 1 or loop.pooled != 1 or flat.ndim == 0:
        return np.asarray(flat / rest)
    began = loop.first_scale * loop.step_bias ** np.arange(flat.size) / (1 + spread.shift)
    started = memory.start * flat / np.clip(began, 1e-100, rest)
    started = np.maximum(started, began * (2 / (rank * loop.first_dof)))
    return np.asarray((1 - memory.start) * flat / rest + np.minimum(started, _WIDE))


def _declared(
    loop: Loop, spread: Spread, s: Spectrum | Seen, memory: Memory, value: Array
) -> Array:
    """Declared error of the deficit, as calibrated."""
    if loop.budget is not None:
        V, (base, by_size, by_copies) = spread.total, _BUDGET
        n = loop.budget + loop.n_fresh
        more = 1 + by_size / n + _FEW / n**2
        more *= 1 + by_copies * copies(loop)
        first = 0.0 if loop.memory == 1 else _BY_ONE_OF_SEVERAL / loop.first_dof
        skewer = memory.skew + first * np.sqrt(memory.start) / np.square(1 + V)
        return np.asarray(value * base * more * (skewer - 0.7) * V / (1 + V))
    here, flat = (spread.diagonal + x * spread.off for x in (s.bures_weight, s.rank - 1))
    base, by_start, by_skew, by_floor = _FRESH if loop.is_fresh_memory_one else _OTHERS
    factor = base + by_start * np.sqrt(memory.start)
    factor = factor + by_skew * np.minimum(memory.skew - 1, _SKEWED)
    factor = factor + by_floor * bool(loop.shrinkage or loop.floor)
    wide = flat if loop.floor == 0 else _widened(loop, spread, memory, flat, s.rank)
    law = here * wide / (1 + wide / 2) ** 1.3 * factor
    skew = 0.0 if loop.weight is None else extra_skew(loop)  # that of the others set `factor`
    skewed = _BY_SKEW * missed_by_skew(skew, flat, s)
    return np.asarray(law + (_several_error(loop, spread, memory) + skewed) * value)


def deficits(loop: Loop, spread: Spread, s: Spectrum | Seen, memory: Memory) -> Array:
    """Rows value, lower, upper, error of 1 - E fidelity/(sqrt(c) tr Sigma_0).

    Jensen: E fidelity <= sqrt(c) tr Sigma_0. Hoelder with E Sigma^{1/2} = I E tr Sigma^{1/2}/r and
    fidelity >= tr(Sigma^{1/2} Sigma_0): E fidelity >= sqrt(c) tr Sigma_0/sqrt(1 + total). Where
    second moments come from the closure, Hoelder's is widened by its declared error and is no
    theorem.
    """
    upper = spread.total / (1 + spread.total + np.sqrt(1 + spread.total))
    upper = np.minimum(upper * (1 + 2 * _several_error(loop, spread, memory)), 1.0)
    lower = np.zeros_like(upper)
    log_root = _log_root(loop, spread, s.bures_weight, memory)
    # Above 0 it is cut to 0 in any case; of a huge skew exp would overflow.
    value = np.clip(-np.expm1(np.minimum(log_root, 0.0)), lower, upper)
    error = _declared(loop, spread, s, memory, value)
    return np.stack([value, lower, upper, np.minimum(error, np.maximum(upper - value, value))])
