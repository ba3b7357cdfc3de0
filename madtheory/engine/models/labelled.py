"""One Gaussian for each known label, and the square grid of modes of Appendix B.2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import madtheory.engine.models._shared as _shared
from madtheory import _check
from madtheory._types import Array, Ints
from madtheory.engine.models.gaussian import scaled_rows, triangular, weighted_rows
from madtheory.engine.protocol import Rng
from madtheory.engine.samples import Arrays


def _part(samples: Any, key: str) -> Any:
    """Return one array of a dict of samples."""
    if not isinstance(samples, Mapping) or key not in samples:
        raise TypeError(f"samples must be a dict with x and label, got {type(samples).__name__}")
    return samples[key]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledMixture(_shared.Saved):
    """One Gaussian for each known label: the idealised loop of theory.md 4.1.

    Samples are dicts with x, shape (n, dim), and label, integers of shape (n,). Weights are label
    frequencies: a label that has lost all its samples never returns, and one with a single sample
    has covariance 0.

    Parameters
    ----------
    n_components : int
        Labels are 0 .. n_components - 1.
    ddof : {0, 1}
        The covariance of N_k samples is divided by N_k (as in EM) or N_k - 1.
    weights, means, factors : ndarray or None
        Shapes (K,), (K, dim), (K, dim, dim), set in a fitted model; 0 for a lost label.

    Examples
    --------
    >>> data = {"x": np.array([[0.0], [2.0], [7.0]]), "label": np.array([0, 0, 2])}
    >>> model = LabelledMixture(3).fit(data, np.random.default_rng(0))
    >>> [round(float(v), 6) for v in model.covariances[:, 0, 0]]
    [2.0, 0.0, 0.0]
    """

    ARRAYS = ("weights", "means", "factors")

    n_components: int
    ddof: int = 1
    weights: Array | None = None
    means: Array | None = None
    factors: Array | None = None

    def __post_init__(self) -> None:
        _check.count("n_components", self.n_components)
        _check.count("ddof", self.ddof, minimum=0, maximum=1)

    @property
    def covariances(self) -> Array:
        """Covariances of the components, shape (K, dim, dim)."""
        factors = _shared.fitted(self, self.factors)
        return factors @ factors.transpose(0, 2, 1)

    def _labelled(self, samples: Any) -> tuple[Array, Ints]:
        """Validate a labelled sample."""
        x = _check.sample("x", _part(samples, "x"), minimum_rows=1)
        label = _shared.categories("label", _part(samples, "label"), self.n_components)
        if len(label) != len(x):
            raise ValueError(f"label must have {len(x)} rows like x, got {len(label)}")
        return x, label

    def fit(self, samples: Any, rng: Rng) -> LabelledMixture:
        """Fit every label's weight, mean and covariance."""
        x, label = self._labelled(samples)
        weights = np.bincount(label, minlength=self.n_components) / len(label)
        parts = {int(k): scaled_rows(x[label == k], self.ddof) for k in np.flatnonzero(weights)}
        return self._with(weights, parts, x.shape[1])

    def fit_weighted(self, real: Any, synthetic: Any, weight: float, rng: Rng) -> LabelledMixture:
        """Fit each label as `Loop.weight` says, with the real share of that label's weight."""
        (x_r, label_r), (x_s, label_s) = self._labelled(real), self._labelled(synthetic)
        w = _shared.weight_in(weight)
        share_r = w * np.bincount(label_r, minlength=self.n_components) / len(label_r)
        share_s = (1 - w) * np.bincount(label_s, minlength=self.n_components) / len(label_s)
        weights, parts = share_r + share_s, {}
        for k in np.flatnonzero(weights):
            a, b = x_r[label_r == k], x_s[label_s == k]
            if 0 in (share_r[k], share_s[k]):
                parts[int(k)] = scaled_rows(a if share_r[k] else b, self.ddof)
            else:
                parts[int(k)] = weighted_rows(a, b, share_r[k] / weights[k], self.ddof)
        return self._with(weights, parts, x_r.shape[1])

    def _with(
        self, weights: Array, parts: dict[int, tuple[Array, Array]], dim: int
    ) -> LabelledMixture:
        """Return the model of these means and rows, by label."""
        means = np.zeros((self.n_components, dim))
        factors = np.zeros((self.n_components, dim, dim))
        for k, (mean, rows) in parts.items():
            means[k], factor = mean, triangular(rows)
            factors[k, :, : factor.shape[1]] = factor
        return replace(self, weights=weights / weights.sum(), means=means, factors=factors)

    def sample(self, n: int, bias: float, rng: Rng) -> Arrays:
        """Draw n labelled rows; bias multiplies each component's covariance."""
        weights, means, factors = self.save().values()
        label = _shared.draw_labels(rng, _shared.size(n), weights)
        return {"x": _shared.draw_components(rng, label, means, factors, bias), "label": label}


def grid(side: int, spacing: float, sigma: float) -> Arrays:
    """Weights, means and factors of equal round Gaussians on a centred square grid."""
    side = _check.count("side", side)
    spacing = _check.number("spacing", spacing, low=0.0)
    sigma = _check.number("sigma", sigma, low=0.0)
    line = spacing * (np.arange(side) - (side - 1) / 2)
    means = np.array([(a, b) for a in line for b in line])
    factors = np.tile(sigma * np.eye(2), (side * side, 1, 1))
    return {"weights": np.full(side * side, 1 / side**2), "means": means, "factors": factors}


def labelled_grid(
    side: int = 5, *, spacing: float = 2.0, sigma: float = 0.05, ddof: int = 1
) -> LabelledMixture:
    """Build the same mixture with the mode of each sample as its label, for the idealised loop.

    Examples
    --------
    >>> data = labelled_grid().sample(3, 1.0, np.random.default_rng(0))
    >>> data["x"].shape, data["label"].shape
    ((3, 2), (3,))
    """
    arrays = grid(side, spacing, sigma)
    return LabelledMixture(len(arrays["weights"]), ddof=ddof).load(arrays)
