"""The loop of the theory: samples beside fits, n_fit, biases of ratios, by second routes."""

import math

import numpy as np
import pytest

from madtheory.covariance import Spectrum
from madtheory.deep.compare import rules
from madtheory.deep.compare.frame import (
    Frame,
    Smooth,
    added,
    bias_of_ratio,
    fitted_size,
    sampled_distance,
    scaled,
)
from madtheory.laws import bures
from madtheory.loop import Loop, fresh_data, fully_synthetic, synthetic_augmentation
from madtheory.simulate import simulate
from madtheory.spectrum import baseline
from madtheory.theory import moments

SPECTRUM = 4.0 / np.arange(1, 7)
LOOPS = {
    "synthetic": fully_synthetic(300),
    "fresh": fresh_data(100, 300),
    "augmentation": synthetic_augmentation(100, 300),
    "pool": synthetic_augmentation(100, 100, pool="accumulate"),
    "mixed": Loop(n_initial=90, n_fixed=40, n_fresh=50, n_synth=70, memory=3),
}


def test_samples_at_a_bias_are_as_far_as_their_gaussian() -> None:
    rng = np.random.default_rng(0)
    A, mean, bias = rng.standard_normal((4, 4)), rng.standard_normal(4), 0.7
    Sigma, real = A @ A.T, np.diag([3.0, 2.0, 1.0, 0.5])
    W = bures.w2_squared(mean, Sigma, np.zeros(4), real)
    found = sampled_distance(
        bias, 6.5, np.asarray(mean @ mean), np.asarray(np.trace(Sigma)), np.asarray(W)
    )
    assert found == pytest.approx(
        bures.w2_squared(mean, bias * Sigma, np.zeros(4), real), rel=1e-10
    )


@pytest.mark.parametrize("name", LOOPS)
def test_the_bias_of_a_ratio_is_the_one_that_made_it(name: str) -> None:
    biases = np.array([0.3, 0.85, 1.0, 1.2])
    made = [moments.first_moments(scaled(LOOPS[name], 1.0, b), 2).trace for b in biases]
    ratio = np.array([row[1] / row[0] for row in made])
    np.testing.assert_allclose(bias_of_ratio(LOOPS[name], ratio), biases, rtol=1e-9)


def test_counts_are_scaled_and_nothing_else() -> None:
    loop = Loop(n_initial=90, n_fixed=40, n_fresh=50, n_synth=70, memory=3, bias=0.5)
    found = scaled(loop, 0.1, 1.1)
    assert (found.n_initial, found.n_fixed, found.n_fresh, found.n_synth) == (9, 4, 5, 7)
    assert (found.memory, found.bias, found.pool) == (3, 1.1, "replace")
    least = scaled(loop, 1e-9, 1.0)
    assert (least.n_initial, least.n_fixed, least.n_fresh, least.n_synth) == (2, 1, 1, 2)
    assert scaled(fully_synthetic(10), 1e9, 1.0).n_synth == rules.N_MOST


@pytest.mark.parametrize("bias", [1.0, 0.6])
def test_n_fit_of_the_mean_distance_that_fits_add(bias: float) -> None:
    # Second route: simulated fits, their observed scale taken off one by one.
    n, T = 120, float(SPECTRUM.sum())
    paths = simulate(
        fully_synthetic(n),
        SPECTRUM,
        generations=1,
        replicates=20_000,
        record=("mean_sq", "trace", "w2_squared"),
        keep_paths=True,
        threads=1,
    ).paths
    assert paths is not None
    M, C, W = (paths[name][:, 0] for name in ("mean_sq", "trace", "w2_squared"))
    left = sampled_distance(bias, T, M, C, W) - (math.sqrt(T) - np.sqrt(bias * C)) ** 2
    seen = float(np.square(SPECTRUM).sum() / T)
    found = fitted_size(float(left.mean()), bias, SPECTRUM, seen)
    # Standard error .4 %, and second order in 1/n.
    assert found == pytest.approx(n, rel=0.02)


def test_n_fit_has_ends() -> None:
    assert fitted_size(0.0, 1.0, SPECTRUM) == math.inf
    assert fitted_size(-1.0, 0.5, SPECTRUM) == math.inf
    assert fitted_size(1e9, 1.0, SPECTRUM) == 2.0
    s = Spectrum.of(SPECTRUM)
    for n in (3, 50, 40_000):
        value = float(added(n, 0.8, s, 0.5))
        assert fitted_size(value, 0.8, SPECTRUM, 0.5) == pytest.approx(n, rel=1e-6)


def test_smooth_passes_through_the_function() -> None:
    powers = np.arange(1, 9)
    found = Smooth.of(lambda x: x**powers, 0.3, 1.6, 14)
    bias = np.array([[0.35, 0.9], [1.0, 1.55]])
    np.testing.assert_allclose(found(bias), bias[..., None] ** powers, rtol=1e-9)
    np.testing.assert_allclose(found(np.array(2.0)), 1.6**powers, rtol=1e-9)  # cut


def test_the_noise_is_what_fits_add() -> None:
    n = 500
    frame = Frame(fully_synthetic(1000), SPECTRUM, 5, n / 1000, n, np.array([1.0]))
    noise = frame.noise_in(SPECTRUM, 1.0)(np.array([1.0]))
    assert noise[0, 0] == pytest.approx(n * float(baseline(n, SPECTRUM).value), rel=1e-4)
    twice = Frame(fully_synthetic(1000), SPECTRUM, 5, 2 * n / 1000, 2 * n, np.array([1.0]))
    # Linear in 1/n to first order: the rest is of order t d/n.
    np.testing.assert_allclose(noise, twice.noise_in(SPECTRUM, 1.0)(np.array([1.0])), rtol=0.02)


@pytest.mark.parametrize("name", LOOPS)
def test_the_course_is_the_mean_of_simulated_samples(name: str) -> None:
    frame = Frame(LOOPS[name], SPECTRUM, 4, 0.5, 1.0, np.array([0.8]))
    paths = simulate(
        scaled(LOOPS[name], 0.5, 0.8),
        SPECTRUM,
        generations=4,
        replicates=4000,
        record=("trace",),
        threads=1,
    )
    share = 0.8 * paths.mean["trace"] / SPECTRUM.sum()
    error = 0.8 * paths.se["trace"] / SPECTRUM.sum()
    assert (np.abs(frame.course(np.array(0.8)) - share) < 4 * error).all()
