"""Searches for the best and the sufficient: of counts and weights, with what errors leave open.

A function of them that has an error is asked at its value (side 0), where it is worst (1) and where
it is best (-1): the last two enclose the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from madtheory import _search
from madtheory.results import Estimate
from madtheory.spectrum import baseline

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.covariance import Spectrum

#: Ratio of neighbours in a scan for a minimum, in one for a run, and ends of a range within it.
_SCAN, _STEP, _NEAR = 4, 2, 1.05
#: Steps to a better neighbour at the end of a search for a minimum.
_NEIGHBOURS = 8
#: Excess of a risk over what it must not exceed: positive where it fails.
Excess = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Range:
    """A number, and those that are not certain to be worse."""

    value: float
    lower: float
    upper: float


def log_ratio(risk: Estimate, allowed: Estimate, side: int = 0) -> float:
    """Log of a risk over the one that is allowed, at `side` errors of both more."""
    above, below = float(risk.end(side)), float(allowed.end(-side))
    if above <= 0:
        return -math.inf
    if below <= 0:
        return math.inf
    ratio = above / below
    return math.log(ratio) if ratio > 0 else -math.inf


def allowed_risk(n_real: int, gain: float, s: Spectrum) -> Estimate:
    """E W2^2 that is worth `gain` times as many real samples.

    Between integers it is linear in 1/n, and below 2, which have no fit, it is that of two times
    2/n, as in n_e: a gain is reached just where n_e says so.
    """
    n = gain * n_real
    if n < 2:
        return _scaled(baseline(2, s), 2 / n)
    low = math.floor(n)
    share = (n - low) * (low + 1) / n
    if not share:
        return baseline(low, s)
    less, more = baseline(low, s), baseline(low + 1, s)
    ends = zip(_ends(less), _ends(more), strict=True)
    error = np.maximum(less.rel_error, more.rel_error)
    value, lower, upper = (np.asarray(x + share * (y - x)) for x, y in ends)
    return Estimate(value, lower, upper, error)


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    """An estimate times a number, with the same relative error."""
    value, lower, upper = (np.asarray(float(x) * factor) for x in _ends(estimate))
    return Estimate(value, lower, upper, estimate.rel_error)


def _ends(estimate: Estimate) -> tuple[Array, Array, Array]:
    """Value and bounds."""
    return estimate.value, estimate.lower, estimate.upper


def last_run(excess: Excess, bottom: int, top: int) -> tuple[float, float]:
    """Ends of the last run of integers in [bottom, top] without excess; NaN where there is none.

    It is looked for downwards by factors of two: a shorter run, or gap, can be missed.

    Examples
    --------
    >>> last_run(lambda n: (n - 30) * (n - 2000), 1, 10**6)
    (30.0, 2000.0)
    """
    n, above = top, 0
    while excess(n) > 0:
        if n == bottom:
            return math.nan, math.nan
        n, above = max(n // _STEP, bottom), n
    most = float(n) if not above else float(_edge(excess, n, above)[0])
    while excess(n) <= 0:
        if n == bottom:
            return float(bottom), most
        n, above = max(n // _STEP, bottom), n
    return float(_edge(excess, n, above)[1]), most


def _edge(excess: Excess, low: int, high: int) -> tuple[int, int]:
    """Neighbours between which the excess changes its sign."""
    below, above = _search.neighbours(excess, (low, excess(low)), (high, excess(high)))
    return below[0], above[0]


def lasting_run(excess: Excess, bottom: int, top: int) -> tuple[float, float]:
    """The last run where it goes on to `top`; else NaN: what ends before does not last.

    Examples
    --------
    >>> lasting_run(lambda n: (n - 30) * (n - 2000), 1, 10**6)
    (nan, nan)
    """
    return (math.nan, math.nan) if excess(top) > 0 else last_run(excess, bottom, top)


def last_sufficient(
    at: Callable[[int, int], float], bottom: int, top: int, *, lasting: bool
) -> Range:
    """Where the last run of at(n, side) <= 0 begins, by value and by both ends of the errors.

    Where `lasting`, it must go on to `top`.
    """
    run = lasting_run if lasting else last_run
    return _by_sides(lambda excess: run(excess, bottom, top)[0], at)


def first_sufficient(at: Callable[[int, int], float], bottom: int, top: int) -> Range:
    """The least n with at(n, side) <= 0, by value and by both ends of the errors.

    It is looked for upwards by factors of two: a shorter run of such n can be missed.
    """
    return _by_sides(lambda excess: _first(excess, bottom, top), at)


def _first(excess: Excess, bottom: int, top: int) -> float:
    """The least integer without excess; NaN where there is none."""
    n, below = bottom, 0
    while excess(n) > 0:
        if n == top:
            return math.nan
        n, below = min(_STEP * n, top), n
    return float(_edge(excess, below, n)[1]) if below else float(n)


def _by_sides(found: Callable[[Excess], float], at: Callable[[int, int], float]) -> Range:
    """What is found by value, and by both ends of the errors; inf where an end finds none."""
    value, late, early = (
        found(lambda n, side=side: at(n, side))  # type: ignore[misc]
        for side in (0, 1, -1)
    )
    if math.isnan(value):
        return Range(value, value, value)
    low, high = (math.inf if math.isnan(x) else x for x in (early, late))
    return Range(value, min(low, value), max(high, value))


def least(risk: Callable[[int], Estimate], top: int) -> int:
    """The integer in [1, top] of the least risk.

    A scan, a bracketed minimum in the log, and a few steps to neighbours, which that rounds to.
    """

    def at(log_n: float) -> float:
        return float(risk(round(math.exp(log_n))).value)

    counts = [*(_SCAN**i for i in range(math.ceil(math.log(top, _SCAN)))), top]
    values = [float(risk(n).value) for n in counts]
    i = values.index(min(values))
    ends = (math.log(counts[max(i - 1, 0)]), math.log(counts[min(i + 1, len(counts) - 1)]))
    found = optimize.minimize_scalar(at, bounds=ends, method="bounded", options={"xatol": 1e-3})
    n = round(math.exp(found.x)) if found.fun < values[i] else counts[i]
    for _ in range(_NEIGHBOURS):
        near = min((m for m in (n - 1, n, n + 1) if 1 <= m <= top), key=lambda m: risk(m).value)
        if near == n:
            break
        n = near
    return n


def doubled(top: int) -> list[int]:
    """1, 2, 4, ... below `top`, and `top`.

    Examples
    --------
    >>> doubled(10)
    [1, 2, 4, 8, 10]
    """
    return [*(2**i for i in range((top - 1).bit_length())), top]


def not_worse(
    risk: Callable[[float], Estimate], best: float, bottom: float, top: float, *, whole: bool
) -> Range:
    """What may be as good as `best`: the ends of its surroundings are found to five per cent."""
    allowed = risk(best)

    def fails(at: float) -> bool:
        return log_ratio(risk(at), allowed, -1) > 0

    def open_to(end: float) -> float:
        if not fails(end):
            return end
        inside, outside = best, end
        while max(inside / outside, outside / inside) > _NEAR:
            middle = math.sqrt(inside * outside)
            middle = round(middle) if whole else middle
            if middle in (inside, outside):
                break
            inside, outside = (inside, middle) if fails(middle) else (middle, outside)
        return outside

    return Range(best, open_to(bottom), open_to(top))
