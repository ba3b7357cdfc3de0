"""Do real data hold the loop? Two tests of their share of each training set.

A loop in which real data make up a share p of each training set obeys, to first order,

    x_(t+1) = (1 - p) x_t + noise                    for means and correlations, about the real ones
    c_(t+1) = a + b c_t,   a/(a + b) = p (or more)   for variances per unit of the real variance

so that p = 0 is a walk without end, and any p > 0 a plateau. Two tests read p off: the *anchor*
test from the walk of means and correlations, the *curve* test from the bend of the variances.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import stats

from madtheory.audit.known import LONGEST
from madtheory.audit.scoring import independent, scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from madtheory._types import Array
    from madtheory.audit.drift import Drift
    from madtheory.audit.series import Series

#: Shares of real data at which the likelihood of the walk is computed.
GRID = np.array([0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0])
#: Those of them that a forecast draws from.
SHARES = np.array([0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0])
#: Smallest step of the walk, in units of what is observed: keeps covariances regular.
_TINY_STEP = 1e-6
#: Added to correlations that are inverted: they may be singular to rounding.
_RIDGE = 1e-9
#: Shares of real rows that are always the same, a part of the first training set; the variance of
#: their error may be so many times that of Gaussian means, as shapes of few rows err by more.
KEPT = (0.1, 0.15, 0.2, 0.35, 0.5, 0.7)
KEPT_FACTOR = 1.5
#: Share of a step that the first generation is off by at least: keeps its variance from vanishing.
_FIRST = 0.01
#: Gain in twice the log-likelihood from which on a constant error of the model is allowed for, in
#: means and in shapes (one degree of freedom, at its edge: by chance in .04 and .02 of the loops).
_ERROR_SEEN = (3.0, 4.0)
#: Shares of real data in the other directions at which some are let walk.
_PARTLY = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
#: Models that synthetic data may come from, the last few, and the shares at which they are tried.
MEMORIES = (2, 3)
REMEMBERED = (0.0, 0.1, 0.2, 0.5)
#: Shares of real data in the one half of the directions where the other half walks, and variance of
#: a step of these over that of the others: alike, or as where a share p of the rows of files, which
#: are the training sets before that, is replaced: (1 - p) n of n rows are left, which adds the
#: noise p (1 - p)/n of a draw of them to 1/n, and p n real ones add p/n.
HALVES = tuple(
    (p, slower)
    for p in (0.1, 0.15, 0.2, 0.35, 0.5, 0.7, 1.0)
    for slower in (1.0, 1 / (1 + 2 * p - p**2))
)
#: Their p-value is so many times that of the scaled root: its tail is longer than Student's. By it
#: 55 of 4,400 loops are cleared falsely that set nothing, of 8 or 12 directions, 400 or 1,200
#: samples and 10 or 12 generations, where most are.
HALVES_FACTOR = 1.5
#: Of the means half walks then, of the shapes a quarter: those of two such directions.
FREE_MEANS, FREE_SHAPES = 0.5, 0.25


# ---------------------------------------------------------------------------------- the curve test
def curve_p_value(series: Series, noise: Drift, share: float, *, errs: bool = False) -> float:
    """p-value of "real data make up at least `share`" from the bend of the variances.

    c_(t+1)/c_t = a/c_t + b by least squares, tested on (1 - share) a - share b >= 0. Noise in c_t
    pulls a upwards, as does the pull of a short walk to its own mean: both make this test slower
    to reject.

    Where models err by the same each time training sets mix real rows with ones that are x_t off,
    which adds p (1 - p) x_t^2: real rows count 1 + (1 - p) x_t^2 times then, by the means of files.
    """
    level = series.log_variance.mean(axis=1)
    ratio, x = np.exp(np.diff(level)), np.exp(level[0] - level[:-1])
    with np.errstate(over="ignore", divide="ignore"):  # a file beyond all scales of the others
        if errs:
            x *= np.exp(np.log1p((1 - share) * np.square(series.means[:-1])).mean(axis=1))
        scaled = np.column_stack([x, np.ones_like(x)]) / ratio[:, None]
    if len(x) < 2 or not np.isfinite(scaled).all():
        return 1.0
    # Each column in units of its own, powers of two: a steep fall is no reason to say nothing.
    units = np.ldexp(1.0, np.frexp(scaled.max(axis=0))[1])
    scaled /= units
    information = scaled.T @ scaled
    if np.linalg.cond(information) > 1e12:
        return 1.0
    inverse = np.linalg.inv(information)
    contrast = np.array([(1 - share) * math.exp(level[0]), -share]) / units
    value = float(contrast @ inverse @ scaled.sum(axis=0))
    error = math.sqrt(noise.spread * noise.sharing * float(contrast @ inverse @ contrast))
    return float(stats.t.cdf(value / error, noise.dof)) if error > 0 else float(value >= 0)


# --------------------------------------------------------------------------------- the anchor test
class Halves(NamedTuple):
    """Greatest log-likelihood of a loop of which half of the directions walk, and variances of it.

    even, uneven: of twice the gain of the likeliest loop over it, times a constant, for one series:
    were all series of its one covariance, and with that of each half.
    """

    best: float
    even: float
    uneven: float


class Part(NamedTuple):
    """What one kind of series says: all means, or all shapes, standing for `number` series.

    Near the real data they stand for `near`, which is more where a walk correlates directions.

    log_likelihood: greatest one of one series on average at each of GRID; memory: the same at
    each of MEMORIES and of REMEMBERED; slow: without real data, whatever the memory, by steps of
    the least size that matters or larger; halves: where half of the directions walk so; partial: of
    a held loop some of whose directions walk; errs: whether a constant error of the model is seen;
    pool: without real data, where synthetic data come from all models; source: what it was fit to.
    """

    log_likelihood: Array
    memory: Array
    slow: float
    halves: Halves
    partial: float
    number: float
    near: float
    length: int
    errs: bool = False
    pool: float = -math.inf
    source: Source | None = None

    @property
    def best(self) -> float:
        """Greatest log-likelihood of all shares and memories."""
        return max(float(self.log_likelihood.max()), float(self.memory.max()))

    def kept(self) -> Array:
        """The same at each of KEPT, where the real rows are always the same ones, a part of the
        first training set."""
        if self.source is None:
            return np.zeros(len(KEPT))
        kind, gram, memory = self.source
        how = {"errs": self.errs, "memory": memory, "kept": kind.pull}
        return np.array([kind.best(gram, p, **how) for p in KEPT])


class Kept(NamedTuple):
    """Loops whose real rows are always the same, a part of the first training set.

    held, held_means: those of an anchor where they are among the held ones; gain: log-likelihood of
    the likeliest of them less that of the likeliest loop without real data.
    """

    held: float
    held_means: float
    gain: float


class Anchor(NamedTuple):
    """Log-likelihood (up to a constant) of each of SHARES, the likeliest, and p-values.

    log_likelihood: where synthetic data come from the last model; remembered: the same (up to the
    same constant) of MEMORIES and REMEMBERED, shape (2, 4), None where nothing is known of them;
    pool: the same without real data where they come from all models;
    walk: p-value of "no real data enter means or no real data enter shapes"; slow: of the same, or
    of none in half of the directions, with steps of the least size that matters, or larger; held:
    of "real data make up at least the margin of both"; held_means: of the same for the means alone;
    partial: of "no direction walks" in a held loop; memory: the likeliest number of models that
    synthetic data come from; errs: whether a constant error of the model is seen; parts: of means
    and of shapes.
    """

    log_likelihood: Array
    share: float
    walk: float
    slow: float
    held: float
    held_means: float = 1.0
    partial: float = 1.0
    memory: int = 1
    remembered: Array | None = None
    pool: float = -math.inf
    errs: bool = False
    parts: tuple[Part, ...] = ()


def response(keep: float, T: int, memory: int = 1, weights: Array | None = None) -> Array:
    """What x_t = keep (mean of the last `memory` x) + noise_t keeps of each noise (T, T).

    A model draws from the last `memory` ones (theory.md 2.8), in the mean by `weights` (T,).
    """
    w = np.ones(T) if weights is None else weights
    past = np.eye(T)
    for t in range(1, T):
        last = slice(max(0, t - memory), t)
        past[t] += keep * w[last] @ past[last] / w[last].sum()
    return past


def walk(keep: float, steps: Array, memory: int = 1, weights: Array | None = None) -> Array:
    """Covariance (T, T) of x_t = keep (mean of the last `memory` x) + noise of variance steps_t."""
    past = response(keep, len(steps), memory, weights)
    covariance: Array = (past * steps) @ past.T
    return covariance


def _kept_error(share: float) -> float:
    """Variance of the mean of the real rows of each training set, in units of that of a step.

    Of n rows (1 - p) n are synthetic: steps have (1 - p)^2/((1 - p) n), the p n real rows 1/(p n).
    """
    return KEPT_FACTOR / (share * (1 - share))


def components(
    keep: float,
    steps: Array,
    noise: Array,
    real: float = 0.0,
    *,
    memory: int = 1,
    weights: Array | None = None,
    free: float = 0.0,
    slower: float = 1.0,
    errs: bool = False,
    mixes: bool = False,
    partial: bool = False,
    kept: float = 0.0,
) -> Array:
    """Covariances (5 to 9, T, T) that add up: walk, offset, shift, noise, return, what is asked.

    The common offset is the real set's own sampling error; the first shift the first generation's,
    which has nearly no step of its own: it is 0 where the real set is the first training set.
    Without real data it never fades, and is part of the offset.
    Where the real set, of error variance `real`, is the first training set itself, generations
    start at its error and return to the truth.
    A model that `errs` by the same each time is off by that of all generations that are kept. Where
    training sets `mix` such samples with real ones, the squared distance of their means is spread:
    shapes gain it each time, and keep it as all else.
    Where the real rows are always the same, a part of a larger first training set, generations go
    from the error of that to the one of these few, whose rows err by `kept` times the others'.
    A share `free` of the directions walks without end, whatever holds the others, by steps that are
    `slower` times as large; `partial`: any.
    """
    T = len(steps)
    past = response(keep, T, memory, weights)
    fading = past[:, 0]
    moves = np.concatenate([_FIRST * steps[:1], steps[1:]])
    parts = [
        (1 - free) * (past * moves) @ past.T + free * slower * walk(1.0, moves, memory, weights),
        np.ones((T, T)),
        np.multiply.outer(fading, fading),
        np.diag(noise),
        real * np.multiply.outer(1 - fading, 1 - fading),
    ]
    if kept:
        gone = np.multiply.outer(1 - fading, 1 - fading)
        parts.append(parts[0] + kept * _kept_error(1 - keep) * gone)
    if errs:
        error = past.sum(axis=1)
        parts.append(np.multiply.outer(error, error))
        if mixes:
            spread = past[:, 1:] @ (keep * (1 - keep) * error[:-1] ** 2)
            parts.append(np.multiply.outer(spread, spread))
    if partial:
        parts.append(walk(1.0, moves, memory, weights))
    return np.stack(parts)


class Fit(NamedTuple):
    """Greatest log-likelihood of one series on average, the covariance (T, T) that has it, and the
    weights of its parts."""

    value: float
    covariance: Array
    weights: Array


def fit(parts: Array, gram: Array, least: float = 0.0) -> Fit:
    """Fit the weights of the parts of one series' covariance.

    Steps are `least` at least; sampling noise and return are at most the rows' own, of the files
    and of the real set; a first shift that does not fade is left out.
    """
    unit = float(np.trace(gram)) / len(gram)
    size = np.trace(parts, axis1=1, axis2=2) / len(gram) / unit
    fades, more = bool(parts[2, -1, -1] < 1 - 1e-9), [0.0] * (len(parts) - 5)
    low = np.array([max(_TINY_STEP, least * float(size[0])), 0.0, 0.0, 0.0, 0.0, *more])
    high = np.full(len(parts), math.inf)
    high[2], high[3], high[4] = math.inf if fades else 0.0, size[3], size[4]
    start = np.array([0.5, 0.2, 0.05, 0.3, 0.0, *more]).clip(low, high)
    start[5:] = 0.05
    norm = np.where(size > 0, size, 1.0)
    value, weights = scored(parts / (norm * unit)[:, None, None], gram / unit, low, high, start)
    return Fit(-float(value), np.tensordot(weights / norm, parts, 1), weights / norm)


class Kind(NamedTuple):
    """One kind of series (T, n): steps, file noise (T,), error variance of the real set.

    weights: of remembered generations in their mean; least: smallest step that matters; number,
    near: independent series; free: how many of them walk where half of the directions do; seen:
    gain from which on a constant error is allowed for; mixes: whether means have one, of which
    shapes have the spread of training sets that mix it with real rows; pull: variance of a real
    row's error in units of that of a row of the files.
    """

    x: Array
    steps: Array
    noise: Array
    real: float
    weights: Array
    least: float
    number: float
    near: float
    free: float
    seen: float
    mixes: bool = False
    pull: float = 1.0

    def parts(self, share: float, **how: Any) -> Array:
        """Components of the covariance of one series."""
        how = {"weights": self.weights, "mixes": self.mixes, **how}
        return components(1 - share, self.steps, self.noise, self.real, **how)

    def best(self, gram: Array, share: float, least: float = 0.0, **how: Any) -> float:
        """Greatest log-likelihood of one series on average."""
        return fit(self.parts(share, **how), gram, least).value

    def covariance(self, gram: Array, share: float, **how: Any) -> Array:
        """That of greatest log-likelihood."""
        return fit(self.parts(share, **how), gram).covariance

    def halves(self, gram: Array, likeliest: Array, **how: Any) -> Halves:
        """The likeliest loop of which half of the directions walk, against the likeliest one, of
        this covariance."""
        each = [(p, {"slower": slower, **how}) for p, slower in HALVES]
        fits = [
            (fit(self.parts(p, free=self.free, **one), gram, self.least), p, one) for p, one in each
        ]
        best, p, one = max(fits, key=lambda found: found[0].value)
        laws = [
            np.tensordot(best.weights, self.parts(p, free=free, **one), 1) for free in (0.0, 1.0)
        ]
        even, still, moving = _gap_variances(best.covariance, likeliest, laws)
        uneven = (1 - self.free) * still + self.free * moving
        return Halves(best.value, even, uneven)


class Source(NamedTuple):
    """What a part was fit to: a kind of series, the mean of its products (T, T), its memory."""

    kind: Kind
    gram: Array
    memory: int


def _gap_variances(null: Array, other: Array, laws: Sequence[Array]) -> list[float]:
    """Half the variance of the log ratio of two covariances (T, T), of one series of the first, and
    of each of `laws`; in units of the deviations of the first, as scales can be far apart."""
    size = np.sqrt(np.diagonal(null))
    size = np.multiply.outer(size, size)
    ridge = _RIDGE * np.eye(len(null))
    gap = np.linalg.inv(null / size + ridge) - np.linalg.inv(other / size + ridge)
    pushed = [gap @ (law / size) for law in (null, *laws)]
    return [float(np.einsum("ij,ji->", x, x)) for x in pushed]


def _likeliest(log_likelihood: Array, memory: Array, base: int) -> tuple[float, int]:
    """Share and memory of greatest log-likelihood; `base`: the memory along the whole grid."""
    i, (k, j) = int(log_likelihood.argmax()), np.unravel_index(memory.argmax(), memory.shape)
    if memory[k, j] > log_likelihood[i]:
        return REMEMBERED[j], MEMORIES[k]
    return float(GRID[i]), base


def _part(kind: Kind, known: int | None) -> Part:
    """Fit one kind of series; a constant error of the model is allowed for where it is seen.

    A `known` memory takes the place of the shortest, and there are no others.
    """
    gram, T = kind.x @ kind.x.T / kind.x.shape[1], len(kind.x)
    others = np.full((len(MEMORIES), len(REMEMBERED)), -math.inf)
    if not np.trace(gram) > 0:
        nothing = Halves(0.0, 0.0, 0.0)
        return Part(np.zeros(len(GRID)), np.zeros_like(others), 0.0, nothing, 0.0, 0.0, 0.0, T)
    base, longer = known or 1, MEMORIES if known is None else ()

    def fits(**how: Any) -> Array:
        return np.array([kind.best(gram, p, memory=base, **how) for p in GRID])

    plain, erring = fits(errs=False), fits(errs=True)
    errs = bool(2 * kind.number * (erring.max() - plain.max()) > kind.seen)

    def most(shares: tuple[float, ...], least: float, **how: Any) -> float:
        return max(kind.best(gram, p, least, errs=errs, **how) for p in shares)

    for k, row in zip(longer, others, strict=False):
        row[:] = [kind.best(gram, p, errs=errs, memory=k) for p in REMEMBERED]
    slow = max(most((0.0,), kind.least, memory=k) for k in (base, *longer))
    each = erring if errs else plain
    share, memory = _likeliest(each, others, base)
    likeliest = kind.covariance(gram, share, memory=memory, errs=errs)
    halves = kind.halves(gram, likeliest, memory=base, errs=errs)
    partial = most(_PARTLY, 0.0, partial=True, memory=base)
    number = independent(gram, likeliest, kind.number)
    near = independent(gram, likeliest, kind.near) if kind.near else number
    pool = kind.best(gram, 0.0, errs=errs, memory=T if known is None else base)
    source = Source(kind, gram, base)
    return Part(each, others, slow, halves, partial, number, near, T, errs, pool, source)


def parts_of(series: Series, least: float, memory: int | None = None) -> tuple[Part, Part]:
    """Means and shapes, of a loop whose memory may be known.

    Steps and sampling noise of the means are proportional to the variance of their generation,
    those of the shapes the same at all (theory.md 1.6, 1.4). Samples of several models have the
    mean of their means, but correlations by the size of their variances.
    """
    last = slice(-LONGEST, None)
    scale, rows, x = series.scale[last], series.rows[last], series.means[last]
    real, flat, count = 1 / series.real_rows, np.ones_like(scale), series.mean_count
    low, high = _ERROR_SEEN
    kind = Kind(x, scale, scale / rows, real, flat, least, count, 0.0, FREE_MEANS, low)
    means = _part(kind, memory)
    noise, error, x = series.shape_noise[last] / rows, series.real_noise * real, series.shapes[last]
    counts = series.shape_count, series.near_count
    # One direction has no shape, and the noise of that is rounding.
    pull = series.real_noise / float(series.shape_noise[last].mean()) if x.shape[1] > 1 else 1.0
    shapes = Kind(x, flat, noise, error, scale, least, *counts, FREE_SHAPES, high, means.errs, pull)
    return means, _part(shapes, memory)


def counted(series: Series, parts: Sequence[Part]) -> Series:
    """The same with as many independent means and shapes as their fits tell of."""
    if not parts:
        return series
    means, shapes = (part.number for part in parts)
    return replace(series, mean_count=means, shape_count=shapes)


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
    return _root(2 * part.number * (part.best - null), _dof(part))


def _against_halves(parts: Sequence[Part]) -> float:
    """p-value of a walk of half of the directions, of their means and of their shapes.

    The fit is of the average covariance. Series that walk are fewer and larger than the others, so
    that the average, and the gain with it, varies by more than that of series which are all alike.
    """
    gain = sum(2 * p.number * (p.best - p.halves.best) for p in parts)
    even, uneven = (
        sum(p.number * v for p, v in zip(parts, side, strict=True))
        for side in zip(*((p.halves.even, p.halves.uneven) for p in parts), strict=True)
    )
    wider = uneven / even if even > 0 else 1.0
    return min(1.0, HALVES_FACTOR * _root(gain / wider, float(sum(map(_dof, parts)))))


def _against_held(best: Best, dof: float) -> float:
    """p-value of "the margin or more" against less, by the signed root of the likelihood ratio."""
    return _root(2 * (best.little - best.held), dof)


def _against_still(part: Part) -> float:
    """p-value of "no direction walks" against a held loop with some that do."""
    return _root(2 * part.number * (part.partial - part.best), _dof(part))


def _together(parts: Sequence[Part], counts: list[float]) -> tuple[Array, Array]:
    """Log-likelihoods of several parts that share their share of real data and their memory."""
    pairs = list(zip(counts, parts, strict=True))
    return (
        np.sum([n * p.log_likelihood for n, p in pairs], axis=0),
        np.sum([n * p.memory for n, p in pairs], axis=0),
    )


def kept(parts: Sequence[Part], share: float) -> Kept:
    """What loops that keep a part of their first training set, and no other real data, explain.

    `share`: of real data from which on loops count as held.
    """
    if not parts:
        return Kept(0.0, 0.0, -math.inf)
    each, found = [p.near * p.kept() for p in parts], []
    for n in (len(parts), 1):
        best = best_of(*_together(parts[:n], [p.near for p in parts[:n]]), share)
        most, dof = float(np.sum(each[:n], axis=0).max()), float(sum(map(_dof, parts[:n])))
        p = _against_held(best._replace(held=max(best.held, most)), dof)
        found.append((p, most - best.walk))
    (held, gain), (means, _) = found
    return Kept(held, means, gain)


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


def _slow(moving: Sequence[Part]) -> float:
    """p-value of the likeliest loop that walks: means, shapes, or half of the directions."""
    if not moving:
        return 1.0
    return max(_against_halves(moving), *(_against_walk(p, p.slow) for p in moving))


def anchor(series: Series, share: float, growth: float, memory: int | None = None) -> Anchor:
    """Likelihood of each share of real data from the walk of means and correlations.

    `growth` is the least growth a generation of E W2^2/tr Sigma_0 that matters. A walk by steps q
    grows by q (1 + (K + 1)/4) (theory.md 5.3, leading order of the baseline at n = 1/q).
    A walk of the means alone is a walk, whatever the shapes do, and the other way round: the
    p-value of a walk is the larger one. Directions that walk do so in both, which tell together.
    A `memory` that is known has no rivals.
    """
    both = parts_of(series, least_step(series, growth), memory)
    means, moving = both[0], [p for p in both if p.number]
    plain, others = _together(both, [p.number for p in both])
    total, longest = _over_memories(plain, others), others.max(axis=1)
    remembers = float(longest.max()) > float(plain.max())
    near = best_of(*_together(both, [p.near for p in both]), share)
    alone = best_of(*_together(both[:1], [means.near]), share)
    walks = [best_of(p.log_likelihood, p.memory, share).walk for p in moving]
    return Anchor(
        log_likelihood=plain[np.isin(GRID, SHARES)],
        share=float(GRID[np.argmax(total)]),
        walk=max(map(_against_walk, moving, walks), default=1.0),
        slow=_slow(moving),
        held=_against_held(near, float(sum(map(_dof, both)))),
        held_means=_against_held(alone, _dof(means)),
        partial=min(1.0, 2 * min(map(_against_still, both))),
        memory=MEMORIES[int(np.argmax(longest))] if remembers else memory or 1,
        remembered=others,
        pool=sum(p.number * p.pool for p in moving),
        errs=any(p.errs for p in both),
        parts=both,
    )
