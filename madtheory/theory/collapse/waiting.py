"""How long until collapse, for d > 1: quantiles of the first passage of tr Sigma_t (1.9)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from madtheory import _search
from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.laws.varying_walk import passages
from madtheory.loop import Loop, require_fully_synthetic
from madtheory.results import Estimate
from madtheory.theory.collapse._scales import generation_range
from madtheory.theory.collapse.log_trace import log_trace_path
from madtheory.theory.collapse.times import collapse_time_quantiles, log_level

#: Steps until the mean path is there; where it takes more generations, several make a step.
_STEPS = 1000
#: Steps that are looked at.
_MOST = 2**15
#: A walk passes a barrier as Brownian motion passes one that is lower by so many standard
#: deviations of a step: -zeta(1/2)/sqrt(2 pi) (Siegmund 1979).
_OVERSHOOT = 0.5826
#: Declared error at the median and for each standard deviation from it, in units of the spread, and
#: how many times as much more where one direction has all the variance.
_MEDIAN, _FROM_MEDIAN, _SPIKED = 0.05, 0.04, 2.0


class Law(NamedTuple):
    """P(T <= t) at t = block, 2 block, .."""

    block: float
    cdf: Array

    def quantile(self, q: float) -> float:
        """Least t with P(T <= t) >= q; inf where it is beyond what was looked at."""
        i = int(np.searchsorted(self.cdf, q))
        if i == self.cdf.size:
            return math.inf
        if self.block == 1:
            return i + 1.0
        low = self.cdf[i - 1] if i else 0.0
        share = float((q - low) / (self.cdf[i] - low))
        return float(math.ceil(self.block * (i + share)))


def _path(loop: Loop, shares: Array, block: float) -> tuple[Array, Array]:
    """Mean and variance of log tr Sigma_t, with the barrier's correction where steps are long."""
    mean, variance = log_trace_path(loop, shares, block * np.arange(1.0, _MOST + 1))
    if block > 1:
        long = np.sqrt(np.diff(variance, prepend=0.0))
        mean = mean - _OVERSHOOT * long * (1.0 - block**-0.5)
    return mean, variance


def passage_law(loop: Loop, shares: Array, log_eps: float, enough: float) -> Law | None:
    """The law of T, up to where it reaches `enough`; None where the mean path never arrives."""

    def arrived(t: int) -> bool:
        return float(log_trace_path(loop, shares, np.array([float(t)]))[0][0]) <= log_eps

    if loop.scalar_bias == 0.0:  # nothing is left after generation 1
        first = next(passages(*log_trace_path(loop, shares, np.ones(1)), log_eps))
        return Law(1.0, np.array([first, 1.0]))
    typical = _search.first(arrived, most=2**62)
    if typical is None:
        return None
    block = float(max(1, typical // _STEPS))
    total, cdf = 0.0, []
    for step in passages(*_path(loop, shares, block), log_eps):
        total += step
        cdf.append(total)
        if total >= enough:
            break
    return Law(block, np.array(cdf))


def declared(loop: Loop, shares: Array, times: Array, q: Array, log_eps: float) -> Array:
    """A generation, and a share of the spread of log tr Sigma over the way to the barrier.

    The share was set on one table of simulated loops and covers another
    (tests/golden/theory/collapse/waiting.py).
    """
    known = np.isfinite(times)
    t = np.where(known, times, 1.0)
    spread = np.sqrt(log_trace_path(loop, shares, t)[1])
    spiked = 1.0 + _SPIKED * (shares.max() - 1.0 / shares.size)
    with np.errstate(divide="ignore"):
        share = spiked * (_MEDIAN + _FROM_MEDIAN * np.abs(ndtri(q))) / abs(log_eps)
    error = 1.0 / t + share * spread
    return np.where(known, error, np.inf)


def _value(law: Law | None, low: float, high: float, q: float) -> float:
    """The law's quantile between the bounds; the bound where both are the same."""
    if low == high:
        return low
    return math.inf if law is None else min(max(law.quantile(q), low), high)


def collapse_time_chances(
    eps: float, loop: Loop, eigenvalues: ArrayLike, *, generations: int
) -> Array:
    """P(T <= t), t = 1..T, of the law of :func:`collapse_time` (1.9; asymptotic).

    Examples
    --------
    >>> loop, s = fully_synthetic(10), np.ones(3)
    >>> collapse_time_chances(0.1, loop, s, generations=20)[[4, 19]].round(3)
    array([0.006, 0.453])
    """
    require_fully_synthetic(loop, "the time to collapse")
    t, shares = generation_range(generations), Spectrum.of(eigenvalues).shares
    if loop.scalar_bias == 0.0:
        law = passage_law(loop, shares, log_level(eps), 1.0)
        return np.where(t > 1, 1.0, 0.0 if law is None else law.cdf[0])
    return np.cumsum(list(passages(*log_trace_path(loop, shares, t), log_level(eps))))


def collapse_time(
    loop: Loop, dim: int, *, eps: float, q: ArrayLike, eigenvalues: ArrayLike | None = None
) -> Estimate:
    """Quantiles of T, the first generation with tr Sigma_t < eps tr Sigma_0 (1.9; asymptotic).

    The logarithm of the trace is a walk with the mean and variance of
    :func:`log_trace_moments`; its first passage is computed. Exact at rank 1, in the limit eps to 0
    (the walk of one direction, started elsewhere) and, below bias 1, in the limit of large n_synth
    (no noise is left).

    Returns
    -------
    Estimate, shapes of `q`
        `lower` and `upper` are those of :func:`collapse_time_quantiles`, `value` lies between them
        and is inf where the loop may never collapse. `rel_error` is declared; it includes one
        generation.

    Examples
    --------
    >>> time = collapse_time(fully_synthetic(10), 3, eps=0.01, q=0.5)
    >>> float(time.lower), float(time.value), float(time.upper)
    (27.0, 42.0, 77.0)
    """
    lower, upper = collapse_time_quantiles(loop, dim, eps=eps, q=q, eigenvalues=eigenvalues)
    shares = Spectrum.of(np.ones(dim) if eigenvalues is None else eigenvalues).shares
    wanted = np.asarray(q, dtype=np.float64)
    open_ = lower < upper
    law = None
    if open_.any():
        law = passage_law(loop, shares, log_level(eps), float(wanted[open_].max()))
    values = np.vectorize(_value, otypes=[float], excluded=[0])(law, lower, upper, wanted)
    error = np.zeros_like(values)
    if open_.any():
        error[open_] = declared(loop, shares, values[open_], wanted[open_], log_level(eps))
    return Estimate(values, lower, upper, error)
