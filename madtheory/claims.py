"""The one table of claims: what is said, how sure it is, and the simulation that could refute it.

Verifier, tests, command line and report read :data:`CLAIMS` and nothing else. A claim is tested on
the mean of independent observations, on a scale with finite variance: logarithms, directions, early
generations, indicators, or a size-biased measure (heavy tails make naive means worthless: at
lambda = 1 almost every path dies while the mean of tr Sigma_t stays put).

References are to the numbered statements of docs/theory.md and to the paper (Alemohammad et al.).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ellipe

from madtheory import _claims_loops, _claims_modes, spectrum
from madtheory._claim import (
    Array,
    Claim,
    Observe,
    Prediction,
    Reduce,
    Side,
    Status,
    declared,
    final,
    indicator,
    observed,
    probability,
    relative,
    shift,
    simulated,
    square_deviation,
)
from madtheory.laws import chi_square, trace_noise, wishart
from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.simulate import simulate_plain
from madtheory.theory import collapse, distance, worth
from madtheory.theory.moments import (
    first_moments,
    first_moments_limit,
    forgetting_rate,
    second_moments,
)

__all__ = ["CLAIMS", "Claim", "Prediction", "Side", "Status"]


def sqrt_trace_over_direction(dof: int, *, generations: int, size: int, seed: int) -> Array:
    """tr Sigma_t^(1/2) / phi(Sigma_t), d = 2, under the measure size-biased by phi.

    phi(S) = E (u'Su)^(1/2), u uniform on the circle, and E phi(Sigma_t) = c4^t is known, so
    E tr Sigma_t^(1/2) = c4^t E~[tr Sigma_t^(1/2) / phi(Sigma_t)]. The ratio lies in [pi/2, 2]
    whatever t: the rare paths that carry the mean are sampled, not waited for. Biasing by
    (Sigma_t)_11^(1/2), which the triangular factor turns into chi2_(m+1) for the first Bartlett
    entry, has the same law of every rotation-invariant functional.
    """
    rng = np.random.default_rng(seed)
    a, b, c = np.ones(size), np.zeros(size), np.ones(size)  # L = [[a, 0], [b, c]]
    for _ in range(generations):
        t11 = np.sqrt(rng.chisquare(dof + 1, size))
        t22 = np.sqrt(rng.chisquare(dof - 1, size))
        t21 = rng.standard_normal(size)
        a, b, c = a * t11, b * t11 + c * t21, c * t22
        norm = np.hypot(a, b)
        a, b, c = a / norm, b / norm, c / norm
    # Singular values of L: s1^2 + s2^2 = |L|^2, s1 s2 = det L.
    total, det = a**2 + b**2 + c**2, a * c
    top = (total + np.sqrt(np.maximum(total**2 - 4 * det**2, 0.0))) / 2
    ratio = det**2 / top  # the smaller eigenvalue
    phi = 2 / math.pi * np.sqrt(top) * ellipe(1 - ratio / top)
    return np.asarray(np.sqrt(total + 2 * det) / phi, dtype=np.float64)


# --- Section 3.1: Eq. (1), Eq. (2), the Proposition ----------------------------------------------

_TEN = fully_synthetic(10)
_SIX = fully_synthetic(6, bias=0.9)
_TWELVE = fully_synthetic(12)
_NARROW = fully_synthetic(10, bias=0.8)
_THIRTY = fully_synthetic(30, bias=0.9)
_LITERAL = fully_synthetic(40, bias=0.9, first_generation="biased")
_CRITICAL = fully_synthetic(10, bias=collapse.critical_bias(_TEN), allow_overdispersion=True)

_ESTIMATOR = (
    Claim(
        id="eq1-mean",
        reference="Eq. (1); 1.6",
        statement="E ‖μ_1 - μ_0‖² = tr Σ_0 / n, from n x d data",
        status="exact",
        scale="squared distance, d = 50, n = 10",
        predict=lambda: Prediction(
            final(collapse.mean_walk(_TEN, np.ones(50), generations=1)), math.sqrt(2 * 50) / 10
        ),
        observe=observed("mean_sq", _TEN, np.ones(50), t=1, sampler=simulate_plain),
        mutant="n - 1 for n",
        mutate=relative(1 / 9),
        size=200,
    ),
    Claim(
        id="eq1-wishart",
        reference="Eq. (1)",
        statement="Σ_1 is Wishart with n - 1 degrees of freedom, from n x d data",
        status="exact",
        scale="log det, d = 3, n = 6",
        predict=lambda: Prediction(
            final(collapse.log_det_mean(_SIX, np.ones(3), generations=1)),
            math.sqrt(final(collapse.log_det_variance(_SIX, np.ones(3), generations=1))),
        ),
        observe=observed("log_det", _SIX, np.ones(3), t=1, sampler=simulate_plain),
        mutant="n degrees of freedom",
        mutate=lambda _: float(wishart.log_det_mean(3, 6)),
        size=900,
    ),
    Claim(
        id="eq2-martingale",
        reference="Eq. (2); 1.6",
        statement="E[μ_t | μ_(t-1)] = μ_(t-1): the increments of the mean are orthogonal",
        status="exact",
        scale="‖μ_2‖² - ‖μ_1‖², d = 20, n = 10",
        predict=lambda: Prediction(
            final(np.diff(collapse.mean_walk(_NARROW, np.ones(20), generations=2)))
        ),
        observe=simulated(
            lambda paths: np.diff(paths["mean_sq"])[:, 0],
            _NARROW,
            np.ones(20),
            at=(1, 2),
            record=("mean_sq",),
        ),
        mutant="the mean reverts by 5 % a generation",
        mutate=shift(-(1 - 0.95**2) * 20 / 10),
        size=2500,
    ),
    Claim(
        id="eq2-supermartingale",
        reference="Eq. (2); Appendix A, erratum 1",
        statement="E[tr Σ_t | Σ_(t-1)] = λ tr Σ_(t-1): a supermartingale",
        status="exact",
        scale="tr Σ_2 / tr Σ_1, d = 10, n = 30, λ = .9",
        predict=lambda: Prediction(
            final(
                collapse.mean_trace(_THIRTY, np.ones(10), generations=2)
                / collapse.mean_trace(_THIRTY, np.ones(10), generations=1)
            )
        ),
        observe=simulated(
            lambda paths: paths["trace"][:, 1] / paths["trace"][:, 0],
            _THIRTY,
            np.ones(10),
            at=(1, 2),
            record=("trace",),
        ),
        mutant="Appendix A: a submartingale (mean ratio at least 1)",
        mutate=lambda _: 1.0,
        size=400,
    ),
    Claim(
        id="eq1-literal",
        reference="Eq. (1), erratum 4; 0",
        statement="Eq. (1) read literally gives λ^t, Appendix A's reading λ^(t-1)",
        status="exact",
        scale="tr Σ_2, d = 10, n = 40, λ = .9, first generation biased",
        predict=lambda: Prediction(
            final(collapse.mean_trace(_LITERAL, np.ones(10), generations=2))
        ),
        observe=observed("trace", _LITERAL, np.ones(10), t=2),
        mutant="λ^(t-1)",
        mutate=relative(1 / 0.9 - 1),
        size=400,
    ),
)

_RATE_T = 1000
_DET = fully_synthetic(8, bias=0.8)
_FOUR = fully_synthetic(4, bias=0.9)
_NINETY = fully_synthetic(8, bias=0.9)


def _log_determinant(t: int) -> Prediction:
    mean = final(collapse.log_det_mean(_DET, np.ones(4), generations=t))
    return Prediction(
        mean, math.sqrt(final(collapse.log_det_variance(_DET, np.ones(4), generations=t)))
    )


def _second_direction(paths: dict[str, Array]) -> Array:
    """log of the second squared diagonal entry of the triangular factor, d = 2."""
    return paths["log_det"][:, 0] - paths["log_direction"][:, 0]


_SHARP = fully_synthetic(200, bias=0.95)
_MEDIAN = 0.5


def _log_median() -> float:
    return float(collapse.directional_log_quantile(_MEDIAN, _SHARP, t=2))


_DIRECTIONS = (
    Claim(
        id="proposition-rate",
        reference="Proposition; 1.1",
        statement="Σ_t → 0 a.s. at λ = 1: (1/t) log u'Σ_t u → ψ(m/2) - log(m/2)",
        status="exact",
        scale=f"log of a direction over t = {_RATE_T}, n = 10",
        predict=lambda: Prediction(
            final(collapse.directional_log_mean(_TEN, _RATE_T)) / _RATE_T,
            math.sqrt(float(chi_square.log_chi_square_variance(9)) / _RATE_T),
        ),
        observe=simulated(
            lambda paths: paths["log_direction"][:, 0] / _RATE_T,
            _TEN,
            np.ones(1),
            at=(_RATE_T,),
            record=("log_direction",),
        ),
        mutant="a rate 2 % slower",
        mutate=relative(-0.02),
        size=2300,
    ),
    Claim(
        id="directional-law",
        reference="Appendix A, erratum 4; 1.1",
        statement="log u'Σ_t u has mean (t-1) log λ + t (ψ(m/2) - log(m/2)), any d",
        status="exact",
        scale="log of a direction, d = 8 > m = 5, t = 3, λ = .9",
        predict=lambda: Prediction(
            final(collapse.directional_log_mean(_SIX, 3)),
            math.sqrt(final(collapse.directional_log_variance(_SIX, 3))),
        ),
        observe=observed("log_direction", _SIX, np.ones(8), t=3),
        mutant="λ^t for λ^(t-1)",
        mutate=shift(math.log(0.9)),
        size=6000,
    ),
    Claim(
        id="directional-median",
        reference="1.9",
        statement="quantiles of u'Σ_t u from its exact distribution function",
        status="exact",
        scale="P(u'Σ_2 u <= its median), n = 200",
        predict=lambda: probability(_MEDIAN),
        observe=simulated(
            indicator("log_direction", _log_median),
            _SHARP,
            np.ones(1),
            at=(2,),
            record=("log_direction",),
        ),
        mutant="the median is 2 % larger",
        mutate=lambda _: float(
            collapse.directional_cdf(math.exp(_log_median()) / 1.02, _SHARP, t=2)
        ),
        size=20_000,
    ),
    Claim(
        id="directional-distribution",
        reference="1.9",
        statement="the distribution function of u'Σ_t u by contour integration",
        status="exact",
        scale="P(u'Σ_2 u <= .9), n = 200, λ = .95",
        predict=lambda: probability(float(collapse.directional_cdf(0.9, _SHARP, t=2))),
        observe=simulated(
            indicator("log_direction", lambda: math.log(0.9)),
            _SHARP,
            np.ones(1),
            at=(2,),
            record=("log_direction",),
        ),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=250_000,
    ),
    Claim(
        id="directional-quantile",
        reference="1.9",
        statement="log-quantiles of u'Σ_t u far from 1",
        status="exact",
        scale="P(log u'Σ_50 u <= its median), n = 10",
        predict=lambda: probability(_MEDIAN),
        observe=simulated(
            indicator(
                "log_direction",
                lambda: float(collapse.directional_log_quantile(_MEDIAN, _TEN, t=50)),
            ),
            _TEN,
            np.ones(1),
            at=(50,),
            record=("log_direction",),
        ),
        mutant="the log-median is 2 % lower",
        mutate=lambda _: float(
            collapse.directional_cdf(
                math.exp(1.02 * float(collapse.directional_log_quantile(_MEDIAN, _TEN, t=50))),
                _TEN,
                t=50,
            )
        ),
        size=72_000,
    ),
    Claim(
        id="critical-bias",
        reference="1.2",
        statement="at λ_c = (m/2) exp(-ψ(m/2)) > 1 the log-variance has no drift",
        status="exact",
        scale="log of a direction from t = 1 to 200, n = 10, λ = λ_c",
        predict=lambda: Prediction(
            0.0, math.sqrt(199 * float(chi_square.log_chi_square_variance(9)))
        ),
        observe=simulated(
            lambda paths: np.diff(paths["log_direction"])[:, 0],
            _CRITICAL,
            np.ones(1),
            at=(1, 200),
            record=("log_direction",),
        ),
        mutant="λ_c is 2 % larger",
        mutate=shift(199 * math.log(1.02)),
        size=400,
    ),
    Claim(
        id="half-life",
        reference="1.9",
        statement="the typical variance halves every log 2 / |rate| generations",
        status="exact",
        scale="log of a direction over t = 400, n = 8, λ = .9",
        predict=lambda: Prediction(
            -math.log(2) / collapse.half_life(_NINETY),
            math.sqrt(float(chi_square.log_chi_square_variance(7)) / 400),
        ),
        observe=simulated(
            lambda paths: np.diff(paths["log_direction"])[:, 0] / 400,
            _NINETY,
            np.ones(1),
            at=(1, 401),
            record=("log_direction",),
        ),
        mutant="2 % longer",
        mutate=relative(1 / 1.02 - 1),
        size=2000,
    ),
    Claim(
        id="clt-variance",
        reference="1.4",
        statement="Var log u'Σ_t u = t ψ'(m/2)",
        status="exact",
        scale="squared deviation, t = 4, n = 12",
        predict=lambda: Prediction(final(collapse.directional_log_variance(_TWELVE, 4))),
        observe=simulated(
            lambda paths: square_deviation(
                paths["log_direction"][:, 0], final(collapse.directional_log_mean(_TWELVE, 4))
            ),
            _TWELVE,
            np.ones(1),
            at=(4,),
            record=("log_direction",),
        ),
        mutant="2 % smaller",
        mutate=relative(-0.02),
        size=240_000,
    ),
    Claim(
        id="log-det-mean",
        reference="1.3",
        statement="E log det Σ_t = d (t-1) log λ + t sum_i E log(χ²_(m-i+1) / m)",
        status="exact",
        scale="log det, d = 4, n = 8, t = 40, λ = .8",
        predict=lambda: _log_determinant(40),
        observe=observed("log_det", _DET, np.ones(4), t=40),
        mutant="2 % smaller",
        mutate=relative(-0.02),
        size=3500,
    ),
    Claim(
        id="log-det-variance",
        reference="1.3",
        statement="Var log det Σ_t = t sum_i ψ'((m-i+1)/2)",
        status="exact",
        scale="squared deviation, d = 2, n = 12, t = 1",
        predict=lambda: Prediction(
            final(collapse.log_det_variance(_TWELVE, np.ones(2), generations=1))
        ),
        observe=simulated(
            lambda paths: square_deviation(
                paths["log_det"][:, 0],
                final(collapse.log_det_mean(_TWELVE, np.ones(2), generations=1)),
            ),
            _TWELVE,
            np.ones(2),
            at=(1,),
            record=("log_det",),
        ),
        mutant="2 % smaller",
        mutate=relative(-0.02),
        size=260_000,
    ),
    Claim(
        id="lyapunov-second",
        reference="1.4",
        statement="the second Lyapunov exponent is log λ + ψ((m-1)/2) - log(m/2)",
        status="exact",
        scale="log of the triangular factor's second entry, d = 2, n = 8, t = 400",
        predict=lambda: Prediction(
            float(collapse.lyapunov_spectrum(_NINETY, 2)[1]) - math.log(0.9) / 400,
            math.sqrt(float(chi_square.log_chi_square_variance(6)) / 400),
        ),
        observe=simulated(
            lambda paths: _second_direction(paths) / 400,
            _NINETY,
            np.ones(2),
            at=(400,),
            record=("log_det", "log_direction"),
        ),
        mutant="2 % slower",
        mutate=relative(-0.02),
        size=1000,
    ),
    Claim(
        id="condition-growth",
        reference="1.4",
        statement="the log condition number grows by ψ(m/2) - ψ((m-d+1)/2) a generation",
        status="exact",
        scale="log ratio of the factor's two entries, d = 2, n = 4, t = 400",
        predict=lambda: Prediction(float(collapse.condition_growth(_FOUR, 2))),
        observe=simulated(
            lambda paths: (paths["log_direction"][:, 0] - _second_direction(paths)) / 400,
            _FOUR,
            np.ones(2),
            at=(400,),
            record=("log_det", "log_direction"),
        ),
        mutant="2 % faster",
        mutate=relative(0.02),
        size=2000,
    ),
)

# --- moments: the mean that never moves, and the walk --------------------------------------------

_SIXTY = fully_synthetic(60, bias=0.9)
_TWENTY = fully_synthetic(20)
_WIDE = np.array([3.0, 2.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.0])


_MOMENTS = (
    Claim(
        id="estimator-moment",
        reference="Eq. (1); 1.5",
        statement="E q^(3/2) of q = χ²_m / m, the law of one estimated variance",
        status="exact",
        scale="(u'Σ_1 u)^(3/2), n = 200",
        predict=lambda: Prediction(
            float(chi_square.chi_square_moment(1.5, 199, 199)),
            math.sqrt(
                float(chi_square.chi_square_moment(3.0, 199, 199))
                - float(chi_square.chi_square_moment(1.5, 199, 199)) ** 2
            ),
        ),
        observe=simulated(
            lambda paths: paths["trace"][:, 0] ** 1.5,
            fully_synthetic(200),
            np.ones(1),
            at=(1,),
            record=("trace",),
        ),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=3000,
    ),
    Claim(
        id="mean-trace",
        reference="1.5",
        statement="E tr Σ_t = λ^(t-1) tr Σ_0",
        status="exact",
        scale="tr Σ_3, d = 20, n = 60, λ = .9",
        predict=lambda: Prediction(final(collapse.mean_trace(_SIXTY, np.ones(20), generations=3))),
        observe=observed("trace", _SIXTY, np.ones(20), t=3),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=850,
    ),
    Claim(
        id="second-moment-step",
        reference="1.5",
        statement="one generation maps (E tr Σ², E (tr Σ)²) by [[1+1/m, 1/m], [2/m, 1]]",
        status="exact",
        scale="(tr Σ_1)², d = 20, n = 60",
        predict=lambda: Prediction(
            float((wishart.second_moment_map(59) @ np.array([20.0, 400.0]))[1])
        ),
        observe=observed("squared_trace", _SIXTY, np.ones(20), t=1),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=1200,
    ),
    Claim(
        id="mean-squared-trace",
        reference="1.5",
        statement="E (tr Σ_t)² from the 2 x 2 map with eigenvalues 1 + 2/m, 1 - 1/m",
        status="exact",
        scale="(tr Σ_3)², d = 20, n = 60, λ = .9",
        predict=lambda: Prediction(
            final(collapse.mean_squared_trace(_SIXTY, np.ones(20), generations=3))
        ),
        observe=observed("squared_trace", _SIXTY, np.ones(20), t=3),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=3400,
    ),
    Claim(
        id="mean-trace-squared",
        reference="1.5",
        statement="E tr Σ_t² from the same map, singular Σ_0",
        status="exact",
        scale="tr Σ_3², eight unequal eigenvalues, n = 60, λ = .9",
        predict=lambda: Prediction(
            final(collapse.mean_trace_squared(_SIXTY, _WIDE, generations=3))
        ),
        observe=observed("trace_squared", _SIXTY, _WIDE, t=3),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=24_000,
    ),
    Claim(
        id="mean-walk",
        reference="1.6",
        statement="E ‖μ_t - μ_0‖² = (tr Σ_0 / n) sum_(k<t) λ^k",
        status="exact",
        scale="squared distance, d = 20, n = 10, t = 4, λ = .8",
        predict=lambda: Prediction(final(collapse.mean_walk(_NARROW, np.ones(20), generations=4))),
        observe=observed("mean_sq", _NARROW, np.ones(20), t=4),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=32_000,
    ),
    Claim(
        id="fractional-moment",
        reference="1.5",
        statement="E (u'Σ_t u)^(1/2) is a gamma ratio to the t",
        status="exact",
        scale="square root of a direction, n = 20, t = 3",
        predict=lambda: Prediction(
            float(collapse.directional_moment(_TWENTY, 3, power=0.5)),
            math.sqrt(
                float(collapse.directional_moment(_TWENTY, 3, power=1.0))
                - float(collapse.directional_moment(_TWENTY, 3, power=0.5)) ** 2
            ),
        ),
        observe=simulated(
            lambda paths: np.exp(paths["log_direction"][:, 0] / 2),
            _TWENTY,
            np.ones(1),
            at=(3,),
            record=("log_direction",),
        ),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=10_000,
    ),
)

# --- W2^2: exact at d = 1, bounded and estimated beyond, and where it overshoots ------------------

_WALK = fully_synthetic(5, bias=0.5)
_PAIR = fully_synthetic(2, bias=0.0)
_CROWDED = fully_synthetic(26, bias=0.5)
_MIDDLE = fully_synthetic(201, bias=0.7)
_FIFTY = fully_synthetic(51, bias=0.6)
_HIGH = fully_synthetic(1000, bias=0.5)
_HUGE = fully_synthetic(200_001)
_HARMONIC = 1 / np.arange(1.0, 9.0)
#: Finite d lowers the first order from 1 - t d/(8 m) to 1 - t (d + 1)/(8 m): 3/(8 m) here.
_HIGH_ERROR = 2 * 3 / (8 * 999)


def _distance(loop: Loop, eigenvalues: Array, t: int) -> Prediction:
    return declared(collapse.w2_squared(loop, eigenvalues, generations=t))


def _first_step(loop: Loop, dim: int) -> Prediction:
    """E W2^2(1) - E W2^2(2): positive where the expected distance falls."""
    estimate = collapse.w2_squared(loop, np.ones(dim), generations=2)
    error = estimate.value * estimate.rel_error
    return Prediction(float(-np.diff(estimate.value)[0]), error=float(error.sum()))


def _first_fall(paths: dict[str, Array]) -> Array:
    return -np.diff(paths["w2_squared"])[:, 0]


def _sqrt_trace(dof: int, t: int, bound: Literal["lower", "upper"]) -> Prediction:
    estimate = spectrum.mean_sqrt_trace(np.ones(2), np.full(t, dof))
    direction = float(chi_square.c4(dof + 1)) ** t
    return Prediction(final(getattr(estimate, bound)) / direction)


def _sqrt_trace_value(dof: int, t: int) -> Prediction:
    prediction = declared(spectrum.mean_sqrt_trace(np.ones(2), np.full(t, dof)))
    direction = float(chi_square.c4(dof + 1)) ** t
    return Prediction(prediction.value / direction, error=prediction.error / direction)


_DISTANCE = (
    Claim(
        id="sqrt-trace-limit",
        reference="5.1",
        statement="E tr Σ_t^(1/2) / d -> 2F1(1/2, -t/2; 2; d/m) at λ = 1",
        status="asymptotic",
        scale="tr Σ^(1/2) / d from W2², d = 100, m = 999, t = 3",
        predict=lambda: Prediction(
            float(spectrum.sqrt_trace_limit(3, 100 / 999)), error=_HIGH_ERROR
        ),
        observe=simulated(
            lambda p: (p["mean_sq"] + p["trace"] + 100 - p["w2_squared"])[:, 0] / 200,
            fully_synthetic(1000),
            np.ones(100),
            at=(3,),
            record=("mean_sq", "trace", "w2_squared"),
        ),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=40,
    ),
    Claim(
        id="w2-line",
        reference="1.7",
        statement="E W2² is exact for d = 1",
        status="exact",
        scale="W2², d = 1, n = 10, t = 5, λ = .8",
        predict=lambda: _distance(_NARROW, np.ones(1), 5),
        observe=observed("w2_squared", _NARROW, np.ones(1), t=5),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=200_000,
    ),
    Claim(
        id="w2-estimate",
        reference="1.7; 5.1",
        statement="E W2² within its declared error, d > 1",
        status="asymptotic",
        scale="W2², d = 20, n = 201, t = 5, λ = .7",
        predict=lambda: _distance(_MIDDLE, np.ones(20), 5),
        observe=observed("w2_squared", _MIDDLE, np.ones(20), t=5),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=250,
    ),
    Claim(
        id="w2-general",
        reference="1.7; 2.10",
        statement="E W2² within its declared error, Σ_0 = diag(1, 1/2, ..., 1/8)",
        status="asymptotic",
        scale="W2², n = 51, t = 8, λ = .6",
        predict=lambda: _distance(_FIFTY, _HARMONIC, 8),
        observe=observed("w2_squared", _FIFTY, _HARMONIC, t=8),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=800,
    ),
    Claim(
        id="w2-high-dimension",
        reference="5.1",
        statement="E tr Σ_t^(1/2) / d → λ^((t-1)/2) 2F1(1/2, -t/2; 2; d/m)",
        status="asymptotic",
        scale="W2², d = 100, n = 1000, t = 4, λ = .5",
        predict=lambda: declared(collapse.w2_squared_high_dimension(_HIGH, 100, generations=4)),
        observe=observed("w2_squared", _HIGH, np.ones(100), t=4),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=60,
    ),
    Claim(
        id="moment-limit",
        reference="5.1",
        statement="E tr Σ_t^k / d → 2F1(1-k, -tk; 2; d/m)",
        status="asymptotic",
        scale="k = 2, t = 3, against exact second moments at d = 10^5, m = 2 d, computed",
        predict=lambda: Prediction(float(spectrum.moment_limit(2, 3, 0.5)), 1e-4, error=1e-4),
        observe=lambda _size, _seed: (
            collapse.mean_trace_squared(_HUGE, np.ones(100_000), generations=3)[-1:] / 100_000
        ),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=1,
    ),
    Claim(
        id="w2-limit",
        reference="1.8",
        statement="λ < 1: E W2² → tr Σ_0 (1 + 1 / (n (1 - λ)))",
        status="exact",
        scale="W2², d = 50, n = 5, t = 60, λ = .5",
        predict=lambda: Prediction(float(collapse.w2_squared_limit(_WALK, np.ones(50)))),
        observe=observed("w2_squared", _WALK, np.ones(50), t=60),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=3000,
    ),
    Claim(
        id="sqrt-trace-lower",
        reference="1.7",
        statement="E tr Σ_t^(1/2) >= c4^t / E|u_1|, attained as t grows",
        status="bound",
        scale="tr Σ^(1/2) over c4^t, size-biased, d = 2, m = 10, t = 150",
        predict=lambda: _sqrt_trace(10, 150, "lower"),
        observe=lambda size, seed: sqrt_trace_over_direction(
            10, generations=150, size=size, seed=seed
        ),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=4000,
        side="at_least",
    ),
    Claim(
        id="sqrt-trace-upper",
        reference="1.7",
        statement="E tr Σ_t^(1/2) <= d c4^t",
        status="bound",
        scale="tr Σ^(1/2) over c4^t, size-biased, d = 2, m = 50, t = 1",
        predict=lambda: _sqrt_trace(50, 1, "upper"),
        observe=lambda size, seed: sqrt_trace_over_direction(
            50, generations=1, size=size, seed=seed
        ),
        mutant="2 % smaller",
        mutate=relative(-0.02),
        size=2000,
        side="at_most",
    ),
    Claim(
        id="sqrt-trace-estimate",
        reference="1.7",
        statement="E tr Σ_t^(1/2) between its bounds, within its declared error",
        status="asymptotic",
        scale="tr Σ^(1/2) over c4^t, size-biased, d = 2, m = 50, t = 5",
        predict=lambda: _sqrt_trace_value(50, 5),
        observe=lambda size, seed: sqrt_trace_over_direction(
            50, generations=5, size=size, seed=seed
        ),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=2000,
    ),
    Claim(
        id="overshoot-exact",
        reference="Section 3.1, erratum; 1.8",
        statement="E W2² falls from generation 1 to 2 for n = 2, d = 4, λ = 0",
        status="exact",
        scale="W2² of generation 1 minus generation 2",
        predict=lambda: _first_step(_PAIR, 4),
        observe=simulated(_first_fall, _PAIR, np.ones(4), at=(1, 2), record=("w2_squared",)),
        mutant="Section 3.1: E W2 never falls",
        mutate=lambda _: 0.0,
        size=8000,
    ),
    Claim(
        id="overshoot-high-dimension",
        reference="Section 3.1, erratum; 1.8",
        statement="E W2² falls from generation 1 to 2 for n = 26, d = 100, λ = .5",
        status="asymptotic",
        scale="W2² of generation 1 minus generation 2",
        predict=lambda: _first_step(_CROWDED, 100),
        observe=simulated(_first_fall, _CROWDED, np.ones(100), at=(1, 2), record=("w2_squared",)),
        mutant="Section 3.1: E W2 never falls",
        mutate=lambda _: 0.0,
        size=60,
    ),
    Claim(
        id="baseline",
        reference="5.3",
        statement="E W2² of one fit to real data, d ~ n, within its declared error",
        status="asymptotic",
        scale="W2² of generation 1, d = 20, n = 400",
        predict=lambda: declared(spectrum.baseline(400, np.ones(20))),
        observe=observed("w2_squared", fully_synthetic(400), np.ones(20), t=1),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=3000,
    ),
)


# --- times to collapse ----------------------------------------------------------------------------

_SMALL = 0.5
_SHORT = fully_synthetic(4)
_THIN = np.array([0.98, 0.02])
_EVEN = np.array([0.5, 0.5])


def _passed(threshold: float, t: int, loop: Loop, eigenvalues: Array) -> Observe:
    """Whether tr Sigma has fallen below `threshold` tr Sigma_0 by generation `t`."""
    level = math.log(threshold * eigenvalues.sum())
    return simulated(
        lambda paths: (paths["log_trace"].min(axis=1) < level).astype(np.float64),
        loop,
        eigenvalues,
        at=tuple(range(1, t + 1)),
        record=("log_trace",),
    )


_TIMES = (
    Claim(
        id="first-passage",
        reference="1.9",
        statement="the law of the time to collapse, d = 1, is a first passage",
        status="exact",
        scale="P(min over s <= 8 of Σ_s < .5 Σ_0), n = 10",
        predict=lambda: probability(final(collapse.first_passage_cdf(_SMALL, _TEN, generations=8))),
        observe=_passed(_SMALL, 8, _TEN, np.ones(1)),
        mutant="the fixed-time quantile P(Σ_8 < .5 Σ_0)",
        mutate=lambda _: float(collapse.directional_cdf(_SMALL, _TEN, t=8)),
        size=50_000,
    ),
    Claim(
        id="collapse-time-upper",
        reference="1.9",
        statement="P(T <= t) of the time T to collapse is at most its leading direction's, d > 1",
        status="bound",
        scale="P(T <= 8), Σ_0 = diag(.98, .02), n = 10, ε = .5",
        predict=lambda: Prediction(
            final(collapse.collapse_time_bounds(_SMALL, _TEN, _THIN, generations=8)[1])
        ),
        observe=_passed(_SMALL, 8, _TEN, _THIN),
        mutant="10 % smaller",
        mutate=relative(-0.1),
        size=5000,
        side="at_most",
    ),
    Claim(
        id="collapse-time-lower",
        reference="1.9",
        statement="P(T <= t) is at least 1 - P(tr Σ_t >= ε tr Σ_0), d > 1, by moments",
        status="bound",
        scale="P(T <= 30), Σ_0 = diag(.5, .5), n = 4, ε = .05",
        predict=lambda: Prediction(
            final(collapse.collapse_time_bounds(0.05, _SHORT, _EVEN, generations=30)[0])
        ),
        observe=_passed(0.05, 30, _SHORT, _EVEN),
        mutant="12 % larger",
        mutate=relative(0.12),
        size=5000,
        side="at_least",
    ),
)

# --- Appendix A -----------------------------------------------------------------------------------

_WEIGHTS = np.array([0.6, 0.3, 0.1])
_HUNDRED = fully_synthetic(100)
_THREE = np.ones(3)
_FIVE = fully_synthetic(6)


def _noise_threshold(level: float) -> float:
    """The quantile of Y that the generalized chi-square distribution function gives."""
    return float(
        brentq(lambda y: float(trace_noise.trace_noise_cdf(y, _WEIGHTS, 99)) - level, 0.5, 2.0)
    )


def _noise_exceeds(epsilon: float, weights: Array, loop: Loop) -> Observe:
    """Whether |Y - 1| > epsilon for Y = tr Sigma_1 / tr Sigma_0."""
    return simulated(
        lambda paths: (np.abs(paths["trace"][:, 0] / weights.sum() - 1) > epsilon).astype(
            np.float64
        ),
        loop,
        weights,
        at=(1,),
        record=("trace",),
    )


def _dependent_noise() -> float:
    """Var Y_2 at Sigma_0 = I: tr W and W / tr W are independent, so the ratio's mean is exact."""
    square = final(collapse.mean_trace_squared(_FIVE, _THREE, generations=1))
    return 2 / _FIVE.dof * square / final(collapse.mean_squared_trace(_FIVE, _THREE, generations=1))


_EPSILON = 0.1
_MINIMUM_EPSILON = 0.2

_APPENDIX = (
    Claim(
        id="appendix-noise-mean",
        reference="Appendix A, Eq. (5); 1.10",
        statement="tr Σ_1 = Y tr Σ_0 with E Y = 1, from n x d data",
        status="exact",
        scale="Y, weights .6, .3, .1, n = 10",
        predict=lambda: Prediction(
            final(collapse.mean_trace(_TEN, _WEIGHTS, generations=1)),
            math.sqrt(trace_noise.trace_noise_variance(_WEIGHTS, 9)),
        ),
        observe=observed("trace", _TEN, _WEIGHTS, t=1, sampler=simulate_plain),
        mutant="covariances divided by n",
        mutate=relative(-0.1),
        size=500,
    ),
    Claim(
        id="appendix-noise-variance",
        reference="Appendix A; 1.10",
        statement="Var Y = 2 sum w² / m >= 2 / (m d)",
        status="exact",
        scale="(Y - 1)², weights .6, .3, .1, n = 100",
        predict=lambda: Prediction(float(trace_noise.trace_noise_variance(_WEIGHTS, 99))),
        observe=simulated(
            lambda paths: square_deviation(paths["trace"][:, 0], 1.0),
            _HUNDRED,
            _WEIGHTS,
            at=(1,),
            record=("trace",),
        ),
        mutant="2 % smaller",
        mutate=relative(-0.02),
        size=240_000,
    ),
    Claim(
        id="appendix-noise-law",
        reference="Appendix A; 1.10",
        statement="Y is generalized chi-square with weights eig(Σ_0) / tr Σ_0",
        status="exact",
        scale="P(Y <= its median), weights .6, .3, .1, n = 100",
        predict=lambda: probability(_MEDIAN),
        observe=simulated(
            lambda paths: (paths["trace"][:, 0] <= _noise_threshold(_MEDIAN)).astype(np.float64),
            _HUNDRED,
            _WEIGHTS,
            at=(1,),
            record=("trace",),
        ),
        mutant="the median is 2 % larger",
        mutate=lambda _: float(
            trace_noise.trace_noise_cdf(_noise_threshold(_MEDIAN) / 1.02, _WEIGHTS, 99)
        ),
        size=3000,
    ),
    Claim(
        id="appendix-noise-distribution",
        reference="Appendix A; 1.10",
        statement="the distribution function of Y away from its median",
        status="exact",
        scale="P(Y <= .95), weights .6, .3, .1, n = 100",
        predict=lambda: probability(float(trace_noise.trace_noise_cdf(0.95, _WEIGHTS, 99))),
        observe=simulated(
            lambda paths: (paths["trace"][:, 0] <= 0.95).astype(np.float64),
            _HUNDRED,
            _WEIGHTS,
            at=(1,),
            record=("trace",),
        ),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=250_000,
    ),
    Claim(
        id="appendix-anti-concentration",
        reference="Appendix A; 1.10",
        statement="P(|Y - 1| > ε) >= c(ε, d, m) > 0 whatever the weights",
        status="bound",
        scale=f"P(|Y - 1| > {_EPSILON}), weights 1/3, n = 10",
        predict=lambda: Prediction(float(trace_noise.anti_concentration_bound(_EPSILON, 3, 9))),
        observe=_noise_exceeds(_EPSILON, _THREE, _TEN),
        mutant="Paley-Zygmund without its fourth moment",
        mutate=lambda _: (1 - _EPSILON**2 * 9 * 3 / 2) ** 2,
        size=8000,
        side="at_least",
    ),
    Claim(
        id="appendix-minimum",
        reference="Appendix A; 1.10",
        statement="the least P(|Y - 1| > ε) over all weights, found numerically",
        status="conjecture",
        scale=f"P(|Y - 1| > {_MINIMUM_EPSILON}) at the minimising weights, d = 3, n = 10",
        predict=lambda: probability(
            float(trace_noise.anti_concentration_minimum(_MINIMUM_EPSILON, 3, 9)[0])
        ),
        observe=_noise_exceeds(_MINIMUM_EPSILON, _THREE, _TEN),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=140_000,
    ),
    Claim(
        id="appendix-dependence",
        reference="Appendix A, erratum; 1.10",
        statement="the Y_t are not independent: Var Y_2 = (2/m) E tr Σ_1² / E (tr Σ_1)²",
        status="exact",
        scale="(tr Σ_2 / tr Σ_1 - 1)², d = 3, n = 6",
        predict=lambda: Prediction(_dependent_noise()),
        observe=simulated(
            lambda paths: square_deviation(paths["trace"][:, 1] / paths["trace"][:, 0], 1.0),
            _FIVE,
            _THREE,
            at=(1, 2),
            record=("trace",),
        ),
        mutant="independent Y_t with the weights 1/d of Σ_0 = I",
        mutate=lambda _: 2 / (_FIVE.dof * 3),
        size=3000,
    ),
)

# --- fresh data loop: Section 5, Appendix G -------------------------------------------------------

_FRESH = fresh_data(10, 20, bias=0.9, n_initial=6)
_SETTLED = fresh_data(30, 10, bias=0.9, n_initial=39)
_UNBIASED = fresh_data(30, 10, n_initial=37)
_SECOND = fresh_data(4, 8, bias=0.9, n_initial=5)
_EQUAL = fresh_data(400, 400, bias=0.5)
_LARGE = fresh_data(5000, 2500)
_FORGET = (fresh_data(30, 10, n_initial=5), fresh_data(30, 10, n_initial=2000))
_MOSTLY_REAL = worth.fresh_fraction(1_000_000, 0.75)
_FLOOR = worth.fresh_fraction(100_000_000, 0.5, bias=0.8)
#: By this generation each of these loops is within 3e-5 of its limit, relatively.
_SETTLE = 12
#: Started near its limit, a loop is that near already here.
_SOON = 6


def _invariant_claim(
    name: str, text: str, *, index: int, record: tuple[str, ...], reduce: Reduce, size: int
) -> Claim:
    """A claim on one of the seven invariants of 2.3, a function of what the simulator records."""
    return Claim(
        id=f"fresh-{name}",
        reference="2.3",
        statement=f"{text} of the fresh data loop, from the seven invariants",
        status="exact",
        scale="d = 6, n_real = 4, n_synth = 8, n_initial = 5, λ = .9, t = 2",
        predict=lambda: Prediction(float(second_moments(_SECOND, 6, generations=2)[-1, index])),
        observe=simulated(reduce, _SECOND, np.ones(6), at=(2,), record=record),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=size,
    )


_INVARIANTS = (
    _invariant_claim(
        "mean-fourth",
        "E ‖μ_t‖⁴",
        index=2,
        record=("mean_sq",),
        reduce=lambda p: p["mean_sq"][:, 0] ** 2,
        size=400_000,
    ),
    _invariant_claim(
        "mean-trace-product",
        "E ‖μ_t‖² tr Σ_t",
        index=3,
        record=("mean_sq", "trace"),
        reduce=lambda p: p["mean_sq"][:, 0] * p["trace"][:, 0],
        size=76_000,
    ),
    _invariant_claim(
        "mean-quadratic",
        "E μ_t' Σ_t μ_t",
        index=4,
        record=("mean_quadratic",),
        reduce=lambda p: p["mean_quadratic"][:, 0],
        size=200_000,
    ),
    _invariant_claim(
        "squared-trace",
        "E (tr Σ_t)²",
        index=5,
        record=("squared_trace",),
        reduce=lambda p: p["squared_trace"][:, 0],
        size=50_000,
    ),
    _invariant_claim(
        "trace-squared",
        "E tr Σ_t²",
        index=6,
        record=("trace_squared",),
        reduce=lambda p: p["trace_squared"][:, 0],
        size=80_000,
    ),
)


def _forgotten(size: int, seed: int) -> Array:
    """Difference of the settled W2^2 from two initial sizes, each from its own seed."""
    first, second = (
        observed("w2_squared", loop, np.ones(20), t=_SETTLE)(size, seed + k)
        for k, loop in enumerate(_FORGET)
    )
    return first - second


@cache
def _distance_worth(n: int, dim: int) -> Prediction:
    """The W2^2 whose effective sample size is `n`."""
    guess = declared(spectrum.baseline(n, np.ones(dim)))
    value = float(
        brentq(
            lambda w: worth.effective_sample_size(w, np.ones(dim)) - n,
            0.8 * guess.value,
            1.25 * guess.value,
        )
    )
    return Prediction(value, error=guess.error)


def _leading_gain() -> Prediction:
    """W2^2 of a real data set as large as the leading order of n_e says."""
    n_effective = worth.leading_gain(5000, 2500) * 5000
    value = float(spectrum.baseline_leading(n_effective, np.ones(10)))
    return Prediction(value, error=value * 10 / 5000)


def _admissible_root(bias: float, dim: int, ratio: float) -> float:
    """The largest admissible n_synth from exact second moments, n_real = ratio x its limit."""
    n_real = round(ratio * worth.admissible_n_synth_limit(bias, dim))
    return float(worth.admissible_n_synth(fresh_data(n_real, 2, bias=bias), dim))


_EXACT_FRESH = (
    Claim(
        id="fresh-mean",
        reference="2.2",
        statement="E ‖μ_t‖² of the fresh data loop by one linear recursion",
        status="exact",
        scale="d = 8, n_real = 10, n_synth = 20, n_initial = 6, λ = .9, t = 3",
        predict=lambda: Prediction(8 * final(first_moments(_FRESH, 3).mean_sq)),
        observe=observed("mean_sq", _FRESH, np.ones(8), t=3),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=38_000,
    ),
    Claim(
        id="fresh-trace",
        reference="2.2",
        statement="E tr Σ_t of the fresh data loop by the same recursion, general Σ_0",
        status="exact",
        scale="eight unequal eigenvalues, n_real = 10, n_synth = 20, λ = .9, t = 3",
        predict=lambda: Prediction(float(_WIDE.sum()) * final(first_moments(_FRESH, 3).trace)),
        observe=observed("trace", _FRESH, _WIDE, t=3),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=5200,
    ),
    Claim(
        id="fresh-mean-limit",
        reference="Eq. (3); 2.2",
        statement="the limit of E ‖μ_t‖² is the fixed point of a 2 x 2 system",
        status="exact",
        scale="d = 1, n_real = 30, n_synth = 10, n_initial = 39, λ = .9, t = 6",
        predict=lambda: Prediction(float(first_moments_limit(_SETTLED).mean_sq)),
        observe=observed("mean_sq", _SETTLED, np.ones(1), t=_SOON),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=240_000,
    ),
    Claim(
        id="fresh-trace-limit",
        reference="Eq. (3); 2.2",
        statement="the limit of E tr Σ_t is the fixed point of the same system",
        status="exact",
        scale="d = 1, n_real = 30, n_synth = 10, n_initial = 39, λ = .9, t = 6",
        predict=lambda: Prediction(float(first_moments_limit(_SETTLED).trace)),
        observe=observed("trace", _SETTLED, np.ones(1), t=_SOON),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=10_000,
    ),
    *_INVARIANTS,
    Claim(
        id="eq4-effective-size",
        reference="Eq. (4); 2.5",
        statement="n_e inverts the distance of a fit to n real samples",
        status="asymptotic",
        scale="W2² of one fit to n = 400 samples, d = 20",
        predict=lambda: _distance_worth(400, 20),
        observe=observed("w2_squared", fully_synthetic(400), np.ones(20), t=1),
        mutant="2 % fewer samples",
        mutate=relative(0.02),
        size=3000,
    ),
    Claim(
        id="eq3-independence",
        reference="Eq. (3), Fig. 10; 2.2",
        statement="the limit of E W2² does not depend on n_initial",
        status="exact",
        scale="W2² from n_initial = 5 minus from 2000, d = 20, n_real = 30, n_synth = 10",
        predict=lambda: Prediction(0.0),
        observe=_forgotten,
        mutant="10 % of the limit remains",
        mutate=lambda _: 0.1 * declared(distance.w2_squared_limit(_UNBIASED, np.ones(20))).value,
        size=700,
    ),
    Claim(
        id="fresh-forgetting",
        reference="Fig. 10; 2.2",
        statement="n_initial is forgotten at the rate of the first-moment map's spectral radius",
        status="exact",
        scale="(M, C) - limit at t = 12 over t = 11, computed, n_initial = 5",
        predict=lambda: Prediction(forgetting_rate(_SETTLED), 1e-4, error=5e-4),
        observe=lambda _size, _seed: np.array([_forgetting_ratio(12)]),
        mutant="2 % faster",
        mutate=relative(-0.02),
        size=1,
    ),
    Claim(
        id="eq4-effective-mean",
        reference="Eq. (4); 2.5",
        statement="λ = 1: the mean is worth n_e = n_r + n_s (n_r - 1)/(n - 1) real samples",
        status="exact",
        scale="‖μ‖², d = 1, n_real = 30, n_synth = 10, n_initial = 37, t = 6",
        predict=lambda: Prediction(1 / worth.mean_effective_size(30, 10)),
        observe=observed("mean_sq", _UNBIASED, np.ones(1), t=_SOON),
        mutant="2 % more samples",
        mutate=relative(1 / 1.02 - 1),
        size=240_000,
    ),
    Claim(
        id="fraction-unbiased",
        reference="Appendix G, Fig. 31; 2.7",
        statement="λ = 1: a real fraction p is worth n_e = n p (2 - p) samples",
        status="asymptotic",
        scale="n ‖μ‖², d = 1, n = 10^6, p = .75, t = 6",
        predict=lambda: Prediction(
            1e6 / worth.fraction_effective_size(1_000_000, 0.75), error=1e-5
        ),
        observe=simulated(
            lambda paths: 1e6 * paths["mean_sq"][:, 0],
            _MOSTLY_REAL,
            np.ones(1),
            at=(_SOON,),
            record=("mean_sq",),
        ),
        mutant="2 % more samples",
        mutate=relative(1 / 1.02 - 1),
        size=240_000,
    ),
)

_ASYMPTOTIC_FRESH = (
    Claim(
        id="fresh-w2-limit",
        reference="Eq. (3); 2.4",
        statement="the limit of E W2² to second order, within its declared error",
        status="asymptotic",
        scale="W2², d = 10, n_real = n_synth = 400, λ = .5, t = 12",
        predict=lambda: declared(distance.w2_squared_limit(_EQUAL, np.ones(10))),
        observe=observed("w2_squared", _EQUAL, np.ones(10), t=_SETTLE),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=1500,
    ),
    Claim(
        id="fresh-w2-general",
        reference="2.10",
        statement="the same with Bures weights, Σ_0 = diag(1, 1/2, ..., 1/8)",
        status="asymptotic",
        scale="W2², n_real = n_synth = 400, λ = .5, t = 12",
        predict=lambda: declared(distance.w2_squared_limit(_EQUAL, _HARMONIC)),
        observe=observed("w2_squared", _EQUAL, _HARMONIC, t=_SETTLE),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=2500,
    ),
    Claim(
        id="eq4-leading-gain",
        reference="Eq. (4), Section 5.3; 2.5",
        statement="λ = 1: n_e / n_r → (n_r + 2 n_s) / (n_r + n_s), at most 2",
        status="asymptotic",
        scale="W2², d = 10, n_real = 5000, n_synth = 2500, t = 12",
        predict=_leading_gain,
        observe=observed("w2_squared", _LARGE, np.ones(10), t=_SETTLE),
        mutant="2 % smaller",
        mutate=relative(-0.02),
        size=8000,
    ),
    Claim(
        id="admissible-limit",
        reference="Section 5.3, Fig. 11, 12; 2.6",
        statement="the largest admissible n_synth tends to a formula in λ and d",
        status="asymptotic",
        scale="its limit against the root of exact second moments, d = 5, λ = .5, computed",
        predict=lambda: Prediction(float(worth.admissible_n_synth_limit(0.5, 5)), 0.01, error=0.1),
        observe=lambda _size, _seed: np.array([_admissible_root(0.5, 5, 1000.0)]),
        mutant="2 % larger",
        mutate=relative(0.02),
        size=1,
    ),
    Claim(
        id="fraction-floor",
        reference="Appendix G, Fig. 31; 2.7",
        statement="λ < 1: W2² stops at d (1 - sqrt(p / (1 - λ (1 - p))))²",
        status="asymptotic",
        scale="W2², d = 5, n = 10^8, p = .5, λ = .8, t = 60",
        predict=lambda: Prediction(float(worth.fraction_floor(0.5, 0.8, 5)), error=1e-6),
        observe=observed("w2_squared", _FLOOR, np.ones(5), t=60),
        mutant="2 % lower",
        mutate=relative(-0.02),
        size=30,
    ),
)


def _forgetting_ratio(t: int) -> float:
    """How much of the distance to the limit survives from generation t - 1 to t."""
    moments = first_moments(fresh_data(30, 10, bias=0.9, n_initial=5), t)
    gap = moments.trace[-2:] - float(first_moments_limit(_SETTLED).trace)
    return float(gap[1] / gap[0])


#: Every claim: those of the paper in its order, then those of the loops beyond it.
CLAIMS: tuple[Claim, ...] = (
    *_ESTIMATOR,
    *_DIRECTIONS,
    *_MOMENTS,
    *_DISTANCE,
    *_TIMES,
    *_APPENDIX,
    *_EXACT_FRESH,
    *_ASYMPTOTIC_FRESH,
    *_claims_loops.CLAIMS,
    *_claims_modes.CLAIMS,
)
