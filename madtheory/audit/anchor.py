"""Do real data hold the loop? Two tests of their share of each training set.

A loop in which real data make up a share p of each training set obeys, to first order,

    x_(t+1) = (1 - p) x_t + noise                    for means and correlations, about the real ones
    c_(t+1) = a + b c_t,   a/(a + b) = p (or more)   for variances per unit of the real variance

so that p = 0 is a walk without end, and any p > 0 a plateau. Two tests read p off: the *anchor*
test from the walk of means and correlations, the *curve* test from the bend of the variances.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import optimize, stats

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.audit.drift import Drift
    from madtheory.audit.series import Series

#: Shares of real data at which the likelihood of the walk is computed.
SHARES = np.array([0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0])
#: A fit uses at most this many generations, the last ones.
_LONGEST = 24
#: Smallest step of the walk, in units of what is observed: keeps covariances regular.
_TINY_STEP = 1e-6


# ---------------------------------------------------------------------------------- the curve test
def curve_p_value(series: Series, noise: Drift, share: float) -> float:
    """p-value of "real data make up at least `share`" from the bend of the variances.

    c_(t+1)/c_t = a/c_t + b by least squares, tested on (1 - share) a - share b >= 0. Noise in c_t
    pulls a upwards, as does the pull of a short walk to its own mean: both make this test slower
    to reject.
    """
    level = series.log_variance.mean(axis=1)
    ratio, x = np.exp(np.diff(level)), np.exp(level[0] - level[:-1])
    scaled = np.column_stack([x, np.ones_like(x)]) / ratio[:, None]
    information = scaled.T @ scaled
    if len(x) < 2 or np.linalg.cond(information) > 1e12:
        return 1.0
    inverse = np.linalg.inv(information)
    contrast = np.array([(1 - share) * math.exp(level[0]), -share])
    value = float(contrast @ inverse @ scaled.sum(axis=0))
    error = math.sqrt(noise.spread * noise.sharing * float(contrast @ inverse @ contrast))
    return float(stats.t.cdf(value / error, noise.dof)) if error > 0 else float(value >= 0)


# --------------------------------------------------------------------------------- the anchor test
class Anchor(NamedTuple):
    """Log-likelihood (up to a constant) of each of SHARES, the likeliest, and two p-values.

    walk: p-value of "no real data enter"; slow: of the same with steps of the least size that
    matters, or larger; held: of "real data make up at least the margin".
    """

    log_likelihood: Array
    share: float
    walk: float
    slow: float
    held: float


def _walk(keep: float, steps: Array) -> Array:
    """Covariance (T, T) of x_t = keep x_(t-1) + noise of variance steps_t, from x_0 = 0."""
    T = len(steps)
    past = keep ** np.subtract.outer(np.arange(T), np.arange(T)).clip(0) * np.tri(T)
    covariance: Array = (past * steps) @ past.T
    return covariance


def _components(keep: float, steps: Array, noise: Array, *, errs: bool) -> Array:
    """Covariances (4 or 5, T, T) that add up: walk, offset, first shift, noise, model error.

    The common offset is the real set's own sampling error; the first shift that of a first
    training set of another size. Without real data it never fades, and is part of the offset.
    A model that errs by the same each time is off by 1 + keep + ... + keep^(t-1) of that.
    """
    T = len(steps)
    fading = keep ** np.arange(T)
    parts = [
        _walk(keep, steps),
        np.ones((T, T)),
        np.multiply.outer(fading, fading),
        np.diag(noise),
    ]
    error = np.cumsum(fading)
    return np.stack([*parts, np.multiply.outer(error, error)] if errs else parts)


def _inverse(V: Array) -> tuple[Array, float]:
    """Inverse and log-determinant of a covariance, kept regular where its scales are far apart."""
    try:
        return np.asarray(np.linalg.inv(V), float), float(np.linalg.slogdet(V)[1])
    except np.linalg.LinAlgError:
        scale = 1 / np.sqrt(np.diagonal(V))
        units = np.multiply.outer(scale, scale)
        unit = V * units + _TINY_STEP**2 * np.eye(len(V))
        log_determinant = float(np.linalg.slogdet(unit)[1]) - 2 * float(np.log(scale).sum())
        return np.asarray(np.linalg.inv(unit) * units, float), log_determinant


def _deviance(weights: Array, parts: Array, gram: Array) -> tuple[float, Array]:
    """Half of log det V + tr V^-1 G for V the weighted sum of parts, with its gradient."""
    V = np.tensordot(weights, parts, 1)
    inverse, log_determinant = _inverse(V)
    whitened = inverse @ gram
    value = (log_determinant + float(np.trace(whitened))) / 2
    return value, np.tensordot(parts, inverse - whitened @ inverse, 2) / 2


def _fit(parts: Array, gram: Array, least: float = 0.0) -> float:
    """Greatest log-likelihood of one series on average, with steps of at least `least`.

    Sampling noise is at most the rows' own; a first shift that does not fade is left out.
    """
    unit = float(np.trace(gram)) / len(gram)
    size = np.trace(parts, axis1=1, axis2=2) / len(gram) / unit
    low, most = max(_TINY_STEP, least * float(size[0])), float(size[3])
    shift = None if parts[2, -1, -1] < 1 else 0
    bounds = [(low, None), (0, None), (0, shift), (0, most), (0, None)][: len(parts)]
    start = [max(0.5, low), 0.2, 0.05 if shift is None else 0.0, min(0.3, most), 0.05]
    arguments = parts / (size * unit)[:, None, None], gram / unit
    found = optimize.minimize(
        _deviance,
        np.array(start[: len(parts)]),
        arguments,
        method="L-BFGS-B",
        jac=True,
        bounds=bounds,
    )
    return -float(found.fun)


def _likelihoods(x: Array, steps: Array, noise: Array, least: float, *, errs: bool) -> Array:
    """Log-likelihood of one series on average: a walk by `least` or more, then SHARES."""
    gram = x @ x.T / x.shape[1]
    if not np.trace(gram) > 0:
        return np.zeros(1 + len(SHARES))
    slow = _fit(_components(1.0, steps, noise, errs=errs), gram, least)
    each = [_fit(_components(1 - p, steps, noise, errs=errs), gram) for p in SHARES]
    return np.array([slow, *each])


def _total(series: Series, least: float) -> Array:
    """The same of all series together.

    Steps and sampling noise of the means are proportional to the variance of their generation,
    those of the shapes the same at all (theory.md 1.6, 1.4).
    """
    last = slice(-_LONGEST, None)
    scale, rows = series.scale[last], series.rows[last]
    means = _likelihoods(series.means[last], scale, scale / rows, least, errs=True)
    noise, flat = series.shape_noise[last] / rows, np.ones_like(scale)
    shapes = _likelihoods(series.shapes[last], flat, noise, least, errs=False)
    return series.mean_count * means + series.shape_count * shapes


def anchor(series: Series, share: float, growth: float) -> Anchor:
    """Likelihood of each share of real data from the walk of means and correlations.

    `growth` is the least growth a generation of E W2^2/tr Sigma_0 that matters. A walk by steps q
    grows by q (1 + (K + 1)/4) (theory.md 5.3, leading order of the baseline at n = 1/q).
    """
    K = series.means.shape[1]
    slow, *each = _total(series, growth / (1 + (K + 1) / 4))
    total = np.array(each)
    dof = max(1.0, series.mean_count + series.shape_count)
    at = int(np.argmin(np.abs(SHARES - share)))

    def p_value(gain: float) -> float:
        # Against the walk the alternative has two more parameters: the share and the first shift.
        return float(stats.f.sf(max(0.0, gain), 2, dof))

    gain = max(0.0, 2 * float(total[:at].max() - total[at]))
    return Anchor(
        log_likelihood=total,
        share=float(SHARES[np.argmax(total)]),
        walk=p_value(float(total.max() - total[0])),
        slow=p_value(float(total.max() - slow)),
        held=float(stats.t.sf(math.sqrt(gain), dof)) if gain > 0 else 1.0,
    )
