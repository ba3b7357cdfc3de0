"""The Bures distance is a metric, squared."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madtheory.laws import bures


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_bures_is_a_squared_metric(dim, seed):
    rng = np.random.default_rng(seed)
    A, B, C = (F @ F.T for F in (rng.standard_normal((dim, rng.integers(1, 7))) for _ in range(3)))
    ab, bc, ac = (math.sqrt(bures.bures_squared(x, y)) for x, y in ((A, B), (B, C), (A, C)))
    assert ac <= ab + bc + 1e-9
    assert ab == pytest.approx(math.sqrt(bures.bures_squared(B, A)), abs=1e-9)
    assert bures.bures_squared(4 * A, 4 * B) == pytest.approx(4 * ab**2, rel=1e-9, abs=1e-12)
    low = (math.sqrt(np.trace(A)) - math.sqrt(np.trace(B))) ** 2
    assert low - 1e-9 <= ab**2 <= np.trace(A) + np.trace(B) + 1e-9
