"""Worth of a loop in real samples (theory.md 2.5-2.9, 3.1, 5.3; paper, Eq. (4), Appendix G).

A loop is worth n_e real samples when its E W2^2 is that of one Gaussian fit to n_e real samples,
the baseline. Status: mean part exact; W2^2 part as exact as the baseline and the loop's W2^2,
whose errors are declared; admissible_n_synth compares both sides to the same (second) order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from madtheory import _validate, recursions, spectrum
from madtheory.distances import bures_weight
from madtheory.loops import Loop, UnsupportedLoop, fresh_data, require_fresh_memory_one
from madtheory.wishart import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BestWeight",
    "admissible_n_synth",
    "admissible_n_synth_limit",
    "admissible_n_synth_of",
    "baseline",
    "baseline_leading",
    "best_mean_weight",
    "best_weight",
    "effective_sample_size",
    "fraction_effective_size",
    "fraction_floor",
    "fresh_fraction",
    "gain",
    "leading_gain",
    "mean_effective_size",
]

#: Beyond this many samples the baseline is its leading order to all digits.
_LARGE = 2.0**52
#: n_synth is looked for up to this multiple of n_real.
_FARTHEST = 1e9
#: Spacing of the scan in log n_synth.
_STEP = 0.75
#: Ratio of neighbours in the scan over integers.
_HALVING = 2


# ------------------------------------------------------------------------------------ baseline
def baseline(n: int, eigenvalues: ArrayLike) -> Estimate:
    """E W2^2 between N(mu_0, Sigma_0) and one Gaussian fit to n real samples (theory.md 5.3).

    Parameters
    ----------
    n : int
        Real samples, at least 2.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0; zeros allowed.

    Returns
    -------
    Estimate
        0-d arrays; tr Sigma_0/n + 2 tr Sigma_0 - 2 E tr(Sigma_0 S Sigma_0)^{1/2}, the last from
        :func:`madtheory.spectrum.sqrt_trace_deficit`, with its bounds and declared error.

    Raises
    ------
    ValueError, TypeError
        When n is no integer of at least 2 or the eigenvalues are not valid.

    Examples
    --------
    >>> float(baseline(2, [1.0]).value.round(6))  # 1/2 + 2 - 2 sqrt(2/pi)
    0.904231
    """
    n = _validate.count("n", n, minimum=2)
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    return _baseline(n, s)


def _baseline(n: int, s: NDArray[np.float64]) -> Estimate:
    """The same without checks."""
    total = float(s.sum())
    deficit = spectrum.sqrt_trace_deficit(s, [n - 1])
    value, lower, upper = (
        np.asarray(total / n + 2 * total * x[0])
        for x in (deficit.value, deficit.lower, deficit.upper)
    )
    error = 2 * total * deficit.value[0] * deficit.rel_error[0] / value
    return Estimate(value, lower, upper, np.asarray(error))


def baseline_leading(n: float, eigenvalues: ArrayLike) -> float:
    """Second order of :func:`baseline` in Sigma_0^{-1/2} S Sigma_0^{-1/2} - I (theory.md 5.3).

    Parameters
    ----------
    n : float
        Real samples, greater than 1; need not be an integer.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    float
        tr Sigma_0/n + sum_ij s_i s_j (1 + d_ij)/(2 (n - 1)(s_i + s_j)); for Sigma_0 = I it is
        d/n + d(d + 1)/(4(n - 1)).

    Examples
    --------
    >>> baseline_leading(101, [1.0, 1.0]) == 2 / 101 + 6 / 400
    True
    """
    n = _validate.number("n", n, low=1.0)
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    if n == 1:
        return math.inf
    total = float(s.sum())
    # Pairs i = j count twice: sum_ij (1 + d_ij) s_i s_j/(s_i + s_j) = (weight/2 + 1) tr Sigma_0.
    return total / n + (bures_weight(s) / 2 + 1) * total / (2 * (n - 1))


def _baseline_real(n: float, s: NDArray[np.float64]) -> float:
    """Baseline at real n >= 2, linear in 1/n between integers."""
    low = math.floor(n)
    first = float(_baseline(low, s).value)
    if n == low:
        return first
    second = float(_baseline(low + 1, s).value)
    weight = (1 / low - 1 / n) * low * (low + 1)
    return first + weight * (second - first)


def effective_sample_size(w2_squared: float, eigenvalues: ArrayLike) -> float:
    """Real samples n_e whose Gaussian fit has this E W2^2: the inverse of :func:`baseline`.

    Parameters
    ----------
    w2_squared : float
        E W2^2, at least 0 (inf allowed).
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    float
        Between integers the baseline is interpolated linearly in 1/n (no Wishart law has
        non-integer n - 1 < dim). Fewer than 2 samples have no fit: beyond baseline(2) the answer
        goes on as 2 baseline(2)/w2_squared. inf at 0, 0 at inf.

    Raises
    ------
    ValueError, TypeError
        When w2_squared is negative or NaN, or the eigenvalues are not valid.

    Examples
    --------
    >>> round(effective_sample_size(float(baseline(37, [1.0, 2.0]).value), [1.0, 2.0]), 6)
    37.0
    """
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    if w2_squared == math.inf:
        return 0.0
    target = _validate.number("w2_squared", w2_squared, low=0.0)
    if target == 0:
        return math.inf
    first, last = float(_baseline(2, s).value), baseline_leading(_LARGE, s)
    if target >= first:
        return 2 * first / target
    if target <= last:
        return _LARGE * last / target
    root = optimize.brentq(
        lambda x: math.log(_baseline_real(math.exp2(x), s) / target), 1, 52, xtol=1e-14, rtol=1e-14
    )
    return float(math.exp2(root))


# ------------------------------------------------------------------------ effective sample size
def mean_effective_size(n_real: int, n_synth: int) -> float:
    """Real samples that E|mu|^2 of the unbiased loop is worth (theory.md 2.5, exact, bias = 1).

    Examples
    --------
    >>> mean_effective_size(10, 11)
    14.95
    """
    n_real = _validate.count("n_real", n_real)
    n_synth = _validate.count("n_synth", n_synth, minimum=0)
    return n_real + n_synth * ((n_real - 1) / (n_real + n_synth - 1)) if n_synth else float(n_real)


def leading_gain(n_real: int, n_synth: int) -> float:
    """Leading order of n_e/n_real at bias = 1, at most 2 (theory.md 2.5; n_real >> dim).

    Examples
    --------
    >>> leading_gain(100, 100)
    1.5
    """
    n_real = _validate.count("n_real", n_real)
    n_synth = _validate.count("n_synth", n_synth, minimum=0)
    return 1 + n_synth / (n_real + n_synth)


def gain(loop: Loop, eigenvalues: ArrayLike) -> float:
    """n_e/n_real of a loop at its limit, from E W2^2 (paper, Eq. (4); theory.md 2.5, 3.1).

    Parameters
    ----------
    loop : Loop
        A loop with real data and a computed limit.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    float
        As good as :func:`madtheory.recursions.w2_squared_limit`, whose error is declared.

    Raises
    ------
    UnsupportedLoop
        Without real data after generation 1, or where the limit is not computed.

    Examples
    --------
    >>> from madtheory.loops import fresh_data
    >>> round(gain(fresh_data(2000, 2000), [1.0]), 2)
    1.5
    """
    if not loop.n_real:
        raise UnsupportedLoop("the gain is computed for loops with real data only, got n_real = 0")
    limit = recursions.w2_squared_limit(loop, eigenvalues)
    return effective_sample_size(float(limit.value), eigenvalues) / loop.n_real


# --------------------------------------------------------------------------- admissible n_synth
def _excess(n_real: int, n_synth: float, bias: float, dim: int) -> float:
    """(E W2^2 of the loop - baseline)/dim, both to second order at Sigma_0 = I; exact moments."""
    parameters = Fraction(n_real), Fraction(n_synth), Fraction(bias)
    loop = recursions.second_order_identity(dim, *parameters)
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
    >>> from madtheory.loops import fresh_data
    >>> round(admissible_n_synth(fresh_data(30_000, 1, bias=0.5), 5), 1)
    47.9
    >>> admissible_n_synth(fresh_data(30_000, 1), 5)
    inf
    """
    require_fresh_memory_one(loop, "admissible_n_synth")
    dim, n_real, bias = _validate.count("dim", dim), loop.n_fresh, loop.bias
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
    return int(min(_FARTHEST * n_real, _validate.MAX_COUNT))


def admissible_n_synth_of(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Largest n_synth with n_e >= n_real, for any loop with a limit (theory.md 2.6, 3.1).

    Root of E W2^2 = baseline(n_real), both as :func:`madtheory.recursions.w2_squared_limit` and
    :func:`baseline` give them; interpolated between integers. For the fresh data loop
    :func:`admissible_n_synth` compares both sides to second order instead.

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
    >>> from madtheory.loops import synthetic_augmentation
    >>> admissible_n_synth_of(synthetic_augmentation(1000, 1), [1.0])  # it never helps
    0.0
    """
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    n_real = loop.n_real
    if not n_real:
        raise UnsupportedLoop(
            "the admissible n_synth is computed for loops with real data only, got n_real = 0"
        )
    if n_real == 1:
        return math.inf
    target = float(_baseline(n_real, s).value)

    def excess(n_synth: int) -> float:
        other = replace(loop, n_synth=n_synth)
        return float(recursions.w2_squared_limit(other, s).value) - target

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
    lam = _validate.number("bias", bias, low=0.0, high=1.0)
    d = _validate.count("dim", dim)
    if lam == 1:
        return math.inf
    return 4 / (1 - lam) ** 2 * ((2 - lam) + (d + 1) * (1 + 3 * lam - 2 * lam**2) / 8)


# --------------------------------------------------------------------------------- best weight
@dataclass(frozen=True, slots=True)
class BestWeight:
    """The weight on the real data with the least risk, and that risk over the real data's own."""

    weight: float
    ratio: float


def _best(risk: Callable[[float], float]) -> BestWeight:
    """Least risk over (0, 1]: a scan, then a bracketed minimum, to 1e-7 in the weight."""
    grid = np.concatenate([np.geomspace(1e-6, 0.1, 12, endpoint=False), np.linspace(0.1, 1, 13)])
    values = [risk(float(w)) for w in grid]
    at = int(np.argmin(values))
    around = grid[max(at - 1, 0)], grid[min(at + 1, grid.size - 1)]
    found = optimize.minimize_scalar(risk, bounds=around, method="bounded", options={"xatol": 1e-7})
    if values[at] < found.fun:
        return BestWeight(float(grid[at]), float(values[at]))
    return BestWeight(float(found.x), float(found.fun))


def _weighted(loop: Loop, w: float) -> Loop:
    """The loop with weight w on the real data."""
    if loop.budget is not None or min(loop.n_real, loop.n_synth) < 1 + loop.ddof:
        raise UnsupportedLoop(
            "the best weight is computed without a budget and with two real and two synthetic "
            f"samples a generation only, got n_real = {loop.n_real} and budget = {loop.budget}"
        )
    return replace(loop, weight=w)


def best_mean_weight(loop: Loop) -> BestWeight:
    """Weight on the real data at which E |mu|^2 is least in the limit (He, Xu, Cheng; exact).

    Parameters
    ----------
    loop : Loop
        A loop with real data and a limit; its own weight does not matter.

    Returns
    -------
    BestWeight
        For fresh data at bias 1 and n -> infinity both are (sqrt(k^2 + 4k) - k)/2,
        k = n_real/n_synth, the golden ratio at k = 1. With bias < 1 the mean alone misleads: see
        :func:`best_weight`.

    Raises
    ------
    UnsupportedLoop
        Without two real samples a generation, with a budget, or without a computed limit.

    Examples
    --------
    >>> from madtheory.loops import fresh_data
    >>> round(best_mean_weight(fresh_data(10_000, 10_000)).weight, 3)
    0.618
    """

    def risk(w: float) -> float:
        return loop.n_real * recursions.first_moments_limit(_weighted(loop, w)).mean_sq

    return _best(risk)


def best_weight(loop: Loop, eigenvalues: ArrayLike) -> BestWeight:
    """Weight on the real data at which E W2^2 is least in the limit (theory.md 2.9; asymptotic).

    Parameters
    ----------
    loop : Loop
        As for :func:`best_mean_weight`.
    eigenvalues : array_like, shape (dim,)
        Eigenvalues of Sigma_0.

    Returns
    -------
    BestWeight

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`best_mean_weight`, or when the eigenvalues are not valid.

    Examples
    --------
    >>> from madtheory.loops import fresh_data
    >>> round(best_weight(fresh_data(40, 400, bias=0.9), [1.0] * 4).weight, 2)  # golden: .27
    0.39
    """
    s = _validate.eigenvalues("eigenvalues", eigenvalues)
    base = float(_baseline(_weighted(loop, 1.0).n_real, s).value)

    def risk(w: float) -> float:
        return float(recursions.w2_squared_limit(_weighted(loop, w), s).value) / base

    return _best(risk)


# ----------------------------------------------------------------------------- fraction of real
def fresh_fraction(n: int, p: float, *, bias: float = 1.0) -> Loop:
    """Fresh data loop with p n real among n samples a generation (Appendix G, Fig. 31).

    Parameters
    ----------
    n : int
        Samples a generation, at least 2; also n_initial.
    p : float
        Fraction of real data in (0, 1). n_real = round(p n), at least 1 and at most n - 1.
        (Appendix G.2 prints n_s = (1-p) p for (1-p) n: theory.md 6.)
    bias : float
        Sampling bias lambda.

    Examples
    --------
    >>> loop = fresh_fraction(1000, 0.1, bias=0.9)
    >>> loop.n_fresh, loop.n_synth
    (100, 900)
    """
    n = _validate.count("n", n, minimum=2)
    p = _validate.number("p", p, low=0.0, high=1.0, open_=True)
    n_real = min(max(round(p * n), 1), n - 1)
    return fresh_data(n_real, n - n_real, bias=bias, n_initial=n)


def fraction_floor(p: float, bias: float, dim: int) -> float:
    """Limit of E W2^2 as n -> infinity at a fixed fraction p of real data (theory.md 2.7).

    Parameters
    ----------
    p : float
        Fraction of real data, in [0, 1].
    bias : float
        Sampling bias lambda in [0, 1].
    dim : int
        Dimension d; Sigma_0 = I. (tr Sigma_0 stands for d otherwise.)

    Returns
    -------
    float
        d (1 - sqrt(s))^2 with s = p/(1 - lambda (1 - p)); 0 at lambda = 1: no floor.

    Examples
    --------
    >>> fraction_floor(0.25, 0.0, 4)
    1.0
    """
    p = _validate.number("p", p, low=0.0, high=1.0)
    lam = _validate.number("bias", bias, low=0.0, high=1.0)
    d = _validate.count("dim", dim)
    if lam == 1:
        return 0.0
    s = p / (1 - lam * (1 - p))
    # 1 - s = (1 - lambda)(1 - p)/(1 - lambda (1 - p)): no cancellation near s = 1.
    return d * ((1 - lam) * (1 - p) / (1 - lam * (1 - p)) / (1 + math.sqrt(s))) ** 2


def fraction_effective_size(n: int, p: float) -> float:
    """Worth n p (2 - p) of the unbiased loop at a fraction p of real data (theory.md 2.7).

    Asymptotic in n. At p = 1 all n samples are real.

    Examples
    --------
    >>> fraction_effective_size(1000, 0.5)
    750.0
    """
    n = _validate.count("n", n)
    p = _validate.number("p", p, low=0.0, high=1.0)
    return n * p * (2 - p)
