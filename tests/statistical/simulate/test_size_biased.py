"""The size-biased sampler against exact moments that plain simulation cannot reach.

As in test_simulate: |z| < 4.5 passes, and 2 % must be 6.9 standard errors away.
"""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import digamma, polygamma

from madtheory.loop import UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.simulate import simulate, simulate_size_biased
from madtheory.theory import collapse

ACCEPT, NEED = 4.5, 6.9


def _check(values, exact, *, error=None):
    se = values.std(axis=0, ddof=1) / math.sqrt(len(values))
    z = (values.mean(axis=0) - exact) / se
    assert np.abs(z).max() < ACCEPT, z
    error = 0.02 * np.abs(exact) if error is None else error
    assert (error / se).min() > NEED, "no power"


def test_the_plain_mean_is_far_off_and_looks_precise():
    """m = 9, lambda = 1, t = 100: E tr Sigma_t = 1, half of it from paths that nobody meets."""
    loop = fully_synthetic(10)
    plain = simulate(loop, [1.0], generations=300, replicates=100_000, at=(100, 300), seed=1)
    assert (plain.mean["trace"] + 4.5 * plain.se["trace"] < 0.9)[1]
    assert plain.se["trace"][1] < 0.1
    # Under the size-biased law log tr Sigma_t is a sum of logarithms of chi^2_11/9.
    tilted = simulate_size_biased(
        loop, [1.0], generations=100, replicates=20_000, at=(100,), seed=1, keep_paths=True
    )
    half = (9 + 2) / 2
    drift = 100 * (digamma(half) - math.log(9 / 2))
    assert tilted.paths is not None
    values = tilted.paths["log_trace"]
    _check(values, drift, error=0.02 * 100)
    assert values.var() == pytest.approx(100 * polygamma(1, half), rel=0.06)
    # More than 97 % of the mean comes from paths above it, which one path in 100 reaches.
    assert (values > 0).mean() > 0.97
    np.testing.assert_array_equal(values, tilted.paths["log_direction"])


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    ("loop", "s"),
    [
        (fully_synthetic(10), (1.0,)),
        (fully_synthetic(10), (1.0,) * 3),
        (fully_synthetic(8, bias=0.9, n_initial=12), (3.0, 1.0, 0.2, 0.0)),
        (fully_synthetic(4, bias=0.8, first_generation="biased"), (2.0, 1.0, 1.0, 1.0, 1.0)),
        (fully_synthetic(9, bias=0.9, ddof=0), (2.0, 0.5)),
    ],
)
def test_second_moments(loop, s):
    """E (tr Sigma)^2 = E tr Sigma E~ tr Sigma, and E tr Sigma^2 from E~ tr Sigma^2/tr Sigma."""
    record = ("trace", "trace_squared")
    run = simulate_size_biased(
        loop, s, generations=5, replicates=600_000, seed=2, record=record, keep_paths=True
    )
    # By hand, because collapse.py need not know ddof = 0: (1.5) as a matrix product.
    trace, second = sum(s), np.array([sum(x * x for x in s), sum(s) ** 2])
    exact, mean = [], []
    fits = [(loop.first_dof, loop.first_scale)] + 4 * [(loop.dof, loop.step_bias)]
    for m, scale in fits:
        trace *= scale
        second = scale**2 * np.array([[1 + 1 / m, 1 / m], [2 / m, 1.0]]) @ second
        exact.append(second), mean.append(trace)
    exact, mean = np.array(exact), np.array(mean)
    if loop.ddof == 1:
        np.testing.assert_allclose(
            exact[:, 0], collapse.mean_trace_squared(loop, s, generations=5), rtol=1e-12
        )
        np.testing.assert_allclose(
            exact[:, 1], collapse.mean_squared_trace(loop, s, generations=5), rtol=1e-12
        )
    assert run.paths is not None
    _check(mean * run.paths["trace"], exact[:, 1])
    _check(mean * run.paths["trace_squared"] / run.paths["trace"], exact[:, 0])


def test_the_law_of_the_direction():
    """P~: log of u' Sigma_t u / u' Sigma_0 u, whole distribution, at t = 1."""
    loop, s = fully_synthetic(6, bias=0.7, n_initial=5), (2.0, 1.0, 0.5)
    run = simulate_size_biased(
        loop,
        s,
        generations=2,
        replicates=20_000,
        seed=3,
        record=("log_direction",),
        keep_paths=True,
        threads=2,
    )
    assert run.paths is not None
    q = np.exp(run.paths["log_direction"][:, 0]) * loop.first_dof
    # Kolmogorov-Smirnov sees a shift of 2 % of chi^2_6 in 20,000 values only barely: the mean too.
    assert stats.kstest(q, stats.chi2(loop.first_dof + 2).cdf).pvalue > 1e-4
    _check(q, loop.first_dof + 2.0, error=0.04 * (loop.first_dof + 2.0))
    again = simulate_size_biased(
        loop, s, generations=2, replicates=20_000, seed=3, record=("log_direction",), threads=1
    )
    assert again.digest == run.digest


def test_probabilities_of_rare_events():
    """P(Sigma_t > x) = E tr Sigma_t E~ 1{...}/Sigma_t against the exact law, where it is small."""
    loop, t, x = fully_synthetic(10), 30, 100.0
    run = simulate_size_biased(
        loop,
        [1.0],
        generations=t,
        replicates=700_000,
        at=(t,),
        seed=4,
        record=("trace",),
        keep_paths=True,
    )
    assert run.paths is not None
    trace = run.paths["trace"][:, 0]
    tail = math.exp(float(collapse.directional_log_tails(math.log(x), loop, t=t)[1]))
    assert tail < 2e-3
    _check(np.where(trace > x, 1.0 / trace, 0.0), tail)


def test_refusals():
    options = {"generations": 1, "replicates": 1}
    with pytest.raises(UnsupportedLoop, match="the size-biased law is computed for"):
        simulate_size_biased(fresh_data(5, 5), [1.0], **options)
    with pytest.raises(ValueError, match="bias must be positive for the size-biased law, got 0"):
        simulate_size_biased(fully_synthetic(5, bias=0.0), [1.0], **options)
