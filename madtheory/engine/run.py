"""Running a loop to its end, from its start or from where it was last saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import madtheory.engine.store as store
from madtheory import _threads
from madtheory._threads import on_processes, on_threads
from madtheory.engine.curves import LEVELS, Bands, Curves, bands, checked_levels
from madtheory.engine.generation import (
    Training,
    first_data,
    fit_next,
    later_data,
    measure,
    synthetic_batch,
)
from madtheory.engine.protocol import GenerativeModel, Keep, LoopStopped, Metric, ShowProgress
from madtheory.engine.request import Task, config_of, make_task, measured_generations
from madtheory.engine.samples import Arrays, Samples, Unusable
from madtheory.engine.state import (
    Ground,
    State,
    last,
    load_model,
    load_state,
    named,
    new_arrays,
    next_state,
    unnamed,
)
from madtheory.files import run_folder
from madtheory.loop import Loop


@dataclass(frozen=True, slots=True)
class _Point:
    """A finished generation and the place of its line in stats.jsonl, in step with each other."""

    state: State
    mark: store.Mark


@dataclass(slots=True)
class _Run:
    """A loop at work: metrics by place in `task.measured`, and the last finished generation."""

    task: Task
    folder: store.RunFolder | None
    ground: Ground
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
            model = fit_next(task, state, training, self.fit_folder())
            times.append(time.perf_counter())
            metrics = self.measure(model, training)
        except Unusable as error:
            raise LoopStopped(state.generation + 1, str(error), task.seed) from error
        if task.keep is not None:
            task.keep(state.generation + 1, model)
        times.append(time.perf_counter())
        mark = self.note(training, metrics, times)
        self.point = _Point(next_state(task, state, model, pool), mark)

    def fit_folder(self) -> Path | None:
        """Where the next fit may keep its checkpoint."""
        folder, generation = self.folder, self.point.state.generation + 1
        return None if folder is None else folder.fit_folder(generation)

    def data(self) -> tuple[Training, tuple[Samples, ...]]:
        """Training sample of the next generation, and the synthetic batches in it."""
        state = self.point.state
        if state.generation == 0:
            first = first_data(self.task)[0] if self.first is None else self.first
            self.first = None
            return Training((first,), self.task.loop.n_initial), ()
        batch = synthetic_batch(self.task, self.ground, state)
        pool = last((*state.pool, batch), self.task.loop.pooled)
        return later_data(self.task, self.ground, state, pool), pool

    def measure(self, model: Any, training: Training) -> Arrays:
        """Metrics of the next generation, put in their place; none where none are asked for."""
        generation, measured = self.point.state.generation + 1, self.task.measured
        slot = int(np.searchsorted(measured, generation))
        if measured[slot] != generation:
            return {}
        metrics = measure(self.task, model, generation, training.rows)
        for name, value in metrics.items():
            places = self.record.setdefault(name, np.zeros((measured.size, *value.shape)))
            if value.shape != places.shape[1:]:
                shapes = f"{places.shape[1:]}, got {value.shape}"
                raise Unusable(f"metric {name} must keep its shape {shapes}")
            places[slot] = value
        return metrics

    def note(self, training: Training, metrics: Arrays, times: list[float]) -> store.Mark:
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

    def save(self, folder: store.RunFolder) -> None:
        """Save the last finished generation, unless it is saved."""
        state, saved = self.point.state, folder.snapshot.generation if folder.snapshot else 0
        if state.generation == saved:
            return
        done = int((self.task.measured <= state.generation).sum())
        metrics = {name: places[:done] for name, places in self.record.items()}
        first = min(state.first_model, state.generation - len(state.pool) + 1)
        folder.save(state.generation, metrics, self.point.mark, new_arrays(state, saved), first)


def _begin(task: Task, folder: store.RunFolder | None) -> _Run:
    """Draw the first data of a new run."""
    first, ground = first_data(task)
    if folder is not None:
        fixed = {} if ground.fixed is None else named("fixed", ground.fixed)
        folder.begin(named("form", ground.form) | fixed)
    return _Run(task, folder, ground, first, _Point(State(), store.Mark()), {})


def _resume(task: Task, folder: store.RunFolder, at: store.Snapshot) -> _Run:
    """Go on from a snapshot."""
    arrays = store.load_arrays(folder.folder, at)
    form = unnamed("form", arrays)
    assert form is not None  # begin() wrote it, and digests say that it is still there
    state = load_state(task, at.generation, arrays) if at.generation else State()
    record = {}
    for name, values in at.metrics.items():
        record[name] = np.zeros((task.measured.size, *values.shape[1:]))
        record[name][: len(values)] = values
    ground = Ground(unnamed("fixed", arrays), form)
    return _Run(task, folder, ground, None, _Point(state, at.mark), record)


def _run(task: Task, folder: store.RunFolder | None, show: Callable[[int, int], None]) -> Curves:
    """Run a task to its end, or read it when it is there."""
    at = folder.snapshot if folder is not None else None
    check = getattr(task.keep, "check", None)
    if at is not None and at.generation and check is not None:
        check(at.generation)
    if at is not None and at.generation == task.generations:
        return Curves(task.measured, at.metrics, task.seed, at.generation)
    try:
        run = _begin(task, folder) if folder is None or at is None else _resume(task, folder, at)
    except Unusable as error:
        reached = 0 if at is None else at.generation
        raise LoopStopped(reached + 1, str(error), task.seed) from error
    run.go(show)
    return Curves(task.measured, run.record, task.seed, task.generations)


def _run_at(task: Task, out: Path | None, show: Callable[[int, int], None]) -> Curves:
    """Run a task, in a folder of its own or without one."""
    if out is None:
        return _run(task, None, show)
    with store.open_folder(out, config_of(task)) as folder:
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
    keep: Keep | None = None,
    progress: ShowProgress = None,
) -> Curves:
    """Run a loop with a model: `generations` models, each fitted to what `loop` says.

    A training sample lies in blocks: fixed real rows, synthetic ones (the oldest first), fresh
    ones. A model that reads its data in order should shuffle them. Arrays that a model is given
    are its own: it may change them. When it (or a metric, or the source of data) raises, or returns
    what cannot be used, :class:`LoopStopped` says why, and `out` keeps the earlier generations.

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
    keep : callable or None
        ``keep(generation, fitted_model)`` after the metrics of each generation, before it is
        saved: for files of one's own. A generation that was not saved is run again, and so is it.
        ``keep.check(generation)``, if there is one, is called before a run goes on from there: what
        it raises ends the run before anything is fitted.
    progress : callable, bool or None
        ``progress(generation, generations)`` after each; True shows a bar if stderr is a
        terminal.

    Examples
    --------
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
    task = make_task(loop, model, data, metrics, generations, every, seed, keep)
    with _progress(progress) as show:
        return _run_at(task, store.folder_path(out), show)


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
    """Return what a run folder holds so far: finished, stopped, interrupted or at work."""
    found = store.read_progress(Path(out))
    config, at = found.config, found.snapshot
    measured = measured_generations(config["generations"], config["every"])
    measured = measured[measured <= at.generation]
    return Curves(measured, at.metrics, config["seed"], at.generation, found.stopped)


def read_model(out: Path | str, model: GenerativeModel, generation: int | None = None) -> Any:
    """Return a fitted model that a run folder keeps; None for the last one.

    A run keeps the last `memory` models of its loop.
    """
    found = store.read_progress(Path(out))
    reached, memory = found.snapshot.generation, found.config["loop"]["memory"]
    at = reached if generation is None else generation
    if not max(reached - memory if memory else 0, 0) < at <= reached:
        raise ValueError(f"generation must be one whose model is kept, got {at}")
    try:
        arrays = store.read_arrays(Path(out), found.snapshot)
    except (OSError, ValueError):
        if store.read_progress(Path(out)).snapshot.generation == reached:
            raise
        # A run at work drops files once it has saved again: that is no damage.
        return read_model(out, model, generation)
    return load_model(model, at, arrays)


# --- seeds side by side --------------------------------------------------------------------------


def _seed_folders(out: Path | str | None, tasks: list[Task]) -> list[Path | None]:
    """out/seed-0, ...; the folder itself is made, its parent must exist."""
    folder = store.folder_path(out)
    if folder is None:
        return [None] * len(tasks)
    run_folder.make(folder, **store.refusals(folder))
    return [folder / f"seed-{task.seed}" for task in tasks]


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

    Each seed gives the same bits whatever `workers` is: BLAS has one thread here. The first seed
    that fails ends the others.

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
    """
    tasks = [make_task(loop, model, data, metrics, generations, every, s) for s in seeds]
    if not tasks or len({task.seed for task in tasks}) < len(tasks):
        raise ValueError(f"seeds must be different and at least one, got {list(seeds)}")
    quantiles = checked_levels(levels)  # before hours of work
    many, folders = _threads.processors("workers", workers), _seed_folders(out, tasks)
    runs = [partial(_run_at, task, folder) for task, folder in zip(tasks, folders, strict=True)]
    with _progress(progress) as show:
        curves = (on_processes if processes else on_threads)(runs, many, show)
    return bands(curves, levels=quantiles)
