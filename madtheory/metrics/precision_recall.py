"""Precision and recall by balls to the k-th neighbour, with intervals."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory import _check, _threads
from madtheory._threads import one_thread
from madtheory.metrics._neighbours import covered, nearest, removal_effects
from madtheory.metrics.features import blocks, pair, scale
from madtheory.metrics.measured import Measured, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from madtheory._types import Array, Ints
    from madtheory.metrics._neighbours import Singles

#: Rows and columns of a block of products: 1 MB, so that it stays in a core's cache.
_BLOCK = 512
#: Balls remembered for a point that they would hold if they grew.
_SHELLS = 32
#: Standard errors that a jackknife's variance is taken to err by.
_SURE = 2.0
#: Rows that decide where the origin of the screening products lies.
_CENTRE_ROWS = 1001


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Shares of one set's rows that lie inside at least one k-NN ball of a row of the other."""

    #: Of synthetic rows in balls of real ones.
    precision: Measured
    #: Of real rows in balls of synthetic ones.
    recall: Measured


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
    # Smaller rows than this have squared distances of 0, and their unit would overflow.
    exponent = max(-500, math.frexp(largest)[1])
    return [_screen(x, origin, exponent) for x in sets]


def _over_blocks(
    a: _Points, b: _Points, threads: int, visit: Callable[[Singles, int, int], None]
) -> None:
    """Call visit(-2 a.b, row, column) on every block, columns in order, rows on threads."""

    def one(rows: slice) -> None:
        left = -2 * a.centred[rows]
        for columns in blocks(len(b.rows), _BLOCK):
            visit(left @ b.centred[columns].T, rows.start, columns.start)

    rows = list(blocks(len(a.rows), _BLOCK))
    with one_thread():
        if min(threads, len(rows)) == 1:  # the start of a thread costs as much as a small block
            for some in rows:
                one(some)
            return
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(one, some) for some in rows]:
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
        nearest(a.rows, a.low, a.unit, products, row, column, squares, indices)

    _over_blocks(a, a, threads, visit)
    return _Balls(squares[:, k - 1].copy(), squares[:, -1].copy(), indices[:, :k].copy())


def _share(a: _Points, b: _Points, balls: _Balls, z: float, threads: int) -> Measured:
    """Share of the rows of `a` inside a ball around a row of `b`, with its interval."""
    n, m = len(a.rows), len(b.rows)
    held, owner = np.zeros(n, np.int64), np.full(n, -1)
    shells = np.full((n, _SHELLS), -1)
    gap = b.low - balls.outer * b.unit
    reach: Singles = (gap - np.abs(gap) * 2.0**-22).astype(np.float32)  # rounded down

    def visit(products: Singles, row: int, column: int) -> None:
        covered(
            a.rows, a.low, b.rows, reach, balls.inner, balls.outer, products, row, column,
            held, owner, shells,
        )  # fmt: skip

    _over_blocks(a, b, threads, visit)
    value = float(np.count_nonzero(held) / n)
    if m == balls.neighbours.shape[1] + 1:  # One row less has no balls: nothing is known.
        return Measured(value, 0.0, 1.0)
    effects = np.zeros(m, np.int64)
    removal_effects(held, owner, shells, balls.neighbours, effects)
    return _wilson(value, n, _jackknife(effects) / n**2, z)


def _jackknife(effects: Ints) -> float:
    """Variance of a sum by what each of m removals does to it, and two standard errors more.

    Where sets overlap in part a few wide balls decide, or would have: it is then as uncertain as it
    is large.
    """
    m = len(effects)
    # Whole numbers, and in one order: that of the rows does not matter.
    off = np.sort(m * effects - effects.sum()) / m
    variance, fourth = float(off @ off), float(np.square(off) @ np.square(off))
    return (m - 1) / m * (variance + _SURE * math.sqrt(fourth))


def _wilson(value: float, n: int, extra: float, z: float) -> Measured:
    """Wilson's interval for a share of n draws with variance `extra` beside the binomial one.

    n becomes the number of independent draws of the same variance. Agresti and Coull's share
    stands in for the value there, which may be 0 or 1.
    """
    rough = (n * value + 2) / (n + 4)
    share = z * z * (1 / n + extra / (rough * (1 - rough)))  # z^2 / n_eff
    centre = (value + share / 2) / (1 + share)
    half = math.sqrt(value * (1 - value) * share + share * share / 4) / (1 + share)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Measured(value, min(low, value), max(high, value))


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
        Both intervals are Wilson's, at the number of independent draws with the variance of the
        share: binomial for the points, and for the centres the jackknife, the share with each
        centre removed in turn, and two standard errors of that variance more. The jackknife is too
        large on average (Efron and Stein, 1981), so that most intervals hold more often than
        `level`; where a few wide balls decide .91 to .97 (docs/metrics.md). With exactly k + 1
        centres nothing is known: [0, 1].

    Examples
    --------
    >>> real = [[0.0], [1.0], [2.0], [3.0]]
    >>> both = precision_recall(real, [[1.5], [1.5], [9.0], [9.0]], k=1)
    >>> both.precision.value, both.recall.value
    (0.5, 0.0)
    """
    k = _check.count("k", k)
    quantile = normal_quantile(level)
    threads = _threads.processors("threads", threads)
    x, y = pair(real, synth, k + 1)
    scale((x, y))
    # Each set around its own middle: a collapsed one is seen at its own scale.
    real_balls, synth_balls = (_balls(_screens(z)[0], k, threads) for z in (x, y))
    a, b = _screens(x, y)
    return PrecisionRecall(
        precision=_share(b, a, real_balls, quantile, threads),
        recall=_share(a, b, synth_balls, quantile, threads),
    )
