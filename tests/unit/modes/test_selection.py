"""Which of two words wins: elimination, the limits for large n, and their declared errors."""

import math

import mpmath
import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from madtheory import modes
from madtheory.modes import selection
from madtheory.modes.selection import fixation_diffusion, fixation_limit
from madtheory.modes.survival import absorption_time, absorption_time_limit

TEMPERATURES = (0.0, 0.5, 0.8, 1.0, 1.7)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("n", [1, 2, 25])
def test_fixation_by_elimination_is_fixation_by_lu(chain_by_scipy, n, temperature):
    p, result = 0.42, modes.fixation(0.42, n, temperature=temperature)
    matrix, first = chain_by_scipy(p, n, temperature), stats.binom.pmf(np.arange(n + 1), n, p)
    system = np.eye(n - 1) - matrix[1:-1, 1:-1]
    hit = np.linalg.solve(system, matrix[1:-1, -1]) if n > 1 else np.zeros(0)
    time = np.linalg.solve(system, np.ones(n - 1)) if n > 1 else np.zeros(0)
    exact = 1 + first[1:-1] @ time
    # The condition of the system is the time: LU loses that many digits.
    rtol = 1e-12 + 1e-15 * exact
    np.testing.assert_allclose(result.probability.value, first[1:-1] @ hit + first[-1], rtol=rtol)
    np.testing.assert_allclose(result.time.value, exact, rtol=rtol)


def test_neutral_fixation_is_p_and_the_time_of_the_mixture():
    result = modes.fixation(0.3, 200)
    np.testing.assert_allclose(result.probability.value, 0.3, rtol=1e-12)
    time = absorption_time(0.3, 200).value
    np.testing.assert_allclose(result.time.value, time, rtol=1e-11)


def test_a_chain_that_stays_for_e_to_the_n_keeps_its_digits():
    # Temperature 2 holds both tokens: the mean time is far beyond 1/eps.
    n, p = 40, 0.5
    result = modes.fixation(p, n, temperature=4.0)
    with mpmath.workdps(60):
        rows = mpmath.zeros(n - 1, n - 1)
        for k in range(1, n):
            a, b = mpmath.mpf(k) ** 0.25, mpmath.mpf(n - k) ** 0.25
            for j in range(1, n):
                g = a / (a + b)
                rows[k - 1, j - 1] = mpmath.binomial(n, j) * g**j * (1 - g) ** (n - j)
        times = mpmath.lu_solve(mpmath.eye(n - 1) - rows, mpmath.ones(n - 1, 1))
        first = [mpmath.binomial(n, k) * mpmath.mpf(p) ** n for k in range(1, n)]
        exact = 1 + sum(w * x for w, x in zip(first, times, strict=True))
    assert exact > 1e8
    np.testing.assert_allclose(float(result.time.value), float(exact), rtol=1e-11)


@pytest.mark.parametrize("selection", [-4.0, 0.0, 3.0, 40.0])
def test_diffusion_solves_its_equations_and_is_the_limit(selection):
    n, p = 400, 0.55
    temperature = 1 / (1 + selection / n)
    win, time = fixation_diffusion(p, n, temperature=temperature)

    def scale(y):
        return math.exp(2 * selection * (special.entr(y) + special.entr(1 - y) - math.log(2)))

    total = integrate.quad(scale, 0, 1, epsabs=0, epsrel=1e-10)[0]
    np.testing.assert_allclose(
        win, integrate.quad(scale, 0, p, epsabs=0, epsrel=1e-10)[0] / total, rtol=1e-8
    )
    # x(1-x)/2 f'' + a x(1-x) logit(x) f' = -1, by finite differences in x.
    h = 1e-3
    f = [fixation_diffusion(p + i * h, n, temperature=temperature)[1] / n for i in (-1, 0, 1)]
    slope, curve = (f[2] - f[0]) / (2 * h), (f[2] - 2 * f[1] + f[0]) / h**2
    drift = selection * special.logit(p)
    # Central differences: O(h^2).
    np.testing.assert_allclose(p * (1 - p) * (curve / 2 + drift * slope), -1.0, rtol=2e-3)
    if selection == 0:
        np.testing.assert_allclose(time, absorption_time_limit(p, n), rtol=1e-12)
    exact = modes.fixation(p, n, temperature=temperature)
    # Errors of order 1/n and a/n; how they fall is the next test.
    rtol = (4 + abs(selection)) / n
    np.testing.assert_allclose(win, exact.probability.value, rtol=rtol)
    np.testing.assert_allclose(time, exact.time.value, rtol=rtol)


def test_diffusion_errors_fall_like_one_over_n():
    errors = []
    for n in (250, 500, 1000):
        temperature = 1 / (1 + 8 / n)
        exact = modes.fixation(0.6, n, temperature=temperature).probability.value
        errors.append(fixation_diffusion(0.6, n, temperature=temperature)[0] - exact)
    np.testing.assert_allclose(np.array(errors[1:]) / errors[:-1], 0.5, rtol=0.05)


@pytest.mark.parametrize("temperature", [0.0, 0.3, 0.7])
def test_limit_at_a_fixed_temperature(temperature):
    for n in (201, 901):
        p = 0.5 + 0.4 / math.sqrt(n)
        exact = modes.fixation(p, n, temperature=temperature)
        win, time = fixation_limit(p, n, temperature=temperature)
        # Corrections of order n^-1/2 cancel by symmetry (an even n may tie at temperature 0).
        assert win == pytest.approx(float(exact.probability.value), abs=0.5 / n)
        assert time == pytest.approx(float(exact.time.value), rel=0.02)


@pytest.mark.parametrize(("n", "inverse"), [(1000, 1.01), (1000, 1.04), (1000, 1.2), (1000, 2.0)])
def test_declared_errors_of_the_limits_cover_the_exact_chain(monkeypatch, n, inverse):
    exact = modes.fixation(0.52, n, temperature=1 / inverse)
    monkeypatch.setattr(selection, "DENSE_LIMIT", n - 1)
    limit = modes.fixation(0.52, n, temperature=1 / inverse)
    for rough, right in ((limit.probability, exact.probability), (limit.time, exact.time)):
        assert abs(rough.value - right.value) <= rough.rel_error * rough.value
        assert 0 < rough.rel_error < 0.1


def test_temperature_for_inverts_fixation():
    for n in (50, 301):
        temperature = modes.temperature_for(0.75, 0.55, n)
        again = modes.fixation(0.55, n, temperature=temperature).probability.value
        assert float(again) == pytest.approx(0.75, rel=1e-8)
    most = float(modes.fixation(0.55, 51, temperature=0.0).probability.value)
    np.testing.assert_allclose(most, stats.binom.sf(25, 51, 0.55), rtol=1e-12)
    assert modes.temperature_for(0.55, 0.55, 51) == 1.0
    with pytest.raises(ValueError, match=r"^target must be in \[0.55, 0.7"):
        modes.temperature_for(0.99, 0.55, 51)


def test_temperature_for_large_n_is_the_formula():
    n, p, goal = 10**6, 0.501, 0.9
    z = stats.norm.ppf(goal)
    expected = optimize.brentq(
        lambda x: 2 * math.sqrt(n) * (p - 0.5) * math.sqrt(1 - x * x) - z, 0, 1
    )
    assert modes.temperature_for(goal, p, n) == pytest.approx(expected, rel=1e-6)


def by_hand(chain_by_scipy, rough, start, inverse):
    """|exact - rough| of probability and time at 400 samples, exact by LU."""
    matrix = chain_by_scipy(start, 400, 1 / inverse)
    first = stats.binom.pmf(np.arange(401), 400, start)
    inner = np.linalg.inv(np.eye(399) - matrix[1:-1, 1:-1])
    win = first[1:-1] @ inner @ matrix[1:-1, -1] + first[-1]
    time = 1 + first[1:-1] @ inner @ np.ones(399)
    about = rough(start, 400, temperature=1 / inverse)
    return abs(win - about[0]), abs(time - about[1])


def declared(found):
    return tuple(float(x.rel_error * x.value) for x in (found.probability, found.time))


def growth_error(chain_by_scipy, p, n, inverse):
    like = max(inverse, 1.125)
    z = 2 * (p - 0.5) * math.sqrt(n * (1 - inverse**-2))
    start = 0.5 + z / (2 * math.sqrt(400 * (1 - like**-2)))
    win, time = by_hand(chain_by_scipy, fixation_limit, start, like)
    slower = (like - 1) / (inverse - 1)
    return 2 * win * 400 / n * slower, 2 * time * slower


def diffusion_error(chain_by_scipy, p, n, inverse):
    win, time = by_hand(chain_by_scipy, fixation_diffusion, p, 1 + n * (inverse - 1) / 400)
    return 2 * win * 400 / n, 2 * time


def test_declared_errors_are_twice_those_at_400_samples(chain_by_scipy):
    # LU is right to some 1e-9 of the differences.
    found = modes.fixation(0.51, 10_000, temperature=1 / 1.05)
    expected = growth_error(chain_by_scipy, 0.51, 10_000, 1.05)
    assert declared(found) == pytest.approx(expected, rel=1e-6)
    found = modes.fixation(0.52, 2_000, temperature=1 / 1.01)
    expected = diffusion_error(chain_by_scipy, 0.52, 2_000, 1.01)
    assert declared(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("inverse", [1.03, 1.1])
def test_of_two_limits_the_better_declared_is_taken(chain_by_scipy, inverse):
    both = [f(chain_by_scipy, 0.51, 2_000, inverse) for f in (growth_error, diffusion_error)]
    found = declared(modes.fixation(0.51, 2_000, temperature=1 / inverse))
    # Relative errors decide; the values agree far better than the errors do.
    assert found == pytest.approx(tuple(map(min, *both)), rel=1e-6)


@pytest.mark.parametrize("p", [0.5, 0.3, 1.0])
def test_temperature_for_wants_the_likelier_token(p):
    with pytest.raises(ValueError, match=r"^p must be "):
        modes.temperature_for(0.8, p, 50)
