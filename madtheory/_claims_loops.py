"""Claims on the loops beyond memory 1 and plain pooling, a part of :mod:`madtheory.claims`.

Fixed real sets, mixtures, weights, memory, pools that grow, subsamples, estimators that shrink or
add a floor, maximum likelihood, and the rare paths that carry a mean.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np

from madtheory import (
    collapse,
    definitions,
    effective,
    estimators,
    families,
    recursions,
    spectrum,
    wishart,
)
from madtheory._claim import (
    Array,
    Claim,
    Observe,
    Prediction,
    declared,
    final,
    observed,
    probability,
    relative,
    simulated,
)
from madtheory.loops import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.simulate import simulate_plain, simulate_size_biased

__all__ = ["CLAIMS"]

Moment = Literal["mean_sq", "trace"]


def _moment(name: Moment, loop: Loop, dim: int, t: int) -> float:
    """E |mu_t|^2 or E tr Sigma_t, Sigma_0 = I, from the system assembled from the spec."""
    return dim * final(getattr(recursions.first_moments(loop, t), name))


def _settled(name: Moment, limit: families.FamilyLimit | recursions.FirstMomentsLimit) -> float:
    """The same at a limit, d = 20."""
    return 20 * float(getattr(limit, name))


def _limit(name: Moment, loop: Loop) -> float:
    """The same at the limit of a loop, from its system."""
    return _settled(name, recursions.first_moments_limit(loop))


# --- what real data keep: every loop with real data ----------------------------------------------

_ANCHORED = fresh_data(10, 30, bias=0.5)


def _real_part(dim: int) -> float:
    """E log det S_r: the covariance of the real samples alone."""
    return float(wishart.log_det_mean(dim, _ANCHORED.n_real - 1))


_REAL = (
    Claim(
        id="real-part-bound",
        reference="2.2; 3.1",
        statement="Σ_t >= (n_r - 1)/(n - 1) S_r: real samples keep the covariance from vanishing",
        status="bound",
        scale="log det, d = 3, n_real = 10, n_synth = 30, λ = .5, t = 20",
        predict=lambda: Prediction(_real_part(3) + 3 * math.log(9 / 39)),
        observe=observed("log_det", _ANCHORED, np.ones(3), t=20),
        mutant="without the share of the real samples: Σ_t >= S_r",
        mutate=lambda _: _real_part(3),
        size=400,
        side="at_least",
    ),
)

# --- synthetic augmentation and mixtures: 3.1, 3.3 -----------------------------------------------

_FIXED = synthetic_augmentation(10, 20, bias=0.9)
_AS_FRESH = fresh_data(10, 20, bias=0.9)
_FIXED_LARGE = synthetic_augmentation(10_000, 10_000)
_BESIDE = synthetic_augmentation(100, 38, bias=0.0)
_MIXED = Loop(n_initial=8, n_fixed=8, n_fresh=4, n_synth=8, bias=0.9)
_MIXED_FRESH = fresh_data(12, 8, bias=0.9)


def _augmentation(name: Moment) -> float:
    return _settled(name, families.augmentation_limit(10, 20, bias=0.9))


def _second(invariant: str, moments: Array | None) -> float:
    """One of the seven second-moment invariants, at the last generation or at the limit."""
    if moments is None:
        return math.inf
    return float(np.atleast_2d(moments)[-1, recursions.INVARIANTS.index(invariant)])


def _shrunk_by_copies() -> Prediction:
    """E W2^2(1) - E W2^2(2) where synthetic samples sit on the mean, d = n_real = 100.

    Then mu_2 = mu_1 and Sigma_2 = c Sigma_1 with c = (n_r - 1)/(n - 1), so the difference is
    (1 - c) d - 2 (1 - sqrt(c)) E tr S^(1/2); the last factor is right to O(1).
    """
    kept = (_BESIDE.n_fixed - 1) / (_BESIDE.n_train - 1)
    root = 100 * float(spectrum.sqrt_trace_limit(1, 100 / (_BESIDE.n_fixed - 1)))
    lost = 2 * (1 - math.sqrt(kept))
    return Prediction((1 - kept) * 100 - lost * root, error=lost)


_AUGMENTATION = (
    Claim(
        id="augmentation-limit",
        reference="Section 4, Fig. 7; 3.1",
        statement="E ‖μ_t‖² beside a fixed real set has the limit (1 + D) / n_r",
        status="exact",
        scale="squared distance, d = 20, n_real = 10, n_synth = 20, λ = .9, t = 20",
        predict=lambda: Prediction(_augmentation("mean_sq")),
        observe=observed("mean_sq", _FIXED, np.ones(20), t=20),
        mutant="the limit of the fresh data loop",
        mutate=lambda _: _limit("mean_sq", _AS_FRESH),
        size=6_000,
    ),
    Claim(
        id="augmentation-trace",
        reference="Section 4, Fig. 7; 3.1",
        statement="E tr Σ_t beside a fixed real set, at the limit",
        status="exact",
        scale="trace, d = 20, n_real = 10, n_synth = 20, λ = .9, t = 20",
        predict=lambda: Prediction(_augmentation("trace")),
        observe=observed("trace", _FIXED, np.ones(20), t=20),
        mutant="the limit of the fresh data loop",
        mutate=lambda _: _limit("trace", _AS_FRESH),
        size=3_500,
    ),
    Claim(
        id="augmentation-gain",
        reference="Section 4; 3.1",
        statement="λ = 1: beside a fixed real set n_e / n_r → (n_r + 2 n_s) / (n_r + 3 n_s)",
        status="asymptotic",
        scale="n_r ‖μ‖², d = 20, n_real = n_synth = 10^4, t = 8",
        predict=lambda: Prediction(
            20 / families.augmentation_gain_leading(10_000, 10_000), error=20 / 10_000
        ),
        observe=simulated(
            lambda paths: 10_000 * paths["mean_sq"][:, 0],
            _FIXED_LARGE,
            np.ones(20),
            at=(8,),
            record=("mean_sq",),
        ),
        mutant="synthetic data cost nothing",
        mutate=lambda _: 20.0,
        size=14_000,
    ),
    Claim(
        id="augmentation-shrinkage",
        reference="Section 4; 3.1",
        statement="where d = n_r, samples of the mean beside a fixed real set lower E W2²",
        status="asymptotic",
        scale="W2² of generation 1 minus 2, d = n_real = 100, n_synth = 38, λ = 0",
        predict=_shrunk_by_copies,
        observe=simulated(
            lambda paths: -np.diff(paths["w2_squared"])[:, 0],
            _BESIDE,
            np.ones(100),
            at=(1, 2),
            record=("w2_squared",),
        ),
        mutant="synthetic data beside a fixed real set never help",
        mutate=lambda _: 0.0,
        size=60,
    ),
    Claim(
        id="mixture-limit",
        reference="Section 6; 3.3",
        statement="E ‖μ_t‖² with fixed, fresh and synthetic samples together, at the limit",
        status="exact",
        scale="squared distance, d = 20, 8 fixed, 4 fresh, 8 synthetic, λ = .9, t = 12",
        predict=lambda: Prediction(_limit("mean_sq", _MIXED)),
        observe=observed("mean_sq", _MIXED, np.ones(20), t=12),
        mutant="all real samples are fresh",
        mutate=lambda _: _limit("mean_sq", _MIXED_FRESH),
        size=18_000,
    ),
    Claim(
        id="mixture-trace",
        reference="Section 6; 3.3",
        statement="E tr Σ_t with fixed, fresh and synthetic samples together, at the limit",
        status="exact",
        scale="trace, d = 20, 8 fixed, 4 fresh, 8 synthetic, λ = .9, t = 10",
        predict=lambda: Prediction(_limit("trace", _MIXED)),
        observe=observed("trace", _MIXED, np.ones(20), t=10),
        mutant="all real samples are fresh",
        mutate=lambda _: _limit("trace", _MIXED_FRESH),
        size=3000,
    ),
    Claim(
        id="mixture-second-moment",
        reference="Section 6; 3.3",
        statement="E (tr Σ_t)² of a mixture, at the limit of its joint moment tensors",
        status="exact",
        scale="(tr Σ)², d = 8, 8 fixed, 4 fresh, 8 synthetic, λ = .9, t = 10",
        predict=lambda: Prediction(
            _second("squared_trace", recursions.second_moments_limit(_MIXED, 8))
        ),
        observe=observed("squared_trace", _MIXED, np.ones(8), t=10),
        mutant="the squared limit of E tr Σ_t",
        mutate=lambda _: (8 * recursions.first_moments_limit(_MIXED).trace) ** 2,
        size=18_000,
    ),
    Claim(
        id="mixture-forgetting",
        reference="Section 6; 3.3",
        statement="a mixture forgets its first model at the spectral radius of its first moments",
        status="exact",
        scale="what is left of n_initial at t = 20 over t = 19, computed, 8 + 4 real, 8 synthetic",
        predict=lambda: Prediction(recursions.forgetting_rate(_MIXED), 1e-4, error=5e-4),
        observe=lambda _size, _seed: np.array([_left_over(_MIXED, 20)]),
        mutant="2 % faster",
        mutate=relative(-0.02),
        size=1,
    ),
)


def _left_over(loop: Loop, t: int) -> float:
    """How much of the difference that n_initial makes survives from generation t - 1 to t."""
    both = (recursions.first_moments(replace(loop, n_initial=n), t) for n in (8, 80))
    gap = np.subtract(*(moments.mean_sq[-2:] for moments in both))
    return float(gap[1] / gap[0])


# --- weights: 2.9 ---------------------------------------------------------------------------------

_GOLDEN = families.golden_weight(20, 20)
_WEIGHTED = fresh_data(20, 20, weight=_GOLDEN)
_POOLED = fresh_data(20, 20)
_WEIGHTED_LARGE = fresh_data(10_000, 10_000, weight=_GOLDEN)

_WEIGHTS = (
    Claim(
        id="weighted-limit",
        reference="2.9",
        statement="E ‖μ_t‖² with weight w on the real data, at the limit",
        status="exact",
        scale="squared distance, d = 20, n_real = n_synth = 20, w = .618, t = 9",
        predict=lambda: Prediction(
            _settled("mean_sq", families.weighted_limit(20, 20, weight=_GOLDEN))
        ),
        observe=observed("mean_sq", _WEIGHTED, np.ones(20), t=9),
        mutant="pooled sample by sample",
        mutate=lambda _: _limit("mean_sq", _POOLED),
        size=6_000,
    ),
    Claim(
        id="weighted-trace",
        reference="2.9",
        statement="E tr Σ_t with weight w on the real data, at the limit",
        status="exact",
        scale="trace, d = 20, n_real = n_synth = 20, w = .618, t = 9",
        predict=lambda: Prediction(
            _settled("trace", families.weighted_limit(20, 20, weight=_GOLDEN))
        ),
        observe=observed("trace", _WEIGHTED, np.ones(20), t=9),
        mutant="pooled sample by sample",
        mutate=lambda _: _limit("trace", _POOLED),
        size=1500,
    ),
    Claim(
        id="golden-ratio",
        reference="2.9",
        statement="λ = 1: at the best weight w the mean is worth n_r / w real samples",
        status="asymptotic",
        scale="n_r ‖μ‖², d = 20, n_real = n_synth = 10^4, w = .618, t = 6",
        predict=lambda: Prediction(20 * families.golden_weight(10_000, 10_000), error=20 / 10_000),
        observe=simulated(
            lambda paths: 10_000 * paths["mean_sq"][:, 0],
            _WEIGHTED_LARGE,
            np.ones(20),
            at=(6,),
            record=("mean_sq",),
        ),
        mutant="pooled sample by sample",
        mutate=lambda _: 20 * 10_000 / effective.mean_effective_size(10_000, 10_000),
        size=14_000,
    ),
)

# --- memory: 2.8 ----------------------------------------------------------------------------------

_REMEMBERS = fresh_data(20, 20, memory=3)
_TWO_MODELS = fresh_data(10, 30, memory=2)
_ALL_MODELS = fresh_data(16, 4, memory=None)
_ALONE = Loop(n_initial=20, n_synth=20, memory=6)


def without_scatter(memory: int) -> float:
    """E tr Sigma at the limit if the models in memory had one common mean, d = 20."""
    n_r, n_s = _REMEMBERS.n_real, _REMEMBERS.n_synth
    n = n_r + n_s
    M, C = families.memory_limit(n_r, n_s, memory=memory)
    # M = n_r/n^2 + (n_s/n)^2 (common + (M - common + C)/n_s), common = E |mean of models|^2.
    batch = (M - n_r / n**2) * (n / n_s) ** 2
    common = (batch - (M + C) / n_s) * n_s / (n_s - 1)
    # (n - 1) C = n_r - 1 + (n_s - 1) C + (n_r n_s/n) (1/n_r + common + C/n_s)
    between = n_r * n_s / n
    constant = n_r - 1 + between * (1 / n_r + common)
    return 20 * constant / (n - 1 - (n_s - 1) - between / n_s)


def _heating(size: int, seed: int) -> Array:
    """Growth of log Sigma a generation, d = 1, from t = 20 to 320."""
    return simulated(
        lambda paths: np.diff(paths["log_trace"])[:, 0] / 300,
        _ALONE,
        np.ones(1),
        at=(20, 320),
        record=("log_trace",),
    )(size, seed)


_MEMORY = (
    Claim(
        id="memory-limit",
        reference="Appendix G, Fig. 30; 2.8",
        statement="E ‖μ_t‖² with K models in memory: Yule-Walker equations, at the limit",
        status="exact",
        scale="squared distance, d = 20, n_real = n_synth = 20, K = 3, t = 16",
        predict=lambda: Prediction(_settled("mean_sq", families.memory_limit(20, 20, memory=3))),
        observe=observed("mean_sq", _REMEMBERS, np.ones(20), t=16),
        mutant="memory 1",
        mutate=lambda _: _settled("mean_sq", families.memory_limit(20, 20, memory=1)),
        size=6_000,
    ),
    Claim(
        id="memory-scatter",
        reference="Appendix G, Fig. 30; 2.8",
        statement="E tr Σ_t with K models in memory: their scatter counts as covariance",
        status="exact",
        scale="trace, d = 20, n_real = n_synth = 20, K = 3, t = 16",
        predict=lambda: Prediction(_settled("trace", families.memory_limit(20, 20, memory=3))),
        observe=observed("trace", _REMEMBERS, np.ones(20), t=16),
        mutant="without the scatter between models",
        mutate=lambda _: without_scatter(3),
        size=3000,
    ),
    Claim(
        id="memory-index-set",
        reference="Appendix G.1, erratum; 2.8",
        statement="memory K means K models, not the K + 1 of the paper's index set",
        status="exact",
        scale="squared distance from n x d data, d = 20, n_real = 10, n_synth = 30, K = 2, t = 4",
        predict=lambda: Prediction(_moment("mean_sq", _TWO_MODELS, 20, 4)),
        observe=observed("mean_sq", _TWO_MODELS, np.ones(20), t=4, sampler=simulate_plain),
        mutant="the paper's index set, three models",
        mutate=lambda _: _moment("mean_sq", replace(_TWO_MODELS, memory=3), 20, 4),
        size=4500,
    ),
    Claim(
        id="memory-all",
        reference="Appendix G, Fig. 30; 2.8",
        statement="K → ∞: the models' mean is the truth, and n_e → n at λ = 1",
        status="asymptotic",
        scale="squared distance, d = 20, n_real = 16, n_synth = 4, memory of everything, t = 20",
        # The models' mean is off by about E |mu|^2/(t (1 - n_s/n)^2), of which (n_s/n)^2 counts.
        predict=lambda: Prediction(
            _settled("mean_sq", families.memory_limit_all(16, 4)),
            error=_settled("mean_sq", families.memory_limit_all(16, 4)) / (16 * 20),
        ),
        observe=observed("mean_sq", _ALL_MODELS, np.ones(20), t=20),
        mutant="memory 1",
        mutate=lambda _: _settled("mean_sq", families.memory_limit(16, 4, memory=1)),
        size=7_500,
    ),
    Claim(
        id="memory-all-trace",
        reference="Appendix G, Fig. 30; 2.8",
        statement="K → ∞: E tr Σ_t with the scatter of all models around the truth",
        status="asymptotic",
        scale="trace, d = 20, n_real = 16, n_synth = 4, memory of everything, t = 10",
        predict=lambda: Prediction(
            _settled("trace", families.memory_limit_all(16, 4)),
            # Scatter around the models' mean, which is off by the same share of E |mu|^2.
            error=_settled("mean_sq", families.memory_limit_all(16, 4)) / (16 * 10),
        ),
        observe=observed("trace", _ALL_MODELS, np.ones(20), t=10),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=1500,
    ),
    Claim(
        id="memory-growth",
        reference="2.8",
        statement="no real data, λ = 1: K > 1 models make E tr Σ_t grow, fed by their scatter",
        status="exact",
        scale="trace, d = 20, n_synth = 20, K = 6, t = 24",
        predict=lambda: Prediction(_moment("trace", _ALONE, 20, 24)),
        observe=observed("trace", _ALONE, np.ones(20), t=24),
        mutant="memory 1: the mean trace is kept",
        mutate=lambda _: _moment("trace", replace(_ALONE, memory=1), 20, 24),
        size=3_000,
    ),
    Claim(
        id="memory-heats",
        reference="2.8",
        statement="no real data, λ = 1, K = 6: log Σ_t drifts up, a typical path heats up",
        status="conjecture",
        scale="(log Σ_320 - log Σ_20) / 300, d = 1, n_synth = 20",
        predict=lambda: Prediction(0.0),
        observe=_heating,
        mutant="it heats up as fast as the mean does",
        mutate=lambda _: math.log(recursions.forgetting_rate(_ALONE)),
        size=600,
        side="at_least",
    ),
)

# --- pools: 3.2, 3.3 ------------------------------------------------------------------------------

_GROWING = synthetic_augmentation(8, 8, pool="accumulate")
_GROWING_BIASED = synthetic_augmentation(8, 8, pool="accumulate", bias=0.7)
_GROWING_LARGE = synthetic_augmentation(10_000, 10_000, pool="accumulate")
_GROWING_MLE = synthetic_augmentation(8, 8, pool="accumulate", ddof=0)
_GROWING_MEMORY = synthetic_augmentation(8, 8, pool="accumulate", bias=0.49, memory=None)
_CAPPED = synthetic_augmentation(8, 8, pool="accumulate", pool_cap=3, bias=0.9)
_SUBSAMPLED = synthetic_augmentation(8, 8, pool="accumulate", budget=4)


def _whole(loop: Loop, dim: int, t: int) -> float:
    """E |mu_t|^2 + E tr Sigma_t."""
    return _moment("mean_sq", loop, dim, t) + _moment("trace", loop, dim, t)


def _pool_second(loop: Loop) -> float:
    """E tr Sigma_6^2, d = 6."""
    return _second("trace_squared", recursions.second_moments(loop, 6, generations=6))


def _local_exponent(loop: Loop, t: int) -> float:
    """Exponent of E tr Sigma from t to 2 t."""
    trace = recursions.first_moments(loop, 2 * t).trace
    return math.log2(float(trace[-1] / trace[t - 1]))


def _subsampled_bound(sign: int) -> float:
    """E W2^2 is at least (-1), or at most (1), this by its first moments, d = 10, t = 6."""
    trace, total = _moment("trace", _SUBSAMPLED, 10, 6), 10.0
    cross = 2 * math.sqrt(trace * total) if sign < 0 else 0.0
    return _moment("mean_sq", _SUBSAMPLED, 10, 6) + trace + total - cross


_POOLS = (
    Claim(
        id="growing-pool-mean",
        reference="Section 4, Fig. 8; 3.2",
        statement="E ‖μ_(t+1)‖² = E ‖μ_t‖² + λ n_s E tr S_t / (N_t + n_s)² in a growing pool",
        status="exact",
        scale="squared distance, d = 20, n_real = n_synth = 8, t = 8",
        predict=lambda: Prediction(_moment("mean_sq", _GROWING, 20, 8)),
        observe=observed("mean_sq", _GROWING, np.ones(20), t=8),
        mutant="each generation's samples replace the last ones'",
        mutate=lambda _: _moment("mean_sq", synthetic_augmentation(8, 8), 20, 8),
        size=6_000,
    ),
    Claim(
        id="growing-pool-limit",
        reference="Section 4, Fig. 8; 3.2",
        statement="λ = 1: in a growing pool E ‖μ_t‖² → (π²/6) tr Σ_0 / n, so n_e / n → 6/π²",
        status="asymptotic",
        scale="n ‖μ‖² at the limit, n_real = n_synth = 10^4, computed",
        predict=lambda: Prediction(math.pi**2 / 6, 1e-5, error=2e-4),
        observe=lambda _size, _seed: np.array(
            [1e4 * families.growing_pool_limit(_GROWING_LARGE).mean_sq]
        ),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=1,
    ),
    Claim(
        id="growing-pool-power-law",
        reference="Section 4, Fig. 8; 3.2",
        statement="λ < 1: E tr Σ_t of a growing pool falls like t^-(1 - λ), a ratio of gammas",
        status="exact",
        scale="trace, d = 20, n_real = n_synth = 8, λ = .7, t = 16",
        predict=lambda: Prediction(20 * float(families.growing_pool_trace(_GROWING_BIASED, 16))),
        observe=observed("trace", _GROWING_BIASED, np.ones(20), t=16),
        mutant="an exponent that is .05 closer to 0",
        mutate=lambda value: value * 16**0.05,
        size=5_500,
    ),
    Claim(
        id="growing-pool-memory",
        reference="3.2",
        statement="a growing pool sampled from all earlier models loses its variance more slowly",
        status="exact",
        scale="trace, d = 20, n_real = n_synth = 8, λ = .49, t = 16",
        predict=lambda: Prediction(_moment("trace", _GROWING_MEMORY, 20, 16)),
        observe=observed("trace", _GROWING_MEMORY, np.ones(20), t=16),
        mutant="memory 1",
        mutate=lambda _: _moment("trace", replace(_GROWING_MEMORY, memory=1), 20, 16),
        size=3_500,
    ),
    Claim(
        id="growing-pool-exponent",
        reference="3.2",
        statement="its exponent is sqrt(λ) - 1, against λ - 1 with memory 1",
        status="asymptotic",
        scale="log2 of E tr Σ_2048 / E tr Σ_1024, n_real = n_synth = 8, λ = .49, computed",
        predict=lambda: Prediction(
            definitions.pool_exponent(_GROWING_MEMORY), 1e-5, error=1 / 1024
        ),
        observe=lambda _size, _seed: np.array([_local_exponent(_GROWING_MEMORY, 1024)]),
        mutant="λ - 1",
        mutate=lambda _: definitions.pool_exponent(replace(_GROWING_MEMORY, memory=1)),
        size=1,
    ),
    Claim(
        id="growing-pool-second-moment",
        reference="3.2",
        statement="E tr Σ_t² in a growing pool, from the joint moment tensors",
        status="exact",
        scale="tr Σ², d = 6, n_real = n_synth = 8, λ = .7, t = 6",
        predict=lambda: Prediction(_pool_second(_GROWING_BIASED)),
        observe=observed("trace_squared", _GROWING_BIASED, np.ones(6), t=6),
        mutant="each generation's samples replace the last ones'",
        mutate=lambda _: _pool_second(replace(_GROWING_BIASED, pool="replace")),
        size=62_000,
    ),
    Claim(
        id="growing-pool-mle",
        reference="3.2",
        statement="divided by n, λ = 1: what the mean wanders is what the covariance loses",
        status="exact",
        scale="‖μ‖² + tr Σ, d = 20, n_real = n_synth = 8, t = 8",
        predict=lambda: Prediction(_whole(_GROWING_MLE, 20, 8)),
        observe=simulated(
            lambda paths: paths["mean_sq"][:, 0] + paths["trace"][:, 0],
            _GROWING_MLE,
            np.ones(20),
            at=(8,),
            record=("mean_sq", "trace"),
        ),
        mutant="divided by n - 1",
        mutate=lambda _: _whole(_GROWING, 20, 8),
        size=5_500,
    ),
    Claim(
        id="capped-pool",
        reference="3.3",
        statement="E ‖μ_t‖² with a pool of the last three generations beside a fixed set",
        status="exact",
        scale="squared distance, d = 20, n_real = n_synth = 8, λ = .9, t = 8",
        predict=lambda: Prediction(_moment("mean_sq", _CAPPED, 20, 8)),
        observe=observed("mean_sq", _CAPPED, np.ones(20), t=8),
        mutant="a pool of one generation",
        mutate=lambda _: _moment("mean_sq", replace(_CAPPED, pool_cap=1), 20, 8),
        size=17_000,
    ),
    Claim(
        id="subsample-growth",
        reference="3.3",
        statement="a growing pool subsampled to a budget B: λ = 1 makes E tr Σ_t grow like t^(1/B)",
        status="exact",
        scale="trace, d = 20, n_real = n_synth = 8, B = 4, t = 16",
        predict=lambda: Prediction(_moment("trace", _SUBSAMPLED, 20, 16)),
        observe=observed("trace", _SUBSAMPLED, np.ones(20), t=16),
        mutant="the mean trace does not grow",
        mutate=lambda _: 20.0,
        size=900,
    ),
    Claim(
        id="subsample-w2",
        reference="3.3",
        statement="E W2² >= E ‖μ_t‖² + (sqrt(E tr Σ_t) - sqrt(tr Σ_0))²: a budget lets it grow",
        status="bound",
        scale="W2², d = 10, n_real = n_synth = 8, B = 4, t = 6",
        predict=lambda: Prediction(_subsampled_bound(-1)),
        observe=observed("w2_squared", _SUBSAMPLED, np.ones(10), t=6),
        mutant="models and truth have nothing in common",
        mutate=lambda _: _subsampled_bound(1),
        size=300,
        side="at_least",
    ),
)

# --- E W2^2 of these loops ------------------------------------------------------------------------

_W2_FIXED = synthetic_augmentation(200, 400, bias=0.9)
_W2_MIXED = Loop(n_initial=200, n_fixed=200, n_fresh=100, n_synth=400, bias=0.9)
_W2_MANY = fresh_data(40, 400, bias=0.9)
_W2_MEMORY = fresh_data(200, 200, memory=3)
_W2_POOL = synthetic_augmentation(200, 200, pool="accumulate", bias=0.9)
_FOUR = np.ones(4)


def _w2(loop: Loop, t: int) -> Prediction:
    return declared(recursions.w2_squared(loop, _FOUR, generations=t))


def _w2_limit(loop: Loop) -> Prediction:
    return declared(recursions.w2_squared_limit(loop, _FOUR))


@cache
def _best_weighted() -> Loop:
    """The loop of 2.9 for bias below 1 at its best weight."""
    return replace(_W2_MANY, weight=effective.best_weight(_W2_MANY, _FOUR).weight)


def _weighted_distance(size: int, seed: int) -> Array:
    return observed("w2_squared", _best_weighted(), _FOUR, t=12)(size, seed)


_DISTANCES = (
    Claim(
        id="augmentation-w2",
        reference="Section 4, Fig. 7; 3.1",
        statement="E W2² beside a fixed real set at the limit, within its declared error",
        status="asymptotic",
        scale="W2², d = 4, n_real = 200, n_synth = 400, λ = .9, t = 20",
        predict=lambda: _w2_limit(_W2_FIXED),
        observe=observed("w2_squared", _W2_FIXED, _FOUR, t=20),
        mutant="the limit of the fresh data loop",
        mutate=lambda _: _w2_limit(fresh_data(200, 400, bias=0.9)).value,
        size=20_000,
    ),
    Claim(
        id="mixture-w2",
        reference="Section 6; 3.3",
        statement="E W2² with fixed, fresh and synthetic samples, within its declared error",
        status="asymptotic",
        scale="W2², d = 4, 200 fixed, 100 fresh, 400 synthetic, λ = .9, t = 20",
        predict=lambda: _w2_limit(_W2_MIXED),
        observe=observed("w2_squared", _W2_MIXED, _FOUR, t=20),
        mutant="all real samples are fresh",
        mutate=lambda _: _w2_limit(fresh_data(300, 400, bias=0.9)).value,
        size=20_000,
    ),
    Claim(
        id="weighted-w2",
        reference="2.9",
        statement="λ < 1: the best weight for E W2² is not the golden one, and this much better",
        status="asymptotic",
        scale="W2², d = 4, n_real = 40, n_synth = 400, λ = .9, best weight, t = 12",
        predict=lambda: _w2(_best_weighted(), 12),
        observe=_weighted_distance,
        mutant="the golden weight does as well",
        mutate=lambda _: _w2(replace(_W2_MANY, weight=families.golden_weight(40, 400)), 12).value,
        size=4000,
    ),
    Claim(
        id="memory-w2",
        reference="Appendix G, Fig. 30; 2.8",
        statement="E W2² with K models in memory at the limit, within its declared error",
        status="asymptotic",
        scale="W2², d = 4, n_real = n_synth = 200, K = 3, t = 16",
        predict=lambda: _w2_limit(_W2_MEMORY),
        observe=observed("w2_squared", _W2_MEMORY, _FOUR, t=16),
        mutant="memory 1",
        mutate=lambda _: _w2_limit(replace(_W2_MEMORY, memory=1)).value,
        size=4000,
    ),
    Claim(
        id="growing-pool-w2",
        reference="Section 4, Fig. 8; 3.2",
        statement="E W2² in a growing pool, within its declared error",
        status="asymptotic",
        scale="W2², d = 4, n_real = n_synth = 200, λ = .9, t = 8",
        predict=lambda: _w2(_W2_POOL, 8),
        observe=observed("w2_squared", _W2_POOL, _FOUR, t=8),
        mutant="each generation's samples replace the last ones'",
        mutate=lambda _: _w2(replace(_W2_POOL, pool="replace"), 8).value,
        size=25_000,
    ),
)

# --- estimators: floor, shrinkage, maximum likelihood ---------------------------------------------

_FLOORED = fully_synthetic(10, bias=0.7, floor=0.2)
_HEAVY = fully_synthetic(10, bias=0.9, floor=0.2)
_FAR = 1000.0
_MANY = fully_synthetic(2000, floor=1 / 2000, ddof=0)
_BOTH = fully_synthetic(40, bias=0.5, floor=0.2, shrinkage=0.3)
_STATIONARY = fully_synthetic(40, bias=0.5, floor=0.2)
_SHRUNK = fully_synthetic(20, bias=0.9, shrinkage=0.3)
_ROUND = fully_synthetic(2, shrinkage=1.0)
_PARTLY = fully_synthetic(4, shrinkage=0.1)
_MLE = fully_synthetic(10, ddof=0)
_CLASSIC = replace(_MLE, ddof=1)
_MLE_CRITICAL = fully_synthetic(
    10, bias=collapse.critical_bias(_MLE), ddof=0, allow_overdispersion=True
)
#: By this generation the stationary law is reached to 4e-6.
_LATE = 18
_HIGH = 0.9


def _second_path(loop: Loop, dim: int, t: int) -> float:
    """E tr Sigma_t^2 from Sigma_0 = I by the map of one generation."""
    state = np.array([dim, dim * dim], dtype=np.float64)
    step = estimators.shrinkage_second_moment_map(loop, dim)
    # The first generation knows no bias.
    state = step @ state / loop.step_bias**2
    return float((np.linalg.matrix_power(step, t - 1) @ state)[0])


def _stationary_quantile(q: float) -> float:
    return float(estimators.stationary_quantiles(_STATIONARY, q))


def _below(threshold: float) -> float:
    return float(estimators.stationary_cdf(threshold, _STATIONARY))


def _stays_below(q: float) -> Observe:
    """Whether Sigma at a late generation is at most the stationary q-quantile, d = 1."""
    return simulated(
        lambda paths: (paths["trace"][:, 0] <= _stationary_quantile(q)).astype(np.float64),
        _STATIONARY,
        np.ones(1),
        at=(_LATE,),
        record=("trace",),
    )


def _tail_slope() -> float:
    """log2 of P(X > x) / P(X > 2 x)."""
    tails = 1 - estimators.stationary_cdf([_FAR, 2 * _FAR], _HEAVY)
    return float(np.log2(tails[0] / tails[1]))


def _tail_index() -> Prediction:
    """The tail index; the next power of x in the tail is one lower, of relative size E X/x."""
    index = estimators.stationary_tail_index(_HEAVY)
    return Prediction(index, 1e-4, error=index * estimators.stationary_mean(_HEAVY) / _FAR)


def _drift(loop: Loop, dim: int, *, start: int, end: int) -> Observe:
    """Growth of log tr Sigma a generation."""
    return simulated(
        lambda paths: np.diff(paths["log_trace"])[:, 0] / (end - start),
        loop,
        np.ones(dim),
        at=(start, end),
        record=("log_trace",),
    )


_FLOOR = (
    Claim(
        id="floor-walk",
        reference="1.6",
        statement="a variance floor does not stop the mean: E ‖μ_t - μ_0‖² grows linearly",
        status="exact",
        scale="squared distance, d = 20, n = 10, λ = .7, floor .2, t = 8",
        predict=lambda: Prediction(
            final(estimators.mean_walk(_FLOORED, np.ones(20), generations=8))
        ),
        observe=observed("mean_sq", _FLOORED, np.ones(20), t=8),
        mutant="without the floor",
        mutate=lambda _: final(
            collapse.mean_walk(replace(_FLOORED, floor=0.0), np.ones(20), generations=8)
        ),
        size=25_000,
    ),
    Claim(
        id="floor-stationary",
        reference="1.5",
        statement="a variance floor f stops the collapse: E tr Σ_t → f tr Σ_0 / (1 - λ)",
        status="exact",
        scale="trace, d = 20, n = 10, λ = .7, floor .2, t = 30",
        predict=lambda: Prediction(20 * estimators.stationary_mean(_FLOORED)),
        observe=observed("trace", _FLOORED, np.ones(20), t=30),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=5000,
    ),
    Claim(
        id="floor-trace",
        reference="1.5",
        statement="E tr Σ_t = tr Σ_0 [λ^(t-1) + f (1 + λ + ... + λ^(t-1))] with a floor f",
        status="exact",
        scale="trace, d = 20, n = 10, λ = .7, f = .2, t = 4",
        predict=lambda: Prediction(
            final(estimators.mean_trace(_FLOORED, np.ones(20), generations=4))
        ),
        observe=observed("trace", _FLOORED, np.ones(20), t=4),
        mutant="without the floor",
        mutate=lambda _: final(
            collapse.mean_trace(replace(_FLOORED, floor=0.0), np.ones(20), generations=4)
        ),
        size=6000,
    ),
    Claim(
        id="floor-second-moment",
        reference="1.5",
        statement="E tr Σ_t² with a floor has a finite limit where λ² (1 + 2/m) < 1",
        status="exact",
        scale="tr Σ_t², d = 20, n = 40, λ = .5, floor .2, t = 18",
        predict=lambda: Prediction(
            float(estimators.stationary_second_moments(_STATIONARY, 20).trace_squared)
        ),
        observe=observed("trace_squared", _STATIONARY, np.ones(20), t=_LATE),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=2000,
    ),
    Claim(
        id="floor-moment",
        reference="1.5",
        statement="the second moment of the stationary law, a perpetuity",
        status="exact",
        scale="Σ_t², d = 1, n = 40, λ = .5, floor .2, t = 18",
        predict=lambda: Prediction(estimators.stationary_moment(_STATIONARY, 2)),
        observe=observed("squared_trace", _STATIONARY, np.ones(1), t=_LATE),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=20_000,
    ),
    Claim(
        id="floor-median",
        reference="1.9",
        statement="quantiles of the stationary law with a floor",
        status="exact",
        scale="P(Σ_t <= the stationary median), d = 1, n = 40, λ = .5, floor .2, t = 18",
        predict=lambda: probability(0.5),
        observe=_stays_below(0.5),
        mutant="the median is 2 % larger",
        mutate=lambda _: _below(_stationary_quantile(0.5) / 1.02),
        size=5_000,
    ),
    Claim(
        id="floor-tail",
        reference="1.9",
        statement="the distribution function of the stationary law with a floor, in its tail",
        status="exact",
        scale="P(Σ_t <= the .9-quantile), d = 1, n = 40, λ = .5, floor .2, t = 18",
        predict=lambda: probability(_below(_stationary_quantile(_HIGH))),
        observe=_stays_below(_HIGH),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=16_000,
    ),
    Claim(
        id="floor-tail-index",
        reference="1.9",
        statement="P(X > x) ~ x^-k of the stationary law, E (λ q)^k = 1",
        status="asymptotic",
        scale="log2 of P(X > x) / P(X > 2 x), x = 1000, computed, n = 10, λ = .9, floor .2",
        predict=_tail_index,
        observe=lambda _size, _seed: np.array([_tail_slope()]),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=1,
    ),
)

_FLOOR_LAWS = (
    Claim(
        id="floor-walk-growth",
        reference="1.6",
        statement="the mean walks away by λ f tr Σ_0 / (n (1 - λ)) a generation, for ever",
        status="exact",
        scale="E ‖μ_61‖² - E ‖μ_60‖², computed, d = 1, n = 10, λ = .7, floor f = .2",
        predict=lambda: Prediction(
            estimators.mean_walk_growth(_FLOORED, np.ones(1)), 1e-8, error=1e-8
        ),
        observe=lambda _size, _seed: np.diff(
            estimators.mean_walk(_FLOORED, np.ones(1), generations=61)
        )[-1:],
        mutant="2 % faster",
        mutate=relative(0.02),
        size=1,
    ),
    Claim(
        id="floor-quantile-limit",
        reference="1.9",
        statement="the stationary law tends to an inverse gamma law for large n",
        status="asymptotic",
        scale="median, computed, n = 2000, divided by n, λ = 1, floor 1/n",
        predict=lambda: Prediction(
            float(estimators.stationary_quantiles_limit(_MANY, 0.5)), 1e-5, error=1 / 2000
        ),
        observe=lambda _size, _seed: np.array([estimators.stationary_quantiles(_MANY, 0.5)]),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=1,
    ),
    Claim(
        id="floor-shrinkage",
        reference="1.5",
        statement="E tr Σ_t² with a floor and shrinkage together, from one affine map",
        status="exact",
        scale="tr Σ_3², d = 20, n = 40, λ = .5, floor .2, shrinkage .3",
        predict=lambda: Prediction(
            final(estimators.second_moments(_BOTH, np.ones(20), generations=3).trace_squared)
        ),
        observe=observed("trace_squared", _BOTH, np.ones(20), t=3),
        mutant="without shrinkage",
        mutate=lambda _: final(
            estimators.second_moments(
                replace(_BOTH, shrinkage=0.0), np.ones(20), generations=3
            ).trace_squared
        ),
        size=1500,
    ),
)

_SHRINKAGE = (
    Claim(
        id="shrinkage-trace",
        reference="1.5",
        statement="shrinkage towards (tr S / d) I keeps the mean trace: λ^(t-1) tr Σ_0",
        status="exact",
        scale="trace, d = 20, n = 20, λ = .9, shrinkage .3, t = 4",
        predict=lambda: Prediction(
            final(estimators.mean_trace(_SHRUNK, np.ones(20), generations=4))
        ),
        observe=observed("trace", _SHRUNK, np.ones(20), t=4),
        mutant="shrinkage towards 0",
        mutate=lambda value: value * (1 - _SHRUNK.shrinkage) ** 4,
        size=3000,
    ),
    Claim(
        id="shrinkage-second-moment",
        reference="1.5",
        statement="E tr Σ_t² with shrinkage a: its 2 x 2 map, b = (1 - a)²",
        status="exact",
        scale="tr Σ_4², d = 20, n = 20, λ = .9, shrinkage .3",
        predict=lambda: Prediction(_second_path(_SHRUNK, 20, 4)),
        observe=observed("trace_squared", _SHRUNK, np.ones(20), t=4),
        mutant="without shrinkage",
        mutate=lambda _: _second_path(replace(_SHRUNK, shrinkage=0.0), 20, 4),
        size=25_000,
    ),
    Claim(
        id="shrinkage-growth",
        reference="1.5",
        statement="E (tr Σ_t)² grows by the spectral radius of that map: it explodes above 1",
        status="exact",
        scale="log2 of E tr Σ_80² / E tr Σ_40², a generation, computed, d = 20, shrinkage .3",
        predict=lambda: Prediction(
            math.log2(estimators.second_moment_growth(_SHRUNK, 20)), 1e-4, error=1e-6
        ),
        observe=lambda _size, _seed: np.array(
            [math.log2(_second_path(_SHRUNK, 20, 80) / _second_path(_SHRUNK, 20, 40)) / 40]
        ),
        mutant="without shrinkage",
        mutate=lambda _: math.log2(
            estimators.second_moment_growth(replace(_SHRUNK, shrinkage=0.0), 20)
        ),
        size=1,
    ),
    Claim(
        id="shrinkage-rate",
        reference="1.4",
        statement="full shrinkage collapses too, at the rate log λ + ψ(md/2) - log(md/2)",
        status="exact",
        scale="(log tr Σ_201 - log tr Σ_1) / 200, d = 2, n = 2, shrinkage 1",
        predict=lambda: Prediction(
            estimators.shrinkage_rate(_ROUND, 2).lower,
            math.sqrt(float(wishart.log_chi_square_variance(2)) / 200),
        ),
        observe=_drift(_ROUND, 2, start=1, end=201),
        mutant="the rate without shrinkage",
        mutate=lambda _: collapse.rate(replace(_ROUND, shrinkage=0.0)),
        size=4000,
    ),
    Claim(
        id="shrinkage-rate-lower",
        reference="1.4",
        statement="the rate with shrinkage a is at least that of the extreme shape it allows",
        status="bound",
        scale="(log tr Σ_220 - log tr Σ_20) / 200, d = 4, n = 4, shrinkage .1",
        predict=lambda: Prediction(estimators.shrinkage_rate(_PARTLY, 4).lower),
        observe=_drift(_PARTLY, 4, start=20, end=220),
        mutant="the rate of full shrinkage",
        mutate=lambda _: estimators.shrinkage_rate(_PARTLY, 4).upper,
        size=400,
        side="at_least",
    ),
    Claim(
        id="shrinkage-rate-upper",
        reference="1.4",
        statement="the rate with shrinkage a is at most that of full shrinkage: it still collapses",
        status="bound",
        scale="(log tr Σ_220 - log tr Σ_20) / 200, d = 4, n = 4, shrinkage .1",
        predict=lambda: Prediction(estimators.shrinkage_rate(_PARTLY, 4).upper),
        observe=_drift(_PARTLY, 4, start=20, end=220),
        mutant="the rate without shrinkage",
        mutate=lambda _: collapse.rate(replace(_PARTLY, shrinkage=0.0)),
        size=400,
        side="at_most",
    ),
)

_LIKELIHOOD = (
    Claim(
        id="mle-rate",
        reference="0; 1.1",
        statement="covariances divided by n: the rate is log(λ (n-1)/n) + ψ(m/2) - log(m/2)",
        status="exact",
        scale="log of a direction over 1000 generations, n = 10",
        predict=lambda: Prediction(
            collapse.rate(_MLE), math.sqrt(float(wishart.log_chi_square_variance(9)) / 1000)
        ),
        observe=simulated(
            lambda paths: np.diff(paths["log_direction"])[:, 0] / 1000,
            _MLE,
            np.ones(1),
            at=(1, 1001),
            record=("log_direction",),
        ),
        mutant="divided by n - 1",
        mutate=lambda _: collapse.rate(replace(_MLE, ddof=1)),
        size=2000,
    ),
    Claim(
        id="mle-critical-bias",
        reference="0; 1.2",
        statement="covariances divided by n: the critical bias is n/(n-1) times as large",
        status="exact",
        scale="log of a direction from t = 1 to 200, n = 10, λ = λ_c",
        predict=lambda: Prediction(0.0, math.sqrt(199 * float(wishart.log_chi_square_variance(9)))),
        observe=simulated(
            lambda paths: np.diff(paths["log_direction"])[:, 0],
            _MLE_CRITICAL,
            np.ones(1),
            at=(1, 200),
            record=("log_direction",),
        ),
        mutant="the critical bias of n - 1",
        mutate=lambda _: 199 * math.log(_MLE_CRITICAL.bias / collapse.critical_bias(_CLASSIC)),
        size=400,
    ),
)

# --- the rare paths that carry the mean -----------------------------------------------------------

_RARE = fully_synthetic(10)
_RARE_T = 100
_EARLY = fully_synthetic(10)


def _as_tilted() -> Loop:
    """The loop of a direction under the size-biased law: chi2_(m+2)/m for chi2_m/m."""
    m = _RARE.dof
    return fully_synthetic(m + 3, bias=(m + 2) / m, allow_overdispersion=True)


def _tilted_below() -> float:
    """Share of E Sigma_t that paths with Sigma_t <= Sigma_0 carry, d = 1."""
    # The loop's first generation has no bias, so its scale is one factor (m + 2)/m short.
    loop = _as_tilted()
    return float(collapse.directional_cdf(1 / loop.bias, loop, t=_RARE_T))


_SIZE_BIASED = (
    Claim(
        id="size-biased-share",
        reference="1.5; 7",
        statement="E tr Σ_t is carried by paths that nobody meets: P~ has chi2_(m+2) for chi2_m",
        status="exact",
        scale="share of E Σ_100 from Σ_100 <= Σ_0, size-biased, d = 1, n = 10, λ = 1",
        predict=lambda: probability(_tilted_below()),
        observe=simulated(
            lambda paths: (paths["trace"][:, 0] <= 1.0).astype(np.float64),
            _RARE,
            np.ones(1),
            at=(_RARE_T,),
            record=("trace",),
            sampler=simulate_size_biased,
        ),
        mutant="their share of all paths",
        mutate=lambda _: float(collapse.directional_cdf(1.0, _RARE, t=_RARE_T)),
        size=10_000,
    ),
    Claim(
        id="size-biased-second-moment",
        reference="1.5; 7",
        statement="E tr Σ_t² = E tr Σ_t E~[tr Σ_t² / tr Σ_t], on the paths that carry it",
        status="exact",
        scale="tr Σ_t² / tr Σ_t, size-biased, d = 6, n = 10, λ = 1, t = 4",
        predict=lambda: Prediction(
            final(collapse.mean_trace_squared(_EARLY, np.ones(6), generations=4))
            / final(collapse.mean_trace(_EARLY, np.ones(6), generations=4))
        ),
        observe=simulated(
            lambda paths: paths["trace_squared"][:, 0] / paths["trace"][:, 0],
            _EARLY,
            np.ones(6),
            at=(4,),
            record=("trace_squared", "trace"),
            sampler=simulate_size_biased,
        ),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=100_000,
    ),
)

CLAIMS: tuple[Claim, ...] = (
    *_REAL,
    *_AUGMENTATION,
    *_WEIGHTS,
    *_MEMORY,
    *_POOLS,
    *_DISTANCES,
    *_FLOOR,
    *_FLOOR_LAWS,
    *_SHRINKAGE,
    *_LIKELIHOOD,
    *_SIZE_BIASED,
)
