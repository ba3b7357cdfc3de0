"""Drift of the log variances: how fast variance is lost, and what training sets explain it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory.laws import chi_square

if TYPE_CHECKING:
    from madtheory.audit.series import Series


class Drift(NamedTuple):
    """Drift of the average log variance a generation, and the noise that it was read through.

    value, error: the drift and its standard error; dof: degrees of freedom of the error;
    step: variance of a single direction's step of the loop itself; spread: variance of its
    observed increment; sharing: variance of the average over that of a single direction.
    wide: the error where files have less noise of their own than it looks, by a standard error.
    """

    value: float
    error: float
    dof: float
    step: float
    spread: float
    sharing: float
    wide: float


def _noise(series: Series, value: float) -> tuple[float, float]:
    """Variance of a direction's increment, and of the sampling noise in one log variance.

    Increments of a walk seen through noise of variance r have variance q + 2 r and neighbours the
    covariance -r. r is 0 where each file is itself the next training set, and at most what n rows
    give. Taking out the common mean makes both too small, by what `sharing` says.
    """
    D, increments = series.sharing, np.diff(series.log_variance, axis=0)
    steps = len(increments)
    if steps <= D:
        return math.inf, 0.0
    residual = increments - value
    spread = float(np.square(residual).mean()) / (1 - D / steps)
    if steps < 2:
        return spread, 0.0
    neighbours = float((residual[1:] * residual[:-1]).mean()) + spread * D / steps
    most = min(spread / 2, series.log_noise * float((1 / series.rows).mean()))
    return spread, min(max(-neighbours, 0.0), most)


def drift(series: Series) -> Drift:
    """Drift from the first generation to the last (theory.md 1.1: the rate of collapse).

    The end points carry nearly all that a walk has to say on its drift, whatever lies between.
    """
    level = series.log_variance.mean(axis=1)
    steps, D = len(level) - 1, series.sharing
    value = float(level[-1] - level[0]) / steps
    spread, noise = _noise(series, value)
    dof = max(1.0, steps / D - 1)

    def error(noise: float) -> float:
        return math.sqrt(D * (steps * spread - 2 * (steps - 1) * noise)) / steps

    # A mean of as many products of neighbours; what is noise of theirs counts as the files' own.
    less = max(0.0, noise - spread / math.sqrt(max(1.0, (steps - 1) / D)))
    return Drift(value, error(noise), dof, spread - 2 * noise, spread, D, error(less))


def held_drift(series: Series, whole: Drift, share: float, steps: int) -> Drift:
    """Drift over the last `steps` in a loop that is held by `share` real data.

    Between two generations of x_t = (1 - share) x_(t-1) + noise the difference has the variance
    of one increment times sum_(k < steps) (1 - share)^k; sampling noise only makes it less.
    Increments that undo each other count for fewer: two thirds, where share = 1.
    """
    level = series.log_variance.mean(axis=1)
    increments = float(((1 - share) ** np.arange(steps)).sum())
    error = math.sqrt(whole.sharing * whole.spread * increments) / steps
    value = float(level[-1] - level[-1 - steps]) / steps
    return whole._replace(value=value, error=error, wide=error, dof=max(1.0, whole.dof * 2 / 3))


def training_size(step: float) -> float:
    """Degrees of freedom m of a Gaussian fit whose log variances step with variance psi'(m/2).

    inf without a step, and where nothing is known of one: no correction then.
    """
    return chi_square.dof_of_log_variance(step) if 0 < step < math.inf else math.inf


def size_correction(dof: float) -> float:
    """Part of the drift that finite training sets alone cause: log(m/2) - psi(m/2)."""
    if math.isinf(dof):
        return 0.0
    return -float(chi_square.log_chi_square_mean(dof, dof))
