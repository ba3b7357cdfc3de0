"""Words at any temperature: exact chains by scipy, by mpmath and by all texts."""

import itertools

import mpmath
import numpy as np
import pytest
from scipy import stats

from madtheory import modes
from madtheory.modes.tempering import (
    _limit_law,
    deterministic,
    full_chain,
    stationary_law,
    token_chain,
)

TEMPERATURES = (0.0, 0.5, 0.8, 1.0, 1.7)


def test_tempered_is_the_power_and_its_ends_are_argmax():
    p = np.array([0.5, 0.3, 0.2, 0.0])
    np.testing.assert_allclose(modes.tempered(p, 0.4), p**2.5 / (p**2.5).sum(), rtol=1e-13)
    np.testing.assert_allclose(modes.tempered([0.4, 0.4, 0.2], 0.0), [0.5, 0.5, 0.0])
    np.testing.assert_allclose(modes.tempered([0.4, 0.4, 0.2], 1e-200), [0.5, 0.5, 0.0])
    # A lost token stays lost where the others become equal.
    np.testing.assert_allclose(modes.tempered(p, 1e300)[:3], 1 / 3, rtol=1e-12)
    assert modes.tempered(p, 1e300)[3] == 0.0


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_deterministic_path_is_the_step_by_step_one(temperature):
    p = modes.zipf(6, 0.7)
    path = deterministic(p, temperature, 6)
    for t in range(5):
        # Rounding in p is magnified by 1/lambda a step.
        np.testing.assert_allclose(
            modes.tempered(path[t], temperature), path[t + 1], rtol=1e-12, atol=1e-300
        )
    np.testing.assert_allclose(path[0], p, rtol=1e-15)


@pytest.mark.parametrize(
    ("n", "n_fresh", "temperature", "p"),
    [(40, 4, 1.0, 0.1), (10, 30, 0.6, 0.4), (20, 5, 2.0, 0.3), (7, 8, 0.0, 0.3), (1, 1, 1.0, 0.5)],
)
def test_stationary_law_solves_its_equation(chain_by_scipy, n, n_fresh, temperature, p):
    law = stationary_law(p, n, n_fresh, temperature=temperature)
    matrix = chain_by_scipy(p, n, temperature, n_fresh)
    np.testing.assert_allclose(law @ matrix, law, rtol=1e-10, atol=1e-18)
    square = np.vstack([matrix.T - np.eye(len(law)), np.ones(len(law))])
    solved = np.linalg.lstsq(square, np.r_[np.zeros(len(law)), 1.0], rcond=None)[0]
    np.testing.assert_allclose(law, solved, rtol=0, atol=1e-12)


def test_stationary_law_where_the_first_winner_stays():
    # Temperature 0 and 2 fresh of 11: the majority of generation 1 has all nine, for ever.
    law = stationary_law(0.3, 9, 2, temperature=0.0)
    wins = stats.binom.sf(5, 11, 0.3)
    np.testing.assert_allclose(law[9:], wins * stats.binom.pmf([0, 1, 2], 2, 0.3), rtol=1e-12)
    np.testing.assert_allclose(law[:3], (1 - wins) * stats.binom.pmf([0, 1, 2], 2, 0.3), rtol=1e-12)
    assert stationary_law(1.0, 5, 2)[-1] == 1.0
    assert stationary_law(0.0, 5, 2, temperature=0.5)[0] == 1.0


def test_a_bistable_stationary_law_keeps_its_small_numbers():
    # Eigenvectors lose the smaller well here; mpmath keeps 60 digits.
    p, n, n_fresh, temperature = 0.35, 24, 2, 0.5
    law = stationary_law(p, n, n_fresh, temperature=temperature)
    with mpmath.workdps(60):
        size = n + n_fresh
        rows = mpmath.zeros(size + 1, size + 1)
        for k in range(size + 1):
            g = mpmath.mpf(k) ** 2 / (mpmath.mpf(k) ** 2 + mpmath.mpf(size - k) ** 2)
            for i, f in itertools.product(range(n + 1), range(n_fresh + 1)):
                rows[k, i + f] += (
                    mpmath.binomial(n, i) * g**i * (1 - g) ** (n - i)
                    * mpmath.binomial(n_fresh, f) * mpmath.mpf(p) ** f
                    * (1 - mpmath.mpf(p)) ** (n_fresh - f)
                )  # fmt: skip
        system = rows.T - mpmath.eye(size + 1)
        for k in range(size + 1):
            system[0, k] = 1
        right = mpmath.zeros(size + 1, 1)
        right[0] = 1
        exact = [float(x) for x in mpmath.lu_solve(system, right)]
    np.testing.assert_allclose(law, exact, rtol=1e-11)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize(("n", "n_fresh"), [(1, 0), (9, 0), (8, 3), (2, 7)])
def test_token_chain_is_binomial(chain_by_scipy, n, n_fresh, temperature):
    matrix = token_chain(0.3, n, temperature=temperature, n_fresh=n_fresh)
    other = chain_by_scipy(0.3, n, temperature, n_fresh)
    np.testing.assert_allclose(matrix, other, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("n_fresh", [0, 2])
def test_two_tokens_are_the_full_chain_of_two(temperature, n_fresh):
    options = {"temperature": temperature, "generations": 7, "n_fresh": n_fresh}
    path = modes.two_tokens(0.35, 12, **options)
    loop = full_chain([0.35, 0.65], 12, **options)
    first = loop.states[:, 0]
    x = first / (12 + n_fresh)
    np.testing.assert_allclose(path.share, loop.expect(x), rtol=1e-12)
    np.testing.assert_allclose(path.alive, loop.expect(first > 0), rtol=1e-12)
    np.testing.assert_allclose(path.alone, loop.expect(x == 1), rtol=1e-12)
    np.testing.assert_allclose(path.heterozygosity, loop.expect(2 * x * (1 - x)), rtol=1e-12)


def test_full_chain_is_a_sum_over_all_texts():
    # All 3^4 first texts, all 3^4 second ones.
    p, n, temperature = np.array([0.5, 0.3, 0.2]), 4, 0.7
    law = np.zeros(4)
    for text in itertools.product(range(3), repeat=n):
        g = np.bincount(text, minlength=3) ** (1 / temperature)
        g = g / g.sum()
        for second in itertools.product(range(3), repeat=n):
            law[len(set(second))] += p[list(text)].prod() * g[list(second)].prod()
    loop = full_chain(p, n, temperature=temperature, generations=2)
    alive = (loop.states > 0).sum(axis=1)
    for number in (1, 2, 3):
        np.testing.assert_allclose(loop.expect(alive == number)[1], law[number], rtol=1e-12)


def test_a_limit_is_reached_however_slowly():
    slow = np.array([[1 - 1e-6, 1e-6], [1e-6, 1 - 1e-6]])
    np.testing.assert_allclose(_limit_law(np.array([1.0, 0.0]), slow), 0.5, rtol=1e-9)
