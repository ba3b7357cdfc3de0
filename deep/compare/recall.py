"""Recall by simulation in the leading directions: of whole loops, or of a version's expected law.

Of one Gaussian (*pooled*) the models of simulated loops are seen as they are, each with its own
mean and shape; the other versions have an expected law alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from madtheory import metrics
from madtheory._types import Array
from madtheory.deep.compare import rules
from madtheory.deep.compare.observed import Real
from madtheory.deep.compare.versions import Course
from madtheory.engine import run_loop
from madtheory.engine.models import Gaussian
from madtheory.loop import Loop


class Recalls(NamedTuple):
    """Recall of generations 1..T, shape (T,), and how far it moves when traces are scaled.

    moves (T, scales) belong to `rules.SCALES_RECALL`; scatter (T,) is of loops of the same trace.
    """

    values: Array
    moves: Array
    scatter: Array

    def moved(self, logs: Array) -> Array:
        """Change of recall where the log-trace is off by `logs`, shape (R, T)."""
        rows = zip(logs.T, self.moves, strict=True)
        return np.stack([np.interp(x, rules.SCALES_RECALL, row) for x, row in rows], axis=1)


def _gaussian(n: int, variances: Array, rng: np.random.Generator) -> Array:
    """Rows of N(0, diag(variances))."""
    return rng.standard_normal((n, len(variances))) * np.sqrt(variances)


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


def _once(laws: list[tuple[Array, Array]], classes: int, n: int, scales: Array, seed: int) -> Array:
    """Recall of each law from n rows, scaled within classes, shape (T + 1, scales)."""
    rng = np.random.default_rng((seed, 2))
    means = rng.standard_normal((classes, len(laws[0][0])))
    labels = np.arange(n) % classes
    of_real, of_law = (_gaussian(n, np.ones(means.shape[1]), rng) for _ in range(2))

    def rows(z: Array, law: tuple[Array, Array], factor: float) -> Array:
        return np.asarray(z * np.sqrt(law[0] * factor) + (means * np.sqrt(law[1]))[labels])

    real = rows(of_real, laws[0], 1.0)
    return np.array([[_recall(real, rows(of_law, law, f)) for f in np.exp(scales)] for law in laws])


def _mean(laws: list[tuple[Array, Array]], classes: int, n: int, scales: Array) -> Array:
    """The same, the mean of simulations."""
    runs = [_once(laws, classes, n, scales, seed) for seed in range(rules.SEEDS_RECALL)]
    return np.asarray(np.mean(runs, axis=0))


def _units(real: Real, simulated: Array, floor: float) -> Array:
    """Simulated recall in units of what was measured of real data."""
    return simulated * (real.floor_recall / floor if floor > 0 else 0.0)


def _moves(real: Real, found: Array, floor: float) -> Array:
    """How recall of scaled laws, shape (T, scales), differs from that of the laws themselves."""
    middle = found[:, rules.SCALES_RECALL.index(0.0), None]
    return _units(real, found - middle, floor)


def recall_path(version: str, real: Real, path: Course) -> Recalls:
    """Recall of a version's expected law; its traces are scaled within classes."""
    laws = _laws(version, real, path)
    classes = real.classes if version == "classes" else 1
    found = _mean(laws, classes, rules.N_RECALL, np.zeros(1))[:, 0]
    scaled = _mean(laws, classes, rules.N_LOOPED, np.array(rules.SCALES_RECALL))
    values = np.clip(_units(real, found[1:], float(found[0])), 0.0, 1.0)
    first = scaled[0, rules.SCALES_RECALL.index(0.0)]
    return Recalls(values, _moves(real, scaled[1:], float(first)), np.zeros(len(values)))


# --- loops of one Gaussian -----------------------------------------------------------------------


def _one_loop(loop: Loop, s: Array, T: int, seed: int) -> tuple[float, Array]:
    """Real recall, and of T generations: recall at all scales, then the trace."""
    source = Gaussian(mean=np.zeros(len(s)), factor=np.diag(np.sqrt(s)))
    rng = np.random.default_rng((seed, 7))
    real, other = (source.sample(rules.N_LOOPED, 1.0, rng) for _ in range(2))
    factors = np.exp(0.5 * np.array(rules.SCALES_RECALL))

    def seen(model: Any, training: Any, draw: np.random.Generator) -> list[float]:
        x = model.sample(rules.N_LOOPED, loop.scalar_bias, draw)
        recalls = [_recall(real, model.mean + (x - model.mean) * f) for f in factors]
        return [*recalls, float(np.square(model.factor).sum())]

    found = run_loop(loop, Gaussian.of(loop), source, generations=T, metrics={"seen": seen},
                     seed=seed)  # fmt: skip
    return _recall(real, other), found.metrics["seen"]


def recall_of_loops(loop: Loop, real: Real, T: int) -> Recalls:
    """Recall of simulated loops of one Gaussian; scatter is what their traces leave of it."""
    runs = [_one_loop(loop, real.directions, T, seed) for seed in range(rules.LOOPS_RECALL)]
    paths = np.stack([rows for _, rows in runs])
    floor, own = float(np.mean([first for first, _ in runs])), rules.SCALES_RECALL.index(0.0)
    found = Recalls(
        np.clip(_units(real, paths[..., own].mean(axis=0), floor), 0.0, 1.0),
        _moves(real, paths[..., :-1].mean(axis=0), floor),
        np.zeros(T),
    )
    logs = np.log(np.maximum(paths[..., -1], 1e-300))
    left = _units(real, paths[..., own], floor) - found.moved(logs - logs.mean(axis=0))
    noise = found.values * (1 - found.values) / rules.N_LOOPED
    return found._replace(scatter=np.sqrt(np.maximum(left.var(axis=0, ddof=1) - noise, 0.0)))
