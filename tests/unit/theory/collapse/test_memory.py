"""The drift with several models in memory: its three terms, and simulations that set nothing."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import linalg

from madtheory.loop import Loop, UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory.collapse import memory_rate, rate
from madtheory.theory.verdicts import heats_up, variance_vanishes

TABLE = Path(__file__).parents[3] / "golden/theory/memory_rate.json"


def remembering(n: int, memory: int, bias: float = 1.0, **given: float) -> Loop:
    return Loop(n_initial=n, n_synth=n, memory=memory, bias=bias, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("memory", [2, 3, 4, 7, 12])
def test_how_far_the_means_scatter(memory: int) -> None:
    # Differences from the newest mean; each new one is the mean of all plus noise of variance 1.
    K = memory
    step = np.zeros((K, K))  # newest first
    step[0] = 1 / K
    step[1:, :-1] = np.eye(K - 1)
    less = np.eye(K) - np.outer(np.ones(K), np.eye(K)[0])
    noise = less[:, 0]
    # Of the differences alone the step is stable.
    covariance = linalg.solve_discrete_lyapunov(less @ step, np.outer(noise, noise))
    middle = np.eye(K) - 1 / K
    assert np.trace(middle @ covariance) / K == pytest.approx((K - 1) / (K + 1), rel=1e-12)


@pytest.mark.parametrize("memory", [2, 5, 9])
def test_a_change_of_scale_counts_by_the_mean_age(memory: int) -> None:
    # v' = h mean of the last K: its growth is g log h to first order.
    h = 1 + 1e-7
    powers = np.r_[1.0, -h / memory * np.ones(memory)]
    growth = max(np.roots(powers).real)
    assert math.log(growth) / math.log(h) == pytest.approx(2 / (memory + 1), rel=1e-5)


def test_simulated_drifts_that_set_nothing() -> None:
    rows = json.loads(TABLE.read_text())["rows"]
    sharp = 0
    for row in rows:
        found = memory_rate(remembering(row["n"], row["memory"], row["bias"]))
        allowed = float(found.upper - found.value) + 3.5 * row["error"]
        assert abs(row["drift"] - float(found.value)) < allowed, row
        sharp += row["error"] < 0.5 * float(found.upper - found.value)
    assert len(rows) == 60
    assert sharp >= 25  # the others are sharper than what they are held against


def test_the_sign_by_the_number_of_models() -> None:
    for n in (20, 10**3, 10**6):
        signs = [float(np.sign(memory_rate(remembering(n, K)).value)) for K in (1, 2, 3, 4, 50)]
        assert signs == [-1, -1, -1, 1, 1]
        for K, heats in ((2, False), (3, False), (4, True), (50, True)):
            loop = remembering(n, K)
            assert heats_up(loop).verdict is heats
            assert variance_vanishes(loop).verdict is not heats
    # The scatter of three means is as much as the noise of a fit, to first order.
    three = memory_rate(remembering(10**4, 3))
    assert abs(float(three.value)) * 10**4 < 1e-4


@pytest.mark.full
def test_a_bias_that_outweighs_the_scatter() -> None:
    # log h = -(K - 3)/((K + 1) n) is where the first order vanishes: K = 6, n = 100.
    border = 1 - 3 / 700
    assert heats_up(remembering(100, 6, border + 1e-3)).verdict is True
    assert heats_up(remembering(100, 6, border - 1e-3)).verdict is False
    assert variance_vanishes(remembering(100, 6, border - 1e-3)).verdict is True
    undecided = heats_up(remembering(100, 6, border + 6.8e-5))
    assert undecided.verdict is None
    assert "by more than its error, got one in [-" in undecided.reason
    # Maximum likelihood is a bias of (n - 1)/n: no memory heats up then.
    assert heats_up(remembering(100, 40, ddof=0)).verdict is False


def test_one_model_is_exact() -> None:
    loop = fully_synthetic(9, bias=0.9)
    found = memory_rate(loop)
    assert (float(found.value), float(found.rel_error)) == (rate(loop), 0.0)


@pytest.mark.parametrize(
    "loop",
    [
        fresh_data(5, 20, memory=4),
        Loop(n_initial=20, n_synth=20, memory=None),
        Loop(n_initial=20, n_synth=20, pool="accumulate", pool_cap=3),
        remembering(20, 4, floor=0.1),
        remembering(20, 4, bias=0.0),
    ],
)
def test_other_loops_are_refused(loop: Loop) -> None:
    with pytest.raises(UnsupportedLoop, match="the drift with memory is computed for loops w"):
        memory_rate(loop)
