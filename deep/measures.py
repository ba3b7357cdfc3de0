"""What every generation is measured by, on samples drawn at the loop's own bias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from madtheory import metrics
from madtheory._types import Array, Ints, Numbers
from madtheory.deep.data.sets import DataSet
from madtheory.deep.features import Extractor
from madtheory.engine.protocol import Metric, Rng

#: Samples of a generation that are measured, and rows of the test set for precision and recall.
N_MEASURED = 4000
N_NEIGHBOURS = 2000


def flat(x: Numbers) -> Array:
    """Samples as rows of numbers."""
    return np.asarray(x, np.float64).reshape(len(x), -1)


def spread(x: Array) -> float:
    """Trace of the covariance, ddof = 1."""
    return float(x.var(axis=0, ddof=1).sum())


def spread_within(x: Array, labels: Ints) -> float:
    """Trace of the covariance within classes: their mean, weighted by size."""
    parts = [x[labels == c] for c in np.unique(labels)]
    squares = sum(float(((part - part.mean(0)) ** 2).sum()) for part in parts)
    return squares / max(len(x) - len(parts), 1)


def _metric(function: Callable[[Any, Rng], Any]) -> Metric:
    """A metric of the engine that does not ask for the training sample."""
    return lambda model, _, rng: function(model, rng)


@dataclass(slots=True)
class Measures:
    """Metrics of one loop; all see the same samples of a model."""

    data: DataSet
    bias: float
    extractor: Extractor | None = None
    n: int = N_MEASURED
    _of: Any = None
    _drawn: Any = None
    _near: Any = None

    def drawn(self, model: Any, rng: Rng) -> tuple[Array, Ints | None, Array]:
        """Samples of a model as rows, their labels, and their features (the rows themselves)."""
        if self._of is not model:
            samples = model.sample(self.n, self.bias, rng)
            x = samples["x"] if isinstance(samples, dict) else np.asarray(samples)
            self._of, self._drawn, self._near = model, self._seen(samples, x), None
        return self._drawn

    def _seen(self, samples: Any, x: Numbers) -> tuple[Array, Ints | None, Array]:
        rows, labels = flat(x), samples["y"] if isinstance(samples, dict) else None
        if self.extractor is None:
            return rows, labels, rows
        labels = self.extractor.labels(x) if labels is None else labels
        return rows, labels, self.extractor.features(x)

    def labels(self, model: Any, rng: Rng) -> Ints:
        """Classes of a model's samples."""
        found = self.drawn(model, rng)[1]
        assert found is not None  # only where the data have classes
        return found

    def real(self) -> Array:
        """Features of the test set."""
        test = self.data.test
        return flat(test) if self.extractor is None else self.extractor.features(test)

    def all(self) -> dict[str, Metric]:
        """Metrics by name, for :func:`madtheory.engine.run_loop`."""
        real, pixels = self.real(), flat(self.data.test)
        near = real[:N_NEIGHBOURS]

        def interval(found: metrics.Measured) -> list[float]:
            return [found.value, found.low, found.high]

        def pair(model: Any, rng: Rng) -> metrics.PrecisionRecall:
            features = self.drawn(model, rng)[2][:N_NEIGHBOURS]
            self._near = self._near or metrics.precision_recall(near, features)
            return self._near

        found: dict[str, Callable[[Any, Rng], Any]] = {
            "fid": lambda model, rng: interval(metrics.fid(real, self.drawn(model, rng)[2])),
            "w2_squared": lambda m, rng: interval(metrics.fid(pixels, self.drawn(m, rng)[0])),
            "precision": lambda model, rng: interval(pair(model, rng).precision),
            "recall": lambda model, rng: interval(pair(model, rng).recall),
            "trace": lambda model, rng: spread(self.drawn(model, rng)[0]),
        }
        if self.data.classes:

            def shares(model: Any, rng: Rng) -> Array:
                return np.bincount(self.labels(model, rng), minlength=self.data.classes) / self.n

            found["trace_within"] = lambda model, rng: spread_within(
                self.drawn(model, rng)[0], self.labels(model, rng)
            )
            found["labels"] = shares
        return {name: _metric(function) for name, function in found.items()}
