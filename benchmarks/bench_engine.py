"""What the engine costs beside a hand-written loop: python -m benchmarks.bench_engine."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.bench import best
from madtheory.engine import run_loop
from madtheory.loops import Loop, synthetic_augmentation

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


def compare(steps: int, generations: int) -> dict[str, float]:
    """Seconds of both loops, turn about, on the same machine in the same minute."""
    data, model = np.random.default_rng(1).normal(size=(5_000, 32)), Descent(32, steps)
    hand, engine = [], []
    for _ in range(5):
        hand.append(best(lambda: bare(model, data, generations), 1))
        with tempfile.TemporaryDirectory() as folder:
            outs = iter(Path(folder) / f"run-{i}" for i in range(9))

            def run(outs: object = outs) -> object:
                out = next(outs)  # type: ignore[call-overload]
                options = {"generations": generations, "metrics": {"spread": spread}}
                return run_loop(POOL, model, data, out=out, **options)

            engine.append(best(run, 1))
    return {
        "ms_generation": 1e3 * min(hand) / generations,
        "ratio": min(engine) / min(hand),
        "us_bookkeeping": 1e6 * (min(engine) - min(hand)) / generations,
    }


def bookkeeping() -> dict[str, float]:
    """Engine with a growing pool and a run folder against a bare loop: at most 1.02."""
    result = {}
    for name, steps, generations in (("20ms", 180, 150), ("100ms", 900, 40)):
        for key, value in compare(steps, generations).items():
            result[f"{key}_{name}"] = value
    return result


def main() -> None:
    for key, value in bookkeeping().items():
        print(f"{key:24} {value:.4g}")


if __name__ == "__main__":
    main()
