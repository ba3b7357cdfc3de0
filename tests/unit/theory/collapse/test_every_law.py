"""What holds of every law of the room: maximum likelihood, arguments, refusals."""

import math

import numpy as np
import pytest

from madtheory.loop import UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory import collapse
from tests.unit.theory.collapse.loops import PLAIN


def test_maximum_likelihood_has_the_law_of_a_smaller_bias_except_for_the_walk():
    # Dividing by n = multiplying each fit by (n-1)/n: all but the sample means sees bias only.
    n = 7
    likely = fully_synthetic(n, ddof=0)
    smaller = fully_synthetic(n, bias=(n - 1) / n, first_generation="biased")
    at, s = {"generations": 6}, [2.0, 1.0, 0.5]
    for law in (
        lambda loop: collapse.lyapunov_spectrum(loop, 3),
        lambda loop: collapse.half_life(loop),
        lambda loop: collapse.directional_log_mean(loop, 6),
        lambda loop: collapse.directional_log_variance(loop, 6),
        lambda loop: collapse.directional_log_moment(loop, 6, power=-0.7),
        lambda loop: collapse.directional_cdf([0.1, 0.5, 2.0], loop, t=4),
        lambda loop: collapse.directional_log_quantile([0.1, 0.5, 0.9], loop, t=4),
        lambda loop: collapse.directional_chernoff([0.1, 2.0], loop, t=4).log_sf,
        lambda loop: collapse.log_det_mean(loop, s, **at),
        lambda loop: collapse.mean_trace(loop, s, **at),
        lambda loop: collapse.mean_trace_squared(loop, s, **at),
        lambda loop: collapse.mean_squared_trace(loop, s, **at),
        lambda loop: collapse.second_moment_growth(loop),
        lambda loop: collapse.first_passage_cdf(0.1, loop, **at),
        lambda loop: collapse.collapse_time_bounds(0.1, loop, s, **at),
        lambda loop: collapse.collapse_time_quantiles(loop, 3, eps=0.1, q=[0.1, 0.5]),
    ):
        np.testing.assert_allclose(law(likely), law(smaller), rtol=1e-12)
    walks = [collapse.mean_walk(loop, s, **at) for loop in (likely, smaller)]
    np.testing.assert_allclose(walks[0], walks[1] * n / (n - 1), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: collapse.rate(fresh_data(5, 5)), "the collapse rate is computed for the fully"),
        (lambda: collapse.directional_cdf(math.nan, PLAIN, t=1), "x must not be NaN"),
        (lambda: collapse.directional_cdf(1.0, PLAIN, t=0), "t must be at least 1"),
        (lambda: collapse.directional_log_tails(math.nan, PLAIN, t=1), "log_x must not be NaN"),
        (lambda: collapse.directional_quantile(1.1, PLAIN, t=1), r"q must be in \[0, 1\]"),
        (lambda: collapse.directional_chernoff(-1.0, PLAIN, t=1), "x must be non-negative"),
        (lambda: collapse.mean_trace(PLAIN, [], generations=1), "eigenvalues must be a non-empty"),
        (lambda: collapse.mean_walk(PLAIN, [1.0], generations=0), "generations must be at least 1"),
        (lambda: collapse.first_passage_cdf(0.0, PLAIN, generations=1), "eps must be positive"),
        (
            lambda: collapse.collapse_time_quantiles(PLAIN, 2, eps=0.1, q=0.5, eigenvalues=[1.0]),
            "eigenvalues must have dim = 2 entries",
        ),
        (
            lambda: collapse.collapse_time_quantiles(PLAIN, 2, eps=0.1, q=-0.5),
            r"q must be in \[0, 1\]",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_every_law_refuses_other_loops():
    loop = fresh_data(5, 5)
    for call in (
        lambda: collapse.lyapunov_spectrum(loop, 2),
        lambda: collapse.critical_bias(loop),
        lambda: collapse.condition_growth(loop, 2),
        lambda: collapse.clt_variance(loop),
        lambda: collapse.directional_log_mean(loop, 2),
        lambda: collapse.directional_log_variance(loop, 2),
        lambda: collapse.directional_moment(loop, 2, power=1.0),
        lambda: collapse.log_det_mean(loop, [1.0], generations=1),
        lambda: collapse.mean_trace(loop, [1.0], generations=1),
        lambda: collapse.mean_walk(loop, [1.0], generations=1),
        lambda: collapse.mean_walk_limit(loop, [1.0]),
        lambda: collapse.second_moment_growth(loop),
        lambda: collapse.mean_trace_squared(loop, [1.0], generations=1),
        lambda: collapse.mean_squared_trace(loop, [1.0], generations=1),
        lambda: collapse.first_passage_cdf(0.1, loop, generations=1),
        lambda: collapse.collapse_time_bounds(0.1, loop, [1.0], generations=1),
        lambda: collapse.collapse_time_quantiles(loop, 1, eps=0.1, q=0.5),
    ):
        with pytest.raises(UnsupportedLoop):
            call()
