"""One Gaussian, fitted by moments; factors, not covariances, are kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

import madtheory.engine.models._shared as _shared
from madtheory import _check
from madtheory._types import Array
from madtheory.engine.protocol import Rng
from madtheory.laws import bures

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory.loop import Loop


def _centre(x: Array) -> tuple[Array, Array]:
    """Mean and deviations; equal rows give their value and exact zeros, wherever they lie."""
    shifted = x - x[0]
    shift = shifted.mean(axis=0)
    return x[0] + shift, shifted - shift


def triangular(rows: Array) -> Array:
    """Factor F, shape (dim, min(n, dim)), with F F^T = rows^T rows."""
    upper = np.asarray(np.linalg.qr(rows, mode="r"), dtype=np.float64)
    return np.ascontiguousarray(upper.T)


def scaled_rows(x: Array, ddof: int) -> tuple[Array, Array]:
    """Mean, and rows R with R^T R the covariance; fewer rows than 1 + ddof have covariance 0."""
    mean, deviations = _centre(x)
    if len(x) <= ddof:
        return mean, deviations[:0]
    return mean, deviations / math.sqrt(len(x) - ddof)


def weighted_rows(real: Array, synthetic: Array, w: float, ddof: int) -> tuple[Array, Array]:
    """Mean w x_r + (1-w) x_s and rows of w S_r + (1-w) S_s + w (1-w) d d^T (theory.md 2.9)."""
    mean_r, rows_r = scaled_rows(real, ddof)
    mean_s, rows_s = scaled_rows(synthetic, ddof)
    gap = mean_r - mean_s
    parts = (math.sqrt(w) * rows_r, math.sqrt(1 - w) * rows_s, math.sqrt(w * (1 - w)) * gap[None])
    return mean_s + w * gap, np.concatenate(parts)


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian(_shared.Saved):
    """N(mean, factor factor^T), fitted by moments.

    Parameters
    ----------
    ddof : {0, 1}
        Covariances are divided by n - ddof.
    shrinkage, floor : float
        S becomes (1 - shrinkage) S + (shrinkage tr S/dim + floor real_variance) I, as
        :class:`~madtheory.loop.Loop` says.
    real_variance : float
        Mean real variance tr Sigma_0/dim, the unit of `floor`. A model sees data, not Sigma_0, so
        it must be told.
    mean, factor : ndarray or None
        Shapes (dim,), (dim, rank), set in a fitted model.

    Notes
    -----
    Samples are rounded at the size of the mean: a covariance some 1e-32 of its square is lost,
    and then is exactly 0. The simulators of :mod:`madtheory.simulate` go on beyond that.

    Examples
    --------
    >>> model = Gaussian(ddof=0).fit(np.array([[1.0], [5.0]]), np.random.default_rng(0))
    >>> float(model.mean[0]), float(model.covariance[0, 0])
    (3.0, 4.0)
    """

    ARRAYS = ("mean", "factor")

    ddof: int = 1
    shrinkage: float = 0.0
    floor: float = 0.0
    real_variance: float = 1.0
    mean: Array | None = None
    factor: Array | None = None

    def __post_init__(self) -> None:
        _check.count("ddof", self.ddof, minimum=0, maximum=1)
        _check.number("shrinkage", self.shrinkage, low=0.0, high=1.0)
        _check.number("floor", self.floor, low=0.0)
        _check.number("real_variance", self.real_variance, low=0.0)

    @classmethod
    def of(cls, loop: Loop, *, real_variance: float = 1.0) -> Gaussian:
        """Build the prototype that fits as `loop` says: its ddof, shrinkage and floor."""
        return cls(loop.ddof, loop.shrinkage, loop.floor, real_variance)

    @classmethod
    def standard(cls, dim: int) -> Gaussian:
        """Build N(0, I), a source of real data."""
        dim = _check.count("dim", dim)
        return cls(mean=np.zeros(dim), factor=np.eye(dim))

    @classmethod
    def from_moments(cls, mu: ArrayLike, Sigma: ArrayLike) -> Gaussian:
        """Build N(mu, Sigma), a source of real data; Sigma may be singular."""
        factor = bures.covariance_factor(Sigma)
        mean = np.asarray(mu, dtype=np.float64)
        if mean.shape != (len(factor),) or not np.isfinite(mean).all():
            raise ValueError(f"mu must be a finite vector of {len(factor)}, got {mean.tolist()}")
        return cls(mean=mean.copy(), factor=factor)

    @property
    def covariance(self) -> Array:
        """Covariance of the fitted model, shape (dim, dim)."""
        factor = _shared.fitted(self, self.factor)
        return factor @ factor.T

    def fit(self, samples: Any, rng: Rng) -> Gaussian:
        """Fit mean and covariance to rows of `samples`, shape (n, dim), n > ddof."""
        x = _check.sample("samples", samples, minimum_rows=1 + self.ddof)
        return self._with(*scaled_rows(x, self.ddof))

    def fit_weighted(self, real: Any, synthetic: Any, weight: float, rng: Rng) -> Gaussian:
        """Fit as the `weight` of a :class:`~madtheory.loop.Loop` says."""
        x_r, x_s = _shared.two_samples(real, synthetic, minimum_rows=1 + self.ddof)
        return self._with(*weighted_rows(x_r, x_s, _shared.weight_in(weight), self.ddof))

    def _with(self, mean: Array, rows: Array) -> Gaussian:
        """Return the model of this mean and of covariance rows^T rows, regularised."""
        dim = mean.size
        ridge = self.shrinkage * float(np.square(rows).sum()) / dim
        ridge += self.floor * self.real_variance
        if ridge or self.shrinkage:
            rows = math.sqrt(1.0 - self.shrinkage) * rows
            rows = np.concatenate([rows, math.sqrt(ridge) * np.eye(dim)])
        return replace(self, mean=mean, factor=triangular(rows))

    def sample(self, n: int, bias: float, rng: Rng) -> Array:
        """Draw n rows of N(mean, bias * covariance), shape (n, dim)."""
        mean, factor = _shared.fitted(self, self.mean), _shared.fitted(self, self.factor)
        noise = rng.standard_normal((_shared.size(n), factor.shape[1]))
        return mean + math.sqrt(_shared.bias_in(bias)) * (noise @ factor.T)
