"""A request: what is run, checked; and what of it decides the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from madtheory import _check
from madtheory._types import Ints
from madtheory.engine.protocol import Keep, Metric, Rng, Source
from madtheory.engine.samples import Samples, as_arrays, as_samples, digest, n_rows, take
from madtheory.engine.store import describe
from madtheory.loop import Loop, require_one_bias

#: Most generations of a run.
MAX_GENERATIONS = 10**7


@dataclass(frozen=True, slots=True)
class Population:
    """Finite real data: every batch is drawn without replacement, batches independently."""

    rows: Samples

    def sample(self, n: int, bias: float, rng: Rng) -> Samples:
        """Draw one batch."""
        chosen = rng.choice(n_rows(self.rows), n, replace=False)
        return take(self.rows, chosen)


@dataclass(frozen=True, slots=True)
class Task:
    """A checked request."""

    loop: Loop
    model: Any
    source: Source
    metrics: dict[str, Metric]
    generations: int
    every: int
    measured: Ints
    seed: int
    keep: Keep | None = None

    def rng(self, generation: int, *stream: int) -> Rng:
        """Generator of one stream of one generation."""
        key = (generation, *stream)
        return np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key))
        )


def _check_model(loop: Loop, model: Any) -> None:
    """Refuse what lacks a method, or was set up for another loop."""
    needed = ["fit", "sample", "save", "load"] + ["fit_weighted"] * (loop.weight is not None)
    for name in needed:
        if not callable(getattr(model, name, None)):
            raise TypeError(f"model must have a method {name}, got {type(model).__name__}")
    for name, default in (("ddof", loop.ddof), ("shrinkage", 0.0), ("floor", 0.0)):
        wanted, found = getattr(loop, name), getattr(model, name, default)
        if found != wanted:
            raise ValueError(f"model must have {name} {wanted:g} as the loop has, got {found}")


def _check_data(loop: Loop, data: Any) -> Source:
    """Return real data as something to draw from."""
    # A data frame has a method `sample` too, and is an array.
    is_rows = isinstance(data, Mapping) or hasattr(data, "__array__")
    if not is_rows and callable(getattr(data, "sample", None)):
        return data  # type: ignore[no-any-return]
    rows = as_samples("data", data)
    if loop.first_bias != 1.0:
        raise ValueError(
            "data must have a method sample for a biased first generation, got rows; "
            "give a fitted model, or first_generation 'real'"
        )
    needed = max(loop.n_initial, loop.n_fixed, loop.n_fresh)
    if n_rows(rows) < needed:
        raise ValueError(
            f"data must have at least {needed} rows, got {n_rows(rows)}; "
            "give more, or a source of samples"
        )
    return Population(rows)


def _check_metrics(metrics: Mapping[str, Metric] | None) -> dict[str, Metric]:
    if not isinstance(metrics, Mapping | None):
        raise TypeError(f"metrics must map names to functions, got {metrics!r}")
    for name, metric in (metrics or {}).items():
        if not (isinstance(name, str) and name and callable(metric)):
            raise TypeError(f"metrics must map names to functions, got {name!r}: {metric!r}")
    return dict(metrics or {})


def measured_generations(generations: int, every: int) -> Ints:
    """Generations 1, `every`, 2 `every`, ..., and the last."""
    steps = np.arange(every, generations + 1, every, dtype=np.int64)
    return np.union1d(steps, np.array([1, generations]))


def make_task(
    loop: Loop,
    model: Any,
    data: Any,
    metrics: Any,
    generations: int,
    every: int,
    seed: int,
    keep: Keep | None = None,
) -> Task:
    """Check the arguments of a run."""
    require_one_bias(loop, "a run of models")
    _check_model(loop, model)
    generations = _check.count("generations", generations, maximum=MAX_GENERATIONS)
    every = _check.count("every", every)
    return Task(
        loop=loop,
        model=model,
        source=_check_data(loop, data),
        metrics=_check_metrics(metrics),
        generations=generations,
        every=every,
        measured=measured_generations(generations, every),
        seed=_check.count("seed", seed, minimum=0),
        keep=keep,
    )


def _describe_source(source: Source) -> dict[str, Any]:
    """What tells one data set from another: its digest, or the source's class and attributes."""
    if isinstance(source, Population):
        rows = source.rows
        named = rows if isinstance(rows, dict) else {"": rows}
        return {"rows": n_rows(rows), "sha256": digest(named)}
    found = describe(source)
    if callable(save := getattr(source, "save", None)):
        found["sha256"] = digest(as_arrays("data.save()", save()))
    return found


def config_of(task: Task) -> dict[str, Any]:
    """All that decides the result."""
    return {
        "loop": dataclasses.asdict(task.loop),
        "model": describe(task.model),
        "data": _describe_source(task.source),
        "metrics": sorted(task.metrics),
        "generations": task.generations,
        "every": task.every,
        "seed": task.seed,
    }
