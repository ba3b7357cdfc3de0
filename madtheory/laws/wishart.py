"""Law of the covariance estimator: exponents, log-determinant, second moments (theory.md 1.3-1.5).

Everything here concerns *one* fit with m = `dof` degrees of freedom in d = `dim` dimensions;
:mod:`madtheory.theory.collapse` multiplies the fits of a fully synthetic loop.
"""

from __future__ import annotations

import math

import numpy as np

from madtheory import _check
from madtheory._types import Array
from madtheory.laws.chi_square import log_chi_square_mean, log_chi_square_variance

#: Vectors of eigenvalues longer than this are a mistake, not a model.
_MAX_DIM = 10**7


def lyapunov_exponents(dim: int, dof: int) -> Array:
    """Return E log(chi2_{m-i+1} / m), i = 1..min(dim, m): the spectrum without log(bias).

    Largest first (theory.md 1.4, Bartlett).

    Examples
    --------
    >>> lyapunov_exponents(3, 9).round(6)
    array([-0.115206, -0.24796 , -0.400921])
    """
    d = _check.count("dim", dim, maximum=_MAX_DIM)
    m = float(_check.count("dof", dof))
    i = np.arange(min(d, dof), dtype=np.float64)
    return np.asarray(log_chi_square_mean(m - i, m))


def log_det_mean(dim: int, dof: int) -> float:
    """Return E log det W for W ~ W_d(I/m, m); -inf when d > m, where W is singular.

    log det W is a sum of independent log(chi2_{m-i+1} / m), i = 1..d (theory.md 1.3).

    Examples
    --------
    >>> f"{log_det_mean(3, 9):.12f}"
    '-0.764086954892'
    >>> log_det_mean(4, 3)
    -inf
    """
    exponents = lyapunov_exponents(dim, dof)
    return -math.inf if dim > dof else math.fsum(exponents)


def log_det_variance(dim: int, dof: int) -> float:
    """Return Var log det W for W ~ W_d(I/m, m); 0 when d > m, where it is -inf surely.

    The sum of psi'((m-i+1)/2), i = 1..d (theory.md 1.3).

    Examples
    --------
    >>> f"{log_det_variance(1, 1):.12f}"
    '4.934802200545'
    """
    d = _check.count("dim", dim, maximum=_MAX_DIM)
    m = _check.count("dof", dof)
    if d > m:
        return 0.0
    return math.fsum(log_chi_square_variance(m - np.arange(d, dtype=np.float64)))


def second_moment_map(dof: int) -> Array:
    """Return the 2 x 2 map of one fit on (E tr S^2, E (tr S)^2), without bias^2.

    [[1 + 1/m, 1/m], [2/m, 1]], with eigenvalues 1 + 2/m and 1 - 1/m (theory.md 1.5).

    Examples
    --------
    >>> second_moment_map(4)
    array([[1.25, 0.25],
           [0.5 , 1.  ]])
    """
    m = _check.count("dof", dof)
    return np.array([[1.0 + 1.0 / m, 1.0 / m], [2.0 / m, 1.0]])
