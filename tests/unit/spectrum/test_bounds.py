"""Bounds on E tr of a square root."""

import mpmath as mp
import numpy as np
import pytest

from madtheory.spectrum import mean_sqrt_trace


def c4(dof: int) -> mp.mpf:
    """E sqrt(chi2_dof / dof)."""
    k = mp.mpf(dof)
    return mp.sqrt(2 / k) * mp.gammaprod([(k + 1) / 2], [k / 2])


def moments_by_recursion(dim: int, k: int, t: int) -> tuple[float, float, float]:
    """E tr W^j / dim, j = 1, 2, 3, by the map of (p3, p2 p1, p1^3) under one Wishart factor."""
    step3 = (
        np.array(
            [
                [k * k + 3 * k + 4, 3 * (k + 1), 1],
                [4 * (k + 1), k * k + k + 4, k],
                [8, 6 * k, k * k],
            ]
        )
        / k**2
    )
    step2 = np.array([[k + 1, 1], [2, k]]) / k
    third = np.linalg.matrix_power(step3, t) @ [dim, dim**2, dim**3]
    second = np.linalg.matrix_power(step2, t) @ [dim, dim**2]
    return 1.0, second[0] / dim, third[0] / dim


@pytest.mark.parametrize(("dim", "k", "t"), [(2, 7, 2), (4, 9, 3), (20, 300, 6)])
def test_upper_bound_is_the_two_point_rule_of_three_moments(dim: int, k: int, t: int) -> None:
    m1, m2, m3 = moments_by_recursion(dim, k, t)
    # Nodes: roots of the second orthogonal polynomial.
    a, b = np.linalg.solve([[1, m1], [m1, m2]], [-m2, -m3])
    nodes = np.roots([1, b, a])
    weights = np.linalg.solve(np.vander(nodes, increasing=True).T, [1, m1])
    expected = dim * float(weights @ np.sqrt(nodes))
    upper = mean_sqrt_trace(np.ones(dim), [k] * t).upper[-1]
    assert upper == pytest.approx(expected, rel=1e-9)  # the code leaves 1e-9 for rounding


@pytest.mark.parametrize("s", [np.ones(6), 1 / np.arange(1.0, 7)])
def test_bounds_are_the_ones_of_the_docstring(s: np.ndarray) -> None:
    k, t = 50, 3
    e = mean_sqrt_trace(s, [k] * t)
    with mp.workdps(30):
        phi = float(c4(k) ** t)
        triangle = sum(
            x * float((mp.sqrt(mp.mpf(k - i) / k) * c4(k - i)) ** t) for i, x in enumerate(s)
        )
    assert e.lower[-1] == pytest.approx(triangle, rel=1e-12)
    assert e.upper[-1] <= s.sum() * phi * (1 + 1e-12)
    if s[0] != s[-1]:
        assert e.upper[-1] == pytest.approx(s.sum() * phi, rel=1e-12)
    # theory.md 1.7: the determinant bound, which the triangle beats.
    index = np.arange(6)
    halves = [mp.mpf(k - int(i)) / 2 for i in index]
    power = mp.mpf(1) / 12
    factors = [mp.gammaprod([h + power], [h]) * (mp.mpf(2) / k) ** power for h in halves]
    if s[0] == s[-1]:
        assert 6 * float(mp.fprod(factors)) ** t < triangle
