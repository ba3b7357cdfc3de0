"""Generative models for the loop engine: Gaussian, mixtures, categories, kernel density, bootstrap.

A model is a frozen dataclass. With its hyper-parameters alone it is a prototype; ``fit`` returns a
new, fitted one and leaves the prototype as it was. A fitted model draws samples, saves itself as
plain arrays, and serves as a source of real data that are exactly independent. Every model
multiplies the covariance of its samples by `bias` (the mixtures: of each component), except
:class:`Categorical`, where `bias` is a temperature. Factors, not covariances, are kept: singular
covariances and more dimensions than samples are ordinary. (paper, Section 3 and Appendix B.2;
theory.md 0, 2.9, 4)
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from madtheory import _check
from madtheory.laws import bures

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from madtheory.loop import Loop

__all__ = [
    "Bootstrap",
    "Categorical",
    "Gaussian",
    "GaussianMixture",
    "KernelDensity",
    "LabelledMixture",
    "grid_mixture",
    "labelled_grid",
]

Array = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
Scalar = TypeVar("Scalar", bound=np.generic)


# --- checks ---------------------------------------------------------------------------------------


def _bias(bias: float) -> float:
    return _check.number("bias", bias, low=0.0)


def _size(n: int) -> int:
    return _check.count("n", n, minimum=0)


def _fitted(model: object, value: NDArray[Scalar] | None) -> NDArray[Scalar]:
    """Return an array of a fitted model."""
    if value is None:
        name = type(model).__name__
        raise ValueError(f"model must be fitted before it is used, got an unfitted {name}")
    return value


def _saved(arrays: Mapping[str, NDArray[Any]], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the named arrays as they were saved, contiguous."""
    if set(arrays) != set(names):
        found = ", ".join(sorted(arrays)) or "none"
        raise ValueError(f"arrays must be {', '.join(names)}, got {found}")
    # Not ascontiguousarray, which turns a scalar into a vector.
    return {name: np.array(arrays[name], order="C") for name in names}


def _part(samples: Any, key: str) -> Any:
    """Return one array of a dict of samples."""
    if not isinstance(samples, Mapping) or key not in samples:
        raise TypeError(f"samples must be a dict with x and label, got {type(samples).__name__}")
    return samples[key]


def _categories(name: str, value: Any, n_categories: int) -> NDArray[np.int64]:
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


def _probabilities(name: str, value: ArrayLike) -> Array:
    """Return a vector of probabilities, normalised; their sum must be 1 to 1e-8."""
    p = np.asarray(value, dtype=np.float64)
    if p.ndim != 1 or p.size == 0:
        raise ValueError(f"{name} must be a non-empty vector, got shape {p.shape}")
    if not np.isfinite(p).all() or (p < 0).any() or abs(p.sum() - 1.0) > 1e-8:
        raise ValueError(f"{name} must be non-negative with sum 1, got sum {p.sum():g}")
    normalised: Array = p / p.sum()
    return normalised


# --- mean and factor of data ----------------------------------------------------------------------


def _centre(x: Array) -> tuple[Array, Array]:
    """Mean and deviations; equal rows give their value and exact zeros, wherever they lie."""
    shifted = x - x[0]
    shift = shifted.mean(axis=0)
    return x[0] + shift, shifted - shift


def _triangular(rows: Array) -> Array:
    """Factor F, shape (dim, min(n, dim)), with F F^T = rows^T rows."""
    upper = np.asarray(np.linalg.qr(rows, mode="r"), dtype=np.float64)
    return np.ascontiguousarray(upper.T)


def _scaled_rows(x: Array, ddof: int) -> tuple[Array, Array]:
    """Mean, and rows R with R^T R the covariance; fewer rows than 1 + ddof have covariance 0."""
    mean, deviations = _centre(x)
    if len(x) <= ddof:
        return mean, deviations[:0]
    return mean, deviations / math.sqrt(len(x) - ddof)


def _weighted_rows(real: Array, synthetic: Array, w: float, ddof: int) -> tuple[Array, Array]:
    """Mean w x_r + (1-w) x_s and rows of w S_r + (1-w) S_s + w (1-w) d d^T (theory.md 2.9)."""
    mean_r, rows_r = _scaled_rows(real, ddof)
    mean_s, rows_s = _scaled_rows(synthetic, ddof)
    gap = mean_r - mean_s
    parts = (math.sqrt(w) * rows_r, math.sqrt(1 - w) * rows_s, math.sqrt(w * (1 - w)) * gap[None])
    return mean_s + w * gap, np.concatenate(parts)


def _weight(weight: float) -> float:
    return _check.number("weight", weight, low=0.0, high=1.0)


def _two(real: Any, synthetic: Any, minimum_rows: int = 1) -> tuple[Array, Array]:
    """Validate two data sets of the same width."""
    a = _check.sample("real", real, minimum_rows=minimum_rows)
    b = _check.sample("synthetic", synthetic, minimum_rows=minimum_rows)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"synthetic must have {a.shape[1]} columns like real, got {b.shape[1]}")
    return a, b


def _points(real: Any, synthetic: Any, weight: float) -> tuple[Array, Array]:
    """Points of both sets, and weights that give `weight` to the real ones; none is idle."""
    a, b = _two(real, synthetic)
    w = _weight(weight)
    weights = np.repeat([w / len(a), (1 - w) / len(b)], [len(a), len(b)])
    keep = weights > 0
    return np.concatenate([a, b])[keep], weights[keep]


# --- one Gaussian ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
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
    mean : ndarray, shape (dim,), or None
        Set in a fitted model.
    factor : ndarray, shape (dim, rank), or None
        Set in a fitted model.

    Raises
    ------
    ValueError, TypeError
        When a field is out of its range.

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
        return cls(
            ddof=loop.ddof,
            shrinkage=loop.shrinkage,
            floor=loop.floor,
            real_variance=real_variance,
        )

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
        factor = _fitted(self, self.factor)
        return factor @ factor.T

    def fit(self, samples: Any, rng: np.random.Generator) -> Gaussian:
        """Fit mean and covariance to rows of `samples`, shape (n, dim), n > ddof."""
        x = _check.sample("samples", samples, minimum_rows=1 + self.ddof)
        return self._with(*_scaled_rows(x, self.ddof))

    def fit_weighted(
        self, real: Any, synthetic: Any, weight: float, rng: np.random.Generator
    ) -> Gaussian:
        """Fit as :attr:`madtheory.loops.Loop.weight` says."""
        x_r, x_s = _two(real, synthetic, minimum_rows=1 + self.ddof)
        return self._with(*_weighted_rows(x_r, x_s, _weight(weight), self.ddof))

    def _with(self, mean: Array, rows: Array) -> Gaussian:
        """Return the model of this mean and of covariance rows^T rows, regularised."""
        dim = mean.size
        ridge = self.shrinkage * float(np.square(rows).sum()) / dim
        ridge += self.floor * self.real_variance
        if ridge or self.shrinkage:
            rows = math.sqrt(1.0 - self.shrinkage) * rows
            rows = np.concatenate([rows, math.sqrt(ridge) * np.eye(dim)])
        return replace(self, mean=mean, factor=_triangular(rows))

    def sample(self, n: int, bias: float, rng: np.random.Generator) -> Array:
        """Draw n rows of N(mean, bias * covariance), shape (n, dim)."""
        mean, factor = _fitted(self, self.mean), _fitted(self, self.factor)
        noise = rng.standard_normal((_size(n), factor.shape[1]))
        return mean + math.sqrt(_bias(bias)) * (noise @ factor.T)

    def save(self) -> Arrays:
        """Return mean and factor."""
        return {"mean": _fitted(self, self.mean), "factor": _fitted(self, self.factor)}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> Gaussian:
        """Return the fitted model that :meth:`save` saved."""
        return replace(self, **_saved(arrays, ("mean", "factor")))


# --- mixtures -------------------------------------------------------------------------------------


def _draw_labels(rng: np.random.Generator, n: int, weights: Array) -> NDArray[np.int64]:
    """Draw components independently, so that any rows of the sample are a sample."""
    return rng.choice(len(weights), size=n, p=weights)


def _draw_components(
    rng: np.random.Generator, labels: NDArray[np.int64], means: Array, factors: Array, bias: float
) -> Array:
    """Draw one row of each label's Gaussian, its covariance times bias."""
    noise = rng.standard_normal((len(labels), means.shape[1], 1))
    spread = (factors[labels] @ noise)[:, :, 0]
    return means[labels] + math.sqrt(_bias(bias)) * spread


def _factors(covariances: Array) -> Array:
    """Symmetric-positive factors of covariances, shape (K, dim, dim), of any rank."""
    values, vectors = np.linalg.eigh(covariances)
    factors: Array = vectors * np.sqrt(np.clip(values, 0.0, None))[:, None, :]
    return factors


@dataclass(frozen=True, slots=True, eq=False)
class LabelledMixture:
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
        factors = _fitted(self, self.factors)
        return factors @ factors.transpose(0, 2, 1)

    def _labelled(self, samples: Any) -> tuple[Array, NDArray[np.int64]]:
        """Validate a labelled sample."""
        x = _check.sample("x", _part(samples, "x"), minimum_rows=1)
        label = _categories("label", _part(samples, "label"), self.n_components)
        if len(label) != len(x):
            raise ValueError(f"label must have {len(x)} rows like x, got {len(label)}")
        return x, label

    def fit(self, samples: Any, rng: np.random.Generator) -> LabelledMixture:
        """Fit every label's weight, mean and covariance."""
        x, label = self._labelled(samples)
        weights = np.bincount(label, minlength=self.n_components) / len(label)
        parts = {int(k): _scaled_rows(x[label == k], self.ddof) for k in np.flatnonzero(weights)}
        return self._with(weights, parts, x.shape[1])

    def fit_weighted(
        self, real: Any, synthetic: Any, weight: float, rng: np.random.Generator
    ) -> LabelledMixture:
        """Fit each label as `Loop.weight` says, with the real share of that label's weight."""
        (x_r, label_r), (x_s, label_s) = self._labelled(real), self._labelled(synthetic)
        w = _weight(weight)
        share_r = w * np.bincount(label_r, minlength=self.n_components) / len(label_r)
        share_s = (1 - w) * np.bincount(label_s, minlength=self.n_components) / len(label_s)
        weights, parts = share_r + share_s, {}
        for k in np.flatnonzero(weights):
            a, b = x_r[label_r == k], x_s[label_s == k]
            if 0 in (share_r[k], share_s[k]):
                parts[int(k)] = _scaled_rows(a if share_r[k] else b, self.ddof)
            else:
                parts[int(k)] = _weighted_rows(a, b, share_r[k] / weights[k], self.ddof)
        return self._with(weights, parts, x_r.shape[1])

    def _with(
        self, weights: Array, parts: dict[int, tuple[Array, Array]], dim: int
    ) -> LabelledMixture:
        """Return the model of these means and rows, by label."""
        means = np.zeros((self.n_components, dim))
        factors = np.zeros((self.n_components, dim, dim))
        for k, (mean, rows) in parts.items():
            means[k], factor = mean, _triangular(rows)
            factors[k, :, : factor.shape[1]] = factor
        return replace(self, weights=weights / weights.sum(), means=means, factors=factors)

    def sample(self, n: int, bias: float, rng: np.random.Generator) -> Arrays:
        """Draw n labelled rows; bias multiplies each component's covariance."""
        weights, means, factors = self.save().values()
        label = _draw_labels(rng, _size(n), weights)
        return {"x": _draw_components(rng, label, means, factors, bias), "label": label}

    def save(self) -> Arrays:
        """Return weights, means and factors."""
        return {
            "weights": _fitted(self, self.weights),
            "means": _fitted(self, self.means),
            "factors": _fitted(self, self.factors),
        }

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> LabelledMixture:
        """Return the fitted model that :meth:`save` saved."""
        return replace(self, **_saved(arrays, ("weights", "means", "factors")))


class _Mixture(NamedTuple):
    """Parameters in the hands of EM: weights (K,), means (K, dim), covariances (K, dim, dim)."""

    weights: Array
    means: Array
    covariances: Array


class _Fit(NamedTuple):
    """What an algorithm returns."""

    mixture: _Mixture
    converged: bool
    n_iter: int


_TURN = threading.Lock()


@cache
def _sklearn() -> Any:
    """Controller of the threads that scikit-learn uses; it is imported here and not before."""
    try:
        import sklearn.mixture  # noqa: F401
    except ImportError:
        raise ImportError(
            "GaussianMixture needs scikit-learn: pip install 'madtheory[report]'"
        ) from None
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def _quiet() -> Iterator[None]:
    """One thread, for the same bits every time, and no warnings on sets that have collapsed.

    Both settings belong to the whole process, so loops on several threads take turns here.
    """
    with _TURN, _sklearn().limit(limits=1), warnings.catch_warnings():
        from sklearn.exceptions import ConvergenceWarning

        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _k_means_labels(
    x: Array, w: Array, n_components: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Clusters of scikit-learn's KMeans, as its mixtures start."""
    seed = int(rng.integers(2**32))
    with _quiet():
        from sklearn.cluster import KMeans

        means = KMeans(n_clusters=n_components, n_init=1, random_state=seed)
        labels: NDArray[np.int64] = means.fit(x, sample_weight=w).labels_
    return labels


def _nearest(x: Array, means: Array) -> NDArray[np.int64]:
    """Index of the nearest mean."""
    nearest: NDArray[np.int64] = np.square(x[:, None, :] - means).sum(axis=2).argmin(axis=1)
    return nearest


# Components come first, shape (K, n): sums over components, and over few dimensions, then run along
# contiguous rows.
def _m_step(x: Array, mass: Array, reg_covar: float) -> _Mixture:
    """Weights, means and covariances from the mass (K, n) of each point in each component."""
    # As scikit-learn does: a component without points keeps a tiny weight and covariance reg I.
    n_k = mass.sum(axis=1) + 10 * np.finfo(np.float64).eps
    means, columns = mass @ x / n_k[:, None], np.ascontiguousarray(x.T)
    covariances = np.empty((len(n_k), x.shape[1], x.shape[1]))
    for k, mean in enumerate(means):
        gap = columns - mean[:, None]
        covariances[k] = (mass[k] * gap) @ gap.T / n_k[k]
    return _Mixture(n_k / n_k.sum(), means, covariances + reg_covar * np.eye(x.shape[1]))


def _whitening(covariances: Array, reg_covar: float) -> Array:
    """Inverse triangular factors W with W^T W the precisions."""
    try:
        whitening: Array = np.linalg.inv(np.linalg.cholesky(covariances))
    except np.linalg.LinAlgError:
        raise ValueError(
            "reg_covar must be larger where a component of the mixture collapses to a point or a "
            f"line, got {reg_covar:g}"
        ) from None
    return whitening


def _log_density(x: Array, mixture: _Mixture, reg_covar: float) -> Array:
    """Log of weight times density, shape (K, n)."""
    W = _whitening(mixture.covariances, reg_covar)
    log_norm = np.log(mixture.weights) + np.log(np.diagonal(W, axis1=1, axis2=2)).sum(axis=1)
    log_norm -= 0.5 * x.shape[1] * math.log(2 * math.pi)
    out, columns = np.empty((len(W), len(x))), np.ascontiguousarray(x.T)
    for k, mean in enumerate(mixture.means):
        out[k] = np.square(W[k] @ (columns - mean[:, None])).sum(axis=0)
    log_p: Array = log_norm[:, None] - 0.5 * out
    return log_p


def _e_step(x: Array, mixture: _Mixture, reg_covar: float) -> tuple[Array, Array]:
    """Responsibilities, shape (K, n), and log-density of each point."""
    log_p = _log_density(x, mixture, reg_covar)
    top = log_p.max(axis=0)
    p = np.exp(log_p - top)
    total = p.sum(axis=0)
    return p / total, top + np.log(total)


def _em(x: Array, w: Array, start: _Mixture, model: GaussianMixture) -> _Fit:
    """Expectation maximisation with point weights w of mean 1, stopped as scikit-learn does."""
    mixture, bound = start, -math.inf
    for n_iter in range(1, model.max_iter + 1):
        responsibility, log_density = _e_step(x, mixture, model.reg_covar)
        mixture = _m_step(x, responsibility * w, model.reg_covar)
        previous, bound = bound, float(np.average(log_density, weights=w))
        if abs(bound - previous) < model.tol:
            return _Fit(mixture, True, n_iter)
    return _Fit(mixture, False, model.max_iter)


def _em_sklearn(
    x: Array, start: _Mixture, model: GaussianMixture, rng: np.random.Generator
) -> _Fit:
    """Run scikit-learn's GaussianMixture from the same start."""
    W = _whitening(start.covariances, model.reg_covar)
    with _quiet():
        from sklearn.mixture import GaussianMixture as Sklearn

        peer = Sklearn(
            model.n_components,
            tol=model.tol,
            reg_covar=model.reg_covar,
            max_iter=model.max_iter,
            weights_init=start.weights,
            means_init=start.means,
            precisions_init=W.transpose(0, 2, 1) @ W,
            random_state=int(rng.integers(2**32)),
        ).fit(x)
    mixture = _Mixture(peer.weights_, peer.means_, peer.covariances_)
    return _Fit(mixture, bool(peer.converged_), int(peer.n_iter_))


def _unbiased(x: Array, w: Array, mixture: _Mixture, reg_covar: float) -> Array:
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


@dataclass(frozen=True, slots=True, eq=False)
class GaussianMixture:
    """A mixture of Gaussians with full covariances, fitted by expectation maximisation (B.2).

    Parameters
    ----------
    n_components : int
    method : {"em", "sklearn"}
        "em" is the algorithm of scikit-learn's GaussianMixture with less overhead, and takes
        weights; "sklearn" calls that class itself. Both start from the same point and stop by the
        same rule, so they return the same mixture up to rounding.
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
    A component that loses all its points keeps a weight of some 1e-18, as in scikit-learn.
    """

    n_components: int
    method: Literal["em", "sklearn"] = "em"
    reg_covar: float = 1e-6
    ddof: int = 0
    means_init: Sequence[Sequence[float]] | None = None
    tol: float = 1e-3
    max_iter: int = 100
    warm_start: bool = False
    weights: Array | None = None
    means: Array | None = None
    factors: Array | None = None
    converged: NDArray[np.bool_] | None = None
    n_iter: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        _check.count("n_components", self.n_components)
        _check.one_of("method", self.method, ("em", "sklearn"))
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
        factors = _fitted(self, self.factors)
        return factors @ factors.transpose(0, 2, 1)

    def fit(self, samples: Any, rng: np.random.Generator) -> GaussianMixture:
        """Fit to rows of `samples`, shape (n, dim), at least n_components of them."""
        x = _check.sample("samples", samples, minimum_rows=self.n_components)
        return self._fit(x, np.ones(len(x)), rng)

    def fit_weighted(
        self, real: Any, synthetic: Any, weight: float, rng: np.random.Generator
    ) -> GaussianMixture:
        """Fit with weight `weight` on the real points together, the rest on the synthetic ones."""
        if self.method != "em":
            raise ValueError(f"method must be em with a weight, got {self.method!r}")
        x, w = _points(real, synthetic, weight)
        _check.sample("samples", x, minimum_rows=self.n_components)
        return self._fit(x, w * len(x), rng)

    def _start(self, x: Array, w: Array, rng: np.random.Generator) -> _Mixture:
        """Choose where EM starts."""
        if self.warm_start and self.means is not None:
            return _Mixture(_fitted(self, self.weights), self.means, self.covariances)
        if self.means_init is None:
            labels = _k_means_labels(x, w, self.n_components, rng)
        else:
            labels = _nearest(x, np.asarray(self.means_init))
        return _m_step(x, w * np.eye(self.n_components)[:, labels], self.reg_covar)

    def _fit(self, x: Array, w: Array, rng: np.random.Generator) -> GaussianMixture:
        """Fit to points with weights of mean 1."""
        start = self._start(x, w, rng)
        by_peer = self.method == "sklearn"
        found = _em_sklearn(x, start, self, rng) if by_peer else _em(x, w, start, self)
        weights, means, covariances = found.mixture
        if self.ddof:
            covariances = _unbiased(x, w, found.mixture, self.reg_covar)
        return replace(
            self,
            weights=weights / weights.sum(),
            means=means,
            factors=_factors(covariances),
            converged=np.array(found.converged),
            n_iter=np.array(found.n_iter),
        )

    def sample(self, n: int, bias: float, rng: np.random.Generator) -> Array:
        """Draw n rows, shape (n, dim); bias multiplies each component's covariance."""
        weights, means = _fitted(self, self.weights), _fitted(self, self.means)
        label = _draw_labels(rng, _size(n), weights)
        return _draw_components(rng, label, means, _fitted(self, self.factors), bias)

    def save(self) -> Arrays:
        """Return weights, means, factors, converged and n_iter."""
        return {name: _fitted(self, getattr(self, name)) for name in _MIXTURE_ARRAYS}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> GaussianMixture:
        """Return the fitted model that :meth:`save` saved."""
        return replace(self, **_saved(arrays, _MIXTURE_ARRAYS))


_MIXTURE_ARRAYS = ("weights", "means", "factors", "converged", "n_iter")


def _grid(side: int, spacing: float, sigma: float) -> Arrays:
    """Weights, means and factors of equal round Gaussians on a centred square grid."""
    side = _check.count("side", side)
    spacing = _check.number("spacing", spacing, low=0.0)
    sigma = _check.number("sigma", sigma, low=0.0)
    line = spacing * (np.arange(side) - (side - 1) / 2)
    means = np.array([(a, b) for a in line for b in line])
    factors = np.tile(sigma * np.eye(2), (side * side, 1, 1))
    return {"weights": np.full(side * side, 1 / side**2), "means": means, "factors": factors}


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
    arrays = _grid(side, spacing, sigma)
    done = {"converged": np.array(True), "n_iter": np.array(0)}
    return GaussianMixture(len(arrays["weights"])).load({**arrays, **done})


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
    arrays = _grid(side, spacing, sigma)
    return LabelledMixture(len(arrays["weights"]), ddof=ddof).load(arrays)


# --- categories -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Categorical:
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
        p, bias = _fitted(self, self.probabilities), _bias(bias)
        if bias == 1.0:
            return p
        with np.errstate(divide="ignore", over="ignore"):
            log_ratio = np.log(p) - math.log(p.max())
            # At temperature 0 only what is as likely as the likeliest is left.
            powers = np.exp(log_ratio / bias) if bias else (p == p.max()).astype(np.float64)
        tempered: Array = powers / powers.sum()
        return tempered

    def fit(self, samples: Any, rng: np.random.Generator) -> Categorical:
        """Fit the frequencies of integers, shape (n,)."""
        return replace(self, probabilities=self._frequencies("samples", samples))

    def fit_weighted(
        self, real: Any, synthetic: Any, weight: float, rng: np.random.Generator
    ) -> Categorical:
        """Fit weight times the real frequencies and the rest times the synthetic ones."""
        w = _weight(weight)
        p_r, p_s = self._frequencies("real", real), self._frequencies("synthetic", synthetic)
        return replace(self, probabilities=w * p_r + (1 - w) * p_s)

    def _frequencies(self, name: str, value: Any) -> Array:
        """Share of each category."""
        counts = np.bincount(
            _categories(name, value, self.n_categories), minlength=self.n_categories
        )
        frequencies: Array = counts / counts.sum()
        return frequencies

    def sample(self, n: int, bias: float, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw n categories at temperature `bias`, shape (n,)."""
        return _draw_labels(rng, _size(n), self.tempered(bias))

    def save(self) -> Arrays:
        """Return the probabilities."""
        return {"probabilities": _fitted(self, self.probabilities)}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> Categorical:
        """Return the fitted model that :meth:`save` saved."""
        return replace(self, **_saved(arrays, ("probabilities",)))


# --- resampling -----------------------------------------------------------------------------------


def _contract(x: Array, centre: Array, bias: float) -> Array:
    """Move rows towards the centre, so that their covariance is exactly bias times what it was."""
    return centre + math.sqrt(_bias(bias)) * (x - centre)


def _uniform(n: int) -> Array:
    return np.full(n, 1.0 / n)


def _weighted_centre(points: Array, weights: Array) -> tuple[Array, Array]:
    """Mean and deviations of weighted points; equal points give exact zeros."""
    shifted = points - points[0]
    shift = weights @ shifted / weights.sum()
    return points[0] + shift, shifted - shift


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """The training set itself, resampled with replacement.

    `bias` contracts samples towards the mean by its square root, so that their covariance is
    exactly `bias` times that of the training set (divided by n).

    Parameters
    ----------
    points, weights, mean : ndarray or None
        Shapes (n, dim), (n,), (dim,), set in a fitted model.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> Bootstrap().fit(np.array([[1.0], [3.0]]), rng).sample(2, 0.0, rng).tolist()
    [[2.0], [2.0]]
    """

    points: Array | None = None
    weights: Array | None = None
    mean: Array | None = None

    def fit(self, samples: Any, rng: np.random.Generator) -> Bootstrap:
        """Keep the rows of `samples`, shape (n, dim)."""
        x = _check.sample("samples", samples, minimum_rows=1)
        return self._with(x, _uniform(len(x)))

    def fit_weighted(
        self, real: Any, synthetic: Any, weight: float, rng: np.random.Generator
    ) -> Bootstrap:
        """Keep both sets; a sample is a real point with probability `weight`."""
        return self._with(*_points(real, synthetic, weight))

    def _with(self, points: Array, weights: Array) -> Bootstrap:
        mean, _ = _weighted_centre(points, weights)
        return replace(self, points=points, weights=weights, mean=mean)

    def sample(self, n: int, bias: float, rng: np.random.Generator) -> Array:
        """Draw n rows, shape (n, dim)."""
        points, weights = _fitted(self, self.points), _fitted(self, self.weights)
        chosen = points[_draw_labels(rng, _size(n), weights)]
        return chosen if bias == 1.0 else _contract(chosen, _fitted(self, self.mean), bias)

    def save(self) -> Arrays:
        """Return points, weights and mean."""
        return {
            "points": _fitted(self, self.points),
            "weights": _fitted(self, self.weights),
            "mean": _fitted(self, self.mean),
        }

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> Bootstrap:
        """Return the fitted model that :meth:`save` saved."""
        return replace(self, **_saved(arrays, ("points", "weights", "mean")))


@dataclass(frozen=True, slots=True, eq=False)
class KernelDensity:
    """A Gaussian kernel on every training point.

    The fitted density has covariance S_n + H, S_n that of the points divided by n, H that of the
    kernel. `bias` contracts samples towards the density's mean by its square root, so that their
    covariance is exactly bias (S_n + H).

    Parameters
    ----------
    bandwidth : {"scott", "silverman"} or float
        h = n^(-1/(dim+4)), h = (n (dim+2)/4)^(-1/(dim+4)), or h itself; with weights n is
        1/sum w^2. The words give what scikit-learn and scipy mean by them.
    units : {"data", "absolute"}
        "data": H = h^2 S, S the unbiased covariance of the points, as scipy's gaussian_kde has
        it; equivariant, and 0 on collapsed data: S_n + H = S_n (1 + h^2 n/(n-1)).
        "absolute": H = h^2 I, as scikit-learn's KernelDensity has it; the kernel never collapses.
    points, weights, mean, factor : ndarray or None
        Shapes (n, dim), (n,), (dim,), (dim, rank) with H = factor factor^T, set in a fitted model.

    Examples
    --------
    >>> data = np.array([[1.0], [3.0]])
    >>> model = KernelDensity(0.5).fit(data, np.random.default_rng(0))
    >>> round(float(model.covariance[0, 0]), 12)  # 1 + .25 * 2
    1.5
    """

    bandwidth: str | float = "scott"
    units: Literal["data", "absolute"] = "data"
    points: Array | None = None
    weights: Array | None = None
    mean: Array | None = None
    factor: Array | None = None

    def __post_init__(self) -> None:
        _check.one_of("units", self.units, ("data", "absolute"))
        if isinstance(self.bandwidth, str):
            _check.one_of("bandwidth", self.bandwidth, ("scott", "silverman"))
        else:
            _check.number("bandwidth", self.bandwidth, low=0.0)

    def width(self, n: float, dim: int) -> float:
        """Bandwidth h for n points in `dim` dimensions."""
        if not isinstance(self.bandwidth, str):
            return float(self.bandwidth)
        count = n * (dim + 2) / 4 if self.bandwidth == "silverman" else n
        return float(count ** (-1.0 / (dim + 4)))

    @property
    def covariance(self) -> Array:
        """Covariance of the fitted density, S_n + H, shape (dim, dim)."""
        points, weights = _fitted(self, self.points), _fitted(self, self.weights)
        factor = _fitted(self, self.factor)
        _, gap = _weighted_centre(points, weights)
        spread: Array = (weights * gap.T) @ gap / weights.sum()
        return spread + factor @ factor.T

    def fit(self, samples: Any, rng: np.random.Generator) -> KernelDensity:
        """Keep the rows of `samples`, shape (n, dim), and choose the kernel."""
        x = _check.sample("samples", samples, minimum_rows=1)
        return self._with(x, _uniform(len(x)))

    def fit_weighted(
        self, real: Any, synthetic: Any, weight: float, rng: np.random.Generator
    ) -> KernelDensity:
        """Keep both sets, weight `weight` on the real points together."""
        return self._with(*_points(real, synthetic, weight))

    def _with(self, points: Array, weights: Array) -> KernelDensity:
        mean, gap = _weighted_centre(points, weights)
        square, dim = float(weights @ weights), points.shape[1]
        h = self.width(1.0 / square, dim)
        if self.units == "absolute":
            factor = h * np.eye(dim)
        else:
            # One point has no covariance: its deviation is 0 over 0.
            unbiased = np.sqrt(weights / (1.0 - square)) if len(points) > 1 else weights
            factor = h * _triangular(unbiased[:, None] * gap)
        return replace(self, points=points, weights=weights, mean=mean, factor=factor)

    def sample(self, n: int, bias: float, rng: np.random.Generator) -> Array:
        """Draw n rows, shape (n, dim)."""
        points, weights, mean, factor = self.save().values()
        chosen = points[_draw_labels(rng, _size(n), weights)]
        noise = rng.standard_normal((len(chosen), factor.shape[1])) @ factor.T
        return _contract(chosen + noise, mean, bias)

    def save(self) -> Arrays:
        """Return points, weights, mean and factor."""
        names = ("points", "weights", "mean", "factor")
        return {name: _fitted(self, getattr(self, name)) for name in names}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> KernelDensity:
        """Return the fitted model that :meth:`save` saved."""
        return replace(self, **_saved(arrays, ("points", "weights", "mean", "factor")))
