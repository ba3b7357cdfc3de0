"""The fresh data loop at any covariance, against what is known at the identity and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madtheory import spectrum
from madtheory.covariance import Spectrum
from madtheory.loop import UnsupportedLoop, fresh_data, fully_synthetic
from madtheory.theory import distance, worth
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
    assert Spectrum.of(s).bures_weight == pytest.approx(rank - 1, rel=1e-12, abs=1e-15)


def test_bures_weight_by_hand() -> None:
    # 2 (2 * 1*3/4) / 4
    assert Spectrum.of([3.0, 1.0]).bures_weight == pytest.approx(0.75, rel=1e-15)


@given(st.floats(0.0, 0.99), st.integers(1, 30))
def test_the_limit_does_not_see_the_scale(bias: float, dim: int) -> None:
    found = worth.admissible_n_synth_limit(bias, np.full(dim, 2.5))
    direct = 4 / (1 - bias) ** 2 * ((2 - bias) + (dim + 1) / 4 * (1 + 3 * bias - 2 * bias**2) / 2)
    assert found == pytest.approx(direct, rel=1e-12)


@pytest.mark.parametrize(("bias", "n_real"), [(0.5, 2000), (0.0, 50), (0.8, 100_000)])
@pytest.mark.parametrize("s", [[1.0] * 3, [3.0, 1.0, 0.2]])
def test_the_admissible_size_by_bisection_over_integers(
    bias: float, n_real: int, s: list[float]
) -> None:
    target, low, high = spectrum.baseline_leading(n_real, s), 1, 10**9

    def excess(n: int) -> float:
        loop = fresh_data(n_real, n, bias=bias)
        return distance.w2_squared_second_order_limit(loop, s) - target

    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if excess(middle) <= 0 else (low, middle)
    between = low - excess(low) / (excess(high) - excess(low))
    # Interpolated between neighbouring integers n: right to 1/n^2.
    found = worth.admissible_n_synth(fresh_data(n_real, 1, bias=bias), s)
    assert found == pytest.approx(between, rel=max(1e-6, 1 / between**2))


@pytest.mark.parametrize("bias", [0.0, 0.5, 0.8])
def test_the_root_tends_to_the_limit(bias: float) -> None:
    s = [5.0, 2.0, 1.0, 0.1, 0.0]
    limit = worth.admissible_n_synth_limit(bias, s)
    errors = []
    for factor in (300, 3000):
        root = worth.admissible_n_synth(fresh_data(round(factor * limit), 1, bias=bias), s)
        errors.append(abs(root / limit - 1))
    # The relative error is of order limit / n_real; interpolation between integers adds 0.2/n^2.
    assert errors[0] < 0.01
    assert errors[1] < 0.2 * errors[0] + 0.2 / limit**2


def test_ends() -> None:
    s = [2.0, 1.0]
    assert worth.admissible_n_synth_limit(1.0, s) == math.inf
    assert worth.admissible_n_synth(fresh_data(1000, 1), s) == math.inf
    assert worth.admissible_n_synth(fresh_data(1, 1, bias=0.5), s) == math.inf


def test_no_amount_is_admissible() -> None:
    assert admissible._last_pass(lambda n: 1.0, 10**6, 1) == 0.0
    assert admissible._last_pass(lambda n: n - 7.25, 10**6, 1) == 7.25
    assert admissible._last_pass(lambda n: 0.0 if n < 8 else math.inf, 10**6, 1) == 7.0
    assert admissible._last_pass(lambda n: -1.0, 10**6, 1) == math.inf


def test_other_loops_are_refused() -> None:
    with pytest.raises(UnsupportedLoop, match="loops with real data only, got n_real = 0"):
        worth.admissible_n_synth(fully_synthetic(10), [1.0, 2.0])
    with pytest.raises(ValueError, match=r"bias must be a finite number in \[0, 1\]"):
        worth.admissible_n_synth_limit(1.5, [1.0])
