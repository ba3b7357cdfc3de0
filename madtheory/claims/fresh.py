"""Claims on the fresh data loop (paper, Section 5, Appendix G): moments, W2^2, real fractions."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
from scipy.optimize import brentq

from madtheory import spectrum
from madtheory._types import Array
from madtheory.claims.claim import (
    Claim,
    Observation,
    Prediction,
    asymptotic,
    exact,
    predicted,
    relative,
)
from madtheory.claims.setting import HARMONIC, UNEQUAL, Setting
from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.theory import distance, moments, verdicts, worth
from madtheory.theory.moments.second import conjugated_second_moments

#: By this generation each of these loops is within 3e-5 of its limit, relatively.
_SETTLED = 12
#: Started near its limit, a loop is that near already here.
_SOON = 6

_LINE = np.ones(1)
_MEAN = Setting(fresh_data(10, 20, bias=0.9, n_initial=6), np.ones(8), 3)
_TRACE = Setting(_MEAN.loop, UNEQUAL, 3)
_NEAR = Setting(fresh_data(30, 10, bias=0.9, n_initial=39), _LINE, _SOON)
_FAR = Setting(fresh_data(30, 10, bias=0.9, n_initial=5), _LINE, 12)
_UNBIASED = Setting(fresh_data(30, 10, n_initial=37), _LINE, _SOON)
_SECOND = Setting(fresh_data(4, 8, bias=0.9, n_initial=5), np.ones(6), 2)
_ONE_FIT = Setting(fully_synthetic(400), np.ones(20), 1)
_FEW = Setting(fresh_data(30, 10, n_initial=5), np.ones(20), _SETTLED)
_MANY = _FEW.but(n_initial=2000)
_EQUAL = Setting(fresh_data(400, 400, bias=0.5), np.ones(10), _SETTLED)
_HARMONIC = Setting(_EQUAL.loop, HARMONIC, _SETTLED)
_LARGE = Setting(fresh_data(5000, 2500), np.ones(10), _SETTLED)
_EQUAL_LOOP = _EQUAL.loop, _EQUAL.eigenvalues
_GAINS = Setting(fresh_data(200, 200, bias=0.9), np.ones(8), 16)
_MOSTLY_REAL = Setting(worth.fresh_fraction(1_000_000, 0.75), _LINE, _SOON)
_HALF_REAL = Setting(worth.fresh_fraction(100_000_000, 0.5, bias=0.8), np.ones(5), 60)


# --- exact moments -------------------------------------------------------------------------------


def _invariant(
    name: str, text: str, record: str, index: int, size: int, of: Callable[..., Array] = lambda x: x
) -> Claim:
    """A claim on one of the seven invariants of 2.3, a function of what the simulator records."""
    return (
        exact(f"fresh-{name}", "2.3", size=size)
        .says(f"{text} of the fresh data loop, from the seven invariants")
        .expects(lambda: moments.second_moments(_SECOND.loop, 6, generations=2)[-1, index])
        .observes(_SECOND.draws, record, "{all}")
        .of(of)
    )


_INVARIANTS = (
    _invariant("mean-fourth", "E ‖μ_t‖⁴", "mean_sq", 2, 400_000, lambda x: x**2),
    _invariant("mean-trace-product", "E ‖μ_t‖² tr Σ_t", "mean_sq trace", 3, 76_000, np.multiply),
    _invariant("mean-quadratic", "E μ_t' Σ_t μ_t", "mean_quadratic", 4, 200_000),
    _invariant("squared-trace", "E (tr Σ_t)²", "squared_trace", 5, 50_000),
    _invariant("trace-squared", "E tr Σ_t²", "trace_squared", 6, 80_000),
)


def _forgotten(size: int, seed: int) -> Array:
    """Difference of the settled W2^2 from two initial sizes, each from its own seed."""
    few, many = (at.draws("w2_squared") for at in (_FEW, _MANY))
    return few.draw(size, seed) - many.draw(size, seed + 1)


def _radius(loop: Loop) -> float:
    """Larger root of the characteristic equation of statement 2.2, its four entries as printed."""
    n_r, n_s, n = loop.n_fresh, loop.n_synth, loop.n_train
    mean_mean, mean_trace = (n_s / n) ** 2, n_s * loop.scalar_bias / n**2
    trace_mean, trace_trace = n_r * n_s / (n * (n - 1)), n_s * loop.scalar_bias / n
    half, gap = (mean_mean + trace_trace) / 2, (mean_mean - trace_trace) / 2
    return half + math.sqrt(gap**2 + mean_trace * trace_mean)


@cache
def _distance_worth(n: int, dim: int) -> Prediction:
    """The W2^2 whose effective sample size is `n`."""
    guess = predicted(spectrum.baseline(n, np.ones(dim)))

    def excess(w2: float) -> float:
        return worth.effective_sample_size(w2, np.ones(dim)) - n

    value = float(brentq(excess, 0.8 * guess.value, 1.25 * guess.value))
    return Prediction(value, error=guess.error)


def _conjugated() -> float:
    """E tr Sigma_t^2 from E tr W^2 and E (tr W)^2, W the loop's covariance at Sigma_0 = I."""
    at = moments.INVARIANTS.index
    last = moments.second_moments(_TRACE.loop, UNEQUAL.size, generations=_TRACE.t)[-1]
    both = float(last[at("trace_squared")]), float(last[at("squared_trace")])
    return conjugated_second_moments(*both, eigenvalues=UNEQUAL)[0]


EXACT: Final = (
    exact("fresh-mean", "2.2", size=38_000)
    .says("E ‖μ_t‖² of the fresh data loop by one linear recursion")
    .expects(lambda: _MEAN.moment("mean_sq"))
    .observes(_MEAN.draws, "mean_sq", "{all}"),
    exact("fresh-trace", "2.2", size=5200)
    .says("E tr Σ_t of the fresh data loop by the same recursion, general Σ_0")
    .expects(lambda: _TRACE.moment("trace"))
    .observes(_TRACE.draws, "trace", "eight unequal eigenvalues, {n}, {λ}, {t}"),
    exact("fresh-general-second", "2.3", size=50_000)
    .says("E tr Σ_t² at any Σ_0, from the second moments at Σ_0 = I")
    .expects(_conjugated)
    .observes(_TRACE.draws, "trace_squared", "tr Σ_t², eight unequal eigenvalues, {n}, {λ}, {t}"),
    exact("fresh-mean-limit", "Eq. (3); 2.2", size=240_000)
    .says("the limit of E ‖μ_t‖² is the fixed point of a 2 x 2 system")
    .expects(lambda: _NEAR.moment_limit("mean_sq"))
    .observes(_NEAR.draws, "mean_sq", "{all}"),
    exact("fresh-trace-limit", "Eq. (3); 2.2", size=10_000)
    .says("the limit of E tr Σ_t is the fixed point of the same system")
    .expects(lambda: _NEAR.moment_limit("trace"))
    .observes(_NEAR.draws, "trace", "{all}"),
    *_INVARIANTS,
    asymptotic("eq4-effective-size", "Eq. (4); 2.5", size=3000)
    .says("n_e inverts the distance of a fit to n real samples")
    .expects(lambda: _distance_worth(400, 20))
    .observes(_ONE_FIT.draws, "w2_squared", "W2² of one fit to {n} samples, {d}")
    .against("2 % fewer samples", relative(0.02)),
    exact("eq3-independence", "Eq. (3), Fig. 10; 2.2", size=700)
    .says("the limit of E W2² does not depend on n_initial")
    .expects(lambda: 0.0)
    .observes(Observation, _FEW.words("W2² from {n_initial} minus from 2000, {d}, {n}"), _forgotten)
    .against("10 % of the limit remains", lambda _: 0.1 * _FEW.distance_limit().value, change=0.1),
    exact("fresh-forgetting", "Fig. 10; 2.2")
    .says("n_initial is forgotten at the rate of the first-moment map's spectral radius")
    .expects(lambda: moments.forgetting_rate(_FAR.loop), error=1e-12)
    .computes(_FAR.words("root of its quadratic equation, {n}, {λ}"), lambda: _radius(_FAR.loop))
    .against("2 % faster", relative(-0.02)),
    exact("second-moment-radius", "1.5; 2.3")
    .says("second moments of the fully synthetic loop grow by λ² (1 + 2/m) where that exceeds 1")
    .expects(lambda: moments.second_moment_radius(fully_synthetic(4, bias=0.95), 3), error=1e-12)
    .computes("λ² (1 + 2/m), d = 3, n = 4, λ = .95", lambda: 0.95**2 * (1 + 2 / 3)),
    exact("eq4-effective-mean", "Eq. (4); 2.5", size=240_000)
    .says("λ = 1: the mean is worth n_e = n_r + n_s (n_r - 1)/(n - 1) real samples")
    .expects(lambda: 1 / worth.mean_effective_size(30, 10))
    .observes(_UNBIASED.draws, "mean_sq", "‖μ‖², {all}")
    .against("2 % more samples", relative(1 / 1.02 - 1)),
    asymptotic("fraction-unbiased", "Appendix G, Fig. 31; 2.7", size=240_000)
    .says("λ = 1: a real fraction p is worth n_e = n p (2 - p) samples")
    .expects(lambda: 1e6 / worth.fraction_effective_size(1_000_000, 0.75), error=1e-5)
    .observes(_MOSTLY_REAL.draws, "mean_sq", "n ‖μ‖², {d}, n = 10^6, p = .75, {t}")
    .of(lambda x: 1e6 * x)
    .against("2 % more samples", relative(1 / 1.02 - 1)),
)

# --- distance and worth, to leading order --------------------------------------------------------


def _leading_gain() -> Prediction:
    """W2^2 of a real data set as large as the leading order of n_e says."""
    n_effective = worth.leading_gain(5000, 2500) * 5000
    value = float(spectrum.baseline_leading(n_effective, _LARGE.eigenvalues))
    return Prediction(value, error=value * 10 / 5000)


def _real_risk() -> Prediction:
    """E W2^2 of a fit to the real samples of :data:`_GAINS` alone."""
    return predicted(spectrum.baseline(_GAINS.loop.n_real, _GAINS.eigenvalues))


def _worth_of(gain: float) -> Prediction:
    """W2^2 of a fit to as many real samples as a gain says, linear between whole numbers."""
    n = gain * _GAINS.loop.n_real
    low, high = (predicted(spectrum.baseline(k, _GAINS.eigenvalues)) for k in (int(n), int(n) + 1))
    value = low.value + (n - int(n)) * (high.value - low.value)
    return Prediction(value, error=low.error + _GAINS.distance_limit().error)


def _risk_ratio() -> Prediction:
    found = verdicts.risk_ratio(_GAINS.loop, _GAINS.eigenvalues).value
    ours, theirs = _GAINS.distance_limit(), _real_risk()
    ratio = ours.value / theirs.value if found is None else found
    return Prediction(ratio, error=ratio * (ours.error / ours.value + theirs.error / theirs.value))


def _admissible_root(bias: float, dim: int, ratio: float) -> float:
    """The largest admissible n_synth from exact second moments, n_real = ratio x its limit."""
    n_real = round(ratio * worth.admissible_n_synth_limit(bias, dim))
    return worth.admissible_n_synth(fresh_data(n_real, 2, bias=bias), dim)


ASYMPTOTIC: Final = (
    asymptotic("fresh-w2-limit", "Eq. (3); 2.4", size=1500)
    .says("the limit of E W2² to second order, within its declared error")
    .expects(_EQUAL.distance_limit)
    .observes(_EQUAL.draws, "w2_squared"),
    asymptotic("fresh-w2-general", "2.10", size=2500)
    .says("the same with Bures weights, Σ_0 = diag(1, 1/2, ..., 1/8)")
    .expects(_HARMONIC.distance_limit)
    .observes(_HARMONIC.draws, "w2_squared", "W2², {n}, {λ}, {t}"),
    asymptotic("eq4-leading-gain", "Eq. (4), Section 5.3; 2.5", size=8000)
    .says("λ = 1: n_e / n_r → (n_r + 2 n_s) / (n_r + n_s), at most 2")
    .expects(_leading_gain)
    .observes(_LARGE.draws, "w2_squared")
    .against("2 % smaller", relative(-0.02)),
    asymptotic("fresh-second-order", "2.4", size=1500)
    .says("E W2² to second order in the covariance's fluctuation alone: what is left is O(1/n²)")
    .expects(lambda: distance.w2_squared_second_order_limit(*_EQUAL_LOOP), error=0.002)
    .observes(_EQUAL.draws, "w2_squared"),
    asymptotic("fresh-second-order-path", "2.4", size=1500)
    .says("the same on the way to the limit")
    .expects(lambda: _EQUAL.at(3).value(distance.w2_squared_second_order), error=0.002)
    .observes(_EQUAL.at(3).draws, "w2_squared"),
    asymptotic("eq4-gain", "Eq. (4); 2.5", size=6000)
    .says("n_e = gain n_real: a fit to so many real samples is as far from the truth")
    .expects(lambda: _worth_of(worth.gain(_GAINS.loop, _GAINS.eigenvalues)))
    .observes(_GAINS.draws, "w2_squared")
    .against("synthetic samples are worth nothing", lambda _: _worth_of(1.0)),
    asymptotic("eq4-risk-ratio", "Eq. (4); 2.4", size=6000)
    .says("the limit of E W2² over that of a fit to the real data alone, within both errors")
    .expects(_risk_ratio)
    .observes(_GAINS.draws, "w2_squared", "W2² over that of 200 real samples, {all}")
    .of(lambda x: x / _real_risk().value)
    .against("synthetic samples change nothing", lambda _: 1.0),
    asymptotic("large-sample-floor", "2.4; 2.7", size=30)
    .says("what stays of E W2² at fixed fractions, however much data")
    .expects(
        lambda: verdicts.large_sample_floor(_HALF_REAL.loop, _HALF_REAL.eigenvalues), error=1e-6
    )
    .observes(_HALF_REAL.draws, "w2_squared", "W2², {d}, n = 10^8, p = .5, {λ}, {t}"),
    asymptotic("admissible-limit", "Section 5.3, Fig. 11, 12; 2.6")
    .says("the largest admissible n_synth tends to a formula in λ and d")
    .expects(lambda: worth.admissible_n_synth_limit(0.5, 5), error=0.1)
    .computes(
        "its limit against the root of exact second moments, d = 5, λ = .5",
        lambda: _admissible_root(0.5, 5, 1000.0),
    ),
    asymptotic("fraction-floor", "Appendix G, Fig. 31; 2.7", size=30)
    .says("λ < 1: W2² stops at d (1 - sqrt(p / (1 - λ (1 - p))))²")
    .expects(lambda: worth.fraction_floor(0.5, 0.8, 5), error=1e-6)
    .observes(_HALF_REAL.draws, "w2_squared", "W2², {d}, n = 10^8, p = .5, {λ}, {t}")
    .against("2 % lower", relative(-0.02)),
)
