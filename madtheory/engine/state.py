"""What a loop carries from one generation to the next, and its form on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from madtheory.engine.protocol import call
from madtheory.engine.request import Task
from madtheory.engine.samples import Arrays, Samples, as_arrays

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ground:
    """What stays the same: the fixed real set, and a sample without rows that shows their form."""

    fixed: Samples | None
    form: Samples


@dataclass(frozen=True, slots=True)
class State:
    """What the next generation needs: the models it samples, the synthetic batches it keeps."""

    generation: int = 0
    models: tuple[Any, ...] = ()
    pool: tuple[Samples, ...] = ()

    @property
    def first_model(self) -> int:
        """Generation of the oldest model kept."""
        return self.generation - len(self.models) + 1


def last(items: tuple[T, ...], n: int | None) -> tuple[T, ...]:
    """Return the last `n` items; None for all."""
    return items if n is None else items[max(len(items) - n, 0) :]


def saved_arrays(model: Any) -> Arrays:
    """Return what a model saves, as arrays."""
    return as_arrays("save()", call("save", model.save))


def next_state(task: Task, state: State, model: Any, pool: tuple[Samples, ...]) -> State:
    """Keep what later generations need; the next batch takes one place in the pool."""
    models = last((*state.models, model), task.loop.memory)
    cap = task.loop.pooled
    return State(state.generation + 1, models, last(pool, None if cap is None else cap - 1))


def named(prefix: str, samples: Samples) -> Arrays:
    """Arrays by key: the prefix, and the name of each array of a dict."""
    if not isinstance(samples, dict):
        return {prefix: samples}
    return {f"{prefix}/{name}": array for name, array in samples.items()}


def unnamed(prefix: str, arrays: Arrays) -> Samples | None:
    """Undo :func:`named`; None where there is nothing."""
    if prefix in arrays:
        return arrays[prefix]
    start = f"{prefix}/"
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)} or None


def new_arrays(state: State, saved: int) -> Arrays:
    """Models and batches of the generations after `saved`."""
    arrays: Arrays = {}
    for t, model in enumerate(state.models, state.first_model):
        if t > saved:
            arrays |= named(f"model/{t}", saved_arrays(model))
    for t, batch in enumerate(state.pool, state.generation - len(state.pool) + 1):
        if t > saved:
            arrays |= named(f"pool/{t}", batch)
    return arrays


def load_model(prototype: Any, generation: int, arrays: Arrays) -> Any:
    """Return the model of a generation from what lies on disk."""
    found = unnamed(f"model/{generation}", arrays)
    return call("load", prototype.load, {} if found is None else found)


def load_state(task: Task, generation: int, arrays: Arrays) -> State:
    """Rebuild the state of a generation from what lies on disk."""
    memory, cap = task.loop.memory, task.loop.pooled
    n_models = generation if memory is None else min(memory, generation)
    # The first generation has no synthetic batch.
    n_pool = generation - 1 if cap is None else min(cap - 1, generation - 1)
    models = [
        load_model(task.model, t, arrays) for t in range(generation - n_models + 1, generation + 1)
    ]
    pool = [unnamed(f"pool/{t}", arrays) for t in range(generation - n_pool + 1, generation + 1)]
    return State(generation, tuple(models), tuple(part for part in pool if part is not None))
