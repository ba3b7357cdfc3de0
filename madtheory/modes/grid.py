"""Where the modes of a simulated mixture stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from madtheory import _check, _search

if TYPE_CHECKING:
    from madtheory._types import Array


def mode_grid(modes: int, dim: int = 2, *, spacing: float = 1.0) -> Array:
    """Return the centres of modes on a grid about 0 (Fig. 14: 25 modes, 5 x 5).

    The first `modes` points, row by row, of the smallest cubic grid that has as many.

    Parameters
    ----------
    modes, dim : int
    spacing : float
        Distance of neighbours.

    Returns
    -------
    ndarray, shape (modes, dim)

    Examples
    --------
    >>> float((mode_grid(25) ** 2).sum(axis=1).mean())
    4.0
    """
    K, d = _check.count("modes", modes), _check.count("dim", dim)
    step = _check.number("spacing", spacing, low=0.0)
    side = _search.least(lambda points: points**d >= K, -1, K)
    index = np.arange(K)
    # A power above K, which no index reaches, may be past what an array can hold.
    places = [index // min(side ** (d - 1 - i), K) % side for i in range(d)]
    return np.asarray(step * (np.stack(places, axis=1) - 0.5 * (side - 1)))
