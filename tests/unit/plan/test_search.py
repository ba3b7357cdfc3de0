"""Searches over counts and weights, with what errors leave open."""

import math

import pytest

from madtheory.plan import search
from madtheory.results import Estimate


def exact(value: float) -> Estimate:
    return Estimate.exact(value)


@pytest.mark.parametrize(
    ("roots", "expected"),
    [((30, 2000), (30.0, 2000.0)), ((1, 5), (1.0, 5.0)), ((700, 10**6), (700.0, 10.0**6))],
)
def test_the_ends_of_a_run(roots: tuple[int, int], expected: tuple[float, float]) -> None:
    found = search.last_run(lambda n: (n - roots[0]) * (n - roots[1]), 1, 10**6)
    assert found == expected


def test_only_the_last_of_two_runs() -> None:
    def excess(n: int) -> float:
        return -1.0 if n <= 8 or 100 <= n <= 5000 else 1.0

    assert search.last_run(excess, 1, 10**6) == (100.0, 5000.0)
    assert search.last_run(excess, 2, 50) == (2.0, 8.0)


def test_no_run_and_a_run_to_the_bottom_and_top() -> None:
    assert all(math.isnan(x) for x in search.last_run(lambda n: 1.0, 2, 1000))
    assert search.last_run(lambda n: -1.0, 2, 1000) == (2.0, 1000.0)


def test_a_run_that_ends_does_not_last() -> None:
    def at(n: int, side: int) -> float:
        return -1.0 if n <= 8 or n >= 5000 + 100 * side else 1.0

    assert search.last_sufficient(at, 2, 4000, lasting=False) == search.Range(2.0, 2.0, 2.0)
    assert math.isnan(search.last_sufficient(at, 2, 4000, lasting=True).value)
    assert search.last_sufficient(at, 2, 5050, lasting=True) == search.Range(5000, 4900, math.inf)
    assert search.last_sufficient(at, 2, 9999, lasting=True) == search.Range(5000, 4900, 5100)


def test_the_first_of_two_runs_is_the_least() -> None:
    def at(n: int, side: int) -> float:
        return -1.0 if 5 <= n <= 40 or n >= 5000 + 100 * side else 1.0

    assert search.first_sufficient(at, 1, 10**6) == search.Range(5, 5, 5)
    assert search.first_sufficient(at, 7, 10**6) == search.Range(7, 7, 7)
    assert search.first_sufficient(at, 50, 10**6) == search.Range(5000, 4900, 5100)


def test_errors_enclose_where_a_count_begins_to_suffice() -> None:
    def at(n: int, side: int) -> float:
        return math.log(100 / n) + 0.1 * side

    found = search.first_sufficient(at, 1, 10**6)
    assert (found.value, found.lower, found.upper) == (100, 91, 111)


def test_what_may_never_suffice_has_no_upper_end() -> None:
    found = search.first_sufficient(lambda n, side: 1 / n - 1e-3 + 1e-3 * side, 1, 10**6)
    assert (found.value, found.lower, found.upper) == (1000, 500, math.inf)
    none = search.first_sufficient(lambda n, side: 1.0, 1, 1000)
    assert math.isnan(none.value)


@pytest.mark.parametrize("best", [1, 3, 77, 4096, 100_000])
def test_the_least_risk(best: int) -> None:
    found = search.least(lambda n: exact(1 + math.log(n / best) ** 2), 10**5)
    assert abs(found / best - 1) < 2e-3


@pytest.mark.parametrize("best", range(1, 40))
def test_the_least_risk_of_small_counts_is_exact(best: int) -> None:
    assert search.least(lambda n: exact(1 + math.log(n / (best + 0.3)) ** 2), 10**5) == best


def test_counts_that_double_have_none_twice() -> None:
    for k in range(53):
        powers = [2**i for i in range(k + 1)]
        assert search.doubled(2**k) == powers
        assert search.doubled(2**k + 1) == [*powers, 2**k + 1]


def test_what_is_not_certain_to_be_worse() -> None:
    """Risk (log w)^2 + 1 with an error of 2 %: weights up to where it is 1.02/.98."""

    def risk(w: float) -> Estimate:
        return Estimate.declared(1 + math.log(w) ** 2, 0.02)

    found = search.not_worse(risk, 1.0, 1e-6, 1e6, whole=False)
    edge = math.exp(math.sqrt(1.02 / 0.98 - 1))
    assert edge < found.upper < 1.05 * edge
    assert edge < 1 / found.lower < 1.05 * edge
    assert search.not_worse(risk, 1.0, 0.9, 1.1, whole=False) == search.Range(1.0, 0.9, 1.1)


def test_counts_that_may_be_as_good_are_whole() -> None:
    def risk(n: float) -> Estimate:
        return Estimate.declared(1 + math.log(n / 20) ** 2, 0.02)

    found = search.not_worse(risk, 20, 1, 10**5, whole=True)
    assert found == search.Range(20, 16, 25)  # 20 e^-.2 = 16.3 and 20 e^.2 = 24.4, outwards


@pytest.mark.parametrize(("side", "expected"), [(0, 0.5), (1, 0.55 / 0.95), (-1, 0.45 / 1.05)])
def test_errors_of_a_ratio_add(side: int, expected: float) -> None:
    risk, allowed = Estimate.declared(1.0, 0.1), Estimate.declared(2.0, 0.05)
    assert search.log_ratio(risk, allowed, side) == pytest.approx(math.log(expected), rel=1e-12)


def test_an_error_that_reaches_zero_certifies_nothing() -> None:
    wide = Estimate.declared(1.0, 2.0)
    assert search.log_ratio(wide, exact(1e-9), -1) == -math.inf
    assert search.log_ratio(exact(1.0), wide, 1) == math.inf


@pytest.mark.parametrize(("n_real", "gain"), [(10, 1.25), (4, 1.9), (7, 1.0), (30, 0.77)])
def test_the_allowed_risk_is_worth_its_gain(n_real: int, gain: float) -> None:
    from madtheory.covariance import Spectrum
    from madtheory.theory import worth

    s = Spectrum.of(3)
    found = search.allowed_risk(n_real, gain, s)
    n_eff = worth.effective_sample_size(float(found.value), [1.0] * 3)
    assert n_eff == pytest.approx(gain * n_real, rel=1e-12)
    assert found.lower <= found.value <= found.upper


@pytest.mark.parametrize(("n_real", "gain"), [(1, 1.0), (1, 0.001), (3, 0.5)])
def test_the_allowed_risk_of_less_than_two_samples_is_that_of_n_e(n_real: int, gain: float) -> None:
    """As much larger as n_e goes on beyond the baseline of two."""
    from madtheory.covariance import Spectrum
    from madtheory.spectrum import baseline
    from madtheory.theory import worth

    s = Spectrum.of([3.0, 1.0])
    found, two = search.allowed_risk(n_real, gain, s), baseline(2, s)
    n_eff = worth.effective_sample_size(float(found.value), [3.0, 1.0])
    assert n_eff == pytest.approx(gain * n_real, rel=1e-12)
    for end in (-1, 1):
        assert found.end(end) == pytest.approx(2 / (gain * n_real) * two.end(end), rel=1e-12)
