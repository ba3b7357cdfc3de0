"""Recall that the modes alone predict, without drawing samples (theory.md 4.1; Fig. 15)."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from madtheory import _check
from madtheory.modes.grid import mode_grid

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array, Ints
    from madtheory.results import ModeStates

#: Sample counts beyond the table's last use its last: nothing changes there but the tail.
_MOST_COUNTED = 20_000
#: Distances from a mode's centre, in its own standard deviations, and the last one covered.
_REACH = np.linspace(0.0, 9.0, 46)


def _covering(count: int, k: int) -> Array:
    """Expected number of k-NN balls of `count` planar standard normal points over a point.

    The point is at distance `_REACH` from the centre. Summed over a second point y: its ball
    reaches the first if fewer than k of the others are nearer, a binomial tail. Polar about the
    first point, Gauss-Legendre in log r.
    """
    nodes, weights = np.polynomial.legendre.leggauss(40)
    low = math.log(0.02 / math.sqrt(count))  # nearer points: 1e-4 of k
    half = 0.5 * (math.log(_REACH[-1] + 9.0) - low)
    r = np.exp(low + half * (nodes + 1.0))[:, None]
    cosine = np.cos(math.pi * (np.arange(20) + 0.5) / 20)
    x = _REACH[:, None, None]
    y_sq = x**2 + r**2 + 2.0 * x * r * cosine
    nearer = special.chndtr(np.broadcast_to(r**2, y_sq.shape), 2.0, y_sq)
    reaches = special.betainc(count - k, k, 1.0 - nearer)
    density = np.exp(-0.5 * y_sq) / 20
    total = density * reaches * (r**2 * half * weights[:, None])
    return np.asarray(count * total.sum(axis=(1, 2)))


@cache
def _coverage(k: int) -> tuple[Array, Array]:
    """Sample counts > k and, by count, P(a point at distance `_REACH` is covered)."""
    counts = [k + 1]
    while counts[-1] < _MOST_COUNTED:
        counts.append(max(counts[-1] + 1, int(1.35 * counts[-1])))
    rows = [-np.expm1(-_covering(count, k)) for count in counts]
    return np.array(counts, dtype=np.float64), np.array(rows)


def _covered(count: Array, reach: Array, k: int) -> Array:
    """Interpolate the table, linearly in log(count) and in distance."""
    counts, table = _coverage(k)
    place = np.interp(np.log(np.maximum(count, 1.0)), np.log(counts), np.arange(counts.size))
    row = np.minimum(place.astype(np.int64), counts.size - 2)
    step = reach / _REACH[1]
    column = np.minimum(step, _REACH.size - 2.0).astype(np.int64)
    a, b = place - row, np.minimum(step - column, 1.0)
    low = (1 - b) * table[row, column] + b * table[row, column + 1]
    high = (1 - b) * table[row + 1, column] + b * table[row + 1, column + 1]
    return np.where(step > _REACH.size - 1.0, 0.0, (1 - a) * low + a * high)


def _blurred(count: Array, widths: Array, k: int) -> Array:
    """Widths of the region that balls cover: along the minor axis a ball's own size is added.

    Points on a line have k-NN balls of a size that falls with k/count. The law 0.7 (k/count)^0.8
    of the major width is the one thing here that is fitted (to recall measured on points).
    """
    major, minor = widths[..., 0], widths[..., 1]
    size = 0.7 * major * (k / np.maximum(count, 1.0)) ** 0.8
    return np.stack([major, np.hypot(minor, size)], axis=-1)


def mode_recall(count: ArrayLike, widths: ArrayLike, shift: ArrayLike, *, k: int = 5) -> Array:
    """Return the expected recall of one planar mode from its part of a synthetic sample.

    Recall is the share of real points inside the k-nearest-neighbour ball of some synthetic
    point. For a round mode the balls over a point are taken as Poisson, with their exact mean
    number; an ellipse is stretched to a circle, its minor width blurred by the size of a ball. A
    mode with 1 to k points is covered whole: their balls reach to other modes. A lost one is not.

    Parameters
    ----------
    count : array_like of int, shape S
        Synthetic points of the mode.
    widths : array_like, shape S + (2,)
        Standard deviations of the synthetic mode along its major and its minor axis, in units of
        the real one, which is round.
    shift : array_like, shape S + (2,)
        Distance of the centres along these axes, in the same units. All broadcast together.
    k : int

    Returns
    -------
    ndarray, shape S

    Notes
    -----
    Kynkaanniemi et al. 2019; status: asymptotic. Largest absolute error found against points, k =
    5, 6 to 400 of them, widths 1/2 and 1, shifts up to 1: 0.03 for round modes, 0.05 where one
    width is twice the other, 0.15 for lines. The balls of a mode with at most k points also cover
    lost neighbours, which is not counted.

    Examples
    --------
    >>> [round(float(x), 2) for x in mode_recall([0, 3, 40], [1, 1], [0, 0])]
    [0.0, 1.0, 0.97]
    """
    k = _check.count("k", k, maximum=100)
    n, w, d = (np.asarray(x, dtype=np.float64) for x in (count, widths, shift))
    for name, array in (("count", n), ("widths", w)):
        if not (np.isfinite(array) & (array >= 0)).all():
            raise ValueError(f"{name} must be finite and non-negative, got {array.min():g}")
    if w.shape[-1:] != (2,) or d.shape[-1:] != (2,):
        raise ValueError(f"widths and shift must end in 2 axes, got {w.shape} and {d.shape}")
    shape = np.broadcast_shapes(n.shape, w.shape[:-1], d.shape[:-1])
    n, w = np.broadcast_to(n, shape), np.broadcast_to(w, (*shape, 2))
    points, weights = _real_points()
    scale = np.maximum(_blurred(n, w, k), 1e-150)
    far = (points - d[..., None, :]) / scale[..., None, :]
    reach = np.minimum(np.hypot(far[..., 0], far[..., 1]), 1e9)
    inside = _covered(n[..., None], reach, k) @ weights
    return np.where(n > k, inside, 1.0 * (n > 0))


@cache
def _real_points() -> tuple[Array, Array]:
    """Points and weights for means over a standard normal point of the plane."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    radius = np.sqrt(-2.0 * np.log(0.5 * (1.0 - nodes)))
    angle = 2.0 * math.pi * (np.arange(24) + 0.5) / 24
    x, y = np.outer(radius, np.cos(angle)), np.outer(radius, np.sin(angle))
    return np.stack([x.ravel(), y.ravel()], axis=-1), np.repeat(weights, 24) / 48.0


def expected_recall(
    counts: Ints,
    means: Array,
    covariances: Array,
    *,
    spacing: float = 1.0,
    deviation: float = 0.05,
    k: int = 5,
) -> Array:
    """Return the expected recall of models of modes in the plane, from their parts of a sample.

    Parameters
    ----------
    counts : ndarray of int, shape S + (modes,)
        Synthetic samples of each mode.
    means, covariances : ndarray, shapes S + (modes, 2) and S + (modes, 2, 2)
        The models; the real modes stand on :func:`~madtheory.modes.mode_grid`.
    spacing, deviation : float
        Of the real modes; deviation, of each direction of one, positive.
    k : int

    Returns
    -------
    ndarray, shape S
        Mean of :func:`mode_recall` over the modes, whose errors it has.

    Examples
    --------
    >>> whole = expected_recall(np.array([40]), np.zeros((1, 2)), 0.0025 * np.eye(2)[None])
    >>> round(float(whole), 2)
    0.97
    """
    counts, means = np.asarray(counts), np.asarray(means)
    covariances = np.asarray(covariances)
    if not (counts.ndim and means.shape == (*counts.shape, 2)):
        raise ValueError(f"means must have a row of 2 for each of counts, got shape {means.shape}")
    if covariances.shape != (*means.shape, 2):
        raise ValueError(f"covariances must be 2 x 2 for each mean, got shape {covariances.shape}")
    centers = mode_grid(counts.shape[-1], spacing=spacing)
    values, axes = np.linalg.eigh(covariances)
    gap = np.where(counts[..., None] > 0, means - centers, 0.0)
    # The major axis first.
    widths = np.sqrt(values[..., ::-1].clip(0.0)) / deviation
    shift = np.einsum("...i,...ij->...j", gap, axes)[..., ::-1] / deviation
    return np.asarray(mode_recall(counts, widths, shift, k=k).mean(axis=-1))


def predicted_recall(
    states: ModeStates,
    n_samples: int,
    *,
    spacing: float = 1.0,
    deviation: float = 0.05,
    k: int = 5,
    seed: int = 0,
) -> Array:
    """Return the expected recall of each model in the plane from its modes alone (Fig. 15).

    The counts of a synthetic sample of `n_samples` are drawn; the rest is :func:`expected_recall`.
    `states` come from :func:`~madtheory.simulate.modes.simulate_modes` with dim = 2, spacing and
    deviation as there. Shape (replicates, S).

    Examples
    --------
    >>> from madtheory.simulate import simulate_modes
    >>> result = simulate_modes(generations=200, replicates=4, snapshots=(1, 200))
    >>> recall = predicted_recall(result.states, 1_000).mean(axis=0)
    >>> bool(recall[0] > 0.9 and recall[1] < 0.5)
    True
    """
    if states.means.shape[-1] != 2:
        raise ValueError(f"states must have dimension 2, got {states.means.shape[-1]}")
    n = _check.count("n_samples", n_samples)
    sd = _check.number("deviation", deviation, low=0.0, high=math.inf)
    if sd == 0.0:
        raise ValueError("deviation must be positive, got 0")
    rng = np.random.default_rng(_check.count("seed", seed, minimum=0))
    counts = rng.multinomial(n, states.weights)
    return expected_recall(
        counts, states.means, states.covariances, spacing=spacing, deviation=sd, k=k
    )
