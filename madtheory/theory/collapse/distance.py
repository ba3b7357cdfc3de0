"""The expected squared Wasserstein distance E W2^2 (theory.md 1.7).

With tau_t = first_scale step_bias^(t-1), F_t = tr (Sigma_0^{1/2} Sigma_t Sigma_0^{1/2})^{1/2}
(the Bures fidelity) and D_t = 1 - E F_t / (tr Sigma_0 sqrt(tau_t)), which neither `bias` nor `ddof`
enters,

    E W2^2(t) = E |mu_t - mu_0|^2 + tr Sigma_0 [(1 - sqrt(tau_t))^2 + 2 sqrt(tau_t) D_t]      (1.7)

A spectrum of biases multiplies the factor of Sigma_t from the left and the fits multiply it from
the right, so they commute: with tau_k(t) for direction k, F_t is the fidelity of the loop of bias 1
whose eigenvalues are h_k = s_k sqrt(tau_k(t)) (theory.md 8), and

    E W2^2(t) = E |mu_t - mu_0|^2 + sum_k s_k (1 - sqrt(tau_k))^2 + 2 sum_k h_k D_t(h).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from madtheory import _check, spectrum
from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.directions import Directions
from madtheory.loop import Loop, require_fully_synthetic, require_synthetic_by_direction
from madtheory.results import Estimate
from madtheory.theory.collapse._scales import (
    generation_range,
    log_scale,
    log_variances,
    walk_share,
)
from madtheory.theory.collapse.traces import mean_walk, mean_walk_limit


def _distance(loop: Loop, t: Array, lost: Array) -> Array:
    """Return V(t) = E W2^2 / tr Sigma_0 for D_t = `lost`; no term cancels another."""
    log_root = 0.5 * log_scale(loop, t)
    with np.errstate(over="ignore"):
        shrink = np.expm1(log_root) ** 2
        return np.asarray(walk_share(loop, t) + shrink + 2 * np.exp(log_root) * lost)


def deficit(loop: Loop, eigenvalues: ArrayLike, t: Array) -> Estimate:
    """Return D_t at generations t."""
    return spectrum.chain_deficit(eigenvalues, t, first=loop.first_dof, later=loop.dof)


def estimate(loop: Loop, t: Array, d: Estimate) -> Estimate:
    """Return E W2^2 / tr Sigma_0 at generations t, `d` being D_t."""
    value, lower, upper = (_distance(loop, t, x) for x in (d.value, d.lower, d.upper))
    with np.errstate(over="ignore", invalid="ignore"):
        declared = 2 * np.exp(0.5 * log_scale(loop, t)) * d.value * d.rel_error / value
        rigorous = np.maximum(upper - value, value - lower) / value
    # nan: infinite over infinite, an over-dispersed loop past the range of floats.
    error = np.nan_to_num(np.minimum(declared, rigorous), nan=0.0)
    return Estimate(value=value, lower=lower, upper=upper, rel_error=error)


def _by_direction(loop: Loop, eigenvalues: ArrayLike, generations: int) -> Estimate:
    """The same of a spectrum of biases, not per unit of tr Sigma_0: a deficit for each t."""
    t, directions = generation_range(generations), Directions.of(loop, eigenvalues)
    logs = log_variances(directions, t)  # log s_k tau_k
    log_s = np.log(directions.values)[:, None]
    with np.errstate(over="ignore"):
        near = directions.values @ np.expm1(0.5 * (logs - log_s)) ** 2
        near = near + mean_walk(loop, eigenvalues, generations=generations)
        h = np.exp(0.5 * (logs + log_s))
    parts = [
        _deficit_part(loop, h[:, i], t[i : i + 1]) if h[:, i].any() else np.zeros((4, 1))
        for i in range(t.size)
    ]
    lost, *bounds, error = np.concatenate(parts, axis=1)
    value, (lower, upper) = near + lost, (near + x for x in bounds)
    allowed = np.minimum(error, np.maximum(upper - value, value - lower))
    return Estimate(value, lower, upper, allowed / value)


def _deficit_part(loop: Loop, h: Array, t: Array) -> Array:
    """Rows value, lower, upper, error of 2 sum_k h_k D_t(h), shape (4, 1)."""
    d = deficit(loop, h, t)
    return 2 * float(h.sum()) * np.stack([d.value, d.lower, d.upper, d.value * d.rel_error])


def w2_squared(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Estimate:
    """Return E W2^2 between N(mu_t, Sigma_t) and N(mu_0, Sigma_0), t = 1..T (theory.md 1.7).

    Exact (rel_error 0) for rank 1 and at bias = 0 after the first generation; else asymptotic with
    the error declared from simulation, between rigorous bounds.

    Examples
    --------
    >>> w2_squared(fully_synthetic(10, bias=0.5), [1.0], generations=3).value.round(6)
    array([0.154681, 0.312061, 0.5048  ])
    """
    require_synthetic_by_direction(loop, "w2_squared")
    if loop.has_spectrum:
        return _by_direction(loop, eigenvalues, generations)
    s, t = Spectrum.of(eigenvalues), generation_range(generations)
    return estimate(loop, t, deficit(loop, s, t)).scaled(s.trace)


def w2_squared_limit(loop: Loop, eigenvalues: ArrayLike) -> float:
    """Return lim E W2^2 as t grows; inf at step_bias >= 1 (theory.md 1.8; exact).

    tr Sigma_0 (1 + 1/(n (1 - bias))) where n_initial = n_synth, generation 1 is real and ddof = 1;
    2 tr Sigma_0 for the maximum likelihood loop at bias 1.

    Examples
    --------
    >>> w2_squared_limit(fully_synthetic(10, bias=0.5), [1.0, 1.0])
    2.4
    """
    require_synthetic_by_direction(loop, "w2_squared_limit")
    return Spectrum.of(eigenvalues).trace + mean_walk_limit(loop, eigenvalues)


def w2_squared_high_dimension(loop: Loop, dim: int, *, generations: int) -> Estimate:
    """Return E W2^2 with E tr Sigma_t^{1/2} at its limit d, n -> infinity, Sigma_0 = I (5.1).

    The bounds are those of :func:`w2_squared`; the declared error is the distance from its value
    plus its own declared error.

    Examples
    --------
    >>> w2_squared_high_dimension(fully_synthetic(101), 100, generations=1).value.round(2)
    array([31.22])
    """
    require_fully_synthetic(loop, "w2_squared_high_dimension")
    d = _check.count("dim", dim)
    t = generation_range(generations)
    limit = spectrum.chain_deficit_limit(d, t, first=loop.first_dof, later=loop.dof)
    value = _distance(loop, t, limit)
    near = estimate(loop, t, deficit(loop, np.ones(d), t))
    with np.errstate(invalid="ignore"):
        error = (np.abs(value - near.value) + near.rel_error * near.value) / value
    error = np.nan_to_num(error, nan=0.0)
    return Estimate(value, near.lower, near.upper, error).scaled(float(d))
