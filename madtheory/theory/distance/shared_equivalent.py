"""E W2^2 of loops whose fits share data, by the deterministic equivalent (theory.md 5.2).

A fixed real set, more memory than one model, pools: a generation's covariance is no function of the
last one alone. The loop is unrolled (:mod:`madtheory.theory.distance.shared_data`), for as many
generations as are felt; what the resummed second order misses there is what it misses later on.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.loop import Loop
from madtheory.spectrum.mean_law import MeanLaw
from madtheory.spectrum.rotated import fidelity_deficit, second_order_share
from madtheory.spectrum.unrolled import Found, first_share, last_law, up_to
from madtheory.theory import moments
from madtheory.theory.distance import mixed
from madtheory.theory.distance.cumulants import extra_skew, for_skew
from madtheory.theory.distance.deficit import copies, deficits
from madtheory.theory.distance.equivalent import first_diluted, fit_share
from madtheory.theory.distance.fidelity import Spread, second_order_deficit
from madtheory.theory.distance.shared_data import unrolled

#: Declared error of the deficit x, relative: these shares of what one fit misses; of (1 - x)/m^2, m
#: the smaller of rank and columns, and of the logarithms of what exact second moments and unequal
#: eigenvalues change, as far as they do not decide; of the former without them; of the square of
#: what correlations of means change; of what counts change, as much as there are models to a
#: sample, and the square of that; grid and splines. Set on three tables of
#: tests/golden/theory/distance/families.py (that of crowds on coverage.json), held to a fourth.
_BY_FIT, _BY_SIZE, _BY_SECOND, _BY_UNEVEN, _BY_CLOSED = 0.3, 0.3, 1.0, 0.4, 0.5
_BY_MEANS, _BY_COUNTS, _BY_CROWD, _BY_GRID = 3.0, 3.0, 0.08, 1e-6
#: A weight on a fixed set leaves little noise but that of samples, which multiplies from one
#: generation to the next: of what second moments change the power that is left, and what is
#: declared of it, by 1 + V. Set on 24 simulated limits (d = 1 ... 20), held to others.
_WEIGHTED, _BY_WEIGHTED = (0.4, -1.5), (0.2, -0.5)
#: More models to a sample are too many.
_CROWD = 2.0
#: Whatever x is, rounding at equal and at unequal eigenvalues (up to 1.7e-14 and 6.4e-13 in 10^3
#: loops of 10^13 to 10^15 samples); and of a law's spread, which is read where the law is nearly a
#: point (up to 3e-11 in 60 loops of 10^4 to 10^8 samples), against the exact one.
_ROUNDED, _BY_ROUNDING = (2e-14, 1e-12), 6e-11
#: Generations that are computed; between and beyond them goes what the resummation misses.
_AT = (2, 3, 4, 5, 6, 8, 10, 12, 16, 24)
#: A limit is taken from a path on which so much is left of the start.
_LEFT = 1e-3
#: Where more than this is left of the first half of the path after the second, it says nothing.
_SLOW = 0.8
#: Loops that forget more slowly than the first are seen through ones that forget at the others.
#: Declared is what the way from there to the loop's own rate changes, and so many times what is
#: declared there: set on seven simulated limits (d = 2, 3), held to two others and fresh loops.
_PATIENT, _HASTE, _BY_HASTE = 0.9, (0.68, 0.78), 2.0
#: How near to those rates is near, and how much below them is aimed at.
_WITHIN, _AIMS = 0.06, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
#: Near bias 0 samples are copies of means, which a mean law takes for many: as much more of the
#: error, over n_synth, where several models and batches are in sight. Without it all 195 points of
#: 65 random loops (d = 1 ... 4, two to five samples) are within what is declared and the noise.
_BY_COPIES = 0.3
#: Of what a diluted first fit changes, and how much more of it over n_synth: few samples of such
#: a fit fluctuate by themselves. The latter set on part 0 of tests/golden/theory/distance/begun.py.
_BY_FIRST, _RESAMPLED = 0.5, 12.0


class _Missed(NamedTuple):
    """A deficit over the resummed one, and its relative error."""

    ratio: float
    error: float


def covers(loop: Loop) -> bool:
    """Whether a loop of one bias can be unrolled."""
    plain = not (loop.shrinkage or loop.floor) and loop.budget is None
    return plain and loop.weight != 0 and loop.first_bias > 0 and not loop.is_fully_synthetic


def _second_order(law: MeanLaw, s: Spectrum, spread: Spread) -> float:
    """Second order of the deficit, exact over that of the law."""
    d, w = float(law.dim), s.bures_weight
    own = ((2 - 1 / d) + w * (1 - 1 / d)) * law.spread / (8 * d)
    return float(second_order_deficit(spread, s)) / max(own, 1e-300)


def _deficit(
    found: Found, s: Spectrum, spread: Spread | None, crowd: float, loop: Loop
) -> tuple[float, float]:
    """Deficit by a law and its relative error, of `crowd` models to a sample; nan for no law.

    One fit's second order at unequal eigenvalues counts for all but V^3 of what that changes, and
    what the loop's own is beyond it for all but V, V = spread/(1 + spread), or less (`_power`).
    """
    law = found.law
    s = Spectrum.of(s.values[: s.rank])  # flat up to zeros is flat
    with np.errstate(all="ignore"):
        near = fidelity_deficit(law, s)
    share, sure = fit_share(law, s, near)
    uneven, felt = second_order_share(law.dim, s), law.spread / (1 + law.spread)
    m = min(float(law.dim), max((law.dim + 1) / max(law.spread, 1e-12), 1.0))
    error = (
        _BY_FIT * (abs(1 - share) + abs(share - sure)) + _BY_MEANS * found.by_means**2 + _BY_GRID
    )
    factor, missed = for_skew(extra_skew(loop), law.spread, s)
    near, error = near * factor, error + missed
    error += _BY_COUNTS * abs(found.by_counts) * crowd + _BY_CROWD * crowd**2
    if spread is None:
        x = near * share * uneven
        return x, error + _BY_CLOSED * max(1 - x, 0.0) / m**2
    second = _second_order(law, s, spread) / uneven
    if not second > 0:  # below float64: nothing to compare with
        return math.nan, error
    error += _BY_ROUNDING / max(float(spread.total), 1e-300)
    power, by_second = _power(loop, law.spread)
    x = near * share * uneven ** (1 - felt**3) * second**power
    moved = felt * _BY_UNEVEN * abs(math.log(uneven)) + by_second * abs(math.log(second))
    return x, error + felt * _BY_SIZE * max(1 - x, 0.0) / m**2 + moved


def _power(loop: Loop, spread: float) -> tuple[float, float]:
    """Power of what exact second moments change, and how much of its logarithm is declared."""
    if loop.weight is not None and loop.n_fixed:
        power, declared = (x * (1 + spread) ** y for x, y in (_WEIGHTED, _BY_WEIGHTED))
        return power, declared
    felt = spread / (1 + spread)
    return 1 - felt, felt * _BY_SECOND * (1 - felt)


def _at(spread: Spread | None, t: int) -> Spread | None:
    """The spread of one generation."""
    return None if spread is None else Spread(*(x[t - 1] for x in spread))


def _ratios(loop: Loop, s: Spectrum, spread: Spread, value: Array, at: list[int]) -> list[_Missed]:
    """What the resummed deficits miss at generations `at`; ends where no law is found."""
    found: list[_Missed] = []
    system, exact = unrolled(loop, at[-1]), None if mixed.is_closed(loop) else spread
    several = loop.memory != 1 and loop.pooled != 1
    more = 1 + several * _BY_COPIES * copies(loop) / loop.n_synth
    first = _BY_FIRST * (1 + _RESAMPLED / loop.n_synth)
    for t in at:
        crowd = (min(loop.memory or t, t - 1) - 1) / loop.n_synth
        if crowd > _CROWD:
            break
        seen = up_to(system, t)
        last = last_law(seen, dim=s.rank)
        if last is None or not np.isfinite(last.law.shape).all() or not value[t - 1] > 0:
            break
        x, error = _deficit(last, s, _at(exact, t), crowd, loop)
        diluted = first_diluted(loop, s, last.law.spread, first_share(seen.blocks))
        x, error = x * math.exp(-diluted), error + first * abs(diluted)
        if not (math.isfinite(x) and 0 < x < 1):
            break
        error = more * error + _ROUNDED[not s.is_flat] / x
        found.append(_Missed(x / float(value[t - 1]), error))
    return found


def _between(at: list[int], found: list[_Missed], generations: int) -> tuple[Array, Array]:
    """Ratios and errors of generations at[0]..T: between two known ones, and after the last.

    The error is the larger of both, and what the ratio moves by; after the last, as much more for
    every time that t grows as it grew over the last step.
    """
    t = np.log(np.arange(at[0], generations + 1.0))
    known = np.log(np.array(at[: len(found)], dtype=float))
    ratio, error = np.array(found).T
    i = np.clip(np.searchsorted(known, t, side="left"), 1, max(len(known) - 1, 1))
    if len(known) == 1:
        return np.full_like(t, ratio[0]), error[0] + 0 * t
    step = np.abs(ratio[i] - ratio[i - 1]) / ratio[i]
    there = np.isclose(t[:, None], known).any(axis=1)
    beyond = np.maximum(t - known[-1], 0.0) / (known[-1] - known[-2])
    moved = np.where(there, 0.0, np.where(beyond > 0, (1 + beyond) * step, step))
    return np.interp(t, known, ratio), np.maximum(error[i], error[i - 1]) + moved


def _sharpened(rows: Array, x: Array, error: Array) -> Array:
    """Rows value, lower, upper, error with the deficits found, where their error is smaller."""
    value, lower, upper, old = rows
    better = (error < old) & (lower <= x) & (x <= upper)
    return np.stack([np.where(better, x, value), lower, upper, np.where(better, error, old)])


def sharper_path(loop: Loop, s: Spectrum, spread: Spread, rows: Array) -> Array:
    """Deficits of generations 1..T, shape (4, T), by the equivalent where it declares less error.

    Some ten generations are computed, in a few milliseconds each.
    """
    T = rows.shape[1]
    at = [t for t in _AT if t <= T]
    found = _ratios(loop, s, spread, rows[0], at) if at else []
    if not found:
        return rows
    last = T if len(found) == len(at) else at[len(found) - 1]
    ratio, error = _between(at, found, last)
    x = rows[0, 1:last] * ratio
    out = rows.copy()
    out[:, 1:last] = _sharpened(rows[:, 1:last], x, x * error)
    return out


def _span(rate: float) -> int:
    """Generations until so much is left of the start, as far as they are computed."""
    if not 0 < rate < 1:
        return 4
    return min(max(math.ceil(math.log(_LEFT) / math.log(rate)), 4), _AT[-1])


def _settled_ratios(loop: Loop, s: Spectrum, at: list[int]) -> list[_Missed]:
    """What the resummed deficits miss on a path that starts near to the limit."""
    near = replace(loop, n_initial=max(loop.n_real, 2), first_generation="real")
    spread, memory = mixed.path_parts(near, s.rank, at[-1])
    return _ratios(near, s, spread, deficits(near, spread, s, memory)[0], at)


def _hurried(loop: Loop, rate: float, target: float) -> Loop | None:
    """The loop in fewer generations, each of which does more; None where they are too few.

    With m times fewer synthetic samples, m times the weight and the same (1 - bias) n_synth, a
    generation is m of the loop's own, as m (1 - rate) goes to 0: the real data pull m times as
    much, and samples have m times the noise.
    """
    n_synth = round(loop.n_synth * (1 - rate) / (1 - target))
    if n_synth < 2:
        return None
    m = loop.n_synth / n_synth
    bias = 1 - (1 - loop.scalar_bias) * m
    weight = None if loop.weight is None else loop.weight * m
    if bias < 0 or (weight is not None and weight > 1):
        return None
    return replace(loop, n_synth=n_synth, bias=bias, weight=weight, allow_overdispersion=True)


def _near_rate(loop: Loop, rate: float, target: float) -> tuple[Loop | None, float]:
    """The hurried loop that forgets at about the target, and its rate; memory makes it slower."""
    for less in _AIMS:
        fast = _hurried(loop, rate, target - less)
        if fast is None:
            break
        own = moments.forgetting_rate(fast)
        if own < target + _WITHIN:
            return fast, own
    return None, 1.0


def _slow_limit(loop: Loop, s: Spectrum, rate: float) -> _Missed | None:
    """What the resummed deficit misses where a limit takes long: a line in 1 - rate."""
    found = []
    for target in _HASTE:
        fast, own = _near_rate(loop, rate, target)
        if fast is None or not own > 0:
            return None
        T = math.ceil(math.log(_LEFT) / math.log(own))
        missed = _settled_ratios(fast, s, [T])
        if not missed:
            return None
        found.append((1 - own, missed[0]))
    (far, first), (near, last) = found
    if not far > near:
        return None
    moved = (last.ratio - first.ratio) / (near - far) * (1 - rate - near)
    return _Missed(last.ratio + moved, _BY_HASTE * last.error + abs(moved))


def sharper_limit(loop: Loop, s: Spectrum, _spread: Spread, rows: Array) -> Array:
    """The same at the limit, shape (4,): what the resummation misses on a path to it.

    What is left of the start there is declared, as the last half of the path moved. A loop that
    forgets slowly is seen through two that do what it does in fewer generations.
    """
    rate = moments.forgetting_rate(loop)
    T = _span(rate)
    left = rate ** (T - T // 2)
    slow = _slow_limit(loop, s, rate) if _PATIENT < rate < 1 else None
    if slow is not None:
        found, moved = [slow], 0.0
    else:
        if not left < _SLOW:
            return rows
        found = _settled_ratios(loop, s, [T // 2, T])
        if len(found) < 2:
            return rows
        moved = abs(found[1].ratio / found[0].ratio - 1) * 2 * left / (1 - left)
    x = rows[:1] * found[-1].ratio
    return _sharpened(rows[:, None], x, x * (found[-1].error + moved))[:, 0]
