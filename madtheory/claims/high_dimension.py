"""Claims on E W2^2 of loops where samples are as few as dimensions (theory.md 5.2)."""

from __future__ import annotations

from typing import Final

import numpy as np

from madtheory.claims.claim import Prediction, asymptotic
from madtheory.claims.setting import Setting
from madtheory.loop import Loop, fresh_data, synthetic_augmentation
from madtheory.spectrum.settled import settled_law
from madtheory.theory import moments
from madtheory.theory.distance.equivalent import pooling_of

#: By this generation that loop is within 1e-5 of its limit, relatively.
_SETTLED = 26

_FLAT = Setting(fresh_data(20, 60, bias=0.9, n_initial=30), np.ones(20), _SETTLED)
_WEIGHTED = Setting(fresh_data(30, 90, bias=0.8, weight=0.5), np.ones(40), 4)
_SPIKED = Setting(fresh_data(30, 60, bias=0.9), np.array([10.0] + [1.0] * 29), 3)
_FEW = Setting(fresh_data(12, 80, n_initial=25), np.ones(40), 3)
_FIXED = Setting(synthetic_augmentation(30, 60, bias=0.9), np.ones(30), 5)
_BOTH = Setting(Loop(n_initial=25, n_fixed=25, n_fresh=20, n_synth=50), np.ones(30), 4)
_MEMORY = Setting(fresh_data(25, 90, memory=3, bias=0.9), np.ones(30), 5)
_POOL = Setting(synthetic_augmentation(30, 30, pool="accumulate", bias=0.8), np.ones(30), 5)
_CAPPED = _POOL.but(pool_cap=2, bias=0.9)
_ALL_MODELS = _MEMORY.but(memory=None)


def _without_last_term() -> Prediction:
    """The limit of :data:`_FLAT` by the deterministic equivalent alone, as of complex samples."""
    loop, d = _FLAT.loop, _FLAT.eigenvalues.size
    first = moments.first_moments_limit(loop)
    found = settled_law(
        pooling_of(loop), d, scale=first.trace, mean_sq=d * first.mean_sq, real=False
    )
    lost = found[0].root_deficit if found else np.nan
    root = np.sqrt(first.trace)
    return Prediction(d * (first.mean_sq + (1 - root) ** 2 + 2 * root * lost))


CLAIMS: Final = (
    asymptotic("equivalent-limit", "Eq. (3), Fig. 11; 5.2", size=800)
    .says("n_real = d: the limit of E W2² by the deterministic equivalent and its 1/d term")
    .expects(_FLAT.distance_limit)
    .observes(_FLAT.draws, "w2_squared")
    .against("without the 1/d term of real samples", lambda _: _without_last_term()),
    asymptotic("equivalent-weighted", "5.2; 2.9", size=500)
    .says("n_real < d: the same on its way, with a weight on the real data")
    .expects(_WEIGHTED.distance)
    .observes(_WEIGHTED.draws, "w2_squared"),
    asymptotic("equivalent-spiked", "5.2; 2.10", size=2000)
    .says("n_real = d: E W2² by the same on its way, one direction of ten times the variance")
    .expects(_SPIKED.distance)
    .observes(_SPIKED.draws, "w2_squared", "W2², Σ_0 = diag(10, 1, ..., 1), {d}, {n}, {λ}, {t}"),
    asymptotic("equivalent-few", "Eq. (4); 5.2", size=1000)
    .says("λ = 1: E W2² by the same on its way, d above n_real")
    .expects(_FEW.distance)
    .observes(_FEW.draws, "w2_squared"),
    asymptotic("equivalent-fixed", "Section 4; 5.2", size=800)
    .says("n_real = d: E W2² by the same where every fit shares a fixed set")
    .expects(_FIXED.distance)
    .observes(_FIXED.draws, "w2_squared"),
    asymptotic("equivalent-fixed-fresh", "Section 4; 5.2", size=800)
    .says("λ = 1: E W2² by the same with a fixed set and fresh data")
    .expects(_BOTH.distance)
    .observes(_BOTH.draws, "w2_squared"),
    asymptotic("equivalent-memory", "Appendix G.1; 5.2", size=800)
    .says("n_real < d: E W2² by the same with samples of several models")
    .expects(_MEMORY.distance)
    .observes(_MEMORY.draws, "w2_squared"),
    asymptotic("equivalent-pool", "Fig. 8; 5.2", size=800)
    .says("n_real = d: E W2² by the same with a growing pool")
    .expects(_POOL.distance)
    .observes(_POOL.draws, "w2_squared"),
    asymptotic("equivalent-capped", "3.3; 5.2", size=800)
    .says("n_real = d: E W2² by the same with a pool of the last two generations")
    .expects(_CAPPED.distance)
    .observes(_CAPPED.draws, "w2_squared")
    .against("everything is kept", lambda _: _CAPPED.but(pool_cap=None).distance().value),
    asymptotic("equivalent-memory-all", "2.8; 5.2", size=800)
    .says("n_real < d: E W2² by the same with samples of all models")
    .expects(_ALL_MODELS.distance)
    .observes(_ALL_MODELS.draws, "w2_squared")
    .against("the last three models", lambda _: _MEMORY.distance().value),
)
