"""The growing pool: closed forms, exponents, limits."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from madtheory.loop import Loop, UnsupportedLoop, fresh_data, synthetic_augmentation
from madtheory.theory import moments
from madtheory.theory.moments.first import moment_path
from madtheory.theory.moments.growing_pool import anchored_pool_gain

SIZES = [(5, 7, 1.0), (100, 900, 0.9), (20, 3, 0.3), (2, 40, 0.5), (30, 30, 0.0)]


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize(("n_r", "n_s", "bias"), SIZES)
def test_the_growing_pool_is_the_general_system(n_r: int, n_s: int, bias: float, ddof: int) -> None:
    loop = synthetic_augmentation(n_r, n_s, bias=bias, pool="accumulate", ddof=ddof)
    _, trace = moment_path(loop, 200)
    t = np.arange(1, 201)
    # A difference of log-gammas of size t log t loses a few digits.
    np.testing.assert_allclose(moments.growing_pool_trace(loop, t), trace, rtol=1e-11)


def test_the_growing_pool_limit_is_where_the_path_goes() -> None:
    loop = synthetic_augmentation(6, 9, pool="accumulate")
    mean_sq, trace = moment_path(loop, 2**13)
    # Both approach like 1/t at lambda = 1; two Richardson steps leave 1/t^3.
    for path, limit in zip((mean_sq, trace), moments.growing_pool_limit(loop), strict=True):
        a, b, c = path[2**11 - 1], path[2**12 - 1], path[2**13 - 1]
        first, second = 2 * b - a, 2 * c - b
        assert second + (second - first) / 3 == pytest.approx(limit, rel=1e-9)


def test_maximum_likelihood_accumulation_keeps_the_second_moment() -> None:
    loop = synthetic_augmentation(7, 3, pool="accumulate", ddof=0)
    mean_sq, trace = moment_path(loop, 300)
    np.testing.assert_allclose(mean_sq + trace, 1.0, rtol=1e-12)
    limit = moments.growing_pool_limit(loop)
    assert limit.mean_sq + limit.trace == pytest.approx(1.0, rel=1e-10)


def test_power_law_not_exponential() -> None:
    loop = synthetic_augmentation(50, 50, bias=0.7, pool="accumulate")
    far = moments.growing_pool_trace(loop, [1e6, 1e7])
    assert math.log10(far[1] / far[0]) == pytest.approx(-0.3, abs=1e-5)
    assert moments.growing_pool_limit(loop).trace == 0


CALLS: dict[str, Callable[[Loop], object]] = {
    "growing_pool_trace": lambda loop: moments.growing_pool_trace(loop, 2),
    "growing_pool_limit": moments.growing_pool_limit,
}


@pytest.mark.parametrize("name", CALLS)
def test_another_loop_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(UnsupportedLoop, match=f"^{name} is computed for the plain growing pool"):
        CALLS[name](fresh_data(5, 5))


def test_exponents_of_pools_that_keep_everything_by_their_exact_paths() -> None:
    T = 1000
    for options in (
        {"bias": 0.8},
        {"bias": 0.8, "memory": None},
        {"bias": 0.8, "memory": 3, "ddof": 0},
        {"bias": 1.0, "budget": 5},
        {"bias": 1.0, "budget": 5, "ddof": 0},
        {"bias": 0.6, "budget": 5, "memory": None},
    ):
        loop = replace(synthetic_augmentation(10, 10, pool="accumulate"), **options)
        trace = moments.first_moments(loop, 2 * T).trace
        slope = math.log(trace[-1] / trace[T - 1]) / math.log(2)
        # The exponent is met up to O(1/T).
        assert slope == pytest.approx(moments.pool_exponent(loop), abs=5e-3), options


@pytest.mark.parametrize(
    ("options", "exponent"),
    [
        ({"bias": 0.8}, -0.2),
        ({"bias": 0.8, "memory": None}, math.sqrt(0.8) - 1),
        ({"bias": 1.0, "budget": 5}, 0.2),
        ({"bias": 1.0, "budget": 5, "ddof": 0}, 0.0),
        ({"bias": 0.5, "budget": 5, "ddof": 0}, -0.4),
        ({"bias": 0.6, "budget": 5, "memory": None}, math.sqrt(0.8) - 1),
    ],
)
def test_exponents_by_hand(options: dict[str, float], exponent: float) -> None:
    """bias (b - 1)/(b - ddof) + 1/b of a subsample of b, less 1; its root with all models."""
    loop = replace(synthetic_augmentation(10, 10, pool="accumulate"), **options)  # type: ignore[arg-type]
    assert moments.pool_exponent(loop) == pytest.approx(exponent, rel=1e-12, abs=1e-15)


def test_what_an_anchored_pool_passes_on_by_hand() -> None:
    loop = Loop(n_initial=10, n_fresh=3, n_synth=10, pool="accumulate", budget=4, bias=0.7)
    # Scatter 3 + 3/7 of 7 - 1, and the noise of the subsample's mean, (4/7)^2 / 4.
    assert anchored_pool_gain(loop) == pytest.approx(0.7 * (3 + 3 / 7) / 6 + 4 / 49, rel=1e-13)


def test_a_subsample_has_the_covariance_of_its_pool() -> None:
    """Divided by one less than its size, on average: whatever the budget."""
    fields = {"n_initial": 7, "n_fixed": 7, "n_synth": 9, "bias": 0.6, "pool": "accumulate"}
    whole = moment_path(Loop(**fields), 2).trace[1]  # type: ignore[arg-type]
    for budget in (2, 5, 15):
        part = moment_path(Loop(**fields, budget=budget), 2).trace[1]  # type: ignore[arg-type]
        assert part == pytest.approx(whole, rel=1e-13)
