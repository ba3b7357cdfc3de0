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

from madtheory import _metric_kernels, _validate
from madtheory._blas import one_thread
from madtheory.distances import _procrustes_squared
from madtheory.simulate import thread_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
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
#: Rows and columns of a block of products: half a MB, so that it stays in a core's cache.
_BLOCK_ROWS, _BLOCK_COLUMNS = 128, 512
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


class _Terms(NamedTuple):
    """Value, variance and bias of the plug-in distance, in units of the scaled data."""

    value: float
    variance: float
    bias: float


def _row_terms(x: Array, own: _Moments, delta: Array, s: Array, U: Array) -> tuple[Array, Array]:
    """First and second derivative of the distance in the weight of each row of `x`.

    First: 2 delta.u + |u|^2 - u^T T u up to a constant, u the centred row and T the optimal map
    to the other Gaussian. On the range u^T T u = sum_i s_i p_i^2, p = U^T W^T u the whitened row
    and U s V^T the singular values of F_1^T F_2. Second, covariance part only:
    sum_ij w_ij p_i^2 p_j^2 with w_ij = s_i s_j / (s_i + s_j).
    """
    w = np.multiply.outer(s, s) / np.add.outer(s, s)
    first, second = np.empty(len(x)), np.empty(len(x))
    for block in _blocks(len(x), _ROWS):
        u = x[block] - own.mean
        squares = np.square(u @ (own.whitener @ U))
        first[block] = 2 * u @ delta + np.square(u).sum(axis=1) - squares @ s
        second[block] = ((squares @ w) * squares).sum(axis=1)
    return first, second


def _frechet(x: Array, y: Array) -> _Terms:
    """Squared distance with its first-order variance (delta method) and second-order bias."""
    a, b = _moments(x), _moments(y)
    delta = a.mean - b.mean
    value = float(np.square(delta).sum()) + _procrustes_squared(a.factor, b.factor)
    # whitener^T factor is the identity on the range, in coordinates of full rank.
    A, B = (m.factor @ (m.factor.T @ m.whitener) for m in (a, b))
    U, s, V = np.linalg.svd(A.T @ B, full_matrices=False)
    s, U, V = (z[..., s > 0] for z in (s, U, V.T))
    variance = bias = 0.0
    for z, own, shift, W in ((x, a, delta, U), (y, b, -delta, V)):
        first, second = _row_terms(z, own, shift, s, W)
        variance += float(first.var(ddof=1)) / len(z)
        bias += (float(np.square(own.factor).sum()) + (second.mean() - s.sum() / 2) / 2) / len(z)
    return _Terms(value, variance, float(bias))


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
        units of the features. The interval is for the mean of this value at these sizes.

    Raises
    ------
    ValueError, TypeError
        When a set is no finite matrix of at least two rows, or the widths differ.

    Examples
    --------
    >>> fid([[0.0], [2.0]], [[5.0], [5.0]]).value  # (1 - 5)^2 + 2
    18.0
    """
    terms, exponent = _scaled_terms(real, synth)
    return _interval(terms.value, terms.variance, exponent, level)


def _scaled_terms(real: ArrayLike, synth: ArrayLike) -> tuple[_Terms, int]:
    """Terms of the two sets in units of 2^exponent."""
    x, y, exponent = _pair(real, synth, 2)
    with one_thread():
        return _frechet(x, y), exponent


def _interval(value: float, variance: float, exponent: int, level: float) -> Estimate:
    """Normal interval, cut at 0: no squared distance is below it."""
    half = _level(level) * math.sqrt(variance)
    ends = (value, max(0.0, value - half), max(0.0, value + half))
    return Estimate(*(_in_units(v, exponent) for v in ends))


def fid_unbiased(real: ArrayLike, synth: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Squared Frechet distance of the two laws: FID less its bias at these sizes.

    FID is too large on average: by tr Sigma_1/n + tr Sigma_2/m for the means, and by the second
    derivative of the Bures distance along the noise of each covariance, whose fourth moments are
    taken from the sets themselves. For two Gaussian sets of one law Sigma_0 = I this sums to
    d/n + d(d + 1)/(4n) and the same of m: the leading order of 𝒢(n) + 𝒢(m) (theory.md 5.3,
    :func:`madtheory.effective.baseline_leading`). What is left is of order (dim/n)^2.

    Parameters
    ----------
    real, synth, level
        As in :func:`fid`.

    Returns
    -------
    Estimate
        The value may be negative where the laws are close; the interval is for the distance of
        the laws and is cut at 0.

    Raises
    ------
    ValueError, TypeError
        As :func:`fid`.

    Examples
    --------
    >>> fid_unbiased([[0.0], [2.0]], [[5.0], [5.0]]).value  # 18 less a variance of 2 over n = 2
    17.0
    """
    terms, exponent = _scaled_terms(real, synth)
    return _interval(terms.value - terms.bias, terms.variance, exponent, level)


# --- precision and recall -----------------------------------------------------------------------


class _Points(NamedTuple):
    """A set as the screening sees it: rows, rows less the origin, lower parts of squared norms."""

    rows: Array
    centred: Array
    low: Array


def _points(x: Array, origin: Array) -> _Points:
    """Prepare a set; the share taken off the squared norms is the error bound of the screening."""
    centred = x - origin
    share = (4 * x.shape[1] + 40) * 2.0**-53
    # The constant stands for what underflows.
    return _Points(x, centred, np.square(centred).sum(axis=1) * (1 - share) - 1e-300)


def _origin(x: Array, y: Array) -> Array:
    """Median of some rows of both sets: a single far row does not move it."""
    some = [z[:: 1 + len(z) // _CENTRE_ROWS] for z in (x, y)]
    origin: Array = np.median(np.concatenate(some), axis=0)
    return origin


def _over_blocks(
    a: _Points, b: _Points, threads: int, visit: Callable[[Array, int, int], None]
) -> None:
    """Call visit(products, row, column) on every block, columns in order, rows on threads."""

    def one(rows: slice) -> None:
        for columns in _blocks(len(b.rows), _BLOCK_COLUMNS):
            products = a.centred[rows] @ b.centred[columns].T
            visit(products, rows.start, columns.start)

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

    def visit(products: Array, row: int, column: int) -> None:
        _metric_kernels.nearest(a.rows, a.low, products, row, column, squares, indices)

    _over_blocks(a, a, threads, visit)
    return _Balls(squares[:, k - 1].copy(), squares[:, -1].copy(), indices[:, :k].copy())


def _share(a: _Points, b: _Points, balls: _Balls, z: float, threads: int) -> Estimate:
    """Share of the rows of `a` inside a ball around a row of `b`, with its interval."""
    n, m = len(a.rows), len(b.rows)
    held, owner = np.zeros(n, np.int64), np.full(n, -1)
    shells = np.full((n, _SHELLS), -1)
    # Radii can be far longer than the two norms, so they bring a rounding error of their own.
    reach = b.low - balls.outer * (1 + 2.0**-50)

    def visit(products: Array, row: int, column: int) -> None:
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
    return _wilson(value, n, (m - 1) * float((effects / n).var()), z)


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
    rows counted; a set of equal rows has balls of radius 0, which hold the equal points.

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
        Both shares. The 0/1 answer of every row is that of squared distances
        computed in float64 from differences, columns added in order.

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
    z = _level(level)
    threads = thread_count(threads)
    x, y, _ = _pair(real, synth, k + 1)
    origin = _origin(x, y)
    a, b = _points(x, origin), _points(y, origin)
    real_balls, synth_balls = _balls(a, k, threads), _balls(b, k, threads)
    return PrecisionRecall(
        precision=_share(b, a, real_balls, z, threads),
        recall=_share(a, b, synth_balls, z, threads),
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
        MMD^2; its mean at any sizes is that of the two laws, so it may be negative.

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
