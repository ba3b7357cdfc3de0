"""Laws of words in the loop, over random vocabularies, sizes and temperatures."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from madtheory import modes
from madtheory.modes.bounds import stationary_bounds
from madtheory.modes.diversity import token_heterozygosity
from madtheory.modes.tempering import full_chain, stationary_law, token_chain

SLOW = settings(max_examples=max(settings.default.max_examples // 2, 10))
SIZES = st.integers(1, 40)
CHANCES = st.floats(1e-6, 1.0, exclude_max=True)
TEMPERATURES = st.one_of(st.floats(0.2, 3.0), st.sampled_from([0.0, 1.0]))


@st.composite
def vocabularies(draw, most=6):
    weights = draw(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=most).filter(any))
    # Weights that are equal up to rounding are ties of temperature 0 for one order only.
    weights = np.round(weights, 6)
    return weights / weights.sum() if weights.any() else np.array([1.0])


@given(vocabularies(), st.floats(0.3, 3.0), st.floats(0.3, 3.0))
def test_temperatures_in_turn_multiply(p, first, second):
    twice = modes.tempered(modes.tempered(p, first), second)
    np.testing.assert_allclose(twice, modes.tempered(p, first * second), rtol=1e-9, atol=1e-300)


@given(vocabularies(), TEMPERATURES, st.randoms(use_true_random=False))
def test_tempering_commutes_with_renaming_and_keeps_the_order(p, temperature, random):
    order = list(range(p.size))
    random.shuffle(order)
    sharp = modes.tempered(p, temperature)
    np.testing.assert_allclose(
        modes.tempered(p[order], temperature), sharp[order], rtol=1e-12, atol=1e-300
    )
    assert abs(sharp.sum() - 1) < 1e-12
    assert (sharp[p == 0] == 0).all()
    assert (np.diff(sharp[np.argsort(p, kind="stable")]) >= -1e-12).all()


@given(vocabularies(), st.floats(0.0, 1.0), st.floats(1.0, 1e3))
def test_sharpening_lowers_heterozygosity_and_flattening_raises_it(p, low, high):
    def differ(q):
        return 1 - (q**2).sum()

    assert differ(modes.tempered(p, low)) <= differ(p) + 1e-12
    # Zeros stay zeros, so flattening never passes the number of living tokens.
    assert differ(p) <= differ(modes.tempered(p, high)) + 1e-12


@SLOW
@given(CHANCES, SIZES, st.integers(0, 12), st.integers(1, 40))
def test_bounds_hold_the_exact_survival(p, n, n_fresh, t):
    estimate = modes.token_survival(p, n, t, n_fresh=n_fresh)
    assert (estimate.lower <= estimate.value + 1e-12).all()
    assert (estimate.value <= estimate.upper + 1e-12).all()


@SLOW
@given(CHANCES, SIZES, st.integers(1, 30))
def test_survival_falls_in_time_and_rises_in_p_and_never_below_p(p, n, t):
    curve = modes.token_survival([p, p + 0.3 * (1 - p)], n, t).value
    assert (np.diff(curve, axis=1) <= 1e-13).all()
    assert (curve[0] <= curve[1] + 1e-13).all()
    # Absorbed at 1 with probability p.
    assert (curve[0] >= p - 1e-13).all()


@SLOW
@given(CHANCES, st.integers(1, 300), st.integers(1, 60))
def test_stationary_bounds_hold_the_exact_law_and_fresh_data_help(p, n, n_fresh):
    gone = stationary_law(p, n, n_fresh)[0]
    lower, upper = stationary_bounds(p, n, n_fresh)
    assert lower <= 1 - gone + 1e-12
    assert 1 - gone <= upper + 1e-12
    assert stationary_law(p, n, n_fresh + 1)[0] <= gone * (1 + 1e-10)


@SLOW
@given(vocabularies(), st.integers(1, 60), st.integers(1, 20))
def test_bounds_hold_the_stationary_support(p, n, n_fresh):
    support = modes.stationary_support(p, n, n_fresh)
    for part in (support.number, support.mass):
        assert part.lower <= part.value + 1e-11
        assert part.value <= part.upper + 1e-11
    assert support.number.value <= np.count_nonzero(p) + 1e-11


@SLOW
@given(CHANCES, st.integers(1, 60), st.integers(0, 9), TEMPERATURES)
def test_the_chain_is_symmetric_stochastic_and_absorbed_at_its_ends(p, n, n_fresh, temperature):
    matrix = token_chain(p, n, temperature=temperature, n_fresh=n_fresh)
    other = token_chain(1 - p, n, temperature=temperature, n_fresh=n_fresh)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-12)
    # 1 - p is rounded, and so are the shares k/N.
    np.testing.assert_allclose(other[::-1, ::-1], matrix, rtol=1e-8, atol=1e-15)
    if n_fresh == 0:
        assert matrix[0, 0] == matrix[-1, -1] == 1.0


@SLOW
@given(CHANCES, st.integers(1, 40), st.integers(0, 9), st.integers(1, 20))
def test_the_share_is_a_martingale_at_temperature_one_only(p, n, n_fresh, t):
    path = modes.two_tokens(p, n, generations=t, n_fresh=n_fresh)
    np.testing.assert_allclose(path.share, p, rtol=1e-11)
    exact = token_heterozygosity([p, 1 - p], n, t, n_fresh=n_fresh)
    np.testing.assert_allclose(path.heterozygosity, exact, rtol=1e-9, atol=1e-15)


@SLOW
@given(st.floats(0.5, 0.99), st.integers(2, 40), st.floats(0.0, 1.0), st.integers(1, 20))
def test_below_one_the_favoured_gains_and_heterozygosity_is_bounded(p, n, temperature, t):
    path = modes.two_tokens(p, n, temperature=temperature, generations=t)
    assert (np.diff(path.share) >= -1e-12).all()
    bound = token_heterozygosity([p, 1 - p], n, t)
    assert (path.heterozygosity <= bound + 1e-12).all()


@SLOW
@given(st.floats(0.5, 0.95), st.integers(2, 60), st.floats(0.0, 0.99), st.floats(0.001, 1.0))
def test_a_lower_temperature_decides_more_surely_and_sooner(p, n, temperature, more):
    cold = modes.fixation(p, n, temperature=temperature)
    warm = modes.fixation(p, n, temperature=temperature + more * (1 - temperature))
    assert cold.probability.value >= warm.probability.value - 1e-11
    assert cold.time.value <= warm.time.value * (1 + 1e-10)
    other = modes.fixation(1 - p, n, temperature=temperature)
    np.testing.assert_allclose(cold.probability.value, 1 - other.probability.value, rtol=1e-10)


@settings(max_examples=15)
@given(vocabularies(most=4), st.integers(1, 6), st.integers(0, 2), TEMPERATURES, st.data())
def test_the_full_chain_does_not_mind_names(p, n, n_fresh, temperature, data):
    order = data.draw(st.permutations(range(p.size)))
    options = {"temperature": temperature, "generations": 4, "n_fresh": n_fresh}
    loop = full_chain(p, n, **options)
    renamed = full_chain(p[order], n, **options)
    np.testing.assert_allclose(loop.laws.sum(axis=1), 1.0, rtol=1e-11)
    for i, j in enumerate(order):
        np.testing.assert_allclose(
            renamed.expect(renamed.states[:, i]),
            loop.expect(loop.states[:, j]),
            rtol=1e-9,
            atol=1e-12,
        )
    alive = loop.expect((loop.states > 0).sum(axis=1))
    if n_fresh == 0:
        assert (np.diff(alive) <= 1e-12).all()
