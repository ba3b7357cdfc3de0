"""Claims on the time to collapse: the first generation whose variance is below a threshold."""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np

from madtheory._types import Array
from madtheory.claims.claim import (
    Observation,
    Prediction,
    asymptotic,
    exact,
    lower_bound,
    relative,
    upper_bound,
)
from madtheory.claims.setting import Setting
from madtheory.loop import fully_synthetic
from madtheory.theory import collapse

_LINE = Setting(fully_synthetic(10), np.ones(1), 8)
_THIN = Setting(fully_synthetic(10), np.array([0.98, 0.02]), 8)
_EVEN = Setting(fully_synthetic(4), np.array([0.5, 0.5]), 30)
_MANY = Setting(fully_synthetic(20, bias=0.9), np.ones(5), 1)
_SMALL = 0.5
_TENTH = 0.1
_TINY = 1e-6


def _passed(threshold: float, at: Setting, words: str) -> Observation:
    """Whether tr Sigma has fallen below `threshold` tr Sigma_0 by generation t."""
    level = math.log(threshold * at.trace)
    every = tuple(range(1, at.t + 1))
    return at.draws("log_trace", words, at=every).of(lambda *path: np.min(path, axis=0) < level)


@cache
def _median() -> int:
    """Of the time to collapse to a tenth of the variance, d = 1."""
    return int(collapse.collapse_time_quantiles(_LINE.loop, 1, eps=_TENTH, q=0.5)[0])


def _by_median(less: int, words: str) -> Observation:
    """Whether the time to collapse is at most its median, or that less something."""

    def draw(size: int, seed: int) -> Array:
        return _passed(_TENTH, _LINE.at(_median() - less), words).draw(size, seed)

    return Observation(_LINE.words(words), draw)


def _bounds(threshold: float, at: Setting) -> tuple[Array, Array]:
    """Bounds on the probability that the time to collapse is at most t."""
    return collapse.collapse_time_bounds(threshold, at.loop, at.eigenvalues, generations=at.t)


@cache
def _typical() -> tuple[int, float]:
    """Median of the time to collapse in five dimensions, and its declared error."""
    found = collapse.collapse_time(_MANY.loop, 5, eps=_TINY, q=0.5)
    return int(found.value), float(found.rel_error)


def _by_typical(longer: float) -> Prediction:
    """P(T <= that median), were T longer by a share; the median's error is that of T."""
    median, error = _typical()
    chances = collapse.collapse_time_chances(
        _TINY, _MANY.loop, _MANY.eigenvalues, generations=2 * median
    )
    t = np.arange(1.0, 2 * median + 1)
    p, late = (float(np.interp(median / (1 + x), t, chances)) for x in (longer, longer + error))
    return Prediction(p, math.sqrt(p * (1 - p)), error=p - late)


def _typically(words: str) -> Observation:
    """Whether tr Sigma has fallen to a millionth by that median."""

    def draw(size: int, seed: int) -> Array:
        return _passed(_TINY, _MANY.at(_typical()[0]), words).draw(size, seed)

    return Observation(_MANY.words(words), draw)


CLAIMS: Final = (
    exact("first-passage", "1.9", size=50_000)
    .says("the law of the time to collapse, d = 1, is a first passage")
    .happens(lambda: collapse.first_passage_cdf(_SMALL, _LINE.loop, generations=_LINE.t))
    .observes(_passed, _SMALL, _LINE, "P(min over s <= {at} of Σ_s < .5 Σ_0), {n}")
    .against(
        "the fixed-time quantile P(Σ_8 < .5 Σ_0)",
        lambda _: collapse.directional_cdf(_SMALL, _LINE.loop, t=_LINE.t),
    ),
    lower_bound("collapse-time-quantile", "1.9", size=20_000)
    .says("quantiles of the time T to collapse, d = 1: P(T <= the median) is at least a half")
    .expects(lambda: 0.5)
    .observes(_by_median, 0, "P(T <= its median), {d}, {n}, ε = .1")
    .against("8 % larger", relative(0.08)),
    upper_bound("collapse-time-quantile-sharp", "1.9", size=20_000)
    .says("one generation before its median T has a chance below a half")
    .expects(lambda: 0.5)
    .observes(_by_median, 1, "P(T < its median), {d}, {n}, ε = .1")
    .against("8 % smaller", relative(-0.08)),
    upper_bound("collapse-time-upper", "1.9", size=5000)
    .says("P(T <= t) of the time T to collapse is at most its leading direction's, d > 1")
    .expects(lambda: _bounds(_SMALL, _THIN)[1])
    .observes(_passed, _SMALL, _THIN, "P(T <= {at}), Σ_0 = diag(.98, .02), {n}, ε = .5")
    .against("10 % smaller", relative(-0.1)),
    lower_bound("collapse-time-lower", "1.9", size=5000)
    .says("P(T <= t) is at least 1 - P(tr Σ_t >= ε tr Σ_0), d > 1, by moments")
    .expects(lambda: _bounds(0.05, _EVEN)[0])
    .observes(_passed, 0.05, _EVEN, "P(T <= {at}), Σ_0 = diag(.5, .5), {n}, ε = .05")
    .against("12 % larger", relative(0.12)),
    asymptotic("collapse-time-many", "1.9", size=9000)
    .says(
        "the law of the time T to collapse, d > 1: log tr Σ_t as a walk, to its leading direction"
    )
    .expects(lambda: _by_typical(0.0))
    .observes(_typically, "P(T <= its median), {d}, {n}, {λ}, ε = 10⁻⁶")
    .against("T 6 % longer", lambda _: _by_typical(0.06), change=0.06),
)
