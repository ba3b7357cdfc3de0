"""The real covariance Sigma_0 as theory sees it: its eigenvalues, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory import _check

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of a covariance, largest first; made by :meth:`of`, which checks them.

    Every function that takes `eigenvalues` takes a Spectrum too, and then checks nothing again.

    Attributes
    ----------
    values : ndarray, shape (dim,)
        At least one is positive. Negative eigenvalues of a covariance are rounding: the caller
        clips them.
    """

    values: Array

    @classmethod
    def of(cls, eigenvalues: ArrayLike, name: str = "eigenvalues") -> Spectrum:
        """Return `eigenvalues` checked and sorted; a Spectrum as it is; for an integer d, I.

        Examples
        --------
        >>> Spectrum.of([0.0, 1.0, 3.0]).values
        array([3., 1., 0.])
        >>> Spectrum.of(2).values
        array([1., 1.])
        """
        if isinstance(eigenvalues, Spectrum):
            return eigenvalues
        if isinstance(eigenvalues, int | np.integer) and not isinstance(eigenvalues, bool):
            return cls(np.ones(_check.count("dim", int(eigenvalues))))
        array = _check.floats(name, eigenvalues)
        if array.ndim != 1 or array.size == 0:
            raise ValueError(f"{name} must be a non-empty vector, got shape {array.shape}")
        if not np.isfinite(array).all() or (array < 0).any():
            raise ValueError(f"{name} must be finite and non-negative, got minimum {array.min():g}")
        if not array.any():
            raise ValueError(f"{name} must have a positive entry, got only zeros")
        return cls(np.sort(array)[::-1].copy())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """The eigenvalues, for numpy."""
        return np.array(self.values, dtype=dtype) if copy else np.asarray(self.values, dtype=dtype)

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.values.size

    @cached_property
    def rank(self) -> int:
        """Number of positive eigenvalues."""
        return int((self.values > 0).sum())

    @cached_property
    def trace(self) -> float:
        """Their sum tr Sigma_0; inf on overflow."""
        with np.errstate(over="ignore"):
            return float(np.sum(self.values))

    @property
    def is_flat(self) -> bool:
        """Whether Sigma_0 is a multiple of I."""
        return bool(self.values[0] == self.values[-1])

    @cached_property
    def shares(self) -> Array:
        """The positive ones over their sum, shape (rank,)."""
        s = self.values[self.values > 0] / self.values[0]  # no overflow in the sum
        return np.asarray(s / np.sum(s))

    @cached_property
    def bures_weight(self) -> float:
        r"""Weight of off-diagonal variances in W2^2 (theory.md 2.10; exact), at most rank - 1.

        To second order the Bures distance of Sigma_0 and a perturbation E is sum_ij E_ij^2/(4 (s_i
        + s_j)). With Var E_ii = 2 s_i^2 and Var E_ij = s_i s_j the off-diagonal part is
        2 sum_{i != j} s_i s_j/(s_i + s_j)/tr Sigma_0 times the diagonal one: d - 1 for a multiple
        of I. Equal eigenvalues are counted, not listed: memory grows with the square of the
        distinct ones only.

        Examples
        --------
        >>> Spectrum.of([2.0, 2.0, 2.0, 0.0]).bures_weight
        2.0
        """
        unit, counts = np.unique(self.values / self.values[0], return_counts=True)
        unit, counts = unit[unit > 0], counts[unit > 0]  # some may underflow, and weigh nothing
        pairs = np.multiply.outer(unit, unit) / np.add.outer(unit, unit)
        total = counts @ unit
        return float(2 * (counts @ pairs @ counts - total / 2) / total)
