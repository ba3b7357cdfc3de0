"""The stationary law that a floor leaves, by its moments, simulation and limits."""

import math
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

from madtheory.loop import Loop, UnsupportedLoop, fully_synthetic
from madtheory.theory import collapse
from madtheory.theory.collapse import _scales, stationary
from tests.unit.theory.collapse.floored import CRITICAL, FLOOR, LIKELY, S, fitted


def test_tail_index_solves_its_equation() -> None:
    # The last is over-dispersed and does not explode: a root below 1.
    over = fully_synthetic(10, bias=1.05, floor=1.0, allow_overdispersion=True)
    for loop in (FLOOR, LIKELY, fully_synthetic(2, bias=0.3, floor=1.0, ddof=0), over):
        k = collapse.stationary_tail_index(loop)
        assert (k < 1) == (loop is over)
        with mp.workdps(30):
            half, k_ = mp.mpf(loop.dof) / 2, mp.mpf(k)
            moment = (mp.mpf(loop.step_bias) / half) ** k_ * mp.gammaprod([half + k_], [half])
            assert abs(moment - 1) < 1e-12


@pytest.mark.parametrize("n", [2, 3, 10, 1000, 2**53])
def test_tail_index_at_bias_one(n: int) -> None:
    assert collapse.stationary_tail_index(fully_synthetic(n, floor=0.1)) == 1.0
    # Maximum likelihood: a variance and no third moment, whatever n; near 2 for large n.
    k = collapse.stationary_tail_index(fully_synthetic(n, floor=0.1, ddof=0))
    assert 2 <= k < 3
    assert k == pytest.approx(2, abs=1.0 / n)
    for dim in (1, 4):
        bounds = collapse.stationary_tail_bounds(fully_synthetic(n, floor=0.1, shrinkage=0.5), dim)
        assert bounds.lower == bounds.upper == 1.0


def test_tail_index_by_the_slope_of_the_stationary_law() -> None:
    loop = fully_synthetic(4, bias=0.9, floor=1.0)
    k = collapse.stationary_tail_index(loop)
    x = np.array([300.0, 3000.0])
    tail = 1.0 - collapse.stationary_cdf(x, loop)
    slope = -np.log(tail[1] / tail[0]) / np.log(10.0)
    # The next order of the tail is 1/x smaller.
    assert slope == pytest.approx(k, rel=3e-3)


def test_stationary_moments() -> None:
    loop = fully_synthetic(10, bias=0.7, floor=0.3)
    h, m, e = 0.7, 9, 0.3
    mean = e / (1 - h)
    second = (e * e + 2 * e * h * mean) / (1 - h * h * (1 + 2 / m))
    third = (e**3 + 3 * e * e * h * mean + 3 * e * h * h * (1 + 2 / m) * second) / (
        1 - h**3 * (1 + 2 / m) * (1 + 4 / m)
    )
    for k, value in enumerate((1.0, mean, second, third)):
        np.testing.assert_allclose(collapse.stationary_moment(loop, k), value, rtol=1e-12)
    assert collapse.stationary_moment(loop, 60) == math.inf
    np.testing.assert_allclose(collapse.stationary_mean(loop), mean, rtol=1e-14)
    assert collapse.stationary_mean(CRITICAL) == math.inf
    assert collapse.stationary_moment(CRITICAL, 1) == math.inf
    for loop in (LIKELY, fully_synthetic(6, bias=0.8, floor=0.2, shrinkage=0.3)):
        for dim in (1, 3):
            limit = collapse.stationary_second_moments(loop, dim)
            late = collapse.second_moments(loop, np.ones(dim), generations=3000)
            np.testing.assert_allclose(limit.trace_squared, late.trace_squared[-1], rtol=1e-9)
            np.testing.assert_allclose(limit.squared_trace, late.squared_trace[-1], rtol=1e-9)
    assert collapse.stationary_second_moments(CRITICAL, 2).squared_trace == math.inf


@pytest.mark.parametrize("n", [2, 5, 30])
@pytest.mark.parametrize("bias", [0.1, 0.4])
def test_stationary_law_has_its_exact_moments(n: int, bias: float) -> None:
    loop = fully_synthetic(n, bias=bias, floor=0.25)
    # E X^k = e^k + integral of k x^(k-1) P(X > x) over x >= e, by the trapezoidal rule in
    # u = log(x/e - 1). A far tail of absolute error 1e-10 limits the order.
    u = np.arange(-90.0, 25.0, 0.1)
    x = 0.25 * (1.0 + np.exp(u))
    sf = 1.0 - collapse.stationary_cdf(x, loop)
    sf[sf < 1e-11] = 0.0
    value = 0.25 + 0.1 * np.sum(0.25 * np.exp(u) * sf)
    np.testing.assert_allclose(value, collapse.stationary_moment(loop, 1), rtol=2e-7)


@pytest.mark.parametrize(
    "loop",
    [
        fully_synthetic(2, floor=1.0),
        fully_synthetic(10, floor=1.0),
        fully_synthetic(10, bias=1.1, floor=1.0, allow_overdispersion=True),
        fully_synthetic(40, bias=0.5, floor=1.0),
        fully_synthetic(500, floor=1.0, ddof=0),
        fully_synthetic(3, bias=1e-3, floor=1.0),
    ],
    ids=str,
)
def test_stationary_law_does_not_depend_on_the_grid(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    q = np.array([1e-3, 0.1, 0.5, 0.9, 0.999, 1 - 1e-8])
    x = collapse.stationary_quantiles(loop, q)
    # x itself is a float just above the floor: 1e-16 of 1 + 1e-6.
    np.testing.assert_allclose(collapse.stationary_cdf(x, loop), q, rtol=1e-9)
    # A finer grid that reaches much further.
    monkeypatch.setattr(stationary, "_CUT", -55.0)
    finer = stationary._stationary.__wrapped__(_scales.log_step_bias(loop), loop.dof, 1.37)
    assert np.abs(finer.cdf(np.log(x - 1.0)) - q).max() < 1e-10


@pytest.mark.parametrize("loop", [CRITICAL, LIKELY, fully_synthetic(2, bias=0.7, floor=0.5)])
def test_stationary_law_by_simulation(loop: Loop) -> None:
    # Vervaat's series, run backwards until what is left is below 1e-9 of it, for every direction.
    rng, count = np.random.default_rng(2), 60_000
    total, product = np.ones(count), np.ones(count)
    while (product > 1e-9 * total).any():
        product = product * loop.step_bias * rng.chisquare(loop.dof, count) / loop.dof
        total += product
    q = np.array([0.05, 0.5, 0.9, 0.99])
    x = collapse.stationary_quantiles(loop, q)
    below = (total[:, None] * loop.floor <= x).mean(axis=0)
    assert (np.abs(below - q) < 4.5 * np.sqrt(q * (1 - q) / count)).all()
    # The same law with the neighbour's degrees of freedom is told apart: power.
    other = fully_synthetic(loop.n_synth + 1, bias=loop.bias, floor=loop.floor, ddof=loop.ddof)
    moved = collapse.stationary_cdf(x, other)
    assert (np.abs(moved - q) > 9 * np.sqrt(q * (1 - q) / count)).any()


def test_a_direction_of_the_loop_of_data_has_the_stationary_law_of_one_dimension() -> None:
    loop = fully_synthetic(4, bias=0.6, floor=0.5)
    count, q = 20_000, np.array([0.1, 0.5, 0.9, 0.99])
    _, sigma = fitted(loop, S, 25, count, seed=8)
    # Not an eigenvector of Sigma_0, and s_0 = tr Sigma_0 / 3 is the unit.
    u = np.array([0.6, 0.0, 0.8])
    x = collapse.stationary_quantiles(loop, q) * S.mean()
    below = (np.einsum("i,nij,j->n", u, sigma, u)[:, None] <= x).mean(axis=0)
    assert (np.abs(below - q) < 4.5 * np.sqrt(q * (1 - q) / count)).all()
    assert np.linalg.eigvalsh(sigma).min() >= 0.5 * S.mean() * (1 - 1e-9)


def test_quantiles_of_large_samples_tend_to_the_inverse_gamma_law() -> None:
    q = np.array([0.01, 0.5, 0.99])
    errors = []
    for n in (100, 1000, 5000):
        loop = fully_synthetic(n, floor=1.0 / n, ddof=0)
        exact = collapse.stationary_quantiles(loop, q)
        limit = collapse.stationary_quantiles_limit(loop, q)
        errors.append(np.abs(limit / exact - 1).max() * n)
    # First order in 1/n.
    assert max(errors) < 12
    assert errors[2] < 1.5 * errors[1]
    shape = 1 + 999 / 1000
    law = stats.invgamma(shape, scale=999 * 0.001)
    loop = fully_synthetic(1000, floor=0.001, ddof=0)
    np.testing.assert_allclose(collapse.stationary_quantiles_limit(loop, q), law.ppf(q), rtol=1e-10)


def test_stationary_law_at_its_ends() -> None:
    np.testing.assert_array_equal(
        collapse.stationary_quantiles(CRITICAL, [0.0, 1.0]), [0.01, math.inf]
    )
    np.testing.assert_array_equal(
        collapse.stationary_cdf([-1.0, 0.0, 0.01, math.inf], CRITICAL), [0, 0, 0, 1]
    )
    dead = fully_synthetic(4, bias=0.0, floor=0.5)
    np.testing.assert_array_equal(collapse.stationary_quantiles(dead, [0.1, 0.9]), [0.5, 0.5])
    np.testing.assert_array_equal(collapse.stationary_cdf([0.4, 0.5], dead), [0.0, 1.0])
    assert collapse.stationary_tail_index(dead) == math.inf
    assert collapse.stationary_moment(dead, 3) == 0.5**3
    least = fully_synthetic(4, bias=5e-324, floor=0.5)
    assert collapse.stationary_tail_index(least) == math.inf
    np.testing.assert_array_equal(collapse.stationary_quantiles(least, [0.1, 0.9]), [0.5, 0.5])
    assert collapse.mean_walk_growth(dead, S) == 0.0


def test_existence_is_the_sign_of_the_rate() -> None:
    critical = collapse.critical_bias(fully_synthetic(5))
    for factor, exists in ((0.999, True), (1.001, False)):
        loop = fully_synthetic(5, bias=critical * factor, floor=0.1, allow_overdispersion=True)
        for dim in (1, 7):
            assert collapse.stationary_exists(loop, dim) == exists
    # Shrinkage between: certain below and above both bounds only.
    between = {"floor": 0.1, "shrinkage": 0.2, "allow_overdispersion": True}
    assert collapse.stationary_exists(fully_synthetic(5, bias=1.0, **between), 3)
    assert not collapse.stationary_exists(fully_synthetic(5, bias=critical, **between), 3)
    with pytest.raises(UnsupportedLoop, match="bounds on the rate agree in sign"):
        collapse.stationary_exists(fully_synthetic(5, bias=1.1, **between), 3)


def test_no_stationary_law_at_the_critical_rate_itself() -> None:
    loops = [
        fully_synthetic(n, bias=collapse.critical_bias(fully_synthetic(n)), floor=0.1,
                        allow_overdispersion=True)
        for n in range(3, 60)
    ]  # fmt: skip
    # A float of the bias rarely is the critical one.
    exact = [x for x in loops if collapse.shrinkage_rate(replace(x, floor=0.0), 1).upper == 0]
    assert exact
    assert not any(collapse.stationary_exists(loop, 1) for loop in exact)


def test_bounds_on_the_tail_are_the_ends_of_both_shapes() -> None:
    loop = fully_synthetic(6, bias=0.8, floor=0.2, shrinkage=0.3)
    one, all_ = (
        collapse.stationary_tail_index(fully_synthetic(5 * k + 1, bias=0.8, floor=0.2))
        for k in (1, 4)
    )
    bounds = collapse.stationary_tail_bounds(loop, 4)
    assert (bounds.lower, bounds.upper) == pytest.approx((min(one, all_), max(one, all_)))
    assert bounds.lower < bounds.upper
