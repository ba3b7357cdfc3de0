"""High-dimension limits and the mean of tr Sigma_t^{1/2} at finite size (theory.md 1.7, 5.1).

Notation: W_t is the product of t independent real Wishart factors,
``W_t = X_1 ... X_t X_t' ... X_1' / (k_1 ... k_t)`` with X_1 of shape (d, k_1) and X_i of shape
(k_{i-1}, k_i), which is the law of the whitened covariance of the fully synthetic loop at
lambda = 1. Everything follows from three facts here, and a fourth for a spectrum in parts of
different size (:mod:`madtheory.spectrum.split`).

Commutation
    The singular values of X_1 ... X_t depend on (d, k_1, ..., k_t) only as a multiset (Ipsen and
    Kieburg, Phys. Rev. E 89, 032106, 2014). So d > m is the case of dimension D = min of the
    multiset with the remaining entries as degrees of freedom.
Limit
    The S-transform of the limit law is that of H (the law of the squared eigenvalues of Sigma_0)
    times prod 1 / (1 + (d / k_i) z). Lagrange inversion gives integer moments as residues, and
    their continuation to the power 1/2 as an integral on the cut,

        (2/pi) int_0^oo z^{-1/2} N'(z) prod_i (1 - N(z)/k_i)^{1/2} dz

    for E tr(Sigma_0 W_t Sigma_0)^{1/2}, with N(z) = sum_j s_j^2 z / (1 + s_j^2 z), s =
    eigenvalues of Sigma_0, the integrand being 0 where N exceeds some k_i. Sigma_0 = I gives the
    2F1 of theory.md 5.1, both branches.
Direction
    (u' W_t u)^{1/2} has the exact mean Phi_t = prod c4(k_i + 1) for every unit u.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from madtheory import _check
from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.results import Estimate
from madtheory.spectrum.factors import Factors, chain, cut_deficit_by_part, wishart_factors
from madtheory.spectrum.split import log_ratio

#: Eigenvalues below this share of the trace change tr(.)^{1/2} by less than it (Rotfel'd).
_NEGLIGIBLE = 1e-30


def _shares(spectrum: Spectrum) -> Array:
    """Return the eigenvalues that count, per unit of tr Sigma_0."""
    s = spectrum.values / spectrum.values[0]
    share: Array = s / s.sum()
    return share[share > _NEGLIGIBLE]


def _factors(dofs: ArrayLike) -> Factors:
    """Return the factors of the given degrees of freedom."""
    k = _check.floats("dofs", dofs)
    if k.ndim != 1 or k.size == 0:
        raise ValueError(f"dofs must be a non-empty vector, got shape {k.shape}")
    if not np.isfinite(k).all() or (k < 1).any() or (k != np.floor(k)).any():
        raise ValueError(f"dofs must be positive integers, got minimum {k.min():g}")
    if (k > _check.MAX_COUNT).any():
        raise ValueError(f"dofs must be at most {_check.MAX_COUNT}, got {k.max():g}")
    return wishart_factors(k)


def sqrt_trace_deficit(eigenvalues: ArrayLike, dofs: ArrayLike) -> Estimate:
    """Return 1 - E tr(Sigma_0 W_t Sigma_0)^{1/2} / tr Sigma_0 for t = 1..T, without cancellation.

    The distance is made of it: it is near (1/n) tr-like terms where the mean itself is near 1.

    `dofs` and answer are those of :func:`mean_sqrt_trace`.

    Examples
    --------
    >>> sqrt_trace_deficit([1.0], [10**9]).value  # 1 - c4(10**9 + 1)
    array([2.5e-10])
    """
    return _deficit(_shares(Spectrum.of(eigenvalues)), _factors(dofs))


def _deficit(s: Array, factors: Factors) -> Estimate:
    """Return 1 - mean / tr Sigma_0 with its bounds; s has sum 1."""
    value, low, high, error = log_ratio(s, factors)
    deficit = -np.expm1(value)
    relative = error * np.exp(value) / deficit
    return Estimate(deficit, lower=-np.expm1(high), upper=-np.expm1(low), rel_error=relative)


def chain_deficit(
    eigenvalues: ArrayLike, generations: ArrayLike, *, first: int, later: int
) -> Estimate:
    """Return :func:`sqrt_trace_deficit` at chosen generations of a loop.

    Parameters
    ----------
    eigenvalues : array_like, shape (dim,)
        As for :func:`mean_sqrt_trace`.
    generations : array_like of int, shape (T,)
        Generations t >= 1, in any order and as far apart as wanted.
    first, later : int
        Degrees of freedom of generation 1 and of every later one.

    Examples
    --------
    >>> chain_deficit([1.0], [1, 10**6], first=10**9, later=10**9).value
    array([2.50000000e-10, 2.49968753e-04])
    """
    return _deficit(_shares(Spectrum.of(eigenvalues)), chain(first, later, generations))


def chain_deficit_limit(dim: int, generations: ArrayLike, *, first: int, later: int) -> Array:
    """Return the high-dimension limit of :func:`chain_deficit` for Sigma_0 = I (theory.md 5.1).

    1 - :func:`madtheory.spectrum.sqrt_trace_limit` with ratio dim / later, except that generation 1
    has its own ratio dim / first.

    Examples
    --------
    >>> chain_deficit_limit(10, [1], first=10, later=20).round(6)  # 1 - 8 / (3 pi)
    array([0.151174])
    """
    d = float(_check.count("dim", dim))
    return cut_deficit_by_part(d, chain(first, later, generations))


def mean_sqrt_trace(eigenvalues: ArrayLike, dofs: ArrayLike) -> Estimate:
    """Return E tr(Sigma_0 W_t Sigma_0)^{1/2} for t = 1..T, W_t a product of t Wishart factors.

    Parameters
    ----------
    eigenvalues : array_like, shape (dim,)
        Of Sigma_0; zeros allowed.
    dofs : array_like of int, shape (T,)
        Degrees of freedom k_1, ..., k_T of the Wishart factors; [n - 1] for the covariance of n
        real samples.

    Returns
    -------
    Estimate
        Arrays (T,): value (asymptotic, error declared from simulation), rigorous lower and upper
        bounds, declared relative error. Exact (rel_error 0) where the rank
        min(rank Sigma_0, k_1, ..., k_t) is 1, and at t = 1 for a multiple of I of rank up to
        :data:`madtheory.spectrum.one_wishart.MOST_DIM`.

    Notes
    -----
    theory.md 1.7 and 5.1. With Phi_t = prod c4(k_i + 1), for every Sigma_0

        sqrt(pi/2) E|Sigma_0 z| Phi_t <= E tr(Sigma_0 W_t Sigma_0)^{1/2} <= tr Sigma_0 Phi_t :

    the diagonal of M^{1/2} is at most the root of the diagonal of M (Jensen), and for z ~ N(0, I)
    E (z'Mz)^{1/2} <= E|z_1| tr M^{1/2} (the square root is subadditive). The lower one is attained
    as t -> infinity. Two more bounds are in the private functions.

    Examples
    --------
    >>> e = mean_sqrt_trace([1.0, 0.5], [9, 9])
    >>> bool((e.lower < e.value).all() and (e.value < e.upper).all())
    True
    """
    spectrum, factors = Spectrum.of(eigenvalues), _factors(dofs)
    value, low, high, error = log_ratio(_shares(spectrum), factors)
    trace = spectrum.trace
    return Estimate(trace * np.exp(value), trace * np.exp(low), trace * np.exp(high), error)
