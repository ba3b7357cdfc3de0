"""The planner: each number by a second route, and the edges of what can be asked."""

import functools
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from madtheory import spectrum
from madtheory.covariance import Spectrum
from madtheory.loop import Loop, UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.plan import Answer, Plan, plan_loop, planner, required_n_real, worth_of
from madtheory.results import Estimate
from madtheory.theory import collapse, distance, worth

#: dim, n_real, bias.
CASES = [(1, 50, 0.5), (10, 100, 0.9), (40, 30, 0.8), (3, 20, 0.0)]


@pytest.fixture(scope="module")
def plans() -> dict[tuple[int, int, float], Plan]:
    return {case: plan_loop(case[0], n_real=case[1], bias=case[2]) for case in CASES}


def gain(dim: int, n_real: int, n_synth: int, bias: float) -> float:
    return worth.gain(fresh_data(n_real, n_synth, bias=bias), np.ones(dim))


def before(dim: int, *, n_real: int, bias: float, target: float | None = None) -> dict[str, Answer]:
    """What a plan knows of every n_synth, before it takes one."""
    return planner._before(planner._checked(Spectrum.of(dim), n_real, bias, None, target, 0.01))


@functools.cache
def at_300() -> Plan:
    return plan_loop(10, n_real=100, bias=0.9, n_synth=300)


def whole(x: Answer) -> bool:
    return x.lower <= x.value <= x.upper


@pytest.mark.parametrize("case", CASES)
def test_every_number_lies_in_its_interval_and_has_a_status(
    plans: dict[tuple[int, int, float], Plan], case: tuple[int, int, float]
) -> None:
    for name, x in plans[case].answers.items():
        assert whole(x), name
        assert x.status in ("exact", "asymptotic")


@pytest.mark.parametrize("case", CASES)
def test_no_other_count_is_worth_more_than_the_best(
    plans: dict[tuple[int, int, float], Plan], case: tuple[int, int, float]
) -> None:
    dim, n_real, bias = case
    answers = plans[case].answers
    best, most = answers["best_n_synth"], answers["best_gain"]
    assert most.value == pytest.approx(gain(dim, n_real, int(best.value), bias), rel=1e-9)
    others = {round(best.value * x) for x in (0.2, 0.5, 0.8, 0.95, 1.05, 1.25, 2, 5)} - {0}
    assert all(gain(dim, n_real, n, bias) <= most.value * (1 + 1e-6) for n in others)
    # What is outside the interval is worse for certain.
    for n in (round(best.lower / 1.2), round(best.upper * 1.2)):
        if best.lower > n >= 1 or n > best.upper:
            assert worth_of(fresh_data(n_real, 1, bias=bias), dim, n).lower < most.upper
            assert gain(dim, n_real, n, bias) < most.lower * (1 + 1e-9)


@pytest.mark.parametrize("case", CASES)
def test_admissible_and_gain_agree(
    plans: dict[tuple[int, int, float], Plan], case: tuple[int, int, float]
) -> None:
    """At the admissible n_synth the loop is worth its real data, within the errors."""
    dim, n_real, bias = case
    most = plans[case].answers["admissible_n_synth"]
    if most.value < math.inf:
        low, high = (
            worth_of(fresh_data(n_real, 1, bias=bias), dim, n)
            for n in (math.floor(most.value), math.ceil(most.value))
        )
        assert low.upper >= 0.999
        assert high.lower <= 1.001


def test_the_loop_is_the_one_asked_for_or_the_best(
    plans: dict[tuple[int, int, float], Plan],
) -> None:
    found = plans[10, 100, 0.9]
    assert found.loop == fresh_data(100, int(found.answers["best_n_synth"].value), bias=0.9)
    other = plan_loop(10, n_real=100, bias=0.9, n_synth=3000)
    assert other.loop.n_synth == 3000
    assert other.fate == "worse than real"
    assert other.answers["n_eff"].value == pytest.approx(100 * gain(10, 100, 3000, 0.9), rel=1e-9)
    assert other.answers["n_eff"].value == pytest.approx(100 * other.answers["gain"].value)
    risk = distance.w2_squared_limit(other.loop, 10)
    assert other.answers["w2_squared"].value == risk.value
    assert other.answers["w2_squared"].lower == risk.end(-1)
    assert other.answers["w2_squared"].upper == risk.end(1)


def test_the_floor_is_the_limit_at_this_share() -> None:
    found = at_300().answers
    large = distance.w2_squared_limit(fresh_data(10**8, 3 * 10**8, bias=0.9), 10)
    assert found["floor"].value == pytest.approx(float(large.value), rel=1e-5)
    assert found["floor"].value < found["w2_squared"].lower


def test_the_best_weight_and_memory_are_worth_more_than_none() -> None:
    found = at_300().answers
    loop = fresh_data(100, 300, bias=0.9)
    best = worth.best_weight(loop, 10)
    assert found["optimal_weight"].value == best.weight
    weighted = fresh_data(100, 300, bias=0.9, weight=best.weight)
    assert found["optimal_weight_gain"].value == pytest.approx(worth.gain(weighted, np.ones(10)))
    gains = {
        K: worth.gain(fresh_data(100, 300, bias=0.9, memory=K), np.ones(10))
        for K in planner.MEMORIES
    }
    assert found["memory"].value == max(gains, key=lambda K: gains[K])
    assert found["memory_gain"].value == pytest.approx(max(gains.values()))
    assert found["optimal_weight_gain"].lower > found["gain"].upper


# --- what holds a given n_synth -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dim", "n_synth", "bias"), [(1, 500, 0.9), (10, 700, 0.9), (5, 45, 0.5), (10, 1500, 0.9)]
)
def test_required_real_data_are_the_inverse_of_admissible_synthetic_data(
    dim: int, n_synth: int, bias: float
) -> None:
    found = required_n_real(dim, n_synth=n_synth, bias=bias)
    # By the other route: admissible n_synth at the ends of the interval encloses n_synth.
    low, high = (
        worth.admissible_interval(fresh_data(int(n), 1, bias=bias), dim)
        for n in (found.lower - 1, min(found.upper, 10**9))
    )
    assert low.lower <= n_synth * 1.001
    assert high.upper >= n_synth * 0.999
    middle = worth.admissible_n_synth(fresh_data(int(found.value), 1, bias=bias), dim)
    assert middle == pytest.approx(n_synth, rel=0.01)
    assert whole(found)


def test_more_than_the_limit_is_held_by_no_number() -> None:
    found = required_n_real(10, n_synth=1585, bias=0.9)
    assert math.isnan(found.value)
    assert found.reason is not None
    assert "as n_real grows, only up to 1584 synthetic ones do no harm" in found.reason
    assert required_n_real(10, n_synth=1570, bias=0.9).value > 100_000


def test_little_synthetic_data_is_held_by_any_number() -> None:
    found = plan_loop(10, n_real=100, bias=0.9, n_synth=50)
    assert found.answers["required_n_real"].value == 2
    assert any("every n_real from 2 on holds n_synth = 50" in text for text in found.remarks)
    assert required_n_real(3, n_synth=10**6, bias=1.0).value == 2


@pytest.mark.parametrize(
    ("dim", "bias", "target", "n_synth"),
    [(6, 0.3, 0.5, 10**5), (6, 0.9, 0.9, 10**6), (2, 0.5, 0.5, 10**7)],
)
def test_a_gain_below_one_is_held_by_every_larger_n_real(
    dim: int, bias: float, target: float, n_synth: int
) -> None:
    """Two real samples have it too, twenty do not: it is not held from two on."""
    found = required_n_real(dim, n_synth=n_synth, bias=bias, gain=target)
    n = found.value
    assert gain(dim, 2, n_synth, bias) > target > gain(dim, 20, n_synth, bias)
    assert gain(dim, int(0.9 * n), n_synth, bias) < target <= gain(dim, int(n), n_synth, bias)
    assert all(gain(dim, int(k * n), n_synth, bias) > target for k in (1.1, 10, 100))
    assert found.lower <= n <= found.upper < 1.001 * n


@pytest.mark.parametrize(
    ("dim", "bias", "target", "n_synth", "most"),
    [(6, 0.3, 0.5, 10**15, 2**52), (10, 0.9, 1.0, 1583, 1_583_000)],
)
def test_what_the_largest_number_does_not_hold_is_not_said_to_be_held(
    dim: int, bias: float, target: float, n_synth: int, most: int
) -> None:
    found = required_n_real(dim, n_synth=n_synth, bias=bias, gain=target)
    assert math.isnan(found.value)
    assert found.reason == (
        f"n_real = {most}, the largest that is looked at, is not worth {target:g} times itself "
        f"with n_synth = {n_synth}"
    )


def test_a_gain_is_required_of_a_range_of_real_data() -> None:
    """d = 10, λ = .9, n_synth = 300: by the gains themselves, one by one."""
    found = required_n_real(10, n_synth=300, bias=0.9, gain=1.2)
    n = int(found.value)
    assert gain(10, n, 300, 0.9) >= 1.2 > gain(10, n - 1, 300, 0.9)
    assert 50 < n < 100
    assert found.lower <= n <= found.upper


# --- a target -------------------------------------------------------------------------------------


def test_the_least_count_that_reaches_a_target() -> None:
    found = plan_loop(10, n_real=100, bias=0.9, target_gain=1.3)
    n = int(found.answers["target_n_synth"].value)
    assert found.loop.n_synth == n
    assert gain(10, 100, n, 0.9) >= 1.3 > gain(10, 100, n - 1, 0.9)
    assert whole(found.answers["target_n_synth"])


@pytest.mark.parametrize(("bias", "target"), [(0.961, 0.001), (0.9977, 0.9), (1.0, 0.85)])
def test_the_least_count_for_one_real_sample(bias: float, target: float) -> None:
    """Less than two samples are worth what n_e says; errors may leave every count open."""
    known = planner._before(planner._checked(Spectrum.of(1), 1, bias, None, target, 0.01))
    found = known["target_n_synth"]
    n = int(found.value)
    assert gain(1, 1, n, bias) >= target
    assert all(gain(1, 1, k, bias) < target for k in range(1, n))
    loop = fresh_data(1, 1, bias=bias)
    assert worth_of(loop, 1, int(found.lower)).upper >= target
    assert found.upper == math.inf or worth_of(loop, 1, int(found.upper)).lower >= target


@pytest.mark.full
def test_a_best_weight_that_serves_worse_than_none_says_so() -> None:
    worse = plan_loop(6, n_real=100, bias=0.9, n_synth=10)
    assert worse.answers["optimal_weight_gain"].upper < worse.answers["gain"].lower
    assert (
        "the best weight of real data serves no better than one fit to all samples without a "
        "weight: the gain is 1.0945 with it, 1.0972 without"
    ) in worse.remarks
    better = plan_loop(6, n_real=100, bias=0.9, n_synth=300)
    assert better.answers["optimal_weight_gain"].lower > better.answers["gain"].upper
    assert not any("serves no better" in text for text in better.remarks)


@pytest.mark.parametrize("target", [1e-3, 1e-200, 5e-324])
def test_a_target_that_any_count_reaches(target: float) -> None:
    large = Spectrum.of(np.full(1, 1e200))
    known = planner._before(planner._checked(large, 1, 0.961, None, target, 0.01))
    assert known["target_n_synth"] == Answer(1.0, 1.0, 1.0)
    assert required_n_real(1, n_synth=9, bias=0.9, gain=target).value == 2


def test_a_target_out_of_reach_says_how_far_one_gets() -> None:
    found = plan_loop(10, n_real=100, bias=0.9, target_gain=3.0)
    missing = found.answers["target_n_synth"]
    assert math.isnan(missing.value)
    most, best = found.answers["best_gain"].value, found.answers["best_n_synth"].value
    assert missing.reason == (
        f"a gain of 3 is out of reach: it is at most {most:.4g}, at n_synth = {best:.6g}"
    )
    assert found.loop.n_synth == best
    unbiased = before(3, n_real=1000, bias=1.0, target=2.5)["target_n_synth"]
    assert unbiased.reason is not None
    assert unbiased.reason.endswith("however many there are")


def test_where_none_helps_by_value_errors_stay_open() -> None:
    """d = 1, one real sample, λ = 1: of 1 to 30 synthetic ones some are known to half only."""
    request = planner._checked(Spectrum.of(1), 1, 1.0, None, 0.95, 0.01)
    known = planner._before(request)
    best, most = known["best_n_synth"], known["best_gain"]
    others = [worth_of(fresh_data(1, 1), 1, n) for n in (1, 4, 30, 1000)]
    assert (best.value, best.lower, best.upper) == (0, 0, math.inf)
    assert (most.value, most.lower, most.status) == (1, 1, "asymptotic")
    assert most.upper >= max(x.upper for x in others) > 1.5 > 1 > max(x.value for x in others)
    assert known["target_n_synth"].reason == (
        "no n_synth from 1 on is known to reach a gain of 0.95: it is 1 without synthetic data"
    )


@pytest.mark.parametrize(
    ("error", "upper", "status"), [(1e-4, 0, "exact"), (0.03, 4, "asymptotic")]
)
def test_what_never_helps_for_certain_and_what_may(error: float, upper: int, status: str) -> None:
    """Risks of 1.02, 1.03, 1.05, ... the baseline of 100: an error of 3 % leaves 1 and 2 open."""
    s = Spectrum.of(2)
    base = float(spectrum.baseline(100, s).value)

    def limit(loop: Loop) -> Estimate:
        return Estimate.declared(base * (1.01 + 0.01 * loop.n_synth), error)

    asked = planner._checked(s, 100, 0.9, None, None, 0.01)
    found = planner._best(replace(asked, limit=limit))
    best, most = found["best_n_synth"], found["best_gain"]
    assert (best.value, best.lower, best.upper) == (0, 0, upper)
    assert (most.value, most.lower, most.status) == (1, 1, status)
    assert (most.upper > 1.005) == (upper > 0)


def test_a_target_within_what_errors_leave_is_not_ruled_out() -> None:
    gain = Answer(1.0, 1.0, 1.5)
    best = Answer.exact(0.0)
    missed = planner._missed
    assert missed(1.5, best, gain).startswith("a gain of 1.5 is out of reach, as far as is known:")
    assert missed(1.6, best, gain).startswith("a gain of 1.6 is out of reach: it is at most 1, at")
    assert missed(1.0, best, gain).startswith("no n_synth from 1 on is known to reach a gain of 1:")


def test_a_huge_target_is_out_of_reach() -> None:
    found = plan_loop(2, n_real=10, bias=0.9, target_gain=1e13).answers
    for name in ("target_n_synth", "required_n_real"):
        assert math.isnan(found[name].value)
        assert "1e+13" in str(found[name].reason)


# --- edges ----------------------------------------------------------------------------------------


def test_a_best_count_that_no_look_has_bounded_is_open_above() -> None:
    found = before(1, n_real=2, bias=1.0)["best_n_synth"]
    assert found.lower <= found.value < found.upper == math.inf


def test_hardly_any_variance_is_left_as_with_none() -> None:
    none, hardly = (plan_loop(3, n_real=50, bias=x).collapse_time for x in (0.0, 1e-300))
    assert none == hardly


@pytest.mark.full
def test_without_bias_more_always_helps_up_to_twice() -> None:
    found = plan_loop(2, n_real=1000, bias=1.0)
    best, most = found.answers["best_n_synth"], found.answers["best_gain"]
    assert best.value == found.answers["admissible_n_synth"].value == math.inf
    assert best.reason == "more always helps"
    # The lower end is one that is not certain to be worse.
    near = worth_of(found.loop, 2, 2 * int(best.lower))
    assert best.lower < 0.1 * planner.MOST * 1000
    assert near.upper >= most.lower > worth_of(found.loop, 2, best.lower // 2).upper
    assert most.value == pytest.approx(2, rel=5e-3)
    # As few as come within a twentieth of it.
    assert gain(2, 1000, found.loop.n_synth, 1.0) >= 0.95 * most.value
    assert gain(2, 1000, found.loop.n_synth - 500, 1.0) < 0.95 * most.value
    assert any("at most twice n_real" in text for text in found.remarks)


def test_no_fresh_data_is_mad() -> None:
    found = plan_loop(10, n_real=0, bias=0.9, n_synth=100)
    assert found.loop == fully_synthetic(100, bias=0.9)
    assert found.fate == "collapse"
    assert found.answers["admissible_n_synth"].value == 0
    assert math.isnan(found.answers["gain"].value)
    assert found.answers["gain"].reason == planner.NO_REAL
    assert "target_n_synth" not in found.answers
    asked = plan_loop(10, n_real=0, bias=0.9, n_synth=100, target_gain=1.3)
    assert asked.answers["target_n_synth"].reason == planner.NO_REAL
    assert found.answers["floor"].value == pytest.approx(10 * (1 + 1 / (100 * 0.1)), rel=1e-12)
    half_life = collapse.half_life(found.loop)
    assert any(f"halve every {half_life:.4g} generations" in text for text in found.remarks)
    assert (
        found.answers["required_n_real"].value == required_n_real(10, n_synth=100, bias=0.9).value
    )


def test_no_fresh_data_and_no_bias_walks_for_ever() -> None:
    found = plan_loop(2, n_real=0, bias=1.0, n_synth=10)
    assert found.answers["w2_squared"].value == math.inf
    assert found.answers["w2_squared"].status == "exact"
    assert found.answers["n_eff"].value == 0


def test_nothing_is_left_at_no_variance() -> None:
    found = plan_loop(2, n_real=0, bias=0.0, n_synth=10)
    assert any("nothing is left after generation 1" in text for text in found.remarks)
    assert found.collapse_time is not None
    assert found.collapse_time.upper == (2.0, 2.0, 2.0)


def test_the_time_to_collapse_is_exact_in_one_dimension_and_declared_in_others() -> None:
    one = plan_loop(1, n_real=0, bias=0.9, n_synth=10).collapse_time
    assert one is not None
    expected = collapse.first_passage_cdf(0.01, fully_synthetic(10, bias=0.9), generations=100)
    by_cdf = tuple(float(1 + (expected < q).sum()) for q in (0.05, 0.5, 0.95))
    assert (one.quantiles, one.rel_error, one.status) == (by_cdf, (0.0, 0.0, 0.0), "exact")
    many = plan_loop(4, n_real=0, bias=0.9, n_synth=10, eps=0.1).collapse_time
    assert many is not None
    found = collapse.collapse_time(fully_synthetic(10, bias=0.9), 4, eps=0.1, q=(0.05, 0.5, 0.95))
    parts = (many.quantiles, many.lower, many.upper, many.rel_error)
    fields = (found.value, found.lower, found.upper, found.rel_error)
    assert parts == tuple(tuple(x) for x in fields)
    assert many.status == "asymptotic"


def test_with_fresh_data_the_first_fit_is_to_them() -> None:
    found = plan_loop(1, n_real=20, bias=0.9, n_synth=50).collapse_time
    assert found is not None
    alone = fully_synthetic(50, bias=0.9, n_initial=20)
    low, _ = collapse.collapse_time_quantiles(alone, 1, eps=0.01, q=(0.05, 0.5, 0.95))
    assert found.lower == tuple(low)


def test_one_synthetic_sample_has_no_collapse_and_no_weight() -> None:
    found = plan_loop(3, n_real=20, bias=1.0, n_synth=1)
    assert found.collapse_time is None
    assert found.answers["optimal_weight"].status == "not computed"
    assert "two synthetic samples" in str(found.answers["optimal_weight"].reason)


def test_one_real_sample_and_fewer_than_dimensions() -> None:
    one = plan_loop(3, n_real=1, bias=0.8)
    assert one.answers["admissible_n_synth"].value == math.inf
    few = plan_loop(20, n_real=20, bias=0.8, n_synth=10)
    assert any("singular fit" in text for text in few.remarks)
    assert not any("singular" in x for x in plan_loop(19, n_real=20, bias=0.8, n_synth=10).remarks)


def test_any_spectrum_and_its_scale() -> None:
    s = np.array([5.0, 1.0, 0.2, 0.0])
    one, other = (plan_loop(c * s, n_real=50, bias=0.9, n_synth=100).answers for c in (1, 7))
    for name in ("gain", "admissible_n_synth", "memory", "required_n_real"):
        assert other[name].value == pytest.approx(one[name].value, rel=1e-6)
    # Where an optimum is, is known to the root of what its height is known to.
    assert other["optimal_weight"].value == pytest.approx(one["optimal_weight"].value, rel=1e-5)
    assert other["w2_squared"].value == pytest.approx(7 * one["w2_squared"].value, rel=1e-9)
    assert one["gain"].value == pytest.approx(worth.gain(fresh_data(50, 100, bias=0.9), s))
    assert spectrum.baseline(50, s).value > one["w2_squared"].value


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"n_real": -1}, "n_real must be at least 0, got -1"),
        ({"n_real": 0}, "n_synth must be given without fresh data, got n_real = 0 alone"),
        ({"n_real": 0, "n_synth": 1}, "n_synth must be at least 2, got 1"),
        ({"n_real": 5, "n_synth": 0}, "n_synth must be at least 1, got 0"),
        ({"n_real": 5, "bias": 1.1}, r"bias must be a finite number in \[0, 1\], got 1.1"),
        ({"n_real": 5, "target_gain": 0}, "target_gain must be a finite number above 0, got 0"),
        ({"n_real": 5, "target_gain": 1e300}, "target_gain times n_real must be at most"),
        ({"n_real": 5, "eps": 1.0}, r"eps must be a finite number in \(0, 1\), got 1"),
    ],
)
def test_bad_input(asked: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        plan_loop(3, **asked)  # type: ignore[arg-type]


def test_any_gain_below_the_best_is_reached_with_few_real_samples() -> None:
    """Of 4 real samples a gain of 1.9 is 7.6, not 8: the most that the best is worth is 7.89."""
    request = planner._checked(Spectrum.of(3), 4, 1.0, None, 1.9, 0.01)
    known = planner._before(request)
    least = int(known["target_n_synth"].value)
    assert gain(3, 4, least, 1.0) >= 1.9 > gain(3, 4, least - 1, 1.0)
    del known["target_n_synth"]
    most = known["best_gain"].value
    used = planner._used(request, known)
    assert gain(3, 4, used, 1.0) >= planner.NEAR * most > gain(3, 4, used - 1, 1.0)


def test_what_is_not_worse_up_to_the_last_number_looked_at_has_no_upper_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def all_of_them(risk, best, bottom, top, *, whole):  # type: ignore[no-untyped-def]
        return planner.search.Range(best, bottom, top)

    def limit(loop: Loop) -> Estimate:
        off = math.log(loop.n_synth / 50) ** 2
        return Estimate.declared(np.asarray(0.01 * (1 + 0.1 * off)), 1e-3)

    monkeypatch.setattr(planner.search, "not_worse", all_of_them)
    asked = planner._checked(Spectrum.of(2), 100, 0.9, None, None, 0.01)
    best = planner._best(replace(asked, limit=limit))["best_n_synth"]
    assert (best.value, best.lower, best.upper) == (50, 1, math.inf)


# -------------------------------------------------------------------------- questions, one by one
def asked(
    n_real: int = 9, bias: float = 0.9, target: float | None = None, limit: Any = None
) -> Any:
    return planner._Request(Spectrum.of(5), n_real, bias, None, target, 0.01, limit)


def test_memories_that_may_be_as_good_are_told() -> None:
    """Of errors of 2 %: .9 (1 - .02) may be less than .89 (1 + .02), .95 (1 - .02) is not."""
    risks = {1: 1.0, 2: 0.9, 3: 0.89, 5: 0.9, 10: 0.95, 20: 1.2}

    def limit(loop: Loop) -> Estimate:
        return Estimate.declared(risks[loop.memory], 0.02)

    found = planner._memory(asked(limit=limit), fresh_data(9, 4))
    assert found["memory"] == Answer(3, 2, 5)
    one = worth.effective_sample_size(0.89, [1.0] * 5) / 9
    assert found["memory_gain"].value == pytest.approx(one, rel=1e-12)


@pytest.mark.parametrize(
    ("n_real", "bias", "needed", "memory", "words"),
    [
        (9, 0.9, 3, 10, []),
        (9, 0.9, 2, 10, ["every n_real from 2 on"]),
        (9, 0.9, 3, 20, ["longer memory than 20"]),
        (9, 1.0, 3, 10, ["without bias no n_synth"]),
        (5, 0.9, 3, 10, ["n_real is at most the rank"]),
        (6, 0.9, 3, 10, []),
        (0, 0.9, 3, 10, ["without fresh data the loop goes MAD"]),
        (0, 1.0, 3, 10, ["without fresh data the loop goes MAD"]),
        (0, 0.0, 3, 10, ["without fresh data and at"]),
    ],
)
def test_remarks_where_they_are_due(
    n_real: int, bias: float, needed: int, memory: int, words: list[str]
) -> None:
    request = asked(n_real, bias)
    known = {"required_n_real": Answer.exact(needed), "memory": Answer.exact(memory)}
    said = planner._remarks(request, request.loop(4), known)
    assert len(said) == len(words)
    assert all(text.startswith(start) for text, start in zip(said, words, strict=True))


def test_a_target_above_one_is_no_promise_for_every_n_real() -> None:
    """Such a gain ends somewhere: at 60,437 synthetic samples and bias 0 five real ones lose."""
    found = plan_loop(5, n_real=5, bias=0.0, n_synth=60_437, target_gain=1.1)
    assert found.answers["required_n_real"].value == 2
    assert found.fate == "worse than real"
    assert not any("every n_real" in text for text in found.remarks)
    assert any("gain of 1.1 is reached from n_real = 2 on up to some" in x for x in found.remarks)
    low = plan_loop(5, n_real=5, bias=0.0, n_synth=60_437, target_gain=0.01)
    assert not any("every n_real" in text or "is reached" in text for text in low.remarks)


def test_the_count_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As asked, else as the target needs, else the best, else what brings 95 % of its gain."""
    gains: list[float] = []

    def sufficient(request: Any, gain: float) -> Any:
        gains.append(gain)
        return SimpleNamespace(value=77.0)

    monkeypatch.setattr(planner, "_sufficient_n_synth", sufficient)
    best, target, no = Answer.exact(30.0), Answer.exact(20.0), Answer.exact(math.nan)
    endless = {"best_n_synth": Answer.exact(math.inf), "best_gain": Answer.exact(2.0)}
    used = [
        planner._used(replace(asked(), n_synth=5), {"best_n_synth": best}),
        planner._used(asked(), {"best_n_synth": best, "target_n_synth": target}),
        planner._used(asked(), {"best_n_synth": best, "target_n_synth": no}),
        planner._used(asked(), {"best_n_synth": Answer.exact(1.0)}),
        planner._used(asked(), {"best_n_synth": Answer.exact(0.0)}),
        planner._used(asked(), endless),
        planner._used(asked(), {**endless, "best_gain": Answer.exact(1.01)}),
    ]
    assert used == [5, 20, 30, 1, 1, 77, 77]
    assert gains == [pytest.approx(1.9), 1.0]


@pytest.mark.parametrize(("n_real", "most"), [(0, 2**52), (1, 2**52), (2, 2**52), (4, 2**51)])
def test_a_target_is_a_count_at_most(n_real: int, most: float) -> None:
    s = Spectrum.of(2)
    assert planner._checked(s, n_real, 0.9, 3, float(most), 0.5).target == most
    with pytest.raises(ValueError, match="target_gain times n_real must be at most 9007199254"):
        planner._checked(s, n_real, 0.9, 3, most * (1 + 1e-12), 0.5)
    least = 1 if n_real else 2
    assert planner._checked(s, n_real, 0.9, least, None, 0.5).n_synth == least
    with pytest.raises(ValueError, match=f"n_synth must be at least {least}"):
        planner._checked(s, n_real, 0.9, least - 1, None, 0.5)


def test_a_collapse_time_is_exact_where_its_bounds_meet() -> None:
    time = planner.CollapseTime(0.1, (0.5,), (3.0,), (3.0,), (3.0,), (0.0,))
    assert time.status == "exact"
    assert replace(time, upper=(4.0,)).status == "asymptotic"
    # One sample has no covariance; the first fit is to the real data, without these to its own.
    assert planner._collapse_time(asked(), fresh_data(9, 1)) is None


def test_what_is_no_loop_or_no_number_of_samples_is_named() -> None:
    with pytest.raises(TypeError, match=r"^loop must be a Loop"):
        worth_of(0.5, 2, 10)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^n_synth must be an integer"):
        required_n_real(2, n_synth=np.ones(2), bias=0.9)  # type: ignore[arg-type]


def test_without_real_data_nothing_is_worth_a_share_of_it() -> None:
    with pytest.raises(UnsupportedLoop, match=r"loops with real data only, got none$"):
        worth_of(fully_synthetic(10), 2, 5)
