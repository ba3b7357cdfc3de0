"""How often the best of all tests would decide: the likelihood ratio's power (Neyman, Pearson).

For a Gaussian loop the laws of the series under both answers are known (madtheory.audit.anchor):
independent Gaussian series, each of covariance V without real data and V' with. No test that calls
at most `alpha` of the held loops MAD calls more of the others MAD than the likelihood ratio does
against the likeliest of the held loops, whatever test it is. That ratio is a weighted sum of
chi-squares, drawn here with a fixed seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import optimize

from madtheory import _search
from madtheory.audit.anchor import (
    FREE_MEANS,
    FREE_SHAPES,
    HALVES,
    MEMORIES,
    components,
    fit,
    least_step,
    walk,
)
from madtheory.audit.inference import FEWEST, GROWTH, MARGIN
from madtheory.audit.known import LONGEST, NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from madtheory._types import Array
    from madtheory.audit.inference import Inference
    from madtheory.audit.known import Known
    from madtheory.audit.series import Series

#: Power from which on a test is said to decide.
ENOUGH = 0.9
_DRAWS = 4000
#: Loops and what their components are told.
Loops = tuple[tuple[float, dict[str, Any]], ...]
#: How models at rest are pulled back to where they draw: none, to one that hardly is.
_RESTS = (1.0, 0.3, 0.1, 0.02)
#: Log biases end here: a tenth of it is a positive number of float64.
_STEEPEST = -600.0


@dataclass(frozen=True, slots=True)
class Power:
    """What the best test with this error rate can do with loops like this one (*asymptotic* in n).

    Attributes
    ----------
    mad : float
        Probability that it calls the loop MAD, were there no real data in it.
    not_mad : float
        Probability that it says that means do not walk, were there `share` of real data.
    share : float
        The estimated share of real data, MARGIN at least; as known; 1 where none enter and nothing
        grows.
    mad_generations, not_mad_generations : int or None
        Fewest generations at which these are ENOUGH; None where LONGEST are too few.
    """

    mad: float
    not_mad: float
    share: float
    mad_generations: int | None
    not_mad_generations: int | None


class Setting(NamedTuple):
    """Of a loop, in units of the variance of a step: counts of series, noise, drift of the level.

    means, shapes: independent series; noise: sampling variance of a file; rows: the greatest it
    may be taken for; offset: error variance of the real set; least: smallest step that matters;
    rate: drift of the log variance; level: variance of a step of the average log variance;
    memory: models that synthetic data come from; known: whether that is known; alone: whether it is
    known that no real data enter.
    """

    means: float
    shapes: float
    noise: float
    rows: float
    offset: float
    least: float
    rate: float
    level: float
    memory: int = 1
    known: bool = False
    alone: bool = False

    @property
    def memories(self) -> tuple[int, ...]:
        """Every memory that it may have."""
        return (self.memory,) if self.known else (1, *MEMORIES)

    def loops(self, share: float) -> Loops:
        """Loops with a share of real data."""
        return tuple((share, {"memory": k}) for k in self.memories)

    def halves(self, free: float) -> Loops:
        """Loops a part of whose directions walks: half of the means, a quarter of the shapes."""
        base = {"free": free, "memory": self.memories[0]}
        return tuple((share, {"slower": slower, **base}) for share, slower in HALVES)


def law(setting: Setting, share: float, T: int) -> Array:
    """Covariance (T, T) of one series of a loop with `share` real data, first trained on them."""
    steps = np.ones(T)
    return walk(1 - share, steps, setting.memory) + setting.offset + setting.noise * np.eye(T)


def _still(setting: Setting, truth: Array) -> Array:
    """Covariance of the likeliest loop at rest from the start, under `truth`."""
    T = len(truth)
    lags, nothing = np.abs(np.subtract.outer(np.arange(T), np.arange(T))), np.zeros((T, T))
    noise = max(setting.rows, 1e-9) * np.eye(T)
    each = [
        fit(
            np.stack([(1 - p) ** lags / (1 - (1 - p) ** 2), nothing + 1, nothing, noise, nothing]),
            truth,
        )
        for p in _RESTS
    ]
    return max(each, key=lambda found: found.value).covariance


def _nearest(setting: Setting, truth: Array, loops: Loops, least: float) -> Array:
    """Covariance of the likeliest of some loops, under `truth`."""
    steps = np.ones(len(truth))
    noise = max(setting.rows, 1e-9) * steps
    each = [
        fit(components(1 - share, steps, noise, setting.offset, **how), truth, least)
        for share, how in loops
    ]
    likeliest = max(each, key=lambda found: found.value)
    return likeliest.covariance


def _ratios(truth: Array, null: Array, count: float, seed: int = 0) -> tuple[Array, Array]:
    """Twice the log-likelihood ratio of `count` series, drawn under the null and the truth."""
    root = np.linalg.cholesky(null)
    mu = np.linalg.eigvalsh(np.linalg.solve(root, np.linalg.solve(root, truth).T)).clip(1e-12)
    squares = np.random.default_rng(seed).chisquare(count, size=(_DRAWS, len(mu)))
    constant = count * float(np.log(mu).sum())
    return squares @ (1 - 1 / mu) - constant, squares @ (mu - 1) - constant


def _exceeds(right: Array, false: Array, alpha: float) -> float:
    """How often what is drawn under the truth is above all but `alpha` of the null's."""
    return float((right > np.quantile(false, 1 - alpha)).mean())


def ratio_power(truth: Array, null: Array, count: float, level: float, alpha: float) -> float:
    """Power of the likelihood ratio of two covariances of `count` series, at size alpha.

    `level` is the squared distance of the means of one more series, in its deviations.
    """
    false, right = _ratios(truth, null, count)
    shift = np.random.default_rng(2).standard_normal(_DRAWS) * 2 * math.sqrt(level)
    return _exceeds(right + shift + level, false + shift - level, alpha)


def either_power(means: tuple[Array, Array], shapes: tuple[Array, Array], alpha: float) -> float:
    """Greatest power to refute both "means walk" and "shapes walk", from their drawn ratios.

    A test whose size is at most alpha where means walk and shapes are held, and at most alpha where
    shapes walk and means are held, has that size under the even mixture of the two, against which
    none has more power than the likelihood ratio 1/(1/R_m + 1/R_s), up to a factor: an upper bound,
    and no higher than those of means and of shapes where these tell about as much.
    """
    (false_m, right_m), (false_s, right_s) = means, shapes

    def both(m: Array, s: Array) -> Array:
        return np.asarray(-np.logaddexp(-m / 2, -s / 2))

    false = np.concatenate([both(false_m, right_s), both(right_m, false_s)])
    return _exceeds(both(right_m, right_s), false, alpha)


def _level(setting: Setting, null: Array) -> float:
    """Squared distance of the level's line from the nearest curve of a held loop (theory.md 2.2).

    The level of a loop without real data falls by `rate` a generation, that of a held one of bias
    b as c' = b (share + (1 - share) c), or the mean of the last c: the nearest memory counts.
    """
    T = len(null)
    if not (setting.rate < 0 and setting.level > 0):
        return 0.0
    inverse = np.linalg.inv(null) / setting.level
    if setting.alone:  # from the nearest level that stays
        line, still = setting.rate * np.arange(T), inverse.sum(axis=1)
        return float(line @ inverse @ line - (line @ still) ** 2 / still.sum())

    def distance(log_bias: float, memory: int) -> float:
        bias, c = math.exp(log_bias), np.ones(T)
        for t in range(1, T):
            c[t] = bias * (MARGIN + (1 - MARGIN) * c[max(0, t - memory) : t].mean())
        gap = np.log(c) - setting.rate * np.arange(T)
        return float(gap @ inverse @ gap)

    def least(memory: int) -> float:
        bounds = (max(10 * setting.rate, _STEEPEST), 0.0)
        how: dict[str, Any] = {"args": (memory,), "method": "bounded", "bounds": bounds}
        found = optimize.minimize_scalar(distance, **how)
        return float(found.fun)

    return min(map(least, setting.memories))


def mad_power(setting: Setting, T: int, alpha: float) -> float:
    """Greatest power to call a loop without real data MAD after T generations."""
    truth = law(setting, 0.0, T)
    if setting.alone:
        null = _still(setting, truth)
    else:
        null = _nearest(setting, truth, setting.loops(MARGIN), 0.0)
    count = setting.means + setting.shapes
    return ratio_power(truth, null, count, _level(setting, null), alpha)


def not_mad_power(setting: Setting, share: float, T: int, alpha: float) -> float:
    """Greatest power to say of a loop with `share` real data that its means do not walk.

    A loop whose means walk while its shapes are held is MAD: the shapes have no say in this, nor
    means in whether shapes walk. Where half of the directions walk, means and shapes tell of it.
    The least of what can be done against each of these.
    """
    truth = law(setting, share, T)
    rows, least = (setting.means, setting.shapes), setting.least
    walks = _nearest(setting, truth, setting.loops(0.0), least)
    alone = [_ratios(truth, walks, n, seed) for seed, n in enumerate(rows) if n]
    halves = [
        _ratios(truth, _nearest(setting, truth, setting.halves(free), least), n, seed)
        for seed, (n, free) in enumerate(zip(rows, (FREE_MEANS, FREE_SHAPES), strict=True))
        if n
    ]
    false, right = (np.sum(side, axis=0) for side in zip(*halves, strict=True))
    powers = [_exceeds(right, false, alpha), *(_exceeds(r, f, alpha) for f, r in alone)]
    if len(alone) > 1:
        powers.append(either_power(alone[0], alone[1], alpha))
    return min(powers)


def setting_of(series: Series, found: Inference, known: Known = NOTHING) -> Setting:
    """Setting of an audited loop: its noise and size as they are estimated."""
    noise = found.noise
    assert noise is not None
    assert found.held is not None
    size = min(max(found.training_size, 2.0), 1e12)
    seen = max(0.0, (noise.spread - noise.step) / 2) / max(noise.step, 1e-300)
    rows = size * float((1 / series.rows).mean())
    return Setting(
        means=series.mean_count,
        shapes=(series.near_count or series.shape_count) if series.means.shape[1] > 1 else 0.0,
        noise=min(seen, rows),
        rows=rows,
        offset=size / series.real_rows,
        least=size * least_step(series, GROWTH),
        rate=found.rate.value,
        level=noise.step * noise.sharing,
        memory=found.held.memory,
        known=known.memory is not None,
        alone=known.alone,
    )


def _needed(at: Callable[[int], float]) -> int | None:
    """Fewest generations at which a power is ENOUGH."""
    if at(LONGEST) < ENOUGH:
        return None
    return _search.least(lambda t: at(t) >= ENOUGH, FEWEST - 1, LONGEST)


def power(series: Series, found: Inference, alpha: float, known: Known = NOTHING) -> Power | None:
    """Power at the generations there are, and the generations at which it is ENOUGH.

    Where no real data are known to enter, loops of which nothing grows are cleared: share 1.
    """
    if found.noise is None or found.held is None or not 0 < found.noise.step < math.inf:
        return None
    if known.mixed(MARGIN):
        return None
    setting = setting_of(series, found, known)
    share = 1.0 if known.alone else known.share or max(MARGIN, found.held.share)
    T = min(len(series.log_variance), LONGEST)

    def mad(t: int) -> float:
        return mad_power(setting, t, alpha)

    def held(t: int) -> float:
        return not_mad_power(setting, share, t, alpha)

    return Power(mad(T), held(T), share, _needed(mad), _needed(held))
