r"""Frechet distance, precision, recall and kernel distance of two samples, with intervals.

These are the measures that the paper plots (section 2.4): FID is the squared Frechet (W2)
distance of the two sets' means and covariances (theory.md 0), precision and recall are those of
Kynkaanniemi et al. (2019), and the kernel distance is the unbiased companion of FID
(Binkowski et al., 2018). Collapsed sets are ordinary inputs: all rows equal, repeated rows, more
columns than rows, features of size 1e150 or 1e-150.

Every interval is for the *mean of the printed value* over new draws of both sets at these sizes.
FID is biased upwards at finite n (theory.md 5.3); :func:`fid_unbiased` subtracts that, and its
interval is for the distance of the two laws.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

from madtheory import _metric_kernels, _threads, _validate
from madtheory._threads import one_thread
from madtheory.distances import _procrustes_squared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Singles = NDArray[np.float32]
    Ints = NDArray[np.int64]

__all__ = [
    "Estimate",
    "PrecisionRecall",
    "features",
    "fid",
    "fid_unbiased",
    "kernel_distance",
    "precision_recall",
]

#: Rows worked on at once where a pass over a set is in blocks.
_ROWS = 4096
#: Rows and columns of a block of products: 1 MB, so that it stays in a core's cache.
_BLOCK_ROWS, _BLOCK_COLUMNS = 512, 512
#: Balls remembered for a point that they would hold if they grew.
_SHELLS = 32
#: Rows that decide where the origin of the screening products lies.
_CENTRE_ROWS = 1001
#: Squares of numbers within these bounds neither overflow nor underflow.
_SMALL, _LARGE = 2.0**-200, 2.0**200


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with its interval.

    Attributes
    ----------
    value : float
        The metric of the two sets.
    low, high : float
        Ends of the interval at the level asked for.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Precision and recall of one pair of sets.

    Attributes
    ----------
    precision : Estimate
        Share of synthetic rows inside at least one k-NN ball of a real row.
    recall : Estimate
        Share of real rows inside at least one k-NN ball of a synthetic row.
    """

    precision: Estimate
    recall: Estimate


def features(name: str, value: ArrayLike, *, minimum_rows: int = 2) -> Array:
    """Return a set of features as a finite float64 matrix, rows are samples.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : array_like, shape (n, dim)
        Real numbers of any type.
    minimum_rows : int
        Rows that it must have.

    Returns
    -------
    ndarray, shape (n, dim)
        A copy, in C order.

    Raises
    ------
    ValueError, TypeError
        When it is no finite numeric matrix with enough rows.

    Examples
    --------
    >>> features("real", [[1, 2], [3, 4]])
    array([[1., 2.],
           [3., 4.]])
    """
    return np.ascontiguousarray(_validate.sample(name, value, minimum_rows=minimum_rows))


def _pair(real: ArrayLike, synth: ArrayLike, minimum_rows: int) -> tuple[Array, Array, int]:
    """Return both sets divided by 2^exponent, and the exponent: an exact change of units."""
    x = features("real", real, minimum_rows=minimum_rows)
    y = features("synth", synth, minimum_rows=minimum_rows)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"synth must have {x.shape[1]} columns like real, got {y.shape[1]}")
    largest = max(float(np.abs(x).max()), float(np.abs(y).max()))
    if largest == 0 or _SMALL < largest < _LARGE:
        return x, y, 0
    exponent = math.frexp(largest)[1]
    for z in (x, y):
        np.ldexp(z, -exponent, out=z)
    return x, y, exponent


def _level(level: float) -> float:
    """Return the normal quantile of a two-sided interval."""
    level = _validate.number("level", level, low=0.0, high=1.0, open_=True)
    return float(special.ndtri(0.5 + level / 2))


def _blocks(n: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` rows."""
    return (slice(i, min(i + size, n)) for i in range(0, n, size))


# --- Frechet distance ---------------------------------------------------------------------------


class _Moments(NamedTuple):
    """Mean (d,), factor F (d, r) with F F^T the covariance, and W (d, r) that whitens rows."""

    mean: Array
    factor: Array
    whitener: Array


def _moments(x: Array) -> _Moments:
    """Mean and covariance factor (ddof = 1) by reflections, one block of rows at a time."""
    n, dim = x.shape
    # Subtracting a row first makes a constant column exactly zero.
    shift = sum(((x[b] - x[0]).sum(axis=0) for b in _blocks(n, _ROWS)), np.zeros(dim)) / n
    R = np.zeros((0, dim))
    for block in _blocks(n, _ROWS):
        R = np.asarray(np.linalg.qr(np.vstack([R, (x[block] - x[0]) - shift]), mode="r"))
    _, s, V = np.linalg.svd(R, full_matrices=False)
    keep = s > max(n, dim) * np.finfo(np.float64).eps * s[0]
    root = math.sqrt(n - 1)
    return _Moments(x[0] + shift, R.T / root, V[keep].T / s[keep] * root)


def _influence(x: Array, own: _Moments, delta: Array, s: Array, U: Array) -> Array:
    """Derivative of the distance in the weight of each row of `x`, up to a constant.

    2 delta.u + |u|^2 - u^T T u, u the centred row and T the optimal map to the other Gaussian. On
    the range u^T T u = sum_i s_i (U^T W^T u)_i^2, with U s V^T the singular values of F_1^T F_2.
    """
    out = np.empty(len(x))
    for block in _blocks(len(x), _ROWS):
        u = x[block] - own.mean
        squares = np.square(u @ (own.whitener @ U))
        out[block] = 2 * u @ delta + np.square(u).sum(axis=1) - squares @ s
    return out


def _distance(a: _Moments, b: _Moments) -> float:
    """Squared Frechet distance of two moments."""
    shift = float(np.square(a.mean - b.mean).sum())
    return shift + _procrustes_squared(a.factor, b.factor)


def _variance(x: Array, y: Array, a: _Moments, b: _Moments) -> float:
    """Variance of the squared distance, by the first-order (delta) method."""
    # whitener^T factor turns a factor into one of full column rank.
    A, B = (m.factor @ (m.factor.T @ m.whitener) for m in (a, b))
    U, s, V = np.linalg.svd(A.T @ B, full_matrices=False)
    delta = a.mean - b.mean
    of_x = float(_influence(x, a, delta, s, U).var(ddof=1)) / len(x)
    return of_x + float(_influence(y, b, -delta, s, V.T).var(ddof=1)) / len(y)


def _halves(x: Array) -> tuple[Array, Array]:
    """Two random halves that depend on the rows, not on their order."""
    order = np.argsort(_row_hashes(x), kind="stable")
    # Equal rows lie side by side in `order`; the permutation deals them out.
    order = order[np.random.Generator(np.random.PCG64(len(x))).permutation(len(x))]
    middle = len(x) // 2
    return x[order[:middle]], x[order[middle:]]


def _row_hashes(x: Array) -> NDArray[np.uint64]:
    """Number of each row that scatters: equal rows, equal numbers."""
    total = np.zeros(len(x), np.uint64)
    for column in (x + 0.0).view(np.uint64).T:  # + 0.0 makes -0.0 the same as 0.0
        total = (total ^ column) * np.uint64(0x9E3779B97F4A7C15)
        total ^= total >> np.uint64(29)
    return total


def _bias(x: Array, y: Array, value: float) -> float:
    """Bias of the squared distance: what halving both sets adds to it, on average.

    Of a bias B(n) = b/n + O(1/n^2) the halves have b/n more than the whole.
    """
    pairs = zip(_halves(x), _halves(y), strict=True)
    return sum(_distance(_moments(u), _moments(v)) for u, v in pairs) / 2 - value


def _in_units(value: float, exponent: int) -> float:
    """Return a squared distance in the units of the data."""
    try:
        return math.ldexp(value, 2 * exponent)
    except OverflowError:
        raise ValueError(
            "real and synth must be less than about 1e154 apart, got a larger distance"
        ) from None


def fid(real: ArrayLike, synth: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Squared Frechet distance of two sets of features (FID; the paper's section 2.4).

    Parameters
    ----------
    real, synth : array_like, shapes (n, dim) and (m, dim)
        Rows are samples; at least 2 rows each. float32 is accumulated in float64.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate
        |mean difference|^2 + squared Bures distance of the covariances (ddof = 1), in squared
        units of the features. The interval is for the mean of this value at these sizes, not
        for the distance of the laws, which is smaller: :func:`fid_unbiased`. Its variance is
        that of the derivative in each row's weight (delta method), whatever the laws; up to
        sqrt(2) too wide where the laws agree and the derivative is noise.

    Raises
    ------
    ValueError, TypeError
        When a set is no finite matrix of at least two rows, or the widths differ.

    Examples
    --------
    >>> fid([[0.0], [2.0]], [[5.0], [5.0]]).value  # (1 - 5)^2 + 2
    18.0
    """
    return _frechet(real, synth, level, corrected=False)


def _frechet(real: ArrayLike, synth: ArrayLike, level: float, *, corrected: bool) -> Estimate:
    """FID, plain or less its bias, with a normal interval cut at 0."""
    quantile = _level(level)
    x, y, exponent = _pair(real, synth, 4 if corrected else 2)
    with one_thread():
        a, b = _moments(x), _moments(y)
        value = _distance(a, b)
        half = quantile * math.sqrt(_variance(x, y, a, b))
        value -= _bias(x, y, value) if corrected else 0.0
    ends = (value, max(0.0, value - half), max(0.0, value + half))
    return Estimate(*(_in_units(v, exponent) for v in ends))


def fid_unbiased(real: ArrayLike, synth: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Squared Frechet distance of the two laws: FID less its bias at these sizes.

    FID is too large on average, for Gaussian sets of one law by about 𝒢(n) + 𝒢(m) (theory.md
    5.3, :func:`madtheory.effective.baseline`), which is some dim^2/(4n) of tr Sigma_0 / dim and
    more for heavy tails. Here the bias is measured, whatever the laws: it is what the distance
    grows by when both sets are cut in two, to first order in 1/n. An error of order
    (dim/n)^2 is left; sets smaller than some 10 dim need a theory of their own.

    Parameters
    ----------
    real, synth : array_like, shapes (n, dim) and (m, dim)
        Rows are samples; at least 4 rows each.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate
        2 FID less the mean FID of two random halves, drawn from the rows themselves: the same
        for any order of the rows. The value may be negative where the laws are close. The
        interval is for the distance of the laws and is cut at 0.

    Raises
    ------
    ValueError, TypeError
        As :func:`fid`, and when a set has fewer than 4 rows.

    Examples
    --------
    >>> fid_unbiased([[0.0], [0.0], [2.0], [2.0]], [[5.0]] * 4).value > 16
    True
    """
    return _frechet(real, synth, level, corrected=True)


# --- precision and recall -----------------------------------------------------------------------


class _Points(NamedTuple):
    """A set as the screening sees it."""

    rows: Array
    #: Rows less the origin, in units in which they are at most about 1.
    centred: Singles
    #: Lower part of their squared norms.
    low: Singles
    #: Squared distances of `rows` times this are in those units.
    unit: float


def _screen(x: Array, origin: Array, exponent: int) -> _Points:
    r"""Prepare a set for screening by products in float32.

    With u = 2^-24 and A, B the squared norms, rounding the rows moves a squared distance by at
    most 4.1 u (A + B), products of d terms (in any order) by d u (A + B)/(1 - d u), and what
    else is rounded by 4 u (A + B); the share taken off the norms is more than all of it. The
    constant stands for what underflows.
    """
    centred = np.ldexp(x - origin, -exponent).astype(np.float32)
    norms = np.square(centred, dtype=np.float64).sum(axis=1)
    low = norms * (1 - (2 * x.shape[1] + 16) * 2.0**-24) - 1e-34
    return _Points(x, centred, low.astype(np.float32), math.ldexp(1.0, -2 * exponent))


def _screens(*sets: Array) -> list[_Points]:
    """Prepare sets with one origin, the median of some rows: a far row does not move it."""
    some = [x[:: 1 + len(x) // _CENTRE_ROWS] for x in sets]
    origin = np.median(np.concatenate(some), axis=0)
    largest = max(float(np.abs(x - origin).max()) for x in sets)
    exponent = math.frexp(largest)[1]
    return [_screen(x, origin, exponent) for x in sets]


def _over_blocks(
    a: _Points, b: _Points, threads: int, visit: Callable[[Singles, int, int], None]
) -> None:
    """Call visit(-2 a.b, row, column) on every block, columns in order, rows on threads."""

    def one(rows: slice) -> None:
        left = -2 * a.centred[rows]
        for columns in _blocks(len(b.rows), _BLOCK_COLUMNS):
            visit(left @ b.centred[columns].T, rows.start, columns.start)

    with one_thread(), ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(one, rows) for rows in _blocks(len(a.rows), _BLOCK_ROWS)]:
            done.result()


class _Balls(NamedTuple):
    """k-NN balls: squared radii, those once a neighbour is removed, and the k neighbours."""

    inner: Array
    outer: Array
    neighbours: Ints


def _balls(a: _Points, k: int, threads: int) -> _Balls:
    """k-NN balls of a set around its own rows."""
    n = len(a.rows)
    count = min(k + 1, n - 1)
    squares, indices = np.full((n, count), np.inf), np.full((n, count), -1)

    def visit(products: Singles, row: int, column: int) -> None:
        _metric_kernels.nearest(a.rows, a.low, a.unit, products, row, column, squares, indices)

    _over_blocks(a, a, threads, visit)
    return _Balls(squares[:, k - 1].copy(), squares[:, -1].copy(), indices[:, :k].copy())


def _share(a: _Points, b: _Points, balls: _Balls, z: float, threads: int) -> Estimate:
    """Share of the rows of `a` inside a ball around a row of `b`, with its interval."""
    n, m = len(a.rows), len(b.rows)
    held, owner = np.zeros(n, np.int64), np.full(n, -1)
    shells = np.full((n, _SHELLS), -1)
    gap = b.low - balls.outer * b.unit
    reach: Singles = (gap - np.abs(gap) * 2.0**-22).astype(np.float32)  # rounded down

    def visit(products: Singles, row: int, column: int) -> None:
        _metric_kernels.covered(
            a.rows, a.low, b.rows, reach, balls.inner, balls.outer, products, row, column,
            held, owner, shells,
        )  # fmt: skip

    _over_blocks(a, b, threads, visit)
    value = float(np.count_nonzero(held) / n)
    if m == balls.neighbours.shape[1] + 1:  # One row less has no balls: nothing is known.
        return Estimate(value, 0.0, 1.0)
    effects = np.zeros(m, np.int64)
    _metric_kernels.removal_effects(held, owner, shells, balls.neighbours, effects)
    # In integers, so that the order of the rows does not matter.
    spread = m * int(effects @ effects) - int(effects.sum()) ** 2
    return _wilson(value, n, (m - 1) / m**2 * spread / n**2, z)


def _wilson(value: float, n: int, extra: float, z: float) -> Estimate:
    """Wilson's interval for a share of n draws with variance `extra` beside the binomial one.

    n becomes the number of independent draws of the same variance. Agresti and Coull's share
    stands in for the value there, which may be 0 or 1.
    """
    rough = (n * value + 2) / (n + 4)
    share = z * z * (1 / n + extra / (rough * (1 - rough)))  # z^2 / n_eff
    centre = (value + share / 2) / (1 + share)
    half = math.sqrt(value * (1 - value) * share + share * share / 4) / (1 + share)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Estimate(value, min(low, value), max(high, value))


def precision_recall(
    real: ArrayLike,
    synth: ArrayLike,
    *,
    k: int = 5,
    level: float = 0.95,
    threads: int | None = None,
) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al., NeurIPS 2019).

    A row's ball is closed and reaches to its k-th nearest other row of the same set, repeated
    rows counted; a set of equal rows has balls of radius 0, which hold the equal points. The 0/1
    answer of every row is that of squared distances computed in float64 from differences,
    columns added in order (features beyond 2^200 or below 2^-200 are first divided by a power
    of two). Time is of order n m dim; memory of order (n + m)(dim + k).

    Parameters
    ----------
    real, synth : array_like, shapes (n, dim) and (m, dim)
        Rows are samples; at least k + 1 rows each.
    k : int
        Neighbour that decides the radius.
    level : float
        Level of the intervals.
    threads : int or None
        Threads; the result does not depend on them. None: as many as the process may use.

    Returns
    -------
    PrecisionRecall
        Both shares. Their intervals are Wilson's, at the number of independent draws with the
        variance of the share: binomial for the points, and for the centres the jackknife, the
        share with each centre removed in turn. The jackknife is too large on average (Efron
        and Stein, 1981), so that the intervals hold more often than `level`, see
        docs/metrics.md. With exactly k + 1 centres nothing is known: [0, 1].

    Raises
    ------
    ValueError, TypeError
        When a set is no finite matrix of at least k + 1 rows, the widths differ or k < 1.

    Examples
    --------
    >>> real = [[0.0], [1.0], [2.0], [3.0]]
    >>> both = precision_recall(real, [[1.5], [1.5], [9.0], [9.0]], k=1)
    >>> both.precision.value, both.recall.value
    (0.5, 0.0)
    """
    k = _validate.count("k", k)
    quantile = _level(level)
    threads = _threads.processors("threads", threads)
    x, y, _ = _pair(real, synth, k + 1)
    # Each set around its own middle: a collapsed one is seen at its own scale.
    real_balls, synth_balls = (_balls(_screens(z)[0], k, threads) for z in (x, y))
    a, b = _screens(x, y)
    return PrecisionRecall(
        precision=_share(b, a, real_balls, quantile, threads),
        recall=_share(a, b, synth_balls, quantile, threads),
    )


# --- kernel distance ----------------------------------------------------------------------------


def _excess_sums(a: Array, b: Array, same: bool) -> tuple[Array, Array]:
    """Row and column sums of k(x, y) - 1, k = (x.y/d + 1)^3; without i = j for one set."""
    rows, columns = np.zeros(len(a)), np.zeros(len(b))
    dim = a.shape[1]
    for i in _blocks(len(a), _BLOCK_ROWS):
        for j in _blocks(len(b), _ROWS):
            t = a[i] @ b[j].T / dim
            # (1 + t)^3 - 1: the constant cancels from the distance, and would drown small t.
            value = t * (t * (t + 3) + 3)
            if same:
                inside = np.arange(max(i.start, j.start), min(i.stop, j.stop))
                value[inside - i.start, inside - j.start] = 0.0
            rows[i] += value.sum(axis=1)
            columns[j] += value.sum(axis=0)
    return rows, columns


def kernel_distance(real: ArrayLike, synth: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Unbiased squared kernel distance, (x.y/dim + 1)^3 (KID; Binkowski et al., ICLR 2018).

    Parameters
    ----------
    real, synth : array_like, shapes (n, dim) and (m, dim)
        Rows are samples; at least 2 rows each.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate
        MMD^2; its mean at any sizes is that of the two laws, so it may be negative. Normal
        interval, its variance that of the mean kernel of each row (first order); up to sqrt(2)
        too wide where the laws agree. Time is of order (n + m)^2 dim.

    Raises
    ------
    ValueError, TypeError
        When a set is no finite matrix of at least two rows, the widths differ, or the kernel
        leaves the range of float64 (features beyond about 1e50).

    Examples
    --------
    >>> kernel_distance([[0.0], [0.0]], [[1.0], [1.0]]).value  # 1 + 8 - 2
    7.0
    """
    z = _level(level)
    x, y = features("real", real), features("synth", synth)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"synth must have {x.shape[1]} columns like real, got {y.shape[1]}")
    n, m = len(x), len(y)
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):
        own_x, own_y = _excess_sums(x, x, True)[0], _excess_sums(y, y, True)[0]
        to_y, to_x = _excess_sums(x, y, False)
        h_x = own_x / (n - 1) - to_y / m
        h_y = own_y / (m - 1) - to_x / n
        value = float(h_x.mean() + h_y.mean())
        variance = 4 * float(h_x.var(ddof=1)) / n + 4 * float(h_y.var(ddof=1)) / m
    half = z * math.sqrt(variance)
    if not math.isfinite(value + half):
        size = max(float(np.abs(x).max()), float(np.abs(y).max()))
        raise ValueError(
            f"real and synth must have a kernel within float64, got entries of {size:g}"
        )
    return Estimate(value, value - half, value + half)
