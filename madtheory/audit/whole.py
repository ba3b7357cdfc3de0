"""Squared Frechet distance in all directions, from paths that live on the leading ones.

A distance has two parts that grow by laws of their own. Apart: means, and variances along each of
the real axes, whatever the number of axes. Missed: what turning away from these axes costs, the
share of fidelity that the same variances would have along them. It grows with the number of axes:
at x = t d/n it is 1 - exp(-x/4) [I_0(x/4) + I_1(x/4)] (theory.md 5.1). So each part of the last
file in all directions goes on as it does along the leading ones, what is missed in x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory.spectrum import sqrt_trace_limit_small_ratio

if TYPE_CHECKING:
    from madtheory._types import Array

#: x at which what is missed is tabled.
_X = np.concatenate([[0.0], np.logspace(-8, 8, 4001)])
_MISSED = 1.0 - sqrt_trace_limit_small_ratio(_X)


class Parts(NamedTuple):
    """Means and variances along the real axes, the fidelity of these, the share that is missed."""

    apart: Array
    fidelity: Array
    missed: Array

    @property
    def fid(self) -> Array:
        """The squared distance of these parts."""
        return self.apart + 2.0 * self.fidelity * self.missed


def parts(mean: Array, variance: Array, deviations: Array, fid: Array) -> Parts:
    """Parts of distances fid (...), of means and variances (..., K) along axes of the real data."""
    apart = np.square(mean).sum(axis=-1)
    apart = apart + np.square(np.sqrt(variance) - deviations).sum(axis=-1)
    fidelity = (np.sqrt(variance) * deviations).sum(axis=-1)
    left = np.maximum(fid - apart, 0.0)
    missed = np.divide(left, 2.0 * fidelity, out=np.zeros_like(left), where=fidelity > 0)
    return Parts(apart, fidelity, np.minimum(missed, 1.0))


def parts_of(real: Array, file: Array, fid: float) -> Parts:
    """Parts of the distance fid of a file (n, d) from the real set, along all axes of this."""
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(real, rowvar=False)))
    moved = (file - real.mean(axis=0)) @ vectors
    deviations = np.sqrt(values.clip(0.0))
    return parts(moved.mean(axis=0), moved.var(axis=0, ddof=1), deviations, np.asarray(fid))


def extended(ahead: Parts, start: Parts, whole: Parts) -> Parts | None:
    """Parts to come in all directions; None where one of a file along the leading ones is none.

    ahead: of the files to come along the leading axes; start, whole: of the last file along these,
    and along all.
    """
    if min(start) <= 0:
        return None
    x, begin, end = (np.interp(y.missed, _MISSED, _X) for y in (ahead, start, whole))
    missed = 1.0 - sqrt_trace_limit_small_ratio(x * (end / begin))
    return Parts(
        ahead.apart * (whole.apart / start.apart),
        ahead.fidelity * (whole.fidelity / start.fidelity),
        missed,
    )
