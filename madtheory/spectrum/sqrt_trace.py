"""High-dimension limits and the mean of tr Sigma_t^{1/2} at finite size (theory.md 1.7, 5.1).

Notation: W_t is the product of t independent real Wishart factors,
``W_t = X_1 ... X_t X_t' ... X_1' / (k_1 ... k_t)`` with X_1 of shape (d, k_1) and X_i of shape
(k_{i-1}, k_i), which is the law of the whitened covariance of the fully synthetic loop at
lambda = 1. Everything here follows from three facts.

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

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import interpolate

from madtheory import _check
from madtheory._types import Array
from madtheory.covariance import Spectrum
from madtheory.results import Estimate
from madtheory.spectrum.bounds import (
    ROUNDING,
    Block,
    flat_floor,
    log_c4,
    log_moment_bound,
    log_norm_mean,
    log_triangular_bound,
    norm_mean,
)
from madtheory.spectrum.factors import (
    Factors,
    chain,
    cut_deficit,
    cut_deficit_by_part,
    wishart_factors,
)

#: Generations evaluated one by one; beyond, K is interpolated (error below 1e-9, see the tests).
_DIRECT = 400
#: Eigenvalues below this share of the trace change tr(.)^{1/2} by less than it (Rotfel'd).
_NEGLIGIBLE = 1e-30


def _flat_block(dim: int, rank: int, factors: Factors) -> Block:
    """Sigma_0 = I in `dim` dimensions, moved to `rank` <= dim dimensions by commutation."""
    log_top = factors.sum(log_c4(factors.sizes))
    if rank < dim:
        log_top += log_norm_mean(dim) - log_norm_mean(rank) + math.log(rank / dim)
        factors = factors.moved(rank, dim)
    share = np.full(rank, 1 / rank)
    spread = rank - 1.0
    return Block(np.ones(1), spread, spread, flat_floor(rank), share, factors, log_top, True)


def _general_block(s: Array, rank: int, factors: Factors) -> Block:
    """Any Sigma_0, eigenvalues s > 0 of sum 1; the upper bound is the better of two dimensions."""
    norm = math.log(norm_mean(s))
    excess = math.log(rank) + norm - log_norm_mean(rank)
    top = min(0.0, excess) if rank < s.size else 0.0
    floor = math.exp(0.5 * math.log(math.pi / 2) + norm - top)
    # sum over i < j of s_i s_j / (s_i + s_j); the terms i = j come to half the trace, 1/2.
    pairs = sum(float((x * s[i + 1 :] / (x + s[i + 1 :])).sum()) for i, x in enumerate(s))
    theta, spread = 2 * pairs / (2 * pairs + 0.5), 4 * pairs
    log_top = factors.sum(log_c4(factors.sizes)) + top
    share = s[:rank] * math.exp(-top)
    return Block((s / s[0]) ** 2, theta, spread, floor, share, factors, log_top, False, excess)


def _blocks(s: Array, factors: Factors) -> Iterator[tuple[NDArray[np.intp], Block]]:
    """Yield (rows, block), one for each rank min(d, k_1, ..., k_t) that the generations have."""
    present = np.where(factors.counts > 0, factors.sizes, np.inf)
    ranks = np.minimum(present.min(axis=1), s.size).astype(np.intp)
    for rank in np.unique(ranks).tolist():
        rows = np.flatnonzero(ranks == rank)
        part = factors.at(rows)
        flat = bool(s[0] - s[-1] <= 1e-15 * s[0])
        block = _flat_block(s.size, rank, part) if flat else _general_block(s, rank, part)
        yield rows, block


def _log_gap(sizes: Array) -> Array:
    """Return log of Gamma(k/2)^2 / (Gamma((k-1)/2) Gamma((k+1)/2)), k >= 2; near -1/(2k).

    The mean of tr W_t^{1/2} is a sum over zonal functions of degree (b, 1/2 - b, 0, ...). The one
    at b = 1/2 is the directional law; the next, at the saddle b = 0, decays faster by this factor.
    """
    return np.asarray(log_c4(sizes - 1) - log_c4(sizes) + 0.5 * np.log1p(-1 / sizes))


def _rate(spread: float) -> float:
    """Return r of :func:`_log_shape_full`, fitted; 1 would be right for t -> infinity only."""
    return 0.65 + 0.6 / (1 + spread) ** 2


def _log_shape_full(block: Block) -> Array:
    """Return log K_t (asymptotic, calibrated: tests/golden/spectrum/sqrt_trace.py).

    K^2 = c^2 + (1 - c^2) F(a)^2 exp(r sum gap_i): c = `floor` is exact at t = infinity, F is the
    high-dimension limit with k - 1/2 for k, `a` scales it such that the first order in 1/k is
    exact, and r is the one fitted function.
    """
    c2, spread, factors = block.floor**2, block.spread, block.factors
    if 1 - c2 < ROUNDING:
        return np.zeros(len(block.log_top))
    rate = min(_rate(spread), spread / (2 * (1 - c2)))
    scale = max(1 / (1 - c2) - 2 * rate / spread, 0.0)
    shifted = Factors(factors.sizes - 0.5, factors.counts)
    log_limit = np.log1p(-cut_deficit(block.a, scale * block.theta, shifted))
    fall = np.expm1(2 * log_limit + rate * factors.sum(_log_gap(factors.sizes)))
    return np.asarray(0.5 * np.log1p((1 - c2) * fall))


def _log_shape_reduced(block: Block) -> Array:
    """Return log K_t where Sigma_t is singular and Sigma_0 is no multiple of I.

    Commutation puts the factor of `rank` columns first; with Sigma_0 it makes a covariance in
    `rank` dimensions, of about (tr Sigma_0^2)^2 / tr Sigma_0^4 (at least `rank`) degrees of
    freedom, on which the other factors act as on I. Shape and constants as for I.
    """
    floor, spread, factors = flat_floor(block.rank), block.rank - 1.0, block.factors
    size = spread / (1 - floor**2) - 2 * _rate(spread)
    shifted = Factors(factors.sizes - 0.5, factors.counts).moved(block.rank - 0.5, size)
    unit = math.log(np.sqrt(block.a).sum()) - 0.5 * math.log(size * float(block.a.sum()))
    log_limit = np.minimum(np.log1p(-cut_deficit(block.a, 1.0, shifted)) + unit, 0.0)
    first = max(float(block.a.sum() ** 2 / (block.a**2).sum()), float(block.rank))
    moved = factors.moved(block.rank, first)
    gap = _rate(spread) * moved.sum(_log_gap(moved.sizes))
    shape = 0.5 * np.log1p((1 - floor**2) * np.expm1(2 * log_limit + gap))
    return np.asarray(shape + math.log(block.floor / floor))


def _log_shape(block: Block) -> Array:
    """Return log K_t by the route whose upper bound is the better one (blended over 10 %)."""
    if not block.singular:
        return _log_shape_full(block)
    w = min(max(block.excess / 0.1, 0.0), 1.0)
    full = w * _log_shape_full(block) if w > 0 else 0.0
    return full + ((1 - w) * _log_shape_reduced(block) if w < 1 else np.zeros(len(block.log_top)))


def _log_shape_long(block: Block) -> Array:
    """Return log K_t; where a long run repeats one factor, by a spline in log t."""
    counts = block.factors.counts
    steps = np.diff(counts[_DIRECT:], axis=0)
    if len(steps) < _DIRECT or (steps != steps[0]).any():
        return _log_shape(block)
    t = np.arange(len(counts), dtype=np.float64)
    knots = np.unique(np.append(t[:_DIRECT], np.geomspace(_DIRECT, t[-1], _DIRECT).round()))
    rows = knots.astype(np.intp)
    thin = replace(block, factors=block.factors.at(rows), log_top=block.log_top[rows])
    spline = interpolate.CubicSpline(np.log1p(knots), _log_shape(thin))
    return np.asarray(spline(np.log1p(t)))


def _declared(block: Block, log_shape: Array) -> Array:
    """Return the declared relative error of K: about twice the worst residual of the calibration.

    With u = (1 - K)/(1 - floor) and h the spread per degree of freedom it is slope u (u + h)
    sqrt(1 - u), at most `most`: second order where K is near 1 (the first is exact), and none where
    K reaches its floor (exact). Worst over the table: .042 and 1.1 %, singular .067 and 2.1 %.
    """
    slope, most = (0.14, 0.042) if block.singular else (0.085, 0.022)
    u = np.clip(-np.expm1(log_shape) / max(1 - block.floor, ROUNDING), 0.0, 1.0)
    steps = block.factors.counts.sum(axis=1)
    h = block.spread * block.factors.sum(1 / block.factors.sizes) / steps
    return np.asarray(np.minimum(slope * u * (u + h) * np.sqrt(1 - u), most))


def _log_ratio(s: Array, factors: Factors) -> tuple[Array, Array, Array, Array]:
    """Return log of (value, lower, upper) of the mean / tr Sigma_0 and the relative error."""
    value, low, high, error = np.zeros((4, len(factors.counts)))
    for rows, block in _blocks(s, factors):
        if block.rank == 1:  # one direction: the bounds meet
            value[rows] = low[rows] = high[rows] = block.log_top
            continue
        floor = np.maximum(math.log(block.floor), log_triangular_bound(block))
        top = np.minimum(log_moment_bound(block), 0.0) if block.flat else np.zeros_like(floor)
        shape = np.minimum(_log_shape_long(block), 0.0)
        value[rows], low[rows], high[rows] = block.log_top + np.stack([shape, floor, top])
        error[rows] = _declared(block, shape)
    if (np.diff(factors.counts, axis=0) >= 0).all():
        # More factors, smaller mean: the fidelity is concave, so a supermartingale at bias 1.
        high = np.minimum.accumulate(high)
    high = np.maximum(high, low)
    value = np.clip(value, low, high)
    rigorous = np.maximum(np.expm1(high - value), -np.expm1(low - value))
    return value, low, high, np.minimum(error, rigorous)


def _shares(spectrum: Spectrum) -> Array:
    """Return the eigenvalues that count, per unit of tr Sigma_0."""
    s = spectrum.values / spectrum.values[0]
    share: Array = s / s.sum()
    return share[share > _NEGLIGIBLE]


def _factors(dofs: ArrayLike) -> Factors:
    """Return the factors of the given degrees of freedom."""
    k = np.asarray(dofs, dtype=np.float64)
    if k.ndim != 1 or k.size == 0:
        raise ValueError(f"dofs must be a non-empty vector, got shape {k.shape}")
    if not np.isfinite(k).all() or (k < 1).any() or (k != np.floor(k)).any():
        raise ValueError(f"dofs must be positive integers, got minimum {k.min():g}")
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
    value, low, high, error = _log_ratio(s, factors)
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
        min(rank Sigma_0, k_1, ..., k_t) is 1.

    Notes
    -----
    theory.md 1.7 and 5.1. With Phi_t = prod c4(k_i + 1), for every Sigma_0

        sqrt(pi/2) E|Sigma_0 z| Phi_t <= E tr(Sigma_0 W_t Sigma_0)^{1/2} <= tr Sigma_0 Phi_t :

    the diagonal of M^{1/2} is at most the root of the diagonal of M (Jensen), and for z ~ N(0, I)
    E (z'Mz)^{1/2} <= E|z_1| tr M^{1/2} (the square root is subadditive). The lower one is attained
    as t -> infinity. Two more bounds are in the private functions.

    Examples
    --------
    >>> e = mean_sqrt_trace([1.0, 1.0], [9, 9])
    >>> bool((e.lower < e.value).all() and (e.value < e.upper).all())
    True
    """
    spectrum, factors = Spectrum.of(eigenvalues), _factors(dofs)
    value, low, high, error = _log_ratio(_shares(spectrum), factors)
    trace = spectrum.trace
    return Estimate(trace * np.exp(value), trace * np.exp(low), trace * np.exp(high), error)
