"""Regimes: the name follows from the limit and from the interval that declared errors leave."""

import math

import numpy as np
import pytest

from madtheory.loop import (
    Loop,
    UnsupportedLoop,
    fresh_data,
    fully_synthetic,
    synthetic_augmentation,
)
from madtheory.results import Interval
from madtheory.theory import distance, moments, worth
from madtheory.theory.verdicts import REGIMES, regime, variance_vanishes

TEN = np.ones(10)
MIXED = Loop(n_initial=100, n_fixed=60, n_fresh=40, n_synth=4, bias=0.89)
NAMED = {
    "unbounded": Loop(n_initial=20, n_synth=20, memory=2),
    "collapse": fully_synthetic(20),
    "worse than real": synthetic_augmentation(100, 100, bias=0.9),
    "equivalent to real": MIXED,
    "better than real": fresh_data(100, 100, bias=0.9),
}


@pytest.mark.parametrize("name", REGIMES)
def test_one_loop_of_each_regime(name: str) -> None:
    assert regime(NAMED[name], TEN).name == name


def test_a_growing_pool_collapses_below_bias_one_and_not_at_one() -> None:
    pool = synthetic_augmentation(50, 50, bias=0.9, pool="accumulate")
    assert regime(pool, TEN).name == "collapse"
    # By simulation (40,000 replicates) E W2^2 is 1.2176 +- .0012 at t = 80, 1.2219 at t = 160; what
    # is left falls like 1/t, so it ends near 1.2263, which 32.2 of 50 real samples have.
    found = regime(synthetic_augmentation(50, 50, pool="accumulate"), TEN)
    assert found.name == "worse than real"
    assert found.low < 0.645 < found.high
    shrunk = Loop(n_initial=50, n_fixed=50, n_synth=50, pool="accumulate", shrinkage=0.1)
    with pytest.raises(UnsupportedLoop, match="without shrinkage, a weighted fixed set"):
        regime(shrunk, TEN)


@pytest.mark.parametrize("loop", [MIXED, NAMED["worse than real"], NAMED["better than real"]])
def test_the_interval_is_that_of_the_declared_error(loop: Loop) -> None:
    found, limit = regime(loop, TEN), distance.w2_squared_limit(loop, TEN)
    # The baseline is exact at a multiple of I: the error is that of the distance.
    for gain, side in ((found.low, 1), (found.gain, 0), (found.high, -1)):
        size = worth.effective_sample_size(float(limit.end(side)), TEN)
        assert gain == pytest.approx(size / 100, rel=1e-12)
    assert found.low < found.gain < found.high
    assert found.status == "asymptotic"
    # A gain above 1 is not enough for "better": the whole interval must be.
    assert (found.name == "equivalent to real") == (found.low <= 1 <= found.high)


def test_no_interval_is_left_where_nothing_is() -> None:
    for name in ("unbounded", "collapse"):
        found = regime(NAMED[name], TEN)
        assert (found.low, found.gain, found.high) == (0, 0, 0)
        assert found.status == "exact"
    assert math.isinf(moments.first_moments_limit(NAMED["unbounded"]).trace)


@pytest.mark.parametrize("ends", [(6.0, 10.0), (10.0, 12.0), (10.0, 10.0)])
def test_an_interval_that_ends_at_the_real_data_holds_them(
    ends: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worth, "effective_interval", lambda *_: Interval(*ends))
    assert regime(fresh_data(10, 10), [1.0]).name == "equivalent to real"


def test_gains_are_of_the_real_data_of_a_generation() -> None:
    loop = fresh_data(100, 100, bias=0.9)
    one, other = regime(loop, TEN), regime(fresh_data(100, 100, bias=0.9, n_initial=20), TEN)
    assert other.gain == pytest.approx(one.gain, rel=1e-9)


def test_real_data_of_no_weight_are_none() -> None:
    plain, weightless = fully_synthetic(10), fresh_data(10, 10, weight=0.0)
    assert regime(weightless, [1.0, 2.0]).name == regime(plain, [1.0, 2.0]).name


def test_a_synthetic_pool_that_keeps_everything_does_not_collapse_at_bias_one() -> None:
    loop = Loop(n_initial=100, n_synth=100, pool="accumulate")
    assert variance_vanishes(loop).verdict is False
    found = regime(loop, [1.0, 1.0])
    assert found.name == "worse than real"
    assert 0 < found.low < found.gain < found.high < 1
