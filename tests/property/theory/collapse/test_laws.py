"""Laws that hold for every fully synthetic loop."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from madtheory.loop import fully_synthetic
from madtheory.theory import collapse

SIZES = st.one_of(st.integers(2, 60), st.sampled_from([10**3, 10**6, 10**9, 2**53]))

BIASES = st.one_of(st.floats(0.05, 1.0), st.just(1.0))


@st.composite
def loops(draw):
    return fully_synthetic(
        draw(SIZES),
        bias=draw(BIASES),
        n_initial=draw(SIZES),
        first_generation=draw(st.sampled_from(["real", "biased"])),
    )


EIGENVALUES = st.lists(st.floats(0.0, 1e3), min_size=1, max_size=6).filter(lambda s: max(s) > 1e-3)


@given(loops(), st.integers(1, 50), st.floats(-6.0, 6.0))
def test_tails_are_complementary_and_below_chernoff(loop, t, z):
    mean = collapse.directional_log_mean(loop, t)[-1]
    sd = math.sqrt(collapse.directional_log_variance(loop, t)[-1])
    log_x = float(mean + z * sd)
    lower, upper = collapse.directional_log_tails(log_x, loop, t=t)
    np.testing.assert_allclose(np.exp(lower) + np.exp(upper), 1.0, rtol=1e-12)
    if log_x > -700:
        bound = collapse.directional_chernoff(math.exp(log_x), loop, t=t)
        assert lower <= bound.log_cdf + 1e-9
        assert upper <= bound.log_sf + 1e-9


@settings(max_examples=settings.default.max_examples // 2)  # slow: a dozen inversions each
@given(loops(), st.integers(1, 50), st.floats(0.001, 0.999))
def test_quantile_inverts_the_distribution_function(loop, t, q):
    log_x = collapse.directional_log_quantile(q, loop, t=t)
    lower, _ = collapse.directional_log_tails(log_x, loop, t=t)
    sd = math.sqrt(collapse.directional_log_variance(loop, t)[-1])
    # A quantile is known to the spacing of floats around it, which the density magnifies.
    blur = 4e-16 * abs(float(log_x)) / sd
    np.testing.assert_allclose(np.exp(lower), q, rtol=1e-10 + 100 * blur)


@given(loops(), st.integers(1, 2000))
def test_first_moment_is_the_mean_trace(loop, t):
    moment = collapse.directional_moment(loop, t, power=1.0)
    np.testing.assert_allclose(
        moment, collapse.mean_trace(loop, [1.0], generations=t)[-1], rtol=1e-11
    )


@given(loops(), st.integers(1, 300))
def test_one_dimension_has_one_second_moment(loop, t):
    squares = collapse.mean_trace_squared(loop, [1.0], generations=t)
    np.testing.assert_allclose(
        squares, collapse.mean_squared_trace(loop, [1.0], generations=t), rtol=1e-12
    )
    second = collapse.directional_moment(loop, t, power=2.0)
    np.testing.assert_allclose(squares[-1], second, rtol=1e-10)


@given(loops(), EIGENVALUES, st.floats(1e-3, 1e3), st.integers(1, 30))
def test_laws_scale_with_the_start(loop, eigenvalues, scale, t):
    s = np.array(eigenvalues)
    at = {"generations": t}
    for law, power in (
        (collapse.mean_trace, 1),
        (collapse.mean_walk, 1),
        (collapse.mean_trace_squared, 2),
        (collapse.mean_squared_trace, 2),
    ):
        np.testing.assert_allclose(
            law(loop, scale * s, **at), scale**power * law(loop, s, **at), rtol=1e-11
        )


@given(loops(), EIGENVALUES, st.integers(1, 30))
def test_second_moments_are_ordered(loop, eigenvalues, t):
    s = np.array(eigenvalues)
    squares = collapse.mean_trace_squared(loop, s, generations=t)
    total = collapse.mean_squared_trace(loop, s, generations=t)
    trace = collapse.mean_trace(loop, s, generations=t)
    slack = 1 + 1e-11
    assert (squares <= total * slack).all()
    assert (total <= squares * s.size * slack).all()
    assert (trace**2 <= total * slack).all()


@given(loops(), st.integers(1, 8))
def test_log_det_rate_is_the_sum_of_the_spectrum(loop, dim):
    spectrum = collapse.lyapunov_spectrum(loop, dim)
    assert (np.diff(spectrum) <= 0).all()
    if dim <= min(loop.dof, loop.first_dof):
        step = np.diff(collapse.log_det_mean(loop, np.ones(dim), generations=3))
        # The steps are differences of accumulated sums: absolute accuracy.
        np.testing.assert_allclose(step, spectrum.sum(), rtol=1e-12, atol=1e-14)


@given(loops())
def test_rate_is_negative_below_the_critical_bias(loop):
    assert collapse.rate(loop) < 0
    assert collapse.critical_bias(loop) >= 1.0
    np.testing.assert_allclose(
        collapse.half_life(loop) * collapse.rate(loop), -math.log(2), rtol=1e-13
    )


@settings(max_examples=settings.default.max_examples // 2)  # slow: a dozen inversions each
@given(
    st.integers(2, 30), st.integers(2, 30), st.floats(0.3, 1.0), st.floats(0.02, 0.9),
)  # fmt: skip
def test_first_passage_lies_between_the_fixed_time_law_and_twice_it(n, n_initial, bias, eps):
    loop = fully_synthetic(n, n_initial=n_initial, bias=bias)
    cdf = collapse.first_passage_cdf(eps, loop, generations=12)
    fixed = np.array([collapse.directional_cdf(eps, loop, t=t) for t in range(1, 13)])
    assert (fixed <= cdf * (1 + 1e-11) + 1e-15).all()
    assert (cdf <= np.minimum(2 * fixed, 1.0) * (1 + 1e-11) + 1e-15).all()
