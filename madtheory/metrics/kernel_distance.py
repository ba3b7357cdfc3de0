"""The unbiased kernel distance of two sets, with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from madtheory._threads import one_thread
from madtheory.metrics.features import ROWS, blocks, pair
from madtheory.metrics.measured import Measured, normal_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array

#: Rows of a block of kernels, beside ROWS columns.
_BLOCK_ROWS = 512


def _excess_sums(a: Array, b: Array, same: bool) -> tuple[Array, Array]:
    """Row and column sums of k(x, y) - 1, k = (x.y/d + 1)^3; without i = j for one set."""
    rows, columns = np.zeros(len(a)), np.zeros(len(b))
    dim = a.shape[1]
    for i in blocks(len(a), _BLOCK_ROWS):
        for j in blocks(len(b), ROWS):
            t = a[i] @ b[j].T / dim
            # (1 + t)^3 - 1: the constant cancels from the distance, and would drown small t.
            value = t * (t * (t + 3) + 3)
            if same:
                inside = np.arange(max(i.start, j.start), min(i.stop, j.stop))
                value[inside - i.start, inside - j.start] = 0.0
            rows[i] += value.sum(axis=1)
            columns[j] += value.sum(axis=0)
    return rows, columns


def kernel_distance(real: ArrayLike, synth: ArrayLike, *, level: float = 0.95) -> Measured:
    """Unbiased squared kernel distance, (x.y/dim + 1)^3 (KID; Binkowski et al., ICLR 2018).

    Arguments as for :func:`madtheory.metrics.fid`. The value is MMD^2; its mean at any sizes is
    that of the two laws, so it may be negative. Normal interval, its variance that of the mean
    kernel of each row (first order); up to sqrt(2) too wide where the laws agree. Time is of order
    (n + m)^2 dim.

    Raises
    ------
    ValueError
        When the kernel leaves the range of float64 (features beyond about 1e50).

    Examples
    --------
    >>> kernel_distance([[0.0], [0.0]], [[1.0], [1.0]]).value  # 1 + 8 - 2
    7.0
    """
    z = normal_quantile(level)
    x, y = pair(real, synth)
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
    return Measured.around(value, half)
