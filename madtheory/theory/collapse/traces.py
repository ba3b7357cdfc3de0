"""Moments of tr Sigma_t and the walk of the mean (theory.md 1.5, 1.6; exact).

Any bias, ddof, shrinkage a and floor e. With h for `step_bias`, h_1 for `first_scale`,
s_0 = tr Sigma_0/d: shrinkage keeps the trace, and a floor adds e tr Sigma_0 to it every generation.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from madtheory import _check
from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.directions import Directions
from madtheory.laws import wishart
from madtheory.loop import Loop, require_floor, require_loop, require_no_floor, require_synthetic
from madtheory.results import TraceMoments
from madtheory.theory.collapse._scales import (
    generation_range,
    geometric_sum,
    log_power,
    log_scale,
    log_step_bias,
    log_variances,
    one_minus_step_bias,
    walk_share,
)

#: No logarithm of a variance is as low.
_FAR = 1e300


def _trace_share(loop: Loop, t: Array) -> Array:
    """E tr Sigma_t / tr Sigma_0."""
    kept = loop.first_scale * np.power(loop.step_bias, t - 1.0)
    if loop.floor == 0.0:
        return np.asarray(kept)
    return np.asarray(kept + loop.floor * (1.0 + geometric_sum(log_step_bias(loop), t - 1.0)))


def mean_trace(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Array:
    """Return E tr Sigma_t, t = 1..T (1.5; exact).

    tr Sigma_0 [h_1 h^(t-1) + floor (1 + h + ... + h^(t-1))].

    Examples
    --------
    >>> mean_trace(fully_synthetic(10, bias=0.5), [1.0, 1.0], generations=3)
    array([2. , 1. , 0.5])
    >>> mean_trace(fully_synthetic(10, bias=0.5, floor=0.1), [1.0, 1.0], generations=3).round(9)
    array([2.2 , 1.3 , 0.85])
    """
    require_loop(loop)
    if loop.has_spectrum:
        return Directions.of(loop, eigenvalues).total(
            lambda one: mean_trace(one, [1.0], generations=generations)
        )
    require_synthetic(loop, "the mean trace")
    t = generation_range(generations)
    with np.errstate(over="ignore"):
        return _trace_share(loop, t) * Spectrum.of(eigenvalues).trace


def mean_walk(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Array:
    """Return E |mu_t - mu_0|^2, t = 1..T (1.6; exact).

    tr Sigma_0 first_bias/n_initial + (bias/n_synth) sum_{k<t} E tr Sigma_k: generation t >= 2 adds
    an independent step of covariance bias Sigma_{t-1}/n_synth, whatever the fit divides by. At
    ddof = 0 and bias 1 the trace and the walk share tr Sigma_0 between them. With a floor the walk
    grows without bound (:func:`mean_walk_growth`): it stops the collapse of the variance, not the
    drift of the mean.

    Examples
    --------
    >>> mean_walk(fully_synthetic(10), [1.0, 1.0], generations=3).round(12)
    array([0.2, 0.4, 0.6])
    >>> mean_walk(fully_synthetic(10, floor=0.1, ddof=0), [1.0], generations=3).round(9)
    array([0.1, 0.2, 0.3])
    """
    require_loop(loop)
    if loop.has_spectrum:
        return Directions.of(loop, eigenvalues).total(
            lambda one: mean_walk(one, [1.0], generations=generations)
        )
    require_synthetic(loop, "the mean walk")
    t = generation_range(generations)
    with np.errstate(over="ignore"):
        total = Spectrum.of(eigenvalues).trace
        if loop.floor == 0.0:
            return np.asarray(total * walk_share(loop, t))
        steps = np.concatenate([[0.0], np.cumsum(_trace_share(loop, t)[:-1])])
        first = loop.first_bias / loop.n_initial
        return np.asarray(total * (first + steps * (loop.scalar_bias / loop.n_synth)))


def mean_walk_limit(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Return lim E |mu_t - mu_0|^2 as t grows; inf at step_bias >= 1 (1.6; exact).

    At step_bias 1 mu_t itself still converges almost surely; only its second moment diverges. With
    a floor and bias > 0 it is inf.

    Examples
    --------
    >>> mean_walk_limit(fully_synthetic(10, bias=0.5), [1.0])
    0.2
    """
    require_loop(loop)
    if loop.has_spectrum:
        return float(
            Directions.of(loop, eigenvalues).total(lambda one: mean_walk_limit(one, [1.0]))
        )
    require_synthetic(loop, "the mean walk")
    with np.errstate(over="ignore"):
        total = Spectrum.of(eigenvalues).trace
    gap = one_minus_step_bias(loop)
    if gap <= 0.0 or (loop.floor and loop.scalar_bias):
        return math.inf
    later = loop.scalar_bias / gap / loop.n_synth
    return total * (loop.first_bias / loop.n_initial + loop.first_scale * later)


def mean_walk_growth(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Return lim E |mu_{t+1} - mu_0|^2 - E |mu_t - mu_0|^2 with a floor (exact).

    bias floor tr Sigma_0 / (n_synth (1 - step_bias)), inf at step_bias >= 1: the mean walks away at
    this squared pace for ever. For maximum likelihood at bias 1 it is floor tr Sigma_0 a
    generation, whatever n_synth.

    Examples
    --------
    >>> f"{mean_walk_growth(fully_synthetic(10, floor=0.01, ddof=0), [2.0, 1.0]):.12f}"
    '0.030000000000'
    """
    require_floor(loop, "the growth of the mean walk")
    total = Spectrum.of(eigenvalues).trace
    gap = one_minus_step_bias(loop)
    return total * loop.scalar_bias * loop.floor / (loop.n_synth * gap) if gap > 0.0 else math.inf


# --- second moments (1.5) ------------------------------------------------------------------------


def _fit_map(scale: float, dof: int, shrinkage: float, dim: int) -> Array:
    """The 2 x 2 map of (E tr Sigma^2, E (tr Sigma)^2) by one fit and its shrinkage."""
    keep = (1.0 - shrinkage) ** 2
    shrink = np.array([[keep, (1.0 - keep) / dim], [0.0, 1.0]])
    return np.asarray(scale**2 * (shrink @ wishart.second_moment_map(dof)))


def shrinkage_second_moment_map(loop: Loop, dim: int) -> Array:
    """Return the map of (E tr Sigma^2, E (tr Sigma)^2) by one generation, floor 0 (exact).

    step_bias^2 [[b, (1 - b)/d], [0, 1]] [[1 + 1/m, 1/m], [2/m, 1]], b = (1 - shrinkage)^2: the fit
    as in theory.md 1.5, then tr((1-a) S + a (tr S/d) I)^2 = b tr S^2 + (1 - b) (tr S)^2/d.

    Examples
    --------
    >>> shrinkage_second_moment_map(fully_synthetic(11, shrinkage=1.0), 2)
    array([[0.1, 0.5],
           [0.2, 1. ]])
    """
    require_no_floor(loop, "the second-moment map")
    return _fit_map(loop.step_bias, loop.dof, loop.shrinkage, _check.count("dim", dim))


def second_moment_growth(loop: Loop, dim: int = 1) -> float:
    """Return the growth factor of E (tr Sigma_t)^2 without the floor's share (1.5; exact).

    step_bias^2 (1 + 2/m) without shrinkage, in any dimension; step_bias^2 (1 + 2/(m d)) at
    shrinkage 1; between, the spectral radius of :func:`shrinkage_second_moment_map`. Above 1 the
    second moment explodes. At step_bias 1 it is above 1 for every n_synth while every path dies:
    intermittency. At ddof = 0 and bias 1 it is (n-1)(n+1)/n^2 < 1.

    Examples
    --------
    >>> f"{second_moment_growth(fully_synthetic(11)):.12f}"
    '1.200000000000'
    >>> f"{second_moment_growth(fully_synthetic(11, shrinkage=1.0), 2):.12f}"
    '1.100000000000'
    """
    require_synthetic(loop, "the growth of the second moment")
    d = _check.count("dim", dim)
    if loop.shrinkage == 0.0:
        return loop.step_bias**2 * (1.0 + 2.0 / loop.dof)
    values = np.linalg.eigvals(_fit_map(loop.step_bias, loop.dof, loop.shrinkage, d))
    return float(np.abs(values).max())


def affine(loop: Loop, scale: float, dof: int, dim: int) -> Array:
    """One generation's 4 x 4 map of (1, E tr, E tr Sigma^2, E (tr)^2), s_0 = 1."""
    e = loop.floor
    fit = np.diag([1.0, scale, 0.0, 0.0])
    fit[2:, 2:] = _fit_map(scale, dof, loop.shrinkage, dim)
    floor = np.eye(4)
    floor[1:, 0] = [e * dim, e * e * dim, (e * dim) ** 2]
    floor[2:, 1] = [2 * e, 2 * e * dim]
    return np.asarray(floor @ fit)


def _iterated(loop: Loop, s: Array, generations: int) -> TraceMoments:
    """Second moments generation by generation, shrinkage and floor included."""
    unit = float(np.mean(s))
    state = np.array([1.0, s.size, float((s / unit) @ (s / unit)), float(s.size) ** 2])
    later = affine(loop, loop.step_bias, loop.dof, s.size)
    rows = np.empty((generations, 2))
    with np.errstate(over="ignore"):
        for t in range(generations):
            step = later if t else affine(loop, loop.first_scale, loop.first_dof, s.size)
            state = step @ state
            rows[t] = state[2:]
        rows *= unit * unit
    return TraceMoments(rows[:, 0], rows[:, 1])


def _closed(
    loop: Loop,
    log_scale_0: Array,
    log_top: Array | float,
    squares: tuple[Array | float, Array | float],
    t: Array,
    own: float,
) -> Array:
    """Scales [(2 p/3 + q/3) (A - B) + ((1 - own) p + own q) B], p = tr S^2, q = (tr S)^2.

    (1.5) in the eigenvectors (1, 1) and (1, -2), which all fits share: A and B are the products
    of 1 + 2/m and 1 - 1/m over the fits, A - B >= 0 comes from expm1, so nothing cancels. S is in
    units of the largest eigenvalue: no overflow in their squares.
    """
    p, q = squares
    log_a = math.log1p(2.0 / loop.first_dof) + (t - 1.0) * math.log1p(2.0 / loop.dof)
    first, later = (
        math.log1p(-1.0 / m) if m > 1 else -math.inf for m in (loop.first_dof, loop.dof)
    )
    log_b = first + log_power(later, t - 1.0)
    spread = -np.expm1(log_b - log_a)
    bracket = (2.0 / 3.0 * p + 1.0 / 3.0 * q) * spread + (p + (q - p) * own) * np.exp(log_b - log_a)
    with np.errstate(over="ignore", divide="ignore"):
        return np.exp(2.0 * log_scale_0 + 2.0 * log_top + log_a + np.log(bracket))


def _closed_by_direction(loop: Loop, eigenvalues: ArrayLike, t: Array, own: float) -> Array:
    """The same with a spectrum of biases: by theory.md 8 the loop of bias 1 and Sigma_0 D^(t-1)."""
    logs = log_variances(Directions.of(loop, eigenvalues), t)
    log_top = np.max(logs, axis=0, initial=-_FAR, where=logs > -np.inf)
    r = np.exp(logs - log_top)
    squares = np.sum(r * r, axis=0), np.square(np.sum(r, axis=0))
    return _closed(loop, np.zeros_like(t), log_top, squares, t, own)


def second_moments(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> TraceMoments:
    """Return E tr Sigma_t^2 and E (tr Sigma_t)^2, t = 1..T (1.5; exact).

    In closed form without shrinkage and floor; else by :func:`shrinkage_second_moment_map` and the
    floor, which adds 2 e tr + e^2 d and 2 e d tr + e^2 d^2 in units of s_0. inf on overflow.

    Examples
    --------
    >>> second_moments(fully_synthetic(10), [1.0, 1.0], generations=2).trace_squared.round(8)
    array([2.66666667, 3.45679012])
    >>> moments = second_moments(fully_synthetic(10, floor=0.1), [1.0, 1.0], generations=2)
    >>> moments.squared_trace.round(6)
    array([5.284444, 6.89037 ])
    """
    require_loop(loop)
    if loop.shrinkage or loop.floor:
        require_synthetic(loop, "the second moment")
        steps = generation_range(generations).size
        return _iterated(loop, Spectrum.of(eigenvalues).values, steps)
    return TraceMoments(
        mean_trace_squared(loop, eigenvalues, generations=generations),
        mean_squared_trace(loop, eigenvalues, generations=generations),
    )


def _second(loop: Loop, eigenvalues: ArrayLike, generations: int, own: float) -> Array:
    """E tr Sigma_t^2 (own = 0) or E (tr Sigma_t)^2 (own = 1), and nothing of the other."""
    if require_loop(loop).has_spectrum:
        return _closed_by_direction(loop, eigenvalues, generation_range(generations), own)
    require_synthetic(loop, "the second moment")
    s, t = Spectrum.of(eigenvalues).values, generation_range(generations)
    if loop.shrinkage or loop.floor:
        moments = _iterated(loop, s, t.size)
        return moments.squared_trace if own else moments.trace_squared
    r = s / s[0]
    squares = float(r @ r), float(np.sum(r)) ** 2
    return _closed(loop, log_scale(loop, t), math.log(s[0]), squares, t, own)


def mean_trace_squared(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Array:
    """Return E tr Sigma_t^2 of :func:`second_moments`, shape (T,)."""
    return _second(loop, eigenvalues, generations, 0.0)


def mean_squared_trace(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Array:
    """Return E (tr Sigma_t)^2 of :func:`second_moments`, shape (T,)."""
    return _second(loop, eigenvalues, generations, 1.0)
