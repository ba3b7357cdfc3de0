"""The audit of s X is that of X: all of it, whatever the unit."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from madtheory import audit

KINDS = ("normal", "heavy", "words", "mixed")


def loop(kind, seed, dim, generations):
    """Real set and files of a fully synthetic loop that draws its rows anew."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((60, dim))
    if kind == "heavy":
        x = rng.standard_t(4, size=(60, dim))
    if kind in ("words", "mixed"):
        x[:, : dim if kind == "words" else 1] = rng.integers(0, 3, (60, 1)) == np.arange(
            dim if kind == "words" else 1
        )
    real, files = x, []
    for _ in range(generations):
        x = x[rng.integers(60, size=60)]
        if kind != "words":
            x = x + 0.3 * rng.standard_normal(x.shape)
        files.append(x)
    return real, files


def numbers(found, s):
    """Scale-free numbers of an audit of data in units of s."""
    out = [found.p_value, found.p_value_walk, found.training_size, found.fresh_data.bias]
    for m in (found.rate, found.bias, found.n_eff):
        out += [m.value, m.low, m.high]
    squares = [m for g in found.generations for m in (g.fid, g.trace)]
    squares += [*found.forecast.fid, *found.forecast.trace]
    out += [v / s / s for m in squares for v in (m.value, m.low, m.high)]
    return out


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.integers(0, 1000),
    st.integers(2, 6),
    st.integers(2, 5),
    st.floats(-8, 8),
)
def test_units_change_nothing(kind, seed, dim, generations, power):
    real, files = loop(kind, seed, dim, generations)
    s = 10**power
    found = audit.audit(real, files, horizon=2)
    moved = audit.audit(real * s, [x * s for x in files], horizon=2)
    assert (moved.verdict, moved.reason) == (found.verdict, found.reason)
    needed = [f.fresh_data.required_n_real for f in (found, moved)]
    assert (needed[0] is None) == (needed[1] is None)
    assert needed[0] is None or abs(needed[1] - needed[0]) <= 1 + 1e-6 * needed[0]
    np.testing.assert_allclose(numbers(moved, s), numbers(found, 1.0), rtol=1e-6, atol=1e-12)
