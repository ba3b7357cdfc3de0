"""The closed loop of modes against the chain of one count, and at any size."""

import math

import numpy as np
import pytest
from scipy import stats

from madtheory import modes
from madtheory.modes import survival
from madtheory.modes.survival import absorption_time, absorption_time_limit, fixation_time_limit

EQUAL = [1 / 25] * 25


@pytest.mark.parametrize("p", [0.04, 0.5, 0.9])
def test_survival_and_absorption_by_the_chain_of_one_count(p: float) -> None:
    n, steps = 80, 60
    dense = stats.binom.pmf(np.arange(n + 1)[None], n, np.arange(n + 1)[:, None] / n)
    law, lost = stats.binom.pmf(np.arange(n + 1), n, p), []
    start = law
    for _ in range(steps):
        lost.append(law[0])
        law = law @ dense
    np.testing.assert_allclose(
        modes.mode_survival(p, n, steps).value, 1 - np.array(lost), rtol=1e-12
    )
    inner = np.eye(n - 1) - dense[1:-1, 1:-1]
    times = np.linalg.solve(inner, np.ones(n - 1))
    assert absorption_time(p, n).value == pytest.approx(1 + start[1:-1] @ times, rel=1e-11)


def test_time_until_one_mode_is_left() -> None:
    # Summed from its law; 3,000 generations leave less than 1e-30 at n = 40.
    n = 40
    pending = 1 - modes.fixation_cdf(EQUAL, n, 3_000).value
    assert modes.fixation_time(EQUAL, n).value == pytest.approx(1 + pending.sum(), rel=1e-12)
    two = modes.fixation_time([0.3, 0.7], n).value
    assert two == pytest.approx(float(absorption_time(0.3, n).value), rel=1e-12)
    # theory.md 4.1 gives the limit, 489.9; the exact mean is half a percent less.
    assert fixation_time_limit(EQUAL, 250) == pytest.approx(489.9, abs=0.05)
    assert modes.fixation_time(EQUAL, 250).value == pytest.approx(487.3147, abs=1e-4)


def test_the_limits_are_approached_like_one_over_n() -> None:
    gaps = [
        float(modes.fixation_time(EQUAL, n).value) / fixation_time_limit(EQUAL, n) - 1
        for n in (1_000, 10_000, 100_000)
    ]
    assert -0.002 < gaps[0] < 0 > gaps[1] > 8 * gaps[0]
    assert abs(gaps[2]) < 0.15 * abs(gaps[1])
    exact = float(absorption_time(0.1, 4_000).value)
    assert exact == pytest.approx(absorption_time_limit(0.1, 4_000), rel=2e-3)


def test_many_samples_enter_the_chain_by_a_normal_law(monkeypatch: pytest.MonkeyPatch) -> None:
    n, steps, p = 6_000, 200, np.array([1 / 25, 1e-3, 1 / 6_000, 1e-5])
    exact = modes.mode_survival(p, n, steps)
    time = float(modes.fixation_time(EQUAL, n).value)
    assert not exact.rel_error.any()
    monkeypatch.setattr(survival, "EXACT", 1_500)
    survival._ancestors.cache_clear()
    try:
        near = modes.mode_survival(p, n, steps)
        near_time = float(modes.fixation_time(EQUAL, n).value)
    finally:
        survival._ancestors.cache_clear()
    assert (near.rel_error == 1e-8).all()
    # The error falls like EXACT^-2 (it is of third order in the number of ancestors).
    allowed = 1e-8 * (8_192 / 1_500) ** 2
    error = np.abs(near.value / exact.value - 1).max()
    assert 1e-12 < error < allowed
    assert near_time == pytest.approx(time, rel=allowed)


def test_at_any_size() -> None:
    late = modes.mode_survival(0.04, 10**7, 3)
    np.testing.assert_allclose(late.value, 1.0)
    assert modes.mode_survival(1e-7, 10**7, 1).value[0] == pytest.approx(-math.expm1(-1), rel=1e-6)
    assert modes.mode_survival([0.0, 1.0], 1, 2).value.tolist() == [[0, 0], [1, 1]]
    assert modes.surviving_mean(1, 3, 2).value.tolist() == [1, 1]
    assert modes.heterozygosity(4, 1, 3).tolist() == [0, 0, 0]
    assert modes.fixation_time([1.0], 5).value == absorption_time(0.0, 5).value == 0


def test_weights_are_sorted_once_however_many_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10^9 samples 244,000 generations are looked at; 10^7 weights take a second to sort."""
    sorted_, unique = [], np.unique
    monkeypatch.setattr(
        np, "unique", lambda *given, **how: sorted_.append(1) or unique(*given, **how)
    )
    time = modes.fixation_time(EQUAL, 10**6).value
    assert time == pytest.approx(fixation_time_limit(EQUAL, 10**6), rel=1e-4)
    assert modes.fixation_cdf(EQUAL, 10**5, 30).value[-1] == 0
    assert len(sorted_) == 2
