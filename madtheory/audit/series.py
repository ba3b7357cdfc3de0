"""What the audit needs of feature files: a few series over generations along fixed directions.

The directions are the principal axes of the real set. In a fully synthetic loop the variance along
any fixed direction is multiplied by lambda chi2_m/m each generation (theory.md 1.1), so that

- log variances walk with a drift of log lambda + psi(m/2) - log(m/2) a generation;
- Fisher's z = atanh(correlation) of two directions, and the differences between log variances
  (over sqrt 2), walk without drift by steps of variance near 1/m, at any lambda;
- means walk by steps of variance (variance of the generation)/n.

Sampling a file of n rows adds noise of the same variances with n for m. Its shape, which depends
on the tails and the correlations of the features, is taken from the rows themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from madtheory._types import Array, Bools, Ints

#: At most this many directions: beyond, more of them say little more and cost d^2.
_WIDEST = 128
#: Real rows behind each direction: the last axes of a small set are its noise.
_ROWS_EACH = 4
#: Axes with less than this share of the largest variance are rounding.
_RANK = 1e-10
#: Rows of a file from which the shape of the noise is taken.
_SOME_ROWS = 400
#: Values of unit variance nearer than this are the same up to rounding.
_SAME = 1e-9
#: Likewise along a direction that is itself known up to rounding only.
_NEARLY_SAME = 1e-4
#: Correlations beyond this are +-1 up to rounding.
_NEAR_ONE = 1 - 1e-12
#: Real variances nearer than this share are one: their axes are arbitrary in a common eigenspace.
_TIED = 1e-9


#: A file lacks a direction that more of its rows than these should vary along by no chance.
BY_CHANCE = 20.0
#: Eigenvalues of a file's covariance below this share of the largest are rounding.
_NO_RANK = 1e-12


class Axes(NamedTuple):
    """Mean (d,) of the real set, its leading axes (d, K) and their deviations (K,).

    rows: its rows; noise: n times the sampling variance of an entry of its shapes; own_noise
    (K,): n times that of its log variances; varied (K,):
    share of its rows that do not have the commonest value along an axis; rank: axes along which it
    varies; trace: its variance along all of them; points (n, K): its rows along these, if known.
    """

    mean: Array
    vectors: Array
    scales: Array
    rows: float = math.inf
    noise: float = 1.0
    varied: Array | None = None
    own_noise: Array | None = None
    rank: int = 0
    trace: float = 0.0
    points: Array | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Series over T generations along K directions, in units of the real set's deviations.

    Attributes
    ----------
    log_variance : ndarray, shape (T, K)
        -inf where a direction has no variance left.
    means : ndarray, shape (T, K)
        Mean less the real mean.
    shapes : ndarray, shape (T, K (K - 1)/2 + K)
        Fisher's z of every pair, then log variances less their average, over sqrt 2.
    covariances : ndarray, shape (T, K, K)
    scale : ndarray, shape (T,)
        Average variance over the directions.
    rows : ndarray, shape (T,)
    log_noise : float
        n times the sampling variance of a log variance (2 for Gaussian rows).
    sharing : float
        Variance of the average log variance over that of a single one (1/K if independent).
    shape_noise : ndarray, shape (T,)
        n times the sampling variance of an entry of `shapes` (1 for Gaussian rows).
    mean_count, shape_count : float
        Independent series that carry as much as the dependent ones of `means` and `shapes`.
    near_count : float
        The same of `shapes` in a loop that stays near the real data, where fewer correlations
        than a walk makes tie directions together; 0: not known.
    real_rows : float
        Rows of the real set.
    real_noise : float
        n times the sampling variance of an entry of `shapes` of the real set.
    varied : ndarray, shape (K,), or None
        Share of real rows that do not have the commonest value along a direction; None: all.
    own_noise : ndarray, shape (K,), or None
        `log_noise` of each direction, of which that is the mean; None: all alike.
    real_own_noise : ndarray, shape (K,), or None
        `own_noise` of the real set.
    log_covariance : ndarray, shape (S, S), or None
        n times the sampling covariance of the log variances, those of directions that :func:`tied`
        has in one eigenspace taken as that of their mean variance; None: 2 I.
    gaps : ndarray of bool, shape (T, K), or None
        Where a file lacks a direction that varies again later: its log variance is that of half a
        row then.
    torn : ndarray of bool, shape (T,), or None
        Files that lack, by no chance, a direction across the axes that a later one has: a column
        of one value, say.
    """

    log_variance: Array
    means: Array
    shapes: Array
    covariances: Array
    scale: Array
    rows: Array
    log_noise: float
    sharing: float
    shape_noise: Array
    mean_count: float
    shape_count: float
    near_count: float = 0.0
    real_rows: float = math.inf
    real_noise: float = 1.0
    varied: Array | None = None
    log_covariance: Array | None = None
    own_noise: Array | None = None
    real_own_noise: Array | None = None
    gaps: Bools | None = None
    torn: Bools | None = None


class _File(NamedTuple):
    """The same of one file."""

    log_variance: Array
    mean: Array
    shape: Array
    covariance: Array
    log_covariance: Array
    own_noise: Array
    sharing: float
    shape_noise: float
    mean_overlap: float
    shape_overlap: float
    near_overlap: float


def axes_of(real: Array) -> Axes:
    """Principal axes of the real set, largest variance first."""
    # Less a row first: equal rows have no variance at all.
    x = real - real[0]
    mean = real[0] + x.mean(axis=0)
    x -= x.mean(axis=0)
    values, vectors = np.linalg.eigh(x.T @ x / (len(x) - 1))
    values, vectors = values[::-1], vectors[:, ::-1]
    rank = int((values > _RANK * values[0]).sum()) if values[0] > 0 else 0
    if rank == 0:
        raise ValueError("real must have rows that differ, got no variance")
    vectors = _told_apart(x, values[:rank], vectors[:, :rank])
    K = min(rank, _WIDEST, max(1, len(real) // _ROWS_EACH))
    vectors, scales = vectors[:, :K], np.sqrt(values[:K])
    z = x @ vectors / scales
    trace = float(values[:rank].sum())
    own_noise = np.square(z).var(axis=0)
    noise, varied = _overlap(z)[0], _varied(z)
    return Axes(mean, vectors, scales, float(len(real)), noise, varied, own_noise, rank, trace, z)


def tied(variances: Array) -> Ints:
    """Number of the eigenspace of each of some sorted variances.

    Examples
    --------
    >>> tied(np.array([3.0, 2.0, 2.0 * (1 - 1e-12), 1.0])).tolist()
    [0, 1, 1, 2]
    """
    apart = variances[1:] < (1 - _TIED) * variances[:-1]
    return np.concatenate([[0], np.cumsum(apart)])


def _told_apart(x: Array, variances: Array, vectors: Array) -> Array:
    """The same axes, in each eigenspace those of the rows' covariance by weights of no meaning.

    Any do there; these turn with the columns, whatever the order and the unit of these.
    """
    spaces = tied(variances)
    weights = np.random.default_rng(0).standard_normal(len(x))
    out = vectors.copy()
    for space in np.flatnonzero(np.bincount(spaces) > 1):
        y = x @ vectors[:, spaces == space]
        out[:, spaces == space] = vectors[:, spaces == space] @ np.linalg.eigh(y.T * weights @ y)[1]
    return out


def of_spaces(x: Array, spaces: Ints) -> Array:
    """Means of x (..., K) over the directions of each eigenspace, (..., S)."""
    first = np.flatnonzero(np.diff(spaces, prepend=-1))
    means: Array = np.add.reduceat(x, first, axis=-1) / np.bincount(spaces)
    return means


def _log_covariance(squares: Array, variance: Array, spaces: Ints) -> Array:
    """Covariance (S, S), over rows, of what a row adds to the log variance of each eigenspace."""
    if spaces[-1] + 1 < len(spaces):
        squares = of_spaces(squares * variance, spaces) / of_spaces(variance, spaces)
    return np.atleast_2d(np.cov(squares, rowvar=False, ddof=0))


def _varied(z: Array, same: float = _SAME) -> Array:
    """Share of rows that do not have the commonest value of each column, up to rounding."""
    ordered, n = np.sort(z, axis=0), len(z)
    new = np.diff(ordered, axis=0) > same
    ends = [np.concatenate([[0], np.flatnonzero(column) + 1, [n]]) for column in new.T]
    return np.array([1 - int(np.diff(at).max()) / n for at in ends])


def _overlap(z: Array) -> tuple[float, float]:
    """Sampling variance of an entry of `shapes`, and the share of two entries in each other.

    The rows' influences on the entries are z_i z_j and (z_i^2 - mean)/sqrt 2. Their products over
    pairs of rows need only z.z', |z|^2 and |z'|^2; pairs of different rows give the squared
    Frobenius norm of their covariance without bias.
    """
    some = z[:: 1 + len(z) // _SOME_ROWS]
    n, K = some.shape
    excess = np.square(some).sum(axis=1) - K
    products = (np.square(some @ some.T) - excess[:, None] - excess[None, :] - K) / 2
    products -= np.multiply.outer(excess, excess) / (2 * K)
    total = float(np.trace(products)) / n
    squares = float(np.square(products).sum() - np.square(np.diagonal(products)).sum())
    entries = K * (K + 1) / 2 - 1
    return total / max(entries, 1), squares / (n * (n - 1)) / total**2 if total > 0 else 1.0


def _near(centred: Array, S: Array, overlap: float) -> float:
    """Overlap of the shapes half way to white rows; as they are where rows are too few.

    In a held loop directions are tied together, but less than in a walk of that length. Rows
    whitened by their own covariance overlap by (1 - K/n)^2 too little, to leading order.
    """
    n, K = centred.shape
    if n <= 2 * K or np.linalg.cond(S) > 1 / _RANK:
        return overlap
    white = np.linalg.solve(np.linalg.cholesky(S), centred.T).T
    return math.sqrt(overlap * min(overlap, _overlap(white)[1] / (1 - K / n) ** 2))


def _rounding(x: Array, axes: Axes) -> Array:
    """Variances that rounding alone leaves along each axis, in units of the real variance."""
    size = float(np.abs(x).max()) * np.abs(axes.vectors).sum(axis=0) / axes.scales
    floor: Array = np.square(16 * float(np.finfo(np.float64).eps) * size)
    return floor


def _fisher(covariance: Array, deviations: Array) -> Array:
    """Fisher's z of every pair of directions."""
    upper = np.triu_indices(len(deviations), 1)
    products = np.multiply.outer(deviations, deviations)[upper]
    correlation = covariance[upper] / np.where(products > 0, products, 1.0)
    return np.arctanh(np.clip(correlation, -_NEAR_ONE, _NEAR_ONE))


def _mean_overlap(S: Array, variance: Array) -> float:
    """tr S²/(tr S)², at any scale: a power of two keeps every bit, and the squares in range."""
    unit = math.ldexp(1.0, -math.frexp(float(variance.sum()))[1])
    return float(np.square(S * unit).sum()) / float((variance * unit).sum()) ** 2


def _file(x: Array, axes: Axes) -> _File:
    """Project one generation on the axes and take its statistics."""
    # Less a row first: equal rows have no variance at all.
    moved = (x - x[0]) @ axes.vectors / axes.scales
    shift = moved.mean(axis=0)
    mean, centred = (x[0] - axes.mean) @ axes.vectors / axes.scales + shift, moved - shift
    S = centred.T @ centred / (len(x) - 1)
    variance = np.where(np.diagonal(S) > _rounding(x, axes), np.diagonal(S), 0.0)
    if not variance.all():
        return _lost(mean, S, variance, axes.scales)
    deviations = np.sqrt(variance)
    logs = np.log(variance)
    z = centred / deviations
    squares = np.square(z)
    own_noise = squares.var(axis=0)
    noise = float(own_noise.mean())
    shape_noise, shape_overlap = _overlap(z)
    return _File(
        log_variance=logs,
        mean=mean,
        shape=np.concatenate([_fisher(S, deviations), (logs - logs.mean()) / np.sqrt(2)]),
        covariance=S,
        log_covariance=_log_covariance(squares, variance, tied(np.square(axes.scales))),
        own_noise=own_noise,
        sharing=float(squares.mean(axis=1).var()) / noise if noise > 0 else 1.0,
        shape_noise=shape_noise,
        mean_overlap=_mean_overlap(S, variance),
        shape_overlap=shape_overlap,
        near_overlap=_near(centred, S, shape_overlap),
    )


def _lost(mean: Array, S: Array, variance: Array, scales: Array) -> _File:
    """A generation with a direction without variance: only its log variances are used."""
    K = len(mean)
    with np.errstate(divide="ignore"):
        logs = np.log(variance)
    shape = np.zeros(K * (K + 1) // 2)
    C = 2 * np.eye(1 + int(tied(np.square(scales))[-1]))
    return _File(logs, mean, shape, S, C, np.full(K, 2.0), 1.0, 1.0, 1.0, 1.0, 1.0)


def _bridged(files: list[_File], rows: Array, axes: Axes) -> tuple[list[_File], Bools]:
    """The same where a direction that a file lacks varies again later, and where (T, K) that is.

    Its variance is that of half a row of those that vary along it, without correlation, and its
    noise that of the other files.
    """
    logs = np.array([f.log_variance for f in files])
    lost = np.isneginf(logs)
    gaps = lost & ~np.logical_and.accumulate(lost[::-1], axis=0)[::-1]
    varied = np.ones(logs.shape[1]) if axes.varied is None else axes.varied
    logs = np.where(gaps, -np.log(2 * rows[:, None] * varied), logs)
    pairs, out = np.triu_indices(logs.shape[1], 1), list(files)
    for t in np.flatnonzero(gaps.any(axis=1)):
        mine, C = logs[t], files[t].covariance.copy()
        np.fill_diagonal(C, np.exp(mine))
        out[t] = files[t]._replace(log_variance=mine, covariance=C)
        if np.isfinite(mine).all():
            correlations = _fisher(C, np.sqrt(np.diagonal(C)))
            correlations[gaps[t][pairs[0]] | gaps[t][pairs[1]]] = 0.0
            shape = np.concatenate([correlations, (mine - mine.mean()) / np.sqrt(2)])
            out[t] = out[t]._replace(shape=shape)
    return out, gaps


def bare(covariances: Array, rows: Array) -> Bools:
    """Files (T,) without variance along some direction, though they have the rows for it."""
    values = np.linalg.eigvalsh(covariances)
    return np.asarray((values[:, 0] <= _NO_RANK * values[:, -1]) & (rows > values.shape[1]))


def _torn(axes: Axes, rows: Array, covariances: Array) -> Bools:
    """Files (T,) that lack, by no chance, a direction across the axes that a later one has.

    How many of a file's rows should vary along it, real ones say; along several, those of each.
    """
    torn = np.zeros(len(rows), dtype=bool)
    if axes.points is None:
        return torn
    lacks = bare(covariances, rows)
    lacks &= (np.diagonal(covariances, axis1=1, axis2=2) > 0).all(axis=1)
    for t in np.flatnonzero(lacks):
        if not lacks[t:].all():
            values, vectors = np.linalg.eigh(covariances[t])
            none = int((values <= _NO_RANK * values[-1]).sum())
            varied = _varied(axes.points @ vectors[:, :1], _NEARLY_SAME)[0]
            torn[t] = rows[t] * varied > BY_CHANCE * none
    return torn


def series_of(axes: Axes, generations: Sequence[Array]) -> Series:
    """Series of all generations along the axes of the real set."""
    rows = np.array([float(len(x)) for x in generations])
    files, gaps = _bridged([_file(x, axes) for x in generations], rows, axes)
    covariances = np.array([f.covariance for f in files])
    across = _torn(axes, rows, covariances)
    torn = np.asarray(gaps.any(axis=1)) | across
    whole = [f for f, gap in zip(files, torn, strict=True) if not gap] or files
    own_noise = np.mean([f.own_noise for f in whole], axis=0)
    return Series(
        log_variance=np.array([f.log_variance for f in files]),
        means=np.array([f.mean for f in files]),
        shapes=np.array([f.shape for f in files]),
        covariances=covariances,
        scale=np.trace(covariances, axis1=1, axis2=2) / covariances.shape[1],
        rows=rows,
        log_noise=float(np.mean([f.own_noise.mean() for f in whole])),
        sharing=min(1.0, float(np.mean([f.sharing for f in whole]))),
        shape_noise=np.where(
            torn, np.mean([f.shape_noise for f in whole]), [f.shape_noise for f in files]
        ),
        mean_count=1 / float(np.mean([f.mean_overlap for f in whole])),
        shape_count=1 / float(np.mean([f.shape_overlap for f in whole])),
        near_count=1 / float(np.mean([f.near_overlap for f in whole])),
        real_rows=axes.rows,
        real_noise=axes.noise,
        varied=axes.varied,
        log_covariance=np.mean([f.log_covariance for f in whole], axis=0),
        own_noise=own_noise,
        real_own_noise=axes.own_noise,
        gaps=gaps if gaps.any() else None,
        torn=across if across.any() else None,
    )
