"""Fresh data loop at any real covariance: what is known at Sigma_0 = I, carried over.

With W = Sigma_0^{-1/2} Sigma Sigma_0^{-1/2}, the law of W is that of the loop at Sigma_0 = I, and
invariant under rotations. Distances are not carried over so, but to second order they see Sigma_0
through one number, the Bures weight.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from madtheory import _check, spectrum
from madtheory.laws.bures import bures_weight
from madtheory.loop import Loop, UnsupportedLoop, require_fresh_memory_one
from madtheory.spectrum.baseline import baseline_of
from madtheory.theory import distance

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

#: n_synth is looked for up to this multiple of n_real.
_FARTHEST = 1e9
#: Spacing of the scan in log n_synth.
_STEP = 0.75
#: Ratio of neighbours in the scan over integers.
_HALVING = 2


# --- admissible n_synth --------------------------------------------------------------------------


def _excess(n_real: int, n_synth: float, bias: float, dim: int) -> float:
    """(E W2^2 of the loop - baseline)/dim, both to second order at Sigma_0 = I; exact moments."""
    parameters = Fraction(n_real), Fraction(n_synth), Fraction(bias)
    loop = distance.second_order_identity(dim, *parameters)
    return loop - (1 / n_real + (dim + 1) / (4 * (n_real - 1)))


def admissible_n_synth(loop: Loop, dim: int) -> float:
    """Largest n_synth with n_e >= n_real (theory.md 2.6; paper, Fig. 11, 12).

    Root of W2^2(n_real, n_synth) = baseline(n_real), both to second order in the covariance's
    fluctuation at Sigma_0 = I, with exact moments. Real-valued.

    Parameters
    ----------
    loop : Loop
        A fresh data loop with memory 1; its n_synth is ignored.
    dim : int
        Dimension d.

    Returns
    -------
    float
        inf where no n_synth fails, which is decided at n_synth = 10^9 n_real/(1 - bias), or
        10^9 n_real at bias = 1: beyond, only terms of order 10^-9 are left to change. Below, the
        largest root is found coming down from there, three steps a decade. n_real = 1 is no fit,
        so every n_synth passes. 0 where every n_synth fails.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        For any other loop, or a dimension below 1.

    Examples
    --------
    >>> round(admissible_n_synth(fresh_data(30_000, 1, bias=0.5), 5), 1)
    47.9
    >>> admissible_n_synth(fresh_data(30_000, 1), 5)
    inf
    """
    require_fresh_memory_one(loop, "admissible_n_synth")
    dim, n_real, bias = _check.count("dim", dim), loop.n_fresh, loop.bias
    if n_real == 1:
        return math.inf

    def excess(log_n: float) -> float:
        return _excess(n_real, math.exp(log_n), bias, dim)

    top = math.log(n_real * max(_FARTHEST, _FARTHEST / (1 - bias) if bias < 1 else 0.0))
    return _last_root(excess, top)


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


def last_pass(excess: Callable[[int], float], top: int, bottom: int = 1) -> float:
    """Last n in [bottom, top] with excess(n) <= 0, interpolated to n + 1; inf or 0 for none."""
    if excess(top) <= 0:
        return math.inf
    low, high = top, top
    while excess(low) > 0:
        if low == bottom:
            return 0.0
        low, high = max(low // _HALVING, bottom), low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if excess(middle) <= 0 else (low, middle)
    below, above = excess(low), excess(high)
    return low + (-below / (above - below) if math.isfinite(above) else 0.0)


def farthest(n_real: int) -> int:
    """Largest n_synth that is looked at."""
    return int(min(_FARTHEST * n_real, _check.MAX_COUNT))


def admissible_n_synth_of(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Largest n_synth with n_e >= n_real, for any loop with a limit (theory.md 2.6, 3.1).

    Root of E W2^2 = baseline(n_real), both as :func:`madtheory.theory.distance.w2_squared_limit`
    and :func:`madtheory.spectrum.baseline` give them; interpolated between integers. For the fresh
    data loop :func:`admissible_n_synth` compares both sides to second order instead.

    Parameters
    ----------
    loop : Loop
        A loop with real data; its n_synth is ignored.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    float
        inf where no n_synth up to 10^9 n_real fails, 0 where every one does. Coming down from
        there by factors of two, a shorter range of admissible n_synth can be missed.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        Without real data, or where the limit of E W2^2 is not computed.

    Examples
    --------
    >>> admissible_n_synth_of(synthetic_augmentation(1000, 1), [1.0])  # it never helps
    0.0
    """
    s = _check.eigenvalues("eigenvalues", eigenvalues)
    n_real = loop.n_real
    if not n_real:
        raise UnsupportedLoop(
            "the admissible n_synth is computed for loops with real data only, got n_real = 0"
        )
    if n_real == 1:
        return math.inf
    target = float(baseline_of(n_real, s).value)

    def excess(n_synth: int) -> float:
        other = replace(loop, n_synth=n_synth)
        return float(distance.w2_squared_limit(other, s).value) - target

    # Weighted moments need a synthetic covariance of their own.
    bottom = 1 + loop.ddof if loop.weight is not None else 1
    return last_pass(excess, farthest(n_real), bottom)


def admissible_n_synth_limit(bias: float, dim: int) -> float:
    """Limit of :func:`admissible_n_synth` as n_real -> infinity (theory.md 2.6, asymptotic).

    Proved in :mod:`madtheory.proofs.admissible`. The relative error at finite n_real is of order
    limit/n_real (2 to 5 % low at n_real = 30 limit).

    Parameters
    ----------
    bias : float
        Sampling bias lambda in [0, 1].
    dim : int
        Dimension d.

    Returns
    -------
    float
        4/(1 - lambda)^2 [(2 - lambda) + (d + 1)(1 + 3 lambda - 2 lambda^2)/8]; inf at lambda = 1.

    Examples
    --------
    >>> admissible_n_synth_limit(0.5, 1), admissible_n_synth_limit(0.5, 5)
    (32.0, 48.0)
    """
    lam = _check.number("bias", bias, low=0.0, high=1.0)
    d = _check.count("dim", dim)
    if lam == 1:
        return math.inf
    return 4 / (1 - lam) ** 2 * ((2 - lam) + (d + 1) * (1 + 3 * lam - 2 * lam**2) / 8)


def admissible_n_synth_limit_general(bias: float, eigenvalues: ArrayLike) -> float:
    """Limit of the admissible n_synth as n_real grows, any Sigma_0 (theory.md 2.6, asymptotic).

    :func:`admissible_n_synth_limit` with d + 1 replaced by 2 + the weight.

    Examples
    --------
    >>> admissible_n_synth_limit(0.5, [1.0, 1.0, 1.0, 1.0, 1.0])
    48.0
    """
    lam = _check.number("bias", bias, low=0.0, high=1.0)
    if lam == 1:
        return math.inf
    weight = 2 + bures_weight(eigenvalues)
    return 4 / (1 - lam) ** 2 * ((2 - lam) + weight * (1 + 3 * lam - 2 * lam**2) / 8)


def admissible_n_synth_general(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Largest n_synth with n_e >= n_real at any Sigma_0 (theory.md 2.6, 2.10; asymptotic).

    Root of E W2^2 = baseline, both to second order, with exact moments; real-valued by
    interpolation between integers. At Sigma_0 = I it is
    :func:`admissible_n_synth`.

    Parameters
    ----------
    loop : Loop
        A fresh data loop with memory 1; its n_synth is ignored.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    float
        inf where no n_synth up to 10^9 n_real fails, 0 where every one does.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        For any other loop, or eigenvalues that are none.

    Examples
    --------
    >>> round(admissible_n_synth(fresh_data(30_000, 1, bias=0.5), [3.0] * 5), 1)
    47.9
    """
    require_fresh_memory_one(loop, "admissible_n_synth")
    s = _check.eigenvalues("eigenvalues", eigenvalues)
    if s[0] == s[-1]:
        return admissible_n_synth(loop, s.size)
    # One real sample has no fit: every n_synth does better.
    if loop.n_fresh == 1:
        return math.inf
    target = spectrum.baseline_leading(loop.n_fresh, s)

    def excess(n_synth: int) -> float:
        other = dataclasses.replace(loop, n_synth=n_synth)
        return distance.w2_squared_second_order_limit(other, s) - target

    return last_pass(excess, farthest(loop.n_fresh))
