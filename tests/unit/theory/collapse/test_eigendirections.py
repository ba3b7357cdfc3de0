"""Laws with a spectrum of biases, by the recursion of every entry and path by path."""

import math

import numpy as np
import pytest
from scipy import stats

from madtheory.loop import Loop, UnsupportedLoop, fully_synthetic
from madtheory.theory import collapse

S = np.array([3.0, 1.0, 0.5, 0.2])
BIAS = (0.9, 1.0, 0.4, 0.7)
T = 7
LOOPS = [
    fully_synthetic(6, bias=BIAS),
    fully_synthetic(12, bias=BIAS, n_initial=9, ddof=0),
    fully_synthetic(12, bias=BIAS, first_generation="biased"),
]


def entries(loop: Loop) -> dict[str, np.ndarray]:
    """E of traces by the recursion of E Sigma_kl^2 and E Sigma_kk Sigma_ll, and of the mean."""
    lam = np.array(loop.bias)
    first = lam if loop.first_generation == "biased" else np.ones(4)
    a, b, c = np.diag(S**2), np.outer(S, S), S.copy()
    walk = first * S / loop.n_initial
    rows = []
    for t in range(T):
        n = loop.n_synth if t else loop.n_initial
        scale, m = (lam if t else first) * (n - 1) / (n - loop.ddof), n - 1
        if t:
            walk = walk + lam * c / n
        both = np.outer(scale, scale)
        # E S_kl^2 and E S_kk S_ll of a Wishart matrix; on the diagonal both are E S_kk^2.
        a, b = both * ((1 + 1 / m) * a + b / m), both * (b + 2 / m * a)
        c = scale * c
        rows.append((walk.sum(), c.sum(), a.sum(), b.sum()))
    return dict(zip(("walk", "trace", "squared", "square"), np.array(rows).T, strict=True))


@pytest.mark.parametrize("loop", LOOPS)
def test_moments_follow_the_recursion_of_every_entry(loop):
    law, at = entries(loop), {"generations": T}
    for name, found in (
        ("walk", collapse.mean_walk(loop, S, **at)),
        ("trace", collapse.mean_trace(loop, S, **at)),
        ("squared", collapse.mean_trace_squared(loop, S, **at)),
        ("square", collapse.mean_squared_trace(loop, S, **at)),
    ):
        np.testing.assert_allclose(found, law[name], rtol=1e-12)
    both = collapse.second_moments(loop, S, **at)
    np.testing.assert_array_equal(both.trace_squared, collapse.mean_trace_squared(loop, S, **at))


@pytest.mark.parametrize("loop", LOOPS)
def test_log_det_gains_the_logs_of_all_biases(loop):
    unbiased = fully_synthetic(loop.n_synth, n_initial=loop.n_initial, ddof=loop.ddof)
    steps = np.arange(T) + (loop.first_generation == "biased")
    gained = steps * math.fsum(math.log(x) for x in BIAS)
    at = {"generations": T}
    expected = collapse.log_det_mean(unbiased, S, **at) + gained
    np.testing.assert_allclose(collapse.log_det_mean(loop, S, **at), expected, rtol=1e-12)
    variance = collapse.log_det_variance(unbiased, S, **at)
    np.testing.assert_array_equal(collapse.log_det_variance(loop, S, **at), variance)


def test_the_fidelity_is_that_of_the_unbiased_loop_path_by_path():
    # Factors of the loop, D^{1/2} from the left and Bartlett from the right, against Sigma_0 D^t.
    rng, m, lam = np.random.default_rng(0), 9, np.array(BIAS)
    L, plain = np.diag(np.sqrt(S)), np.eye(4)
    for t in range(5):
        factor = np.linalg.cholesky(stats.wishart.rvs(m, np.eye(4) / m, random_state=rng))
        L, plain = (np.sqrt(lam)[:, None] * L if t else L) @ factor, plain @ factor
        fidelity = np.linalg.svd(np.sqrt(S)[:, None] * L, compute_uv=False).sum()
        h = S * lam ** (t / 2)
        # mean_sqrt_trace(h) is the mean of tr (h W_t h)^{1/2}.
        values = np.linalg.eigvalsh(h[:, None] * (plain @ plain.T) * h)
        np.testing.assert_allclose(fidelity, np.sqrt(values).sum(), rtol=1e-12)


def test_where_one_direction_is_left_the_distance_is_exact():
    loop = fully_synthetic(8, bias=(0.7, 0.0))
    found = collapse.w2_squared(loop, [2.0, 3.0], generations=4)
    c4 = math.exp(math.lgamma(4) - math.lgamma(3.5)) * math.sqrt(2 / 7)
    for t in range(2, 5):
        tau = 0.7 ** (t - 1)
        walk = (2 * sum(0.7**k for k in range(t)) + 3) / 8
        alive = 2 * (1 + tau - 2 * math.sqrt(tau) * c4**t)
        assert found.value[t - 1] == pytest.approx(walk + alive + 3, rel=1e-12)
        assert found.rel_error[t - 1] == 0
    assert found.rel_error[0] > 0


def test_the_distance_ends_where_every_direction_is_dead():
    loop = fully_synthetic(8, bias=(0.7, 0.4))
    limit = 5 + 2 / (8 * 0.3) + 3 / (8 * 0.6)
    assert collapse.w2_squared_limit(loop, [2.0, 3.0]) == pytest.approx(limit, rel=1e-13)
    late = collapse.w2_squared(loop, [2.0, 3.0], generations=300).last()
    assert float(late.value) == pytest.approx(limit, rel=1e-9)
    assert collapse.w2_squared_limit(fully_synthetic(8, bias=(1.0, 0.4)), [2.0, 3.0]) == math.inf


def test_exponents_pair_sorted_with_sorted():
    loop, plain = fully_synthetic(9, bias=BIAS), fully_synthetic(9)
    own = collapse.lyapunov_spectrum(plain, 4)
    expected = own + np.log(sorted(BIAS, reverse=True))
    np.testing.assert_allclose(collapse.lyapunov_spectrum(loop, 4), expected, rtol=1e-13)
    assert collapse.rate(loop) == collapse.rate(plain)
    assert collapse.half_life(loop) == collapse.half_life(plain)
    assert collapse.critical_bias(loop) == collapse.critical_bias(plain)
    assert collapse.clt_variance(loop) == collapse.clt_variance(plain)
    growth = collapse.condition_growth(loop, 4)
    assert growth == pytest.approx(expected[0] - expected[-1], rel=1e-13)
    # All volume is lost at the rate of log det.
    drift = np.diff(collapse.log_det_mean(loop, S, generations=2))[0]
    assert expected.sum() == pytest.approx(drift, rel=1e-12)


def test_exponents_of_a_low_rank_are_those_of_the_largest_biases():
    loop = fully_synthetic(3, bias=(0.5, 0.9, 0.7))
    expected = collapse.lyapunov_spectrum(fully_synthetic(3), 3) + np.log([0.9, 0.7])
    np.testing.assert_allclose(collapse.lyapunov_spectrum(loop, 3), expected, rtol=1e-13)
    with pytest.raises(ValueError, match="one number for each of the 2 eigenvalues, got 3"):
        collapse.lyapunov_spectrum(loop, 2)


def test_rates_by_direction_are_those_of_the_loops_along_them():
    loop = fully_synthetic(10, bias=(0.9, 0.5))
    found = collapse.direction_rates(loop, [1.0, 5.0])
    assert found.tolist() == [collapse.rate(loop.along(k)) for k in range(2)]
    assert np.ptp(collapse.direction_rates(fully_synthetic(10), [1.0, 5.0])) == 0


@pytest.mark.parametrize("first", ["real", "biased"])
@pytest.mark.parametrize(
    ("bias", "s"),
    [
        ((0.5, 1.0), [100.0, 1.0]),
        ((0.5, 1.0), [1.0, 1.0]),
        ((0.5, 1.0), [0.5, 1.0]),
        ((0.9, 0.95, 0.2), [3.0, 1.0, 50.0]),
        ((0.9, 0.95, 0.0), [3.0, 1.0, 50.0]),
        ((0.9, 0.9, 0.2), [1.0, 2.0, 0.0]),
    ],
)
def test_dominance_by_looking_at_every_generation(bias, s, first):
    loop = fully_synthetic(10, bias=bias, first_generation=first)
    t = np.arange(200)[:, None] + (first == "biased")
    variances = np.asarray(s) * np.asarray(bias) ** t
    k, since = collapse.dominance(loop, s)
    assert k == variances[-1].argmax()
    rivals = [j for j in range(len(s)) if j != k and bias[j] < bias[k]]
    behind = (variances[:, [k]] <= variances[:, rivals]).any(axis=1)
    assert since == (np.flatnonzero(behind)[-1] + 2 if behind.any() else 1)


def test_laws_of_one_bias_refuse_several():
    loop, s = LOOPS[0], S
    for ask in (
        lambda: collapse.directional_cdf(0.5, loop, t=3),
        lambda: collapse.directional_log_mean(loop, 3),
        lambda: collapse.first_passage_cdf(0.5, loop, generations=3),
        lambda: collapse.collapse_time_quantiles(loop, 4, eps=0.5, q=0.5),
        lambda: collapse.second_moment_growth(loop),
        lambda: collapse.w2_squared_high_dimension(loop, 4, generations=2),
        lambda: collapse.is_increasing(loop, 4),
        lambda: collapse.overshoot_peak(loop, 4),
        lambda: collapse.first_decrease(loop, generations=5),
    ):
        with pytest.raises(UnsupportedLoop, match="one bias in all directions only"):
            ask()
    with pytest.raises(UnsupportedLoop, match="floor = 0 only"):
        collapse.mean_trace(fully_synthetic(6, bias=BIAS, floor=0.1), s, generations=2)
