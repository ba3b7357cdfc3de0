"""The log-determinant of Sigma_t: mean and variance (theory.md 1.3; exact)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.directions import Directions
from madtheory.laws import wishart
from madtheory.loop import Loop, require_synthetic_by_direction
from madtheory.theory.collapse._scales import generation_range, log_power, log_scale


def log_det_mean(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Array:
    """Return E log det Sigma_t, t = 1..T (1.3; exact).

    -inf where Sigma_t is singular: Sigma_0 singular, d > n_initial - 1, from t = 2 on d > m, or
    bias 0. Of a spectrum of biases every generation adds sum_k log lambda_k (8).

    Examples
    --------
    >>> log_det_mean(fully_synthetic(10), [1.0, 1.0, 1.0], generations=2).round(8)
    array([-0.76408695, -1.52817391])
    """
    require_synthetic_by_direction(loop, "the log-determinant law")
    t = generation_range(generations)
    s = Spectrum.of(eigenvalues).values
    d, start = s.size, math.fsum(np.log(s)) if s[-1] > 0 else -math.inf
    if loop.has_spectrum:
        scale = Directions.of(loop, eigenvalues).each(lambda one: log_scale(one, t)).sum(axis=0)
    else:
        scale = d * log_scale(loop, t)
    later = log_power(wishart.log_det_mean(d, loop.dof), t - 1.0)
    return start + np.asarray(scale) + wishart.log_det_mean(d, loop.first_dof) + later


def log_det_variance(loop: Loop, eigenvalues: ArrayLike, *, generations: int) -> Array:
    """Return Var log det Sigma_t, t = 1..T (1.3; exact); 0 where Sigma_t is surely singular.

    Examples
    --------
    >>> log_det_variance(fully_synthetic(2), [1.0], generations=2).round(8)
    array([4.9348022, 9.8696044])
    """
    mean = log_det_mean(loop, eigenvalues, generations=generations)
    t = generation_range(generations)
    d = np.size(eigenvalues)
    first = wishart.log_det_variance(d, loop.first_dof)
    later = wishart.log_det_variance(d, loop.dof)
    return np.where(mean > -math.inf, first + (t - 1.0) * later, 0.0)
