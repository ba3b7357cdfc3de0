"""A loop eigendirection by eigendirection of Sigma_0, each with its own bias (theory.md 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from madtheory.covariance import Spectrum
from madtheory.loop import Loop, UnsupportedLoop, require_loop

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory._types import Array


def as_given(loop: Loop, eigenvalues: ArrayLike) -> Array:
    """Return the eigenvalues in the order in which they and the biases are given, checked."""
    require_loop(loop)
    s = Spectrum.of(eigenvalues)
    if isinstance(loop.bias, tuple) and len(loop.bias) != s.dim:
        raise ValueError(
            f"bias must have one number for each of the {s.dim} eigenvalues, got {len(loop.bias)}"
        )
    return s.values if np.ndim(eigenvalues) == 0 else np.asarray(eigenvalues, dtype=np.float64)


def paired(loop: Loop, eigenvalues: ArrayLike) -> tuple[Loop, Array]:
    """Return loop and eigenvalues, largest first: bias k stays with eigenvalue k.

    Examples
    --------
    >>> loop, s = paired(fully_synthetic(10, bias=(0.9, 0.5)), [1.0, 3.0])
    >>> loop.bias, s
    ((0.5, 0.9), array([3., 1.]))
    """
    s = as_given(loop, eigenvalues)
    if not isinstance(loop.bias, tuple):
        return loop, Spectrum.of(eigenvalues).values
    order = np.argsort(-s, kind="stable")
    return replace(loop, bias=tuple(loop.bias[k] for k in order)), s[order]


def require_apart(loop: Loop) -> None:
    """Refuse shrinkage and floor: with them directions are no loops of their own."""
    if loop.shrinkage or loop.floor:
        raise UnsupportedLoop(
            "a loop is taken direction by direction for shrinkage = 0 and floor = 0 only, "
            f"got {loop.shrinkage:g} and {loop.floor:g}"
        )


@dataclass(frozen=True, slots=True)
class Directions:
    """The eigendirections where Sigma_0 is positive: projected on one, a loop is one of d = 1.

    Attributes
    ----------
    loop : Loop
        Its bias, where it is a spectrum, has a number for each direction.
    values : ndarray, shape (rank,)
        Eigenvalues of Sigma_0, largest first.
    """

    loop: Loop
    values: Array

    @classmethod
    def of(cls, loop: Loop, eigenvalues: ArrayLike) -> Directions:
        """Return the positive directions; shrinkage and floor, which join them, are refused.

        Examples
        --------
        >>> Directions.of(fully_synthetic(10, bias=(0.9, 0.5, 0.1)), [1.0, 0.0, 2.0]).biases
        array([0.1, 0.9])
        """
        loop, s = paired(loop, eigenvalues)
        require_apart(loop)
        kept = s[s > 0]  # the zeros come last
        if isinstance(loop.bias, tuple):
            loop = replace(loop, bias=loop.bias[: kept.size])
        return cls(loop, kept)

    @property
    def biases(self) -> Array:
        """Lambda_k, shape (rank,)."""
        return np.broadcast_to(np.asarray(self.loop.bias, dtype=np.float64), self.values.shape)

    @property
    def shares(self) -> Array:
        """The variances over their sum, shape (rank,)."""
        return Spectrum(self.values).shares

    def each(self, ask: Callable[[Loop], ArrayLike]) -> Array:
        """Ask of the loop of every direction, once for each bias; shape (rank, ...).

        Examples
        --------
        >>> two = Directions.of(fully_synthetic(10, bias=(0.9, 0.5)), [2.0, 1.0])
        >>> two.each(lambda one: one.bias)
        array([0.9, 0.5])
        """
        return self.together(lambda loops: np.stack([np.asarray(ask(one)) for one in loops]))

    def together(self, ask: Callable[[list[Loop]], ArrayLike]) -> Array:
        """Ask of the loops of all directions at once, one for each bias; shape (rank, ...).

        Examples
        --------
        >>> two = Directions.of(fully_synthetic(10, bias=(0.9, 0.5)), [2.0, 1.0])
        >>> two.together(lambda loops: [one.bias for one in loops])
        array([0.9, 0.5])
        """
        _, at, which = np.unique(self.biases, return_index=True, return_inverse=True)
        return np.asarray(ask([self.loop.along(k) for k in at.tolist()]))[which]

    def total(self, ask: Callable[[Loop], ArrayLike]) -> Array:
        """Sum what is asked of each, per unit of its variance, over the directions; shape (...)."""
        return self.summed(self.each(ask))

    def summed(self, each: Array) -> Array:
        """Sum what each has, (rank, ...) and per unit of its variance, over the directions."""
        return np.asarray(np.tensordot(self.values, each, axes=1))
