"""Claims on pools of synthetic samples that grow, are capped, or are subsampled."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from madtheory.claims import lines
from madtheory.claims.claim import Observation, asymptotic, exact, lower_bound, relative
from madtheory.claims.setting import Setting
from madtheory.loop import synthetic_augmentation
from madtheory.theory import moments

_FLAT = np.ones(20)
_GROWING = Setting(synthetic_augmentation(8, 8, pool="accumulate"), _FLAT, 8)
_BIASED = _GROWING.but(bias=0.7).at(16)
_SMALL = Setting(_BIASED.loop, np.ones(6), 6)
_LARGE = synthetic_augmentation(10_000, 10_000, pool="accumulate")
_MLE = _GROWING.but(ddof=0)
_MEMORY = _GROWING.but(bias=0.49, memory=None).at(16)
_CAPPED = _GROWING.but(pool_cap=3, bias=0.9)
_SUBSAMPLED = Setting(replace(_GROWING.loop, budget=4), np.ones(1), 8)
_ROOMY = Setting(synthetic_augmentation(20, 20, pool="accumulate", budget=15), np.ones(1), 4)
_MANY = Setting(synthetic_augmentation(60, 60, pool="accumulate", budget=90), np.ones(1), 4)

_REPLACED = "each generation's samples replace the last ones'"


def _whole(at: Setting) -> float:
    """E |mu_t|^2 + E tr Sigma_t."""
    return at.moment("mean_sq") + at.moment("trace")


def _trace_squared(at: Setting) -> float:
    """E tr Sigma_t^2, Sigma_0 = I."""
    found = moments.second_moments(at.loop, at.eigenvalues.size, generations=at.t)
    return float(found[-1, moments.INVARIANTS.index("trace_squared")])


def _local_exponent(at: Setting, t: int) -> float:
    """Exponent of E tr Sigma from t to 2 t."""
    trace = moments.first_moments(at.loop, 2 * t).trace
    return math.log2(float(trace[-1] / trace[t - 1]))


def _subsampled(words: str, at: Setting = _SUBSAMPLED) -> Observation:
    """Means and variances of models of subsampled pools."""
    return Observation(
        at.words(words),
        lambda size, seed: np.array(lines.subsampled_models(at.loop, size, seed, t=at.t)),
    )


def _squared_variance(at: Setting) -> float:
    """E (sigma_t^2)^2 in one dimension."""
    found = moments.second_moments(at.loop, 1, generations=at.t)
    return float(found[-1, moments.INVARIANTS.index("squared_trace")])


def _subsampled_bound() -> float:
    """What E W2^2 is at least, by its first moments."""
    trace, total = _SUBSAMPLED.moment("trace"), _SUBSAMPLED.trace
    return _SUBSAMPLED.moment("mean_sq") + (math.sqrt(trace) - math.sqrt(total)) ** 2


CLAIMS: Final = (
    exact("growing-pool-mean", "Section 4, Fig. 8; 3.2", size=6_000)
    .says("E ‖μ_(t+1)‖² = E ‖μ_t‖² + λ n_s E tr S_t / (N_t + n_s)² in a growing pool")
    .expects(lambda: _GROWING.moment("mean_sq"))
    .observes(_GROWING.draws, "mean_sq")
    .against(_REPLACED, lambda _: _GROWING.but(pool="replace").moment("mean_sq")),
    asymptotic("growing-pool-limit", "Section 4, Fig. 8; 3.2")
    .says("λ = 1: in a growing pool E ‖μ_t‖² → (π²/6) tr Σ_0 / n, so n_e / n → 6/π²")
    .expects(lambda: math.pi**2 / 6, error=2e-4)
    .computes(
        "n ‖μ‖² at the limit, n_real = n_synth = 10^4",
        lambda: 1e4 * moments.growing_pool_limit(_LARGE).mean_sq,
    ),
    exact("growing-pool-power-law", "Section 4, Fig. 8; 3.2", size=1_600)
    .says("λ < 1: E tr Σ_t of a growing pool falls like t^-(1 - λ), a ratio of gammas")
    .expects(lambda: 20 * moments.growing_pool_trace(_BIASED.loop, _BIASED.t))
    .observes(_BIASED.draws, "trace")
    .against("an exponent that is .05 closer to 0", lambda value: value * _BIASED.t**0.05),
    exact("growing-pool-memory", "3.2", size=1_100)
    .says("a growing pool sampled from all earlier models loses its variance more slowly")
    .expects(lambda: _MEMORY.moment("trace"))
    .observes(_MEMORY.draws, "trace", "trace, {d}, {n}, {λ}, {t}")
    .against("memory 1", lambda _: _MEMORY.but(memory=1).moment("trace")),
    asymptotic("growing-pool-exponent", "3.2")
    .says("its exponent is sqrt(λ) - 1, against λ - 1 with memory 1")
    .expects(lambda: moments.pool_exponent(_MEMORY.loop), error=1 / 1024)
    .computes(
        _MEMORY.words("log2 of E tr Σ_2048 / E tr Σ_1024, {n}, {λ}"),
        lambda: _local_exponent(_MEMORY, 1024),
    )
    .against("λ - 1", lambda _: moments.pool_exponent(_MEMORY.but(memory=1).loop)),
    exact("growing-pool-second-moment", "3.2", size=23_000)
    .says("E tr Σ_t² in a growing pool, from the joint moment tensors")
    .expects(lambda: _trace_squared(_SMALL))
    .observes(_SMALL.draws, "trace_squared")
    .against(_REPLACED, lambda _: _trace_squared(_SMALL.but(pool="replace"))),
    exact("growing-pool-mle", "3.2", size=1_700)
    .says("divided by n, λ = 1: what the mean wanders is what the covariance loses")
    .expects(lambda: _whole(_MLE))
    .observes(_MLE.draws, "mean_sq trace", "‖μ‖² + tr Σ, {all}")
    .of(np.add)
    .against("divided by n - 1", lambda _: _whole(_GROWING)),
    exact("capped-pool", "3.3", size=6_500)
    .says("E ‖μ_t‖² with a pool of the last three generations beside a fixed set")
    .expects(lambda: _CAPPED.moment("mean_sq"))
    .observes(_CAPPED.draws, "mean_sq")
    .against("a pool of one generation", lambda _: _CAPPED.but(pool_cap=1).moment("mean_sq")),
    exact("subsample-growth", "3.3", size=60_000)
    .says("a growing pool subsampled to a budget B: λ = 1 makes E tr Σ_t grow like t^(1/B)")
    .expects(lambda: _SUBSAMPLED.moment("trace"))
    .observes(_subsampled, "trace, {all}")
    .of(lambda _, variance: variance)
    .against("the mean trace does not grow", lambda _: 1.0),
    exact("subsample-second-moment", "3.3", size=60_000)
    .says("E (tr Σ_t)² of a pool subsampled to a budget, by the moments of choosing")
    .expects(lambda: _squared_variance(_ROOMY))
    .observes(_subsampled, "σ⁴, {all}", _ROOMY)
    .of(lambda _, variance: variance**2)
    .against("the whole pool", lambda _: _squared_variance(_ROOMY.but(budget=None))),
    lower_bound("subsample-w2", "3.3", size=60_000)
    .says("E W2² >= E ‖μ_t‖² + (sqrt(E tr Σ_t) - sqrt(tr Σ_0))²: a budget lets it grow")
    .expects(_subsampled_bound)
    .observes(_subsampled, "W2², {all}")
    .of(lambda mean, variance: mean**2 + (np.sqrt(variance) - 1) ** 2)
    .against("twice as large", relative(1.0)),
    asymptotic("subsample-w2-estimate", "3.3; 5.2", size=40_000)
    .says("E W2² of a pool subsampled to a budget, within its declared error")
    .expects(_MANY.distance)
    .observes(_subsampled, "W2², {all}", _MANY)
    .of(lambda mean, variance: mean**2 + (np.sqrt(variance) - 1) ** 2)
    .against("the whole pool", lambda _: _MANY.but(budget=None).distance().value),
)
