"""How many synthetic samples a loop may add: largest n_synth with n_e >= n_real (theory.md 2.6).

At any Sigma_0: with W = Sigma_0^{-1/2} Sigma Sigma_0^{-1/2}, the law of W is that of the loop at
Sigma_0 = I. Distances are not carried over so, but to second order they see Sigma_0 through one
number, the Bures weight.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from madtheory import _check, _search
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, UnsupportedLoop
from madtheory.spectrum import baseline, baseline_leading
from madtheory.theory import distance

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

#: n_synth is looked for up to this multiple of n_real.
_FARTHEST = 1e9
#: Spacing of the scan in log n_synth, and ratio of neighbours in the scan over integers.
_STEP, _HALVING = 0.75, 2


def admissible_n_synth(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Largest n_synth with n_e >= n_real (theory.md 2.6, 2.10, 3.1; paper, Fig. 11, 12).

    Root of E W2^2 = baseline(n_real). For the fresh data loop with memory 1 both sides are taken to
    second order in the covariance's fluctuation, with exact moments, and n_synth is real-valued;
    for any other loop with a limit they are what :func:`madtheory.theory.distance.w2_squared_limit`
    and :func:`madtheory.spectrum.baseline` give, interpolated between integers.

    Parameters
    ----------
    loop : Loop
        A loop with real data; its n_synth is ignored.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    float
        inf where no n_synth up to 10^9 n_real fails (for the fresh data loop at bias < 1: up to
        that over 1 - bias, beyond which only terms of order 10^-9 are left to change), 0 where
        every one does. Coming down from there, by factors of two, a shorter range of admissible
        n_synth can be missed. One real sample is no fit: every n_synth passes.

    Examples
    --------
    >>> round(admissible_n_synth(fresh_data(30_000, 1, bias=0.5), [3.0] * 5), 1)
    47.9
    >>> admissible_n_synth(fresh_data(30_000, 1), [1.0] * 5)
    inf
    >>> admissible_n_synth(synthetic_augmentation(1000, 1), [1.0])  # it never helps
    0.0
    """
    s = Spectrum.of(eigenvalues)
    if not loop.n_real:
        raise UnsupportedLoop(
            "the admissible n_synth is computed for loops with real data only, got n_real = 0"
        )
    if loop.n_real == 1:
        return math.inf
    return (_second_order if loop.is_fresh_memory_one else _by_limits)(loop, s)


def _second_order(loop: Loop, s: Spectrum) -> float:
    """Of the fresh data loop with memory 1."""
    n_real, bias = Fraction(loop.n_fresh), Fraction(loop.bias)
    target = baseline_leading(loop.n_fresh, s)

    def excess(log_n: float) -> float:
        return distance.second_order_limit(s, n_real, Fraction(math.exp(log_n)), bias) - target

    far = _FARTHEST / (1 - loop.bias) if loop.bias < 1 else _FARTHEST
    return _last_root(excess, math.log(loop.n_fresh * far))


def _last_root(excess: Callable[[float], float], top: float) -> float:
    """exp of the last x in [0, top] with excess(x) <= 0; inf if that is the top, 0 if none."""
    high = top
    if excess(high) <= 0:
        return math.inf
    for low in [*np.arange(top, 0.0, -_STEP)[1:].tolist(), 0.0]:
        if excess(low) <= 0:
            return math.exp(optimize.brentq(excess, low, high, xtol=1e-12, rtol=1e-12))
        high = low
    return 0.0


def _by_limits(loop: Loop, s: Spectrum) -> float:
    """Of any other loop with a limit."""
    target = float(baseline(loop.n_real, s).value)

    def excess(n_synth: int) -> float:
        other = replace(loop, n_synth=n_synth)
        return float(distance.w2_squared_limit(other, s).value) - target

    # Weighted moments need a synthetic covariance of their own.
    bottom = 1 + loop.ddof if loop.weight is not None else 1
    return _last_pass(excess, int(min(_FARTHEST * loop.n_real, _check.MAX_COUNT)), bottom)


def _last_pass(excess: Callable[[int], float], top: int, bottom: int) -> float:
    """Last n in [bottom, top] with excess(n) <= 0, interpolated to n + 1; inf or 0 for none."""
    if excess(top) <= 0:
        return math.inf
    low, high = top, top
    while excess(low) > 0:
        if low == bottom:
            return 0.0
        low, high = max(low // _HALVING, bottom), low
    high = _search.least(lambda n: excess(n) > 0, low, high)
    below, above = excess(high - 1), excess(high)
    return high - 1 + (-below / (above - below) if math.isfinite(above) else 0.0)


def admissible_n_synth_limit(bias: float, eigenvalues: ArrayLike) -> float:
    """Limit of the fresh data loop's admissible n_synth as n_real grows (2.6; asymptotic).

    Proved in :mod:`madtheory.proofs.admissible`. The relative error at finite n_real is of order
    limit/n_real (2 to 5 % low at n_real = 30 limit).

    4/(1 - lambda)^2 [(2 - lambda) + (2 + w)(1 + 3 lambda - 2 lambda^2)/8], w the Bures weight,
    d - 1 at a multiple of I; inf at lambda = 1.

    Examples
    --------
    >>> admissible_n_synth_limit(0.5, [1.0]), admissible_n_synth_limit(0.5, [1.0] * 5)
    (32.0, 48.0)
    """
    lam, s = _check.number("bias", bias, low=0.0, high=1.0), Spectrum.of(eigenvalues)
    if lam == 1:
        return math.inf
    return 4 / (1 - lam) ** 2 * ((2 - lam) + (2 + s.bures_weight) * (1 + 3 * lam - 2 * lam**2) / 8)
