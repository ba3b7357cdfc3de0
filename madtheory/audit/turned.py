"""Axes of a loop's own: where variances change along directions that the real axes cut across.

What is lost along others shows as correlations along the real axes, and no growth of each of these
by itself goes on with it. Such a step takes a covariance A to M A M, M symmetric, beside its noise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madtheory.audit.dropped import STAYS

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.audit.series import Series

#: Axes that are looked at, and that paths live on: each generation of each path costs the cube.
WIDEST = 24
#: Standard deviations of what steps of a walk have in common beyond which they drift.
_DRIFTS = 1.9
#: The same of a few steps.
_DRIFTS_OF_FEW = 2.5
#: Maps that are symmetric where files are white are those of a loop that misses less than this
#: share of what maps of the features miss: .52 to .93 of 12 loops whose spread within classes
#: dies, .994 to 1.055 of 12 whose models err along some directions.
_BETTER = 0.98
#: Models that lack a direction across the real axes have less than this share of the least that
#: correlations have by chance.
_LACKS = 0.4
#: Least variance along an axis of a file, relative to its largest: beyond it no map is looked for.
_LEAST = 1e-6


def are_cut(series: Series, K: int, *, pool: bool = False) -> bool:
    """Whether correlations along the first K axes drift: steps of a walk have nothing in common.

    Steps are those between neighbours, which share a file's noise and are left out, or in a `pool`
    of all models those from the mean of all before, whose noises have nothing in common.
    """
    S = series.covariances[:, :K, :K]
    every = np.linalg.eigvalsh(S)
    if K < 2 or not (every[:, 0] > _LEAST * every[:, -1]).all():
        return False
    before = S[:-1]
    if pool:
        before = np.cumsum(before, axis=0) / np.arange(1, len(S))[:, None, None]
    steps = (correlations(S[1:]) - correlations(before))[:, *np.triu_indices(K, 1)]
    pairs = np.triu_indices(len(steps), 2)
    common = (steps @ steps.T)[pairs]
    if len(common) > _DRIFTS**2:
        return bool(common.sum() > _DRIFTS * np.sqrt(np.square(common).sum()))
    # So few products do not tell how much they vary: as those of independent series do, of all
    # shapes as many as there are of these.
    every, sizes = series.log_variance.shape[1], np.square(steps).sum(axis=1)
    count = series.shape_count * K * (K - 1) / (every * (every + 1) - 2)
    noise = np.multiply.outer(sizes, sizes)[pairs].sum() / count
    return bool(common.sum() > _DRIFTS_OF_FEW * np.sqrt(noise))


def lack(series: Series, K: int) -> bool:
    """Whether from the second file on models have little of one direction across the first K axes.

    Steps do not show that: a model's error of each time comes to rest at once. Noise of the files,
    of what they were fitted to and of the real set leaves (1 - sqrt(K/n))^2 (Marchenko and Pastur).
    Rows count for fewer where squares of real ones vary by more than Gaussian ones do, by 2.
    """
    S = series.covariances[1:, :K, :K]
    every = np.linalg.eigvalsh(series.covariances[:, :K, :K])
    if K < 2 or len(S) < 2 or not (every[:, 0] > _LEAST * every[:, -1]).all():
        return False
    own = series.real_own_noise
    tails = 1.0 if own is None else max(1.0, float(own.max()) / 2)
    noise = tails * K * (2 / float(series.rows.min()) + 1 / series.real_rows)
    most = _LACKS * max(0.0, 1 - np.sqrt(noise)) ** 2
    R = correlations(S)
    each, mean = np.linalg.eigvalsh(R)[:, 0], float(np.linalg.eigvalsh(R.mean(axis=0))[0])
    return bool(max(each[0], mean) < most and mean < STAYS * np.median(each))


def correlations(S: Array) -> Array:
    """Correlations of covariances (T, K, K)."""
    deviations = np.sqrt(np.diagonal(S, axis1=1, axis2=2))
    return np.asarray(S / (deviations[:, :, None] * deviations[:, None, :]))


def _root(A: Array) -> Array:
    """Symmetric roots."""
    values, vectors = np.linalg.eigh(A)
    roots = np.sqrt(np.maximum(values, 0.0))[..., None, :]
    return np.asarray((vectors * roots) @ vectors.swapaxes(-1, -2))


def maps(before: Array, after: Array) -> Array:
    """The symmetric M of M A M = B, of covariances A and B (..., K, K): optimal transport's."""
    root = _root(before)
    back = np.linalg.inv(root)
    return np.asarray(back @ _root(root @ after @ root) @ back)


class Own(NamedTuple):
    """Axes `to` (K, K), what takes the real ones to them, and growth along each (T, K)."""

    to: Array
    back: Array
    growth: Array


def _symmetric_in(before: Array, after: Array, unit: Array) -> Own:
    """Axes of the mean of all steps' maps, symmetric where `unit` (K, K) is 1."""
    root = _root(unit)
    back = np.linalg.inv(root)
    M = maps(back @ before @ back, back @ after @ back)
    vectors = np.linalg.eigh(M.mean(axis=0))[1]
    along = np.einsum("ki,tkl,li->ti", vectors, M, vectors)
    return Own(root @ vectors, vectors.T @ back, 2 * np.log(along))


def _missed(before: Array, after: Array, own: Own) -> float:
    """How far steps along these axes leave covariances from those after (Stein's loss)."""
    step = (own.to * np.exp(own.growth.mean(axis=0) / 2)) @ own.back
    ratio = np.linalg.solve(step @ before @ step.T, after)
    off = np.trace(ratio, axis1=1, axis2=2) - np.linalg.slogdet(ratio)[1] - len(before[0])
    return float(off.sum())


def own_axes(before: Array, after: Array) -> Own:
    """Axes (K, K) of the mean of all steps' maps, and what variances grow by along each (T, K).

    Models that err along some directions have symmetric maps of the features; those that lose what
    the others do not tell, as spread within classes, leave what these do: their maps are so where
    the files are white. Steps tell which.
    """
    plain, white = (
        _symmetric_in(before, after, unit)
        for unit in (np.eye(before.shape[1]), before.mean(axis=0))
    )
    better = _missed(before, after, white) < _BETTER * _missed(before, after, plain)
    return white if better else plain


def along_own(series: Series, scales: Array) -> Series:
    """The same with log variances along axes of the loop's own, the real ones being 0.

    scales: deviations (K,) of the first real axes. Without real data M A M moves each along a
    straight line, where those along the real axes bend as if they came to rest: of a mixture the
    slower one stays.
    """
    K = len(scales)
    S = series.covariances[:, :K, :K] * np.multiply.outer(scales, scales)
    back = own_axes(S[:-1], S[1:]).back
    variances = np.einsum("ik,tkl,il->ti", back, S, back)
    real = np.square(back) @ np.square(scales)
    return replace(series, log_variance=np.log(variances / real))
