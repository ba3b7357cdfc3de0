"""Squared Frechet distance of two sets, plain (FID) and less its bias."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory._threads import one_thread
from madtheory.laws.bures import procrustes_squared
from madtheory.metrics.features import ROWS, blocks, pair, scale
from madtheory.metrics.measured import Measured, normal_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from madtheory._types import Array

    Pairs = list[tuple[Array, Array]]


#: Pairs of halves that the bias is measured on, at most, and that times the dimension.
_DEALS, _DEALS_BY_DIM = 16, 256
#: A spread below this is none.
_NOTHING = 1e-300


class _Moments(NamedTuple):
    """Mean row + shift, (d,) each; F (d, r) with F F^T the covariance; W (d, r) whitens rows.

    The mean is kept in two parts: far from the origin it has fewer digits than its distance to a
    row of the set.
    """

    row: Array
    shift: Array
    factor: Array
    whitener: Array


def _moments(x: Array) -> _Moments:
    """Mean and covariance factor (ddof = 1) by reflections, one block of rows at a time."""
    n, dim = x.shape
    # Subtracting a row first makes a constant column exactly zero.
    shift = sum(((x[b] - x[0]).sum(axis=0) for b in blocks(n, ROWS)), np.zeros(dim)) / n
    R = np.zeros((0, dim))
    for block in blocks(n, ROWS):
        R = np.asarray(np.linalg.qr(np.vstack([R, (x[block] - x[0]) - shift]), mode="r"))
    _, s, V = np.linalg.svd(R, full_matrices=False)
    keep = s > max(max(n, dim) * np.finfo(np.float64).eps * s[0], _NOTHING)
    root = math.sqrt(n - 1)
    return _Moments(x[0], shift, R.T / root, V[keep].T / s[keep] * root)


def _mean_difference(a: _Moments, b: _Moments) -> Array:
    """Mean of a less that of b."""
    difference: Array = (a.row - b.row) + (a.shift - b.shift)
    return difference


def _influence(x: Array, own: _Moments, delta: Array, s: Array, U: Array) -> Array:
    """Derivative of the distance in the weight of each row of `x`, up to a constant.

    2 delta.u + |u|^2 - u^T T u, u the centred row and T the optimal map to the other Gaussian. On
    the range u^T T u = sum_i s_i (U^T W^T u)_i^2, with U s V^T the singular values of F_1^T F_2.
    """
    out = np.empty(len(x))
    for block in blocks(len(x), ROWS):
        u = (x[block] - own.row) - own.shift
        squares = np.square(u @ (own.whitener @ U))
        out[block] = 2 * u @ delta + np.square(u).sum(axis=1) - squares @ s
    return out


def _distance(a: _Moments, b: _Moments) -> float:
    """Squared Frechet distance of two moments."""
    shift = float(np.square(_mean_difference(a, b)).sum())
    return shift + procrustes_squared(a.factor, b.factor)


def _variance(x: Array, y: Array, a: _Moments, b: _Moments) -> float:
    """Variance of the squared distance, by the first-order (delta) method."""
    # whitener^T factor turns a factor into one of full column rank.
    A, B = (m.factor @ (m.factor.T @ m.whitener) for m in (a, b))
    U, s, V = np.linalg.svd(A.T @ B, full_matrices=False)
    delta = _mean_difference(a, b)
    of_x = float(_influence(x, a, delta, s, U).var(ddof=1)) / len(x)
    return of_x + float(_influence(y, b, -delta, s, V.T).var(ddof=1)) / len(y)


def _deals(dim: int) -> int:
    """How many pairs of halves."""
    return min(_DEALS, max(1, _DEALS_BY_DIM // dim))


def _mean_distance(pairs: Pairs) -> float:
    """Mean squared distance of pairs of sets."""
    return sum(_distance(_moments(u), _moments(v)) for u, v in pairs) / len(pairs)


def _halves(x: Array, hashes: NDArray[np.uint64], role: int, count: int) -> Pairs:
    """Random pairs of halves that depend on the rows, not on their order.

    role: 0 or 1, of two sets. In both equal rows may have the same places: dealt alike, the halves
    would be as near as the sets. Nor are they dealt alike in sets of other numbers of equal rows.
    """
    order, middle = np.argsort(hashes, kind="stable"), len(x) // 2
    numbers = np.sort(np.unique(hashes, return_counts=True)[1])
    rng = np.random.default_rng([len(x), role, zlib.crc32(numbers.tobytes())])
    # Equal rows lie side by side in `order`; the permutation deals them out.
    deals = (order[rng.permutation(len(x))] for _ in range(count))
    return [(x[at[:middle]], x[at[middle:]]) for at in deals]


def _row_hashes(x: Array) -> NDArray[np.uint64]:
    """Number of each row that scatters: equal rows, equal numbers, in whatever units and place."""
    place = x - x.min(axis=0)
    # In single precision, another unit moves no bit (or one in a billion); a 0 added leaves no -0.
    single = (place / max(float(place.max()), _NOTHING)).astype(np.float32) + np.float32(0)
    total = np.zeros(len(x), np.uint64)
    for column in single.view(np.uint32).T.astype(np.uint64):
        total = (total ^ column) * np.uint64(0x9E3779B97F4A7C15)
        total ^= total >> np.uint64(29)
    return total


def _bias(x: Array, y: Array, value: float) -> float:
    """Bias of the squared distance: what halving both sets adds to it, on average.

    Of a bias B(n) = b/n + O(1/n^2) the halves have b/n more than the whole.
    """
    count, of_x, of_y = _deals(x.shape[1]), _row_hashes(x), _row_hashes(y)
    role = int(of_x.sum() > of_y.sum())  # whatever the order of the sets
    other = role if np.array_equal(np.sort(of_x), np.sort(of_y)) else 1 - role  # one set twice
    pairs = zip(_halves(x, of_x, role, count), _halves(y, of_y, other, count), strict=True)
    return _mean_distance([(u, v) for each in pairs for u, v in zip(*each, strict=True)]) - value


def own_error(x: Array) -> float:
    """E W2^2 of the Gaussian fit to these rows from their law: a quarter of what lies between the
    fits to their halves, to first order in 1/n, whatever the law."""
    return _mean_distance(_halves(x, _row_hashes(x), 0, _deals(x.shape[1]))) / 4


def _directions(a: _Moments, b: _Moments) -> float:
    """Directions that carry both covariances S: (tr S)^2/tr S^2, at least 1."""
    traces = sum(float(np.square(m.factor).sum()) for m in (a, b))
    squares = sum(float(np.square(m.factor.T @ m.factor).sum()) for m in (a, b))
    return max(1.0, traces**2 / (2 * squares)) if squares > 0 else 1.0


def fid(real: ArrayLike, synth: ArrayLike, *, level: float = 0.95) -> Measured:
    """Squared Frechet distance of two sets of features (FID; the paper's section 2.4).

    Parameters
    ----------
    real, synth : array_like, shapes (n, dim) and (m, dim)
        Rows are samples; at least 2 rows each. float32 is accumulated in float64.
    level : float
        Level of the interval.

    Returns
    -------
    Measured
        |mean difference|^2 + squared Bures distance of the covariances (ddof = 1), in squared
        units of the features. The interval is for the mean of this value at these sizes, not
        for the distance of the laws, which is smaller: :func:`fid_unbiased`. Its variance is
        that of the derivative in each row's weight (delta method), whatever the laws; up to
        sqrt(2) too wide where the laws agree and the derivative is noise.

    Examples
    --------
    >>> fid([[0.0], [2.0]], [[5.0], [5.0]]).value  # (1 - 5)^2 + 2
    18.0
    """
    return _frechet(real, synth, level, corrected=False)


def _frechet(real: ArrayLike, synth: ArrayLike, level: float, *, corrected: bool) -> Measured:
    """FID, plain or less its bias, with a normal interval cut at 0."""
    quantile = normal_quantile(level)
    x, y = pair(real, synth, 4 if corrected else 2)
    exponent = scale((x, y))
    with one_thread():
        a, b = _moments(x), _moments(y)
        value = _distance(a, b)
        half, above = quantile * math.sqrt(_variance(x, y, a, b)), 0.0
        if corrected:
            bias, D = _bias(x, y, value), _directions(a, b)
            value -= bias
            # Of order 2: the distance of two samples of one law scatters like a chi-square of the
            # directions, and the halves' next order takes off too much.
            half = math.hypot(half, quantile * bias / math.sqrt(D))
            above = max(0.0, bias) * min(1.0, D / min(len(x), len(y)))
    low, high = max(0.0, value - half), max(0.0, value + half + above)
    return Measured(value, low, high).in_units(exponent)


def fid_unbiased(real: ArrayLike, synth: ArrayLike, *, level: float = 0.95) -> Measured:
    """Squared Frechet distance of the two laws: FID less its bias at these sizes.

    FID is too large on average, for Gaussian sets of one law by about 𝒢(n) + 𝒢(m) (theory.md
    5.3, :func:`madtheory.spectrum.baseline`), which is some dim^2/(4n) of tr Sigma_0 / dim and
    more for heavy tails. Here the bias is measured, whatever the laws: it is what the distance
    grows by when both sets are cut in two, to first order in 1/n. An error of order
    (dim/n)^2 is left; sets smaller than some 10 dim need a theory of their own.

    Arguments as for :func:`fid`, with at least 4 rows each. The value is 2 FID less the mean FID
    of pairs of random halves (16, or 256/dim, at least one), drawn from the rows themselves: the
    same for any order and unit of the rows. It may be negative where the laws are close. The
    interval is for the distance of the laws and is cut at 0. To the first-order variance it adds
    that of the bias itself, bias^2/D with D = (tr S)^2/tr S^2 directions, which rules where the
    laws agree, and to its upper end the share D/n of the bias that the halves may take off too
    much.

    Examples
    --------
    >>> fid_unbiased([[0.0], [0.0], [2.0], [2.0]], [[5.0]] * 4).value > 16
    True
    """
    return _frechet(real, synth, level, corrected=True)
