"""Frequencies of categories, drawn with a temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

import madtheory.engine.models._shared as _shared
from madtheory import _check
from madtheory._types import Array, Ints
from madtheory.engine.protocol import Rng

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def _probabilities(name: str, value: ArrayLike) -> Array:
    """Return a vector of probabilities, normalised; their sum must be 1 to 1e-8."""
    p = np.asarray(value, dtype=np.float64)
    if p.ndim != 1 or p.size == 0:
        raise ValueError(f"{name} must be a non-empty vector, got shape {p.shape}")
    if not np.isfinite(p).all() or (p < 0).any() or abs(p.sum() - 1.0) > 1e-8:
        raise ValueError(f"{name} must be non-negative with sum 1, got sum {p.sum():.9g}")
    return np.asarray(p / p.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Categorical(_shared.Saved):
    """Frequencies of the categories 0 .. n_categories - 1 (theory.md 4.2).

    Samples are integers of shape (n,). `bias` is a temperature: categories are drawn with
    probability p^(1/bias) normalised; 1 leaves them alone, 0 draws the most likely one.

    Parameters
    ----------
    n_categories : int
    probabilities : ndarray, shape (n_categories,), or None
        Set in a fitted model.

    Examples
    --------
    >>> model = Categorical(3).fit(np.array([0, 0, 1, 0]), np.random.default_rng(0))
    >>> model.probabilities.tolist(), model.tempered(0.5).round(3).tolist()
    ([0.75, 0.25, 0.0], [0.9, 0.1, 0.0])
    """

    ARRAYS = ("probabilities",)

    n_categories: int
    probabilities: Array | None = None

    def __post_init__(self) -> None:
        _check.count("n_categories", self.n_categories)

    @classmethod
    def of(cls, probabilities: ArrayLike) -> Categorical:
        """Build the fitted model of these probabilities, a source of data."""
        p = _probabilities("probabilities", probabilities)
        return cls(len(p), p)

    def tempered(self, bias: float) -> Array:
        """Probabilities at temperature `bias`, shape (n_categories,); ties at 0 are equal."""
        p, bias = _shared.fitted(self, self.probabilities), _shared.bias_in(bias)
        if bias == 1.0:
            return p
        with np.errstate(divide="ignore", over="ignore"):
            log_ratio = np.log(p) - math.log(p.max())
            # At temperature 0 only what is as likely as the likeliest is left.
            powers = np.exp(log_ratio / bias) if bias else (p == p.max()).astype(np.float64)
        return np.asarray(powers / powers.sum())

    def fit(self, samples: Any, rng: Rng) -> Categorical:
        """Fit the frequencies of integers, shape (n,)."""
        return replace(self, probabilities=self._frequencies("samples", samples))

    def fit_weighted(self, real: Any, synthetic: Any, weight: float, rng: Rng) -> Categorical:
        """Fit weight times the real frequencies and the rest times the synthetic ones."""
        w = _shared.weight_in(weight)
        p_r, p_s = self._frequencies("real", real), self._frequencies("synthetic", synthetic)
        return replace(self, probabilities=w * p_r + (1 - w) * p_s)

    def _frequencies(self, name: str, value: Any) -> Array:
        """Share of each category."""
        labels = _shared.categories(name, value, self.n_categories)
        return np.bincount(labels, minlength=self.n_categories) / len(labels)

    def sample(self, n: int, bias: float, rng: Rng) -> Ints:
        """Draw n categories at temperature `bias`, shape (n,)."""
        return _shared.draw_labels(rng, _shared.size(n), self.tempered(bias))
