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
from madtheory.audit.anchor import LONGEST, MEMORIES, WALKS, components, fit, least_step, walk
from madtheory.audit.inference import FEWEST, GROWTH, MARGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from madtheory._types import Array
    from madtheory.audit.inference import Inference
    from madtheory.audit.series import Series

#: Power from which on a test is said to decide.
ENOUGH = 0.9
_DRAWS = 4000
#: Loops that real data just hold, with every memory.
_HELD: tuple[tuple[float, dict[str, Any]], ...] = tuple(
    (MARGIN, {"memory": k}) for k in (1, *MEMORIES)
)


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
        The estimated share of real data, MARGIN at least.
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
    memory: models that synthetic data come from.
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


def law(setting: Setting, share: float, T: int) -> Array:
    """Covariance (T, T) of one series of a loop with `share` real data, first trained on them."""
    steps = np.ones(T)
    return walk(1 - share, steps, setting.memory) + setting.offset + setting.noise * np.eye(T)


def _nearest(
    setting: Setting, truth: Array, loops: Sequence[tuple[float, dict[str, Any]]], least: float
) -> Array:
    """Covariance of the likeliest of some loops, under `truth`."""
    steps = np.ones(len(truth))
    noise = max(setting.rows, 1e-9) * steps
    each = [
        fit(components(1 - share, steps, noise, setting.offset, **how), truth, least)
        for share, how in loops
    ]
    return max(each, key=lambda found: found[0])[1]


def ratio_power(truth: Array, null: Array, count: float, level: float, alpha: float) -> float:
    """Power of the likelihood ratio of two covariances of `count` series, at size alpha.

    `level` is the squared distance of the means of one more series, in its deviations.
    """
    root = np.linalg.cholesky(null)
    mu = np.linalg.eigvalsh(np.linalg.solve(root, np.linalg.solve(root, truth).T)).clip(1e-12)
    rng = np.random.default_rng(0)
    squares = rng.chisquare(count, size=(_DRAWS, len(mu)))
    shift = rng.standard_normal(_DRAWS) * 2 * math.sqrt(level)
    # Twice the log-likelihood ratio less a constant.
    false, right = squares @ (1 - 1 / mu) + shift - level, squares @ (mu - 1) + shift + level
    return float((right > np.quantile(false, 1 - alpha)).mean())


def _level(setting: Setting, null: Array) -> float:
    """Squared distance of the level's line from the nearest curve of a held loop (theory.md 2.2).

    The level of a loop without real data falls by `rate` a generation, that of a held one of bias
    b as c' = b (share + (1 - share) c).
    """
    T = len(null)
    if not (setting.rate < 0 and setting.level > 0):
        return 0.0
    inverse = np.linalg.inv(null) / setting.level

    def distance(log_bias: float) -> float:
        bias, c = math.exp(log_bias), np.ones(T)
        for t in range(1, T):
            c[t] = bias * (MARGIN + (1 - MARGIN) * c[t - 1])
        gap = np.log(c) - setting.rate * np.arange(T)
        return float(gap @ inverse @ gap)

    bounds = (10 * setting.rate, 0.0)
    return float(optimize.minimize_scalar(distance, bounds=bounds, method="bounded").fun)


def mad_power(setting: Setting, T: int, alpha: float) -> float:
    """Greatest power to call a loop without real data MAD after T generations."""
    truth = law(setting, 0.0, T)
    null = _nearest(setting, truth, _HELD, 0.0)
    count = setting.means + setting.shapes
    return ratio_power(truth, null, count, _level(setting, null), alpha)


def not_mad_power(setting: Setting, share: float, T: int, alpha: float) -> float:
    """Greatest power to say of a loop with `share` real data that its means do not walk.

    A loop whose means walk while its shapes are held is MAD: the shapes have no say in this.
    """
    truth = law(setting, share, T)
    null = _nearest(setting, truth, WALKS, setting.least)
    count = min(setting.means, setting.shapes) or setting.means
    return ratio_power(truth, null, count, 0.0, alpha)


def setting_of(series: Series, found: Inference) -> Setting:
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
    )


def _needed(at: Callable[[int], float]) -> int | None:
    """Fewest generations at which a power is ENOUGH."""
    if at(LONGEST) < ENOUGH:
        return None
    return _search.least(lambda t: at(t) >= ENOUGH, FEWEST - 1, LONGEST)


def power(series: Series, found: Inference, alpha: float) -> Power | None:
    """Power at the generations there are, and the generations at which it is ENOUGH."""
    if found.noise is None or found.held is None or not found.noise.step > 0:
        return None
    setting, share = setting_of(series, found), max(MARGIN, found.held.share)
    T = min(len(series.log_variance), LONGEST)

    def mad(t: int) -> float:
        return mad_power(setting, t, alpha)

    def held(t: int) -> float:
        return not_mad_power(setting, share, t, alpha)

    return Power(mad(T), held(T), share, _needed(mad), _needed(held))
