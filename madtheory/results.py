"""What functions answer with, where one number does not do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from madtheory._types import Array


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


@dataclass(frozen=True, slots=True)
class Interval:
    """Proved bounds on a number; equal where it is known exactly."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class SecondMoments:
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
    """Limits of :class:`FirstMoments`, two floats."""

    mean_sq: float
    trace: float
