"""What each share of real data says of a loop: its noises, its growth, where real data pull to.

With a share p of real data and synthetic data of the last k models, x_t and c_t their means,
theory.md 1.1 and :mod:`madtheory.audit.anchor` have

    x_(t+1) = p h + (1 - p) x_t + noise            means, h those of the real rows that enter
    c_(t+1) = g (p + (1 - p) c_t) + noise          variances along an axis, in real units

so that residuals of both give the noise and, by their mean, g and h. Files that are fresh samples
of the models add noise of their own, which residuals of neighbours share, with the other sign.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory.audit.anchor import MEMORIES, REMEMBERED, SHARES
from madtheory.audit.known import LONGEST, NOTHING, Known
from madtheory.audit.scoring import scored
from madtheory.audit.turned import along_own, are_cut, correlations, lack, own_axes
from madtheory.audit.wild import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from madtheory._types import Array
    from madtheory.audit.anchor import Anchor
    from madtheory.audit.series import Series

#: Shares of real data and memories that a path may have.
PAIRS = (
    *((float(p), 1) for p in SHARES),
    *((p, k) for k in MEMORIES for p in REMEMBERED),
    (0.0, LONGEST),
)
#: Draws of logarithms are cut here, those of Student's law here.
_LARGEST_LOG, _LARGEST_T = 30.0, 8.0
#: Axes are few where the variance of their mean is more than this share of one's.
_FEW = 0.4
#: Least variance of what enters.
_TINY = 1e-12
#: A file's noise is not told where products of residuals have no more of it than this.
_NOT_TOLD = 1e-9
#: From this many steps on the later half is looked at.
_HALVES = 4
#: Whatever share of real data is said, models may pull by themselves, as those that lose a part of
#: their correlations do, or real rows count otherwise, as where outliers are cut: paths have
#: another share against these odds, a logarithm.
_BY_ITSELF = 3.0
#: Sizes of samples are kept within these.
SIZES = 2.0, 1e9
#: Factors of what is added to the means of discrete columns each time, where no real data enter:
#: models that sharpen what they draw drift faster and faster.
_FACTORS = 1.0, 1.05, 1.1, 1.2, 1.3


class Noise(NamedTuple):
    """Of one share: variance of a residual, and the part of a file in a level (not a residual)."""

    spread: float
    file: float


class Home(NamedTuple):
    """Mean of the real rows that enter (K,), the real set's own being 0, and its variance.

    Without real data there are none: what a model that errs by the same each time adds to the
    means, and the last time if that grows by a factor. kept: part of it, along all axes together,
    that is not noise; free (K,): probability that an axis has a home by itself, all of which is
    kept. left: sum of the squares of residuals; course: that of the course that was fitted.
    """

    mean: Array
    error: float
    kept: float
    free: Array
    left: float = 0.0
    course: float = 1.0


class Pull(NamedTuple):
    """One share's noise, log growth (K,), home of the means (K,), and shape (K, K).

    steps, where some axes are wild: (steps, K) twice, log growth of each, and variance beyond what
    the old leaves of itself; and (steps, K, K), correlations beyond those of what went in.

    The shape is shrunk to the real set's own, 1, as far as it may be noise. axes (K, K) twice: the
    growth is along `axes[0] @ ... @ axes[1]`, the real ones or the loop's own.
    """

    noise: Noise
    growth: Array
    home: Home
    shape: Array
    axes: tuple[Array, Array]
    steps: tuple[Array, Array, Array] | None


class Draw(NamedTuple):
    """Parameters of P paths: share, training size, part of the file's noise (P,), growth (P, K).

    memory (P,): models that synthetic data come from, the last ones.
    axes, each (P, K, K): along which growth is, and what takes the real ones to them.
    wild: what axes do whose variances move by more than the noise of the others, if there are any.
    home (P, K) and shape (P, K, K): mean and covariance of the real rows that enter; home without
    any: what is added to the means each time, `faster` (P,) times as much as the time before.
    """

    share: Array
    memory: NDArray[np.int64]
    size: Array
    part: Array
    growth: Array
    home: Array
    shape: Array
    axes: tuple[Array, Array]
    faster: Array
    wild: Steps | None = None


def recalled(x: Array, memory: int) -> Array:
    """Means of the last `memory` of x (T, ...) at each time, of fewer where there are no more."""
    return np.array([x[max(0, t + 1 - memory) : t + 1].mean(axis=0) for t in range(len(x))])


@cache
def echoes(share: float, memory: int) -> tuple[float, ...]:
    """Covariances of a residual's noise of files with those 0, 1, ..., `memory` later.

    In units of a file's: that of e_(t+1) - (1 - p) (mean of the last `memory` e).

    >>> echoes(0.5, 1)
    (1.25, -0.5)
    """
    taken = np.array([1.0] + [-(1 - share) / memory] * memory)
    return tuple(float(v) for v in np.correlate(taken, taken, "full")[memory:])


class _Expected(NamedTuple):
    """Mean products of residuals with those 0, 1, ... later that a step's noise and a file's make,
    per unit of each; told: what those of later ones say of the file's alone."""

    step: Array
    file: Array

    @property
    def told(self) -> Array:
        """Products of later residuals by a file's noise, less what their squares say."""
        return np.asarray(self.file - self.step * (self.file[0] / self.step[0]))[1:]


@cache
def _expected(share: float, memory: int, steps: int, sharing: float) -> _Expected:
    """Of residuals whose common mean was taken out: that of few files has little of their noise,
    as neighbours undo each other's."""
    each = np.array(echoes(share, memory)[:steps])
    away = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    out = []
    for V in (np.eye(steps), np.where(away < len(each), each[away.clip(max=len(each) - 1)], 0.0)):
        rows = V.mean(axis=0)
        left = V - sharing * (rows[:, None] + rows - rows.mean())
        out.append(np.array([np.diagonal(left, lag).mean() for lag in range(len(each))]))
    return _Expected(*out)


def noise_of(residual: Array, sharing: float, share: float, most: float, memory: int = 1) -> Noise:
    """Noise of residuals (steps, K) whose common mean was taken out (`sharing` 0: was not).

    Residuals have the variance q + (1 + (1 - p)^2) r and neighbours the covariance -(1 - p) r, with
    memory more of them (`echoes`). At p = 1 the two cannot be told apart, and need not be.
    """
    steps = len(residual)
    if steps <= sharing or steps < 2:
        free = float(np.square(residual).mean()) if sharing == 0 else 4 * most
        return Noise(free, most / 2)
    due, own = _expected(share, memory, steps, sharing), echoes(share, memory)[0]
    size = float(np.square(residual).mean())
    top = min(size / float(due.file[0]), most)
    told, file = due.told, top / 2
    # Residuals about the mean of all before do not correlate.
    if share == 1:
        file = top
    elif memory <= steps and float(np.abs(told).max()) > _NOT_TOLD:
        near = [float((residual[lag:] * residual[:-lag]).mean()) for lag in range(1, len(told) + 1)]
        off = np.array(near) - due.step[1:] * (size / float(due.step[0]))
        file = min(max(float(told @ off) / float(told @ told), 0.0), top)
    step = max(0.0, size - file * float(due.file[0])) / float(due.step[0])
    return Noise(step + own * file, file)


def shrunk(size: float, noise: float) -> float:
    """Part of a squared size that is not noise."""
    return max(0.0, 1 - noise / size) if size > 0 else 0.0


def _free(home: Array, error: float, steps: int) -> Array:
    """Probability of each axis that its mean is any, where one axis is so as likely as not.

    Its prior has one residual's variance. The variance is estimated: Student's laws.
    """
    K = len(home)
    dof = K * (steps - 1)
    square = np.square(home) / max(error, _TINY) / dof
    gain = (dof + 1) / 2 * np.log1p(square * steps / (steps + 1 + square))
    odds = gain - math.log(steps + 1) / 2 - math.log(K)
    out: Array = 1 / (1 + np.exp(-odds))
    return out


def _home(x: Array, past: Array, share: float, *, errs: bool, factor: float = 1.0) -> Home:
    """Where real data pull the means to, without any what is added each time.

    Axes that are not free share what they keep; without real data that is nothing unless the model
    `errs`, or what is added grows by a `factor`.
    """
    seen = (x[1:] - (1 - share) * past[:-1]) / (share or 1.0)
    course = factor ** np.arange(1.0 - len(seen), 1.0)
    size = float(course @ course)
    home = course @ seen / size
    left = float(np.square(seen - np.multiply.outer(course, home)).sum())
    error = left / (seen.size - len(home)) / size
    free = _free(home, error, len(seen))
    rest = 1 - free
    kept = shrunk(float(rest @ np.square(home)), float(rest.sum()) * error)
    moves = share > 0 or errs or factor != 1
    return Home(home, error, kept if moves else 0.0, free, left, size)


def _shape(S: Array, past: Array, share: float, growth: float) -> Array:
    """Correlations of the real rows that enter, shrunk to 0; their variances are in the growth."""
    seen = (S[1:] / math.exp(growth) - (1 - share) * past[:-1]) / share
    off = seen.mean(axis=0) - np.eye(S.shape[1])
    error = float(np.square(seen - seen.mean(axis=0)).sum()) / (len(seen) * (len(seen) - 1))
    off *= shrunk(float(np.square(off).sum()), error)
    values, vectors = np.linalg.eigh(np.eye(len(off)) + off)
    shape = (vectors * np.maximum(values, 0.0)) @ vectors.T
    deviations = np.sqrt(np.maximum(np.diagonal(shape), _TINY))
    out: Array = shape / np.multiply.outer(deviations, deviations)
    return out


def _noise(residual: Array, sharing: float, share: float, most: float, memory: int) -> Noise:
    """Noise of residuals about the mean of each axis: axes of the real set have its own noise, and
    biases may differ. Of one step, about what all axes share; with few axes about the mean of all.
    """
    if len(residual) > 1:
        return noise_of(residual - residual.mean(axis=0), 1.0, share, most, memory)
    if sharing > _FEW:
        return noise_of(residual - residual.mean(), sharing, share, most, memory)
    own = 1 - sharing
    off = residual - residual.mean(axis=1, keepdims=True)
    found = noise_of(off, 0.0, share, own * most, memory)
    return Noise(found.spread / own, found.file / own)


def _later(residual: Array, sharing: float, spread: float) -> Array:
    """What log growth over the later half is beyond that over all (K,), as far as not noise.

    Growing pools slow down, all axes alike; some axes do by themselves.
    """
    steps, late = len(residual), residual[len(residual) // 2 :]
    if steps < _HALVES:
        return np.zeros(residual.shape[1])
    gaps = late.mean(axis=0) - residual.mean(axis=0)
    gap, noise = float(gaps.mean()), spread * (1 / len(late) - 1 / steps)
    own, K = gaps - gap, residual.shape[1]
    kept = shrunk(float(np.square(own).sum()), max(1, K - 1) * (1 - sharing) * noise)
    return np.asarray(gap * shrunk(gap**2, sharing * noise) + kept * own)


def pull(
    series: Series,
    share: float,
    scales: Array,
    memory: int = 1,
    *,
    errs: bool = False,
    cut: bool = False,
    wild: NDArray[np.bool_] | None = None,
) -> Pull:
    """What one share says, along the first K axes, of deviations `scales` (K,).

    The noise is that of axes that are not `wild`. Where they are `cut` growth is along the loop's
    own. Where the model `errs` by the same each time, means of a loop without real data drift.
    """
    logs, D, K = series.log_variance, series.sharing, len(scales)
    left = (1 - share) * recalled(np.exp(logs), memory)[:-1]
    residual = logs[1:] - np.log(share + left)
    calm = np.ones(residual.shape[1], dtype=np.bool_) if wild is None else ~wild
    common = float(residual[:, calm].mean())
    most = file_noise(series)
    noise = _noise(residual[:, calm], D, share, most, memory)
    home, shape = Home(np.zeros(K), 0.0, 0.0, np.zeros(K)), np.eye(K)
    S = series.covariances[:, :K, :K]
    past = recalled(S, memory)
    if len(residual) > 1:
        x = series.means[:, :K]
        home = _home(x, recalled(x, memory), share, errs=errs)
    if share > 0 and len(residual) > 1:
        shape = _shape(S, past, share, common)
    axes, before = (np.eye(K), np.eye(K)), share * shape + (1 - share) * past[:-1]
    if cut:
        units = np.multiply.outer(scales, scales)
        to, back, residual = own_axes(before * units, S[1:] * units)
        # Along the real axes growth changes as the loop turns: that is no noise.
        noise = _noise(residual, D, share, most, memory)
        # A Wishart matrix's root is less than 1 by (K + 1)/(8 n), and samples will be again.
        residual = residual + (K + 1) / 8 * (noise.spread - 2 * noise.file)
        axes = to / scales[:, None], back * scales
        calm = np.ones(residual.shape[1], dtype=np.bool_)
    growth = residual.mean(axis=0)
    growth[calm] += _later(residual[:, calm], D, noise.spread)
    steps = None
    if wild is not None and wild.any():
        turned = correlations(S[1:]) - correlations(before)
        steps = residual[:, :K], (np.exp(logs[1:]) - left)[:, :K], turned
    return Pull(noise, growth[:K], home, shape, axes, steps)


def file_noise(series: Series) -> float:
    """Variance of a log variance over samples of a file's rows."""
    return series.log_noise * float((1 / series.rows).mean())


def _chosen(rng: np.random.Generator, logs: Array, paths: int) -> NDArray[np.int64]:
    """Indices (P,) by their log-likelihoods."""
    likelihood = np.exp(logs - logs.max())
    return rng.choice(len(logs), size=paths, p=likelihood / likelihood.sum())


def shares(
    rng: np.random.Generator,
    held: Anchor | None,
    paths: int,
    trust: float = 1.0,
    known: float | None = None,
) -> Array:
    """Shares (P,), by their likelihood to the power `trust`; all alike without one, or as known.

    A share is as likely as its likeliest memory makes it.
    """
    if known is not None:
        return np.full(paths, known)
    logs = np.zeros(len(SHARES))
    if held is not None:
        logs = held.log_likelihood.copy()
        if held.remembered is not None:
            at = np.isin(SHARES, REMEMBERED)
            logs[at] = np.maximum(logs[at], held.remembered.max(axis=0))
    return np.asarray(SHARES[_chosen(rng, trust * logs, paths)])


def course(series: Series, share: float, memory: int, *, own: bool = False) -> float:
    """Greatest log-likelihood of the course of the variances, growth and both noises free.

    The real set errs along its axes, those of largest variance upwards: by as much the first file
    differs from it, and real rows that enter pull to there (to first order about that file, as they
    may be far apart). Residuals share their growth, and with `own` each axis has one of its own
    beside it. Both are of variances that are free; a file's noise is in those of all generations
    that recall it. Two files, or such that do not move, say nothing.
    """
    logs = series.log_variance[-LONGEST:]
    T = len(logs)
    at = logs[0] - logs[0].mean()
    left = (1 - share) * recalled(np.exp(logs), memory)[:-1]
    residual = logs[1:] - np.log(share * np.exp(at) + left) + share * at
    off = np.vstack([at, residual - residual.mean()])
    gram = off @ off.T / off.shape[1]
    unit = float(np.trace(gram[1:, 1:])) / (T - 1)
    if T < 3 or not unit > 0:
        return 0.0
    noise = np.eye(T)
    noise[1:] -= (1 - share) * recalled(np.eye(T), memory)[:-1]
    error, ones = np.array([1.0] + [share] * (T - 1)), np.array([0.0] + [1.0] * (T - 1))
    parts = np.stack([np.eye(T), noise @ noise.T, np.outer(error, error), np.outer(ones, ones)])
    high = np.array([np.inf, file_noise(series) / unit, np.inf, np.inf if own else 0.0])
    low, start = np.array([1e-6, 0.0, 0.0, 0.0]), np.array([0.5, 0.2, 0.1, 0.1]).clip(0, high)
    value, _ = scored(parts, gram / unit, low, high, start)
    return -(float(value) + T / 2 * math.log(unit)) / series.sharing


def _likely(held: Anchor, known: Known) -> tuple[tuple[tuple[float, int], ...], Array]:
    """Shares and memories that a path may have, and their log-likelihood by means and shapes.

    A share that is known is as likely, with each memory, as the nearest one there is, and others
    against odds.
    """
    logs = np.full(len(PAIRS), -np.inf)
    logs[: len(SHARES)] = held.log_likelihood
    if held.remembered is not None:
        logs[len(SHARES) :] = *held.remembered.ravel(), held.pool
    them = PAIRS
    if known.memory is not None:
        them, logs = tuple((float(p), known.memory) for p in SHARES), held.log_likelihood
    if known.share is None:
        return them, logs
    # That all models are remembered is among the pairs for loops without real data alone.
    free = known.memory is not None or known.alone
    memories = [k for k in dict.fromkeys(k for _, k in them) if free or k < LONGEST]
    near = [
        min((abs(p - known.share), -log) for (p, k), log in zip(them, logs, strict=True) if k == m)
        for m in memories
    ]
    said = [((known.share, k), -log) for k, (_, log) in zip(memories, near, strict=True)]
    by_itself = zip(them, logs - _BY_ITSELF, strict=True)
    found, likely = zip(*said, *(x for x in by_itself if x[0][0] != known.share), strict=True)
    return found, np.array(likely)


def pairs(
    rng: np.random.Generator, series: Series, held: Anchor, paths: int, known: Known = NOTHING
) -> list[tuple[float, int]]:
    """Share and memory of each path, by the likelihood of means, shapes and course of variances.

    Half of them by a course of which axes differ. Where the real set is the first training set
    they do: file 1 lacks its error, and all later ones have it. By one growth for all such a loop
    looks like one that walked, and remembers. Where axes mix biases that differ that tells best.
    """
    them, logs = _likely(held, known)
    each = [logs + [course(series, *pair, own=own) for pair in them] for own in (False, True)]
    first = paths // 2
    return [
        them[i]
        for found, n in zip(each, (first, paths - first), strict=True)
        for i in _chosen(rng, found, n)
    ]


def noises(
    rng: np.random.Generator,
    each: list[Noise],
    them: list[tuple[float, int]],
    dof: float,
    most: float,
    steps: int,
    sharing: float = 0.0,
) -> tuple[Array, Array]:
    """Draw the variance q of a step and r of the file's noise (P,) from what is known of them.

    `them`: share and memory of each. The spread is as uncertain as a variance of dof terms, a
    covariance of neighbours as a mean of (dof + 1)(steps - 1)/steps products.
    """
    P, squared = len(them), np.array([echoes(*pair)[0] for pair in them])
    spread, file = np.array(each).T
    spread_of = spread * dof / rng.chisquare(dof, size=P)
    products = (dof + 1) * max(1, steps - 1) / steps
    told = [float(np.linalg.norm(_expected(*pair, max(2, steps), sharing).told)) for pair in them]
    error = spread / np.sqrt(products) / np.maximum(told, 0.3)
    r = np.clip(
        file + error * rng.standard_normal(P), 0, np.minimum(most, 0.98 * spread_of / squared)
    )
    return spread_of - squared * r, r


def _drawn_together(values: Array, noise: Array) -> Array:
    """Eigenvalues (P, K) of symmetric matrices without what their noise drives them apart by.

    Each pair of a Gaussian noise of variance noise/2 off the diagonal repels, twice: their vectors
    are not the true ones either (Bun, Allez, Bouchaud and Potters, IEEE Trans. Inf. Theory 62,
    2016, additive noise).
    """
    apart = values[:, :, None] - values[:, None, :]
    both = noise[:, None, None]
    return np.asarray(values - (both * apart / (np.square(apart) + both)).sum(axis=2))


def _growth(
    rng: np.random.Generator,
    logs: Array,
    variance: Array,
    sharing: float,
    dof: float,
    cut: NDArray[np.bool_],
) -> Array:
    """Draw growth (P, K): a common part, and each axis' own where axes differ beyond noise.

    cut (P,): whether axes are the loop's own.
    """
    P, K = logs.shape
    common = logs.mean(axis=1, keepdims=True)
    off, own = logs - common, variance * (1 - sharing)
    size = np.square(off).sum(axis=1) / max(1, K - 1)
    # Axes that are found by their growth have the noise of all pairs in it.
    noise = np.where(cut, own * (K + 1) / 2, own)
    part = np.maximum(0.0, 1 - noise / np.where(size > 0, size, np.inf))
    kept = part[:, None] * off
    its = cut & (part > 0)
    kept[its] = _drawn_together(off[its], own[its])
    kept = kept + np.sqrt(part * variance)[:, None] * rng.standard_normal((P, K))
    t = np.clip(rng.standard_t(dof, size=P), -_LARGEST_T, _LARGEST_T)
    t = t * np.sqrt(sharing * variance)
    growth: Array = np.exp((common + t[:, None] + kept).clip(-_LARGEST_LOG, _LARGEST_LOG))
    return growth


def _faster(
    rng: np.random.Generator,
    x: Array,
    errs: bool,
    them: Sequence[tuple[float, int]],
    homes: Sequence[Home],
) -> tuple[list[Home], Array]:
    """Homes of all paths and factors (P,); x (T, K) says other ones of those without real data.

    What is added has along each axis a size of its own, of a variance that is not known: a factor
    is as likely as its likeliest variance makes it.
    """
    homes, factors = list(homes), np.ones(len(them))
    K, dof = x.shape[1], x.size - 2 * x.shape[1]
    for p, k in set(them):
        if p > 0 or dof <= 0:
            continue
        past = recalled(x, k)
        each = [_home(x, past, p, errs=errs, factor=g) for g in _FACTORS]
        noise = max(min(home.left for home in each) / dof, _TINY)
        over = np.maximum([np.mean(h.mean**2) * h.course / noise for h in each], 1.0)
        odds = K / 2 * (over - np.log(over))
        mine = [i for i, pair in enumerate(them) if pair == (p, k)]
        for i, j in zip(mine, _chosen(rng, odds, len(mine)), strict=True):
            homes[i], factors[i] = each[j], _FACTORS[j]
    return homes, factors


def _homes(rng: np.random.Generator, homes: list[Home]) -> Array:
    """Draw where each path is pulled to (P, K)."""
    mean, free = np.array([h.mean for h in homes]), np.array([h.free for h in homes])
    error, kept = np.array([(h.error, h.kept) for h in homes]).T[:, :, None]
    part = np.where(rng.random(mean.shape) < free, 1.0, kept)
    out: Array = part * mean + np.sqrt(part * error) * rng.standard_normal(mean.shape)
    return out


def draw(
    rng: np.random.Generator,
    series: Series,
    held: Anchor,
    scales: Array,
    paths: int,
    known: Known,
    wild: NDArray[np.bool_] | None = None,
    *,
    discrete: bool = False,
) -> Draw:
    """Draw the parameters of the paths; some of the series' directions may be wild.

    Means of `discrete` columns may move faster each time.
    """
    K, none = len(scales), np.zeros(series.log_variance.shape[1], dtype=np.bool_)
    wild = none if wild is None else wild
    cut = are_cut(series, K) or (not wild.any() and lack(series, K))
    wild = none if cut else wild
    pool = not wild.any() and are_cut(series, K, pool=True)
    steps, D = len(series.log_variance) - 1, series.sharing
    seen = along_own(series, scales) if cut else series
    if wild.any() and series.own_noise is not None:
        series = replace(series, log_noise=float(series.own_noise[~wild].mean()))
        seen = replace(series, log_variance=series.log_variance[:, ~wild])
    them = pairs(rng, seen, held, paths, known)
    turned = {(p, k): pool if k == LONGEST else cut for p, k in set(them)}
    pulls = {
        (p, k): pull(series, p, scales, k, errs=held.errs, cut=own, wild=wild)
        for (p, k), own in turned.items()
    }
    mine, share = [pulls[pair] for pair in them], np.array([p for p, _ in them])
    growth, its_own = np.array([m.growth for m in mine]), np.array([turned[x] for x in them])
    dof = max(1.0, (steps - 1) / D if steps > 1 else 1 / D - 1)
    most = file_noise(series)
    q, r = noises(rng, [m.noise for m in mine], them, dof, most, steps, float(steps > 1))
    # Of the mean residual: a file's noise enters in full at both ends, between them by share.
    variance = (q * steps + r * ((steps - 1) * share**2 + 1 + (1 - share) ** 2)) / steps**2
    at, grown = wild[:K], np.ones((paths, K))
    grown[:, ~at] = _growth(rng, growth[:, ~at], variance, D, dof, its_own)
    own = None
    if at.any():
        each = [m.steps for m in mine if m.steps is not None]
        grown_by, added = (np.array([x[i][:, at] for x in each]) for i in (0, 1))
        turns = np.array([x[2][:, at][:, :, at] for x in each])
        own = Steps(at, grown_by, added, turns, rng.dirichlet(np.ones(steps), size=paths), share)
    homes, faster = [m.home for m in mine], np.ones(paths)
    if discrete:
        homes, faster = _faster(rng, series.means[:, :K], held.errs, them, homes)
    return Draw(
        share=share,
        memory=np.array([k for _, k in them]),
        size=(series.log_noise / np.maximum(q, 1 / SIZES[1]) + 1).clip(*SIZES),
        part=r / most if most > 0 else np.zeros(paths),
        growth=grown,
        home=_homes(rng, homes) * faster[:, None],
        shape=np.array([m.shape for m in mine]),
        axes=(np.array([m.axes[0] for m in mine]), np.array([m.axes[1] for m in mine])),
        faster=faster,
        wild=own,
    )
