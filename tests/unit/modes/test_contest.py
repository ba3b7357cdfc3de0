"""Which of many words wins at a temperature, against exact chains and a simulation."""

import math

import numpy as np
import pytest

from madtheory import modes
from madtheory.modes.tempering import full_chain

#: None of them set the declared error.
HELD_OUT = [
    ([0.3, 0.27, 0.23, 0.2], 14, 0.7),
    ([0.4, 0.4, 0.1, 0.1], 14, 0.9),
    ([0.7, 0.1, 0.1, 0.1], 14, 0.8),
    ([0.45, 0.35, 0.2], 40, 0.85),
    ([0.6, 0.25, 0.15], 30, 0.3),
]


@pytest.mark.parametrize(("p", "n", "temperature"), HELD_OUT)
def test_the_declared_error_covers_exact_chains(p: list[float], n: int, temperature: float) -> None:
    chain = full_chain(p, n, temperature=temperature, generations=100)
    alone = np.array([chain.expect((chain.states[:, i] == n) * 1.0)[-1] for i in range(len(p))])
    assert alone.sum() > 0.9999
    found = modes.winners(p, n, temperature=temperature)
    assert found.value.sum() == pytest.approx(1.0, abs=1e-12)
    assert (np.abs(found.value - alone) <= found.value * found.rel_error).all()
    assert np.abs(found.value - alone).max() < 0.06 / math.sqrt(n * min(p) * (1 - temperature**2))


@pytest.mark.parametrize(("p", "n", "temperature"), [(0.52, 1000, 0.8), (0.55, 200, 0.5)])
def test_two_words_are_known_exactly(p: float, n: int, temperature: float) -> None:
    exact = float(modes.fixation(p, n, temperature=temperature).probability.value)
    found = modes.winners([p, 1 - p], n, temperature=temperature).value
    np.testing.assert_allclose(found, [exact, 1 - exact], atol=2e-3)


def test_temperature_zero_takes_the_largest_first_count() -> None:
    rng, p = np.random.default_rng(5), np.array([0.3, 0.28, 0.22, 0.2])
    first = rng.multinomial(2000, p, size=20_000)
    wins = np.bincount(first.argmax(axis=1), minlength=4) / 20_000
    np.testing.assert_allclose(modes.winners(p, 2000, temperature=0.0).value, wins, atol=0.012)


def test_a_dozen_words_simulated() -> None:
    p, n, lam, runs = np.array([0.27, 0.23] + [0.05] * 10), 1000, 0.8, 3000
    rng = np.random.default_rng(4)
    counts = rng.multinomial(n, p, size=runs)
    for _ in range(70):
        share = (counts / n) ** (1 / lam)
        counts = rng.multinomial(n, share / share.sum(axis=1, keepdims=True))
    wins = (counts == n).mean(axis=0)
    assert wins.sum() > 0.99
    np.testing.assert_allclose(modes.winners(p, n, temperature=lam).value, wins, atol=0.015)


def test_the_best_of_many_rare_words_is_not_as_good_as_the_largest_normal() -> None:
    rng, p = np.random.default_rng(5), np.array([1.3] + [1.0] * 29) / 30.3
    first = rng.multinomial(1500, p, size=40_000)
    best = first == first.max(axis=1, keepdims=True)
    wins = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    found = modes.winners(p, 1500, temperature=0.0)
    np.testing.assert_allclose(found.value[0], wins[0], atol=0.012)  # three of its deviations
    # Simulated with 40,000 loops; .536 +- 7.8 % was said.
    nine = modes.winners([0.16, 0.12, 0.12] + [0.1] * 6, 200, temperature=0.6)
    assert abs(float(nine.value[0]) - 0.6056) < float(nine.value[0] * nine.rel_error[0]) < 0.02


def test_a_vocabulary_of_many_words() -> None:
    few = modes.winners([0.5, 0.3, 0.2], 1000, temperature=0.8)
    many = modes.winners([0.5, 0.3, 0.2 - 1e-4] + [1e-8] * 10_000, 1000, temperature=0.8)
    np.testing.assert_allclose(many.value[:3], few.value, atol=1e-3)
    assert (many.value[3:] == 0).all()
    equal = modes.winners([1 / 3000] * 3000, 100, temperature=0.5)
    np.testing.assert_allclose(equal.value, 1 / 3000, rtol=1e-12)


def test_edges() -> None:
    found = modes.winners([0.5, 0.0, 0.5], 100, temperature=0.9)
    np.testing.assert_allclose(found.value, [0.5, 0.0, 0.5], atol=1e-12)
    assert found.rel_error[1] == math.inf
    with pytest.raises(ValueError, match=r"temperature must be at most 0.9999, got 1"):
        modes.winners([0.5, 0.5], 10, temperature=1.0)
    subnormal = modes.winners([0.5, 0.5, 5e-324], 100, temperature=0.9)
    np.testing.assert_allclose(subnormal.value, [0.5, 0.5, 0.0], atol=1e-12)
