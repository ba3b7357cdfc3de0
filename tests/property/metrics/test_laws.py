"""Laws of the metrics of two samples: permutation, affine maps, symmetry, order in k."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from madtheory import metrics

SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def sets(draw, least=4):
    """Two sets of one width: smooth, on a lattice (ties, repeats) or collapsed."""
    rng = np.random.default_rng(draw(SEEDS))
    n, m = draw(st.integers(least, 40)), draw(st.integers(least, 40))
    data = rng.standard_normal((n + m, draw(st.integers(1, 8))))
    kind = draw(st.sampled_from(["smooth", "lattice", "few rows", "synth collapsed"]))
    if kind == "lattice":
        data = np.round(2 * data)
    if kind == "few rows":
        data = data[rng.integers(0, 3, n + m)]
    if kind == "synth collapsed":
        data[n:] = data[n]
    return data[:n], data[n:]


def scale(x, y):
    """Squared size of the sets about their middle: what rounding is relative to."""
    both = np.concatenate([x, y])
    return float(np.square(both - both.mean(0)).sum(1).max())


def close(a, b, size):
    """Estimates that agree to rounding, ends included."""
    assert [a.value, a.low, a.high] == pytest.approx([b.value, b.low, b.high], rel=1e-9, abs=size)


@given(sets(), SEEDS)
def test_the_order_of_rows_does_not_matter(pair, seed):
    x, y = pair
    rng = np.random.default_rng(seed)
    u, v = rng.permutation(x), rng.permutation(y)
    # Which of two tied rows is the neighbour, and its name, do not matter either.
    assert metrics.precision_recall(u, v, k=2) == metrics.precision_recall(x, y, k=2)
    size = 1e-7 * scale(x, y)  # half-widths are roots of variances: 1e-16 becomes 1e-8
    for metric in (metrics.fid, metrics.fid_unbiased):
        close(metric(u, v), metric(x, y), size)
    got, other = metrics.kernel_distance(u, v), metrics.kernel_distance(x, y)
    close(got, other, 1e-7 * (1 + np.square(np.concatenate([x, y])).sum(1).max()) ** 3)


@given(sets())
def test_swapping_the_sets(pair):
    x, y = pair
    one, other = metrics.precision_recall(x, y, k=3), metrics.precision_recall(y, x, k=3)
    assert (one.precision, one.recall) == (other.recall, other.precision)
    size = 1e-7 * scale(x, y)
    for metric in (metrics.fid, metrics.fid_unbiased):
        close(metric(x, y), metric(y, x), size)
    assert metrics.kernel_distance(x, y).value == pytest.approx(
        metrics.kernel_distance(y, x).value, rel=1e-9, abs=1e-9
    )


@given(sets(), st.integers(-300, 300))
def test_a_power_of_two_changes_no_bit(pair, exponent):
    x, y = pair
    u, v = np.ldexp(x, exponent), np.ldexp(y, exponent)
    assert metrics.precision_recall(u, v, k=2) == metrics.precision_recall(x, y, k=2)
    one, other = metrics.fid(u, v), metrics.fid(x, y)
    assert (one.value, one.low) == (
        np.ldexp(other.value, 2 * exponent),
        np.ldexp(other.low, 2 * exponent),
    )


@given(sets(), SEEDS, st.floats(1e-3, 1e3), st.floats(-10, 10))
def test_similarities(pair, seed, factor, shift):
    """Rotation, scale and shift: FID takes the square of the scale, the balls take nothing."""
    x, y = pair
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((x.shape[1], x.shape[1])))[0]
    u, v = (factor * z @ Q + shift for z in (x, y))
    square = factor**2
    got, other = metrics.fid(u, v), metrics.fid(x, y)
    size = 1e-7 * (scale(x, y) + (shift / factor) ** 2)
    close(metrics.Measured(got.value / square, got.low / square, got.high / square), other, size)
    # Rounding of the map breaks exact ties: only sets without repeats and ties keep each answer.
    both = np.concatenate([x, y])
    assume(len(np.unique(np.round(both, 6), axis=0)) == len(both) and (both % 1 != 0).any())
    assert metrics.precision_recall(u, v, k=2) == metrics.precision_recall(x, y, k=2)


@given(sets(least=8))
def test_balls_grow_with_k(pair):
    x, y = pair
    found = [metrics.precision_recall(x, y, k=k) for k in (1, 2, 5, 7)]
    for shares in ([f.precision.value for f in found], [f.recall.value for f in found]):
        assert shares == sorted(shares)


@given(sets())
def test_what_every_result_is(pair):
    x, y = pair
    both = metrics.precision_recall(x, y, k=3)
    for share in (both.precision, both.recall):
        assert 0 <= share.low <= share.value <= share.high <= 1
    distance, kernel = metrics.fid(x, y), metrics.kernel_distance(x, y)
    assert 0 <= distance.low <= distance.value <= distance.high
    assert kernel.low <= kernel.value <= kernel.high
    mean = float(np.square(x.mean(0) - y.mean(0)).sum())
    assert distance.value >= mean * (1 - 1e-12)
    corrected = metrics.fid_unbiased(x, y)
    assert 0 <= corrected.low <= corrected.high
    assert np.isfinite(corrected.value)


@given(sets(least=6))
def test_a_set_holds_itself(pair):
    x, _ = pair
    both = metrics.precision_recall(x, x.copy())
    assert (both.precision.value, both.recall.value) == (1.0, 1.0)
    assert metrics.fid(x, x.copy()).value <= 1e-27 * scale(x, x)


@given(sets())
def test_repeating_every_row_keeps_the_balls(pair):
    """Each row c times, and the (c k + c - 1)-th neighbour: the same radii."""
    x, y = pair
    one = metrics.precision_recall(x, y, k=2)
    twice = metrics.precision_recall(np.repeat(x, 2, axis=0), np.repeat(y, 2, axis=0), k=5)
    assert twice.precision.value == one.precision.value
    assert twice.recall.value == one.recall.value
