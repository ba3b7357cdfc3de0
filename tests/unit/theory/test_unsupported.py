"""A loop that a quantity does not cover is refused in one sentence that names the quantity."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from madtheory.loop import UnsupportedLoop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.theory import collapse, distance, moments

FRESH = fresh_data(20, 10)
SYNTHETIC = fully_synthetic(10)

COLLAPSE: dict[str, Callable[[], Any]] = {
    "the Lyapunov spectrum": lambda: collapse.lyapunov_spectrum(FRESH, 2),
    "the collapse rate": lambda: collapse.rate(FRESH),
    "the critical bias": lambda: collapse.critical_bias(FRESH),
    "the growth of the condition number": lambda: collapse.condition_growth(FRESH, 2),
    "the CLT variance": lambda: collapse.clt_variance(FRESH),
    "the directional law": lambda: collapse.directional_log_mean(FRESH, 2),
    "the log-determinant law": lambda: collapse.log_det_mean(FRESH, [1.0], generations=2),
    "the mean trace": lambda: collapse.mean_trace(FRESH, [1.0], generations=2),
    "the mean walk": lambda: collapse.mean_walk(FRESH, [1.0], generations=2),
    "the growth of the second moment": lambda: collapse.second_moment_growth(FRESH),
    "the second moment": lambda: collapse.mean_trace_squared(FRESH, [1.0], generations=2),
    "the first passage": lambda: collapse.first_passage_cdf(0.5, FRESH, generations=2),
    "the time to collapse": lambda: collapse.collapse_time_bounds(
        0.5, FRESH, [1.0, 1.0], generations=2
    ),
    "w2_squared": lambda: collapse.w2_squared(FRESH, [1.0], generations=2),
    "w2_squared_limit": lambda: collapse.w2_squared_limit(FRESH, [1.0]),
    "w2_squared_high_dimension": lambda: collapse.w2_squared_high_dimension(
        FRESH, 2, generations=2
    ),
    "first_decrease": lambda: collapse.first_decrease(FRESH, generations=2),
    "is_increasing": lambda: collapse.is_increasing(FRESH, 2),
    "overshoot_peak": lambda: collapse.overshoot_peak(FRESH, 2),
}
OTHERS: dict[str, Callable[[], Any]] = {
    "the directional law": lambda: collapse.directional_log_variance(FRESH, 2),
    "the log-determinant law": lambda: collapse.log_det_variance(FRESH, [1.0], generations=2),
    "the mean walk": lambda: collapse.mean_walk_limit(FRESH, [1.0]),
    "the time to collapse": lambda: collapse.collapse_time_quantiles(FRESH, 2, eps=0.5, q=0.5),
}
RECURSIONS: dict[str, Callable[[], Any]] = {
    "first_moment_map": lambda: moments.first_moment_map(SYNTHETIC),
    "second_moment_map": lambda: moments.second_moment_map(SYNTHETIC, 2),
    "w2_squared_second_order_limit": lambda: distance.w2_squared_second_order_limit(
        SYNTHETIC, [1.0]
    ),
}


@pytest.mark.parametrize(
    ("quantity", "call"), [*COLLAPSE.items(), *OTHERS.items(), *RECURSIONS.items()]
)
def test_the_sentence_names_the_quantity(quantity: str, call: Callable[[], Any]) -> None:
    kind = "fresh data" if (quantity, call) in RECURSIONS.items() else "fully synthetic"
    sentence = rf"^{re.escape(quantity)} is computed for the {kind} loop only, got a loop with "
    with pytest.raises(UnsupportedLoop, match=sentence):
        call()


def test_what_is_not_computed_yet_is_said_plainly() -> None:
    for loop, text in (
        (fresh_data(5, 5, memory=3), "memory 1 only, got 3"),
        (fresh_data(5, 5, weight=0.3), "no weight only, got 0.3"),
        (fresh_data(5, 5, ddof=0), "ddof = 1 only, got ddof = 0"),
        (synthetic_augmentation(5, 5, pool="accumulate"), "pool = replace only, got accumulate"),
        (synthetic_augmentation(5, 5), "n_fresh = 0 and n_fixed = 5"),
    ):
        with pytest.raises(UnsupportedLoop, match=re.escape(text)):
            moments.first_moment_map(loop)
