"""Anti-concentration of weighted sums of chi-squares."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from madtheory.laws import trace_noise


@given(
    st.floats(0.02, 0.98),
    st.integers(1, 6),
    st.integers(1, 40),
    st.lists(st.floats(0.01, 1.0), min_size=6, max_size=6),
)
def test_anti_concentration_holds_for_any_weights(eps, dim, dof, raw):
    weights = np.array(raw[:dim])
    inside = np.diff(trace_noise.trace_noise_cdf([1 - eps, 1 + eps], weights, dof))[0]
    assert trace_noise.anti_concentration_bound(eps, dim, dof) <= 1 - inside + 1e-12
    assert trace_noise.trace_noise_variance(weights, dof) >= 2 / (dof * dim) * (1 - 1e-12)
