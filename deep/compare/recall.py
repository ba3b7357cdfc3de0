"""Recall of a version's expected law, by simulation in the leading directions."""

from __future__ import annotations

import numpy as np

from madtheory import metrics
from madtheory._types import Array
from madtheory.deep.compare import rules
from madtheory.deep.compare.observed import Real
from madtheory.deep.compare.versions import Course


def _gaussian(variances: Array, rng: np.random.Generator) -> Array:
    """Rows of N(0, diag(variances))."""
    return rng.standard_normal((rules.N_RECALL, len(variances))) * np.sqrt(variances)


def _recall(real: Array, law: Array) -> float:
    return metrics.precision_recall(real, law, k=rules.K_RECALL).recall.value


def _laws(version: str, real: Real, path: Course) -> list[tuple[Array, Array]]:
    """Variances within and between classes in the leading directions: real ones, then t = 1..T."""
    K = len(real.directions)
    if version == "classes":
        w, b = (x[:K] for x in real.parts)
        assert path.within is not None  # this version has it
        V, B = path.within[0], (path.trace - path.within)[0]
        inside, outside = V / real.trace_within, B / max(real.trace - real.trace_within, 1e-300)
        return [(w, b), *((w * x, b * y) for x, y in zip(inside, outside, strict=True))]
    none = np.zeros(K)
    if version == "spectrum":
        assert path.blocks is not None  # this version has them
        return [(real.directions, none), *((row[:K], none) for row in path.blocks[0])]
    shares = path.trace[0] / real.trace
    return [(real.directions, none), *((real.directions * c, none) for c in shares)]


def _once(laws: list[tuple[Array, Array]], classes: int, seed: int) -> Array:
    """Recall of each law, as it is and scaled within classes down and up, shape (T + 1, 3)."""
    rng = np.random.default_rng((seed, 2))
    means = rng.standard_normal((classes, len(laws[0][0])))
    labels = np.arange(rules.N_RECALL) % classes
    of_real, of_law = (_gaussian(np.ones(means.shape[1]), rng) for _ in range(2))

    def rows(z: Array, law: tuple[Array, Array], factor: float) -> Array:
        return np.asarray(z * np.sqrt(law[0] * factor) + (means * np.sqrt(law[1]))[labels])

    real = rows(of_real, laws[0], 1.0)
    factors = (1.0, np.exp(-rules.SLOPE_RECALL), np.exp(rules.SLOPE_RECALL))
    return np.array([[_recall(real, rows(of_law, law, f)) for f in factors] for law in laws])


def recall_path(version: str, real: Real, path: Course) -> tuple[Array, Array]:
    """Predicted recall of generations 1..T, and its slope in the log of the trace within."""
    laws = _laws(version, real, path)
    classes = real.classes if version == "classes" else 1
    runs = [_once(laws, classes, seed) for seed in range(rules.SEEDS_RECALL)]
    found = np.mean(runs, axis=0)
    unit = real.floor_recall / found[0, 0] if found[0, 0] > 0 else 0.0
    slopes = (found[1:, 2] - found[1:, 1]) / (2 * rules.SLOPE_RECALL)
    return np.clip(unit * found[1:, 0], 0.0, 1.0), unit * slopes
