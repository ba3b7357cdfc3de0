"""One engine for every model and every loop: fit, sample, mix with real data, fit again.

:func:`run_loop` runs what a :class:`~madtheory.loops.Loop` says with any object that has the four
methods of :class:`GenerativeModel`; :func:`run_seeds` runs it for several seeds and gives bands.
Generation t draws from four generators of its own, children of (seed, t), for real data, synthetic
data, fitting and metrics; so a run that was killed goes on to the same bits.
"""

from __future__ import annotations

import dataclasses
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from madtheory import _engine_store, _samples, _threads, _validate
from madtheory._curves import LEVELS, Bands, Curves, bands
from madtheory._samples import Samples, Unusable
from madtheory._threads import on_processes, on_threads
from madtheory.loops import Loop

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Bands",
    "Curves",
    "GenerativeModel",
    "LoopStopped",
    "Samples",
    "bands",
    "read_curves",
    "read_model",
    "run_loop",
    "run_seeds",
]

Rng = np.random.Generator
Arrays = dict[str, "NDArray[Any]"]
T = TypeVar("T")
#: The four streams of a generation.
DATA, SYNTHETIC, FIT, METRICS = range(4)


# --- what a user brings --------------------------------------------------------------------------


class Source(Protocol):
    """Real data without end: independent samples. Every fitted model is one."""

    def sample(self, n: int, bias: float, rng: Rng, /) -> Samples:
        """Draw `n` samples; real data have bias 1."""
        ...


class GenerativeModel(Protocol):
    """What the engine asks of a model; samples are an array, or a dict of arrays of equal length.

    The object given to :func:`run_loop` is a prototype: it holds hyper-parameters and is never
    changed. All randomness comes from the `rng` of the call.

    A loop with a `weight` needs ``fit_weighted(real, synthetic, weight, rng)`` too. A prototype
    with ``warm_start = True`` has each generation fitted by the model of the one before.
    """

    def fit(self, samples: Any, rng: Rng, /) -> GenerativeModel:
        """Return a new fitted model; this one stays as it is."""
        ...

    def sample(self, n: int, bias: float, rng: Rng, /) -> Any:
        """Draw `n` samples with sampling bias lambda = `bias`; 1 is unbiased."""
        ...

    def save(self) -> dict[str, Any]:
        """Return plain arrays (or tensors): all that the fitted model needs."""
        ...

    def load(self, arrays: dict[str, NDArray[Any]], /) -> GenerativeModel:
        """Return the fitted model that `save` wrote; called on the prototype."""
        ...


Metric = Callable[[Any, Any, Rng], Any]
ShowProgress = Callable[[int, int], None] | bool | None


class LoopStopped(RuntimeError):
    """A model that cannot go on: `generation` was not finished, for `reason`; earlier ones were."""

    def __init__(self, generation: int, reason: str, seed: int = 0) -> None:
        super().__init__(generation, reason, seed)
        self.generation, self.reason, self.seed = generation, reason, seed

    def __str__(self) -> str:
        return f"loop of seed {self.seed} stopped at generation {self.generation}: {self.reason}"


# --- the request ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Population:
    """Finite real data: every batch is drawn without replacement, batches independently."""

    rows: Samples

    def sample(self, n: int, bias: float, rng: Rng) -> Samples:
        chosen = rng.choice(_samples.n_rows(self.rows), n, replace=False)
        return _samples.take(self.rows, chosen)


@dataclass(frozen=True, slots=True)
class _Task:
    """A checked request."""

    loop: Loop
    model: Any
    source: Source
    metrics: dict[str, Metric]
    generations: int
    every: int
    measured: NDArray[np.int64]
    seed: int

    @property
    def pool_cap(self) -> int | None:
        """Synthetic batches that a generation is trained on, None for all."""
        return self.loop.pool_cap if self.loop.pool == "accumulate" else 1

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
    rows = _samples.as_samples("data", data)
    if loop.first_bias != 1.0:
        raise ValueError("data must have a method sample for a biased first generation, got rows")
    needed = max(loop.n_initial, loop.n_fixed, loop.n_fresh)
    if _samples.n_rows(rows) < needed:
        raise ValueError(f"data must have at least {needed} rows, got {_samples.n_rows(rows)}")
    return _Population(rows)


def _check_metrics(metrics: Mapping[str, Metric] | None) -> dict[str, Metric]:
    for name, metric in (metrics or {}).items():
        if not (isinstance(name, str) and name and callable(metric)):
            raise TypeError(f"metrics must map names to functions, got {name!r}: {metric!r}")
    return dict(metrics or {})


def _measured(generations: int, every: int) -> NDArray[np.int64]:
    """Generations 1, `every`, 2 `every`, ..., and the last."""
    steps = range(every, generations + 1, every)
    return np.array(sorted({1, *steps, generations}), dtype=np.int64)


def _make_task(
    loop: Loop, model: Any, data: Any, metrics: Any, generations: int, every: int, seed: int
) -> _Task:
    if not isinstance(loop, Loop):
        raise TypeError(f"loop must be a Loop, got {type(loop).__name__}")
    _check_model(loop, model)
    generations = _validate.count("generations", generations)
    every = _validate.count("every", every)
    return _Task(
        loop=loop,
        model=model,
        source=_check_data(loop, data),
        metrics=_check_metrics(metrics),
        generations=generations,
        every=every,
        measured=_measured(generations, every),
        seed=_validate.count("seed", seed, minimum=0),
    )


def _describe_source(source: Source) -> dict[str, Any]:
    """What tells one data set from another: its digest, or the source's class and attributes."""
    if isinstance(source, _Population):
        rows = source.rows
        named = rows if isinstance(rows, dict) else {"": rows}
        return {"rows": _samples.n_rows(rows), "sha256": _samples.digest(named)}
    found = _engine_store.describe(source)
    if callable(save := getattr(source, "save", None)):
        found["sha256"] = _samples.digest(_samples.as_arrays("data.save()", save()))
    return found


def _config_of(task: _Task) -> dict[str, Any]:
    """All that decides the result."""
    return {
        "loop": dataclasses.asdict(task.loop),
        "model": _engine_store.describe(task.model),
        "data": _describe_source(task.source),
        "metrics": sorted(task.metrics),
        "generations": task.generations,
        "every": task.every,
        "seed": task.seed,
    }


# --- one generation ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ground:
    """What stays the same: the fixed real set, and a sample without rows that shows their form."""

    fixed: Samples | None
    form: Samples


@dataclass(frozen=True, slots=True)
class _State:
    """What the next generation needs: the models it samples, the synthetic batches it keeps."""

    generation: int = 0
    models: tuple[Any, ...] = ()
    pool: tuple[Samples, ...] = ()

    @property
    def first_model(self) -> int:
        """Generation of the oldest model kept."""
        return self.generation - len(self.models) + 1


@dataclass(frozen=True, slots=True)
class _Training:
    """A generation's training sample: one part, or for a weighted fit the real and the synthetic.

    Each part is a copy, so that a model may change it.
    """

    parts: tuple[Samples, ...]
    n_real: int

    @property
    def rows(self) -> Samples:
        """All of it."""
        return self.parts[0] if len(self.parts) == 1 else _samples.concat(*self.parts)

    @property
    def n_synth(self) -> int:
        """Rows that are not real."""
        return sum(map(_samples.n_rows, self.parts)) - self.n_real


def _call(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a user's function; whatever goes wrong in it becomes one sentence."""
    try:
        return function(*arguments)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise Unusable(f"{what} raised {type(error).__name__}: {reason}") from error


def _draw(
    what: str, source: Source, n: int, bias: float, rng: Rng, form: Samples | None = None
) -> Samples | None:
    """Draw and check `n` samples; None for none."""
    if n == 0:
        return None
    return _samples.as_samples(what, _call(what, source.sample, n, bias, rng), n, form)


def _last(items: tuple[T, ...], n: int | None) -> tuple[T, ...]:
    return items if n is None else items[max(len(items) - n, 0) :]


def _split(source: Source, loop: Loop, rng: Rng) -> tuple[Samples | None, ...]:
    """Draw what the first sample and the fixed set share, and what each has for itself."""
    n_more, n_extra = loop.n_initial - loop.n_shared, loop.n_fixed - loop.n_shared
    if isinstance(source, _Population):
        # One batch, without replacement: the smaller set lies in the larger one.
        batch = source.sample(loop.n_shared + n_more + n_extra, 1.0, rng)
        shared = _samples.take(batch, slice(loop.n_shared))
        own = _samples.take(batch, slice(loop.n_shared, None))
        return shared, own if n_more else None, own if n_extra else None
    # A call for each: a source may list its samples in some order, by component perhaps.
    return (
        _draw("data", source, loop.n_shared, 1.0, rng),
        _draw("data", source, n_more, loop.first_bias, rng),
        _draw("data", source, n_extra, 1.0, rng),
    )


def _first_data(task: _Task) -> tuple[Samples, _Ground]:
    """Draw the first sample and the fixed set, which share `n_shared` samples."""
    shared, more, extra = _split(task.source, task.loop, task.rng(1, DATA))
    first = _samples.concat(shared, more)
    fixed = _samples.concat(shared, extra) if task.loop.n_fixed else None
    return first, _Ground(fixed, _samples.take(first, slice(0)))


def _synthetic_batch(task: _Task, ground: _Ground, state: _State) -> Samples:
    """Draw n_synth samples, each from a uniformly drawn one of the models."""
    loop, n = task.loop, len(state.models)
    rng = task.rng(state.generation + 1, SYNTHETIC)
    counts = [loop.n_synth] if n == 1 else rng.multinomial(loop.n_synth, np.full(n, 1 / n)).tolist()
    parts = [
        _draw(f"sample of model {state.first_model + i}", model, m, loop.bias, rng, ground.form)
        for i, (model, m) in enumerate(zip(state.models, counts, strict=True))
    ]
    return _samples.concat(*parts)


def _chosen(loop: Loop, n_pooled: int, rng: Rng) -> NDArray[np.int64] | None:
    """Choose `budget` of the fixed and pooled rows without replacement; None for all of them."""
    if loop.budget is None or n_pooled <= loop.budget:
        return None
    return np.sort(rng.choice(n_pooled, loop.budget, replace=False))


def _later_data(
    task: _Task, ground: _Ground, state: _State, pool: tuple[Samples, ...]
) -> _Training:
    """Mix the data of a generation after the first: fixed, synthetic (oldest first), fresh."""
    loop, rng = task.loop, task.rng(state.generation + 1, DATA)
    fresh = _draw("data", task.source, loop.n_fresh, 1.0, rng, ground.form)
    if loop.weight is not None:
        real = _samples.concat(ground.fixed, fresh)
        return _Training((real, _samples.concat(*pool)), loop.n_real)
    chosen = _chosen(loop, loop.n_fixed + len(pool) * loop.n_synth, rng)
    if chosen is None:
        return _Training((_samples.concat(ground.fixed, *pool, fresh),), loop.n_real)
    kept = _samples.take(_samples.concat(ground.fixed, *pool), chosen)
    n_fixed = int((chosen < loop.n_fixed).sum())
    return _Training((_samples.concat(kept, fresh),), n_fixed + loop.n_fresh)


def _fit(task: _Task, state: _State, training: _Training) -> Any:
    """Fit the next model and see that it is a new one that knows no NaN."""
    rng = task.rng(state.generation + 1, FIT)
    warm = state.models and getattr(task.model, "warm_start", False)
    start = state.models[-1] if warm else task.model
    if len(training.parts) == 1:
        fitted = _call("fit", start.fit, *training.parts, rng)
    else:
        weight = task.loop.weight
        fitted = _call("fit_weighted", start.fit_weighted, *training.parts, weight, rng)
    if fitted is None or fitted is start:
        got = "nothing" if fitted is None else "the one it was called on"
        raise Unusable(f"fit must return a new model, got {got}")
    for name, array in _saved(fitted).items():
        if _samples.has_nan(array):
            raise Unusable(f"fit must give finite parameters, got a NaN in {name}")
    return fitted


def _saved(model: Any) -> dict[str, NDArray[Any]]:
    return _samples.as_arrays("save()", _call("save", model.save))


def _next_state(task: _Task, state: _State, model: Any, pool: tuple[Samples, ...]) -> _State:
    """Keep what later generations need; the next batch takes one place in the pool."""
    models = _last((*state.models, model), task.loop.memory)
    cap = task.pool_cap
    return _State(state.generation + 1, models, _last(pool, None if cap is None else cap - 1))


def _number(name: str, value: Any) -> NDArray[np.float64]:
    """A metric's value as one float or a list of floats."""
    array = _samples.as_array(f"metric {name}", value)
    if array.ndim > 1 or array.dtype.kind not in "fiub":
        raise Unusable(f"metric {name} must return numbers, got {array.dtype} {array.shape}")
    return array.astype(np.float64)


def _measure(task: _Task, model: Any, generation: int, rows: Samples) -> Arrays:
    """All metrics of a generation; each has a generator that does not depend on the others."""
    found = {}
    for name, metric in task.metrics.items():
        rng = task.rng(generation, METRICS, zlib.crc32(name.encode()))
        found[name] = _number(name, _call(f"metric {name}", metric, model, rows, rng))
    return found


# --- a run ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Point:
    """A finished generation and the place of its line in stats.jsonl, in step with each other."""

    state: _State
    mark: _engine_store.Mark


@dataclass(slots=True)
class _Run:
    """A loop at work: metrics by place in `task.measured`, and the last finished generation."""

    task: _Task
    folder: _engine_store.RunFolder | None
    ground: _Ground
    first: Samples | None
    point: _Point
    record: Arrays

    def go(self, show: Callable[[int, int], None]) -> None:
        """Run to the end; whatever ends it, finished generations are saved."""
        try:
            while self.point.state.generation < self.task.generations:
                self.step()
                show(self.point.state.generation, self.task.generations)
                if self.folder is not None and self.folder.due():
                    self.save(self.folder)
        except LoopStopped as stop:
            if self.folder is not None:
                self.folder.stop(stop.generation, stop.reason)
            raise
        finally:
            if self.folder is not None:
                self.save(self.folder)

    def step(self) -> None:
        """Run one generation: data, model, metrics, in this order."""
        task, state = self.task, self.point.state
        times = [time.perf_counter()]
        try:
            training, pool = self.data()
            times.append(time.perf_counter())
            model = _fit(task, state, training)
            times.append(time.perf_counter())
            metrics = self.measure(model, training)
        except Unusable as error:
            raise LoopStopped(state.generation + 1, str(error), task.seed) from error
        times.append(time.perf_counter())
        mark = self.note(training, metrics, times)
        self.point = _Point(_next_state(task, state, model, pool), mark)

    def data(self) -> tuple[_Training, tuple[Samples, ...]]:
        """Training sample of the next generation, and the synthetic batches in it."""
        state = self.point.state
        if state.generation == 0:
            first = _first_data(self.task)[0] if self.first is None else self.first
            self.first = None
            return _Training((first,), self.task.loop.n_initial), ()
        batch = _synthetic_batch(self.task, self.ground, state)
        pool = _last((*state.pool, batch), self.task.pool_cap)
        return _later_data(self.task, self.ground, state, pool), pool

    def measure(self, model: Any, training: _Training) -> Arrays:
        """Metrics of the next generation, put in their place; none where none are asked for."""
        generation, measured = self.point.state.generation + 1, self.task.measured
        slot = int(np.searchsorted(measured, generation))
        if measured[slot] != generation:
            return {}
        metrics = _measure(self.task, model, generation, training.rows)
        for name, value in metrics.items():
            places = self.record.setdefault(name, np.zeros((measured.size, *value.shape)))
            if value.shape != places.shape[1:]:
                shapes = f"{places.shape[1:]}, got {value.shape}"
                raise Unusable(f"metric {name} must keep its shape {shapes}")
            places[slot] = value
        return metrics

    def note(self, training: _Training, metrics: Arrays, times: list[float]) -> _engine_store.Mark:
        """Write the generation's lines."""
        if self.folder is None:
            return self.point.mark
        generation = self.point.state.generation + 1
        counts = {"n_real": training.n_real, "n_synth": training.n_synth}
        spent = zip(("data", "fit", "metrics"), np.diff(times).round(6).tolist(), strict=True)
        return self.folder.append(
            {"generation": generation, **counts, "metrics": metrics},
            {"generation": generation, **dict(spent)},
        )

    def save(self, folder: _engine_store.RunFolder) -> None:
        """Save the last finished generation, unless it is saved."""
        state, saved = self.point.state, folder.snapshot.generation if folder.snapshot else 0
        if state.generation == saved:
            return
        done = int((self.task.measured <= state.generation).sum())
        metrics = {name: places[:done] for name, places in self.record.items()}
        first = min(state.first_model, state.generation - len(state.pool) + 1)
        folder.save(state.generation, metrics, self.point.mark, _new_arrays(state, saved), first)


def _named(prefix: str, samples: Samples) -> Arrays:
    """Arrays by key: the prefix, and the name of each array of a dict."""
    if not isinstance(samples, dict):
        return {prefix: samples}
    return {f"{prefix}/{name}": array for name, array in samples.items()}


def _unnamed(prefix: str, arrays: Arrays) -> Samples | None:
    """Undo :func:`_named`; None where there is nothing."""
    if prefix in arrays:
        return arrays[prefix]
    start = f"{prefix}/"
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)} or None


def _new_arrays(state: _State, saved: int) -> Arrays:
    """Models and batches of the generations after `saved`."""
    arrays: Arrays = {}
    for t, model in enumerate(state.models, state.first_model):
        if t > saved:
            arrays |= _named(f"model/{t}", _saved(model))
    for t, batch in enumerate(state.pool, state.generation - len(state.pool) + 1):
        if t > saved:
            arrays |= _named(f"pool/{t}", batch)
    return arrays


def _load_model(prototype: Any, generation: int, arrays: Arrays) -> Any:
    found = _unnamed(f"model/{generation}", arrays)
    return _call("load", prototype.load, {} if found is None else found)


def _load_state(task: _Task, generation: int, arrays: Arrays) -> _State:
    """Rebuild the state of a generation from what lies on disk."""
    memory, cap = task.loop.memory, task.pool_cap
    n_models = generation if memory is None else min(memory, generation)
    # The first generation has no synthetic batch.
    n_pool = generation - 1 if cap is None else min(cap - 1, generation - 1)
    models = [
        _load_model(task.model, t, arrays) for t in range(generation - n_models + 1, generation + 1)
    ]
    pool = [_unnamed(f"pool/{t}", arrays) for t in range(generation - n_pool + 1, generation + 1)]
    return _State(generation, tuple(models), tuple(part for part in pool if part is not None))


def _begin(task: _Task, folder: _engine_store.RunFolder | None) -> _Run:
    """Draw the first data of a new run."""
    first, ground = _first_data(task)
    if folder is not None:
        fixed = {} if ground.fixed is None else _named("fixed", ground.fixed)
        folder.begin(_named("form", ground.form) | fixed)
    return _Run(task, folder, ground, first, _Point(_State(), _engine_store.Mark()), {})


def _resume(task: _Task, folder: _engine_store.RunFolder, at: _engine_store.Snapshot) -> _Run:
    """Go on from a snapshot."""
    arrays = folder.arrays()
    form = _unnamed("form", arrays)
    assert form is not None  # begin() wrote it, and digests say that it is still there
    state = _load_state(task, at.generation, arrays) if at.generation else _State()
    record = {}
    for name, values in at.metrics.items():
        record[name] = np.zeros((task.measured.size, *values.shape[1:]))
        record[name][: len(values)] = values
    ground = _Ground(_unnamed("fixed", arrays), form)
    return _Run(task, folder, ground, None, _Point(state, at.mark), record)


def _run(
    task: _Task, folder: _engine_store.RunFolder | None, show: Callable[[int, int], None]
) -> Curves:
    """Run a task to its end, or read it when it is there."""
    at = folder.snapshot if folder is not None else None
    if at is not None and at.generation == task.generations:
        return Curves(task.measured, at.metrics, task.seed, at.generation)
    try:
        run = _begin(task, folder) if folder is None or at is None else _resume(task, folder, at)
    except Unusable as error:
        reached = 0 if at is None else at.generation
        raise LoopStopped(reached + 1, str(error), task.seed) from error
    run.go(show)
    return Curves(task.measured, run.record, task.seed, task.generations)


def _run_at(task: _Task, out: Path | None, show: Callable[[int, int], None]) -> Curves:
    """Run a task, in a folder of its own or without one."""
    if out is None:
        return _run(task, None, show)
    with _engine_store.open_folder(out, _config_of(task)) as folder:
        return _run(task, folder, show)


def run_loop(
    loop: Loop,
    model: GenerativeModel,
    data: Any,
    *,
    generations: int,
    metrics: Mapping[str, Metric] | None = None,
    out: Path | str | None = None,
    seed: int = 0,
    every: int = 1,
    progress: ShowProgress = None,
) -> Curves:
    """Run a loop with a model: `generations` models, each fitted to what `loop` says.

    A training sample lies in blocks: fixed real rows, synthetic ones (the oldest first), fresh
    ones. A model that reads its data in order should shuffle them. Arrays that a model is given
    are its own: it may change them.

    Parameters
    ----------
    loop : Loop
        Any loop. `ddof`, `shrinkage` and `floor` are matters of the model: its attributes of
        these names must be those of the loop. A model without `ddof` ignores the loop's; one
        without the others needs a loop that has none.
    model : GenerativeModel
        The prototype; it is not changed.
    data : array_like, dict of array_like, or object with ``sample(n, bias, rng)``
        Rows of a finite population: each batch is drawn uniformly without replacement, batches
        of different generations independently; or a source of independent samples, such as a
        fitted model. A biased first generation needs a source.
    generations : int
    metrics : mapping of str to callable
        ``metric(fitted_model, training_sample, rng)`` returns a number or a list of numbers,
        always as many.
    out : str, Path or None
        The run folder; its parent must exist. A run that was interrupted goes on where it was
        last saved, a finished one is read.
    seed : int
        Decides everything random, together with the request.
    every : int
        Measure generations 1, `every`, 2 `every`, ..., and the last.
    progress : callable, bool or None
        ``progress(generation, generations)`` after each; True shows a bar if stderr is a
        terminal.

    Returns
    -------
    Curves

    Raises
    ------
    LoopStopped
        When the model (or a metric, or the source of data) raises, or returns what cannot be
        used; the reason is in it, and earlier generations stay readable in `out`.
    ValueError, TypeError
        When an argument is out of its range, or `out` is damaged, held by another process or of
        another configuration.

    Examples
    --------
    >>> import numpy as np
    >>> from madtheory.loops import fully_synthetic
    >>> class Normal:
    ...     def __init__(self, mean=0.0, std=1.0):
    ...         self.mean, self.std = mean, std
    ...     def fit(self, samples, rng):
    ...         return Normal(samples.mean(), samples.std(ddof=1))
    ...     def sample(self, n, bias, rng):
    ...         return rng.normal(self.mean, bias**0.5 * self.std, n)
    ...     def save(self):
    ...         return {"mean": np.array(self.mean), "std": np.array(self.std)}
    ...     def load(self, arrays):
    ...         return Normal(arrays["mean"][()], arrays["std"][()])
    >>> curves = run_loop(
    ...     fully_synthetic(20, bias=0.9),
    ...     Normal(),
    ...     np.random.default_rng(0).normal(size=1000),
    ...     generations=200,
    ...     metrics={"std": lambda model, samples, rng: model.std},
    ... )
    >>> curves.generations.size, bool(curves.metrics["std"][-1] < 1e-3)
    (200, True)
    """
    task = _make_task(loop, model, data, metrics, generations, every, seed)
    with _progress(progress) as show:
        return _run_at(task, None if out is None else Path(out), show)


@contextmanager
def _progress(progress: ShowProgress) -> Iterator[Callable[[int, int], None]]:
    """Return what is told of every generation: nothing, the user's function, or a bar."""
    if callable(progress):
        yield progress
        return
    with _threads.progress_bar(bool(progress), "generations") as show:
        yield show


# --- reading a folder ----------------------------------------------------------------------------


def read_curves(out: Path | str) -> Curves:
    """Return what a run folder holds so far: finished, stopped, interrupted or at work.

    Raises
    ------
    ValueError
        When `out` is no run folder, or is damaged.
    """
    found = _engine_store.read_progress(Path(out))
    config, at = found.config, found.snapshot
    measured = _measured(config["generations"], config["every"])
    measured = measured[measured <= at.generation]
    return Curves(measured, at.metrics, config["seed"], at.generation, found.stopped)


def read_model(out: Path | str, model: GenerativeModel, generation: int | None = None) -> Any:
    """Return a fitted model that a run folder keeps; None for the last one.

    A run keeps the last `memory` models of its loop.

    Raises
    ------
    ValueError
        When `out` is no run folder, is damaged, or does not keep this generation.
    """
    found = _engine_store.read_progress(Path(out))
    reached, memory = found.snapshot.generation, found.config["loop"]["memory"]
    generation = reached if generation is None else generation
    if not max(reached - memory if memory else 0, 0) < generation <= reached:
        raise ValueError(f"generation must be one whose model is kept, got {generation}")
    arrays = _engine_store.read_arrays(Path(out), found.snapshot)
    return _load_model(model, generation, arrays)


# --- seeds side by side --------------------------------------------------------------------------


def _seed_folders(out: Path | str | None, tasks: list[_Task]) -> list[Path | None]:
    """out/seed-0, ...; the folder itself is made, its parent must exist."""
    if out is None:
        return [None] * len(tasks)
    if not Path(out).parent.is_dir():
        raise ValueError(f"out must lie in an existing folder, got {out}")
    try:
        Path(out).mkdir(exist_ok=True)
    except OSError as error:
        raise ValueError(f"out must be a writable folder, got {out}: {error.strerror}") from None
    return [Path(out) / f"seed-{task.seed}" for task in tasks]


def run_seeds(
    loop: Loop,
    model: GenerativeModel,
    data: Any,
    *,
    generations: int,
    seeds: Sequence[int],
    metrics: Mapping[str, Metric] | None = None,
    out: Path | str | None = None,
    workers: int | None = None,
    every: int = 1,
    levels: Sequence[float] = LEVELS,
    processes: bool = False,
    progress: ShowProgress = None,
) -> Bands:
    """Run a loop for several seeds side by side; parameters not listed are those of `run_loop`.

    Each seed gives the same bits whatever `workers` is: BLAS has one thread here.

    Parameters
    ----------
    seeds : sequence of int
        At least one, all different.
    out : str, Path or None
        Folder of the run folders ``seed-0``, ...; seeds that are finished there are read.
    workers : int or None
        Seeds at the same time; None: all available processors.
    levels : sequence of float
        Quantiles over seeds.
    processes : bool
        Use processes, not threads: for models that hold Python's lock, or that use a random
        generator shared by the whole process (`torch.manual_seed` sets one). Model, data and
        metrics must then be importable, not written in a lambda or a notebook.

    Returns
    -------
    Bands

    Raises
    ------
    LoopStopped, ValueError, TypeError
        As :func:`run_loop`; the first seed that fails ends the others.
    """
    tasks = [_make_task(loop, model, data, metrics, generations, every, s) for s in seeds]
    if not tasks or len({task.seed for task in tasks}) < len(tasks):
        raise ValueError(f"seeds must be different and at least one, got {list(seeds)}")
    many, folders = _threads.processors("workers", workers), _seed_folders(out, tasks)
    runs = [partial(_run_at, task, folder) for task, folder in zip(tasks, folders, strict=True)]
    with _progress(progress) as show:
        curves = (on_processes if processes else on_threads)(runs, many, show)
    return bands(curves, levels=levels)
