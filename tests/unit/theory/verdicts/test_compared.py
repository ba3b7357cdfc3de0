"""Loops compared with their real data: strong collapse and the ratio of risks."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.results import Estimate
from madtheory.theory import distance, moments, worth
from madtheory.theory.verdicts import compared, large_sample_floor, risk_ratio, strong_collapse
from madtheory.theory.verdicts.table import default_loops

ONES = np.ones(3)


def test_strong_collapse_by_the_limit_of_large_loops() -> None:
    s = np.array([3.0, 1.0, 0.2])
    for loop in (
        fresh_data(1, 3, bias=0.8),
        synthetic_augmentation(1000, 3000, bias=0.8),
        fresh_data(2, 2, bias=0.7, memory=3),
        fresh_data(2, 2, bias=0.7, weight=0.3),
        Loop(n_initial=2, n_fixed=1, n_fresh=2, n_synth=4, bias=0.9),
    ):
        large = compared._scaled(loop, 10**5)
        near = float(distance.w2_squared_limit(large, s).value)
        # O(1/n) at n of about 10^5 and more.
        assert near == pytest.approx(large_sample_floor(loop, s), rel=2e-3), loop


def test_strong_collapse_is_the_fraction_floor_of_the_fresh_loop() -> None:
    for p, bias in product((0.01, 0.3, 0.9), (0.0, 0.5, 0.99)):
        loop = worth.fresh_fraction(1000, p, bias=bias)
        mine = large_sample_floor(loop, np.ones(7))
        assert mine == pytest.approx(worth.fraction_floor(p, bias, 7), rel=1e-9)


def test_large_sample_floor_by_iterating_the_noiseless_loop() -> None:
    s = np.array([4.0, 1.0, 0.5, 0.1])
    for p, bias, k, f in product((0.1, 0.6), (0.5, 0.9), (0.0, 0.3), (0.0, 0.05)):
        n_r = round(1000 * p)
        loop = Loop(
            n_initial=1000,
            n_fresh=n_r,
            n_synth=1000 - n_r,
            bias=bias,
            shrinkage=k,
            floor=f,
        )
        c = s
        for _ in range(2000):
            S = p * s + (1 - p) * bias * c
            c = (1 - k) * S + k * S.mean() + f * s.mean()
        by_hand = float(np.square(np.sqrt(s) - np.sqrt(c)).sum())
        assert large_sample_floor(loop, s) == pytest.approx(by_hand, rel=1e-10)


def test_the_least_synthetic_fraction_leaves_a_floor_and_none_at_bias_one() -> None:
    assert strong_collapse(fresh_data(9999, 1, bias=0.9), ONES).verdict is True
    assert strong_collapse(fresh_data(1, 9999), ONES).verdict is False
    assert strong_collapse(fully_synthetic(50), ONES).value == math.inf
    # A tuned floor puts the variance right, and the mean still walks away.
    tuned = fully_synthetic(50, bias=0.9, floor=0.1)
    assert strong_collapse(tuned, ONES).value == math.inf


def test_risk_ratio_of_the_synthetic_loop_by_hand() -> None:
    n, bias = 20, 0.5
    c4 = stats.chi(n - 1).mean() / math.sqrt(n - 1)
    by_hand = (1 + 1 / (n * (1 - bias))) / (1 / n + 2 - 2 * c4)
    found = risk_ratio(fully_synthetic(n, bias=bias), [1.0])
    assert found.value == pytest.approx(by_hand, rel=1e-9)
    assert found.verdict is True
    assert risk_ratio(fresh_data(100, 100), ONES).verdict is False


@pytest.mark.parametrize(("n_real", "n_synth"), [(8, 1), (10, 40), (100, 100), (30, 7)])
def test_as_many_fixed_as_fresh_samples_are_worth_their_number_in_first_moments(
    n_real: int, n_synth: int
) -> None:
    loop = Loop(n_initial=9, n_fixed=n_real // 2, n_fresh=n_real // 2, n_synth=n_synth)
    limit = moments.first_moments_limit(loop)
    assert compared.on_the_border(loop)
    assert limit.mean_sq == pytest.approx(1 / n_real, rel=1e-12)
    assert limit.trace == pytest.approx(1, rel=1e-12)
    for change in ({"bias": 0.9}, {"ddof": 0}, {"n_fixed": 3}, {"memory": 2}):
        assert not compared.on_the_border(replace(loop, **change))


def test_third_order_decides_on_the_border() -> None:
    found = risk_ratio(default_loops()["fixed + fresh, λ = 1"], [2.0, 2.0])
    assert found.verdict is False
    assert found.value == pytest.approx(0.9959, abs=1e-4)  # simulated: .9957 +- .0012
    # d = 1, p = 1/2: 3/7 in the third cumulant by hand, 8/8 of it in the gap.
    loop = Loop(n_initial=9, n_fixed=10, n_fresh=10, n_synth=20)
    assert compared.third_order_gap(loop, 1)[1] == pytest.approx(-3 / 7 / 20**2, rel=1e-12)
    # Far more directions than the expansion allows: the declared errors speak, and do not know.
    assert risk_ratio(loop, np.ones(30)).value != 1 + compared.third_order_gap(loop, 30)[1]


@pytest.mark.parametrize(
    ("risk", "verdict"), [(1.02, True), (1.0, None), (0.98, None), (0.96, False)]
)
def test_a_risk_within_the_error_of_the_baseline_is_not_compared(
    risk: float, verdict: bool | None
) -> None:
    base = Estimate.between(0.97, 1.01, 0.99)  # known to lie in [.97, 1.01]
    found = compared._compared("ratio", Estimate.exact(risk), base)
    assert found.verdict is verdict
    assert found.value == pytest.approx(risk / 0.99, rel=1e-15)


def test_equal_risks_decide_nothing() -> None:
    one = Estimate.exact(np.asarray(2.0))
    found = compared._compared("ratio", one, one)
    assert (found.verdict, found.value, found.status) == (None, 1.0, "exact")


def test_one_fresh_sample_is_compared_with_the_first_data() -> None:
    loop = fresh_data(1, 20, bias=0.9)
    found = risk_ratio(loop, ONES)
    risk = distance.w2_squared_limit(loop, ONES).value
    first = distance.w2_squared(fresh_data(2, 20), ONES, generations=1).value[0]
    assert found.value == pytest.approx(float(risk / first), rel=1e-9)


def test_third_order_is_silent_beside_a_second_one_of_its_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = Loop(n_initial=40, n_fixed=40, n_fresh=40, n_synth=80)
    for second, decides in ((0.49, True), (0.51, False)):
        monkeypatch.setattr(compared, "third_order_gap", lambda *_, s=second: (s, 1.0))
        assert ("third order" in risk_ratio(loop, ONES).reason) is decides
