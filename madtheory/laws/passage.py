r"""First passage of the log-variance walk below a barrier, by convolution with absorption.

The walk starts with first + log(chi2_k / k) and adds step + log(chi2_m / m) every generation; it
stops when it is below the barrier. Its surviving density p_t obeys

    p_t(y) = \int_barrier^oo p_{t-1}(z) f(y - z - step) dz,   f the density of log(chi2_m / m).

p_t is smooth above the barrier, so Gauss-Legendre nodes on equal panels converge exponentially;
equal panels make the discretised kernel block Toeplitz, and the kernel is short, so one step is
one product with a band.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtr
from threadpoolctl import threadpool_limits

from madtheory._types import Array
from madtheory.laws.chi_square import (
    log_chi_square_density,
    log_chi_square_moment,
    log_chi_square_variance,
)

_NODES = 16
_WIDTH = 4.5
_TINY = 1e-250  # denormal numbers would slow the products tenfold
_CUT = 46.0  # exp(-46) = 1e-20 of the kernel's peak is left out


@dataclass(frozen=True, slots=True)
class Walk:
    """Increments of the log-variance: dofs and shifts of the first and the later ones."""

    first_dof: float
    first: float
    dof: float
    step: float


def _deviation(dof: float) -> float:
    """Standard deviation of log chi2_dof."""
    return math.sqrt(float(log_chi_square_variance(dof)))


def _panel(dof: float) -> float:
    """Width of a panel: 16 nodes then carry the kernel to some 1e-13 of its peak."""
    return min(_WIDTH * _deviation(dof), 1.5)


def _support(dof: float) -> tuple[float, float]:
    """Where the density of log(chi2_dof / dof) is above exp(-46) of its peak, generously.

    Right: e^w - 1 - w >= r for e^w - 1 = r + sqrt(2r) (Laurent and Massart). Left: for w < 0,
    e^w - 1 - w >= r at w = -(r + 1), and w^2 / 2 - |w|^3 / 6 >= r at w = -sqrt(2r) - r.
    """
    r = 2.0 * _CUT / dof
    return -min(r + 1.0, r + math.sqrt(2.0 * r)), math.log1p(r + math.sqrt(2.0 * r))


def _ceiling(walk: Walk, horizon: int) -> float:
    """Level that the walk crosses by `horizon` with probability below exp(-42).

    Ville: P(max_t X_t > e^y) <= M_1(s) max(1, M(s))^(T-1) e^(-s y) for every s > 0, as
    X_t^s / max(1, M)^(t-1) is a nonnegative supermartingale.
    """
    s = np.geomspace(1e-3, 1e5, 400) / (1.0 + _deviation(walk.dof) * math.sqrt(horizon))
    s = np.concatenate([s, s / _deviation(walk.dof)])
    first = log_chi_square_moment(s, walk.first_dof, walk.first_dof) + s * walk.first
    later = log_chi_square_moment(s, walk.dof, walk.dof) + s * walk.step
    return float(np.min((first + (horizon - 1) * np.maximum(later, 0.0) + 42.0) / s))


def _grid(low: float, high: float, width: float) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on equal panels from `low` to at least `high`."""
    panels = max(0, math.ceil((high - low) / width))
    x, w = np.polynomial.legendre.leggauss(_NODES)
    starts = low + width * np.arange(panels)
    nodes = (starts[:, None] + width * (x + 1.0) / 2.0).ravel()
    return nodes, np.tile(width * w / 2.0, panels)


def _shape(walk: Walk, barrier: float, horizon: int) -> tuple[int, int, int]:
    """Panels, and the first and last panel offset that the kernel reaches."""
    width = _panel(walk.dof)
    panels = max(1, math.ceil((_ceiling(walk, horizon) - barrier) / width))
    left, right = _support(walk.dof)
    low = max(math.floor((left + walk.step) / width) - 1, -panels)
    high = min(math.ceil((right + walk.step) / width) + 1, panels)
    return panels, low, max(low, high)


def passage_work(walk: Walk, barrier: float, horizon: int) -> float:
    """Floating-point operations that :func:`passage_probabilities` takes at most."""
    panels, low, high = _shape(walk, barrier, horizon)
    return 2.0 * horizon * panels * (high - low + 1) * _NODES**2


def _band(walk: Walk, low: int, high: int) -> Array:
    """Kernel from the panels p - high .. p - low (rows) to panel p (columns), weights included."""
    width = _panel(walk.dof)
    x, weights = _grid(0.0, width, width)
    offsets = width * np.arange(high, low - 1, -1)
    gap = offsets[:, None, None] + x[None, None, :] - x[None, :, None] - walk.step
    kernel = np.exp(log_chi_square_density(gap, walk.dof)) * weights[None, :, None]
    return np.where(kernel > 1e-40, kernel, 0.0).reshape(-1, _NODES)


def _first_density(walk: Walk, barrier: float) -> tuple[Array, Array]:
    """Nodes of the first state above the barrier and its mass at each."""
    left, right = _support(walk.first_dof)
    low = max(barrier, walk.first + left)
    z, weights = _grid(low, walk.first + right, _panel(walk.first_dof))
    return z, weights * np.exp(log_chi_square_density(z - walk.first, walk.first_dof))


def _absorbed(walk: Walk, barrier: float, z: Array) -> Array:
    """Probability that one step from z ends below the barrier."""
    return np.asarray(chdtr(walk.dof, walk.dof * np.exp(barrier - z - walk.step)))


def _second_density(walk: Walk, y: Array, z: Array, mass: Array) -> Array:
    """Density of the second state at y, in slices so that memory stays small."""
    slices = np.array_split(y, max(1, y.size * z.size // 2**22))
    parts = [
        np.exp(log_chi_square_density(part[:, None] - z[None, :] - walk.step, walk.dof)) @ mass
        for part in slices
    ]
    return np.concatenate(parts)


def _passages(walk: Walk, barrier: float, horizon: int) -> Iterator[float]:
    """Yield P(the walk is first below the barrier at t) for t = 1..horizon."""
    yield float(chdtr(walk.first_dof, walk.first_dof * math.exp(barrier - walk.first)))
    panels, low, high = _shape(walk, barrier, horizon)
    y, weights = _grid(barrier, barrier + _panel(walk.dof) * (panels - 0.5), _panel(walk.dof))
    if walk.first_dof <= walk.dof:  # the first density is no narrower than the kernel
        density = np.exp(log_chi_square_density(y - walk.first, walk.first_dof))
        left = horizon - 1
    else:
        z, mass = _first_density(walk, barrier)
        density = _second_density(walk, y, z, mass)
        left = horizon - 2
        yield from [float(_absorbed(walk, barrier, z) @ mass)][: horizon - 1]
    absorbed = _absorbed(walk, barrier, y) * weights
    band = _band(walk, low, high)
    padded = np.zeros((panels + high - low) * _NODES)
    windows = np.lib.stride_tricks.sliding_window_view(padded, band.shape[0])[::_NODES]
    for _ in range(left):
        yield float(absorbed @ density)
        _place(padded, density, high * _NODES)
        density = (windows @ band).ravel()
        density[density < _TINY] = 0.0


def passage_probabilities(
    walk: Walk, barrier: float, horizon: int, *, enough: float = 2.0
) -> Array:
    """Return P(the walk is first below the barrier at t), t = 1, 2, ..

    Up to `horizon`, or to where their sum reaches `enough`.
    """
    total, steps = 0.0, []
    # One thread: the products are small, and on a busy machine two threads wait for each other.
    with threadpool_limits(limits=1, user_api="blas"):
        for step in _passages(walk, barrier, horizon):
            steps.append(step)
            total += step
            if total >= enough:
                break
    return np.array(steps)


def _place(padded: Array, density: Array, start: int) -> None:
    """Copy the density into the padded vector at `start`, which may be negative."""
    padded[:] = 0.0
    target = padded[max(start, 0) :]
    source = density[max(-start, 0) :]
    size = min(target.size, source.size)
    target[:size] = source[:size]
