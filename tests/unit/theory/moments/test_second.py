"""Second moments at any covariance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madtheory.loop import Loop, fresh_data, synthetic_augmentation
from madtheory.theory import moments
from madtheory.theory.moments import second
from madtheory.theory.moments.second import conjugated_second_moments

positive = st.floats(0.01, 100.0)


@given(st.integers(1, 8), st.integers(1, 50), st.data())
def test_second_moments_of_a_wishart_matrix(dim: int, dof: int, data: st.DataObject) -> None:
    """Isserlis' theorem gives them at every Sigma_0."""
    s = np.array(data.draw(st.lists(positive, min_size=dim, max_size=dim)))
    p1, p2 = s.sum(), (s**2).sum()
    identity = (dim * (1 + 1 / dof) + dim**2 / dof, dim**2 + 2 * dim / dof)
    expected = (p2 * (1 + 1 / dof) + p1**2 / dof, p1**2 + 2 * p2 / dof)
    found = conjugated_second_moments(*identity, eigenvalues=s)
    # The invariants of W determine a and b with a condition number of about dim.
    assert found == pytest.approx(expected, rel=1e-12)


def test_what_a_correction_declares_is_as_it_was_calibrated():
    """Shares of a correction of 1 %, and a thousandth; first moments are exact."""
    expected = [0.0, 0.0, 0.026, 0.017, 0.017, 0.017, 0.017]
    np.testing.assert_allclose(second._declared(np.full(7, 0.01)), expected, rtol=1e-12)


def test_a_dimension_may_be_an_array_of_one() -> None:
    loop = fresh_data(5, 7, bias=0.8)
    found = [moments.second_moments(loop, dim, generations=2) for dim in (3, np.array(3))]
    assert np.array_equal(*found)


@pytest.mark.thinned(2)
@pytest.mark.parametrize("memory", [2, 3, 5, 7])
def test_second_moments_of_little_left_declare_their_rounding(memory):
    """Beside three real samples; E tr S^2/(E tr S)^2 tends to .8, that of (tr S)^2 to 1.2."""
    for n_synth in (10**8, 10**9, 10**10, 10**11):
        loop = synthetic_augmentation(3, n_synth, bias=0.99, memory=memory)
        x, error = moments.second_moments_limit(loop, 5), moments.second_moments_rel_error(loop, 5)
        assert (x >= 0).all()
        for i, ratio in ((5, 1.2), (6, 0.8)):
            assert abs(x[i] / x[1] ** 2 - ratio) < error[i] * max(x[i] / x[1] ** 2, ratio) + 1e-4
    fewer = synthetic_augmentation(3, 10**4, bias=0.99, memory=memory)
    assert not moments.second_moments_rel_error(fewer, 5).any()


@pytest.mark.parametrize("n", [10**8, 10**12, 10**15])
@pytest.mark.parametrize("pool", [{"pool": "accumulate", "pool_cap": 2}, {}])
def test_limits_of_very_many_samples_are_those_of_their_means(n, pool):
    """E (tr Sigma)^2 is (E tr Sigma)^2 (1 + O(1/n)): moments of piles are n^2 times as large."""
    loop = Loop(n_initial=n, n_fixed=n, n_fresh=5, n_synth=2 * n, bias=0.99999996, ddof=0, **pool)
    for dim in (2, 3, 8):
        x, first = second.invariant_limit(loop, dim), moments.first_moments_limit(loop)
        assert x is not None
        square = (dim * first.trace) ** 2
        assert 1 - 1e-14 < x.squared_trace / square < 1 + 10 / n + 1e-14
        assert 1 - 1e-14 < dim * x.trace_squared / square < 1 + 40 / n + 1e-14
