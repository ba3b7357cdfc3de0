"""Variance, support and heat (Shumailov): each verdict by a second route."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from madtheory.loop import (
    Loop,
    UnsupportedLoop,
    fresh_data,
    fully_synthetic,
    synthetic_augmentation,
)
from madtheory.theory import collapse, moments
from madtheory.theory.verdicts import (
    heats_up,
    support_is_lost,
    vanishes_exponentially,
    vanishing,
    variance_vanishes,
)
from tests.unit.theory.verdicts.paths import brute


def test_unsupported_loops_are_undecided_with_the_reason_as_a_sentence() -> None:
    found = variance_vanishes(Loop(n_initial=20, n_synth=20, memory=4, shrinkage=0.1))
    assert found.verdict is None
    assert "memory = 4" in found.reason
    assert found.status == "conjecture"


@pytest.mark.parametrize("ddof", [0, 1])
def test_critical_bias_separates_vanishing_from_heating(ddof: int) -> None:
    n = 8
    # E log of chi2_m/(n - ddof), by numerical integration: not the digamma of the package.
    law = stats.chi2(n - 1)
    drift = law.expect(lambda x: np.log(x / (n - ddof)))
    for shift in (-1e-4, 1e-4):
        bias = math.exp(-drift + shift)
        loop = fully_synthetic(n, bias=bias, ddof=ddof, allow_overdispersion=True)
        assert variance_vanishes(loop).verdict is (shift < 0)
        assert heats_up(loop).verdict is (shift > 0)
        found = vanishes_exponentially(loop)
        assert found.value == pytest.approx(shift, rel=1e-6)  # the integral's accuracy


def test_growing_pool_by_its_product_formula() -> None:
    # E tr S_(t+1) / E tr S_t = [(N - 1) + bias (n - 1 + N/(N + n))]/(N + n - 1), N = n t.
    n, bias, T = 10, 0.75, 100_000
    N = n * np.arange(1.0, T)
    trace = np.exp(np.cumsum(np.log(((N - 1) + bias * (n - 1 + N / (N + n))) / (N + n - 1))))
    slope = math.log(trace[-1] / trace[T // 2]) / math.log((T - 1) / (T // 2))
    loop = synthetic_augmentation(n, n, pool="accumulate", bias=bias)
    assert slope == pytest.approx(moments.pool_exponent(loop), abs=1e-4)
    assert variance_vanishes(loop).verdict is True
    assert vanishes_exponentially(loop).verdict is False
    assert variance_vanishes(replace(loop, bias=1.0)).verdict is False


@pytest.mark.parametrize(
    ("loop", "dim", "lost"),
    [
        (synthetic_augmentation(6, 8), 5, False),
        (synthetic_augmentation(4, 8), 5, True),
        (fresh_data(3, 8, n_initial=20), 5, False),
        (fresh_data(2, 3, n_initial=20), 5, True),
        (fully_synthetic(8), 5, True),
        (synthetic_augmentation(4, 8, pool="accumulate"), 5, True),
        (synthetic_augmentation(9, 8, pool="accumulate"), 5, False),
        (synthetic_augmentation(9, 8, pool="accumulate", budget=5), 5, True),
        (fully_synthetic(4, floor=0.1), 5, False),
        (Loop(n_initial=20, n_fixed=2, n_fresh=3, n_synth=5), 4, False),
    ],
)
def test_support_by_the_least_eigenvalue_of_brute_force_paths(
    loop: Loop, dim: int, lost: bool
) -> None:
    rng = np.random.default_rng(1)
    found = support_is_lost(loop, dim)
    assert found.verdict is lost
    # n x d data, run until what dies at a rate of 1/8 a generation and more is gone: the typical
    # least eigenvalue is at rounding, or where it was.
    least = [np.linalg.eigvalsh(brute(loop, dim, 250, rng)[-1])[0] for _ in range(5)]
    assert (np.median(least) < 1e-8) == lost


def test_two_fixed_samples_keep_a_variance_and_one_does_not() -> None:
    assert variance_vanishes(synthetic_augmentation(2, 5, bias=0.5)).verdict is False
    one = Loop(n_initial=2, n_fixed=1, n_synth=5, bias=0.5)
    assert variance_vanishes(one).verdict is True


def test_as_many_samples_as_directions_span_one_less() -> None:
    # Fixed: off their span nothing is real, and the loop forgets it.
    found = support_is_lost(synthetic_augmentation(5, 8, bias=0.9), 5)
    assert (found.verdict, found.value) == (True, 4)
    assert support_is_lost(synthetic_augmentation(6, 8, bias=0.9), 5).verdict is False
    # First samples of a loop that does not die.
    loop = fully_synthetic(8, n_initial=5, bias=1.5, allow_overdispersion=True)
    found = support_is_lost(loop, 5)
    assert (found.verdict, found.value) == (True, 4)
    assert found.reason == "no more directions than the first samples have"
    found = support_is_lost(replace(loop, n_initial=6), 5)
    assert found.reason == "log det Sigma_t has this drift"


def test_a_fit_has_its_fresh_samples_too() -> None:
    assert support_is_lost(fresh_data(3, 2), 4).verdict is False
    few = support_is_lost(fresh_data(2, 2), 4)
    assert (few.verdict, few.value) == (True, 3)


@pytest.mark.parametrize("value", [-0.001, 0.001])
def test_a_drift_within_its_error_of_zero_decides_nothing(
    value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    drift = SimpleNamespace(lower=value - 0.002, value=value, upper=value + 0.002)
    monkeypatch.setattr(collapse, "memory_rate", lambda loop: drift)
    with pytest.raises(UnsupportedLoop, match=r"above or below 0 by more than its error"):
        vanishing._remembering(Loop(n_initial=9, n_synth=9, memory=3), "collapse", rises=False)
