"""Modes with fresh data: descent against linear solves, limits, and how much data it takes."""

import numpy as np
import pytest
from scipy import special

from madtheory import modes
from madtheory.modes.diversity import diversity_step, stationary_weight_limit
from madtheory.modes.fresh import stationary_count_law, stationary_survival


@pytest.mark.parametrize(("n", "fresh", "p"), [(300, 7, 0.04), (50, 200, 0.01), (1, 1, 0.3)])
def test_stationary_survival_by_descent_and_by_a_linear_solve(n: int, fresh: int, p: float) -> None:
    law = stationary_count_law(p, n, fresh)
    # The linear solve is right to 1e-13 absolutely.
    assert 1 - law[0] == pytest.approx(float(stationary_survival(p, n, fresh)), abs=1e-12)
    x = np.arange(n + fresh + 1) / (n + fresh)
    assert law @ x == pytest.approx(p, rel=1e-11)
    spread = p * (1 - p) - law @ (x - p) ** 2
    expected = p * (1 - p) * diversity_step(n, fresh, 1.0)[1]
    assert spread == pytest.approx(expected, rel=1e-10)


def test_the_path_with_fresh_data_ends_in_the_stationary_law() -> None:
    path = modes.surviving_mean(25, 200, 400, n_fresh=10).value
    assert path[-1] == pytest.approx(modes.stationary_surviving_mean(25, 200, 10), rel=1e-12)
    path = modes.heterozygosity(25, 200, 400, n_fresh=10)
    assert path[-1] == pytest.approx(modes.stationary_heterozygosity(25, 200, 10), rel=1e-12)


def test_the_beta_limit_of_a_weight() -> None:
    p, n, fresh = 0.2, 900, 20
    alpha, beta = stationary_weight_limit(p, n, fresh)
    law = np.cumsum(stationary_count_law(p, n, fresh))
    x = (np.arange(n + fresh + 1) + 0.5) / (n + fresh)
    gap = np.abs(law - special.betainc(alpha, beta, np.minimum(x, 1))).max()
    assert gap < 0.004
    assert alpha + beta == pytest.approx(2 * fresh, rel=0.04)


@pytest.mark.parametrize("level", [0.5, 0.99])
def test_how_much_fresh_data_keeps_all_modes(level: float) -> None:
    need = modes.fresh_for_all_modes(25, 1_000, level)
    assert need.probability >= level > modes.all_modes_alive(25, 1_000, need.n_fresh - 1).value
    union = modes.all_modes_alive(25, 1_000, need.union_bound)
    less = modes.all_modes_alive(25, 1_000, need.union_bound - 1)
    assert union.lower >= level > less.lower
    assert (need.n_fresh < need.union_bound) == (level == 0.5)
    assert modes.fresh_for_all_modes(1, 10, 0.9).n_fresh == 0


def test_bounds_take_over_where_the_sum_alternates() -> None:
    e = modes.all_modes_alive(1_000, 1_000, 1_000)
    assert 0 == e.lower < e.value < e.upper < 0.01
    assert e.rel_error == 1.0
    assert modes.all_modes_alive(25, 10, 5).value == 0.0
    assert modes.all_modes_alive(25, 100, 0).value == 0.0


def test_the_sum_declares_its_rounding_even_where_the_bounds_are_closer() -> None:
    e = modes.all_modes_alive(25, 1_000, 100)
    assert 0.5 * (e.upper - e.lower) < 1e-12
    assert e.rel_error == pytest.approx(1e-12, rel=1e-4, abs=0.0)


@pytest.mark.parametrize(("modes_", "n", "fresh"), [(105, 105, 52), (87, 87, 43), (186, 186, 186)])
def test_a_sum_cut_at_a_huge_term_says_what_the_bounds_say(modes_: int, n: int, fresh: int) -> None:
    e = modes.all_modes_alive(modes_, n, fresh)
    assert e.value == pytest.approx((e.lower + e.upper) / 2, rel=1e-12)
    assert e.rel_error * e.value == pytest.approx((e.upper - e.lower) / 2, rel=1e-9)


@pytest.mark.parametrize(("n_synth", "n_fresh"), [(1062, 500), (2508, 500), (100, 5000)])
def test_modes_that_are_never_gone(n_synth: int, n_fresh: int) -> None:
    # E (1 - 1/K)^F, with a founder or more for each of the fresh samples, is below 10^-308.
    e = modes.all_modes_alive(2, n_synth, n_fresh)
    assert (float(e.lower), float(e.value), float(e.upper)) == (1.0, 1.0, 1.0)
    assert e.rel_error < 1e-9


def test_all_modes_alive_lies_between_the_union_bound_and_the_better_of_two() -> None:
    K, n, fresh = 25, 1000, 20
    one, two = (special.comb(K, j) * (1 - stationary_survival(j / K, n, fresh)) for j in (1, 2))
    found = modes.all_modes_alive(K, n, fresh)
    assert float(found.lower) == pytest.approx(1 - one, rel=1e-12)
    upper = min(1 - one + two, 1 - one**2 / (one + 2 * two))
    assert float(found.upper) == pytest.approx(upper, rel=1e-12)


@pytest.mark.parametrize("n", [1, 5])
def test_few_samples_need_fresh_ones_by_looking_at_every_number(n: int) -> None:
    need = modes.fresh_for_all_modes(5, n, 0.95)
    chances = [float(modes.all_modes_alive(5, n, fresh).value) for fresh in range(30)]
    assert need.n_fresh == next(i for i, chance in enumerate(chances) if chance >= 0.95)
    assert need.probability == chances[need.n_fresh]


@pytest.mark.parametrize(("modes_", "n"), [(12, 11), (13, 15)])
def test_a_chance_that_is_lost_in_rounding_is_below_it(modes_: int, n: int) -> None:
    e = modes.all_modes_alive(modes_, n, 1)
    assert 0 == e.lower < e.value < e.upper < 1e-8
    assert e.rel_error == 1.0


def test_a_small_chance_is_not_reached_where_only_bounds_are_known() -> None:
    # The middle of bounds on a chance that is nearly 0 is above .001 at hardly any fresh samples.
    need = modes.fresh_for_all_modes(100, 1_000, 1e-3)
    found = modes.all_modes_alive(100, 1_000, need.n_fresh)
    assert found.rel_error < 1e-3
    assert need.probability == pytest.approx(1e-3, rel=0.1)
