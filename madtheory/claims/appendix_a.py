"""Claims on Appendix A: the noise Y of the trace, tr Sigma_1 = Y tr Sigma_0."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.optimize import brentq

from madtheory.claims.claim import Observation, conjecture, exact, lower_bound, relative
from madtheory.claims.setting import Setting
from madtheory.laws import trace_noise
from madtheory.loop import fully_synthetic
from madtheory.simulate import simulate_plain
from madtheory.theory import collapse

_WEIGHTS = np.array([0.6, 0.3, 0.1])
_FIRST = Setting(fully_synthetic(10), _WEIGHTS, 1, simulate_plain)
_NOISE = Setting(fully_synthetic(100), _WEIGHTS, 1)
_EQUAL = Setting(fully_synthetic(10), np.ones(3), 1)
_DEPENDENT = Setting(fully_synthetic(6), np.ones(3), 2)
_EPSILON = 0.1
_MINIMUM_EPSILON = 0.2


def _share(y: float) -> float:
    """P(Y <= y) from the generalized chi-square distribution function."""
    return float(trace_noise.trace_noise_cdf(y, _WEIGHTS, 99))


def _median() -> float:
    return float(brentq(lambda y: _share(y) - 0.5, 0.5, 2.0))


def _exceeds(epsilon: float, words: str) -> Observation:
    """Whether |Y - 1| > epsilon."""
    return _EQUAL.draws("trace", words).of(lambda x: np.abs(x / _EQUAL.trace - 1) > epsilon)


def _dependent_noise() -> float:
    """Var Y_2 at Sigma_0 = I: tr W and W / tr W are independent, so the ratio's mean is exact."""
    first = _DEPENDENT.at(1)
    square = first.value(collapse.mean_trace_squared)
    return 2 / first.loop.dof * square / first.value(collapse.mean_squared_trace)


CLAIMS: Final = (
    exact("appendix-noise-mean", "Appendix A, Eq. (5); 1.10", size=2500)
    .says("tr Σ_1 = Y tr Σ_0 with E Y = 1, from n x d data")
    .expects(
        lambda: _FIRST.value(collapse.mean_trace),
        math.sqrt(trace_noise.trace_noise_variance(_WEIGHTS, 9)),
    )
    .observes(_FIRST.draws, "trace", "Y, weights .6, .3, .1, {n}")
    .against("covariances divided by n", relative(-0.1)),
    exact("appendix-noise-variance", "Appendix A; 1.10", size=240_000)
    .says("Var Y = 2 sum w² / m >= 2 / (m d)")
    .expects(lambda: trace_noise.trace_noise_variance(_WEIGHTS, 99))
    .observes(_NOISE.draws, "trace", "(Y - 1)², weights .6, .3, .1, {n}")
    .of(lambda x: (x - 1.0) ** 2)
    .against("2 % smaller", relative(-0.02)),
    exact("appendix-noise-law", "Appendix A; 1.10", size=3000)
    .says("Y is generalized chi-square with weights eig(Σ_0) / tr Σ_0")
    .happens(lambda: 0.5)
    .observes(_NOISE.draws, "trace", "P(Y <= its median), weights .6, .3, .1, {n}")
    .of(lambda x: x <= _median())
    .against("the median is 2 % larger", lambda _: _share(_median() / 1.02), change=0.02),
    exact("appendix-noise-distribution", "Appendix A; 1.10", size=250_000)
    .says("the distribution function of Y away from its median")
    .happens(lambda: _share(0.95))
    .observes(_NOISE.draws, "trace", "P(Y <= .95), weights .6, .3, .1, {n}")
    .of(lambda x: x <= 0.95),
    lower_bound("appendix-anti-concentration", "Appendix A; 1.10", size=8000)
    .says("P(|Y - 1| > ε) >= c(ε, d, m) > 0 whatever the weights")
    .expects(lambda: trace_noise.anti_concentration_bound(_EPSILON, 3, 9))
    .observes(_exceeds, _EPSILON, f"P(|Y - 1| > {_EPSILON}), weights 1/3, {{n}}")
    .against(
        "Paley-Zygmund without its fourth moment", lambda _: (1 - _EPSILON**2 * 9 * 3 / 2) ** 2
    ),
    conjecture("appendix-minimum", "Appendix A; 1.10", size=140_000)
    .says("the least P(|Y - 1| > ε) over all weights, found numerically")
    .happens(lambda: trace_noise.anti_concentration_minimum(_MINIMUM_EPSILON, 3, 9)[0])
    .observes(
        _exceeds,
        _MINIMUM_EPSILON,
        f"P(|Y - 1| > {_MINIMUM_EPSILON}) at the minimising weights, {{d}}, {{n}}",
    ),
    exact("appendix-dependence", "Appendix A, erratum; 1.10", size=250_000)
    .says("the Y_t are not independent: Var Y_2 = (2/m) E tr Σ_1² / E (tr Σ_1)²")
    .expects(_dependent_noise)
    .observes(_DEPENDENT.draws, "trace", "(tr Σ_2 / tr Σ_1 - 1)², {d}, {n}", at=(1, 2))
    .of(lambda x, y: (y / x - 1.0) ** 2)
    .against(
        "independent Y_t with the weights 1/d of Σ_0 = I", lambda _: 2 / (_DEPENDENT.loop.dof * 3)
    ),
)
