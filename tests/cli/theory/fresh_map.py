"""One generation of the fresh data loop's first moments, in mpmath."""

from typing import Any

from mpmath import mp

mp.dps = 40


def fresh_map(n_r: int, n_s: int, bias: float) -> tuple[Any, Any]:
    """(M, C) -> A (M, C) + b in units of d: two groups pooled, written out by their sums."""
    n = n_r + n_s
    A = mp.matrix(
        [
            [mp.mpf(n_s) ** 2 / n**2, n_s * mp.mpf(bias) / n**2],
            [mp.mpf(n_r * n_s) / (n * (n - 1)), n_s * mp.mpf(bias) / n],
        ]
    )
    return A, mp.matrix([mp.mpf(n_r) / n**2, mp.mpf(n_r) / n])
