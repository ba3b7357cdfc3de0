"""What every generation is measured by, on samples drawn at the loop's own bias.

============================  ====================================================================
fid, precision, recall        of features, against the test set: value and interval
w2_squared                    the same as fid, of the samples themselves (pixels, see `SIDE`)
trace                         total variance
directions (K,)               variance along the K <= 32 leading axes of the test set
mean_shift                    squared distance of the mean from the test set's
trace_within                  total variance within classes: their mean, weighted by size
directions_within (K,)        the same along the leading axes of the test set within its classes
class_trace (C,)              total variance of each class; not a number with less than two samples
labels (C,)                   share of each class
============================  ====================================================================

The last four need classes. All variances have ddof = 1 (within classes: one a class). The floor,
the same metrics of real data, has two numbers more: `n_measured` (samples of a generation that are
measured) and `feature_spectrum` (K,) (eigenvalues of the covariance of the test set's features).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import linalg
from torch.nn.functional import adaptive_avg_pool2d

from madtheory import metrics
from madtheory._threads import one_thread
from madtheory._types import Array, Ints, Numbers
from madtheory.deep.data.sets import DataSet
from madtheory.deep.features import Eyes
from madtheory.engine import samples
from madtheory.engine.protocol import Metric, Rng

#: Samples of a generation that are measured, and rows of the test set for precision and recall.
N_MEASURED = 4000
N_NEIGHBOURS = 2000
#: Directions along which variances are measured.
N_DIRECTIONS = 32
#: Seed of the training rows that the real floor is measured on.
FLOOR_SEED = 2025
#: Pixels a side of what is measured of images themselves: more are averaged.
SIDE = 32
#: Real rows at least that a floor is measured on.
FEWEST = 64

PLAIN = ("fid", "w2_squared", "precision", "recall", "trace", "directions", "mean_shift")
OF_CLASSES = ("trace_within", "directions_within", "class_trace", "labels")


@dataclass(frozen=True, slots=True)
class Sample:
    """Samples `x` as they were drawn, as rows of numbers, their features and classes."""

    x: Numbers
    rows: Array
    features: Array
    labels: Ints | None


@dataclass(frozen=True, slots=True)
class Reference:
    """The test set, and its leading axes, shape (d, K): pooled, and within classes."""

    real: Sample
    axes: Array
    axes_within: Array | None
    classes: int


def flat(x: Numbers) -> Array:
    """Samples as rows of numbers; pixels of large images are averaged to `SIDE` a side at most.

    Examples
    --------
    >>> flat(np.ones((2, 3, 128, 128), np.float32)).shape
    (2, 3072)
    """
    if x.ndim == 4 and max(x.shape[2:]) > SIDE:
        size = tuple(min(side, SIDE) for side in x.shape[2:])
        x = adaptive_avg_pool2d(torch.as_tensor(x), size).numpy()
    return np.asarray(x, np.float64).reshape(len(x), -1)


def centred(x: Array, labels: Ints | None = None) -> Array:
    """Rows less their mean, or less that of their class."""
    if labels is None:
        return x - x.mean(axis=0)
    moved = x.copy()
    for c in np.unique(labels):
        moved[labels == c] -= x[labels == c].mean(axis=0)
    return moved


def leading(z: Array, k: int = N_DIRECTIONS) -> Array:
    """Leading eigenvectors of z^T z, the largest first, shape (d, min(k, d, n)).

    Examples
    --------
    >>> np.abs(leading(np.diag([1.0, 3.0, 2.0]), 2)).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    n, d = z.shape
    k = min(k, d, n)
    gram = z.T @ z if d <= n else z @ z.T
    vectors = linalg.eigh(gram, subset_by_index=(len(gram) - k, len(gram) - 1))[1][:, ::-1]
    if d <= n:
        return np.ascontiguousarray(vectors)
    long = z.T @ vectors
    return np.asarray(long / np.maximum(linalg.norm(long, axis=0), np.finfo(float).tiny))


def of_classes(reference: Reference, sample: Sample, labels: Ints) -> dict[str, Any]:
    """Metrics of labelled samples."""
    n, C = len(labels), reference.classes
    z, counts = centred(sample.rows, labels), np.bincount(labels, minlength=C)
    squares = np.bincount(labels, (z**2).sum(axis=1), minlength=C)
    dof = max(n - int((counts > 0).sum()), 1)
    assert reference.axes_within is not None  # it is there where there are classes
    found = {
        "trace_within": squares.sum() / dof,
        "directions_within": ((z @ reference.axes_within) ** 2).sum(axis=0) / dof,
        "class_trace": np.where(counts > 1, squares / np.maximum(counts - 1, 1), np.nan),
        "labels": counts / n,
    }
    return {name: found[name] for name in OF_CLASSES}


def measured(reference: Reference, sample: Sample) -> dict[str, Any]:
    """All metrics of some samples, by name."""
    real = reference.real
    with one_thread():
        z = centred(sample.rows)
        near = metrics.precision_recall(
            real.features[:N_NEIGHBOURS], sample.features[:N_NEIGHBOURS]
        )
        shift = sample.rows.mean(axis=0) - real.rows.mean(axis=0)
        found = {
            "fid": _interval(metrics.fid(real.features, sample.features)),
            "w2_squared": _interval(metrics.fid(real.rows, sample.rows)),
            "precision": _interval(near.precision),
            "recall": _interval(near.recall),
            "trace": (z**2).sum() / (len(z) - 1),
            "directions": ((z @ reference.axes) ** 2).sum(axis=0) / (len(z) - 1),
            "mean_shift": shift @ shift,
        }
        plain = {name: found[name] for name in PLAIN}
        if not reference.classes or sample.labels is None:
            return plain
        return plain | of_classes(reference, sample, sample.labels)


def _interval(found: metrics.Measured) -> list[float]:
    return [found.value, found.low, found.high]


@dataclass(slots=True)
class Measures:
    """Metrics of one loop; all see the same samples of a model."""

    data: DataSet
    bias: float
    eyes: Eyes | None = None
    n: int = N_MEASURED
    _of: Any = None
    _sample: Sample | None = None
    _found: dict[str, Any] | None = None
    _reference: Reference | None = None

    def drawn(self, model: Any, rng: Rng) -> Sample:
        """Samples of a model, drawn when they are first asked for."""
        if self._of is not model or self._sample is None:
            self._sample = self.seen(model.sample(self.n, self.bias, rng))
            self._of, self._found = model, None
        return self._sample

    def seen(self, drawn: Any, labels: Ints | None = None) -> Sample:
        """Samples with what is measured: without eyes features are the rows."""
        x = drawn["x"] if isinstance(drawn, dict) else np.asarray(drawn)
        labels, rows = drawn["y"] if isinstance(drawn, dict) else labels, flat(x)
        if self.eyes is None:
            return Sample(x, rows, rows, labels)
        labels = self.eyes.labels(x) if labels is None else labels
        return Sample(x, rows, self.eyes.features(x), labels)

    @property
    def last(self) -> Sample:
        """The samples that were measured last."""
        assert self._sample is not None  # asked for after a generation was measured
        return self._sample

    @property
    def reference(self) -> Reference:
        """What the test set is, computed once."""
        if self._reference is None:
            real, C = self.seen(self.data.test, self.data.labels), self.data.classes
            with one_thread():
                axes = leading(centred(real.rows))
                within = leading(centred(real.rows, real.labels)) if C else None
            self._reference = Reference(real, axes, within, C)
        return self._reference

    def floor(self, n: int) -> dict[str, Any]:
        """The same metrics of `n` real training samples: what a perfect generation would have.

        At least FEWEST, where there are so many.
        """
        n = max(n, FEWEST)
        train, rng = self.data.train, np.random.default_rng(FLOOR_SEED)
        if hasattr(train, "sample"):
            drawn = train.sample(n, 1.0, rng)
        else:
            rows = samples.n_rows(train)
            drawn = samples.take(train, rng.choice(rows, min(n, rows), replace=False))
        features = centred(self.reference.real.features)
        with one_thread():
            spectrum = linalg.svdvals(features) ** 2 / (len(features) - 1)
        return measured(self.reference, self.seen(drawn)) | {
            "n_measured": self.n,
            "feature_spectrum": spectrum,
        }

    def _all(self, model: Any, rng: Rng) -> dict[str, Any]:
        """All metrics of a model, computed once."""
        sample = self.drawn(model, rng)
        if self._found is None:
            self._found = measured(self.reference, sample)
        return self._found

    def all(self) -> dict[str, Metric]:
        """Metrics by name, for :func:`madtheory.engine.run_loop`; the first one's rng draws."""
        names: Iterable[str] = PLAIN + (OF_CLASSES if self.data.classes else ())

        def one(name: str) -> Metric:
            return lambda model, _, rng: self._all(model, rng)[name]

        return {name: one(name) for name in names}
