"""Simulator of the categorical loop: bookkeeping and refusals."""

import math

import numpy as np
import pytest

from madtheory import modes
from madtheory.simulate import simulate_categories
from madtheory.simulate.kernels.categories import QUANTITIES


def test_simulation_does_not_depend_on_threads_and_depends_on_the_seed():
    def digest(threads, seed=1):
        return simulate_categories(
            modes.zipf(200), 100, temperature=0.9, generations=8, replicates=64,
            n_fresh=3, seed=seed, threads=threads, at=(2, 8),
        ).digest  # fmt: skip

    assert digest(1) == digest(2) == digest(4) != digest(1, seed=2)


def test_simulation_keeps_paths_and_the_recorded_generations():
    run = simulate_categories(
        modes.zipf(5), 4, generations=30, replicates=50, at=(30, 1), keep_paths=True
    )
    assert run.generations.tolist() == [1, 30]
    assert run.paths is not None
    survivors, entropy = run.paths["survivors"], run.paths["entropy"]
    assert survivors.shape == (50, 2)
    assert (survivors[:, 1] <= survivors[:, 0]).all()
    assert ((entropy == 0) == (survivors == 1)).all()
    for name in QUANTITIES:
        np.testing.assert_allclose(run.mean[name], run.paths[name].mean(axis=0), rtol=1e-12)
        se = run.paths[name].std(axis=0, ddof=1) / math.sqrt(50)
        np.testing.assert_allclose(run.se[name], se, rtol=1e-11, atol=1e-16)


def test_one_replicate_has_no_standard_error():
    run = simulate_categories([0.5, 0.5], 3, generations=1, replicates=1)
    assert np.isnan(run.se["mass"]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: simulate_categories([1.0], 2, generations=2, replicates=1, record=["trace"]),
            "record must be one of survivors",
        ),
        (
            lambda: simulate_categories([1.0], 2, generations=2, replicates=1, at=[]),
            "at must name at least one generation, got none",
        ),
        (
            lambda: simulate_categories([1.0], 2, generations=2, replicates=1, at=[3]),
            "at must be at most 2, got 3",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_the_first_generation_is_of_real_tokens_whatever_the_temperature():
    """V (1 - (1 - 1/V)^n) of V equal tokens are alive; sharpened to the top, hardly one were."""
    run = simulate_categories(
        np.full(50, 0.02), 100, temperature=0.0, generations=1, replicates=400, record=["survivors"]
    )
    assert abs(run.mean["survivors"][0] - 50 * (1 - 0.98**100)) < 4 * run.se["survivors"][0]
