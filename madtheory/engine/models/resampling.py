"""The training set resampled: as it is, or with a Gaussian kernel on every point."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

import madtheory.engine.models._shared as _shared
from madtheory import _check
from madtheory._types import Array
from madtheory.engine.models.gaussian import triangular
from madtheory.engine.protocol import Rng


def _contract(x: Array, centre: Array, bias: float) -> Array:
    """Move rows towards the centre, so that their covariance is exactly bias times what it was."""
    return centre + math.sqrt(_shared.bias_in(bias)) * (x - centre)


def _weighted_centre(points: Array, weights: Array) -> tuple[Array, Array]:
    """Mean and deviations of weighted points; equal points give exact zeros."""
    shifted = points - points[0]
    shift = weights @ shifted / weights.sum()
    return points[0] + shift, shifted - shift


class _Points(_shared.Saved):
    """A model that keeps its training points, with weights."""

    __slots__ = ()

    def _with(self, points: Array, weights: Array) -> Self:
        raise NotImplementedError

    def fit(self, samples: Any, rng: Rng) -> Self:
        """Keep the rows of `samples`, shape (n, dim)."""
        x = _check.sample("samples", samples, minimum_rows=1)
        return self._with(x, np.full(len(x), 1.0 / len(x)))

    def fit_weighted(self, real: Any, synthetic: Any, weight: float, rng: Rng) -> Self:
        """Keep both sets; a sample is a real point with probability `weight`."""
        return self._with(*_shared.weighted_points(real, synthetic, weight))


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap(_Points):
    """The training set itself, resampled with replacement.

    `bias` contracts samples towards the mean by its square root, so that their covariance is
    exactly `bias` times that of the training set (divided by n).

    Parameters
    ----------
    points, weights, mean : ndarray or None
        Shapes (n, dim), (n,), (dim,), set in a fitted model.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> Bootstrap().fit(np.array([[1.0], [3.0]]), rng).sample(2, 0.0, rng).tolist()
    [[2.0], [2.0]]
    """

    ARRAYS = ("points", "weights", "mean")

    points: Array | None = None
    weights: Array | None = None
    mean: Array | None = None

    def _with(self, points: Array, weights: Array) -> Self:
        mean, _ = _weighted_centre(points, weights)
        return replace(self, points=points, weights=weights, mean=mean)

    def sample(self, n: int, bias: float, rng: Rng) -> Array:
        """Draw n rows, shape (n, dim)."""
        points, weights = _shared.fitted(self, self.points), _shared.fitted(self, self.weights)
        chosen = points[_shared.draw_labels(rng, _shared.size(n), weights)]
        return chosen if bias == 1.0 else _contract(chosen, _shared.fitted(self, self.mean), bias)


@dataclass(frozen=True, slots=True, eq=False)
class KernelDensity(_Points):
    """A Gaussian kernel on every training point.

    The fitted density has covariance S_n + H, S_n that of the points divided by n, H that of the
    kernel. `bias` contracts samples towards the density's mean by its square root, so that their
    covariance is exactly bias (S_n + H).

    Parameters
    ----------
    bandwidth : {"scott", "silverman"} or float
        h = n^(-1/(dim+4)), h = (n (dim+2)/4)^(-1/(dim+4)), or h itself; with weights n is
        1/sum w^2. The words give what scikit-learn and scipy mean by them.
    units : {"data", "absolute"}
        "data": H = h^2 S, S the unbiased covariance of the points, as scipy's gaussian_kde has
        it; equivariant, and 0 on collapsed data: S_n + H = S_n (1 + h^2 n/(n-1)).
        "absolute": H = h^2 I, as scikit-learn's KernelDensity has it; the kernel never collapses.
    points, weights, mean, factor : ndarray or None
        Shapes (n, dim), (n,), (dim,), (dim, rank) with H = factor factor^T, set in a fitted model.

    Examples
    --------
    >>> data = np.array([[1.0], [3.0]])
    >>> model = KernelDensity(0.5).fit(data, np.random.default_rng(0))
    >>> round(float(model.covariance[0, 0]), 12)  # 1 + .25 * 2
    1.5
    """

    ARRAYS = ("points", "weights", "mean", "factor")

    bandwidth: str | float = "scott"
    units: Literal["data", "absolute"] = "data"
    points: Array | None = None
    weights: Array | None = None
    mean: Array | None = None
    factor: Array | None = None

    def __post_init__(self) -> None:
        _check.one_of("units", self.units, ("data", "absolute"))
        if isinstance(self.bandwidth, str):
            _check.one_of("bandwidth", self.bandwidth, ("scott", "silverman"))
        else:
            _check.number("bandwidth", self.bandwidth, low=0.0)

    def width(self, n: float, dim: int) -> float:
        """Bandwidth h for n points in `dim` dimensions."""
        if not isinstance(self.bandwidth, str):
            return float(self.bandwidth)
        count = n * (dim + 2) / 4 if self.bandwidth == "silverman" else n
        return float(count ** (-1.0 / (dim + 4)))

    @property
    def covariance(self) -> Array:
        """Covariance of the fitted density, S_n + H, shape (dim, dim)."""
        points, weights = _shared.fitted(self, self.points), _shared.fitted(self, self.weights)
        factor = _shared.fitted(self, self.factor)
        _, gap = _weighted_centre(points, weights)
        return np.asarray((weights * gap.T) @ gap / weights.sum() + factor @ factor.T)

    def _with(self, points: Array, weights: Array) -> Self:
        mean, gap = _weighted_centre(points, weights)
        square, dim = float(weights @ weights), points.shape[1]
        h = self.width(1.0 / square, dim)
        if self.units == "absolute":
            factor = h * np.eye(dim)
        else:
            # One point has no covariance: its deviation is 0 over 0.
            unbiased = np.sqrt(weights / (1.0 - square)) if len(points) > 1 else weights
            factor = h * triangular(unbiased[:, None] * gap)
        return replace(self, points=points, weights=weights, mean=mean, factor=factor)

    def sample(self, n: int, bias: float, rng: Rng) -> Array:
        """Draw n rows, shape (n, dim)."""
        points, weights, mean, factor = self.save().values()
        chosen = points[_shared.draw_labels(rng, _shared.size(n), weights)]
        noise = rng.standard_normal((len(chosen), factor.shape[1])) @ factor.T
        return _contract(chosen + noise, mean, bias)
