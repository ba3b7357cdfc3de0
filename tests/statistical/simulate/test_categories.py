"""The simulated categorical loop against exact laws.

|z| < 4.5 passes (two-sided 7e-6); each test demands that an error of 2 % of the exact value lies
6.9 standard errors away, so that it is seen with probability above 0.99. Where the exact chain
gives the variance, the standard error is the exact one.
"""

import math

import numpy as np
import pytest

from madtheory import modes
from madtheory.modes.selection import fixation_limit
from madtheory.modes.tempering import full_chain
from madtheory.simulate import simulate_categories

ACCEPT, NEED = 4.5, 6.9


def _check(mean, se, exact, error=None):
    mean, se, exact = map(np.atleast_1d, (mean, se, exact))
    assert np.abs((mean - exact) / se).max() < ACCEPT
    error = 0.02 * np.abs(exact) if error is None else error
    assert (error / se).min() > NEED, "no power"


def _quantities(states, p):
    """The quantities of every state, by their definitions."""
    shares = states / states.sum(axis=1, keepdims=True)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return {
        "survivors": (states > 0).sum(axis=1),
        "mass": (states > 0) @ p,
        "heterozygosity": 1 - (shares**2).sum(axis=1),
        "top_share": shares.max(axis=1),
        "entropy": -(shares * logs).sum(axis=1),
        "favoured_share": shares[:, p.argmax()],
    }


@pytest.mark.parametrize(
    ("temperature", "n_fresh"), [(1.0, 0), (0.7, 0), (0.0, 2), (0.6, 2), (1.6, 5), (1.0, 1)]
)
def test_simulation_is_the_full_chain(temperature, n_fresh):
    # Fresh draws one by one (fewer than the three tokens), and by binomials (more).
    p = np.array([0.2, 0.5, 0.3])
    options = {"temperature": temperature, "generations": 4, "n_fresh": n_fresh}
    loop = full_chain(p, 6, **options)
    run = simulate_categories(p, 6, replicates=120_000, seed=5, **options)
    for name, values in _quantities(loop.states, p).items():
        exact = loop.expect(values)
        se = np.sqrt((loop.expect(values**2.0) - exact**2) / run.replicates)
        # Cold loops end at once: what is left of heterozygosity and entropy is small, and an
        # error of 2 % of a typical value, 0.4, is asked for instead.
        _check(run.mean[name], se, exact, 0.02 * np.maximum(exact, 0.4))


def test_survivors_of_a_large_vocabulary():
    p = modes.zipf(50_000)
    support = modes.support(p, 30_000, 60)
    run = simulate_categories(p, 30_000, generations=60, replicates=120, at=(1, 10, 60))
    for name, exact in (("survivors", support.number), ("mass", support.mass)):
        _check(run.mean[name], run.se[name], exact.value[[0, 9, 59]])


def test_fresh_data_settle_at_the_stationary_support():
    p = modes.zipf(2_000)
    support = modes.stationary_support(p, 900, 100)
    run = simulate_categories(p, 900, n_fresh=100, generations=200, replicates=300, at=(200,))
    # Forgotten: two tokens of one generation share an ancestor 200 back with chance 0.9^400.
    _check(run.mean["survivors"], run.se["survivors"], support.number.value)
    _check(run.mean["mass"], run.se["mass"], support.mass.value)


def test_the_favoured_token_wins_as_the_limit_says():
    # n = 2,001 is beyond the exact chain: what is tested is the normal limit.
    n, p, temperature = 2_001, 0.505, 0.6
    exact, _ = fixation_limit(p, n, temperature=temperature)
    run = simulate_categories(
        [p, 1 - p], n, temperature=temperature, generations=40, replicates=150_000, at=(40,)
    )
    assert run.mean["survivors"][-1] == 1.0
    se = math.sqrt(exact * (1 - exact) / run.replicates)
    _check(run.mean["favoured_share"], se, exact)


def test_time_to_one_token_beyond_the_exact_chain():
    # E T = 1 + sum P(two tokens alive at t).
    n, p, temperature = 20_000, 0.505, 0.8
    declared = modes.fixation(p, n, temperature=temperature).time
    run = simulate_categories(
        [p, 1 - p], n, temperature=temperature, generations=100, replicates=4_000,
        record=("survivors",), keep_paths=True,
    )  # fmt: skip
    assert run.paths is not None
    times = 1 + (run.paths["survivors"] > 1).sum(axis=1)
    se = times.std() / math.sqrt(4_000)
    assert abs(times.mean() - declared.value) < declared.rel_error * declared.value + ACCEPT * se
    assert 0.02 * declared.value / se > NEED, "no power"
    assert declared.rel_error < 0.02
