"""E W2^2 in one dimension, term by term in mpmath."""

import mpmath as mp

from madtheory.loop import Loop


def c4(n: int) -> mp.mpf:
    m = mp.mpf(n - 1)
    return mp.sqrt(2 / m) * mp.gammaprod([(m + 1) / 2], [m / 2])


def exact(loop: Loop, t: int, bias: str | None = None) -> mp.mpf:
    """1.7 at d = 1, sigma = 1, term by term in mpmath; `bias` as a decimal string if given."""
    lam = mp.mpf(loop.bias if bias is None else bias)
    n_i, n_s = mp.mpf(loop.n_initial), mp.mpf(loop.n_synth)
    first = lam if loop.first_generation == "biased" else mp.mpf(1)
    fit, later = (n_i - 1) / (n_i - loop.ddof), lam * (n_s - 1) / (n_s - loop.ddof)
    tau = [first * fit * later**k for k in range(t)]
    walk = first / n_i + lam * mp.fsum(tau[:-1]) / n_s
    fidelity = mp.sqrt(tau[-1]) * c4(loop.n_initial) * c4(loop.n_synth) ** (t - 1)
    return walk + 1 + tau[-1] - 2 * fidelity
