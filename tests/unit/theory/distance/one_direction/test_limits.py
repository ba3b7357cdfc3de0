"""One direction: series and collocation against each other, and against integrals by hand."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from madtheory import spectrum
from madtheory.loop import Loop, fresh_data, synthetic_augmentation
from madtheory.theory import distance, moments
from madtheory.theory.distance import any_loop, one_direction
from madtheory.theory.distance.one_direction import projective, series

ONE = any_loop.Spectrum.of([1.0])


def parts(loop):
    """Spread and rows of the limit by formula."""
    found = any_loop._limit_rows(loop, ONE)
    assert found is not None
    return found


def mean_root(constant, dof, between, variance):
    """E sqrt(constant chi2_dof + between D^2), D normal."""
    laws = stats.chi2(dof), stats.norm(scale=np.sqrt(variance))
    far = 12 * np.sqrt(variance)

    def over(d):
        return integrate.quad(
            lambda c: np.sqrt(constant * c + between * d * d) * laws[0].pdf(c) * laws[1].pdf(d),
            *(0, dof + 60 + 12 * np.sqrt(2 * dof)),
            epsrel=1e-10,
            limit=200,
        )[0]

    return integrate.quad(over, -far, far, epsrel=1e-9)[0]


@pytest.mark.thinned(2)
@pytest.mark.parametrize(("n_real", "n_synth"), [(8, 4), (40, 60)])
def test_a_fresh_loop_whose_samples_have_no_spread_is_an_integral(n_real, n_synth):
    # bias 0: mu is an autoregression, and sigma^2 that of one real sample and one point.
    n = n_real + n_synth
    share = n_synth / n
    walk = (n_real / n) ** 2 / n_real / (1 - share**2)
    apart = n_real * n_synth / n / (n - 1)
    root = mean_root(1 / (n - 1), n_real - 1, apart, walk + 1 / n_real)
    variance = (n_real - 1) / (n - 1) + apart * (walk + 1 / n_real)
    truth = walk + variance + 1 - 2 * root
    e = distance.w2_squared_limit(fresh_data(n_real, n_synth, bias=0.0), [1.0], precise=True)
    assert abs(e.value / truth - 1) < e.rel_error < 2e-3
    assert e.lower < truth < e.upper
    # The series by itself: what it leaves out is seen, and declared.
    loop = fresh_data(n_real, n_synth, bias=0.0)
    found = series.deficit(loop, parts(loop)[0])
    assert found is not None
    left_out = abs(found[0] - (1 - root / np.sqrt(variance)))
    assert (5e-8 if n_real == 8 else 0) < left_out < found[3] < 3e-4 * found[0]


def test_the_law_beside_a_fixed_set_is_not_even():
    # By grids of 18 angles, 2 x 15 shares, 12, 18 draws and 12 x 10 fixed sets: .087269. Functions
    # that are even in mu would say .08654.
    loop = synthetic_augmentation(4, 8, bias=0.7)
    value, error = projective.deficits(loop, parts(loop)[0])
    assert abs(value - 0.0872688) < 5e-5 < error < 4e-4


def test_beside_a_fixed_set_samples_without_spread_leave_its_own_law():
    # bias 0: mu comes to the mean of the fixed set, and sigma^2 is its scatter over n - 1.
    loop = synthetic_augmentation(30, 10, bias=0.0)
    root = stats.chi(29).mean() / np.sqrt(39)
    truth = 1 / 30 + 29 / 39 + 1 - 2 * root
    spread, _ = parts(loop)
    found = series.deficit(loop, spread)
    c = 1 + float(spread.shift)
    assert found is not None
    assert 1 - found[0] == pytest.approx(root / np.sqrt(c), rel=1e-10)
    e = distance.w2_squared_limit(loop, [1.0], precise=True)
    assert float(e.value) == pytest.approx(truth, rel=3e-3)
    assert abs(e.value / truth - 1) < e.rel_error


@pytest.mark.parametrize("n_synth", [20, 200, 10_000])
def test_one_real_sample_beside_samples_without_spread_is_within_what_is_declared(n_synth):
    # bias 0: sigma is a normal variable's size, at which grids converge like 1/nodes.
    loop = Loop(n_initial=2, n_fresh=1, n_synth=n_synth, bias=0.0)
    value, error = projective.deficits(loop, parts(loop)[0])
    assert abs(value - (1 - np.sqrt(2 / np.pi))) < error


@pytest.mark.parametrize("n_synth", [1, 3, 100])
def test_two_fixed_samples_are_within_what_is_declared(n_synth):
    # bias 0: mu comes to their mean, and sigma^2 is their scatter over n - 1.
    loop = synthetic_augmentation(2, n_synth, bias=0.0)
    c = 1 / (n_synth + 1)
    truth = 1 / 2 + c + 1 - 2 * np.sqrt(2 / np.pi * c)
    found = any_loop._limit_by_formula(loop, [1.0], precise=True)
    assert abs(found.value / truth - 1) < found.rel_error


@pytest.mark.parametrize("dof", [1.0, 2.0, 5.0, 40.0, 900.0])
def test_rules_of_a_root_of_chi_square_have_its_mean(dof):
    nodes, weights = projective._root_rule(dof, 5)
    x = dof + np.sqrt(2 * dof) * nodes
    assert weights @ np.sqrt(x) == pytest.approx(stats.chi(dof).mean(), rel=1e-12)
    assert weights @ x == pytest.approx(dof, rel=1e-12)
    assert weights @ x**2 == pytest.approx(dof * (dof + 2), rel=1e-12)


LOOPS = (
    fresh_data(30, 40),
    fresh_data(40, 60, bias=0.9),
    Loop(n_initial=9, n_fresh=40, n_synth=20, weight=0.6, bias=0.8, ddof=0),
    synthetic_augmentation(30, 10, bias=0.5),
)


@pytest.mark.thinned(2)
@pytest.mark.parametrize("loop", LOOPS)
def test_series_and_collocation_agree(loop):
    spread, _ = parts(loop)
    by_series = series.deficit(loop, spread)
    value, error = projective.deficits(loop, spread)
    assert by_series is not None
    assert by_series[1] <= by_series[0] <= by_series[2]
    assert abs(by_series[0] - value) < by_series[3] + error
    assert by_series[3] + error < 0.03 * value
    assert by_series[1] < value + error
    assert value - error < by_series[2]


@pytest.mark.parametrize("loop", LOOPS)
def test_what_the_formula_says_is_within_what_it_declares(loop):
    plain, precise = (distance.w2_squared_limit(loop, [2.0], precise=x) for x in (False, True))
    assert precise.rel_error < 3e-3
    assert abs(plain.value / precise.value - 1) < plain.rel_error + precise.rel_error


@pytest.mark.parametrize("loop", LOOPS)
def test_polynomials_have_the_moments_that_are_known(loop):
    # In their units the law has mean 0 and variance 1, so that its polynomials 1 and 2 vanish.
    spread, _ = parts(loop)
    units = series._Units(
        float(spread.mean_sq) ** 0.5, 1 + float(spread.shift), float(2 / spread.diagonal)
    )
    basis = series._basis(units.dof, loop.n_fixed, 4)
    h = series._at_rest(
        basis.rows, series._transfer(one_direction.step.later(loop), units, basis, 4)
    )
    assert h is not None
    named = {tuple(row): x for row, x in zip(basis.rows.tolist(), h, strict=True)}
    for known in ((0, 1, 0, 0), (0, 2, 0, 0), (2, 0, 0, 0)):
        assert abs(named[known]) < 1e-8
    assert named[0, 0, 0, 0] == 1


def test_first_moments_of_collocation_are_exact():
    loop = fresh_data(5, 10, bias=0.9)
    first = moments.first_moments_limit(loop)
    plane = projective._Plane.of(14, 6, first.trace, first.mean_sq, even=True)
    step = one_direction.step.later(loop)
    A = projective._generation(plane, step, plane.states, np.zeros(2), (7, 9))
    A /= plane.size(*plane.states)[:, None]
    row = projective._rest(A, 1 / plane.size(*plane.states))
    mu, v = plane.states
    assert row @ (v / plane.size(mu, v)) == pytest.approx(first.trace, rel=1e-8)
    assert row @ (mu**2 / plane.size(mu, v)) == pytest.approx(first.mean_sq, rel=1e-8)


def test_rules_of_several_scatters_have_their_moments():
    step = one_direction.step.later(fresh_data(4, 9, bias=0.7))
    v = np.array([0.0, 0.5, 3.0])
    nodes, weights = step.scatters(v, 5)
    a, b = step.scatter[1], 0.7 * step.scatter[2] * v
    whole = 3 * a + 8 * b[:, None] + nodes
    real, synth = ([stats.chi2(dof).moment(i) for i in range(10)] for dof in (3, 8))
    for k in range(1, 10):
        terms = [
            math.comb(k, i) * a**i * real[i] * b ** (k - i) * synth[k - i] for i in range(k + 1)
        ]
        np.testing.assert_allclose((weights * whole**k).sum(axis=1), sum(terms), rtol=1e-8)


def test_a_path_starts_at_the_baseline_and_ends_at_the_limit():
    loop = fresh_data(4, 6, bias=0.9)
    path = distance.w2_squared(loop, [3.0], generations=60, precise=True)
    limit = distance.w2_squared_limit(loop, [3.0], precise=True)
    assert path.value[0] == pytest.approx(float(spectrum.baseline(4, [3.0]).value), rel=1e-12)
    assert abs(path.value[-1] / limit.value - 1) < path.rel_error[-1] + limit.rel_error < 2e-3
    assert path.rel_error.max() < 4e-3


def test_second_generations_of_samples_without_spread_are_an_integral():
    loop = fresh_data(6, 5, bias=0.0, n_initial=7)
    n, apart = 11, 30 / 11 / 10
    root = mean_root(1 / 10, 5, apart, 1 / 7 + 1 / 6)
    mean_sq = (5 / n) ** 2 / 7 + (6 / n) ** 2 / 6
    truth = mean_sq + 5 / 10 + apart * (1 / 7 + 1 / 6) + 1 - 2 * root
    path = distance.w2_squared(loop, [1.0], generations=3, precise=True)
    assert abs(path.value[1] / truth - 1) < path.rel_error[1] < 4e-3


def test_what_it_does_not_cover_is_as_it_was():
    for loop in (fresh_data(9, 9, memory=2), Loop(n_initial=9, n_fresh=9, n_synth=9, floor=0.1)):
        assert not one_direction.covers(loop, 1)
    assert not one_direction.covers(fresh_data(9, 9), 2)
    assert not one_direction.covers(synthetic_augmentation(2, 9), 1)
    assert one_direction.covers(synthetic_augmentation(3, 9), 1)
    # Rare paths make all moments of order 4 infinite: there is no series.
    loop = fresh_data(3, 12)
    assert series.deficit(loop, parts(loop)[0]) is None


@pytest.mark.parametrize(
    "loop",
    [
        fresh_data(6, 5, bias=0.4, n_initial=9, first_generation="biased"),
        fresh_data(6, 5, bias=0.4, n_initial=9, ddof=0),
        Loop(n_initial=9, n_fixed=4, n_synth=5, bias=0.4, first_generation="biased"),
        Loop(n_initial=9, n_fixed=4, n_synth=5, bias=0.4),
    ],
)
def test_first_moments_of_generation_one_are_exact(loop):
    begin = one_direction.step.first(loop)
    laws = (np.inf, 4), (max(loop.n_fixed - 1, 0), 3)
    if not loop.n_fixed:
        laws = (0.0, 1), (0.0, 1)
    held, weights = one_direction.step.together([one_direction.step.rule(*x) for x in laws])
    nothing = np.zeros((2, weights.size))
    draws, shares = begin.drawn(nothing[1], 3, 2)
    mu, v = begin.after(nothing, held, draws)
    first = moments.first_moments(loop, 1)
    assert weights @ (shares * v).sum(axis=1) == pytest.approx(first.trace[0], rel=1e-12)
    assert weights @ (shares * mu**2).sum(axis=1) == pytest.approx(first.mean_sq[0], rel=1e-12)
