"""The weight of a spectrum in E W2^2 to leading order."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madtheory.covariance import Spectrum

positive = st.floats(0.01, 100.0)


@given(st.integers(1, 40), positive, st.integers(0, 5))
def test_bures_weight_of_a_multiple_of_a_projector(rank: int, scale: float, zeros: int) -> None:
    s = np.concatenate([np.full(rank, scale), np.zeros(zeros)])
    assert Spectrum.of(s).bures_weight == pytest.approx(rank - 1, rel=1e-12, abs=1e-15)


def test_bures_weight_by_hand() -> None:
    # 2 (2 * 1*3/4) / 4
    assert Spectrum.of([3.0, 1.0]).bures_weight == pytest.approx(0.75, rel=1e-15)


def test_zeros_count_in_the_dimension_and_not_in_the_rank() -> None:
    spectrum = Spectrum.of([0.0, 3.0, 1.0, 0.0])
    assert (spectrum.dim, spectrum.rank, spectrum.trace) == (4, 2, 4.0)
    assert spectrum.shares.tolist() == [0.75, 0.25]
    assert spectrum.values.tolist() == [3.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "eigenvalues must be a non-empty vector, got shape (0,)"),
        ([[1.0]], "eigenvalues must be a non-empty vector, got shape (1, 1)"),
        ([1.0, -0.5], "eigenvalues must be finite and non-negative, got minimum -0.5"),
        ([1.0, np.inf], "eigenvalues must be finite and non-negative, got minimum 1"),
        ([0.0, 0.0], "eigenvalues must have a positive entry, got only zeros"),
        (0, "dim must be at least 1, got 0"),
        (True, "eigenvalues must be a non-empty vector, got shape ()"),
    ],
)
def test_what_is_no_spectrum(value: Any, words: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        Spectrum.of(value)
    assert str(error.value) == words


def test_a_spectrum_is_a_copy_in_falling_order() -> None:
    own = np.array([1.0, 3.0, 0.0, 2.0])
    s = Spectrum.of(own)
    own[:] = 9
    assert s.values.tolist() == [3.0, 2.0, 1.0, 0.0]
    assert s.values.flags.c_contiguous  # kernels take no other
    assert Spectrum.of(s) is s
    assert (s.dim, s.rank, s.trace, s.is_flat) == (4, 3, 6.0, False)
    np.testing.assert_allclose(s.shares, [1 / 2, 1 / 3, 1 / 6], rtol=1e-15)
    assert [Spectrum.of(x).is_flat for x in (3, [2.0, 2.0], [2.0, 0.0])] == [True, True, False]
    huge = Spectrum.of([1e308, 1e308])
    assert (huge.trace, huge.shares.tolist()) == (np.inf, [0.5, 0.5])
    assert np.array(s, copy=True) is not s.values
    assert np.asarray(s) is s.values


def test_an_eigenvalue_that_underflows_beside_the_largest_weighs_nothing() -> None:
    assert Spectrum.of([1e300, 1e-300]).bures_weight == 0.0
    assert Spectrum.of([1e300, 1e300, 1e-300]).bures_weight == 1.0
