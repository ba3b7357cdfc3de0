"""Noise of samples, taken from the rows of a file: their tails and dependence are the features'.

A sample of n rows of a law has the moments of random weights on rows of that law: independent gamma
weights of shape n/R on R rows, divided by their sum, move mean and covariance as n draws do
(the Bayesian bootstrap), at any n, and leave covariances positive.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from madtheory._types import Array

#: At most this many rows of a file stand for all.
_ROWS = 256
#: Added to correlations, and the least variance: keep factors regular.
_TINY, _NOTHING = 1e-12, 1e-150
#: Singular values of less than this share are rounding.
_RANK = 1e-9


class Rows(NamedTuple):
    """Rows (R, K) of mean 0 and covariance 1 where they have any, and their squares (R, K^2)."""

    rows: Array
    squares: Array


def squares(rows: Array) -> Rows:
    """Rows with their products of entries."""
    return Rows(rows, (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), -1))


def whitened(x: Array) -> Rows:
    """Some rows of x, whitened, or Gaussian ones where x does not span its columns.

    Factors of a covariance (:func:`root`) have columns of their own: rows without variance along
    some would take from all. What lacks variance is for the factor to say.
    """
    z = x[:: 1 + len(x) // _ROWS]
    U, s, V = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    keep = s > _RANK * s[0]
    if 0 < keep.sum() < x.shape[1]:
        z = np.random.default_rng(0).standard_normal((max(_ROWS, 4 * x.shape[1]), x.shape[1]))
        return whitened(z)
    return squares(U[:, keep] @ V[keep] * math.sqrt(len(z)))


def root(S: Array) -> Array:
    """Factor of a batch of covariances, singular ones too, whatever their axes' scales."""
    deviations = np.sqrt(np.maximum(np.diagonal(S, axis1=1, axis2=2), _NOTHING))
    units = deviations[:, :, None] * deviations[:, None, :]
    # No correlation is beyond 1: what is comes of rounding, where hardly any variance is left.
    with np.errstate(over="ignore"):
        correlation = np.clip(S / units, -2.0, 2.0) + _TINY * np.eye(S.shape[-1])
    try:
        factor = np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(correlation)
        factor = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    out: Array = deviations[:, :, None] * factor
    return out


def weights(rng: np.random.Generator, shape: Array) -> Array:
    """Dirichlet weights (P, R) of these shapes; all on one row where they are too small."""
    w = rng.standard_gamma(shape)
    total = w.sum(axis=1, keepdims=True)
    none = total[:, 0] <= 0
    if none.any():
        w[none, shape[none].argmax(axis=1)] = 1.0
        total = w.sum(axis=1, keepdims=True)
    out: Array = w / total
    return out


def sample(rng: np.random.Generator, rows: Rows, F: Array, n: Array) -> tuple[Array, Array]:
    """Mean (P, K) and covariance (P, K, K) of n (P,) rows of covariance F F^T, mean 0."""
    R = len(rows.rows)
    w = weights(rng, np.broadcast_to(n[:, None] / R, (len(F), R)))
    mean, S = moments(w, rows)
    # n rows have 1 - 1/(n + 1) of the variance about their own mean.
    S *= (1 + 1 / n)[:, None, None]
    return (F @ mean[..., None])[..., 0], F @ S @ F.transpose(0, 2, 1)


def moments(w: Array, rows: Rows) -> tuple[Array, Array]:
    """Mean (P, K) and covariance (P, K, K) of the rows under weights (P, R)."""
    K = rows.rows.shape[1]
    mean: Array = w @ rows.rows
    return mean, (w @ rows.squares).reshape(-1, K, K) - mean[:, :, None] * mean[:, None, :]
