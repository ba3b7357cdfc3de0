"""What all models check, draw and save alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from madtheory import _check
from madtheory._types import Array, Ints, Numbers
from madtheory.engine.protocol import Rng
from madtheory.engine.samples import Arrays

Scalar = TypeVar("Scalar", bound=np.generic)


def bias_in(bias: float) -> float:
    """Return the checked factor of a covariance."""
    return _check.number("bias", bias, low=0.0)


def weight_in(weight: float) -> float:
    """Return the checked weight of the real samples."""
    return _check.number("weight", weight, low=0.0, high=1.0)


def size(n: int) -> int:
    """Return the checked number of samples."""
    return _check.count("n", n, minimum=0)


def fitted(model: object, value: NDArray[Scalar] | None) -> NDArray[Scalar]:
    """Return an array of a fitted model."""
    if value is None:
        name = type(model).__name__
        raise ValueError(f"model must be fitted before it is used, got an unfitted {name}")
    return value


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """A model of some arrays: None in a prototype, saved and loaded by name once it is fitted."""

    ARRAYS: ClassVar[tuple[str, ...]] = ()

    def save(self) -> Arrays:
        """Return the arrays of a fitted model."""
        return {name: fitted(self, getattr(self, name)) for name in self.ARRAYS}

    def load(self, arrays: Mapping[str, Numbers]) -> Self:
        """Return the fitted model that :meth:`save` saved, its arrays contiguous."""
        if set(arrays) != set(self.ARRAYS):
            found = ", ".join(sorted(arrays)) or "none"
            raise ValueError(f"arrays must be {', '.join(self.ARRAYS)}, got {found}")
        # Not ascontiguousarray, which turns a scalar into a vector.
        return replace(self, **{name: np.array(x, order="C") for name, x in arrays.items()})


def two_samples(real: Any, synthetic: Any, minimum_rows: int = 1) -> tuple[Array, Array]:
    """Validate two data sets of the same width."""
    a = _check.sample("real", real, minimum_rows=minimum_rows)
    b = _check.sample("synthetic", synthetic, minimum_rows=minimum_rows)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"synthetic must have {a.shape[1]} columns like real, got {b.shape[1]}")
    return a, b


def weighted_points(real: Any, synthetic: Any, weight: float) -> tuple[Array, Array]:
    """Points of both sets, and weights that give `weight` to the real ones; none is idle."""
    a, b = two_samples(real, synthetic)
    w = weight_in(weight)
    weights = np.repeat([w / len(a), (1 - w) / len(b)], [len(a), len(b)])
    keep = weights > 0
    return np.concatenate([a, b])[keep], weights[keep]


def categories(name: str, value: Any, n_categories: int) -> Ints:
    """Return a vector of integers in [0, n_categories)."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got dtype {array.dtype}")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a non-empty vector, got shape {array.shape}")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= n_categories:
        worst = low if low < 0 else high
        raise ValueError(f"{name} must be in [0, {n_categories}), got {worst}")
    return array.astype(np.int64)


def draw_labels(rng: Rng, n: int, weights: Array) -> Ints:
    """Draw components independently, so that any rows of the sample are a sample."""
    return rng.choice(len(weights), size=n, p=weights)


def draw_components(rng: Rng, labels: Ints, means: Array, factors: Array, bias: float) -> Array:
    """Draw one row of each label's Gaussian, its covariance times bias."""
    noise = rng.standard_normal((len(labels), means.shape[1], 1))
    spread = (factors[labels] @ noise)[:, :, 0]
    return means[labels] + math.sqrt(bias_in(bias)) * spread
