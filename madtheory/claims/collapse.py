"""Claims on the fully synthetic loop (paper, Section 3.1): Eq. (1), Eq. (2), the Proposition.

The estimator, the law of one direction and of the determinant, and the moments that do not see the
collapse.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np

from madtheory.claims.claim import (
    Observation,
    Prediction,
    exact,
    final,
    relative,
    shift,
    upper_bound,
)
from madtheory.claims.setting import UNEQUAL, Setting
from madtheory.laws import chi_square, wishart
from madtheory.loop import fully_synthetic
from madtheory.simulate import simulate_plain
from madtheory.theory import collapse

# --- Eq. (1), Eq. (2) ----------------------------------------------------------------------------

_FIRST_MEAN = Setting(fully_synthetic(10), np.ones(50), 1, simulate_plain)
_FIRST_FIT = Setting(fully_synthetic(6, bias=0.9), np.ones(3), 1, simulate_plain)
_NARROW = Setting(fully_synthetic(10, bias=0.8), np.ones(20), 4)
_THIRTY = Setting(fully_synthetic(30, bias=0.9), np.ones(10), 2)
_LITERAL = Setting(fully_synthetic(40, bias=0.9, first_generation="biased"), np.ones(10), 2)

ESTIMATOR: Final = (
    exact("eq1-mean", "Eq. (1); 1.6", size=1000)
    .says("E ‖μ_1 - μ_0‖² = tr Σ_0 / n, from n x d data")
    .expects(lambda: _FIRST_MEAN.value(collapse.mean_walk), math.sqrt(2 * 50) / 10)
    .observes(_FIRST_MEAN.draws, "mean_sq", "squared distance, {d}, {n}")
    .against("n - 1 for n", relative(1 / 9)),
    exact("eq1-wishart", "Eq. (1)", size=16_000)
    .says("Σ_1 is Wishart with n - 1 degrees of freedom, from n x d data")
    .expects(_FIRST_FIT.law(collapse.log_det_mean, variance=collapse.log_det_variance))
    .observes(_FIRST_FIT.draws, "log_det", "log det, {d}, {n}")
    .against("n degrees of freedom", lambda _: wishart.log_det_mean(3, 6)),
    exact("eq2-martingale", "Eq. (2); 1.6", size=40_000)
    .says("E[μ_t | μ_(t-1)] = μ_(t-1): the increments of the mean are orthogonal")
    .expects(
        lambda: _NARROW.at(2).value(collapse.mean_walk) - _NARROW.at(1).value(collapse.mean_walk)
    )
    .observes(_NARROW.growth, "mean_sq", "‖μ_2‖² - ‖μ_1‖², {d}, {n}", start=1, end=2)
    .against("the mean reverts by 5 % a generation", shift(-(1 - 0.95**2) * 20 / 10)),
    exact("eq2-supermartingale", "Eq. (2); Appendix A, erratum 1", size=400)
    .says("E[tr Σ_t | Σ_(t-1)] = λ tr Σ_(t-1): a supermartingale")
    .expects(lambda: _THIRTY.value(collapse.mean_trace) / _THIRTY.at(1).value(collapse.mean_trace))
    .observes(_THIRTY.draws, "trace", "tr Σ_2 / tr Σ_1, {d}, {n}, {λ}", at=(1, 2))
    .of(lambda x, y: y / x)
    .against("Appendix A: a submartingale (mean ratio at least 1)", lambda _: 1.0),
    exact("eq1-literal", "Eq. (1), erratum 4; 0", size=400)
    .says("Eq. (1) read literally gives λ^t, Appendix A's reading λ^(t-1)")
    .expects(_LITERAL.law(collapse.mean_trace))
    .observes(_LITERAL.draws, "trace", "tr Σ_{at}, {d}, {n}, {λ}, first generation biased")
    .against("λ^(t-1)", relative(1 / 0.9 - 1)),
)

# --- the Proposition: one direction, the determinant ---------------------------------------------

_TEN = fully_synthetic(10)
_CRITICAL = fully_synthetic(10, bias=collapse.critical_bias(_TEN), allow_overdispersion=True)
_LINE = np.ones(1)

_LONG = Setting(_TEN, _LINE, 1000)
_MEDIUM = Setting(_TEN, _LINE, 50)
_DIRECTION = Setting(fully_synthetic(6, bias=0.9), np.ones(8), 3)
_SHARP = Setting(fully_synthetic(200, bias=0.95), _LINE, 2)
_GOING = Setting(_TEN, _LINE, 20)
_DRIFTLESS = Setting(_CRITICAL, _LINE, 200)
_HALVING = Setting(fully_synthetic(8, bias=0.9), _LINE, 400)
_TWELVE = Setting(fully_synthetic(12), _LINE, 4)
_DETERMINANT = Setting(fully_synthetic(8, bias=0.8), np.ones(4), 40)
_FIRST_PAIR = Setting(fully_synthetic(12), np.ones(2), 1)
_SECOND = Setting(fully_synthetic(8, bias=0.9), np.ones(2), 400)
_STRETCHED = Setting(fully_synthetic(4, bias=0.9), np.ones(2), 400)


def _log_median(at: Setting) -> float:
    return float(collapse.directional_log_quantile(0.5, at.loop, t=at.t))


def _share(at: Setting, x: float) -> float:
    """P(u'Sigma_t u <= x)."""
    return float(collapse.directional_cdf(x, at.loop, t=at.t))


@cache
def _high_quantile() -> float:
    return float(collapse.directional_quantile(0.9, _SHARP.loop, t=_SHARP.t))


def mean_step(dof: int, t: int) -> float:
    """Standard deviation of the mean of log chi^2 over t generations."""
    return math.sqrt(float(chi_square.log_chi_square_variance(dof)) / t)


def _log_mean(at: Setting) -> float:
    """Mean of log u'Sigma_t u."""
    return final(collapse.directional_log_mean(at.loop, at.t))


def _log_variance(at: Setting) -> float:
    return final(collapse.directional_log_variance(at.loop, at.t))


def without_drift(at: Setting) -> Observation:
    """The path of one direction after the first generation, at the critical bias."""
    words = "log of a direction from t = 1 to {at}, {n}, λ = λ_c"
    return at.draws("log_direction", words, at=(1, at.t)).of(lambda x, y: y - x)


DIRECTIONS: Final = (
    exact("proposition-rate", "Proposition; 1.1", size=2300)
    .says("Σ_t → 0 a.s. at λ = 1: (1/t) log u'Σ_t u → ψ(m/2) - log(m/2)")
    .expects(lambda: _log_mean(_LONG) / _LONG.t, mean_step(9, _LONG.t))
    .observes(_LONG.draws, "log_direction", "log of a direction over {t}, {n}")
    .of(lambda x: x / _LONG.t)
    .against("a rate 2 % slower", relative(-0.02)),
    exact("directional-law", "Appendix A, erratum 4; 1.1", size=100_000)
    .says("log u'Σ_t u has mean (t-1) log λ + t (ψ(m/2) - log(m/2)), any d")
    .expects(lambda: _log_mean(_DIRECTION), math.sqrt(_log_variance(_DIRECTION)))
    .observes(_DIRECTION.draws, "log_direction", "log of a direction, {d} > m = 5, {t}, {λ}")
    .against("λ^t for λ^(t-1)", shift(math.log(0.9))),
    exact("directional-median", "1.9", size=20_000)
    .says("quantiles of u'Σ_t u from its exact distribution function")
    .happens(lambda: 0.5)
    .observes(_SHARP.draws, "log_direction", "P(u'Σ_{at} u <= its median), {n}")
    .of(lambda x: x <= _log_median(_SHARP))
    .against(
        "the median is 2 % larger",
        lambda _: _share(_SHARP, math.exp(_log_median(_SHARP)) / 1.02),
        change=0.02,
    ),
    exact("directional-distribution", "1.9", size=250_000)
    .says("the distribution function of u'Σ_t u by contour integration")
    .happens(lambda: _share(_SHARP, 0.9))
    .observes(_SHARP.draws, "log_direction", "P(u'Σ_{at} u <= .9), {n}, {λ}")
    .of(lambda x: x <= math.log(0.9)),
    exact("directional-quantile", "1.9", size=72_000)
    .says("log-quantiles of u'Σ_t u far from 1")
    .happens(lambda: 0.5)
    .observes(_MEDIUM.draws, "log_direction", "P(log u'Σ_{at} u <= its median), {n}")
    .of(lambda x: x <= _log_median(_MEDIUM))
    .against(
        "the log-median is 2 % lower",
        lambda _: _share(_MEDIUM, math.exp(1.02 * _log_median(_MEDIUM))),
        change=0.02,
    ),
    exact("directional-upper-quantile", "1.9", size=5_000)
    .says("the same for the largest values of u'Σ_t u")
    .happens(lambda: 0.9)
    .observes(_SHARP.draws, "log_direction", "P(u'Σ_{at} u <= its .9-quantile), {n}, {λ}")
    .of(lambda x: x <= math.log(_high_quantile()))
    .against(
        "the quantile is 2 % larger",
        lambda _: _share(_SHARP, _high_quantile() / 1.02),
        change=0.02,
    ),
    exact("directional-tail", "1.9", size=120_000)
    .says("the chance that u'Σ_t u still exceeds its real value, by contour integration")
    .happens(lambda: collapse.directional_sf(1.0, _GOING.loop, t=_GOING.t))
    .observes(_GOING.draws, "log_direction", "P(u'Σ_{at} u > 1), {n}")
    .of(lambda x: x > 0.0)
    .against("5 % larger", relative(0.05)),
    upper_bound("directional-chernoff", "1.9", size=40_000)
    .says("that chance is at most its best moment, optimised over the order")
    .expects(lambda: math.exp(collapse.directional_chernoff(1.0, _GOING.loop, t=_GOING.t).log_sf))
    .observes(_GOING.draws, "log_direction", "P(u'Σ_{at} u > 1), {n}")
    .of(lambda x: x > 0.0)
    .against("a fifth of it", relative(-0.8)),
    exact("critical-bias", "1.2", size=400)
    .says("at λ_c = (m/2) exp(-ψ(m/2)) > 1 the log-variance has no drift")
    .expects(lambda: 0.0, math.sqrt(199 * float(chi_square.log_chi_square_variance(9))))
    .observes(without_drift, _DRIFTLESS)
    .against("λ_c is 2 % larger", shift(199 * math.log(1.02)), change=0.02),
    exact("half-life", "1.9", size=2000)
    .says("the typical variance halves every log 2 / |rate| generations")
    .expects(lambda: -math.log(2) / collapse.half_life(_HALVING.loop), mean_step(7, _HALVING.t))
    .observes(
        _HALVING.growth, "log_direction", "log of a direction over {t}, {n}, {λ}", start=1, end=401
    )
    .against("2 % longer", relative(1 / 1.02 - 1)),
    exact("clt-variance", "1.4", size=240_000)
    .says("Var log u'Σ_t u = t ψ'(m/2)")
    .expects(lambda: _log_variance(_TWELVE))
    .observes(_TWELVE.draws, "log_direction", "squared deviation, {t}, {n}")
    .of(lambda x: (x - _log_mean(_TWELVE)) ** 2)
    .against("2 % smaller", relative(-0.02)),
    exact("clt-step", "1.4", size=100_000)
    .says("(log u'Σ_t u - rate t) / sqrt t has variance ψ'(m/2), and tends to a normal law")
    .expects(lambda: collapse.clt_variance(_MEDIUM.loop))
    .observes(_MEDIUM.draws, "log_direction", "squared deviation from rate t, over t, {t}, {n}")
    .of(lambda x: (x - collapse.rate(_MEDIUM.loop) * _MEDIUM.t) ** 2 / _MEDIUM.t)
    .against("5 % smaller", relative(-0.05)),
    exact("log-det-mean", "1.3", size=3500)
    .says("E log det Σ_t = d (t-1) log λ + t sum_i E log(χ²_(m-i+1) / m)")
    .expects(_DETERMINANT.law(collapse.log_det_mean, variance=collapse.log_det_variance))
    .observes(_DETERMINANT.draws, "log_det", "log det, {d}, {n}, {t}, {λ}")
    .against("2 % smaller", relative(-0.02)),
    exact("log-det-variance", "1.3", size=260_000)
    .says("Var log det Σ_t = t sum_i ψ'((m-i+1)/2)")
    .expects(_FIRST_PAIR.law(collapse.log_det_variance))
    .observes(_FIRST_PAIR.draws, "log_det", "squared deviation, {d}, {n}, {t}")
    .of(lambda x: (x - _FIRST_PAIR.value(collapse.log_det_mean)) ** 2)
    .against("2 % smaller", relative(-0.02)),
    exact("lyapunov-second", "1.4", size=1000)
    .says("the second Lyapunov exponent is log λ + ψ((m-1)/2) - log(m/2)")
    .expects(
        lambda: float(collapse.lyapunov_spectrum(_SECOND.loop, 2)[1]) - math.log(0.9) / 400,
        mean_step(6, _SECOND.t),
    )
    # log det less the first entry leaves the second squared diagonal entry of the factor.
    .observes(
        _SECOND.draws,
        "log_det log_direction",
        "log of the triangular factor's second entry, {d}, {n}, {t}",
    )
    .of(lambda det, x: (det - x) / 400)
    .against("2 % slower", relative(-0.02)),
    exact("condition-growth", "1.4", size=2000)
    .says("the log condition number grows by ψ(m/2) - ψ((m-d+1)/2) a generation")
    .expects(lambda: collapse.condition_growth(_STRETCHED.loop, 2))
    .observes(
        _STRETCHED.draws,
        "log_det log_direction",
        "log ratio of the factor's two entries, {d}, {n}, {t}",
    )
    .of(lambda det, x: (x - (det - x)) / 400)
    .against("2 % faster", relative(0.02)),
)

# --- moments: the mean that never moves, and the walk --------------------------------------------

_SIXTY = Setting(fully_synthetic(60, bias=0.9), np.ones(20), 3)
_UNEQUAL = Setting(_SIXTY.loop, UNEQUAL, 3)
_FIRST_DIRECTION = Setting(fully_synthetic(200), _LINE, 1)
_TWENTY = Setting(fully_synthetic(20), _LINE, 3)


def _with_square(moment: float, square: float) -> Prediction:
    """A moment and the deviation that the moment of twice the order gives."""
    return Prediction(moment, math.sqrt(square - moment**2))


def _fit_moment(power: float) -> float:
    return float(chi_square.chi_square_moment(power, 199, 199))


def _direction_moment(power: float) -> float:
    return float(collapse.directional_moment(_TWENTY.loop, _TWENTY.t, power=power))


MOMENTS: Final = (
    exact("estimator-moment", "Eq. (1); 1.5", size=3000)
    .says("E q^(3/2) of q = χ²_m / m, the law of one estimated variance")
    .expects(lambda: _with_square(_fit_moment(1.5), _fit_moment(3.0)))
    .observes(_FIRST_DIRECTION.draws, "trace", "(u'Σ_{at} u)^(3/2), {n}")
    .of(lambda x: x**1.5),
    exact("mean-trace", "1.5", size=850)
    .says("E tr Σ_t = λ^(t-1) tr Σ_0")
    .expects(_SIXTY.law(collapse.mean_trace))
    .observes(_SIXTY.draws, "trace", "tr Σ_{at}, {d}, {n}, {λ}"),
    exact("second-moment-step", "1.5", size=1200)
    .says("one generation maps (E tr Σ², E (tr Σ)²) by [[1+1/m, 1/m], [2/m, 1]]")
    .expects(lambda: (wishart.second_moment_map(59) @ np.array([20.0, 400.0]))[1])
    .observes(_SIXTY.at(1).draws, "squared_trace", "(tr Σ_{at})², {d}, {n}"),
    exact("mean-squared-trace", "1.5", size=3400)
    .says("E (tr Σ_t)² from the 2 x 2 map with eigenvalues 1 + 2/m, 1 - 1/m")
    .expects(_SIXTY.law(collapse.mean_squared_trace))
    .observes(_SIXTY.draws, "squared_trace", "(tr Σ_{at})², {d}, {n}, {λ}"),
    exact("mean-trace-squared", "1.5", size=24_000)
    .says("E tr Σ_t² from the same map, singular Σ_0")
    .expects(_UNEQUAL.law(collapse.mean_trace_squared))
    .observes(_UNEQUAL.draws, "trace_squared", "tr Σ_{at}², eight unequal eigenvalues, {n}, {λ}"),
    exact("mean-walk", "1.6", size=32_000)
    .says("E ‖μ_t - μ_0‖² = (tr Σ_0 / n) sum_(k<t) λ^k")
    .expects(_NARROW.law(collapse.mean_walk))
    .observes(_NARROW.draws, "mean_sq", "squared distance, {d}, {n}, {t}, {λ}"),
    exact("fractional-moment", "1.5", size=10_000)
    .says("E (u'Σ_t u)^(1/2) is a gamma ratio to the t")
    .expects(lambda: _with_square(_direction_moment(0.5), _direction_moment(1.0)))
    .observes(_TWENTY.draws, "log_direction", "square root of a direction, {n}, {t}")
    .of(lambda x: np.exp(x / 2)),
)
