"""Bands of directions do not know units, axes of the features or their order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madtheory import audit
from madtheory.audit.directions import directions


def bands(real, files):
    axes = audit.axes_of(real)
    last = float(files[-1].var(axis=0, ddof=1).sum())
    return directions(axes, audit.series_of(axes, files), last=last)


def numbers(found, square):
    """All numbers of the bands, those of the variance over `square`."""
    out = [x for b in found.bands for m in (b.drift, b.bias) for x in (m.value, m.low, m.high)]
    out += [x for b in found.bands for x in (b.share, b.left, b.p_value)]
    return out + [x / square for m in found.trace for x in (m.value, m.low, m.high)]


def turned(rng, dim):
    return np.linalg.qr(rng.standard_normal((dim, dim)))[0]


@pytest.mark.full
@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 12), st.integers(3, 5), st.floats(-8, 8), st.booleans())
def test_rotations_and_scales_change_nothing(seed, dim, generations, power, tied):
    rng = np.random.default_rng(seed)
    real = rng.standard_normal((80, dim)) * np.arange(1, dim + 1)
    if tied:  # a design whose axes are two arbitrary ones and all others
        real = np.concatenate([np.eye(dim), -np.eye(dim)] * 8) * np.r_[1.0, 1.0, 2 : dim + 2][:dim]
    spread = real.std(axis=0)
    files = [0.9**t * rng.standard_normal((70, dim)) * spread for t in range(generations)]
    Q, s = turned(rng, dim) * 10**power, 10**power
    plain, moved = bands(real, files), bands(real @ Q, [x @ Q for x in files])
    assert [b.directions for b in moved.bands] == [b.directions for b in plain.bands]
    assert [b.fate for b in moved.bands] == [b.fate for b in plain.bands]
    np.testing.assert_allclose(numbers(moved, s * s), numbers(plain, 1.0), rtol=1e-6, atol=1e-9)
