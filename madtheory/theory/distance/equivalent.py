"""E W2^2 of loops with fresh data and memory 1, by the deterministic equivalent (theory.md 5.2).

The mean law of the covariance is carried along the generations, or its fixed point is solved for;
first moments are exact, and so is one fit at Sigma_0 = I.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from madtheory.covariance import Spectrum
from madtheory.loop import Loop
from madtheory.spectrum.mean_law import MeanLaw, constant_law
from madtheory.spectrum.next_law import Part, Pooling, next_law, one_fit
from madtheory.spectrum.rotated import fidelity_deficit, second_order_share
from madtheory.spectrum.settled import settled_law
from madtheory.spectrum.small_dim import diluted_share, exact_share, uneven_share
from madtheory.theory import moments
from madtheory.theory.distance.cumulants import extra_skew, for_skew
from madtheory.theory.distance.fidelity import Spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from madtheory._types import Array

#: Declared error of the deficit x, relative: this share of what one fit misses, the first at a
#: multiple of I, and all that its rank changes of that; of x (1 - x)/m^2, m the smaller of rank and
#: columns; of what exact second moments (all of it, up to what no table sees) and a diluted first
#: fit change; grid and splines; and, whatever x is, rounding at unequal eigenvalues. Set on the
#: table of tests/golden/theory/distance/fresh.py and part 0 of tiny.py beside it, held to those of
#: coverage.py and precise.py and the rest of tiny.py.
_BY_FIT, _BY_SIZE, _BY_GRID, _ROUNDED = (1.0, 1.3), 0.15, 1e-6, 2e-14
_BY_SECOND, _UNSEEN, _BY_FIRST = 0.3, 1e-3, 0.5
#: Share and power by which exact second moments count, log of their ratio at most so much; share
#: and damping of a diluted first fit in one dimension. Set on the same.
_SECOND, _FELT, _MOST_SECOND, _FIRST, _DAMPED = 0.55, 1.5, 1.0, 0.65, 3.0
#: By how much more a diluted first fit counts than its share in the second cumulant, as the noise
#: of later fits multiplies it. Set on part 0 of tests/golden/theory/distance/begun.py.
_MULTIPLIED = 2.0
#: As much more of the declared error over the first fit's degrees of freedom, where it is the last
#: model, later fits are to so few samples and dimensions are more than these. Set on 2,200 values
#: of loops of 1 to 6 samples, held to 882 others.
_AFTER_FIRST, _FEW, _LOW = 2.4, 10, 3
#: Deficits this near to the limit's, relative, are at rest; turns of a path that is unstable.
_AT_REST, _TURNS = 1e-5, 3
#: Values of a path from which on its steps are compared: the first ones go anywhere.
_SMOOTH = 9
#: Shorter paths are not compared with the limit; longer ones are walked so far.
_SHORT, _LONGEST = 8, 300


def covers(loop: Loop) -> bool:
    """Whether every fit sees fresh data and samples of the last model, and nothing else."""
    return (
        loop.n_fresh > 0
        and loop.n_fixed == 0
        and loop.memory == 1
        and loop.pooled == 1
        and loop.weight != 0
        and loop.first_bias > 0
        and not (loop.shrinkage or loop.floor)
    )


def pooling_of(loop: Loop) -> Pooling:
    """A later generation as mean laws see it: pooled sample by sample, or with a weight."""
    n_r, n_s, w = float(loop.n_fresh), float(loop.n_synth), loop.real_share
    if loop.weight is None:
        real = synth = 1 / (n_r + n_s - loop.ddof)
        gamma = n_r * (n_s / (n_r + n_s)) * real
    else:
        real, synth, gamma = w / (n_r - loop.ddof), (1 - w) / (n_s - loop.ddof), w * (1 - w)
    fresh, model, root = 1 / n_r, loop.scalar_bias / n_s, math.sqrt(gamma)
    return Pooling(
        real=(n_r - 1, Part(real, 0.0)),
        synth=(n_s - 1, Part(0.0, loop.scalar_bias * synth)),
        gap=Part(gamma * fresh, gamma * model),
        gamma=gamma,
        noise=Part(w**2 * fresh, (1 - w) ** 2 * model),
        cross=Part(root * w * fresh, -root * (1 - w) * model),
        keep=1 - w,
    )


def mean_laws(loop: Loop, dim: int) -> Iterator[MeanLaw]:
    """Mean laws of generations 1, 2, ... at Sigma_0 = I, for as long as they are finite."""
    by, start = pooling_of(loop), one_fit(loop.n_initial, bias=loop.first_bias, ddof=loop.ddof)
    with np.errstate(all="ignore"):  # a first bias near 0 leaves float64
        law = next_law(constant_law(dim), start)
    while np.isfinite(law.shape).all() and np.isfinite(law.pull).all():
        yield law
        with np.errstate(all="ignore"):
            law = next_law(law, by)


def limit_law(loop: Loop, dim: int) -> tuple[MeanLaw, float] | None:
    """Mean law at the limit and the last step of its search; None where it is not found."""
    first = moments.first_moments_limit(loop)
    if not math.isfinite(first.trace):
        return None
    by, mean_sq = pooling_of(loop), dim * first.mean_sq
    if not by.uses_model:
        return next_law(constant_law(dim, mean_sq), by), 0.0
    return settled_law(by, dim, scale=first.trace, mean_sq=mean_sq)


def fit_share(law: MeanLaw, s: Spectrum, near: float) -> tuple[float, float]:
    """What one fit of that deficit misses, by its rank and, where they differ, by s alone."""
    if s.is_flat:
        return (exact_share(s.rank, near),) * 2
    dim, flat = 1 + s.bures_weight, law.root_deficit
    return uneven_share(dim, near, rank=s.rank, flat=flat), exact_share(dim, near)


def deficit_by_law(
    law: MeanLaw,
    s: Spectrum,
    total: float,
    step: float = 0.0,
    diluted: float = 0.0,
    skew: float = 0.0,
) -> tuple[float, float]:
    """Deficit by a law and its declared error; total = E tr (S - c)^2/(r c^2), exactly.

    What one fit misses is by :func:`fit_share`. The law has less than `total`, as fluctuations of
    tr S multiply; higher orders take most of that back where it is large. `diluted` is what
    :func:`_diluted` takes off, `skew` what :func:`extra_skew` says. Where a law is none, as
    that of a handful of samples can be, both are nan.
    """
    s = Spectrum.of(s.values[: s.rank])  # flat up to zeros is flat
    with np.errstate(all="ignore"):
        near = fidelity_deficit(law, s)
    share, sure = fit_share(law, s, near)
    ratio = min(math.log(max(total / max(law.spread, 1e-300), 1.0)), _MOST_SECOND)
    moved = _SECOND * ratio / (1 + max(law.spread, 0.0)) ** _FELT
    x = near * share * second_order_share(law.dim, s) * math.exp(moved - diluted)
    columns = max((law.dim + 1) / max(law.spread, 1e-12), 1.0)
    size = x * max(1 - x, 0.0) / min(law.dim, columns) ** 2
    error = _BY_FIT[not s.is_flat] * abs(1 - share) + abs(share - sure)
    error += _BY_SIZE * size + step + _BY_GRID
    error += min(moved, max(_BY_SECOND * moved, _UNSEEN)) + _BY_FIRST * abs(diluted)
    factor, missed = for_skew(skew, law.spread, s)
    x, error = x * factor, error + missed
    return x, x * error + (0.0 if s.is_flat else _ROUNDED)


def _diluted(loop: Loop, s: Spectrum, first: MeanLaw, law: MeanLaw, kept: float) -> float:
    """How much too large a deficit in few dimensions is, relative, as the first fit is diluted.

    The covariance has `kept` of the first one, c W with W Wishart, and for the rest what hardly
    fluctuates: what a law misses of W's third moment it misses still, but what it misses of the
    fourth, which made up for a part of that, has lost a power more.
    """
    if not 0 < kept < 1:
        return 0.0
    if law.dim > 1:
        return first_diluted(loop, s, law.spread, kept)
    share = min(kept**2 * first.spread / max(law.spread, 1e-300), 1.0)
    return _FIRST * share * first.spread * kept * (1 - kept) / (1 + _DAMPED * law.spread)


def first_diluted(loop: Loop, s: Spectrum, spread: float, kept: float) -> float:
    """The same by what one fit misses, diluted by a constant, as far as it makes the spread."""
    dim, dof = max(1, round(1 + s.bures_weight)), loop.first_dof
    share = kept**2 * (s.rank + 1) / (dof * max(spread, 1e-300))
    return -min(_MULTIPLIED * share, 1.0) * diluted_share(dim, dof, kept)


def _sharpened(rows: Array, found: list[tuple[float, float]]) -> Array:
    """Rows value, lower, upper, error with the deficits found, where their error is smaller."""
    T, out = len(found), rows.copy()
    value, lower, upper, error = rows[:, :T]
    new, declared = np.array(found).T
    declared = np.minimum(declared, np.maximum(upper - new, new - lower))
    better = (declared < error) & (lower <= new) & (new <= upper)
    out[0, :T], out[3, :T] = np.where(better, new, value), np.where(better, declared, error)
    return out


def _grows(x: list[float]) -> bool:
    """Whether the last step of a path is larger than those before it let one expect: rounding.

    Steps of a smooth path near an end of it grow to no more than twice the largest of three.
    """
    if len(x) < _SMOOTH:
        return False
    *before, last = (abs(b - a) for a, b in zip(x[-5:], x[-4:], strict=False))
    return last > 2 * max(before) + _AT_REST * abs(x[-1])


def _walk(loop: Loop, s: Spectrum, totals: list[float]) -> list[tuple[float, float]]:
    """Deficits and errors of generations 1, 2, ..., the limit's once two in a row are at it.

    Where the covariance is on the verge of being singular rounding grows from one generation to
    the next, with alternating signs, or of few samples until steps no longer fade: the walk ends
    there.
    """
    found: list[tuple[float, float]] = []
    limit = limit_law(loop, s.rank) if len(totals) > _SHORT else None
    x, turns, laws, by = [0.0, 0.0], 0, mean_laws(loop, s.rank), pooling_of(loop)
    first, passed, skew = None, by.synth[0] * by.synth[1].y + by.gap.y, extra_skew(loop)
    for t, (law, total) in enumerate(zip(laws, totals[:_LONGEST], strict=False)):
        x.append(law.root_deficit)
        first = first or law
        if limit and max(abs(y / limit[0].root_deficit - 1) for y in x[-2:]) < _AT_REST:
            rest = deficit_by_law(limit[0], s, totals[-1], limit[1] + _AT_REST, skew=skew)
            return found + [rest] * (len(totals) - len(found))
        turns = turns + 1 if (x[-1] - x[-2]) * (x[-2] - x[-3]) < 0 else 0
        if _grows(x) or (turns == _TURNS and abs(x[-1] - x[-2]) > _AT_REST * x[-1]):
            return found
        kept = passed**t * first.scale / law.scale
        diluted = _diluted(loop, s, first, law, kept)
        value, error = deficit_by_law(law, s, total, diluted=diluted, skew=skew if t else 0.0)
        few = t == 1 and loop.n_train <= _FEW and s.rank > _LOW
        found.append((value, error * (1 + _AFTER_FIRST / loop.first_dof) if few else error))
    if limit and len(found) == _LONGEST:
        rest = deficit_by_law(limit[0], s, totals[-1], limit[1], skew=skew)
        found += _far(found, rest, len(totals) - _LONGEST)
    return found


def _far(
    found: list[tuple[float, float]], rest: tuple[float, float], count: int
) -> list[tuple[float, float]]:
    """Deficits of `count` more generations, geometrically to the limit's.

    Their error is as much more as they have gone from the last one known, or have to go.
    """
    (before, _), (last, error) = found[-2:]
    gap = last - rest[0]
    ratio = gap / (before - rest[0]) if before != rest[0] else 0.0
    if not 0 <= ratio < 1:
        return []
    left = ratio ** np.arange(1.0, count + 1)
    value = rest[0] + gap * left
    declared = max(error, rest[1]) + abs(gap) * np.minimum(left, 1 - left)
    return list(zip(value.tolist(), declared.tolist(), strict=True))


def sharper_path(loop: Loop, s: Spectrum, spread: Spread, rows: Array) -> Array:
    """Deficits of generations 1..T, shape (4, T), by the equivalent where it declares less error.

    A generation takes a millisecond or two until the loop is at rest.
    """
    found = _walk(loop, s, spread.total.tolist())
    return _sharpened(rows, found) if found else rows


def sharper_limit(loop: Loop, s: Spectrum, spread: Spread, rows: Array) -> Array:
    """The same at the limit, shape (4,): a fixed point, in some ten milliseconds.

    No fixed point is found where a few rare paths make the second moments, as for n_real = 2 and
    n_synth large.
    """
    law = limit_law(loop, s.rank)
    if law is None:
        return rows
    found = deficit_by_law(law[0], s, float(spread.total), law[1], skew=extra_skew(loop))
    return _sharpened(rows[:, None], [found])[:, 0]
