"""E W2^2 at the limit of loops that remember every model."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from madtheory import spectrum
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, fresh_data, synthetic_augmentation
from madtheory.spectrum.mean_law import constant_law
from madtheory.spectrum.next_law import next_law
from madtheory.theory import distance, moments, worth
from madtheory.theory.distance import remembered

TABLE = Path(__file__).parents[3] / "golden/theory/distance/remembered.json"
LOOPS = [
    fresh_data(6, 12, memory=None, bias=0.8),
    fresh_data(30, 9, memory=None, weight=0.4),
    fresh_data(5, 5, memory=None, bias=0.0),
]


@pytest.mark.parametrize("row", json.loads(TABLE.read_text()))
def test_simulated_limits_are_covered_and_near(row: dict[str, float]) -> None:
    loop = fresh_data(int(row["n_real"]), int(row["n_synth"]), memory=None, bias=row["bias"])
    found = distance.w2_squared_limit(loop, row["eigenvalues"])  # type: ignore[arg-type]
    value, noise = float(found.value), 3 * row["se"] / row["mean"]
    off = abs(value / row["mean"] - 1)
    assert off < float(found.rel_error) + noise
    assert off < 0.01 + noise
    assert found.lower < value < found.upper
    plain = distance.resummed_limit(loop, row["eigenvalues"])  # type: ignore[arg-type]
    assert plain.rel_error >= found.rel_error
    assert abs(plain.value / row["mean"] - 1) < float(plain.rel_error) + noise


@pytest.mark.parametrize("loop", LOOPS)
def test_a_late_fit_has_the_exact_first_moments(loop) -> None:  # type: ignore[no-untyped-def]
    first = moments.first_moments_limit(loop)
    law = next_law(constant_law(7), remembered.late_fit(loop, first))
    assert law.scale == pytest.approx(first.trace, rel=1e-12)
    assert law.mean_sq == pytest.approx(7 * first.mean_sq, rel=1e-12)


@pytest.mark.parametrize(("n_real", "n_synth", "bias"), [(6, 12, 0.8), (8, 8, 1.0)])
def test_second_order_is_the_limit_of_long_memories(n_real: int, n_synth: int, bias: float) -> None:
    # Exact for K models, and polynomial in 1/K; the mixture's part is of leading order in 1/n.
    def total(K: int) -> float:
        x = moments.second_moments_limit(fresh_data(n_real, n_synth, memory=K, bias=bias), 2)
        assert x is not None
        return float(x[6] - x[1] ** 2 / 2) / (x[1] ** 2 / 2)

    K = np.array([3, 5, 9])
    far = np.polyfit(1 / K, [total(k) for k in K.tolist()], 2)[-1]
    loop = fresh_data(n_real, n_synth, memory=None, bias=bias)
    first = moments.first_moments_limit(loop)
    law = next_law(constant_law(2), remembered.late_fit(loop, first))
    more = remembered.mixture_share(loop, 2)
    assert law.spread * (1 + more) == pytest.approx(far, rel=0.3 * more + 1e-3)


def test_without_noise_it_is_one_fit_to_the_real_data() -> None:
    # lambda = 0, n_s -> 0 beside n_r: the baseline, whose value is known exactly.
    loop = fresh_data(10**6, 1, memory=None, bias=0.0)
    found = distance.w2_squared_limit(loop, np.ones(20))
    assert float(found.value) == pytest.approx(spectrum.baseline(10**6, 20).value, rel=1e-5)


def test_n_eff_and_what_stays_refused() -> None:
    worth = distance.w2_squared_limit(fresh_data(1000, 1000, memory=None), np.ones(5))
    # At lambda = 1 the mean is worth n samples (2.8), and a pooled covariance is too.
    assert float(worth.value) == pytest.approx(spectrum.baseline(2000, 5).value, rel=5e-3)
    with pytest.raises(ValueError, match="w2_squared_limit is computed for bounded memory"):
        distance.w2_squared_limit(synthetic_augmentation(20, 20, memory=None), [1.0])


def test_no_bias_declares_nothing_of_the_mixture() -> None:
    loop = fresh_data(5, 5, memory=None, bias=0.0)
    assert remembered.mixture_share(loop, 4) == 0.0
    s = Spectrum.of(4)
    assert math.isfinite(float(remembered.limit(loop, s).rel_error))


def test_the_limit_with_a_budget_beside_fresh_data_is_where_the_path_goes():
    """Simulated at t = 30, 60, 120: .1471, .1401, .1325, each +- .0012; it falls like t^-.49."""
    loop = Loop(n_initial=12, n_fresh=12, n_synth=10, budget=16, bias=0.9, pool="accumulate")
    path = distance.w2_squared(loop, np.ones(2), generations=400)
    for t, simulated in ((30, 0.1471), (60, 0.1401), (120, 0.1325)):
        assert abs(path.value[t - 1] - simulated) < 3 * 0.0012
    limit = distance.w2_squared_limit(loop, np.ones(2))
    a, b, c = path.value[[99, 199, 399]]
    end = c - (b - c) ** 2 / (a - 2 * b + c)
    assert float(limit.value) == pytest.approx(end, rel=0.015)
    assert abs(end / limit.value - 1) < limit.rel_error < 0.03
    # What it is worth, by the baseline on either side.
    n = worth.gain(loop, np.ones(2)) * loop.n_real
    below, above = (float(spectrum.baseline(k, np.ones(2)).value) for k in (int(n), int(n) + 1))
    assert below > limit.value > above
    between = worth.effective_interval(limit, np.ones(2))
    assert between.lower < n < between.upper
    # Its n_synth is all the same to it, and the budget's own samples help.
    assert float(worth.admissible_n_synth(loop, np.ones(2))) == np.inf


def test_a_budget_on_a_pool_that_explodes_has_no_finite_limit():
    """Admissible n_synth was 2 10^6 of a loop that diverges from 10^4 on: the limit was nan."""
    loop = Loop(n_initial=60, n_fixed=60, n_synth=10**4, budget=80, pool="accumulate", pool_cap=3)
    assert distance.w2_squared_limit(loop, np.ones(3)).value == np.inf
    assert worth.admissible_interval(loop, np.ones(3)).upper < 10
