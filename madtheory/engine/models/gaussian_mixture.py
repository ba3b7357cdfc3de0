"""A mixture of Gaussians fitted by expectation maximisation, as scikit-learn does it (B.2)."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import madtheory.engine.models._shared as _shared
from madtheory import _check
from madtheory._types import Array, Bools, Ints
from madtheory.engine.models.labelled import grid
from madtheory.engine.protocol import Rng


class Components(NamedTuple):
    """Parameters in the hands of EM: weights (K,), means (K, dim), covariances (K, dim, dim)."""

    weights: Array
    means: Array
    covariances: Array


#: A mixture, whether EM stopped by `tol`, and its steps.
Fit = tuple[Components, bool, int]
_TURN = threading.Lock()


@cache
def _sklearn() -> Any:
    """Controller of the threads that scikit-learn uses; it is imported here and not before."""
    try:
        import sklearn.cluster  # noqa: F401
    except ImportError:
        raise ImportError(
            "GaussianMixture needs scikit-learn: pip install 'madtheory[report]'"
        ) from None
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _k_means_labels(x: Array, w: Array, n_components: int, rng: Rng) -> Ints:
    """Clusters of scikit-learn's KMeans, as its mixtures start.

    One thread, for the same bits every time, and no warnings on sets that have collapsed: both
    settings belong to the whole process, so loops on several threads take turns here.
    """
    seed = int(rng.integers(2**32))
    with _TURN, _sklearn().limit(limits=1), warnings.catch_warnings():
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        warnings.simplefilter("ignore", ConvergenceWarning)
        means = KMeans(n_clusters=n_components, n_init=1, random_state=seed)
        labels: Ints = means.fit(x, sample_weight=w).labels_
    return labels


def _nearest(x: Array, means: Array) -> Ints:
    """Index of the nearest mean."""
    return np.asarray(np.square(x[:, None, :] - means).sum(axis=2).argmin(axis=1))


# Components come first, shape (K, n): sums over components, and over few dimensions, then run along
# contiguous rows.
def _m_step(x: Array, mass: Array, reg_covar: float) -> Components:
    """Weights, means and covariances from the mass (K, n) of each point in each component."""
    # As scikit-learn does: a component without points keeps a tiny weight and covariance reg I.
    n_k = mass.sum(axis=1) + 10 * np.finfo(np.float64).eps
    means, columns = mass @ x / n_k[:, None], np.ascontiguousarray(x.T)
    covariances = np.empty((len(n_k), x.shape[1], x.shape[1]))
    for k, mean in enumerate(means):
        gap = columns - mean[:, None]
        covariances[k] = (mass[k] * gap) @ gap.T / n_k[k]
    return Components(n_k / n_k.sum(), means, covariances + reg_covar * np.eye(x.shape[1]))


def whitening(covariances: Array, reg_covar: float) -> Array:
    """Inverse triangular factors W with W^T W the precisions."""
    try:
        return np.linalg.inv(np.linalg.cholesky(covariances))
    except np.linalg.LinAlgError:
        raise ValueError(
            "reg_covar must be larger where a component of the mixture collapses to a point or a "
            f"line, got {reg_covar:g}"
        ) from None


def _log_density(x: Array, mixture: Components, reg_covar: float) -> Array:
    """Log of weight times density, shape (K, n)."""
    W = whitening(mixture.covariances, reg_covar)
    log_norm = np.log(mixture.weights) + np.log(np.diagonal(W, axis1=1, axis2=2)).sum(axis=1)
    log_norm -= 0.5 * x.shape[1] * math.log(2 * math.pi)
    out, columns = np.empty((len(W), len(x))), np.ascontiguousarray(x.T)
    for k, mean in enumerate(mixture.means):
        out[k] = np.square(W[k] @ (columns - mean[:, None])).sum(axis=0)
    return np.asarray(log_norm[:, None] - 0.5 * out)


def _e_step(x: Array, mixture: Components, reg_covar: float) -> tuple[Array, Array]:
    """Responsibilities, shape (K, n), and log-density of each point."""
    log_p = _log_density(x, mixture, reg_covar)
    top = log_p.max(axis=0)
    p = np.exp(log_p - top)
    total = p.sum(axis=0)
    return p / total, top + np.log(total)


def em(x: Array, w: Array, start: Components, model: GaussianMixture) -> Fit:
    """Expectation maximisation with point weights w of mean 1, stopped as scikit-learn does."""
    mixture, bound = start, -math.inf
    for n_iter in range(1, model.max_iter + 1):
        responsibility, log_density = _e_step(x, mixture, model.reg_covar)
        mixture = _m_step(x, responsibility * w, model.reg_covar)
        previous, bound = bound, float(np.average(log_density, weights=w))
        if abs(bound - previous) < model.tol:
            return mixture, True, n_iter
    return mixture, False, model.max_iter


def _unbiased(x: Array, w: Array, mixture: Components, reg_covar: float) -> Array:
    """Covariances with N_k - 1 for N_k, counting each point for its likeliest component.

    Soft counts would not do: a component of one point and a trace of the next mode has N_k barely
    above 1, and would be blown up to the distance between the modes.
    """
    label, n_components = _log_density(x, mixture, reg_covar).argmax(axis=0), len(mixture.weights)
    total = np.bincount(label, weights=w, minlength=n_components)
    square = np.bincount(label, weights=w * w, minlength=n_components)
    alone = total * total <= square * (1 + 1e-12)
    gap = np.where(alone, 1.0, total * total - square)
    factor = np.where(alone, 0.0, total * total / gap)[:, None, None]
    ridge = reg_covar * np.eye(x.shape[1])
    return (mixture.covariances - ridge) * factor + ridge


def _factors(covariances: Array) -> Array:
    """Symmetric-positive factors of covariances, shape (K, dim, dim), of any rank."""
    values, vectors = np.linalg.eigh(covariances)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None))[:, None, :])


@dataclass(frozen=True, slots=True, eq=False)
class GaussianMixture(_shared.Saved):
    """A mixture of Gaussians with full covariances, fitted by expectation maximisation (B.2).

    Parameters
    ----------
    n_components : int
    reg_covar : float
        Added to the diagonal of every covariance, in squared units of the data. It stops the
        collapse at that size. With 0, a component that becomes singular ends the fit.
    ddof : {0, 1}
        0 divides by N_k as EM does. 1 turns this into N_k - 1 once EM has ended, where N_k counts
        points by their likeliest component; a component of one point then has covariance
        reg_covar I.
    means_init : sequence of K points, or None
        Start from the points nearest each; None starts from scikit-learn's k-means.
    tol, max_iter
        EM stops when the mean log-density changes by less than `tol`, or after `max_iter` steps;
        `converged` says which.
    warm_start : bool
        Start from the previous generation's mixture: components keep their identity.
    weights, means, factors : ndarray or None
        Shapes (K,), (K, dim), (K, dim, dim), set in a fitted model.
    converged, n_iter : ndarray of shape () or None
        Whether EM stopped by `tol`, and its steps.

    Notes
    -----
    This is the algorithm of scikit-learn's GaussianMixture with less overhead, and with weights:
    both start from the same point and stop by the same rule, so they return the same mixture up
    to rounding. A component that loses all its points keeps a weight of some 1e-18.
    """

    ARRAYS = ("weights", "means", "factors", "converged", "n_iter")

    n_components: int
    reg_covar: float = 1e-6
    ddof: int = 0
    means_init: Sequence[Sequence[float]] | None = None
    tol: float = 1e-3
    max_iter: int = 100
    warm_start: bool = False
    weights: Array | None = None
    means: Array | None = None
    factors: Array | None = None
    converged: Bools | None = None
    n_iter: Ints | None = None

    def __post_init__(self) -> None:
        _check.count("n_components", self.n_components)
        _check.number("reg_covar", self.reg_covar, low=0.0)
        _check.count("ddof", self.ddof, minimum=0, maximum=1)
        _check.number("tol", self.tol, low=0.0)
        _check.count("max_iter", self.max_iter)
        if self.means_init is None:
            return
        means = _check.sample("means_init", self.means_init, minimum_rows=1)
        if len(means) != self.n_components:
            raise ValueError(f"means_init must have {self.n_components} rows, got {len(means)}")
        # Tuples: a configuration that compares and prints.
        object.__setattr__(self, "means_init", tuple(map(tuple, means.tolist())))

    @property
    def covariances(self) -> Array:
        """Covariances of the components, shape (K, dim, dim)."""
        factors = _shared.fitted(self, self.factors)
        return factors @ factors.transpose(0, 2, 1)

    def fit(self, samples: Any, rng: Rng) -> GaussianMixture:
        """Fit to rows of `samples`, shape (n, dim), at least n_components of them."""
        x = _check.sample("samples", samples, minimum_rows=self.n_components)
        return self._fit(x, np.ones(len(x)), rng)

    def fit_weighted(self, real: Any, synthetic: Any, weight: float, rng: Rng) -> GaussianMixture:
        """Fit with weight `weight` on the real points together, the rest on the synthetic ones."""
        x, w = _shared.weighted_points(real, synthetic, weight)
        _check.sample("samples", x, minimum_rows=self.n_components)
        return self._fit(x, w * len(x), rng)

    def _start(self, x: Array, w: Array, rng: Rng) -> Components:
        """Choose where EM starts."""
        if self.warm_start and self.means is not None:
            return Components(_shared.fitted(self, self.weights), self.means, self.covariances)
        if self.means_init is None:
            labels = _k_means_labels(x, w, self.n_components, rng)
        else:
            labels = _nearest(x, np.asarray(self.means_init))
        return _m_step(x, w * np.eye(self.n_components)[:, labels], self.reg_covar)

    def _fit(self, x: Array, w: Array, rng: Rng) -> GaussianMixture:
        """Fit to points with weights of mean 1."""
        mixture, converged, n_iter = em(x, w, self._start(x, w, rng), self)
        weights, means, covariances = mixture
        if self.ddof:
            covariances = _unbiased(x, w, mixture, self.reg_covar)
        return replace(
            self,
            weights=weights / weights.sum(),
            means=means,
            factors=_factors(covariances),
            converged=np.array(converged),
            n_iter=np.array(n_iter),
        )

    def sample(self, n: int, bias: float, rng: Rng) -> Array:
        """Draw n rows, shape (n, dim); bias multiplies each component's covariance."""
        weights, means = _shared.fitted(self, self.weights), _shared.fitted(self, self.means)
        label = _shared.draw_labels(rng, _shared.size(n), weights)
        return _shared.draw_components(rng, label, means, _shared.fitted(self, self.factors), bias)


def grid_mixture(side: int = 5, *, spacing: float = 2.0, sigma: float = 0.05) -> GaussianMixture:
    """Build the mixture of Appendix B.2: equal round modes on a square grid, a source of data.

    Parameters
    ----------
    side : int
        Modes along one axis.
    spacing, sigma : float
        Distance of neighbours and standard deviation of a mode. The paper gives neither and refers
        to [82]; the defaults are the usual 25-Gaussian benchmark of that literature before
        rescaling, the grid {-4, -2, 0, 2, 4}^2 with .05. Only the ratio matters to a loop, and
        modes 10 sigma apart (spacing=1, sigma=.1, also in use) are as separate as modes 40 apart.

    Examples
    --------
    >>> source = grid_mixture()
    >>> source.n_components, float(source.means[0, 0]), float(source.means[24, 1])
    (25, -4.0, 4.0)
    """
    arrays = grid(side, spacing, sigma)
    done = {"converged": np.array(True), "n_iter": np.array(0)}
    return GaussianMixture(len(arrays["weights"])).load({**arrays, **done})
