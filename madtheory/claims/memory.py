"""Claims on loops whose synthetic samples come from the last K models (paper, Appendix G.1)."""

from __future__ import annotations

from typing import Final

import numpy as np

from madtheory.claims.claim import Prediction, asymptotic, exact
from madtheory.claims.setting import Moment, Setting
from madtheory.loop import Loop, fresh_data
from madtheory.results import FirstMomentsLimit
from madtheory.simulate import simulate_plain
from madtheory.theory import moments
from madtheory.theory.collapse import memory_rate

_FLAT = np.ones(20)
_REMEMBERS = Setting(fresh_data(20, 20, memory=3), _FLAT, 16)
_TWO_MODELS = Setting(fresh_data(10, 30, memory=2), _FLAT, 4, simulate_plain)
_ALL_MODELS = Setting(fresh_data(16, 4, memory=None), _FLAT, 20)
_ALONE = Setting(Loop(n_initial=20, n_synth=20, memory=6), _FLAT, 24)
_HOT = Setting(Loop(n_initial=20, n_synth=20, memory=12), np.ones(1), 340)


def _remembered(memory: int) -> FirstMomentsLimit:
    return moments.memory_limit(20, 20, memory=memory)


def _all_remembered(name: Moment, t: int) -> Prediction:
    """At the limit: the mean of t models is off by about E |mu|^2/(t (1 - n_s/n)^2).

    Of that (n_s/n)^2 counts in the mean, and the same share in the scatter around it.
    """
    limit = moments.memory_limit_all(16, 4)
    return Prediction(20 * getattr(limit, name), error=20 * limit.mean_sq / (16 * t))


def without_scatter(memory: int) -> float:
    """E tr Sigma at the limit if the models in memory had one common mean, d = 20."""
    n_r, n_s = _REMEMBERS.loop.n_real, _REMEMBERS.loop.n_synth
    n = n_r + n_s
    M, C = _remembered(memory)
    # M = n_r/n^2 + (n_s/n)^2 (common + (M - common + C)/n_s), common = E |mean of models|^2.
    batch = (M - n_r / n**2) * (n / n_s) ** 2
    common = (batch - (M + C) / n_s) * n_s / (n_s - 1)
    # (n - 1) C = n_r - 1 + (n_s - 1) C + (n_r n_s/n) (1/n_r + common + C/n_s)
    between = n_r * n_s / n
    constant = n_r - 1 + between * (1 / n_r + common)
    return 20 * constant / (n - 1 - (n_s - 1) - between / n_s)


CLAIMS: Final = (
    exact("memory-limit", "Appendix G, Fig. 30; 2.8", size=6_000)
    .says("E ‖μ_t‖² with K models in memory: Yule-Walker equations, at the limit")
    .expects(lambda: 20 * _remembered(3).mean_sq)
    .observes(_REMEMBERS.draws, "mean_sq")
    .against("memory 1", lambda _: 20 * _remembered(1).mean_sq),
    exact("memory-scatter", "Appendix G, Fig. 30; 2.8", size=3000)
    .says("E tr Σ_t with K models in memory: their scatter counts as covariance")
    .expects(lambda: 20 * _remembered(3).trace)
    .observes(_REMEMBERS.draws, "trace")
    .against("without the scatter between models", lambda _: without_scatter(3)),
    exact("memory-index-set", "Appendix G.1, erratum; 2.8", size=4500)
    .says("memory K means K models, not the K + 1 of the paper's index set")
    .expects(lambda: _TWO_MODELS.moment("mean_sq"))
    .observes(_TWO_MODELS.draws, "mean_sq", "squared distance from n x d data, {all}")
    .against(
        "the paper's index set, three models", lambda _: _TWO_MODELS.but(memory=3).moment("mean_sq")
    ),
    asymptotic("memory-all", "Appendix G, Fig. 30; 2.8", size=7_500)
    .says("K → ∞: the models' mean is the truth, and n_e → n at λ = 1")
    .expects(lambda: _all_remembered("mean_sq", 20))
    .observes(_ALL_MODELS.draws, "mean_sq")
    .against("memory 1", lambda _: 20 * moments.memory_limit(16, 4, memory=1).mean_sq),
    asymptotic("memory-all-trace", "Appendix G, Fig. 30; 2.8", size=1500)
    .says("K → ∞: E tr Σ_t with the scatter of all models around the truth")
    .expects(lambda: _all_remembered("trace", 10))
    .observes(_ALL_MODELS.at(10).draws, "trace"),
    exact("memory-growth", "2.8", size=3_000)
    .says("no real data, λ = 1: K > 1 models make E tr Σ_t grow, fed by their scatter")
    .expects(lambda: _ALONE.moment("trace"))
    .observes(_ALONE.draws, "trace", "trace, {d}, {n_synth}, {K}, {t}")
    .against("memory 1: the mean trace is kept", lambda _: _ALONE.but(memory=1).moment("trace")),
    asymptotic("memory-heats", "2.8", size=10_500)
    .says("no real data, λ = 1: log tr Σ_t drifts up by 2(K - 3)/((K + 1)²n) to first order")
    .expects(lambda: memory_rate(_HOT.loop))
    .observes(
        _HOT.growth,
        "log_trace",
        "(log Σ_340 - log Σ_40) / 300, {d}, {n_synth}, {K}",
        start=40,
        end=340,
    )
    .against("eight models in memory", lambda _: memory_rate(_HOT.but(memory=8).loop)),
)
