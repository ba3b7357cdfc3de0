"""What the engine returns: curves of one run, bands over the runs of several seeds."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from madtheory import _check
from madtheory._types import Array, Ints

#: Quantiles over seeds.
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def _digest(generations: Ints, arrays: Mapping[str, Array]) -> str:
    """SHA-256 of generations and curves, nothing else."""
    state = hashlib.sha256(generations.astype("<i8").tobytes())
    for name in sorted(arrays):
        state.update(f"{name} {arrays[name].shape}".encode())
        state.update(arrays[name].astype("<f8").tobytes())
    return state.hexdigest()


@dataclass(frozen=True, slots=True)
class Curves:
    """Metrics of one run, by name and generation."""

    generations: Ints  #: (T,): those measured, ascending
    metrics: dict[str, Array]  #: (T,), or (T, k) for a metric that returns k numbers
    seed: int
    reached: int  #: the last finished generation
    stopped: str | None = None  #: why generation `reached` + 1 could not be finished

    @property
    def digest(self) -> str:
        """SHA-256 of generations and metrics."""
        return _digest(self.generations, self.metrics)


@dataclass(frozen=True, slots=True)
class Bands:
    """Metrics of several seeds, and what they have in common; shapes are (..., k) for k numbers."""

    generations: Ints  #: (T,)
    seeds: tuple[int, ...]
    values: dict[str, Array]  #: (seeds, T)
    mean: dict[str, Array]  #: (T,), over seeds
    se: dict[str, Array]  #: (T,), of the mean; nan for one seed
    levels: tuple[float, ...]
    quantiles: dict[str, Array]  #: (levels, T), over seeds, interpolated linearly

    @property
    def digest(self) -> str:
        """SHA-256 of generations and values."""
        return _digest(self.generations, self.values)


def _moments(values: Array) -> tuple[Array, Array]:
    """Mean over the first axis and its standard error; nan for one row, 0 where all are equal."""
    n = len(values)
    with np.errstate(invalid="ignore", over="ignore"):
        mean = values.mean(axis=0)
        if n == 1:
            return mean, np.full_like(mean, math.nan)
        se = values.std(axis=0, ddof=1) / math.sqrt(n)
    return mean, np.where((values == values[0]).all(axis=0), 0.0, se)


def _quantiles(values: Array, levels: tuple[float, ...]) -> Array:
    """Quantiles over the first axis, interpolated linearly; infinite values are ordinary ones."""
    ordered, rows = np.sort(values, axis=0), []
    for level in levels:
        place = level * (len(values) - 1)
        low, share = int(place), place - int(place)
        below, above = ordered[low], ordered[min(low + 1, len(values) - 1)]
        with np.errstate(invalid="ignore"):
            between = (1.0 - share) * below + share * above
        rows.append(np.where((below == above) | (share == 0.0), below, between))
    # NaN sorts last, and would look like a large value.
    return np.where(np.isnan(values).any(axis=0), math.nan, np.array(rows))


def checked_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Return quantiles to take over seeds, each in [0, 1]."""
    if isinstance(levels, str) or not isinstance(levels, Iterable):
        raise TypeError(f"levels must be a list of numbers, got {_check.shown(levels)}")
    return tuple(_check.number("levels", level, low=0.0, high=1.0) for level in levels)


def bands(curves: Sequence[Curves], *, levels: Sequence[float] = LEVELS) -> Bands:
    """Return mean, standard error and quantiles over the curves of several seeds.

    Examples
    --------
    >>> two = [Curves(np.array([1]), {"x": np.array([float(i)])}, i, 1) for i in (0, 1)]
    >>> float(bands(two).mean["x"][0]), float(bands(two).se["x"][0])
    (0.5, 0.5)
    """
    if not curves:
        raise ValueError("curves must be those of at least one seed, got none")
    first = curves[0]
    for other in curves[1:]:
        same = np.array_equal(other.generations, first.generations)
        if not same or other.metrics.keys() != first.metrics.keys():
            raise ValueError(f"curves must have equal generations and metrics, got {other.seed}")
    checked = checked_levels(levels)
    values = {name: np.stack([c.metrics[name] for c in curves]) for name in first.metrics}
    moments = {name: _moments(array) for name, array in values.items()}
    return Bands(
        generations=first.generations,
        seeds=tuple(c.seed for c in curves),
        values=values,
        mean={name: mean for name, (mean, _) in moments.items()},
        se={name: se for name, (_, se) in moments.items()},
        levels=checked,
        quantiles={name: _quantiles(array, checked) for name, array in values.items()},
    )
