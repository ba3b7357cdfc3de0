"""The fresh data loop at any covariance, against what is known at the identity and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madtheory.laws import bures
from madtheory.loop import UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory import worth
from madtheory.theory.moments.second import conjugated_second_moments
from madtheory.theory.worth import admissible

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


@given(st.integers(1, 40), positive, st.integers(0, 5))
def test_bures_weight_of_a_multiple_of_a_projector(rank: int, scale: float, zeros: int) -> None:
    s = np.concatenate([np.full(rank, scale), np.zeros(zeros)])
    assert bures.bures_weight(s) == pytest.approx(rank - 1, rel=1e-12, abs=1e-15)


def test_bures_weight_by_hand() -> None:
    # 2 (2 * 1*3/4) / 4
    assert bures.bures_weight([3.0, 1.0]) == pytest.approx(0.75, rel=1e-15)


@given(st.floats(0.0, 0.99), st.integers(1, 30))
def test_the_limit_at_the_identity(bias: float, dim: int) -> None:
    found = admissible.admissible_n_synth_limit_general(bias, np.full(dim, 2.5))
    assert found == pytest.approx(worth.admissible_n_synth_limit(bias, dim), rel=1e-12)


@pytest.mark.parametrize(("bias", "n_real"), [(0.5, 2000), (0.0, 50), (0.8, 100_000)])
def test_a_nearly_equal_spectrum_is_continuous(bias: float, n_real: int) -> None:
    """The general route, by bisection over integers, against the root finder at the identity."""
    loop = fresh_data(n_real, 1, bias=bias)
    general = admissible.admissible_n_synth_general(loop, [1.0, 1.0, 1.0 - 1e-13])
    # Interpolated between neighbouring integers n: right to 1/n^2.
    identity = worth.admissible_n_synth(loop, 3)
    assert general == pytest.approx(identity, rel=max(1e-6, 1 / identity**2))


@pytest.mark.parametrize("bias", [0.0, 0.5, 0.8])
def test_the_root_tends_to_the_limit(bias: float) -> None:
    s = [5.0, 2.0, 1.0, 0.1, 0.0]
    limit = admissible.admissible_n_synth_limit_general(bias, s)
    errors = []
    for factor in (300, 3000):
        root = admissible.admissible_n_synth_general(
            fresh_data(round(factor * limit), 1, bias=bias), s
        )
        errors.append(abs(root / limit - 1))
    # The relative error is of order limit / n_real; interpolation between integers adds 0.2/n^2.
    assert errors[0] < 0.01
    assert errors[1] < 0.2 * errors[0] + 0.2 / limit**2


def test_ends() -> None:
    s = [2.0, 1.0]
    assert admissible.admissible_n_synth_limit_general(1.0, s) == math.inf
    assert admissible.admissible_n_synth_general(fresh_data(1000, 1), s) == math.inf
    assert admissible.admissible_n_synth_general(fresh_data(1, 1, bias=0.5), s) == math.inf


def test_no_amount_is_admissible() -> None:
    assert admissible.last_pass(lambda n: 1.0, 10**6) == 0.0
    assert admissible.last_pass(lambda n: n - 7.25, 10**6) == 7.25
    assert admissible.last_pass(lambda n: 0.0 if n < 8 else math.inf, 10**6) == 7.0
    assert admissible.last_pass(lambda n: -1.0, 10**6) == math.inf


def test_other_loops_are_refused() -> None:
    with pytest.raises(UnsupportedLoop, match="fresh data loop only"):
        admissible.admissible_n_synth_general(fully_synthetic(10), [1.0, 2.0])
    with pytest.raises(ValueError, match=r"bias must be a finite number in \[0, 1\]"):
        admissible.admissible_n_synth_limit_general(1.5, [1.0])
