"""W2 between Gaussians, right on singular, collapsed, tiny and huge covariances.

With Sigma_i = F_i F_i^T the fidelity tr(Sigma_1^{1/2} Sigma_2 Sigma_1^{1/2})^{1/2} is the nuclear
norm of F_1^T F_2, for factors of any rank, and the Bures distance is the Procrustes distance
min_O |F_1 - F_2 O|_F^2 over orthogonal O (Bhatia, Jain and Lim, Expo. Math. 37, 165, 2019). The
second form is a sum of squares: it is never negative and loses nothing where the two covariances
are close, unlike tr Sigma_1 + tr Sigma_2 - 2 fidelity. The paper plots FID, which is W2 squared
(theory.md 0), so the square is the default here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from madtheory import _check
from madtheory._types import Array

#: A matrix may be this asymmetric, or have eigenvalues this negative, relative to its size.
_TOLERANCE = 1e-8


def _matrix(name: str, value: ArrayLike) -> Array:
    """Return a finite float matrix."""
    array = _check.floats(name, value)
    if array.ndim != 2 or array.shape[0] == 0:
        raise ValueError(f"{name} must be a matrix with at least one row, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got a NaN or infinity")
    return array


def _vector(name: str, value: ArrayLike, dim: int) -> Array:
    """Return a finite float vector of length `dim`."""
    array = _check.floats(name, value)
    if array.shape != (dim,):
        raise ValueError(f"{name} must have shape ({dim},), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got a NaN or infinity")
    return array


def _covariance(name: str, value: ArrayLike) -> tuple[Array, float]:
    """Return (Sigma / scale, scale), symmetric with largest entry 1 (scale 0 for a zero matrix)."""
    array = _matrix(name, value)
    if array.shape[0] != array.shape[1]:
        raise ValueError(f"{name} must be square, got shape {array.shape}")
    scale = float(np.abs(array).max())
    if scale == 0:
        return array, 0.0
    unit = array / scale
    skew = float(np.abs(unit - unit.T).max())
    if skew > _TOLERANCE:
        raise ValueError(f"{name} must be symmetric, got a relative asymmetry of {skew:.3g}")
    return (unit + unit.T) / 2, scale


def covariance_factor(Sigma: ArrayLike) -> Array:
    """Factor of a covariance: F with F F^T = Sigma and as many columns as Sigma has rank.

    Parameters
    ----------
    Sigma : array_like, shape (d, d)
        Symmetric and positive semidefinite to 1e-8. Diagonal ones are factored exactly. For others,
        eigenvalues up to d * 2.2e-16 of the largest are what rounding leaves of zero, and are
        dropped: their square roots would be noise of relative size 1e-8. Carry factors where
        smaller ones matter.

    Returns
    -------
    ndarray, shape (d, rank)
        No column for the zero matrix.

    Examples
    --------
    >>> covariance_factor([[4.0, 0.0], [0.0, 0.0]])
    array([[2.],
           [0.]])
    """
    unit, scale = _covariance("Sigma", Sigma)
    diagonal = np.diag(unit)
    if scale == 0 or np.array_equal(unit, np.diag(diagonal)):
        values, vectors = diagonal, np.eye(len(unit))
        cut = 0.0
    else:
        values, vectors = np.linalg.eigh(unit)
        cut = len(unit) * float(np.finfo(np.float64).eps) * float(values[-1])
    if values.min() < -_TOLERANCE * np.abs(values).max():
        lowest = float(values.min()) * scale
        raise ValueError(f"Sigma must be positive semidefinite, got an eigenvalue of {lowest:.3g}")
    keep = values > cut
    # sqrt of each part: values * scale could leave the range of float64.
    factor: Array = vectors[:, keep] * np.sqrt(values[keep]) * math.sqrt(scale)
    return factor


def fidelity(F_1: ArrayLike, F_2: ArrayLike) -> float:
    """Fidelity tr(Sigma_1^{1/2} Sigma_2 Sigma_1^{1/2})^{1/2} from factors Sigma_i = F_i F_i^T.

    The nuclear norm of F_1^T F_2; the factors' column counts may differ, and may be 0.

    Examples
    --------
    >>> fidelity([[3.0], [0.0]], [[2.0, 0.0], [0.0, 1.0]])
    6.0
    """
    a, b = _factor_pair(F_1, F_2)
    if 0 in (a.shape[1], b.shape[1]):
        return 0.0
    return float(np.linalg.svd(a.T @ b, compute_uv=False).sum())


def _factor_pair(F_1: ArrayLike, F_2: ArrayLike) -> tuple[Array, Array]:
    """Validate two factors with as many rows."""
    a, b = _matrix("F_1", F_1), _matrix("F_2", F_2)
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"F_2 must have {a.shape[0]} rows like F_1, got {b.shape[0]}")
    return a, b


def _widened(x: Array, columns: int) -> Array:
    """The matrix with columns of zeros; np.pad takes ten times as long."""
    out = np.zeros((len(x), columns), order="F" if x.flags.fnc else "C")
    out[:, : x.shape[1]] = x
    return out


def procrustes_squared(a: Array, b: Array) -> float:
    """min over orthogonal O of |a - b O|_F^2, a and b padded to the same number of columns."""
    columns = max(a.shape[1], b.shape[1])
    a, b = _widened(a, columns), _widened(b, columns)
    scale = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
    if scale == 0:
        return 0.0
    left, _, right = np.linalg.svd((b / scale).T @ (a / scale))
    return float(np.square(a - b @ (left @ right)).sum())


def bures_squared(Sigma_1: ArrayLike, Sigma_2: ArrayLike) -> float:
    """Squared Bures distance of two covariances: W2^2 of centred Gaussians.

    tr Sigma_1 + tr Sigma_2 - 2 tr(Sigma_1^{1/2} Sigma_2 Sigma_1^{1/2})^{1/2}, for covariances of
    any rank, zero included (see :func:`covariance_factor`).

    Examples
    --------
    >>> bures_squared([[9.0]], [[4.0]])
    1.0
    """
    a, b = covariance_factor(Sigma_1), covariance_factor(Sigma_2)
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"Sigma_2 must have {a.shape[0]} rows like Sigma_1, got {b.shape[0]}")
    return procrustes_squared(a, b)


def w2_squared(mu_1: ArrayLike, Sigma_1: ArrayLike, mu_2: ArrayLike, Sigma_2: ArrayLike) -> float:
    """Squared 2-Wasserstein distance of N(mu_1, Sigma_1) and N(mu_2, Sigma_2).

    |mu_1 - mu_2|^2 + bures_squared(Sigma_1, Sigma_2), in squared units of the samples; means (d,).

    Examples
    --------
    >>> w2_squared([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], [3.0, 0.0], [[0.0, 0.0], [0.0, 0.0]])
    11.0
    """
    bures = bures_squared(Sigma_1, Sigma_2)
    dim = len(np.asarray(Sigma_1))
    shift = _vector("mu_1", mu_1, dim) - _vector("mu_2", mu_2, dim)
    return float(np.square(shift).sum()) + bures


def w2(mu_1: ArrayLike, Sigma_1: ArrayLike, mu_2: ArrayLike, Sigma_2: ArrayLike) -> float:
    """2-Wasserstein distance, the square root of :func:`w2_squared`.

    Examples
    --------
    >>> w2([0.0], [[1.0]], [3.0], [[25.0]])
    5.0
    """
    return math.sqrt(w2_squared(mu_1, Sigma_1, mu_2, Sigma_2))
