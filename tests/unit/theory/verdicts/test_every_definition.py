"""Laws between the definitions over many loops, and bad input."""

import math
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.theory import verdicts
from madtheory.theory.verdicts import (
    CLAIM_IDS,
    compared,
    default_loops,
    expected_distance_increases,
    heats_up,
    is_stable,
    large_sample_floor,
    rate_on_paths,
    ratio_on_paths,
    risk_grows_linearly,
    risk_is_bounded,
    risk_ratio,
    support_is_lost,
    vanishes_exponentially,
    variance_vanishes,
)

ONES = np.ones(3)


def grid() -> list[Loop]:
    """Loops of every family, small and large, with corner values."""
    loops = [
        Loop(n_initial=i, n_fixed=f, n_fresh=h, n_synth=s, bias=bias, ddof=ddof, memory=memory)
        for i, f, h, s, bias, ddof, memory in product(
            (2, 30), (0, 1, 20), (0, 1, 20), (2, 40), (0.0, 0.9, 1.0), (0, 1), (1, 3)
        )
        if memory == 1 or f + h > 0
    ]
    pools = [
        Loop(
            n_initial=10,
            n_fixed=f,
            n_fresh=h,
            n_synth=10,
            bias=bias,
            pool="accumulate",
            pool_cap=cap,
            budget=budget,
            memory=memory,
        )
        for f, h, bias, cap, budget, memory in product(
            (0, 10), (0, 5), (0.5, 1.0), (None, 3), (None, 8), (1, 2, None)
        )
        if f + h > 0 or cap is None
    ]
    floors = [fully_synthetic(n, bias=b, floor=0.1) for n, b in product((3, 50), (0.0, 0.7, 1.0))]
    shrunk = [fully_synthetic(n, bias=b, shrinkage=0.2) for n, b in product((3, 50), (0.7, 1.0))]
    weighted = [
        fresh_data(20, 20, bias=b, weight=w) for b, w in product((0.5, 1.0), (0.0, 0.3, 1.0))
    ]
    return loops + pools + floors + shrunk + weighted


LOOPS = grid()


def test_the_grid_has_every_family() -> None:
    families = Counter(loop.family for loop in LOOPS)
    assert set(families) | {"memory", "capped-pool"} == set(CLAIM_IDS)
    assert min(families.values()) >= 4


def test_every_cheap_verdict_obeys_the_logic_between_definitions() -> None:
    undecided = 0
    for loop in LOOPS:
        vanish, rate = (
            variance_vanishes(loop).verdict,
            vanishes_exponentially(loop).verdict,
        )
        lost = support_is_lost(loop, 2).verdict
        stable, bounded = (
            is_stable(loop).verdict,
            risk_is_bounded(loop).verdict,
        )
        linear, hot = (
            risk_grows_linearly(loop).verdict,
            heats_up(loop).verdict,
        )
        undecided += (vanish, lost, stable, bounded, linear, hot).count(None)
        assert not (rate is True and vanish is not True), loop
        assert not (vanish is True and lost is False), loop
        assert not (vanish is True and hot is True), loop
        assert not (stable is True and bounded is False), loop
        assert not (linear is True and bounded is True), loop
        assert not (hot is True and bounded is True), loop
        if stable and loop.n_fixed + loop.n_fresh >= 2:
            assert vanish is False, loop
    assert undecided == 0


def test_strong_collapse_is_infinite_exactly_where_the_risk_is_unbounded() -> None:
    for loop in LOOPS[::7]:
        floor = large_sample_floor(loop, ONES)
        many = compared._scaled(loop, 10**6)
        assert math.isinf(floor) == (risk_is_bounded(many).verdict is False), loop


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rate_on_paths([[1.0, 2.0, 3.0]]), "log_scale must be paths"),
        (lambda: rate_on_paths(np.zeros((2, 2))), "log_scale must be paths"),
        (lambda: rate_on_paths(np.full((2, 3), np.nan)), "log_scale must not be NaN"),
        (lambda: rate_on_paths(np.zeros((2, 3)), alpha=1.0), "alpha must be"),
        (lambda: ratio_on_paths(np.zeros((2, 3)), 0.0), "baseline must be positive"),
        (lambda: support_is_lost(fully_synthetic(3), 0), "dim must be at least 1"),
        (
            lambda: expected_distance_increases(fresh_data(3, 3), [1], generations=1),
            "generations must be at least 2",
        ),
        (lambda: risk_ratio(fresh_data(3, 3), [-1.0]), "eigenvalues must be"),
        (lambda: default_loops(n=3), "n must be at least 4"),
    ],
)
def test_bad_input_is_one_sentence(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()


def test_the_module_does_not_import_the_claims() -> None:
    for file in Path(verdicts.__file__).parent.glob("*.py"):
        lines = file.read_text(encoding="utf-8").splitlines()
        assert not [x for x in lines if "import" in x and "claims" in x], file
