"""Variances of successive generations along the eigendirections of real data (theory.md 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory.metrics.features import features, same_width, scale, successive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from madtheory._types import Array

#: Variances below this share of the largest are rounding of a direction without any.
_RANK_TOLERANCE = 1e-12


class DirectionVariances(NamedTuple):
    """Variances (ddof = 1) along the eigenvectors of the real covariance, largest first.

    real has shape (dim,), with exact zeros beyond its rank; generations has shape (T, rank).
    """

    real: Array
    generations: Array


def direction_variances(real: ArrayLike, generations: Sequence[ArrayLike]) -> DirectionVariances:
    """Project successive generations on the eigenvectors of the real covariance.

    Parameters
    ----------
    real : array_like, shape (n, dim)
    generations : sequence of array_like, shapes (n_t, dim)
        Samples of generations 1..T.

    Examples
    --------
    >>> real = [[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    >>> found = direction_variances(real, [[[1.0, 1.0], [0.0, -1.0]]])
    >>> found.real.round(6), found.generations
    (array([2.666667, 0.666667]), array([[0.5, 2. ]]))
    """
    x = features("real", real)
    sets = [features(f"generation {t}", y) for t, y in enumerate(successive(generations), 1)]
    for t, y in enumerate(sets, 1):
        same_width(f"generation {t}", y, x)
    exponent = scale([x, *sets])
    # Less a row first: equal rows have no variance at all, wherever they lie.
    x = x - x[0]
    if not x.any():
        raise ValueError(f"real must have rows that differ, got {len(x)} equal ones")
    _, values, vectors = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    rank = int((values**2 > _RANK_TOLERANCE * values[0] ** 2).sum())
    own = np.zeros(x.shape[1])
    own[:rank] = values[:rank] ** 2 / (len(x) - 1)
    along = [((y - y[0]) @ vectors[:rank].T).var(axis=0, ddof=1) for y in sets]
    moved = np.array(along).reshape(len(sets), rank)
    with np.errstate(over="ignore", under="ignore"):
        found = DirectionVariances(np.ldexp(own, 2 * exponent), np.ldexp(moved, 2 * exponent))
    if not (
        rank and found.real[rank - 1] > 0 and np.isfinite(found.real[0] + found.generations.sum())
    ):
        raise ValueError(
            "features must have variances that float64 can hold, got sizes up to "
            f"2^{exponent}; divide by it"
        )
    return found
