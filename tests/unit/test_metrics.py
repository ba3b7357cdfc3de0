"""Metrics of two samples against brute force, on collapsed sets, and their errors."""

import numpy as np
import pytest

from madtheory import metrics


def squares(x, y):
    """Squared distances from differences, columns added in order."""
    out = np.zeros((len(x), len(y)))
    for c in range(x.shape[1]):
        out += np.square(x[:, None, c] - y[None, :, c])
    return out


def inside(points, centres, k):
    """Which points lie in a closed k-NN ball."""
    own = squares(centres, centres)
    np.fill_diagonal(own, np.inf)
    radii = np.sort(own, axis=1)[:, k - 1]
    return (squares(points, centres) <= radii).any(axis=1)


def brute(real, synth, k):
    return inside(synth, real, k).mean(), inside(real, synth, k).mean()


def values(both):
    return both.precision.value, both.recall.value


KINDS = {
    "continuous": lambda x: x,
    "ties": np.round,
    "few values": lambda x: np.sign(x[:, :1]) * np.ones(x.shape[1]),
    "far away": lambda x: x + 1e8,
    "huge": lambda x: x * 1e150,
    "tiny": lambda x: x * 1e-150,
    "two tight clusters": lambda x: np.sign(x[:, :1]) * 1e3 + 1e-9 * x,
    "one far row": lambda x: np.vstack([x[1:], 1e12 + x[:1]]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "m", "dim", "k"), [(7, 9, 1, 1), (300, 200, 3, 5), (40, 700, 20, 2)])
def test_every_answer_is_that_of_brute_force(kind, n, m, dim, k):
    rng = np.random.default_rng(n)
    data = rng.standard_normal((n + m, dim))
    data = KINDS[kind](data)
    real, synth = data[:n], data[n:]
    unit = np.abs(data).max() if kind in ("huge", "tiny") else 1.0
    # A power of two: the brute force of scaled data neither overflows nor rounds differently.
    unit = 2.0 ** np.round(np.log2(unit))
    assert values(metrics.precision_recall(real, synth, k=k)) == brute(real / unit, synth / unit, k)
