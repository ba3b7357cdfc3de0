"""Modes against the definition of the loop: the whole partition, in exact fractions."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from madtheory import modes
from madtheory.modes.fresh import stationary_count_law

Law = dict[tuple[int, ...], Fraction]


def compositions(n: int, modes: int) -> list[tuple[int, ...]]:
    if modes == 1:
        return [(n,)]
    return [(i, *rest) for i in range(n + 1) for rest in compositions(n - i, modes - 1)]


def multinomial(n: int, weights: list[Fraction]) -> Law:
    law = {}
    for counts in compositions(n, len(weights)):
        p = Fraction(math.factorial(n))
        for count, weight in zip(counts, weights, strict=True):
            p *= weight**count / math.factorial(count)
        law[counts] = p
    return law


def add(a: Law, b: Law) -> Law:
    law: Law = {}
    for (x, p), (y, q) in itertools.product(a.items(), b.items()):
        z = tuple(i + j for i, j in zip(x, y, strict=True))
        law[z] = law.get(z, Fraction(0)) + p * q
    return law


def partitions(weights: list[Fraction], n: int, fresh: int, steps: int) -> list[Law]:
    """Laws of all counts at t = 1..steps: the definition of the loop."""
    laws, real = [multinomial(n + fresh, weights)], multinomial(fresh, weights)
    for _ in range(steps - 1):
        law: Law = {}
        for counts, p in laws[-1].items():
            model = [Fraction(c, n + fresh) for c in counts]
            for new, q in add(multinomial(n, model), real).items():
                law[new] = law.get(new, Fraction(0)) + p * q
        laws.append(law)
    return laws


def mean(law: Law, f) -> float:  # type: ignore[no-untyped-def]
    return float(sum(p * f(counts) for counts, p in law.items()))


def alive(counts: tuple[int, ...]) -> int:
    return sum(c > 0 for c in counts)


THIRDS = [Fraction(1, 3)] * 3

CLOSED = partitions(THIRDS, 5, 0, 4)

UNEQUAL = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]

OPEN = partitions(THIRDS, 4, 2, 4)


def test_the_closed_loop_by_enumeration() -> None:
    t = range(4)
    law = modes.surviving_law(3, 5, [1, 2, 3, 4])
    for k in range(4):
        exact = [mean(CLOSED[i], lambda c, k=k: alive(c) == k) for i in t]
        np.testing.assert_allclose(law[:, k], exact, rtol=1e-12)
    exact = [mean(CLOSED[i], alive) for i in t]
    np.testing.assert_allclose(modes.surviving_mean(3, 5, 4).value, exact, rtol=1e-12)
    diversity = [mean(CLOSED[i], lambda c: 1 - sum(x * x for x in c) / 25) for i in t]
    np.testing.assert_allclose(modes.heterozygosity(3, 5, 4), diversity, rtol=1e-12)


def test_unequal_weights_by_enumeration() -> None:
    laws = partitions(UNEQUAL, 5, 0, 3)
    weights = [float(w) for w in UNEQUAL]
    one = [mean(law, lambda c: alive(c) == 1) for law in laws]
    np.testing.assert_allclose(modes.fixation_cdf(weights, 5, 3).value, one, rtol=1e-12)
    each = [[mean(law, lambda c, i=i: c[i] > 0) for law in laws] for i in range(3)]
    np.testing.assert_allclose(modes.mode_survival(weights, 5, 3).value, each, rtol=1e-12)


def test_fresh_data_by_enumeration() -> None:
    exact = [mean(law, alive) for law in OPEN]
    value = modes.surviving_mean(3, 4, 4, n_fresh=2).value
    np.testing.assert_allclose(value, exact, rtol=1e-12)
    diversity = [mean(law, lambda c: 1 - sum(x * x for x in c) / 36) for law in OPEN]
    np.testing.assert_allclose(modes.heterozygosity(3, 4, 4, n_fresh=2), diversity, rtol=1e-12)


def test_the_stationary_loop_by_a_linear_solve_over_all_partitions() -> None:
    n, fresh, K = 4, 2, 3
    states = compositions(n + fresh, K)
    real, rows = multinomial(fresh, THIRDS), []
    for state in states:
        new = add(multinomial(n, [Fraction(c, n + fresh) for c in state]), real)
        rows.append([float(new.get(s, Fraction(0))) for s in states])
    system = np.array(rows).T - np.eye(len(states))
    system[-1] = 1.0
    law = np.linalg.solve(system, np.eye(len(states))[-1])
    number = np.array([alive(s) for s in states])
    share = np.array([sum((c / (n + fresh)) ** 2 for c in s) for s in states])
    every = modes.all_modes_alive(K, n, fresh)
    assert every.value == pytest.approx(law @ (number == K), rel=1e-12)
    assert every.lower <= every.value <= every.upper
    got = modes.stationary_surviving_mean(K, n, fresh)
    assert got == pytest.approx(law @ number, rel=1e-12)
    diversity = modes.stationary_heterozygosity(K, n, fresh)
    assert diversity == pytest.approx(1 - law @ share, rel=1e-12)
    count = stationary_count_law(1 / 3, n, fresh)
    first = np.array([s[0] for s in states])
    np.testing.assert_allclose(
        count, [law @ (first == x) for x in range(n + fresh + 1)], rtol=1e-11
    )
