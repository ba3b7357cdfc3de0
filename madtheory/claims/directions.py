"""Claims on a spectrum of biases: one for each eigendirection of the real covariance."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import stats

from madtheory._types import Array
from madtheory.claims.claim import asymptotic, exact
from madtheory.claims.collapse import mean_step
from madtheory.claims.setting import HARMONIC, Setting
from madtheory.loop import fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.theory import collapse

#: Small directions die first, as measured in trained models; and the other way round.
_FADING = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
_RISING = _FADING[::-1]

_SMALL_DIE = Setting(fully_synthetic(60, bias=_FADING), HARMONIC, 4)
_LARGE_DIE = Setting(fully_synthetic(60, bias=_RISING), HARMONIC, 4)
_DETERMINANT = Setting(fully_synthetic(12, bias=_FADING[::2]), np.ones(4), 10)
_CROSSED = Setting(fully_synthetic(8, bias=(0.5, 1.0)), np.array([4.0, 1.0]), 220)
_FRESH = Setting(fresh_data(20, 60, bias=_RISING), HARMONIC, 40)
_LARGE_FRESH = Setting(fresh_data(400, 800, bias=_FADING[::2]), HARMONIC[:4], 40)
_REMEMBERED = Setting(synthetic_augmentation(30, 60, bias=_RISING, memory=3), HARMONIC, 5)
_ESTIMATED = Setting(fully_synthetic(201, bias=0.8), np.ones(1), 4)
_LEVEL = 0.95
#: The mutant of most claims here.
_SAME = "the mean bias everywhere"


def _averaged(at: Setting) -> Setting:
    """The loop of the mean bias, which no direction has."""
    return at.but(bias=float(np.mean(at.loop.bias)))


def _covers(*log_variances: Array) -> Array:
    """Whether the interval of the bias covers it, for each path of log variances."""
    paths = np.exp(np.array(log_variances))
    found = collapse.estimate_biases(paths, dof=_ESTIMATED.loop.dof, level=_LEVEL)
    bias = _ESTIMATED.loop.scalar_bias
    return np.asarray((found.lower <= bias) & (bias <= found.upper))


def _covered_if(change: float) -> float:
    """Chance that the interval covers a bias that is larger than the true one by `change`."""
    nu = (_ESTIMATED.t - 1) * _ESTIMATED.loop.dof
    ends = stats.chi2.ppf([(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], nu)
    inside = np.diff(stats.chi2.cdf((1 + change) * ends, nu))
    return float(inside[0])


CLAIMS: Final = (
    exact("spectrum-trace", "8.2", size=3000)
    .says("a bias λ_k in each direction: E tr Σ_t = Σ s_k λ_k^(t-1)")
    .expects(_SMALL_DIE.law(collapse.mean_trace))
    .observes(_SMALL_DIE.draws, "trace", "trace, {d}, {n}, {λ}, {t}")
    .against(_SAME, lambda _: _averaged(_SMALL_DIE).value(collapse.mean_trace)),
    exact("spectrum-walk", "8.2", size=12_000)
    .says("E ‖μ_t - μ_0‖² = Σ s_k (1 + λ_k + … + λ_k^(t-1)) / n")
    .expects(_LARGE_DIE.law(collapse.mean_walk))
    .observes(_LARGE_DIE.draws, "mean_sq", "squared distance, {d}, {n}, {λ}, {t}")
    .against(_SAME, lambda _: _averaged(_LARGE_DIE).value(collapse.mean_walk)),
    exact("spectrum-second-moment", "8.2", size=12_000)
    .says("Σ_t has the law of the unbiased loop from Σ_0 D^(t-1): E tr Σ_t²")
    .expects(_LARGE_DIE.law(collapse.mean_trace_squared))
    .observes(_LARGE_DIE.draws, "trace_squared", "tr Σ_t², {d}, {n}, {λ}, {t}")
    .against(
        _SAME,
        lambda _: _averaged(_LARGE_DIE).value(collapse.mean_trace_squared),
    ),
    exact("spectrum-log-det", "8.2", size=2000)
    .says("log det Σ_t gains Σ log λ_k a generation")
    .expects(_DETERMINANT.law(collapse.log_det_mean, variance=collapse.log_det_variance))
    .observes(_DETERMINANT.draws, "log_det", "log det, {d}, {n}, {λ}, {t}")
    .against(_SAME, lambda _: _averaged(_DETERMINANT).value(collapse.log_det_mean)),
    exact("spectrum-lyapunov", "8.2", size=1500)
    .says("the exponents pair sorted with sorted: the largest λ goes with the largest exponent")
    .expects(lambda: collapse.rate(_CROSSED.loop), mean_step(7, 200))
    .observes(
        _CROSSED.growth,
        "log_trace",
        "log tr Σ a generation, t = 20 to {at}, {d}, {n}, {λ}",
        start=20,
        end=_CROSSED.t,
    )
    .against(
        "the largest λ with the second exponent",
        lambda _: float(collapse.lyapunov_spectrum(_CROSSED.but(bias=1.0).loop, 2)[1]),
    ),
    asymptotic("spectrum-distance", "8.2", size=6000)
    .says("E W2²: the fidelity is that of the unbiased loop from Σ_0 D^((t-1)/2)")
    .expects(_SMALL_DIE.law(collapse.w2_squared))
    .observes(_SMALL_DIE.draws, "w2_squared", "W2², {d}, {n}, {λ}, {t}")
    .against(_SAME, lambda _: _averaged(_SMALL_DIE).value(collapse.w2_squared)),
    exact("spectrum-fresh-trace", "8.1", size=3000)
    .says("fresh data: the limit of E tr Σ_t is the sum of its directions' limits")
    .expects(lambda: _FRESH.moment_limit("trace"))
    .observes(_FRESH.draws, "trace", "trace, {d}, {n}, {λ}, {t}")
    .against(_SAME, lambda _: _averaged(_FRESH).moment_limit("trace")),
    asymptotic("spectrum-fresh-distance", "8.3", size=6000)
    .says("fresh data: the limit of E W2² with a spectrum of biases")
    .expects(_LARGE_FRESH.distance_limit)
    .observes(_LARGE_FRESH.draws, "w2_squared", "W2², {d}, {n}, {λ}, {t}")
    .against(_SAME, lambda _: _averaged(_LARGE_FRESH).distance_limit()),
    exact("spectrum-memory", "8.1", size=20_000)
    .says("a fixed set and a memory: E ‖μ_t - μ_0‖² is the sum of its directions'")
    .expects(lambda: _REMEMBERED.moment("mean_sq"))
    .observes(_REMEMBERED.draws, "mean_sq", "squared distance, {d}, {n}, {λ}, {K}, {t}")
    .against(_SAME, lambda _: _averaged(_REMEMBERED).moment("mean_sq")),
    exact("spectrum-estimate", "8.4", size=4000)
    .says("the interval of an estimated λ_k holds its level exactly")
    .happens(lambda: _LEVEL)
    .observes(
        _ESTIMATED.draws,
        "log_direction",
        "whether the interval from {at} generations covers λ, {n}, {λ}",
        at=(1, 2, 3, 4),
    )
    .of(_covers)
    .against("the bias is 5 % larger", lambda _: _covered_if(0.05), change=0.05),
)
