"""Claims on estimators: a variance floor, shrinkage, both, and maximum likelihood."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from madtheory._types import Array
from madtheory.claims import lines
from madtheory.claims.claim import (
    Observation,
    Prediction,
    asymptotic,
    exact,
    lower_bound,
    relative,
    upper_bound,
)
from madtheory.claims.collapse import mean_step, without_drift
from madtheory.claims.setting import Setting
from madtheory.laws import chi_square
from madtheory.loop import Loop, fully_synthetic
from madtheory.theory import collapse

_FLAT, _LINE = np.ones(20), np.ones(1)


def _trace_squared(loop: Loop, eigenvalues: Array, *, generations: int) -> Array:
    """E tr Sigma_t^2 with a floor and shrinkage."""
    return collapse.second_moments(loop, eigenvalues, generations=generations).trace_squared


def _squared_trace(loop: Loop, eigenvalues: Array, *, generations: int) -> Array:
    """E (tr Sigma_t)^2 with a floor and shrinkage."""
    return collapse.second_moments(loop, eigenvalues, generations=generations).squared_trace


# --- a variance floor: its moments and its stationary law ----------------------------------------

#: By this generation the stationary law is reached to 4e-6.
_LATE = 18
_HIGH = 0.9
_FAR = 1000.0

_FLOORED = Setting(fully_synthetic(10, bias=0.7, floor=0.2), _FLAT, 8)
_FLOORED_SOON = _FLOORED.at(4)
_STATIONARY = Setting(fully_synthetic(40, bias=0.5, floor=0.2), _FLAT, _LATE)
_STATIONARY_LINE = Setting(_STATIONARY.loop, _LINE, _LATE)
_HEAVY = Setting(fully_synthetic(10, bias=0.9, floor=0.2), _LINE, _LATE)


def _quantile(q: float) -> float:
    """Of the stationary law."""
    return float(collapse.stationary_quantiles(_STATIONARY.loop, q))


def _below(threshold: float) -> float:
    """Distribution function of the stationary law."""
    return float(collapse.stationary_cdf(threshold, _STATIONARY.loop))


def _stays_below(q: float, words: str) -> Observation:
    """Whether Sigma at a late generation is at most the stationary q-quantile, d = 1."""
    return _STATIONARY_LINE.draws("trace", words).of(lambda x: x <= _quantile(q))


def _tail_slope() -> float:
    """log2 of P(X > x) / P(X > 2 x)."""
    tails = 1 - collapse.stationary_cdf([_FAR, 2 * _FAR], _HEAVY.loop)
    return float(np.log2(tails[0] / tails[1]))


def _tail_index() -> Prediction:
    """The tail index; the next power of x in the tail is one lower, of relative size E X/x."""
    index = collapse.stationary_tail_index(_HEAVY.loop)
    return Prediction(index, error=index * collapse.stationary_mean(_HEAVY.loop) / _FAR)


FLOOR: Final = (
    exact("floor-walk", "1.6", size=9_700)
    .says("a variance floor does not stop the mean: E ‖μ_t - μ_0‖² grows linearly")
    .expects(_FLOORED.law(collapse.mean_walk))
    .observes(_FLOORED.draws, "mean_sq")
    .against("without the floor", lambda _: _FLOORED.but(floor=0.0).value(collapse.mean_walk)),
    exact("floor-stationary", "1.5", size=5000)
    .says("a variance floor f stops the collapse: E tr Σ_t → f tr Σ_0 / (1 - λ)")
    .expects(lambda: 20 * collapse.stationary_mean(_FLOORED.loop))
    .observes(_FLOORED.at(30).draws, "trace"),
    exact("floor-trace", "1.5", size=6000)
    .says("E tr Σ_t = tr Σ_0 [λ^(t-1) + f (1 + λ + ... + λ^(t-1))] with a floor f")
    .expects(_FLOORED_SOON.law(collapse.mean_trace))
    .observes(_FLOORED_SOON.draws, "trace", "trace, {d}, {n}, {λ}, f = .2, {t}")
    .against(
        "without the floor", lambda _: _FLOORED_SOON.but(floor=0.0).value(collapse.mean_trace)
    ),
    exact("floor-second-moment", "1.5", size=2000)
    .says("E tr Σ_t² with a floor has a finite limit where λ² (1 + 2/m) < 1")
    .expects(lambda: collapse.stationary_second_moments(_STATIONARY.loop, 20).trace_squared)
    .observes(_STATIONARY.draws, "trace_squared", "tr Σ_t², {all}"),
    exact("floor-moment", "1.5", size=20_000)
    .says("the second moment of the stationary law, a perpetuity")
    .expects(lambda: collapse.stationary_moment(_STATIONARY.loop, 2))
    .observes(_STATIONARY_LINE.draws, "squared_trace", "Σ_t², {all}"),
    exact("floor-median", "1.9", size=5_000)
    .says("quantiles of the stationary law with a floor")
    .happens(lambda: 0.5)
    .observes(_stays_below, 0.5, "P(Σ_t <= the stationary median), {all}")
    .against("the median is 2 % larger", lambda _: _below(_quantile(0.5) / 1.02), change=0.02),
    exact("floor-tail", "1.9", size=16_000)
    .says("the distribution function of the stationary law with a floor, in its tail")
    .happens(lambda: _below(_quantile(_HIGH)))
    .observes(_stays_below, _HIGH, "P(Σ_t <= the .9-quantile), {all}"),
    asymptotic("floor-tail-index", "1.9")
    .says("P(X > x) ~ x^-k of the stationary law, E (λ q)^k = 1")
    .expects(_tail_index)
    .computes(
        _HEAVY.words("log2 of P(X > x) / P(X > 2 x), x = 1000, {n}, {λ}, {floor}"),
        _tail_slope,
    ),
)

#: By t = 30 the variance is stationary to 2e-5.
_FLOORED_LINE = Setting(_FLOORED.loop, _LINE, 30)
_MANY = Setting(fully_synthetic(2000, floor=1 / 2000, ddof=0), _LINE, _LATE)
_BOTH = Setting(fully_synthetic(40, bias=0.5, floor=0.2, shrinkage=0.3), _FLAT, 3)

FLOOR_LAWS: Final = (
    exact("floor-walk-growth", "1.6", size=150_000)
    .says("the mean walks away by λ f tr Σ_0 / (n (1 - λ)) a generation, for ever")
    .expects(lambda: collapse.mean_walk_growth(_FLOORED_LINE.loop, _LINE))
    .observes(
        Observation,
        _FLOORED_LINE.words("(μ_31 - μ_30)², {d}, {n}, {λ}, floor f = .2"),
        lambda size, seed: lines.squared_steps(_FLOORED_LINE.loop, size, seed, t=_FLOORED_LINE.t),
    )
    .against("5 % faster", relative(0.05)),
    asymptotic("floor-quantile-limit", "1.9")
    .says("the stationary law tends to an inverse gamma law for large n")
    .expects(lambda: collapse.stationary_quantiles_limit(_MANY.loop, 0.5), error=1 / 2000)
    .computes(
        _MANY.words("median, {n}, divided by n, {λ}, floor 1/n"),
        lambda: float(collapse.stationary_quantiles(_MANY.loop, 0.5)),
    ),
    exact("floor-shrinkage", "1.5", size=1500)
    .says("E tr Σ_t² with a floor and shrinkage together, from one affine map")
    .expects(_BOTH.law(_trace_squared))
    .observes(_BOTH.draws, "trace_squared", "tr Σ_{at}², {d}, {n}, {λ}, {floor}, {shrinkage}")
    .against("without shrinkage", lambda _: _BOTH.but(shrinkage=0.0).value(_trace_squared)),
)

# --- shrinkage -----------------------------------------------------------------------------------

_SHRUNK = Setting(fully_synthetic(20, bias=0.9, shrinkage=0.3), _FLAT, 4)
_ROUND = Setting(fully_synthetic(2, shrinkage=1.0), np.ones(2), 201)
_PARTLY = Setting(fully_synthetic(4, shrinkage=0.1), np.ones(4), 220)
#: By t = 5 the map's second eigenvector is gone to 2e-4.
_GROWS = Setting(fully_synthetic(20, shrinkage=0.3), np.ones(5), 6)
_MILD = Setting(fully_synthetic(3, shrinkage=0.5), np.ones(2), 6)


def _second_path(at: Setting) -> float:
    """E tr Sigma_t^2 from Sigma_0 = I by the map of one generation."""
    dim = at.eigenvalues.size
    state = np.array([dim, dim * dim], dtype=np.float64)
    step = collapse.shrinkage_second_moment_map(at.loop, dim)
    # The first generation knows no bias.
    state = step @ state / at.loop.step_bias**2
    return float((np.linalg.matrix_power(step, at.t - 1) @ state)[0])


def _radius(at: Setting) -> float:
    return float(collapse.second_moment_growth(at.loop, at.eigenvalues.size))


def _grown() -> float:
    """Radius times the last E (tr Sigma)^2."""
    return _radius(_GROWS) * _GROWS.at(_GROWS.t - 1).value(_squared_trace)


def _beyond_growth(size: int, seed: int) -> Array:
    """What (tr Sigma_t)^2 has beyond the radius times its last value: 0 once t is large."""
    pairs = _GROWS.draws("squared_trace", at=(_GROWS.t - 1, _GROWS.t)).draw(size, seed)
    return np.asarray(pairs[1] - _radius(_GROWS) * pairs[0], dtype=np.float64)


def _drift(at: Setting, start: int) -> Observation:
    words = f"(log tr Σ_{at.t} - log tr Σ_{start}) / 200, {{d}}, {{n}}, {{shrinkage}}"
    return at.growth("log_trace", words, start=start, end=at.t)


def _condition(trace: Array, log_det: Array) -> Array:
    """Larger over smaller eigenvalue of a 2 x 2 covariance."""
    shape = np.exp(log_det) / trace**2
    larger = (1 + np.sqrt(np.maximum(1 - 4 * shape, 0.0))) / 2
    return np.asarray(larger / (1 - larger), dtype=np.float64)


SHRINKAGE: Final = (
    exact("shrinkage-trace", "1.5", size=3000)
    .says("shrinkage towards (tr S / d) I keeps the mean trace: λ^(t-1) tr Σ_0")
    .expects(_SHRUNK.law(collapse.mean_trace))
    .observes(_SHRUNK.draws, "trace")
    .against("shrinkage towards 0", lambda value: value * (1 - _SHRUNK.loop.shrinkage) ** 4),
    exact("shrinkage-second-moment", "1.5", size=8_700)
    .says("E tr Σ_t² with shrinkage a: its 2 x 2 map, b = (1 - a)²")
    .expects(lambda: _second_path(_SHRUNK))
    .observes(_SHRUNK.draws, "trace_squared", "tr Σ_{at}², {d}, {n}, {λ}, {shrinkage}")
    .against("without shrinkage", lambda _: _second_path(_SHRUNK.but(shrinkage=0.0))),
    exact("shrinkage-growth", "1.5", size=8_200)
    .says("E (tr Σ_t)² grows by the spectral radius of that map: it explodes above 1")
    .expects(lambda: Prediction(0.0, error=2e-4 * _grown()))
    .observes(
        Observation,
        _GROWS.words("(tr Σ_{at})² - radius (tr Σ_5)², {d}, {n}, {shrinkage}"),
        _beyond_growth,
    )
    .against("5 % faster", lambda _: 0.05 * _grown(), change=0.05),
    upper_bound("shrinkage-condition", "1.4", size=4000)
    .says("shrinkage a keeps the condition number below 1 + d (1 - a) / a for ever")
    .expects(lambda: collapse.condition_bound(_MILD.loop, 2))
    .observes(_MILD.draws, "trace log_det", "cond Σ_{at}, {d}, {n}, {shrinkage}")
    .of(_condition)
    .against("half as large", relative(-0.5)),
    exact("shrinkage-rate", "1.4", size=1200)
    .says("full shrinkage collapses too, at the rate log λ + ψ(md/2) - log(md/2)")
    .expects(lambda: collapse.shrinkage_rate(_ROUND.loop, 2).lower, mean_step(2, 200))
    .observes(_drift, _ROUND, 1)
    .against("the rate without shrinkage", lambda _: collapse.rate(_ROUND.but(shrinkage=0.0).loop)),
    lower_bound("shrinkage-rate-lower", "1.4", size=400)
    .says("the rate with shrinkage a is at least that of the extreme shape it allows")
    .expects(lambda: collapse.shrinkage_rate(_PARTLY.loop, 4).lower)
    .observes(_drift, _PARTLY, 20)
    .against(
        "the rate of full shrinkage", lambda _: collapse.shrinkage_rate(_PARTLY.loop, 4).upper
    ),
    upper_bound("shrinkage-rate-upper", "1.4", size=400)
    .says("the rate with shrinkage a is at most that of full shrinkage: it still collapses")
    .expects(lambda: collapse.shrinkage_rate(_PARTLY.loop, 4).upper)
    .observes(_drift, _PARTLY, 20)
    .against(
        "the rate without shrinkage", lambda _: collapse.rate(_PARTLY.but(shrinkage=0.0).loop)
    ),
)

# --- maximum likelihood: covariances divided by n ------------------------------------------------

_MLE = Setting(fully_synthetic(10, ddof=0), _LINE, 1000)
_CLASSIC = fully_synthetic(10)
_MLE_CRITICAL = _MLE.but(bias=collapse.critical_bias(_MLE.loop), allow_overdispersion=True).at(200)

LIKELIHOOD: Final = (
    exact("mle-rate", "0; 1.1", size=2000)
    .says("covariances divided by n: the rate is log(λ (n-1)/n) + ψ(m/2) - log(m/2)")
    .expects(lambda: collapse.rate(_MLE.loop), mean_step(9, _MLE.t))
    .observes(
        _MLE.growth,
        "log_direction",
        "log of a direction over {at} generations, {n}",
        start=1,
        end=1001,
    )
    .against("divided by n - 1", lambda _: collapse.rate(_CLASSIC)),
    exact("mle-critical-bias", "0; 1.2", size=400)
    .says("covariances divided by n: the critical bias is n/(n-1) times as large")
    .expects(lambda: 0.0, math.sqrt(199 * float(chi_square.log_chi_square_variance(9))))
    .observes(without_drift, _MLE_CRITICAL)
    .against(
        "the critical bias of n - 1",
        lambda _: 199 * math.log(_MLE_CRITICAL.loop.scalar_bias / collapse.critical_bias(_CLASSIC)),
        change=0.1,
    ),
)
