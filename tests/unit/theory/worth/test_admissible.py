"""How much synthetic data is admissible: limits, bisection, ends."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madtheory import spectrum
from madtheory.covariance import Spectrum
from madtheory.loop import (
    Loop,
    UnsupportedLoop,
    fresh_data,
    fully_synthetic,
    synthetic_augmentation,
)
from madtheory.theory import distance, worth
from madtheory.theory.moments import first_moments_limit
from madtheory.theory.worth import admissible, admissible_n_synth, admissible_n_synth_limit


@given(st.floats(0.0, 0.99), st.integers(1, 30))
def test_the_limit_does_not_see_the_scale(bias: float, dim: int) -> None:
    found = worth.admissible_n_synth_limit(bias, np.full(dim, 2.5))
    direct = 4 / (1 - bias) ** 2 * ((2 - bias) + (dim + 1) / 4 * (1 + 3 * bias - 2 * bias**2) / 2)
    assert found == pytest.approx(direct, rel=1e-12)


@pytest.mark.parametrize(("bias", "n_real"), [(0.5, 2000), (0.0, 50), (0.8, 100_000)])
@pytest.mark.parametrize("s", [[1.0] * 3, [3.0, 1.0, 0.2]])
def test_the_admissible_size_by_bisection_over_integers(
    bias: float, n_real: int, s: list[float]
) -> None:
    best, low, high = float(spectrum.baseline(n_real, s).value), 1, 10**9
    missed = best - float(distance.w2_squared_one_fit(n_real, s))

    def excess(n: int) -> float:
        w2 = distance.resummed_limit(fresh_data(n_real, n, bias=bias), s)
        return float(w2.value) + missed * (n_real / (n_real + n)) ** 2 - best

    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if excess(middle) <= 0 else (low, middle)
    between = low - excess(low) / (excess(high) - excess(low))
    found = worth.admissible_n_synth(fresh_data(n_real, 1, bias=bias), s)
    assert found == pytest.approx(between, rel=1e-9)


@pytest.mark.parametrize(("dim", "n_real", "lost"), [(5, 4, 1e-8), (2, 20, 1e-12)])
def test_near_bias_one_the_edge_is_as_far_as_what_is_lost_is_small(
    dim: int, n_real: int, lost: float
) -> None:
    s = np.ones(dim)
    edge, nearer = (
        worth.admissible_n_synth(fresh_data(n_real, 1, bias=1 - x), s) for x in (lost, 4 * lost)
    )
    assert edge == pytest.approx(4 * nearer, rel=1e-3)
    sizes = [
        worth.effective_sample_size(
            float(distance.w2_squared_limit(fresh_data(n_real, round(n), bias=1 - lost), s).value),
            s,
        )
        for n in (edge / 1.5, edge * 1.5)
    ]
    assert sizes[0] > n_real > sizes[1]


#: dim, n_real, bias, and the n_synth where E W2^2 meets the exact baseline: its limit simulated
#: (tests/golden/theory/worth/admissible.py, standard errors of some 1e-5) and interpolated.
MET = [(30, 30, 0.7, 448.0)]


@pytest.mark.parametrize(("dim", "n_real", "bias", "met"), MET)
def test_the_interval_holds_where_simulation_meets_the_baseline(
    dim: int, n_real: int, bias: float, met: float
) -> None:
    e = worth.admissible_interval(fresh_data(n_real, 1, bias=bias), dim)
    assert e.lower < met < e.upper
    assert float(e.value) == pytest.approx(met, rel=2e-3)
    # Both ends are where the excess leaves its error.
    assert float(e.upper - e.lower) < 0.05 * met
    assert float(e.rel_error) == pytest.approx(
        max(e.upper - e.value, e.value - e.lower) / e.value, rel=1e-12
    )


def test_no_n_synth_is_too_many_where_a_collapsed_model_is_better() -> None:
    # d = 30, n_real = 10: even at n_synth = infinity E W2^2 is 29.8 (30 + mean) against 31.56.
    e = worth.admissible_interval(fresh_data(10, 1, bias=0.9), 30)
    assert (float(e.lower), float(e.value), float(e.upper)) == (math.inf,) * 3
    assert e.status == "exact"


def test_the_interval_of_one_loop_by_its_ends() -> None:
    loop, s = fresh_data(50, 1, bias=0.75), np.ones(3)
    e, base = worth.admissible_interval(loop, s), float(spectrum.baseline(50, s).value)
    missed = base - float(distance.w2_squared_one_fit(50, s))
    for end, sign in ((float(e.lower), 1), (float(e.upper), -1)):
        rows = []
        for n in (math.floor(end), math.ceil(end)):
            w2 = distance.resummed_limit(fresh_data(50, n, bias=0.75), s)
            share = (50 / (50 + n)) ** 2
            error = float(w2.value * w2.rel_error) * (1 - share)
            rows.append(float(w2.value) + share * missed - base + sign * error)
        assert rows[0] <= 0 < rows[1]


def test_the_interval_closes_as_n_real_grows() -> None:
    widths = []
    for n_real in (500, 5000, 50_000):
        e = worth.admissible_interval(fresh_data(n_real, 1, bias=0.5), 5)
        assert e.lower <= e.value <= e.upper
        widths.append(float(e.rel_error))
    assert widths[0] < 0.01
    assert widths[1] < 0.2 * widths[0]
    assert widths[2] < 0.2 * widths[1]


def test_a_wide_error_leaves_no_certain_end() -> None:
    # Memory: the distance is declared to several per cent.
    e = worth.admissible_interval(fresh_data(50, 1, bias=0.75, memory=3), 3)
    assert e.lower < e.value < e.upper
    assert worth.admissible_n_synth(fresh_data(50, 1, bias=0.75, memory=3), 3) == float(e.value)
    # All weight on the real data: the loop is as good as they are, and no error says how nearly.
    equal = worth.admissible_interval(fresh_data(50, 2, weight=1.0), 3)
    assert float(equal.lower) < float(equal.value) == float(equal.upper) == math.inf
    certain = worth.admissible_interval(synthetic_augmentation(1000, 1), 1)
    assert float(certain.value) == 0.0
    assert math.isinf(certain.rel_error) or float(certain.upper) == 0.0


@pytest.mark.parametrize("bias", [0.0, 0.5, 0.8])
def test_the_root_tends_to_the_limit(bias: float) -> None:
    s = [5.0, 2.0, 1.0, 0.1, 0.0]
    limit = worth.admissible_n_synth_limit(bias, s)
    errors = []
    for factor in (300, 3000):
        root = worth.admissible_n_synth(fresh_data(round(factor * limit), 1, bias=bias), s)
        errors.append(abs(root / limit - 1))
    # The relative error is of order limit / n_real; interpolation between integers adds 0.2/n^2.
    assert errors[0] < 0.01
    assert errors[1] < 0.2 * errors[0] + 0.2 / limit**2


def test_ends() -> None:
    s = [2.0, 1.0]
    assert worth.admissible_n_synth_limit(1.0, s) == math.inf
    assert worth.admissible_n_synth(fresh_data(1000, 1), s) == math.inf
    assert worth.admissible_n_synth(fresh_data(1, 1, bias=0.5), s) == math.inf


def test_no_amount_is_admissible() -> None:
    assert admissible._last_pass(lambda n: 1.0, 10**6, 1) == 0.0
    assert admissible._last_pass(lambda n: n - 7.25, 10**6, 1) == 7.25
    assert admissible._last_pass(lambda n: 0.0 if n < 8 else math.inf, 10**6, 1) == 7.0
    assert admissible._last_pass(lambda n: -1.0, 10**6, 1) == math.inf


def test_other_loops_are_refused() -> None:
    with pytest.raises(UnsupportedLoop, match="loops with real data only, got n_real = 0"):
        worth.admissible_n_synth(fully_synthetic(10), [1.0, 2.0])
    with pytest.raises(ValueError, match=r"bias must be a finite number in \[0, 1\]"):
        worth.admissible_n_synth_limit(1.5, [1.0])


@pytest.mark.parametrize(
    ("bias", "dim", "limit", "low"),
    [
        (0.5, 1, 32, 0.9755),
        (0.5, 5, 48, 0.9790),
        (0.8, 20, 676.5, 0.9595),
        (0.9, 100, 10944, 0.9511),
    ],
)
def test_admissible_size_and_its_limit(bias, dim, limit, low):
    assert admissible_n_synth_limit(bias, dim) == pytest.approx(limit, rel=1e-12)
    at_30 = admissible_n_synth(fresh_data(30 * round(limit), 1, bias=bias), dim)
    assert at_30 / limit == pytest.approx(low, abs=2e-4)
    # theory.md 2.6: 31.9, 47.9, 673.5, 10944 on the way to the limit
    far = admissible_n_synth(fresh_data(10**4 * round(limit), 1, bias=bias), dim)
    assert far / limit == pytest.approx(1, abs=3e-4)


def test_admissible_size_is_where_the_loop_meets_the_baseline():
    n = admissible_n_synth(fresh_data(200, 1, bias=0.7), 4)
    for n_synth, better in ((math.floor(n), True), (math.ceil(n), False)):
        w2 = distance.resummed_limit(fresh_data(200, n_synth, bias=0.7), 4).value
        share, base = (200 / (200 + n_synth)) ** 2, spectrum.baseline(200, 4).value
        seen = share * distance.w2_squared_one_fit(200, 4) + (1 - share) * base
        assert bool(w2 <= seen) is better


def test_admissible_size_at_its_ends():
    assert admissible_n_synth(fresh_data(50, 7), 3) == math.inf
    assert admissible_n_synth(fresh_data(1, 7, bias=0.5), 3) == math.inf
    # d >> n_real: even a collapsed model beats the fit
    assert admissible_n_synth(fresh_data(2, 1, bias=0.5), 100) == math.inf
    assert admissible_n_synth_limit(1.0, 3) == math.inf
    near = admissible_n_synth(fresh_data(100, 1, bias=1 - 1e-9), 3)
    assert 1e9 < near < math.inf


@pytest.mark.parametrize(
    "kind", [{"ddof": 0}, {"memory": 3}, {"memory": 9}, {"ddof": 0, "memory": 5}]
)
def test_without_bias_no_number_is_too_many_whatever_rounding_says(kind):
    found = worth.admissible_interval(fresh_data(50, 20, **kind), [1.0] * 3)
    assert (found.value, found.lower, found.upper) == (math.inf, math.inf, math.inf)


def test_the_search_stays_where_limits_can_be_solved() -> None:
    # At 10^13 synthetic samples these loops forget by 10^-12 a generation, and float64 calls their
    # distance infinite: no n_synth is too many there, or not even a few are few enough.
    never = [
        fresh_data(1000, 1, memory=2),
        fresh_data(1000, 1, memory=16),
        Loop(n_initial=30, n_fixed=30, n_fresh=30, n_synth=1),
    ]
    assert [admissible_n_synth(loop, 3) for loop in never] == [math.inf] * len(never)
    pool = synthetic_augmentation(1000, 1, pool="accumulate", pool_cap=2)
    found = worth.admissible_interval(pool, 3)
    assert found.lower == 0.0
    assert found.value < found.upper < 10.0
    # Nine samples in 40 dimensions are worse than a point: so is no loop that shrinks to one.
    assert admissible_n_synth(synthetic_augmentation(9, 1, bias=0.999999, ddof=0), 40) == math.inf


def test_as_good_as_the_baseline_is_admissible() -> None:
    assert admissible._last_pass(lambda n: 0.0, 64, 1) == math.inf
    assert admissible._last_pass(lambda n: n - 5.0, 64, 1) == 5.0


def test_what_is_known_narrows_the_search_to_the_last_pass() -> None:
    asked = []

    def excess(n: int) -> float:
        asked.append(n)
        return n**3 - 700.5**3

    plain = admissible._last_pass(excess, 4**7, 1)
    many, known = len(asked), [300, 690, 699, 702, 900]
    asked.clear()
    assert admissible._last_pass(excess, 4**7, 1, known) == plain
    assert 4**4 < 300 < 900 < 4**5
    assert set(asked) & {300, 690} == set()  # the last known one that passes ends it
    assert len(set(asked) - {*known}) <= many - 4


def test_what_fails_by_first_moments_costs_no_distance() -> None:
    asked = []

    def excess(n: int) -> float:
        asked.append(n)
        return n - 7.25

    assert admissible._last_pass(excess, 4**7, 1, (), lambda n: n > 9) == 7.25
    assert [n for n in asked if n > 9] == [16]  # the upper neighbour of the first that may pass


@pytest.mark.parametrize(
    "loop",
    [
        fresh_data(50, 1, bias=0.8),
        synthetic_augmentation(30, 1, bias=0.9, memory=2),
        Loop(n_initial=9, n_fixed=9, n_synth=1, bias=0.5, pool="accumulate", pool_cap=3, budget=8),
    ],
)
@pytest.mark.parametrize("s", [[1.0] * 2, [9.0, 2.0, 1.0]])
def test_first_moments_fail_only_what_is_beyond_the_baseline(loop: Loop, s: list[float]) -> None:
    """Their bound is below E W2^2, and decides where it is far above the baseline."""
    compared = admissible._Comparison(loop, Spectrum.of(s))
    failing = [n for n in (1, 10, 100, 10**4, 10**6) if compared.fails(n)]
    assert failing
    assert all(compared.excess(-1, n) > 0 for n in failing)
    assert not compared.fails(1)


@pytest.mark.parametrize("n_synth", [10**6, 30 * 10**6])
def test_the_bound_by_first_moments_is_sharp_where_nothing_varies(n_synth: int) -> None:
    loop, s = fresh_data(10**6, n_synth, bias=0.5), Spectrum.of([9.0, 2.0, 1.0])
    exact, least = distance.resummed_limit(loop, s), admissible._at_least(loop, s)
    assert least < float(exact.value)
    assert least == pytest.approx(float(exact.value), rel=1e-3)


def test_the_excess_errs_by_both_distances() -> None:
    loop, s = fresh_data(30, 20, bias=0.7, weight=0.8), Spectrum.of([9.0, 2.0, 1.0])
    risk, base = distance.resummed_limit(loop, s), spectrum.baseline(30, s)
    compared = admissible._Comparison(loop, s)
    most = float(risk.end(1) - base.end(-1)), float(risk.end(-1) - base.end(1))
    middle = float(risk.value - base.value)
    assert compared.excess(0, 20) == pytest.approx(middle, rel=1e-12)
    assert compared.excess(1, 20) - compared.excess(-1, 20) == pytest.approx(
        most[0] - most[1], rel=1e-9
    )


def test_many_samples_beside_a_budget_are_not_admissible() -> None:
    """Where even first moments diverge the distance was no number, which passed: 8 10^9."""
    loop = synthetic_augmentation(243_012, 22, pool="accumulate", pool_cap=3, budget=15_765)
    assert admissible_n_synth(loop, [1.0] * 2) == 0
    assert distance.w2_squared_limit(replace(loop, n_synth=8 * 10**9), [1.0] * 2).value == math.inf


def test_the_limit_beside_a_budget_says_what_rounding_leaves() -> None:
    """First moments alone, where 10^7 samples a generation blur second ones: it was .02 too large.

    Their ends: no covariance, and that of the limit along Sigma_0.
    """
    loop = synthetic_augmentation(
        10, 12_207_031, bias=0.9, pool="accumulate", pool_cap=8, budget=40
    )
    found, first = distance.w2_squared_limit(loop, [1.0] * 2), first_moments_limit(loop)
    low = 2 * (first.mean_sq + (1 - math.sqrt(first.trace)) ** 2)
    high = 2 * (first.mean_sq + 1 + first.trace)
    assert low * (1 - 1e-9) <= float(found.lower) <= float(found.value)
    assert float(found.value) <= float(found.upper) <= high * (1 + 1e-9)
    assert high / low < 1.002


def test_where_the_covariance_of_a_pool_dies_no_n_synth_is_admissible(monkeypatch) -> None:
    """Each limit took a second and more, and at n_synth = 1 there was none."""
    loop = synthetic_augmentation(50, 20, bias=0.5, pool="accumulate", budget=60)

    def asked(*_: object) -> None:
        raise AssertionError("a limit was computed")

    monkeypatch.setattr(admissible.distance, "resummed_limit", asked)
    assert worth.admissible_n_synth(loop, [1.0] * 3) == 0.0
