"""Control variates of the calibration tables have mean zero: their means are right."""

import math

import numpy as np
import pytest

from madtheory.loop import Loop, fresh_data
from tests.golden.theory.distance import fresh, mixed, sharp
from tests.golden.theory.distance.controls import (
    Controls,
    Part,
    expected,
    observed,
)

SIZE = 20_000

LOOPS = [
    Loop(n_initial=10, n_fixed=10, n_synth=12, bias=0.8),
    Loop(n_initial=8, n_fixed=5, n_fresh=4, n_synth=9, bias=0.9, weight=0.4),
    Loop(n_initial=8, n_fixed=12, n_fresh=4, n_synth=9, ddof=0, shrinkage=0.3, floor=0.1),
    Loop(n_initial=6, n_fresh=6, n_synth=8, bias=0.9, pool="accumulate"),
    Loop(n_initial=6, n_fixed=6, n_synth=8, bias=0.9, pool="accumulate", pool_cap=3),
]


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.family)
def test_sums_of_differences_have_mean_zero(loop):
    controls = Controls(mixed.fading(loop))
    list(mixed.run(loop, 2, SIZE, 4, np.random.default_rng(1), controls))
    error = controls.sums.std(axis=-1) / math.sqrt(SIZE)
    # Fifteen sums of five loops: 75 comparisons at 4.5 errors.
    assert (np.abs(controls.sums.mean(axis=-1)) < 4.5 * error).all()


def test_several_models_in_memory_have_first_orders_only():
    loop = Loop(n_initial=6, n_fresh=6, n_synth=8, bias=0.9, memory=3)
    controls = Controls(mixed.fading(loop), 1)
    *_, (_, _, Sigma) = mixed.run(loop, 2, SIZE, 4, np.random.default_rng(1), controls)
    columns = np.array(controls.columns(Sigma))
    assert len(columns) == 6
    error = columns.std(axis=1) / math.sqrt(SIZE)
    assert (np.abs(columns.mean(axis=1)) < 4.5 * error).all()


def test_expected_moments_of_small_samples_far_apart():
    """Drawn sample by sample: means spread here as much as the scatter does."""
    rng, size, a = np.random.default_rng(3), 400_000, np.array([0.1, 0.2, 0.4])
    k, means = np.array([2, 3, 4]), np.array([[0.6, 0.0], [-0.5, 0.4], [0.0, 0.3]])
    roots = np.array([[[1.0, 0.0], [0.4, 0.5]], [[0.7, 0.0], [-0.3, 0.9]]])
    held = np.array([[0.5, 0.1], [0.1, 0.2]])
    G = np.array([[0.3, -1.0, 0.2], [-1.0, 0.4, 0.5], [0.2, 0.5, 0.1]])
    drawn, C = [], np.zeros((size, 2, 2)) + a[2] * held
    for i in range(2):
        x = means[i] + rng.standard_normal((size, k[i], 2)) @ roots[i].T
        _, mean, scatter = mixed.stats(x)
        drawn.append(mean)
        C += a[i] * scatter
    m = np.stack([*drawn, np.broadcast_to(means[2], (size, 2))], axis=1)
    C += np.einsum("spd,pq,sqe->sde", m, G, m)
    parts = [Part(k[i], means[None, i], a[i], S=(roots[i] @ roots[i].T)[None]) for i in range(2)]
    parts.append(Part(k[2], means[None, 2], a[2], scatter=held[None]))
    found = observed(C)
    error = found.std(axis=1) / math.sqrt(size)
    exact = expected(parts, G)[:, 0]
    assert (np.abs(found.mean(axis=1) - exact) < 4.5 * error).all()
    assert (0.02 * exact > 6.8 * error).all()


def test_the_fresh_loop_by_its_factors_and_what_would_be_seen():
    loop, rng = fresh_data(6, 9, bias=0.7), np.random.default_rng(2)
    mu = rng.standard_normal((SIZE, 3)) / 2
    Sigma = fresh.square(fresh.bartlett(rng, SIZE, 3, 7)) / 7
    foretold = expected(*fresh.foreseen(mu, Sigma, loop))
    difference = observed(fresh.next_model(rng, mu, Sigma, loop)[1]) - foretold
    error = difference.std(axis=1) / math.sqrt(SIZE)
    assert (np.abs(difference.mean(axis=1)) < 4.5 * error).all()
    # 3 % of any of the three would be seen.
    assert (0.03 * foretold.mean(axis=1) > 6.8 * error).all()


@pytest.fixture(scope="module")
def spiked():
    """Spectrum, values and exact means at all three spectra of a small loop's late runs."""
    s, at = np.array([9.0, 9.0, 1.0, 1.0]), np.array([3, 5])
    loop = Loop(n_initial=8, n_fixed=5, n_fresh=4, n_synth=9, bias=0.9)
    known = [sharp.exact(loop, e, at) for e in sharp.spectra(s)]
    values = [sharp.recorded(loop, e, at, 4000, 5, sharp.RECORD) for e in sharp.spectra(s)]
    return s, values, known


def test_spectra_show_the_same_runs(spiked):
    """sqrt(s) = (s + 3)/4 where s is 9 or 1, so that traces are combined in this way."""
    _, (at_s, at_one, at_root), _ = spiked
    assert np.allclose(at_root[1], (at_s[1] + 3 * at_one[1]) / 4, rtol=1e-12)


def test_controls_at_several_spectra_have_mean_zero(spiked):
    X = sharp.columns(*spiked)[0].mean(axis=-1)
    assert len(X) == 10
    error = X.std(axis=1) / math.sqrt(X.shape[1])
    assert (np.abs(X.mean(axis=1)) < 4.5 * error).all()
    s, values, known = spiked
    for q in range(4):
        factor = np.where(np.arange(4) == q, 1.06, 1.0)[:, None]
        wrong = sharp.columns(s, values, [factor * m for m in known])[0].mean(axis=-1)
        assert (np.abs(wrong.mean(axis=1)) > 6.8 * error).any()


def test_coefficients_of_other_folds_bias_nothing():
    """y is X^2 here: with coefficients of its own sample the mean is .19 low, seven errors."""
    rng = np.random.default_rng(6)
    X = rng.exponential(size=(400, 20, 1)) - 1
    found = [sharp.controlled(x[:, 0] ** 2, x)[0].mean() for x in X]
    error = np.std(found) / math.sqrt(len(found))
    assert abs(np.mean(found) - 1) < 4 * error < 0.12
