"""What a theory function answers with: a value, its bounds and its declared error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array, Ints


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number or curve with its declared error.

    Attributes
    ----------
    value : ndarray
        The value, or the best approximation of it.
    lower, upper : ndarray
        Rigorous bounds, same shape (-inf, inf where there are none).
    rel_error : ndarray
        Declared relative error of `value`, same shape; 0 where it is exact.
    """

    value: Array
    lower: Array
    upper: Array
    rel_error: Array

    @classmethod
    def exact(cls, value: ArrayLike) -> Estimate:
        """Return a value that is its own bound, of error 0.

        Examples
        --------
        >>> Estimate.exact(0.5).status
        'exact'
        """
        known = np.asarray(value, dtype=np.float64)
        return cls(known, known, known, np.zeros_like(known))

    @classmethod
    def unbounded(cls) -> Estimate:
        """Return infinity, of infinite error."""
        return cls(*(np.asarray(np.inf) for _ in range(4)))

    @classmethod
    def declared(cls, value: ArrayLike, rel_error: ArrayLike) -> Estimate:
        """Return a value with a declared error and without bounds.

        Examples
        --------
        >>> Estimate.declared([1.0, 2.0], 1e-8).upper
        array([inf, inf])
        """
        known = np.asarray(value, dtype=np.float64)
        far = np.full_like(known, np.inf)
        return cls(known, -far, far, np.full_like(known, rel_error))

    @classmethod
    def between(
        cls,
        lower: ArrayLike,
        upper: ArrayLike,
        value: ArrayLike | None = None,
        *,
        rel_error: ArrayLike | None = None,
    ) -> Estimate:
        """Return a value between two bounds: by default their middle.

        Its error is by default the largest that the bounds allow, and 0 at a value of 0.

        Examples
        --------
        >>> e = Estimate.between(1.0, 3.0)
        >>> float(e.value), float(e.rel_error), e.status
        (2.0, 0.5, 'asymptotic')
        """
        low, high = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
        if value is None:
            known, off = np.asarray(0.5 * (low + high)), 0.5 * (high - low)
        else:
            known = np.asarray(value, dtype=np.float64)
            off = np.maximum(high - known, known - low)
        if rel_error is None:
            rel_error = np.divide(off, known, out=np.zeros_like(known), where=known > 0)
        return cls(known, low, high, np.full_like(known, rel_error))

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate of `factor` (positive) times the same: the relative error stays."""
        with np.errstate(over="ignore"):  # inf beyond float64
            rows = [np.asarray(factor * x) for x in (self.value, self.lower, self.upper)]
        return Estimate(rows[0], rows[1], rows[2], self.rel_error)

    def last(self) -> Estimate:
        """Return the last entry of a path over generations (the last axis).

        Examples
        --------
        >>> float(Estimate.exact([3.0, 4.0]).last().value)
        4.0
        """
        fields = (self.value, self.lower, self.upper, self.rel_error)
        return Estimate(*(np.asarray(x[..., -1]) for x in fields))

    def end(self, side: int) -> Array:
        """Return the least (-1) or greatest (1) that declared error and bounds leave, or `value`.

        Examples
        --------
        >>> e = Estimate.between(0.5, 3.0, 1.0, rel_error=0.1)
        >>> [float(e.end(side)) for side in (-1, 0, 1)]
        [0.9, 1.0, 1.1]
        """
        if not side:
            return self.value
        with np.errstate(invalid="ignore"):
            declared = self.value * (1 + side * self.rel_error)
        if side < 0:
            return np.fmin(np.fmax(declared, self.lower), self.value)
        return np.fmax(np.fmin(declared, self.upper), self.value)

    @property
    def status(self) -> Literal["exact", "asymptotic"]:
        """Exact where no error is declared anywhere."""
        return "asymptotic" if np.any(self.rel_error > 0) else "exact"


@dataclass(frozen=True, slots=True)
class Interval:
    """Proved bounds on a number; equal where it is known exactly."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class TraceMoments:
    """E tr Sigma^2 and E (tr Sigma)^2; arrays over t = 1..T, or 0-d at the limit."""

    trace_squared: Array
    squared_trace: Array


class FirstMoments(NamedTuple):
    """First moments of generations 1..T per unit of tr Sigma_0, arrays of shape (T,).

    mean_sq is E |mu_t - mu_0|^2 / tr Sigma_0, trace is E tr Sigma_t / tr Sigma_0.
    """

    mean_sq: Array
    trace: Array


class FirstMomentsLimit(NamedTuple):
    """Limits of :class:`FirstMoments`, two floats; by default a loop whose moments diverge."""

    mean_sq: float = math.inf
    trace: float = math.inf


class SecondMoments(NamedTuple):
    """Moments of degree two of generations 1..T at Sigma_0 = I, mu_0 = 0: arrays (T,) or floats.

    E of |mu|^2, tr Sigma, |mu|^4, |mu|^2 tr Sigma, mu^T Sigma mu, (tr Sigma)^2, tr Sigma^2: the
    seven invariants whose recursion closes. Of the last two alone, see :class:`TraceMoments`.
    """

    mean_sq: Array
    trace: Array
    mean_fourth: Array
    mean_sq_trace: Array
    sandwich: Array
    squared_trace: Array
    trace_squared: Array


@dataclass(frozen=True, slots=True)
class ModeStates:
    """The models of every replicate at some generations.

    Attributes
    ----------
    generations : ndarray of int, shape (S,)
    weights : ndarray, shape (replicates, S, modes)
        Mode weights; 0 for a lost mode, whose mean and covariance are 0 too.
    means : ndarray, shape (replicates, S, modes, dim)
    covariances : ndarray, shape (replicates, S, modes, dim, dim)
    """

    generations: Ints
    weights: Array
    means: Array
    covariances: Array
