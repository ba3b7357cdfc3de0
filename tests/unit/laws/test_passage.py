"""First passages after several generations, by one quadrature on a single interval."""

import numpy as np
import pytest
from scipy import stats

from madtheory.laws.passage import Walk, passage_probabilities


def by_one_quadrature(walk: Walk, barrier: float, horizon: int) -> list[float]:
    """P(first below the barrier at t): densities on one long Gauss-Legendre interval."""
    x, w = np.polynomial.legendre.leggauss(1_200)
    half = 0.5 * (8.0 - barrier)
    y, w = barrier + half * (x + 1), half * w

    def density(v, dof):  # type: ignore[no-untyped-def]
        return stats.chi2(dof).pdf(dof * np.exp(v)) * dof * np.exp(v)

    def below(v, dof):  # type: ignore[no-untyped-def]
        return stats.chi2(dof).cdf(dof * np.exp(v))

    found = [float(below(barrier - walk.first, walk.first_dof))]
    p = density(y - walk.first, walk.first_dof)
    kernel = density(y[:, None] - y[None, :] - walk.step, walk.dof)
    for _ in range(horizon - 1):
        found.append(float((w * p) @ below(barrier - y - walk.step, walk.dof)))
        p = kernel @ (w * p)
    return found


@pytest.mark.parametrize("horizon", [1, 2, 3, 6])
@pytest.mark.parametrize(("first", "later"), [(9, 9), (4, 9), (40, 9)])
def test_passages_of_several_generations(first: int, later: int, horizon: int) -> None:
    walk = Walk(float(first), -0.1, float(later), -0.05)
    found = passage_probabilities(walk, -1.5, horizon)
    expected = by_one_quadrature(walk, -1.5, horizon)
    assert found.shape == (horizon,)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
