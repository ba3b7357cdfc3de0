"""What holds of every spectrum of biases: flat is scalar, order is free, more bias is more."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.theory import collapse, distance, moments

SIZES = st.integers(3, 60)
PAIRS = st.lists(
    st.tuples(st.floats(0.01, 1e3), st.floats(0.05, 1.0)), min_size=2, max_size=5
).filter(lambda pairs: len({bias for _, bias in pairs}) > 1)
T = 5

MONOTONE = (
    lambda loop, s: collapse.mean_trace(loop, s, generations=T),
    lambda loop, s: collapse.mean_walk(loop, s, generations=T),
    lambda loop, s: collapse.mean_trace_squared(loop, s, generations=T),
    lambda loop, s: collapse.mean_squared_trace(loop, s, generations=T),
    lambda loop, s: collapse.lyapunov_spectrum(loop, len(s)),
    lambda loop, s: collapse.direction_rates(loop, s),
)
LAWS = (
    *MONOTONE[:-1],
    lambda loop, s: collapse.log_det_mean(loop, s, generations=T),
    lambda loop, s: collapse.w2_squared(loop, s, generations=T).value,
    lambda loop, s: collapse.w2_squared(loop, s, generations=T).lower,
    lambda loop, s: collapse.w2_squared(loop, s, generations=T).rel_error,
)


def split(pairs: list[tuple[float, float]]) -> tuple[list[float], tuple[float, ...]]:
    s, biases = zip(*pairs, strict=True)
    return list(s), biases


@given(SIZES, st.lists(st.floats(0.01, 1e3), min_size=2, max_size=5), st.floats(0.05, 0.99))
def test_a_flat_spectrum_is_the_scalar(n, s, bias):
    # The next float keeps the way of a spectrum.
    flat = (bias,) * (len(s) - 1) + (float(np.nextafter(bias, 1)),)
    one, many = (fully_synthetic(n, bias=b) for b in (bias, flat))
    for law in LAWS:
        np.testing.assert_allclose(law(many, s), law(one, s), rtol=1e-11, atol=1e-12)
    real, mixed = (fresh_data(n, n, bias=b) for b in (bias, flat))
    for ask in (moments.first_moments_limit, lambda x, **k: moments.first_moments(x, T, **k)):
        np.testing.assert_allclose(ask(mixed, eigenvalues=s), ask(real), rtol=1e-12)


@settings(max_examples=settings.default.max_examples // 2)  # the limits are dear
@given(SIZES, PAIRS, st.randoms())
def test_order_of_the_directions_is_free(n, pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    (s, biases), (s_2, biases_2) = split(pairs), split(shuffled)
    one, other = fully_synthetic(n, bias=biases), fully_synthetic(n, bias=biases_2)
    for law in LAWS:
        np.testing.assert_allclose(law(other, s_2), law(one, s), rtol=1e-11, atol=1e-11)
    real, mixed = fresh_data(n, n, bias=biases), fresh_data(n, n, bias=biases_2)
    np.testing.assert_allclose(
        distance.w2_squared_limit(mixed, s_2).value,
        distance.w2_squared_limit(real, s).value,
        rtol=1e-9,
    )


@given(SIZES, PAIRS, st.data())
def test_moments_grow_with_every_bias(n, pairs, data):
    s, biases = split(pairs)
    k = data.draw(st.integers(0, len(s) - 1))
    more = list(biases)
    more[k] = biases[k] + data.draw(st.floats(0.0, 1.0)) * (1 - biases[k])
    less, larger = (fully_synthetic(n, bias=b) for b in (biases, tuple(more)))
    for law in MONOTONE:
        a, b = law(less, s), law(larger, s)
        assert (b >= a - 1e-11 * np.abs(a)).all()
    real, mixed = (fresh_data(n, n, bias=b) for b in (biases, tuple(more)))
    a, b = (np.array(moments.first_moments_limit(x, eigenvalues=s)) for x in (real, mixed))
    assert (b >= a * (1 - 1e-11)).all()


@given(SIZES, PAIRS)
def test_a_spectrum_lies_between_its_ends(n, pairs):
    s, biases = split(pairs)
    loop: Loop = fully_synthetic(n, bias=biases)
    low, high = (fully_synthetic(n, bias=b) for b in (min(biases), max(biases)))
    found, ends = (
        collapse.mean_trace(loop, s, generations=T),
        [collapse.mean_trace(x, s, generations=T) for x in (low, high)],
    )
    assert (found >= ends[0] * (1 - 1e-12)).all()
    assert (found <= ends[1] * (1 + 1e-12)).all()
