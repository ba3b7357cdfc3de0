"""A second route to the chain of two tokens."""

import numpy as np
import pytest
from scipy import stats


def _chain_by_scipy(p, n, temperature, n_fresh=0):
    """Transition matrix of two tokens, by scipy's binomial laws and plain convolution."""
    total = n + n_fresh
    extra = stats.binom.pmf(np.arange(n_fresh + 1), n_fresh, p)
    rows = []
    for k in range(total + 1):
        pair = np.array([k, total - k]) / total
        if temperature == 0:
            g = float(k > total - k) + 0.5 * (2 * k == total)
        else:
            powers = np.power(pair, 1 / temperature)
            g = powers[0] / powers.sum()
        rows.append(np.convolve(stats.binom.pmf(np.arange(n + 1), n, g), extra))
    return np.array(rows)


@pytest.fixture
def chain_by_scipy():
    return _chain_by_scipy
