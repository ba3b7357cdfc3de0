"""Directions that models drop, each anew: the least components of a PCA, across REAL's axes.

What is dropped is nearly the same each time, and no course: all files together have next to
nothing along some directions, and each still less along its own. No covariance of paths is of that
kind for long, so paths are of the other directions, along which the files vary as any do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from madtheory.audit.wild import are_wild

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.audit.series import Axes, Series

#: All files have less than this share, in units of the real set, along what is dropped.
_LITTLE = 0.15
#: It is dropped anew where it is more than this times what each file has along as many of its own:
#: 1 to 3 times where models shrink a column, 8 to 30 times where they drop components. What is kept
#: has as many times more.
STAYS = 4.0
#: Less than this share is rounding: nothing moves there.
_NOTHING = 1e-9


def kept(axes: Axes, series: Series) -> Array | None:
    """Orthonormal directions (d, K - m) that are left of d where models drop m each time.

    From the second file on: the first may be real data. None where nothing is dropped so, few rows
    vary along some directions, or the axes are not all.
    """
    S = series.covariances[1:]
    d, K = axes.vectors.shape
    if len(S) < 2 or d > K or not float(series.rows.min()) > 2 * K:
        return None
    values, vectors = np.linalg.eigh(S.mean(axis=0))
    little = _LITTLE * min(1.0, float(values[-1]))
    m = int((values < little).sum())
    each = np.linalg.eigvalsh(S)[:, :m]
    if m in (0, K) or each[0].max() > little or are_wild(series, int(series.real_rows)).any():
        return None
    least = max(STAYS * float(np.median(each.sum(axis=1))), _NOTHING)
    if values[:m].sum() < least or values[m] < STAYS * values[m - 1]:
        return None
    dropped = axes.vectors / axes.scales @ vectors[:, :m]
    return np.asarray(np.linalg.qr(dropped, mode="complete")[0][:, m:])
