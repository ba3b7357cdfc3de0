"""Do real data hold the loop? Two tests of their share of each training set.

A loop in which real data make up a share p of each training set obeys, to first order,

    x_(t+1) = (1 - p) x_t + noise                    for means and correlations, about the real ones
    c_(t+1) = a + b c_t,   a/(a + b) = p (or more)   for variances per unit of the real variance

so that p = 0 is a walk without end, and any p > 0 a plateau. Two tests read p off: the *anchor*
test from the walk of means and correlations, the *curve* test from the bend of the variances.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import optimize, stats

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.audit.drift import Drift
    from madtheory.audit.series import Series

#: Shares of real data at which the likelihood of the walk is computed.
GRID = np.array([0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0])
#: Those of them that a forecast draws from.
SHARES = np.array([0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0])
#: A fit uses at most this many generations, the last ones.
LONGEST = 40
#: Smallest step of the walk, in units of what is observed: keeps covariances regular.
_TINY_STEP = 1e-6
#: Gain in twice the log-likelihood from which on a constant error of the model is allowed for, in
#: means and in shapes (one degree of freedom, at its edge: by chance in .04 and .02 of the loops).
_ERROR_SEEN = (3.0, 4.0)
#: Shares of real data in the other directions at which some are let walk.
_PARTLY = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
#: Models that synthetic data may come from, the last few, and the shares at which they are tried.
MEMORIES = (2, 3)
REMEMBERED = (0.0, 0.1, 0.2, 0.5)
#: Loops that walk: without real data, or with them in half of the directions.
WALKS: tuple[tuple[float, dict[str, Any]], ...] = (
    *((0.0, {"memory": k}) for k in (1, *MEMORIES)),
    *((p, {"free": 0.5}) for p in (0.1, 0.2, 0.5, 1.0)),
)


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
class Part(NamedTuple):
    """What one kind of series says: all means, or all shapes, standing for `number` series.

    Near the real data they stand for `near`, which is more where a walk correlates directions.

    log_likelihood: greatest one of one series on average at each of GRID; memory: the same at
    each of MEMORIES and of REMEMBERED; slow: without real data, whatever the memory, by steps of
    the least size that matters or larger; partial: of a held loop some of whose directions walk;
    errs: whether a constant error of the model is seen.
    """

    log_likelihood: Array
    memory: Array
    slow: float
    partial: float
    number: float
    near: float
    length: int
    errs: bool = False


class Anchor(NamedTuple):
    """Log-likelihood (up to a constant) of each of SHARES, the likeliest, and p-values.

    walk: p-value of "no real data enter means or no real data enter shapes"; slow: of the same with
    steps of the least size that matters, or larger; held: of "real data make up at least the
    margin of both"; held_means: of the same for the means alone; partial: of "no direction walks"
    in a held loop; memory: the likeliest number of models that synthetic data come from.
    """

    log_likelihood: Array
    share: float
    walk: float
    slow: float
    held: float
    held_means: float = 1.0
    partial: float = 1.0
    memory: int = 1


def walk(keep: float, steps: Array, memory: int = 1) -> Array:
    """Covariance (T, T) of x_t = keep (mean of the last `memory` x) + noise, from x_0 = 0.

    The noise has variance steps_t; a model draws from the last `memory` ones (theory.md 2.8).
    """
    T = len(steps)
    past = np.eye(T)
    for t in range(1, T):
        past[t] += keep * past[max(0, t - memory) : t].mean(axis=0)
    covariance: Array = (past * steps) @ past.T
    return covariance


def components(
    keep: float,
    steps: Array,
    noise: Array,
    real: float = 0.0,
    *,
    memory: int = 1,
    free: float = 0.0,
    errs: bool = False,
    mixes: bool = False,
    partial: bool = False,
) -> Array:
    """Covariances (5 to 8, T, T) that add up: walk, offset, shift, noise, return, what is asked.

    The common offset is the real set's own sampling error; the first shift that of a first
    training set of another size. Without real data it never fades, and is part of the offset.
    Where the real set, of error variance `real`, is the first training set itself, generations
    start at its error and return to the truth.
    A model that `errs` by the same each time is off by 1 + keep + ... + keep^(t-1) of that. Where
    training sets `mix` such samples with real ones, the squared distance of their means is spread:
    shapes gain it each time, and keep it as all else.
    A share `free` of the directions walks without end, whatever holds the others; `partial`: any.
    """
    T = len(steps)
    fading = keep ** np.arange(T)
    parts = [
        (1 - free) * walk(keep, steps, memory) + free * walk(1.0, steps),
        np.ones((T, T)),
        np.multiply.outer(fading, fading),
        np.diag(noise),
        real * np.multiply.outer(1 - fading, 1 - fading),
    ]
    if errs:
        error = np.cumsum(fading)
        parts.append(np.multiply.outer(error, error))
        if mixes:
            spread = _mixture_spread(keep, error)
            parts.append(np.multiply.outer(spread, spread))
    if partial:
        parts.append(walk(1.0, steps))
    return np.stack(parts)


def _mixture_spread(keep: float, error: Array) -> Array:
    """Spread (T,) that mixing real rows with ones `error` off leaves, p (1 - p) error^2 a time."""
    spread = np.zeros(len(error))
    for t in range(1, len(error)):
        spread[t] = keep * spread[t - 1] + keep * (1 - keep) * error[t - 1] ** 2
    return spread


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


def fit(parts: Array, gram: Array, least: float = 0.0) -> tuple[float, Array]:
    """Greatest log-likelihood of one series on average, and the covariance (T, T) that has it.

    Steps are `least` at least; sampling noise and return are at most the rows' own, of the files
    and of the real set; a first shift that does not fade is left out.
    """
    unit = float(np.trace(gram)) / len(gram)
    size = np.trace(parts, axis1=1, axis2=2) / len(gram) / unit
    low, most, back = max(_TINY_STEP, least * float(size[0])), float(size[3]), float(size[4])
    shift = None if parts[2, -1, -1] < 1 else 0
    more = len(parts) - 5
    bounds = [(low, None), (0, None), (0, shift), (0, most), (0, back), *[(0, None)] * more]
    start = [max(0.5, low), 0.2, 0.05 if shift is None else 0.0, min(0.3, most), 0.0]
    start += [0.05] * more
    arguments = parts / (np.where(size > 0, size, 1.0) * unit)[:, None, None], gram / unit
    found = optimize.minimize(
        _deviance, np.array(start), arguments, method="L-BFGS-B", jac=True, bounds=bounds
    )
    return -float(found.fun), np.tensordot(found.x * unit, arguments[0], 1)


def _part(
    x: Array,
    steps: Array,
    noise: Array,
    real: float,
    least: float,
    count: float,
    near: float = 0.0,
    *,
    seen: float,
    mixes: bool = False,
) -> Part:
    """Fit one kind of series; a constant error of the model is allowed for where it is `seen`.

    Of the means' error shapes have the spread of training sets that `mix` it with real rows.
    """
    gram = x @ x.T / x.shape[1]
    if not np.trace(gram) > 0:
        return Part(
            np.zeros(len(GRID)),
            np.zeros((len(MEMORIES), len(REMEMBERED))),
            0.0,
            0.0,
            0.0,
            0.0,
            len(x),
        )

    def best(share: float, low: float = 0.0, **how: Any) -> float:
        how["mixes"] = mixes
        return fit(components(1 - share, steps, noise, real, **how), gram, low)[0]

    def fits(*, errs: bool) -> Array:
        return np.array([best(p, errs=errs) for p in GRID])

    plain, erring = fits(errs=False), fits(errs=True)
    errs = bool(2 * count * (erring.max() - plain.max()) > seen)
    each = erring if errs else plain
    memory = [[best(p, errs=errs, memory=k) for p in REMEMBERED] for k in MEMORIES]
    slow = max(best(p, least, errs=errs, **how) for p, how in WALKS)
    partial = max(best(p, errs=errs, partial=True) for p in _PARTLY)
    return Part(each, np.array(memory), slow, partial, count, near or count, len(x), errs)


def parts_of(series: Series, least: float) -> tuple[Part, Part]:
    """Means and shapes.

    Steps and sampling noise of the means are proportional to the variance of their generation,
    those of the shapes the same at all (theory.md 1.6, 1.4).
    """
    last = slice(-LONGEST, None)
    scale, rows = series.scale[last], series.rows[last]
    real = 1 / series.real_rows
    noise, flat = series.shape_noise[last] / rows, np.ones_like(scale)
    count, counts = series.mean_count, (series.shape_count, series.near_count)
    low, high = _ERROR_SEEN
    means = _part(series.means[last], scale, scale / rows, real, least, count, seen=low)
    error, shapes = series.real_noise * real, series.shapes[last]
    how: dict[str, Any] = {"seen": high, "mixes": means.errs}
    return means, _part(shapes, flat, noise, error, least, *counts, **how)


class Best(NamedTuple):
    """Greatest log-likelihoods: without real data, with less than the margin, with more."""

    walk: float
    little: float
    held: float


def best_of(log_likelihood: Array, memory: Array, share: float) -> Best:
    """Greatest of each kind, whatever the memory."""
    at, later = int(np.argmin(np.abs(GRID - share))), np.array(REMEMBERED) >= share
    walking = max(float(log_likelihood[0]), float(memory[:, 0].max()))
    little = max(walking, float(log_likelihood[:at].max()))
    return Best(
        walking, little, max(float(log_likelihood[at:].max()), float(memory[:, later].max()))
    )


def _dof(part: Part) -> float:
    """Degrees of freedom that the scale of a part is known with: half its entries."""
    return max(1.0, part.number * (part.length - 1) / 2)


def _root(gain: float, dof: float) -> float:
    """p-value of the signed root of a likelihood ratio."""
    return float(stats.t.sf(math.sqrt(gain), dof)) if gain > 0 else 1.0


def _against_walk(part: Part, null: float) -> float:
    """p-value of a walk of this log-likelihood, against loops with real data."""
    best = max(float(part.log_likelihood.max()), float(part.memory.max()))
    return _root(2 * part.number * (best - null), _dof(part))


def _against_held(best: Best, dof: float) -> float:
    """p-value of "the margin or more" against less, by the signed root of the likelihood ratio."""
    return _root(2 * (best.little - best.held), dof)


def _against_still(part: Part) -> float:
    """p-value of "no direction walks" against a held loop with some that do."""
    best = max(float(part.log_likelihood.max()), float(part.memory.max()))
    return _root(2 * part.number * (part.partial - best), _dof(part))


def _together(parts: tuple[Part, ...], counts: list[float]) -> tuple[Array, Array]:
    """Log-likelihoods of several parts that share their share of real data and their memory."""
    pairs = list(zip(counts, parts, strict=True))
    return (
        np.sum([n * p.log_likelihood for n, p in pairs], axis=0),
        np.sum([n * p.memory for n, p in pairs], axis=0),
    )


def _over_memories(log_likelihood: Array, memory: Array) -> Array:
    """Log-likelihood of each of GRID, whatever the memory."""
    out = log_likelihood.copy()
    for column, share in zip(memory.T, REMEMBERED, strict=True):
        at = int(np.argmin(np.abs(GRID - share)))
        out[at] = max(float(out[at]), float(column.max()))
    return out


def least_step(series: Series, growth: float) -> float:
    """Least step of a walk that matters: E W2^2/tr Sigma_0 grows by q (1 + (K + 1)/4)."""
    return growth / (1 + (int(series.means.shape[1]) + 1) / 4)


def anchor(series: Series, share: float, growth: float) -> Anchor:
    """Likelihood of each share of real data from the walk of means and correlations.

    `growth` is the least growth a generation of E W2^2/tr Sigma_0 that matters. A walk by steps q
    grows by q (1 + (K + 1)/4) (theory.md 5.3, leading order of the baseline at n = 1/q).
    A walk of the means alone is a walk, whatever the shapes do, and the other way round: the
    p-value of a walk is the larger one.
    """
    both = parts_of(series, least_step(series, growth))
    means, moving = both[0], [p for p in both if p.number]
    plain, memory = _together(both, [p.number for p in both])
    total, longest = _over_memories(plain, memory), memory.max(axis=1)
    remembers = float(longest.max()) > float(plain.max())
    near = best_of(*_together(both, [p.near for p in both]), share)
    alone = best_of(*_together(both[:1], [means.near]), share)
    walks = [best_of(p.log_likelihood, p.memory, share).walk for p in moving]
    return Anchor(
        log_likelihood=total[np.isin(GRID, SHARES)],
        share=float(GRID[np.argmax(total)]),
        walk=max(map(_against_walk, moving, walks), default=1.0),
        slow=max((_against_walk(p, p.slow) for p in moving), default=1.0),
        held=_against_held(near, float(sum(map(_dof, both)))),
        held_means=_against_held(alone, _dof(means)),
        partial=min(1.0, 2 * min(map(_against_still, both))),
        memory=MEMORIES[int(np.argmax(longest))] if remembers else 1,
    )
