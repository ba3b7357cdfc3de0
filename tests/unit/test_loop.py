"""The loop specification: defaults, ranges, and one sentence for what is out of them."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madtheory.loop import (
    Loop,
    UnsupportedLoop,
    fresh_data,
    fully_synthetic,
    require_fresh_memory_one,
    require_fully_synthetic,
    synthetic_augmentation,
)
from tests.decisions import defaults

counts = st.integers(2, 2**53)
biases = st.floats(0.0, 1.0)


@given(counts, biases)
def test_fully_synthetic(n_synth: int, bias: float) -> None:
    loop = fully_synthetic(n_synth, bias=bias)
    assert (loop.n_initial, loop.n_real, loop.n_train) == (n_synth, 0, n_synth)
    assert loop.dof == loop.first_dof == n_synth - 1
    assert (loop.bias, loop.first_bias, loop.ddof, loop.memory) == (bias, 1.0, 1, 1)
    require_fully_synthetic(loop, "anything")


@given(counts, counts, biases)
def test_fresh_data(n_real: int, n_synth: int, bias: float) -> None:
    loop = fresh_data(n_real, n_synth, bias=bias)
    assert (loop.n_initial, loop.n_fresh, loop.n_fixed) == (n_real, n_real, 0)
    assert loop.n_train == n_real + n_synth
    require_fresh_memory_one(loop, "anything")


@given(counts, counts)
def test_synthetic_augmentation(n_real: int, n_synth: int) -> None:
    loop = synthetic_augmentation(n_real, n_synth, pool="accumulate", memory=None)
    assert (loop.n_initial, loop.n_fixed, loop.n_fresh) == (n_real, n_real, 0)
    assert (loop.pool, loop.memory) == ("accumulate", None)


def test_one_fresh_sample_still_gives_a_first_model() -> None:
    assert fresh_data(1, 1).n_initial == 2
    assert fresh_data(1, 1, n_initial=7).first_dof == 6


def test_a_biased_first_generation_multiplies_the_first_covariance() -> None:
    assert fully_synthetic(5, bias=0.3, first_generation="biased").first_bias == 0.3
    assert fully_synthetic(5, bias=0.3).first_bias == 1.0


def test_a_loop_is_frozen_hashable_and_equal_by_value() -> None:
    loop = fully_synthetic(10, bias=0.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        loop.bias = 1.0  # type: ignore[misc]
    assert {loop: 1}[fully_synthetic(10, bias=0.5)] == 1
    assert dataclasses.replace(loop, bias=0.6).bias == 0.6


BAD = {
    "n_initial must be at least 2, got 1": {"n_initial": 1},
    "n_initial must be an integer, got 2.0": {"n_initial": 2.0},
    "n_initial must be an integer, got True": {"n_initial": True},
    "n_synth must be at least 2, got 1": {"n_synth": 1},
    "n_synth must be at least 2, got 0": {"n_synth": 0},
    "n_synth must be at least 2, got -3": {"n_synth": -3},
    "n_synth must be at least 1, got 0": {"n_synth": 0, "n_fresh": 3},
    f"n_synth must be at most {2**53}, got {10**30}": {"n_synth": 10**30},
    "n_fixed must be at least 0, got -1": {"n_fixed": -1},
    "n_fixed + n_fresh must be at most 9007199254740992, got 9007199254741002": {
        "n_fixed": 10,
        "n_fresh": 2**53,
    },
    "n_fresh must be an integer, got 'x'": {"n_fresh": "x"},
    "memory must be at least 1, got 0": {"memory": 0},
    "pool must be one of replace, accumulate, got 'keep'": {"pool": "keep"},
    "weight must be a finite number in [0, 1], got 1.5": {"weight": 1.5, "n_fresh": 3},
    "weight must be left out with fewer than 2 real samples, got 0.5": {"weight": 0.5},
    "weight must be left out with fewer than 2 synthetic samples, got 0.5": {
        "weight": 0.5,
        "n_fresh": 3,
        "n_synth": 1,
    },
    "weight must be left out with a budget, got 0.5": {
        "weight": 0.5,
        "n_fixed": 3,
        "pool": "accumulate",
        "budget": 9,
    },
    "pool_cap must be at least 1, got 0": {"pool": "accumulate", "pool_cap": 0},
    "pool_cap must be left out unless pool is accumulate, got 3": {"pool_cap": 3},
    "budget must be left out unless pool is accumulate, got 3": {"budget": 3},
    "budget must be at least 2, got 1": {"pool": "accumulate", "budget": 1},
    "shrinkage must be a finite number in [0, 1], got 2": {"shrinkage": 2.0},
    "floor must be a finite number of at least 0, got -1": {"floor": -1.0},
    "bias must be a finite number in [0, 1], got 1.5": {"bias": 1.5},
    "bias must be a finite number in [0, 1], got -0.1": {"bias": -0.1},
    "bias must be a finite number in [0, 1], got 1.0000001": {"bias": 1.0000001},
    "bias must be a finite number in [0, 1], got -inf": {"bias": -(10**400)},
    "bias must be a finite number in [0, 1], got nan": {"bias": math.nan},
    "bias must be a number, got 'x'": {"bias": "x"},
    "bias must be a finite number of at least 0, got inf": {
        "bias": math.inf,
        "allow_overdispersion": True,
    },
    "ddof must be at most 1, got 2": {"ddof": 2},
    "first_generation must be one of real, biased, got 'none'": {"first_generation": "none"},
}


@pytest.mark.parametrize("message", BAD)
def test_every_field_out_of_range_is_one_sentence(message: str) -> None:
    fields = {"n_initial": 10, "n_synth": 10, **BAD[message]}
    with pytest.raises((ValueError, TypeError)) as caught:
        Loop(**fields)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_overdispersion_needs_the_explicit_argument() -> None:
    assert fully_synthetic(10, bias=1.1, allow_overdispersion=True).bias == 1.1


UNSUPPORTED: dict[str, dict[str, object]] = {
    "memory 1": {"memory": 2},
    "pool = replace": {"pool": "accumulate"},
    "shrinkage = 0": {"shrinkage": 0.5},
    "floor = 0": {"floor": 0.5},
}


@pytest.mark.parametrize("words", UNSUPPORTED)
def test_what_is_not_computed_is_one_sentence(words: str) -> None:
    for loop, require in (
        (fully_synthetic(10), require_fully_synthetic),
        (fresh_data(10, 10), require_fresh_memory_one),
    ):
        other = dataclasses.replace(loop, **UNSUPPORTED[words])  # type: ignore[arg-type]
        with pytest.raises(UnsupportedLoop, match=f"^law is computed .*{words}.* only") as caught:
            require(other, "law")
        assert "\n" not in str(caught.value)


def test_the_fresh_law_is_refused_with_weights_or_maximum_likelihood() -> None:
    for rule, field in (("no weight", {"weight": 0.5}), ("ddof = 1", {"ddof": 0})):
        other = dataclasses.replace(fresh_data(10, 10), **field)  # type: ignore[arg-type]
        with pytest.raises(UnsupportedLoop, match=f"{rule} only, got"):
            require_fresh_memory_one(other, "law")


def test_shared_samples_and_scales() -> None:
    assert synthetic_augmentation(7, 3).n_shared == 7
    assert Loop(n_initial=5, n_fixed=8, n_synth=2).n_shared == 5
    literal = Loop(n_initial=5, n_fixed=8, n_synth=2, bias=0.5, first_generation="biased")
    assert literal.n_shared == 0
    mle = Loop(n_initial=5, n_synth=10, bias=0.5, ddof=0)
    assert (mle.first_scale, mle.step_bias) == (0.8, 0.45)


def test_each_family_is_refused_where_the_other_is_meant() -> None:
    with pytest.raises(UnsupportedLoop, match=r"fully synthetic loop only.* 10 real samples"):
        require_fully_synthetic(fresh_data(10, 10), "law")
    for loop in (fully_synthetic(10), synthetic_augmentation(10, 10)):
        with pytest.raises(UnsupportedLoop, match="fresh data loop only"):
            require_fresh_memory_one(loop, "law")


def test_shares_of_real_data_by_counting() -> None:
    pool = {"n_initial": 30, "n_fixed": 30, "n_fresh": 10, "n_synth": 30, "pool": "accumulate"}
    assert Loop(**pool, pool_cap=2).real_share == 40 / 100  # type: ignore[arg-type]
    # 45 of 30 fixed and 60 synthetic: 15 are fixed, on average.
    some = Loop(**pool, pool_cap=2, budget=45)  # type: ignore[arg-type]
    assert some.real_share == pytest.approx(25 / 55, rel=1e-15)
    assert Loop(**pool, pool_cap=2, budget=90).real_share == 0.4  # type: ignore[arg-type]
    assert Loop(**pool, budget=45).real_share == pytest.approx(10 / 55)  # type: ignore[arg-type]
    assert Loop(**pool).real_share == 0.0  # type: ignore[arg-type]


def test_a_chain_is_one_model_and_one_batch_all_of_it() -> None:
    assert fully_synthetic(10).is_chain
    for budget, chain in ((9, False), (10, True), (11, True)):
        loop = Loop(n_initial=10, n_synth=10, pool="accumulate", pool_cap=1, budget=budget)
        assert loop.is_chain is chain
    assert not fresh_data(10, 10).is_chain


# --- a spectrum of biases ------------------------------------------------------------------------


def test_a_spectrum_of_biases_is_checked_and_hashable() -> None:
    loop = fully_synthetic(10, bias=(0.5, 1.0))
    assert (loop.bias, loop.has_spectrum) == ((0.5, 1.0), True)
    assert hash(loop) == hash(fully_synthetic(10, bias=np.array([0.5, 1.0])))  # type: ignore[arg-type]
    assert Loop(**dataclasses.asdict(loop)) == loop
    assert Loop(**{**dataclasses.asdict(loop), "bias": [0.5, 1.0]}) == loop  # as JSON gives it
    assert (loop.along(0).bias, loop.along(1).bias, loop.longest_lived.bias) == (0.5, 1.0, 1.0)


def test_equal_biases_are_one_bias() -> None:
    assert fully_synthetic(10, bias=(0.5, 0.5)) == fully_synthetic(10, bias=0.5)
    one = fully_synthetic(10, bias=0.5)
    assert one.along(7) is one
    assert one.longest_lived is one
    assert one.scalar_bias == 0.5


@pytest.mark.parametrize(
    ("bias", "kind", "message"),
    [
        ((), ValueError, r"bias must be a number or a non-empty vector of them, got shape \(0,\)"),
        (((0.5,), (1.0,)), ValueError, r"bias must be .* got shape \(2, 1\)"),
        ((0.5, 1.5), ValueError, r"bias\[1\] must be a finite number in \[0, 1\], got 1.5"),
        ((0.5, "much"), TypeError, r"bias\[1\] must be a number, got 'much'"),
        ("much", TypeError, "bias must be a number, got 'much'"),
    ],
)
def test_a_bad_spectrum_is_refused(bias: object, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        fully_synthetic(10, bias=bias)  # type: ignore[arg-type]


def test_a_spectrum_is_never_averaged() -> None:
    loop = fully_synthetic(10, bias=(0.5, 1.0), first_generation="biased")
    for ask in ("scalar_bias", "step_bias", "first_bias", "first_scale"):
        with pytest.raises(UnsupportedLoop, match="one bias in all directions only"):
            getattr(loop, ask)
    with pytest.raises(ValueError, match="k must be at most 1, got 2"):
        loop.along(2)
    assert not loop.first_is_real
    assert dataclasses.replace(loop, first_generation="real").first_bias == 1.0


def test_what_a_loop_is_where_nothing_is_said() -> None:
    fit = {"bias": 1.0, "first_generation": "real", "ddof": 1}
    more = {"shrinkage": 0.0, "floor": 0.0, "allow_overdispersion": False}
    given = {"bias": 1.0, "memory": 1, "ddof": 1}
    assert defaults("loop") == {
        "loop.Loop": {**fit, **more, "n_fixed": 0, "n_fresh": 0, "memory": 1, "pool": "replace"},
        "loop.fully_synthetic": {**fit, **more},
        "loop.synthetic_augmentation": {**given, "pool": "replace"},
        "loop.fresh_data": {**given, "first_generation": "real"},
    }
