"""E W2^2 at the limit of pools that keep everything and whose covariance does not die (3.2).

The real share goes to 0 and what a generation adds falls like 1/t: the covariance comes to rest at
a random place. Exact second moments are a series in 1/t, which is extrapolated over doubling pools;
the deficit is that of a late generation, moved by what this does to the resummed one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from madtheory import _check
from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, UnsupportedLoop
from madtheory.results import Estimate
from madtheory.theory.distance import mixed, shared_equivalent
from madtheory.theory.distance.deficit import deficits
from madtheory.theory.distance.fidelity import Memory, Spread, estimate, spread_of
from madtheory.theory.moments import subsampled
from madtheory.theory.moments.growing_limits import extrapolated
from madtheory.theory.moments.second import estimated_path

#: Generation whose deficit is taken; pools double from _FIRST batches beyond the real data on,
#: four times; generations at most; exponents of 1/t.
_AT, _FIRST, _MOST, _POWERS = 24, 8, 1000, (1.0, 2.0, 3.0)
#: Declared error of the deficit, relative: this share of what it moves by after that generation.
_BY_MOVE = 0.25


def covers(loop: Loop) -> bool:
    """Whether the pool keeps everything and the real data no share of it."""
    budget_alone = loop.budget is None or loop.n_fresh == 0
    plain = loop.weight in (None, 0.0) and not (loop.floor or loop.shrinkage)
    return loop.keeps_all and loop.memory is not None and plain and budget_alone


def _rows(x: Array, rank: int) -> tuple[Array, Array, Array, Array]:
    """E|mu|^2, E tr(Sigma - 1), E tr (Sigma - c)^2 and Var tr Sigma of the seven invariants."""
    square = x[..., 1] ** 2
    return x[..., 0], x[..., 1] - rank, x[..., 6] - square / rank, x[..., 5] - square


def _spreads(loop: Loop, rank: int) -> tuple[Spread, Spread, float]:
    """The spread at generation _AT, at the limit, and what the last step moved, relative."""
    real = round(loop.n_real / loop.n_synth)
    at = (real + _FIRST) * 2 ** np.arange(4) - real - 1
    if at[-1] > _MOST or (loop.memory or 1) > _AT - 1:
        raise UnsupportedLoop(
            "w2_squared_limit of a pool that keeps everything is computed where it is near after "
            f"{_MOST} generations, for a memory of at most {_AT - 1}, got n_real = {loop.n_real}, "
            f"n_synth = {loop.n_synth} and memory {loop.memory}"
        )
    x = estimated_path(loop, rank, int(at[-1]) + 1)[0]
    found = [extrapolated(row, list(_POWERS)) for row in _rows(x[at], rank)]
    M, shift, total, trace = (np.asarray(value) for value, _ in found)
    moved = found[2][1] / max(float(total), 1e-300) + found[0][1] / max(float(M), 1e-300)
    far = spread_of(rank, M, shift, np.maximum(total, 0.0), np.maximum(trace, 0.0))
    return spread_of(rank, *_rows(x[_AT - 1], rank)), far, moved


def _early(loop: Loop) -> Loop:
    """The loop that it is up to generation _AT: without a budget that binds later, or never."""
    return loop if subsampled.binds(loop, _AT - 1) else replace(loop, budget=None)


def limit(loop: Loop, s: Spectrum) -> Estimate:
    """E W2^2 at the limit, 0-d; for loops whose first moments have one.

    That of the example is 1.479 +- .004 at t = 160 by simulation, and rises by some .005 later.

    Examples
    --------
    >>> loop = Loop(n_initial=10, n_fixed=10, n_synth=10, pool="accumulate")
    >>> found = limit(loop, Spectrum.of([1.0] * 4))
    >>> bool(1.479 < found.value < 1.479 + 2 * found.rel_error * found.value)
    True
    """
    near, far, unsure = _spreads(loop, s.rank)
    early = _early(loop)
    spread, memory = mixed.path_parts(early, s.rank, _check.count("generations", _AT))
    rows = deficits(early, spread, s, memory)
    sharp = rows
    if shared_equivalent.covers(early):
        sharp = shared_equivalent.sharper_path(early, s, spread, rows)
    late = Memory(*(x[-1] for x in memory))
    found: Array = deficits(early, far, s, late)
    before = float(deficits(early, near, s, late)[0])
    if min(before, found[0]) <= 0 < found[2]:  # cut off: the bounds are all there is
        half = (found[1] + found[2]) / 2
        return estimate(far, np.array([half, found[1], found[2], half]), s.trace)
    ratio = float(found[0]) / before if before else 1.0
    value = float(np.clip(sharp[0, -1] * ratio, found[1], found[2]))
    error = sharp[3, -1] * ratio + (_BY_MOVE * abs(ratio - 1) + unsure) * value
    return estimate(far, np.array([value, found[1], found[2], error]), s.trace)
