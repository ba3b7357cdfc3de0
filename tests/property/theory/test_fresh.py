"""Laws that hold for every fresh data loop, and one generation against plain data."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madtheory import spectrum
from madtheory.loop import Loop, fresh_data
from madtheory.theory import distance, moments
from madtheory.theory.worth import (
    admissible_n_synth_limit,
    effective_sample_size,
    fraction_floor,
    mean_effective_size,
)

COUNTS = st.integers(1, 10**6)

BIASES = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))

SPECTRA = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=5)


@st.composite
def loops(draw, least=1):
    return fresh_data(
        draw(st.integers(least, 10**6)),
        draw(COUNTS),
        bias=draw(BIASES),
        n_initial=draw(st.integers(2, 10**6)),
        first_generation=draw(st.sampled_from(["real", "biased"])),
    )


def draw_models(rng, mu, Sigma, n, size):
    """Data sets of n samples of N(mu, Sigma), plain."""
    F = np.linalg.cholesky(Sigma)
    return mu + rng.standard_normal((size, n, len(mu))) @ F.T


def seven(mu, Sigma):
    mean_sq, trace = (mu**2).sum(-1), np.trace(Sigma, axis1=-2, axis2=-1)
    sandwich = np.einsum("ri,rij,rj->r", mu, Sigma, mu)
    of_square = (Sigma**2).sum(axis=(-2, -1))
    return np.array([mean_sq, trace, mean_sq**2, mean_sq * trace, sandwich, trace**2, of_square])


@pytest.mark.parametrize(
    ("n_real", "n_synth", "bias"), [(4, 3, 0.7), (1, 2, 1.0), (2, 1, 0.5), (3, 5, 0.0)]
)
def test_one_generation_against_plain_data(n_real, n_synth, bias):
    rng, size, dim = np.random.default_rng(n_real), 150_000, 2
    mu, Sigma = np.array([1.5, -0.5]), np.array([[2.0, 0.6], [0.6, 0.7]])
    loop = fresh_data(n_real, n_synth, bias=bias)
    real = draw_models(rng, np.zeros(dim), np.eye(dim), n_real, size)
    synth = mu + math.sqrt(bias) * (draw_models(rng, np.zeros(dim), Sigma, n_synth, size))
    data = np.concatenate([real, synth], axis=1)
    mean = data.mean(axis=1)
    centred = data - mean[:, None]
    covariance = centred.transpose(0, 2, 1) @ centred / (loop.n_train - 1)
    sample = seven(mean, covariance)
    A, b = moments.second_moment_map(loop, dim)
    expected = A @ seven(mu[None], Sigma[None])[:, 0] + b
    se = sample.std(axis=1) / math.sqrt(size)
    assert (np.abs(sample.mean(axis=1) - expected) < 4.5 * se).all()
    assert (se[[0, 1]] < 0.004 * expected[[0, 1]]).all()  # 2 % off is five standard errors


@given(loops())
def test_trace_and_mean_stay_between_known_values(loop):
    first = moments.first_moments_limit(loop)
    # lambda = 1 is the worst: C <= 2 and M <= 1/n_real; a real share keeps C above n_r/n
    assert loop.n_fresh / loop.n_train * (1 - 1e-12) <= first.trace <= 2 * (1 + 1e-12)
    assert 0 < first.mean_sq <= 1 / loop.n_fresh * (1 + 1e-12)
    assert moments.forgetting_rate(loop) < 1


@given(loops(), st.integers(1, 40), st.integers(1, 4))
def test_moments_obey_their_inequalities(loop, generations, dim):
    x = moments.second_moments(loop, dim, generations=generations)[-1]
    assert (x >= 0).all()
    slack = 1 + 1e-9
    assert x[0] ** 2 <= x[2] * slack
    assert x[1] ** 2 <= x[5] * slack
    assert x[6] <= x[5] * slack
    assert x[5] <= dim * x[6] * slack


@given(loops(least=2), st.integers(1, 4))
def test_fixed_points_are_fixed(loop, dim):
    A, b = moments.second_moment_map(loop, dim)
    limit = moments.second_moments_limit(loop, dim)
    assert limit is not None
    # A itself is rounded: allow an ulp of A against the gap
    np.testing.assert_allclose(A @ limit + b, limit, rtol=1e-13)


@given(loops(), SPECTRA)
def test_w2_scales_sorts_and_ignores_zeros(loop, s):
    def values(eigenvalues):
        path = distance.w2_squared(loop, eigenvalues, generations=3)
        limit = distance.w2_squared_limit(loop, eigenvalues)
        rows = [(getattr(e, k)) for e in (path, limit) for k in ("value", "lower", "upper")]
        return np.hstack(rows)

    base = values(s)
    # The equivalent at unequal eigenvalues is rounded as the trace is, not as W2^2.
    near = {"rtol": 1e-12, "atol": 1e-13 * sum(s)}
    np.testing.assert_allclose(values(np.array(s) * 7) / 7, base, **near)
    np.testing.assert_allclose(values([0.0, *s[::-1], 0.0]), base, **near)


@given(loops(), SPECTRA)
def test_w2_lies_between_its_bounds(loop, s):
    for e in (distance.w2_squared(loop, s, generations=4), distance.w2_squared_limit(loop, s)):
        assert np.isfinite([e.value, e.lower, e.upper, e.rel_error]).all()
        assert (e.lower <= e.value * (1 + 1e-12)).all()
        assert (e.value <= e.upper * (1 + 1e-12)).all()
        reach = np.maximum(e.upper - e.value, e.value - e.lower) / e.value
        assert (e.rel_error <= reach * (1 + 1e-9) + 1e-12).all()


@given(st.integers(1, 10**4), st.integers(1, 10**4), SPECTRA)
def test_a_flat_spectrum_is_the_worst(n_real, n_synth, s):
    # fidelity >= tr(Sigma^{1/2} Sigma_0): E W2^2/tr Sigma_0 is largest at Sigma_0 = I
    loop = fresh_data(n_real + 1, n_synth, bias=0.8)
    general = distance.w2_squared_second_order_limit(loop, s) / sum(s)
    flat = distance.w2_squared_second_order_limit(loop, np.ones(len(s))) / len(s)
    assert general <= flat * (1 + 1e-12)


@given(st.integers(2, 10**7), SPECTRA)
def test_baseline_falls_and_is_inverted(n, s):
    here, beyond = (float(spectrum.baseline(k, s).value) for k in (n, n + 1))
    assert beyond < here
    assert effective_sample_size(here, s) == pytest.approx(n, rel=1e-9)


@given(st.integers(2, 10**5), st.integers(1, 10**6))
def test_unbiased_data_is_worth_up_to_twice_in_the_mean(n_real, n_synth):
    worth = mean_effective_size(n_real, n_synth)
    assert n_real < worth < 2 * n_real - 1 or n_real == 1


@given(st.floats(0, 0.999), st.integers(1, 50))
def test_admissible_limit_grows_with_bias_and_dimension(bias, dim):
    here = admissible_n_synth_limit(bias, dim)
    assert here < admissible_n_synth_limit(bias + 5e-4, dim)
    assert here < admissible_n_synth_limit(bias, dim + 1)


@given(st.floats(0.01, 1), BIASES, st.integers(1, 9))
def test_floor_is_between_zero_and_the_whole(p, bias, dim):
    floor = fraction_floor(p, bias, dim)
    assert 0 <= floor <= dim
    direct = dim * (1 - math.sqrt(p / (1 - bias * (1 - p)))) ** 2 if bias < 1 else 0
    assert floor == pytest.approx(direct, rel=1e-9, abs=1e-14)  # the direct form cancels


@given(loops())
def test_first_generation_alone_depends_on_how_it_is_read(loop):
    first = moments.first_moments(loop, 1)
    beta = loop.first_bias
    assert (first.trace[0], first.mean_sq[0]) == (beta, pytest.approx(beta / loop.n_initial))


def test_the_plain_spec_is_the_builder():
    assert fresh_data(3, 4) == Loop(n_initial=3, n_fresh=3, n_synth=4)
