"""One generation: mix its data, fit its model, measure it; each from a generator of its own."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from madtheory._types import Array
from madtheory.engine import samples
from madtheory.engine.protocol import Rng, Source, call
from madtheory.engine.request import Population, Task
from madtheory.engine.samples import Arrays, Samples, Unusable
from madtheory.engine.state import Ground, State, saved_arrays
from madtheory.loop import Loop

#: The four streams of a generation.
DATA, SYNTHETIC, FIT, METRICS = range(4)


@dataclass(frozen=True, slots=True)
class Training:
    """A generation's training sample: one part, or for a weighted fit the real and the synthetic.

    Each part is a copy, so that a model may change it.
    """

    parts: tuple[Samples, ...]
    n_real: int

    @property
    def rows(self) -> Samples:
        """All of it."""
        return self.parts[0] if len(self.parts) == 1 else samples.concat(*self.parts)

    @property
    def n_synth(self) -> int:
        """Rows that are not real."""
        return sum(map(samples.n_rows, self.parts)) - self.n_real


def _draw(
    what: str, source: Source, n: int, bias: float, rng: Rng, form: Samples | None = None
) -> Samples | None:
    """Draw and check `n` samples; None for none."""
    if n == 0:
        return None
    return samples.as_samples(what, call(what, source.sample, n, bias, rng), n, form)


def _split(source: Source, loop: Loop, rng: Rng) -> tuple[Samples | None, ...]:
    """Draw what the first sample and the fixed set share, and what each has for itself."""
    n_more, n_extra = loop.n_initial - loop.n_shared, loop.n_fixed - loop.n_shared
    if isinstance(source, Population):
        # One batch, without replacement: the smaller set lies in the larger one.
        batch = source.sample(loop.n_shared + n_more + n_extra, 1.0, rng)
        shared = samples.take(batch, slice(loop.n_shared))
        own = samples.take(batch, slice(loop.n_shared, None))
        return shared, own if n_more else None, own if n_extra else None
    # A call for each: a source may list its samples in some order, by component perhaps.
    return (
        _draw("data", source, loop.n_shared, 1.0, rng),
        _draw("data", source, n_more, loop.first_bias, rng),
        _draw("data", source, n_extra, 1.0, rng),
    )


def first_data(task: Task) -> tuple[Samples, Ground]:
    """Draw the first sample and the fixed set, which share `n_shared` samples."""
    shared, more, extra = _split(task.source, task.loop, task.rng(1, DATA))
    first = samples.concat(shared, more)
    fixed = samples.concat(shared, extra) if task.loop.n_fixed else None
    return first, Ground(fixed, samples.take(first, slice(0)))


def synthetic_batch(task: Task, ground: Ground, state: State) -> Samples:
    """Draw n_synth samples, each from a uniformly drawn one of the models."""
    loop, n = task.loop, len(state.models)
    rng = task.rng(state.generation + 1, SYNTHETIC)
    counts = [loop.n_synth] if n == 1 else rng.multinomial(loop.n_synth, np.full(n, 1 / n)).tolist()
    parts = [
        _draw(
            f"sample of model {state.first_model + i}", model, m, loop.scalar_bias, rng, ground.form
        )
        for i, (model, m) in enumerate(zip(state.models, counts, strict=True))
    ]
    return samples.concat(*parts)


def later_data(task: Task, ground: Ground, state: State, pool: tuple[Samples, ...]) -> Training:
    """Mix the data of a generation after the first: fixed, synthetic (oldest first), fresh."""
    loop, rng = task.loop, task.rng(state.generation + 1, DATA)
    fresh = _draw("data", task.source, loop.n_fresh, 1.0, rng, ground.form)
    if loop.weight is not None:
        real = samples.concat(ground.fixed, fresh)
        return Training((real, samples.concat(*pool)), loop.n_real)
    n_pooled = loop.n_fixed + len(pool) * loop.n_synth
    if loop.budget is None or n_pooled <= loop.budget:
        return Training((samples.concat(ground.fixed, *pool, fresh),), loop.n_real)
    # A budget is drawn without replacement from the fixed and pooled rows.
    chosen = np.sort(rng.choice(n_pooled, loop.budget, replace=False))
    kept = samples.take(samples.concat(ground.fixed, *pool), chosen)
    n_fixed = int((chosen < loop.n_fixed).sum())
    return Training((samples.concat(kept, fresh),), n_fixed + loop.n_fresh)


def fit_next(task: Task, state: State, training: Training, folder: Path | None = None) -> Any:
    """Fit the next model and see that it is a new one that knows no NaN.

    `folder` is for the checkpoint of a model that keeps one.
    """
    rng = task.rng(state.generation + 1, FIT)
    kept = {"folder": folder} if getattr(task.model, "keeps_checkpoints", False) else {}
    warm = state.models and getattr(task.model, "warm_start", False)
    start = state.models[-1] if warm else task.model
    if len(training.parts) == 1:
        fitted = call("fit", partial(start.fit, **kept), *training.parts, rng)
    else:
        weight = task.loop.weight
        fit = partial(start.fit_weighted, **kept)
        fitted = call("fit_weighted", fit, *training.parts, weight, rng)
    if fitted is None or fitted is start:
        got = "nothing" if fitted is None else "the one it was called on"
        raise Unusable(f"fit must return a new model, got {got}")
    for name, array in saved_arrays(fitted).items():
        if samples.has_nan(array):
            raise Unusable(f"fit must give finite parameters, got a NaN in {name}")
    return fitted


def _number(name: str, value: Any) -> Array:
    """A metric's value as one float or a list of floats."""
    array = samples.as_array(f"metric {name}", value)
    if array.ndim > 1 or array.dtype.kind not in "fiub":
        raise Unusable(f"metric {name} must return numbers, got {array.dtype} {array.shape}")
    return array.astype(np.float64)


def measure(task: Task, model: Any, generation: int, rows: Samples) -> Arrays:
    """All metrics of a generation; each has a generator that does not depend on the others."""
    found = {}
    for name, metric in task.metrics.items():
        rng = task.rng(generation, METRICS, zlib.crc32(name.encode()))
        found[name] = _number(name, call(f"metric {name}", metric, model, rows, rng))
    return found
