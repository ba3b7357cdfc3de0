"""Fully synthetic loop (Section 3.1, Appendix A): rates, laws, moments, distance, times.

`rates` has the exponents, `direction` the law of one direction, `log_det` and `traces` moments,
`log_trace` those of the log of the trace, `distance` E W2^2 and `overshoot` whether it increases,
`times` bounds on the time to collapse and `waiting` its law, `shrinkage` and `stationary` what
regularised fits change, `eigendirections` what a spectrum of biases does to each of them, and
`estimated` that spectrum from successive generations.

Arguments: `loop` is a fully synthetic loop (with shrinkage or a floor where a function says so),
`eigenvalues` are those of Sigma_0, shape (d,), zeros allowed, and `dim` is d. `generations` is T:
answers have shape (T,), t = 1..T at index t - 1; `t` is one generation. Points `x` and
probabilities `q` may have any shape, which is the answer's. Section numbers are theory.md's.

Bad arguments raise ValueError or TypeError with one sentence that names the argument, the rule and
the value, another loop :class:`madtheory.loop.UnsupportedLoop`; a function has a section `Raises`
only where it says more than that.
"""

from madtheory.theory.collapse.direction import (
    ChernoffBound,
    directional_cdf,
    directional_chernoff,
    directional_log_mean,
    directional_log_moment,
    directional_log_quantile,
    directional_log_tails,
    directional_log_variance,
    directional_moment,
    directional_quantile,
    directional_sf,
)
from madtheory.theory.collapse.distance import (
    w2_squared,
    w2_squared_high_dimension,
    w2_squared_limit,
)
from madtheory.theory.collapse.eigendirections import Dominance, direction_rates, dominance
from madtheory.theory.collapse.estimated import DirectionBiases, estimate_biases
from madtheory.theory.collapse.log_det import log_det_mean, log_det_variance
from madtheory.theory.collapse.log_trace import log_trace_moments
from madtheory.theory.collapse.memory import memory_rate, only_remembers
from madtheory.theory.collapse.overshoot import (
    MadVerdict,
    Overshoot,
    first_decrease,
    is_increasing,
    overshoot_interval,
    overshoot_peak,
    step_one_two_bias,
    step_one_two_threshold,
)
from madtheory.theory.collapse.rates import (
    clt_variance,
    condition_growth,
    critical_bias,
    half_life,
    lyapunov_spectrum,
    rate,
)
from madtheory.theory.collapse.shrinkage import condition_bound, shrinkage_rate
from madtheory.theory.collapse.stationary import (
    stationary_cdf,
    stationary_exists,
    stationary_mean,
    stationary_moment,
    stationary_quantiles,
    stationary_quantiles_limit,
    stationary_second_moments,
    stationary_tail_bounds,
    stationary_tail_index,
)
from madtheory.theory.collapse.times import (
    collapse_time_bounds,
    collapse_time_quantiles,
    first_passage_cdf,
)
from madtheory.theory.collapse.traces import (
    mean_squared_trace,
    mean_trace,
    mean_trace_squared,
    mean_walk,
    mean_walk_growth,
    mean_walk_limit,
    second_moment_growth,
    second_moments,
    shrinkage_second_moment_map,
)
from madtheory.theory.collapse.waiting import collapse_time, collapse_time_chances

__all__ = [
    "ChernoffBound",
    "DirectionBiases",
    "Dominance",
    "MadVerdict",
    "Overshoot",
    "clt_variance",
    "collapse_time",
    "collapse_time_bounds",
    "collapse_time_chances",
    "collapse_time_quantiles",
    "condition_bound",
    "condition_growth",
    "critical_bias",
    "direction_rates",
    "directional_cdf",
    "directional_chernoff",
    "directional_log_mean",
    "directional_log_moment",
    "directional_log_quantile",
    "directional_log_tails",
    "directional_log_variance",
    "directional_moment",
    "directional_quantile",
    "directional_sf",
    "dominance",
    "estimate_biases",
    "first_decrease",
    "first_passage_cdf",
    "half_life",
    "is_increasing",
    "log_det_mean",
    "log_det_variance",
    "log_trace_moments",
    "lyapunov_spectrum",
    "mean_squared_trace",
    "mean_trace",
    "mean_trace_squared",
    "mean_walk",
    "mean_walk_growth",
    "mean_walk_limit",
    "memory_rate",
    "only_remembers",
    "overshoot_interval",
    "overshoot_peak",
    "rate",
    "second_moment_growth",
    "second_moments",
    "shrinkage_rate",
    "shrinkage_second_moment_map",
    "stationary_cdf",
    "stationary_exists",
    "stationary_mean",
    "stationary_moment",
    "stationary_quantiles",
    "stationary_quantiles_limit",
    "stationary_second_moments",
    "stationary_tail_bounds",
    "stationary_tail_index",
    "step_one_two_bias",
    "step_one_two_threshold",
    "w2_squared",
    "w2_squared_high_dimension",
    "w2_squared_limit",
]
