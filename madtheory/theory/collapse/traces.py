"""TODO madtheory.theory.collapse.traces"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check
from madtheory.laws import wishart
from madtheory.loop import (
    require_floor,
    require_fully_synthetic,
    require_no_floor,
    require_synthetic,
)
from madtheory.results import SecondMoments
from madtheory.theory.collapse._scales import (
    count_times,
    exp,
    generation_range,
    log1p,
    log_bias,
    step_gap,
    walk_share,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array
    from madtheory.loop import Loop


# --- moments (1.5, 1.6) --------------------------------------------------------------------------


def scaled(eigenvalues: ArrayLike) -> tuple[float, Array]:
    """Log of the largest eigenvalue and the eigenvalues over it: no overflow in their squares."""
    s = _check.eigenvalues("eigenvalues", eigenvalues)
    return math.log(s[0]), s / s[0]


def mean_trace(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Array:
    """Return E tr Sigma_t = first_scale step_bias^(t-1) tr Sigma_0, t = 1..T (1.5; exact).

    Parameters
    ----------
    loop : Loop
        A fully synthetic loop.
    eigenvalues : array_like, shape (d,)
        Eigenvalues of Sigma_0.
    generations : int
        T.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic or another argument is out of range.

    Examples
    --------
    >>> mean_trace(fully_synthetic(10, bias=0.5), [1.0, 1.0], generations=3)
    array([2. , 1. , 0.5])
    """
    require_fully_synthetic(loop, "the mean trace")
    t = generation_range(generations)
    s = _check.eigenvalues("eigenvalues", eigenvalues)
    with np.errstate(over="ignore"):
        return loop.first_scale * np.power(loop.step_bias, t - 1.0) * np.sum(s)


def mean_walk(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Array:
    """Return E |mu_t - mu_0|^2, t = 1..T (1.6; exact).

    tr Sigma_0 [first_bias / n_initial + (bias / n_synth) first_scale (1 + step_bias + ... +
    step_bias^(t-2))]: generation t >= 2 adds an independent step of covariance
    bias Sigma_{t-1} / n_synth, whatever the fit divides by. At ddof = 0 and bias 1 the trace and
    the walk share tr Sigma_0 between them: E tr Sigma_t + E |mu_t - mu_0|^2 = tr Sigma_0.

    Parameters
    ----------
    loop, eigenvalues, generations
        As for :func:`mean_trace`.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`mean_trace`.

    Examples
    --------
    >>> mean_walk(fully_synthetic(10), [1.0, 1.0], generations=3).round(12)
    array([0.2, 0.4, 0.6])
    """
    require_fully_synthetic(loop, "the mean walk")
    t = generation_range(generations)
    with np.errstate(over="ignore"):
        total = np.sum(_check.eigenvalues("eigenvalues", eigenvalues))
        return total * walk_share(loop, t)


def mean_walk_limit(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Return lim E |mu_t - mu_0|^2 as t grows; inf at step_bias >= 1 (1.6; exact).

    At step_bias 1 mu_t itself still converges almost surely; only its second moment diverges.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`mean_trace`.

    Examples
    --------
    >>> mean_walk_limit(fully_synthetic(10, bias=0.5), [1.0])
    0.2
    """
    require_fully_synthetic(loop, "the mean walk")
    with np.errstate(over="ignore"):
        total = float(np.sum(_check.eigenvalues("eigenvalues", eigenvalues)))
    gap = step_gap(loop)
    if gap <= 0.0:
        return math.inf
    later = loop.bias / gap / loop.n_synth
    return total * (loop.first_bias / loop.n_initial + loop.first_scale * later)


def second_moment_growth(loop: Loop) -> float:
    """Return step_bias^2 (1 + 2/m), the growth factor of E (tr Sigma_t)^2 (1.5; exact).

    Above 1 the second moment explodes. At step_bias 1 it is above 1 for every n_synth while every
    path dies: intermittency. At ddof = 0 and bias 1 it is (n-1)(n+1)/n^2 < 1.

    Raises
    ------
    UnsupportedLoop
        When `loop` is not fully synthetic.

    Examples
    --------
    >>> f"{second_moment_growth(fully_synthetic(11)):.12f}"
    '1.200000000000'
    """
    require_fully_synthetic(loop, "the growth of the second moment")
    return loop.step_bias**2 * (1.0 + 2.0 / loop.dof)


def _second_moments(
    loop: Loop, eigenvalues: ArrayLike, generations: int, weights: tuple[float, float, float]
) -> Array:
    """first_scale^2 step_bias^(2t-2) [(w_1 p + w_2 q) (A - B) + own B], p = tr S^2, q = (tr S)^2.

    (1.5) in the eigenvectors (1, 1) and (1, -2), which all fits share: A and B are the products
    of 1 + 2/m and 1 - 1/m over the fits, A - B >= 0 comes from expm1, so nothing cancels.
    """
    t = generation_range(generations)
    log_top, s = scaled(eigenvalues)
    p, q = float(s @ s), float(np.sum(s)) ** 2
    log_a = log1p(2.0 / loop.first_dof) + (t - 1.0) * log1p(2.0 / loop.dof)
    log_b = log1p(-1.0 / loop.first_dof) + count_times(t - 1.0, log1p(-1.0 / loop.dof))
    w_p, w_q, own = weights
    spread = -np.expm1(log_b - log_a)
    bracket = (w_p * p + w_q * q) * spread + (p + (q - p) * own) * np.exp(log_b - log_a)
    return exp(2.0 * log_bias(loop, t) + 2.0 * log_top + log_a + np.log(bracket))


def mean_trace_squared(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Array:
    """Return E tr Sigma_t^2, t = 1..T (1.5; exact).

    Parameters
    ----------
    loop, eigenvalues, generations
        As for :func:`mean_trace`.

    Returns
    -------
    ndarray, shape (T,)
        inf where it overflows.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`mean_trace`.

    Examples
    --------
    >>> mean_trace_squared(fully_synthetic(10), [1.0, 1.0], generations=2).round(8)
    array([2.66666667, 3.45679012])
    """
    require_fully_synthetic(loop, "E tr Sigma^2")
    return _second_moments(loop, eigenvalues, generations, (2.0 / 3.0, 1.0 / 3.0, 0.0))


def mean_squared_trace(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Array:
    """Return E (tr Sigma_t)^2, t = 1..T (1.5; exact).

    Parameters
    ----------
    loop, eigenvalues, generations
        As for :func:`mean_trace`.

    Returns
    -------
    ndarray, shape (T,)
        inf where it overflows.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`mean_trace`.

    Examples
    --------
    >>> mean_squared_trace(fully_synthetic(10), [1.0, 1.0], generations=2).round(8)
    array([4.44444444, 5.03703704])
    """
    require_fully_synthetic(loop, "E (tr Sigma)^2")
    return _second_moments(loop, eigenvalues, generations, (2.0 / 3.0, 1.0 / 3.0, 1.0))


# --- first moments: any shrinkage, floor, ddof and dimension -------------------------------------


def mean_walk_growth(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Return lim E |mu_{t+1} - mu_0|^2 - E |mu_t - mu_0|^2 with a floor (exact).

    bias floor tr Sigma_0 / (n_synth (1 - step_bias)), inf at step_bias >= 1: the mean walks away at
    this squared pace for ever. For maximum likelihood at bias 1 it is floor tr Sigma_0 a
    generation, whatever n_synth.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic, has no floor, or `eigenvalues` are out of range.

    Examples
    --------
    >>> f"{mean_walk_growth(fully_synthetic(10, floor=0.01, ddof=0), [2.0, 1.0]):.12f}"
    '0.030000000000'
    """
    require_floor(loop, "the growth of the mean walk")
    total = float(np.sum(_check.eigenvalues("eigenvalues", eigenvalues)))
    gap = step_gap(loop)
    return total * loop.bias * loop.floor / (loop.n_synth * gap) if gap > 0.0 else math.inf


# --- second moments ------------------------------------------------------------------------------


def _fit_map(scale: float, dof: int, shrinkage: float, dim: int) -> Array:
    """Return the 2 x 2 map of (E tr Sigma^2, E (tr Sigma)^2) by one fit and its shrinkage."""
    keep = (1.0 - shrinkage) ** 2
    shrink = np.array([[keep, (1.0 - keep) / dim], [0.0, 1.0]])
    return np.asarray(scale**2 * (shrink @ wishart.second_moment_map(dof)))


def shrinkage_second_moment_map(loop: Loop, dim: int) -> Array:
    """Return the map of (E tr Sigma^2, E (tr Sigma)^2) by one generation, floor 0 (exact).

    step_bias^2 [[b, (1 - b)/d], [0, 1]] [[1 + 1/m, 1/m], [2/m, 1]], b = (1 - shrinkage)^2: the fit
    as in theory.md 1.5, then tr((1-a) S + a (tr S/d) I)^2 = b tr S^2 + (1 - b) (tr S)^2/d.

    Returns
    -------
    ndarray, shape (2, 2)

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        When `loop` is not fully synthetic or has a floor, or `dim` is not a positive integer.

    Examples
    --------
    >>> shrinkage_second_moment_map(fully_synthetic(11, shrinkage=1.0), 2)
    array([[0.1, 0.5],
           [0.2, 1. ]])
    """
    require_no_floor(loop, "the second-moment map")
    d = _check.count("dim", dim)
    return _fit_map(loop.step_bias, loop.dof, loop.shrinkage, d)


def affine(loop: Loop, scale: float, dof: int, dim: int) -> Array:
    """Return one generation's 4 x 4 map of (1, E tr, E tr Sigma^2, E (tr)^2), s_0 = 1."""
    e = loop.floor
    fit = np.diag([1.0, scale, 0.0, 0.0])
    fit[2:, 2:] = _fit_map(scale, dof, loop.shrinkage, dim)
    floor = np.eye(4)
    floor[1:, 0] = [e * dim, e * e * dim, (e * dim) ** 2]
    floor[2:, 1] = [2 * e, 2 * e * dim]
    return np.asarray(floor @ fit)


def second_moments(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> SecondMoments:
    """Return E tr Sigma_t^2 and E (tr Sigma_t)^2, t = 1..T (exact).

    The map of :func:`shrinkage_second_moment_map`, then the floor, which adds
    2 e tr + e^2 d and 2 e d tr + e^2 d^2 in units of s_0 = tr Sigma_0/d.

    Parameters
    ----------
    loop, eigenvalues, generations
        As for :func:`mean_trace`.

    Returns
    -------
    SecondMoments
        Arrays of shape (T,); inf where they overflow.

    Raises
    ------
    UnsupportedLoop, ValueError, TypeError
        As :func:`mean_trace`.

    Examples
    --------
    >>> moments = second_moments(fully_synthetic(10, floor=0.1), [1.0, 1.0], generations=2)
    >>> moments.squared_trace.round(6)
    array([5.284444, 6.89037 ])
    """
    require_synthetic(loop, "the second moments")
    s = _check.eigenvalues("eigenvalues", eigenvalues)
    count = _check.count("generations", generations)
    unit = float(np.mean(s))
    state = np.array([1.0, s.size, float((s / unit) @ (s / unit)), float(s.size) ** 2])
    later = affine(loop, loop.step_bias, loop.dof, s.size)
    rows = np.empty((count, 2))
    with np.errstate(over="ignore"):
        for t in range(count):
            step = later if t else affine(loop, loop.first_scale, loop.first_dof, s.size)
            state = step @ state
            rows[t] = state[2:]
        rows *= unit * unit
    return SecondMoments(rows[:, 0], rows[:, 1])
