"""Laws of E W2^2 and of E tr Sigma^(1/2) over all loops, covariances and generations."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from madtheory import spectrum
from madtheory.loop import Loop, fully_synthetic
from madtheory.theory.collapse import first_decrease, is_increasing, w2_squared, w2_squared_limit

sizes = st.one_of(st.integers(2, 40), st.integers(2, 2**53))
biases = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.0, 1.0))
covariances = st.one_of(
    st.integers(1, 30).map(np.ones),
    st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=12).map(np.array),
)


@st.composite
def loops(draw: st.DrawFn) -> Loop:
    return fully_synthetic(
        draw(sizes),
        bias=draw(biases),
        n_initial=draw(sizes),
        first_generation=draw(st.sampled_from(["real", "biased"])),
    )


@given(loops(), covariances, st.integers(1, 60))
def test_estimate_lies_between_its_bounds(loop: Loop, s: np.ndarray, t: int) -> None:
    e = w2_squared(loop, s, generations=t)
    for field in (e.value, e.lower, e.upper, e.rel_error):
        assert np.isfinite(field).all()
        assert field.shape == (t,)
    assert (e.lower <= e.value).all()
    assert (e.value <= e.upper).all()
    assert (e.rel_error >= 0).all()
    assert (e.lower > 0).all() or loop.first_bias == 0


@given(loops(), covariances, st.integers(2, 60))
def test_bounds_of_the_distance_contain_those_of_jensen(loop: Loop, s: np.ndarray, t: int) -> None:
    # walk + (sqrt(tr Sigma_0) - sqrt(E tr Sigma_t))^2 <= E W2^2 <= walk + both traces.
    e = w2_squared(loop, s, generations=t)
    tau = loop.first_bias * loop.bias ** np.arange(t)
    walk = loop.first_bias * (
        1 / loop.n_initial + np.append(0.0, np.cumsum(loop.bias ** np.arange(1, t))) / loop.n_synth
    )
    assert (
        e.lower >= s.sum() * (walk + (1 - np.sqrt(tau)) ** 2) * (1 - 1e-9) - 1e-12 * s.sum()
    ).all()
    assert (e.upper <= s.sum() * (walk + 1 + tau) * (1 + 1e-12)).all()


@given(loops(), covariances, st.floats(1e-3, 1e3))
def test_scale_and_order_of_eigenvalues(loop: Loop, s: np.ndarray, scale: float) -> None:
    a = w2_squared(loop, s, generations=5)
    b = w2_squared(loop, scale * s[::-1], generations=5)
    np.testing.assert_allclose(b.value, scale * a.value, rtol=1e-9)  # rounding of equal eigenvalues
    np.testing.assert_allclose(b.upper, scale * a.upper, rtol=1e-9)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=5), st.integers(1, 20), st.randoms())
def test_commutation(dofs: list[int], dim: int, random: object) -> None:
    mixed = list(dofs)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    a, b = (spectrum.mean_sqrt_trace(np.ones(dim), k) for k in (dofs, mixed))
    np.testing.assert_allclose(a.value[-1], b.value[-1], rtol=1e-11)
    np.testing.assert_allclose(a.lower[-1], b.lower[-1], rtol=1e-11)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=5), covariances)
def test_fidelity_falls_and_stays_below_the_directional_mean(
    dofs: list[int], s: np.ndarray
) -> None:
    e = spectrum.mean_sqrt_trace(s, dofs)
    assert (np.diff(e.upper) <= 1e-12 * e.upper[:-1]).all()
    phi = np.cumprod([1 - float(spectrum.sqrt_trace_deficit([1.0], [k]).value[0]) for k in dofs])
    assert (e.upper <= s.sum() * phi * (1 + 1e-9)).all()
    assert (
        e.lower >= np.sqrt(np.pi / 2) * np.sqrt((s**2).sum() * 2 / np.pi) * phi * (1 - 1e-9)
    ).all()


@given(sizes, st.integers(1, 30))
def test_bias_one_increases(n: int, dim: int) -> None:
    loop = fully_synthetic(n)
    assert is_increasing(loop, dim).verdict == "increasing"
    assert (np.diff(w2_squared(loop, np.ones(dim), generations=30).value) > 0).all()


@given(loops(), st.integers(1, 40))
def test_verdicts_agree_with_the_estimate(loop: Loop, dim: int) -> None:
    answer = is_increasing(loop, dim)
    e = w2_squared(loop, np.ones(dim), generations=40)
    slack = e.value * e.rel_error + 1e-12 * e.value
    if answer.verdict == "increasing":
        assert (np.diff(e.value) >= -(slack[1:] + slack[:-1])).all()
    if answer.verdict == "undecided":
        assert loop.n_synth < 2**53
        assert (np.diff(e.value) >= -(slack[1:] + slack[:-1])).all()


@given(loops())
def test_one_dimension_is_always_decided(loop: Loop) -> None:
    answer = is_increasing(loop, 1)
    assert answer.status == "exact"
    t = first_decrease(loop, generations=2**53)
    if t is not None:
        assert answer.verdict == "not_increasing"
        assert answer.generation == t + 1
    elif loop.bias > 0:
        assert answer.verdict == "increasing"


@given(loops(), covariances)
def test_limit_is_reached(loop: Loop, s: np.ndarray) -> None:
    limit = w2_squared_limit(loop, s)
    if loop.bias < 0.9:
        e = w2_squared(loop, s, generations=800)
        np.testing.assert_allclose(e.value[-1], limit, rtol=1e-9)
