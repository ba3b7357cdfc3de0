"""E tr(Sigma_0 W_t Sigma_0)^{1/2} of a spectrum taken as a whole (theory.md 5.1).

The law of one direction times a shape K_t in [floor, 1] (:class:`madtheory.spectrum.bounds.Block`):
the high-dimension limit, corrected so that the first order in 1/k and t = infinity are exact. One
generation at Sigma_0 = I is exact altogether (:mod:`madtheory.spectrum.one_wishart`), and what the
estimate of log K misses there is taken from it at any Sigma_0 of that rank.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate

from madtheory._types import Array
from madtheory.spectrum import one_wishart
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
from madtheory.spectrum.factors import Factors, cut_deficit

#: Generations evaluated one by one; beyond, K is interpolated (error below 1e-9, see the tests).
_DIRECT = 400
#: Singular blocks of so few degrees of freedom, where the first eigenvalue is more than this share
#: of all, and what is declared of them: slope and most.
_TINY, _LEADS, _OF_TINY = 3, 0.45, (0.28, 0.075)
#: Dimension whose exact fit corrects the estimate beyond one_wishart.MOST_DIM.
_REFERENCE = 64


def is_flat(s: Array) -> bool:
    """Whether all eigenvalues are one, up to rounding."""
    return bool(s[0] - s[-1] <= 1e-15 * s[0])


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
        make = partial(_flat_block, s.size) if is_flat(s) else partial(_general_block, s)
        block = make(rank, part)
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


def _log_mean(block: Block) -> Array:
    """Return log K_t, at most 0."""
    return np.minimum(_log_shape_long(block), 0.0)


def _declared(block: Block, log_shape: Array) -> Array:
    """Return the declared relative error of K: about twice the worst residual of the calibration.

    With u = (1 - K)/(1 - floor) and h the spread per degree of freedom it is slope u (u + h)
    sqrt(1 - u), at most `most`: second order where K is near 1 (the first is exact), and none where
    K reaches its floor (exact). Worst over the table: .042 and 1.1 %, singular .067 and 2.1 %, of
    two or three degrees of freedom where one direction leads 6.1 % (of 500 fits).
    """
    slope, most = (0.14, 0.042) if block.singular else (0.085, 0.022)
    if block.singular and block.rank <= _TINY and 1 / np.sqrt(block.a).sum() > _LEADS:
        slope, most = _OF_TINY
    u = np.clip(-np.expm1(log_shape) / max(1 - block.floor, ROUNDING), 0.0, 1.0)
    steps = block.factors.counts.sum(axis=1)
    h = block.spread * block.factors.sum(1 / block.factors.sizes) / steps
    return np.asarray(np.minimum(slope * u * (u + h) * np.sqrt(1 - u), most))


def _estimated(block: Block) -> tuple[Array, Array, Array, Array]:
    """Log of (value, lower, upper) of the mean / tr Sigma_0 and the relative error of a block."""
    if block.rank == 1:  # one direction: the bounds meet
        return block.log_top, block.log_top, block.log_top, np.zeros_like(block.log_top)
    floor = np.maximum(math.log(block.floor), log_triangular_bound(block))
    top = np.minimum(log_moment_bound(block), 0.0) if block.flat else np.zeros_like(floor)
    shape = _log_mean(block)
    value, low, high = block.log_top + np.stack([shape, floor, top])
    return value, low, high, _declared(block, shape)


def _flat_fit(dim: int, dof: int) -> tuple[float, float]:
    """Log of the estimated mean of one factor at Sigma_0 = I, per unit of the trace; its upper."""
    block = _flat_block(dim, min(dim, dof), Factors(np.array([float(dof)]), np.ones((1, 1))))
    # Without the bounds, which take most of the time in many dimensions.
    return float((block.log_top + _log_mean(block))[0]), float(block.log_top[0])


class _Fit(NamedTuple):
    """One Wishart factor at Sigma_0 = I: deficit, its relative error, true over estimated log K."""

    deficit: float
    error: float
    correction: float


def _extrapolated_fit(dim: int, dof: int) -> tuple[float, float]:
    """The deficit and its relative error from a smaller matrix of the same ratio.

    What the estimate misses falls like 1/D at a fixed ratio, up to a tenth of it from D = 64 on.
    """
    scale = _REFERENCE / min(dim, dof)
    at = round(dim * scale), round(dof * scale)
    missed = (-math.expm1(_flat_fit(*at)[0]) / one_wishart.root_deficit(*at) - 1) * scale
    return -math.expm1(_flat_fit(dim, dof)[0]) / (1 + missed), abs(missed) / 4


@lru_cache(maxsize=4096)
def _one_fit(dim: int, dof: int) -> _Fit | None:
    """One Wishart factor at Sigma_0 = I; None far out, where the estimate is as good.

    Exact up to MOST_DIM; beyond, :func:`_extrapolated_fit`.
    """
    small, large = min(dim, dof), max(dim, dof)
    if small == 1 or large > one_wishart.MOST_RATIO * small:
        return None
    log_fit, log_top = _flat_fit(dim, dof)
    if small <= one_wishart.MOST_DIM:
        deficit, error = one_wishart.root_deficit(dim, dof), 0.0
    else:
        deficit, error = _extrapolated_fit(dim, dof)
    return _Fit(deficit, error, (math.log1p(-deficit) - log_top) / (log_fit - log_top))


def _one_fits(dim: int, factors: Factors) -> Iterator[tuple[int, _Fit]]:
    """Rows of one Wishart factor, with what is known of them at Sigma_0 = I."""
    for row in np.flatnonzero(factors.counts.sum(axis=1) == 1).tolist():
        fit = _one_fit(dim, int(factors.sizes[factors.counts[row] > 0][0]))
        if fit is not None:
            yield row, fit


def log_ratio(s: Array, factors: Factors) -> tuple[Array, Array, Array, Array]:
    """Return log of (value, lower, upper) of the mean / tr Sigma_0 and the relative error.

    `s` are eigenvalues > 0, largest first, of sum 1; all four have shape (T,).
    """
    value, low, high, error, top = np.zeros((5, len(factors.counts)))
    for rows, block in _blocks(s, factors):
        value[rows], low[rows], high[rows], error[rows] = _estimated(block)
        top[rows] = block.log_top
    for row, fit in _one_fits(s.size, factors):
        value[row] = top[row] + (value[row] - top[row]) * fit.correction
        if is_flat(s):
            error[row] = fit.error * fit.deficit / (1 - fit.deficit)
            if not fit.error:
                low[row] = high[row] = value[row] = math.log1p(-fit.deficit)
    if (np.diff(factors.counts, axis=0) >= 0).all():
        # More factors, smaller mean: the fidelity is concave, so a supermartingale at bias 1.
        high = np.minimum.accumulate(high)
    high = np.maximum(high, low)
    value = np.clip(value, low, high)
    rigorous = np.maximum(np.expm1(high - value), -np.expm1(low - value))
    return value, low, high, np.minimum(error, np.abs(rigorous))
