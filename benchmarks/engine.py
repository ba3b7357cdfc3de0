"""What the engine costs beside a hand-written loop."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.timing import best
from madtheory.engine import run_loop
from madtheory.loop import Loop, synthetic_augmentation

POOL: Loop = synthetic_augmentation(2_000, 500, bias=0.9, pool="accumulate", pool_cap=40)


class Descent:
    """A linear map of noise fitted by gradient steps: as long as its steps last, and no longer."""

    def __init__(self, dim: int, steps: int, mean: object = None, root: object = None) -> None:
        self.dim, self.steps, self._mean, self._root = dim, steps, mean, root

    def fit(self, samples, rng):  # type: ignore[no-untyped-def]
        mean, root = samples.mean(axis=0), np.eye(self.dim)
        for _ in range(self.steps):
            batch = samples[rng.integers(len(samples), size=256)] - mean
            root += 0.05 * (batch.T @ batch / 256 - root @ root.T) @ root
        return Descent(self.dim, self.steps, mean, root)

    def sample(self, n, bias, rng):  # type: ignore[no-untyped-def]
        return self._mean + bias**0.5 * rng.standard_normal((n, self.dim)) @ self._root.T

    def save(self):  # type: ignore[no-untyped-def]
        return {"mean": self._mean, "root": self._root}

    def load(self, arrays):  # type: ignore[no-untyped-def]
        return Descent(self.dim, self.steps, arrays["mean"], arrays["root"])


def spread(model: Descent, samples: np.ndarray, rng: np.random.Generator) -> float:
    return float((np.asarray(model._root) ** 2).sum())


def bare(model: Descent, data: np.ndarray, generations: int) -> list[float]:
    """The loop by hand: no checks, no files, one generator."""
    rng = np.random.default_rng(0)
    fixed = data[rng.choice(len(data), POOL.n_fixed, replace=False)]
    pool: list[np.ndarray] = []
    fitted, curve = model.fit(fixed, rng), []
    for _ in range(generations - 1):
        pool = [*pool, fitted.sample(POOL.n_synth, POOL.bias, rng)][-40:]
        training = np.concatenate([fixed, *pool])
        fitted = model.fit(training, rng)
        curve.append(spread(fitted, training, rng))
    return curve


def run_engine(model: Descent, data: np.ndarray, generations: int) -> None:
    """The same loop by the engine, with a run folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"generations": generations, "metrics": {"spread": spread}}
        run_loop(POOL, model, data, out=Path(folder) / "run", **options)


def cpu_seconds(run: Callable[[], object]) -> float:
    """Seconds of this process at work: what others do on the machine counts little."""
    start = time.process_time()
    run()
    return time.process_time() - start


def turn_about(steps: int, generations: int, repeats: int = 4) -> tuple[float, float]:
    """Least CPU seconds of both loops, run one after the other in turn."""
    data, model = np.random.default_rng(1).normal(size=(5_000, 32)), Descent(32, steps)
    hand, engine = [], []
    for _ in range(repeats):
        hand.append(cpu_seconds(lambda: bare(model, data, generations)))
        engine.append(cpu_seconds(lambda: run_engine(model, data, generations)))
    return min(hand), min(engine)


def bookkeeping() -> dict[str, float]:
    """Engine with a growing pool and a run folder against a bare loop: at most 1.02.

    `ms_start` is what a run takes once, by the clock; `us_generation` what a generation costs,
    measured with a model that costs nothing; the ratios are those of whole runs. Waiting for the
    disk is not in CPU seconds: saving has its share, `SAVE_SHARE`, and no more.
    """
    data = np.random.default_rng(1).normal(size=(5_000, 32))
    result = {"ms_start": 1e3 * best(lambda: run_engine(Descent(32, 0), data, 1))}
    hand, engine = turn_about(0, 400)
    result["us_generation"] = 1e6 * (engine - hand) / 400
    for name, steps, generations in (("20ms", 300, 200), ("100ms", 1_500, 40)):
        hand, engine = turn_about(steps, generations)
        result[f"ms_generation_{name}"] = 1e3 * hand / generations
        result[f"ratio_{name}"] = engine / hand
    return result
