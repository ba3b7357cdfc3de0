"""Random loop specs: the general first-moment system against the simulator, and closed forms.

Power is stated and enforced: every comparison is made with so many replicates that an error of
2 % lies seven standard errors away; |z| < 4.5 passes. A false alarm then has probability 7e-6 a
comparison, and a 2 % error is seen with probability .994.
"""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.simulate import simulate
from madtheory.theory import collapse, moments
from madtheory.theory.moments.first import moment_limit, moment_path

ACCEPT, NEED, ERROR = 4.5, 7.0, 0.02
#: Pilot for the standard deviations, and the most replicates that a comparison may take.
PILOT, MOST = 1000, 60_000
EIGENVALUES = np.array([3.0, 2.0, 2.0, 1.0, 1.0, 1.0, 0.5, 0.5])

BIASES = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.0, 1.0))


@st.composite
def pools(draw, n_real):
    """The fields that say what is trained on, and how."""
    pool = draw(st.sampled_from(["replace", "accumulate"]))
    fields = {"pool": pool}
    if pool == "accumulate":
        fields["pool_cap"] = draw(st.sampled_from([None, 1, 2, 4]))
        fields["budget"] = draw(st.sampled_from([None] * 5 + [30]))
    if n_real >= 2 and fields.get("budget") is None:
        fields["weight"] = draw(st.one_of(st.none(), st.floats(0.0, 1.0)))
    return fields


@st.composite
def loops(draw):
    """Any loop, every field: counts from the smallest on, so small that errors of 1/n show."""
    n_fixed, n_fresh = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    return Loop(
        n_initial=draw(st.integers(2, 15)),
        n_synth=draw(st.integers(2, 15)),
        n_fixed=n_fixed,
        n_fresh=n_fresh,
        memory=draw(st.sampled_from([1, 1, 2, 3, 5, None])),
        bias=draw(BIASES),
        ddof=draw(st.integers(0, 1)),
        shrinkage=draw(st.sampled_from([0.0, 0.0, 0.4, 1.0])),
        floor=draw(st.sampled_from([0.0, 0.0, 0.1])),
        first_generation=draw(st.sampled_from(["real", "biased"])),
        **draw(pools(n_fixed + n_fresh)),
    )


def _replicates(loop, t):
    """Replicates that make a 2 % error of each first moment NEED standard errors, or none."""
    pilot = simulate(
        loop,
        EIGENVALUES,
        generations=t,
        replicates=PILOT,
        seed=1,
        record=("mean_sq", "trace"),
        at=(t,),
        threads=1,
    )
    needed = [
        PILOT * (NEED * pilot.se[name][0] / (ERROR * pilot.mean[name][0])) ** 2
        for name in ("mean_sq", "trace")
        if pilot.mean[name][0] > 0
    ]
    # A pilot underestimates heavy tails: a third more.
    return max(PILOT, math.ceil(1.3 * max(needed, default=0.0)))


@settings(max_examples=5)
@given(loops(), st.integers(2, 6))
def test_the_general_system_is_what_the_simulator_does(loop, t):
    _compare(loop, t)


@pytest.mark.full
@settings(max_examples=200)
@given(loops(), st.integers(2, 6))
def test_the_same_over_many_loops(loop, t):
    _compare(loop, t)


def _compare(loop, t):
    """One loop's first moments at generation t against the simulator."""
    replicates = _replicates(loop, t)
    assume(replicates <= MOST)
    names = ("mean_sq", "trace")
    paths = simulate(
        loop, EIGENVALUES, generations=t, replicates=replicates, seed=2, record=names, at=(t,)
    )
    for name, exact in zip(names, moment_path(loop, t), strict=True):
        predicted = exact[-1] * EIGENVALUES.sum()
        mean, se = paths.mean[name][0], paths.se[name][0]
        if se == 0:
            assert mean == predicted == 0
            continue
        assert ERROR * predicted / se > 0.85 * NEED, "no power"
        assert abs(mean - predicted) < ACCEPT * se, (name, mean, predicted, se)


@given(loops(), st.integers(2, 6), st.floats(-0.4, 0.4))
def test_the_mean_trace_is_what_the_estimator_says_about_shrinkage(loop, t, change):
    """Shrinkage towards tr S/d leaves every first moment alone."""
    other = Loop(**{**_fields(loop), "shrinkage": abs(change)})
    assert np.array_equal(moment_path(loop, t), moment_path(other, t))


def _fields(loop):
    return {name: getattr(loop, name) for name in loop.__slots__}


COUNTS = st.integers(2, 10**6)


@given(COUNTS, COUNTS, BIASES, st.integers(1, 20), st.floats(0.01, 0.99))
def test_every_family_with_a_closed_form(n_real, n_synth, bias, memory, weight):
    """To 1e-9: what is left of a double where the gap 1 - n_s/n is as small as 1e-6."""
    pairs = [
        (moments.augmentation_limit(n_real, n_synth, bias=bias), "augmentation"),
        (moments.memory_limit(n_real, n_synth, memory=memory, bias=bias), "memory"),
        (moments.memory_limit_all(n_real, n_synth, bias=bias), "every"),
        (moments.weighted_limit(n_real, n_synth, weight=weight, bias=bias), "weight"),
        (moments.first_moments_limit(fresh_data(n_real, n_synth, bias=bias)), "fresh"),
    ]
    systems = {
        "augmentation": synthetic_augmentation(n_real, n_synth, bias=bias),
        "memory": fresh_data(n_real, n_synth, bias=bias, memory=memory),
        "every": fresh_data(n_real, n_synth, bias=bias, memory=None),
        "weight": fresh_data(n_real, n_synth, bias=bias, weight=weight),
        "fresh": fresh_data(n_real, n_synth, bias=bias),
    }
    for closed, name in pairs:
        np.testing.assert_allclose(moment_limit(systems[name]), closed, rtol=1e-9, err_msg=name)


@given(COUNTS, COUNTS, BIASES, st.integers(0, 1), st.integers(2, 30))
def test_paths_with_a_closed_form(n_initial, n_synth, bias, ddof, t):
    pool = synthetic_augmentation(n_initial, n_synth, bias=bias, pool="accumulate", ddof=ddof)
    np.testing.assert_allclose(
        moment_path(pool, t)[1], moments.growing_pool_trace(pool, np.arange(1, t + 1)), rtol=1e-9
    )
    loop = fully_synthetic(n_synth, bias=bias, n_initial=n_initial, ddof=ddof)
    mean_sq, trace = moment_path(loop, t)
    np.testing.assert_allclose(trace, collapse.mean_trace(loop, [1.0], generations=t), rtol=1e-9)
    np.testing.assert_allclose(mean_sq, collapse.mean_walk(loop, [1.0], generations=t), rtol=1e-9)
