"""The weight of a spectrum in E W2^2 to leading order."""

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
