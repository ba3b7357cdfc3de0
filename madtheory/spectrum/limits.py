"""High-dimension limits of the spectrum's moments (theory.md 5.1; asymptotic)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from madtheory import _check
from madtheory._types import Array

#: Step of every trapezoid rule in y = log z. The integrands are analytic and bounded in
#: |Im y| < pi/2, so the rule's error is of order exp(-pi**2 / step) < 1e-16.
STEP = 0.25
#: exp(-TAIL) is what the rules leave out at either end.
TAIL = 40.0
#: Orders of a moment, which is summed term by term, are below this.
_MOST = 1e5


def generation_counts(generations: ArrayLike) -> Array:
    """Return generations as floats, at least 0."""
    t = _check.floats("generations", generations)
    if not np.isfinite(t).all() or (t < 0).any() or (t != np.floor(t)).any():
        raise ValueError(f"generations must be non-negative integers, got {generations!r}")
    if (t > _check.MAX_COUNT).any():
        raise ValueError(f"generations must be at most {_check.MAX_COUNT}, got {t.max():g}")
    return t


def _integer_moment(power: int, t: Array, ratio: float) -> Array:
    """Return (1/k) sum_j C(k, j+1) C(tk, j) ratio^j, term by term (all terms positive)."""
    term = np.ones_like(t)
    total = np.ones_like(t)
    with np.errstate(over="ignore"):
        for j in range(power - 1):
            step = np.maximum(t * power - j, 0.0) * ratio
            term = term * (step * (power - 1 - j) / ((j + 1) * (j + 2)))
            total = total + term
    return total


def _cut_moment(s: float, t: Array, ratio: float) -> Array:
    """Return the moment of order s in (0, 1) as the integral on the cut, y = log(u / (1-u)).

    ratio <= 1: sin(pi s)/(pi s) int u^-s (1-u)^s (1 - ratio u)^{st} du over (0, 1);
    ratio > 1: the same with u -> u / ratio, that is, the dimension m with d as a degree of freedom.
    """
    y = np.arange(-TAIL / (1 - s), TAIL / (1 + s), STEP)
    log_v = -np.logaddexp(0.0, y)  # log(1 - u)
    g = ratio if ratio <= 1 else 1 / ratio
    gu = g * special.expit(y)
    near = log_v + np.log1p((1 - g) * np.exp(np.minimum(y, 700.0)))
    log_w = np.where(gu < 0.5, np.log1p(-np.minimum(gu, 0.5)), near)  # log(1 - g u)
    weight = (1 - s) * y + 2 * log_v + math.log(STEP * np.sinc(s))
    power = np.multiply.outer(s * t, log_w)
    if ratio > 1:
        power = np.multiply.outer(s * (t - 1), log_v) + s * log_w + (s - 1) * math.log(ratio)
    total: Array = np.exp(power + weight).sum(axis=-1)
    return total


def moment_limit(power: float, generations: ArrayLike, ratio: float) -> Array:
    """Return lim E tr Sigma_t^power / dim at bias = 1, Sigma_0 = I, dim/m -> ratio (theory.md 5.1).

    Parameters
    ----------
    power : float
        Order of the moment, in (0, 1e5): any order up to 0.99, a positive integer, or, with
        ratio < 1 and up to 1000 generations, any other.
    generations : array_like of int, any shape
        Generations t >= 0 (t = 0 is the real covariance).
    ratio : float
        dim / (n_synth - 1), at least 0.

    Returns
    -------
    ndarray, shape of `generations`
        2F1(1 - power, -power t; 2; ratio) and its continuation past ratio = 1. inf on overflow.

    Examples
    --------
    >>> moment_limit(2, [1, 2], 0.5)  # 1 + t ratio
    array([1.5, 2. ])
    """
    k = _check.number("power", power, low=0.0, high=_MOST, open_=True)
    gamma = _check.number("ratio", ratio, low=0.0)
    t = generation_counts(generations)
    if k == int(k):
        return _integer_moment(int(k), t, gamma)
    if k <= 0.99:
        out: Array = np.where(t == 0, 1.0, _cut_moment(k, np.maximum(t, 1.0), gamma))
        return out
    if gamma >= 1:
        raise ValueError(f"ratio must be below 1 for power = {k:g}, got {gamma:g}")
    if (t > 1000).any():  # the library's 2F1 returns nan there
        raise ValueError(f"generations must be at most 1000 for power = {k:g}, got {t.max():g}")
    return np.asarray(special.hyp2f1(1 - k, -k * t, 2.0, gamma), dtype=np.float64)


def sqrt_trace_limit(generations: ArrayLike, ratio: float) -> Array:
    """Return lim E tr Sigma_t^{1/2} / dim at bias = 1, Sigma_0 = I (theory.md 5.1; asymptotic).

    :func:`moment_limit` at power 1/2: 2F1(1/2, -t/2; 2; ratio) for ratio <= 1, and beyond it
    2 ratio^{-1/2} Gamma(t/2 + 1) / (sqrt(pi) Gamma(t/2 + 3/2)) 2F1(-1/2, 1/2; (t + 3)/2; 1/ratio).
    Neither form is evaluated as it stands: library 2F1 loses all digits at large t.

    Examples
    --------
    >>> sqrt_trace_limit(1, 1.0).round(6)  # 8 / (3 pi), the quarter circle law
    np.float64(0.848826)
    """
    return moment_limit(0.5, generations, ratio)


def sqrt_trace_limit_small_ratio(x: ArrayLike) -> Array:
    """Return the limit of :func:`sqrt_trace_limit` as ratio -> 0 with x = t ratio (theory.md 5.1).

    exp(-x/4) [I_0(x/4) + I_1(x/4)], about 1.596 / sqrt(x) for large x.

    Examples
    --------
    >>> sqrt_trace_limit_small_ratio([0.0, 1e6]).round(6)
    array([1.      , 0.001596])
    """
    z = _check.floats("x", x) / 4
    if not (z >= 0).all():
        raise ValueError(f"x must be non-negative, got minimum {4 * z.min():g}")
    return np.asarray(special.i0e(z) + special.i1e(z), dtype=np.float64)
