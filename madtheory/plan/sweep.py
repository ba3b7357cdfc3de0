"""A sweep: one function at every point of a grid, on any executor, restartable.

The folder of a sweep has config.json (function, grid, seed), environment.json (versions), `lock`,
held by the process that sweeps, and `points`, one parquet dataset of the finished points. That
process alone writes: a part of the dataset is there whole or not at all, and holds points that no
other part has. What dies with a killed worker, or with the process itself, is done again.
"""

from __future__ import annotations

import concurrent.futures as cf
import dataclasses
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from madtheory import _check
from madtheory._threads import one_thread, progress_bar
from madtheory.plan import store
from madtheory.plan.grid import Grid, Point, check_arguments, described, points_of, seed_of
from madtheory.plan.store import Row

if TYPE_CHECKING:
    import pandas as pd

#: Seconds between two parts of the dataset, at least, and as a share of the time so far: what a
#: kill can cost, against the number of files.
WRITE_EVERY, WRITE_SHARE = 1.0, 0.01

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Task:
    """A batch of points, as a worker gets it."""

    function: Function
    values: tuple[str, ...]
    seed: int | None
    points: tuple[tuple[int, Point], ...]
    parent: int


def _numbers(result: Any, names: tuple[str, ...]) -> tuple[float, ...]:
    """The named values of a result: of a mapping, of attributes, or the number that it is."""
    if isinstance(result, Mapping):
        found = [result[name] for name in names]
    elif all(hasattr(result, name) for name in names):
        found = [getattr(result, name) for name in names]
    else:
        found = [result]
    if result is None:
        raise TypeError(f"the function must return one number for each of {names}, got None")
    numbers = [np.asarray(x, dtype=np.float64) for x in found]
    if len(numbers) != len(names) or any(x.size != 1 for x in numbers):
        shapes = ", ".join(str(x.shape) for x in numbers)
        raise TypeError(f"the function must return one number for each of {names}, got {shapes}")
    return tuple(float(x.reshape(())) for x in numbers)


def _row(task: Task, index: int, point: Point) -> Row:
    """Call the function at one point; whatever it raises is that point's failure."""
    seed = {} if task.seed is None else {"seed": seed_of(point, task.seed)}
    try:
        return index, _numbers(task.function(**point, **seed), task.values), None
    except (Exception, SystemExit) as error:
        return index, None, _words(error)


def _words(error: BaseException) -> str:
    """One line of what went wrong."""
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return words.encode(errors="backslashreplace").decode()


def run_task(task: Task) -> list[Row]:
    """Call the function at every point of a batch; a process of its own keeps BLAS on one thread.

    In the sweeping process itself that is done for all its threads at once.
    """
    with nullcontext() if os.getpid() == task.parent else one_thread():
        return [_row(task, index, point) for index, point in task.points]


class _Here(cf.Executor):
    """An executor that calls at once, for a sweep without another."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> cf.Future[Any]:
        """Call, and return what is done."""
        future: cf.Future[Any] = cf.Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _settled(task: Task, future: cf.Future[list[Row]]) -> tuple[list[Row], list[Task]]:
    """Rows of a finished batch, and what is to be run again: of a lost one its points alone.

    A point can take its worker with it: it is found by being run alone.
    """
    if future.cancelled():
        raise cf.BrokenExecutor("the executor has given up its work")
    error = future.exception()
    if error is None:
        return future.result(), []
    if isinstance(error, cf.BrokenExecutor):
        raise error
    if len(task.points) > 1:
        return [], [dataclasses.replace(task, points=(one,)) for one in task.points]
    return [(task.points[0][0], None, _words(error))], []


def _has_rows(future: cf.Future[list[Row]]) -> bool:
    return not future.cancelled() and future.exception() is None


def _completed(executor: cf.Executor, tasks: Sequence[Task], pending: int) -> Iterator[list[Row]]:
    """Rows of batches as they end; at most `pending` are with the executor at a time.

    A future is let go with its rows: a cluster that still held it would run it again when the
    worker that has its result dies.
    """
    queue, waiting = deque(tasks), dict[cf.Future[list[Row]], Task]()
    try:
        while queue or waiting:
            while queue and len(waiting) < pending:
                task = queue.popleft()
                waiting[executor.submit(run_task, task)] = task
            ended = cf.wait(waiting, return_when=cf.FIRST_COMPLETED).done
            done = sorted(ended, key=_has_rows)  # first those, as a broken executor ends the sweep
            del ended
            while done:
                future = done.pop()
                rows, again = _settled(waiting.pop(future), future)
                del future
                queue.extend(again)
                yield rows
    finally:
        for future in waiting:
            future.cancel()


def _named(values: Sequence[str]) -> tuple[str, ...]:
    """The names of values; one word is not the list of its letters."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"values must be a list of names, got {values!r}")
    for name in values:
        if not isinstance(name, str):
            raise TypeError(f"values must be a list of names, got {name!r} in it")
    return tuple(values)


@dataclass(slots=True)
class _Writer:
    """Gathers rows and writes a part when one is due; the first, early."""

    kept: store.Dataset
    rows: list[Row] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    written: float = field(default_factory=time.monotonic)

    def add(self, rows: list[Row]) -> None:
        """Take rows; write all that are there if the last part is old enough."""
        self.rows += rows
        now = time.monotonic()
        if now - self.written >= max(WRITE_EVERY, WRITE_SHARE * (now - self.began)):
            self.flush()

    def flush(self) -> None:
        """Write what has been gathered."""
        if self.rows:
            self.kept.write(self.rows)
            self.rows, self.written = [], time.monotonic()


def _batches(
    function: Function,
    values: tuple[str, ...],
    seed: int | None,
    left: list[tuple[int, Point]],
    size: int,
) -> list[Task]:
    """The points left, `size` to a task."""
    starts = range(0, len(left), size)
    parts = (tuple(left[i : i + size]) for i in starts)
    return [Task(function, values, seed, part, os.getpid()) for part in parts]


def run_sweep(
    function: Function,
    grid: Grid,
    *,
    folder: str | Path,
    executor: cf.Executor | None = None,
    values: Sequence[str] = ("value",),
    seed: int | None = None,
    batch: int = 16,
    pending: int = 256,
    retry: bool = False,
    progress: bool = False,
) -> pd.DataFrame:
    """Call `function` at every point of `grid`; finished points are kept in `folder`.

    The same call goes on where an earlier one, of any executor, was stopped or killed, and returns
    at once what is complete. Results do not depend on the executor, its workers or their order.

    Parameters
    ----------
    function : callable
        Called with the arguments of a point by name. Defined by name in a module, or a
        functools.partial of such a one by keywords.
    grid : mapping or iterable of mapping
        See :func:`madtheory.plan.grid.points_of`.
    folder : str or Path
        Made in an existing folder. ``folder/points`` is a parquet dataset at any time.
    executor : concurrent.futures.Executor or None
        Threads, processes, or a cluster: ``dask.distributed.Client(...).get_executor()``. None
        calls one point after the other in this thread.
    values : sequence of str
        Names of the numbers that the function returns: keys of a mapping, attributes (as "value"
        and "rel_error" of an Estimate), or the name of the one number that it returns.
    seed : int or None
        Where given, every point gets an argument `seed` of its own, made from `seed` and the
        point's content.
    batch : int
        Points to a task; tasks under some 20 ms cost a cluster more than they do.
    pending : int
        Tasks that are with the executor at a time.
    retry : bool
        Whether to call again at points that failed in an earlier call.
    progress : bool
        Show a bar on stderr when that is a terminal.

    Returns
    -------
    pandas.DataFrame
        One row a point, in the grid's order: its arguments, `values`, and `error`, null but where
        the function raised, or the point's worker died with it again and again. Such points are
        kept too.

    Raises
    ------
    ValueError
        Also for a folder of another function, grid or seed, and a damaged one.
    concurrent.futures.BrokenExecutor
        Where the executor itself gives up. What was finished is kept.

    Examples
    --------
    >>> import tempfile
    >>> from madtheory.theory.worth import leading_gain
    >>> points = {"n_real": [100], "n_synth": [0, 100]}
    >>> with tempfile.TemporaryDirectory() as home:
    ...     run_sweep(leading_gain, points, folder=home + "/gains")["value"].tolist()
    [1.0, 1.5]
    """
    points, names = points_of(grid), _named(values)
    if not isinstance(executor, cf.Executor | None):
        raise TypeError(f"executor must be one of concurrent.futures or None, got {executor!r}")
    seed = None if seed is None else _check.count("seed", seed, minimum=0)
    batch, pending = _check.count("batch", batch), _check.count("pending", pending)
    told = described(function)
    check_arguments(function, points[0], seeded=seed is not None)
    config = store.config_of(told, points, names, seed)
    with store.opened(Path(folder), config, points, names) as kept, one_thread():
        done = kept.load(retry=retry)
        left = [(i, point) for i, point in enumerate(points) if i not in done]
        tasks = _batches(function, names, seed, left, batch)
        with progress_bar(progress, "sweep") as show:
            _run(kept, tasks, executor, pending, lambda n: show(len(done) + n, len(points)))
        return kept.frame()


def _run(
    kept: store.Dataset,
    tasks: list[Task],
    executor: cf.Executor | None,
    pending: int,
    show: Callable[[int], None],
) -> None:
    """Run tasks and write their rows, also those that an interrupt finds finished."""
    writer, finished = _Writer(kept), 0
    try:
        rows_of = _completed(executor or _Here(), tasks, pending if executor else 1)
        for rows in rows_of:
            writer.add(rows)
            finished += len(rows)
            show(finished)
    finally:
        writer.flush()
