"""Claims on fixed real data, alone or beside fresh ones, and on the weight of real data."""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np

from madtheory.claims.claim import (
    Observation,
    Prediction,
    asymptotic,
    exact,
    lower_bound,
    relative,
)
from madtheory.claims.distance import first_fall
from madtheory.claims.setting import Setting
from madtheory.laws import wishart
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.results import FirstMomentsLimit
from madtheory.theory import moments, worth

# --- what real data keep: every loop with real data ----------------------------------------------

_ANCHORED = Setting(fresh_data(10, 30, bias=0.5), np.ones(3), 20)


def _real_part() -> float:
    """E log det S_r: the covariance of the real samples alone."""
    return float(wishart.log_det_mean(3, _ANCHORED.loop.n_real - 1))


REAL: Final = (
    lower_bound("real-part-bound", "2.2; 3.1", size=400)
    .says("Σ_t >= (n_r - 1)/(n - 1) S_r: real samples keep the covariance from vanishing")
    .expects(lambda: _real_part() + 3 * math.log(9 / 39))
    .observes(_ANCHORED.draws, "log_det")
    .against("without the share of the real samples: Σ_t >= S_r", lambda _: _real_part()),
)

# --- a fixed real set, and both kinds of real data: 3.1, 3.3 -------------------------------------

_FLAT = np.ones(20)
_FIXED = Setting(synthetic_augmentation(10, 20, bias=0.9), _FLAT, 20)
_AS_FRESH = Setting(fresh_data(10, 20, bias=0.9), _FLAT, 20)
_FIXED_LARGE = Setting(synthetic_augmentation(10_000, 10_000), _FLAT, 8)
_BESIDE = Setting(synthetic_augmentation(40, 40, bias=0.0), np.ones(100), 2)
_ONE_FIT = Setting(fully_synthetic(40), np.ones(100), 1)
_BOTH = Setting(Loop(n_initial=8, n_fixed=8, n_fresh=4, n_synth=8, bias=0.9), _FLAT, 12)
_BOTH_FRESH = Setting(fresh_data(12, 8, bias=0.9), _FLAT, 12)
_BOTH_SMALL = Setting(_BOTH.loop, np.ones(8), 10)


def _augmentation() -> FirstMomentsLimit:
    return moments.augmentation_limit(10, 20, bias=0.9)


def _shrunk_by_copies() -> Prediction:
    """E W2^2(1) - E W2^2(2) where synthetic samples sit on the mean, d = 100 > n_real = 40.

    Then mu_2 = mu_1 and Sigma_2 = c Sigma_1 with c = (n_r - 1)/(n - 1), so the difference is
    (1 - c) d - 2 (1 - sqrt(c)) E tr S^(1/2), and E W2^2(1) = d/n_r + 2 d - 2 E tr S^(1/2).
    """
    loop = _BESIDE.loop
    kept = (loop.n_fixed - 1) / (loop.n_train - 1)
    fit = _ONE_FIT.distance()
    twice_root = 100 / loop.n_fixed + 2 * 100 - fit.value
    lost = 1 - math.sqrt(kept)
    return Prediction((1 - kept) * 100 - lost * twice_root, error=lost * fit.error)


def _squared_trace_limit() -> float:
    """E (tr Sigma)^2 at the limit."""
    found = moments.second_moments_limit(_BOTH_SMALL.loop, 8)
    return math.inf if found is None else found[moments.INVARIANTS.index("squared_trace")]


AUGMENTATION: Final = (
    exact("augmentation-limit", "Section 4, Fig. 7; 3.1", size=6_000)
    .says("E ‖μ_t‖² beside a fixed real set has the limit (1 + D) / n_r")
    .expects(lambda: 20 * _augmentation().mean_sq)
    .observes(_FIXED.draws, "mean_sq")
    .against("the limit of the fresh data loop", lambda _: _AS_FRESH.moment_limit("mean_sq")),
    exact("augmentation-trace", "Section 4, Fig. 7; 3.1", size=1_100)
    .says("E tr Σ_t beside a fixed real set, at the limit")
    .expects(lambda: 20 * _augmentation().trace)
    .observes(_FIXED.draws, "trace")
    .against("the limit of the fresh data loop", lambda _: _AS_FRESH.moment_limit("trace")),
    asymptotic("augmentation-gain", "Section 4; 3.1", size=4_600)
    .says("λ = 1: beside a fixed real set n_e / n_r → (n_r + 2 n_s) / (n_r + 3 n_s)")
    .expects(lambda: 20 / moments.augmentation_gain_leading(10_000, 10_000), error=20 / 10_000)
    .observes(_FIXED_LARGE.draws, "mean_sq", "n_r ‖μ‖², {all}")
    .of(lambda x: 10_000 * x)
    .against("synthetic data cost nothing", lambda _: 20.0),
    asymptotic("augmentation-shrinkage", "Section 4; 3.1", size=60)
    .says("where d > n_r, samples of the mean beside a fixed real set lower E W2²")
    .expects(_shrunk_by_copies)
    .observes(
        first_fall,
        _BESIDE,
        "W2² of generation 1 minus 2, {d}, {n}, {λ}",
        slope=0.15,
    )
    .against("synthetic data beside a fixed real set never help", lambda _: 0.0),
    exact("mixture-limit", "Section 6; 3.3", size=5_800)
    .says("E ‖μ_t‖² with fixed, fresh and synthetic samples together, at the limit")
    .expects(lambda: _BOTH.moment_limit("mean_sq"))
    .observes(_BOTH.draws, "mean_sq")
    .against("all real samples are fresh", lambda _: _BOTH_FRESH.moment_limit("mean_sq")),
    exact("mixture-trace", "Section 6; 3.3", size=3000)
    .says("E tr Σ_t with fixed, fresh and synthetic samples together, at the limit")
    .expects(lambda: _BOTH.moment_limit("trace"))
    .observes(_BOTH.at(10).draws, "trace")
    .against("all real samples are fresh", lambda _: _BOTH_FRESH.moment_limit("trace")),
    exact("mixture-second-moment", "Section 6; 3.3", size=18_000)
    .says("E (tr Σ_t)² of a mixture, at the limit of its joint moment tensors")
    .expects(_squared_trace_limit)
    .observes(_BOTH_SMALL.draws, "squared_trace")
    .against("the squared limit of E tr Σ_t", lambda _: _BOTH_SMALL.moment_limit("trace") ** 2),
)

# --- weights: 2.9 --------------------------------------------------------------------------------

_GOLDEN = moments.golden_weight(20, 20)
_POOLED = Setting(fresh_data(20, 20), _FLAT, 9)
_WEIGHTED = _POOLED.but(weight=_GOLDEN)
_UNEVEN = Setting(fresh_data(20, 60), _FLAT, 20)
_WEIGHTED_LARGE = Setting(fresh_data(10_000, 10_000, weight=_GOLDEN), _FLAT, 6)


@cache
def _best_weighted() -> Setting:
    return _UNEVEN.but(weight=worth.best_mean_weight(_UNEVEN.loop).weight)


def _weighted() -> FirstMomentsLimit:
    return moments.weighted_limit(20, 20, weight=_GOLDEN)


WEIGHTS: Final = (
    exact("weighted-limit", "2.9", size=6_000)
    .says("E ‖μ_t‖² with weight w on the real data, at the limit")
    .expects(lambda: 20 * _weighted().mean_sq)
    .observes(_WEIGHTED.draws, "mean_sq")
    .against("pooled sample by sample", lambda _: _POOLED.moment_limit("mean_sq")),
    exact("weighted-trace", "2.9", size=1500)
    .says("E tr Σ_t with weight w on the real data, at the limit")
    .expects(lambda: 20 * _weighted().trace)
    .observes(_WEIGHTED.draws, "trace")
    .against("pooled sample by sample", lambda _: _POOLED.moment_limit("trace")),
    exact("best-mean-weight", "2.9", size=6_000)
    .says("λ = 1: the weight that is best for the mean at finite n, and how much better it is")
    .expects(lambda: worth.best_mean_weight(_UNEVEN.loop).ratio)
    .observes(
        Observation,
        _UNEVEN.words("n_real ‖μ‖² / d, {d}, {n}, {λ}, best weight, {t}"),
        lambda size, seed: _best_weighted().draws("mean_sq").draw(size, seed),
    )
    .of(lambda x: x * _UNEVEN.loop.n_real / _UNEVEN.trace)
    .against("5 % less", relative(-0.05)),
    asymptotic("golden-ratio", "2.9", size=4_600)
    .says("λ = 1: at the best weight w the mean is worth n_r / w real samples")
    .expects(lambda: 20 * moments.golden_weight(10_000, 10_000), error=20 / 10_000)
    .observes(_WEIGHTED_LARGE.draws, "mean_sq", "n_r ‖μ‖², {all}")
    .of(lambda x: 10_000 * x)
    .against(
        "pooled sample by sample", lambda _: 20 * 10_000 / worth.mean_effective_size(10_000, 10_000)
    ),
)
